-- guard_table(): never more than so many at once, on a table you have already.
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

CREATE SCHEMA guard_table;
SET search_path = guard_table;

--
-- A hotel sells three double rooms per night, in any quantity, unless canceled.
--
CREATE TABLE stay (
	id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	old_column int,
	hotel text,
	nights daterange,
	rooms int NOT NULL DEFAULT 1,
	canceled_at timestamptz
);
ALTER TABLE stay DROP COLUMN old_column;
SELECT booking.guard_table('stay', resource => '{hotel}', period => '{nights}', capacity => 3,
	quantity => 'rooms', active => 'canceled_at IS NULL');

SELECT name, rule, resource, period, quantity, active, capacity FROM booking.guarded_table WHERE target = 'stay'::regclass;

INSERT INTO stay (hotel, nights, rooms) VALUES
	('Ritz', '[2030-07-01,2030-07-03)', 2),
	('Ritz', '[2030-07-03,2030-07-05)', 2);
-- One long stay over two short ones: three overlap, and never more than three rooms are used.
INSERT INTO stay (hotel, nights) VALUES ('Ritz', '[2030-07-01,2030-07-05)');
-- Every room is taken on any of the nights now.
SELECT pg_temp.said($$INSERT INTO stay (hotel, nights) VALUES ('Ritz', '[2030-07-04,2030-07-08)')$$);
SELECT pg_temp.said($$INSERT INTO stay (hotel, nights, rooms) VALUES ('Ritz', '[2030-07-04,2030-07-08)', 2147483647)$$);
-- Back to back is no overlap, another hotel is another thing, and an end may be open.
INSERT INTO stay (hotel, nights, rooms) VALUES ('Ritz', '[2030-07-05,2030-07-06)', 1), ('Adlon', '[2030-07-01,)', 3);
SELECT pg_temp.said($$INSERT INTO stay (hotel, nights, rooms) VALUES ('Ritz', '(,2030-07-06)', 1)$$);
SELECT pg_temp.said($$INSERT INTO stay (hotel, nights, rooms) VALUES ('Ritz', '[2030-07-05,2030-07-06)', 3)$$);
SELECT pg_temp.said($$INSERT INTO stay (hotel, nights, rooms) VALUES ('Adlon', '[2040-01-01,2040-01-02)', 1)$$);

-- Not in force: canceled, no hotel, no nights, an empty range, or no room at all.
INSERT INTO stay (hotel, nights, rooms, canceled_at) VALUES ('Adlon', '[2030-07-01,)', 3, now());
INSERT INTO stay (hotel, nights, rooms) VALUES
	(NULL, '[2030-07-01,)', 9), ('Adlon', NULL, 9), ('Adlon', 'empty', 9), ('Adlon', '[2030-07-01,)', 0);
SELECT pg_temp.said($$INSERT INTO stay (hotel, nights, rooms) VALUES ('Adlon', '[2030-07-01,)', -1)$$);
SELECT pg_temp.said($$UPDATE stay SET canceled_at = NULL WHERE canceled_at IS NOT NULL$$);

-- A change is judged by what it adds: its own old version is not in the way.
UPDATE stay SET nights = '[2030-07-02,2030-07-03)' WHERE id = 1;
UPDATE stay SET rooms = 1 WHERE id = 1;
SELECT pg_temp.said($$UPDATE stay SET rooms = 4 WHERE id = 1$$);
SELECT pg_temp.said($$UPDATE stay SET nights = '[2030-07-02,2030-07-04)', rooms = 2 WHERE id = 1$$);
UPDATE stay SET canceled_at = now() WHERE id = 2;
UPDATE stay SET nights = '[2030-07-02,2030-07-04)', rooms = 2 WHERE id = 1;
DELETE FROM stay WHERE hotel = 'Adlon';
INSERT INTO stay (hotel, nights, rooms) VALUES ('Adlon', '[2030-07-01,2031-07-01)', 3);

--
-- Renames change nothing, and what the guard needs cannot be dropped.
--
ALTER TABLE stay RENAME COLUMN hotel TO house;
ALTER TABLE stay RENAME COLUMN rooms TO "number of rooms";
ALTER TABLE stay RENAME TO "Stay";
ALTER INDEX stay_hotel_guard RENAME TO some_index;
CREATE SCHEMA guard_table_other;
ALTER TABLE "Stay" SET SCHEMA guard_table_other;
SET search_path = guard_table_other;
REINDEX INDEX CONCURRENTLY some_index;
ALTER TABLE "Stay" ADD COLUMN note text, DROP COLUMN id;
SELECT pg_temp.said($$INSERT INTO "Stay" (house, nights) VALUES ('Adlon', '[2030-08-01,2030-08-02)')$$);
SELECT pg_temp.said($$ALTER TABLE "Stay" DROP COLUMN "number of rooms"$$);
SELECT pg_temp.said($$DROP INDEX some_index$$);
SELECT pg_temp.said($$DROP TRIGGER zzzz_stay_hotel_guard ON "Stay"$$);
SELECT pg_temp.said($$DROP EXTENSION booking$$) LIMIT 1;
SELECT name, resource, quantity, index FROM booking.guarded_table WHERE target = '"Stay"'::regclass;

-- DROP TABLE drops its guard.
DROP TABLE "Stay";
SELECT count(*) FROM booking.guarded_table WHERE name = 'stay_hotel_guard';
SET search_path = guard_table;
DROP SCHEMA guard_table_other;

--
-- One at a time: a guard like the others.
--
CREATE TABLE delivery (vehicle int, during tstzrange, canceled bool NOT NULL DEFAULT false);
SELECT booking.guard_table('delivery', '{vehicle}', '{during}', active => 'NOT canceled', name => 'one_delivery_at_a_time');
INSERT INTO delivery VALUES (1, '[2030-01-01 10:00, 2030-01-01 12:00)');
SELECT pg_temp.said($$INSERT INTO delivery VALUES (1, '[2030-01-01 11:00, 2030-01-01 13:00)')$$);
SELECT name, rule, resource, period, active, capacity FROM booking.guarded_table WHERE target = 'delivery'::regclass;
SELECT booking.unguard_table('delivery', 'one_delivery_at_a_time');
SELECT count(*) FROM pg_index WHERE indrelid = 'delivery'::regclass;

-- With an exclusion constraint behind it, for sessions that switch triggers off. Making it locks writers out, and no reader.
BEGIN;
SELECT booking.guard_table('delivery', '{vehicle}', '{during}', active => 'NOT canceled', name => 'one_delivery_at_a_time', with_constraint => true);
SELECT mode FROM pg_locks WHERE locktype = 'relation' AND relation = 'delivery'::regclass AND mode ~ 'Exclusive' ORDER BY 1;
COMMIT;
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'delivery'::regclass AND contype = 'x';
SELECT name, rule, capacity, index, own_index FROM booking.guarded_table WHERE target = 'delivery'::regclass;
SELECT pg_temp.said($$INSERT INTO delivery VALUES (1, '[2030-01-01 11:00, 2030-01-01 13:00)')$$);
SELECT pg_temp.said($$INSERT INTO delivery VALUES (1, '[2030-01-01 11:00, 2030-01-01 13:00)') ON CONFLICT DO NOTHING$$);
ALTER TABLE delivery DISABLE TRIGGER USER;
SELECT pg_temp.said($$INSERT INTO delivery VALUES (1, '[2030-01-01 11:00, 2030-01-01 13:00)')$$);
ALTER TABLE delivery ENABLE TRIGGER USER;
SELECT pg_temp.said($$ALTER TABLE delivery DROP CONSTRAINT one_delivery_at_a_time$$);
SELECT booking.unguard_table('delivery', 'one_delivery_at_a_time');
SELECT count(*) FROM pg_constraint WHERE conrelid = 'delivery'::regclass AND contype = 'x';
-- It knows one thing, and brings its index.
SELECT pg_temp.said($$SELECT booking.guard_table('delivery', '{vehicle}', '{during}', 2, with_constraint => true)$$);
SELECT pg_temp.said($$SELECT booking.guard_table('delivery', '{vehicle}', '{during}', quantity => 'vehicle', with_constraint => true)$$);
SELECT pg_temp.said($$SELECT booking.guard_table('delivery', '{vehicle}', '{during}', capacity_query => 'SELECT 1', with_constraint => true)$$);
SELECT pg_temp.said($$SELECT booking.guard_table('delivery', '{vehicle}', '{during}', using_index => 'x', with_constraint => true)$$);
SELECT pg_temp.said($$SELECT booking.guard_table('delivery', '{vehicle}', '{during}', check_existing => false, with_constraint => true)$$);
SELECT pg_temp.said($$SELECT booking.guard_table('delivery', '{vehicle}', '{during}', with_constraint => NULL)$$);
INSERT INTO delivery VALUES (1, '[2030-01-01 11:00, 2030-01-01 13:00)');
SELECT pg_temp.said($$SELECT booking.guard_table('delivery', '{vehicle}', '{during}', with_constraint => true)$$);
DELETE FROM delivery WHERE during = '[2030-01-01 11:00, 2030-01-01 13:00)';

-- A live table: the index is built first, concurrently, and then handed over.
CREATE INDEX CONCURRENTLY delivery_plan ON delivery USING gist (vehicle, during) WHERE NOT canceled;
SELECT booking.guard_table('delivery', '{vehicle}', '{during}', active => 'NOT canceled', using_index => 'delivery_plan');
SELECT pg_temp.said($$INSERT INTO delivery VALUES (1, '[2030-01-01 11:00, 2030-01-01 13:00)')$$);
INSERT INTO delivery VALUES (1, '[2030-01-01 12:00, 2030-01-01 13:00)');
SELECT booking.unguard_table('delivery');
SELECT 'delivery_plan'::regclass;

--
-- A start and an end column; several key columns of any type; none at all.
--
CREATE TABLE visit (clinic uuid, room varchar(10), starts timestamp, ends timestamp);
SELECT booking.guard_table('visit', '{clinic,room}', '{starts,ends}', capacity => 2);
SELECT resource, period FROM booking.guarded_table WHERE target = 'visit'::regclass;
INSERT INTO visit SELECT '11111111-1111-1111-1111-111111111111', 'A', '2030-01-01 10:00', '2030-01-01 11:00' FROM generate_series(1, 2);
INSERT INTO visit VALUES ('11111111-1111-1111-1111-111111111111', 'B', '2030-01-01 10:00', '2030-01-01 11:00'),
	('11111111-1111-1111-1111-111111111111', 'A', '2030-01-01 11:00', NULL);
SELECT pg_temp.said($$INSERT INTO visit VALUES ('11111111-1111-1111-1111-111111111111', 'A', '2030-01-01 10:30', '2030-01-01 11:00')$$);
SELECT pg_temp.said($$INSERT INTO visit VALUES ('11111111-1111-1111-1111-111111111111', 'A', '2030-01-01 10:30', '2030-01-01 09:00')$$);

CREATE TABLE run (lap int8range, weight numeric);
SELECT booking.guard_table('run', '{}', '{lap}', capacity => 2, name => 'track');
INSERT INTO run VALUES ('[1,10]'), ('[10,20]');
SELECT pg_temp.said($$INSERT INTO run VALUES ('[10,11)')$$);

-- The bounds are the range's own: these two meet at 5, and touch at 7.
CREATE TABLE load_on (beam text, span numrange);
SELECT booking.guard_table('load_on', '{beam}', '{span}', capacity => 1, name => 'beam_guard', check_existing => false);
INSERT INTO load_on VALUES ('x', '[1,5]'), ('x', '(5,7)'), ('x', '[7,9]');
SELECT pg_temp.said($$INSERT INTO load_on VALUES ('x', '[9,10)')$$);
SELECT pg_temp.said($$INSERT INTO load_on VALUES ('x', '[5,5]')$$);
INSERT INTO load_on VALUES ('x', '(9,10)');

-- Other bounds than [start, end): an index over the range that is meant.
CREATE TABLE licence (license_key text, start_date date, end_date date);
CREATE INDEX licence_days ON licence USING gist (license_key, daterange(start_date, end_date, '[]'));
SELECT booking.guard_table('licence', '{license_key}', '{start_date,end_date}', using_index => 'licence_days');
INSERT INTO licence VALUES ('k', '2030-01-01', '2030-01-31');
SELECT pg_temp.said($$INSERT INTO licence VALUES ('k', '2030-01-31', '2030-02-01')$$);

-- Two guards on one table, judged together.
SELECT booking.guard_table('licence', '{}', '{start_date,end_date}', capacity => 2, name => 'two_in_all');
INSERT INTO licence VALUES ('l', '2030-01-01', '2030-01-31');
SELECT pg_temp.said($$INSERT INTO licence VALUES ('m', '2030-01-01', '2030-01-31')$$);
SELECT pg_temp.said($$INSERT INTO licence VALUES ('l', '2030-01-05', '2030-01-07')$$);
INSERT INTO licence VALUES ('l', '2030-02-01', '2030-02-28');
SELECT booking.unguard_table('licence');
INSERT INTO licence VALUES ('l', '2030-01-01', '2030-01-31');
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'licence'::regclass;

--
-- The rows that are there already
--
CREATE TABLE shift (id int PRIMARY KEY, person text, hours tstzrange, staff bigint);
INSERT INTO shift SELECT i, 'Ann', tstzrange('2030-01-01 08:00'::timestamptz + i * interval '1 hour', '2030-01-01 12:00'), 1 FROM generate_series(0, 3) i;
INSERT INTO shift VALUES (10, 'Bob', '[2030-01-01 08:00,2030-01-01 09:00)', 3), (11, 'Cy', '[2030-01-01 08:00,2030-01-01 09:00)', 2);
SELECT pg_temp.said($$SELECT booking.guard_table('shift', '{person}', '{hours}', 2, quantity => 'staff')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('shift', '{person}', '{hours}')$$);
SELECT booking.guard_table('shift', '{person}', '{hours}', 2, quantity => 'staff', check_existing => false);
SELECT pg_temp.said($$INSERT INTO shift VALUES (12, 'Ann', '[2030-01-01 11:00,2030-01-01 12:00)', 1)$$);
INSERT INTO shift VALUES (13, 'Ann', '[2030-01-01 12:00,2030-01-01 13:00)', 1);
-- What is there may stay, and change in other ways.
UPDATE shift SET id = 5 WHERE id = 3;
SELECT pg_temp.said($$UPDATE shift SET staff = NULL WHERE id = 5$$);
SELECT booking.unguard_table('shift');
INSERT INTO shift VALUES (14, 'Di', '[2030-01-01 12:00,2030-01-01 13:00)', NULL);
SELECT pg_temp.said($$SELECT booking.guard_table('shift', '{person}', '{hours}', 9, quantity => 'staff')$$);

DROP SCHEMA guard_table CASCADE;
