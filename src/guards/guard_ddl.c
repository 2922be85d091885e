/*-------------------------------------------------------------------------
 *
 * guard_ddl.c
 *		What has to happen when a user's DDL touches guards?
 *
 * Two commands need more than PostgreSQL does by itself.  An event trigger of the
 * extension sees them when they are through:
 *
 *	CREATE TRIGGER
 *		A dump restores guards as the triggers and indexes that they are, and knows nothing
 *		of what belongs to what.  The dependencies are recorded again.
 *	ALTER TABLE ... ATTACH PARTITION
 *		PostgreSQL gives the partition the guard's triggers and index.  The rows that it
 *		brings are judged here.  A transaction that writes to another partition meanwhile does
 *		not see the new one, nor do we see what it writes: the whole table is locked against
 *		writers to the end of the transaction.
 *
 * And which role may make a guard?  CREATE TRIGGER asks for the TRIGGER privilege on the table,
 * which the owner may have given away, and for EXECUTE on the function.  The expressions in a
 * guard's trigger are evaluated as the table's owner, so a role with TRIGGER alone must not
 * write it.  Nothing in pg_trigger says which role made a trigger; so the event trigger asks at
 * once, and refuses a role that is not the owner (or a member, or a superuser).  EXECUTE is not
 * revoked from all roles, on purpose: it would not keep out a role that may guard its own tables
 * and has TRIGGER on another's; and owners that restore their own dump, or add a partition,
 * issue CREATE TRIGGER themselves.  Only a superuser can switch event triggers off.  A table
 * that gets a new owner keeps its guards, as it keeps its index expressions.
 *
 * A third is refused before it begins: ALTER COLUMN ... TYPE on a column that a guard needs.
 * PostgreSQL would refuse it as well, but not say what to do.  And a table that gets a new
 * owner takes the functions along that hold its guards' capacity queries.
 *
 * What was created is asked by its OID: its name may mean another table by now.  CREATE SCHEMA
 * may contain CREATE TRIGGER.
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
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "commands/event_trigger.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/distributed.h"
#include "base/identity.h"
#include "guards/guard_citus.h"
#include "guards/guard_ddl.h"
#include "guards/guard_definition.h"
#include "guards/guard_row.h"
#include "guards/guard_text.h"

PG_FUNCTION_INFO_V1(booking_ddl_done);
PG_FUNCTION_INFO_V1(booking_ddl_begins);

static void triggers_created(void);
static void trigger_created(Oid trigger);
static bool is_guard(const TriggerRow *trigger);
static bool is_part_of(const TriggerRow *part, const TriggerRow *guard, bool trusted);
static List *our_triggers(void);
static void bind(const TriggerRow *trigger, List *all, bool trusted);
static void record(Oid trigger, Oid class, Oid object, DependencyType type);
static void bind_function(Oid function, Oid relid);
static bool function_depends_on(Oid class, Oid object, Oid relid);
static Oid	function_owner(Oid function);
static void owner_changed(RangeVar *table);
static void check_retype(Oid relid, const char *column);
static char *guard_of_part(Oid trigger);
static void partition_attached(RangeVar *parent, RangeVar *partition);

/* ddl_command_end */
Datum
booking_ddl_done(PG_FUNCTION_ARGS)
{
	EventTriggerData *event = (EventTriggerData *) fcinfo->context;
	ListCell   *cell;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo) || strcmp(event->event, "ddl_command_end") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("booking.ddl_done() was not called by an event trigger that it is for"),
				 errdetail("It is for event triggers ON ddl_command_end.")));

	if (IsA(event->parsetree, CreateTrigStmt) || IsA(event->parsetree, CreateSchemaStmt))
		triggers_created();
	else if (IsA(event->parsetree, AlterTableStmt))
	{
		AlterTableStmt *statement = (AlterTableStmt *) event->parsetree;

		foreach(cell, statement->cmds)
		{
			AlterTableCmd *command = lfirst(cell);

			if (command->subtype == AT_AttachPartition && statement->objtype == OBJECT_TABLE)
				partition_attached(statement->relation, ((PartitionCmd *) command->def)->name);
			if (command->subtype == AT_ChangeOwner && statement->objtype == OBJECT_TABLE)
				owner_changed(statement->relation);
		}
	}
	PG_RETURN_NULL();
}

/* ddl_command_start: nothing is locked yet, and nothing is locked here. */
Datum
booking_ddl_begins(PG_FUNCTION_ARGS)
{
	EventTriggerData *event = (EventTriggerData *) fcinfo->context;
	AlterTableStmt *statement;
	Oid			relid;
	ListCell   *cell;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo) || strcmp(event->event, "ddl_command_start") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("booking.ddl_begins() was not called by an event trigger that it is for"),
				 errdetail("It is for event triggers ON ddl_command_start.")));
	if (!IsA(event->parsetree, AlterTableStmt))
		PG_RETURN_NULL();

	statement = (AlterTableStmt *) event->parsetree;
	relid = RangeVarGetRelid(statement->relation, NoLock, true);
	foreach(cell, OidIsValid(relid) ? statement->cmds : NIL)
	{
		AlterTableCmd *command = lfirst(cell);

		if (command->subtype == AT_AlterColumnType)
			check_retype(relid, command->name);
	}
	PG_RETURN_NULL();
}

/* Does a guard depend on the column?  Triggers that do are what PostgreSQL would refuse for. */
static void
check_retype(Oid relid, const char *column)
{
	Relation	catalog;
	ScanKeyData key[3];
	SysScanDesc scan;
	HeapTuple	tuple;
	char	   *guard = NULL;
	AttrNumber	attno = get_attnum(relid, column);

	if (attno == InvalidAttrNumber)
		return;
	catalog = table_open(DependRelationId, AccessShareLock);
	ScanKeyInit(&key[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(RelationRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	ScanKeyInit(&key[2], Anum_pg_depend_refobjsubid, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(attno));
	scan = systable_beginscan(catalog, DependReferenceIndexId, true, NULL, 3, key);
	while (guard == NULL && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->classid == TriggerRelationId)
			guard = guard_of_part(form->objid);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	if (guard)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot alter the type of column \"%s\" of table \"%s\": guard \"%s\" depends on it",
						column, get_rel_name(relid), guard),
				 errhint("In one transaction, call booking.unguard_table(), alter the type, and call booking.guard_table() with what booking.guarded_table shows of the guard.")));
}

/* The name of the guard that a trigger is, or is a part of; NULL if of none. */
static char *
guard_of_part(Oid trigger)
{
	TriggerRow	row;
	ListCell   *cell;

	if (!booking_trigger_row(trigger, &row))
		return NULL;
	if (is_guard(&row))
		return pstrdup(NameStr(row.name));
	if (row.function != booking_guard_function(FUNCTION_CAPACITY_CHANGES))
		return NULL;
	foreach(cell, our_triggers())
	{
		const TriggerRow *guard = lfirst(cell);

		if (guard->function == booking_guard_function(FUNCTION_CHECK_CAPACITY) && is_part_of(&row, guard, true))
			return pstrdup(NameStr(guard->name));
	}
	return NULL;
}

/* The functions that hold capacity queries belong to the role that these run as. */
static void
owner_changed(RangeVar *table)
{
	Oid			relid = RangeVarGetRelid(table, NoLock, true);
	Relation	rel;
	TriggerDesc *triggers;

	if (!OidIsValid(relid))
		return;
	rel = table_open(relid, AccessShareLock);
	triggers = CopyTriggerDesc(rel->trigdesc);
	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		Definition	definition;

		if (triggers->triggers[i].tgfoid == booking_guard_function(FUNCTION_CHECK_CAPACITY) &&
			booking_written_by_guard(&triggers->triggers[i], &definition) && OidIsValid(definition.capacity))
			booking_ddl("ALTER FUNCTION %s OWNER TO %s", format_procedure_qualified(definition.capacity),
						quote_identifier(GetUserNameFromId(rel->rd_rel->relowner, false)));
	}
	table_close(rel, NoLock);
}

static void
triggers_created(void)
{
	Oid		   *created;
	int			n;
	MemoryContext caller = CurrentMemoryContext;

	SPI_connect();
	if (SPI_execute("SELECT objid FROM pg_catalog.pg_event_trigger_ddl_commands() WHERE classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_trigger'::pg_catalog.regclass",
					true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not find out what has been created");
	n = (int) SPI_processed;
	created = MemoryContextAlloc(caller, (n + 1) * sizeof(Oid));
	for (int i = 0; i < n; i++)
	{
		bool		isnull;

		created[i] = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	}
	SPI_finish();
	for (int i = 0; i < n; i++)
		trigger_created(created[i]);
}

/* May the caller have made it, and what belongs to what? */
static void
trigger_created(Oid trigger)
{
	TriggerRow	row;
	List	   *all;
	ListCell   *cell;
	bool		capacity;

	if (!booking_trigger_row(trigger, &row))
		return;
	capacity = row.function == booking_guard_function(FUNCTION_CAPACITY_CHANGES);
	if (!is_guard(&row) && row.function != booking_guard_function(FUNCTION_MAKE_ROOM) && !capacity)
		return;

	/* The trigger on a table that capacities are read from evaluates nothing. */
	if (!capacity && !owns_relation(row.relid))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of table %s to guard it", get_rel_name(row.relid)),
				 errdetail("Trigger \"%s\" would run as its owner.", NameStr(row.name))));

	if (is_guard(&row))
		booking_citus_created(trigger);
	all = our_triggers();
	foreach(cell, all)
	{
		const TriggerRow *guard = lfirst(cell);

		if (is_guard(guard) &&
			(guard->oid == trigger || is_part_of(&row, guard, false) ||
			 (is_guard(&row) && guard->relid == row.other && guard->other == row.relid &&
			  strcmp(NameStr(guard->name), NameStr(row.name)) == 0)))
			bind(guard, all, false);
	}
}

/*
 * Record whatever dependency of a guard is not recorded.  "trusted": the caller has just made
 * all of its parts.
 */
void
booking_bind_guard(Oid trigger, bool trusted)
{
	TriggerRow	row;

	CommandCounterIncrement();
	if (booking_trigger_row(trigger, &row))
		bind(&row, our_triggers(), trusted);
}

static bool
is_guard(const TriggerRow *trigger)
{
	return trigger->function == booking_guard_function(FUNCTION_CHECK_CAPACITY) ||
		trigger->function == booking_guard_function(FUNCTION_CHECK_AGAINST);
}

/*
 * Do the names say that one belongs to the other?  A guard that has the same name as another
 * owner's guard must not take over that guard's parts on other tables.
 */
static bool
is_part_of(const TriggerRow *part, const TriggerRow *guard, bool trusted)
{
	if (part->function == booking_guard_function(FUNCTION_MAKE_ROOM))
		return part->relid == guard->relid &&
			strcmp(NameStr(part->name), booking_part_name(NameStr(guard->name), "")) == 0;
	return part->function == booking_guard_function(FUNCTION_CAPACITY_CHANGES) &&
		strcmp(NameStr(part->name), booking_part_name(NameStr(guard->name), "_capacity")) == 0 &&
		(trusted ||
		 pg_class_aclcheck(part->relid, booking_relation_owner(guard->relid), ACL_TRIGGER) == ACLCHECK_OK);
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
bind(const TriggerRow *guard, List *all, bool trusted)
{
	bool		against = guard->function == booking_guard_function(FUNCTION_CHECK_AGAINST);
	Relation	rel;
	TriggerDesc *triggers;
	ListCell   *cell;
	Distribution distribution;

	if (!against && guard->function != booking_guard_function(FUNCTION_CHECK_CAPACITY))
		return;

	rel = table_open(guard->relid, AccessShareLock);
	/* Those of the relcache go away when it reads the relation anew. */
	triggers = CopyTriggerDesc(rel->trigdesc);
	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];
		Definition	definition;
		Oid			index;
		bool		query;
		bool		blocker;
		TriggerRow	other;

		if (trigger->tgoid != guard->oid || trigger->tgnargs < 1 || !booking_definition(trigger, &definition))
			continue;
		query = !against && OidIsValid(definition.capacity);
		blocker = against && strcmp(trigger->tgargs[0], "blocker") == 0;

		index = booking_find_index(rel, &definition, InvalidOid);
		if (OidIsValid(index))
			record(guard->oid, RelationRelationId, index, DEPENDENCY_NORMAL);
		if (query && !booking_citus_here() && function_owner(definition.capacity) == rel->rd_rel->relowner)
			bind_function(definition.capacity, guard->relid);
		if (blocker && booking_other_side(guard, &other))
			record(guard->oid, TriggerRelationId, other.oid, DEPENDENCY_INTERNAL);

		foreach(cell, all)
		{
			const TriggerRow *part = lfirst(cell);

			/* Citus drops by name, on each shard, and not what belongs to it. */
			if (is_part_of(part, guard, trusted) &&
				(part->function == booking_guard_function(FUNCTION_MAKE_ROOM) ||
				 (query && !booking_distributed(guard->relid, &distribution))))
				record(part->oid, TriggerRelationId, guard->oid, DEPENDENCY_INTERNAL);
		}
		break;
	}
	table_close(rel, NoLock);
}

/*
 * The function that holds a capacity_query is dropped with the table.  (Not where there is Citus:
 * all shards of a table need the function of their node, and shards come and go; so does the
 * table, when it is distributed in another way.)
 */
static void
bind_function(Oid function, Oid relid)
{
	ObjectAddress part,
				whole;

	if (function_depends_on(ProcedureRelationId, function, relid))
		return;
	ObjectAddressSet(part, ProcedureRelationId, function);
	ObjectAddressSet(whole, RelationRelationId, relid);
	recordDependencyOn(&part, &whole, DEPENDENCY_AUTO);
}

static bool
function_depends_on(Oid class, Oid object, Oid relid)
{
	Relation	catalog = table_open(DependRelationId, AccessShareLock);
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(class));
	ScanKeyInit(&key[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object));
	scan = systable_beginscan(catalog, DependDependerIndexId, true, NULL, 2, key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		found = form->refclassid == RelationRelationId && form->refobjid == relid && form->refobjsubid == 0;
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return found;
}

static Oid
function_owner(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid			owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
		ReleaseSysCache(tuple);
	}
	return owner;
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

/*
 * All rows have been looked at: take the third argument away.  That is a row of pg_trigger, as
 * for a constraint that has been validated; a dump carries it along.
 */
void
booking_mark_validated(Oid trigger)
{
	Relation	catalog = table_open(TriggerRelationId, RowExclusiveLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			relid = InvalidOid;

	ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(trigger));
	scan = systable_beginscan(catalog, TriggerOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);
		bool		isnull;
		bytea	   *arguments = DatumGetByteaPCopy(heap_getattr(tuple, Anum_pg_trigger_tgargs,
															  RelationGetDescr(catalog), &isnull));
		size_t		cut = sizeof(NOT_VALIDATED);
		size_t		length = VARSIZE_ANY_EXHDR(arguments);

		if (form->tgnargs == 3 && length > cut &&
			strcmp(VARDATA_ANY(arguments) + length - cut, NOT_VALIDATED) == 0)
		{
			Datum		values[2];
			bool		nulls[2] = {false, false};
			int			columns[2] = {Anum_pg_trigger_tgnargs, Anum_pg_trigger_tgargs};
			bytea	   *rest = (bytea *) palloc(VARHDRSZ + length - cut);

			SET_VARSIZE(rest, VARHDRSZ + length - cut);
			memcpy(VARDATA(rest), VARDATA_ANY(arguments), length - cut);
			values[0] = Int16GetDatum(2);
			values[1] = PointerGetDatum(rest);
			relid = form->tgrelid;
			tuple = heap_modify_tuple_by_cols(tuple, RelationGetDescr(catalog), 2, columns, values, nulls);
			CatalogTupleUpdate(catalog, &tuple->t_self, tuple);
		}
	}
	systable_endscan(scan);
	table_close(catalog, RowExclusiveLock);
	if (OidIsValid(relid))
		CacheInvalidateRelcacheByRelid(relid);
}

/* The index that a guard has been bound to, or invalid. */
Oid
booking_bound_index(Oid trigger)
{
	Relation	catalog = table_open(DependRelationId, AccessShareLock);
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			index = InvalidOid;

	ScanKeyInit(&key[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(TriggerRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(trigger));
	scan = systable_beginscan(catalog, DependDependerIndexId, true, NULL, 2, key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);
		char		kind = form->refclassid == RelationRelationId ? get_rel_relkind(form->refobjid) : '\0';

		if (kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX)
			index = form->refobjid;
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return index;
}

static void
partition_attached(RangeVar *parent, RangeVar *partition)
{
	Oid			relid = RangeVarGetRelid(parent, NoLock, true);
	Oid			partition_id = RangeVarGetRelid(partition, NoLock, true);
	Relation	rel;
	TriggerDesc *triggers;
	List	   *scopes = NIL;
	List	   *leaves;
	ListCell   *cell;

	if (!OidIsValid(relid) || !OidIsValid(partition_id))
		return;

	rel = table_open(relid, AccessShareLock);
	triggers = CopyTriggerDesc(rel->trigdesc);
	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

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
