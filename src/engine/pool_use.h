/*-------------------------------------------------------------------------
 *
 * pool_use.h
 *		what is in use of a large pool
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_POOL_USE_H
#define BOOKING_POOL_USE_H

#include "engine/guard.h"
#include "engine/pool_rows.h"
#include "engine/resource.h"

/*
 * From this capacity on a pool is large.  The install script says so too, in pool_is_large().
 */
#define LARGE_POOL	256

/* A look at a large pool, for a booking with this id. */
typedef struct PoolLook
{
	int64		resource_id;
	Period		window;
	const pg_uuid_t *booking_id;	/* whose hold does not count; NULL: none */
	TimestampTz now;
	bool		all_rows;		/* those of our own batch as well */
	void		(*lapsed) (const pg_uuid_t *booking_id, void *arg);
	void	   *arg;
	bool		any;			/* has there been anything at all? */
} PoolLook;

extern bool booking_is_large_pool(const Resource *resource);
extern void booking_pool_look(PoolLook *look, GuardRows *rows, GuardPending *pending);
extern void booking_pool_changes(const PoolUse *was, const PoolUse *becomes);

#endif							/* BOOKING_POOL_USE_H */
