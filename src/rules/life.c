/*-------------------------------------------------------------------------
 *
 * life.c
 *		How is one booking changed, so that two changes of it do not meet?
 *
 * Every step goes the same way (booking_life_begin(), booking_life_change()):
 *
 *	1. the ID lock, so that of two steps of one booking the second sees what the first
 *	   has made of it, and of a step and a taker of lapsed space one comes first; above
 *	   READ COMMITTED also the row's lock, against plain UPDATEs;
 *	2. the RESOURCE lock in shared mode;
 *	3. the booking as it is now, and then the clock: a transaction that began before
 *	   a hold lapsed does not confirm it afterwards;
 *	4. one UPDATE of exactly that version.  When it finds no row, somebody has written it
 *	   without us (a plain UPDATE takes no ID lock), and the step starts again at 3.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"

#include "base/attempt.h"
#include "base/cache.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/period.h"
#include "base/plans.h"
#include "engine/lapse.h"
#include "engine/request.h"
#include "engine/resource.h"
#include "engine/row.h"
#include "rules/life.h"

pg_noreturn static void no_such_booking(Datum id);

/*
 * Lock a booking and read it.  The caller is connected to SPI.
 */
void
booking_life_begin(Life *life, Datum id)
{
	memset(life, 0, sizeof(*life));
	life->id = id;
	booking_lock_id(DatumGetUUIDP(id));

	/* So that one that locks the table to change everybody's rules finds us. */
	LockRelationOid(booking_table("booking"), RowExclusiveLock);
	if (IsolationUsesXactSnapshot())
		booking_lock_life(id);
	if (!booking_life_read(life))
		no_such_booking(id);
}

/*
 * Done with a booking.  A transaction that has taken many steps leaves it at the row's own
 * lock if it has written it; what comes for the booking meanwhile waits for that.
 */
void
booking_life_done(const Life *life)
{
	booking_done_with_id(DatumGetUUIDP(life->id));
}

static void
no_such_booking(Datum id)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("booking %s does not exist",
					DatumGetCString(DirectFunctionCall1(uuid_out, id)))));
}

/* Read the booking, lock its resource, and read the clock. */
bool
booking_life_read(Life *life)
{
	int64		resource_id;

	if (booking_run(STMT_GET_BOOKING, &life->id, NULL) == 0)
		return false;
	booking_row_read(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, &life->row);
	life->status = booking_row_status(&life->row);

	resource_id = DatumGetInt64(life->row.value[BOOKING_RESOURCE_ID]);
	if (life->resource == NULL || life->resource->id != resource_id)
		life->resource = booking_use_resource(resource_id);
	life->now = GetCurrentTimestamp();
	return true;
}

/*
 * Change the booking by a statement of the parameters id, version, and more.  Returns
 * true when it is done.  False when somebody has changed the booking meanwhile: it has
 * been read again, and the caller has to look again.
 */
bool
booking_life_change(Life *life, Statement statement, Datum *values, const char *nulls,
					Datum *booking)
{
	Refusal		refusal;
	bool		changed = booking_life_try(life, &(BookingWrite)
										   {
											   .statement = statement,.values = values,.nulls = nulls,
											   .refusal = &refusal,.booking = booking
										   });

	if (!changed && refusal.message)
		booking_raise(&refusal);
	return changed;
}

/* The same for a caller that has other things to try: a refusal is in its refusal, with a message. */
bool
booking_life_try(Life *life, const BookingWrite *write)
{
	BookingWrite change = *write;
	Datum	   *values = write->values;

	CHECK_FOR_INTERRUPTS();
	values[0] = life->id;
	values[1] = life->row.value[BOOKING_VERSION];
	change.booking = NULL;		/* the statement returns it */
	change.context = CurrentMemoryContext;
	if (booking_write(&change))
	{
		*write->booking = booking_row_datum();
		return true;
	}
	if (write->refusal->message)
		return false;

	life->tries++;
	if (!booking_life_read(life) || (life->row.value[BOOKING_VERSION] == values[1] && life->tries > 3))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("booking %s cannot be changed",
						DatumGetCString(DirectFunctionCall1(uuid_out, life->id))),
				 errdetail("It was deleted, or a trigger keeps it from being stored.")));
	return false;
}

/* For steps that only a held or confirmed booking can take. */
void
booking_life_must_be_active(const Life *life)
{
	Refusal		refusal;

	if (booking_row_lapsed(&life->row, life->now))
	{
		booking_hold_lapsed(&life->row, &refusal);
		booking_raise(&refusal);
	}
	if (life->status == BOOKING_CANCELLED)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the booking is cancelled"),
				 errbooking(CONSTRAINT_STATUS, "It was cancelled at %s.",
						   booking_instant_text(DatumGetTimestampTz(life->row.value[BOOKING_UPDATED_AT]))),
				 errhint("Book again; the space may still be free.")));
}

Datum
booking_life_cancel(Datum id, Datum reason)
{
	Datum		values[3];
	Datum		booking;
	Life		life;

	SPI_connect();
	booking_life_begin(&life, id);
	for (;;)
	{
		if (life.row.active && booking_row_lapsed(&life.row, life.now))
		{
			values[0] = life.id;
			values[1] = TimestampTzGetDatum(life.now);
			booking_run(STMT_EXPIRE_BOOKING, values, NULL);
			if (booking_run(STMT_GET_BOOKING, values, NULL) == 0)
				no_such_booking(life.id);
			booking = booking_row_datum();
			break;
		}
		if (!life.row.active)
		{
			booking = booking_row_datum();
			break;
		}
		values[2] = reason;
		if (booking_life_change(&life, STMT_CANCEL_BOOKING, values, reason ? NULL : "  n", &booking))
			break;
	}
	booking_life_done(&life);
	SPI_finish();
	return booking;
}
