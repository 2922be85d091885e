-- guard_against(): no row of a guarded table overlaps a row of the blocking table,
-- whichever comes first.
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

CREATE SCHEMA guard_against;
SET search_path = guard_against;

CREATE TABLE court_booking (court int, during tstzrange);
CREATE TABLE maintenance (id int PRIMARY KEY, court_no int, starts timestamptz, ends timestamptz, called_off bool NOT NULL DEFAULT false);
SELECT booking.guard_table('court_booking', '{court}', '{during}');
INSERT INTO court_booking VALUES (1, '[2030-01-01 10:00,2030-01-01 11:00)'), (3, '[2030-01-01 10:00,2030-01-01 11:00)');
INSERT INTO maintenance VALUES (1, 3, '2030-01-01 10:30', '2030-01-01 12:00');
SELECT pg_temp.said($$SELECT booking.guard_against('court_booking', 'court_booking_court_guard', 'maintenance', '{court_no}', '{starts,ends}', 'NOT called_off')$$);
UPDATE maintenance SET called_off = true;
SELECT booking.guard_against('court_booking', 'court_booking_court_guard', 'maintenance', '{court_no}', '{starts,ends}', 'NOT called_off');
SELECT target, name, rule, resource, period, active, other, index FROM booking.guarded_table
	WHERE target IN ('court_booking'::regclass, 'maintenance'::regclass) ORDER BY 2, 1;

-- Both directions
SELECT pg_temp.said($$INSERT INTO maintenance VALUES (2, 1, '2030-01-01 10:30', '2030-01-01 12:00')$$);
INSERT INTO maintenance VALUES (2, 1, '2030-01-01 11:00', '2030-01-01 12:00');
INSERT INTO maintenance VALUES (3, 1, '2030-01-01 11:30', '2030-01-01 13:00');
SELECT pg_temp.said($$INSERT INTO court_booking VALUES (1, '[2030-01-01 12:30,2030-01-01 14:00)')$$);
INSERT INTO court_booking VALUES (2, '[2030-01-01 12:30,2030-01-01 14:00)'), (1, '[2030-01-01 13:00,2030-01-01 14:00)');
SELECT pg_temp.said($$UPDATE court_booking SET court = 1, during = '[2030-01-01 11:30,2030-01-01 12:00)' WHERE court = 2$$);
SELECT pg_temp.said($$UPDATE maintenance SET called_off = false$$);
UPDATE maintenance SET called_off = true WHERE id = 3;
INSERT INTO court_booking VALUES (1, '[2030-01-01 12:30,2030-01-01 13:00)');
SELECT pg_temp.said($$UPDATE maintenance SET called_off = false WHERE id = 3$$);
DELETE FROM court_booking WHERE court = 3;
UPDATE maintenance SET called_off = false WHERE id = 1;
SELECT pg_temp.said($$INSERT INTO court_booking VALUES (4, '[2030-01-01 10:00,2030-01-01 11:00)'), (3, '[2030-01-01 10:00,2030-01-01 11:00)')$$);

-- Renames, and what cannot be dropped
ALTER TABLE maintenance RENAME TO "works";
ALTER TABLE works RENAME court_no TO "where";
SELECT pg_temp.said($$INSERT INTO court_booking VALUES (3, '[2030-01-01 10:00,2030-01-01 11:00)')$$);
SELECT pg_temp.said($$ALTER TABLE works DROP COLUMN starts$$);
SELECT pg_temp.said($$SELECT booking.unguard_table('court_booking', 'court_booking_court_guard')$$);

-- Removed from either side
SELECT booking.unguard_table('works');
INSERT INTO court_booking VALUES (3, '[2030-01-01 10:00,2030-01-01 11:00)');
SELECT count(*) FROM pg_trigger WHERE tgrelid IN ('works'::regclass, 'court_booking'::regclass) AND tgname LIKE '%maintenance_guard';
SELECT count(*) FROM pg_index WHERE indrelid = 'works'::regclass;
DELETE FROM court_booking WHERE court = 3;

-- Several rules meet in one row: the table's own, and two tables that block.
CREATE TABLE holiday (during tstzrange, court int);
SELECT booking.guard_against('court_booking', 'court_booking_court_guard', 'works', '{where}', '{starts,ends}', 'NOT called_off');
SELECT booking.guard_against('court_booking', 'court_booking_court_guard', 'holiday', '{court}', '{during}');
INSERT INTO holiday VALUES ('[2030-12-24,2030-12-27)', 1);
SELECT pg_temp.said($$INSERT INTO court_booking VALUES (1, '[2030-12-24 10:00,2030-12-24 11:00)')$$);
SELECT pg_temp.said($$INSERT INTO court_booking VALUES (3, '[2030-01-01 10:00,2030-01-01 11:00)')$$);
SELECT pg_temp.said($$INSERT INTO court_booking VALUES (1, '[2030-01-01 10:00,2030-01-01 11:00)')$$);
-- A blocking table that goes takes the rule along.
DROP TABLE holiday;
INSERT INTO court_booking VALUES (1, '[2030-12-24 10:00,2030-12-24 11:00)');
SELECT booking.unguard_table('court_booking');
SELECT count(*) FROM booking.guarded_table WHERE target IN ('works'::regclass, 'court_booking'::regclass);

-- Wrong arguments
SELECT booking.guard_table('court_booking', '{court}', '{during}', capacity => 2, name => 'g');
SELECT pg_temp.said($$SELECT booking.guard_against('court_booking', 'h', 'works', '{where}', '{starts,ends}')$$);
SELECT pg_temp.said($$SELECT booking.guard_against('court_booking', 'g', 'court_booking', '{court}', '{during}')$$);
SELECT pg_temp.said($$SELECT booking.guard_against('court_booking', 'g', 'works', '{where,starts}', '{starts,ends}')$$);
ALTER TABLE works ALTER "where" TYPE bigint;
SELECT pg_temp.said($$SELECT booking.guard_against('court_booking', 'g', 'works', '{where}', '{starts,ends}')$$);
SELECT pg_temp.said($$SELECT booking.guard_against('court_booking', NULL, 'works', '{where}', '{starts,ends}')$$);

-- Without equality columns, everything is one: a house and its general cleaning.
CREATE TABLE visit (during tstzrange);
CREATE TABLE cleaning (during tstzrange);
SELECT booking.guard_table('visit', '{}', '{during}', capacity => 3, name => 'three_at_once');
INSERT INTO visit VALUES ('[2030-01-07 10:00,2030-01-07 11:00)');
INSERT INTO cleaning VALUES ('[2030-01-07 10:30,2030-01-07 12:00)');
SELECT pg_temp.said($$SELECT booking.guard_against('visit', 'three_at_once', 'cleaning', '{}', '{during}')$$);
DELETE FROM cleaning;
SELECT booking.guard_against('visit', 'three_at_once', 'cleaning', '{}', '{during}');
SELECT pg_temp.said($$INSERT INTO cleaning VALUES ('[2030-01-07 10:30,2030-01-07 12:00)')$$);
INSERT INTO cleaning VALUES ('[2030-01-07 11:00,2030-01-07 12:00)');
SELECT pg_temp.said($$INSERT INTO visit VALUES ('[2030-01-07 11:30,2030-01-07 12:00)')$$);
SELECT count(*) FROM booking.verify_guards();

DROP SCHEMA guard_against CASCADE;
