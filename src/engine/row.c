/*-------------------------------------------------------------------------
 *
 * row.c
 *		What can be read from one row of booking.booking, and said of it and its old version?
 *
 * Nothing here looks at other rows, takes a lock, or knows a rule.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/period.h"
#include "engine/row.h"
#include "engine/row_fault.h"

static const Column row_columns[BOOKING_NCOLUMNS + 1] = {
	[BOOKING_ID] = {"id", UUIDOID},
	[BOOKING_RESOURCE_ID] = {"resource_id", INT8OID},
	[BOOKING_SLOT_ID] = {"slot_id", INT8OID},
	[BOOKING_SEAT_NO] = {"seat_no", INT4OID},
	[BOOKING_PERIOD] = {"period", TSTZRANGEOID},
	[BOOKING_OCCUPIES] = {"occupies", TSTZRANGEOID},
	[BOOKING_QUANTITY] = {"quantity", INT4OID},
	[BOOKING_HOLDER] = {"holder", TEXTOID},
	[BOOKING_STATUS] = {"status", TEXTOID},
	[BOOKING_EXPIRES_AT] = {"expires_at", TIMESTAMPTZOID},
	[BOOKING_GROUP_ID] = {"group_id", UUIDOID},
	[BOOKING_WAITLIST_ID] = {"waitlist_id", INT8OID},
	[BOOKING_VERSION] = {"version", INT4OID},
	[BOOKING_CREATED_AT] = {"created_at", TIMESTAMPTZOID},
	[BOOKING_UPDATED_AT] = {"updated_at", TIMESTAMPTZOID},
	[BOOKING_CHECKED_IN_AT] = {"checked_in_at", TIMESTAMPTZOID},
	[BOOKING_CHECKED_OUT_AT] = {"checked_out_at", TIMESTAMPTZOID},
	[BOOKING_REASON] = {"reason", TEXTOID},
	[BOOKING_DATA] = {"data", JSONBOID}
};

/* Where a table, or a result, has a column. */
AttrNumber
booking_row_column(TupleDesc desc, BookingColumn column)
{
	return booking_column(desc, &row_columns[column], column);
}

void
booking_row_take_apart(HeapTuple tuple, TupleDesc desc, BookingRow *row)
{
	booking_find_columns(desc, row_columns, BOOKING_NCOLUMNS, row->column);
	booking_take_apart(tuple, desc, row->column, BOOKING_NCOLUMNS, row->value, row->null);
	memset(row->changed, 0, sizeof(row->changed));
	row->active = !row->null[BOOKING_STATUS] &&
		booking_status_is_active(DatumGetTextPP(row->value[BOOKING_STATUS]));
}

/*
 * BEFORE triggers see rows that no constraint has seen yet.  What may be NULL in one that
 * is being written is its resource and its period, which its slot may give; a stored one
 * has these, too.
 */
void
booking_row_is_whole(const BookingRow *row, bool stored)
{
	static const BookingColumn needed[] = {
		BOOKING_ID, BOOKING_QUANTITY, BOOKING_HOLDER, BOOKING_STATUS,
		/* when stored: */
		BOOKING_RESOURCE_ID, BOOKING_PERIOD, BOOKING_OCCUPIES, BOOKING_VERSION
	};

	for (int i = 0; i < (stored ? (int) lengthof(needed) : 4); i++)
		if (row->null[needed[i]])
			booking_null_column("booking", row_columns[needed[i]].name);
}

/* A stored booking for the functions that change it. */
void
booking_row_read(HeapTuple tuple, TupleDesc desc, BookingRow *row)
{
	booking_row_take_apart(tuple, desc, row);
	booking_row_is_whole(row, true);
	row->period = booking_period(DatumGetRangeTypeP(row->value[BOOKING_PERIOD]));
}

HeapTuple
booking_row_put_together(HeapTuple tuple, TupleDesc desc, BookingRow *row)
{
	int			attno[BOOKING_NCOLUMNS];
	Datum		values[BOOKING_NCOLUMNS];
	bool		nulls[BOOKING_NCOLUMNS];
	int			n = 0;

	for (int i = 1; i <= BOOKING_NCOLUMNS; i++)
	{
		if (!row->changed[i])
			continue;
		attno[n] = row->column[i];
		values[n] = row->value[i];
		nulls[n++] = row->null[i];
	}
	return n == 0 ? tuple : heap_modify_tuple_by_cols(tuple, desc, n, attno, values, nulls);
}

void
booking_row_set(BookingRow *row, BookingColumn column, Datum value)
{
	row->value[column] = value;
	row->null[column] = false;
	row->changed[column] = true;
}

/* Of a column whose type is passed by value. */
bool
booking_row_same(const BookingRow *a, const BookingRow *b, BookingColumn column)
{
	if (a->null[column] || b->null[column])
		return a->null[column] && b->null[column];
	return a->value[column] == b->value[column];
}

bool
booking_row_same_range(const BookingRow *a, const BookingRow *b, BookingColumn column)
{
	if (a->null[column] || b->null[column])
		return a->null[column] && b->null[column];
	return range_eq_internal(booking_range_type(TSTZRANGEOID),
							 DatumGetRangeTypeP(a->value[column]),
							 DatumGetRangeTypeP(b->value[column]));
}

BookingStatus
booking_row_status(const BookingRow *row)
{
	char	   *status = TextDatumGetCString(row->value[BOOKING_STATUS]);

	return strcmp(status, "held") == 0 ? BOOKING_HELD :
		strcmp(status, "confirmed") == 0 ? BOOKING_CONFIRMED :
		strcmp(status, "cancelled") == 0 ? BOOKING_CANCELLED : BOOKING_EXPIRED;
}

/* Is it a hold that has lapsed, marked expired or not? */
bool
booking_row_lapsed(const BookingRow *row, TimestampTz now)
{
	if (row->null[BOOKING_EXPIRES_AT])
		return !row->active && booking_row_status(row) == BOOKING_EXPIRED;
	return row->active && DatumGetTimestampTz(row->value[BOOKING_EXPIRES_AT]) <= now;
}

/*
 * Does the row take space at all?  Not a hold that has lapsed, which nothing brings back
 * to life; such a one may be among the rows of a dump.
 */
bool
booking_row_in_force(const BookingRow *row)
{
	return row->active && (row->null[BOOKING_EXPIRES_AT] ||
						   DatumGetTimestampTz(row->value[BOOKING_EXPIRES_AT]) > GetCurrentTimestamp());
}

/*
 * Is this a new row that was made earlier and is being loaded now?  Then it brings the time at
 * which it was made, and booking_made_now() has allowed that.
 */
bool
booking_row_is_history(const BookingRow *row, const BookingRow *old)
{
	return old == NULL && !row->null[BOOKING_CREATED_AT] &&
		DatumGetTimestampTz(row->value[BOOKING_CREATED_AT]) < GetCurrentTransactionStartTimestamp();
}

/* Does the row claim no other resource and no other time than its old version did? */
bool
booking_row_stays(const BookingRow *row, const BookingRow *old)
{
	return old != NULL && old->active && booking_row_same(row, old, BOOKING_RESOURCE_ID) &&
		range_contains_internal(booking_range_type(TSTZRANGEOID),
								DatumGetRangeTypeP(old->value[BOOKING_PERIOD]),
								DatumGetRangeTypeP(row->value[BOOKING_PERIOD]));
}

/* Does the row take space that its old version did not? */
bool
booking_row_adds_load(const BookingRow *row, const BookingRow *old)
{
	return old == NULL || !old->active ||
		!booking_row_same(row, old, BOOKING_RESOURCE_ID) ||
		!booking_row_same(row, old, BOOKING_SLOT_ID) ||
		!booking_row_same(row, old, BOOKING_SEAT_NO) ||
		DatumGetInt32(row->value[BOOKING_QUANTITY]) > DatumGetInt32(old->value[BOOKING_QUANTITY]) ||
		!range_contains_internal(booking_range_type(TSTZRANGEOID),
								 DatumGetRangeTypeP(old->value[BOOKING_OCCUPIES]),
								 DatumGetRangeTypeP(row->value[BOOKING_OCCUPIES]));
}

bool
booking_same_text(Datum a, Datum b)
{
	return DatumGetBool(DirectFunctionCall2Coll(texteq, C_COLLATION_OID, a, b));
}

/*
 * The id of one of the bookings that a statement of ours has just returned; the result has its
 * memory.
 */
const pg_uuid_t *
booking_row_id_at(uint64 at)
{
	bool		isnull;

	return DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[at], SPI_tuptable->tupdesc,
									   booking_row_column(SPI_tuptable->tupdesc, BOOKING_ID), &isnull));
}
