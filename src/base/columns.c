/*-------------------------------------------------------------------------
 *
 * columns.c
 *		Where in a row are the columns that we know?
 *
 * Users add columns to our tables, drop them again and rename them, and a later version
 * of the extension adds some while a backend still runs this library.  So a row is taken
 * apart by the names of its columns, and what we do not know stays in the row.
 *
 * Nothing is remembered, so that nothing can be out of date: a column is looked for where it
 * is expected, which is one comparison of two strings and right nearly always, and then
 * everywhere.  The nineteen columns of a booking cost a fraction of a microsecond.
 *
 * The type counts, too: what was made another type is not ours to read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"

#include "base/columns.h"
#include "base/compat.h"

/* Rows of up to so many columns are taken apart on the stack. */
#define FEW_COLUMNS	64

static bool is_named(TupleDesc desc, int attno, const char *name);
pg_noreturn static void no_such_column(const char *name);

static bool
is_named(TupleDesc desc, int attno, const char *name)
{
	Form_pg_attribute attribute = TupleDescAttr(desc, attno - 1);

	return !attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0;
}

static void
no_such_column(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("a table of extension \"booking\" has lost its column \"%s\"", name),
			 errhint("Columns can be added to these tables; those that come with the extension must stay as they are.")));
}

/* The number of a column that is expected to have a certain one. */
AttrNumber
booking_column(TupleDesc desc, const Column *column, int expected)
{
	AttrNumber	attno = 0;

	if (expected >= 1 && expected <= desc->natts && is_named(desc, expected, column->name))
		attno = expected;
	for (int i = 1; i <= desc->natts && attno == 0; i++)
		if (is_named(desc, i, column->name))
			attno = i;
	if (attno == 0)
		no_such_column(column->name);

	if (TupleDescAttr(desc, attno - 1)->atttypid != column->type &&
		!IsBinaryCoercible(TupleDescAttr(desc, attno - 1)->atttypid, column->type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of a table of extension \"booking\" has another type", column->name),
				 errdetail("It is %s and must be %s.",
						   format_type_be(TupleDescAttr(desc, attno - 1)->atttypid),
						   format_type_be(column->type))));
	return attno;
}

/* The same without an idea where it might be. */
AttrNumber
booking_column_named(TupleDesc desc, const char *name, Oid type)
{
	Column		column = {name, type};

	return booking_column(desc, &column, 1);
}

/* The same of any type. */
AttrNumber
booking_column_number(TupleDesc desc, const char *name)
{
	AttrNumber	number = booking_column_if_there(desc, name);

	if (number == InvalidAttrNumber)
		no_such_column(name);
	return number;
}

/*
 * InvalidAttrNumber if it is not.  Without the catalog, in which a new session would look for
 * each of them.
 */
AttrNumber
booking_column_if_there(TupleDesc desc, const char *name)
{
	for (int i = 1; i <= desc->natts; i++)
		if (is_named(desc, i, name))
			return i;
	return InvalidAttrNumber;
}

/* Columns 1 to n of a table, each expected behind the one before. */
void
booking_find_columns(TupleDesc desc, const Column *columns, int n, AttrNumber *attno)
{
	attno[0] = 0;
	for (int i = 1; i <= n; i++)
		attno[i] = booking_column(desc, &columns[i], attno[i - 1] + 1);
}

/*
 * The values of columns 1 to n, in two arrays, as heap_deform_tuple() gives them: hence six
 * arguments.
 */
void
booking_take_apart(HeapTuple tuple, TupleDesc desc, const AttrNumber *attno, int n,
				   Datum *value, bool *null)
{
	Datum		few_values[FEW_COLUMNS];
	bool		few_nulls[FEW_COLUMNS];
	bool		many = desc->natts > FEW_COLUMNS;
	Datum	   *values = many ? palloc_array(Datum, desc->natts) : few_values;
	bool	   *nulls = many ? palloc_array(bool, desc->natts) : few_nulls;

	heap_deform_tuple(tuple, desc, values, nulls);
	for (int i = 1; i <= n; i++)
	{
		value[i] = values[attno[i] - 1];
		null[i] = nulls[attno[i] - 1];
	}
	if (many)
	{
		pfree(values);
		pfree(nulls);
	}
}
