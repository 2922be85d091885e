/*-------------------------------------------------------------------------
 *
 * guard_existing.c
 *		Do the rows that are in a table already keep the rule that it is to get?
 *
 * The caller holds a lock on the table that keeps writers out.  The rows come sorted by
 * their keys, and the sweep of guard_rows.c runs over the rows of one key at a time.  What
 * breaks the rule is reported: which key, when, by how much, and which rows.
 *
 * Everything here reads with the latest snapshot: above READ COMMITTED the transaction's
 * own may be older than the lock.
 *
 * The expressions are written by the table's owner: everything here is read as the owner
 * (identity.c), whichever role has called.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/identity.h"
#include "base/period.h"
#include "engine/guard.h"
#include "guards/guard_capacity.h"
#include "guards/guard_definition.h"
#include "guards/guard_existing.h"
#include "guards/guard_key.h"
#include "guards/guard_text.h"

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
	bool		first;			/* the rule is new, and may be made without a look */
	StringInfoData report;
	int			broken;
} Check;

static int64 count_rows(Relation rel, const char *condition);
static void check_all(Check *check, KeyGroup *group, const char *name);
static void check_row_of(Check *check, KeyGroup *group, HeapTuple row, TupleDesc desc);
static void report_progress(Relation rel, const char *name, uint64 looked_at, double about);
static Portal open_rows(Check *check);
static bool same_key(const Check *check, const KeyGroup *group, const Datum *key);
static void judge_group(Check *check, KeyGroup *group);
static char *offending_rows(Check *check, KeyGroup *group, RangeType *stretch);
pg_noreturn static void complain(Relation rel, const char *name, const Check *check);

/* How many rows of the table fulfil a condition, evaluated as its owner? */
static int64
count_rows(Relation rel, const char *condition)
{
	char	   *sql = psprintf("SELECT pg_catalog.count(*) FROM %s AS t WHERE %s", booking_source_text(rel), condition);
	SPIPlanPtr	plan;
	Identity	caller;
	bool		isnull;
	int64		n;

	SPI_connect();
	booking_become(rel->rd_rel->relowner, &caller);
	plan = SPI_prepare(sql, 0, NULL);
	if (plan == NULL || SPI_execute_snapshot(plan, NULL, NULL, GetLatestSnapshot(), InvalidSnapshot,
											 true, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not run \"%s\"", sql);
	booking_be_again(&caller);
	n = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	return n;
}

/*
 * Refuse pairs of columns that make empty periods: the guard would count nothing of them.
 */
void
booking_check_periods(Oid relid, const char *name, const Definition *definition)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	StringInfoData condition;
	int64		empty;
	Identity	caller;

	/* What the search_path decides is the same when the text is made and when it is read. */
	initStringInfo(&condition);
	booking_become(rel->rd_rel->relowner, &caller);
	booking_in_force_but_empty(&condition, relid, definition, "t");
	booking_be_again(&caller);
	empty = count_rows(rel, condition.data);
	if (empty > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("table \"%s\" has rows whose period holds nothing", RelationGetRelationName(rel)),
				 errguard(rel, name, empty == 1 ?
						  "%lld row in force ends where it begins, and its end does not belong to it." :
						  "%lld rows in force end where they begin, and their end does not belong to them.",
						  (long long) empty),
				 errhint("If an end belongs to its period, pass bounds => '[]'. Otherwise change these rows, or pass check_existing => false.")));
	relation_close(rel, NoLock);
}

/*
 * Refuse keys that are too long before they are put into an index (guard_key.c says why).  The
 * text is measured: for types whose values can be long, it is as long as the value, or longer.
 * Rows that count for nothing (a period that holds nothing, or is not known) are in the index as
 * well.
 */
void
booking_check_keys(Oid relid, const char *name, const Definition *definition)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	StringInfoData condition;
	ListCell   *cell;
	bool		any = false;
	int64		n = 0;
	Identity	caller;

	initStringInfo(&condition);
	booking_become(rel->rd_rel->relowner, &caller);
	foreach(cell, definition->active)
		appendStringInfo(&condition, "(%s) AND ", booking_expression_text(relid, lfirst(cell), "t"));
	appendStringInfoString(&condition, "0");
	foreach(cell, definition->keys)
	{
		if (get_typlen(exprType(lfirst(cell))) != -1)
			continue;
		any = true;
		appendStringInfo(&condition, " OPERATOR(pg_catalog.+) coalesce(pg_catalog.octet_length((%s)::pg_catalog.text), 0)",
						 booking_expression_text(relid, lfirst(cell), "t"));
	}
	booking_be_again(&caller);
	appendStringInfo(&condition, " OPERATOR(pg_catalog.>) %d", LONGEST_KEY);
	if (any)
		n = count_rows(rel, condition.data);
	if (n > 0)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("table \"%s\" has rows whose key is too long", RelationGetRelationName(rel)),
				 errguard(rel, name, "There %s; %d bytes are indexed at most.",
						  n == 1 ? "is one" : psprintf("are %lld", (long long) n), LONGEST_KEY),
				 errhint("Guard a generated column that is shorter, like md5() of the key.")));
	relation_close(rel, NoLock);
}

/*
 * Refuse with a list of what breaks the rule, if anything does.
 */
void
booking_check_existing(const ExistingRows *rows)
{
	Relation	rel = relation_open(rows->relid, AccessShareLock);
	Check		check = {.rel = rel,.definition = rows->definition,.capacity = rows->capacity,.query = rows->query,.first = rows->first};
	KeyGroup	group = {0};
	Identity	caller;
	ListCell   *cell;

	booking_become(rel->rd_rel->relowner, &caller);
	foreach(cell, rows->definition->keys)
	{
		Oid			type = exprType(lfirst(cell));

		check.key_type[check.nkeys] = type;
		check.type[check.nkeys++] = lookup_type_cache(getBaseType(type), TYPECACHE_EQ_OPR_FINFO);
	}
	check.range_type = getBaseType(exprType(rows->definition->period));
	check.source = booking_source_text(rel);
	initStringInfo(&check.report);
	group.context = AllocSetContextCreate(CurrentMemoryContext, "booking rows of one key", ALLOCSET_DEFAULT_SIZES);

	check_all(&check, &group, rows->name);
	MemoryContextDelete(group.context);
	booking_be_again(&caller);

	if (check.broken > 0)
		complain(rel, rows->name, &check);
	relation_close(rel, NoLock);
}

/* All rows in force, key by key. */
static void
check_all(Check *check, KeyGroup *group, const char *name)
{
	double		about = booking_rows_about(RelationGetRelid(check->rel));
	uint64		looked_at = 0;
	Portal		portal;

	SPI_connect();
	PushActiveSnapshot(GetLatestSnapshot());
	portal = open_rows(check);
	PopActiveSnapshot();
	for (;;)
	{
		report_progress(check->rel, name, looked_at, about);
		SPI_cursor_fetch(portal, true, ROWS_AT_A_TIME);
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed; i++)
			check_row_of(check, group, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
		looked_at += SPI_processed;
		SPI_freetuptable(SPI_tuptable);
		CHECK_FOR_INTERRUPTS();
	}
	judge_group(check, group);
	SPI_cursor_close(portal);
	SPI_finish();
	report_progress(check->rel, NULL, 0, 0);
}

/* Add a row to those with its key; with the next key, these are judged. */
static void
check_row_of(Check *check, KeyGroup *group, HeapTuple row, TupleDesc desc)
{
	Datum		key[INDEX_MAX_KEYS];
	Datum		value;
	bool		isnull;
	int64		quantity;
	MemoryContext caller;

	for (int j = 0; j < check->nkeys; j++)
		key[j] = SPI_getbinval(row, desc, j + 1, &isnull);
	if (group->rows.n == 0 || !same_key(check, group, key))
	{
		judge_group(check, group);
		MemoryContextReset(group->context);
		memset(&group->rows, 0, sizeof(group->rows));
		caller = MemoryContextSwitchTo(group->context);
		for (int j = 0; j < check->nkeys; j++)
			group->key[j] = datumCopy(key[j], TupleDescAttr(desc, j)->attbyval,
									  TupleDescAttr(desc, j)->attlen);
		MemoryContextSwitchTo(caller);
	}

	value = SPI_getbinval(row, desc, check->nkeys + 2, &isnull);
	quantity = isnull ? -1 : DatumGetInt64(value);
	if (quantity < 0)
		ereport(ERROR,
				(errcode(isnull ? ERRCODE_NULL_VALUE_NOT_ALLOWED : ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("table \"%s\" has rows in force with %s quantity",
						RelationGetRelationName(check->rel), isnull ? "a null" : "a negative"),
				 errhint("Give them a quantity of 0 or more first.")));

	value = SPI_getbinval(row, desc, check->nkeys + 1, &isnull);
	caller = MemoryContextSwitchTo(group->context);
	booking_guard_add(&group->rows, DatumGetRangeTypePCopy(value), quantity);
	MemoryContextSwitchTo(caller);
}

/*
 * How far are we?  An extension cannot have a command of its own in PostgreSQL's progress
 * reporting.  What every session may see of another is what it is running, in pg_stat_activity: as
 * long as this takes, that begins with our line, which booking.progress takes apart.  Without a
 * name, it is the statement alone again.
 */
static void
report_progress(Relation rel, const char *name, uint64 looked_at, double about)
{
	const char *statement = debug_query_string ? debug_query_string : "";

	pgstat_report_activity(STATE_RUNNING, name == NULL ? statement :
						   psprintf("booking progress: %u %llu %.0f %s\n%s", RelationGetRelid(rel),
									(unsigned long long) looked_at, about, name, statement));
}

/* How many rows a table has, with its partitions, as far as the planner knows; 0 if it does not. */
double
booking_rows_about(Oid relid)
{
	List	   *relations = get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE ?
		find_all_inheritors(relid, AccessShareLock, NULL) : list_make1_oid(relid);
	ListCell   *cell;
	double		rows = 0;

	foreach(cell, relations)
	{
		HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(lfirst_oid(cell)));

		if (!HeapTupleIsValid(tuple))
			continue;
		if (((Form_pg_class) GETSTRUCT(tuple))->relkind == RELKIND_RELATION)
			rows += Max(((Form_pg_class) GETSTRUCT(tuple))->reltuples, 0);
		ReleaseSysCache(tuple);
	}
	return rows;
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
	booking_in_force(&sql, relid, check->definition, "t");
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
		capacity = booking_capacity_ask(check->query, group->key, check->nkeys, check->key_type, true);
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
	appendStringInfo(&check->report, "%s%s" INT64_FORMAT " of " INT64_FORMAT "%s, " INT64_FORMAT " too many: rows %s",
					 check->nkeys > 0 ? "): " : "", most == PG_INT64_MAX ? "at least " : "", most, capacity,
					 IsA(check->definition->period, Const) ? "" : psprintf(" during %s", booking_period_text(stretch)),
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
	booking_in_force(&sql, relid, check->definition, "t");
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
			 check->first ? errmsg("rows of table \"%s\" break the rule already", RelationGetRelationName(rel)) :
			 errmsg("rows of table \"%s\" break guard \"%s\"", RelationGetRelationName(rel), name),
			 check->broken > NAME_AT_MOST ?
			 errguard(rel, name, "%s\nand %d more keys", check->report.data, check->broken - NAME_AT_MOST) :
			 errguard(rel, name, "%s", check->report.data),
			 !check->first ? errhint("Change these rows, or raise the capacity.") :
			 errhint("Change these rows first, or pass check_existing => false to guard new rows only.")));
}
