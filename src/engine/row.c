/*-------------------------------------------------------------------------
 *
 * row.c
 *		The triggers of booking.booking: what must be true of a row for it to be stored?
 *
 * Every writer comes through here: book_slot(), a plain INSERT, UPDATE or MERGE, COPY,
 * a restore.  The BEFORE trigger
 *
 *	1. takes the RESOURCE lock in shared mode, after which the remembered resource is
 *	   current and stays so until we commit;
 *	2. completes the row: the seat, the period with its buffers, the version;
 *	3. if the row takes space that its old version did not, makes room for it (room.c),
 *	   which enters a gate; a new version that takes no more enters it, too (guard.c);
 *	4. returns with the gate still entered.  The row goes into its indexes, and the WHEN
 *	   clause of the AFTER trigger leaves the gate.
 *
 * What exclusion constraint and trigger say is the same rule for exclusive and seated
 * resources: capacity 1.  The trigger is why a refusal can be explained, costs nothing
 * and never deadlocks; the constraint is why nobody needs to believe the trigger.
 * (With a plain insert, a constraint's check comes after the row is in place, so that two
 * inserters can wait for each other.  INSERT ... ON CONFLICT DO NOTHING avoids that by
 * looking at the index twice and inserting speculatively, and raises 40001 above READ
 * COMMITTED.  Gate and dirty snapshot look once before and once after.)
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
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
#include "base/plans.h"
#include "base/trigger.h"
#include "engine/places.h"
#include "engine/resource.h"
#include "engine/room.h"
#include "engine/row.h"
#include "engine/row_fault.h"
#include "engine/slots.h"
#include "rules/closure.h"
#include "rules/limits.h"
#include "rules/waitlist.h"
#include "sql/transitions.h"

PG_FUNCTION_INFO_V1(booking_row_before);
PG_FUNCTION_INFO_V1(booking_row_indexed);
PG_FUNCTION_INFO_V1(booking_row_done);

/*
 * The booking that a function of ours is inserting or changing: it is told of a refusal
 * by this, not by an error.
 */
typedef struct Request
{
	bool		active;
	pg_uuid_t	id;
	Refusal    *refusal;		/* NULL: nobody wants to know why */
	Datum	   *row;			/* what is being inserted, for whoever wants to know */
	MemoryContext context;		/* for both */
} Request;

static Request request = {.active = false};

/* A hold whose change is being judged, and the one within whose judging that happens. */
typedef struct InHand
{
	pg_uuid_t	id;
	struct InHand *outer;
} InHand;

static InHand *in_hand = NULL;

static HeapTuple judge_booking(TriggerData *trigger);
static void row_take_apart(HeapTuple tuple, TupleDesc desc, BookingRow *row);
static void row_is_whole(const BookingRow *row, bool stored);
static HeapTuple row_put_together(HeapTuple tuple, TupleDesc desc, BookingRow *row);
static bool complete_booking(const Resource *resource, const Slot *slot, BookingRow *row,
					 const BookingRow *old);
static void complete_seat(const Resource *resource, const Slot *slot, BookingRow *row);
static void complete_occupies(const Resource *resource, const Slot *slot, BookingRow *row,
							  const BookingRow *old);
static int32 next_version(const BookingRow *old);
static bool check_transition(const BookingRow *row, const BookingRow *old);
static void keep_lapse(BookingRow *row, const BookingRow *old);
static bool needs_room(const Resource *resource, const Slot *slot, const BookingRow *row);
static bool asked_for(const BookingRow *row);

static const Column row_columns[BOOKING_NCOLUMNS + 1] = {
	[BOOKING_ID] = {"id", UUIDOID},
	[BOOKING_RESOURCE_ID] = {"resource_id", INT8OID},
	[BOOKING_SLOT_ID] = {"slot_id", INT8OID},
	[BOOKING_SEAT_NO] = {"seat_no", INT4OID},
	[BOOKING_PERIOD] = {"period", TSTZRANGEOID},
	[BOOKING_OCCUPIES] = {"occupies", TSTZRANGEOID},
	[BOOKING_QUANTITY] = {"quantity", INT4OID},
	[BOOKING_HOLDER] = {"holder", TEXTOID},
	[BOOKING_STATUS] = {"status", TEXTOID},
	[BOOKING_EXPIRES_AT] = {"expires_at", TIMESTAMPTZOID},
	[BOOKING_GROUP_ID] = {"group_id", UUIDOID},
	[BOOKING_WAITLIST_ID] = {"waitlist_id", INT8OID},
	[BOOKING_VERSION] = {"version", INT4OID},
	[BOOKING_CREATED_AT] = {"created_at", TIMESTAMPTZOID},
	[BOOKING_UPDATED_AT] = {"updated_at", TIMESTAMPTZOID},
	[BOOKING_CHECKED_IN_AT] = {"checked_in_at", TIMESTAMPTZOID},
	[BOOKING_CHECKED_OUT_AT] = {"checked_out_at", TIMESTAMPTZOID},
	[BOOKING_REASON] = {"reason", TEXTOID},
	[BOOKING_DATA] = {"data", JSONBOID}
};

/* Where a table, or a result, has a column. */
AttrNumber
booking_row_column(TupleDesc desc, BookingColumn column)
{
	return booking_column(desc, &row_columns[column], column);
}

static void
row_take_apart(HeapTuple tuple, TupleDesc desc, BookingRow *row)
{
	booking_find_columns(desc, row_columns, BOOKING_NCOLUMNS, row->column);
	booking_take_apart(tuple, desc, row->column, BOOKING_NCOLUMNS, row->value, row->null);
	memset(row->changed, 0, sizeof(row->changed));
	row->active = !row->null[BOOKING_STATUS] &&
		booking_status_is_active(DatumGetTextPP(row->value[BOOKING_STATUS]));
}

/*
 * BEFORE triggers see rows that no constraint has seen yet.  What may be NULL in one that
 * is being written is its resource and its period, which its slot may give; a stored one
 * has these, too.
 */
static void
row_is_whole(const BookingRow *row, bool stored)
{
	static const BookingColumn needed[] = {
		BOOKING_ID, BOOKING_QUANTITY, BOOKING_HOLDER, BOOKING_STATUS,
		/* when stored: */
		BOOKING_RESOURCE_ID, BOOKING_PERIOD, BOOKING_OCCUPIES, BOOKING_VERSION
	};

	for (int i = 0; i < (stored ? (int) lengthof(needed) : 4); i++)
		if (row->null[needed[i]])
			booking_null_column("booking", row_columns[needed[i]].name);
}

/* A stored booking for the functions that change it. */
void
booking_row_read(HeapTuple tuple, TupleDesc desc, BookingRow *row)
{
	row_take_apart(tuple, desc, row);
	row_is_whole(row, true);
	row->period = booking_period(DatumGetRangeTypeP(row->value[BOOKING_PERIOD]));
}

static HeapTuple
row_put_together(HeapTuple tuple, TupleDesc desc, BookingRow *row)
{
	int			attno[BOOKING_NCOLUMNS];
	Datum		values[BOOKING_NCOLUMNS];
	bool		nulls[BOOKING_NCOLUMNS];
	int			n = 0;

	for (int i = 1; i <= BOOKING_NCOLUMNS; i++)
	{
		if (!row->changed[i])
			continue;
		attno[n] = row->column[i];
		values[n] = row->value[i];
		nulls[n++] = row->null[i];
	}
	return n == 0 ? tuple : heap_modify_tuple_by_cols(tuple, desc, n, attno, values, nulls);
}

void
booking_row_set(BookingRow *row, BookingColumn column, Datum value)
{
	row->value[column] = value;
	row->null[column] = false;
	row->changed[column] = true;
}

bool
booking_row_same(const BookingRow *a, const BookingRow *b, BookingColumn column)
{
	if (a->null[column] || b->null[column])
		return a->null[column] && b->null[column];
	return a->value[column] == b->value[column];
}

bool
booking_row_same_range(const BookingRow *a, const BookingRow *b, BookingColumn column)
{
	if (a->null[column] || b->null[column])
		return a->null[column] && b->null[column];
	return range_eq_internal(booking_range_type(TSTZRANGEOID),
							 DatumGetRangeTypeP(a->value[column]),
							 DatumGetRangeTypeP(b->value[column]));
}

/*
 * Insert a booking for a function: its values are those of STMT_INSERT_BOOKING.  The
 * caller is connected to SPI.  False when there is no room; why, is then in *refusal,
 * in the memory context that was current before SPI_connect().
 *
 * *booking is the row as stored, in that memory context as well.  It comes from our trigger
 * and not from INSERT ... RETURNING, which takes 3 percent of the time of a booking to take
 * it apart, and put it together again.
 */
bool
booking_insert(Datum *values, const char *nulls, Refusal *refusal, MemoryContext context,
			   Datum *booking)
{
	*booking = (Datum) 0;
	if (!booking_write(STMT_INSERT_BOOKING, values, nulls, refusal, context, booking))
		return false;
	if (*booking == (Datum) 0)
	{
		/* A trigger of the application may have come after ours. */
		if (booking_run(STMT_GET_BOOKING, values, NULL) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the booking was not stored"),
					 errdetail("A trigger or a policy on booking.booking has changed, removed or hidden it.")));
		*booking = booking_row_datum();
	}
	return true;
}

/*
 * The same with any statement that writes one booking, the one whose id is its first
 * parameter.  False also when the statement found no such row to change: *refusal is
 * then without a message.  *inserted becomes the new row if our trigger knows it, and stays
 * as it is otherwise; it may be NULL.
 */
bool
booking_write(Statement statement, Datum *values, const char *nulls, Refusal *refusal,
			  MemoryContext context, Datum *inserted)
{
	Request		outer = request;
	uint64		stored = 0;

	request.active = true;
	request.id = *DatumGetUUIDP(values[0]);
	request.refusal = refusal;
	request.row = inserted;
	request.context = context;
	if (refusal)
		refusal->message = NULL;
	PG_TRY();
	{
		stored = booking_run(statement, values, nulls);
	}
	PG_FINALLY();
	{
		request = outer;
	}
	PG_END_TRY();
	return stored > 0;
}

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
	if (!TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
		heap_attisnull(trigger->tg_trigtuple, booking_row_column(desc, BOOKING_EXPIRES_AT), desc))
		return PointerGetDatum(judge_booking(trigger));

	id = heap_getattr(trigger->tg_trigtuple, booking_row_column(desc, BOOKING_ID), desc, &isnull);
	if (isnull)
		booking_null_column("booking", row_columns[BOOKING_ID].name);
	hold.id = *DatumGetUUIDP(id);
	hold.outer = in_hand;
	in_hand = &hold;
	PG_TRY();
	{
		tuple = judge_booking(trigger);
	}
	PG_FINALLY();
	{
		in_hand = hold.outer;
	}
	PG_END_TRY();
	return PointerGetDatum(tuple);
}

/* Is a change of this hold being judged? */
bool
booking_row_in_hand(const pg_uuid_t *id)
{
	for (InHand *hold = in_hand; hold; hold = hold->outer)
		if (memcmp(&hold->id, id, UUID_LEN) == 0)
			return true;
	return false;
}

/* The row as it is to be stored; NULL when a function of ours is to say no. */
static HeapTuple
judge_booking(TriggerData *trigger)
{
	Relation	heap = trigger->tg_relation;
	TupleDesc	desc = RelationGetDescr(heap);
	HeapTuple	tuple = trigger->tg_trigtuple;
	ItemPointer self = NULL;
	const Resource *resource = NULL;
	BookingRow	row;
	BookingRow	old_row;
	BookingRow *old = NULL;
	Slot		its_slot;
	const Slot *slot = NULL;
	bool		has_room = false;

	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
	{
		tuple = trigger->tg_newtuple;
		old = &old_row;
		row_take_apart(trigger->tg_trigtuple, desc, old);
		row_is_whole(old, true);
		self = &trigger->tg_trigtuple->t_self;
	}
	row_take_apart(tuple, desc, &row);
	row_is_whole(&row, false);

	if (!row.null[BOOKING_SLOT_ID])
	{
		resource = booking_row_enter_slot(&row, old, &its_slot);
		slot = &its_slot;
	}
	if (row.null[BOOKING_RESOURCE_ID])
		booking_null_argument("resource_id");
	if (row.null[BOOKING_PERIOD])
		booking_null_argument("period");
	booking_check_period(DatumGetRangeTypeP(row.value[BOOKING_PERIOD]), &row.period);

	/* Two resources are locked in their order, like everywhere. */
	if (old && !booking_row_same(&row, old, BOOKING_RESOURCE_ID))
		booking_lock_resource(Min(DatumGetInt64(old->value[BOOKING_RESOURCE_ID]),
								  DatumGetInt64(row.value[BOOKING_RESOURCE_ID])));
	if (slot == NULL)
		resource = booking_use_resource(DatumGetInt64(row.value[BOOKING_RESOURCE_ID]));
	if (!complete_booking(resource, slot, &row, old))
		return NULL;

	if (!booking_not_closed(resource, &row, old) || !booking_within_limits(resource, &row, old))
		return NULL;

	if ((slot || resource->taken_by_slots || resource->slots_only) &&
		!booking_judge_slots(heap, resource, slot, &row, old, self, &has_room))
		return NULL;

	if (has_room || !row.active || !needs_room(resource, slot, &row))
		;
	else if (!booking_row_adds_load(&row, old))
		booking_keep_room(&row);
	else if (!booking_make_room(heap, resource, &row, self))
		return NULL;

	tuple = row_put_together(tuple, desc, &row);
	/* Generated columns are computed when the triggers are done. */
	if (request.row && asked_for(&row) && booking_row_is_ours_alone(heap) && !has_generated_columns(desc))
	{
		MemoryContext context = MemoryContextSwitchTo(request.context);

		*request.row = heap_copy_tuple_as_datum(tuple, desc);
		MemoryContextSwitchTo(context);
	}
	return tuple;
}

/* Is a new row judged as its writer has made it, and stored as it was judged? */
bool
booking_row_is_ours_alone(Relation heap)
{
	const TriggerDesc *all = heap->trigdesc;
	int			n = 0;

	for (int i = 0; all && i < all->numtriggers; i++)
		if (TRIGGER_TYPE_MATCHES(all->triggers[i].tgtype, TRIGGER_TYPE_ROW,
								 TRIGGER_TYPE_BEFORE, TRIGGER_TYPE_INSERT))
			n++;
	return n == 1;
}

/*
 * leave_gates(): in the WHEN clause of the AFTER ROW trigger, which is evaluated when the
 * row is in all its indexes.
 */
Datum
booking_row_indexed(PG_FUNCTION_ARGS)
{
	booking_gates_leave();
	PG_RETURN_BOOL(true);
}

/*
 * AFTER INSERT OR UPDATE OR DELETE, for each row and for each statement: counts the places
 * of slots that the rows take, and serves the line.
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
		booking_places_stored(trigger);
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

	/* Who moves from an exclusive resource has no seat to take along. */
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
				 errhint("Quantities are for pooled resources, and for places in a published slot.")));
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

/* A period, and the buffers around it that its resource has today. */
RangeType *
booking_with_buffers(const Resource *resource, RangeType *range)
{
	if (resource->buffer_before == 0 && resource->buffer_after == 0)
		return range;
	return booking_make_range(booking_widen(booking_period(range), resource->buffer_before,
											resource->buffer_after));
}

/* A writer may have begun anywhere; the last version is followed by the first. */
static int32
next_version(const BookingRow *old)
{
	int32		version;

	return pg_add_s32_overflow(DatumGetInt32(old->value[BOOKING_VERSION]), 1, &version) ? 1 : version;
}

/* A hold that has lapsed never comes back to life, whoever writes. */
static bool
check_transition(const BookingRow *row, const BookingRow *old)
{
	Refusal		refusal;

	if (!row->active || !booking_row_lapsed(old, GetCurrentTimestamp()))
		return true;
	booking_life_lapsed(old, &refusal);
	return booking_row_refuse(row, &refusal);
}

/* A hold that is marked expired keeps in mind when it lapsed. */
static void
keep_lapse(BookingRow *row, const BookingRow *old)
{
	if (booking_row_status(row) == BOOKING_EXPIRED && booking_row_status(old) == BOOKING_HELD &&
		row->null[BOOKING_REASON])
		booking_row_set(row, BOOKING_REASON,
						CStringGetTextDatum(booking_life_reason(DatumGetTimestampTz(old->value[BOOKING_EXPIRES_AT]))));
}

BookingStatus
booking_row_status(const BookingRow *row)
{
	char	   *status = TextDatumGetCString(row->value[BOOKING_STATUS]);

	return strcmp(status, "held") == 0 ? BOOKING_HELD :
		strcmp(status, "confirmed") == 0 ? BOOKING_CONFIRMED :
		strcmp(status, "cancelled") == 0 ? BOOKING_CANCELLED : BOOKING_EXPIRED;
}

/* Has it lapsed as a hold, whether somebody has marked it or not? */
bool
booking_row_lapsed(const BookingRow *row, TimestampTz now)
{
	if (row->null[BOOKING_EXPIRES_AT])
		return !row->active && booking_row_status(row) == BOOKING_EXPIRED;
	return row->active && DatumGetTimestampTz(row->value[BOOKING_EXPIRES_AT]) <= now;
}

/*
 * Does the row take space at all?  Not a hold that has lapsed, which nothing brings back
 * to life; such a one may be among the rows of a dump.
 */
bool
booking_row_in_force(const BookingRow *row)
{
	return row->active && (row->null[BOOKING_EXPIRES_AT] ||
						   DatumGetTimestampTz(row->value[BOOKING_EXPIRES_AT]) > GetCurrentTimestamp());
}

/*
 * Is this a new row that is from before, and somebody is loading it now?  Then it brings
 * the time at which it was made.
 */
bool
booking_row_is_history(const BookingRow *row, const BookingRow *old)
{
	return old == NULL && !row->null[BOOKING_CREATED_AT] &&
		DatumGetTimestampTz(row->value[BOOKING_CREATED_AT]) < GetCurrentTransactionStartTimestamp();
}

/* Does the row claim no other resource and no other time than its old version did? */
bool
booking_row_stays(const BookingRow *row, const BookingRow *old)
{
	return old != NULL && old->active && booking_row_same(row, old, BOOKING_RESOURCE_ID) &&
		range_contains_internal(booking_range_type(TSTZRANGEOID),
								DatumGetRangeTypeP(old->value[BOOKING_PERIOD]),
								DatumGetRangeTypeP(row->value[BOOKING_PERIOD]));
}

/* Does the row take space of the resource?  In a slot, only what slots.c says. */
static bool
needs_room(const Resource *resource, const Slot *slot, const BookingRow *row)
{
	return slot == NULL ||
		(resource->kind != RESOURCE_POOLED && !(slot->takes_resource && row->null[BOOKING_SEAT_NO]));
}

/* Does the row take space that its old version did not? */
bool
booking_row_adds_load(const BookingRow *row, const BookingRow *old)
{
	return old == NULL || !old->active ||
		!booking_row_same(row, old, BOOKING_RESOURCE_ID) ||
		!booking_row_same(row, old, BOOKING_SLOT_ID) ||
		!booking_row_same(row, old, BOOKING_SEAT_NO) ||
		DatumGetInt32(row->value[BOOKING_QUANTITY]) > DatumGetInt32(old->value[BOOKING_QUANTITY]) ||
		!range_contains_internal(booking_range_type(TSTZRANGEOID),
								 DatumGetRangeTypeP(old->value[BOOKING_OCCUPIES]),
								 DatumGetRangeTypeP(row->value[BOOKING_OCCUPIES]));
}

/* Does anybody want to know why this row is refused?  Not the caller of a try_ function. */
bool
booking_row_wants_reason(const BookingRow *row)
{
	return !asked_for(row) || request.refusal != NULL;
}

/*
 * Say no: to a function of ours by returning false, which the trigger passes on by not
 * storing the row; to everybody else by an error.  "refusal" may be NULL when nobody
 * wants a reason.
 */
bool
booking_row_refuse(const BookingRow *row, const Refusal *refusal)
{
	if (!asked_for(row))
		booking_raise(refusal);
	if (request.refusal)
	{
		MemoryContext context = MemoryContextSwitchTo(request.context);

		*request.refusal = *refusal;
		request.refusal->message = pstrdup(refusal->message);
		request.refusal->detail = refusal->detail ? pstrdup(refusal->detail) : NULL;
		request.refusal->hint = refusal->hint ? pstrdup(refusal->hint) : NULL;
		MemoryContextSwitchTo(context);
	}
	return false;
}

/* Is this the row that a function of ours is inserting? */
static bool
asked_for(const BookingRow *row)
{
	return request.active && !row->null[BOOKING_ID] &&
		memcmp(DatumGetUUIDP(row->value[BOOKING_ID]), &request.id, UUID_LEN) == 0;
}
