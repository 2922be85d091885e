/*-------------------------------------------------------------------------
 *
 * waitlist_join.c
 *		Joining and leaving the waitlist.
 *
 *			waiting -----> offered -----> taken		confirm() of the hold
 *			   |			  |---------> lapsed	nothing happened in time
 *			   '--> left <----'						leave_waitlist(), cancel() of the hold
 *
 * There is no way back from the right: a holder that has let an offer lapse joins again, at the
 * end.
 *
 * A transaction that joins takes JOIN exclusively and then LINE (waitlist.c), writes the entry
 * and serves the line at once: if there is room and no entry ahead, the entry comes back
 * "offered".  Joining again for the same gives the same entry back as long as it waits or its
 * offer stands.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"

#include "base/attempt.h"
#include "base/cache.h"
#include "base/columns.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/period.h"
#include "base/plans.h"
#include "base/returned.h"
#include "engine/resource.h"
#include "engine/row_fault.h"
#include "engine/slots.h"
#include "engine/visible.h"
#include "rules/life.h"
#include "rules/policy.h"
#include "rules/waitlist.h"

PG_FUNCTION_INFO_V1(booking_wait_for_slot);
PG_FUNCTION_INFO_V1(booking_wait_for_slot_named);
PG_FUNCTION_INFO_V1(booking_wait_for_place);
PG_FUNCTION_INFO_V1(booking_leave_waitlist);

/* An attempt to leave the line. */
typedef struct Leaving
{
	Datum		id;
	int64		resource_id;
} Leaving;

static Datum wait_for_slot(FunctionCallInfo fcinfo, bool by_name);
static void read_waitlist_order(FunctionCallInfo fcinfo, int first, Datum *values);
static void check_not_over(Period period);
static Datum join_line(const Resource *resource, Datum *values, const char *nulls);
static bool leave_line(Datum id, int64 resource_id);
static bool lock_and_leave(void *arg);
static bool get_entry(Datum id);
static Datum entry_column(const char *name, Oid type, bool *isnull);
static bool is(const char *status);

Datum
booking_wait_for_slot(PG_FUNCTION_ARGS)
{
	return wait_for_slot(fcinfo, false);
}

Datum
booking_wait_for_slot_named(PG_FUNCTION_ARGS)
{
	return wait_for_slot(fcinfo, true);
}

/*
 * wait_for_slot(resource, period, holder, quantity, offer_for).  Where only published slots
 * can be booked, that is the slot of this period.
 */
static Datum
wait_for_slot(FunctionCallInfo fcinfo, bool by_name)
{
	const Resource *resource;
	Datum		values[JOIN_NVALUES] = {0};
	char		nulls[] = "      ";
	Period		period;

	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("resource");
	if (PG_ARGISNULL(1))
		booking_null_argument("period");
	booking_check_period(PG_GETARG_RANGE_P(1), &period);
	read_waitlist_order(fcinfo, 2, values);

	LockRelationOid(booking_table("booking"), RowExclusiveLock);
	resource = by_name ? booking_use_visible(text_to_cstring(PG_GETARG_TEXT_PP(0)), 0) :
		booking_use_visible(NULL, PG_GETARG_INT64(0));
	values[JOIN_PERIOD] = PG_GETARG_DATUM(1);
	nulls[JOIN_SLOT_ID] = 'n';

	if (resource->slots_only)
	{
		int			n;
		int64	   *ids = booking_find_slots(resource, PG_GETARG_RANGE_P(1), &n);

		if (n == 0)
			booking_no_such_slot(resource, PG_GETARG_RANGE_P(1));
		values[JOIN_SLOT_ID] = Int64GetDatum(ids[0]);
		nulls[JOIN_SLOT_ID] = ' ';
	}
	else if (resource->kind != RESOURCE_POOLED && DatumGetInt32(values[JOIN_QUANTITY]) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("quantity must be 1 for resource \"%s\"", resource->name),
				 errdetail("It is %d.", DatumGetInt32(values[JOIN_QUANTITY]))));
	check_not_over(period);
	booking_check_policy(resource, period, resource->slots_only ? POLICY_NOTICE : POLICY_ALL);
	PG_RETURN_DATUM(booking_returned(fcinfo, join_line(resource, values, nulls)));
}

/*
 * wait_for_place(slot_id, holder, quantity, offer_for)
 */
Datum
booking_wait_for_place(PG_FUNCTION_ARGS)
{
	const Resource *resource;
	Datum		values[JOIN_NVALUES] = {0};
	Slot		slot;

	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("slot_id");
	read_waitlist_order(fcinfo, 1, values);

	LockRelationOid(booking_table("booking"), RowExclusiveLock);
	slot = booking_use_slot(PG_GETARG_INT64(0), &resource);
	booking_must_see_slot(resource->id, slot.id);
	values[JOIN_SLOT_ID] = PG_GETARG_DATUM(0);
	values[JOIN_PERIOD] = RangeTypePGetDatum(booking_make_range(slot.period));
	check_not_over(slot.period);
	booking_check_policy(resource, slot.period, POLICY_NOTICE);
	PG_RETURN_DATUM(booking_returned(fcinfo, join_line(resource, values, "      ")));
}

/* The arguments that both have: holder, quantity, offer_for. */
static void
read_waitlist_order(FunctionCallInfo fcinfo, int first, Datum *values)
{
	static const char *const names[] = {"holder", "quantity", "offer_for"};

	for (int i = 0; i < (int) lengthof(names); i++)
		if (PG_ARGISNULL(first + i))
			booking_null_argument(names[i]);
	booking_check_holder(PG_GETARG_TEXT_PP(first));
	booking_check_quantity(PG_GETARG_INT32(first + 1));
	if (booking_interval_length(PG_GETARG_INTERVAL_P(first + 2)) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("offer_for must be longer than zero"),
				 errhint("It is how long an offer stands before the next in line gets it.")));
	if (booking_interval_length(PG_GETARG_INTERVAL_P(first + 2)) > MOST_YEARS * 360 * USECS_PER_DAY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("offer_for must be at most %d years", MOST_YEARS)));
	values[JOIN_HOLDER] = PG_GETARG_DATUM(first);
	values[JOIN_QUANTITY] = PG_GETARG_DATUM(first + 1);
	values[JOIN_OFFER_FOR] = PG_GETARG_DATUM(first + 2);
}

static void
check_not_over(Period period)
{
	if (period.to <= GetCurrentTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a period that is over cannot be waited for"),
				 errdetail("It ended at %s.", booking_instant_text(period.to))));
}

static Datum
join_line(const Resource *resource, Datum *values, const char *nulls)
{
	Datum		id;
	Datum		entry;
	bool		isnull;
	bool		alone;

	values[JOIN_RESOURCE_ID] = Int64GetDatum(resource->id);
	booking_lock_join(resource->id, true, true);
	alone = booking_lock_line(resource->id, true);

	SPI_connect();
	if (booking_run(STMT_FIND_ENTRY, values, nulls) == 0)
	{
		if (booking_run(STMT_JOIN_WAITLIST, values, nulls) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the entry was not stored"),
					 errdetail("A trigger on booking.waitlist has suppressed it.")));
		id = entry_column("id", INT8OID, &isnull);
		if (alone)
			booking_line_joined(resource->id, DatumGetRangeTypeP(values[JOIN_PERIOD]));
		if (!get_entry(id))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the entry was not stored"),
					 errdetail("A trigger or a policy on booking.waitlist has removed or hidden it.")));
	}
	entry = booking_row_datum_of("waitlist");
	SPI_finish();
	return entry;
}

/*
 * leave_waitlist(id): an entry that has left, taken its offer or let it lapse is out already.
 */
Datum
booking_leave_waitlist(PG_FUNCTION_ARGS)
{
	Datum		id;
	Datum		entry;
	bool		isnull;
	int			lost = 0;

	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("id");
	id = PG_GETARG_DATUM(0);

	SPI_connect();
	for (;;)
	{
		if (!get_entry(id))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("waitlist entry %lld does not exist", (long long) DatumGetInt64(id))));
		if (is("waiting"))
		{
			if (leave_line(id, DatumGetInt64(entry_column("resource_id", INT8OID, &isnull))) && get_entry(id))
				break;
			continue;
		}
		if (is("offered"))
		{
			/* Declined, or by now something else; an offer without its hold stays as it is. */
			if (booking_run(STMT_FIND_OFFER, &id, NULL) > 0)
				booking_life_cancel(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull),
									(Datum) 0);
			else if (++lost > 1)
			{
				if (get_entry(id))
					break;
			}
			continue;
		}
		break;
	}
	entry = booking_row_datum_of("waitlist");
	SPI_finish();
	PG_RETURN_DATUM(booking_returned(fcinfo, entry));
}

/*
 * False when it does not wait any more: a transaction that was about to offer it something has
 * done so when we get the LINE lock.  RESOURCE comes before LINE, as everywhere.  Both are given
 * back then: an offer is declined under its ID lock, which comes before them.
 */
static bool
leave_line(Datum id, int64 resource_id)
{
	Leaving		leaving = {id, resource_id};

	return booking_attempted(lock_and_leave, &leaving, NULL);
}

static bool
lock_and_leave(void *arg)
{
	Leaving    *leaving = arg;
	bool		left;

	SPI_connect();
	booking_lock_resource(leaving->resource_id);
	(void) booking_lock_line(leaving->resource_id, true);
	left = booking_run(STMT_LEAVE_WAITLIST, &leaving->id, NULL) > 0;
	SPI_finish();
	return left;
}

static bool
get_entry(Datum id)
{
	return booking_run(STMT_GET_ENTRY, &id, NULL) > 0;
}

/* A value of the entry just read. */
static Datum
entry_column(const char *name, Oid type, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
						 booking_column_named(SPI_tuptable->tupdesc, name, type), isnull);
}

/* Does the entry just read have this status? */
static bool
is(const char *status)
{
	bool		isnull;
	Datum		value = entry_column("status", TEXTOID, &isnull);

	return !isnull && strcmp(TextDatumGetCString(value), status) == 0;
}
