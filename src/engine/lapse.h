/*-------------------------------------------------------------------------
 *
 * lapse.h
 *		holds that have lapsed
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_LAPSE_H
#define BOOKING_LAPSE_H

#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/errors.h"
#include "engine/row.h"

/* A hold whose change is being judged, and the one within whose judging that happens. */
typedef struct InHand
{
	pg_uuid_t	id;
	struct InHand *outer;
} InHand;

extern void booking_take_in_hand(InHand *hold, const pg_uuid_t *id);
extern void booking_let_go(const InHand *hold);
extern bool booking_hold_in_hand(const pg_uuid_t *id);
extern int	booking_mark_expired(Datum *ids, int n, TimestampTz now);
extern bool booking_expire_in_the_way(Datum *ids, int n, TimestampTz now, pg_uuid_t *busy);
extern bool booking_is_hold(Datum id);
extern void booking_hold_lapsed(const BookingRow *row, Refusal *refusal);
extern char *booking_lapse_reason(TimestampTz lapsed_at);

#endif							/* BOOKING_LAPSE_H */
