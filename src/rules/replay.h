/*-------------------------------------------------------------------------
 *
 * replay.h
 *		the same call once more
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_REPLAY_H
#define BOOKING_REPLAY_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "utils/jsonb.h"
#include "utils/rangetypes.h"
#include "utils/uuid.h"

#include "engine/resource.h"

/* What a caller asks for, as far as the stored booking tells. */
typedef struct Content
{
	const Resource *resource;
	bool		has_slot;		/* then */
	int64		slot_id;
	RangeType  *range;			/* and otherwise this */
	text	   *holder;
	int32		quantity;
	const char *seat;			/* label, or NULL: any */
	Jsonb	   *data;
} Content;

extern bool booking_id_is_used(const pg_uuid_t *id);
extern char *booking_content_differs(const Content *content, HeapTuple row, TupleDesc desc);
extern void booking_check_replay(const Content *content, HeapTuple row, TupleDesc desc,
								 const pg_uuid_t *id);

#endif							/* BOOKING_REPLAY_H */
