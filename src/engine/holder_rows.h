/*-------------------------------------------------------------------------
 *
 * holder_rows.h
 *		what a holder has, from the index of holders
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_HOLDER_ROWS_H
#define BOOKING_HOLDER_ROWS_H

/*
 * The parameters of STMT_COUNT_OF_HOLDER, in their order; those after COUNT_ENDS_AFTER may be
 * NULL.
 */
typedef enum CountValue
{
	COUNT_HOLDER,
	COUNT_OTHER_THAN,
	COUNT_ENDS_AFTER,
	COUNT_BEGINS_FROM,
	COUNT_BEGINS_BEFORE,
	COUNT_RESOURCE_ID,
	COUNT_CATEGORY,
	COUNT_SLOT_ID,
	COUNT_PERIOD,
	COUNT_NVALUES
} CountValue;

extern bool booking_holder_count(const Datum *values, const char *nulls, int64 *bookings, int64 *quantity);

#endif							/* BOOKING_HOLDER_ROWS_H */
