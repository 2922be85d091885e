--
-- The id is the idempotency key: a caller that lost the answer repeats the call.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

SELECT name FROM booking.create_resource('ids: room');
SELECT name FROM booking.create_resource('ids: bus', 'seated', seats => ARRAY['1A', '1B']);
SELECT name FROM booking.create_resource('ids: pool', 'pooled', 100);

SELECT id, holder FROM booking.book_slot('ids: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann',
	id => '00000000-0000-7000-8000-000000000a01', data => '{"a": 1, "b": 2}');
-- The same call, the same booking; also from the function that only tries.
SELECT id, holder FROM booking.book_slot('ids: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann',
	id => '00000000-0000-7000-8000-000000000a01', data => '{"b": 2, "a": 1}');
SELECT id, holder FROM booking.try_book_slot('ids: room', '[2030-01-07 09:00+00, 2030-01-07 11:00+01)', 'ann',
	id => '00000000-0000-7000-8000-000000000a01', data => '{"a": 1, "b": 2}');
SELECT count(*) FROM booking.booking WHERE holder = 'ann' AND resource_id = (SELECT id FROM booking.resource WHERE name = 'ids: room');

-- Something else under the same id is refused, whatever it is, and whether there is room for it or not.
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('ids: room', '[2030-01-07 11:00, 2030-01-07 12:00)', 'ann',
	id => '00000000-0000-7000-8000-000000000a01', data => '{"a": 1, "b": 2}')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('ids: pool', '[2030-01-07 09:00, 2030-01-07 10:00)', 'bob', 3,
	id => '00000000-0000-7000-8000-000000000a01')$$);
SELECT pg_temp.said($$SELECT * FROM booking.try_book_slot('ids: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve',
	id => '00000000-0000-7000-8000-000000000a01', data => '{"a": 1, "b": 2}')$$);
SELECT pg_temp.said($$INSERT INTO booking.booking (id, resource_id, period, holder)
	SELECT '00000000-0000-7000-8000-000000000a01', id, '[2030-01-07 11:00, 2030-01-07 12:00)', 'ann' FROM booking.resource WHERE name = 'ids: room'$$);

-- Of a pool with plenty left, the repetition takes nothing.
SELECT quantity FROM booking.book_slot('ids: pool', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann', 60, id => '00000000-0000-7000-8000-000000000a02');
SELECT quantity FROM booking.book_slot('ids: pool', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann', 60, id => '00000000-0000-7000-8000-000000000a02');
SELECT quantity FROM booking.book_slot('ids: pool', '[2030-01-07 09:00, 2030-01-07 10:00)', 'bob', 40);

-- Any seat: the repetition gets the seat of the first call.
SELECT seat_no AS first FROM booking.book_slot('ids: bus', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann', id => '00000000-0000-7000-8000-000000000a03') \gset
SELECT seat_no = :first FROM booking.book_slot('ids: bus', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann', id => '00000000-0000-7000-8000-000000000a03');
SELECT label AS other FROM booking.seat WHERE seat_no <> :first AND resource_id = (SELECT id FROM booking.resource WHERE name = 'ids: bus') \gset
SELECT pg_temp.said(format($$SELECT * FROM booking.book_slot('ids: bus', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann',
	seat => %L, id => '00000000-0000-7000-8000-000000000a03')$$, :'other'));

-- A booking that was cancelled in between is still the answer: the call was carried out, once.
SELECT status FROM booking.cancel('00000000-0000-7000-8000-000000000a01');
SELECT id, status FROM booking.book_slot('ids: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann',
	id => '00000000-0000-7000-8000-000000000a01', data => '{"a": 1, "b": 2}');

-- A refusal uses no id up: the same call later, when there is room.
SELECT holder FROM booking.book_slot('ids: room', '[2030-01-08 09:00, 2030-01-08 10:00)', 'ann', id => '00000000-0000-7000-8000-000000000a04');
SELECT holder FROM booking.try_book_slot('ids: room', '[2030-01-08 09:00, 2030-01-08 10:00)', 'bob', id => '00000000-0000-7000-8000-000000000a05');
SELECT status FROM booking.cancel('00000000-0000-7000-8000-000000000a04');
SELECT holder FROM booking.try_book_slot('ids: room', '[2030-01-08 09:00, 2030-01-08 10:00)', 'bob', id => '00000000-0000-7000-8000-000000000a05');
