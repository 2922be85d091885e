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
 * every instant.  O(n log n) for n items.
 *
 * The sums are int64: 2^32 items of 2^31-1 units fit.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/compat.h"
#include "engine/peak.h"

typedef struct Edge
{
	int64		at;
	int64		change;
} Edge;

static int	make_edges(const PeakItem *items, int n, int64 from, int64 to, Edge **edges);
static int	compare_edges(const void *a, const void *b);

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
make_edges(const PeakItem *items, int n, int64 from, int64 to, Edge **edges)
{
	int			nedges = 0;

	*edges = palloc_extended((2 * (Size) n + 1) * sizeof(Edge), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
	{
		int64		begins = Max(items[i].from, from);
		int64		ends = Min(items[i].to, to);

		if (begins >= ends)
			continue;
		(*edges)[nedges++] = (Edge) {begins, items[i].quantity};
		(*edges)[nedges++] = (Edge) {ends, -items[i].quantity};
	}
	qsort(*edges, nedges, sizeof(Edge), compare_edges);
	return nedges;
}

/*
 * The highest sum of quantities at any instant of [from, to), and the first stretch in
 * which the sum exceeds the limit.
 */
Peak
booking_peak(const PeakItem *items, int n, int64 from, int64 to, int64 limit)
{
	Peak		peak = {0, from, from};
	Edge	   *edges;
	int			nedges = make_edges(items, n, from, to, &edges);
	int64		sum = 0;
	bool		over = false;

	for (int i = 0; i < nedges;)
	{
		int64		at = edges[i].at;

		while (i < nedges && edges[i].at == at)
			sum += edges[i++].change;

		peak.most = Max(peak.most, sum);
		if (sum > limit && !over && peak.over_from == peak.over_to)
		{
			over = true;
			peak.over_from = at;
			peak.over_to = to;
		}
		else if (sum <= limit && over)
		{
			over = false;
			peak.over_to = at;
		}
	}
	pfree(edges);
	return peak;
}

/*
 * The beginning of the first stretch of [from, to) that is at least so long and in which
 * the sum of quantities nowhere exceeds the limit; "to" when there is none.
 */
int64
booking_first_gap(const PeakItem *items, int n, int64 from, int64 to, int64 length, int64 limit)
{
	Edge	   *edges;
	int			nedges = make_edges(items, n, from, to, &edges);
	int64		sum = 0;
	int64		start = from;	/* of the stretch that we are in */
	bool		room = limit >= 0;

	for (int i = 0; i < nedges;)
	{
		int64		at = edges[i].at;

		if (room && at - start >= length)
			break;
		while (i < nedges && edges[i].at == at)
			sum += edges[i++].change;

		if (sum > limit)
			room = false;
		else if (!room)
		{
			room = true;
			start = at;
		}
	}
	pfree(edges);
	return room && to - start >= length ? start : to;
}
