/*-------------------------------------------------------------------------
 *
 * looking.h
 *		reading the arguments of functions that only look
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_LOOKING_H
#define BOOKING_LOOKING_H

#include "fmgr.h"
#include "utils/array.h"
#include "utils/timestamp.h"

#include "base/period.h"
#include "engine/resource.h"

/* Opening hours and steps are counted out for so long, and no longer. */
#define MOST_YEARS_TO_SEARCH	100

extern const Resource *booking_look_argument(FunctionCallInfo fcinfo, bool by_name);
extern Period booking_period_argument(FunctionCallInfo fcinfo, int n, const char *name);
extern int32 booking_quantity_argument(FunctionCallInfo fcinfo, int n);
extern void booking_check_search(Period within);
extern int64 *booking_resources_named(ArrayType *array, int *n);
extern int64 *booking_resources_of_category(text *category, int *n);

#endif							/* BOOKING_LOOKING_H */
