/*-------------------------------------------------------------------------
 *
 * peak.c
 *		How many units are in use at the busiest instant of a window, and where
 *		is there no room?
 *
 * Plain C over integers: no SQL, no catalogs, no server state.  Each item counts as
 * two edges, +quantity where it begins and -quantity where it ends, clipped to the
 * window.  Sorted, with ends before beginnings at the same instant (periods are
 * half-open: back to back is not overlap), a running sum over the edges is the use at
 * every instant.  O(n log n) for n items; those that take the whole window, as most do
 * where many want the same, need no sorting.
 *
 * Quantities are as large as an int64 can be, and there may be any number of them: the
 * running sum has a word more, and is never wrong.  A caller that asks for the highest sum
 * gets PG_INT64_MAX where it is that or more; what exceeds the limit is decided by the exact sum.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"

#include "base/compat.h"
#include "engine/peak.h"

typedef struct Edge
{
	int64		at;
	int64		change;
} Edge;

/* high * 2^64 + low */
typedef struct WideSum
{
	int64		high;
	uint64		low;
} WideSum;

static void add_edge(WideSum *sum, int64 change);
static bool sum_exceeds(const WideSum *sum, int64 limit);
static int	make_edges(const PeakItem *items, int n, PeakWindow window, Edge **edges);
static int	compare_edges(const void *a, const void *b);

static void
add_edge(WideSum *sum, int64 change)
{
	uint64		low = sum->low + (uint64) change;

	sum->high += (change < 0 ? -1 : 0) + (low < sum->low ? 1 : 0);
	sum->low = low;
}

/* A negative sum, where more has been given back than was surely taken, exceeds no limit. */
static bool
sum_exceeds(const WideSum *sum, int64 limit)
{
	if (limit < 0)
		return true;
	return sum->high != 0 ? sum->high > 0 : sum->low > (uint64) limit;
}

static int
compare_edges(const void *a, const void *b)
{
	const Edge *x = a;
	const Edge *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	if (x->change != y->change)
		return x->change < y->change ? -1 : 1;
	return 0;
}

/* The edges of the items within the window, sorted; returns how many. */
static int
make_edges(const PeakItem *items, int n, PeakWindow window, Edge **edges)
{
	int			nedges = 0;
	int64		whole = 0;		/* what takes the whole window */

	*edges = palloc_extended((2 * (Size) n + 2) * sizeof(Edge), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
	{
		int64		begins = Max(items[i].from, window.from);
		int64		ends = Min(items[i].to, window.to);
		int64		sum;

		if (begins >= ends)
			continue;
		if (begins == window.from && ends == window.to && !pg_add_s64_overflow(whole, items[i].quantity, &sum))
		{
			whole = sum;
			continue;
		}
		(*edges)[nedges++] = (Edge) {begins, items[i].quantity};
		(*edges)[nedges++] = (Edge) {ends, -items[i].quantity};
	}
	if (whole != 0)
	{
		(*edges)[nedges++] = (Edge) {window.from, whole};
		(*edges)[nedges++] = (Edge) {window.to, -whole};
	}
	qsort(*edges, nedges, sizeof(Edge), compare_edges);
	return nedges;
}

/*
 * The highest sum of quantities at any instant of the window, and the first stretch in
 * which the sum exceeds the limit.
 */
Peak
booking_peak(const PeakItem *items, int n, PeakWindow window, int64 limit)
{
	Peak		peak = {0, window.from, window.from};
	Edge	   *edges;
	int			nedges = make_edges(items, n, window, &edges);
	WideSum		sum = {0, 0};
	bool		over = false;

	for (int i = 0; i < nedges;)
	{
		int64		at = edges[i].at;

		while (i < nedges && edges[i].at == at)
			add_edge(&sum, edges[i++].change);

		if (sum_exceeds(&sum, peak.most))
			peak.most = sum_exceeds(&sum, PG_INT64_MAX) ? PG_INT64_MAX : (int64) sum.low;
		if (sum_exceeds(&sum, limit) && !over && peak.over_from == peak.over_to)
		{
			over = true;
			peak.over_from = at;
			peak.over_to = window.to;
		}
		else if (!sum_exceeds(&sum, limit) && over)
		{
			over = false;
			peak.over_to = at;
		}
	}
	pfree(edges);
	return peak;
}

/*
 * The beginning of the first stretch of the window that is at least so long and in which
 * the sum of quantities nowhere exceeds the limit; its end when there is none.
 */
int64
booking_first_gap(const PeakItem *items, int n, PeakWindow window, int64 length, int64 limit)
{
	Edge	   *edges;
	int			nedges = make_edges(items, n, window, &edges);
	WideSum		sum = {0, 0};
	int64		start = window.from;	/* of the stretch that we are in */
	bool		room = limit >= 0;

	for (int i = 0; i < nedges;)
	{
		int64		at = edges[i].at;

		if (room && at - start >= length)
			break;
		while (i < nedges && edges[i].at == at)
			add_edge(&sum, edges[i++].change);

		if (sum_exceeds(&sum, limit))
			room = false;
		else if (!room)
		{
			room = true;
			start = at;
		}
	}
	pfree(edges);
	return room && window.to - start >= length ? start : window.to;
}

/*
 * The sum of quantities at every instant of the window: one step after the other, those
 * without any as well.  Two steps next to each other differ.
 */
void
booking_steps(const PeakItem *items, int n, PeakWindow window, PeakStep step, void *arg)
{
	Edge	   *edges;
	int			nedges = make_edges(items, n, window, &edges);
	WideSum		sum = {0, 0};
	int64		current = 0;
	int64		start = window.from;

	for (int i = 0; i < nedges;)
	{
		int64		at = edges[i].at;
		int64		next;

		while (i < nedges && edges[i].at == at)
			add_edge(&sum, edges[i++].change);

		next = sum_exceeds(&sum, PG_INT64_MAX) ? PG_INT64_MAX : (int64) sum.low;
		if (next == current)
			continue;
		if (start < at)
			step(start, at, current, arg);
		start = at;
		current = next;
	}
	if (start < window.to)
		step(start, window.to, current, arg);
	pfree(edges);
}
