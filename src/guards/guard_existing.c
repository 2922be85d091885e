/*-------------------------------------------------------------------------
 *
 * guard_existing.c
 *		Do the rows that are in a table already keep the rule that it is to get?
 *
 * The caller holds a lock on the table that keeps writers out.  The rows come sorted by
 * their keys, and the sweep of guard.c runs over the rows of one key at a time.  What
 * breaks the rule is reported: which key, when, by how much, and which rows.
 *
 * Everything here reads with the latest snapshot: above READ COMMITTED the transaction's
 * own may be older than the lock.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_operator.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/period.h"
#include "engine/guard.h"
#include "guards/guarded.h"

/* Offenders that are named; the rest is counted. */
#define NAME_AT_MOST	5

/* Rows with the same key. */
typedef struct KeyGroup
{
	MemoryContext context;
	Datum		key[INDEX_MAX_KEYS];
	GuardRows	rows;
} KeyGroup;

typedef struct Check
{
	Relation	rel;
	const Definition *definition;
	const char *source;			/* the table in SQL, ONLY included */
	int			nkeys;
	Oid			key_type[INDEX_MAX_KEYS];
	TypeCacheEntry *type[INDEX_MAX_KEYS];
	Oid			range_type;
	int64		capacity;
	CapacityQuery *query;
	StringInfoData report;
	int			broken;
} Check;

static char *source_text(Relation rel);
static void in_force(StringInfo sql, Oid relid, const Definition *definition, const char *prefix);
static Portal open_rows(Check *check);
static bool same_key(const Check *check, const KeyGroup *group, const Datum *key);
static void judge_group(Check *check, KeyGroup *group);
static char *offending_rows(Check *check, KeyGroup *group, RangeType *stretch);
pg_noreturn static void complain(Relation rel, const char *name, const Check *check);

static char *
source_text(Relation rel)
{
	char	   *name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
												  RelationGetRelationName(rel));

	return rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ? name : psprintf("ONLY %s", name);
}

/* WHERE a row is in force and is compared with others. */
static void
in_force(StringInfo sql, Oid relid, const Definition *definition, const char *prefix)
{
	char	   *period = booking_expression_text(relid, definition->period, prefix);
	ListCell   *cell;

	appendStringInfo(sql, "NOT pg_catalog.isempty(%s)", period);
	foreach(cell, definition->keys)
		appendStringInfo(sql, " AND (%s) IS NOT NULL", booking_expression_text(relid, lfirst(cell), prefix));
	foreach(cell, definition->active)
		appendStringInfo(sql, " AND (%s)", booking_expression_text(relid, lfirst(cell), prefix));
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

/*
 * Refuse with a list of what breaks the rule, if anything does.
 */
void
booking_check_existing(Oid relid, const char *name, const Definition *definition,
					   int64 capacity, CapacityQuery *query)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	Check		check = {.rel = rel, .definition = definition, .capacity = capacity, .query = query};
	KeyGroup		group = {0};
	Portal		portal;
	ListCell   *cell;

	foreach(cell, definition->keys)
	{
		Oid			type = exprType(lfirst(cell));

		check.key_type[check.nkeys] = type;
		check.type[check.nkeys++] = lookup_type_cache(getBaseType(type), TYPECACHE_EQ_OPR_FINFO);
	}
	check.range_type = getBaseType(exprType(definition->period));
	check.source = source_text(rel);
	initStringInfo(&check.report);
	group.context = AllocSetContextCreate(CurrentMemoryContext, "booking rows of one key", ALLOCSET_DEFAULT_SIZES);

	SPI_connect();
	PushActiveSnapshot(GetLatestSnapshot());
	portal = open_rows(&check);
	PopActiveSnapshot();
	for (;;)
	{
		SPI_cursor_fetch(portal, true, 1000);
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			HeapTuple	row = SPI_tuptable->vals[i];
			TupleDesc	desc = SPI_tuptable->tupdesc;
			Datum		key[INDEX_MAX_KEYS];
			Datum		value;
			bool		isnull;
			int64		quantity;
			MemoryContext caller;

			for (int j = 0; j < check.nkeys; j++)
				key[j] = SPI_getbinval(row, desc, j + 1, &isnull);
			if (group.rows.n == 0 || !same_key(&check, &group, key))
			{
				judge_group(&check, &group);
				MemoryContextReset(group.context);
				memset(&group.rows, 0, sizeof(group.rows));
				caller = MemoryContextSwitchTo(group.context);
				for (int j = 0; j < check.nkeys; j++)
					group.key[j] = datumCopy(key[j], TupleDescAttr(desc, j)->attbyval,
											 TupleDescAttr(desc, j)->attlen);
				MemoryContextSwitchTo(caller);
			}

			value = SPI_getbinval(row, desc, check.nkeys + 2, &isnull);
			quantity = isnull ? -1 : DatumGetInt64(value);
			if (quantity < 0)
				ereport(ERROR,
						(errcode(isnull ? ERRCODE_NULL_VALUE_NOT_ALLOWED : ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("table \"%s\" has rows in force with %s quantity",
								RelationGetRelationName(rel), isnull ? "a null" : "a negative"),
						 errhint("Give them a quantity of 0 or more first.")));

			value = SPI_getbinval(row, desc, check.nkeys + 1, &isnull);
			caller = MemoryContextSwitchTo(group.context);
			booking_guard_add(&group.rows, DatumGetRangeTypePCopy(value), quantity);
			MemoryContextSwitchTo(caller);
		}
		SPI_freetuptable(SPI_tuptable);
		CHECK_FOR_INTERRUPTS();
	}
	judge_group(&check, &group);
	SPI_cursor_close(portal);
	SPI_finish();
	MemoryContextDelete(group.context);

	if (check.broken > 0)
		complain(rel, name, &check);
	relation_close(rel, NoLock);
}

static Portal
open_rows(Check *check)
{
	Oid			relid = RelationGetRelid(check->rel);
	StringInfoData sql;
	ListCell   *cell;
	SPIPlanPtr	plan;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	foreach(cell, check->definition->keys)
		appendStringInfo(&sql, "(%s), ", booking_expression_text(relid, lfirst(cell), "t"));
	appendStringInfo(&sql, "(%s), (%s)::pg_catalog.int8 FROM %s AS t WHERE ",
					 booking_expression_text(relid, check->definition->period, "t"),
					 booking_expression_text(relid, check->definition->quantity, "t"), check->source);
	in_force(&sql, relid, check->definition, "t");
	for (int i = 0; i < check->nkeys; i++)
		appendStringInfo(&sql, "%s%d", i == 0 ? " ORDER BY " : ", ", i + 1);

	plan = SPI_prepare(sql.data, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\"", sql.data);
	return SPI_cursor_open(NULL, plan, NULL, NULL, true);
}

static bool
same_key(const Check *check, const KeyGroup *group, const Datum *key)
{
	ListCell   *cell;
	int			i = 0;

	foreach(cell, check->definition->keys)
	{
		if (!DatumGetBool(FunctionCall2Coll(&check->type[i]->eq_opr_finfo, exprCollation(lfirst(cell)),
											group->key[i], key[i])))
			return false;
		i++;
	}
	return true;
}

static void
judge_group(Check *check, KeyGroup *group)
{
	int64		capacity = check->capacity;
	RangeType  *stretch;
	int64		most;
	ListCell   *cell;
	MemoryContext caller;
	int			i = 0;

	if (group->rows.n == 0)
		return;
	caller = MemoryContextSwitchTo(group->context);
	if (check->query)
		capacity = booking_capacity_ask(check->query, group->key, check->nkeys, check->key_type);
	stretch = booking_guard_most(check->range_type, &group->rows, &most);
	MemoryContextSwitchTo(caller);
	if (most <= capacity || check->broken++ >= NAME_AT_MOST)
		return;
	if (check->report.len > 0)
		appendStringInfoChar(&check->report, '\n');
	foreach(cell, check->definition->keys)
	{
		appendStringInfo(&check->report, "%s%s", i > 0 ? ", " : "(",
						 booking_expression_text(RelationGetRelid(check->rel), lfirst(cell), NULL));
		i++;
	}
	for (int j = 0; j < check->nkeys; j++)
	{
		Oid			output;
		bool		is_varlena;

		getTypeOutputInfo(check->key_type[j], &output, &is_varlena);
		appendStringInfo(&check->report, "%s%s", j > 0 ? ", " : ")=(",
						 OidOutputFunctionCall(output, group->key[j]));
	}
	appendStringInfo(&check->report, "%s" INT64_FORMAT " of " INT64_FORMAT " during %s, " INT64_FORMAT " too many: rows %s",
					 check->nkeys > 0 ? "): " : "", most, capacity, booking_period_text(stretch),
					 most - capacity, offending_rows(check, group, stretch));
}

/* The rows of a stretch, by their primary key or else where they lie. */
static char *
offending_rows(Check *check, KeyGroup *group, RangeType *stretch)
{
	Oid			relid = RelationGetRelid(check->rel);
	Bitmapset  *primary = RelationGetIndexAttrBitmap(check->rel, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	Datum		values[INDEX_MAX_KEYS + 1];
	Oid			types[INDEX_MAX_KEYS + 1];
	StringInfoData sql;
	StringInfoData text;
	int			attno = -1;
	int			n = 0;
	ListCell   *cell;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	while ((attno = bms_next_member(primary, attno)) >= 0)
		appendStringInfo(&sql, "%st.%s", n++ > 0 ? ", " : "pg_catalog.concat_ws(', ', ",
						 quote_identifier(get_attname(relid, attno + FirstLowInvalidHeapAttributeNumber, false)));
	appendStringInfo(&sql, "%s FROM %s AS t WHERE ", n > 0 ? ")" : "t.ctid::pg_catalog.text", check->source);
	in_force(&sql, relid, check->definition, "t");
	n = 0;
	foreach(cell, check->definition->keys)
	{
		appendStringInfo(&sql, " AND (%s) %s $%d", booking_expression_text(relid, lfirst(cell), "t"),
						 booking_equality(check->key_type[n]), n + 1);
		values[n] = group->key[n];
		types[n] = check->key_type[n];
		n++;
	}
	appendStringInfo(&sql, " AND (%s) OPERATOR(pg_catalog.&&) $%d ORDER BY (%s), 1 LIMIT %d",
					 booking_expression_text(relid, check->definition->period, "t"), n + 1,
					 booking_expression_text(relid, check->definition->period, "t"), NAME_AT_MOST + 1);
	values[n] = RangeTypePGetDatum(stretch);
	types[n] = check->range_type;

	initStringInfo(&text);
	SPI_connect();
	{
		SPIPlanPtr	plan = SPI_prepare(sql.data, n + 1, types);

		if (plan == NULL || SPI_execute_snapshot(plan, values, NULL, GetLatestSnapshot(), InvalidSnapshot,
												 true, false, 0) < 0)
			elog(ERROR, "could not run \"%s\"", sql.data);
	}
	for (uint64 i = 0; i < SPI_processed; i++)
		appendStringInfo(&text, "%s%s", i > 0 ? "; " : "",
						 i == NAME_AT_MOST ? "..." :
						 SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
	SPI_finish();
	return text.data;
}

static void
complain(Relation rel, const char *name, const Check *check)
{
	ereport(ERROR,
			(errcode(ERRCODE_EXCLUSION_VIOLATION),
			 errmsg("rows of table \"%s\" break the rule already", RelationGetRelationName(rel)),
			 check->broken > NAME_AT_MOST ?
			 errdetail("%s\nand %d more keys", check->report.data, check->broken - NAME_AT_MOST) :
			 errdetail("%s", check->report.data),
			 errhint("Change these rows first, or pass check_existing => false to guard new rows only."),
			 errtableconstraint(rel, name)));
}

/*
 * The same for a guard_against(): rows of the one table that rows of the other overlap.
 */
void
booking_check_existing_against(Oid relid, const Definition *definition,
							   Oid other_relid, const Definition *other_definition,
							   const char *name)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	Relation	other = relation_open(other_relid, AccessShareLock);
	StringInfoData sql;
	StringInfoData text;
	SPIPlanPtr	plan;
	ListCell   *a,
			   *b;
	uint64		total = 0;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT pg_catalog.concat_ws(', ', NULL::pg_catalog.text");
	foreach(a, definition->keys)
		appendStringInfo(&sql, ", %s", booking_expression_text(RelationGetRelid(rel), lfirst(a), "a"));
	appendStringInfo(&sql, "), (%s)::pg_catalog.text, (%s)::pg_catalog.text, pg_catalog.count(*) OVER () FROM %s AS a, %s AS b WHERE ",
					 booking_expression_text(RelationGetRelid(rel), definition->period, "a"),
					 booking_expression_text(RelationGetRelid(other), other_definition->period, "b"),
					 source_text(rel), source_text(other));
	in_force(&sql, RelationGetRelid(rel), definition, "a");
	appendStringInfoString(&sql, " AND ");
	in_force(&sql, RelationGetRelid(other), other_definition, "b");
	forboth(a, definition->keys, b, other_definition->keys)
		appendStringInfo(&sql, " AND (%s) %s (%s)",
						 booking_expression_text(RelationGetRelid(rel), lfirst(a), "a"),
						 booking_equality(exprType(lfirst(a))),
						 booking_expression_text(RelationGetRelid(other), lfirst(b), "b"));
	appendStringInfo(&sql, " AND (%s) OPERATOR(pg_catalog.&&) (%s) ORDER BY 1, 2, 3 LIMIT %d",
					 booking_expression_text(RelationGetRelid(rel), definition->period, "a"),
					 booking_expression_text(RelationGetRelid(other), other_definition->period, "b"),
					 NAME_AT_MOST);

	initStringInfo(&text);
	SPI_connect();
	plan = SPI_prepare(sql.data, 0, NULL);
	if (plan == NULL || SPI_execute_snapshot(plan, NULL, NULL, GetLatestSnapshot(), InvalidSnapshot,
											 true, false, 0) < 0)
		elog(ERROR, "could not run \"%s\"", sql.data);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;

		total = DatumGetInt64(SPI_getbinval(row, desc, 4, &isnull));
		if (i > 0)
			appendStringInfoChar(&text, '\n');
		if (definition->keys != NIL)
			appendStringInfo(&text, "(%s): ", SPI_getvalue(row, desc, 1));
		appendStringInfo(&text, "%s overlaps %s",
						 SPI_getvalue(row, desc, 2), SPI_getvalue(row, desc, 3));
	}
	if (total > 0)
		ereport(ERROR,
				(errcode(ERRCODE_EXCLUSION_VIOLATION),
				 errmsg("rows of table \"%s\" are blocked by table \"%s\" already",
						RelationGetRelationName(rel), RelationGetRelationName(other)),
				 total > NAME_AT_MOST ?
				 errdetail("%s\nand %llu more", text.data, (unsigned long long) (total - NAME_AT_MOST)) :
				 errdetail("%s", text.data),
				 errhint("Move or remove these rows first."),
				 errtableconstraint(rel, name)));
	SPI_finish();
	relation_close(other, NoLock);
	relation_close(rel, NoLock);
}
