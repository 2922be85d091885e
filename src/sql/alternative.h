/*-------------------------------------------------------------------------
 *
 * alternative.h
 *		when, near a time that cannot be booked, could the same be booked
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_ALTERNATIVE_H
#define BOOKING_ALTERNATIVE_H

#include "rules/availability.h"

/* So far before and after. */
#define ALTERNATIVE_DAYS	7

extern bool booking_nearest_alternative(const Resource *resource, Period wanted, const Asker *asker,
										Period *near);

#endif							/* BOOKING_ALTERNATIVE_H */
