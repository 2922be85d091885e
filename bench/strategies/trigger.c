/*
 * trigger: count in a trigger
 *
 * "Put the check where the data is": a BEFORE INSERT trigger counts what is there and refuses what is too much. It is the naive check in
 * another place. It counts what has been committed, so it oversells just the same, and looks safer.
 */
#include "../recipe.h"

/* body: a condition over NEW that is true when there is no room */
#define REFUSE_WHEN(condition) \
	"CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$" \
	" BEGIN" \
	"    IF " condition " THEN" \
	"        RAISE EXCEPTION 'no room';" \
	"    END IF;" \
	"    RETURN NEW;" \
	" END $$;" \
	"CREATE TRIGGER look BEFORE INSERT ON booking FOR EACH ROW EXECUTE FUNCTION look();"

#define NO_ROOM "P0001"

static Answer
book_period(Client *c, const Request *r)
{
	sql(c, "INSERT INTO booking (room_id, period, customer_id) VALUES ($1, $2, $3)", r->room, r->period, r->customer);
	return refused_with(c, NO_ROOM) ? REFUSED : BOOKED;
}

static Answer
book_stay(Client *c, const Request *r)
{
	sql(c, "INSERT INTO booking (pool_id, period, quantity, customer_id) VALUES ($1, $2, $3, $4)",
		r->pool, r->period, r->quantity, r->customer);
	return refused_with(c, NO_ROOM) ? REFUSED : BOOKED;
}

static Answer
hold_seat(Client *c, const Request *r)
{
	sql(c, "INSERT INTO booking (seat_id, customer_id, status, expires_at)"
		" VALUES ($1, $2, 'held', clock_timestamp() + $3::interval)", r->seat, r->customer, r->hold_for);
	return refused_with(c, NO_ROOM) ? REFUSED : BOOKED;
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
	sql(c, "INSERT INTO booking (slot_id, customer_id) VALUES ($1, $2)", r->slot, r->customer);
	return refused_with(c, NO_ROOM) ? REFUSED : BOOKED;
}

static Answer
sign_up(Client *c, const Request *r)
{
	sql(c, "INSERT INTO booking (event_id, customer_id) VALUES ($1, $2)", r->event, r->customer);
	return refused_with(c, NO_ROOM) ? REFUSED : BOOKED;
}

static const char one_at_a_time[] =
REFUSE_WHEN("(SELECT count(*) FROM race.booking WHERE room_id = NEW.room_id AND period && NEW.period) > 0");

static const char up_to_capacity[] =
REFUSE_WHEN("(SELECT coalesce(sum(quantity), 0) FROM race.booking WHERE pool_id = NEW.pool_id AND period && NEW.period) + NEW.quantity"
			" > (SELECT capacity FROM race.pool WHERE id = NEW.pool_id)");

static const char one_on_a_seat[] =
REFUSE_WHEN("(SELECT count(*) FROM race.booking WHERE seat_id = NEW.seat_id"
			"    AND (status = 'confirmed' OR expires_at > clock_timestamp())) > 0");

static const char one_a_slot[] =
REFUSE_WHEN("(SELECT count(*) FROM race.booking WHERE slot_id = NEW.slot_id) > 0");

static const char once_each[] =
REFUSE_WHEN("(SELECT count(*) FROM race.booking WHERE event_id = NEW.event_id AND customer_id = NEW.customer_id) > 0");

const Strategy trigger = {
	.name = "trigger",
	.about = "a BEFORE INSERT trigger that counts",
	.promise = OVERSELLS,
	.room = {book_period, .tables = one_at_a_time},
	.calendar = {book_period, .tables = one_at_a_time},
	.pool = {book_stay, .tables = up_to_capacity},
	.bus = {hold_seat, confirm_seat, .tables = one_on_a_seat},
	.timeslot = {book_timeslot, .tables = one_a_slot},
	.event = {sign_up, .tables = once_each},
};
