/*-------------------------------------------------------------------------
 *
 * locks.c
 *		Which locks are there, in which order are they taken, and how long are they
 *		held?
 *
 * All of them are advisory locks of the server's lock manager, so that the deadlock
 * detector, lock_timeout and pg_locks know them.  The fourth field of the lock tag
 * tells the kinds apart; pg_advisory_lock() uses 1 and 2 there, so that no application
 * can get in our way.  The second and third field hold a 64-bit key.
 *
 *	kind		key				held until		protects
 *	ID			booking id		commit			one booking's life; replay by id
 *	RESOURCE	resource id		commit			the rules a booking is judged by
 *	HOLDER		holder			commit			counting one holder's bookings
 *	GATE		what is counted	row is indexed	counting, then inserting
 *
 * Taken in this order.  A GATE is never held while waiting for another transaction to
 * end, and so two single bookings cannot deadlock.
 *
 * RESOURCE is taken in ShareLock by bookers, which therefore do not disturb one
 * another, and in ExclusiveLock by whoever changes the rules.  Two things are bulk
 * traffic and must not fill the lock table:
 *
 *	- A booker that has touched many resources takes RESOURCE 0 in RowExclusiveLock
 *	  once instead of one lock for each further resource.  Whoever changes rules takes
 *	  RESOURCE 0 in ShareLock, which conflicts with that and not with its like.
 *	- Whoever changes rules of all resources locks the table booking.booking against
 *	  writers.  Every booker holds RowExclusiveLock on it from before its first check
 *	  to its commit, so that costs bookers nothing.  Whoever changes rules of many
 *	  resources, one after the other, does so as soon as nobody is writing: to wait for
 *	  it with RESOURCE locks in hand would be a deadlock with a booker who waits for one.
 *
 * After either, the transaction's invalidation messages are read: a changer's commit
 * sends them before it gives its locks back, hence a cached resource that survives is
 * the committed one (config.c).
 *
 * A gate is entered in a row's BEFORE trigger and left once the row is in its index:
 * by the AFTER trigger, or earlier by the next row of the same command, for when
 * another BEFORE trigger runs, the row before has been stored.  A statement of a
 * million rows holds one gate at a time.  The command is told by the command id of the
 * active snapshot, which is the statement's own from its start to its AFTER triggers; a
 * statement run from inside another (a function in a CHECK constraint that books
 * something) has a later one and leaves the outer statement's gates alone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"

#include "booking.h"
#include "compat.h"

typedef enum LockKind
{
	LOCK_ID = 101,
	LOCK_RESOURCE,
	LOCK_HOLDER,
	LOCK_GATE,
	LOCK_JOIN,
	LOCK_LINE
} LockKind;

#define ALL_RESOURCES	0

/* Locks of one kind that a transaction takes one by one before it takes the whole. */
#define MANY_RESOURCES	256

/* Gates held by commands that are nested in one another, at the very most. */
#define MAX_GATES		32

typedef struct Gate
{
	uint64		key;
	CommandId	command;
	SubTransactionId subxact;
} Gate;

static Gate gates[MAX_GATES];
static int	ngates = 0;

/* How many RESOURCE locks the transaction of this local id has taken. */
static LocalTransactionId counted_xact = InvalidLocalTransactionId;
static int	shared_resources = 0;
static int	exclusive_resources = 0;
static int	joins = 0;
static int	lines = 0;

static void make_tag(LOCKTAG *tag, LockKind kind, uint64 key);
static LockAcquireResult take(LockKind kind, uint64 key, LOCKMODE mode, bool wait);
static bool held(LockKind kind, uint64 key, LOCKMODE mode);
static CommandId this_command(void);
static void start_counting(void);
static void drop_gate(int i);
static void end_of_xact(XactEvent event, void *arg);
static void end_of_subxact(SubXactEvent event, SubTransactionId mine,
						   SubTransactionId parent, void *arg);

void
booking_locks_init(void)
{
	RegisterXactCallback(end_of_xact, NULL);
	RegisterSubXactCallback(end_of_subxact, NULL);
}

static void
make_tag(LOCKTAG *tag, LockKind kind, uint64 key)
{
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, (uint32) (key >> 32), (uint32) key, kind);
}

static LockAcquireResult
take(LockKind kind, uint64 key, LOCKMODE mode, bool wait)
{
	LOCKTAG		tag;

	make_tag(&tag, kind, key);
	return LockAcquire(&tag, mode, false, !wait);
}

static bool
held(LockKind kind, uint64 key, LOCKMODE mode)
{
	LOCKTAG		tag;

	make_tag(&tag, kind, key);
	return lock_held_by_me(&tag, mode);
}

static void
start_counting(void)
{
	if (counted_xact != MyLocalTransactionId())
	{
		counted_xact = MyLocalTransactionId();
		shared_resources = 0;
		exclusive_resources = 0;
		joins = 0;
		lines = 0;
	}
}

/*
 * Lock a resource's rules against change, as a booker.  On return the cached copy of
 * the resource is current, and stays so to the end of the transaction.
 */
void
booking_lock_resource(int64 resource_id)
{
	start_counting();

	if (shared_resources < MANY_RESOURCES)
	{
		if (take(LOCK_RESOURCE, (uint64) resource_id, ShareLock, true) == LOCKACQUIRE_OK)
			shared_resources++;
	}
	else if (!held(LOCK_RESOURCE, ALL_RESOURCES, RowExclusiveLock))
		take(LOCK_RESOURCE, ALL_RESOURCES, RowExclusiveLock, true);

	AcceptInvalidationMessages();
}

/*
 * Lock a resource's rules in order to change them: waits until every transaction that
 * has booked under the old ones has ended, and lets nobody book until this one has.
 */
void
booking_lock_rules(int64 resource_id)
{
	start_counting();

	if (exclusive_resources >= MANY_RESOURCES &&
		ConditionalLockRelationOid(booking_table("booking"), ShareRowExclusiveLock))
		return;
	take(LOCK_RESOURCE, ALL_RESOURCES, ShareLock, true);
	if (take(LOCK_RESOURCE, (uint64) resource_id, ExclusiveLock, true) == LOCKACQUIRE_OK)
		exclusive_resources++;
	AcceptInvalidationMessages();
}

/* The same for all resources at once. */
void
booking_lock_all_rules(void)
{
	LockRelationOid(booking_table("booking"), ShareRowExclusiveLock);
}

/* Lock one booking's life: who else uses this id waits for our transaction to end. */
void
booking_lock_id(const pg_uuid_t *id)
{
	take(LOCK_ID, hash_bytes_extended(id->data, UUID_LEN, 0), ExclusiveLock, true);
}

/* The same without waiting: false when somebody else is at it. */
bool
booking_try_lock_id(const pg_uuid_t *id)
{
	return take(LOCK_ID, hash_bytes_extended(id->data, UUID_LEN, 0), ExclusiveLock,
				false) != LOCKACQUIRE_NOT_AVAIL;
}

/* For who has written nothing under the lock. */
void
booking_unlock_id(const pg_uuid_t *id)
{
	LOCKTAG		tag;

	make_tag(&tag, LOCK_ID, hash_bytes_extended(id->data, UUID_LEN, 0));
	LockRelease(&tag, ExclusiveLock, false);
}

/*
 * Whoever frees space takes JOIN in shared mode after the row is written, whoever joins
 * the line of that resource in exclusive mode before looking: of the two, the later one
 * sees the other's work committed.  Who has freed and now joins would have to upgrade,
 * and two of them could not; that one does without.
 *
 * A transaction that has a LINE takes every further JOIN and LINE only if it is free,
 * for two of them may go through their resources in different orders.  False when it
 * was not.
 */
bool
booking_lock_join(int64 resource_id, bool exclusive)
{
	LOCKMODE	mode = exclusive ? ExclusiveLock : ShareLock;
	bool		wait;

	start_counting();
	wait = lines == 0 &&
		!(exclusive && held(LOCK_JOIN, (uint64) resource_id, ShareLock));
	if (joins >= MANY_RESOURCES)
		return false;
	switch (take(LOCK_JOIN, (uint64) resource_id, mode, wait))
	{
		case LOCKACQUIRE_NOT_AVAIL:
			return false;
		case LOCKACQUIRE_OK:
			joins++;
			break;
		default:
			break;
	}
	return true;
}

/* Be the one who serves the line of a resource. */
bool
booking_lock_line(int64 resource_id)
{
	start_counting();
	if (lines >= MANY_RESOURCES ||
		take(LOCK_LINE, (uint64) resource_id, ExclusiveLock, lines == 0) == LOCKACQUIRE_NOT_AVAIL)
		return false;
	lines++;
	return true;
}

/* For who has found nobody to serve. */
void
booking_unlock_line(int64 resource_id)
{
	LOCKTAG		tag;

	make_tag(&tag, LOCK_LINE, (uint64) resource_id);
	if (LockRelease(&tag, ExclusiveLock, false))
		lines--;
}

/* Nobody else counts or adds to this holder's bookings until our transaction ends. */
void
booking_lock_holder(text *holder)
{
	take(LOCK_HOLDER, hash_bytes_extended((unsigned char *) VARDATA_ANY(holder),
										  VARSIZE_ANY_EXHDR(holder), 0), ExclusiveLock, true);
}

static CommandId
this_command(void)
{
	return ActiveSnapshotSet() ? GetActiveSnapshot()->curcid : GetCurrentCommandId(false);
}

/*
 * Enter the gate of what is being counted, alone.  Without "wait", false when somebody
 * else is inside.
 */
bool
booking_gate_enter(uint64 key, bool wait)
{
	CommandId	command = this_command();

	/* The row before this one, of the same command, is stored by now. */
	for (int i = ngates - 1; i >= 0; i--)
		if (gates[i].command == command)
			drop_gate(i);

	if (ngates == MAX_GATES)
		drop_gate(0);

	if (take(LOCK_GATE, key, ExclusiveLock, wait) == LOCKACQUIRE_NOT_AVAIL)
		return false;

	gates[ngates++] = (Gate) {key, command, GetCurrentSubTransactionId()};
	return true;
}

/* Leave the gate entered last: nothing was written, or the row is in its index. */
void
booking_gate_leave(void)
{
	Assert(ngates > 0);
	drop_gate(ngates - 1);
}

/* Leave the gates of the command that is now at its AFTER triggers. */
void
booking_gate_leave_command(void)
{
	CommandId	command = this_command();

	for (int i = ngates - 1; i >= 0; i--)
		if (gates[i].command >= command)
			drop_gate(i);
}

static void
drop_gate(int i)
{
	LOCKTAG		tag;

	make_tag(&tag, LOCK_GATE, gates[i].key);
	LockRelease(&tag, ExclusiveLock, false);
	memmove(&gates[i], &gates[i + 1], (--ngates - i) * sizeof(Gate));
}

/* The lock manager has released everything, or is about to. */
static void
end_of_xact(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PREPARE:
			ngates = 0;
			break;
		case XACT_EVENT_PRE_PREPARE:
			while (ngates > 0)
				drop_gate(ngates - 1);
			break;
		default:
			break;
	}
}

static void
end_of_subxact(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	for (int i = ngates - 1; i >= 0; i--)
	{
		if (gates[i].subxact != mine)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			gates[i].subxact = parent;
		else if (event == SUBXACT_EVENT_ABORT_SUB)
			memmove(&gates[i], &gates[i + 1], (--ngates - i) * sizeof(Gate));
	}
}
