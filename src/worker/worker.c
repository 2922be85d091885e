/*-------------------------------------------------------------------------
 *
 * worker.c
 *		What does a background worker do, as whom, and when does it end?
 *
 * It does its tasks (tasks.c) once a tick, each in a transaction of its own.  One that fails
 * is tried again after a while that gets longer, and the server's log has one line of each
 * failure, not one of each attempt.  Nothing depends on a worker: without one its work is done
 * later, by the transactions that need it.
 *
 * Its role: it is connected as a superuser, because PostgreSQL cannot connect a worker as a role
 * that may not log in.  But no SQL is run as that role.  In each transaction, from its first
 * statement to the end of its commit, it is the owner of the tables, as in a function with
 * SECURITY DEFINER, where SET ROLE and SET SESSION AUTHORIZATION are errors; triggers that
 * others have put on our tables run as the owner of the tables, deferred ones too, and never as
 * a superuser that is not that owner.  Nothing that they leave in the session is used outside of
 * such a transaction.
 *
 * Locks: WORKER, of the database, from the beginning to the end of the process: there is one
 * worker in a database.  Those of what it runs, to the end of each transaction.  It waits
 * for a table for lock_timeout at most.
 *
 * When it ends:
 *	- it is told to (stop_worker(), pg_terminate_backend(), the server's shutdown);
 *	- there is no extension in the database any more;
 *	- its database is not in booking.databases any more, if that is why it was started;
 *	- another session is about to drop or rename the database, or to make a copy of it.  It has
 *	  locked the database, and waits five seconds for all other sessions to leave.  If the
 *	  database is there afterwards, the worker is started again, and waits for that lock as it
 *	  connects.
 *
 * An exit status of 0 tells the server not to start it again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/cache.h"
#include "base/lock_kinds.h"
#include "base/owner.h"
#include "worker/worker.h"

/* How often it looks whether another session wants the database (ms); that waits for 5000. */
#define LOOK_EVERY		1000

/* After a failure, in ms, doubled with each further one. */
#define FIRST_PAUSE		1000
#define LONGEST_PAUSE	60000

/* It has been told to end. */
static volatile sig_atomic_t stopping = false;

/* It is not to be started again. */
static bool for_good = false;

static char database_name[NAMEDATALEN];
static MemoryContext memory;	/* of what it does at the moment */

static void handle_stop(SIGNAL_ARGS);
static void exit_for_good(int code, Datum arg);
pg_noreturn static void end_for_good(const char *why);
static void connect_to(Oid database);
static void is_it_gone(void *arg);
static void end_without_extension(void);
static void settle_in(void);
static void look_around(char by);
static bool database_is_wanted(void);
static void do_task(Task *task);
static bool run_as_owner(Task *task);
static void say_which_task(void *task);
static void note_success(Task *task, TimestampTz begun, bool more);
static void note_failure(Task *task);
static void forget_failure(Task *task);
static void wait_for_next(void);

void
booking_worker_main(Datum arg)
{
	Oid			database = DatumGetObjectId(arg);
	char		by = MyBgworkerEntry->bgw_extra[0];

	on_proc_exit(exit_for_good, 0);
	booking_worker_handle_signals();
	connect_to(database);
	end_without_extension();
	if (!booking_lock_for_session(LOCK_WORKER))
		end_for_good("there is another in this database");
	settle_in();
	for (;;)
	{
		look_around(by);
		for (int i = 0; i < booking_ntasks; i++)
			if (booking_tasks[i].next <= GetCurrentTimestamp())
				do_task(&booking_tasks[i]);
		(void) pgstat_report_stat(false);
		wait_for_next();
	}
}

void
booking_worker_handle_signals(void)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, handle_stop);
	BackgroundWorkerUnblockSignals();
}

/* What is running meanwhile is interrupted, as by the signal's usual handler. */
static void
handle_stop(SIGNAL_ARGS)
{
	int			save_errno = errno;

	stopping = true;
	InterruptPending = true;
	ProcDiePending = true;
	SetLatch(MyLatch);
	errno = save_errno;
}

bool
booking_worker_stopping(void)
{
	return stopping;
}

/* Whatever has ended the worker, the server sees its exit status only. */
static void
exit_for_good(int code, Datum arg)
{
	if (code != 0 && (for_good || stopping))
		proc_exit(0);
}

pg_noreturn static void
end_for_good(const char *why)
{
	HOLD_INTERRUPTS();
	ereport(LOG,
			(errmsg("the background worker of booking ends: %s", why),
			 errhidestmt(true)));
	for_good = true;
	proc_exit(0);
}

static void
connect_to(Oid database)
{
	ErrorContextCallback asks = {.callback = is_it_gone,.previous = error_context_stack};

	error_context_stack = &asks;
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	error_context_stack = asks.previous;
}

/* There is no such database any more, or it does not accept connections. */
static void
is_it_gone(void *arg)
{
	if (geterrcode() == ERRCODE_UNDEFINED_DATABASE || geterrcode() == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE)
		for_good = true;
}

/* Before it takes the lock by which start_worker() knows that it is there. */
static void
end_without_extension(void)
{
	StartTransactionCommand();
	strlcpy(database_name, get_database_name(MyDatabaseId), NAMEDATALEN);
	if (!OidIsValid(get_extension_oid("booking", true)))
	{
		/* The launcher tries again and again. */
		for_good = true;
		proc_exit(0);
	}
	CommitTransactionCommand();
}

/* Settings for all sessions of a database or role are not meant for this one. */
static void
settle_in(void)
{
	static const char *const settings[][2] = {
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "off"},
		{"default_transaction_deferrable", "off"},
		{"session_replication_role", "origin"},
		{"row_security", "on"},
		{"lock_timeout", "2s"},
		{"statement_timeout", "0"},
		{"transaction_timeout", "0"}
	};

	/* Not every release has all of them. */
	for (int i = 0; i < (int) lengthof(settings); i++)
		if (GetConfigOption(settings[i][0], true, false))
			SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("application_name", "booking worker", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("booking.actor", "booking worker", PGC_USERSET, PGC_S_SESSION);

	ereport(LOG, (errmsg("the background worker of booking has started in database \"%s\"", database_name)));
	memory = AllocSetContextCreate(TopMemoryContext, "booking worker", ALLOCSET_DEFAULT_SIZES);
}

/* Is there any reason to end? */
static void
look_around(char by)
{
	if (stopping)
		end_for_good("it was told to");
	CHECK_FOR_INTERRUPTS();
	if (database_is_wanted())
	{
		ereport(LOG, (errmsg("the background worker of booking leaves database \"%s\" to a session that needs it for itself", database_name)));
		proc_exit(1);
	}
	if (!ConfigReloadPending)
		return;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	for (int i = 0; i < booking_ntasks; i++)
		booking_tasks[i].next = 0;
	MemoryContextSwitchTo(memory);
	if (by == WORKER_OF_LAUNCHER && !booking_worker_is_listed(database_name))
		end_for_good("its database is not in booking.databases any more");
}

/* By a session that drops or renames it, or makes a copy of it. */
static bool
database_is_wanted(void)
{
	LOCKTAG		tag;

	/* As a session does that connects. */
	SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, MyDatabaseId, 0);
	if (LockAcquire(&tag, RowExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
		return true;
	LockRelease(&tag, RowExclusiveLock, true);
	return false;
}

static void
do_task(Task *task)
{
	ErrorContextCallback says = {.callback = say_which_task,.arg = task,.previous = error_context_stack};
	TimestampTz begun = GetCurrentTimestamp();

	if (stopping)
		return;
	pgstat_report_activity(STATE_RUNNING, task->doing);
	debug_query_string = task->doing;
	error_context_stack = &says;
	PG_TRY();
	{
		bool		more = run_as_owner(task);

		note_success(task, begun, more);
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		note_failure(task);
		AbortCurrentTransaction();
		FlushErrorState();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	error_context_stack = says.previous;
	debug_query_string = NULL;
	MemoryContextSwitchTo(memory);
	MemoryContextReset(memory);
}

static bool
run_as_owner(Task *task)
{
	Caller		caller;
	bool		more;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (!OidIsValid(get_extension_oid("booking", true)))
		end_for_good("the extension has been dropped");

	/* It stays so until the transaction is over; an error brings us back by itself. */
	booking_become_owner(booking_owner(), true, &caller);
	more = task->run();
	PopActiveSnapshot();
	CommitTransactionCommand();
	SetUserIdAndSecContext(caller.user, caller.context);
	if (task->committed)
		task->committed();
	return more;
}

static void
say_which_task(void *task)
{
	errcontext("background worker of booking, %s", ((Task *) task)->doing);
}

static void
note_success(Task *task, TimestampTz begun, bool more)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next = more ? now : begun + task->every() * 1000;

	task->next = Max(next, now + task->share * (now - begun));
	if (task->failures > 0)
		ereport(LOG, (errmsg("the background worker of booking goes on after %d failures", task->failures)));
	forget_failure(task);
}

/*
 * Where another transaction has a lock that the task needs, it is tried again without a log
 * entry.  Any other error is logged once, until the task has worked again.
 */
static void
note_failure(Task *task)
{
	bool		busy;
	ErrorData  *error;
	int64		pause;

	MemoryContextSwitchTo(memory);
	error = CopyErrorData();
	busy = error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TRANSACTION_ROLLBACK;
	pause = busy ? FIRST_PAUSE : FIRST_PAUSE << Min(task->failures, 6);
	task->next = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), Min(pause, LONGEST_PAUSE));
	if (busy)
		return;
	if (task->failure == NULL || strcmp(task->failure, error->message) != 0)
	{
		EmitErrorReport();
		if (task->failure)
			pfree(task->failure);
		task->failure = MemoryContextStrdup(TopMemoryContext, error->message);
	}
	task->failures++;
}

static void
forget_failure(Task *task)
{
	task->failures = 0;
	if (task->failure)
		pfree(task->failure);
	task->failure = NULL;
}

static void
wait_for_next(void)
{
	TimestampTz now = GetCurrentTimestamp();
	long		wait = LOOK_EVERY;

	for (int i = 0; i < booking_ntasks; i++)
		wait = Min(wait, TimestampDifferenceMilliseconds(now, booking_tasks[i].next));
	pgstat_report_activity(STATE_IDLE, "waiting for the next tick");
	if (wait > 0)
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, wait, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
}
