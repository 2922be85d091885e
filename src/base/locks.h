/*-------------------------------------------------------------------------
 *
 * locks.h
 *		locks that are held until the transaction ends
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_LOCKS_H
#define BOOKING_LOCKS_H

#include "utils/uuid.h"

extern void booking_lock_home(const text *place, bool alone);
extern void booking_lock_resource(int64 resource_id);
extern bool booking_try_lock_resource(int64 resource_id);
extern void booking_unlock_resource(int64 resource_id);
extern void booking_lock_rules(int64 resource_id);
extern void booking_lock_rules_of_both(int64 a, int64 b);
extern void booking_lock_all_rules(void);
extern bool booking_holds_rules(int64 resource_id);
extern void booking_lock_id(const pg_uuid_t *id);
extern uint64 booking_id_key(const pg_uuid_t *id);
extern bool booking_try_lock_id(const pg_uuid_t *id);
extern void booking_lock_holder(text *holder);
extern int	booking_compare_holders(const text *a, const text *b);
extern void booking_lock_together(int64 resource_id, bool alone);
extern void booking_lock_all_together(void);
extern int	booking_most_together(void);
extern void booking_unlock_id(const pg_uuid_t *id);
extern void booking_done_with_id(const pg_uuid_t *id);
extern bool booking_many_ids(void);
extern bool booking_lock_join(int64 resource_id, bool exclusive, bool wait);
extern bool booking_lock_line(int64 resource_id, bool wait);
extern void booking_unlock_line(int64 resource_id);
extern bool booking_holds_line(int64 resource_id);
extern bool booking_line_lets_wait(int64 resource_id);
extern void booking_lock_capacity(Oid relid, bool change);
extern bool booking_lock_places(int64 slot_id, int shard, bool wait);
extern void booking_await_places(int64 slot_id, int shard);
extern void booking_unlock_places(int64 slot_id, int shard);
extern bool booking_many_places(void);

#endif							/* BOOKING_LOCKS_H */
