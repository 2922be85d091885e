/*
 * naive: look, then write
 *
 * What every tutorial starts with, and what most ORM code amounts to: a SELECT that finds the space free, an INSERT that takes it, each
 * committed on its own. Whatever happens in between goes unnoticed.
 */
#include "../recipe.h"

static Answer
book_period(Client *c, const Request *r)
{
	if (sql(c, "SELECT EXISTS (SELECT FROM booking WHERE room_id = $1 AND period && $2)", r->room, r->period))
		return REFUSED;
	sql(c, "INSERT INTO booking (room_id, period, customer_id) VALUES ($1, $2, $3)", r->room, r->period, r->customer);
	return BOOKED;
}

static Answer
book_stay(Client *c, const Request *r)
{
	if (!sql(c, "SELECT " IN_USE " + $3::integer <= capacity FROM pool WHERE id = $1", r->pool, r->period, r->quantity))
		return REFUSED;
	sql(c, "INSERT INTO booking (pool_id, period, quantity, customer_id) VALUES ($1, $2, $3, $4)",
		r->pool, r->period, r->quantity, r->customer);
	return BOOKED;
}

static Answer
book_places(Client *c, const Request *r)
{
	if (!sql(c, "SELECT free >= $2 FROM slot WHERE id = $1", r->slot, r->quantity))
		return REFUSED;
	sql(c, "UPDATE slot SET free = free - $2 WHERE id = $1", r->slot, r->quantity);
	sql(c, "INSERT INTO booking (slot_id, quantity, customer_id) VALUES ($1, $2, $3)", r->slot, r->quantity, r->customer);
	return BOOKED;
}

static Answer
hold_seat(Client *c, const Request *r)
{
	if (sql(c, "SELECT EXISTS (SELECT FROM booking"
			"               WHERE seat_id = $1 AND (status = 'confirmed' OR expires_at > clock_timestamp()))", r->seat))
		return REFUSED;
	sql(c, "INSERT INTO booking (seat_id, customer_id, status, expires_at)"
		" VALUES ($1, $2, 'held', clock_timestamp() + $3::interval)", r->seat, r->customer, r->hold_for);
	return BOOKED;
}

static Answer
confirm_seat(Client *c, const Request *r)
{
	return sql(c, "UPDATE booking SET status = 'confirmed', expires_at = NULL"
			   " WHERE seat_id = $1 AND customer_id = $2 AND status = 'held' AND expires_at > clock_timestamp()",
			   r->seat, r->customer) ? BOOKED : REFUSED;
}

static Answer
book_timeslot(Client *c, const Request *r)
{
	if (sql(c, "SELECT EXISTS (SELECT FROM booking WHERE slot_id = $1)", r->slot))
		return REFUSED;
	sql(c, "INSERT INTO booking (slot_id, customer_id) VALUES ($1, $2)", r->slot, r->customer);
	return BOOKED;
}

static Answer
sign_up(Client *c, const Request *r)
{
	if (sql(c, "SELECT EXISTS (SELECT FROM booking WHERE event_id = $1 AND customer_id = $2)", r->event, r->customer))
		return REFUSED;
	sql(c, "INSERT INTO booking (event_id, customer_id) VALUES ($1, $2)", r->event, r->customer);
	return BOOKED;
}

const Strategy naive = {
	.name = "naive",
	.about = "SELECT, then INSERT, each on its own",
	.promise = OVERSELLS,
	.room = {book_period},
	.calendar = {book_period},
	.pool = {book_stay},
	.hotel = {book_places},
	.concert = {book_places},
	.bus = {hold_seat, confirm_seat},
	.timeslot = {book_timeslot},
	.event = {sign_up},
};
