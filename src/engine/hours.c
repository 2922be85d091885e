/*-------------------------------------------------------------------------
 *
 * hours.c
 *		When is something open, by its local clock?
 *
 * Plain C over instants, dates and times of day: no SQL, no catalogs.  The clock's
 * jumps are the time zone library's.
 *
 * An opening span belongs to a date and reaches from one time of that day to a later
 * one, of the same day or the next.  The spans of a date are those written for the date
 * itself, or else those of its weekday.  Something is open through a period when the
 * spans, those that touch joined, cover it.
 *
 * What a time of day means where the clock jumps: the first instant at which the clock
 * shows it or, having jumped, something later.  So
 *
 *	- a time that comes twice (the hour when summer time ends) means the first one;
 *	- a time that never comes (02:30 when summer time begins) falls on the jump itself:
 *	  a span that ends at 02:30 has ended when the clock shows 03:00, one that begins at 02:30
 *	  has begun then, and one wholly in the gap is never open;
 *	- 00:00 to 24:00 is the whole day, of 23, 24 or 25 hours, and touches the next.
 *
 * A later local time never means an earlier instant, so spans in the order of their dates and
 * times are in the order of their instants.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgtime.h"
#include "utils/datetime.h"

#include "base/compat.h"
#include "base/period.h"
#include "engine/hours.h"

/* Between the epochs of the time zone library and of timestamps. */
#define EPOCH_SECS	((pg_time_t) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

/* How far to look for the next opening. */
#define LOOK_AHEAD_DAYS	370

/* The opening spans from some date on, one after the other. */
typedef struct Walk
{
	const Hours *hours;
	pg_tz	   *tz;
	int32		date;
	const OpenSpan *span;		/* the next one of this date, */
	int			left;			/* and how many there are */
} Walk;

static int64 floor_divide(int64 a, int64 b);
static pg_time_t seconds(int64 timestamp);
static void start_walk(Walk *walk, const Hours *hours, pg_tz *tz, TimestampTz at);
static Period next_span(Walk *walk);
static int	weekday_of(int32 date);

static int64
floor_divide(int64 a, int64 b)
{
	return a / b - (a % b < 0 ? 1 : 0);
}

/* A timestamp as the time zone library counts, without its fraction of a second. */
static pg_time_t
seconds(int64 timestamp)
{
	return floor_divide(timestamp, USECS_PER_SEC) + EPOCH_SECS;
}

/*
 * What the local clock shows at an instant, in microseconds since 2000-01-01 00:00 of that
 * clock.
 */
int64
booking_local_time(pg_tz *tz, TimestampTz at)
{
	pg_time_t	time = seconds(at);
	struct pg_tm *tm = pg_localtime(&time, tz);

	if (tm == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return at + tm->tm_gmtoff * USECS_PER_SEC;
}

/* The local date, in days since 2000-01-01. */
int32
booking_local_date(pg_tz *tz, TimestampTz at)
{
	return (int32) floor_divide(booking_local_time(tz, at), USECS_PER_DAY);
}

/*
 * The first instant at which the local clock shows a time or, when it jumps over it, the instant
 * of the jump.
 *
 * Between two jumps the clock runs at a fixed offset.  Start where it certainly shows
 * less, eight days earlier in UTC (a time zone that a user has defined may be a week away), and
 * go from jump to jump.
 */
TimestampTz
booking_local_instant(pg_tz *tz, int64 local)
{
	int64		fraction = local - floor_divide(local, USECS_PER_SEC) * USECS_PER_SEC;
	pg_time_t	from = seconds(local) - 8 * SECS_PER_DAY;

	for (;;)
	{
		long int	offset,
					next_offset;
		int			unused;
		pg_time_t	jump;
		pg_time_t	shown;
		int			found = pg_next_dst_boundary(&from, &offset, &unused, &jump,
												 &next_offset, &unused, tz);

		if (found < 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
					 errmsg("timestamp out of range")));

		/* When a clock with this offset shows it. */
		shown = seconds(local) - offset;
		if (shown < from)
			return (from - EPOCH_SECS) * USECS_PER_SEC;
		if (found == 0 || shown < jump)
			return (shown - EPOCH_SECS) * USECS_PER_SEC + fraction;
		from = jump;
	}
}

/* The first instant after another at which the clock may jump; DT_NOEND if it never does again. */
TimestampTz
booking_next_jump(pg_tz *tz, TimestampTz at)
{
	pg_time_t	from = seconds(at);
	long int	offset;
	int			unused;
	pg_time_t	jump;
	int			found = pg_next_dst_boundary(&from, &offset, &unused, &jump, &offset, &unused, tz);

	return found > 0 ? (jump - EPOCH_SECS) * USECS_PER_SEC : DT_NOEND;
}

/* ISO: 1 is Monday.  2000-01-01 was a Saturday. */
static int
weekday_of(int32 date)
{
	int			n = (date + 5) % 7;

	return (n < 0 ? n + 7 : n) + 1;
}

/*
 * The local day, week or month that an instant belongs to: from the first time that the clock
 * shows its first midnight to that of the next one's.  A clock that is set back across midnight
 * shows the date of the day before once more: what begins then belongs to the day that has
 * begun, so that each instant is in one day.
 */
Period
booking_calendar_period(pg_tz *tz, TimestampTz at, CalendarUnit unit)
{
	int32		date = booking_local_date(tz, at);
	int32		first;
	int32		next;

	while (booking_local_instant(tz, (date + 1) * USECS_PER_DAY) <= at)
		date++;
	first = date;
	next = date + 1;
	if (unit == CALENDAR_WEEK)
	{
		first = date - (weekday_of(date) - 1);
		next = first + 7;
	}
	else if (unit == CALENDAR_MONTH)
	{
		int			year,
					month,
					day;

		j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
		first = date - (day - 1);
		next = (month == 12 ? date2j(year + 1, 1, 1) : date2j(year, month + 1, 1)) -
			POSTGRES_EPOCH_JDATE;
	}
	return (Period) {booking_local_instant(tz, first * USECS_PER_DAY),
		booking_local_instant(tz, next * USECS_PER_DAY)};
}

/*
 * The opening spans of a date: its own, or those of its weekday.  A date that is closed
 * has none.
 */
const OpenSpan *
booking_spans_of_date(const Hours *hours, int32 date, int *n)
{
	const OpenSpan *spans = hours->dated;
	int			low = 0,
				high = hours->ndated;
	int32		day = date;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (hours->dated[middle].day < date)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == hours->ndated || hours->dated[low].day != date)
	{
		spans = hours->weekly;
		day = weekday_of(date);
		for (low = 0; low < hours->nweekly && spans[low].day < day; low++)
			;
		high = hours->nweekly;
	}
	else
		high = hours->ndated;

	*n = 0;
	while (low + *n < high && spans[low + *n].day == day && !spans[low + *n].closed)
		(*n)++;
	return &spans[low];
}

/* Begin early enough for every span that may reach beyond an instant. */
static void
start_walk(Walk *walk, const Hours *hours, pg_tz *tz, TimestampTz at)
{
	walk->hours = hours;
	walk->tz = tz;
	walk->date = booking_local_date(tz, at) - 3;
	walk->left = 0;
}

/* The next span, which may be empty: a day without any gives an empty one at its end. */
static Period
next_span(Walk *walk)
{
	const OpenSpan *span;
	int64		midnight;

	CHECK_FOR_INTERRUPTS();
	if (walk->left == 0)
	{
		TimestampTz at;

		walk->date++;
		walk->span = booking_spans_of_date(walk->hours, walk->date, &walk->left);
		if (walk->left == 0)
		{
			at = booking_local_instant(walk->tz, (walk->date + 1) * USECS_PER_DAY);
			return (Period) {at, at};
		}
	}
	span = walk->span++;
	walk->left--;
	midnight = walk->date * USECS_PER_DAY;
	return (Period) {booking_local_instant(walk->tz, midnight + span->opens),
		booking_local_instant(walk->tz, midnight + span->closes)};
}

/*
 * The stretches of a period, which has an end, in which it is open, spans that touch
 * joined.
 */
void
booking_visit_openings(const Hours *hours, pg_tz *tz, Period within, OpenVisit visit, void *arg)
{
	Period		open = {within.from, within.from};
	Walk		walk;

	start_walk(&walk, hours, tz, within.from);
	for (;;)
	{
		Period		span = next_span(&walk);

		/* In the order of their beginnings: whatever comes later begins later. */
		if (span.from > open.to || span.from >= within.to)
		{
			if (open.to > open.from && !visit(open, arg))
				return;
			if (span.from >= within.to)
				return;
			open.from = span.from;
		}
		open.to = Max(open.to, Min(span.to, within.to));
	}
}

/* Is it open from beginning to end? */
bool
booking_open_through(const Hours *hours, pg_tz *tz, Period period)
{
	TimestampTz open_until = period.from;
	Walk		walk;

	if (period.to == DT_NOEND)
		return false;

	start_walk(&walk, hours, tz, period.from);
	while (open_until < period.to)
	{
		Period		span = next_span(&walk);

		if (span.from > open_until)
			return false;
		open_until = Max(open_until, span.to);
	}
	return true;
}

/*
 * The first instant, from "at" on, at which it is open and stays so for a length of
 * time; DT_NOEND when there is none within a year.
 */
TimestampTz
booking_next_opening(const Hours *hours, pg_tz *tz, TimestampTz at, int64 length)
{
	int32		last = booking_local_date(tz, at) + LOOK_AHEAD_DAYS;
	Period		open = {at, at};
	Walk		walk;

	start_walk(&walk, hours, tz, at);
	while (walk.date <= last)
	{
		Period		span = next_span(&walk);

		if (span.to <= open.to)
			continue;
		if (span.from > open.to)
			open.from = span.from;
		open.to = span.to;
		if (open.to - open.from >= length)
			return open.from;
	}
	return DT_NOEND;
}
