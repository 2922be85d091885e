/*-------------------------------------------------------------------------
 *
 * holder_rows.c
 *		How many active bookings of a kind does a holder have?
 *
 * A booking that a limit is for asks this each time, and the answer is a few entries of one
 * index.  To begin and end the statement that counts them (STMT_COUNT_OF_HOLDER) takes longer
 * than all the rest of the booking, so its index is read here, with the same snapshot: the
 * latest, with what the statement that we run in has written so far.
 *
 * A limit of a category asks for the category of the resources of those entries.  They are the
 * remembered ones: all messages of what has been committed are read before, so that it is what the
 * latest snapshot shows, or later.
 *
 * The statement stays for what is not that simple: SERIALIZABLE, where it notes what it has
 * read; policies that the owner of the tables is subject to as well; tables that inherit this
 * one; and an index that is not exactly the one of the install script.
 *
 * Nothing is locked here.  The caller has the HOLDER lock, or only looks (limits.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rangetypes.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/cache.h"
#include "base/compat.h"
#include "base/period.h"
#include "engine/guard_index.h"
#include "engine/holder_rows.h"
#include "engine/resource.h"
#include "engine/row.h"

/* Where the table of bookings has its index of holders, if it has. */
typedef struct HolderIndex
{
	Oid			relid;			/* hash key: must be first */
	Oid			index_id;		/* or invalid */
	Oid			collation;
} HolderIndex;

static Cache holder_indexes = {
	.name = "booking holder indexes", .keysize = sizeof(Oid), .entrysize = sizeof(HolderIndex),
	.limit = 64 * 1024
};

static const HolderIndex *holder_index(Relation heap);
static bool is_holder_index(Relation heap, Relation index);
static IndexScanDesc begin_scan(Relation heap, Relation index, const HolderIndex *known, Snapshot snapshot,
								const Datum *values);
static bool is_of_category(int64 resource_id, const text *category);
static bool is_counted(TupleTableSlot *slot, const Datum *values, const char *nulls, TimestampTz now);

/* As the statement would count them.  False when the statement has to. */
bool
booking_holder_count(const Datum *values, const char *nulls, int64 *bookings, int64 *quantity)
{
	Relation	heap = table_open(booking_table("booking"), AccessShareLock);
	const HolderIndex *known = holder_index(heap);
	TimestampTz now = GetCurrentTimestamp();
	Relation	index;
	Snapshot	snapshot;
	IndexScanDesc scan;
	TupleTableSlot *slot;
	bool		isnull;

	if (!OidIsValid(known->index_id) || IsolationIsSerializable() ||
		heap->rd_rel->relforcerowsecurity || heap->rd_rel->relhassubclass)
	{
		table_close(heap, NoLock);
		return false;
	}
	/* As every statement that may follow writing. */
	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	if (nulls[COUNT_CATEGORY] != 'n')
		AcceptInvalidationMessages();
	index = index_open(known->index_id, AccessShareLock);
	slot = table_slot_create(heap, NULL);
	scan = begin_scan(heap, index, known, snapshot, values);
	*bookings = *quantity = 0;
	while (index_getnext_slot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		if (!is_counted(slot, values, nulls, now))
			continue;
		*bookings += 1;
		*quantity += DatumGetInt32(slot_getattr(slot, booking_row_column(RelationGetDescr(heap), BOOKING_QUANTITY),
												&isnull));
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	index_close(index, AccessShareLock);
	UnregisterSnapshot(snapshot);
	table_close(heap, NoLock);
	return true;
}

static const HolderIndex *
holder_index(Relation heap)
{
	HolderIndex found = {.relid = RelationGetRelid(heap)};
	const HolderIndex *known = booking_cache_find(&holder_indexes, &found.relid);
	Generation *generation;
	List	   *list;
	ListCell   *cell;

	if (known)
		return known;
	generation = booking_cache_load(&holder_indexes);
	booking_cache_watch(&holder_indexes, found.relid);
	list = RelationGetIndexList(heap);
	foreach(cell, list)
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		if (!OidIsValid(found.index_id) && is_holder_index(heap, index))
		{
			found.index_id = RelationGetRelid(index);
			found.collation = index->rd_indcollation[0];
		}
		index_close(index, NoLock);
	}
	list_free(list);
	return booking_cache_keep(generation, &found);
}

/* Active bookings by holder and end, the equality being that of bytes. */
static bool
is_holder_index(Relation heap, Relation index)
{
	AttrNumber	holder = booking_row_column(RelationGetDescr(heap), BOOKING_HOLDER);

	return index->rd_rel->relam == BTREE_AM_OID && index->rd_index->indisvalid &&
		IndexRelationGetNumberOfKeyAttributes(index) == 2 &&
		index->rd_index->indkey.values[0] == holder && index->rd_index->indkey.values[1] == 0 &&
		index->rd_indcollation[0] == TupleDescAttr(RelationGetDescr(heap), holder - 1)->attcollation &&
		get_collation_isdeterministic(index->rd_indcollation[0]) &&
		get_op_opfamily_strategy(TextEqualOperator, index->rd_opfamily[0]) == BTEqualStrategyNumber &&
		TupleDescAttr(RelationGetDescr(index), 1)->atttypid == TIMESTAMPTZOID &&
		booking_index_has_expression(heap, index, "COALESCE(pg_catalog.upper(period), 'infinity')") &&
		booking_index_has_predicate(heap, index, "status OPERATOR(pg_catalog.=) ANY (ARRAY['held', 'confirmed'])");
}

/* The index knows the holder and the end; the rest has to be looked for in the rows. */
static IndexScanDesc
begin_scan(Relation heap, Relation index, const HolderIndex *known, Snapshot snapshot, const Datum *values)
{
	IndexScanDesc scan = index_beginscan_compat(heap, index, snapshot, 2, 0);
	ScanKeyData keys[2];

	ScanKeyEntryInitialize(&keys[0], 0, 1, BTEqualStrategyNumber, InvalidOid, known->collation, F_TEXTEQ,
						   values[COUNT_HOLDER]);
	ScanKeyEntryInitialize(&keys[1], 0, 2, BTGreaterStrategyNumber, InvalidOid, InvalidOid, F_TIMESTAMPTZ_GT,
						   values[COUNT_ENDS_AFTER]);
	index_rescan(scan, keys, 2, NULL, 0);
	return scan;
}

static bool
is_counted(TupleTableSlot *slot, const Datum *values, const char *nulls, TimestampTz now)
{
	TupleDesc	desc = slot->tts_tupleDescriptor;
	RangeType  *range;
	Datum		value;
	bool		isnull;

	value = slot_getattr(slot, booking_row_column(desc, BOOKING_EXPIRES_AT), &isnull);
	if (!isnull && DatumGetTimestampTz(value) <= now)
		return false;
	value = slot_getattr(slot, booking_row_column(desc, BOOKING_ID), &isnull);
	if (memcmp(DatumGetUUIDP(value), DatumGetUUIDP(values[COUNT_OTHER_THAN]), UUID_LEN) == 0)
		return false;
	value = slot_getattr(slot, booking_row_column(desc, BOOKING_RESOURCE_ID), &isnull);
	if (nulls[COUNT_RESOURCE_ID] != 'n' && DatumGetInt64(value) != DatumGetInt64(values[COUNT_RESOURCE_ID]))
		return false;
	if (nulls[COUNT_CATEGORY] != 'n' && !is_of_category(DatumGetInt64(value), DatumGetTextPP(values[COUNT_CATEGORY])))
		return false;
	value = slot_getattr(slot, booking_row_column(desc, BOOKING_SLOT_ID), &isnull);
	if (nulls[COUNT_SLOT_ID] != 'n' && (isnull || DatumGetInt64(value) != DatumGetInt64(values[COUNT_SLOT_ID])))
		return false;
	if (nulls[COUNT_PERIOD] != 'n' && !isnull)
		return false;
	if (nulls[COUNT_PERIOD] == 'n' && nulls[COUNT_BEGINS_FROM] == 'n')
		return true;
	range = DatumGetRangeTypeP(slot_getattr(slot, booking_row_column(desc, BOOKING_PERIOD), &isnull));
	if (nulls[COUNT_PERIOD] != 'n')
		return range_eq_internal(booking_range_type(TSTZRANGEOID), range, DatumGetRangeTypeP(values[COUNT_PERIOD]));
	return booking_period(range).from >= DatumGetTimestampTz(values[COUNT_BEGINS_FROM]) &&
		booking_period(range).from < DatumGetTimestampTz(values[COUNT_BEGINS_BEFORE]);
}

static bool
is_of_category(int64 resource_id, const text *category)
{
	const Resource *resource = booking_recall_resource(resource_id);

	return resource && resource->category &&
		strlen(resource->category) == VARSIZE_ANY_EXHDR(category) &&
		memcmp(resource->category, VARDATA_ANY(category), VARSIZE_ANY_EXHDR(category)) == 0;
}
