/*-------------------------------------------------------------------------
 *
 * visible.h
 *		may the caller know of a resource?
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_VISIBLE_H
#define BOOKING_VISIBLE_H

#include "engine/resource.h"

extern const Resource *booking_use_visible(const char *name, int64 resource_id);
extern void booking_must_see(int64 resource_id);
extern void booking_must_see_named(int64 resource_id, const char *name);
extern void booking_must_see_slot(int64 resource_id, int64 slot_id);

#endif							/* BOOKING_VISIBLE_H */
