/*-------------------------------------------------------------------------
 *
 * closure.c
 *		Never while closed: how do bookings and closures keep out of each other's way?
 *
 * The rule is about what is stored: the period of an active booking overlaps no closure
 * of its resource, or of all.  (The period, not what it occupies: to clean up after the
 * last booking, a resource need not be open.)  Both sides keep it:
 *
 *	- A booking's row trigger holds the RESOURCE lock in shared mode, and so knows every
 *	  closure that has been committed (resource.c); none is added before it has committed
 *	  itself.
 *	- A closure's BEFORE trigger takes the lock exclusively (for all resources at once,
 *	  locks the table of bookings; see locks.c), and its AFTER trigger looks for bookings
 *	  in the way: by then they have all been committed.  It is an AFTER trigger so that
 *	  it also sees what its own statement has booked.
 *
 * close_period() with "force" cancels what is in the way.  A transaction that changes a booking
 * has its ID lock, or at least its row, and then wants the RESOURCE lock.  We need all of them,
 * and must not hold one while waiting for another.  So RESOURCE comes first, and then each
 * booking without waiting.  If another transaction has a booking, everything is given back, by
 * rolling back a subtransaction; then we wait for that transaction with nothing held, and start
 * again.  With a transaction of several steps there may still be a deadlock: it undoes the
 * attempt then, and not the closure.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/rls.h"

#include "base/attempt.h"
#include "base/cache.h"
#include "base/columns.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/period.h"
#include "base/plans.h"
#include "base/returned.h"
#include "base/trigger.h"
#include "engine/open.h"
#include "engine/request.h"
#include "engine/resource.h"
#include "engine/row.h"
#include "engine/visible.h"
#include "rules/closure.h"
#include "rules/life.h"
#include "rules/rules.h"
#include "rules/waitlist.h"

PG_FUNCTION_INFO_V1(booking_closure_after);
PG_FUNCTION_INFO_V1(booking_close_period_named);
PG_FUNCTION_INFO_V1(booking_close_period);

/* What close_period() is asked for. */
typedef struct Closing
{
	char	   *name;			/* of the resource, or NULL when it is given by its id */
	int64		resource_id;
	bool		all;			/* every resource */
	RangeType  *range;
	Datum		reason;
	bool		has_reason;
} Closing;

/* A booking that another transaction has: its ID lock, or its row. */
typedef struct Busy
{
	enum
	{
		BUSY_WITH_NOTHING, BUSY_WITH_LIFE, BUSY_WITH_ROW
	}			with;
	pg_uuid_t	id;
	int			deadlocks;		/* that have undone an attempt, */
	int			late;			/* and late updates */
	pg_uuid_t	last;			/* the row that could not be locked, */
	int			tries;			/* and how often */
} Busy;

/* An attempt to close. */
typedef struct ClosingTry
{
	Closing    *request;
	Busy	   *busy;
} ClosingTry;

/* More than that: another transaction waits for our transaction, and not for the attempt. */
#define MOST_DEADLOCKS	3
/* So often a row may be locked by other transactions, each time that we try. */
#define MOST_TRIES	10

static bool refuse_closed(const Resource *resource, const BookingRow *row, const Closure *closure);
static Datum close_period(FunctionCallInfo fcinfo, bool by_name);
static void clear_the_way(Closing *request);
static bool try_to_clear_closure(Closing *request, Busy *busy);
static bool lock_and_cancel(void *arg);
static bool cancel_all(Closing *request, Busy *busy);
static void check_not_hidden(const Closing *request, Busy *busy);
static void cancel(Datum id, const Closing *request);
static void lock_rules(Closing *request);
static Datum insert_closure(const Closing *request);

/*
 * May the row be stored, as far as closures go?  False when not and a function of ours is
 * to say so; otherwise that is an error.
 */
bool
booking_not_closed(const Resource *resource, const BookingRow *row, const BookingRow *old)
{
	Closure		closure;

	if (resource->nclosures == 0 || !booking_row_in_force(row) || booking_row_stays(row, old))
		return true;
	return !booking_find_closure(resource, row->period, &closure) || refuse_closed(resource, row, &closure);
}

static bool
refuse_closed(const Resource *resource, const BookingRow *row, const Closure *closure)
{
	Refusal		refusal = {.sqlstate = ERRCODE_EXCLUSION_VIOLATION,.constraint = CONSTRAINT_CLOSED};
	Period		wanted = row->period;
	TimestampTz next;

	if (!booking_row_wants_reason(row))
		return booking_row_refuse(row, NULL);

	refusal.message = psprintf("resource \"%s\" is closed in that period", resource->name);
	refusal.detail = psprintf("Wanted %s; it is closed in %s%s%s.",
							  booking_period_text(booking_make_range(wanted)),
							  booking_period_text(booking_make_range(closure->period)),
							  closure->reason ? ": " : "", closure->reason ? closure->reason : "");
	if (wanted.to == DT_NOEND)
	{
		if (closure->period.from > wanted.from)
			refusal.hint = psprintf("It is open until %s.", booking_instant_text(closure->period.from));
		else
			refusal.hint = pstrdup("Give the period an end, or another beginning.");
	}
	else
	{
		next = booking_next_open(resource, wanted.from, booking_length(wanted));
		if (next == DT_NOEND)
			refusal.hint = pstrdup("It does not open again for that long; try a shorter period.");
		else
			refusal.hint = psprintf("It is open again for that long from %s.", booking_instant_text(next));
	}
	return booking_row_refuse(row, &refusal);
}

/* AFTER INSERT OR UPDATE ON booking.closure, for each row. */
Datum
booking_closure_after(PG_FUNCTION_ARGS)
{
	static TriggerUse use = {
		.timing = TRIGGER_TYPE_AFTER, .levels = LEVEL_ROW,
		.events = ON_INSERT | ON_UPDATE, .tables = "closure"
	};
	TriggerData *trigger = booking_check_trigger(fcinfo, &use);
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	HeapTuple	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	Datum		values[2];
	bool		all;
	bool		isnull;
	char	   *list;

	values[0] = heap_getattr(row, booking_column_named(desc, "resource_id", INT8OID), desc, &all);
	values[1] = heap_getattr(row, booking_column_named(desc, "period", TSTZRANGEOID), desc, &isnull);

	SPI_connect();
	if (booking_in_the_way(all ? STMT_ACTIVE_BOOKINGS_OF_ALL_IN : STMT_ACTIVE_BOOKINGS_IN,
						   values, all ? "n " : NULL, &list) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_EXCLUSION_VIOLATION),
				 errmsg("there are active bookings in %s",
						booking_period_text(DatumGetRangeTypeP(values[1]))),
				 errbooking(CONSTRAINT_CLOSED, "%s", list),
				 errhint("Move or cancel them first; close_period(..., force => true) cancels them.")));
	SPI_finish();
	return PointerGetDatum(NULL);
}

Datum
booking_close_period_named(PG_FUNCTION_ARGS)
{
	return booking_returned(fcinfo, close_period(fcinfo, true));
}

Datum
booking_close_period(PG_FUNCTION_ARGS)
{
	return booking_returned(fcinfo, close_period(fcinfo, false));
}

static Datum
close_period(FunctionCallInfo fcinfo, bool by_name)
{
	Closing		request = {0};
	Period		period;
	Datum		closure;

	booking_must_write(fcinfo);
	if (PG_ARGISNULL(1))
		booking_null_argument("period");
	if (PG_ARGISNULL(3))
		booking_null_argument("force");
	if (by_name && PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("resource must not be null"),
				 errhint("To close every resource, pass NULL::bigint.")));

	if (by_name)
		request.name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	else if (PG_ARGISNULL(0))
		request.all = true;
	else
		request.resource_id = PG_GETARG_INT64(0);
	request.range = PG_GETARG_RANGE_P(1);
	booking_check_period(request.range, &period);
	request.has_reason = !PG_ARGISNULL(2);
	if (request.has_reason)
		request.reason = PG_GETARG_DATUM(2);

	if (!PG_GETARG_BOOL(3))
	{
		lock_rules(&request);
		PG_RETURN_DATUM(insert_closure(&request));
	}

	if (request.all && check_enable_rls(booking_table("booking"), InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("row-level security keeps bookings from you, and to close everything by force you have to see all"),
				 errhint("Close one resource, or call it as a role that row-level security does not concern.")));

	/* What is freed is offered to the line once the closure is there. */
	booking_line_defer(true);
	PG_TRY();
	{
		clear_the_way(&request);
		closure = insert_closure(&request);
	}
	PG_FINALLY();
	{
		booking_line_defer(false);
	}
	PG_END_TRY();
	booking_line_serve_deferred();
	PG_RETURN_DATUM(closure);
}

/*
 * No other transaction books from here to the end of ours.  The name may have moved to
 * another resource until the lock is granted.
 */
static void
lock_rules(Closing *request)
{
	if (request->all)
	{
		booking_lock_all_rules();
		return;
	}

	/* As bookers do, the table first: one that closes everything holds it, and wants RESOURCE. */
	LockRelationOid(booking_table("booking"), RowExclusiveLock);
	for (;;)
	{
		if (request->name)
			request->resource_id = booking_resource_id_named(request->name);
		booking_lock_rules(request->resource_id);
		if (request->name == NULL ||
			strcmp(booking_use_resource(request->resource_id)->name, request->name) == 0)
			break;
	}
	(void) booking_use_resource(request->resource_id);
	if (request->name)
		booking_must_see_named(request->resource_id, request->name);
	else
		booking_must_see(request->resource_id);
}

/* Lock the rules, and cancel every active booking that overlaps the period. */
static void
clear_the_way(Closing *request)
{
	Busy		busy = {.with = BUSY_WITH_NOTHING};

	while (!try_to_clear_closure(request, &busy))
	{
		CHECK_FOR_INTERRUPTS();
		if (busy.with == BUSY_WITH_ROW)
		{
			/* A lock that conflicts with a closure of all resources would be held while we wait. */
			Relation	heap = table_open(booking_table("booking"), AccessShareLock);

			booking_wait_for_row(heap, UUIDPGetDatum(&busy.id));
			table_close(heap, AccessShareLock);
		}
	}
}

/*
 * In an attempt of its own: when another transaction has one of the bookings, all locks are
 * given back, and false returned.  The next attempt begins with waiting for that booking's ID
 * lock, which it then keeps.
 */
static bool
try_to_clear_closure(Closing *request, Busy *busy)
{
	ClosingTry	try = {request, busy};
	bool		done;
	ErrorData  *error = booking_attempt(lock_and_cancel, &try, &done);

	if (error)
	{
		/* Once we hold nothing, the others go on, if they were waiting for this attempt. */
		if (error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED && ++busy->deadlocks <= MOST_DEADLOCKS)
			FreeErrorData(error);
		else
			booking_forgive_late_update(error, &busy->late);
		busy->with = BUSY_WITH_NOTHING;
	}
	return done;
}

static bool
lock_and_cancel(void *arg)
{
	ClosingTry *try = arg;

	/* A transaction that has an ID lock has the table: a closure of all resources waits for that one. */
	if (try->busy->with == BUSY_WITH_LIFE && !try->request->all)
		booking_lock_id(&try->busy->id);
	lock_rules(try->request);
	return cancel_all(try->request, try->busy);
}

static bool
cancel_all(Closing *request, Busy *busy)
{
	Datum		values[3];
	SPITupleTable *found;
	uint64		n;

	values[0] = Int64GetDatum(request->resource_id);
	values[1] = RangeTypePGetDatum(request->range);

	SPI_connect();
	n = booking_run(request->all ? STMT_IDS_OF_ALL_ACTIVE_BOOKINGS_IN : STMT_IDS_OF_ACTIVE_BOOKINGS_IN,
					values, request->all ? "n " : NULL);
	found = SPI_tuptable;
	busy->with = BUSY_WITH_NOTHING;
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		Datum		id = SPI_getbinval(found->vals[i], found->tupdesc, 1, &isnull);

		CHECK_FOR_INTERRUPTS();
		busy->id = *DatumGetUUIDP(id);
		if (!booking_try_lock_id(&busy->id))
			busy->with = BUSY_WITH_LIFE;
		else if (booking_run(STMT_TRY_LOCK_ROW, &id, NULL) == 0)
		{
			busy->with = BUSY_WITH_ROW;
			check_not_hidden(request, busy);
		}
		if (busy->with != BUSY_WITH_NOTHING)
			break;
		cancel(id, request);
		booking_done_with_id(&busy->id);
	}
	SPI_finish();
	return busy->with == BUSY_WITH_NOTHING;
}

/*
 * A row that cannot be locked is locked by another transaction at the moment, or hidden from the
 * caller by row-level security.  It is hidden if it still cannot be locked after we have waited
 * for the transactions that had it.
 */
static void
check_not_hidden(const Closing *request, Busy *busy)
{
	if (memcmp(&busy->last, &busy->id, sizeof(pg_uuid_t)) != 0)
	{
		busy->last = busy->id;
		busy->tries = 0;
	}
	if (++busy->tries > MOST_TRIES && check_enable_rls(booking_table("booking"), InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("there are active bookings in %s that row-level security does not let you cancel",
						booking_period_text(request->range)),
				 errhint("A role that sees all of them can close the period.")));
}

/* Cancel one booking, if it is still in force. */
static void
cancel(Datum id, const Closing *request)
{
	Datum		values[3];
	Datum		booking;
	Life		life;

	booking_life_begin(&life, id);
	values[2] = request->reason;
	while (booking_row_in_force(&life.row) &&
		   !booking_life_change(&life, STMT_CANCEL_BOOKING, values,
								request->has_reason ? NULL : "  n", &booking))
		;
	booking_life_done(&life);
}

static Datum
insert_closure(const Closing *request)
{
	Datum		values[3];
	char		nulls[4] = "   ";
	Datum		closure;

	SPI_connect();
	values[0] = Int64GetDatum(request->resource_id);
	nulls[0] = request->all ? 'n' : ' ';
	values[1] = RangeTypePGetDatum(request->range);
	values[2] = request->reason;
	nulls[2] = request->has_reason ? ' ' : 'n';
	if (booking_run(STMT_INSERT_CLOSURE, values, nulls) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the closure was not stored"),
				 errdetail("A trigger on booking.closure has suppressed it.")));

	closure = booking_row_datum_of("closure");
	SPI_finish();
	return closure;
}
