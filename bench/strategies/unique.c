/*
 * unique: a UNIQUE constraint
 *
 * Where what is sold has an identity (a slot's id, a seat, a customer and an event), the constraint is the whole answer: one statement, no lock
 * of one's own, safe for every writer. It cannot say "overlaps" nor "at most N".
 */
#include "../recipe.h"

/* As long as every booking of a room is for a full hour, its start identifies it. */
static const char one_start[] =
"DROP INDEX booking_lookup;"
"ALTER TABLE booking ADD starts_at timestamptz GENERATED ALWAYS AS (lower(period)) STORED,"
"                    ADD UNIQUE (room_id, starts_at)";

static Answer
book_hour(Client *c, const Request *r)
{
	return sql(c, "INSERT INTO booking (room_id, period, customer_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
			   r->room, r->period, r->customer) ? BOOKED : REFUSED;
}

/* The row of a seat whose hold has lapsed is taken over. */
static const char one_seat[] =
"DROP INDEX booking_lookup;"
"ALTER TABLE booking ADD UNIQUE (seat_id)";

static Answer
hold_seat(Client *c, const Request *r)
{
	return sql(c, "INSERT INTO booking AS b (seat_id, customer_id, status, expires_at)"
			   " VALUES ($1, $2, 'held', clock_timestamp() + $3::interval)"
			   " ON CONFLICT (seat_id) DO UPDATE SET customer_id = excluded.customer_id, expires_at = excluded.expires_at"
			   "    WHERE b.status = 'held' AND b.expires_at <= clock_timestamp()",
			   r->seat, r->customer, r->hold_for) ? BOOKED : REFUSED;
}

static Answer
confirm_seat(Client *c, const Request *r)
{
	return sql(c, "UPDATE booking SET status = 'confirmed', expires_at = NULL"
			   " WHERE seat_id = $1 AND customer_id = $2 AND status = 'held' AND expires_at > clock_timestamp()",
			   r->seat, r->customer) ? BOOKED : REFUSED;
}

static const char one_slot[] =
"DROP INDEX booking_lookup;"
"ALTER TABLE booking ADD UNIQUE (slot_id)";

static Answer
book_timeslot(Client *c, const Request *r)
{
	return sql(c, "INSERT INTO booking (slot_id, customer_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
			   r->slot, r->customer) ? BOOKED : REFUSED;
}

static const char once_each[] =
"DROP INDEX booking_lookup;"
"ALTER TABLE booking ADD UNIQUE (event_id, customer_id)";

static Answer
sign_up(Client *c, const Request *r)
{
	return sql(c, "INSERT INTO booking (event_id, customer_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
			   r->event, r->customer) ? BOOKED : REFUSED;
}

const Strategy unique = {
	.name = "unique",
	.about = "a UNIQUE constraint, INSERT ... ON CONFLICT DO NOTHING",
	.room = {book_hour, .tables = one_start},
	.bus = {hold_seat, confirm_seat, .tables = one_seat},
	.timeslot = {book_timeslot, .tables = one_slot},
	.event = {sign_up, .tables = once_each},
};
