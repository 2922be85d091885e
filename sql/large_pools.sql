--
-- Pools so large that their bookings are not added up one by one (booking.pool_use): the rule and
-- its words are the same, and what is kept of them comes to what is booked, whatever happens to a booking.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

-- Three hundred bikes, and each booking takes a hundred.
SELECT id AS bikes, capacity FROM booking.create_resource('large: bikes', 'pooled', 300) \gset
CREATE VIEW pg_temp.counted AS SELECT occupies, sum(quantity), expires_at IS NOT NULL AS held
	FROM booking.pool_use WHERE resource_id IN (SELECT id FROM booking.resource WHERE name LIKE 'large: %') GROUP BY occupies, 3 HAVING sum(quantity) <> 0 ORDER BY 1, 3;

-- Three short rides, one after the other, and a long one over all of them.
SELECT count(*) FROM generate_series(9, 11) AS h, LATERAL booking.book_slot('large: bikes',
	tstzrange('2030-01-07'::timestamptz + h * interval '1 hour', '2030-01-07'::timestamptz + (h + 1) * interval '1 hour'), 'ann', 100);
SELECT quantity FROM booking.book_slot('large: bikes', '[2030-01-07 09:00, 2030-01-07 12:00)', 'bob', 200);
SELECT * FROM pg_temp.counted;

-- Full from 09:00 to 12:00 now, and free on both sides.
SELECT h, holder IS NOT NULL AS booked
FROM generate_series(8, 12) AS h LEFT JOIN LATERAL booking.try_book_slot('large: bikes',
	tstzrange('2030-01-07'::timestamptz + h * interval '1 hour', '2030-01-07'::timestamptz + (h + 1) * interval '1 hour'), 'eve') ON true
ORDER BY h;
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('large: bikes', '[2030-01-07 12:00, 2030-01-07 13:00)', 'eve', 300)$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('large: bikes', '[2030-01-07 08:00, 2030-01-07 14:00)', 'eve')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('large: bikes', '[2030-01-07 14:00, 2030-01-07 15:00)', 'eve', 301)$$);

-- Without end.
SELECT quantity FROM booking.book_slot('large: bikes', '[2030-01-08,)', 'ann', 200);
SELECT quantity FROM booking.book_slot('large: bikes', '[2030-02-08,)', 'bob', 100);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('large: bikes', '[2035-01-01, 2035-01-02)', 'eve')$$);
SELECT quantity FROM booking.book_slot('large: bikes', '[2030-01-20, 2030-02-08)', 'eve', 100);
DELETE FROM booking.booking WHERE resource_id = :bikes AND upper_inf(period);

-- A second row of one statement sees the first; what is not stored takes nothing.
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, holder, quantity)
SELECT id, '[2030-01-07 20:00, 2030-01-07 21:00)', 'eve', 151 FROM booking.resource, generate_series(1, 2)
WHERE name = 'large: bikes'$$);
INSERT INTO booking.booking (id, resource_id, period, holder, quantity)
SELECT ('00000000-0000-4000-8000-00000000070' || n % 2)::uuid, :bikes, '[2030-01-07 20:00, 2030-01-07 21:00)', 'eve', 150 FROM generate_series(1, 7) AS n
ON CONFLICT DO NOTHING;
INSERT INTO booking.booking (id, resource_id, period, holder, quantity)
VALUES ('00000000-0000-4000-8000-000000000701', :bikes, '[2030-01-07 20:00, 2030-01-07 21:00)', 'eve', 150)
ON CONFLICT (id) DO UPDATE SET quantity = 149;
SELECT * FROM pg_temp.counted WHERE occupies && '[2030-01-07 20:00, 2030-01-07 21:00)';
SELECT quantity FROM booking.book_slot('large: bikes', '[2030-01-07 20:00, 2030-01-07 21:00)', 'eve', 1);

-- A row that turns out to be a booking of a pool that is not large takes nothing of the one that is.
SELECT id AS few FROM booking.create_resource('large: few', 'pooled', 3) \gset
INSERT INTO booking.booking (id, resource_id, period, holder, quantity)
VALUES ('00000000-0000-4000-8000-000000000702', :few, '[2030-01-07 22:00, 2030-01-07 23:00)', 'eve', 2);
INSERT INTO booking.booking AS b (id, resource_id, period, holder, quantity)
VALUES ('00000000-0000-4000-8000-000000000702', :bikes, '[2030-01-07 22:00, 2030-01-07 23:00)', 'eve', 200)
ON CONFLICT (id) DO UPDATE SET data = '{"a": 1}'
RETURNING b.resource_id = :few AS of_few, quantity;
SELECT * FROM pg_temp.counted WHERE occupies && '[2030-01-07 22:00, 2030-01-07 23:00)';
DELETE FROM booking.booking WHERE resource_id = :few;

-- A booking is not counted against itself: more, longer, later; less makes room.
SELECT id AS booking FROM booking.book_slot('large: bikes', '[2030-01-05 09:00, 2030-01-05 10:00)', 'bob', 200) \gset
UPDATE booking.booking SET quantity = 300 WHERE id = :'booking';
UPDATE booking.booking SET period = '[2030-01-05 09:30, 2030-01-05 10:30)' WHERE id = :'booking';
SELECT pg_temp.said(format($$UPDATE booking.booking SET quantity = 301 WHERE id = %L$$, :'booking'));
SELECT pg_temp.said(format($$UPDATE booking.booking SET period = '[2030-01-07 10:00, 2030-01-07 11:00)' WHERE id = %L$$, :'booking'));
UPDATE booking.booking SET quantity = 100 WHERE id = :'booking';
SELECT quantity FROM booking.book_slot('large: bikes', '[2030-01-05 09:30, 2030-01-05 10:30)', 'eve', 200);
UPDATE booking.booking SET data = '{"a": 1}' WHERE id = :'booking';
SELECT * FROM pg_temp.counted WHERE occupies && '[2030-01-05, 2030-01-06)';

-- Cancelled, deleted, and booked again.
SELECT status FROM booking.cancel(:'booking');
SELECT quantity FROM booking.try_book_slot('large: bikes', '[2030-01-05 10:00, 2030-01-05 11:00)', 'ann', 100);
DELETE FROM booking.booking WHERE holder = 'ann' AND resource_id = :bikes AND period = '[2030-01-05 10:00, 2030-01-05 11:00)';
SELECT quantity FROM booking.try_book_slot('large: bikes', '[2030-01-05 10:00, 2030-01-05 11:00)', 'bob', 100);

-- Rolled back, as a whole and to a savepoint: rows of before stay as they were.
BEGIN;
SELECT holder FROM booking.cancel((SELECT id FROM booking.booking WHERE resource_id = :bikes AND period = '[2030-01-20, 2030-02-08)'));
INSERT INTO booking.booking (resource_id, period, holder, quantity) VALUES (:bikes, '[2030-02-07, 2030-02-08)', 'eve', 10);
SAVEPOINT a;
INSERT INTO booking.booking (resource_id, period, holder, quantity) VALUES (:bikes, '[2030-02-07, 2030-02-08)', 'eve', 20);
INSERT INTO booking.booking (resource_id, period, holder, quantity) VALUES (:bikes, '[2030-02-07, 2030-02-08)', 'eve', 30);
SELECT count(*), sum(quantity) FROM booking.pool_use WHERE resource_id = :bikes AND occupies = '[2030-02-07, 2030-02-08)';
ROLLBACK TO a;
SELECT count(*), sum(quantity) FROM booking.pool_use WHERE resource_id = :bikes AND occupies = '[2030-02-07, 2030-02-08)';
INSERT INTO booking.booking (resource_id, period, holder, quantity) VALUES (:bikes, '[2030-02-07, 2030-02-08)', 'eve', 40);
SELECT count(*), sum(quantity) FROM booking.pool_use WHERE resource_id = :bikes AND occupies = '[2030-02-07, 2030-02-08)';
SELECT pg_temp.said(format($$INSERT INTO booking.booking (resource_id, period, holder, quantity) VALUES (%s, '[2030-02-07, 2030-02-08)', 'eve', 251)$$, :bikes));
SELECT count(*) FROM booking.verify();
ROLLBACK;
SELECT count(*) FROM booking.verify();

-- A hold lapses, and the booking that needs its space takes it.
SELECT id AS hold FROM booking.book_slot('large: bikes', '[2030-04-01, 2030-04-02)', 'ann', 200, hold_for => '1 hour') \gset
SELECT * FROM pg_temp.counted WHERE occupies && '[2030-04-01, 2030-04-02)';
SELECT quantity FROM booking.try_book_slot('large: bikes', '[2030-04-01, 2030-04-02)', 'bob', 200);
SELECT status FROM booking.extend_hold(:'hold', '1 hour');
SELECT status FROM booking.confirm(:'hold');
SELECT * FROM pg_temp.counted WHERE occupies && '[2030-04-01, 2030-04-02)';
SELECT status FROM booking.book_slot('large: bikes', '[2030-04-01, 2030-04-02)', 'eve', 100, hold_for => '0.1 seconds');
SELECT FROM pg_sleep(0.2);
SELECT quantity FROM booking.try_book_slot('large: bikes', '[2030-04-01, 2030-04-02)', 'bob', 100);
SELECT * FROM pg_temp.counted WHERE occupies && '[2030-04-01, 2030-04-02)';
SELECT holder, status FROM booking.booking WHERE resource_id = :bikes AND period = '[2030-04-01, 2030-04-02)' ORDER BY 1;

-- To another pool, to a small one and back, and two into each other's places.
SELECT id AS cars FROM booking.create_resource('large: cars', 'pooled', 256) \gset
SELECT id AS small FROM booking.create_resource('small: cars', 'pooled', 255) \gset
SELECT id AS moving FROM booking.book_slot('large: bikes', '[2030-05-01, 2030-05-02)', 'ann', 200) \gset
UPDATE booking.booking SET resource_id = :cars WHERE id = :'moving';
UPDATE booking.booking SET resource_id = :small WHERE id = :'moving';
SELECT * FROM pg_temp.counted WHERE occupies && '[2030-05-01, 2030-05-02)';
UPDATE booking.booking SET resource_id = :bikes WHERE id = :'moving';
SELECT id AS other FROM booking.book_slot('large: cars', '[2030-05-01, 2030-05-02)', 'bob', 256) \gset
SELECT holder, resource_id = :cars AS cars, quantity FROM booking.swap(:'moving', :'other') ORDER BY 1;
SELECT pg_temp.said(format($$SELECT * FROM booking.book_slot('large: cars', '[2030-05-01, 2030-05-02)', 'eve', 57)$$));
SELECT quantity FROM booking.book_slot('large: cars', '[2030-05-01, 2030-05-02)', 'eve', 56);
SELECT resource_id = :cars AS cars, sum(quantity) FROM booking.pool_use WHERE occupies && '[2030-05-01, 2030-05-02)' GROUP BY 1 ORDER BY 1;

-- A pool becomes large, and small again.
SELECT count(*) FROM booking.pool_use WHERE resource_id = :small;
SELECT FROM booking.book_slot('small: cars', '[2030-05-01, 2030-05-02)', 'ann', 200);
SELECT FROM booking.book_slot('small: cars', '[2030-05-01, 2030-05-02)', 'ann', 50, hold_for => '1 hour');
UPDATE booking.resource SET capacity = 256 WHERE id = :small;
SELECT sum(quantity), count(*) FROM booking.pool_use WHERE resource_id = :small;
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('small: cars', '[2030-05-01, 2030-05-02)', 'eve', 7)$$);
SELECT quantity FROM booking.book_slot('small: cars', '[2030-05-01, 2030-05-02)', 'eve', 5);
UPDATE booking.resource SET capacity = 255 WHERE id = :small;
SELECT count(*) FROM booking.pool_use WHERE resource_id = :small;
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('small: cars', '[2030-05-01, 2030-05-02)', 'eve', 1)$$);

-- Many changes that others have committed become few sums; many of one transaction are one row.
SELECT id AS park FROM booking.create_resource('large: park', 'pooled', 1000) \gset
INSERT INTO booking.booking (resource_id, period, holder)
SELECT :park, tstzrange('2030-06-01'::timestamptz + a * interval '1 hour', '2030-06-01'::timestamptz + b * interval '1 hour'), 'driver'
FROM generate_series(0, 23) AS a, generate_series(a + 1, 24) AS b;
SELECT count(*), sum(quantity), count(*) FILTER (WHERE folded) AS sums FROM booking.pool_use WHERE resource_id = :park;
SELECT FROM booking.book_slot('large: park', '[2030-06-01, 2030-06-02)', 'driver');
SELECT count(*), count(*) FILTER (WHERE folded) AS sums FROM booking.pool_use WHERE resource_id = :park;
SELECT count(*) FROM booking.verify();
SELECT max(used) FROM booking.usage('large: park', '[2030-06-01, 2030-06-02)');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('large: park', '[2030-06-01, 2030-06-02)', 'driver', 844)$$);
SELECT quantity FROM booking.book_slot('large: park', '[2030-06-01, 2030-06-02)', 'driver', 843);
INSERT INTO booking.booking (resource_id, period, holder) SELECT :park, '[2030-07-01, 2030-07-02)', 'driver' FROM generate_series(1, 1000);
SELECT quantity, folded FROM booking.pool_use WHERE resource_id = :park AND occupies = '[2030-07-01, 2030-07-02)';
SELECT quantity FROM booking.try_book_slot('large: park', '[2030-07-01, 2030-07-02)', 'driver');
SELECT count(*) FROM booking.verify();

-- Rows that were loaded without the triggers are not counted as free.
SELECT id AS loaded FROM booking.create_resource('large: loaded', 'pooled', 300) \gset
SET session_replication_role = replica;
INSERT INTO booking.booking (resource_id, period, occupies, holder, quantity) VALUES (:loaded, '[2030-06-01, 2030-06-02)', '[2030-06-01, 2030-06-02)', 'driver', 200);
RESET session_replication_role;
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('large: loaded', '[2030-06-01, 2030-06-02)', 'driver')$$);
SELECT problem FROM booking.verify();
SET default_transaction_isolation = 'read committed'; -- rebuild() insists on it
SELECT what, rows FROM booking.rebuild() WHERE what LIKE '%pools%';
SELECT problem FROM booking.verify();
SELECT quantity FROM booking.try_book_slot('large: loaded', '[2030-06-01, 2030-06-02)', 'driver', 101);
SELECT quantity FROM booking.try_book_slot('large: loaded', '[2030-06-01, 2030-06-02)', 'driver', 100);

-- The table may get columns and indexes.
ALTER TABLE booking.pool_use ADD COLUMN note text DEFAULT 'x', ADD COLUMN n int;
CREATE INDEX large_expression ON booking.pool_use ((quantity + 1)) WHERE quantity > 0;
SELECT quantity FROM booking.try_book_slot('large: loaded', '[2030-08-01, 2030-08-02)', 'driver', 100);
SELECT quantity FROM booking.try_book_slot('large: loaded', '[2030-08-01, 2030-08-02)', 'driver', 201);
SET enable_seqscan = off;
SELECT quantity FROM booking.pool_use WHERE quantity + 1 = 101 AND quantity > 0 AND resource_id = :loaded AND occupies = '[2030-08-01, 2030-08-02)';
RESET enable_seqscan;
DROP INDEX booking.large_expression;
ALTER TABLE booking.pool_use DROP COLUMN note, DROP COLUMN n;
-- A rule on it is not asked; a trigger that makes its rows vanish is an error, and no space for others.
CREATE RULE large_nothing AS ON INSERT TO booking.pool_use DO INSTEAD NOTHING;
SELECT quantity FROM booking.try_book_slot('large: loaded', '[2030-08-03, 2030-08-04)', 'driver', 100);
DROP RULE large_nothing ON booking.pool_use;
CREATE FUNCTION large_vanish() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER large_vanish BEFORE INSERT ON booking.pool_use FOR EACH ROW EXECUTE FUNCTION large_vanish();
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('large: loaded', '[2030-08-03, 2030-08-04)', 'driver', 150)$$);
SELECT pg_temp.said(format('DELETE FROM booking.booking WHERE resource_id = %s AND period = %L', :loaded, '[2030-08-03, 2030-08-04)'));
DROP TRIGGER large_vanish ON booking.pool_use;
DROP FUNCTION large_vanish();
SELECT quantity FROM booking.try_book_slot('large: loaded', '[2030-08-03, 2030-08-04)', 'driver', 201);
SELECT problem FROM booking.verify();
SELECT pg_temp.said('TRUNCATE booking.pool_use');
-- Whatever a superuser writes there is refused, or found by verify() and put right by rebuild().
SELECT pg_temp.said(format($$INSERT INTO booking.pool_use (resource_id, quantity, occupies) VALUES (%s, 1, %L)$$, :loaded, period))
FROM unnest('{empty,"(,)","(,2030-01-01)","[2030-01-01,infinity)","[2030-01-01,2030-01-02]"}'::tstzrange[]) AS period;
INSERT INTO booking.pool_use (resource_id, quantity, occupies)
SELECT :loaded, n, '[2030-09-01, 2030-09-02)' FROM generate_series(1, 3), unnest('{9223372036854775807,-9223372036854775808,-9223372036854775808}'::bigint[]) AS n;
SELECT quantity FROM booking.try_book_slot('large: loaded', '[2030-09-01, 2030-09-02)', 'driver');
SELECT problem FROM booking.verify();
SELECT what, rows FROM booking.rebuild() WHERE what LIKE '%pools%';
SELECT quantity FROM booking.try_book_slot('large: loaded', '[2030-09-01, 2030-09-02)', 'driver', 299);
SELECT problem FROM booking.verify();

-- What a statement has removed is gone for the next one of its transaction.
BEGIN;
SELECT id AS hold FROM booking.book_slot('large: bikes', '[2030-10-01, 2030-10-02)', 'gil', 100, hold_for => '1 day') \gset
SELECT occupies, quantity FROM booking.pool_use WHERE booking_id = :'hold';
SELECT status FROM booking.cancel(:'hold');
SELECT occupies, quantity FROM booking.pool_use WHERE booking_id = :'hold';
SELECT count(*) FROM booking.verify();
ROLLBACK;

SELECT count(*) FROM booking.verify();
DELETE FROM booking.booking WHERE resource_id IN (SELECT id FROM booking.resource WHERE name LIKE 'large: %' OR name = 'small: cars');
SELECT count(*) FROM booking.verify();
DELETE FROM booking.resource WHERE name LIKE 'large: %' OR name = 'small: cars';
SELECT count(*) FROM pg_temp.counted;
SELECT count(*) FROM booking.verify();
