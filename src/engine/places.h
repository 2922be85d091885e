/*-------------------------------------------------------------------------
 *
 * places.h
 *		the places of slots that a statement takes
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

extern bool booking_places_take(const Slot *slot, int32 quantity, const BookingRow *row, bool wait);
extern void booking_places_stored(struct TriggerData *trigger);
extern void booking_places_settle(void);
extern void booking_places_refusal(const Resource *resource, const Slot *slot, int64 quantity,
								   Refusal *refusal);

#endif							/* BOOKING_PLACES_H */
