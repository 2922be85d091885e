/*-------------------------------------------------------------------------
 *
 * store.c
 *		How does a row get into a table of ours without a statement?
 *
 * The executor does the same work for every INSERT: it reads the CHECK expression from its text,
 * compiles it, the defaults and the predicates of all indexes, and forgets them.  For one row
 * that takes longer than the row.  Here the same is done with the same functions of the
 * executor (ExecBRInsertTriggers(), ExecConstraints(), ExecInsertIndexTuples(),
 * ExecARInsertTriggers(), as in logical replication), but what it takes is compiled once and
 * remembered until the table or one of its indexes changes.
 *
 * Which rows?  Those of tables that are as the extension has made them, give or take what makes
 * no difference: plain columns that others have added, and indexes.  Where policies, rules,
 * partitions, generated columns, domains, triggers of others, expressions that call functions of
 * others, or privileges on columns would matter, the answer is STORE_BY_STATEMENT, and the caller
 * runs its INSERT.  That is so because what is compiled keeps a function as it was, and because
 * nothing of others may run here as a role that it would not run as there: the statement may run
 * as the owner of the tables, and here the role is not changed at all.
 *
 * What is remembered is current because the table is locked (as an INSERT locks it) before it is
 * looked up, and none of it changes under that lock.  Of the indexes, only those are opened that
 * the row belongs in, by their predicates: a booking is in three of nine.  That is known when the
 * BEFORE triggers are done.  An index is watched as well as the table, for access methods keep
 * pointers into its relation: where an invalidation has arrived since, which may come with the
 * lock of an index (it was moved to another tablespace), they are set up anew.
 *
 * An exclusion constraint looks at its index once more when the row is in it.  Where the row's
 * trigger has looked, found nothing at all, and is still in the gate (gates.c), nothing can have
 * come meanwhile, provided that every writer enters that gate: the trigger is the only BEFORE
 * ROW trigger, so that the row is stored as it was judged, and it is ENABLE ALWAYS, so that it
 * also runs where other triggers do not (unjudged.c).  Then the constraint is not checked a
 * second time.
 *
 * Several rows are one statement, as a multi-row INSERT is: the table, its indexes and what the
 * executor needs are opened once.  Each is judged when those before it are in the indexes.
 * Without triggers they go into the table together, as many as a few pages hold.
 *
 * Like a statement of SPI's, a row with triggers has a command id and a snapshot of its own:
 * that is how gates are told apart (gates.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_relation.h"
#include "rewrite/prs2lock.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "base/cache.h"
#include "base/columns.h"
#include "base/compat.h"
#include "base/gates.h"
#include "base/identity.h"
#include "base/store.h"
#include "base/test_point.h"

/* So many rows are put into a table together. */
#define ROWS_AT_ONCE	64

/* What it takes to write to a table. */
typedef struct Store
{
	Oid			relid;			/* hash key: must be first */
	bool		usual;			/* a row can be stored here; else only by a statement */
	bool		own_words;		/* no default but the number of an identity is evaluated */
	AttrNumber *column;			/* where the given columns are */
	List	   *range_table;	/* for error messages, which columns were given */
	List	   *permissions;
	ExprState **defaults;		/* by column, of those that are not given; NULL: no value */
	ExprState **checks;			/* as ExecConstraints() has them */
	int			nindexes;
	Oid		   *index;
	IndexInfo **index_info;
	IndexInfo **unchecked;		/* the same without the constraint's check, of an exclusion constraint */
	bool		gated;			/* no row gets in without its trigger */
	TriggerDesc *triggers;
	FmgrInfo   *trigger_function;	/* as ExecCallTriggerFunc() has them */
	ExprState **trigger_when;	/* as TriggerEnabled() */
} Store;

/* One row on its way. */
typedef struct Storing
{
	const NewRow *row;
	const Store *store;
	Relation	rel;
	EState	   *estate;
	ResultRelInfo *target;
	uint64		since;			/* when what is remembered was current */
} Storing;

static Cache stores = {
	.name = "booking stores", .keysize = sizeof(Oid), .entrysize = sizeof(Store),
	.limit = 4 * 1024 * 1024
};

static bool may_store(const NewRow *row, Relation rel);
static const Store *find_store(const NewRow *row, Relation rel, uint64 *since);
static const Store *load_store(const NewRow *row, Relation rel);
static bool load_given_columns(const NewRow *row, Relation rel, Store *store);
static bool load_defaults(const NewRow *row, Relation rel, Store *store);
static bool load_checks(Relation rel, Store *store);
static bool load_indexes(Relation rel, Store *store);
static bool load_triggers(Relation rel, Store *store);
static bool is_always_gated(const TriggerDesc *triggers, Oid ours);
static ExprState *compile_for_store(Node *expression);
static void begin_storing(Storing *storing);
static void fill_slot(const Storing *storing, TupleTableSlot *slot, int i);
static bool store_each(Storing *storing);
static bool store_one(Storing *storing, TupleTableSlot *slot);
static void store_together(Storing *storing);
static void open_indexes(Storing *storing, TupleTableSlot *slot);
static List *put_row_into_indexes(Storing *storing, TupleTableSlot *slot);
static void end_storing(Storing *storing);

/*
 * Store a row.  The caller may go on as after SPI_execute_plan(): the row is visible to the
 * next statement.
 */
StoreAnswer
booking_store(const NewRow *row)
{
	Storing		storing = {.row = row, .rel = table_open(booking_table(row->table), RowExclusiveLock)};
	bool		stored = true;

	if (!may_store(row, storing.rel) ||
		(storing.store = find_store(row, storing.rel, &storing.since)) == NULL)
	{
		table_close(storing.rel, NoLock);
		return STORE_BY_STATEMENT;
	}
	if (!row->no_triggers)
	{
		CommandCounterIncrement();
		PushActiveSnapshot(GetLatestSnapshot());
	}
	begin_storing(&storing);
	if (row->more > 0 && row->no_triggers)
		store_together(&storing);
	else
		stored = store_each(&storing);
	end_storing(&storing);
	if (!row->no_triggers)
		PopActiveSnapshot();
	table_close(storing.rel, NoLock);
	CommandCounterIncrement();
	return stored ? STORE_DONE : STORE_SUPPRESSED;
}

/* Will it be stored so?  The table is locked. */
bool
booking_store_is_possible(const NewRow *row)
{
	Relation	rel = table_open(booking_table(row->table), NoLock);
	uint64		since;
	bool		possible = may_store(row, rel) && find_store(row, rel, &since) != NULL;

	table_close(rel, NoLock);
	return possible;
}

/* What depends on the role and the transaction, and not on the table alone. */
static bool
may_store(const NewRow *row, Relation rel)
{
	Oid			role = OidIsValid(row->owner) ? row->owner : GetUserId();

	if (XactReadOnly || IsInParallelMode() || ExecutorCheckPerms_hook != NULL)
		return false;
	if (rel->rd_rel->relrowsecurity &&
		(OidIsValid(row->owner) || check_enable_rls(RelationGetRelid(rel), InvalidOid, true) != RLS_NONE))
		return false;
	return pg_class_aclcheck(RelationGetRelid(rel), role, ACL_INSERT) == ACLCHECK_OK;
}

/*
 * What it takes to write to the table; NULL when a statement is to do it.  What changed while it
 * was read is read once more, and after that left to the statement.
 */
static const Store *
find_store(const NewRow *row, Relation rel, uint64 *since)
{
	for (int tries = 0; tries < 2; tries++)
	{
		Oid			relid = RelationGetRelid(rel);
		const Store *store;

		*since = booking_cache_now();
		store = booking_cache_find(&stores, &relid);
		if (store == NULL)
			store = load_store(row, rel);
		if (!store->usual || (OidIsValid(row->owner) && !store->own_words))
			return NULL;
		if (!booking_cache_changed(&stores, *since))
			return store;
	}
	return NULL;
}

/* ---- what is remembered ---- */

static const Store *
load_store(const NewRow *row, Relation rel)
{
	Generation *generation = booking_cache_load(&stores);
	MemoryContext caller = MemoryContextSwitchTo(booking_cache_memory(generation));
	Store		store = {.relid = RelationGetRelid(rel), .own_words = true};

	booking_cache_watch(&stores, store.relid);
	store.usual = rel->rd_rel->relkind == RELKIND_RELATION && !rel->rd_rel->relispartition &&
		!rel->rd_rel->relhasrules && !has_generated_columns(RelationGetDescr(rel)) &&
		load_given_columns(row, rel, &store) && load_defaults(row, rel, &store) &&
		load_checks(rel, &store) && load_indexes(rel, &store) && load_triggers(rel, &store);
	MemoryContextSwitchTo(caller);
	return booking_cache_keep(generation, &store);
}

/* Where they are, if they are of the type that the values have. */
static bool
load_given_columns(const NewRow *row, Relation rel, Store *store)
{
	TupleDesc	desc = RelationGetDescr(rel);
	RangeTblEntry *entry = makeNode(RangeTblEntry);
	Bitmapset  *given = NULL;

	store->column = palloc_array(AttrNumber, row->ncolumns);
	for (int i = 0; i < row->ncolumns; i++)
	{
		AttrNumber	attno = booking_column_if_there(desc, row->columns[i]);

		if (attno == InvalidAttrNumber || TupleDescAttr(desc, attno - 1)->atttypid != row->types[i] ||
			TupleDescAttr(desc, attno - 1)->atttypmod != -1)
			return false;
		store->column[i] = attno;
		given = bms_add_member(given, attno - FirstLowInvalidHeapAttributeNumber);
	}
	entry->rtekind = RTE_RELATION;
	entry->relid = RelationGetRelid(rel);
	entry->relkind = rel->rd_rel->relkind;
	entry->rellockmode = RowExclusiveLock;
	add_permissions_compat(entry, given, &store->permissions);
	store->range_table = list_make1(entry);
	return true;
}

static bool
load_defaults(const NewRow *row, Relation rel, Store *store)
{
	TupleDesc	desc = RelationGetDescr(rel);

	store->defaults = palloc0_array(ExprState *, desc->natts);
	for (AttrNumber attno = 1; attno <= desc->natts; attno++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, attno - 1);
		Node	   *value;
		bool		given = false;

		for (int i = 0; i < row->ncolumns; i++)
			given |= store->column[i] == attno;
		if (given || attribute->attisdropped)
			continue;
		if (get_typtype(attribute->atttypid) == TYPTYPE_DOMAIN)
			return false;
		value = build_column_default(rel, attno);
		if (value == NULL)
			continue;
		if (!IsA(value, NextValueExpr) && booking_code_of_others(value))
			return false;
		store->own_words &= IsA(value, NextValueExpr);
		store->defaults[attno - 1] = compile_for_store(value);
	}
	return true;
}

static bool
load_checks(Relation rel, Store *store)
{
	const TupleConstr *constraints = RelationGetDescr(rel)->constr;
	int			n = constraints ? constraints->num_check : 0;

	store->checks = palloc0_array(ExprState *, n + 1);
	for (int i = 0; i < n; i++)
	{
		const ConstrCheck *check = &constraints->check[i];
		Node	   *expression = stringToNode(check->ccbin);

		if (!check_is_enforced(check))
			continue;
		if (booking_code_of_others(expression))
			return false;
		store->checks[i] = compile_for_store(expression);
	}
	return true;
}

static bool
load_indexes(Relation rel, Store *store)
{
	List	   *list = RelationGetIndexList(rel);
	ListCell   *cell;

	store->index = palloc_array(Oid, list_length(list) + 1);
	store->index_info = palloc_array(IndexInfo *, list_length(list) + 1);
	store->unchecked = palloc0_array(IndexInfo *, list_length(list) + 1);
	foreach(cell, list)
	{
		Relation	index = index_open(lfirst_oid(cell), RowExclusiveLock);
		IndexInfo  *info = BuildIndexInfo(index);
		ListCell   *expression;

		booking_cache_watch(&stores, RelationGetRelid(index));
		index_close(index, RowExclusiveLock);
		if (booking_code_of_others((Node *) info->ii_Expressions) ||
			booking_code_of_others((Node *) info->ii_Predicate))
			return false;
		foreach(expression, info->ii_Expressions)
			info->ii_ExpressionsState = lappend(info->ii_ExpressionsState,
												compile_for_store(lfirst(expression)));
		if (info->ii_Predicate)
			info->ii_PredicateState = ExecInitQual((List *) expression_planner((Expr *) info->ii_Predicate), NULL);
		if (info->ii_ExclusionOps)
		{
			IndexInfo  *unchecked = store->unchecked[store->nindexes] = palloc(sizeof(IndexInfo));

			*unchecked = *info;
			unchecked->ii_ExclusionOps = NULL;
			unchecked->ii_ExclusionProcs = NULL;
			unchecked->ii_ExclusionStrats = NULL;
		}
		store->index[store->nindexes] = lfirst_oid(cell);
		store->index_info[store->nindexes++] = info;
	}
	return true;
}

/* All that run for an INSERT have to be ours. */
static bool
load_triggers(Relation rel, Store *store)
{
	Oid			ours = get_namespace_oid("booking", false);
	int			n;

	store->triggers = CopyTriggerDesc(rel->trigdesc);
	n = store->triggers ? store->triggers->numtriggers : 0;
	store->trigger_function = palloc0_array(FmgrInfo, n + 1);
	store->trigger_when = palloc0_array(ExprState *, n + 1);
	store->gated = is_always_gated(store->triggers, ours);
	for (int i = 0; i < n; i++)
	{
		const Trigger *trigger = &store->triggers->triggers[i];
		Node	   *when;

		if (trigger->tgenabled == TRIGGER_DISABLED || !TRIGGER_FOR_INSERT(trigger->tgtype))
			continue;
		if (get_func_namespace(trigger->tgfoid) != ours || trigger->tgdeferrable || trigger->tgnewtable)
			return false;
		fmgr_info(trigger->tgfoid, &store->trigger_function[i]);
		if (trigger->tgqual == NULL)
			continue;
		when = stringToNode(trigger->tgqual);
		if (booking_code_of_others(when))
			return false;
		ChangeVarNodes(when, PRS2_OLD_VARNO, INNER_VAR, 0);
		ChangeVarNodes(when, PRS2_NEW_VARNO, OUTER_VAR, 0);
		store->trigger_when[i] = ExecInitQual(make_ands_implicit(expression_planner((Expr *) when)), NULL);
	}
	return true;
}

/* Does each row, whichever role writes it, come through one trigger of ours, and none after it? */
static bool
is_always_gated(const TriggerDesc *triggers, Oid ours)
{
	const Trigger *gate = NULL;

	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (!TRIGGER_FOR_ROW(trigger->tgtype) || !TRIGGER_FOR_BEFORE(trigger->tgtype) ||
			!(TRIGGER_FOR_INSERT(trigger->tgtype) || TRIGGER_FOR_UPDATE(trigger->tgtype)))
			continue;
		if (gate)
			return false;
		gate = trigger;
	}
	return gate && TRIGGER_FOR_INSERT(gate->tgtype) && TRIGGER_FOR_UPDATE(gate->tgtype) &&
		gate->tgenabled == TRIGGER_FIRES_ALWAYS && gate->tgnattr == 0 && gate->tgqual == NULL &&
		get_func_namespace(gate->tgfoid) == ours;
}

/* The expression lasts as long as the memory context that is current. */
static ExprState *
compile_for_store(Node *expression)
{
	return ExecInitExpr(expression_planner((Expr *) expression), NULL);
}

/* ---- one row ---- */

/* As ExecInitResultRelation(), with what is known already. */
static void
begin_storing(Storing *storing)
{
	const Store *store = storing->store;
	EState	   *estate = CreateExecutorState();
	MemoryContext caller = MemoryContextSwitchTo(estate->es_query_cxt);
	ResultRelInfo *target = makeNode(ResultRelInfo);

	init_range_table_compat(estate, store->range_table, store->permissions);
	estate->es_output_cid = GetCurrentCommandId(true);
	estate->es_opened_result_relations = list_make1(target);

	target->ri_RangeTableIndex = 1;
	target->ri_RelationDesc = storing->rel;
	check_states(target) = store->checks;
	if (!storing->row->no_triggers)
	{
		target->ri_TrigDesc = store->triggers;
		target->ri_TrigFunctions = store->trigger_function;
		target->ri_TrigWhenExprs = store->trigger_when;
	}
	target->ri_IndexRelationDescs = palloc_array(Relation, store->nindexes + 1);
	target->ri_IndexRelationInfo = palloc_array(IndexInfo *, store->nindexes + 1);
	storing->estate = estate;
	storing->target = target;
	if (target->ri_TrigDesc)
		AfterTriggerBeginQuery();
	MemoryContextSwitchTo(caller);
}

static void
fill_slot(const Storing *storing, TupleTableSlot *slot, int i)
{
	const NewRow *row = storing->row;
	const Datum *values = row->values + i * row->ncolumns;
	const char *nulls = row->nulls ? row->nulls + i * row->ncolumns : NULL;
	const Store *store = storing->store;
	int			natts = slot->tts_tupleDescriptor->natts;
	ExprContext *context = GetPerTupleExprContext(storing->estate);

	ExecClearTuple(slot);
	for (int a = 0; a < natts; a++)
	{
		slot->tts_values[a] = (Datum) 0;
		slot->tts_isnull[a] = true;
		if (store->defaults[a])
			slot->tts_values[a] = ExecEvalExprSwitchContext(store->defaults[a], context, &slot->tts_isnull[a]);
	}
	for (int c = 0; c < row->ncolumns; c++)
	{
		if (nulls && nulls[c] == 'n')
			continue;
		slot->tts_values[store->column[c] - 1] = values[c];
		slot->tts_isnull[store->column[c] - 1] = false;
	}
	ExecStoreVirtualTuple(slot);
}

/* With their triggers.  False when there is one row, and a BEFORE trigger does not want it. */
static bool
store_each(Storing *storing)
{
	EState	   *estate = storing->estate;
	ResultRelInfo *target = storing->target;
	MemoryContext caller = MemoryContextSwitchTo(estate->es_query_cxt);
	TupleTableSlot *slot = table_slot_create(storing->rel, &estate->es_tupleTable);
	int			more = storing->row->more;
	bool		stored = true;

	if (target->ri_TrigDesc && target->ri_TrigDesc->trig_insert_before_statement)
		ExecBSInsertTriggers(estate, target);
	if (more > 0)
		open_indexes(storing, NULL);
	for (int i = 0; i <= more; i++)
	{
		CHECK_FOR_INTERRUPTS();
		ResetPerTupleExprContext(estate);
		fill_slot(storing, slot, i);
		stored = store_one(storing, slot);
	}
	if (target->ri_TrigDesc)
	{
		ExecASInsertTriggers(estate, target, NULL);
		AfterTriggerEndQuery(estate);
	}
	MemoryContextSwitchTo(caller);
	return stored || more > 0;
}

/* As ExecInsert().  False when a BEFORE trigger does not want the row. */
static bool
store_one(Storing *storing, TupleTableSlot *slot)
{
	EState	   *estate = storing->estate;
	ResultRelInfo *target = storing->target;
	List	   *recheck = NIL;

	if (target->ri_TrigDesc && target->ri_TrigDesc->trig_insert_before_row &&
		!ExecBRInsertTriggers(estate, target, slot))
		return false;
	slot->tts_tableOid = RelationGetRelid(storing->rel);
	if (RelationGetDescr(storing->rel)->constr)
		ExecConstraints(target, slot, estate);
	BOOKING_TEST_POINT("store-judged");
	table_tuple_insert(storing->rel, slot, estate->es_output_cid, 0, NULL);
	if (storing->row->more == 0)
		open_indexes(storing, slot);
	if (target->ri_NumIndices > 0)
		recheck = put_row_into_indexes(storing, slot);
	if (target->ri_TrigDesc)
		ExecARInsertTriggers(estate, target, slot, recheck, NULL);
	return true;
}

/* Without triggers: several go into the table in one step. */
static void
store_together(Storing *storing)
{
	EState	   *estate = storing->estate;
	ResultRelInfo *target = storing->target;
	MemoryContext caller = MemoryContextSwitchTo(estate->es_query_cxt);
	TupleTableSlot *slots[ROWS_AT_ONCE];
	int			n = storing->row->more + 1;
	int			size = Min(n, ROWS_AT_ONCE);

	for (int i = 0; i < size; i++)
		slots[i] = table_slot_create(storing->rel, &estate->es_tupleTable);
	open_indexes(storing, NULL);
	for (int first = 0, now; first < n; first += now)
	{
		CHECK_FOR_INTERRUPTS();
		now = Min(n - first, size);
		for (int i = 0; i < now; i++)
		{
			ResetPerTupleExprContext(estate);
			fill_slot(storing, slots[i], first + i);
			slots[i]->tts_tableOid = RelationGetRelid(storing->rel);
			if (RelationGetDescr(storing->rel)->constr)
				ExecConstraints(target, slots[i], estate);
			ExecMaterializeSlot(slots[i]);
		}
		table_multi_insert(storing->rel, slots, now, estate->es_output_cid, 0, NULL);
		for (int i = 0; i < now && target->ri_NumIndices > 0; i++)
		{
			ResetPerTupleExprContext(estate);
			(void) insert_index_tuples_compat(target, slots[i], estate);
		}
	}
	MemoryContextSwitchTo(caller);
}

/* As ExecOpenIndices(), of those that the row belongs in; all of them without a row. */
static void
open_indexes(Storing *storing, TupleTableSlot *slot)
{
	const Store *store = storing->store;
	ResultRelInfo *target = storing->target;
	ExprContext *context = GetPerTupleExprContext(storing->estate);
	bool		news;
	int			n = 0;

	context->ecxt_scantuple = slot;
	for (int i = 0; i < store->nindexes; i++)
	{
		IndexInfo  *info = store->index_info[i];

		if (slot && info->ii_Predicate && !ExecQual(info->ii_PredicateState, context))
			continue;
		target->ri_IndexRelationInfo[n] = info;
		target->ri_IndexRelationDescs[n++] = index_open(store->index[i], RowExclusiveLock);
	}
	target->ri_NumIndices = n;

	/*
	 * The infos of indexes of PostgreSQL's own kinds are kept, with what the access method keeps in
	 * them, which would otherwise set up its support functions for each row.
	 */
	news = booking_cache_changed(&stores, storing->since);
	for (int i = 0; i < n; i++)
	{
		Oid			method = target->ri_IndexRelationDescs[i]->rd_rel->relam;
		IndexInfo  *info;

		if (!news && (method == BTREE_AM_OID || method == GIST_AM_OID || method == HASH_AM_OID))
			continue;
		info = palloc(sizeof(IndexInfo));
		*info = *target->ri_IndexRelationInfo[i];
		info->ii_AmCache = NULL;
		info->ii_Context = CurrentMemoryContext;
		target->ri_IndexRelationInfo[i] = info;
	}
}

/* An index that is known to have nothing in the way is not asked again. */
static List *
put_row_into_indexes(Storing *storing, TupleTableSlot *slot)
{
	const Store *store = storing->store;
	ResultRelInfo *target = storing->target;
	Oid			nothing_in = store->gated ? booking_gates_nothing_in() : InvalidOid;
	IndexInfo **checked = NULL;
	IndexInfo  *before = NULL;
	List	   *recheck;

	for (int i = 0; i < target->ri_NumIndices && OidIsValid(nothing_in) && !checked; i++)
		for (int known = 0; known < store->nindexes; known++)
			if (RelationGetRelid(target->ri_IndexRelationDescs[i]) == nothing_in &&
				target->ri_IndexRelationInfo[i] == store->index_info[known] && store->unchecked[known])
			{
				checked = &target->ri_IndexRelationInfo[i];
				before = *checked;
				*checked = store->unchecked[known];
			}
	recheck = insert_index_tuples_compat(target, slot, storing->estate);
	if (checked)
		*checked = before;
	return recheck;
}

static void
end_storing(Storing *storing)
{
	for (int i = 0; i < storing->target->ri_NumIndices; i++)
	{
		index_insert_cleanup(storing->target->ri_IndexRelationDescs[i], storing->target->ri_IndexRelationInfo[i]);
		/* Locked to the end, like the table: to give the lock back costs more than to have it. */
		index_close(storing->target->ri_IndexRelationDescs[i], NoLock);
	}
	ExecResetTupleTable(storing->estate->es_tupleTable, false);
	FreeExecutorState(storing->estate);
}
