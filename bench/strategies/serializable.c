/*
 * serializable: let the database find out
 *
 * The naive steps in a SERIALIZABLE transaction. PostgreSQL notices when two of them could not have run one after the other and fails one
 * with 40001; a client that uses this level has to try again then, after a random pause that grows.
 *
 * It does not notice everything. Where overlapping periods are looked up in a GiST index, as below for rooms and pools, PostgreSQL 15 lets
 * two transactions that saw the same gap both commit into it, when the first stretches an index page over the gap and the second
 * then lands on that page: bench/serializable.sh shows it with two sessions, and scenario "room" by the thousand. Hence OVERSELLS.
 */
#include "../recipe.h"

extern const Strategy naive;

static Answer
one_after_the_other(Client *c, const Request *r, Steps steps)
{
	Answer		answer;

	do
	{
		begin_serializable(c);
		answer = steps(c, r);
		if (answer == BOOKED)
			commit(c);
		else
			rollback(c);
	} while (retry_after_conflict(c));
	return answer;
}

static Answer
book_period(Client *c, const Request *r)
{
	return one_after_the_other(c, r, naive.room.book);
}

static Answer
book_stay(Client *c, const Request *r)
{
	return one_after_the_other(c, r, naive.pool.book);
}

static Answer
book_places(Client *c, const Request *r)
{
	return one_after_the_other(c, r, naive.hotel.book);
}

static Answer
hold_seat(Client *c, const Request *r)
{
	return one_after_the_other(c, r, naive.bus.book);
}

static Answer
confirm_seat(Client *c, const Request *r)
{
	return one_after_the_other(c, r, naive.bus.confirm);
}

static Answer
book_timeslot(Client *c, const Request *r)
{
	return one_after_the_other(c, r, naive.timeslot.book);
}

static Answer
sign_up(Client *c, const Request *r)
{
	return one_after_the_other(c, r, naive.event.book);
}

const Strategy serializable = {
	.name = "serializable",
	.about = "the same at SERIALIZABLE, tried again after 40001",
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
