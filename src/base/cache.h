/*-------------------------------------------------------------------------
 *
 * cache.h
 *		What a backend remembers, for how long, and where our tables are
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_CACHE_H
#define BOOKING_CACHE_H

#include "utils/hsearch.h"
#include "utils/palloc.h"

/* Tables of ours, as bits of what a cache depends on. */
typedef enum BookingTable
{
	TABLE_BOOKING,
	TABLE_RESOURCE,
	TABLE_SEAT,
	TABLE_WAITLIST,
	TABLE_OPENING_HOURS,
	TABLE_CLOSURE,
	TABLE_HOLDER_LIMIT,
	TABLE_SLOT,
	TABLE_SLOT_ID_SEQ,
	TABLE_SLOT_PLACES,
	TABLE_JOURNAL,
	TABLE_EVENT,
	TABLE_POOL_USE,
	BOOKING_TABLE_COUNT
} BookingTable;

#define DEPENDS_ON(table)	(1 << TABLE_##table)

typedef struct Generation Generation;

/*
 * Things of one kind that are remembered by a key.  A static variable of the file that
 * needs it, in which only the first part is filled in.
 */
typedef struct Cache
{
	const char *name;
	Size		keysize;		/* the key is the first thing in an entry */
	Size		entrysize;
	bool		by_string;		/* the key is a string of less than keysize bytes */
	int			tables;			/* of ours whose change makes it stale */
	Size		limit;			/* bytes, after which it begins anew */

	/* For cache.c alone */
	int			number;			/* 0: not known yet */
	bool		watches;		/* relations that are not ours */
	uint64		changed;		/* when it last became stale */
	Generation *current;
	Generation *retired;		/* those that a caller may still be using */
} Cache;

extern void booking_cache_init(void);

/* Remembering */
extern void *booking_cache_find(Cache *cache, const void *key);
extern Generation *booking_cache_load(Cache *cache);
extern MemoryContext booking_cache_memory(Generation *generation);
extern void *booking_cache_keep(Generation *generation, const void *entry);

/* Depending on what others change */
extern void booking_cache_watch(Cache *cache, Oid relid);
extern void booking_cache_listen(Cache *cache);
extern void booking_cache_forget(Cache *cache);
extern uint64 booking_cache_now(void);
extern bool booking_cache_changed(const Cache *cache, uint64 since);

/* Where things are */
extern Oid	booking_table(const char *name);
extern Oid	booking_table_if_there(const char *name);
extern Oid	booking_owner(void);

#endif							/* BOOKING_CACHE_H */
