/*-------------------------------------------------------------------------
 *
 * pool_fold.c
 *		When are many rows of booking.pool_use replaced by few, and by which?
 *
 * A look that finds many changes remembers it, and the booking that is made afterwards folds
 * them, when it is stored and has left its gate: the changes that other transactions have
 * committed, and the sums that are there.  There are as many changes as sums by then, or more,
 * so that a row is written anew as often as the rows double, and not with each booking.
 *
 * Their sums are written with one row for each period that any of them has, or with one for
 * each stretch between two bounds, whichever are fewer: bookings of the same day are one row,
 * those that begin and end with any minute of it no more than 1,440.  Where neither saves a
 * quarter of the rows they stay as they are, until there are twice as many.
 *
 * Which transaction sees what of a fold is described in pool_rows.c.  A fold takes no lock.  A
 * row that another transaction has deleted, or is about to, is left out: what is written is the
 * sum of exactly the rows that have been deleted here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/compat.h"
#include "base/test_point.h"
#include "engine/peak.h"
#include "engine/pool_fold.h"
#include "engine/pool_own.h"

/* So many changes are left alone. */
#define FEW_CHANGES		64

/* Rows to be replaced, or what replaces them. */
typedef struct Foldable
{
	PeakItem   *item;
	ItemPointer tid;
	int			n;
	int			size;
} Foldable;

/* The last look that has found many changes, until they are folded. */
static struct
{
	int64		resource_id;
	Period		window;
	bool		is;
} worth_folding;

/* The last fold that would not have saved anything. */
static struct
{
	int64		resource_id;
	int			changes;
} in_vain;

static void collect_foldable(const PoolTable *table, int64 resource_id, Period window, Foldable *rows);
static void add_foldable(Foldable *rows, PeakItem item, ItemPointer tid);
static Foldable sum_by_period(const Foldable *rows);
static Foldable sum_by_stretch(const Foldable *rows);
static void add_stretch(int64 from, int64 to, int64 sum, void *arg);
static int	compare_periods(const void *a, const void *b);

/* Committed by another transaction, and no other is about to replace it. */
bool
booking_pool_may_fold(const PoolRow *row)
{
	return !row->use.held && !row->pending && !row->ours && !row->going;
}

/* A look has found so many changes and sums that may be folded. */
void
booking_pool_seen(int64 resource_id, Period window, int changes, int sums)
{
	if (changes < Max(FEW_CHANGES, sums) ||
		(in_vain.resource_id == resource_id && changes < 2 * in_vain.changes))
		return;
	worth_folding.resource_id = resource_id;
	worth_folding.window = window;
	worth_folding.is = true;
}

/* A booking of the pool has been stored.  Fold what the look before that has found. */
void
booking_pool_fold(int64 resource_id)
{
	PoolTable	table;
	Foldable	rows = {0};
	Foldable	sums;
	int			kept = 0;
	bool		by_stretch;

	if (!worth_folding.is || worth_folding.resource_id != resource_id)
		return;
	worth_folding.is = false;

	table = booking_pool_open();
	collect_foldable(&table, resource_id, worth_folding.window, &rows);
	sums = sum_by_stretch(&rows);
	by_stretch = sums.n < sum_by_period(&rows).n;
	if (!by_stretch)
		sums = sum_by_period(&rows);
	if (sums.n > rows.n - rows.n / 4)
	{
		in_vain.resource_id = resource_id;
		in_vain.changes = rows.n;
		booking_pool_close(&table);
		return;
	}

	BOOKING_TEST_POINT("pool-fold");
	for (int i = 0; i < rows.n; i++)
		if (booking_pool_delete(&table, &rows.tid[i]))
			rows.item[kept++] = rows.item[i];
	rows.n = kept;
	sums = by_stretch ? sum_by_stretch(&rows) : sum_by_period(&rows);
	for (int i = 0; i < sums.n; i++)
	{
		PoolUse		use = {.resource_id = resource_id, .occupies = {sums.item[i].from, sums.item[i].to},
		.quantity = sums.item[i].quantity};
		ItemPointerData tid;

		booking_pool_insert(&table, &use, true, 0, &tid);
	}
	booking_pool_close(&table);
}

static void
collect_foldable(const PoolTable *table, int64 resource_id, Period window, Foldable *rows)
{
	PoolScan	scan;
	const PoolRow *row;

	booking_pool_scan_begin(&scan, table, resource_id, window, booking_pool_own_batch(resource_id));
	while ((row = booking_pool_scan_next(&scan)) != NULL)
		if (booking_pool_may_fold(row))
			add_foldable(rows, (PeakItem) {row->use.occupies.from, row->use.occupies.to, row->use.quantity},
						 unconstify(ItemPointerData *, &row->tid));
	booking_pool_scan_end(&scan);
}

static void
add_foldable(Foldable *rows, PeakItem item, ItemPointer tid)
{
	if (rows->n == rows->size)
	{
		rows->size = Max(128, 2 * rows->size);
		rows->item = rows->item == NULL ? palloc_array(PeakItem, rows->size) :
			repalloc_huge(rows->item, rows->size * sizeof(PeakItem));
		rows->tid = rows->tid == NULL ? palloc_array(ItemPointerData, rows->size) :
			repalloc_huge(rows->tid, rows->size * sizeof(ItemPointerData));
	}
	rows->item[rows->n] = item;
	if (tid)
		rows->tid[rows->n] = *tid;
	rows->n++;
}

/* One row for each period.  Those whose sum is 0 are left out. */
static Foldable
sum_by_period(const Foldable *rows)
{
	PeakItem   *sorted = palloc_extended((Size) (rows->n + 1) * sizeof(PeakItem), MCXT_ALLOC_HUGE);
	Foldable	sums = {0};

	memcpy(sorted, rows->item, rows->n * sizeof(PeakItem));
	qsort(sorted, rows->n, sizeof(PeakItem), compare_periods);
	for (int i = 0; i < rows->n;)
	{
		PeakItem	sum = sorted[i];

		CHECK_FOR_INTERRUPTS();
		while (++i < rows->n && compare_periods(&sorted[i], &sum) == 0)
			sum.quantity += sorted[i].quantity;
		if (sum.quantity != 0)
			add_foldable(&sums, sum, NULL);
	}
	pfree(sorted);
	return sums;
}

/* One row for each stretch of time in which their sum is the same, and not 0. */
static Foldable
sum_by_stretch(const Foldable *rows)
{
	Foldable	sums = {0};

	booking_steps(rows->item, rows->n, (PeakWindow) {PG_INT64_MIN, PG_INT64_MAX}, add_stretch, &sums);
	return sums;
}

static void
add_stretch(int64 from, int64 to, int64 sum, void *arg)
{
	if (sum != 0)
		add_foldable(arg, (PeakItem) {from, to, sum}, NULL);
}

static int
compare_periods(const void *a, const void *b)
{
	const PeakItem *x = a;
	const PeakItem *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to != y->to ? (x->to < y->to ? -1 : 1) : 0;
}
