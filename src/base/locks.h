/*-------------------------------------------------------------------------
 *
 * locks.h
 *		every lock of ours: kinds, order, lifetime
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_LOCKS_H
#define BOOKING_LOCKS_H

#include "utils/rangetypes.h"
#include "utils/uuid.h"

#include "base/period.h"

/*
 * Parts of a gate, a bit each: the lower half are large pieces of time, the upper half
 * small ones (locks.c).
 */
typedef uint64 GateParts;

#define GATE_UNDIVIDED	UINT64CONST(1)	/* for gates that are not worth dividing */

typedef struct GateWanted
{
	uint64		key;
	GateParts	parts;
} GateWanted;

extern void booking_set_hasty(bool now);
extern bool booking_hasty(void);
extern void booking_lock_resource(int64 resource_id);
extern bool booking_try_lock_resource(int64 resource_id);
extern void booking_lock_rules(int64 resource_id);
extern void booking_lock_all_rules(void);
extern bool booking_holds_rules(int64 resource_id);
extern void booking_lock_id(const pg_uuid_t *id);
extern bool booking_try_lock_id(const pg_uuid_t *id);
extern void booking_lock_holder(text *holder);
extern void booking_unlock_id(const pg_uuid_t *id);
extern void booking_done_with_id(const pg_uuid_t *id);
extern bool booking_many_ids(void);
extern bool booking_lock_join(int64 resource_id, bool exclusive);
extern bool booking_lock_line(int64 resource_id, bool wait);
extern void booking_unlock_line(int64 resource_id);
extern bool booking_holds_line(int64 resource_id);

extern void booking_lock_capacity(Oid relid, bool change);
extern bool booking_lock_places(int64 slot_id, int shard, bool wait);
extern void booking_unlock_places(int64 slot_id, int shard);
extern bool booking_many_places(void);
extern CommandId booking_this_command(void);
extern GateParts booking_gate_parts(Period period);
extern GateParts booking_gate_parts_of(RangeType *range);
extern GateParts booking_gate_both(GateParts a, GateParts b);
extern bool booking_gates_enter(const GateWanted *wanted, int n, bool wait);
extern void booking_gates_leave(void);
extern void booking_gates_leave_all(void);
extern void booking_gates_forget(void);
extern void booking_gates_undo(SubTransactionId mine, SubTransactionId parent, bool abort);
extern void booking_gates_leave_with_row(void);

#endif							/* BOOKING_LOCKS_H */
