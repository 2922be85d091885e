/*-------------------------------------------------------------------------
 *
 * guard_table.c
 *		guard_table() and guard_against(): rules for tables that people have already.
 *
 * Both take a lock that keeps writers out, check their arguments, look at the rows that
 * are there, and then issue ordinary DDL, as the caller: an index and triggers, or an
 * exclusion constraint.  What that is, guarded.c explains.  Expressions that the caller
 * wrote are parsed once, here; the DDL is made from the result.
 *
 * Dependencies keep the parts together (guard_ddl.c).  That the columns stay that a guard
 * needs, PostgreSQL sees to: they stand in the trigger.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_range.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
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
#include "storage/lmgr.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "compat.h"
#include "guarded.h"

PG_FUNCTION_INFO_V1(booking_guard_table);
PG_FUNCTION_INFO_V1(booking_guard_against);
PG_FUNCTION_INFO_V1(booking_guard_definition);
PG_FUNCTION_INFO_V1(booking_before_name);

/* An expression that the caller wrote, for error messages that point into it. */
typedef struct Written
{
	const char *argument;
	const char *text;
} Written;

/* A table that DDL is about: it must not be open while DDL runs. */
typedef struct Target
{
	Oid			relid;
	char	   *text;			/* its name in SQL */
	Oid			namespace_id;
} Target;

static Relation open_target(Oid relid, const char *what);
static void lock_target(Oid relid, LOCKMODE mode);
static Target close_target(Relation rel);
static List *text_list(FunctionCallInfo fcinfo, int argument, const char *name);
static Node *column(Relation rel, const char *name);
static Node *period_expression(Relation rel, List *columns);
static Oid	range_over(Oid subtype, Relation rel, const char *column_name);
static List *type_name(Oid type);
static List *active_conditions(Relation rel, const char *text);
static void point_into(void *arg);
static void check_keys(Relation rel, const Definition *definition);
static Oid	index_named(Relation rel, const char *name);
static Definition take_index(Relation rel, Oid index_id, const List *keys, const List *periods,
							 const char *active);
static char *name_for(Relation rel, const Definition *definition, const char *label);
static void check_name(Relation rel, const char *name, bool makes_relation);
static char *column_list(Oid relid, const Definition *definition, bool constraint);
static char *predicate_text(Oid relid, const Definition *definition, const char *prefix);
static char *when_text(Oid relid, const Definition *definition);
static CapacityQuery *capacity_query(Relation rel, const Definition *definition, char *text);
static void ddl(const char *format,...) pg_attribute_printf(1, 2);
static Oid	make_index(const Target *target, const char *name, const Definition *definition);
static Oid	make_triggers(const Target *target, const char *name, const char *kind, const char *from,
						  const Definition *definition, const char *arguments);
static void check_found(Oid relid, Oid trigger);

/* ---- arguments ---- */

/*
 * Check that somebody may put rules on a table, and that one can.
 */
static Relation
open_target(Oid relid, const char *what)
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
				 errdetail("Nobody else can write to it.")));
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

/* Keep writers out of a table and of its partitions. */
static void
lock_target(Oid relid, LOCKMODE mode)
{
	ListCell   *cell;
	List	   *all;

	LockRelationOid(relid, mode);
	if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
		return;
	all = find_all_inheritors(relid, mode, NULL);
	foreach(cell, all)
	{
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_FOREIGN_TABLE)
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("cannot guard \"%s\"", get_rel_name(relid)),
					 errdetail("Its partition \"%s\" is a foreign table.", get_rel_name(lfirst_oid(cell)))));
	}
}

static Target
close_target(Relation rel)
{
	Target		target;

	target.relid = RelationGetRelid(rel);
	target.namespace_id = RelationGetNamespace(rel);
	target.text = quote_qualified_identifier(get_namespace_name(target.namespace_id),
											 RelationGetRelationName(rel));
	relation_close(rel, NoLock);
	return target;
}

/* A text[] argument as a list of C strings. */
static List *
text_list(FunctionCallInfo fcinfo, int argument, const char *name)
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

static Node *
column(Relation rel, const char *name)
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

/* The range column, or the range from the first column to the second, which it excludes. */
static Node *
period_expression(Relation rel, List *columns)
{
	Node	   *from;
	Node	   *to;
	Oid			range;
	Oid			types[2];
	Oid			function;

	if (list_length(columns) < 1 || list_length(columns) > 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("period must be one column or two"),
				 errhint("Name a range column, or the columns of its beginning and its end.")));
	from = column(rel, linitial(columns));
	if (list_length(columns) == 1)
	{
		if (get_typtype(getBaseType(exprType(from))) != TYPTYPE_RANGE)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of table \"%s\" is not a range", (char *) linitial(columns),
							RelationGetRelationName(rel)),
					 errdetail("Its type is %s.", format_type_be(exprType(from))),
					 errhint("Name a column of a range type, or the columns of its beginning and its end.")));
		return from;
	}

	to = column(rel, lsecond(columns));
	types[0] = types[1] = getBaseType(exprType(from));
	if (types[0] != getBaseType(exprType(to)))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("columns \"%s\" and \"%s\" of table \"%s\" have different types",
						(char *) linitial(columns), (char *) lsecond(columns), RelationGetRelationName(rel)),
				 errdetail("They are %s and %s.", format_type_be(exprType(from)), format_type_be(exprType(to)))));
	range = range_over(types[0], rel, linitial(columns));
	function = LookupFuncName(type_name(range), 2, types, false);
	if (types[0] != exprType(from))
		from = (Node *) makeRelabelType((Expr *) from, types[0], -1, get_typcollation(types[0]), COERCE_EXPLICIT_CAST);
	if (types[0] != exprType(to))
		to = (Node *) makeRelabelType((Expr *) to, types[0], -1, get_typcollation(types[0]), COERCE_EXPLICIT_CAST);
	return (Node *) makeFuncExpr(function, range, list_make2(from, to), InvalidOid,
								 get_typcollation(types[0]), COERCE_EXPLICIT_CALL);
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

/* The condition under which a row is in force, as the caller wrote it. */
static List *
active_conditions(Relation rel, const char *text)
{
	Written		written = {"active", text};
	ErrorContextCallback callback = {error_context_stack, point_into, &written};
	List	   *parsed;
	SelectStmt *select;
	ParseState *pstate;
	ParseNamespaceItem *item;
	Node	   *condition;

	if (text == NULL)
		return NIL;

	error_context_stack = &callback;
	parsed = raw_parser(text, RAW_PARSE_PLPGSQL_EXPR);
	select = (SelectStmt *) linitial_node(RawStmt, parsed)->stmt;
	if (list_length(select->targetList) != 1 || select->distinctClause || select->fromClause ||
		select->whereClause || select->groupClause || select->havingClause || select->windowClause ||
		select->sortClause || select->limitOffset || select->limitCount || select->lockingClause ||
		select->op != SETOP_NONE || linitial_node(ResTarget, select->targetList)->name)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("active must be a condition"),
				 errdetail("It is: %s", text),
				 errhint("Write what would stand behind WHERE, such as 'canceled_at IS NULL'.")));

	pstate = make_parsestate(NULL);
	pstate->p_sourcetext = text;
	item = addRangeTableEntryForRelation(pstate, rel, AccessShareLock, NULL, false, true);
	addNSItemToQuery(pstate, item, false, true, true);
	condition = transformExpr(pstate, linitial_node(ResTarget, select->targetList)->val,
							  EXPR_KIND_INDEX_PREDICATE);
	condition = coerce_to_boolean(pstate, condition, "active");
	assign_expr_collations(pstate, condition);
	free_parsestate(pstate);
	error_context_stack = callback.previous;

	condition = (Node *) expression_planner((Expr *) condition);
	if (contain_mutable_functions(condition))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("active must be immutable"),
				 errdetail("Its answer may change without a change of the row: %s", text),
				 errhint("Use only columns of the row, constants and immutable functions; the current time is none.")));
	condition = (Node *) canonicalize_qual((Expr *) condition, false);
	if (IsA(condition, Const) && !((Const *) condition)->constisnull &&
		DatumGetBool(((Const *) condition)->constvalue))
		return NIL;
	return make_ands_implicit((Expr *) condition);
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

/* Can a GiST index compare these columns for equality, and the period for overlap? */
static void
check_keys(Relation rel, const Definition *definition)
{
	ListCell   *cell;

	foreach(cell, definition->keys)
	{
		Oid			type = getBaseType(exprType(lfirst(cell)));
		Oid			opclass = GetDefaultOpClass(type, GIST_AM_OID);
		Oid			equal = lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;

		if (OidIsValid(opclass) && OidIsValid(equal))
		{
			Oid			input = get_opclass_input_type(opclass);

			equal = lookup_type_cache(input, TYPECACHE_EQ_OPR)->eq_opr;
			if (OidIsValid(equal) &&
				get_op_opfamily_strategy(equal, get_opclass_family(opclass)) != InvalidStrategy)
				continue;
		}
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s of table \"%s\" cannot be a resource",
						booking_expression_text(RelationGetRelid(rel), lfirst(cell), NULL),
						RelationGetRelationName(rel)),
				 errdetail("Type %s has no operator class for GiST indexes that knows equality.",
						   format_type_be(type)),
				 errhint("Extension btree_gist brings them for most types; text works for the others.")));
	}
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
take_index(Relation rel, Oid index_id, const List *keys, const List *periods, const char *active)
{
	Relation	index = index_open(index_id, AccessShareLock);
	char	   *name = RelationGetRelationName(index);
	Definition	definition;
	const ListCell *a,
			   *b;
	const char *fault = NULL;
	Bitmapset  *used = NULL;

	if (index->rd_index->indrelid != RelationGetRelid(rel))
		fault = "It is an index of another table.";
	else if (index->rd_rel->relam != GIST_AM_OID)
		fault = "It is not a GiST index.";
	else if (!index->rd_index->indisvalid)
		fault = "It is not valid; a CREATE INDEX CONCURRENTLY may have failed, or be in progress.";
	else if (IndexRelationGetNumberOfKeyAttributes(index) != list_length(keys) + 1)
		fault = "It has not as many columns as the resource and the period together.";
	if (fault)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("index \"%s\" does not fit the guard", name), errdetail_internal("%s", fault)));

	definition = booking_definition_of_index(index);
	index_close(index, NoLock);

	forboth(a, keys, b, definition.keys)
	{
		Bitmapset  *columns = NULL;
		Var		   *wanted = (Var *) column(rel, lfirst(a));

		pull_varattnos(lfirst(b), 1, &columns);
		if (bms_membership(columns) != BMS_SINGLETON ||
			!bms_is_member(wanted->varattno - FirstLowInvalidHeapAttributeNumber, columns))
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("index \"%s\" does not fit the guard", name),
					 errdetail("It has %s where the resource has %s.",
							   booking_expression_text(RelationGetRelid(rel), lfirst(b), NULL), (char *) lfirst(a))));
	}
	pull_varattnos(definition.period, 1, &used);
	foreach(a, periods)
	{
		Var		   *wanted = (Var *) column(rel, lfirst(a));

		used = bms_is_member(wanted->varattno - FirstLowInvalidHeapAttributeNumber, used) ?
			bms_del_member(used, wanted->varattno - FirstLowInvalidHeapAttributeNumber) :
			bms_add_member(used, 0);
	}
	if (!bms_is_empty(used) || get_typtype(getBaseType(exprType(definition.period))) != TYPTYPE_RANGE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("index \"%s\" does not fit the guard", name),
				 errdetail("Its last column is %s, of type %s, and not a range of the columns of the period.",
						   booking_expression_text(RelationGetRelid(rel), definition.period, NULL),
						   format_type_be(exprType(definition.period)))));
	if (!equal(active_conditions(rel, active), definition.active))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("index \"%s\" does not fit the guard", name),
				 definition.active ?
				 errdetail("Its predicate is %s, which is not what active says.",
						   predicate_text(RelationGetRelid(rel), &definition, NULL)) :
				 errdetail("It has no predicate, and active says which rows are in force.")));
	return definition;
}

/* ---- names and texts ---- */

static char *
name_for(Relation rel, const Definition *definition, const char *label)
{
	StringInfoData columns;
	ListCell   *cell;

	initStringInfo(&columns);
	foreach(cell, definition->keys)
		if (IsA(lfirst(cell), Var))
			appendStringInfo(&columns, "%s%s", columns.len > 0 ? "_" : "",
							 get_attname(RelationGetRelid(rel), ((Var *) lfirst(cell))->varattno, false));
	return ChooseRelationName(RelationGetRelationName(rel), columns.len > 0 ? columns.data : NULL,
							  label, RelationGetNamespace(rel), true);
}

static void
check_name(Relation rel, const char *name, bool makes_relation)
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

/* The name of a trigger that sorts behind others, within the length of a name. */
char *
booking_part_name(const char *name, const char *suffix)
{
	int			room = NAMEDATALEN - 1 - strlen(BEFORE_TRIGGER_PREFIX) - strlen(suffix);

	return psprintf("%s%.*s%s", BEFORE_TRIGGER_PREFIX, pg_mbcliplen(name, strlen(name), room), name, suffix);
}

/* The columns of the index or of the constraint. */
static char *
column_list(Oid relid, const Definition *definition, bool constraint)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, definition->keys)
		appendStringInfo(&text, "(%s)%s%s, ", booking_expression_text(relid, lfirst(cell), NULL),
						 constraint ? " WITH " : "",
						 constraint ? booking_equality(exprType(lfirst(cell))) : "");
	appendStringInfo(&text, "(%s)%s", booking_expression_text(relid, definition->period, NULL),
					 constraint ? " WITH OPERATOR(pg_catalog.&&)" : "");
	return text.data;
}

static char *
predicate_text(Oid relid, const Definition *definition, const char *prefix)
{
	return booking_expression_text(relid, (Node *) make_ands_explicit(definition->active), prefix);
}

static char *
when_text(Oid relid, const Definition *definition)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, definition->keys)
		appendStringInfo(&text, "%s, ", booking_expression_text(relid, lfirst(cell), "new"));
	appendStringInfo(&text, "%s, %s, %s",
					 booking_expression_text(relid, definition->period, "new"),
					 booking_expression_text(relid, definition->quantity, "new"),
					 predicate_text(relid, definition, "new"));
	return text.data;
}

/* ---- the capacity query ---- */

/* Check it, and write all its names out. */
static CapacityQuery *
capacity_query(Relation rel, const Definition *definition, char *text)
{
	Written		written = {"capacity_query", text};
	ErrorContextCallback callback = {error_context_stack, point_into, &written};
	CapacityQuery *checked = palloc0(sizeof(CapacityQuery));
	Oid			types[INDEX_MAX_KEYS];
	int			nkeys = 0;
	List	   *parsed;
	Query	   *query;
	ListCell   *cell;
	int			columns = 0;
	Oid			result = InvalidOid;
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

	nest_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	checked->text = pg_get_querydef(query, false);
	AtEOXact_GUC(true, nest_level);
	checked->owner = rel->rd_rel->relowner;

	/* Are all tables that it reads such that we can learn of changes? */
	SPI_connect();
	booking_capacity_prepare(checked, nkeys, types);
	SPI_finish();
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
	return checked;
}

/* ---- doing it ---- */

static void
ddl(const char *format,...)
{
	StringInfoData sql;
	int			needed;

	initStringInfo(&sql);
	for (;;)
	{
		va_list		args;

		va_start(args, format);
		needed = appendStringInfoVA(&sql, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&sql, needed);
	}
	SPI_connect();
	if (SPI_execute(sql.data, false, 0) < 0)
		elog(ERROR, "\"%s\" failed: %s", sql.data, SPI_result_code_string(SPI_result));
	SPI_finish();
	CommandCounterIncrement();
}

static Oid
make_index(const Target *target, const char *name, const Definition *definition)
{
	ddl("CREATE INDEX %s ON %s USING gist (%s)%s%s%s", quote_identifier(name), target->text,
		column_list(target->relid, definition, false), definition->active ? " WHERE (" : "",
		definition->active ? predicate_text(target->relid, definition, NULL) : "", definition->active ? ")" : "");
	return get_relname_relid(name, target->namespace_id);
}

/* The two triggers of a rule; returns the one that is the rule. */
static Oid
make_triggers(const Target *target, const char *name, const char *kind, const char *from,
			  const Definition *definition, const char *arguments)
{
	char	   *before = booking_part_name(name, "");

	ddl("CREATE %sTRIGGER %s AFTER INSERT OR UPDATE ON %s %s FOR EACH ROW WHEN (booking.check_again(%s)) EXECUTE FUNCTION booking.%s(%s)",
		from ? "CONSTRAINT " : "", quote_identifier(name), target->text, from ? from : "",
		when_text(target->relid, definition), kind, arguments);
	ddl("CREATE TRIGGER %s BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION booking.make_room()",
		quote_identifier(before), target->text);
	return get_trigger_oid(target->relid, name, false);
}

/* The rule that was just made can be read back, and its index is found. */
static void
check_found(Oid relid, Oid trigger)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	bool		found = false;

	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers && !found; i++)
	{
		Definition	definition;

		found = rel->trigdesc->triggers[i].tgoid == trigger &&
			booking_definition(&rel->trigdesc->triggers[i], &definition) &&
			OidIsValid(booking_find_index(rel, &definition, InvalidOid));
	}
	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" cannot be guarded by these expressions", RelationGetRelationName(rel)),
				 errhint("Put them into generated columns, and guard these.")));
	relation_close(rel, NoLock);
}

/*
 * guard_table(target, resource, period, capacity, quantity, active, capacity_query,
 *			   using_index, name, check_existing)
 */
Datum
booking_guard_table(PG_FUNCTION_ARGS)
{
	List	   *keys;
	List	   *periods;
	char	   *active = PG_ARGISNULL(5) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(5));
	int32		capacity;
	bool		check_existing;
	bool		exclusive;
	Relation	rel;
	Target		table;
	Definition	definition = {0};
	CapacityQuery *query = NULL;
	Oid			index_id = InvalidOid;
	Oid			existing_index;
	Oid			guard;
	char	   *name;
	char	   *arguments;
	ListCell   *cell;

	if (PG_ARGISNULL(0))
		booking_null_argument("target");
	keys = text_list(fcinfo, 1, "resource");
	periods = text_list(fcinfo, 2, "period");
	if (PG_ARGISNULL(3))
		booking_null_argument("capacity");
	capacity = PG_GETARG_INT32(3);
	if (PG_ARGISNULL(9))
		booking_null_argument("check_existing");
	check_existing = PG_GETARG_BOOL(9);

	if (capacity < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("capacity must be 1 or more"),
				 errdetail("It is %d.", capacity)));
	if (!PG_ARGISNULL(6) && capacity != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("capacity and capacity_query exclude each other"),
				 errhint("Leave the capacity out, or put it into the query.")));
	if (list_length(keys) >= INDEX_MAX_KEYS)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_COLUMNS),
				 errmsg("resource must have fewer than %d columns", INDEX_MAX_KEYS)));

	rel = open_target(PG_GETARG_OID(0), "guard_table");
	exclusive = capacity == 1 && PG_ARGISNULL(4) && PG_ARGISNULL(6) && PG_ARGISNULL(7) && check_existing &&
		rel->rd_rel->relkind == RELKIND_RELATION;
	lock_target(RelationGetRelid(rel), exclusive ? AccessExclusiveLock : ShareRowExclusiveLock);

	if (!PG_ARGISNULL(7))
	{
		index_id = index_named(rel, text_to_cstring(PG_GETARG_TEXT_PP(7)));
		definition = take_index(rel, index_id, keys, periods, active);
	}
	else
	{
		foreach(cell, keys)
			definition.keys = lappend(definition.keys, column(rel, lfirst(cell)));
		definition.period = period_expression(rel, periods);
		definition.active = active_conditions(rel, active);
	}
	check_keys(rel, &definition);

	definition.quantity = (Node *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(1), false, true);
	if (!PG_ARGISNULL(4))
	{
		char	   *quantity = text_to_cstring(PG_GETARG_TEXT_PP(4));
		Oid			type;

		definition.quantity = column(rel, quantity);
		type = getBaseType(exprType(definition.quantity));
		if (type != INT2OID && type != INT4OID && type != INT8OID)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of table \"%s\" is not an integer", quantity,
							RelationGetRelationName(rel)),
					 errdetail("Its type is %s.", format_type_be(exprType(definition.quantity)))));
	}
	if (!PG_ARGISNULL(6))
		query = capacity_query(rel, &definition, text_to_cstring(PG_GETARG_TEXT_PP(6)));

	name = PG_ARGISNULL(8) ? name_for(rel, &definition, "guard") : text_to_cstring(PG_GETARG_TEXT_PP(8));
	check_name(rel, name, !OidIsValid(index_id));

	existing_index = booking_find_index(rel, &definition, InvalidOid);
	table = close_target(rel);

	/* Whoever changes a capacity from now on waits for us, and we for whoever has. */
	if (query)
		foreach(cell, query->relations)
		{
			List	   *columns = booking_capacity_columns(query, lfirst_oid(cell));
			StringInfoData of;
			ListCell   *column_cell;

			initStringInfo(&of);
			foreach(column_cell, columns)
				appendStringInfo(&of, "%s%s", of.len > 0 ? ", " : " OF ", quote_identifier(lfirst(column_cell)));
			ddl("CREATE TRIGGER %s BEFORE INSERT OR DELETE OR UPDATE%s ON %s FOR EACH ROW EXECUTE FUNCTION booking.capacity_changes()",
				quote_identifier(booking_part_name(name, "_capacity")), of.data,
				quote_qualified_identifier(get_namespace_name(get_rel_namespace(lfirst_oid(cell))),
										   get_rel_name(lfirst_oid(cell))));
		}
	if (check_existing)
		booking_check_existing(table.relid, name, &definition, capacity, query);

	if (exclusive)
	{
		ddl("ALTER TABLE %s ADD CONSTRAINT %s EXCLUDE USING gist (%s)%s%s%s", table.text,
			quote_identifier(name), column_list(table.relid, &definition, true), definition.active ? " WHERE (" : "",
			definition.active ? predicate_text(table.relid, &definition, NULL) : "", definition.active ? ")" : "");
		ddl("COMMENT ON CONSTRAINT %s ON %s IS %s", quote_identifier(name), table.text,
			quote_literal_cstr(MADE_BY_US));
	}
	else
	{
		bool		own_index;

		if (!OidIsValid(index_id))
			index_id = existing_index;
		own_index = !OidIsValid(index_id);
		if (own_index)
			index_id = make_index(&table, name, &definition);
		arguments = query ?
			psprintf("'query', '%s', %s", own_index ? "own index" : "given index", quote_literal_cstr(query->text)) :
			psprintf("'%d', '%s'", capacity, own_index ? "own index" : "given index");
		guard = make_triggers(&table, name, "check_capacity", NULL, &definition, arguments);
		check_found(table.relid, guard);
		booking_bind_guards();
	}
	PG_RETURN_TEXT_P(cstring_to_text(name));
}

/*
 * guard_against(target, guard, blocker, resource, period, active)
 */
Datum
booking_guard_against(PG_FUNCTION_ARGS)
{
	static const char *const arguments[] = {"target", "guard", "blocker"};
	List	   *keys;
	List	   *periods;
	char	   *active = PG_ARGISNULL(5) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(5));
	char	   *guard_name;
	Relation	rel;
	Relation	blocker;
	Target		guarded_table;
	Target		blocking_table;
	Definition	definition = {0};
	Definition	blocking = {0};
	Oid			index_id = InvalidOid;
	Oid			blocking_index;
	Oid			side,
				other_side;
	bool		own_index;
	char	   *name;
	ListCell   *a,
			   *b;

	for (int i = 0; i < 3; i++)
		if (PG_ARGISNULL(i))
			booking_null_argument(arguments[i]);
	guard_name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	keys = text_list(fcinfo, 3, "resource");
	periods = text_list(fcinfo, 4, "period");

	rel = open_target(PG_GETARG_OID(0), "guard_against");
	blocker = open_target(PG_GETARG_OID(2), "guard_against");
	if (RelationGetRelid(rel) == RelationGetRelid(blocker))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a table cannot be guarded against itself"),
				 errhint("One guard over all its rows does that.")));

	/* In one order, whichever is which. */
	lock_target(Min(RelationGetRelid(rel), RelationGetRelid(blocker)), ShareRowExclusiveLock);
	lock_target(Max(RelationGetRelid(rel), RelationGetRelid(blocker)), ShareRowExclusiveLock);

	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];

		if (strcmp(trigger->tgname, guard_name) == 0 &&
			trigger->tgfoid == booking_guard_function(FUNCTION_CHECK_CAPACITY) &&
			booking_definition(trigger, &definition))
			index_id = booking_find_index(rel, &definition, InvalidOid);
	}
	if (!OidIsValid(index_id))
	{
		Oid			constraint = get_relname_relid(guard_name, RelationGetNamespace(rel));
		Relation	index;

		if (!OidIsValid(constraint) || !list_member_oid(RelationGetIndexList(rel), constraint))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("table \"%s\" has no guard \"%s\"", RelationGetRelationName(rel), guard_name),
					 errhint("booking.guarded_table lists the guards; guard_table() makes one.")));
		index = index_open(constraint, AccessShareLock);
		if (!index->rd_index->indisexclusion || index->rd_rel->relam != GIST_AM_OID ||
			get_typtype(getBaseType(TupleDescAttr(RelationGetDescr(index), RelationGetDescr(index)->natts - 1)->atttypid)) != TYPTYPE_RANGE)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("\"%s\" of table \"%s\" is not a guard", guard_name, RelationGetRelationName(rel))));
		definition = booking_definition_of_index(index);
		index_id = constraint;
		index_close(index, NoLock);
	}
	definition.quantity = (Node *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(1), false, true);

	foreach(a, keys)
		blocking.keys = lappend(blocking.keys, column(blocker, lfirst(a)));
	blocking.period = period_expression(blocker, periods);
	blocking.active = active_conditions(blocker, active);
	blocking.quantity = definition.quantity;
	check_keys(blocker, &blocking);
	if (list_length(blocking.keys) != list_length(definition.keys))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("resource must have as many columns as the guard has"),
				 errdetail("It has %d, guard \"%s\" has %d.", list_length(blocking.keys), guard_name,
						   list_length(definition.keys))));
	forboth(a, lappend(list_copy(definition.keys), definition.period),
			b, lappend(list_copy(blocking.keys), blocking.period))
	{
		Oid			ours = getBaseType(exprType(lfirst(a)));
		Oid			theirs = getBaseType(exprType(lfirst(b)));

		if (ours != theirs || exprCollation(lfirst(a)) != exprCollation(lfirst(b)))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("%s of table \"%s\" and %s of table \"%s\" cannot be compared",
							booking_expression_text(RelationGetRelid(rel), lfirst(a), NULL), RelationGetRelationName(rel),
							booking_expression_text(RelationGetRelid(blocker), lfirst(b), NULL), RelationGetRelationName(blocker)),
					 errdetail("Their types are %s and %s; they must be the same, and so must their collations.",
							   format_type_be(exprType(lfirst(a))), format_type_be(exprType(lfirst(b))))));
	}

	name = ChooseRelationName(RelationGetRelationName(rel), RelationGetRelationName(blocker), "guard",
							  RelationGetNamespace(blocker), true);
	check_name(rel, name, false);
	check_name(blocker, name, true);
	blocking_index = booking_find_index(blocker, &blocking, InvalidOid);

	guarded_table = close_target(rel);
	blocking_table = close_target(blocker);
	booking_check_existing_against(guarded_table.relid, &definition, blocking_table.relid, &blocking, name);

	own_index = !OidIsValid(blocking_index);
	if (own_index)
		blocking_index = make_index(&blocking_table, name, &blocking);
	side = make_triggers(&guarded_table, name, "check_against", psprintf("FROM %s", blocking_table.text), &definition,
						 "'guarded'");
	other_side = make_triggers(&blocking_table, name, "check_against", psprintf("FROM %s", guarded_table.text), &blocking,
							   own_index ? "'blocker', 'own index'" : "'blocker', 'given index'");
	check_found(guarded_table.relid, side);
	check_found(blocking_table.relid, other_side);
	booking_bind_guards();
	PG_RETURN_TEXT_P(cstring_to_text(name));
}

/*
 * guard_definition(trigger): what booking.guarded_table shows of a guard that is a trigger.
 */
Datum
booking_guard_definition(PG_FUNCTION_ARGS)
{
	TriggerRow	row;
	Relation	rel;
	TupleDesc	desc;
	Datum		values[9] = {0};
	bool		nulls[9];

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	memset(nulls, true, sizeof(nulls));
	if (!booking_trigger_row(PG_GETARG_OID(0), &row) ||
		(row.function != booking_guard_function(FUNCTION_CHECK_CAPACITY) &&
		 row.function != booking_guard_function(FUNCTION_CHECK_AGAINST)))
		PG_RETURN_NULL();

	rel = relation_open(row.relid, AccessShareLock);
	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];
		Definition	definition;
		Datum		keys[INDEX_MAX_KEYS];
		int			nkeys = 0;
		ListCell   *cell;
		Oid			index_id;

		if (trigger->tgoid != row.oid || trigger->tgnargs < 1 || !booking_definition(trigger, &definition))
			continue;
#define SET(i, datum) do { values[i] = (datum); nulls[i] = false; } while (0)
		foreach(cell, definition.keys)
			keys[nkeys++] = CStringGetTextDatum(booking_expression_text(row.relid, lfirst(cell), NULL));
		SET(0, PointerGetDatum(construct_array(keys, nkeys, TEXTOID, -1, false, TYPALIGN_INT)));
		SET(1, CStringGetTextDatum(booking_expression_text(row.relid, definition.period, NULL)));
		if (booking_quantity_column(&definition))
			SET(2, CStringGetTextDatum(booking_expression_text(row.relid, definition.quantity, NULL)));
		if (definition.active)
			SET(3, CStringGetTextDatum(predicate_text(RelationGetRelid(rel), &definition, NULL)));
		if (row.function == booking_guard_function(FUNCTION_CHECK_CAPACITY))
		{
			if (strcmp(trigger->tgargs[0], "query") != 0)
				SET(4, Int32GetDatum(pg_strtoint32(trigger->tgargs[0])));
			else if (trigger->tgnargs >= 3)
				SET(5, CStringGetTextDatum(trigger->tgargs[2]));
		}
		else
			SET(6, CStringGetTextDatum(trigger->tgargs[0]));
		index_id = booking_find_index(rel, &definition, InvalidOid);
		if (OidIsValid(index_id))
			SET(7, ObjectIdGetDatum(index_id));
		SET(8, BoolGetDatum(trigger->tgnargs >= 2 && strcmp(trigger->tgargs[1], "own index") == 0));
#undef SET
		break;
	}
	relation_close(rel, NoLock);
	if (nulls[0])
		PG_RETURN_NULL();
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* booking_part_name(name, suffix) */
Datum
booking_before_name(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(booking_part_name(text_to_cstring(PG_GETARG_TEXT_PP(0)),
												 text_to_cstring(PG_GETARG_TEXT_PP(1)))));
}
