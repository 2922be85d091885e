/*-------------------------------------------------------------------------
 *
 * guard_rows.h
 *		what rows with ranges take together
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_GUARD_ROWS_H
#define BOOKING_GUARD_ROWS_H

#include "storage/itemptr.h"
#include "utils/rangetypes.h"
#include "utils/typcache.h"

#include "base/period.h"
#include "engine/peak.h"

/* Rows that overlap one another or do not, and what each takes. */
typedef struct GuardFound
{
	RangeType  *range;			/* NULL: its bounds are whole numbers: */
	int64		from;
	int64		to;
	int64		quantity;		/* negative: given back (GuardTally) */
	bool		pending;
	int			place;			/* where: number of the table, */
	ItemPointerData tid;		/* and row */
} GuardFound;

typedef struct GuardRows
{
	GuardFound *row;
	int			n;
	int			size;
	bool		fractions;		/* the bounds of some are no whole numbers */
	bool		coarse;			/* some are the highest use by many rows in a stretch */
} GuardRows;

/* How much is in use in a stretch of time. */
typedef void (*GuardStep) (RangeType *during, int64 used, void *arg);

/* Ranges of any type as integers, in the order of their bounds. */
typedef struct GuardNumbered
{
	TypeCacheEntry *type;
	PeakItem   *item;			/* the rows */
	int			n;
	PeakItem	extent;			/* the window */
	RangeBound *bound;			/* by number; NULL: the numbers are the bounds themselves */
} GuardNumbered;

extern GuardFound *booking_guard_add(GuardRows *rows, RangeType *range, int64 quantity);
extern GuardFound *booking_guard_add_whole(GuardRows *rows, Period period, int64 quantity);
extern RangeType *booking_guard_most(Oid range_type, GuardRows *rows, int64 *most);
extern void booking_guard_steps(Oid range_type, const GuardRows *rows, RangeType *window,
								GuardStep step, void *arg);
extern GuardNumbered booking_guard_number(Oid range_type, const GuardRows *rows, RangeType *window);
extern RangeType *booking_guard_stretch(const GuardNumbered *numbered, int64 from, int64 to);

#endif							/* BOOKING_GUARD_ROWS_H */
