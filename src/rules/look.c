/*-------------------------------------------------------------------------
 *
 * look.c
 *		What is taken of a resource, and what is left?
 *
 * For functions that only look.  They take no lock and write nothing, so that they work
 * on a standby and in a READ ONLY transaction, do not block other transactions and do not wait
 * for them.  They read the very indexes by which bookings are judged (room_place.c), and so
 * their cost grows with what there is in the time that is looked at, whatever the statistics say
 * and however much there is besides.
 *
 * Snapshot: the latest one, at every isolation level, and not the transaction's, for
 * a booking is judged by what has been committed when it is made.  A REPEATABLE READ transaction
 * that looks and then books would otherwise be offered what has been taken since.  What others
 * have written and not yet committed is not there; what they have removed and not yet committed
 * still is.  At SERIALIZABLE rows are read without a snapshot, as keyed statements are
 * (plans.c): a look must not be the reason why two transactions that look and then book cannot
 * both commit.  A booking that moves at that moment may then be seen in both places, or in none.
 *
 * A hold that has lapsed takes nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/cache.h"
#include "base/compat.h"
#include "base/plans.h"
#include "engine/guard.h"
#include "engine/row.h"
#include "engine/shards.h"
#include "rules/look.h"
#include "rules/room_place.h"

static void look_at_bookings(Relation heap, const GuardIndex *index, Period window,
							 const Seat *seat, Taken *taken);
static void look_at_booking(TupleTableSlot *slot, const AttrNumber *columns, Period window,
							const Seat *seat, Taken *taken);
static void look_at_slots(Period window, Taken *taken);
static void look_at_slot(HeapTuple row, TupleDesc desc, Taken *taken);

/*
 * What is taken of a resource, or of one of its seats, in a window of time: by bookings,
 * and by slots that take all of it.
 */
void
booking_look(const Resource *resource, Period window, const Seat *seat, Taken *taken)
{
	Relation	heap = table_open(booking_table("booking"), AccessShareLock);

	*taken = (Taken) {.resource = resource,.now = GetCurrentTimestamp()};
	look_at_bookings(heap, booking_room_index(heap, resource->kind), window, seat, taken);
	table_close(heap, AccessShareLock);
	if (resource->taken_by_slots)
		look_at_slots(window, taken);
}

static void
look_at_bookings(Relation heap, const GuardIndex *guard, Period window, const Seat *seat,
				 Taken *taken)
{
	const Resource *resource = taken->resource;
	Relation	index = index_open(guard->index_id, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(heap, NULL);
	AttrNumber	columns[BOOKING_NCOLUMNS + 1];
	ScanKeyData keys[3];
	Datum		values[3];
	int			nkeys = 0;
	Snapshot	latest = RegisterSnapshot(GetLatestSnapshot());
	SnapshotData snapshot = *latest;
	IndexScanDesc scan;

	values[0] = Int64GetDatum(resource->id);
	values[1] = Int32GetDatum(seat ? seat->seat_no : 0);
	values[guard->nkeys] = RangeTypePGetDatum(booking_make_range(window));
	for (int i = 0; i <= guard->nkeys; i++)
		if (i != 1 || i == guard->nkeys || seat || resource->kind == RESOURCE_EXCLUSIVE)
			ScanKeyEntryInitialize(&keys[nkeys++], 0, i + 1, guard->strategy[i], InvalidOid,
								   guard->collation[i], guard->proc[i], values[i]);

	columns[BOOKING_RESOURCE_ID] = booking_row_column(RelationGetDescr(heap), BOOKING_RESOURCE_ID);
	columns[BOOKING_SEAT_NO] = booking_row_column(RelationGetDescr(heap), BOOKING_SEAT_NO);
	columns[BOOKING_OCCUPIES] = booking_row_column(RelationGetDescr(heap), BOOKING_OCCUPIES);
	columns[BOOKING_QUANTITY] = booking_row_column(RelationGetDescr(heap), BOOKING_QUANTITY);
	columns[BOOKING_EXPIRES_AT] = booking_row_column(RelationGetDescr(heap), BOOKING_EXPIRES_AT);

	if (IsolationIsSerializable())
		snapshot.snapshot_type = SNAPSHOT_SELF;
	scan = index_beginscan_compat(heap, index, &snapshot, nkeys, 0);
	index_rescan(scan, keys, nkeys, NULL, 0);
	while (index_getnext_slot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		look_at_booking(slot, columns, window, seat, taken);
	}
	index_endscan(scan);
	UnregisterSnapshot(latest);
	ExecDropSingleTupleTableSlot(slot);
	index_close(index, AccessShareLock);
}

/* The index may find more than it was asked for. */
static void
look_at_booking(TupleTableSlot *slot, const AttrNumber *columns, Period window,
				const Seat *seat, Taken *taken)
{
	bool		no_seat;
	bool		no_lapse;
	bool		isnull;
	Datum		seat_no = slot_getattr(slot, columns[BOOKING_SEAT_NO], &no_seat);
	Datum		expires_at = slot_getattr(slot, columns[BOOKING_EXPIRES_AT], &no_lapse);
	Datum		resource_id = slot_getattr(slot, columns[BOOKING_RESOURCE_ID], &isnull);
	Datum		occupies = slot_getattr(slot, columns[BOOKING_OCCUPIES], &isnull);
	RangeType  *range = DatumGetRangeTypeP(occupies);
	Period		during = booking_period(range);
	int32		quantity = DatumGetInt32(slot_getattr(slot, columns[BOOKING_QUANTITY], &isnull));

	if ((Pointer) range != DatumGetPointer(occupies))
		pfree(range);
	if (DatumGetInt64(resource_id) != taken->resource->id ||
		during.from >= window.to || during.to <= window.from ||
		(seat && (no_seat || DatumGetInt32(seat_no) != seat->seat_no)) ||
		(!no_lapse && DatumGetTimestampTz(expires_at) <= taken->now))
		return;
	booking_taken_add(taken, during, quantity, (TakenAs)
					  {
						  .seat_no = no_seat ? 0 : DatumGetInt32(seat_no),
						  .by = TAKEN_BY_BOOKING,
						  .expires_at = no_lapse ? DT_NOEND : DatumGetTimestampTz(expires_at)
					  });
}

static void
look_at_slots(Period window, Taken *taken)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		values[2];
	uint64		n;

	values[0] = Int64GetDatum(taken->resource->id);
	values[1] = RangeTypePGetDatum(booking_make_range(window));
	SPI_connect();
	n = booking_run(STMT_SLOTS_IN_THE_WAY, values, NULL);
	context = MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < n; i++)
		look_at_slot(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, taken);
	MemoryContextSwitchTo(context);
	SPI_finish();
}

/* A slot of several places takes all of it, one of a single place as much as its booking does. */
static void
look_at_slot(HeapTuple row, TupleDesc desc, Taken *taken)
{
	bool		isnull;
	bool		of_slot;
	Period		during = booking_period(DatumGetRangeTypeP(SPI_getbinval(row, desc, 1, &isnull)));
	int32		quantity = DatumGetInt32(SPI_getbinval(row, desc, 2, &of_slot));
	TimestampTz expires_at = DatumGetTimestampTz(SPI_getbinval(row, desc, 3, &isnull));

	booking_taken_add(taken, during, of_slot ? booking_units(taken->resource) : quantity, (TakenAs)
					  {
						  .seat_no = of_slot ? ALL_SEATS : 0,
						  .by = of_slot ? TAKEN_BY_SLOT : TAKEN_BY_BOOKING,
						  .expires_at = isnull ? DT_NOEND : expires_at
					  });
}

void
booking_taken_add(Taken *taken, Period during, int64 quantity, TakenAs as)
{
	if (taken->n == taken->size)
	{
		taken->size = Max(64, 2 * taken->size);
		taken->item = taken->item == NULL ? palloc_array(PeakItem, taken->size) :
			repalloc_huge(taken->item, taken->size * sizeof(PeakItem));
		taken->as = taken->as == NULL ? palloc_array(TakenAs, taken->size) :
			repalloc_huge(taken->as, taken->size * sizeof(TakenAs));
	}
	taken->item[taken->n] = (PeakItem) {during.from, during.to, quantity};
	taken->as[taken->n++] = as;
}

/* How many units or seats a resource has when nothing is taken. */
int64
booking_units(const Resource *resource)
{
	return resource->kind == RESOURCE_POOLED ? resource->capacity :
		resource->kind == RESOURCE_SEATED ? resource->nseats : 1;
}

/* How many are left for all of a stretch of time: units, or seats. */
int64
booking_room_left(const Taken *taken, Period occupies)
{
	const Resource *resource = taken->resource;
	int			ntaken;
	int64		left;

	if (resource->kind == RESOURCE_SEATED)
	{
		pfree(booking_seats_taken(taken, occupies, &ntaken));
		return resource->nseats - ntaken;
	}
	left = booking_units(resource) -
		booking_peak(taken->item, taken->n, (PeakWindow) {occupies.from, occupies.to}, PG_INT64_MAX).most;
	return Max(left, 0);
}

/* Which seats are taken at some time of a stretch, by their position among the seats. */
bool *
booking_seats_taken(const Taken *taken, Period occupies, int *ntaken)
{
	const Resource *resource = taken->resource;
	bool	   *is_taken = palloc0_array(bool, resource->nseats + 1);

	*ntaken = 0;
	for (int i = 0; i < taken->n; i++)
	{
		const Seat *seat;

		if (taken->item[i].from >= occupies.to || taken->item[i].to <= occupies.from)
			continue;
		if (taken->as[i].seat_no == ALL_SEATS)
		{
			memset(is_taken, true, resource->nseats);
			*ntaken = resource->nseats;
			break;
		}
		seat = booking_seat_numbered(resource, taken->as[i].seat_no);
		if (seat && !is_taken[seat - resource->seats])
		{
			is_taken[seat - resource->seats] = true;
			++*ntaken;
		}
	}
	return is_taken;
}

/* The places of a slot that can be had, those of holds that have lapsed among them. */
int64
booking_look_at_places(const Slot *slot, TimestampTz now)
{
	int64		left;

	if (!booking_shards_count(slot, now, &left))
		booking_shards_not_counted(slot);
	return left;
}
