/*
 * booking: this extension
 *
 * One call, one round trip. try_book_... says no with no row; the functions without try_ raise an error that explains.
 */
#include <string.h>

#include "../recipe.h"

#define ACTIVE "status IN ('held', 'confirmed')"

/* Rooms: exclusive resources. */
static const char rooms[] =
"SELECT count(booking.create_resource('room ' || n)) FROM generate_series(1, :all) AS n;"
"DROP TABLE booking;"
"CREATE VIEW booking AS SELECT resource_id AS room_id, period FROM booking.booking WHERE " ACTIVE;

static Answer
book_period(Client *c, const Request *r)
{
	return sql(c, "SELECT id FROM booking.try_book_slot($1::bigint, $2, $3)", r->room, r->period, r->customer) ? BOOKED : REFUSED;
}

/* A pool: a pooled resource. */
static const char pools[] =
"SELECT count(booking.create_resource('pool ' || n, 'pooled', :capacity)) FROM generate_series(1, :all) AS n;"
"DROP TABLE booking;"
"CREATE VIEW booking AS SELECT resource_id AS pool_id, period, quantity FROM booking.booking WHERE " ACTIVE;

static Answer
book_stay(Client *c, const Request *r)
{
	return sql(c, "SELECT id FROM booking.try_book_slot($1::bigint, $2, $3, $4)",
			   r->pool, r->period, r->customer, r->quantity) ? BOOKED : REFUSED;
}

/* Concerts, and a hotel's allotment for a night: a slot with places on each of the resources. */
static const char places[] =
"SELECT count(booking.create_resource('house ' || n)) FROM generate_series(1, :all) AS n;"
"SELECT count(booking.publish_slot(n::bigint, '[2030-01-01 18:00+00,2030-01-02 11:00+00)', :capacity)) FROM generate_series(1, :all) AS n;"
"DROP TABLE booking;"
"CREATE VIEW booking AS SELECT slot_id, quantity FROM booking.booking WHERE " ACTIVE;

static Answer
book_places(Client *c, const Request *r)
{
	return sql(c, "SELECT id FROM booking.try_book_place($1, $2, $3)", r->slot, r->customer, r->quantity) ? BOOKED : REFUSED;
}

/* A bus: a resource with seats. */
static const char seats[] =
"SELECT count(booking.create_resource('bus', 'seated', seats => (SELECT array_agg(n::text ORDER BY n) FROM generate_series(1, :all) AS n)));"
"DROP TABLE booking;"
"CREATE VIEW booking AS SELECT seat_no AS seat_id, status FROM booking.booking WHERE " ACTIVE;

static Answer
hold_seat(Client *c, const Request *r)
{
	if (!sql(c, "SELECT id FROM booking.try_book_slot(1::bigint, '[2030-01-01 08:00+00,2030-01-01 12:00+00)', $2,"
			 "                                         seat => $1, hold_for => $3)", r->seat, r->customer, r->hold_for))
		return REFUSED;
	strcpy(r->hold, value(c, 0));
	return BOOKED;
}

static Answer
confirm_seat(Client *c, const Request *r)
{
	sql(c, "SELECT id FROM booking.confirm($1)", r->hold);
	return refused_with(c, "55000") ? REFUSED : BOOKED;	/* the hold has lapsed */
}

/* Appointments: slots with one place, of a practice that is booked by these only. */
static const char timeslots[] =
"SELECT count(booking.create_resource('practice', slots_only => true));"
"SELECT count(s) FROM booking.publish_slots('practice', '[2030-01-01 00:00+00,2030-01-01 00:15+00)', '15 minutes',"
"    timestamptz '2030-01-01 00:00+00' + :all * interval '15 minutes', 1) AS s;"
"DROP TABLE booking;"
"CREATE VIEW booking AS SELECT slot_id FROM booking.booking WHERE " ACTIVE;

static Answer
book_timeslot(Client *c, const Request *r)
{
	return sql(c, "SELECT id FROM booking.try_book_place($1, $2)", r->slot, r->customer) ? BOOKED : REFUSED;
}

/* Events: one slot on each resource, and at most one booking per customer and slot. */
static const char events[] =
"SELECT count(booking.create_resource('stage ' || n)) FROM generate_series(1, :all) AS n;"
"SELECT count(booking.publish_slot(n::bigint, '[2030-01-01 18:00+00,2030-01-01 22:00+00)', 1000000)) FROM generate_series(1, :all) AS n;"
"INSERT INTO booking.holder_limit (resource_id, per, max_bookings) SELECT id, 'slot', 1 FROM booking.resource;"
"DROP TABLE booking;"
"CREATE VIEW booking AS SELECT slot_id AS event_id, holder AS customer_id FROM booking.booking WHERE " ACTIVE;

static Answer
sign_up(Client *c, const Request *r)
{
	return sql(c, "SELECT id FROM booking.try_book_place($1, $2)", r->event, r->customer) ? BOOKED : REFUSED;
}

const Strategy booking = {
	.name = "booking",
	.about = "this extension: try_book_slot, try_book_place",
	.needs_booking = true,
	.room = {book_period, .tables = rooms},
	.calendar = {book_period, .tables = rooms},
	.pool = {book_stay, .tables = pools},
	.hotel = {book_places, .tables = places},
	.concert = {book_places, .tables = places},
	.bus = {hold_seat, confirm_seat, .tables = seats},
	.timeslot = {book_timeslot, .tables = timeslots},
	.event = {sign_up, .tables = events},
};
