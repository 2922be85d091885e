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
 *	HOLDERS		heap of holders	commit			all holders of a heap
 *	JOIN, LINE	resource id		commit			who waits for what is being freed
 *	CAPACITY	table			commit			capacities that a guard reads there
 *	PLACES		slot id			commit			one row of a slot's free places
 *	GATE		what is counted	row is indexed	counting, then inserting
 *
 * Taken in this order.  A GATE is never held while waiting for another transaction to
 * end, and so two single bookings cannot deadlock.  A slot has several rows of free
 * places, each with a PLACES lock of its own (places.c); who is inside the gate of a seat
 * takes one only if nobody has it.
 *
 * RESOURCE is taken in ShareLock by bookers, which therefore do not disturb one
 * another, and in ExclusiveLock by whoever changes the rules.
 *
 * A transaction may have a hundred thousand rows, as a restore has, and the lock table
 * room for a few thousand locks of everybody's.  So the locks of each kind are counted,
 * and once there are some (four times max_locks_per_transaction), more of them are not kept:
 *
 *	- ID and PLACES are given back as soon as what they protect is written: the row's own
 *	  lock lasts to the end of the transaction and takes no memory.  Who gets the
 *	  lock then finds the row being written, as after a plain UPDATE, which takes no
 *	  lock of ours at all (transitions.c, places.c; book.c for a row that is new).
 *	- HOLDER protects no row.  Holders belong to heaps, by their hash; whoever locks one
 *	  takes its heap (HOLDERS) in RowExclusiveLock first, and who has many takes whole heaps in
 *	  ExclusiveLock, if they are free.
 *	- A booker that has touched many resources takes RESOURCE 0 in RowExclusiveLock
 *	  once instead of one lock for each further resource.  Whoever changes rules takes
 *	  RESOURCE 0 in ShareLock, which conflicts with that and not with its like.
 *	- Whoever changes rules of all resources locks the table booking.booking against
 *	  writers.  Whoever holds a RESOURCE lock as a booker holds RowExclusiveLock on it, too, from
 *	  before to its commit; a booker would anyway, so that costs nothing.  Whoever changes rules of many
 *	  resources, one after the other, does so as soon as nobody is writing: to wait for
 *	  it with RESOURCE locks in hand may be a deadlock with a booker who waits for one, and
 *	  is left until there are very many.
 *	- JOIN and LINE are not taken any more.  A line that is not served for that reason is
 *	  served by the next who comes by, or by expire_holds().
 *	- There are only as many CAPACITY locks as such tables, and the gates of one row.
 *
 * A sweep waits for nobody (booking_without_waiting()): whatever it cannot have at once is an
 * error for it, or passed over where that is possible.
 *
 * After a RESOURCE lock, the transaction's invalidation messages are read: a changer's commit
 * sends them before it gives its locks back, hence a cached resource that survives is
 * the committed one (resource.c).
 *
 * A gate is entered in a row's BEFORE trigger and left once the row is in its indexes: in
 * the WHEN clause of an AFTER ROW trigger, which the executor evaluates as soon as it has
 * put the row there, before RETURNING, before the next row, and long before the AFTER
 * triggers run, which may be at the end of a statement that goes on for hours
 * (WITH b AS (INSERT ...) SELECT ...).  A row that has been judged and is then not stored
 * (ON CONFLICT) gets no WHEN clause.  Its gate is left when the executor clears the memory
 * of that row, which it does before it turns to anything else.  So a statement of a million
 * rows holds the gates of one row at a time.
 *
 * Whose gate it is, is told by the command id of the active snapshot, which is the
 * statement's own from its start to its AFTER triggers; a statement run from inside another
 * (a function in a CHECK constraint that books something) has a later one and leaves the
 * outer statement's gates alone.
 *
 * A gate has parts, so that only those meet in it who want the same time: 32 for large
 * pieces of time (three days) and 32 for small ones (an hour), each for every 32nd piece.
 * Who wants a short period takes the small pieces alone, and the large ones that they lie
 * in together with others of his like; who wants a long one takes the large pieces alone.
 * Two periods that overlap have a piece in common in which they keep each other out.
 * With one gate for all, 64 clients who wanted different weeks of one pool, or different
 * hours of one room, got half as much done, or less.
 *
 * A row that is judged by several rules (guarded.c) enters all their gates at once, in
 * the order of the keys, and leaves them all before it waits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/cache.h"
#include "base/compat.h"
#include "base/locks.h"
#include "base/period.h"
#include "base/transaction.h"
#include "rules/waitlist.h"

typedef enum LockKind
{
	LOCK_ID = 101,
	LOCK_RESOURCE,
	LOCK_HOLDER,
	LOCK_JOIN,
	LOCK_LINE,
	LOCK_CAPACITY,
	LOCK_HOLDERS,
	LOCK_GATE = 128,			/* and on, a number for each part: to 191 */
	LOCK_PLACES = 1000			/* and the number of the row */
} LockKind;

#define ALL_RESOURCES	0

/*
 * Locks of one kind that a transaction takes one by one, in units of
 * max_locks_per_transaction, by which the server's lock table is measured: about so many
 * before it does with fewer, and so many at most where it has to wait in order to.
 */
#define SOME_LOCKS	4
#define MANY_LOCKS	16

#define HEAPS_OF_HOLDERS	1024

/* Gates held by commands that are nested in one another, at the very most. */
#define MAX_GATES		256

#define HALF_OF_PARTS	32
#define LARGE_PARTS		UINT64CONST(0x00000000FFFFFFFF)
#define SMALL_PARTS		UINT64CONST(0xFFFFFFFF00000000)
#define LARGE_PIECE		38		/* 2^38 microseconds: three days */
#define SMALL_PIECE		32		/* an hour and some */
#define FEW_PIECES		4

/* A gate that many want at once has parts: who wants different ones does not meet. */
typedef struct Gate
{
	uint64		key;
	GateParts	parts;			/* that we are in, */
	bool		shared;			/* of them the large ones together with others */
	CommandId	command;
	SubTransactionId subxact;
} Gate;

/* A row whose gates are left when the executor has finished with it; lives in its memory. */
typedef struct RowEnd
{
	MemoryContextCallback callback;
	CommandId	command;
} RowEnd;

static Gate gates[MAX_GATES];
static int	ngates = 0;

/* Nothing is waited for: booking_without_waiting(). */
static bool hasty = false;

static void make_tag(LOCKTAG *tag, LockKind kind, uint64 key);
static int	some_locks(void);
static int *count_of(CountedLock kind);
static uint64 id_key(const pg_uuid_t *id);
static void drop_counted(LockKind kind, uint64 key, CountedLock counted);
static LockAcquireResult take_lock(LockKind kind, uint64 key, LOCKMODE mode, bool wait);
static bool lock_held(LockKind kind, uint64 key, LOCKMODE mode);
static bool share_resource(int64 resource_id, bool wait);
static void drop_gates_of(CommandId command);
static GateParts pieces(Period period, int width, uint64 most);
static LOCKMODE part_mode(const Gate *gate, int part);
static void drop_gate(int i);
static void end_of_row(void *arg);

static void
make_tag(LOCKTAG *tag, LockKind kind, uint64 key)
{
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, (uint32) (key >> 32), (uint32) key, kind);
}

/*
 * Whoever waits for nobody gets an error instead, which undoes an attempt (attempt.c).  Gates
 * are another matter: they are in use for a moment, and lock_timeout cuts that short.
 */
static LockAcquireResult
take_lock(LockKind kind, uint64 key, LOCKMODE mode, bool wait)
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

static bool
lock_held(LockKind kind, uint64 key, LOCKMODE mode)
{
	LOCKTAG		tag;

	make_tag(&tag, kind, key);
	return lock_held_by_me(&tag, mode);
}

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
 * Lock a resource's rules against change, as a booker.  On return the cached copy of
 * the resource is current, and stays so to the end of the transaction.  Who joins the line
 * or publishes a slot writes to another table than the one that is locked for all resources:
 * for a booker the first line does nothing.
 */
void
booking_lock_resource(int64 resource_id)
{
	LockRelationOid(booking_table("booking"), RowExclusiveLock);
	(void) share_resource(resource_id, true);
}

/* The same without waiting: false when somebody changes its rules, or is about to. */
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
		result = take_lock(LOCK_RESOURCE, (uint64) resource_id, ShareLock, wait);
		if (result == LOCKACQUIRE_OK)
			++*count_of(COUNT_RESOURCE);
	}
	else if (!lock_held(LOCK_RESOURCE, ALL_RESOURCES, RowExclusiveLock))
		result = take_lock(LOCK_RESOURCE, ALL_RESOURCES, RowExclusiveLock, wait);

	AcceptInvalidationMessages();
	return result != LOCKACQUIRE_NOT_AVAIL;
}

/* Are we changing the rules of this resource, so that nobody else books or waits? */
bool
booking_holds_rules(int64 resource_id)
{
	LOCKTAG		tag;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, booking_table("booking"));
	return lock_held(LOCK_RESOURCE, (uint64) resource_id, ExclusiveLock) ||
		lock_held_by_me(&tag, ShareRowExclusiveLock);
}

/*
 * Lock a resource's rules in order to change them: waits until every transaction that
 * has booked under the old ones has ended, and lets nobody book until this one has.
 */
void
booking_lock_rules(int64 resource_id)
{
	int			n = *count_of(COUNT_RULES);

	if (n >= some_locks() &&
		ConditionalLockRelationOid(booking_table("booking"), ShareRowExclusiveLock))
		return;
	if (n >= MANY_LOCKS * max_locks_per_xact)
	{
		booking_lock_all_rules();
		return;
	}
	take_lock(LOCK_RESOURCE, ALL_RESOURCES, ShareLock, true);
	if (take_lock(LOCK_RESOURCE, (uint64) resource_id, ExclusiveLock, true) == LOCKACQUIRE_OK)
		++*count_of(COUNT_RULES);
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
	if (take_lock(LOCK_ID, id_key(id), ExclusiveLock, true) == LOCKACQUIRE_OK)
		++*count_of(COUNT_ID);
}

/* The same without waiting: false when somebody else is at it. */
bool
booking_try_lock_id(const pg_uuid_t *id)
{
	LockAcquireResult result = take_lock(LOCK_ID, id_key(id), ExclusiveLock, false);

	if (result == LOCKACQUIRE_OK)
		++*count_of(COUNT_ID);
	return result != LOCKACQUIRE_NOT_AVAIL;
}

/* For who has written nothing under the lock. */
void
booking_unlock_id(const pg_uuid_t *id)
{
	drop_counted(LOCK_ID, id_key(id), COUNT_ID);
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

static uint64
id_key(const pg_uuid_t *id)
{
	return hash_bytes_extended(id->data, UUID_LEN, 0);
}

/* Give back a lock that is counted, as often as it has been taken. */
static void
drop_counted(LockKind kind, uint64 key, CountedLock counted)
{
	LOCKTAG		tag;

	make_tag(&tag, kind, key);
	if (LockRelease(&tag, ExclusiveLock, false) && !lock_held_by_me(&tag, ExclusiveLock))
		--*count_of(counted);
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
	bool		wait = *count_of(COUNT_LINE) == 0 && !hasty &&
		!(exclusive && lock_held(LOCK_JOIN, (uint64) resource_id, ShareLock));

	if (*count_of(COUNT_JOIN) >= some_locks())
		return false;
	switch (take_lock(LOCK_JOIN, (uint64) resource_id, mode, wait))
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

/* Be the one who serves the line of a resource, if need be and possible after waiting. */
bool
booking_lock_line(int64 resource_id, bool wait)
{
	LockAcquireResult result;

	if (*count_of(COUNT_LINE) >= some_locks())
		return false;
	result = take_lock(LOCK_LINE, (uint64) resource_id, ExclusiveLock,
					   wait && !hasty && *count_of(COUNT_LINE) == 0);
	if (result == LOCKACQUIRE_OK)
		++*count_of(COUNT_LINE);
	return result != LOCKACQUIRE_NOT_AVAIL;
}

/* For who has found nobody to serve. */
void
booking_unlock_line(int64 resource_id)
{
	drop_counted(LOCK_LINE, (uint64) resource_id, COUNT_LINE);
}

/*
 * Nobody else counts or adds to this holder's bookings until our transaction ends.
 *
 * Holders stand in heaps, by their hash.  Whoever locks one takes its heap in a mode that
 * its like does not disturb.  A transaction with many holders takes heaps alone, as they
 * are free: it never waits for one, so that nobody waits for it who would not have to.
 */
void
booking_lock_holder(text *holder)
{
	bool		wait = !booking_line_serving();
	uint64		key = hash_bytes_extended((unsigned char *) VARDATA_ANY(holder),
										  VARSIZE_ANY_EXHDR(holder), 0);
	uint64		heap = key % HEAPS_OF_HOLDERS;
	LockAcquireResult result;

	if (*count_of(COUNT_HOLDER) >= some_locks() &&
		take_lock(LOCK_HOLDERS, heap, ExclusiveLock, false) != LOCKACQUIRE_NOT_AVAIL)
		return;

	if (take_lock(LOCK_HOLDERS, heap, RowExclusiveLock, wait) != LOCKACQUIRE_NOT_AVAIL &&
		(result = take_lock(LOCK_HOLDER, key, ExclusiveLock, wait)) != LOCKACQUIRE_NOT_AVAIL)
	{
		if (result == LOCKACQUIRE_OK)
			++*count_of(COUNT_HOLDER);
		return;
	}

	/* It is booking something at this moment; its turn in line comes another time. */
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("the holder is booking something else")));
}

bool
booking_holds_line(int64 resource_id)
{
	return lock_held(LOCK_LINE, (uint64) resource_id, ExclusiveLock);
}

/*
 * Lock the table that capacities are read from against changes of them, or in order to
 * change one.
 */
void
booking_lock_capacity(Oid relid, bool change)
{
	take_lock(LOCK_CAPACITY, relid, change ? ExclusiveLock : ShareLock, true);
	AcceptInvalidationMessages();
}

/*
 * Lock one row of a slot's free places.  Without "wait", false when somebody else has
 * it.  The lock stays until the transaction ends, unless it turns out not to be needed.
 */
bool
booking_lock_places(int64 slot_id, int shard, bool wait)
{
	LockAcquireResult result = take_lock(LOCK_PLACES + shard, (uint64) slot_id, ExclusiveLock, wait);

	if (result == LOCKACQUIRE_OK)
		++*count_of(COUNT_PLACES);
	return result != LOCKACQUIRE_NOT_AVAIL;
}

/*
 * For who has written nothing under the lock, since it was taken the last time; or who has
 * got on without it, because the row was its own already.
 */
void
booking_unlock_places(int64 slot_id, int shard)
{
	if (lock_held(LOCK_PLACES + shard, (uint64) slot_id, ExclusiveLock))
		drop_counted(LOCK_PLACES + shard, (uint64) slot_id, COUNT_PLACES);
}

/* Is it time to leave locks to the rows that have been written under them? */
bool
booking_many_places(void)
{
	return *count_of(COUNT_PLACES) > some_locks();
}

/* The statement that a trigger runs for; one inside another has the higher number. */
CommandId
booking_this_command(void)
{
	return ActiveSnapshotSet() ? GetActiveSnapshot()->curcid : GetCurrentCommandId(false);
}

/*
 * Enter the gates that one row has to be in; the keys ascend.  Without "wait", false when
 * somebody else is in one of their parts.  In the order of the parts, so that two who want
 * several do not wait for each other.
 */
bool
booking_gates_enter(const GateWanted *wanted, int n, bool wait)
{
	CommandId	command = booking_this_command();

	/* Those of the row before this one, if nobody has told us that it is stored. */
	drop_gates_of(command);

	if (n > MAX_GATES)
		elog(ERROR, "one row is judged by more than %d rules", MAX_GATES);
	if (ngates + n > MAX_GATES)
		ereport(ERROR,
				(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				 errmsg("too many statements that book run inside one another"),
				 errhint("Look for a trigger or a function that books while something is being booked.")));

	for (int i = 0; i < n; i++)
	{
		Gate	   *gate = &gates[ngates++];

		*gate = (Gate) {.key = wanted[i].key, .shared = (wanted[i].parts & SMALL_PARTS) != 0,
			.command = command, .subxact = GetCurrentSubTransactionId()};
		for (GateParts left = wanted[i].parts; left != 0; left &= left - 1)
		{
			int			part = pg_rightmost_one_pos64(left);

			if (take_lock(LOCK_GATE + part, gate->key, part_mode(gate, part), wait) == LOCKACQUIRE_NOT_AVAIL)
			{
				drop_gates_of(command);
				return false;
			}
			gate->parts |= UINT64CONST(1) << part;
		}
	}
	return true;
}

/* Leave all gates that the row in hand has entered. */
void
booking_gates_leave(void)
{
	drop_gates_of(booking_this_command());
}

/*
 * Leave the gates of the row in hand when the executor has finished with it, at the latest.
 * Called first of all in a row's BEFORE trigger: the current memory context is the
 * executor's for one row then, and is cleared after that row, stored or not.
 */
void
booking_gates_leave_with_row(void)
{
	RowEnd	   *end = palloc(sizeof(RowEnd));

	end->callback.func = end_of_row;
	end->callback.arg = end;
	end->command = booking_this_command();
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &end->callback);
}

static void
end_of_row(void *arg)
{
	/* While a transaction is being rolled back, its locks go anyway. */
	if (ngates > 0 && IsTransactionState())
		drop_gates_of(((RowEnd *) arg)->command);
}

static void
drop_gates_of(CommandId command)
{
	for (int i = ngates - 1; i >= 0; i--)
		if (gates[i].command == command)
			drop_gate(i);
}

/* The parts of a gate that a period has to do with. */
GateParts
booking_gate_parts(Period period)
{
	GateParts	large;
	GateParts	small;

	if (period.to == DT_NOEND)
		return LARGE_PARTS;
	large = pieces(period, LARGE_PIECE, HALF_OF_PARTS);
	small = pieces(period, SMALL_PIECE, FEW_PIECES);
	return (large ? large : LARGE_PARTS) | (small << HALF_OF_PARTS);
}

/* A bit for each piece of 2^width microseconds that the period touches; 0: too many. */
static GateParts
pieces(Period period, int width, uint64 most)
{
	uint64		first = (uint64) (period.from - MIN_TIMESTAMP) >> width;
	uint64		last = (uint64) (period.to - MIN_TIMESTAMP) >> width;
	GateParts	bits = 0;

	if (last - first >= most)
		return 0;
	for (uint64 piece = first; piece <= last; piece++)
		bits |= UINT64CONST(1) << (piece % HALF_OF_PARTS);
	return bits;
}

/* For who wants both: together with others only where both do. */
GateParts
booking_gate_both(GateParts a, GateParts b)
{
	GateParts	both = a | b;

	return (a & SMALL_PARTS) && (b & SMALL_PARTS) ? both : both & LARGE_PARTS;
}

/* The same for a range of any type; other things than time are not divided. */
GateParts
booking_gate_parts_of(RangeType *range)
{
	TypeCacheEntry *type = booking_range_type(RangeTypeGetOid(range));
	RangeBound	lower,
				upper;
	bool		empty;
	Period		period;

	range_deserialize(type, range, &lower, &upper, &empty);
	switch (type->rngelemtype->type_id)
	{
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			period.from = DatumGetTimestampTz(lower.val);
			period.to = DatumGetTimestampTz(upper.val);
			break;
		case DATEOID:
			/* Dates reach further than timestamps. */
			if (lower.infinite || upper.infinite || DATE_NOT_FINITE(DatumGetDateADT(lower.val)) ||
				DatumGetDateADT(upper.val) >= TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE)
				return LARGE_PARTS;
			period.from = DatumGetDateADT(lower.val) * USECS_PER_DAY;
			period.to = DatumGetDateADT(upper.val) * USECS_PER_DAY;
			break;
		default:
			return GATE_UNDIVIDED;
	}
	if (empty || lower.infinite || upper.infinite ||
		!IS_VALID_TIMESTAMP(period.from) || !IS_VALID_TIMESTAMP(period.to))
		return LARGE_PARTS;
	return booking_gate_parts(period);
}

/* Small pieces are taken alone, and large ones if there are no small ones. */
static LOCKMODE
part_mode(const Gate *gate, int part)
{
	return gate->shared && part < HALF_OF_PARTS ? RowExclusiveLock : ExclusiveLock;
}

static void
drop_gate(int i)
{
	LOCKTAG		tag;

	for (GateParts left = gates[i].parts; left != 0; left &= left - 1)
	{
		int			part = pg_rightmost_one_pos64(left);

		make_tag(&tag, LOCK_GATE + part, gates[i].key);
		LockRelease(&tag, part_mode(&gates[i], part), false);
	}
	memmove(&gates[i], &gates[i + 1], (--ngates - i) * sizeof(Gate));
}

/* Leave every gate that we are in. */
void
booking_gates_leave_all(void)
{
	while (ngates > 0)
		drop_gate(ngates - 1);
}

/* The lock manager has released everything, or is about to. */
void
booking_gates_forget(void)
{
	ngates = 0;
}

/* At the end of a subtransaction; one that is rolled back has left its gates. */
void
booking_gates_undo(SubTransactionId mine, SubTransactionId parent, bool abort)
{
	for (int i = ngates - 1; i >= 0; i--)
	{
		if (gates[i].subxact != mine)
			continue;
		gates[i].subxact = parent;
		if (abort)
			memmove(&gates[i], &gates[i + 1], (--ngates - i) * sizeof(Gate));
	}
}
