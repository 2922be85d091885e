/*-------------------------------------------------------------------------
 *
 * lock_kinds.c
 *		Which locks are there, in which order are they taken, and how long are they
 *		held?
 *
 * All of them are advisory locks of the server's lock manager, so that the deadlock
 * detector, lock_timeout and pg_locks know them.  The fourth field of the lock tag
 * tells the kinds apart; pg_advisory_lock() uses 1 and 2 there, so that no application
 * can get in the way.  The second and third field hold a 64-bit key.
 *
 *	kind		field		key				held until		protects
 *	HOME		110			name of a place	commit			where a place of booking_cluster is
 *	ID			101			booking id		commit			one booking's life; replay by id
 *											row is indexed	the id that a plain INSERT brings
 *	RESOURCE	102			resource id		commit			the rules a booking is judged by
 *	HOLDERS		107			heap of holders	commit			all holders of a heap
 *	HOLDER		103			holder			commit			counting one holder's bookings
 *	TOGETHER	108			resource id		commit			the order in which several are booked together
 *	CAPACITY	106			table			commit			capacities that a guard reads there
 *	WORKER		109			0				process ends	that there is one background worker
 *	GATE		128 - 191	what is counted	row is indexed	counting, then inserting
 *	PLACES		1000 - 1255	slot id			commit			one row of a slot's free places
 *	PLACES		1256		slot id			commit			marking a slot's lapsed holds
 *	PLACES		1257		slot id			it is done		putting its free places together
 *	JOIN		104			resource id		commit			the line, while something is freed
 *	LINE		105			resource id		commit			offering what has been freed
 *
 * PLACES is taken in ExclusiveLock; a transaction that only waits for its end takes it in
 * ShareLock, for a moment.
 *
 * A single booking takes them in this order.  JOIN and LINE come last, when the places that a
 * statement has given back have been settled as well.  Where there are entries in the line, a
 * newcomer takes LINE before the GATE and PLACES, and then waits neither for PLACES nor for the
 * end of another transaction (waitlist.c).  Inside the gate of a seat, PLACES are taken only if
 * they are free.  RESOURCE has the key 0 beside those of the resources; it stands for further
 * ones when there are many (locks.c).  HOME has a key 0 as well.
 *
 * Of one kind, the gates of one row are taken in the order of their keys, and the resources of a
 * booking that moves in the order of their ids.  The rows of free places have no order: a
 * booking waits for one of them only while it holds none of the others (shards.c).
 *
 * A call that books or moves several things takes all of these locks before it writes the first
 * row, each kind in the order of its keys, and TOGETHER after HOLDER (together.c says why that
 * is enough).
 *
 * Locks that are held until the commit are locks.c's business, the gates are gates.c's.  A
 * GATE is never held while waiting for another transaction to end, and so two single
 * bookings cannot deadlock.  A slot has several rows of free places, each with a PLACES
 * lock of its own (shards.c).
 *
 * There are two locks of PostgreSQL's own beside these: the table booking.booking, which
 * stands for the RESOURCE locks of all resources (locks.c), and the rows themselves.  A row that a
 * plain UPDATE changes is locked before any trigger runs, hence before RESOURCE; so a function that
 * changes several bookings has all of their rows before RESOURCE as well (life.c), and a
 * transaction that has RESOURCE alone waits for no row (closure.c, rule_rows.c).
 *
 * A sweep waits for nothing (booking_without_waiting()): a lock that it cannot get at once is an
 * error for it, or the row is passed over where that is possible.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/compat.h"
#include "base/lock_kinds.h"

/* Nothing is waited for: booking_without_waiting(). */
static bool hasty = false;

static void make_tag(LOCKTAG *tag, LockKind kind, uint64 key);

static void
make_tag(LOCKTAG *tag, LockKind kind, uint64 key)
{
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, (uint32) (key >> 32), (uint32) key, kind);
}

/*
 * A caller that waits for nothing gets an error instead, which undoes an attempt (attempt.c).
 * Gates are waited for all the same: they are in use for a moment, and lock_timeout cuts
 * that short.
 */
LockAcquireResult
booking_lock_take(LockKind kind, uint64 key, LOCKMODE mode, bool wait)
{
	bool		queue = wait && (!hasty || (kind >= LOCK_GATE && kind < LOCK_PLACES));
	LockAcquireResult result;
	LOCKTAG		tag;

	make_tag(&tag, kind, key);
	result = LockAcquire(&tag, mode, false, !queue);
	if (wait && result == LOCKACQUIRE_NOT_AVAIL)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("another transaction has what this one does not wait for")));
	return result;
}

/* To the end of the session, whatever becomes of transactions; false when another has it. */
bool
booking_lock_for_session(LockKind kind)
{
	LOCKTAG		tag;

	make_tag(&tag, kind, 0);
	return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

void
booking_set_hasty(bool now)
{
	hasty = now;
}

bool
booking_hasty(void)
{
	return hasty;
}

bool
booking_lock_held(LockKind kind, uint64 key, LOCKMODE mode)
{
	LOCKTAG		tag;

	make_tag(&tag, kind, key);
	return lock_held_by_me(&tag, mode);
}

/* False when it was not held, which is a warning of the server's. */
bool
booking_lock_release(LockKind kind, uint64 key, LOCKMODE mode)
{
	LOCKTAG		tag;

	make_tag(&tag, kind, key);
	return LockRelease(&tag, mode, false);
}
