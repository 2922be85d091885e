/*-------------------------------------------------------------------------
 *
 * guard_citus.h
 *		What is different about a table that Citus distributes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_GUARD_CITUS_H
#define BOOKING_GUARD_CITUS_H

#include "nodes/parsenodes.h"
#include "utils/relcache.h"

#include "guards/guard_definition.h"

extern int	booking_citus_begin(Relation rel, const char *name, const Definition *definition, const char *impossible,
								const char *instead);
extern void booking_citus_done(int level);
extern void booking_citus_lock(const char *table, int level);
extern void booking_citus_check_beside(Relation rel, const List *relations);
extern void booking_citus_created(Oid trigger);
extern void booking_citus_read_beside(Query *query, Oid guarded, bool to_run);

#endif							/* BOOKING_GUARD_CITUS_H */
