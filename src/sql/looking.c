/*-------------------------------------------------------------------------
 *
 * looking.c
 *		free_periods(), usage(), remaining() and seat_map(): what is free, and how much.
 *
 * Thin functions over availability.c and look.c.  They tell what is free and what is taken to
 * every role that may call them, also one that may not read the bookings: a refused booking
 * would tell as much.  The seats of a resource they read as the caller.
 *
 * None of them takes a lock or writes; what they look at is as of now (look.c).  For that
 * they cannot be run by a parallel worker, nor by its leader meanwhile: both have one
 * snapshot, and may take no other.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rangetypes.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/period.h"
#include "base/plans.h"
#include "engine/row_fault.h"
#include "engine/visible.h"
#include "rules/availability.h"
#include "rules/look.h"
#include "rules/policy.h"
#include "sql/looking.h"

PG_FUNCTION_INFO_V1(booking_free_periods_named);
PG_FUNCTION_INFO_V1(booking_free_periods);
PG_FUNCTION_INFO_V1(booking_usage_named);
PG_FUNCTION_INFO_V1(booking_usage);
PG_FUNCTION_INFO_V1(booking_remaining_named);
PG_FUNCTION_INFO_V1(booking_remaining);
PG_FUNCTION_INFO_V1(booking_remaining_in_slot);
PG_FUNCTION_INFO_V1(booking_seat_map_named);
PG_FUNCTION_INFO_V1(booking_seat_map);
PG_FUNCTION_INFO_V1(booking_seat_map_of_slot);

/* Rows of usage(), as they are found. */
typedef struct UsageRows
{
	ReturnSetInfo *result;
	int64		capacity;
	int64		most;			/* a slot that takes the resource and its seats take them once */
} UsageRows;

/* What there is to say about a seat. */
typedef enum SeatStatus
{
	SEAT_FREE,
	SEAT_CLOSED,
	SEAT_HELD,
	SEAT_BOOKED
} SeatStatus;

typedef struct SeatState
{
	SeatStatus	status;
	TimestampTz expires_at;
} SeatState;

static Datum list_free_periods(FunctionCallInfo fcinfo, bool by_name);
static void free_times_of_slots(const Resource *resource, Period within, int32 quantity,
								int64 least, Periods *free);
static Datum list_usage(FunctionCallInfo fcinfo, bool by_name);
static void put_usage(int64 from, int64 to, int64 sum, void *arg);
static Datum count_remaining(FunctionCallInfo fcinfo, bool by_name);
static Datum draw_seat_map(FunctionCallInfo fcinfo, bool by_name);
static void put_seats(FunctionCallInfo fcinfo, const Resource *resource, const Slot *slot,
					  Period period, bool closed);
static SeatState *seat_states(const Resource *resource, const Slot *slot, Period period, bool closed);
static void must_be_seated(const Resource *resource);

/* ---- arguments ---- */

/* The resource that the first argument names. */
const Resource *
booking_look_argument(FunctionCallInfo fcinfo, bool by_name)
{
	const Resource *resource;

	if (PG_ARGISNULL(0))
		booking_null_argument("resource");
	if (by_name)
	{
		char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));

		resource = booking_peek_resource_named(name);
		booking_must_see_named(resource->id, name);
	}
	else
	{
		resource = booking_peek_resource(PG_GETARG_INT64(0));
		booking_must_see(resource->id);
	}
	return resource;
}

Period
booking_period_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	Period		period;

	if (PG_ARGISNULL(n))
		booking_null_argument(name);
	booking_check_period(PG_GETARG_RANGE_P(n), &period);
	return period;
}

int32
booking_quantity_argument(FunctionCallInfo fcinfo, int n)
{
	if (PG_ARGISNULL(n))
		booking_null_argument("quantity");
	booking_check_quantity(PG_GETARG_INT32(n));
	return PG_GETARG_INT32(n);
}

/* Where the answer would be endless, or too long. */
void
booking_check_search(Period within)
{
	if (within.to == DT_NOEND)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("within must have an end"),
				 errdetail("It is %s.", booking_period_text(booking_make_range(within)))));
	if (within.to - within.from > MOST_YEARS_TO_SEARCH * INT64CONST(366) * USECS_PER_DAY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("within must not be longer than %d years", MOST_YEARS_TO_SEARCH),
				 errdetail("It is %s.", booking_period_text(booking_make_range(within)))));
}

/* ---- free_periods() ---- */

Datum
booking_free_periods_named(PG_FUNCTION_ARGS)
{
	return list_free_periods(fcinfo, true);
}

Datum
booking_free_periods(PG_FUNCTION_ARGS)
{
	return list_free_periods(fcinfo, false);
}

static Datum
list_free_periods(FunctionCallInfo fcinfo, bool by_name)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Period		within = booking_period_argument(fcinfo, 1, "within");
	Asker		asker = {.quantity = booking_quantity_argument(fcinfo, 2)};
	int64		least = PG_ARGISNULL(3) ? 1 : booking_interval_length(PG_GETARG_INTERVAL_P(3));
	const Resource *resource;
	Periods		free = {0};
	Taken		taken;

	if (least <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("min_duration must be positive")));
	resource = booking_look_argument(fcinfo, by_name);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (resource->hours.nweekly > 0 || resource->hours.ndated > 0 || resource->slots_only)
		booking_check_search(within);

	if (resource->slots_only)
		free_times_of_slots(resource, within, asker.quantity, least, &free);
	else
	{
		booking_available(resource, within, &asker, &free, &taken);
		least = Max(least, resource->min_duration);
		if (resource->max_duration != NO_RULE && resource->max_duration < least)
			free.n = 0;
	}

	for (int i = 0; i < free.n; i++)
	{
		Period		period = free.period[i];
		Datum		value;
		bool		isnull = false;

		CHECK_FOR_INTERRUPTS();
		if (period.to != DT_NOEND && period.to - period.from < least)
			continue;
		value = RangeTypePGetDatum(booking_make_range(period));
		tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
		pfree(DatumGetPointer(value));
	}
	return (Datum) 0;
}

/* Of a resource that is booked by its slots: the times of those that have enough places. */
static void
free_times_of_slots(const Resource *resource, Period within, int32 quantity, int64 least,
					Periods *free)
{
	SlotList	slots;

	booking_slots_between(resource, within, &slots);
	for (int i = 0; i < slots.n; i++)
	{
		const Slot *slot = &slots.slot[i];

		CHECK_FOR_INTERRUPTS();
		if (slot->period.to > within.to || slot->period.to - slot->period.from < least ||
			(free->n > 0 && memcmp(&free->period[free->n - 1], &slot->period, sizeof(Period)) == 0))
			continue;
		if (booking_left_in_slot(resource, slot) >= quantity)
			booking_periods_add(free, slot->period);
	}
}

/* ---- usage() ---- */

Datum
booking_usage_named(PG_FUNCTION_ARGS)
{
	return list_usage(fcinfo, true);
}

Datum
booking_usage(PG_FUNCTION_ARGS)
{
	return list_usage(fcinfo, false);
}

static Datum
list_usage(FunctionCallInfo fcinfo, bool by_name)
{
	Period		within = booking_period_argument(fcinfo, 1, "within");
	const Resource *resource = booking_look_argument(fcinfo, by_name);
	UsageRows	rows;
	Taken		taken;

	InitMaterializedSRF(fcinfo, 0);
	rows.result = (ReturnSetInfo *) fcinfo->resultinfo;
	rows.capacity = booking_units(resource);
	rows.most = resource->kind == RESOURCE_POOLED ? PG_INT32_MAX : rows.capacity;
	booking_look(resource, within, NULL, &taken);
	booking_steps(taken.item, taken.n, (PeakWindow) {within.from, within.to}, put_usage, &rows);
	return (Datum) 0;
}

static void
put_usage(int64 from, int64 to, int64 sum, void *arg)
{
	UsageRows  *rows = arg;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	CHECK_FOR_INTERRUPTS();
	values[0] = RangeTypePGetDatum(booking_make_range((Period) {from, to}));
	values[1] = Int32GetDatum((int32) Min(sum, rows->most));
	values[2] = Int32GetDatum((int32) rows->capacity);
	tuplestore_putvalues(rows->result->setResult, rows->result->setDesc, values, nulls);
	pfree(DatumGetPointer(values[0]));
}

/* ---- remaining() ---- */

Datum
booking_remaining_named(PG_FUNCTION_ARGS)
{
	return count_remaining(fcinfo, true);
}

Datum
booking_remaining(PG_FUNCTION_ARGS)
{
	return count_remaining(fcinfo, false);
}

static Datum
count_remaining(FunctionCallInfo fcinfo, bool by_name)
{
	Period		period = booking_period_argument(fcinfo, 1, "period");

	PG_RETURN_INT32((int32) booking_left(booking_look_argument(fcinfo, by_name), period));
}

Datum
booking_remaining_in_slot(PG_FUNCTION_ARGS)
{
	const Resource *resource;
	Slot		slot;
	int64		left;

	if (PG_ARGISNULL(0))
		booking_null_argument("slot_id");
	slot = booking_peek_slot(PG_GETARG_INT64(0), &resource);
	booking_must_see_slot(resource->id, slot.id);
	left = booking_left_in_slot(resource, &slot);
	PG_RETURN_INT32((int32) Max(left, 0));
}

/* ---- seat_map() ---- */

Datum
booking_seat_map_named(PG_FUNCTION_ARGS)
{
	return draw_seat_map(fcinfo, true);
}

Datum
booking_seat_map(PG_FUNCTION_ARGS)
{
	return draw_seat_map(fcinfo, false);
}

/* Of a resource that is booked by its slots, the seats in the first one for this period. */
static Datum
draw_seat_map(FunctionCallInfo fcinfo, bool by_name)
{
	Period		period = booking_period_argument(fcinfo, 1, "period");
	const Resource *resource = booking_look_argument(fcinfo, by_name);
	SlotList	slots;

	must_be_seated(resource);
	if (!resource->slots_only)
	{
		put_seats(fcinfo, resource, NULL, period, !booking_rules_allow(resource, period, POLICY_ALL));
		return (Datum) 0;
	}
	booking_slots_at(resource, period, &slots);
	if (slots.n == 0)
		booking_no_such_slot(resource, booking_make_range(period));
	put_seats(fcinfo, resource, &slots.slot[0], period,
			  booking_left_in_slot(resource, &slots.slot[0]) <= 0);
	return (Datum) 0;
}

Datum
booking_seat_map_of_slot(PG_FUNCTION_ARGS)
{
	const Resource *resource;
	Slot		slot;

	if (PG_ARGISNULL(0))
		booking_null_argument("slot_id");
	slot = booking_peek_slot(PG_GETARG_INT64(0), &resource);
	booking_must_see_slot(resource->id, slot.id);
	must_be_seated(resource);
	put_seats(fcinfo, resource, &slot, slot.period, booking_left_in_slot(resource, &slot) <= 0);
	return (Datum) 0;
}

static void
must_be_seated(const Resource *resource)
{
	if (resource->kind != RESOURCE_SEATED)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("resource \"%s\" has no seats", resource->name),
				 errhint("remaining() says how many can be booked, usage() what is in use.")));
}

static void
put_seats(FunctionCallInfo fcinfo, const Resource *resource, const Slot *slot, Period period,
		  bool closed)
{
	static const char *const names[] = {"free", "closed", "held", "booked"};
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum		id = Int64GetDatum(resource->id);
	SeatState  *states = seat_states(resource, slot, period, closed);
	Datum		texts[lengthof(names)];
	uint64		n;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < (int) lengthof(names); i++)
		texts[i] = CStringGetTextDatum(names[i]);

	SPI_connect();
	n = booking_run(STMT_SEATS, &id, NULL);
	for (uint64 i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		Datum		values[4];
		bool		nulls[4] = {false, false, false, false};
		bool		isnull;
		const Seat *seat = booking_seat_numbered(resource, DatumGetInt32(SPI_getbinval(row, desc, 1, &isnull)));
		const SeatState *state = seat ? &states[seat - resource->seats] : NULL;

		CHECK_FOR_INTERRUPTS();
		values[0] = SPI_getbinval(row, desc, 2, &nulls[0]);
		values[1] = SPI_getbinval(row, desc, 3, &nulls[1]);
		values[2] = texts[state ? state->status : SEAT_CLOSED];
		nulls[3] = state == NULL || state->status != SEAT_HELD;
		values[3] = nulls[3] ? (Datum) 0 : TimestampTzGetDatum(state->expires_at);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	SPI_finish();
}

/*
 * The state of each seat, by its position among the seats of the resource.  A seat that is
 * booked for a part of the period, and held for another, is booked; one that is held
 * twice is held until the last of them has lapsed.
 */
static SeatState *
seat_states(const Resource *resource, const Slot *slot, Period period, bool closed)
{
	SeatState  *states = palloc0_array(SeatState, resource->nseats + 1);
	Period		occupies = slot && slot->takes_resource ? slot->occupies :
		booking_widen(period, resource->buffer_before, resource->buffer_after);
	Taken		taken;

	booking_look(resource, occupies, NULL, &taken);
	for (int i = 0; i < taken.n; i++)
	{
		const Seat *seat = booking_seat_numbered(resource, taken.as[i].seat_no);
		SeatStatus	status = taken.as[i].expires_at == DT_NOEND ? SEAT_BOOKED : SEAT_HELD;
		SeatState  *state;

		if (taken.as[i].by == TAKEN_BY_SLOT)
			closed = closed || !(slot && slot->takes_resource);
		if (seat == NULL)
			continue;
		state = &states[seat - resource->seats];
		if (status == SEAT_HELD)
			state->expires_at = Max(state->expires_at, taken.as[i].expires_at);
		state->status = Max(state->status, status);
	}
	for (int i = 0; closed && i < resource->nseats; i++)
		if (states[i].status == SEAT_FREE)
			states[i].status = SEAT_CLOSED;
	return states;
}
