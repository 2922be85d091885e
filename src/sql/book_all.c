/*-------------------------------------------------------------------------
 *
 * book_all.c
 *		book_all(): a JSON array of requests, all of them booked or none.
 *
 * Here the requests are read, and an error says which of them and which key it is about.
 * What happens then is the matter of together.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

#include "base/compat.h"
#include "base/errors.h"
#include "engine/row_fault.h"
#include "rules/together.h"
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
	Jsonb	   *requests;
	const Wish *usual;			/* what a request leaves out */
	Together   *all;
	bool		has[REQUEST_NKEYS];
	Wish		wish;
	char	  **seats;
	int			nseats;
	FmgrInfo	range_in;
	Oid			range_param;
} Reading;

static void read_requests(Together *all, void *arg);
static void read_request(Reading *reading, JsonbContainer *object);
static void read_value(Reading *reading, RequestKey key, const JsonbValue *value);
static void add_request(Reading *reading);
static void check_request(Reading *reading);
static void read_seats(Reading *reading, const JsonbValue *value);
static int	compare_labels(const void *a, const void *b);
pg_noreturn static void malformed(const char *what);
static char *string_of(const JsonbValue *value);
static int64 integer_of(const JsonbValue *value, int64 most);

Datum
booking_book_all(PG_FUNCTION_ARGS)
{
	Together	all = {.noun = "request"};
	Wish		usual = {.quantity = 1};
	Reading		reading = {.usual = &usual,.all = &all};

	booking_must_write(fcinfo);
	if (PG_ARGISNULL(0))
		booking_null_argument("requests");
	InitMaterializedSRF(fcinfo, 0);
	reading.requests = PG_GETARG_JSONB_P(0);
	if (!PG_ARGISNULL(1))
	{
		usual.holder = PG_GETARG_TEXT_PP(1);
		booking_check_holder(usual.holder);
	}
	usual.hold_for = PG_ARGISNULL(2) ? NULL : PG_GETARG_INTERVAL_P(2);
	booking_check_hold_for(usual.hold_for);
	all.group_id = PG_ARGISNULL(3) ? NULL : PG_GETARG_UUID_P(3);
	usual.data = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));

	if (!JB_ROOT_IS_ARRAY(reading.requests) || JB_ROOT_IS_SCALAR(reading.requests))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("requests must be a JSON array"),
				 errhint("For example: [{\"resource\": \"Blue room\", \"period\": \"[2030-05-06 09:00, 2030-05-06 10:00)\"}].")));
	if (JB_ROOT_COUNT(reading.requests) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("requests must not be empty")));
	booking_together_say_which(&all, read_requests, &reading);
	booking_together_book(&all);
	booking_together_return(fcinfo, &all);
	return (Datum) 0;
}

/* The bookings in the order of the entries. */
void
booking_together_return(FunctionCallInfo fcinfo, const Together *all)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	for (int i = 0; i < all->n; i++)
	{
		HeapTupleHeader row = DatumGetHeapTupleHeader(all->wish[i].booking);
		HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(row),.t_data = row};

		tuplestore_puttuple(result->setResult, &tuple);
	}
}

static void
read_requests(Together *all, void *arg)
{
	Reading    *reading = arg;
	JsonbContainer *array = &reading->requests->root;
	uint32		n = JsonContainerSize(array);
	Oid			range_in;

	getTypeInputInfo(TSTZRANGEOID, &range_in, &reading->range_param);
	fmgr_info(range_in, &reading->range_in);
	for (uint32 i = 0; i < n; i++)
	{
		JsonbValue *request = getIthJsonbValueFromContainer(array, i);

		CHECK_FOR_INTERRUPTS();
		all->current = (int) i + 1;
		all->field = NULL;
		if (request->type != jbvBinary || !JsonContainerIsObject(request->val.binary.data))
			malformed("must be a JSON object");
		read_request(reading, request->val.binary.data);
	}
	all->current = 0;
}

static void
read_request(Reading *reading, JsonbContainer *object)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	value;
	int			key = 0;

	memset(reading->has, 0, sizeof(reading->has));
	reading->wish = *reading->usual;
	reading->wish.entry = reading->all->current;
	reading->seats = NULL;
	reading->nseats = 0;

	token = JsonbIteratorNext(&iterator, &value, true);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_END_OBJECT)
	{
		if (token == WJB_KEY)
		{
			for (key = 0; key < REQUEST_NKEYS; key++)
				if (strlen(key_names[key]) == (size_t) value.val.string.len &&
					memcmp(key_names[key], value.val.string.val, value.val.string.len) == 0)
					break;
			reading->all->field = key < REQUEST_NKEYS ? key_names[key] : string_of(&value);
			if (key == REQUEST_NKEYS)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("is not a key of a request"),
						 errhint("The keys are resource, slot_id, period, quantity, seat, seats, holder, hold_for, id and data.")));
		}
		else if (token == WJB_VALUE && value.type != jbvNull)
		{
			reading->has[key] = true;
			read_value(reading, key, &value);
		}
	}
	add_request(reading);
}

static void
read_value(Reading *reading, RequestKey key, const JsonbValue *value)
{
	Wish	   *wish = &reading->wish;

	switch (key)
	{
		case KEY_RESOURCE:
			if (value->type == jbvNumeric)
				wish->resource_id = integer_of(value, PG_INT64_MAX);
			else if (value->type == jbvString)
				wish->name = string_of(value);
			else
				malformed("must be the name or the id of a resource");
			break;
		case KEY_SLOT_ID:
			wish->has_slot = true;
			wish->slot_id = integer_of(value, PG_INT64_MAX);
			break;
		case KEY_PERIOD:
			wish->range = DatumGetRangeTypeP(InputFunctionCall(&reading->range_in, string_of(value),
															   reading->range_param, -1));
			booking_check_period(wish->range, &wish->period);
			break;
		case KEY_QUANTITY:
			wish->quantity = (int32) integer_of(value, PG_INT32_MAX);
			booking_check_quantity(wish->quantity);
			break;
		case KEY_SEAT:
			wish->seat = string_of(value);
			break;
		case KEY_SEATS:
			read_seats(reading, value);
			break;
		case KEY_HOLDER:
			wish->holder = cstring_to_text(string_of(value));
			booking_check_holder(wish->holder);
			break;
		case KEY_HOLD_FOR:
			wish->hold_for = DatumGetIntervalP(DirectFunctionCall3(interval_in, CStringGetDatum(string_of(value)),
																   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
			booking_check_hold_for(wish->hold_for);
			break;
		case KEY_ID:
			wish->own_id = true;
			wish->id = *DatumGetUUIDP(DirectFunctionCall1(uuid_in, CStringGetDatum(string_of(value))));
			break;
		case KEY_DATA:
			if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
				malformed("must be a JSON object");
			wish->data = JsonbValueToJsonb(unconstify(JsonbValue *, value));
			break;
		case REQUEST_NKEYS:
			break;
	}
}

/* A request is read: it is one booking, or one for each of its seats. */
static void
add_request(Reading *reading)
{
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
			malformed(psprintf("must not be given together with \"%s\"", key_names[not_together[i][0]]));
		}
	reading->all->field = NULL;
	if (!has[KEY_RESOURCE] && !has[KEY_SLOT_ID])
		malformed("\"resource\" or \"slot_id\" is missing");
	if (has[KEY_RESOURCE] && !has[KEY_PERIOD])
	{
		reading->all->field = key_names[KEY_PERIOD];
		malformed("is missing");
	}
	if (reading->wish.holder == NULL)
	{
		reading->all->field = key_names[KEY_HOLDER];
		malformed("is missing, and the call has none for all");
	}
	if (has[KEY_SEATS] && reading->wish.quantity != 1)
	{
		reading->all->field = key_names[KEY_QUANTITY];
		malformed("must be 1 for seats, of which each is a booking");
	}
}

static void
read_seats(Reading *reading, const JsonbValue *value)
{
	uint32		n;
	char	  **sorted;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data) ||
		JsonContainerIsScalar(value->val.binary.data))
		malformed("must be an array of the labels of seats");
	n = JsonContainerSize(value->val.binary.data);
	if (n == 0)
		malformed("must not be empty");
	if (n > MOST_TOGETHER)
		malformed(psprintf("must have %d or fewer", MOST_TOGETHER));
	reading->seats = palloc_array(char *, n);
	reading->nseats = (int) n;
	for (uint32 i = 0; i < n; i++)
	{
		const JsonbValue *label = getIthJsonbValueFromContainer(value->val.binary.data, i);

		if (label->type != jbvString)
			malformed("must be an array of the labels of seats");
		reading->seats[i] = string_of(label);
	}
	sorted = palloc_array(char *, n);
	memcpy(sorted, reading->seats, n * sizeof(char *));
	qsort(sorted, n, sizeof(char *), compare_labels);
	for (uint32 i = 1; i < n; i++)
		if (strcmp(sorted[i - 1], sorted[i]) == 0)
			malformed(psprintf("seat \"%s\" is there twice", sorted[i]));
	pfree(sorted);
}

static int
compare_labels(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

static void
malformed(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", what)));
}

static char *
string_of(const JsonbValue *value)
{
	if (value->type != jbvString)
		malformed("must be a string");
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* From -most on, to most. */
static int64
integer_of(const JsonbValue *value, int64 most)
{
	char	   *digits;
	char	   *end;
	int64		number;

	if (value->type != jbvNumeric)
		malformed("must be a number");
	digits = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
	errno = 0;
	number = strtoll(digits, &end, 10);
	if (*end != '\0')
		malformed("must be a whole number");
	if (errno != 0 || number > most || number < -most)
		malformed("is out of range");
	return number;
}
