/*-------------------------------------------------------------------------
 *
 * free.h
 *		sets of periods, and what two of them have in common (no SQL)
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_FREE_H
#define BOOKING_FREE_H

#include "base/period.h"
#include "engine/peak.h"

typedef struct Periods
{
	Period	   *period;
	int			n;
	int			size;
} Periods;

extern void booking_periods_add(Periods *periods, Period period);
extern void booking_periods_maximal(Periods *periods);
extern void booking_periods_meet(const Periods *a, const Periods *disjoint, Periods *both);
extern void booking_periods_without(const Periods *disjoint, const Period *holes, int n,
									Periods *rest);
extern void booking_gaps(const PeakItem *items, int n, Period window, int64 limit,
						 Periods *gaps);

#endif							/* BOOKING_FREE_H */
