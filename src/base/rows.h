/*-------------------------------------------------------------------------
 *
 * rows.h
 *		rows of our tables by their keys, read without a plan
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_ROWS_H
#define BOOKING_ROWS_H

#include "access/genam.h"
#include "access/htup.h"
#include "nodes/lockoptions.h"
#include "storage/itemptr.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

/* A column that is equal to a value, or at most that. */
typedef struct RowKey
{
	const char *column;
	RegProcedure compare;		/* of the column's type */
	Datum		value;
	bool		at_most;		/* the comparison is "<=" */
} RowKey;

/*
 * Which rows: those with these keys, of which the snapshot sees them; NULL is the latest snapshot.
 * The keys are columns of the index; without an index, the whole table is read.
 */
typedef struct RowsWanted
{
	Relation	rel;
	Oid			index;
	Snapshot	snapshot;
	const RowKey *keys;
	int			nkeys;
} RowsWanted;

typedef struct RowScan
{
	Relation	rel;
	SysScanDesc scan;
	Snapshot	snapshot;
	bool		ordered;
} RowScan;

/* The row is good until the function returns, and is being looked at: no detour to other tables. */
typedef void (*RowVisit) (HeapTuple row, TupleDesc desc, void *arg);

extern void booking_rows_visit(const RowsWanted *wanted, RowVisit visit, void *arg);
extern HeapTuple booking_rows_one(const RowsWanted *wanted, ItemPointer guess);
extern void booking_rows_begin(RowScan *rows, const RowsWanted *wanted);
extern HeapTuple booking_rows_next(RowScan *rows);
extern void booking_rows_end(RowScan *rows);
extern Datum booking_rows_column(const RowScan *rows, HeapTuple row, const char *column, bool *isnull);
extern Oid	booking_rows_key_index(Relation rel, const RowKey *keys, int nkeys);
extern bool booking_rows_lock(Relation rel, ItemPointer tid, Snapshot snapshot,
							  LockTupleMode mode, LockWaitPolicy policy);

#endif							/* BOOKING_ROWS_H */
