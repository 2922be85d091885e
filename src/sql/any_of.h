/*-------------------------------------------------------------------------
 *
 * any_of.h
 *		booking the first of several things that is free
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_ANY_OF_H
#define BOOKING_ANY_OF_H

#include "engine/guard.h"
#include "sql/book.h"

/* One of those that would do. */
typedef struct Candidate
{
	int64		resource_id;
	const Slot *slot;			/* a place in this slot, as it was when we began; NULL: the resource */
	bool		out;			/* not free, whatever other transactions do */
	Refusal		refusal;		/* without a constraint: an error of another kind */
	ErrorData  *error;			/* that one */
} Candidate;

typedef struct AnyOf
{
	Order		order;
	RangeType  *wanted;			/* that the caller gave */
	Candidate  *candidate;
	int			n;
	bool		waits;			/* one of them depends on another transaction, */
	GuardPending pending;		/* if known this one; of several the youngest */
	Candidate  *stuck;			/* on something that is not known */
} AnyOf;

extern int64 *booking_any_of_these(FunctionCallInfo fcinfo, int *n);
extern void booking_read_any_order(FunctionCallInfo fcinfo, Order *order);
extern bool booking_book_one_of(AnyOf *any, Datum *booking);
pg_noreturn extern void booking_none_is_free(const AnyOf *any);

#endif							/* BOOKING_ANY_OF_H */
