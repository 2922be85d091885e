--
-- A transaction that books a large pool so often, for periods that differ and overlap, that it does not read its own
-- rows again (pool_own.c): each answer is that of a count of all bookings, whatever is rolled
-- back, cancelled, moved, deleted or counted anew in between.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

INSERT INTO booking.resource (id, name, kind, capacity) OVERRIDING SYSTEM VALUE VALUES (-801, 'own: bikes', 'pooled', 300);
\set own -801
CREATE TABLE pg_temp.tally (asked bigint, booked bigint);

-- The most that bookings take at any instant of a period, from all of them.
CREATE FUNCTION pg_temp.in_use(pool bigint, during tstzrange, without uuid DEFAULT NULL) RETURNS bigint LANGUAGE sql AS $$
	SELECT coalesce(max(used), 0)
	FROM (SELECT sum(sum(change)) OVER (ORDER BY at) AS used
		FROM booking.booking b, LATERAL (VALUES (greatest(lower(b.occupies), lower(during)), b.quantity), (upper(b.occupies), -b.quantity)) AS edge (at, change)
		WHERE b.resource_id = pool AND b.occupies && during AND b.status IN ('held', 'confirmed') AND b.id IS DISTINCT FROM without
		GROUP BY at) AS sweep
$$;
-- To the microsecond, up to three days, within ten.
CREATE FUNCTION pg_temp.some_period() RETURNS tstzrange LANGUAGE sql AS $$
	SELECT tstzrange(at, at + interval '1 second' + random() * interval '3 days')
	FROM (SELECT timestamptz '2030-01-01' + random() * interval '7 days' AS at OFFSET 0) AS begins
$$;
CREATE FUNCTION pg_temp.one_of(pool bigint) RETURNS uuid LANGUAGE sql AS $$
	SELECT id FROM booking.booking WHERE resource_id = pool AND status = 'confirmed' ORDER BY random() LIMIT 1
$$;

-- One change, with the answer that a count of all bookings gives.
CREATE FUNCTION pg_temp.change_one(pool bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	dice float := random();
	during tstzrange := pg_temp.some_period();
	n integer := 1 + random() * 25;
	which uuid := pg_temp.one_of(pool);
	fits boolean;
	done boolean;
BEGIN
	IF dice < 0.12 THEN
		PERFORM booking.cancel(which) WHERE which IS NOT NULL;
	ELSIF dice < 0.15 THEN
		DELETE FROM booking.booking WHERE id = which;
	ELSIF dice < 0.3 AND which IS NOT NULL THEN
		fits := pg_temp.in_use(pool, during, which) + n <= 300;
		BEGIN
			UPDATE booking.booking b SET period = during, quantity = n WHERE id = which;
			done := true;
		EXCEPTION WHEN exclusion_violation THEN
			done := false;
		END;
	ELSIF dice < 0.4 THEN
		fits := pg_temp.in_use(pool, during) + n <= 300;
		BEGIN
			INSERT INTO booking.booking (resource_id, period, holder, quantity) VALUES (pool, during, 'plain', n);
			done := true;
		EXCEPTION WHEN exclusion_violation THEN
			done := false;
		END;
	ELSE
		fits := pg_temp.in_use(pool, during) + n <= 300;
		SELECT count(id) = 1 INTO done FROM booking.try_book_slot(pool, during, 'own', n);
	END IF;
	IF fits <> done THEN
		RAISE 'wrong: % of % booked', n, during;
	END IF;
	INSERT INTO pg_temp.tally SELECT 1, done::integer WHERE fits IS NOT NULL;
END $$;

-- Many, some of them in subtransactions, and these in others, of which some are rolled back.
CREATE FUNCTION pg_temp.change_many(pool bigint, n integer, depth integer DEFAULT 0) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. n LOOP
		IF depth < 3 AND random() < 0.1 THEN
			BEGIN
				PERFORM pg_temp.change_many(pool, 5, depth + 1);
				IF random() < 0.5 THEN
					RAISE 'undo' USING ERRCODE = 'ZZ001';
				END IF;
			EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
			END;
		ELSE
			PERFORM pg_temp.change_one(pool);
		END IF;
	END LOOP;
END $$;

-- In one transaction: there are rows of a batch, some of what was asked did not fit, and each answer was right.
BEGIN;
SELECT FROM pg_temp.change_many(:own, 400);
SELECT sum(booked) > 100 AS booked, sum(asked - booked) > 50 AS refused FROM pg_temp.tally;
SELECT count(*) > 100 AS rows, count(DISTINCT batch) AS batches FROM booking.pool_use WHERE resource_id = :own AND batch <> 0;
SELECT problem FROM booking.verify();
COMMIT;
SELECT problem FROM booking.verify();

-- Another one, among what is there, which is undone; the batch begins in what is rolled back first.
TRUNCATE pg_temp.tally;
BEGIN;
SAVEPOINT a;
SELECT FROM pg_temp.change_many(:own, 60);
ROLLBACK TO a;
SELECT FROM pg_temp.change_many(:own, 60);
RELEASE a;
SELECT FROM pg_temp.change_many(:own, 60);
SELECT count(*) > 50 AS asked FROM pg_temp.tally;
SELECT problem FROM booking.verify();
ROLLBACK;
SELECT problem FROM booking.verify();

-- Statements write to the table in between: the pool is small for a while, or counted anew.
BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED;
DELETE FROM booking.booking WHERE resource_id = :own;
SELECT FROM pg_temp.change_many(:own, 60);
-- (In subtransactions of their own: a row that the transaction has updated, that is updated again in what is rolled back and
-- then once more, on a page that is full, fails an assertion of PostgreSQL's, where a BEFORE UPDATE trigger has locked it.)
SAVEPOINT b;
UPDATE booking.booking SET quantity = 1 WHERE resource_id = :own;
RELEASE b;
UPDATE booking.resource SET capacity = 255 WHERE id = :own;
UPDATE booking.resource SET capacity = 300 WHERE id = :own;
SELECT count(*) FILTER (WHERE batch <> 0) AS of_batch FROM booking.pool_use WHERE resource_id = :own;
SELECT FROM pg_temp.change_many(:own, 60);
SELECT count(*) > 10 AS of_batch FROM booking.pool_use WHERE resource_id = :own AND batch <> 0;
SET LOCAL session_replication_role = replica;
SAVEPOINT b;
UPDATE booking.booking SET quantity = 2 WHERE resource_id = :own AND quantity > 10;
RELEASE b;
SET LOCAL session_replication_role = origin;
SELECT problem FROM booking.verify();
SELECT rows FROM booking.rebuild() WHERE what = 'large pools counted anew';
SELECT FROM pg_temp.change_many(:own, 100);
SELECT count(*) > 10 AS of_batch FROM booking.pool_use WHERE resource_id = :own AND batch <> 0;
SELECT count(*) > 150 AS asked FROM pg_temp.tally;
SELECT problem FROM booking.verify();
COMMIT;
SELECT problem FROM booking.verify();
DELETE FROM booking.booking WHERE resource_id = :own;

-- What is full, and from when to when, is said as if there were a row for each.
BEGIN;
INSERT INTO booking.booking (resource_id, period, holder, quantity)
SELECT :own, tstzrange('2030-02-01'::timestamptz + n * interval '1 hour', '2030-02-01'::timestamptz + (n + 100) * interval '1 hour'), 'own', 3 FROM generate_series(1, 100) AS n;
SELECT batch <> 0 AS of_batch, count(*) FROM booking.pool_use WHERE resource_id = :own AND occupies && '[2030-02-01, 2030-03-01)' GROUP BY 1 ORDER BY 1;
SELECT pg_temp.said(format($$INSERT INTO booking.booking (resource_id, period, holder) VALUES (%s, '[2030-02-01, 2030-02-07)', 'eve')$$, :own));
SELECT pg_temp.said(format($$INSERT INTO booking.booking (resource_id, period, holder, quantity) VALUES (%s, '[2030-02-01, 2030-02-06)', 'eve', 3)$$, :own));
SELECT quantity FROM booking.try_book_slot('own: bikes', '[2030-02-01, 2030-02-05 04:00)', 'eve', 3);
SELECT quantity FROM booking.try_book_slot('own: bikes', '[2030-02-05 05:00, 2030-02-09)', 'eve', 3);
COMMIT;
SELECT pg_temp.said(format($$INSERT INTO booking.booking (resource_id, period, holder) VALUES (%s, '[2030-02-01, 2030-02-07)', 'eve')$$, :own));

-- A period of nothing but rows of the batch; the same period again and again; one without end; holds.
BEGIN;
INSERT INTO booking.booking (resource_id, period, holder)
SELECT :own, tstzrange('2030-03-01'::timestamptz + n * interval '1 minute', '2030-03-02'), 'own' FROM generate_series(1, 40) AS n;
INSERT INTO booking.booking (resource_id, period, holder) SELECT :own, '[2030-04-01, 2030-04-02)', 'own' FROM generate_series(1, 100);
SELECT batch <> 0 AS of_batch, quantity FROM booking.pool_use WHERE resource_id = :own AND occupies = '[2030-04-01, 2030-04-02)';
SELECT quantity FROM booking.try_book_slot('own: bikes', '[2030-04-01, 2030-04-02)', 'own', 201);
SELECT quantity FROM booking.try_book_slot('own: bikes', '[2030-04-01, 2030-04-02)', 'own', 200);
SELECT quantity FROM booking.try_book_slot('own: bikes', '[2030-03-02,)', 'own', 1);
SELECT quantity FROM booking.try_book_slot('own: bikes', '[2030-05-01,)', 'own', 299);
SELECT quantity FROM booking.try_book_slot('own: bikes', '[2035-05-01,)', 'own', 1);
SELECT id AS hold FROM booking.book_slot('own: bikes', '[2030-03-01 12:00, 2030-03-01 13:00)', 'own', 260, hold_for => '1 hour') \gset
SELECT quantity FROM booking.try_book_slot('own: bikes', '[2030-03-01 12:30, 2030-03-01 12:31)', 'own', 1);
SELECT status FROM booking.cancel(:'hold');
SELECT quantity FROM booking.try_book_slot('own: bikes', '[2030-03-01 12:30, 2030-03-01 12:31)', 'own', 260);
SELECT problem FROM booking.verify();
ROLLBACK;

DELETE FROM booking.booking WHERE resource_id = :own;

-- What others have booked is cancelled, and then the pool is small for a while, or counted anew: what has been given
-- back is not given back twice.  Nor is what an own row from before the batch took.
SELECT id AS old FROM booking.book_slot('own: bikes', '[2030-07-01, 2030-07-02)', 'old', 200) \gset
BEGIN;
INSERT INTO booking.booking (resource_id, period, holder)
SELECT :own, tstzrange('2030-07-01'::timestamptz + n * interval '1 minute', '2030-07-02'), 'own' FROM generate_series(1, 40) AS n;
SELECT status FROM booking.cancel(:'old');
SAVEPOINT a;
UPDATE booking.resource SET capacity = 255 WHERE id = :own;
UPDATE booking.resource SET capacity = 300 WHERE id = :own;
SELECT quantity FROM booking.try_book_slot('own: bikes', '[2030-07-01 12:00, 2030-07-01 13:00)', 'own', 261);
SELECT quantity FROM booking.try_book_slot('own: bikes', '[2030-07-01 12:00, 2030-07-01 13:00)', 'own', 260);
ROLLBACK TO a;
SELECT quantity FROM booking.try_book_slot('own: bikes', '[2030-07-01 12:00, 2030-07-01 13:00)', 'own', 261);
SELECT quantity FROM booking.try_book_slot('own: bikes', '[2030-07-01 12:00, 2030-07-01 13:00)', 'own', 260);
ROLLBACK;
BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED;
INSERT INTO booking.booking (resource_id, period, holder)
SELECT :own, tstzrange('2030-07-01'::timestamptz + n * interval '1 minute', '2030-07-02'), 'own' FROM generate_series(1, 40) AS n;
SELECT status FROM booking.cancel(:'old');
SET LOCAL session_replication_role = replica;
UPDATE booking.booking SET quantity = 2 WHERE resource_id = :own AND period @> timestamptz '2030-07-01 12:00' AND holder = 'own';
SET LOCAL session_replication_role = origin;
SELECT rows FROM booking.rebuild() WHERE what = 'large pools counted anew';
SELECT quantity FROM booking.try_book_slot('own: bikes', '[2030-07-01 12:00, 2030-07-01 13:00)', 'own', 221);
SELECT quantity FROM booking.try_book_slot('own: bikes', '[2030-07-01 12:00, 2030-07-01 13:00)', 'own', 220);
ROLLBACK;
BEGIN;
INSERT INTO booking.booking (resource_id, period, holder)
SELECT :own, tstzrange('2030-07-01'::timestamptz + n * interval '1 minute', '2030-07-02'), 'own' FROM generate_series(1, 40) AS n;
SELECT (booking.cancel(id)).status FROM booking.booking WHERE resource_id = :own AND period = '[2030-07-01 00:01, 2030-07-02)';
SELECT quantity FROM booking.try_book_slot('own: bikes', '[2030-07-01 12:00, 2030-07-01 13:00)', 'own', 62);
SELECT quantity FROM booking.try_book_slot('own: bikes', '[2030-07-01 12:00, 2030-07-01 13:00)', 'own', 61);
ROLLBACK;

-- Written by COPY, MERGE, ON CONFLICT and book_all() as by anything.
BEGIN;
INSERT INTO booking.booking (id, resource_id, period, holder, quantity)
SELECT ('00000000-0000-4000-8000-0000000008' || n)::uuid, :own, tstzrange('2030-06-01'::timestamptz + n * interval '1 minute', '2030-06-02'), 'own', 3 FROM generate_series(10, 49) AS n;
COPY booking.booking (resource_id, period, holder, quantity) FROM stdin;
-801	[2030-06-01 01:00, 2030-06-02)	copy	30
-801	[2030-06-01 02:00, 2030-06-02)	copy	40
\.
MERGE INTO booking.booking b USING (VALUES ('00000000-0000-4000-8000-000000000810'::uuid, 13), ('00000000-0000-4000-8000-000000000850', 20)) AS v (id, quantity) ON b.id = v.id
	WHEN MATCHED THEN UPDATE SET quantity = v.quantity
	WHEN NOT MATCHED THEN INSERT (id, resource_id, period, holder, quantity) VALUES (v.id, :own, '[2030-06-01 03:00, 2030-06-02)', 'merge', v.quantity);
INSERT INTO booking.booking (id, resource_id, period, holder, quantity)
VALUES ('00000000-0000-4000-8000-000000000811', :own, '[2030-06-01 04:00, 2030-06-02)', 'own', 40)
ON CONFLICT (id) DO UPDATE SET quantity = 23;
SELECT count(*), min(status) FROM booking.book_all(jsonb_build_array(
	jsonb_build_object('resource', 'own: bikes', 'period', '[2030-06-01 05:00, 2030-06-02)', 'quantity', 30),
	jsonb_build_object('resource', 'own: bikes', 'period', '[2030-06-01 06:00, 2030-06-02)', 'quantity', 20)), 'all');
SELECT 300 - pg_temp.in_use(:own, '[2030-06-01, 2030-06-02)') AS left \gset
SELECT :left;
SELECT quantity FROM booking.try_book_slot('own: bikes', '[2030-06-01 07:00, 2030-06-01 08:00)', 'own', :left + 1);
SELECT quantity = :left AS rest FROM booking.try_book_slot('own: bikes', '[2030-06-01 07:00, 2030-06-01 08:00)', 'own', :left);
-- A trigger of the application on the table: it sees statements, and these write no batch.
CREATE FUNCTION pg_temp.seen() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER seen BEFORE INSERT ON booking.pool_use FOR EACH ROW EXECUTE FUNCTION pg_temp.seen();
SELECT quantity FROM booking.try_book_slot('own: bikes', '[2030-06-01 08:00, 2030-06-01 09:00)', 'own', :left + 1);
SELECT quantity = :left AS rest FROM booking.try_book_slot('own: bikes', '[2030-06-01 08:00, 2030-06-01 09:00)', 'own', :left);
SELECT batch FROM booking.pool_use WHERE resource_id = :own AND occupies = '[2030-06-01 08:00, 2030-06-01 09:00)';
DROP TRIGGER seen ON booking.pool_use;
SELECT quantity FROM booking.try_book_slot('own: bikes', '[2030-06-01 08:00, 2030-06-01 09:00)', 'own');
SELECT quantity = :left AS rest FROM booking.try_book_slot('own: bikes', '[2030-06-01 09:00, 2030-06-01 10:00)', 'own', :left);
SELECT problem FROM booking.verify();
ROLLBACK;

DELETE FROM booking.booking WHERE resource_id = :own;
DELETE FROM booking.resource WHERE id = :own;
SELECT count(*) FROM booking.verify();
