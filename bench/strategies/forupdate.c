/*
 * forupdate: lock the row, look, write, commit
 *
 * The pessimistic lock of every ORM (with_for_update, lockForUpdate, select_for_update): a client that wants the thing locks its row first, and all
 * others wait. Four round trips, and the row stays locked for three of them and the flush to disk.
 */
#include "../recipe.h"

static Answer
book_period(Client *c, const Request *r)
{
	begin(c);
	sql(c, "SELECT id FROM room WHERE id = $1 FOR UPDATE", r->room);
	if (!sql(c, "INSERT INTO booking (room_id, period, customer_id)"
			 " SELECT $1::integer, $2::tstzrange, $3::integer"
			 "  WHERE NOT EXISTS (SELECT FROM booking WHERE room_id = $1 AND period && $2)", r->room, r->period, r->customer))
		return rollback(c);
	commit(c);
	return BOOKED;
}

static Answer
book_stay(Client *c, const Request *r)
{
	begin(c);
	sql(c, "SELECT id FROM pool WHERE id = $1 FOR UPDATE", r->pool);
	if (!sql(c, "INSERT INTO booking (pool_id, period, quantity, customer_id)"
			 " SELECT id, $2, $3, $4::integer"
			 "   FROM pool WHERE id = $1 AND " IN_USE " + $3::integer <= capacity", r->pool, r->period, r->quantity, r->customer))
		return rollback(c);
	commit(c);
	return BOOKED;
}

static Answer
book_places(Client *c, const Request *r)
{
	begin(c);
	if (!sql(c, "SELECT free >= $2 FROM slot WHERE id = $1 FOR UPDATE", r->slot, r->quantity))
		return rollback(c);
	sql(c, "WITH taken AS (UPDATE slot SET free = free - $2 WHERE id = $1)"
		" INSERT INTO booking (slot_id, quantity, customer_id) VALUES ($1, $2, $3)", r->slot, r->quantity, r->customer);
	commit(c);
	return BOOKED;
}

static Answer
hold_seat(Client *c, const Request *r)
{
	begin(c);
	sql(c, "SELECT id FROM seat WHERE id = $1 FOR UPDATE", r->seat);
	if (!sql(c, "INSERT INTO booking (seat_id, customer_id, status, expires_at)"
			 " SELECT $1::integer, $2::integer, 'held', clock_timestamp() + $3::interval"
			 "  WHERE NOT EXISTS (SELECT FROM booking WHERE seat_id = $1"
			 "                       AND (status = 'confirmed' OR expires_at > clock_timestamp()))",
			 r->seat, r->customer, r->hold_for))
		return rollback(c);
	commit(c);
	return BOOKED;
}

static Answer
confirm_seat(Client *c, const Request *r)
{
	begin(c);
	sql(c, "SELECT id FROM seat WHERE id = $1 FOR UPDATE", r->seat);
	if (!sql(c, "UPDATE booking SET status = 'confirmed', expires_at = NULL"
			 " WHERE seat_id = $1 AND customer_id = $2 AND status = 'held' AND expires_at > clock_timestamp()",
			 r->seat, r->customer))
		return rollback(c);
	commit(c);
	return BOOKED;
}

static Answer
book_timeslot(Client *c, const Request *r)
{
	begin(c);
	sql(c, "SELECT id FROM slot WHERE id = $1 FOR UPDATE", r->slot);
	if (!sql(c, "INSERT INTO booking (slot_id, customer_id)"
			 " SELECT $1::integer, $2::integer"
			 "  WHERE NOT EXISTS (SELECT FROM booking WHERE slot_id = $1)", r->slot, r->customer))
		return rollback(c);
	commit(c);
	return BOOKED;
}

static Answer
sign_up(Client *c, const Request *r)
{
	begin(c);
	sql(c, "SELECT id FROM customer WHERE id = $1 FOR UPDATE", r->customer);
	if (!sql(c, "INSERT INTO booking (event_id, customer_id)"
			 " SELECT $1::integer, $2::integer"
			 "  WHERE NOT EXISTS (SELECT FROM booking WHERE event_id = $1 AND customer_id = $2)", r->event, r->customer))
		return rollback(c);
	commit(c);
	return BOOKED;
}

const Strategy forupdate = {
	.name = "forupdate",
	.about = "SELECT ... FOR UPDATE, then look and write",
	.room = {book_period},
	.calendar = {book_period},
	.pool = {book_stay},
	.hotel = {book_places},
	.concert = {book_places},
	.bus = {hold_seat, confirm_seat},
	.timeslot = {book_timeslot},
	.event = {sign_up},
};
