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

typedef struct Peak
{
	int64		most;			/* highest sum at any instant of the window */
	int64		over_from;		/* first stretch where the sum exceeds the limit; */
	int64		over_to;		/* empty (from = to) when it never does */
} Peak;

extern Peak booking_peak(const PeakItem *items, int n, int64 from, int64 to, int64 limit);
extern int64 booking_first_gap(const PeakItem *items, int n, int64 from, int64 to,
							   int64 length, int64 limit);

#endif							/* BOOKING_PEAK_H */
