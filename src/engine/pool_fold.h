/*-------------------------------------------------------------------------
 *
 * pool_fold.h
 *		sums in place of many rows of booking.pool_use
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_POOL_FOLD_H
#define BOOKING_POOL_FOLD_H

#include "engine/pool_rows.h"

extern bool booking_pool_may_fold(const PoolRow *row);
extern void booking_pool_seen(int64 resource_id, Period window, int changes, int sums);
extern void booking_pool_fold(int64 resource_id);

#endif							/* BOOKING_POOL_FOLD_H */
