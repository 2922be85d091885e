--
-- A period that can never hold anything is refused, not guarded in silence.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all
CREATE SCHEMA guard_bounds;
SET search_path = guard_bounds;

-- A row per night
CREATE TABLE night (room int, d date);
INSERT INTO night VALUES (1, '2030-01-01'), (1, '2030-01-02');
SELECT pg_temp.said($$SELECT booking.guard_table('night', '{room}', '{d,d}')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('night', '{room,room}', '{d,d}', bounds => '[]')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('night', '{room}', '{d,d}', bounds => '(]')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('night', '{room}', '{d,d}', bounds => NULL)$$);
SELECT booking.guard_table('night', '{room}', '{d,d}', bounds => '[]');
SELECT period FROM booking.guarded_table WHERE target = 'night'::regclass;
SELECT pg_temp.said($$INSERT INTO night VALUES (1, '2030-01-02')$$);
INSERT INTO night VALUES (1, '2030-01-03'), (2, '2030-01-02');

-- The last day belongs to it
CREATE TABLE licence (k text, a date, b date);
INSERT INTO licence VALUES ('x', '2030-01-01', '2030-01-01'), ('x', '2030-01-02', '2030-01-05'), (NULL, '2030-01-01', '2030-01-01');
SELECT pg_temp.said($$SELECT booking.guard_table('licence', '{k}', '{a,b}')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('licence', '{k}', '{a,b}', 2, check_existing => false, name => 'half_open')$$);
-- What was so before may stay; what comes may not.
UPDATE licence SET a = a WHERE a = b;
SELECT pg_temp.said($$INSERT INTO licence VALUES ('y', '2030-01-01', '2030-01-01')$$);
SELECT pg_temp.said($$UPDATE licence SET b = a WHERE b = '2030-01-05'$$);
SELECT booking.unguard_table('licence');
SELECT booking.guard_table('licence', '{k}', '{a,b}', bounds => '[]', with_constraint => true);
SELECT pg_temp.said($$INSERT INTO licence VALUES ('x', '2030-01-05', '2030-01-06')$$);
INSERT INTO licence VALUES ('x', '2030-01-06', '2030-01-06'), ('x', '2030-01-07', NULL);
SELECT detail FROM booking.verify_guards() WHERE target = 'licence'::regclass;
SELECT booking.unguard_table('licence');
-- An index says what its bounds are.
CREATE INDEX licence_half ON licence USING gist (k, daterange(a, b));
CREATE INDEX licence_whole ON licence USING gist (k, daterange(a, b, '[]'));
SELECT pg_temp.said($$SELECT booking.guard_table('licence', '{k}', '{a,b}', using_index => 'licence_half', bounds => '[]')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('licence', '{k}', '{a,b}', using_index => 'licence_half')$$);
SELECT booking.guard_table('licence', '{k}', '{a,b}', using_index => 'licence_whole', bounds => '[]', name => 'whole');
-- What blocks it is read as it is.
CREATE TABLE works (k text, a date, b date);
SELECT booking.guard_against('licence', 'whole', 'works', '{k}', '{a,b}');
SELECT period FROM booking.guarded_table WHERE target = 'works'::regclass;
SELECT pg_temp.said($$INSERT INTO works VALUES ('x', '2030-01-05', '2030-01-05')$$);

-- Moments and numbers: both ends belong to it.
CREATE TABLE lap (a timestamptz, b timestamptz, m numeric, n numeric);
SELECT booking.guard_table('lap', '{}', '{a,b}', bounds => '[]', name => 'moments');
SELECT booking.guard_table('lap', '{}', '{m,n}', bounds => '[]', name => 'numbers');
INSERT INTO lap VALUES ('2030-01-01 10:00+00', '2030-01-01 11:00+00', 1, 2);
SELECT pg_temp.said($$INSERT INTO lap VALUES ('2030-01-01 11:00+00', '2030-01-01 12:00+00', 3, 4)$$);
SELECT pg_temp.said($$INSERT INTO lap VALUES ('2030-01-01 11:30+00', '2030-01-01 12:00+00', 2, 2)$$);

-- A range column has bounds of its own, and may be empty.
CREATE TABLE trip (bus int, during int4range);
INSERT INTO trip VALUES (1, 'empty');
SELECT pg_temp.said($$SELECT booking.guard_table('trip', '{bus}', '{during}', bounds => '[]')$$);
SELECT booking.guard_table('trip', '{bus}', '{during}');
INSERT INTO trip VALUES (1, 'empty');

-- Every kind of range among thousands, on an index of several pages: refused is just what overlaps something, as the operator
-- && has it.
CREATE TABLE many_kinds (n integer, during tsrange);
CREATE INDEX ON many_kinds USING gist (during);
SELECT booking.guard_table('many_kinds', '{}', '{during}', 1);
CREATE TABLE many_numbers (n integer, during int8range);
SELECT booking.guard_table('many_numbers', '{}', '{during}', 1);
CREATE PROCEDURE try_kinds(target regclass, INOUT stored integer DEFAULT 0, INOUT refused integer DEFAULT 0, INOUT wrong integer DEFAULT 0)
LANGUAGE plpgsql AS $$
DECLARE
	kind text := (SELECT format_type(atttypid, -1) FROM pg_attribute WHERE attrelid = target AND attname = 'during');
	free boolean;
	lower bigint;
	upper bigint;
	range text;
BEGIN
	FOR n IN 1 .. 3000 LOOP
		-- Far apart, or close together; a few without a bound, and some with an infinity for one.
		lower := abs(hashint4(n)::bigint) % CASE WHEN n % 3 = 0 THEN 40 ELSE 400000 END;
		upper := lower + abs(hashint4(n + 1000000)::bigint) % 20;
		range := CASE n % 5 WHEN 0 THEN '(' ELSE '[' END || CASE kind WHEN 'tsrange' THEN format('%s,%s', timestamp '2030-01-01' + lower * interval '1 hour',
			CASE WHEN n IN (1700, 1701) THEN 'infinity'::timestamp ELSE timestamp '2030-01-01' + upper * interval '1 hour' END) ELSE format('%s,%s', lower, upper) END
			|| CASE n % 7 WHEN 0 THEN ']' ELSE ')' END;
		range := CASE WHEN n IN (2000, 2500) THEN regexp_replace(range, ',.*', ',)') WHEN n IN (2100, 2600) THEN regexp_replace(range, '.*,', '(,')
			WHEN n = 2200 THEN '(,)' WHEN n IN (2900, 2950) THEN regexp_replace(range, '.*,', '[-infinity,') ELSE range END;
		CONTINUE WHEN kind <> 'tsrange' AND range LIKE '%infinity%';
		EXECUTE format('SELECT NOT EXISTS (SELECT FROM %s WHERE during && %L::%s)', target, range, kind) INTO free;
		BEGIN
			EXECUTE format('INSERT INTO %s VALUES (%s, %L)', target, n, range);
			stored := stored + 1;
			wrong := wrong + (NOT free)::integer;
		EXCEPTION WHEN exclusion_violation THEN
			refused := refused + 1;
			wrong := wrong + free::integer;
		END;
	END LOOP;
END $$;
CALL try_kinds('many_kinds');
CALL try_kinds('many_numbers');
SELECT count(*) FROM booking.verify_guards();
DROP SCHEMA guard_bounds CASCADE;
