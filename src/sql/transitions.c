/*-------------------------------------------------------------------------
 *
 * transitions.c
 *		What happens to a booking after it has been made: confirm, extend_hold, cancel.
 *
 *					  confirm
 *			held  -------------->  confirmed
 *			  |   \                    |
 *		lapse |    \ cancel            | cancel
 *			  v     \                  v
 *		  expired    '--------->  cancelled
 *
 * Each is done as life.c says.  A step that is repeated changes nothing, and returns what it
 * returned the first time.
 *
 * A group takes a step together, or not at all.  The ID locks come first, that of the group
 * before those of its bookings, then all of their rows, and then the bookings in the order in
 * which several are made (together.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/period.h"
#include "base/plans.h"
#include "base/returned.h"
#include "rules/life.h"
#include "rules/policy.h"
#include "sql/many.h"

PG_FUNCTION_INFO_V1(booking_confirm);
PG_FUNCTION_INFO_V1(booking_extend_hold);
PG_FUNCTION_INFO_V1(booking_cancel);
PG_FUNCTION_INFO_V1(booking_confirm_group);
PG_FUNCTION_INFO_V1(booking_extend_group);
PG_FUNCTION_INFO_V1(booking_cancel_group);

/* A step of one booking, and what else it takes. */
typedef Datum (*Step) (Datum id, Datum argument);

/* A booking of a group. */
typedef struct Member
{
	pg_uuid_t	id;
	int64		resource_id;
	int64		slot_id;		/* or 0 */
	TimestampTz from;
	BookingStatus status;
	Datum		booking;		/* as it is afterwards */
} Member;						/* the id first, for comparing */

static Datum confirm_booking(Datum id, Datum unused);
static Datum extension_of(FunctionCallInfo fcinfo);
static Datum extend_booking(Datum id, Datum by);
static Datum step_of_group(FunctionCallInfo fcinfo, Step step, Datum argument, bool of_holds);
static void lock_members_rows(const Member *members, int n);
static Member *read_group(Datum group, int *n);
static int	compare_members(const void *a, const void *b);
static int	compare_member_ids(const void *a, const void *b);

/* confirm(id). */
Datum
booking_confirm(PG_FUNCTION_ARGS)
{
	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("id");
	PG_RETURN_DATUM(booking_returned(fcinfo, confirm_booking(PG_GETARG_DATUM(0), (Datum) 0)));
}

static Datum
confirm_booking(Datum id, Datum unused)
{
	Datum		values[2];
	Datum		booking;
	Life		life;

	SPI_connect();
	booking_life_begin(&life, id);
	do
	{
		booking_life_must_be_active(&life);
		if (life.status == BOOKING_CONFIRMED)
		{
			booking = booking_row_datum();
			break;
		}
	} while (!booking_life_change(&life, STMT_CONFIRM_BOOKING, values, NULL, &booking));
	booking_life_done(&life);
	SPI_finish();
	return booking;
}

/* extend_hold(id, by). */
Datum
booking_extend_hold(PG_FUNCTION_ARGS)
{
	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("id");
	PG_RETURN_DATUM(booking_returned(fcinfo, extend_booking(PG_GETARG_DATUM(0), extension_of(fcinfo))));
}

static Datum
extension_of(FunctionCallInfo fcinfo)
{
	int64		by;

	if (PG_ARGISNULL(1))
		booking_null_argument("by");
	by = booking_interval_length(PG_GETARG_INTERVAL_P(1));
	if (by <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("by must be longer than zero"),
				 errhint("cancel() gives it up.")));
	return Int64GetDatum(by);
}

/*
 * From when it lapses now.  At no time does a hold have more than the resource's max_hold
 * ahead of it, so that repeating the call does no harm.
 */
static Datum
extend_booking(Datum id, Datum by)
{
	Datum		values[3];
	Datum		booking;
	Life		life;

	SPI_connect();
	booking_life_begin(&life, id);
	do
	{
		TimestampTz until;

		booking_life_must_be_active(&life);
		if (life.status == BOOKING_CONFIRMED)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the booking is confirmed already"),
					 errbooking(CONSTRAINT_STATUS, "A confirmed booking does not lapse.")));
		until = booking_shift(DatumGetTimestampTz(life.row.value[BOOKING_EXPIRES_AT]), DatumGetInt64(by));

		booking_check_hold(life.resource, until - life.now);
		values[2] = TimestampTzGetDatum(until);
	} while (!booking_life_change(&life, STMT_EXTEND_HOLD, values, NULL, &booking));
	booking_life_done(&life);
	SPI_finish();
	return booking;
}

/*
 * cancel(id, reason).  What has been cancelled or has expired already stays as it is, and
 * a hold that has lapsed has expired: it is marked here.
 */
Datum
booking_cancel(PG_FUNCTION_ARGS)
{
	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("id");
	PG_RETURN_DATUM(booking_returned(fcinfo, booking_life_cancel(PG_GETARG_DATUM(0), PG_ARGISNULL(1) ? (Datum) 0 : PG_GETARG_DATUM(1))));
}


/* ---- groups ---- */

/* confirm_group(group_id): what of it is held; what has been given up stays so. */
Datum
booking_confirm_group(PG_FUNCTION_ARGS)
{
	return step_of_group(fcinfo, confirm_booking, (Datum) 0, true);
}

/* extend_group(group_id, by): what of it is held. */
Datum
booking_extend_group(PG_FUNCTION_ARGS)
{
	booking_must_write(fcinfo);
	return step_of_group(fcinfo, extend_booking, extension_of(fcinfo), true);
}

/* cancel_group(group_id, reason). */
Datum
booking_cancel_group(PG_FUNCTION_ARGS)
{
	return step_of_group(fcinfo, booking_life_cancel, PG_ARGISNULL(1) ? (Datum) 0 : PG_GETARG_DATUM(1), false);
}

/*
 * The step of all bookings of a group, which are returned as they are then, in the order of
 * their ids.  A step that only holds can take passes over what is confirmed or has been
 * cancelled before, unless that is all there is; a hold that has lapsed is an error.
 */
static Datum
step_of_group(FunctionCallInfo fcinfo, Step step, Datum argument, bool of_holds)
{
	Member	   *members;
	int			held = 0;
	int			n;

	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("group_id");
	InitMaterializedSRF(fcinfo, 0);
	booking_lock_id(PG_GETARG_UUID_P(0));
	members = read_group(PG_GETARG_DATUM(0), &n);
	for (int i = 0; i < n; i++)
	{
		if (!booking_many_ids())
			booking_lock_id(&members[i].id);
		held += members[i].status == BOOKING_HELD || members[i].status == BOOKING_EXPIRED;
	}
	lock_members_rows(members, n);
	qsort(members, n, sizeof(Member), compare_members);
	for (int i = 0; i < n; i++)
	{
		Member	   *member = &members[i];

		CHECK_FOR_INTERRUPTS();
		if (!of_holds || held == 0 || member->status == BOOKING_HELD || member->status == BOOKING_EXPIRED)
			member->booking = step(UUIDPGetDatum(&member->id), argument);
	}
	qsort(members, n, sizeof(Member), compare_member_ids);
	for (int i = 0; i < n; i++)
		booking_return_row(fcinfo, members[i].booking);
	return (Datum) 0;
}

static void
lock_members_rows(const Member *members, int n)
{
	const pg_uuid_t **ids = palloc_extended(n * sizeof(pg_uuid_t *), MCXT_ALLOC_HUGE);

	for (int i = 0; i < n; i++)
		ids[i] = &members[i].id;
	booking_life_lock_rows(ids, n);
	pfree(ids);
}

/* In the order of their ids. */
static Member *
read_group(Datum group, int *n)
{
	MemoryContext context = CurrentMemoryContext;
	Member	   *members;

	SPI_connect();
	*n = (int) booking_run(STMT_BOOKINGS_OF_GROUP, &group, NULL);
	if (*n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("group %s does not exist", DatumGetCString(DirectFunctionCall1(uuid_out, group)))));
	members = MemoryContextAllocHuge(context, *n * sizeof(Member));
	for (int i = 0; i < *n; i++)
	{
		BookingRow	row;

		booking_row_read(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, &row);
		members[i] = (Member) {.id = *DatumGetUUIDP(row.value[BOOKING_ID]),
			.resource_id = DatumGetInt64(row.value[BOOKING_RESOURCE_ID]),
			.slot_id = row.null[BOOKING_SLOT_ID] ? 0 : DatumGetInt64(row.value[BOOKING_SLOT_ID]),
			.from = row.period.from,.status = booking_row_status(&row),.booking = booking_row_datum_at(i)};
	}
	SPI_finish();
	return members;
}

static int
compare_members(const void *a, const void *b)
{
	const Member *x = a;
	const Member *y = b;

	if (x->resource_id != y->resource_id)
		return x->resource_id < y->resource_id ? -1 : 1;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->slot_id != y->slot_id)
		return x->slot_id < y->slot_id ? -1 : 1;
	return compare_member_ids(a, b);
}

static int
compare_member_ids(const void *a, const void *b)
{
	return memcmp(a, b, UUID_LEN);
}
