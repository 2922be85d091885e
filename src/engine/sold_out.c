/*-------------------------------------------------------------------------
 *
 * sold_out.c
 *		Is a slot sold out, and how do backends learn that it no longer is?
 *
 * Once nothing is left, most calls are refused, and a refusal should cost little.  A backend
 * that has seen that nothing is left remembers it until a transaction gives a place back to an
 * empty shard or the first hold of the slot lapses.  The former is reported by an invalidation
 * of a relation that no booker ever opens, the sequence of the slots' ids, which costs bookers
 * nothing but the message.  It arrives in time for the reasons given in resource.c: it is sent
 * before the commit that gives back is over, and read by the next that locks the resource.  Only
 * empty shards matter: where one is not empty, a transaction has given back before and sent the
 * message, or no backend has ever seen the slot sold out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "utils/inval.h"

#include "base/cache.h"
#include "engine/shards.h"
#include "engine/slots.h"
#include "engine/sold_out.h"

/* By its change we hear that places have been given back; nothing else is remembered here. */
static Cache signals = {.name = "booking signals", .tables = DEPENDS_ON(SLOT_ID_SEQ)};

static int64 look(const Slot *slot, int32 quantity);

/* A backend that has seen a slot sold out has to look again, once we have committed. */
void
booking_sold_out_no_more(void)
{
	Oid			relid = booking_table_if_there("slot_id_seq");

	if (OidIsValid(relid))
		CacheInvalidateRelcacheByRelid(relid);
}

/*
 * Is it certain that so many places cannot be had?  The caller has just got the slot from
 * booking_use_slot().  A caller that passes "locked" waits for the transactions that have the
 * single counter of the slot, and has its lock if the answer is no
 * (booking_shards_await_turn()); others need none.
 */
bool
booking_places_sold_out(const Slot *slot, int32 quantity, bool *locked)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz lapse = DT_NOEND;
	uint64		before;
	int64		left;
	Slot	   *remembered;

	if (quantity > slot->capacity ||
		(slot->sold_out > 0 && !booking_cache_changed(&signals, slot->sold_out) &&
		 now < slot->sold_out_until))
		return true;

	/* From here on we are told of it. */
	before = booking_cache_now();
	booking_cache_listen(&signals);

	left = locked ? booking_shards_await_turn(slot, quantity, locked) : look(slot, quantity);
	if (left >= quantity)
		return false;
	(void) booking_shards_lapsed(slot, DT_NOEND, 1, NULL, &lapse);

	/* What our own transaction has taken comes back without a message, if it rolls back. */
	if (left == 0 && !TransactionIdIsValid(GetTopTransactionIdIfAny()) &&
		OidIsValid(booking_table_if_there("slot_id_seq")) && (remembered = booking_remembered_slot(slot->id)))
	{
		remembered->sold_out = before;
		remembered->sold_out_until = lapse;
	}
	return now < lapse;
}

/* How many are left, an exact number if it is less than these. */
static int64
look(const Slot *slot, int32 quantity)
{
	FreePlaces	free;

	booking_shards_look(slot, &free);
	if (free.total < quantity)
		booking_shards_must_be_counted(slot, &free);
	return free.total;
}
