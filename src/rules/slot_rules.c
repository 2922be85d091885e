/*-------------------------------------------------------------------------
 *
 * slot_rules.c
 *		What does a published slot mean for a booking, in it or beside it?
 *
 * A booking in a slot has the slot's resource and period, and takes some of its places
 * (shards.c).  What it takes of the resource depends on both:
 *
 *	resource	slot			takes of the resource	its bookings
 *	pooled		any				nothing					nothing: seat_no NULL
 *	other		one place		nothing					what any booking takes: seat_no 0, or a
 *												seat's number
 *	exclusive	one place, with	all of it ("occupies")	nothing more: seat_no NULL
 *				its time for
 *				itself
 *	other		several			all of it ("occupies")	nothing more: seat_no NULL, or a seat's
 *												number, exclusive among them
 *
 * A slot that takes its resource keeps every booking off it that is not its own.  The
 * other direction, a booked resource into which a slot is published, is in publish.c.
 * A booker holds the RESOURCE lock in shared mode, a publisher in exclusive mode, so the later
 * one sees what the other has committed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/gates.h"
#include "base/period.h"
#include "base/plans.h"
#include "engine/places.h"
#include "engine/request.h"
#include "engine/resource.h"
#include "engine/row.h"
#include "engine/slots.h"
#include "engine/sold_out.h"
#include "rules/room.h"
#include "rules/slot_rules.h"
#include "rules/waitlist.h"

static void check_slot_of_row(const Slot *slot, const Resource *resource, BookingRow *row,
							  const BookingRow *old);
static bool moves_to(const BookingRow *row, const BookingRow *old);
static bool refuse_taken(const Resource *resource, const BookingRow *row);
static bool refuse_sold_out(const Resource *resource, const Slot *slot, const BookingRow *row,
							int64 wanted);
static bool refuse_closed_slot(const Resource *resource, const Slot *slot, const BookingRow *row);

/*
 * A row is about a slot: lock it and return it and its resource, and give the row the
 * slot's resource and period.
 */
const Resource *
booking_row_enter_slot(BookingRow *row, const BookingRow *old, Slot *slot)
{
	const Resource *resource;

	*slot = booking_use_slot(DatumGetInt64(row->value[BOOKING_SLOT_ID]), &resource);
	check_slot_of_row(slot, resource, row, old);
	return resource;
}

static void
check_slot_of_row(const Slot *slot, const Resource *resource, BookingRow *row, const BookingRow *old)
{
	RangeType  *period;

	if (row->null[BOOKING_RESOURCE_ID] ||
		(moves_to(row, old) && booking_row_same(row, old, BOOKING_RESOURCE_ID)))
		booking_row_set(row, BOOKING_RESOURCE_ID, Int64GetDatum(slot->resource_id));
	else if (DatumGetInt64(row->value[BOOKING_RESOURCE_ID]) != slot->resource_id)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("slot %lld is on resource \"%s\"", (long long) slot->id, resource->name),
				 errdetail("The booking is for resource %lld.",
						   (long long) DatumGetInt64(row->value[BOOKING_RESOURCE_ID])),
				 errhint("Leave the resource of a booking in a slot out.")));

	/* A booking that has been given up may keep what its slot once was. */
	if (!row->active && !row->null[BOOKING_PERIOD])
		return;
	period = booking_make_range(slot->period);
	if (row->null[BOOKING_PERIOD] ||
		(moves_to(row, old) && booking_row_same_range(row, old, BOOKING_PERIOD)))
		booking_row_set(row, BOOKING_PERIOD, RangeTypePGetDatum(period));
	else if (!range_eq_internal(booking_range_type(TSTZRANGEOID), period,
								DatumGetRangeTypeP(row->value[BOOKING_PERIOD])))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("slot %lld has another period", (long long) slot->id),
				 errdetail("It is for %s; the booking is for %s.", booking_period_text(period),
						   booking_period_text(DatumGetRangeTypeP(row->value[BOOKING_PERIOD]))),
				 errhint("Leave the period of a booking in a slot out.")));
}

/* Does an update move a booking into the slot, from elsewhere? */
static bool
moves_to(const BookingRow *row, const BookingRow *old)
{
	return old != NULL && !booking_row_same(row, old, BOOKING_SLOT_ID);
}

/*
 * All rules of slots about a booking, whether it is in one or not, and its places if it is.
 * False when it is refused and a function of ours is to say so.
 */
bool
booking_judge_slots(RowChange *change)
{
	const Resource *resource = change->resource;
	const Slot *slot = change->slot;
	BookingRow *row = change->row;
	const BookingRow *old = change->old;
	bool		adds_load = booking_row_adds_load(row, old);
	PlacesWanted places = {
		.slot = slot, .from = change->from, .way_back = change->way_back, .row = row, .old = old
	};
	int64		wanted;

	if (!row->active)
		return true;
	if (slot == NULL && resource->slots_only && adds_load && !booking_row_is_history(row, old))
		booking_no_such_slot(resource, DatumGetRangeTypeP(row->value[BOOKING_PERIOD]));
	if (resource->taken_by_slots && adds_load && !(slot && slot->takes_resource) &&
		!refuse_taken(resource, row))
		return false;
	if (slot == NULL)
		return true;

	wanted = DatumGetInt32(row->value[BOOKING_QUANTITY]);
	if (old && old->active && booking_row_same(row, old, BOOKING_SLOT_ID))
		wanted -= DatumGetInt32(old->value[BOOKING_QUANTITY]);
	if (wanted <= 0)
		return true;
	places.quantity = (int32) wanted;

	if (slot->closed && !booking_row_is_history(row, old))
		return refuse_closed_slot(resource, slot, row);

	/*
	 * Where the row competes for a seat as well, take the seat first.  Places that were taken
	 * first would have to be given back if the seat is refused; and we must not wait for a
	 * lapsed hold of that seat while we hold places, for the transaction that has the hold may
	 * want to give its place back.  If the places can be had without waiting, we stay inside the
	 * seat's gate.
	 */
	if (!row->null[BOOKING_SEAT_NO])
	{
		/*
		 * But if the slot has nothing left either, and no earlier row has taken it for this one,
		 * say that.
		 */
		if (booking_places_in_hand(slot) < wanted && booking_places_sold_out(slot, (int32) wanted, NULL))
			return refuse_sold_out(resource, slot, row, wanted);
		if (!booking_make_room(change->heap, resource, row, change->self))
			return false;
		change->has_room = !resource->has_waiters &&
			booking_places_take(&places, false);
		if (change->has_room)
			return true;
		booking_gates_leave();
	}

	return booking_line_take_places(resource, &places) ||
		refuse_sold_out(resource, slot, row, wanted);
}

static bool
refuse_sold_out(const Resource *resource, const Slot *slot, const BookingRow *row, int64 wanted)
{
	Refusal		refusal = {0};

	if (booking_row_wants_reason(row))
		booking_places_refusal(resource, slot, wanted, &refusal);
	return booking_row_refuse(row, &refusal);
}

/* Does a slot take the resource meanwhile?  Then refuse.  True when none does. */
static bool
refuse_taken(const Resource *resource, const BookingRow *row)
{
	Refusal		refusal = {.sqlstate = ERRCODE_EXCLUSION_VIOLATION,.constraint = CONSTRAINT_NO_OVERLAP};
	Datum		values[2];
	bool		isnull;

	values[0] = Int64GetDatum(resource->id);
	values[1] = row->value[BOOKING_OCCUPIES];
	SPI_connect();
	if (booking_run(STMT_SLOT_IN_THE_WAY, values, NULL) == 0)
	{
		SPI_finish();
		return true;
	}
	if (booking_row_wants_reason(row))
	{
		Datum		period = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);

		refusal.message = psprintf("resource \"%s\" is taken in that period", resource->name);
		refusal.detail = psprintf("Wanted %s; a slot published for %s takes it.",
								  booking_period_text(DatumGetRangeTypeP(row->value[BOOKING_PERIOD])),
								  booking_period_text(DatumGetRangeTypeP(period)));
		refusal.hint = "Book a place in that slot, or try another period.";
	}
	(void) booking_row_refuse(row, &refusal);
	SPI_finish();
	return false;
}

static bool
refuse_closed_slot(const Resource *resource, const Slot *slot, const BookingRow *row)
{
	Refusal		refusal = {.sqlstate = ERRCODE_EXCLUSION_VIOLATION,.constraint = CONSTRAINT_CLOSED};

	refusal.message = psprintf("slot %lld of resource \"%s\" is closed",
							   (long long) slot->id, resource->name);
	refusal.detail = psprintf("It is for %s, and takes no more bookings.",
							  booking_period_text(booking_make_range(slot->period)));
	return booking_row_refuse(row, &refusal);
}
