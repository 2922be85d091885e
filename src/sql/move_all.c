/*-------------------------------------------------------------------------
 *
 * move_all.c
 *		swap(), move_all(): bookings take one another's places, all of them or none.
 *
 * Each move is the UPDATE of move.c, judged by the row's trigger.  A move that is refused may
 * be possible once another has been made: so they are tried in turn for as long as one
 * of them succeeds.  What is left then goes round in a circle, or is really taken.  One of these
 * bookings is parked: it takes no space, is still held or confirmed, and no other transaction
 * sees it so.  Then the others are tried again, and it as well.  If all that are left are parked
 * and no move is possible, it is refused, with what is in the way of each, and everything is
 * undone.  A booking that was parked has two events in the journal instead of one.
 *
 * What the moves free is offered to the line when all are done (booking_line_defer()).
 *
 * Locks: ID, the rows, RESOURCE (old and new), HOLDER, and then TOGETHER of all these resources alone, all
 * of them before the first row is written and each kind in the order of its keys.  So no other
 * call that writes several things is in the way meanwhile, and single bookings hold nothing
 * (together.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"

#include "base/cache.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/plans.h"
#include "engine/request.h"
#include "engine/row.h"
#include "engine/row_fault.h"
#include "rules/together.h"
#include "rules/waitlist.h"
#include "sql/entries.h"
#include "sql/many.h"
#include "sql/move.h"

PG_FUNCTION_INFO_V1(booking_swap);
PG_FUNCTION_INFO_V1(booking_move_all);

/* So many bookings are moved by one call. */
#define MOST_MOVES		1000

typedef enum MoveKey
{
	MOVE_ID,
	MOVE_RESOURCE,
	MOVE_SLOT_ID,
	MOVE_PERIOD,
	MOVE_SEAT,
	MOVE_QUANTITY,
	MOVE_VERSION,
	MOVE_NKEYS
} MoveKey;

static const char *const move_keys[MOVE_NKEYS] = {
	"id", "resource", "slot_id", "period", "seat", "quantity", "expected_version"
};

/* A booking on its way. */
typedef struct Mover
{
	Move		move;
	Life		life;			/* as it was before */
	int64		from;			/* resources */
	int64		to;
	bool		parked;
	bool		done;
	Refusal		refusal;
	Datum		booking;		/* as it is afterwards */
} Mover;

typedef struct Movers
{
	Together   *all;			/* says which is in hand */
	Mover	   *mover;
	int			n;
	bool		swap;
	bool		locked;			/* the caller has the rows of all, and the ID locks of as many as it takes */
	int64	   *resource_ids;	/* of the old places and the new, in their order */
	int			nresources;
	bool		has[MOVE_NKEYS];
} Movers;

static void begin_move(void *arg);
static void read_move(void *arg, int key, const JsonbValue *value);
static void end_move(void *arg);
static void move_and_return(FunctionCallInfo fcinfo, Movers *movers);
static void move_them(Movers *movers);
static void lock_and_move(Together *all, void *arg);
static void lock_movers(Movers *movers);
static void peek_at_places(Movers *movers);
static void exchange_places(Movers *movers);
static void take_place_of(Move *move, const Mover *other);
static void lock_places(Movers *movers);
static void lock_movers_holders(Movers *movers);
static void lock_movers_together(const Movers *movers);
static int	by_id(const void *a, const void *b);
static int	by_number(const void *a, const void *b);
static int	by_holder_moved(const void *a, const void *b);
static bool make_moves(Movers *movers);
static bool try_move(Movers *movers, Mover *mover);
static bool park_one(Movers *movers);
static void say_what_is_in_the_way(const Movers *movers);

/* swap(a, b). */
Datum
booking_swap(PG_FUNCTION_ARGS)
{
	Together	all = {0};
	Movers		movers = {.all = &all,.n = 2,.swap = true};

	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("a");
	if (PG_ARGISNULL(1))
		booking_null_argument("b");
	movers.mover = palloc0_array(Mover, 2);
	for (int i = 0; i < 2; i++)
	{
		movers.mover[i].move.entry = i + 1;
		movers.mover[i].move.id = *PG_GETARG_UUID_P(i);
	}
	move_and_return(fcinfo, &movers);
	return (Datum) 0;
}

/* move_all(moves). */
Datum
booking_move_all(PG_FUNCTION_ARGS)
{
	Together	all = {.noun = "move"};
	Movers		movers = {.all = &all};
	EntryReader reader = {
		.name = "moves",
		.example = "[{\"id\": \"01890000-0000-7000-8000-000000000001\", \"resource\": \"Red room\"}]",
		.keys = move_keys,.nkeys = MOVE_NKEYS,.most = MOST_MOVES,
		.begin = begin_move,.value = read_move,.end = end_move,.arg = &movers
	};

	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("moves");
	movers.mover = palloc0_array(Mover, MOST_MOVES);
	booking_read_entries(&all, PG_GETARG_JSONB_P(0), &reader);
	move_and_return(fcinfo, &movers);
	return (Datum) 0;
}

static void
begin_move(void *arg)
{
	Movers	   *movers = arg;

	memset(movers->has, 0, sizeof(movers->has));
	movers->mover[movers->n].move.entry = movers->all->current;
}

static void
read_move(void *arg, int key, const JsonbValue *value)
{
	Movers	   *movers = arg;
	Move	   *move = &movers->mover[movers->n].move;

	movers->has[key] = true;
	switch ((MoveKey) key)
	{
		case MOVE_ID:
			move->id = booking_json_uuid(value);
			break;
		case MOVE_RESOURCE:
			if (value->type == jbvNumeric)
			{
				move->has_resource = true;
				move->resource_id = booking_json_integer(value, PG_INT64_MAX);
			}
			else if (value->type == jbvString)
				move->name = booking_json_string(value);
			else
				booking_malformed("must be the name or the id of a resource");
			break;
		case MOVE_SLOT_ID:
			move->has_slot = true;
			move->slot_id = booking_json_id(value);
			break;
		case MOVE_PERIOD:
			move->range = booking_json_period(value);
			break;
		case MOVE_SEAT:
			move->seat = booking_json_string(value);
			break;
		case MOVE_QUANTITY:
			move->quantity = (int32) booking_json_integer(value, PG_INT32_MAX);
			booking_check_quantity(move->quantity);
			break;
		case MOVE_VERSION:
			move->has_version = true;
			move->version = (int32) booking_json_integer(value, PG_INT32_MAX);
			break;
		case MOVE_NKEYS:
			break;
	}
}

static void
end_move(void *arg)
{
	Movers	   *movers = arg;
	const bool *has = movers->has;

	if (!has[MOVE_ID])
	{
		movers->all->field = move_keys[MOVE_ID];
		booking_malformed("is missing");
	}
	if (has[MOVE_SLOT_ID] && (has[MOVE_RESOURCE] || has[MOVE_PERIOD]))
	{
		movers->all->field = move_keys[MOVE_SLOT_ID];
		booking_malformed("must not be given together with \"resource\" or \"period\"");
	}
	movers->n++;
}

/* ---- all of it ---- */

static void
move_and_return(FunctionCallInfo fcinfo, Movers *movers)
{
	InitMaterializedSRF(fcinfo, 0);
	move_them(movers);
	for (int i = 0; i < movers->n; i++)
		booking_return_row(fcinfo, movers->mover[i].booking);
}

/*
 * Make these moves, all of them or none; *bookings becomes what they have made of each.  They
 * are tried in this order.
 */
void
booking_move_together(Together *all, const Move *moves, int n, Datum *bookings)
{
	Movers		movers = {.all = all,.n = n,.locked = true};

	if (n > MOST_MOVES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("too many moves for one call"),
				 errdetail("There are %d; at most %d can be made together.", n, MOST_MOVES)));
	movers.mover = palloc0_array(Mover, n);
	for (int i = 0; i < n; i++)
		movers.mover[i].move = moves[i];
	move_them(&movers);
	for (int i = 0; i < n; i++)
		bookings[i] = movers.mover[i].booking;
}

static void
move_them(Movers *movers)
{
	SPI_connect();
	booking_line_defer(true);
	PG_TRY();
	{
		booking_together_say_which(movers->all, lock_and_move, movers);
	}
	PG_FINALLY();
	{
		booking_line_defer(false);
	}
	PG_END_TRY();
	booking_line_serve_deferred();
	SPI_finish();
}

static void
lock_and_move(Together *all, void *arg)
{
	Movers	   *movers = arg;

	lock_movers(movers);
	if (!make_moves(movers))
		say_what_is_in_the_way(movers);
}

/* ---- locks ---- */

static void
lock_movers(Movers *movers)
{
	Mover	  **sorted = palloc_array(Mover *, movers->n);
	const pg_uuid_t **ids = palloc_array(const pg_uuid_t *, movers->n);

	for (int i = 0; i < movers->n; i++)
		sorted[i] = &movers->mover[i];
	qsort(sorted, movers->n, sizeof(Mover *), by_id);
	for (int i = 0; i < movers->n; i++)
	{
		if (i > 0 && memcmp(&sorted[i]->move.id, &sorted[i - 1]->move.id, UUID_LEN) == 0)
		{
			movers->all->current = Max(sorted[i]->move.entry, sorted[i - 1]->move.entry);
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("booking %s is there twice",
							DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&sorted[i]->move.id))))));
		}
		ids[i] = &sorted[i]->move.id;
		if (!movers->locked)
			booking_lock_id(ids[i]);
	}
	if (!movers->locked)
		booking_life_lock_rows(ids, movers->n);

	peek_at_places(movers);
	if (movers->swap)
		exchange_places(movers);
	lock_places(movers);
	lock_movers_holders(movers);
	lock_movers_together(movers);
}

/* Where they are and where they want to go, for the order of the locks. */
static void
peek_at_places(Movers *movers)
{
	for (int i = 0; i < movers->n; i++)
	{
		Mover	   *mover = &movers->mover[i];
		const Move *move = &mover->move;
		const Resource *resource;
		Datum		id = UUIDPGetDatum(&move->id);

		CHECK_FOR_INTERRUPTS();
		movers->all->current = move->entry;
		movers->all->field = move_keys[MOVE_ID];
		if (booking_run(STMT_GET_BOOKING, &id, NULL) == 0)
			booking_no_such_booking(id);
		booking_row_read(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, &mover->life.row);
		mover->from = mover->to = DatumGetInt64(mover->life.row.value[BOOKING_RESOURCE_ID]);
		movers->all->field = move->has_slot ? "slot_id" : move->name ? "resource" : NULL;
		if (move->has_slot)
		{
			(void) booking_peek_slot(move->slot_id, &resource);
			mover->to = resource->id;
		}
		else if (move->name)
			mover->to = booking_resource_id_named(move->name);
		else if (move->has_resource)
			mover->to = move->resource_id;
	}
	movers->all->current = 0;
	movers->all->field = NULL;
}

static void
exchange_places(Movers *movers)
{
	take_place_of(&movers->mover[0].move, &movers->mover[1]);
	take_place_of(&movers->mover[1].move, &movers->mover[0]);
	movers->mover[0].to = movers->mover[1].from;
	movers->mover[1].to = movers->mover[0].from;
}

/* If it is moved by a plain UPDATE before we have all locks, its version tells. */
static void
take_place_of(Move *move, const Mover *other)
{
	const BookingRow *row = &other->life.row;
	const Resource *resource = booking_peek_resource(other->from);
	const Seat *seat = NULL;

	if (!row->null[BOOKING_SEAT_NO])
		seat = booking_seat_numbered(resource, DatumGetInt32(row->value[BOOKING_SEAT_NO]));
	move->seat = seat ? seat->label : NULL;
	move->has_slot = !row->null[BOOKING_SLOT_ID];
	if (move->has_slot)
		move->slot_id = DatumGetInt64(row->value[BOOKING_SLOT_ID]);
	else
	{
		move->plain = true;
		move->has_resource = true;
		move->resource_id = other->from;
		move->range = DatumGetRangeTypeP(row->value[BOOKING_PERIOD]);
	}
}

static void
lock_places(Movers *movers)
{
	int64	   *ids = palloc_array(int64, 2 * movers->n);
	int			n = 0;
	int			unlike = 0;

	for (int i = 0; i < movers->n; i++)
	{
		ids[n++] = movers->mover[i].from;
		ids[n++] = movers->mover[i].to;
	}
	qsort(ids, n, sizeof(int64), by_number);
	for (int i = 0; i < n; i++)
		if (i == 0 || ids[i] != ids[i - 1])
			ids[unlike++] = ids[i];
	for (int i = 0; i < unlike; i++)
		booking_lock_resource(ids[i]);
	for (int i = 0; i < movers->n; i++)
	{
		Mover	   *mover = &movers->mover[i];
		int32		seen = DatumGetInt32(mover->life.row.value[BOOKING_VERSION]);

		movers->all->current = mover->move.entry;
		booking_life_begin(&mover->life, UUIDPGetDatum(&mover->move.id));
		if (movers->swap)
		{
			mover->move.has_version = true;
			mover->move.version = seen;
		}
		booking_may_move(&mover->life, &mover->move);
	}
	movers->all->current = 0;
	movers->resource_ids = ids;
	movers->nresources = unlike;
}

/* Alone on all resources involved. */
static void
lock_movers_together(const Movers *movers)
{
	if (movers->nresources > booking_most_together())
		booking_lock_all_together();
	else
		for (int i = 0; i < movers->nresources; i++)
			booking_lock_together(movers->resource_ids[i], true);
}

/* Those that a limit of the new place concerns. */
static void
lock_movers_holders(Movers *movers)
{
	text	  **holders = palloc_array(text *, movers->n);
	int			n = 0;

	for (int i = 0; i < movers->n; i++)
		if (booking_use_resource(movers->mover[i].to)->nlimits > 0)
			holders[n++] = DatumGetTextPP(movers->mover[i].life.row.value[BOOKING_HOLDER]);
	if (n > 1)
		qsort(holders, n, sizeof(text *), by_holder_moved);
	for (int i = 0; i < n; i++)
		if (i == 0 || booking_compare_holders(holders[i], holders[i - 1]) != 0)
			booking_lock_holder(holders[i]);
	pfree(holders);
}

static int
by_id(const void *a, const void *b)
{
	return memcmp(&(*(Mover *const *) a)->move.id, &(*(Mover *const *) b)->move.id, UUID_LEN);
}

static int
by_number(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

static int
by_holder_moved(const void *a, const void *b)
{
	return booking_compare_holders(*(text *const *) a, *(text *const *) b);
}

/* ---- moving ---- */

/* False when one of them cannot be made. */
static bool
make_moves(Movers *movers)
{
	int			left = movers->n;

	while (left > 0)
	{
		int			before = left;

		for (int i = 0; i < movers->n; i++)
			if (!movers->mover[i].done && try_move(movers, &movers->mover[i]))
				left--;
		if (left == before && !park_one(movers))
			return false;
	}
	return true;
}

static bool
try_move(Movers *movers, Mover *mover)
{
	Datum		values[MOVE_NVALUES];
	char		nulls[MOVE_NVALUES + 1];

	CHECK_FOR_INTERRUPTS();
	movers->all->current = mover->move.entry;
	do
	{
		mover->refusal.message = NULL;
		if (!booking_move_values(&mover->life, &mover->move, values, nulls))
		{
			Datum		id = UUIDPGetDatum(&mover->move.id);

			booking_run(STMT_GET_BOOKING, &id, NULL);
			mover->booking = booking_row_datum();
			mover->done = true;
		}
		else
			mover->done = booking_life_try(&mover->life, &(BookingWrite)
										   {
											   .statement = STMT_MOVE_BOOKING,.values = values,.nulls = nulls,
											   .refusal = &mover->refusal,.booking = &mover->booking
										   });
	} while (!mover->done && mover->refusal.message == NULL);
	movers->all->current = 0;
	return mover->done;
}

/* False when all that are left are parked already. */
static bool
park_one(Movers *movers)
{
	Datum		values[MOVE_NVALUES];
	char		nulls[MOVE_NVALUES + 1];
	Refusal		refusal;
	Datum		unused;

	for (int i = 0; i < movers->n; i++)
	{
		Mover	   *mover = &movers->mover[i];

		if (mover->done || mover->parked)
			continue;
		movers->all->current = mover->move.entry;
		booking_park_values(&mover->life, i, values, nulls);
		mover->parked = booking_life_try(&mover->life, &(BookingWrite)
										 {
											 .statement = STMT_MOVE_BOOKING,.values = values,.nulls = nulls,
											 .refusal = &refusal,.booking = &unused,.parks = true
										 });
		movers->all->current = 0;
		return mover->parked;
	}
	return false;
}

/* Raised as the refusals of bookings that are made together. */
static void
say_what_is_in_the_way(const Movers *movers)
{
	for (int i = 0; i < movers->n; i++)
	{
		const Mover *mover = &movers->mover[i];
		Wish		wish = {.entry = mover->move.entry,.refused = true,.refusal = mover->refusal};

		if (!mover->done && mover->refusal.message)
			booking_together_wish(movers->all, &wish);
	}
	movers->all->current = 0;
	booking_together_refuse(movers->all);
}
