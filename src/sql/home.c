/*-------------------------------------------------------------------------
 *
 * home.c
 *		booking.cluster_lock() and booking.cluster_lock_alone(), of booking_cluster.
 *
 * The extension booking_cluster is written in SQL, but for this: who writes in a place, and
 * who takes it to another node, exclude each other by a HOME lock, before all other locks
 * (locks.c).  SQL has no advisory lock that only its owner can take: whoever may connect
 * could keep everybody out of a place with pg_advisory_lock().
 *
 * Two functions, because rights are given by the function: whoever may do anything in a place
 * may keep it where it is, until its transaction ends; and only the owner keeps others out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "base/locks.h"

PG_FUNCTION_INFO_V1(booking_cluster_lock);
PG_FUNCTION_INFO_V1(booking_cluster_lock_alone);

Datum
booking_cluster_lock(PG_FUNCTION_ARGS)
{
	booking_lock_home(PG_GETARG_TEXT_PP(0), false);
	PG_RETURN_VOID();
}

Datum
booking_cluster_lock_alone(PG_FUNCTION_ARGS)
{
	booking_lock_home(PG_GETARG_TEXT_PP(0), true);
	PG_RETURN_VOID();
}
