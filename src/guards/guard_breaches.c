/*-------------------------------------------------------------------------
 *
 * guard_breaches.c
 *		Which rows break an existing guard?
 *
 * For verify(): one guard per call, a line of text for each breach.  A caller that does not see
 * all rows of a table gets none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/distributed.h"
#include "base/identity.h"
#include "guards/guard_definition.h"
#include "guards/guard_overlaps.h"

PG_FUNCTION_INFO_V1(booking_guard_breaches);

static void return_overlap(void *arg, const char *key, const char *row, const char *blocked, const char *blocking);
static bool definition_of_trigger(Relation rel, Oid trigger, Definition *definition);
static void breaches_against(const TriggerRow *guarded, ReturnSetInfo *result);
static void breaches_of_shards(Oid relid, const char *name, ReturnSetInfo *result);
static char *name_on_shard(Oid relid, char *name);

static void
return_overlap(void *arg, const char *key, const char *row, const char *blocked, const char *blocking)
{
	ReturnSetInfo *result = arg;
	Datum		value;
	bool		isnull = false;

	value = CStringGetTextDatum(psprintf("%s: %s overlaps what blocks it, %s", row, blocked, blocking));
	tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
}

/* The guard's definition, from its trigger; false when it is no guard. */
static bool
definition_of_trigger(Relation rel, Oid trigger, Definition *definition)
{
	/* The relcache frees its own when it reads the relation anew. */
	TriggerDesc *triggers = CopyTriggerDesc(rel->trigdesc);

	for (int i = 0; triggers && i < triggers->numtriggers; i++)
		if (triggers->triggers[i].tgoid == trigger)
			return booking_definition(&triggers->triggers[i], definition);
	return false;
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
		booking_visit_overlaps(&overlaps, GetActiveSnapshot());
	}
	relation_close(other, AccessShareLock);
	relation_close(rel, AccessShareLock);
}

/* The same for each shard, on its node.  A shard that cannot be checked is a breach, too. */
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

/* The name that a guard of the distributed table has on one of its shards. */
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
 * guard_breaches(target, guard): a line of text for each breach.  Reads what the
 * caller may read, as the table's owner: the query consists of expressions that the owner has
 * written.  The query is made here and is not an argument: otherwise any caller could run a
 * query of its own as the owner.
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
