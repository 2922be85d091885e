/*-------------------------------------------------------------------------
 *
 * book.h
 *		book_slot() and its relatives
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_BOOK_H
#define BOOKING_BOOK_H

#include "utils/jsonb.h"

#include "engine/resource.h"

/* What the CHECK constraints accept as a holder or a name, in bytes. */
#define MAX_NAME_LENGTH	1024

extern void booking_check_holder(text *holder);
extern bool booking_same_text(Datum a, Datum b);
extern void booking_check_quantity(int32 quantity);
extern void booking_check_data(Jsonb *data);
extern const Seat *booking_seat_wanted(const Resource *resource, const char *label);

#endif							/* BOOKING_BOOK_H */
