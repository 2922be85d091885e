/*-------------------------------------------------------------------------
 *
 * booking.c
 *		The library is loaded.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "base/compat.h"
#include "base/locks.h"
#include "engine/places.h"
#include "engine/resource.h"
#include "engine/room.h"
#include "engine/slots.h"
#include "guards/guarded.h"

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
