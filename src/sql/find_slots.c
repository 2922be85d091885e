/*-------------------------------------------------------------------------
 *
 * find_slots.c
 *		find_slots(): the first times at which something of many resources can be booked.
 *
 * Each resource has a cursor that finds its next offer when it is asked; a heap of cursors
 * gives the earliest of all.  So what comes after the last result is never looked at.  A
 * cursor looks at a stretch of time as a whole, a day at first, and twice as much each
 * time that there was little in it.
 *
 * An offer of a resource that is booked by its slots is the period of a slot that lasts at
 * least as long as wanted.  Of any other it is a period exactly that long, which begins on
 * a step of the resource's local clock: steps shorter than a day are counted from each
 * midnight, longer ones from the beginning of the time that is searched.  A time that
 * the clock jumps over is no step.  One that it shows twice is a step both times, if steps are
 * shorter than a day; a longer one ends at the first.
 *
 * Each offer has been judged by the very functions that judge a booking.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/binaryheap.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/plans.h"
#include "engine/visible.h"
#include "rules/availability.h"
#include "rules/policy.h"
#include "sql/looking.h"

PG_FUNCTION_INFO_V1(booking_find_slots_in);

/* With less in a stretch of time, the next one is twice as long; with more, half as long. */
#define LITTLE_TAKEN	256
#define MUCH_TAKEN		16384

/* What is searched for. */
typedef struct Search
{
	Period		within;
	int64		duration;
	int64		step;
	text	   *category;		/* or NULL */
	Asker		asker;
	int32		max_results;
} Search;

typedef struct SlotCursor
{
	const Search *search;
	const Resource *resource;
	MemoryContext memory;		/* of the stretch that is being looked at */
	Period		starts;			/* that stretch: what begins in it */
	int64		length;			/* of the next one */
	TimestampTz latest;			/* start that can be booked */

	Periods		free;			/* in this stretch, */
	Taken		taken;
	int			next;			/* of these, or of the slots */
	TimestampTz from;			/* the next start to be tried */
	SlotList	slots;

	Period		offer;
	int64		remaining;
} SlotCursor;

static void read_search(FunctionCallInfo fcinfo, Search *search);
static int64 usual_step(int64 duration);
static int	compare_resource_ids(const void *a, const void *b);
static SlotCursor *open_cursor(const Search *search, int64 resource_id);
static bool next_offer(SlotCursor *cursor);
static bool next_free_offer(SlotCursor *cursor);
static bool next_slot_offer(SlotCursor *cursor);
static bool next_stretch(SlotCursor *cursor);
static bool judge_offer(SlotCursor *cursor, Period offer);
static TimestampTz next_step(const SlotCursor *cursor, TimestampTz at);
static TimestampTz next_step_of_days(const SlotCursor *cursor, TimestampTz at);
static int64 round_up(int64 value, int64 step);
static int	later_offer(Datum a, Datum b, void *arg);
static void put_offer(ReturnSetInfo *result, const SlotCursor *cursor);

Datum
booking_find_slots_in(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Search		search = {0};
	binaryheap *heap;
	int64	   *ids;
	int			n;
	int			unlike = 0;

	read_search(fcinfo, &search);
	ids = PG_ARGISNULL(2) ? booking_resources_of_category(search.category, &n) :
		booking_resources_named(PG_GETARG_ARRAYTYPE_P(2), &n);
	InitMaterializedSRF(fcinfo, 0);
	if (n > 1)
		qsort(ids, n, sizeof(int64), compare_resource_ids);
	for (int i = 0; i < n; i++)
		if (i == 0 || ids[i] != ids[unlike - 1])
			ids[unlike++] = ids[i];

	heap = binaryheap_allocate(Max(unlike, 1), later_offer, NULL);
	for (int i = 0; i < unlike; i++)
	{
		SlotCursor *cursor = open_cursor(&search, ids[i]);

		CHECK_FOR_INTERRUPTS();
		if (cursor && next_offer(cursor))
			binaryheap_add_unordered(heap, PointerGetDatum(cursor));
	}
	binaryheap_build(heap);

	for (int found = 0; found < search.max_results && !binaryheap_empty(heap); found++)
	{
		SlotCursor *cursor = (SlotCursor *) DatumGetPointer(binaryheap_first(heap));

		CHECK_FOR_INTERRUPTS();
		put_offer(result, cursor);
		if (found + 1 == search.max_results)
			break;
		if (next_offer(cursor))
			binaryheap_replace_first(heap, PointerGetDatum(cursor));
		else
			(void) binaryheap_remove_first(heap);
	}
	return (Datum) 0;
}

static void
read_search(FunctionCallInfo fcinfo, Search *search)
{
	search->within = booking_period_argument(fcinfo, 0, "within");
	booking_check_search(search->within);
	if (PG_ARGISNULL(1))
		booking_null_argument("duration");
	search->duration = booking_interval_length(PG_GETARG_INTERVAL_P(1));
	search->category = PG_ARGISNULL(3) ? NULL : PG_GETARG_TEXT_PP(3);
	search->asker.quantity = booking_quantity_argument(fcinfo, 4);
	search->step = PG_ARGISNULL(5) ? usual_step(search->duration) :
		booking_interval_length(PG_GETARG_INTERVAL_P(5));
	if (PG_ARGISNULL(6))
		booking_null_argument("max_results");
	search->max_results = PG_GETARG_INT32(6);

	if (search->duration <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("duration must be positive")));
	if (search->step <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("step must be positive")));
	if (search->max_results <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_results must be 1 or more"),
				 errdetail("It is %d.", search->max_results)));
}

/* A quarter of an hour, and a day for what lasts days. */
static int64
usual_step(int64 duration)
{
	return duration >= USECS_PER_DAY ? USECS_PER_DAY : Min(duration, 15 * USECS_PER_MINUTE);
}

int64 *
booking_resources_named(ArrayType *array, int *n)
{
	Datum	   *names;
	bool	   *nulls;
	int64	   *ids;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, n);
	ids = palloc_array(int64, Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (nulls[i])
			booking_null_argument("resources");
		ids[i] = booking_peek_resource_named(TextDatumGetCString(names[i]))->id;
		booking_must_see_named(ids[i], TextDatumGetCString(names[i]));
	}
	return ids;
}

/* As the caller sees them. */
int64 *
booking_resources_of_category(text *category, int *n)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		value = PointerGetDatum(category);
	int64	   *ids;
	bool		isnull;

	SPI_connect();
	*n = (int) booking_run(STMT_RESOURCES, &value, category ? NULL : "n");
	ids = MemoryContextAllocHuge(context, Max(*n, 1) * sizeof(int64));
	for (int i = 0; i < *n; i++)
		ids[i] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	return ids;
}

static int
compare_resource_ids(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

/* NULL when the resource has nothing to offer, whatever is free. */
static SlotCursor *
open_cursor(const Search *search, int64 resource_id)
{
	const Resource *resource = booking_peek_resource(resource_id);
	Period		example = {search->within.from, search->within.from + search->duration};
	SlotCursor *cursor;

	if (search->category &&
		(resource->category == NULL ||
		 strlen(resource->category) != VARSIZE_ANY_EXHDR(search->category) ||
		 memcmp(resource->category, VARDATA_ANY(search->category), VARSIZE_ANY_EXHDR(search->category)) != 0))
		return NULL;
	if (!resource->slots_only &&
		(search->duration > search->within.to - search->within.from ||
		 !booking_policy_allows(resource, example, POLICY_DURATION, NULL)))
		return NULL;

	cursor = palloc0(sizeof(SlotCursor));
	cursor->search = search;
	cursor->resource = resource;
	cursor->memory = AllocSetContextCreate(CurrentMemoryContext, "booking find_slots",
										   ALLOCSET_SMALL_SIZES);
	cursor->starts = (Period) {search->within.from, search->within.from};
	cursor->length = USECS_PER_DAY;
	cursor->latest = booking_latest_start(resource);
	return cursor;
}

static bool
next_offer(SlotCursor *cursor)
{
	MemoryContext context = MemoryContextSwitchTo(cursor->memory);
	bool		found;

	do
		found = cursor->resource->slots_only ? next_slot_offer(cursor) : next_free_offer(cursor);
	while (!found && next_stretch(cursor));
	MemoryContextSwitchTo(context);
	if (!found)
		MemoryContextDelete(cursor->memory);
	return found;
}

/* False when this stretch has no more. */
static bool
next_free_offer(SlotCursor *cursor)
{
	int64		duration = cursor->search->duration;

	while (cursor->next < cursor->free.n)
	{
		Period		free = cursor->free.period[cursor->next];
		TimestampTz from = next_step(cursor, Max(free.from, cursor->from));

		CHECK_FOR_INTERRUPTS();
		if (from >= cursor->starts.to || from > cursor->latest)
			return false;
		if (free.to - from < duration)
		{
			cursor->next++;
			continue;
		}
		cursor->from = from + 1;
		if (judge_offer(cursor, (Period) {from, from + duration}))
			return true;
	}
	return false;
}

static bool
judge_offer(SlotCursor *cursor, Period offer)
{
	const Resource *resource = cursor->resource;

	if (!booking_rules_allow(resource, offer, POLICY_ALL))
		return false;
	cursor->offer = offer;
	cursor->remaining = resource->has_waiters ? booking_left(resource, offer) :
		booking_room_left(&cursor->taken, booking_widen_within(offer, resource->buffer_before,
															   resource->buffer_after));
	return cursor->remaining >= cursor->search->asker.quantity;
}

/* Of several slots for one period, the best: that is where a booking goes. */
static bool
next_slot_offer(SlotCursor *cursor)
{
	const Search *search = cursor->search;

	while (cursor->next < cursor->slots.n)
	{
		Period		period = cursor->slots.slot[cursor->next].period;
		bool		wanted = period.to <= search->within.to && period.to - period.from >= search->duration;

		CHECK_FOR_INTERRUPTS();
		cursor->offer = period;
		cursor->remaining = 0;
		for (; cursor->next < cursor->slots.n; cursor->next++)
		{
			const Slot *slot = &cursor->slots.slot[cursor->next];

			if (memcmp(&slot->period, &period, sizeof(Period)) != 0)
				break;
			if (wanted)
				cursor->remaining = Max(cursor->remaining,
										booking_left_in_slot(cursor->resource, slot));
		}
		if (cursor->remaining >= search->asker.quantity)
			return true;
	}
	return false;
}

/* Look at the next stretch of time; false when there is none. */
static bool
next_stretch(SlotCursor *cursor)
{
	const Search *search = cursor->search;
	const Resource *resource = cursor->resource;
	Period		span;

	CHECK_FOR_INTERRUPTS();
	if (cursor->taken.n > MUCH_TAKEN)
		cursor->length = Max(cursor->length / 2, USECS_PER_HOUR);
	else if (cursor->starts.to > search->within.from && cursor->taken.n < LITTLE_TAKEN &&
			 cursor->slots.n < LITTLE_TAKEN)
		cursor->length = Min(cursor->length * 2, search->within.to - search->within.from);
	cursor->starts.from = cursor->starts.to;
	if (cursor->starts.from >= search->within.to || cursor->starts.from > cursor->latest ||
		cursor->starts.from >= resource->retired_at)
		return false;
	cursor->starts.to = search->within.to - cursor->starts.from <= cursor->length ?
		search->within.to : cursor->starts.from + cursor->length;

	MemoryContextReset(cursor->memory);
	cursor->free = (Periods) {0};
	cursor->taken = (Taken) {0};
	cursor->slots = (SlotList) {0};
	cursor->next = 0;
	cursor->from = cursor->starts.from;
	if (resource->slots_only)
	{
		booking_slots_between(resource, cursor->starts, &cursor->slots);
		return true;
	}
	span = cursor->starts;
	span.to = search->within.to - span.to <= search->duration ? search->within.to :
		span.to + search->duration;
	booking_available(resource, span, &search->asker, &cursor->free, &cursor->taken);
	return true;
}

static int64
round_up(int64 value, int64 step)
{
	int64		beyond = value % step;

	return value + (beyond > 0 ? step - beyond : -beyond);
}

/* The first instant, from "at" on, at which the local clock shows a step. */
static TimestampTz
next_step(const SlotCursor *cursor, TimestampTz at)
{
	pg_tz	   *tz = cursor->resource->tz;
	int64		step = cursor->search->step;

	if (step >= USECS_PER_DAY)
		return next_step_of_days(cursor, at);
	for (;;)
	{
		int64		local = booking_local_time(tz, at);
		int64		time = local % USECS_PER_DAY + (local % USECS_PER_DAY < 0 ? USECS_PER_DAY : 0);
		int64		wanted = local - time + Min(round_up(time, step), USECS_PER_DAY);
		TimestampTz shown = at + (wanted - local);

		CHECK_FOR_INTERRUPTS();
		if (booking_local_time(tz, shown) == wanted)
			return shown;
		/* The clock jumps before that: on from there. */
		at = Min(booking_next_jump(tz, at), shown);
	}
}

/* Steps of a day or more keep the time of day at which the search begins. */
static TimestampTz
next_step_of_days(const SlotCursor *cursor, TimestampTz at)
{
	pg_tz	   *tz = cursor->resource->tz;
	int64		step = cursor->search->step;
	int64		first = booking_local_time(tz, cursor->search->within.from);
	int64		wanted = first + round_up(booking_local_time(tz, at) - first, step);

	/*
	 * The search begins at the given instant, also where the clock shows that time a second
	 * time.
	 */
	if (at == cursor->search->within.from)
		return at;
	for (;; wanted += step)
	{
		TimestampTz shown;

		CHECK_FOR_INTERRUPTS();
		if (wanted > END_TIMESTAMP - USECS_PER_DAY)
			return DT_NOEND;
		shown = booking_local_instant(tz, wanted);
		if (shown >= at && (booking_local_time(tz, shown) == wanted || shown >= cursor->search->within.to))
			return shown;
	}
}

/* The heap has the largest first, and we want the earliest; of those, the lowest id. */
static int
later_offer(Datum a, Datum b, void *arg)
{
	const SlotCursor *x = (const SlotCursor *) DatumGetPointer(a);
	const SlotCursor *y = (const SlotCursor *) DatumGetPointer(b);

	if (x->offer.from != y->offer.from)
		return x->offer.from < y->offer.from ? 1 : -1;
	return x->resource->id < y->resource->id ? 1 : -1;
}

static void
put_offer(ReturnSetInfo *result, const SlotCursor *cursor)
{
	Datum		values[4];
	bool		nulls[4] = {false, false, false, false};

	values[0] = Int64GetDatum(cursor->resource->id);
	values[1] = CStringGetTextDatum(cursor->resource->name);
	values[2] = RangeTypePGetDatum(booking_make_range(cursor->offer));
	values[3] = Int32GetDatum((int32) cursor->remaining);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	pfree(DatumGetPointer(values[1]));
	pfree(DatumGetPointer(values[2]));
}
