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
 *			sound.c		what must be true of a booking by itself
 *			room.c		is there room for a booking, and if not, what would fit
 *			attempt.c	doing something that may have to be undone
 *			hours.c		when is something open, by its local clock (no SQL)
 *			policy.c	the rules about now: hours, notice, duration, holds
 *			closure.c	no booking into a closure, no closure over bookings
 *			limits.c	how much one holder may book
 *			slots.c		the slot as this backend remembers it, and bookings in one
 *			places.c	the free places of a slot
 *			publish.c	the triggers of booking.slot
 *			rules.c		may a resource or a seat be changed like this?
 *			uuid.c		ids
 *			book.c		book_slot() and its relatives
 *			life.c		what happens to a booking afterwards
 *			move.c		a booking takes another place, or ends early
 *			sweep.c		holds that have lapsed
 *			line.c		serving the waitlist
 *			wait.c		joining and leaving it
 *
 *		The rules on tables that are not ours (guarded.c, guard_row.c, guard_arguments.c,
 *		guard_table.c, guard_ddl.c, existing.c, capacity.c) share guarded.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_H
#define BOOKING_H

#include "access/genam.h"
#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "pgtime.h"
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
extern char *booking_length_text(int64 length);

/* ---- locks.c ---- */

/*
 * Parts of a gate, a bit each: the lower half are large pieces of time, the upper half
 * small ones (locks.c).
 */
typedef uint64 GateParts;

#define GATE_UNDIVIDED	UINT64CONST(1)	/* for gates that are not worth dividing */

typedef struct GateWanted
{
	uint64		key;
	GateParts	parts;
} GateWanted;

extern void booking_locks_init(void);
extern void booking_lock_resource(int64 resource_id);
extern void booking_lock_rules(int64 resource_id);
extern void booking_lock_all_rules(void);
extern bool booking_holds_rules(int64 resource_id);
extern void booking_lock_id(const pg_uuid_t *id);
extern bool booking_try_lock_id(const pg_uuid_t *id);
extern void booking_lock_holder(text *holder);
extern void booking_unlock_id(const pg_uuid_t *id);
extern bool booking_lock_join(int64 resource_id, bool exclusive);
extern bool booking_lock_line(int64 resource_id, bool wait);
extern void booking_unlock_line(int64 resource_id);
extern bool booking_holds_line(int64 resource_id);

/* How many locks of the kinds that are counted there were at some moment. */
typedef struct LockMarks
{
	int			joins;
	int			lines;
} LockMarks;

extern LockMarks booking_lock_marks(void);
extern void booking_lock_reset(LockMarks marks);
extern void booking_lock_capacity(Oid relid, bool change);
extern bool booking_lock_places(int64 slot_id, int shard, bool wait);
extern void booking_unlock_places(int64 slot_id, int shard);
extern CommandId booking_this_command(void);
extern GateParts booking_gate_parts(Period period);
extern GateParts booking_gate_parts_of(RangeType *range);
extern GateParts booking_gate_both(GateParts a, GateParts b);
extern bool booking_gate_enter(uint64 key, GateParts parts, bool wait);
extern bool booking_gates_enter(const GateWanted *wanted, int n, bool wait);
extern void booking_gates_leave(void);
extern void booking_gates_leave_with_statement(void);
extern void booking_gate_leave(void);
extern void booking_gate_leave_command(void);

/* ---- hours.c ---- */

/* From one time of a day to another, in microseconds after its midnight. */
typedef struct OpenSpan
{
	int32		day;			/* ISO weekday, or date as days since 2000-01-01 */
	bool		closed;			/* a date without opening times */
	int64		opens;
	int64		closes;			/* later than "opens"; beyond 24:00 is the next day */
} OpenSpan;

/* Both in the order of day and time, and a date's "closed" first. */
typedef struct Hours
{
	int			nweekly;
	OpenSpan   *weekly;
	int			ndated;
	OpenSpan   *dated;
} Hours;

typedef enum CalendarUnit
{
	CALENDAR_DAY,
	CALENDAR_WEEK,
	CALENDAR_MONTH
} CalendarUnit;

extern int64 booking_local_time(pg_tz *tz, TimestampTz at);
extern int32 booking_local_date(pg_tz *tz, TimestampTz at);
extern TimestampTz booking_local_instant(pg_tz *tz, int64 local);
extern Period booking_calendar_period(pg_tz *tz, TimestampTz at, CalendarUnit unit);
extern const OpenSpan *booking_spans_of_date(const Hours *hours, int32 date, int *n);
extern bool booking_open_through(const Hours *hours, pg_tz *tz, Period period);
extern TimestampTz booking_next_opening(const Hours *hours, pg_tz *tz, TimestampTz at,
										int64 length);

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
	bool		has_waiters;	/* somebody may stand in line; false: surely nobody */
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
	struct HolderLimit *limits;
	bool		slots_only;
	bool		taken_by_slots;	/* some of its slots take it whole (slots.c) */
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

extern void booking_config_init(void);
extern int64 booking_resource_id_named(const char *name);
extern const Resource *booking_use_resource(int64 resource_id);
extern const Resource *booking_find_resource(int64 resource_id);
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
extern int64 booking_first_gap(const PeakItem *items, int n, int64 from, int64 to,
							   int64 length, int64 limit);

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
	STMT_RULES_IN_USE,
	STMT_TAKEN_BY_SLOTS,
	STMT_LOAD_SEATS,
	STMT_LOAD_HOURS,
	STMT_LOAD_CLOSURES,
	STMT_FIND_CLOSURES,
	STMT_LOAD_LIMITS,
	STMT_COUNT_OF_HOLDER,
	STMT_FIND_RESOURCE,
	STMT_INSERT_BOOKING,
	STMT_GET_BOOKING,
	STMT_CONFIRM_BOOKING,
	STMT_EXTEND_HOLD,
	STMT_CANCEL_BOOKING,
	STMT_MOVE_BOOKING,
	STMT_CHECK_IN_BOOKING,
	STMT_CHECK_OUT_BOOKING,
	STMT_EXPIRE_BOOKING,
	STMT_TRY_LOCK_LAPSED,
	STMT_LAPSED_HOLDS,
	STMT_TRY_LOCK_HOLDS,
	STMT_EXPIRE_HOLDS,
	STMT_SOMEBODY_WAITS,
	STMT_LINES,
	STMT_LINE,
	STMT_OFFER_BOOKING,
	STMT_TRY_LOCK_ENTRY,
	STMT_MARK_OFFERED,
	STMT_SETTLE_ENTRY,
	STMT_FIND_OFFER,
	STMT_FIND_ENTRY,
	STMT_JOIN_WAITLIST,
	STMT_GET_ENTRY,
	STMT_LEAVE_WAITLIST,
	STMT_BOOKINGS_EVER,
	STMT_ACTIVE_BOOKINGS,
	STMT_ACTIVE_BOOKINGS_OF_SEAT,
	STMT_USE_FROM,
	STMT_ACTIVE_BOOKINGS_IN,
	STMT_ACTIVE_BOOKINGS_OF_ALL_IN,
	STMT_IDS_OF_ACTIVE_BOOKINGS_IN,
	STMT_IDS_OF_ALL_ACTIVE_BOOKINGS_IN,
	STMT_TRY_LOCK_ROW,
	STMT_LOCK_ROW,
	STMT_FIND_ROW,
	STMT_SHARE_ROW,
	STMT_INSERT_CLOSURE,
	STMT_LOAD_SLOT,
	STMT_PEEK_RESOURCE,
	STMT_FIND_SLOTS,
	STMT_SLOTS_NEAR,
	STMT_SLOT_IN_THE_WAY,
	STMT_BIG_SLOTS,
	STMT_BOOKINGS_UNDER_SLOT,
	STMT_LAPSED_UNDER_SLOT,
	STMT_BOOKINGS_EVER_IN_SLOT,
	STMT_ACTIVE_IN_SLOT,
	STMT_ACTIVE_WITHOUT_SEAT,
	STMT_LAPSED_IN_SLOT,
	STMT_BOOKED_IN_SLOT,
	STMT_LAY_OUT_PLACES,
	STMT_CLEAR_PLACES,
	STMT_FREE_PLACES,
	STMT_ALL_PLACES,
	STMT_FREE_PLACES_OF_SHARD,
	STMT_TAKE_PLACES,
	STMT_GIVE_PLACES,
	STMT_SET_PLACES,
	STMT_COUNT
} Statement;

extern uint64 booking_run(Statement statement, Datum *values, const char *nulls);
extern Datum booking_row_datum(void);
extern Datum booking_row_datum_of(const char *table);

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

/* The parameters of STMT_JOIN_WAITLIST and STMT_FIND_ENTRY. */
typedef enum JoinValue
{
	JOIN_RESOURCE_ID,
	JOIN_SLOT_ID,
	JOIN_PERIOD,
	JOIN_QUANTITY,
	JOIN_HOLDER,
	JOIN_OFFER_FOR,
	JOIN_NVALUES
} JoinValue;

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

typedef enum BookingStatus
{
	BOOKING_HELD,
	BOOKING_CONFIRMED,
	BOOKING_CANCELLED,
	BOOKING_EXPIRED
} BookingStatus;

extern void booking_row_read(HeapTuple tuple, TupleDesc desc, BookingRow *row);
extern BookingStatus booking_row_status(const BookingRow *row);
extern bool booking_row_lapsed(const BookingRow *row, TimestampTz now);
extern void booking_row_set(BookingRow *row, BookingColumn column, Datum value);
extern bool booking_row_same(const BookingRow *a, const BookingRow *b, BookingColumn column);
extern bool booking_row_same_range(const BookingRow *a, const BookingRow *b, BookingColumn column);
extern RangeType *booking_with_buffers(const Resource *resource, RangeType *range);
extern bool booking_row_in_force(const BookingRow *row);
extern bool booking_row_is_ours_alone(Relation heap);
extern bool booking_row_in_hand(const pg_uuid_t *id);
extern bool booking_row_is_history(const BookingRow *row, const BookingRow *old);
extern bool booking_row_stays(const BookingRow *row, const BookingRow *old);
extern bool booking_row_adds_load(const BookingRow *row, const BookingRow *old);
extern bool booking_row_wants_reason(const BookingRow *row);
extern bool booking_row_refuse(const BookingRow *row, const Refusal *refusal);
extern bool booking_insert(Datum *values, const char *nulls, Refusal *refusal,
						   MemoryContext context, Datum *booking);
extern bool booking_write(Statement statement, Datum *values, const char *nulls,
						  Refusal *refusal, MemoryContext context, Datum *inserted);

/* ---- sound.c ---- */

extern bool booking_status_is_active(text *status);
extern const char *booking_row_fault(const BookingRow *row);

/* ---- room.c ---- */

extern void booking_room_init(void);
extern bool booking_make_room(Relation heap, const Resource *resource, BookingRow *row,
							  ItemPointer self);
extern bool booking_no_room(const Resource *resource, RangeType *range, const Seat *seat,
							int32 quantity);
extern void booking_keep_room(const BookingRow *row);
extern uint64 booking_room_refusals(void);

extern int	booking_mark_expired(Datum *ids, int n, TimestampTz now);

/* ---- policy.c ---- */

/*
 * Rules about now, for functions to apply once they hold the RESOURCE lock (that is,
 * have the resource from booking_use_resource()).  For a period that the caller has
 * chosen all of them; for a place in a published slot only the notice.
 */
#define POLICY_NOTICE	0x01	/* min_notice, max_advance */
#define POLICY_DURATION	0x02	/* min_duration, max_duration */
#define POLICY_HOURS	0x04	/* opening hours */
#define POLICY_ALL		(POLICY_NOTICE | POLICY_DURATION | POLICY_HOURS)

extern bool booking_policy_allows(const Resource *resource, Period period, int rules,
								  Refusal *refusal);
extern void booking_check_policy(const Resource *resource, Period period, int rules);
extern void booking_check_hold(const Resource *resource, int64 length);
extern void booking_load_hours(Resource *resource, MemoryContext context);

/* ---- closure.c ---- */

extern bool booking_not_closed(const Resource *resource, const BookingRow *row,
							   const BookingRow *old);
extern TimestampTz booking_next_open(const Resource *resource, TimestampTz at, int64 length);
extern void booking_load_closures(Resource *resource, MemoryContext context);

/* ---- limits.c ---- */

extern bool booking_within_limits(const Resource *resource, const BookingRow *row,
								  const BookingRow *old);
extern void booking_load_limits(Resource *resource, MemoryContext context);

/* ---- rules.c ---- */

extern uint64 booking_in_the_way(Statement statement, Datum *values, const char *nulls,
								 char **list);

/* ---- slots.c ---- */

typedef struct Slot
{
	int64		id;				/* hash key: must be first */
	int64		resource_id;
	Period		period;
	int32		capacity;
	bool		closed;
	bool		takes_resource; /* several places, and not on a pool */
	Period		occupies;		/* if it does */
	int			nshards;		/* rows in slot_places */
	int			shard;			/* where to try first; -1: look at all of them, there was
								 * not enough the last time */
	uint64		sold_out;		/* when we saw that nothing was left, as counted by
								 * places.c; 0: never */
	TimestampTz sold_out_until; /* its first hold lapses */
} Slot;

extern void booking_slots_init(void);
extern Slot booking_use_slot(int64 slot_id, const Resource **resource);
extern Slot *booking_remembered_slot(int64 slot_id);
extern const Resource *booking_row_enter_slot(BookingRow *row, const BookingRow *old, Slot *slot);
extern bool booking_judge_slots(Relation heap, const Resource *resource, const Slot *slot,
								BookingRow *row, const BookingRow *old, ItemPointer self, bool *has_room);
extern int64 *booking_find_slots(const Resource *resource, RangeType *period, int *n);
pg_noreturn extern void booking_no_such_slot(const Resource *resource, RangeType *period);

/* ---- places.c ---- */

/* The highest number of rows that the free places of one slot are spread over. */
#define MAX_SHARDS		256

extern void booking_places_init(void);
extern bool booking_places_take(const Slot *slot, int32 quantity, const BookingRow *row, bool wait);
extern void booking_places_stored(struct TriggerData *trigger);
extern void booking_places_settle(void);
extern bool booking_places_sold_out(const Slot *slot, int32 quantity);
extern int64 booking_places_left(const Slot *slot);
extern void booking_places_refusal(const Resource *resource, const Slot *slot, int64 quantity,
								   Refusal *refusal);
extern int	booking_places_shards(int32 capacity);

/* ---- book.c ---- */

/* What the CHECK constraints accept as a holder or a name, in bytes. */
#define MAX_NAME_LENGTH	1024

extern void booking_check_holder(text *holder);
extern bool booking_same_text(Datum a, Datum b);
extern void booking_check_quantity(int32 quantity);
extern void booking_check_data(Jsonb *data);
extern const Seat *booking_seat_wanted(const Resource *resource, const char *label);

/* ---- attempt.c ---- */

/* A subtransaction of ours. */
typedef struct Attempt
{
	MemoryContext context;
	struct ResourceOwnerData *owner;
	LockMarks	marks;
} Attempt;

extern void booking_attempt_begin(Attempt *attempt);
extern void booking_attempt_end(const Attempt *attempt, bool keep);
extern struct ErrorData *booking_attempt_fail(const Attempt *attempt);
extern bool booking_is_late_update(const struct ErrorData *error);

typedef void (*AttemptWork) (void *arg);
typedef bool (*AttemptForgiven) (const struct ErrorData *error);

extern bool booking_attempted(AttemptWork work, void *arg, bool keep, AttemptForgiven forgiven);
extern void booking_wait_for_row(Relation heap, Datum id);
extern void booking_lock_life(Datum id);

/* ---- life.c ---- */

/* A booking whose ID and RESOURCE locks we hold, as it is now. */
typedef struct Life
{
	Datum		id;
	BookingRow	row;
	BookingStatus status;
	const Resource *resource;
	TimestampTz now;			/* read after the locks were granted */
	int			tries;			/* how often somebody has been faster */
} Life;

extern Datum booking_life_cancel(Datum id, Datum reason);
extern void booking_life_begin(Life *life, Datum id);
extern bool booking_life_change(Life *life, Statement statement, Datum *values,
								const char *nulls, Datum *booking);
extern void booking_life_must_be_active(const Life *life);
extern void booking_life_lapsed(const BookingRow *row, Refusal *refusal);
extern char *booking_life_reason(TimestampTz lapsed_at);

/* ---- line.c ---- */

extern bool booking_line_serving(void);
extern int	booking_line_ahead(const Resource *resource, const BookingRow *row);
extern bool booking_line_take_places(const Resource *resource, const Slot *slot,
									 const BookingRow *row, const BookingRow *old, int32 quantity);
extern void booking_line_statement_done(void);
extern void booking_line_freed(int64 resource_id, RangeType *window);
extern void booking_line_defer(bool defer);
extern void booking_line_serve_deferred(void);
extern void booking_line_serve_lines(void);
extern void booking_line_joined(int64 resource_id, RangeType *period);

/* ---- uuid.c ---- */

extern void booking_new_id(pg_uuid_t *id);

#endif							/* BOOKING_H */
