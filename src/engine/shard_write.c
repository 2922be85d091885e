/*-------------------------------------------------------------------------
 *
 * shard_write.c
 *		How is the row of a shard found and changed?
 *
 * By the server's functions for heaps and indexes, and not by a statement: slot_places is
 * derived and for this extension alone, a booking changes one row of it, and to start and end an
 * UPDATE for that takes ten times as long.  The caller has the PLACES lock of the row, and has
 * read it since (shards.c), so no other transaction writes it; if one does so in spite of the
 * lock, this is an error.
 *
 * That is right only as long as an UPDATE would do nothing else.  Where the table has been given
 * a trigger, a rule, an index or a CHECK that is not ours, policies that count for the owner
 * too, or a generated column, the change is made by the statement, as the owner of the tables
 * (suits_direct_change()).  The CHECK that free is not negative is kept here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "nodes/primnodes.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/cache.h"
#include "base/columns.h"
#include "base/compat.h"
#include "base/plans.h"
#include "base/rows.h"
#include "engine/shards.h"
#include "engine/slots.h"

static Cache places_tables = {
	.name = "booking places", .keysize = sizeof(Oid), .entrysize = sizeof(PlacesTable),
	.tables = DEPENDS_ON(SLOT_PLACES), .limit = 64 * 1024
};

/* Those of slots that were published together have been stored together. */
static RowsSeen rows_seen;

static bool suits_direct_change(Relation rel, const PlacesTable *places);
static bool only_our_check(const TupleConstr *constr, AttrNumber free);
static bool has_triggers(const TriggerDesc *triggers);
static void update_row(Relation rel, const PlacesTable *places, HeapTuple old, int32 free);
static void insert_index_entry(Relation rel, Oid index_id, HeapTuple row);
static void change_by_statement(const Slot *slot, int shard, int32 free);

/* The table, and what is remembered of it. */
Relation
booking_shards_open(LOCKMODE mode, PlacesTable *places)
{
	Relation	rel = table_open(booking_table("slot_places"), mode);
	Oid			relid = RelationGetRelid(rel);
	const PlacesTable *known = booking_cache_find(&places_tables, &relid);

	if (known == NULL)
	{
		Generation *generation = booking_cache_load(&places_tables);
		RowKey		keys[] = {{.column = "slot_id"}, {.column = "shard"}};
		PlacesTable found = {.relid = relid};

		found.index_id = booking_rows_key_index(rel, keys, lengthof(keys));
		found.shard = booking_column_named(RelationGetDescr(rel), "shard", INT2OID);
		found.free = booking_column_named(RelationGetDescr(rel), "free", INT4OID);
		found.direct = suits_direct_change(rel, &found);
		known = booking_cache_keep(generation, &found);
	}
	*places = *known;
	return rel;
}

/* Would an UPDATE of "free" do nothing but that? */
static bool
suits_direct_change(Relation rel, const PlacesTable *places)
{
	List	   *indexes = RelationGetIndexList(rel);
	int			nindexes = list_length(indexes);
	Relation	index;
	bool		suits;

	list_free(indexes);
	if (nindexes != 1 || !OidIsValid(places->index_id) || rel->rd_rel->relkind != RELKIND_RELATION ||
		rel->rd_tableam != GetHeapamTableAmRoutine() || rel->rd_rules != NULL || rel->rd_rel->relforcerowsecurity ||
		rel->rd_rel->relreplident != REPLICA_IDENTITY_DEFAULT ||
		has_triggers(rel->trigdesc) || !only_our_check(RelationGetDescr(rel)->constr, places->free) ||
		has_generated_columns(RelationGetDescr(rel)))
		return false;
	index = index_open(places->index_id, AccessShareLock);
	suits = index->rd_rel->relam == BTREE_AM_OID && index->rd_index->indisvalid && index->rd_index->indimmediate &&
		index->rd_index->indnatts == 2;
	index_close(index, NoLock);
	return suits;
}

/* Nothing to check but "free >= 0"? */
static bool
only_our_check(const TupleConstr *constr, AttrNumber free)
{
	OpExpr	   *check;

	if (constr == NULL || constr->num_check != 1)
		return false;
	check = (OpExpr *) stringToNode(constr->check[0].ccbin);
	return IsA(check, OpExpr) && check->opfuncid == F_INT4GE &&
		IsA(linitial(check->args), Var) && ((Var *) linitial(check->args))->varattno == free &&
		IsA(lsecond(check->args), Const) && ((Const *) lsecond(check->args))->constvalue == Int32GetDatum(0);
}

/* Apart from those of the foreign key, which looks at "slot_id" only. */
static bool
has_triggers(const TriggerDesc *triggers)
{
	for (int i = 0; triggers && i < triggers->numtriggers; i++)
		if (!triggers->triggers[i].tgisinternal && TRIGGER_FOR_UPDATE(triggers->triggers[i].tgtype))
			return true;
	return false;
}

/* One of the rows, as of now.  False when there is none. */
bool
booking_shards_read(const Slot *slot, int shard, ShardRow *found)
{
	PlacesTable places;
	Relation	rel = booking_shards_open(AccessShareLock, &places);
	RowKey		keys[] = {
		{"slot_id", F_INT8EQ, Int64GetDatum(slot->id), false},
		{"shard", F_INT2EQ, Int16GetDatum((int16) shard), false}
	};
	HeapTuple	row = booking_rows_one(&(RowsWanted) {rel, places.index_id, NULL, keys, lengthof(keys)},
									   &(RowNumber) {&rows_seen, (uint64) (slot->id + shard)});
	bool		isnull;

	if (row)
		*found = (ShardRow) {
			.free = DatumGetInt32(heap_getattr(row, places.free, RelationGetDescr(rel), &isnull)),
			.xmin = HeapTupleHeaderGetXmin(row->t_data),
			.xmax = HeapTupleHeaderGetRawXmax(row->t_data),
			.row = row
		};
	table_close(rel, NoLock);
	return row != NULL;
}

/* Change a row that has just been read, and whose lock we have. */
void
booking_shards_write(const Slot *slot, int shard, const ShardRow *row, int64 free)
{
	PlacesTable places;
	Relation	rel;

	if (free < 0 || free > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the free places of slot %lld cannot be counted", (long long) slot->id),
				 errdetail("One of its counters would become " INT64_FORMAT ".", free),
				 errhint("Run booking.verify() and booking.rebuild().")));
	rel = booking_shards_open(RowExclusiveLock, &places);
	if (places.direct)
		update_row(rel, &places, row->row, (int32) free);
	else
		change_by_statement(slot, shard, (int32) free);
	table_close(rel, NoLock);
}

static void
update_row(Relation rel, const PlacesTable *places, HeapTuple old, int32 free)
{
	int			columns[] = {places->free};
	Datum		values[] = {Int32GetDatum(free)};
	bool		nulls[] = {false};
	HeapTuple	row = heap_modify_tuple_by_cols(old, RelationGetDescr(rel), lengthof(columns), columns, values, nulls);
	TM_FailureData failure;
	LockTupleMode mode;

	if (heap_update_compat(rel, &old->t_self, row, GetCurrentCommandId(true), &failure, &mode) != TM_Ok)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update"),
				 errdetail("A row of booking.slot_places has been changed without the lock that goes with it.")));
	if (!HeapTupleIsHeapOnly(row))
		insert_index_entry(rel, places->index_id, row);
	heap_freetuple(row);
	/* What comes next in this transaction is to see it, as after any statement. */
	CommandCounterIncrement();
}

static void
insert_index_entry(Relation rel, Oid index_id, HeapTuple row)
{
	Relation	index = index_open(index_id, RowExclusiveLock);
	IndexInfo  *info = BuildIndexInfo(index);
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];

	for (int i = 0; i < info->ii_NumIndexAttrs; i++)
		values[i] = heap_getattr(row, info->ii_IndexAttrNumbers[i], RelationGetDescr(rel), &nulls[i]);
	index_insert(index, values, nulls, &row->t_self, rel, UNIQUE_CHECK_YES, true, info);
	index_close(index, NoLock);
}

static void
change_by_statement(const Slot *slot, int shard, int32 free)
{
	Datum		values[3];

	values[0] = Int64GetDatum(slot->id);
	values[1] = Int16GetDatum((int16) shard);
	values[2] = Int32GetDatum(free);
	SPI_connect();
	if (booking_run(STMT_SET_PLACES, values, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the free places of slot %lld were not written", (long long) slot->id),
				 errdetail("A trigger, a rule or a policy on booking.slot_places has suppressed it.")));
	SPI_finish();
}
