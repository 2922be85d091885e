/*-------------------------------------------------------------------------
 *
 * rule_rows.c
 *		How does a change of a rule get the other rows that it writes?
 *
 * A resource that is deleted takes its closures, slots and entries in the line with it; one that
 * is booked by its slots only has the slots changed that had their time for themselves, and their
 * bookings (rules.c, publish.c).  All of that happens under the RESOURCE lock in exclusive mode.
 *
 * A plain UPDATE or DELETE of one of these rows has the row first, which PostgreSQL locks before
 * it runs a trigger, and then waits for the RESOURCE lock; above READ COMMITTED, so does a
 * function that takes a step in a booking's life (life.c).  To wait for that row with the RESOURCE
 * lock would be a deadlock.  So both are taken in an attempt: the RESOURCE lock, and then the rows
 * without waiting.  If another transaction has one of them, the attempt is undone, and we wait
 * for that transaction with nothing held but the row that the caller changes: also none of the
 * other rows, for a third one would find them taken, and try again and again.
 *
 * That row is why there is one exception: two slots that move into each other's time at once, on
 * a resource that is booked by its slots only, each by an UPDATE of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "executor/spi.h"
#include "miscadmin.h"

#include "base/attempt.h"
#include "base/locks.h"
#include "engine/resource.h"
#include "rules/rule_rows.h"

static bool lock_at_once(void *arg);
static bool one_is_in_the_way(RuleRows *rows);

/* As booking_lock_rules_of_both(), and no other transaction has one of these rows. */
void
booking_lock_rules_and_rows(RuleRows *rows)
{
	/* With the lock already, there is nothing to give back. */
	if (booking_holds_rules(rows->resource_id))
	{
		booking_lock_rules_of_both(rows->resource_id, rows->other_id);
		return;
	}
	while (!booking_attempted(lock_at_once, rows, booking_is_late_update))
	{
		CHECK_FOR_INTERRUPTS();
		if (OidIsValid(rows->table))
		{
			Relation	table = table_open(rows->table, AccessShareLock);

			booking_wait_for_tuple(table, &rows->tid);
			table_close(table, AccessShareLock);
		}
	}
}

/* False when another transaction has one of the rows, or has changed it: nothing is locked then. */
static bool
lock_at_once(void *arg)
{
	RuleRows   *rows = arg;

	rows->table = InvalidOid;
	booking_lock_rules_of_both(rows->resource_id, rows->other_id);
	return (rows->find && !rows->find(rows, rows->arg)) || !one_is_in_the_way(rows);
}

static bool
one_is_in_the_way(RuleRows *rows)
{
	bool		found;
	bool		isnull;

	SPI_connect();
	found = booking_run(rows->lock, rows->values, NULL) > 0;
	if (found)
	{
		rows->table = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		rows->tid = *(ItemPointer) DatumGetPointer(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	}
	SPI_finish();
	return found;
}

/* For a caller whose rows are entries in the line of the resource. */
bool
booking_line_has_entries(RuleRows *rows, void *unused)
{
	const Resource *resource = booking_recall_resource(rows->resource_id);

	return resource && resource->has_waiters;
}
