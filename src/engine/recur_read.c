/*-------------------------------------------------------------------------
 *
 * recur_read.c
 *		What does the text of a recurrence rule say (RFC 5545, 3.3.10)?
 *
 * Plain C over text: no SQL, no catalogs, no ereport(), and nothing is allocated.  What is
 * wrong is said with the name of the part that it is in.
 *
 * Read are FREQ, INTERVAL, COUNT, UNTIL, BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS and WKST, in any
 * order, in capitals or not, each once.  A FREQ below a day, and what goes with it, would give
 * several bookings a day; BYWEEKNO and BYYEARDAY are not supported.  Each of them is refused, for
 * a part that is passed over would make another series than the one that is meant.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/datetime.h"

#include "engine/recur.h"

/* In the order of the names below. */
typedef enum RecurPart
{
	PART_FREQ,
	PART_INTERVAL,
	PART_COUNT,
	PART_UNTIL,
	PART_BYDAY,
	PART_BYMONTHDAY,
	PART_BYMONTH,
	PART_BYSETPOS,
	PART_WKST,
	RECUR_NPARTS
} RecurPart;

static const char *const part_names[RECUR_NPARTS] = {
	"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "WKST"
};

static const char *const weekday_names[7] = {"MO", "TU", "WE", "TH", "FR", "SA", "SU"};

#define PART_BIT(part)	(UINT32_C(1) << (part))

/* A piece of the text. */
typedef struct Piece
{
	const char *at;
	int			length;
} Piece;

static bool fault_in(RecurFault *fault, const char *part, const char *problem, const Piece *piece);
static Piece cut_off(Piece *rest, char separator);
static bool is_word(const Piece *piece, const char *word);
static bool read_part(const Piece *name, const Piece *value, Recurrence *rule, RecurFault *fault);
static bool read_value_of(RecurPart part, const Piece *value, Recurrence *rule, RecurFault *fault);
static bool read_frequency(const Piece *value, Recurrence *rule, RecurFault *fault);
static bool read_int(const Piece *piece, int32 least, int32 most, int32 *number);
static bool read_digits(const char *at, int n, int *number);
static bool read_until(const Piece *value, Recurrence *rule, RecurFault *fault);
static bool read_list_item(RecurPart part, const Piece *item, Recurrence *rule);
static bool read_weekday(const Piece *piece, int *weekday);
static bool read_by_day(const Piece *item, Recurrence *rule);
static bool parts_fit(const Recurrence *rule, RecurFault *fault);

/* False, and what is wrong. */
bool
booking_recur_read(const char *text, Recurrence *rule, RecurFault *fault)
{
	Piece		rest = {text, (int) strnlen(text, PG_INT16_MAX)};

	memset(rule, 0, sizeof(*rule));
	rule->interval = 1;
	if (rest.length == PG_INT16_MAX)
		return fault_in(fault, "", "is too long", NULL);
	if (rest.length >= 6 && pg_strncasecmp(rest.at, "RRULE:", 6) == 0)
	{
		rest.at += 6;
		rest.length -= 6;
	}
	if (rest.length == 0)
		return fault_in(fault, "", "is empty", NULL);
	while (rest.at != NULL)
	{
		Piece		value = cut_off(&rest, ';');
		Piece		name = cut_off(&value, '=');

		if (value.at == NULL)
			return fault_in(fault, "", "%s is no part of a rule: NAME=VALUE", &name);
		if (!read_part(&name, &value, rule, fault))
			return false;
	}
	return parts_fit(rule, fault);
}

/* Does the rule itself say when it ends? */
bool
booking_recur_ends(const Recurrence *rule)
{
	return rule->count > 0 || rule->has_until;
}

/*
 * Always false.  The problem may have a place for a piece of the text, which is shown in
 * quotation marks, cut off if it is long, and without anything but printable ASCII: a byte of
 * it alone may be no character.
 */
static bool
fault_in(RecurFault *fault, const char *part, const char *problem, const Piece *piece)
{
	char		shown[48];
	int			n = 0;

	shown[n++] = '"';
	for (int i = 0; piece && i < Min(piece->length, 40); i++)
		shown[n++] = piece->at[i] >= ' ' && piece->at[i] <= '~' ? piece->at[i] : '?';
	if (piece && piece->length > 40)
		n += snprintf(shown + n, sizeof(shown) - n, "...");
	shown[n++] = '"';
	shown[n] = '\0';
	strlcpy(fault->part, part, sizeof(fault->part));
	snprintf(fault->problem, sizeof(fault->problem), problem, shown);
	return false;
}

/* What is before the separator; the rest after it, which is NULL when there was none. */
static Piece
cut_off(Piece *rest, char separator)
{
	const char *end = memchr(rest->at, separator, rest->length);
	Piece		first = *rest;

	if (end == NULL)
	{
		rest->at = NULL;
		rest->length = 0;
		return first;
	}
	first.length = (int) (end - first.at);
	rest->at = end + 1;
	rest->length -= first.length + 1;
	return first;
}

static bool
is_word(const Piece *piece, const char *word)
{
	return piece->length == (int) strlen(word) && pg_strncasecmp(piece->at, word, piece->length) == 0;
}

static bool
read_part(const Piece *name, const Piece *value, Recurrence *rule, RecurFault *fault)
{
	static const char *const unsupported[] = {
		"BYSECOND", "BYMINUTE", "BYHOUR", "BYYEARDAY", "BYWEEKNO"
	};

	for (int i = 0; i < (int) lengthof(unsupported); i++)
		if (is_word(name, unsupported[i]))
			return fault_in(fault, unsupported[i], "is not supported", NULL);
	for (int part = 0; part < RECUR_NPARTS; part++)
	{
		if (!is_word(name, part_names[part]))
			continue;
		if (rule->parts & PART_BIT(part))
			return fault_in(fault, part_names[part], "is there twice", NULL);
		rule->parts |= PART_BIT(part);
		if (value->length == 0)
			return fault_in(fault, part_names[part], "has no value", NULL);
		return read_value_of(part, value, rule, fault);
	}
	return fault_in(fault, "", "%s is no part of a rule", name);
}

static bool
read_value_of(RecurPart part, const Piece *value, Recurrence *rule, RecurFault *fault)
{
	static const char *const wanted[RECUR_NPARTS] = {
		[PART_INTERVAL] = "%s is not a whole number from 1 to 2147483647",
		[PART_COUNT] = "%s is not a whole number from 1 to 2147483647",
		[PART_BYDAY] = "%s is not a weekday (MO, TU, WE, TH, FR, SA or SU), nor one with a number from -53 to 53 before it",
		[PART_BYMONTHDAY] = "%s is not a day of a month: 1 to 31, or -31 to -1 from its end",
		[PART_BYMONTH] = "%s is not a month: 1 to 12",
		[PART_BYSETPOS] = "%s is not a position: 1 to 366, or -366 to -1 from the end",
		[PART_WKST] = "%s is not a weekday: MO, TU, WE, TH, FR, SA or SU"
	};
	Piece		rest = *value;

	switch (part)
	{
		case PART_FREQ:
			return read_frequency(value, rule, fault);
		case PART_UNTIL:
			return read_until(value, rule, fault);
		case PART_INTERVAL:
			return read_int(value, 1, PG_INT32_MAX, &rule->interval) ||
				fault_in(fault, part_names[part], wanted[part], value);
		case PART_COUNT:
			return read_int(value, 1, PG_INT32_MAX, &rule->count) ||
				fault_in(fault, part_names[part], wanted[part], value);
		case PART_WKST:
			return read_weekday(value, &rule->week_start) ||
				fault_in(fault, part_names[part], wanted[part], value);
		default:
			break;
	}
	while (rest.at != NULL)
	{
		Piece		item = cut_off(&rest, ',');

		if (!read_list_item(part, &item, rule))
			return fault_in(fault, part_names[part], wanted[part], &item);
	}
	return true;
}

static bool
read_frequency(const Piece *value, Recurrence *rule, RecurFault *fault)
{
	static const char *const names[] = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"};

	for (int i = 0; i < (int) lengthof(names); i++)
		if (is_word(value, names[i]))
		{
			rule->frequency = (RecurFrequency) i;
			return true;
		}
	return fault_in(fault, part_names[PART_FREQ], "%s is not DAILY, WEEKLY, MONTHLY or YEARLY", value);
}

/* A sign may be there.  Zero is none of these numbers. */
static bool
read_int(const Piece *piece, int32 least, int32 most, int32 *number)
{
	int			i = piece->length > 0 && (piece->at[0] == '-' || piece->at[0] == '+');
	int64		value = 0;

	if (i == piece->length)
		return false;
	for (; i < piece->length; i++)
	{
		if (piece->at[i] < '0' || piece->at[i] > '9')
			return false;
		value = value * 10 + (piece->at[i] - '0');
		if (value > PG_INT32_MAX)
			return false;
	}
	if (piece->at[0] == '-')
		value = -value;
	*number = (int32) value;
	return value != 0 && value >= least && value <= most;
}

static bool
read_digits(const char *at, int n, int *number)
{
	*number = 0;
	for (int i = 0; i < n; i++)
	{
		if (at[i] < '0' || at[i] > '9')
			return false;
		*number = *number * 10 + (at[i] - '0');
	}
	return true;
}

/* 20301231, the whole day; 20301231T093000 by the local clock; 20301231T083000Z. */
static bool
read_until(const Piece *value, Recurrence *rule, RecurFault *fault)
{
	const char *at = value->at;
	bool		has_time = value->length > 8;
	int			year,
				month,
				day;
	int			hour = 0,
				minute = 0,
				second = 0;
	bool		sound = (value->length == 8 || value->length == 15 ||
						 (value->length == 16 && (at[15] == 'Z' || at[15] == 'z'))) &&
		read_digits(at, 4, &year) && read_digits(at + 4, 2, &month) && read_digits(at + 6, 2, &day);

	if (sound && has_time)
		sound = (at[8] == 'T' || at[8] == 't') && read_digits(at + 9, 2, &hour) &&
			read_digits(at + 11, 2, &minute) && read_digits(at + 13, 2, &second);
	if (!sound || year < 1 || month < 1 || month > 12 || day < 1 || day > day_tab[isleap(year)][month - 1] ||
		hour > 23 || minute > 59 || second > 59)
		return fault_in(fault, part_names[PART_UNTIL], "%s is not a time: 20301231, 20301231T093000 or 20301231T083000Z", value);

	rule->has_until = true;
	rule->until_is_instant = value->length == 16;
	rule->until = (int64) (date2j(year, month, day) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY +
		((hour * MINS_PER_HOUR + minute) * SECS_PER_MINUTE + second) * USECS_PER_SEC;
	if (!has_time)
		rule->until += USECS_PER_DAY - 1;
	return true;
}

static bool
read_list_item(RecurPart part, const Piece *item, Recurrence *rule)
{
	int32		number;

	switch (part)
	{
		case PART_BYDAY:
			return read_by_day(item, rule);
		case PART_BYMONTHDAY:
			if (!read_int(item, -31, 31, &number))
				return false;
			if (number > 0)
				rule->days |= UINT32_C(1) << number;
			else
				rule->days_back |= UINT32_C(1) << -number;
			return true;
		case PART_BYMONTH:
			if (!read_int(item, 1, 12, &number))
				return false;
			rule->months |= UINT32_C(1) << number;
			return true;
		default:
			if (!read_int(item, -MOST_POSITION, MOST_POSITION, &number))
				return false;
			if (number > 0)
				rule->position[number] = true;
			else
				rule->position_back[-number] = true;
			return true;
	}
}

static bool
read_weekday(const Piece *piece, int *weekday)
{
	for (int i = 0; i < (int) lengthof(weekday_names); i++)
		if (is_word(piece, weekday_names[i]))
		{
			*weekday = i;
			return true;
		}
	return false;
}

/* MO: each Monday.  2MO: the second; -1MO: the last. */
static bool
read_by_day(const Piece *item, Recurrence *rule)
{
	Piece		number = {item->at, item->length - 2};
	Piece		name = {item->at + number.length, 2};
	int32		nth = 0;
	int			weekday;

	if (item->length < 2 || !read_weekday(&name, &weekday) ||
		(number.length > 0 && !read_int(&number, -MOST_NTH, MOST_NTH, &nth)))
		return false;
	if (nth == 0)
		rule->weekdays |= 1 << weekday;
	else if (nth > 0)
		rule->nth[nth] |= 1 << weekday;
	else
		rule->nth_back[-nth] |= 1 << weekday;
	rule->has_nth = rule->has_nth || nth != 0;
	return true;
}

/* What RFC 5545 does not allow together. */
static bool
parts_fit(const Recurrence *rule, RecurFault *fault)
{
	uint32		selecting = PART_BIT(PART_BYDAY) | PART_BIT(PART_BYMONTHDAY) | PART_BIT(PART_BYMONTH);

	if (!(rule->parts & PART_BIT(PART_FREQ)))
		return fault_in(fault, part_names[PART_FREQ], "is missing", NULL);
	if (rule->count > 0 && rule->has_until)
		return fault_in(fault, part_names[PART_UNTIL], "must not be there together with COUNT", NULL);
	if (rule->has_nth && rule->frequency != RECUR_MONTHLY && rule->frequency != RECUR_YEARLY)
		return fault_in(fault, part_names[PART_BYDAY], "has a number before a weekday, which needs FREQ=MONTHLY or FREQ=YEARLY", NULL);
	if ((rule->parts & PART_BIT(PART_BYMONTHDAY)) && rule->frequency == RECUR_WEEKLY)
		return fault_in(fault, part_names[PART_BYMONTHDAY], "must not be there together with FREQ=WEEKLY", NULL);
	if ((rule->parts & PART_BIT(PART_BYSETPOS)) && !(rule->parts & selecting))
		return fault_in(fault, part_names[PART_BYSETPOS], "needs BYDAY, BYMONTHDAY or BYMONTH to choose from", NULL);
	return true;
}
