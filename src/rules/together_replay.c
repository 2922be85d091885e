/*-------------------------------------------------------------------------
 *
 * together_replay.c
 *		Has this call, which books several things, been carried out before?
 *
 * By the id of the group that its bookings share, or by the ids of the bookings.  What is there has
 * to be what the call wants, booking by booking (replay.c); an id that has been used for
 * something else is an error.  Then the call is answered with what is there, and nothing is
 * written.
 *
 * The caller holds the ID locks of the group and of the bookings, and the RESOURCE locks
 * (booking_together_lock()): the same call in another session has been carried out, or has not
 * begun.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/plans.h"
#include "base/uuid.h"
#include "engine/row.h"
#include "rules/replay.h"
#include "rules/together.h"

static void replay_group(Together *all);
static void replay_row(Together *all, int i, uint64 at);
static void replay_part(Together *all);
static uint64 find_in_group(uint64 n, const pg_uuid_t *id);
pg_noreturn static void used_for_something_else(const Together *all, const char *how);
static bool replay_ids(Together *all);
static Content content_of(const Wish *wish);

/*
 * Is everything there already, by the id of the group or by those of the bookings?  An id that has
 * been used for something else is an error.
 */
bool
booking_together_replay(Together *all)
{
	Datum		group;
	uint64		n;

	if (all->group_id == NULL)
		return replay_ids(all);
	group = UUIDPGetDatum(all->group_id);
	SPI_connect();
	n = booking_run(STMT_BOOKINGS_OF_GROUP, &group, NULL);
	if (n > 0 && all->each)
		replay_part(all);
	else if (n > 0)
		replay_group(all);
	SPI_finish();
	return n > 0 || replay_ids(all);
}

/*
 * The group is there, in the order of the ids.  Those that are ours ascend with the entries
 * (uuid.c); a caller's may be anywhere.
 */
static void
replay_group(Together *all)
{
	uint64		n = SPI_processed;
	bool	   *claimed = palloc0_array(bool, n);
	uint64		next = 0;

	if (n != (uint64) all->n)
		used_for_something_else(all, psprintf("The group has %llu bookings; now %d are wanted.",
											  (unsigned long long) n, all->n));
	for (int i = 0; i < all->n; i++)
		if (all->wish[i].own_id)
		{
			uint64		at = find_in_group(n, &all->wish[i].id);

			if (at == n || claimed[at])
				used_for_something_else(all, psprintf("Its booking %d has another id.", i + 1));
			claimed[at] = true;
			replay_row(all, i, at);
		}
	for (int i = 0; i < all->n; i++)
		if (!all->wish[i].own_id)
		{
			while (claimed[next])
				next++;
			replay_row(all, i, next++);
		}
}

static void
replay_row(Together *all, int i, uint64 at)
{
	Content		content = content_of(&all->wish[i]);
	char	   *differs = booking_content_differs(&content, SPI_tuptable->vals[at], SPI_tuptable->tupdesc);

	CHECK_FOR_INTERRUPTS();
	if (differs)
		used_for_something_else(all, psprintf("Its booking %d has another %s.", i + 1, differs));
	all->wish[i].booking = booking_row_datum_at(at);
	all->wish[i].id = *booking_row_id_at(at);
}

/*
 * The same where what was refused was left out: each booking is one of the wishes, in their
 * order.
 */
static void
replay_part(Together *all)
{
	uint64		n = SPI_processed;
	int			i = 0;

	for (uint64 at = 0; at < n; at++, i++)
	{
		for (; i < all->n; i++)
		{
			Content		content = content_of(&all->wish[i]);

			CHECK_FOR_INTERRUPTS();
			if (booking_content_differs(&content, SPI_tuptable->vals[at], SPI_tuptable->tupdesc) == NULL)
				break;
		}
		if (i == all->n)
			used_for_something_else(all, psprintf("Its booking %d is none of those that are wanted now.", (int) at + 1));
		replay_row(all, i, at);
	}
}

/* The row with this id among the result's, which are in their order; n: none. */
static uint64
find_in_group(uint64 n, const pg_uuid_t *id)
{
	uint64		low = 0;
	uint64		high = n;

	while (low < high)
	{
		uint64		middle = (low + high) / 2;
		int			order = memcmp(booking_row_id_at(middle), id, UUID_LEN);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return n;
}

static void
used_for_something_else(const Together *all, const char *how)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("group id %s has been used for something else",
					DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(all->group_id)))),
			 errbooking(CONSTRAINT_ID, "%s", how),
			 errhint("Repeat a call with the same arguments, or use a new id.")));
}

/* Single bookings that are there already stay as they are.  True when there are no others. */
static bool
replay_ids(Together *all)
{
	int			left = 0;

	for (int i = 0; i < all->n; i++)
	{
		Wish	   *wish = &all->wish[i];
		Datum		id = UUIDPGetDatum(&wish->id);
		Content		content;

		all->current = wish->entry;
		if (wish->own_id && booking_id_is_used(&wish->id))
		{
			SPI_connect();
			if (booking_run(STMT_GET_BOOKING, &id, NULL) > 0)
			{
				content = content_of(wish);
				booking_check_replay(&content, SPI_tuptable->vals[0], SPI_tuptable->tupdesc, &wish->id);
				wish->booking = booking_row_datum();
			}
			SPI_finish();
		}
		left += wish->booking == (Datum) 0;
	}
	all->current = 0;
	return left == 0;
}

static Content
content_of(const Wish *wish)
{
	return (Content) {
		.resource = wish->resource,
		.has_slot = wish->has_slot && !wish->chosen_slot,
		.slot_id = wish->slot_id,
		.range = wish->range,
		.holder = wish->holder,
		.quantity = wish->quantity,
		.seat = wish->seat,
		.data = wish->data
	};
}
