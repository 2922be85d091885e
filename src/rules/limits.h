/*-------------------------------------------------------------------------
 *
 * limits.h
 *		how much one holder may book
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_LIMITS_H
#define BOOKING_LIMITS_H

#include "base/errors.h"
#include "engine/resource.h"
#include "engine/row.h"

extern void booking_limits_lock(const Resource *resource, const BookingRow *row);
extern bool booking_within_limits(const Resource *resource, const BookingRow *row,
								  const BookingRow *old);
extern int	booking_limits_exceeded(const Resource *resource, const BookingRow *row,
									Refusal *refusals);

#endif							/* BOOKING_LIMITS_H */
