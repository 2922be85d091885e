/*-------------------------------------------------------------------------
 *
 * open.c
 *		When is a resource open, by its closures and its opening hours?
 *
 * A caller that has the RESOURCE lock sees every closure that there is (closure.c); one that
 * only looks, those of a moment ago (resource.c).
 *
 * A resource remembers the closures that end last, so that a booking costs no look-up.
 * If there are more of them than that, bookings that begin before the last forgotten one
 * has ended look into the table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"

#include "base/compat.h"
#include "base/period.h"
#include "base/plans.h"
#include "engine/hours.h"
#include "engine/open.h"

/* How often to look for an opening between closures. */
#define MANY_CLOSURES	1000

static int	compare_closures(const void *a, const void *b);

/* The first closure that overlaps a period. */
bool
booking_find_closure(const Resource *resource, Period period, Closure *found)
{
	Datum		values[2];
	bool		is_closed;

	if (period.from >= resource->closures_from)
	{
		const Closure *first = NULL;

		for (int i = 0; i < resource->nclosures; i++)
		{
			const Closure *closure = &resource->closures[i];

			if (closure->period.from < period.to && closure->period.to > period.from &&
				(first == NULL || closure->period.from < first->period.from))
				first = closure;
		}
		if (first)
			*found = *first;
		return first != NULL;
	}

	values[0] = Int64GetDatum(resource->id);
	values[1] = RangeTypePGetDatum(booking_make_range(period));
	SPI_connect();
	is_closed = booking_run(STMT_FIND_CLOSURES, values, NULL) > 0;
	if (is_closed)
	{
		HeapTuple	row = SPI_tuptable->vals[0];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		char	   *reason = SPI_getvalue(row, desc, 2);
		bool		isnull;

		found->period = booking_period(DatumGetRangeTypeP(SPI_getbinval(row, desc, 1, &isnull)));
		found->reason = NULL;
		if (reason)
		{
			found->reason = SPI_palloc(strlen(reason) + 1);
			strcpy(found->reason, reason);
		}
	}
	SPI_finish();
	return is_closed;
}

/* The closures that overlap a period, in their order, "most" of them at most. */
Closure *
booking_closures_in(const Resource *resource, Period period, int most, int *n)
{
	MemoryContext context = CurrentMemoryContext;
	Closure    *found;
	Datum		values[3];

	*n = 0;
	if (resource->nclosures == 0)
		return NULL;
	if (period.from >= resource->closures_from)
	{
		found = palloc_array(Closure, resource->nclosures);
		for (int i = 0; i < resource->nclosures; i++)
			if (resource->closures[i].period.from < period.to &&
				resource->closures[i].period.to > period.from)
				found[(*n)++] = resource->closures[i];
		qsort(found, *n, sizeof(Closure), compare_closures);
		*n = Min(*n, most);
		return found;
	}

	values[0] = Int64GetDatum(resource->id);
	values[1] = RangeTypePGetDatum(booking_make_range(period));
	values[2] = Int64GetDatum(most);
	SPI_connect();
	*n = (int) booking_run(STMT_CLOSURES_IN, values, NULL);
	context = MemoryContextSwitchTo(context);
	found = palloc_extended(Max(*n, 1) * sizeof(Closure), MCXT_ALLOC_HUGE);
	for (int i = 0; i < *n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;

		found[i].period = booking_period(DatumGetRangeTypeP(SPI_getbinval(row, desc, 1, &isnull)));
		found[i].reason = SPI_getvalue(row, desc, 2);
	}
	MemoryContextSwitchTo(context);
	SPI_finish();
	return found;
}

static int
compare_closures(const void *a, const void *b)
{
	const Period *x = &((const Closure *) a)->period;
	const Period *y = &((const Closure *) b)->period;

	return x->from != y->from ? (x->from < y->from ? -1 : 1) :
		x->to != y->to ? (x->to < y->to ? -1 : 1) : 0;
}

/*
 * The first instant, from "at" on, at which the resource is open and stays so for a length
 * of time, by its closures and its opening hours; DT_NOEND when none is found.
 */
TimestampTz
booking_next_open(const Resource *resource, TimestampTz at, int64 length)
{
	bool		has_hours = resource->hours.nweekly > 0 || resource->hours.ndated > 0;

	/* For a length that cannot be counted (PG_INT64_MAX) none is found. */
	for (int i = 0; i < MANY_CLOSURES && at != DT_NOEND && length != PG_INT64_MAX; i++)
	{
		Closure		closure;

		if (has_hours)
			at = booking_next_opening(&resource->hours, resource->tz, at, length);
		if (at == DT_NOEND || at > END_TIMESTAMP - 1 - length)
			break;
		if (resource->nclosures == 0 || !booking_find_closure(resource, (Period) {at, at + length}, &closure))
			return at;
		at = closure.period.to;
	}
	return DT_NOEND;
}
