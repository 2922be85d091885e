/*-------------------------------------------------------------------------
 *
 * room_place.h
 *		in which index a booking's room is, and which gate guards it
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_ROOM_PLACE_H
#define BOOKING_ROOM_PLACE_H

#include "utils/relcache.h"

#include "base/gates.h"
#include "base/period.h"
#include "engine/guard.h"
#include "engine/resource.h"
#include "engine/row.h"

extern const GuardIndex *booking_constraint_index(Relation heap);
extern const GuardIndex *booking_room_index(Relation heap, ResourceKind kind);
extern GuardPlace booking_room_place(Relation heap, const Resource *resource);
extern GateWanted booking_room_gate(const BookingRow *row);
extern GateWanted booking_gate_of_room(int64 resource_id, int32 seat_no, Period occupies);
extern int	booking_telling_column(const Resource *resource, int32 seat_no);

#endif							/* BOOKING_ROOM_PLACE_H */
