/*-------------------------------------------------------------------------
 *
 * guard_index.h
 *		the index that finds the rows to be counted
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_GUARD_INDEX_H
#define BOOKING_GUARD_INDEX_H

#include "utils/relcache.h"

#include "engine/guard.h"

extern Oid	booking_key_equality(Oid type, Oid family);
extern char *booking_guard_index_fault(Relation heap, Relation index);
extern bool booking_index_has_predicate(Relation heap, Relation index, const char *predicate);
extern bool booking_index_has_expression(Relation heap, Relation index, const char *expression);
extern void booking_guard_describe(Relation heap, Relation index, GuardIndex *guard);

#endif							/* BOOKING_GUARD_INDEX_H */
