/*-------------------------------------------------------------------------
 *
 * row.h
 *		a row of booking.booking
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_ROW_H
#define BOOKING_ROW_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "utils/rangetypes.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/columns.h"
#include "base/period.h"

/*
 * Columns of booking.booking, in the order of the install script.  Where a table really has
 * them is found by their names (columns.c).
 */
typedef enum BookingColumn
{
	BOOKING_ID = 1,
	BOOKING_RESOURCE_ID,
	BOOKING_SLOT_ID,
	BOOKING_SEAT_NO,
	BOOKING_PERIOD,
	BOOKING_OCCUPIES,
	BOOKING_QUANTITY,
	BOOKING_HOLDER,
	BOOKING_STATUS,
	BOOKING_EXPIRES_AT,
	BOOKING_GROUP_ID,
	BOOKING_WAITLIST_ID,
	BOOKING_VERSION,
	BOOKING_CREATED_AT,
	BOOKING_UPDATED_AT,
	BOOKING_CHECKED_IN_AT,
	BOOKING_CHECKED_OUT_AT,
	BOOKING_REASON,
	BOOKING_DATA,
	BOOKING_NCOLUMNS = BOOKING_DATA
} BookingColumn;

/* A row of booking.booking, taken apart. */
typedef struct BookingRow
{
	Datum		value[BOOKING_NCOLUMNS + 1];	/* by BookingColumn */
	bool		null[BOOKING_NCOLUMNS + 1];
	bool		changed[BOOKING_NCOLUMNS + 1];	/* by us: to be stored */
	AttrNumber	column[BOOKING_NCOLUMNS + 1];	/* where they are in the table */
	Period		period;
	bool		active;			/* held or confirmed: takes space */
} BookingRow;

typedef enum BookingStatus
{
	BOOKING_HELD,
	BOOKING_CONFIRMED,
	BOOKING_CANCELLED,
	BOOKING_EXPIRED
} BookingStatus;

extern AttrNumber booking_row_column(TupleDesc desc, BookingColumn column);
extern void booking_row_take_apart(HeapTuple tuple, TupleDesc desc, BookingRow *row);
extern void booking_row_is_whole(const BookingRow *row, bool stored);
extern HeapTuple booking_row_put_together(HeapTuple tuple, TupleDesc desc, BookingRow *row);
extern void booking_row_read(HeapTuple tuple, TupleDesc desc, BookingRow *row);
extern BookingStatus booking_row_status(const BookingRow *row);
extern bool booking_row_lapsed(const BookingRow *row, TimestampTz now);
extern void booking_row_set(BookingRow *row, BookingColumn column, Datum value);
extern bool booking_row_same(const BookingRow *a, const BookingRow *b, BookingColumn column);
extern bool booking_row_same_range(const BookingRow *a, const BookingRow *b, BookingColumn column);
extern bool booking_row_in_force(const BookingRow *row);
extern bool booking_row_is_history(const BookingRow *row, const BookingRow *old);
extern bool booking_row_stays(const BookingRow *row, const BookingRow *old);
extern bool booking_row_adds_load(const BookingRow *row, const BookingRow *old);
extern bool booking_same_text(Datum a, Datum b);
extern const pg_uuid_t *booking_row_id_at(uint64 at);

#endif							/* BOOKING_ROW_H */
