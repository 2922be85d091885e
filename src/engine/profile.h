/*-------------------------------------------------------------------------
 *
 * profile.h
 *		use over time, of changes that keep coming (no SQL, no catalogs)
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_PROFILE_H
#define BOOKING_PROFILE_H

#include "utils/palloc.h"

#include "base/period.h"

typedef struct Profile Profile;

extern Profile *booking_profile_create(MemoryContext memory, uint64 seed);
extern void booking_profile_reserve(Profile *profile);
extern void booking_profile_add(Profile *profile, Period period, int64 quantity);
extern int64 booking_profile_most(const Profile *profile, Period window);
extern bool booking_profile_any(const Profile *profile, Period window);

#endif							/* BOOKING_PROFILE_H */
