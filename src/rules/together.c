/*-------------------------------------------------------------------------
 *
 * together.c
 *		Several bookings in one call: all of them, or none and every reason why not.
 *
 * They are written by one INSERT, and each row is judged in its trigger like any row
 * (booking_triggers.c).  What is refused is not stored, the others are judged all the same, and
 * the error names all that stand in the way.
 *
 * Deadlocks.  A single booking waits for another transaction only while it has written
 * nothing (claim.c).  Several cannot do that: the second row may have to wait when the
 * first is written.  What keeps two such calls from waiting for each other, or several in
 * a circle, is one order for all of them:
 *
 *	1.	All locks that are kept to the commit are taken before the first row is written, in
 *		the order of lock_kinds.c, and of each kind in the order of the keys: ID, RESOURCE
 *		(shared), HOLDER, TOGETHER (below).  So a call that waits for one of these has written
 *		nothing yet.
 *	2.	The rows are written in the order of their resources; of one resource in the order
 *		of the seats, and then of time.
 *
 * Suppose several calls wait in a circle, each at the row that it is about to write, for one
 * that has written a row there.  Each has written rows of its own resource or earlier ones,
 * so all of them are at the same resource, and have written another row of it before.
 *
 *	- An exclusive resource: the rows of one call do not overlap, or one of them is refused,
 *	  and go forward in time.  If A waits at its row a for B's row b, and B waits at b' for
 *	  A's row a', then a' < a and b < b', neither overlaps its neighbour, a overlaps b, and
 *	  a' overlaps b': a' ends before a begins, hence b' begins before a does, and b, which
 *	  reaches into a, would overlap b'.  Not possible.
 *	- A pool, or seats: there it is possible (two pairs of seats for crossed times; units
 *	  of a pool for one long and one short time).  So a call with several rows of such a
 *	  resource takes its TOGETHER lock alone, and the others in shared mode: two with several rows
 *	  of one pool are there one after the other.  A call that has one row there has written no
 *	  other row of that resource, and cannot be part of a circle.
 *	- The places of a slot are taken for all rows of the statement in one step (places.c).
 *	  Several rows in one slot, without seats, need no TOGETHER lock of their own: nothing
 *	  is taken of the resource a second time.
 *
 * A call that moves bookings (move_all.c) has rows at places in the order that it has not
 * reached yet.  It locks the rows of all of them before RESOURCE (life.c), and takes the TOGETHER
 * locks of all resources involved alone, so that no call that books several things comes in
 * between.
 *
 * A single booking waits with nothing written, so it is never part of a circle.  What an
 * application does before and after in the same transaction is outside this argument.
 *
 * A call that serves the line of one resource may keep its LINE lock while it waits at a later
 * one.  A single booking that moves from the one to the other therefore waits for no line of the
 * resource that it leaves (waitlist.c).
 *
 * Many: beyond some ID locks (locks.c) only the row's own lock is kept, and one TOGETHER lock
 * stands for all resources.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/attempt.h"
#include "base/cache.h"
#include "base/compat.h"
#include "base/locks.h"
#include "base/plans.h"
#include "base/uuid.h"
#include "engine/request.h"
#include "engine/row.h"
#include "engine/shards.h"
#include "engine/slots.h"
#include "engine/visible.h"
#include "rules/journal.h"
#include "rules/policy.h"
#include "rules/together.h"

/* So many refusals are reported in full; of the others, only which entries they are. */
#define MOST_TOLD		100

static void lock_ids(Together *all);
pg_noreturn static void id_is_there_twice(Together *all, const pg_uuid_t *id);
static void lock_resources(Together *all);
static void fill_in(Together *all, Wish *wish);
static void choose_slot(const Together *all, Wish *wish);
static int64 wanted_of_slot(const Together *all, int64 slot_id);
static void lock_holders(const Together *all);
static void lock_together(const Together *all);
static bool needs_to_be_alone(const Wish *const *wishes, int n);
static const Wish **in_order(const Together *all, int (*compare) (const void *, const void *), int *n);
static int	by_resource(const void *a, const void *b);
static int	by_holder(const void *a, const void *b);
static int	in_writing_order(const void *a, const void *b);
static void refuse_seats_wanted_twice(Together *all);
static int	compare_uuids(const void *a, const void *b);
static bool apply_policy(Together *all);
static void write_wishes(Together *all, bool lost);
static void insert_several(Datum *values, const char *nulls, RequestedRows *rows, MemoryContext context);
static Datum *values_of(Together *all, const Wish *const *wishes, int n, char **nulls);
static Datum *arrays_of(const Datum *values, const char *nulls, int n);
static void take_returned(RequestedRows *rows);
static void take_bookings(Together *all, const RequestedRows *rows);
static bool same_refusal(const Refusal *a, const Refusal *b);
static void lock_and_store(Together *all, void *arg);

/* Add one more. */
void
booking_together_wish(Together *all, const Wish *wish)
{
	if (all->n == MOST_TOGETHER)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("too many bookings for one call"),
				 errdetail("At most %d can be made together.", MOST_TOGETHER),
				 errhint("What need not be booked all or none can be in several calls.")));
	if (all->n == all->size)
	{
		all->size = Max(16, 2 * all->size);
		all->wish = all->wish == NULL ? palloc_array(Wish, all->size) :
			repalloc_huge(all->wish, all->size * sizeof(Wish));
	}
	all->wish[all->n++] = *wish;
}

/*
 * Do something that may fail because of one of the entries.  The error then says which.
 */
void
booking_together_say_which(Together *all, TogetherWork work, void *arg)
{
	MemoryContext context = CurrentMemoryContext;

	all->current = 0;
	all->field = NULL;
	PG_TRY();
	{
		work(all, arg);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		if (all->current == 0 || all->noun == NULL)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (!booking_is_of_one_row(error))
			PG_RE_THROW();
		FlushErrorState();
		error->message = all->field ?
			psprintf("%s %d, \"%s\": %s", all->noun, all->current, all->field, error->message) :
			psprintf("%s %d: %s", all->noun, all->current, error->message);
		ReThrowError(error);
	}
	PG_END_TRY();
	all->current = 0;
}

/* ---- locks ---- */

/*
 * Take all locks, and find what the wishes name.  Afterwards nothing of it changes until
 * the transaction ends.
 */
void
booking_together_lock(Together *all)
{
	lock_ids(all);

	/* So that a change of the rules of all resources, which locks the table, waits for us. */
	LockRelationOid(booking_table("booking"), RowExclusiveLock);
	lock_resources(all);
	for (int i = 0; i < all->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		all->current = all->wish[i].entry;
		fill_in(all, &all->wish[i]);
	}
	all->current = 0;
}

static int
compare_uuids(const void *a, const void *b)
{
	return memcmp(a, b, UUID_LEN);
}

/*
 * The group's and those that the caller has given.  If there are very many, the first ones are
 * enough to make a repeated call wait.
 */
static void
lock_ids(Together *all)
{
	pg_uuid_t  *ids = palloc_array(pg_uuid_t, all->n + 1);
	int			n = 0;

	if (all->group_id)
		booking_lock_id(all->group_id);
	for (int i = 0; i < all->n; i++)
		if (all->wish[i].own_id)
			ids[n++] = all->wish[i].id;
	if (n > 1)
		qsort(ids, n, sizeof(pg_uuid_t), compare_uuids);
	for (int i = 1; i < n; i++)
		if (memcmp(&ids[i], &ids[i - 1], UUID_LEN) == 0)
			id_is_there_twice(all, &ids[i]);
	for (int i = 0; i < n && !booking_many_ids(); i++)
		booking_lock_id(&ids[i]);
	pfree(ids);
}

static void
id_is_there_twice(Together *all, const pg_uuid_t *id)
{
	for (int i = 0; i < all->n; i++)
		if (all->wish[i].own_id && memcmp(&all->wish[i].id, id, UUID_LEN) == 0)
			all->current = all->wish[i].entry;
	all->field = "id";
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("booking id %s is there twice", DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id)))),
			 errbooking(CONSTRAINT_ID, "%s", "")));
}

/* What they are called may change until we have the locks; fill_in() asks again. */
static void
lock_resources(Together *all)
{
	const Resource *unused;
	const Wish **wishes;
	int			n;

	for (int i = 0; i < all->n; i++)
	{
		Wish	   *wish = &all->wish[i];

		CHECK_FOR_INTERRUPTS();
		all->current = wish->entry;
		all->field = wish->has_slot ? "slot_id" : "resource";
		if (wish->has_slot)
			wish->resource_id = booking_peek_slot(wish->slot_id, &unused).resource_id;
		else if (wish->name)
			wish->resource_id = booking_resource_id_named(wish->name);
	}
	all->current = 0;
	all->field = NULL;
	wishes = in_order(all, by_resource, &n);
	for (int i = 0; i < n; i++)
		if (i == 0 || wishes[i]->resource_id != wishes[i - 1]->resource_id)
			booking_lock_resource(wishes[i]->resource_id);
	pfree(wishes);
}

static void
fill_in(Together *all, Wish *wish)
{
	all->field = wish->has_slot ? "slot_id" : "resource";
	if (wish->has_slot)
	{
		wish->period = booking_use_slot(wish->slot_id, &wish->resource).period;
		booking_must_see_slot(wish->resource->id, wish->slot_id);
	}
	else
		wish->resource = booking_use_visible(wish->name, wish->resource_id);
	wish->resource_id = wish->resource->id;
	all->field = "period";
	if (wish->range)
		booking_check_period(wish->range, &wish->period);
	if (!wish->has_slot && wish->resource->slots_only)
		choose_slot(all, wish);
	all->field = "seat";
	wish->seat_no = wish->seat ? booking_seat_wanted(wish->resource, wish->seat)->seat_no : 0;
	all->field = NULL;
}

/*
 * The resource is booked by its slots only: of those that have this period the first that
 * has places left, besides what is wanted of it already.
 */
static void
choose_slot(const Together *all, Wish *wish)
{
	const Resource *resource;
	int			n;
	int64	   *ids = booking_find_slots(wish->resource, wish->range, &n);
	int			chosen = 0;

	if (n == 0)
		booking_no_such_slot(wish->resource, wish->range);
	for (int i = 0; i < n && n > 1; i++)
	{
		Slot		slot = booking_use_slot(ids[i], &resource);

		if (!slot.closed &&
			booking_shards_left(&slot) - wanted_of_slot(all, slot.id) >= wish->quantity)
		{
			chosen = i;
			break;
		}
	}
	wish->has_slot = wish->chosen_slot = true;
	wish->slot_id = ids[chosen];
	pfree(ids);
}

static int64
wanted_of_slot(const Together *all, int64 slot_id)
{
	int64		sum = 0;

	for (int i = 0; i < all->n; i++)
		if (all->wish[i].has_slot && all->wish[i].slot_id == slot_id)
			sum += all->wish[i].quantity;
	return sum;
}

/* The holders that a limit applies to; the limits themselves are judged row by row. */
static void
lock_holders(const Together *all)
{
	int			n;
	const Wish **wishes = in_order(all, by_holder, &n);
	const Wish *last = NULL;

	for (int i = 0; i < n; i++)
	{
		if (wishes[i]->resource->nlimits == 0 ||
			(last && booking_compare_holders(last->holder, wishes[i]->holder) == 0))
			continue;
		last = wishes[i];
		booking_lock_holder(last->holder);
	}
	pfree(wishes);
}

static void
lock_together(const Together *all)
{
	int			n;
	const Wish **wishes = in_order(all, by_resource, &n);
	int			most = booking_most_together();
	int			resources = 0;

	for (int i = 0; i < n; i++)
		resources += i == 0 || wishes[i]->resource_id != wishes[i - 1]->resource_id;
	if (resources > most)
		booking_lock_all_together();

	/* A single booking needs no TOGETHER lock. */
	for (int i = 0; i < n && n > 1 && resources <= most;)
	{
		int			same = 1;

		while (i + same < n && wishes[i + same]->resource_id == wishes[i]->resource_id)
			same++;
		booking_lock_together(wishes[i]->resource_id, needs_to_be_alone(wishes + i, same));
		i += same;
	}
	pfree(wishes);
}

/* Could two calls that want several things of this resource, as these are, wait for each other? */
static bool
needs_to_be_alone(const Wish *const *wishes, int n)
{
	bool		one_slot = wishes[0]->has_slot && wishes[0]->seat_no == 0;

	for (int i = 1; i < n; i++)
		one_slot = one_slot && wishes[i]->has_slot && wishes[i]->seat_no == 0 &&
			wishes[i]->slot_id == wishes[0]->slot_id;
	return n > 1 && wishes[0]->resource->kind != RESOURCE_EXCLUSIVE && !one_slot;
}

/* Those that are to be booked, in the order that is given. */
static const Wish **
in_order(const Together *all, int (*compare) (const void *, const void *), int *n)
{
	const Wish **wishes = palloc_array(const Wish *, all->n + 1);

	*n = 0;
	for (int i = 0; i < all->n; i++)
		if (all->wish[i].booking == (Datum) 0 && !all->wish[i].refused)
			wishes[(*n)++] = &all->wish[i];
	if (*n > 1)
		qsort(wishes, *n, sizeof(const Wish *), compare);
	return wishes;
}

static int
by_resource(const void *a, const void *b)
{
	const Wish *x = *(const Wish *const *) a;
	const Wish *y = *(const Wish *const *) b;

	return x->resource_id != y->resource_id ? (x->resource_id < y->resource_id ? -1 : 1) :
		x < y ? -1 : x > y;
}

static int
by_holder(const void *a, const void *b)
{
	return booking_compare_holders((*(const Wish *const *) a)->holder,
								   (*(const Wish *const *) b)->holder);
}

/* See above.  Any seat comes after certain ones, which it must not take. */
static int
in_writing_order(const void *a, const void *b)
{
	const Wish *x = *(const Wish *const *) a;
	const Wish *y = *(const Wish *const *) b;

	if (x->resource_id != y->resource_id)
		return x->resource_id < y->resource_id ? -1 : 1;
	if (x->seat_no != y->seat_no)
		return x->seat_no == 0 ? 1 : y->seat_no == 0 ? -1 : x->seat_no < y->seat_no ? -1 : 1;
	if (x->period.from != y->period.from)
		return x->period.from < y->period.from ? -1 : 1;
	if (x->has_slot && y->has_slot && x->slot_id != y->slot_id)
		return x->slot_id < y->slot_id ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* It would be refused as taken, which would be the wrong reason. */
static void
refuse_seats_wanted_twice(Together *all)
{
	int			n;
	const Wish **wishes = in_order(all, in_writing_order, &n);

	for (int i = 1; i < n; i++)
	{
		const Wish *one = wishes[i - 1];
		const Wish *other = wishes[i];

		if (one->seat_no == 0 || one->resource_id != other->resource_id ||
			one->seat_no != other->seat_no || one->period.to <= other->period.from)
			continue;
		all->current = Max(one->entry, other->entry);
		all->field = "seat";
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("seat \"%s\" is wanted twice for that time", other->seat),
				 errdetail("Wanted %s and %s.", booking_period_text(booking_make_range(one->period)),
						   booking_period_text(booking_make_range(other->period)))));
	}
	pfree(wishes);
}

/* ---- writing ---- */

/* The last locks, for what is not there yet. */
void
booking_together_lock_rest(Together *all)
{
	if (all->n == 0)
		return;
	lock_holders(all);
	lock_together(all);
}

/*
 * Book all that is not there yet.  False when something was refused: nothing may stay of the
 * rest then, and the caller raises the error, or undoes it, unless each is wanted for itself.
 */
bool
booking_together_store(Together *all)
{
	bool		stored = true;

	for (int i = 0; i < all->n; i++)
		all->wish[i].refused = false;
	write_wishes(all, !apply_policy(all));
	for (int i = 0; i < all->n; i++)
		stored = stored && !all->wish[i].refused;
	return stored;
}

/* What our functions apply to a booking, and its trigger does not (policy.c). */
static bool
apply_policy(Together *all)
{
	bool		allowed = true;

	for (int i = 0; i < all->n; i++)
	{
		Wish	   *wish = &all->wish[i];

		if (wish->booking != (Datum) 0)
			continue;
		wish->refused = !booking_policy_allows(wish->resource, wish->period,
											   wish->has_slot ? POLICY_NOTICE : POLICY_ALL, &wish->refusal) ||
			(wish->hold_for && !booking_hold_allowed(wish->resource, booking_interval_length(wish->hold_for),
													 &wish->refusal));
		allowed = allowed && !wish->refused;
	}
	return allowed;
}

/* With "lost" only to see what else is in the way. */
static void
write_wishes(Together *all, bool lost)
{
	RequestedRows rows = {.lost = lost && !all->each,.each = all->each};
	MemoryContext context = CurrentMemoryContext;
	const Wish **wishes;
	Datum	   *values;
	char	   *nulls;

	/* In the order of the entries, which the ids keep in mind. */
	for (int i = 0; i < all->n; i++)
		if (!all->wish[i].own_id)
			booking_new_id(&all->wish[i].id);
	if (all->group_id)
		all->group = *all->group_id;
	else
		booking_new_id(&all->group);

	wishes = in_order(all, in_writing_order, &rows.n);
	if (rows.n == 0)
		return;
	rows.row = palloc_extended(rows.n * sizeof(RequestedRow), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int i = 0; i < rows.n; i++)
		rows.row[i] = (RequestedRow) {.id = wishes[i]->id,.number = (int) (wishes[i] - all->wish),
			.entry = wishes[i]->entry,.has_slot = wishes[i]->has_slot,.slot_id = wishes[i]->slot_id,
			.quantity = wishes[i]->quantity};
	values = values_of(all, wishes, rows.n, &nulls);

	rows.entry = &all->current;
	SPI_connect();
	insert_several(values, nulls, &rows, context);
	take_bookings(all, &rows);
	SPI_finish();
}

/* Their events are written together as well. */
static void
insert_several(Datum *values, const char *nulls, RequestedRows *rows, MemoryContext context)
{
	Gathering	events;
	volatile bool stored = false;

	booking_journal_gather(&events);
	PG_TRY();
	{
		if (!booking_insert_several(values, nulls, rows, context))
		{
			booking_write_several(STMT_INSERT_BOOKINGS, arrays_of(values, nulls, rows->n), rows, context);
			take_returned(rows);
		}
		/* Of what is refused, or lost, nothing stays. */
		stored = rows->each || (rows->nrefused == 0 && !rows->lost);
	}
	PG_FINALLY();
	{
		booking_journal_gathered(&events, stored);
	}
	PG_END_TRY();
}

/*
 * The values of the rows, as of STMT_INSERT_BOOKING, one row after the other.  With what the
 * trigger would fill in otherwise, and put the row together once more.
 */
static Datum *
values_of(Together *all, const Wish *const *wishes, int n, char **nulls)
{
	Datum	   *rows = palloc_extended(n * INSERT_NVALUES * sizeof(Datum), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	char	   *null = palloc_extended(n * INSERT_NVALUES, MCXT_ALLOC_HUGE);
	Datum		confirmed = CStringGetTextDatum("confirmed");
	Datum		held = CStringGetTextDatum("held");
	TimestampTz now = GetCurrentTimestamp();

	*nulls = null;
	memset(null, ' ', n * INSERT_NVALUES);
	for (int i = 0; i < n; i++, null += INSERT_NVALUES)
	{
		const Wish *wish = wishes[i];
		bool		sole = !wish->has_slot && wish->resource->kind == RESOURCE_EXCLUSIVE;
		Datum	   *values = rows + i * INSERT_NVALUES;

		all->current = wish->entry;

		values[INSERT_ID] = UUIDPGetDatum(&wish->id);
		values[INSERT_RESOURCE_ID] = Int64GetDatum(wish->resource->id);
		values[INSERT_SLOT_ID] = Int64GetDatum(wish->slot_id);
		null[INSERT_SLOT_ID] = wish->has_slot ? ' ' : 'n';
		values[INSERT_SEAT_NO] = Int32GetDatum(wish->seat_no);
		null[INSERT_SEAT_NO] = wish->seat_no == 0 && !sole ? 'n' : ' ';
		values[INSERT_PERIOD] = RangeTypePGetDatum(wish->range);
		null[INSERT_PERIOD] = wish->has_slot ? 'n' : ' ';
		null[INSERT_OCCUPIES] = wish->has_slot ? 'n' : ' ';
		if (!wish->has_slot)
			values[INSERT_OCCUPIES] = RangeTypePGetDatum(booking_with_buffers(wish->resource, wish->range));
		values[INSERT_QUANTITY] = Int32GetDatum(wish->quantity);
		values[INSERT_HOLDER] = PointerGetDatum(wish->holder);
		values[INSERT_STATUS] = wish->hold_for ? held : confirmed;
		null[INSERT_EXPIRES_AT] = wish->hold_for ? ' ' : 'n';
		if (wish->hold_for)
			values[INSERT_EXPIRES_AT] =
				TimestampTzGetDatum(booking_shift(now, booking_interval_length(wish->hold_for)));
		values[INSERT_GROUP_ID] = UUIDPGetDatum(&all->group);
		null[INSERT_WAITLIST_ID] = 'n';
		values[INSERT_DATA] = JsonbPGetDatum(wish->data);
	}
	all->current = 0;
	return rows;
}

/*
 * The same as the parameters of STMT_INSERT_BOOKINGS, without what is left to our trigger:
 * others come first.
 */
static Datum *
arrays_of(const Datum *values, const char *nulls, int n)
{
	static const struct
	{
		InsertValue value;
		Oid			type;
	}			of[INSERT_NARRAYS] = {
		[ARRAY_ID] = {INSERT_ID, UUIDOID},
		[ARRAY_RESOURCE_ID] = {INSERT_RESOURCE_ID, INT8OID},
		[ARRAY_SLOT_ID] = {INSERT_SLOT_ID, INT8OID},
		[ARRAY_SEAT_NO] = {INSERT_SEAT_NO, INT4OID},
		[ARRAY_PERIOD] = {INSERT_PERIOD, TSTZRANGEOID},
		[ARRAY_QUANTITY] = {INSERT_QUANTITY, INT4OID},
		[ARRAY_HOLDER] = {INSERT_HOLDER, TEXTOID},
		[ARRAY_STATUS] = {INSERT_STATUS, TEXTOID},
		[ARRAY_EXPIRES_AT] = {INSERT_EXPIRES_AT, TIMESTAMPTZOID},
		[ARRAY_DATA] = {INSERT_DATA, JSONBOID}
	};
	Datum	   *arrays = palloc_array(Datum, INSERT_NARRAYS + 1);
	Datum	   *elements = palloc_array(Datum, n);
	bool	   *isnull = palloc_array(bool, n);
	int			first = 1;

	for (int a = 0; a < INSERT_NARRAYS; a++)
	{
		int16		length;
		bool		by_value;
		char		align;

		for (int i = 0; i < n; i++)
		{
			elements[i] = values[i * INSERT_NVALUES + of[a].value];
			isnull[i] = nulls[i * INSERT_NVALUES + of[a].value] == 'n' ||
				(a == ARRAY_SEAT_NO && DatumGetInt32(elements[i]) == 0);
		}
		get_typlenbyvalalign(of[a].type, &length, &by_value, &align);
		arrays[a] = PointerGetDatum(construct_md_array(elements, isnull, 1, &n, &first, of[a].type,
													   length, by_value, align));
	}
	arrays[INSERT_NARRAYS] = values[INSERT_GROUP_ID];
	return arrays;
}

/* What the statement has returned. */
static void
take_returned(RequestedRows *rows)
{
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		RequestedRow *row = booking_requested_row(rows, booking_row_id_at(i));

		if (row)
			row->booking = booking_row_datum_at(i);
	}
}

/* The outcome of each. */
static void
take_bookings(Together *all, const RequestedRows *rows)
{
	for (int i = 0; i < rows->n; i++)
	{
		Wish	   *wish = &all->wish[rows->row[i].number];

		wish->booking = rows->row[i].booking;
		wish->refused = rows->row[i].refused;
		wish->refusal = rows->row[i].refusal;
		all->current = wish->entry;
		if (wish->booking == (Datum) 0 && !wish->refused && (rows->each || (rows->nrefused == 0 && !rows->lost)))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the booking was not stored"),
					 errdetail("A trigger on booking.booking has suppressed it.")));
	}
	all->current = 0;
}

/* ---- the answer ---- */

static void
lock_and_store(Together *all, void *arg)
{
	booking_together_lock(all);
	refuse_seats_wanted_twice(all);
	if (booking_together_replay(all))
		return;
	booking_together_lock_rest(all);
	*(bool *) arg = booking_together_store(all);
}

/* Book all of it, or raise an error that says everything that is in the way. */
void
booking_together_book(Together *all)
{
	bool		stored = true;

	booking_together_say_which(all, lock_and_store, &stored);
	if (!stored)
		booking_together_refuse(all);
}

/* What is in the way of each that is refused; the first is what the error is about. */
void
booking_together_refuse(const Together *all)
{
	const Wish *first = NULL;
	StringInfoData detail;
	int			told = 0;

	initStringInfo(&detail);
	for (int i = 0; i < all->n; i++)
	{
		const Wish *wish = &all->wish[i];

		if (!wish->refused)
			continue;
		if (first == NULL)
			first = wish;
		else if (all->noun == NULL && same_refusal(&first->refusal, &wish->refusal))
			continue;
		if (told > 0)
			appendStringInfoChar(&detail, '\n');
		if (all->noun)
			appendStringInfo(&detail, "%s %d: ", all->noun, wish->entry);
		appendStringInfoString(&detail, wish->refusal.constraint);
		if (told++ < MOST_TOLD)
		{
			appendStringInfo(&detail, ": %s.", wish->refusal.message);
			if (wish->refusal.detail)
				appendStringInfo(&detail, "  %s", wish->refusal.detail);
		}
		else if (wish->seat)
			appendStringInfo(&detail, ": seat \"%s\"", wish->seat);
	}
	if (all->noun == NULL && told == 1)
		booking_raise(&first->refusal);
	ereport(ERROR,
			(errcode(first->refusal.sqlstate),
			 all->noun ? errmsg("%s %d: %s", all->noun, first->entry, first->refusal.message) :
			 errmsg("%s", first->refusal.message),
			 errbooking(first->refusal.constraint, "%s", detail.data),
			 first->refusal.hint ? errhint("%s", first->refusal.hint) : 0));
}

static bool
same_refusal(const Refusal *a, const Refusal *b)
{
	return strcmp(a->message, b->message) == 0 && a->detail && b->detail &&
		strcmp(a->detail, b->detail) == 0;
}

void
booking_check_hold_for(const Interval *hold_for)
{
	if (hold_for && booking_interval_length(hold_for) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("hold_for must be longer than zero"),
				 errhint("Leave it out to confirm the booking at once.")));
}
