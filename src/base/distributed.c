/*-------------------------------------------------------------------------
 *
 * distributed.c
 *		Has Citus put a relation on several nodes, and which table is it a shard of?
 *
 * On every node there is a table of the name that users know, without rows; the rows are in
 * ordinary tables, its shards, with names like stay_102008.  What a shard has (indexes,
 * triggers) is called after the table's, with the same number behind it.  Triggers run on the
 * shards; so that is what a guard sees, and nothing that it says may name them.
 *
 * All that is known of it stands in tables of Citus.  They are read by SQL, when a guard is
 * made or read from the catalogs and when it refuses: this library neither links with Citus
 * nor needs it, and where it is not installed the answer costs a look at pg_extension, and
 * for a relation that is not called like a shard not even that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "base/distributed.h"

/*
 * The relation that shard s is.  What shard_name() says has the schema in front of it or not,
 * according to search_path and to the version of Citus.
 */
#define SHARD_RELATION \
	"(SELECT pg_catalog.to_regclass(pg_catalog.format('%I.%I', n.nspname, i.parts[pg_catalog.cardinality(i.parts)])) " \
	"FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace, " \
	"pg_catalog.parse_ident(pg_catalog.shard_name(s.logicalrelid, s.shardid)) AS i (parts) " \
	"WHERE c.oid OPERATOR(pg_catalog.=) s.logicalrelid::pg_catalog.oid)"

/* $1: the relation, $2: the number at the end of its name, or NULL */
#define FIND_TABLE \
	"SELECT p.logicalrelid::pg_catalog.oid, 0::pg_catalog.int8, p.partmethod::pg_catalog.text, " \
	"pg_catalog.column_to_column_name(p.logicalrelid, p.partkey) " \
	"FROM pg_catalog.pg_dist_partition p " \
	"WHERE p.logicalrelid OPERATOR(pg_catalog.=) $1::pg_catalog.regclass " \
	"UNION ALL " \
	"SELECT p.logicalrelid::pg_catalog.oid, s.shardid, p.partmethod::pg_catalog.text, " \
	"pg_catalog.column_to_column_name(p.logicalrelid, p.partkey) " \
	"FROM pg_catalog.pg_dist_shard s " \
	"JOIN pg_catalog.pg_dist_partition p ON p.logicalrelid OPERATOR(pg_catalog.=) s.logicalrelid " \
	"WHERE s.shardid OPERATOR(pg_catalog.=) $2 " \
	"AND " SHARD_RELATION " OPERATOR(pg_catalog.=) $1::pg_catalog.regclass"

/* $1: a table, $2: a shard of another; the shard of the table that has the same keys */
#define FIND_SHARD \
	"SELECT coalesce(" SHARD_RELATION "::pg_catalog.oid, 0::pg_catalog.oid) " \
	"FROM pg_catalog.pg_dist_partition p " \
	"LEFT JOIN (pg_catalog.pg_dist_shard own JOIN pg_catalog.pg_dist_partition q " \
	"ON q.logicalrelid OPERATOR(pg_catalog.=) own.logicalrelid) ON own.shardid OPERATOR(pg_catalog.=) $2 " \
	"LEFT JOIN pg_catalog.pg_dist_shard s ON s.logicalrelid OPERATOR(pg_catalog.=) p.logicalrelid " \
	"AND (p.partmethod OPERATOR(pg_catalog.=) 'n' OR p.colocationid OPERATOR(pg_catalog.=) q.colocationid " \
	"AND s.shardminvalue OPERATOR(pg_catalog.=) own.shardminvalue) " \
	"WHERE p.logicalrelid OPERATOR(pg_catalog.=) $1::pg_catalog.regclass ORDER BY s.shardid LIMIT 1"

/* $1 and $2: two tables; whether each node has, for the rows of the first, those of the second */
#define LIES_BESIDE \
	"SELECT FROM pg_catalog.pg_dist_partition p, pg_catalog.pg_dist_partition q " \
	"WHERE p.logicalrelid OPERATOR(pg_catalog.=) $1::pg_catalog.regclass " \
	"AND q.logicalrelid::pg_catalog.oid::pg_catalog.int8 OPERATOR(pg_catalog.=) $2 " \
	"AND (q.partmethod OPERATOR(pg_catalog.=) 'n' OR q.colocationid OPERATOR(pg_catalog.=) p.colocationid)"

static int64 number_behind(const char *name);
static bool ask_citus(const char *sql, Oid relid, int64 shard);

bool
booking_citus_here(void)
{
	return OidIsValid(get_extension_oid("citus", true));
}

/* What Citus has done with a relation; false: nothing. */
bool
booking_distributed(Oid relid, Distribution *distribution)
{
	char	   *name = get_rel_name(relid);
	bool		found;
	bool		isnull;

	memset(distribution, 0, sizeof(*distribution));
	if (name == NULL || !booking_citus_here())
		return false;
	SPI_connect();
	found = ask_citus(FIND_TABLE, relid, number_behind(name));
	if (found)
	{
		HeapTuple	row = SPI_tuptable->vals[0];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		char	   *method = SPI_getvalue(row, desc, 3);
		char	   *column = SPI_getvalue(row, desc, 4);

		distribution->table = DatumGetObjectId(SPI_getbinval(row, desc, 1, &isnull));
		distribution->shard = DatumGetInt64(SPI_getbinval(row, desc, 2, &isnull));
		distribution->hashed = column != NULL && method[0] != 'a';
		distribution->everywhere = method[0] == 'n';
		if (column)
			namestrcpy(&distribution->column, column);
	}
	SPI_finish();
	return found;
}

/*
 * Where are the rows of a table that belong with those of a shard, on this node?  Invalid: here
 * they are not.
 */
Oid
booking_shard_beside(const Distribution *shard, Oid table, bool *distributed)
{
	Oid			beside = InvalidOid;
	bool		isnull;

	SPI_connect();
	*distributed = ask_citus(FIND_SHARD, table, shard->shard);
	if (*distributed)
		beside = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	return beside;
}

/* Will each shard of a table have the rows of another beside it? */
bool
booking_beside(Oid table, Oid other)
{
	bool		beside;

	SPI_connect();
	beside = ask_citus(LIES_BESIDE, table, (int64) other);
	SPI_finish();
	return beside;
}

/* With the latest snapshot: what is known of shards is no older than the shard. */
static bool
ask_citus(const char *sql, Oid relid, int64 shard)
{
	Oid			types[2] = {OIDOID, INT8OID};
	Datum		values[2] = {ObjectIdGetDatum(relid), Int64GetDatum(shard)};
	SPIPlanPtr	plan = SPI_prepare(sql, 2, types);

	if (plan == NULL ||
		SPI_execute_snapshot(plan, values, NULL, GetLatestSnapshot(), InvalidSnapshot, true, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not run \"%s\"", sql);
	return SPI_processed > 0;
}

/* stay_102008: 102008, and 0 when there is none. */
static int64
number_behind(const char *name)
{
	const char *digits = strrchr(name, '_');
	size_t		n;

	if (digits == NULL)
		return 0;
	n = strspn(++digits, "0123456789");
	return n == 0 || n > 18 || digits[n] != '\0' ? 0 : (int64) strtoull(digits, NULL, 10);
}

/* The name of a table that users know it by. */
char *
booking_shown_table(Oid relid)
{
	char	   *name = get_rel_name(relid);
	Distribution distribution;

	if (name && number_behind(name) > 0 && booking_distributed(relid, &distribution) && distribution.shard > 0)
		return get_rel_name(distribution.table);
	return name;
}

/*
 * The name that something of the relation has on the table that users know.  Citus puts the
 * shard's number behind it, and cuts a name short for which that leaves no room, with a hash
 * of the whole behind it: then it stays as it is.
 */
char *
booking_shown_name(Oid relid, const char *name)
{
	char	   *table = get_rel_name(relid);
	int64		number = number_behind(name);
	Distribution distribution;

	if (number > 0 && table && number_behind(table) == number &&
		booking_distributed(relid, &distribution) && distribution.shard == number)
		return pnstrdup(name, strrchr(name, '_') - name);
	return pstrdup(name);
}
