/*-------------------------------------------------------------------------
 *
 * guard_free.c
 *		guard_free(): what is left of a guarded table, and when?
 *
 * The rows are found by the guard's own index and summed up by the engine that judges a new
 * row, as of now at every isolation level, as in look.c.  So what is offered here would have been
 * accepted when it was looked for.  Nothing is locked but the relations, against DDL, and
 * nothing is written: it works on a standby.
 *
 * The caller must be allowed to read the whole table.  What the table's owner has written, a
 * key's type, an expression, or a capacity_query, is evaluated as the owner (identity.c).
 *
 * Of a partitioned table each partition is read by its own index; of a partition, all those
 * whose rows the guard counts together with its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/distributed.h"
#include "base/errors.h"
#include "base/identity.h"
#include "base/period.h"
#include "engine/guard.h"
#include "guards/guard_capacity.h"
#include "guards/guard_row.h"
#include "guards/guarded.h"

PG_FUNCTION_INFO_V1(booking_guard_free);

/* What is looked for. */
typedef struct FreeSearch
{
	Oid			gate;			/* of the guard: the same in all partitions */
	int64		capacity;
	GuardLoad	load;
	GuardRows	rows;
	const Place *place;			/* whose rows are being read */
	ReturnSetInfo *result;
} FreeSearch;

static Relation open_readable(Oid relid);
static void refuse_spread(Relation rel);
static const Rule *guard_named(Relation rel, const char *name);
static const Rule *rule_of_gate(Relation rel, Oid gate);
static void read_key(const Rule *rule, ArrayType *key, FreeSearch *search);
static void check_range(const Rule *rule, Relation rel, RangeType *within);
static void read_partitions(Relation rel, FreeSearch *search);
static void read_places(const Rule *rule, FreeSearch *search);
static void add_row(const GuardRow *row, void *arg);
static void put_left(RangeType *during, int64 used, void *arg);

Datum
booking_guard_free(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"target", "name", "key", "within"};
	FreeSearch	search = {.result = (ReturnSetInfo *) fcinfo->resultinfo};
	Relation	rel;
	const Rule *rule;
	Identity	caller;

	for (int i = 0; i < (int) lengthof(names); i++)
		if (PG_ARGISNULL(i))
			booking_null_argument(names[i]);
	InitMaterializedSRF(fcinfo, 0);
	rel = open_readable(PG_GETARG_OID(0));
	refuse_spread(rel);
	rule = guard_named(rel, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	search.gate = rule->gate;
	search.load.range = PG_GETARG_RANGE_P(3);

	booking_become(rule->owner, &caller);
	check_range(rule, rel, search.load.range);
	read_key(rule, PG_GETARG_ARRAYTYPE_P(2), &search);
	search.capacity = rule->query == NULL ? rule->capacity :
		booking_capacity_ask(rule->query, search.load.key, rule->nkeys, rule->key_type, false);
	if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		read_partitions(rel, &search);
	else
		read_places(rule, &search);
	booking_guard_steps(RangeTypeGetOid(search.load.range), &search.rows, search.load.range, put_left, &search);
	booking_be_again(&caller);

	table_close(rel, NoLock);
	return (Datum) 0;
}

/* A table whose rows the caller may read, all of them. */
static Relation
open_readable(Oid relid)
{
	Relation	rel;

	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("guard_free: table with OID %u does not exist", relid)));
	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(get_rel_relkind(relid)), get_rel_name(relid));
	if (!booking_sees_all_rows(relid))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("guard_free counts all rows of table \"%s\", and not all of them may be read", get_rel_name(relid)),
				 errdetail("A policy of row-level security applies to the caller."),
				 errhint("Call it in a function of the table's owner that is SECURITY DEFINER.")));
	rel = relation_open(relid, AccessShareLock);
	if (rel->rd_rel->relkind != RELKIND_RELATION && rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(rel))));
	return rel;
}

/* Of a table that Citus distributes, the rows are not here. */
static void
refuse_spread(Relation rel)
{
	Distribution distribution;

	if (booking_distributed(RelationGetRelid(rel), &distribution) && distribution.shard == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("guard_free cannot read table \"%s\", which Citus distributes", RelationGetRelationName(rel)),
				 errdetail("It looks at the rows of one node."),
				 errhint("Run it on the shard of the key with run_command_on_shards(): docs/your-own-tables.md has the statement.")));
}

static const Rule *
guard_named(Relation rel, const char *name)
{
	const GuardedTable *table = booking_use_guarded(rel);

	for (int i = 0; i < table->nrules; i++)
	{
		const Rule *rule = &table->rules[i];

		if (strcmp(rule->name, name) != 0)
			continue;
		if (rule->against)
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("guard \"%s\" of table \"%s\" has no capacity", name, RelationGetRelationName(rel)),
					 errdetail("It keeps the rows of two tables apart.")));
		return rule;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("table \"%s\" has no guard \"%s\"", RelationGetRelationName(rel), name),
			 errhint("booking.guarded_table lists the guards; guard_table() makes one.")));
	return NULL;
}

/* The same guard on a partition; NULL where it has none. */
static const Rule *
rule_of_gate(Relation rel, Oid gate)
{
	const GuardedTable *table = booking_use_guarded(rel);

	for (int i = 0; i < table->nrules; i++)
		if (table->rules[i].gate == gate)
			return &table->rules[i];
	return NULL;
}

/* One type of range for each guard. */
static void
check_range(const Rule *rule, Relation rel, RangeType *within)
{
	Oid			type = getBaseType(exprType((Node *) rule->period->expr));

	if (RangeTypeGetOid(within) != type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("within must be of type %s", format_type_be(type)),
				 errdetail("It is of type %s; that is what the periods of guard \"%s\" of table \"%s\" are.",
						   format_type_be(RangeTypeGetOid(within)), rule->name, RelationGetRelationName(rel))));
	if (RangeIsEmpty(within))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("within must not be empty")));
}

/* The values of the key, as their types read them. */
static void
read_key(const Rule *rule, ArrayType *key, FreeSearch *search)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;

	deconstruct_array(key, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &n);
	if (n != rule->nkeys)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the key of guard \"%s\" has %d values, not %d", rule->name, rule->nkeys, n)));
	for (int i = 0; i < n; i++)
	{
		Oid			input;
		Oid			parameter;

		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("key must not contain nulls"),
					 errdetail("A row with a null in its key is not guarded.")));
		getTypeInputInfo(rule->key_type[i], &input, &parameter);
		search->load.key[i] = OidInputFunctionCall(input, TextDatumGetCString(values[i]), parameter, -1);
	}
}

/* ---- rows ---- */

/* Each partition by itself, whether its keys are found elsewhere too or not. */
static void
read_partitions(Relation rel, FreeSearch *search)
{
	List	   *relations = find_all_inheritors(RelationGetRelid(rel), AccessShareLock, NULL);
	ListCell   *cell;

	foreach(cell, relations)
	{
		Relation	partition;
		const Rule *rule;

		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_PARTITIONED_TABLE)
			continue;
		CHECK_FOR_INTERRUPTS();
		partition = table_open(lfirst_oid(cell), NoLock);
		rule = rule_of_gate(partition, search->gate);
		if (rule == NULL || rule->here < 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("a guard does not reach table \"%s\"", RelationGetRelationName(partition)),
					 errdetail("It is a partition of a guarded table, and has not the guard's triggers.")));
		search->place = &rule->places[rule->here];
		booking_guard_look(&(GuardPlace)
						   {
							   .heap = partition,.relid = RelationGetRelid(partition),.index = &search->place->index
						   }, &search->load, add_row, search);
		table_close(partition, NoLock);
	}
}

static void
read_places(const Rule *rule, FreeSearch *search)
{
	for (int i = 0; i < rule->nplaces; i++)
	{
		Relation	heap = table_open(rule->places[i].relid, NoLock);

		search->place = &rule->places[i];
		booking_guard_look(&(GuardPlace)
						   {
							   .heap = heap,.relid = RelationGetRelid(heap),.index = &search->place->index
						   }, &search->load, add_row, search);
		table_close(heap, NoLock);
	}
}

static void
add_row(const GuardRow *row, void *arg)
{
	FreeSearch *search = arg;
	int64		quantity = booking_quantity_of_row(row->slot, false, (void *) search->place);

	if (quantity > 0)
		booking_guard_add(&search->rows, row->range, quantity);
}

/* ---- the answer ---- */

static void
put_left(RangeType *during, int64 used, void *arg)
{
	FreeSearch *search = arg;
	Datum		values[2] = {RangeTypePGetDatum(during), Int64GetDatum(search->capacity - used)};
	bool		nulls[2] = {false, false};

	CHECK_FOR_INTERRUPTS();
	if (used < search->capacity)
		tuplestore_putvalues(search->result->setResult, search->result->setDesc, values, nulls);
}
