/*-------------------------------------------------------------------------
 *
 * guarded.h
 *		The rules of a table, ready to judge its rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_GUARDED_H
#define BOOKING_GUARDED_H

#include "nodes/execnodes.h"
#include "utils/rel.h"

#include "engine/guard.h"
#include "guards/guard_capacity.h"

/* One table in which rows are counted. */
typedef struct Place
{
	Oid			relid;
	GuardIndex	index;
	AttrNumber	quantity;		/* column that says what a row takes; 0: it takes 1 */
} Place;

typedef struct Rule
{
	char	   *name;
	Oid			trigger;		/* this relation's trigger */
	char		enabled;		/* as in pg_trigger.tgenabled */
	bool		against;		/* rows of the other table are in the way, all of them */
	bool		blocker;		/* ... and this is the table that blocks */
	Oid			scope;			/* the table that the rule was made for */
	Oid			other;			/* against: the other one */
	Oid			gate;			/* what all gates of the rule have in common */
	Oid			owner;			/* of the scope: has written what follows */
	bool		timeless;		/* rows have no period */
	bool		pair;			/* a period from two columns: must not be empty */
	bool		foreign;		/* its evaluation may run code of that role */
	int64		capacity;
	CapacityQuery *query;		/* instead, or NULL */

	/* What a row of this relation says */
	int			nkeys;
	ExprState  *key[INDEX_MAX_KEYS];
	FmgrInfo	key_equal[INDEX_MAX_KEYS];
	FmgrInfo	key_hash[INDEX_MAX_KEYS];	/* fn_oid 0: the type has no hash function */
	Oid			key_collation[INDEX_MAX_KEYS];
	Oid			key_type[INDEX_MAX_KEYS];
	bool		key_can_be_long[INDEX_MAX_KEYS];
	char	   *key_text[INDEX_MAX_KEYS];	/* for messages */
	ExprState  *period;
	ExprState  *quantity;
	Oid			quantity_type;
	ExprState  *active;

	/* Where the rows are that count together with this relation's */
	int			nplaces;
	Place	   *places;
	int			here;			/* this relation's number among them, or -1 */
} Rule;

typedef struct GuardedTable
{
	Oid			relid;			/* hash key: must be first */
	int			nrules;
	Rule	   *rules;
	ExprContext *econtext;
	bool	   *running;		/* code of others, in these expressions; or it has ended in an error */
} GuardedTable;

extern const GuardedTable *booking_use_guarded(Relation rel);

#endif							/* BOOKING_GUARDED_H */
