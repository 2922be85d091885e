/*-------------------------------------------------------------------------
 *
 * pool_rows.c
 *		Which rows of booking.pool_use count, at one instant, and how are they written?
 *
 * pool_use.c says what the rows mean.  There are three sorts:
 *
 *	changes	written with each booking of a large pool, in its transaction; negative when units are
 *			given back.  Never updated, and deleted only by a fold.
 *	sums	written by a fold, which is a transaction that deletes changes and older sums and
 *			writes their sums: one row in place of many, with the same use at every instant.
 *	holds	of bookings that may lapse, one by one, with the id; written and deleted with the hold,
 *			and never folded.
 *
 * A transaction that writes very many changes gives them the number of a batch, so that it can
 * leave them out when it looks itself (pool_own.c).  To others they are changes like any.
 *
 * Changes and holds of all transactions are read as guard.c reads bookings: committed is sure,
 * in progress is pending.  A fold must not be seen by halves: a scan that met the rows it
 * deletes before it commits, and the sum that it writes afterwards, would count both, and the
 * other way round neither.  So a scan takes an MVCC snapshot first, and asks that snapshot
 * whether a fold has happened: a deleted change or sum is gone if the deletion is in the
 * snapshot, and a sum is there if it is in the snapshot itself.  As both stand or fall with the
 * same transaction, each fold is seen as a whole or not at all, whenever it commits.  The
 * snapshot keeps what it needs from being vacuumed.
 *
 * What is sure was committed when the snapshot was taken, a change that came since is pending: all
 * sure rows were there together, at one instant.  For an answer "full" that is enough without a
 * gate.
 *
 * Our own transaction's writes are seen as they are now.
 *
 * The table is a heap, and read and written without the executor: it is for this extension
 * alone, no trigger is fired, no privilege is checked, and no predicate lock is taken, for rows
 * are looked at with SnapshotAny first.  Rows are deleted without waiting: two folds that want
 * the same row do not get in each other's way, the second leaves it out.
 *
 * A transaction that books the same period of a pool many times changes the quantity of the row
 * that it has written, in place: one row for 30,000 bookings of one day, to itself and to every
 * transaction that looks at it meanwhile.  That is safe where the row and the addition belong to
 * the same subtransaction: if one is rolled back, both are.  Others see the quantity that it had
 * or the one that it has, as they would see one row less or more.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/procarray.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/cache.h"
#include "base/columns.h"
#include "base/compat.h"
#include "base/plans.h"
#include "base/test_point.h"
#include "engine/guard_index.h"
#include "engine/pool_rows.h"

/* What btree_gist calls "<>". */
#define DIFFERS		6

/* Columns of booking.pool_use. */
typedef enum PoolColumn
{
	POOL_RESOURCE_ID = 1,
	POOL_QUANTITY,
	POOL_BATCH,
	POOL_EXPIRES_AT,
	POOL_BOOKING_ID,
	POOL_FOLDED,
	POOL_OCCUPIES,
	POOL_NCOLUMNS = POOL_OCCUPIES
} PoolColumn;

static const Column pool_columns[POOL_NCOLUMNS + 1] = {
	[POOL_RESOURCE_ID] = {"resource_id", INT8OID},
	[POOL_QUANTITY] = {"quantity", INT8OID},
	[POOL_BATCH] = {"batch", INT8OID},
	[POOL_EXPIRES_AT] = {"expires_at", TIMESTAMPTZOID},
	[POOL_BOOKING_ID] = {"booking_id", UUIDOID},
	[POOL_FOLDED] = {"folded", BOOLOID},
	[POOL_OCCUPIES] = {"occupies", TSTZRANGEOID}
};

/* Where this session's table has its columns and its index. */
typedef struct PoolColumns
{
	Oid			relid;			/* hash key: must be first */
	AttrNumber	attno[POOL_NCOLUMNS + 1];
	GuardIndex	index;			/* resource_id, batch, occupies */
	StrategyNumber differs;		/* "another batch", or 0 where the index cannot be asked that */
	bool		direct;			/* an INSERT would do nothing that we do not do here */
} PoolColumns;

static Cache layouts = {
	.name = "booking pool_use", .keysize = sizeof(Oid), .entrysize = sizeof(PoolColumns),
	.limit = 64 * 1024
};

static const PoolColumns *find_layout(Relation heap);
static bool suits_direct_insert(Relation heap);
static void insert_by_statement(const PoolUse *use, bool folded);
static bool is_published_row_by_row(Relation heap);
static bool read_pool_row(PoolScan *scan, ItemPointer tid);
static bool pool_values(const PoolColumns *columns, HeapTuple tuple, TupleDesc desc, PoolRow *row);
static bool pool_row_counts(HeapTuple tuple, Buffer buffer, Snapshot snapshot, PoolRow *row);
static bool row_has_come(HeapTupleHeader row, Buffer buffer, Snapshot snapshot, PoolRow *found);
static bool row_has_gone(HeapTupleHeader row, Buffer buffer, Snapshot snapshot, PoolRow *found);
static void put_into_indexes(Relation heap, TupleTableSlot *slot);

static const PoolColumns *
find_layout(Relation heap)
{
	PoolColumns found = {.relid = RelationGetRelid(heap)};
	const PoolColumns *known = booking_cache_find(&layouts, &found.relid);
	Generation *generation;
	List	   *list;
	ListCell   *cell;

	if (known)
		return known;

	generation = booking_cache_load(&layouts);
	booking_cache_watch(&layouts, found.relid);
	booking_find_columns(RelationGetDescr(heap), pool_columns, POOL_NCOLUMNS, found.attno);
	list = RelationGetIndexList(heap);
	foreach(cell, list)
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);
		const int16 *attno = index->rd_index->indkey.values;

		if (booking_guard_index_fault(heap, index) == NULL &&
			IndexRelationGetNumberOfKeyAttributes(index) == 3 && attno[0] == found.attno[POOL_RESOURCE_ID] &&
			attno[1] == found.attno[POOL_BATCH] && attno[2] == found.attno[POOL_OCCUPIES] &&
			RelationGetIndexPredicate(index) == NIL)
		{
			booking_guard_describe(heap, index, &found.index);
			found.differs = get_opcode(get_opfamily_member(index->rd_opfamily[1], INT8OID, INT8OID, DIFFERS)) == F_INT8NE ?
				DIFFERS : InvalidStrategy;
		}
		index_close(index, AccessShareLock);
	}
	list_free(list);
	if (!OidIsValid(found.index.index_id) || heap->rd_rel->relam != HEAP_TABLE_AM_OID)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has lost an index that its rules need", RelationGetRelationName(heap)),
				 errdetail("It is the index pool_use_occupies."),
				 errhint("Create it again as the extension's install script does, or REINDEX it.")));
	found.direct = suits_direct_insert(heap);
	return booking_cache_keep(generation, &found);
}

/* No column of others that must have a value, and no trigger of others. */
static bool
suits_direct_insert(Relation heap)
{
	TupleDesc	desc = RelationGetDescr(heap);
	int			needed = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (!attribute->attisdropped && (attribute->attnotnull || attribute->attgenerated))
			needed++;
	}
	for (int i = 0; heap->trigdesc && i < heap->trigdesc->numtriggers; i++)
		if (!heap->trigdesc->triggers[i].tgisinternal && TRIGGER_FOR_INSERT(heap->trigdesc->triggers[i].tgtype))
			return false;
	/* Ours are resource_id, quantity, batch, folded and occupies. */
	return needed <= 5;
}

PoolTable
booking_pool_open(void)
{
	PoolTable	table = {.heap = table_open(booking_table("pool_use"), RowExclusiveLock)};

	table.columns = find_layout(table.heap);
	return table;
}

void
booking_pool_close(PoolTable *table)
{
	table_close(table->heap, NoLock);
}

/* Can rows be written that belong to a batch (pool_own.c), and be left out of a scan? */
bool
booking_pool_may_batch(const PoolTable *table)
{
	return table->columns->direct && table->columns->differs != InvalidStrategy;
}

/*
 * Begin to read the rows of a pool that overlap a period, as of now, without those of a batch,
 * if it is not 0.
 */
void
booking_pool_scan_begin(PoolScan *scan, const PoolTable *table, int64 resource_id, Period window, int64 without)
{
	const GuardIndex *guard = &table->columns->index;
	StrategyNumber differs = without ? table->columns->differs : InvalidStrategy;
	ScanKeyData keys[3];
	int			nkeys = 0;

	*scan = (PoolScan) {.table = table, .resource_id = resource_id, .window = window, .without = without};
	scan->snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan->removable = GlobalVisTestFor(table->heap);
	scan->index = index_open(guard->index_id, AccessShareLock);
	ScanKeyEntryInitialize(&keys[nkeys++], 0, 1, guard->strategy[0], InvalidOid, InvalidOid,
						   guard->proc[0], Int64GetDatum(resource_id));
	if (differs != InvalidStrategy)
		ScanKeyEntryInitialize(&keys[nkeys++], 0, 2, differs, InvalidOid, InvalidOid,
							   F_INT8NE, Int64GetDatum(without));
	ScanKeyEntryInitialize(&keys[nkeys++], 0, 3, guard->strategy[2], InvalidOid, InvalidOid,
						   guard->proc[2], RangeTypePGetDatum(booking_make_range(window)));
	scan->scan = index_beginscan_compat(table->heap, scan->index, SnapshotAny, nkeys, 0);
	index_rescan(scan->scan, keys, nkeys, NULL, 0);
}

/* The next of them that counts; NULL when there are no more. */
const PoolRow *
booking_pool_scan_next(PoolScan *scan)
{
	ItemPointer tid;

	while ((tid = index_getnext_tid(scan->scan, ForwardScanDirection)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (read_pool_row(scan, tid))
		{
			BOOKING_TEST_POINT("pool-scan");
			return &scan->row;
		}
	}
	return NULL;
}

void
booking_pool_scan_end(PoolScan *scan)
{
	if (BufferIsValid(scan->buffer))
		ReleaseBuffer(scan->buffer);
	index_endscan(scan->scan);
	index_close(scan->index, AccessShareLock);
	UnregisterSnapshot(scan->snapshot);
}

/*
 * Does the row at that place count?  A row that no transaction can see any more is marked dead
 * in the index, and not found the next time.  The place may have been given to another row since
 * the index was read.
 */
static bool
read_pool_row(PoolScan *scan, ItemPointer tid)
{
	Relation	heap = scan->table->heap;
	HeapTupleData tuple = {.t_tableOid = RelationGetRelid(heap), .t_self = *tid};
	Page		page;
	ItemId		item;
	bool		counts = false;

	scan->buffer = ReleaseAndReadBuffer(scan->buffer, heap, ItemPointerGetBlockNumber(tid));
	LockBuffer(scan->buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(scan->buffer);
	if (ItemPointerGetOffsetNumber(tid) <= PageGetMaxOffsetNumber(page))
	{
		item = PageGetItemId(page, ItemPointerGetOffsetNumber(tid));
		if (ItemIdIsNormal(item))
		{
			tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
			tuple.t_len = ItemIdGetLength(item);
			counts = pool_values(scan->table->columns, &tuple, RelationGetDescr(heap), &scan->row) &&
				pool_row_counts(&tuple, scan->buffer, scan->snapshot, &scan->row) &&
				scan->row.use.resource_id == scan->resource_id &&
				(scan->without == 0 || scan->row.batch != scan->without) &&
				scan->row.use.occupies.from < scan->window.to && scan->window.from < scan->row.use.occupies.to;
			if (!counts)
				scan->scan->kill_prior_tuple = HeapTupleIsSurelyDead(&tuple, scan->removable);
		}
		else
			scan->scan->kill_prior_tuple = ItemIdIsDead(item);
	}
	LockBuffer(scan->buffer, BUFFER_LOCK_UNLOCK);
	scan->row.tid = *tid;
	return counts;
}

/* False when something is missing that our rows have. */
static bool
pool_values(const PoolColumns *columns, HeapTuple tuple, TupleDesc desc, PoolRow *row)
{
	Datum		value[POOL_NCOLUMNS + 1];
	bool		null[POOL_NCOLUMNS + 1];
	RangeType  *occupies;

	for (int i = 1; i <= POOL_NCOLUMNS; i++)
		value[i] = heap_getattr(tuple, columns->attno[i], desc, &null[i]);
	if (null[POOL_RESOURCE_ID] || null[POOL_QUANTITY] || null[POOL_BATCH] || null[POOL_FOLDED] || null[POOL_OCCUPIES])
		return false;
	*row = (PoolRow) {.folded = DatumGetBool(value[POOL_FOLDED]), .batch = DatumGetInt64(value[POOL_BATCH])};
	row->use.resource_id = DatumGetInt64(value[POOL_RESOURCE_ID]);
	row->use.quantity = DatumGetInt64(value[POOL_QUANTITY]);
	occupies = DatumGetRangeTypeP(value[POOL_OCCUPIES]);
	row->use.occupies = booking_period(occupies);
	if ((Pointer) occupies != DatumGetPointer(value[POOL_OCCUPIES]))
		pfree(occupies);
	row->use.held = !null[POOL_EXPIRES_AT] && !null[POOL_BOOKING_ID];
	if (row->use.held)
	{
		row->use.expires_at = DatumGetTimestampTz(value[POOL_EXPIRES_AT]);
		row->use.booking_id = *DatumGetUUIDP(value[POOL_BOOKING_ID]);
	}
	return true;
}

/* As the banner says.  The buffer is locked. */
static bool
pool_row_counts(HeapTuple tuple, Buffer buffer, Snapshot snapshot, PoolRow *row)
{
	return row_has_come(tuple->t_data, buffer, snapshot, row) &&
		!(row->pending && row->folded) &&
		!row_has_gone(tuple->t_data, buffer, snapshot, row);
}

static bool
row_has_come(HeapTupleHeader row, Buffer buffer, Snapshot snapshot, PoolRow *found)
{
	TransactionId xmin = HeapTupleHeaderGetXmin(row);

	if (HeapTupleHeaderXminInvalid(row))
		return false;
	if (HeapTupleHeaderXminFrozen(row))
		return true;
	if (TransactionIdIsCurrentTransactionId(xmin))
	{
		found->ours = true;
		return true;
	}
	if (XidInMVCCSnapshot(xmin, snapshot))
	{
		found->pending = true;
		found->xid = xmin;
		return TransactionIdIsInProgress(xmin) || TransactionIdDidCommit(xmin);
	}
	if (!HeapTupleHeaderXminCommitted(row))
	{
		if (!TransactionIdDidCommit(xmin))
			return false;
		HeapTupleSetHintBits(row, buffer, HEAP_XMIN_COMMITTED, xmin);
	}
	return true;
}

static bool
row_has_gone(HeapTupleHeader row, Buffer buffer, Snapshot snapshot, PoolRow *found)
{
	TransactionId xmax;

	if ((row->t_infomask & HEAP_XMAX_INVALID) || HEAP_XMAX_IS_LOCKED_ONLY(row->t_infomask))
		return false;
	xmax = HeapTupleHeaderGetUpdateXid(row);
	if (TransactionIdIsCurrentTransactionId(xmax))
		return true;
	if (found->use.held && TransactionIdIsInProgress(xmax))
	{
		found->pending = true;
		found->xid = xmax;
		return false;
	}
	if (!found->use.held && XidInMVCCSnapshot(xmax, snapshot))
	{
		found->going = true;
		return false;
	}
	if (!TransactionIdDidCommit(xmax))
		return false;
	if (!(row->t_infomask & HEAP_XMAX_IS_MULTI))
		HeapTupleSetHintBits(row, buffer, HEAP_XMAX_COMMITTED, xmax);
	return true;
}

/* Write a row; where it is, is put into *tid, if that is known. */
void
booking_pool_insert(const PoolTable *table, const PoolUse *use, bool folded, int64 batch, ItemPointer tid)
{
	const AttrNumber *attno = table->columns->attno;
	TupleTableSlot *slot;

	ItemPointerSetInvalid(tid);
	if (!table->columns->direct)
	{
		insert_by_statement(use, folded);
		return;
	}
	slot = table_slot_create(table->heap, NULL);
	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts * sizeof(bool));
	for (int i = 1; i <= POOL_NCOLUMNS; i++)
		slot->tts_isnull[attno[i] - 1] = (i == POOL_EXPIRES_AT || i == POOL_BOOKING_ID) && !use->held;
	slot->tts_values[attno[POOL_RESOURCE_ID] - 1] = Int64GetDatum(use->resource_id);
	slot->tts_values[attno[POOL_QUANTITY] - 1] = Int64GetDatum(use->quantity);
	slot->tts_values[attno[POOL_BATCH] - 1] = Int64GetDatum(batch);
	slot->tts_values[attno[POOL_EXPIRES_AT] - 1] = TimestampTzGetDatum(use->expires_at);
	slot->tts_values[attno[POOL_BOOKING_ID] - 1] = UUIDPGetDatum(&use->booking_id);
	slot->tts_values[attno[POOL_FOLDED] - 1] = BoolGetDatum(folded);
	slot->tts_values[attno[POOL_OCCUPIES] - 1] = RangeTypePGetDatum(booking_make_range(use->occupies));
	ExecStoreVirtualTuple(slot);

	table_tuple_insert(table->heap, slot, GetCurrentCommandId(true), 0, NULL);
	put_into_indexes(table->heap, slot);
	*tid = slot->tts_tid;
	ExecDropSingleTupleTableSlot(slot);
}

static void
insert_by_statement(const PoolUse *use, bool folded)
{
	Datum		values[] = {
		Int64GetDatum(use->resource_id), Int64GetDatum(use->quantity), TimestampTzGetDatum(use->expires_at),
		UUIDPGetDatum(&use->booking_id), BoolGetDatum(folded), RangeTypePGetDatum(booking_make_range(use->occupies))
	};

	SPI_connect();
	if (booking_run(STMT_INSERT_POOL_USE, values, use->held ? NULL : "  nn  ") != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("what is in use of a pool could not be written down"),
				 errdetail("A trigger or a rule on booking.pool_use keeps its row from being stored."),
				 errhint("Drop it: the rows of that table are the extension's own.")));
	SPI_finish();
}

/* Ours is the only one that is needed, but others may have been added. */
static void
put_into_indexes(Relation heap, TupleTableSlot *slot)
{
	EState	   *estate = NULL;
	List	   *list = RelationGetIndexList(heap);
	ListCell   *cell;

	foreach(cell, list)
	{
		Relation	index = index_open(lfirst_oid(cell), RowExclusiveLock);
		IndexInfo  *info = BuildIndexInfo(index);
		Datum		values[INDEX_MAX_KEYS];
		bool		nulls[INDEX_MAX_KEYS];

		if (estate == NULL && (info->ii_Expressions != NIL || info->ii_Predicate != NIL))
			estate = CreateExecutorState();
		if (estate)
			GetPerTupleExprContext(estate)->ecxt_scantuple = slot;
		if (info->ii_ReadyForInserts &&
			(info->ii_Predicate == NIL ||
			 ExecQual(ExecPrepareQual(info->ii_Predicate, estate), GetPerTupleExprContext(estate))))
		{
			FormIndexDatum(info, slot, estate, values, nulls);
			index_insert(index, values, nulls, &slot->tts_tid, heap,
						 info->ii_Unique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO, false, info);
		}
		index_close(index, RowExclusiveLock);
	}
	list_free(list);
	if (estate)
		FreeExecutorState(estate);
}

/*
 * Delete a row without waiting.  False when another transaction has done it, or is about to.
 * Rows of this command are to be deleted as well, and to be gone for the statement that follows.
 */
bool
booking_pool_delete(const PoolTable *table, ItemPointer tid)
{
	TM_FailureData failure;

	CommandCounterIncrement();
	return table_tuple_delete_compat(table->heap, tid, GetCurrentCommandId(true), &failure) == TM_Ok;
}

/*
 * Add to a row that this subtransaction has written for the same pool and period.  False when
 * that is not what is there.
 */
bool
booking_pool_add_to(const PoolTable *table, const PoolUse *use, ItemPointer tid)
{
	const PoolColumns *columns = table->columns;
	TransactionId xid = GetCurrentTransactionIdIfAny();
	Buffer		buffer;
	Page		page;
	PoolRow		row;
	ItemId		item;
	HeapTupleData tuple = {.t_tableOid = RelationGetRelid(table->heap), .t_self = *tid};
	bool		added = false;

	/* The two columns before any that may be NULL or of any length. */
	if (!ItemPointerIsValid(tid) || is_published_row_by_row(table->heap) || columns->attno[POOL_RESOURCE_ID] != 1 || columns->attno[POOL_QUANTITY] != 2 ||
		ItemPointerGetBlockNumber(tid) >= RelationGetNumberOfBlocks(table->heap))
		return false;
	buffer = ReadBuffer(table->heap, ItemPointerGetBlockNumber(tid));
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	page = BufferGetPage(buffer);
	item = ItemPointerGetOffsetNumber(tid) <= PageGetMaxOffsetNumber(page) ?
		PageGetItemId(page, ItemPointerGetOffsetNumber(tid)) : NULL;
	if (item && ItemIdIsNormal(item))
	{
		tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
		tuple.t_len = ItemIdGetLength(item);
		if (pool_values(columns, &tuple, RelationGetDescr(table->heap), &row) &&
			TransactionIdEquals(HeapTupleHeaderGetRawXmin(tuple.t_data), xid) &&
			(tuple.t_data->t_infomask & HEAP_XMAX_INVALID) && !row.folded && !row.use.held &&
			row.use.resource_id == use->resource_id && row.use.occupies.from == use->occupies.from &&
			row.use.occupies.to == use->occupies.to)
		{
			GenericXLogState *state = GenericXLogStart(table->heap);
			Page		copy = GenericXLogRegisterBuffer(state, buffer, 0);
			HeapTupleHeader header = (HeapTupleHeader) PageGetItem(copy, PageGetItemId(copy, ItemPointerGetOffsetNumber(tid)));

			row.use.quantity += use->quantity;
			memcpy((char *) header + header->t_hoff + sizeof(int64), &row.use.quantity, sizeof(int64));
			GenericXLogFinish(state);
			added = true;
		}
	}
	UnlockReleaseBuffer(buffer);
	return added;
}

/* Logical decoding would not see what is added to a row in place. */
static bool
is_published_row_by_row(Relation heap)
{
	PublicationDesc published;

	if (!XLogLogicalInfoActive())
		return false;
	RelationBuildPublicationDesc(heap, &published);
	return published.pubactions.pubinsert;
}
