/*-------------------------------------------------------------------------
 *
 * guarded.h
 *		What the files about rules on other people's tables share:
 *
 *			guarded.c		which rules does a table have, and how are they looked up
 *			guard_row.c		the triggers: may this row be stored
 *			guard_capacity.c		capacities that a query gives
 *			guard_arguments.c	what guard_table() and guard_against() are asked for
 *			guard_table.c	guard_table(), guard_against()
 *			guard_ddl.c		what DDL on guarded tables needs
 *			guard_existing.c		do the rows that are there already keep the rule
 *			guard_free.c	what is free of a guarded table
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_GUARDED_H
#define BOOKING_GUARDED_H

#include "executor/spi.h"
#include "nodes/execnodes.h"
#include "nodes/pg_list.h"
#include "utils/reltrigger.h"

#include "engine/guard.h"

/* The name of a rule's BEFORE trigger: sorts behind almost everything. */
#define BEFORE_TRIGGER_PREFIX "zzzz_"

/* The third argument of a guard's trigger, as long as nobody has looked at old rows. */
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

/* A row of pg_trigger, as far as we care. */
typedef struct TriggerRow
{
	Oid			oid;
	Oid			relid;
	Oid			parent;			/* the trigger of the partitioned table, or invalid */
	Oid			function;
	Oid			other;			/* the other table of a guard_against() */
	NameData	name;
} TriggerRow;

/* A capacity that a query gives. */
typedef struct CapacityQuery
{
	char	   *text;
	Oid			function;		/* that holds it, unless it is new */
	Oid			result;			/* an integer type, of one that is new */
	SPIPlanPtr	plan;
	Oid			owner;			/* the role that it runs as: the owner of the guarded table */
	List	   *relations;		/* tables that it reads, once it is prepared */
	List	   *names;			/* relations that it names */
} CapacityQuery;

/* What the caller of guard_table() or guard_against() says of rows, in its words. */
typedef struct GuardWords
{
	List	   *keys;
	List	   *periods;
	const char *active;			/* or NULL */
	bool		inclusive;		/* the end of a pair belongs to the period */
} GuardWords;

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
	char	   *key_text[INDEX_MAX_KEYS];	/* for messages */
	ExprState  *period;
	ExprState  *quantity;
	Oid			quantity_type;
	ExprState  *active;

	/* Where the rows are that it has to get along with */
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
} GuardedTable;

/* ---- guarded.c ---- */

extern const GuardedTable *booking_use_guarded(Relation rel);
extern Oid	booking_guard_function(GuardFunction which);
extern bool booking_trigger_row(Oid oid, TriggerRow *row);
extern TriggerRow booking_top_trigger(Oid oid);
extern bool booking_other_side(const TriggerRow *trigger, TriggerRow *other);
extern bool booking_written_by_guard(const Trigger *trigger, Definition *definition);
extern bool booking_definition(const Trigger *trigger, Definition *definition);
extern Oid	booking_find_index(Relation rel, const Definition *definition, Oid only);
extern Definition booking_definition_of_index(Relation index);
extern bool booking_period_of_pair(const Definition *definition);
extern AttrNumber booking_quantity_column(const Definition *definition);
extern char *booking_expression_text(Oid relid, Node *expression, const char *prefix);
extern char *booking_predicate_text(Oid relid, const Definition *definition, const char *prefix);

/* ---- guard_capacity.c ---- */

extern char *booking_capacity_text(Oid function, List **names);
extern CapacityQuery *booking_capacity_of(const Definition *definition, Oid owner);
extern void booking_capacity_prepare(CapacityQuery *query, int nkeys, const Oid *key_types);
extern int64 booking_capacity_ask(CapacityQuery *query, Datum *keys, int nkeys,
								  const Oid *key_types, bool stays);
extern List *booking_capacity_columns(CapacityQuery *query, Oid relid);

/* ---- guard_row.c ---- */

extern int64 booking_integer(Datum value, Oid type);
extern void booking_check_rows(Relation rel);
extern int64 booking_quantity_of_row(TupleTableSlot *slot, bool pending, void *arg);
extern char *booking_key_text(const Rule *rule, const Datum *keys);

/* ---- guard_arguments.c ---- */

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

/* ---- guard_table.c ---- */

extern char *booking_index_text(Oid relid, const Definition *definition);
extern void booking_ddl(const char *format,...) pg_attribute_printf(1, 2);
extern char *booking_part_name(const char *name, const char *suffix);

/* ---- guard_ddl.c ---- */

extern void booking_bind_guard(Oid trigger, bool trusted);
extern void booking_mark_validated(Oid trigger);
extern Oid	booking_bound_index(Oid trigger);

/* ---- guard_existing.c ---- */

extern bool booking_sees_all_rows(Oid relid);
extern char *booking_equality(Oid type);
extern void booking_check_periods(Oid relid, const char *name, const Definition *definition);
extern void booking_check_keys(Oid relid, const char *name, const Definition *definition);
extern void booking_check_existing(const ExistingRows *rows);
extern double booking_rows_about(Oid relid);
extern void booking_check_existing_against(Oid relid, const Definition *definition,
										   Oid other_relid, const Definition *other_definition,
										   const char *name);

/*
 * Several entries of a GiST index have to fit into a page, and an inner one has the lowest and
 * the highest key below it.  With longer keys than this btree_gist splits pages for ever:
 * 24 GB of memory, or a crash, from one INSERT.
 */
#define LONGEST_KEY	512

#endif							/* BOOKING_GUARDED_H */
