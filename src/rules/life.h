/*-------------------------------------------------------------------------
 *
 * life.h
 *		changing a booking under its locks
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_LIFE_H
#define BOOKING_LIFE_H

#include "utils/timestamp.h"

#include "base/errors.h"
#include "base/plans.h"
#include "engine/request.h"
#include "engine/resource.h"
#include "engine/row.h"

/* A booking whose ID and RESOURCE locks we hold, as it is now. */
typedef struct Life
{
	Datum		id;
	BookingRow	row;
	BookingStatus status;
	const Resource *resource;
	TimestampTz now;			/* read after the locks were granted */
	int			tries;			/* how often another transaction was first */
	int			late;			/* attempts undone by a late update, since it was changed last */
	bool		by_row;			/* the row's lock is there instead of the ID lock */
	bool		lapses;			/* a hold that moves: its row is not kept locked (move.c) */
} Life;

extern Datum booking_life_cancel(Datum id, Datum reason);
pg_noreturn extern void booking_no_such_booking(Datum id);
extern void booking_life_begin(Life *life, Datum id);
extern void booking_life_lock_rows(const pg_uuid_t *const *ids, int n);
extern void booking_life_begin_move(Life *life, Datum id);
extern void booking_life_done(const Life *life);
extern bool booking_life_change(Life *life, Statement statement, Datum *values,
								const char *nulls, Datum *booking);
extern bool booking_life_try(Life *life, const BookingWrite *write);
extern void booking_life_look_again(Life *life);
extern void booking_life_must_be_active(const Life *life);

#endif							/* BOOKING_LIFE_H */
