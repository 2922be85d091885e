/*-------------------------------------------------------------------------
 *
 * room_count.c
 *		How much of a resource do stored bookings take?
 *
 * The engine finds the rows, with a dirty snapshot, and asks here what each of them counts for.
 * Nothing is locked or written here.  The caller is inside the gate, or looks from outside and
 * knows that the answer may be old (guard.c).
 *
 * Three kinds of bookings count for nothing: a hold that has lapsed, which is remembered for
 * the caller to mark; a hold that its own session is changing at the moment; and a stored booking
 * with the id of the one that wants room, for only one of the two can stay.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "access/stratnum.h"
#include "access/tableam.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/gates.h"
#include "base/period.h"
#include "base/rows.h"
#include "engine/guard_index.h"
#include "engine/lapse.h"
#include "engine/pool_own.h"
#include "engine/pool_use.h"
#include "engine/request.h"
#include "engine/resource.h"
#include "rules/room_count.h"

/* A pool of which nothing is known to be in use. */
typedef struct Uncounted
{
	int64		resource_id;
	const Counting *counting;
} Uncounted;

static void count_lapsed(const pg_uuid_t *id, void *arg);
static void must_be_empty(const GuardRow *found, void *arg);
static void leave_out_own(const GuardPlace *place, const GuardLoad *load, GuardRows *rows, GuardPending *pending);
static GuardPending find_own(Relation heap, const pg_uuid_t *id, const GuardLoad *load, GuardRows *rows);
static void take_off_own(TupleTableSlot *slot, const GuardPending *pending, const GuardLoad *load, GuardRows *rows);

Counting
booking_start_count(const BookingRow *row)
{
	Counting	counting = {
		.now = GetCurrentTimestamp(),
		.id_column = row->column[BOOKING_ID],
		.seat_column = row->column[BOOKING_SEAT_NO],
		.expires_column = row->column[BOOKING_EXPIRES_AT],
		.quantity_column = row->column[BOOKING_QUANTITY]
	};

	if (!row->null[BOOKING_ID])
		counting.id = *DatumGetUUIDP(row->value[BOOKING_ID]);
	return counting;
}

/*
 * How many units a stored booking takes.  Lapsed holds take none, and are remembered.
 *
 * A booking of our own id does not count either, for only one of the two can stay: the primary
 * key decides which, in the way that INSERT ...  ON CONFLICT expects.  While it is pending,
 * though, it is waited for here, where no gate is held.
 */
int64
booking_units_taken(TupleTableSlot *slot, bool pending, void *arg)
{
	Counting   *counting = arg;
	bool		isnull;
	Datum		id = slot_getattr(slot, counting->id_column, &isnull);
	Datum		expires_at = slot_getattr(slot, counting->expires_column, &isnull);

	if (memcmp(DatumGetUUIDP(id), &counting->id, UUID_LEN) == 0)
		return pending ? (int64) PG_INT32_MAX + 1 : 0;

	if (!isnull && !pending && DatumGetTimestampTz(expires_at) <= counting->now &&
		!booking_hold_in_hand(DatumGetUUIDP(id)))
	{
		count_lapsed(DatumGetUUIDP(id), counting);
		return 0;
	}
	return DatumGetInt32(slot_getattr(slot, counting->quantity_column, &isnull));
}

static void
count_lapsed(const pg_uuid_t *id, void *arg)
{
	Counting   *counting = arg;

	if (counting->nlapsed % 16 == 0)
		counting->lapsed = counting->lapsed == NULL ? palloc_array(Datum, 16) :
			repalloc(counting->lapsed, (counting->nlapsed + 16) * sizeof(Datum));
	counting->lapsed[counting->nlapsed++] = datumCopy(UUIDPGetDatum(id), false, UUID_LEN);
}

/*
 * What is in use of a large pool, by what pool_use.c knows instead of the bookings.  Where it
 * knows of nothing there are no bookings; if there are, they have not been counted.
 */
void
booking_tally_large_pool(const GuardPlace *place, const GuardLoad *load, GuardRows *rows, GuardPending *pending)
{
	static const pg_uuid_t no_id = {0};
	Counting   *counting = place->arg;
	PoolLook	look = {
		.resource_id = DatumGetInt64(load->key[0]),
		.window = booking_period(load->range),
		.booking_id = &counting->id,
		.now = counting->now,
		.all_rows = load->exactly,
		.lapsed = count_lapsed,
		.arg = counting
	};
	int			first = rows->n;

	booking_pool_look(&look, rows, pending);
	if (!look.any && !load->outside)
	{
		Uncounted	uncounted = {look.resource_id, counting};

		booking_guard_scan(place, load, must_be_empty, &uncounted);
	}
	if (memcmp(&counting->id, &no_id, UUID_LEN) != 0)
		leave_out_own(place, load, rows, pending);
	if (!look.all_rows)
		booking_pool_own_most(look.resource_id, look.window, rows, first);
}

static void
must_be_empty(const GuardRow *found, void *arg)
{
	const Uncounted *uncounted = arg;
	Counting	counting = *uncounted->counting;

	if (booking_units_taken(found->slot, false, &counting) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("what is in use of resource \"%s\" has not been counted",
						booking_recall_resource(uncounted->resource_id)->name),
				 errdetail("Rows have been loaded without the triggers that count them."),
				 errhint("Run booking.rebuild().")));
}

/*
 * A booking of our own id does not count, as booking_units_taken() says: what it takes is taken off
 * again, unless it is a hold, which has been left out already.  While it is pending it is waited
 * for.
 */
static void
leave_out_own(const GuardPlace *place, const GuardLoad *load, GuardRows *rows, GuardPending *pending)
{
	Counting   *counting = place->arg;
	GuardPending found = find_own(place->heap, &counting->id, load, rows);

	if (TransactionIdIsValid(found.xid))
		*pending = found;
}

/*
 * Wait until no other transaction has a booking with that id in progress, and keep others from
 * storing one before our row is stored: the primary key would wait for it inside the gate, and
 * every other booker behind us.  Where it is in our way besides, the engine waits for it anyway.
 *
 * A transaction that writes a booking with an id that others may know has its ID lock from
 * before it looks until the row is in the index: others find it there then, and wait outside
 * their gates.
 */
void
booking_claim_id(Relation heap, const pg_uuid_t *id)
{
	for (;;)
	{
		GuardPending found;

		booking_gates_lock_id(id);
		found = find_own(heap, id, NULL, NULL);
		if (!TransactionIdIsValid(found.xid))
			return;
		/* Its transaction may go on to do something with that booking. */
		booking_gates_row_done();
		CHECK_FOR_INTERRUPTS();
		booking_guard_wait(&found);
	}
}

/*
 * The transaction that has a booking with an id in progress.  With a load, the rows are put
 * right.
 */
static GuardPending
find_own(Relation heap, const pg_uuid_t *id, const GuardLoad *load, GuardRows *rows)
{
	GuardPending pending = {0};
	RowKey		key = {"id", F_UUID_EQ, UUIDPGetDatum(id), false};
	Oid			index_id = booking_rows_key_index(heap, &key, 1);
	TupleTableSlot *slot;
	Relation	index;
	IndexScanDesc scan;
	ScanKeyData scan_key;
	SnapshotData dirty;

	if (!OidIsValid(index_id))
		return pending;
	InitDirtySnapshot(dirty);
	index = index_open(index_id, AccessShareLock);
	slot = table_slot_create(heap, NULL);
	ScanKeyInit(&scan_key, 1, BTEqualStrategyNumber, F_UUID_EQ, key.value);
	scan = index_beginscan_compat(heap, index, &dirty, 1, 0);
	index_rescan(scan, &scan_key, 1, NULL, 0);
	while (index_getnext_slot(scan, ForwardScanDirection, slot))
	{
		GuardPending found = {
			.xid = TransactionIdIsValid(dirty.xmin) ? dirty.xmin : dirty.xmax,
			.token = dirty.speculativeToken,
			.relid = RelationGetRelid(heap),
			.row = slot->tts_tid
		};

		if (load)
			take_off_own(slot, &found, load, rows);
		if (TransactionIdIsValid(found.xid))
			pending = found;
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	index_close(index, AccessShareLock);
	return pending;
}

static void
take_off_own(TupleTableSlot *slot, const GuardPending *pending, const GuardLoad *load, GuardRows *rows)
{
	bool		free_it;
	HeapTuple	tuple = ExecFetchSlotHeapTuple(slot, false, &free_it);
	BookingRow	own;
	Period		occupies;
	Period		window = booking_period(load->range);

	booking_row_take_apart(tuple, slot->tts_tupleDescriptor, &own);
	booking_row_is_whole(&own, true);
	occupies = booking_period(DatumGetRangeTypeP(own.value[BOOKING_OCCUPIES]));
	if (!own.active || !own.null[BOOKING_SEAT_NO] || !own.null[BOOKING_SLOT_ID] ||
		DatumGetInt64(own.value[BOOKING_RESOURCE_ID]) != DatumGetInt64(load->key[0]) ||
		occupies.from >= window.to || window.from >= occupies.to)
		return;
	if (TransactionIdIsValid(pending->xid))
		booking_guard_add_whole(rows, occupies, (int64) PG_INT32_MAX + 1)->pending = true;
	else if (own.null[BOOKING_EXPIRES_AT])
		booking_guard_add_whole(rows, occupies, -(int64) DatumGetInt32(own.value[BOOKING_QUANTITY]));
}
