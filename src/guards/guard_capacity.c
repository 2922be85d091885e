/*-------------------------------------------------------------------------
 *
 * guard_capacity.c
 *		What is the capacity, when a query says so, and what if that changes meanwhile?
 *
 * A capacity_query reads other tables: SELECT rooms FROM hotel WHERE id = $1.  Between the
 * moment when it is asked and the commit of the row that it was asked for, another transaction
 * may lower the number.  Each of the two would be right alone, and together they oversell.
 *
 * Locking the rows that the query returns (FOR SHARE) would do for the simplest queries only,
 * would write to the hotel's row for every booking, and would raise 40001 above READ COMMITTED.
 * Instead, every ordinary table that the query reads, through views too, has a trigger on the
 * columns that it reads.  A change of one of these columns takes the table's CAPACITY lock
 * exclusively and holds it to its commit; a row that asks takes the same lock in shared mode,
 * before it asks, and holds it to its own.  The lock is the table's, not a row's: only the query
 * knows which rows of the hotel table it looks at.
 *
 * So a capacity changes only when no transaction that has asked for it is still in progress, and
 * one that asks later sees the new capacity, at every isolation level: the query runs on the
 * latest snapshot.  To lower a capacity below what is booked is not refused: the table belongs
 * to the application, and the number may be what is contracted.  No further row is accepted then
 * until there is room.  An application that wants it refused calls validate_guard() after the
 * change: that looks with the latest snapshot as well, where its own query above READ COMMITTED
 * would see an older one.
 *
 * What the query means is kept, not its text: guard_table() puts it into a function whose
 * body is parsed (BEGIN ATOMIC), and names that function in the guard's WHEN clause.  So tables
 * and columns may be renamed, cannot be dropped, and dumps know what comes first.  The function
 * is never called: its body is written out again, all names in full, whenever a guard is loaded.
 *
 * The query runs as the owner of the guarded table, in a security-restricted operation with
 * search_path = pg_catalog, pg_temp (identity.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/identity.h"
#include "base/locks.h"
#include "base/trigger.h"
#include "guards/guard_capacity.h"
#include "guards/guard_citus.h"
#include "guards/guard_definition.h"

PG_FUNCTION_INFO_V1(booking_capacity_changes);

/* Which columns of one table a query mentions. */
typedef struct Mentioned
{
	Oid			relid;
	Bitmapset  *columns;
	bool		all;
	List	   *queries;		/* the ones we are in, innermost first */
} Mentioned;

static bool mentioned(Node *node, void *context);
static void read_again(CapacityQuery *query);
static bool named_relations(Node *node, void *names);

/*
 * The query that a function in SQL holds, as it reads today, and the relations that it names:
 * its body is kept as it was parsed, and follows whatever is renamed.  On a shard of Citus' it
 * names what lies beside the guarded relation (guard_citus.c).  NULL when the function does not
 * hold one any more, because it has been replaced.
 */
char *
booking_capacity_text(Oid function, Oid guarded, List **names)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	char	   *query = NULL;
	bool		isnull = true;
	Datum		body;
	int			nest_level;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	body = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosqlbody, &isnull);
	if (!isnull)
	{
		Node	   *node = stringToNode(TextDatumGetCString(body));

		/* BEGIN ATOMIC is a list of a list of statements. */
		if (IsA(node, List))
			node = linitial((List *) node);
		if (IsA(node, List) && list_length((List *) node) == 1)
			node = linitial((List *) node);
		if (IsA(node, Query))
		{
			booking_citus_read_beside((Query *) node, guarded, names != NULL);
			nest_level = NewGUCNestLevel();
			(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
									 GUC_ACTION_SAVE, true, 0, false);
			query = pg_get_querydef((Query *) node, false);
			AtEOXact_GUC(true, nest_level);
			if (names)
				named_relations(node, names);
		}
	}
	ReleaseSysCache(tuple);
	return query;
}

static bool
named_relations(Node *node, void *names)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		if (((RangeTblEntry *) node)->rtekind == RTE_RELATION)
			*(List **) names = list_append_unique_oid(*(List **) names, ((RangeTblEntry *) node)->relid);
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, named_relations, names, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, named_relations, names);
}

/*
 * The capacity_query of a guard that is there.  It runs as the owner of the guarded table, so
 * the function must belong to that owner, or to a role with its rights.
 */
CapacityQuery *
booking_capacity_of(const Definition *definition, Oid owner, Oid guarded)
{
	CapacityQuery *query = palloc0(sizeof(CapacityQuery));
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(definition->capacity));
	Oid			author = HeapTupleIsValid(tuple) ? ((Form_pg_proc) GETSTRUCT(tuple))->proowner : InvalidOid;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	query->owner = owner;
	query->function = definition->capacity;
	query->guarded = guarded;
	query->text = booking_capacity_text(definition->capacity, guarded, &query->names);
	if (query->text == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("function %s does not hold a capacity_query any more", format_procedure(definition->capacity)),
				 errhint("Remove the guard with booking.unguard_table(), and call booking.guard_table() again.")));
	if (!has_privs_of_role(author, owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("function %s, which holds a capacity_query, must belong to the owner of the guarded table",
						format_procedure(definition->capacity)),
				 errdetail("It belongs to %s, and the table to %s.", GetUserNameFromId(author, true),
						   GetUserNameFromId(owner, true)),
				 errhint("ALTER FUNCTION %s OWNER TO %s", format_procedure(definition->capacity),
						 quote_identifier(GetUserNameFromId(owner, true)))));
	return query;
}

/*
 * Prepare the query, and find out which tables it reads.  The caller is connected to SPI.
 */
void
booking_capacity_prepare(CapacityQuery *query, int nkeys, const Oid *key_types)
{
	MemoryContext context = GetMemoryChunkContext(query);
	SPIPlanPtr	plan;
	Oid			types[INDEX_MAX_KEYS];
	Identity	caller;
	ListCell   *cell;

	memcpy(types, key_types, nkeys * sizeof(Oid));
	booking_become(query->owner, &caller);
	plan = SPI_prepare(query->text, nkeys, types);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", query->text, SPI_result_code_string(SPI_result));
	booking_be_again(&caller);

	query->relations = NIL;
	context = MemoryContextSwitchTo(context);
	foreach(cell, SPI_plan_get_plan_sources(plan))
	{
		CachedPlanSource *source = lfirst(cell);
		ListCell   *relation;

		foreach(relation, source->relationOids)
		{
			if (get_rel_relkind(lfirst_oid(relation)) != RELKIND_VIEW)
				query->relations = list_append_unique_oid(query->relations, lfirst_oid(relation));
		}
	}
	MemoryContextSwitchTo(context);

	SPI_keepplan(plan);
	query->plan = plan;
}

/* Something has changed: does the query still name the same relations? */
static void
read_again(CapacityQuery *query)
{
	MemoryContext caller = MemoryContextSwitchTo(GetMemoryChunkContext(query));
	char	   *text = booking_capacity_text(query->function, query->guarded, NULL);

	MemoryContextSwitchTo(caller);
	if (text == NULL)
		return;
	SPI_freeplan(query->plan);
	query->plan = NULL;
	pfree(query->text);
	query->text = text;
}

/*
 * The capacity for these keys.  It stays so until we commit, except for a caller that only
 * looks.  No row, NULL or a negative number means 0.
 */
int64
booking_capacity_ask(CapacityQuery *query, Datum *keys, int nkeys, const Oid *key_types, bool stays)
{
	Identity	caller;
	ListCell   *cell;
	int64		capacity = 0;

	/* From here on, the relations that it names cannot be renamed. */
	foreach(cell, query->names)
		LockRelationOid(lfirst_oid(cell), AccessShareLock);

	SPI_connect();
	if (query->plan && OidIsValid(query->function) && !SPI_plan_is_valid(query->plan))
		read_again(query);
	if (query->plan == NULL)
		booking_capacity_prepare(query, nkeys, key_types);
	if (stays)
		foreach(cell, query->relations)
			booking_lock_capacity(lfirst_oid(cell), false);

	booking_become(query->owner, &caller);
	if (SPI_execute_snapshot(query->plan, keys, NULL, GetLatestSnapshot(), InvalidSnapshot,
							 true, false, 2) < 0)
		elog(ERROR, "\"%s\" failed: %s", query->text, SPI_result_code_string(SPI_result));
	booking_be_again(&caller);

	if (SPI_processed > 1)
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("a capacity_query returned more than one row"),
				 errdetail("The query is: %s", query->text)));
	if (SPI_processed == 1)
	{
		bool		isnull;
		Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);

		if (!isnull)
		{
			switch (SPI_gettypeid(SPI_tuptable->tupdesc, 1))
			{
				case INT2OID:
					capacity = DatumGetInt16(value);
					break;
				case INT4OID:
					capacity = DatumGetInt32(value);
					break;
				case INT8OID:
					capacity = DatumGetInt64(value);
					break;
				default:
					ereport(ERROR,
							(errcode(ERRCODE_DATATYPE_MISMATCH),
							 errmsg("a capacity_query must return an integer"),
							 errdetail("The query is: %s", query->text)));
			}
		}
	}
	SPI_finish();
	/* Less than the number that stands for a sum which is no int64 any more. */
	return Min(Max(capacity, 0), PG_INT64_MAX - 1);
}

/* Names of the columns of a table that the query mentions; NIL for all of them. */
List *
booking_capacity_columns(CapacityQuery *query, Oid relid)
{
	Mentioned	found = {.relid = relid};
	List	   *names = NIL;
	ListCell   *cell;
	int			attno = -1;

	foreach(cell, SPI_plan_get_plan_sources(query->plan))
	{
		CachedPlanSource *source = lfirst(cell);

		mentioned((Node *) source->query_list, &found);
	}
	while (!found.all && (attno = bms_next_member(found.columns, attno)) >= 0)
		names = lappend(names, get_attname(relid, attno, false));
	return names;
}

static bool
mentioned(Node *node, void *context)
{
	Mentioned  *found = context;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		bool		result;

		found->queries = lcons(node, found->queries);
		result = query_tree_walker((Query *) node, mentioned, context, 0);
		found->queries = list_delete_first(found->queries);
		return result;
	}
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;
		Query	   *query = list_nth(found->queries, var->varlevelsup);
		RangeTblEntry *entry = rt_fetch(var->varno, query->rtable);

		if (entry->rtekind == RTE_RELATION && entry->relid == found->relid)
		{
			if (var->varattno > 0)
				found->columns = bms_add_member(found->columns, var->varattno);
			else
				found->all = true;
		}
		else if (entry->rtekind == RTE_JOIN)
			found->all = true;	/* a column of both sides: not worth following */
		return false;
	}
	return expression_tree_walker(node, mentioned, context);
}

/*
 * BEFORE INSERT, DELETE or UPDATE OF those columns, for each row of a table that capacities
 * are read from: wait for the transactions that have read them, and keep others from reading.
 */
Datum
booking_capacity_changes(PG_FUNCTION_ARGS)
{
	static TriggerUse use = {
		.timing = TRIGGER_TYPE_BEFORE, .levels = LEVEL_ROW,
		.events = ON_INSERT | ON_UPDATE | ON_DELETE
	};
	TriggerData *trigger = booking_check_trigger(fcinfo, &use);
	Trigger    *self;
	bool		changes = true;

	self = trigger->tg_trigger;
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) && self->tgnattr > 0)
	{
		TupleDesc	desc = RelationGetDescr(trigger->tg_relation);

		changes = false;
		for (int i = 0; i < self->tgnattr && !changes; i++)
		{
			AttrNumber	attno = self->tgattr[i];
			Form_pg_attribute att = TupleDescAttr(desc, attno - 1);
			bool		old_null,
						new_null;
			Datum		old_value = slot_getattr(trigger->tg_trigslot, attno, &old_null);
			Datum		new_value = slot_getattr(trigger->tg_newslot, attno, &new_null);

			changes = att->attgenerated || old_null != new_null ||
				(!old_null && !datum_image_eq(old_value, new_value, att->attbyval, att->attlen));
		}
	}
	if (changes)
		booking_lock_capacity(booking_top_trigger(self->tgoid).relid, true);

	return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ?
						   trigger->tg_newtuple : trigger->tg_trigtuple);
}
