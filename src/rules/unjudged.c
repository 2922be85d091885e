/*-------------------------------------------------------------------------
 *
 * unjudged.c
 *		How is a row stored that no trigger judges?
 *
 * With session_replication_role = replica, and where logical replication applies what the
 * publisher has judged, no trigger completes or refuses a booking, and none writes down what
 * it takes.  Of an exclusive resource or a seat there is still the constraint booking_no_overlap,
 * which looks at its index when the row is in it.
 *
 * Rows that are judged may be stored without that check (store.c): the look in the gate has been
 * enough.  So such a row is put into the index inside the gate, as all others are.  That is all
 * that our trigger, which is ENABLE ALWAYS, does for it.  The gate is left when the executor has
 * finished with the row.
 *
 * The constraint waits for a transaction in progress that is in the way, and would do so in the
 * gate.  Therefore it is waited for outside first, as for every booking.  If a committed row is
 * in the way, the constraint raises the error.  A lapsed hold is in its way, too.
 *
 * What breaks another rule of the table (booking_sound), or has no space to keep, is let through.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/rel.h"

#include "base/gates.h"
#include "base/period.h"
#include "engine/claim.h"
#include "engine/row.h"
#include "rules/room_place.h"
#include "rules/unjudged.h"

static bool leave_it_to_the_constraint(RoomRequest *request);

void
booking_enter_unjudged(TriggerData *trigger)
{
	static const RoomHooks hooks = {.refuse = leave_it_to_the_constraint};
	bool		update = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
	GuardPlace	place = {
		.heap = trigger->tg_relation,
		.relid = RelationGetRelid(trigger->tg_relation),
		.self = update ? &trigger->tg_trigtuple->t_self : NULL
	};
	Claim		claim = {.judge = true,.capacity = 1,.places = &place,.nplaces = 1};
	RoomRequest request = {.hooks = &hooks,.claims = &claim,.nclaims = 1};
	BookingRow	row;

	booking_row_take_apart(update ? trigger->tg_newtuple : trigger->tg_trigtuple,
						   RelationGetDescr(trigger->tg_relation), &row);
	if (!row.active || row.null[BOOKING_RESOURCE_ID] || row.null[BOOKING_SEAT_NO] || row.null[BOOKING_OCCUPIES] ||
		!booking_period_is_sound(DatumGetRangeTypeP(row.value[BOOKING_OCCUPIES]), &row.period))
		return;
	place.index = booking_constraint_index(trigger->tg_relation);
	if (place.index == NULL)
		return;
	claim.gate = booking_room_gate(&row);
	claim.load.key[0] = row.value[BOOKING_RESOURCE_ID];
	claim.load.key[1] = row.value[BOOKING_SEAT_NO];
	claim.load.range = DatumGetRangeTypeP(row.value[BOOKING_OCCUPIES]);
	claim.load.quantity = 1;
	(void) booking_room_get(&request);
}

/*
 * The constraint finds what is in the way as soon as the row is stored, which happens in
 * the gate as for any other row.
 */
static bool
leave_it_to_the_constraint(RoomRequest *request)
{
	request->claims[0].judge = false;
	return booking_room_get(request);
}
