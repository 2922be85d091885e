/*
 * txn: look, then write, in a transaction
 *
 * "Just put it in a transaction." It looks safe and is the same as naive: at READ COMMITTED two transactions both find the space free,
 * both write, and both commit.
 */
#include "../recipe.h"

extern const Strategy naive;

static Answer
in_transaction(Client *c, const Request *r, Steps steps)
{
	begin(c);
	if (steps(c, r) == REFUSED)
		return rollback(c);
	commit(c);
	return BOOKED;
}

static Answer
book_period(Client *c, const Request *r)
{
	return in_transaction(c, r, naive.room.book);
}

static Answer
book_stay(Client *c, const Request *r)
{
	return in_transaction(c, r, naive.pool.book);
}

static Answer
book_places(Client *c, const Request *r)
{
	return in_transaction(c, r, naive.hotel.book);
}

static Answer
hold_seat(Client *c, const Request *r)
{
	return in_transaction(c, r, naive.bus.book);
}

static Answer
confirm_seat(Client *c, const Request *r)
{
	return in_transaction(c, r, naive.bus.confirm);
}

static Answer
book_timeslot(Client *c, const Request *r)
{
	return in_transaction(c, r, naive.timeslot.book);
}

static Answer
sign_up(Client *c, const Request *r)
{
	return in_transaction(c, r, naive.event.book);
}

const Strategy txn = {
	.name = "txn",
	.about = "the same SELECT and INSERT in one transaction",
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
