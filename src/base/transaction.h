/*-------------------------------------------------------------------------
 *
 * transaction.h
 *		what a backend remembers of the transaction in progress
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_TRANSACTION_H
#define BOOKING_TRANSACTION_H

#include "base/period.h"

/* Locks that are kept to the end of the transaction, and counted (locks.c). */
typedef enum CountedLock
{
	COUNT_RESOURCE,
	COUNT_RULES,
	COUNT_JOIN,
	COUNT_LINE,
	COUNT_ID,
	COUNT_HOLDER,
	COUNT_PLACES,
	COUNT_TOGETHER,
	COUNT_HOME,
	COUNTED_LOCKS
} CountedLock;

typedef struct Counts
{
	int			locks[COUNTED_LOCKS];
	bool		places_changed; /* of some slot */
} Counts;

/* Something that a statement has noted about a slot or a resource. */
typedef struct Note
{
	int64		key;			/* its id */
	CommandId	command;		/* the statement */
	SubTransactionId subxact;	/* with which it goes */
} Note;

/*
 * Notes in the order in which they were made.  A statement that runs inside another has a
 * higher command id and is over before the outer one makes its next note, and so its
 * notes are the last ones; those of a subtransaction as well.
 */
typedef struct Notes
{
	size_t		width;			/* of one; begins with a Note */
	char	   *items;
	int			n;
	int			size;
	struct noteindex_hash *index;	/* when there are many */
} Notes;

/* A statement's dealings with the places of one slot (places.c). */
typedef struct Account
{
	Note		note;
	int64		taken;			/* from the shards */
	int64		judged;			/* for rows that may be stored */
	int64		stored;			/* in rows, less what they took before */
} Account;

/* Space on a resource that has been freed, from DT_NOBEGIN if at all times (waitlist.c). */
typedef struct FreedSpace
{
	Note		note;
	Period		window;
	bool		upwards;		/* by a booking that has moved to a resource with a higher id */
} FreedSpace;

typedef struct Transaction
{
	Counts		counts;
	Notes		accounts;
	Notes		freed;
	Notes		deferred;
} Transaction;

/*
 * What is kept elsewhere, and has to be told of the same events (gates.c, notify.c,
 * pool_own.c, home.c).
 */
typedef struct TransactionPart
{
	void		(*commit) (void);	/* the commit is about to be done; may be NULL */
	void		(*prepare) (void);	/* a PREPARE TRANSACTION is about to be done; may be NULL */
	void		(*undo) (SubTransactionId mine, SubTransactionId parent, bool abort);	/* may be NULL */
	void		(*forget) (void);	/* it is over */
} TransactionPart;

extern Transaction booking_transaction;

extern void booking_transaction_init(const TransactionPart *gates, const TransactionPart *notify,
									 const TransactionPart *pools, const TransactionPart *homes);
extern bool booking_line_serving(void);
extern void booking_set_line_serving(bool now);
extern void *booking_note(Notes *notes, int64 key, CommandId command, bool *found);
extern void *booking_noted(const Notes *notes, int i);
extern int	booking_notes_since(const Notes *notes, CommandId command);
extern void booking_notes_keep(Notes *notes, int n);

#endif							/* BOOKING_TRANSACTION_H */
