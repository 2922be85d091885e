/*-------------------------------------------------------------------------
 *
 * owner.h
 *		for a while, the owner of the tables
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_OWNER_H
#define BOOKING_OWNER_H

/* The user before. */
typedef struct Caller
{
	Oid			user;
	int			context;
	int			nest_level;
} Caller;

extern void booking_become_owner(Oid owner, bool writes, Caller *caller);
extern void booking_become_caller(const Caller *caller);

#endif							/* BOOKING_OWNER_H */
