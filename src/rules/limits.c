/*-------------------------------------------------------------------------
 *
 * limits.c
 *		How much may one holder book?
 *
 * A limit counts a holder's active bookings of one resource, of the resources of a
 * category, or of everything; those of one slot, those that begin in one local day, week
 * or month, or all that are not over.  A hold that has lapsed does not count.
 *
 * Bookings of one holder are made at the same time on many resources, which have no lock
 * in common.  So a booker that adds to what a limit counts takes the HOLDER lock, to the end
 * of the transaction, and counts afterwards, with the latest snapshot: what others have
 * added is committed by then, and what our own statement has added is seen as well.  A
 * booker of a resource without limits takes no such lock.
 *
 * A limit is a rule about adding.  Bookings that were there before it stay, also when
 * they exceed it, and may be changed in ways that add nothing to what it counts.  History
 * being loaded is not judged.
 *
 * A function that only tries has the limits judged before it begins to insert, with the same lock
 * (book.c).
 *
 * A day begins by the time zone of the resource that is being booked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/period.h"
#include "base/plans.h"
#include "engine/holder_rows.h"
#include "engine/hours.h"
#include "engine/request.h"
#include "engine/resource.h"
#include "engine/row.h"
#include "rules/limits.h"

/* A limit that a holder has reached: of units or of bookings, and how many there are. */
typedef struct Reached
{
	const HolderLimit *limit;
	bool		units;
	int64		has;
} Reached;

static bool adds_booking(const HolderLimit *limit, const Resource *resource,
						 const BookingRow *row, const BookingRow *old, TimestampTz now);
static bool same_holder(const BookingRow *a, const BookingRow *b);
static Period calendar_of(const HolderLimit *limit, const Resource *resource,
						  const BookingRow *row);
static bool judge_limit(const HolderLimit *limit, const Resource *resource, const BookingRow *row,
				  bool another);
static void count(const HolderLimit *limit, const Resource *resource, const BookingRow *row,
				  int64 *bookings, int64 *quantity);
static bool exceeds(const HolderLimit *limit, const Resource *resource, const BookingRow *row,
					bool another, Reached *reached);
static bool refuse_limit(const Reached *reached, const Resource *resource, const BookingRow *row);
static void explain_limit(const Reached *reached, const Resource *resource, const BookingRow *row,
						  Refusal *refusal);

/*
 * May the row be stored, as far as its holder's limits go?  False when not and a function
 * of ours is to say so; otherwise that is an error.
 */
bool
booking_within_limits(const Resource *resource, const BookingRow *row, const BookingRow *old)
{
	TimestampTz now;
	bool		locked = false;

	if (resource->nlimits == 0 || row->null[BOOKING_HOLDER] || row->null[BOOKING_ID] ||
		booking_row_is_within_limits(row) || !booking_row_in_force(row) || booking_row_is_history(row, old))
		return true;

	now = GetCurrentTimestamp();
	for (int i = 0; i < resource->nlimits; i++)
	{
		const HolderLimit *limit = &resource->limits[i];
		bool		another = adds_booking(limit, resource, row, old, now);

		if (limit->per == PER_ACTIVE && row->period.to <= now)
			continue;
		if (!(another || (limit->max_quantity != NO_RULE &&
						  DatumGetInt32(row->value[BOOKING_QUANTITY]) > DatumGetInt32(old->value[BOOKING_QUANTITY]))))
			continue;
		if (!locked)
			booking_lock_holder(DatumGetTextPP(row->value[BOOKING_HOLDER]));
		locked = true;
		if (!judge_limit(limit, resource, row, another))
			return false;
	}
	return true;
}

/* In advance, for a caller that must not wait for the holder later. */
void
booking_limits_lock(const Resource *resource, const BookingRow *row)
{
	if (resource->nlimits > 0 && !row->null[BOOKING_HOLDER])
		booking_lock_holder(DatumGetTextPP(row->value[BOOKING_HOLDER]));
}

/* Is the row one more among those that a limit counts? */
static bool
adds_booking(const HolderLimit *limit, const Resource *resource, const BookingRow *row,
			 const BookingRow *old, TimestampTz now)
{
	Period		old_period;
	Period		calendar;

	if (old == NULL || !old->active || !same_holder(row, old) ||
		!booking_row_same(row, old, BOOKING_RESOURCE_ID))
		return true;

	old_period = booking_period(DatumGetRangeTypeP(old->value[BOOKING_PERIOD]));
	switch (limit->per)
	{
		case PER_ACTIVE:
			return old_period.to <= now;
		case PER_SLOT:
			return !booking_row_same(row, old, BOOKING_SLOT_ID) ||
				(row->null[BOOKING_SLOT_ID] && !booking_row_same_range(row, old, BOOKING_PERIOD));
		default:
			calendar = calendar_of(limit, resource, row);
			return old_period.from < calendar.from || old_period.from >= calendar.to;
	}
}

static bool
same_holder(const BookingRow *a, const BookingRow *b)
{
	text	   *x = DatumGetTextPP(a->value[BOOKING_HOLDER]);
	text	   *y = DatumGetTextPP(b->value[BOOKING_HOLDER]);

	return VARSIZE_ANY_EXHDR(x) == VARSIZE_ANY_EXHDR(y) &&
		memcmp(VARDATA_ANY(x), VARDATA_ANY(y), VARSIZE_ANY_EXHDR(x)) == 0;
}

/* The local day, week or month in which the row's period begins. */
static Period
calendar_of(const HolderLimit *limit, const Resource *resource, const BookingRow *row)
{
	return booking_calendar_period(resource->tz, row->period.from,
								   limit->per == PER_DAY ? CALENDAR_DAY :
								   limit->per == PER_WEEK ? CALENDAR_WEEK : CALENDAR_MONTH);
}

/* With the HOLDER lock: is there still room for the row? */
static bool
judge_limit(const HolderLimit *limit, const Resource *resource, const BookingRow *row, bool another)
{
	Reached		reached;

	return !exceeds(limit, resource, row, another, &reached) ||
		refuse_limit(&reached, resource, row);
}

static bool
exceeds(const HolderLimit *limit, const Resource *resource, const BookingRow *row, bool another,
		Reached *reached)
{
	int64		bookings;
	int64		quantity;

	count(limit, resource, row, &bookings, &quantity);
	reached->limit = limit;
	reached->units = !(another && limit->max_bookings != NO_RULE && bookings + 1 > limit->max_bookings);
	reached->has = reached->units ? quantity : bookings;
	return !reached->units ||
		(limit->max_quantity != NO_RULE &&
		 quantity + DatumGetInt32(row->value[BOOKING_QUANTITY]) > limit->max_quantity);
}

/*
 * Which limits would be exceeded by a row that has not been inserted?  Without a lock, for
 * callers that only look.  Says why in refusals[], which has room for as many as there are
 * limits, unless it is NULL.
 */
int
booking_limits_exceeded(const Resource *resource, const BookingRow *row, Refusal *refusals)
{
	TimestampTz now = GetCurrentTimestamp();
	int			n = 0;

	for (int i = 0; i < resource->nlimits; i++)
	{
		const HolderLimit *limit = &resource->limits[i];
		Reached		reached;

		if (limit->per == PER_ACTIVE && row->period.to <= now)
			continue;
		if (!exceeds(limit, resource, row, true, &reached))
			continue;
		if (refusals)
			explain_limit(&reached, resource, row, &refusals[n]);
		n++;
	}
	return n;
}

/* What the holder has already, apart from this booking. */
static void
count(const HolderLimit *limit, const Resource *resource, const BookingRow *row,
	  int64 *bookings, int64 *quantity)
{
	Datum		values[COUNT_NVALUES] = {0};
	char		nulls[COUNT_NVALUES + 1];
	Period		calendar;
	bool		isnull;

	memset(nulls, 'n', COUNT_NVALUES);
	nulls[COUNT_NVALUES] = '\0';
#define SET_VALUE(column, datum) \
	do { values[COUNT_##column] = (datum); nulls[COUNT_##column] = ' '; } while (0)

	SET_VALUE(HOLDER, row->value[BOOKING_HOLDER]);
	SET_VALUE(OTHER_THAN, row->value[BOOKING_ID]);
	if (limit->of_resource || (limit->per == PER_SLOT && row->null[BOOKING_SLOT_ID]))
		SET_VALUE(RESOURCE_ID, row->value[BOOKING_RESOURCE_ID]);
	if (limit->of_category)
		SET_VALUE(CATEGORY, CStringGetTextDatum(resource->category));

	switch (limit->per)
	{
		case PER_ACTIVE:
			SET_VALUE(ENDS_AFTER, TimestampTzGetDatum(GetCurrentTimestamp()));
			break;
		case PER_SLOT:
			SET_VALUE(ENDS_AFTER, TimestampTzGetDatum(row->period.from));
			if (row->null[BOOKING_SLOT_ID])
				SET_VALUE(PERIOD, row->value[BOOKING_PERIOD]);
			else
				SET_VALUE(SLOT_ID, row->value[BOOKING_SLOT_ID]);
			break;
		default:
			calendar = calendar_of(limit, resource, row);
			SET_VALUE(ENDS_AFTER, TimestampTzGetDatum(calendar.from));
			SET_VALUE(BEGINS_FROM, TimestampTzGetDatum(calendar.from));
			SET_VALUE(BEGINS_BEFORE, TimestampTzGetDatum(calendar.to));
			break;
	}
#undef SET_VALUE

	if (booking_holder_count(values, nulls, bookings, quantity))
		return;
	SPI_connect();
	booking_run(STMT_COUNT_OF_HOLDER, values, nulls);
	*bookings = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	*quantity = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	if (isnull)
		*quantity = 0;
	SPI_finish();
}

/* To the caller of a try_ function it is a refusal like any other, without a reason. */
static bool
refuse_limit(const Reached *reached, const Resource *resource, const BookingRow *row)
{
	Refusal		refusal = {0};

	if (booking_row_wants_reason(row))
		explain_limit(reached, resource, row, &refusal);
	return booking_row_refuse(row, &refusal);
}

static void
explain_limit(const Reached *reached, const Resource *resource, const BookingRow *row,
			  Refusal *refusal)
{
	const HolderLimit *limit = reached->limit;
	bool		units = reached->units;
	int64		has = reached->has;
	static const char *const which[] = {
		"that are not over", "for one slot or period", "that begin on one day",
		"that begin in one week", "that begin in one month"
	};
	int64		most = units ? limit->max_quantity : limit->max_bookings;
	int64		left = Max(most - has, 0);
	StringInfoData detail;

	initStringInfo(&detail);
	appendStringInfoString(&detail, units ? "Units in active bookings" : "Active bookings");
	if (limit->of_resource)
		appendStringInfo(&detail, " of resource \"%s\"", resource->name);
	else if (limit->of_category)
		appendStringInfo(&detail, " of category \"%s\"", resource->category);
	appendStringInfo(&detail, " %s", which[limit->per]);
	if (limit->per >= PER_DAY)
	{
		Period		calendar = calendar_of(limit, resource, row);

		appendStringInfo(&detail, ", here %s", booking_period_text(booking_make_range(calendar)));
	}
	appendStringInfo(&detail, ": " INT64_FORMAT " at most, and the holder has " INT64_FORMAT,
					 most, has);
	if (units)
		appendStringInfo(&detail, " and wants %d more", DatumGetInt32(row->value[BOOKING_QUANTITY]));
	appendStringInfoChar(&detail, '.');

	*refusal = (Refusal) {.sqlstate = ERRCODE_CHECK_VIOLATION,.constraint = CONSTRAINT_HOLDER_LIMIT};
	refusal->message = psprintf("the holder has reached a limit for resource \"%s\"", resource->name);
	refusal->detail = detail.data;
	if (left > 0)
		refusal->hint = psprintf("Up to " INT64_FORMAT " more can be booked.", left);
	else if (limit->per == PER_ACTIVE)
		refusal->hint = pstrdup("One of them has to end or to be cancelled first.");
	else if (limit->per == PER_SLOT)
		refusal->hint = pstrdup("One of them has to be cancelled first.");
	else
		refusal->hint = psprintf("Cancel one of them first, or book another %s.", booking_limit_per[limit->per]);
}
