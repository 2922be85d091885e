/*-------------------------------------------------------------------------
 *
 * places.h
 *		the free places of a slot
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_PLACES_H
#define BOOKING_PLACES_H

#include "commands/trigger.h"

#include "base/errors.h"
#include "engine/resource.h"
#include "engine/row.h"
#include "engine/slots.h"

/* The highest number of rows that the free places of one slot are spread over. */
#define MAX_SHARDS		256

extern bool booking_places_take(const Slot *slot, int32 quantity, const BookingRow *row, bool wait);
extern void booking_places_stored(struct TriggerData *trigger);
extern void booking_places_settle(void);
extern bool booking_places_can_give(int64 slot_id);
extern bool booking_places_sold_out(const Slot *slot, int32 quantity);
extern int64 booking_places_left(const Slot *slot);
extern void booking_places_refusal(const Resource *resource, const Slot *slot, int64 quantity,
								   Refusal *refusal);
extern int	booking_places_shards(int32 capacity);

#endif							/* BOOKING_PLACES_H */
