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

#endif							/* BOOKING_JOURNAL_H */
