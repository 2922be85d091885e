/*-------------------------------------------------------------------------
 *
 * store.h
 *		Rows that get into a table of ours without a statement.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_STORE_H
#define BOOKING_STORE_H

/* A row of a table of ours: values for some of its columns, the others get their defaults. */
typedef struct NewRow
{
	const char *table;
	const char *const *columns;
	const Oid  *types;
	int			ncolumns;
	const Datum *values;
	const char *nulls;			/* as for SPI_execute_plan() */
	Oid			owner;			/* write as this role, or invalid: as the caller */
	bool		no_triggers;	/* the table's own have nothing to do */
	int			more;			/* rows of the same kind: their values follow, and their nulls */
} NewRow;

typedef enum StoreAnswer
{
	STORE_BY_STATEMENT,			/* something is unusual: nothing has been done */
	STORE_DONE,
	STORE_SUPPRESSED			/* a BEFORE trigger does not want the only row */
} StoreAnswer;

extern StoreAnswer booking_store(const NewRow *row);
extern bool booking_store_is_possible(const NewRow *row);

#endif							/* BOOKING_STORE_H */
