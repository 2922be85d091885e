/*-------------------------------------------------------------------------
 *
 * start.c
 *		booking.start_worker() and booking.stop_worker().
 *
 * Only the owner of the extension may call them, unless it has granted EXECUTE to others: a
 * worker takes one of the server's max_worker_processes, and does nothing but what worker.c
 * says.
 *
 * Whether there is one is seen by the WORKER lock of the database.  Callers that start one at the
 * same time may register several; all but one end at once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "commands/dbcommands.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/lsyscache.h"

#include "base/errors.h"
#include "base/lock_kinds.h"
#include "base/plans.h"
#include "worker/worker.h"

PG_FUNCTION_INFO_V1(booking_start_worker);
PG_FUNCTION_INFO_V1(booking_stop_worker);

static int	pid_of_worker(void);
static int	wait_for_worker(BackgroundWorkerHandle *handle);
static bool is_launchers(void);
static void wait_a_moment(void);

/* start_worker(): its process id, also when it is running already. */
Datum
booking_start_worker(PG_FUNCTION_ARGS)
{
	BackgroundWorkerHandle *handle;
	int			pid;

	booking_must_write(fcinfo);
	pid = pid_of_worker();
	if (pid == 0)
	{
		if (!booking_worker_register(MyDatabaseId, is_launchers() ? WORKER_OF_LAUNCHER : WORKER_ON_DEMAND, &handle))
			ereport(ERROR,
					(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					 errmsg("there is no room for another background worker"),
					 errhint("Raise max_worker_processes.")));
		pid = wait_for_worker(handle);
	}
	PG_RETURN_INT32(pid);
}

static int
wait_for_worker(BackgroundWorkerHandle *handle)
{
	for (;;)
	{
		pid_t		started;
		BgwHandleStatus status = GetBackgroundWorkerPid(handle, &started);
		int			pid = pid_of_worker();

		if (pid != 0)
			return pid;
		if (status == BGWH_STOPPED)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the background worker has ended at once"),
					 errhint("The server's log says why. A worker needs an extension whose CREATE EXTENSION is committed.")));
		wait_a_moment();
	}
}

/* stop_worker(): false when there was none. */
Datum
booking_stop_worker(PG_FUNCTION_ARGS)
{
	int			pid;

	booking_must_write(fcinfo);
	if (is_launchers())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the background worker of this database is started by the server"),
				 errhint("Take the database out of booking.databases, and reload the configuration.")));
	pid = pid_of_worker();
	if (pid == 0)
		PG_RETURN_BOOL(false);
	(void) kill(pid, SIGTERM);
	while (pid_of_worker() == pid)
		wait_a_moment();
	PG_RETURN_BOOL(true);
}

/* 0: there is none. */
static int
pid_of_worker(void)
{
	Datum		values[] = {ObjectIdGetDatum(MyDatabaseId), Int16GetDatum(LOCK_WORKER)};
	int			pid = 0;

	SPI_connect();
	if (booking_run(STMT_WORKER, values, NULL) > 0)
	{
		bool		isnull;

		pid = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	}
	SPI_finish();
	return pid;
}

static bool
is_launchers(void)
{
	return booking_has_launcher() && booking_worker_is_listed(get_database_name(MyDatabaseId));
}

static void
wait_a_moment(void)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 10, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}
