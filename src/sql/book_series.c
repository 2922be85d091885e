/*-------------------------------------------------------------------------
 *
 * book_series.c
 *		book_series(), book_series_by_rule(): the same thing again and again; occurrences():
 *		when that would be.
 *
 * Which periods these are says series.c; they are booked like the requests of book_all()
 * (together.c): one order of locks, all rows written by one statement.  With on_conflict
 * 'fail' all of them or none; with 'skip' what is refused is left out, and comes back with what
 * is in its way and the nearest time at which the same could be booked.  That is looked up when all
 * is stored, so it is not where another one of the series is.
 *
 * Locks: as in together.c.  The ID of the group and the RESOURCE come before the series is
 * computed, for its time zone must not change in between.
 *
 * The same call once more, with the group's id, gets what there is of it.  What was left out then
 * is left out again, although it may be free now.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/cache.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/locks.h"
#include "engine/row_fault.h"
#include "engine/slots.h"
#include "engine/visible.h"
#include "rules/series.h"
#include "rules/together.h"
#include "sql/alternative.h"
#include "sql/looking.h"

PG_FUNCTION_INFO_V1(booking_book_series_named);
PG_FUNCTION_INFO_V1(booking_book_series);
PG_FUNCTION_INFO_V1(booking_book_series_by_rule_named);
PG_FUNCTION_INFO_V1(booking_book_series_by_rule);
PG_FUNCTION_INFO_V1(booking_occurrences_named);
PG_FUNCTION_INFO_V1(booking_occurrences);

/* What a caller asks for, and what becomes of it. */
typedef struct SeriesOrder
{
	RangeType  *range;			/* of the first */
	Period		first;
	Interval   *every;			/* this, */
	int32		times;
	char	   *rule;			/* or that */
	text	   *holder;
	int32		quantity;
	bool		skip;
	const Resource *resource;
	Series		series;
	Together	all;
	int		   *wish;			/* of each occurrence; -1: none */
	Refusal    *obstacle;		/* of those without */
	bool		replayed;
} SeriesOrder;

static Datum book_series(FunctionCallInfo fcinfo, bool by_name, bool by_rule);
static void read_series_order(FunctionCallInfo fcinfo, bool by_rule, SeriesOrder *order);
static bool read_on_conflict(text *word);
static void use_series_resource(FunctionCallInfo fcinfo, bool by_name, SeriesOrder *order);
static void reckon_series(SeriesOrder *order);
static void wish_for_occurrences(SeriesOrder *order);
static bool impossible(const SeriesOrder *order, const Occurrence *occurrence, Refusal *obstacle);
static void no_such_time(const SeriesOrder *order, const Occurrence *occurrence, Refusal *obstacle);
static void store_series(Together *all, void *arg);
static void return_series(FunctionCallInfo fcinfo, const SeriesOrder *order);
static Datum obstacle_text(const SeriesOrder *order, int i);
static Datum list_occurrences(FunctionCallInfo fcinfo, bool by_name);

Datum
booking_book_series_named(PG_FUNCTION_ARGS)
{
	return book_series(fcinfo, true, false);
}

Datum
booking_book_series(PG_FUNCTION_ARGS)
{
	return book_series(fcinfo, false, false);
}

Datum
booking_book_series_by_rule_named(PG_FUNCTION_ARGS)
{
	return book_series(fcinfo, true, true);
}

Datum
booking_book_series_by_rule(PG_FUNCTION_ARGS)
{
	return book_series(fcinfo, false, true);
}

static Datum
book_series(FunctionCallInfo fcinfo, bool by_name, bool by_rule)
{
	SeriesOrder order = {.all = {.noun = "occurrence"}};
	bool		stored;

	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("resource");
	read_series_order(fcinfo, by_rule, &order);
	InitMaterializedSRF(fcinfo, 0);

	if (order.all.group_id)
		booking_lock_id(order.all.group_id);
	/* So that a change of the rules of all resources, which locks the table, waits for us. */
	LockRelationOid(booking_table("booking"), RowExclusiveLock);
	use_series_resource(fcinfo, by_name, &order);
	reckon_series(&order);
	wish_for_occurrences(&order);

	booking_together_say_which(&order.all, store_series, &order);
	stored = true;
	for (int i = 0; i < order.all.n; i++)
		stored = stored && !order.all.wish[i].refused;
	if (!stored && !order.skip)
		booking_together_refuse(&order.all);
	return_series(fcinfo, &order);
	return (Datum) 0;
}

/* first, every and times or a rule; then holder, quantity, on_conflict, group_id. */
static void
read_series_order(FunctionCallInfo fcinfo, bool by_rule, SeriesOrder *order)
{
	static const char *const names[] = {"resource", "first", "every", "times", "holder", "quantity", "on_conflict"};
	static const char *const names_by_rule[] = {"resource", "first", "rule", "holder", "quantity", "on_conflict"};
	int			n = by_rule ? lengthof(names_by_rule) : lengthof(names);
	int			at = by_rule ? 3 : 4;

	for (int i = 0; i < n; i++)
		if (PG_ARGISNULL(i))
			booking_null_argument(by_rule ? names_by_rule[i] : names[i]);
	order->range = PG_GETARG_RANGE_P(1);
	booking_check_series_first(order->range, &order->first);
	if (by_rule)
		order->rule = text_to_cstring(PG_GETARG_TEXT_PP(2));
	else
	{
		order->every = PG_GETARG_INTERVAL_P(2);
		order->times = PG_GETARG_INT32(3);
		booking_check_every(order->every);
		booking_check_times(order->times);
	}
	order->holder = PG_GETARG_TEXT_PP(at);
	order->quantity = PG_GETARG_INT32(at + 1);
	order->skip = read_on_conflict(PG_GETARG_TEXT_PP(at + 2));
	order->all.group_id = PG_ARGISNULL(at + 3) ? NULL : PG_GETARG_UUID_P(at + 3);
	order->all.each = order->skip;
	booking_check_holder(order->holder);
	booking_check_quantity(order->quantity);
}

static bool
read_on_conflict(text *word)
{
	char	   *text = text_to_cstring(word);

	if (strcmp(text, "skip") == 0)
		return true;
	if (strcmp(text, "fail") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("on_conflict must be 'fail' or 'skip'"),
				 errdetail("It is \"%s\".", pnstrdup(text, pg_mbcliplen(text, (int) strlen(text), 100)))));
	return false;
}

static void
use_series_resource(FunctionCallInfo fcinfo, bool by_name, SeriesOrder *order)
{
	order->resource = by_name ? booking_use_visible(text_to_cstring(PG_GETARG_TEXT_PP(0)), 0) :
		booking_use_visible(NULL, PG_GETARG_INT64(0));
}

static void
reckon_series(SeriesOrder *order)
{
	booking_series_begin(&order->series, order->resource->tz, order->first);
	if (order->rule)
		booking_series_by_rule(&order->series, order->rule);
	else
		booking_series_every(&order->series, order->every, order->times);
}

/* ---- what can be asked for ---- */

static void
wish_for_occurrences(SeriesOrder *order)
{
	Jsonb	   *data = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	int			n = order->series.n;

	order->wish = palloc_array(int, n);
	order->obstacle = palloc0_array(Refusal, n);
	for (int i = 0; i < n; i++)
	{
		const Occurrence *occurrence = &order->series.occurrence[i];
		Wish		wish = {.entry = i + 1,.resource_id = order->resource->id,.holder = order->holder,
		.quantity = order->quantity,.data = data};

		CHECK_FOR_INTERRUPTS();
		order->wish[i] = -1;
		if (impossible(order, occurrence, &order->obstacle[i]))
			continue;
		order->wish[i] = order->all.n;
		wish.range = booking_make_range(occurrence->period);
		booking_together_wish(&order->all, &wish);
	}
}

/*
 * Is there something wrong with an occurrence, whatever is free?  If it is to be skipped, that is
 * an obstacle.  If not, a time that does not exist is an error here, and the rest is
 * one when it is booked.
 */
static bool
impossible(const SeriesOrder *order, const Occurrence *occurrence, Refusal *obstacle)
{
	const Resource *resource = order->resource;
	int			n = 1;

	if (occurrence->missing)
	{
		no_such_time(order, occurrence, obstacle);
		if (order->skip)
			return true;
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("occurrence %d: %s", (int) (occurrence - order->series.occurrence) + 1, obstacle->message),
				 errdetail("%s", obstacle->detail),
				 errhint("on_conflict => 'skip' leaves such an occurrence out.")));
	}
	if (!order->skip)
		return false;
	if (resource->retired_at < occurrence->period.to)
	{
		*obstacle = (Refusal) {.constraint = "retired",.message = psprintf("resource \"%s\" is retired", resource->name),
			.detail = psprintf("It cannot be booked beyond %s.", booking_instant_text(resource->retired_at))};
		return true;
	}
	if (resource->slots_only)
		pfree(booking_find_slots(resource, booking_make_range(occurrence->period), &n));
	if (n == 0)
		*obstacle = (Refusal) {.constraint = "no_slot",
			.message = psprintf("resource \"%s\" has no slot for that period", resource->name),
			.detail = "It is booked by its published slots only."};
	return n == 0;
}

static void
no_such_time(const SeriesOrder *order, const Occurrence *occurrence, Refusal *obstacle)
{
	*obstacle = (Refusal) {.constraint = "local_time",
		.message = psprintf("the local time %s does not exist in %s", booking_local_text(occurrence->jumped_over),
							pg_get_timezone_name(order->series.tz)),
		.detail = "The clock is put forward over it."};
}

/* ---- booking ---- */

static void
store_series(Together *all, void *arg)
{
	SeriesOrder *order = arg;

	booking_together_lock(all);
	order->replayed = booking_together_replay(all);
	if (order->replayed)
		return;
	booking_together_lock_rest(all);
	(void) booking_together_store(all);
}

/* ---- the answer ---- */

static void
return_series(FunctionCallInfo fcinfo, const SeriesOrder *order)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext looking = AllocSetContextCreate(CurrentMemoryContext, "booking series", ALLOCSET_DEFAULT_SIZES);
	MemoryContext context = MemoryContextSwitchTo(looking);

	for (int i = 0; i < order->series.n; i++)
	{
		const Occurrence *occurrence = &order->series.occurrence[i];
		const Wish *wish = order->wish[i] < 0 ? NULL : &order->all.wish[order->wish[i]];
		bool		booked = wish && wish->booking != (Datum) 0 && !wish->refused;
		Datum		values[4] = {0};
		bool		nulls[4] = {false, occurrence->missing, !booked, booked};

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(looking);
		values[0] = Int32GetDatum(i + 1);
		if (!occurrence->missing)
			values[1] = RangeTypePGetDatum(booking_make_range(occurrence->period));
		if (booked)
			values[2] = UUIDPGetDatum(&wish->id);
		else
			values[3] = obstacle_text(order, i);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	MemoryContextSwitchTo(context);
	MemoryContextDelete(looking);
}

/* Like a line of the DETAIL of book_all(), and what would do instead. */
static Datum
obstacle_text(const SeriesOrder *order, int i)
{
	static const Refusal was_skipped = {
		.constraint = "skipped", .message = "it was left out when the series was booked"
	};
	const Refusal *refusal = order->wish[i] < 0 ? &order->obstacle[i] :
		order->replayed ? &was_skipped : &order->all.wish[order->wish[i]].refusal;
	Asker		asker = {.holder = order->holder,.quantity = order->quantity};
	Period		near;
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "%s: %s.", refusal->constraint, refusal->message);
	if (refusal->detail)
		appendStringInfo(&text, "  %s", refusal->detail);
	if (booking_nearest_alternative(order->resource, order->series.occurrence[i].period, &asker, &near))
		appendStringInfo(&text, "  Nearest free: %s.", booking_period_text(booking_make_range(near)));
	else
		appendStringInfo(&text, "  Nothing like it is free within %d days.", ALTERNATIVE_DAYS);
	return CStringGetTextDatum(text.data);
}

/* ---- only looking ---- */

Datum
booking_occurrences_named(PG_FUNCTION_ARGS)
{
	return list_occurrences(fcinfo, true);
}

Datum
booking_occurrences(PG_FUNCTION_ARGS)
{
	return list_occurrences(fcinfo, false);
}

/*
 * occurrences(resource, first, rule): each with what the clock shows; without a period if it
 * never does.
 */
static Datum
list_occurrences(FunctionCallInfo fcinfo, bool by_name)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Series		series;
	Period		first;

	if (PG_ARGISNULL(1))
		booking_null_argument("first");
	if (PG_ARGISNULL(2))
		booking_null_argument("rule");
	booking_check_series_first(PG_GETARG_RANGE_P(1), &first);
	booking_series_begin(&series, booking_look_argument(fcinfo, by_name)->tz, first);
	booking_series_by_rule(&series, text_to_cstring(PG_GETARG_TEXT_PP(2)));
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < series.n; i++)
	{
		const Occurrence *occurrence = &series.occurrence[i];
		Datum		values[3] = {Int32GetDatum(i + 1), TimestampGetDatum(occurrence->begins), (Datum) 0};
		bool		nulls[3] = {false, false, occurrence->missing};

		CHECK_FOR_INTERRUPTS();
		if (!occurrence->missing)
			values[2] = RangeTypePGetDatum(booking_make_range(occurrence->period));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
