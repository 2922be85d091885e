/*-------------------------------------------------------------------------
 *
 * trigger.h
 *		is a trigger function called by the trigger that it is for?
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_TRIGGER_H
#define BOOKING_TRIGGER_H

#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "fmgr.h"

typedef enum TriggerLevel
{
	LEVEL_ROW = 1,
	LEVEL_STATEMENT = 2
} TriggerLevel;

/* What a trigger function is for. */
typedef struct TriggerUse
{
	int			timing;			/* TRIGGER_TYPE_BEFORE or TRIGGER_TYPE_AFTER */
	int			levels;			/* of TriggerLevel */
	int			events;			/* TRIGGER_TYPE_INSERT and so on */
	const char *tables;			/* of schema booking, separated by blanks; NULL: any table */
	Oid			known;			/* the last table that was found to be one of them */
} TriggerUse;

#define ON_INSERT	TRIGGER_TYPE_INSERT
#define ON_UPDATE	TRIGGER_TYPE_UPDATE
#define ON_DELETE	TRIGGER_TYPE_DELETE
#define ON_TRUNCATE	TRIGGER_TYPE_TRUNCATE

extern TriggerData *booking_check_trigger(FunctionCallInfo fcinfo, TriggerUse *use);

#endif							/* BOOKING_TRIGGER_H */
