/*-------------------------------------------------------------------------
 *
 * policy.c
 *		Does the resource's policy allow this booking now?
 *
 * Opening hours, notice and durations are rules about the moment of booking.  What is
 * stored need not follow them: they may change tomorrow, and a dump must load.  So our
 * functions apply them, and the row's trigger does not.
 *
 * They are judged once the RESOURCE lock has been granted, by the clock of then, and
 * cannot change until the transaction ends.  An interval is a fixed length here; only
 * opening hours follow the local clock.
 *
 * A period without an end lies inside no opening hours, even those that never close:
 * what is always open has no opening hours.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/period.h"
#include "base/plans.h"
#include "engine/resource.h"
#include "engine/hours.h"
#include "rules/policy.h"

static bool notice_allows(const Resource *resource, Period period, Refusal *refusal);
static bool duration_allows(const Resource *resource, Period period, Refusal *refusal);
static bool hours_allow(const Resource *resource, Period period, Refusal *refusal);
static char *hours_of_day(const Resource *resource, TimestampTz at);
static char *time_text(int64 time);
static char *wanted(Period period);

/*
 * Do these rules allow a booking of this period?  If not, *refusal says why; it may be NULL when
 * no reason is wanted.
 */
bool
booking_policy_allows(const Resource *resource, Period period, int rules, Refusal *refusal)
{
	if (!resource->has_policy)
		return true;

	return ((rules & POLICY_NOTICE) == 0 || notice_allows(resource, period, refusal)) &&
		((rules & POLICY_DURATION) == 0 || duration_allows(resource, period, refusal)) &&
		((rules & POLICY_HOURS) == 0 || hours_allow(resource, period, refusal));
}

/* The same with an error. */
void
booking_check_policy(const Resource *resource, Period period, int rules)
{
	Refusal		refusal;

	if (!booking_policy_allows(resource, period, rules, &refusal))
		booking_raise(&refusal);
}

/* May a booking be held as long as this, in microseconds? */
bool
booking_hold_allowed(const Resource *resource, int64 length, Refusal *refusal)
{
	if (resource->max_hold == NO_RULE || length <= resource->max_hold)
		return true;
	*refusal = (Refusal) {.sqlstate = ERRCODE_CHECK_VIOLATION,.constraint = CONSTRAINT_DURATION};
	refusal->message = psprintf("a booking of resource \"%s\" cannot be held that long", resource->name);
	refusal->detail = psprintf("Wanted a hold of %s; the longest is %s.",
							   booking_length_text(length), booking_length_text(resource->max_hold));
	refusal->hint = psprintf("Hold it for up to %s.", booking_length_text(resource->max_hold));
	return false;
}

/* The same with an error. */
void
booking_check_hold(const Resource *resource, int64 length)
{
	Refusal		refusal;

	if (!booking_hold_allowed(resource, length, &refusal))
		booking_raise(&refusal);
}

static char *
wanted(Period period)
{
	return booking_period_text(booking_make_range(period));
}

static bool
notice_allows(const Resource *resource, Period period, Refusal *refusal)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		too_late = resource->min_notice != NO_RULE &&
		period.from < booking_shift(now, resource->min_notice);
	bool		too_early = resource->max_advance != NO_RULE &&
		period.from > booking_shift(now, resource->max_advance);

	if (!too_late && !too_early)
		return true;
	if (refusal == NULL)
		return false;

	*refusal = (Refusal) {.sqlstate = ERRCODE_CHECK_VIOLATION,.constraint = CONSTRAINT_NOTICE};
	if (too_late)
	{
		refusal->message = psprintf("it is too late to book resource \"%s\" for that period",
									resource->name);
		refusal->detail = psprintf("Wanted %s; it is %s, and the notice is %s.", wanted(period),
								   booking_instant_text(now),
								   booking_length_text(resource->min_notice));
		refusal->hint = psprintf("The earliest start is %s.",
								 booking_instant_text(booking_shift(now, resource->min_notice)));
	}
	else
	{
		refusal->message = psprintf("it is too early to book resource \"%s\" for that period",
									resource->name);
		refusal->detail = psprintf("Wanted %s; it is %s, and bookings are made up to %s ahead.",
								   wanted(period), booking_instant_text(now),
								   booking_length_text(resource->max_advance));
		refusal->hint = psprintf("The latest start is %s; this one can be booked from %s on.",
								 booking_instant_text(booking_shift(now, resource->max_advance)),
								 booking_instant_text(booking_shift(period.from, -resource->max_advance)));
	}
	return false;
}

static bool
duration_allows(const Resource *resource, Period period, Refusal *refusal)
{
	bool		open = period.to == DT_NOEND;
	int64		length = booking_length(period);
	bool		too_short = resource->min_duration != NO_RULE && length < resource->min_duration;
	bool		too_long = resource->max_duration != NO_RULE && length > resource->max_duration;

	if (!too_short && !too_long)
		return true;
	if (refusal == NULL)
		return false;

	*refusal = (Refusal) {.sqlstate = ERRCODE_CHECK_VIOLATION,.constraint = CONSTRAINT_DURATION};
	refusal->message = psprintf("that is too %s for resource \"%s\"",
								too_short ? "short" : "long", resource->name);
	refusal->detail = psprintf("Wanted %s, which %s%s; the %s is %s.", wanted(period),
							   open ? "has no end" : "lasts ", open ? "" : booking_length_text(length),
							   too_short ? "shortest" : "longest",
							   booking_length_text(too_short ? resource->min_duration : resource->max_duration));
	if (resource->min_duration != NO_RULE && resource->max_duration != NO_RULE)
		refusal->hint = psprintf("Book between %s and %s.", booking_length_text(resource->min_duration),
								 booking_length_text(resource->max_duration));
	else
		refusal->hint = psprintf("Book %s or %s.",
								 booking_length_text(too_short ? resource->min_duration : resource->max_duration),
								 too_short ? "more" : "less");
	return false;
}

static bool
hours_allow(const Resource *resource, Period period, Refusal *refusal)
{
	if (resource->hours.nweekly == 0 && resource->hours.ndated == 0)
		return true;
	if (booking_open_through(&resource->hours, resource->tz, period))
		return true;
	if (refusal == NULL)
		return false;

	*refusal = (Refusal) {.sqlstate = ERRCODE_CHECK_VIOLATION,.constraint = CONSTRAINT_OPENING_HOURS};
	refusal->message = psprintf("resource \"%s\" is not open throughout that period", resource->name);
	refusal->detail = psprintf("Wanted %s; %s.", wanted(period), hours_of_day(resource, period.from));
	if (period.to == DT_NOEND)
		refusal->hint = pstrdup("Give the period an end.");
	else
	{
		TimestampTz next = booking_next_opening(&resource->hours, resource->tz, period.from,
												booking_length(period));

		if (next == DT_NOEND)
			refusal->hint = pstrdup("It does not open for that long within a year; try a shorter period.");
		else
			refusal->hint = psprintf("It is next open for that long from %s.", booking_instant_text(next));
	}
	return false;
}

/* The opening hours of the day on which an instant falls, in local time. */
static char *
hours_of_day(const Resource *resource, TimestampTz at)
{
	int32		date = booking_local_date(resource->tz, at);
	const OpenSpan *span;
	StringInfoData text;
	int			n;

	span = booking_spans_of_date(&resource->hours, date, &n);
	initStringInfo(&text);
	appendStringInfo(&text, "on %s it is ",
					 DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(date))));
	if (n == 0)
		appendStringInfoString(&text, "closed");
	for (int i = 0; i < n; i++)
		appendStringInfo(&text, "%s%s to %s%s", i == 0 ? "open " : ", ",
						 time_text(span[i].opens), time_text(span[i].closes),
						 span[i].closes > USECS_PER_DAY ? " of the next day" : "");
	appendStringInfo(&text, " (%s)", pg_get_timezone_name(resource->tz));
	return text.data;
}

static char *
time_text(int64 time)
{
	if (time > USECS_PER_DAY)
		time -= USECS_PER_DAY;
	return DatumGetCString(DirectFunctionCall1(time_out, TimeADTGetDatum(time)));
}

