/*-------------------------------------------------------------------------
 *
 * slots.c
 *		What does this backend know about a published slot, and why may it trust it?
 *
 * A booking needs to know its slot, and must not look it up each time.  Each backend
 * remembers the slots that it has used, as it does resources, and may trust it for the
 * same two reasons (resource.c): what changes a slot holds the RESOURCE lock of its
 * resource exclusively and sends an invalidation of the table booking.slot; what uses
 * it holds that lock and has read the messages.  No backend remembers a new slot, and so
 * publishing invalidates nothing, except for the first slot that takes its resource.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/rel.h"

#include "base/cache.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/period.h"
#include "base/plans.h"
#include "base/rows.h"
#include "engine/resource.h"
#include "engine/slots.h"

/* About so many places a shard. */
#define PLACES_PER_SHARD	64

static Cache slots = {
	.name = "booking slots", .keysize = sizeof(int64), .entrysize = sizeof(Slot),
	.tables = DEPENDS_ON(SLOT), .limit = 1536 * 1024
};

const Column booking_slot_columns[SLOT_NCOLUMNS + 1] = {
	[SLOT_ID] = {"id", INT8OID},
	[SLOT_RESOURCE_ID] = {"resource_id", INT8OID},
	[SLOT_PERIOD] = {"period", TSTZRANGEOID},
	[SLOT_CAPACITY] = {"capacity", INT4OID},
	[SLOT_CLOSED] = {"closed", BOOLOID},
	[SLOT_DATA] = {"data", JSONBOID},
	[SLOT_OCCUPIES] = {"occupies", TSTZRANGEOID}
};

/* Where they are. */
typedef struct SlotTable
{
	Oid			relid;			/* hash key: must be first */
	Oid			index_id;		/* of the primary key; or invalid */
	AttrNumber	column[SLOT_NCOLUMNS + 1];
} SlotTable;

static Cache slot_tables = {
	.name = "booking slot tables", .keysize = sizeof(Oid), .entrysize = sizeof(SlotTable),
	.tables = DEPENDS_ON(SLOT), .limit = 16 * 1024
};

/* Slots that were published together have been stored together. */
static RowsSeen slots_seen;

static const SlotTable *find_table(Relation rel);
static Slot *find(int64 slot_id);
static Slot read_slot(int64 slot_id);

/*
 * A slot as remembered, or else as stored.  The pointer is good until the current memory
 * context is reset.
 */
static Slot *
find(int64 slot_id)
{
	Slot	   *slot = booking_cache_find(&slots, &slot_id);
	Slot		loaded;
	Generation *generation;

	if (slot != NULL)
		return slot;

	generation = booking_cache_load(&slots);
	loaded = read_slot(slot_id);
	loaded.nshards = booking_shards_for(loaded.capacity);
	loaded.shard = MyBackendNumber() % loaded.nshards;
	return booking_cache_keep(generation, &loaded);
}

static const SlotTable *
find_table(Relation rel)
{
	SlotTable	found = {.relid = RelationGetRelid(rel)};
	const SlotTable *known = booking_cache_find(&slot_tables, &found.relid);
	RowKey		key = {.column = "id"};
	Generation *generation;

	if (known)
		return known;
	generation = booking_cache_load(&slot_tables);
	found.index_id = booking_rows_key_index(rel, &key, 1);
	booking_find_columns(RelationGetDescr(rel), booking_slot_columns, SLOT_NCOLUMNS, found.column);
	return booking_cache_keep(generation, &found);
}

/* A slot as stored now, without what we derive from it. */
static Slot
read_slot(int64 slot_id)
{
	Relation	rel = table_open(booking_table("slot"), AccessShareLock);
	const SlotTable *table = find_table(rel);
	RowKey		key = {"id", F_INT8EQ, Int64GetDatum(slot_id), false};
	HeapTuple	row = booking_rows_one(&(RowsWanted) {rel, table->index_id, NULL, &key, 1},
									   &(RowNumber) {&slots_seen, (uint64) slot_id});
	Slot		loaded = {.id = slot_id};
	Datum		value[SLOT_NCOLUMNS + 1];
	bool		null[SLOT_NCOLUMNS + 1];

	if (row == NULL)
		booking_no_such_slot_id(slot_id);
	booking_take_apart(row, RelationGetDescr(rel), table->column, SLOT_NCOLUMNS, value, null);
	loaded.resource_id = DatumGetInt64(value[SLOT_RESOURCE_ID]);
	loaded.period = booking_period(DatumGetRangeTypeP(value[SLOT_PERIOD]));
	loaded.capacity = DatumGetInt32(value[SLOT_CAPACITY]);
	loaded.closed = DatumGetBool(value[SLOT_CLOSED]);
	loaded.takes_resource = !null[SLOT_OCCUPIES];
	if (loaded.takes_resource)
		loaded.occupies = booking_period(DatumGetRangeTypeP(value[SLOT_OCCUPIES]));
	heap_freetuple(row);
	table_close(rel, NoLock);
	return loaded;
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

/* How many rows the places of a slot are spread over. */
int
booking_shards_for(int32 capacity)
{
	return Min(MAX_SHARDS, Max(1, (int) (((int64) capacity + PLACES_PER_SHARD - 1) / PLACES_PER_SHARD)));
}

void
booking_no_such_slot_id(int64 slot_id)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("slot %lld does not exist", (long long) slot_id),
			 errhint("The slots are in booking.slot; publish_slot() adds one.")));
}

/* The same for a caller that only looks, and takes no lock (booking_peek_resource()). */
Slot
booking_peek_slot(int64 slot_id, const Resource **resource)
{
	Slot		slot;

	AcceptInvalidationMessages();
	slot = *find(slot_id);
	*resource = booking_peek_resource(slot.resource_id);
	return slot;
}

/*
 * A slot as remembered, for shards.c and sold_out.c to make notes; NULL when it is forgotten
 * already.
 */
Slot *
booking_remembered_slot(int64 slot_id)
{
	return booking_cache_find(&slots, &slot_id);
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
