-- Guards on partitioned tables: the rule holds across partitions, whatever the key.
SET timezone = 'UTC';
SET datestyle = 'ISO';
\pset format unaligned
\pset tuples_only on
\set VERBOSITY terse
CREATE SCHEMA guard_partitions;
SET search_path = guard_partitions;

-- By time: a row lies in the partition of its beginning, and overlaps rows of the next.
CREATE TABLE rental (id int GENERATED ALWAYS AS IDENTITY, dropped int, car int, during tsrange, taken_on date) PARTITION BY RANGE (taken_on);
ALTER TABLE rental DROP COLUMN dropped;
CREATE TABLE rental_q1 PARTITION OF rental FOR VALUES FROM ('2030-01-01') TO ('2030-04-01');
-- A partition whose columns are in another order, partitioned again
CREATE TABLE rental_q2 (taken_on date, during tsrange, car int, id int NOT NULL) PARTITION BY HASH (id);
CREATE TABLE rental_q2_0 PARTITION OF rental_q2 FOR VALUES WITH (modulus 2, remainder 0);
CREATE TABLE rental_q2_1 PARTITION OF rental_q2 FOR VALUES WITH (modulus 2, remainder 1);
ALTER TABLE rental ATTACH PARTITION rental_q2 FOR VALUES FROM ('2030-04-01') TO ('2030-07-01');
SELECT booking.guard_table('rental', '{car}', '{during}', name => 'rental_guard');
SELECT target, name, rule, capacity FROM booking.guarded_table WHERE name = 'rental_guard';

INSERT INTO rental (car, during, taken_on) VALUES (1, '[2030-03-28,2030-04-05)', '2030-03-28');
INSERT INTO rental (car, during, taken_on) VALUES (1, '[2030-04-04,2030-04-06)', '2030-04-04');
INSERT INTO rental (car, during, taken_on) VALUES (1, '[2030-04-05,2030-04-06)', '2030-04-05');
-- Straight into a partition
INSERT INTO rental_q2_0 (id, car, during, taken_on) VALUES (0, 1, '[2030-03-30,2030-04-01)', '2030-04-04');
INSERT INTO rental_q1 (car, during, taken_on) VALUES (1, '[2030-04-05,2030-04-06)', '2030-01-04');
COPY rental (car, during, taken_on) FROM stdin;
2	[2030-01-01,2030-06-01)	2030-01-01
2	[2030-05-01,2030-05-02)	2030-05-01
\.
-- A row that moves to another partition is not in its own way.
UPDATE rental SET taken_on = '2030-04-01' WHERE car = 1 AND taken_on = '2030-03-28';
UPDATE rental SET taken_on = '2030-03-01', during = '[2030-03-28,2030-04-05 12:00)' WHERE taken_on = '2030-04-01';
UPDATE rental SET taken_on = '2030-03-01', during = '[2030-03-29,2030-04-05)' WHERE taken_on = '2030-04-01';
SELECT tableoid::regclass, car, during FROM rental ORDER BY during;

-- A partition that comes later obeys and counts.
CREATE TABLE rental_q3 PARTITION OF rental FOR VALUES FROM ('2030-07-01') TO ('2030-10-01');
CREATE TABLE rental_q4 (LIKE rental);
INSERT INTO rental_q4 (id, car, during, taken_on) VALUES (100, 7, '[2030-12-01,2030-12-24)', '2030-12-01');
ALTER TABLE rental ATTACH PARTITION rental_q4 FOR VALUES FROM ('2030-10-01') TO ('2031-01-01');
INSERT INTO rental (car, during, taken_on) VALUES (7, '[2030-07-01,2030-12-02)', '2030-07-01');
INSERT INTO rental (car, during, taken_on) VALUES (7, '[2030-07-01,2030-12-01)', '2030-07-01');
INSERT INTO rental_q4 (id, car, during, taken_on) VALUES (101, 7, '[2030-11-01,2030-11-02)', '2030-12-01');
-- One with rows that do not fit is not attached.
CREATE TABLE rental_2031 (LIKE rental);
INSERT INTO rental_2031 (id, car, during, taken_on) VALUES (200, 7, '[2030-12-20,2030-12-25)', '2031-01-01');
ALTER TABLE rental ATTACH PARTITION rental_2031 FOR VALUES FROM ('2031-01-01') TO ('2032-01-01');
UPDATE rental_2031 SET car = 8;
ALTER TABLE rental ATTACH PARTITION rental_2031 FOR VALUES FROM ('2031-01-01') TO ('2032-01-01');
-- One that goes takes its rows out of the count.
ALTER TABLE rental DETACH PARTITION rental_q4;
INSERT INTO rental (car, during, taken_on) VALUES (7, '[2030-12-01,2030-12-02)', '2030-07-01');
INSERT INTO rental_q4 (id, car, during, taken_on) VALUES (101, 7, '[2030-11-01,2030-12-05)', '2030-12-01');
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'rental_q4'::regclass;

SELECT booking.unguard_table('rental');
SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relname LIKE 'rental%' AND NOT tgisinternal;
SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relname ~ '^rental_q[12]';

-- By the resource: only one partition has to be looked at.
CREATE TABLE desk (room text, day daterange, people int, vip bool) PARTITION BY LIST (room);
CREATE TABLE desk_a PARTITION OF desk FOR VALUES IN ('A');
CREATE TABLE desk_rest PARTITION OF desk DEFAULT;
SELECT booking.guard_table('desk', '{room}', '{day}', capacity => 10, quantity => 'people', active => 'NOT vip');
INSERT INTO desk VALUES ('A', '[2030-01-01,2030-01-03)', 10, false), ('B', '[2030-01-01,2030-01-03)', 9, false);
INSERT INTO desk VALUES ('A', '[2030-01-02,2030-01-04)', 1, false);
INSERT INTO desk VALUES ('B', '[2030-01-02,2030-01-04)', 2, false);
INSERT INTO desk VALUES ('B', '[2030-01-02,2030-01-04)', 2, true), ('B', '[2030-01-02,2030-01-04)', 1, false);
UPDATE desk SET room = 'A' WHERE people = 1 AND NOT vip;
-- A guard of one partition only, beside the one that it has from above.
SELECT booking.guard_table('desk_a', '{}', '{day}', capacity => 3, active => 'NOT vip', name => 'groups_in_a');
INSERT INTO desk SELECT 'A', '[2030-02-01,2030-02-03)', 1, false FROM generate_series(1, 4);
INSERT INTO desk SELECT 'A', '[2030-02-01,2030-02-03)', 1, false FROM generate_series(1, 3);
INSERT INTO desk SELECT 'B', '[2030-02-01,2030-02-03)', 1, false FROM generate_series(1, 4);
SELECT booking.unguard_table('desk');
INSERT INTO desk SELECT 'A', '[2030-02-01,2030-02-03)', 1, false;
SELECT target, name FROM booking.guarded_table WHERE target IN ('desk'::regclass, 'desk_a'::regclass);

SET client_min_messages = warning;
DROP SCHEMA guard_partitions CASCADE;
