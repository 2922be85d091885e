/*-------------------------------------------------------------------------
 *
 * book_any_place.c
 *		book_any_place(), try_book_any_place(): a place in the first slot that has one.
 *
 * The slots in question are those of some resources that lie within a time and are open: the
 * earliest first, and of several that begin at one time those of the resource that is named
 * first.  any_of.c books one of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"

#include "base/cache.h"
#include "base/compat.h"
#include "base/locks.h"
#include "base/plans.h"
#include "base/returned.h"
#include "engine/row.h"
#include "rules/availability.h"
#include "rules/replay.h"
#include "sql/any_of.h"
#include "sql/looking.h"

PG_FUNCTION_INFO_V1(booking_book_any_place);
PG_FUNCTION_INFO_V1(booking_try_book_any_place);

/* More slots are not gone through by one call. */
#define MOST_SLOTS	100000

/* A slot that would do, in the order in which they are tried. */
typedef struct SlotChoice
{
	int			rank;			/* of its resource */
	const Slot *slot;
} SlotChoice;

/* Where a place is wanted. */
typedef struct AnyPlace
{
	AnyOf		any;
	Period		within;
	int64	   *resource_ids;
	int			nresources;
} AnyPlace;

static Datum book_any_place(FunctionCallInfo fcinfo, bool try);
static void read_slot_candidates(AnyPlace *place);
static SlotChoice *choices_within(const AnyPlace *place, int *n);
static int	compare_choices(const void *a, const void *b);
static bool replay_any_place(const AnyPlace *place, Datum *booking);

Datum
booking_book_any_place(PG_FUNCTION_ARGS)
{
	return book_any_place(fcinfo, false);
}

Datum
booking_try_book_any_place(PG_FUNCTION_ARGS)
{
	return book_any_place(fcinfo, true);
}

/* book_any_place(resources, within, holder, quantity, hold_for, id, data, category). */
static Datum
book_any_place(FunctionCallInfo fcinfo, bool try)
{
	AnyPlace	place = {0};
	AnyOf	   *any = &place.any;
	Datum		booking;

	booking_must_write(fcinfo);
	place.within = booking_period_argument(fcinfo, 1, "within");
	booking_check_search(place.within);
	any->wanted = PG_GETARG_RANGE_P(1);
	booking_read_any_order(fcinfo, &any->order);
	place.resource_ids = booking_any_of_these(fcinfo, &place.nresources);
	if (any->order.id)
		booking_lock_id(any->order.id);
	LockRelationOid(booking_table("booking"), RowExclusiveLock);
	if (!any->order.id || !replay_any_place(&place, &booking))
	{
		read_slot_candidates(&place);
		if (any->n == 0 && !try)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("there is no open slot in that time"),
					 errdetail("Wanted was one within %s.", booking_period_text(any->wanted)),
					 errhint("The slots are in booking.slot; publish_slot() adds one.")));
		if (any->n == 0 || !booking_book_one_of(any, &booking))
		{
			if (!try)
				booking_none_is_free(any);
			return booking_no_row(fcinfo);
		}
	}
	if (any->order.id)
		booking_done_with_id(any->order.id);
	PG_RETURN_DATUM(booking_returned(fcinfo, booking));
}

static void
read_slot_candidates(AnyPlace *place)
{
	int			n;
	SlotChoice *choices = choices_within(place, &n);

	if (n > 1)
		qsort(choices, n, sizeof(SlotChoice), compare_choices);
	place->any.n = n;
	place->any.candidate = palloc_extended((n + 1) * sizeof(Candidate), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int i = 0; i < n; i++)
	{
		place->any.candidate[i].resource_id = choices[i].slot->resource_id;
		place->any.candidate[i].slot = choices[i].slot;
	}
	pfree(choices);
}

static SlotChoice *
choices_within(const AnyPlace *place, int *n)
{
	SlotChoice *choices = palloc_extended((MOST_SLOTS + 1) * sizeof(SlotChoice), MCXT_ALLOC_HUGE);

	*n = 0;
	for (int rank = 0; rank < place->nresources; rank++)
	{
		SlotList	slots;

		CHECK_FOR_INTERRUPTS();
		booking_slots_between(booking_peek_resource(place->resource_ids[rank]), place->within, &slots);
		for (int i = 0; i < slots.n; i++)
		{
			const Slot *slot = &slots.slot[i];

			if (slot->closed || slot->period.to > place->within.to)
				continue;
			if (*n == MOST_SLOTS)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("there are too many slots in that time"),
						 errdetail("At most %d are gone through.", MOST_SLOTS),
						 errhint("Give a shorter time, or fewer resources.")));
			choices[(*n)++] = (SlotChoice) {rank, slot};
		}
	}
	return choices;
}

static int
compare_choices(const void *a, const void *b)
{
	const SlotChoice *x = a;
	const SlotChoice *y = b;

	if (x->slot->period.from != y->slot->period.from)
		return x->slot->period.from < y->slot->period.from ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank - y->rank;
	return x->slot->id < y->slot->id ? -1 : x->slot->id > y->slot->id;
}

/* The id may have been used for a place in any slot of these, within that time. */
static bool
replay_any_place(const AnyPlace *place, Datum *booking)
{
	const Order *order = &place->any.order;
	Datum		id = UUIDPGetDatum(order->id);
	Content		content = {.has_slot = true,.holder = order->holder,.quantity = order->quantity,.data = order->data};
	BookingRow	row;
	int			rank = 0;

	if (!booking_id_is_used(order->id))
		return false;
	SPI_connect();
	if (booking_run(STMT_GET_BOOKING, &id, NULL) == 0)
	{
		SPI_finish();
		return false;
	}
	booking_row_read(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, &row);
	while (rank < place->nresources - 1 &&
		   place->resource_ids[rank] != DatumGetInt64(row.value[BOOKING_RESOURCE_ID]))
		rank++;
	content.resource = booking_peek_resource(place->resource_ids[rank]);
	if (!row.null[BOOKING_SLOT_ID] && row.period.from >= place->within.from && row.period.to <= place->within.to)
		content.slot_id = DatumGetInt64(row.value[BOOKING_SLOT_ID]);
	booking_check_replay(&content, SPI_tuptable->vals[0], SPI_tuptable->tupdesc, order->id);
	*booking = booking_row_datum();
	SPI_finish();
	return true;
}
