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
 * The rows are found by guard_scan.c, and added up over time by guard_rows.c.
 *
 * Nothing here is about bookings: an index, the values to look for, a capacity, and a
 * function that says what each row takes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "common/int.h"
#include "executor/tuptable.h"
#include "storage/lmgr.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "engine/guard.h"
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

static void count_places(GuardPlace *places, int nplaces, const GuardLoad *load, Count *count);
static void tally_place(const GuardPlace *place, const GuardLoad *load, Count *count);
static GuardVerdict weigh(const Count *count, Oid range_type, const GuardLoad *load, int64 capacity);
static int	choose_items(const GuardNumbered *numbered, const GuardRows *rows, bool all, PeakItem *items);
static void guard_count_row(const GuardRow *row, void *arg);
static bool all_still_there(const GuardPlace *places, const Count *count);

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
	GuardNumbered numbered;
	int64		room = capacity - load->quantity;
	PeakItem   *items;
	int			n;
	Peak		peak;

	/* All of them overlap the load: together they take as much as at their peak, or more. */
	if (count->all <= room)
		return verdict;

	numbered = booking_guard_number(range_type, &count->rows, load->range);
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
		verdict.full = booking_guard_stretch(&numbered, peak.over_from, peak.over_to);
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
choose_items(const GuardNumbered *numbered, const GuardRows *rows, bool all, PeakItem *items)
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
