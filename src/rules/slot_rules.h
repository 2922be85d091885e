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

extern const Resource *booking_row_enter_slot(BookingRow *row, const BookingRow *old, Slot *slot);
extern bool booking_judge_slots(Relation heap, const Resource *resource, const Slot *slot,
								BookingRow *row, const BookingRow *old, ItemPointer self, bool *has_room);

#endif							/* BOOKING_SLOT_RULES_H */
