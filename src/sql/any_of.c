/*-------------------------------------------------------------------------
 *
 * any_of.c
 *		Booking the first of several things that is free.
 *
 * Many callers at once want any of the same things: resources for a period (book_any.c), or
 * places in slots (book_any_place.c).  If each waited for the first one in the list, they would
 * all queue there.  So a caller goes through the list and passes over what is taken, and what
 * another transaction is just writing or judging.  What looks free it tries to book without
 * waiting, in an attempt, so that a failure leaves no lock.
 *
 * Only if all that is left depends on other transactions does it wait, for one of them, with
 * nothing held but the ID lock and the locks of its caller, and then looks at all of it again.
 * Of several transactions it waits for the youngest: when that one has ended, most of the older
 * ones have, too.  Which transaction has the last places of a slot is not known: then it waits
 * for the slot itself, and of several for the last one in the list, which was taken last.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "miscadmin.h"

#include "base/attempt.h"
#include "base/compat.h"
#include "base/locks.h"
#include "engine/visible.h"
#include "rules/look.h"
#include "rules/policy.h"
#include "rules/room_ahead.h"
#include "sql/any_of.h"

/* An attempt to book one of them. */
typedef struct CandidateTry
{
	AnyOf	   *any;
	Candidate  *candidate;
	bool		wait;
	Datum	   *booking;
} CandidateTry;

static bool consider(AnyOf *any, Candidate *candidate, bool wait, Datum *booking);
static bool looks_free(AnyOf *any, Candidate *candidate);
static bool has_places(AnyOf *any, Candidate *candidate);
static bool attempt_candidate(AnyOf *any, Candidate *candidate, bool wait, Datum *booking);
static bool try_candidate(void *arg);
static bool book_candidate(AnyOf *any, Candidate *candidate, bool wait, Datum *booking);
static bool book_candidate_slot(AnyOf *any, Candidate *candidate, const Resource *resource, bool wait,
								Datum *booking);
static bool insert_candidate(AnyOf *any, Candidate *candidate, const Resource *resource, bool wait,
							 Datum *booking);
static void depends_on(AnyOf *any, Candidate *candidate, const GuardPending *pending);

/* False when all of them are taken, or refused for another reason. */
bool
booking_book_one_of(AnyOf *any, Datum *booking)
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
	/* An attempt that failed may have left the slot that it tried. */
	any->order.slot = NULL;
	return (wait || any->n == 1 || looks_free(any, candidate)) && attempt_candidate(any, candidate, wait, booking);
}

/* Look from outside the gate, without any lock. */
static bool
looks_free(AnyOf *any, Candidate *candidate)
{
	const Resource *resource = booking_peek_resource(candidate->resource_id);
	GuardPending pending;

	if (candidate->slot)
		return has_places(any, candidate);
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

static bool
has_places(AnyOf *any, Candidate *candidate)
{
	if (booking_look_at_places(candidate->slot, GetCurrentTimestamp()) >= any->order.quantity)
		return true;
	candidate->refusal.constraint = CONSTRAINT_CAPACITY;
	return false;
}

/*
 * Try to get it, in an attempt: nothing stays of it if that fails.  A resource that cannot be
 * booked like this, because it is retired or too small, is passed over.
 */
static bool
attempt_candidate(AnyOf *any, Candidate *candidate, bool wait, Datum *booking)
{
	CandidateTry try = {any, candidate, wait, booking};
	bool		booked;
	ErrorData  *error = booking_attempt(try_candidate, &try, &booked);

	if (error == NULL)
		return booked;
	if (error->sqlerrcode != ERRCODE_UNDEFINED_OBJECT && error->sqlerrcode != ERRCODE_INVALID_PARAMETER_VALUE)
		ReThrowError(error);
	candidate->error = error;
	candidate->out = true;
	return false;
}

static bool
try_candidate(void *arg)
{
	const CandidateTry *try = arg;

	return book_candidate(try->any, try->candidate, try->wait, try->booking);
}

static bool
book_candidate(AnyOf *any, Candidate *candidate, bool wait, Datum *booking)
{
	Order	   *order = &any->order;
	const Resource *resource;
	bool		in_slot = candidate->slot != NULL;
	Slot		slot;

	if (!wait && !booking_try_lock_resource(candidate->resource_id))
	{
		depends_on(any, candidate, NULL);
		return false;
	}
	resource = booking_use_resource(candidate->resource_id);
	booking_must_see(resource->id);
	if (in_slot)
	{
		slot = booking_use_slot(candidate->slot->id, &resource);
		order->period = slot.period;
	}
	if (!booking_policy_allows(resource, order->period,
							   in_slot || resource->slots_only ? POLICY_NOTICE : POLICY_ALL, &candidate->refusal) ||
		(order->hold_for &&
		 !booking_hold_allowed(resource, booking_interval_length(order->hold_for), &candidate->refusal)))
		return false;
	if (in_slot)
	{
		order->slot = &slot;
		return insert_candidate(any, candidate, resource, wait, booking);
	}
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

/* The answer depends on another transaction. */
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
void
booking_none_is_free(const AnyOf *any)
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
			 errmsg(any->candidate[0].slot ? "none of %d slots has places left in that time" :
					"none of %d resources is free in that period", any->n),
			 errbooking(common, "Wanted %s; refused are %s.", booking_period_text(any->wanted), detail.data),
			 errhint("find_slots() says when one of them is free.")));
}
