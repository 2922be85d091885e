/*-------------------------------------------------------------------------
 *
 * resource.h
 *		the resource as this backend remembers it
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_RESOURCE_H
#define BOOKING_RESOURCE_H

#include "pgtime.h"
#include "utils/rangetypes.h"
#include "utils/timestamp.h"

#include "base/period.h"
#include "engine/hours.h"

typedef enum ResourceKind
{
	RESOURCE_EXCLUSIVE,
	RESOURCE_SEATED,
	RESOURCE_POOLED
} ResourceKind;

typedef enum LimitPer
{
	PER_ACTIVE,
	PER_SLOT,
	PER_DAY,
	PER_WEEK,
	PER_MONTH
} LimitPer;

typedef struct HolderLimit
{
	bool		of_resource;	/* counts only the resource itself, */
	bool		of_category;	/* or those of its category */
	LimitPer	per;
	int64		max_bookings;	/* NO_RULE: any number */
	int64		max_quantity;
} HolderLimit;

typedef struct Seat
{
	int32		seat_no;
	char	   *label;
} Seat;

typedef struct Resource
{
	int64		id;				/* hash key: must be first */
	char	   *name;
	ResourceKind kind;
	int32		capacity;		/* pooled: units; exclusive: 1; seated: seats */
	int64		buffer_before;	/* microseconds */
	int64		buffer_after;
	TimestampTz retired_at;		/* DT_NOEND: not retired */
	bool		has_waiters;	/* there may be entries in the line; false: surely none */
	char	   *category;		/* or NULL */
	pg_tz	   *tz;
	bool		has_policy;		/* any of the following, NO_RULE where there is none */
	int64		min_notice;		/* microseconds */
	int64		max_advance;
	int64		min_duration;
	int64		max_duration;
	int64		max_hold;
	Hours		hours;
	TimestampTz closures_from;	/* bookings that begin at this instant or later can only
								 * meet the closures that are here */
	int			nclosures;
	struct Closure *closures;
	int			nlimits;
	HolderLimit *limits;
	bool		slots_only;
	bool		record_events;	/* what happens to its bookings is written down */
	bool		taken_by_slots;	/* some of its slots take it whole (slot_rules.c) */
	int			nseats;
	Seat	   *seats;			/* ordered by seat_no */
} Resource;

#define NO_RULE (-1)

/* A closure of the resource, or of all. */
typedef struct Closure
{
	Period		period;
	char	   *reason;			/* or NULL */
} Closure;

/* What a limit is called in the table, by LimitPer. */
extern const char *const booking_limit_per[];

extern int64 booking_resource_id_named(const char *name);
extern const Resource *booking_use_resource(int64 resource_id);
extern const Resource *booking_find_resource(int64 resource_id);
extern const Resource *booking_use_resource_named(const char *name);
extern const Resource *booking_peek_resource(int64 resource_id);
extern const Resource *booking_recall_resource(int64 resource_id);
extern const Resource *booking_peek_resource_named(const char *name);
extern const Seat *booking_seat_numbered(const Resource *resource, int32 seat_no);
extern const Seat *booking_seat_labelled(const Resource *resource, const char *label);
extern const Seat *booking_seat_wanted(const Resource *resource, const char *label);
extern RangeType *booking_with_buffers(const Resource *resource, RangeType *range);

#endif							/* BOOKING_RESOURCE_H */
