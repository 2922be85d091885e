/*-------------------------------------------------------------------------
 *
 * plans.c
 *		Every SQL statement that C code runs, prepared once a backend.
 *
 * The statements stand in one table, named by an enum; values are parameters, names
 * are qualified.  A saved plan is re-analysed and re-planned by the plan cache when
 * what it uses changes, even when the extension is dropped and created again.
 *
 * Snapshot: each of them follows a lock, and has to see whatever was committed before
 * the lock was granted, also where the transaction's own snapshot is older (REPEATABLE
 * READ and SERIALIZABLE).  So they run on the latest snapshot, as the foreign-key
 * triggers of PostgreSQL do.  Those that are not read-only also see what the statement
 * that runs the trigger has written so far, as queries in a volatile function do.
 *
 * At SERIALIZABLE a snapshot also leaves predicate locks behind, on whatever the plan happens to
 * read (rows.c).  Statements that touch one booking by its id under its ID lock (OF_BOOKING), or
 * a shard under its PLACES lock (OF_SHARD), therefore do not look for it there: rows.c finds the
 * row, and the statement goes to that very row by its ctid.  What such a statement is only to
 * lock, rows.c locks.  It reads the row like a unique index does, as it is now, and leaves
 * nothing behind, if its plan can do so and no policy and no trigger of an application runs
 * inside (suits_any_snapshot()).  Otherwise it has an ordinary snapshot, which every plan and
 * every function can work with, and depends on the row that it goes to.  The same goes for
 * statements about more rows that are to leave nothing behind (KEYED), with an index.
 *
 * Plans: a table that is small when it is analysed makes the planner read all of it.  Rows
 * that many write at once are one index look-up in truth, and reading all of them would
 * also make every SERIALIZABLE transaction depend on every other.  Statements about them
 * (BY_INDEX), and those that go to a ctid, have their plan made right before they run, with
 * the other ways switched off (plan_ahead()).  Whichever plan is taken, the answer is right.
 *
 * "Lock it unless somebody else has" (SKIP LOCKED) is a statement of its own, before the
 * UPDATE.  As a subquery of the UPDATE it can go round in circles: when the row has changed
 * since the snapshot, the executor evaluates the subquery again, which finds a newer
 * version than the UPDATE does.
 *
 * Privileges: what a trigger needs to know is none of the caller's business, and runs
 * as the owner of the tables.  What a function does for its caller runs as the caller.
 *
 * Names: everything here is written with its schema, operators included, and nothing is
 * used that looks an operator up by itself (IN (SELECT ...), IS DISTINCT FROM, NULLIF,
 * CASE x WHEN, BETWEEN, LIKE, comparison of rows without OPERATOR()).  sql/roles.sql plants
 * operators and functions in front of PostgreSQL's, which must never be called.  What runs as
 * the owner also has a search_path of its own meanwhile (owner.c).  What runs as the caller
 * keeps the caller's, for the triggers and policies of the application to find what they find
 * in a plain UPDATE.  (The plan cache analyses a statement again whenever it is run with another search_path,
 * so that fixing it for the preparation alone would achieve nothing.)
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "jit/jit.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "optimizer/cost.h"
#include "parser/parsetree.h"
#include "tcop/utility.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "base/cache.h"
#include "base/compat.h"
#include "base/owner.h"
#include "base/plans.h"
#include "base/rows.h"

#define MAX_PARAMETERS 16

/* The role that a statement runs as, whether it writes, and what it reads. */
#define AS_OWNER	0x01
#define WRITES		0x02
/*
 * Touches what a lock of its line guards, or the RESOURCE lock taken alone, or looks for what
 * is locked before it is believed: leaves no predicate locks behind.  With BY_INDEX always.
 */
#define KEYED		0x04
/* Sees what the statement that runs the trigger has written. */
#define UP_TO_NOW	0x08
/* Looks up rows of a small table that many write at once. */
#define BY_INDEX	0x10
/* Touches one row of slot_places, whose PLACES lock we hold, by slot and shard. */
#define OF_SHARD	0x20
/* Touches one booking, whose ID lock we hold, by its id, which is the first parameter. */
#define OF_BOOKING	0x200
/* Only locks the booking: whoever has it is waited for, */
#define LOCKS		0x40
#define SHARES		0x80
/* or not, and then it is left: only a lapsed hold (as of the second parameter), or any booking. */
#define LOCKS_LAPSED 0x100
#define TRIES	0x400

/* Operators by their full names, like tables. */
#define EQ		" OPERATOR(pg_catalog.=) "
#define LE		" OPERATOR(pg_catalog.<=) "
#define LT		" OPERATOR(pg_catalog.<) "
#define GT		" OPERATOR(pg_catalog.>) "
#define GE		" OPERATOR(pg_catalog.>=) "
#define NE		" OPERATOR(pg_catalog.<>) "
#define OVERLAPS " OPERATOR(pg_catalog.&&) "
#define WHERE	" WHERE "
#define THE_BOOKING "id" EQ "$1"
#define THE_SHARD "slot_id" EQ "$1 AND shard" EQ "$2"
#define ACTIVE	"status" EQ "ANY ('{held,confirmed}'::pg_catalog.text[])"

/* Active, and not a hold that has lapsed: that one takes no space and never will again. */
#define IN_FORCE \
	ACTIVE " AND (expires_at IS NULL OR expires_at" GT "pg_catalog.clock_timestamp())"

/*
 * The bookings whose period overlaps $2, found by what they occupy: the range is indexed
 * for those with a seat and for those without; places in slots are found by their slots.
 */
#define OVERLAPPING	"occupies" OVERLAPS "$2 AND period" OVERLAPS "$2 AND " IN_FORCE
#define BOOKINGS_IN(columns, condition, of_slots) \
	"SELECT " columns " FROM booking.booking WHERE " condition "seat_no IS NOT NULL AND " OVERLAPPING \
	" UNION ALL " \
	"SELECT " columns " FROM booking.booking WHERE " condition "seat_no IS NULL AND slot_id IS NULL AND " OVERLAPPING \
	" UNION ALL " \
	"SELECT " columns " FROM booking.booking WHERE " condition of_slots "seat_no IS NULL AND slot_id IS NOT NULL AND " OVERLAPPING
#define OF_RESOURCE	"resource_id" EQ "$1 AND "
#define OF_ITS_SLOTS "slot_id" EQ "ANY (SELECT s.id FROM booking.slot s WHERE s.resource_id" EQ "$1) AND "

/* What is in the way of a change: some of the bookings, and how many there are. */
#define LIST_BOOKINGS \
	"SELECT pg_catalog.format('booking %s for %s', id, period), pg_catalog.count(*) OVER ()" \
	" FROM booking.booking WHERE resource_id" EQ "$1"
#define LIST_OF_SLOT \
	"SELECT pg_catalog.format('booking %s for %s', id, period), pg_catalog.count(*) OVER ()" \
	" FROM booking.booking WHERE slot_id" EQ "$1"
#define A_FEW	" ORDER BY period, id LIMIT 5"

#define INSERT_BOOKING \
	"INSERT INTO booking.booking (id, resource_id, slot_id, seat_no, period, occupies," \
	" quantity, holder, status, expires_at, group_id, waitlist_id, data)" \
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
#define INSERT_TYPES \
	{UUIDOID, INT8OID, INT8OID, INT4OID, TSTZRANGEOID, TSTZRANGEOID, \
		INT4OID, TEXTOID, TEXTOID, TIMESTAMPTZOID, UUIDOID, INT8OID, JSONBOID}

#define WRITE_EVENT \
	"INSERT INTO booking.event (position, at, kind, booking_id, resource_id, slot_id, holder, version," \
	" actor, session_role, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
#define EVENT_TYPES \
	{INT8OID, TIMESTAMPTZOID, TEXTOID, UUIDOID, INT8OID, INT8OID, TEXTOID, INT4OID, TEXTOID, TEXTOID, JSONBOID}

/* The arguments of create_resource(). */
#define RESOURCE_TYPES \
	{TEXTOID, TEXTOID, INT4OID, TEXTARRAYOID, TEXTOID, TEXTOID, INTERVALOID, INTERVALOID, JSONBOID, \
		INTERVALOID, INTERVALOID, INTERVALOID, INTERVALOID, INTERVALOID, BOOLOID}

typedef struct PlanText
{
	const char *sql;
	int			flags;
	Oid			types[MAX_PARAMETERS];	/* ends at InvalidOid */
} PlanText;

static const PlanText plans[STMT_COUNT] = {
	[STMT_LOAD_RESOURCE] = {
		"SELECT name, kind, capacity, buffer_before, buffer_after, retired_at, category, timezone,"
		" min_notice, max_advance, min_duration, max_duration, max_hold,"
		" slots_only, record_events"
		" FROM booking.resource WHERE id" EQ "$1",
		AS_OWNER, {INT8OID}
	},
	[STMT_RULES_IN_USE] = {
		"SELECT EXISTS (SELECT FROM booking.opening_hours), EXISTS (SELECT FROM booking.closure),"
		" EXISTS (SELECT FROM booking.holder_limit),"
		" EXISTS (SELECT FROM booking.waitlist WHERE status" EQ "'waiting'),"
		" EXISTS (SELECT FROM booking.slot WHERE occupies IS NOT NULL)",
		AS_OWNER, {InvalidOid}
	},
	[STMT_TAKEN_BY_SLOTS] = {
		"SELECT 1 FROM booking.slot WHERE resource_id" EQ "$1 AND occupies IS NOT NULL LIMIT 1",
		AS_OWNER, {INT8OID}
	},
	[STMT_LOAD_SEATS] = {
		"SELECT seat_no, label FROM booking.seat WHERE resource_id" EQ "$1 ORDER BY seat_no",
		AS_OWNER, {INT8OID}
	},
	[STMT_LOAD_HOURS] = {
		"SELECT weekday, on_date, opens, closes FROM booking.opening_hours"
		" WHERE resource_id" EQ "$1 ORDER BY on_date, weekday, opens NULLS FIRST",
		AS_OWNER, {INT8OID}
	},
	[STMT_LOAD_CLOSURES] = {
		"SELECT period, reason FROM booking.closure WHERE resource_id" EQ "$1 OR resource_id IS NULL"
		" ORDER BY pg_catalog.upper(period) DESC NULLS FIRST LIMIT $2",
		AS_OWNER, {INT8OID, INT8OID}
	},
	[STMT_FIND_CLOSURES] = {
		"SELECT period, reason FROM booking.closure"
		" WHERE (resource_id" EQ "$1 OR resource_id IS NULL) AND period" OVERLAPS "$2"
		" ORDER BY period LIMIT 1",
		AS_OWNER, {INT8OID, TSTZRANGEOID}
	},
	[STMT_CLOSURES_IN] = {
		"SELECT period, reason FROM booking.closure"
		" WHERE (resource_id" EQ "$1 OR resource_id IS NULL) AND period" OVERLAPS "$2"
		" ORDER BY period LIMIT $3",
		AS_OWNER | KEYED, {INT8OID, TSTZRANGEOID, INT8OID}
	},
	[STMT_LOAD_LIMITS] = {
		"SELECT resource_id, category, per, max_bookings, max_quantity FROM booking.holder_limit"
		" WHERE resource_id" EQ "$1 OR category" EQ "$2 OR resource_id IS NULL AND category IS NULL"
		" ORDER BY id",
		AS_OWNER, {INT8OID, TEXTOID}
	},
	[STMT_COUNT_OF_HOLDER] = {
		"SELECT pg_catalog.count(*), pg_catalog.sum(b.quantity)::pg_catalog.int8 FROM booking.booking b"
		" WHERE b.holder" EQ "$1 AND b." IN_FORCE " AND b.id" NE "$2"
		" AND COALESCE(pg_catalog.upper(b.period), 'infinity')" GT "$3"
		" AND ($4 IS NULL OR pg_catalog.lower(b.period)" GE "$4)"
		" AND ($5 IS NULL OR pg_catalog.lower(b.period)" LT "$5)"
		" AND ($6 IS NULL OR b.resource_id" EQ "$6)"
		" AND ($7 IS NULL OR EXISTS (SELECT FROM booking.resource r"
		" WHERE r.id" EQ "b.resource_id AND r.category" EQ "$7))"
		" AND ($8 IS NULL OR b.slot_id" EQ "$8)"
		" AND ($9 IS NULL OR b.slot_id IS NULL AND b.period" EQ "$9)",
		AS_OWNER | UP_TO_NOW,
		{TEXTOID, UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, TEXTOID,
			INT8OID, TSTZRANGEOID}
	},
	[STMT_FIND_RESOURCE] = {
		"SELECT id FROM booking.resource WHERE name" EQ "$1",
		AS_OWNER, {TEXTOID}
	},
	[STMT_INSERT_BOOKING] = {
		INSERT_BOOKING,
		WRITES,
		INSERT_TYPES
	},
	[STMT_INSERT_BOOKINGS] = {
		"INSERT INTO booking.booking (id, resource_id, slot_id, seat_no, period, quantity, holder, status,"
		" expires_at, data, group_id) SELECT r.*, $11 FROM ROWS FROM (pg_catalog.unnest($1),"
		" pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5),"
		" pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9),"
		" pg_catalog.unnest($10)) AS r RETURNING *",
		WRITES,
		{UUIDARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT4ARRAYOID, TSTZRANGEARRAYOID, INT4ARRAYOID,
			TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, JSONBARRAYOID, UUIDOID}
	},
	[STMT_BOOKINGS_OF_GROUP] = {
		"SELECT * FROM booking.booking WHERE group_id" EQ "$1 ORDER BY id",
		KEYED | BY_INDEX, {UUIDOID}
	},
	[STMT_GET_BOOKING] = {
		"SELECT * FROM booking.booking WHERE id" EQ "$1",
		OF_BOOKING, {UUIDOID}
	},
	/*
	 * Each step says again under which circumstances it is possible, and finds no row
	 * when a plain UPDATE has just changed them.
	 */
	[STMT_CONFIRM_BOOKING] = {
		"UPDATE booking.booking SET status = 'confirmed', expires_at = NULL"
		" WHERE id" EQ "$1 AND version" EQ "$2 RETURNING *",
		WRITES | OF_BOOKING, {UUIDOID, INT4OID}
	},
	[STMT_EXTEND_HOLD] = {
		"UPDATE booking.booking SET expires_at = $3"
		" WHERE id" EQ "$1 AND version" EQ "$2 RETURNING *",
		WRITES | OF_BOOKING, {UUIDOID, INT4OID, TIMESTAMPTZOID}
	},
	[STMT_CANCEL_BOOKING] = {
		"UPDATE booking.booking SET status = 'cancelled', expires_at = NULL, reason = $3"
		" WHERE id" EQ "$1 AND version" EQ "$2 RETURNING *",
		WRITES | OF_BOOKING, {UUIDOID, INT4OID, TEXTOID}
	},
	[STMT_MOVE_BOOKING] = {
		"UPDATE booking.booking SET period = $3, seat_no = $4, quantity = $5, slot_id = $6, resource_id = $7"
		" WHERE id" EQ "$1 AND version" EQ "$2 RETURNING *",
		WRITES | OF_BOOKING, {UUIDOID, INT4OID, TSTZRANGEOID, INT4OID, INT4OID, INT8OID, INT8OID}
	},
	[STMT_CHECK_IN_BOOKING] = {
		"UPDATE booking.booking SET checked_in_at = $3"
		" WHERE id" EQ "$1 AND version" EQ "$2 RETURNING *",
		WRITES | OF_BOOKING, {UUIDOID, INT4OID, TIMESTAMPTZOID}
	},
	[STMT_CHECK_OUT_BOOKING] = {
		"UPDATE booking.booking SET checked_out_at = $3, period = $4, occupies = $5"
		" WHERE id" EQ "$1 AND version" EQ "$2 RETURNING *",
		WRITES | OF_BOOKING, {UUIDOID, INT4OID, TIMESTAMPTZOID, TSTZRANGEOID, TSTZRANGEOID}
	},
	[STMT_EXPIRE_BOOKING] = {
		"UPDATE booking.booking SET status = 'expired', expires_at = NULL"
		" WHERE id" EQ "$1 AND status" EQ "'held' AND expires_at" LE "$2",
		AS_OWNER | WRITES | OF_BOOKING, {UUIDOID, TIMESTAMPTZOID}
	},
	[STMT_TRY_LOCK_LAPSED] = {
		"SELECT FROM booking.booking WHERE id" EQ "$1 AND status" EQ "'held' AND expires_at" LE "$2"
		" FOR NO KEY UPDATE SKIP LOCKED",
		AS_OWNER | WRITES | OF_BOOKING | LOCKS_LAPSED, {UUIDOID, TIMESTAMPTZOID}
	},
	[STMT_LAPSED_HOLDS] = {
		"SELECT id, expires_at, resource_id, slot_id FROM booking.booking"
		" WHERE status" EQ "'held' AND expires_at" LE "$1"
		" AND (expires_at, id) OPERATOR(pg_catalog.>) ($2, $3)"
		" ORDER BY expires_at, id LIMIT $4",
		KEYED | BY_INDEX, {TIMESTAMPTZOID, TIMESTAMPTZOID, UUIDOID, INT8OID}
	},
	[STMT_TRY_LOCK_HOLDS] = {
		"SELECT id FROM booking.booking WHERE id" EQ "ANY ($1)"
		" AND status" EQ "'held' AND expires_at" LE "$2 FOR NO KEY UPDATE SKIP LOCKED",
		WRITES | KEYED | BY_INDEX, {UUIDARRAYOID, TIMESTAMPTZOID}
	},
	[STMT_EXPIRE_HOLDS] = {
		"UPDATE booking.booking SET status = 'expired', expires_at = NULL"
		" WHERE id" EQ "ANY ($1) AND status" EQ "'held'",
		WRITES | KEYED | BY_INDEX, {UUIDARRAYOID}
	},
	[STMT_SOMEBODY_WAITS] = {
		"SELECT 1 FROM booking.waitlist WHERE resource_id" EQ "$1 AND status" EQ "'waiting' LIMIT 1",
		AS_OWNER | KEYED | BY_INDEX, {INT8OID}
	},
	[STMT_LINES] = {
		"SELECT DISTINCT resource_id FROM booking.waitlist WHERE status" EQ "'waiting' ORDER BY resource_id",
		AS_OWNER | KEYED | BY_INDEX, {InvalidOid}
	},
	[STMT_LINE] = {
		"SELECT id, slot_id, seat, period, quantity, holder, offer_for FROM booking.waitlist"
		" WHERE resource_id" EQ "$1 AND status" EQ "'waiting'"
		" AND period" OVERLAPS "$2 AND period" OVERLAPS "$3"
		" AND id OPERATOR(pg_catalog.>) $4 ORDER BY id LIMIT $5",
		AS_OWNER | KEYED | BY_INDEX, {INT8OID, TSTZRANGEOID, TSTZRANGEOID, INT8OID, INT8OID}
	},
	[STMT_OFFER_BOOKING] = {
		INSERT_BOOKING,
		AS_OWNER | WRITES,
		INSERT_TYPES
	},
	[STMT_TRY_LOCK_ENTRY] = {
		"SELECT FROM booking.waitlist WHERE id" EQ "$1 AND status" EQ "'waiting' FOR UPDATE SKIP LOCKED",
		AS_OWNER | WRITES | KEYED | BY_INDEX, {INT8OID}
	},
	[STMT_MARK_OFFERED] = {
		"UPDATE booking.waitlist SET status = 'offered' WHERE id" EQ "$1 AND status" EQ "'waiting'",
		AS_OWNER | WRITES | KEYED | BY_INDEX, {INT8OID}
	},
	[STMT_SETTLE_ENTRY] = {
		"UPDATE booking.waitlist SET status = $2 WHERE id" EQ "$1 AND status" EQ "'offered'",
		AS_OWNER | WRITES | KEYED | BY_INDEX, {INT8OID, TEXTOID}
	},
	[STMT_FIND_OFFER] = {
		"SELECT id FROM booking.booking WHERE waitlist_id" EQ "$1 AND status" EQ "'held'",
		KEYED | BY_INDEX, {INT8OID}
	},
	[STMT_FIND_ENTRY] = {
		"SELECT * FROM booking.waitlist w"
		" WHERE resource_id" EQ "$1 AND (slot_id" EQ "$2 OR slot_id IS NULL AND $2 IS NULL) AND period" EQ "$3"
		" AND quantity" EQ "$4 AND holder" EQ "$5 AND (status" EQ "'waiting' OR status" EQ "'offered' AND EXISTS"
		" (SELECT FROM booking.booking b WHERE b.waitlist_id" EQ "w.id AND b.status" EQ "'held'"
		" AND b.expires_at OPERATOR(pg_catalog.>) pg_catalog.clock_timestamp()))"
		" ORDER BY id LIMIT 1",
		KEYED | BY_INDEX, {INT8OID, INT8OID, TSTZRANGEOID, INT4OID, TEXTOID, INTERVALOID}
	},
	[STMT_JOIN_WAITLIST] = {
		"INSERT INTO booking.waitlist (resource_id, slot_id, period, quantity, holder, offer_for)"
		" VALUES ($1, $2, $3, $4, $5, $6) RETURNING *",
		WRITES, {INT8OID, INT8OID, TSTZRANGEOID, INT4OID, TEXTOID, INTERVALOID}
	},
	[STMT_GET_ENTRY] = {
		"SELECT * FROM booking.waitlist WHERE id" EQ "$1",
		KEYED | BY_INDEX, {INT8OID}
	},
	[STMT_LEAVE_WAITLIST] = {
		"UPDATE booking.waitlist SET status = 'left' WHERE id" EQ "$1 AND status" EQ "'waiting' RETURNING *",
		WRITES | KEYED | BY_INDEX, {INT8OID}
	},
	[STMT_BOOKINGS_EVER] = {
		LIST_BOOKINGS A_FEW,
		AS_OWNER | UP_TO_NOW, {INT8OID}
	},
	[STMT_ACTIVE_BOOKINGS] = {
		LIST_BOOKINGS " AND " ACTIVE A_FEW,
		AS_OWNER | UP_TO_NOW, {INT8OID}
	},
	[STMT_ACTIVE_BOOKINGS_OF_SEAT] = {
		LIST_BOOKINGS " AND seat_no" EQ "$2 AND " ACTIVE A_FEW,
		AS_OWNER | UP_TO_NOW, {INT8OID, INT4OID}
	},
	[STMT_USE_FROM] = {
		"SELECT occupies, quantity FROM booking.booking WHERE resource_id" EQ "$1"
		" AND seat_no IS NULL AND slot_id IS NULL"
		" AND occupies" OVERLAPS "pg_catalog.tstzrange($2, NULL) AND " IN_FORCE,
		AS_OWNER | UP_TO_NOW, {INT8OID, TIMESTAMPTZOID}
	},
	[STMT_ACTIVE_BOOKINGS_IN] = {
		"SELECT pg_catalog.format('booking %s for %s', id, period), pg_catalog.count(*) OVER () FROM ("
		BOOKINGS_IN("id, period", OF_RESOURCE, OF_ITS_SLOTS) ") AS b" A_FEW,
		AS_OWNER | UP_TO_NOW | KEYED | BY_INDEX, {INT8OID, TSTZRANGEOID}
	},
	[STMT_ACTIVE_BOOKINGS_OF_ALL_IN] = {
		"SELECT pg_catalog.format('booking %s of resource \"%s\" for %s', b.id, r.name, b.period),"
		" pg_catalog.count(*) OVER () FROM (" BOOKINGS_IN("id, resource_id, period", "", "") ") AS b"
		" LEFT JOIN booking.resource r ON r.id" EQ "b.resource_id ORDER BY b.period, b.id LIMIT 5",
		AS_OWNER | UP_TO_NOW, {INT8OID, TSTZRANGEOID}
	},
	[STMT_IDS_OF_ACTIVE_BOOKINGS_IN] = {
		"SELECT id FROM (" BOOKINGS_IN("id", OF_RESOURCE, OF_ITS_SLOTS) ") AS b ORDER BY id",
		AS_OWNER | KEYED | BY_INDEX, {INT8OID, TSTZRANGEOID}
	},
	[STMT_IDS_OF_ALL_ACTIVE_BOOKINGS_IN] = {
		"SELECT id FROM (" BOOKINGS_IN("id", "", "") ") AS b ORDER BY id",
		AS_OWNER, {INT8OID, TSTZRANGEOID}
	},
	[STMT_TRY_LOCK_ROW] = {
		"SELECT FROM booking.booking WHERE id" EQ "$1 FOR NO KEY UPDATE SKIP LOCKED",
		WRITES | OF_BOOKING | TRIES, {UUIDOID}
	},
	[STMT_LOCK_ROW] = {
		"SELECT FROM booking.booking WHERE id" EQ "$1 FOR NO KEY UPDATE",
		WRITES | OF_BOOKING | LOCKS, {UUIDOID}
	},
	[STMT_SHARE_ROW] = {
		"SELECT FROM booking.booking WHERE id" EQ "$1 FOR SHARE",
		AS_OWNER | WRITES | OF_BOOKING | SHARES, {UUIDOID}
	},
	[STMT_INSERT_CLOSURE] = {
		"INSERT INTO booking.closure (resource_id, period, reason) VALUES ($1, $2, $3) RETURNING *",
		WRITES, {INT8OID, TSTZRANGEOID, TEXTOID}
	},
	[STMT_CHECK_RESOURCE] = {
		"SELECT booking.check_resource($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
		0, RESOURCE_TYPES
	},
	[STMT_CREATE_RESOURCE] = {
		"INSERT INTO booking.resource (name, kind, capacity, timezone, category, buffer_before, buffer_after, data,"
		" min_notice, max_advance, min_duration, max_duration, max_hold, slots_only)"
		" VALUES ($1, $2, $3, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING *",
		WRITES, RESOURCE_TYPES
	},
	[STMT_CREATE_SEATS] = {
		"INSERT INTO booking.seat (resource_id, seat_no, label)"
		" SELECT $1, s.ordinality, s.label FROM pg_catalog.unnest($2) WITH ORDINALITY AS s (label, ordinality)",
		WRITES, {INT8OID, TEXTARRAYOID}
	},
	[STMT_PEEK_RESOURCE] = {
		"SELECT kind, CASE WHEN kind" EQ "'seated' THEN"
		" (SELECT pg_catalog.count(*)::pg_catalog.int4 FROM booking.seat WHERE resource_id" EQ "$1)"
		" ELSE capacity END FROM booking.resource WHERE id" EQ "$1",
		AS_OWNER, {INT8OID}
	},
	/* As the caller: its policies decide. */
	[STMT_SEE_RESOURCE] = {
		"SELECT 1 FROM booking.resource WHERE id" EQ "$1",
		KEYED | BY_INDEX, {INT8OID}
	},
	[STMT_FIND_SLOTS] = {
		"SELECT id FROM booking.slot WHERE resource_id" EQ "$1 AND period" EQ "$2 ORDER BY closed, id",
		AS_OWNER, {INT8OID, TSTZRANGEOID}
	},
	[STMT_SLOTS_NEAR] = {
		"SELECT pg_catalog.string_agg(period::pg_catalog.text, ', ' ORDER BY period) FROM ("
		"(SELECT period FROM booking.slot WHERE resource_id" EQ "$1 AND period OPERATOR(pg_catalog.<) $2"
		" AND NOT closed ORDER BY period DESC LIMIT 1) UNION"
		" (SELECT period FROM booking.slot WHERE resource_id" EQ "$1 AND period OPERATOR(pg_catalog.>) $2"
		" AND NOT closed ORDER BY period LIMIT 2)) AS near",
		AS_OWNER, {INT8OID, TSTZRANGEOID}
	},
	[STMT_SLOT_IN_THE_WAY] = {
		"SELECT period FROM booking.slot WHERE resource_id" EQ "$1 AND occupies" OVERLAPS "$2"
		" ORDER BY period LIMIT 1",
		AS_OWNER, {INT8OID, TSTZRANGEOID}
	},
	[STMT_BIG_SLOTS] = {
		"SELECT pg_catalog.format('slot %s for %s', id, period), pg_catalog.count(*) OVER ()"
		" FROM booking.slot WHERE resource_id" EQ "$1 AND capacity OPERATOR(pg_catalog.>) 1" A_FEW,
		AS_OWNER, {INT8OID}
	},
	[STMT_BOOKINGS_UNDER_SLOT] = {
		LIST_BOOKINGS " AND " ACTIVE " AND seat_no IS NOT NULL AND occupies" OVERLAPS "$2"
		" AND (slot_id IS NULL OR slot_id OPERATOR(pg_catalog.<>) $3)" A_FEW,
		AS_OWNER, {INT8OID, TSTZRANGEOID, INT8OID}
	},
	[STMT_LAPSED_UNDER_SLOT] = {
		"SELECT id FROM booking.booking WHERE resource_id" EQ "$1 AND occupies" OVERLAPS "$2"
		" AND seat_no IS NOT NULL AND " ACTIVE " AND status" EQ "'held' AND expires_at" LE "$3",
		AS_OWNER, {INT8OID, TSTZRANGEOID, TIMESTAMPTZOID}
	},
	[STMT_BOOKINGS_EVER_IN_SLOT] = {
		LIST_OF_SLOT A_FEW,
		AS_OWNER, {INT8OID}
	},
	[STMT_ACTIVE_IN_SLOT] = {
		LIST_OF_SLOT " AND " ACTIVE A_FEW,
		AS_OWNER, {INT8OID}
	},
	[STMT_ACTIVE_WITHOUT_SEAT] = {
		LIST_OF_SLOT " AND " ACTIVE " AND seat_no IS NULL" A_FEW,
		AS_OWNER, {INT8OID}
	},
	[STMT_LAPSED_IN_SLOT] = {
		"SELECT id, expires_at FROM booking.booking WHERE slot_id" EQ "$1 AND status" EQ "'held'"
		" AND expires_at" LE "$2 ORDER BY expires_at LIMIT $3",
		AS_OWNER | BY_INDEX, {INT8OID, TIMESTAMPTZOID, INT8OID}
	},
	[STMT_BOOKED_IN_SLOT] = {
		"SELECT pg_catalog.sum(quantity)::pg_catalog.int8 FROM booking.booking"
		" WHERE slot_id" EQ "$1 AND " ACTIVE,
		AS_OWNER, {INT8OID}
	},
	[STMT_LAY_OUT_PLACES] = {
		"INSERT INTO booking.slot_places (slot_id, shard, free)"
		" SELECT $1, n, ($2 OPERATOR(pg_catalog./) $3) OPERATOR(pg_catalog.+)"
		" (n OPERATOR(pg_catalog.<) ($2 OPERATOR(pg_catalog.%) $3))::pg_catalog.int4"
		" FROM pg_catalog.generate_series(0, $3 OPERATOR(pg_catalog.-) 1) AS n",
		AS_OWNER | WRITES, {INT8OID, INT4OID, INT4OID}
	},
	[STMT_CLEAR_PLACES] = {
		"DELETE FROM booking.slot_places WHERE slot_id" EQ "$1",
		AS_OWNER | WRITES | BY_INDEX, {INT8OID}
	},
	[STMT_TAKE_PLACES] = {
		"UPDATE booking.slot_places SET free = free OPERATOR(pg_catalog.-) $3"
		" WHERE slot_id" EQ "$1 AND shard" EQ "$2 AND free OPERATOR(pg_catalog.>=) $3",
		AS_OWNER | WRITES | OF_SHARD | BY_INDEX, {INT8OID, INT2OID, INT4OID}
	},
	[STMT_GIVE_PLACES] = {
		"UPDATE booking.slot_places SET free = free OPERATOR(pg_catalog.+) $3"
		" WHERE slot_id" EQ "$1 AND shard" EQ "$2 RETURNING free",
		AS_OWNER | WRITES | OF_SHARD | BY_INDEX, {INT8OID, INT2OID, INT4OID}
	},
	[STMT_SET_PLACES] = {
		"UPDATE booking.slot_places SET free = $3"
		" WHERE slot_id" EQ "$1 AND shard" EQ "$2 AND free OPERATOR(pg_catalog.<>) $3",
		AS_OWNER | WRITES | OF_SHARD | BY_INDEX, {INT8OID, INT2OID, INT4OID}
	},
	/* What begins from one instant on and before another, in its order. */
	[STMT_SLOTS_IN] = {
		"SELECT id, period, capacity, closed, occupies FROM booking.slot WHERE resource_id" EQ "$1"
		" AND period" GE "$2 AND period" LT "$3"
		" ORDER BY period, id",
		AS_OWNER | KEYED | BY_INDEX, {INT8OID, TSTZRANGEOID, TSTZRANGEOID}
	},
	/* Those before $3, which is where what begins after $2 begins. */
	[STMT_SLOTS_TOUCHING] = {
		"SELECT id, period, capacity, closed, occupies FROM booking.slot WHERE resource_id" EQ "$1"
		" AND period" OVERLAPS "$2 AND period" LT "$3"
		" ORDER BY period, id",
		AS_OWNER | KEYED | BY_INDEX, {INT8OID, TSTZRANGEOID, TSTZRANGEOID}
	},
	[STMT_SLOTS_IN_THE_WAY] = {
		"SELECT occupies, id FROM booking.slot WHERE resource_id" EQ "$1 AND occupies" OVERLAPS "$2",
		AS_OWNER | KEYED | BY_INDEX, {INT8OID, TSTZRANGEOID}
	},
	[STMT_RESOURCES] = {
		"SELECT id FROM booking.resource WHERE $1 IS NULL OR category" EQ "$1",
		0, {TEXTOID}
	},
	[STMT_SEATS] = {
		"SELECT seat_no, label, category FROM booking.seat WHERE resource_id" EQ "$1 ORDER BY seat_no",
		0, {INT8OID}
	},
	[STMT_CALENDAR] = {
		BOOKINGS_IN("id, period, seat_no, quantity, holder, status, version, created_at, updated_at",
					OF_RESOURCE, OF_ITS_SLOTS)
		" ORDER BY period, id",
		KEYED | BY_INDEX, {INT8OID, TSTZRANGEOID}
	},
	[STMT_WRITE_EVENT] = {
		WRITE_EVENT,
		AS_OWNER | WRITES,
		EVENT_TYPES
	},
	[STMT_WRITE_EVENT_TO_TELL] = {
		WRITE_EVENT " RETURNING seq",
		AS_OWNER | WRITES,
		EVENT_TYPES
	},
	[STMT_JOURNAL_BASE] = {
		"SELECT base FROM booking.journal",
		AS_OWNER | KEYED | BY_INDEX, {InvalidOid}
	},
	[STMT_KEEP_POSITIONS] = {
		"SELECT booking.keep_positions()",
		AS_OWNER | WRITES, {InvalidOid}
	},
	[STMT_ARCHIVE_BEGIN] = {
		"SELECT booking.archive_begin($1, $2)",
		WRITES, {TIMESTAMPTZOID, INT4OID}
	},
	[STMT_ARCHIVE_BATCH] = {
		"SELECT booking.archive_batch($1)",
		WRITES, {INT8OID}
	},
};

static SPIPlanPtr prepared[STMT_COUNT];

/* The same statements for the row with a ctid. */
static SPIPlanPtr prepared_at[STMT_COUNT];

/* Kinds of scans that the planner may use (its enable_ settings). */
typedef struct Ways
{
	bool		seqscan;
	bool		bitmapscan;
	bool		indexonlyscan;
	bool		indexscan;
	bool		tidscan;
	bool		jit;			/* what is switched off makes costs look as if it were worth it */
} Ways;

static SPIPlanPtr prepare(Statement statement, bool at_row);
static Ways switch_ways(Ways ways);
static bool plan_ahead(SPIPlanPtr plan, bool at_row);
static bool suits_any_snapshot(SPIPlanPtr plan, CachedPlan *made);
static bool node_suits_any_snapshot(const Plan *node);
static bool nodes_suit_any_snapshot(List *nodes);
static bool has_foreign_triggers(Oid relid);
static bool find_row(const PlanText *plan, Relation rel, Datum *values, Snapshot snapshot,
					 ItemPointer tid);
static uint64 run_of_row(Statement statement, Datum *values, const char *nulls);
static uint64 run_at(Statement statement, Datum *values, const char *nulls, ItemPointer tid,
					 Snapshot snapshot);
static uint64 run_plan(Statement statement, SPIPlanPtr plan, Datum *values, const char *nulls,
					   Snapshot snapshot);
pg_noreturn static void rethrow_without_statement(SPIPlanPtr plan);
static Datum row_datum(uint64 i, const char *table);
static HeapTuple with_dropped_columns(HeapTuple tuple, TupleDesc desc);

static SPIPlanPtr
prepare(Statement statement, bool at_row)
{
	const PlanText *plan = &plans[statement];
	SPIPlanPtr *known = at_row ? &prepared_at[statement] : &prepared[statement];

	if (*known == NULL)
	{
		const char *sql = plan->sql;
		Oid			types[MAX_PARAMETERS + 1];
		SPIPlanPtr	spi_plan;
		int			nargs = 0;

		for (; nargs < MAX_PARAMETERS && OidIsValid(plan->types[nargs]); nargs++)
			types[nargs] = plan->types[nargs];
		if (at_row)
		{
			const char *key = plan->flags & OF_SHARD ? WHERE THE_SHARD : WHERE THE_BOOKING;
			const char *condition = strstr(sql, key);

			types[nargs++] = TIDOID;
			sql = psprintf("%.*s" WHERE "ctid" EQ "$%d%s", (int) (condition - sql), sql, nargs,
						   condition + strlen(key));
		}
		/* Parameters never change the plan: do not begin with five that are thrown away. */
		spi_plan = SPI_prepare_cursor(sql, nargs, types, CURSOR_OPT_GENERIC_PLAN);
		if (spi_plan == NULL || SPI_keepplan(spi_plan) != 0)
			elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
		*known = spi_plan;
	}
	return *known;
}

/* What the planner may use; the settings that there were are handed back. */
static pg_noinline Ways
switch_ways(Ways ways)
{
	Ways		before = {enable_seqscan, enable_bitmapscan, enable_indexonlyscan, enable_indexscan, enable_tidscan,
	jit_enabled};

	enable_seqscan = ways.seqscan;
	enable_bitmapscan = ways.bitmapscan;
	enable_indexonlyscan = ways.indexonlyscan;
	enable_indexscan = ways.indexscan;
	enable_tidscan = ways.tidscan;
	jit_enabled = ways.jit;
	return before;
}

/*
 * If the plan has to be made anew, make it now, with plain index scans only, or a look at one
 * ctid only.  Nothing but planning happens while the other ways are switched off: what
 * triggers and policies run later is planned as it always is.  True if it can be run with any
 * kind of snapshot.
 */
static pg_noinline bool
plan_ahead(SPIPlanPtr plan, bool at_row)
{
	volatile bool suits = false;
	Ways		before = switch_ways((Ways) {.indexscan = !at_row,.tidscan = at_row});

	PG_TRY();
	{
		CachedPlan *made = SPI_plan_get_cached_plan(plan);

		suits = suits_any_snapshot(plan, made);
		ReleaseCachedPlan(made, CurrentResourceOwner);
	}
	PG_FINALLY();
	{
		(void) switch_ways(before);
	}
	PG_END_TRY();
	return suits;
}

/*
 * Can the plan be run with any kind of snapshot?  Its nodes are those that can, and nothing
 * runs inside that may be somebody else's: no policy, no trigger of an application.
 */
static bool
suits_any_snapshot(SPIPlanPtr plan, CachedPlan *made)
{
	CachedPlanSource *source = linitial(SPI_plan_get_plan_sources(plan));
	PlannedStmt *statement = linitial_node(PlannedStmt, made->stmt_list);
	ListCell   *cell;

	if (source->dependsOnRLS || list_length(made->stmt_list) != 1 ||
		!node_suits_any_snapshot(statement->planTree) ||
		!nodes_suit_any_snapshot(statement->subplans))
		return false;
	foreach(cell, statement->resultRelations)
		if (has_foreign_triggers(rt_fetch(lfirst_int(cell), statement->rtable)->relid))
			return false;
	return true;
}

static bool
node_suits_any_snapshot(const Plan *node)
{
	if (node == NULL)
		return true;
	switch (nodeTag(node))
	{
		case T_SeqScan:
		case T_IndexScan:
		case T_TidScan:
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
		case T_Hash:
		case T_Material:
		case T_Memoize:
		case T_Sort:
		case T_IncrementalSort:
		case T_Unique:
		case T_Agg:
		case T_Group:
		case T_WindowAgg:
		case T_Limit:
		case T_Result:
		case T_LockRows:
		case T_ModifyTable:
			return node_suits_any_snapshot(outerPlan(node)) && node_suits_any_snapshot(innerPlan(node));
		case T_SubqueryScan:
			return node_suits_any_snapshot(((const SubqueryScan *) node)->subplan);
		case T_Append:
			return nodes_suit_any_snapshot(((const Append *) node)->appendplans);
		case T_MergeAppend:
			return nodes_suit_any_snapshot(((const MergeAppend *) node)->mergeplans);
		default:
			return false;
	}
}

static bool
nodes_suit_any_snapshot(List *nodes)
{
	ListCell   *cell;

	foreach(cell, nodes)
		if (!node_suits_any_snapshot(lfirst(cell)))
			return false;
	return true;
}

/* Has somebody else put a trigger on the table? */
static bool
has_foreign_triggers(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	Oid			ours = get_namespace_oid("booking", false);
	bool		found = false;

	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers && !found; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];

		found = !trigger->tgisinternal && get_func_namespace(trigger->tgfoid) != ours;
	}
	table_close(rel, NoLock);
	return found;
}

/*
 * Run a statement; the caller is connected to SPI and finds the rows in SPI_tuptable.
 * "nulls" is as for SPI_execute_plan(), or NULL.  Returns the number of rows.
 */
uint64
booking_run(Statement statement, Datum *values, const char *nulls)
{
	int			flags = plans[statement].flags;
	Caller		caller;
	uint64		rows;

	if (flags & AS_OWNER)
		booking_become_owner(booking_owner(), (flags & WRITES) != 0, &caller);

	if ((flags & (OF_BOOKING | OF_SHARD)) && IsolationIsSerializable())
		rows = run_of_row(statement, values, nulls);
	else
	{
		SPIPlanPtr	plan = prepare(statement, false);
		SnapshotData snapshot = *GetLatestSnapshot();

		if ((flags & BY_INDEX) && plan_ahead(plan, false) &&
			(flags & KEYED) && IsolationIsSerializable())
			snapshot.snapshot_type = SNAPSHOT_SELF;
		rows = run_plan(statement, plan, values, nulls, &snapshot);
	}

	if (flags & AS_OWNER)
		booking_become_caller(&caller);
	return rows;
}

/* A statement about one row, at SERIALIZABLE: find the row, and go there. */
static uint64
run_of_row(Statement statement, Datum *values, const char *nulls)
{
	const PlanText *plan = &plans[statement];
	bool		locks = (plan->flags & (LOCKS | SHARES | LOCKS_LAPSED | TRIES)) != 0;
	Relation	rel = table_open(get_relname_relid(plan->flags & OF_SHARD ? "slot_places" : "booking",
												   get_namespace_oid("booking", false)),
								 locks ? RowShareLock : AccessShareLock);
	Snapshot	snapshot;
	ItemPointerData tid;
	uint64		rows = 0;

	/* As every statement that writes does. */
	if (plan->flags & WRITES)
		CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	if (find_row(plan, rel, values, snapshot, &tid))
	{
		if (!locks)
			rows = run_at(statement, values, nulls, &tid, snapshot);
		else
		{
			PreventCommandIfReadOnly("SELECT FOR UPDATE");
			rows = booking_rows_lock(rel, &tid, snapshot,
									 plan->flags & SHARES ? LockTupleShare : LockTupleNoKeyExclusive,
									 plan->flags & (LOCKS_LAPSED | TRIES) ? LockWaitSkip : LockWaitBlock);
		}
	}
	UnregisterSnapshot(snapshot);
	table_close(rel, NoLock);
	return rows;
}

/* The row that such a statement is about, if the snapshot sees it. */
static bool
find_row(const PlanText *plan, Relation rel, Datum *values, Snapshot snapshot, ItemPointer tid)
{
	RowKey		id[] = {{"id", F_UUID_EQ, values[0], false}};
	RowKey		shard[] = {{"slot_id", F_INT8EQ, values[0], false}, {"shard", F_INT2EQ, values[1], false}};
	bool		of_shard = (plan->flags & OF_SHARD) != 0;
	RowKey	   *keys = of_shard ? shard : id;
	int			nkeys = of_shard ? lengthof(shard) : lengthof(id);
	RowScan		rows;
	HeapTuple	row;

	booking_rows_begin(&rows, rel, booking_rows_key_index(rel, keys, nkeys), snapshot, keys, nkeys);
	row = booking_rows_next(&rows);
	if (row && (plan->flags & LOCKS_LAPSED))
	{
		bool		isnull;
		Datum		expires_at = booking_rows_column(&rows, row, "expires_at", &isnull);

		/* Only a hold has one. */
		if (isnull || DatumGetTimestampTz(expires_at) > DatumGetTimestampTz(values[1]))
			row = NULL;
	}
	if (row)
		*tid = row->t_self;
	booking_rows_end(&rows);
	return row != NULL;
}

/* The statement for the row that is there. */
static uint64
run_at(Statement statement, Datum *values, const char *nulls, ItemPointer tid, Snapshot snapshot)
{
	SnapshotData now = *snapshot;
	Datum		all_values[MAX_PARAMETERS + 1];
	char		all_nulls[MAX_PARAMETERS + 2];
	SPIPlanPtr	plan = prepare(statement, true);
	int			n = SPI_getargcount(plan) - 1;

	memcpy(all_values, values, n * sizeof(Datum));
	all_values[n] = PointerGetDatum(tid);
	memset(all_nulls, ' ', n + 1);
	if (nulls)
		memcpy(all_nulls, nulls, strnlen(nulls, n));
	all_nulls[n + 1] = '\0';

	/* It is to be copied once more, and not given back. */
	now.copied = false;
	now.active_count = now.regd_count = 0;
	if (plan_ahead(plan, true))
		now.snapshot_type = SNAPSHOT_SELF;
	return run_plan(statement, plan, all_values, all_nulls, &now);
}

static uint64
run_plan(Statement statement, SPIPlanPtr plan, Datum *values, const char *nulls, Snapshot snapshot)
{
	bool		read_only = (plans[statement].flags & (WRITES | UP_TO_NOW)) == 0;
	volatile int result = 0;
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		result = SPI_execute_snapshot(plan, values, nulls, snapshot, InvalidSnapshot,
									  read_only, true, 0);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		rethrow_without_statement(plan);
	}
	PG_END_TRY();
	if (result < 0)
		elog(ERROR, "\"%s\" failed: %s", plans[statement].sql, SPI_result_code_string(result));
	return SPI_processed;
}

/*
 * An error in a statement of ours, which is none of the client's.  It may come from a trigger of
 * the application, and then says so in the other lines of its context, which stay.
 */
static void
rethrow_without_statement(SPIPlanPtr plan)
{
	ErrorData  *error = CopyErrorData();
	const char *sql = ((CachedPlanSource *) linitial(SPI_plan_get_plan_sources(plan)))->query_string;
	char	   *found = error->context ? strstr(error->context, sql) : NULL;

	if (found)
	{
		char	   *line = found;
		char	   *rest = strchr(found + strlen(sql), '\n');

		while (line > error->context && line[-1] != '\n')
			line--;
		if (rest)
			memmove(line, rest + 1, strlen(rest + 1) + 1);
		else if (line > error->context)
			line[-1] = '\0';
		else
			error->context = NULL;
	}
	FlushErrorState();
	ReThrowError(error);
}

/*
 * The first row of the last result as a datum of type booking.booking, in the context
 * of SPI's caller.  Only for statements that return whole rows of that table.
 */
Datum
booking_row_datum(void)
{
	return booking_row_datum_of("booking");
}

/* Another row of such a result. */
Datum
booking_row_datum_at(uint64 i)
{
	return row_datum(i, "booking");
}

/* The result of "SELECT *" has no columns that were dropped; a row of the table's type has. */
static HeapTuple
with_dropped_columns(HeapTuple tuple, TupleDesc desc)
{
	Datum	   *values = palloc0_array(Datum, desc->natts);
	bool	   *nulls = palloc_array(bool, desc->natts);
	int			column = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		nulls[i] = true;
		if (!TupleDescAttr(desc, i)->attisdropped)
			values[i] = SPI_getbinval(tuple, SPI_tuptable->tupdesc, ++column, &nulls[i]);
	}
	if (column != SPI_tuptable->tupdesc->natts)
		elog(ERROR, "a row of another shape");
	return heap_form_tuple(desc, values, nulls);
}

/* The same of another table. */
Datum
booking_row_datum_of(const char *table)
{
	return row_datum(0, table);
}

static Datum
row_datum(uint64 i, const char *table)
{
	HeapTuple	tuple = SPI_tuptable->vals[i];
	TupleDesc	desc = lookup_rowtype_tupdesc(get_rel_type_id(booking_table(table)), -1);
	HeapTupleHeader row;

	if (desc->natts != SPI_tuptable->tupdesc->natts)
		tuple = with_dropped_columns(tuple, desc);
	row = SPI_returntuple(tuple, desc);
	ReleaseTupleDesc(desc);
	return HeapTupleHeaderGetDatum(row);
}
