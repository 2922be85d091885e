/*-------------------------------------------------------------------------
 *
 * pool_use.c
 *		What is in use of a large pool, without a look at each of its bookings?
 *
 * Where thousands of bookings are in force at the same time, to add them up takes milliseconds, and
 * each booking does it, inside the gate.  So for large pools the adding is done once: the table
 * booking.pool_use has rows "so many units of that pool for that period", and at every instant
 * their sum is what the active bookings take.  A look reads these instead of the bookings.
 *
 *	- A booking that is stored, changed or deleted writes what it adds or gives back, in its own
 *	  transaction and, like its own row, inside the gate: where guard.c says "in the index", it
 *	  is in two indexes (pool_change.c).  "Sure" and "pending" mean the same as for bookings.
 *	- A transaction that books very often remembers the sums of its own rows, and does not read
 *	  them again (pool_own.c).
 *	- Now and then a booking replaces what is committed by sums, in its own transaction too
 *	  (pool_fold.c).  That changes no count (pool_rows.c), needs no gate, and waits for no
 *	  transaction.
 *
 * So no transaction waits that would not have waited without these rows, no row is written by
 * two, and nothing is kept but rows: a rollback, a crash, a standby or a prepared transaction
 * needs no code of its own.
 *
 * Small pools are counted booking by booking: that takes less than writing a row more.  Which
 * is large is known from its capacity, under the RESOURCE lock.  When that changes, the rows are
 * written or removed in the same transaction, which has the lock alone (rules.c).
 *
 * The rows are derived, and not dumped.  booking.rebuild() writes them anew, booking.verify()
 * compares them with the bookings, and a pool of which no row is there although it has bookings
 * is not booked (room.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "engine/lapse.h"
#include "engine/pool_fold.h"
#include "engine/pool_own.h"
#include "engine/pool_use.h"

/* Rows that this transaction has written, and can still add to. */
#define REMEMBERED_ROWS	256

/* When a look finds so many rows of this transaction, the next ones get a batch (pool_own.c). */
#define MANY_OWN_ROWS	16

typedef struct OwnRow
{
	int64		resource_id;
	Period		occupies;
	TransactionId xid;			/* of the subtransaction */
	int64		batch;
	ItemPointerData tid;
} OwnRow;

static OwnRow own_rows[REMEMBERED_ROWS];

static void count_pool_row(PoolLook *look, const PoolRow *row, GuardRows *rows, GuardPending *pending, Oid relid);
static OwnRow *remembered_row(const PoolUse *use);
static void add_pool_use(const PoolTable *table, const PoolUse *use);
static void remove_pool_hold(const PoolTable *table, const PoolUse *hold);
static bool same_use(const PoolUse *a, const PoolUse *b);

bool
booking_is_large_pool(const Resource *resource)
{
	return resource->kind == RESOURCE_POOLED && resource->capacity >= LARGE_POOL;
}

/*
 * Add to "rows" what is in use of a pool, and to *pending one of the transactions that some of
 * it depends on.  Holds that have lapsed are handed to the look's function instead.
 */
void
booking_pool_look(PoolLook *look, GuardRows *rows, GuardPending *pending)
{
	PoolTable	table = booking_pool_open();
	PoolScan	scan;
	const PoolRow *row;
	int			changes = 0;
	int			sums = 0;
	int			own = 0;
	int64		batch = booking_pool_own_batch(look->resource_id);

	look->any = booking_pool_own_any(look->resource_id, look->window);
	booking_pool_scan_begin(&scan, &table, look->resource_id, look->window, look->all_rows ? 0 : batch);
	while ((row = booking_pool_scan_next(&scan)) != NULL)
	{
		look->any = true;
		if (row->ours && !row->use.held)
			own++;
		if (booking_pool_may_fold(row))
			*(row->folded ? &sums : &changes) += 1;
		count_pool_row(look, row, rows, pending, RelationGetRelid(table.heap));
	}
	booking_pool_scan_end(&scan);
	if (own >= MANY_OWN_ROWS && batch == 0 && booking_pool_may_batch(&table))
		booking_pool_own_begin(look->resource_id);
	booking_pool_close(&table);

	booking_pool_seen(look->resource_id, look->window, changes, sums);
}

static void
count_pool_row(PoolLook *look, const PoolRow *row, GuardRows *rows, GuardPending *pending, Oid relid)
{
	GuardFound *found;

	if (row->use.held)
	{
		if (look->booking_id && memcmp(&row->use.booking_id, look->booking_id, UUID_LEN) == 0)
			return;
		if (!row->pending && row->use.expires_at <= look->now && !booking_hold_in_hand(&row->use.booking_id))
		{
			look->lapsed(&row->use.booking_id, look->arg);
			return;
		}
	}
	found = booking_guard_add_whole(rows, row->use.occupies, row->use.quantity);
	found->tid = row->tid;
	found->pending = row->pending;
	if (row->pending)
		*pending = (GuardPending) {.xid = row->xid, .relid = relid, .row = row->tid};
}

/*
 * A booking of a large pool is stored, changed or deleted: write what it gives back and what it
 * takes.  Either may be NULL.
 */
void
booking_pool_changes(const PoolUse *was, const PoolUse *becomes)
{
	PoolTable	table;
	PoolUse		back;

	if (was && becomes && same_use(was, becomes))
		return;

	table = booking_pool_open();
	if (was && was->held)
		remove_pool_hold(&table, was);
	else if (was)
	{
		back = *was;
		back.quantity = -was->quantity;
		add_pool_use(&table, &back);
	}
	if (becomes)
		add_pool_use(&table, becomes);
	booking_pool_close(&table);
}

static bool
same_use(const PoolUse *a, const PoolUse *b)
{
	return a->resource_id == b->resource_id && a->occupies.from == b->occupies.from &&
		a->occupies.to == b->occupies.to && a->quantity == b->quantity && a->held == b->held &&
		(!a->held || (a->expires_at == b->expires_at &&
					  memcmp(&a->booking_id, &b->booking_id, UUID_LEN) == 0));
}

static OwnRow *
remembered_row(const PoolUse *use)
{
	uint64		hash = hash_combine64(hash_combine64((uint64) use->resource_id, (uint64) use->occupies.from),
									  (uint64) use->occupies.to);

	return &own_rows[hash % REMEMBERED_ROWS];
}

static void
add_pool_use(const PoolTable *table, const PoolUse *use)
{
	TransactionId xid = GetCurrentTransactionId();
	OwnRow	   *own = remembered_row(use);
	ItemPointerData tid;
	int64		batch = booking_pool_may_batch(table) ? booking_pool_own_batch(use->resource_id) : 0;

	if (use->held)
	{
		booking_pool_insert(table, use, false, 0, &tid);
		return;
	}
	if (batch)
		booking_pool_own_reserve(use->resource_id);
	if (own->xid != xid || own->resource_id != use->resource_id || own->occupies.from != use->occupies.from ||
		own->occupies.to != use->occupies.to || !booking_pool_add_to(table, use, &own->tid))
	{
		booking_pool_insert(table, use, false, batch, &tid);
		*own = (OwnRow) {use->resource_id, use->occupies, xid, batch, tid};
	}
	/* The row may be from before the batch, or of one that is closed. */
	if (batch && own->batch == batch)
		booking_pool_own_add(use);
}

/* Only the transaction that changes the booking does this, and it has the booking's row locked. */
static void
remove_pool_hold(const PoolTable *table, const PoolUse *hold)
{
	PoolScan	scan;
	const PoolRow *row;
	ItemPointerData tid;

	ItemPointerSetInvalid(&tid);
	booking_pool_scan_begin(&scan, table, hold->resource_id, hold->occupies, booking_pool_own_batch(hold->resource_id));
	while ((row = booking_pool_scan_next(&scan)) != NULL)
		if (row->use.held && memcmp(&row->use.booking_id, &hold->booking_id, UUID_LEN) == 0)
			tid = row->tid;
	booking_pool_scan_end(&scan);
	if (ItemPointerIsValid(&tid) && !booking_pool_delete(table, &tid))
		elog(ERROR, "a hold of pool " INT64_FORMAT " is being changed by another transaction", hold->resource_id);
}
