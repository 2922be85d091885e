/*-------------------------------------------------------------------------
 *
 * journal.c
 *		What happened to a booking, and in which order do readers get it?
 *
 * Each change of a row of booking.booking is a row of booking.event, written in the AFTER ROW
 * trigger, by the owner of the tables, in the transaction that makes the change.
 *
 * Order: an event has a position and a number.  The number comes from a sequence.  The position
 * is the next transaction id that had not been assigned when the change was made.  Two changes
 * of one booking are made one after the other, under the row's lock, so that the later one has a
 * position that is as high or higher, and a higher number.  (The id of the writing transaction
 * would not do: one that began earlier may change the booking later.)
 *
 * What may be read: a transaction in progress has an id, and whatever it writes has a higher
 * position.  So all events up to the oldest id in progress have been committed or never will
 * be, and nothing more will come among them: a reader that reads up to there, in the order of
 * position and number, skips nothing, however late a transaction commits.
 *
 * Another cluster: transaction ids begin anew where a dump is restored.  What was loaded must
 * come before what is written from then on.  So there is a base (in booking.journal), which is
 * added to the ids, and is raised when events above it are loaded (keep_positions()).  That
 * happens with all writers locked out; when they get their lock on booking.booking, they read
 * the message that the base has changed.
 *
 * Several bookings that a function of ours writes with one statement (book_all()): their events are
 * gathered and written together, right after it, with the position of then.  Readers get them in
 * the same order: the transaction has its id already, nothing is committed in between, and only
 * our own code runs between the first of these AFTER triggers and the writing.  Where others
 * have triggers or rules on the tables, which might change one of these bookings first, or look
 * for its event, events are not gathered.
 *
 * No lock is taken here but those of an INSERT; no writer waits for a reader, nor a reader for a
 * writer.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/cache.h"
#include "base/columns.h"
#include "base/compat.h"
#include "base/period.h"
#include "base/plans.h"
#include "base/rows.h"
#include "base/trigger.h"
#include "engine/request.h"
#include "engine/resource.h"
#include "engine/row.h"
#include "rules/journal.h"
#include "rules/notify.h"

PG_FUNCTION_INFO_V1(booking_events_loaded);
PG_FUNCTION_INFO_V1(booking_next_xid);

/* A text of more bytes is cut off, and data of more bytes is left out. */
#define LONGEST_TEXT	(1024 * 1024)
#define LONGEST_ACTOR	1024

/* Gathered events that take more memory are written before there are others. */
#define MOST_GATHERED	(1024 * 1024)

/* The parameters of STMT_WRITE_EVENT. */
typedef enum EventValue
{
	EVENT_POSITION,
	EVENT_AT,
	EVENT_KIND,
	EVENT_BOOKING_ID,
	EVENT_RESOURCE_ID,
	EVENT_SLOT_ID,
	EVENT_HOLDER,
	EVENT_VERSION,
	EVENT_ACTOR,
	EVENT_SESSION_ROLE,
	EVENT_DETAIL,
	EVENT_NVALUES
} EventValue;

/* One change of one row. */
typedef struct Happening
{
	TupleDesc	desc;
	HeapTuple	tuple[2];		/* before and after; NULL where there is none */
	BookingRow	row[2];
} Happening;

/* The base, for the only key 0. */
typedef struct BaseEntry
{
	int32		key;
	int64		base;
} BaseEntry;

static Cache bases = {
	.name = "booking journal", .keysize = sizeof(int32), .entrysize = sizeof(BaseEntry),
	.tables = DEPENDS_ON(JOURNAL), .limit = 1024 * 1024
};

/* booking.actor */
static char *actor = NULL;

/* A statement of ours is writing an event: nothing is being loaded. */
static bool writing = false;

/* What is deleted is only moved (archive.c). */
static bool moving = false;

/*
 * Where the events of several bookings go that a function of ours is writing; NULL: into the
 * table.
 */
static Gathering *gathering = NULL;

static bool check_actor(char **value, void **extra, GucSource source);
static bool is_recorded(const Happening *happening);
static int64 journal_position(void);
static int64 journal_base(void);
static int32 numbered_seat(const BookingRow *row);
static const char *kind_of(const Happening *happening);
static bool differs(const Happening *happening, int attno);
static Jsonb *rows_of_event(const Happening *happening);
static void push_new(JsonbInState *detail, const Happening *happening);
static void push_version(JsonbInState *detail, const Happening *happening, int version, const char *key);
static void push_key(JsonbInState *detail, const char *key);
static void push_column(JsonbInState *detail, Form_pg_attribute attribute, Datum value, bool isnull);
static bool is_shown(const Happening *happening, int attno);
static void get_shown(Datum value, Form_pg_attribute attribute, JsonbValue *shown);
static void show_string(char *text, int length, JsonbValue *shown);
static void append_period(StringInfo built, Period period);
static void append_instant(StringInfo text, TimestampTz instant);
static void append_uuid(StringInfo text, const pg_uuid_t *id);
static void write_event(const Happening *happening);
static void run_events(Datum *values, const char *nulls, int n, const Happening *to_tell);
static void fill_event(const Happening *happening, Datum *values, char *nulls);
static void fill_actor(Datum *values, char *nulls);
static void gather_event(Gathering *into, const Happening *happening);
static void write_gathered(Gathering *from);
static void tell_at_commit(const Happening *happening);

void
booking_journal_init(void)
{
	DefineCustomStringVariable("booking.actor",
							   "Who changes bookings, in the words of the application.",
							   "Recorded with each event in booking.event, beside the role of the session.",
							   &actor, "", PGC_USERSET, 0, check_actor, NULL, NULL);
}

static bool
check_actor(char **value, void **extra, GucSource source)
{
	if (*value == NULL || strlen(*value) <= LONGEST_ACTOR)
		return true;
	GUC_check_errdetail("It may have up to %d bytes.", LONGEST_ACTOR);
	return false;
}

void
booking_journal_move(bool now)
{
	moving = now;
}

/*
 * In an AFTER ROW trigger of booking.booking: write down what has happened.
 *
 * A row that is loaded as history happened long ago, and its events are loaded with it.
 */
void
booking_journal_stored(const TriggerData *trigger)
{
	Happening	happening = {.desc = RelationGetDescr(trigger->tg_relation)};
	bool		isnull;

	if (moving && TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		return;
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
	{
		Datum		created_at = heap_getattr(trigger->tg_trigtuple,
											  booking_row_column(happening.desc, BOOKING_CREATED_AT),
											  happening.desc, &isnull);

		if (!isnull && DatumGetTimestampTz(created_at) < GetCurrentTransactionStartTimestamp())
			return;
		happening.tuple[1] = trigger->tg_trigtuple;
	}
	else
	{
		happening.tuple[0] = trigger->tg_trigtuple;
		happening.tuple[1] = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : NULL;
	}

	for (int i = 0; i < 2; i++)
	{
		if (happening.tuple[i] == NULL)
			continue;
		booking_row_take_apart(happening.tuple[i], happening.desc, &happening.row[i]);
		booking_row_is_whole(&happening.row[i], true);
	}
	if (!is_recorded(&happening))
		return;
	if (gathering && happening.tuple[0] == NULL && booking_is_one_of_several(&happening.row[1]))
		gather_event(gathering, &happening);
	else
		write_event(&happening);
}

/*
 * A resource may opt out.  A booking that moves is recorded if the resource that it leaves
 * or the one that it comes to wants it.
 */
static bool
is_recorded(const Happening *happening)
{
	for (int i = 0; i < 2; i++)
	{
		const Resource *resource;

		if (happening->tuple[i] == NULL)
			continue;
		resource = booking_recall_resource(DatumGetInt64(happening->row[i].value[BOOKING_RESOURCE_ID]));
		if (resource == NULL || resource->record_events)
			return true;
	}
	return false;
}

static void
write_event(const Happening *happening)
{
	Datum		values[EVENT_NVALUES];
	char		nulls[EVENT_NVALUES];

	fill_event(happening, values, nulls);
	fill_actor(values, nulls);
	values[EVENT_POSITION] = Int64GetDatum(journal_position());
	values[EVENT_AT] = TimestampTzGetDatum(GetCurrentTimestamp());
	run_events(values, nulls, 1, booking_notify_mode() == NOTIFY_AT_COMMIT ? happening : NULL);
}

/* Put events into the table.  A single one may be something to tell. */
static void
run_events(Datum *values, const char *nulls, int n, const Happening *to_tell)
{
	bool		was_writing = writing;

	SPI_connect();
	writing = true;
	PG_TRY();
	{
		if (to_tell == NULL)
			booking_run_many(STMT_WRITE_EVENT, values, nulls, n);
		else if (booking_run(STMT_WRITE_EVENT_TO_TELL, values, nulls) > 0)
			tell_at_commit(to_tell);
	}
	PG_FINALLY();
	{
		writing = was_writing;
	}
	PG_END_TRY();
	SPI_finish();
}

/* What has happened; without the actor, and without the position in the journal. */
static void
fill_event(const Happening *happening, Datum *values, char *nulls)
{
	const BookingRow *row = &happening->row[happening->tuple[1] ? 1 : 0];

	memset(nulls, ' ', EVENT_NVALUES);
	values[EVENT_KIND] = CStringGetTextDatum(kind_of(happening));
	values[EVENT_BOOKING_ID] = row->value[BOOKING_ID];
	values[EVENT_RESOURCE_ID] = row->value[BOOKING_RESOURCE_ID];
	values[EVENT_SLOT_ID] = row->value[BOOKING_SLOT_ID];
	if (row->null[BOOKING_SLOT_ID])
		nulls[EVENT_SLOT_ID] = 'n';
	values[EVENT_HOLDER] = row->value[BOOKING_HOLDER];
	values[EVENT_VERSION] = row->value[BOOKING_VERSION];
	values[EVENT_DETAIL] = JsonbPGetDatum(rows_of_event(happening));
}

static void
fill_actor(Datum *values, char *nulls)
{
	const char *role = GetUserNameFromId(GetSessionUserId(), true);

	if (actor == NULL || *actor == '\0')
		nulls[EVENT_ACTOR] = 'n';
	else
	{
		/* The encoding of a setting is not always checked. */
		(void) pg_verifymbstr(actor, strlen(actor), false);
		values[EVENT_ACTOR] = CStringGetTextDatum(actor);
	}
	if (role == NULL || !pg_verifymbstr(role, strlen(role), true))
		role = psprintf("%u", GetSessionUserId());
	values[EVENT_SESSION_ROLE] = CStringGetTextDatum(role);
}

/* ---- several at once ---- */

/*
 * A statement of ours is going to write several bookings: their events are gathered, if no code
 * of others can run in between.  Once it is done, or has failed, booking_journal_gathered() is
 * called.
 */
void
booking_journal_gather(Gathering *into)
{
	bool		alone = booking_notify_mode() != NOTIFY_AT_COMMIT &&
		!booking_has_foreign_triggers(booking_table("booking")) &&
		!booking_has_foreign_triggers(booking_table("event"));

	*into = (Gathering) {.outer = gathering};
	if (alone)
		into->memory = AllocSetContextCreate(CurrentMemoryContext, "booking events", ALLOCSET_DEFAULT_SIZES);
	gathering = alone ? into : NULL;
}

void
booking_journal_gathered(Gathering *from, bool write)
{
	gathering = from->outer;
	if (write && from->n > 0)
		write_gathered(from);
	if (from->memory)
		MemoryContextDelete(from->memory);
	from->memory = NULL;
}

static void
gather_event(Gathering *into, const Happening *happening)
{
	static const EventValue copied[] = {EVENT_KIND, EVENT_BOOKING_ID, EVENT_HOLDER, EVENT_DETAIL};
	MemoryContext caller;
	Datum	   *values;

	if (into->n > 0 && MemoryContextMemAllocated(into->memory, false) > MOST_GATHERED)
		write_gathered(into);
	if (into->n == into->size)
	{
		into->size = Max(64, 2 * into->size);
		caller = MemoryContextSwitchTo(into->memory);
		into->values = into->n == 0 ? palloc_array(Datum, into->size * EVENT_NVALUES) :
			repalloc(into->values, into->size * EVENT_NVALUES * sizeof(Datum));
		into->nulls = into->n == 0 ? palloc(into->size * EVENT_NVALUES) :
			repalloc(into->nulls, into->size * EVENT_NVALUES);
		MemoryContextSwitchTo(caller);
	}
	values = into->values + into->n * EVENT_NVALUES;
	fill_event(happening, values, into->nulls + into->n * EVENT_NVALUES);

	caller = MemoryContextSwitchTo(into->memory);
	for (int i = 0; i < (int) lengthof(copied); i++)
		values[copied[i]] = datumCopy(values[copied[i]], false, copied[i] == EVENT_BOOKING_ID ? UUID_LEN : -1);
	MemoryContextSwitchTo(caller);
	into->n++;
}

static void
write_gathered(Gathering *from)
{
	MemoryContext caller = MemoryContextSwitchTo(from->memory);
	Datum		position = Int64GetDatum(journal_position());
	Datum		at = TimestampTzGetDatum(GetCurrentTimestamp());

	fill_actor(from->values, from->nulls);
	for (int i = 0; i < from->n; i++)
	{
		Datum	   *values = from->values + i * EVENT_NVALUES;
		char	   *nulls = from->nulls + i * EVENT_NVALUES;

		values[EVENT_POSITION] = position;
		values[EVENT_AT] = at;
		values[EVENT_ACTOR] = from->values[EVENT_ACTOR];
		nulls[EVENT_ACTOR] = from->nulls[EVENT_ACTOR];
		values[EVENT_SESSION_ROLE] = from->values[EVENT_SESSION_ROLE];
	}

	run_events(from->values, from->nulls, from->n, NULL);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(from->memory);
	from->n = from->size = 0;
}

/* Of the event that was written last; a resource that a booking leaves is notified, too. */
static void
tell_at_commit(const Happening *happening)
{
	bool		isnull;
	int64		seq = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	int64		of[2];

	for (int i = 0; i < 2; i++)
	{
		if (happening->tuple[i] == NULL)
			continue;
		of[i] = DatumGetInt64(happening->row[i].value[BOOKING_RESOURCE_ID]);
		if (i == 0 || happening->tuple[0] == NULL || of[0] != of[1])
			booking_notify_of(of[i], seq);
	}
}

/* Where in the journal is what happens now? */
static int64
journal_position(void)
{
	int32		key = 0;
	BaseEntry  *known = booking_cache_find(&bases, &key);

	if (known == NULL)
	{
		Generation *generation = booking_cache_load(&bases);
		BaseEntry	entry = {.base = journal_base()};

		known = booking_cache_keep(generation, &entry);
	}
	return known->base + (int64) U64FromFullTransactionId(ReadNextFullTransactionId());
}

/* The value of the only row; no row means zero. */
static int64
journal_base(void)
{
	Relation	rel = table_open(booking_table("journal"), AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	HeapTuple	row = booking_rows_one(&(RowsWanted) {.rel = rel}, NULL);
	bool		isnull;
	int64		base = 0;

	if (row)
		base = DatumGetInt64(heap_getattr(row, booking_column_number(desc, "base"), desc, &isnull));
	table_close(rel, NoLock);
	return base;
}

static const char *
kind_of(const Happening *happening)
{
	static const BookingColumn places[] = {
		BOOKING_RESOURCE_ID, BOOKING_SLOT_ID, BOOKING_QUANTITY
	};
	static const char *const states[] = {
		[BOOKING_HELD] = "held", [BOOKING_CONFIRMED] = "confirmed",
		[BOOKING_CANCELLED] = "cancelled", [BOOKING_EXPIRED] = "expired"
	};
	const BookingRow *old = &happening->row[0];
	const BookingRow *new = &happening->row[1];
	bool		moved;

	if (happening->tuple[1] == NULL)
		return "deleted";
	if (happening->tuple[0] == NULL && booking_row_status(new) == BOOKING_HELD && !new->null[BOOKING_WAITLIST_ID])
		return "offered";
	if (happening->tuple[0] == NULL || booking_row_status(new) != booking_row_status(old))
		return states[booking_row_status(new)];
	if (!new->null[BOOKING_CHECKED_OUT_AT] && differs(happening, new->column[BOOKING_CHECKED_OUT_AT]))
		return "checked_out";
	if (!new->null[BOOKING_CHECKED_IN_AT] && differs(happening, new->column[BOOKING_CHECKED_IN_AT]))
		return "checked_in";
	moved = !booking_row_same_range(new, old, BOOKING_PERIOD) || numbered_seat(new) != numbered_seat(old);
	for (int i = 0; i < (int) lengthof(places); i++)
		moved |= !booking_row_same(new, old, places[i]);
	if (moved)
		return "rescheduled";
	return differs(happening, new->column[BOOKING_EXPIRES_AT]) ? "extended" : "changed";
}

/* 0 and none are not two seats: of a slot with one place it depends on the slots around it. */
static int32
numbered_seat(const BookingRow *row)
{
	return row->null[BOOKING_SEAT_NO] ? 0 : DatumGetInt32(row->value[BOOKING_SEAT_NO]);
}

/* Is a column of a row that was changed another than before? */
static bool
differs(const Happening *happening, int attno)
{
	Form_pg_attribute attribute = TupleDescAttr(happening->desc, attno - 1);
	bool		null[2];
	Datum		value[2];

	for (int i = 0; i < 2; i++)
		value[i] = heap_getattr(happening->tuple[i], attno, happening->desc, &null[i]);
	if (null[0] || null[1])
		return null[0] != null[1];

	/* What is out of line and stays there is not fetched. */
	if (attribute->attlen == -1 && VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(value[0])) &&
		VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(value[1])) &&
		memcmp(DatumGetPointer(value[0]), DatumGetPointer(value[1]), TOAST_POINTER_SIZE) == 0)
		return false;
	return !datum_image_eq(value[0], value[1], attribute->attbyval, attribute->attlen);
}

/*
 * {"now": {...}, "was": {...}}.  Of a new booking, what it is; of a changed one, the columns
 * that differ; of a deleted one, all that it was.
 */
static Jsonb *
rows_of_event(const Happening *happening)
{
	JsonbInState detail = {0};

	push_jsonb(&detail, WJB_BEGIN_OBJECT, NULL);
	if (happening->tuple[0] == NULL)
		push_new(&detail, happening);
	else if (happening->tuple[1])
		push_version(&detail, happening, 1, "now");
	if (happening->tuple[0])
		push_version(&detail, happening, 0, "was");
	push_jsonb(&detail, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(detail.result);
}

/* Of a new row, not what is still in the row, or in the next event if that changes it. */
static void
push_new(JsonbInState *detail, const Happening *happening)
{
	/* In the order that the keys have in a jsonb, so that they need not be sorted. */
	static const BookingColumn shown_ones[] = {
		BOOKING_PERIOD, BOOKING_REASON, BOOKING_STATUS, BOOKING_SEAT_NO, BOOKING_GROUP_ID, BOOKING_QUANTITY,
		BOOKING_EXPIRES_AT, BOOKING_WAITLIST_ID, BOOKING_CHECKED_IN_AT, BOOKING_CHECKED_OUT_AT
	};
	const BookingRow *row = &happening->row[1];

	push_key(detail, "now");
	push_jsonb(detail, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < (int) lengthof(shown_ones); i++)
		if (!row->null[shown_ones[i]])
			push_column(detail, TupleDescAttr(happening->desc, row->column[shown_ones[i]] - 1),
						row->value[shown_ones[i]], false);
	push_jsonb(detail, WJB_END_OBJECT, NULL);
}

static void
push_version(JsonbInState *detail, const Happening *happening, int version, const char *key)
{
	push_key(detail, key);
	push_jsonb(detail, WJB_BEGIN_OBJECT, NULL);
	for (int attno = 1; attno <= happening->desc->natts; attno++)
	{
		Form_pg_attribute attribute = TupleDescAttr(happening->desc, attno - 1);
		Datum		value;
		bool		isnull;

		if (attribute->attisdropped || attribute->attgenerated || !is_shown(happening, attno))
			continue;
		value = heap_getattr(happening->tuple[version], attno, happening->desc, &isnull);
		if (!isnull || happening->tuple[1])
			push_column(detail, attribute, value, isnull);
	}
	push_jsonb(detail, WJB_END_OBJECT, NULL);
}

static void
push_key(JsonbInState *detail, const char *key)
{
	JsonbValue	shown;

	show_string(unconstify(char *, key), strlen(key), &shown);
	push_jsonb(detail, WJB_KEY, &shown);
}

static void
push_column(JsonbInState *detail, Form_pg_attribute attribute, Datum value, bool isnull)
{
	JsonbValue	shown;

	push_key(detail, NameStr(attribute->attname));
	if (isnull)
		shown.type = jbvNull;
	else
		get_shown(value, attribute, &shown);
	push_jsonb(detail, WJB_VALUE, &shown);
}

/*
 * Is a column of an existing row shown in the detail of its event?  Columns that follow from
 * others are not, nor those that the event has itself.
 */
static bool
is_shown(const Happening *happening, int attno)
{
	const AttrNumber *column = happening->row[happening->tuple[1] ? 1 : 0].column;

	if (happening->tuple[1] == NULL)
		return true;
	if (attno == column[BOOKING_VERSION] || attno == column[BOOKING_UPDATED_AT])
		return false;
	if (attno == column[BOOKING_OCCUPIES] &&
		!booking_row_same_range(&happening->row[0], &happening->row[1], BOOKING_PERIOD))
		return false;
	return differs(happening, attno);
}

/*
 * Instants are in UTC and as ISO 8601, whatever the session's settings; what others have added
 * is text.
 */
static void
get_shown(Datum value, Form_pg_attribute attribute, JsonbValue *shown)
{
	StringInfoData built;
	char	   *other;

	switch (attribute->atttypid)
	{
		case INT4OID:
		case INT8OID:
			shown->type = jbvNumeric;
			shown->val.numeric = int64_to_numeric(attribute->atttypid == INT4OID ? DatumGetInt32(value) : DatumGetInt64(value));
			return;
		case TIMESTAMPTZOID:
			initStringInfo(&built);
			append_instant(&built, DatumGetTimestampTz(value));
			break;
		case TSTZRANGEOID:
			initStringInfo(&built);
			append_period(&built, booking_period(DatumGetRangeTypeP(value)));
			break;
		case JSONBOID:
			if (toast_raw_datum_size(value) <= LONGEST_TEXT)
			{
				JsonbToJsonbValue(DatumGetJsonbP(value), shown);
				return;
			}
			initStringInfo(&built);
			appendStringInfo(&built, "(%zu bytes)", (size_t) toast_raw_datum_size(value) - VARHDRSZ);
			break;
		case TEXTOID:
			{
				text	   *packed = toast_raw_datum_size(value) > 2 * LONGEST_TEXT ?
					DatumGetTextPSlice(value, 0, 2 * LONGEST_TEXT) : DatumGetTextPP(value);

				show_string(VARDATA_ANY(packed), VARSIZE_ANY_EXHDR(packed), shown);
				return;
			}
		case UUIDOID:
			initStringInfo(&built);
			append_uuid(&built, DatumGetUUIDP(value));
			break;
		default:
			{
				Oid			output;
				bool		is_varlena;

				getTypeOutputInfo(attribute->atttypid, &output, &is_varlena);
				other = OidOutputFunctionCall(output, value);
				show_string(other, strlen(other), shown);
				return;
			}
	}
	show_string(built.data, built.len, shown);
}

static void
append_period(StringInfo built, Period period)
{
	appendStringInfoChar(built, '[');
	append_instant(built, period.from);
	appendStringInfoChar(built, ',');
	if (period.to != DT_NOEND)
		append_instant(built, period.to);
	appendStringInfoChar(built, ')');
}

/* As uuid_out() writes it, which takes four times as long. */
static void
append_uuid(StringInfo text, const pg_uuid_t *id)
{
	char		hex[2 * UUID_LEN];

	(void) hex_encode((const char *) id->data, UUID_LEN, hex);
	for (int i = 0, n = 8; i < (int) sizeof(hex); i += n, n = i < 20 ? 4 : 12)
	{
		if (i > 0)
			appendStringInfoChar(text, '-');
		appendBinaryStringInfo(text, hex + i, n);
	}
}

static void
show_string(char *text, int length, JsonbValue *shown)
{
	shown->type = jbvString;
	shown->val.string.val = text;
	shown->val.string.len = length > LONGEST_TEXT ? pg_mbcliplen(text, length, LONGEST_TEXT) : length;
}

static void
append_instant(StringInfo text, TimestampTz instant)
{
	static const int utc = 0;
	char		shown[MAXDATELEN + 1];

	JsonEncodeDateTime(shown, TimestampTzGetDatum(instant), TIMESTAMPTZOID, &utc);
	appendStringInfoString(text, shown);
}

/* ---- loading ---- */

/*
 * AFTER INSERT on the tables that have positions in them, for each statement: what is loaded
 * comes before what will happen.
 */
Datum
booking_events_loaded(PG_FUNCTION_ARGS)
{
	static TriggerUse use = {
		.timing = TRIGGER_TYPE_AFTER, .levels = LEVEL_STATEMENT,
		.events = ON_INSERT, .tables = "event journal subscriber_lane"
	};

	booking_check_trigger(fcinfo, &use);
	if (!writing)
	{
		SPI_connect();
		booking_run(STMT_KEEP_POSITIONS, NULL, NULL);
		SPI_finish();
	}
	return PointerGetDatum(NULL);
}

/* next_xid(): the lowest transaction id that has not been assigned. */
Datum
booking_next_xid(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) U64FromFullTransactionId(ReadNextFullTransactionId()));
}
