/*-------------------------------------------------------------------------
 *
 * guard_capacity.h
 *		Capacities that a query gives.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_GUARD_CAPACITY_H
#define BOOKING_GUARD_CAPACITY_H

#include "executor/spi.h"

#include "guards/guard_definition.h"

/* A capacity that a query gives. */
typedef struct CapacityQuery
{
	char	   *text;
	Oid			function;		/* that holds it, unless it is new */
	Oid			guarded;		/* whose rows it is for */
	Oid			result;			/* an integer type, of one that is new */
	SPIPlanPtr	plan;
	Oid			owner;			/* the role that it runs as: the owner of the guarded table */
	List	   *relations;		/* tables that it reads, once it is prepared */
	List	   *names;			/* relations that it names */
} CapacityQuery;

extern char *booking_capacity_text(Oid function, Oid guarded, List **names);
extern CapacityQuery *booking_capacity_of(const Definition *definition, Oid owner, Oid guarded);
extern void booking_capacity_prepare(CapacityQuery *query, int nkeys, const Oid *key_types);
extern int64 booking_capacity_ask(CapacityQuery *query, Datum *keys, int nkeys,
								  const Oid *key_types, bool stays);
extern List *booking_capacity_columns(CapacityQuery *query, Oid relid);

#endif							/* BOOKING_GUARD_CAPACITY_H */
