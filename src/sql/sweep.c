/*-------------------------------------------------------------------------
 *
 * sweep.c
 *		Holds that have lapsed, for whoever wants them tidied away.
 *
 * Nobody has to: a lapsed hold takes no space, and who needs its space marks it (room.c).
 * Sweeping moves the waitlist on, and makes the journal tell of the lapse soon.
 *
 * Lapsed holds are found by the index of their expiry, oldest first, in batches.  A hold
 * whose ID lock or row somebody has is left to them; so is whatever another sweeper has
 * taken, and any number of them share the work without waiting for one another.
 *
 * ID locks last until commit, and there is room for so many of them: of the others, the rows
 * that are written are lock enough (locks.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/datum.h"

#include "base/attempt.h"
#include "base/cache.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/plans.h"
#include "engine/resource.h"
#include "rules/waitlist.h"

PG_FUNCTION_INFO_V1(booking_expire_holds);

#define BATCH		256

/* A batch of holds to be marked. */
typedef struct Marking
{
	Datum		ids;			/* an array */
	Datum		now;
	int64		marked;			/* how many have been */
} Marking;

static int64 sweep(int64 most);
static int64 mark(Datum *ids, int n, TimestampTz now);
static void expire_unlocked(void *arg);

/*
 * expire_holds(max): how many there were to mark.
 */
Datum
booking_expire_holds(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		booking_null_argument("max");
	if (PG_GETARG_INT32(0) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max must be 1 or more"),
				 errdetail("It is %d.", PG_GETARG_INT32(0))));
	PG_RETURN_INT64(sweep(PG_GETARG_INT32(0)));
}

static int64
sweep(int64 most)
{
	TimestampTz now = GetCurrentTimestamp();
	Datum		zero = UUIDPGetDatum(palloc0(sizeof(pg_uuid_t)));
	Datum		from[4];
	int64		expired = 0;

	LockRelationOid(booking_table("booking"), RowExclusiveLock);
	from[0] = TimestampTzGetDatum(now);
	from[1] = TimestampTzGetDatum(DT_NOBEGIN);
	from[2] = zero;
	while (expired < most)
	{
		Datum		ids[BATCH];
		int			n = 0;
		uint64		found;

		CHECK_FOR_INTERRUPTS();
		SPI_connect();
		from[3] = Int64GetDatum(Min(BATCH, most - expired));
		found = booking_run(STMT_LAPSED_HOLDS, from, NULL);
		for (uint64 i = 0; i < found; i++)
		{
			bool		isnull;
			Datum		id = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);

			if (booking_try_lock_id(DatumGetUUIDP(id)))
				ids[n++] = id;
			if (i == found - 1)
			{
				from[1] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull);
				*DatumGetUUIDP(zero) = *DatumGetUUIDP(id);
			}
		}
		if (n > 0)
			expired += mark(ids, n, now);
		for (int i = 0; i < n; i++)
			booking_done_with_id(DatumGetUUIDP(ids[i]));
		SPI_finish();

		if (found == 0)
			break;
	}
	booking_line_serve_lines();
	return expired;
}

/* Mark those of a batch whose rows nobody has. */
static int64
mark(Datum *ids, int n, TimestampTz now)
{
	Marking		marking = {
		.ids = PointerGetDatum(construct_array(ids, n, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR)),
		.now = TimestampTzGetDatum(now)
	};

	/* Above READ COMMITTED, a plain UPDATE that comes in between is no reason to fail. */
	if (!IsolationUsesXactSnapshot())
		expire_unlocked(&marking);
	else
		while (!booking_attempted(expire_unlocked, &marking, true, booking_is_late_update))
			CHECK_FOR_INTERRUPTS();
	return marking.marked;
}

/* Expire those of the holds whose rows nobody else has locked. */
static void
expire_unlocked(void *arg)
{
	Marking    *marking = arg;
	Datum		values[2] = {marking->ids, marking->now};
	uint64		n = booking_run(STMT_TRY_LOCK_HOLDS, values, NULL);
	Datum		locked[BATCH];
	bool		isnull;

	for (uint64 i = 0; i < n; i++)
		locked[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
	values[0] = PointerGetDatum(construct_array(locked, (int) n, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
	marking->marked = n > 0 ? booking_run(STMT_EXPIRE_HOLDS, values, NULL) : 0;
}
