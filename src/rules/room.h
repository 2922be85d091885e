/*-------------------------------------------------------------------------
 *
 * room.h
 *		is there room for a booking, and if not, what would fit
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_ROOM_H
#define BOOKING_ROOM_H

#include "storage/itemptr.h"
#include "utils/rangetypes.h"
#include "utils/relcache.h"
#include "utils/timestamp.h"

#include "engine/guard.h"
#include "base/gates.h"
#include "engine/resource.h"
#include "engine/row.h"

extern bool booking_make_room(Relation heap, const Resource *resource, BookingRow *row,
							  ItemPointer self);
extern const GuardIndex *booking_room_index(Relation heap, ResourceKind kind);
extern const GuardIndex *booking_constraint_index(Relation heap);
extern GateWanted booking_room_gate(const BookingRow *row);
extern bool booking_no_room(const Resource *resource, RangeType *range, const Seat *seat,
							int32 quantity, uint32 refusals);
extern GuardAnswer booking_look_for_room(const Resource *resource, RangeType *range, const Seat *seat,
										 int32 quantity, GuardPending *pending);
extern void booking_seats_in_use(const Resource *resource, RangeType *occupies, bool *taken,
								 bool *unsure, GuardPending *pending);
extern void booking_keep_room(const BookingRow *row);

#endif							/* BOOKING_ROOM_H */
