--
-- Plain SQL obeys the same rules: INSERT, UPDATE, DELETE, COPY, MERGE.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

INSERT INTO booking.resource (id, name) OVERRIDING SYSTEM VALUE VALUES (-101, 'dml: room'), (-102, 'dml: other');
INSERT INTO booking.resource (id, name, kind, capacity) VALUES (-103, 'dml: pool', 'pooled', 2), (-104, 'dml: bus', 'seated', NULL);
INSERT INTO booking.seat VALUES (-104, 1, '1A');

-- What the writer leaves out is filled in.
INSERT INTO booking.booking (resource_id, period, holder) VALUES (-101, '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann')
RETURNING seat_no, occupies, quantity, status, version, created_at = now() AS now;

-- Every kind of wrong row.
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, holder) VALUES (-101, '[2030-01-07 09:30, 2030-01-07 10:30)', 'eve')$$);
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, holder) VALUES (-999, '[2030-01-07 09:30, 2030-01-07 10:30)', 'eve')$$);
SELECT pg_temp.said($$INSERT INTO booking.booking (period, holder) VALUES ('[2030-01-07 09:30, 2030-01-07 10:30)', 'eve')$$);
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, holder) VALUES (-101, 'eve')$$);
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period) VALUES (-101, '[2030-01-07 10:00, 2030-01-07 10:30)')$$);
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, holder) VALUES (-101, 'empty', 'eve')$$);
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, holder, quantity) VALUES (-103, '[2030-01-07 10:00, 2030-01-07 10:30)', 'eve', 0)$$);
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, holder, quantity) VALUES (-101, '[2030-01-07 10:00, 2030-01-07 10:30)', 'eve', 2)$$);
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, holder, seat_no) VALUES (-101, '[2030-01-07 10:00, 2030-01-07 10:30)', 'eve', 1)$$);
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, holder, seat_no) VALUES (-103, '[2030-01-07 10:00, 2030-01-07 10:30)', 'eve', 1)$$);
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, holder, seat_no) VALUES (-104, '[2030-01-07 10:00, 2030-01-07 10:30)', 'eve', 2)$$);
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, holder, status) VALUES (-101, '[2030-01-07 10:00, 2030-01-07 10:30)', 'eve', 'maybe')$$);
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, holder, status) VALUES (-101, '[2030-01-07 10:00, 2030-01-07 10:30)', 'eve', 'held')$$);
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, holder, expires_at) VALUES (-101, '[2030-01-07 10:00, 2030-01-07 10:30)', 'eve', now())$$);
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, holder, occupies) VALUES (-101, '[2030-01-07 10:00, 2030-01-07 10:30)', 'eve', '[2030-01-07 10:10, 2030-01-07 10:30)')$$);
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, holder, data) VALUES (-101, '[2030-01-07 10:00, 2030-01-07 10:30)', 'eve', '[]')$$);

-- A cancelled booking may overlap others; set back to confirmed, it is judged like a new one.
INSERT INTO booking.booking (id, resource_id, period, holder, status)
VALUES ('00000000-0000-7000-8000-0000000000c1', -101, '[2030-01-07 09:30, 2030-01-07 10:30)', 'bob', 'cancelled');
SELECT pg_temp.said($$UPDATE booking.booking SET status = 'confirmed' WHERE id = '00000000-0000-7000-8000-0000000000c1'$$);
UPDATE booking.booking SET status = 'confirmed', period = '[2030-01-07 10:00, 2030-01-07 10:30)'
WHERE id = '00000000-0000-7000-8000-0000000000c1' RETURNING status, occupies, version;

-- Moving: over itself, against another, to another resource.
UPDATE booking.booking SET period = '[2030-01-07 10:15, 2030-01-07 10:45)' WHERE holder = 'bob' AND resource_id = -101;
SELECT pg_temp.said($$UPDATE booking.booking SET period = '[2030-01-07 09:45, 2030-01-07 10:45)' WHERE holder = 'bob' AND resource_id = -101$$);
UPDATE booking.booking SET resource_id = -102, period = '[2030-01-07 09:00, 2030-01-07 10:00)' WHERE holder = 'bob' AND resource_id = -101;
SELECT pg_temp.said($$UPDATE booking.booking SET resource_id = -101 WHERE holder = 'bob' AND resource_id = -102$$);
SELECT pg_temp.said($$UPDATE booking.booking SET resource_id = -999 WHERE holder = 'bob' AND resource_id = -102$$);
-- To a pool and back, the seat is given up and found again.
UPDATE booking.booking SET resource_id = -103 WHERE holder = 'bob' AND resource_id = -102;
UPDATE booking.booking SET resource_id = -102 WHERE holder = 'bob' AND resource_id = -103 RETURNING seat_no, version;

-- Several rows in one statement: all of them or none.
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, holder) VALUES
	(-102, '[2030-01-08 09:00, 2030-01-08 10:00)', 'eve'), (-102, '[2030-01-08 09:30, 2030-01-08 10:30)', 'eve')$$);
SELECT count(*) FROM booking.booking WHERE holder = 'eve' AND resource_id < 0;
INSERT INTO booking.booking (resource_id, period, holder)
SELECT -102, tstzrange(day, day + interval '1 hour'), 'carl'
FROM generate_series(timestamptz '2030-02-01 09:00', '2030-02-28 09:00', '1 day') AS day;
-- An UPDATE of several rows meets the rows that it has not come to yet, as with any constraint that is checked row by row.
UPDATE booking.booking SET period = tstzrange(lower(period) + interval '1 hour', upper(period) + interval '1 hour') WHERE holder = 'carl';
SELECT count(*), min(version), max(version), min(lower(period)) FROM booking.booking WHERE holder = 'carl';

-- COPY.
COPY booking.booking (resource_id, period, holder) FROM stdin;
-101	[2030-03-01 09:00,2030-03-01 10:00)	dora
-101	[2030-03-01 10:00,2030-03-01 11:00)	dora
\.
COPY booking.booking (resource_id, period, holder) FROM stdin;
-101	[2030-03-02 09:00,2030-03-02 10:00)	eve
-101	[2030-03-01 10:30,2030-03-01 11:30)	eve
\.
SELECT count(*) FILTER (WHERE holder = 'dora') AS dora, count(*) FILTER (WHERE holder = 'eve') AS eve FROM booking.booking WHERE resource_id = -101;

-- ON CONFLICT: nothing is stored twice, nothing is judged that is not stored.
INSERT INTO booking.booking (id, resource_id, period, holder)
VALUES ('00000000-0000-7000-8000-0000000000c1', -102, '[2030-05-01 09:00, 2030-05-01 10:00)', 'bob') ON CONFLICT (id) DO NOTHING;
INSERT INTO booking.booking AS b (id, resource_id, period, holder)
VALUES ('00000000-0000-7000-8000-0000000000c1', -102, '[2030-05-01 09:00, 2030-05-01 10:00)', 'bob')
ON CONFLICT (id) DO UPDATE SET reason = 'seen twice', period = excluded.period RETURNING b.period, b.reason;
SELECT holder FROM booking.book_slot(-102, '[2030-01-07 09:00, 2030-01-07 10:00)', 'carl');
INSERT INTO booking.booking (resource_id, period, holder)
VALUES (-103, '[2030-05-01 09:00, 2030-05-01 10:00)', 'ann'), (-103, '[2030-05-01 09:00, 2030-05-01 10:00)', 'bob') ON CONFLICT DO NOTHING;
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, holder)
VALUES (-103, '[2030-05-01 09:00, 2030-05-01 10:00)', 'eve') ON CONFLICT DO NOTHING$$);
-- A booking that is there already, by its id, is no conflict of periods.
INSERT INTO booking.booking (id, resource_id, period, holder)
VALUES ('00000000-0000-7000-8000-0000000000c1', -102, '[2030-05-01 09:00, 2030-05-01 10:00)', 'bob') ON CONFLICT (id) DO NOTHING;
SELECT pg_temp.said($$INSERT INTO booking.booking (id, resource_id, period, holder)
VALUES ('00000000-0000-7000-8000-0000000000c1', -102, '[2030-05-01 09:00, 2030-05-01 10:00)', 'bob')$$);

-- MERGE.
MERGE INTO booking.booking AS b
USING (VALUES ('ann', tstzrange '[2030-01-07 08:00, 2030-01-07 09:30)'), ('fred', '[2030-01-07 12:00, 2030-01-07 13:00)')) AS s (holder, period)
	ON b.holder = s.holder AND b.resource_id = -101
WHEN MATCHED THEN UPDATE SET period = s.period
WHEN NOT MATCHED THEN INSERT (resource_id, holder, period) VALUES (-101, s.holder, s.period);
SELECT pg_temp.said($$MERGE INTO booking.booking AS b USING (VALUES ('gina', tstzrange '[2030-01-07 12:30, 2030-01-07 13:00)')) AS s (holder, period)
	ON b.holder = s.holder WHEN NOT MATCHED THEN INSERT (resource_id, holder, period) VALUES (-101, s.holder, s.period)$$);

-- The gate is left when the statement is over, also when nothing was stored.
BEGIN;
INSERT INTO booking.booking (resource_id, period, holder) VALUES (-101, '[2030-06-01 09:00, 2030-06-01 10:00)', 'ann');
INSERT INTO booking.booking (id, resource_id, period, holder)
VALUES ('00000000-0000-7000-8000-0000000000c1', -103, '[2030-06-01 09:00, 2030-06-01 10:00)', 'bob') ON CONFLICT (id) DO NOTHING;
SELECT holder FROM booking.try_book_slot(-101, '[2030-06-01 09:00, 2030-06-01 10:00)', 'eve');
SELECT objsubid, mode, (classid::bigint << 32 | objid::bigint) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() ORDER BY 1, 3;
COMMIT;

-- A bulk load takes a bounded number of locks, whatever it touches.
INSERT INTO booking.resource (id, name) SELECT -n, 'dml: many ' || n FROM generate_series(10001, 11000) AS n;
BEGIN;
INSERT INTO booking.booking (resource_id, period, holder)
SELECT -n, '[2030-06-01 09:00, 2030-06-01 10:00)', 'hugo' FROM generate_series(10001, 11000) AS n;
SELECT mode, count(*) - 4 * current_setting('max_locks_per_transaction')::int AS beyond FROM pg_locks
	WHERE locktype = 'advisory' AND mode <> 'RowExclusiveLock' AND pid = pg_backend_pid() GROUP BY mode ORDER BY mode;
UPDATE booking.resource SET category = 'many' WHERE name LIKE 'dml: many %';
SELECT mode, count(*) - 4 * current_setting('max_locks_per_transaction')::int AS beyond FROM pg_locks
	WHERE locktype = 'advisory' AND mode <> 'RowExclusiveLock' AND pid = pg_backend_pid() GROUP BY mode ORDER BY mode;
ROLLBACK;
DELETE FROM booking.resource WHERE name LIKE 'dml: many %';

-- A user's own trigger changes the row before it is judged.
CREATE FUNCTION pg_temp.an_hour_later() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	new.period := tstzrange(lower(new.period) + interval '1 hour', upper(new.period) + interval '1 hour');
	RETURN new;
END
$$;
BEGIN;
CREATE TRIGGER an_hour_later BEFORE INSERT ON booking.booking FOR EACH ROW EXECUTE FUNCTION pg_temp.an_hour_later();
SELECT period FROM booking.book_slot(-101, '[2030-07-01 09:00, 2030-07-01 10:00)', 'ann');
SELECT holder FROM booking.try_book_slot(-101, '[2030-07-01 09:00, 2030-07-01 10:00)', 'eve');
SELECT period FROM booking.try_book_slot(-101, '[2030-07-01 10:00, 2030-07-01 11:00)', 'eve');
SELECT period FROM booking.book_slot(-101, '[2030-07-01 08:00, 2030-07-01 09:00)', 'bob');
ROLLBACK;
-- One that comes after ours has the last word about what is stored, and given back.
CREATE FUNCTION pg_temp.stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.data := '{"stamped": true}'; RETURN new; END $$;
BEGIN;
CREATE TRIGGER zzz_stamp BEFORE INSERT ON booking.booking FOR EACH ROW EXECUTE FUNCTION pg_temp.stamp();
SELECT holder, data FROM booking.book_slot(-101, '[2030-07-01 09:00, 2030-07-01 10:00)', 'ann');
DROP TRIGGER zzz_stamp ON booking.booking;
SELECT holder, data FROM booking.book_slot(-101, '[2030-07-01 10:00, 2030-07-01 11:00)', 'ann');
ROLLBACK;

-- What cannot go.
SELECT pg_temp.said($$TRUNCATE booking.booking$$);
SELECT pg_temp.said($$TRUNCATE booking.resource CASCADE$$);
SELECT pg_temp.said($$DELETE FROM booking.resource WHERE id = -104$$);
SELECT pg_temp.said($$DELETE FROM booking.resource WHERE id = -103$$);
SELECT pg_temp.said($$UPDATE booking.resource SET id = -105 WHERE id = -103$$);
SELECT pg_temp.said($$UPDATE booking.resource SET kind = 'exclusive', capacity = 1 WHERE id = -103$$);
DELETE FROM booking.booking WHERE resource_id = -103;
DELETE FROM booking.resource WHERE id = -103;
SELECT name FROM booking.resource WHERE name LIKE 'dml: %' ORDER BY 1;

SELECT * FROM booking.verify() WHERE resource_id < 0;
