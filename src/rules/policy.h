/*-------------------------------------------------------------------------
 *
 * policy.h
 *		the rules about now: hours, notice, duration, holds
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_POLICY_H
#define BOOKING_POLICY_H

#include "base/errors.h"
#include "base/period.h"
#include "engine/resource.h"

/*
 * Rules about now, for functions to apply once they hold the RESOURCE lock (that is,
 * have the resource from booking_use_resource()).  For a period that the caller has
 * chosen all of them; for a place in a published slot only the notice.
 */
#define POLICY_NOTICE	0x01	/* min_notice, max_advance */
#define POLICY_DURATION	0x02	/* min_duration, max_duration */
#define POLICY_HOURS	0x04	/* opening hours */
#define POLICY_ALL		(POLICY_NOTICE | POLICY_DURATION | POLICY_HOURS)

extern bool booking_policy_allows(const Resource *resource, Period period, int rules,
								  Refusal *refusal);
extern void booking_check_policy(const Resource *resource, Period period, int rules);
extern bool booking_hold_allowed(const Resource *resource, int64 length, Refusal *refusal);
extern void booking_check_hold(const Resource *resource, int64 length);

#endif							/* BOOKING_POLICY_H */
