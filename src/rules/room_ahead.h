/*-------------------------------------------------------------------------
 *
 * room_ahead.h
 *		a look for room before a row is on its way
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_ROOM_AHEAD_H
#define BOOKING_ROOM_AHEAD_H

#include "utils/rangetypes.h"

#include "engine/claim.h"
#include "engine/guard.h"
#include "engine/resource.h"
#include "engine/row.h"

extern bool booking_no_room(const Resource *resource, RangeType *range, const Seat *seat,
							int32 quantity, uint32 refusals);
extern GuardAnswer booking_look_for_room(const Resource *resource, RangeType *range, const Seat *seat,
										 int32 quantity, GuardPending *pending);
extern bool booking_was_looked_for(const BookingRow *row, const Claim *claim);

#endif							/* BOOKING_ROOM_AHEAD_H */
