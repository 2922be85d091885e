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
 * in every transaction's eyes, and CHECK (free >= 0) lets nobody sell more.  A shard is
 * changed by the transaction that has its PLACES lock, which is held until the transaction ends, for
 * only then is it known what has become of the change.
 *
 * Taking n places:
 *
 *	1. Try a shard of our own, if nobody else has it; there n are usually free.
 *	2. If not, see what is free according to what has been committed.  That needs no lock.
 *	3. Altogether less than n: the answer is no.  Before that, holds of this slot that
 *	   have lapsed are marked expired, which gives their places back, by one booker at
 *	   a time.
 *	4. n or more in a shard that nobody has: take them there.
 *	5. n or more only in shards that somebody has: wait for one of those, then look again.
 *	   Places that a transaction in progress has taken count as free as long as it can
 *	   still roll back, so nobody is refused on its account.
 *	6. n or more altogether, and in no shard alone: lock all shards, in their order, which
 *	   waits for those that have one; take n and put what remains together.
 *
 * Giving back is possible with any shard: one we have, else one that nobody has, else we
 * wait for one.
 *
 * Deadlocks: a single booking waits for a shard (3, 5, 6) only while it has none, or in
 * their order; what gives back waits only while it has none; and a
 * transaction that has changed a shard waits for nobody any more.  One that books several
 * times may have to.
 * If that makes a deadlock, it is the one to be told, and not a bystander (lock_shard()).
 * What serves a waitlist waits for no shard at all, for one that has it may be waiting for
 * the line (waitlist.c).
 *
 * Many slots: a transaction keeps no more than some of these locks (locks.c).  Once it has
 * as many, it gives each back as soon as it has written the row, which nobody else can
 * write then before it ends.  The next to get the lock of such a row finds it being written.  An
 * UPDATE that adds to what is there, or takes from it, waits for that transaction by
 * itself; whatever sets a value, must not wait, or could not go on afterwards (above
 * READ COMMITTED) looks first, at which transaction is writing the row (free_in()).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "executor/spi.h"
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
#include "base/plans.h"
#include "base/test_point.h"
#include "base/transaction.h"
#include "engine/lapse.h"
#include "engine/shards.h"
#include "engine/slots.h"

/* What is left of a sale is kept together in portions of so many, or more. */
#define SMALL_PORTION		16

/* The lock of the one that marks lapsed holds expired; beside those of the shards. */
#define REAPER				MAX_SHARDS

/* At most so many lapsed holds are marked expired by one that needs their places. */
#define MOST_REAPED			1024

/* What free_in() says instead of a number. */
#define BEING_WRITTEN	(-1)	/* by a transaction that has given the lock back */
#define NO_SUCH_SHARD	(-2)

static void try_first(const Slot *slot, int shard);
static int64 free_in(const Slot *slot, int shard, bool wait);
static bool written_by_us(const Slot *slot, int shard);
static bool try_shard(const Slot *slot, int shard);
static void shard_written(const Slot *slot, int shard);
static int64 take_from(const Slot *slot, int shard, int64 need, int64 want, bool wait);
static int64 take_somewhere(const Slot *slot, const FreePlaces *free, int64 need, int64 want);
static int64 gather(const Slot *slot, int64 need);
static bool reap_places(const Slot *slot, int64 need, const pg_uuid_t *self);
static bool lock_shard(const Slot *slot, int shard);
static bool gives_exactly(void);
static int	find_shard_to_give(const Slot *slot, int start, bool exactly, int64 *before);
static bool look_when_written(const Slot *slot, FreePlaces *free);
static bool lock_all(const Slot *slot);
static void unlock_all(const Slot *slot);
static int	some_shard(const Slot *slot);
static uint64 run(Statement statement, const Slot *slot, int shard, int64 quantity);

/*
 * Take at least "need" places, and up to "want" where they are at hand.  Returns how
 * many; 0 when there are not enough.  "self" is the booking that they are for.
 */
int64
booking_shards_take(const Slot *slot, int64 need, int64 want, const pg_uuid_t *self)
{
	int64		taken;

	if (need > slot->capacity)
		return 0;

	taken = booking_shards_take_at_once(slot, need, want);
	while (taken == 0)
	{
		FreePlaces	free;
		bool		again = true;

		CHECK_FOR_INTERRUPTS();
		SPI_connect();
		booking_shards_look(slot, &free);
		if (free.total >= need)
		{
			taken = take_somewhere(slot, &free, need, want);
			again = !booking_line_serving();
		}
		else
		{
			booking_shards_must_be_counted(slot);
			again = reap_places(slot, need, self);
		}
		SPI_finish();

		if (taken == 0 && !again)
		{
			try_first(slot, -1);
			break;
		}
	}
	return taken;
}

/* Take places from a shard that nobody has, without looking at the others. */
int64
booking_shards_take_at_once(const Slot *slot, int64 need, int64 want)
{
	for (int i = 0; slot->shard >= 0 && i < slot->nshards; i++)
	{
		int			shard = (slot->shard + i) % slot->nshards;
		int64		taken;

		if (!booking_lock_places(slot->id, shard, false))
			continue;
		SPI_connect();
		taken = take_from(slot, shard, need, want, false);
		SPI_finish();
		return taken;
	}
	return 0;
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
free_in(const Slot *slot, int shard, bool wait)
{
	TransactionId writer = InvalidTransactionId;

	for (;;)
	{
		ShardRow	row;
		TransactionId xmax;

		if (!booking_shards_read(slot, shard, &row))
			return NO_SUCH_SHARD;
		xmax = row.xmax;

		/* One that has ended since the snapshot was taken: look again, once. */
		if (!TransactionIdIsNormal(xmax) || TransactionIdIsCurrentTransactionId(xmax) ||
			(xmax == writer && !TransactionIdIsInProgress(xmax)))
			return row.free;
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

/* Lock a shard if nobody else has it. */
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
 * Take places from one shard, whose lock we have; it is given back if there are not enough.
 *
 * An UPDATE that takes some if there are as many waits for a writer of the row, and
 * then looks again.  It cannot do so above READ COMMITTED, nor while we serve a waitlist,
 * nor can one that sets a value.
 */
static int64
take_from(const Slot *slot, int shard, int64 need, int64 want, bool wait)
{
	int64		taken = need;
	int64		free = 0;

	if (want > need || IsolationUsesXactSnapshot() || booking_line_serving())
	{
		free = free_in(slot, shard, wait);
		if (free == NO_SUCH_SHARD)
			booking_shards_not_counted(slot);
		taken = free < need ? 0 : Min(want, free);
		if (taken > 0 && run(STMT_SET_PLACES, slot, shard, free - taken) == 0)
			taken = 0;
	}
	else if (run(STMT_TAKE_PLACES, slot, shard, need) == 0)
		taken = 0;

	if (taken > 0)
		shard_written(slot, shard);
	else
		booking_unlock_places(slot->id, shard);
	return taken;
}

/* "Nothing is free" is not to be concluded from rows that are missing. */
void
booking_shards_must_be_counted(const Slot *slot)
{
	ShardRow	row;

	if (!booking_shards_read(slot, slot->nshards - 1, &row))
		booking_shards_not_counted(slot);
}

/*
 * There are enough places altogether: take them.  Returns 0 when they are gone, and then
 * we have no lock that we did not have before.
 */
static int64
take_somewhere(const Slot *slot, const FreePlaces *free, int64 need, int64 want)
{
	int			start = some_shard(slot);
	int			wait_for = -1;
	bool		any = false;

	for (int i = 0; i < slot->nshards; i++)
	{
		int			shard = (start + i) % slot->nshards;
		int64		taken;

		if (free->shard[shard] < need)
			continue;
		any = true;
		if (try_shard(slot, shard) && (taken = take_from(slot, shard, need, want, false)) > 0)
		{
			try_first(slot, shard);
			return taken;
		}
		if (wait_for < 0)
			wait_for = shard;
	}
	if (!any)
		return gather(slot, need);

	if (wait_for >= 0 && lock_shard(slot, wait_for))
	{
		int64		taken = take_from(slot, wait_for, need, want, true);

		if (taken > 0)
			try_first(slot, wait_for);
		return taken;
	}
	return 0;
}

/*
 * Take places that are scattered over several shards, and leave the rest in portions
 * from which others can take as many, so that the next one need not do this again, while
 * several can take some at once.
 */
static int64
gather(const Slot *slot, int64 need)
{
	FreePlaces	free;
	int64		rest;
	int64		portion;
	int			start = some_shard(slot);

	if (!lock_all(slot))
		return 0;
	if (!look_when_written(slot, &free) || free.total < need)
	{
		unlock_all(slot);
		return 0;
	}

	BOOKING_TEST_POINT("places-gather");
	rest = free.total - need;
	portion = Max((rest + slot->nshards - 1) / slot->nshards, Min(4 * need, SMALL_PORTION));
	if (need <= rest)
		portion = Max(portion, need);
	for (int i = 0; i < slot->nshards; i++)
	{
		int			shard = (start + i) % slot->nshards;
		int64		here = Min(rest, portion);

		if (free.shard[shard] != here)
		{
			run(STMT_SET_PLACES, slot, shard, here);
			shard_written(slot, shard);
		}
		else
			booking_unlock_places(slot->id, shard);
		rest -= here;
	}
	return need;
}

/*
 * Mark holds of the slot that have lapsed as expired, which gives their places back: as
 * many as could be missing, for each has one place at least.  True when it is worth
 * looking again.
 *
 * One does this at a time, and the others wait for what it leaves.  It locks the lives of
 * the holds as far as nobody is at them, and leaves those whose rows somebody has: what is
 * at one is giving its places back itself, or about to hear that it has lapsed.  Then it
 * locks all shards, since afterwards it has something written and must not wait for one.
 * If it helps, the locks stay, and everything that is free is its own to take.
 */
static bool
reap_places(const Slot *slot, int64 need, const pg_uuid_t *self)
{
	TimestampTz now = GetCurrentTimestamp();
	Datum	   *ids;
	int			found;
	int			marked = 0;
	int			n = 0;
	bool		enough = false;
	FreePlaces	free;

	if (booking_shards_lapsed(slot, now, 1, NULL, NULL) == 0)
		return false;

	if (!lock_shard(slot, REAPER))
		return false;
	booking_shards_look(slot, &free);
	if (free.total >= need)
	{
		booking_unlock_places(slot->id, REAPER);
		return true;
	}

	found = (int) Min(need - free.total, MOST_REAPED);
	ids = palloc_array(Datum, found);
	found = booking_shards_lapsed(slot, now, found, ids, NULL);
	for (int i = 0; i < found; i++)
	{
		if (self && memcmp(DatumGetUUIDP(ids[i]), self, UUID_LEN) == 0)
			continue;
		if (booking_try_lock_id(DatumGetUUIDP(ids[i])))
			ids[n++] = ids[i];
	}

	if (n > 0 && lock_all(slot))
	{
		marked = booking_mark_expired(ids, n, now);
		booking_shards_look(slot, &free);
		enough = free.total >= need;
		if (!enough || booking_many_places())
			unlock_all(slot);
	}
	if (marked == 0 || booking_many_ids())
		for (int i = 0; i < n; i++)
			booking_unlock_id(DatumGetUUIDP(ids[i]));
	if (marked == 0 || booking_many_places())
		booking_unlock_places(slot->id, REAPER);
	return enough;
}

/*
 * Lock a shard, waiting for it if need be.  False when we must not wait.
 *
 * A transaction that has changed a shard already makes others wait for it, and some of
 * them may have what it wants now.  Of a deadlock the server tells the one that looks for it
 * first, and that is to be us: so we ask again and again, until everybody that has been
 * waiting for us has looked, then stand in line like everybody and look at once.  If it is
 * no deadlock, but another that takes time, we go on waiting.
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
 * Could places be given back at this moment, without waiting for somebody?  We have the
 * RESOURCE lock.
 */
bool
booking_shards_can_give(int64 slot_id)
{
	const Resource *resource;
	Slot		slot = booking_use_slot(slot_id, &resource);
	int64		before;
	int			shard;

	SPI_connect();
	shard = find_shard_to_give(&slot, some_shard(&slot), gives_exactly(), &before);
	if (shard >= 0)
		booking_unlock_places(slot_id, shard);
	SPI_finish();
	return shard >= 0;
}

/* Have we to know what is in a shard in order to give it more? */
static bool
gives_exactly(void)
{
	return IsolationUsesXactSnapshot() || booking_line_serving() || booking_hasty();
}

/* Lock a shard that can be had at once; -1: there is none. */
static int
find_shard_to_give(const Slot *slot, int start, bool exactly, int64 *before)
{
	for (int i = 0; i < slot->nshards; i++)
	{
		int			shard = (start + i) % slot->nshards;

		if (!try_shard(slot, shard))
			continue;
		if (!exactly || (*before = free_in(slot, shard, false)) != BEING_WRITTEN)
			return shard;
		booking_unlock_places(slot->id, shard);
	}
	return -1;
}

/*
 * Give places back, to whichever shard can be had.  Where the places have not been
 * counted there is nothing to correct.  True when nothing was left in that shard before.
 */
bool
booking_shards_give(const Slot *slot, int64 quantity)
{
	bool		exactly = gives_exactly();
	int			start = slot->shard >= 0 ? slot->shard : some_shard(slot);
	int64		before = 0;
	int			shard;

	SPI_connect();
	shard = find_shard_to_give(slot, start, exactly, &before);
	if (shard < 0)
	{
		shard = start;
		if (!lock_shard(slot, shard) ||
			(exactly && (before = free_in(slot, shard, true)) == BEING_WRITTEN))
			ereport(ERROR,
					(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					 errmsg("every counter of slot %lld is in use", (long long) slot->id)));
	}

	if (exactly)
	{
		if (before != NO_SUCH_SHARD)
			run(STMT_SET_PLACES, slot, shard, before + quantity);
	}
	else if (run(STMT_GIVE_PLACES, slot, shard, quantity) > 0)
	{
		bool		isnull;

		before = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
											 &isnull)) - quantity;
	}
	else
		before = NO_SUCH_SHARD;

	if (before == NO_SUCH_SHARD)
		booking_unlock_places(slot->id, shard);
	else
		shard_written(slot, shard);
	SPI_finish();
	return before == 0;
}

/* How many places are free. */
int64
booking_shards_left(const Slot *slot)
{
	FreePlaces	free;

	SPI_connect();
	booking_shards_look(slot, &free);
	SPI_finish();
	return free.total;
}

/*
 * What is free, for a caller that has the locks of all shards and is going to set them: no row is being
 * written.  False when one is, and we must not wait.
 */
static bool
look_when_written(const Slot *slot, FreePlaces *free)
{
	for (int shard = 0; shard < slot->nshards; shard++)
	{
		int64		here = free_in(slot, shard, true);

		if (here == NO_SUCH_SHARD)
			booking_shards_not_counted(slot);
		if (here == BEING_WRITTEN)
			return false;
	}
	booking_shards_look(slot, free);
	return true;
}

/* False when we must not wait for one of them. */
static bool
lock_all(const Slot *slot)
{
	for (int shard = 0; shard < slot->nshards; shard++)
	{
		if (lock_shard(slot, shard))
			continue;
		while (--shard >= 0)
			booking_unlock_places(slot->id, shard);
		return false;
	}
	return true;
}

static void
unlock_all(const Slot *slot)
{
	for (int shard = 0; shard < slot->nshards; shard++)
		booking_unlock_places(slot->id, shard);
}

static int
some_shard(const Slot *slot)
{
	return (int) pg_prng_uint64_range(&pg_global_prng_state, 0, slot->nshards - 1);
}

/* The statements about slot_places, which take as many of these parameters as they use. */
static uint64
run(Statement statement, const Slot *slot, int shard, int64 quantity)
{
	Datum		values[3];

	values[0] = Int64GetDatum(slot->id);
	values[1] = Int16GetDatum((int16) shard);
	values[2] = Int32GetDatum((int32) quantity);
	return booking_run(statement, values, NULL);
}
