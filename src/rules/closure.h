/*-------------------------------------------------------------------------
 *
 * closure.h
 *		no booking into a closure, no closure over bookings
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_CLOSURE_H
#define BOOKING_CLOSURE_H

#include "engine/resource.h"
#include "engine/row.h"

extern bool booking_not_closed(const Resource *resource, const BookingRow *row,
							   const BookingRow *old);

#endif							/* BOOKING_CLOSURE_H */
