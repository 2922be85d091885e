/*-------------------------------------------------------------------------
 *
 * room_count.h
 *		how much of a resource stored bookings take
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_ROOM_COUNT_H
#define BOOKING_ROOM_COUNT_H

#include "access/attnum.h"
#include "executor/tuptable.h"
#include "utils/relcache.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "engine/guard.h"
#include "engine/row.h"

/* What the count of rows in the way learns on its way. */
typedef struct Counting
{
	TimestampTz now;
	pg_uuid_t	id;				/* of the booking that wants room */
	AttrNumber	id_column;		/* where the table has these */
	AttrNumber	seat_column;
	AttrNumber	expires_column;
	AttrNumber	quantity_column;
	Datum	   *lapsed;			/* ids of holds that have lapsed: they take no space, but
								 * have to be marked expired */
	int			nlapsed;
} Counting;

extern Counting booking_start_count(const BookingRow *row);
extern int64 booking_units_taken(TupleTableSlot *slot, bool pending, void *arg);
extern void booking_claim_id(Relation heap, const pg_uuid_t *id);
extern void booking_tally_large_pool(const GuardPlace *place, const GuardLoad *load, GuardRows *rows, GuardPending *pending);

#endif							/* BOOKING_ROOM_COUNT_H */
