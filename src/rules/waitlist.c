/*-------------------------------------------------------------------------
 *
 * waitlist.c
 *		The waitlist: which entry gets the space that has become free?
 *
 * The first entry in the line that fits into it is offered the space, as a hold for its holder
 * that lapses after the time that the entry asked for.  That happens in two cases:
 *
 *	- Space is freed: a booking is cancelled, deleted, moved, shortened, or marked
 *	  expired; a capacity is raised, a seat added, a closure lifted.  The transaction that frees
 *	  it serves the line, at the end of the statement.
 *	- A booker that is not in the line would fit (room.c).  Before it gets the
 *	  space, every entry in the line that fits is offered its own; then the newcomer is judged
 *	  again, against what is left.  So the order of the line does not depend on a sweeper.
 *
 * A holder that is in the line and books directly is a newcomer only to the entries ahead of its
 * own.
 *
 * Locks.  A transaction that serves a line holds its LINE lock, and keeps it to its commit if it
 * has freed or offered anything: the next one to serve then sees the result.  Two transactions
 * that cancel one half each of what an entry wants would otherwise both find the other half
 * taken.  A transaction that frees space takes JOIN in shared mode, one that joins in exclusive
 * mode, so that one of the two knows of the other (locks.c).
 *
 * Serving never waits for another transaction, except for the LINE lock, for which others wait
 * when their rows are already written.  An entry that depends on a transaction in progress is
 * passed over, and a lapsed hold that another transaction has is left alone.  What is missed
 * that way is found by the next transaction that serves the line, or by expire_holds().  A
 * newcomer that has served the line and then has to wait for another transaction undoes all of
 * it first (room.c).
 *
 * A call that books several things may keep the LINE lock of one resource while it waits at the
 * next, but never at an earlier one (together.c).  So a booking that moves from one resource to a
 * later one waits neither for the LINE nor for the JOIN lock of the resource that it leaves.
 *
 * An offer is a subtransaction of its own.  An entry that cannot be offered because of
 * its holder's limit, or a trigger of the application that objects, is passed over; it must not
 * keep another holder's booking from being cancelled.
 *
 * All this costs a resource without a line nothing: the remembered resource (resource.c)
 * knows whether there are entries.  That flag is set by the first entry, whose invalidation
 * makes every backend forget the resource, and cleared whenever the resource is read again
 * without entries.  No entry may be made without that: see booking_waitlist_before().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"

#include "base/attempt.h"
#include "base/cache.h"
#include "base/columns.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/gates.h"
#include "base/lock_kinds.h"
#include "base/locks.h"
#include "base/period.h"
#include "base/plans.h"
#include "base/rows.h"
#include "base/transaction.h"
#include "base/trigger.h"
#include "base/uuid.h"
#include "engine/history.h"
#include "engine/places.h"
#include "engine/request.h"
#include "engine/resource.h"
#include "engine/row.h"
#include "engine/slots.h"
#include "engine/visible.h"
#include "rules/policy.h"
#include "rules/waitlist.h"

PG_FUNCTION_INFO_V1(booking_row_freed);
PG_FUNCTION_INFO_V1(booking_rules_relaxed);
PG_FUNCTION_INFO_V1(booking_waitlist_before);

/* An entry of the line. */
typedef struct Entry
{
	int64		id;
	Datum		slot_id;		/* 0: none */
	char	   *seat;			/* NULL: any, or the resource has none */
	RangeType  *period;
	int32		quantity;
	Datum		holder;
	int64		offer_for;
} Entry;

/* An attempt to offer an entry what it waits for. */
typedef struct OfferTry
{
	const Resource *resource;
	const Entry *entry;
} OfferTry;

/* Entries for which there was no room: one that wants at least as much need not be tried. */
typedef struct Refused
{
	Entry		entry[16];
	int			n;
} Refused;

/* A line to be served, and the offers made. */
typedef struct Line
{
	int64		resource_id;
	int			offers;
} Line;

#define BATCH	100

static List *freed_meanwhile = NIL; /* of RangeType, by what serve() itself expired */
static MemoryContext serving_context = NULL;
static int	deferring = 0;		/* space is freed for which there is another use */

static bool take_alone(const PlacesWanted *wanted);
static void line_freed(int64 resource_id, RangeType *window, bool wait);
static int	serve(const Resource *resource, RangeType *window, Datum newcomer, bool *waiting);
static int	serve_window(const Resource *resource, RangeType *window, Datum newcomer, bool *waiting);
static bool offer(const Resource *resource, const Entry *entry);
static bool has_to_be_told(const Entry *entry, const ErrorData *error);
static bool try_to_offer(void *arg);
static bool store_offer(const Resource *resource, const Entry *entry);
static bool wants_more(const Refused *refused, const Entry *entry);
static void read_waiting(HeapTuple row, TupleDesc desc, Entry *entry);
static void settle(const BookingRow *old, const BookingRow *new);
static RangeType *widened(const Resource *resource, RangeType *range);
static Period span(Period a, Period b);
static FreedSpace *note_freed(Notes *notes, int64 resource_id, CommandId command, RangeType *range);
static RangeType *freed_range(Period window);
static RangeType *all_time(void);
static bool serve_line(void *arg);
static bool wants_something_else(TriggerData *trigger, HeapTuple row);
static void must_be_a_slot(int64 slot_id, int64 resource_id);
static bool has_seat_left(int64 resource_id, Datum label);
static HeapTuple keep_place_in_line(TriggerData *trigger, HeapTuple row);

/*
 * A newcomer fits into a stretch of time: serve the entries that wait for it.  The caller
 * has the LINE lock.  Returns the number of offers.
 */
int
booking_line_ahead(const Resource *resource, const BookingRow *row)
{
	bool		waiting = false;

	return serve(resource, DatumGetRangeTypeP(row->value[BOOKING_OCCUPIES]),
				 row->value[BOOKING_HOLDER], &waiting);
}

/*
 * The same for a booker of places in a slot: serve, and then take its own.  We must not wait for
 * places with the LINE lock, so a booker that is not left with enough at once gets none.
 */
bool
booking_line_take_places(const Resource *resource, const PlacesWanted *wanted)
{
	volatile bool taken = false;
	bool		waiting = false;

	if (booking_line_serving() || !resource->has_waiters ||
		booking_row_is_history(wanted->row, wanted->old) ||
		(booking_line_is_deferred() && booking_asked_for(wanted->row)) ||
		!booking_lock_line(resource->id, true))
		return take_alone(wanted);

	if (serve(resource, DatumGetRangeTypeP(wanted->row->value[BOOKING_OCCUPIES]),
			  wanted->row->value[BOOKING_HOLDER], &waiting) == 0)
		booking_unlock_line(resource->id);
	if (!booking_holds_line(resource->id))
		return take_alone(wanted);

	booking_set_line_serving(true);
	serving_context = CurrentMemoryContext;
	PG_TRY();
	{
		taken = booking_places_take(wanted, true);
	}
	PG_FINALLY();
	{
		booking_set_line_serving(false);
		freed_meanwhile = NIL;
	}
	PG_END_TRY();
	return taken;
}

/*
 * Without a line: take places, waiting for them if necessary; so a lock that we have is
 * given back first.
 */
static bool
take_alone(const PlacesWanted *wanted)
{
	if (wanted->way_back >= 0)
		booking_unlock_places(wanted->from->id, wanted->way_back);
	return booking_places_take(wanted, true);
}

/*
 * Note what a statement has freed; it is offered at its end, when the places of slots have
 * been given back as well.  Of many stretches, all that they span.
 */
static FreedSpace *
note_freed(Notes *notes, int64 resource_id, CommandId command, RangeType *range)
{
	Period		window;
	bool		found;
	FreedSpace *freed = booking_note(notes, resource_id, command, &found);

	/* Where it has no beginning: all time. */
	if (!booking_period_is_sound(range, &window))
		window = (Period) {DT_NOBEGIN, DT_NOEND};
	freed->window = found ? span(freed->window, window) : window;
	return freed;
}

static RangeType *
freed_range(Period window)
{
	return window.from == DT_NOBEGIN ? all_time() : booking_make_range(window);
}

/* At the end of a statement: offer what it has freed. */
void
booking_line_statement_done(void)
{
	Notes	   *noted = &booking_transaction.freed;
	CommandId	command = booking_this_command();

	while (noted->n > 0)
	{
		FreedSpace	freed = *(FreedSpace *) booking_noted(noted, noted->n - 1);

		if (freed.note.command < command)
			break;
		booking_notes_keep(noted, noted->n - 1);
		line_freed(freed.note.key, freed_range(freed.window), !freed.upwards);
	}
}

/*
 * Space on a resource has been freed by us.  Without "wait" it is left to the next transaction
 * that serves the line, if another one is serving or joining it now.
 */
static void
line_freed(int64 resource_id, RangeType *window, bool wait)
{
	const Resource *resource;
	bool		waiting = false;

	if (booking_line_serving())
	{
		MemoryContext context = MemoryContextSwitchTo(serving_context);

		freed_meanwhile = lappend(freed_meanwhile,
								  DatumGetRangeTypeP(datumCopy(RangeTypePGetDatum(window), false, -1)));
		MemoryContextSwitchTo(context);
		return;
	}
	if (deferring > 0)
	{
		note_freed(&booking_transaction.deferred, resource_id, 0, window);
		return;
	}

	/* A change of the rules keeps every other transaction from joining anyway. */
	resource = booking_find_resource(resource_id);
	if (resource == NULL)
		return;
	if (!booking_holds_rules(resource_id))
	{
		booking_lock_join(resource_id, false, wait);
		resource = booking_use_resource(resource_id);
	}
	if (!resource->has_waiters || !booking_lock_line(resource_id, wait))
		return;
	serve(resource, window, (Datum) 0, &waiting);
	if (!waiting)
		booking_unlock_line(resource_id);
}

/* From the beginning of the first to the end of the last. */
static Period
span(Period a, Period b)
{
	return (Period) {Min(a.from, b.from), Max(a.to, b.to)};
}

/* From here on, remember what is freed instead of offering it; and no more. */
void
booking_line_defer(bool defer)
{
	if (defer && deferring == 0)
		booking_notes_keep(&booking_transaction.deferred, 0);
	deferring += defer ? 1 : -1;
}

bool
booking_line_is_deferred(void)
{
	return deferring > 0;
}

/* Offer what is left of it. */
void
booking_line_serve_deferred(void)
{
	Notes	   *notes = &booking_transaction.deferred;
	int			n = notes->n;
	FreedSpace *later;

	if (deferring > 0 || n == 0)
		return;
	later = palloc_extended(n * sizeof(FreedSpace), MCXT_ALLOC_HUGE);
	memcpy(later, booking_noted(notes, 0), n * sizeof(FreedSpace));
	booking_notes_keep(notes, 0);
	for (int i = 0; i < n; i++)
		line_freed(later[i].note.key, freed_range(later[i].window), true);
	pfree(later);
}

/* An entry has been made, under JOIN and LINE. */
void
booking_line_joined(int64 resource_id, RangeType *period)
{
	bool		waiting = false;

	serve(booking_use_resource(resource_id), period, (Datum) 0, &waiting);
}

/*
 * Serve the line of a resource; its LINE lock is held.  If the newcomer is in the line itself,
 * only the entries ahead of it are served.  Returns the number of offers; *waiting says whether
 * there is any entry.
 */
static int
serve(const Resource *resource, RangeType *window, Datum newcomer, bool *waiting)
{
	volatile int offers = 0;

	Assert(!booking_line_serving());

	/* Our caller's changes have to be seen by what we read. */
	CommandCounterIncrement();
	booking_set_line_serving(true);
	serving_context = CurrentMemoryContext;
	freed_meanwhile = NIL;
	PG_TRY();
	{
		offers = serve_window(resource, window, newcomer, waiting);
		while (freed_meanwhile != NIL)
		{
			RangeType  *next = linitial(freed_meanwhile);

			freed_meanwhile = list_delete_first(freed_meanwhile);
			offers += serve_window(resource, next, (Datum) 0, waiting);
		}
	}
	PG_FINALLY();
	{
		booking_set_line_serving(false);
		freed_meanwhile = NIL;
	}
	PG_END_TRY();
	return offers;
}

static int
serve_window(const Resource *resource, RangeType *window, Datum newcomer, bool *waiting)
{
	Refused		refused = {.n = 0};
	Datum		values[5];
	int			offers = 0;
	uint64		n;

	values[0] = Int64GetDatum(resource->id);
	values[1] = RangeTypePGetDatum(widened(resource, window));
	values[2] = RangeTypePGetDatum(booking_make_range((Period) {GetCurrentTimestamp(), DT_NOEND}));
	values[3] = Int64GetDatum(PG_INT64_MIN);
	values[4] = Int64GetDatum(BATCH);
	SPI_connect();
	do
	{
		SPITupleTable *rows;

		n = booking_run(STMT_LINE, values, NULL);
		rows = SPI_tuptable;
		for (uint64 i = 0; i < n; i++)
		{
			Entry		entry;
			uint64		refusals = booking_room_refusals();

			CHECK_FOR_INTERRUPTS();
			read_waiting(rows->vals[i], rows->tupdesc, &entry);
			values[3] = Int64GetDatum(entry.id);
			*waiting = true;
			if (newcomer && booking_same_text(newcomer, entry.holder))
			{
				n = 0;
				break;
			}
			if (wants_more(&refused, &entry) ||
				!booking_policy_allows(resource, booking_period(entry.period), POLICY_NOTICE, NULL))
				continue;
			if (offer(resource, &entry))
				offers++;
			else if (booking_room_refusals() > refusals)
				refused.entry[refused.n++ % lengthof(refused.entry)] = entry;
		}
	} while (n == BATCH);
	SPI_finish();
	return offers;
}

static void
read_waiting(HeapTuple row, TupleDesc desc, Entry *entry)
{
	bool		isnull;
	Datum		value;

	entry->id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
	value = SPI_getbinval(row, desc, 2, &isnull);
	entry->slot_id = isnull ? (Datum) 0 : value;
	entry->seat = SPI_getvalue(row, desc, 3);
	entry->period = DatumGetRangeTypeP(SPI_getbinval(row, desc, 4, &isnull));
	entry->quantity = DatumGetInt32(SPI_getbinval(row, desc, 5, &isnull));
	entry->holder = SPI_getbinval(row, desc, 6, &isnull);
	entry->offer_for = booking_interval_length(DatumGetIntervalP(SPI_getbinval(row, desc, 7, &isnull)));
}

/* Has an entry that wants as much, or less, been refused already? */
static bool
wants_more(const Refused *refused, const Entry *entry)
{
	for (int i = 0; i < Min(refused->n, (int) lengthof(refused->entry)); i++)
	{
		const Entry *less = &refused->entry[i];

		if (less->slot_id == entry->slot_id && less->quantity <= entry->quantity &&
			(less->seat == NULL ? entry->seat == NULL : entry->seat && strcmp(less->seat, entry->seat) == 0) &&
			range_contains_internal(booking_range_type(RangeTypeGetOid(entry->period)),
									entry->period, less->period))
			return true;
	}
	return false;
}

/* Offer an entry what it waits for, if there is room. */
static bool
offer(const Resource *resource, const Entry *entry)
{
	OfferTry	try = {resource, entry};
	int			before = list_length(freed_meanwhile);
	bool		offered;
	ErrorData  *error = booking_attempt(try_to_offer, &try, &offered);

	/* What is undone has freed nothing. */
	if (!offered)
		freed_meanwhile = list_truncate(freed_meanwhile, before);
	if (error == NULL)
		return offered;

	/* A cancelled query, a shutdown or exhausted memory must not be suppressed. */
	if (!booking_is_of_one_row(error))
		ReThrowError(error);
	ereport(has_to_be_told(entry, error) ? LOG : DEBUG1,
			(errmsg("waitlist entry %lld is passed over: %s",
					(long long) entry->id, error->message)));
	FreeErrorData(error);
	return false;
}

static bool
try_to_offer(void *arg)
{
	const OfferTry *try = arg;

	return store_offer(try->resource, try->entry);
}

/*
 * The reason why an entry cannot be served does not concern a transaction that cancels
 * something.  A sweep writes it into the server's log, once a session; verify() reports what can
 * be found without trying.  A lock that another transaction has, or a holder's limit, is not
 * worth a log entry.
 */
static bool
has_to_be_told(const Entry *entry, const ErrorData *error)
{
	static int64 told[64];
	static int	n = 0;

	if (!booking_hasty() || error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TRANSACTION_ROLLBACK ||
		(error->constraint_name && strcmp(error->constraint_name, CONSTRAINT_HOLDER_LIMIT) == 0))
		return false;
	for (int i = 0; i < Min(n, (int) lengthof(told)); i++)
		if (told[i] == entry->id)
			return false;
	told[n++ % lengthof(told)] = entry->id;
	return true;
}

static bool
store_offer(const Resource *resource, const Entry *entry)
{
	Datum		values[INSERT_NVALUES] = {0};
	char		nulls[INSERT_NVALUES + 1];
	Datum		entry_id = Int64GetDatum(entry->id);
	int64		hold_for = entry->offer_for;
	pg_uuid_t	id;
	bool		offered;

	/* An offer is a hold like any other. */
	if (resource->max_hold != NO_RULE)
		hold_for = Min(hold_for, resource->max_hold);

	memset(nulls, 'n', INSERT_NVALUES);
	nulls[INSERT_NVALUES] = '\0';
#define SET_VALUE(column, datum) \
	do { values[INSERT_##column] = (datum); nulls[INSERT_##column] = ' '; } while (0)

	booking_new_id(&id);
	SET_VALUE(ID, UUIDPGetDatum(&id));
	SET_VALUE(RESOURCE_ID, Int64GetDatum(resource->id));
	if (entry->slot_id)
		SET_VALUE(SLOT_ID, entry->slot_id);
	if (entry->seat)
		SET_VALUE(SEAT_NO, Int32GetDatum(booking_seat_wanted(resource, entry->seat)->seat_no));
	SET_VALUE(PERIOD, RangeTypePGetDatum(entry->period));
	SET_VALUE(QUANTITY, Int32GetDatum(entry->quantity));
	SET_VALUE(HOLDER, entry->holder);
	SET_VALUE(STATUS, CStringGetTextDatum("held"));
	SET_VALUE(EXPIRES_AT, TimestampTzGetDatum(booking_shift(GetCurrentTimestamp(), hold_for)));
	SET_VALUE(WAITLIST_ID, entry_id);
	SET_VALUE(DATA, DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
#undef SET_VALUE

	SPI_connect();
	offered = booking_write(&(BookingWrite) {.statement = STMT_OFFER_BOOKING,.values = values,.nulls = nulls}) &&
		booking_run(STMT_TRY_LOCK_ENTRY, &entry_id, NULL) > 0 &&
		booking_run(STMT_MARK_OFFERED, &entry_id, NULL) > 0;
	SPI_finish();
	return offered;
}

/*
 * What freed space can be of use to: periods that, with their buffers, touch it.
 */
static RangeType *
widened(const Resource *resource, RangeType *range)
{
	RangeBound	lower,
				upper;
	bool		empty;

	if (resource->buffer_before == 0 && resource->buffer_after == 0)
		return range;
	range_deserialize(booking_range_type(RangeTypeGetOid(range)), range, &lower, &upper, &empty);
	if (lower.infinite || empty)
		return range;
	return booking_make_range(booking_widen_within(booking_period(range),
											resource->buffer_after, resource->buffer_before));
}

/*
 * AFTER UPDATE OR DELETE ON booking.booking, for each row: what does it free, and what
 * becomes of the waitlist entry that it is the offer of?
 */
Datum
booking_row_freed(PG_FUNCTION_ARGS)
{
	static TriggerUse use = {
		.timing = TRIGGER_TYPE_AFTER, .levels = LEVEL_ROW,
		.events = ON_UPDATE | ON_DELETE, .tables = "booking"
	};
	TriggerData *trigger = booking_check_trigger(fcinfo, &use);
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	BookingRow	old;
	BookingRow	new_row;
	BookingRow *new = NULL;

	booking_row_read(trigger->tg_trigtuple, desc, &old);
	if (!old.active)
		return PointerGetDatum(NULL);
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
	{
		new = &new_row;
		booking_row_read(trigger->tg_newtuple, desc, new);
	}

	if (!old.null[BOOKING_WAITLIST_ID])
		settle(&old, new);
	if ((new == NULL || booking_row_adds_load(&old, new)) &&
		old.period.to > GetCurrentTimestamp())
	{
		int64		resource_id = DatumGetInt64(old.value[BOOKING_RESOURCE_ID]);
		FreedSpace *freed = note_freed(&booking_transaction.freed, resource_id, booking_this_command(),
									   DatumGetRangeTypeP(old.value[BOOKING_OCCUPIES]));

		freed->upwards |= new && DatumGetInt64(new->value[BOOKING_RESOURCE_ID]) > resource_id;
	}
	return PointerGetDatum(NULL);
}

/* The offer has been taken up, has lapsed, or has been declined. */
static void
settle(const BookingRow *old, const BookingRow *new)
{
	Datum		values[2];
	const char *outcome;

	if (booking_row_status(old) != BOOKING_HELD)
		return;
	switch (new ? booking_row_status(new) : BOOKING_CANCELLED)
	{
		case BOOKING_CONFIRMED:
			outcome = "taken";
			break;
		case BOOKING_EXPIRED:
			outcome = "lapsed";
			break;
		case BOOKING_CANCELLED:
			outcome = "left";
			break;
		default:
			return;
	}
	values[0] = old->value[BOOKING_WAITLIST_ID];
	values[1] = CStringGetTextDatum(outcome);
	SPI_connect();
	booking_run(STMT_SETTLE_ENTRY, values, NULL);
	SPI_finish();
}

/*
 * AFTER a configuration table has been changed, for each row: serve the line of the
 * resource, which the row is, or names in resource_id; NULL there means all of them.
 */
Datum
booking_rules_relaxed(PG_FUNCTION_ARGS)
{
	static TriggerUse use = {
		.timing = TRIGGER_TYPE_AFTER, .levels = LEVEL_ROW,
		.events = ON_INSERT | ON_UPDATE | ON_DELETE, .tables = "resource seat closure slot"
	};
	TriggerData *trigger = booking_check_trigger(fcinfo, &use);
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	bool		is_resource = strcmp(RelationGetRelationName(trigger->tg_relation), "resource") == 0;
	int			attno = booking_column_named(desc, is_resource ? "id" : "resource_id", INT8OID);
	bool		isnull;
	Datum		resource_id = heap_getattr(trigger->tg_trigtuple, attno, desc, &isnull);

	CommandCounterIncrement();
	if (!isnull)
	{
		line_freed(DatumGetInt64(resource_id), all_time(), true);
		return PointerGetDatum(NULL);
	}

	SPI_connect();
	{
		uint64		n = booking_run(STMT_LINES, NULL, NULL);
		SPITupleTable *rows = SPI_tuptable;

		for (uint64 i = 0; i < n; i++)
			line_freed(DatumGetInt64(SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull)),
							   all_time(), true);
	}
	SPI_finish();
	return PointerGetDatum(NULL);
}

static RangeType *
all_time(void)
{
	RangeBound	lower = {.infinite = true, .lower = true};
	RangeBound	upper = {.infinite = true};

	return make_range_compat(booking_range_type(TSTZRANGEOID), &lower, &upper, false);
}

/*
 * Serve every line, except those that another transaction is serving: what has been missed
 * because it depended on a transaction in progress is found here at the latest.  For a sweep,
 * which does not wait (booking_without_waiting()); each line is an attempt.
 */
void
booking_line_serve_lines(void)
{
	SPITupleTable *rows;
	uint64		n;

	if (booking_line_serving())
		return;
	SPI_connect();
	n = booking_run(STMT_LINES, NULL, NULL);
	rows = SPI_tuptable;
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		Line		line = {.resource_id = DatumGetInt64(SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull))};

		CHECK_FOR_INTERRUPTS();
		if (!booking_try_lock_resource(line.resource_id) || !booking_lock_line(line.resource_id, false))
			continue;
		if (!booking_attempted(serve_line, &line, booking_is_of_one_row) || line.offers == 0)
			booking_unlock_line(line.resource_id);
	}
	SPI_finish();
}

static bool
serve_line(void *arg)
{
	Line	   *line = arg;
	const Resource *resource = booking_find_resource(line->resource_id);
	bool		waiting = false;

	if (resource)
		line->offers = serve(resource, all_time(), (Datum) 0, &waiting);
	return true;
}

/*
 * BEFORE INSERT OR UPDATE ON booking.waitlist, for each row: is it something that can ever be
 * offered, and does every backend know that there is an entry?
 *
 * The foreign keys of the table are there for their names and for what happens when a
 * resource is deleted; that the resource, the slot and the seat exist is checked here, under the
 * RESOURCE lock, at every isolation level, also of an entry that does not wait any more.
 */
Datum
booking_waitlist_before(PG_FUNCTION_ARGS)
{
	static TriggerUse use = {
		.timing = TRIGGER_TYPE_BEFORE, .levels = LEVEL_ROW,
		.events = ON_INSERT | ON_UPDATE, .tables = "waitlist"
	};
	TriggerData *trigger = booking_check_trigger(fcinfo, &use);
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	HeapTuple	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	const Resource *resource;
	bool		isnull;
	Datum		value;
	int64		resource_id;
	bool		waits;
	bool		anew;
	bool		others;

	value = heap_getattr(row, booking_column_named(desc, "status", TEXTOID), desc, &isnull);
	waits = !isnull && strcmp(TextDatumGetCString(value), "waiting") == 0;
	anew = wants_something_else(trigger, row);
	if (!waits && !anew)
		return PointerGetDatum(row);
	if (waits)
		row = keep_place_in_line(trigger, row);
	value = heap_getattr(row, booking_column_named(desc, "resource_id", INT8OID), desc, &isnull);
	if (isnull)
		booking_null_argument("resource_id");
	resource_id = DatumGetInt64(value);
	booking_must_see(resource_id);
	value = heap_getattr(row, booking_column_named(desc, "slot_id", INT8OID), desc, &isnull);
	if (!isnull && anew)
		must_be_a_slot(DatumGetInt64(value), resource_id);
	resource = booking_use_resource(resource_id);
	value = heap_getattr(row, booking_column_named(desc, "seat", TEXTOID), desc, &isnull);
	if (!isnull && (resource->kind == RESOURCE_SEATED || !has_seat_left(resource_id, value)))
		(void) booking_seat_wanted(resource, TextDatumGetCString(value));
	if (!waits)
		return PointerGetDatum(row);

	/*
	 * Backends that remember the resource without entries have to read it again; unless there is
	 * another entry that stays until we commit, which the LINE lock ensures.
	 */
	value = Int64GetDatum(resource_id);
	SPI_connect();
	others = booking_holds_line(resource_id) && booking_run(STMT_SOMEBODY_WAITS, &value, NULL) > 0;
	SPI_finish();
	if (!others)
		CacheInvalidateRelcache(trigger->tg_relation);
	return PointerGetDatum(row);
}

/* Does it name another resource, slot or seat than before, or is it new? */
static bool
wants_something_else(TriggerData *trigger, HeapTuple row)
{
	static const struct
	{
		const char *name;
		Oid			type;
	}			named[] = {{"resource_id", INT8OID}, {"slot_id", INT8OID}, {"seat", TEXTOID}};
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);

	if (!TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		return true;
	for (int i = 0; i < (int) lengthof(named); i++)
	{
		int			column = booking_column_named(desc, named[i].name, named[i].type);
		bool		was_null;
		bool		isnull;
		Datum		was = heap_getattr(trigger->tg_trigtuple, column, desc, &was_null);
		Datum		is = heap_getattr(row, column, desc, &isnull);

		if (was_null != isnull || (!isnull && (named[i].type == TEXTOID ? !booking_same_text(was, is) : was != is)))
			return true;
	}
	return false;
}

/*
 * The slot exists, and stays until we commit.  It may have moved to another resource while
 * entries wait for it, and a dump with such an entry has to load; two resources are locked in
 * their order, like everywhere.
 */
static void
must_be_a_slot(int64 slot_id, int64 resource_id)
{
	const Resource *of;
	int64		other = booking_peek_slot(slot_id, &of).resource_id;

	booking_must_see_slot(other, slot_id);
	booking_lock_resource(Min(resource_id, other));
	(void) booking_use_slot(slot_id, &of);
}

/* A resource that was seated once, and is not any more, may still have the seat. */
static bool
has_seat_left(int64 resource_id, Datum label)
{
	Relation	rel = table_open(booking_table("seat"), AccessShareLock);
	RowKey		keys[] = {{"resource_id", F_INT8EQ, Int64GetDatum(resource_id), false}, {"label", F_TEXTEQ, label, false}};
	bool		found = booking_rows_any(&(RowsWanted) {.rel = rel,.keys = keys,.nkeys = lengthof(keys)});

	table_close(rel, NoLock);
	return found;
}

/*
 * The place of an entry in the line is its id.  A role that may load history brings its own.
 * For every other role it is the next id when the entry is made.  It is only for what the entry
 * wants then; and an entry that has been offered something, or has left, has no place any more.
 */
static HeapTuple
keep_place_in_line(TriggerData *trigger, HeapTuple row)
{
	static const char *const kept[] = {
		"id", "resource_id", "slot_id", "seat", "period", "quantity", "holder", "created_at"
	};
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	HeapTuple	old = trigger->tg_trigtuple;
	bool		same;
	bool		isnull;

	if (booking_may_load_history())
		return row;

	if (!TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
	{
		int			column = booking_column_named(desc, "id", INT8OID);
		Oid			ids = get_relname_relid("waitlist_id_seq", get_namespace_oid("booking", false));
		Datum		id = Int64GetDatum(nextval_internal(ids, false));

		isnull = false;
		return heap_modify_tuple_by_cols(row, desc, 1, &column, &id, &isnull);
	}

	same = booking_same_text(heap_getattr(old, booking_column_named(desc, "status", TEXTOID), desc, &isnull),
							 CStringGetTextDatum("waiting"));
	for (int i = 0; i < (int) lengthof(kept) && same; i++)
	{
		int			column = SPI_fnumber(desc, kept[i]);
		Form_pg_attribute attribute = TupleDescAttr(desc, column - 1);
		bool		was_null;
		Datum		was = heap_getattr(old, column, desc, &was_null);
		Datum		is = heap_getattr(row, column, desc, &isnull);

		same = was_null == isnull &&
			(isnull || datum_image_eq(was, is, attribute->attbyval, attribute->attlen));
	}
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to change a place in the line"),
				 errdetail("An entry keeps its place for what it was made for, until it is offered something or leaves."),
				 errhint("wait_for_slot() and wait_for_place() join again, at the end.")));
	return row;
}
