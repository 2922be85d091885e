/*-------------------------------------------------------------------------
 *
 * guard_ddl.c
 *		What has to happen when somebody's DDL touches guards?
 *
 * Two commands need more than PostgreSQL does by itself.  An event trigger of the
 * extension sees them when they are through:
 *
 *	CREATE TRIGGER
 *		A dump restores guards as the triggers and indexes that they are, and knows nothing
 *		of what belongs to what.  The dependencies are recorded again.
 *	ALTER TABLE ... ATTACH PARTITION
 *		PostgreSQL gives the partition the guard's triggers and index.  The rows that it
 *		brings are judged here.  Who writes to another partition meanwhile does not see the
 *		new one, nor do we see what comes next: the whole table is locked against writers
 *		to the end of the transaction.
 *
 * The dependencies: a guard's BEFORE trigger, the triggers on the tables that its
 * capacity_query reads, and the other side of a guard_against() are parts of the guard, go
 * with it and not without it.  A guard needs its index.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/event_trigger.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "guards/guarded.h"

PG_FUNCTION_INFO_V1(booking_ddl_done);

static List *our_triggers(void);
static void bind(const TriggerRow *trigger, List *all);
static void record(Oid trigger, Oid class, Oid object, DependencyType type);
static void partition_attached(RangeVar *parent, RangeVar *partition);

/* ddl_command_end */
Datum
booking_ddl_done(PG_FUNCTION_ARGS)
{
	EventTriggerData *event = (EventTriggerData *) fcinfo->context;
	ListCell   *cell;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		elog(ERROR, "booking_ddl_done: not called as an event trigger");

	if (IsA(event->parsetree, CreateTrigStmt))
	{
		CreateTrigStmt *statement = (CreateTrigStmt *) event->parsetree;
		char	   *schema;
		char	   *function;

		DeconstructQualifiedName(statement->funcname, &schema, &function);
		if (schema != NULL && strcmp(schema, "booking") == 0)
			booking_bind_guards();
	}
	else if (IsA(event->parsetree, AlterTableStmt))
	{
		AlterTableStmt *statement = (AlterTableStmt *) event->parsetree;

		foreach(cell, statement->cmds)
		{
			AlterTableCmd *command = lfirst(cell);

			if (command->subtype == AT_AttachPartition && statement->objtype == OBJECT_TABLE)
				partition_attached(statement->relation, ((PartitionCmd *) command->def)->name);
		}
	}
	PG_RETURN_NULL();
}

/* Record whatever dependency of a guard is not recorded. */
void
booking_bind_guards(void)
{
	List	   *all;
	ListCell   *cell;

	CommandCounterIncrement();
	all = our_triggers();
	foreach(cell, all)
		bind(lfirst(cell), all);
}

static List *
our_triggers(void)
{
	Relation	catalog = table_open(TriggerRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;
	List	   *all = NIL;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);
		TriggerRow *row;

		if (OidIsValid(form->tgparentid) ||
			(form->tgfoid != booking_guard_function(FUNCTION_CHECK_CAPACITY) &&
			 form->tgfoid != booking_guard_function(FUNCTION_CHECK_AGAINST) &&
			 form->tgfoid != booking_guard_function(FUNCTION_MAKE_ROOM) &&
			 form->tgfoid != booking_guard_function(FUNCTION_CAPACITY_CHANGES)))
			continue;
		row = palloc(sizeof(TriggerRow));
		booking_trigger_row(form->oid, row);
		all = lappend(all, row);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return all;
}

/* The dependencies of one guard. */
static void
bind(const TriggerRow *guard, List *all)
{
	bool		against = guard->function == booking_guard_function(FUNCTION_CHECK_AGAINST);
	Relation	rel;
	ListCell   *cell;

	if (!against && guard->function != booking_guard_function(FUNCTION_CHECK_CAPACITY))
		return;

	rel = table_open(guard->relid, AccessShareLock);
	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];
		Definition	definition;
		Oid			index;
		bool		query;
		bool		blocker;
		TriggerRow	other;

		if (trigger->tgoid != guard->oid || trigger->tgnargs < 1 || !booking_definition(trigger, &definition))
			continue;
		query = !against && strcmp(trigger->tgargs[0], "query") == 0;
		blocker = against && strcmp(trigger->tgargs[0], "blocker") == 0;

		index = booking_find_index(rel, &definition, InvalidOid);
		if (OidIsValid(index))
			record(guard->oid, RelationRelationId, index, DEPENDENCY_NORMAL);
		if (blocker && booking_other_side(guard, &other))
			record(guard->oid, TriggerRelationId, other.oid, DEPENDENCY_INTERNAL);

		foreach(cell, all)
		{
			const TriggerRow *part = lfirst(cell);

			if (part->function == booking_guard_function(FUNCTION_MAKE_ROOM) ?
				part->relid == guard->relid &&
				strcmp(NameStr(part->name), booking_part_name(NameStr(guard->name), "")) == 0 :
				query && part->function == booking_guard_function(FUNCTION_CAPACITY_CHANGES) &&
				strcmp(NameStr(part->name), booking_part_name(NameStr(guard->name), "_capacity")) == 0)
				record(part->oid, TriggerRelationId, guard->oid, DEPENDENCY_INTERNAL);
		}
		break;
	}
	table_close(rel, NoLock);
}

/* A trigger depends on something, unless it does already. */
static void
record(Oid trigger, Oid class, Oid object, DependencyType type)
{
	Relation	catalog = table_open(DependRelationId, AccessShareLock);
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(TriggerRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(trigger));
	scan = systable_beginscan(catalog, DependDependerIndexId, true, NULL, 2, key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		/* A part belongs to one guard, a guard needs one index. */
		found |= form->deptype == (char) type && form->refclassid == class &&
			(type == DEPENDENCY_INTERNAL ||
			 (form->refobjsubid == 0 && get_rel_relkind(form->refobjid) == get_rel_relkind(object)));
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);

	if (!found)
	{
		ObjectAddress part,
					whole;

		ObjectAddressSet(part, TriggerRelationId, trigger);
		ObjectAddressSet(whole, class, object);
		recordDependencyOn(&part, &whole, type);
	}
}

static void
partition_attached(RangeVar *parent, RangeVar *partition)
{
	Oid			relid = RangeVarGetRelid(parent, NoLock, true);
	Oid			partition_id = RangeVarGetRelid(partition, NoLock, true);
	Relation	rel;
	List	   *scopes = NIL;
	List	   *leaves;
	ListCell   *cell;

	if (!OidIsValid(relid) || !OidIsValid(partition_id))
		return;

	rel = table_open(relid, AccessShareLock);
	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];

		if (trigger->tgfoid == booking_guard_function(FUNCTION_CHECK_CAPACITY) ||
			trigger->tgfoid == booking_guard_function(FUNCTION_CHECK_AGAINST))
			scopes = list_append_unique_oid(scopes, booking_top_trigger(trigger->tgoid).relid);
	}
	table_close(rel, NoLock);
	if (scopes == NIL)
		return;

	foreach(cell, scopes)
	{
		LockRelationOid(lfirst_oid(cell), ShareRowExclusiveLock);
		(void) find_all_inheritors(lfirst_oid(cell), ShareRowExclusiveLock, NULL);
	}
	leaves = find_all_inheritors(partition_id, NoLock, NULL);
	foreach(cell, leaves)
	{
		rel = table_open(lfirst_oid(cell), NoLock);
		if (rel->rd_rel->relkind == RELKIND_RELATION)
			booking_check_rows(rel);
		table_close(rel, NoLock);
	}
}
