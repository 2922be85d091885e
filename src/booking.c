/*-------------------------------------------------------------------------
 *
 * booking.c
 *		The library is loaded.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "booking.h"
#include "compat.h"
#include "guarded.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	booking_locks_init();
	booking_config_init();
	booking_room_init();
	booking_guarded_init();
	booking_slots_init();
	booking_places_init();
}
