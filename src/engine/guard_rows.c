/*-------------------------------------------------------------------------
 *
 * guard_rows.c
 *		What do rows with ranges of any type take together, at one instant or another?
 *
 * The sweep over them (peak.c) works on integers.  Bounds that are whole numbers, as those of a
 * tstzrange are, stand for themselves; all others are numbered in their order.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/date.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/period.h"
#include "engine/guard_rows.h"

/* A step on its way from numbers to ranges. */
typedef struct NumberedStep
{
	const GuardNumbered *numbered;
	GuardStep	step;
	void	   *arg;
} NumberedStep;

static void step_of_ranges(int64 from, int64 to, int64 sum, void *arg);
static bool whole_bounds(TypeCacheEntry *type, RangeType *range, int64 *from, int64 *to);
static bool is_whole(const TypeCacheEntry *type, const RangeBound *bound, int64 *number);
static RangeBound whole_bound(const TypeCacheEntry *type, int64 number, bool lower);
static void found_bounds(TypeCacheEntry *type, const GuardFound *found, RangeBound *lower, RangeBound *upper);
static int	compare_bounds(const void *a, const void *b, void *arg);

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
	GuardNumbered numbered = booking_guard_number(range_type, rows, always);
	PeakItem   *extent = &numbered.extent;
	Peak		peak;

	*most = booking_peak(numbered.item, numbered.n, (PeakWindow) {extent->from, extent->to}, 0).most;
	peak = booking_peak(numbered.item, numbered.n, (PeakWindow) {extent->from, extent->to}, *most - 1);
	return booking_guard_stretch(&numbered, peak.over_from, peak.over_to);
}

/* How much these rows take together at every instant of a window, one stretch after the other. */
void
booking_guard_steps(Oid range_type, const GuardRows *rows, RangeType *window, GuardStep step, void *arg)
{
	GuardNumbered numbered = booking_guard_number(range_type, rows, window);
	NumberedStep numbered_step = {&numbered, step, arg};

	booking_steps(numbered.item, numbered.n, (PeakWindow) {numbered.extent.from, numbered.extent.to}, step_of_ranges, &numbered_step);
}

static void
step_of_ranges(int64 from, int64 to, int64 sum, void *arg)
{
	const NumberedStep *step = arg;

	step->step(booking_guard_stretch(step->numbered, from, to), sum, step->arg);
}

/*
 * Number the bounds of all ranges in their order, equal ones alike, so that the sweep
 * can work on integers whatever the ranges are made of.  Where all bounds are whole numbers,
 * they are that already.
 */
GuardNumbered
booking_guard_number(Oid range_type, const GuardRows *rows, RangeType *window)
{
	GuardNumbered numbered = {.type = booking_range_type(range_type),.n = rows->n};
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
RangeType *
booking_guard_stretch(const GuardNumbered *numbered, int64 from, int64 to)
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
