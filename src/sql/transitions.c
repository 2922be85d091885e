/*-------------------------------------------------------------------------
 *
 * transitions.c
 *		What happens to a booking after it has been made: confirm, extend_hold, cancel.
 *
 *					  confirm
 *			held  -------------->  confirmed
 *			  |   \                    |
 *		lapse |    \ cancel            | cancel
 *			  v     \                  v
 *		  expired    '--------->  cancelled
 *
 * Each goes the way of life.c.  Doing a step twice is doing it once: it says what it said the
 * first time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/period.h"
#include "base/plans.h"
#include "rules/life.h"
#include "rules/policy.h"

PG_FUNCTION_INFO_V1(booking_confirm);
PG_FUNCTION_INFO_V1(booking_extend_hold);
PG_FUNCTION_INFO_V1(booking_cancel);

/*
 * confirm(id).
 */
Datum
booking_confirm(PG_FUNCTION_ARGS)
{
	Datum		values[2];
	Datum		booking;
	Life		life;

	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("id");

	SPI_connect();
	booking_life_begin(&life, PG_GETARG_DATUM(0));
	do
	{
		booking_life_must_be_active(&life);
		if (life.status == BOOKING_CONFIRMED)
		{
			booking = booking_row_datum();
			break;
		}
	} while (!booking_life_change(&life, STMT_CONFIRM_BOOKING, values, NULL, &booking));
	booking_life_done(&life);
	SPI_finish();
	PG_RETURN_DATUM(booking);
}

/*
 * extend_hold(id, by): from when it lapses now.  At no time does a hold have more than the
 * resource's max_hold ahead of it, so that repeating the call does no harm.
 */
Datum
booking_extend_hold(PG_FUNCTION_ARGS)
{
	Datum		values[3];
	Datum		booking;
	int64		by;
	Life		life;

	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("id");
	if (PG_ARGISNULL(1))
		booking_null_argument("by");
	by = booking_interval_length(PG_GETARG_INTERVAL_P(1));
	if (by <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a hold is extended by more than nothing"),
				 errhint("cancel() gives it up.")));

	SPI_connect();
	booking_life_begin(&life, PG_GETARG_DATUM(0));
	do
	{
		TimestampTz until;

		booking_life_must_be_active(&life);
		if (life.status == BOOKING_CONFIRMED)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the booking is confirmed already"),
					 errbooking(CONSTRAINT_STATUS, "A confirmed booking does not lapse.")));
		until = booking_shift(DatumGetTimestampTz(life.row.value[BOOKING_EXPIRES_AT]), by);

		booking_check_hold(life.resource, until - life.now);
		values[2] = TimestampTzGetDatum(until);
	} while (!booking_life_change(&life, STMT_EXTEND_HOLD, values, NULL, &booking));
	booking_life_done(&life);
	SPI_finish();
	PG_RETURN_DATUM(booking);
}

/*
 * cancel(id, reason).  What has been cancelled or has expired already stays as it is, and
 * a hold that has lapsed has expired: here somebody comes by who can mark it.
 */
Datum
booking_cancel(PG_FUNCTION_ARGS)
{
	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("id");
	PG_RETURN_DATUM(booking_life_cancel(PG_GETARG_DATUM(0), PG_ARGISNULL(1) ? (Datum) 0 : PG_GETARG_DATUM(1)));
}
