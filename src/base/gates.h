/*-------------------------------------------------------------------------
 *
 * gates.h
 *		counting and storing without another transaction in between
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_GATES_H
#define BOOKING_GATES_H

#include "utils/rangetypes.h"
#include "utils/uuid.h"

#include "base/period.h"

/*
 * Parts of a gate, a bit each: the lower half are large pieces of time, the upper half
 * small ones (gates.c).
 */
typedef uint64 GateParts;

#define GATE_UNDIVIDED	UINT64CONST(1)	/* for gates that are not worth dividing */

typedef struct GateWanted
{
	uint64		key;
	GateParts	parts;
} GateWanted;

extern CommandId booking_this_command(void);
extern GateParts booking_gate_parts(Period period);
extern GateParts booking_gate_parts_of(RangeType *range);
extern GateParts booking_gate_both(GateParts a, GateParts b);
extern bool booking_gates_enter(const GateWanted *wanted, int n, bool wait);
extern bool booking_gates_enter_ahead(const GateWanted *wanted);
extern bool booking_gates_take_over(const GateWanted *wanted);
extern void booking_gates_leave_ahead(void);
extern void booking_gates_lock_id(const pg_uuid_t *id);
extern void booking_gates_leave(void);
extern void booking_gates_found_nothing(Oid index_id);
extern Oid	booking_gates_nothing_in(void);
extern void booking_gates_row_done(void);
extern void booking_gates_leave_with_row(void);

/* For the end of a transaction, or of a part of it. */
extern const struct TransactionPart booking_gates_part;

#endif							/* BOOKING_GATES_H */
