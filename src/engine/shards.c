/*-------------------------------------------------------------------------
 *
 * shards.c
 *		The free places of a slot: how are they taken and given back, and which transaction
 *		has to wait for which?
 *
 * One counter would make every booker wait for the commit of the one before.
 * So the places of a slot are spread over up to 256 rows of booking.slot_places, its
 * shards.  At any time
 *
 *		sum of the shards + sum of the active bookings = capacity
 *
 * in every snapshot, and CHECK (free >= 0) keeps every writer from selling more.  A shard is
 * changed by the transaction that has its PLACES lock, which is held until the transaction ends,
 * for only then is it known what has become of the change.
 *
 * Taking n places:
 *
 *	1. Try a shard of our own, if no other transaction has it; there n are usually free.
 *	2. If not, see what is free according to what has been committed.  That needs no lock.
 *	3. Altogether less than n: the answer is no.  Before that, holds of this slot that
 *	   have lapsed are marked expired, which gives their places back, by one booker at
 *	   a time.
 *	4. n or more in a shard that no transaction has locked: take them there.
 *	5. n or more only in shards that other transactions have: wait for one of those, then look
 *	   again.  Places that a transaction in progress has taken count as free as long as it can
 *	   still roll back, so no booking is refused because of it.
 *	6. n or more altogether, and in no shard alone: gather them from the shards that no
 *	   transaction has, and put what remains there together; one booker at a time.  Not enough
 *	   in those: wait for one of the others, then look again.
 *
 * Giving back is possible with any shard: one we have, else one that no transaction has, else we
 * wait for one.  A booking that moves to another slot locks one of the slot that it leaves
 * before it takes places in the other, or waits for neither while it holds the other.
 *
 * Deadlocks: places are taken in attempts, which wait for nothing.  An attempt that fails gives
 * back all the locks that it has taken, those of shards and those beside them (REAPER,
 * GATHERER), and then waits for the lock that was in its way while it holds none of these.  It
 * keeps that lock for the next attempt: given back, the lock would go to the next transaction in
 * the queue, and the two could pass it back and forth for a long time.  A booking that only
 * gives places back waits only while it has no shard.  So a single booking that waits for a
 * shard has none that another transaction could wait for, and once it has changed one it waits
 * no more: no deadlock over shards can include it.
 *
 * A transaction that books several times may have to wait for a shard when it has changed one.
 * A deadlock is then among such transactions; the transaction that closes the circle gets the
 * error (lock_shard()).  A transaction that serves a waitlist waits for no shard at all, for the
 * transaction that has it may be waiting for the line (waitlist.c).
 *
 * Many slots: a transaction keeps no more than some of these locks (locks.c).  Once it has
 * as many, it gives each back as soon as it has written the row, which no other transaction can
 * write before it ends.  The next to get the lock of such a row finds it being written, and has
 * to wait for that transaction as well, or try elsewhere (free_in()).
 *
 * A row is read under its lock, and then written as it was read (shard_write.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "storage/itemptr.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/wait_event.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/lock_kinds.h"
#include "base/locks.h"
#include "base/test_point.h"
#include "base/transaction.h"
#include "engine/lapse.h"
#include "engine/shards.h"
#include "engine/slots.h"

/* The last places of a slot are kept together in portions of so many, or more. */
#define SMALL_PORTION		16

/* Locks beside those of the shards: of the one that marks lapsed holds expired, or gathers. */
#define REAPER				MAX_SHARDS
#define GATHERER			(MAX_SHARDS + 1)

/* At most so many lapsed holds are marked expired by a booking that needs their places. */
#define MOST_REAPED			1024

/* What free_in() says instead of a number. */
#define BEING_WRITTEN	(-1)	/* by a transaction that has given the lock back */
#define NO_SUCH_SHARD	(-2)

/* A request for places. */
typedef struct Taking
{
	const Slot *slot;
	const Slot *from;			/* that the booking leaves, or NULL */
	int64		need;
	int64		want;
	const pg_uuid_t *self;

	/* What has been in the way of an attempt: a lock, or the row that goes with it. */
	const Slot *busy;			/* NULL: nothing */
	int			shard;
	bool		again;			/* or only that something has changed meanwhile */
} Taking;

static bool try_to_take(Taking *taking, int64 *taken);
static void wait_for_busy(Taking *taking);
static void in_the_way(Taking *taking, const Slot *slot, int shard);
static void try_first(const Slot *slot, int shard);
static int64 free_in(const Slot *slot, int shard, bool wait, ShardRow *row);
static bool written_by_us(const Slot *slot, int shard);
static bool try_shard(const Slot *slot, int shard);
static void shard_written(const Slot *slot, int shard);
static int64 take_from(const Slot *slot, int shard, int64 need, int64 want);
static int64 take_somewhere(Taking *taking, const FreePlaces *free);
static int64 gather(Taking *taking, const FreePlaces *free);
static bool lock_enough(Taking *taking, const FreePlaces *free, ShardRow *here);
static void spread(const Slot *slot, const ShardRow *here, int64 need);
static void reap_places(Taking *taking);
static int	mark_some(Taking *taking, Datum *ids, int found, TimestampTz now);
static bool lock_shard(const Slot *slot, int shard);
static int	find_shard_to_give(const Slot *slot, int start, ShardRow *row);
static int	lock_shard_to_give(const Slot *slot, ShardRow *row);
static bool lock_all(Taking *taking);
static void unlock_some(const Slot *slot, int n);
static int	some_shard(const Slot *slot);

/*
 * Take at least "need" places, and up to "want" where one shard has them.  Returns how
 * many; 0 when there are not enough.  "self" is the booking that they are for.  One that comes
 * "from" another slot has, when it gets them, a lock with which it can give back there.
 */
int64
booking_shards_take(const Slot *slot, const Slot *from, int64 need, int64 want, const pg_uuid_t *self)
{
	Taking		taking = {.slot = slot, .from = from, .need = need, .want = want, .self = self};
	int64		taken;
	bool		done;

	if (need > slot->capacity)
		return 0;

	taken = booking_shards_take_at_once(slot, from, need, want);
	done = taken > 0;
	while (!done)
	{
		Taking		before = taking;

		CHECK_FOR_INTERRUPTS();
		done = try_to_take(&taking, &taken);
		if (before.busy)
			booking_unlock_places(before.busy->id, before.shard);
		if (!done && taking.busy)
			wait_for_busy(&taking);
	}
	if (taken == 0)
		try_first(slot, -1);
	return taken;
}

/*
 * Try to take places, without waiting.  False when something is in the way.  True when the
 * request is decided, with *taken = 0 if there are not enough.
 */
static bool
try_to_take(Taking *taking, int64 *taken)
{
	FreePlaces	free;
	ShardRow	row;
	int			back = -1;

	taking->busy = NULL;
	taking->again = false;
	if (taking->from &&
		(back = find_shard_to_give(taking->from, some_shard(taking->from), &row)) < 0)
		in_the_way(taking, taking->from, some_shard(taking->from));
	else
	{
		booking_shards_look(taking->slot, &free);
		if (free.total >= taking->need)
			*taken = take_somewhere(taking, &free);
		else
		{
			booking_shards_must_be_counted(taking->slot, &free);
			reap_places(taking);
		}
	}

	if (back >= 0 && *taken == 0)
		booking_unlock_places(taking->from->id, back);
	else if (back >= 0)
		try_first(taking->from, back);
	return *taken > 0 || booking_line_serving() || booking_hasty() ||
		(taking->busy == NULL && !taking->again);
}

/*
 * Wait for what was in the way, with no lock of an attempt in hand, and keep its lock.  If it has
 * been given back, for there are many, it is the transaction writing the row that we wait for.
 *
 * Two bookings that move to each other's slots could each wait for the lock of the other, get
 * it, and be in each other's way again.  So each gives its lock back or keeps it at random.
 */
static void
wait_for_busy(Taking *taking)
{
	ShardRow	row;

	lock_shard(taking->busy, taking->shard);
	if (taking->shard < taking->busy->nshards)
		(void) free_in(taking->busy, taking->shard, true, &row);
	if (taking->from && pg_prng_bool(&pg_global_prng_state))
	{
		booking_unlock_places(taking->busy->id, taking->shard);
		taking->busy = NULL;
	}
}

static void
in_the_way(Taking *taking, const Slot *slot, int shard)
{
	taking->busy = slot;
	taking->shard = shard;
}

/* Take places from a shard that no transaction has, without looking at the others. */
int64
booking_shards_take_at_once(const Slot *slot, const Slot *from, int64 need, int64 want)
{
	int64		taken = 0;
	ShardRow	row;
	int			back = -1;

	if (slot->shard < 0)
		return 0;
	if (from == NULL || (back = find_shard_to_give(from, some_shard(from), &row)) >= 0)
	{
		int			i = 0;

		while (i < slot->nshards &&
			   !booking_lock_places(slot->id, (slot->shard + i) % slot->nshards, false))
			i++;
		if (i < slot->nshards)
			taken = take_from(slot, (slot->shard + i) % slot->nshards, need, want);
	}
	if (back >= 0 && taken == 0)
		booking_unlock_places(from->id, back);
	else if (back >= 0)
		try_first(from, back);
	return taken;
}

/*
 * For a caller that has nothing written and only tries: how many are left in a slot with a
 * single counter, once the transactions that have it have ended?  If there are enough, the
 * caller has the counter's lock, so that no other transaction takes them, and gives it back if
 * it does not write after all.  A booking that is refused here has not begun to insert.
 *
 * Most requests for a place that is gone come long after it was taken.  For a counter that no
 * transaction is writing, no lock is needed to say so.  While a transaction takes the last
 * places, the requests that come meanwhile are nearly always going to be refused as well: they
 * wait for its end together, in share mode, and not one after the other.
 */
int64
booking_shards_await_turn(const Slot *slot, int32 quantity, bool *locked)
{
	ShardRow	row;
	int64		free = free_in(slot, 0, false, &row);

	Assert(slot->nshards == 1);
	*locked = false;
	for (;;)
	{
		bool		last = free != NO_SUCH_SHARD && row.free == quantity;

		if (free >= 0 && free < quantity)
			return free;
		if (booking_lock_places(slot->id, 0, !last))
			break;
		booking_await_places(slot->id, 0);
		CHECK_FOR_INTERRUPTS();
		free = free_in(slot, 0, true, &row);
	}

	free = free_in(slot, 0, true, &row);
	if (free == NO_SUCH_SHARD)
		booking_shards_not_counted(slot);
	*locked = free >= quantity;
	if (!*locked)
		booking_unlock_places(slot->id, 0);
	return free;
}

/* Remember where the next try is to begin. */
static void
try_first(const Slot *slot, int shard)
{
	Slot	   *remembered = booking_remembered_slot(slot->id);

	if (remembered)
		remembered->shard = shard;
}

/*
 * What is free in one shard, whose lock we have.  A transaction that has given that lock
 * back may still be writing the row: then wait for its end, or do not, and say so.
 */
static int64
free_in(const Slot *slot, int shard, bool wait, ShardRow *row)
{
	TransactionId writer = InvalidTransactionId;

	for (;;)
	{
		TransactionId xmax;

		if (!booking_shards_read(slot, shard, row))
			return NO_SUCH_SHARD;
		xmax = row->xmax;

		/* One that has ended since the snapshot was taken: look again, once. */
		if (!TransactionIdIsNormal(xmax) || TransactionIdIsCurrentTransactionId(xmax) ||
			(xmax == writer && !TransactionIdIsInProgress(xmax)))
			return row->free;
		writer = xmax;
		if (TransactionIdIsInProgress(xmax))
		{
			if (!wait || booking_line_serving() || booking_hasty())
				return BEING_WRITTEN;
			XactLockTableWait(xmax, NULL, NULL, XLTW_None);
		}
		CHECK_FOR_INTERRUPTS();
	}
}

/* Have we given the lock of a shard back, because its row is ours to the end? */
static bool
written_by_us(const Slot *slot, int shard)
{
	ShardRow	row;

	return booking_many_places() && booking_shards_read(slot, shard, &row) &&
		TransactionIdIsCurrentTransactionId(row.xmin);
}

/* Lock a shard if no other transaction has it. */
static bool
try_shard(const Slot *slot, int shard)
{
	return booking_lock_places(slot->id, shard, false) || written_by_us(slot, shard);
}

/* The row of a shard is written.  From now on it is lock enough, if we have many. */
static void
shard_written(const Slot *slot, int shard)
{
	booking_transaction.counts.places_changed = true;
	if (booking_many_places())
		booking_unlock_places(slot->id, shard);
}

/*
 * Take places from one shard, whose lock we have; it is given back if there are not enough, or
 * if a transaction that has given the lock back is still writing the row.
 */
static int64
take_from(const Slot *slot, int shard, int64 need, int64 want)
{
	ShardRow	row;
	int64		free = free_in(slot, shard, false, &row);
	int64		taken = free < need ? 0 : Min(want, free);

	if (free == NO_SUCH_SHARD)
		booking_shards_not_counted(slot);
	if (taken > 0)
	{
		booking_shards_write(slot, shard, &row, free - taken);
		shard_written(slot, shard);
	}
	else
		booking_unlock_places(slot->id, shard);
	return taken;
}

/* "Nothing is free" is not to be concluded from rows that are missing. */
void
booking_shards_must_be_counted(const Slot *slot, const FreePlaces *free)
{
	if (!free->counted)
		booking_shards_not_counted(slot);
}

/*
 * There are enough places altogether: take them.  Returns 0 when they are gone, or when another
 * transaction is in the way, and then we have no lock that we did not have before.
 */
static int64
take_somewhere(Taking *taking, const FreePlaces *free)
{
	const Slot *slot = taking->slot;
	int			start = some_shard(slot);
	bool		any = false;

	for (int i = 0; i < slot->nshards; i++)
	{
		int			shard = (start + i) % slot->nshards;
		int64		taken;

		if (free->shard[shard] < taking->need)
			continue;
		any = true;
		if (try_shard(slot, shard) &&
			(taken = take_from(slot, shard, taking->need, taking->want)) > 0)
		{
			try_first(slot, shard);
			return taken;
		}
		if (taking->busy == NULL)
			in_the_way(taking, slot, shard);
	}
	return any ? 0 : gather(taking, free);
}

/*
 * Take places that are scattered over several shards, and leave the rest in portions
 * from which others can take as many, so that the next booking need not do this again, and
 * several can take some at once.  One transaction does it at a time; two would be in each
 * other's way.
 */
static int64
gather(Taking *taking, const FreePlaces *free)
{
	const Slot *slot = taking->slot;
	ShardRow	here[MAX_SHARDS];
	int64		taken = 0;

	if (!booking_lock_places(slot->id, GATHERER, false))
	{
		in_the_way(taking, slot, GATHERER);
		return 0;
	}
	if (lock_enough(taking, free, here))
	{
		BOOKING_TEST_POINT("places-gather");
		spread(slot, here, taking->need);
		taken = taking->need;
	}
	booking_unlock_places(slot->id, GATHERER);
	return taken;
}

/*
 * Lock all shards that no transaction has, and say how much is there; less than 0: not ours.
 * False, and none is locked, when that is not enough.  Then the fullest of the others is in the
 * way; if none of them has anything, what we have looked at is no longer so.
 */
static bool
lock_enough(Taking *taking, const FreePlaces *free, ShardRow *here)
{
	const Slot *slot = taking->slot;
	int64		total = 0;
	int			fullest = -1;

	for (int shard = 0; shard < slot->nshards; shard++)
	{
		if (try_shard(slot, shard))
		{
			int64		left = free_in(slot, shard, false, &here[shard]);

			if (left == NO_SUCH_SHARD)
				booking_shards_not_counted(slot);
			if (left >= 0)
			{
				total += left;
				continue;
			}
			booking_unlock_places(slot->id, shard);
		}
		here[shard].free = BEING_WRITTEN;
		if (fullest < 0 || free->shard[shard] > free->shard[fullest])
			fullest = shard;
	}
	if (total >= taking->need)
		return true;

	for (int shard = 0; shard < slot->nshards; shard++)
		if (here[shard].free >= 0)
			booking_unlock_places(slot->id, shard);
	if (fullest >= 0 && free->shard[fullest] > 0)
		in_the_way(taking, slot, fullest);
	else
		taking->again = true;
	return false;
}

/* Take some of what is in the shards that are locked, and spread the rest over them. */
static void
spread(const Slot *slot, const ShardRow *here, int64 need)
{
	int			start = some_shard(slot);
	int			n = 0;
	int64		rest = -need;
	int64		portion;

	for (int shard = 0; shard < slot->nshards; shard++)
	{
		if (here[shard].free < 0)
			continue;
		rest += here[shard].free;
		n++;
	}
	portion = Max((rest + n - 1) / n, Min(4 * need, SMALL_PORTION));
	if (need <= rest)
		portion = Max(portion, need);

	for (int i = 0; i < slot->nshards; i++)
	{
		int			shard = (start + i) % slot->nshards;
		int64		left = Min(rest, portion);

		if (here[shard].free < 0)
			continue;
		if (here[shard].free != left)
		{
			booking_shards_write(slot, shard, &here[shard], left);
			shard_written(slot, shard);
		}
		else
			booking_unlock_places(slot->id, shard);
		rest -= left;
	}
}

/*
 * Mark holds of the slot that have lapsed as expired, which gives their places back: as
 * many as could be missing, for each has one place at least.  If it helps, the caller is to look
 * again.
 *
 * One transaction does this at a time, and the others wait until it has ended.
 */
static void
reap_places(Taking *taking)
{
	const Slot *slot = taking->slot;
	TimestampTz now = GetCurrentTimestamp();
	FreePlaces	free;
	int			marked = 0;

	if (booking_shards_lapsed(slot, now, 1, NULL, NULL) == 0)
		return;
	if (!booking_lock_places(slot->id, REAPER, false))
	{
		in_the_way(taking, slot, REAPER);
		return;
	}

	booking_shards_look(slot, &free);
	if (free.total >= taking->need)
		taking->again = true;
	else
	{
		int			found = (int) Min(taking->need - free.total, MOST_REAPED);
		Datum	   *ids = palloc_array(Datum, found);

		found = booking_shards_lapsed(slot, now, found, ids, NULL);
		marked = mark_some(taking, ids, found, now);
	}
	if (marked == 0 || booking_many_places())
		booking_unlock_places(slot->id, REAPER);
}

/*
 * Take the ID locks of the holds that no other transaction has, and leave out those whose rows
 * another transaction has locked: it is giving the places back itself, or is about to be told
 * that the hold has lapsed.  Then lock all shards, since afterwards we have written something
 * and must not wait for one.  If that frees enough, the locks stay, and everything that is free
 * is ours to take.
 */
static int
mark_some(Taking *taking, Datum *ids, int found, TimestampTz now)
{
	const Slot *slot = taking->slot;
	int			marked = 0;
	int			n = 0;
	FreePlaces	free;

	for (int i = 0; i < found; i++)
	{
		if (taking->self && memcmp(DatumGetUUIDP(ids[i]), taking->self, UUID_LEN) == 0)
			continue;
		if (booking_try_lock_id(DatumGetUUIDP(ids[i])))
			ids[n++] = ids[i];
	}

	if (n > 0 && lock_all(taking))
	{
		marked = booking_mark_expired(ids, n, now);
		booking_shards_look(slot, &free);
		taking->again = free.total >= taking->need;
		if (!taking->again || booking_many_places())
			unlock_some(slot, slot->nshards);
	}
	if (marked == 0 || booking_many_ids())
		for (int i = 0; i < n; i++)
			booking_unlock_id(DatumGetUUIDP(ids[i]));
	return marked;
}

/*
 * Lock a shard, waiting for it if necessary.  False when we must not wait.
 *
 * A transaction that has changed a shard already makes others wait for it, and some of
 * them may have what it wants now.  The server ends the transaction whose deadlock check finds
 * the deadlock, and that is to be ours.  So we try for the lock again and again for the length
 * of deadlock_timeout, in which every transaction that has been waiting for us has done its
 * check, without a deadlock, since we were not waiting in the queue.  Then we wait in the queue
 * like any other, with a check of our own at once.  If there is no deadlock, we go on waiting.
 */
static bool
lock_shard(const Slot *slot, int shard)
{
	int			save_nestlevel;

	if (try_shard(slot, shard))
		return true;
	if (booking_line_serving() || booking_hasty())
		return false;
	if (!booking_transaction.counts.places_changed)
		return booking_lock_places(slot->id, shard, true);

	for (int waited = 0; waited < DeadlockTimeout; waited++)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 1, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (try_shard(slot, shard))
			return true;
	}

	save_nestlevel = NewGUCNestLevel();
	(void) set_config_option("deadlock_timeout", "1ms", PGC_SUSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	PG_TRY();
	{
		booking_lock_places(slot->id, shard, true);
	}
	PG_CATCH();
	{
		if (geterrcode() == ERRCODE_T_R_DEADLOCK_DETECTED)
			errhint("Try the transaction again, or book in several slots in the order of their ids.");
		PG_RE_THROW();
	}
	PG_END_TRY();
	AtEOXact_GUC(true, save_nestlevel);
	return true;
}

/*
 * Could places be given back at this moment, without waiting for another transaction?  We have the
 * RESOURCE lock.
 */
bool
booking_shards_can_give(int64 slot_id)
{
	const Resource *resource;
	Slot		slot = booking_use_slot(slot_id, &resource);
	ShardRow	row;
	int			shard;

	shard = find_shard_to_give(&slot, some_shard(&slot), &row);
	if (shard >= 0)
		booking_unlock_places(slot_id, shard);
	return shard >= 0;
}

/*
 * Get a lock with which places can be given back later, without waiting then.
 * Returns the shard, for a caller that may find that it does not need it.
 */
int
booking_shards_prepare_to_give(const Slot *slot)
{
	ShardRow	row;
	int			shard = lock_shard_to_give(slot, &row);

	try_first(slot, shard);
	return shard;
}

/* Lock a shard that can be had at once, and read it; -1: there is none. */
static int
find_shard_to_give(const Slot *slot, int start, ShardRow *row)
{
	for (int i = 0; i < slot->nshards; i++)
	{
		int			shard = (start + i) % slot->nshards;
		int64		free;

		if (!try_shard(slot, shard))
			continue;
		free = free_in(slot, shard, false, row);
		if (free == NO_SUCH_SHARD)
			row->free = NO_SUCH_SHARD;
		if (free != BEING_WRITTEN)
			return shard;
		booking_unlock_places(slot->id, shard);
	}
	return -1;
}

/* Lock a shard to give places to, waiting for one if all are in use, and read it. */
static int
lock_shard_to_give(const Slot *slot, ShardRow *row)
{
	int			start = slot->shard >= 0 ? slot->shard : some_shard(slot);
	int			shard = find_shard_to_give(slot, start, row);
	int64		free = BEING_WRITTEN;

	if (shard >= 0)
		return shard;
	if (lock_shard(slot, start))
		free = free_in(slot, start, true, row);
	if (free == BEING_WRITTEN)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("every counter of slot %lld is in use", (long long) slot->id)));
	if (free == NO_SUCH_SHARD)
		row->free = NO_SUCH_SHARD;
	return start;
}

/*
 * Give places back, to any shard whose lock we can get.  Where the places have not been
 * counted there is nothing to correct.  True when nothing was left in that shard before.
 */
bool
booking_shards_give(const Slot *slot, int64 quantity)
{
	ShardRow	row;
	int			shard = lock_shard_to_give(slot, &row);

	if (row.free == NO_SUCH_SHARD)
	{
		booking_unlock_places(slot->id, shard);
		return false;
	}
	booking_shards_write(slot, shard, &row, row.free + quantity);
	shard_written(slot, shard);
	return row.free == 0;
}

/* How many places are free. */
int64
booking_shards_left(const Slot *slot)
{
	FreePlaces	free;

	booking_shards_look(slot, &free);
	return free.total;
}

/* False when another transaction has one of them, or is writing it. */
static bool
lock_all(Taking *taking)
{
	const Slot *slot = taking->slot;

	for (int shard = 0; shard < slot->nshards; shard++)
	{
		bool		locked = try_shard(slot, shard);
		ShardRow	row;

		if (locked && free_in(slot, shard, false, &row) != BEING_WRITTEN)
			continue;
		unlock_some(slot, shard + locked);
		in_the_way(taking, slot, shard);
		return false;
	}
	return true;
}

/* Give the locks of the first n back. */
static void
unlock_some(const Slot *slot, int n)
{
	for (int shard = 0; shard < n; shard++)
		booking_unlock_places(slot->id, shard);
}

static int
some_shard(const Slot *slot)
{
	return (int) pg_prng_uint64_range(&pg_global_prng_state, 0, slot->nshards - 1);
}
