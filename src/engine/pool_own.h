/*-------------------------------------------------------------------------
 *
 * pool_own.h
 *		what this transaction itself has changed of the use of large pools
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_POOL_OWN_H
#define BOOKING_POOL_OWN_H

#include "base/transaction.h"
#include "engine/guard.h"
#include "engine/pool_rows.h"

extern const TransactionPart booking_pool_own_part;

extern void booking_pool_own_begin(int64 resource_id);
extern int64 booking_pool_own_batch(int64 resource_id);
extern void booking_pool_own_reserve(int64 resource_id);
extern void booking_pool_own_add(const PoolUse *use);
extern bool booking_pool_own_any(int64 resource_id, Period window);
extern void booking_pool_own_most(int64 resource_id, Period window, GuardRows *rows, int first);
extern void booking_pool_own_forget(void);

#endif							/* BOOKING_POOL_OWN_H */
