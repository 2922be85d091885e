/*-------------------------------------------------------------------------
 *
 * series.c
 *		Which periods does a series consist of?
 *
 * A series goes by the clock of its resource: what is at 09:00 stays at 09:00 when summer time
 * begins or ends, and so does its end.  Each occurrence is computed from the first one and not
 * from the one before: the last of January, a month later, is the last of February, and two
 * months later the 31st of March again.
 *
 * A local time that the clock jumps over is not moved: such an occurrence has a number and no
 * period.  (RFC 5545 would pass over it, and COUNT would not count it.  Here the caller is
 * told.)  A local time that comes twice means the first one, except in the period that the
 * caller has given, which is taken as it is.
 *
 * Days, months and years of an interval are those of the calendar; hours and less are a length of
 * time, added to the instants.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"

#include "base/compat.h"
#include "engine/hours.h"
#include "engine/recur.h"
#include "rules/series.h"

#define YEARS(n)	((n) * INT64CONST(366) * USECS_PER_DAY)

static void add_occurrence(Series *series, int64 begins, int64 shift);
static bool clock_shows(pg_tz *tz, int64 local, TimestampTz *at);
pg_noreturn static void rule_is_wrong(const char *part, const char *problem, const char *hint);

/* ---- arguments ---- */

void
booking_check_series_first(RangeType *range, Period *first)
{
	booking_check_period(range, first);
	if (first->to == DT_NOEND)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("first must have an end"),
				 errdetail("It is %s.", booking_period_text(range))));
	if (first->to - first->from > YEARS(MOST_YEARS))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("first must not be longer than %d years", MOST_YEARS),
				 errdetail("It is %s.", booking_period_text(range))));
}

void
booking_check_every(const Interval *every)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(every)));

	if (every->month < 0 || every->day < 0 || every->time < 0 ||
		(every->month == 0 && every->day == 0 && every->time == 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("every must be longer than zero"),
				 errdetail("It is %s.", text),
				 errhint("For example: '1 day', '2 weeks', '1 month'.")));
	if (every->month > MOST_YEARS * 12 || every->day > MOST_YEARS * 366 || every->time > YEARS(MOST_YEARS))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("every must not be longer than %d years", MOST_YEARS),
				 errdetail("It is %s.", text)));
}

void
booking_check_times(int32 times)
{
	if (times <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("times must be 1 or more"),
				 errdetail("It is %d.", times)));
	if (times > MOST_OCCURRENCES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("times must be %d or fewer", MOST_OCCURRENCES),
				 errdetail("It is %d.", times)));
}

/* ---- the clock ---- */

/*
 * The first instant at which the clock shows it; false if it never does, and about when it
 * would.
 */
static bool
clock_shows(pg_tz *tz, int64 local, TimestampTz *at)
{
	*at = booking_local_instant(tz, local);
	return booking_local_time(tz, *at) == local;
}

/* Fill in the period of an occurrence.  False when the clock jumps over where it begins or ends. */
bool
booking_clock_period(pg_tz *tz, Occurrence *occurrence)
{
	bool		begins = clock_shows(tz, occurrence->begins, &occurrence->period.from);
	bool		ends = clock_shows(tz, occurrence->ends, &occurrence->period.to);

	occurrence->missing = !begins || !ends;
	occurrence->jumped_over = begins ? occurrence->ends : occurrence->begins;

	/* For a caller that looks for something near it. */
	if (occurrence->missing)
		occurrence->period.to = booking_shift(occurrence->period.from, occurrence->ends - occurrence->begins);
	return !occurrence->missing;
}

char *
booking_local_text(int64 local)
{
	return DatumGetCString(DirectFunctionCall1(timestamp_out, TimestampGetDatum(local)));
}

/*
 * A series that begins with a period.  The calendar has to go on for as long as a series may, and
 * local times count from its first year.
 */
void
booking_series_begin(Series *series, pg_tz *tz, Period first)
{
	int64		year_one = (int64) (date2j(1, 1, 1) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;

	*series = (Series) {.tz = tz,.first = first};
	if (first.from < year_one + USECS_PER_DAY || first.to > END_TIMESTAMP - YEARS(2 * MOST_YEARS))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("a series cannot begin then"),
				 errdetail("It would begin with %s.", booking_period_text(booking_make_range(first)))));
	series->begins = booking_local_time(tz, first.from);
	series->length = booking_local_time(tz, first.to) - series->begins;

	/* Across the end of summer time the clock may show an earlier time at the end. */
	if (series->length <= 0)
		series->length = first.to - first.from;
}

/* The one that begins at a local time, moved by a length of time. */
static void
add_occurrence(Series *series, int64 begins, int64 shift)
{
	Occurrence *occurrence;

	if (series->n == series->size)
	{
		series->size = Max(64, 2 * series->size);
		series->occurrence = series->occurrence == NULL ? palloc_array(Occurrence, series->size) :
			repalloc(series->occurrence, series->size * sizeof(Occurrence));
	}
	occurrence = &series->occurrence[series->n++];
	*occurrence = (Occurrence) {.begins = begins,.ends = begins + series->length,.period = series->first};
	if (begins != series->begins)
		(void) booking_clock_period(series->tz, occurrence);
	occurrence->period.from += shift;
	occurrence->period.to += shift;
}

/* ---- which ones ---- */

/* So many, each so much later. */
void
booking_series_every(Series *series, const Interval *every, int32 times)
{
	double		length = (every->month * 31.0 + every->day) * USECS_PER_DAY + every->time;

	if (length * (times - 1) > YEARS(MOST_YEARS))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a series must not go on for longer than %d years", MOST_YEARS)));
	for (int64 i = 0; i < times; i++)
	{
		int64		begins = booking_recur_months_later(series->begins, i * every->month);

		CHECK_FOR_INTERRUPTS();
		add_occurrence(series, begins + i * every->day * USECS_PER_DAY, i * every->time);
	}
}

/* Those that a rule names. */
void
booking_series_by_rule(Series *series, const char *text)
{
	Recurrence	rule;
	RecurFault	fault;
	RecurWalk  *walk = palloc(sizeof(RecurWalk));
	RecurStep	step;
	int64		local;

	if (!booking_recur_read(text, &rule, &fault))
		rule_is_wrong(fault.part, fault.problem,
					  "A rule is written as in RFC 5545: FREQ=WEEKLY;BYDAY=MO,WE;COUNT=10.");
	if (!booking_recur_ends(&rule))
		rule_is_wrong("", "has no end", "Add COUNT=... or UNTIL=... to it.");
	if (rule.count > MOST_OCCURRENCES)
		rule_is_wrong("COUNT", psprintf("must be %d or fewer", MOST_OCCURRENCES), NULL);
	booking_recur_begin(walk, &rule, series->begins);
	while ((step = booking_recur_next(walk, &local)) == RECUR_FOUND)
	{
		if (series->n == MOST_OCCURRENCES)
			rule_is_wrong("UNTIL", psprintf("is too far away: there are more than %d occurrences", MOST_OCCURRENCES), NULL);
		add_occurrence(series, local, 0);
		if (rule.until_is_instant && rule.has_until &&
			series->occurrence[series->n - 1].period.from > rule.until)
		{
			series->n--;
			break;
		}
	}
	pfree(walk);
	if (step == RECUR_NO_MORE && rule.has_until)
		rule_is_wrong("UNTIL", psprintf("is more than %d years away", MOST_YEARS), NULL);
	if (step == RECUR_NO_MORE)
		rule_is_wrong("COUNT", psprintf("is %d, and there are only %d occurrences within %d years",
										rule.count, series->n, MOST_YEARS), NULL);
	if (series->n == 0)
		rule_is_wrong("UNTIL", "is before the first occurrence", NULL);
}

static void
rule_is_wrong(const char *part, const char *problem, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 *part ? errmsg("rule, %s: %s", part, problem) : errmsg("rule: %s", problem),
			 hint ? errhint("%s", hint) : 0));
}
