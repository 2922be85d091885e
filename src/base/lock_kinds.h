/*-------------------------------------------------------------------------
 *
 * lock_kinds.h
 *		every kind of lock of ours
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_LOCK_KINDS_H
#define BOOKING_LOCK_KINDS_H

#include "storage/lock.h"

/* The fourth field of the tag; they are taken in the order given in lock_kinds.c. */
typedef enum LockKind
{
	LOCK_ID = 101,
	LOCK_RESOURCE,
	LOCK_HOLDER,
	LOCK_JOIN,
	LOCK_LINE,
	LOCK_CAPACITY,
	LOCK_HOLDERS,
	LOCK_TOGETHER,
	LOCK_WORKER,
	LOCK_HOME,
	LOCK_GATE = 128,			/* and on, a number for each part: to 191 */
	LOCK_PLACES = 1000			/* and the number of the row */
} LockKind;

extern LockAcquireResult booking_lock_take(LockKind kind, uint64 key, LOCKMODE mode, bool wait);
extern bool booking_lock_for_session(LockKind kind);
extern bool booking_lock_held(LockKind kind, uint64 key, LOCKMODE mode);
extern bool booking_lock_release(LockKind kind, uint64 key, LOCKMODE mode);
extern void booking_set_hasty(bool now);
extern bool booking_hasty(void);

#endif							/* BOOKING_LOCK_KINDS_H */
