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

/* What is tried; false when it is to be undone. */
typedef bool (*AttemptWork) (void *arg);
/* Is this an error that undoes the attempt and goes no further? */
typedef bool (*AttemptForgiven) (const struct ErrorData *error);

extern struct ErrorData *booking_attempt(AttemptWork work, void *arg, bool *done);
extern bool booking_attempted(AttemptWork work, void *arg, AttemptForgiven forgiven);
extern bool booking_is_late_update(const struct ErrorData *error);
extern void booking_forgive_late_update(struct ErrorData *error, int *late);
extern bool booking_is_of_one_row(const struct ErrorData *error);
extern void booking_without_waiting(void (*work) (void *arg), void *arg);
extern void booking_wait_for_row(Relation heap, Datum id);
extern void booking_wait_for_tuple(Relation heap, ItemPointer tid);
extern void booking_lock_life(Datum id);

#endif							/* BOOKING_ATTEMPT_H */
