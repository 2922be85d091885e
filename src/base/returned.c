/*-------------------------------------------------------------------------
 *
 * returned.c
 *		Which columns does the caller of a function expect in the row that it returns?
 *
 * A function in FROM that returns a row of a table of ours locks the table before it reads or writes
 * any of it, and keeps the lock to the end of the transaction: no column can then be added, dropped
 * or altered.  But the executor notes the columns before it calls.  A call that has to wait for
 * that lock, behind an ALTER TABLE that is not committed yet, or for the lock of a booking before
 * it, returns a row of another shape.  The executor compares the two and raises an error:
 * 42804, or, where a column has been dropped, "cache lookup failed for type 0", after the call has
 * done its work.
 *
 * So the row is converted to the shape that is expected.  A column has the same number for as long as
 * it exists: one that has been added since is left out, one that has been dropped is NULL.
 * Where the type of a column has been altered the row cannot be returned, and the call has to be
 * repeated.
 *
 * Functions that return sets of rows put them into a tuplestore whose shape they take from the
 * call, when it begins: the executor finds no difference, and reads the columns that it knows.  In a
 * target list nothing is compared.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/returned.h"

static bool is_expected(TupleDesc desc, TupleDesc expected);
static Datum reshaped(HeapTupleHeader row, TupleDesc desc, TupleDesc expected);

/* A row of the named type that the function returns. */
Datum
booking_returned(FunctionCallInfo fcinfo, Datum row)
{
	const ReturnSetInfo *result = (const ReturnSetInfo *) fcinfo->resultinfo;
	HeapTupleHeader header;
	TupleDesc	desc;

	/* The executor prefers a tuplestore from a function in FROM, and only there. */
	if (result == NULL || !IsA(result, ReturnSetInfo) || !(result->allowedModes & SFRM_Materialize_Preferred) ||
		result->expectedDesc == NULL)
		return row;
	header = DatumGetHeapTupleHeader(row);
	desc = lookup_type_cache(HeapTupleHeaderGetTypeId(header), TYPECACHE_TUPDESC)->tupDesc;
	return is_expected(desc, result->expectedDesc) ? row : reshaped(header, desc, result->expectedDesc);
}

/* A column that has been dropped has no type. */
static bool
is_expected(TupleDesc desc, TupleDesc expected)
{
	if (desc->natts != expected->natts)
		return false;
	for (int i = 0; i < desc->natts; i++)
		if (TupleDescAttr(desc, i)->atttypid != TupleDescAttr(expected, i)->atttypid)
			return false;
	return true;
}

/* The result is an anonymous record: the executor takes the columns from the row's own descriptor. */
static Datum
reshaped(HeapTupleHeader row, TupleDesc desc, TupleDesc expected)
{
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(row), .t_data = row};
	int			most = Max(desc->natts, expected->natts);
	Datum	   *values = palloc0_array(Datum, most);
	bool	   *nulls = palloc_array(bool, most);
	TupleDesc	shape = CreateTupleDescCopy(expected);

	heap_deform_tuple(&tuple, desc, values, nulls);
	for (int i = 0; i < expected->natts; i++)
	{
		Oid			wanted = TupleDescAttr(expected, i)->atttypid;
		Oid			found = i < desc->natts ? TupleDescAttr(desc, i)->atttypid : InvalidOid;

		if (OidIsValid(wanted) && OidIsValid(found) && wanted != found)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("column \"%s\" has been given another type while the call waited",
							NameStr(TupleDescAttr(expected, i)->attname)),
					 errhint("Call again.")));
		if (!OidIsValid(wanted) || !OidIsValid(found))
			nulls[i] = true;
	}
	shape->tdtypeid = RECORDOID;
	shape->tdtypmod = -1;
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(shape), values, nulls));
}
