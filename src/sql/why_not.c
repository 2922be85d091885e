/*-------------------------------------------------------------------------
 *
 * why_not.c
 *		why_not(): what is in the way of a booking?
 *
 * A refusal names the first obstacle that is met; here are all of them, each with the part
 * of the time that it concerns.  They are found by the same rules, and no row means that
 * the booking can be made.  An obstacle is called what the constraint of the refusal is
 * called.  Three kinds of refusal have no constraint, and have a name here: "retired",
 * "no_slot", and "quantity" for several of what there is one of.
 *
 * It does not tell which holders' bookings are in the way, nor which holders wait.
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
#include "base/plans.h"
#include "engine/open.h"
#include "engine/row_fault.h"
#include "rules/availability.h"
#include "rules/policy.h"
#include "sql/looking.h"

PG_FUNCTION_INFO_V1(booking_why_not_named);
PG_FUNCTION_INFO_V1(booking_why_not);

/* Of each kind, so many are listed. */
#define MOST_OBSTACLES	100

/* How far to look for a time that would do. */
#define DAYS_AHEAD		7

typedef struct Obstacle
{
	const char *name;
	Period		during;
	char	   *detail;
} Obstacle;

typedef struct Wish
{
	const Resource *resource;
	Period		period;
	Asker		asker;
	List	   *obstacles;		/* of Obstacle */
} Wish;

static Datum list_obstacles(FunctionCallInfo fcinfo, bool by_name);
static void add_obstacle(Wish *wish, const char *name, Period during, char *detail);
static void refused_because(Wish *wish, const Refusal *refusal, Period during);
static void judge_policy(Wish *wish, int rule);
static Period beyond_notice(const Wish *wish);
static bool note_opening(Period open, void *arg);
static void judge_hours(Wish *wish);
static void judge_closures(Wish *wish);
static void judge_limits(Wish *wish, int64 slot_id);
static void judge_slots_only(Wish *wish);
static void judge_one_slot(Wish *wish, const Slot *slot);
static void no_slot(Wish *wish);
static void judge_space(Wish *wish, Period occupies, const Slot *slot);
static void judge_one_thing(Wish *wish, const Taken *taken, Period occupies);
static void judge_units(Wish *wish, const Taken *taken, Period occupies);
static const char *next_time(const Wish *wish);
static void put_obstacles(FunctionCallInfo fcinfo, const Wish *wish);

Datum
booking_why_not_named(PG_FUNCTION_ARGS)
{
	return list_obstacles(fcinfo, true);
}

Datum
booking_why_not(PG_FUNCTION_ARGS)
{
	return list_obstacles(fcinfo, false);
}

static Datum
list_obstacles(FunctionCallInfo fcinfo, bool by_name)
{
	Wish		wish = {0};
	const Resource *resource;

	wish.period = booking_period_argument(fcinfo, 1, "period");
	if (!PG_ARGISNULL(2))
	{
		wish.asker.holder = PG_GETARG_TEXT_PP(2);
		booking_check_holder(wish.asker.holder);
	}
	wish.asker.quantity = booking_quantity_argument(fcinfo, 3);
	wish.resource = resource = booking_look_argument(fcinfo, by_name);
	if (!PG_ARGISNULL(4))
		wish.asker.seat = booking_seat_wanted(resource, text_to_cstring(PG_GETARG_TEXT_PP(4)));

	judge_policy(&wish, POLICY_NOTICE);
	if (resource->slots_only)
		judge_slots_only(&wish);
	else
	{
		judge_policy(&wish, POLICY_DURATION);
		judge_hours(&wish);
		judge_closures(&wish);
		judge_limits(&wish, 0);
		if (resource->kind != RESOURCE_POOLED && wish.asker.quantity != 1)
			add_obstacle(&wish, "quantity", wish.period,
					   psprintf("Wanted " INT64_FORMAT "; %s.", wish.asker.quantity,
								resource->kind == RESOURCE_EXCLUSIVE ?
								"it is exclusive: one booking at a time" : "one booking takes one seat"));
		else
			judge_space(&wish, booking_widen(wish.period, resource->buffer_before, resource->buffer_after),
						NULL);
	}
	put_obstacles(fcinfo, &wish);
	return (Datum) 0;
}

static void
add_obstacle(Wish *wish, const char *name, Period during, char *detail)
{
	Obstacle   *obstacle = palloc(sizeof(Obstacle));

	*obstacle = (Obstacle) {name, during, detail};
	wish->obstacles = lappend(wish->obstacles, obstacle);
}

static void
refused_because(Wish *wish, const Refusal *refusal, Period during)
{
	add_obstacle(wish, refusal->constraint, during,
			   psprintf("%s%s%s", refusal->detail, refusal->hint ? "  " : "",
						refusal->hint ? refusal->hint : ""));
}

/* ---- rules ---- */

static void
judge_policy(Wish *wish, int rule)
{
	const Resource *resource = wish->resource;
	Period		during = wish->period;
	Refusal		refusal;

	if (booking_policy_allows(resource, wish->period, rule, &refusal))
		return;
	if (rule == POLICY_NOTICE)
		during = beyond_notice(wish);
	else if (rule == POLICY_DURATION && resource->max_duration != NO_RULE &&
			 (during.to == DT_NOEND || during.to - during.from > resource->max_duration))
		during.from = booking_shift(during.from, resource->max_duration);
	refused_because(wish, &refusal, during);
}

/* What is too early of a period that begins too early; all of one that begins too late. */
static Period
beyond_notice(const Wish *wish)
{
	Period		during = wish->period;
	TimestampTz earliest;

	if (wish->resource->min_notice == NO_RULE)
		return during;
	earliest = booking_shift(GetCurrentTimestamp(), wish->resource->min_notice);
	if (during.from < earliest)
		during.to = Min(during.to, earliest);
	return during;
}

static bool
note_opening(Period open, void *arg)
{
	Periods    *openings = arg;

	booking_periods_add(openings, open);
	return openings->n <= MOST_OBSTACLES;
}

/* Each stretch of the period in which it is not open. */
static void
judge_hours(Wish *wish)
{
	const Resource *resource = wish->resource;
	Periods		openings = {0};
	Periods		all = {0};
	Periods		rest = {0};
	Period		period = wish->period;
	Refusal		refusal;

	if (booking_policy_allows(resource, period, POLICY_HOURS, &refusal))
		return;
	booking_periods_add(&all, period);
	if (period.to != DT_NOEND)
		booking_visit_openings(&resource->hours, resource->tz, period, note_opening, &openings);
	booking_periods_without(&all, openings.period, openings.n, &rest);
	for (int i = 0; i < Min(rest.n, MOST_OBSTACLES); i++)
		refused_because(wish, &refusal, rest.period[i]);
}

/* Closures, and the end of the resource. */
static void
judge_closures(Wish *wish)
{
	const Resource *resource = wish->resource;
	Period		period = wish->period;
	Closure    *closures;
	int			n;

	if (resource->retired_at < period.to)
		add_obstacle(wish, "retired", (Period) {Max(period.from, resource->retired_at), period.to},
				   psprintf("It is retired, and cannot be booked beyond %s.",
							booking_instant_text(resource->retired_at)));

	closures = booking_closures_in(resource, period, MOST_OBSTACLES, &n);
	for (int i = 0; i < n; i++)
	{
		Period		closed = closures[i].period;
		TimestampTz next = period.to == DT_NOEND ? DT_NOEND :
			booking_next_open(resource, period.from, period.to - period.from);
		StringInfoData detail;

		initStringInfo(&detail);
		appendStringInfo(&detail, "It is closed in %s%s%s.", booking_period_text(booking_make_range(closed)),
						 closures[i].reason ? ": " : "", closures[i].reason ? closures[i].reason : "");
		if (next != DT_NOEND)
			appendStringInfo(&detail, "  It is open again for that long from %s.",
							 booking_instant_text(next));
		add_obstacle(wish, CONSTRAINT_CLOSED, (Period) {Max(period.from, closed.from), Min(period.to, closed.to)},
				   detail.data);
	}
}

static void
judge_limits(Wish *wish, int64 slot_id)
{
	Refusal    *refusals = palloc_array(Refusal, wish->resource->nlimits + 1);
	int			n = booking_limits_of_asker(wish->resource, slot_id, wish->period, &wish->asker, refusals);

	for (int i = 0; i < n; i++)
		refused_because(wish, &refusals[i], wish->period);
}

/* ---- slots ---- */

/* Any of the slots for this period will do; if none does, each is in the way. */
static void
judge_slots_only(Wish *wish)
{
	SlotList	slots;
	List	   *before = wish->obstacles;

	booking_slots_at(wish->resource, wish->period, &slots);
	if (slots.n == 0)
		no_slot(wish);
	for (int i = 0; i < slots.n; i++)
	{
		int			n = list_length(wish->obstacles);

		CHECK_FOR_INTERRUPTS();
		before = i == 0 ? list_copy(wish->obstacles) : before;
		judge_one_slot(wish, &slots.slot[i]);
		if (list_length(wish->obstacles) == n)
		{
			wish->obstacles = before;
			break;
		}
	}
}

static void
judge_one_slot(Wish *wish, const Slot *slot)
{
	const Resource *resource = wish->resource;
	Asker	   *asker = &wish->asker;
	bool		room = resource->kind != RESOURCE_POOLED && (asker->seat || !slot->takes_resource);
	Period		occupies = slot->takes_resource ? slot->occupies :
		booking_widen(slot->period, resource->buffer_before, resource->buffer_after);
	int64		left;

	judge_closures(wish);
	judge_limits(wish, slot->id);
	if (slot->closed)
		add_obstacle(wish, CONSTRAINT_CLOSED, slot->period,
				   psprintf("Slot %lld is closed, and takes no more bookings.", (long long) slot->id));
	if (asker->seat && asker->quantity != 1)
		add_obstacle(wish, "quantity", slot->period,
				   psprintf("Wanted " INT64_FORMAT "; one booking takes one seat.", asker->quantity));

	left = booking_places_behind_line(resource, slot, asker->holder);
	if (left < asker->quantity)
		add_obstacle(wish, CONSTRAINT_CAPACITY, slot->period,
				   psprintf("Wanted " INT64_FORMAT "; " INT64_FORMAT " of %d places are left.",
							asker->quantity, Max(left, 0), slot->capacity));
	if (room)
		judge_space(wish, occupies, slot);
}

static void
no_slot(Wish *wish)
{
	Datum		values[2];
	MemoryContext context = CurrentMemoryContext;
	char	   *near;
	char	   *detail;

	values[0] = Int64GetDatum(wish->resource->id);
	values[1] = RangeTypePGetDatum(booking_make_range(wish->period));
	SPI_connect();
	booking_run(STMT_SLOTS_NEAR, values, NULL);
	near = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	context = MemoryContextSwitchTo(context);
	detail = near ? psprintf("It is booked by its published slots only.  Slots near it: %s.", near) :
		pstrdup("It is booked by its published slots only, and has no open one.");
	MemoryContextSwitchTo(context);
	SPI_finish();
	add_obstacle(wish, "no_slot", wish->period, detail);
}

/* ---- space ---- */

/* What is taken, by bookings, by slots, and by entries of the line. */
static void
judge_space(Wish *wish, Period occupies, const Slot *slot)
{
	const Resource *resource = wish->resource;
	Taken		taken;
	int			kept = 0;

	booking_look_behind_line(resource, occupies, &wish->asker, &taken);
	for (int i = 0; i < taken.n; i++)
	{
		Period		during = {Max(occupies.from, taken.item[i].from), Min(occupies.to, taken.item[i].to)};

		if (during.from >= during.to)
			continue;
		if (taken.as[i].by != TAKEN_BY_SLOT)
		{
			taken.item[kept] = taken.item[i];
			taken.as[kept++] = taken.as[i];
		}
		else if (!(slot && slot->takes_resource))
			add_obstacle(wish, CONSTRAINT_NO_OVERLAP, during,
					   pstrdup("A published slot takes it.  Book a place in that slot, or try another period."));
	}
	taken.n = kept;

	if (resource->kind == RESOURCE_POOLED)
		judge_units(wish, &taken, occupies);
	else if (resource->kind == RESOURCE_SEATED && wish->asker.seat == NULL)
	{
		if (booking_room_left(&taken, occupies) == 0)
			add_obstacle(wish, CONSTRAINT_CAPACITY, occupies, resource->nseats == 0 ?
						 pstrdup("It has no seats.") :
						 psprintf("Each of its %d seats is taken for some of that time.%s", resource->nseats, next_time(wish)));
	}
	else
		judge_one_thing(wish, &taken, occupies);
}

static void
judge_one_thing(Wish *wish, const Taken *taken, Period occupies)
{
	const Resource *resource = wish->resource;
	const char *next = "";
	PeakItem   *items = palloc_extended((taken->n + 1) * sizeof(PeakItem), MCXT_ALLOC_HUGE);
	int			n = 0;
	Periods		gaps = {0};
	Periods		all = {0};
	Periods		rest = {0};

	for (int i = 0; i < taken->n; i++)
		if (wish->asker.seat == NULL || taken->as[i].seat_no == wish->asker.seat->seat_no)
			items[n++] = taken->item[i];
	booking_periods_add(&all, occupies);
	booking_gaps(items, n, occupies, 0, &gaps);
	booking_periods_without(&all, gaps.period, gaps.n, &rest);
	if (rest.n > 0)
		next = next_time(wish);
	for (int i = 0; i < Min(rest.n, MOST_OBSTACLES); i++)
		add_obstacle(wish, CONSTRAINT_NO_OVERLAP, rest.period[i],
				   psprintf("It is taken%s.%s", resource->has_waiters ?
							", or waited for" : "", next));
}

static void
judge_units(Wish *wish, const Taken *taken, Period occupies)
{
	const Resource *resource = wish->resource;
	int64		left = booking_room_left(taken, occupies);
	const char *next;
	Periods		gaps = {0};
	Periods		all = {0};
	Periods		rest = {0};

	if (left >= wish->asker.quantity)
		return;
	next = next_time(wish);
	booking_periods_add(&all, occupies);
	if (wish->asker.quantity <= resource->capacity)
		booking_gaps(taken->item, taken->n, occupies, resource->capacity - wish->asker.quantity, &gaps);
	booking_periods_without(&all, gaps.period, gaps.n, &rest);
	for (int i = 0; i < Min(rest.n, MOST_OBSTACLES); i++)
		add_obstacle(wish, CONSTRAINT_CAPACITY, rest.period[i],
				   psprintf("Wanted " INT64_FORMAT "; left for all of the period " INT64_FORMAT " of %d.%s",
							wish->asker.quantity, left, resource->capacity, next));
}

/* When the same could be booked, if that is within some days. */
static const char *
next_time(const Wish *wish)
{
	const Resource *resource = wish->resource;
	int64		length = wish->period.to - wish->period.from;
	int64		horizon = DAYS_AHEAD * USECS_PER_DAY;
	Period		within = wish->period;
	Periods		free = {0};
	Taken		taken;

	if (resource->slots_only || within.to == DT_NOEND || length > horizon)
		return "";
	within.to = booking_shift(within.from, horizon + length);
	booking_available(resource, within, &wish->asker, &free, &taken);
	for (int i = 0; i < free.n; i++)
		if (free.period[i].to - free.period[i].from >= length)
			return psprintf("  The same is free from %s.", booking_instant_text(free.period[i].from));
	return psprintf("  Nothing like it is free within %d days.", DAYS_AHEAD);
}

static void
put_obstacles(FunctionCallInfo fcinfo, const Wish *wish)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, wish->obstacles)
	{
		Obstacle   *obstacle = lfirst(cell);
		Datum		values[3];
		bool		nulls[3] = {false, false, false};

		values[0] = CStringGetTextDatum(obstacle->name);
		values[1] = RangeTypePGetDatum(booking_make_range(obstacle->during));
		values[2] = CStringGetTextDatum(obstacle->detail);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}
