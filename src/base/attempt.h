/*-------------------------------------------------------------------------
 *
 * attempt.h
 *		doing something that may have to be undone
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_ATTEMPT_H
#define BOOKING_ATTEMPT_H

#include "storage/itemptr.h"
#include "utils/relcache.h"

/* A subtransaction of ours. */
typedef struct Attempt
{
	MemoryContext context;
	struct ResourceOwnerData *owner;
} Attempt;

extern void booking_attempt_begin(Attempt *attempt);
extern void booking_attempt_end(const Attempt *attempt, bool keep);
extern struct ErrorData *booking_attempt_fail(const Attempt *attempt);
extern bool booking_is_late_update(const struct ErrorData *error);
extern bool booking_is_of_one_row(const struct ErrorData *error);

typedef void (*AttemptWork) (void *arg);
typedef bool (*AttemptForgiven) (const struct ErrorData *error);

extern bool booking_attempted(AttemptWork work, void *arg, bool keep, AttemptForgiven forgiven);
extern void booking_without_waiting(AttemptWork work, void *arg);
extern void booking_wait_for_row(Relation heap, Datum id);
extern void booking_wait_for_tuple(Relation heap, ItemPointer tid);
extern void booking_lock_life(Datum id);

#endif							/* BOOKING_ATTEMPT_H */
