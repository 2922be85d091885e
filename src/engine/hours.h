/*-------------------------------------------------------------------------
 *
 * hours.h
 *		when is something open, by its local clock (no SQL)
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_HOURS_H
#define BOOKING_HOURS_H

#include "pgtime.h"
#include "utils/timestamp.h"

#include "base/period.h"

/* From one time of a day to another, in microseconds after its midnight. */
typedef struct OpenSpan
{
	int32		day;			/* ISO weekday, or date as days since 2000-01-01 */
	bool		closed;			/* a date without opening times */
	int64		opens;
	int64		closes;			/* later than "opens"; beyond 24:00 is the next day */
} OpenSpan;

/* Both in the order of day and time, and a date's "closed" first. */
typedef struct Hours
{
	int			nweekly;
	OpenSpan   *weekly;
	int			ndated;
	OpenSpan   *dated;
} Hours;

typedef enum CalendarUnit
{
	CALENDAR_DAY,
	CALENDAR_WEEK,
	CALENDAR_MONTH
} CalendarUnit;

extern int64 booking_local_time(pg_tz *tz, TimestampTz at);
extern int32 booking_local_date(pg_tz *tz, TimestampTz at);
extern TimestampTz booking_local_instant(pg_tz *tz, int64 local);
extern TimestampTz booking_next_jump(pg_tz *tz, TimestampTz at);
extern Period booking_calendar_period(pg_tz *tz, TimestampTz at, CalendarUnit unit);
extern const OpenSpan *booking_spans_of_date(const Hours *hours, int32 date, int *n);
/* Told of a stretch of time in which it is open; false: no more of them. */
typedef bool (*OpenVisit) (Period open, void *arg);

extern void booking_visit_openings(const Hours *hours, pg_tz *tz, Period within,
								   OpenVisit visit, void *arg);
extern bool booking_open_through(const Hours *hours, pg_tz *tz, Period period);
extern TimestampTz booking_next_opening(const Hours *hours, pg_tz *tz, TimestampTz at,
										int64 length);

#endif							/* BOOKING_HOURS_H */
