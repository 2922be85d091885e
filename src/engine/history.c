/*-------------------------------------------------------------------------
 *
 * history.c
 *		Which roles may store a booking that says it was made earlier?
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/timestamp.h"

#include "base/cache.h"
#include "engine/history.h"
#include "engine/request.h"
#include "engine/row.h"

/*
 * Some columns exempt a row from rules that are for new bookings: created_at from holder limits,
 * closed slots and the line; occupies from the buffers of its resource; and waitlist_id says
 * that it is an offer to a holder in the line.  A role that may load history brings its own
 * values, which a restore needs.  For every other role a booking is made now, and only the line
 * makes offers.  What a function of ours writes is as it says.
 *
 * For a row that is made now, as nearly all are, the role is not looked at.
 */
void
booking_made_now(BookingRow *row, const BookingRow *old)
{
	static const BookingColumn told[] = {
		BOOKING_CREATED_AT, BOOKING_UPDATED_AT, BOOKING_VERSION, BOOKING_WAITLIST_ID
	};
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	BookingRow	made;
	bool		differs;

	/* Its new version is to have what the old one has, or what the table's defaults give. */
	if (old)
		made = *old;
	else
	{
		memset(made.null, true, sizeof(made.null));
		booking_row_set(&made, BOOKING_CREATED_AT, TimestampTzGetDatum(now));
		booking_row_set(&made, BOOKING_UPDATED_AT, TimestampTzGetDatum(now));
		booking_row_set(&made, BOOKING_VERSION, Int32GetDatum(1));
	}
	differs = !booking_row_same_range(row, &made, BOOKING_OCCUPIES);
	for (int i = 0; i < (int) lengthof(told); i++)
		differs |= !booking_row_same(row, &made, told[i]);
	if (!differs || booking_asked_for(row) || booking_may_load_history())
		return;

	if (!booking_row_same(row, &made, BOOKING_WAITLIST_ID))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to make a booking an offer of the waitlist"),
				 errdetail("waitlist_id says which entry of the waitlist a booking was offered to."),
				 errhint("Leave waitlist_id as it is: offers are made when space becomes free.")));
	row->value[BOOKING_OCCUPIES] = made.value[BOOKING_OCCUPIES];
	row->null[BOOKING_OCCUPIES] = made.null[BOOKING_OCCUPIES];
	row->changed[BOOKING_OCCUPIES] = true;
	for (int i = 0; i < (int) lengthof(told); i++)
		if (!booking_row_same(row, &made, told[i]))
			booking_row_set(row, told[i], made.value[told[i]]);
}

/* Level "manage" (grant_access()), the owner, a superuser: every role that may add resources. */
bool
booking_may_load_history(void)
{
	return pg_class_aclcheck(booking_table("resource"), GetUserId(), ACL_INSERT) == ACLCHECK_OK;
}
