--
-- Users add columns to our tables.  They keep their values whatever is done to a row, take
-- part in everything, and nothing of ours depends on where a column stands.
--
-- What is dropped at the end stays in the catalog: the tests that follow run with it.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

INSERT INTO booking.resource (id, name) VALUES (-501, 'columns: room');
INSERT INTO booking.resource (id, name, kind) VALUES (-502, 'columns: bus', 'seated');
INSERT INTO booking.resource (id, name, kind, capacity) VALUES (-503, 'columns: bikes', 'pooled', 3);
INSERT INTO booking.seat SELECT -502, n, 'S' || n FROM generate_series(1, 4) AS n;
SELECT (booking.publish_slot('columns: bikes', '[2040-01-02 09:00, 2040-01-02 10:00)', 5)).capacity;
INSERT INTO booking.booking (id, resource_id, period, holder) VALUES
	('00000000-0000-7000-8000-000000005000', -501, '[2040-01-01 06:00, 2040-01-01 07:00)', 'ann');
-- What the backend has planned and remembered before.
PREPARE book (text, text) AS SELECT b.* FROM booking.book_slot($1, tstzrange($2::timestamptz, $2::timestamptz + '1 hour'), 'ann') AS b;
PREPARE cancelling (uuid) AS SELECT * FROM booking.cancel($1);
CREATE TEMP TABLE before AS EXECUTE book('columns: room', '2040-01-01 08:00');
SELECT c.status FROM before, booking.cancel(before.id) AS c;
CREATE TEMP TABLE cancelled AS EXECUTE cancelling('00000000-0000-7000-8000-000000005000');


-- One that is dropped again before the next comes, and then some of every kind.
SELECT format('ALTER TABLE %s ADD COLUMN dropped text DEFAULT ''x''', oid::regclass), format('ALTER TABLE %s DROP COLUMN dropped', oid::regclass),
	format('ALTER TABLE %s ADD COLUMN price numeric, ADD COLUMN currency text NOT NULL DEFAULT ''EUR'','
		' ADD COLUMN twice numeric GENERATED ALWAYS AS (price * 2) STORED, ADD COLUMN long text', oid::regclass)
FROM pg_class WHERE relnamespace = 'booking'::regnamespace AND relkind = 'r'
\set ECHO none
\gexec
\set ECHO all
-- What was prepared goes on.
CREATE TEMP TABLE since AS EXECUTE book('columns: room', '2040-01-01 08:00');
SELECT holder, status, data FROM since;
CREATE TEMP TABLE cancelled_since AS EXECUTE cancelling('00000000-0000-7000-8000-000000005000');
SELECT holder, status, version FROM cancelled_since;

-- INSERT, COPY, RETURNING, UPDATE.
INSERT INTO booking.resource (id, name, kind, price) VALUES (-504, 'columns: more', 'exclusive', 7)
	RETURNING name, capacity, price, currency, twice;
INSERT INTO booking.booking (id, resource_id, period, holder, status, expires_at, price, long)
	VALUES ('00000000-0000-7000-8000-000000005001', -501, '[2040-01-01 10:00, 2040-01-01 11:00)', 'ann', 'held', '2039-12-01', 10, repeat('abcdefgh', 20000))
	RETURNING seat_no, occupies, price, currency, twice;
COPY booking.booking (id, resource_id, period, holder, price, currency) FROM stdin;
00000000-0000-7000-8000-000000005002	-503	[2040-01-01 10:00, 2040-01-01 11:00)	bob	20	USD
00000000-0000-7000-8000-000000005003	-502	[2040-01-01 10:00, 2040-01-01 11:00)	bob	30	USD
\.
INSERT INTO booking.booking (id, slot_id, holder, price) SELECT '00000000-0000-7000-8000-000000005004', id, 'ann', 40
	FROM booking.slot WHERE resource_id = -503 RETURNING resource_id, period, price, twice;
UPDATE booking.booking SET price = price + 1 WHERE id = '00000000-0000-7000-8000-000000005002' RETURNING version, price, twice;
-- What is in use of a large pool.
INSERT INTO booking.resource (id, name, kind, capacity) VALUES (-505, 'columns: park', 'pooled', 1000);
SELECT quantity FROM booking.book_slot('columns: park', '[2040-01-01 10:00, 2040-01-01 11:00)', 'ann', 600);
SELECT quantity FROM booking.try_book_slot('columns: park', '[2040-01-01 10:00, 2040-01-01 11:00)', 'ann', 401);
SELECT quantity, currency, twice FROM booking.pool_use WHERE resource_id = -505;
DELETE FROM booking.booking WHERE resource_id = -505;
-- Long values compressed and out of line.
UPDATE booking.booking SET long = (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 10000) AS n)
	WHERE id = '00000000-0000-7000-8000-000000005001';

-- The functions keep them, and return them.
SELECT status, price, currency, twice, length(long) FROM booking.extend_hold('00000000-0000-7000-8000-000000005001', '1 hour');
SELECT status, price, currency, twice, length(long) FROM booking.confirm('00000000-0000-7000-8000-000000005001');
SELECT status, price, currency, twice, length(long) FROM booking.confirm('00000000-0000-7000-8000-000000005001');
SELECT period, price, currency, twice, length(long) FROM booking.reschedule('00000000-0000-7000-8000-000000005001', '[2040-01-01 12:00, 2040-01-01 13:00)');
SELECT period, price FROM booking.reschedule('00000000-0000-7000-8000-000000005001', '[2040-01-01 12:00, 2040-01-01 13:00)');
SELECT checked_in_at IS NOT NULL, price, currency, twice, length(long) FROM booking.check_in('00000000-0000-7000-8000-000000005001');
SELECT upper(period), price, currency, twice, length(long) FROM booking.check_out('00000000-0000-7000-8000-000000005001', '2040-01-01 12:30');
SELECT status, reason, price, currency, twice, length(long) FROM booking.cancel('00000000-0000-7000-8000-000000005001', 'why');
SELECT status, price, (b).twice FROM booking.cancel('00000000-0000-7000-8000-000000005001') AS b;
SELECT (booking.publish_slot('columns: bikes', '[2040-01-03 09:00, 2040-01-03 10:00)', 5)).currency;
SELECT currency, price FROM booking.reschedule('00000000-0000-7000-8000-000000005004', '[2040-01-03 09:00, 2040-01-03 10:00)');
SELECT currency, capacity FROM booking.publish_slots('columns: bikes', '[2040-01-04 09:00, 2040-01-04 10:00)', '1 day', '2040-01-06');
SELECT currency, reason FROM booking.close_period('columns: room', '[2042-01-01, 2042-01-02)', 'holiday');
SELECT currency, kind FROM booking.create_resource('columns: created');
SELECT holder, status, currency, twice FROM booking.book_slot('columns: room', '[2040-01-01 14:00, 2040-01-01 15:00)', 'ann',
	id => '00000000-0000-7000-8000-000000005005');
SELECT holder, status, currency, twice FROM booking.book_slot('columns: room', '[2040-01-01 14:00, 2040-01-01 15:00)', 'ann',
	id => '00000000-0000-7000-8000-000000005005');
SELECT holder, status, currency FROM booking.wait_for_slot('columns: room', '[2040-01-01 14:00, 2040-01-01 15:00)', 'bob');
SELECT holder, status, currency FROM booking.wait_for_slot('columns: room', '[2040-01-01 14:00, 2040-01-01 15:00)', 'bob');
UPDATE booking.waitlist SET price = 3 WHERE resource_id = -501;
SELECT status FROM booking.cancel('00000000-0000-7000-8000-000000005005');
SELECT w.status, w.price, b.status, b.holder, b.currency FROM booking.waitlist w JOIN booking.booking b ON b.waitlist_id = w.id WHERE w.resource_id = -501;
SELECT w.status, w.price FROM booking.waitlist w, booking.leave_waitlist(w.id) AS l WHERE w.resource_id = -501;
-- A hold that lapses.
INSERT INTO booking.booking (id, resource_id, seat_no, period, holder, status, expires_at, price)
	VALUES ('00000000-0000-7000-8000-000000005006', -502, 1, '[2040-01-05 10:00, 2040-01-05 11:00)', 'eve', 'held', now() - interval '1 hour', 50),
		('00000000-0000-7000-8000-000000005007', -502, 2, '[2040-01-05 10:00, 2040-01-05 11:00)', 'eve', 'held', now() - interval '1 hour', 60);
SELECT seat_no FROM booking.book_slot('columns: bus', '[2040-01-05 10:00, 2040-01-05 11:00)', 'bob', seat => 'S1');
SELECT booking.expire_holds() > 0;
SELECT status, price, twice FROM booking.booking WHERE holder = 'eve' AND resource_id = -502 ORDER BY id;
-- The rules hold as ever.
SELECT pg_temp.said($$SELECT booking.book_slot('columns: bus', '[2040-01-05 10:00, 2040-01-05 11:00)', 'bob', seat => 'S1')$$);
SELECT pg_temp.said($$SELECT booking.book_slot('columns: bikes', '[2040-01-01 10:00, 2040-01-01 11:00)', 'bob', 3)$$);
UPDATE booking.resource SET price = 4 WHERE id = -503 RETURNING capacity, twice;
UPDATE booking.seat SET price = 4 WHERE resource_id = -502 AND seat_no = 1 RETURNING label, twice;
UPDATE booking.slot SET price = 4, capacity = 6 WHERE resource_id = -503 AND period = '[2040-01-03 09:00, 2040-01-03 10:00)' RETURNING capacity, twice;
SELECT * FROM booking.verify();

-- Two hundred of them.
DO $$
DECLARE
	t regclass;
BEGIN
	FOREACH t IN ARRAY '{booking.booking,booking.slot,booking.waitlist,booking.closure}'::regclass[] LOOP
		EXECUTE format('ALTER TABLE %s %s', t, (SELECT string_agg(format('ADD COLUMN more_%s int DEFAULT %s', n, n), ', ') FROM generate_series(1, 200) AS n));
	END LOOP;
END
$$;
SELECT holder, more_1, more_200 FROM booking.book_slot('columns: room', '[2040-02-01 14:00, 2040-02-01 15:00)', 'ann',
	id => '00000000-0000-7000-8000-000000005008');
SELECT holder, more_1, more_200 FROM booking.reschedule('00000000-0000-7000-8000-000000005008', '[2040-02-01 15:00, 2040-02-01 16:00)');
SELECT price, more_1, more_200 FROM booking.reschedule('00000000-0000-7000-8000-000000005002', '[2040-02-01 15:00, 2040-02-01 16:00)');
SELECT more_200 FROM booking.book_slot('columns: bus', '[2040-02-01 14:00, 2040-02-01 15:00)', 'ann');
SELECT more_200 FROM booking.publish_slot('columns: bikes', '[2040-02-03 09:00, 2040-02-03 10:00)', 5);
SELECT more_200 FROM booking.close_period('columns: room', '[2043-01-01, 2043-01-02)', 'holiday');
SELECT more_200 FROM booking.wait_for_slot('columns: room', '[2040-02-01 15:00, 2040-02-01 16:00)', 'bob');

-- And gone again: all, in one session that has used them.
DO $$
DECLARE
	t regclass;
BEGIN
	FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'booking'::regnamespace AND relkind = 'r' LOOP
		EXECUTE format('ALTER TABLE %s DROP COLUMN twice, DROP COLUMN price, DROP COLUMN currency, DROP COLUMN long', t);
		EXECUTE coalesce((SELECT format('ALTER TABLE %s %s', t, string_agg('DROP COLUMN ' || attname, ', '))
			FROM pg_attribute WHERE attrelid = t AND attname LIKE 'more\_%' HAVING count(*) > 0), '');
	END LOOP;
END
$$;
SELECT holder, status FROM booking.reschedule('00000000-0000-7000-8000-000000005008', '[2040-02-01 17:00, 2040-02-01 18:00)');
SELECT holder, status FROM booking.cancel('00000000-0000-7000-8000-000000005008');
SELECT holder, status FROM booking.cancel('00000000-0000-7000-8000-000000005008');
CREATE TEMP TABLE at_last AS EXECUTE book('columns: room', '2040-02-01 08:00');
SELECT holder, status, data FROM at_last;
SELECT b.holder, b.data FROM booking.book_slot('columns: room', '[2040-02-01 19:00, 2040-02-01 20:00)', 'ann') AS b;
SELECT (booking.publish_slot('columns: bikes', '[2040-02-04 09:00, 2040-02-04 10:00)', 5)).capacity;
SELECT (booking.close_period('columns: room', '[2044-01-01, 2044-01-02)', 'holiday')).reason;
SELECT (booking.create_resource('columns: last')).kind;
SELECT w.holder, w.status FROM booking.wait_for_slot('columns: room', '[2040-02-01 19:00, 2040-02-01 20:00)', 'bob') AS w;

-- A column of the extension that is renamed or altered: the error names it.
BEGIN;
ALTER TABLE booking.booking RENAME COLUMN holder TO customer;
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, customer) VALUES (-501, '[2040-03-01 10:00, 2040-03-01 11:00)', 'ann')$$);
ROLLBACK;
BEGIN;
ALTER EXTENSION booking DROP VIEW booking.all_bookings;
DROP VIEW booking.all_bookings;
ALTER TABLE booking.booking ALTER COLUMN reason TYPE bytea USING NULL;
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, holder) VALUES (-501, '[2040-03-01 10:00, 2040-03-01 11:00)', 'ann')$$);
ALTER TABLE booking.booking ALTER COLUMN reason TYPE varchar(100) USING NULL;
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, holder) VALUES (-501, '[2040-03-01 10:00, 2040-03-01 11:00)', 'ann')$$);
ROLLBACK;
BEGIN;
ALTER TABLE booking.seat RENAME COLUMN resource_id TO bus;
SELECT pg_temp.said($$UPDATE booking.seat SET label = 'x' WHERE bus = -502$$);
ROLLBACK;

UPDATE booking.waitlist SET status = 'left' WHERE holder = 'bob';
DELETE FROM booking.booking WHERE resource_id BETWEEN -504 AND -501;
DELETE FROM booking.resource WHERE name LIKE 'columns: %';
SELECT * FROM booking.verify();
