/*-------------------------------------------------------------------------
 *
 * recur.c
 *		Which local times does a recurrence rule name (RFC 5545, 3.3.10)?
 *
 * Plain C over dates: no SQL, no catalogs, and no time zones, for a rule is about what the local
 * clock shows.  Which instants these are, and whether there are any, is for the caller to say.
 *
 * A rule goes through time in units of its FREQ, of which INTERVAL says how many it steps at once:
 * days, weeks that begin on WKST, months, years.  Of the days of each unit those remain
 * that all BY... parts let through, and of these, in their order, the ones that BYSETPOS
 * picks.  What the parts leave open is taken from the beginning: the time of day always, and the
 * weekday, the day of the month or the date if nothing else names the days of a unit.
 *
 * Days that do not exist (30 February) are not named, and not counted, as the RFC says.  What a
 * unit names before the beginning is passed over.  The beginning itself counts only if the rule
 * names it, and BYSETPOS counts in the whole unit, what is before the beginning included; the RFC
 * leaves both open.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/datetime.h"

#include "engine/recur.h"

/* A day of the calendar, and where it is in its month and year. */
typedef struct CalendarDay
{
	int			year,
				month,
				day;
	int			month_length;
	int			day_of_year;	/* from 1 */
	int			year_length;
	int			weekday;		/* 0: Monday */
} CalendarDay;

static int64 whole_days(int64 local);
static int	weekday_from_monday(int32 date);
static int32 date_of_month(int64 month, int day);
static CalendarDay calendar_day(int32 date);
static void complete_rule(Recurrence *rule, const CalendarDay *first);
static bool next_unit(RecurWalk *walk);
static bool unit_dates(const RecurWalk *walk, int64 *from, int64 *to);
static bool lets_through(const Recurrence *rule, const CalendarDay *day);
static bool is_nth(const Recurrence *rule, const CalendarDay *day);
static void pick_positions(RecurWalk *walk);

static int64
whole_days(int64 local)
{
	return local / USECS_PER_DAY - (local % USECS_PER_DAY < 0 ? 1 : 0);
}

/* 2000-01-01 was a Saturday. */
static int
weekday_from_monday(int32 date)
{
	int			n = (date + 5) % 7;

	return n < 0 ? n + 7 : n;
}

/* A day of a month that is counted from the beginning of year 0; there is none before. */
static int32
date_of_month(int64 month, int day)
{
	return date2j((int) (month / 12), (int) (month % 12) + 1, day) - POSTGRES_EPOCH_JDATE;
}

static CalendarDay
calendar_day(int32 date)
{
	CalendarDay day;

	j2date(date + POSTGRES_EPOCH_JDATE, &day.year, &day.month, &day.day);
	day.month_length = day_tab[isleap(day.year)][day.month - 1];
	day.day_of_year = date + POSTGRES_EPOCH_JDATE - date2j(day.year, 1, 1) + 1;
	day.year_length = isleap(day.year) ? 366 : 365;
	day.weekday = weekday_from_monday(date);
	return day;
}

/*
 * A local time so many months later: the same day and time, or the last day of a month that
 * has no such day.
 */
int64
booking_recur_months_later(int64 local, int64 months)
{
	int32		date = (int32) whole_days(local);
	CalendarDay day = calendar_day(date);
	int64		month = (int64) day.year * 12 + day.month - 1 + months;
	int			year = (int) (month / 12);
	int			length = day_tab[isleap(year)][month % 12];

	return local + ((int64) date_of_month(month, Min(day.day, length)) - date) * USECS_PER_DAY;
}

/* What the rule leaves open. */
static void
complete_rule(Recurrence *rule, const CalendarDay *first)
{
	if (rule->days || rule->days_back || rule->weekdays || rule->has_nth)
		return;
	if (rule->frequency == RECUR_YEARLY && rule->months == 0)
		rule->months = UINT32_C(1) << first->month;
	if (rule->frequency == RECUR_YEARLY || rule->frequency == RECUR_MONTHLY)
		rule->days = UINT32_C(1) << first->day;
	else if (rule->frequency == RECUR_WEEKLY)
		rule->weekdays = 1 << first->weekday;
}

/* Before the first local time of a rule, at or after this one. */
void
booking_recur_begin(RecurWalk *walk, const Recurrence *rule, int64 first)
{
	int32		date = (int32) whole_days(first);
	CalendarDay day = calendar_day(date);
	int64		last_date = (int64) date + MOST_YEARS * INT64CONST(366);

	walk->rule = *rule;
	complete_rule(&walk->rule, &day);
	walk->first = first;
	walk->last_date = (int32) Min(last_date, whole_days(END_TIMESTAMP) - 2);
	walk->unit = 0;
	walk->found = 0;
	walk->ndates = walk->next = 0;
}

/* The next one. */
RecurStep
booking_recur_next(RecurWalk *walk, int64 *local)
{
	const Recurrence *rule = &walk->rule;
	int64		time = walk->first - whole_days(walk->first) * USECS_PER_DAY;

	if (rule->count > 0 && walk->found == rule->count)
		return RECUR_DONE;
	for (;;)
	{
		while (walk->next < walk->ndates)
		{
			*local = walk->dates[walk->next++] * USECS_PER_DAY + time;
			if (*local < walk->first)
				continue;
			if (rule->has_until && !rule->until_is_instant && *local > rule->until)
				return RECUR_DONE;
			walk->found++;
			return RECUR_FOUND;
		}
		CHECK_FOR_INTERRUPTS();
		if (!next_unit(walk))
			break;
	}

	/* Whatever comes later is after the end, which may be a day off by the time zone. */
	return rule->has_until && rule->until < (walk->last_date - 2) * USECS_PER_DAY ? RECUR_DONE : RECUR_NO_MORE;
}

/* The dates of the next unit; false when that is too far away. */
static bool
next_unit(RecurWalk *walk)
{
	int64		from;
	int64		to;

	walk->ndates = walk->next = 0;
	if (!unit_dates(walk, &from, &to))
		return false;
	walk->unit += walk->rule.interval;
	for (int64 date = from; date < to; date++)
	{
		CalendarDay day = calendar_day((int32) date);

		if (lets_through(&walk->rule, &day))
			walk->dates[walk->ndates++] = (int32) date;
	}
	pick_positions(walk);
	return true;
}

/* Its first date, and the date after its last. */
static bool
unit_dates(const RecurWalk *walk, int64 *from, int64 *to)
{
	int32		date = (int32) whole_days(walk->first);
	CalendarDay first = calendar_day(date);
	int64		month = (int64) first.year * 12 + first.month - 1;
	int64		last_month = month + (MOST_YEARS + 1) * INT64CONST(12);

	switch (walk->rule.frequency)
	{
		case RECUR_DAILY:
			*from = date + walk->unit;
			*to = *from + 1;
			break;
		case RECUR_WEEKLY:
			*from = date - (first.weekday - walk->rule.week_start + 7) % 7 + 7 * walk->unit;
			*to = *from + 7;
			break;
		default:
			month = walk->rule.frequency == RECUR_MONTHLY ? month + walk->unit : (first.year + walk->unit) * 12;
			if (month > last_month)
				return false;
			*from = date_of_month(month, 1);
			*to = date_of_month(month + (walk->rule.frequency == RECUR_MONTHLY ? 1 : 12), 1);
			break;
	}
	return *to <= walk->last_date;
}

static bool
lets_through(const Recurrence *rule, const CalendarDay *day)
{
	if (rule->months && !(rule->months & (UINT32_C(1) << day->month)))
		return false;
	if ((rule->days || rule->days_back) && !(rule->days & (UINT32_C(1) << day->day)) &&
		!(rule->days_back & (UINT32_C(1) << (day->month_length - day->day + 1))))
		return false;
	if (rule->weekdays || rule->has_nth)
		return (rule->weekdays & (1 << day->weekday)) != 0 || is_nth(rule, day);
	return true;
}

/* Counted in the month, or in the year if the rule is yearly and names no months. */
static bool
is_nth(const Recurrence *rule, const CalendarDay *day)
{
	bool		of_year = rule->frequency == RECUR_YEARLY && rule->months == 0;
	int			before = (of_year ? day->day_of_year : day->day) - 1;
	int			after = of_year ? day->year_length - day->day_of_year : day->month_length - day->day;

	return ((rule->nth[before / 7 + 1] | rule->nth_back[after / 7 + 1]) & (1 << day->weekday)) != 0;
}

static void
pick_positions(RecurWalk *walk)
{
	const Recurrence *rule = &walk->rule;
	int			n = walk->ndates;
	bool		picks = false;

	for (int i = 1; i <= MOST_POSITION && !picks; i++)
		picks = rule->position[i] || rule->position_back[i];
	if (!picks)
		return;
	walk->ndates = 0;
	for (int i = 0; i < n; i++)
		if (rule->position[i + 1] || rule->position_back[n - i])
			walk->dates[walk->ndates++] = walk->dates[i];
}
