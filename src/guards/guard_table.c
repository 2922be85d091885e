/*-------------------------------------------------------------------------
 *
 * guard_table.c
 *		guard_table() and guard_against(): rules for tables that users have already.
 *
 * Both take a lock that keeps writers out, read their arguments (guard_arguments.c), look at
 * the rows that are there (guard_existing.c), and then issue ordinary DDL, as the caller: an
 * index and triggers, which guarded.c explains.  The lock is held to the end of the transaction,
 * as DDL holds its own: the next writer is judged.  Readers do not wait for it.
 *
 * With a capacity of 1 an exclusion constraint alone would do, except for deadlocks: two
 * transactions that insert at once each find the other's row after their own is in place.
 * Behind the guard the constraint never has to wait.  An owner that wants one in addition, since
 * no setting switches it off, gets it: its index is the guard's.
 *
 * Dependencies keep the parts together (guard_ddl.c).  PostgreSQL itself keeps the columns that
 * a guard needs from being dropped: the trigger refers to them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_utilcmd.h"
#include "storage/lmgr.h"
#include "tcop/tcopprot.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/identity.h"
#include "guards/guard_arguments.h"
#include "guards/guard_capacity.h"
#include "guards/guard_citus.h"
#include "guards/guard_ddl.h"
#include "guards/guard_definition.h"
#include "guards/guard_existing.h"
#include "guards/guard_text.h"

PG_FUNCTION_INFO_V1(booking_guard_table);
PG_FUNCTION_INFO_V1(booking_guard_against);
PG_FUNCTION_INFO_V1(booking_validate_guard);

/* A table that DDL is about: it must not be open while DDL runs. */
typedef struct Target
{
	Oid			relid;
	char	   *text;			/* its name in SQL */
	Oid			namespace_id;
} Target;

/* The triggers of a guard, beyond what its definition says. */
typedef struct TriggerMaking
{
	const char *kind;			/* check_capacity, check_against */
	const char *from;			/* FROM the other table, or NULL */
	const char *arguments;
} TriggerMaking;

/* What guard_table() has to do, as it becomes known. */
typedef struct GuardOrder
{
	GuardWords	words;
	int32		capacity;
	bool		check_existing;
	bool		with_constraint;
	const char *using_index;	/* or NULL */
	const char *quantity;
	const char *capacity_query;
	char	   *name;

	Target		table;
	Definition	definition;
	CapacityQuery *query;		/* or NULL */
	Oid			index_id;
	Oid			existing_index;
} GuardOrder;

/* One table of a guard_against(). */
typedef struct Side
{
	const char *kind;			/* guarded or blocker */
	Target		table;
	Definition	definition;
	Oid			index_id;		/* invalid: to be made */
	Oid			trigger;
} Side;

/* From so many rows on, to make a guard takes many seconds. */
#define MANY_ROWS	100000

static void read_guard_order(FunctionCallInfo fcinfo, GuardOrder *order);
static char *text_argument(FunctionCallInfo fcinfo, int n);
static void define_guard(Relation rel, GuardOrder *order);
static void check_rows_of(const GuardOrder *order);
static void build_guard(GuardOrder *order);
static void build_side(Side *side, const Side *other, const char *name);
static void warn_if_long(Relation rel, const GuardOrder *order);
static void check_pair(Relation rel, Relation blocker);
static Definition definition_of_guard(Relation rel, const char *name);
static void check_comparable(Relation rel, const char *guard, Definition *definition,
							 Relation blocker, const Definition *blocking);
static void lock_target(Oid relid, LOCKMODE mode);
static Target close_target(Relation rel);
static Oid	make_constraint(const Target *target, const char *name, const Definition *definition);
static void check_constraint_possible(FunctionCallInfo fcinfo, int32 capacity, bool check_existing);
static Oid	make_index(const Target *target, const char *name, const Definition *definition);
static Oid	make_triggers(const Target *target, const char *name, const Definition *definition,
						  const TriggerMaking *making);
static Oid	make_capacity_function(const Target *target, const char *name, const Definition *definition,
								   CapacityQuery *query);
static Oid	function_named(const char *name, Oid namespace_id);
static void make_capacity_triggers(const char *name, CapacityQuery *query);
static void check_found(Oid relid, Oid trigger);
static bool bounds_argument(const char *bounds);
static void validate_against(Relation rel, const Trigger *trigger, const Definition *definition);

/*
 * guard_table(target, resource, period, capacity, quantity, active, capacity_query,
 *			   using_index, name, check_existing, bounds, with_constraint)
 */
Datum
booking_guard_table(PG_FUNCTION_ARGS)
{
	GuardOrder	order = {0};
	Relation	rel;
	int			citus;

	booking_must_write(fcinfo);
	read_guard_order(fcinfo, &order);
	rel = booking_open_target(PG_GETARG_OID(0), "guard_table");
	warn_if_long(rel, &order);
	lock_target(RelationGetRelid(rel), ShareRowExclusiveLock);
	define_guard(rel, &order);
	citus = booking_citus_begin(rel, order.name, &order.definition, order.with_constraint ? "with_constraint" : NULL,
								"The guard itself keeps the rule: leave with_constraint out.");
	if (order.query)
		booking_citus_check_beside(rel, order.query->relations);
	order.table = close_target(rel);
	booking_citus_lock(order.table.text, citus);

	/* A change of a capacity waits for us from now on, and we for one that is in progress. */
	if (order.query)
	{
		make_capacity_triggers(order.name, order.query);
		order.definition.capacity = make_capacity_function(&order.table, order.name, &order.definition, order.query);
	}
	if (order.check_existing)
		check_rows_of(&order);
	build_guard(&order);
	booking_citus_done(citus);
	PG_RETURN_TEXT_P(cstring_to_text(order.name));
}

/* The arguments that can be judged without a look at the table. */
static void
read_guard_order(FunctionCallInfo fcinfo, GuardOrder *order)
{
	static const struct
	{
		int			n;
		const char *name;
	}			required[] = {
		{0, "target"}, {1, "resource"}, {2, "period"}, {3, "capacity"}, {9, "check_existing"},
		{10, "bounds"}, {11, "with_constraint"}
	};

	for (int i = 0; i < (int) lengthof(required); i++)
		if (PG_ARGISNULL(required[i].n))
			booking_null_argument(required[i].name);
	order->words.keys = booking_text_list(fcinfo, 1, "resource");
	order->words.periods = booking_text_list(fcinfo, 2, "period");
	order->capacity = PG_GETARG_INT32(3);
	order->quantity = text_argument(fcinfo, 4);
	order->words.active = text_argument(fcinfo, 5);
	order->capacity_query = text_argument(fcinfo, 6);
	order->using_index = text_argument(fcinfo, 7);
	order->name = text_argument(fcinfo, 8);
	order->check_existing = PG_GETARG_BOOL(9);
	order->words.inclusive = bounds_argument(text_argument(fcinfo, 10));
	order->with_constraint = PG_GETARG_BOOL(11);

	if (order->capacity < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("capacity must be 1 or more"),
				 errdetail("It is %d.", order->capacity)));
	if (order->capacity_query && order->capacity != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("capacity and capacity_query exclude each other"),
				 errhint("Leave the capacity out, or put it into the query.")));
	if (list_length(order->words.keys) >= INDEX_MAX_KEYS)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_COLUMNS),
				 errmsg("resource must have fewer than %d columns", INDEX_MAX_KEYS)));
	if (order->with_constraint)
		check_constraint_possible(fcinfo, order->capacity, order->check_existing);
}

static char *
text_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

/* What the arguments mean for this table, and the index that finds its rows, if there is one. */
static void
define_guard(Relation rel, GuardOrder *order)
{
	if (order->using_index == NULL)
		order->definition = booking_written_definition(rel, &order->words);
	else
		order->definition = booking_indexed_definition(rel, order->using_index, &order->words, &order->index_id);
	if (order->words.inclusive && order->using_index)
		booking_check_index_inclusive(rel, order->using_index, &order->definition, order->words.periods);
	if (order->quantity)
		order->definition.quantity = booking_quantity(rel, order->quantity);
	if (order->capacity_query)
		order->query = booking_capacity_query(rel, &order->definition, pstrdup(order->capacity_query));
	if (order->name == NULL)
		order->name = booking_guard_name(rel, &order->definition);
	booking_check_guard_name(rel, order->name, order->using_index == NULL);
	order->existing_index = booking_find_index(rel, &order->definition, InvalidOid);
}

static void
check_rows_of(const GuardOrder *order)
{
	ExistingRows rows = {order->table.relid, order->name, &order->definition, order->capacity, order->query, true};

	if (booking_period_of_pair(&order->definition))
		booking_check_periods(order->table.relid, order->name, &order->definition);
	booking_check_existing(&rows);
}

/* The index, unless there is one, and the triggers. */
static void
build_guard(GuardOrder *order)
{
	TriggerMaking making = {.kind = "check_capacity"};
	bool		own_index;
	Oid			guard;

	if (!OidIsValid(order->index_id) && !order->with_constraint)
		order->index_id = order->existing_index;
	own_index = !OidIsValid(order->index_id);
	if (own_index)
		booking_check_keys(order->table.relid, order->name, &order->definition);
	if (order->with_constraint)
		order->index_id = make_constraint(&order->table, order->name, &order->definition);
	else if (own_index)
		order->index_id = make_index(&order->table, order->name, &order->definition);
	making.arguments = psprintf("'%s', '%s'%s", order->query ? "query" : psprintf("%d", order->capacity),
								own_index ? "own index" : "given index",
								order->check_existing ? "" : ", '" NOT_VALIDATED "'");
	guard = make_triggers(&order->table, order->name, &order->definition, &making);
	check_found(order->table.relid, guard);
	booking_bind_guard(guard, true);
}

/*
 * Building the index and looking at the rows keeps writers out.  Where that takes long, a caller
 * that has not chosen the other way is told that there is one.
 */
static void
warn_if_long(Relation rel, const GuardOrder *order)
{
	double		rows = booking_rows_about(RelationGetRelid(rel));

	if (rows < MANY_ROWS || (!order->check_existing && order->using_index))
		return;
	ereport(WARNING,
			(errmsg("table \"%s\" has about %.0f rows: no other transaction can write to it until the guard is there and this transaction has ended",
					RelationGetRelationName(rel), rows),
			 errhint("To keep writers going, CREATE INDEX CONCURRENTLY first, then call guard_table() with using_index and check_existing => false, and validate_guard() after its commit.")));
}

/* A constraint says "never two", of all rows, and brings an index. */
static void
check_constraint_possible(FunctionCallInfo fcinfo, int32 capacity, bool check_existing)
{
	const char *fault = NULL;

	if (capacity != 1)
		fault = psprintf("The capacity is %d; a constraint is for 1.", capacity);
	else if (!PG_ARGISNULL(4))
		fault = "A constraint does not know about quantities.";
	else if (!PG_ARGISNULL(6))
		fault = "A constraint is for capacity 1, and the capacity is a query.";
	else if (!PG_ARGISNULL(7))
		fault = "A constraint brings its own index, and using_index names another.";
	else if (!check_existing)
		fault = "A constraint holds for the rows that are there, and check_existing is false.";
	if (fault)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("with_constraint is not possible here"),
				 errdetail_internal("%s", fault),
				 errhint("Leave with_constraint out: the guard by itself holds for every writer.")));
}

/*
 * guard_against(target, guard, blocker, resource, period, active)
 */
Datum
booking_guard_against(PG_FUNCTION_ARGS)
{
	static const char *const arguments[] = {"target", "guard", "blocker"};
	GuardWords	words = {0};
	char	   *guard_name;
	Relation	rel;
	Relation	blocker;
	Side		guarded = {.kind = "guarded"};
	Side		blocking = {.kind = "blocker"};
	char	   *name;

	booking_must_write(fcinfo);
	for (int i = 0; i < 3; i++)
		if (PG_ARGISNULL(i))
			booking_null_argument(arguments[i]);
	guard_name = text_argument(fcinfo, 1);
	words.keys = booking_text_list(fcinfo, 3, "resource");
	words.periods = booking_text_list(fcinfo, 4, "period");
	words.active = text_argument(fcinfo, 5);

	rel = booking_open_target(PG_GETARG_OID(0), "guard_against");
	blocker = booking_open_target(PG_GETARG_OID(2), "guard_against");
	check_pair(rel, blocker);

	/* In one order, whichever is the guarded one. */
	lock_target(Min(RelationGetRelid(rel), RelationGetRelid(blocker)), ShareRowExclusiveLock);
	lock_target(Max(RelationGetRelid(rel), RelationGetRelid(blocker)), ShareRowExclusiveLock);

	/* What their rows take does not matter: any of them is in the way of all. */
	guarded.definition = definition_of_guard(rel, guard_name);
	words.inclusive = list_length(words.periods) == 2 && booking_inclusive(&guarded.definition);
	blocking.definition = booking_written_definition(blocker, &words);
	guarded.definition.quantity = blocking.definition.quantity;
	guarded.definition.capacity = InvalidOid;
	check_comparable(rel, guard_name, &guarded.definition, blocker, &blocking.definition);

	name = ChooseRelationName(RelationGetRelationName(rel), RelationGetRelationName(blocker), "guard",
							  RelationGetNamespace(blocker), true);
	booking_check_guard_name(rel, name, false);
	booking_check_guard_name(blocker, name, true);
	guarded.index_id = booking_find_index(rel, &guarded.definition, InvalidOid);
	blocking.index_id = booking_find_index(blocker, &blocking.definition, InvalidOid);

	guarded.table = close_target(rel);
	blocking.table = close_target(blocker);
	booking_check_existing_against(guarded.table.relid, &guarded.definition, blocking.table.relid, &blocking.definition, name);
	build_side(&blocking, &guarded, name);
	build_side(&guarded, &blocking, name);
	check_found(guarded.table.relid, guarded.trigger);
	check_found(blocking.table.relid, blocking.trigger);
	booking_bind_guard(guarded.trigger, true);
	booking_bind_guard(blocking.trigger, true);
	PG_RETURN_TEXT_P(cstring_to_text(name));
}

/* Two tables, neither of which Citus distributes. */
static void
check_pair(Relation rel, Relation blocker)
{
	const char *instead = "Store both kinds of rows in one table: one that is to have all to itself takes all of the capacity.";

	if (RelationGetRelid(rel) == RelationGetRelid(blocker))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a table cannot be guarded against itself"),
				 errhint("One guard over all its rows does that; a row that is to have all to itself takes all of the capacity.")));

	(void) booking_citus_begin(rel, NULL, NULL, "guard_against()", instead);
	(void) booking_citus_begin(blocker, NULL, NULL, "guard_against()", instead);
}

/*
 * The index and the triggers of one side.  The guarded one has an index already, its guard's,
 * unless this guard compares fewer columns.
 */
static void
build_side(Side *side, const Side *other, const char *name)
{
	TriggerMaking making = {"check_against", psprintf("FROM %s", other->table.text), NULL};
	bool		own_index = !OidIsValid(side->index_id);

	if (own_index)
	{
		const char *index_name = name;

		if (OidIsValid(get_relname_relid(name, side->table.namespace_id)))
			index_name = ChooseRelationName(name, NULL, "key", side->table.namespace_id, true);
		booking_check_keys(side->table.relid, name, &side->definition);
		side->index_id = make_index(&side->table, index_name, &side->definition);
	}
	making.arguments = psprintf("'%s', '%s'", side->kind, own_index ? "own index" : "given index");
	side->trigger = make_triggers(&side->table, name, &side->definition, &making);
}

/*
 * What the guard of that name says, be it a trigger or an exclusion constraint.  Its triggers
 * are copied here and below: those of the relcache go away when the relation is read anew,
 * which may happen at every look into a catalog, whatever lock is held.
 */
static Definition
definition_of_guard(Relation rel, const char *name)
{
	TriggerDesc *triggers = CopyTriggerDesc(rel->trigdesc);
	Definition	definition = {0};
	bool		found = false;

	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (strcmp(trigger->tgname, name) == 0 &&
			trigger->tgfoid == booking_guard_function(FUNCTION_CHECK_CAPACITY) &&
			booking_definition(trigger, &definition))
			found = OidIsValid(booking_find_index(rel, &definition, InvalidOid));
	}
	if (!found)
	{
		Oid			constraint = get_relname_relid(name, RelationGetNamespace(rel));
		Relation	index;

		if (!OidIsValid(constraint) || !list_member_oid(RelationGetIndexList(rel), constraint))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("table \"%s\" has no guard \"%s\"", RelationGetRelationName(rel), name),
					 errhint("booking.guarded_table lists the guards; guard_table() makes one.")));
		index = index_open(constraint, AccessShareLock);
		if (!index->rd_index->indisexclusion || index->rd_rel->relam != GIST_AM_OID ||
			get_typtype(getBaseType(TupleDescAttr(RelationGetDescr(index), RelationGetDescr(index)->natts - 1)->atttypid)) != TYPTYPE_RANGE)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("\"%s\" of table \"%s\" is not a guard", name, RelationGetRelationName(rel))));
		definition = booking_definition_of_index(index);
		index_close(index, NoLock);
	}
	return definition;
}

/* Can rows of the blocking table be in the way of the guard's? */
static void
check_comparable(Relation rel, const char *guard, Definition *definition,
				 Relation blocker, const Definition *blocking)
{
	ListCell   *a,
			   *b;

	if (list_length(blocking->keys) > list_length(definition->keys))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("resource must not have more columns than the guard has"),
				 errdetail("It has %d, guard \"%s\" has %d.", list_length(blocking->keys), guard,
						   list_length(definition->keys))));

	/* With fewer, one row blocks whatever has the same first columns. */
	definition->keys = list_truncate(list_copy(definition->keys), list_length(blocking->keys));
	forboth(a, lappend(list_copy(definition->keys), definition->period),
			b, lappend(list_copy(blocking->keys), blocking->period))
	{
		Oid			ours = getBaseType(exprType(lfirst(a)));
		Oid			theirs = getBaseType(exprType(lfirst(b)));

		if (ours != theirs || exprCollation(lfirst(a)) != exprCollation(lfirst(b)))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("%s of table \"%s\" and %s of table \"%s\" cannot be compared",
							booking_expression_text(RelationGetRelid(rel), lfirst(a), NULL), RelationGetRelationName(rel),
							booking_expression_text(RelationGetRelid(blocker), lfirst(b), NULL), RelationGetRelationName(blocker)),
					 errdetail("Their types are %s and %s; they must be the same, and so must their collations.",
							   format_type_be(exprType(lfirst(a))), format_type_be(exprType(lfirst(b))))));
	}
}

/* ---- the tables ---- */

/* Keep writers out of a table and of its partitions. */
static void
lock_target(Oid relid, LOCKMODE mode)
{
	ListCell   *cell;
	List	   *all;

	LockRelationOid(relid, mode);
	if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
		return;
	all = find_all_inheritors(relid, mode, NULL);
	foreach(cell, all)
	{
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_FOREIGN_TABLE)
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("cannot guard \"%s\"", get_rel_name(relid)),
					 errdetail("Its partition \"%s\" is a foreign table.", get_rel_name(lfirst_oid(cell)))));
	}
}

static Target
close_target(Relation rel)
{
	Target		target;

	target.relid = RelationGetRelid(rel);
	target.namespace_id = RelationGetNamespace(rel);
	target.text = quote_qualified_identifier(get_namespace_name(target.namespace_id),
											 RelationGetRelationName(rel));
	relation_close(rel, NoLock);
	return target;
}

/*
 * ALTER TABLE ... ADD CONSTRAINT ... EXCLUDE, but under the lock that we have: ALTER TABLE
 * would lock readers out while it builds the index.  PostgreSQL's own reason is that it has
 * not been worked out how others might change catalogs meanwhile; our lock keeps out what
 * would.
 */
static Oid
make_constraint(const Target *target, const char *name, const Definition *definition)
{
	char	   *sql = psprintf("ALTER TABLE %s ADD CONSTRAINT %s EXCLUDE USING gist (%s)%s", target->text,
							   quote_identifier(name), booking_index_columns_text(target->relid, definition, true),
							   booking_where_text(target->relid, definition));
	RawStmt    *raw = linitial_node(RawStmt, pg_parse_query(sql));
	List	   *before = NIL;
	List	   *after = NIL;
	AlterTableStmt *statement = transformAlterTableStmt(target->relid, castNode(AlterTableStmt, raw->stmt),
														sql, &before, &after);
	Relation	rel = relation_open(target->relid, NoLock);
	ListCell   *cell;

	CheckTableNotInUse(rel, "guard_table");
	relation_close(rel, NoLock);
	foreach(cell, statement->cmds)
	{
		AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

		if (command->subtype == AT_AddIndex)
			define_constraint_compat(target->relid, castNode(IndexStmt, command->def));
	}
	CommandCounterIncrement();
	return get_relname_relid(name, target->namespace_id);
}

static Oid
make_index(const Target *target, const char *name, const Definition *definition)
{
	booking_ddl("CREATE INDEX %s ON %s USING gist (%s)%s", quote_identifier(name), target->text,
		booking_index_columns_text(target->relid, definition, false), booking_where_text(target->relid, definition));
	return get_relname_relid(name, target->namespace_id);
}

/* The two triggers of a rule; returns the one that is the rule. */
static Oid
make_triggers(const Target *target, const char *name, const Definition *definition, const TriggerMaking *making)
{
	char	   *before = booking_part_name(name, "");

	booking_ddl("CREATE %sTRIGGER %s AFTER INSERT OR UPDATE ON %s %s FOR EACH ROW WHEN (booking.check_again(%s)) EXECUTE FUNCTION booking.%s(%s)",
		making->from ? "CONSTRAINT " : "", quote_identifier(name), target->text, making->from ? making->from : "",
		booking_when_text(target->relid, definition), making->kind, making->arguments);
	booking_ddl("CREATE TRIGGER %s BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION booking.make_room()",
		quote_identifier(before), target->text);
	return get_trigger_oid(target->relid, name, false);
}

/*
 * The function that holds a capacity_query, made as the owner of the table, which it runs as
 * from now on.
 */
static Oid
make_capacity_function(const Target *target, const char *name, const Definition *definition, CapacityQuery *query)
{
	StringInfoData types;
	ListCell   *cell;
	char	   *function = NULL;
	Oid			user;
	int			context;

	for (int i = 0; function == NULL || function_named(function, target->namespace_id); i++)
		function = makeObjectName(name, NULL, i == 0 ? "capacity" : psprintf("capacity%d", i));
	initStringInfo(&types);
	foreach(cell, definition->keys)
		appendStringInfo(&types, "%s%s", types.len > 0 ? ", " : "", format_type_be_qualified(exprType(lfirst(cell))));

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(query->owner, context | SECURITY_LOCAL_USERID_CHANGE);
	booking_ddl("CREATE FUNCTION %s(%s) RETURNS %s LANGUAGE sql STABLE BEGIN ATOMIC %s; END",
		quote_qualified_identifier(get_namespace_name(target->namespace_id), function), types.data,
		format_type_be_qualified(query->result), query->text);
	SetUserIdAndSecContext(user, context);
	return function_named(function, target->namespace_id);
}

/* Some function of that name, or invalid. */
static Oid
function_named(const char *name, Oid namespace_id)
{
	CatCList   *list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	Oid			found = InvalidOid;

	for (int i = 0; i < list->n_members; i++)
	{
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(&list->members[i]->tuple);

		if (form->pronamespace == namespace_id)
			found = form->oid;
	}
	ReleaseSysCacheList(list);
	return found;
}

/* On the columns that a capacity_query reads, of each table. */
static void
make_capacity_triggers(const char *name, CapacityQuery *query)
{
	ListCell   *table;

	foreach(table, query->relations)
	{
		Oid			relid = lfirst_oid(table);
		List	   *columns = booking_capacity_columns(query, relid);
		StringInfoData of;
		ListCell   *cell;

		initStringInfo(&of);
		foreach(cell, columns)
			appendStringInfo(&of, "%s%s", of.len > 0 ? ", " : " OF ", quote_identifier(lfirst(cell)));
		booking_ddl("CREATE TRIGGER %s BEFORE INSERT OR DELETE OR UPDATE%s ON %s FOR EACH ROW EXECUTE FUNCTION booking.capacity_changes()",
			quote_identifier(booking_part_name(name, "_capacity")), of.data,
			quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid)));
	}
}

/* The rule that was just made can be read back, and its index is found. */
static void
check_found(Oid relid, Oid trigger)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	TriggerDesc *triggers = CopyTriggerDesc(rel->trigdesc);
	bool		found = false;

	for (int i = 0; triggers && i < triggers->numtriggers && !found; i++)
	{
		Definition	definition;

		found = triggers->triggers[i].tgoid == trigger &&
			booking_definition(&triggers->triggers[i], &definition) &&
			OidIsValid(booking_find_index(rel, &definition, InvalidOid));
	}
	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" cannot be guarded by these expressions", RelationGetRelationName(rel)),
				 errhint("Put them into generated columns, and guard these.")));
	relation_close(rel, NoLock);
}

/* ---- what the views and functions in SQL ask ---- */

/* Does the end of a pair belong to its period? */
static bool
bounds_argument(const char *bounds)
{
	if (strcmp(bounds, "[)") != 0 && strcmp(bounds, "[]") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("bounds must be '[)' or '[]'"),
				 errdetail("They are '%s'.", bounds),
				 errhint("'[)' leaves the end out, '[]' includes it; any other range goes into an index, passed as using_index.")));
	return bounds[1] == ']';
}

/*
 * validate_guard(target, name): do the rows keep the rule now?  Writers are not locked out: what
 * is committed is looked at, and what this transaction has done, on the latest snapshot at every
 * isolation level.  A transaction that has changed what a capacity_query reads holds the
 * CAPACITY lock, so that nothing it does not see can be added before it commits.
 */
Datum
booking_validate_guard(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Relation	rel = booking_open_target(PG_GETARG_OID(0), "validate_guard");
	Oid			relid = RelationGetRelid(rel);
	TriggerDesc *triggers = CopyTriggerDesc(rel->trigdesc);
	const Trigger *trigger = NULL;
	Definition	definition;
	ExistingRows rows = {relid, name, &definition, 0, NULL, false};

	for (int i = 0; triggers && i < triggers->numtriggers; i++)
		if (strcmp(triggers->triggers[i].tgname, name) == 0)
			trigger = &triggers->triggers[i];
	if (trigger == NULL || trigger->tgnargs < 1 ||
		(trigger->tgfoid != booking_guard_function(FUNCTION_CHECK_CAPACITY) &&
		 trigger->tgfoid != booking_guard_function(FUNCTION_CHECK_AGAINST)) ||
		!booking_definition(trigger, &definition))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("table \"%s\" has no guard \"%s\"", RelationGetRelationName(rel), name),
				 errhint("booking.guarded_table lists the guards; guard_table() makes one.")));

	if (trigger->tgfoid == booking_guard_function(FUNCTION_CHECK_AGAINST))
		validate_against(rel, trigger, &definition);
	else if (OidIsValid(definition.capacity))
	{
		CapacityQuery *query = booking_capacity_of(&definition, booking_relation_owner(booking_top_trigger(trigger->tgoid).relid), relid);

		rows.query = query;
		booking_check_existing(&rows);
		if (query->plan)
			SPI_freeplan(query->plan);
	}
	else
	{
		rows.capacity = booking_capacity_argument(trigger);
		booking_check_existing(&rows);
	}
	/* A partition's rows are not all of them. */
	if (trigger->tgnargs == 3 && booking_top_trigger(trigger->tgoid).oid == trigger->tgoid)
	{
		LockRelationOid(relid, ShareUpdateExclusiveLock);
		booking_mark_validated(trigger->tgoid);
	}
	relation_close(rel, NoLock);
	PG_RETURN_VOID();
}

/* Either side may be named. */
static void
validate_against(Relation rel, const Trigger *trigger, const Definition *definition)
{
	TriggerRow	mine = booking_top_trigger(trigger->tgoid);
	TriggerRow	theirs;
	Relation	other;
	TriggerDesc *triggers;
	Definition	other_definition;
	bool		blocker = strcmp(trigger->tgargs[0], "blocker") == 0;
	bool		found = false;

	if (booking_other_side(&mine, &theirs))
	{
		other = relation_open(theirs.relid, AccessShareLock);
		triggers = CopyTriggerDesc(other->trigdesc);
		for (int i = 0; triggers && i < triggers->numtriggers && !found; i++)
			found = triggers->triggers[i].tgoid == theirs.oid &&
				booking_definition(&triggers->triggers[i], &other_definition);
		relation_close(other, NoLock);
	}
	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("guard \"%s\" of table \"%s\" has lost its other half", trigger->tgname,
						RelationGetRelationName(rel))));
	if (blocker)
		booking_check_existing_against(theirs.relid, &other_definition, RelationGetRelid(rel), definition, trigger->tgname);
	else
		booking_check_existing_against(RelationGetRelid(rel), definition, theirs.relid, &other_definition, trigger->tgname);
}
