--
-- N at once: the peak counts, not how many bookings overlap.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

SELECT name, kind, capacity FROM booking.create_resource('pooled: bikes', 'pooled', 3);

-- Three short rides, one after the other, and a long one over all of them: two at once.
SELECT count(*) FROM generate_series(9, 11) AS h, LATERAL booking.book_slot('pooled: bikes',
	tstzrange('2030-01-07'::timestamptz + h * interval '1 hour', '2030-01-07'::timestamptz + (h + 1) * interval '1 hour'), 'ann');
SELECT quantity FROM booking.book_slot('pooled: bikes', '[2030-01-07 09:00, 2030-01-07 12:00)', 'bob', 2);

-- Full from 09:00 to 12:00 now, and free on both sides.
SELECT h, holder IS NOT NULL AS booked
FROM generate_series(8, 12) AS h LEFT JOIN LATERAL booking.try_book_slot('pooled: bikes',
	tstzrange('2030-01-07'::timestamptz + h * interval '1 hour', '2030-01-07'::timestamptz + (h + 1) * interval '1 hour'), 'eve') ON true
ORDER BY h;

-- What is left, where it is not enough, and what would fit.
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('pooled: bikes', '[2030-01-07 12:00, 2030-01-07 13:00)', 'eve', 3)$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('pooled: bikes', '[2030-01-07 08:00, 2030-01-07 14:00)', 'eve')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('pooled: bikes', '[2030-01-07 14:00, 2030-01-07 15:00)', 'eve', 4)$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('pooled: bikes', '[2030-01-07 14:00, 2030-01-07 15:00)', 'eve', 2147483647)$$);

-- As many as there are, over any period, also without end.
SELECT quantity FROM booking.book_slot('pooled: bikes', '[2030-01-08,)', 'ann', 2);
SELECT quantity FROM booking.book_slot('pooled: bikes', '[2030-02-08,)', 'bob', 1);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('pooled: bikes', '[2035-01-01, 2035-01-02)', 'eve')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('pooled: bikes', '[2030-01-20,)', 'eve')$$);
SELECT quantity FROM booking.book_slot('pooled: bikes', '[2030-01-20, 2030-02-08)', 'eve');

-- Plain SQL meets the same rule: a second row of one statement sees the first.
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, holder, quantity)
SELECT id, '[2030-01-07 20:00, 2030-01-07 21:00)', 'eve', 2 FROM booking.resource, generate_series(1, 2)
WHERE name = 'pooled: bikes'$$);
INSERT INTO booking.booking (resource_id, period, holder, quantity)
SELECT id, '[2030-01-07 20:00, 2030-01-07 21:00)', 'eve', 1 FROM booking.resource, generate_series(1, 3)
WHERE name = 'pooled: bikes';

-- A booking is not counted against itself: more, longer, later.
SELECT id AS booking FROM booking.book_slot('pooled: bikes', '[2030-01-05 09:00, 2030-01-05 10:00)', 'bob', 2) \gset
UPDATE booking.booking SET quantity = 3 WHERE id = :'booking';
UPDATE booking.booking SET period = '[2030-01-05 09:30, 2030-01-05 10:30)' WHERE id = :'booking';
SELECT period, occupies, quantity, version FROM booking.booking WHERE id = :'booking';
SELECT pg_temp.said(format($$UPDATE booking.booking SET quantity = 4 WHERE id = %L$$, :'booking'));
SELECT pg_temp.said(format($$UPDATE booking.booking SET period = '[2030-01-07 10:00, 2030-01-07 11:00)' WHERE id = %L$$, :'booking'));
-- Less is always possible, and makes room.
UPDATE booking.booking SET quantity = 1 WHERE id = :'booking';
SELECT quantity FROM booking.book_slot('pooled: bikes', '[2030-01-05 09:30, 2030-01-05 10:30)', 'eve', 2);

-- A pool with a capacity of 0, and one of the largest capacity.
SELECT capacity FROM booking.create_resource('pooled: none', 'pooled', 0);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('pooled: none', '[2030-01-07 14:00, 2030-01-07 15:00)', 'eve')$$);
SELECT capacity FROM booking.create_resource('pooled: all', 'pooled', 2147483647);
SELECT quantity FROM booking.book_slot('pooled: all', '[2030-01-07 14:00, 2030-01-07 15:00)', 'eve', 2147483647);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('pooled: all', '[2030-01-07 14:00, 2030-01-07 15:00)', 'eve', 2147483647)$$);

-- Four hundred random bookings against a count of every instant, in SQL.
SELECT name FROM booking.create_resource('pooled: random', 'pooled', 7);
SELECT setseed(0.4);
CREATE FUNCTION pg_temp.random_bookings(resource text, n integer) RETURNS TABLE (fits boolean, booked boolean)
LANGUAGE plpgsql AS $$
DECLARE
	r booking.resource := (SELECT r FROM booking.resource r WHERE name = resource);
	period tstzrange;
	quantity integer;
BEGIN
	FOR i IN 1 .. n LOOP
		period := tstzrange('2030-01-01'::timestamptz + floor(random() * 100) * interval '1 hour',
			CASE WHEN random() < 0.02 THEN NULL ELSE '2030-01-05 04:00'::timestamptz + floor(random() * 100) * interval '1 hour' END);
		IF random() < 0.8 THEN
			period := tstzrange(lower(period), lower(period) + (1 + floor(random() * 10)) * interval '1 hour');
		END IF;
		quantity := 1 + floor(random() * 4);
		fits := r.capacity >= quantity + coalesce((
			SELECT max(used) FROM (
				SELECT (SELECT sum(b.quantity) FROM booking.booking b
						WHERE b.resource_id = r.id AND b.period @> instant) AS used
				FROM generate_series(lower(period), least(upper(period), '2030-01-20') - interval '30 min', '30 min') AS instant) AS at), 0);
		booked := EXISTS (SELECT FROM booking.try_book_slot(resource, period, 'h' || i, quantity));
		RETURN NEXT;
	END LOOP;
END
$$;
SELECT count(*) FILTER (WHERE fits <> booked) AS wrong, count(*) FILTER (WHERE booked) > 20 AS many_booked,
	count(*) FILTER (WHERE NOT booked) > 20 AS many_refused
FROM pg_temp.random_bookings('pooled: random', 400);

SELECT * FROM booking.verify() WHERE resource_id IN (SELECT id FROM booking.resource WHERE name LIKE 'pooled: %');
