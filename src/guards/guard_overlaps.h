/*-------------------------------------------------------------------------
 *
 * guard_overlaps.h
 *		Rows of a table, and the rows of another that they overlap.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_GUARD_OVERLAPS_H
#define BOOKING_GUARD_OVERLAPS_H

#include "utils/relcache.h"
#include "utils/snapshot.h"

#include "guards/guard_definition.h"

typedef void (*OverlapVisit) (void *arg, const char *key, const char *row, const char *blocked,
							  const char *blocking);

typedef struct Overlaps
{
	Relation	rel;			/* the guarded table */
	const Definition *definition;
	Relation	other;			/* the blocking one */
	const Definition *other_definition;
	OverlapVisit visit;
	void	   *arg;
} Overlaps;

extern void booking_visit_overlaps(const Overlaps *overlaps, Snapshot snapshot);

#endif							/* BOOKING_GUARD_OVERLAPS_H */
