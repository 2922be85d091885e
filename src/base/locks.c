/*-------------------------------------------------------------------------
 *
 * locks.c
 *		Which locks does a transaction hold until it ends, and what if there are very many?
 *
 * What they are, and their order, is said in lock_kinds.c.
 *
 * RESOURCE is taken in ShareLock by bookers, which therefore do not disturb one
 * another, and in ExclusiveLock by a transaction that changes the rules.
 *
 * A transaction may have a hundred thousand rows, as a restore has, and the lock table has room
 * for a few thousand locks of all sessions together.  So the locks of each kind are counted, and
 * once there are some (four times max_locks_per_transaction), more of them are not kept:
 *
 *	- ID and PLACES are given back as soon as what they protect is written: the row's own
 *	  lock lasts to the end of the transaction and takes no memory.  The next
 *	  to get the lock then finds the row being written, as after a plain UPDATE, which
 *	  takes no lock of ours at all (life.c, shards.c; book.c for a row that is new).
 *	- HOLDER protects no row.  Holders belong to heaps, by their hash; to lock one, a
 *	  transaction takes its heap (HOLDERS) in RowExclusiveLock first, and one that has many
 *	  takes whole heaps in ExclusiveLock, if they are free.
 *	- A booker that has touched many resources takes RESOURCE 0 in RowExclusiveLock
 *	  once instead of one lock for each further resource.  A change of rules takes
 *	  RESOURCE 0 in ShareLock, which conflicts with that and not with its like.
 *	- A change of the rules of all resources locks the table booking.booking against
 *	  writers.  A transaction that holds a RESOURCE lock holds RowExclusiveLock on it, too, from
 *	  before to its commit; a booker would anyway, so that costs nothing.  A transaction that
 *	  changes the rules of many resources, one after the other, does so as soon as no other
 *	  transaction is writing.  To wait for that table while holding RESOURCE locks may be a
 *	  deadlock with a booker that waits for one of them, and is put off until there are very
 *	  many.
 *	- A call that books very many things together takes TOGETHER once for all resources.
 *	- JOIN and LINE are not taken any more.  A line that is not served for that reason is served
 *	  by the next transaction that frees space there, or by expire_holds().
 *	- There are only as many CAPACITY locks as such tables, and the gates of one row.
 *
 *	- A transaction that has been in many places takes HOME 0 in RowExclusiveLock instead of
 *	  further ones.  What closes a place takes HOME 0 in ShareLock, after the place's own: it
 *	  waits for such a transaction to end.
 *
 * After a RESOURCE lock, the transaction's invalidation messages are read: a changer's commit
 * sends them before it gives its locks back, hence a cached resource that survives is
 * the committed one (resource.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/inval.h"

#include "base/cache.h"
#include "base/compat.h"
#include "base/lock_kinds.h"
#include "base/locks.h"
#include "base/transaction.h"

#define ALL_RESOURCES	0
#define ALL_HOMES		0

/*
 * Locks of one kind that a transaction takes one by one, in units of
 * max_locks_per_transaction, by which the server's lock table is measured: about so many before
 * it gets by with fewer, and so many at most where it has to wait to do so.
 */
#define SOME_LOCKS	4
#define MANY_LOCKS	16

#define HEAPS_OF_HOLDERS	1024

static int	some_locks(void);
static int *count_of(CountedLock kind);
static uint64 home_key(const text *place);
static uint64 holder_key(const text *holder);
static void drop_counted(LockKind kind, uint64 key, CountedLock counted);
static bool share_resource(int64 resource_id, bool wait);

/* How many locks of a kind the transaction may take one by one. */
static int
some_locks(void)
{
	return SOME_LOCKS * max_locks_per_xact;
}

static int *
count_of(CountedLock kind)
{
	return &booking_transaction.counts.locks[kind];
}

/*
 * A place of booking_cluster stays where it is until our transaction ends.  Alone: no other
 * transaction is in it, and one that comes waits.
 */
void
booking_lock_home(const text *place, bool alone)
{
	uint64		key = home_key(place);

	if (alone)
	{
		booking_lock_take(LOCK_HOME, key, ExclusiveLock, true);
		booking_lock_take(LOCK_HOME, ALL_HOMES, ShareLock, true);
	}
	else if (*count_of(COUNT_HOME) >= some_locks())
		booking_lock_take(LOCK_HOME, ALL_HOMES, RowExclusiveLock, true);
	else if (booking_lock_take(LOCK_HOME, key, ShareLock, true) == LOCKACQUIRE_OK)
		++*count_of(COUNT_HOME);
}

static uint64
home_key(const text *place)
{
	uint64		key = hash_bytes_extended((unsigned char *) VARDATA_ANY(place), VARSIZE_ANY_EXHDR(place), 0);

	return key == ALL_HOMES ? 1 : key;
}

/*
 * Lock a resource's rules against change, as a booker.  On return the cached copy of
 * the resource is current, and stays so to the end of the transaction.  A transaction that joins
 * the line or publishes a slot writes to another table than the one that is locked for all
 * resources, and has to lock that first; a booker has the lock already.
 */
void
booking_lock_resource(int64 resource_id)
{
	LockRelationOid(booking_table("booking"), RowExclusiveLock);
	(void) share_resource(resource_id, true);
}

/* The same without waiting: false when another transaction changes its rules, or is about to. */
bool
booking_try_lock_resource(int64 resource_id)
{
	return share_resource(resource_id, false);
}

static bool
share_resource(int64 resource_id, bool wait)
{
	LockAcquireResult result = LOCKACQUIRE_ALREADY_HELD;

	if (*count_of(COUNT_RESOURCE) < some_locks())
	{
		result = booking_lock_take(LOCK_RESOURCE, (uint64) resource_id, ShareLock, wait);
		if (result == LOCKACQUIRE_OK)
			++*count_of(COUNT_RESOURCE);
	}
	else if (!booking_lock_held(LOCK_RESOURCE, ALL_RESOURCES, RowExclusiveLock))
		result = booking_lock_take(LOCK_RESOURCE, ALL_RESOURCES, RowExclusiveLock, wait);

	AcceptInvalidationMessages();
	return result != LOCKACQUIRE_NOT_AVAIL;
}

/*
 * Give one such lock back, for a caller that has to change the rules after all: two that have the
 * lock in shared mode and want it alone would wait for each other.
 */
void
booking_unlock_resource(int64 resource_id)
{
	if (booking_lock_held(LOCK_RESOURCE, (uint64) resource_id, ShareLock) &&
		booking_lock_release(LOCK_RESOURCE, (uint64) resource_id, ShareLock) &&
		!booking_lock_held(LOCK_RESOURCE, (uint64) resource_id, ShareLock))
		--*count_of(COUNT_RESOURCE);
}

/*
 * Are we changing the rules of this resource, so that no other transaction books it or
 * waits for it?
 */
bool
booking_holds_rules(int64 resource_id)
{
	LOCKTAG		tag;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, booking_table("booking"));
	return booking_lock_held(LOCK_RESOURCE, (uint64) resource_id, ExclusiveLock) ||
		lock_held_by_me(&tag, ShareRowExclusiveLock);
}

/*
 * Lock a resource's rules in order to change them: waits until every transaction that has booked
 * under the old ones has ended, and keeps others from booking until this one has ended.
 *
 * The table comes first here, too.  A change may go on to write bookings (offers to waiting
 * holders, bookings that a closure cancels): it would then wait for a change of the rules of all
 * resources, which waits for this RESOURCE lock.
 */
void
booking_lock_rules(int64 resource_id)
{
	int			n = *count_of(COUNT_RULES);

	LockRelationOid(booking_table("booking"), RowExclusiveLock);

	if (n >= some_locks() &&
		ConditionalLockRelationOid(booking_table("booking"), ShareRowExclusiveLock))
		return;
	if (n >= MANY_LOCKS * max_locks_per_xact)
	{
		booking_lock_all_rules();
		return;
	}
	booking_lock_take(LOCK_RESOURCE, ALL_RESOURCES, ShareLock, true);
	if (booking_lock_take(LOCK_RESOURCE, (uint64) resource_id, ExclusiveLock, true) == LOCKACQUIRE_OK)
		++*count_of(COUNT_RULES);
	AcceptInvalidationMessages();
}

/* The same for two, which may be the same, in their order. */
void
booking_lock_rules_of_both(int64 a, int64 b)
{
	booking_lock_rules(Min(a, b));
	if (a != b)
		booking_lock_rules(Max(a, b));
}

/* The same for all resources at once. */
void
booking_lock_all_rules(void)
{
	LockRelationOid(booking_table("booking"), ShareRowExclusiveLock);
}

/*
 * Lock one booking's life: others that use this id wait for our transaction to end.
 *
 * The table comes first.  A plain INSERT that brings an id has it already when it waits for the ID
 * lock, and a change of the rules of all resources, which locks the table, has all bookings then.
 */
void
booking_lock_id(const pg_uuid_t *id)
{
	LockRelationOid(booking_table("booking"), RowExclusiveLock);
	if (booking_lock_take(LOCK_ID, booking_id_key(id), ExclusiveLock, true) == LOCKACQUIRE_OK)
		++*count_of(COUNT_ID);
}

/* The same without waiting: false when another transaction has it. */
bool
booking_try_lock_id(const pg_uuid_t *id)
{
	LockAcquireResult result = booking_lock_take(LOCK_ID, booking_id_key(id), ExclusiveLock, false);

	if (result == LOCKACQUIRE_OK)
		++*count_of(COUNT_ID);
	return result != LOCKACQUIRE_NOT_AVAIL;
}

/* For a caller that has written nothing under the lock. */
void
booking_unlock_id(const pg_uuid_t *id)
{
	drop_counted(LOCK_ID, booking_id_key(id), COUNT_ID);
}

/*
 * Done with a booking, whose row is written if there was anything to write: give the lock
 * back if there are many.
 */
void
booking_done_with_id(const pg_uuid_t *id)
{
	if (booking_many_ids())
		booking_unlock_id(id);
}

bool
booking_many_ids(void)
{
	return *count_of(COUNT_ID) > some_locks();
}

uint64
booking_id_key(const pg_uuid_t *id)
{
	return hash_bytes_extended(id->data, UUID_LEN, 0);
}

/* Give back a lock that is counted, as often as it has been taken. */
static void
drop_counted(LockKind kind, uint64 key, CountedLock counted)
{
	if (booking_lock_release(kind, key, ExclusiveLock) && !booking_lock_held(kind, key, ExclusiveLock))
		--*count_of(counted);
}

/*
 * A transaction that frees space takes JOIN in shared mode after the row is written, one that
 * joins the line of that resource in exclusive mode before looking: the later of the two sees
 * what the other has committed.  A transaction that has freed space and now joins would have to
 * upgrade its lock, and two of them would deadlock; so it only tries, and goes on without the
 * lock if it fails.
 *
 * A transaction that has a LINE takes every further JOIN and LINE only if it is free, for two
 * such transactions may go through their resources in different orders.  False when it was not.
 */
bool
booking_lock_join(int64 resource_id, bool exclusive, bool wait)
{
	LOCKMODE	mode = exclusive ? ExclusiveLock : ShareLock;

	wait = wait && *count_of(COUNT_LINE) == 0 && !booking_hasty() &&
		!(exclusive && booking_lock_held(LOCK_JOIN, (uint64) resource_id, ShareLock));

	if (*count_of(COUNT_JOIN) >= some_locks())
		return false;
	switch (booking_lock_take(LOCK_JOIN, (uint64) resource_id, mode, wait))
	{
		case LOCKACQUIRE_NOT_AVAIL:
			return false;
		case LOCKACQUIRE_OK:
			++*count_of(COUNT_JOIN);
			break;
		default:
			break;
	}
	return true;
}

/*
 * Become the transaction that serves the line of a resource; with "wait", after waiting,
 * where that is safe.
 */
bool
booking_lock_line(int64 resource_id, bool wait)
{
	LockAcquireResult result;

	if (*count_of(COUNT_LINE) >= some_locks())
		return false;
	result = booking_lock_take(LOCK_LINE, (uint64) resource_id, ExclusiveLock,
					   wait && !booking_hasty() && *count_of(COUNT_LINE) == 0);
	if (result == LOCKACQUIRE_OK)
		++*count_of(COUNT_LINE);
	return result != LOCKACQUIRE_NOT_AVAIL;
}

/* For a caller that has found no entry to serve. */
void
booking_unlock_line(int64 resource_id)
{
	drop_counted(LOCK_LINE, (uint64) resource_id, COUNT_LINE);
}

/*
 * No other transaction counts or adds to this holder's bookings until ours ends.
 *
 * Holders stand in heaps, by their hash.  To lock one takes its heap in a mode that does not
 * conflict with itself.  A transaction with many holders takes whole heaps in exclusive mode
 * where they are free; where one is not, it goes on with single holders.
 */
void
booking_lock_holder(text *holder)
{
	bool		wait = !booking_line_serving();
	uint64		key = holder_key(holder);
	uint64		heap = key % HEAPS_OF_HOLDERS;
	LockAcquireResult result;

	if (*count_of(COUNT_HOLDER) >= some_locks() &&
		booking_lock_take(LOCK_HOLDERS, heap, ExclusiveLock, false) != LOCKACQUIRE_NOT_AVAIL)
		return;

	if (booking_lock_take(LOCK_HOLDERS, heap, RowExclusiveLock, wait) != LOCKACQUIRE_NOT_AVAIL &&
		(result = booking_lock_take(LOCK_HOLDER, key, ExclusiveLock, wait)) != LOCKACQUIRE_NOT_AVAIL)
	{
		if (result == LOCKACQUIRE_OK)
			++*count_of(COUNT_HOLDER);
		return;
	}

	/*
	 * Only while a line is served, which does not wait for a holder: it is served another time.
	 */
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("the holder is booking something else")));
}

static uint64
holder_key(const text *holder)
{
	return hash_bytes_extended((unsigned char *) VARDATA_ANY(holder), VARSIZE_ANY_EXHDR(holder), 0);
}

/* The order in which the holders of several bookings are locked: by heaps, then by keys. */
int
booking_compare_holders(const text *a, const text *b)
{
	uint64		x = holder_key(a);
	uint64		y = holder_key(b);

	if (x % HEAPS_OF_HOLDERS != y % HEAPS_OF_HOLDERS)
		return x % HEAPS_OF_HOLDERS < y % HEAPS_OF_HOLDERS ? -1 : 1;
	return x < y ? -1 : x > y;
}

/*
 * Book something on this resource together with other things (together.c), alone, or beside
 * other transactions that do the same.  The key 0 stands for all resources.
 */
void
booking_lock_together(int64 resource_id, bool alone)
{
	booking_lock_take(LOCK_TOGETHER, ALL_RESOURCES, RowExclusiveLock, true);
	if (booking_lock_take(LOCK_TOGETHER, (uint64) resource_id, alone ? ExclusiveLock : ShareLock,
						  true) == LOCKACQUIRE_OK)
		++*count_of(COUNT_TOGETHER);
}

/* The same for all resources at once, for a call that would have to lock very many. */
void
booking_lock_all_together(void)
{
	booking_lock_take(LOCK_TOGETHER, ALL_RESOURCES, ExclusiveLock, true);
}

/* How many resources one call locks one by one, in order to book them together. */
int
booking_most_together(void)
{
	return some_locks() - *count_of(COUNT_TOGETHER);
}

bool
booking_holds_line(int64 resource_id)
{
	return booking_lock_held(LOCK_LINE, (uint64) resource_id, ExclusiveLock);
}

/*
 * May we wait for other transactions that want this resource?  Not while we make an offer, nor
 * while we hold a LINE lock: they may be waiting for that.
 */
bool
booking_line_lets_wait(int64 resource_id)
{
	return !booking_line_serving() && !booking_holds_line(resource_id);
}

/*
 * Lock the table that capacities are read from against changes of them, or in order to
 * change one.
 */
void
booking_lock_capacity(Oid relid, bool change)
{
	booking_lock_take(LOCK_CAPACITY, relid, change ? ExclusiveLock : ShareLock, true);
	AcceptInvalidationMessages();
}

/*
 * Lock one row of a slot's free places.  Without "wait", false when another transaction has it.
 * The lock stays until the transaction ends, unless it turns out not to be needed.
 */
bool
booking_lock_places(int64 slot_id, int shard, bool wait)
{
	LockAcquireResult result = booking_lock_take(LOCK_PLACES + shard, (uint64) slot_id, ExclusiveLock, wait);

	if (result == LOCKACQUIRE_OK)
		++*count_of(COUNT_PLACES);
	return result != LOCKACQUIRE_NOT_AVAIL;
}

/* Wait in share mode until no transaction has it, and do not keep it. */
void
booking_await_places(int64 slot_id, int shard)
{
	if (booking_lock_take(LOCK_PLACES + shard, (uint64) slot_id, ShareLock, true) != LOCKACQUIRE_NOT_AVAIL)
		(void) booking_lock_release(LOCK_PLACES + shard, (uint64) slot_id, ShareLock);
}

/*
 * For a caller that has written nothing under the lock, since it was taken the last time; or did
 * not need it, because the row was its own already.
 */
void
booking_unlock_places(int64 slot_id, int shard)
{
	if (booking_lock_held(LOCK_PLACES + shard, (uint64) slot_id, ExclusiveLock))
		drop_counted(LOCK_PLACES + shard, (uint64) slot_id, COUNT_PLACES);
}

/* Is it time to leave locks to the rows that have been written under them? */
bool
booking_many_places(void)
{
	return *count_of(COUNT_PLACES) > some_locks();
}
