/*-------------------------------------------------------------------------
 *
 * request.h
 *		a booking that a function of ours writes
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_REQUEST_H
#define BOOKING_REQUEST_H

#include "access/htup.h"
#include "utils/relcache.h"

#include "base/errors.h"
#include "base/plans.h"
#include "engine/row.h"

extern bool booking_insert(Datum *values, const char *nulls, Refusal *refusal,
						   MemoryContext context, Datum *booking);
extern bool booking_write(Statement statement, Datum *values, const char *nulls,
						  Refusal *refusal, MemoryContext context, Datum *inserted);
extern void booking_give_row(const BookingRow *row, Relation heap, HeapTuple tuple);
extern bool booking_row_is_ours_alone(Relation heap);
extern bool booking_asked_for(const BookingRow *row);
extern bool booking_row_wants_reason(const BookingRow *row);
extern bool booking_row_refuse(const BookingRow *row, const Refusal *refusal);
extern void booking_count_room_refusal(void);
extern uint64 booking_room_refusals(void);

#endif							/* BOOKING_REQUEST_H */
