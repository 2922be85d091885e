/*-------------------------------------------------------------------------
 *
 * alternative.c
 *		When, near a time that cannot be booked, could the same be booked?
 *
 * The nearest period of the same length, before or after, that keeps all rules which a booking of
 * the same holder has to keep: the same that find_slots() would offer, or a slot of a resource that
 * is booked by its slots.  It is a suggestion, and is not kept free.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/compat.h"
#include "rules/policy.h"
#include "sql/alternative.h"

/* The best one so far. */
typedef struct Nearest
{
	const Resource *resource;
	const Asker *asker;
	Period		wanted;
	bool		found;
	Period		near;
} Nearest;

static bool is_nearer(const Nearest *nearest, TimestampTz from);
static void consider_alternative(Nearest *nearest, Period period, int64 slot_id);
static void look_between_bookings(Nearest *nearest, Period window);
static void look_at_slots_near(Nearest *nearest, Period window);

bool
booking_nearest_alternative(const Resource *resource, Period wanted, const Asker *asker, Period *near)
{
	Nearest		nearest = {.resource = resource,.asker = asker,.wanted = wanted};
	int64		horizon = ALTERNATIVE_DAYS * USECS_PER_DAY;
	Period		window = booking_widen_within(wanted, horizon, horizon);

	if (resource->slots_only)
		look_at_slots_near(&nearest, window);
	else
		look_between_bookings(&nearest, window);
	*near = nearest.near;
	return nearest.found;
}

static bool
is_nearer(const Nearest *nearest, TimestampTz from)
{
	return !nearest->found ||
		llabs(from - nearest->wanted.from) < llabs(nearest->near.from - nearest->wanted.from);
}

static void
consider_alternative(Nearest *nearest, Period period, int64 slot_id)
{
	const Resource *resource = nearest->resource;

	if (!booking_rules_allow(resource, period, slot_id ? POLICY_NOTICE : POLICY_ALL) ||
		booking_limits_of_asker(resource, slot_id, period, nearest->asker,
								palloc_array(Refusal, resource->nlimits + 1)) > 0)
		return;
	nearest->found = true;
	nearest->near = period;
}

/* In each stretch of time that is free, as near as that can be. */
static void
look_between_bookings(Nearest *nearest, Period window)
{
	int64		length = nearest->wanted.to - nearest->wanted.from;
	Periods		free = {0};
	Taken		taken;

	booking_available(nearest->resource, window, nearest->asker, &free, &taken);
	for (int i = 0; i < free.n; i++)
	{
		Period		period = free.period[i];
		TimestampTz from;

		CHECK_FOR_INTERRUPTS();
		if (period.to - period.from < length)
			continue;
		from = Min(Max(nearest->wanted.from, period.from), period.to - length);
		if (is_nearer(nearest, from))
			consider_alternative(nearest, (Period) {from, from + length}, 0);
	}
}

static void
look_at_slots_near(Nearest *nearest, Period window)
{
	const Resource *resource = nearest->resource;
	SlotList	slots;

	booking_slots_between(resource, window, &slots);
	for (int i = 0; i < slots.n; i++)
	{
		const Slot *slot = &slots.slot[i];

		CHECK_FOR_INTERRUPTS();
		if (is_nearer(nearest, slot->period.from) && booking_left_in_slot(resource, slot) >= nearest->asker->quantity)
			consider_alternative(nearest, slot->period, slot->id);
	}
}
