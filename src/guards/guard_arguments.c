/*-------------------------------------------------------------------------
 *
 * guard_arguments.c
 *		What does a caller of guard_table() or guard_against() ask for, and is it possible?
 *
 * The callers name things: a table, columns, an index; and they write expressions: a
 * condition, a query.  The functions here look the names up, parse the expressions, once,
 * and hand back what a rule is made of, a Definition and perhaps a CapacityQuery.
 * What is not possible is refused, with messages about the arguments, before anything has been
 * made: nothing here writes.
 *
 * Expressions mean what they would mean in a statement of the caller's own.  What is handed
 * back has every name written out, and depends on no search_path any more.
 *
 * The first lock on a table is taken here, to look at it; the calling function takes the one
 * that keeps writers out, and asks for columns and expressions under it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_range.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_func.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/identity.h"
#include "engine/guard_index.h"
#include "guards/guard_arguments.h"
#include "guards/guard_capacity.h"
#include "guards/guard_definition.h"
#include "guards/guard_text.h"

/* An expression that the caller wrote, for error messages that point into it. */
typedef struct Written
{
	const char *argument;
	const char *text;
} Written;

static Node *argument_column(Relation rel, const char *name);
static Node *period_expression(Relation rel, List *columns, bool inclusive);
static Node *period_of_pair(Relation rel, List *columns, bool inclusive);
static void check_distinct(Relation rel, const List *keys);
static Oid	range_over(Oid subtype, Relation rel, const char *column_name);
static List *type_name(Oid type);
static Node *written_expression(Relation rel, const char *argument, const char *text, ParseExprKind kind);
static Node *folded_expression(Relation rel, const char *argument, const char *text, Node *expression);
static Node *period_part(Relation rel, const char *text);
static bool is_plain_name(const char *text);
static Node *no_period(void);
pg_noreturn static void index_does_not_fit(Relation rel, const char *name, const GuardWords *words, const char *fault);
static Oid	capacity_type(const Query *query);
static void check_capacity_relations(Relation rel, const CapacityQuery *checked);
static List *active_conditions(Relation rel, const char *text);
static void point_into(void *arg);
static void check_keys(Relation rel, const Definition *definition);
static Node *one_unit(void);
static Oid	index_named(Relation rel, const char *name);
static Definition take_index(Relation rel, Oid index_id, const GuardWords *words);

/* ---- the table ---- */

/*
 * Check that the current user may put rules on a table, and that the table can have them.
 */
Relation
booking_open_target(Oid relid, const char *what)
{
	Relation	rel;

	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("%s: table with OID %u does not exist", what, relid)));
	if (!owns_relation(relid))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relid)), get_rel_name(relid));

	rel = relation_open(relid, AccessShareLock);
	if (rel->rd_rel->relkind != RELKIND_RELATION && rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot guard \"%s\"", RelationGetRelationName(rel)),
				 errdetail_relkind_not_supported(rel->rd_rel->relkind),
				 errhint("Guard the tables behind it.")));
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot guard temporary table \"%s\"", RelationGetRelationName(rel)),
				 errdetail("No other session can write to it.")));
	if (IsCatalogRelation(rel))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot guard system catalog \"%s\"", RelationGetRelationName(rel))));
	if (RelationGetNamespace(rel) == get_namespace_oid("booking", false))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot guard table \"%s\" of the extension itself", RelationGetRelationName(rel)),
				 errhint("Its rules are kept already; a resource has a capacity of its own.")));
	return rel;
}

/* ---- columns and conditions ---- */

/*
 * A text[] argument as a list of C strings.
 */
List *
booking_text_list(FunctionCallInfo fcinfo, int argument, const char *name)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;
	List	   *list = NIL;

	if (PG_ARGISNULL(argument))
		booking_null_argument(name);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argument), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			booking_null_argument(name);
		list = lappend(list, TextDatumGetCString(values[i]));
	}
	return list;
}

/*
 * What the columns and the condition say that the caller names and writes.  A row takes one
 * unit, unless booking_quantity() says otherwise.
 */
Definition
booking_written_definition(Relation rel, const GuardWords *words)
{
	Definition	definition = {0};
	const ListCell *cell;

	check_distinct(rel, words->keys);
	foreach(cell, words->keys)
		definition.keys = lappend(definition.keys, argument_column(rel, lfirst(cell)));
	definition.period = period_expression(rel, words->periods, words->inclusive);
	definition.active = active_conditions(rel, words->active);
	definition.quantity = one_unit();
	check_keys(rel, &definition);
	return definition;
}

static Node *
argument_column(Relation rel, const char *name)
{
	AttrNumber	attno = get_attnum(RelationGetRelid(rel), name);
	Form_pg_attribute att;

	if (attno <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of table \"%s\" does not exist", name, RelationGetRelationName(rel))));
	att = TupleDescAttr(RelationGetDescr(rel), attno - 1);
	return (Node *) makeVar(1, attno, att->atttypid, att->atttypmod, att->attcollation, 0);
}

static void
check_distinct(Relation rel, const List *keys)
{
	for (int i = 1; i < list_length(keys); i++)
		for (int j = 0; j < i; j++)
			if (strcmp(list_nth(keys, i), list_nth(keys, j)) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("column \"%s\" of table \"%s\" is named twice in resource",
								(char *) list_nth(keys, i), RelationGetRelationName(rel))));
}

/*
 * The range column, or the range from the first column to the second, which belongs to it
 * where the pair is inclusive.
 */
static Node *
period_expression(Relation rel, List *columns, bool inclusive)
{
	Node	   *range;

	if (columns == NIL)
		return no_period();
	if (list_length(columns) > 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("period must be one column or two"),
				 errhint("Name a range column, or the columns of its beginning and its end; '{}' for rows without a period.")));
	if (list_length(columns) == 2)
		return period_of_pair(rel, columns, inclusive);

	range = period_part(rel, linitial(columns));
	if (get_typtype(getBaseType(exprType(range))) != TYPTYPE_RANGE)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of table \"%s\" is not a range", (char *) linitial(columns),
						RelationGetRelationName(rel)),
				 errdetail("Its type is %s.", format_type_be(exprType(range))),
				 errhint("Name a column of a range type, or the columns of its beginning and its end.")));
	if (inclusive)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("bounds are for a start and an end column"),
				 errdetail("Column \"%s\" is a range, which has bounds of its own.", (char *) linitial(columns))));
	return range;
}

/* The range from one column to the other. */
static Node *
period_of_pair(Relation rel, List *columns, bool inclusive)
{
	Node	   *from = period_part(rel, linitial(columns));
	Node	   *to = period_part(rel, lsecond(columns));
	Oid			range;
	Oid			types[3];
	Oid			function;
	List	   *arguments;

	types[0] = types[1] = getBaseType(exprType(from));
	if (types[0] != getBaseType(exprType(to)))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("columns \"%s\" and \"%s\" of table \"%s\" have different types",
						(char *) linitial(columns), (char *) lsecond(columns), RelationGetRelationName(rel)),
				 errdetail("They are %s and %s.", format_type_be(exprType(from)), format_type_be(exprType(to)))));
	range = range_over(types[0], rel, linitial(columns));
	if (equal(from, to) && !inclusive)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" of table \"%s\" is named twice in period", (char *) linitial(columns),
						RelationGetRelationName(rel)),
				 errdetail("A period from a value up to itself, and without it, holds nothing."),
				 errhint("For a table with a row per day, pass bounds => '[]'.")));
	types[2] = TEXTOID;
	function = LookupFuncName(type_name(range), inclusive ? 3 : 2, types, false);
	if (types[0] != exprType(from))
		from = (Node *) makeRelabelType((Expr *) from, types[0], -1, get_typcollation(types[0]), COERCE_EXPLICIT_CAST);
	if (types[0] != exprType(to))
		to = (Node *) makeRelabelType((Expr *) to, types[0], -1, get_typcollation(types[0]), COERCE_EXPLICIT_CAST);
	arguments = list_make2(from, to);
	if (inclusive)
		arguments = lappend(arguments, makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1,
												 CStringGetTextDatum("[]"), false, false));
	return (Node *) makeFuncExpr(function, range, arguments, InvalidOid,
								 inclusive ? DEFAULT_COLLATION_OID : get_typcollation(types[0]), COERCE_EXPLICIT_CALL);
}

/* Does the period of a pair include its end? */
bool
booking_inclusive(const Definition *definition)
{
	const Const *bounds;

	if (!booking_period_of_pair(definition) || list_length(((FuncExpr *) definition->period)->args) < 3)
		return false;
	bounds = lthird(((FuncExpr *) definition->period)->args);
	return IsA(bounds, Const) && !bounds->constisnull && bounds->consttype == TEXTOID &&
		strcmp(TextDatumGetCString(bounds->constvalue), "[]") == 0;
}

/* The caller wants an inclusive pair and has built an index: does it say the same? */
void
booking_check_index_inclusive(Relation rel, const char *name, const Definition *definition, List *periods)
{
	if (!equal(definition->period, period_expression(rel, periods, true)))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("index \"%s\" does not fit the guard", name),
				 errdetail("Its last column is %s, and bounds are [].",
						   booking_expression_text(RelationGetRelid(rel), definition->period, NULL)),
				 errhint("The index says what the bounds are: leave them out.")));
}

/* The range type whose elements are of that type: PostgreSQL's own, or the only one. */
static Oid
range_over(Oid subtype, Relation rel, const char *column_name)
{
	Relation	catalog = table_open(RangeRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;
	Oid			range = InvalidOid;
	int			found = 0;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_range form = (Form_pg_range) GETSTRUCT(tuple);

		if (form->rngsubtype != subtype)
			continue;
		if (OidIsValid(range) && range < FirstNormalObjectId)
			continue;
		if (form->rngtypid < FirstNormalObjectId)
			found = 0;
		range = form->rngtypid;
		found++;
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	if (found != 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of table \"%s\" cannot begin a period", column_name,
						RelationGetRelationName(rel)),
				 errdetail(found == 0 ? "There is no range over type %s." : "There are several ranges over type %s.",
						   format_type_be(subtype)),
				 errhint("Create an index over the range that is meant, and pass it as using_index.")));
	return range;
}

/* A range type's name, which is its constructor's, too. */
static List *
type_name(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Form_pg_type form;
	List	   *name;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	form = (Form_pg_type) GETSTRUCT(tuple);
	name = list_make2(makeString(get_namespace_name(form->typnamespace)),
					  makeString(pstrdup(NameStr(form->typname))));
	ReleaseSysCache(tuple);
	return name;
}

/* An expression over the columns of a row, as the caller wrote it. */
static Node *
written_expression(Relation rel, const char *argument, const char *text, ParseExprKind kind)
{
	Written		written = {argument, text};
	ErrorContextCallback callback = {error_context_stack, point_into, &written};
	List	   *parsed;
	SelectStmt *select;
	ParseState *pstate;
	ParseNamespaceItem *item;
	Node	   *expression;

	error_context_stack = &callback;
	parsed = raw_parser(text, RAW_PARSE_PLPGSQL_EXPR);
	select = (SelectStmt *) linitial_node(RawStmt, parsed)->stmt;
	if (list_length(select->targetList) != 1 || select->distinctClause || select->fromClause ||
		select->whereClause || select->groupClause || select->havingClause || select->windowClause ||
		select->sortClause || select->limitOffset || select->limitCount || select->lockingClause ||
		select->op != SETOP_NONE || linitial_node(ResTarget, select->targetList)->name)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 kind == EXPR_KIND_INDEX_PREDICATE ? errmsg("active must be a condition") :
				 errmsg("%s must be columns or expressions", argument),
				 errdetail("It is: %s", text),
				 kind == EXPR_KIND_INDEX_PREDICATE ?
				 errhint("Write what would stand behind WHERE, such as 'canceled_at IS NULL'.") : 0));

	pstate = make_parsestate(NULL);
	pstate->p_sourcetext = text;
	item = addRangeTableEntryForRelation(pstate, rel, AccessShareLock, NULL, false, true);
	addNSItemToQuery(pstate, item, false, true, true);
	expression = transformExpr(pstate, linitial_node(ResTarget, select->targetList)->val, kind);
	if (kind == EXPR_KIND_INDEX_PREDICATE)
		expression = coerce_to_boolean(pstate, expression, argument);
	assign_expr_collations(pstate, expression);
	free_parsestate(pstate);
	error_context_stack = callback.previous;
	return expression;
}

/* Folding evaluates, and functions of the owner's may be called. */
static Node *
folded_expression(Relation rel, const char *argument, const char *text, Node *expression)
{
	Identity	caller;

	booking_become(rel->rd_rel->relowner, &caller);
	expression = (Node *) expression_planner((Expr *) expression);
	if (contain_mutable_functions(expression))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("%s must be immutable", argument),
				 errdetail("Its answer may change without a change of the row: %s", text),
				 strcmp(argument, "period") == 0 ?
				 errhint("timestamptz + interval depends on the session's time zone; (starts AT TIME ZONE 'UTC' + length) AT TIME ZONE 'UTC' does not.") :
				 errhint("Use only columns of the row, constants and immutable functions; the current time is none.")));
	booking_be_again(&caller);
	return expression;
}

/* The condition under which a row is in force. */
static List *
active_conditions(Relation rel, const char *text)
{
	Node	   *condition;
	Identity	caller;

	if (text == NULL)
		return NIL;
	condition = written_expression(rel, "active", text, EXPR_KIND_INDEX_PREDICATE);
	condition = folded_expression(rel, "active", text, condition);
	booking_become(rel->rd_rel->relowner, &caller);
	condition = (Node *) canonicalize_qual((Expr *) condition, false);
	booking_be_again(&caller);
	if (IsA(condition, Const) && !((Const *) condition)->constisnull &&
		DatumGetBool(((Const *) condition)->constvalue))
		return NIL;
	return make_ands_implicit((Expr *) condition);
}

/* One of the parts of a period: the name of a column, or else an expression. */
static Node *
period_part(Relation rel, const char *text)
{
	if (get_attnum(RelationGetRelid(rel), text) > 0 || is_plain_name(text))
		return argument_column(rel, text);
	return folded_expression(rel, "period", text,
							 written_expression(rel, "period", text, EXPR_KIND_INDEX_EXPRESSION));
}

/* Does it look like the name of a column, even if there is no such column? */
static bool
is_plain_name(const char *text)
{
	if (*text == '\0')
		return true;
	for (; *text; text++)
		if (!isalnum((unsigned char) *text) && *text != '_' && !IS_HIGHBIT_SET(*text))
			return false;
	return true;
}

/* Rows without a period are in force at all times: each is in the way of all with its key. */
static Node *
no_period(void)
{
	RangeBound	lower = {.val = Int32GetDatum(0),.inclusive = true,.lower = true};
	RangeBound	upper = {.val = Int32GetDatum(1)};
	TypeCacheEntry *type = lookup_type_cache(INT4RANGEOID, TYPECACHE_RANGE_INFO);

	return (Node *) makeConst(INT4RANGEOID, -1, InvalidOid, -1,
							  RangeTypePGetDatum(make_range_compat(type, &lower, &upper, false)), false, false);
}

/* Errors in an expression point into it, not into the statement that called us. */
static void
point_into(void *arg)
{
	const Written *written = arg;
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(written->text);
	}
	errcontext("argument \"%s\" of a guard", written->argument);
}

/* Can a GiST index compare these columns as their types do? */
static void
check_keys(Relation rel, const Definition *definition)
{
	ListCell   *cell;

	foreach(cell, definition->keys)
	{
		Oid			type = getBaseType(exprType(lfirst(cell)));
		Oid			opclass = GetDefaultOpClass(type, GIST_AM_OID);

		if (OidIsValid(opclass) && OidIsValid(booking_key_equality(type, get_opclass_family(opclass))))
			continue;
		if (!OidIsValid(opclass) || !OidIsValid(lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("%s of table \"%s\" cannot be a resource",
							booking_expression_text(RelationGetRelid(rel), lfirst(cell), NULL),
							RelationGetRelationName(rel)),
					 errdetail("Type %s has no operator class for GiST indexes that knows equality.",
							   format_type_be(type)),
					 errhint("Extension btree_gist brings them for most types; text works for the others.")));
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s of table \"%s\" cannot be a resource",
						booking_expression_text(RelationGetRelid(rel), lfirst(cell), NULL),
						RelationGetRelationName(rel)),
				 errdetail("The operator class for GiST indexes does not compare values of type %s as the type itself does.",
						   format_type_be(type)),
				 errhint("Guard a generated column of another type with the same meaning: lower(column::text) for citext, column::numeric for floating point.")));
	}
}

static Node *
one_unit(void)
{
	return (Node *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(1), false, true);
}

/*
 * The column that says how much a row takes.
 */
Node *
booking_quantity(Relation rel, const char *name)
{
	Node	   *quantity = argument_column(rel, name);
	Oid			type = getBaseType(exprType(quantity));

	if (type != INT2OID && type != INT4OID && type != INT8OID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of table \"%s\" is not an integer", name, RelationGetRelationName(rel)),
				 errdetail("Its type is %s.", format_type_be(exprType(quantity)))));
	return quantity;
}

/* ---- an index that is there ---- */

/*
 * The definition that is behind using_index.
 */
Definition
booking_indexed_definition(Relation rel, const char *name, const GuardWords *words, Oid *index_id)
{
	Definition	definition;

	*index_id = index_named(rel, name);
	definition = take_index(rel, *index_id, words);
	definition.quantity = one_unit();
	return definition;
}

static Oid
index_named(Relation rel, const char *name)
{
	List	   *names = stringToQualifiedNameList_compat(name);
	RangeVar   *range = makeRangeVarFromNameList(names);
	Oid			oid;

	/* Without a schema, it is in the table's. */
	if (range->schemaname == NULL)
		range->schemaname = get_namespace_name(RelationGetNamespace(rel));
	oid = RangeVarGetRelid(range, AccessShareLock, true);
	if (!OidIsValid(oid) || get_rel_relkind(oid) == '\0' ||
		(get_rel_relkind(oid) != RELKIND_INDEX && get_rel_relkind(oid) != RELKIND_PARTITIONED_INDEX))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("index \"%s\" does not exist", name)));
	return oid;
}

/*
 * The definition that an index has which the caller built.  It may look at columns in its
 * own way (lower(email), daterange(first, last, '[]')), as long as these are the columns.
 */
static Definition
take_index(Relation rel, Oid index_id, const GuardWords *words)
{
	Relation	index = index_open(index_id, AccessShareLock);
	char	   *name = pstrdup(RelationGetRelationName(index));
	Definition	definition;
	const ListCell *a,
			   *b;
	const char *fault = booking_guard_index_fault(rel, index);
	Oid			relid = RelationGetRelid(rel);
	Bitmapset  *used = NULL;
	Bitmapset  *named = NULL;

	if (fault == NULL && IndexRelationGetNumberOfKeyAttributes(index) != list_length(words->keys) + 1)
		fault = "It has not as many columns as the resource and the period together.";
	if (fault)
		index_does_not_fit(rel, name, words, fault);
	definition = booking_definition_of_index(index);
	index_close(index, NoLock);

	forboth(a, words->keys, b, definition.keys)
	{
		Bitmapset  *columns = NULL;
		Var		   *wanted = (Var *) argument_column(rel, lfirst(a));

		pull_varattnos(lfirst(b), 1, &columns);
		if (bms_membership(columns) != BMS_SINGLETON ||
			!bms_is_member(wanted->varattno - FirstLowInvalidHeapAttributeNumber, columns))
			index_does_not_fit(rel, name, words, psprintf("It has %s where the resource has %s.",
														  booking_expression_text(relid, lfirst(b), NULL), (char *) lfirst(a)));
	}
	pull_varattnos(definition.period, 1, &used);
	foreach(a, words->periods)
		pull_varattnos(period_part(rel, lfirst(a)), 1, &named);
	if (!bms_equal(used, named) || get_typtype(getBaseType(exprType(definition.period))) != TYPTYPE_RANGE)
		index_does_not_fit(rel, name, words,
						   psprintf("Its last column is %s, of type %s, and not a range of the columns of the period.",
									booking_expression_text(relid, definition.period, NULL),
									format_type_be(exprType(definition.period))));
	if (!equal(active_conditions(rel, words->active), definition.active))
		index_does_not_fit(rel, name, words, definition.active == NIL ?
						   "It has no predicate, and active says which rows are in force." :
						   psprintf("Its predicate is %s, which is not what active says.",
									booking_predicate_text(relid, &definition, NULL)));
	return definition;
}

/* Says what would, in the simplest form. */
static void
index_does_not_fit(Relation rel, const char *name, const GuardWords *words, const char *fault)
{
	Definition	wanted = {0};
	bool		possible = list_length(words->periods) <= 1;
	const ListCell *cell;

	foreach(cell, words->keys)
		wanted.keys = lappend(wanted.keys, argument_column(rel, lfirst(cell)));
	if (list_length(words->periods) == 2)
	{
		Node	   *from = period_part(rel, linitial(words->periods));
		Node	   *to = period_part(rel, lsecond(words->periods));

		possible = (words->inclusive || !equal(from, to)) && getBaseType(exprType(from)) == getBaseType(exprType(to));
	}
	if (possible)
	{
		wanted.period = period_expression(rel, words->periods, words->inclusive);
		wanted.active = active_conditions(rel, words->active);
	}
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("index \"%s\" does not fit the guard", name),
			 errdetail_internal("%s", fault),
			 !possible ? 0 :
			 errhint("This would: CREATE INDEX CONCURRENTLY ON %s %s",
					 quote_identifier(RelationGetRelationName(rel)),
					 booking_index_text(RelationGetRelid(rel), &wanted))));
}

/* ---- the capacity query ---- */

/* It reads one integer and changes nothing: of which type? */
static Oid
capacity_type(const Query *query)
{
	ListCell   *cell;
	int			columns = 0;
	Oid			result = InvalidOid;

	foreach(cell, query->targetList)
	{
		TargetEntry *entry = lfirst(cell);

		if (entry->resjunk)
			continue;
		columns++;
		result = exprType((Node *) entry->expr);
	}
	if (query->commandType != CMD_SELECT || query->hasModifyingCTE || query->rowMarks || columns != 1 ||
		(result != INT2OID && result != INT4OID && result != INT8OID))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("capacity_query must read one integer and change nothing"),
				 query->hasModifyingCTE || query->rowMarks ? errdetail("It changes or locks rows.") :
				 columns == 1 ? errdetail("It returns %s.", format_type_be(result)) :
				 errdetail("It returns %d columns.", columns),
				 errhint("SELECT rooms FROM hotel WHERE id = $1, where $1 is the first column of the resource.")));
	return result;
}

static void
check_capacity_relations(Relation rel, const CapacityQuery *checked)
{
	ListCell   *cell;

	foreach(cell, checked->relations)
	{
		Oid			relid = lfirst_oid(cell);
		char		kind = get_rel_relkind(relid);
		const char *fault = NULL;

		if (relid == RelationGetRelid(rel))
			fault = "It is the guarded table itself.";
		else if (relid < FirstNormalObjectId)
			fault = "It is a system catalog.";
		else if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE && kind != RELKIND_VIEW)
			fault = "It is no ordinary table.";
		if (fault)
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("capacity_query cannot read \"%s\"", get_rel_name(relid)),
					 errdetail_internal("%s", fault),
					 errhint("Read tables on which a trigger can notice changes of the capacity.")));
	}
}

/*
 * Check it, and write all its names out.
 */
CapacityQuery *
booking_capacity_query(Relation rel, const Definition *definition, char *text)
{
	Written		written = {"capacity_query", text};
	ErrorContextCallback callback = {error_context_stack, point_into, &written};
	CapacityQuery *checked = palloc0(sizeof(CapacityQuery));
	Oid			types[INDEX_MAX_KEYS];
	int			nkeys = 0;
	List	   *parsed;
	Query	   *query;
	ListCell   *cell;
	Oid			result;
	int			nest_level;

	foreach(cell, definition->keys)
		types[nkeys++] = exprType(lfirst(cell));

	error_context_stack = &callback;
	parsed = pg_parse_query(text);
	if (list_length(parsed) != 1 || !IsA(linitial_node(RawStmt, parsed)->stmt, SelectStmt))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("capacity_query must be one SELECT")));
	query = parse_analyze_fixedparams(linitial_node(RawStmt, parsed), text, types, nkeys, NULL);
	error_context_stack = callback.previous;

	result = capacity_type(query);

	nest_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	checked->text = pg_get_querydef(query, false);
	AtEOXact_GUC(true, nest_level);
	checked->owner = rel->rd_rel->relowner;
	checked->result = result;

	/* Are all tables that it reads such that we can learn of changes? */
	SPI_connect();
	booking_capacity_prepare(checked, nkeys, types);
	SPI_finish();
	check_capacity_relations(rel, checked);
	return checked;
}

/* ---- names ---- */

/*
 * The name of a guard that the caller did not name.
 */
char *
booking_guard_name(Relation rel, const Definition *definition)
{
	StringInfoData columns;
	ListCell   *cell;

	initStringInfo(&columns);
	foreach(cell, definition->keys)
		if (IsA(lfirst(cell), Var))
			appendStringInfo(&columns, "%s%s", columns.len > 0 ? "_" : "",
							 get_attname(RelationGetRelid(rel), ((Var *) lfirst(cell))->varattno, false));
	return ChooseRelationName(RelationGetRelationName(rel), columns.len > 0 ? columns.data : NULL,
							  "guard", RelationGetNamespace(rel), true);
}

/*
 * Is the name free for triggers, and for an index if there will be one?
 */
void
booking_check_guard_name(Relation rel, const char *name, bool makes_relation)
{
	if (name[0] == '\0' || strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("the name of a guard must have between 1 and %d bytes", NAMEDATALEN - 1)));
	if (OidIsValid(get_trigger_oid(RelationGetRelid(rel), name, true)))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("table \"%s\" has a guard or trigger \"%s\" already", RelationGetRelationName(rel), name)));
	if (makes_relation && OidIsValid(get_relname_relid(name, RelationGetNamespace(rel))))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("there is a relation \"%s\" already", name),
				 errdetail("The guard's index has the guard's name."),
				 errhint("Pass another name.")));
}
