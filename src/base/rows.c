/*-------------------------------------------------------------------------
 *
 * rows.c
 *		Which rows of a table of ours have this key, now?
 *
 * SQL would tell as well, but not in a way that no plan can get wrong.  At SERIALIZABLE,
 * whatever a plan reads with an MVCC snapshot leaves predicate locks behind: on the pages of an
 * index that it looks into, or on the whole table if it is read from one end to the other.
 * Two transactions that look up two bookings side by side in the index, and then write them,
 * would be told that they cannot be serialized, although each of them holds the lock of its
 * own booking to the end.  A plan that is run with another kind of snapshot leaves none, but
 * bitmap scans and index-only scans are not made for that, nor are the functions of
 * policies and triggers that run inside.
 *
 * So a few rows are read here, from the index that we choose: every version that there is
 * (SnapshotAny, for which nothing is locked), and of these the ones that an MVCC snapshot
 * sees.  That snapshot was taken before the scan began, so that what it sees is in the index
 * for us to find, once: the answer is as of one instant.
 *
 * Nobody is asked for his rights here.  Callers read what the owner of the tables may read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/rows.h"

#define MOST_KEYS	4

/*
 * Begin to read the rows with these keys.  Their columns are columns of the index.  With
 * InvalidOid as the index, the whole table is read; with a comparison other than equality, the
 * index gives the order.  A NULL snapshot is the latest.
 */
void
booking_rows_begin(RowScan *rows, Relation rel, Oid index, Snapshot snapshot,
				   const RowKey *keys, int nkeys)
{
	ScanKeyData scan_keys[MOST_KEYS];

	Assert(nkeys <= MOST_KEYS);
	rows->rel = rel;
	rows->ordered = false;
	rows->snapshot = RegisterSnapshot(snapshot ? snapshot : GetLatestSnapshot());
	for (int i = 0; i < nkeys; i++)
	{
		AttrNumber	attno = get_attnum(RelationGetRelid(rel), keys[i].column);

		ScanKeyInit(&scan_keys[i], attno,
					keys[i].at_most ? BTLessEqualStrategyNumber : BTEqualStrategyNumber,
					keys[i].compare, keys[i].value);
		rows->ordered |= keys[i].at_most;
	}
	if (rows->ordered)
	{
		Relation	index_rel = index_open(index, AccessShareLock);

		rows->scan = systable_beginscan_ordered(rel, index_rel, SnapshotAny, nkeys, scan_keys);
	}
	else
		rows->scan = systable_beginscan(rel, index, OidIsValid(index), SnapshotAny, nkeys, scan_keys);
}

/* The next of them, good until the next call; NULL when there are no more. */
HeapTuple
booking_rows_next(RowScan *rows)
{
	HeapTuple	row;

	do
		row = rows->ordered ? systable_getnext_ordered(rows->scan, ForwardScanDirection) :
			systable_getnext(rows->scan);
	while (HeapTupleIsValid(row) &&
		   !table_tuple_satisfies_snapshot(rows->rel, rows->scan->slot, rows->snapshot));
	return row;
}

void
booking_rows_end(RowScan *rows)
{
	if (rows->ordered)
	{
		Relation	index_rel = rows->scan->irel;

		systable_endscan_ordered(rows->scan);
		index_close(index_rel, AccessShareLock);
	}
	else
		systable_endscan(rows->scan);
	UnregisterSnapshot(rows->snapshot);
}

/* A column, by its name. */
Datum
booking_rows_column(const RowScan *rows, HeapTuple row, const char *column, bool *isnull)
{
	TupleDesc	desc = RelationGetDescr(rows->rel);

	return heap_getattr(row, SPI_fnumber(desc, column), desc, isnull);
}

/* The primary key's index if it begins with these columns; InvalidOid if it does not. */
Oid
booking_rows_key_index(Relation rel, const RowKey *keys, int nkeys)
{
	Oid			index_id = primary_key_index(rel);
	Relation	index;
	bool		fits;

	if (!OidIsValid(index_id))
		return InvalidOid;
	index = index_open(index_id, AccessShareLock);
	fits = IndexRelationGetNumberOfKeyAttributes(index) >= nkeys;
	for (int i = 0; i < nkeys && fits; i++)
		fits = index->rd_index->indkey.values[i] == get_attnum(RelationGetRelid(rel), keys[i].column);
	index_close(index, NoLock);
	return fits ? index_id : InvalidOid;
}

/*
 * Lock a row that the snapshot sees, as SELECT ... FOR UPDATE does: an error when it has been
 * changed since.  False when somebody has it and we are not to wait, or when the statement
 * that we run in has changed it.
 */
bool
booking_rows_lock(Relation rel, ItemPointer tid, Snapshot snapshot, LockTupleMode mode,
				  LockWaitPolicy policy)
{
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TM_FailureData failure;
	TM_Result	result;

	result = table_tuple_lock(rel, tid, snapshot, slot, GetCurrentCommandId(true),
							  mode, policy, 0, &failure);
	ExecDropSingleTupleTableSlot(slot);
	switch (result)
	{
		case TM_Ok:
			return true;
		case TM_WouldBlock:
		case TM_SelfModified:
			return false;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not serialize access due to concurrent update")));
	}
	return false;
}
