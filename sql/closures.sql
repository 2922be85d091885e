--
-- Closures: no booking into one, and none over bookings, whichever is written first.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

SELECT id AS hall FROM booking.create_resource('closures: hall') \gset
SELECT id AS bikes FROM booking.create_resource('closures: bikes', 'pooled', 3) \gset
SELECT id AS bus FROM booking.create_resource('closures: bus', 'seated', seats => ARRAY['1A', '1B']) \gset

SELECT period, reason, resource_id = :hall AS hall FROM booking.close_period('closures: hall', '[2030-01-07 10:00, 2030-01-07 12:00)', 'floor is being waxed');

-- Up to the closure, and from its end.
SELECT period FROM booking.book_slot('closures: hall', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann');
SELECT period FROM booking.book_slot('closures: hall', '[2030-01-07 12:00, 2030-01-07 13:00)', 'ann');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('closures: hall', '[2030-01-07 11:59:59.999999, 2030-01-07 12:30)', 'eve')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('closures: hall', '[2030-01-07 08:00, 2030-01-07 20:00)', 'eve')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('closures: hall', '[2030-01-07 10:30,)', 'eve')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('closures: hall', '[2030-01-06 10:30,)', 'eve')$$);
-- For the try_ functions a closed resource is a taken one.
SELECT id FROM booking.try_book_slot('closures: hall', '[2030-01-07 10:30, 2030-01-07 11:00)', 'eve');
-- Plain SQL meets the same rule, also when it moves, extends or revives a booking.
SELECT pg_temp.said(format($$INSERT INTO booking.booking (resource_id, period, holder) VALUES (%s, '[2030-01-07 11:00, 2030-01-07 12:00)', 'eve')$$, :hall));
SELECT pg_temp.said(format($$UPDATE booking.booking SET period = '[2030-01-07 09:00, 2030-01-07 10:30)' WHERE resource_id = %s AND lower(period) = '2030-01-07 09:00'$$, :hall));
INSERT INTO booking.booking (resource_id, period, holder, status) VALUES (:hall, '[2030-01-07 11:00, 2030-01-07 12:00)', 'bob', 'cancelled');
SELECT pg_temp.said(format($$UPDATE booking.booking SET status = 'confirmed' WHERE resource_id = %s AND holder = 'bob'$$, :hall));
SELECT id AS moved FROM booking.book_slot('closures: hall', '[2030-01-07 14:00, 2030-01-07 15:00)', 'cleo') \gset
SELECT pg_temp.said(format($$SELECT * FROM booking.reschedule(%L, '[2030-01-07 11:00, 2030-01-07 12:00)')$$, :'moved'));

-- Other resources are open; a closure of all closes each of them, of every kind.
SELECT quantity FROM booking.book_slot('closures: bikes', '[2030-01-07 10:00, 2030-01-07 11:00)', 'ann', 2);
SELECT period, reason, resource_id FROM booking.close_period(NULL::bigint, '[1991-12-25, 1991-12-26)', 'Christmas');
SELECT pg_temp.said(format($$SELECT * FROM booking.book_slot(%L, '[1991-12-25 10:00, 1991-12-25 11:00)', 'eve')$$, name))
FROM (VALUES ('closures: bikes'), ('closures: bus'), ('closures: hall')) AS r (name);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('closures: bus', '[1991-12-25 10:00, 1991-12-25 11:00)', 'eve', seat => '1A')$$);
-- One that is created afterwards, too.
SELECT name FROM booking.create_resource('closures: new');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('closures: new', '[1991-12-24, 1991-12-25 11:00)', 'eve')$$);

-- Closures that follow one another: it opens after the last of them, within the hours, for that long.
INSERT INTO booking.closure (resource_id, period, reason) VALUES (:bus, '[1991-12-26, 1991-12-27)', 'repair'), (:bus, '[1991-12-27 09:30, 1991-12-27 10:00)', NULL);
INSERT INTO booking.opening_hours (resource_id, weekday, opens, closes) SELECT :bus, day, '09:00', '17:00' FROM generate_series(1, 7) AS day;
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('closures: bus', '[1991-12-25 10:00, 1991-12-25 11:00)', 'eve')$$);

-- No closure over bookings: it is refused with what is in the way.
SELECT pg_temp.said($$SELECT * FROM booking.close_period('closures: hall', '[2030-01-07 08:00, 2030-01-07 18:00)')$$);
SELECT pg_temp.said(format($$INSERT INTO booking.closure (resource_id, period) VALUES (%s, '[2030-01-07 08:00, 2030-01-07 10:00)')$$, :hall));
SELECT pg_temp.said(format($$UPDATE booking.closure SET period = '[2030-01-07 10:00, 2030-01-07 12:30)' WHERE resource_id = %s$$, :hall));
SELECT pg_temp.said(format($$UPDATE booking.closure SET resource_id = %s WHERE resource_id = %s$$, :bikes, :hall));
SELECT count(*) FROM (VALUES ('closures: bikes'), ('closures: bus'), ('closures: hall')) AS r (name),
	LATERAL booking.book_slot(name, '[1993-01-07 09:00, 1993-01-07 10:00)', 'ann');
SELECT regexp_replace(pg_temp.said($$SELECT * FROM booking.close_period(NULL::bigint, '[1993-01-07 09:30, 1993-01-07 11:00)')$$),
	'booking <id>.*<id> of resource "closures: .*', '<three bookings>');
-- Cancelled bookings and lapsed holds are not in the way.
SELECT holder FROM booking.book_slot('closures: hall', '[2030-02-01, 2030-02-02)', 'dora', hold_for => '50 ms');
SELECT status FROM booking.cancel((SELECT id FROM booking.book_slot('closures: hall', '[2030-02-02, 2030-02-03)', 'dora')));
SELECT pg_sleep(0.1);
SELECT period FROM booking.close_period('closures: hall', '[2030-02-01, 2030-02-03)');
-- What a statement books and closes at the same time is one of the two.
SELECT pg_temp.said(format($$WITH b AS (INSERT INTO booking.booking (resource_id, period, holder) VALUES (%1$s, '[2030-03-01, 2030-03-02)', 'eve'))
	INSERT INTO booking.closure (resource_id, period) VALUES (%1$s, '[2030-03-01, 2030-03-02)')$$, :hall));
SELECT pg_temp.said(format($$WITH c AS (INSERT INTO booking.closure (resource_id, period) VALUES (%1$s, '[2030-03-01, 2030-03-02)'))
	INSERT INTO booking.booking (resource_id, period, holder) VALUES (%1$s, '[2030-03-01, 2030-03-02)', 'eve')$$, :hall));

-- With force, they are cancelled with the reason, and everything else stays.
SELECT reason FROM booking.close_period('closures: hall', '[2030-01-07 08:00, 2030-01-07 12:30)', 'burst pipe', force => true);
SELECT holder, status, reason, period FROM booking.booking WHERE resource_id = :hall AND period && '[2030-01-07, 2030-01-08)' ORDER BY period, status;
SELECT resource_id = :bikes AS bikes FROM booking.close_period(:bikes, '[2030-01-07 09:00, 2030-01-07 10:30)', force => true);
SELECT holder, status, reason FROM booking.booking WHERE resource_id = :bikes ORDER BY period;
SELECT quantity FROM booking.book_slot('closures: bikes', '[1992-05-01, 1992-05-02)', 'ann', 2);
SELECT holder FROM booking.book_slot('closures: bus', '[1992-05-01 10:00, 1992-05-01 11:00)', 'ann');
SELECT resource_id FROM booking.close_period(NULL::bigint, '[1992-05-01, 1992-05-02)', 'Labour Day', true);
SELECT name, status, reason FROM booking.booking b JOIN booking.resource r ON r.id = resource_id
WHERE period && '[1992-05-01, 1992-05-02)' AND name LIKE 'closures: %' ORDER BY name;

-- Places in a slot, too: they are given back when they are cancelled.
SELECT id AS class FROM booking.publish_slot('closures: hall', '[2030-08-01 18:00, 2030-08-01 19:00)', 20) \gset
SELECT quantity FROM booking.book_place(:class, 'ann', 15);
SELECT pg_temp.said($$SELECT * FROM booking.close_period('closures: hall', '[2030-08-01 18:30, 2030-08-01 20:00)')$$);
SELECT reason FROM booking.close_period('closures: hall', '[2030-08-01 18:30, 2030-08-01 20:00)', 'no light', true);
SELECT status, reason FROM booking.booking WHERE slot_id = :class;
SELECT pg_temp.said(format('SELECT * FROM booking.book_place(%s, ''eve'')', :class));
SELECT id FROM booking.try_book_place(:class, 'eve');
DELETE FROM booking.closure WHERE reason = 'no light';
SELECT quantity FROM booking.book_place(:class, 'ann', 20);

-- A closure is about the period, not about the buffers, which may lie in it.
SELECT id AS studio FROM booking.create_resource('closures: studio', buffer_before => '30 min', buffer_after => '30 min') \gset
SELECT period FROM booking.close_period('closures: studio', '[2030-01-07 12:00, 2030-01-07 13:00)');
SELECT occupies FROM booking.book_slot('closures: studio', '[2030-01-07 11:00, 2030-01-07 12:00)', 'ann');
SELECT occupies FROM booking.book_slot('closures: studio', '[2030-01-07 13:00, 2030-01-07 14:00)', 'ann');

-- Lifting a closure opens at once; shortening it, too.
DELETE FROM booking.closure WHERE resource_id = :studio;
SELECT period FROM booking.book_slot('closures: studio', '[2030-01-08 12:00, 2030-01-08 13:00)', 'ann');
UPDATE booking.closure SET period = '[2030-02-01, 2030-02-02)' WHERE resource_id = :hall AND period = '[2030-02-01, 2030-02-03)';
SELECT period FROM booking.book_slot('closures: hall', '[2030-02-02, 2030-02-03)', 'ann');
-- A closure that is rolled back has no effect.
BEGIN;
SELECT period FROM booking.close_period('closures: hall', '[2030-04-01, 2030-04-02)');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('closures: hall', '[2030-04-01, 2030-04-02)', 'eve')$$);
ROLLBACK;
SELECT period FROM booking.book_slot('closures: hall', '[2030-04-01, 2030-04-02)', 'ann');

-- More closures than a backend remembers: all of them count.
SELECT id AS many FROM booking.create_resource('closures: many') \gset
INSERT INTO booking.closure (resource_id, period, reason)
SELECT :many, tstzrange(day, day + interval '1 hour'), 'number ' || n
FROM generate_series(1, 600) AS n, LATERAL (SELECT timestamptz '2030-01-01 12:00' + n * interval '1 day') AS d (day);
SELECT count(*), count(booked.id) FROM generate_series(1, 600) AS n,
	LATERAL (SELECT timestamptz '2030-01-01 12:30' + n * interval '1 day') AS d (day)
	LEFT JOIN LATERAL booking.try_book_slot('closures: many', tstzrange(day, day + interval '1 hour'), 'eve') AS booked ON true;
SELECT count(booked.id) FROM generate_series(1, 600) AS n,
	LATERAL (SELECT timestamptz '2030-01-01 13:00' + n * interval '1 day') AS d (day),
	LATERAL booking.try_book_slot('closures: many', tstzrange(day, day + interval '23 hours'), 'ann') AS booked;
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('closures: many', '[2030-01-04 12:00, 2030-01-04 14:00)', 'eve')$$);

-- What close_period cannot do.
SELECT pg_temp.said($$SELECT * FROM booking.close_period(NULL, '[2030-01-01, 2030-01-02)')$$);
SELECT pg_temp.said($$SELECT * FROM booking.close_period('closures: hall', NULL)$$);
SELECT pg_temp.said($$SELECT * FROM booking.close_period('closures: hall', 'empty')$$);
SELECT pg_temp.said($$SELECT * FROM booking.close_period('closures: hall', '(,2030-01-01)')$$);
SELECT pg_temp.said($$SELECT * FROM booking.close_period('closures: hall', '[2040-01-01, 2040-01-02)', force => NULL)$$);
SELECT pg_temp.said($$SELECT * FROM booking.close_period('closures: nothing', '[2040-01-01, 2040-01-02)')$$);
SELECT pg_temp.said($$SELECT * FROM booking.close_period(-1, '[2040-01-01, 2040-01-02)', force => true)$$);
SELECT pg_temp.said($$INSERT INTO booking.closure (resource_id, period) VALUES (-1, '[2040-01-01, 2040-01-02)')$$);
SELECT pg_temp.said($$INSERT INTO booking.closure (period) VALUES ('(2040-01-01, 2040-01-02]')$$);
SELECT pg_temp.said($$TRUNCATE booking.closure$$);

-- Closures go with their resource.
SELECT name FROM booking.create_resource('closures: gone');
SELECT period FROM booking.close_period('closures: gone', '[2040-01-01, 2040-01-02)');
DELETE FROM booking.resource WHERE name = 'closures: gone';
SELECT count(*) FROM booking.closure WHERE period = '[2040-01-01, 2040-01-02)';
SELECT problem, v.detail FROM booking.verify() v JOIN booking.resource r ON r.id = v.resource_id WHERE name LIKE 'closures: %';
-- verify() finds what breaks the rule when its triggers were switched off.
BEGIN;
ALTER TABLE booking.closure DISABLE TRIGGER guard_closure;
INSERT INTO booking.closure (resource_id, period) VALUES (:hall, '[2030-04-01 06:00, 2030-04-01 07:00)');
SELECT problem, v.detail FROM booking.verify() v JOIN booking.resource r ON r.id = v.resource_id WHERE name LIKE 'closures: %';
ROLLBACK;
-- And rules of a resource that is not there, which came in where triggers do not run.
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO booking.closure (id, resource_id, period) VALUES (-7, -7, '[2030-04-01 06:00, 2030-04-01 07:00)');
INSERT INTO booking.opening_hours (id, resource_id, weekday, opens, closes) VALUES (-7, -7, 1, '09:00', '10:00');
INSERT INTO booking.holder_limit (id, resource_id, per, max_bookings) VALUES (-7, -7, 'day', 1);
SET LOCAL session_replication_role = origin;
SELECT problem, detail FROM booking.verify() WHERE resource_id = -7 ORDER BY 2;
ROLLBACK;
-- Closures of all would be in the way of other tests.
DELETE FROM booking.closure WHERE resource_id IS NULL;
