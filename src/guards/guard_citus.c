/*-------------------------------------------------------------------------
 *
 * guard_citus.c
 *		What is different about a guard on a table that Citus distributes?
 *
 * Little: a guard is a trigger, Citus puts triggers on the shards, and the guard of a shard
 * counts the rows of that shard.  So it is right if rows with equal keys are in one shard,
 * and that they are if the distribution column is one of the keys.  Otherwise the guard is
 * refused:
 *
 *	guard_table()		looks before it does anything;
 *	a table that is distributed later
 *						brings its guard along.  Citus then creates the guard's triggers on
 *						the table and the shards of each node, and our event trigger is called
 *						for each (guard_ddl.c).  What is known of the distribution at that moment
 *						depends on the order in which Citus does things; at the end of the
 *						transaction all of it is, and there we look.  The error makes the node's
 *						part fail, and so all of it.
 *
 * A capacity_query names tables, and on a node those have no rows.  A query on a shard cannot
 * ask other nodes, and must not: the CAPACITY lock is the node's.  So on a shard the query is
 * read with the shard of the other table that lies beside it: the copy of a reference table
 * that every node has, or the shard of a colocated table with the same keys.  A transaction that
 * changes the number changes that very shard (each copy, of a reference table), and its trigger
 * takes the lock by the same relation.
 *
 * guard_table() runs several statements over all shards.  Citus would send them through
 * several connections for each node, which then wait for each other: here it is told to use one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "nodes/nodeFuncs.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/distributed.h"
#include "guards/guard_citus.h"
#include "guards/guard_definition.h"
#include "guards/guard_text.h"

/* Guards that have been created in this transaction: OIDs of triggers. */
static List *to_look_at = NIL;

/* What a query for the rows of a shard is to read. */
typedef struct Beside
{
	Distribution shard;
	bool		to_run;
} Beside;

static void check_keys_contain(Relation rel, const char *name, const Definition *definition,
							   const Distribution *distribution);
static void guards_at_commit(XactEvent event, void *arg);
static void look_at_created(Oid trigger);
pg_noreturn static void not_beside(Oid relid, Oid guarded);
static void read_beside(RangeTblEntry *entry, const Beside *wanted);
static bool read_all_beside(Node *node, void *context);

/*
 * May the table get this guard?  Returns the nesting level of settings that booking_citus_done()
 * ends, or 0 when the table is not distributed.
 */
int
booking_citus_begin(Relation rel, const char *name, const Definition *definition, const char *impossible,
					const char *instead)
{
	Distribution distribution;
	const char *triggers;
	int			level;

	if (!booking_distributed(RelationGetRelid(rel), &distribution))
		return 0;
	if (impossible || distribution.shard > 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 distribution.shard > 0 ?
				 errmsg("\"%s\" is a shard of table \"%s\"", RelationGetRelationName(rel), get_rel_name(distribution.table)) :
				 errmsg("%s is not possible for table \"%s\", which Citus distributes", impossible, RelationGetRelationName(rel)),
				 distribution.shard > 0 ? errhint("Guard the table, on the coordinator.") : errhint("%s", instead)));
	if (definition)
		check_keys_contain(rel, name, definition, &distribution);
	triggers = GetConfigOption("citus.enable_unsafe_triggers", true, false);
	if (triggers == NULL || strcmp(triggers, "on") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" is distributed by Citus, which does not let it have triggers", RelationGetRelationName(rel)),
				 errdetail("A guard is a trigger on each shard. Citus calls triggers unsafe that read or write other nodes; a guard does neither."),
				 errhint("Set citus.enable_unsafe_triggers to on for every session that makes guards, distributes tables, or moves or splits shards: ALTER DATABASE ... SET citus.enable_unsafe_triggers = on.")));
	level = NewGUCNestLevel();
	(void) set_config_option("citus.multi_shard_modify_mode", "sequential", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	return level;
}

void
booking_citus_done(int level)
{
	if (level > 0)
		AtEOXact_GUC(true, level);
}

/*
 * Keep writers out, whichever node they come in by.  The caller has the lock on this one.
 */
void
booking_citus_lock(const char *table, int level)
{
	if (level > 0)
		booking_ddl("LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE", table);
}

/* Rows with equal keys are in one shard if the column that decides is one of the keys. */
static void
check_keys_contain(Relation rel, const char *name, const Definition *definition,
				   const Distribution *distribution)
{
	ListCell   *cell;

	if (distribution->everywhere)
		return;
	foreach(cell, definition->keys)
	{
		Var		   *var = lfirst(cell);

		if (distribution->hashed && IsA(var, Var) &&
			strcmp(get_attname(RelationGetRelid(rel), var->varattno, false), NameStr(distribution->column)) == 0)
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("guard \"%s\" cannot count the rows of table \"%s\", which is distributed by another column",
					booking_shown_name(RelationGetRelid(rel), name), booking_shown_table(RelationGetRelid(rel))),
			 distribution->hashed ?
			 errdetail("Rows with equal keys are on several nodes: column \"%s\" decides on which, and is not one of the columns that the guard compares.",
					   NameStr(distribution->column)) :
			 errdetail("Rows with equal keys are on several nodes, in the order in which they came."),
			 errhint("Distribute the table by a column of the guard's resource, or name \"%s\" in the resource.",
					 distribution->hashed ? NameStr(distribution->column) : "the distribution column")));
}

/* A guard's trigger has been created, by whatever means. */
void
booking_citus_created(Oid trigger)
{
	static bool registered = false;
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);

	if (!registered)
		RegisterXactCallback(guards_at_commit, NULL);
	registered = true;
	to_look_at = list_append_unique_oid(to_look_at, trigger);
	MemoryContextSwitchTo(caller);
}

static void
guards_at_commit(XactEvent event, void *arg)
{
	List	   *created = to_look_at;
	ListCell   *cell;

	to_look_at = NIL;
	if (created == NIL || (event != XACT_EVENT_PRE_COMMIT && event != XACT_EVENT_PRE_PREPARE))
		return;
	PushActiveSnapshot(GetTransactionSnapshot());
	foreach(cell, created)
		look_at_created(lfirst_oid(cell));
	PopActiveSnapshot();
}

static void
look_at_created(Oid oid)
{
	TriggerRow	row;
	Distribution distribution;
	Definition	definition;
	Relation	rel;
	TriggerDesc *triggers;

	/* It may be gone again. */
	if (!booking_trigger_row(oid, &row) || !booking_distributed(row.relid, &distribution))
		return;
	rel = relation_open(row.relid, AccessShareLock);
	triggers = CopyTriggerDesc(rel->trigdesc);
	for (int i = 0; triggers && i < triggers->numtriggers; i++)
		if (triggers->triggers[i].tgoid == oid && booking_written_by_guard(&triggers->triggers[i], &definition))
			check_keys_contain(rel, NameStr(row.name), &definition, &distribution);
	relation_close(rel, NoLock);
}

/* ---- capacity queries ---- */

/* Do the nodes have what a capacity_query for the rows of this table reads? */
void
booking_citus_check_beside(Relation rel, const List *relations)
{
	Distribution distribution;
	ListCell   *cell;

	if (!booking_distributed(RelationGetRelid(rel), &distribution))
		return;
	foreach(cell, relations)
		if (!booking_beside(RelationGetRelid(rel), lfirst_oid(cell)))
			not_beside(lfirst_oid(cell), RelationGetRelid(rel));
}

static void
not_beside(Oid relid, Oid guarded)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("capacity_query cannot read \"%s\"", get_rel_name(relid)),
			 errdetail("Its rows are not on the nodes where those of table \"%s\" are: it is neither a reference table nor colocated with it.",
					   get_rel_name(guarded)),
			 errhint("SELECT create_reference_table('%s'), or distribute it by the same key, colocated.", get_rel_name(relid))));
}

/*
 * Let a query read what lies beside the guarded relation, if that is a shard.  A query that is
 * "to_run" must find everything there; one that is only shown keeps names that are not found.
 */
void
booking_citus_read_beside(Query *query, Oid guarded, bool to_run)
{
	Beside		beside = {.to_run = to_run};

	if (OidIsValid(guarded) && booking_distributed(guarded, &beside.shard) && beside.shard.shard > 0)
		(void) read_all_beside((Node *) query, &beside);
}

static bool
read_all_beside(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		if (((RangeTblEntry *) node)->rtekind == RTE_RELATION)
			read_beside((RangeTblEntry *) node, context);
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, read_all_beside, context, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, read_all_beside, context);
}

static void
read_beside(RangeTblEntry *entry, const Beside *wanted)
{
	bool		distributed;
	Oid			beside = booking_shard_beside(&wanted->shard, entry->relid, &distributed);
	HeapTuple	tuple;
	AttrNumber	natts;

	if (!distributed || (!OidIsValid(beside) && !wanted->to_run))
		return;
	if (!OidIsValid(beside))
		not_beside(entry->relid, wanted->shard.table);

	/* The query says columns by number. */
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(entry->relid));
	natts = HeapTupleIsValid(tuple) ? ((Form_pg_class) GETSTRUCT(tuple))->relnatts : 0;
	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	for (AttrNumber i = 1; i <= natts; i++)
	{
		char	   *name = get_attname(entry->relid, i, true);
		char	   *there = get_attname(beside, i, true);

		if (name && (there == NULL || strcmp(name, there) != 0) && !wanted->to_run)
			return;
		if (name && (there == NULL || strcmp(name, there) != 0))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("a capacity_query cannot read the shards of table \"%s\"", get_rel_name(entry->relid)),
					 errdetail("Columns have been dropped before it was distributed, and its shards number theirs in another way."),
					 errhint("Have its shards made again: SELECT undistribute_table(...), then distribute it.")));
	}
	entry->relid = beside;
}
