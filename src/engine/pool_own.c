/*-------------------------------------------------------------------------
 *
 * pool_own.c
 *		How much of a large pool has this transaction itself taken, if it has booked so
 *		often that its own rows are too many to be read for each booking?
 *
 * Each row of a statement that books thousands of different periods that overlap would look at
 * thousands of rows that the transaction has written itself, and the statement's time would grow
 * with the square of them.  Only the transaction itself writes these rows, so it need not read
 * them: from some number on it remembers their sum over time, in a profile (profile.c), and
 * marks them with a number, the batch, that its own looks leave out of the scan.  The number is
 * the second column of the index, so that pages with nothing but its own rows are not read at
 * all.
 *
 * To other transactions they are rows like any: in the table, pending until the commit, and read
 * and folded by their periods.  The mark means nothing to them.
 *
 * What has to be true at any time: the sums of the batch's rows that count, and those of the
 * profile, are the same.  Therefore
 *
 *	- a row is in the table first, and then in the profile, for which memory has been reserved:
 *	  an error in between undoes the row, with the subtransaction that it belongs to;
 *	- what a subtransaction has added is taken off again when it is rolled back, by a list of
 *	  it.  What was added outside any subtransaction is on no list: all is forgotten with the
 *	  transaction;
 *	- when statements write to the table (rebuild(), a pool that becomes large or small), all
 *	  batches are closed, and their rows are read like any.
 *
 * Nothing outlives the transaction, and the number is drawn anew for each batch.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/int.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "engine/pool_own.h"
#include "engine/profile.h"

typedef struct OwnPool
{
	int64		resource_id;	/* hash key: must be first */
	int64		batch;
	Profile    *profile;
} OwnPool;

/* Something that goes with a subtransaction. */
typedef struct OwnChange
{
	SubTransactionId subxact;
	Profile    *profile;
	Period		occupies;
	int64		quantity;
} OwnChange;

/* In memory of the transaction; all NULL when there is no batch. */
static struct
{
	MemoryContext memory;
	HTAB	   *pools;
	OwnChange  *change;
	int			nchanges;
	int			size;
} own;

static OwnPool *find_own_pool(int64 resource_id);
static bool in_subtransaction(void);
static int	compare_instants(const void *a, const void *b);
static void undo_own(SubTransactionId mine, SubTransactionId parent, bool abort);
static void forget_own(void);

const TransactionPart booking_pool_own_part = {.undo = undo_own, .forget = forget_own};

static OwnPool *
find_own_pool(int64 resource_id)
{
	return own.pools ? hash_search(own.pools, &resource_id, HASH_FIND, NULL) : NULL;
}

/* From now on, what is written of this pool is a batch. */
void
booking_pool_own_begin(int64 resource_id)
{
	Profile    *profile;
	OwnPool    *pool;
	uint64		drawn[2];

	if (own.memory == NULL)
		own.memory = AllocSetContextCreate(TopTransactionContext, "booking pools", ALLOCSET_DEFAULT_SIZES);
	if (own.pools == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(int64), .entrysize = sizeof(OwnPool), .hcxt = own.memory};

		own.pools = hash_create("booking pools", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	if (!pg_strong_random(drawn, sizeof(drawn)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
	profile = booking_profile_create(own.memory, drawn[1]);
	pool = hash_search(own.pools, &resource_id, HASH_ENTER, NULL);
	pool->batch = (int64) (drawn[0] >> 1) | 1;
	pool->profile = profile;
}

/* The number of the batch; 0 when there is none. */
int64
booking_pool_own_batch(int64 resource_id)
{
	OwnPool    *pool = find_own_pool(resource_id);

	return pool ? pool->batch : 0;
}

/* Before a row of a batch is written. */
void
booking_pool_own_reserve(int64 resource_id)
{
	OwnPool    *pool = find_own_pool(resource_id);

	booking_profile_reserve(pool->profile);
	if (own.nchanges < own.size || !in_subtransaction())
		return;
	own.size = Max(64, 2 * own.size);
	own.change = own.change == NULL ?
		MemoryContextAlloc(own.memory, own.size * sizeof(OwnChange)) :
		repalloc_huge(own.change, own.size * sizeof(OwnChange));
}

/* And when it has been. */
void
booking_pool_own_add(const PoolUse *use)
{
	OwnPool    *pool = find_own_pool(use->resource_id);

	if (in_subtransaction())
		own.change[own.nchanges++] = (OwnChange) {
			GetCurrentSubTransactionId(), pool->profile, use->occupies, use->quantity
		};
	booking_profile_add(pool->profile, use->occupies, use->quantity);
}

static bool
in_subtransaction(void)
{
	return GetCurrentSubTransactionId() != TopSubTransactionId;
}

/* Has a batch any row within the window that takes something? */
bool
booking_pool_own_any(int64 resource_id, Period window)
{
	OwnPool    *pool = find_own_pool(resource_id);

	return pool && booking_profile_any(pool->profile, window);
}

/*
 * Add to the rows, from the first on the others that count, the use by the batch: in each
 * stretch between two of their bounds the highest at any instant of it.  The others are the same
 * all through such a stretch, so that the sum is as high as with all of the batch's rows.  Only
 * where in the stretch it is that high is not known any more.
 */
void
booking_pool_own_most(int64 resource_id, Period window, GuardRows *rows, int first)
{
	OwnPool    *pool = find_own_pool(resource_id);
	int			others = rows->n;
	int			n = 0;
	int64	   *instant;

	if (pool == NULL || !booking_profile_any(pool->profile, window))
		return;
	instant = palloc_extended((2 * (Size) (others - first) + 2) * sizeof(int64), MCXT_ALLOC_HUGE);
	instant[n++] = window.from;
	instant[n++] = window.to;
	for (int i = first; i < others; i++)
	{
		if (rows->row[i].from > window.from && rows->row[i].from < window.to)
			instant[n++] = rows->row[i].from;
		if (rows->row[i].to > window.from && rows->row[i].to < window.to)
			instant[n++] = rows->row[i].to;
	}
	qsort(instant, n, sizeof(int64), compare_instants);
	for (int i = 1; i < n; i++)
	{
		Period		stretch = {instant[i - 1], instant[i]};
		int64		most;

		CHECK_FOR_INTERRUPTS();
		if (stretch.from == stretch.to)
			continue;
		most = booking_profile_most(pool->profile, stretch);
		if (most != 0)
			booking_guard_add_whole(rows, stretch, most);
	}
	rows->coarse = true;
	pfree(instant);
}

static int
compare_instants(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

/* Changes are in order: those of a subtransaction are the last ones. */
static void
undo_own(SubTransactionId mine, SubTransactionId parent, bool abort)
{
	int			first = own.nchanges;

	while (first > 0 && own.change[first - 1].subxact == mine)
	{
		OwnChange  *change = &own.change[--first];

		change->subxact = parent;
		if (abort)
			booking_profile_add(change->profile, change->occupies, -change->quantity);
	}
	if (abort || parent == TopSubTransactionId)
		own.nchanges = first;
}

/* The memory goes with the transaction. */
static void
forget_own(void)
{
	memset(&own, 0, sizeof(own));
}

/* Statements write to the table: close all batches. */
void
booking_pool_own_forget(void)
{
	if (own.memory)
		MemoryContextDelete(own.memory);
	forget_own();
}
