/*-------------------------------------------------------------------------
 *
 * period.h
 *		periods as users write them
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_PERIOD_H
#define BOOKING_PERIOD_H

#include "utils/rangetypes.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

/*
 * The longest interval that a rule or an entry may have; the constraints of the tables say so
 * too.
 */
#define MOST_YEARS	1000

/* A period as two instants; an open end is DT_NOEND. */
typedef struct Period
{
	TimestampTz from;
	TimestampTz to;
} Period;

extern TypeCacheEntry *booking_range_type(Oid rangetype);
extern bool booking_period_is_sound(RangeType *range, Period *period);
extern void booking_check_period(RangeType *range, Period *period);
extern Period booking_period(RangeType *range);
extern RangeType *booking_make_range(Period period);
extern int64 booking_interval_length(const Interval *span);
extern TimestampTz booking_shift(TimestampTz at, int64 length);
extern Period booking_widen(Period period, int64 before, int64 after);
extern int64 booking_length(Period period);
extern Period booking_widen_within(Period period, int64 before, int64 after);
extern char *booking_period_text(RangeType *range);
extern char *booking_instant_text(TimestampTz at);
extern char *booking_length_text(int64 length);

#endif							/* BOOKING_PERIOD_H */
