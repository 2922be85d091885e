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
 * At SERIALIZABLE a snapshot also leaves predicate locks behind, on whole index pages.
 * Two transactions that look up two bookings side by side in the index, and then write
 * them, would be told that they cannot be serialized, although each of them holds the
 * lock of its own booking to the end.  Statements that touch one booking by its id under
 * its ID lock (KEYED) therefore read like a unique index does: what is committed now.
 *
 * Plans: a table that is small when it is analysed makes the planner read all of it.  Rows
 * that many write at once are one index look-up in truth, and reading all of them would
 * also make every SERIALIZABLE transaction depend on every other.  Statements about them
 * are planned with plain index scans only (and an index-only scan cannot be KEYED).
 *
 * "Lock it unless somebody else has" (SKIP LOCKED) is a statement of its own, before the
 * UPDATE.  As a subquery of the UPDATE it can go round in circles: when the row has changed
 * since the snapshot, the executor evaluates the subquery again, which finds a newer
 * version than the UPDATE does.
 *
 * Privileges: what a trigger needs to know is none of the caller's business, and runs
 * as the owner of the tables.  What a function does for its caller runs as the caller.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "optimizer/cost.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

#include "base/cache.h"
#include "base/compat.h"
#include "base/plans.h"

#define MAX_PARAMETERS 16

/* The role that a statement runs as, whether it writes, and what it reads. */
#define AS_OWNER	0x01
#define WRITES		0x02
/*
 * Touches one booking by its id, whose ID lock we hold; or what a lock of its slot or of its
 * line guards, or the RESOURCE lock taken alone; or looks for what is locked before it is
 * believed.
 */
#define KEYED		0x04
/* Sees what the statement that runs the trigger has written. */
#define UP_TO_NOW	0x08
/* Looks up rows of a small table that many write at once. */
#define BY_INDEX	0x10

/*
 * Operators by their full names, like tables: some of these run as the owner, and the
 * caller's search_path must not decide what "=" means.
 */
#define EQ		" OPERATOR(pg_catalog.=) "
#define LE		" OPERATOR(pg_catalog.<=) "
#define LT		" OPERATOR(pg_catalog.<) "
#define GT		" OPERATOR(pg_catalog.>) "
#define GE		" OPERATOR(pg_catalog.>=) "
#define NE		" OPERATOR(pg_catalog.<>) "
#define OVERLAPS " OPERATOR(pg_catalog.&&) "
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
#define OF_ITS_SLOTS "slot_id IN (SELECT s.id FROM booking.slot s WHERE s.resource_id" EQ "$1) AND "

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
		" slots_only"
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
		AS_OWNER | KEYED, {INT8OID, TSTZRANGEOID}
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
	[STMT_GET_BOOKING] = {
		"SELECT * FROM booking.booking WHERE id" EQ "$1",
		KEYED, {UUIDOID}
	},
	/*
	 * Each step says again under which circumstances it is possible, and finds no row
	 * when a plain UPDATE has just changed them.
	 */
	[STMT_CONFIRM_BOOKING] = {
		"UPDATE booking.booking SET status = 'confirmed', expires_at = NULL"
		" WHERE id" EQ "$1 AND version" EQ "$2 RETURNING *",
		WRITES | KEYED, {UUIDOID, INT4OID}
	},
	[STMT_EXTEND_HOLD] = {
		"UPDATE booking.booking SET expires_at = $3"
		" WHERE id" EQ "$1 AND version" EQ "$2 RETURNING *",
		WRITES | KEYED, {UUIDOID, INT4OID, TIMESTAMPTZOID}
	},
	[STMT_CANCEL_BOOKING] = {
		"UPDATE booking.booking SET status = 'cancelled', expires_at = NULL, reason = $3"
		" WHERE id" EQ "$1 AND version" EQ "$2 RETURNING *",
		WRITES | KEYED, {UUIDOID, INT4OID, TEXTOID}
	},
	[STMT_MOVE_BOOKING] = {
		"UPDATE booking.booking SET period = $3, seat_no = $4, quantity = $5, slot_id = $6"
		" WHERE id" EQ "$1 AND version" EQ "$2 RETURNING *",
		WRITES | KEYED, {UUIDOID, INT4OID, TSTZRANGEOID, INT4OID, INT4OID, INT8OID}
	},
	[STMT_CHECK_IN_BOOKING] = {
		"UPDATE booking.booking SET checked_in_at = $3"
		" WHERE id" EQ "$1 AND version" EQ "$2 RETURNING *",
		WRITES | KEYED, {UUIDOID, INT4OID, TIMESTAMPTZOID}
	},
	[STMT_CHECK_OUT_BOOKING] = {
		"UPDATE booking.booking SET checked_out_at = $3, period = $4, occupies = $5"
		" WHERE id" EQ "$1 AND version" EQ "$2 RETURNING *",
		WRITES | KEYED, {UUIDOID, INT4OID, TIMESTAMPTZOID, TSTZRANGEOID, TSTZRANGEOID}
	},
	[STMT_EXPIRE_BOOKING] = {
		"UPDATE booking.booking SET status = 'expired', expires_at = NULL"
		" WHERE id" EQ "$1 AND status" EQ "'held' AND expires_at" LE "$2",
		AS_OWNER | WRITES | KEYED, {UUIDOID, TIMESTAMPTZOID}
	},
	[STMT_TRY_LOCK_LAPSED] = {
		"SELECT FROM booking.booking WHERE id" EQ "$1 AND status" EQ "'held' AND expires_at" LE "$2"
		" FOR NO KEY UPDATE SKIP LOCKED",
		AS_OWNER | WRITES | KEYED, {UUIDOID, TIMESTAMPTZOID}
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
		" WHERE resource_id" EQ "$1 AND NOT (slot_id IS DISTINCT FROM $2) AND period" EQ "$3"
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
		WRITES | KEYED, {UUIDOID}
	},
	[STMT_LOCK_ROW] = {
		"SELECT FROM booking.booking WHERE id" EQ "$1 FOR NO KEY UPDATE",
		WRITES | KEYED, {UUIDOID}
	},
	[STMT_FIND_ROW] = {
		"SELECT ctid FROM booking.booking WHERE id" EQ "$1",
		AS_OWNER | KEYED, {UUIDOID}
	},
	[STMT_SHARE_ROW] = {
		"SELECT FROM booking.booking WHERE id" EQ "$1 FOR SHARE",
		AS_OWNER | WRITES | KEYED, {UUIDOID}
	},
	[STMT_INSERT_CLOSURE] = {
		"INSERT INTO booking.closure (resource_id, period, reason) VALUES ($1, $2, $3) RETURNING *",
		WRITES, {INT8OID, TSTZRANGEOID, TEXTOID}
	},
	[STMT_LOAD_SLOT] = {
		"SELECT resource_id, period, capacity, closed, occupies FROM booking.slot WHERE id" EQ "$1",
		AS_OWNER | KEYED | BY_INDEX, {INT8OID}
	},
	[STMT_PEEK_RESOURCE] = {
		"SELECT kind, CASE WHEN kind" EQ "'seated' THEN"
		" (SELECT pg_catalog.count(*)::pg_catalog.int4 FROM booking.seat WHERE resource_id" EQ "$1)"
		" ELSE capacity END FROM booking.resource WHERE id" EQ "$1",
		AS_OWNER, {INT8OID}
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
		AS_OWNER | KEYED | BY_INDEX, {INT8OID, TIMESTAMPTZOID, INT8OID}
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
	[STMT_FREE_PLACES] = {
		"SELECT shard, free, ctid FROM booking.slot_places WHERE slot_id" EQ "$1"
		" AND free OPERATOR(pg_catalog.>) 0",
		AS_OWNER | BY_INDEX, {INT8OID}
	},
	[STMT_ALL_PLACES] = {
		"SELECT shard, free, ctid FROM booking.slot_places WHERE slot_id" EQ "$1",
		AS_OWNER | KEYED | BY_INDEX, {INT8OID}
	},
	[STMT_FREE_PLACES_OF_SHARD] = {
		"SELECT free, xmin, xmax FROM booking.slot_places WHERE slot_id" EQ "$1 AND shard" EQ "$2",
		AS_OWNER | KEYED | BY_INDEX, {INT8OID, INT2OID}
	},
	[STMT_TAKE_PLACES] = {
		"UPDATE booking.slot_places SET free = free OPERATOR(pg_catalog.-) $3"
		" WHERE slot_id" EQ "$1 AND shard" EQ "$2 AND free OPERATOR(pg_catalog.>=) $3",
		AS_OWNER | WRITES | BY_INDEX, {INT8OID, INT2OID, INT4OID}
	},
	[STMT_GIVE_PLACES] = {
		"UPDATE booking.slot_places SET free = free OPERATOR(pg_catalog.+) $3"
		" WHERE slot_id" EQ "$1 AND shard" EQ "$2 RETURNING free",
		AS_OWNER | WRITES | BY_INDEX, {INT8OID, INT2OID, INT4OID}
	},
	[STMT_SET_PLACES] = {
		"UPDATE booking.slot_places SET free = $3"
		" WHERE slot_id" EQ "$1 AND shard" EQ "$2 AND free OPERATOR(pg_catalog.<>) $3",
		AS_OWNER | WRITES | KEYED | BY_INDEX, {INT8OID, INT2OID, INT4OID}
	},
	/* What begins from one instant on and before another, in its order. */
	[STMT_SLOTS_IN] = {
		"SELECT id, period, capacity, closed, occupies FROM booking.slot WHERE resource_id" EQ "$1"
		" AND period" GE "$2 AND period" LT "$3"
		" ORDER BY period, id",
		AS_OWNER | KEYED | BY_INDEX, {INT8OID, TSTZRANGEOID, TSTZRANGEOID}
	},
	[STMT_SLOTS_IN_THE_WAY] = {
		"SELECT occupies, id FROM booking.slot WHERE resource_id" EQ "$1 AND occupies" OVERLAPS "$2",
		AS_OWNER | KEYED | BY_INDEX, {INT8OID, TSTZRANGEOID}
	},
	/* With those of holds that have lapsed; NULL when they have not been counted. */
	[STMT_PLACES_LEFT] = {
		"SELECT (SELECT pg_catalog.sum(free) FROM booking.slot_places WHERE slot_id" EQ "$1)"
		" OPERATOR(pg_catalog.+) COALESCE((SELECT pg_catalog.sum(quantity) FROM booking.booking"
		" WHERE slot_id" EQ "$1 AND status" EQ "'held' AND expires_at" LE "$2), 0)",
		AS_OWNER | KEYED | BY_INDEX, {INT8OID, TIMESTAMPTZOID}
	},
	[STMT_RESOURCES] = {
		"SELECT id FROM booking.resource WHERE $1 IS NULL OR category" EQ "$1",
		0, {TEXTOID}
	},
	[STMT_SEATS] = {
		"SELECT seat_no, label, category FROM booking.seat WHERE resource_id" EQ "$1 ORDER BY seat_no",
		0, {INT8OID}
	},
};

static SPIPlanPtr prepared[STMT_COUNT];

static SPIPlanPtr prepare(Statement statement);
static HeapTuple with_dropped_columns(HeapTuple tuple, TupleDesc desc);
static int	execute_by_index(SPIPlanPtr plan, Datum *values, const char *nulls,
							 Snapshot snapshot, bool read_only);

static SPIPlanPtr
prepare(Statement statement)
{
	const PlanText *plan = &plans[statement];

	if (prepared[statement] == NULL)
	{
		SPIPlanPtr	spi_plan;
		int			nargs = 0;

		while (nargs < MAX_PARAMETERS && OidIsValid(plan->types[nargs]))
			nargs++;
		/* Parameters never change the plan: do not begin with five that are thrown away. */
		spi_plan = SPI_prepare_cursor(plan->sql, nargs, (Oid *) plan->types,
									  CURSOR_OPT_GENERIC_PLAN);
		if (spi_plan == NULL || SPI_keepplan(spi_plan) != 0)
			elog(ERROR, "could not prepare \"%s\": %s",
				 plan->sql, SPI_result_code_string(SPI_result));
		prepared[statement] = spi_plan;
	}
	return prepared[statement];
}

/* Execute a plan, and make it, if it has to be made anew, with plain index scans only. */
static pg_noinline int
execute_by_index(SPIPlanPtr plan, Datum *values, const char *nulls, Snapshot snapshot,
				 bool read_only)
{
	bool		save_seqscan = enable_seqscan;
	bool		save_bitmapscan = enable_bitmapscan;
	bool		save_indexonlyscan = enable_indexonlyscan;
	int			result;

	enable_seqscan = false;
	enable_bitmapscan = false;
	enable_indexonlyscan = false;
	PG_TRY();
	{
		result = SPI_execute_snapshot(plan, values, nulls, snapshot, InvalidSnapshot,
									  read_only, true, 0);
	}
	PG_FINALLY();
	{
		enable_seqscan = save_seqscan;
		enable_bitmapscan = save_bitmapscan;
		enable_indexonlyscan = save_indexonlyscan;
	}
	PG_END_TRY();
	return result;
}

/*
 * Run a statement; the caller is connected to SPI and finds the rows in SPI_tuptable.
 * "nulls" is as for SPI_execute_plan(), or NULL.  Returns the number of rows.
 */
uint64
booking_run(Statement statement, Datum *values, const char *nulls)
{
	bool		read_only = (plans[statement].flags & (WRITES | UP_TO_NOW)) == 0;
	bool		as_owner = (plans[statement].flags & AS_OWNER) != 0;
	Oid			save_user = InvalidOid;
	int			save_context = 0;
	SPIPlanPtr	plan;
	SnapshotData snapshot;
	int			result;

	if (as_owner)
	{
		GetUserIdAndSecContext(&save_user, &save_context);
		SetUserIdAndSecContext(booking_owner(),
							   save_context | SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_NOFORCE_RLS);
	}

	plan = prepare(statement);
	snapshot = *GetLatestSnapshot();
	if ((plans[statement].flags & KEYED) && IsolationIsSerializable())
		snapshot.snapshot_type = SNAPSHOT_SELF;

	if (plans[statement].flags & BY_INDEX)
		result = execute_by_index(plan, values, nulls, &snapshot, read_only);
	else
		result = SPI_execute_snapshot(plan, values, nulls, &snapshot, InvalidSnapshot,
									  read_only, true, 0);

	if (as_owner)
		SetUserIdAndSecContext(save_user, save_context);

	if (result < 0)
		elog(ERROR, "\"%s\" failed: %s", plans[statement].sql, SPI_result_code_string(result));
	return SPI_processed;
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
	HeapTuple	tuple = SPI_tuptable->vals[0];
	TupleDesc	desc = lookup_rowtype_tupdesc(get_rel_type_id(booking_table(table)), -1);
	HeapTupleHeader row;

	if (desc->natts != SPI_tuptable->tupdesc->natts)
		tuple = with_dropped_columns(tuple, desc);
	row = SPI_returntuple(tuple, desc);
	ReleaseTupleDesc(desc);
	return HeapTupleHeaderGetDatum(row);
}
