-- What real schemas need of a guard: periods that are computed, no period at all, and the recipes of
-- docs/your-own-tables.md for what one guard cannot say by itself.
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all
CREATE SCHEMA guard_richer;
SET search_path = guard_richer;

-- A start and a length, with a buffer per row; in force or not.
CREATE TABLE visit (id int PRIMARY KEY, doctor int, starts timestamptz, minutes int, buffer interval DEFAULT '0', state text DEFAULT 'ok');
SELECT booking.guard_table('visit', '{doctor}', active => $$state <> 'no show'$$, name => 'visit_guard',
	period => ARRAY['starts', $$(starts AT TIME ZONE 'UTC' + minutes * interval '1 minute' + buffer) AT TIME ZONE 'UTC'$$]);
SELECT period FROM booking.guarded_table WHERE name = 'visit_guard';
INSERT INTO visit VALUES (1, 1, '2030-01-07 09:00', 30);
SELECT pg_temp.said($$INSERT INTO visit VALUES (2, 1, '2030-01-07 09:29', 10)$$);
INSERT INTO visit VALUES (2, 1, '2030-01-07 09:30', 10, '10 minutes');
SELECT pg_temp.said($$INSERT INTO visit VALUES (3, 1, '2030-01-07 09:45', 10)$$);
SELECT pg_temp.said($$UPDATE visit SET minutes = 31 WHERE id = 1$$);
SELECT pg_temp.said($$INSERT INTO visit VALUES (4, 1, '2030-01-07 12:00', 0)$$);
INSERT INTO visit VALUES (5, 1, '2030-01-07 12:00', NULL, '0', 'ok'), (6, 1, '2030-01-07 09:00', 500, '0', 'no show');
ALTER TABLE visit RENAME minutes TO length_in_minutes;
SELECT pg_temp.said($$UPDATE visit SET length_in_minutes = 41 WHERE id = 1$$);
SELECT count(*) FROM booking.verify_guards();

-- Date and time columns, by an index that is there; guard_against by expressions, too.
CREATE TABLE lesson (room int, day date, first time, last time);
CREATE INDEX lesson_wrong ON lesson USING gist (room, tsrange(day + first, day + last));
SELECT pg_temp.said($$SELECT booking.guard_table('lesson', '{room}', ARRAY['day + first', 'day + last'], active => 'room > 0', using_index => 'lesson_wrong')$$);
SELECT booking.guard_table('lesson', '{room}', ARRAY['day + first', 'day + last'], using_index => 'lesson_wrong', name => 'lesson_guard');
CREATE TABLE cleaned (room int, day date);
SELECT booking.guard_against('lesson', 'lesson_guard', 'cleaned', '{room}', ARRAY[$$tsrange(day + time '06:00', day + time '07:00')$$]);
INSERT INTO lesson VALUES (1, '2030-01-07', '08:00', '09:00');
SELECT pg_temp.said($$INSERT INTO lesson VALUES (1, '2030-01-07', '08:30', '09:30')$$);
INSERT INTO cleaned VALUES (1, '2030-01-07');
SELECT pg_temp.said($$INSERT INTO lesson VALUES (1, '2030-01-07', '06:30', '07:30')$$);

-- A whole house is closed, by fewer columns than the guard has.
CREATE TABLE stay (hotel int, room int, nights daterange);
SELECT booking.guard_table('stay', '{hotel,room}', '{nights}', name => 'stay_guard');
CREATE TABLE works (hotel int, nights daterange);
SELECT booking.guard_against('stay', 'stay_guard', 'works', '{hotel}', '{nights}') AS against \gset
INSERT INTO stay VALUES (1, 101, '[2030-01-01,2030-01-05)'), (1, 102, '[2030-01-01,2030-01-05)');
SELECT pg_temp.said($$INSERT INTO works VALUES (1, '[2030-01-04,2030-01-06)')$$);
INSERT INTO works VALUES (1, '[2030-01-05,2030-01-06)'), (2, '[2030-01-01,2030-01-31)');
SELECT pg_temp.said($$INSERT INTO stay VALUES (1, 103, '[2030-01-05,2030-01-06)')$$);
SELECT pg_temp.said($$INSERT INTO stay VALUES (2, 7, '[2030-01-05,2030-01-06)')$$);
SELECT name, rule, resource, own_index FROM booking.guarded_table WHERE target IN ('stay'::regclass, 'works'::regclass) ORDER BY rule;
SELECT count(*) FROM booking.verify_guards();
SELECT booking.unguard_table('works');
SELECT indexrelid::regclass FROM pg_index WHERE indrelid IN ('stay'::regclass, 'works'::regclass);

-- No period: N per parent.
CREATE TABLE trip (id int PRIMARY KEY, seats int);
CREATE TABLE passenger (trip int REFERENCES trip, name text PRIMARY KEY, persons int DEFAULT 1, gone boolean DEFAULT false);
SELECT booking.guard_table('passenger', '{trip}', '{}', quantity => 'persons', active => 'NOT gone', name => 'seats',
	capacity_query => 'SELECT seats FROM trip WHERE id = $1');
INSERT INTO trip VALUES (1, 3), (2, 0);
INSERT INTO passenger VALUES (1, 'ann', 2), (1, 'bob', 1);
SELECT pg_temp.said($$INSERT INTO passenger VALUES (1, 'eve')$$);
SELECT pg_temp.said($$INSERT INTO passenger VALUES (2, 'eve')$$);
UPDATE passenger SET gone = true WHERE name = 'bob';
INSERT INTO passenger VALUES (1, 'eve');
UPDATE trip SET seats = 2 WHERE id = 1;
SELECT pg_temp.said($$SELECT booking.validate_guard('passenger', 'seats')$$);
SELECT * FROM booking.verify_guards();
SELECT booking.unguard_table('passenger');
SELECT booking.guard_table('passenger', '{trip}', '{}', name => 'one', check_existing => false);
SELECT pg_temp.said($$INSERT INTO passenger VALUES (1, 'zoe')$$);

-- A numeric quantity: in whole units.
CREATE TABLE load (truck int, during tstzrange, tonnes numeric, kilos bigint GENERATED ALWAYS AS (ceil(tonnes * 1000)::bigint) STORED);
SELECT booking.guard_table('load', '{truck}', '{during}', 7500, quantity => 'kilos');
INSERT INTO load VALUES (1, '[2030-01-07 09:00,2030-01-07 10:00)', 7.4);
SELECT pg_temp.said($$INSERT INTO load VALUES (1, '[2030-01-07 09:00,2030-01-07 10:00)', 0.1001)$$);
INSERT INTO load VALUES (1, '[2030-01-07 09:00,2030-01-07 10:00)', 0.1);

-- A row that is to have it all, among rows of the same table: it takes the whole capacity.
CREATE TABLE court (id int, during tstzrange, kind text, takes int GENERATED ALWAYS AS (CASE WHEN kind = 'maintenance' THEN 4 ELSE 1 END) STORED);
SELECT booking.guard_table('court', '{id}', '{during}', 4, quantity => 'takes');
INSERT INTO court VALUES (1, '[2030-01-07 09:00,2030-01-07 10:00)', 'game');
SELECT pg_temp.said($$INSERT INTO court VALUES (1, '[2030-01-07 09:00,2030-01-07 12:00)', 'maintenance')$$);
INSERT INTO court VALUES (1, '[2030-01-07 10:00,2030-01-07 12:00)', 'maintenance');
SELECT pg_temp.said($$INSERT INTO court VALUES (1, '[2030-01-07 11:00,2030-01-07 12:00)', 'game')$$);

-- Up to three of one service at once, and never two services: the guard counts, and a constraint keeps services apart.
CREATE TABLE appointment (room int, service int, during tstzrange);
SELECT booking.guard_table('appointment', '{room}', '{during}', 3, name => 'three');
ALTER TABLE appointment ADD CONSTRAINT one_service EXCLUDE USING gist (room WITH =, service WITH <>, during WITH &&);
INSERT INTO appointment VALUES (1, 1, '[2030-01-07 09:00,2030-01-07 10:00)'), (1, 1, '[2030-01-07 09:00,2030-01-07 10:00)');
SELECT pg_temp.said($$INSERT INTO appointment VALUES (1, 2, '[2030-01-07 09:30,2030-01-07 10:30)')$$);
INSERT INTO appointment VALUES (1, 1, '[2030-01-07 09:30,2030-01-07 10:30)');
SELECT pg_temp.said($$INSERT INTO appointment VALUES (1, 1, '[2030-01-07 09:30,2030-01-07 10:30)')$$);

-- Key and status stand in a parent: copied, and kept up to date by the foreign key.
CREATE TABLE reservation (id int PRIMARY KEY, hotel int, status text, UNIQUE (id, hotel, status));
CREATE TABLE night (reservation int, hotel int, status text, day date,
	FOREIGN KEY (reservation, hotel, status) REFERENCES reservation (id, hotel, status) ON UPDATE CASCADE ON DELETE CASCADE);
SELECT booking.guard_table('night', '{hotel}', '{day,day}', 2, active => $$status = 'booked'$$, bounds => '[]');
INSERT INTO reservation VALUES (1, 1, 'booked'), (2, 1, 'booked'), (3, 1, 'asked');
INSERT INTO night SELECT r.id, r.hotel, r.status, d::date FROM reservation r, generate_series('2030-01-01'::date, '2030-01-03', '1 day') AS d;
SELECT pg_temp.said($$UPDATE reservation SET status = 'booked' WHERE id = 3$$);
UPDATE reservation SET status = 'cancelled' WHERE id = 1;
UPDATE reservation SET status = 'booked' WHERE id = 3;
SELECT status, count(*) FROM night GROUP BY 1 ORDER BY 1;

-- Made without a look at the old rows: validated or not.  Where that would take long, a warning says so.
CREATE TABLE old (k int, during daterange, id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
INSERT INTO old SELECT n % 3, daterange('2030-01-01'::date + n, '2030-01-02'::date + n) FROM generate_series(0, 2999) AS n;
SELECT booking.guard_table('old', '{k}', '{during}', 1, name => 'later', check_existing => false);
SELECT booking.guard_table('old', '{k}', '{during}', 2, name => 'at_once');
SELECT name, validated FROM booking.guarded_table WHERE target = 'old'::regclass ORDER BY 1;
SELECT booking.validate_guard('old', 'later');
SELECT name, validated FROM booking.guarded_table WHERE target = 'old'::regclass ORDER BY 1;
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'old'::regclass AND tgname = 'later';
SELECT booking.unguard_table('old');
INSERT INTO old VALUES (1, '[2030-01-02,2030-01-03)');
SELECT booking.guard_table('old', '{k}', '{during}', 1, name => 'later', check_existing => false);
SELECT pg_temp.said($$SELECT booking.validate_guard('old', 'later')$$);
SELECT name, validated FROM booking.guarded_table WHERE target = 'old'::regclass;
SELECT booking.unguard_table('old');
UPDATE pg_class SET reltuples = 2000000 WHERE oid = 'old'::regclass;
SELECT booking.guard_table('old', '{k}', '{during}', 2, name => 'long');
SELECT booking.unguard_table('old');
CREATE INDEX old_index ON old USING gist (k, during);
SELECT booking.guard_table('old', '{k}', '{during}', 2, using_index => 'old_index', check_existing => false, name => 'short');
SELECT booking.unguard_table('old');

-- How far it is, as every session sees it: here in the middle of it, from the query that gives the capacity.
CREATE FUNCTION capacity_seen(k int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	p record;
BEGIN
	PERFORM pg_stat_clear_snapshot();
	FOR p IN SELECT * FROM booking.progress LOOP
		RAISE WARNING 'for key %: guard % of %: % rows of about %', k, p.guard, p.target, p.rows_looked_at, p.rows_about;
	END LOOP;
	RETURN 2;
END
$$;
UPDATE pg_class SET reltuples = 3001 WHERE oid = 'old'::regclass;
SELECT booking.guard_table('old', '{k}', '{during}', capacity_query => 'SELECT capacity_seen($1)', name => 'seen');
SELECT count(*) FROM booking.progress;

-- TRUNCATE is judged by what it leaves: nothing is in the way then, and nothing is there to have.
CREATE TABLE hotel (id int, rooms int);
CREATE TABLE sojourn (hotel int, nights daterange);
CREATE TABLE shut (hotel int, nights daterange);
SELECT booking.guard_table('sojourn', '{hotel}', '{nights}', capacity_query => 'SELECT rooms FROM hotel WHERE id = $1', name => 'sojourn_guard');
SELECT booking.guard_against('sojourn', 'sojourn_guard', 'shut', '{hotel}', '{nights}');
INSERT INTO hotel VALUES (1, 1);
INSERT INTO sojourn VALUES (1, '[2030-01-01,2030-01-05)');
INSERT INTO shut VALUES (1, '[2030-02-01,2030-02-05)');
TRUNCATE sojourn, shut;
INSERT INTO sojourn VALUES (1, '[2030-02-01,2030-02-05)');
SELECT pg_temp.said($$INSERT INTO sojourn VALUES (1, '[2030-02-01,2030-02-05)')$$);
TRUNCATE hotel;
SELECT pg_temp.said($$INSERT INTO sojourn VALUES (1, '[2030-03-01,2030-03-05)')$$);
-- The extension does not go while tables are guarded.
SELECT string_agg(said, chr(10)) ~ 'trigger sojourn_guard on table' AS names_it, min(said) FILTER (WHERE said ~ '^2BP01') FROM pg_temp.said('DROP EXTENSION booking') AS said;

-- Functions of the caller's search_path, where rows are looked at: text as a key may be too long, and a pair of columns may hold nothing.
CREATE FUNCTION in_force(x int) RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS 'SELECT 12 / x > 0';
CREATE TABLE stayed (room text, starts date, ends date, x int DEFAULT 1);
INSERT INTO stayed VALUES ('a', '2030-01-01', '2030-01-05');
SELECT booking.guard_table('stayed', '{room}', '{starts, ends}', active => 'in_force(x)', name => 'visited');
-- A function in SQL keeps its state where it is called; after an error that was caught it begins anew.
BEGIN;
INSERT INTO stayed VALUES ('b', '2030-01-01', '2030-01-05');
SAVEPOINT s;
SELECT pg_temp.said($$INSERT INTO stayed VALUES ('b', '2030-01-01', '2030-01-05')$$);
SELECT pg_temp.said($$INSERT INTO stayed VALUES ('b', '2030-01-01', '2030-01-05', 0)$$);
SELECT pg_temp.said($$INSERT INTO stayed VALUES ('b', '2030-01-01', '2030-01-05', 0)$$);
SELECT pg_temp.said($$INSERT INTO stayed VALUES ('b', '2030-01-01', '2030-01-05')$$);
ROLLBACK TO s;
INSERT INTO stayed VALUES ('b', '2030-01-05', '2030-01-07');
COMMIT;
SELECT * FROM stayed ORDER BY room, starts;
-- A function that writes to the table that it is called for.
CREATE FUNCTION in_force_too(x int) RETURNS boolean LANGUAGE plpgsql SET search_path = guard_richer AS $$
BEGIN
	IF x > 100 THEN
		INSERT INTO stayed VALUES ('c', '2030-01-01', '2030-01-05', x - 1);
	END IF;
	RETURN true;
END
$$;
CREATE FUNCTION in_force_again(x int) RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = guard_richer AS 'SELECT in_force_too(x) AND x > 0';
SELECT booking.guard_table('stayed', '{room}', '{starts, ends}', active => 'in_force_again(x)', name => 'visited_too');
SELECT pg_temp.said($$INSERT INTO stayed VALUES ('c', '2030-01-01', '2030-01-05', 100)$$);
SELECT pg_temp.said($$INSERT INTO stayed VALUES ('d', '2030-01-01', '2030-01-05', 101)$$);
INSERT INTO stayed VALUES ('e', '2030-01-01', '2030-01-05', 100);

DROP SCHEMA guard_richer CASCADE;
