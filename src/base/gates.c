/*-------------------------------------------------------------------------
 *
 * gates.c
 *		Which transaction counts what is taken at this moment, and until when no other?
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
 * The command id of the active snapshot, which is the statement's own from its start to its
 * AFTER triggers, tells to which statement a gate belongs; a statement run from inside
 * another (a function in a CHECK constraint that books something) has a later one and leaves
 * the outer statement's gates alone.
 *
 * A gate has parts, so that only transactions that want the same time meet in it: 32 for large
 * pieces of time (three days) and 32 for small ones (an hour), each for every 32nd piece.
 * A short period takes the small pieces alone, and the large ones that they lie in together
 * with other short periods; a long one takes the large pieces alone.  Two periods that
 * overlap have a piece in common in which they keep each other out.  With one gate for all,
 * 64 clients that wanted different weeks of one pool, or different hours of one room, got
 * half as much done, or less.
 *
 * A row that is judged by several rules (guarded.c) enters all their gates at once, in
 * the order of the keys, and leaves them all before it waits for another transaction.
 *
 * A function that is about to store one row may enter its gate AHEAD of the statement, to look
 * there first, and the row's trigger takes the gate over.  Between the two it waits for no
 * transaction, and no code of other roles runs.
 *
 * A row that brings an id of its own has that ID lock beside its gates, from before it enters
 * them until after it has left them.  Inside the gate the row is put into the unique index of
 * ids, and would wait there for a transaction that is storing the same id.  The lock keeps
 * others from storing it once the id has been looked for (room_count.c).  It is held until the
 * row is in its indexes: the next transaction to get the lock finds the row in progress.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "port/pg_bitutils.h"
#include "utils/date.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/gates.h"
#include "base/lock_kinds.h"
#include "base/locks.h"
#include "base/period.h"
#include "base/transaction.h"

/* Gates held by commands that are nested in one another, at the very most. */
#define MAX_GATES		256

/* The command of a gate that is entered before there is one. */
#define AHEAD			InvalidCommandId

#define HALF_OF_PARTS	32
#define LARGE_PARTS		UINT64CONST(0x00000000FFFFFFFF)
#define SMALL_PARTS		UINT64CONST(0xFFFFFFFF00000000)
#define LARGE_PIECE		38		/* 2^38 microseconds: three days */
#define SMALL_PIECE		32		/* an hour and some */
#define FEW_PIECES		4

/*
 * A gate that many transactions want at once has parts: those that want different parts do
 * not meet.
 */
typedef struct Gate
{
	uint64		key;
	GateParts	parts;			/* that we are in, */
	bool		shared;			/* of them the large ones together with others */
	bool		of_id;			/* instead of parts an ID lock, and */
	bool		held;			/* we have it */
	Oid			nothing_in;		/* an index that has nothing in the way of the row in hand */
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

static bool enter_gates_of(CommandId command, const GateWanted *wanted, int n, bool wait);
static void drop_gates_of(CommandId command, bool id_too);
static Gate *add_gate(uint64 key, CommandId command);
static GateParts pieces(Period period, int width, uint64 most);
static LOCKMODE part_mode(const Gate *gate, int part);
static void drop_gate(int i);
static void end_of_row(void *arg);
static void leave_all_gates(void);
static void forget_gates(void);
static void undo_gates(SubTransactionId mine, SubTransactionId parent, bool abort);

const TransactionPart booking_gates_part = {.prepare = leave_all_gates, .undo = undo_gates, .forget = forget_gates};

/* The statement that a trigger runs for; one inside another has the higher number. */
CommandId
booking_this_command(void)
{
	return ActiveSnapshotSet() ? GetActiveSnapshot()->curcid : GetCurrentCommandId(false);
}

/*
 * Enter the gates that one row has to be in; the keys ascend.  Without "wait", false when
 * another transaction is in one of their parts.  In the order of the parts, so that two
 * transactions that want several of them do not deadlock.
 */
bool
booking_gates_enter(const GateWanted *wanted, int n, bool wait)
{
	return enter_gates_of(booking_this_command(), wanted, n, wait);
}

static bool
enter_gates_of(CommandId command, const GateWanted *wanted, int n, bool wait)
{
	/* Those of the row before this one, if nothing has told us that it is stored. */
	drop_gates_of(command, false);

	if (n > MAX_GATES)
		elog(ERROR, "one row is judged by more than %d rules", MAX_GATES);

	for (int i = 0; i < n; i++)
	{
		Gate	   *gate = add_gate(wanted[i].key, command);

		gate->shared = (wanted[i].parts & SMALL_PARTS) != 0;
		for (GateParts left = wanted[i].parts; left != 0; left &= left - 1)
		{
			int			part = pg_rightmost_one_pos64(left);

			if (booking_lock_take(LOCK_GATE + part, gate->key, part_mode(gate, part),
								  wait) == LOCKACQUIRE_NOT_AVAIL)
			{
				drop_gates_of(command, false);
				return false;
			}
			gate->parts |= UINT64CONST(1) << part;
		}
	}
	return true;
}

/*
 * Enter a gate before the statement that stores the row, if no other transaction is inside.
 * There is one such gate: the one before is left.
 */
bool
booking_gates_enter_ahead(const GateWanted *wanted)
{
	return enter_gates_of(AHEAD, wanted, 1, false);
}

/*
 * The trigger of that row is here: from now on it is the row's gate.  False if it is another
 * one, or none.
 */
bool
booking_gates_take_over(const GateWanted *wanted)
{
	CommandId	command = booking_this_command();

	for (int i = ngates - 1; i >= 0; i--)
		if (gates[i].command == AHEAD && gates[i].key == wanted->key && gates[i].parts == wanted->parts)
		{
			gates[i].command = command;
			return true;
		}
	return false;
}

/* Leave it, if no row has taken it over. */
void
booking_gates_leave_ahead(void)
{
	if (ngates > 0)
		drop_gates_of(AHEAD, false);
}

static Gate *
add_gate(uint64 key, CommandId command)
{
	if (ngates >= MAX_GATES)
		ereport(ERROR,
				(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				 errmsg("too many statements that book run inside one another"),
				 errhint("Look for a trigger or a function that books while something is being booked.")));
	gates[ngates] = (Gate) {.key = key, .command = command, .subxact = GetCurrentSubTransactionId()};
	return &gates[ngates++];
}

/* Lock the id that the row in hand brings, before there is a gate; to the end of the row. */
void
booking_gates_lock_id(const pg_uuid_t *id)
{
	Gate	   *gate = add_gate(booking_id_key(id), booking_this_command());

	gate->of_id = true;
	gate->held = booking_lock_take(LOCK_ID, gate->key, ExclusiveLock, true) != LOCKACQUIRE_NOT_AVAIL;
}

/* Leave all gates that the row in hand has entered: it has to wait, and keeps its id. */
void
booking_gates_leave(void)
{
	drop_gates_of(booking_this_command(), false);
}

/*
 * Nothing in this index is in the way of the row in hand, and nothing can be while we are in its
 * gate.
 */
void
booking_gates_found_nothing(Oid index_id)
{
	CommandId	command = booking_this_command();

	for (int i = ngates - 1; i >= 0; i--)
		if (gates[i].command == command && !gates[i].of_id)
			gates[i].nothing_in = index_id;
}

/* The index of which that is so now, or none. */
Oid
booking_gates_nothing_in(void)
{
	CommandId	command = booking_this_command();

	for (int i = ngates - 1; i >= 0; i--)
		if (gates[i].command == command && !gates[i].of_id)
			return gates[i].nothing_in;
	return InvalidOid;
}

/* The row in hand is in its indexes, or has to wait for its id. */
void
booking_gates_row_done(void)
{
	drop_gates_of(booking_this_command(), true);
}

/*
 * Leave the gates of the row in hand when the executor has finished with it, at the latest.
 * Called first of all in a row's BEFORE trigger: the current memory context is the
 * executor's for one row then, and is cleared after that row, stored or not.  Where an INSERT
 * turns out to be an UPDATE (ON CONFLICT), it is one row to the executor and two to us: those of
 * the first are left now, for the second may have to wait.
 */
void
booking_gates_leave_with_row(void)
{
	RowEnd	   *end = palloc(sizeof(RowEnd));

	end->callback.func = end_of_row;
	end->callback.arg = end;
	end->command = booking_this_command();
	drop_gates_of(end->command, true);
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &end->callback);
}

static void
end_of_row(void *arg)
{
	/* While a transaction is being rolled back, its locks go anyway. */
	if (ngates > 0 && IsTransactionState())
		drop_gates_of(((RowEnd *) arg)->command, true);
}

static void
drop_gates_of(CommandId command, bool id_too)
{
	for (int i = ngates - 1; i >= 0; i--)
		if (gates[i].command == command && (id_too || !gates[i].of_id))
			drop_gate(i);
}

/* The parts of a gate that a period needs. */
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

/*
 * The parts for two periods together: the large ones are shared with others only if both
 * periods share them.
 */
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
	for (GateParts left = gates[i].parts; left != 0; left &= left - 1)
	{
		int			part = pg_rightmost_one_pos64(left);

		booking_lock_release(LOCK_GATE + part, gates[i].key, part_mode(&gates[i], part));
	}
	if (gates[i].held)
		booking_lock_release(LOCK_ID, gates[i].key, ExclusiveLock);
	memmove(&gates[i], &gates[i + 1], (--ngates - i) * sizeof(Gate));
}

/* Leave every gate that we are in. */
static void
leave_all_gates(void)
{
	while (ngates > 0)
		drop_gate(ngates - 1);
}

/* The lock manager has released everything, or is about to. */
static void
forget_gates(void)
{
	ngates = 0;
}

/* At the end of a subtransaction; one that is rolled back has left its gates. */
static void
undo_gates(SubTransactionId mine, SubTransactionId parent, bool abort)
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
