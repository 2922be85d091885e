/*-------------------------------------------------------------------------
 *
 * guard_existing.h
 *		Whether the rows that are there already keep a rule.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_GUARD_EXISTING_H
#define BOOKING_GUARD_EXISTING_H

#include "guards/guard_capacity.h"
#include "guards/guard_definition.h"

/* Offenders that are named; the rest is counted. */
#define NAME_AT_MOST	5
#define ROWS_AT_A_TIME	1000

/* A look at the rows that are there already. */
typedef struct ExistingRows
{
	Oid			relid;
	const char *name;			/* of the guard */
	const Definition *definition;
	int64		capacity;
	CapacityQuery *query;		/* instead, or NULL */
	bool		first;			/* the rule is new, and may be made without a look */
} ExistingRows;

extern void booking_check_periods(Oid relid, const char *name, const Definition *definition);
extern void booking_check_keys(Oid relid, const char *name, const Definition *definition);
extern void booking_check_existing(const ExistingRows *rows);
extern double booking_rows_about(Oid relid);
extern void booking_check_existing_against(Oid relid, const Definition *definition,
										   Oid other_relid, const Definition *other_definition,
										   const char *name);

#endif							/* BOOKING_GUARD_EXISTING_H */
