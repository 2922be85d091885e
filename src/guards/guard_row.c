/*-------------------------------------------------------------------------
 *
 * guard_row.c
 *		The triggers of a guarded table: may this row be stored?
 *
 * The engine is claim.c; here are the three moments in the life of a row when it is used.
 *
 *	make_room()		BEFORE ROW, sorted behind the triggers of others.  Judges the row by all
 *					rules of the table at once, and enters their gates.  Each rule brings a
 *					trigger; the last one of them does the work for all.
 *	check_again()	in the WHEN clause of the AFTER trigger, which the executor evaluates
 *					when the row is in all its indexes: leaves the gates.  Says whether the
 *					row that was stored may be another than the one that was judged.
 *	check_capacity(), check_against()
 *					AFTER ROW, if so: judge the stored row.
 *
 * So the gate is held for as long as it takes to store one row, a bulk load queues
 * nothing for its AFTER triggers, and foreign-key checks, which may wait for others, come
 * when the gate has been left.
 *
 * The stored row may be another than the judged one when a BEFORE trigger sorts behind
 * ours.  It is judged a second time then, inside its gate, with the row in place.  Two of
 * these may wait for each other, as with PostgreSQL's own exclusion constraints; never
 * more than the capacity is accepted.
 *
 * An INSERT that is refused is not always going to be stored: with ON CONFLICT, the
 * existing row that it conflicts with may be the very one that takes the space.  If the row
 * conflicts with a unique index or an exclusion constraint, the decision is left to PostgreSQL;
 * should the row be stored nevertheless, it is judged again.
 *
 * What waits inside a gate: an INSERT whose unique key another transaction has inserted
 * and not committed, because PostgreSQL looks at unique indexes at the same time as at
 * all others.  It holds the gate until that transaction ends.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/distributed.h"
#include "base/errors.h"
#include "base/gates.h"
#include "base/identity.h"
#include "base/period.h"
#include "base/trigger.h"
#include "engine/claim.h"
#include "engine/guard.h"
#include "guards/guard_capacity.h"
#include "guards/guard_definition.h"
#include "guards/guard_key.h"
#include "guards/guard_row.h"
#include "guards/guarded.h"

PG_FUNCTION_INFO_V1(booking_make_room_row);
PG_FUNCTION_INFO_V1(booking_check_again);
PG_FUNCTION_INFO_V1(booking_check_row);

/* What only this file knows of a request for room. */
typedef struct GuardedRow
{
	Relation	rel;
	bool		may_change;		/* another trigger comes after ours */
	TupleTableSlot *may_conflict;	/* a new row, which may not be stored at all; or NULL */
} GuardedRow;

/* A row that is being written. */
typedef struct Versions
{
	TupleTableSlot *new;
	TupleTableSlot *old;		/* or NULL */
	ItemPointer self;			/* where the old one stands, or NULL */
} Versions;

/* A row, as one rule sees it. */
typedef struct Seen
{
	bool		counts;			/* in force, with a key and a period */
	bool		empty;			/* in force, with a key, and with a period that holds nothing */
	Datum		key[INDEX_MAX_KEYS];
	Size		key_size;		/* in force: of what can be long in the key; it is in the index whether it counts or not */
	RangeType  *period;
	int64		quantity;
} Seen;

/* The row that was judged last, until its AFTER triggers have asked about it. */
static struct
{
	CommandId	command;
	SubTransactionId subxact;
	int			rules;			/* whose WHEN clauses are still to be evaluated */
	bool		again;
} judged;

static bool runs(char enabled);
static bool is_last(const TriggerData *trigger, bool *followed);
static void check_stored(Relation rel, const GuardedTable *table, const Rule *rule,
						 TupleTableSlot *slot, ItemPointerData tid);
static Seen look_at_guard(const GuardedTable *table, const Rule *rule, TupleTableSlot *slot, Relation rel,
						  bool stored);
static Seen evaluate_guard(const GuardedTable *table, const Rule *rule, TupleTableSlot *slot, Relation rel,
						   bool stored);
static bool claim_row(const GuardedTable *table, const Rule *rule, Relation rel,
					  const Versions *versions, Claim *claim);
static bool covered(const Rule *rule, const Seen *new, const Seen *old);
static GateWanted gate_of(const Rule *rule, const Seen *row);
static int64 capacity_for(const Rule *rule, Seen *row);
static void claim_for(const Rule *rule, const Seen *row, Relation rel, ItemPointer self, Claim *claim);
static int64 integer_value(Datum value, Oid type);
static bool refuse_guarded(RoomRequest *request);
static bool conflicts(const RoomRequest *request);
static bool is_index_of(const RoomRequest *request, Oid index_id);
pg_noreturn static void refuse_empty(Relation rel, const Rule *rule);
static char *text_of_key(const Rule *rule, const Datum *keys);
static void refuse_long_key(Relation rel, const Rule *rule, const Seen *row);
pg_noreturn static void refuse_guarded_row(Relation rel, const Claim *claim, const GuardVerdict *verdict);

static const RoomHooks guarded_hooks = {.refuse = refuse_guarded};

/* Does a trigger run in this session? */
static bool
runs(char enabled)
{
	return enabled == TRIGGER_FIRES_ALWAYS ||
		enabled == (SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA ?
					TRIGGER_FIRES_ON_REPLICA : TRIGGER_FIRES_ON_ORIGIN);
}

/*
 * Is this the last of the table's make_room() triggers for this event, and does a trigger of
 * others follow, which may change the row?
 */
static bool
is_last(const TriggerData *trigger, bool *followed)
{
	const TriggerDesc *all = trigger->tg_relation->trigdesc;
	bool		insert = TRIGGER_FIRED_BY_INSERT(trigger->tg_event);
	bool		behind = false;

	*followed = false;
	for (int i = 0; all && i < all->numtriggers; i++)
	{
		const Trigger *other = &all->triggers[i];

		if (!TRIGGER_TYPE_MATCHES(other->tgtype, TRIGGER_TYPE_ROW, TRIGGER_TYPE_BEFORE,
								  insert ? TRIGGER_TYPE_INSERT : TRIGGER_TYPE_UPDATE) ||
			!runs(other->tgenabled))
			continue;
		if (other->tgoid == trigger->tg_trigger->tgoid)
			behind = true;
		else if (behind && other->tgfoid == trigger->tg_trigger->tgfoid)
			return false;
		else if (behind)
			*followed = true;
	}
	return true;
}

/* BEFORE INSERT OR UPDATE, for each row. */
Datum
booking_make_room_row(PG_FUNCTION_ARGS)
{
	static TriggerUse use = {
		.timing = TRIGGER_TYPE_BEFORE, .levels = LEVEL_ROW,
		.events = ON_INSERT | ON_UPDATE
	};
	TriggerData *trigger = booking_check_trigger(fcinfo, &use);
	Relation	rel;
	const GuardedTable *table;
	Versions	versions = {.new = trigger->tg_trigslot};
	HeapTuple	tuple;
	Claim	   *claims;
	int			nclaims = 0;
	bool		followed;
	bool		room = true;

	rel = trigger->tg_relation;
	tuple = trigger->tg_trigtuple;
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
	{
		tuple = trigger->tg_newtuple;
		versions.new = trigger->tg_newslot;
		versions.old = trigger->tg_trigslot;
		versions.self = &trigger->tg_trigtuple->t_self;
	}
	if (!is_last(trigger, &followed))
		return PointerGetDatum(tuple);

	booking_gates_leave_with_row();
	table = booking_use_guarded(rel);
	ResetExprContext(table->econtext);
	judged.command = GetActiveSnapshot()->curcid;
	judged.subxact = GetCurrentSubTransactionId();
	judged.rules = 0;
	judged.again = followed;

	claims = palloc0_array(Claim, table->nrules + 1);
	for (int i = 0; i < table->nrules; i++)
		if (runs(table->rules[i].enabled))
		{
			judged.rules++;
			if (claim_row(table, &table->rules[i], rel, &versions, &claims[nclaims]))
				nclaims++;
		}

	if (nclaims > 0)
	{
		GuardedRow	row = {rel, followed, versions.old ? NULL : versions.new};
		RoomRequest request = {.hooks = &guarded_hooks, .arg = &row, .claims = claims, .nclaims = nclaims};

		room = booking_room_get(&request);
	}
	judged.again |= !room;
	return PointerGetDatum(tuple);
}

/* What a row claims under one rule; false when it claims nothing. */
static bool
claim_row(const GuardedTable *table, const Rule *rule, Relation rel, const Versions *versions,
		  Claim *claim)
{
	Seen		new = look_at_guard(table, rule, versions->new, rel, false);

	if (new.empty && rule->pair &&
		!(versions->old && look_at_guard(table, rule, versions->old, rel, true).empty))
		refuse_empty(rel, rule);
	refuse_long_key(rel, rule, &new);
	if (!new.counts)
		return false;

	claim_for(rule, &new, rel, versions->self, claim);
	if (versions->old)
	{
		Seen		old = look_at_guard(table, rule, versions->old, rel, true);

		claim->judge = !covered(rule, &new, &old);
	}
	if (claim->judge)
		claim->capacity = capacity_for(rule, &new);
	return true;
}

/*
 * check_again(key, ..., period, quantity, active): the row is in its indexes.  Does it have
 * to be judged again?
 */
Datum
booking_check_again(PG_FUNCTION_ARGS)
{
	booking_gates_leave();

	if (judged.rules > 0 && ActiveSnapshotSet() &&
		judged.command == GetActiveSnapshot()->curcid &&
		judged.subxact == GetCurrentSubTransactionId())
	{
		judged.rules--;
		PG_RETURN_BOOL(judged.again);
	}
	/* It has not been judged: the BEFORE trigger may be switched off. */
	judged.rules = 0;
	PG_RETURN_BOOL(true);
}

/* AFTER INSERT OR UPDATE, for each row that has to be judged as it was stored. */
Datum
booking_check_row(PG_FUNCTION_ARGS)
{
	static TriggerUse use = {
		.timing = TRIGGER_TYPE_AFTER, .levels = LEVEL_ROW,
		.events = ON_INSERT | ON_UPDATE
	};
	TriggerData *trigger = booking_check_trigger(fcinfo, &use);
	Relation	rel;
	const GuardedTable *table;
	TupleTableSlot *slot;
	TupleTableSlot *check;
	ItemPointerData tid;
	bool		alive;

	rel = trigger->tg_relation;
	slot = trigger->tg_trigslot;
	tid = trigger->tg_trigtuple->t_self;
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
	{
		slot = trigger->tg_newslot;
		tid = trigger->tg_newtuple->t_self;
	}

	/* A version that has been replaced since then was judged when it was replaced. */
	check = table_slot_create(rel, NULL);
	alive = table_tuple_fetch_row_version(rel, &tid, SnapshotSelf, check);
	ExecDropSingleTupleTableSlot(check);
	if (!alive)
		return PointerGetDatum(NULL);

	table = booking_use_guarded(rel);
	for (int i = 0; i < table->nrules; i++)
		if (table->rules[i].trigger == trigger->tg_trigger->tgoid)
			check_stored(rel, table, &table->rules[i], slot, tid);
	return PointerGetDatum(NULL);
}

/*
 * Judge all rows of a table that becomes a partition of a guarded one.  The caller keeps
 * writers out.
 */
void
booking_check_rows(Relation rel)
{
	const GuardedTable *table = booking_use_guarded(rel);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "booking row", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = CurrentMemoryContext;
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan_compat(rel, snapshot, 0, NULL);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		MemoryContextSwitchTo(context);
		for (int i = 0; i < table->nrules; i++)
			if (runs(table->rules[i].enabled))
				check_stored(rel, table, &table->rules[i], slot, slot->tts_tid);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
		CHECK_FOR_INTERRUPTS();
	}
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(context);
}

/* Judge a row that is stored, inside its gate, by one rule. */
static void
check_stored(Relation rel, const GuardedTable *table, const Rule *rule, TupleTableSlot *slot,
			 ItemPointerData tid)
{
	GuardedRow	stored = {rel, false, NULL};
	Claim		claim = {0};
	RoomRequest request = {.hooks = &guarded_hooks, .arg = &stored, .claims = &claim, .nclaims = 1};
	Seen		row;

	ResetExprContext(table->econtext);
	row = look_at_guard(table, rule, slot, rel, false);
	if (row.empty && rule->pair)
		refuse_empty(rel, rule);
	if (!row.counts)
		return;
	claim_for(rule, &row, rel, &tid, &claim);
	claim.capacity = capacity_for(rule, &row);
	(void) booking_room_get(&request);
	booking_gates_leave();
}

/*
 * A row as the rule's index will hold it.  A NULL key or period, or an empty one, is not
 * compared with anything, as in an exclusion constraint.  A quantity that is NULL or negative is
 * refused; a row that is "stored" already, from before the guard, takes nothing by it,
 * and may be mended.
 */
static Seen
look_at_guard(const GuardedTable *table, const Rule *rule, TupleTableSlot *slot, Relation rel, bool stored)
{
	Identity	caller;
	Seen		seen;

	/* The expressions are the owner's, whatever role writes the row. */
	if (!rule->foreign)
		return evaluate_guard(table, rule, slot, rel, stored);
	booking_become(rule->owner, &caller);
	*table->running = true;
	seen = evaluate_guard(table, rule, slot, rel, stored);
	*table->running = false;
	booking_be_again(&caller);
	return seen;
}

static Seen
evaluate_guard(const GuardedTable *table, const Rule *rule, TupleTableSlot *slot, Relation rel, bool stored)
{
	ExprContext *econtext = table->econtext;
	Seen		seen = {.counts = false};
	Datum		value;
	bool		isnull;
	bool		no_key = false;

	econtext->ecxt_scantuple = slot;
	if (!ExecQual(rule->active, econtext))
		return seen;
	for (int i = 0; i < rule->nkeys; i++)
	{
		seen.key[i] = ExecEvalExprSwitchContext(rule->key[i], econtext, &isnull);
		no_key |= isnull;
		if (!isnull && rule->key_can_be_long[i])
			seen.key_size += toast_raw_datum_size(seen.key[i]) - VARHDRSZ;
	}
	if (no_key)
		return seen;
	value = ExecEvalExprSwitchContext(rule->period, econtext, &isnull);
	if (isnull)
		return seen;
	seen.period = DatumGetRangeTypeP(value);
	if (RangeIsEmpty(seen.period))
	{
		seen.empty = true;
		return seen;
	}

	value = ExecEvalExprSwitchContext(rule->quantity, econtext, &isnull);
	if (isnull && stored)
		return seen;
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the quantity of a row in table \"%s\" must not be null",
						booking_shown_table(RelationGetRelid(rel))),
				 errguard(rel, rule->name, "NULL cannot be counted.")));
	seen.quantity = integer_value(value, rule->quantity_type);
	if (seen.quantity < 0 && !stored)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the quantity of a row in table \"%s\" must not be negative",
						booking_shown_table(RelationGetRelid(rel))),
				 errguard(rel, rule->name, "It is " INT64_FORMAT ".", seen.quantity)));
	seen.counts = rule->against || seen.quantity > 0;
	return seen;
}

/*
 * A pair of columns that makes an empty period would not be guarded at all, without any message.
 * A row that was so before may stay so.
 */
static void
refuse_empty(Relation rel, const Rule *rule)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the period of a row in table \"%s\" holds nothing", booking_shown_table(RelationGetRelid(rel))),
			 errguard(rel, rule->name, "It ends where it begins, and its end does not belong to it."),
			 errhint("If an end belongs to its period, guard the table with bounds => '[]'.")));
}

static void
refuse_long_key(Relation rel, const Rule *rule, const Seen *row)
{
	if (row->key_size > LONGEST_KEY)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the key of a row in table \"%s\" is too long", booking_shown_table(RelationGetRelid(rel))),
				 errguard(rel, rule->name, "It has %zu bytes; %d are indexed at most.", row->key_size, LONGEST_KEY),
				 errhint("Guard a generated column that is shorter, like md5() of the key.")));
}

/* Does the old version of a row take all the space that the new one takes? */
static bool
covered(const Rule *rule, const Seen *new, const Seen *old)
{
	if (!old->counts || new->quantity > old->quantity)
		return false;
	for (int i = 0; i < rule->nkeys; i++)
		if (!DatumGetBool(FunctionCall2Coll((FmgrInfo *) &rule->key_equal[i], rule->key_collation[i],
											new->key[i], old->key[i])))
			return false;
	return range_contains_internal(booking_range_type(RangeTypeGetOid(new->period)),
								   old->period, new->period);
}

/* Keys that are equal give the same gate; others may, and lose a little time by it. */
static GateWanted
gate_of(const Rule *rule, const Seen *row)
{
	uint64		key = hash_bytes_uint32_extended(rule->gate, 0);

	for (int i = 0; i < rule->nkeys; i++)
		if (OidIsValid(rule->key_hash[i].fn_oid))
			key = hash_combine64(key, DatumGetUInt64(FunctionCall2Coll((FmgrInfo *) &rule->key_hash[i],
																	   rule->key_collation[i],
																	   row->key[i], Int64GetDatum(0))));
	return (GateWanted) {key, booking_gate_parts_of(row->period)};
}

static int64
capacity_for(const Rule *rule, Seen *row)
{
	return rule->query ? booking_capacity_ask(rule->query, row->key, rule->nkeys, rule->key_type, true) :
		rule->capacity;
}

/* What a row claims by a rule; the capacity is still to be asked for. */
static void
claim_for(const Rule *rule, const Seen *row, Relation rel, ItemPointer self, Claim *claim)
{
	claim->rule = rule;
	claim->gate = gate_of(rule, row);
	claim->judge = true;
	memcpy(claim->load.key, row->key, sizeof(row->key));
	claim->load.range = row->period;
	claim->load.quantity = row->quantity;
	claim->quantity_of = rule->against ? NULL : booking_quantity_of_row;
	claim->nplaces = rule->nplaces;
	claim->places = palloc_array(GuardPlace, rule->nplaces);
	for (int i = 0; i < rule->nplaces; i++)
	{
		Place	   *place = &rule->places[i];

		claim->places[i] = (GuardPlace) {
			.heap = i == rule->here ? rel : NULL,
			.relid = place->relid,
			.index = &place->index,
			.self = i == rule->here ? self : NULL,
			.arg = place
		};
	}
}

/*
 * No room is an error, unless another trigger may change the row, or it conflicts with
 * another row so that it may not be stored at all.
 */
static bool
refuse_guarded(RoomRequest *request)
{
	const GuardedRow *row = request->arg;

	if (row->may_change || (row->may_conflict && conflicts(request)))
		return false;
	refuse_guarded_row(row->rel, request->which, &request->verdict);
}

/* What a stored row takes. */
int64
booking_quantity_of_row(TupleTableSlot *slot, bool pending, void *arg)
{
	const Place *place = arg;
	Datum		value;
	bool		isnull;

	if (place->quantity == 0)
		return 1;
	value = slot_getattr(slot, place->quantity, &isnull);
	return isnull ? 0 :
		integer_value(value, TupleDescAttr(slot->tts_tupleDescriptor, place->quantity - 1)->atttypid);
}

static int64
integer_value(Datum value, Oid type)
{
	switch (getBaseType(type))
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

/*
 * Would the row violate a unique index or an exclusion constraint anyway, other than one that
 * says what the guards say?
 */
static bool
conflicts(const RoomRequest *request)
{
	const GuardedRow *row = request->arg;
	Relation	rel = row->rel;
	List	   *indexes = RelationGetIndexList(rel);
	List	   *unique = NIL;
	ListCell   *cell;
	ResultRelInfo *info;
	EState	   *estate;
	ItemPointerData conflict;
	Identity	caller;
	bool		found;

	foreach(cell, indexes)
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		if ((index->rd_index->indisunique || index->rd_index->indisexclusion) &&
			index->rd_index->indimmediate && index->rd_index->indisready &&
			!is_index_of(request, lfirst_oid(cell)))
			unique = lappend_oid(unique, lfirst_oid(cell));
		index_close(index, NoLock);
	}
	if (unique == NIL)
		return false;

	booking_become(rel->rd_rel->relowner, &caller);
	estate = CreateExecutorState();
	info = makeNode(ResultRelInfo);
	InitResultRelInfo(info, rel, 1, NULL, 0);
	ExecOpenIndices(info, true);
	found = !no_index_conflict(info, row->may_conflict, estate, &conflict, unique);
	ExecCloseIndices(info);
	FreeExecutorState(estate);
	booking_be_again(&caller);
	return found;
}

static bool
is_index_of(const RoomRequest *request, Oid index_id)
{
	for (int i = 0; i < request->nclaims; i++)
	{
		const Rule *rule = request->claims[i].rule;

		if (rule->here >= 0 && rule->places[rule->here].index.index_id == index_id)
			return true;
	}
	return false;
}

/* (hotel, room_type)=(3, double), or nothing when the whole table is one thing. */
static char *
text_of_key(const Rule *rule, const Datum *keys)
{
	StringInfoData names;
	StringInfoData values;

	initStringInfo(&names);
	initStringInfo(&values);
	for (int i = 0; i < rule->nkeys; i++)
	{
		Oid			output;
		bool		is_varlena;

		getTypeOutputInfo(rule->key_type[i], &output, &is_varlena);
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", rule->key_text[i]);
		appendStringInfo(&values, "%s%s", i > 0 ? ", " : "", OidOutputFunctionCall(output, keys[i]));
	}
	return psprintf("(%s)=(%s)", names.data, values.data);
}

/* What is in the way, and what would fit. */
static void
refuse_guarded_row(Relation rel, const Claim *claim, const GuardVerdict *verdict)
{
	const Rule *rule = claim->rule;
	char	   *key = rule->nkeys > 0 ? psprintf("%s of ", text_of_key(rule, claim->load.key)) : "";
	char	   *wanted = booking_period_text(claim->load.range);
	char	   *full = booking_period_text(verdict->full);
	char	   *table = booking_shown_table(rule->scope);
	int64		left = Max(claim->capacity - verdict->used, 0);

	if (rule->against)
		ereport(ERROR,
				(errcode(ERRCODE_EXCLUSION_VIOLATION),
				 rule->blocker ?
				 errmsg("%stable \"%s\" is in use in that period", key, booking_shown_table(rule->other)) :
				 errmsg("%stable \"%s\" is blocked by table \"%s\" in that period", key, table, booking_shown_table(rule->other)),
				 errguard(rel, rule->name, "Wanted %s; %s is %s.", wanted, full, rule->blocker ? "in use" : "blocked"),
				 errhint("Try another period.")));

	if (rule->timeless)
		ereport(ERROR,
				(errcode(ERRCODE_EXCLUSION_VIOLATION),
				 errmsg("%stable \"%s\" has not enough left", key, table),
				 errguard(rel, rule->name, "Wanted " INT64_FORMAT "; " INT64_FORMAT " of " INT64_FORMAT " are left.",
						  claim->load.quantity, left, claim->capacity),
				 left > 0 ? errhint("Up to " INT64_FORMAT " fits.", left) : 0));

	if (claim->capacity == 1 && rule->query == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_EXCLUSION_VIOLATION),
				 errmsg("%stable \"%s\" is taken in that period", key, table),
				 errguard(rel, rule->name, "Wanted %s; %s is taken.", wanted, full),
				 errhint("Try another period.")));

	ereport(ERROR,
			(errcode(ERRCODE_EXCLUSION_VIOLATION),
			 errmsg("%stable \"%s\" has not enough left in that period", key, table),
			 errguard(rel, rule->name, "Wanted " INT64_FORMAT " for %s; " INT64_FORMAT " of " INT64_FORMAT " are left, and %s is the first time without enough.",
					   claim->load.quantity, wanted, left, claim->capacity, full),
			 left > 0 ? errhint("Up to " INT64_FORMAT " fits in that period.", left) :
			 errhint("Try another period.")));
}
