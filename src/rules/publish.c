/*-------------------------------------------------------------------------
 *
 * publish.c
 *		The triggers of booking.slot: may a slot be published, changed or taken back like
 *		this, and how many of its places are free then?
 *
 * A slot that takes its resource (slot_rules.c) must not meet a booking of the resource, and
 * a slot that has bookings must not change under them.  Both are looked up under the
 * RESOURCE lock in exclusive mode, as for every rule (rules.c).  Two slots that take the
 * resource at the same time are refused by the constraint slot_no_overlap; publish_slot() looks
 * before it, and says which slot is in the way.  A plain INSERT is left to the constraint, so
 * that ON CONFLICT DO NOTHING passes over it.
 *
 * A slot of one place takes its resource too, where nothing else could be booked in its time:
 * on an exclusive resource that is booked by its slots only, if no other slot and no booking is
 * there ("singled out").  Its place decides alone then, and a booking of it does not take the
 * resource once more (slot_rules.c).  That is found out when it is published, and when the resource
 * changes; and when another slot is published into its time it shares that from then on, and
 * its booking takes the resource itself, by its seat_no.  All of it under the RESOURCE lock in
 * exclusive mode.  A slot that comes with "occupies" NULL is not singled out: a restore brings
 * each as it was.
 *
 * Publishing a slot that takes nothing, on any other resource, does not block bookers: the
 * RESOURCE lock is taken in shared mode, for the kind of the resource has to stay what it is,
 * and nothing is invalidated, for no backend can remember a slot that is new.
 *
 * The free places are counted whenever the capacity is set, even to what it was.  Every
 * transaction that takes places or gives some back has the RESOURCE lock, so they do not change
 * meanwhile.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
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
#include "engine/lapse.h"
#include "engine/resource.h"
#include "engine/row.h"
#include "engine/row_fault.h"
#include "engine/shards.h"
#include "engine/slots.h"
#include "engine/visible.h"
#include "rules/rule_rows.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(booking_slot_before);
PG_FUNCTION_INFO_V1(booking_slot_count);

typedef struct SlotRow
{
	Datum		value[SLOT_NCOLUMNS + 1];
	bool		null[SLOT_NCOLUMNS + 1];
	AttrNumber	column[SLOT_NCOLUMNS + 1];	/* where they are in the table */
} SlotRow;

static void slot_take_apart(HeapTuple tuple, TupleDesc desc, SlotRow *row);
static HeapTuple slot_put_together(HeapTuple tuple, TupleDesc desc, const SlotRow *row);
static bool same(const SlotRow *a, const SlotRow *b, SlotColumn column);
static const Resource *lock_for_publishing(SlotRow *row);
static bool look_before_publishing(SlotRow *row);
static bool publishes_alone(bool pooled, bool exclusive, bool slots_only, const SlotRow *row);
static void lock_rules_and_slots(SlotRow *row, const SlotRow *old);
static bool find_slots_in_time(RuleRows *rows, void *arg);
static void lock_rules_and_line(const SlotRow *old);
static bool takes_resource(bool pooled, const SlotRow *row);
static bool may_be_singled_out(bool exclusive, bool slots_only, const SlotRow *row);
static bool asks_to_be_found_out(const SlotRow *row);
static void complete_slot(const Resource *resource, SlotRow *row, const SlotRow *old);
static void single_out(const Resource *resource, SlotRow *row, const SlotRow *old);
static void say_what_it_occupies(const Resource *resource, SlotRow *row, const SlotRow *old);
static bool has_time_for_itself(const Resource *resource, const SlotRow *row);
static void share_time(const Resource *resource, const SlotRow *row);
static void check_row(const SlotRow *row);
static void check_change(const Resource *resource, const SlotRow *row, const SlotRow *old);
static void check_resource_is_free(const Resource *resource, const SlotRow *row);
static void check_no_slot_is_there(Relation rel, const Resource *resource, const SlotRow *row);
static void check_never_booked(const SlotRow *old);
static void reap_lapsed_of_slot(Statement statement, Datum *values, int now);
static int64 booked(const SlotRow *row);

static void
slot_take_apart(HeapTuple tuple, TupleDesc desc, SlotRow *row)
{
	booking_find_columns(desc, booking_slot_columns, SLOT_NCOLUMNS, row->column);
	booking_take_apart(tuple, desc, row->column, SLOT_NCOLUMNS, row->value, row->null);
}

static HeapTuple
slot_put_together(HeapTuple tuple, TupleDesc desc, const SlotRow *row)
{
	int			columns[] = {row->column[SLOT_CAPACITY], row->column[SLOT_OCCUPIES]};
	Datum		values[] = {row->value[SLOT_CAPACITY], row->value[SLOT_OCCUPIES]};
	bool		nulls[] = {row->null[SLOT_CAPACITY], row->null[SLOT_OCCUPIES]};

	return heap_modify_tuple_by_cols(tuple, desc, lengthof(columns), columns, values, nulls);
}

static bool
same(const SlotRow *a, const SlotRow *b, SlotColumn column)
{
	if (a->null[column] || b->null[column])
		return a->null[column] && b->null[column];
	if (column == SLOT_PERIOD || column == SLOT_OCCUPIES)
		return range_eq_internal(booking_range_type(TSTZRANGEOID),
								 DatumGetRangeTypeP(a->value[column]),
								 DatumGetRangeTypeP(b->value[column]));
	return a->value[column] == b->value[column];
}

/* BEFORE INSERT OR UPDATE OR DELETE ON booking.slot, for each row. */
Datum
booking_slot_before(PG_FUNCTION_ARGS)
{
	static TriggerUse use = {
		.timing = TRIGGER_TYPE_BEFORE, .levels = LEVEL_ROW,
		.events = ON_INSERT | ON_UPDATE | ON_DELETE, .tables = "slot"
	};
	TriggerData *trigger = booking_check_trigger(fcinfo, &use);
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	bool		is_update = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
	HeapTuple	tuple = is_update ? trigger->tg_newtuple : trigger->tg_trigtuple;
	const Resource *resource;
	SlotRow		row;
	SlotRow		old;
	bool		from_publish_slot;

	slot_take_apart(tuple, desc, &row);
	if (!TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		check_row(&row);

	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
	{
		resource = lock_for_publishing(&row);
		from_publish_slot = asks_to_be_found_out(&row);
		complete_slot(resource, &row, NULL);
		if (!row.null[SLOT_OCCUPIES])
		{
			if (DatumGetInt32(row.value[SLOT_CAPACITY]) > 1)
			{
				if (from_publish_slot)
					check_no_slot_is_there(trigger->tg_relation, resource, &row);
				check_resource_is_free(resource, &row);
			}
			if (!resource->taken_by_slots)
				CacheInvalidateRelcache(trigger->tg_relation);
		}
		return PointerGetDatum(slot_put_together(tuple, desc, &row));
	}

	slot_take_apart(trigger->tg_trigtuple, desc, &old);
	if (!is_update)
		lock_rules_and_line(&old);
	else if (same(&row, &old, SLOT_RESOURCE_ID) && same(&row, &old, SLOT_PERIOD) &&
			 same(&row, &old, SLOT_CAPACITY) && same(&row, &old, SLOT_OCCUPIES))
		booking_lock_rules(DatumGetInt64(old.value[SLOT_RESOURCE_ID]));
	else
		lock_rules_and_slots(&row, &old);
	CacheInvalidateRelcache(trigger->tg_relation);

	SPI_connect();
	if (!is_update || !same(&row, &old, SLOT_ID) || !same(&row, &old, SLOT_RESOURCE_ID))
		check_never_booked(&old);
	SPI_finish();
	if (!is_update)
		return PointerGetDatum(tuple);

	resource = booking_use_resource(DatumGetInt64(row.value[SLOT_RESOURCE_ID]));
	if (row.null[SLOT_CAPACITY])
		booking_null_argument("capacity");
	complete_slot(resource, &row, &old);
	check_change(resource, &row, &old);
	return PointerGetDatum(slot_put_together(tuple, desc, &row));
}

static void
check_row(const SlotRow *row)
{
	Period		period;

	if (row->null[SLOT_RESOURCE_ID])
		booking_null_argument("resource");
	if (row->null[SLOT_PERIOD])
		booking_null_argument("period");
	booking_check_period(DatumGetRangeTypeP(row->value[SLOT_PERIOD]), &period);
	if (!row->null[SLOT_CAPACITY] && DatumGetInt32(row->value[SLOT_CAPACITY]) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("capacity must be 0 or more"),
				 errdetail("It is %d.", DatumGetInt32(row->value[SLOT_CAPACITY]))));
	if (!row->null[SLOT_DATA])
		booking_check_data(DatumGetJsonbP(row->value[SLOT_DATA]));
}

static bool
takes_resource(bool pooled, const SlotRow *row)
{
	return !pooled && DatumGetInt32(row->value[SLOT_CAPACITY]) > 1;
}

/*
 * Lock the resource on which a slot is to be published, in the mode that is needed, which
 * depends on its kind: look, lock, look again.  Fills in the capacity.
 */
static const Resource *
lock_for_publishing(SlotRow *row)
{
	int64		resource_id = DatumGetInt64(row->value[SLOT_RESOURCE_ID]);

	booking_must_see(resource_id);
	if (!look_before_publishing(row))
	{
		const Resource *resource = booking_use_resource(resource_id);

		if (!publishes_alone(resource->kind == RESOURCE_POOLED, resource->kind == RESOURCE_EXCLUSIVE,
							 resource->slots_only, row))
			return resource;

		/* It has changed in between. */
		booking_unlock_resource(resource_id);
	}
	lock_rules_and_slots(row, row);
	return booking_use_resource(resource_id);
}

/* Has the resource to be locked alone?  As of before it is locked. */
static bool
look_before_publishing(SlotRow *row)
{
	int64		resource_id = DatumGetInt64(row->value[SLOT_RESOURCE_ID]);
	char	   *kind;
	bool		alone;
	bool		isnull;

	SPI_connect();
	if (booking_run(STMT_PEEK_RESOURCE, &row->value[SLOT_RESOURCE_ID], NULL) == 0)
		booking_no_such_resource(resource_id);
	kind = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (row->null[SLOT_CAPACITY])
	{
		row->value[SLOT_CAPACITY] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull);
		row->null[SLOT_CAPACITY] = false;
	}
	alone = publishes_alone(strcmp(kind, "pooled") == 0, strcmp(kind, "exclusive") == 0,
							DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3, &isnull)), row);
	SPI_finish();
	return alone;
}

/* Where slots may have their time for themselves, another one may end that. */
static bool
publishes_alone(bool pooled, bool exclusive, bool slots_only, const SlotRow *row)
{
	return takes_resource(pooled, row) || (exclusive && slots_only);
}

/* Lock the rules of the resource, and of the one that it leaves, with the slots that will share their time. */
static void
lock_rules_and_slots(SlotRow *row, const SlotRow *old)
{
	RuleRows	rows = {
		.resource_id = DatumGetInt64(row->value[SLOT_RESOURCE_ID]),
		.other_id = DatumGetInt64(old->value[SLOT_RESOURCE_ID]),
		.lock = STMT_LOCK_SLOTS_IN,.find = find_slots_in_time,.arg = row
	};

	booking_lock_rules_and_rows(&rows);
}

/* Those that share_time() may find, and the bookings of the slot itself. */
static bool
find_slots_in_time(RuleRows *rows, void *arg)
{
	const SlotRow *row = arg;
	const Resource *resource = booking_use_resource(rows->resource_id);
	bool		found;

	if (resource->kind != RESOURCE_EXCLUSIVE || !resource->slots_only || row->null[SLOT_ID])
		return false;
	rows->values[0] = row->value[SLOT_RESOURCE_ID];
	rows->values[1] = RangeTypePGetDatum(booking_with_buffers(resource, DatumGetRangeTypeP(row->value[SLOT_PERIOD])));
	rows->values[2] = row->value[SLOT_ID];
	rows->values[3] = row->null[SLOT_OCCUPIES] ? rows->values[1] : row->value[SLOT_OCCUPIES];

	/* Mostly there is none. */
	SPI_connect();
	found = booking_run(STMT_SINGLE_SLOTS_IN, rows->values, NULL) > 0;
	SPI_finish();
	return found;
}

/* The same for a slot that goes: those that wait for it go as well. */
static void
lock_rules_and_line(const SlotRow *old)
{
	int64		resource_id = DatumGetInt64(old->value[SLOT_RESOURCE_ID]);
	RuleRows	rows = {
		.resource_id = resource_id,.other_id = resource_id,
		.lock = STMT_LOCK_LINE_OF_SLOT,.find = booking_line_has_entries,
		.values = {old->value[SLOT_RESOURCE_ID], old->value[SLOT_ID]}
	};

	booking_lock_rules_and_rows(&rows);
}

/* Could a slot have its time for itself, as far as its resource and its capacity go? */
static bool
may_be_singled_out(bool exclusive, bool slots_only, const SlotRow *row)
{
	return exclusive && slots_only && DatumGetInt32(row->value[SLOT_CAPACITY]) == 1;
}

/* From publish_slot(): it does not say what it occupies, and is to be given what it should. */
static bool
asks_to_be_found_out(const SlotRow *row)
{
	return !row->null[SLOT_OCCUPIES] && RangeIsEmpty(DatumGetRangeTypeP(row->value[SLOT_OCCUPIES]));
}

/* What the slot takes of its resource: with the buffers of today, unless it says. */
static void
complete_slot(const Resource *resource, SlotRow *row, const SlotRow *old)
{
	if (takes_resource(resource->kind == RESOURCE_POOLED, row))
	{
		say_what_it_occupies(resource, row, old);
		/* Those of one place in its time share it from now on. */
		if (resource->kind == RESOURCE_EXCLUSIVE && resource->slots_only)
			share_time(resource, row);
	}
	else if (!row->null[SLOT_OCCUPIES] &&
			 may_be_singled_out(resource->kind == RESOURCE_EXCLUSIVE, resource->slots_only, row))
		single_out(resource, row, old);
	else
		row->null[SLOT_OCCUPIES] = true;
}

static void
say_what_it_occupies(const Resource *resource, SlotRow *row, const SlotRow *old)
{
	bool		keep = !row->null[SLOT_OCCUPIES] && !asks_to_be_found_out(row);
	Period		occupies;

	if (keep && old && same(row, old, SLOT_OCCUPIES) &&
		!(same(row, old, SLOT_PERIOD) && same(row, old, SLOT_RESOURCE_ID)))
		keep = false;
	if (!keep)
	{
		RangeType  *period = DatumGetRangeTypeP(row->value[SLOT_PERIOD]);

		row->value[SLOT_OCCUPIES] = RangeTypePGetDatum(booking_with_buffers(resource, period));
		row->null[SLOT_OCCUPIES] = false;
	}
	else if (!booking_period_is_sound(DatumGetRangeTypeP(row->value[SLOT_OCCUPIES]), &occupies))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("what a slot occupies must be a period: finite where it begins, half-open [), not empty"),
				 errhint("Leave occupies out, and it is computed from the resource's buffers.")));
	else if (!range_contains_internal(booking_range_type(TSTZRANGEOID),
									  DatumGetRangeTypeP(row->value[SLOT_OCCUPIES]),
									  DatumGetRangeTypeP(row->value[SLOT_PERIOD])))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("what a slot occupies must contain its period"),
				 errhint("Leave occupies out, and it is computed from the resource's buffers.")));
}

/* A slot of one place takes its resource if it has its time for itself. */
static void
single_out(const Resource *resource, SlotRow *row, const SlotRow *old)
{
	bool		stays = old && same(row, old, SLOT_OCCUPIES) && same(row, old, SLOT_PERIOD) &&
		same(row, old, SLOT_RESOURCE_ID) && same(row, old, SLOT_CAPACITY);

	if (stays)
		return;
	say_what_it_occupies(resource, row, old);
	if (!has_time_for_itself(resource, row))
		row->null[SLOT_OCCUPIES] = true;
}

/* Is there no other slot and no booking in what the slot would occupy? */
static bool
has_time_for_itself(const Resource *resource, const SlotRow *row)
{
	Period		occupies = booking_period(DatumGetRangeTypeP(row->value[SLOT_OCCUPIES]));
	Datum		values[4];
	bool		found;

	values[0] = row->value[SLOT_RESOURCE_ID];
	values[1] = row->value[SLOT_OCCUPIES];
	values[2] = row->value[SLOT_ID];
	/* What the buffers of another slot's booking would reach. */
	values[3] = RangeTypePGetDatum(booking_make_range(booking_widen_within(occupies, resource->buffer_after,
																			resource->buffer_before)));
	SPI_connect();
	found = booking_run(STMT_SLOTS_UNDER_SLOT, values, NULL) > 0 ||
		booking_run(STMT_BOOKINGS_UNDER_SLOT, values, NULL) > 0;
	SPI_finish();
	return !found;
}

/*
 * Slots of one place that had their time for themselves have it no longer: this one is in it.
 * Backends that remember them have to be told, and so does ours, once it is done.
 */
static void
share_time(const Resource *resource, const SlotRow *row)
{
	Datum		values[3];

	values[0] = row->value[SLOT_RESOURCE_ID];
	values[1] = row->null[SLOT_OCCUPIES] ?
		RangeTypePGetDatum(booking_with_buffers(resource, DatumGetRangeTypeP(row->value[SLOT_PERIOD]))) :
		row->value[SLOT_OCCUPIES];
	values[2] = row->value[SLOT_ID];
	SPI_connect();
	if (booking_run(STMT_SHARE_SLOTS_IN, values, NULL) > 0)
		CacheInvalidateRelcacheByRelid(booking_table("slot"));
	SPI_finish();
}

/* A slot's bookings keep their time, and their hold on the resource. */
static void
check_change(const Resource *resource, const SlotRow *row, const SlotRow *old)
{
	Datum		id = old->value[SLOT_ID];
	char	   *list;

	SPI_connect();
	if (!same(row, old, SLOT_PERIOD) && booking_in_the_way(STMT_ACTIVE_IN_SLOT, &id, NULL, &list) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("slot %lld cannot move while it has active bookings",
						(long long) DatumGetInt64(id)),
				 errdetail("%s", list),
				 errhint("Publish another slot and move the bookings there: UPDATE booking.booking SET slot_id = ...")));
	if (!old->null[SLOT_OCCUPIES] && row->null[SLOT_OCCUPIES] && DatumGetInt32(old->value[SLOT_CAPACITY]) == 1)
		(void) booking_run(STMT_SEAT_BOOKINGS_OF_SLOT, &id, NULL);
	else if (!old->null[SLOT_OCCUPIES] && row->null[SLOT_OCCUPIES] && resource->kind != RESOURCE_POOLED &&
		booking_in_the_way(STMT_ACTIVE_WITHOUT_SEAT, &id, NULL, &list) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("slot %lld cannot become one of a single place while it is booked",
						(long long) DatumGetInt64(id)),
				 errdetail("%s", list),
				 errhint("It has taken resource \"%s\" as a whole.  Close it, or cancel these bookings first.",
						 resource->name)));
	SPI_finish();

	if (!row->null[SLOT_OCCUPIES] && !same(row, old, SLOT_OCCUPIES) && DatumGetInt32(row->value[SLOT_CAPACITY]) > 1)
		check_resource_is_free(resource, row);
}

static void
check_resource_is_free(const Resource *resource, const SlotRow *row)
{
	Datum		values[3];
	char	   *list;

	values[0] = row->value[SLOT_RESOURCE_ID];
	values[1] = row->value[SLOT_OCCUPIES];
	SPI_connect();
	reap_lapsed_of_slot(STMT_LAPSED_UNDER_SLOT, values, 2);
	values[2] = row->value[SLOT_ID];
	if (booking_in_the_way(STMT_BOOKINGS_UNDER_SLOT, values, NULL, &list) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_EXCLUSION_VIOLATION),
				 errmsg("resource \"%s\" is booked in that period", resource->name),
				 errbooking(CONSTRAINT_NO_OVERLAP, "A slot of several places takes it for %s.\n%s",
						   booking_period_text(DatumGetRangeTypeP(values[1])), list),
				 errhint("Cancel or move these bookings first, or publish the slot at another time.")));
	SPI_finish();
}

/* Slots of one place that were there share their time already (share_time()). */
static void
check_no_slot_is_there(Relation rel, const Resource *resource, const SlotRow *row)
{
	Datum		values[] = {row->value[SLOT_RESOURCE_ID], row->value[SLOT_OCCUPIES], row->value[SLOT_ID]};
	char	   *list;

	SPI_connect();
	if (booking_in_the_way(STMT_SLOTS_OVERLAPPING, values, NULL, &list) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_EXCLUSION_VIOLATION),
				 errmsg("resource \"%s\" is taken by another slot in that period", resource->name),
				 errguard(rel, CONSTRAINT_SLOT_NO_OVERLAP, "A slot of several places takes it for %s.\n%s",
						  booking_period_text(DatumGetRangeTypeP(values[1])), list),
				 errhint("Publish the slot at another time, or move the other one first.")));
	SPI_finish();
}

static void
check_never_booked(const SlotRow *old)
{
	Datum		id = old->value[SLOT_ID];
	char	   *list;

	if (booking_in_the_way(STMT_BOOKINGS_EVER_IN_SLOT, &id, NULL, &list) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("slot %lld has bookings", (long long) DatumGetInt64(id)),
				 errdetail("%s", list),
				 errhint("Delete or archive its bookings first, or close it: UPDATE booking.slot SET closed = true.")));
}

/*
 * Mark lapsed holds expired that are in the way of a change.  We have the RESOURCE lock alone.
 * A transaction that has one of these holds locked may be waiting for it, so those stay.
 */
static void
reap_lapsed_of_slot(Statement statement, Datum *values, int now)
{
	TimestampTz instant = GetCurrentTimestamp();
	Datum	   *ids;
	int			found;
	int			n = 0;

	values[now] = TimestampTzGetDatum(instant);
	found = (int) booking_run(statement, values, NULL);
	ids = palloc_array(Datum, Max(found, 1));
	for (int i = 0; i < found; i++)
	{
		bool		isnull;
		Datum		id = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);

		if (booking_try_lock_id(DatumGetUUIDP(id)))
			ids[n++] = id;
	}
	booking_mark_expired(ids, n, instant);
	for (int i = 0; i < n; i++)
		booking_done_with_id(DatumGetUUIDP(ids[i]));
}

static int64
booked(const SlotRow *row)
{
	Datum		id = row->value[SLOT_ID];
	Datum		sum;
	bool		isnull;

	booking_run(STMT_BOOKED_IN_SLOT, &id, NULL);
	sum = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return isnull ? 0 : DatumGetInt64(sum);
}

/*
 * AFTER INSERT OR UPDATE OF capacity, period, resource_id ON booking.slot, for each row: lay out
 * its places.  Other slots in its time are dealt with here, and not in the BEFORE trigger, for
 * the statement may be about to change that slot itself.
 */
Datum
booking_slot_count(PG_FUNCTION_ARGS)
{
	static TriggerUse use = {
		.timing = TRIGGER_TYPE_AFTER, .levels = LEVEL_ROW,
		.events = ON_INSERT | ON_UPDATE, .tables = "slot"
	};
	TriggerData *trigger = booking_check_trigger(fcinfo, &use);
	bool		is_update = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
	const Resource *resource;
	Datum		values[3];
	SlotRow		row;
	int32		capacity;
	int64		taken = 0;

	slot_take_apart(is_update ? trigger->tg_newtuple : trigger->tg_trigtuple,
			   RelationGetDescr(trigger->tg_relation), &row);
	capacity = DatumGetInt32(row.value[SLOT_CAPACITY]);

	SPI_connect();
	if (is_update && (taken = booked(&row)) > capacity)
	{
		values[0] = row.value[SLOT_ID];
		values[2] = Int64GetDatum(taken - capacity);
		reap_lapsed_of_slot(STMT_LAPSED_IN_SLOT, values, 1);
		taken = booked(&row);
	}
	if (taken > capacity)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("slot %lld has " INT64_FORMAT " places booked",
						(long long) DatumGetInt64(row.value[SLOT_ID]), taken),
				 errbooking(CONSTRAINT_CAPACITY, "A capacity of %d is " INT64_FORMAT " too few.", capacity, taken - capacity),
				 errhint("Cancel that many first, or close the slot: UPDATE booking.slot SET closed = true.")));

	values[0] = row.value[SLOT_ID];
	if (is_update)
		booking_run(STMT_CLEAR_PLACES, values, NULL);
	values[1] = Int32GetDatum((int32) (capacity - taken));
	values[2] = Int32GetDatum(booking_shards_for(capacity));
	booking_run(STMT_LAY_OUT_PLACES, values, NULL);
	SPI_finish();

	resource = booking_use_resource(DatumGetInt64(row.value[SLOT_RESOURCE_ID]));
	if (row.null[SLOT_OCCUPIES] && resource->kind == RESOURCE_EXCLUSIVE && resource->slots_only)
		share_time(resource, &row);

	/* A caller that has looked meanwhile, which can only be us, has seen the old layout. */
	if (is_update)
		CacheInvalidateRelcache(trigger->tg_relation);
	return PointerGetDatum(NULL);
}
