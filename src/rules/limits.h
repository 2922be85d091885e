/*-------------------------------------------------------------------------
 *
 * limits.h
 *		how much one holder may book
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_LIMITS_H
#define BOOKING_LIMITS_H

#include "engine/resource.h"
#include "engine/row.h"

extern bool booking_within_limits(const Resource *resource, const BookingRow *row,
								  const BookingRow *old);

#endif							/* BOOKING_LIMITS_H */
