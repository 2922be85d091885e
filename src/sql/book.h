/*-------------------------------------------------------------------------
 *
 * book.h
 *		one booking
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_BOOK_H
#define BOOKING_BOOK_H

#include "fmgr.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "base/errors.h"
#include "base/period.h"
#include "engine/request.h"
#include "engine/resource.h"
#include "engine/slots.h"

/* What a caller asks for. */
typedef struct Order
{
	const Slot *slot;			/* or NULL; then there is a */
	RangeType  *range;
	Period		period;			/* either way */
	text	   *holder;
	int32		quantity;
	char	   *seat;			/* label, or NULL */
	Interval   *hold_for;		/* or NULL */
	pg_uuid_t  *id;				/* the caller's, or NULL */
	Jsonb	   *data;
	bool		within_limits;	/* judged, with the HOLDER lock */
} Order;

extern bool booking_insert_order(const Order *order, const Resource *resource, Refusal *refusal,
								 InTheWay *busy, Datum *booking);
extern bool booking_replay_order(const Order *order, const Resource *resource, Datum *booking);
extern Datum booking_no_row(FunctionCallInfo fcinfo);

#endif							/* BOOKING_BOOK_H */
