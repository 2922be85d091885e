/*-------------------------------------------------------------------------
 *
 * compat.h
 *		What differs between the PostgreSQL releases that we build on (15 to 19),
 *		each difference with the release that made it.  No other file asks for
 *		PG_VERSION_NUM.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_COMPAT_H
#define BOOKING_COMPAT_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#if PG_VERSION_NUM < 150000
#error "booking needs PostgreSQL 15 or later"
#endif

/* 16 moved the varatt macros out of postgres.h */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 19 has its headers include less */
#if PG_VERSION_NUM >= 190000
#include "access/htup_details.h"
#include "utils/tuplestore.h"
#endif

/* 16 brought these to the backend */
#ifndef palloc_array
#define palloc_array(type, count)	((type *) palloc(sizeof(type) * (count)))
#define palloc0_array(type, count)	((type *) palloc0(sizeof(type) * (count)))
#endif

/* 19 builds a jsonb in a state of its own */
#if PG_VERSION_NUM >= 190000
#define push_jsonb(build, token, value)	pushJsonbValue(build, token, value)
#else
typedef struct JsonbInState
{
	JsonbParseState *parseState;
	JsonbValue *result;
} JsonbInState;

#define push_jsonb(build, token, value) \
	((build)->result = pushJsonbValue(&(build)->parseState, token, value))
#endif

/* 16 let range functions fail softly */
#if PG_VERSION_NUM >= 160000
#define make_range_compat(typcache, lower, upper, empty) \
	make_range(typcache, lower, upper, empty, NULL)
#else
#define make_range_compat(typcache, lower, upper, empty) \
	make_range(typcache, lower, upper, empty)
#endif

/* 17 numbers backends by their place among the processes */
#if PG_VERSION_NUM >= 170000
#include "storage/procnumber.h"
#define MyBackendNumber()	(MyProcNumber)
#else
#include "storage/backendid.h"
#define MyBackendNumber()	(MyBackendId)
#endif

/* 17 gave LockHeldByMe() a flag that accepts stronger modes */
#if PG_VERSION_NUM >= 170000
#define lock_held_by_me(tag, mode)	LockHeldByMe(tag, mode, false)
#else
#define lock_held_by_me(tag, mode)	LockHeldByMe(tag, mode)
#endif

/* 18 put this in front of the declaration */
#if PG_VERSION_NUM < 180000
#define pg_noreturn __attribute__((noreturn))
#endif

/* 18 gave index_beginscan() a place for instrumentation; 19 gave it and table_beginscan() flags */
#if PG_VERSION_NUM >= 190000
#define index_beginscan_compat(heap, index, snapshot, nkeys, norderbys) \
	index_beginscan(heap, index, snapshot, NULL, nkeys, norderbys, SO_NONE)
#define table_beginscan_compat(rel, snapshot, nkeys, keys) \
	table_beginscan(rel, snapshot, nkeys, keys, SO_NONE)
#elif PG_VERSION_NUM >= 180000
#define index_beginscan_compat(heap, index, snapshot, nkeys, norderbys) \
	index_beginscan(heap, index, snapshot, NULL, nkeys, norderbys)
#else
#define index_beginscan_compat(heap, index, snapshot, nkeys, norderbys) \
	index_beginscan(heap, index, snapshot, nkeys, norderbys)
#endif
#if PG_VERSION_NUM < 190000
#define table_beginscan_compat(rel, snapshot, nkeys, keys) \
	table_beginscan(rel, snapshot, nkeys, keys)
#endif

/* 18 tells deferrable primary keys apart */
#if PG_VERSION_NUM >= 180000
#define primary_key_index(rel)	RelationGetPrimaryKeyIndex(rel, false)
#else
#define primary_key_index(rel)	RelationGetPrimaryKeyIndex(rel)
#endif

/* 16 gave all objects one function for ownership */
#if PG_VERSION_NUM >= 160000
#define owns_relation(relid)	object_ownercheck(RelationRelationId, relid, GetUserId())
#else
#define owns_relation(relid)	pg_class_ownercheck(relid, GetUserId())
#endif

/* 16 gave stringToQualifiedNameList() a place for soft errors */
#if PG_VERSION_NUM >= 160000
#define stringToQualifiedNameList_compat(name)	stringToQualifiedNameList(name, NULL)
#else
#define stringToQualifiedNameList_compat(name)	stringToQualifiedNameList(name)
#endif

/*
 * 16 tells DefineIndex() how many parts of a partitioned index there will be, 19 what is being
 * parsed
 */
#if PG_VERSION_NUM >= 190000
#define define_constraint_compat(relid, statement) \
	DefineIndex(NULL, relid, statement, InvalidOid, InvalidOid, InvalidOid, -1, true, true, false, false, true)
#elif PG_VERSION_NUM >= 160000
#define define_constraint_compat(relid, statement) \
	DefineIndex(relid, statement, InvalidOid, InvalidOid, InvalidOid, -1, true, true, false, false, true)
#else
#define define_constraint_compat(relid, statement) \
	DefineIndex(relid, statement, InvalidOid, InvalidOid, InvalidOid, true, true, false, false, true)
#endif

/* 18 brought generated columns that are not stored */
#if PG_VERSION_NUM >= 180000
#define has_generated_columns(desc) \
	((desc)->constr && ((desc)->constr->has_generated_stored || (desc)->constr->has_generated_virtual))
#else
#define has_generated_columns(desc) \
	((desc)->constr && (desc)->constr->has_generated_stored)
#endif

/*
 * 16 says more exactly which indexes an update needs entries in; what is asked here is in the
 * row; 19 has options
 */
#if PG_VERSION_NUM >= 190000
#define heap_update_compat(rel, tid, row, command, failure, mode) \
	heap_update(rel, tid, row, command, 0, InvalidSnapshot, true, failure, mode, &(TU_UpdateIndexes) {TU_None})
#elif PG_VERSION_NUM >= 160000
#define heap_update_compat(rel, tid, row, command, failure, mode) \
	heap_update(rel, tid, row, command, InvalidSnapshot, true, failure, mode, &(TU_UpdateIndexes) {TU_None})
#else
#define heap_update_compat(rel, tid, row, command, failure, mode) \
	heap_update(rel, tid, row, command, InvalidSnapshot, true, failure, mode)
#endif

/* 19 has options here, one of which was "changingPart" */
#if PG_VERSION_NUM >= 190000
#define table_tuple_delete_compat(rel, tid, command, failure) \
	table_tuple_delete(rel, tid, command, 0, InvalidSnapshot, InvalidSnapshot, false, failure)
#else
#define table_tuple_delete_compat(rel, tid, command, failure) \
	table_tuple_delete(rel, tid, command, InvalidSnapshot, InvalidSnapshot, false, failure, false)
#endif

/* 18 lets ExecCheckIndexConstraints() leave a row out */
#if PG_VERSION_NUM >= 180000
#define no_index_conflict(info, slot, estate, conflict, indexes) \
	ExecCheckIndexConstraints(info, slot, estate, conflict, \
							  &(ItemPointerData) {{0xFFFF, 0xFFFF}, 0}, indexes)
#else
#define no_index_conflict(info, slot, estate, conflict, indexes) \
	ExecCheckIndexConstraints(info, slot, estate, conflict, indexes)
#endif

/*
 * The first relation after this one in the range table that the statement writes to, or a number
 * below 1: 19 has made a set of what was a list.
 */
#if PG_VERSION_NUM >= 190000
#define next_result_relation(statement, last) \
	bms_next_member((statement)->resultRelationRelids, last)
#else
#define next_result_relation(statement, last) \
	next_of_list((statement)->resultRelations, last)

static inline int
next_of_list(const List *numbers, int last)
{
	int			next = 0;

	for (int i = 0; i < list_length(numbers); i++)
	{
		int			number = list_nth_int(numbers, i);

		if (number > last && (next == 0 || number < next))
			next = number;
	}
	return next;
}
#endif

/* 16 keeps privileges apart from the range table; 18 says which of it is in use */
#if PG_VERSION_NUM >= 180000
#define init_range_table_compat(estate, rtable, perminfos) \
	ExecInitRangeTable(estate, rtable, perminfos, bms_make_singleton(1))
#elif PG_VERSION_NUM >= 160000
#define init_range_table_compat(estate, rtable, perminfos) \
	ExecInitRangeTable(estate, rtable, perminfos)
#else
#define init_range_table_compat(estate, rtable, perminfos) \
	ExecInitRangeTable(estate, rtable)
#endif
#if PG_VERSION_NUM >= 160000
#define add_permissions_compat(entry, columns, perminfos) \
	(addRTEPermissionInfo(perminfos, entry)->insertedCols = (columns))
#else
#define add_permissions_compat(entry, columns, perminfos) \
	((void) (perminfos), (entry)->insertedCols = (columns))
#endif

/* 16 can leave all but summaries out; 19 has flags */
#if PG_VERSION_NUM >= 190000
#define insert_index_tuples_compat(target, slot, estate) \
	ExecInsertIndexTuples(target, estate, 0, slot, NIL, NULL)
#elif PG_VERSION_NUM >= 160000
#define insert_index_tuples_compat(target, slot, estate) \
	ExecInsertIndexTuples(target, slot, estate, false, false, NULL, NIL, false)
#else
#define insert_index_tuples_compat(target, slot, estate) \
	ExecInsertIndexTuples(target, slot, estate, false, false, NULL, NIL)
#endif

/* 17 lets an access method clean up what it keeps between rows */
#if PG_VERSION_NUM < 170000
#define index_insert_cleanup(index, info)	((void) 0)
#endif

/* 18 has constraints that are not enforced, and others beside those by CHECK */
#if PG_VERSION_NUM >= 180000
#define check_is_enforced(check)	((check)->ccenforced)
#define check_states(target)	((target)->ri_CheckConstraintExprs)
#else
#define check_is_enforced(check)	(true)
#define check_states(target)	((target)->ri_ConstraintExprs)
#endif

/* 19 has it keep a page of the visibility map at hand */
#if PG_VERSION_NUM >= 190000
#define heap_page_prune_opt_compat(rel, buffer) \
	do { \
		Buffer		vmbuffer_ = InvalidBuffer; \
		heap_page_prune_opt(rel, buffer, &vmbuffer_, false); \
		if (BufferIsValid(vmbuffer_)) \
			ReleaseBuffer(vmbuffer_); \
	} while (0)
#else
#define heap_page_prune_opt_compat(rel, buffer)	heap_page_prune_opt(rel, buffer)
#endif

#endif							/* BOOKING_COMPAT_H */
