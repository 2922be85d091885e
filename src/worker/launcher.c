/*-------------------------------------------------------------------------
 *
 * launcher.c
 *		Which databases have a worker?
 *
 * With shared_preload_libraries = 'booking' there is one launcher.  It starts a worker for each
 * database of booking.databases that exists, and starts it again when it has ended: at once
 * if it had been running for a while, else some seconds later, also where the extension is
 * not installed yet.  It is started when the server can be written to, which is the promotion
 * on a standby.
 *
 * It is connected to no database, and reads pg_database only.  A worker that goes on when the
 * launcher has died keeps another from running beside it (worker.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "worker/worker.h"

#define LOOK_EVERY		1000	/* ms */
#define RESTART_AFTER	3		/* s */

/* A worker that has been running for so long (ms) is started again at once. */
#define LONG_RUN		60000

/* A database of the list. */
typedef struct Wanted
{
	Oid			database;
	bool		listed;			/* still */
	BackgroundWorkerHandle *handle; /* NULL: not running */
	TimestampTz started;
	TimestampTz next;			/* not before */
} Wanted;

static bool preloaded = false;
static List *wanted = NIL;

static void look_after_workers(void);
static void look_for_ended(void);
static void find_listed(void);
static Wanted *want_worker(Oid database);
static Oid	database_to_work_in(const char *name);
static void start_missing(void);

/* When the library is loaded: with the server, or later? */
void
booking_launcher_init(void)
{
	BackgroundWorker launcher = {
		.bgw_name = "booking launcher", .bgw_type = "booking launcher",
		.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_RecoveryFinished, .bgw_restart_time = RESTART_AFTER,
		.bgw_library_name = "booking", .bgw_function_name = "booking_launcher_main"
	};

	/* There must be no other writer while pg_upgrade runs. */
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;
	preloaded = true;
	RegisterBackgroundWorker(&launcher);
}

bool
booking_has_launcher(void)
{
	return preloaded;
}

/*
 * Have the server start a worker.  One that was started on demand is started again by the server,
 * after a crash as well; one of the launcher's by the launcher.
 */
bool
booking_worker_register(Oid database, char by, BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker = {
		.bgw_name = "booking worker", .bgw_type = "booking worker",
		.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = by == WORKER_OF_LAUNCHER ? BGW_NEVER_RESTART : RESTART_AFTER,
		.bgw_library_name = "booking", .bgw_function_name = "booking_worker_main",
		.bgw_main_arg = ObjectIdGetDatum(database), .bgw_extra = {by},
		.bgw_notify_pid = MyProcPid
	};

	return RegisterDynamicBackgroundWorker(&worker, handle);
}

void
booking_launcher_main(Datum arg)
{
	MemoryContext context;

	booking_worker_handle_signals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	context = AllocSetContextCreate(TopMemoryContext, "booking launcher", ALLOCSET_DEFAULT_SIZES);

	/* A restart is what the server does after this, unless it is being shut down. */
	while (!booking_worker_stopping())
	{
		MemoryContextSwitchTo(context);
		look_after_workers();
		MemoryContextReset(context);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOOK_EVERY, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		if (booking_worker_stopping())
			break;
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
	}
	proc_exit(1);
}

static void
look_after_workers(void)
{
	look_for_ended();
	find_listed();
	start_missing();
}

static void
look_for_ended(void)
{
	TimestampTz now = GetCurrentTimestamp();
	ListCell   *cell;

	foreach(cell, wanted)
	{
		Wanted	   *one = lfirst(cell);
		pid_t		pid;

		if (one->handle == NULL || GetBackgroundWorkerPid(one->handle, &pid) != BGWH_STOPPED)
			continue;
		pfree(one->handle);
		one->handle = NULL;
		one->next = TimestampDifferenceExceeds(one->started, now, LONG_RUN) ? now :
			TimestampTzPlusMilliseconds(now, RESTART_AFTER * 1000);
	}
}

/* A worker whose database is not listed any more sees that by itself. */
static void
find_listed(void)
{
	ListCell   *cell;
	MemoryContext context = CurrentMemoryContext;
	List	   *names = booking_worker_databases();

	foreach(cell, wanted)
		((Wanted *) lfirst(cell))->listed = false;
	if (names != NIL)
	{
		StartTransactionCommand();
		foreach(cell, names)
		{
			Oid			database = database_to_work_in(lfirst(cell));

			if (OidIsValid(database))
				want_worker(database)->listed = true;
		}
		CommitTransactionCommand();
		MemoryContextSwitchTo(context);
	}
	foreach(cell, wanted)
	{
		Wanted	   *one = lfirst(cell);

		if (one->listed || one->handle)
			continue;
		wanted = foreach_delete_current(wanted, cell);
		pfree(one);
	}
}

static Wanted *
want_worker(Oid database)
{
	MemoryContext context;
	Wanted	   *one;
	ListCell   *cell;

	foreach(cell, wanted)
	{
		one = lfirst(cell);
		if (one->database == database)
			return one;
	}
	context = MemoryContextSwitchTo(TopMemoryContext);
	one = palloc0_array(Wanted, 1);
	one->database = database;
	wanted = lappend(wanted, one);
	MemoryContextSwitchTo(context);
	return one;
}

/* InvalidOid for one that does not exist, or that does not accept connections. */
static Oid
database_to_work_in(const char *name)
{
	Oid			database = strlen(name) < NAMEDATALEN ? get_database_oid(name, true) : InvalidOid;
	HeapTuple	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	if (!((Form_pg_database) GETSTRUCT(tuple))->datallowconn ||
		((Form_pg_database) GETSTRUCT(tuple))->datconnlimit < -1)
		database = InvalidOid;
	ReleaseSysCache(tuple);
	return database;
}

static void
start_missing(void)
{
	TimestampTz now = GetCurrentTimestamp();
	MemoryContext context = MemoryContextSwitchTo(TopMemoryContext);
	ListCell   *cell;

	foreach(cell, wanted)
	{
		Wanted	   *one = lfirst(cell);

		if (!one->listed || one->handle || now < one->next)
			continue;
		one->started = now;
		if (!booking_worker_register(one->database, WORKER_OF_LAUNCHER, &one->handle))
		{
			one->handle = NULL;
			one->next = TimestampTzPlusMilliseconds(now, LONG_RUN);
			ereport(LOG,
					(errmsg("there is no room for a background worker of booking"),
					 errhint("Raise max_worker_processes.")));
		}
	}
	MemoryContextSwitchTo(context);
}
