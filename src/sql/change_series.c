/*-------------------------------------------------------------------------
 *
 * change_series.c
 *		cancel_series(), reschedule_series(): one booking of a series, this one and the
 *		following, or all.
 *
 * A series is a group (book_series.c, but any group will do), and its order is that of the times at
 * which its bookings begin now.  A caller names one of them, and how far the change goes.  What has
 * ended, was cancelled or has lapsed stays as it was, unless it is the one that is named.
 *
 * Rescheduling moves the one that is named to a period, and the others as far as it moves by the
 * clock: each by the clock of its own resource, so that 09:00 becomes 10:00 in summer and in
 * winter.  They are moved as by move_all(): all or none, although each is in another's way.
 * Those farthest ahead in the direction of the move are tried first, for nothing of the series
 * is in their way.
 *
 * Locks: the ID of the group, then those of its bookings in their order, and after that as in
 * move_all.c and life.c.  What the group consists of is read again under these locks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"

#include "base/cache.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/plans.h"
#include "engine/hours.h"
#include "engine/row.h"
#include "rules/life.h"
#include "rules/series.h"
#include "sql/many.h"
#include "sql/move.h"

PG_FUNCTION_INFO_V1(booking_cancel_series);
PG_FUNCTION_INFO_V1(booking_reschedule_series);

typedef enum SeriesScope
{
	SCOPE_THIS,
	SCOPE_FOLLOWING,
	SCOPE_ALL
} SeriesScope;

/* A booking of the series. */
typedef struct SeriesMember
{
	pg_uuid_t	id;
	int64		resource_id;
	Period		period;
	int			number;			/* in the order of their times, from 1 */
	bool		named;			/* by the caller */
	bool		covered;		/* by the scope */
	bool		changes;
	Datum		booking;		/* as it is afterwards */
} SeriesMember;

typedef struct SeriesMembers
{
	SeriesMember *member;		/* in the order of their times */
	int			n;
	SeriesMember *named;
	int64		begins_later;	/* so much, by the clock */
	int64		ends_later;
} SeriesMembers;

static void read_series(FunctionCallInfo fcinfo, int scope_at, SeriesMembers *series);
static SeriesScope read_scope(text *word);
static bool group_of(Datum id, pg_uuid_t *group);
static void read_members(Datum id, const pg_uuid_t *group, SeriesMembers *series);
static bool leaves_alone(const BookingRow *row, TimestampTz now);
static void lock_members(const SeriesMembers *series);
static int	by_member_time(const void *a, const void *b);
static int	by_member_id(const void *a, const void *b);
static int	by_member_resource(const void *a, const void *b);
static void cover(SeriesMembers *series, SeriesScope scope);
static void return_members(FunctionCallInfo fcinfo, const SeriesMembers *series);
static void reckon_shift(SeriesMembers *series, RangeType *range);
static void move_members(SeriesMembers *series, RangeType *range);
static RangeType *moved_period(const SeriesMembers *series, const SeriesMember *member);

/* cancel_series(id, scope, reason). */
Datum
booking_cancel_series(PG_FUNCTION_ARGS)
{
	SeriesMembers series;
	SeriesMember **order;
	Datum		reason = PG_ARGISNULL(2) ? (Datum) 0 : PG_GETARG_DATUM(2);

	booking_must_write(fcinfo);
	read_series(fcinfo, 1, &series);
	order = palloc_array(SeriesMember *, series.n);
	for (int i = 0; i < series.n; i++)
		order[i] = &series.member[i];
	qsort(order, series.n, sizeof(SeriesMember *), by_member_resource);
	for (int i = 0; i < series.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (order[i]->changes)
			order[i]->booking = booking_life_cancel(UUIDPGetDatum(&order[i]->id), reason);
	}
	return_members(fcinfo, &series);
	return (Datum) 0;
}

/* reschedule_series(id, period, scope). */
Datum
booking_reschedule_series(PG_FUNCTION_ARGS)
{
	SeriesMembers series;
	RangeType  *range;
	Period		unused;

	booking_must_write(fcinfo);
	if (PG_ARGISNULL(1))
		booking_null_argument("period");
	range = PG_GETARG_RANGE_P(1);
	booking_check_period(range, &unused);
	read_series(fcinfo, 2, &series);
	reckon_shift(&series, range);
	move_members(&series, range);
	return_members(fcinfo, &series);
	return (Datum) 0;
}

/* ---- which ones ---- */

static void
read_series(FunctionCallInfo fcinfo, int scope_at, SeriesMembers *series)
{
	SeriesScope scope;
	pg_uuid_t	group;
	bool		grouped;

	if (PG_ARGISNULL(0))
		booking_null_argument("id");
	if (PG_ARGISNULL(scope_at))
		booking_null_argument("scope");
	scope = read_scope(PG_GETARG_TEXT_PP(scope_at));
	InitMaterializedSRF(fcinfo, 0);

	grouped = group_of(PG_GETARG_DATUM(0), &group) && scope != SCOPE_THIS;
	if (grouped)
		booking_lock_id(&group);
	read_members(PG_GETARG_DATUM(0), grouped ? &group : NULL, series);
	lock_members(series);
	read_members(PG_GETARG_DATUM(0), grouped ? &group : NULL, series);
	cover(series, scope);
}

static SeriesScope
read_scope(text *word)
{
	static const char *const words[] = {"this", "following", "all"};
	char	   *text = text_to_cstring(word);

	for (int i = 0; i < (int) lengthof(words); i++)
		if (strcmp(text, words[i]) == 0)
			return (SeriesScope) i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("scope must be 'this', 'following' or 'all'"),
			 errdetail("It is \"%s\".", pnstrdup(text, pg_mbcliplen(text, (int) strlen(text), 100)))));
}

/* False when the booking is in no group. */
static bool
group_of(Datum id, pg_uuid_t *group)
{
	BookingRow	row;
	bool		grouped;

	SPI_connect();
	if (booking_run(STMT_GET_BOOKING, &id, NULL) == 0)
		booking_no_such_booking(id);
	booking_row_read(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, &row);
	grouped = !row.null[BOOKING_GROUP_ID];
	if (grouped)
		*group = *DatumGetUUIDP(row.value[BOOKING_GROUP_ID]);
	SPI_finish();
	return grouped;
}

/* The bookings of the group, or the one, as they are now. */
static void
read_members(Datum id, const pg_uuid_t *group, SeriesMembers *series)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		key = group ? UUIDPGetDatum(group) : id;
	TimestampTz now = GetCurrentTimestamp();

	*series = (SeriesMembers) {0};
	SPI_connect();
	series->n = (int) booking_run(group ? STMT_BOOKINGS_OF_GROUP : STMT_GET_BOOKING, &key, NULL);
	series->member = MemoryContextAllocHuge(context, Max(series->n, 1) * sizeof(SeriesMember));
	for (int i = 0; i < series->n; i++)
	{
		BookingRow	row;

		CHECK_FOR_INTERRUPTS();
		booking_row_read(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, &row);
		series->member[i] = (SeriesMember) {.id = *DatumGetUUIDP(row.value[BOOKING_ID]),
			.resource_id = DatumGetInt64(row.value[BOOKING_RESOURCE_ID]),.period = row.period,
			.changes = !leaves_alone(&row, now),.booking = booking_row_datum_at(i)};
	}
	SPI_finish();

	qsort(series->member, series->n, sizeof(SeriesMember), by_member_time);
	for (int i = 0; i < series->n; i++)
	{
		series->member[i].number = i + 1;
		series->member[i].named = memcmp(&series->member[i].id, DatumGetUUIDP(id), UUID_LEN) == 0;
		if (series->member[i].named)
			series->named = &series->member[i];
	}
	if (series->named == NULL)
		booking_no_such_booking(id);
}

/* Has it ended, lapsed, been cancelled or checked out? */
static bool
leaves_alone(const BookingRow *row, TimestampTz now)
{
	return !row->active || booking_row_lapsed(row, now) || row->period.to <= now ||
		!row->null[BOOKING_CHECKED_OUT_AT];
}

static void
lock_members(const SeriesMembers *series)
{
	SeriesMember *sorted = palloc_extended(series->n * sizeof(SeriesMember), MCXT_ALLOC_HUGE);
	const pg_uuid_t **ids;

	memcpy(sorted, series->member, series->n * sizeof(SeriesMember));
	qsort(sorted, series->n, sizeof(SeriesMember), by_member_id);
	ids = palloc_extended(series->n * sizeof(pg_uuid_t *), MCXT_ALLOC_HUGE);
	for (int i = 0; i < series->n; i++)
	{
		ids[i] = &sorted[i].id;
		if (!booking_many_ids())
			booking_lock_id(ids[i]);
	}
	booking_life_lock_rows(ids, series->n);
	pfree(ids);
	pfree(sorted);
}

static int
by_member_time(const void *a, const void *b)
{
	const SeriesMember *x = a;
	const SeriesMember *y = b;

	return x->period.from != y->period.from ? (x->period.from < y->period.from ? -1 : 1) :
		by_member_id(a, b);
}

static int
by_member_id(const void *a, const void *b)
{
	return memcmp(&((const SeriesMember *) a)->id, &((const SeriesMember *) b)->id, UUID_LEN);
}

/* In which several are written (together.c). */
static int
by_member_resource(const void *a, const void *b)
{
	const SeriesMember *x = *(SeriesMember *const *) a;
	const SeriesMember *y = *(SeriesMember *const *) b;

	return x->resource_id != y->resource_id ? (x->resource_id < y->resource_id ? -1 : 1) :
		by_member_time(x, y);
}

static void
cover(SeriesMembers *series, SeriesScope scope)
{
	for (int i = 0; i < series->n; i++)
	{
		SeriesMember *member = &series->member[i];

		member->covered = member->named || scope == SCOPE_ALL ||
			(scope == SCOPE_FOLLOWING && member->number > series->named->number);
		member->changes = member->covered && (member->changes || member->named);
	}
}

static void
return_members(FunctionCallInfo fcinfo, const SeriesMembers *series)
{
	for (int i = 0; i < series->n; i++)
		if (series->member[i].covered)
			booking_return_row(fcinfo, series->member[i].booking);
}

/* ---- moving ---- */

/*
 * How far the one that is named moves by the clock of its resource, whose time zone does
 * not change from now on.
 */
static void
reckon_shift(SeriesMembers *series, RangeType *range)
{
	Period		from = series->named->period;
	Period		to = booking_period(range);
	SeriesMember **order = palloc_array(SeriesMember *, series->n);
	pg_tz	   *tz;

	for (int i = 0; i < series->n; i++)
		order[i] = &series->member[i];
	qsort(order, series->n, sizeof(SeriesMember *), by_member_resource);
	for (int i = 0; i < series->n; i++)
		if (i == 0 || order[i]->resource_id != order[i - 1]->resource_id)
			booking_lock_resource(order[i]->resource_id);
	pfree(order);

	tz = booking_use_resource(series->named->resource_id)->tz;
	series->begins_later = booking_local_time(tz, to.from) - booking_local_time(tz, from.from);
	series->ends_later = from.to == DT_NOEND || to.to == DT_NOEND ? series->begins_later :
		booking_local_time(tz, to.to) - booking_local_time(tz, from.to);
}

static void
move_members(SeriesMembers *series, RangeType *range)
{
	Together	all = {.noun = "occurrence"};
	Move	   *moves = palloc0_array(Move, series->n);
	Datum	   *bookings = palloc_array(Datum, series->n);
	int		   *member_of = palloc_array(int, series->n);
	bool		later = series->begins_later > 0;
	int			n = 0;

	for (int i = 0; i < series->n; i++)
	{
		int			at = later ? series->n - 1 - i : i;
		const SeriesMember *member = &series->member[at];

		CHECK_FOR_INTERRUPTS();
		if (!member->changes)
			continue;
		member_of[n] = at;
		moves[n] = (Move) {.entry = member->number,.id = member->id,
			.range = member->named ? range : moved_period(series, member)};
		booking_check_period(moves[n].range, &moves[n].period);
		n++;
	}
	booking_move_together(&all, moves, n, bookings);
	for (int i = 0; i < n; i++)
		series->member[member_of[i]].booking = bookings[i];
}

/* Where another one goes. */
static RangeType *
moved_period(const SeriesMembers *series, const SeriesMember *member)
{
	pg_tz	   *tz = booking_use_resource(member->resource_id)->tz;
	bool		open = member->period.to == DT_NOEND;
	Occurrence	moved = {.period = member->period};

	/* What does not move stays at the second of two instants that show the same time. */
	if (series->begins_later == 0 && series->ends_later == 0)
		return booking_make_range(member->period);
	moved.begins = booking_shift(booking_local_time(tz, member->period.from), series->begins_later);
	moved.ends = open ? moved.begins + 1 : booking_shift(booking_local_time(tz, member->period.to), series->ends_later);
	if (moved.ends <= moved.begins)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("occurrence %d would end before it begins", member->number),
				 errdetail("It is %s now.", booking_period_text(booking_make_range(member->period)))));
	if (!booking_clock_period(tz, &moved) && !(open && moved.jumped_over == moved.ends))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("occurrence %d: the local time %s does not exist in %s", member->number,
						booking_local_text(moved.jumped_over), pg_get_timezone_name(tz)),
				 errdetail("The clock is put forward over it."),
				 errhint("Cancel that one, or move it elsewhere by itself, and then the others.")));
	if (open)
		moved.period.to = DT_NOEND;
	return booking_make_range(moved.period);
}
