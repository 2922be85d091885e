/*-------------------------------------------------------------------------
 *
 * trigger.c
 *		Is a trigger function called by the trigger that it is for?
 *
 * A role that may execute a trigger function can call it in a SELECT, or attach it to another
 * table or another event.  Each of ours therefore asks here first, and trusts what it is given
 * only afterwards.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "lib/stringinfo.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/trigger.h"

static bool is_table_of(Relation rel, const char *tables);
static int	event_of(TriggerEvent event);
pg_noreturn static void not_its_trigger(FunctionCallInfo fcinfo, const TriggerUse *use);

/*
 * What the trigger manager has passed; an error when it was not the caller, or not for one
 * of these triggers.
 */
TriggerData *
booking_check_trigger(FunctionCallInfo fcinfo, TriggerUse *use)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Relation	rel;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		(trigger->tg_event & TRIGGER_EVENT_TIMINGMASK) !=
		(use->timing == TRIGGER_TYPE_BEFORE ? TRIGGER_EVENT_BEFORE : TRIGGER_EVENT_AFTER) ||
		!(use->levels & (TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ? LEVEL_ROW : LEVEL_STATEMENT)) ||
		!(use->events & event_of(trigger->tg_event)))
		not_its_trigger(fcinfo, use);

	rel = trigger->tg_relation;
	if (RelationGetRelid(rel) != use->known)
	{
		if (use->tables ? !is_table_of(rel, use->tables) :
			rel->rd_rel->relkind != RELKIND_RELATION && rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
			not_its_trigger(fcinfo, use);
		use->known = RelationGetRelid(rel);
	}
	return trigger;
}

static int
event_of(TriggerEvent event)
{
	return TRIGGER_FIRED_BY_INSERT(event) ? ON_INSERT :
		TRIGGER_FIRED_BY_UPDATE(event) ? ON_UPDATE :
		TRIGGER_FIRED_BY_DELETE(event) ? ON_DELETE : ON_TRUNCATE;
}

/* Is it one of these, which are ours? */
static bool
is_table_of(Relation rel, const char *tables)
{
	const char *name = RelationGetRelationName(rel);
	char	   *namespace = get_namespace_name(RelationGetNamespace(rel));
	size_t		length = strlen(name);

	if (namespace == NULL || strcmp(namespace, "booking") != 0)
		return false;
	for (const char *at = tables; at; at = strchr(at, ' '))
	{
		at += *at == ' ';
		if (strncmp(at, name, length) == 0 && (at[length] == ' ' || at[length] == '\0'))
			return true;
	}
	return false;
}

static void
not_its_trigger(FunctionCallInfo fcinfo, const TriggerUse *use)
{
	static const struct
	{
		int			event;
		const char *name;
	}			events[] = {
		{ON_INSERT, "INSERT"}, {ON_UPDATE, "UPDATE"}, {ON_DELETE, "DELETE"}, {ON_TRUNCATE, "TRUNCATE"}
	};
	StringInfoData is_for;
	const char *separator = "";

	initStringInfo(&is_for);
	appendStringInfo(&is_for, "%s ", use->timing == TRIGGER_TYPE_BEFORE ? "BEFORE" : "AFTER");
	for (int i = 0; i < (int) lengthof(events); i++)
	{
		if (!(use->events & events[i].event))
			continue;
		appendStringInfo(&is_for, "%s%s", separator, events[i].name);
		separator = " OR ";
	}
	if (use->tables == NULL)
		appendStringInfoString(&is_for, " on tables");
	else
	{
		appendStringInfo(&is_for, " on %s of schema booking: ", strchr(use->tables, ' ') ? "tables" : "a table");
		for (const char *at = use->tables; *at; at++)
		{
			if (*at == ' ')
				appendStringInfoChar(&is_for, ',');
			appendStringInfoChar(&is_for, *at);
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("booking.%s() was not called by a trigger that it is for",
					get_func_name(fcinfo->flinfo->fn_oid)),
			 errdetail("It is for triggers %s, for each %s.", is_for.data,
					   use->levels == (LEVEL_ROW | LEVEL_STATEMENT) ? "row and statement" :
					   use->levels == LEVEL_ROW ? "row" : "statement")));
}
