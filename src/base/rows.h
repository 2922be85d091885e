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
#include "executor/tuptable.h"
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

/* Where rows have been found by their numbers, the last of each few.  All zero: nowhere yet. */
typedef struct RowsSeen
{
	struct
	{
		uint64		number;
		ItemPointerData at;
	}			last[256];
} RowsSeen;

/* The number of a single row: those that were stored one after the other have consecutive ones. */
typedef struct RowNumber
{
	RowsSeen   *seen;
	uint64		number;
} RowNumber;

/* Rows that are being read: through an index, or else the whole table. */
typedef struct RowScan
{
	Relation	rel;
	Relation	index;
	IndexScanDesc by_index;
	SysScanDesc whole;
	TupleTableSlot *slot;		/* the row, once there is one */
	Snapshot	snapshot;
} RowScan;

/* The row is good until the function returns, and is being looked at: no detour to other tables. */
typedef void (*RowVisit) (HeapTuple row, TupleDesc desc, void *arg);

extern void booking_rows_visit(const RowsWanted *wanted, RowVisit visit, void *arg);
extern bool booking_rows_any(const RowsWanted *wanted);
extern HeapTuple booking_rows_one(const RowsWanted *wanted, const RowNumber *numbered);
extern void booking_rows_begin(RowScan *rows, const RowsWanted *wanted);
extern HeapTuple booking_rows_next(RowScan *rows);
extern void booking_rows_end(RowScan *rows);
extern Datum booking_rows_column(const RowScan *rows, HeapTuple row, const char *column, bool *isnull);
extern Oid	booking_rows_key_index(Relation rel, const RowKey *keys, int nkeys);
extern bool booking_rows_lock(Relation rel, ItemPointer tid, Snapshot snapshot,
							  LockTupleMode mode, LockWaitPolicy policy);

#endif							/* BOOKING_ROWS_H */
