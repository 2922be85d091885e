/*-------------------------------------------------------------------------
 *
 * closure.h
 *		no booking into a closure, no closure over bookings
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_CLOSURE_H
#define BOOKING_CLOSURE_H

#include "utils/timestamp.h"

#include "engine/resource.h"
#include "engine/row.h"

extern bool booking_not_closed(const Resource *resource, const BookingRow *row,
							   const BookingRow *old);
extern TimestampTz booking_next_open(const Resource *resource, TimestampTz at, int64 length);
extern void booking_load_closures(Resource *resource, MemoryContext context);

#endif							/* BOOKING_CLOSURE_H */
