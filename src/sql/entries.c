/*-------------------------------------------------------------------------
 *
 * entries.c
 *		A JSON array of objects as an argument, and what may be wrong with it.
 *
 * An error says which of the objects and which key it is about.  A key whose value is null
 * counts as left out; an unknown one is an error.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/uuid.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/period.h"
#include "sql/entries.h"

/* The array, and what is to be done with it. */
typedef struct EntriesToRead
{
	JsonbContainer *array;
	const EntryReader *reader;
} EntriesToRead;

pg_noreturn static void not_an_array(Jsonb *entries, const EntryReader *reader);
static void read_entries(Together *all, void *arg);
static void read_entry(Together *all, JsonbContainer *object, const EntryReader *reader);
static int	find_key(const EntryReader *reader, const JsonbValue *key);
pg_noreturn static void unknown_key(const EntryReader *reader);

/* Read all of them; "all" knows what they are called, and is told which is in hand. */
void
booking_read_entries(Together *all, Jsonb *entries, const EntryReader *reader)
{
	EntriesToRead to_read = {&entries->root, reader};

	if (!JB_ROOT_IS_ARRAY(entries) || JB_ROOT_IS_SCALAR(entries))
		not_an_array(entries, reader);
	if (JB_ROOT_COUNT(entries) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be empty", reader->name)));
	booking_together_say_which(all, read_entries, &to_read);
}

/* Some drivers encode what is sent to a jsonb, also a text that is JSON already. */
static void
not_an_array(Jsonb *entries, const EntryReader *reader)
{
	bool		is_string = JB_ROOT_IS_SCALAR(entries) &&
		getIthJsonbValueFromContainer(&entries->root, 0)->type == jbvString;

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be a JSON array", reader->name),
			 is_string ?
			 errhint("It is a JSON string.  If a driver has made one of a text, cast it: $1::text::jsonb.") :
			 errhint("For example: %s.", reader->example)));
}

static void
read_entries(Together *all, void *arg)
{
	EntriesToRead *to_read = arg;
	uint32		n = JsonContainerSize(to_read->array);
	uint32		most = (uint32) to_read->reader->most;

	/* Before any is read. */
	if (n > most)
	{
		all->current = (int) most + 1;
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("too many %s for one call", to_read->reader->name),
				 errdetail("There are %u; at most %u can be made together.", n, most),
				 errhint("What need not be done all or none can be in several calls.")));
	}
	for (uint32 i = 0; i < n; i++)
	{
		JsonbValue *entry = getIthJsonbValueFromContainer(to_read->array, i);

		CHECK_FOR_INTERRUPTS();
		all->current = (int) i + 1;
		all->field = NULL;
		if (entry->type != jbvBinary || !JsonContainerIsObject(entry->val.binary.data))
			booking_malformed("must be a JSON object");
		read_entry(all, entry->val.binary.data, to_read->reader);
	}
}

static void
read_entry(Together *all, JsonbContainer *object, const EntryReader *reader)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	value;
	int			key = 0;

	reader->begin(reader->arg);
	(void) JsonbIteratorNext(&iterator, &value, true);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_END_OBJECT)
	{
		if (token == WJB_KEY)
		{
			key = find_key(reader, &value);
			all->field = key < reader->nkeys ? reader->keys[key] : booking_json_string(&value);
			if (key == reader->nkeys)
				unknown_key(reader);
		}
		else if (token == WJB_VALUE && value.type != jbvNull)
			reader->value(reader->arg, key, &value);
	}
	all->field = NULL;
	reader->end(reader->arg);
}

static int
find_key(const EntryReader *reader, const JsonbValue *key)
{
	int			i = 0;

	while (i < reader->nkeys &&
		   (strlen(reader->keys[i]) != (size_t) key->val.string.len ||
			memcmp(reader->keys[i], key->val.string.val, key->val.string.len) != 0))
		i++;
	return i;
}

static void
unknown_key(const EntryReader *reader)
{
	StringInfoData known;

	initStringInfo(&known);
	for (int i = 0; i < reader->nkeys; i++)
		appendStringInfo(&known, "%s%s", i == 0 ? "" : i < reader->nkeys - 1 ? ", " : " and ",
						 reader->keys[i]);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("is not one of the keys"),
			 errhint("The keys are %s.", known.data)));
}

void
booking_malformed(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", what)));
}

char *
booking_json_string(const JsonbValue *value)
{
	if (value->type != jbvString)
		booking_malformed("must be a string");
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static int64
whole_number(const char *digits, int64 most)
{
	char	   *end;
	int64		number;

	errno = 0;
	number = strtoll(digits, &end, 10);
	if (*end != '\0')
		booking_malformed("must be a whole number");
	if (errno != 0 || number > most || number < -most)
		booking_malformed("is out of range");
	return number;
}

/* From -most on, to most. */
int64
booking_json_integer(const JsonbValue *value, int64 most)
{
	if (value->type != jbvNumeric)
		booking_malformed("must be a number");
	return whole_number(DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric))), most);
}

/*
 * The id of what has no name by which it could be meant: as a text, too, which is what the
 * drivers of JavaScript make of a bigint.
 */
int64
booking_json_id(const JsonbValue *value)
{
	char	   *digits;

	if (value->type != jbvString)
		return booking_json_integer(value, PG_INT64_MAX);
	digits = booking_json_string(value);
	if (!booking_is_integer(digits))
		booking_malformed("must be a number");
	return whole_number(digits, PG_INT64_MAX);
}

RangeType *
booking_json_period(const JsonbValue *value)
{
	/* It remembers what it has looked up about the type. */
	static FmgrInfo input = {0};
	Period		unused;
	RangeType  *range;

	if (input.fn_oid == InvalidOid)
		fmgr_info_cxt(F_RANGE_IN, &input, TopMemoryContext);
	range = DatumGetRangeTypeP(InputFunctionCall(&input, booking_json_string(value), TSTZRANGEOID, -1));
	booking_check_period(range, &unused);
	return range;
}

pg_uuid_t
booking_json_uuid(const JsonbValue *value)
{
	return *DatumGetUUIDP(DirectFunctionCall1(uuid_in, CStringGetDatum(booking_json_string(value))));
}
