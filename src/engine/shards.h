/*-------------------------------------------------------------------------
 *
 * shards.h
 *		the rows that the free places of a slot are spread over
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_SHARDS_H
#define BOOKING_SHARDS_H

#include "storage/itemptr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "engine/slots.h"

/* What is free in the shards of a slot. */
typedef struct FreePlaces
{
	int32		shard[MAX_SHARDS];
	ItemPointerData row[MAX_SHARDS];
	int64		total;
} FreePlaces;

extern int64 booking_shards_take(const Slot *slot, int64 need, int64 want, const pg_uuid_t *self);
extern int64 booking_shards_take_at_once(const Slot *slot, int64 need, int64 want);
extern bool booking_shards_give(const Slot *slot, int64 quantity);
extern bool booking_shards_can_give(int64 slot_id);
extern int64 booking_shards_left(const Slot *slot);
extern void booking_shards_look(const Slot *slot, FreePlaces *free);
extern void booking_shards_must_be_counted(const Slot *slot);
extern uint64 booking_shards_lapsed(const Slot *slot, TimestampTz until, int64 limit);

#endif							/* BOOKING_SHARDS_H */
