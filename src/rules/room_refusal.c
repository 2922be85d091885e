/*-------------------------------------------------------------------------
 *
 * room_refusal.c
 *		What is in the way of a booking that has no room, and when would the same fit?
 *
 * The judging is done (room.c), and nothing is locked or written here.  The gate has been left,
 * so that the bookings of the next days are read as they are now: the hint is a good guess and
 * not a promise.  What is in progress counts as if it stayed.  Nothing is read if the reason is
 * not wanted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/period.h"
#include "engine/open.h"
#include "engine/peak.h"
#include "rules/room_count.h"
#include "rules/room_refusal.h"

#define LOOK_AHEAD_DAYS	7

/* The bookings of the next days, for finding a time that would do. */
typedef struct Collected
{
	const BookingRow *row;		/* that wants room */
	PeakItem   *item;
	int			n;
} Collected;

static void say_when_it_fits(StringInfo hint, const Resource *resource, const BookingRow *row, const Claim *claim);
static void collect(const GuardRow *found, void *arg);
static void collect_tally(const GuardPlace *where, const GuardLoad *window, Collected *collected);

/* What is in the way, and what would fit.  Never the other holder. */
void
booking_explain_room(const Resource *resource, const BookingRow *row, const RoomRequest *request, Refusal *refusal)
{
	const GuardLoad *load = &request->claims->load;
	const GuardVerdict *verdict = &request->verdict;
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
		appendStringInfoString(&hint, resource->nseats > 0 ? "Try another period." : "Insert its seats into booking.seat.");
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
		say_when_it_fits(&hint, resource, row, request->claims);
	}
	else if (load->quantity > resource->capacity)
	{
		refusal->constraint = CONSTRAINT_CAPACITY;
		refusal->message = psprintf("resource \"%s\" does not have so many", name);
		refusal->detail = psprintf("Wanted " INT64_FORMAT " for %s; its capacity is %d.",
								   load->quantity, wanted, resource->capacity);
		if (resource->capacity > 0)
			appendStringInfo(&hint, "Up to %d can be booked at once.", resource->capacity);
		else
			appendStringInfoString(&hint, "It has no units: book places in its slots with book_place(), or raise its capacity.");
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
		say_when_it_fits(&hint, resource, row, request->claims);
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
say_when_it_fits(StringInfo hint, const Resource *resource, const BookingRow *row, const Claim *claim)
{
	const GuardLoad *load = &claim->load;
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
	if (claim->places->tally)
		collect_tally(claim->places, &window, &rows);
	else
		booking_guard_scan(claim->places, &window, collect, &rows);

	/* Free and open: the next gap, the next opening from there, and so on. */
	for (from = wanted.from; from < wanted.to;)
	{
		TimestampTz opens;

		CHECK_FOR_INTERRUPTS();
		from = booking_first_gap(rows.item, rows.n, (PeakWindow) {from, wanted.to}, length,
								 claim->capacity - load->quantity);
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
collect_tally(const GuardPlace *where, const GuardLoad *window, Collected *collected)
{
	Counting	counting = booking_start_count(collected->row);
	GuardPlace	place = *where;
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
