/*-------------------------------------------------------------------------
 *
 * guard_key.c
 *		How is a key that is too long kept out of a guard's index?
 *
 * An inner entry of a GiST index has the lowest and the highest key below it, and two of them have
 * to fit into a page.  Where they do not, PostgreSQL splits the page without end: btree_gist, and its
 * own range_ops, with keys of 2,200 bytes used up the server's memory in one INSERT, or failed with
 * XX000 where no page could be split any more.
 *
 * The triggers of a guard refuse a long key first, and measure all columns of the key together.  But
 * not every row in the index was judged by them: an owner's BEFORE trigger may sort behind ours,
 * triggers do not run under session_replication_role = replica nor where they are disabled, a
 * table may be attached as a partition with the rows that it has, and an index is built from
 * the rows that are there.  Only the index itself is always involved.  What it calls for each new
 * entry, at INSERT and when it is built, is the compress function of an operator class.  So the
 * indexes that we make have operator classes of ours for what can be long: each the default one
 * of its type (the install script copies it) but for this function, which measures first.
 *
 * Considered, and not done: a function of ours around the key, or in the predicate, would raise this
 * error.  But then no query of the table's users, WHERE room = 'A' AND during && ..., would find the
 * index; and the engine would evaluate the expression for each row.  An operator class costs the
 * planner nothing.
 *
 * The classes are in pg_catalog: a partition gets its index by the names that its parent's has, and
 * the owner of a table that is guarded needs no USAGE on our schema to add one.
 *
 * One column is seen at a time.  Up to three that can be long may have LONGEST_KEY each, and of
 * more, each its share of what an inner entry can hold.  Types that are not in the table below
 * (of other extensions) keep their own operator class, and so does an index that was handed
 * over.  For these only the triggers refuse long keys.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/gist.h"
#include "access/table.h"
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/distributed.h"
#include "base/errors.h"
#include "guards/guard_key.h"

PG_FUNCTION_INFO_V1(booking_compress_text);
PG_FUNCTION_INFO_V1(booking_compress_bpchar);
PG_FUNCTION_INFO_V1(booking_compress_bytea);
PG_FUNCTION_INFO_V1(booking_compress_numeric);
PG_FUNCTION_INFO_V1(booking_compress_bit);
PG_FUNCTION_INFO_V1(booking_compress_varbit);
PG_FUNCTION_INFO_V1(booking_compress_range);

/*
 * Half a page, less the headers, is 4,072 bytes, in which an inner entry has each key twice, each
 * with a few bytes of its own, and a range of a fixed size.
 */
#define LONGEST_IN_ENTRY	1900

/* The same as in the install script, by the input type of the default operator class. */
static const struct
{
	Oid			input;
	const char *name;
}			classes[] = {
	{TEXTOID, "pg_catalog.booking_text_ops"},
	{BPCHAROID, "pg_catalog.booking_bpchar_ops"},
	{BYTEAOID, "pg_catalog.booking_bytea_ops"},
	{NUMERICOID, "pg_catalog.booking_numeric_ops"},
	{BITOID, "pg_catalog.booking_bit_ops"},
	{VARBITOID, "pg_catalog.booking_varbit_ops"},
	{ANYRANGEOID, "pg_catalog.booking_range_ops"}
};

/* What is known of a column of an index, for as long as the index is open. */
typedef struct KeyColumn
{
	Size		longest;
	FmgrInfo	compress;		/* of the default operator class; fn_oid 0: it has none */
} KeyColumn;

static Datum compress_key(FunctionCallInfo fcinfo, Oid type);
static KeyColumn *describe_column(Relation index, Oid type, MemoryContext context);
pg_noreturn static void refuse_key_in_index(Relation index, Oid type, Size size, Size longest);

/*
 * The operator class for a column of a guard's index, in SQL; NULL: what is the default for the
 * type.
 */
const char *
booking_key_opclass(Oid type)
{
	Oid			base = getBaseType(type);
	Oid			class = GetDefaultOpClass(base, GIST_AM_OID);
	Oid			input = OidIsValid(class) ? get_opclass_input_type(class) : InvalidOid;

	/* A range is as long as its bounds are. */
	if (get_typlen(base) != -1 ||
		(get_typtype(base) == TYPTYPE_RANGE && get_typlen(get_range_subtype(base)) != -1))
		return NULL;
	for (int i = 0; i < (int) lengthof(classes); i++)
		if (classes[i].input == input)
			return classes[i].name;
	return NULL;
}

/* ---- the compress functions of the operator classes ---- */

Datum
booking_compress_text(PG_FUNCTION_ARGS)
{
	return compress_key(fcinfo, TEXTOID);
}

Datum
booking_compress_bpchar(PG_FUNCTION_ARGS)
{
	return compress_key(fcinfo, BPCHAROID);
}

Datum
booking_compress_bytea(PG_FUNCTION_ARGS)
{
	return compress_key(fcinfo, BYTEAOID);
}

Datum
booking_compress_numeric(PG_FUNCTION_ARGS)
{
	return compress_key(fcinfo, NUMERICOID);
}

Datum
booking_compress_bit(PG_FUNCTION_ARGS)
{
	return compress_key(fcinfo, BITOID);
}

Datum
booking_compress_varbit(PG_FUNCTION_ARGS)
{
	return compress_key(fcinfo, VARBITOID);
}

Datum
booking_compress_range(PG_FUNCTION_ARGS)
{
	return compress_key(fcinfo, ANYRANGEOID);
}

/* Leaf keys are measured; an inner key is made of leaf keys. */
static Datum
compress_key(FunctionCallInfo fcinfo, Oid type)
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	KeyColumn  *column = fcinfo->flinfo->fn_extra;

	if (column == NULL)
		column = fcinfo->flinfo->fn_extra = describe_column(entry->rel, type, fcinfo->flinfo->fn_mcxt);
	if (entry->leafkey)
	{
		Size		size = toast_raw_datum_size(entry->key) - VARHDRSZ;

		if (size > column->longest)
			refuse_key_in_index(entry->rel, type, size, column->longest);
	}
	return OidIsValid(column->compress.fn_oid) ?
		FunctionCall1Coll(&column->compress, PG_GET_COLLATION(), PointerGetDatum(entry)) : PointerGetDatum(entry);
}

static KeyColumn *
describe_column(Relation index, Oid type, MemoryContext context)
{
	KeyColumn  *column = MemoryContextAllocZero(context, sizeof(KeyColumn));
	Oid			class = GetDefaultOpClass(type, GIST_AM_OID);
	Oid			compress = get_opfamily_proc(get_opclass_family(class), type, type, GIST_COMPRESS_PROC);
	int			nlong = 0;

	/*
	 * A range whose bounds have a fixed size keeps the default class, which has no such
	 * function.
	 */
	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
		if (TupleDescAttr(RelationGetDescr(index), i)->attlen == -1 &&
			OidIsValid(index_getprocid(index, i + 1, GIST_COMPRESS_PROC)))
			nlong++;
	column->longest = Min(LONGEST_KEY, LONGEST_IN_ENTRY / Max(nlong, 1));
	if (OidIsValid(compress))
		fmgr_info_cxt(compress, &column->compress, context);
	return column;
}

/*
 * Table and guard are named as users know them: the index of the topmost parent has
 * the guard's name.
 */
static void
refuse_key_in_index(Relation index, Oid type, Size size, Size longest)
{
	Oid			relid = index->rd_index->indrelid;
	List	   *above = index->rd_rel->relispartition ? get_partition_ancestors(RelationGetRelid(index)) : NIL;
	char	   *name = above ? get_rel_name(llast_oid(above)) : NULL;

	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 type == ANYRANGEOID ?
			 errmsg("a range of a row in table \"%s\" is too long", booking_shown_table(relid)) :
			 errmsg("the key of a row in table \"%s\" is too long", booking_shown_table(relid)),
			 errguard(table_open(relid, NoLock), name ? name : RelationGetRelationName(index),
					  "It has %zu bytes; %zu are indexed at most.", size, longest),
			 type == ANYRANGEOID ?
			 errhint("Write its bounds with fewer digits.") :
			 errhint("Guard a generated column that is shorter, like md5() of the key.")));
}
