/*-------------------------------------------------------------------------
 *
 * rebuild.c
 *		What do backends do about rows that were loaded without our triggers?
 *
 * They remember resources, rules and slots (cache.c), and it is the triggers
 * that make them forget.  booking.rebuild(), which is SQL, does it once the rows are there.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/inval.h"

#include "base/cache.h"
#include "engine/pool_own.h"

PG_FUNCTION_INFO_V1(booking_forget_everything);

/*
 * Rows that are remembered belong to one of these tables, or came with one; or are of this
 * transaction.
 */
Datum
booking_forget_everything(PG_FUNCTION_ARGS)
{
	static const char *const tables[] = {
		"booking", "resource", "seat", "waitlist", "opening_hours", "closure", "holder_limit", "slot",
		"slot_id_seq", "journal"
	};

	for (int i = 0; i < (int) lengthof(tables); i++)
	{
		Oid			relid = booking_table_if_there(tables[i]);

		if (OidIsValid(relid))
			CacheInvalidateRelcacheByRelid(relid);
	}
	booking_pool_own_forget();
	PG_RETURN_VOID();
}
