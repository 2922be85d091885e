/*-------------------------------------------------------------------------
 *
 * book_all.c
 *		book_all(): a JSON array of requests, all of them booked or none.
 *
 * Here is what the keys of a request mean; together.c does the rest.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/errors.h"
#include "engine/row_fault.h"
#include "rules/together.h"
#include "sql/entries.h"
#include "sql/many.h"

PG_FUNCTION_INFO_V1(booking_book_all);

/* What the keys of a request are; the first two say where. */
typedef enum RequestKey
{
	KEY_RESOURCE,
	KEY_SLOT_ID,
	KEY_PERIOD,
	KEY_QUANTITY,
	KEY_SEAT,
	KEY_SEATS,
	KEY_HOLDER,
	KEY_HOLD_FOR,
	KEY_ID,
	KEY_DATA,
	REQUEST_NKEYS
} RequestKey;

static const char *const key_names[REQUEST_NKEYS] = {
	"resource", "slot_id", "period", "quantity", "seat", "seats", "holder", "hold_for", "id", "data"
};

/* A request as it is being read. */
typedef struct Reading
{
	const Wish *usual;			/* what a request leaves out */
	Together   *all;
	bool		has[REQUEST_NKEYS];
	Wish		wish;
	char	  **seats;
	int			nseats;
} Reading;

static void begin_request(void *arg);
static void read_value(void *arg, int key, const JsonbValue *value);
static void add_request(void *arg);
static void check_request(Reading *reading);
static void read_seats(Reading *reading, const JsonbValue *value);
static int	compare_labels(const void *a, const void *b);

Datum
booking_book_all(PG_FUNCTION_ARGS)
{
	Together	all = {.noun = "request"};
	Wish		usual = {.quantity = 1};
	Reading		reading = {.usual = &usual,.all = &all};
	EntryReader reader = {
		.name = "requests",
		.example = "[{\"resource\": \"Blue room\", \"period\": \"[2030-05-06 09:00, 2030-05-06 10:00)\"}]",
		.keys = key_names,.nkeys = REQUEST_NKEYS,.most = MOST_TOGETHER,
		.begin = begin_request,.value = read_value,.end = add_request,.arg = &reading
	};

	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("requests");
	InitMaterializedSRF(fcinfo, 0);
	if (!PG_ARGISNULL(1))
	{
		usual.holder = PG_GETARG_TEXT_PP(1);
		booking_check_holder(usual.holder);
	}
	usual.hold_for = PG_ARGISNULL(2) ? NULL : PG_GETARG_INTERVAL_P(2);
	booking_check_hold_for(usual.hold_for);
	all.group_id = PG_ARGISNULL(3) ? NULL : PG_GETARG_UUID_P(3);
	usual.data = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));

	booking_read_entries(&all, PG_GETARG_JSONB_P(0), &reader);
	booking_together_book(&all);
	booking_together_return(fcinfo, &all);
	return (Datum) 0;
}

/* The bookings in the order of the entries. */
void
booking_together_return(FunctionCallInfo fcinfo, const Together *all)
{
	for (int i = 0; i < all->n; i++)
		booking_return_row(fcinfo, all->wish[i].booking);
}

/* A row of the answer: a booking. */
void
booking_return_row(FunctionCallInfo fcinfo, Datum booking)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	HeapTupleHeader row = DatumGetHeapTupleHeader(booking);
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(row),.t_data = row};

	tuplestore_puttuple(result->setResult, &tuple);
}

static void
begin_request(void *arg)
{
	Reading    *reading = arg;

	memset(reading->has, 0, sizeof(reading->has));
	reading->wish = *reading->usual;
	reading->wish.entry = reading->all->current;
	reading->seats = NULL;
	reading->nseats = 0;
}

static void
read_value(void *arg, int key, const JsonbValue *value)
{
	Reading    *reading = arg;
	Wish	   *wish = &reading->wish;

	reading->has[key] = true;
	switch ((RequestKey) key)
	{
		case KEY_RESOURCE:
			if (value->type == jbvNumeric)
				wish->resource_id = booking_json_integer(value, PG_INT64_MAX);
			else if (value->type == jbvString)
				wish->name = booking_json_string(value);
			else
				booking_malformed("must be the name or the id of a resource");
			break;
		case KEY_SLOT_ID:
			wish->has_slot = true;
			wish->slot_id = booking_json_id(value);
			break;
		case KEY_PERIOD:
			wish->range = booking_json_period(value);
			booking_check_period(wish->range, &wish->period);
			break;
		case KEY_QUANTITY:
			wish->quantity = (int32) booking_json_integer(value, PG_INT32_MAX);
			booking_check_quantity(wish->quantity);
			break;
		case KEY_SEAT:
			wish->seat = booking_json_string(value);
			break;
		case KEY_SEATS:
			read_seats(reading, value);
			break;
		case KEY_HOLDER:
			wish->holder = cstring_to_text(booking_json_string(value));
			booking_check_holder(wish->holder);
			break;
		case KEY_HOLD_FOR:
			wish->hold_for = DatumGetIntervalP(DirectFunctionCall3(interval_in, CStringGetDatum(booking_json_string(value)),
																   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
			booking_check_hold_for(wish->hold_for);
			break;
		case KEY_ID:
			wish->own_id = true;
			wish->id = booking_json_uuid(value);
			break;
		case KEY_DATA:
			if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
				booking_malformed("must be a JSON object");
			wish->data = JsonbValueToJsonb(unconstify(JsonbValue *, value));
			break;
		case REQUEST_NKEYS:
			break;
	}
}

/* A request is read: it is one booking, or one for each of its seats. */
static void
add_request(void *arg)
{
	Reading    *reading = arg;

	check_request(reading);
	reading->all->field = NULL;
	if (reading->nseats == 0)
		booking_together_wish(reading->all, &reading->wish);
	for (int i = 0; i < reading->nseats; i++)
	{
		reading->wish.seat = reading->seats[i];
		booking_together_wish(reading->all, &reading->wish);
	}
}

static void
check_request(Reading *reading)
{
	static const RequestKey not_together[][2] = {
		{KEY_RESOURCE, KEY_SLOT_ID}, {KEY_SLOT_ID, KEY_PERIOD}, {KEY_SEAT, KEY_SEATS}, {KEY_ID, KEY_SEATS}
	};
	const bool *has = reading->has;

	for (int i = 0; i < (int) lengthof(not_together); i++)
		if (has[not_together[i][0]] && has[not_together[i][1]])
		{
			reading->all->field = key_names[not_together[i][1]];
			booking_malformed(psprintf("must not be given together with \"%s\"", key_names[not_together[i][0]]));
		}
	reading->all->field = NULL;
	if (!has[KEY_RESOURCE] && !has[KEY_SLOT_ID])
		booking_malformed("\"resource\" or \"slot_id\" is missing");
	if (has[KEY_RESOURCE] && !has[KEY_PERIOD])
	{
		reading->all->field = key_names[KEY_PERIOD];
		booking_malformed("is missing");
	}
	if (reading->wish.holder == NULL)
	{
		reading->all->field = key_names[KEY_HOLDER];
		booking_malformed("is missing, and the call has none for all");
	}
	if (has[KEY_SEATS] && reading->wish.quantity != 1)
	{
		reading->all->field = key_names[KEY_QUANTITY];
		booking_malformed("must be 1 for seats, of which each is a booking");
	}
}

static void
read_seats(Reading *reading, const JsonbValue *value)
{
	uint32		n;
	char	  **sorted;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data) ||
		JsonContainerIsScalar(value->val.binary.data))
		booking_malformed("must be an array of the labels of seats");
	n = JsonContainerSize(value->val.binary.data);
	if (n == 0)
		booking_malformed("must not be empty");
	if (n > MOST_TOGETHER)
		booking_malformed(psprintf("must have %d or fewer", MOST_TOGETHER));
	reading->seats = palloc_array(char *, n);
	reading->nseats = (int) n;
	for (uint32 i = 0; i < n; i++)
	{
		const JsonbValue *label = getIthJsonbValueFromContainer(value->val.binary.data, i);

		if (label->type != jbvString)
			booking_malformed("must be an array of the labels of seats");
		reading->seats[i] = booking_json_string(label);
	}
	sorted = palloc_array(char *, n);
	memcpy(sorted, reading->seats, n * sizeof(char *));
	qsort(sorted, n, sizeof(char *), compare_labels);
	for (uint32 i = 1; i < n; i++)
		if (strcmp(sorted[i - 1], sorted[i]) == 0)
			booking_malformed(psprintf("seat \"%s\" is there twice", sorted[i]));
	pfree(sorted);
}

static int
compare_labels(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}
