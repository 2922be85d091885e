/*-------------------------------------------------------------------------
 *
 * slot_rules.h
 *		bookings in a published slot, and beside one
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_SLOT_RULES_H
#define BOOKING_SLOT_RULES_H

#include "storage/itemptr.h"
#include "utils/relcache.h"

#include "engine/resource.h"
#include "engine/row.h"
#include "engine/slots.h"

/* A row of booking.booking on its way into the table. */
typedef struct RowChange
{
	Relation	heap;
	BookingRow *row;			/* as it is to be stored */
	const BookingRow *old;		/* that it replaces, or NULL */
	ItemPointer self;			/* where the old row stands, or NULL */
	const Resource *resource;
	const Slot *slot;			/* or NULL */
	const Slot *from;			/* another that it leaves, or NULL */
	int			way_back;		/* a lock in that with which it can be left; -1: none yet */
	bool		has_room;		/* found already: we are inside the gate */
} RowChange;

extern const Resource *booking_row_enter_slot(BookingRow *row, const BookingRow *old, Slot *slot);
extern bool booking_judge_slots(RowChange *change);

#endif							/* BOOKING_SLOT_RULES_H */
