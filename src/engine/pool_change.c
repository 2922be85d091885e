/*-------------------------------------------------------------------------
 *
 * pool_change.c
 *		What does the row in hand change of the use of large pools, and when is that written?
 *
 * A row's BEFORE trigger knows what the row was and what it is going to be, but not whether it is
 * going to be stored (ON CONFLICT).  It is once it is in its indexes, and the WHEN clause of
 * the AFTER trigger is evaluated, in the gate still (gates.c).  So the BEFORE trigger makes a
 * note, in the memory that the executor has for one row and clears before it turns to another;
 * the WHEN clause writes down what is noted.  The note of a row that is not stored is dropped
 * with that memory, or when the next row is judged: an INSERT that turns out to be an UPDATE (ON
 * CONFLICT) is judged twice.
 *
 * A statement that runs inside another has notes of its own, by its command id, as it has gates.
 *
 * A deletion enters no gate, for it takes nothing, and is written down by the AFTER trigger: a
 * BEFORE trigger would lock each row first, a record more in the log for every row that is
 * archived.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"

#include "base/gates.h"
#include "base/period.h"
#include "base/test_point.h"
#include "engine/pool_change.h"
#include "engine/pool_fold.h"
#include "engine/pool_use.h"

/* In the executor's memory of one row. */
typedef struct PoolNote
{
	MemoryContextCallback callback;
	struct PoolNote *outer;
	CommandId	command;
	bool		had;
	bool		has;
	PoolUse		was;
	PoolUse		becomes;
} PoolNote;

static PoolNote *notes = NULL;
static int64 stored_in = 0;		/* a pool whose gate is about to be left */

static bool takes_of_large_pool(const Resource *resource, const BookingRow *row, PoolUse *use);
static void drop_note(void *arg);

/*
 * In a BEFORE trigger, with the memory context that it was called in: a row is going to be
 * stored, changed or deleted.  NULL stands for a row, or an old version, that is not there.
 */
void
booking_pool_judged(const Resource *resource, const BookingRow *row, const BookingRow *old)
{
	PoolUse		was;
	PoolUse		becomes;
	bool		had = false;
	bool		has = row && takes_of_large_pool(resource, row, &becomes);
	PoolNote   *note;

	while (notes && notes->command == booking_this_command())
		drop_note(notes);
	if (old && old->active && old->null[BOOKING_SEAT_NO] && old->null[BOOKING_SLOT_ID])
	{
		int64		resource_id = DatumGetInt64(old->value[BOOKING_RESOURCE_ID]);

		had = takes_of_large_pool(resource && resource->id == resource_id ? resource :
								  booking_find_resource(resource_id), old, &was);
	}
	if (!had && !has)
		return;

	note = palloc0(sizeof(PoolNote));
	note->callback.func = drop_note;
	note->callback.arg = note;
	note->command = booking_this_command();
	note->had = had;
	if (had)
		note->was = was;
	note->has = has;
	if (has)
		note->becomes = becomes;
	note->outer = notes;
	notes = note;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &note->callback);
}

static bool
takes_of_large_pool(const Resource *resource, const BookingRow *row, PoolUse *use)
{
	if (!row->active || !row->null[BOOKING_SEAT_NO] || !row->null[BOOKING_SLOT_ID] ||
		resource == NULL || !booking_is_large_pool(resource))
		return false;
	*use = (PoolUse) {
		.resource_id = resource->id,
		.occupies = booking_period(DatumGetRangeTypeP(row->value[BOOKING_OCCUPIES])),
		.quantity = DatumGetInt32(row->value[BOOKING_QUANTITY]),
		.held = !row->null[BOOKING_EXPIRES_AT],
		.booking_id = *DatumGetUUIDP(row->value[BOOKING_ID])
	};
	if (use->held)
		use->expires_at = DatumGetTimestampTz(row->value[BOOKING_EXPIRES_AT]);
	return true;
}

/* The note may be gone from the list already. */
static void
drop_note(void *arg)
{
	for (PoolNote **note = &notes; *note; note = &(*note)->outer)
		if (*note == arg)
		{
			*note = (*note)->outer;
			return;
		}
}

/* In the AFTER trigger of a deletion. */
void
booking_pool_deleted(HeapTuple row, TupleDesc desc)
{
	BookingRow	old;
	PoolUse		was;
	int64		resource_id;

	if (!heap_attisnull(row, booking_row_column(desc, BOOKING_SEAT_NO), desc) ||
		!heap_attisnull(row, booking_row_column(desc, BOOKING_SLOT_ID), desc))
		return;
	booking_row_read(row, desc, &old);
	resource_id = DatumGetInt64(old.value[BOOKING_RESOURCE_ID]);
	if (old.active && takes_of_large_pool(booking_find_resource(resource_id), &old, &was))
		booking_pool_changes(&was, NULL);
}

/* In the WHEN clause of the AFTER trigger: the row in hand is in its indexes. */
void
booking_pool_stored(void)
{
	PoolNote   *note = notes;

	if (note == NULL || note->command != booking_this_command())
		return;
	drop_note(note);
	BOOKING_TEST_POINT("pool-stored");
	booking_pool_changes(note->had ? &note->was : NULL, note->has ? &note->becomes : NULL);
	if (note->has)
		stored_in = note->becomes.resource_id;
}

/* And now its gate has been left. */
void
booking_pool_settled(void)
{
	int64		resource_id = stored_in;

	if (resource_id == 0)
		return;
	stored_in = 0;
	booking_pool_fold(resource_id);
}
