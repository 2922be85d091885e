/*-------------------------------------------------------------------------
 *
 * lapse.c
 *		What is done with a hold that has lapsed?
 *
 * It takes no space, and never comes back to life.  Its row is still in the indexes, and in
 * the way of a constraint, so a transaction that needs its space marks it expired first.  It
 * does not wait for that while it holds anything: a row that another transaction has locked is
 * passed over, or named to the caller, which waits for it outside (attempt.c).
 *
 * A hold that lapses while its own change is being judged is left alone: the change goes
 * ahead, and PostgreSQL could not make it if the row were changed underneath.
 *
 * The time at which it lapsed is needed later as well, when expires_at is NULL; so the row's
 * trigger writes it into "reason".
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "base/attempt.h"
#include "base/cache.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/period.h"
#include "base/plans.h"
#include "base/rows.h"
#include "engine/lapse.h"

/* Lapsed holds to be marked expired. */
typedef struct Marking
{
	Datum	   *ids;
	int			n;
	TimestampTz now;
	int			marked;			/* how many have been */
} Marking;

/* So many lapsed holds are marked before looking again. */
#define EXPIRE_AT_ONCE	64

static InHand *in_hand = NULL;

static bool mark_expired(void *arg);
static int	compare_ids(const void *a, const void *b);

/* From here on until its release, also by an error, this hold is not marked expired. */
void
booking_take_in_hand(InHand *hold, const pg_uuid_t *id)
{
	hold->id = *id;
	hold->outer = in_hand;
	in_hand = hold;
}

void
booking_let_go(const InHand *hold)
{
	in_hand = hold->outer;
}

/* Is a change of this hold being judged? */
bool
booking_hold_in_hand(const pg_uuid_t *id)
{
	for (InHand *hold = in_hand; hold; hold = hold->outer)
		if (memcmp(&hold->id, id, UUID_LEN) == 0)
			return true;
	return false;
}

/*
 * Mark lapsed holds expired whose ID locks we have, except those whose rows another transaction
 * has locked (a plain UPDATE, or a SELECT FOR UPDATE, takes no ID lock, and may be waiting for
 * what we hold) and those that we are changing ourselves.  Returns how many were marked.
 */
int
booking_mark_expired(Datum *ids, int n, TimestampTz now)
{
	Marking		marking = {.ids = ids, .n = n, .now = now};
	ErrorData  *error;
	int			late = 0;
	bool		done;

	if (!IsolationUsesXactSnapshot())
	{
		(void) mark_expired(&marking);
		return marking.marked;
	}
	while ((error = booking_attempt(mark_expired, &marking, &done)) != NULL)
	{
		/* A plain UPDATE of one has come in between, which is an error above READ COMMITTED. */
		booking_forgive_late_update(error, &late);
		if (n > 1)
			return booking_mark_expired(ids, n / 2, now) +
				booking_mark_expired(ids + n / 2, n - n / 2, now);
		marking.marked = 0;
	}
	return marking.marked;
}

static bool
mark_expired(void *arg)
{
	Marking    *marking = arg;

	SPI_connect();
	for (int i = 0; i < marking->n; i++)
	{
		Datum		values[2];

		values[0] = marking->ids[i];
		values[1] = TimestampTzGetDatum(marking->now);
		if (!booking_hold_in_hand(DatumGetUUIDP(marking->ids[i])) &&
			booking_run(STMT_TRY_LOCK_LAPSED, values, NULL) > 0)
			marking->marked += (int) booking_run(STMT_EXPIRE_BOOKING, values, NULL);
	}
	SPI_finish();
	return true;
}

/*
 * Expire the lapsed holds that were found in the way, without waiting, in the order of their
 * ids, as every transaction does.  False when another transaction has one of them locked; then
 * the others that we have got are given back with the attempt.
 *
 * The row is locked, and not the ID: no function of ours changes a hold that has lapsed, and one
 * that is about to finds that it has.
 *
 * A row that is no longer a hold is not in the way.  We may have marked it ourselves: the space
 * of the one before it is offered to the next entry in the line, which may need the space of
 * this one, too.
 */
bool
booking_expire_in_the_way(Datum *ids, int n, TimestampTz now, pg_uuid_t *busy)
{
	bool		done = true;

	qsort(ids, n, sizeof(Datum), compare_ids);
	n = Min(n, EXPIRE_AT_ONCE);
	SPI_connect();
	for (int i = 0; i < n && done; i++)
	{
		Datum		values[2];

		values[0] = ids[i];
		values[1] = TimestampTzGetDatum(now);
		*busy = *DatumGetUUIDP(values[0]);
		if (booking_run(STMT_TRY_LOCK_LAPSED, values, NULL) == 0)
			done = !booking_is_hold(values[0]);
		else if (booking_run(STMT_EXPIRE_BOOKING, values, NULL) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("booking %s cannot be marked expired",
							DatumGetCString(DirectFunctionCall1(uuid_out, values[0]))),
					 errdetail("A trigger keeps it from being stored.")));
	}
	SPI_finish();
	return done;
}

/* Is there a hold with this id, as of now and to us? */
bool
booking_is_hold(Datum id)
{
	Relation	heap = table_open(booking_table("booking"), AccessShareLock);
	RowKey		key = {"id", F_UUID_EQ, id, false};
	HeapTuple	tuple = booking_rows_one(&(RowsWanted) {heap, booking_rows_key_index(heap, &key, 1), NULL, &key, 1}, NULL);
	bool		held = false;

	if (tuple)
	{
		BookingRow	row;

		booking_row_take_apart(tuple, RelationGetDescr(heap), &row);
		held = booking_row_status(&row) == BOOKING_HELD;
	}
	table_close(heap, NoLock);
	return held;
}

static int
compare_ids(const void *a, const void *b)
{
	return memcmp(DatumGetUUIDP(*(const Datum *) a), DatumGetUUIDP(*(const Datum *) b), UUID_LEN);
}

/*
 * Why nothing can be done with a lapsed hold.  Once it has been marked, its reason tells when it
 * lapsed; that text is passed on as it is.
 */
void
booking_hold_lapsed(const BookingRow *row, Refusal *refusal)
{
	*refusal = (Refusal) {
		.sqlstate = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
		.constraint = CONSTRAINT_STATUS,
		.message = "the hold has lapsed",
		.hint = "Book again; the space may still be free."
	};
	if (!row->null[BOOKING_EXPIRES_AT])
		refusal->detail = psprintf("It lapsed at %s.",
								   booking_instant_text(DatumGetTimestampTz(row->value[BOOKING_EXPIRES_AT])));
	else if (!row->null[BOOKING_REASON])
		refusal->detail = psprintf("It has been marked expired: %s.",
								   TextDatumGetCString(row->value[BOOKING_REASON]));
	else
		refusal->detail = "It has been marked expired.";
}

/* What is written into "reason", in UTC whatever the session's time zone. */
char *
booking_lapse_reason(TimestampTz lapsed_at)
{
	struct pg_tm tm;
	fsec_t		micros;

	if (timestamp2tm(lapsed_at, NULL, &tm, &micros, NULL, NULL) != 0)
		return "lapsed";
	return psprintf("lapsed at %d-%02d-%02d %02d:%02d:%02d.%06d UTC", tm.tm_year, tm.tm_mon, tm.tm_mday,
					tm.tm_hour, tm.tm_min, tm.tm_sec, (int) micros);
}
