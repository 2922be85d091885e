/*-------------------------------------------------------------------------
 *
 * uuid.h
 *		ids
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_UUID_H
#define BOOKING_UUID_H

#include "utils/uuid.h"

extern void booking_new_id(pg_uuid_t *id);

#endif							/* BOOKING_UUID_H */
