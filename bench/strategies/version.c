/*
 * version: optimistic locking
 *
 * The @Version column of JPA, the lock_version of Rails, an updated_at in the WHERE clause: read the row with its version, decide, write only if the
 * version is still the same, start again if it is not. No lock is waited for while the customer thinks; under a rush nearly every client
 * starts again.
 */
#include "../recipe.h"

static Answer
book_period(Client *c, const Request *r)
{
	do
	{
		if (!sql(c, "SELECT NOT EXISTS (SELECT FROM booking WHERE room_id = $1 AND period && $2), version FROM room WHERE id = $1",
				 r->room, r->period))
			return REFUSED;
		if (sql(c, "WITH mine AS (UPDATE room SET version = version + 1 WHERE id = $1 AND version = $2 RETURNING id)"
				" INSERT INTO booking (room_id, period, customer_id) SELECT id, $3::tstzrange, $4::integer FROM mine",
				r->room, value(c, 1), r->period, r->customer))
			return BOOKED;
	} while (try_again(c));
	return GAVE_UP;
}

static Answer
book_stay(Client *c, const Request *r)
{
	do
	{
		if (!sql(c, "SELECT " IN_USE " + $3::integer <= capacity, version FROM pool WHERE id = $1", r->pool, r->period, r->quantity))
			return REFUSED;
		if (sql(c, "WITH mine AS (UPDATE pool SET version = version + 1 WHERE id = $1 AND version = $2 RETURNING id)"
				" INSERT INTO booking (pool_id, period, quantity, customer_id) SELECT id, $3::tstzrange, $4::integer, $5::integer FROM mine",
				r->pool, value(c, 1), r->period, r->quantity, r->customer))
			return BOOKED;
	} while (try_again(c));
	return GAVE_UP;
}

static Answer
book_places(Client *c, const Request *r)
{
	do
	{
		if (!sql(c, "SELECT free >= $2, version FROM slot WHERE id = $1", r->slot, r->quantity))
			return REFUSED;
		if (sql(c, "WITH mine AS (UPDATE slot SET free = free - $3, version = version + 1 WHERE id = $1 AND version = $2 RETURNING id)"
				" INSERT INTO booking (slot_id, quantity, customer_id) SELECT id, $3::integer, $4::integer FROM mine",
				r->slot, value(c, 1), r->quantity, r->customer))
			return BOOKED;
	} while (try_again(c));
	return GAVE_UP;
}

static Answer
hold_seat(Client *c, const Request *r)
{
	do
	{
		if (!sql(c, "SELECT NOT EXISTS (SELECT FROM booking WHERE seat_id = $1"
				 "                         AND (status = 'confirmed' OR expires_at > clock_timestamp())), version"
				 "  FROM seat WHERE id = $1", r->seat))
			return REFUSED;
		if (sql(c, "WITH mine AS (UPDATE seat SET version = version + 1 WHERE id = $1 AND version = $2 RETURNING id)"
				" INSERT INTO booking (seat_id, customer_id, status, expires_at)"
				" SELECT id, $3::integer, 'held', clock_timestamp() + $4::interval FROM mine",
				r->seat, value(c, 1), r->customer, r->hold_for))
			return BOOKED;
	} while (try_again(c));
	return GAVE_UP;
}

static Answer
confirm_seat(Client *c, const Request *r)
{
	do
	{
		if (!sql(c, "SELECT EXISTS (SELECT FROM booking WHERE seat_id = $1 AND customer_id = $2"
				 "                     AND status = 'held' AND expires_at > clock_timestamp()), version"
				 "  FROM seat WHERE id = $1", r->seat, r->customer))
			return REFUSED;
		if (sql(c, "WITH mine AS (UPDATE seat SET version = version + 1 WHERE id = $1 AND version = $2 RETURNING id)"
				" UPDATE booking SET status = 'confirmed', expires_at = NULL FROM mine"
				"  WHERE seat_id = mine.id AND customer_id = $3 AND status = 'held'", r->seat, value(c, 1), r->customer))
			return BOOKED;
	} while (try_again(c));
	return GAVE_UP;
}

static Answer
book_timeslot(Client *c, const Request *r)
{
	do
	{
		if (!sql(c, "SELECT NOT EXISTS (SELECT FROM booking WHERE slot_id = $1), version FROM slot WHERE id = $1", r->slot))
			return REFUSED;
		if (sql(c, "WITH mine AS (UPDATE slot SET version = version + 1 WHERE id = $1 AND version = $2 RETURNING id)"
				" INSERT INTO booking (slot_id, customer_id) SELECT id, $3::integer FROM mine", r->slot, value(c, 1), r->customer))
			return BOOKED;
	} while (try_again(c));
	return GAVE_UP;
}

static Answer
sign_up(Client *c, const Request *r)
{
	do
	{
		if (!sql(c, "SELECT NOT EXISTS (SELECT FROM booking WHERE event_id = $1 AND customer_id = $2), version"
				 "  FROM customer WHERE id = $2", r->event, r->customer))
			return REFUSED;
		if (sql(c, "WITH mine AS (UPDATE customer SET version = version + 1 WHERE id = $2 AND version = $3 RETURNING id)"
				" INSERT INTO booking (event_id, customer_id) SELECT $1::integer, id FROM mine",
				r->event, r->customer, value(c, 1)))
			return BOOKED;
	} while (try_again(c));
	return GAVE_UP;
}

#define WITH_VERSION(table) "ALTER TABLE " table " ADD version integer NOT NULL DEFAULT 0"

const Strategy version = {
	.name = "version",
	.about = "a version column, tried again when another client was faster",
	.room = {book_period, .tables = WITH_VERSION("room")},
	.calendar = {book_period, .tables = WITH_VERSION("room")},
	.pool = {book_stay, .tables = WITH_VERSION("pool")},
	.hotel = {book_places, .tables = WITH_VERSION("slot")},
	.concert = {book_places, .tables = WITH_VERSION("slot")},
	.bus = {hold_seat, confirm_seat, .tables = WITH_VERSION("seat")},
	.timeslot = {book_timeslot, .tables = WITH_VERSION("slot")},
	.event = {sign_up, .tables = WITH_VERSION("customer")},
};
