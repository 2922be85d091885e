/*-------------------------------------------------------------------------
 *
 * claim.c
 *		Getting room for a row: enter the gates, look, wait outside, judge again.
 *
 * This is the one way in which it is decided that a row may be stored, a booking as well as a
 * row of a guarded table.  A row may have to keep several rules; each is a claim: so many units,
 * of what has this key, during this range, out of so many in all.  A booking has one claim, a
 * row of a table with three guards has three.
 *
 *	1.	Enter the gates of all claims, if no other transaction is inside.
 *	2.	Look, at the rows that are in the index of each claim (guard.c).  If another transaction
 *		is inside, look all the same: when the answer is no, there is no reason to wait for the
 *		gates.
 *	3.	If it fits as far as can be seen from outside, wait for the gates, and look again.  "It
 *		fits" is said inside only, and the caller returns inside: the row is stored, and then the
 *		gates are left (gates.c).
 *	4.	If it depends on another transaction, leave the gates, wait for that transaction with
 *		nothing held, and begin again.
 *
 * A row that takes no more space than its old version did is not judged, but is written
 * inside the gate all the same, so that nothing that is counting misses both versions.
 *
 * What bookings have beyond that comes in by hooks: holds that have lapsed and are still in
 * the index, and waitlist entries that come first (room.c).  Both are dealt with outside the
 * gates, after which the row is judged again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/gates.h"
#include "engine/claim.h"

static bool enter_gates(const RoomRequest *request, bool wait);
static GuardAnswer judge_claims(RoomRequest *request, bool outside);

/*
 * Find that there is room by every claim, and return inside the gates.  When there is none,
 * return false or raise an error, as the hooks say, outside the gates.
 */
bool
booking_room_get(RoomRequest *request)
{
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		switch (booking_room_try(request))
		{
			case GUARD_FITS:
				return true;
			case GUARD_FULL:
				return request->hooks->refuse(request);
			case GUARD_WAIT:
				booking_guard_wait(&request->verdict.pending);
				break;
		}
	}
}

/* The same without waiting for another transaction.  When it fits, we are inside. */
GuardAnswer
booking_room_try(RoomRequest *request)
{
	const RoomHooks *hooks = request->hooks;

	if (booking_room_enter(request) == GUARD_FITS && hooks->must_clear && hooks->must_clear(request))
	{
		booking_gates_leave();
		hooks->clear(request);
	}
	if (request->verdict.answer == GUARD_WAIT && hooks->may_wait && !hooks->may_wait(request))
		booking_room_is_full(request);
	return request->verdict.answer;
}

/* Enter the gates and judge.  When it fits, we are inside; otherwise not. */
GuardAnswer
booking_room_enter(RoomRequest *request)
{
	bool		inside = enter_gates(request, false);
	GuardAnswer answer = judge_claims(request, !inside);

	if (answer == GUARD_FITS && !inside && request->at_once)
	{
		request->verdict = (GuardVerdict) {.answer = GUARD_WAIT};
		return GUARD_WAIT;
	}
	if (answer == GUARD_FITS && !inside)
	{
		inside = enter_gates(request, true);
		answer = judge_claims(request, false);
	}
	if (inside && answer != GUARD_FITS)
		booking_gates_leave();
	return answer;
}

/* For a request that cannot be met, whatever other transactions do. */
void
booking_room_is_full(RoomRequest *request)
{
	if (request->which == NULL)
		request->which = &request->claims[0];
	request->verdict.answer = GUARD_FULL;
	request->verdict.full = request->which->load.range;
}

static bool
enter_gates(const RoomRequest *request, bool wait)
{
	GateWanted *wanted;
	int			n = 0;
	bool		entered;

	if (request->nclaims == 1)
		return booking_gates_enter(&request->claims[0].gate, 1, wait);

	/* In ascending order, each once. */
	wanted = palloc(request->nclaims * sizeof(GateWanted));
	for (int i = 0; i < request->nclaims; i++)
	{
		const GateWanted *gate = &request->claims[i].gate;
		int			at = n;

		while (at > 0 && wanted[at - 1].key > gate->key)
			at--;
		if (at > 0 && wanted[at - 1].key == gate->key)
		{
			wanted[at - 1].parts = booking_gate_both(wanted[at - 1].parts, gate->parts);
			continue;
		}
		memmove(&wanted[at + 1], &wanted[at], (n - at) * sizeof(GateWanted));
		wanted[at] = *gate;
		n++;
	}
	entered = booking_gates_enter(wanted, n, wait);
	pfree(wanted);
	return entered;
}

/* The worst of all answers, and the claim that has it. */
static GuardAnswer
judge_claims(RoomRequest *request, bool outside)
{
	if (request->hooks->look)
		request->hooks->look(request);
	request->verdict = (GuardVerdict) {.answer = GUARD_FITS,.nothing = true};
	request->which = NULL;
	for (int i = 0; i < request->nclaims && request->verdict.answer != GUARD_FULL; i++)
	{
		Claim	   *claim = &request->claims[i];
		GuardVerdict verdict;

		if (!claim->judge)
		{
			request->verdict.nothing = false;
			continue;
		}
		claim->load.outside = outside;
		verdict = booking_guard_judge(claim->places, claim->nplaces, &claim->load,
									  claim->capacity, claim->quantity_of);
		if (verdict.answer != GUARD_FITS)
		{
			request->verdict = verdict;
			request->which = claim;
		}
		request->verdict.nothing &= verdict.nothing;
	}
	return request->verdict.answer;
}
