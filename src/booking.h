/*-------------------------------------------------------------------------
 *
 * booking.h
 *		What the files of the extension share.  One section a file, in the
 *		order in which they build on one another:
 *
 *			errors.c	refusals and complaints, each in one place
 *			period.c	periods as users write them
 *			peak.c		the highest use at any instant (no SQL, no catalogs)
 *			locks.c		every lock of ours: kinds, order, lifetime
 *			plans.c		every SQL statement that C code runs
 *			config.c	the resource as this backend remembers it
 *			guard.c		"never more than N at once" over any index
 *			row.c		the triggers of booking.booking
 *			room.c		is there room for a booking, and if not, what would fit
 *			book.c		book_slot() and its relatives
 *			life.c		what happens to a booking afterwards
 *
 *		The rules on tables that are not ours (guarded.c, guard_row.c, guard_table.c,
 *		existing.c, capacity.c) share guarded.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_H
#define BOOKING_H

#include "access/genam.h"
#include "executor/tuptable.h"
#include "storage/lock.h"
#include "utils/jsonb.h"
#include "utils/rangetypes.h"
#include "utils/relcache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

#include "errors.h"

/*
 * Columns of booking.booking.  The install script creates them in this order and
 * later versions only append; the regression test catalog_sanity compares.
 */
typedef enum BookingColumn
{
	BOOKING_ID = 1,
	BOOKING_RESOURCE_ID,
	BOOKING_SLOT_ID,
	BOOKING_SEAT_NO,
	BOOKING_PERIOD,
	BOOKING_OCCUPIES,
	BOOKING_QUANTITY,
	BOOKING_HOLDER,
	BOOKING_STATUS,
	BOOKING_EXPIRES_AT,
	BOOKING_GROUP_ID,
	BOOKING_WAITLIST_ID,
	BOOKING_VERSION,
	BOOKING_CREATED_AT,
	BOOKING_UPDATED_AT,
	BOOKING_CHECKED_IN_AT,
	BOOKING_CHECKED_OUT_AT,
	BOOKING_REASON,
	BOOKING_DATA,
	BOOKING_NCOLUMNS = BOOKING_DATA
} BookingColumn;

/* ---- period.c ---- */

/* A period as two instants; an open end is DT_NOEND. */
typedef struct Period
{
	TimestampTz from;
	TimestampTz to;
} Period;

extern TypeCacheEntry *booking_range_type(Oid rangetype);
extern bool booking_period_is_sound(RangeType *range, Period *period);
extern void booking_check_period(RangeType *range, Period *period);
extern Period booking_period(RangeType *range);
extern RangeType *booking_make_range(Period period);
extern int64 booking_interval_length(const Interval *span);
extern TimestampTz booking_shift(TimestampTz at, int64 length);
extern Period booking_widen(Period period, int64 before, int64 after);
extern char *booking_period_text(RangeType *range);
extern char *booking_instant_text(TimestampTz at);

/* ---- locks.c ---- */

extern void booking_locks_init(void);
extern void booking_lock_resource(int64 resource_id);
extern void booking_lock_rules(int64 resource_id);
extern void booking_lock_all_rules(void);
extern void booking_lock_id(const pg_uuid_t *id);
extern void booking_lock_capacity(Oid relid, bool change);
extern bool booking_gate_enter(uint64 key, bool wait);
extern bool booking_gates_enter(const uint64 *keys, int n, bool wait);
extern void booking_gates_leave(void);
extern void booking_gates_leave_with_statement(void);
extern void booking_gate_leave(void);
extern void booking_gate_leave_command(void);

/* ---- config.c ---- */

typedef enum ResourceKind
{
	RESOURCE_EXCLUSIVE,
	RESOURCE_SEATED,
	RESOURCE_POOLED
} ResourceKind;

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
	int			nseats;
	Seat	   *seats;			/* ordered by seat_no */
} Resource;

extern void booking_config_init(void);
extern const Resource *booking_use_resource(int64 resource_id);
extern const Resource *booking_use_resource_named(const char *name);
extern const Seat *booking_seat_numbered(const Resource *resource, int32 seat_no);
extern const Seat *booking_seat_labelled(const Resource *resource, const char *label);
extern Oid	booking_table(const char *name);
extern Oid	booking_owner(void);

/* ---- peak.c ---- */

/* So many units from one instant to another; "to" is exclusive. */
typedef struct PeakItem
{
	int64		from;
	int64		to;
	int64		quantity;
} PeakItem;

typedef struct Peak
{
	int64		most;			/* highest sum at any instant of the window */
	int64		over_from;		/* first stretch where the sum exceeds the limit; */
	int64		over_to;		/* empty (from = to) when it never does */
} Peak;

extern Peak booking_peak(const PeakItem *items, int n, int64 from, int64 to, int64 limit);

/* ---- guard.c ---- */

/*
 * How to look into one GiST index whose leading columns are compared for equality and
 * whose last is a range.  What the index's predicate leaves out takes no space.
 */
typedef struct GuardIndex
{
	Oid			index_id;
	int			nkeys;			/* equality columns; the range is the next one */
	AttrNumber	attno[INDEX_MAX_KEYS];	/* in the table; 0: an expression */
	StrategyNumber strategy[INDEX_MAX_KEYS];
	RegProcedure proc[INDEX_MAX_KEYS];
	Oid			collation[INDEX_MAX_KEYS];
	Oid			range_type;
} GuardIndex;

/* What somebody wants to put into the index. */
typedef struct GuardLoad
{
	Datum		key[INDEX_MAX_KEYS];
	int			any_key;		/* a key column (1 is the first) that may be anything, or 0 */
	RangeType  *range;
	int64		quantity;
	ItemPointer self;			/* the row's own old version, or NULL */
	bool		outside;		/* judged without the gate: rows may move meanwhile */
} GuardLoad;

/* One of the tables whose rows are counted together. */
typedef struct GuardPlace
{
	Relation	heap;
	const GuardIndex *index;
	ItemPointer self;			/* the load's own old version is here, or NULL */
	void	   *arg;			/* for the function that says what a row takes */
} GuardPlace;

/* A transaction in progress that writes or removes a row. */
typedef struct GuardPending
{
	TransactionId xid;			/* invalid: the row is there for sure */
	uint32		token;			/* its speculative insertion, or 0 */
	ItemPointerData row;
} GuardPending;

typedef struct GuardRow
{
	TupleTableSlot *slot;
	RangeType  *range;
	GuardPending pending;
} GuardRow;

typedef void (*GuardVisit) (const GuardRow *row, void *arg);

/* Rows that overlap one another or do not, and what each takes. */
typedef struct GuardFound
{
	RangeType  *range;
	int64		quantity;
	bool		pending;
	int			place;			/* where: number of the table, */
	ItemPointerData tid;		/* and row */
} GuardFound;

typedef struct GuardRows
{
	GuardFound *row;
	int			n;
	int			size;
} GuardRows;

/* How many units a row takes; 0 leaves it out of the count. */
typedef int64 (*GuardQuantity) (TupleTableSlot *slot, bool pending, void *arg);

typedef enum GuardAnswer
{
	GUARD_FITS,					/* even if everything in progress commits */
	GUARD_FULL,					/* whatever becomes of what is in progress */
	GUARD_WAIT					/* it depends on a transaction in progress */
} GuardAnswer;

typedef struct GuardVerdict
{
	GuardAnswer answer;
	int64		used;			/* highest use by others that is sure */
	RangeType  *full;			/* GUARD_FULL: the first stretch without room, within the
								 * load's range */
	GuardPending pending;		/* GUARD_WAIT: whom to wait for */
} GuardVerdict;

extern void booking_guard_describe(Relation index, GuardIndex *guard);
extern GuardVerdict booking_guard_judge(Relation heap, const GuardIndex *guard,
										const GuardLoad *load, int64 capacity,
										GuardQuantity quantity_of, void *arg);
extern GuardVerdict booking_guard_judge_places(const GuardPlace *places, int nplaces,
											   const GuardLoad *load, int64 capacity,
											   GuardQuantity quantity_of);
extern GuardFound *booking_guard_add(GuardRows *rows, RangeType *range, int64 quantity);
extern RangeType *booking_guard_most(Oid range_type, GuardRows *rows, int64 *most);
extern void booking_guard_scan(Relation heap, const GuardIndex *guard, const GuardLoad *load,
							   GuardVisit visit, void *arg);
extern void booking_guard_wait(Relation heap, GuardPending *pending);

/* ---- plans.c ---- */

typedef enum Statement
{
	STMT_LOAD_RESOURCE,
	STMT_LOAD_SEATS,
	STMT_FIND_RESOURCE,
	STMT_INSERT_BOOKING,
	STMT_GET_BOOKING,
	STMT_CANCEL_BOOKING,
	STMT_EXPIRE_BOOKING,
	STMT_BOOKINGS_EVER,
	STMT_ACTIVE_BOOKINGS,
	STMT_ACTIVE_BOOKINGS_AFTER,
	STMT_ACTIVE_BOOKINGS_OF_SEAT,
	STMT_COUNT
} Statement;

extern uint64 booking_run(Statement statement, Datum *values, const char *nulls);
extern Datum booking_row_datum(void);

/* The parameters of STMT_INSERT_BOOKING, in their order. */
typedef enum InsertValue
{
	INSERT_ID,
	INSERT_RESOURCE_ID,
	INSERT_SLOT_ID,
	INSERT_SEAT_NO,
	INSERT_PERIOD,
	INSERT_OCCUPIES,
	INSERT_QUANTITY,
	INSERT_HOLDER,
	INSERT_STATUS,
	INSERT_EXPIRES_AT,
	INSERT_GROUP_ID,
	INSERT_WAITLIST_ID,
	INSERT_DATA,
	INSERT_NVALUES
} InsertValue;

/* ---- row.c ---- */

/* A row of booking.booking, taken apart. */
typedef struct BookingRow
{
	Datum		value[BOOKING_NCOLUMNS + 1];	/* by BookingColumn */
	bool		null[BOOKING_NCOLUMNS + 1];
	bool		changed[BOOKING_NCOLUMNS + 1];	/* by us: to be stored */
	Period		period;
	bool		active;			/* held or confirmed: takes space */
} BookingRow;

extern void booking_row_set(BookingRow *row, BookingColumn column, Datum value);
extern bool booking_row_same(const BookingRow *a, const BookingRow *b, BookingColumn column);
extern bool booking_row_same_range(const BookingRow *a, const BookingRow *b, BookingColumn column);
extern bool booking_row_adds_load(const BookingRow *row, const BookingRow *old);
extern bool booking_row_wants_reason(const BookingRow *row);
extern bool booking_row_refuse(const BookingRow *row, const Refusal *refusal);
extern bool booking_insert(Datum *values, const char *nulls, Refusal *refusal,
						   MemoryContext context);

/* ---- room.c ---- */

extern void booking_room_init(void);
extern bool booking_make_room(Relation heap, const Resource *resource, BookingRow *row,
							  ItemPointer self);
extern void booking_keep_room(const BookingRow *row);

/* ---- book.c ---- */

/* What the CHECK constraints accept as a holder or a name, in bytes. */
#define MAX_NAME_LENGTH	1024

extern void booking_check_holder(text *holder);
extern void booking_check_quantity(int32 quantity);
extern void booking_check_data(Jsonb *data);

/* ---- uuid.c ---- */

extern void booking_new_id(pg_uuid_t *id);

#endif							/* BOOKING_H */
