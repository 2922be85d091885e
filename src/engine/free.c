/*-------------------------------------------------------------------------
 *
 * free.c
 *		When is there room, and for how long?
 *
 * Plain C over periods: no SQL, no catalogs.  Free time is a set of periods, and means
 * that whatever lies inside one of them is free.  Where one thing is counted they do not
 * overlap.  Where there are several to choose from, each free by itself, they may: with
 * one seat free from 9 to 12 and another from 11 to 15, a seat can be booked from 9 to 12 or
 * from 11 to 15, but not from 10 to 14.  So a set is kept as its maximal periods, none of them
 * inside another, in the order of their beginnings, which is that of their ends.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/compat.h"
#include "engine/free.h"

/* Stretches in which the sum is low enough, as they are found. */
typedef struct LowStretches
{
	int64		limit;
	Periods    *gaps;
	bool		inside;			/* the last of them is still going on */
} LowStretches;

static int	compare_periods(const void *a, const void *b);
static void low_or_not(int64 from, int64 to, int64 sum, void *arg);

void
booking_periods_add(Periods *periods, Period period)
{
	if (periods->n == periods->size)
	{
		periods->size = Max(16, 2 * periods->size);
		periods->period = periods->period == NULL ? palloc_array(Period, periods->size) :
			repalloc_huge(periods->period, periods->size * sizeof(Period));
	}
	periods->period[periods->n++] = period;
}

/* By their beginnings, and the longer one first. */
static int
compare_periods(const void *a, const void *b)
{
	const Period *x = a;
	const Period *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to != y->to ? (x->to > y->to ? -1 : 1) : 0;
}

/* Leave out what lies inside another one, and bring the rest into their order. */
void
booking_periods_maximal(Periods *periods)
{
	int			kept = 0;

	if (periods->n == 0)
		return;
	qsort(periods->period, periods->n, sizeof(Period), compare_periods);
	for (int i = 1; i < periods->n; i++)
		if (periods->period[i].to > periods->period[kept].to)
			periods->period[++kept] = periods->period[i];
	periods->n = kept + 1;
}

/* What lies inside one of the one set and inside one of the other, which do not overlap. */
void
booking_periods_meet(const Periods *a, const Periods *disjoint, Periods *both)
{
	int			first = 0;

	for (int i = 0; i < a->n; i++)
	{
		Period		x = a->period[i];

		CHECK_FOR_INTERRUPTS();
		while (first < disjoint->n && disjoint->period[first].to <= x.from)
			first++;
		for (int j = first; j < disjoint->n && disjoint->period[j].from < x.to; j++)
			booking_periods_add(both, (Period)
								{
									Max(x.from, disjoint->period[j].from),
									Min(x.to, disjoint->period[j].to)
								});
	}
	booking_periods_maximal(both);
}

/* What is left of periods that do not overlap; holes are in the order of their beginnings. */
void
booking_periods_without(const Periods *disjoint, const Period *holes, int n, Periods *rest)
{
	int			hole = 0;
	TimestampTz covered = DT_NOBEGIN;	/* by the holes so far */

	for (int i = 0; i < disjoint->n; i++)
	{
		Period		left = disjoint->period[i];

		CHECK_FOR_INTERRUPTS();
		left.from = Max(left.from, covered);
		for (; hole < n && holes[hole].from < left.to; hole++)
		{
			if (left.from < holes[hole].from)
				booking_periods_add(rest, (Period) {left.from, holes[hole].from});
			covered = Max(covered, holes[hole].to);
			left.from = Max(left.from, covered);
		}
		if (left.from < left.to)
			booking_periods_add(rest, left);
	}
}

/* The stretches of a window in which the sum of quantities does not exceed the limit. */
void
booking_gaps(const PeakItem *items, int n, Period window, int64 limit, Periods *gaps)
{
	LowStretches low = {.limit = limit,.gaps = gaps};

	booking_steps(items, n, (PeakWindow) {window.from, window.to}, low_or_not, &low);
}

static void
low_or_not(int64 from, int64 to, int64 sum, void *arg)
{
	LowStretches *low = arg;

	if (sum > low->limit)
		low->inside = false;
	else if (low->inside)
		low->gaps->period[low->gaps->n - 1].to = to;
	else
	{
		booking_periods_add(low->gaps, (Period) {from, to});
		low->inside = true;
	}
}
