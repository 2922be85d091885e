/*-------------------------------------------------------------------------
 *
 * archive.c
 *		Moving what is over out of the way, batch by batch.
 *
 * A batch is a transaction: some finished bookings and their events go from the live tables
 * into those of the archive, so that each of them is in one place also when a batch is
 * interrupted.  What a batch does is SQL (booking.archive_batch()); here is what SQL cannot do
 * in a function with a search_path of its own: to commit.
 *
 * No transaction is waited for: a booking that another transaction is changing stays for the
 * next run.  A transaction that wants a booking while it is moved waits for one batch, and finds
 * no such booking then.
 *
 * CALL archive_before() works for a part of the time only, and pauses after each batch with no
 * transaction open, so that others have the processors and the disk for the other part.  (At
 * full speed, 16 clients on two processors made half as many bookings as without it.)  The
 * worker does the same (tasks.c).
 *
 * A booking that is moved is not deleted, and the journal is not told so.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/plans.h"
#include "rules/journal.h"
#include "sql/archive.h"

PG_FUNCTION_INFO_V1(booking_archive_before);

#define LARGEST_BATCH	100000

/* booking.archive_share, in percent */
static int	archive_share = 25;

static void rest_after(TimestampTz begun);
static void lock_archive(const char *name);
static int64 run_step(Statement statement, Datum *values);

/* CALL booking.archive_before(moment, batch) */
Datum
booking_archive_before(PG_FUNCTION_ARGS)
{
	Datum		values[2];
	int64		run;
	bool		more;

	booking_must_write(fcinfo);
	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("booking.archive_before() cannot run inside a transaction block"),
				 errdetail("It commits batch by batch."),
				 errhint("CALL it by itself, outside of BEGIN and of functions.")));
	if (PG_ARGISNULL(0))
		booking_null_argument("moment");
	if (PG_ARGISNULL(1))
		booking_null_argument("batch");
	if (PG_GETARG_INT32(1) < 1 || PG_GETARG_INT32(1) > LARGEST_BATCH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("batch must be between 1 and %d", LARGEST_BATCH)));
	if (PG_GETARG_TIMESTAMPTZ(0) > GetCurrentTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("moment must not be in the future"),
				 errdetail("What is in force is not archived.")));

	values[0] = TimestampTzGetDatum(PG_GETARG_TIMESTAMPTZ(0));
	values[1] = Int32GetDatum(PG_GETARG_INT32(1));
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	run = run_step(STMT_ARCHIVE_BEGIN, values);
	SPI_commit();
	do
	{
		TimestampTz begun = GetCurrentTimestamp();

		CHECK_FOR_INTERRUPTS();
		more = booking_archive_step(run);
		SPI_commit();
		if (more)
			rest_after(begun);
	} while (more);
	SPI_finish();
	PG_RETURN_VOID();
}

void
booking_archive_init(void)
{
	DefineCustomIntVariable("booking.archive_share",
							"For how many percent of the time archive_before() works.",
							"It rests after every batch for the others. 100: it does not rest.",
							&archive_share, 25, 1, 100, PGC_USERSET, 0, NULL, NULL, NULL);
}

static void
rest_after(TimestampTz begun)
{
	TimestampTz until = GetCurrentTimestamp();
	long		rest;

	until += (until - begun) * (100 - archive_share) / archive_share;
	while ((rest = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until)) > 0)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, rest, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * One batch, with SPI connected.  False when there is nothing left to be done.
 *
 * Two batches go one after the other, and the lock comes before the first snapshot: above READ
 * COMMITTED the second would not see what the first has made and changed while it was waited for.
 */
bool
booking_archive_step(int64 run)
{
	Datum		id = Int64GetDatum(run);
	volatile bool more = false;

	lock_archive("booking_archive");
	lock_archive("event_archive");
	booking_journal_move(true);
	PG_TRY();
	{
		more = run_step(STMT_ARCHIVE_BATCH, &id) > 0;
	}
	PG_FINALLY();
	{
		booking_journal_move(false);
	}
	PG_END_TRY();
	return more;
}

static void
lock_archive(const char *name)
{
	Oid			relid = get_relname_relid(name, get_namespace_oid("booking", false));

	if (OidIsValid(relid))
		LockRelationOid(relid, ShareUpdateExclusiveLock);
}

static int64
run_step(Statement statement, Datum *values)
{
	bool		isnull;

	if (booking_run(statement, values, NULL) != 1)
		elog(ERROR, "a step of the archive has no result");
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}
