/*-------------------------------------------------------------------------
 *
 * guard_definition.h
 *		What a trigger, or an index, says of a rule.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_GUARD_DEFINITION_H
#define BOOKING_GUARD_DEFINITION_H

#include "nodes/pg_list.h"
#include "utils/reltrigger.h"

/* The third argument of a guard's trigger, as long as the old rows have not been looked at. */
#define NOT_VALIDATED "not validated"

/* The functions of ours that stand in pg_trigger or pg_constraint. */
typedef enum GuardFunction
{
	FUNCTION_CHECK_AGAIN,		/* in the WHEN clause */
	FUNCTION_CHECK_CAPACITY,	/* AFTER trigger: a guard */
	FUNCTION_CHECK_AGAINST,		/* AFTER trigger: one side of a guard_against() */
	FUNCTION_MAKE_ROOM,			/* BEFORE trigger of either */
	FUNCTION_CAPACITY_CHANGES,	/* BEFORE trigger of a table that a capacity_query reads */
	GUARD_FUNCTION_COUNT
} GuardFunction;

/*
 * What a rule says about the rows of one relation, in expressions over its columns
 * (variables of relation 1).
 */
typedef struct Definition
{
	List	   *keys;			/* compared for equality */
	Node	   *period;			/* a range */
	Node	   *quantity;		/* an integer column, or the constant 1 */
	List	   *active;			/* conditions that all must hold; NIL: always in force */
	Oid			capacity;		/* the function that holds the capacity_query, or invalid */
} Definition;

/* What we need of a row of pg_trigger. */
typedef struct TriggerRow
{
	Oid			oid;
	Oid			relid;
	Oid			parent;			/* the trigger of the partitioned table, or invalid */
	Oid			function;
	Oid			other;			/* the other table of a guard_against() */
	NameData	name;
} TriggerRow;

extern Oid	booking_guard_function(GuardFunction which);
extern bool booking_trigger_row(Oid oid, TriggerRow *row);
extern TriggerRow booking_top_trigger(Oid oid);
extern bool booking_other_side(const TriggerRow *trigger, TriggerRow *other);
extern bool booking_written_by_guard(const Trigger *trigger, Definition *definition);
extern bool booking_definition(const Trigger *trigger, Definition *definition);
extern int32 booking_capacity_argument(const Trigger *trigger);
extern Oid	booking_find_index(Relation rel, const Definition *definition, Oid only);
extern Definition booking_definition_of_index(Relation index);
extern bool booking_period_of_pair(const Definition *definition);
extern AttrNumber booking_quantity_column(const Definition *definition);
extern Node *booking_normal_form(Node *expression);

#endif							/* BOOKING_GUARD_DEFINITION_H */
