/*-------------------------------------------------------------------------
 *
 * guard_index.c
 *		Does an index find all the rows that are to be counted, and how is it asked?
 *
 * With an index that leaves out a row, a guard oversells without any error.  So everything about
 * an index that a user has made is checked: it is a GiST index, valid and ready, its leading
 * columns know the equality that the types of the columns have by themselves, under the
 * collation of the columns, and its last column is a range that is searched for overlap.  What
 * it leaves out (its predicate) is compared by the caller.
 *
 * The equality of a type is that of its default operator class for btree or hash.  An
 * operator class for GiST that is said to be for the type may mean another one: citext is
 * stored as text, gets the operator class of text, and 'A' would not be found for 'a'.  An
 * operator class that returns more than was asked for does no harm: guard_scan.c asks the type's
 * own equality again whenever the index says that it may have (inet, timetz).
 *
 * Floating point numbers are no keys.  NaN equals itself for PostgreSQL and not for the
 * operator class of btree_gist, which can lose other rows behind it as well.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_am.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/prep.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "engine/guard_index.h"

/* What is indexed, before an operator class stores it in its own way. */
typedef struct Indexed
{
	Oid			type;
	Oid			collation;
} Indexed;

static void look_at_columns(Relation heap, Relation index, Indexed *columns);
static Node *about_columns(Relation heap, const char *words, ParseExprKind kind);

/*
 * The operator by which a type is compared for equality, if the operator family can search
 * for it; else invalid.
 */
Oid
booking_key_equality(Oid type, Oid family)
{
	Oid			base = getBaseType(type);
	Oid			equal = lookup_type_cache(base, TYPECACHE_EQ_OPR)->eq_opr;

	if (base == FLOAT4OID || base == FLOAT8OID || !OidIsValid(equal) ||
		get_op_opfamily_strategy(equal, family) == InvalidStrategy)
		return InvalidOid;
	return equal;
}

static void
look_at_columns(Relation heap, Relation index, Indexed *columns)
{
	/* The types of its expressions are enough: these need not be evaluated. */
	List	   *expressions = RelationGetDummyIndexExpressions(index);
	ListCell   *next = list_head(expressions);

	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
	{
		AttrNumber	attno = index->rd_index->indkey.values[i];

		if (attno > 0)
		{
			Form_pg_attribute att = TupleDescAttr(RelationGetDescr(heap), attno - 1);

			columns[i] = (Indexed) {att->atttypid, att->attcollation};
		}
		else
		{
			columns[i] = (Indexed) {exprType(lfirst(next)), exprCollation(lfirst(next))};
			next = lnext(expressions, next);
		}
	}
}

/* Why rows cannot be counted by this index, as a sentence; or NULL. */
char *
booking_guard_index_fault(Relation heap, Relation index)
{
	int			last = IndexRelationGetNumberOfKeyAttributes(index) - 1;
	Form_pg_index form = index->rd_index;
	Indexed		columns[INDEX_MAX_KEYS];

	if (form->indrelid != RelationGetRelid(heap))
		return "It is an index of another table.";
	if (index->rd_rel->relam != GIST_AM_OID)
		return "It is not a GiST index.";
	if (!form->indislive ||
		(!(form->indisvalid && form->indisready) && index->rd_rel->relkind != RELKIND_PARTITIONED_INDEX))
		return "It is not valid; a CREATE INDEX CONCURRENTLY may have failed, or be in progress.";

	look_at_columns(heap, index, columns);
	for (int i = 0; i < last; i++)
	{
		if (!OidIsValid(booking_key_equality(columns[i].type, index->rd_opfamily[i])))
			return psprintf("Its column %d is not compared by the equality of its type.", i + 1);
		if (index->rd_indcollation[i] != columns[i].collation)
			return psprintf("Its column %d has another collation than the table's.", i + 1);
	}
	if (get_typtype(getBaseType(columns[last].type)) == TYPTYPE_RANGE &&
		get_op_opfamily_strategy(OID_RANGE_OVERLAP_OP, index->rd_opfamily[last]) != RTOverlapStrategyNumber)
		return psprintf("Its column %d is not searched for overlap.", last + 1);
	return NULL;
}

/*
 * Does an index cover just the rows for which this is true?  The condition has its operators
 * by their full names.
 */
bool
booking_index_has_predicate(Relation heap, Relation index, const char *predicate)
{
	Node	   *condition = about_columns(heap, predicate, EXPR_KIND_INDEX_PREDICATE);

	condition = (Node *) make_ands_implicit(canonicalize_qual((Expr *) condition, false));
	fix_opfuncids(condition);
	return equal(condition, RelationGetIndexPredicate(index));
}

/* Is this the only expression that it indexes?  Functions by their full names, too. */
bool
booking_index_has_expression(Relation heap, Relation index, const char *expression)
{
	Node	   *wanted = about_columns(heap, expression, EXPR_KIND_INDEX_EXPRESSION);

	fix_opfuncids(wanted);
	return equal(list_make1(wanted), RelationGetIndexExpressions(index));
}

/*
 * Expressions about the columns of a table, nearly in the form in which the relation cache
 * keeps them.
 */
static Node *
about_columns(Relation heap, const char *words, ParseExprKind kind)
{
	RawStmt    *raw = linitial_node(RawStmt, raw_parser(words, RAW_PARSE_PLPGSQL_EXPR));
	ResTarget  *target = linitial_node(ResTarget, castNode(SelectStmt, raw->stmt)->targetList);
	ParseState *pstate = make_parsestate(NULL);
	ParseNamespaceItem *item = addRangeTableEntryForRelation(pstate, heap, AccessShareLock, NULL, false, true);
	Node	   *node;

	addNSItemToQuery(pstate, item, false, true, true);
	node = transformExpr(pstate, target->val, kind);
	assign_expr_collations(pstate, node);
	free_parsestate(pstate);
	return eval_const_expressions(NULL, node);
}

/*
 * Find out which operators an index that has passed these checks is searched with: the equality
 * of the column's type for the leading ones, overlap for the range.
 */
void
booking_guard_describe(Relation heap, Relation index, GuardIndex *guard)
{
	int			last = IndexRelationGetNumberOfKeyAttributes(index) - 1;
	Indexed		columns[INDEX_MAX_KEYS];

	memset(guard, 0, sizeof(*guard));
	guard->index_id = RelationGetRelid(index);
	guard->nkeys = last;

	look_at_columns(heap, index, columns);
	guard->range_type = getBaseType(columns[last].type);
	for (int i = 0; i <= last; i++)
	{
		Oid			family = index->rd_opfamily[i];
		Oid			operator = i == last ? OID_RANGE_OVERLAP_OP :
			booking_key_equality(columns[i].type, family);

		guard->attno[i] = index->rd_index->indkey.values[i];
		guard->collation[i] = index->rd_indcollation[i];
		guard->strategy[i] = get_op_opfamily_strategy(operator, family);
		guard->proc[i] = get_opcode(operator);
		if (guard->strategy[i] == InvalidStrategy || !RegProcedureIsValid(guard->proc[i]))
			elog(ERROR, "column %d of index \"%s\" cannot be searched",
				 i + 1, RelationGetRelationName(index));
	}
}
