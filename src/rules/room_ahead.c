/*-------------------------------------------------------------------------
 *
 * room_ahead.c
 *		Is there surely no room, before a row is on its way?
 *
 * A try_ function is told "no" more cheaply than by an INSERT that fails.  So it looks first, and
 * begins to insert only if there may be room.  The row is judged when it comes, in its trigger
 * (room.c): what is found here decides only where the answer is "no", and the trigger need not
 * look again where the look inside the gate has found nothing in the way.
 *
 * What is locked, in this order:
 *
 *	- The caller holds the RESOURCE lock already, shared, to the end of the transaction: the
 *	  resource and its rules stay what they are.
 *	- The gate of the row to come, if it is free: this does not wait.  It is left at once unless
 *	  nothing at all is in the way.  If so, it is kept until the row's trigger takes it over
 *	  (booking_was_looked_for()); from then on it is left as the gate of any row, when the row is
 *	  in its indexes.  If no such row comes, the caller leaves it.  While it is kept, no
 *	  transaction is waited for, and no code of other roles runs: may_enter_ahead() says when
 *	  that is certain.
 *	- If another transaction is inside, nothing: "full" is certain from outside as well (guard.c
 *	  says why), and "fits" is not believed.
 *
 * Another transaction that the answer depends on is waited for with none of these gates held.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/rel.h"

#include "base/cache.h"
#include "base/errors.h"
#include "base/gates.h"
#include "base/lock_kinds.h"
#include "base/locks.h"
#include "base/period.h"
#include "base/plans.h"
#include "base/test_point.h"
#include "engine/request.h"
#include "rules/room_ahead.h"
#include "rules/room_count.h"
#include "rules/room_place.h"

#define FEW_REFUSALS	3

/* A look before there is a row. */
typedef struct Look
{
	const Resource *resource;
	RangeType  *range;
	const Seat *seat;
	int32		quantity;
	bool		ahead;			/* in the gate, if no other transaction is inside */
	bool		outside;		/* if one is, from outside */
	GuardPending pending;		/* what it depends on */
} Look;

/* The row for which the gate was entered last before there was one. */
typedef struct Ahead
{
	int64		resource_id;
	int32		seat_no;
	Period		occupies;
	Oid			index_id;
} Ahead;

static bool may_enter_ahead(const Resource *resource);
static GuardAnswer look_for_room(Look *look);
static GuardAnswer look_into_index(Look *look, Relation heap, GuardLoad *load);
static bool enter_ahead(const GuardLoad *load, const GuardIndex *index);

static Ahead ahead;

/*
 * Is there surely no room?  A look before the caller begins to insert.  Where more than room is
 * to be judged, or a trigger of the application may change the row, the answer is no.  If it
 * depends on other transactions, the caller waits for them here as it would inside the insert,
 * holding no more and with less to undo.
 *
 * If no other transaction is in the gate, it is entered for the look, and if there is room,
 * kept: the row's trigger takes it over and need not look again.  The caller leaves it
 * afterwards (booking_gates_leave_ahead()), whether or not the row has been stored.  If one is,
 * we look from outside, provided that the caller has just been refused.  A caller that is
 * refused again and again always looks from outside: entering the gate would make that a tenth
 * slower.
 */
bool
booking_no_room(const Resource *resource, RangeType *range, const Seat *seat, int32 quantity, uint32 refusals)
{
	ErrorContextCallback hint = {.callback = booking_hint_at_deadlock,.previous = error_context_stack};
	Look		look = {
		.resource = resource,.range = range,.seat = seat,.quantity = quantity,
		.outside = refusals > 0,
		.ahead = refusals < FEW_REFUSALS && may_enter_ahead(resource)
	};
	GuardAnswer answer;

	if (resource->nlimits > 0 || !(look.outside || look.ahead))
		return false;
	while ((answer = look_for_room(&look)) == GUARD_WAIT &&
		   !resource->has_waiters && booking_line_lets_wait(resource->id) && !booking_hasty())
	{
		CHECK_FOR_INTERRUPTS();
		error_context_stack = &hint;
		booking_guard_wait(&look.pending);
		error_context_stack = hint.previous;
	}
	return answer == GUARD_FULL;
}

/*
 * Is there room, as far as can be seen from outside the gate?  Where more than that is to be
 * judged, as above, the answer is that it fits.
 */
GuardAnswer
booking_look_for_room(const Resource *resource, RangeType *range, const Seat *seat, int32 quantity,
					  GuardPending *pending)
{
	Look		look = {
		.resource = resource,.range = range,.seat = seat,.quantity = quantity,.outside = true
	};
	GuardAnswer answer = look_for_room(&look);

	*pending = look.pending;
	return answer;
}

/*
 * May the gate be entered before the row is on its way?  Only if from there to the index no
 * transaction is waited for, no line is served, nothing else is looked up, and no code of other
 * roles runs.
 */
static bool
may_enter_ahead(const Resource *resource)
{
	return resource->kind != RESOURCE_POOLED && !resource->has_waiters && !resource->taken_by_slots && !resource->slots_only &&
		booking_needs_no_statement(STMT_INSERT_BOOKING);
}

static GuardAnswer
look_for_room(Look *look)
{
	const Resource *resource = look->resource;
	const Seat *seat = look->seat;
	Relation	heap;
	GuardAnswer answer = GUARD_FITS;

	if (resource->retired_at != DT_NOEND ||
		(resource->kind == RESOURCE_SEATED && seat == NULL) ||
		(resource->kind != RESOURCE_POOLED && look->quantity != 1))
		return GUARD_FITS;

	heap = table_open(booking_table("booking"), RowExclusiveLock);
	if (booking_row_is_ours_alone(heap) &&
		pg_class_aclcheck(RelationGetRelid(heap), GetUserId(), ACL_INSERT) == ACLCHECK_OK)
	{
		GuardLoad	load = {
			.key = {Int64GetDatum(resource->id), Int32GetDatum(seat ? seat->seat_no : 0)},
			.range = booking_with_buffers(resource, look->range),
			.quantity = look->quantity,
			.first = booking_telling_column(resource, seat ? seat->seat_no : 0)
		};

		answer = look_into_index(look, heap, &load);
	}
	table_close(heap, NoLock);
	return answer;
}

static GuardAnswer
look_into_index(Look *look, Relation heap, GuardLoad *load)
{
	TupleDesc	desc = RelationGetDescr(heap);
	bool		pooled = look->resource->kind == RESOURCE_POOLED;
	Counting	counting = {
		.now = GetCurrentTimestamp(),
		.id_column = booking_row_column(desc, BOOKING_ID),
		.expires_column = booking_row_column(desc, BOOKING_EXPIRES_AT),
		.quantity_column = booking_row_column(desc, BOOKING_QUANTITY)
	};
	GuardPlace	place = booking_room_place(heap, look->resource);
	bool		inside = look->ahead && enter_ahead(load, place.index);
	GuardVerdict verdict;

	if (!inside && !look->outside)
		return GUARD_FITS;
	place.arg = &counting;
	load->outside = !inside;
	verdict = booking_guard_judge(&place, 1, load, pooled ? look->resource->capacity : 1, booking_units_taken);
	if (inside && !verdict.nothing)
		booking_gates_leave_ahead();
	else if (inside)
		BOOKING_TEST_POINT("room-ahead");
	look->pending = verdict.pending;
	return verdict.answer;
}

/* Enter the gate of what is going to be a row, if no other transaction is inside. */
static bool
enter_ahead(const GuardLoad *load, const GuardIndex *index)
{
	GateWanted	wanted;

	ahead = (Ahead)
	{
		.resource_id = DatumGetInt64(load->key[0]),.seat_no = DatumGetInt32(load->key[1]),
			.occupies = booking_period(load->range),.index_id = index->index_id
	};
	wanted = booking_gate_of_room(ahead.resource_id, ahead.seat_no, ahead.occupies);
	return booking_gates_enter_ahead(&wanted);
}

/*
 * Is this new row, which is not of a pool, the one for which the function that stores it has
 * looked, found nothing, and is still in the gate?  Then it is the row's gate now.
 */
bool
booking_was_looked_for(const BookingRow *row, const Claim *claim)
{
	Period		occupies = booking_period(claim->load.range);

	return ahead.resource_id == DatumGetInt64(row->value[BOOKING_RESOURCE_ID]) &&
		ahead.seat_no == DatumGetInt32(row->value[BOOKING_SEAT_NO]) &&
		ahead.occupies.from == occupies.from && ahead.occupies.to == occupies.to &&
		ahead.index_id == claim->places->index->index_id &&
		booking_gates_take_over(&claim->gate);
}
