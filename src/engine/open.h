/*-------------------------------------------------------------------------
 *
 * open.h
 *		when a resource is open
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_OPEN_H
#define BOOKING_OPEN_H

#include "utils/timestamp.h"

#include "base/period.h"
#include "engine/resource.h"

extern bool booking_find_closure(const Resource *resource, Period period, Closure *found);
extern Closure *booking_closures_in(const Resource *resource, Period period, int most, int *n);
extern TimestampTz booking_next_open(const Resource *resource, TimestampTz at, int64 length);

#endif							/* BOOKING_OPEN_H */
