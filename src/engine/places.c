/*-------------------------------------------------------------------------
 *
 * places.c
 *		What does a statement take of the places of slots, and what do its rows use of it?
 *
 * The places themselves are rows of booking.slot_places (shards.c).  Each statement has an
 * account for each slot that it has to do with, in the memory of the transaction
 * (transaction.c), so that a rollback to a savepoint undoes both alike.
 *
 * Why the taking is done by the row's BEFORE trigger and the balance by its AFTER triggers:
 * a refusal must come before the row is stored, but a row that has been judged need not
 * be stored after all (ON CONFLICT DO NOTHING).  The BEFORE trigger takes places in
 * advance, the AFTER ROW trigger notes what the stored row really takes or gives back,
 * and the AFTER STATEMENT trigger settles the difference.  In the usual case there is
 * none.  For a statement of many rows, the BEFORE trigger takes more in advance
 * with each row, so that 100,000 bookings that are loaded at once write a counter some
 * hundred times and not 100,000 times.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/errors.h"
#include "base/gates.h"
#include "base/lock_kinds.h"
#include "base/period.h"
#include "base/transaction.h"
#include "engine/places.h"
#include "engine/request.h"
#include "engine/resource.h"
#include "engine/row.h"
#include "engine/row_fault.h"
#include "engine/shards.h"
#include "engine/slots.h"
#include "engine/sold_out.h"

/* At most so many places are taken in advance for further rows of a statement. */
#define MOST_IN_ADVANCE		1024

static Account *find_account(int64 slot_id);
static int64 take_or_say_busy(const PlacesWanted *wanted, int64 need, int64 want);
static int	compare_accounts(const void *a, const void *b);

/* The account of the statement whose trigger is running. */
static Account *
find_account(int64 slot_id)
{
	bool		found;

	return booking_note(&booking_transaction.accounts, slot_id, booking_this_command(), &found);
}

/* Places that the statement has taken already, for rows that have not been judged yet. */
int64
booking_places_in_hand(const Slot *slot)
{
	const Account *account = find_account(slot->id);

	return account->taken - account->judged;
}

/*
 * In a BEFORE trigger: take places for a row.  False when there are not enough, or, without
 * "wait", when it would have to wait for another transaction.
 */
bool
booking_places_take(const PlacesWanted *wanted, bool wait)
{
	const Slot *slot = wanted->slot;
	const BookingRow *row = wanted->row;
	Account    *account = find_account(slot->id);
	int64		need = account->judged + wanted->quantity - account->taken;
	int64		judged = account->judged + wanted->quantity;

	/* What the whole statement asks for is taken in one step: in several, two might deadlock. */
	if (account->taken == 0 && booking_asked_for(row))
	{
		int64		asked = booking_asked_of_slot(slot->id);

		need = Max(need, asked);
	}
	if (need > 0)
	{
		int64		want = need;
		int64		taken;

		/* Not the first row: there may be as many more to come. */
		if (account->judged > 0)
			want = Max(need, Min(account->judged, MOST_IN_ADVANCE));
		taken = !wait ? booking_shards_take_at_once(slot, wanted->from, need, want) :
			booking_row_at_once(row) ? take_or_say_busy(wanted, need, want) :
			booking_shards_take(slot, wanted->from, need, want, row->null[BOOKING_ID] ? NULL :
								DatumGetUUIDP(row->value[BOOKING_ID]));
		if (taken == 0)
			return false;
		account = find_account(slot->id);
		account->taken += taken;
	}
	account->judged = judged;
	return true;
}

/*
 * For a row that is written at once or not at all: take places without waiting.  If that gets
 * none, but there are enough according to what has been committed, another transaction has them.
 */
static int64
take_or_say_busy(const PlacesWanted *wanted, int64 need, int64 want)
{
	const BookingRow *row = wanted->row;
	bool		outer = booking_hasty();
	volatile int64 taken = 0;

	booking_set_hasty(true);
	PG_TRY();
	{
		taken = booking_shards_take(wanted->slot, wanted->from, need, want, row->null[BOOKING_ID] ? NULL :
									DatumGetUUIDP(row->value[BOOKING_ID]));
	}
	PG_FINALLY();
	{
		booking_set_hasty(outer);
	}
	PG_END_TRY();
	if (taken == 0 && booking_shards_left(wanted->slot) >= need)
		(void) booking_row_may_wait(row, NULL);
	return taken;
}

/*
 * In an AFTER ROW trigger: note what the row takes, and what it took before.
 */
void
booking_places_stored(TriggerData *trigger)
{
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	AttrNumber	slot_column = booking_row_column(desc, BOOKING_SLOT_ID);
	TriggerEvent event = trigger->tg_event;
	HeapTuple	versions[2];	/* before and after */
	TimestampTz expires_at[2] = {DT_NOEND, DT_NOEND};

	versions[0] = TRIGGER_FIRED_BY_INSERT(event) ? NULL : trigger->tg_trigtuple;
	versions[1] = TRIGGER_FIRED_BY_INSERT(event) ? trigger->tg_trigtuple :
		TRIGGER_FIRED_BY_UPDATE(event) ? trigger->tg_newtuple : NULL;

	for (int i = 0; i < 2; i++)
	{
		bool		no_slot,
					isnull;
		Datum		slot_id;
		Datum		status;
		int32		quantity;

		if (versions[i] == NULL)
			continue;
		slot_id = heap_getattr(versions[i], slot_column, desc, &no_slot);
		if (no_slot)
			continue;
		status = heap_getattr(versions[i], booking_row_column(desc, BOOKING_STATUS), desc, &isnull);
		if (isnull || !booking_status_is_active(DatumGetTextPP(status)))
			continue;
		quantity = DatumGetInt32(heap_getattr(versions[i], booking_row_column(desc, BOOKING_QUANTITY),
											  desc, &isnull));
		if (TRIGGER_FIRED_BY_UPDATE(event))
		{
			Datum		value = heap_getattr(versions[i], booking_row_column(desc, BOOKING_EXPIRES_AT),
											 desc, &isnull);

			expires_at[i] = isnull ? DT_NOEND : DatumGetTimestampTz(value);
		}
		find_account(DatumGetInt64(slot_id))->stored += i == 0 ? -quantity : quantity;
	}

	/* A hold that lapses earlier than it was going to. */
	if (expires_at[1] < expires_at[0])
		booking_sold_out_no_more();
}

/*
 * At the end of a statement: make the shards agree with the rows that it has stored.  An
 * account of a statement inside it, whose AFTER triggers were left to this one, is its
 * business as well.
 */
void
booking_places_settle(void)
{
	Notes	   *accounts = &booking_transaction.accounts;
	int			first = booking_notes_since(accounts, booking_this_command());
	int			n = accounts->n - first;
	Account    *mine;

	if (n == 0)
		return;

	mine = palloc_extended(n * sizeof(Account), MCXT_ALLOC_HUGE);
	memcpy(mine, booking_noted(accounts, first), n * sizeof(Account));
	booking_notes_keep(accounts, first);
	qsort(mine, n, sizeof(Account), compare_accounts);

	for (int i = 0; i < n;)
	{
		int64		slot_id = mine[i].note.key;
		int64		left = 0;
		const Resource *resource;
		Slot		slot;

		while (i < n && mine[i].note.key == slot_id)
		{
			left += mine[i].taken - mine[i].stored;
			i++;
		}
		if (left == 0)
			continue;

		slot = booking_use_slot(slot_id, &resource);
		if (left > 0)
		{
			if (booking_shards_give(&slot, left))
				booking_sold_out_no_more();
		}
		else if (booking_shards_take(&slot, NULL, -left, -left, NULL) == 0)
		{
			Refusal		refusal;

			booking_places_refusal(resource, &slot, -left, &refusal);
			booking_raise(&refusal);
		}
	}
	pfree(mine);
}

static int
compare_accounts(const void *a, const void *b)
{
	const Account *x = a;
	const Account *y = b;

	return x->note.key < y->note.key ? -1 : x->note.key > y->note.key;
}

void
booking_places_refusal(const Resource *resource, const Slot *slot, int64 quantity, Refusal *refusal)
{
	const Account *account = find_account(slot->id);

	/* What the statement has taken in advance is only for its own rows. */
	int64		left = booking_shards_left(slot) + booking_places_in_hand(slot);

	if (account->taken == 0)
		quantity = Max(quantity, booking_asked_of_slot(slot->id));

	refusal->sqlstate = ERRCODE_EXCLUSION_VIOLATION;
	refusal->constraint = CONSTRAINT_CAPACITY;
	refusal->message = left == 0 ?
		psprintf("slot %lld of resource \"%s\" is sold out", (long long) slot->id, resource->name) :
		psprintf("slot %lld of resource \"%s\" has not enough places left", (long long) slot->id,
				 resource->name);
	refusal->detail = psprintf("Wanted " INT64_FORMAT " for %s; " INT64_FORMAT " of %d are left.",
							   quantity, booking_period_text(booking_make_range(slot->period)),
							   left, slot->capacity);
	refusal->hint = left == 0 ? NULL : psprintf("Up to " INT64_FORMAT " can be booked.", left);
}
