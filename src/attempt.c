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

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/resowner.h"

#include "booking.h"
#include "compat.h"

void
booking_attempt_begin(Attempt *attempt)
{
	attempt->context = CurrentMemoryContext;
	attempt->owner = CurrentResourceOwner;
	attempt->marks = booking_lock_marks();
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(attempt->context);
}

void
booking_attempt_end(const Attempt *attempt, bool keep)
{
	if (keep)
		ReleaseCurrentSubTransaction();
	else
	{
		RollbackAndReleaseCurrentSubTransaction();
		booking_lock_reset(attempt->marks);
	}
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
 * Wait until nobody is busy with a booking any more, neither by a function nor by a plain
 * UPDATE.  What has become of it is for the caller to see.  Above READ COMMITTED, a row that
 * changes while we wait for it is an error, and as good an end of waiting as any.
 */
void
booking_wait_for_life(const pg_uuid_t *id)
{
	Attempt		attempt;
	volatile bool failed = false;
	Datum		value = UUIDPGetDatum(id);

	booking_attempt_begin(&attempt);
	PG_TRY();
	{
		booking_lock_id(id);
		SPI_connect();
		booking_run(STMT_LOCK_ROW, &value, NULL);
		SPI_finish();
	}
	PG_CATCH();
	{
		ErrorData  *error = booking_attempt_fail(&attempt);

		if (error->sqlerrcode != ERRCODE_T_R_SERIALIZATION_FAILURE)
			ReThrowError(error);
		FreeErrorData(error);
		failed = true;
	}
	PG_END_TRY();
	if (!failed)
		booking_attempt_end(&attempt, false);
}

/*
 * Lock a booking's row, for whoever has its ID lock and is above READ COMMITTED: a plain
 * UPDATE, which takes no ID lock, would be an error as soon as it commits.
 */
void
booking_lock_life(Datum id)
{
	volatile bool done = false;

	while (!done)
	{
		Attempt		attempt;
		volatile bool failed = false;

		CHECK_FOR_INTERRUPTS();
		booking_attempt_begin(&attempt);
		PG_TRY();
		{
			SPI_connect();
			booking_run(STMT_LOCK_ROW, &id, NULL);
			SPI_finish();
		}
		PG_CATCH();
		{
			ErrorData  *error = booking_attempt_fail(&attempt);

			if (error->sqlerrcode != ERRCODE_T_R_SERIALIZATION_FAILURE)
				ReThrowError(error);
			FreeErrorData(error);
			failed = true;
		}
		PG_END_TRY();
		if (!failed)
		{
			booking_attempt_end(&attempt, true);
			done = true;
		}
	}
}
