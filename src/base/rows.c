/*-------------------------------------------------------------------------
 *
 * rows.c
 *		Which rows of a table of ours have this key, now?
 *
 * SQL would tell as well, but not in a way that no plan can get wrong.  At SERIALIZABLE,
 * whatever a plan reads with an MVCC snapshot leaves predicate locks behind: on the pages of an
 * index that it looks into, or on the whole table if it is read from one end to the other.
 * Two transactions that look up two bookings side by side in the index, and then write them,
 * would be told that they cannot be serialized, although each of them holds the lock of its
 * own booking to the end.  A plan that is run with another kind of snapshot leaves none, but
 * bitmap scans and index-only scans are not made for that, nor are the functions of
 * policies and triggers that run inside.
 *
 * So a few rows are read here, from the index that we choose: every version that there is
 * (SnapshotAny, for which nothing is locked), and of these the ones that an MVCC snapshot
 * sees.  That snapshot was taken before the scan began, so that what it sees is in the index
 * for us to find, once: the answer is as of one instant.
 *
 * Where many rows of one key lie side by side, what takes the time is to find, pin and lock
 * their page for each of them anew.  booking_rows_visit() notes where they are, and then goes
 * through them page by page, as a bitmap scan does: four times as fast.  booking_rows_one() does
 * the same for a single row.  For one that has a number, it looks first where that row
 * was the last time, or where it would be if rows of consecutive numbers lay side by side, as those
 * do that were stored one after the other.  What is there is believed if it has the keys: a
 * snapshot sees one row that has them, and no more.  That costs a sixth of the way through the
 * index.  At SERIALIZABLE, and on a table that is no heap, rows are read one by one.
 *
 * The caller's privileges are not checked here: this reads what the owner of the tables may read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/cache.h"
#include "base/columns.h"
#include "base/compat.h"
#include "base/rows.h"

#define MOST_KEYS	4

/* With less room than this for new versions of its rows, a page is cleared of dead ones. */
#define CROWDED		(BLCKSZ / 8)

/* So many consecutive numbers share what is remembered of them. */
#define SIDE_BY_SIDE	16

/* The primary key of a table, as remembered. */
typedef struct KeyIndex
{
	Oid			relid;			/* hash key: must be first */
	Oid			index_id;		/* or invalid */
	int			ncolumns;
	AttrNumber	column[MOST_KEYS];
} KeyIndex;

static Cache key_indexes = {
	.name = "booking key indexes", .keysize = sizeof(Oid), .entrysize = sizeof(KeyIndex),
	.limit = 256 * 1024
};

static const KeyIndex *primary_key(Relation rel);
static bool may_go_by_page(const RowsWanted *wanted);
static IndexScanDesc begin_index_scan(const RowsWanted *wanted, Relation index, Snapshot snapshot);
static bool next_seen(RowScan *rows);
static HeapTuple row_by_scan(const RowsWanted *wanted);
static HeapTuple row_by_page(const RowsWanted *wanted, const RowNumber *numbered);
static HeapTuple row_as_guessed(const RowsWanted *wanted, const RowNumber *numbered);
static bool guess(const RowNumber *numbered, ItemPointer at);
static void remember(const RowNumber *numbered, ItemPointer at);
static int	find_row_tids(const RowsWanted *wanted, ItemPointer *found);
static int	compare_tids(const void *a, const void *b);
static void keep_row(HeapTuple row, TupleDesc desc, void *arg);
static void visit_page(const RowsWanted *wanted, ItemPointer tids, int n, RowVisit visit, void *arg);

/* Begin to read them.  With a comparison other than equality, the index gives the order. */
void
booking_rows_begin(RowScan *rows, const RowsWanted *wanted)
{
	*rows = (RowScan) {
		.rel = wanted->rel,
		.snapshot = RegisterSnapshot(wanted->snapshot ? wanted->snapshot : GetLatestSnapshot())
	};
	if (OidIsValid(wanted->index))
	{
		rows->index = index_open(wanted->index, AccessShareLock);
		rows->by_index = begin_index_scan(wanted, rows->index, SnapshotAny);
	}
	else
	{
		ScanKeyData scan_keys[MOST_KEYS];

		Assert(wanted->nkeys <= MOST_KEYS);
		for (int i = 0; i < wanted->nkeys; i++)
			ScanKeyInit(&scan_keys[i], booking_column_number(RelationGetDescr(wanted->rel), wanted->keys[i].column),
						BTEqualStrategyNumber, wanted->keys[i].compare, wanted->keys[i].value);
		rows->whole = systable_beginscan(wanted->rel, InvalidOid, false, SnapshotAny, wanted->nkeys, scan_keys);
	}
}

/* The keys are the leading columns of the index. */
static IndexScanDesc
begin_index_scan(const RowsWanted *wanted, Relation index, Snapshot snapshot)
{
	ScanKeyData scan_keys[MOST_KEYS];
	IndexScanDesc scan;

	Assert(wanted->nkeys <= MOST_KEYS);
	for (int i = 0; i < wanted->nkeys; i++)
		ScanKeyInit(&scan_keys[i], i + 1,
					wanted->keys[i].at_most ? BTLessEqualStrategyNumber : BTEqualStrategyNumber,
					wanted->keys[i].compare, wanted->keys[i].value);
	scan = index_beginscan_compat(wanted->rel, index, snapshot, wanted->nkeys, 0);
	index_rescan(scan, scan_keys, wanted->nkeys, NULL, 0);
	return scan;
}

/* The next of them, good until the next call; NULL when there are no more. */
HeapTuple
booking_rows_next(RowScan *rows)
{
	HeapTuple	row;
	bool		copied;

	if (rows->whole)
	{
		do
			row = systable_getnext(rows->whole);
		while (HeapTupleIsValid(row) &&
			   !table_tuple_satisfies_snapshot(rows->rel, rows->whole->slot, rows->snapshot));
		return row;
	}
	do
		if (!next_seen(rows))
			return NULL;
	while (!table_tuple_satisfies_snapshot(rows->rel, rows->slot, rows->snapshot));
	row = ExecFetchSlotHeapTuple(rows->slot, false, &copied);
	Assert(!copied);
	return row;
}

/* As index_getnext_slot(), but a slot is made only if something is found: most often nothing is. */
static bool
next_seen(RowScan *rows)
{
	do
	{
		if (!rows->by_index->xs_heap_continue &&
			index_getnext_tid(rows->by_index, ForwardScanDirection) == NULL)
			return false;
		if (rows->slot == NULL)
			rows->slot = table_slot_create(rows->rel, NULL);
	} while (!index_fetch_heap(rows->by_index, rows->slot));
	return true;
}

/* Is there any such row? */
bool
booking_rows_any(const RowsWanted *wanted)
{
	RowScan		rows;
	bool		found;

	booking_rows_begin(&rows, wanted);
	found = booking_rows_next(&rows) != NULL;
	booking_rows_end(&rows);
	return found;
}

/* The index stays locked until the transaction ends, like the table: it is often read again. */
void
booking_rows_end(RowScan *rows)
{
	if (rows->whole)
		systable_endscan(rows->whole);
	else
	{
		index_endscan(rows->by_index);
		index_close(rows->index, NoLock);
		if (rows->slot)
			ExecDropSingleTupleTableSlot(rows->slot);
	}
	UnregisterSnapshot(rows->snapshot);
}

/* A column, by its name. */
Datum
booking_rows_column(const RowScan *rows, HeapTuple row, const char *column, bool *isnull)
{
	TupleDesc	desc = RelationGetDescr(rows->rel);

	return heap_getattr(row, booking_column_number(desc, column), desc, isnull);
}

/* The primary key's index if it begins with these columns; InvalidOid if it does not. */
Oid
booking_rows_key_index(Relation rel, const RowKey *keys, int nkeys)
{
	const KeyIndex *primary = primary_key(rel);

	if (nkeys > primary->ncolumns)
		return InvalidOid;
	for (int i = 0; i < nkeys; i++)
		if (booking_column_number(RelationGetDescr(rel), keys[i].column) != primary->column[i])
			return InvalidOid;
	return primary->index_id;
}

static const KeyIndex *
primary_key(Relation rel)
{
	KeyIndex	found = {.relid = RelationGetRelid(rel)};
	const KeyIndex *known = booking_cache_find(&key_indexes, &found.relid);
	Generation *generation;

	if (known)
		return known;
	generation = booking_cache_load(&key_indexes);
	booking_cache_watch(&key_indexes, found.relid);
	found.index_id = primary_key_index(rel);
	if (OidIsValid(found.index_id))
	{
		Relation	index = index_open(found.index_id, AccessShareLock);

		found.ncolumns = Min(IndexRelationGetNumberOfKeyAttributes(index), MOST_KEYS);
		memcpy(found.column, index->rd_index->indkey.values, found.ncolumns * sizeof(AttrNumber));
		index_close(index, NoLock);
	}
	return booking_cache_keep(generation, &found);
}

/*
 * Lock a row that the snapshot sees, as SELECT ... FOR UPDATE does: an error when it has been
 * changed since.  False when another transaction has it and we are not to wait, or when the
 * statement that we run in has changed it.
 */
bool
booking_rows_lock(Relation rel, ItemPointer tid, Snapshot snapshot, LockTupleMode mode,
				  LockWaitPolicy policy)
{
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TM_FailureData failure;
	TM_Result	result;

	result = table_tuple_lock(rel, tid, snapshot, slot, GetCurrentCommandId(true),
							  mode, policy, 0, &failure);
	ExecDropSingleTupleTableSlot(slot);
	switch (result)
	{
		case TM_Ok:
			return true;
		case TM_WouldBlock:
		case TM_SelfModified:
			return false;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not serialize access due to concurrent update")));
	}
	return false;
}

/* ---- page by page ---- */

/* Visit the rows whose keys are the leading columns of the index, in no particular order. */
void
booking_rows_visit(const RowsWanted *wanted, RowVisit visit, void *arg)
{
	ItemPointer tids;
	int			n;

	if (!may_go_by_page(wanted))
	{
		RowScan		rows;
		HeapTuple	row;

		booking_rows_begin(&rows, wanted);
		while ((row = booking_rows_next(&rows)) != NULL)
			visit(row, RelationGetDescr(wanted->rel), arg);
		booking_rows_end(&rows);
		return;
	}
	n = find_row_tids(wanted, &tids);
	qsort(tids, n, sizeof(ItemPointerData), compare_tids);
	for (int i = 0, next; i < n; i = next)
	{
		CHECK_FOR_INTERRUPTS();
		for (next = i + 1; next < n && ItemPointerGetBlockNumber(&tids[next]) == ItemPointerGetBlockNumber(&tids[i]);)
			next++;
		visit_page(wanted, &tids[i], next - i, visit, arg);
	}
	pfree(tids);
}

/*
 * A copy of the one row whose keys are the columns of the unique index, or NULL.  It may have no
 * number.
 */
HeapTuple
booking_rows_one(const RowsWanted *wanted, const RowNumber *numbered)
{
	RowsWanted	seen = *wanted;
	HeapTuple	found;

	seen.snapshot = RegisterSnapshot(wanted->snapshot ? wanted->snapshot : GetLatestSnapshot());
	found = may_go_by_page(&seen) ? row_by_page(&seen, numbered) : row_by_scan(&seen);
	UnregisterSnapshot(seen.snapshot);
	return found;
}

static HeapTuple
row_by_scan(const RowsWanted *wanted)
{
	RowScan		rows;
	HeapTuple	row;

	booking_rows_begin(&rows, wanted);
	row = booking_rows_next(&rows);
	row = row ? heap_copytuple(row) : NULL;
	booking_rows_end(&rows);
	return row;
}

static HeapTuple
row_by_page(const RowsWanted *wanted, const RowNumber *numbered)
{
	HeapTuple	found = numbered ? row_as_guessed(wanted, numbered) : NULL;
	ItemPointer tids;
	int			n;

	if (found)
		return found;
	n = find_row_tids(wanted, &tids);
	for (int i = 0; i < n && found == NULL; i++)
	{
		visit_page(wanted, &tids[i], 1, keep_row, &found);
		if (found && numbered)
			remember(numbered, &tids[i]);
	}
	pfree(tids);
	return found;
}

/*
 * The row, if it is where we guess.  The place may have been given to another row since, or the
 * table have become shorter; while we have its lock, it does not.
 */
static HeapTuple
row_as_guessed(const RowsWanted *wanted, const RowNumber *numbered)
{
	ItemPointerData at;
	HeapTuple	found = NULL;

	if (!guess(numbered, &at) || ItemPointerGetBlockNumber(&at) >= RelationGetNumberOfBlocks(wanted->rel))
		return NULL;
	visit_page(wanted, &at, 1, keep_row, &found);
	for (int i = 0; i < wanted->nkeys && found; i++)
	{
		AttrNumber	attno = booking_column_number(RelationGetDescr(wanted->rel), wanted->keys[i].column);
		bool		isnull;
		Datum		value = heap_getattr(found, attno, RelationGetDescr(wanted->rel), &isnull);

		Assert(TupleDescAttr(RelationGetDescr(wanted->rel), attno - 1)->attbyval);
		if (isnull || value != wanted->keys[i].value)
			found = NULL;
	}
	if (found)
		remember(numbered, &at);
	return found;
}

/* Where is it, going by the last that was found of the numbers around its own? */
static bool
guess(const RowNumber *numbered, ItemPointer at)
{
	uint64		group = numbered->number / SIDE_BY_SIDE;
	const RowsSeen *seen = numbered->seen;
	int			i = group % lengthof(seen->last);
	int64		offset;

	if (!ItemPointerIsValid(&seen->last[i].at) || seen->last[i].number / SIDE_BY_SIDE != group)
		return false;
	offset = ItemPointerGetOffsetNumber(&seen->last[i].at) + (int64) (numbered->number - seen->last[i].number);
	if (offset < FirstOffsetNumber || offset > MaxHeapTuplesPerPage)
		return false;
	ItemPointerSet(at, ItemPointerGetBlockNumber(&seen->last[i].at), (OffsetNumber) offset);
	return true;
}

static void
remember(const RowNumber *numbered, ItemPointer at)
{
	int			i = numbered->number / SIDE_BY_SIDE % lengthof(numbered->seen->last);

	numbered->seen->last[i].number = numbered->number;
	numbered->seen->last[i].at = *at;
}

static void
keep_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HeapTuple  *found = arg;

	*found = heap_copytuple(row);
}

static bool
may_go_by_page(const RowsWanted *wanted)
{
	return OidIsValid(wanted->index) && !IsolationIsSerializable() &&
		wanted->rel->rd_tableam == GetHeapamTableAmRoutine();
}

/*
 * Where the index says that they are.  What the snapshot sees is not cleaned away meanwhile,
 * and what takes the place of something else is too young for it.
 */
static int
find_row_tids(const RowsWanted *wanted, ItemPointer *found)
{
	Relation	index = index_open(wanted->index, AccessShareLock);
	IndexScanDesc scan = begin_index_scan(wanted, index, wanted->snapshot);
	ItemPointer tid;
	int			size = 256;
	int			n = 0;

	*found = palloc_array(ItemPointerData, size);
	while ((tid = index_getnext_tid(scan, ForwardScanDirection)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (n == size)
			*found = repalloc_huge(*found, (size *= 2) * sizeof(ItemPointerData));
		(*found)[n++] = *tid;
	}
	index_endscan(scan);
	index_close(index, NoLock);
	return n;
}

static int
compare_tids(const void *a, const void *b)
{
	return ItemPointerCompare((ItemPointer) a, (ItemPointer) b);
}

/*
 * The rows of one page that the snapshot sees.  An index scan would clear away what is dead
 * there each time, as soon as the page is fuller than the table's fillfactor; on a table of
 * rows that change all the time, that is with nearly every look.
 */
static void
visit_page(const RowsWanted *wanted, ItemPointer tids, int n, RowVisit visit, void *arg)
{
	Relation	rel = wanted->rel;
	Buffer		buffer = ReadBuffer(rel, ItemPointerGetBlockNumber(tids));
	bool		crowded;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	for (int i = 0; i < n; i++)
	{
		ItemPointerData tid = tids[i];
		HeapTupleData row;

		if ((i == 0 || !ItemPointerEquals(&tids[i], &tids[i - 1])) &&
			heap_hot_search_buffer(&tid, rel, buffer, wanted->snapshot, &row, NULL, true))
			visit(&row, RelationGetDescr(rel), arg);
	}
	crowded = PageGetHeapFreeSpace(BufferGetPage(buffer)) < CROWDED;
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	if (crowded)
		heap_page_prune_opt_compat(rel, buffer);
	ReleaseBuffer(buffer);
}
