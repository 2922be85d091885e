/*-------------------------------------------------------------------------
 *
 * create_resource.c
 *		create_resource(): a thing that can be booked, with its rules and seats.
 *
 * Invalid arguments are refused by booking.check_resource(), in SQL; what holds for rows of
 * these tables in any case, by their triggers.  Here are only the three statements, in C so that
 * none of them stands in the context of an error.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/plans.h"
#include "base/returned.h"

#define ARGUMENTS	15
#define ARGUMENT_SEATS	3

PG_FUNCTION_INFO_V1(booking_create_resource);

/* create_resource(name, kind, capacity, seats, timezone, ...), as its statements take it. */
Datum
booking_create_resource(PG_FUNCTION_ARGS)
{
	Datum		values[ARGUMENTS];
	char		nulls[ARGUMENTS + 1] = {0};
	Datum		seats[2];
	Datum		resource;
	bool		isnull;

	booking_must_write(fcinfo);
	for (int i = 0; i < ARGUMENTS; i++)
	{
		values[i] = PG_ARGISNULL(i) ? (Datum) 0 : PG_GETARG_DATUM(i);
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
	}

	SPI_connect();
	booking_run(STMT_CHECK_RESOURCE, values, nulls);
	if (booking_run(STMT_CREATE_RESOURCE, values, nulls) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the resource was not stored"),
				 errdetail("A trigger on booking.resource has suppressed it.")));
	resource = booking_row_datum_of("resource");
	if (!PG_ARGISNULL(ARGUMENT_SEATS))
	{
		seats[0] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
								 SPI_fnumber(SPI_tuptable->tupdesc, "id"), &isnull);
		seats[1] = values[ARGUMENT_SEATS];
		booking_run(STMT_CREATE_SEATS, seats, NULL);
	}
	SPI_finish();
	PG_RETURN_DATUM(booking_returned(fcinfo, resource));
}
