/*-------------------------------------------------------------------------
 *
 * slots.h
 *		the slot as this backend remembers it
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_SLOTS_H
#define BOOKING_SLOTS_H

#include "utils/rangetypes.h"
#include "utils/timestamp.h"

#include "base/columns.h"
#include "base/compat.h"
#include "base/period.h"
#include "engine/resource.h"

/* The highest number of rows that the free places of one slot are spread over. */
#define MAX_SHARDS		256

/*
 * Columns of booking.slot, in the order of the install script.  Where the table really has
 * them is found by their names (columns.c).
 */
typedef enum SlotColumn
{
	SLOT_ID = 1,
	SLOT_RESOURCE_ID,
	SLOT_PERIOD,
	SLOT_CAPACITY,
	SLOT_CLOSED,
	SLOT_DATA,
	SLOT_OCCUPIES,
	SLOT_NCOLUMNS = SLOT_OCCUPIES
} SlotColumn;

extern const Column booking_slot_columns[];

typedef struct Slot
{
	int64		id;				/* hash key: must be first */
	int64		resource_id;
	Period		period;
	int32		capacity;
	bool		closed;
	bool		takes_resource; /* several places, and not on a pool; or one that has
								 * its time for itself (publish.c) */
	Period		occupies;		/* if it does */
	int			nshards;		/* rows in slot_places */
	int			shard;			/* where to try first; -1: look at all of them, there was
								 * not enough the last time */
	uint64		sold_out;		/* when we saw that nothing was left, by the clock of
								 * cache.c; 0: never */
	TimestampTz sold_out_until; /* its first hold lapses */
} Slot;

extern Slot booking_use_slot(int64 slot_id, const Resource **resource);
extern Slot booking_peek_slot(int64 slot_id, const Resource **resource);
extern Slot *booking_remembered_slot(int64 slot_id);
extern int	booking_shards_for(int32 capacity);
extern int64 *booking_find_slots(const Resource *resource, RangeType *period, int *n);
pg_noreturn extern void booking_no_such_slot_id(int64 slot_id);
pg_noreturn extern void booking_no_such_slot(const Resource *resource, RangeType *period);

#endif							/* BOOKING_SLOTS_H */
