/*-------------------------------------------------------------------------
 *
 * tasks.c
 *		What is there to do in the background?
 *
 *	sweeping	what expire_holds() does: lapsed holds are marked, and lines are served
 *	telling		with booking.notify = worker, one notification for each resource that
 *				events have been written of since the last tick
 *	archiving	with booking.archive_after, what CALL archive_before() does, in small batches
 *
 * Telling reads the journal as a reader does, up to the oldest transaction in progress, and
 * tells of what it has read.  So a listener that is notified finds the events there, which would
 * not be so for events that are committed, but cannot be read yet.  A worker does not know what
 * the one before it has sent: it begins with a notification that there may be something, of any
 * resource.
 *
 * Each task takes its share of the time at most, so that bookings are not delayed by long lines,
 * many holds or years of data.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/timestamp.h"

#include "base/plans.h"
#include "rules/notify.h"
#include "sql/archive.h"
#include "worker/worker.h"

/* So many holds are marked in a transaction, */
#define SWEEP_BATCH		1000

/* so many bookings are looked at, */
#define ARCHIVE_BATCH	1000

/* and up to here has been told (a position of the journal); -1: not known. */
static int64 told_up_to = -1;
static int64 telling_up_to = -1;

/* A run of the archive that is not done yet; 0: none. */
static int64 archive_run = 0;
static int64 archiving_run = 0;

static int64 tick(void);
static bool sweep_holds(void);
static bool tell_of_events(void);
static void tell_of_any(void);
static void tell_since(int64 before, int64 upto);
static void events_told(void);
static int64 until_next_run(void);
static bool archive_some(void);
static void archived_some(void);
static int64 one_number(Statement statement, Datum *values);

Task		booking_tasks[] = {
	{.doing = "marking lapsed holds and serving lines", .run = sweep_holds, .every = tick, .share = 10},
	{.doing = "sending notifications", .run = tell_of_events, .committed = events_told, .every = tick, .share = 1},
	{.doing = "archiving bookings that are over", .run = archive_some, .committed = archived_some,
	.every = until_next_run, .share = 2}
};
const int	booking_ntasks = lengthof(booking_tasks);

static int64
tick(void)
{
	return booking_worker_tick;
}

static bool
sweep_holds(void)
{
	Datum		most = Int32GetDatum(SWEEP_BATCH);

	return one_number(STMT_WORKER_SWEEP, &most) >= SWEEP_BATCH;
}

static bool
tell_of_events(void)
{
	telling_up_to = -1;
	if (booking_notify_mode() != NOTIFY_BY_WORKER)
		return false;
	telling_up_to = one_number(STMT_READABLE_POSITION, NULL);
	/* It goes back when the extension has been made anew. */
	if (told_up_to < 0 || telling_up_to < told_up_to)
		tell_of_any();
	else if (telling_up_to > told_up_to)
		tell_since(told_up_to, telling_up_to);
	return false;
}

static void
tell_of_any(void)
{
	SPI_connect();
	if (booking_run(STMT_LAST_EVENT, NULL, NULL) > 0)
	{
		bool		isnull;

		booking_notify_send(NULL, 0, DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)));
	}
	SPI_finish();
}

static void
tell_since(int64 before, int64 upto)
{
	Datum		values[] = {Int64GetDatum(before), Int64GetDatum(upto)};
	int64		of_any[2] = {PG_INT64_MAX, 0};
	uint64		n;

	SPI_connect();
	n = booking_run(STMT_EVENTS_TO_TELL, values, NULL);
	for (uint64 i = 0; i < n; i++)
	{
		int64		said[3];
		bool		isnull;

		for (int k = 0; k < (int) lengthof(said); k++)
			said[k] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, k + 1, &isnull));
		if (n <= MOST_NOTIFICATIONS)
			booking_notify_send(&said[0], said[1], said[2]);
		of_any[0] = Min(of_any[0], said[1]);
		of_any[1] = Max(of_any[1], said[2]);
	}
	if (n > MOST_NOTIFICATIONS)
		booking_notify_send(NULL, of_any[0], of_any[1]);
	SPI_finish();
}

static void
events_told(void)
{
	told_up_to = telling_up_to;
}

static int64
until_next_run(void)
{
	return INT64CONST(1000) * booking_archive_every;
}

/* The beginning of a run, or a batch of one. */
static bool
archive_some(void)
{
	bool		more = true;

	archiving_run = archive_run;
	if (archive_run == 0)
	{
		TimestampTz now = GetCurrentTimestamp();
		Datum		values[2];

		if (booking_archive_after < 0)
			return false;
		values[0] = TimestampTzGetDatum(now - booking_archive_after * INT64CONST(60) * USECS_PER_SEC);
		values[1] = Int32GetDatum(ARCHIVE_BATCH);
		archiving_run = one_number(STMT_WORKER_ARCHIVE, values);
		return true;
	}

	SPI_connect();
	more = booking_archive_step(archive_run);
	SPI_finish();
	if (!more)
		archiving_run = 0;
	return more;
}

static void
archived_some(void)
{
	archive_run = archiving_run;
}

static int64
one_number(Statement statement, Datum *values)
{
	int64		number = 0;

	SPI_connect();
	if (booking_run(statement, values, NULL) > 0)
	{
		bool		isnull;

		number = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	}
	SPI_finish();
	return number;
}
