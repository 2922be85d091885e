/*-------------------------------------------------------------------------
 *
 * shards.h
 *		the rows that the free places of a slot are spread over
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_SHARDS_H
#define BOOKING_SHARDS_H

#include "access/htup.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/compat.h"
#include "engine/slots.h"

/* What is free in the shards of a slot. */
typedef struct FreePlaces
{
	int32		shard[MAX_SHARDS];
	int64		total;
	bool		counted;		/* the last of them is there */
} FreePlaces;

/* The row of a shard, and the transaction that has written it or is writing it. */
typedef struct ShardRow
{
	int32		free;
	TransactionId xmin;
	TransactionId xmax;
	HeapTuple	row;			/* all of it, for booking_shards_write() */
} ShardRow;

/* Where things are in slot_places. */
typedef struct PlacesTable
{
	Oid			relid;			/* hash key: must be first */
	Oid			index_id;		/* of the primary key (slot_id, shard); or invalid */
	AttrNumber	shard;
	AttrNumber	free;
	bool		direct;			/* an UPDATE would do nothing that we do not do ourselves */
} PlacesTable;

extern int64 booking_shards_take(const Slot *slot, const Slot *from, int64 need, int64 want,
								 const pg_uuid_t *self);
extern int64 booking_shards_take_at_once(const Slot *slot, const Slot *from, int64 need, int64 want);
extern int64 booking_shards_await_turn(const Slot *slot, int32 quantity, bool *locked);
extern int	booking_shards_prepare_to_give(const Slot *slot);
extern bool booking_shards_give(const Slot *slot, int64 quantity);
extern bool booking_shards_can_give(int64 slot_id);
extern int64 booking_shards_left(const Slot *slot);
extern void booking_shards_look(const Slot *slot, FreePlaces *free);
extern bool booking_shards_count(const Slot *slot, TimestampTz now, int64 *left);
extern void booking_shards_must_be_counted(const Slot *slot, const FreePlaces *free);
extern Relation booking_shards_open(LOCKMODE mode, PlacesTable *places);
extern bool booking_shards_read(const Slot *slot, int shard, ShardRow *found);
extern void booking_shards_write(const Slot *slot, int shard, const ShardRow *row, int64 free);
extern int	booking_shards_lapsed(const Slot *slot, TimestampTz until, int limit, Datum *ids,
								  TimestampTz *first);
pg_noreturn extern void booking_shards_not_counted(const Slot *slot);

#endif							/* BOOKING_SHARDS_H */
