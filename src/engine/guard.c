/*-------------------------------------------------------------------------
 *
 * guard.c
 *		Never more than N at once: is there room for one more row?
 *
 * The rule is about the peak.  At no instant may the quantities of the rows in force
 * add up to more than the capacity.  Counting overlapping rows is not the same: ten
 * short stays one after the other overlap one long stay, and take one unit each.
 *
 * The count has to include rows that other transactions have written and not yet
 * committed.  No SQL snapshot shows them; a dirty snapshot does, and that is how the
 * exclusion constraints of PostgreSQL work (check_exclusion_or_unique_constraint() in
 * execIndexing.c).  Rows found that way are
 *
 *	sure	committed, or our own; or
 *	pending	being written or removed by a transaction in progress.
 *
 * and there are three answers:
 *
 *	sure + ours > capacity				full.  No need to wait.
 *	sure + pending + ours <= capacity	fits, whatever the others do.
 *	otherwise							wait for one of them, and judge again.
 *
 * The answer holds only until another transaction inserts.  Between the count and the moment
 * when our own row is in the index, where others see it as pending, the caller is
 * inside a gate (gates.c): the gate is short, is not held across our commit, and is left before
 * waiting for another transaction.
 *
 * A dirty snapshot is no snapshot: the scan reads one index page after the other while
 * others write.  A row that moves meanwhile (an UPDATE writes a new version, with a new
 * entry anywhere in the index) may be missed in both places once the UPDATE has
 * committed, or be counted in both.  Therefore
 *
 *	- every new version of a row in force is written inside the gate, also where it takes no more
 *	  space than the old one: a count inside the gate misses nothing;
 *	- a "full" from outside the gate counts only if all the rows that it rests on are
 *	  still there after the scan, so that they were there together at one instant.
 *
 * An UPDATE in progress is two pending rows, the one that goes and the one that comes.
 * A transaction that needs the space of one of them waits even where it could be known already
 * that the other is in the way, or that they fit one after the other: it waits longer than
 * needed, but the answer is never wrong.
 *
 * A statement of ours that writes many rows keeps its scans open from one row to the next.  Each
 * scan is read to its end, so that no page stays pinned between two rows.
 *
 * Nothing here is about bookings: an index, the values to look for, a capacity, and a
 * function that says what each row takes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "common/int.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/date.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/identity.h"
#include "base/period.h"
#include "base/test_point.h"
#include "engine/guard.h"
#include "engine/guard_overlap.h"
#include "engine/peak.h"

typedef struct Count
{
	GuardQuantity quantity_of;
	void	   *arg;
	int			place;
	GuardRows	rows;
	int64		all;			/* what they take all together; PG_INT64_MAX: that or more */
	GuardPending pending;
	bool		any;			/* a row was found, or it is not known whether there is one */
} Count;

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

/* Ranges of any type as integers, in the order of their bounds. */
typedef struct Numbered
{
	TypeCacheEntry *type;
	PeakItem   *item;			/* the rows */
	int			n;
	PeakItem	extent;			/* the window */
	RangeBound *bound;			/* by number; NULL: the numbers are the bounds themselves */
} Numbered;

/* A step on its way from numbers to ranges. */
typedef struct NumberedStep
{
	const Numbered *numbered;
	GuardStep	step;
	void	   *arg;
} NumberedStep;

/* The statement of several rows that is running, if scans are kept for it. */
static GuardKept *kept = NULL;

static void count_places(GuardPlace *places, int nplaces, const GuardLoad *load, Count *count);
static void tally_place(const GuardPlace *place, const GuardLoad *load, Count *count);
static int	choose_items(const Numbered *numbered, const GuardRows *rows, bool all, PeakItem *items);
static void guard_count_row(const GuardRow *row, void *arg);
static void scan_place(const GuardPlace *place, const GuardLoad *load, Snapshot snapshot,
					   GuardVisit visit, void *arg);
static void step_of_ranges(int64 from, int64 to, int64 sum, void *arg);
static GuardVerdict weigh(const Count *count, Oid range_type, const GuardLoad *load, int64 capacity);
static bool all_still_there(const GuardPlace *places, const Count *count);
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
static Numbered number_bounds(Oid range_type, const GuardRows *rows, RangeType *window);
static bool whole_bounds(TypeCacheEntry *type, RangeType *range, int64 *from, int64 *to);
static bool is_whole(const TypeCacheEntry *type, const RangeBound *bound, int64 *number);
static RangeBound whole_bound(const TypeCacheEntry *type, int64 number, bool lower);
static void found_bounds(TypeCacheEntry *type, const GuardFound *found, RangeBound *lower, RangeBound *upper);
static int	compare_bounds(const void *a, const void *b, void *arg);
static RangeType *stretch(const Numbered *numbered, int64 from, int64 to);

/*
 * Is there room for the load?  Called without a gate, "full" is final, and "wait" may be acted
 * upon; "fits" is true only inside the gate.
 */
GuardVerdict
booking_guard_judge(GuardPlace *places, int nplaces, const GuardLoad *load, int64 capacity,
					GuardQuantity quantity_of)
{
	GuardVerdict verdict;
	Count		count = {.quantity_of = quantity_of};

	count_places(places, nplaces, load, &count);
	verdict = weigh(&count, places[0].index->range_type, load, capacity);
	if (verdict.answer == GUARD_FULL && count.rows.coarse)
	{
		/* It is full.  Now count exactly, for the period in which it is. */
		GuardLoad	exact = *load;

		exact.exactly = true;
		count = (Count) {.quantity_of = quantity_of};
		count_places(places, nplaces, &exact, &count);
		verdict = weigh(&count, places[0].index->range_type, load, capacity);
	}
	verdict.nothing = !count.any;

	/* Rows have moved while we counted: only a count inside the gate will tell. */
	if (verdict.answer == GUARD_FULL && load->quantity <= capacity && load->outside &&
		!all_still_there(places, &count))
		verdict.answer = GUARD_FITS;
	return verdict;
}

static void
count_places(GuardPlace *places, int nplaces, const GuardLoad *load, Count *count)
{
	for (count->place = 0; count->place < nplaces; count->place++)
	{
		GuardPlace *place = &places[count->place];
		bool		closed = place->heap == NULL;

		if (place->tally)
		{
			tally_place(place, load, count);
			count->any = true;
			continue;
		}
		if (closed)
			place->heap = table_open(place->relid, NoLock);
		count->arg = place->arg;
		booking_guard_scan(place, load, guard_count_row, count);
		if (closed)
		{
			table_close(place->heap, NoLock);
			place->heap = NULL;
		}
	}
}

/* What is in use here is known without its rows. */
static void
tally_place(const GuardPlace *place, const GuardLoad *load, Count *count)
{
	int			before = count->rows.n;

	place->tally(place, load, &count->rows, &count->pending);
	for (int i = before; i < count->rows.n; i++)
	{
		count->rows.row[i].place = count->place;
		if (count->rows.row[i].quantity > 0 &&
			pg_add_s64_overflow(count->all, count->rows.row[i].quantity, &count->all))
			count->all = PG_INT64_MAX;
	}
}

/* What the rows that have been counted mean for the load. */
static GuardVerdict
weigh(const Count *count, Oid range_type, const GuardLoad *load, int64 capacity)
{
	GuardVerdict verdict = {.answer = GUARD_FITS};
	Numbered	numbered;
	int64		room = capacity - load->quantity;
	PeakItem   *items;
	int			n;
	Peak		peak;

	/* All of them overlap the load: together they take as much as at their peak, or more. */
	if (count->all <= room)
		return verdict;

	numbered = number_bounds(range_type, &count->rows, load->range);
	items = palloc_extended((Size) (numbered.n + 1) * sizeof(PeakItem), MCXT_ALLOC_HUGE);

	/* With what is pending: rows that follow one another may fit although their sum does not. */
	if (room >= 0)
	{
		n = choose_items(&numbered, &count->rows, true, items);
		peak = booking_peak(items, n, (PeakWindow) {numbered.extent.from, numbered.extent.to}, room);
		if (peak.over_from == peak.over_to)
			return verdict;
	}

	n = choose_items(&numbered, &count->rows, false, items);
	peak = booking_peak(items, n, (PeakWindow) {numbered.extent.from, numbered.extent.to}, room);
	verdict.used = peak.most;

	if (room < 0)
	{
		verdict.answer = GUARD_FULL;
		verdict.full = load->range;
	}
	else if (peak.over_from < peak.over_to)
	{
		verdict.answer = GUARD_FULL;
		verdict.full = stretch(&numbered, peak.over_from, peak.over_to);
	}
	else
	{
		verdict.answer = GUARD_WAIT;
		verdict.pending = count->pending;
	}
	return verdict;
}

/* The highest possible use by the rows, with what is pending, or the lowest, without it. */
static int
choose_items(const Numbered *numbered, const GuardRows *rows, bool all, PeakItem *items)
{
	int			n = 0;

	for (int i = 0; i < rows->n; i++)
		if (!rows->row[i].pending || (rows->row[i].quantity > 0) == all)
			items[n++] = numbered->item[i];
	return n;
}

static void
guard_count_row(const GuardRow *row, void *arg)
{
	Count	   *count = arg;
	bool		pending = TransactionIdIsValid(row->pending.xid);
	int64		quantity = count->quantity_of ? count->quantity_of(row->slot, pending, count->arg) : 1;
	GuardFound *found;

	count->any = true;
	if (quantity <= 0)
		return;

	if (pg_add_s64_overflow(count->all, quantity, &count->all))
		count->all = PG_INT64_MAX;
	found = booking_guard_add(&count->rows, row->range, quantity);
	found->pending = pending;
	found->place = count->place;
	found->tid = row->slot->tts_tid;
	if (pending)
		count->pending = row->pending;
}

/* The range is not kept, nor copied where its bounds are whole numbers, as nearly all are. */
GuardFound *
booking_guard_add(GuardRows *rows, RangeType *range, int64 quantity)
{
	TypeCacheEntry *type = booking_range_type(RangeTypeGetOid(range));
	GuardFound *found = booking_guard_add_whole(rows, (Period) {0, 0}, quantity);

	if (!whole_bounds(type, range, &found->from, &found->to))
	{
		found->range = DatumGetRangeTypePCopy(RangeTypePGetDatum(range));
		rows->fractions = true;
	}
	return found;
}

/* The same for a period. */
GuardFound *
booking_guard_add_whole(GuardRows *rows, Period period, int64 quantity)
{
	GuardFound *found;

	if (rows->n == rows->size)
	{
		rows->size = Max(16, 2 * rows->size);
		rows->row = rows->row == NULL ? palloc_array(GuardFound, rows->size) :
			repalloc_huge(rows->row, rows->size * sizeof(GuardFound));
	}
	found = &rows->row[rows->n++];
	*found = (GuardFound) {.from = period.from,.to = period.to,.quantity = quantity};
	return found;
}

/*
 * The most that these rows take together at any instant, and the first stretch of time in
 * which they do.
 */
RangeType *
booking_guard_most(Oid range_type, GuardRows *rows, int64 *most)
{
	RangeBound	first = {.infinite = true, .lower = true};
	RangeBound	last = {.infinite = true, .lower = false};
	RangeType  *always = make_range_compat(booking_range_type(range_type), &first, &last, false);
	Numbered	numbered = number_bounds(range_type, rows, always);
	PeakItem   *extent = &numbered.extent;
	Peak		peak;

	*most = booking_peak(numbered.item, numbered.n, (PeakWindow) {extent->from, extent->to}, 0).most;
	peak = booking_peak(numbered.item, numbered.n, (PeakWindow) {extent->from, extent->to}, *most - 1);
	return stretch(&numbered, peak.over_from, peak.over_to);
}

/* How much these rows take together at every instant of a window, one stretch after the other. */
void
booking_guard_steps(Oid range_type, const GuardRows *rows, RangeType *window, GuardStep step, void *arg)
{
	Numbered	numbered = number_bounds(range_type, rows, window);
	NumberedStep numbered_step = {&numbered, step, arg};

	booking_steps(numbered.item, numbered.n, (PeakWindow) {numbered.extent.from, numbered.extent.to}, step_of_ranges, &numbered_step);
}

static void
step_of_ranges(int64 from, int64 to, int64 sum, void *arg)
{
	const NumberedStep *step = arg;

	step->step(stretch(step->numbered, from, to), sum, step->arg);
}

/* Are the rows that were counted as sure still there? */
static bool
all_still_there(const GuardPlace *places, const Count *count)
{
	TupleTableSlot *slot = NULL;
	Relation	heap = NULL;
	int			place = -1;
	bool		all = true;
	SnapshotData dirty;

	InitDirtySnapshot(dirty);
	for (int i = 0; i < count->rows.n && all; i++)
	{
		GuardFound *row = &count->rows.row[i];

		if (row->pending || places[row->place].tally)
			continue;
		if (row->place != place)
		{
			if (slot)
			{
				ExecDropSingleTupleTableSlot(slot);
				table_close(heap, NoLock);
			}
			place = row->place;
			heap = table_open(places[place].relid, NoLock);
			slot = table_slot_create(heap, NULL);
		}
		all = table_tuple_fetch_row_version(heap, &row->tid, &dirty, slot);
	}
	if (slot)
	{
		ExecDropSingleTupleTableSlot(slot);
		table_close(heap, NoLock);
	}
	return all;
}

/*
 * Wait for the transaction that an answer depends on.  The caller has left its gate.
 */
void
booking_guard_wait(GuardPending *pending)
{
	Relation	heap;

	if (pending->token)
	{
		SpeculativeInsertionWait(pending->xid, pending->token);
		return;
	}
	/* The lock of who looked into it may have been given back with an attempt. */
	heap = try_relation_open(pending->relid, AccessShareLock);
	if (heap == NULL)
		return;
	XactLockTableWait(pending->xid, heap, &pending->row, XLTW_RecheckExclusionConstr);
	relation_close(heap, AccessShareLock);
}

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

/*
 * Number the bounds of all ranges in their order, equal ones alike, so that the sweep
 * can work on integers whatever the ranges are made of.  Where all bounds are whole numbers,
 * they are that already.
 */
static Numbered
number_bounds(Oid range_type, const GuardRows *rows, RangeType *window)
{
	Numbered	numbered = {.type = booking_range_type(range_type),.n = rows->n};
	int			n = rows->n + 1;
	GuardFound	last_one = {0};
	bool		whole = whole_bounds(numbered.type, window, &last_one.from, &last_one.to) && !rows->fractions;
	RangeBound *all;
	RangeBound **order;
	int64	   *number;

	numbered.item = palloc_extended(n * sizeof(PeakItem), MCXT_ALLOC_HUGE);
	for (int i = 0; i < rows->n && whole; i++)
		numbered.item[i] = (PeakItem) {rows->row[i].from, rows->row[i].to, rows->row[i].quantity};
	numbered.extent = (PeakItem) {last_one.from, last_one.to, 0};
	if (whole)
		return numbered;

	all = palloc_extended(2 * n * sizeof(RangeBound), MCXT_ALLOC_HUGE);
	order = palloc_extended(2 * n * sizeof(RangeBound *), MCXT_ALLOC_HUGE);
	number = palloc_extended(2 * n * sizeof(int64), MCXT_ALLOC_HUGE);
	last_one.range = window;
	for (int i = 0; i < n; i++)
	{
		found_bounds(numbered.type, i < rows->n ? &rows->row[i] : &last_one, &all[2 * i], &all[2 * i + 1]);
		order[2 * i] = &all[2 * i];
		order[2 * i + 1] = &all[2 * i + 1];
	}
	qsort_arg(order, 2 * n, sizeof(RangeBound *), compare_bounds, numbered.type);

	numbered.bound = palloc_extended(2 * n * sizeof(RangeBound), MCXT_ALLOC_HUGE);
	for (int i = 0, last = 0; i < 2 * n; i++)
	{
		if (i > 0 && compare_bounds(&order[i - 1], &order[i], numbered.type) != 0)
			last = i;
		number[order[i] - all] = last;
		numbered.bound[last] = *order[last];
	}

	for (int i = 0; i < rows->n; i++)
		numbered.item[i] = (PeakItem) {number[2 * i], number[2 * i + 1], rows->row[i].quantity};
	numbered.extent = (PeakItem) {number[2 * rows->n], number[2 * rows->n + 1], 0};
	return numbered;
}

/*
 * A range over whole numbers that includes its beginning and not its end, as two of them.  No
 * beginning and no end are the lowest and the highest.
 */
static bool
whole_bounds(TypeCacheEntry *type, RangeType *range, int64 *from, int64 *to)
{
	RangeBound	lower,
				upper;
	bool		empty;

	range_deserialize(type, range, &lower, &upper, &empty);
	Assert(!empty);
	return is_whole(type, &lower, from) && is_whole(type, &upper, to);
}

/* The type's own order has to be that of the numbers: a range may be over another one. */
static bool
is_whole(const TypeCacheEntry *type, const RangeBound *bound, int64 *number)
{
	if (!bound->infinite && bound->inclusive != bound->lower)
		return false;
	switch (type->rng_cmp_proc_finfo.fn_oid)
	{
		case F_TIMESTAMPTZ_CMP:
		case F_TIMESTAMP_CMP:
		case F_BTINT8CMP:
			*number = bound->infinite ? (bound->lower ? PG_INT64_MIN : PG_INT64_MAX) : DatumGetInt64(bound->val);
			return bound->infinite || (*number != PG_INT64_MIN && *number != PG_INT64_MAX);
		case F_DATE_CMP:
		case F_BTINT4CMP:
			*number = bound->infinite ? (bound->lower ? PG_INT64_MIN : PG_INT64_MAX) : DatumGetInt32(bound->val);
			return true;
		default:
			return false;
	}
}

/* And back. */
static RangeBound
whole_bound(const TypeCacheEntry *type, int64 number, bool lower)
{
	RangeBound	bound = {.lower = lower, .inclusive = lower};

	if (number == (lower ? PG_INT64_MIN : PG_INT64_MAX))
	{
		bound.infinite = true;
		bound.inclusive = false;
	}
	else
		bound.val = type->rngelemtype->typlen == sizeof(int64) ? Int64GetDatum(number) : Int32GetDatum((int32) number);
	return bound;
}

static void
found_bounds(TypeCacheEntry *type, const GuardFound *found, RangeBound *lower, RangeBound *upper)
{
	bool		empty;

	if (found->range)
		range_deserialize(type, found->range, lower, upper, &empty);
	else
	{
		*lower = whole_bound(type, found->from, true);
		*upper = whole_bound(type, found->to, false);
	}
}

/*
 * Order bounds as cuts through the values: a cut is either right before a value ("from x
 * on", "up to but excluding x") or right behind it ("after x", "up to and including x").
 * With cuts, every kind of range is half-open, and back to back is not overlap.
 */
static int
compare_bounds(const void *a, const void *b, void *arg)
{
	const RangeBound *x = *(RangeBound *const *) a;
	const RangeBound *y = *(RangeBound *const *) b;
	int			order = range_cmp_bound_values((TypeCacheEntry *) arg, x, y);

	if (order != 0 || x->infinite)
		return order;
	return (x->lower != x->inclusive) - (y->lower != y->inclusive);
}

/* The range between two numbered bounds, whichever kind of bound they come from. */
static RangeType *
stretch(const Numbered *numbered, int64 from, int64 to)
{
	RangeBound	lower;
	RangeBound	upper;

	if (numbered->bound == NULL)
	{
		lower = whole_bound(numbered->type, from, true);
		upper = whole_bound(numbered->type, to, false);
		return make_range_compat(numbered->type, &lower, &upper, false);
	}
	lower = numbered->bound[from];
	upper = numbered->bound[to];
	if (!lower.lower)
	{
		lower.lower = true;
		lower.inclusive = !lower.inclusive;
	}
	if (upper.lower)
	{
		upper.lower = false;
		upper.inclusive = !upper.inclusive;
	}
	return make_range_compat(numbered->type, &lower, &upper, false);
}
