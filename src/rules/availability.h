/*-------------------------------------------------------------------------
 *
 * availability.h
 *		when can a resource be booked, by all the rules that a booking has to keep?
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_AVAILABILITY_H
#define BOOKING_AVAILABILITY_H

#include "base/errors.h"
#include "engine/free.h"
#include "engine/resource.h"
#include "engine/slots.h"
#include "rules/look.h"

/* A possible booking.  Without a holder, it comes after every entry of the line. */
typedef struct Asker
{
	text	   *holder;			/* or NULL */
	int64		quantity;
	const Seat *seat;			/* or NULL: any */
} Asker;

/* The slots of a resource, as they are stored. */
typedef struct SlotList
{
	Slot	   *slot;
	int			n;
} SlotList;

extern void booking_available(const Resource *resource, Period within, const Asker *asker,
							  Periods *free, Taken *taken);
extern TimestampTz booking_latest_start(const Resource *resource);
extern bool booking_rules_allow(const Resource *resource, Period period, int rules);
extern void booking_open_periods(const Resource *resource, Period within, Periods *open);
extern void booking_look_behind_line(const Resource *resource, Period window, const Asker *asker,
									 Taken *taken);
extern int	booking_limits_of_asker(const Resource *resource, int64 slot_id, Period period,
									const Asker *asker, Refusal *refusals);
extern int64 booking_left(const Resource *resource, Period period);
extern int64 booking_left_in_slot(const Resource *resource, const Slot *slot);
extern int64 booking_places_behind_line(const Resource *resource, const Slot *slot,
										const text *holder);
extern void booking_slots_between(const Resource *resource, Period starts, SlotList *slots);
extern void booking_slots_touching(const Resource *resource, Period window, SlotList *slots);
extern void booking_slots_at(const Resource *resource, Period period, SlotList *slots);

#endif							/* BOOKING_AVAILABILITY_H */
