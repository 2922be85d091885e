/*-------------------------------------------------------------------------
 *
 * guarded.c
 *		Which rules does a table have, and where are the rows that they count?
 *
 * A rule on a user's table is a trigger of that table, and nothing else:
 *
 *	CREATE TRIGGER stay_guard AFTER INSERT OR UPDATE ON stay FOR EACH ROW
 *		WHEN (booking.check_again(new.hotel, new.nights, new.rooms, new.canceled_at IS NULL))
 *		EXECUTE FUNCTION booking.check_capacity('20', 'own index')
 *
 * The arguments in the WHEN clause are the definition: the columns that are compared for
 * equality, the range, what a row takes, and whether it is in force.  PostgreSQL keeps
 * expressions in a WHEN clause right when columns or tables are renamed and when columns
 * are dropped, refuses to drop the columns, copies them to partitions, also to those that
 * are attached later, and dumps and restores them.  A catalog table of ours would have to
 * learn all of that again; booking.guarded_table is a view over pg_trigger.
 *
 * The index that finds the rows is found by what it indexes, like the ones of
 * booking.booking: a valid GiST index over the same expressions with the same predicate.
 * Renaming or rebuilding it does no harm.
 *
 * One partition's rule counts the rows of all partitions of the table that the rule was
 * made for (the relation of the topmost parent of the trigger), unless equal keys always
 * are in the same partition.  The two sides of a guard_against() are triggers of the same
 * name that name each other's table in tgconstrrelid (CREATE CONSTRAINT TRIGGER ... FROM).
 *
 * What a trigger says is written by the owner of the table that it was made for: guard_ddl.c
 * lets no other role make one.  They are folded and evaluated as that owner, and an index's
 * expressions as the owner of its table (identity.c).  What booking.guarded_table shows is not
 * even folded.  How a definition is read from a trigger is in guard_definition.c; here is what
 * it takes to judge rows by it.
 *
 * What has been looked up is remembered for as long as no relation that it is made of
 * changes.  Each user locks all of them first and checks whether an invalidation came with a lock.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_opclass.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "partitioning/partdefs.h"
#include "rewrite/rewriteHandler.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/partcache.h"
#include "utils/rel.h"

#include "base/cache.h"
#include "base/compat.h"
#include "base/identity.h"
#include "engine/guard.h"
#include "engine/guard_index.h"
#include "guards/guard_capacity.h"
#include "guards/guard_definition.h"
#include "guards/guard_text.h"
#include "guards/guarded.h"

/* Stale as soon as any of the relations changes that a rule in it is made of. */
static Cache guards = {
	.name = "booking guarded tables", .keysize = sizeof(Oid), .entrysize = sizeof(GuardedTable),
	.limit = 16 * 1024 * 1024
};

static const GuardedTable *load_guards(Relation rel);
static void load_rule(Relation rel, const Trigger *trigger, Rule *rule);
static void load_expressions(Relation rel, const Definition *definition, Rule *rule);
static void load_against(Relation rel, const TriggerRow *top, const Trigger *trigger,
						 const Definition *definition, Rule *rule);
static void load_capacity(const Trigger *trigger, const Definition *definition, Rule *rule);
static void load_places(Relation rel, const TriggerRow *top, bool everywhere,
						const Definition *definition, Rule *rule);
static bool load_place(Oid relid, Oid top_trigger, Place *place);
static bool keys_stay_together(Relation rel, Oid scope, const Definition *definition);
static void lock_counted_tables(const GuardedTable *table);
static bool same_places(const GuardedTable *a, const GuardedTable *b);
static void free_plan(void *arg);
static Node *compute_generated(Node *node, void *context);
static ExprState *compile(Relation rel, Node *expression, bool *foreign);

/*
 * The rules of a relation whose trigger is running.  Everything that they refer to is
 * locked, so that it is current, and so that nothing that is inside a gate has to wait for
 * a lock on a relation.
 *
 * If an invalidation came with a lock, the rules are read again.  Rules that were read after we
 * had all the locks are current; we had all of them if the rules name the same relations.
 *
 * They are also read again where a function of others runs in one of the expressions, and writes
 * to the table itself, or has ended there in an error that was caught: it may keep its state in the
 * expression.  One in SQL does, as long as the subtransaction goes on in which it began.
 */
const GuardedTable *
booking_use_guarded(Relation rel)
{
	Oid			relid = RelationGetRelid(rel);
	const GuardedTable *locked = NULL;

	for (;;)
	{
		const GuardedTable *table = booking_cache_find(&guards, &relid);
		uint64		before;

		if (table && *table->running)
		{
			booking_cache_forget(&guards);
			table = NULL;
		}
		if (table == NULL)
			table = load_guards(rel);
		if (locked && same_places(locked, table))
			return table;
		before = booking_cache_now();
		lock_counted_tables(table);
		if (!booking_cache_changed(&guards, before))
			return table;
		locked = table;
		CHECK_FOR_INTERRUPTS();
	}
}

static void
lock_counted_tables(const GuardedTable *table)
{
	for (int i = 0; i < table->nrules; i++)
	{
		const Rule *rule = &table->rules[i];

		for (int j = 0; j < rule->nplaces; j++)
		{
			if (j == rule->here)
				continue;
			LockRelationOid(rule->places[j].relid, AccessShareLock);
			LockRelationOid(rule->places[j].index.index_id, AccessShareLock);
		}
	}
}

/* Do both count rows in the same tables, by the same indexes? */
static bool
same_places(const GuardedTable *a, const GuardedTable *b)
{
	if (a->nrules != b->nrules)
		return false;
	for (int i = 0; i < a->nrules; i++)
	{
		const Rule *x = &a->rules[i];
		const Rule *y = &b->rules[i];

		if (x->nplaces != y->nplaces || x->here != y->here)
			return false;
		for (int j = 0; j < x->nplaces; j++)
			if (x->places[j].relid != y->places[j].relid ||
				x->places[j].index.index_id != y->places[j].index.index_id)
				return false;
	}
	return true;
}

static const GuardedTable *
load_guards(Relation rel)
{
	Generation *generation = booking_cache_load(&guards);
	MemoryContext caller = MemoryContextSwitchTo(booking_cache_memory(generation));
	GuardedTable loaded = {.relid = RelationGetRelid(rel)};
	TriggerDesc *triggers;

	booking_cache_watch(&guards, RelationGetRelid(rel));
	triggers = CopyTriggerDesc(rel->trigdesc);
	loaded.econtext = CreateStandaloneExprContext();
	loaded.running = palloc0(sizeof(bool));
	loaded.rules = palloc0_array(Rule, triggers ? triggers->numtriggers : 1);
	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (trigger->tgfoid == booking_guard_function(FUNCTION_CHECK_CAPACITY) ||
			trigger->tgfoid == booking_guard_function(FUNCTION_CHECK_AGAINST))
			load_rule(rel, trigger, &loaded.rules[loaded.nrules++]);
	}
	MemoryContextSwitchTo(caller);
	return booking_cache_keep(generation, &loaded);
}

static void
load_rule(Relation rel, const Trigger *trigger, Rule *rule)
{
	TriggerRow	top = booking_top_trigger(trigger->tgoid);
	Definition	definition;

	if (!booking_definition(trigger, &definition) || trigger->tgnargs < 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("trigger \"%s\" of table \"%s\" is not a guard",
						trigger->tgname, RelationGetRelationName(rel)),
				 errhint("Drop it, and call booking.guard_table().")));

	rule->name = pstrdup(NameStr(top.name));
	rule->trigger = trigger->tgoid;
	rule->enabled = trigger->tgenabled;
	rule->scope = top.relid;
	rule->gate = top.oid;
	rule->owner = booking_relation_owner(top.relid);
	load_expressions(rel, &definition, rule);

	if (trigger->tgfoid == booking_guard_function(FUNCTION_CHECK_AGAINST))
	{
		load_against(rel, &top, trigger, &definition, rule);
		return;
	}
	load_capacity(trigger, &definition, rule);
	load_places(rel, &top, false, &definition, rule);
}

/* What the owner of the table has written, compiled as the owner. */
static void
load_expressions(Relation rel, const Definition *definition, Rule *rule)
{
	Identity	caller;
	ListCell   *cell;
	int			i = 0;

	rule->nkeys = list_length(definition->keys);
	booking_become(rule->owner, &caller);
	foreach(cell, definition->keys)
	{
		Node	   *key = lfirst(cell);
		TypeCacheEntry *type = lookup_type_cache(getBaseType(exprType(key)),
												 TYPECACHE_EQ_OPR_FINFO | TYPECACHE_HASH_EXTENDED_PROC_FINFO);

		rule->key[i] = compile(rel, key, &rule->foreign);
		rule->key_type[i] = exprType(key);
		rule->key_can_be_long[i] = get_typlen(rule->key_type[i]) == -1;
		rule->key_collation[i] = exprCollation(key);
		rule->key_text[i] = booking_expression_text(RelationGetRelid(rel), key, NULL);
		fmgr_info(type->eq_opr_finfo.fn_oid, &rule->key_equal[i]);
		if (OidIsValid(type->hash_extended_proc_finfo.fn_oid))
			fmgr_info(type->hash_extended_proc_finfo.fn_oid, &rule->key_hash[i]);
		i++;
	}
	rule->pair = booking_period_of_pair(definition);
	rule->timeless = IsA(definition->period, Const);
	rule->period = compile(rel, definition->period, &rule->foreign);
	rule->quantity = compile(rel, definition->quantity, &rule->foreign);
	rule->quantity_type = exprType(definition->quantity);
	if (definition->active)
	{
		List	   *active = (List *) compute_generated((Node *) definition->active, rel);

		rule->active = ExecInitQual(active, NULL);
		rule->foreign |= booking_foreign_code((Node *) active);
	}
	booking_be_again(&caller);
}

/* The one half of guard_against(), which counts the rows of the other table. */
static void
load_against(Relation rel, const TriggerRow *top, const Trigger *trigger,
			 const Definition *definition, Rule *rule)
{
	TriggerRow	other;

	rule->against = true;
	rule->blocker = strcmp(trigger->tgargs[0], "blocker") == 0;
	rule->capacity = 1;
	rule->other = top->other;
	if (!booking_other_side(top, &other))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("guard \"%s\" of table \"%s\" has lost its other half",
						rule->name, RelationGetRelationName(rel)),
				 errdetail("The other table is \"%s\".", get_rel_name(top->other)),
				 errhint("Remove it with booking.unguard_table(), and call booking.guard_against() again.")));
	if (rule->blocker)
		rule->gate = other.oid;
	load_places(rel, &other, true, definition, rule);
}

/* A number, or a query of the owner's whose plan lives as long as the rule. */
static void
load_capacity(const Trigger *trigger, const Definition *definition, Rule *rule)
{
	MemoryContextCallback *callback;

	if (!OidIsValid(definition->capacity))
	{
		rule->capacity = pg_strtoint32(trigger->tgargs[0]);
		return;
	}
	rule->query = booking_capacity_of(definition, rule->owner, rule->scope);
	callback = palloc0(sizeof(MemoryContextCallback));
	callback->func = free_plan;
	callback->arg = rule->query;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
}

static void
free_plan(void *arg)
{
	CapacityQuery *query = arg;

	if (query->plan)
		SPI_freeplan(query->plan);
	query->plan = NULL;
}

/*
 * Where are the rows that the rule has to look at?  "top" is the topmost trigger on their
 * side.
 */
static void
load_places(Relation rel, const TriggerRow *top, bool everywhere, const Definition *definition,
			Rule *rule)
{
	List	   *relations;
	ListCell   *cell;

	rule->here = -1;
	if (!everywhere && keys_stay_together(rel, top->relid, definition))
		relations = list_make1_oid(RelationGetRelid(rel));
	else if (get_rel_relkind(top->relid) != RELKIND_PARTITIONED_TABLE)
		relations = list_make1_oid(top->relid);
	else
		relations = find_all_inheritors(top->relid, AccessShareLock, NULL);

	rule->places = palloc0_array(Place, list_length(relations));
	foreach(cell, relations)
	{
		Oid			relid = lfirst_oid(cell);

		booking_cache_watch(&guards, relid);
		if (relid == RelationGetRelid(rel))
			rule->here = rule->nplaces;
		if (load_place(relid, top->oid, &rule->places[rule->nplaces]))
			rule->nplaces++;
	}
}

/* False when the relation has no rows of its own. */
static bool
load_place(Oid relid, Oid top_trigger, Place *place)
{
	Relation	rel = table_open(relid, AccessShareLock);
	Definition	definition;
	bool		has_rows = rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE;
	bool		found = false;
	TriggerDesc *triggers = CopyTriggerDesc(rel->trigdesc);

	for (int i = 0; has_rows && !found && triggers && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if ((trigger->tgfoid == booking_guard_function(FUNCTION_CHECK_CAPACITY) ||
			 trigger->tgfoid == booking_guard_function(FUNCTION_CHECK_AGAINST)) &&
			booking_top_trigger(trigger->tgoid).oid == top_trigger &&
			booking_definition(trigger, &definition))
		{
			Oid			index_id = booking_find_index(rel, &definition, InvalidOid);
			Relation	index;

			if (!OidIsValid(index_id))
				ereport(ERROR,
						(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						 errmsg("guard \"%s\" of table \"%s\" has lost its index",
								trigger->tgname, RelationGetRelationName(rel)),
						 errhint("Create the GiST index again that booking.guarded_table describes, or call booking.unguard_table() and booking.guard_table().")));
			index = index_open(index_id, AccessShareLock);
			booking_guard_describe(rel, index, &place->index);
			index_close(index, NoLock);
			place->relid = relid;
			place->quantity = booking_quantity_column(&definition);
			found = true;
		}
	}
	if (has_rows && !found)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a guard does not reach table \"%s\"", RelationGetRelationName(rel)),
				 errdetail("It is a partition of a guarded table, and has not the guard's triggers.")));
	table_close(rel, NoLock);
	return found;
}

/* Do rows with equal keys always lie in this partition? */
static bool
keys_stay_together(Relation rel, Oid scope, const Definition *definition)
{
	List	   *ancestors;
	ListCell   *cell;

	if (scope == RelationGetRelid(rel))
		return true;

	ancestors = get_partition_ancestors(RelationGetRelid(rel));
	foreach(cell, ancestors)
	{
		Relation	ancestor = table_open(lfirst_oid(cell), AccessShareLock);
		PartitionKey key = RelationGetPartitionKey(ancestor);
		bool		together = key != NULL;

		booking_cache_watch(&guards, RelationGetRelid(ancestor));
		for (int i = 0; together && i < key->partnatts; i++)
		{
			Oid			method = key->strategy == PARTITION_STRATEGY_HASH ? HASH_AM_OID : BTREE_AM_OID;
			ListCell   *key_cell;
			bool		compared = false;

			foreach(key_cell, definition->keys)
			{
				Var		   *var = lfirst(key_cell);

				compared |= IsA(var, Var) && key->partattrs[i] != 0 &&
					key->partcollation[i] == var->varcollid &&
					key->partopfamily[i] == get_opclass_family(GetDefaultOpClass(key->parttypid[i], method)) &&
					strcmp(get_attname(RelationGetRelid(rel), var->varattno, false),
						   get_attname(RelationGetRelid(ancestor), key->partattrs[i], false)) == 0;
			}
			together = compared;
		}
		table_close(ancestor, NoLock);
		if (!together)
			return false;
		if (lfirst_oid(cell) == scope)
			return true;
	}
	return false;
}

/*
 * Stored generated columns are computed after the BEFORE triggers: we compute them
 * ourselves, from the expressions that they are generated with.
 */
static Node *
compute_generated(Node *node, void *context)
{
	Relation	rel = context;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var) && ((Var *) node)->varattno > 0 &&
		TupleDescAttr(RelationGetDescr(rel), ((Var *) node)->varattno - 1)->attgenerated)
		return booking_normal_form(build_column_default(rel, ((Var *) node)->varattno));
	return expression_tree_mutator(node, compute_generated, context);
}

static ExprState *
compile(Relation rel, Node *expression, bool *foreign)
{
	expression = booking_normal_form(compute_generated(expression, rel));
	*foreign |= booking_foreign_code(expression);
	return ExecInitExpr((Expr *) expression, NULL);
}
