/*-------------------------------------------------------------------------
 *
 * series.h
 *		which periods does a series consist of
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_SERIES_H
#define BOOKING_SERIES_H

#include "utils/timestamp.h"

#include "base/period.h"
#include "engine/resource.h"

/* More are not made, or listed, by one call. */
#define MOST_OCCURRENCES	10000

typedef struct Occurrence
{
	int64		begins;			/* by the clock of the resource, */
	int64		ends;
	bool		missing;		/* which never shows one of them: */
	int64		jumped_over;	/* this one */
	Period		period;			/* if not missing; else about where it would be */
} Occurrence;

typedef struct Series
{
	pg_tz	   *tz;
	Period		first;
	int64		begins;			/* by the clock */
	int64		length;			/* by the clock */
	Occurrence *occurrence;
	int			n;
	int			size;
} Series;

extern void booking_check_series_first(RangeType *range, Period *first);
extern void booking_check_every(const Interval *every);
extern void booking_check_times(int32 times);
extern void booking_series_begin(Series *series, pg_tz *tz, Period first);
extern void booking_series_every(Series *series, const Interval *every, int32 times);
extern void booking_series_by_rule(Series *series, const char *rule);
extern bool booking_clock_period(pg_tz *tz, Occurrence *occurrence);
extern char *booking_local_text(int64 local);

#endif							/* BOOKING_SERIES_H */
