/*-------------------------------------------------------------------------
 *
 * cache.c
 *		What does a backend remember, when does it forget, and which code may still be holding
 *		a pointer then?
 *
 * A booking needs its resource, its slot, the indexes and the rules of its table.  Looking
 * them up each time would cost more than the booking.  Every file that remembers such
 * things does it here, so that the server is asked for one relcache callback and not for
 * one per file: a backend has ten of them, for all extensions together.
 *
 * When is it current?  A cache depends on relations: tables of ours, and others that are
 * named to booking_cache_watch().  The callback hears of every change of a relation and
 * notes the time, on a clock that counts such events.  What is remembered is grouped in
 * generations.  A generation is stale when one of the relations has changed since it was
 * begun; then the next look-up begins another, empty one.  A change that is reported while
 * something is being read is later than the beginning as well: the thing read goes into the
 * generation in which its reading was begun, which is stale by then, and no later look-up finds
 * it there.
 *
 * What is returned is current because of a lock, and the callback only saves reading it
 * again.  The user of a thing takes a lock first that keeps others from changing it (the
 * RESOURCE lock, for instance), which reads the invalidation messages; a transaction that
 * changes it holds the lock in a conflicting mode, and its commit sends the message before the
 * lock is given back.  So
 *
 *	- what is found here was read after the last change that has been committed, for
 *	  otherwise the message would have made it stale;
 *	- what is read now, under the lock and with a snapshot taken under it, is current
 *	  whatever messages arrive while it is being read: they are about other things.
 *
 * Therefore nothing is ever read twice in order to be sure, and reading comes to an end
 * also where every look into a catalog is followed by an invalidation of everything
 * (debug_discard_caches).  Changes of our own transaction, and their being rolled back, are
 * reported through the same callback: at the end of the command, and of the (sub)transaction.
 *
 * An error while something is being read leaves no entry behind, for an entry is made by
 * booking_cache_keep() when it is complete; memory that it leaves behind counts towards the
 * limit.
 *
 * How much is remembered?  A generation that has reached the limit of its cache is retired
 * when the next thing is to be read: there is a new one, and what is still needed is read
 * again.
 *
 * How long is a pointer good?  A caller that is given one may use it until the memory context
 * that was current then is reset or deleted: in a trigger that is the executor's context for the
 * row, in an SQL function that of the expression or, after SPI_connect(), the context that
 * SPI_finish() deletes.  A retired generation is freed when no such context is left, the next
 * time that one is begun.  So a transaction that changes a rule and uses it, thousands of times,
 * keeps one or two copies, and errors, rollbacks to a savepoint and nested calls need no code of
 * their own: the pointers are gone when the contexts are.
 *
 * The caller must not keep a pointer longer than that: not in a static variable, and not
 * beyond the SPI_finish() whose SPI_connect() came before the look-up.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "lib/ilist.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/cache.h"
#include "base/compat.h"

#define MOST_CACHES	31			/* a bit for each */

struct Generation
{
	Cache	   *cache;
	uint64		begun;
	MemoryContext memory;		/* this struct, the entries, and what they point to */
	HTAB	   *entries;		/* NULL when the cache has none */
	dlist_head	pins;
	Generation *next;			/* of the retired ones */
};

/* A memory context whose end ends the use of a generation; lives in that context. */
typedef struct Pin
{
	MemoryContextCallback callback;
	dlist_node	node;
	MemoryContext context;
} Pin;

/* A relation that matters to some of the caches. */
typedef struct Watched
{
	Oid			relid;			/* hash key: must be first */
	int			caches;			/* a bit for each */
	int			table;			/* its number when it is one of ours, or -1 */
} Watched;

static const char *const table_names[BOOKING_TABLE_COUNT] = {
	[TABLE_BOOKING] = "booking",
	[TABLE_RESOURCE] = "resource",
	[TABLE_SEAT] = "seat",
	[TABLE_WAITLIST] = "waitlist",
	[TABLE_OPENING_HOURS] = "opening_hours",
	[TABLE_CLOSURE] = "closure",
	[TABLE_HOLDER_LIMIT] = "holder_limit",
	[TABLE_SLOT] = "slot",
	[TABLE_SLOT_ID_SEQ] = "slot_id_seq",
	[TABLE_SLOT_PLACES] = "slot_places",
	[TABLE_JOURNAL] = "journal",
	[TABLE_EVENT] = "event",
	[TABLE_POOL_USE] = "pool_use",
};

/* Invalid while unknown, and after a change of the table. */
static Oid	table_ids[BOOKING_TABLE_COUNT];
static Oid	owner = InvalidOid;

static Cache *caches[MOST_CACHES + 1];
static int	ncaches = 0;
static HTAB *watched = NULL;
static uint64 now = 1;

static void relation_changed_for_caches(Datum arg, Oid relid);
static void set_up_watching(void);
static void introduce(Cache *cache);
static Oid	find_table(BookingTable table);
static Generation *begin_generation(Cache *cache);
static void free_retired(Cache *cache);
static void unwatch(Cache *cache);
static void pin(Generation *generation);
static void unpin(void *arg);

void
booking_cache_init(void)
{
	CacheRegisterRelcacheCallback(relation_changed_for_caches, (Datum) 0);
}

/*
 * Runs for every relation of the database that changes, with InvalidOid for all of them, and at
 * moments when nothing may fail: it must neither allocate nor look anything up.
 */
static void
relation_changed_for_caches(Datum arg, Oid relid)
{
	Watched    *found;
	int			stale = ~0;

	now++;
	if (OidIsValid(relid))
	{
		if (watched == NULL || (found = hash_search(watched, &relid, HASH_FIND, NULL)) == NULL)
			return;
		stale = found->caches;
		if (found->table >= 0)
		{
			table_ids[found->table] = InvalidOid;
			owner = InvalidOid;
		}
	}
	else
	{
		memset(table_ids, 0, sizeof(table_ids));
		owner = InvalidOid;
	}
	for (int i = 1; i <= ncaches; i++)
		if (stale & (1 << (i - 1)))
			caches[i]->changed = now;
}

static void
set_up_watching(void)
{
	HASHCTL		ctl = {.keysize = sizeof(Oid), .entrysize = sizeof(Watched)};

	if (watched == NULL)
		watched = hash_create("booking relations", 64, &ctl, HASH_ELEM | HASH_BLOBS);
}

/* A cache is used for the first time. */
static void
introduce(Cache *cache)
{
	if (cache->number > 0)
		return;
	set_up_watching();
	if (ncaches == MOST_CACHES)
		elog(ERROR, "there are more than %d caches", MOST_CACHES);
	caches[ncaches + 1] = cache;
	cache->number = ++ncaches;
}

/* ---- where things are ---- */

/*
 * The OID of a table of ours.
 */
Oid
booking_table(const char *name)
{
	Oid			relid = booking_table_if_there(name);

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"booking.%s\" does not exist", name),
				 errdetail("It belongs to the extension \"booking\".")));
	return relid;
}

/* The same, or InvalidOid: its owner has dropped or renamed it. */
Oid
booking_table_if_there(const char *name)
{
	for (int i = 0; i < BOOKING_TABLE_COUNT; i++)
		if (strcmp(table_names[i], name) == 0)
			return OidIsValid(table_ids[i]) ? table_ids[i] : find_table(i);
	elog(ERROR, "table booking.%s is not a known one", name);
	return InvalidOid;
}

/*
 * After DROP EXTENSION and CREATE EXTENSION a table has another OID.  The old one's removal
 * has made us forget it; from here on we are told of changes of the new one.
 */
static Oid
find_table(BookingTable table)
{
	Oid			relid = get_relname_relid(table_names[table], get_namespace_oid("booking", false));
	int			used_by = 0;
	HASH_SEQ_STATUS all;
	Watched    *found;
	bool		known;

	if (!OidIsValid(relid))
		return relid;
	set_up_watching();
	hash_seq_init(&all, watched);
	while ((found = hash_seq_search(&all)) != NULL)
		if (found->table == (int) table && found->relid != relid)
			(void) hash_search(watched, &found->relid, HASH_REMOVE, NULL);

	for (int i = 1; i <= ncaches; i++)
		if (caches[i]->tables & (1 << table))
			used_by |= 1 << (i - 1);
	found = hash_search(watched, &relid, HASH_ENTER, &known);
	found->caches = (known ? found->caches : 0) | used_by;
	found->table = table;
	table_ids[table] = relid;
	return relid;
}

/* The owner of our tables, as which triggers read them. */
Oid
booking_owner(void)
{
	Oid			relid;
	HeapTuple	tuple;
	Oid			found;

	if (OidIsValid(owner))
		return owner;
	relid = booking_table("resource");
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	found = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);

	/* Only if we are told when that changes. */
	if (table_ids[TABLE_RESOURCE] == relid)
		owner = found;
	return found;
}

/* ---- depending on what others change ---- */

/* A change of this relation makes what is remembered stale, as long as there is any of it. */
void
booking_cache_watch(Cache *cache, Oid relid)
{
	Watched    *found;
	bool		known;

	introduce(cache);
	found = hash_search(watched, &relid, HASH_ENTER, &known);
	if (!known)
	{
		found->caches = 0;
		found->table = -1;
	}
	found->caches |= 1 << (cache->number - 1);
	if (found->table < 0)
		cache->watches = true;
}

/* From here on, register changes of the tables of ours that a cache depends on. */
void
booking_cache_listen(Cache *cache)
{
	introduce(cache);
	for (int i = 0; i < BOOKING_TABLE_COUNT; i++)
	{
		Oid			relid;

		if ((cache->tables & (1 << i)) == 0)
			continue;
		relid = OidIsValid(table_ids[i]) ? table_ids[i] : find_table(i);
		if (OidIsValid(relid))
			booking_cache_watch(cache, relid);
	}
}

/* Forget everything, for what is remembered has turned out not to be true. */
void
booking_cache_forget(Cache *cache)
{
	cache->changed = ++now;
}

/* The time by the clock that counts changes; see booking_cache_changed(). */
uint64
booking_cache_now(void)
{
	return now;
}

/* Has something changed since then that a cache depends on? */
bool
booking_cache_changed(const Cache *cache, uint64 since)
{
	return cache->changed > since;
}

/* ---- remembering ---- */

/*
 * What is remembered under a key, or NULL.  The pointer is good until the current memory
 * context is reset.
 */
void *
booking_cache_find(Cache *cache, const void *key)
{
	Generation *generation = cache->current;
	void	   *entry;

	if (generation == NULL || cache->changed > generation->begun)
		generation = begin_generation(cache);
	entry = hash_search(generation->entries, key, HASH_FIND, NULL);
	if (entry)
		pin(generation);
	return entry;
}

/*
 * Something is going to be read: the generation that it will belong to.  It is good, like
 * the entry that booking_cache_keep() makes in it, until the memory context is reset that
 * is current now.
 */
Generation *
booking_cache_load(Cache *cache)
{
	Generation *generation = cache->current;

	if (generation == NULL || cache->changed > generation->begun ||
		MemoryContextMemAllocated(generation->memory, true) > cache->limit)
		generation = begin_generation(cache);
	pin(generation);
	return generation;
}

/* Where the things are to be that an entry points to. */
MemoryContext
booking_cache_memory(Generation *generation)
{
	return generation->memory;
}

/*
 * Remember a complete entry, a copy of this one, which begins with its key.  If a nested call
 * has read the same meanwhile, its entry stays, for there may be pointers to it.
 */
void *
booking_cache_keep(Generation *generation, const void *entry)
{
	bool		known;
	void	   *kept = hash_search(generation->entries, entry, HASH_ENTER, &known);

	if (!known)
		memcpy(kept, entry, generation->cache->entrysize);
	return kept;
}

static Generation *
begin_generation(Cache *cache)
{
	uint64		begun;
	MemoryContext memory;
	Generation *generation;
	HASHCTL		ctl = {0};

	/* What happens from now on makes it stale, also while it is being set up. */
	begun = now;
	introduce(cache);
	unwatch(cache);
	booking_cache_listen(cache);

	memory = AllocSetContextCreate(CacheMemoryContext, "booking cache", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSetIdentifier(memory, cache->name);
	generation = MemoryContextAllocZero(memory, sizeof(Generation));
	generation->cache = cache;
	generation->begun = begun;
	generation->memory = memory;
	dlist_init(&generation->pins);
	ctl.keysize = cache->keysize;
	ctl.entrysize = cache->entrysize;
	ctl.hcxt = memory;
	generation->entries = hash_create(cache->name, 32, &ctl,
									  HASH_ELEM | HASH_CONTEXT |
									  (cache->by_string ? HASH_STRINGS : HASH_BLOBS));

	if (cache->current)
	{
		cache->current->next = cache->retired;
		cache->retired = cache->current;
	}
	cache->current = generation;
	free_retired(cache);
	return generation;
}

/* Free what is not used any more, now that no caller can be given a pointer to it. */
static void
free_retired(Cache *cache)
{
	Generation **link = &cache->retired;

	while (*link != NULL)
	{
		Generation *generation = *link;

		if (dlist_is_empty(&generation->pins))
		{
			*link = generation->next;
			MemoryContextDelete(generation->memory);
		}
		else
			link = &generation->next;
	}
}

/*
 * A new generation has not seen any of the relations that the old one depended on.  Tables
 * of ours are always heard of.
 */
static void
unwatch(Cache *cache)
{
	HASH_SEQ_STATUS all;
	Watched    *found;

	if (!cache->watches)
		return;
	cache->watches = false;
	hash_seq_init(&all, watched);
	while ((found = hash_seq_search(&all)) != NULL)
	{
		if (found->table >= 0)
			continue;
		found->caches &= ~(1 << (cache->number - 1));
		if (found->caches == 0)
			(void) hash_search(watched, &found->relid, HASH_REMOVE, NULL);
	}
}

/* Keep a generation until the current memory context is reset. */
static void
pin(Generation *generation)
{
	Pin		   *pin;

	/* A loop in one context needs no second one. */
	if (!dlist_is_empty(&generation->pins) &&
		dlist_head_element(Pin, node, &generation->pins)->context == CurrentMemoryContext)
		return;

	Assert(CurrentMemoryContext != generation->memory);
	pin = palloc(sizeof(Pin));
	pin->context = CurrentMemoryContext;
	pin->callback.func = unpin;
	pin->callback.arg = pin;
	dlist_push_head(&generation->pins, &pin->node);
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &pin->callback);
}

static void
unpin(void *arg)
{
	dlist_delete(&((Pin *) arg)->node);
}
