/*-------------------------------------------------------------------------
 *
 * many.h
 *		the answer of functions that make several bookings
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_MANY_H
#define BOOKING_MANY_H

#include "fmgr.h"

#include "rules/together.h"

extern void booking_return_row(FunctionCallInfo fcinfo, Datum booking);
extern void booking_together_return(FunctionCallInfo fcinfo, const Together *all);

#endif							/* BOOKING_MANY_H */
