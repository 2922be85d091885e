/*-------------------------------------------------------------------------
 *
 * rules.c
 *		The triggers of the configuration tables: may a rule be changed like this?
 *
 * A change takes the RESOURCE lock exclusively: it waits for every transaction that has
 * booked under the old rule, sees what they have booked, and keeps others from booking
 * until it has committed.  A change that active bookings contradict is refused and says
 * which.  Every change sends the invalidation that makes backends forget what they
 * remember (resource.c).
 *
 * A BEFORE trigger takes the lock, an AFTER trigger looks: so it also sees what the very
 * statement that makes the change has booked in another of its parts.
 *
 * A rule that has a name is refused by that name from both sides (booking_closed,
 * booking_capacity), any other change with object_not_in_prerequisite_state.
 *
 * A new resource needs no lock, for no transaction can have booked it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/inval.h"
#include "utils/rel.h"

#include "base/cache.h"
#include "base/columns.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/period.h"
#include "base/plans.h"
#include "base/trigger.h"
#include "engine/peak.h"
#include "engine/pool_own.h"
#include "engine/pool_use.h"
#include "engine/resource.h"
#include "rules/rule_rows.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(booking_resource_before);
PG_FUNCTION_INFO_V1(booking_resource_after);
PG_FUNCTION_INFO_V1(booking_seat_before);
PG_FUNCTION_INFO_V1(booking_seat_after);
PG_FUNCTION_INFO_V1(booking_rule_before);
PG_FUNCTION_INFO_V1(booking_refuse_truncate);

static void check_resource(HeapTuple old, HeapTuple new, TupleDesc desc);
static void lock_rules_and_own(HeapTuple old, HeapTuple new, TupleDesc desc);
static bool singles_out_slots(HeapTuple old, HeapTuple new, TupleDesc desc);
static void single_out_slots(HeapTuple old, HeapTuple new, TupleDesc desc);
static bool is_large_pool(HeapTuple row, TupleDesc desc);
static void keep_large_pool(Datum resource_id, bool was, bool is);
static void check_kind(Datum resource_id, const char *name);
static void check_retirement(Datum resource_id, TimestampTz retired_at, const char *name);
static void check_capacity(Datum resource_id, int32 capacity, const char *name);
static void lock_rules_of(HeapTuple row, HeapTuple was, TupleDesc desc);
static void check_there_is_resource(HeapTuple row, Relation table);
static void check_timezone(HeapTuple row, TupleDesc desc);
static Datum rule_column(HeapTuple row, TupleDesc desc, const char *name, Oid type, bool *isnull);
static bool changes(HeapTuple old, HeapTuple new, TupleDesc desc, const char *name, Oid type);

static Datum
rule_column(HeapTuple row, TupleDesc desc, const char *name, Oid type, bool *isnull)
{
	return heap_getattr(row, booking_column_named(desc, name, type), desc, isnull);
}

static bool
changes(HeapTuple old, HeapTuple new, TupleDesc desc, const char *name, Oid type)
{
	int			attno = booking_column_named(desc, name, type);
	Form_pg_attribute attribute = TupleDescAttr(desc, attno - 1);
	bool		old_null,
				new_null;
	Datum		old_value = heap_getattr(old, attno, desc, &old_null);
	Datum		new_value = heap_getattr(new, attno, desc, &new_null);

	if (old_null || new_null)
		return old_null != new_null;
	return !datum_image_eq(old_value, new_value, attribute->attbyval, attribute->attlen);
}

/*
 * Run one of the statements that list the bookings in the way of a change, a line each
 * in its first column; how many there are altogether is in the second.
 */
uint64
booking_in_the_way(Statement statement, Datum *values, const char *nulls, char **list)
{
	StringInfoData text;
	uint64		n;
	uint64		total = 0;

	initStringInfo(&text);
	n = booking_run(statement, values, nulls);
	for (uint64 i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		bool		isnull;

		appendStringInfo(&text, "%s%s", i > 0 ? "\n" : "",
						 SPI_getvalue(row, SPI_tuptable->tupdesc, 1));
		total = DatumGetInt64(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull));
	}
	if (total > n)
		appendStringInfo(&text, "\nand %llu more", (unsigned long long) (total - n));
	*list = text.data;
	return total;
}

/*
 * Opening hours and calendar days need a time zone that knows its calendar; an
 * abbreviation like PST names a fixed offset, and the constraint lets it pass.
 */
static void
check_timezone(HeapTuple row, TupleDesc desc)
{
	bool		isnull;
	Datum		value = rule_column(row, desc, "timezone", TEXTOID, &isnull);

	if (!isnull && strlen(TextDatumGetCString(value)) <= TZ_STRLEN_MAX &&
		pg_tzset(TextDatumGetCString(value)) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not the name of a time zone", TextDatumGetCString(value)),
				 errhint("The names are in pg_timezone_names, for example Europe/Berlin.")));
}

/*
 * BEFORE INSERT OR UPDATE OR DELETE ON booking.resource, for each row: completes a new
 * resource, and keeps bookers away from one that is being changed.
 */
Datum
booking_resource_before(PG_FUNCTION_ARGS)
{
	static TriggerUse use = {
		.timing = TRIGGER_TYPE_BEFORE, .levels = LEVEL_ROW,
		.events = ON_INSERT | ON_UPDATE | ON_DELETE, .tables = "resource"
	};
	TriggerData *trigger = booking_check_trigger(fcinfo, &use);
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	bool		is_update = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
	HeapTuple	old = trigger->tg_trigtuple;
	HeapTuple	new = is_update ? trigger->tg_newtuple : trigger->tg_trigtuple;
	bool		isnull;

	if (!TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		check_timezone(new, desc);

	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
	{
		int			attno = booking_column_named(desc, "capacity", INT4OID);
		Datum		one = Int32GetDatum(1);
		Datum		kind;
		bool		no_kind;
		bool		not_null = false;

		/* One booking at a time is a capacity of 1. */
		kind = rule_column(new, desc, "kind", TEXTOID, &no_kind);
		rule_column(new, desc, "capacity", INT4OID, &isnull);
		if (isnull && !no_kind && strcmp(TextDatumGetCString(kind), "exclusive") == 0)
			new = heap_modify_tuple_by_cols(new, desc, 1, &attno, &one, &not_null);
		return PointerGetDatum(new);
	}

	lock_rules_and_own(old, is_update ? new : NULL, desc);
	CacheInvalidateRelcache(trigger->tg_relation);

	/* Before its seats and rules are deleted with it. */
	if (!is_update)
		check_resource(old, NULL, desc);
	return PointerGetDatum(new);
}

/* With what goes with a resource that is deleted ("new" is NULL), or changes with it. */
static void
lock_rules_and_own(HeapTuple old, HeapTuple new, TupleDesc desc)
{
	bool		isnull;
	Datum		resource_id = rule_column(old, desc, "id", INT8OID, &isnull);
	RuleRows	rows = {
		.resource_id = DatumGetInt64(resource_id),.other_id = DatumGetInt64(resource_id),
		.lock = STMT_LOCK_SINGLE_SLOTS,.values = {resource_id}
	};

	if (new == NULL)
		rows.lock = STMT_LOCK_OWN_OF_RESOURCE;
	else if (!singles_out_slots(old, new, desc))
	{
		booking_lock_rules(rows.resource_id);
		return;
	}
	booking_lock_rules_and_rows(&rows);
}

/* Does the change decide anew which slots have their time for themselves? */
static bool
singles_out_slots(HeapTuple old, HeapTuple new, TupleDesc desc)
{
	return changes(old, new, desc, "kind", TEXTOID) || changes(old, new, desc, "slots_only", BOOLOID) ||
		changes(old, new, desc, "buffer_before", INTERVALOID) || changes(old, new, desc, "buffer_after", INTERVALOID);
}

/* AFTER UPDATE OR DELETE ON booking.resource, for each row. */
Datum
booking_resource_after(PG_FUNCTION_ARGS)
{
	static TriggerUse use = {
		.timing = TRIGGER_TYPE_AFTER, .levels = LEVEL_ROW,
		.events = ON_UPDATE | ON_DELETE, .tables = "resource"
	};
	TriggerData *trigger = booking_check_trigger(fcinfo, &use);

	check_resource(trigger->tg_trigtuple,
				   TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : NULL,
				   RelationGetDescr(trigger->tg_relation));
	return PointerGetDatum(NULL);
}

/*
 * Does anything that is booked contradict the change?  "new" is NULL when the resource is
 * deleted.  Time zone, category, buffers and rules about now contradict nothing: they are
 * for bookings to come.
 */
static void
check_resource(HeapTuple old, HeapTuple new, TupleDesc desc)
{
	Datum		values[1];
	bool		isnull;
	char	   *name;
	char	   *list;

	values[0] = rule_column(old, desc, "id", INT8OID, &isnull);
	name = TextDatumGetCString(rule_column(old, desc, "name", TEXTOID, &isnull));

	SPI_connect();
	if (new == NULL || changes(old, new, desc, "id", INT8OID))
	{
		if (booking_in_the_way(STMT_BOOKINGS_EVER, values, NULL, &list) > 0)
			ereport(ERROR,
					(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
					 errmsg("resource \"%s\" has bookings", name),
					 errdetail("%s", list),
					 errhint("Delete or archive its bookings first, or retire it: UPDATE booking.resource SET retired_at = now().")));
		SPI_finish();
		return;
	}

	keep_large_pool(values[0], is_large_pool(old, desc), is_large_pool(new, desc));
	if (changes(old, new, desc, "kind", TEXTOID))
		check_kind(values[0], name);
	else if (changes(old, new, desc, "capacity", INT4OID))
		check_capacity(values[0], DatumGetInt32(rule_column(new, desc, "capacity", INT4OID, &isnull)), name);

	if (singles_out_slots(old, new, desc))
		single_out_slots(old, new, desc);

	if (changes(old, new, desc, "retired_at", TIMESTAMPTZOID))
	{
		Datum		retired_at = rule_column(new, desc, "retired_at", TIMESTAMPTZOID, &isnull);

		if (!isnull)
			check_retirement(values[0], DatumGetTimestampTz(retired_at), name);
	}
	SPI_finish();
}

static bool
is_large_pool(HeapTuple row, TupleDesc desc)
{
	bool		isnull;
	char	   *kind = TextDatumGetCString(rule_column(row, desc, "kind", TEXTOID, &isnull));

	return strcmp(kind, "pooled") == 0 &&
		DatumGetInt32(rule_column(row, desc, "capacity", INT4OID, &isnull)) >= LARGE_POOL;
}

/* What is in use of a pool is written down from when it becomes large, for as long as it is. */
static void
keep_large_pool(Datum resource_id, bool was, bool is)
{
	if (was != is)
		booking_pool_own_forget();
	if (was && !is)
		booking_run(STMT_CLEAR_POOL, &resource_id, NULL);
	if (is && !was)
		booking_run(STMT_COUNT_POOL, &resource_id, NULL);
}

/*
 * Which slots of one place have their time for themselves has to be found out anew (publish.c).
 * First all of them lose it, so that a slot that had it is not in the way of another.
 */
static void
single_out_slots(HeapTuple old, HeapTuple new, TupleDesc desc)
{
	bool		isnull;
	Datum		resource_id = rule_column(old, desc, "id", INT8OID, &isnull);
	Datum		kind = rule_column(new, desc, "kind", TEXTOID, &isnull);

	(void) booking_run(STMT_SHARE_SLOTS, &resource_id, NULL);
	CacheInvalidateRelcacheByRelid(booking_table("slot"));
	if (strcmp(TextDatumGetCString(kind), "exclusive") == 0 &&
		DatumGetBool(rule_column(new, desc, "slots_only", BOOLOID, &isnull)))
	{
		(void) booking_run(STMT_SINGLE_OUT_SLOTS, &resource_id, NULL);
		CacheInvalidateRelcacheByRelid(booking_table("slot"));
	}
}

/*
 * Active bookings that are over count here too: they carry the seat, or none, of the old
 * kind.
 */
static void
check_kind(Datum resource_id, const char *name)
{
	char	   *list;

	if (booking_in_the_way(STMT_ACTIVE_BOOKINGS, &resource_id, NULL, &list) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("resource \"%s\" cannot change its kind while it has active bookings", name),
				 errdetail("%s", list),
				 errhint("Cancel or archive them first, or create another resource.")));
	if (booking_in_the_way(STMT_BIG_SLOTS, &resource_id, NULL, &list) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("resource \"%s\" cannot change its kind while it has slots of several places", name),
				 errdetail("%s", list),
				 errhint("Whether such a slot takes its resource depends on the kind.  Delete these slots first.")));
}

static void
check_retirement(Datum resource_id, TimestampTz retired_at, const char *name)
{
	Period		rest = {retired_at, DT_NOEND};
	Datum		values[2] = {resource_id, RangeTypePGetDatum(booking_make_range(rest))};
	char	   *list;

	if (booking_in_the_way(STMT_ACTIVE_BOOKINGS_IN, values, NULL, &list) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("resource \"%s\" is booked beyond its retirement", name),
				 errdetail("%s", list),
				 errhint("Cancel or move these bookings, or retire it later.")));
}

/*
 * May a pooled resource have this capacity?  What was in use in the past does not matter
 * any more, nor do holds that have lapsed.
 */
static void
check_capacity(Datum resource_id, int32 capacity, const char *name)
{
	TimestampTz now = GetCurrentTimestamp();
	Datum		values[2];
	PeakItem   *items;
	int			n;
	Peak		peak;

	values[0] = resource_id;
	values[1] = TimestampTzGetDatum(now);
	n = (int) booking_run(STMT_USE_FROM, values, NULL);
	items = palloc_extended((Size) (n + 1) * sizeof(PeakItem), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		Period		period = booking_period(DatumGetRangeTypeP(SPI_getbinval(row, desc, 1, &isnull)));

		items[i].from = period.from;
		items[i].to = period.to;
		items[i].quantity = DatumGetInt32(SPI_getbinval(row, desc, 2, &isnull));
	}

	peak = booking_peak(items, n, (PeakWindow) {now, DT_NOEND}, capacity);
	if (peak.most > capacity)
		ereport(ERROR,
				(errcode(ERRCODE_EXCLUSION_VIOLATION),
				 errmsg("resource \"%s\" has more booked than %d", name, capacity),
				 errbooking(CONSTRAINT_CAPACITY, "Up to " INT64_FORMAT " are booked at once, " INT64_FORMAT " too many; the first time is %s.",
						   peak.most, peak.most - capacity,
						   booking_period_text(booking_make_range((Period) {peak.over_from, peak.over_to}))),
				 errhint("Cancel or move bookings first, or lower it to " INT64_FORMAT ".", peak.most)));
}

/*
 * BEFORE INSERT OR UPDATE OR DELETE ON booking.seat, for each row.  A seat more disturbs
 * no booking; but backends have to learn of it.
 */
Datum
booking_seat_before(PG_FUNCTION_ARGS)
{
	static TriggerUse use = {
		.timing = TRIGGER_TYPE_BEFORE, .levels = LEVEL_ROW,
		.events = ON_INSERT | ON_UPDATE | ON_DELETE, .tables = "seat"
	};
	TriggerData *trigger = booking_check_trigger(fcinfo, &use);
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	bool		isnull;

	if (!TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
	{
		Datum		resource_id = rule_column(trigger->tg_trigtuple, desc, "resource_id", INT8OID, &isnull);
		RuleRows	rows = {
			.resource_id = DatumGetInt64(resource_id),.other_id = DatumGetInt64(resource_id),
			.lock = STMT_LOCK_LINE_OF_SEAT,.find = booking_line_has_entries,.values = {
				resource_id, rule_column(trigger->tg_trigtuple, desc, "label", TEXTOID, &isnull)
			}
		};

		booking_lock_rules_and_rows(&rows);
	}
	CacheInvalidateRelcache(trigger->tg_relation);
	return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ?
						   trigger->tg_newtuple : trigger->tg_trigtuple);
}

/* AFTER UPDATE OR DELETE ON booking.seat, for each row. */
Datum
booking_seat_after(PG_FUNCTION_ARGS)
{
	static TriggerUse use = {
		.timing = TRIGGER_TYPE_AFTER, .levels = LEVEL_ROW,
		.events = ON_UPDATE | ON_DELETE, .tables = "seat"
	};
	TriggerData *trigger = booking_check_trigger(fcinfo, &use);
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	bool		is_update = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
	HeapTuple	old = trigger->tg_trigtuple;
	HeapTuple	new = trigger->tg_newtuple;
	Datum		values[2];
	bool		isnull;
	char	   *list;

	if (is_update && !changes(old, new, desc, "resource_id", INT8OID) && !changes(old, new, desc, "seat_no", INT4OID))
		return PointerGetDatum(NULL);

	values[0] = rule_column(old, desc, "resource_id", INT8OID, &isnull);
	values[1] = rule_column(old, desc, "seat_no", INT4OID, &isnull);
	SPI_connect();
	if (booking_in_the_way(STMT_ACTIVE_BOOKINGS_OF_SEAT, values, NULL, &list) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("seat \"%s\" has active bookings",
						TextDatumGetCString(rule_column(old, desc, "label", TEXTOID, &isnull))),
				 errdetail("%s", list),
				 errhint("Cancel or move these bookings first.")));
	SPI_finish();
	return PointerGetDatum(NULL);
}

/*
 * Lock the rules that a row of another configuration table is about, and was about.  The lock on
 * all rules is never taken after one on a resource, which transactions wait for that have the
 * table of bookings already; and two resources are locked in their order, like everywhere.
 */
static void
lock_rules_of(HeapTuple row, HeapTuple was, TupleDesc desc)
{
	bool		all;
	bool		all_were;
	Datum		resource_id = rule_column(row, desc, "resource_id", INT8OID, &all);
	Datum		other = rule_column(was, desc, "resource_id", INT8OID, &all_were);

	if (all || all_were)
		booking_lock_all_rules();
	else
		booking_lock_rules_of_both(DatumGetInt64(resource_id), DatumGetInt64(other));
}

/* What the foreign key would check: see the table. */
static void
check_there_is_resource(HeapTuple row, Relation table)
{
	bool		all;
	Datum		resource_id = rule_column(row, RelationGetDescr(table), "resource_id", INT8OID, &all);
	char	   *name = RelationGetRelationName(table);
	bool		found;

	if (all || booking_recall_resource(DatumGetInt64(resource_id)) != NULL)
		return;

	/* Perhaps the statement itself has just made it. */
	SPI_connect();
	found = booking_run(STMT_RESOURCE_IS_THERE, &resource_id, NULL) > 0;
	SPI_finish();
	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("insert or update on table \"%s\" violates foreign key constraint \"%s_resource_id_fkey\"", name, name),
				 errdetail("Key (resource_id)=(%lld) is not present in table \"resource\".", (long long) DatumGetInt64(resource_id)),
				 errtableconstraint(table, psprintf("%s_resource_id_fkey", name))));
}

/*
 * BEFORE INSERT OR UPDATE OR DELETE, for each row, ON the tables whose rows are rules of
 * one resource, or (resource_id NULL) of all of them.
 */
Datum
booking_rule_before(PG_FUNCTION_ARGS)
{
	static TriggerUse use = {
		.timing = TRIGGER_TYPE_BEFORE, .levels = LEVEL_ROW,
		.events = ON_INSERT | ON_UPDATE | ON_DELETE, .tables = "opening_hours closure holder_limit"
	};
	TriggerData *trigger = booking_check_trigger(fcinfo, &use);
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	HeapTuple	old = trigger->tg_trigtuple;
	HeapTuple	new = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : old;

	lock_rules_of(new, old, desc);
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event) || changes(old, new, desc, "resource_id", INT8OID))
		check_there_is_resource(new, trigger->tg_relation);
	CacheInvalidateRelcache(trigger->tg_relation);
	return PointerGetDatum(new);
}

/* BEFORE TRUNCATE: rows that have to be looked at one by one cannot go all at once. */
Datum
booking_refuse_truncate(PG_FUNCTION_ARGS)
{
	static TriggerUse use = {
		.timing = TRIGGER_TYPE_BEFORE, .levels = LEVEL_STATEMENT,
		.events = ON_TRUNCATE,
		.tables = "booking resource waitlist seat closure holder_limit opening_hours slot slot_places pool_use"
	};
	TriggerData *trigger = booking_check_trigger(fcinfo, &use);

	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot truncate table booking.%s",
					RelationGetRelationName(trigger->tg_relation)),
			 errhint("Use DELETE.")));
}
