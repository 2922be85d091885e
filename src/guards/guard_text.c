/*-------------------------------------------------------------------------
 *
 * guard_text.c
 *		How are a rule and its parts written in SQL?
 *
 * What a guard is made of is made by ordinary DDL; and rows are looked for by queries.  All
 * names are written out in full, so that nothing depends on a search_path.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_operator.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "base/distributed.h"
#include "guards/guard_definition.h"
#include "guards/guard_key.h"
#include "guards/guard_text.h"

PG_FUNCTION_INFO_V1(booking_before_name);

static void append_in_force(StringInfo sql, Oid relid, const Definition *definition, const char *prefix,
							const char *not_empty);
static char *index_column_text(Oid relid, Node *expression);

/* ---- expressions ---- */

/* An expression as SQL, its columns with the prefix if there is one. */
char *
booking_expression_text(Oid relid, Node *expression, const char *prefix)
{
	const char *name = prefix ? prefix : "x";

	return deparse_expression(expression, deparse_context_for(name, relid), prefix != NULL, false);
}

/* When a row is in force, as SQL; "true" if it always is. */
char *
booking_predicate_text(Oid relid, const Definition *definition, const char *prefix)
{
	return booking_expression_text(relid, (Node *) make_ands_explicit(definition->active), prefix);
}

/* OPERATOR(schema.=) of a type */
char *
booking_equality(Oid type)
{
	Oid			oid = lookup_type_cache(getBaseType(type), TYPECACHE_EQ_OPR)->eq_opr;
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(oid));
	Form_pg_operator operator;
	char	   *text;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "type %u has no equality", type);
	operator = (Form_pg_operator) GETSTRUCT(tuple);
	text = psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(operator->oprnamespace)),
					NameStr(operator->oprname));
	ReleaseSysCache(tuple);
	return text;
}

/* ---- the rows of a table ---- */

/* The table itself, without those that inherit from it; of a partitioned table, all partitions. */
char *
booking_source_text(Relation rel)
{
	char	   *name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
												  RelationGetRelationName(rel));
	Distribution distribution;

	/* Of a table that Citus distributes, that would be the one here, which has no rows. */
	if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE || booking_distributed(RelationGetRelid(rel), &distribution))
		return name;
	return psprintf("ONLY %s", name);
}

/* WHERE a row is in force and is compared with others. */
void
booking_in_force(StringInfo sql, Oid relid, const Definition *definition, const char *prefix)
{
	append_in_force(sql, relid, definition, prefix, "NOT ");
}

/* WHERE it would be, if its period held something. */
void
booking_in_force_but_empty(StringInfo sql, Oid relid, const Definition *definition, const char *prefix)
{
	append_in_force(sql, relid, definition, prefix, "");
}

static void
append_in_force(StringInfo sql, Oid relid, const Definition *definition, const char *prefix, const char *not_empty)
{
	ListCell   *cell;

	appendStringInfo(sql, "%spg_catalog.isempty(%s)", not_empty, booking_expression_text(relid, definition->period, prefix));
	foreach(cell, definition->keys)
		appendStringInfo(sql, " AND (%s) IS NOT NULL", booking_expression_text(relid, lfirst(cell), prefix));
	foreach(cell, definition->active)
		appendStringInfo(sql, " AND (%s)", booking_expression_text(relid, lfirst(cell), prefix));
}

/* ---- the parts of a guard ---- */

/* What a guard's index has to look like. */
char *
booking_index_text(Oid relid, const Definition *definition)
{
	return psprintf("USING gist (%s)%s", booking_index_columns_text(relid, definition, false), booking_where_text(relid, definition));
}

/* The columns of the index or of the constraint. */
char *
booking_index_columns_text(Oid relid, const Definition *definition, bool constraint)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, definition->keys)
		appendStringInfo(&text, "%s%s%s, ", index_column_text(relid, lfirst(cell)),
						 constraint ? " WITH " : "",
						 constraint ? booking_equality(exprType(lfirst(cell))) : "");
	appendStringInfo(&text, "%s%s", index_column_text(relid, definition->period),
					 constraint ? " WITH OPERATOR(pg_catalog.&&)" : "");
	return text.data;
}

/* One of them, with the operator class that keeps it short where it can be long. */
static char *
index_column_text(Oid relid, Node *expression)
{
	const char *class = booking_key_opclass(exprType(expression));

	return psprintf("(%s)%s%s", booking_expression_text(relid, expression, NULL), class ? " " : "", class ? class : "");
}

/* Its predicate, if it has one. */
char *
booking_where_text(Oid relid, const Definition *definition)
{
	return definition->active == NIL ? "" :
		psprintf(" WHERE (%s)", booking_predicate_text(relid, definition, NULL));
}

/* The definition, as the arguments of check_again(). */
char *
booking_when_text(Oid relid, const Definition *definition)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, definition->keys)
		appendStringInfo(&text, "%s, ", booking_expression_text(relid, lfirst(cell), "new"));
	appendStringInfo(&text, "%s, %s, %s",
					 booking_expression_text(relid, definition->period, "new"),
					 booking_expression_text(relid, definition->quantity, "new"),
					 booking_predicate_text(relid, definition, "new"));
	if (OidIsValid(definition->capacity))
	{
		const char *separator = "";

		appendStringInfo(&text, ", CASE WHEN false THEN %s(",
						 quote_qualified_identifier(get_namespace_name(get_func_namespace(definition->capacity)),
													get_func_name(definition->capacity)));
		foreach(cell, definition->keys)
		{
			appendStringInfo(&text, "%s%s", separator, booking_expression_text(relid, lfirst(cell), "new"));
			separator = ", ";
		}
		appendStringInfoString(&text, ") END");
	}
	return text.data;
}

/* The name of a trigger that sorts behind others, within the length of a name. */
char *
booking_part_name(const char *name, const char *suffix)
{
	int			room = NAMEDATALEN - 1 - strlen(BEFORE_TRIGGER_PREFIX) - strlen(suffix);

	return psprintf("%s%.*s%s", BEFORE_TRIGGER_PREFIX, pg_mbcliplen(name, strlen(name), room), name, suffix);
}

/* booking_part_name(name, suffix) */
Datum
booking_before_name(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(booking_part_name(text_to_cstring(PG_GETARG_TEXT_PP(0)),
												 text_to_cstring(PG_GETARG_TEXT_PP(1)))));
}

/* Runs one statement. */
void
booking_ddl(const char *format,...)
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
