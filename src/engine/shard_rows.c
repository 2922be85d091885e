/*-------------------------------------------------------------------------
 *
 * shard_rows.c
 *		What do the rows say that the places of a slot depend on?
 *
 * The rows of its shards, and its holds that have lapsed or are going to: many transactions
 * write them at once, and a SERIALIZABLE transaction must not depend on what others do with
 * them.  They are read from their indexes, as of one instant and without predicate locks, at
 * every isolation level (rows.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/cache.h"
#include "base/columns.h"
#include "base/compat.h"
#include "base/rows.h"
#include "engine/guard_index.h"
#include "engine/shards.h"
#include "engine/slots.h"

/*
 * Where the table of bookings has its index of the holds of slots by their expiry, if it has.
 * Found by what it indexes, as those that judge rows (room_place.c).
 */
typedef struct LapseIndex
{
	Oid			relid;			/* hash key: must be first */
	Oid			index_id;		/* or invalid */
} LapseIndex;

static Cache lapse_indexes = {
	.name = "booking lapse indexes", .keysize = sizeof(Oid), .entrysize = sizeof(LapseIndex),
	.limit = 256 * 1024
};

/* What the rows of a slot's shards are put into. */
typedef struct Look
{
	int			nshards;
	const PlacesTable *places;
	FreePlaces *found;
	bool		astray;			/* there is one that belongs to no shard */
} Look;

/* The sum of what is free in the shards of a slot. */
typedef struct FreeCount
{
	AttrNumber	column;
	int			rows;
	int64		free;
} FreeCount;

static void look_at_shard(HeapTuple row, TupleDesc desc, void *arg);
static void count_free(HeapTuple row, TupleDesc desc, void *arg);
static int64 lapsed_places(const Slot *slot, TimestampTz now, Snapshot snapshot);
static Oid	lapse_index(Relation rel);
static Oid	find_lapse_index(Relation rel);

/* What is free, as of one instant, without a lock. */
void
booking_shards_look(const Slot *slot, FreePlaces *free)
{
	PlacesTable places;
	Relation	rel = booking_shards_open(AccessShareLock, &places);
	RowKey		key = {"slot_id", F_INT8EQ, Int64GetDatum(slot->id), false};
	Look		look = {.nshards = slot->nshards, .places = &places, .found = free};
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());

	memset(free, 0, sizeof(FreePlaces));
	booking_rows_visit(&(RowsWanted) {rel, places.index_id, snapshot, &key, 1}, look_at_shard, &look);
	UnregisterSnapshot(snapshot);
	table_close(rel, NoLock);
	if (look.astray)
		booking_shards_not_counted(slot);
}

static void
look_at_shard(HeapTuple row, TupleDesc desc, void *arg)
{
	Look	   *look = arg;
	bool		isnull;
	int			shard = DatumGetInt16(heap_getattr(row, look->places->shard, desc, &isnull));

	if (shard < 0 || shard >= look->nshards)
	{
		look->astray = true;
		return;
	}
	look->found->shard[shard] = DatumGetInt32(heap_getattr(row, look->places->free, desc, &isnull));
	look->found->counted |= shard == look->nshards - 1;
	look->found->total += look->found->shard[shard];
}

/*
 * How many places can be had: those that are free, and those of holds that have lapsed, as of
 * one instant; false when they have not been counted.  Callers that only look ask this most.
 */
bool
booking_shards_count(const Slot *slot, TimestampTz now, int64 *left)
{
	PlacesTable places;
	Relation	rel = booking_shards_open(AccessShareLock, &places);
	RowKey		key = {"slot_id", F_INT8EQ, Int64GetDatum(slot->id), false};
	FreeCount	count = {.column = places.free};
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());

	booking_rows_visit(&(RowsWanted) {rel, places.index_id, snapshot, &key, 1}, count_free, &count);
	table_close(rel, NoLock);
	*left = count.free + lapsed_places(slot, now, snapshot);
	UnregisterSnapshot(snapshot);
	return count.rows > 0;
}

static void
count_free(HeapTuple row, TupleDesc desc, void *arg)
{
	FreeCount  *count = arg;
	bool		isnull;

	count->rows++;
	count->free += DatumGetInt32(heap_getattr(row, count->column, desc, &isnull));
}

/* The places of holds that have lapsed, swept or not. */
static int64
lapsed_places(const Slot *slot, TimestampTz now, Snapshot snapshot)
{
	Relation	rel = table_open(booking_table("booking"), AccessShareLock);
	Oid			index = lapse_index(rel);
	RowKey		keys[] = {
		{"slot_id", F_INT8EQ, Int64GetDatum(slot->id), false},
		{"expires_at", F_TIMESTAMPTZ_LE, TimestampTzGetDatum(now), true}
	};
	RowScan		rows;
	HeapTuple	row;
	int64		places = 0;

	booking_rows_begin(&rows, &(RowsWanted) {rel, index, snapshot, keys, OidIsValid(index) ? 2 : 1});
	while ((row = booking_rows_next(&rows)) != NULL)
	{
		bool		isnull;
		TimestampTz expires_at = DatumGetTimestampTz(booking_rows_column(&rows, row, "expires_at", &isnull));

		CHECK_FOR_INTERRUPTS();
		/* Only a hold has one. */
		if (!isnull && expires_at <= now)
			places += DatumGetInt32(booking_rows_column(&rows, row, "quantity", &isnull));
	}
	booking_rows_end(&rows);
	table_close(rel, NoLock);
	return places;
}

/*
 * Holds of a slot that lapse until then: how many, up to a limit; and, where the pointers are
 * not NULL, their ids, and when the first lapses.  They are read without predicate locks.
 */
int
booking_shards_lapsed(const Slot *slot, TimestampTz until, int limit, Datum *ids, TimestampTz *first)
{
	Relation	rel = table_open(booking_table("booking"), AccessShareLock);
	Oid			index = lapse_index(rel);
	RowKey		keys[] = {
		{"slot_id", F_INT8EQ, Int64GetDatum(slot->id), false},
		{"expires_at", F_TIMESTAMPTZ_LE, TimestampTzGetDatum(until), true}
	};
	RowScan		rows;
	HeapTuple	row;
	int			n = 0;

	/* Without its index, all bookings are read; then they come in no order. */
	booking_rows_begin(&rows, &(RowsWanted) {rel, index, NULL, keys, OidIsValid(index) ? 2 : 1});
	while ((n < limit || !OidIsValid(index)) && (row = booking_rows_next(&rows)) != NULL)
	{
		bool		isnull;
		TimestampTz expires_at = DatumGetTimestampTz(booking_rows_column(&rows, row, "expires_at", &isnull));

		CHECK_FOR_INTERRUPTS();
		/* Only a hold has one. */
		if (isnull || expires_at > until)
			continue;
		if (first && (n == 0 || expires_at < *first))
			*first = expires_at;
		if (n >= limit)
			continue;
		if (ids)
			ids[n] = datumCopy(booking_rows_column(&rows, row, "id", &isnull), false, UUID_LEN);
		n++;
	}
	booking_rows_end(&rows);
	table_close(rel, NoLock);
	return n;
}

/* The index of the holds of slots by their expiry, as remembered. */
static Oid
lapse_index(Relation rel)
{
	LapseIndex	found = {.relid = RelationGetRelid(rel)};
	const LapseIndex *known = booking_cache_find(&lapse_indexes, &found.relid);
	Generation *generation;

	if (known == NULL)
	{
		generation = booking_cache_load(&lapse_indexes);
		booking_cache_watch(&lapse_indexes, found.relid);
		found.index_id = find_lapse_index(rel);
		known = booking_cache_keep(generation, &found);
	}
	return known->index_id;
}

static Oid
find_lapse_index(Relation rel)
{
	AttrNumber	slot_id = booking_column_named(RelationGetDescr(rel), "slot_id", INT8OID);
	AttrNumber	expires_at = booking_column_named(RelationGetDescr(rel), "expires_at", TIMESTAMPTZOID);
	Oid			found = InvalidOid;
	List	   *list = RelationGetIndexList(rel);
	ListCell   *cell;

	foreach(cell, list)
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);
		const int16 *attno = index->rd_index->indkey.values;

		if (!OidIsValid(found) && index->rd_rel->relam == BTREE_AM_OID && index->rd_index->indisvalid &&
			IndexRelationGetNumberOfKeyAttributes(index) == 2 &&
			attno[0] == slot_id && attno[1] == expires_at && index->rd_indoption[1] == 0 &&
			booking_index_has_predicate(rel, index, "slot_id IS NOT NULL AND status OPERATOR(pg_catalog.=) 'held'"))
			found = RelationGetRelid(index);
		index_close(index, NoLock);
	}
	list_free(list);
	return found;
}

/* The derived rows of a slot are not there, or not all of them. */
void
booking_shards_not_counted(const Slot *slot)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the free places of slot %lld have not been counted", (long long) slot->id),
			 errdetail("Rows have been loaded without the triggers that count them."),
			 errhint("Run booking.rebuild().")));
}
