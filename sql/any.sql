--
-- Any of several: the first one that is free.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

SELECT name FROM unnest(ARRAY['any: court 1', 'any: court 2', 'any: court 3']) AS n, booking.create_resource(n, category => 'any: court');
SELECT name FROM booking.create_resource('any: bikes', 'pooled', 3);
SELECT name FROM booking.create_resource('any: bus', 'seated', seats => ARRAY['1', '2']);
SELECT name FROM booking.create_resource('any: class', slots_only => true);
CREATE FUNCTION pg_temp.got(b booking.booking) RETURNS text LANGUAGE sql AS $$ SELECT name FROM booking.resource WHERE id = b.resource_id $$;

-- In the order of the list; of a category in that of the ids.
SELECT pg_temp.got(b) FROM booking.book_any(ARRAY['any: court 3', 'any: court 1'], '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann') AS b;
SELECT pg_temp.got(b), holder, status, data FROM booking.book_any(ARRAY['any: court 3', 'any: court 1'], '[2030-01-07 09:30, 2030-01-07 10:30)', 'bob', hold_for => '5 minutes', data => '{"a": 1}') AS b;
SELECT pg_temp.said($$SELECT * FROM booking.book_any(ARRAY['any: court 3', 'any: court 1'], '[2030-01-07 09:00, 2030-01-07 10:00)', 'cas')$$);
SELECT count(*) FROM booking.try_book_any(ARRAY['any: court 3', 'any: court 1'], '[2030-01-07 09:00, 2030-01-07 10:00)', 'cas');
SELECT pg_temp.got(b) FROM booking.try_book_any(NULL, '[2030-01-07 09:00, 2030-01-07 10:00)', 'cas', category => 'any: court') AS b;
SELECT pg_temp.said($$SELECT * FROM booking.book_any(NULL, '[2030-01-07 09:00, 2030-01-07 10:00)', 'dan', category => 'any: court')$$);
-- Both: those of the list that are of the category.
SELECT pg_temp.got(b) FROM booking.book_any(ARRAY['any: bikes', 'any: court 2'], '[2030-01-07 12:00, 2030-01-07 13:00)', 'ann', category => 'any: court') AS b;
-- One: its own answer.
SELECT pg_temp.said($$SELECT * FROM booking.book_any(ARRAY['any: court 2'], '[2030-01-07 12:00, 2030-01-07 13:00)', 'dan')$$);

-- Of all kinds; what cannot be booked is passed over.
UPDATE booking.resource SET retired_at = '2030-01-08' WHERE name = 'any: court 1';
SELECT pg_temp.got(b), quantity FROM booking.book_any(ARRAY['any: court 1', 'any: bus', 'any: class', 'any: bikes'], '[2030-01-08 09:00, 2030-01-08 10:00)', 'ann', 2) AS b;
SELECT pg_temp.got(b), count(DISTINCT seat_no) FROM generate_series(1, 2) AS n, booking.book_any(ARRAY['any: court 1', 'any: bus', 'any: bikes'], tstzrange('2030-01-08 09:00', '2030-01-08 10:00'), 'ann' || n) AS b GROUP BY 1;
SELECT pg_temp.got(b) FROM booking.book_any(ARRAY['any: court 1', 'any: bus', 'any: bikes'], '[2030-01-08 09:00, 2030-01-08 10:00)', 'ann') AS b;
SELECT period FROM booking.close_period('any: court 3', '[2030-01-08, 2030-01-09)', 'grass');
SELECT pg_temp.said($$SELECT * FROM booking.book_any(ARRAY['any: court 1', 'any: bus', 'any: bikes', 'any: court 3', 'any: class'], '[2030-01-08 09:00, 2030-01-08 10:00)', 'ann')$$);
SELECT capacity FROM booking.publish_slot('any: class', '[2030-01-08 09:00, 2030-01-08 10:00)', 1);
SELECT pg_temp.got(b), slot_id IS NOT NULL AS in_slot FROM booking.book_any(ARRAY['any: court 1', 'any: class'], '[2030-01-08 09:00, 2030-01-08 10:00)', 'ann') AS b;
SELECT count(*) FROM booking.try_book_any(ARRAY['any: court 1', 'any: class'], '[2030-01-08 09:00, 2030-01-08 10:00)', 'bob');
SELECT pg_temp.said($$SELECT * FROM booking.book_any(ARRAY['any: court 1', 'any: court 2'], '[2030-01-08 09:00, 2030-01-08 10:00)', 'ann', 2)$$);
-- Rules of now.
UPDATE booking.resource SET max_duration = '1 hour', max_hold = '1 hour' WHERE name LIKE 'any: court _';
SELECT pg_temp.said($$SELECT * FROM booking.book_any(ARRAY['any: court 2', 'any: court 3'], '[2030-01-10 09:00, 2030-01-10 12:00)', 'ann')$$);
SELECT pg_temp.got(b) FROM booking.book_any(ARRAY['any: court 2', 'any: bikes'], '[2030-01-10 09:00, 2030-01-10 10:00)', 'ann', hold_for => '2 hours') AS b;
-- A lapsed hold does not count, and nothing is left of what was tried in vain.
SELECT count(*) FROM booking.book_any(ARRAY['any: court 2'], '[2030-01-11 09:00, 2030-01-11 10:00)', 'ann', hold_for => '1 millisecond');
SELECT pg_sleep(0.01);
SELECT pg_temp.got(b), holder FROM booking.book_any(ARRAY['any: court 2', 'any: court 3'], '[2030-01-11 09:00, 2030-01-11 10:00)', 'bob') AS b;

-- One that is booked by its slots only, and is retired, is passed over like any other.
SELECT count(*) FROM booking.create_resource('any: closed pool', 'pooled', 5, slots_only => true);
SELECT count(*) FROM booking.publish_slot('any: closed pool', '[2030-01-12 09:00, 2030-01-12 10:00)');
UPDATE booking.resource SET retired_at = '2030-01-01' WHERE name = 'any: closed pool';
SELECT pg_temp.got(b), slot_id FROM booking.book_any(ARRAY['any: closed pool', 'any: bikes'], '[2030-01-12 09:00, 2030-01-12 10:00)', 'ann', 2) AS b;

-- The same call once more, whichever it got.
SELECT pg_temp.got(b) FROM booking.book_any(ARRAY['any: court 2', 'any: court 3'], '[2030-01-11 09:00, 2030-01-11 10:00)', 'cas', id => '00000000-0000-0000-0000-0000000000c1') AS b;
SELECT pg_temp.got(b) FROM booking.book_any(ARRAY['any: court 2', 'any: court 3'], '[2030-01-11 09:00, 2030-01-11 10:00)', 'cas', id => '00000000-0000-0000-0000-0000000000c1') AS b;
SELECT pg_temp.said($$SELECT * FROM booking.book_any(ARRAY['any: court 2'], '[2030-01-11 09:00, 2030-01-11 10:00)', 'cas', id => '00000000-0000-0000-0000-0000000000c1')$$);
SELECT pg_temp.said($$SELECT * FROM booking.try_book_any(ARRAY['any: court 2', 'any: court 3'], '[2030-01-11 09:00, 2030-01-11 10:00)', 'dan', id => '00000000-0000-0000-0000-0000000000c1')$$);

-- What is wrong with the arguments.
SELECT pg_temp.said(format($$SELECT * FROM booking.book_any(%s)$$, arguments))
FROM (VALUES ($$NULL, '[2030-01-07, 2030-01-08)', 'ann'$$), ($$'{}', '[2030-01-07, 2030-01-08)', 'ann'$$), ($$'{NULL}', '[2030-01-07, 2030-01-08)', 'ann'$$), ($$'{any: nowhere}', '[2030-01-07, 2030-01-08)', 'ann'$$),
	($$NULL, '[2030-01-07, 2030-01-08)', 'ann', category => 'any: nothing'$$), ($$'{any: bikes}', '[2030-01-07, 2030-01-08)', 'ann', category => 'any: court'$$),
	($$'{any: bikes}', NULL, 'ann'$$), ($$'{any: bikes}', 'empty', 'ann'$$), ($$'{any: bikes}', '(,)', 'ann'$$), ($$'{any: bikes}', '[2030-01-07, 2030-01-08)', NULL$$), ($$'{any: bikes}', '[2030-01-07, 2030-01-08)', ''$$),
	($$'{any: bikes}', '[2030-01-07, 2030-01-08)', 'ann', 0$$), ($$'{any: bikes}', '[2030-01-07, 2030-01-08)', 'ann', NULL$$), ($$'{any: bikes}', '[2030-01-07, 2030-01-08)', 'ann', 4$$),
	($$'{any: bikes}', '[2030-01-07, 2030-01-08)', 'ann', hold_for => '0'$$), ($$'{any: bikes}', '[2030-01-07, 2030-01-08)', 'ann', data => NULL$$), ($$'{any: bikes}', '[2030-01-07, 2030-01-08)', 'ann', data => '1'$$)) AS v (arguments);
SELECT problem, detail FROM booking.verify() WHERE resource_id IN (SELECT id FROM booking.resource WHERE name LIKE 'any: %');

--
-- Places in any slot.
--
SELECT name FROM unnest(ARRAY['any: doctor A', 'any: doctor B']) AS n, booking.create_resource(n, category => 'any: doctor', slots_only => true);
SELECT count(*) FROM booking.publish_slots('any: doctor A', '[2030-02-04 09:00, 2030-02-04 09:30)', '30 minutes', '2030-02-04 10:30');
SELECT count(*) FROM booking.publish_slots('any: doctor B', '[2030-02-04 09:00, 2030-02-04 09:30)', '30 minutes', '2030-02-04 10:00');
SELECT count(*) FROM booking.publish_slot('any: bikes', '[2030-02-04 09:00, 2030-02-04 12:00)', 5);
-- The earliest; of those that begin together that of the resource that is named first.
SELECT pg_temp.got(b), period FROM booking.book_any_place(ARRAY['any: doctor B', 'any: doctor A'], '[2030-02-04, 2030-02-05)', 'ann') AS b;
SELECT pg_temp.got(b), period FROM booking.book_any_place(ARRAY['any: doctor B', 'any: doctor A'], '[2030-02-04, 2030-02-05)', 'bob', hold_for => '10 minutes', data => '{"a": 1}') AS b;
SELECT pg_temp.got(b), period FROM booking.book_any_place(NULL, '[2030-02-04 09:15, 2030-02-04 10:00)', 'cas', category => 'any: doctor') AS b;
SELECT pg_temp.got(b), period FROM booking.try_book_any_place(NULL, '[2030-02-04, 2030-02-05)', 'dan', category => 'any: doctor') AS b;
SELECT pg_temp.got(b), period FROM booking.try_book_any_place(NULL, '[2030-02-04, 2030-02-05)', 'eve', category => 'any: doctor', id => '00000000-0000-0000-0000-0000000000c2') AS b;
SELECT count(*) FROM booking.try_book_any_place(NULL, '[2030-02-04, 2030-02-05)', 'fay', category => 'any: doctor');
SELECT pg_temp.said($$SELECT * FROM booking.book_any_place(NULL, '[2030-02-04, 2030-02-05)', 'fay', category => 'any: doctor')$$);
-- The same call once more; something else with its id.
SELECT pg_temp.got(b), period FROM booking.try_book_any_place(NULL, '[2030-02-04, 2030-02-05)', 'eve', category => 'any: doctor', id => '00000000-0000-0000-0000-0000000000c2') AS b;
SELECT pg_temp.said(format($$SELECT * FROM booking.book_any_place(%s, id => '00000000-0000-0000-0000-0000000000c2')$$, arguments))
FROM unnest(ARRAY[$$'{any: doctor A}', '[2030-02-04, 2030-02-05)', 'fay'$$, $$'{any: doctor B}', '[2030-02-04, 2030-02-05)', 'eve'$$, $$'{any: doctor A}', '[2030-02-05, 2030-02-06)', 'eve'$$]) AS arguments;
-- Several places; nothing but slots that lie within, are open, and have as many.
SELECT pg_temp.got(b), period, quantity FROM booking.book_any_place(ARRAY['any: doctor A', 'any: bikes'], '[2030-02-04, 2030-02-05)', 'ann', 3) AS b;
SELECT pg_temp.said($$SELECT * FROM booking.book_any_place(ARRAY['any: doctor A', 'any: bikes'], '[2030-02-04, 2030-02-05)', 'ann', 3)$$);
UPDATE booking.slot SET closed = true WHERE resource_id = booking.resource_id('any: bikes');
SELECT pg_temp.said($$SELECT * FROM booking.book_any_place(ARRAY['any: bikes'], '[2030-02-04, 2030-02-05)', 'ann')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_any_place(ARRAY['any: bikes', 'any: court 1'], '[2030-02-04 09:00, 2030-02-04 09:29)', 'ann')$$);
SELECT count(*) FROM booking.try_book_any_place(ARRAY['any: bikes'], '[2030-02-04, 2030-02-05)', 'ann');
-- Places that are given up, or whose hold lapses.
SELECT status FROM booking.cancel('00000000-0000-0000-0000-0000000000c2');
SELECT pg_temp.got(b), period FROM booking.book_any_place(NULL, '[2030-02-04, 2030-02-05)', 'gus', hold_for => '1 millisecond', category => 'any: doctor') AS b;
SELECT pg_sleep(0.01);
SELECT pg_temp.got(b), period FROM booking.book_any_place(NULL, '[2030-02-04, 2030-02-05)', 'hal', category => 'any: doctor') AS b;
INSERT INTO booking.holder_limit (resource_id, per, max_bookings) VALUES (booking.resource_id('any: doctor A'), 'day', 1);
SELECT status FROM booking.cancel((SELECT id FROM booking.booking WHERE holder = 'cas' AND resource_id = booking.resource_id('any: doctor A')));
SELECT pg_temp.said($$SELECT * FROM booking.book_any_place(NULL, '[2030-02-04, 2030-02-05)', 'hal', category => 'any: doctor')$$);
SELECT pg_temp.said(format($$SELECT * FROM booking.book_any_place(%s)$$, arguments))
FROM unnest(ARRAY[$$NULL, '[2030-01-07, 2030-01-08)', 'ann'$$, $$'{}', '[2030-01-07, 2030-01-08)', 'ann'$$, $$'{any: nowhere}', '[2030-01-07, 2030-01-08)', 'ann'$$, $$'{any: bikes}', NULL, 'ann'$$, $$'{any: bikes}', '[2030-01-07,)', 'ann'$$,
	$$'{any: bikes}', '[2030-01-07, 4030-01-08)', 'ann'$$, $$'{any: bikes}', '[2030-01-07, 2030-01-08)', NULL$$, $$'{any: bikes}', '[2030-01-07, 2030-01-08)', 'ann', 0$$]) AS arguments;
SELECT count(*) FROM booking.verify();
