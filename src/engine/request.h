/*-------------------------------------------------------------------------
 *
 * request.h
 *		a booking that a function of ours writes
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_REQUEST_H
#define BOOKING_REQUEST_H

#include "access/htup.h"
#include "utils/relcache.h"
#include "utils/uuid.h"

#include "base/errors.h"
#include "base/plans.h"
#include "engine/guard.h"
#include "engine/row.h"

/* One of several bookings that a statement of ours writes, and the outcome. */
typedef struct RequestedRow
{
	pg_uuid_t	id;
	int			number;			/* among those of the function, and */
	int			entry;			/* of the caller's entry that it belongs to */
	bool		has_slot;
	int64		slot_id;
	int32		quantity;
	Datum		booking;		/* as stored, where rows are given */
	bool		refused;		/* and why: */
	Refusal		refusal;
} RequestedRow;

/* The transaction in the way of a row that is to be written at once or not at all. */
typedef struct InTheWay
{
	bool		busy;
	bool		lapsed;			/* it has locked a hold that has lapsed: this one */
	pg_uuid_t	id;
	GuardPending pending;		/* without a transaction id: not known, or only for a moment */
} InTheWay;

/* One booking that a function of ours writes: the first value is its id. */
typedef struct BookingWrite
{
	Statement	statement;
	Datum	   *values;
	const char *nulls;
	Refusal    *refusal;		/* becomes the reason; NULL: it is not wanted */
	Datum	   *booking;		/* becomes the row as stored; may be NULL */
	MemoryContext context;		/* for both */
	InTheWay   *busy;			/* not NULL: do not wait, and put here what is in the way */
	bool		queues;			/* with it: wait for locks, and only not for transactions to end */
	bool		in_time;		/* it changes a hold that had not lapsed when it was asked for */
	bool		parks;			/* out of the way of others, and not judged (move_all.c) */
	bool		within_limits;	/* its holder's limits have been judged, with the HOLDER lock */
} BookingWrite;

/* They are in the order of their ids. */
typedef struct RequestedRows
{
	RequestedRow *row;
	int			n;
	int			nrefused;
	bool		lost;			/* they are not going to be kept: do not wait */
	bool		each;			/* what is refused does not matter to the others */
	bool		give;			/* each row as stored */
	RequestedRow *last;			/* that was looked for, and found */
	int		   *entry;			/* becomes that of the row that is being judged */
} RequestedRows;

extern bool booking_insert(const BookingWrite *write);
extern bool booking_write(const BookingWrite *write);
extern bool booking_insert_several(Datum *values, const char *nulls, RequestedRows *rows,
								   MemoryContext context);
extern void booking_write_several(Statement statement, Datum *values, RequestedRows *rows,
								  MemoryContext context);
extern RequestedRow *booking_requested_row(const RequestedRows *rows, const pg_uuid_t *id);
extern void booking_row_begins(const BookingRow *row);
extern void booking_row_ends(void);
extern bool booking_row_may_wait(const BookingRow *row, const GuardPending *pending);
extern bool booking_row_may_wait_for_hold(const BookingRow *row, const pg_uuid_t *id);
extern bool booking_row_at_once(const BookingRow *row);
extern bool booking_row_is_in_time(const BookingRow *row);
extern bool booking_row_is_parked(const BookingRow *row);
extern bool booking_row_is_within_limits(const BookingRow *row);
extern int64 booking_asked_of_slot(int64 slot_id);
extern void booking_give_row(const BookingRow *row, Relation heap, HeapTuple tuple);
extern bool booking_row_is_ours_alone(Relation heap);
extern bool booking_asked_for(const BookingRow *row);
extern bool booking_is_one_of_several(const BookingRow *row);
extern bool booking_row_wants_reason(const BookingRow *row);
extern bool booking_row_refuse(const BookingRow *row, const Refusal *refusal);
extern void booking_count_room_refusal(void);
extern uint64 booking_room_refusals(void);

#endif							/* BOOKING_REQUEST_H */
