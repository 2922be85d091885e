/*-------------------------------------------------------------------------
 *
 * guard_row.h
 *		Whether a row may be stored.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_GUARD_ROW_H
#define BOOKING_GUARD_ROW_H

#include "executor/tuptable.h"
#include "utils/rel.h"

#include "guards/guarded.h"

extern void booking_check_rows(Relation rel);
extern int64 booking_quantity_of_row(TupleTableSlot *slot, bool pending, void *arg);

#endif							/* BOOKING_GUARD_ROW_H */
