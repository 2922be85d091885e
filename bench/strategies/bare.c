/*
 * bare: just INSERT
 *
 * No check at all. It is here as the ceiling, to show what the checking costs, and not for use.
 */
#include "../recipe.h"

static Answer
book_period(Client *c, const Request *r)
{
	sql(c, "INSERT INTO booking (room_id, period, customer_id) VALUES ($1, $2, $3)", r->room, r->period, r->customer);
	return BOOKED;
}

static Answer
book_stay(Client *c, const Request *r)
{
	sql(c, "INSERT INTO booking (pool_id, period, quantity, customer_id) VALUES ($1, $2, $3, $4)",
		r->pool, r->period, r->quantity, r->customer);
	return BOOKED;
}

static Answer
book_places(Client *c, const Request *r)
{
	sql(c, "INSERT INTO booking (slot_id, quantity, customer_id) VALUES ($1, $2, $3)", r->slot, r->quantity, r->customer);
	return BOOKED;
}

const Strategy bare = {
	.name = "bare",
	.about = "INSERT without any check: the ceiling",
	.promise = NO_CHECK,
	.room = {book_period},
	.calendar = {book_period},
	.pool = {book_stay},
	.hotel = {book_places},
	.concert = {book_places},
};
