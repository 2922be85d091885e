/*-------------------------------------------------------------------------
 *
 * guard_show.c
 *		What does booking.guarded_table show of a guard?
 *
 * Every role may look at all guards: nothing that others have written is evaluated here, not
 * even folded, and nothing here fails.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "guards/guard_capacity.h"
#include "guards/guard_ddl.h"
#include "guards/guard_definition.h"
#include "guards/guard_text.h"

PG_FUNCTION_INFO_V1(booking_guard_definition);

/* The columns of the function's row. */
typedef struct Shown
{
	Datum		value[11];
	bool		null[11];
} Shown;

static void show(Shown *shown, int column, Datum value);
static void show_guard(Shown *shown, const TriggerRow *row, const Trigger *trigger, Definition *definition);

/* guard_definition(trigger): a guard that is a trigger; NULL when it is none. */
Datum
booking_guard_definition(PG_FUNCTION_ARGS)
{
	TriggerRow	row;
	Relation	rel;
	TriggerDesc *triggers;
	TupleDesc	desc;
	Shown		shown;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	memset(&shown, 0, sizeof(shown));
	memset(shown.null, true, sizeof(shown.null));
	if (!booking_trigger_row(PG_GETARG_OID(0), &row) ||
		(row.function != booking_guard_function(FUNCTION_CHECK_CAPACITY) &&
		 row.function != booking_guard_function(FUNCTION_CHECK_AGAINST)))
		PG_RETURN_NULL();

	rel = relation_open(row.relid, AccessShareLock);
	triggers = CopyTriggerDesc(rel->trigdesc);
	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];
		Definition	definition;

		if (trigger->tgoid == row.oid && trigger->tgnargs >= 1 && booking_written_by_guard(trigger, &definition))
		{
			show_guard(&shown, &row, trigger, &definition);
			break;
		}
	}
	relation_close(rel, NoLock);
	if (shown.null[0])
		PG_RETURN_NULL();
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), shown.value, shown.null)));
}

static void
show(Shown *shown, int column, Datum value)
{
	shown->value[column] = value;
	shown->null[column] = false;
}

static void
show_guard(Shown *shown, const TriggerRow *row, const Trigger *trigger, Definition *definition)
{
	Datum		keys[INDEX_MAX_KEYS];
	int			nkeys = 0;
	ListCell   *cell;
	Oid			index_id;

	foreach(cell, definition->keys)
		keys[nkeys++] = CStringGetTextDatum(booking_expression_text(row->relid, lfirst(cell), NULL));
	show(shown, 0, PointerGetDatum(construct_array(keys, nkeys, TEXTOID, -1, false, TYPALIGN_INT)));
	show(shown, 1, CStringGetTextDatum(booking_expression_text(row->relid, definition->period, NULL)));
	if (booking_quantity_column(definition))
		show(shown, 2, CStringGetTextDatum(booking_expression_text(row->relid, definition->quantity, NULL)));
	if (definition->active)
		show(shown, 3, CStringGetTextDatum(booking_predicate_text(row->relid, definition, NULL)));
	if (row->function == booking_guard_function(FUNCTION_CHECK_CAPACITY))
	{
		char	   *query = OidIsValid(definition->capacity) ? booking_capacity_text(definition->capacity, row->relid, NULL) : NULL;

		if (!OidIsValid(definition->capacity))
			show(shown, 4, Int32GetDatum(booking_capacity_argument(trigger)));
		else
			show(shown, 9, ObjectIdGetDatum(definition->capacity));
		if (query)
			show(shown, 5, CStringGetTextDatum(query));
	}
	else
		show(shown, 6, CStringGetTextDatum(trigger->tgargs[0]));
	index_id = booking_bound_index(row->oid);
	if (OidIsValid(index_id))
		show(shown, 7, ObjectIdGetDatum(index_id));
	show(shown, 8, BoolGetDatum(trigger->tgnargs >= 2 && strcmp(trigger->tgargs[1], "own index") == 0));
	show(shown, 10, BoolGetDatum(trigger->tgnargs < 3 || strcmp(trigger->tgargs[2], NOT_VALIDATED) != 0));
}
