/*-------------------------------------------------------------------------
 *
 * guard_overlaps.c
 *		Which rows of a table are already blocked by rows of another?
 *
 * For guard_against(), and for verify() afterwards.  The tables may have two owners, and
 * the expressions of each table are evaluated as its owner (identity.c): a cursor over the
 * blocking rows, and for each of them a look at the rows that it blocks, by the guard's index.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/identity.h"
#include "guards/guard_existing.h"
#include "guards/guard_overlaps.h"
#include "guards/guard_text.h"

/* For the error: the first few overlaps, and how many there are. */
typedef struct OverlapReport
{
	bool		has_keys;
	StringInfoData text;
	uint64		total;
} OverlapReport;

static Portal open_blocking(const Overlaps *overlaps);
static SPIPlanPtr plan_blocked(const Overlaps *overlaps);
static void visit_blocked(const Overlaps *overlaps, SPIPlanPtr plan, HeapTuple blocking, TupleDesc desc, Snapshot snapshot);
static void report_overlap(void *arg, const char *key, const char *row, const char *blocked, const char *blocking);

/* Calls the visitor for each pair of a blocked and a blocking row. */
void
booking_visit_overlaps(const Overlaps *overlaps, Snapshot snapshot)
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
		SPI_cursor_fetch(blocking, true, ROWS_AT_A_TIME);
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

/* A cursor over the blocking rows: keys, period, period as text. */
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
	appendStringInfo(&sql, "(%s), (%s)::pg_catalog.text FROM %s AS b WHERE ", period, period, booking_source_text(overlaps->other));
	booking_in_force(&sql, relid, definition, "b");
	appendStringInfoString(&sql, " ORDER BY ");
	for (n = 1; n <= list_length(definition->keys) + 1; n++)
		appendStringInfo(&sql, "%s%d", n > 1 ? ", " : "", n);
	plan = SPI_prepare(sql.data, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\"", sql.data);
	return SPI_cursor_open(NULL, plan, NULL, NULL, true);
}

/* The rows that one blocking row blocks: the key as text and as a row, and the period. */
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
					 keys.len > 0 ? ", " : "", keys.data, keys.data, period, booking_source_text(overlaps->rel));
	booking_in_force(&sql, relid, definition, "a");
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
visit_blocked(const Overlaps *overlaps, SPIPlanPtr plan, HeapTuple blocking, TupleDesc desc, Snapshot snapshot)
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
 * Refuses a guard_against() where rows are blocked already.
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
	booking_visit_overlaps(&overlaps, GetLatestSnapshot());
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
