/*-------------------------------------------------------------------------
 *
 * slots.c
 *		What is a published slot, and what does it mean for a booking?
 *
 * A booking in a slot has the slot's resource and period, and takes some of its places
 * (shards.c).  What it takes of the resource depends on both:
 *
 *	resource	slot			takes of the resource	its bookings
 *	pooled		any				nothing					nothing: seat_no NULL
 *	other		one place		nothing					what any booking takes: seat_no 0, or a
 *												seat's number
 *	other		several			all of it ("occupies")	nothing more: seat_no NULL, or a seat's
 *												number, exclusive among them
 *
 * A slot that takes its resource keeps every booking off it that is not its own.  The
 * other direction, a booked resource into which a slot is published, is in publish.c.
 * A booker holds the RESOURCE lock in shared mode, a publisher in exclusive mode, so one
 * of them sees the other's work committed.
 *
 * A booking needs to know its slot, and must not look it up each time.  Each backend
 * remembers the slots that it has used, as it does resources, and may trust it for the
 * same two reasons (resource.c): whoever changes a slot holds the RESOURCE lock of its
 * resource exclusively and sends an invalidation of the table booking.slot; whoever uses
 * it holds that lock and has read the messages.  A new slot is remembered by nobody,
 * and so publishing invalidates nothing, but for the first slot that takes its resource.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/rel.h"

#include "base/cache.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/gates.h"
#include "base/period.h"
#include "base/plans.h"
#include "engine/places.h"
#include "engine/resource.h"
#include "engine/room.h"
#include "engine/row.h"
#include "engine/shards.h"
#include "engine/slots.h"
#include "engine/sold_out.h"
#include "rules/waitlist.h"

static Cache slots = {
	.name = "booking slots", .keysize = sizeof(int64), .entrysize = sizeof(Slot),
	.tables = DEPENDS_ON(SLOT), .limit = 1536 * 1024
};

static Slot *find(int64 slot_id);
static void check_slot_of_row(const Slot *slot, const Resource *resource, BookingRow *row,
							  const BookingRow *old);
static bool moves_to(const BookingRow *row, const BookingRow *old);
static bool refuse_taken(const Resource *resource, const BookingRow *row);
static bool refuse_sold_out(const Resource *resource, const Slot *slot, const BookingRow *row,
							int64 wanted);
static bool refuse_closed(const Resource *resource, const Slot *slot, const BookingRow *row);

/*
 * A slot as remembered, or else as stored.  The pointer is good until the current memory
 * context is reset.
 */
static Slot *
find(int64 slot_id)
{
	Datum		id = Int64GetDatum(slot_id);
	Slot		loaded = {.id = slot_id};
	Slot	   *slot = booking_cache_find(&slots, &slot_id);
	Generation *generation;
	HeapTuple	row;
	TupleDesc	desc;
	Datum		value;
	bool		isnull;

	if (slot != NULL)
		return slot;

	generation = booking_cache_load(&slots);
	SPI_connect();
	if (booking_run(STMT_LOAD_SLOT, &id, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("slot %lld does not exist", (long long) slot_id),
				 errhint("The slots are in booking.slot; publish_slot() adds one.")));

	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	loaded.resource_id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
	loaded.period = booking_period(DatumGetRangeTypeP(SPI_getbinval(row, desc, 2, &isnull)));
	loaded.capacity = DatumGetInt32(SPI_getbinval(row, desc, 3, &isnull));
	loaded.closed = DatumGetBool(SPI_getbinval(row, desc, 4, &isnull));
	value = SPI_getbinval(row, desc, 5, &isnull);
	loaded.takes_resource = !isnull;
	if (loaded.takes_resource)
		loaded.occupies = booking_period(DatumGetRangeTypeP(value));
	loaded.nshards = booking_shards_for(loaded.capacity);
	loaded.shard = MyBackendNumber() % loaded.nshards;
	SPI_finish();
	return booking_cache_keep(generation, &loaded);
}

/*
 * Lock the resource of a slot against change, and return both; they are current until
 * the transaction ends.  Which resource that is may have changed while we waited.
 */
Slot
booking_use_slot(int64 slot_id, const Resource **resource)
{
	for (;;)
	{
		int64		resource_id = find(slot_id)->resource_id;
		Slot	   *slot;

		*resource = booking_use_resource(resource_id);
		slot = find(slot_id);
		if (slot->resource_id == resource_id)
			return *slot;
		CHECK_FOR_INTERRUPTS();
	}
}

/* A slot as remembered, for shards.c and sold_out.c to make notes; NULL when it is forgotten already. */
Slot *
booking_remembered_slot(int64 slot_id)
{
	return booking_cache_find(&slots, &slot_id);
}

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
 * Everything that slots have to say to a booking, whether it is in one or not, and its
 * places if it is.  False when it is refused and a function of ours is to say so.  With
 * *has_room we are inside the gate of the seat that the booking gets.
 */
bool
booking_judge_slots(Relation heap, const Resource *resource, const Slot *slot,
					BookingRow *row, const BookingRow *old, ItemPointer self, bool *has_room)
{
	bool		adds_load = booking_row_adds_load(row, old);
	int64		wanted;

	if (!row->active)
		return true;
	if (resource->taken_by_slots && adds_load && !(slot && slot->takes_resource) &&
		!refuse_taken(resource, row))
		return false;

	if (slot == NULL)
	{
		if (resource->slots_only && adds_load && !booking_row_is_history(row, old))
			booking_no_such_slot(resource, DatumGetRangeTypeP(row->value[BOOKING_PERIOD]));
		return true;
	}

	wanted = DatumGetInt32(row->value[BOOKING_QUANTITY]);
	if (old && old->active && booking_row_same(row, old, BOOKING_SLOT_ID))
		wanted -= DatumGetInt32(old->value[BOOKING_QUANTITY]);
	if (wanted <= 0)
		return true;

	if (slot->closed && !booking_row_is_history(row, old))
		return refuse_closed(resource, slot, row);

	/*
	 * Where the row competes for a seat as well, see about that first.  Places taken in
	 * vain would have to be given back; and a lapsed hold of that seat is not to be
	 * waited for with places in our hands, for whoever is at it may want to give its
	 * place back.  If the places can be had without waiting for anybody, we stay inside the
	 * seat's gate.
	 */
	if (!row->null[BOOKING_SEAT_NO])
	{
		/* But if the slot has nothing left either, say that. */
		if (booking_places_sold_out(slot, (int32) wanted))
			return refuse_sold_out(resource, slot, row, wanted);
		if (!booking_make_room(heap, resource, row, self))
			return false;
		*has_room = !resource->has_waiters && booking_places_take(slot, (int32) wanted, row, false);
		if (*has_room)
			return true;
		booking_gates_leave();
	}

	return booking_line_take_places(resource, slot, row, old, (int32) wanted) ||
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
refuse_closed(const Resource *resource, const Slot *slot, const BookingRow *row)
{
	Refusal		refusal = {.sqlstate = ERRCODE_EXCLUSION_VIOLATION,.constraint = CONSTRAINT_CLOSED};

	refusal.message = psprintf("slot %lld of resource \"%s\" is closed",
							   (long long) slot->id, resource->name);
	refusal.detail = psprintf("It is for %s, and takes no more bookings.",
							  booking_period_text(booking_make_range(slot->period)));
	return booking_row_refuse(row, &refusal);
}

/* The slots of a resource for exactly this period, the open ones first. */
int64 *
booking_find_slots(const Resource *resource, RangeType *period, int *n)
{
	MemoryContext context = CurrentMemoryContext;
	int64	   *ids;
	Datum		values[2];
	bool		isnull;

	values[0] = Int64GetDatum(resource->id);
	values[1] = RangeTypePGetDatum(period);
	SPI_connect();
	*n = (int) booking_run(STMT_FIND_SLOTS, values, NULL);
	ids = MemoryContextAlloc(context, Max(*n, 1) * sizeof(int64));
	for (int i = 0; i < *n; i++)
		ids[i] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	return ids;
}

/* The resource is booked by its slots only, and there is none for this period. */
void
booking_no_such_slot(const Resource *resource, RangeType *period)
{
	Datum		values[2];
	char	   *near;

	values[0] = Int64GetDatum(resource->id);
	values[1] = RangeTypePGetDatum(period);
	SPI_connect();
	booking_run(STMT_SLOTS_NEAR, values, NULL);
	near = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("resource \"%s\" has no slot for that period", resource->name),
			 errdetail("It is booked by its published slots only, and %s is none of them.",
					   booking_period_text(period)),
			 near ? errhint("Slots near it: %s.", near) :
			 errhint("It has no open slot at all; publish_slot() adds one.")));
}
