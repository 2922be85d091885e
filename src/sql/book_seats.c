/*-------------------------------------------------------------------------
 *
 * book_seats.c
 *		book_seats(), book_slot_seats(): several seats of one resource, all of them or none.
 *
 * Named seats are booked like the requests of book_all() (together.c).  If only their number
 * is given, we choose: among the seats that are surely free, in their order.  With
 * "together" those that are neighbours in that order: the shortest row of free seats that
 * is long enough, so that the long ones stay whole; if no row is, the longest
 * ones first.  It prefers neighbours, and does not insist on them.
 *
 * While we choose, we have the TOGETHER lock of the resource alone, so that only a caller that
 * wants one seat can take one first.  Then what was written is undone, and we choose again.  If
 * what is free is not enough, and another transaction is just writing or giving up seats that
 * would do, we wait for it, with nothing written.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/attempt.h"
#include "base/compat.h"
#include "base/errors.h"
#include "engine/guard.h"
#include "engine/row_fault.h"
#include "engine/slots.h"
#include "rules/room.h"
#include "rules/together.h"
#include "sql/many.h"

PG_FUNCTION_INFO_V1(booking_book_seats_named);
PG_FUNCTION_INFO_V1(booking_book_seats);
PG_FUNCTION_INFO_V1(booking_book_slot_seats);

/* So often another transaction may take a seat first, before we raise the error. */
#define MOST_CHOICES	20

/* Which seats could be had. */
typedef struct Choice
{
	const Resource *resource;
	bool	   *taken;			/* by position */
	bool	   *unsure;			/* of those: may be given up, or may not be booked after all */
	int			nfree;
	int			nunsure;
	GuardPending pending;
	int			nchosen;
	int		   *chosen;			/* positions */
} Choice;

static Datum book_seats(FunctionCallInfo fcinfo, int first, Wish *wish);
static int	read_number(FunctionCallInfo fcinfo, int first);
static void add_named_seats(Together *all, Wish *wish, ArrayType *seats);
static void choose_and_book(Together *all, bool together);
static void look_for_seats(const Together *all, Choice *choice);
static void choose_seats(Choice *choice, int count, bool together);
static int	compare_positions(const void *a, const void *b);
static void choose_row(Choice *choice, int count);
static void too_few_seats(const Together *all, const Choice *choice);
static bool store_choice(Together *all, const Choice *choice);
static bool store_all(void *all);
static bool somebody_was_faster(const Together *all);

Datum
booking_book_seats_named(PG_FUNCTION_ARGS)
{
	Wish		wish = {.entry = 1,.quantity = 1};

	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("resource");
	if (PG_ARGISNULL(1))
		booking_null_argument("period");
	wish.name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	wish.range = PG_GETARG_RANGE_P(1);
	return book_seats(fcinfo, 2, &wish);
}

Datum
booking_book_seats(PG_FUNCTION_ARGS)
{
	Wish		wish = {.entry = 1,.quantity = 1};

	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("resource");
	if (PG_ARGISNULL(1))
		booking_null_argument("period");
	wish.resource_id = PG_GETARG_INT64(0);
	wish.range = PG_GETARG_RANGE_P(1);
	return book_seats(fcinfo, 2, &wish);
}

Datum
booking_book_slot_seats(PG_FUNCTION_ARGS)
{
	Wish		wish = {.entry = 1,.quantity = 1,.has_slot = true};

	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("slot_id");
	wish.slot_id = PG_GETARG_INT64(0);
	return book_seats(fcinfo, 1, &wish);
}

/* The arguments that both have: holder, count, seats, together, hold_for, group_id, data. */
static Datum
book_seats(FunctionCallInfo fcinfo, int first, Wish *wish)
{
	static const char *const required[] = {"holder", NULL, NULL, "together", NULL, NULL, "data"};
	Together	all = {0};
	int			count;

	for (int i = 0; i < (int) lengthof(required); i++)
		if (required[i] && PG_ARGISNULL(first + i))
			booking_null_argument(required[i]);
	InitMaterializedSRF(fcinfo, 0);
	if (wish->range)
		booking_check_period(wish->range, &wish->period);
	wish->holder = PG_GETARG_TEXT_PP(first);
	wish->hold_for = PG_ARGISNULL(first + 4) ? NULL : PG_GETARG_INTERVAL_P(first + 4);
	wish->data = PG_GETARG_JSONB_P(first + 6);
	booking_check_holder(wish->holder);
	booking_check_data(wish->data);
	booking_check_hold_for(wish->hold_for);
	all.group_id = PG_ARGISNULL(first + 5) ? NULL : PG_GETARG_UUID_P(first + 5);

	count = read_number(fcinfo, first + 1);
	if (!PG_ARGISNULL(first + 2))
	{
		add_named_seats(&all, wish, PG_GETARG_ARRAYTYPE_P(first + 2));
		booking_together_book(&all);
	}
	else
	{
		for (int i = 0; i < count; i++)
			booking_together_wish(&all, wish);
		choose_and_book(&all, PG_GETARG_BOOL(first + 3));
	}
	booking_together_return(fcinfo, &all);
	return (Datum) 0;
}

/* How many seats, by their number or by their labels. */
static int
read_number(FunctionCallInfo fcinfo, int first)
{
	bool		has_count = !PG_ARGISNULL(first);
	int			count = has_count ? PG_GETARG_INT32(first) : 0;
	int			named = PG_ARGISNULL(first + 1) ? 0 :
		ArrayGetNItems(ARR_NDIM(PG_GETARG_ARRAYTYPE_P(first + 1)), ARR_DIMS(PG_GETARG_ARRAYTYPE_P(first + 1)));

	if (!has_count && PG_ARGISNULL(first + 1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("count and seats must not both be null"),
				 errhint("Say how many seats, or which.")));
	if (has_count && count <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("count must be 1 or more"),
				 errdetail("It is %d.", count)));
	if (!PG_ARGISNULL(first + 1) && named == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("seats must not be empty")));
	if (has_count && !PG_ARGISNULL(first + 1) && count != named)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("count is not the number of the seats"),
				 errdetail("It is %d, and seats has %d.", count, named),
				 errhint("Leave count out when you name the seats.")));
	return count;
}

static void
add_named_seats(Together *all, Wish *wish, ArrayType *seats)
{
	Datum	   *labels;
	bool	   *nulls;
	int			n;

	deconstruct_array(seats, TEXTOID, -1, false, TYPALIGN_INT, &labels, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a seat's label must not be null")));
		wish->entry = i + 1;
		wish->seat = TextDatumGetCString(labels[i]);
		booking_together_wish(all, wish);
	}
}

/* Any seats, so many. */
static void
choose_and_book(Together *all, bool together)
{
	Choice		choice = {0};

	booking_together_lock(all);
	choice.resource = all->wish[0].resource;
	if (choice.resource->kind != RESOURCE_SEATED)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("resource \"%s\" has no seats", choice.resource->name),
				 errhint("book_slot() books several units by their quantity.")));
	if (booking_together_replay(all))
		return;
	booking_together_lock_rest(all);
	choice.taken = palloc_array(bool, choice.resource->nseats + 1);
	choice.unsure = palloc_array(bool, choice.resource->nseats + 1);
	choice.chosen = palloc_array(int, choice.resource->nseats + 1);
	for (int tries = 1;; tries++)
	{
		CHECK_FOR_INTERRUPTS();
		look_for_seats(all, &choice);
		if (choice.nfree + choice.nunsure < all->n)
			too_few_seats(all, &choice);
		if (choice.nfree < all->n)
		{
			booking_guard_wait(&choice.pending);
			continue;
		}
		choose_seats(&choice, all->n, together);
		if (store_choice(all, &choice))
			break;
		if (tries == MOST_CHOICES || !somebody_was_faster(all))
			booking_together_refuse(all);
	}
}

static void
look_for_seats(const Together *all, Choice *choice)
{
	const Wish *wish = &all->wish[0];
	RangeType  *occupies = booking_with_buffers(choice->resource, booking_make_range(wish->period));

	if (wish->has_slot)
	{
		const Resource *unused;
		Slot		slot = booking_use_slot(wish->slot_id, &unused);

		if (slot.takes_resource)
			occupies = booking_make_range(slot.occupies);
	}
	booking_seats_in_use(choice->resource, occupies, choice->taken, choice->unsure, &choice->pending);
	choice->nfree = choice->nunsure = 0;
	for (int i = 0; i < choice->resource->nseats; i++)
	{
		choice->nfree += !choice->taken[i];
		choice->nunsure += choice->unsure[i];
	}
}

static void
too_few_seats(const Together *all, const Choice *choice)
{
	int			left = choice->nfree + choice->nunsure;
	Refusal		refusal = {.sqlstate = ERRCODE_EXCLUSION_VIOLATION,.constraint = CONSTRAINT_CAPACITY};

	refusal.message = left == 0 ?
		psprintf("every seat of resource \"%s\" is taken in that period", choice->resource->name) :
		psprintf("resource \"%s\" has too few seats left in that period", choice->resource->name);
	refusal.detail = psprintf("Wanted %d for %s; left are %d of %d.", all->n,
							  booking_period_text(booking_make_range(all->wish[0].period)),
							  left, choice->resource->nseats);
	refusal.hint = choice->resource->nseats == 0 ? "Insert its seats into booking.seat." :
		left == 0 ? "Try another period." : psprintf("Up to %d can be booked for that period.", left);
	booking_raise(&refusal);
}

/* Neighbours if that is wanted, and what is missing from the front. */
static void
choose_seats(Choice *choice, int count, bool together)
{
	choice->nchosen = 0;
	while (together && choice->nchosen < count)
		choose_row(choice, count - choice->nchosen);
	for (int i = 0; choice->nchosen < count; i++)
		if (!choice->taken[i])
			choice->chosen[choice->nchosen++] = i;
	qsort(choice->chosen, choice->nchosen, sizeof(int), compare_positions);
}

static int
compare_positions(const void *a, const void *b)
{
	return *(const int *) a - *(const int *) b;
}

/* Of the rows of free seats the shortest that is long enough, or else the longest. */
static void
choose_row(Choice *choice, int count)
{
	int			best = 0;
	int			length = 0;

	for (int i = 0; i < choice->resource->nseats;)
	{
		int			n = 0;

		while (i + n < choice->resource->nseats && !choice->taken[i + n])
			n++;
		if (n > 0 && (length == 0 || (length >= count ? n >= count && n < length : n > length)))
		{
			best = i;
			length = n;
		}
		i += n + 1;
	}
	for (int i = best; i < best + Min(length, count); i++)
	{
		choice->chosen[choice->nchosen++] = i;
		choice->taken[i] = true;
	}
}

/* False when something was refused, and then nothing is stored. */
static bool
store_choice(Together *all, const Choice *choice)
{
	for (int i = 0; i < all->n; i++)
	{
		const Seat *seat = &choice->resource->seats[choice->chosen[i]];

		all->wish[i].seat = seat->label;
		all->wish[i].seat_no = seat->seat_no;
		all->wish[i].booking = (Datum) 0;
	}
	return booking_attempted(store_all, all, NULL);
}

static bool
store_all(void *all)
{
	return booking_together_store(all);
}

/* Are seats that were free a moment ago all that is in the way? */
static bool
somebody_was_faster(const Together *all)
{
	for (int i = 0; i < all->n; i++)
		if (all->wish[i].refused && strcmp(all->wish[i].refusal.constraint, CONSTRAINT_NO_OVERLAP) != 0)
			return false;
	return true;
}
