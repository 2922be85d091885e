/*-------------------------------------------------------------------------
 *
 * claim.h
 *		getting room for a row, by all rules that it has to keep
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_CLAIM_H
#define BOOKING_CLAIM_H

#include "base/gates.h"
#include "engine/guard.h"

/* What a row claims by one rule. */
typedef struct Claim
{
	GateWanted	gate;			/* of what the rule counts */
	bool		judge;			/* it takes space that its old version did not; otherwise it
								 * is only to be written inside the gate */
	GuardLoad	load;
	int64		capacity;
	GuardQuantity quantity_of;	/* what other rows take; NULL: one each */
	GuardPlace *places;			/* where they are */
	int			nplaces;
	const void *rule;			/* for the hooks */
} Claim;

typedef struct RoomRequest RoomRequest;

/* What only the file that has the rules knows.  All but refuse() may be missing. */
typedef struct RoomHooks
{
	/* Rows are about to be counted anew. */
	void		(*look) (RoomRequest *request);

	/* It fits, but is there something to be done first that may not be done inside? */
	bool		(*must_clear) (RoomRequest *request);

	/* Do it, outside the gates, and judge again; as booking_room_enter() does. */
	void		(*clear) (RoomRequest *request);

	/* May this request wait for other transactions? */
	bool		(*may_wait) (RoomRequest *request);

	/* There is no room.  An error, or false where that is a possible answer. */
	bool		(*refuse) (RoomRequest *request);
} RoomHooks;

struct RoomRequest
{
	const RoomHooks *hooks;
	void	   *arg;			/* for the hooks */
	Claim	   *claims;
	int			nclaims;
	bool		at_once;		/* do not wait for the gates either: that is a
								 * GUARD_WAIT for no transaction in particular */
	GuardVerdict verdict;		/* the worst answer of all claims, */
	const Claim *which;			/* and whose it is; NULL: it fits */
};

extern bool booking_room_get(RoomRequest *request);
extern GuardAnswer booking_room_try(RoomRequest *request);
extern GuardAnswer booking_room_enter(RoomRequest *request);
extern void booking_room_is_full(RoomRequest *request);

#endif							/* BOOKING_CLAIM_H */
