/*-------------------------------------------------------------------------
 *
 * room.h
 *		is there room for a booking
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
#include "engine/resource.h"
#include "engine/row.h"

extern bool booking_make_room(Relation heap, const Resource *resource, BookingRow *row,
							  ItemPointer self);
extern void booking_seats_in_use(const Resource *resource, RangeType *occupies, bool *taken,
								 bool *unsure, GuardPending *pending);
extern void booking_keep_room(const BookingRow *row);

#endif							/* BOOKING_ROOM_H */
