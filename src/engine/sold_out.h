/*-------------------------------------------------------------------------
 *
 * sold_out.h
 *		slots that are remembered as sold out
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_SOLD_OUT_H
#define BOOKING_SOLD_OUT_H

#include "engine/slots.h"

extern bool booking_places_sold_out(const Slot *slot, int32 quantity, bool *locked);
extern void booking_sold_out_no_more(void);

#endif							/* BOOKING_SOLD_OUT_H */
