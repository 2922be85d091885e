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

-- Names mean what they meant when the guard was made, whichever role writes.
CREATE SCHEMA guard_capacity_trap;
CREATE TABLE guard_capacity_trap.contracted AS SELECT 1 AS hotel, 'double'::text AS room_type, 1000 AS rooms;
SET search_path = guard_capacity_trap, guard_capacity, pg_catalog;
INSERT INTO guard_capacity.stay VALUES (1, 'double', '[2030-01-04,2030-01-06)', 3);
SET search_path = guard_capacity;
DROP SCHEMA guard_capacity_trap CASCADE;

-- A change of another column takes no lock, and so waits for no transaction.
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

-- Whatever the query names may be renamed, and moved: it goes on meaning the same.
TRUNCATE stay;
DELETE FROM contract;
INSERT INTO contract VALUES (1, 'double', 2);
CREATE FUNCTION spare() RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN 0; END';
CREATE SCHEMA guard_capacity_other;
SELECT booking.guard_table('stay', '{hotel}', '{nights}', name => 'renamed',
	capacity_query => 'SELECT sum(c.rooms)::int - spare() FROM contract c JOIN contracted v USING (hotel) WHERE c.hotel = $1 AND c.valid');
INSERT INTO stay VALUES (1, 'double', '[2030-01-01,2030-01-05)');
ALTER TABLE contract RENAME COLUMN rooms TO number_of_rooms;
ALTER TABLE contract RENAME COLUMN valid TO hotel_is_valid;
ALTER TABLE contract RENAME TO "Contract, renamed";
ALTER VIEW contracted RENAME TO agreed;
ALTER FUNCTION spare() RENAME TO in_reserve;
ALTER TABLE "Contract, renamed" SET SCHEMA guard_capacity_other;
INSERT INTO stay VALUES (1, 'double', '[2030-01-01,2030-01-05)');
ALTER SCHEMA guard_capacity_other RENAME TO guard_capacity_else;
INSERT INTO stay VALUES (1, 'double', '[2030-01-01,2030-01-05)');
ALTER FUNCTION renamed_capacity(int) RENAME TO something;
UPDATE guard_capacity_else."Contract, renamed" SET number_of_rooms = 3;
INSERT INTO stay VALUES (1, 'double', '[2030-01-01,2030-01-05)');
SELECT regexp_replace(capacity_query, '\s+', ' ', 'g') FROM booking.guarded_table WHERE name = 'renamed';
SELECT count(*) FROM booking.verify_guards();
SELECT booking.validate_guard('stay', 'renamed');

-- What it needs is not dropped, and the error names the guard; nor is its type altered.
\set VERBOSITY default
ALTER TABLE guard_capacity_else."Contract, renamed" DROP COLUMN number_of_rooms;
DROP FUNCTION in_reserve();
DROP FUNCTION something(int);
ALTER TABLE stay DROP COLUMN nights;
ALTER TABLE guard_capacity_else."Contract, renamed" ALTER COLUMN number_of_rooms TYPE bigint;
ALTER TABLE stay ALTER COLUMN type TYPE varchar(20), ALTER COLUMN hotel SET DATA TYPE bigint;
\set VERBOSITY terse
-- The recipe.
BEGIN;
SELECT booking.unguard_table('stay', 'renamed');
ALTER TABLE stay ALTER COLUMN hotel TYPE bigint;
SELECT booking.guard_table('stay', '{hotel}', '{nights}', name => 'renamed',
	capacity_query => 'SELECT number_of_rooms FROM guard_capacity_else."Contract, renamed" WHERE hotel = $1');
COMMIT;
INSERT INTO stay VALUES (1, 'double', '[2030-01-01,2030-01-05)');
-- Others are altered as ever.
ALTER TABLE stay ALTER COLUMN type TYPE varchar(20);

-- The function goes with the guard, and its name does not have to be free.
CREATE FUNCTION renamed_capacity1(text) RETURNS text LANGUAGE sql RETURN $1;
SELECT proname, pg_get_function_arguments(oid) FROM pg_proc WHERE pronamespace = 'guard_capacity'::regnamespace AND prosqlbody IS NOT NULL ORDER BY 1;
SELECT booking.guard_table('stay', '{hotel}', '{nights}', name => 'renamed', capacity_query => 'SELECT 5 WHERE $1 > 0');
SELECT booking.unguard_table('stay', 'renamed');
SELECT booking.guard_table('stay', '{hotel}', '{nights}', name => 'renamed', capacity_query => 'SELECT 5 WHERE $1 > 0');
CREATE OR REPLACE FUNCTION renamed_capacity(bigint) RETURNS int LANGUAGE sql STABLE AS 'SELECT 6';
\c -
SET search_path = guard_capacity;
\set VERBOSITY default
INSERT INTO stay VALUES (1, 'double', '[2030-01-01,2030-01-05)');
SELECT booking.unguard_table('stay', 'renamed');
SELECT proname FROM pg_proc WHERE pronamespace = 'guard_capacity'::regnamespace ORDER BY 1;

-- A table that gets a new owner takes the function along; a function of another owner is not run.
CREATE ROLE regress_capacity_new;
GRANT ALL ON SCHEMA guard_capacity, guard_capacity_else TO regress_capacity_new;
GRANT USAGE ON SCHEMA booking TO regress_capacity_new;
GRANT SELECT ON guard_capacity_else."Contract, renamed" TO regress_capacity_new;
SELECT booking.guard_table('stay', '{hotel}', '{nights}', name => 'owned',
	capacity_query => 'SELECT number_of_rooms FROM guard_capacity_else."Contract, renamed" WHERE hotel = $1');
ALTER TABLE stay OWNER TO regress_capacity_new;
SELECT proowner::regrole FROM pg_proc WHERE proname = 'owned_capacity';
INSERT INTO stay VALUES (1, 'double', '[2030-02-01,2030-02-05)');
CREATE ROLE regress_capacity_other;
GRANT CREATE ON SCHEMA guard_capacity TO regress_capacity_other;
ALTER FUNCTION owned_capacity OWNER TO regress_capacity_other;
\c -
SET search_path = guard_capacity;
INSERT INTO stay VALUES (1, 'double', '[2030-02-01,2030-02-05)');
ALTER FUNCTION owned_capacity OWNER TO regress_capacity_new;
INSERT INTO stay VALUES (1, 'double', '[2030-02-01,2030-02-05)');

-- The function goes with the table.
DROP TABLE stay;
SELECT proname FROM pg_proc WHERE pronamespace = 'guard_capacity'::regnamespace ORDER BY 1;

SET client_min_messages = warning;
DROP SCHEMA guard_capacity, guard_capacity_else CASCADE;
DROP OWNED BY regress_capacity_new, regress_capacity_other;
DROP ROLE regress_capacity_new, regress_capacity_other;
