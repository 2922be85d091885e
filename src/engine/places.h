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

/* What a row takes of the places of a slot. */
typedef struct PlacesWanted
{
	const Slot *slot;
	const Slot *from;			/* another that the booking leaves, or NULL */
	int			way_back;		/* a lock in that with which it can be left; -1: none yet */
	int32		quantity;
	const BookingRow *row;
	const BookingRow *old;		/* that it replaces, or NULL */
} PlacesWanted;

extern int64 booking_places_in_hand(const Slot *slot);
extern bool booking_places_take(const PlacesWanted *wanted, bool wait);
extern void booking_places_stored(struct TriggerData *trigger);
extern void booking_places_settle(void);
extern void booking_places_refusal(const Resource *resource, const Slot *slot, int64 quantity,
								   Refusal *refusal);

#endif							/* BOOKING_PLACES_H */
