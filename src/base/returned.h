/*-------------------------------------------------------------------------
 *
 * returned.h
 *		a row of a table of ours, as the caller of a function expects it
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_RETURNED_H
#define BOOKING_RETURNED_H

#include "fmgr.h"

extern Datum booking_returned(FunctionCallInfo fcinfo, Datum row);

#endif							/* BOOKING_RETURNED_H */
