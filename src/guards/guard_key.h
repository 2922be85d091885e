/*-------------------------------------------------------------------------
 *
 * guard_key.h
 *		how long a key may be in a guard's index
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_GUARD_KEY_H
#define BOOKING_GUARD_KEY_H

/* All of a row's key together; guard_key.c says why. */
#define LONGEST_KEY	512

extern const char *booking_key_opclass(Oid type);

#endif							/* BOOKING_GUARD_KEY_H */
