/*-------------------------------------------------------------------------
 *
 * agenda.c
 *		agenda(): a picture of what is free and what is taken, for a terminal.
 *
 * Time is cut into cells of the same length on the resource's own clock, one character each.
 * Up to a day is one line, and of a seated resource one line per seat; what is longer is a line per
 * day.  Where there is one of a thing, a cell shows whatever is in it at any time, a booking
 * before all else.  Where there are several (units, places in slots, and seats over days), it
 * shows the most that is in use at any instant of it; what of that is held gets a line of its own.
 *
 * A cell that the clock jumps over when summer time begins, or that lies outside the time that
 * is asked for, is left blank, as is one in which the resource is closed.  An hour that it shows
 * twice belongs to the last cell that begins in it for the first time.
 *
 * The picture says what is taken by the same rules as a booking is judged by (look.c,
 * availability.c), and so it contains buffers, and what the entries of the line would be
 * offered.  Notice, durations and limits are about one booking, and are not in it.  It names no
 * holder.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/plans.h"
#include "rules/availability.h"
#include "sql/looking.h"

PG_FUNCTION_INFO_V1(booking_agenda_named);
PG_FUNCTION_INFO_V1(booking_agenda);

#define LEAST_WIDTH		40
#define MOST_WIDTH		1000
#define MOST_DAYS		400

/* With more than so many, a number would not fit into a cell. */
#define MOST_DIGIT		9

/* What is in use is drawn in so many steps then. */
#define NBARS			7

typedef enum Symbol
{
	SYMBOL_FREE,
	SYMBOL_BOOKED,
	SYMBOL_IN_SLOT,
	SYMBOL_HELD,
	SYMBOL_SOME,				/* in use, of several */
	SYMBOL_FULL,
	SYMBOL_CLOSED,
	SYMBOL_COUNT
} Symbol;

typedef struct Cell
{
	Period		time;			/* empty: there is nothing to be shown */
	bool		open;
	int64		capacity;
	int64		used;			/* the most at any instant, holds included */
	int64		held;
	bool		booked;			/* of one thing: what is in it */
	bool		in_slot;
} Cell;

typedef struct Picture
{
	const Resource *resource;
	ReturnSetInfo *result;
	Period		within;
	int			width;
	int			label_width;
	bool		by_day;
	bool		fancy;			/* more than ASCII can be shown */
	int64		first;			/* by the resource's clock: the first line begins, */
	int64		step;			/* and each cell lasts */
	int			columns;
	int			nlines;
	Cell	   *cell;			/* of all lines, in the order of time */
	int			ncells;
	int64		most;			/* capacity of any cell */
	bool		seen[SYMBOL_COUNT];
} Picture;

/* Steps of booking_steps() on their way into the cells. */
typedef struct Count
{
	Picture    *picture;
	bool		held;
} Count;

static Datum draw_agenda(FunctionCallInfo fcinfo, bool by_name);
static void check_agenda(Period within, int width);
static void lay_out_lines(Picture *picture);
static int64 cell_length(const Picture *picture, int64 length, int room);
static void lay_out_cells(Picture *picture);
static Cell *cells_from(const Picture *picture, TimestampTz at);
static void open_cells(Picture *picture, const Periods *open, int64 capacity);
static void fill_from_slots(Picture *picture);
static void count_taken(Picture *picture, const Taken *taken);
static void count_cell_use(int64 from, int64 to, int64 sum, void *arg);
static void mark_taken(Picture *picture, PeakItem item, TakenAs as);
static void draw_days(Picture *picture, bool counted);
static void draw_seats(Picture *picture, const Taken *taken);
static int	compare_taken_seats(const void *a, const void *b, void *arg);
static int	widest_seat(const SPITupleTable *seats, uint64 n, int most);
static void draw_title(Picture *picture);
static void draw_scale(Picture *picture);
static void draw_line(Picture *picture, const char *label, const Cell *cells, bool counted, bool held);
static const char *symbol_of(Picture *picture, const Cell *cell, bool counted, bool held);
static const char *amount(Picture *picture, int64 used, int64 capacity);
static void draw_legend(Picture *picture);
static char *local_date_text(int64 local);
static int	append_fitting(StringInfo text, const char *name, int most);
static void put_line(Picture *picture, StringInfo text);

Datum
booking_agenda_named(PG_FUNCTION_ARGS)
{
	return draw_agenda(fcinfo, true);
}

Datum
booking_agenda(PG_FUNCTION_ARGS)
{
	return draw_agenda(fcinfo, false);
}

static Datum
draw_agenda(FunctionCallInfo fcinfo, bool by_name)
{
	Picture		picture = {.within = booking_period_argument(fcinfo, 1, "within")};
	Asker		asker = {.quantity = 1};
	const Resource *resource;
	bool		counted;
	Periods		open = {0};
	Taken		taken;

	if (PG_ARGISNULL(2))
		booking_null_argument("width");
	picture.width = PG_GETARG_INT32(2);
	check_agenda(picture.within, picture.width);
	picture.resource = resource = booking_look_argument(fcinfo, by_name);
	picture.fancy = GetDatabaseEncoding() == PG_UTF8 && pg_get_client_encoding() == PG_UTF8;
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	picture.result = (ReturnSetInfo *) fcinfo->resultinfo;

	lay_out_lines(&picture);
	if (resource->slots_only)
	{
		lay_out_cells(&picture);
		fill_from_slots(&picture);
		draw_days(&picture, true);
		return (Datum) 0;
	}

	booking_look_behind_line(resource, picture.within, &asker, &taken);
	if (resource->kind == RESOURCE_SEATED && !picture.by_day)
	{
		draw_seats(&picture, &taken);
		return (Datum) 0;
	}
	counted = resource->kind != RESOURCE_EXCLUSIVE;
	lay_out_cells(&picture);
	if (picture.within.from < resource->retired_at)
		booking_open_periods(resource, (Period) {picture.within.from, Min(picture.within.to, resource->retired_at)}, &open);
	open_cells(&picture, &open, booking_units(resource));
	if (counted)
		count_taken(&picture, &taken);
	else
		for (int i = 0; i < taken.n; i++)
			mark_taken(&picture, taken.item[i], taken.as[i]);
	draw_days(&picture, counted);
	return (Datum) 0;
}

static void
check_agenda(Period within, int width)
{
	booking_check_search(within);
	if (within.to - within.from > MOST_DAYS * USECS_PER_DAY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an agenda must not be longer than %d days", MOST_DAYS),
				 errdetail("It is asked for %s.", booking_period_text(booking_make_range(within)))));
	if (width < LEAST_WIDTH || width > MOST_WIDTH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("width must be from %d to %d", LEAST_WIDTH, MOST_WIDTH),
				 errdetail("It is %d.", width)));
}

/* ---- lines and cells ---- */

/* What is longer than a day by the local clock gets a line for each of its days. */
static void
lay_out_lines(Picture *picture)
{
	pg_tz	   *tz = picture->resource->tz;
	int64		from = booking_local_time(tz, picture->within.from);
	int64		to = booking_local_time(tz, picture->within.to);
	int64		beyond = from % USECS_PER_DAY;

	/* As long as it takes, where the clock is set back. */
	to = Max(to, from + 1);
	picture->by_day = to - from > USECS_PER_DAY;
	picture->first = from;
	picture->nlines = 1;
	if (picture->by_day)
	{
		picture->first = from - (beyond < 0 ? beyond + USECS_PER_DAY : beyond);
		picture->nlines = (int) ((to - picture->first + USECS_PER_DAY - 1) / USECS_PER_DAY);
	}
	picture->label_width = (int) strlen(local_date_text(picture->first));
}

/* The shortest length of a cell with which a line fits into so many columns. */
static int64
cell_length(const Picture *picture, int64 length, int room)
{
	static const int minutes[] = {1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 720};
	int64		step = 0;

	for (int i = 0; i < (int) lengthof(minutes); i++)
	{
		int64		before;

		step = minutes[i] * USECS_PER_MINUTE;
		before = picture->first % step;
		if (before < 0)
			before += step;
		if ((before + length + step - 1) / step <= room)
			break;
	}
	return step;
}

static void
lay_out_cells(Picture *picture)
{
	pg_tz	   *tz = picture->resource->tz;
	int64		length = USECS_PER_DAY;
	TimestampTz at;

	if (!picture->by_day)
		length = Max(1, booking_local_time(tz, picture->within.to) - picture->first);
	picture->step = cell_length(picture, length, picture->width - picture->label_width - 3);
	if (!picture->by_day)
	{
		int64		before = picture->first % picture->step;

		before += before < 0 ? picture->step : 0;
		picture->first -= before;
		length += before;
	}
	picture->columns = (int) ((length + picture->step - 1) / picture->step);
	picture->ncells = picture->nlines * picture->columns;
	picture->cell = palloc_extended(picture->ncells * sizeof(Cell), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	at = picture->within.from;
	for (int i = 0; i < picture->ncells; i++)
	{
		int64		ends = picture->first + (i / picture->columns) * USECS_PER_DAY +
			(i % picture->columns + 1) * picture->step;
		TimestampTz to = booking_local_instant(tz, ends);

		CHECK_FOR_INTERRUPTS();
		to = Min(Max(to, at), picture->within.to);
		if (!picture->by_day && i == picture->ncells - 1)
			to = picture->within.to;
		picture->cell[i].time = (Period) {at, to};
		at = to;
	}
}

/* The first cell that ends after an instant. */
static Cell *
cells_from(const Picture *picture, TimestampTz at)
{
	int			low = 0;
	int			high = picture->ncells;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (picture->cell[middle].time.to > at)
			high = middle;
		else
			low = middle + 1;
	}
	return &picture->cell[low];
}

/*
 * The cells that a period touches; those in which there is no time are passed over when they are
 * drawn.
 */
#define each_cell_in(cell, picture, period) \
	for (Cell *cell = cells_from(picture, (period).from), *end_ = (picture)->cell + (picture)->ncells; \
		 cell < end_ && cell->time.from < (period).to; cell++)

static void
open_cells(Picture *picture, const Periods *open, int64 capacity)
{
	for (int i = 0; i < open->n; i++)
		each_cell_in(cell, picture, open->period[i])
		{
			cell->open = true;
			cell->capacity = capacity;
		}
	for (int i = 0; i < picture->ncells; i++)
		picture->cell[i].capacity = capacity;
	picture->most = capacity;
}

/* ---- what is in them ---- */

/* Of a resource that is booked by its slots: it is open while one goes on. */
static void
fill_from_slots(Picture *picture)
{
	SlotList	slots;
	TimestampTz now = GetCurrentTimestamp();

	booking_slots_touching(picture->resource, picture->within, &slots);
	for (int i = 0; i < slots.n; i++)
	{
		const Slot *slot = &slots.slot[i];
		bool		open = booking_left_in_slot(picture->resource, slot) > 0;
		int64		left = booking_look_at_places(slot, now);

		CHECK_FOR_INTERRUPTS();
		/* Nothing can be booked in it, whatever is free. */
		if (!open && left > 0 && left == slot->capacity)
			continue;
		each_cell_in(cell, picture, slot->period)
		{
			cell->open = true;
			cell->capacity += slot->capacity;
			cell->used += slot->capacity - left;
			picture->most = Max(picture->most, cell->capacity);
		}
	}
}

/* Units, or seats. */
static void
count_taken(Picture *picture, const Taken *taken)
{
	Period		within = picture->within;
	PeakItem   *held = palloc_extended((taken->n + 1) * sizeof(PeakItem), MCXT_ALLOC_HUGE);
	int			n = 0;
	Count		count = {.picture = picture};

	booking_steps(taken->item, taken->n, (PeakWindow) {within.from, within.to}, count_cell_use, &count);
	for (int i = 0; i < taken->n; i++)
		if (taken->as[i].by == TAKEN_BY_LINE || taken->as[i].expires_at != DT_NOEND)
			held[n++] = taken->item[i];
	count.held = true;
	booking_steps(held, n, (PeakWindow) {within.from, within.to}, count_cell_use, &count);
}

static void
count_cell_use(int64 from, int64 to, int64 sum, void *arg)
{
	Count	   *count = arg;
	Period		during = {from, to};

	CHECK_FOR_INTERRUPTS();
	if (sum == 0)
		return;
	each_cell_in(cell, count->picture, during)
	{
		if (count->held)
			cell->held = Max(cell->held, sum);
		else
			cell->used = Max(cell->used, sum);
	}
}

/* Of one thing. */
static void
mark_taken(Picture *picture, PeakItem item, TakenAs as)
{
	Period		during = {item.from, item.to};

	CHECK_FOR_INTERRUPTS();
	each_cell_in(cell, picture, during)
	{
		if (as.by == TAKEN_BY_SLOT)
			cell->in_slot = true;
		else if (as.by == TAKEN_BY_LINE || as.expires_at != DT_NOEND)
			cell->held = 1;
		else
			cell->booked = true;
	}
}

/* ---- drawing ---- */

static void
draw_days(Picture *picture, bool counted)
{
	draw_title(picture);
	draw_scale(picture);
	for (int line = 0; line < picture->nlines; line++)
	{
		const Cell *cells = &picture->cell[line * picture->columns];
		bool		held = false;

		CHECK_FOR_INTERRUPTS();
		draw_line(picture, local_date_text(picture->first + line * USECS_PER_DAY), cells, counted, false);
		for (int i = 0; counted && i < picture->columns; i++)
			held |= cells[i].held > 0;
		if (held)
			draw_line(picture, "of these held", cells, counted, true);
	}
	draw_legend(picture);
}

/* The seats that the caller sees, a line each. */
static void
draw_seats(Picture *picture, const Taken *taken)
{
	const Resource *resource = picture->resource;
	Datum		id = Int64GetDatum(resource->id);
	int		   *order = palloc_extended((taken->n + 1) * sizeof(int), MCXT_ALLOC_HUGE);
	Periods		open = {0};
	Cell	   *empty;
	uint64		n;
	int			nall = 0;
	int			next = 0;

	for (int i = 0; i < taken->n; i++)
	{
		order[i] = i;
		nall += taken->as[i].seat_no == ALL_SEATS;
	}
	qsort_arg(order, taken->n, sizeof(int), compare_taken_seats, (void *) taken->as);

	SPI_connect();
	n = booking_run(STMT_SEATS, &id, NULL);
	picture->label_width = widest_seat(SPI_tuptable, n, picture->width / 3);
	lay_out_cells(picture);
	if (picture->within.from < resource->retired_at)
		booking_open_periods(resource, (Period) {picture->within.from, Min(picture->within.to, resource->retired_at)}, &open);
	open_cells(picture, &open, 1);
	for (int i = 0; i < nall; i++)
		mark_taken(picture, taken->item[order[i]], taken->as[order[i]]);
	empty = palloc_array(Cell, picture->ncells);
	memcpy(empty, picture->cell, picture->ncells * sizeof(Cell));

	draw_title(picture);
	draw_scale(picture);
	next = nall;
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		int32		seat_no = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));

		memcpy(picture->cell, empty, picture->ncells * sizeof(Cell));
		while (next < taken->n && taken->as[order[next]].seat_no < seat_no)
			next++;
		for (; next < taken->n && taken->as[order[next]].seat_no == seat_no; next++)
			mark_taken(picture, taken->item[order[next]], taken->as[order[next]]);
		draw_line(picture, SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2), picture->cell, false, false);
	}
	draw_legend(picture);
	SPI_finish();
}

/* Those of all seats (ALL_SEATS) come first. */
static int
compare_taken_seats(const void *a, const void *b, void *arg)
{
	const TakenAs *as = arg;
	int32		x = as[*(const int *) a].seat_no;
	int32		y = as[*(const int *) b].seat_no;

	return x < y ? -1 : x > y;
}

static int
widest_seat(const SPITupleTable *seats, uint64 n, int most)
{
	StringInfoData text;
	int			widest = 1;

	initStringInfo(&text);
	for (uint64 i = 0; i < n && widest < most; i++)
	{
		int			width;

		resetStringInfo(&text);
		width = append_fitting(&text, SPI_getvalue(seats->vals[i], seats->tupdesc, 2), most);
		widest = Max(widest, width);
	}
	pfree(text.data);
	return widest;
}

/* What it is, by whose clock, and which day, where the lines do not say it. */
static void
draw_title(Picture *picture)
{
	const Resource *resource = picture->resource;
	StringInfoData text;
	char	   *rest = psprintf("%s%s  %s",
								resource->kind == RESOURCE_POOLED && !resource->slots_only ? psprintf(" (%d)", resource->capacity) : "",
								picture->by_day ? "" : psprintf("  %s", local_date_text(picture->first)),
								pg_get_timezone_name(resource->tz));

	initStringInfo(&text);
	append_fitting(&text, resource->name, Max(8, picture->width - (int) strlen(rest)));
	appendStringInfoString(&text, rest);
	put_line(picture, &text);
}

/* Hours of the resource's clock, as many as there is room for. */
static void
draw_scale(Picture *picture)
{
	static const int minutes[] = {1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440};
	int64		step = picture->step;
	int64		tick = 0;
	StringInfoData text;
	int			column = 0;		/* so far */

	for (int i = 0; i < (int) lengthof(minutes); i++)
	{
		tick = minutes[i] * USECS_PER_MINUTE;
		if (tick % step == 0 && tick / step >= (minutes[i] < 60 ? 6 : 3))
			break;
	}
	initStringInfo(&text);
	appendStringInfoSpaces(&text, picture->label_width + 2);
	for (int i = 0; i <= picture->columns; i++)
	{
		int64		local = picture->first + i * step;
		int64		time = local % USECS_PER_DAY + (local % USECS_PER_DAY < 0 ? USECS_PER_DAY : 0);
		int			hour = (int) (time / USECS_PER_HOUR);
		int			minute = (int) (time % USECS_PER_HOUR / USECS_PER_MINUTE);
		char	   *label;

		if (time % tick != 0)
			continue;
		if (hour == 0 && minute == 0 && i == picture->columns)
			hour = 24;
		label = tick < USECS_PER_HOUR ? psprintf("%02d:%02d", hour, minute) : psprintf("%02d", hour);
		if (picture->label_width + 2 + i + (int) strlen(label) > picture->width)
			break;
		appendStringInfoSpaces(&text, i - column);
		appendStringInfoString(&text, label);
		column = i + (int) strlen(label);
	}
	put_line(picture, &text);
}

static void
draw_line(Picture *picture, const char *label, const Cell *cells, bool counted, bool held)
{
	const char *frame = picture->fancy ? "\u2502" : "|";
	StringInfoData text;
	int			filled;

	initStringInfo(&text);
	filled = append_fitting(&text, label, picture->label_width);
	appendStringInfoSpaces(&text, picture->label_width - filled + 1);
	appendStringInfoString(&text, frame);
	for (int i = 0; i < picture->columns; i++)
		appendStringInfoString(&text, symbol_of(picture, &cells[i], counted, held));
	appendStringInfoString(&text, frame);
	put_line(picture, &text);
}

static const char *
symbol_of(Picture *picture, const Cell *cell, bool counted, bool held)
{
	static const char *const plain[] = {".", "#", "=", "+", "", "#", " "};
	static const char *const fancy[] = {"\u00b7", "\u2588", "\u2593", "\u2592", "", "\u2588", " "};
	Symbol		symbol = SYMBOL_FREE;

	if (cell->time.from >= cell->time.to)
		return " ";
	if (counted && held)
		return cell->held > 0 ? amount(picture, Min(cell->held, cell->capacity), cell->capacity) : " ";
	if (counted && cell->used > 0 && cell->used < cell->capacity)
		symbol = SYMBOL_SOME;
	else if (counted && cell->used > 0)
		symbol = SYMBOL_FULL;
	else if (cell->booked)
		symbol = SYMBOL_BOOKED;
	else if (cell->in_slot)
		symbol = SYMBOL_IN_SLOT;
	else if (!counted && cell->held > 0)
		symbol = SYMBOL_HELD;
	else if (!cell->open)
		symbol = SYMBOL_CLOSED;
	picture->seen[symbol] = true;
	if (symbol == SYMBOL_SOME)
		return amount(picture, cell->used, cell->capacity);
	return picture->fancy ? fancy[symbol] : plain[symbol];
}

/* So many of several: the number, if there are few, else about how much of them. */
static const char *
amount(Picture *picture, int64 used, int64 capacity)
{
	static const char *const bars[NBARS] = {"\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587"};
	double		share = (double) used / (double) Max(capacity, 1);

	if (picture->most <= MOST_DIGIT)
		return psprintf("%d", (int) used);
	if (picture->fancy)
		return bars[Min((int) (share * NBARS), NBARS - 1)];
	return psprintf("%d", Min((int) (share * 10), 9));
}

/* What the picture consists of, and nothing else. */
static void
draw_legend(Picture *picture)
{
	static const char *const meaning[] = {" free", " booked", " in a slot", " held", NULL, " all in use", "blank: closed"};
	static const char *const plain[] = {".", "#", "=", "+", "0..", "#", ""};
	static const char *const fancy[] = {"\u00b7", "\u2588", "\u2593", "\u2592", "\u2581..", "\u2588", ""};
	StringInfoData text;
	int			column = 0;

	for (int i = 0; i < SYMBOL_COUNT; i++)
	{
		const char *words = meaning[i];

		if (!picture->seen[i])
			continue;
		if (i == SYMBOL_SOME)
			words = picture->most == 2 ? " in use" :
				picture->most <= MOST_DIGIT ? psprintf("..%d in use", (int) picture->most - 1) :
				picture->fancy ? "\u2587 in use" : "9 tenths in use";
		if (column > 0 && column + (int) strlen(words) + 5 > picture->width)
		{
			put_line(picture, &text);
			column = 0;
		}
		if (column == 0)
		{
			initStringInfo(&text);
			column = Min(picture->label_width + 2, picture->width - 20);
			appendStringInfoSpaces(&text, column);
		}
		else
			appendStringInfoString(&text, "  ");
		appendStringInfo(&text, "%s%s", i == SYMBOL_SOME && picture->most <= MOST_DIGIT ? "1" :
						 picture->fancy ? fancy[i] : plain[i], words);
		column += (int) strlen(words) + 4;
	}
	if (column > 0)
		put_line(picture, &text);
}

/* Mon 2030-01-07 */
static char *
local_date_text(int64 local)
{
	int64		day = local / USECS_PER_DAY - (local % USECS_PER_DAY < 0 ? 1 : 0);
	int			jd = (int) day + POSTGRES_EPOCH_JDATE;
	int			year,
				month,
				day_of_month;

	j2date(jd, &year, &month, &day_of_month);
	if (year <= 0)
		return psprintf("%.3s %04d-%02d-%02d BC", days[j2day(jd)], 1 - year, month, day_of_month);
	return psprintf("%.3s %04d-%02d-%02d", days[j2day(jd)], year, month, day_of_month);
}

/*
 * A name, or as much of it as fits into so many columns, and how many it takes.  What would
 * move the cursor, or is no character at all, becomes a question mark.
 */
static int
append_fitting(StringInfo text, const char *name, int most)
{
	int			columns = 0;
	int			total = 0;
	bool		cut;

	for (const char *at = name; *at && total <= most; at += pg_mblen(at))
		total += pg_dsplen(at) < 0 ? 1 : pg_dsplen(at);
	cut = total > most;
	for (const char *at = name; *at; at += pg_mblen(at))
	{
		int			takes = pg_dsplen(at);

		if (columns + (takes < 0 ? 1 : takes) > most - (cut ? 1 : 0))
			break;
		if (takes < 0)
			appendStringInfoChar(text, '?');
		else
			appendBinaryStringInfo(text, at, pg_mblen(at));
		columns += takes < 0 ? 1 : takes;
	}
	if (!cut)
		return columns;
	appendStringInfoString(text, GetDatabaseEncoding() == PG_UTF8 && pg_get_client_encoding() == PG_UTF8 ? "\u2026" : "~");
	return columns + 1;
}

/* What is blank at the end of a line is left out. */
static void
put_line(Picture *picture, StringInfo text)
{
	Datum		value;
	bool		isnull = false;

	while (text->len > 0 && text->data[text->len - 1] == ' ')
		text->len--;
	value = PointerGetDatum(cstring_to_text_with_len(text->data, text->len));
	tuplestore_putvalues(picture->result->setResult, picture->result->setDesc, &value, &isnull);
	pfree(DatumGetPointer(value));
	pfree(text->data);
}
