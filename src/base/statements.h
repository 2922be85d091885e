/*-------------------------------------------------------------------------
 *
 * statements.h
 *		The texts of the SQL statements, and how each is to be run (plans.c).
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_STATEMENTS_H
#define BOOKING_STATEMENTS_H

#include "base/plans.h"

#define MAX_PARAMETERS 16

/* The role that a statement runs as, whether it writes, and what it reads. */
#define AS_OWNER	0x01
#define WRITES		0x02
/*
 * Touches rows that a lock of their line or the RESOURCE lock, taken alone, protects, or looks
 * for rows that are locked before they are used: leaves no predicate locks behind.  Always with
 * BY_INDEX.  Its scan sees what it writes while it goes on: none of its conditions holds for a
 * row that it has changed.
 */
#define KEYED		0x04
/* Sees what the statement that runs the trigger has written. */
#define UP_TO_NOW	0x08
/* Looks up rows of a small table that many transactions write at once. */
#define BY_INDEX	0x10
/* Touches one row of slot_places, whose PLACES lock we hold, by slot and shard. */
#define OF_SHARD	0x20
/* Touches one booking, whose ID lock we hold, by its id, which is the first parameter. */
#define OF_BOOKING	0x200
/* Only locks the booking: a transaction that has it is waited for, */
#define LOCKS		0x40
#define SHARES		0x80
/* or not, and then it is left: only a lapsed hold (as of the second parameter), or any booking. */
#define LOCKS_LAPSED 0x100
#define TRIES	0x400
/* Writes where our own triggers would have nothing to do. */
#define SETTLED	0x800

/* How statements about one row name it; plans.c puts its ctid there. */
#define EQ		" OPERATOR(pg_catalog.=) "
#define WHERE	" WHERE "
#define THE_BOOKING "id" EQ "$1"
#define THE_SHARD "slot_id" EQ "$1 AND shard" EQ "$2"

typedef struct PlanText
{
	const char *sql;
	int			flags;
	Oid			types[MAX_PARAMETERS];	/* ends at InvalidOid */

	/* An INSERT of one row whose values are the parameters: of which table and columns */
	const char *table;
	const char *columns[MAX_PARAMETERS];
} PlanText;

extern const PlanText booking_statements[STMT_COUNT];

#endif							/* BOOKING_STATEMENTS_H */
