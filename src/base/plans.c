/*-------------------------------------------------------------------------
 *
 * plans.c
 *		Every SQL statement that C code runs, prepared once a backend.
 *
 * The statements stand in one table (statements.c), named by an enum.  A saved plan is
 * re-analysed and re-planned by the plan cache when what it uses changes, even when the
 * extension is dropped and created again.
 *
 * Snapshot: each of them follows a lock, and has to see whatever was committed before
 * the lock was granted, also where the transaction's own snapshot is older (REPEATABLE
 * READ and SERIALIZABLE).  So they run on the latest snapshot, as the foreign-key
 * triggers of PostgreSQL do.  Those that are not read-only also see what the statement
 * that runs the trigger has written so far, as queries in a volatile function do.
 *
 * At SERIALIZABLE a snapshot also leaves predicate locks behind, on whatever the plan happens to
 * read (rows.c).  Statements that touch one booking by its id under its ID lock (OF_BOOKING), or
 * a shard under its PLACES lock (OF_SHARD), therefore do not look for it there: rows.c finds the
 * row, and the statement goes to that very row by its ctid.  What such a statement is only to
 * lock, rows.c locks.  It reads the row like a unique index does, as it is now, and leaves
 * nothing behind, if its plan can do so and no policy and no trigger of an application runs
 * inside (suits_any_snapshot()).  Otherwise it has an ordinary snapshot, which every plan and
 * every function can work with, and depends on the row that it goes to.  The same holds for
 * statements about several rows that are to leave no predicate locks behind (KEYED), with an
 * index.
 *
 * Plans: a table that is small when it is analysed makes the planner read all of it.  Rows that
 * many transactions write at once need one index look-up, and reading all of them would also
 * make every SERIALIZABLE transaction depend on every other.  Statements about them (BY_INDEX),
 * and those that go to a ctid, have their plan made right before they run, with the other ways
 * switched off (plan_ahead()).  Whichever plan is taken, the answer is right.
 *
 * "Lock it unless another transaction has" (SKIP LOCKED) is a statement of its own, before the
 * UPDATE.  As a subquery of the UPDATE it can go round in circles: when the row has changed
 * since the snapshot, the executor evaluates the subquery again, which finds a newer
 * version than the UPDATE does.
 *
 * Privileges: what a trigger needs to know does not depend on the caller's rights, and is read
 * as the owner of the tables.  What a function does for its caller runs as the caller.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "jit/jit.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "optimizer/cost.h"
#include "parser/parsetree.h"
#include "tcop/utility.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "base/cache.h"
#include "base/compat.h"
#include "base/owner.h"
#include "base/plans.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/store.h"
#include "base/test_point.h"

static SPIPlanPtr prepared[STMT_COUNT];

/* The same statements for the row with a ctid. */
static SPIPlanPtr prepared_at[STMT_COUNT];

/* Kinds of scans that the planner may use (its enable_ settings). */
typedef struct Ways
{
	bool		seqscan;
	bool		bitmapscan;
	bool		indexonlyscan;
	bool		indexscan;
	bool		tidscan;
	bool		jit;			/* switched-off scans have costs that would turn it on */
	int			mode;			/* plan_cache_mode, which may ask for another plan at each run */
} Ways;

static SPIPlanPtr prepare(Statement statement, bool at_row);
static Ways switch_ways(Ways ways);
static Ways only_ways(bool at_row);
static bool plan_ahead(SPIPlanPtr plan, bool at_row);
static bool suits_any_snapshot(SPIPlanPtr plan, CachedPlan *made);
static bool node_suits_any_snapshot(const Plan *node);
static bool nodes_suit_any_snapshot(List *nodes);
static bool find_row(const PlanText *plan, Relation rel, Datum *values, Snapshot snapshot,
					 ItemPointer tid);
static int	columns_of(Statement statement);
static NewRow new_row(Statement statement);
static StoreAnswer store_values(Statement statement, Datum *values, const char *nulls, int more);
static uint64 run_of_row(Statement statement, Datum *values, const char *nulls);
static uint64 run_at(Statement statement, Datum *values, const char *nulls, ItemPointer tid,
					 Snapshot snapshot);
static uint64 run_as_it_is(Statement statement, SPIPlanPtr plan, Datum *values, const char *nulls,
						   Snapshot snapshot);
static uint64 run_plan(Statement statement, SPIPlanPtr plan, Datum *values, const char *nulls,
					   Snapshot snapshot);
pg_noreturn static void rethrow_without_statement(SPIPlanPtr plan);
static Datum row_datum(uint64 i, const char *table);
static HeapTuple with_dropped_columns(HeapTuple tuple, TupleDesc desc);

static SPIPlanPtr
prepare(Statement statement, bool at_row)
{
	const PlanText *plan = &booking_statements[statement];
	SPIPlanPtr *known = at_row ? &prepared_at[statement] : &prepared[statement];

	if (*known == NULL)
	{
		const char *sql = plan->sql;
		Oid			types[MAX_PARAMETERS + 1];
		SPIPlanPtr	spi_plan;
		int			nargs = 0;

		for (; nargs < MAX_PARAMETERS && OidIsValid(plan->types[nargs]); nargs++)
			types[nargs] = plan->types[nargs];
		if (at_row)
		{
			const char *key = plan->flags & OF_SHARD ? WHERE THE_SHARD : WHERE THE_BOOKING;
			const char *condition = strstr(sql, key);

			types[nargs++] = TIDOID;
			sql = psprintf("%.*s" WHERE "ctid" EQ "$%d%s", (int) (condition - sql), sql, nargs,
						   condition + strlen(key));
		}
		/*
		 * Parameters never change the plan: do not begin with five custom plans that are
		 * thrown away.
		 */
		spi_plan = SPI_prepare_cursor(sql, nargs, types, CURSOR_OPT_GENERIC_PLAN);
		if (spi_plan == NULL || SPI_keepplan(spi_plan) != 0)
			elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
		*known = spi_plan;
	}
	return *known;
}

/* What the planner may use; the settings that there were are handed back. */
static pg_noinline Ways
switch_ways(Ways ways)
{
	Ways		before = {enable_seqscan, enable_bitmapscan, enable_indexonlyscan, enable_indexscan, enable_tidscan,
	jit_enabled, plan_cache_mode};

	enable_seqscan = ways.seqscan;
	enable_bitmapscan = ways.bitmapscan;
	enable_indexonlyscan = ways.indexonlyscan;
	enable_indexscan = ways.indexscan;
	enable_tidscan = ways.tidscan;
	jit_enabled = ways.jit;
	plan_cache_mode = ways.mode;
	return before;
}

/* Plain index scans only, or a look at one ctid only. */
static Ways
only_ways(bool at_row)
{
	return (Ways) {.indexscan = !at_row,.tidscan = at_row,.mode = PLAN_CACHE_MODE_AUTO};
}

/*
 * If the plan has to be made anew, make it now, with plain index scans only, or a look at one
 * ctid only.  Nothing but planning happens while the other ways are switched off: what
 * triggers and policies run later is planned as it always is.  True if it can be run with any
 * kind of snapshot.
 */
static pg_noinline bool
plan_ahead(SPIPlanPtr plan, bool at_row)
{
	volatile bool suits = false;
	Ways		before = switch_ways(only_ways(at_row));

	PG_TRY();
	{
		CachedPlan *made = SPI_plan_get_cached_plan(plan);

		suits = suits_any_snapshot(plan, made);
		ReleaseCachedPlan(made, CurrentResourceOwner);
	}
	PG_FINALLY();
	{
		(void) switch_ways(before);
	}
	PG_END_TRY();
	return suits;
}

/*
 * Can the plan be run with any kind of snapshot?  All its nodes can, and no code of other roles
 * runs inside: no policy, no trigger of an application.
 */
static bool
suits_any_snapshot(SPIPlanPtr plan, CachedPlan *made)
{
	CachedPlanSource *source = linitial(SPI_plan_get_plan_sources(plan));
	PlannedStmt *statement;
	int			written = 0;

	/* A rule may have made several of it, or none. */
	if (source->dependsOnRLS || list_length(made->stmt_list) != 1)
		return false;
	statement = linitial_node(PlannedStmt, made->stmt_list);
	if (!node_suits_any_snapshot(statement->planTree) ||
		!nodes_suit_any_snapshot(statement->subplans))
		return false;
	while ((written = next_result_relation(statement, written)) > 0)
		if (booking_has_foreign_triggers(rt_fetch(written, statement->rtable)->relid))
			return false;
	return true;
}

static bool
node_suits_any_snapshot(const Plan *node)
{
	if (node == NULL)
		return true;
	switch (nodeTag(node))
	{
		case T_SeqScan:
		case T_IndexScan:
		case T_TidScan:
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
		case T_Hash:
		case T_Material:
		case T_Memoize:
		case T_Sort:
		case T_IncrementalSort:
		case T_Unique:
		case T_Agg:
		case T_Group:
		case T_WindowAgg:
		case T_Limit:
		case T_Result:
		case T_LockRows:
		case T_ModifyTable:
			return node_suits_any_snapshot(outerPlan(node)) && node_suits_any_snapshot(innerPlan(node));
		case T_SubqueryScan:
			return node_suits_any_snapshot(((const SubqueryScan *) node)->subplan);
		case T_Append:
			return nodes_suit_any_snapshot(((const Append *) node)->appendplans);
		case T_MergeAppend:
			return nodes_suit_any_snapshot(((const MergeAppend *) node)->mergeplans);
		default:
			return false;
	}
}

static bool
nodes_suit_any_snapshot(List *nodes)
{
	ListCell   *cell;

	foreach(cell, nodes)
		if (!node_suits_any_snapshot(lfirst(cell)))
			return false;
	return true;
}

/*
 * Is there a trigger on the table that is not ours, or a rule?  It may do more than the
 * statement.
 */
bool
booking_has_foreign_triggers(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	Oid			ours = get_namespace_oid("booking", false);
	bool		found = rel->rd_rules != NULL;

	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers && !found; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];

		found = !trigger->tgisinternal && get_func_namespace(trigger->tgfoid) != ours;
	}
	table_close(rel, NoLock);
	return found;
}

/*
 * Run a statement; the caller is connected to SPI and finds the rows in SPI_tuptable.
 * "nulls" is as for SPI_execute_plan(), or NULL.  Returns the number of rows.
 */
uint64
booking_run(Statement statement, Datum *values, const char *nulls)
{
	int			flags = booking_statements[statement].flags;
	Caller		caller;
	uint64		rows;

	if (booking_statements[statement].table)
	{
		StoreAnswer answer = store_values(statement, values, nulls, 0);

		if (answer != STORE_BY_STATEMENT)
			return answer == STORE_DONE ? 1 : 0;
	}
	if (flags & AS_OWNER)
		booking_become_owner(booking_owner(), (flags & WRITES) != 0, &caller);

	if ((flags & (OF_BOOKING | OF_SHARD)) && IsolationIsSerializable())
		rows = run_of_row(statement, values, nulls);
	else
	{
		SPIPlanPtr	plan = prepare(statement, false);
		SnapshotData snapshot = *GetLatestSnapshot();

		if ((flags & BY_INDEX) && plan_ahead(plan, false) &&
			(flags & KEYED) && IsolationIsSerializable())
			rows = run_as_it_is(statement, plan, values, nulls, &snapshot);
		else
			rows = run_plan(statement, plan, values, nulls, &snapshot);
	}

	if (flags & AS_OWNER)
		booking_become_caller(&caller);
	return rows;
}

/*
 * Run an INSERT of one row n times: the values of each run follow one another, and the nulls.  All
 * are there, or it is an error.
 */
void
booking_run_many(Statement statement, Datum *values, const char *nulls, int n)
{
	int			ncolumns = columns_of(statement);

	if (n == 0 || booking_store_many(statement, values, nulls, n))
		return;
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		(void) booking_run(statement, values + i * ncolumns, nulls + i * ncolumns);
	}
}

/* The same as one statement; false, and nothing has been done, when it takes a real one. */
bool
booking_store_many(Statement statement, Datum *values, const char *nulls, int n)
{
	return store_values(statement, values, nulls, n - 1) != STORE_BY_STATEMENT;
}

static int
columns_of(Statement statement)
{
	const PlanText *text = &booking_statements[statement];
	int			n = 0;

	while (n < MAX_PARAMETERS && text->columns[n])
		n++;
	return n;
}

/* What an INSERT of one row does, or of more, without the statement, if that is possible. */
static StoreAnswer
store_values(Statement statement, Datum *values, const char *nulls, int more)
{
	NewRow		row = new_row(statement);

	row.values = values;
	row.nulls = nulls;
	row.more = more;
	return booking_store(&row);
}

/*
 * Can it be stored so, for an INSERT into a table that is locked?  Then no code of others
 * runs in it.
 */
bool
booking_needs_no_statement(Statement statement)
{
	NewRow		row = new_row(statement);

	return booking_store_is_possible(&row);
}

static NewRow
new_row(Statement statement)
{
	const PlanText *text = &booking_statements[statement];

	return (NewRow) {
		.table = text->table,
		.columns = text->columns,
		.types = text->types,
		.ncolumns = columns_of(statement),
		.owner = text->flags & AS_OWNER ? booking_owner() : InvalidOid,
		.no_triggers = (text->flags & SETTLED) != 0
	};
}

/*
 * A statement about one row, at SERIALIZABLE: find the row, and go there.  One that only reads it
 * finds it gone from there when another transaction has changed it since, and looks again; a row
 * that a policy hides from the caller is where it was.
 */
static uint64
run_of_row(Statement statement, Datum *values, const char *nulls)
{
	const PlanText *plan = &booking_statements[statement];
	bool		locks = (plan->flags & (LOCKS | SHARES | LOCKS_LAPSED | TRIES)) != 0;
	Relation	rel = table_open(booking_table(plan->flags & OF_SHARD ? "slot_places" : "booking"),
								 locks ? RowShareLock : AccessShareLock);
	ItemPointerData tid;
	ItemPointerData before;
	bool		found;
	uint64		rows = 0;

	/* As every statement that writes does. */
	if (plan->flags & WRITES)
		CommandCounterIncrement();
	ItemPointerSetInvalid(&tid);
	do
	{
		Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());

		before = tid;
		found = find_row(plan, rel, values, snapshot, &tid);
		BOOKING_TEST_POINT("row-found");
		if (found && !locks)
			rows = run_at(statement, values, nulls, &tid, snapshot);
		else if (found)
		{
			PreventCommandIfReadOnly("SELECT FOR UPDATE");
			rows = booking_rows_lock(rel, &tid, snapshot,
									 plan->flags & SHARES ? LockTupleShare : LockTupleNoKeyExclusive,
									 plan->flags & (LOCKS_LAPSED | TRIES) ? LockWaitSkip : LockWaitBlock);
		}
		UnregisterSnapshot(snapshot);
	} while (found && rows == 0 && !locks && !(plan->flags & WRITES) &&
			 !(ItemPointerIsValid(&before) && ItemPointerEquals(&before, &tid)));
	table_close(rel, NoLock);
	return rows;
}

/* The row that such a statement is about, if the snapshot sees it. */
static bool
find_row(const PlanText *plan, Relation rel, Datum *values, Snapshot snapshot, ItemPointer tid)
{
	RowKey		id[] = {{"id", F_UUID_EQ, values[0], false}};
	RowKey		shard[] = {{"slot_id", F_INT8EQ, values[0], false}, {"shard", F_INT2EQ, values[1], false}};
	bool		of_shard = (plan->flags & OF_SHARD) != 0;
	RowKey	   *keys = of_shard ? shard : id;
	int			nkeys = of_shard ? lengthof(shard) : lengthof(id);
	RowScan		rows;
	HeapTuple	row;

	booking_rows_begin(&rows, &(RowsWanted) {rel, booking_rows_key_index(rel, keys, nkeys), snapshot, keys, nkeys});
	row = booking_rows_next(&rows);
	if (row && (plan->flags & LOCKS_LAPSED))
	{
		bool		isnull;
		Datum		expires_at = booking_rows_column(&rows, row, "expires_at", &isnull);

		/* Only a hold has one. */
		if (isnull || DatumGetTimestampTz(expires_at) > DatumGetTimestampTz(values[1]))
			row = NULL;
	}
	if (row)
		*tid = row->t_self;
	booking_rows_end(&rows);
	return row != NULL;
}

/* The statement for the row that is there. */
static uint64
run_at(Statement statement, Datum *values, const char *nulls, ItemPointer tid, Snapshot snapshot)
{
	SnapshotData now = *snapshot;
	Datum		all_values[MAX_PARAMETERS + 1];
	char		all_nulls[MAX_PARAMETERS + 2];
	SPIPlanPtr	plan = prepare(statement, true);
	int			n = SPI_getargcount(plan) - 1;

	memcpy(all_values, values, n * sizeof(Datum));
	all_values[n] = PointerGetDatum(tid);
	memset(all_nulls, ' ', n + 1);
	if (nulls)
		memcpy(all_nulls, nulls, strnlen(nulls, n));
	all_nulls[n + 1] = '\0';

	/* SPI is to copy this snapshot once more, and not to release it. */
	now.copied = false;
	now.active_count = now.regd_count = 0;
	if (plan_ahead(plan, true))
		return run_as_it_is(statement, plan, all_values, all_nulls, &now);
	return run_plan(statement, plan, all_values, all_nulls, &now);
}

/*
 * Run a plan that suits any snapshot with a snapshot that leaves no predicate locks.  It must be
 * this very plan: neither the caller's plan_cache_mode nor an invalidation that arrives only now
 * may have another one made with the caller's settings of the planner.  So the other kinds of
 * scans stay switched off while it runs; only our own code runs inside.
 */
static uint64
run_as_it_is(Statement statement, SPIPlanPtr plan, Datum *values, const char *nulls, Snapshot snapshot)
{
	volatile uint64 rows = 0;
	Ways		before = switch_ways(only_ways(plan == prepared_at[statement]));

	snapshot->snapshot_type = SNAPSHOT_SELF;
	PG_TRY();
	{
		rows = run_plan(statement, plan, values, nulls, snapshot);
	}
	PG_FINALLY();
	{
		(void) switch_ways(before);
	}
	PG_END_TRY();
	return rows;
}

static uint64
run_plan(Statement statement, SPIPlanPtr plan, Datum *values, const char *nulls, Snapshot snapshot)
{
	bool		read_only = (booking_statements[statement].flags & (WRITES | UP_TO_NOW)) == 0;
	volatile int result = 0;
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		result = SPI_execute_snapshot(plan, values, nulls, snapshot, InvalidSnapshot,
									  read_only, true, 0);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		rethrow_without_statement(plan);
	}
	PG_END_TRY();
	if (result < 0)
		elog(ERROR, "\"%s\" failed: %s", booking_statements[statement].sql, SPI_result_code_string(result));
	return SPI_processed;
}

/*
 * An error in a statement of ours, which is none of the client's.  It may come from a trigger of
 * the application, and then says so in the other lines of its context, which stay.
 */
static void
rethrow_without_statement(SPIPlanPtr plan)
{
	ErrorData  *error = CopyErrorData();
	const char *sql = ((CachedPlanSource *) linitial(SPI_plan_get_plan_sources(plan)))->query_string;
	char	   *found = error->context ? strstr(error->context, sql) : NULL;

	if (found)
	{
		char	   *line = found;
		char	   *rest = strchr(found + strlen(sql), '\n');

		while (line > error->context && line[-1] != '\n')
			line--;
		if (rest)
			memmove(line, rest + 1, strlen(rest + 1) + 1);
		else if (line > error->context)
			line[-1] = '\0';
		else
			error->context = NULL;
	}
	FlushErrorState();
	ReThrowError(error);
}

/*
 * The first row of the last result as a datum of type booking.booking, in the context
 * of SPI's caller.  Only for statements that return whole rows of that table.
 */
Datum
booking_row_datum(void)
{
	return booking_row_datum_of("booking");
}

/* Another row of such a result. */
Datum
booking_row_datum_at(uint64 i)
{
	return row_datum(i, "booking");
}

/* The result of "SELECT *" has no columns that were dropped; a row of the table's type has. */
static HeapTuple
with_dropped_columns(HeapTuple tuple, TupleDesc desc)
{
	Datum	   *values = palloc0_array(Datum, desc->natts);
	bool	   *nulls = palloc_array(bool, desc->natts);
	int			column = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		nulls[i] = true;
		if (!TupleDescAttr(desc, i)->attisdropped)
			values[i] = SPI_getbinval(tuple, SPI_tuptable->tupdesc, ++column, &nulls[i]);
	}
	if (column != SPI_tuptable->tupdesc->natts)
		elog(ERROR, "a row of another shape");
	return heap_form_tuple(desc, values, nulls);
}

/* The same of another table. */
Datum
booking_row_datum_of(const char *table)
{
	return row_datum(0, table);
}

static Datum
row_datum(uint64 i, const char *table)
{
	HeapTuple	tuple = SPI_tuptable->vals[i];
	TupleDesc	desc = lookup_rowtype_tupdesc(get_rel_type_id(booking_table(table)), -1);
	HeapTupleHeader row;

	if (desc->natts != SPI_tuptable->tupdesc->natts)
		tuple = with_dropped_columns(tuple, desc);
	row = SPI_returntuple(tuple, desc);
	ReleaseTupleDesc(desc);
	return HeapTupleHeaderGetDatum(row);
}
