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
 * The expressions are the words of the table's owner: whatever reads here reads as the owner
 * (identity.c), whatever role asked for it.  So does verify_guards(), whose SQL ends up here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "utils/backend_status.h"
#include "tcop/tcopprot.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/distributed.h"
#include "base/errors.h"
#include "base/identity.h"
#include "base/period.h"
#include "engine/guard.h"
#include "guards/guard_capacity.h"
#include "guards/guard_definition.h"
#include "guards/guard_existing.h"
#include "guards/guard_text.h"

PG_FUNCTION_INFO_V1(booking_guard_breaches);

/* Offenders that are named; the rest is counted. */
#define NAME_AT_MOST	5
#define ROWS_AT_A_TIME	1000

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

/* Rows of a table and the rows of another that they overlap. */
typedef void (*OverlapVisit) (void *arg, const char *key, const char *row, const char *blocked,
							  const char *blocking);

typedef struct Overlaps
{
	Relation	rel;			/* the guarded table */
	const Definition *definition;
	Relation	other;			/* the blocking one */
	const Definition *other_definition;
	OverlapVisit visit;
	void	   *arg;
} Overlaps;

typedef struct OverlapReport
{
	bool		has_keys;
	StringInfoData text;
	uint64		total;
} OverlapReport;

static char *source_text(Relation rel);
static void in_force(StringInfo sql, Oid relid, const Definition *definition, const char *prefix);
static int64 count_rows(Relation rel, const char *condition);
static void in_force_and(StringInfo sql, Oid relid, const Definition *definition, const char *prefix, bool empty);
static void check_all(Check *check, KeyGroup *group, const char *name);
static void check_row_of(Check *check, KeyGroup *group, HeapTuple row, TupleDesc desc);
static void report_progress(Relation rel, const char *name, uint64 looked_at, double about);
static Portal open_rows(Check *check);
static bool same_key(const Check *check, const KeyGroup *group, const Datum *key);
static void judge_group(Check *check, KeyGroup *group);
static char *offending_rows(Check *check, KeyGroup *group, RangeType *stretch);
static void visit_overlaps(Overlaps *overlaps, Snapshot snapshot);
static Portal open_blocking(const Overlaps *overlaps);
static SPIPlanPtr plan_blocked(const Overlaps *overlaps);
static void visit_blocked(Overlaps *overlaps, SPIPlanPtr plan, HeapTuple blocking, TupleDesc desc, Snapshot snapshot);
static void report_overlap(void *arg, const char *key, const char *row, const char *blocked, const char *blocking);
static void return_overlap(void *arg, const char *key, const char *row, const char *blocked, const char *blocking);
static bool definition_of_trigger(Relation rel, Oid trigger, Definition *definition);
static void breaches_of_shards(Oid relid, const char *name, ReturnSetInfo *result);
static char *name_on_shard(Oid relid, char *name);
static void breaches_against(const TriggerRow *guarded, ReturnSetInfo *result);
pg_noreturn static void complain(Relation rel, const char *name, const Check *check);

static char *
source_text(Relation rel)
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
static void
in_force(StringInfo sql, Oid relid, const Definition *definition, const char *prefix)
{
	in_force_and(sql, relid, definition, prefix, false);
}

/* ... or would be, if its period held something */
static void
in_force_and(StringInfo sql, Oid relid, const Definition *definition, const char *prefix, bool empty)
{
	char	   *period = booking_expression_text(relid, definition->period, prefix);
	ListCell   *cell;

	appendStringInfo(sql, "%spg_catalog.isempty(%s)", empty ? "" : "NOT ", period);
	foreach(cell, definition->keys)
		appendStringInfo(sql, " AND (%s) IS NOT NULL", booking_expression_text(relid, lfirst(cell), prefix));
	foreach(cell, definition->active)
		appendStringInfo(sql, " AND (%s)", booking_expression_text(relid, lfirst(cell), prefix));
}

/* How many rows of the table fulfil a condition, evaluated as its owner? */
static int64
count_rows(Relation rel, const char *condition)
{
	char	   *sql = psprintf("SELECT pg_catalog.count(*) FROM %s AS t WHERE %s", source_text(rel), condition);
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

	initStringInfo(&condition);
	in_force_and(&condition, relid, definition, "t", true);
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
 * Refuse keys that are too long before they are put into an index (LONGEST_KEY says why).  It
 * is the text that is measured: of what can be long, it is as long, or longer.
 */
void
booking_check_keys(Oid relid, const char *name, const Definition *definition)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	StringInfoData condition;
	ListCell   *cell;
	bool		any = false;
	int64		n = 0;

	initStringInfo(&condition);
	in_force_and(&condition, relid, definition, "t", false);
	appendStringInfoString(&condition, " AND 0");
	foreach(cell, definition->keys)
	{
		if (get_typlen(exprType(lfirst(cell))) != -1)
			continue;
		any = true;
		appendStringInfo(&condition, " OPERATOR(pg_catalog.+) pg_catalog.octet_length((%s)::pg_catalog.text)",
						 booking_expression_text(relid, lfirst(cell), "t"));
	}
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
	check.source = source_text(rel);
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
			 check->first ? errmsg("rows of table \"%s\" break the rule already", RelationGetRelationName(rel)) :
			 errmsg("rows of table \"%s\" break guard \"%s\"", RelationGetRelationName(rel), name),
			 check->broken > NAME_AT_MOST ?
			 errguard(rel, name, "%s\nand %d more keys", check->report.data, check->broken - NAME_AT_MOST) :
			 errguard(rel, name, "%s", check->report.data),
			 !check->first ? errhint("Change these rows, or raise the capacity.") :
			 errhint("Change these rows first, or pass check_existing => false to guard new rows only.")));
}

/* ---- guard_against(): rows of the one table that rows of the other overlap ---- */

/*
 * Hand each pair to the visitor.  The tables may have two owners, and each's expressions are
 * evaluated as its own: a cursor over the blocking rows, and for each of them a look at the
 * rows that it blocks, by the guard's index.
 */
static void
visit_overlaps(Overlaps *overlaps, Snapshot snapshot)
{
	Relation	rel = overlaps->rel;
	Relation	other = overlaps->other;
	Identity	caller;
	SPIPlanPtr	blocked;
	Portal		blocking;

	SPI_connect();
	booking_become(rel->rd_rel->relowner, &caller);
	blocked = plan_blocked(overlaps);
	booking_be_again(&caller);

	booking_become(other->rd_rel->relowner, &caller);
	PushActiveSnapshot(snapshot);
	blocking = open_blocking(overlaps);
	PopActiveSnapshot();
	booking_be_again(&caller);

	for (;;)
	{
		SPITupleTable *rows;
		uint64		n;

		booking_become(other->rd_rel->relowner, &caller);
		SPI_cursor_fetch(blocking, true, 1000);
		booking_be_again(&caller);
		rows = SPI_tuptable;
		n = SPI_processed;
		if (n == 0)
			break;
		for (uint64 i = 0; i < n; i++)
			visit_blocked(overlaps, blocked, rows->vals[i], rows->tupdesc, snapshot);
		SPI_freetuptable(rows);
	}
	SPI_cursor_close(blocking);
	SPI_finish();
}

/* The blocking rows: keys, period, period as text. */
static Portal
open_blocking(const Overlaps *overlaps)
{
	Oid			relid = RelationGetRelid(overlaps->other);
	const Definition *definition = overlaps->other_definition;
	char	   *period = booking_expression_text(relid, definition->period, "b");
	StringInfoData sql;
	ListCell   *cell;
	int			n = 0;
	SPIPlanPtr	plan;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	foreach(cell, definition->keys)
		appendStringInfo(&sql, "(%s), ", booking_expression_text(relid, lfirst(cell), "b"));
	appendStringInfo(&sql, "(%s), (%s)::pg_catalog.text FROM %s AS b WHERE ", period, period, source_text(overlaps->other));
	in_force(&sql, relid, definition, "b");
	appendStringInfoString(&sql, " ORDER BY ");
	for (n = 1; n <= list_length(definition->keys) + 1; n++)
		appendStringInfo(&sql, "%s%d", n > 1 ? ", " : "", n);
	plan = SPI_prepare(sql.data, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\"", sql.data);
	return SPI_cursor_open(NULL, plan, NULL, NULL, true);
}

/* What a blocking row blocks: the key as text and as a row, and the period. */
static SPIPlanPtr
plan_blocked(const Overlaps *overlaps)
{
	Oid			relid = RelationGetRelid(overlaps->rel);
	const Definition *definition = overlaps->definition;
	char	   *period = booking_expression_text(relid, definition->period, "a");
	Oid			types[INDEX_MAX_KEYS + 1];
	StringInfoData sql;
	StringInfoData keys;
	ListCell   *a,
			   *b;
	int			n = 0;
	SPIPlanPtr	plan;

	initStringInfo(&keys);
	foreach(a, definition->keys)
		appendStringInfo(&keys, "%s%s", keys.len > 0 ? ", " : "", booking_expression_text(relid, lfirst(a), "a"));
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT pg_catalog.concat_ws(', ', NULL::pg_catalog.text%s%s), ROW(%s)::pg_catalog.text, (%s)::pg_catalog.text FROM %s AS a WHERE ",
					 keys.len > 0 ? ", " : "", keys.data, keys.data, period, source_text(overlaps->rel));
	in_force(&sql, relid, definition, "a");
	forboth(a, definition->keys, b, overlaps->other_definition->keys)
	{
		types[n] = exprType(lfirst(b));
		appendStringInfo(&sql, " AND (%s) %s $%d", booking_expression_text(relid, lfirst(a), "a"),
						 booking_equality(exprType(lfirst(a))), n + 1);
		n++;
	}
	types[n] = exprType(overlaps->other_definition->period);
	appendStringInfo(&sql, " AND (%s) OPERATOR(pg_catalog.&&) $%d ORDER BY (%s)", period, n + 1, period);
	plan = SPI_prepare(sql.data, n + 1, types);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\"", sql.data);
	return plan;
}

static void
visit_blocked(Overlaps *overlaps, SPIPlanPtr plan, HeapTuple blocking, TupleDesc desc, Snapshot snapshot)
{
	int			nkeys = list_length(overlaps->definition->keys);
	Datum		values[INDEX_MAX_KEYS + 1];
	Identity	caller;
	bool		isnull;
	int			result;

	for (int i = 0; i <= nkeys; i++)
		values[i] = SPI_getbinval(blocking, desc, i + 1, &isnull);

	booking_become(overlaps->rel->rd_rel->relowner, &caller);
	result = SPI_execute_snapshot(plan, values, NULL, snapshot, InvalidSnapshot, true, false, 0);
	booking_be_again(&caller);
	if (result < 0)
		elog(ERROR, "could not look for blocked rows: %s", SPI_result_code_string(result));

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	row_desc = SPI_tuptable->tupdesc;

		overlaps->visit(overlaps->arg, SPI_getvalue(row, row_desc, 1), SPI_getvalue(row, row_desc, 2),
						SPI_getvalue(row, row_desc, 3), SPI_getvalue(blocking, desc, nkeys + 2));
	}
	SPI_freetuptable(SPI_tuptable);
	CHECK_FOR_INTERRUPTS();
}

/* For the error: the first few, and how many. */
static void
report_overlap(void *arg, const char *key, const char *row, const char *blocked, const char *blocking)
{
	OverlapReport *report = arg;

	if (report->total++ >= NAME_AT_MOST)
		return;
	if (report->text.len > 0)
		appendStringInfoChar(&report->text, '\n');
	if (report->has_keys)
		appendStringInfo(&report->text, "(%s): ", key);
	appendStringInfo(&report->text, "%s overlaps %s", blocked, blocking);
}

/*
 * Refuse a guard_against() over rows that are blocked already.
 */
void
booking_check_existing_against(Oid relid, const Definition *definition,
							   Oid other_relid, const Definition *other_definition,
							   const char *name)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	Relation	other = relation_open(other_relid, AccessShareLock);
	OverlapReport report = {.has_keys = definition->keys != NIL};
	Overlaps	overlaps = {rel, definition, other, other_definition, report_overlap, &report};

	initStringInfo(&report.text);
	visit_overlaps(&overlaps, GetLatestSnapshot());
	if (report.total > 0)
		ereport(ERROR,
				(errcode(ERRCODE_EXCLUSION_VIOLATION),
				 errmsg("rows of table \"%s\" are blocked by table \"%s\" already",
						RelationGetRelationName(rel), RelationGetRelationName(other)),
				 report.total > NAME_AT_MOST ?
				 errguard(rel, name, "%s\nand %llu more", report.text.data, (unsigned long long) (report.total - NAME_AT_MOST)) :
				 errguard(rel, name, "%s", report.text.data),
				 errhint("Move or remove these rows first.")));
	relation_close(other, NoLock);
	relation_close(rel, NoLock);
}

/* ---- verify_guards() ---- */

/* For verify_guards(): all of them. */
static void
return_overlap(void *arg, const char *key, const char *row, const char *blocked, const char *blocking)
{
	ReturnSetInfo *result = arg;
	Datum		value;
	bool		isnull = false;

	value = CStringGetTextDatum(psprintf("%s: %s overlaps what blocks it, %s", row, blocked, blocking));
	tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
}

/* What the trigger says; false when it is no guard. */
static bool
definition_of_trigger(Relation rel, Oid trigger, Definition *definition)
{
	/* Those of the relcache go away when it reads the relation anew. */
	TriggerDesc *triggers = CopyTriggerDesc(rel->trigdesc);

	for (int i = 0; triggers && i < triggers->numtriggers; i++)
		if (triggers->triggers[i].tgoid == trigger)
			return booking_definition(&triggers->triggers[i], definition);
	return false;
}

/* Does the caller see all rows of the table? */
bool
booking_sees_all_rows(Oid relid)
{
	return pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
		check_enable_rls(relid, InvalidOid, true) != RLS_ENABLED;
}

static void
breaches_against(const TriggerRow *guarded, ReturnSetInfo *result)
{
	TriggerRow	blocker;
	Relation	rel;
	Relation	other;
	Definition	definition;
	Definition	other_definition;
	Overlaps	overlaps;

	if (!booking_other_side(guarded, &blocker))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("guard \"%s\" has lost its other half", NameStr(guarded->name))));
	if (!booking_sees_all_rows(guarded->relid) || !booking_sees_all_rows(blocker.relid))
		return;
	rel = relation_open(guarded->relid, AccessShareLock);
	other = relation_open(blocker.relid, AccessShareLock);
	if (definition_of_trigger(rel, guarded->oid, &definition) &&
		definition_of_trigger(other, blocker.oid, &other_definition))
	{
		overlaps = (Overlaps) {rel, &definition, other, &other_definition, return_overlap, result};
		visit_overlaps(&overlaps, GetActiveSnapshot());
	}
	relation_close(other, AccessShareLock);
	relation_close(rel, AccessShareLock);
}

/* The shards are asked, each on its node; one that does not answer is a breach, too. */
static void
breaches_of_shards(Oid relid, const char *name, ReturnSetInfo *result)
{
	static const char *const sql =
		"SELECT b FROM pg_catalog.run_command_on_shards($1::pg_catalog.regclass, pg_catalog.format("
		"'SELECT coalesce(pg_catalog.json_agg(b), ''[]'') FROM booking.guard_breaches(%L, %L) AS b', '%s', $2)) AS s, "
		"pg_catalog.json_array_elements_text(CASE WHEN s.success THEN s.result::pg_catalog.json "
		"ELSE pg_catalog.json_build_array(pg_catalog.format('shard %s cannot be checked: %s', s.shardid, s.result)) END) AS b";
	Oid			types[2] = {OIDOID, TEXTOID};
	Datum		values[2] = {ObjectIdGetDatum(relid), CStringGetTextDatum(name)};

	SPI_connect();
	if (SPI_execute_with_args(sql, 2, types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not run \"%s\"", sql);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Datum		value = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);

		tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
	}
	SPI_finish();
}

/* What a guard of the table that people know is called on one of its shards. */
static char *
name_on_shard(Oid relid, char *name)
{
	Relation	rel = relation_open(relid, AccessShareLock);

	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
	{
		char	   *there = pstrdup(rel->trigdesc->triggers[i].tgname);

		if (strcmp(booking_shown_name(relid, there), name) == 0)
			name = there;
	}
	relation_close(rel, AccessShareLock);
	return name;
}

/*
 * guard_breaches(target, guard): what breaks a guard, a line of text each.  Reads what the
 * caller may read, as the table's owner: the query consists of the owner's words.  It is
 * made here and now, by SQL, and no argument: else it would run anybody's as anybody.
 */
Datum
booking_guard_breaches(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			types[2] = {REGCLASSOID, TEXTOID};
	Datum		values[2] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)};
	TriggerRow	trigger;
	Oid			oid;
	char	   *sql;
	Identity	caller;
	Distribution distribution;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (!booking_sees_all_rows(relid))
		return (Datum) 0;
	if (booking_distributed(relid, &distribution))
	{
		if (distribution.shard == 0)
		{
			breaches_of_shards(relid, name, result);
			return (Datum) 0;
		}
		name = name_on_shard(relid, name);
		values[1] = CStringGetTextDatum(name);
	}
	oid = get_trigger_oid(relid, name, true);
	if (OidIsValid(oid) && booking_trigger_row(oid, &trigger) &&
		trigger.function == booking_guard_function(FUNCTION_CHECK_AGAINST))
	{
		breaches_against(&trigger, result);
		return (Datum) 0;
	}

	SPI_connect();
	if (SPI_execute_with_args("SELECT booking.guard_breaches_query($1, $2)", 2, types, values, NULL, true, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "no query for guard \"%s\"", name);
	sql = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (sql)
	{
		booking_become(booking_relation_owner(relid), &caller);
		if (SPI_execute(sql, true, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not run \"%s\"", sql);
		booking_be_again(&caller);
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			bool		isnull;
			Datum		value = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);

			tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
		}
	}
	SPI_finish();
	return (Datum) 0;
}
