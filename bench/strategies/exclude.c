/*
 * exclude: an EXCLUDE constraint
 *
 * PostgreSQL's own answer to overlapping periods, safe for every writer, in one statement. ON CONFLICT DO NOTHING rather than an error: it is
 * cheaper, and two of them cannot deadlock. A pool has to be cut into numbered units for it, and a customer who wants three needs
 * three that are free for the whole stay.
 */
#include "../recipe.h"

static const char no_overlap[] =
"DROP INDEX booking_lookup;"
"ALTER TABLE booking ADD EXCLUDE USING gist (room_id WITH =, period WITH &&)";

static Answer
book_period(Client *c, const Request *r)
{
	return sql(c, "INSERT INTO booking (room_id, period, customer_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
			   r->room, r->period, r->customer) ? BOOKED : REFUSED;
}

static const char numbered_units[] =
"DROP INDEX booking_lookup;"
"ALTER TABLE booking ADD unit integer NOT NULL,"
"                    ADD EXCLUDE USING gist (pool_id WITH =, unit WITH =, period WITH &&)";

static Answer
book_units(Client *c, const Request *r)
{
	do
	{
		begin(c);
		/* any free units, to stay out of each other's way, but in ascending order, to stay out of deadlocks */
		sql(c, "WITH candidate AS MATERIALIZED ("
			"    SELECT unit FROM pool, generate_series(1, capacity) AS unit"
			"     WHERE id = $1 AND NOT EXISTS (SELECT FROM booking AS b"
			"                                    WHERE b.pool_id = $1 AND b.unit = unit.unit AND b.period && $2)"
			"     ORDER BY random() LIMIT $3::integer),"
			" taken AS ("
			"    INSERT INTO booking (pool_id, unit, period, quantity, customer_id)"
			"    SELECT $1, unit, $2, 1, $4::integer FROM candidate ORDER BY unit"
			"    ON CONFLICT DO NOTHING RETURNING unit)"
			" SELECT (SELECT count(*) FROM taken) = $3, (SELECT count(*) FROM candidate) = $3",
			r->pool, r->period, r->quantity, r->customer);
		if (is_true(c, 0))
		{
			commit(c);
			return BOOKED;
		}
		rollback(c);
		if (!is_true(c, 1))
			return REFUSED;
	} while (try_again(c));		/* they were free, and another client was faster */
	return GAVE_UP;
}

const Strategy exclude = {
	.name = "exclude",
	.about = "an EXCLUDE constraint, INSERT ... ON CONFLICT DO NOTHING",
	.room = {book_period, .tables = no_overlap},
	.calendar = {book_period, .tables = no_overlap},
	.pool = {book_units, .tables = numbered_units},
};
