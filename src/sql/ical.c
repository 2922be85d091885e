/*-------------------------------------------------------------------------
 *
 * ical.c
 *		ical(): the bookings of a resource as a calendar that other programs open.
 *
 * RFC 5545: lines end in CRLF, are at most 75 octets long and go on in the next line after a
 * space, and the text of users is escaped, so that no name and no holder can begin a line.
 *
 * A caller that may read the bookings gets a VEVENT for each one in force: they are read with
 * the caller's rights and policies.  One that may not gets a VEVENT "Busy" for each stretch of
 * time in which nothing more can be booked, and no holder; usage() tells as much.  (VFREEBUSY
 * alone is the standard's way to say so, and what most calendar programs ignore.)  A VFREEBUSY
 * with the same stretches is always there: a calendar must not be empty.
 *
 * A booking without an end ends with the time that is asked for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/cache.h"
#include "base/compat.h"
#include "base/plans.h"
#include "rules/availability.h"
#include "sql/looking.h"

PG_FUNCTION_INFO_V1(booking_ical_named);
PG_FUNCTION_INFO_V1(booking_ical);

/* Octets in a line, without its end. */
#define LONGEST_LINE	75

/* Years are written with four digits: the first instant and the last that can be. */
#define FIRST_INSTANT	(INT64CONST(-730119) * USECS_PER_DAY)	/* 0001-01-01 */
#define LAST_INSTANT	(INT64CONST(2921940) * USECS_PER_DAY - USECS_PER_SEC) /* 9999-12-31 23:59:59 */

/* Stretches in which nothing is left, as they are found. */
typedef struct Busy
{
	int64		units;
	Periods		period;
} Busy;

static text *make_calendar(FunctionCallInfo fcinfo, bool by_name);
static bool may_read_bookings(void);
static void put_bookings(StringInfo out, const Resource *resource, Period within);
static void put_booking(StringInfo out, const Resource *resource, Period within, HeapTuple row, TupleDesc desc);
static void find_busy(const Resource *resource, Period within, Periods *busy);
static void add_busy(int64 from, int64 to, int64 sum, void *arg);
static void put_busy_events(StringInfo out, const Resource *resource, const Periods *busy);
static void put_free_busy(StringInfo out, const Resource *resource, Period within, const Periods *busy);
static char *calendar_id(const Resource *resource, const char *kind, TimestampTz at);
static void put_instant(StringInfo out, const char *property, TimestampTz at);
static void put_period(StringInfo out, Period period);
static TimestampTz second_after(TimestampTz at);
static char *instant_text(TimestampTz at);
static char *escaped(const char *words);
static const char *line_break(const char *at);
static void put(StringInfo out, const char *line);

Datum
booking_ical_named(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(make_calendar(fcinfo, true));
}

Datum
booking_ical(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(make_calendar(fcinfo, false));
}

static text *
make_calendar(FunctionCallInfo fcinfo, bool by_name)
{
	Period		within = booking_period_argument(fcinfo, 1, "within");
	const Resource *resource;
	Periods		busy = {0};
	StringInfoData out;

	booking_check_search(within);
	resource = booking_look_argument(fcinfo, by_name);
	find_busy(resource, within, &busy);

	initStringInfo(&out);
	put(&out, "BEGIN:VCALENDAR");
	put(&out, "VERSION:2.0");
	put(&out, "PRODID:-//booking//PostgreSQL//EN");
	put(&out, "CALSCALE:GREGORIAN");
	put(&out, psprintf("X-WR-CALNAME:%s", escaped(resource->name)));
	if (may_read_bookings())
		put_bookings(&out, resource, within);
	else
		put_busy_events(&out, resource, &busy);
	put_free_busy(&out, resource, within, &busy);
	put(&out, "END:VCALENDAR");
	return cstring_to_text_with_len(out.data, out.len);
}

/* ---- for callers that may read the bookings ---- */

/* May the caller read what STMT_CALENDAR reads? */
static bool
may_read_bookings(void)
{
	return pg_class_aclcheck(booking_table("booking"), GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
		pg_class_aclcheck(booking_table("slot"), GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

static void
put_bookings(StringInfo out, const Resource *resource, Period within)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext row_context = AllocSetContextCreate(context, "booking ical", ALLOCSET_DEFAULT_SIZES);
	Datum		values[2];
	uint64		n;

	values[0] = Int64GetDatum(resource->id);
	values[1] = RangeTypePGetDatum(booking_make_range(within));
	SPI_connect();
	n = booking_run(STMT_CALENDAR, values, NULL);
	context = MemoryContextSwitchTo(row_context);
	for (uint64 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		put_booking(out, resource, within, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(context);
	SPI_finish();
	MemoryContextDelete(row_context);
}

static void
put_booking(StringInfo out, const Resource *resource, Period within, HeapTuple row, TupleDesc desc)
{
	bool		isnull;
	Datum		value;
	Period		period = booking_period(DatumGetRangeTypeP(SPI_getbinval(row, desc, 2, &isnull)));
	const Seat *seat;
	int32		quantity = DatumGetInt32(SPI_getbinval(row, desc, 4, &isnull));
	bool		held = strcmp(SPI_getvalue(row, desc, 6), "held") == 0;

	value = SPI_getbinval(row, desc, 3, &isnull);
	seat = isnull || resource->kind != RESOURCE_SEATED ? NULL : booking_seat_numbered(resource, DatumGetInt32(value));
	if (period.to == DT_NOEND)
		period.to = within.to;

	put(out, "BEGIN:VEVENT");
	put(out, psprintf("UID:%s", SPI_getvalue(row, desc, 1)));
	put_instant(out, "DTSTAMP", DatumGetTimestampTz(SPI_getbinval(row, desc, 9, &isnull)));
	put_instant(out, "CREATED", DatumGetTimestampTz(SPI_getbinval(row, desc, 8, &isnull)));
	put_instant(out, "LAST-MODIFIED", DatumGetTimestampTz(SPI_getbinval(row, desc, 9, &isnull)));
	put(out, psprintf("SEQUENCE:%d", Max(0, DatumGetInt32(SPI_getbinval(row, desc, 7, &isnull)))));
	put_period(out, period);
	put(out, psprintf("SUMMARY:%s%s", escaped(SPI_getvalue(row, desc, 5)),
					  quantity > 1 ? psprintf(" (%d)", quantity) : ""));
	put(out, psprintf("LOCATION:%s%s", escaped(resource->name),
					  seat ? psprintf("\\, %s", escaped(seat->label)) : ""));
	put(out, held ? "STATUS:TENTATIVE" : "STATUS:CONFIRMED");
	put(out, "END:VEVENT");
}

/* ---- when it is busy ---- */

/* When nothing more can be booked, because of what is taken. */
static void
find_busy(const Resource *resource, Period within, Periods *busy)
{
	Busy		found = {.units = booking_units(resource)};
	SlotList	slots;
	Taken		taken;

	if (!resource->slots_only)
	{
		booking_look(resource, within, NULL, &taken);
		booking_steps(taken.item, taken.n, (PeakWindow) {within.from, within.to}, add_busy, &found);
	}
	else
	{
		TimestampTz now = GetCurrentTimestamp();

		booking_slots_touching(resource, within, &slots);
		for (int i = 0; i < slots.n; i++)
		{
			CHECK_FOR_INTERRUPTS();
			if (slots.slot[i].capacity > 0 && booking_look_at_places(&slots.slot[i], now) <= 0)
				booking_periods_add(&found.period, (Period)
									{
										Max(slots.slot[i].period.from, within.from),
										Min(slots.slot[i].period.to, within.to)
									});
		}
		booking_periods_maximal(&found.period);
	}
	*busy = found.period;
}

static void
add_busy(int64 from, int64 to, int64 sum, void *arg)
{
	Busy	   *busy = arg;
	Periods    *all = &busy->period;

	CHECK_FOR_INTERRUPTS();
	if (sum < busy->units)
		return;
	if (all->n > 0 && all->period[all->n - 1].to == from)
		all->period[all->n - 1].to = to;
	else
		booking_periods_add(all, (Period) {from, to});
}

static void
put_busy_events(StringInfo out, const Resource *resource, const Periods *busy)
{
	for (int i = 0; i < busy->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		put(out, "BEGIN:VEVENT");
		put(out, calendar_id(resource, "busy", busy->period[i].from));
		put_instant(out, "DTSTAMP", GetCurrentTimestamp());
		put_period(out, busy->period[i]);
		put(out, "SUMMARY:Busy");
		put(out, psprintf("LOCATION:%s", escaped(resource->name)));
		put(out, "END:VEVENT");
	}
}

static void
put_free_busy(StringInfo out, const Resource *resource, Period within, const Periods *busy)
{
	put(out, "BEGIN:VFREEBUSY");
	put(out, calendar_id(resource, "free-busy", within.from));
	put_instant(out, "DTSTAMP", GetCurrentTimestamp());
	put_period(out, within);
	for (int i = 0; i < busy->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		put(out, psprintf("FREEBUSY;FBTYPE=BUSY:%s/%s", instant_text(busy->period[i].from),
						  instant_text(second_after(busy->period[i].to))));
	}
	put(out, "END:VFREEBUSY");
}

/* Of what has no id of its own: the same whenever it is asked for, and nowhere else. */
static char *
calendar_id(const Resource *resource, const char *kind, TimestampTz at)
{
	return psprintf("UID:%s-%lld-%s@" UINT64_FORMAT ".%u", kind, (long long) resource->id, instant_text(at),
					GetSystemIdentifier(), MyDatabaseId);
}

/* ---- lines ---- */

/* No part of a second can be written: a period begins with the second, and ends after it. */
static void
put_period(StringInfo out, Period period)
{
	put_instant(out, "DTSTART", period.from);
	put_instant(out, "DTEND", second_after(period.to));
}

static TimestampTz
second_after(TimestampTz at)
{
	int64		beyond = at % USECS_PER_SEC;

	return beyond == 0 ? at : booking_shift(at, (beyond < 0 ? 0 : USECS_PER_SEC) - beyond);
}

static void
put_instant(StringInfo out, const char *property, TimestampTz at)
{
	put(out, psprintf("%s:%s", property, instant_text(at)));
}

static char *
instant_text(TimestampTz at)
{
	struct pg_tm tm;
	fsec_t		fsec;

	at = Min(Max(at, FIRST_INSTANT), LAST_INSTANT);
	if (timestamp2tm(at, NULL, &tm, &fsec, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return psprintf("%04d%02d%02dT%02d%02d%02dZ", tm.tm_year, tm.tm_mon, tm.tm_mday,
					tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/*
 * A text as the value of a property.  Whatever any program may take for the end of a line
 * becomes "\n"; other control characters are left out.
 */
static char *
escaped(const char *words)
{
	StringInfoData text;
	const char *next;

	initStringInfo(&text);
	for (const char *at = words; *at; at = next)
	{
		next = line_break(at);
		if (next)
		{
			appendStringInfoString(&text, "\\n");
			continue;
		}
		next = at + pg_mblen(at);
		if (next == at + 1 && strchr("\\;,", *at))
			appendStringInfoChar(&text, '\\');
		if (next > at + 1 || (unsigned char) *at >= 0x80 || *at == '\t' || ((unsigned char) *at >= 0x20 && *at != 0x7f))
			appendBinaryStringInfo(&text, at, next - at);
	}
	return text.data;
}

/* Behind the end of a line, if there is one here: Unicode has some more. */
static const char *
line_break(const char *at)
{
	if (at[0] == '\r' && at[1] == '\n')
		return at + 2;
	if (*at == '\r' || *at == '\n' || *at == '\v' || *at == '\f')
		return at + 1;
	if (GetDatabaseEncoding() == PG_UTF8 && strncmp(at, "\xc2\x85", 2) == 0)
		return at + 2;
	if (GetDatabaseEncoding() == PG_UTF8 && (strncmp(at, "\xe2\x80\xa8", 3) == 0 || strncmp(at, "\xe2\x80\xa9", 3) == 0))
		return at + 3;
	return NULL;
}

/* A line, folded where it is too long, and never inside a character. */
static void
put(StringInfo out, const char *line)
{
	int			octets = 0;

	if (strlen(line) <= LONGEST_LINE)
	{
		appendStringInfoString(out, line);
		line = "";
	}
	for (const char *at = line; *at;)
	{
		int			length = pg_mblen(at);

		if (octets + length > LONGEST_LINE)
		{
			appendStringInfoString(out, "\r\n ");
			octets = 1;
		}
		appendBinaryStringInfo(out, at, length);
		octets += length;
		at += length;
	}
	appendStringInfoString(out, "\r\n");
}
