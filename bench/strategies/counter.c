/*
 * counter: UPDATE ... WHERE free >= n
 *
 * Compare and take in one statement: the row lock of the UPDATE lets no other client pass, and the WHERE clause is checked again after waiting. The
 * booking goes into the same statement. The fastest of the hand-made ways to count; every booking of a thing still waits for the
 * commit of the one before.
 */
#include "../recipe.h"

static const char never_negative[] =
"ALTER TABLE slot ADD CHECK (free >= 0)";

static Answer
book_places(Client *c, const Request *r)
{
	return sql(c, "WITH taken AS (UPDATE slot SET free = free - $2 WHERE id = $1 AND free >= $2 RETURNING id)"
			   " INSERT INTO booking (slot_id, quantity, customer_id) SELECT id, $2::integer, $3::integer FROM taken",
			   r->slot, r->quantity, r->customer) ? BOOKED : REFUSED;
}

/* A counter for every night, as hotels keep it. Locked in order, so that two stays cannot deadlock. */
static const char nights[] =
"CREATE TABLE night (pool_id integer, day date, free integer NOT NULL CHECK (free >= 0), PRIMARY KEY (pool_id, day));"
"INSERT INTO night SELECT id, date '2030-01-01' + n, capacity"
"  FROM pool, generate_series(0, CASE WHEN id <= :things THEN 200000 ELSE 10000 END) AS n";

static Answer
book_nights(Client *c, const Request *r)
{
	return sql(c, "WITH locked AS MATERIALIZED ("
			   "    SELECT day, free FROM night"
			   "     WHERE pool_id = $1 AND day >= (lower($2::tstzrange) AT TIME ZONE 'UTC')::date"
			   "       AND day < (upper($2::tstzrange) AT TIME ZONE 'UTC')::date"
			   "     ORDER BY day FOR UPDATE),"
			   " judged AS (SELECT bool_and(free >= $3) AS fits FROM locked),"
			   " taken AS ("
			   "    UPDATE night SET free = night.free - $3 FROM locked, judged"
			   "     WHERE fits AND pool_id = $1 AND night.day = locked.day)"
			   " INSERT INTO booking (pool_id, period, quantity, customer_id)"
			   " SELECT $1, $2::tstzrange, $3::integer, $4::integer FROM judged WHERE fits",
			   r->pool, r->period, r->quantity, r->customer) ? BOOKED : REFUSED;
}

/* For a seat, the hold is in its row. */
static const char held_in_row[] =
"ALTER TABLE seat ADD sold boolean NOT NULL DEFAULT false, ADD held_by integer,"
"                 ADD held_until timestamptz NOT NULL DEFAULT '-infinity'";

static Answer
hold_seat(Client *c, const Request *r)
{
	return sql(c, "UPDATE seat SET held_by = $2, held_until = clock_timestamp() + $3::interval"
			   " WHERE id = $1 AND NOT sold AND held_until <= clock_timestamp()", r->seat, r->customer, r->hold_for) ? BOOKED : REFUSED;
}

static Answer
confirm_seat(Client *c, const Request *r)
{
	return sql(c, "WITH mine AS (UPDATE seat SET sold = true"
			   "               WHERE id = $1 AND held_by = $2 AND NOT sold AND held_until > clock_timestamp() RETURNING id)"
			   " INSERT INTO booking (seat_id, customer_id, status) SELECT id, $2, 'confirmed' FROM mine",
			   r->seat, r->customer) ? BOOKED : REFUSED;
}

static const char taken_flag[] =
"ALTER TABLE slot ADD taken boolean NOT NULL DEFAULT false";

static Answer
book_timeslot(Client *c, const Request *r)
{
	return sql(c, "WITH mine AS (UPDATE slot SET taken = true WHERE id = $1 AND NOT taken RETURNING id)"
			   " INSERT INTO booking (slot_id, customer_id) SELECT id, $2::integer FROM mine", r->slot, r->customer) ? BOOKED : REFUSED;
}

const Strategy counter = {
	.name = "counter",
	.about = "UPDATE ... WHERE free >= n, and the INSERT in the same statement",
	.pool = {book_nights, .tables = nights},
	.hotel = {book_places, .tables = never_negative},
	.concert = {book_places, .tables = never_negative},
	.bus = {hold_seat, confirm_seat, .tables = held_in_row},
	.timeslot = {book_timeslot, .tables = taken_flag},
};
