/*-------------------------------------------------------------------------
 *
 * life.c
 *		How is one booking changed, so that two changes of it do not meet?
 *
 * Every step does the same (booking_life_begin(), booking_life_change()):
 *
 *	1. the ID lock, so that of two steps of one booking the second sees what the first
 *	   has made of it, and of a step and a taker of lapsed space one comes first; above
 *	   READ COMMITTED also the row's lock, against plain UPDATEs.  One of very many in a
 *	   transaction makes do with the row's lock, where another transaction has the ID lock;
 *	2. the RESOURCE lock in shared mode;
 *	3. the booking as it is now, and then the clock: a transaction that began before
 *	   a hold lapsed does not confirm it afterwards;
 *	4. one UPDATE of exactly that version.  When it finds no row, another transaction has written
 *	   it without the ID lock (a plain UPDATE), and the step starts again at 3.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"

#include "base/attempt.h"
#include "base/cache.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/period.h"
#include "base/plans.h"
#include "engine/lapse.h"
#include "engine/request.h"
#include "engine/resource.h"
#include "engine/row.h"
#include "rules/life.h"

/* The rows of several bookings. */
typedef struct Rows
{
	const pg_uuid_t *const *ids;
	int			n;
	char	   *tries;			/* how often each could not be locked */
	const pg_uuid_t *busy;		/* the one that another transaction has */
} Rows;

/* So often a row may be locked by other transactions, each time that we try. */
#define MOST_TRIES	10

static bool read_life(Life *life);
static bool lock_rows_at_once(void *arg);
static void lock_and_begin(Life *life, Datum id);
static bool lock_or_have_row(Life *life);

/*
 * Lock a booking and read it.  The caller is connected to SPI.
 */
void
booking_life_begin(Life *life, Datum id)
{
	lock_and_begin(life, id);
	if (IsolationUsesXactSnapshot())
		booking_lock_life(id);
	booking_life_look_again(life);
}

/* The same for a booking that is to move.  The row of a hold is not locked. */
void
booking_life_begin_move(Life *life, Datum id)
{
	lock_and_begin(life, id);
	if (!IsolationUsesXactSnapshot())
	{
		booking_life_look_again(life);
		life->lapses = life->status == BOOKING_HELD;
		return;
	}
	life->lapses = booking_is_hold(id);
	if (!life->lapses)
		booking_lock_life(id);
	booking_life_look_again(life);
}

static void
lock_and_begin(Life *life, Datum id)
{
	memset(life, 0, sizeof(*life));
	life->id = id;
	if (!booking_many_ids() || !lock_or_have_row(life))
		booking_lock_id(DatumGetUUIDP(id));
}

/*
 * A transaction with very many bookings has the rows of those whose ID locks it has not taken
 * (booking_life_lock_rows()).  Another transaction that has one of these waits for the row, and
 * must not be waited for.
 */
static bool
lock_or_have_row(Life *life)
{
	if (booking_try_lock_id(DatumGetUUIDP(life->id)))
		return true;
	life->by_row = booking_run(STMT_TRY_LOCK_ROW, &life->id, NULL) > 0;
	return life->by_row;
}

/*
 * Lock the rows of several bookings that are going to be changed, for a caller that has their ID
 * locks and nothing else yet.  A plain UPDATE, which takes no ID lock, has the row of one of them
 * while it waits for another transaction, which may be ours as soon as we have changed another;
 * or have locked it, if it is a hold that has lapsed.  So we have all of these rows or none.
 */
void
booking_life_lock_rows(const pg_uuid_t *const *ids, int n)
{
	Rows		rows = {.ids = ids,.n = n};

	/* So that a change of the rules of all resources, which locks the table, waits for us. */
	LockRelationOid(booking_table("booking"), RowExclusiveLock);
	if (n == 1)
		return;
	rows.tries = palloc_extended(n, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	while (!booking_attempted(lock_rows_at_once, &rows, booking_is_late_update))
	{
		CHECK_FOR_INTERRUPTS();
		if (rows.busy)
		{
			Relation	heap = table_open(booking_table("booking"), AccessShareLock);

			booking_wait_for_row(heap, UUIDPGetDatum(rows.busy));
			table_close(heap, AccessShareLock);
		}
	}
	pfree(rows.tries);
}

/* False when another transaction has one of them, or has changed it: none is locked then. */
static bool
lock_rows_at_once(void *arg)
{
	Rows	   *rows = arg;

	rows->busy = NULL;
	SPI_connect();
	for (int i = 0; i < rows->n && rows->busy == NULL; i++)
	{
		Datum		id = UUIDPGetDatum(rows->ids[i]);

		/* One that is hidden from the caller, or may not be changed, is left alone in the end. */
		if (rows->tries[i] < MOST_TRIES && booking_run(STMT_TRY_LOCK_ROW, &id, NULL) == 0 &&
			booking_run(STMT_GET_BOOKING, &id, NULL) > 0)
		{
			rows->tries[i]++;
			rows->busy = rows->ids[i];
		}
	}
	SPI_finish();
	return rows->busy == NULL;
}

/*
 * Done with a booking.  A transaction that has taken many steps keeps only the row's own lock if
 * it has written it; another transaction that wants the booking meanwhile waits for that.
 */
void
booking_life_done(const Life *life)
{
	if (!life->by_row)
		booking_done_with_id(DatumGetUUIDP(life->id));
}

/* Says that there is none; also of one that row-level security hides from the caller. */
void
booking_no_such_booking(Datum id)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("booking %s does not exist",
					DatumGetCString(DirectFunctionCall1(uuid_out, id))),
			 errhint("The bookings are in booking.booking; those that are archived, in booking.all_bookings, cannot be changed.")));
}

/* Read the booking, lock its resource, and read the clock. */
static bool
read_life(Life *life)
{
	int64		resource_id;

	if (booking_run(STMT_GET_BOOKING, &life->id, NULL) == 0)
		return false;
	booking_row_read(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, &life->row);
	life->status = booking_row_status(&life->row);

	resource_id = DatumGetInt64(life->row.value[BOOKING_RESOURCE_ID]);
	if (life->resource == NULL || life->resource->id != resource_id)
		life->resource = booking_use_resource(resource_id);
	life->now = GetCurrentTimestamp();
	return true;
}

/* The same where there must be one. */
void
booking_life_look_again(Life *life)
{
	if (!read_life(life))
		booking_no_such_booking(life->id);
}

/*
 * Change the booking by a statement of the parameters id, version, and more.  Returns
 * true when it is done.  False when another transaction has changed the booking meanwhile: it
 * has been read again, and the caller has to look again.
 */
bool
booking_life_change(Life *life, Statement statement, Datum *values, const char *nulls,
					Datum *booking)
{
	Refusal		refusal;
	bool		changed = booking_life_try(life, &(BookingWrite)
										   {
											   .statement = statement,.values = values,.nulls = nulls,
											   .refusal = &refusal,.booking = booking
										   });

	if (!changed && refusal.message)
		booking_raise(&refusal);
	return changed;
}

/*
 * The same for a caller that has other things to try: a refusal is in its refusal, with a
 * message; and what it would have to wait for, if it must not, in its "busy".
 */
bool
booking_life_try(Life *life, const BookingWrite *write)
{
	BookingWrite change = *write;
	Datum	   *values = write->values;

	CHECK_FOR_INTERRUPTS();
	values[0] = life->id;
	values[1] = life->row.value[BOOKING_VERSION];
	change.booking = NULL;		/* the statement returns it */
	change.context = CurrentMemoryContext;
	if (booking_write(&change))
	{
		*write->booking = booking_row_datum();
		return true;
	}
	if (write->refusal->message || (write->busy && write->busy->busy))
		return false;

	life->tries++;
	if (!read_life(life) || (life->row.value[BOOKING_VERSION] == values[1] && life->tries > 3))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("booking %s cannot be changed",
						DatumGetCString(DirectFunctionCall1(uuid_out, life->id))),
				 errdetail("It was deleted, or a trigger keeps it from being stored.")));
	return false;
}

/* For steps that only a held or confirmed booking can take. */
void
booking_life_must_be_active(const Life *life)
{
	Refusal		refusal;

	if (booking_row_lapsed(&life->row, life->now))
	{
		booking_hold_lapsed(&life->row, &refusal);
		booking_raise(&refusal);
	}
	if (life->status == BOOKING_CANCELLED)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the booking is cancelled"),
				 errbooking(CONSTRAINT_STATUS, "It was cancelled at %s.",
						   booking_instant_text(DatumGetTimestampTz(life->row.value[BOOKING_UPDATED_AT]))),
				 errhint("Book again; the space may still be free.")));
}

Datum
booking_life_cancel(Datum id, Datum reason)
{
	Datum		values[3];
	Datum		booking;
	Life		life;

	SPI_connect();
	booking_life_begin(&life, id);
	for (;;)
	{
		if (life.row.active && booking_row_lapsed(&life.row, life.now))
		{
			values[0] = life.id;
			values[1] = TimestampTzGetDatum(life.now);
			booking_run(STMT_EXPIRE_BOOKING, values, NULL);
			if (booking_run(STMT_GET_BOOKING, values, NULL) == 0)
				booking_no_such_booking(life.id);
			booking = booking_row_datum();
			break;
		}
		if (!life.row.active)
		{
			booking = booking_row_datum();
			break;
		}
		values[2] = reason;
		if (booking_life_change(&life, STMT_CANCEL_BOOKING, values, reason ? NULL : "  n", &booking))
			break;
	}
	booking_life_done(&life);
	SPI_finish();
	return booking;
}
