/*-------------------------------------------------------------------------
 *
 * period.c
 *		What is a period, and how is it written?
 *
 * A period is a tstzrange that is not empty, is half-open [), begins at a finite
 * instant, and ends at a later finite one or not at all.  Anything else is refused
 * rather than changed silently: a caller that writes [09:00, 10:00] means something,
 * and it is not what an exclusion constraint would make of it.
 *
 * An interval is a fixed length here, a day 24 hours and a month 30 days: buffers,
 * notice and hold times must not depend on the session's time zone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/period.h"

static const char *period_fault(RangeType *range, Period *period);

/*
 * Asked a dozen times for a booking, nearly always of the same type.  The type cache of the
 * server never forgets an entry.
 */
TypeCacheEntry *
booking_range_type(Oid rangetype)
{
	static TypeCacheEntry *last = NULL;

	if (last == NULL || last->type_id != rangetype)
		last = lookup_type_cache(rangetype, TYPECACHE_RANGE_INFO);
	return last;
}

/* NULL when the range is a period, else what is wrong with it. */
static const char *
period_fault(RangeType *range, Period *period)
{
	RangeBound	lower,
				upper;
	bool		empty;

	range_deserialize(booking_range_type(TSTZRANGEOID), range, &lower, &upper, &empty);

	if (empty)
		return "It is empty.";
	if (lower.infinite)
		return "It has no beginning.";
	if (TIMESTAMP_NOT_FINITE(DatumGetTimestampTz(lower.val)))
		return "It begins at infinity.";
	if (!lower.inclusive)
		return "It does not include its beginning.";
	if (!upper.infinite && TIMESTAMP_NOT_FINITE(DatumGetTimestampTz(upper.val)))
		return "It ends at infinity; leave the end out for a period that is open.";
	if (!upper.infinite && upper.inclusive)
		return "It includes its end.";

	period->from = DatumGetTimestampTz(lower.val);
	period->to = upper.infinite ? DT_NOEND : DatumGetTimestampTz(upper.val);
	return NULL;
}

bool
booking_period_is_sound(RangeType *range, Period *period)
{
	return period_fault(range, period) == NULL;
}

void
booking_check_period(RangeType *range, Period *period)
{
	const char *fault = period_fault(range, period);

	if (fault)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is not a period", booking_period_text(range)),
				 errdetail_internal("%s", fault),
				 errhint("A period is written tstzrange(begin, end): it includes its beginning, not its end, and may leave the end open with NULL.")));
}

/* The bounds of a range that was found to be a period before it was stored. */
Period
booking_period(RangeType *range)
{
	Period		period;

	booking_check_period(range, &period);
	return period;
}

RangeType *
booking_make_range(Period period)
{
	RangeBound	lower,
				upper;

	lower.val = TimestampTzGetDatum(period.from);
	lower.infinite = false;
	lower.inclusive = true;
	lower.lower = true;
	upper.val = TimestampTzGetDatum(period.to);
	upper.infinite = (period.to == DT_NOEND);
	upper.inclusive = false;
	upper.lower = false;

	return make_range_compat(booking_range_type(TSTZRANGEOID), &lower, &upper, false);
}

/* The length of an interval in microseconds; refuses what does not fit. */
int64
booking_interval_length(const Interval *span)
{
	int64		days;
	int64		length;

	days = (int64) span->month * DAYS_PER_MONTH + span->day;
	if (pg_mul_s64_overflow(days, USECS_PER_DAY, &length) ||
		pg_add_s64_overflow(length, span->time, &length))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("interval out of range")));
	return length;
}

/* An instant moved by so many microseconds; refuses to leave the calendar. */
TimestampTz
booking_shift(TimestampTz at, int64 length)
{
	TimestampTz moved;

	if (pg_add_s64_overflow(at, length, &moved) || !IS_VALID_TIMESTAMP(moved))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return moved;
}

/* The period with so much time kept free around it. */
Period
booking_widen(Period period, int64 before, int64 after)
{
	period.from = booking_shift(period.from, -before);
	if (period.to != DT_NOEND)
		period.to = booking_shift(period.to, after);
	return period;
}

/*
 * The same as far as the calendar goes, for looking around on behalf of others (whose turn
 * is it in the line?): it must not fail because of what others have set or booked.
 */
Period
booking_widen_within(Period period, int64 before, int64 after)
{
	TimestampTz moved;

	if (pg_sub_s64_overflow(period.from, before, &moved))
		moved = MIN_TIMESTAMP;
	period.from = Max(moved, MIN_TIMESTAMP);
	if (period.to == DT_NOEND)
		return period;
	if (pg_add_s64_overflow(period.to, after, &moved))
		moved = END_TIMESTAMP - 1;
	period.to = Min(moved, END_TIMESTAMP - 1);
	return period;
}

/* How long it is, or as long as can be counted: the calendar is longer than that. */
int64
booking_length(Period period)
{
	int64		length;

	if (period.to == DT_NOEND || pg_sub_s64_overflow(period.to, period.from, &length))
		return PG_INT64_MAX;
	return length;
}

char *
booking_period_text(RangeType *range)
{
	Oid			output;
	bool		is_varlena;

	getTypeOutputInfo(RangeTypeGetOid(range), &output, &is_varlena);
	return OidOutputFunctionCall(output, RangeTypePGetDatum(range));
}

char *
booking_instant_text(TimestampTz at)
{
	return OidOutputFunctionCall(F_TIMESTAMPTZ_OUT, TimestampTzGetDatum(at));
}

/* A length of time as an interval is written: days of 24 hours, and the rest. */
char *
booking_length_text(int64 length)
{
	Interval	span = {.day = (int32) (length / USECS_PER_DAY), .time = length % USECS_PER_DAY};

	return DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(&span)));
}
