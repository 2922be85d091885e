/*-------------------------------------------------------------------------
 *
 * journal.h
 *		what happened to bookings, written down
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_JOURNAL_H
#define BOOKING_JOURNAL_H

#include "commands/trigger.h"

extern void booking_journal_init(void);
extern void booking_journal_stored(const TriggerData *trigger);
extern void booking_journal_move(bool moving);

/* Events of the bookings that one statement of ours writes, kept until it is done. */
typedef struct Gathering
{
	MemoryContext memory;
	struct Gathering *outer;
	Datum	   *values;			/* of one event after the other */
	char	   *nulls;
	int			n;
	int			size;
} Gathering;

extern void booking_journal_gather(Gathering *gathering);
extern void booking_journal_gathered(Gathering *gathering, bool write);

#endif							/* BOOKING_JOURNAL_H */
