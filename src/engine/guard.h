/*-------------------------------------------------------------------------
 *
 * guard.h
 *		"never more than N at once" over any index
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_GUARD_H
#define BOOKING_GUARD_H

#include "access/genam.h"
#include "access/relscan.h"
#include "executor/tuptable.h"
#include "storage/itemptr.h"
#include "utils/rangetypes.h"
#include "utils/relcache.h"
#include "utils/resowner.h"

#include "engine/guard_rows.h"

/*
 * How to look into one GiST index whose leading columns are compared for equality and
 * whose last is a range.  What the index's predicate leaves out takes no space.
 */
typedef struct GuardIndex
{
	Oid			index_id;
	int			nkeys;			/* equality columns; the range is the next one */
	AttrNumber	attno[INDEX_MAX_KEYS];	/* in the table; 0: an expression */
	StrategyNumber strategy[INDEX_MAX_KEYS];
	RegProcedure proc[INDEX_MAX_KEYS];
	Oid			collation[INDEX_MAX_KEYS];
	Oid			range_type;
} GuardIndex;

/* A scan of one, for one look or for those of several rows of a statement. */
typedef struct GuardScan
{
	Relation	heap;
	Relation	index;
	TupleTableSlot *slot;
	IndexScanDesc scan;
	int			nkeys;
	bool		busy;			/* reading */
} GuardScan;

/* A statement may look at the index of seats and exclusive resources, and at that of pools. */
#define KEPT_SCANS	2

typedef struct GuardKept
{
	struct GuardKept *outer;
	ResourceOwner owner;
	MemoryContext memory;
	GuardScan	scan[KEPT_SCANS];
	int			n;
} GuardKept;

/* What a transaction wants to put into the index. */
typedef struct GuardLoad
{
	Datum		key[INDEX_MAX_KEYS];
	int			any_key;		/* a key column (1 is the first) that may have any value, or 0 */
	int			first;			/* the column to compare first of a row that is in the way of none, or 0; the
								 * range is the one behind the keys */
	RangeType  *range;
	int64		quantity;
	bool		outside;		/* judged without the gate: rows may move meanwhile */
	bool		exactly;		/* a tally is not to leave out when its highest use is (GuardRows) */
} GuardLoad;

/* What is in use where rows need not be counted one by one; see GuardPlace. */
typedef struct GuardPlace GuardPlace;
typedef struct GuardPending GuardPending;
typedef void (*GuardTally) (const GuardPlace *place, const GuardLoad *load, GuardRows *rows,
							GuardPending *pending);

/* One of the tables whose rows are counted together. */
struct GuardPlace
{
	Relation	heap;			/* NULL: to be opened while it is needed; it is locked */
	Oid			relid;
	const GuardIndex *index;
	ItemPointer self;			/* the load's own old version is here, or NULL */
	void	   *arg;			/* for the function that says what a row takes */
	GuardTally	tally;			/* NULL: the index is scanned.  Otherwise it adds to the rows what is
								 * in use, and what is sure of that was there at one instant */
};

/* A transaction in progress that writes or removes a row. */
struct GuardPending
{
	TransactionId xid;			/* invalid: the row is there for sure */
	uint32		token;			/* its speculative insertion, or 0 */
	Oid			relid;			/* where the row is */
	ItemPointerData row;
};

typedef struct GuardRow
{
	TupleTableSlot *slot;
	RangeType  *range;
	GuardPending pending;
} GuardRow;

typedef void (*GuardVisit) (const GuardRow *row, void *arg);

/* How many units a row takes; 0 leaves it out of the count. */
typedef int64 (*GuardQuantity) (TupleTableSlot *slot, bool pending, void *arg);

typedef enum GuardAnswer
{
	GUARD_FITS,					/* even if everything in progress commits */
	GUARD_FULL,					/* whatever becomes of what is in progress */
	GUARD_WAIT					/* it depends on a transaction in progress */
} GuardAnswer;

typedef struct GuardVerdict
{
	GuardAnswer answer;
	int64		used;			/* highest use by others that is sure */
	RangeType  *full;			/* GUARD_FULL: the first stretch without room, within the
								 * load's range */
	GuardPending pending;		/* GUARD_WAIT: what to wait for */
	bool		nothing;		/* no row at all was found, whatever it takes */
} GuardVerdict;

extern GuardVerdict booking_guard_judge(GuardPlace *places, int nplaces,
										const GuardLoad *load, int64 capacity,
										GuardQuantity quantity_of);
extern void booking_guard_wait(GuardPending *pending);

/* guard_scan.c */
extern void booking_guard_scan(const GuardPlace *place, const GuardLoad *load,
							   GuardVisit visit, void *arg);
extern void booking_guard_look(const GuardPlace *place, const GuardLoad *load,
							   GuardVisit visit, void *arg);
extern void booking_guard_keep(GuardKept *mine);
extern void booking_guard_kept(GuardKept *mine, bool failed);

#endif							/* BOOKING_GUARD_H */
