/*-------------------------------------------------------------------------
 *
 * sweep.c
 *		Marking holds that have lapsed, for callers that want that done early.
 *
 * It is not necessary: a lapsed hold takes no space, and a transaction that needs its space
 * marks it (lapse.c).  Sweeping serves the waitlist, and puts the lapse into the journal soon.
 *
 * Lapsed holds are found by the index of their expiry, oldest first, in batches.  A hold whose
 * ID lock or row another transaction has is left out; so is one that another sweeper has taken,
 * so that any number of sweepers share the work without waiting for one another.
 *
 * A sweep waits for no transaction, for it would hold what it has taken meanwhile.  A hold is
 * left for the next sweep if another transaction is changing the rules of its resource, has all
 * counters of its slot, or is joining or serving its line.  A batch is an attempt: an error that
 * only its statement finds costs the hold in question, and not the sweep.
 *
 * At SERIALIZABLE a hold is looked for without predicate locks, and judged again when its row is
 * locked.
 *
 * ID locks last until commit, and there is room for so many of them: for the others, the locks
 * of the written rows are enough (locks.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "base/attempt.h"
#include "base/cache.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/plans.h"
#include "engine/shards.h"
#include "rules/waitlist.h"

PG_FUNCTION_INFO_V1(booking_expire_holds);

#define BATCH	256

/* A hold that has lapsed. */
typedef struct Lapsed
{
	pg_uuid_t	id;
	TimestampTz expires_at;
	int64		resource_id;
	int64		slot_id;		/* 0: none */
	bool		marked;
} Lapsed;

typedef struct Sweep
{
	int64		most;
	TimestampTz now;
	int64		expired;		/* how many have been marked */

	/* The next that have lapsed, after the last that has been looked at */
	Lapsed	   *holds;
	int			found;
	Lapsed		last;
} Sweep;

/* Holds that are marked in one statement. */
typedef struct MarkTogether
{
	Lapsed	   *holds;
	int			n;
	TimestampTz now;
	int64		marked;
} MarkTogether;

static void sweep(void *arg);
static bool lock_tables(void);
static bool has_next(Sweep *task);
static bool find_next(void *arg);
static bool is_busy(const ErrorData *error);
static int	choose(Lapsed *holds, int n);
static int	compare_slots(const void *a, const void *b);
static int64 mark(Lapsed *holds, int n, TimestampTz now);
static bool mark_together(void *arg);
static void tell_of_left(const Lapsed *hold, const ErrorData *error);
static Datum make_array(Datum *ids, int n);

/*
 * expire_holds(max): how many it has marked.
 */
Datum
booking_expire_holds(PG_FUNCTION_ARGS)
{
	Sweep		task = {.now = GetCurrentTimestamp()};

	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("max");
	task.most = PG_GETARG_INT32(0);
	if (task.most <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max must be 1 or more"),
				 errdetail("It is %lld.", (long long) task.most)));
	booking_without_waiting(sweep, &task);
	PG_RETURN_INT64(task.expired);
}

static void
sweep(void *arg)
{
	Sweep	   *task = arg;
	Lapsed	   *holds = palloc_array(Lapsed, BATCH);

	if (!lock_tables())
		return;

	task->holds = holds;
	task->last = (Lapsed) {.expires_at = DT_NOBEGIN};
	while (task->expired < task->most && has_next(task))
	{
		int			n = choose(holds, task->found);

		CHECK_FOR_INTERRUPTS();
		if (n > 0)
			task->expired += mark(holds, n, task->now);
		for (int i = 0; i < n; i++)
		{
			if (holds[i].marked)
				booking_done_with_id(&holds[i].id);
			else
				booking_unlock_id(&holds[i].id);
		}
	}
	pfree(holds);
	booking_line_serve_lines();
}

/*
 * The tables that every hold needs.  False when another transaction has locked one of them, in
 * order to change the rules of all resources, or the table.
 */
static bool
lock_tables(void)
{
	static const char *const written[] = {"booking", "waitlist"};
	static const char *const read[] = {"resource", "seat", "slot", "closure", "opening_hours", "holder_limit"};

	for (int i = 0; i < (int) lengthof(written); i++)
		if (!ConditionalLockRelationOid(booking_table(written[i]), RowExclusiveLock))
			return false;
	for (int i = 0; i < (int) lengthof(read); i++)
		if (!ConditionalLockRelationOid(booking_table(read[i]), AccessShareLock))
			return false;
	return true;
}

/*
 * Find the next holds.  A policy may read a table that another transaction has locked, if only for
 * a moment, as autovacuum does: then the sweep ends there, too.
 */
static bool
has_next(Sweep *task)
{
	task->found = 0;
	(void) booking_attempted(find_next, task, is_busy);
	return task->found > 0;
}

/* What a policy has locked is given back at once. */
static bool
find_next(void *arg)
{
	Sweep	   *task = arg;
	Datum		values[4];

	SPI_connect();
	values[0] = TimestampTzGetDatum(task->now);
	values[1] = TimestampTzGetDatum(task->last.expires_at);
	values[2] = UUIDPGetDatum(&task->last.id);
	values[3] = Int64GetDatum(Min(BATCH, task->most - task->expired));
	task->found = (int) booking_run(STMT_LAPSED_HOLDS, values, NULL);
	for (int i = 0; i < task->found; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		Lapsed	   *hold = &task->holds[i];
		bool		isnull;
		Datum		slot_id;

		memset(hold, 0, sizeof(Lapsed));
		hold->id = *DatumGetUUIDP(SPI_getbinval(row, desc, 1, &isnull));
		hold->expires_at = DatumGetTimestampTz(SPI_getbinval(row, desc, 2, &isnull));
		hold->resource_id = DatumGetInt64(SPI_getbinval(row, desc, 3, &isnull));
		slot_id = SPI_getbinval(row, desc, 4, &isnull);
		hold->slot_id = isnull ? 0 : DatumGetInt64(slot_id);
	}
	if (task->found > 0)
		task->last = task->holds[task->found - 1];
	SPI_finish();
	return false;
}

static bool
is_busy(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
}

/*
 * Keep, at the beginning of the array, those whose RESOURCE and ID locks are free, in the order
 * of their slots.
 */
static int
choose(Lapsed *holds, int n)
{
	int			kept = 0;

	for (int i = 0; i < n; i++)
		if (booking_try_lock_resource(holds[i].resource_id) && booking_try_lock_id(&holds[i].id))
			holds[kept++] = holds[i];
	qsort(holds, kept, sizeof(Lapsed), compare_slots);
	return kept;
}

static int
compare_slots(const void *a, const void *b)
{
	const Lapsed *x = a;
	const Lapsed *y = b;

	if (x->slot_id != y->slot_id)
		return x->slot_id < y->slot_id ? -1 : 1;
	return memcmp(&x->id, &y->id, UUID_LEN);
}

/*
 * Mark the holds that can be marked.  If one of them causes an error, the others are found by
 * halves.
 */
static int64
mark(Lapsed *holds, int n, TimestampTz now)
{
	MarkTogether together = {.holds = holds, .n = n, .now = now};
	ErrorData  *error;
	bool		done;

	CHECK_FOR_INTERRUPTS();
	error = booking_attempt(mark_together, &together, &done);
	if (error == NULL)
		return together.marked;
	if (!booking_is_of_one_row(error))
		ReThrowError(error);
	for (int i = 0; i < n; i++)
		holds[i].marked = false;
	if (n == 1)
		tell_of_left(holds, error);
	FreeErrorData(error);
	return n == 1 ? 0 : mark(holds, n / 2, now) + mark(holds + n / 2, n - n / 2, now);
}

/* A lock that another transaction has is normal; anything else is a warning. */
static void
tell_of_left(const Lapsed *hold, const ErrorData *error)
{
	bool		busy = error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TRANSACTION_ROLLBACK;

	ereport(busy ? DEBUG1 : WARNING,
			(errmsg("the lapsed hold %s is left as it is: %s",
					DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&hold->id))),
					error->message)));
}

/*
 * Mark those whose rows no other transaction has locked, and to whose slots places can be given
 * back, in one statement.
 */
static bool
mark_together(void *arg)
{
	MarkTogether *together = arg;
	Lapsed	   *holds = together->holds;
	int			n = together->n;
	Datum		ids[BATCH];
	Datum		values[2];
	int64		slot_id = 0;
	bool		reachable = true;
	int			wanted = 0;

	SPI_connect();
	for (int i = 0; i < n; i++)
	{
		if (holds[i].slot_id != slot_id)
		{
			slot_id = holds[i].slot_id;
			reachable = slot_id == 0 || booking_shards_can_give(slot_id);
		}
		if (reachable)
			ids[wanted++] = UUIDPGetDatum(&holds[i].id);
	}

	values[0] = make_array(ids, wanted);
	values[1] = TimestampTzGetDatum(together->now);
	if (wanted > 0)
		wanted = (int) booking_run(STMT_TRY_LOCK_HOLDS, values, NULL);
	for (int i = 0; i < wanted; i++)
	{
		bool		isnull;

		ids[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
		for (int k = 0; k < n; k++)
			if (memcmp(&holds[k].id, DatumGetUUIDP(ids[i]), UUID_LEN) == 0)
				holds[k].marked = true;
	}
	values[0] = make_array(ids, wanted);
	if (wanted > 0)
		together->marked = (int64) booking_run(STMT_EXPIRE_HOLDS, values, NULL);
	SPI_finish();
	return together->marked > 0;
}

static Datum
make_array(Datum *ids, int n)
{
	return PointerGetDatum(construct_array(ids, n, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
}
