/*
 * redis: a counter in Redis, in front of an INSERT
 *
 * Redis decides, PostgreSQL keeps the booking. DECRBY takes places, and gives them back when there were not enough, or when the INSERT failed; SET NX
 * takes what exists once. Redis writes every command to disk before it answers (appendfsync always): with less it forgets sales. Two
 * stores can still disagree: a client that dies between the two has taken places without a booking, and nothing gives them back.
 */
#include "../recipe.h"

static Answer
book_hour(Client *c, const Request *r)
{
	if (!redis(c, "SET room:%s:%s %s NX", r->room, r->period, r->customer))
		return REFUSED;
	if (!sql(c, "INSERT INTO booking (room_id, period, customer_id) VALUES ($1, $2, $3)", r->room, r->period, r->customer))
		redis(c, "DEL room:%s:%s", r->room, r->period);
	return BOOKED;
}

static void
stock_up(int slots, int capacity)
{
	for (int slot = 1; slot <= slots; slot++)
		redis_now("SET slot:%d %d", slot, capacity);
}

static Answer
book_places(Client *c, const Request *r)
{
	if (redis(c, "DECRBY slot:%s %s", r->slot, r->quantity) < 0)
	{
		redis(c, "INCRBY slot:%s %s", r->slot, r->quantity);
		return REFUSED;
	}
	if (!sql(c, "INSERT INTO booking (slot_id, quantity, customer_id) VALUES ($1, $2, $3)", r->slot, r->quantity, r->customer))
		redis(c, "INCRBY slot:%s %s", r->slot, r->quantity);
	return BOOKED;
}

/* A hold is a key that expires; the customer's confirmation makes it stay, if it is still that customer's. */
static Answer
hold_seat(Client *c, const Request *r)
{
	return redis(c, "SET seat:%s %s NX PX %d", r->seat, r->customer, r->hold_ms) ? BOOKED : REFUSED;
}

static Answer
confirm_seat(Client *c, const Request *r)
{
	if (!redis(c, "EVAL %s 1 seat:%s %s",
			   "if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end redis.call('persist', KEYS[1]) return 1",
			   r->seat, r->customer))
		return REFUSED;
	if (!sql(c, "INSERT INTO booking (seat_id, customer_id, status) VALUES ($1, $2, 'confirmed')", r->seat, r->customer))
		redis(c, "DEL seat:%s", r->seat);
	return BOOKED;
}

static Answer
book_timeslot(Client *c, const Request *r)
{
	if (!redis(c, "SET slot:%s %s NX", r->slot, r->customer))
		return REFUSED;
	if (!sql(c, "INSERT INTO booking (slot_id, customer_id) VALUES ($1, $2)", r->slot, r->customer))
		redis(c, "DEL slot:%s", r->slot);
	return BOOKED;
}

static Answer
sign_up(Client *c, const Request *r)
{
	if (!redis(c, "SADD event:%s %s", r->event, r->customer))
		return REFUSED;
	if (!sql(c, "INSERT INTO booking (event_id, customer_id) VALUES ($1, $2)", r->event, r->customer))
		redis(c, "SREM event:%s %s", r->event, r->customer);
	return BOOKED;
}

const Strategy redis_counter = {
	.name = "redis",
	.about = "a counter in Redis, in front of an INSERT",
	.needs_redis = true,
	.room = {book_hour},
	.hotel = {book_places, .prepare = stock_up},
	.concert = {book_places, .prepare = stock_up},
	.bus = {hold_seat, confirm_seat},
	.timeslot = {book_timeslot},
	.event = {sign_up},
};
