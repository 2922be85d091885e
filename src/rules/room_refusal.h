/*-------------------------------------------------------------------------
 *
 * room_refusal.h
 *		what is in the way of a booking that has no room
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_ROOM_REFUSAL_H
#define BOOKING_ROOM_REFUSAL_H

#include "base/errors.h"
#include "engine/claim.h"
#include "engine/resource.h"
#include "engine/row.h"

extern void booking_explain_room(const Resource *resource, const BookingRow *row,
								 const RoomRequest *request, Refusal *refusal);

#endif							/* BOOKING_ROOM_REFUSAL_H */
