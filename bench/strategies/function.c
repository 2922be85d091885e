/*
 * function: lock, look and write in the database
 *
 * The steps of forupdate in a PL/pgSQL function: one round trip instead of four, so that the lock is held for the work and the flush
 * only. What people write who know their database well.
 */
#include "../recipe.h"

static const char rooms[] =
"CREATE FUNCTION book_room(room integer, wanted tstzrange, customer integer) RETURNS boolean LANGUAGE plpgsql AS $$"
" BEGIN"
"    PERFORM FROM race.room AS r WHERE r.id = room FOR UPDATE;"
"    IF EXISTS (SELECT FROM race.booking AS b WHERE b.room_id = room AND b.period && wanted) THEN"
"        RETURN false;"
"    END IF;"
"    INSERT INTO race.booking (room_id, period, customer_id) VALUES (room, wanted, customer);"
"    RETURN true;"
" END $$";

static Answer
book_period(Client *c, const Request *r)
{
	return sql(c, "SELECT book_room($1, $2, $3)", r->room, r->period, r->customer) ? BOOKED : REFUSED;
}

static const char pools[] =
"CREATE FUNCTION book_stay(integer, tstzrange, integer, integer) RETURNS boolean LANGUAGE plpgsql AS $$"
" DECLARE room_left boolean;"
" BEGIN"
"    PERFORM FROM pool WHERE id = $1 FOR UPDATE;"
"    SELECT " IN_USE " + $3 <= capacity INTO room_left FROM pool WHERE id = $1;"
"    IF room_left THEN"
"        INSERT INTO booking (pool_id, period, quantity, customer_id) VALUES ($1, $2, $3, $4);"
"    END IF;"
"    RETURN room_left;"
" END $$";

static Answer
book_stay(Client *c, const Request *r)
{
	return sql(c, "SELECT book_stay($1, $2, $3, $4)", r->pool, r->period, r->quantity, r->customer) ? BOOKED : REFUSED;
}

static const char places[] =
"CREATE FUNCTION book_places(slot integer, wanted integer, customer integer) RETURNS boolean LANGUAGE plpgsql AS $$"
" DECLARE available integer;"
" BEGIN"
"    SELECT s.free INTO available FROM race.slot AS s WHERE s.id = slot FOR UPDATE;"
"    IF available < wanted THEN"
"        RETURN false;"
"    END IF;"
"    UPDATE race.slot AS s SET free = s.free - wanted WHERE s.id = slot;"
"    INSERT INTO race.booking (slot_id, quantity, customer_id) VALUES (slot, wanted, customer);"
"    RETURN true;"
" END $$";

static Answer
book_places(Client *c, const Request *r)
{
	return sql(c, "SELECT book_places($1, $2, $3)", r->slot, r->quantity, r->customer) ? BOOKED : REFUSED;
}

static const char seats[] =
"CREATE FUNCTION hold_seat(seat integer, customer integer, hold_for interval) RETURNS boolean LANGUAGE plpgsql AS $$"
" BEGIN"
"    PERFORM FROM race.seat AS s WHERE s.id = seat FOR UPDATE;"
"    IF EXISTS (SELECT FROM race.booking AS b WHERE b.seat_id = seat"
"                  AND (b.status = 'confirmed' OR b.expires_at > clock_timestamp())) THEN"
"        RETURN false;"
"    END IF;"
"    INSERT INTO race.booking (seat_id, customer_id, status, expires_at)"
"    VALUES (seat, customer, 'held', clock_timestamp() + hold_for);"
"    RETURN true;"
" END $$;"
"CREATE FUNCTION confirm_seat(seat integer, customer integer) RETURNS boolean LANGUAGE plpgsql AS $$"
" BEGIN"
"    PERFORM FROM race.seat AS s WHERE s.id = seat FOR UPDATE;"
"    UPDATE race.booking AS b SET status = 'confirmed', expires_at = NULL"
"     WHERE b.seat_id = seat AND b.customer_id = customer AND b.status = 'held' AND b.expires_at > clock_timestamp();"
"    RETURN FOUND;"
" END $$";

static Answer
hold_seat(Client *c, const Request *r)
{
	return sql(c, "SELECT hold_seat($1, $2, $3)", r->seat, r->customer, r->hold_for) ? BOOKED : REFUSED;
}

static Answer
confirm_seat(Client *c, const Request *r)
{
	return sql(c, "SELECT confirm_seat($1, $2)", r->seat, r->customer) ? BOOKED : REFUSED;
}

static const char timeslots[] =
"CREATE FUNCTION book_timeslot(slot integer, customer integer) RETURNS boolean LANGUAGE plpgsql AS $$"
" BEGIN"
"    PERFORM FROM race.slot AS s WHERE s.id = slot FOR UPDATE;"
"    IF EXISTS (SELECT FROM race.booking AS b WHERE b.slot_id = slot) THEN"
"        RETURN false;"
"    END IF;"
"    INSERT INTO race.booking (slot_id, customer_id) VALUES (slot, customer);"
"    RETURN true;"
" END $$";

static Answer
book_timeslot(Client *c, const Request *r)
{
	return sql(c, "SELECT book_timeslot($1, $2)", r->slot, r->customer) ? BOOKED : REFUSED;
}

static const char events[] =
"CREATE FUNCTION sign_up(event integer, customer integer) RETURNS boolean LANGUAGE plpgsql AS $$"
" BEGIN"
"    PERFORM FROM race.customer AS p WHERE p.id = customer FOR UPDATE;"
"    IF EXISTS (SELECT FROM race.booking AS b WHERE b.event_id = event AND b.customer_id = customer) THEN"
"        RETURN false;"
"    END IF;"
"    INSERT INTO race.booking (event_id, customer_id) VALUES (event, customer);"
"    RETURN true;"
" END $$";

static Answer
sign_up(Client *c, const Request *r)
{
	return sql(c, "SELECT sign_up($1, $2)", r->event, r->customer) ? BOOKED : REFUSED;
}

const Strategy function = {
	.name = "function",
	.about = "SELECT ... FOR UPDATE, look and write in one PL/pgSQL function",
	.room = {book_period, .tables = rooms},
	.calendar = {book_period, .tables = rooms},
	.pool = {book_stay, .tables = pools},
	.hotel = {book_places, .tables = places},
	.concert = {book_places, .tables = places},
	.bus = {hold_seat, confirm_seat, .tables = seats},
	.timeslot = {book_timeslot, .tables = timeslots},
	.event = {sign_up, .tables = events},
};
