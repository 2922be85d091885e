/*-------------------------------------------------------------------------
 *
 * replay.c
 *		Is this the same call once more, and does it ask for the same?
 *
 * The id is the idempotency key: of a booking, or of a group of them.  A caller that brings
 * one holds its ID lock here, so that of two calls with one id the second waits for the first
 * to end, and then finds what it has made: the same content gives the same back, any
 * other is an error.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/cache.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/period.h"
#include "engine/row.h"
#include "rules/replay.h"

static Datum stored(HeapTuple row, TupleDesc desc, BookingColumn column, bool *isnull);

/*
 * Is there a row with this id?  A transaction that has made many bookings may have given
 * the ID lock back while it is still writing this one (locks.c): wait for its end.
 */
bool
booking_id_is_used(const pg_uuid_t *id)
{
	Relation	heap = table_open(booking_table("booking"), RowExclusiveLock);
	Oid			pkey;
	bool		used = true;

	list_free(RelationGetIndexList(heap));
	pkey = heap->rd_pkindex;
	if (OidIsValid(pkey))
	{
		Relation	index = index_open(pkey, AccessShareLock);
		TupleTableSlot *slot = table_slot_create(heap, NULL);
		SnapshotData dirty;
		ScanKeyData key;

		ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(id));
		InitDirtySnapshot(dirty);
		do
		{
			IndexScanDesc scan = index_beginscan_compat(heap, index, &dirty, 1, 0);

			CHECK_FOR_INTERRUPTS();
			index_rescan(scan, &key, 1, NULL, 0);
			dirty.xmin = InvalidTransactionId;
			used = index_getnext_slot(scan, ForwardScanDirection, slot);
			index_endscan(scan);
			if (used && TransactionIdIsValid(dirty.xmin))
				XactLockTableWait(dirty.xmin, heap, &slot->tts_tid, XLTW_InsertIndex);
		} while (used && TransactionIdIsValid(dirty.xmin));
		ExecDropSingleTupleTableSlot(slot);
		index_close(index, NoLock);
	}
	table_close(heap, NoLock);
	return used;
}

static Datum
stored(HeapTuple row, TupleDesc desc, BookingColumn column, bool *isnull)
{
	return SPI_getbinval(row, desc, booking_row_column(desc, column), isnull);
}

/* In what does a stored booking differ from what is asked for?  NULL: in nothing. */
char *
booking_content_differs(const Content *content, HeapTuple row, TupleDesc desc)
{
	StringInfoData differs;
	bool		isnull;

	initStringInfo(&differs);
	if (DatumGetInt64(stored(row, desc, BOOKING_RESOURCE_ID, &isnull)) != content->resource->id)
		appendStringInfoString(&differs, ", resource");
	if (content->has_slot)
	{
		Datum		slot_id = stored(row, desc, BOOKING_SLOT_ID, &isnull);

		if (isnull || DatumGetInt64(slot_id) != content->slot_id)
			appendStringInfoString(&differs, ", slot");
	}
	else if (!range_eq_internal(booking_range_type(TSTZRANGEOID), content->range,
								DatumGetRangeTypeP(stored(row, desc, BOOKING_PERIOD, &isnull))))
		appendStringInfoString(&differs, ", period");
	if (!booking_same_text(PointerGetDatum(content->holder),
						   stored(row, desc, BOOKING_HOLDER, &isnull)))
		appendStringInfoString(&differs, ", holder");
	if (DatumGetInt32(stored(row, desc, BOOKING_QUANTITY, &isnull)) != content->quantity)
		appendStringInfoString(&differs, ", quantity");
	if (content->seat)
	{
		const Seat *seat = booking_seat_labelled(content->resource, content->seat);
		Datum		seat_no = stored(row, desc, BOOKING_SEAT_NO, &isnull);

		if (seat == NULL || isnull || DatumGetInt32(seat_no) != seat->seat_no)
			appendStringInfoString(&differs, ", seat");
	}
	if (compareJsonbContainers(&content->data->root,
							   &DatumGetJsonbP(stored(row, desc, BOOKING_DATA, &isnull))->root) != 0)
		appendStringInfoString(&differs, ", data");
	return differs.len > 0 ? differs.data + 2 : NULL;
}

/* An error unless the booking with this id is what is asked for. */
void
booking_check_replay(const Content *content, HeapTuple row, TupleDesc desc, const pg_uuid_t *id)
{
	char	   *differs = booking_content_differs(content, row, desc);
	bool		isnull;

	if (differs)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("booking id %s has been used for something else",
						DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id)))),
				 errbooking(CONSTRAINT_ID, "The booking with this id has another %s.", differs),
				 DatumGetInt32(stored(row, desc, BOOKING_VERSION, &isnull)) == 1 ?
				 errhint("Repeat a call with the same arguments, or use a new id.") :
				 errhint("The booking has been changed since it was made: read it in booking.booking by its id.  For another booking, use a new id.")));
}
