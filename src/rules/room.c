/*-------------------------------------------------------------------------
 *
 * room.c
 *		Is there room for this booking, and if not, what would fit?
 *
 * The engine (claim.c, guard.c) knows gates, indexes and numbers; here is what they mean
 * for bookings: one claim for each, and the hooks that a guarded table has not.
 * An exclusive resource and a seat are capacity 1 in the index of the constraint
 * booking_no_overlap; a pooled resource is its capacity in the index booking_pooled, and a large one
 * its capacity in what pool_use.c knows.
 * The gate of an exclusive or pooled resource is the resource's, that of a seat is the
 * seat's own.
 *
 * A hold that has lapsed takes no space.  It is still in the index, and in the way of
 * the exclusion constraint, so a transaction that needs its space marks it expired first: outside
 * the gate, after which the judging starts again.
 *
 * Where somebody stands in line for what a newcomer fits into, the line is served first,
 * outside the gate as well, and the newcomer is judged again (waitlist.c).
 *
 * Either writes something, and may find out afterwards that we have to wait for somebody,
 * which may have to wait for us because of it.  Hence both are done in an attempt: when
 * anybody is in the way, it is undone, and we wait for it with nothing held (attempt.c).
 * A booking that meets neither, as nearly all do, pays for no subtransaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "common/hashfn.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "base/attempt.h"
#include "base/cache.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/gates.h"
#include "base/lock_kinds.h"
#include "base/locks.h"
#include "base/period.h"
#include "base/plans.h"
#include "base/test_point.h"
#include "base/transaction.h"
#include "engine/claim.h"
#include "engine/guard.h"
#include "engine/guard_index.h"
#include "engine/lapse.h"
#include "engine/open.h"
#include "engine/peak.h"
#include "engine/pool_use.h"
#include "engine/request.h"
#include "engine/resource.h"
#include "engine/row.h"
#include "rules/room.h"
#include "rules/room_count.h"
#include "rules/waitlist.h"

/* The bookings of the next days, for finding a time that would do. */
typedef struct Collected
{
	const BookingRow *row;		/* that wants room */
	PeakItem   *item;
	int			n;
} Collected;

#define LOOK_AHEAD_DAYS	7
#define FEW_REFUSALS	3

/* A booking that wants room. */
typedef struct Wanted
{
	RoomRequest request;
	Claim		claim;
	GuardPlace	place;
	Counting	counting;
	Relation	heap;
	const Resource *resource;
	BookingRow *row;
	pg_uuid_t	busy;			/* a lapsed hold in the way that somebody has locked */
} Wanted;

/* A look before there is a row. */
typedef struct Look
{
	const Resource *resource;
	RangeType  *range;
	const Seat *seat;
	int32		quantity;
	bool		ahead;			/* in the gate, if nobody else is inside */
	bool		outside;		/* if somebody is, from outside */
	GuardPending pending;		/* whom it depends on */
} Look;

/* The row for which the gate was entered last before there was one. */
typedef struct Ahead
{
	int64		resource_id;
	int32		seat_no;
	Period		occupies;
	Oid			index_id;
} Ahead;

/* How far an attempt to clear the way has come. */
typedef struct Clearing
{
	bool		cleared;		/* nobody is busy with what has lapsed */
	bool		wrote;			/* has marked holds or made offers */
	bool		expiring;		/* is marking holds just now */
} Clearing;

/* Which seats are free. */
typedef struct SeatSearch
{
	const Resource *resource;
	Counting	counting;
	bool	   *taken;			/* by position in the resource's seats */
	bool	   *unsure;			/* those of them that may be given up; or NULL */
	int			ntaken;
	GuardPending pending;
} SeatSearch;

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
static bool only_from_now(const BookingRow *row, RangeType **range);
static uint64 gate_key(int64 resource_id, int32 seat_no);
static bool inside_for_sure(const Wanted *wanted);
static GateParts gate_parts(int32 seat_no, Period occupies);
static bool may_enter_ahead(const Resource *resource);
static GuardAnswer look_for_room(Look *look);
static GuardAnswer look_into_index(Look *look, Relation heap, GuardLoad *load);
static bool enter_ahead(const GuardLoad *load, const GuardIndex *index);
static bool was_looked_for(const Wanted *wanted);
static void want(Wanted *wanted, Relation heap, const Resource *resource, BookingRow *row,
				 ItemPointer self);
static void want_gate(Wanted *wanted);
static int	telling_column(const Resource *resource, int32 seat_no);
static void start_look(RoomRequest *request);
static bool must_clear_room(RoomRequest *request);
static void clear_room(RoomRequest *request);
static bool try_to_clear_room(Wanted *wanted);
static void clear_and_judge(Wanted *wanted, ResourceOwner gates, volatile Clearing *clearing);
static bool take_line(Wanted *wanted);
static bool may_wait_for_room(RoomRequest *request);
static bool patient(const Resource *resource);
static bool must_queue(const Wanted *wanted);
static bool take_any_seat(Wanted *wanted);
static void mark_seat(const GuardRow *found, void *arg);
static bool refuse_room(RoomRequest *request);
static void explain_room(const Wanted *wanted, Refusal *refusal);
static void say_when_it_fits(StringInfo hint, const Wanted *wanted);
static void collect(const GuardRow *found, void *arg);
static void collect_tally(const Wanted *wanted, const GuardLoad *window, Collected *collected);

static Ahead ahead;

static const RoomHooks room_hooks = {
	.look = start_look,
	.must_clear = must_clear_room,
	.clear = clear_room,
	.may_wait = may_wait_for_room,
	.refuse = refuse_room
};

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

static uint64
gate_key(int64 resource_id, int32 seat_no)
{
	return seat_no == 0 ? (uint64) resource_id : hash_combine64((uint64) resource_id, (uint64) seat_no);
}

/* Of a pool or a room many want different periods at once; of a seat, hardly. */
static GateParts
gate_parts(int32 seat_no, Period occupies)
{
	return seat_no > 0 ? GATE_UNDIVIDED : booking_gate_parts(occupies);
}

GateWanted
booking_room_gate(const BookingRow *row)
{
	int32		seat_no = row->null[BOOKING_SEAT_NO] ? 0 : DatumGetInt32(row->value[BOOKING_SEAT_NO]);

	return (GateWanted)
	{
		gate_key(DatumGetInt64(row->value[BOOKING_RESOURCE_ID]), seat_no),
			gate_parts(seat_no, booking_period(DatumGetRangeTypeP(row->value[BOOKING_OCCUPIES])))
	};
}

/*
 * A capacity may be lowered below what was once in use, so rows from before are judged
 * by what they take from now on, and a hold among them that has lapsed is not judged.
 * False when nothing is left to judge.
 */
static bool
only_from_now(const BookingRow *row, RangeType **range)
{
	Period		period;

	if (!booking_row_is_history(row, NULL))
		return true;

	period = booking_period(*range);
	period.from = Max(period.from, GetCurrentTimestamp());
	if (period.from >= period.to || !booking_row_in_force(row))
		return false;
	*range = booking_make_range(period);
	return true;
}

/*
 * Is there surely no room?  A look before the caller begins to insert.  Where more than room is to be
 * judged, or a trigger of the application has a say in what the row will be, the answer is no.  If it depends on others,
 * the caller waits for them here as it would inside the insert, with no more in hand and less to undo.
 *
 * If nobody is in the gate, it is entered for that, and if there is room, kept: the row's trigger takes it over and need
 * not look again.  The caller leaves it afterwards (booking_gates_leave_ahead()), whatever has become of the row.  If somebody is,
 * it is looked from outside if the caller has just been refused; and that is what one does that is refused
 * again and again, which the gate would make dearer by a tenth.
 */
bool
booking_no_room(const Resource *resource, RangeType *range, const Seat *seat, int32 quantity, uint32 refusals)
{
	ErrorContextCallback hint = {.callback = booking_hint_at_deadlock,.previous = error_context_stack};
	Look		look = {
		.resource = resource,.range = range,.seat = seat,.quantity = quantity,
		.outside = refusals > 0,
		.ahead = refusals < FEW_REFUSALS && may_enter_ahead(resource)
	};
	GuardAnswer answer;

	if (resource->nlimits > 0 || !(look.outside || look.ahead))
		return false;
	while ((answer = look_for_room(&look)) == GUARD_WAIT &&
		   !resource->has_waiters && patient(resource) && !booking_hasty())
	{
		CHECK_FOR_INTERRUPTS();
		error_context_stack = &hint;
		booking_guard_wait(&look.pending);
		error_context_stack = hint.previous;
	}
	return answer == GUARD_FULL;
}

/*
 * Is there room, as it looks from outside the gate?  Where that is not all there is to it, as
 * above, the answer is that it fits.
 */
GuardAnswer
booking_look_for_room(const Resource *resource, RangeType *range, const Seat *seat, int32 quantity,
					  GuardPending *pending)
{
	Look		look = {
		.resource = resource,.range = range,.seat = seat,.quantity = quantity,.outside = true
	};
	GuardAnswer answer = look_for_room(&look);

	*pending = look.pending;
	return answer;
}

/*
 * May the gate be entered before the row is on its way?  Only if from there to the index nobody is waited for, no line
 * is served, nothing else is looked up, and nothing of others runs.
 */
static bool
may_enter_ahead(const Resource *resource)
{
	return resource->kind != RESOURCE_POOLED && !resource->has_waiters && !resource->taken_by_slots && !resource->slots_only &&
		booking_needs_no_statement(STMT_INSERT_BOOKING);
}

static GuardAnswer
look_for_room(Look *look)
{
	const Resource *resource = look->resource;
	const Seat *seat = look->seat;
	Relation	heap;
	GuardAnswer answer = GUARD_FITS;

	if (resource->retired_at != DT_NOEND ||
		(resource->kind == RESOURCE_SEATED && seat == NULL) ||
		(resource->kind != RESOURCE_POOLED && look->quantity != 1))
		return GUARD_FITS;

	heap = table_open(booking_table("booking"), RowExclusiveLock);
	if (booking_row_is_ours_alone(heap) &&
		pg_class_aclcheck(RelationGetRelid(heap), GetUserId(), ACL_INSERT) == ACLCHECK_OK)
	{
		GuardLoad	load = {
			.key = {Int64GetDatum(resource->id), Int32GetDatum(seat ? seat->seat_no : 0)},
			.range = booking_with_buffers(resource, look->range),
			.quantity = look->quantity,
			.first = telling_column(resource, seat ? seat->seat_no : 0)
		};

		answer = look_into_index(look, heap, &load);
	}
	table_close(heap, NoLock);
	return answer;
}

static GuardAnswer
look_into_index(Look *look, Relation heap, GuardLoad *load)
{
	const RowIndexes *found = find_indexes(heap);
	TupleDesc	desc = RelationGetDescr(heap);
	bool		pooled = look->resource->kind == RESOURCE_POOLED;
	Counting	counting = {
		.now = GetCurrentTimestamp(),
		.id_column = booking_row_column(desc, BOOKING_ID),
		.expires_column = booking_row_column(desc, BOOKING_EXPIRES_AT),
		.quantity_column = booking_row_column(desc, BOOKING_QUANTITY)
	};
	GuardPlace	place = {
		.heap = heap,
		.relid = RelationGetRelid(heap),
		.index = pooled ? &found->by_pool : &found->by_seat,
		.arg = &counting,
		.tally = booking_is_large_pool(look->resource) ? booking_tally_large_pool : NULL
	};
	bool		inside = look->ahead && enter_ahead(load, place.index);
	GuardVerdict verdict;

	if (!inside && !look->outside)
		return GUARD_FITS;
	load->outside = !inside;
	verdict = booking_guard_judge(&place, 1, load, pooled ? look->resource->capacity : 1, booking_units_taken);
	if (inside && !verdict.nothing)
		booking_gates_leave_ahead();
	else if (inside)
		BOOKING_TEST_POINT("room-ahead");
	look->pending = verdict.pending;
	return verdict.answer;
}

/* Enter the gate of what is going to be a row, if nobody else is inside. */
static bool
enter_ahead(const GuardLoad *load, const GuardIndex *index)
{
	ahead = (Ahead)
	{
		.resource_id = DatumGetInt64(load->key[0]),.seat_no = DatumGetInt32(load->key[1]),
			.occupies = booking_period(load->range),.index_id = index->index_id
	};
	return booking_gates_enter_ahead(&(GateWanted)
									 {
										 gate_key(ahead.resource_id, ahead.seat_no), gate_parts(ahead.seat_no, ahead.occupies)
									 });
}

/* Is this the row for which somebody has looked, found nothing, and is still inside?  Then it is the row's gate now. */
static bool
was_looked_for(const Wanted *wanted)
{
	const BookingRow *row = wanted->row;
	Period		occupies = booking_period(wanted->claim.load.range);

	return wanted->place.self == NULL && wanted->resource->kind != RESOURCE_POOLED &&
		ahead.resource_id == DatumGetInt64(row->value[BOOKING_RESOURCE_ID]) &&
		ahead.seat_no == DatumGetInt32(row->value[BOOKING_SEAT_NO]) &&
		ahead.occupies.from == occupies.from && ahead.occupies.to == occupies.to &&
		ahead.index_id == wanted->place.index->index_id &&
		booking_gates_take_over(&wanted->claim.gate);
}

/* What a booking claims, as far as that is the same for all kinds of resources. */
static void
want(Wanted *wanted, Relation heap, const Resource *resource, BookingRow *row, ItemPointer self)
{
	const RowIndexes *found = find_indexes(heap);
	bool		pooled = resource->kind == RESOURCE_POOLED;

	memset(wanted, 0, sizeof(*wanted));
	wanted->heap = heap;
	wanted->resource = resource;
	wanted->row = row;
	wanted->place = (GuardPlace) {
		.heap = heap,
		.relid = RelationGetRelid(heap),
		.index = pooled ? &found->by_pool : &found->by_seat,
		.self = self,
		.arg = &wanted->counting,
		.tally = booking_is_large_pool(resource) ? booking_tally_large_pool : NULL
	};

	wanted->claim.judge = true;
	wanted->claim.load.key[0] = row->value[BOOKING_RESOURCE_ID];
	wanted->claim.load.range = DatumGetRangeTypeP(row->value[BOOKING_OCCUPIES]);
	wanted->claim.load.quantity = DatumGetInt32(row->value[BOOKING_QUANTITY]);
	wanted->claim.capacity = pooled ? resource->capacity : 1;
	wanted->claim.quantity_of = booking_units_taken;
	wanted->claim.places = &wanted->place;
	wanted->claim.nplaces = 1;

	wanted->request.hooks = &room_hooks;
	wanted->request.arg = wanted;
	wanted->request.claims = &wanted->claim;
	wanted->request.nclaims = 1;
	wanted->request.at_once = booking_row_at_once(row);
	want_gate(wanted);
}

/* Which gate that is: of a seat's, once it is known which seat. */
static void
want_gate(Wanted *wanted)
{
	wanted->claim.gate = booking_room_gate(wanted->row);
	if (!wanted->row->null[BOOKING_SEAT_NO])
		wanted->claim.load.key[1] = wanted->row->value[BOOKING_SEAT_NO];
	wanted->claim.load.first = telling_column(wanted->resource, DatumGetInt32(wanted->claim.load.key[1]));
}

/*
 * Entries of one resource are together in the index: what tells them apart is the time, or the seat
 * where a resource has thousands at the same time.
 */
static int
telling_column(const Resource *resource, int32 seat_no)
{
	return resource->kind != RESOURCE_POOLED && seat_no == 0 ? 3 : 2;
}

/*
 * See to it that the row has the space it wants, and return inside the gate.  False
 * when it has none and a function of ours is to say so; otherwise that is an error.
 */
bool
booking_make_room(Relation heap, const Resource *resource, BookingRow *row, ItemPointer self)
{
	Wanted		wanted;

	want(&wanted, heap, resource, row, self);
	if (resource->kind == RESOURCE_POOLED)
	{
		if (self == NULL && !only_from_now(row, &wanted.claim.load.range))
			return true;
	}
	else if (row->null[BOOKING_SEAT_NO])
		return take_any_seat(&wanted);
	else if (was_looked_for(&wanted))
	{
		booking_gates_found_nothing(wanted.place.index->index_id);
		return true;
	}
	return booking_room_get(&wanted.request) && inside_for_sure(&wanted);
}

/* Inside the gate: if it is empty there, nobody need look at the constraint's index again (store.c). */
static bool
inside_for_sure(const Wanted *wanted)
{
	if (wanted->request.verdict.nothing && wanted->resource->kind != RESOURCE_POOLED)
		booking_gates_found_nothing(wanted->place.index->index_id);
	return true;
}

/*
 * The row takes no space that its old version did not take, but it will be a new row in
 * the index all the same: written inside the gate, so that nothing that is counting misses
 * both of them.
 */
void
booking_keep_room(const BookingRow *row)
{
	static const RoomHooks nothing_to_judge = {0};
	Claim		claim = {.gate = booking_room_gate(row)};
	RoomRequest request = {.hooks = &nothing_to_judge, .claims = &claim, .nclaims = 1};

	(void) booking_room_get(&request);
}

static void
start_look(RoomRequest *request)
{
	Wanted	   *wanted = request->arg;

	wanted->counting = booking_start_count(wanted->row);
}

/* Are there holds in the way that have lapsed, or does somebody stand in line? */
static bool
must_clear_room(RoomRequest *request)
{
	Wanted	   *wanted = request->arg;

	return wanted->counting.nlapsed > 0 || must_queue(wanted);
}

/*
 * There would be room once lapsed holds are marked, and if nobody stands in line: see to
 * that, and judge again.
 */
static void
clear_room(RoomRequest *request)
{
	Wanted	   *wanted = request->arg;

	while (!try_to_clear_room(wanted))
	{
		CHECK_FOR_INTERRUPTS();
		if (!patient(wanted->resource) || !booking_row_may_wait(wanted->row, NULL))
		{
			booking_room_is_full(request);
			return;
		}
		booking_wait_for_row(wanted->heap, UUIDPGetDatum(&wanted->busy));
	}
}

/*
 * One attempt.  False when somebody is busy with a lapsed hold.  Nothing has been done then,
 * nor when the answer is "wait".
 */
static bool
try_to_clear_room(Wanted *wanted)
{
	RoomRequest *request = &wanted->request;
	Attempt		attempt;
	volatile Clearing clearing = {.cleared = true};
	volatile bool failed = false;

	booking_attempt_begin(&attempt);
	PG_TRY();
	{
		clear_and_judge(wanted, attempt.owner, &clearing);
	}
	PG_CATCH();
	{
		ErrorData  *error = booking_attempt_fail(&attempt);

		/* A plain UPDATE of the hold, which at this level is an error when it commits. */
		if (!clearing.expiring || !booking_is_late_update(error))
			ReThrowError(error);
		FreeErrorData(error);
		failed = true;
	}
	PG_END_TRY();
	if (failed)
		return false;

	/* With nothing written it is undone as well, unless we have entered the gate in it. */
	booking_attempt_end(&attempt, clearing.cleared && request->verdict.answer != GUARD_WAIT &&
						(clearing.wrote || request->verdict.answer == GUARD_FITS));
	return clearing.cleared;
}

/*
 * Where somebody stands in line, so do we, to serve it; but only when no lapsed hold is in the
 * way any more.  To mark one of a slot gives its places back, which may have to wait for somebody
 * who waits for the line.  The gate belongs to the statement, not to the attempt: it is given
 * back by hand.
 */
static void
clear_and_judge(Wanted *wanted, ResourceOwner gates, volatile Clearing *clearing)
{
	ResourceOwner mine = CurrentResourceOwner;
	bool		served = !must_queue(wanted);
	bool		locked = false;

	while (clearing->cleared)
	{
		bool		done;

		CHECK_FOR_INTERRUPTS();
		CurrentResourceOwner = gates;
		done = booking_room_enter(&wanted->request) != GUARD_FITS ||
			(wanted->counting.nlapsed == 0 && served);
		if (!done)
			booking_gates_leave();
		CurrentResourceOwner = mine;
		if (done)
			break;

		if (wanted->counting.nlapsed > 0)
		{
			clearing->expiring = true;
			clearing->cleared = booking_expire_in_the_way(wanted->counting.lapsed, wanted->counting.nlapsed,
														  wanted->counting.now, &wanted->busy);
			clearing->expiring = false;
			clearing->wrote = true;
		}
		else if ((locked = take_line(wanted)))
		{
			if (booking_line_ahead(wanted->resource, wanted->row) > 0)
				clearing->wrote = true;
			served = true;
		}
		else
			break;
	}
	if (locked && !clearing->wrote)
		booking_unlock_line(wanted->resource->id);
}

/* Be the one that serves the line.  If we serve others, or do not wait at all, we may be full. */
static bool
take_line(Wanted *wanted)
{
	if (booking_lock_line(wanted->resource->id, !wanted->request.at_once))
		return true;
	if (wanted->request.at_once)
		(void) booking_row_may_wait(wanted->row, NULL);
	booking_room_is_full(&wanted->request);
	return false;
}

static bool
may_wait_for_room(RoomRequest *request)
{
	const Wanted *wanted = request->arg;

	return patient(wanted->resource) &&
		booking_row_may_wait(wanted->row, &request->verdict.pending);
}

/*
 * May we wait for others that want this resource?  Not while we make an offer, nor with the
 * LINE lock kept from having served or freed something: they may be waiting for that.
 */
static bool
patient(const Resource *resource)
{
	return !booking_line_serving() && !booking_holds_line(resource->id);
}

/*
 * Is this somebody new, on a resource with a line?  What a restore loads is not, nor one of
 * several that move together (move_all.c): what they leave to one another is nobody else's.
 */
static bool
must_queue(const Wanted *wanted)
{
	return wanted->resource->has_waiters && !booking_line_serving() &&
		!(booking_line_is_deferred() && booking_asked_for(wanted->row)) &&
		(wanted->place.self != NULL || !booking_row_is_history(wanted->row, NULL));
}

/*
 * Which seats of a resource are taken for a range, by their positions: surely, or by somebody
 * who is just writing or giving them up.  The last of those is in *pending.
 */
void
booking_seats_in_use(const Resource *resource, RangeType *occupies, bool *taken, bool *unsure,
					 GuardPending *pending)
{
	Relation	heap = table_open(booking_table("booking"), RowExclusiveLock);
	TupleDesc	desc = RelationGetDescr(heap);
	SeatSearch	search = {.resource = resource,.taken = taken,.unsure = unsure};
	GuardPlace	place = {
		.heap = heap,
		.relid = RelationGetRelid(heap),
		.index = &find_indexes(heap)->by_seat,
		.arg = &search.counting
	};
	GuardLoad	load = {.any_key = 2,.quantity = 1,.range = occupies};

	memset(taken, 0, resource->nseats);
	memset(unsure, 0, resource->nseats);
	load.key[0] = Int64GetDatum(resource->id);
	search.counting.now = GetCurrentTimestamp();
	search.counting.id_column = booking_row_column(desc, BOOKING_ID);
	search.counting.seat_column = booking_row_column(desc, BOOKING_SEAT_NO);
	search.counting.expires_column = booking_row_column(desc, BOOKING_EXPIRES_AT);
	search.counting.quantity_column = booking_row_column(desc, BOOKING_QUANTITY);
	booking_guard_scan(&place, &load, mark_seat, &search);
	*pending = search.pending;
	table_close(heap, NoLock);
}

/*
 * Take a seat that nobody has, any.  Those that somebody may be getting are left alone
 * while there are others, and among the free ones it is chosen at random, so that many
 * callers at once get many seats and not in each other's way.
 */
static bool
take_any_seat(Wanted *wanted)
{
	const Resource *resource = wanted->resource;
	GuardLoad  *load = &wanted->claim.load;
	SeatSearch	search;
	int			tries = 0;

	memset(&search, 0, sizeof(search));
	search.resource = resource;
	search.taken = palloc_array(bool, resource->nseats + 1);
	for (;;)
	{
		memset(search.taken, 0, resource->nseats + 1);
		memset(&search.pending, 0, sizeof(search.pending));
		search.ntaken = 0;
		search.counting = booking_start_count(wanted->row);
		load->any_key = 2;
		booking_guard_scan(&wanted->place, load, mark_seat, &search);

		if (search.ntaken < resource->nseats)
		{
			uint64		lot = pg_prng_uint64_range(&pg_global_prng_state, 1,
												   resource->nseats - search.ntaken);
			int			i = -1;

			while (lot > 0)
				if (!search.taken[++i])
					lot--;
			booking_row_set(wanted->row, BOOKING_SEAT_NO, Int32GetDatum(resource->seats[i].seat_no));
			load->any_key = 0;
			want_gate(wanted);
			if (booking_room_try(&wanted->request) == GUARD_FITS)
				return inside_for_sure(wanted);
			/* Somebody was faster; see what is left. */
			if ((patient(resource) && !wanted->request.at_once) || ++tries < resource->nseats)
				continue;
		}
		if (TransactionIdIsValid(search.pending.xid) && patient(resource) &&
			booking_row_may_wait(wanted->row, &search.pending))
			booking_guard_wait(&search.pending);
		else
		{
			wanted->row->null[BOOKING_SEAT_NO] = true;
			load->any_key = 2;
			booking_room_is_full(&wanted->request);
			return refuse_room(&wanted->request);
		}
	}
}

static void
mark_seat(const GuardRow *found, void *arg)
{
	SeatSearch *search = arg;
	bool		pending = TransactionIdIsValid(found->pending.xid);
	const Seat *seat;
	bool		isnull;

	if (booking_units_taken(found->slot, pending, &search->counting) == 0)
		return;
	seat = booking_seat_numbered(search->resource,
								 DatumGetInt32(slot_getattr(found->slot, search->counting.seat_column, &isnull)));
	if (seat && !search->taken[seat - search->resource->seats])
	{
		search->taken[seat - search->resource->seats] = true;
		search->ntaken++;
		if (search->unsure)
			search->unsure[seat - search->resource->seats] = pending;
	}
	else if (seat && search->unsure && !pending)
		search->unsure[seat - search->resource->seats] = false;
	if (pending)
		search->pending = found->pending;
}

static bool
refuse_room(RoomRequest *request)
{
	const Wanted *wanted = request->arg;
	Refusal		refusal = {.sqlstate = ERRCODE_EXCLUSION_VIOLATION};

	booking_count_room_refusal();
	if (booking_row_wants_reason(wanted->row))
		explain_room(wanted, &refusal);
	return booking_row_refuse(wanted->row, &refusal);
}

/* What is in the way, and what would work.  Never whose it is. */
static void
explain_room(const Wanted *wanted_room, Refusal *refusal)
{
	const Resource *resource = wanted_room->resource;
	const BookingRow *row = wanted_room->row;
	const GuardLoad *load = &wanted_room->claim.load;
	const GuardVerdict *verdict = &wanted_room->request.verdict;
	const char *name = resource->name;
	char	   *wanted = booking_period_text(DatumGetRangeTypeP(row->value[BOOKING_PERIOD]));
	char	   *full = booking_period_text(verdict->full);
	StringInfoData hint;

	initStringInfo(&hint);
	if (load->any_key)
	{
		refusal->constraint = CONSTRAINT_CAPACITY;
		refusal->message = psprintf("every seat of resource \"%s\" is taken in that period", name);
		refusal->detail = psprintf("Wanted any seat for %s; it has %d.", wanted, resource->nseats);
		appendStringInfoString(&hint, "Try another period.");
	}
	else if (resource->kind != RESOURCE_POOLED)
	{
		const Seat *seat = booking_seat_numbered(resource,
												 DatumGetInt32(row->value[BOOKING_SEAT_NO]));

		refusal->constraint = CONSTRAINT_NO_OVERLAP;
		refusal->message = seat ?
			psprintf("seat \"%s\" of resource \"%s\" is taken in that period", seat->label, name) :
			psprintf("resource \"%s\" is taken in that period", name);
		refusal->detail = psprintf("Wanted %s; taken is %s.", wanted, full);
		appendStringInfoString(&hint, seat ? "Try another seat, or another period.  " : "Try another period.  ");
		say_when_it_fits(&hint, wanted_room);
	}
	else if (load->quantity > resource->capacity)
	{
		refusal->constraint = CONSTRAINT_CAPACITY;
		refusal->message = psprintf("resource \"%s\" does not have so many", name);
		refusal->detail = psprintf("Wanted " INT64_FORMAT " for %s; its capacity is %d.",
								   load->quantity, wanted, resource->capacity);
		appendStringInfoString(&hint, "Take several bookings, or fewer units.");
	}
	else
	{
		int64		left = Max(resource->capacity - verdict->used, 0);

		refusal->constraint = CONSTRAINT_CAPACITY;
		refusal->message = left == 0 ?
			psprintf("resource \"%s\" is full in that period", name) :
			psprintf("resource \"%s\" has too few left in that period", name);
		refusal->detail = psprintf("Wanted " INT64_FORMAT " for %s; left for all of it " INT64_FORMAT " of %d, too few first in %s.",
								   load->quantity, wanted, left, resource->capacity, full);
		if (left > 0)
			appendStringInfo(&hint, "Up to " INT64_FORMAT " can be booked for that period.  ", left);
		else
			appendStringInfoString(&hint, "Try another period.  ");
		say_when_it_fits(&hint, wanted_room);
	}
	while (hint.len > 0 && hint.data[hint.len - 1] == ' ')
		hint.data[--hint.len] = '\0';
	refusal->hint = hint.data;
}

/*
 * Add to a hint when the load would fit as long as it wants to, if that is within some
 * days.  What is in progress counts as if it stayed.
 */
static void
say_when_it_fits(StringInfo hint, const Wanted *wanted_room)
{
	const Resource *resource = wanted_room->resource;
	const BookingRow *row = wanted_room->row;
	const GuardLoad *load = &wanted_room->claim.load;
	Period		wanted = booking_period(load->range);
	int64		length = booking_length(wanted);
	int64		horizon = LOOK_AHEAD_DAYS * USECS_PER_DAY;
	GuardLoad	window = *load;
	Collected	rows = {.row = row};
	TimestampTz from;

	if (wanted.to == DT_NOEND || length > horizon)
		return;

	/* As far as the calendar goes: a hint must not fail. */
	wanted = booking_widen_within(wanted, 0, horizon);
	window.range = booking_make_range(wanted);
	if (wanted_room->place.tally)
		collect_tally(wanted_room, &window, &rows);
	else
		booking_guard_scan(&wanted_room->place, &window, collect, &rows);

	/* Free and open: the next gap, the next opening from there, and so on. */
	for (from = wanted.from; from < wanted.to;)
	{
		TimestampTz opens;

		CHECK_FOR_INTERRUPTS();
		from = booking_first_gap(rows.item, rows.n, (PeakWindow) {from, wanted.to}, length,
								 wanted_room->claim.capacity - load->quantity);
		if (from >= wanted.to)
			break;
		if (from > END_TIMESTAMP - 1 - resource->buffer_before)
			opens = DT_NOEND;
		else
			opens = booking_next_open(resource, from + resource->buffer_before,
									  booking_length(row->period));
		if (opens == DT_NOEND)
			from = wanted.to;
		else if (booking_shift(opens, -resource->buffer_before) == from)
			break;
		else
			from = booking_shift(opens, -resource->buffer_before);
	}
	if (from < wanted.to)
		appendStringInfo(hint, "The same is free from %s.",
						 booking_instant_text(booking_shift(from, resource->buffer_before)));
	else
		appendStringInfo(hint, "Nothing like it is free within %d days.", LOOK_AHEAD_DAYS);
}

static void
collect(const GuardRow *found, void *arg)
{
	Collected  *rows = arg;
	Counting	counting = booking_start_count(rows->row);
	Period		period = booking_period(found->range);
	int64		quantity = booking_units_taken(found->slot, TransactionIdIsValid(found->pending.xid),
										 &counting);

	if (rows->n % 64 == 0)
		rows->item = rows->item == NULL ? palloc_array(PeakItem, 64) :
			repalloc_huge(rows->item, (rows->n + 64) * sizeof(PeakItem));
	rows->item[rows->n++] = (PeakItem) {period.from, period.to, quantity};
}

/* The same of a large pool. */
static void
collect_tally(const Wanted *wanted, const GuardLoad *window, Collected *collected)
{
	Counting	counting = booking_start_count(wanted->row);
	GuardPlace	place = wanted->place;
	GuardLoad	exact = *window;
	GuardRows	rows = {0};
	GuardPending pending;

	place.arg = &counting;
	exact.exactly = true;
	place.tally(&place, &exact, &rows, &pending);
	collected->item = palloc_extended((Size) (rows.n + 1) * sizeof(PeakItem), MCXT_ALLOC_HUGE);
	for (int i = 0; i < rows.n; i++)
		if (!rows.row[i].pending || rows.row[i].quantity > 0)
			collected->item[collected->n++] = (PeakItem) {rows.row[i].from, rows.row[i].to, rows.row[i].quantity};
}
