/*-------------------------------------------------------------------------
 *
 * resource.c
 *		What does this backend know about a resource, and why may it trust it?
 *
 * A booking needs the kind, the capacity, the buffers and the rules of its resource.
 * Looking them up for every booking would cost more than the booking, so each backend
 * remembers the resources that it has used.
 *
 * A remembered resource is right because of two facts:
 *
 *	- Whoever changes it holds its RESOURCE lock exclusively until the end of the
 *	  transaction, and triggers an invalidation of the table's relcache entry, which
 *	  the commit sends out before it gives the lock back.
 *	- Whoever uses it takes the RESOURCE lock in shared mode first, then reads the
 *	  invalidation messages, then looks here (booking_lock_resource()).
 *
 * An invalidation forgets everything: rules change seldom, and reading a resource again
 * is one indexed row.  What is forgotten stays in memory until the transaction ends, so
 * that callers up the stack can keep their pointers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/locks.h"
#include "base/period.h"
#include "base/plans.h"
#include "engine/resource.h"
#include "rules/closure.h"
#include "rules/limits.h"
#include "rules/policy.h"

/* The tables whose rows are remembered here, and the one that bookers lock. */
static const char *const table_names[] = {
	"booking", "resource", "seat", "waitlist", "opening_hours", "closure", "holder_limit", "slot"
};

static Oid	table_ids[lengthof(table_names)];
static Oid	owner = InvalidOid;

/* A resource by its name; only an id, which the resource itself confirms. */
typedef struct NameEntry
{
	char		name[NAMEDATALEN * 4];	/* hash key; longer names are not remembered */
	int64		id;
} NameEntry;

/* Resources to remember at most; then all are forgotten. */
#define MANY_REMEMBERED	65536

static MemoryContext cache = NULL;
static HTAB *by_id = NULL;
static HTAB *by_name = NULL;
static bool stale = true;

/*
 * Which kinds of rules there are for any resource at all: most databases use few of them,
 * and a resource is then read by one query instead of six.  As good as a remembered
 * resource, for the first rule of its kind invalidates like every other.
 */
static struct
{
	bool		known;
	bool		hours;
	bool		closures;
	bool		limits;
	bool		waiters;
	bool		slots;			/* that take their resource */
}			in_use;

static void resource_relation_changed(Datum arg, Oid relid);
static void forget_resource(void);
static Resource *load_resource(int64 resource_id);
static void look_what_is_in_use(void);
static void load_seats(Resource *resource);
static int64 find_named(const char *name);
static Interval column_interval(HeapTuple row, int column);
static int64 column_length(HeapTuple row, int column);

void
booking_config_init(void)
{
	CacheRegisterRelcacheCallback(resource_relation_changed, (Datum) 0);
}

/*
 * The OID of a table of ours; InvalidOid while the extension is not installed.
 */
Oid
booking_table(const char *name)
{
	for (int i = 0; i < (int) lengthof(table_names); i++)
	{
		if (strcmp(table_names[i], name) != 0)
			continue;
		if (!OidIsValid(table_ids[i]))
			table_ids[i] = get_relname_relid(name, get_namespace_oid("booking", false));
		return table_ids[i];
	}
	elog(ERROR, "table booking.%s is not a known one", name);
	return InvalidOid;
}

/* Who owns our tables: as whom triggers read them. */
Oid
booking_owner(void)
{
	if (!OidIsValid(owner))
	{
		Oid			relid = booking_table("resource");
		HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));

		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for relation %u", relid);
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/* Runs for every invalidated relation of the database, at awkward moments: be brief. */
static void
resource_relation_changed(Datum arg, Oid relid)
{
	for (int i = 0; i < (int) lengthof(table_ids); i++)
	{
		if (relid == InvalidOid || relid == table_ids[i])
		{
			stale = true;
			table_ids[i] = InvalidOid;
			owner = InvalidOid;
		}
	}
}

/* Make room for a new beginning, once nobody can hold a pointer any more. */
static void
forget_resource(void)
{
	HASHCTL		ctl = {0};
	MemoryContext old = cache;

	/* Know which tables' invalidations concern us. */
	for (int i = 0; i < (int) lengthof(table_names); i++)
		booking_table(table_names[i]);

	cache = AllocSetContextCreate(CacheMemoryContext, "booking resources", ALLOCSET_DEFAULT_SIZES);
	if (old)
		MemoryContextSetParent(old, TopTransactionContext);

	ctl.keysize = sizeof(int64);
	ctl.entrysize = sizeof(Resource);
	ctl.hcxt = cache;
	by_id = hash_create("booking resources", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

	ctl.keysize = sizeof(((NameEntry *) 0)->name);
	ctl.entrysize = sizeof(NameEntry);
	by_name = hash_create("booking resource names", 64, &ctl, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	in_use.known = false;
	stale = false;
}

/*
 * Lock a resource's rules against change and return it; it is current until the
 * transaction ends.  The pointer is good until then, too.
 */
const Resource *
booking_use_resource(int64 resource_id)
{
	const Resource *resource = booking_find_resource(resource_id);

	if (resource == NULL)
		booking_no_such_resource(resource_id);
	return resource;
}

/* The same for whoever can do without: NULL when there is no such resource. */
const Resource *
booking_find_resource(int64 resource_id)
{
	Resource   *resource;

	booking_lock_resource(resource_id);
	if (stale)
		forget_resource();

	resource = hash_search(by_id, &resource_id, HASH_FIND, NULL);
	if (resource == NULL)
		resource = load_resource(resource_id);
	return resource;
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
		const Resource *resource;

		booking_lock_resource(id);
		if (stale)
			forget_resource();
		resource = hash_search(by_id, &id, HASH_FIND, NULL);
		if (resource == NULL)
			resource = load_resource(id);
		if (resource && strcmp(resource->name, name) == 0)
			return resource;

		/* Renamed or deleted while we waited; ask again. */
		stale = true;
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
	NameEntry  *entry;
	Datum		value;
	bool		isnull;
	int64		id;

	if (stale)
		forget_resource();
	if (fits && (entry = hash_search(by_name, name, HASH_FIND, NULL)) != NULL)
		return entry->id;

	SPI_connect();
	value = CStringGetTextDatum(name);
	if (booking_run(STMT_FIND_RESOURCE, &value, NULL) == 0)
		booking_no_such_resource_named(name);
	id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();

	if (stale)
		forget_resource();
	if (fits)
	{
		entry = hash_search(by_name, name, HASH_ENTER, NULL);
		entry->id = id;
	}
	return id;
}

static Interval
column_interval(HeapTuple row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? (Interval) {0} : *DatumGetIntervalP(value);
}

/* An interval as a length, NO_RULE when there is none. */
static int64
column_length(HeapTuple row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? NO_RULE : booking_interval_length(DatumGetIntervalP(value));
}

/* Read a resource whose lock we hold.  NULL when there is none. */
static Resource *
load_resource(int64 resource_id)
{
	Datum		id = Int64GetDatum(resource_id);
	Resource	loaded = {.id = resource_id, .closures_from = DT_NOBEGIN};
	Resource   *resource;
	MemoryContext context;
	HeapTuple	row;
	TupleDesc	desc;
	Interval	span;
	Datum		value;
	bool		isnull;
	char	   *kind;

	SPI_connect();
	do
	{
		if (stale)
			forget_resource();
		if (booking_run(STMT_LOAD_RESOURCE, &id, NULL) == 0)
		{
			SPI_finish();
			return NULL;
		}
	} while (stale);

	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;

	context = MemoryContextSwitchTo(cache);
	loaded.name = SPI_getvalue(row, desc, 1);
	loaded.name = MemoryContextStrdup(cache, loaded.name);
	kind = SPI_getvalue(row, desc, 2);
	loaded.kind = strcmp(kind, "exclusive") == 0 ? RESOURCE_EXCLUSIVE :
		strcmp(kind, "seated") == 0 ? RESOURCE_SEATED : RESOURCE_POOLED;
	value = SPI_getbinval(row, desc, 3, &isnull);
	loaded.capacity = isnull ? 0 : DatumGetInt32(value);
	span = column_interval(row, 4);
	loaded.buffer_before = booking_interval_length(&span);
	span = column_interval(row, 5);
	loaded.buffer_after = booking_interval_length(&span);
	value = SPI_getbinval(row, desc, 6, &isnull);
	loaded.retired_at = isnull ? DT_NOEND : DatumGetTimestampTz(value);
	loaded.category = SPI_getvalue(row, desc, 7);
	if (loaded.category)
		loaded.category = MemoryContextStrdup(cache, loaded.category);
	loaded.tz = pg_tzset(SPI_getvalue(row, desc, 8));
	if (loaded.tz == NULL)
		elog(ERROR, "time zone of resource \"%s\" is not known", loaded.name);
	loaded.min_notice = column_length(row, 9);
	loaded.max_advance = column_length(row, 10);
	loaded.min_duration = column_length(row, 11);
	loaded.max_duration = column_length(row, 12);
	loaded.max_hold = column_length(row, 13);
	loaded.has_policy = loaded.min_notice != NO_RULE || loaded.max_advance != NO_RULE ||
		loaded.min_duration != NO_RULE || loaded.max_duration != NO_RULE ||
		loaded.max_hold != NO_RULE;
	loaded.slots_only = DatumGetBool(SPI_getbinval(row, desc, 14, &isnull));
	MemoryContextSwitchTo(context);

	if (loaded.kind == RESOURCE_SEATED)
		load_seats(&loaded);
	if (!in_use.known)
		look_what_is_in_use();
	if (in_use.hours)
		booking_load_hours(&loaded, cache);
	if (in_use.closures)
		booking_load_closures(&loaded, cache);
	if (in_use.limits)
		booking_load_limits(&loaded, cache);
	loaded.has_waiters = in_use.waiters && booking_run(STMT_SOMEBODY_WAITS, &id, NULL) > 0;
	loaded.taken_by_slots = in_use.slots && booking_run(STMT_TAKEN_BY_SLOTS, &id, NULL) > 0;
	SPI_finish();

	resource = hash_search(by_id, &resource_id, HASH_ENTER, NULL);
	if (hash_get_num_entries(by_id) >= MANY_REMEMBERED)
		stale = true;
	*resource = loaded;
	return resource;
}

static void
look_what_is_in_use(void)
{
	bool	   *flags[] = {
		&in_use.hours, &in_use.closures, &in_use.limits, &in_use.waiters, &in_use.slots
	};
	bool		isnull;

	booking_run(STMT_RULES_IN_USE, NULL, NULL);
	for (int i = 0; i < (int) lengthof(flags); i++)
		*flags[i] = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
											   i + 1, &isnull));
	in_use.known = true;
}

static void
load_seats(Resource *resource)
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
