/*-------------------------------------------------------------------------
 *
 * book_any.c
 *		book_any(), try_book_any(): the first one that is free.
 *
 * Many callers at once want any of the same things.  If each took the first one in the list and
 * waited for it, they would all stand in line there.  So a caller goes through the list and
 * passes over what is taken, and what somebody is just writing or judging; what looks free it
 * tries to get at once (booking_insert_at_once()), in an attempt, so that what it could not
 * get leaves no lock.
 *
 * Only if nothing is left but what depends on others does it wait, for one transaction, with nothing
 * held but the ID and the locks of its caller, and then looks at all of it again.  Of
 * several it waits for the youngest: when that one has ended, most of the older ones have, too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"

#include "base/attempt.h"
#include "base/cache.h"
#include "base/compat.h"
#include "base/locks.h"
#include "base/plans.h"
#include "engine/row.h"
#include "engine/row_fault.h"
#include "engine/visible.h"
#include "rules/policy.h"
#include "rules/replay.h"
#include "rules/room.h"
#include "rules/together.h"
#include "sql/book.h"
#include "sql/looking.h"

PG_FUNCTION_INFO_V1(booking_book_any);
PG_FUNCTION_INFO_V1(booking_try_book_any);

/* One of those that would do. */
typedef struct Candidate
{
	int64		resource_id;
	bool		out;			/* whatever others do */
	Refusal		refusal;		/* without a constraint: an error of another kind */
	ErrorData  *error;			/* that one */
} Candidate;

typedef struct AnyOf
{
	Order		order;
	Candidate  *candidate;
	int			n;
	bool		waits;			/* one of them depends on another transaction, */
	GuardPending pending;		/* if known this one; of several the youngest */
	Candidate  *stuck;			/* on something that is not known */
} AnyOf;

static Datum book_any(FunctionCallInfo fcinfo, bool try);
static void read_any_order(FunctionCallInfo fcinfo, Order *order);
static void read_candidates(FunctionCallInfo fcinfo, AnyOf *any);
static bool replay_any(const AnyOf *any, Datum *booking);
static bool book_one_of(AnyOf *any, Datum *booking);
static bool consider(AnyOf *any, Candidate *candidate, bool wait, Datum *booking);
static bool looks_free(AnyOf *any, Candidate *candidate);
static bool attempt_candidate(AnyOf *any, Candidate *candidate, bool wait, Datum *booking);
static bool book_candidate(AnyOf *any, Candidate *candidate, bool wait, Datum *booking);
static bool book_candidate_slot(AnyOf *any, Candidate *candidate, const Resource *resource, bool wait,
								Datum *booking);
static bool insert_candidate(AnyOf *any, Candidate *candidate, const Resource *resource, bool wait,
							 Datum *booking);
static void depends_on(AnyOf *any, Candidate *candidate, const GuardPending *pending);
pg_noreturn static void none_is_free(const AnyOf *any);

Datum
booking_book_any(PG_FUNCTION_ARGS)
{
	return book_any(fcinfo, false);
}

Datum
booking_try_book_any(PG_FUNCTION_ARGS)
{
	return book_any(fcinfo, true);
}

/* book_any(resources, period, holder, quantity, hold_for, id, data, category). */
static Datum
book_any(FunctionCallInfo fcinfo, bool try)
{
	AnyOf		any = {0};
	Datum		booking;

	booking_must_write(fcinfo);
	read_any_order(fcinfo, &any.order);
	read_candidates(fcinfo, &any);
	if (any.order.id)
		booking_lock_id(any.order.id);
	LockRelationOid(booking_table("booking"), RowExclusiveLock);
	if ((any.order.id && replay_any(&any, &booking)) || book_one_of(&any, &booking))
	{
		if (any.order.id)
			booking_done_with_id(any.order.id);
		PG_RETURN_DATUM(booking);
	}
	if (!try)
		none_is_free(&any);
	return booking_no_row(fcinfo);
}

static void
read_any_order(FunctionCallInfo fcinfo, Order *order)
{
	if (PG_ARGISNULL(1))
		booking_null_argument("period");
	if (PG_ARGISNULL(2))
		booking_null_argument("holder");
	if (PG_ARGISNULL(6))
		booking_null_argument("data");
	order->range = PG_GETARG_RANGE_P(1);
	booking_check_period(order->range, &order->period);
	order->holder = PG_GETARG_TEXT_PP(2);
	booking_check_holder(order->holder);
	order->quantity = booking_quantity_argument(fcinfo, 3);
	order->hold_for = PG_ARGISNULL(4) ? NULL : PG_GETARG_INTERVAL_P(4);
	booking_check_hold_for(order->hold_for);
	order->id = PG_ARGISNULL(5) ? NULL : PG_GETARG_UUID_P(5);
	order->data = PG_GETARG_JSONB_P(6);
	booking_check_data(order->data);
}

/* In the order of the list, or of their ids. */
static void
read_candidates(FunctionCallInfo fcinfo, AnyOf *any)
{
	bool		listed = !PG_ARGISNULL(0);
	text	   *category = PG_ARGISNULL(7) ? NULL : PG_GETARG_TEXT_PP(7);
	int64	   *ids;
	int			n;

	if (!listed && category == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("resources and category must not both be null"),
				 errhint("Name the resources that would do, or their category.")));
	ids = listed ? booking_resources_named(PG_GETARG_ARRAYTYPE_P(0), &n) :
		booking_resources_of_category(category, &n);
	any->candidate = palloc_extended(Max(n, 1) * sizeof(Candidate), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int i = 0; i < n; i++)
	{
		const char *its = booking_peek_resource(ids[i])->category;

		/* Those in the list that are of the category, if both are given. */
		if (listed && category &&
			(its == NULL || strlen(its) != VARSIZE_ANY_EXHDR(category) ||
			 memcmp(its, VARDATA_ANY(category), VARSIZE_ANY_EXHDR(category)) != 0))
			continue;
		any->candidate[any->n++].resource_id = ids[i];
	}
	if (any->n == 0 && category == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("resources must not be empty")));
	if (any->n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("no such resource is of category \"%s\"", text_to_cstring(category))));
}

/* The id may have been used for any of them. */
static bool
replay_any(const AnyOf *any, Datum *booking)
{
	Datum		id = UUIDPGetDatum(any->order.id);
	int64		resource_id = 0;
	int			i = 0;
	bool		isnull;

	if (!booking_id_is_used(any->order.id))
		return false;
	SPI_connect();
	if (booking_run(STMT_GET_BOOKING, &id, NULL) > 0)
		resource_id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
												  booking_row_column(SPI_tuptable->tupdesc, BOOKING_RESOURCE_ID),
												  &isnull));
	SPI_finish();
	while (i < any->n - 1 && any->candidate[i].resource_id != resource_id)
		i++;
	return booking_replay_order(&any->order, booking_peek_resource(any->candidate[i].resource_id), booking);
}

/* False when all of them are taken, or refused for another reason. */
static bool
book_one_of(AnyOf *any, Datum *booking)
{
	for (;;)
	{
		any->waits = false;
		any->stuck = NULL;
		memset(&any->pending, 0, sizeof(any->pending));
		for (int i = 0; i < any->n; i++)
		{
			CHECK_FOR_INTERRUPTS();
			if (!any->candidate[i].out && consider(any, &any->candidate[i], false, booking))
				return true;
		}
		if (!any->waits)
			return false;
		if (TransactionIdIsValid(any->pending.xid))
			booking_guard_wait(&any->pending);
		else if (consider(any, any->stuck, true, booking))
			return true;
	}
}

static bool
consider(AnyOf *any, Candidate *candidate, bool wait, Datum *booking)
{
	candidate->refusal.constraint = NULL;
	return (wait || any->n == 1 || looks_free(any, candidate)) && attempt_candidate(any, candidate, wait, booking);
}

/* From outside, without any lock. */
static bool
looks_free(AnyOf *any, Candidate *candidate)
{
	const Resource *resource = booking_peek_resource(candidate->resource_id);
	GuardPending pending;

	if (resource->slots_only)
		return true;
	switch (booking_look_for_room(resource, any->order.range, NULL, any->order.quantity, &pending))
	{
		case GUARD_FULL:
			candidate->refusal.constraint = resource->kind == RESOURCE_POOLED ?
				CONSTRAINT_CAPACITY : CONSTRAINT_NO_OVERLAP;
			return false;
		case GUARD_WAIT:
			depends_on(any, candidate, &pending);
			return false;
		case GUARD_FITS:
			break;
	}
	return true;
}

/*
 * Try to get it, in an attempt: nothing stays of it if that fails.  A resource that does not come
 * into question, because it is retired or does not have so many, is passed over.
 */
static bool
attempt_candidate(AnyOf *any, Candidate *candidate, bool wait, Datum *booking)
{
	Attempt		attempt;
	volatile bool booked = false;

	booking_attempt_begin(&attempt);
	PG_TRY();
	{
		booked = book_candidate(any, candidate, wait, booking);
	}
	PG_CATCH();
	{
		candidate->error = booking_attempt_fail(&attempt);
		if (candidate->error->sqlerrcode != ERRCODE_UNDEFINED_OBJECT &&
			candidate->error->sqlerrcode != ERRCODE_INVALID_PARAMETER_VALUE)
			ReThrowError(candidate->error);
		candidate->out = true;
		return false;
	}
	PG_END_TRY();
	booking_attempt_end(&attempt, booked);
	return booked;
}

static bool
book_candidate(AnyOf *any, Candidate *candidate, bool wait, Datum *booking)
{
	Order	   *order = &any->order;
	const Resource *resource;

	if (!wait && !booking_try_lock_resource(candidate->resource_id))
	{
		depends_on(any, candidate, NULL);
		return false;
	}
	resource = booking_use_resource(candidate->resource_id);
	booking_must_see(resource->id);
	if (!booking_policy_allows(resource, order->period,
							   resource->slots_only ? POLICY_NOTICE : POLICY_ALL, &candidate->refusal) ||
		(order->hold_for &&
		 !booking_hold_allowed(resource, booking_interval_length(order->hold_for), &candidate->refusal)))
		return false;
	return resource->slots_only ? book_candidate_slot(any, candidate, resource, wait, booking) :
		insert_candidate(any, candidate, resource, wait, booking);
}

/* The first of its slots for that period that has places left. */
static bool
book_candidate_slot(AnyOf *any, Candidate *candidate, const Resource *resource, bool wait, Datum *booking)
{
	int			n;
	int64	   *ids = booking_find_slots(resource, any->order.range, &n);
	bool		booked = false;

	if (n == 0)
		booking_no_such_slot(resource, any->order.range);
	for (int i = 0; i < n && !booked; i++)
	{
		Slot		slot = booking_use_slot(ids[i], &resource);

		any->order.slot = &slot;
		booked = insert_candidate(any, candidate, resource, wait, booking);
	}
	any->order.slot = NULL;
	return booked;
}

static bool
insert_candidate(AnyOf *any, Candidate *candidate, const Resource *resource, bool wait, Datum *booking)
{
	InTheWay	busy = {0};

	if (booking_insert_order(&any->order, resource, &candidate->refusal, wait ? NULL : &busy, booking))
		return true;
	if (busy.busy)
	{
		candidate->refusal.constraint = NULL;
		depends_on(any, candidate, &busy.pending);
	}
	else if (candidate->refusal.message == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the booking was not stored"),
				 errdetail("A trigger on booking.booking has suppressed it.")));
	return false;
}

/* What becomes of it, another transaction decides. */
static void
depends_on(AnyOf *any, Candidate *candidate, const GuardPending *pending)
{
	any->waits = true;
	if (pending == NULL || !TransactionIdIsValid(pending->xid))
		any->stuck = candidate;
	else if (!TransactionIdIsValid(any->pending.xid) ||
			 TransactionIdFollows(pending->xid, any->pending.xid))
		any->pending = *pending;
}

/* What is common to all refusals, or that there is none left. */
static void
none_is_free(const AnyOf *any)
{
	static const char *const constraints[] = {
		CONSTRAINT_NO_OVERLAP, CONSTRAINT_CAPACITY, CONSTRAINT_CLOSED, CONSTRAINT_OPENING_HOURS,
		CONSTRAINT_DURATION, CONSTRAINT_NOTICE, CONSTRAINT_HOLDER_LIMIT
	};
	const char *common = NULL;
	int			kinds = 0;
	int			others = any->n;
	bool		of_room = false;
	StringInfoData detail;

	if (any->n == 1 && any->candidate[0].refusal.constraint)
		booking_raise(&any->candidate[0].refusal);
	initStringInfo(&detail);
	for (int c = 0; c < (int) lengthof(constraints); c++)
	{
		int			n = 0;

		for (int i = 0; i < any->n; i++)
			n += any->candidate[i].refusal.constraint != NULL &&
				strcmp(any->candidate[i].refusal.constraint, constraints[c]) == 0;
		if (n == 0)
			continue;
		others -= n;
		kinds++;
		common = constraints[c];
		of_room = of_room || c < 3;
		appendStringInfo(&detail, "%s%d by %s", kinds > 1 ? ", " : "", n, constraints[c]);
	}
	if (kinds == 0)
		ReThrowError(any->candidate[0].error);
	if (others > 0)
		appendStringInfo(&detail, ", %d for other reasons", others);
	if (kinds > 1)
		common = of_room ? CONSTRAINT_CAPACITY : common;
	ereport(ERROR,
			(errcode(of_room ? ERRCODE_EXCLUSION_VIOLATION : ERRCODE_CHECK_VIOLATION),
			 errmsg("none of %d resources is free in that period", any->n),
			 errbooking(common, "Wanted %s; refused are %s.", booking_period_text(any->order.range), detail.data),
			 errhint("find_slots() says when one of them is free.")));
}
