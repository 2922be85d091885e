/*-------------------------------------------------------------------------
 *
 * waitlist.h
 *		serving the waitlist
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_WAITLIST_H
#define BOOKING_WAITLIST_H

#include "utils/rangetypes.h"

#include "engine/places.h"
#include "engine/resource.h"
#include "engine/row.h"

extern int	booking_line_ahead(const Resource *resource, const BookingRow *row);
extern bool booking_line_take_places(const Resource *resource, const PlacesWanted *wanted);
extern void booking_line_statement_done(void);
extern void booking_line_defer(bool defer);
extern bool booking_line_is_deferred(void);
extern void booking_line_serve_deferred(void);
extern void booking_line_serve_lines(void);
extern void booking_line_joined(int64 resource_id, RangeType *period);

#endif							/* BOOKING_WAITLIST_H */
