-- A capacity that a query gives: the contracted number stands in another table.
SET timezone = 'UTC';
SET datestyle = 'ISO';
\pset format unaligned
\pset tuples_only on
\set VERBOSITY terse
CREATE SCHEMA guard_capacity;
SET search_path = guard_capacity;

CREATE TABLE contract (hotel int, room_type text, rooms int, valid bool DEFAULT true, remark text);
CREATE VIEW contracted AS SELECT hotel, room_type, sum(rooms) AS rooms FROM contract WHERE valid GROUP BY 1, 2;
CREATE TABLE stay (hotel int, type text, nights daterange, rooms int DEFAULT 1);
SELECT booking.guard_table('stay', '{hotel,type}', '{nights}', quantity => 'rooms', name => 'stay_guard',
	capacity_query => 'SELECT rooms FROM contracted WHERE hotel = $1 AND room_type = $2');
-- The names are written out, and the columns that matter have a trigger.
SELECT regexp_replace(capacity_query, '\s+', ' ', 'g') FROM booking.guarded_table WHERE name = 'stay_guard';
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'contract'::regclass;

INSERT INTO contract VALUES (1, 'double', 2), (1, 'double', 1), (1, 'suite', NULL);
INSERT INTO stay VALUES (1, 'double', '[2030-01-01,2030-01-05)', 2);
INSERT INTO stay VALUES (1, 'double', '[2030-01-01,2030-01-05)', 2);
-- Nothing contracted: no row, or NULL
INSERT INTO stay VALUES (1, 'single', '[2030-01-01,2030-01-05)');
INSERT INTO stay VALUES (1, 'suite', '[2030-01-01,2030-01-05)');
-- More, and less than what is booked: what is booked stays, and nothing is added.
UPDATE contract SET rooms = 3 WHERE rooms = 2;
INSERT INTO stay VALUES (1, 'double', '[2030-01-01,2030-01-05)', 2);
UPDATE contract SET valid = false WHERE rooms = 1;
INSERT INTO stay VALUES (1, 'double', '[2030-01-04,2030-01-06)', 1);
UPDATE stay SET nights = '[2030-01-01,2030-01-04)' WHERE rooms = 2;
INSERT INTO stay VALUES (1, 'double', '[2030-01-04,2030-01-06)', 3);

-- Names mean what they meant when the guard was made, whoever writes.
CREATE SCHEMA guard_capacity_trap;
CREATE TABLE guard_capacity_trap.contracted AS SELECT 1 AS hotel, 'double'::text AS room_type, 1000 AS rooms;
SET search_path = guard_capacity_trap, guard_capacity, pg_catalog;
INSERT INTO guard_capacity.stay VALUES (1, 'double', '[2030-01-04,2030-01-06)', 3);
SET search_path = guard_capacity;
DROP SCHEMA guard_capacity_trap CASCADE;

-- A change of another column waits for nobody: no lock is taken.
BEGIN;
UPDATE contract SET remark = 'x';
UPDATE contract SET rooms = rooms;
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
UPDATE contract SET rooms = rooms + 1;
SELECT count(*), min(mode) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
ROLLBACK;

-- What the query needs cannot be dropped unnoticed.
DROP TABLE contract;
ALTER TABLE contract DROP COLUMN valid;
DROP TRIGGER zzzz_stay_guard_capacity ON contract;

-- The query may read several rows only if it says which.
SELECT booking.unguard_table('stay');
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'contract'::regclass;
TRUNCATE stay;
SELECT booking.guard_table('stay', '{hotel,type}', '{nights}', capacity_query => 'SELECT rooms FROM contract WHERE hotel = $1');
INSERT INTO stay VALUES (1, 'double', '[2030-01-01,2030-01-05)');

-- Existing rows are judged by their own capacity.
SELECT booking.unguard_table('stay');
INSERT INTO stay SELECT 1, 'double', '[2030-01-01,2030-01-05)', 1 FROM generate_series(1, 4);
INSERT INTO stay VALUES (2, 'double', '[2030-01-01,2030-01-05)');
\set VERBOSITY default
SELECT booking.guard_table('stay', '{hotel}', '{nights}', quantity => 'rooms', capacity_query => 'SELECT sum(rooms)::int FROM contract WHERE hotel = $1');

SET client_min_messages = warning;
DROP SCHEMA guard_capacity CASCADE;
