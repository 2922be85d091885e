/*-------------------------------------------------------------------------
 *
 * booking.c
 *		The library is loaded.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "base/cache.h"
#include "base/compat.h"
#include "base/gates.h"
#include "base/transaction.h"
#include "engine/pool_own.h"
#include "rules/journal.h"
#include "rules/notify.h"
#include "sql/archive.h"
#include "sql/home.h"
#include "worker/worker.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	booking_cache_init();
	booking_transaction_init(&booking_gates_part, &booking_notify_part, &booking_pool_own_part, &booking_home_part);
	booking_journal_init();
	booking_notify_init();
	booking_archive_init();
	booking_worker_settings_init();
	booking_launcher_init();
}
