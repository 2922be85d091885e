/*-------------------------------------------------------------------------
 *
 * peak.h
 *		the highest use at any instant (no SQL, no catalogs)
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_PEAK_H
#define BOOKING_PEAK_H

/* So many units from one instant to another; "to" is exclusive. */
typedef struct PeakItem
{
	int64		from;
	int64		to;
	int64		quantity;
} PeakItem;

/* What is looked at: [from, to) */
typedef struct PeakWindow
{
	int64		from;
	int64		to;
} PeakWindow;

typedef struct Peak
{
	int64		most;			/* highest sum at any instant of the window */
	int64		over_from;		/* first stretch where the sum exceeds the limit; */
	int64		over_to;		/* empty (from = to) when it never does */
} Peak;

extern Peak booking_peak(const PeakItem *items, int n, PeakWindow window, int64 limit);
/* The sum of quantities from one instant to another; PG_INT64_MAX where it is that or more. */
typedef void (*PeakStep) (int64 from, int64 to, int64 sum, void *arg);

extern void booking_steps(const PeakItem *items, int n, PeakWindow window, PeakStep step, void *arg);
extern int64 booking_first_gap(const PeakItem *items, int n, PeakWindow window, int64 length, int64 limit);

#endif							/* BOOKING_PEAK_H */
