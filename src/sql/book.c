/*-------------------------------------------------------------------------
 *
 * book.c
 *		book_slot(), book_place() and their relatives: one call, a booking or a clear
 *		refusal.
 *
 * A function here reads and checks its arguments, takes the lock on the resource's
 * rules, applies the rules about now, and inserts a row.  What must hold for the row whatever
 * writes it is checked by the row's trigger (booking_triggers.c), which reports a refusal back
 * to us.
 *
 * The id is the idempotency key.  A caller that brings one takes its ID lock, so that of
 * two calls with one id the second waits for the first to end, and then finds its
 * booking: the same content gives the same booking back, any other is an error.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "base/cache.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/gates.h"
#include "base/lock_kinds.h"
#include "base/locks.h"
#include "base/period.h"
#include "base/plans.h"
#include "base/returned.h"
#include "base/transaction.h"
#include "base/uuid.h"
#include "engine/request.h"
#include "engine/resource.h"
#include "engine/row.h"
#include "engine/row_fault.h"
#include "engine/shards.h"
#include "engine/slots.h"
#include "engine/sold_out.h"
#include "engine/visible.h"
#include "rules/availability.h"
#include "rules/policy.h"
#include "rules/replay.h"
#include "rules/room_ahead.h"
#include "rules/together.h"
#include "sql/book.h"

PG_FUNCTION_INFO_V1(booking_book_slot_named);
PG_FUNCTION_INFO_V1(booking_book_slot);
PG_FUNCTION_INFO_V1(booking_try_book_slot_named);
PG_FUNCTION_INFO_V1(booking_try_book_slot);
PG_FUNCTION_INFO_V1(booking_book_place);
PG_FUNCTION_INFO_V1(booking_try_book_place);

/*
 * How many calls in a row have been refused?  One refusal is usually followed by more, at the
 * start of a sale and once everything is sold, and a refusal costs less without beginning to
 * insert.  A caller that gets what it wants does not pay for that look.
 */
static uint32 refusals = 0;

static Datum book_slot(FunctionCallInfo fcinfo, bool by_name, bool try);
static Datum book_place(FunctionCallInfo fcinfo, bool try);
static void read_booking_order(FunctionCallInfo fcinfo, int first, Order *order);
static bool store_in_slot(Order *order, const Resource *resource, bool try, Datum *booking);
static bool store(Order *order, const Resource *resource, bool try, Datum *booking);
static bool awaits_turn(const Order *order, const Resource *resource);
static bool may_judge_limits(const Order *order, const Resource *resource);
static bool over_limit(const Order *order, const Resource *resource);
static bool hopeless(const Order *order, const Resource *resource, const Seat *seat, bool *locked);

Datum
booking_book_slot_named(PG_FUNCTION_ARGS)
{
	return book_slot(fcinfo, true, false);
}

Datum
booking_book_slot(PG_FUNCTION_ARGS)
{
	return book_slot(fcinfo, false, false);
}

Datum
booking_try_book_slot_named(PG_FUNCTION_ARGS)
{
	return book_slot(fcinfo, true, true);
}

Datum
booking_try_book_slot(PG_FUNCTION_ARGS)
{
	return book_slot(fcinfo, false, true);
}

static Datum
book_slot(FunctionCallInfo fcinfo, bool by_name, bool try)
{
	Order		order = {0};
	const Resource *resource;
	Datum		booking;

	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("resource");
	if (PG_ARGISNULL(1))
		booking_null_argument("period");
	order.range = PG_GETARG_RANGE_P(1);
	read_booking_order(fcinfo, 2, &order);

	if (order.id)
		booking_lock_id(order.id);

	/* So that a change of the rules of all resources, which locks the table, waits for us. */
	LockRelationOid(booking_table("booking"), RowExclusiveLock);
	resource = by_name ? booking_use_visible(text_to_cstring(PG_GETARG_TEXT_PP(0)), 0) :
		booking_use_visible(NULL, PG_GETARG_INT64(0));

	if (order.id && booking_replay_order(&order, resource, &booking))
	{
		booking_done_with_id(order.id);
		PG_RETURN_DATUM(booking_returned(fcinfo, booking));
	}
	booking_check_policy(resource, order.period, resource->slots_only ? POLICY_NOTICE : POLICY_ALL);
	if (order.hold_for)
		booking_check_hold(resource, booking_interval_length(order.hold_for));
	if (resource->slots_only ? !store_in_slot(&order, resource, try, &booking) :
		!store(&order, resource, try, &booking))
		return booking_no_row(fcinfo);
	if (order.id)
		booking_done_with_id(order.id);
	PG_RETURN_DATUM(booking_returned(fcinfo, booking));
}

Datum
booking_book_place(PG_FUNCTION_ARGS)
{
	return book_place(fcinfo, false);
}

Datum
booking_try_book_place(PG_FUNCTION_ARGS)
{
	return book_place(fcinfo, true);
}

static Datum
book_place(FunctionCallInfo fcinfo, bool try)
{
	Order		order = {0};
	const Resource *resource;
	Slot		slot;
	Datum		booking;

	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("slot_id");
	read_booking_order(fcinfo, 1, &order);

	if (order.id)
		booking_lock_id(order.id);
	LockRelationOid(booking_table("booking"), RowExclusiveLock);
	slot = booking_use_slot(PG_GETARG_INT64(0), &resource);
	booking_must_see_slot(resource->id, slot.id);
	order.slot = &slot;
	order.period = slot.period;

	if (order.id && booking_replay_order(&order, resource, &booking))
	{
		booking_done_with_id(order.id);
		PG_RETURN_DATUM(booking_returned(fcinfo, booking));
	}
	booking_check_policy(resource, order.period, POLICY_NOTICE);
	if (order.hold_for)
		booking_check_hold(resource, booking_interval_length(order.hold_for));

	if (!store(&order, resource, try, &booking))
		return booking_no_row(fcinfo);
	if (order.id)
		booking_done_with_id(order.id);
	PG_RETURN_DATUM(booking_returned(fcinfo, booking));
}

/*
 * A try_ function returns a set of at most one row.  The row is returned as any function
 * returns one, which the executor takes for the only row of the set; no row is the end of
 * a set that has not begun.  A row of NULLs, which a function that returns no set would
 * give instead, looks like a booking to every client.
 */
Datum
booking_no_row(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	if (result == NULL || !IsA(result, ReturnSetInfo))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	result->isDone = ExprEndResult;
	PG_RETURN_NULL();
}

/* The arguments that all of the functions have, from the holder on. */
static void
read_booking_order(FunctionCallInfo fcinfo, int first, Order *order)
{
	static const char *const required[] = {
		"holder", "quantity", NULL, NULL, NULL, "data"
	};

	for (int i = 0; i < (int) lengthof(required); i++)
		if (required[i] && PG_ARGISNULL(first + i))
			booking_null_argument(required[i]);

	order->holder = PG_GETARG_TEXT_PP(first);
	order->quantity = PG_GETARG_INT32(first + 1);
	order->seat = PG_ARGISNULL(first + 2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(first + 2));
	order->hold_for = PG_ARGISNULL(first + 3) ? NULL : PG_GETARG_INTERVAL_P(first + 3);
	order->id = PG_ARGISNULL(first + 4) ? NULL : PG_GETARG_UUID_P(first + 4);
	order->data = PG_GETARG_JSONB_P(first + 5);

	if (order->range)
		booking_check_period(order->range, &order->period);
	booking_check_holder(order->holder);
	booking_check_quantity(order->quantity);
	booking_check_data(order->data);
	booking_check_hold_for(order->hold_for);
}

/*
 * Has the order's id been used?  Then give the booking back that it belongs to, unless
 * the caller asks for something else now.  We hold the ID lock.
 */
bool
booking_replay_order(const Order *order, const Resource *resource, Datum *booking)
{
	Datum		id = UUIDPGetDatum(order->id);

	if (!booking_id_is_used(order->id))
		return false;
	SPI_connect();
	if (booking_run(STMT_GET_BOOKING, &id, NULL) == 0)
	{
		SPI_finish();
		return false;
	}

	booking_check_replay(&(Content)
						 {
							 .resource = resource,
							 .has_slot = order->slot != NULL,
							 .slot_id = order->slot ? order->slot->id : 0,
							 .range = order->range,
							 .holder = order->holder,
							 .quantity = order->quantity,
							 .seat = order->seat,
							 .data = order->data
						 }, SPI_tuptable->vals[0], SPI_tuptable->tupdesc, order->id);
	*booking = booking_row_datum();
	SPI_finish();
	return true;
}

/*
 * The resource is booked by its slots only: book a place in one that has this period, the
 * first that has some left.
 */
static bool
store_in_slot(Order *order, const Resource *resource, bool try, Datum *booking)
{
	int			n;
	int64	   *ids = booking_find_slots(resource, order->range, &n);
	bool		booked = false;

	if (n == 0)
		booking_no_such_slot(resource, order->range);
	for (int i = 0; i < n && !booked; i++)
	{
		Slot		slot = booking_use_slot(ids[i], &resource);

		order->slot = &slot;
		booked = store(order, resource, try || i < n - 1, booking);
	}
	return booked;
}

/* Book it.  False when there is no room and the caller only tries. */
static bool
store(Order *order, const Resource *resource, bool try, Datum *booking)
{
	const Seat *seat = order->seat ? booking_seat_wanted(resource, order->seat) : NULL;
	Refusal		refusal;
	bool		locked = false;
	bool		booked;

	order->within_limits = false;
	if (try && hopeless(order, resource, seat, &locked))
	{
		refusals++;
		return false;
	}
	if (try && may_judge_limits(order, resource))
	{
		if (over_limit(order, resource))
			return false;
		order->within_limits = true;
	}
	booked = booking_insert_order(order, resource, try ? NULL : &refusal, NULL, booking);
	booking_gates_leave_ahead();
	refusals = booked ? 0 : refusals + 1;
	if (locked && !booked)
		booking_unlock_places(order->slot->id, 0);
	if (!booked && !try && refusal.message == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the booking was not stored"),
				 errdetail("A trigger on booking.booking has suppressed it.")));
	if (!booked && !try)
		booking_raise(&refusal);
	return booked;
}

/*
 * Insert the booking.  False when it is refused; *refusal, which may be NULL, says why.  With
 * "busy" no transaction is waited for, and *busy says which is in the way.
 */
bool
booking_insert_order(const Order *order, const Resource *resource, Refusal *refusal, InTheWay *busy,
					 Datum *booking)
{
	const Seat *seat = order->seat ? booking_seat_wanted(resource, order->seat) : NULL;
	Datum		values[INSERT_NVALUES] = {0};
	char		nulls[INSERT_NVALUES + 1];
	MemoryContext context = CurrentMemoryContext;
	pg_uuid_t	id;
	bool		booked;

	memset(nulls, 'n', INSERT_NVALUES);
	nulls[INSERT_NVALUES] = '\0';
#define SET_VALUE(column, datum) \
	do { values[INSERT_##column] = (datum); nulls[INSERT_##column] = ' '; } while (0)

	if (order->id)
		id = *order->id;
	else
		booking_new_id(&id);
	SET_VALUE(ID, UUIDPGetDatum(&id));
	SET_VALUE(RESOURCE_ID, Int64GetDatum(resource->id));
	if (seat)
		SET_VALUE(SEAT_NO, Int32GetDatum(seat->seat_no));
	if (order->slot)
		SET_VALUE(SLOT_ID, Int64GetDatum(order->slot->id));
	else
		SET_VALUE(PERIOD, RangeTypePGetDatum(order->range));
	SET_VALUE(QUANTITY, Int32GetDatum(order->quantity));
	SET_VALUE(HOLDER, PointerGetDatum(order->holder));
	SET_VALUE(DATA, JsonbPGetDatum(order->data));
	if (order->hold_for)
	{
		SET_VALUE(STATUS, CStringGetTextDatum("held"));
		SET_VALUE(EXPIRES_AT, TimestampTzGetDatum(booking_shift(GetCurrentTimestamp(),
																booking_interval_length(order->hold_for))));
	}
	else
		SET_VALUE(STATUS, CStringGetTextDatum("confirmed"));
#undef SET_VALUE

	SPI_connect();
	booked = booking_insert(&(BookingWrite)
							{
								.statement = STMT_INSERT_BOOKING,.values = values,.nulls = nulls,
								.refusal = refusal,.booking = booking,.context = context,.busy = busy,
								.within_limits = order->within_limits
							});
	SPI_finish();
	return booked;
}

/*
 * May we wait for the one counter of a slot before we insert?  Only if the insert would lock
 * nothing before it: no holder, no line, nothing by a trigger of the application, and no places
 * that another transaction could be waiting for.
 */
static bool
awaits_turn(const Order *order, const Resource *resource)
{
	Relation	heap;
	bool		alone;

	if (order->slot == NULL || order->slot->nshards != 1 || order->slot->closed ||
		resource->kind != RESOURCE_EXCLUSIVE || !order->slot->takes_resource || order->quantity > order->slot->capacity ||
		resource->nlimits > 0 || resource->has_waiters ||
		booking_transaction.counts.places_changed || booking_line_serving() || booking_hasty())
		return false;
	heap = table_open(booking_table("booking"), NoLock);
	alone = booking_row_is_ours_alone(heap);
	table_close(heap, NoLock);
	return alone;
}

/*
 * May the limits of the holder be judged before we insert?  Only if the trigger would come to the
 * same answer: nothing that is asked before (is the resource retired, the slot closed, the seat
 * one of it?) refuses it, and no trigger or policy of others, and no missing privilege, can
 * change the outcome.
 */
static bool
may_judge_limits(const Order *order, const Resource *resource)
{
	Oid			relid = booking_table("booking");
	Relation	heap;
	bool		alone;

	if (resource->nlimits == 0 || order->seat || order->period.to > resource->retired_at ||
		order->period.to <= GetCurrentTimestamp() || (order->slot ? order->slot->closed : order->quantity > 1))
		return false;
	heap = table_open(relid, NoLock);
	alone = booking_row_is_ours_alone(heap) && !heap->rd_rel->relrowsecurity &&
		pg_class_aclcheck(relid, GetUserId(), ACL_INSERT) == ACLCHECK_OK;
	table_close(heap, NoLock);
	return alone;
}

/*
 * Has the holder reached a limit?  The trigger takes the same locks in the same order: that of the
 * resource, which we have, and then the HOLDER lock.
 */
static bool
over_limit(const Order *order, const Resource *resource)
{
	ErrorContextCallback hint = {.callback = booking_hint_at_deadlock,.previous = error_context_stack};
	Asker		asker = {.holder = order->holder,.quantity = order->quantity};
	bool		over;

	error_context_stack = &hint;
	booking_lock_holder(order->holder);
	over = booking_limits_of_asker(resource, order->slot ? order->slot->id : 0, order->period, &asker, NULL) > 0;
	error_context_stack = hint.previous;
	return over;
}

/*
 * Does it pay to look before we insert, and if so, is there nothing left?  If something is left,
 * we may have the lock of the slot's counter now.
 */
static bool
hopeless(const Order *order, const Resource *resource, const Seat *seat, bool *locked)
{
	if (order->slot)
	{
		bool		waits = awaits_turn(order, resource);

		return (waits || refusals > 0 || order->slot->shard < 0) && !order->slot->closed &&
			booking_places_sold_out(order->slot, order->quantity, waits ? locked : NULL);
	}
	return booking_no_room(resource, order->range, seat, order->quantity, refusals);
}

