/*-------------------------------------------------------------------------
 *
 * rule_rows.h
 *		the rows that a change of a resource's rules writes besides its own
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_RULE_ROWS_H
#define BOOKING_RULE_ROWS_H

#include "storage/itemptr.h"

#include "base/plans.h"

#define MOST_RULE_VALUES	4

/* Which rows: a statement locks them, or returns table and ctid of one that another transaction has. */
typedef struct RuleRows
{
	int64		resource_id;
	int64		other_id;		/* of the resource that it leaves; or the same */
	Statement	lock;
	Datum		values[MOST_RULE_VALUES];

	/* Fills in the values that depend on the resource, once it is locked; or says that no row is. */
	bool		(*find) (struct RuleRows *rows, void *arg);
	void	   *arg;

	Oid			table;			/* of the row that was in the way */
	ItemPointerData tid;
} RuleRows;

extern void booking_lock_rules_and_rows(RuleRows *rows);
extern bool booking_line_has_entries(RuleRows *rows, void *unused);

#endif							/* BOOKING_RULE_ROWS_H */
