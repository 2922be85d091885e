/*-------------------------------------------------------------------------
 *
 * unjudged.h
 *		rows of a writer that wants no triggers
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_UNJUDGED_H
#define BOOKING_UNJUDGED_H

#include "commands/trigger.h"

extern void booking_enter_unjudged(TriggerData *trigger);

#endif							/* BOOKING_UNJUDGED_H */
