/*-------------------------------------------------------------------------
 *
 * move.h
 *		a booking takes another place
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_MOVE_H
#define BOOKING_MOVE_H

#include "utils/uuid.h"

#include "base/period.h"
#include "engine/resource.h"
#include "engine/slots.h"
#include "rules/life.h"
#include "rules/together.h"

/* Where a booking is to go; what is not said stays as it is. */
typedef struct Move
{
	int			entry;			/* of the caller's, from 1 */
	pg_uuid_t	id;
	RangeType  *range;			/* or NULL */
	Period		period;
	char	   *name;			/* of the resource, or */
	bool		has_resource;	/* its id */
	int64		resource_id;
	bool		has_slot;
	int64		slot_id;
	bool		plain;			/* in no slot */
	char	   *seat;			/* label, or NULL */
	int32		quantity;		/* or 0 */
	bool		has_version;	/* that the caller has seen */
	int32		version;
} Move;

/* The parameters of STMT_MOVE_BOOKING. */
#define MOVE_NVALUES	7

extern void booking_may_move(const Life *life, const Move *move);
extern bool booking_move_values(const Life *life, const Move *move, Datum *values, char *nulls);
extern void booking_move_together(Together *all, const Move *moves, int n, Datum *bookings);
extern void booking_park_values(const Life *life, int n, Datum *values, char *nulls);

#endif							/* BOOKING_MOVE_H */
