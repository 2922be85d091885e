/*-------------------------------------------------------------------------
 *
 * life.c
 *		What happens to a booking after it has been made.
 *
 * Each function takes the booking's ID lock, reads the booking as it is now, and says
 * clearly when the step is not possible any more.  Doing a step twice is doing it once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "booking.h"
#include "compat.h"

PG_FUNCTION_INFO_V1(booking_cancel);

static void find_booking(Datum id);
static char *status_of_found(void);

/* Lock a booking and read it; SPI_tuptable has its row. */
static void
find_booking(Datum id)
{
	booking_lock_id(DatumGetUUIDP(id));
	if (booking_run(STMT_GET_BOOKING, &id, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("booking %s does not exist",
						DatumGetCString(DirectFunctionCall1(uuid_out, id)))));
}

static char *
status_of_found(void)
{
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, BOOKING_STATUS);
}

/*
 * cancel(id, reason).  What has been cancelled or has expired already stays as it is.
 */
Datum
booking_cancel(PG_FUNCTION_ARGS)
{
	Datum		values[2];
	Datum		booking;

	if (PG_ARGISNULL(0))
		booking_null_argument("id");
	values[0] = PG_GETARG_DATUM(0);
	values[1] = PG_ARGISNULL(1) ? (Datum) 0 : PG_GETARG_DATUM(1);

	SPI_connect();
	find_booking(values[0]);
	if (strcmp(status_of_found(), "held") == 0 || strcmp(status_of_found(), "confirmed") == 0)
		booking_run(STMT_CANCEL_BOOKING, values, PG_ARGISNULL(1) ? " n" : NULL);
	booking = booking_row_datum();
	SPI_finish();
	PG_RETURN_DATUM(booking);
}
