--
-- One thing, one booking at a time.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

SELECT name, kind, capacity, timezone FROM booking.create_resource('book: room');

-- A booking, by name and by id, with everything by name and in order.
SELECT period, occupies, quantity, holder, status, seat_no, version, data
FROM booking.book_slot('book: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann');
SELECT holder FROM booking.book_slot(
	(SELECT id FROM booking.resource WHERE name = 'book: room'),
	period => '[2030-01-07 11:00, 2030-01-07 12:00)', holder => 'bob', data => '{"who": "Bob"}');

-- Ids made one after the other are UUIDs of version 7, and in order.
SELECT substr(id::text, 15, 1) AS version, substr(id::text, 20, 1) IN ('8', '9', 'a', 'b') AS variant,
	abs(extract(epoch FROM now()) - ('x' || lpad(translate(substr(id::text, 1, 13), '-', ''), 16, '0'))::bit(64)::bigint / 1000.0) < 60 AS now
FROM booking.uuid_v7() AS id;
SELECT bool_and(id > before) FROM (SELECT id, lag(id) OVER () AS before
	FROM (SELECT booking.uuid_v7() AS id, pg_sleep(0.002) FROM generate_series(1, 10)) AS made) AS pairs;

-- Overlap in every way there is, and what only touches.
SELECT wanted.period, holder IS NOT NULL AS booked
FROM (VALUES
	(1, tstzrange '[2030-01-07 09:00, 2030-01-07 10:00)'),	-- the same
	(2, '[2030-01-07 09:15, 2030-01-07 09:45)'),	-- inside
	(3, '[2030-01-07 08:00, 2030-01-07 11:00)'),	-- around
	(4, '[2030-01-07 08:30, 2030-01-07 09:30)'),	-- over the beginning
	(5, '[2030-01-07 09:30, 2030-01-07 10:30)'),	-- over the end
	(6, '[2030-01-07 08:00,)'),					-- around, without end
	(7, '[2030-01-07 08:00, 2030-01-07 09:00)'),	-- right before
	(8, '[2030-01-07 10:00, 2030-01-07 11:00)')		-- in between
	) AS wanted (n, period)
	LEFT JOIN LATERAL booking.try_book_slot('book: room', wanted.period, 'eve') AS got ON true
ORDER BY n;

-- The refusal says what is in the way and when it would work.
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('book: room', '[2030-01-07 09:30, 2030-01-07 10:30)', 'eve')$$);

-- A gap that is too short is not offered; the first that is long enough is.
SELECT name FROM booking.create_resource('book: gaps');
SELECT count(*) FROM generate_series(0, 3) AS n, LATERAL booking.book_slot('book: gaps',
	tstzrange(timestamptz '2030-01-07 09:00' + n * n * interval '30 min',
			  timestamptz '2030-01-07 09:30' + n * n * interval '30 min'), 'ann');
SELECT period FROM booking.booking JOIN booking.resource ON resource.id = resource_id
WHERE name = 'book: gaps' ORDER BY period;
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('book: gaps', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('book: gaps', '[2030-01-07 09:00, 2030-01-07 11:00)', 'eve')$$);

-- Open-ended: until further notice.
SELECT name FROM booking.create_resource('book: desk');
SELECT period FROM booking.book_slot('book: desk', '[2030-01-07 09:00,)', 'ann');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('book: desk', '[2040-01-01, 2040-01-02)', 'eve')$$);
SELECT period FROM booking.book_slot('book: desk', '[2030-01-01, 2030-01-07 09:00)', 'bob');

-- Buffers: what a booking occupies is wider than its period.
SELECT name FROM booking.create_resource('book: studio', buffer_before => '10 min', buffer_after => '20 min');
SELECT period, occupies FROM booking.book_slot('book: studio', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('book: studio', '[2030-01-07 10:00, 2030-01-07 11:00)', 'eve')$$);
SELECT period, occupies FROM booking.book_slot('book: studio', '[2030-01-07 10:30, 2030-01-07 11:30)', 'bob');
-- Other buffers count from the next booking on.
UPDATE booking.resource SET buffer_before = '0', buffer_after = '0' WHERE name = 'book: studio';
SELECT period, occupies FROM booking.book_slot('book: studio', '[2030-01-07 11:50, 2030-01-07 12:00)', 'bob');
SELECT occupies FROM booking.booking JOIN booking.resource ON resource.id = resource_id
WHERE name = 'book: studio' ORDER BY occupies;

-- Cancelling frees the period; doing it twice is doing it once.
SELECT id AS booking FROM booking.booking WHERE holder = 'ann'
	AND resource_id = (SELECT id FROM booking.resource WHERE name = 'book: room') \gset
SELECT status, reason, version FROM booking.cancel(:'booking', 'rain');
SELECT status, reason, version FROM booking.cancel(:'booking', 'snow');
SELECT holder FROM booking.book_slot('book: room', '[2030-01-07 09:30, 2030-01-07 10:00)', 'eve');

-- Several in one statement: each is judged after the one before it.
SELECT n, holder IS NOT NULL AS booked
FROM generate_series(1, 4) AS n
	LEFT JOIN LATERAL booking.try_book_slot('book: room', tstzrange('2030-01-08 09:00', '2030-01-08 10:00') , 'holder ' || n) ON true
ORDER BY n;

-- A savepoint that is rolled back takes its booking with it.
BEGIN;
SAVEPOINT before;
SELECT holder FROM booking.book_slot('book: room', '[2030-01-09 09:00, 2030-01-09 10:00)', 'ann');
SELECT holder FROM booking.try_book_slot('book: room', '[2030-01-09 09:00, 2030-01-09 10:00)', 'bob');
ROLLBACK TO before;
SELECT holder FROM booking.book_slot('book: room', '[2030-01-09 09:00, 2030-01-09 10:00)', 'bob');
COMMIT;

-- A refusal uses up no transaction id.
BEGIN;
SELECT holder FROM booking.try_book_slot('book: room', '[2030-01-09 09:00, 2030-01-09 10:00)', 'eve');
SELECT pg_current_xact_id_if_assigned();
COMMIT;

-- A hold takes space until it lapses, and then no longer.
SELECT name FROM booking.create_resource('book: held');
SELECT status, expires_at > now() AS lapses_later
FROM booking.book_slot('book: held', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann', hold_for => '1 hour');
SELECT holder FROM booking.try_book_slot('book: held', '[2030-01-07 09:00, 2030-01-07 10:00)', 'bob', hold_for => '1 hour');
UPDATE booking.booking SET expires_at = clock_timestamp() WHERE status = 'held'
	AND resource_id = (SELECT id FROM booking.resource WHERE name = 'book: held');
SELECT holder, status FROM booking.book_slot('book: held', '[2030-01-07 09:30, 2030-01-07 10:00)', 'bob');
SELECT holder, status, expires_at FROM booking.booking JOIN booking.resource ON resource.id = resource_id
WHERE name = 'book: held' ORDER BY holder;

-- Renamed: the old name is gone at once, the new one works.
UPDATE booking.resource SET name = 'book: salon' WHERE name = 'book: room';
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('book: room', '[2031-01-07 09:00, 2031-01-07 10:00)', 'ann')$$);
SELECT holder FROM booking.book_slot('book: salon', '[2031-01-07 09:00, 2031-01-07 10:00)', 'ann');
-- A rename that is rolled back has never been.
BEGIN;
UPDATE booking.resource SET name = 'book: room' WHERE name = 'book: salon';
SELECT holder FROM booking.book_slot('book: room', '[2031-01-08 09:00, 2031-01-08 10:00)', 'ann');
ROLLBACK;
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('book: room', '[2031-01-07 09:00, 2031-01-07 10:00)', 'ann')$$);
SELECT holder FROM booking.book_slot('book: salon', '[2031-01-08 09:00, 2031-01-08 10:00)', 'bob');

-- A session that has been refused looks before it inserts the next time, and gets the same error.
SELECT name FROM booking.create_resource('book: pool', 'pooled', 2);
SELECT name FROM booking.create_resource('book: hall', buffer_after => '30 min');
SELECT quantity FROM booking.book_slot('book: pool', '[2031-02-07 09:00, 2031-02-07 10:00)', 'ann', 2);
SELECT holder FROM booking.book_slot('book: hall', '[2031-02-07 09:00, 2031-02-07 10:00)', 'ann');
SELECT count(id) FROM generate_series(1, 3) AS n, booking.try_book_slot('book: pool', '[2031-02-07 09:30, 2031-02-07 10:30)', 'bob' || n);
SELECT lower(period)::time FROM booking.try_book_slot('book: pool', '[2031-02-07 10:00, 2031-02-07 11:00)', 'bob');
SELECT count(id) FROM generate_series(1, 3) AS n, booking.try_book_slot('book: hall', '[2031-02-07 10:00, 2031-02-07 11:00)', 'bob' || n);
SELECT lower(period)::time FROM booking.try_book_slot('book: hall', '[2031-02-07 10:30, 2031-02-07 11:00)', 'bob');
SELECT count(id) FROM generate_series(1, 2) AS n, booking.try_book_slot('book: hall', '[2031-02-07 08:30, 2031-02-07 09:00)', 'bob' || n);
SELECT pg_temp.said($$SELECT * FROM booking.try_book_slot('book: hall', '[2031-02-07 09:00, 2031-02-07 10:00)', 'bob', 2)$$);
SELECT status FROM booking.cancel((SELECT id FROM booking.booking WHERE holder = 'ann' AND period = '[2031-02-07 09:00, 2031-02-07 10:00)' AND quantity = 1));
SELECT lower(period)::time FROM booking.try_book_slot('book: hall', '[2031-02-07 08:30, 2031-02-07 09:00)', 'bob');

-- A gap that ends where the look ahead ends is one.
SELECT holder FROM booking.book_slot('book: hall', '[2031-03-01 09:00, 2031-03-08 08:30)', 'ann');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('book: hall', '[2031-03-01 09:00, 2031-03-01 10:00)', 'bob')$$);

SELECT * FROM booking.verify() WHERE resource_id IN (SELECT id FROM booking.resource WHERE name LIKE 'book: %');
