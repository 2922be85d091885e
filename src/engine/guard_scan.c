/*-------------------------------------------------------------------------
 *
 * guard_scan.c
 *		Which rows of a table overlap a load, by the index that its guard uses?
 *
 * With a dirty snapshot, which also shows what other transactions have not committed yet, or,
 * for a caller that only looks, with the latest one.  guard.c says what an answer that was found
 * so is worth.
 *
 * A statement of ours that writes many rows keeps its scans open from one row to the next.  Each
 * scan is read to its end, so that no page stays pinned between two rows, and brings nothing with it
 * of the pages that it has seen.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/gist_private.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/identity.h"
#include "base/period.h"
#include "base/test_point.h"
#include "engine/guard.h"
#include "engine/guard_overlap.h"

/* The row that a scan is at, and what the index has of it. */
typedef struct Indexed
{
	TupleTableSlot *slot;
	Datum		value[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];
	IndexInfo  *expressions;	/* NULL if the index has columns only */
	EState	   *estate;
	Identity	caller;
} Indexed;

/* The statement of several rows that is running, if scans are kept for it. */
static GuardKept *kept = NULL;

static void scan_place(const GuardPlace *place, const GuardLoad *load, Snapshot snapshot,
					   GuardVisit visit, void *arg);
static void forget_dead_entries(IndexScanDesc scan);
static void visit_scanned(const GuardPlace *place, const GuardLoad *load, IndexScanDesc scan, Indexed *indexed,
						  GuardVisit visit, void *arg);
static void open_scan(GuardScan *open, Relation heap, const GuardIndex *guard, int nkeys);
static void close_scan(GuardScan *open);
static GuardScan *find_kept_scan(const GuardPlace *place, int nkeys);
static int	make_keys(const GuardIndex *guard, const GuardLoad *load, ScanKey keys);
static Datum wanted_value(const GuardIndex *guard, const GuardLoad *load, int i);
static bool guard_has_expressions(const GuardIndex *guard);
static void indexed_begin(Indexed *indexed, Relation heap, Relation index);
static void indexed_read(Indexed *indexed, const GuardIndex *guard, bool keys);
static void indexed_end(Indexed *indexed);
static bool still_matches(const GuardIndex *guard, const GuardLoad *load, const Indexed *indexed);

/*
 * Visit every row of a place that overlaps the load, written by any transaction, but for the
 * load's own old version.  What is handed out is good until the visit is over.
 */
void
booking_guard_scan(const GuardPlace *place, const GuardLoad *load, GuardVisit visit, void *arg)
{
	SnapshotData dirty;

	InitDirtySnapshot(dirty);
	scan_place(place, load, &dirty, visit, arg);
}

/*
 * The same for a caller that only looks: what has been committed by now, and our own.  At
 * SERIALIZABLE without a snapshot, so that a look leaves no predicate locks; see look.c.
 */
void
booking_guard_look(const GuardPlace *place, const GuardLoad *load, GuardVisit visit, void *arg)
{
	Snapshot	latest = RegisterSnapshot(GetLatestSnapshot());
	SnapshotData snapshot = *latest;

	if (IsolationIsSerializable())
		snapshot.snapshot_type = SNAPSHOT_SELF;
	scan_place(place, load, &snapshot, visit, arg);
	UnregisterSnapshot(latest);
}

static void
scan_place(const GuardPlace *place, const GuardLoad *load, Snapshot snapshot, GuardVisit visit, void *arg)
{
	const GuardIndex *guard = place->index;
	ScanKeyData keys[INDEX_MAX_KEYS];
	int			nkeys = make_keys(guard, load, keys);
	GuardScan	own = {0};
	GuardScan  *open = find_kept_scan(place, nkeys);
	GuardOverlap overlap;
	Indexed		indexed = {0};

	if (open == NULL)
		open_scan(open = &own, place->heap, guard, nkeys);
	open->busy = true;
	open->scan->xs_snapshot = snapshot;
	indexed.slot = open->slot;
	if (guard_has_expressions(guard))
		indexed_begin(&indexed, place->heap, open->index);
	index_rescan(open->scan, keys, nkeys, NULL, 0);
	forget_dead_entries(open->scan);
	booking_overlap_begin(&overlap, open->scan, guard->nkeys + 1, booking_range_type(guard->range_type)->rng_cmp_proc_finfo.fn_oid);
	visit_scanned(place, load, open->scan, &indexed, visit, arg);
	booking_overlap_end(&overlap);
	if (indexed.expressions)
		indexed_end(&indexed);
	open->scan->xs_snapshot = NULL;
	open->busy = false;
	if (open == &own)
		close_scan(open);
}

/*
 * GiST notes which entries of a page are dead, and marks them when it is done with the page; but
 * not those of the root, whose notes a scan that is begun again takes for notes of the first page
 * that it comes to.  While the root is the only page, that does no harm.  Once it has been split,
 * which may be the doing of the rows that we are storing, entries of bookings in force were
 * marked dead, and the bookings not found any more.
 */
static void
forget_dead_entries(IndexScanDesc scan)
{
	((GISTScanOpaque) scan->opaque)->numKilled = 0;
}

static void
visit_scanned(const GuardPlace *place, const GuardLoad *load, IndexScanDesc scan, Indexed *indexed,
			  GuardVisit visit, void *arg)
{
	const GuardIndex *guard = place->index;
	Snapshot	snapshot = scan->xs_snapshot;
	bool		dirty = snapshot->snapshot_type == SNAPSHOT_DIRTY;

	while (index_getnext_slot(scan, ForwardScanDirection, indexed->slot))
	{
		CHECK_FOR_INTERRUPTS();

		if (place->self && ItemPointerEquals(&indexed->slot->tts_tid, place->self))
			continue;

		indexed_read(indexed, guard, scan->xs_recheck);
		if (!scan->xs_recheck || still_matches(guard, load, indexed))
		{
			GuardRow	row = {.slot = indexed->slot};

			row.range = DatumGetRangeTypeP(indexed->value[guard->nkeys]);
			if (dirty)
			{
				row.pending.xid = TransactionIdIsValid(snapshot->xmin) ? snapshot->xmin : snapshot->xmax;
				row.pending.token = snapshot->speculativeToken;
			}
			row.pending.relid = RelationGetRelid(place->heap);
			row.pending.row = indexed->slot->tts_tid;
			visit(&row, arg);
			if ((Pointer) row.range != DatumGetPointer(indexed->value[guard->nkeys]))
				pfree(row.range);
			BOOKING_TEST_POINT("guard-scan");
		}
	}
}

static void
open_scan(GuardScan *open, Relation heap, const GuardIndex *guard, int nkeys)
{
	open->heap = heap;
	open->index = index_open(guard->index_id, AccessShareLock);
	open->slot = table_slot_create(heap, NULL);
	open->nkeys = nkeys;

	/* Which snapshot it is to read with comes with each use. */
	open->scan = index_beginscan_compat(open->heap, open->index, SnapshotAny, nkeys, 0);
}

static void
close_scan(GuardScan *open)
{
	index_endscan(open->scan);
	ExecDropSingleTupleTableSlot(open->slot);
	index_close(open->index, AccessShareLock);
}

/*
 * What the index is asked for; returns how many keys.  An entry of a page is compared key by key
 * until one differs, and these comparisons are most of the cost of a scan: so the key that tells
 * most entries apart goes first.
 */
static int
make_keys(const GuardIndex *guard, const GuardLoad *load, ScanKey keys)
{
	int			nkeys = 0;

	for (int turn = load->first > 0 ? -1 : 0; turn <= guard->nkeys; turn++)
	{
		int			i = turn < 0 ? load->first - 1 : turn;

		if (i + 1 != load->any_key && (turn < 0 || i + 1 != load->first))
			ScanKeyEntryInitialize(&keys[nkeys++], 0, i + 1, guard->strategy[i], InvalidOid,
								   guard->collation[i], guard->proc[i], wanted_value(guard, load, i));
	}
	return nkeys;
}

static Datum
wanted_value(const GuardIndex *guard, const GuardLoad *load, int i)
{
	return i < guard->nkeys ? load->key[i] : RangeTypePGetDatum(load->range);
}

static bool
guard_has_expressions(const GuardIndex *guard)
{
	for (int i = 0; i <= guard->nkeys; i++)
		if (guard->attno[i] == 0)
			return true;
	return false;
}

/* The index's expressions are written by the table's owner, and evaluated as the owner. */
static void
indexed_begin(Indexed *indexed, Relation heap, Relation index)
{
	booking_become(heap->rd_rel->relowner, &indexed->caller);
	indexed->expressions = BuildIndexInfo(index);
	indexed->estate = CreateExecutorState();
	GetPerTupleExprContext(indexed->estate)->ecxt_scantuple = indexed->slot;
}

/* The keys are needed only where the index may have returned more than was asked for. */
static void
indexed_read(Indexed *indexed, const GuardIndex *guard, bool keys)
{
	if (indexed->expressions)
	{
		ResetPerTupleExprContext(indexed->estate);
		FormIndexDatum(indexed->expressions, indexed->slot, indexed->estate,
					   indexed->value, indexed->isnull);
		return;
	}
	for (int i = keys ? 0 : guard->nkeys; i <= guard->nkeys; i++)
		indexed->value[i] = slot_getattr(indexed->slot, guard->attno[i], &indexed->isnull[i]);
}

static void
indexed_end(Indexed *indexed)
{
	FreeExecutorState(indexed->estate);
	booking_be_again(&indexed->caller);
}

/* GiST may return more than was asked for. */
static bool
still_matches(const GuardIndex *guard, const GuardLoad *load, const Indexed *indexed)
{
	for (int i = 0; i <= guard->nkeys; i++)
	{
		if (i + 1 == load->any_key)
			continue;
		if (indexed->isnull[i] ||
			!DatumGetBool(OidFunctionCall2Coll(guard->proc[i], guard->collation[i],
											   indexed->value[i], wanted_value(guard, load, i))))
			return false;
	}
	return true;
}

/* ---- several rows of one statement ---- */

/*
 * From here on, until booking_guard_kept(), scans stay open from one row to the next.  They belong
 * to the resource owner that is current now, and are used only where it is.
 */
void
booking_guard_keep(GuardKept *mine)
{
	*mine = (GuardKept) {.outer = kept,.owner = CurrentResourceOwner,.memory = CurrentMemoryContext};
	kept = mine;
}

/* After an error, what is open goes with the resource owner. */
void
booking_guard_kept(GuardKept *mine, bool failed)
{
	kept = mine->outer;
	for (int i = 0; i < mine->n && !failed; i++)
	{
		close_scan(&mine->scan[i]);
		table_close(mine->scan[i].heap, NoLock);
	}
	mine->n = 0;
}

/* The scan of this index that is kept, or is going to be; NULL when none is. */
static GuardScan *
find_kept_scan(const GuardPlace *place, int nkeys)
{
	MemoryContext caller;

	if (kept == NULL || kept->owner != CurrentResourceOwner || guard_has_expressions(place->index))
		return NULL;
	for (int i = 0; i < kept->n; i++)
		if (kept->scan[i].index->rd_id == place->index->index_id && kept->scan[i].nkeys == nkeys)
			return kept->scan[i].busy ? NULL : &kept->scan[i];
	if (kept->n == KEPT_SCANS)
		return NULL;
	caller = MemoryContextSwitchTo(kept->memory);
	open_scan(&kept->scan[kept->n], table_open(place->relid, NoLock), place->index, nkeys);
	MemoryContextSwitchTo(caller);
	return &kept->scan[kept->n++];
}
