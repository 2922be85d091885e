/*-------------------------------------------------------------------------
 *
 * together.h
 *		several bookings in one call: all of them or none
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_TOGETHER_H
#define BOOKING_TOGETHER_H

#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "base/errors.h"
#include "base/period.h"
#include "engine/resource.h"

/* More bookings than this are not made by one call. */
#define MOST_TOGETHER	100000

/* One of the bookings that a caller wants. */
typedef struct Wish
{
	int			entry;			/* of the caller's entry that it belongs to, from 1 */
	char	   *name;			/* of the resource; NULL: it is given by its id, or by the slot */
	int64		resource_id;
	bool		has_slot;		/* a place in this slot: */
	int64		slot_id;
	RangeType  *range;			/* NULL: that of the slot */
	text	   *holder;
	int32		quantity;
	char	   *seat;			/* label, or NULL */
	Interval   *hold_for;		/* or NULL */
	bool		own_id;			/* the caller's: */
	pg_uuid_t	id;
	Jsonb	   *data;

	/* What booking_together_lock() finds, */
	const Resource *resource;
	int32		seat_no;		/* 0: none in particular */
	Period		period;
	bool		chosen_slot;	/* has_slot is ours: the caller gave the period */
	/* and what becomes of it. */
	Datum		booking;		/* 0: not stored */
	bool		refused;
	Refusal		refusal;
} Wish;

typedef struct Together
{
	Wish	   *wish;
	int			n;
	int			size;
	const char *noun;			/* what an entry is called in errors; NULL: nothing */
	bool		each;			/* what is refused does not keep the others from being stored */
	pg_uuid_t  *group_id;		/* the caller's, or NULL */
	pg_uuid_t	group;			/* of what is stored */
	int			current;		/* the entry in hand, or 0 */
	const char *field;			/* of it, or NULL */
} Together;

extern void booking_together_wish(Together *all, const Wish *wish);

typedef void (*TogetherWork) (Together *all, void *arg);

extern void booking_together_say_which(Together *all, TogetherWork work, void *arg);
extern void booking_together_lock(Together *all);
extern bool booking_together_replay(Together *all);
extern void booking_together_lock_rest(Together *all);
extern bool booking_together_store(Together *all);
extern void booking_together_book(Together *all);
pg_noreturn extern void booking_together_refuse(const Together *all);
extern void booking_check_hold_for(const Interval *hold_for);

#endif							/* BOOKING_TOGETHER_H */
