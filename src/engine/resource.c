/*-------------------------------------------------------------------------
 *
 * resource.c
 *		What does this backend know about a resource, and why may it trust it?
 *
 * A booking needs the kind, the capacity, the buffers and the rules of its resource.
 * Looking them up for every booking would cost more than the booking, so each backend
 * remembers the resources that it has used.
 *
 * A remembered resource is right because of two facts (base/cache.c has the argument):
 *
 *	- A transaction that changes it holds its RESOURCE lock exclusively until the end of the
 *	  transaction, and triggers an invalidation of the table's relcache entry, which
 *	  the commit sends out before it gives the lock back.
 *	- A user of it takes the RESOURCE lock in shared mode first, then reads the
 *	  invalidation messages, then looks here (booking_lock_resource()).
 *
 * An invalidation forgets everything: rules change seldom, and reading a resource again
 * is one indexed row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/cache.h"
#include "base/columns.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/period.h"
#include "base/plans.h"
#include "base/rows.h"
#include "engine/resource.h"

/* How many closures of a resource a backend remembers. */
#define REMEMBERED_CLOSURES	256

const char *const booking_limit_per[] = {"active", "slot", "day", "week", "month"};

/* A resource by its name; only an id, which the resource itself confirms. */
typedef struct NameEntry
{
	char		name[NAMEDATALEN * 4];	/* hash key; longer names are not remembered */
	int64		id;
} NameEntry;

/* The columns of booking.resource that we read. */
enum
{
	RESOURCE_NAME = 1,
	RESOURCE_KIND,
	RESOURCE_CAPACITY,
	RESOURCE_BUFFER_BEFORE,
	RESOURCE_BUFFER_AFTER,
	RESOURCE_CATEGORY,
	RESOURCE_RETIRED_AT,
	RESOURCE_TIMEZONE,
	RESOURCE_MIN_NOTICE,
	RESOURCE_MAX_ADVANCE,
	RESOURCE_MIN_DURATION,
	RESOURCE_MAX_DURATION,
	RESOURCE_MAX_HOLD,
	RESOURCE_SLOTS_ONLY,
	RESOURCE_RECORD_EVENTS,
	RESOURCE_NCOLUMNS = RESOURCE_RECORD_EVENTS
};

static const Column resource_columns[RESOURCE_NCOLUMNS + 1] = {
	[RESOURCE_NAME] = {"name", TEXTOID},
	[RESOURCE_KIND] = {"kind", TEXTOID},
	[RESOURCE_CAPACITY] = {"capacity", INT4OID},
	[RESOURCE_BUFFER_BEFORE] = {"buffer_before", INTERVALOID},
	[RESOURCE_BUFFER_AFTER] = {"buffer_after", INTERVALOID},
	[RESOURCE_CATEGORY] = {"category", TEXTOID},
	[RESOURCE_RETIRED_AT] = {"retired_at", TIMESTAMPTZOID},
	[RESOURCE_TIMEZONE] = {"timezone", TEXTOID},
	[RESOURCE_MIN_NOTICE] = {"min_notice", INTERVALOID},
	[RESOURCE_MAX_ADVANCE] = {"max_advance", INTERVALOID},
	[RESOURCE_MIN_DURATION] = {"min_duration", INTERVALOID},
	[RESOURCE_MAX_DURATION] = {"max_duration", INTERVALOID},
	[RESOURCE_MAX_HOLD] = {"max_hold", INTERVALOID},
	[RESOURCE_SLOTS_ONLY] = {"slots_only", BOOLOID},
	[RESOURCE_RECORD_EVENTS] = {"record_events", BOOLOID}
};

/* A row of it. */
typedef struct ResourceRow
{
	Datum		value[RESOURCE_NCOLUMNS + 1];
	bool		null[RESOURCE_NCOLUMNS + 1];
} ResourceRow;

/* The tables that a resource is made of. */
#define SOURCES \
	(DEPENDS_ON(RESOURCE) | DEPENDS_ON(SEAT) | DEPENDS_ON(WAITLIST) | DEPENDS_ON(OPENING_HOURS) | \
	 DEPENDS_ON(CLOSURE) | DEPENDS_ON(HOLDER_LIMIT) | DEPENDS_ON(SLOT))

static Cache resources = {
	.name = "booking resources", .keysize = sizeof(int64), .entrysize = sizeof(Resource),
	.tables = SOURCES, .limit = 16 * 1024 * 1024
};

static Cache names = {
	.name = "booking resource names", .keysize = sizeof(((NameEntry *) 0)->name),
	.entrysize = sizeof(NameEntry), .by_string = true, .tables = DEPENDS_ON(RESOURCE),
	.limit = 4 * 1024 * 1024
};

/*
 * Which kinds of rules there are for any resource at all: most databases use few of them,
 * and a resource is then read by one query instead of six.  This is as current as a remembered
 * resource, for the first rule of a kind invalidates like every other.
 */
static struct
{
	uint64		read;			/* by the clock of the cache; 0: not yet */
	bool		hours;
	bool		closures;
	bool		limits;
	bool		waiters;		/* or some that waited once */
	bool		slots;			/* that take their resource */
}			in_use;

static Resource *load_resource(int64 resource_id);
static bool find_resource_row(int64 resource_id, ResourceRow *row);
static void read_resource(Resource *resource, const ResourceRow *row, MemoryContext cache);
static void look_what_is_in_use(void);
static bool any_row(const char *table);
static bool slots_take(const RowKey *of_resource);
static void load_seats(Resource *resource, MemoryContext cache);
static void load_hours(Resource *resource, MemoryContext cache);
static OpenSpan read_span(HeapTuple row, TupleDesc desc);
static int	compare_spans(const void *a, const void *b);
static void load_closures(Resource *resource, MemoryContext cache);
static void load_limits(Resource *resource, MemoryContext cache);
static int64 find_named(const char *name);
static int64 length_of(const ResourceRow *row, int column);

/*
 * Lock a resource's rules against change and return it; it is current until the
 * transaction ends.  The pointer is good until the current memory context is reset.
 */
const Resource *
booking_use_resource(int64 resource_id)
{
	const Resource *resource = booking_find_resource(resource_id);

	if (resource == NULL)
		booking_no_such_resource(resource_id);
	return resource;
}

/* The same for callers that can do without: NULL when there is no such resource. */
const Resource *
booking_find_resource(int64 resource_id)
{
	Resource   *resource;

	booking_lock_resource(resource_id);
	resource = booking_cache_find(&resources, &resource_id);
	return resource ? resource : load_resource(resource_id);
}

/*
 * The same by name.  Whether the name still belongs to the resource that we found under
 * it is known only after its lock has been granted; a lock taken in vain does no harm.
 */
const Resource *
booking_use_resource_named(const char *name)
{
	for (;;)
	{
		int64		id = find_named(name);
		const Resource *resource = booking_find_resource(id);

		if (resource && strcmp(resource->name, name) == 0)
			return resource;

		/* Renamed or deleted while we waited; ask again. */
		CHECK_FOR_INTERRUPTS();
		booking_cache_forget(&names);
	}
}

/*
 * A resource for a caller that only looks, and takes no lock: it is what was committed a moment
 * ago.  A booker that finds it later may use what was read here without the lock: a change that
 * was not seen yet is reported afterwards, and makes it stale.
 */
const Resource *
booking_peek_resource(int64 resource_id)
{
	const Resource *resource;

	AcceptInvalidationMessages();
	resource = booking_recall_resource(resource_id);
	if (resource == NULL)
		booking_no_such_resource(resource_id);
	return resource;
}

/*
 * The same for a caller that has the lock already, or can do without the resource: NULL
 * when there is none.
 */
const Resource *
booking_recall_resource(int64 resource_id)
{
	Resource   *resource = booking_cache_find(&resources, &resource_id);

	return resource ? resource : load_resource(resource_id);
}

const Resource *
booking_peek_resource_named(const char *name)
{
	for (;;)
	{
		int64		id = find_named(name);
		const Resource *resource;

		AcceptInvalidationMessages();
		resource = booking_cache_find(&resources, &id);
		if (resource == NULL)
			resource = load_resource(id);
		if (resource && strcmp(resource->name, name) == 0)
			return resource;

		/* Renamed or deleted meanwhile; ask again. */
		CHECK_FOR_INTERRUPTS();
		booking_cache_forget(&names);
	}
}

/* Only the id, and without any lock: it may belong to another name a moment later. */
int64
booking_resource_id_named(const char *name)
{
	return find_named(name);
}

static int64
find_named(const char *name)
{
	bool		fits = strlen(name) < sizeof(((NameEntry *) 0)->name);
	Generation *generation;
	NameEntry  *known;
	NameEntry	entry = {0};
	Datum		value;
	bool		isnull;

	if (fits && (known = booking_cache_find(&names, name)) != NULL)
		return known->id;

	generation = booking_cache_load(&names);
	SPI_connect();
	value = CStringGetTextDatum(name);
	if (booking_run(STMT_FIND_RESOURCE, &value, NULL) == 0)
		booking_no_such_resource_named(name);
	entry.id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();

	if (fits)
	{
		strcpy(entry.name, name);
		(void) booking_cache_keep(generation, &entry);
	}
	return entry.id;
}

/* The row of a resource, in the current memory context.  False when there is none. */
static bool
find_resource_row(int64 resource_id, ResourceRow *row)
{
	Relation	rel = table_open(booking_table("resource"), AccessShareLock);
	RowKey		key = {"id", F_INT8EQ, Int64GetDatum(resource_id), false};
	HeapTuple	found = booking_rows_one(&(RowsWanted) {rel, booking_rows_key_index(rel, &key, 1), NULL, &key, 1}, NULL);
	AttrNumber	column[RESOURCE_NCOLUMNS + 1];

	if (found)
	{
		booking_find_columns(RelationGetDescr(rel), resource_columns, RESOURCE_NCOLUMNS, column);
		booking_take_apart(found, RelationGetDescr(rel), column, RESOURCE_NCOLUMNS, row->value, row->null);
	}
	table_close(rel, NoLock);
	return found != NULL;
}

/* An interval as a length, NO_RULE when there is none. */
static int64
length_of(const ResourceRow *row, int column)
{
	return row->null[column] ? NO_RULE : booking_interval_length(DatumGetIntervalP(row->value[column]));
}

/* Read a resource whose lock we hold.  NULL when there is none. */
static Resource *
load_resource(int64 resource_id)
{
	Datum		id = Int64GetDatum(resource_id);
	Resource	loaded = {.id = resource_id, .closures_from = DT_NOBEGIN};
	Generation *generation = booking_cache_load(&resources);
	MemoryContext cache = booking_cache_memory(generation);
	ResourceRow row;

	SPI_connect();
	if (!find_resource_row(resource_id, &row))
	{
		SPI_finish();
		return NULL;
	}

	read_resource(&loaded, &row, cache);
	if (loaded.kind == RESOURCE_SEATED)
		load_seats(&loaded, cache);
	look_what_is_in_use();
	if (in_use.hours)
		load_hours(&loaded, cache);
	if (in_use.closures)
		load_closures(&loaded, cache);
	if (in_use.limits)
		load_limits(&loaded, cache);
	loaded.has_waiters = in_use.waiters && booking_run(STMT_SOMEBODY_WAITS, &id, NULL) > 0;
	loaded.taken_by_slots = in_use.slots && slots_take(&(RowKey) {"resource_id", F_INT8EQ, id, false});
	SPI_finish();
	return booking_cache_keep(generation, &loaded);
}

/* What the row says, and what follows from it. */
static void
read_resource(Resource *resource, const ResourceRow *row, MemoryContext cache)
{
	MemoryContext context = MemoryContextSwitchTo(cache);
	char	   *kind = TextDatumGetCString(row->value[RESOURCE_KIND]);

	resource->name = TextDatumGetCString(row->value[RESOURCE_NAME]);
	resource->kind = strcmp(kind, "exclusive") == 0 ? RESOURCE_EXCLUSIVE :
		strcmp(kind, "seated") == 0 ? RESOURCE_SEATED : RESOURCE_POOLED;
	resource->capacity = row->null[RESOURCE_CAPACITY] ? 0 : DatumGetInt32(row->value[RESOURCE_CAPACITY]);
	resource->buffer_before = Max(length_of(row, RESOURCE_BUFFER_BEFORE), 0);
	resource->buffer_after = Max(length_of(row, RESOURCE_BUFFER_AFTER), 0);
	resource->retired_at = row->null[RESOURCE_RETIRED_AT] ? DT_NOEND : DatumGetTimestampTz(row->value[RESOURCE_RETIRED_AT]);
	resource->category = row->null[RESOURCE_CATEGORY] ? NULL : TextDatumGetCString(row->value[RESOURCE_CATEGORY]);
	resource->tz = pg_tzset(TextDatumGetCString(row->value[RESOURCE_TIMEZONE]));
	if (resource->tz == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the time zone of resource \"%s\" is not known", resource->name),
				 errhint("The names are in pg_timezone_names, for example Europe/Berlin.")));
	resource->min_notice = length_of(row, RESOURCE_MIN_NOTICE);
	resource->max_advance = length_of(row, RESOURCE_MAX_ADVANCE);
	resource->min_duration = length_of(row, RESOURCE_MIN_DURATION);
	resource->max_duration = length_of(row, RESOURCE_MAX_DURATION);
	resource->max_hold = length_of(row, RESOURCE_MAX_HOLD);
	resource->has_policy = resource->min_notice != NO_RULE || resource->max_advance != NO_RULE ||
		resource->min_duration != NO_RULE || resource->max_duration != NO_RULE ||
		resource->max_hold != NO_RULE;
	resource->slots_only = DatumGetBool(row->value[RESOURCE_SLOTS_ONLY]);
	resource->record_events = DatumGetBool(row->value[RESOURCE_RECORD_EVENTS]);
	MemoryContextSwitchTo(context);
}

static void
look_what_is_in_use(void)
{
	uint64		read = booking_cache_now();

	if (in_use.read > 0 && !booking_cache_changed(&resources, in_use.read))
		return;
	in_use.hours = any_row("opening_hours");
	in_use.closures = any_row("closure");
	in_use.limits = any_row("holder_limit");
	in_use.waiters = any_row("waitlist");
	in_use.slots = slots_take(NULL);
	in_use.read = read;
}

/*
 * Is there anything in the table?  Without a plan: every new session asks this, and to parse and
 * plan the question took as long as fifty bookings.
 */
static bool
any_row(const char *table)
{
	Relation	rel = table_open(booking_table(table), AccessShareLock);
	bool		found = booking_rows_any(&(RowsWanted) {.rel = rel});

	table_close(rel, NoLock);
	return found;
}

/*
 * Are there slots that take their resource, this one or any?  They are in the index of their
 * constraint, and no others are.  Without the constraint, there may be.
 */
static bool
slots_take(const RowKey *of_resource)
{
	Relation	rel = table_open(booking_table("slot"), AccessShareLock);
	Oid			constraint = get_relation_constraint_oid(RelationGetRelid(rel), CONSTRAINT_SLOT_NO_OVERLAP, true);
	Oid			index = OidIsValid(constraint) ? get_constraint_index(constraint) : InvalidOid;
	bool		taking = !OidIsValid(index) ||
		booking_rows_any(&(RowsWanted) {rel, index, NULL, of_resource, of_resource ? 1 : 0});

	table_close(rel, NoLock);
	return taking;
}

static void
load_seats(Resource *resource, MemoryContext cache)
{
	Datum		id = Int64GetDatum(resource->id);
	int			n = (int) booking_run(STMT_LOAD_SEATS, &id, NULL);
	bool		isnull;

	resource->nseats = n;
	resource->seats = MemoryContextAlloc(cache, Max(n, 1) * sizeof(Seat));
	for (int i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;

		resource->seats[i].seat_no = DatumGetInt32(SPI_getbinval(row, desc, 1, &isnull));
		resource->seats[i].label = MemoryContextStrdup(cache, SPI_getvalue(row, desc, 2));
	}
}

static void
load_hours(Resource *resource, MemoryContext cache)
{
	Datum		id = Int64GetDatum(resource->id);
	int			n = (int) booking_run(STMT_LOAD_HOURS, &id, NULL);
	Hours	   *hours = &resource->hours;

	if (n == 0)
		return;

	resource->has_policy = true;
	hours->weekly = MemoryContextAlloc(cache, n * sizeof(OpenSpan));
	hours->dated = MemoryContextAlloc(cache, n * sizeof(OpenSpan));
	for (int i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		OpenSpan	span = read_span(row, desc);
		Datum		weekday = SPI_getbinval(row, desc, 1, &isnull);

		if (!isnull)
		{
			span.day = DatumGetInt16(weekday);
			hours->weekly[hours->nweekly++] = span;
		}
		else
		{
			span.day = DatumGetDateADT(SPI_getbinval(row, desc, 2, &isnull));
			hours->dated[hours->ndated++] = span;
		}
	}
	qsort(hours->weekly, hours->nweekly, sizeof(OpenSpan), compare_spans);
	qsort(hours->dated, hours->ndated, sizeof(OpenSpan), compare_spans);
}

/*
 * By their days, and within a day by the hour; sorted here, since the first ORDER BY of a
 * session takes long to plan.
 */
static int
compare_spans(const void *a, const void *b)
{
	const OpenSpan *one = a;
	const OpenSpan *other = b;

	if (one->day != other->day)
		return one->day < other->day ? -1 : 1;
	if (one->closed != other->closed)
		return one->closed ? -1 : 1;
	return one->opens < other->opens ? -1 : one->opens > other->opens;
}

static OpenSpan
read_span(HeapTuple row, TupleDesc desc)
{
	OpenSpan	span = {0};
	bool		isnull;

	span.opens = DatumGetTimeADT(SPI_getbinval(row, desc, 3, &isnull));
	span.closed = isnull;
	span.closes = DatumGetTimeADT(SPI_getbinval(row, desc, 4, &isnull));
	if (span.closes <= span.opens)
		span.closes += USECS_PER_DAY;
	return span;
}

static void
load_closures(Resource *resource, MemoryContext cache)
{
	Datum		values[2];
	int			n;

	values[0] = Int64GetDatum(resource->id);
	values[1] = Int64GetDatum(REMEMBERED_CLOSURES + 1);
	n = (int) booking_run(STMT_LOAD_CLOSURES, values, NULL);

	resource->closures_from = DT_NOBEGIN;
	resource->nclosures = Min(n, REMEMBERED_CLOSURES);
	if (n == 0)
		return;
	resource->closures = MemoryContextAlloc(cache, n * sizeof(Closure));
	for (int i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		char	   *reason = SPI_getvalue(row, desc, 2);
		Period		period = booking_period(DatumGetRangeTypeP(SPI_getbinval(row, desc, 1, &isnull)));

		/* They come in the order of their ends, and this is the first that is too many. */
		if (i == REMEMBERED_CLOSURES)
			resource->closures_from = period.to;
		resource->closures[i].period = period;
		resource->closures[i].reason = reason ? MemoryContextStrdup(cache, reason) : NULL;
	}
}

static void
load_limits(Resource *resource, MemoryContext cache)
{
	Datum		values[2];
	char		nulls[3] = "  ";
	int			n;

	values[0] = Int64GetDatum(resource->id);
	if (resource->category)
		values[1] = CStringGetTextDatum(resource->category);
	else
		nulls[1] = 'n';
	n = (int) booking_run(STMT_LOAD_LIMITS, values, nulls);
	if (n == 0)
		return;

	resource->nlimits = n;
	resource->limits = MemoryContextAllocZero(cache, n * sizeof(HolderLimit));
	for (int i = 0; i < n; i++)
	{
		HolderLimit *limit = &resource->limits[i];
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		char	   *per = SPI_getvalue(row, desc, 3);
		Datum		value;
		bool		isnull;

		(void) SPI_getbinval(row, desc, 1, &isnull);
		limit->of_resource = !isnull;
		(void) SPI_getbinval(row, desc, 2, &isnull);
		limit->of_category = !isnull;
		while (limit->per < PER_MONTH && strcmp(booking_limit_per[limit->per], per) != 0)
			limit->per++;
		value = SPI_getbinval(row, desc, 4, &isnull);
		limit->max_bookings = isnull ? NO_RULE : DatumGetInt32(value);
		value = SPI_getbinval(row, desc, 5, &isnull);
		limit->max_quantity = isnull ? NO_RULE : DatumGetInt64(value);
	}
}

const Seat *
booking_seat_numbered(const Resource *resource, int32 seat_no)
{
	int			low = 0,
				high = resource->nseats;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (resource->seats[middle].seat_no == seat_no)
			return &resource->seats[middle];
		if (resource->seats[middle].seat_no < seat_no)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const Seat *
booking_seat_labelled(const Resource *resource, const char *label)
{
	for (int i = 0; i < resource->nseats; i++)
		if (strcmp(resource->seats[i].label, label) == 0)
			return &resource->seats[i];
	return NULL;
}

/* The seat that a caller names. */
const Seat *
booking_seat_wanted(const Resource *resource, const char *label)
{
	const Seat *seat;

	if (resource->kind != RESOURCE_SEATED)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("resource \"%s\" has no seats", resource->name),
				 errhint("Leave the seat out, or create the resource as \"seated\".")));
	seat = booking_seat_labelled(resource, label);
	if (seat == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("resource \"%s\" has no seat \"%s\"", resource->name, label),
				 errhint("Its seats are in booking.seat.")));
	return seat;
}

/* A period, and the buffers around it that its resource has today. */
RangeType *
booking_with_buffers(const Resource *resource, RangeType *range)
{
	if (resource->buffer_before == 0 && resource->buffer_after == 0)
		return range;
	return booking_make_range(booking_widen(booking_period(range), resource->buffer_before,
											resource->buffer_after));
}
