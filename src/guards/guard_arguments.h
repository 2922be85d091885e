/*-------------------------------------------------------------------------
 *
 * guard_arguments.h
 *		What guard_table() and guard_against() are asked for.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_GUARD_ARGUMENTS_H
#define BOOKING_GUARD_ARGUMENTS_H

#include "fmgr.h"

#include "guards/guard_capacity.h"
#include "guards/guard_definition.h"

/* What the caller of guard_table() or guard_against() says of rows, as it has written it. */
typedef struct GuardWords
{
	List	   *keys;
	List	   *periods;
	const char *active;			/* or NULL */
	bool		inclusive;		/* the end of a pair belongs to the period */
} GuardWords;

extern Relation booking_open_target(Oid relid, const char *what);
extern List *booking_text_list(FunctionCallInfo fcinfo, int argument, const char *name);
extern Definition booking_written_definition(Relation rel, const GuardWords *words);
extern bool booking_inclusive(const Definition *definition);
extern void booking_check_index_inclusive(Relation rel, const char *name, const Definition *definition,
										  List *periods);
extern Node *booking_quantity(Relation rel, const char *name);
extern Definition booking_indexed_definition(Relation rel, const char *name, const GuardWords *words, Oid *index_id);
extern CapacityQuery *booking_capacity_query(Relation rel, const Definition *definition, char *text);
extern char *booking_guard_name(Relation rel, const Definition *definition);
extern void booking_check_guard_name(Relation rel, const char *name, bool makes_relation);

#endif							/* BOOKING_GUARD_ARGUMENTS_H */
