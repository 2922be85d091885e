/*-------------------------------------------------------------------------
 *
 * notify.h
 *		notifications that bookings have changed
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_NOTIFY_H
#define BOOKING_NOTIFY_H

#include "base/transaction.h"

/* booking.notify: which process sends notifications? */
typedef enum NotifyMode
{
	NOTIFY_OFF,
	NOTIFY_BY_WORKER,
	NOTIFY_AT_COMMIT
} NotifyMode;

/* More resources than that are one notification, about any of them. */
#define MOST_NOTIFICATIONS	256

extern const TransactionPart booking_notify_part;

extern void booking_notify_init(void);
extern NotifyMode booking_notify_mode(void);
extern void booking_notify_of(int64 resource_id, int64 seq);
extern void booking_notify_send(const int64 *resource_id, int64 first, int64 last);

#endif							/* BOOKING_NOTIFY_H */
