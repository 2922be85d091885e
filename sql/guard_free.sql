--
-- guard_free(): what is left of one's own guarded table, and when.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all
CREATE SCHEMA guard_free;
SET search_path = guard_free, public;

-- One at a time, the key two columns, the period two dates.
CREATE TABLE stay (id serial PRIMARY KEY, hotel integer, room text, arrival date, departure date, cancelled_at timestamptz);
SELECT booking.guard_table('stay', '{hotel,room}', '{arrival,departure}', active => 'cancelled_at IS NULL', name => 'stay_guard');
INSERT INTO stay (hotel, room, arrival, departure, cancelled_at) VALUES
	(3, 'a', '2030-01-03', '2030-01-05', NULL), (3, 'a', '2030-01-05', '2030-01-06', NULL), (3, 'a', '2030-01-08', '2030-01-20', NULL),
	(3, 'a', '2030-01-06', '2030-01-08', now()), (3, 'b', '2030-01-01', '2030-02-01', NULL), (4, 'a', '2030-01-01', '2030-02-01', NULL);
SELECT * FROM booking.guard_free('stay', 'stay_guard', '{3,a}', daterange('2030-01-01', '2030-01-15'));
SELECT * FROM booking.guard_free('stay', 'stay_guard', '{3,a}', daterange('2030-01-05', NULL));
SELECT * FROM booking.guard_free('stay', 'stay_guard', '{3,b}', '[2030-01-01,2030-01-31]'::daterange);
SELECT * FROM booking.guard_free('stay', 'stay_guard', '{9,none}', '(,)'::daterange);

-- Several at once, each row so many.
CREATE TABLE hire (shop integer, during tstzrange, bikes smallint);
SELECT booking.guard_table('hire', '{shop}', '{during}', 10, quantity => 'bikes', name => 'hire_guard');
SET TimeZone = 'UTC';
INSERT INTO hire VALUES (1, '[2030-01-01 10:00, 2030-01-01 12:00)', 4), (1, '[2030-01-01 11:00, 2030-01-01 13:00]', 6),
	(1, '[2030-01-01 14:00, 2030-01-01 15:00)', 0), (1, 'empty', 3), (1, NULL, 3), (2, '[2030-01-01, 2030-01-02)', 10);
SELECT * FROM booking.guard_free('hire', 'hire_guard', '{1}', '[2030-01-01 09:00, 2030-01-01 18:00)'::tstzrange);

-- As many as a query says: as of now, and as the table's owner.
CREATE TABLE shop (id integer PRIMARY KEY, bikes integer);
INSERT INTO shop VALUES (1, 3), (2, 0);
CREATE TABLE rental (shop integer, during int4range);
SELECT booking.guard_table('rental', '{shop}', '{during}', capacity_query => 'SELECT bikes FROM guard_free.shop WHERE id = $1', name => 'rental_guard');
INSERT INTO rental VALUES (1, '[10,20)'), (1, '[15,20)');
SELECT * FROM booking.guard_free('rental', 'rental_guard', '{1}', '[0,30)'::int4range);
UPDATE shop SET bikes = 1 WHERE id = 1;
SELECT * FROM booking.guard_free('rental', 'rental_guard', '{1}', '[0,30)'::int4range);
SELECT * FROM booking.guard_free('rental', 'rental_guard', '{2}', '[0,30)'::int4range);
SELECT * FROM booking.guard_free('rental', 'rental_guard', '{3}', '[0,30)'::int4range);
BEGIN;
SELECT count(*) FROM booking.guard_free('rental', 'rental_guard', '{1}', '[0,30)'::int4range);
SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND (locktype = 'advisory' OR mode <> 'AccessShareLock' AND locktype = 'relation');
COMMIT;

-- No key: the whole table is one thing.
CREATE TABLE van (during tsrange);
SELECT booking.guard_table('van', '{}', '{during}', name => 'van_guard');
INSERT INTO van VALUES ('[2030-01-01 10:00, 2030-01-01 12:00)');
SELECT * FROM booking.guard_free('van', 'van_guard', '{}', '[2030-01-01, 2030-01-02)'::tsrange);

-- Partitions: keys that may be in any of them, and keys that stay together.
CREATE TABLE visit (site integer, during daterange) PARTITION BY RANGE (lower(during));
CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM (MINVALUE) TO ('2030-02-01');
CREATE TABLE visit_2 PARTITION OF visit FOR VALUES FROM ('2030-02-01') TO (MAXVALUE);
SELECT booking.guard_table('visit', '{site}', '{during}', 2, name => 'visit_guard');
INSERT INTO visit VALUES (1, '[2030-01-20, 2030-02-10)'), (1, '[2030-02-05, 2030-02-08)');
SELECT * FROM booking.guard_free('visit', 'visit_guard', '{1}', '[2030-01-01, 2030-03-01)'::daterange);
SELECT * FROM booking.guard_free('visit_2', 'visit_guard', '{1}', '[2030-01-01, 2030-03-01)'::daterange);
CREATE TABLE tour (boat integer, during daterange) PARTITION BY LIST (boat);
CREATE TABLE tour_1 PARTITION OF tour FOR VALUES IN (1);
CREATE TABLE tour_2 PARTITION OF tour FOR VALUES IN (2) PARTITION BY HASH (boat);
CREATE TABLE tour_2_all PARTITION OF tour_2 FOR VALUES WITH (MODULUS 1, REMAINDER 0);
SELECT booking.guard_table('tour', '{boat}', '{during}', 2, name => 'tour_guard');
INSERT INTO tour VALUES (1, '[2030-01-20, 2030-02-10)'), (2, '[2030-02-05, 2030-02-08)');
SELECT * FROM booking.guard_free('tour', 'tour_guard', '{2}', '[2030-02-01, 2030-03-01)'::daterange);
SELECT * FROM booking.guard_free('tour', 'tour_guard', '{1}', '[2030-02-01, 2030-03-01)'::daterange);
-- A column of a name that needs quotes, and columns that were dropped and added.
CREATE TABLE "odd ""table""" (gone integer, "The Key" text, "when" numrange);
SELECT booking.guard_table('"odd ""table"""', '{"The Key"}', '{when}', name => 'odd "guard"');
ALTER TABLE "odd ""table""" DROP COLUMN gone, ADD COLUMN more integer DEFAULT 7;
INSERT INTO "odd ""table""" VALUES (E'a, "b"\n{c}', '[1.5,2.5]');
SELECT * FROM booking.guard_free('"odd ""table"""', 'odd "guard"', ARRAY[E'a, "b"\n{c}'], '[0,10]'::numrange);

--
-- Property: what is offered, an INSERT gets, and not one more; what is not offered, none.
--
CREATE TABLE wrong (what text);
CREATE FUNCTION fits(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RAISE EXCEPTION USING ERRCODE = 'ZZ999';
EXCEPTION WHEN SQLSTATE 'ZZ999' THEN RETURN true;
	WHEN exclusion_violation THEN RETURN false;
END $$;
CREATE TABLE many (kind integer, during int4range, units integer, active boolean);
CREATE TABLE units_of (kind integer, units integer);
CREATE TABLE single (kind integer, during int4range, active boolean);
SELECT booking.guard_table('many', '{kind}', '{during}', quantity => 'units', active => 'active',
	capacity_query => 'SELECT units FROM guard_free.units_of WHERE kind = $1', name => 'many_guard'),
	booking.guard_table('single', '{kind}', '{during}', active => 'active', name => 'single_guard');
SELECT setseed(0.25);
DO $$
DECLARE
	k integer;
	f record;
	span int4range;
	most bigint;
	tried integer := 0;
BEGIN
	FOR k IN 1 .. 60 LOOP
		INSERT INTO units_of VALUES (k, floor(random() * 9));
		FOR i IN 1 .. floor(random() * 30) LOOP
			span := int4range(floor(random() * 50)::integer, 50 + floor(random() * 12)::integer) * int4range(i, i + 1 + floor(random() * 12)::integer);
			BEGIN
				INSERT INTO many VALUES (k, span, floor(random() * 4), random() < 0.8);
			EXCEPTION WHEN exclusion_violation THEN NULL; END;
			BEGIN
				INSERT INTO single VALUES (k, span, random() < 0.8);
			EXCEPTION WHEN exclusion_violation THEN NULL; END;
		END LOOP;
		FOR f IN SELECT * FROM booking.guard_free('many', 'many_guard', ARRAY[k::text], '[-5,70)'::int4range) LOOP
			tried := tried + 1;
			IF NOT fits(format('INSERT INTO many VALUES (%s, %L, %s, true)', k, f.period, f.remaining))
				OR fits(format('INSERT INTO many VALUES (%s, %L, %s, true)', k, f.period, f.remaining + 1)) THEN
				INSERT INTO wrong VALUES (format('many %s: %s', k, f));
			END IF;
		END LOOP;
		FOR f IN SELECT * FROM booking.guard_free('single', 'single_guard', ARRAY[k::text], '[-5,70)'::int4range) LOOP
			tried := tried + 1;
			IF f.remaining <> 1 OR NOT fits(format('INSERT INTO single VALUES (%s, %L, true)', k, f.period))
				OR fits(format('INSERT INTO single VALUES (%s, %L, true)', k, int4range(lower(f.period), upper(f.period) + 1)))
					AND upper(f.period) < 70 THEN
				INSERT INTO wrong VALUES (format('single %s: %s', k, f));
			END IF;
		END LOOP;
		FOR i IN 1 .. 40 LOOP
			span := int4range(floor(random() * 60)::integer - 4, floor(random() * 8)::integer + 61) * int4range(i, i + 1 + floor(random() * 8)::integer);
			tried := tried + 1;
			CONTINUE WHEN isempty(span);
			SELECT CASE WHEN range_agg(g.period) @> span THEN min(g.remaining) ELSE 0 END INTO most
			FROM booking.guard_free('many', 'many_guard', ARRAY[k::text], span) g;
			IF coalesce(most, 0) > 0 AND NOT fits(format('INSERT INTO many VALUES (%s, %L, %s, true)', k, span, most))
				OR fits(format('INSERT INTO many VALUES (%s, %L, %s, true)', k, span, coalesce(most, 0) + 1)) THEN
				INSERT INTO wrong VALUES (format('many %s: %s of %s', k, most, span));
			END IF;
			IF EXISTS (SELECT FROM booking.guard_free('single', 'single_guard', ARRAY[k::text], '[-5,70)'::int4range) g WHERE g.period @> span)
				<> fits(format('INSERT INTO single VALUES (%s, %L, true)', k, span)) THEN
				INSERT INTO wrong VALUES (format('single %s: %s', k, span));
			END IF;
		END LOOP;
	END LOOP;
	RAISE NOTICE 'tried enough: %', tried > 2500;
END $$;
SET client_min_messages = warning;
SELECT * FROM wrong;
SELECT count(*) > 300 AS many, (SELECT count(*) > 200 FROM single) AS single FROM many;

--
-- Everything malformed is refused with a clear error.
--
CREATE TABLE block (hotel integer, room text, closed daterange);
SELECT booking.guard_against('stay', 'stay_guard', 'block', '{hotel,room}', '{closed}') AS blocked \gset
CREATE VIEW stays AS SELECT * FROM stay;
SELECT call, pg_temp.said('SELECT * FROM booking.guard_free(' || call || ')') FROM unnest(ARRAY[
	'NULL, ''stay_guard'', ''{3,a}'', ''[2030-01-01,2030-02-01)''::daterange', '''stay'', NULL, ''{3,a}'', ''[2030-01-01,2030-02-01)''::daterange',
	'''stay'', ''stay_guard'', NULL, ''[2030-01-01,2030-02-01)''::daterange', '''stay'', ''stay_guard'', ''{3,a}'', NULL::daterange',
	'''stay'', ''stay_guard'', ''{3,a}'', ''[2030-01-01,2030-02-01)''', '''stay'', ''stay_guard'', ''{3,a}'', ''[2030-01-01,2030-02-01)''::tstzrange',
	'''stay'', ''stay_guard'', ''{3,a}'', ''empty''::daterange', '''stay'', ''stay_guard'', ''{3}'', ''[2030-01-01,2030-02-01)''::daterange',
	'''stay'', ''stay_guard'', ''{3,a,b}'', ''[2030-01-01,2030-02-01)''::daterange', '''stay'', ''stay_guard'', ''{3,NULL}'', ''[2030-01-01,2030-02-01)''::daterange',
	'''stay'', ''stay_guard'', ''{x,a}'', ''[2030-01-01,2030-02-01)''::daterange', '''stay'', ''nosuch'', ''{3,a}'', ''[2030-01-01,2030-02-01)''::daterange',
	'''stay'', ''stay_block_guard'', ''{3,a}'', ''[2030-01-01,2030-02-01)''::daterange', '''stays'', ''stay_guard'', ''{3,a}'', ''[2030-01-01,2030-02-01)''::daterange',
	'''shop'', ''stay_guard'', ''{3,a}'', ''[2030-01-01,2030-02-01)''::daterange', '1, ''stay_guard'', ''{3,a}'', ''[2030-01-01,2030-02-01)''::daterange',
	'''pg_class'', ''stay_guard'', ''{3,a}'', ''[2030-01-01,2030-02-01)''::daterange']) AS call;

--
-- Only a role that may read the table may ask.  The owner's expressions run as the owner.
--
CREATE ROLE regress_free_owner;
CREATE ROLE regress_free_guest;
GRANT USAGE ON SCHEMA guard_free TO regress_free_guest;
GRANT USAGE, CREATE ON SCHEMA guard_free TO regress_free_owner;
SELECT booking.grant_access('regress_free_guest', 'read'), booking.grant_access('regress_free_owner', 'guard');
SET ROLE regress_free_guest;
SELECT pg_temp.said($$SELECT * FROM booking.guard_free('stay', 'stay_guard', '{3,a}', '[2030-01-01,2030-02-01)'::daterange)$$);
RESET ROLE;
GRANT SELECT ON stay TO regress_free_guest;
SET ROLE regress_free_guest;
SELECT count(*) FROM booking.guard_free('stay', 'stay_guard', '{3,a}', '[2030-01-01,2030-02-01)'::daterange);
RESET ROLE;
ALTER TABLE stay ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON stay USING (false);
SET ROLE regress_free_guest;
SELECT pg_temp.said($$SELECT * FROM booking.guard_free('stay', 'stay_guard', '{3,a}', '[2030-01-01,2030-02-01)'::daterange)$$);
RESET ROLE;
-- A hostile owner: its functions, its domain's check and its query run as no other role than its own.
SET ROLE regress_free_owner;
CREATE FUNCTION hear(what text, value integer DEFAULT 0) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF current_user <> 'regress_free_owner' THEN
		RAISE EXCEPTION '% heard %', what, current_user;
	END IF;
	RETURN true;
END $$;
CREATE FUNCTION spied_capacity(k integer) RETURNS integer LANGUAGE plpgsql STABLE AS $$
BEGIN PERFORM guard_free.hear('capacity'); RETURN 2; END $$;
CREATE DOMAIN spied_key AS integer CHECK (guard_free.hear('key', VALUE));
CREATE TABLE trap (k spied_key, during daterange, active boolean);
SELECT booking.guard_table('trap', '{k}', '{during}', active => $$guard_free.hear('active') AND active$$,
	capacity_query => 'SELECT guard_free.spied_capacity($1)', name => 'trap_guard');
INSERT INTO trap VALUES (1, '[2030-01-01,2030-01-03)', true);
RESET ROLE;
SELECT * FROM booking.guard_free('trap', 'trap_guard', '{1}', '[2030-01-01,2030-02-01)'::daterange);

BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;
SELECT count(*) FROM booking.guard_free('hire', 'hire_guard', '{1}', '[2030-01-01 09:00, 2030-01-01 18:00)'::tstzrange);
SELECT count(*) FROM booking.guard_free('rental', 'rental_guard', '{1}', '[0,30)'::int4range);
COMMIT;

DROP SCHEMA guard_free CASCADE;
DROP OWNED BY regress_free_owner, regress_free_guest;
DROP ROLE regress_free_owner, regress_free_guest;
