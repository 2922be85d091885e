/*-------------------------------------------------------------------------
 *
 * pool_change.h
 *		what a stored booking changes of the use of a large pool
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_POOL_CHANGE_H
#define BOOKING_POOL_CHANGE_H

#include "engine/resource.h"
#include "engine/row.h"

extern void booking_pool_judged(const Resource *resource, const BookingRow *row, const BookingRow *old);
extern void booking_pool_deleted(HeapTuple row, TupleDesc desc);
extern void booking_pool_stored(void);
extern void booking_pool_settled(void);

#endif							/* BOOKING_POOL_CHANGE_H */
