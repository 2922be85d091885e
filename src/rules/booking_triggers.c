/*-------------------------------------------------------------------------
 *
 * booking_triggers.c
 *		The triggers of booking.booking: what must be true of a row for it to be stored?
 *
 * Every writer comes through here: book_slot(), a plain INSERT, UPDATE or MERGE, COPY,
 * a restore; for a writer that runs without triggers see unjudged.c.  The BEFORE trigger
 *
 *	1. takes the RESOURCE lock in shared mode, after which the remembered resource is
 *	   current and stays so until we commit;
 *	2. completes the row: the seat, the period with its buffers, the version;
 *	3. asks the rules that may refuse it: closure.c, limits.c, slot_rules.c;
 *	4. if the row takes space that its old version did not, makes room for it (room.c),
 *	   which enters a gate; a new version that takes no more enters it, too (guard.c);
 *	5. returns with the gate still entered.  The row goes into its indexes, and the WHEN
 *	   clause of the AFTER trigger writes down what it takes of a large pool (pool_change.c), and
 *	   leaves the gate.
 *
 * What exclusion constraint and trigger say is the same rule for exclusive and seated
 * resources: capacity 1.  The trigger is why a refusal can be explained, costs nothing
 * and never deadlocks; the constraint is why correctness does not depend on the trigger.  For a
 * row that a function of ours stores it is checked only if the trigger has found something
 * (store.c).  (With a plain insert, a constraint's check comes after the row is in place, so
 * that two inserters can wait for each other.  INSERT ... ON CONFLICT DO NOTHING avoids that by
 * looking at the index twice and inserting speculatively, and raises 40001 above READ
 * COMMITTED.)
 *
 * The rules stand here, in the order in which they are asked, and nothing on this floor or
 * below calls back.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/int.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/gates.h"
#include "base/locks.h"
#include "base/period.h"
#include "base/trigger.h"
#include "engine/history.h"
#include "engine/lapse.h"
#include "engine/places.h"
#include "engine/pool_change.h"
#include "engine/request.h"
#include "engine/resource.h"
#include "engine/row.h"
#include "engine/row_fault.h"
#include "engine/shards.h"
#include "engine/slots.h"
#include "engine/visible.h"
#include "rules/closure.h"
#include "rules/journal.h"
#include "rules/limits.h"
#include "rules/room.h"
#include "rules/room_count.h"
#include "rules/slot_rules.h"
#include "rules/unjudged.h"
#include "rules/waitlist.h"

PG_FUNCTION_INFO_V1(booking_row_before);
PG_FUNCTION_INFO_V1(booking_row_indexed);
PG_FUNCTION_INFO_V1(booking_row_done);

static HeapTuple judge_booking(TriggerData *trigger);
static HeapTuple judge_with_hint(TriggerData *trigger);
static bool brings_id(const BookingRow *row, const BookingRow *old);
static void must_see_slot(const BookingRow *row);
static bool enter_resource(RowChange *change);
static bool is_accepted(RowChange *change);
static bool complete_booking(const Resource *resource, const Slot *slot, BookingRow *row,
							 const BookingRow *old);
static void complete_seat(const Resource *resource, const Slot *slot, BookingRow *row);
static void complete_occupies(const Resource *resource, const Slot *slot, BookingRow *row,
							  const BookingRow *old);
static int32 next_version(const BookingRow *old);
static bool check_transition(const BookingRow *row, const BookingRow *old);
static void keep_lapse(BookingRow *row, const BookingRow *old);
static bool leaves_slot(const BookingRow *row, const BookingRow *old);
static bool needs_room(const Resource *resource, const Slot *slot, const BookingRow *row);

/*
 * BEFORE INSERT OR UPDATE, for each row.
 *
 * Judging a change may take time, serve the line and mark lapsed holds.  A hold that lapses
 * while its own change is being judged is left alone: the change goes ahead, and PostgreSQL
 * could not make it if the row were changed underneath.
 */
Datum
booking_row_before(PG_FUNCTION_ARGS)
{
	static TriggerUse use = {
		.timing = TRIGGER_TYPE_BEFORE, .levels = LEVEL_ROW,
		.events = ON_INSERT | ON_UPDATE, .tables = "booking"
	};
	TriggerData *trigger = booking_check_trigger(fcinfo, &use);
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	volatile HeapTuple tuple = NULL;
	Datum		id;
	bool		isnull;
	InHand		hold;

	booking_gates_leave_with_row();
	if (SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA)
	{
		booking_enter_unjudged(trigger);
		return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple);
	}
	if (!TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
		heap_attisnull(trigger->tg_trigtuple, booking_row_column(desc, BOOKING_EXPIRES_AT), desc))
		return PointerGetDatum(judge_with_hint(trigger));

	id = heap_getattr(trigger->tg_trigtuple, booking_row_column(desc, BOOKING_ID), desc, &isnull);
	if (isnull)
		booking_null_column("booking", "id");
	booking_take_in_hand(&hold, DatumGetUUIDP(id));
	PG_TRY();
	{
		tuple = judge_with_hint(trigger);
	}
	PG_FINALLY();
	{
		booking_let_go(&hold);
	}
	PG_END_TRY();
	return PointerGetDatum(tuple);
}

static HeapTuple
judge_with_hint(TriggerData *trigger)
{
	ErrorContextCallback hint = {.callback = booking_hint_at_deadlock,.previous = error_context_stack};
	HeapTuple	tuple;

	error_context_stack = &hint;
	tuple = judge_booking(trigger);
	error_context_stack = hint.previous;
	return tuple;
}

/* The row as it is to be stored; NULL when a function of ours is to say no. */
static HeapTuple
judge_booking(TriggerData *trigger)
{
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	HeapTuple	tuple = trigger->tg_trigtuple;
	BookingRow	row;
	BookingRow	old;
	Slot		slot;
	Slot		from;
	RowChange	change = {.heap = trigger->tg_relation,.row = &row,.way_back = -1};

	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
	{
		tuple = trigger->tg_newtuple;
		booking_row_take_apart(trigger->tg_trigtuple, desc, &old);
		booking_row_is_whole(&old, true);
		change.old = &old;
		change.self = &trigger->tg_trigtuple->t_self;
	}
	booking_row_take_apart(tuple, desc, &row);
	booking_row_is_whole(&row, false);
	booking_row_begins(&row);
	if (booking_row_is_parked(&row))
	{
		booking_pool_judged(NULL, NULL, change.old);
		return tuple;
	}
	booking_made_now(&row, change.old);
	if (brings_id(&row, change.old))
		booking_claim_id(change.heap, DatumGetUUIDP(row.value[BOOKING_ID]));

	if (!row.null[BOOKING_SLOT_ID])
	{
		if (change.old == NULL || !booking_row_same(&row, change.old, BOOKING_SLOT_ID))
			must_see_slot(&row);
		change.resource = booking_row_enter_slot(&row, change.old, &slot);
		change.slot = &slot;
	}
	if (!enter_resource(&change))
		return NULL;
	if (leaves_slot(&row, change.old))
	{
		const Resource *before;

		from = booking_use_slot(DatumGetInt64(old.value[BOOKING_SLOT_ID]), &before);
		change.from = &from;
		/* We may get the LINE lock, and must not wait for a counter then. */
		if (change.resource->has_waiters)
			change.way_back = booking_shards_prepare_to_give(&from);
	}
	if (!is_accepted(&change))
		return NULL;
	booking_pool_judged(change.resource, &row, change.old);

	tuple = booking_row_put_together(tuple, desc, &row);
	booking_give_row(&row, change.heap, tuple);
	return tuple;
}

/*
 * An id that another transaction may use as well, and of which a function of ours has no lock.
 * That it was made in this session a moment ago proves nothing: SELECT booking.uuid_v7() may
 * have given it to the client.
 */
static bool
brings_id(const BookingRow *row, const BookingRow *old)
{
	if (row->null[BOOKING_ID] || booking_asked_for(row))
		return false;
	return old == NULL ||
		memcmp(DatumGetUUIDP(row->value[BOOKING_ID]), DatumGetUUIDP(old->value[BOOKING_ID]), UUID_LEN) != 0;
}

/* What a function of ours books has been looked at there. */
static void
must_see_slot(const BookingRow *row)
{
	int64		slot_id = DatumGetInt64(row->value[BOOKING_SLOT_ID]);
	const Resource *resource;

	if (booking_asked_for(row))
		return;
	(void) booking_peek_slot(slot_id, &resource);
	booking_must_see_slot(resource->id, slot_id);
}

/* Lock what the row is about, and fill in what follows from it. */
static bool
enter_resource(RowChange *change)
{
	BookingRow *row = change->row;
	const BookingRow *old = change->old;

	if (row->null[BOOKING_RESOURCE_ID])
		booking_null_argument("resource_id");
	if (row->null[BOOKING_PERIOD])
		booking_null_argument("period");
	booking_check_period(DatumGetRangeTypeP(row->value[BOOKING_PERIOD]), &row->period);

	/* Two resources are locked in their order, like everywhere, and before there is a gate. */
	if (old && !booking_row_same(row, old, BOOKING_RESOURCE_ID))
	{
		int64		from = DatumGetInt64(old->value[BOOKING_RESOURCE_ID]);
		int64		to = DatumGetInt64(row->value[BOOKING_RESOURCE_ID]);

		booking_lock_resource(Min(from, to));
		booking_lock_resource(Max(from, to));
	}
	if (change->slot == NULL && (old == NULL || !booking_row_same(row, old, BOOKING_RESOURCE_ID)) && !booking_asked_for(row))
		booking_must_see(DatumGetInt64(row->value[BOOKING_RESOURCE_ID]));
	if (change->slot == NULL)
		change->resource = booking_use_resource(DatumGetInt64(row->value[BOOKING_RESOURCE_ID]));
	return complete_booking(change->resource, change->slot, row, old);
}

/* All rules; the last of them leaves us inside the gate. */
static bool
is_accepted(RowChange *change)
{
	const Resource *resource = change->resource;
	BookingRow *row = change->row;
	const BookingRow *old = change->old;

	if (!booking_not_closed(resource, row, old) || !booking_within_limits(resource, row, old))
		return false;

	if ((change->slot || resource->taken_by_slots || resource->slots_only) &&
		!booking_judge_slots(change))
		return false;

	if (change->has_room || !row->active || !needs_room(resource, change->slot, row))
		return true;
	if (booking_row_adds_load(row, old))
		return booking_make_room(change->heap, resource, row, change->self);
	booking_keep_room(row);
	return true;
}

/*
 * leave_gates(): in the WHEN clause of the AFTER ROW trigger, which is evaluated when the
 * row is in all its indexes.
 */
Datum
booking_row_indexed(PG_FUNCTION_ARGS)
{
	booking_pool_stored();
	booking_gates_row_done();
	booking_row_ends();
	booking_pool_settled();
	PG_RETURN_BOOL(true);
}

/*
 * AFTER INSERT OR UPDATE OR DELETE, for each row and for each statement: counts the places
 * of slots that the rows take, writes down what happened, and serves the line.
 */
Datum
booking_row_done(PG_FUNCTION_ARGS)
{
	static TriggerUse use = {
		.timing = TRIGGER_TYPE_AFTER, .levels = LEVEL_ROW | LEVEL_STATEMENT,
		.events = ON_INSERT | ON_UPDATE | ON_DELETE, .tables = "booking"
	};
	TriggerData *trigger = booking_check_trigger(fcinfo, &use);

	if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
	{
		booking_places_stored(trigger);
		if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
			booking_pool_deleted(trigger->tg_trigtuple, RelationGetDescr(trigger->tg_relation));
		booking_journal_stored(trigger);
	}
	else
	{
		booking_places_settle();
		booking_line_statement_done();
	}
	return PointerGetDatum(NULL);
}

/*
 * Fill in what the writer left out, and refuse what contradicts the resource.  False when
 * a function of ours is to say no.
 */
static bool
complete_booking(const Resource *resource, const Slot *slot, BookingRow *row, const BookingRow *old)
{
	const char *fault;

	if (old)
	{
		if (!check_transition(row, old))
			return false;
		keep_lapse(row, old);
		booking_row_set(row, BOOKING_VERSION, Int32GetDatum(next_version(old)));
		booking_row_set(row, BOOKING_UPDATED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	}

	/* A booking that moves from an exclusive resource has no seat to take along. */
	if (old && !booking_row_same(row, old, BOOKING_RESOURCE_ID) && !row->null[BOOKING_SEAT_NO] &&
		booking_row_same(row, old, BOOKING_SEAT_NO) && DatumGetInt32(row->value[BOOKING_SEAT_NO]) == 0)
	{
		row->null[BOOKING_SEAT_NO] = true;
		row->changed[BOOKING_SEAT_NO] = true;
	}

	/* A booking that has ended, or is given up, may keep what its resource once was. */
	if (row->active)
		complete_seat(resource, slot, row);
	complete_occupies(resource, slot, row, old);

	fault = booking_row_fault(row);
	if (fault)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s", fault)));

	if (resource->retired_at < row->period.to && booking_row_in_force(row) &&
		!booking_row_stays(row, old))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("resource \"%s\" is retired", resource->name),
				 errdetail("It cannot be booked beyond %s.",
						   booking_instant_text(resource->retired_at))));
	return true;
}

static void
complete_seat(const Resource *resource, const Slot *slot, BookingRow *row)
{
	bool		has_seat = !row->null[BOOKING_SEAT_NO];
	int32		seat_no = has_seat ? DatumGetInt32(row->value[BOOKING_SEAT_NO]) : 0;

	switch (resource->kind)
	{
		case RESOURCE_EXCLUSIVE:
			if (seat_no != 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("resource \"%s\" has no seats", resource->name),
						 errdetail("It is exclusive: one booking at a time.")));
			if (!has_seat && !(slot && slot->takes_resource))
				booking_row_set(row, BOOKING_SEAT_NO, Int32GetDatum(0));
			break;
		case RESOURCE_SEATED:
			if (has_seat && booking_seat_numbered(resource, seat_no) == NULL)
				ereport(ERROR,
						(errcode(ERRCODE_UNDEFINED_OBJECT),
						 errmsg("resource \"%s\" has no seat number %d", resource->name, seat_no)));
			break;
		case RESOURCE_POOLED:
			if (has_seat)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("resource \"%s\" has no seats", resource->name),
						 errdetail("It is pooled: its units are counted, not named.")));
			break;
	}

	/* In a slot, the places are counted; a seat is still one. */
	if (slot && !(has_seat && seat_no > 0))
		return;
	if (resource->kind != RESOURCE_POOLED && DatumGetInt32(row->value[BOOKING_QUANTITY]) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("quantity must be 1 for resource \"%s\"", resource->name),
				 errdetail("It is %s.", resource->kind == RESOURCE_EXCLUSIVE ?
						   "exclusive: one booking at a time" : "seated: one booking takes one seat"),
				 resource->kind == RESOURCE_EXCLUSIVE ?
				 errhint("Quantities are for pooled resources, and for places in a published slot.") :
				 errhint("Book each seat by itself; book_seats() and book_slot_seats() book several in one step.")));
}

/*
 * What the booking takes: its period and the buffers around it.  A row that brings it
 * along (a restore) keeps it; a booking that moves gets the buffers of today.
 */
static void
complete_occupies(const Resource *resource, const Slot *slot, BookingRow *row,
				  const BookingRow *old)
{
	bool		keep = !row->null[BOOKING_OCCUPIES];

	if (keep && old && booking_row_same_range(row, old, BOOKING_OCCUPIES) &&
		!(booking_row_same_range(row, old, BOOKING_PERIOD) && booking_row_same(row, old, BOOKING_RESOURCE_ID)))
		keep = false;

	/* The slot has kept the time around it free already, with the buffers of then. */
	if (!keep && slot && slot->takes_resource && row->active)
	{
		booking_row_set(row, BOOKING_OCCUPIES, RangeTypePGetDatum(booking_make_range(slot->occupies)));
		return;
	}

	if (!keep)
	{
		RangeType  *period = DatumGetRangeTypeP(row->value[BOOKING_PERIOD]);

		booking_row_set(row, BOOKING_OCCUPIES,
						RangeTypePGetDatum(booking_with_buffers(resource, period)));
	}
}

/* A writer may have begun anywhere; the last version is followed by the first. */
static int32
next_version(const BookingRow *old)
{
	int32		version;

	return pg_add_s32_overflow(DatumGetInt32(old->value[BOOKING_VERSION]), 1, &version) ? 1 : version;
}

/* A hold that has lapsed never comes back to life, whatever writes. */
static bool
check_transition(const BookingRow *row, const BookingRow *old)
{
	Refusal		refusal;

	if (!row->active || booking_row_is_in_time(row) || !booking_row_lapsed(old, GetCurrentTimestamp()))
		return true;
	booking_hold_lapsed(old, &refusal);
	return booking_row_refuse(row, &refusal);
}

/* A hold that is marked expired keeps in mind when it lapsed. */
static void
keep_lapse(BookingRow *row, const BookingRow *old)
{
	if (booking_row_status(row) == BOOKING_EXPIRED && booking_row_status(old) == BOOKING_HELD &&
		row->null[BOOKING_REASON])
		booking_row_set(row, BOOKING_REASON,
						CStringGetTextDatum(booking_lapse_reason(DatumGetTimestampTz(old->value[BOOKING_EXPIRES_AT]))));
}

/* Does a booking move from a slot to another, or to none? */
static bool
leaves_slot(const BookingRow *row, const BookingRow *old)
{
	return old && old->active && row->active && !old->null[BOOKING_SLOT_ID] &&
		!booking_row_same(row, old, BOOKING_SLOT_ID);
}

/* Does the row take space of the resource?  In a slot, only what slot_rules.c says. */
static bool
needs_room(const Resource *resource, const Slot *slot, const BookingRow *row)
{
	return slot == NULL ||
		(resource->kind != RESOURCE_POOLED && !(slot->takes_resource && row->null[BOOKING_SEAT_NO]));
}
