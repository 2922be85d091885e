/*-------------------------------------------------------------------------
 *
 * attempt.c
 *		Doing something that may have to be undone, and waiting with empty hands.
 *
 * Who waits for another transaction while holding what that one needs, a row written or a
 * lock kept to the commit, makes a deadlock.  What cannot know in advance whether it
 * will have to wait is therefore done in an attempt, a subtransaction of its own: when
 * somebody is in the way, it is undone, which gives back its locks as well; then we
 * wait, and try again.
 *
 * An error must leave no attempt open behind it: whoever catches it further up rolls back
 * the innermost subtransaction, believing that it is his.  So the pattern is
 *
 *		booking_attempt_begin(&attempt);
 *		PG_TRY();
 *		...
 *		PG_CATCH();
 *			ReThrowError(booking_attempt_fail(&attempt));
 *		PG_END_TRY();
 *		booking_attempt_end(&attempt, keep);
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
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "base/attempt.h"
#include "base/compat.h"
#include "base/plans.h"
#include "base/rows.h"

static bool is_serialization_failure(const ErrorData *error);
static void share_row(void *id);
static void lock_row(void *id);

void
booking_attempt_begin(Attempt *attempt)
{
	attempt->context = CurrentMemoryContext;
	attempt->owner = CurrentResourceOwner;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(attempt->context);
}

void
booking_attempt_end(const Attempt *attempt, bool keep)
{
	if (keep)
		ReleaseCurrentSubTransaction();
	else
		RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(attempt->context);
	CurrentResourceOwner = attempt->owner;
}

/* After an error: undo, and hand the error out. */
ErrorData *
booking_attempt_fail(const Attempt *attempt)
{
	ErrorData  *error;

	MemoryContextSwitchTo(attempt->context);
	error = CopyErrorData();
	FlushErrorState();
	booking_attempt_end(attempt, false);
	return error;
}

/*
 * Is this somebody's UPDATE that came in between?  At REPEATABLE READ that is worth another
 * attempt.  At SERIALIZABLE the same code may mean that the transaction has no chance.
 */
bool
booking_is_late_update(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE &&
		IsolationUsesXactSnapshot() && !IsolationIsSerializable();
}

/*
 * Wait until the transaction is over that writes a booking's row or has it locked, be it a
 * function of ours or a plain UPDATE.  What has become of the row is for the caller to see.
 *
 * We wait for that transaction, and not in the queue for the row's lock or the ID lock.  A
 * lock that is got by waiting and given back with the attempt goes to the next who waits,
 * and when we try for it again, he has it; when he does, we have: clients that wanted the
 * same lapsed hold have handed it to one another for minutes and done nothing else.
 */
void
booking_wait_for_row(Relation heap, Datum id)
{
	TransactionId holder = InvalidTransactionId;
	TupleTableSlot *slot;
	ItemPointerData tid;
	RowKey		key = {"id", F_UUID_EQ, id, false};
	RowScan		rows;
	HeapTuple	row;

	booking_rows_begin(&rows, heap, booking_rows_key_index(heap, &key, 1), NULL, &key, 1);
	row = booking_rows_next(&rows);
	if (row)
		tid = row->t_self;
	booking_rows_end(&rows);
	if (row == NULL)
		return;

	slot = table_slot_create(heap, NULL);
	if (table_tuple_fetch_row_version(heap, &tid, SnapshotAny, slot) && TTS_IS_BUFFERTUPLE(slot))
	{
		BufferHeapTupleTableSlot *on_page = (BufferHeapTupleTableSlot *) slot;
		HeapTupleHeader header = on_page->base.tuple->t_data;

		LockBuffer(on_page->buffer, BUFFER_LOCK_SHARE);
		if ((header->t_infomask & (HEAP_XMAX_INVALID | HEAP_XMAX_IS_MULTI)) == 0)
			holder = HeapTupleHeaderGetRawXmax(header);
		LockBuffer(on_page->buffer, BUFFER_LOCK_UNLOCK);
	}
	ExecDropSingleTupleTableSlot(slot);

	/*
	 * Several have it, or nobody any more: we wait for its lock together with others.  Above
	 * READ COMMITTED, a row that changes meanwhile is as good an end of waiting as any.
	 */
	if (!TransactionIdIsNormal(holder))
		(void) booking_attempted(share_row, &id, false, is_serialization_failure);
	else if (!TransactionIdIsCurrentTransactionId(holder))
		XactLockTableWait(holder, heap, &tid, XLTW_Lock);
}

/*
 * Do something in an attempt, which is kept or not.  False when somebody's change came in
 * between, which was an error, and is forgiven if the caller says so: undone.
 */
bool
booking_attempted(AttemptWork work, void *arg, bool keep, AttemptForgiven forgiven)
{
	Attempt		attempt;
	volatile bool failed = false;

	booking_attempt_begin(&attempt);
	PG_TRY();
	{
		SPI_connect();
		work(arg);
		SPI_finish();
	}
	PG_CATCH();
	{
		ErrorData  *error = booking_attempt_fail(&attempt);

		if (!forgiven(error))
			ReThrowError(error);
		FreeErrorData(error);
		failed = true;
	}
	PG_END_TRY();
	if (!failed)
		booking_attempt_end(&attempt, keep);
	return !failed;
}

static bool
is_serialization_failure(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE;
}

static void
share_row(void *id)
{
	booking_run(STMT_SHARE_ROW, id, NULL);
}

static void
lock_row(void *id)
{
	booking_run(STMT_LOCK_ROW, id, NULL);
}

/*
 * Lock a booking's row, for whoever has its ID lock and is above READ COMMITTED: a plain
 * UPDATE, which takes no ID lock, would be an error as soon as it commits.
 */
void
booking_lock_life(Datum id)
{
	do
		CHECK_FOR_INTERRUPTS();
	while (!booking_attempted(lock_row, &id, true, is_serialization_failure));
}
