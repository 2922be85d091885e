/*-------------------------------------------------------------------------
 *
 * pool_rows.h
 *		rows of booking.pool_use: what is in use of large pools
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_POOL_ROWS_H
#define BOOKING_POOL_ROWS_H

#include "access/genam.h"
#include "access/htup.h"
#include "storage/buf.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"
#include "utils/uuid.h"

#include "base/period.h"
#include "engine/guard.h"

/* So many units of a pool for a period.  Negative: they have been given back. */
typedef struct PoolUse
{
	int64		resource_id;
	Period		occupies;
	int64		quantity;
	bool		held;			/* by a booking that may lapse: */
	TimestampTz expires_at;
	pg_uuid_t	booking_id;
} PoolUse;

typedef struct PoolRow
{
	PoolUse		use;
	int64		batch;			/* of a transaction with many rows (pool_own.c), or 0 */
	bool		folded;			/* the sum of rows that it has replaced */
	bool		pending;		/* comes, or if a hold also goes, with a transaction in progress: */
	TransactionId xid;
	bool		ours;			/* written by this transaction */
	bool		going;			/* a transaction in progress replaces it by a sum */
	ItemPointerData tid;
} PoolRow;

/* The table, locked against change to the end of the transaction. */
typedef struct PoolTable
{
	Relation	heap;
	const struct PoolColumns *columns;
} PoolTable;

typedef struct PoolScan
{
	const PoolTable *table;
	int64		resource_id;
	Period		window;
	int64		without;		/* rows of this batch are left out, 0: of none */
	Relation	index;
	IndexScanDesc scan;
	Snapshot	snapshot;
	struct GlobalVisState *removable;
	Buffer		buffer;
	PoolRow		row;
} PoolScan;

extern PoolTable booking_pool_open(void);
extern void booking_pool_close(PoolTable *table);
extern void booking_pool_scan_begin(PoolScan *scan, const PoolTable *table, int64 resource_id, Period window,
									int64 without);
extern bool booking_pool_may_batch(const PoolTable *table);
extern const PoolRow *booking_pool_scan_next(PoolScan *scan);
extern void booking_pool_scan_end(PoolScan *scan);
extern void booking_pool_insert(const PoolTable *table, const PoolUse *use, bool folded, int64 batch,
								ItemPointer tid);
extern bool booking_pool_delete(const PoolTable *table, ItemPointer tid);
extern bool booking_pool_add_to(const PoolTable *table, const PoolUse *use, ItemPointer tid);

#endif							/* BOOKING_POOL_ROWS_H */
