--
-- Changing a resource: what bookings contradict is refused and says why, everything else holds at once.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

-- Capacity: not below what is booked at once from now on.
SELECT id AS bikes FROM booking.create_resource('rules: bikes', 'pooled', 10) \gset
SELECT quantity FROM booking.book_slot('rules: bikes', '[2030-01-07 09:00, 2030-01-07 12:00)', 'ann', 4);
SELECT quantity FROM booking.book_slot('rules: bikes', '[2030-01-07 11:00, 2030-01-07 14:00)', 'bob', 3);
SELECT quantity FROM booking.book_slot('rules: bikes', '[2030-01-07 12:00, 2030-01-07 13:00)', 'carl', 3);
SELECT pg_temp.said(format('UPDATE booking.resource SET capacity = 6 WHERE id = %s', :bikes));
SELECT pg_temp.said(format('UPDATE booking.resource SET capacity = 0 WHERE id = %s', :bikes));
UPDATE booking.resource SET capacity = 7 WHERE id = :bikes;
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('rules: bikes', '[2030-01-07 11:30, 2030-01-07 11:45)', 'eve')$$);
-- Raised, it holds for the next booking.
UPDATE booking.resource SET capacity = 8 WHERE id = :bikes;
SELECT quantity FROM booking.book_slot('rules: bikes', '[2030-01-07 11:30, 2030-01-07 11:45)', 'eve');
-- The past, cancelled bookings and lapsed holds are not in the way.
SELECT quantity FROM booking.book_slot('rules: bikes', '[2001-01-01, 2001-01-02)', 'ann', 8);
SELECT quantity FROM booking.book_slot('rules: bikes', '[2002-01-01, 2002-01-02)', 'ann', 2);
SELECT quantity FROM booking.book_slot('rules: bikes', '[2030-01-07 09:00, 2030-01-07 11:00)', 'dora', 4, hold_for => '50 ms');
UPDATE booking.booking SET status = 'cancelled' WHERE resource_id = :bikes AND holder IN ('bob', 'eve');
SELECT pg_sleep(0.1);
UPDATE booking.resource SET capacity = 4 WHERE id = :bikes;
-- What the same statement books is in the way.
SELECT pg_temp.said(format($$WITH b AS (INSERT INTO booking.booking (resource_id, period, holder, quantity) VALUES (%1$s, '[2030-02-01, 2030-02-02)', 'eve', 4))
	UPDATE booking.resource SET capacity = 3 WHERE id = %1$s$$, :bikes));
SELECT problem, v.detail FROM booking.verify() v WHERE v.resource_id = :bikes;
-- What was once within the capacity can be loaded again, though it would not be today; what is to come cannot exceed it.
CREATE TEMP TABLE saved AS SELECT * FROM booking.booking WHERE resource_id = :bikes ORDER BY created_at;
DELETE FROM booking.booking WHERE resource_id = :bikes;
UPDATE saved SET created_at = '2001-01-01';
INSERT INTO booking.booking SELECT * FROM saved;
SELECT count(*), max(quantity) FROM booking.booking WHERE resource_id = :bikes;
UPDATE saved SET period = '[2030-05-01, 2030-05-02)', occupies = NULL, id = gen_random_uuid() WHERE quantity = 8;
SELECT pg_temp.said('INSERT INTO booking.booking SELECT * FROM saved WHERE quantity = 8');
-- Of a stay that goes on, only what is to come: whatever the order in which they are loaded.
SELECT id AS vans FROM booking.create_resource('rules: vans', 'pooled', 2) \gset
INSERT INTO booking.booking (resource_id, period, holder) VALUES
	(:vans, tstzrange(now() - interval '2 hours', now() + interval '2 hours'), 'ann'),
	(:vans, tstzrange(now() - interval '2 hours', now() - interval '1 hour'), 'bob');
UPDATE booking.resource SET capacity = 1 WHERE id = :vans;
SELECT pg_temp.said($$UPDATE booking.resource SET capacity = 0 WHERE name = 'rules: vans'$$) LIMIT 1;
TRUNCATE saved;
INSERT INTO saved SELECT * FROM booking.booking WHERE resource_id = :vans;
DELETE FROM booking.booking WHERE resource_id = :vans;
INSERT INTO booking.booking SELECT * FROM saved ORDER BY holder;
DELETE FROM booking.booking WHERE resource_id = :vans;
INSERT INTO booking.booking SELECT * FROM saved ORDER BY holder DESC;
SELECT pg_temp.said(format('INSERT INTO booking.booking (resource_id, period, holder) VALUES (%s, tstzrange(now(), NULL), ''eve'')', :vans)) LIMIT 1;
SELECT problem FROM booking.verify() v WHERE v.resource_id = :vans;

-- A capacity of nothing books nothing.
SELECT pg_temp.said('UPDATE booking.resource SET capacity = -1 WHERE name = ''rules: bikes''');
SELECT pg_temp.said('UPDATE booking.resource SET capacity = NULL WHERE name = ''rules: bikes''');

-- Kind: only without active bookings, also past ones, for they carry the seat of the old kind.
SELECT pg_temp.said(format($$UPDATE booking.resource SET kind = 'exclusive', capacity = 1 WHERE id = %s$$, :bikes));
DELETE FROM booking.booking WHERE resource_id = :bikes AND status IN ('held', 'confirmed');
UPDATE booking.resource SET kind = 'exclusive', capacity = 1 WHERE id = :bikes;
SELECT quantity, seat_no FROM booking.book_slot('rules: bikes', '[2030-01-07 09:00, 2030-01-07 12:00)', 'ann');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('rules: bikes', '[2030-01-07 11:00, 2030-01-07 13:00)', 'eve')$$);

-- Seats: one more at once, none with bookings away, and new labels for all.
SELECT id AS bus FROM booking.create_resource('rules: bus', 'seated', seats => ARRAY['1A', '1B']) \gset
SELECT seat_no FROM booking.book_slot('rules: bus', '[2030-01-07 09:00, 2030-01-07 12:00)', 'ann', seat => '1A');
INSERT INTO booking.seat (resource_id, seat_no, label) VALUES (:bus, 3, '2A');
SELECT seat_no FROM booking.book_slot('rules: bus', '[2030-01-07 09:00, 2030-01-07 12:00)', 'bob', seat => '2A');
SELECT pg_temp.said(format($$DELETE FROM booking.seat WHERE resource_id = %s AND label = '1A'$$, :bus));
SELECT pg_temp.said(format($$UPDATE booking.seat SET seat_no = 9 WHERE resource_id = %s AND label = '1A'$$, :bus));
SELECT pg_temp.said(format($$WITH b AS (INSERT INTO booking.booking (resource_id, seat_no, period, holder) VALUES (%1$s, 2, '[2030-02-01, 2030-02-02)', 'eve'))
	DELETE FROM booking.seat WHERE resource_id = %1$s AND label = '1B'$$, :bus));
DELETE FROM booking.seat WHERE resource_id = :bus AND label = '1B';
UPDATE booking.seat SET label = 'window' WHERE resource_id = :bus AND label = '1A';
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('rules: bus', '[2030-01-07 09:00, 2030-01-07 12:00)', 'eve', seat => 'window')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('rules: bus', '[2030-01-07 09:00, 2030-01-07 12:00)', 'eve', seat => '1B')$$);

-- Buffers: kept before and after, in what a booking occupies.  A change is for bookings to come.
SELECT id AS room FROM booking.create_resource('rules: room', buffer_before => '15 min', buffer_after => '30 min') \gset
SELECT period, occupies FROM booking.book_slot('rules: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann');
-- Between two bookings lie the buffer after the first and that before the second.
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('rules: room', '[2030-01-07 10:44, 2030-01-07 11:00)', 'eve')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('rules: room', '[2030-01-07 08:00, 2030-01-07 08:16)', 'eve')$$);
SELECT occupies FROM booking.book_slot('rules: room', '[2030-01-07 10:45, 2030-01-07 11:00)', 'bob');
SELECT occupies FROM booking.book_slot('rules: room', '[2030-01-07 08:00, 2030-01-07 08:15)', 'bob');
UPDATE booking.resource SET buffer_before = '0', buffer_after = '2 hours' WHERE id = :room;
SELECT occupies FROM booking.booking WHERE resource_id = :room ORDER BY occupies;
SELECT occupies FROM booking.book_slot('rules: room', '[2030-01-07 12:00, 2030-01-07 12:30)', 'carl');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('rules: room', '[2030-01-07 14:29, 2030-01-07 15:00)', 'eve')$$);
-- A booking that is changed elsewhere keeps what it occupies; one that moves gets the buffers of today.
UPDATE booking.booking SET data = '{"cups": 4}' WHERE resource_id = :room AND holder = 'ann' RETURNING occupies;
UPDATE booking.booking SET period = '[2030-01-08 09:00, 2030-01-08 10:00)' WHERE resource_id = :room AND holder = 'ann' RETURNING occupies;
SELECT occupies FROM booking.book_slot('rules: room', '[2030-02-01,)', 'ann');

-- Time zone and category: freely, they are for bookings to come.
UPDATE booking.resource SET timezone = 'Asia/Kathmandu', category = 'rules: other' WHERE id = :room;
SELECT pg_temp.said($$UPDATE booking.resource SET timezone = 'Mars/Olympus' WHERE name = 'rules: room'$$);
-- An abbreviation is an offset and knows no calendar.
SELECT pg_temp.said($$SELECT * FROM booking.create_resource('rules: pst', timezone => 'PST')$$);

-- Retirement: not while it is booked beyond; then nothing beyond it, and everything before.
SELECT pg_temp.said(format($$UPDATE booking.resource SET retired_at = '2030-01-08 09:30' WHERE id = %s$$, :room));
SELECT status FROM booking.cancel((SELECT id FROM booking.booking WHERE resource_id = :room AND upper_inf(period)));
-- What counts is the period, not the buffer after it.
UPDATE booking.resource SET retired_at = '2030-01-08 10:00' WHERE id = :room;
SELECT period FROM booking.book_slot('rules: room', '[2030-01-08 06:00, 2030-01-08 06:01)', 'ann');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('rules: room', '[2030-01-09, 2030-01-10)', 'eve')$$);
UPDATE booking.resource SET retired_at = NULL WHERE id = :room;
SELECT period FROM booking.book_slot('rules: room', '[2030-01-09, 2030-01-10)', 'ann');

-- Deleting and re-keying: not with bookings, whatever their state; the statement's own count.
SELECT pg_temp.said(format('DELETE FROM booking.resource WHERE id = %s', :bus));
SELECT pg_temp.said(format('UPDATE booking.resource SET id = -777 WHERE id = %s', :room));
SELECT id AS empty FROM booking.create_resource('rules: empty', 'seated', seats => ARRAY['A']) \gset
SELECT split_part(pg_temp.said(format($$WITH b AS (INSERT INTO booking.booking (resource_id, seat_no, period, holder) VALUES (%1$s, 1, '[2030-02-01, 2030-02-02)', 'eve'))
	DELETE FROM booking.resource WHERE id = %1$s$$, :empty)), ':', 1) AS refused LIMIT 1;
INSERT INTO booking.opening_hours (resource_id, weekday, opens, closes) VALUES (:empty, 1, '09:00', '17:00');
INSERT INTO booking.holder_limit (resource_id, per, max_bookings) VALUES (:empty, 'day', 1);
DELETE FROM booking.resource WHERE id = :empty;
SELECT (SELECT count(*) FROM booking.seat WHERE resource_id = :empty) AS seats,
	(SELECT count(*) FROM booking.opening_hours WHERE resource_id = :empty) AS hours,
	(SELECT count(*) FROM booking.holder_limit WHERE resource_id = :empty) AS limits;
