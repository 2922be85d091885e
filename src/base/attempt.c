/*-------------------------------------------------------------------------
 *
 * attempt.c
 *		Doing something that may have to be undone, and waiting only when it has been.
 *
 * To wait for another transaction while holding what that one needs, a row written or a
 * lock kept to the commit, makes a deadlock.  Work that cannot know in advance whether it will
 * have to wait is therefore done in an attempt, a subtransaction of its own: when another
 * transaction is in the way, the attempt is undone, which gives back its locks as well; then we
 * wait, and try again.
 *
 * An error must leave no attempt open behind it: a handler further up rolls back
 * the innermost subtransaction, believing that it is its own.  Therefore every attempt is made
 * here, by booking_attempt(), and an error undoes it before it goes any further.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "base/attempt.h"
#include "base/compat.h"
#include "base/lock_kinds.h"
#include "base/plans.h"
#include "base/rows.h"

/*
 * So often in a row an attempt that was undone by another transaction's UPDATE is made again.  More than that: it
 * is a trigger of the application that changes a row which the transaction's snapshot does not have.
 */
#define MOST_LATE_UPDATES	10

/* A row by its place. */
typedef struct RowAt
{
	Relation	heap;
	ItemPointer tid;
} RowAt;

static bool has_no_chance(const ErrorData *error);
static bool is_serialization_failure(const ErrorData *error);
static void wait_for_holder(Relation heap, ItemPointer tid, AttemptWork share, void *arg);
static TransactionId row_is_held_by(Relation heap, ItemPointer tid);
static bool share_row_at(void *arg);
static bool share_row(void *id);
static bool lock_row(void *id);

/*
 * Do something in an attempt, which is kept if the work says that it is done.  Returns the error
 * that has undone it, or NULL.
 */
ErrorData *
booking_attempt(AttemptWork work, void *arg, bool *done)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;
	volatile bool keep = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		keep = work(arg);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		keep = false;
	}
	PG_END_TRY();

	if (keep)
		ReleaseCurrentSubTransaction();
	else
		RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	*done = keep;
	return error;
}

/*
 * The same for a caller that forgives some errors, or none if that is NULL.  False when nothing
 * has been done.
 */
bool
booking_attempted(AttemptWork work, void *arg, AttemptForgiven forgiven)
{
	bool		done;
	ErrorData  *error = booking_attempt(work, arg, &done);

	if (error)
	{
		if (forgiven == NULL || !forgiven(error))
			ReThrowError(error);
		FreeErrorData(error);
	}
	return done;
}

/*
 * Is this another transaction's UPDATE that came in between?  That is worth another attempt.
 */
bool
booking_is_late_update(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE &&
		IsolationUsesXactSnapshot() && !has_no_chance(error);
}

/* Go on after an error that is one, unless there have been too many in a row; any other is raised again. */
void
booking_forgive_late_update(ErrorData *error, int *late)
{
	if (!booking_is_late_update(error) || ++*late > MOST_LATE_UPDATES)
		ReThrowError(error);
	FreeErrorData(error);
}

/* At SERIALIZABLE the same code is also raised for a transaction that can only be rolled back. */
static bool
has_no_chance(const ErrorData *error)
{
	static const char message[] = "could not serialize access due to read/write dependencies";

	return error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE && error->message_id &&
		strncmp(error->message_id, message, sizeof(message) - 1) == 0;
}

/*
 * Is this error about one row, or about what another transaction is doing to it, so that the
 * caller may go on with the other rows?  A cancelled query, a shutdown and exhausted memory or
 * disk must not be suppressed, nor must a missing privilege of the caller.
 */
bool
booking_is_of_one_row(const ErrorData *error)
{
	switch (ERRCODE_TO_CATEGORY(error->sqlerrcode))
	{
		case ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION:
		case ERRCODE_DATA_EXCEPTION:
		case ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE:	/* such as a lock that is not available */
		case MAKE_SQLSTATE('P', '0', '0', '0', '0'):
			return true;
		case ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION:
			return error->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE;
		case ERRCODE_TRANSACTION_ROLLBACK:
			return !has_no_chance(error);
		default:
			return false;
	}
}

/*
 * Do something that can be left for another time, and wait for no transaction meanwhile:
 * what cannot be had at once is an error.  Our own locks know that (lock_kinds.c); whatever
 * the server or a trigger of the application would wait for, lock_timeout cuts short.
 */
void
booking_without_waiting(void (*work) (void *arg), void *arg)
{
	bool		outer = booking_hasty();
	int			save_nestlevel = NewGUCNestLevel();

	(void) set_config_option("lock_timeout", "1ms", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	booking_set_hasty(true);
	PG_TRY();
	{
		work(arg);
	}
	PG_FINALLY();
	{
		booking_set_hasty(outer);
	}
	PG_END_TRY();
	AtEOXact_GUC(true, save_nestlevel);
}

/*
 * Wait until the transaction is over that writes a booking's row or has it locked, be it a
 * function of ours or a plain UPDATE.  The caller has to look at the row again.
 *
 * We wait for that transaction, and not in the queue for the row's lock or the ID lock.  A lock
 * that is got by waiting and given back with the attempt goes to the next transaction in the
 * queue.  When we try for it again, that transaction has it, and when it tries again, we have
 * it: clients that wanted the same lapsed hold passed its lock around for minutes and got
 * nothing else done.
 */
void
booking_wait_for_row(Relation heap, Datum id)
{
	ItemPointerData tid;
	RowKey		key = {"id", F_UUID_EQ, id, false};
	RowScan		rows;
	HeapTuple	row;

	booking_rows_begin(&rows, &(RowsWanted) {heap, booking_rows_key_index(heap, &key, 1), NULL, &key, 1});
	row = booking_rows_next(&rows);
	if (row)
		tid = row->t_self;
	booking_rows_end(&rows);
	if (row == NULL)
		return;

	wait_for_holder(heap, &tid, share_row, &id);
}

/*
 * Several transactions have the row locked, or none any more: we wait for its lock in share mode.
 * Above READ COMMITTED, a row that has changed meanwhile ends the waiting as well.
 */
static void
wait_for_holder(Relation heap, ItemPointer tid, AttemptWork share, void *arg)
{
	TransactionId holder = row_is_held_by(heap, tid);

	if (!TransactionIdIsNormal(holder))
		(void) booking_attempted(share, arg, is_serialization_failure);
	else if (!TransactionIdIsCurrentTransactionId(holder))
		XactLockTableWait(holder, heap, tid, XLTW_Lock);
}

/* The transaction that writes a row or has it locked, or has done so; invalid where there are several. */
static TransactionId
row_is_held_by(Relation heap, ItemPointer tid)
{
	TransactionId holder = InvalidTransactionId;
	TupleTableSlot *slot = table_slot_create(heap, NULL);

	if (table_tuple_fetch_row_version(heap, tid, SnapshotAny, slot) && TTS_IS_BUFFERTUPLE(slot))
	{
		BufferHeapTupleTableSlot *on_page = (BufferHeapTupleTableSlot *) slot;
		HeapTupleHeader header = on_page->base.tuple->t_data;

		LockBuffer(on_page->buffer, BUFFER_LOCK_SHARE);
		if ((header->t_infomask & (HEAP_XMAX_INVALID | HEAP_XMAX_IS_MULTI)) == 0)
			holder = HeapTupleHeaderGetRawXmax(header);
		LockBuffer(on_page->buffer, BUFFER_LOCK_UNLOCK);
	}
	ExecDropSingleTupleTableSlot(slot);
	return holder;
}

/* As booking_wait_for_row(), for any row of a table of ours, by its place. */
void
booking_wait_for_tuple(Relation heap, ItemPointer tid)
{
	RowAt		at = {heap, tid};

	wait_for_holder(heap, tid, share_row_at, &at);
}

/* The lock is given back at once: only the waiting was wanted. */
static bool
share_row_at(void *arg)
{
	const RowAt *at = arg;

	(void) booking_rows_lock(at->heap, at->tid, GetActiveSnapshot(), LockTupleShare, LockWaitBlock);
	return false;
}

static bool
share_row(void *id)
{
	SPI_connect();
	booking_run(STMT_SHARE_ROW, id, NULL);
	SPI_finish();
	return false;
}

static bool
is_serialization_failure(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE;
}

/*
 * Lock a booking's row, for a caller that has its ID lock and is above READ COMMITTED: a plain
 * UPDATE, which takes no ID lock, would be an error as soon as it commits.
 */
void
booking_lock_life(Datum id)
{
	do
		CHECK_FOR_INTERRUPTS();
	while (!booking_attempted(lock_row, &id, is_serialization_failure));
}

static bool
lock_row(void *id)
{
	SPI_connect();
	booking_run(STMT_LOCK_ROW, id, NULL);
	SPI_finish();
	return true;
}
