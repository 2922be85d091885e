/*-------------------------------------------------------------------------
 *
 * request.c
 *		How does a function of ours that writes a booking hear what the row's trigger says?
 *
 * The function calls down: booking_write() runs the statement, and what it asks for stands
 * here meanwhile.  The trigger, which the executor calls in between, looks here whether the
 * row that it judges is the one that was asked for.  If so, a refusal is an answer and not
 * an error, and the row as it is going to be stored is handed over.  Any other row, of a trigger
 * of the application for example, is judged like a row from plain SQL.
 *
 * A statement may write several rows that a function asks for.  All are judged, and for each
 * that is refused the reason is kept.  Once one of them is refused the others are not going to
 * be kept, and so they wait for no transaction; unless each of them is wanted for itself.  A
 * function that has other things to try has its row written at once or not at all, and is told
 * which transaction it would have had to wait for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_trigger.h"
#include "executor/spi.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"
#include "utils/uuid.h"

#include "base/cache.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/plans.h"
#include "engine/request.h"
#include "engine/row.h"

/*
 * The booking that a function of ours is inserting or changing: it is told of a refusal
 * by this, not by an error.
 */
typedef struct Request
{
	bool		active;
	BookingWrite one;
	pg_uuid_t	id;				/* of it */
	RequestedRows *rows;		/* several, instead of the one, of which only the context counts then */
	bool		gave_up;		/* the row in hand, not being refused, but rather than wait */
} Request;

static Request request = {.active = false};

static uint64 room_refusals = 0;	/* how often there was no room */

static void begin_several(RequestedRows *rows, MemoryContext context);
static int	compare_requested(const void *a, const void *b);
static RequestedRow *asked_row(const BookingRow *row);

/*
 * Insert a booking for a function: its values are those of STMT_INSERT_BOOKING.  The
 * caller is connected to SPI.  False when there is no room, or when it would have to wait and
 * must not; the reason is then in the caller's refusal, in the memory context that was current
 * before SPI_connect().
 *
 * The caller gets the row as stored, in that memory context as well.  It comes from our trigger
 * and not from INSERT ... RETURNING, which takes 3 percent of the time of a booking to take
 * it apart, and put it together again.
 */
bool
booking_insert(const BookingWrite *write)
{
	Assert(write->statement == STMT_INSERT_BOOKING);
	*write->booking = (Datum) 0;
	if (!booking_write(write))
		return false;
	if (*write->booking == (Datum) 0)
	{
		/* A trigger of the application may have come after ours. */
		if (booking_run(STMT_GET_BOOKING, write->values, NULL) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the booking was not stored"),
					 errdetail("A trigger or a policy on booking.booking has changed, removed or hidden it.")));
		*write->booking = booking_row_datum();
	}
	return true;
}

/*
 * The same with any statement that writes one booking.  False also when the statement found no such
 * row to change: the refusal is then without a message.  The caller gets the new row if our trigger
 * knows it.
 */
bool
booking_write(const BookingWrite *write)
{
	Request		outer = request;
	uint64		stored = 0;

	request = (Request)
	{
		.active = true,.one = *write,.id = *DatumGetUUIDP(write->values[0])
	};
	if (write->refusal)
		write->refusal->message = NULL;
	if (write->busy)
		memset(write->busy, 0, sizeof(*write->busy));
	PG_TRY();
	{
		stored = booking_run(write->statement, write->values, write->nulls);
	}
	PG_FINALLY();
	{
		request = outer;
	}
	PG_END_TRY();
	return stored > 0;
}

/*
 * Run a statement that writes several bookings of ours, whose ids are in "rows".  What is
 * refused is noted there, with the reason in "context", and is not stored.
 */
void
booking_write_several(Statement statement, Datum *values, RequestedRows *rows, MemoryContext context)
{
	Request		outer = request;

	begin_several(rows, context);
	PG_TRY();
	{
		booking_run(statement, values, NULL);
	}
	PG_FINALLY();
	{
		request = outer;
	}
	PG_END_TRY();
	*rows->entry = 0;
}

/*
 * Insert several: the values of each are those of STMT_INSERT_BOOKING.  Each row that is stored
 * is given to the caller.  False, and nothing has been done, where triggers or policies of
 * others apply: then it takes a statement.
 */
bool
booking_insert_several(Datum *values, const char *nulls, RequestedRows *rows, MemoryContext context)
{
	Request		outer = request;
	Relation	heap = table_open(booking_table("booking"), RowExclusiveLock);
	volatile bool done = booking_row_is_ours_alone(heap) && !has_generated_columns(RelationGetDescr(heap));
	volatile bool failed = true;
	GuardKept	kept;

	table_close(heap, NoLock);
	if (!done)
		return false;
	begin_several(rows, context);
	rows->give = true;
	booking_guard_keep(&kept);
	PG_TRY();
	{
		done = booking_store_many(STMT_INSERT_BOOKING, values, nulls, rows->n);
		failed = false;
	}
	PG_FINALLY();
	{
		booking_guard_kept(&kept, failed);
		request = outer;
		rows->give = false;
	}
	PG_END_TRY();
	*rows->entry = 0;
	return done;
}

static void
begin_several(RequestedRows *rows, MemoryContext context)
{
	qsort(rows->row, rows->n, sizeof(RequestedRow), compare_requested);
	for (int i = 0; i < rows->n; i++)
		rows->row[i].refused = false;
	rows->nrefused = 0;
	rows->last = NULL;
	request = (Request) {.active = true,.one.context = context,.rows = rows};
}

static int
compare_requested(const void *a, const void *b)
{
	return memcmp(a, b, UUID_LEN);
}

/* NULL when no row with this id was asked for. */
RequestedRow *
booking_requested_row(const RequestedRows *rows, const pg_uuid_t *id)
{
	return bsearch(id, rows->row, rows->n, sizeof(RequestedRow), compare_requested);
}

static RequestedRow *
asked_row(const BookingRow *row)
{
	RequestedRows *rows = request.rows;
	RequestedRow *asked;

	if (row->null[BOOKING_ID])
		return NULL;
	if (rows->last && memcmp(&rows->last->id, DatumGetUUIDP(row->value[BOOKING_ID]), UUID_LEN) == 0)
		return rows->last;
	asked = booking_requested_row(rows, DatumGetUUIDP(row->value[BOOKING_ID]));
	if (asked)
		rows->last = asked;
	return asked;
}

/* A row is about to be judged. */
void
booking_row_begins(const BookingRow *row)
{
	if (!request.active)
		return;
	request.gave_up = false;
	if (request.rows)
	{
		const RequestedRow *asked = asked_row(row);

		*request.rows->entry = asked ? asked->entry : 0;
	}
}

/*
 * The row in hand is stored, or will not be.  What fails from now on, in a trigger of the
 * application that comes before ours, is about another row.
 */
void
booking_row_ends(void)
{
	if (request.active && request.rows)
		*request.rows->entry = 0;
}

/*
 * May the row in hand wait for another transaction ("pending" says which, if that is known)?  If
 * not, it gives up, and what follows does not count as a refusal.
 */
bool
booking_row_may_wait(const BookingRow *row, const GuardPending *pending)
{
	if (!booking_asked_for(row))
		return true;
	if (request.rows && !request.rows->each && (request.rows->nrefused > 0 || request.rows->lost))
		request.gave_up = true;
	else if (request.one.busy)
	{
		request.one.busy->busy = true;
		if (pending)
			request.one.busy->pending = *pending;
		request.gave_up = true;
	}
	return !request.gave_up;
}

/* The same for the transaction that has locked a hold that has lapsed. */
bool
booking_row_may_wait_for_hold(const BookingRow *row, const pg_uuid_t *id)
{
	if (booking_row_may_wait(row, NULL))
		return true;
	if (request.one.busy)
	{
		request.one.busy->lapsed = true;
		request.one.busy->id = *id;
	}
	return false;
}

/* Is the row to be written without waiting, or not at all? */
bool
booking_row_at_once(const BookingRow *row)
{
	return request.active && request.one.busy != NULL && !request.one.queues && booking_asked_for(row);
}

/* Has it been asked for before the hold lapsed? */
bool
booking_row_is_in_time(const BookingRow *row)
{
	return request.active && request.one.in_time && booking_asked_for(row);
}

/* Is the row only moved out of the way of others, and not judged? */
bool
booking_row_is_parked(const BookingRow *row)
{
	return request.active && request.one.parks && booking_asked_for(row);
}

/* Have the limits of its holder been judged before it was written? */
bool
booking_row_is_within_limits(const BookingRow *row)
{
	return request.active && request.one.within_limits && booking_asked_for(row);
}

/* How many places of a slot the rows ask for that the statement writes. */
int64
booking_asked_of_slot(int64 slot_id)
{
	int64		sum = 0;

	for (int i = 0; request.active && request.rows && i < request.rows->n; i++)
	{
		const RequestedRow *row = &request.rows->row[i];

		if (row->has_slot && row->slot_id == slot_id)
			sum += row->quantity;
	}
	return sum;
}

/* Is a new row judged as its writer has made it, and stored as it was judged? */
bool
booking_row_is_ours_alone(Relation heap)
{
	const TriggerDesc *all = heap->trigdesc;
	int			n = 0;

	for (int i = 0; all && i < all->numtriggers; i++)
		if (TRIGGER_TYPE_MATCHES(all->triggers[i].tgtype, TRIGGER_TYPE_ROW,
								 TRIGGER_TYPE_BEFORE, TRIGGER_TYPE_INSERT))
			n++;
	return n == 1;
}

/* Hand out the row as it is going to be stored, if it is the one that was asked for. */
void
booking_give_row(const BookingRow *row, Relation heap, HeapTuple tuple)
{
	TupleDesc	desc = RelationGetDescr(heap);

	/* Generated columns are computed when the triggers are done. */
	if ((request.one.booking || (request.rows && request.rows->give)) && booking_asked_for(row) &&
		booking_row_is_ours_alone(heap) && !has_generated_columns(desc))
	{
		Datum	   *given = request.rows ? &asked_row(row)->booking : request.one.booking;
		MemoryContext context = MemoryContextSwitchTo(request.one.context);

		*given = heap_copy_tuple_as_datum(tuple, desc);
		MemoryContextSwitchTo(context);
	}
}

/*
 * Is the reason of a refusal of this row wanted?  The caller of a try_ function does not
 * want it.
 */
bool
booking_row_wants_reason(const BookingRow *row)
{
	return !booking_asked_for(row) || (!request.gave_up && (request.one.refusal || request.rows));
}

/*
 * Refuse: to a function of ours by returning false, which the trigger passes on by not storing
 * the row; to any other writer by an error.  "refusal" may be NULL when no reason is wanted.
 */
bool
booking_row_refuse(const BookingRow *row, const Refusal *refusal)
{
	Refusal    *told = request.one.refusal;

	if (!booking_asked_for(row))
		booking_raise(refusal);
	booking_row_ends();
	if (request.gave_up)
		return false;
	if (request.rows)
	{
		RequestedRow *asked = asked_row(row);

		asked->refused = true;
		request.rows->nrefused++;
		told = &asked->refusal;
	}
	if (told)
	{
		MemoryContext context = MemoryContextSwitchTo(request.one.context);

		*told = *refusal;
		told->message = pstrdup(refusal->message);
		told->detail = refusal->detail ? pstrdup(refusal->detail) : NULL;
		told->hint = refusal->hint ? pstrdup(refusal->hint) : NULL;
		MemoryContextSwitchTo(context);
	}
	return false;
}

/* A row is refused because there is no room, and not for another reason. */
void
booking_count_room_refusal(void)
{
	room_refusals++;
}

/* How often that has been so: a writer of a booking can see whether it was. */
uint64
booking_room_refusals(void)
{
	return room_refusals;
}

/* Is this the row that a function of ours is inserting? */
bool
booking_asked_for(const BookingRow *row)
{
	if (!request.active || row->null[BOOKING_ID])
		return false;
	if (request.rows)
		return asked_row(row) != NULL;
	return memcmp(DatumGetUUIDP(row->value[BOOKING_ID]), &request.id, UUID_LEN) == 0;
}

/* Is it one of several that a statement of ours is writing? */
bool
booking_is_one_of_several(const BookingRow *row)
{
	return request.active && request.rows && asked_row(row) != NULL;
}
