/*-------------------------------------------------------------------------
 *
 * history.h
 *		which roles may store a booking that says it was made earlier
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_HISTORY_H
#define BOOKING_HISTORY_H

#include "engine/row.h"

extern void booking_made_now(BookingRow *row, const BookingRow *old);
extern bool booking_may_load_history(void);

#endif							/* BOOKING_HISTORY_H */
