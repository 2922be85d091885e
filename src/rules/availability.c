/*-------------------------------------------------------------------------
 *
 * availability.c
 *		When can a resource be booked, by all the rules that a booking has to keep?
 *
 * What is offered is accepted, and what is not offered is refused: the same rules as
 * for a booking (policy.c, closure.c, room.c, slots.c, waitlist.c), applied in the other
 * direction.  A booking asks "may this period be booked?"; here the answer is every period that
 * may:
 *
 *		what is open		opening hours less closures, from the earliest start that the
 *							notice allows until the resource is retired
 *		and has room		what nothing takes (look.c), less the buffers that the new
 *							booking would need before and after itself
 *
 * Periods found like this are as long as they can be.  Whatever lies inside one can be
 * booked, if the resource accepts its length (durations) and it begins early enough
 * (max_advance).
 *
 * The line.  A holder that is not in the line gets what is left when every entry that fits has
 * been served (waitlist.c).  That is simulated here: each entry in its turn takes what it would
 * be offered.  Where an entry takes any seat, a real offer chooses one at random; here it is the
 * first that is free, so the number of seats that are left is right, and which ones is a guess.
 *
 * Like look.c, nothing here locks or writes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/uuid.h"

#include "base/compat.h"
#include "base/plans.h"
#include "engine/open.h"
#include "engine/row.h"
#include "rules/availability.h"
#include "rules/limits.h"
#include "rules/policy.h"

/* So many entries of a line are read at once. */
#define LINE_BATCH	1000

/* An entry of the line, and what it would take. */
typedef struct InLine
{
	int64		slot_id;		/* 0: none */
	char	   *seat;
	Period		period;
	Period		occupies;
	int64		quantity;
	text	   *holder;
} InLine;

typedef struct Line
{
	InLine	   *entry;
	int			n;
	int			size;
} Line;

/* How many places slots have left while serving a line is simulated. */
typedef struct PlacesLeft
{
	int64		slot_id;
	int64		left;
} PlacesLeft;

typedef struct AllPlaces
{
	PlacesLeft *slot;
	int			n;
} AllPlaces;

static bool add_opening(Period open, void *arg);
static TimestampTz earliest_start(const Resource *resource);
static int64 left_in_any_slot(const Resource *resource, Period period);
static Period reach(const Line *line, Period window);
static void read_line(const Resource *resource, Period window, const text *holder, Line *line);
static void read_in_line(HeapTuple row, TupleDesc desc, const Resource *resource, InLine *entry);
static void act_out_line(const Line *line, Taken *taken, AllPlaces *places);
static bool would_be_offered(const InLine *entry, const Slot *slot, const Taken *taken,
							 AllPlaces *places, int32 *seat_no);
static bool beyond_limits(const Resource *resource, const InLine *entry);
static PlacesLeft *places_of(AllPlaces *places, int64 slot_id);
static int64 *left_of(AllPlaces *places, const Slot *slot, TimestampTz now);
static Period around(const Resource *resource, Period period);
static bool takes_room(const Resource *resource, const Slot *slot);
static void room_of_seats(const Taken *taken, Period window, const Asker *asker, Periods *room);
static int	compare_seats(const void *a, const void *b, void *arg);
static void read_slots(Statement statement, Datum *values, const Resource *resource, SlotList *slots);

/* ---- what is open ---- */

/*
 * The earliest start that can be booked now, in full minutes: what begins at the very
 * earliest instant could not be booked a moment later.
 */
static TimestampTz
earliest_start(const Resource *resource)
{
	TimestampTz earliest;
	int64		beyond;

	if (resource->min_notice == NO_RULE)
		return DT_NOBEGIN;
	earliest = booking_shift(GetCurrentTimestamp(), resource->min_notice);
	beyond = earliest % USECS_PER_MINUTE;
	if (beyond != 0)
		earliest = booking_shift(earliest, (beyond < 0 ? 0 : USECS_PER_MINUTE) - beyond);
	return earliest;
}

TimestampTz
booking_latest_start(const Resource *resource)
{
	return resource->max_advance == NO_RULE ? DT_NOEND :
		booking_shift(GetCurrentTimestamp(), resource->max_advance);
}

static bool
add_opening(Period open, void *arg)
{
	booking_periods_add(arg, open);
	return true;
}

/*
 * The parts of a period in which the resource is open: by its hours, if it has any, and
 * because no closure says otherwise.
 */
void
booking_open_periods(const Resource *resource, Period within, Periods *open)
{
	Periods		by_hours = {0};
	Closure    *closures;
	Period	   *holes;
	int			n;

	if (resource->hours.nweekly > 0 || resource->hours.ndated > 0)
		booking_visit_openings(&resource->hours, resource->tz, within, add_opening, &by_hours);
	else
		booking_periods_add(&by_hours, within);

	closures = booking_closures_in(resource, within, PG_INT32_MAX, &n);
	holes = palloc_extended(Max(n, 1) * sizeof(Period), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
		holes[i] = closures[i].period;
	booking_periods_without(&by_hours, holes, n, open);
}

/* Do the rules about now, the closures and the resource's end allow this period? */
bool
booking_rules_allow(const Resource *resource, Period period, int rules)
{
	int			nclosures;

	if (resource->retired_at < period.to ||
		!booking_policy_allows(resource, period, rules, NULL))
		return false;
	booking_closures_in(resource, period, 1, &nclosures);
	return nclosures == 0;
}

/* ---- what has room ---- */

/* What a booking of this period takes, as far as the calendar goes. */
static Period
around(const Resource *resource, Period period)
{
	return booking_widen_within(period, resource->buffer_before, resource->buffer_after);
}

/* Does a booking in the slot take anything but places? */
static bool
takes_room(const Resource *resource, const Slot *slot)
{
	return slot == NULL || (resource->kind != RESOURCE_POOLED && !slot->takes_resource);
}

/*
 * All periods that the asker can book, as long as they can be; see above.  They are computed
 * from *taken.
 */
void
booking_available(const Resource *resource, Period within, const Asker *asker,
				  Periods *free, Taken *taken)
{
	TimestampTz latest = booking_latest_start(resource);
	Period		window;
	Periods		open = {0};
	Periods		room = {0};
	int			kept = 0;

	*taken = (Taken) {.resource = resource};
	within.from = Max(within.from, earliest_start(resource));
	within.to = Min(within.to, resource->retired_at);
	if (within.from >= within.to || within.from > latest || asker->quantity > booking_units(resource) ||
		(resource->kind != RESOURCE_POOLED && asker->quantity != 1))
		return;

	booking_open_periods(resource, within, &open);
	if (open.n == 0)
		return;
	window = around(resource, (Period) {open.period[0].from, open.period[open.n - 1].to});
	booking_look_behind_line(resource, window, asker, taken);
	if (resource->kind == RESOURCE_SEATED)
		room_of_seats(taken, window, asker, &room);
	else
		booking_gaps(taken->item, taken->n, window,
					 booking_units(resource) - asker->quantity, &room);

	for (int i = 0; i < room.n; i++)
	{
		Period		period = room.period[i];

		period.from += resource->buffer_before;
		if (period.to != DT_NOEND)
			period.to -= resource->buffer_after;
		if (period.from < period.to)
			room.period[kept++] = period;
	}
	room.n = kept;
	booking_periods_meet(&room, &open, free);

	while (free->n > 0 && free->period[free->n - 1].from > latest)
		free->n--;
}

/* Each seat by itself, and what takes all of them. */
static void
room_of_seats(const Taken *taken, Period window, const Asker *asker, Periods *room)
{
	const Resource *resource = taken->resource;
	PeakItem   *items = palloc_extended((taken->n + 1) * sizeof(PeakItem), MCXT_ALLOC_HUGE);
	int		   *order = palloc_extended((taken->n + 1) * sizeof(int), MCXT_ALLOC_HUGE);
	Periods		of_seats = {0};
	Periods		of_all = {0};
	int			nseats = 0;
	int			nall = 0;

	for (int i = 0; i < taken->n; i++)
		order[i] = i;
	qsort_arg(order, taken->n, sizeof(int), compare_seats, (void *) taken->as);

	while (nall < taken->n && taken->as[order[nall]].seat_no == ALL_SEATS)
	{
		items[nall] = taken->item[order[nall]];
		nall++;
	}
	booking_gaps(items, nall, window, 0, &of_all);

	for (int i = nall; i < taken->n;)
	{
		int32		seat_no = taken->as[order[i]].seat_no;
		int			n = 0;

		CHECK_FOR_INTERRUPTS();
		for (; i < taken->n && taken->as[order[i]].seat_no == seat_no; i++)
			items[n++] = taken->item[order[i]];
		if (booking_seat_numbered(resource, seat_no) &&
			(asker->seat == NULL || asker->seat->seat_no == seat_no))
		{
			booking_gaps(items, n, window, 0, &of_seats);
			nseats++;
		}
	}
	if (nseats < (asker->seat ? 1 : resource->nseats))
		booking_periods_add(&of_seats, window);
	booking_periods_maximal(&of_seats);
	booking_periods_meet(&of_seats, &of_all, room);
}

static int
compare_seats(const void *a, const void *b, void *arg)
{
	const TakenAs *as = arg;
	int32		x = as[*(const int *) a].seat_no;
	int32		y = as[*(const int *) b].seat_no;

	return x < y ? -1 : x > y;
}

/* How many can be booked for exactly this period; 0 when the rules refuse it. */
int64
booking_left(const Resource *resource, Period period)
{
	Asker		asker = {.quantity = 1};
	Taken		taken;

	if (resource->slots_only)
		return left_in_any_slot(resource, period);
	if (!booking_rules_allow(resource, period, POLICY_ALL))
		return 0;
	period = booking_widen(period, resource->buffer_before, resource->buffer_after);
	booking_look_behind_line(resource, period, &asker, &taken);
	return booking_room_left(&taken, period);
}

/* ---- slots ---- */

/* The slots that begin from one instant on and before another, in their order. */
void
booking_slots_between(const Resource *resource, Period starts, SlotList *slots)
{
	Datum		values[3];

	values[0] = Int64GetDatum(resource->id);
	/* As ranges are ordered, the first and the last that begin at an instant. */
	values[1] = RangeTypePGetDatum(booking_make_range((Period) {starts.from, starts.from + 1}));
	values[2] = RangeTypePGetDatum(booking_make_range((Period) {starts.to, starts.to + 1}));
	read_slots(STMT_SLOTS_IN, values, resource, slots);
}

/* The slots that go on at some time of a window, in their order. */
void
booking_slots_touching(const Resource *resource, Period window, SlotList *slots)
{
	Datum		values[3];

	values[0] = Int64GetDatum(resource->id);
	values[1] = RangeTypePGetDatum(booking_make_range(window));
	values[2] = RangeTypePGetDatum(booking_make_range((Period) {window.to, booking_shift(window.to, 1)}));
	read_slots(STMT_SLOTS_TOUCHING, values, resource, slots);
}

/* Those for exactly this period, in the order in which a booker tries them. */
void
booking_slots_at(const Resource *resource, Period period, SlotList *slots)
{
	int64	   *ids = booking_find_slots(resource, booking_make_range(period), &slots->n);

	slots->slot = palloc_array(Slot, Max(slots->n, 1));
	for (int i = 0; i < slots->n; i++)
		slots->slot[i] = booking_peek_slot(ids[i], &resource);
}

static void
read_slots(Statement statement, Datum *values, const Resource *resource, SlotList *slots)
{
	MemoryContext context = CurrentMemoryContext;

	SPI_connect();
	slots->n = (int) booking_run(statement, values, NULL);
	slots->slot = MemoryContextAllocHuge(context, Max(slots->n, 1) * sizeof(Slot));
	for (int i = 0; i < slots->n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		Slot	   *slot = &slots->slot[i];
		bool		isnull;
		Datum		value;

		*slot = (Slot) {.resource_id = resource->id};
		slot->id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
		slot->period = booking_period(DatumGetRangeTypeP(SPI_getbinval(row, desc, 2, &isnull)));
		slot->capacity = DatumGetInt32(SPI_getbinval(row, desc, 3, &isnull));
		slot->closed = DatumGetBool(SPI_getbinval(row, desc, 4, &isnull));
		value = SPI_getbinval(row, desc, 5, &isnull);
		slot->nshards = booking_shards_for(slot->capacity);
		slot->takes_resource = !isnull;
		if (slot->takes_resource)
			slot->occupies = booking_period(DatumGetRangeTypeP(value));
	}
	SPI_finish();
}

/* How many places can be booked in a slot. */
int64
booking_left_in_slot(const Resource *resource, const Slot *slot)
{
	Asker		asker = {.quantity = 1};
	Period		occupies;
	Taken		taken;
	int64		left;

	if (slot->closed || !booking_rules_allow(resource, slot->period, POLICY_NOTICE))
		return 0;
	left = booking_places_behind_line(resource, slot, NULL);
	if (left <= 0 || !takes_room(resource, slot))
		return Max(left, 0);

	occupies = booking_widen(slot->period, resource->buffer_before, resource->buffer_after);
	booking_look_behind_line(resource, occupies, &asker, &taken);
	return booking_room_left(&taken, occupies) == 0 ? 0 : left;
}

/*
 * How many places of a slot are left by the entries that are ahead of a holder in the line,
 * whether or not the rules allow booking them.
 */
int64
booking_places_behind_line(const Resource *resource, const Slot *slot, const text *holder)
{
	AllPlaces	places = {0};
	Period		window = slot->takes_resource ? slot->occupies : around(resource, slot->period);
	Line		line = {0};
	Taken		taken;

	if (resource->has_waiters)
		read_line(resource, window, holder, &line);
	if (line.n == 0)
		return booking_look_at_places(slot, GetCurrentTimestamp());

	booking_look(resource, reach(&line, window), NULL, &taken);
	(void) left_of(&places, slot, taken.now);
	act_out_line(&line, &taken, &places);
	return *left_of(&places, slot, taken.now);
}

/* The most that can be booked in any of the slots for exactly this period. */
static int64
left_in_any_slot(const Resource *resource, Period period)
{
	SlotList	slots;
	int64		most = 0;

	booking_slots_at(resource, period, &slots);
	for (int i = 0; i < slots.n; i++)
	{
		int64		left = booking_left_in_slot(resource, &slots.slot[i]);

		most = Max(most, left);
	}
	return most;
}

/* ---- the line ---- */

/* What is taken in a window once the entries ahead of the asker in the line have been served. */
void
booking_look_behind_line(const Resource *resource, Period window, const Asker *asker, Taken *taken)
{
	Line		line = {0};
	AllPlaces	places = {0};

	if (resource->has_waiters)
		read_line(resource, window, asker->holder, &line);

	/*
	 * With entries in the line all seats matter: one that waits for this seat may be given
	 * another.
	 */
	booking_look(resource, reach(&line, window), line.n > 0 ? NULL : asker->seat, taken);
	act_out_line(&line, taken, &places);
}

/* A window together with all that the entries of the line want. */
static Period
reach(const Line *line, Period window)
{
	for (int i = 0; i < line->n; i++)
		window = (Period) {Min(window.from, line->entry[i].occupies.from),
			Max(window.to, line->entry[i].occupies.to)};
	return window;
}

/*
 * The entries that wait for something that touches a window, as far as they are ahead of a
 * holder.
 */
static void
read_line(const Resource *resource, Period window, const text *holder, Line *line)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		values[5];
	bool		ahead = true;
	uint64		n;

	values[0] = Int64GetDatum(resource->id);
	values[1] = RangeTypePGetDatum(booking_make_range(booking_widen_within(window, resource->buffer_after,
																		   resource->buffer_before)));
	values[2] = RangeTypePGetDatum(booking_make_range((Period) {GetCurrentTimestamp(), DT_NOEND}));
	values[3] = Int64GetDatum(PG_INT64_MIN);
	values[4] = Int64GetDatum(LINE_BATCH);
	do
	{
		SPI_connect();
		n = booking_run(STMT_LINE, values, NULL);
		for (uint64 i = 0; i < n && ahead; i++)
		{
			HeapTuple	row = SPI_tuptable->vals[i];
			TupleDesc	desc = SPI_tuptable->tupdesc;
			MemoryContext inner = MemoryContextSwitchTo(context);
			InLine		entry;
			bool		isnull;

			CHECK_FOR_INTERRUPTS();
			values[3] = SPI_getbinval(row, desc, 1, &isnull);
			read_in_line(row, desc, resource, &entry);
			ahead = holder == NULL ||
				VARSIZE_ANY_EXHDR(holder) != VARSIZE_ANY_EXHDR(entry.holder) ||
				memcmp(VARDATA_ANY(holder), VARDATA_ANY(entry.holder), VARSIZE_ANY_EXHDR(holder)) != 0;
			if (ahead)
			{
				if (line->n == line->size)
				{
					line->size = Max(16, 2 * line->size);
					line->entry = line->entry == NULL ? palloc_array(InLine, line->size) :
						repalloc_huge(line->entry, line->size * sizeof(InLine));
				}
				line->entry[line->n++] = entry;
			}
			MemoryContextSwitchTo(inner);
		}
		SPI_finish();
	} while (n == LINE_BATCH && ahead);
}

static void
read_in_line(HeapTuple row, TupleDesc desc, const Resource *resource, InLine *entry)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, desc, 2, &isnull);

	entry->slot_id = isnull ? 0 : DatumGetInt64(value);
	entry->seat = SPI_getvalue(row, desc, 3);
	entry->period = booking_period(DatumGetRangeTypeP(SPI_getbinval(row, desc, 4, &isnull)));
	entry->occupies = around(resource, entry->period);
	entry->quantity = DatumGetInt32(SPI_getbinval(row, desc, 5, &isnull));
	value = SPI_getbinval(row, desc, 6, &isnull);
	entry->holder = DatumGetTextPP(datumCopy(value, false, -1));
}

/* Each in its turn takes what it would be offered. */
static void
act_out_line(const Line *line, Taken *taken, AllPlaces *places)
{
	const Resource *resource = taken->resource;

	for (int i = 0; i < line->n; i++)
	{
		const InLine *entry = &line->entry[i];
		Slot		of_slot;
		const Slot *slot = NULL;
		int32		seat_no;

		CHECK_FOR_INTERRUPTS();
		if (entry->slot_id != 0)
		{
			const Resource *unused;

			of_slot = booking_peek_slot(entry->slot_id, &unused);
			slot = &of_slot;
			(void) left_of(places, slot, taken->now);
		}
		if (!would_be_offered(entry, slot, taken, places, &seat_no))
			continue;
		if (slot)
			*left_of(places, slot, taken->now) -= entry->quantity;
		if (takes_room(resource, slot))
			booking_taken_add(taken, entry->occupies, entry->quantity, (TakenAs)
							  {
								  .seat_no = seat_no,.by = TAKEN_BY_LINE,.expires_at = DT_NOEND
							  });
	}
}

/* Would this entry be offered what it waits for now, and which seat? */
static bool
would_be_offered(const InLine *entry, const Slot *slot, const Taken *taken,
				 AllPlaces *places, int32 *seat_no)
{
	const Resource *resource = taken->resource;
	const Seat *seat = NULL;
	bool	   *seats;
	int			ntaken;

	*seat_no = 0;
	if (!booking_rules_allow(resource, entry->period, POLICY_NOTICE) ||
		(slot == NULL && resource->slots_only) ||
		(slot && (slot->closed || places_of(places, slot->id)->left < entry->quantity)) ||
		beyond_limits(resource, entry))
		return false;
	if (!takes_room(resource, slot))
		return true;
	if (resource->kind == RESOURCE_POOLED)
		return booking_room_left(taken, entry->occupies) >= entry->quantity;
	if (entry->quantity != 1)
		return false;
	if (resource->kind == RESOURCE_EXCLUSIVE)
		return booking_room_left(taken, entry->occupies) > 0;

	seats = booking_seats_taken(taken, entry->occupies, &ntaken);
	if (entry->seat)
		seat = booking_seat_labelled(resource, entry->seat);
	else if (ntaken < resource->nseats)
		for (seat = resource->seats; seats[seat - resource->seats];)
			seat++;
	if (seat == NULL || seats[seat - resource->seats])
		return false;
	*seat_no = seat->seat_no;
	return true;
}

static bool
beyond_limits(const Resource *resource, const InLine *entry)
{
	Asker		asker = {.holder = entry->holder,.quantity = entry->quantity};

	return booking_limits_of_asker(resource, entry->slot_id, entry->period, &asker, NULL) > 0;
}

/* Which limits of its holder would keep the asker from a booking; see limits.c. */
int
booking_limits_of_asker(const Resource *resource, int64 slot_id, Period period, const Asker *asker,
						Refusal *refusals)
{
	pg_uuid_t  *id = palloc0(sizeof(pg_uuid_t));
	BookingRow	row;

	if (resource->nlimits == 0 || asker->holder == NULL)
		return 0;
	memset(&row, 0, sizeof(row));
	memset(row.null, true, sizeof(row.null));
	booking_row_set(&row, BOOKING_ID, UUIDPGetDatum(id));
	booking_row_set(&row, BOOKING_RESOURCE_ID, Int64GetDatum(resource->id));
	if (slot_id != 0)
		booking_row_set(&row, BOOKING_SLOT_ID, Int64GetDatum(slot_id));
	booking_row_set(&row, BOOKING_PERIOD, RangeTypePGetDatum(booking_make_range(period)));
	booking_row_set(&row, BOOKING_QUANTITY, Int32GetDatum((int32) asker->quantity));
	booking_row_set(&row, BOOKING_HOLDER, PointerGetDatum(asker->holder));
	row.period = period;
	row.active = true;
	return booking_limits_exceeded(resource, &row, refusals);
}

static PlacesLeft *
places_of(AllPlaces *places, int64 slot_id)
{
	for (int i = 0; i < places->n; i++)
		if (places->slot[i].slot_id == slot_id)
			return &places->slot[i];
	return NULL;
}

/* The number of places that a slot has left, read when it is asked for the first time. */
static int64 *
left_of(AllPlaces *places, const Slot *slot, TimestampTz now)
{
	PlacesLeft *found = places_of(places, slot->id);

	if (found == NULL)
	{
		if (places->n % 16 == 0)
			places->slot = places->slot == NULL ? palloc_array(PlacesLeft, 16) :
				repalloc_huge(places->slot, (places->n + 16) * sizeof(PlacesLeft));
		found = &places->slot[places->n++];
		*found = (PlacesLeft) {slot->id, booking_look_at_places(slot, now)};
	}
	return &found->left;
}
