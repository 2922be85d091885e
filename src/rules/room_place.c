/*-------------------------------------------------------------------------
 *
 * room_place.c
 *		In which index is what a booking takes, and which gate guards it?
 *
 * What is taken of an exclusive resource, and of a seat, is in the index of the constraint
 * booking_no_overlap; what is taken of a pooled resource is in the index booking_pooled, and of
 * a large one in what pool_use.c knows.  The gate of an exclusive or pooled resource is the
 * resource's, that of a seat is the seat's own.
 *
 * The files that judge a booking (room.c), look before there is one (room_ahead.c), store one
 * that is not judged (unjudged.c), or only look at what is free (look.c) ask here, so that all
 * of them count the same rows and use the same gate.  Nothing is locked here but the indexes,
 * for as long as it takes to read how they are made; what is found is remembered (cache.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "common/hashfn.h"
#include "utils/rel.h"

#include "base/cache.h"
#include "base/gates.h"
#include "base/period.h"
#include "engine/guard_index.h"
#include "engine/pool_use.h"
#include "rules/room_count.h"
#include "rules/room_place.h"

/*
 * Where this session's open relation keeps the two indexes that judge rows: found by
 * what they index, for on a distributed table their names differ.  It has to be exactly
 * that; users make indexes of their own.
 */
typedef struct RowIndexes
{
	Oid			relid;			/* hash key: must be first */
	GuardIndex	by_seat;		/* resource_id, seat_no, occupies */
	GuardIndex	by_pool;		/* resource_id, occupies */
} RowIndexes;

/* What is behind WHERE in the install script. */
static const char *const seat_predicate =
	"seat_no IS NOT NULL AND status OPERATOR(pg_catalog.=) ANY (ARRAY['held', 'confirmed'])";
static const char *const pool_predicate =
	"seat_no IS NULL AND slot_id IS NULL AND status OPERATOR(pg_catalog.=) ANY (ARRAY['held', 'confirmed'])";

static Cache indexes = {
	.name = "booking indexes", .keysize = sizeof(Oid), .entrysize = sizeof(RowIndexes),
	.limit = 1024 * 1024
};

static const RowIndexes *find_indexes(Relation heap);
static const RowIndexes *load_indexes_of_rows(Relation heap);

static const RowIndexes *
find_indexes(Relation heap)
{
	Oid			relid = RelationGetRelid(heap);
	const RowIndexes *known = booking_cache_find(&indexes, &relid);

	if (known == NULL)
		known = load_indexes_of_rows(heap);
	if (!OidIsValid(known->by_seat.index_id) || !OidIsValid(known->by_pool.index_id))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has lost an index that its rules need",
						RelationGetRelationName(heap)),
				 errdetail("It is %s.", OidIsValid(known->by_seat.index_id) ?
						   "the index booking_pooled" : "that of the constraint booking_no_overlap"),
				 errhint("Create it again as the extension's install script does, or REINDEX it.")));
	return known;
}

static const RowIndexes *
load_indexes_of_rows(Relation heap)
{
	RowIndexes	found = {.relid = RelationGetRelid(heap)};
	Generation *generation;
	AttrNumber	resource_id;
	AttrNumber	seat_no;
	AttrNumber	occupies;
	List	   *list;
	ListCell   *cell;

	generation = booking_cache_load(&indexes);
	booking_cache_watch(&indexes, found.relid);
	resource_id = booking_row_column(RelationGetDescr(heap), BOOKING_RESOURCE_ID);
	seat_no = booking_row_column(RelationGetDescr(heap), BOOKING_SEAT_NO);
	occupies = booking_row_column(RelationGetDescr(heap), BOOKING_OCCUPIES);

	list = RelationGetIndexList(heap);
	foreach(cell, list)
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);
		int			natts = IndexRelationGetNumberOfKeyAttributes(index);
		int16	   *attno = index->rd_index->indkey.values;

		if (booking_guard_index_fault(heap, index))
			;					/* of another kind, or being built: REINDEX CONCURRENTLY */
		else if (natts == 3 && attno[0] == resource_id && attno[1] == seat_no &&
				 attno[2] == occupies &&
				 booking_index_has_predicate(heap, index, seat_predicate))
			booking_guard_describe(heap, index, &found.by_seat);
		else if (natts == 2 && attno[0] == resource_id && attno[1] == occupies &&
				 booking_index_has_predicate(heap, index, pool_predicate))
			booking_guard_describe(heap, index, &found.by_pool);
		index_close(index, AccessShareLock);
	}
	return booking_cache_keep(generation, &found);
}

/* That of the constraint booking_no_overlap, or NULL if the table has lost it. */
const GuardIndex *
booking_constraint_index(Relation heap)
{
	Oid			relid = RelationGetRelid(heap);
	const RowIndexes *found = booking_cache_find(&indexes, &relid);

	if (found == NULL)
		found = load_indexes_of_rows(heap);
	return OidIsValid(found->by_seat.index_id) ? &found->by_seat : NULL;
}

/* The index that tells what is taken of a resource of that kind. */
const GuardIndex *
booking_room_index(Relation heap, ResourceKind kind)
{
	const RowIndexes *found = find_indexes(heap);

	return kind == RESOURCE_POOLED ? &found->by_pool : &found->by_seat;
}

/* What a look at all bookings of a resource reads; the caller says what it counts with. */
GuardPlace
booking_room_place(Relation heap, const Resource *resource)
{
	return (GuardPlace)
	{
		.heap = heap,.relid = RelationGetRelid(heap),
			.index = booking_room_index(heap, resource->kind),
			.tally = booking_is_large_pool(resource) ? booking_tally_large_pool : NULL
	};
}

GateWanted
booking_room_gate(const BookingRow *row)
{
	return booking_gate_of_room(DatumGetInt64(row->value[BOOKING_RESOURCE_ID]),
								row->null[BOOKING_SEAT_NO] ? 0 : DatumGetInt32(row->value[BOOKING_SEAT_NO]),
								booking_period(DatumGetRangeTypeP(row->value[BOOKING_OCCUPIES])));
}

/*
 * The gate of a resource, or with a number above 0 that of a seat.  Of a pool or an exclusive
 * resource many transactions want different periods at once.  Of one seat that is rare: its gate
 * has one part.
 */
GateWanted
booking_gate_of_room(int64 resource_id, int32 seat_no, Period occupies)
{
	return (GateWanted)
	{
		.key = seat_no == 0 ? (uint64) resource_id : hash_combine64((uint64) resource_id, (uint64) seat_no),
			.parts = seat_no > 0 ? GATE_UNDIVIDED : booking_gate_parts(occupies)
	};
}

/*
 * Entries of one resource are together in the index: what tells them apart is the time, or the seat
 * where a resource has thousands at the same time.
 */
int
booking_telling_column(const Resource *resource, int32 seat_no)
{
	return resource->kind != RESOURCE_POOLED && seat_no == 0 ? 3 : 2;
}
