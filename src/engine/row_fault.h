/*-------------------------------------------------------------------------
 *
 * row_fault.h
 *		what must be true of a booking by itself
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_ROW_FAULT_H
#define BOOKING_ROW_FAULT_H

#include "utils/jsonb.h"

#include "engine/row.h"

extern bool booking_status_is_active(text *status);
extern const char *booking_row_fault(const BookingRow *row);
extern void booking_check_holder(text *holder);
extern void booking_check_quantity(int32 quantity);
extern void booking_check_data(Jsonb *data);

#endif							/* BOOKING_ROW_FAULT_H */
