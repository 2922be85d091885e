--
-- Limits: how much one holder may book of a resource, of a category, or of everything.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

SELECT id AS one FROM booking.create_resource('limits: court 1', category => 'limits: court', timezone => 'America/New_York') \gset
SELECT id AS two FROM booking.create_resource('limits: court 2', category => 'limits: court', timezone => 'America/New_York') \gset
SELECT id AS bikes FROM booking.create_resource('limits: bikes', 'pooled', 100) \gset

-- At most three active bookings of a category.
INSERT INTO booking.holder_limit (category, per, max_bookings) VALUES ('limits: court', 'active', 3);
SELECT id AS first FROM booking.book_slot('limits: court 1', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann') \gset
SELECT holder FROM booking.book_slot('limits: court 2', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann');
SELECT status FROM booking.book_slot('limits: court 1', '[2030-01-08 09:00, 2030-01-08 10:00)', 'ann', hold_for => '1 hour');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('limits: court 2', '[2030-01-09 09:00, 2030-01-09 10:00)', 'ann')$$);
-- For the try_ functions it is an answer: no row, no error, and no transaction id.
BEGIN;
SELECT count(*) FROM booking.try_book_slot('limits: court 2', '[2030-01-09 09:00, 2030-01-09 10:00)', 'ann');
SELECT pg_current_xact_id_if_assigned() IS NULL AS without_id;
COMMIT;
-- Other holders are not concerned, nor other resources.
SELECT holder FROM booking.book_slot('limits: court 2', '[2030-01-09 09:00, 2030-01-09 10:00)', 'bob');
SELECT holder FROM booking.book_slot('limits: bikes', '[2030-01-09 09:00, 2030-01-09 10:00)', 'ann');
-- What is over does not count: neither the old booking nor the new one.
SELECT holder FROM booking.book_slot('limits: court 1', '[2001-01-01, 2001-01-02)', 'ann');
-- Nor what is cancelled or has lapsed.
SELECT status FROM booking.cancel(:'first');
SELECT status FROM booking.book_slot('limits: court 1', '[2030-01-10 09:00, 2030-01-10 10:00)', 'ann', hold_for => '50 ms');
SELECT pg_sleep(0.1);
SELECT holder FROM booking.book_slot('limits: court 1', '[2030-01-11 09:00, 2030-01-11 10:00)', 'ann');
-- Moving and changing a booking adds nothing; giving it to another holder does, and so does bringing one back.
UPDATE booking.booking SET period = '[2030-01-12 09:00, 2030-01-12 10:00)', data = '{"moved": true}' WHERE holder = 'ann' AND period = '[2030-01-11 09:00, 2030-01-11 10:00)';
SELECT pg_temp.said(format($$UPDATE booking.booking SET holder = 'ann' WHERE holder = 'bob' AND resource_id = %s$$, :two));
SELECT pg_temp.said(format($$UPDATE booking.booking SET status = 'confirmed' WHERE id = %L$$, :'first'));
SELECT pg_temp.said(format($$UPDATE booking.booking SET resource_id = %s, seat_no = NULL WHERE holder = 'ann' AND resource_id = %s$$, :one, :bikes));

-- Every writer meets them: several rows of one statement count one another.
SELECT pg_temp.said(format($$INSERT INTO booking.booking (resource_id, period, holder)
SELECT %s, tstzrange(day, day + interval '1 hour'), 'carl' FROM generate_series(timestamptz '2030-02-01', '2030-02-04', '1 day') AS day$$, :one));
INSERT INTO booking.booking (resource_id, period, holder)
SELECT :one, tstzrange(day, day + interval '1 hour'), 'carl' FROM generate_series(timestamptz '2030-02-01', '2030-02-03', '1 day') AS day;
-- Also those of one resource, which are counted in another way than those of a category.
SELECT id AS each FROM booking.create_resource('limits: two each') \gset
INSERT INTO booking.holder_limit (resource_id, per, max_bookings) VALUES (:each, 'active', 2);
SELECT pg_temp.said(format($$INSERT INTO booking.booking (resource_id, period, holder)
SELECT %s, tstzrange(day, day + interval '1 hour'), 'carl' FROM generate_series(timestamptz '2030-02-01', '2030-02-03', '1 day') AS day$$, :each));
INSERT INTO booking.booking (resource_id, period, holder)
SELECT :each, tstzrange(day, day + interval '1 hour'), 'carl' FROM generate_series(timestamptz '2030-02-01', '2030-02-02', '1 day') AS day;
SELECT pg_temp.said(format($$INSERT INTO booking.booking (resource_id, period, holder) VALUES (%s, '[2030-02-10, 2030-02-11)', 'carl')$$, :one));
-- History that is loaded is not judged, and counts.
INSERT INTO booking.booking (resource_id, period, holder, created_at)
SELECT :two, tstzrange(day, day + interval '1 hour'), 'dora', '2020-01-01' FROM generate_series(timestamptz '2030-02-01', '2030-02-05', '1 day') AS day;
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('limits: court 1', '[2030-02-20, 2030-02-21)', 'dora')$$);

-- A limit that comes later leaves what is there alone, and counts it.
SELECT count(*) FROM generate_series(1, 5) AS n, LATERAL booking.book_slot('limits: bikes', '[2030-03-01, 2030-03-02)', 'ann', 2 + 0 * n);
INSERT INTO booking.holder_limit (resource_id, per, max_quantity) VALUES (:bikes, 'active', 8);
SELECT count(*) FROM booking.booking WHERE holder = 'ann' AND resource_id = :bikes AND status = 'confirmed';
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('limits: bikes', '[2030-03-05, 2030-03-06)', 'ann')$$);
-- A holder that is beyond a limit may still change what does not add to it.
UPDATE booking.booking SET quantity = 1, period = '[2030-03-02, 2030-03-03)' WHERE holder = 'ann' AND resource_id = :bikes AND period = '[2030-01-09 09:00, 2030-01-09 10:00)';
-- Units: the remaining number is said; more of them is an addition.
SELECT id AS rented FROM booking.book_slot('limits: bikes', '[2030-03-01, 2030-03-02)', 'bob', 5) \gset
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('limits: bikes', '[2030-03-05, 2030-03-06)', 'bob', 4)$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('limits: bikes', '[2030-03-05, 2030-03-06)', 'eve', 9)$$);
SELECT pg_temp.said(format($$UPDATE booking.booking SET quantity = 9 WHERE id = %L$$, :'rented'));
SELECT quantity FROM booking.reschedule(:'rented', '[2030-03-01, 2030-03-02)', quantity => 8);
SELECT pg_temp.said(format($$SELECT * FROM booking.reschedule(%L, '[2030-03-01, 2030-03-02)', quantity => 9)$$, :'rented'));
UPDATE booking.booking SET quantity = 1 WHERE id = :'rented';
DELETE FROM booking.holder_limit WHERE resource_id = :bikes;
-- More units are not more bookings.
INSERT INTO booking.holder_limit (resource_id, per, max_bookings) VALUES (:bikes, 'active', 3);
UPDATE booking.booking SET quantity = quantity + 1 WHERE holder = 'ann' AND resource_id = :bikes;
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('limits: bikes', '[2030-03-05, 2030-03-06)', 'ann')$$);
DELETE FROM booking.holder_limit WHERE resource_id = :bikes;

-- One a slot: here, of one resource for one period.
INSERT INTO booking.holder_limit (resource_id, per, max_bookings) VALUES (:bikes, 'slot', 1);
SELECT holder FROM booking.book_slot('limits: bikes', '[2030-04-01, 2030-04-02)', 'eve');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('limits: bikes', '[2030-04-01, 2030-04-02)', 'eve')$$);
SELECT holder FROM booking.book_slot('limits: bikes', '[2030-04-01, 2030-04-03)', 'eve');
DELETE FROM booking.holder_limit WHERE resource_id = :bikes;

-- And of a published slot, its places.
SELECT id AS ride FROM booking.publish_slot('limits: bikes', '[2030-04-10, 2030-04-11)', 50) \gset
SELECT id AS other FROM booking.publish_slot('limits: bikes', '[2030-04-11, 2030-04-12)', 50) \gset
INSERT INTO booking.holder_limit (resource_id, per, max_quantity) VALUES (:bikes, 'slot', 4);
SELECT quantity FROM booking.book_place(:ride, 'eve', 3);
SELECT pg_temp.said(format('SELECT * FROM booking.book_place(%s, ''eve'', 2)', :ride));
SELECT quantity FROM booking.book_place(:ride, 'eve', 1);
SELECT quantity FROM booking.book_place(:other, 'eve', 4);
DELETE FROM booking.holder_limit WHERE resource_id = :bikes;

-- A day, a week, a month by the local calendar: 2030-05-06 is a Monday, and New York is at -04:00.
SET TimeZone = 'America/New_York';
DELETE FROM booking.holder_limit WHERE category = 'limits: court';
INSERT INTO booking.holder_limit (category, per, max_bookings) VALUES ('limits: court', 'day', 1), ('limits: court', 'week', 2), ('limits: court', 'month', 3);
SELECT lower(period) FROM booking.book_slot('limits: court 1', '[2030-05-06 00:00, 2030-05-06 01:00)', 'fay');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('limits: court 2', '[2030-05-06 23:00, 2030-05-07 01:00)', 'fay')$$);
-- Late on Sunday it is Monday in UTC; by the local clock it is the week before.
SELECT lower(period) FROM booking.book_slot('limits: court 2', '[2030-05-05 23:00, 2030-05-06 00:00)', 'fay');
SELECT lower(period) FROM booking.book_slot('limits: court 2', '[2030-05-12 23:00, 2030-05-13 01:00)', 'fay');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('limits: court 2', '[2030-05-08 10:00, 2030-05-08 11:00)', 'fay')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('limits: court 2', '[2030-05-31 23:00, 2030-06-01 01:00)', 'fay')$$);
SELECT lower(period) FROM booking.book_slot('limits: court 2', '[2030-06-01 00:00, 2030-06-01 01:00)', 'fay');
-- The day on which summer time begins has 23 hours, that on which it ends 25.
SELECT lower(period) FROM booking.book_slot('limits: court 1', '[2030-11-03 00:00, 2030-11-03 01:00)', 'fay');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('limits: court 1', '[2030-11-03 23:30, 2030-11-04 00:00)', 'fay')$$);
-- A booking may move within its day, and not to another that is full.
UPDATE booking.booking SET period = '[2030-05-06 05:00, 2030-05-06 06:00)' WHERE holder = 'fay' AND period = '[2030-05-06 00:00, 2030-05-06 01:00)';
SELECT pg_temp.said($$UPDATE booking.booking SET period = '[2030-05-06 05:00, 2030-05-06 06:00)' WHERE holder = 'fay' AND period = '[2030-06-01 00:00, 2030-06-01 01:00)'$$);
SET TimeZone = 'UTC';

-- Of everything, and of a resource that changes its category.
DELETE FROM booking.holder_limit WHERE category = 'limits: court';
INSERT INTO booking.holder_limit (per, max_bookings) VALUES ('active', 2);
SELECT holder FROM booking.book_slot('limits: court 1', '[2030-07-01, 2030-07-02)', 'limits: gil');
SELECT holder FROM booking.book_slot('limits: bikes', '[2030-07-01, 2030-07-02)', 'limits: gil');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('limits: bikes', '[2031-07-01, 2031-07-02)', 'limits: gil')$$);
DELETE FROM booking.holder_limit WHERE category IS NULL AND resource_id IS NULL;
INSERT INTO booking.holder_limit (category, per, max_bookings) VALUES ('limits: popular', 'active', 0);
SELECT holder FROM booking.book_slot('limits: bikes', '[2031-07-01, 2031-07-02)', 'limits: gil');
UPDATE booking.resource SET category = 'limits: popular' WHERE id = :bikes;
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('limits: bikes', '[2032-07-01, 2032-07-02)', 'limits: gil')$$);
-- What the holder has of other resources counts if they are of the category now.
UPDATE booking.holder_limit SET max_bookings = 3 WHERE category = 'limits: popular';
SELECT holder FROM booking.book_slot('limits: bikes', '[2032-07-01, 2032-07-02)', 'limits: gil');
UPDATE booking.holder_limit SET max_bookings = 4 WHERE category = 'limits: popular';
UPDATE booking.resource SET category = 'limits: popular' WHERE id = :one;
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('limits: bikes', '[2033-07-01, 2033-07-02)', 'limits: gil')$$);
UPDATE booking.resource SET category = 'limits: court' WHERE id = :one;
SELECT holder FROM booking.book_slot('limits: bikes', '[2033-07-01, 2033-07-02)', 'limits: gil');

-- What a limit cannot be.
SELECT pg_temp.said(format('INSERT INTO booking.holder_limit (resource_id, category, per, max_bookings, max_quantity) VALUES (%s)', v))
FROM unnest(ARRAY[$$NULL, NULL, 'year', 1, NULL$$, $$NULL, NULL, 'day', NULL, NULL$$, $$NULL, NULL, 'day', -1, NULL$$,
	$$NULL, NULL, 'day', NULL, -1$$, format($$%s, 'limits: court', 'day', 1, NULL$$, :bikes), $$-1, NULL, 'day', 1, NULL$$]) AS v;
SELECT pg_temp.said('TRUNCATE booking.holder_limit');
DELETE FROM booking.holder_limit;
