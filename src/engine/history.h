/*-------------------------------------------------------------------------
 *
 * history.h
 *		who may say of a booking that it was made long ago
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_HISTORY_H
#define BOOKING_HISTORY_H

#include "engine/row.h"

extern void booking_made_now(BookingRow *row, const BookingRow *old);
extern bool booking_may_load_history(void);

#endif							/* BOOKING_HISTORY_H */
