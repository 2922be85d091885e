/*-------------------------------------------------------------------------
 *
 * move.c
 *		A booking takes another place, or ends when its holder leaves: reschedule,
 *		move_to_slot, check_in, check_out.
 *
 * Moving is one UPDATE.  The row's trigger judges the new place as it judges a new
 * booking, without the booking itself, and only if there is room is the row written: the old
 * place is given up and the new one taken in one step.
 *
 * Two bookings that want each other's places: while both are being judged neither has written
 * anything, each sees the other in its old place as sure, and both are refused.  A mover waits
 * only for a transaction that has already written its row, and which therefore has its answer.
 *
 * A hold may lapse while it moves.  A transaction that wants its space finds the row locked then,
 * and waits for us; we must not wait for it in turn, nor for one that waits for it.  So the UPDATE
 * of a hold is an attempt: where it would have to wait for the end of another transaction it is
 * undone, which gives back the row's lock, and we wait as a new booking does.  The HOLDER lock
 * comes before.  (A plain UPDATE that moves a hold cannot give its row back, and may end in a
 * deadlock; so may one that moves several.)
 *
 * A booking in a slot moves to another slot of the resource: the one that is published for
 * the new period.
 *
 * Checking out only ever shrinks what a booking takes, so it is never refused for want of
 * room, not even where buffers have grown since.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "base/attempt.h"
#include "base/cache.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/period.h"
#include "base/plans.h"
#include "base/returned.h"
#include "engine/guard.h"
#include "engine/request.h"
#include "engine/resource.h"
#include "engine/row.h"
#include "engine/row_fault.h"
#include "engine/shards.h"
#include "engine/slots.h"
#include "engine/visible.h"
#include "rules/life.h"
#include "rules/limits.h"
#include "rules/policy.h"
#include "sql/move.h"

PG_FUNCTION_INFO_V1(booking_reschedule);
PG_FUNCTION_INFO_V1(booking_move_to_slot);
PG_FUNCTION_INFO_V1(booking_check_in);
PG_FUNCTION_INFO_V1(booking_check_out);

/* An attempt to move a hold. */
typedef struct HoldTry
{
	Life	   *life;
	BookingWrite write;
} HoldTry;

static Datum move_one(FunctionCallInfo fcinfo, Move *move);
static bool move_hold(Life *life, Datum *values, const char *nulls, Datum *booking);
static bool try_to_move_hold(void *arg);
static void wait_for_way(const InTheWay *way);
static const Resource *move_target(const Life *life, const Move *move, Slot *slot);
static bool is_there_already(const Life *life, const Move *move);
static void put_move(const BookingRow *new, Datum *values, char *nulls);
static int64 slot_for(const Resource *to, const BookingRow *new);
static void must_be_confirmed(const Life *life);
static void must_not_have_left(const Life *life);
static RangeType *shrunk(const Life *life, TimestampTz at);

/*
 * reschedule(id, period, seat, quantity, expected_version, resource): what is NULL stays as it
 * is; but on another resource a booking gets any seat, unless one is named.
 */
Datum
booking_reschedule(PG_FUNCTION_ARGS)
{
	Move		move = {0};

	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("id");
	if (PG_ARGISNULL(1))
		booking_null_argument("period");
	move.range = PG_GETARG_RANGE_P(1);
	booking_check_period(move.range, &move.period);
	move.name = PG_ARGISNULL(5) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(5));
	return move_one(fcinfo, &move);
}

/* move_to_slot(id, slot_id, seat, quantity, expected_version). */
Datum
booking_move_to_slot(PG_FUNCTION_ARGS)
{
	Move		move = {.has_slot = true};

	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("id");
	if (PG_ARGISNULL(1))
		booking_null_argument("slot_id");
	move.slot_id = PG_GETARG_INT64(1);
	return move_one(fcinfo, &move);
}

/* The arguments that both have, and the one UPDATE. */
static Datum
move_one(FunctionCallInfo fcinfo, Move *move)
{
	Datum		values[MOVE_NVALUES];
	char		nulls[MOVE_NVALUES + 1];
	Datum		booking;
	Life		life;

	move->id = *PG_GETARG_UUID_P(0);
	move->seat = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));
	if (!PG_ARGISNULL(3))
		booking_check_quantity(move->quantity = PG_GETARG_INT32(3));
	move->has_version = !PG_ARGISNULL(4);
	if (move->has_version)
		move->version = PG_GETARG_INT32(4);

	SPI_connect();
	booking_life_begin_move(&life, PG_GETARG_DATUM(0));
	do
	{
		booking_may_move(&life, move);
		if (!booking_move_values(&life, move, values, nulls))
		{
			booking = booking_row_datum();
			break;
		}
	} while (!(life.lapses ? move_hold(&life, values, nulls, &booking) :
			   booking_life_change(&life, STMT_MOVE_BOOKING, values, nulls, &booking)));
	booking_life_done(&life);
	SPI_finish();
	PG_RETURN_DATUM(booking_returned(fcinfo, booking));
}

/*
 * Like booking_life_change(), and without waiting while the row is locked.  A move that was asked
 * for in time goes ahead when the hold lapses while it waits, unless its space has been taken.
 */
static bool
move_hold(Life *life, Datum *values, const char *nulls, Datum *booking)
{
	Datum		version = life->row.value[BOOKING_VERSION];
	TimestampTz asked = life->now;
	Refusal		refusal = {0};
	InTheWay	way = {0};
	HoldTry		try = {
		.life = life,
		.write = {
			.statement = STMT_MOVE_BOOKING, .values = values, .nulls = nulls,
			.refusal = &refusal, .booking = booking, .busy = &way, .queues = true, .in_time = true
		}
	};
	ErrorData  *error;
	bool		moved;

	booking_limits_lock(booking_use_resource(DatumGetInt64(values[MOVE_NVALUES - 1])), &life->row);
	error = booking_attempt(try_to_move_hold, &try, &moved);
	if (moved)
		return true;
	/* Above READ COMMITTED, a plain UPDATE of the hold is an error when it commits. */
	if (error)
		booking_forgive_late_update(error, &life->late);
	if (refusal.message)
		booking_raise(&refusal);
	if (way.busy)
		wait_for_way(&way);
	/* It may have been read in the attempt, which has given its lock back. */
	life->resource = NULL;
	booking_life_look_again(life);
	if (life->row.value[BOOKING_VERSION] == version)
		life->now = asked;
	else
		life->late = 0;
	return false;
}

static bool
try_to_move_hold(void *arg)
{
	const HoldTry *try = arg;

	return booking_life_try(try->life, &try->write);
}

static void
wait_for_way(const InTheWay *way)
{
	GuardPending pending = way->pending;

	CHECK_FOR_INTERRUPTS();
	if (way->lapsed)
	{
		Relation	heap = table_open(booking_table("booking"), NoLock);

		booking_wait_for_row(heap, UUIDPGetDatum(&way->id));
		table_close(heap, NoLock);
	}
	else if (TransactionIdIsValid(pending.xid))
		booking_guard_wait(&pending);
}

/* Is the booking one that can move, and the one that the caller has seen? */
void
booking_may_move(const Life *life, const Move *move)
{
	int32		version = DatumGetInt32(life->row.value[BOOKING_VERSION]);

	booking_life_must_be_active(life);
	must_not_have_left(life);
	if (move->has_version && version != move->version)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the booking has been changed meanwhile"),
				 errbooking(CONSTRAINT_VERSION, "Its version is %d, expected was %d.",
						   version, move->version),
				 version > move->version && is_there_already(life, move) ?
				 errhint("The booking is as this call would leave it.  If the call repeats one whose answer was lost, that one was carried out.") :
				 errhint("Read the booking again and decide anew.")));
}

/* As far as the booking itself tells: nothing is locked or looked up for a hint. */
static bool
is_there_already(const Life *life, const Move *move)
{
	const BookingRow *row = &life->row;
	const Seat *seat = move->seat && !row->null[BOOKING_SEAT_NO] ?
		booking_seat_numbered(life->resource, DatumGetInt32(row->value[BOOKING_SEAT_NO])) : NULL;

	if (move->has_slot && (row->null[BOOKING_SLOT_ID] || DatumGetInt64(row->value[BOOKING_SLOT_ID]) != move->slot_id))
		return false;
	if (move->range && (move->period.from != row->period.from || move->period.to != row->period.to))
		return false;
	if ((move->name && strcmp(move->name, life->resource->name) != 0) ||
		(move->has_resource && move->resource_id != life->resource->id))
		return false;
	if (move->seat && (seat == NULL || strcmp(move->seat, seat->label) != 0))
		return false;
	return move->quantity <= 0 || move->quantity == DatumGetInt32(row->value[BOOKING_QUANTITY]);
}

/* Where a move goes: its resource, locked, and its slot if it names one. */
static const Resource *
move_target(const Life *life, const Move *move, Slot *slot)
{
	const Resource *resource = life->resource;

	if (move->has_slot)
	{
		*slot = booking_use_slot(move->slot_id, &resource);
		booking_must_see_slot(resource->id, move->slot_id);
	}
	else if (move->name || move->has_resource)
		resource = booking_use_visible(move->name, move->resource_id);
	return resource;
}

/* The parameters of STMT_MOVE_BOOKING.  False when the booking is there already. */
bool
booking_move_values(const Life *life, const Move *move, Datum *values, char *nulls)
{
	const BookingRow *old = &life->row;
	BookingRow	new = *old;
	Slot		slot;
	const Resource *to = move_target(life, move, &slot);
	bool		elsewhere = to->id != life->resource->id;

	booking_row_set(&new, BOOKING_RESOURCE_ID, Int64GetDatum(to->id));
	if (move->quantity > 0)
		booking_row_set(&new, BOOKING_QUANTITY, Int32GetDatum(move->quantity));
	if (move->range)
		booking_row_set(&new, BOOKING_PERIOD, RangeTypePGetDatum(move->range));
	if (move->has_slot)
	{
		booking_row_set(&new, BOOKING_SLOT_ID, Int64GetDatum(slot.id));
		booking_row_set(&new, BOOKING_PERIOD, RangeTypePGetDatum(booking_make_range(slot.period)));
		new.null[BOOKING_SEAT_NO] = to->kind != RESOURCE_SEATED || elsewhere || old->null[BOOKING_SEAT_NO];
	}
	else if (elsewhere || move->plain)
		new.null[BOOKING_SLOT_ID] = new.null[BOOKING_SEAT_NO] = true;
	if (move->seat)
		booking_row_set(&new, BOOKING_SEAT_NO, Int32GetDatum(booking_seat_wanted(to, move->seat)->seat_no));

	if (booking_row_same(&new, old, BOOKING_RESOURCE_ID) &&
		booking_row_same_range(&new, old, BOOKING_PERIOD) &&
		(booking_row_same(&new, old, BOOKING_SLOT_ID)) &&
		(booking_row_same(&new, old, BOOKING_SEAT_NO) || (move->has_slot && !move->seat)) &&
		booking_row_same(&new, old, BOOKING_QUANTITY))
		return false;

	if (elsewhere || move->has_slot || move->plain || !booking_row_same_range(&new, old, BOOKING_PERIOD))
	{
		bool		finds_slot = !move->has_slot &&
			(to->slots_only || (!elsewhere && !move->plain && !old->null[BOOKING_SLOT_ID]));
		Period		period = booking_period(DatumGetRangeTypeP(new.value[BOOKING_PERIOD]));

		booking_check_policy(to, period, finds_slot || move->has_slot ? POLICY_NOTICE : POLICY_ALL);
		if (finds_slot)
			booking_row_set(&new, BOOKING_SLOT_ID, Int64GetDatum(slot_for(to, &new)));
	}
	put_move(&new, values, nulls);
	return true;
}

/*
 * The same for nowhere: out of the way of others, and out of the places of its slot, for as long
 * as it takes to move others.  Only the trigger of a row that is parked (request.c) lets that
 * pass; a seat's number is above zero.
 */
void
booking_park_values(const Life *life, int n, Datum *values, char *nulls)
{
	BookingRow	new = life->row;

	booking_row_set(&new, BOOKING_SEAT_NO, Int32GetDatum(-1 - n));
	new.null[BOOKING_SLOT_ID] = true;
	put_move(&new, values, nulls);
}

static void
put_move(const BookingRow *new, Datum *values, char *nulls)
{
	static const BookingColumn columns[MOVE_NVALUES - 2] = {
		BOOKING_PERIOD, BOOKING_SEAT_NO, BOOKING_QUANTITY, BOOKING_SLOT_ID, BOOKING_RESOURCE_ID
	};

	memset(nulls, ' ', MOVE_NVALUES);
	nulls[MOVE_NVALUES] = '\0';
	for (int i = 0; i < (int) lengthof(columns); i++)
	{
		values[i + 2] = new->value[columns[i]];
		nulls[i + 2] = new->null[columns[i]] ? 'n' : ' ';
	}
}

/* Of the slots for the new period the first that has places for the booking, else any. */
static int64
slot_for(const Resource *to, const BookingRow *new)
{
	RangeType  *range = DatumGetRangeTypeP(new->value[BOOKING_PERIOD]);
	const Resource *resource;
	int			n;
	int64	   *ids = booking_find_slots(to, range, &n);

	if (n == 0)
		booking_no_such_slot(to, range);
	for (int i = 0; i < n; i++)
	{
		Slot		slot = booking_use_slot(ids[i], &resource);

		if (!slot.closed && booking_shards_left(&slot) >= DatumGetInt32(new->value[BOOKING_QUANTITY]))
			return ids[i];
	}
	return ids[0];
}

static void
must_be_confirmed(const Life *life)
{
	booking_life_must_be_active(life);
	if (life->status == BOOKING_HELD)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the booking is only held"),
				 errbooking(CONSTRAINT_STATUS, "The hold lapses at %s.",
						   booking_instant_text(DatumGetTimestampTz(life->row.value[BOOKING_EXPIRES_AT]))),
				 errhint("Confirm it first.")));
}

static void
must_not_have_left(const Life *life)
{
	if (!life->row.null[BOOKING_CHECKED_OUT_AT])
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the stay is over"),
				 errbooking(CONSTRAINT_STATUS, "It was checked out at %s.",
						   booking_instant_text(DatumGetTimestampTz(life->row.value[BOOKING_CHECKED_OUT_AT]))),
				 errhint("Make a new booking.")));
}

/*
 * check_in(id): the holder has arrived.  Early or late, it is recorded and changes
 * nothing else.
 */
Datum
booking_check_in(PG_FUNCTION_ARGS)
{
	Datum		values[3];
	Datum		booking;
	Life		life;

	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("id");

	SPI_connect();
	booking_life_begin(&life, PG_GETARG_DATUM(0));
	do
	{
		must_be_confirmed(&life);
		if (!life.row.null[BOOKING_CHECKED_IN_AT])
		{
			booking = booking_row_datum();
			break;
		}
		must_not_have_left(&life);
		values[2] = TimestampTzGetDatum(life.now);
	} while (!booking_life_change(&life, STMT_CHECK_IN_BOOKING, values, NULL, &booking));
	booking_life_done(&life);
	SPI_finish();
	PG_RETURN_DATUM(booking_returned(fcinfo, booking));
}

/*
 * check_out(id, at): the holder leaves.  What is left of the period is free from then on.
 * To leave late, after the period, does not lengthen it.
 */
Datum
booking_check_out(PG_FUNCTION_ARGS)
{
	Datum		values[5];
	Datum		booking;
	Life		life;

	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("id");
	if (!PG_ARGISNULL(1) && TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(1)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a stay cannot end at infinity"),
				 errhint("Leave it open by not checking out.")));

	SPI_connect();
	booking_life_begin(&life, PG_GETARG_DATUM(0));
	do
	{
		TimestampTz at = PG_ARGISNULL(1) ? life.now : PG_GETARG_TIMESTAMPTZ(1);
		const BookingRow *row = &life.row;

		must_be_confirmed(&life);
		if (!row->null[BOOKING_CHECKED_OUT_AT])
		{
			booking = booking_row_datum();
			break;
		}
		if (at <= row->period.from)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the booking has not begun"),
					 errbooking(CONSTRAINT_STATUS, "It begins at %s.", booking_instant_text(row->period.from)),
					 errhint("cancel() gives up a booking before it begins.")));
		if (!row->null[BOOKING_CHECKED_IN_AT] &&
			at < DatumGetTimestampTz(row->value[BOOKING_CHECKED_IN_AT]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("check-out must not be before check-in"),
					 errdetail("The booking was checked in at %s.",
							   booking_instant_text(DatumGetTimestampTz(row->value[BOOKING_CHECKED_IN_AT])))));

		values[2] = TimestampTzGetDatum(at);
		values[3] = row->value[BOOKING_PERIOD];
		values[4] = row->value[BOOKING_OCCUPIES];
		if (at < row->period.to && row->null[BOOKING_SLOT_ID])
		{
			values[3] = RangeTypePGetDatum(booking_make_range((Period) {row->period.from, at}));
			values[4] = RangeTypePGetDatum(shrunk(&life, at));
		}
	} while (!booking_life_change(&life, STMT_CHECK_OUT_BOOKING, values, NULL, &booking));
	booking_life_done(&life);
	SPI_finish();
	PG_RETURN_DATUM(booking_returned(fcinfo, booking));
}

/*
 * What a booking takes that ends earlier: it keeps the buffer it has after it.  An open
 * one has none yet and gets that of its resource.
 */
static RangeType *
shrunk(const Life *life, TimestampTz at)
{
	Period		occupies = booking_period(DatumGetRangeTypeP(life->row.value[BOOKING_OCCUPIES]));
	int64		after = life->row.period.to == DT_NOEND ? life->resource->buffer_after :
		occupies.to - life->row.period.to;

	if (occupies.to == DT_NOEND && life->row.period.to != DT_NOEND)
		after = life->resource->buffer_after;
	occupies.to = booking_shift(at, after);
	return booking_make_range(occupies);
}
