--
-- What is not possible gets a clear error, and leaves nothing behind.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

SELECT name FROM booking.create_resource('errors: room');
SELECT name FROM booking.create_resource('errors: bus', 'seated', seats => ARRAY['1A']);
SELECT name FROM booking.create_resource('errors: bikes', 'pooled', 3);

-- Periods that are none.
SELECT 'book_slot for ' || coalesce(p, 'NULL') || E'\n  ' || (SELECT string_agg(said, E'\n  ') FROM pg_temp.said(
	format('SELECT * FROM booking.book_slot(''errors: room'', %L, ''eve'')', p)) AS said)
FROM (VALUES ('empty'), ('(,)'), ('(,2030-01-07 09:00)'), ('[2030-01-07 09:00, 2030-01-07 09:00)'),
	('[2030-01-07 09:00, 2030-01-07 10:00]'), ('(2030-01-07 09:00, 2030-01-07 10:00)'),
	('[-infinity, 2030-01-07 10:00)'), ('[2030-01-07 09:00, infinity)'), (NULL)) AS bad (p);

-- Nothing where something must be.
SELECT pg_temp.said($$SELECT * FROM booking.book_slot(NULL::text, '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot(NULL::bigint, '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('errors: room', '[2030-01-07 09:00, 2030-01-07 10:00)', NULL)$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('errors: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve', NULL)$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('errors: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve', data => NULL)$$);
SELECT pg_temp.said($$SELECT * FROM booking.cancel(NULL)$$);

-- Values out of bounds.
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('errors: bikes', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve', 0)$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('errors: bikes', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve', -1)$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('errors: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve', 2)$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('errors: bus', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve', 2)$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('errors: room', '[2030-01-07 09:00, 2030-01-07 10:00)', '')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('errors: room', '[2030-01-07 09:00, 2030-01-07 10:00)', repeat('e', 10000000))$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('errors: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve', hold_for => '0')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('errors: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve', hold_for => '-1 hour')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('errors: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve', hold_for => '170000000 years')$$);

-- JSON of other shapes.
SELECT data || ': ' || (SELECT said FROM pg_temp.said(format(
	'SELECT * FROM booking.book_slot(''errors: room'', ''[2030-01-07 09:00, 2030-01-07 10:00)'', ''eve'', data => %L)', data)) AS said LIMIT 1)
FROM (VALUES ('null'), ('1'), ('"text"'), ('[]'), ('[{}]'), ('true')) AS bad (data);

-- What does not exist.
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('errors: nothing', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot(-1, '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve')$$);
SELECT pg_temp.said($$SELECT * FROM booking.try_book_slot('errors: nothing', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('errors: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve', seat => '1A')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('errors: bikes', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve', seat => '1A')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('errors: bus', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve', seat => '1B')$$);
SELECT pg_temp.said($$SELECT * FROM booking.cancel('00000000-0000-7000-8000-000000000000')$$);

-- At the end of the calendar, with a buffer that would leave it.
SELECT name FROM booking.create_resource('errors: late', buffer_after => '1 day');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('errors: late', '[294276-12-31 09:00, 294276-12-31 23:00)', 'eve')$$);

-- Retired: not beyond that instant; and not while it is booked beyond it.
SELECT holder FROM booking.book_slot('errors: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann');
SELECT pg_temp.said($$UPDATE booking.resource SET retired_at = '2030-01-07 09:30' WHERE name = 'errors: room'$$);
UPDATE booking.resource SET retired_at = '2030-01-07 12:00' WHERE name = 'errors: room';
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('errors: room', '[2030-01-07 11:30, 2030-01-07 12:30)', 'eve')$$);
SELECT holder FROM booking.book_slot('errors: room', '[2030-01-07 11:00, 2030-01-07 12:00)', 'bob');

-- Resources that are none.
SELECT pg_temp.said($$SELECT * FROM booking.create_resource(NULL)$$);
SELECT pg_temp.said($$SELECT * FROM booking.create_resource('')$$);
SELECT pg_temp.said($$SELECT * FROM booking.create_resource(repeat('x', 2000))$$);
SELECT pg_temp.said($$SELECT * FROM booking.create_resource('errors: room')$$);
SELECT pg_temp.said($$SELECT * FROM booking.create_resource('errors: x', 'shared')$$);
SELECT pg_temp.said($$SELECT * FROM booking.create_resource('errors: x', NULL)$$);
SELECT pg_temp.said($$SELECT * FROM booking.create_resource('errors: x', 'pooled')$$);
SELECT pg_temp.said($$SELECT * FROM booking.create_resource('errors: x', 'pooled', -1)$$);
SELECT pg_temp.said($$SELECT * FROM booking.create_resource('errors: x', 'exclusive', 2)$$);
SELECT pg_temp.said($$SELECT * FROM booking.create_resource('errors: x', 'seated', 2)$$);
SELECT pg_temp.said($$SELECT * FROM booking.create_resource('errors: x', seats => ARRAY['1A'])$$);
SELECT pg_temp.said($$SELECT * FROM booking.create_resource('errors: x', 'seated', seats => ARRAY['1A', '1A'])$$);
SELECT pg_temp.said($$SELECT * FROM booking.create_resource('errors: x', 'seated', seats => ARRAY['1A', NULL])$$);
SELECT pg_temp.said($$SELECT * FROM booking.create_resource('errors: x', timezone => 'Mars/Olympus')$$);
SELECT pg_temp.said($$SELECT * FROM booking.create_resource('errors: x', buffer_before => '-1 min')$$);
SELECT pg_temp.said($$SELECT * FROM booking.create_resource('errors: x', data => '[]')$$);

-- Nothing of all that is there.
SELECT resource.name, holder, booking.period FROM booking.booking JOIN booking.resource ON resource.id = resource_id
WHERE resource.name LIKE 'errors: %' ORDER BY 1, 3;
SELECT name FROM booking.resource WHERE name LIKE 'errors: %' ORDER BY 1;
