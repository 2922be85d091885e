--
-- Bookings take other places, and one another's.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

SELECT name FROM unnest(ARRAY['moves: blue', 'moves: red', 'moves: green']) AS n, booking.create_resource(n, buffer_after => CASE n WHEN 'moves: red' THEN interval '15 minutes' ELSE '0' END);
SELECT name FROM booking.create_resource('moves: bikes', 'pooled', 3);
SELECT name FROM booking.create_resource('moves: vans', 'pooled', 2);
SELECT name FROM booking.create_resource('moves: bus', 'seated', seats => ARRAY['1', '2']);
SELECT name FROM booking.create_resource('moves: class', slots_only => true);
SELECT capacity FROM booking.publish_slot('moves: class', '[2030-01-07 09:00, 2030-01-07 10:00)', 2);
SELECT capacity FROM booking.publish_slot('moves: class', '[2030-01-07 12:00, 2030-01-07 13:00)', 1);
SELECT min(id) AS early, max(id) AS late FROM booking.slot WHERE resource_id = booking.resource_id('moves: class') \gset
CREATE VIEW pg_temp.places AS
	SELECT right(b.id::text, 2) AS id, r.name, e.label, b.seat_no = 0 AS whole, s.period IS NOT NULL AS in_slot, to_char(lower(b.period), 'DD HH24:MI') AS "from", to_char(upper(b.occupies), 'DD HH24:MI') AS "to", b.quantity, b.version
	FROM booking.booking b JOIN booking.resource r ON r.id = b.resource_id LEFT JOIN booking.seat e ON e.resource_id = b.resource_id AND e.seat_no = b.seat_no
	LEFT JOIN booking.slot s ON s.id = b.slot_id
	WHERE r.name LIKE 'moves: %' AND b.status IN ('held', 'confirmed') ORDER BY b.id;
CREATE FUNCTION pg_temp.id(n integer) RETURNS uuid LANGUAGE sql AS $$ SELECT ('00000000-0000-0000-0000-0000000000' || n)::uuid $$;
SELECT count(*) FROM booking.book_slot('moves: blue', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann', id => pg_temp.id(11));
SELECT count(*) FROM booking.book_slot('moves: red', '[2030-01-07 09:30, 2030-01-07 11:00)', 'bob', id => pg_temp.id(12));
SELECT count(*) FROM booking.book_slot('moves: bus', '[2030-01-07 09:00, 2030-01-07 10:00)', 'cas', seat => '1', id => pg_temp.id(13));
SELECT count(*) FROM booking.book_slot('moves: bus', '[2030-01-07 09:00, 2030-01-07 10:00)', 'dan', seat => '2', id => pg_temp.id(14));
SELECT count(*) FROM booking.book_slot('moves: bikes', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve', 2, id => pg_temp.id(15));
SELECT count(*) FROM booking.book_slot('moves: vans', '[2030-01-07 09:00, 2030-01-07 10:00)', 'fay', 1, id => pg_temp.id(16));
SELECT count(*) FROM booking.book_place(:early, 'gus', id => pg_temp.id(17));
SELECT count(*) FROM booking.book_place(:late, 'hal', id => pg_temp.id(18));
SELECT * FROM pg_temp.places;

-- To another resource: refused if that is taken, with its own buffers and rules otherwise.
SELECT pg_temp.said(format($$SELECT * FROM booking.reschedule(%L, '[2030-01-07 09:00, 2030-01-07 10:00)', resource => 'moves: red')$$, pg_temp.id(11)));
SELECT version FROM booking.reschedule(pg_temp.id(11), '[2030-01-07 13:00, 2030-01-07 14:00)', resource => 'moves: red', expected_version => 1);
SELECT version FROM booking.reschedule(pg_temp.id(11), '[2030-01-07 13:00, 2030-01-07 14:00)', resource => 'moves: red');
-- Repeated with the version of before: it is there, and the hint says so.
SELECT pg_temp.said(format($$SELECT * FROM booking.reschedule(%L, '[2030-01-07 13:00, 2030-01-07 14:00)', resource => 'moves: red', expected_version => 1)$$, pg_temp.id(11)));
SELECT pg_temp.said(format($$SELECT * FROM booking.reschedule(%L, '[2030-01-07 13:00, 2030-01-07 14:00)', '1', expected_version => 1)$$, pg_temp.id(11)));
SELECT pg_temp.said(format($$SELECT * FROM booking.move_to_slot(%L, %s, expected_version => 0)$$, pg_temp.id(17), :early));
SELECT pg_temp.said(format($$SELECT * FROM booking.move_to_slot(%L, %s, expected_version => 0)$$, pg_temp.id(17), :late));
SELECT * FROM pg_temp.places WHERE id = '11';
SELECT pg_temp.said(format($$SELECT * FROM booking.reschedule(%L, '[2030-01-07 13:00, 2030-01-07 14:00)', resource => 'moves: bus', expected_version => 1)$$, pg_temp.id(11)));
SELECT pg_temp.said(format($$SELECT * FROM booking.reschedule(%L, '[2030-01-07 13:00, 2030-01-07 14:00)', resource => 'moves: nowhere')$$, pg_temp.id(11)));
SELECT pg_temp.said(format($$SELECT * FROM booking.reschedule(%L, '[2030-01-07 13:00, 2030-01-07 14:00)', resource => 'moves: class')$$, pg_temp.id(11))) ~ '^42704|hint|detail';
SELECT count(*) FROM booking.reschedule(pg_temp.id(11), '[2030-01-07 13:00, 2030-01-07 14:00)', '2', resource => 'moves: bus');
SELECT * FROM pg_temp.places WHERE id = '11';
SELECT count(*) FROM booking.reschedule(pg_temp.id(11), '[2030-01-07 13:00, 2030-01-07 14:00)', quantity => 2, resource => 'moves: bikes');
SELECT * FROM pg_temp.places WHERE id = '11';
SELECT pg_temp.said(format($$SELECT * FROM booking.reschedule(%L, '[2030-01-07 13:00, 2030-01-07 14:00)', resource => 'moves: blue')$$, pg_temp.id(11)));
SELECT count(*) FROM booking.reschedule(pg_temp.id(11), '[2030-01-07 09:00, 2030-01-07 10:00)', quantity => 1, resource => 'moves: class');
SELECT * FROM pg_temp.places WHERE id = '11';
SELECT count(*) FROM booking.reschedule(pg_temp.id(11), '[2030-01-07 09:00, 2030-01-07 10:00)', resource => 'moves: blue');
SELECT * FROM pg_temp.places WHERE id = '11';
SELECT booking.remaining(:early), booking.remaining(:late);

-- To a slot.
SELECT replace(pg_temp.said(format($$SELECT * FROM booking.move_to_slot(%L, %s)$$, pg_temp.id(11), :late)), 'slot ' || :late, 'slot <id>');
SELECT count(*) FROM booking.move_to_slot(pg_temp.id(11), :early);
SELECT count(*) FROM booking.move_to_slot(pg_temp.id(11), :early);
SELECT * FROM pg_temp.places WHERE id = '11';
SELECT booking.remaining(:early), booking.remaining(:late);
SELECT pg_temp.said(format($$SELECT * FROM booking.move_to_slot(%L, %s)$$, pg_temp.id(11), 0));
SELECT pg_temp.said(format($$SELECT * FROM booking.move_to_slot(%L, NULL)$$, pg_temp.id(11)));
SELECT pg_temp.said(format($$SELECT * FROM booking.move_to_slot(NULL, %s)$$, :early));
SELECT pg_temp.said(format($$SELECT * FROM booking.move_to_slot(%L, %s)$$, pg_temp.id(99), :early));
SELECT count(*) FROM booking.reschedule(pg_temp.id(11), '[2030-01-07 09:00, 2030-01-07 10:00)', resource => 'moves: blue');

-- Two exchange their places: of rooms, of seats, of pools, of slots that are sold out.
SELECT count(*) FROM booking.swap(pg_temp.id(11), pg_temp.id(12));
SELECT count(*) FROM booking.swap(pg_temp.id(13), pg_temp.id(14));
SELECT count(*) FROM booking.swap(pg_temp.id(15), pg_temp.id(16));
SELECT count(*) FROM booking.move_to_slot(pg_temp.id(16), :early);
SELECT count(*) FROM booking.swap(pg_temp.id(16), pg_temp.id(18));
SELECT * FROM pg_temp.places;
SELECT booking.remaining(:early), booking.remaining(:late);
-- And of kinds that differ.
SELECT count(*) FROM booking.swap(pg_temp.id(11), pg_temp.id(13));
SELECT count(*) FROM booking.swap(pg_temp.id(11), pg_temp.id(17));
SELECT * FROM pg_temp.places;
SELECT count(*) FROM booking.swap(pg_temp.id(11), pg_temp.id(17));
SELECT count(*) FROM booking.swap(pg_temp.id(11), pg_temp.id(13));
SELECT pg_temp.said(format($$SELECT * FROM booking.swap(%L, %L)$$, pg_temp.id(15), pg_temp.id(12)));
SELECT pg_temp.said(format($$SELECT * FROM booking.swap(%L, %1$L)$$, pg_temp.id(15)));
SELECT pg_temp.said(format($$SELECT * FROM booking.swap(%L, %L)$$, pg_temp.id(15), pg_temp.id(99)));
SELECT pg_temp.said($$SELECT * FROM booking.swap(NULL, NULL)$$);

-- Many at once, each to where another is: a chain, whatever its order, and a circle.
SELECT count(*) FROM booking.book_slot('moves: green', '[2030-01-08 09:00, 2030-01-08 10:00)', 'ann', id => pg_temp.id(21));
SELECT count(*) FROM booking.book_slot('moves: green', '[2030-01-08 10:00, 2030-01-08 11:00)', 'bob', id => pg_temp.id(22));
SELECT count(*) FROM booking.book_slot('moves: green', '[2030-01-08 11:00, 2030-01-08 12:00)', 'cas', id => pg_temp.id(23));
SELECT right(id::text, 2) FROM booking.move_all(jsonb_build_array(
	jsonb_build_object('id', pg_temp.id(21), 'period', '[2030-01-08 10:00, 2030-01-08 11:00)'),
	jsonb_build_object('id', pg_temp.id(22), 'period', '[2030-01-08 11:00, 2030-01-08 12:00)'),
	jsonb_build_object('id', pg_temp.id(23), 'period', '[2030-01-08 12:00, 2030-01-08 13:00)')));
SELECT * FROM pg_temp.places WHERE id >= '21';
SELECT right(id::text, 2) FROM booking.move_all(jsonb_build_array(
	jsonb_build_object('id', pg_temp.id(23), 'period', '[2030-01-08 10:30, 2030-01-08 11:30)', 'expected_version', 2),
	jsonb_build_object('id', pg_temp.id(21), 'period', '[2030-01-08 11:30, 2030-01-08 12:30)'),
	jsonb_build_object('id', pg_temp.id(22), 'period', '[2030-01-08 12:30, 2030-01-08 13:30)')));
SELECT * FROM pg_temp.places WHERE id >= '21';
-- A room is out of order: all of it goes elsewhere, or nothing.
SELECT pg_temp.said($$SELECT * FROM booking.move_all((SELECT jsonb_agg(jsonb_build_object('id', pg_temp.id(n), 'resource', CASE n WHEN 23 THEN 'moves: red' ELSE 'moves: vans' END,
	'period', '[2030-01-07 09:00, 2030-01-07 10:00)') ORDER BY n) FROM generate_series(21, 23) AS n))$$);
SELECT * FROM pg_temp.places WHERE id >= '21';
SELECT count(*) FROM booking.move_all((SELECT jsonb_agg(jsonb_build_object('id', pg_temp.id(n), 'resource', CASE n WHEN 21 THEN to_jsonb('moves: bus'::text) ELSE to_jsonb(booking.resource_id('moves: blue')) END)) FROM generate_series(21, 23) AS n));
-- (Any seat is any.)
SELECT id, name, label IS NOT NULL AS seat, whole, "from", version FROM pg_temp.places WHERE id >= '21';
SELECT pg_temp.said(format($$SELECT * FROM booking.move_all(%L)$$, moves))
FROM (VALUES ('{}'), ('[]'), ('[1]'), ('[{}]'), ('[{"id": 1}]'), ('[{"id": "00000000-0000-0000-0000-000000000099"}]'),
	('[{"id": "00000000-0000-0000-0000-000000000021"}, {"id": "00000000-0000-0000-0000-000000000021"}]'), ('[{"id": "00000000-0000-0000-0000-000000000021", "holder": "x"}]'),
	('[{"id": "00000000-0000-0000-0000-000000000021", "resource": "nowhere"}]'), ('[{"id": "00000000-0000-0000-0000-000000000021", "resource": []}]'), ('[{"id": "00000000-0000-0000-0000-000000000021", "slot_id": "0"}]'),
	('[{"id": "00000000-0000-0000-0000-000000000021", "slot_id": 1, "period": "[2030-01-01, 2030-01-02)"}]'), ('[{"id": "00000000-0000-0000-0000-000000000021", "period": "x"}]'),
	('[{"id": "00000000-0000-0000-0000-000000000021", "quantity": 0}]'), ('[{"id": "00000000-0000-0000-0000-000000000021", "seat": "9"}]'), ('[{"id": "00000000-0000-0000-0000-000000000021", "expected_version": 1}]')) AS v (moves);
SELECT pg_temp.said($$SELECT * FROM booking.move_all(NULL)$$);
SELECT pg_temp.said($$SELECT * FROM booking.move_all((SELECT jsonb_agg('{"id": "00000000-0000-0000-0000-000000000021"}'::jsonb) FROM generate_series(1, 1001)))$$);
SELECT right(id::text, 2) FROM booking.move_all('[{"id": "00000000-0000-0000-0000-000000000021"}]');

-- The line is offered what is free in the end, and not what is free in between.
SELECT holder FROM booking.wait_for_slot('moves: blue', '[2030-01-08 12:30, 2030-01-08 13:30)', 'zoe');
SELECT count(*) FROM booking.swap(pg_temp.id(22), pg_temp.id(23));
SELECT status FROM booking.waitlist WHERE holder = 'zoe';
SELECT count(*) FROM booking.reschedule(pg_temp.id(23), '[2030-01-08 12:30, 2030-01-08 13:30)', resource => 'moves: green');
SELECT status FROM booking.waitlist WHERE holder = 'zoe';
-- Only move_all() may park a booking (seat_no -1).
SELECT pg_temp.said(format($$UPDATE booking.booking SET seat_no = -1 WHERE id = %L$$, pg_temp.id(23)));
SELECT booking.remaining(:early), booking.remaining(:late);
SELECT problem, detail FROM booking.verify() WHERE resource_id IN (SELECT id FROM booking.resource WHERE name LIKE 'moves: %');
