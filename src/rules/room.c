/*-------------------------------------------------------------------------
 *
 * room.c
 *		Is there room for this booking?
 *
 * The engine (claim.c, guard.c) knows gates, indexes and numbers; here is what they mean
 * for bookings: one claim for each, and the hooks that a guarded table has not.
 * An exclusive resource and a seat are capacity 1, a pooled resource is its capacity.
 * room_place.c says which index and which gate that is, room_refusal.c what would fit instead;
 * room_ahead.c looks before there is a row, and may hand over the gate.
 *
 * A hold that has lapsed takes no space.  It is still in the index, and in the way of
 * the exclusion constraint, so a transaction that needs its space marks it expired first: outside
 * the gate, after which the judging starts again.
 *
 * Where entries of the line wait for the space that a newcomer would take, the line is served
 * first, outside the gate as well, and the newcomer is judged again (waitlist.c).
 *
 * Both write something, and may find out afterwards that we have to wait for another
 * transaction, which may have to wait for us because of what we have written.  Hence both are
 * done in an attempt: when another transaction is in the way, the attempt is undone, and we wait
 * with nothing held (attempt.c).  A booking that meets neither, as nearly all do, pays for no
 * subtransaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/rel.h"

#include "base/attempt.h"
#include "base/cache.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/transaction.h"
#include "engine/claim.h"
#include "engine/guard.h"
#include "engine/lapse.h"
#include "engine/request.h"
#include "engine/resource.h"
#include "engine/row.h"
#include "rules/room.h"
#include "rules/room_ahead.h"
#include "rules/room_count.h"
#include "rules/room_place.h"
#include "rules/room_refusal.h"
#include "rules/waitlist.h"

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
	pg_uuid_t	busy;			/* a lapsed hold in the way that another transaction has locked */
	int			late;			/* attempts to mark it that were undone by a late update */
} Wanted;

/* How far an attempt to clear the way has come. */
typedef struct Clearing
{
	Wanted	   *wanted;
	ResourceOwner gates;		/* to which a gate belongs that is entered in it */
	bool		cleared;		/* no other transaction has what has lapsed */
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

static bool only_from_now(const BookingRow *row, RangeType **range);
static bool inside_for_sure(const Wanted *wanted);
static void want(Wanted *wanted, Relation heap, const Resource *resource, BookingRow *row,
				 ItemPointer self);
static void want_gate(Wanted *wanted);
static void start_look(RoomRequest *request);
static bool must_clear_room(RoomRequest *request);
static void clear_room(RoomRequest *request);
static bool try_to_clear_room(Wanted *wanted);
static bool clear_and_judge(void *arg);
static bool take_line(Wanted *wanted);
static bool may_wait_for_room(RoomRequest *request);
static bool must_queue(const Wanted *wanted);
static bool take_any_seat(Wanted *wanted);
static void mark_seat(const GuardRow *found, void *arg);
static bool refuse_room(RoomRequest *request);

static const RoomHooks room_hooks = {
	.look = start_look,
	.must_clear = must_clear_room,
	.clear = clear_room,
	.may_wait = may_wait_for_room,
	.refuse = refuse_room
};

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

/* What a booking claims, as far as that is the same for all kinds of resources. */
static void
want(Wanted *wanted, Relation heap, const Resource *resource, BookingRow *row, ItemPointer self)
{
	memset(wanted, 0, sizeof(*wanted));
	wanted->heap = heap;
	wanted->resource = resource;
	wanted->row = row;
	wanted->place = booking_room_place(heap, resource);
	wanted->place.self = self;
	wanted->place.arg = &wanted->counting;

	wanted->claim.judge = true;
	wanted->claim.load.key[0] = row->value[BOOKING_RESOURCE_ID];
	wanted->claim.load.range = DatumGetRangeTypeP(row->value[BOOKING_OCCUPIES]);
	wanted->claim.load.quantity = DatumGetInt32(row->value[BOOKING_QUANTITY]);
	wanted->claim.capacity = resource->kind == RESOURCE_POOLED ? resource->capacity : 1;
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
	wanted->claim.load.first = booking_telling_column(wanted->resource, DatumGetInt32(wanted->claim.load.key[1]));
}

/*
 * Make room for the row, and return inside the gate.  False
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
	else if (self == NULL && booking_was_looked_for(row, &wanted.claim))
	{
		booking_gates_found_nothing(wanted.place.index->index_id);
		return true;
	}
	return booking_room_get(&wanted.request) && inside_for_sure(&wanted);
}

/*
 * Inside the gate: if nothing was found, the constraint's index need not be looked at again
 * (store.c).
 */
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

/* Are there holds in the way that have lapsed, or entries in the line? */
static bool
must_clear_room(RoomRequest *request)
{
	Wanted	   *wanted = request->arg;

	return wanted->counting.nlapsed > 0 || must_queue(wanted);
}

/*
 * There would be room once lapsed holds are marked and the line is served: do that, and judge
 * again.
 */
static void
clear_room(RoomRequest *request)
{
	Wanted	   *wanted = request->arg;

	while (!try_to_clear_room(wanted))
	{
		CHECK_FOR_INTERRUPTS();
		if (!booking_line_lets_wait(wanted->resource->id) ||
			!booking_row_may_wait_for_hold(wanted->row, &wanted->busy))
		{
			booking_room_is_full(request);
			return;
		}
		booking_wait_for_row(wanted->heap, UUIDPGetDatum(&wanted->busy));
	}
}

/*
 * One attempt.  False when another transaction has a lapsed hold.  Nothing has been done then,
 * nor when the answer is "wait".
 */
static bool
try_to_clear_room(Wanted *wanted)
{
	Clearing	clearing = {.wanted = wanted, .gates = CurrentResourceOwner, .cleared = true};
	bool		kept;
	ErrorData  *error = booking_attempt(clear_and_judge, &clearing, &kept);

	if (error == NULL)
		return clearing.cleared;

	/* A plain UPDATE of the hold, which at this level is an error when it commits. */
	if (!clearing.expiring)
		ReThrowError(error);
	booking_forgive_late_update(error, &wanted->late);
	return false;
}

/*
 * Where there are entries in the line we wait for the LINE lock, to serve them; but only when no
 * lapsed hold is in the way any more.  To mark a hold of a slot gives its places back, which may
 * have to wait for a transaction that waits for the line.  The gate belongs to the statement,
 * not to the attempt, so it is left explicitly.
 */
static bool
clear_and_judge(void *arg)
{
	Clearing   *clearing = arg;
	Wanted	   *wanted = clearing->wanted;
	ResourceOwner mine = CurrentResourceOwner;
	bool		served = !must_queue(wanted);
	bool		locked = false;

	while (clearing->cleared)
	{
		bool		done;

		CHECK_FOR_INTERRUPTS();
		CurrentResourceOwner = clearing->gates;
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

	/* With nothing written it is undone as well, unless we have entered the gate in it. */
	return clearing->cleared && wanted->request.verdict.answer != GUARD_WAIT &&
		(clearing->wrote || wanted->request.verdict.answer == GUARD_FITS);
}

/*
 * Become the transaction that serves the line.  False where we do not wait for that: then
 * the answer is "full".
 */
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

	return booking_line_lets_wait(wanted->resource->id) &&
		booking_row_may_wait(wanted->row, &request->verdict.pending);
}

/*
 * Is this a newcomer, on a resource with a line?  What a restore loads is not, nor one of
 * several that move together (move_all.c): the space that they leave to one another is not
 * offered to the line.
 */
static bool
must_queue(const Wanted *wanted)
{
	return wanted->resource->has_waiters && !booking_line_serving() &&
		!(booking_line_is_deferred() && booking_asked_for(wanted->row)) &&
		(wanted->place.self != NULL || !booking_row_is_history(wanted->row, NULL));
}

/*
 * Which seats of a resource are taken for a range, by their positions: surely, or by a
 * transaction that is just writing them or giving them up.  The last of those is in *pending.
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
		.index = booking_room_index(heap, RESOURCE_SEATED),
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
 * Take any free seat.  Those that another transaction may be getting are left alone while there
 * are others.  Among the free ones it is chosen at random, so that many callers at once try
 * different seats.
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
			/* Another transaction was first; see what is left. */
			if ((booking_line_lets_wait(resource->id) && !wanted->request.at_once) || ++tries < resource->nseats)
				continue;
		}
		if (TransactionIdIsValid(search.pending.xid) && booking_line_lets_wait(resource->id) &&
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
		booking_explain_room(wanted->resource, wanted->row, request, &refusal);
	return booking_row_refuse(wanted->row, &refusal);
}

