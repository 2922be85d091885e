/*-------------------------------------------------------------------------
 *
 * columns.h
 *		columns of our tables, found by name
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_COLUMNS_H
#define BOOKING_COLUMNS_H

#include "access/htup.h"
#include "access/tupdesc.h"

/* A column as the install script creates it. */
typedef struct Column
{
	const char *name;
	Oid			type;
} Column;

extern AttrNumber booking_column(TupleDesc desc, const Column *column, int expected);
extern AttrNumber booking_column_named(TupleDesc desc, const char *name, Oid type);
extern AttrNumber booking_column_number(TupleDesc desc, const char *name);
extern AttrNumber booking_column_if_there(TupleDesc desc, const char *name);
extern void booking_find_columns(TupleDesc desc, const Column *columns, int n, AttrNumber *attno);
extern void booking_take_apart(HeapTuple tuple, TupleDesc desc, const AttrNumber *attno, int n,
							   Datum *value, bool *null);

#endif							/* BOOKING_COLUMNS_H */
