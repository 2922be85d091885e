/*-------------------------------------------------------------------------
 *
 * guard_definition.c
 *		What does a trigger, or an index, say of a rule?
 *
 * A rule is a trigger, and its definition are the arguments of booking.check_again() in the
 * trigger's WHEN clause (guarded.c explains why).  Here they are read from there, and from an
 * index that the rows are to be found by, and the two are compared.  Nothing is remembered: the
 * caller that needs it for each row keeps the answer (guarded.c).
 *
 * Reading a trigger evaluates nothing (booking_written_by_guard).  To compare it with an index
 * its expressions are folded as the relation cache folds those of the index, and that evaluates:
 * as the owner of the table, which has written them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/prep.h"
#include "rewrite/prs2lock.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/identity.h"
#include "engine/guard_index.h"
#include "guards/guard_definition.h"

static const char *const function_names[GUARD_FUNCTION_COUNT] = {
	[FUNCTION_CHECK_AGAIN] = "check_again",
	[FUNCTION_CHECK_CAPACITY] = "check_capacity",
	[FUNCTION_CHECK_AGAINST] = "check_against",
	[FUNCTION_MAKE_ROOM] = "make_room",
	[FUNCTION_CAPACITY_CHANGES] = "capacity_changes",
};

static void read_trigger(HeapTuple tuple, TriggerRow *row);
static Oid	capacity_function(Node *node);
static bool is_true(const Node *condition);
static List *normal_conditions(Node *condition);
static bool same_as_index(Relation rel, Relation index, const Definition *definition);

/* ---- triggers, as the catalog knows them ---- */

Oid
booking_guard_function(GuardFunction which)
{
	oidvector  *types;
	Oid			any = ANYOID;
	Oid			function;

	types = buildoidvector(&any, which == FUNCTION_CHECK_AGAIN ? 1 : 0);
	function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
							   CStringGetDatum(function_names[which]), PointerGetDatum(types),
							   ObjectIdGetDatum(get_namespace_oid("booking", false)));
	pfree(types);
	return function;
}

static void
read_trigger(HeapTuple tuple, TriggerRow *row)
{
	Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);

	row->oid = form->oid;
	row->relid = form->tgrelid;
	row->parent = form->tgparentid;
	row->function = form->tgfoid;
	row->other = form->tgconstrrelid;
	row->name = form->tgname;
}

bool
booking_trigger_row(Oid oid, TriggerRow *row)
{
	Relation	catalog = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(oid));
	scan = systable_beginscan(catalog, TriggerOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		read_trigger(tuple, row);
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return HeapTupleIsValid(tuple);
}

/* The trigger that was created, of which this one is a partition's copy. */
TriggerRow
booking_top_trigger(Oid oid)
{
	TriggerRow	row;

	do
	{
		if (!booking_trigger_row(oid, &row))
			elog(ERROR, "trigger %u does not exist", oid);
		oid = row.parent;
	} while (OidIsValid(oid));
	return row;
}

/* The other side of a guard_against(): a trigger like this one, with the two tables exchanged. */
bool
booking_other_side(const TriggerRow *trigger, TriggerRow *other)
{
	Oid			against = booking_guard_function(FUNCTION_CHECK_AGAINST);
	Relation	catalog = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(trigger->other));
	scan = systable_beginscan(catalog, TriggerRelidNameIndexId, true, NULL, 1, &key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		read_trigger(tuple, other);
		found = other->function == against && other->other == trigger->relid &&
			!OidIsValid(other->parent) && strcmp(NameStr(other->name), NameStr(trigger->name)) == 0;
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return found;
}

/* ---- what a rule says ---- */

/*
 * Take a trigger's WHEN clause apart, as it was written: nothing of it is evaluated.  False
 * when it is none of ours.
 */
bool
booking_written_by_guard(const Trigger *trigger, Definition *definition)
{
	FuncExpr   *call;
	Node	   *active;
	Oid			quantity;
	int			n;

	*definition = (Definition) {0};
	if (trigger->tgqual == NULL)
		return false;
	call = stringToNode(trigger->tgqual);
	if (!IsA(call, FuncExpr) || call->funcid != booking_guard_function(FUNCTION_CHECK_AGAIN) ||
		call->funcvariadic || (n = list_length(call->args)) < 3)
		return false;
	ChangeVarNodes((Node *) call, PRS2_NEW_VARNO, 1, 0);
	if (trigger->tgnargs > 0 && strcmp(trigger->tgargs[0], "query") == 0)
	{
		definition->capacity = capacity_function(llast(call->args));
		call->args = list_truncate(call->args, --n);
		if (!OidIsValid(definition->capacity) || n < 3)
			return false;
	}

	active = llast(call->args);
	definition->active = is_true(active) ? NIL : list_make1(active);
	definition->quantity = list_nth(call->args, n - 2);
	definition->period = list_nth(call->args, n - 3);
	definition->keys = list_truncate(list_copy(call->args), n - 3);

	quantity = getBaseType(exprType(definition->quantity));
	return (quantity == INT2OID || quantity == INT4OID || quantity == INT8OID) &&
		(IsA(definition->quantity, Var) ||
		 (IsA(definition->quantity, Const) && !((Const *) definition->quantity)->constisnull));
}

/*
 * The function in CASE WHEN false THEN function(key, ...) END, which stands in the clause for
 * what depends on it, is never called, and costs nothing: it is folded away.
 */
static Oid
capacity_function(Node *node)
{
	const CaseExpr *choice = (CaseExpr *) node;
	const FuncExpr *call;

	if (!IsA(node, CaseExpr) || list_length(choice->args) != 1)
		return InvalidOid;
	call = (FuncExpr *) linitial_node(CaseWhen, choice->args)->result;
	return IsA(call, FuncExpr) ? call->funcid : InvalidOid;
}

/* The same, in the form in which it can be compared with an index, and compiled. */
bool
booking_definition(const Trigger *trigger, Definition *definition)
{
	Identity	caller;
	ListCell   *cell;

	if (!booking_written_by_guard(trigger, definition))
		return false;

	booking_become(booking_relation_owner(booking_top_trigger(trigger->tgoid).relid), &caller);
	if (definition->active)
		definition->active = normal_conditions(linitial(definition->active));
	definition->period = booking_normal_form(definition->period);
	foreach(cell, definition->keys)
		lfirst(cell) = booking_normal_form(lfirst(cell));
	booking_be_again(&caller);
	return true;
}

/* The first argument of a trigger, which may not be ours; 0 if it is no number. */
int32
booking_capacity_argument(const Trigger *trigger)
{
	char	   *end;
	long		capacity;

	errno = 0;
	capacity = strtol(trigger->tgargs[0], &end, 10);
	return errno != 0 || *end != '\0' || capacity < 0 || capacity > PG_INT32_MAX ? 0 : (int32) capacity;
}

/* What an index says; it leaves open what a row takes. */
Definition
booking_definition_of_index(Relation index)
{
	Definition	definition = {0};
	Relation	heap = table_open(index->rd_index->indrelid, AccessShareLock);
	int			natts = IndexRelationGetNumberOfKeyAttributes(index);
	TupleDesc	table;
	Identity	caller;
	List	   *expressions;
	ListCell   *next;

	/* The relation cache folds them. */
	booking_become(heap->rd_rel->relowner, &caller);
	expressions = RelationGetIndexExpressions(index);
	definition.active = RelationGetIndexPredicate(index);
	booking_be_again(&caller);
	next = list_head(expressions);

	table = RelationGetDescr(heap);
	for (int i = 0; i < natts; i++)
	{
		AttrNumber	attno = index->rd_index->indkey.values[i];
		Node	   *column;

		if (attno == 0)
		{
			column = lfirst(next);
			next = lnext(expressions, next);
		}
		else
		{
			Form_pg_attribute att = TupleDescAttr(table, attno - 1);

			column = (Node *) makeVar(1, attno, att->atttypid, att->atttypmod, att->attcollation, 0);
		}
		if (i < natts - 1)
			definition.keys = lappend(definition.keys, column);
		else
			definition.period = column;
	}
	table_close(heap, NoLock);
	return definition;
}

/*
 * A valid GiST index over just what the definition says, or "only" if it is one and given;
 * else invalid.
 */
Oid
booking_find_index(Relation rel, const Definition *definition, Oid only)
{
	List	   *indexes = RelationGetIndexList(rel);
	ListCell   *cell;

	foreach(cell, indexes)
	{
		Relation	index;
		bool		same;

		if (OidIsValid(only) && lfirst_oid(cell) != only)
			continue;
		index = index_open(lfirst_oid(cell), AccessShareLock);
		same = same_as_index(rel, index, definition);
		index_close(index, NoLock);
		if (same)
			return lfirst_oid(cell);
	}
	return InvalidOid;
}

static bool
same_as_index(Relation rel, Relation index, const Definition *definition)
{
	Definition	indexed;

	if (IndexRelationGetNumberOfKeyAttributes(index) != list_length(definition->keys) + 1 ||
		booking_guard_index_fault(rel, index))
		return false;
	indexed = booking_definition_of_index(index);
	return equal(indexed.keys, definition->keys) &&
		equal(indexed.period, definition->period) &&
		equal(indexed.active, definition->active);
}

/*
 * Is the period made of two columns by the range's own constructor?  Then an empty one
 * is a pair that means nothing, and not a range that was stored as empty.
 */
bool
booking_period_of_pair(const Definition *definition)
{
	const FuncExpr *call = (const FuncExpr *) definition->period;
	Oid			type = exprType(definition->period);
	bool		same = false;

	if (IsA(call, FuncExpr) && list_length(call->args) >= 2 && get_typtype(type) == TYPTYPE_RANGE)
	{
		char	   *name = format_type_extended(type, -1, FORMAT_TYPE_FORCE_QUALIFY);
		char	   *schema = get_namespace_name(get_func_namespace(call->funcid));

		same = strcmp(name, quote_qualified_identifier(schema, get_func_name(call->funcid))) == 0;
	}
	return same;
}

/* The column that says what a row takes, or 0 when every row takes one. */
AttrNumber
booking_quantity_column(const Definition *definition)
{
	return IsA(definition->quantity, Var) ? ((Var *) definition->quantity)->varattno : 0;
}

/*
 * The form in which the relation cache keeps the expressions of an index, so that equal
 * ones are equal however they were written.
 */
Node *
booking_normal_form(Node *expression)
{
	expression = eval_const_expressions(NULL, expression);
	fix_opfuncids(expression);
	return expression;
}

static bool
is_true(const Node *condition)
{
	return IsA(condition, Const) && !((const Const *) condition)->constisnull &&
		DatumGetBool(((const Const *) condition)->constvalue);
}

static List *
normal_conditions(Node *condition)
{
	condition = eval_const_expressions(NULL, condition);
	condition = (Node *) canonicalize_qual((Expr *) condition, false);
	if (is_true(condition))
		return NIL;
	condition = (Node *) make_ands_implicit((Expr *) condition);
	fix_opfuncids(condition);
	return (List *) condition;
}
