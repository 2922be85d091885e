/*-------------------------------------------------------------------------
 *
 * statements.c
 *		What is asked of the database in SQL?
 *
 * One table of all statements of the C code, named by an enum; values are parameters.  How
 * they are run, on which snapshot and by which plans, is in plans.c.
 *
 * Names: everything here is written with its schema, operators included, and nothing is
 * used that looks an operator up by itself (IN (SELECT ...), IS DISTINCT FROM, NULLIF,
 * CASE x WHEN, BETWEEN, LIKE, comparison of rows without OPERATOR()).  sql/roles.sql plants
 * operators and functions in front of PostgreSQL's, which must never be called.  What runs as
 * the owner also has a search_path of its own meanwhile (owner.c).  What runs as the caller
 * keeps the caller's, for the triggers and policies of the application to find what they find
 * in a plain UPDATE.  (The plan cache analyses a statement again whenever it is run with another
 * search_path, so that fixing it for the preparation alone would achieve nothing.)
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/compat.h"
#include "base/statements.h"

/* More operators by their full names. */
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

/*
 * Rows that a change of a resource's rules writes besides its own (rule_rows.c): what goes with the
 * resource $1; its slots of one place, or those that have their time for themselves in $2 or $4,
 * but not $3, and the bookings in them; the entries in the line for a slot, or a seat.  Locks all
 * of them, or says where one is that another transaction has.
 */
#define THE_ROWS(name, key, table, which, how) \
	name " AS (SELECT " key " FROM booking." table " WHERE " which how " SKIP LOCKED)"
#define NOT_LOCKED(name, key, table, which) \
	"(SELECT tableoid, ctid FROM booking." table " WHERE " which " AND NOT " key EQ "ANY (SELECT " key " FROM " name ") LIMIT 1)"
#define OF_THE_RESOURCE	"resource_id" EQ "$1"
#define WAITING		OF_THE_RESOURCE " AND status" EQ "'waiting'"
#define OWN_LOCKED(table, key, which) THE_ROWS("the_" table, key, table, which, " FOR UPDATE")
#define OWN_NOT_LOCKED(table, key, which) NOT_LOCKED("the_" table, key, table, which)
#define SINGLE_SLOTS	OF_THE_RESOURCE " AND capacity" EQ "1"
#define IN_THE_TIME	"occupies" OVERLAPS "$2 OR occupies" OVERLAPS "$4"
#define BOOKED_IN(slots) \
	"slot_id" EQ "ANY (SELECT id FROM booking.slot WHERE " slots ") AND seat_no IS NULL AND " ACTIVE
#define SLOTS_AND_BOOKINGS(slots, booked) \
	"WITH " THE_ROWS("the_slots", "id", "slot", slots, " FOR NO KEY UPDATE") ", " \
	THE_ROWS("the_bookings", "id", "booking", BOOKED_IN(booked), " FOR NO KEY UPDATE") \
	NOT_LOCKED("the_slots", "id", "slot", slots) " UNION ALL " \
	NOT_LOCKED("the_bookings", "id", "booking", BOOKED_IN(booked)) " LIMIT 1"

const PlanText booking_statements[STMT_COUNT] = {
	[STMT_LOAD_SEATS] = {
		"SELECT seat_no, label FROM booking.seat WHERE resource_id" EQ "$1 ORDER BY seat_no",
		AS_OWNER, {INT8OID}
	},
	[STMT_LOAD_HOURS] = {
		"SELECT weekday, on_date, opens, closes FROM booking.opening_hours"
		" WHERE resource_id" EQ "$1",
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
		INSERT_TYPES,
		"booking",
		{"id", "resource_id", "slot_id", "seat_no", "period", "occupies", "quantity", "holder", "status",
			"expires_at", "group_id", "waitlist_id", "data"}
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
		" ELSE capacity END, slots_only FROM booking.resource WHERE id" EQ "$1",
		AS_OWNER, {INT8OID}
	},
	[STMT_RESOURCE_IS_THERE] = {
		"SELECT 1 FROM booking.resource WHERE id" EQ "$1",
		AS_OWNER | UP_TO_NOW | KEYED | BY_INDEX, {INT8OID}
	},
	[STMT_LOCK_OWN_OF_RESOURCE] = {
		"WITH " OWN_LOCKED("closure", "id", OF_THE_RESOURCE) ", " OWN_LOCKED("opening_hours", "id", OF_THE_RESOURCE) ", "
		OWN_LOCKED("holder_limit", "id", OF_THE_RESOURCE) ", " OWN_LOCKED("seat", "seat_no", OF_THE_RESOURCE) ", "
		OWN_LOCKED("slot", "id", OF_THE_RESOURCE) ", " OWN_LOCKED("waitlist", "id", WAITING)
		OWN_NOT_LOCKED("closure", "id", OF_THE_RESOURCE) " UNION ALL "
		OWN_NOT_LOCKED("opening_hours", "id", OF_THE_RESOURCE) " UNION ALL "
		OWN_NOT_LOCKED("holder_limit", "id", OF_THE_RESOURCE) " UNION ALL "
		OWN_NOT_LOCKED("seat", "seat_no", OF_THE_RESOURCE) " UNION ALL "
		OWN_NOT_LOCKED("slot", "id", OF_THE_RESOURCE) " UNION ALL " OWN_NOT_LOCKED("waitlist", "id", WAITING) " LIMIT 1",
		AS_OWNER | WRITES | KEYED | BY_INDEX, {INT8OID}
	},
	[STMT_LOCK_SINGLE_SLOTS] = {
		SLOTS_AND_BOOKINGS(SINGLE_SLOTS, SINGLE_SLOTS),
		AS_OWNER | WRITES | KEYED | BY_INDEX, {INT8OID}
	},
	[STMT_SINGLE_SLOTS_IN] = {
		"SELECT 1 FROM booking.slot WHERE " SINGLE_SLOTS " AND id" EQ "$3 UNION ALL "
		"SELECT 1 FROM booking.slot WHERE " SINGLE_SLOTS " AND occupies" OVERLAPS "$2 UNION ALL "
		"SELECT 1 FROM booking.slot WHERE " SINGLE_SLOTS " AND occupies" OVERLAPS "$4 LIMIT 1",
		AS_OWNER | KEYED | BY_INDEX, {INT8OID, TSTZRANGEOID, INT8OID, TSTZRANGEOID}
	},
	[STMT_LOCK_SLOTS_IN] = {
		SLOTS_AND_BOOKINGS(SINGLE_SLOTS " AND id" NE "$3 AND (" IN_THE_TIME ")", SINGLE_SLOTS " AND (id" EQ "$3 OR " IN_THE_TIME ")"),
		AS_OWNER | WRITES | KEYED | BY_INDEX, {INT8OID, TSTZRANGEOID, INT8OID, TSTZRANGEOID}
	},
	[STMT_LOCK_LINE_OF_SLOT] = {
		"WITH " OWN_LOCKED("waitlist", "id", WAITING " AND slot_id" EQ "$2")
		OWN_NOT_LOCKED("waitlist", "id", WAITING " AND slot_id" EQ "$2"),
		AS_OWNER | WRITES | KEYED | BY_INDEX, {INT8OID, INT8OID}
	},
	[STMT_LOCK_LINE_OF_SEAT] = {
		"WITH " OWN_LOCKED("waitlist", "id", WAITING " AND seat" EQ "$2")
		OWN_NOT_LOCKED("waitlist", "id", WAITING " AND seat" EQ "$2"),
		AS_OWNER | WRITES | KEYED | BY_INDEX, {INT8OID, TEXTOID}
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
	[STMT_SLOTS_OVERLAPPING] = {
		"SELECT pg_catalog.format('slot %s takes it for %s', id, occupies), pg_catalog.count(*) OVER ()"
		" FROM booking.slot WHERE resource_id" EQ "$1 AND occupies" OVERLAPS "$2 AND id" NE "$3" A_FEW,
		AS_OWNER | UP_TO_NOW | KEYED | BY_INDEX, {INT8OID, TSTZRANGEOID, INT8OID}
	},
	/* Slots other than $3 that take their resource in $2, or that go on in $4 and do not. */
	[STMT_SLOTS_UNDER_SLOT] = {
		"SELECT 1 FROM booking.slot WHERE resource_id" EQ "$1 AND occupies" OVERLAPS "$2 AND id" NE "$3"
		" UNION ALL "
		"SELECT 1 FROM booking.slot WHERE resource_id" EQ "$1 AND occupies IS NULL"
		" AND period" OVERLAPS "$4 AND id" NE "$3 LIMIT 1",
		AS_OWNER | UP_TO_NOW | KEYED | BY_INDEX, {INT8OID, TSTZRANGEOID, INT8OID, TSTZRANGEOID}
	},
	/* Slots of one place that have their time for themselves, and then no longer. */
	[STMT_SHARE_SLOTS_IN] = {
		"UPDATE booking.slot SET occupies = NULL WHERE resource_id" EQ "$1 AND occupies" OVERLAPS "$2"
		" AND id" NE "$3 AND capacity" EQ "1",
		AS_OWNER | WRITES | KEYED | BY_INDEX, {INT8OID, TSTZRANGEOID, INT8OID}
	},
	[STMT_SHARE_SLOTS] = {
		"UPDATE booking.slot SET occupies = NULL WHERE resource_id" EQ "$1 AND occupies IS NOT NULL"
		" AND capacity" EQ "1",
		AS_OWNER | WRITES | KEYED | BY_INDEX, {INT8OID}
	},
	/* Or again, where that is so.  Finds what it has written, as nothing that is KEYED may. */
	[STMT_SINGLE_OUT_SLOTS] = {
		"UPDATE booking.slot SET occupies = 'empty' WHERE resource_id" EQ "$1 AND capacity" EQ "1",
		AS_OWNER | WRITES | BY_INDEX, {INT8OID}
	},
	[STMT_SEAT_BOOKINGS_OF_SLOT] = {
		"UPDATE booking.booking SET seat_no = 0 WHERE slot_id" EQ "$1 AND seat_no IS NULL AND " ACTIVE,
		AS_OWNER | WRITES | KEYED | BY_INDEX, {INT8OID}
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
	[STMT_CLEAR_POOL] = {
		"DELETE FROM booking.pool_use WHERE resource_id" EQ "$1",
		AS_OWNER | WRITES | BY_INDEX, {INT8OID}
	},
	[STMT_COUNT_POOL] = {
		"INSERT INTO booking.pool_use (resource_id, quantity, expires_at, booking_id, occupies)"
		" SELECT resource_id, pg_catalog.sum(quantity), expires_at, CASE WHEN expires_at IS NOT NULL THEN id END, occupies"
		" FROM booking.booking WHERE resource_id" EQ "$1"
		" AND seat_no IS NULL AND slot_id IS NULL AND " ACTIVE
		" GROUP BY 1, 3, 4, 5",
		AS_OWNER | WRITES, {INT8OID}
	},
	[STMT_INSERT_POOL_USE] = {
		"INSERT INTO booking.pool_use (resource_id, quantity, expires_at, booking_id, folded, occupies)"
		" VALUES ($1, $2, $3, $4, $5, $6)",
		AS_OWNER | WRITES, {INT8OID, INT8OID, TIMESTAMPTZOID, UUIDOID, BOOLOID, TSTZRANGEOID}
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
		"SELECT occupies, NULL, NULL FROM booking.slot WHERE resource_id" EQ "$1 AND occupies" OVERLAPS "$2"
		" AND capacity" GT "1 UNION ALL "
		"SELECT s.occupies, b.quantity, b.expires_at FROM booking.slot s JOIN booking.booking b ON b.slot_id" EQ "s.id"
		" WHERE s.resource_id" EQ "$1 AND s.occupies" OVERLAPS "$2 AND s.capacity" EQ "1"
		" AND b.seat_no IS NULL AND b." IN_FORCE,
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
		AS_OWNER | WRITES | SETTLED,
		EVENT_TYPES,
		"event",
		{"position", "at", "kind", "booking_id", "resource_id", "slot_id", "holder", "version", "actor",
			"session_role", "detail"}
	},
	[STMT_WRITE_EVENT_TO_TELL] = {
		WRITE_EVENT " RETURNING seq",
		AS_OWNER | WRITES,
		EVENT_TYPES
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
	/* The process that has the WORKER lock of a database. */
	[STMT_WORKER] = {
		"SELECT pid FROM pg_catalog.pg_locks WHERE locktype" EQ "'advisory' AND database" EQ "$1"
		" AND classid" EQ "'0' AND objid" EQ "'0' AND objsubid" EQ "$2 AND granted",
		AS_OWNER, {OIDOID, INT2OID}
	},
	[STMT_WORKER_SWEEP] = {
		"SELECT booking.expire_holds($1)",
		WRITES, {INT4OID}
	},
	[STMT_READABLE_POSITION] = {
		"SELECT booking.readable_position()",
		0, {InvalidOid}
	},
	/* The resource that a booking has left is told as well. */
	[STMT_EVENTS_TO_TELL] = {
		"SELECT r.id, pg_catalog.min(e.seq), pg_catalog.max(e.seq) FROM booking.event e CROSS JOIN LATERAL ("
		" SELECT e.resource_id UNION ALL SELECT (e.detail OPERATOR(pg_catalog.#>>) '{was,resource_id}')::pg_catalog.int8"
		" WHERE e.kind" EQ "'rescheduled' AND (e.detail OPERATOR(pg_catalog.#>>) '{was,resource_id}')"
		" OPERATOR(pg_catalog.~) '^[0-9]{1,18}$') AS r (id)"
		" WHERE e.position" GT "$1 AND e.position" LE "$2 GROUP BY r.id",
		BY_INDEX, {INT8OID, INT8OID}
	},
	[STMT_LAST_EVENT] = {
		"SELECT seq FROM booking.event ORDER BY position DESC, seq DESC LIMIT 1",
		BY_INDEX, {InvalidOid}
	},
	/* A run of the worker's that was interrupted is continued. */
	[STMT_WORKER_ARCHIVE] = {
		"SELECT booking.archive_begin(COALESCE((SELECT r.moment FROM booking.archive_run r"
		" WHERE r.phase" NE "'done' AND r.moment" LE "$1 AND NOT EXISTS"
		" (SELECT FROM pg_catalog.pg_stat_activity s WHERE s.pid" EQ "r.pid)"
		" ORDER BY r.id DESC LIMIT 1), $1), $2)",
		WRITES, {TIMESTAMPTZOID, INT4OID}
	},
};
