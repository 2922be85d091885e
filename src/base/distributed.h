/*-------------------------------------------------------------------------
 *
 * distributed.h
 *		what Citus, where there is one, has done with a relation
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_DISTRIBUTED_H
#define BOOKING_DISTRIBUTED_H

#include "utils/relcache.h"

/* A table that Citus distributes, or one of its shards. */
typedef struct Distribution
{
	Oid			table;			/* what users know it by */
	int64		shard;			/* 0: the table itself */
	bool		hashed;			/* each row is on one node, according to the column */
	bool		everywhere;		/* each node has all rows, or one node does */
	NameData	column;			/* hashed: by which */
} Distribution;

extern bool booking_citus_here(void);
extern bool booking_distributed(Oid relid, Distribution *distribution);
extern Oid	booking_shard_beside(const Distribution *shard, Oid table, bool *distributed);
extern bool booking_beside(Oid table, Oid other);
extern char *booking_shown_table(Oid relid);
extern char *booking_shown_name(Oid relid, const char *name);

#endif							/* BOOKING_DISTRIBUTED_H */
