/*-------------------------------------------------------------------------
 *
 * row_fault.c
 *		What must be true of a booking by itself, whatever else is stored?
 *
 * The trigger asks first and says what is wrong; the table's constraint booking_sound
 * asks again, and is there when triggers judge nothing (session_replication_role, logical
 * replication).  It is one constraint that calls one function, because the executor
 * parses every CHECK expression of a table anew for every INSERT: as seven constraints in
 * SQL these rules took a sixth of the time of a booking.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/period.h"
#include "engine/row.h"
#include "engine/row_fault.h"

PG_FUNCTION_INFO_V1(booking_is_sound);

/* What the CHECK constraints accept as a holder or a name, in bytes. */
#define MAX_NAME_LENGTH	1024

static bool text_is(text *value, const char *wanted);

static bool
text_is(text *value, const char *wanted)
{
	return VARSIZE_ANY_EXHDR(value) == strlen(wanted) &&
		memcmp(VARDATA_ANY(value), wanted, strlen(wanted)) == 0;
}

/* Held and confirmed bookings take space. */
bool
booking_status_is_active(text *status)
{
	return text_is(status, "held") || text_is(status, "confirmed");
}

/*
 * What is wrong with a row, or NULL.  What is NULL is left to the NOT NULL constraints,
 * and the period to booking_check_period().
 */
const char *
booking_row_fault(const BookingRow *row)
{
	const Datum *value = row->value;
	const bool *null = row->null;
	Period		occupies;
	text	   *status;

	if (!null[BOOKING_OCCUPIES] &&
		!booking_period_is_sound(DatumGetRangeTypeP(value[BOOKING_OCCUPIES]), &occupies))
		return "what a booking occupies must be a period: finite where it begins, half-open [), not empty";
	if (!null[BOOKING_PERIOD] && !null[BOOKING_OCCUPIES] &&
		!range_contains_internal(booking_range_type(TSTZRANGEOID),
								 DatumGetRangeTypeP(value[BOOKING_OCCUPIES]),
								 DatumGetRangeTypeP(value[BOOKING_PERIOD])))
		return "what a booking occupies must contain its period";
	if (!null[BOOKING_QUANTITY] && DatumGetInt32(value[BOOKING_QUANTITY]) <= 0)
		return "quantity must be 1 or more";
	if (!null[BOOKING_HOLDER])
	{
		int			length = VARSIZE_ANY_EXHDR(DatumGetTextPP(value[BOOKING_HOLDER]));

		if (length == 0 || length > MAX_NAME_LENGTH)
			return "holder must have between 1 and 1024 bytes";
	}
	if (!null[BOOKING_DATA] && !JB_ROOT_IS_OBJECT(DatumGetJsonbP(value[BOOKING_DATA])))
		return "data must be a JSON object";
	if (null[BOOKING_STATUS])
		return NULL;

	status = DatumGetTextPP(value[BOOKING_STATUS]);
	if (!booking_status_is_active(status) && !text_is(status, "cancelled") && !text_is(status, "expired"))
		return "status must be held, confirmed, cancelled or expired";
	if (text_is(status, "held") == null[BOOKING_EXPIRES_AT])
		return null[BOOKING_EXPIRES_AT] ? "a held booking must have expires_at" :
			"only a held booking has expires_at";
	return NULL;
}

/* The sizes and forms that the table's constraints accept, with messages of our own. */
void
booking_check_holder(text *holder)
{
	int			length = VARSIZE_ANY_EXHDR(holder);

	if (length == 0 || length > MAX_NAME_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("holder must have between 1 and %d bytes", MAX_NAME_LENGTH),
				 errdetail("It has %d.", length),
				 errhint("The holder is your application's key for the person or thing that the booking is for.")));
}

void
booking_check_quantity(int32 quantity)
{
	if (quantity <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("quantity must be 1 or more"),
				 errdetail("It is %d.", quantity)));
}

void
booking_check_data(Jsonb *data)
{
	if (!JB_ROOT_IS_OBJECT(data))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("data must be a JSON object"),
				 errhint("Wrap other values: {\"value\": ...}.")));
}

/* is_sound(period, occupies, quantity, holder, status, expires_at, data), for the CHECK. */
Datum
booking_is_sound(PG_FUNCTION_ARGS)
{
	static const BookingColumn columns[] = {
		BOOKING_PERIOD, BOOKING_OCCUPIES, BOOKING_QUANTITY, BOOKING_HOLDER,
		BOOKING_STATUS, BOOKING_EXPIRES_AT, BOOKING_DATA
	};
	BookingRow	row;
	Period		period;

	for (int i = 0; i < (int) lengthof(columns); i++)
	{
		row.value[columns[i]] = PG_GETARG_DATUM(i);
		row.null[columns[i]] = PG_ARGISNULL(i);
	}
	PG_RETURN_BOOL((PG_ARGISNULL(0) || booking_period_is_sound(PG_GETARG_RANGE_P(0), &period)) &&
				   booking_row_fault(&row) == NULL);
}
