/*-------------------------------------------------------------------------
 *
 * rules.h
 *		may a resource or a seat be changed like this?
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_RULES_H
#define BOOKING_RULES_H

#include "base/plans.h"

extern uint64 booking_in_the_way(Statement statement, Datum *values, const char *nulls,
								 char **list);

#endif							/* BOOKING_RULES_H */
