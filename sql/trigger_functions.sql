--
-- Trigger functions work only for the triggers that they are for: called as functions, or
-- attached to another table, timing, level or event, each gives a clear error.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

-- As functions.
SELECT p.proname || ': ' || (SELECT said FROM pg_temp.said(format('SELECT %s()', p.oid::regproc)) AS said LIMIT 1)
FROM pg_proc p
WHERE p.pronamespace = 'booking'::regnamespace AND p.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype)
ORDER BY p.proname COLLATE "C";

-- One of each kind, with all that it says.
CREATE SCHEMA trig;
CREATE TABLE trig.own (resource_id bigint, id int, period tstzrange);
CREATE TRIGGER wrong BEFORE INSERT ON trig.own FOR EACH ROW EXECUTE FUNCTION booking.guard_booking();
SELECT pg_temp.said('INSERT INTO trig.own DEFAULT VALUES');
CREATE OR REPLACE TRIGGER wrong AFTER INSERT ON trig.own FOR EACH ROW EXECUTE FUNCTION booking.make_room();
SELECT pg_temp.said('INSERT INTO trig.own DEFAULT VALUES');
CREATE OR REPLACE TRIGGER wrong BEFORE INSERT ON trig.own FOR EACH STATEMENT EXECUTE FUNCTION booking.check_capacity('1', 'id', 'period', '', '');
SELECT pg_temp.said('INSERT INTO trig.own DEFAULT VALUES');
CREATE OR REPLACE TRIGGER wrong AFTER TRUNCATE ON trig.own FOR EACH STATEMENT EXECUTE FUNCTION booking.refuse_truncate();
SELECT pg_temp.said('TRUNCATE trig.own');
CREATE OR REPLACE TRIGGER wrong AFTER DELETE ON trig.own FOR EACH STATEMENT EXECUTE FUNCTION booking.booking_stored();
SELECT pg_temp.said('DELETE FROM trig.own');
DROP TRIGGER wrong ON trig.own;

-- Every function, on a table of its own, a copy of ours, some of ours, a partitioned one, a
-- view and a foreign table; every timing, level and event.
CREATE TABLE trig.booking AS SELECT * FROM booking.booking LIMIT 0;
CREATE TABLE trig.parts (resource_id bigint, id int) PARTITION BY LIST (id);
CREATE TABLE trig.part PARTITION OF trig.parts DEFAULT;
CREATE VIEW trig.view AS SELECT * FROM trig.own;
INSERT INTO trig.own DEFAULT VALUES;
INSERT INTO trig.booking DEFAULT VALUES;
INSERT INTO trig.parts DEFAULT VALUES;
INSERT INTO booking.resource (id, name) VALUES (-401, 'trig: room');
INSERT INTO booking.slot (id, resource_id, period, capacity) VALUES (-401, -401, '[2040-01-02, 2040-01-03)', 1);
INSERT INTO booking.closure (resource_id, period) VALUES (-401, '[2041-01-02, 2041-01-03)');
INSERT INTO booking.booking (resource_id, period, holder) VALUES (-401, '[2040-01-05, 2040-01-06)', 'eve');
DO $$
BEGIN
	CREATE EXTENSION IF NOT EXISTS postgres_fdw;
	EXECUTE format('CREATE SERVER trig FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L)',
		split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_database());
	EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER trig OPTIONS (user %L)', current_user);
	CREATE FOREIGN TABLE trig.far (resource_id bigint, id int, period tstzrange) SERVER trig OPTIONS (table_name 'own');
EXCEPTION WHEN undefined_file OR feature_not_supported THEN
	NULL;						-- this PostgreSQL comes without it
END
$$;
CREATE TEMP TABLE answer (function text, target text, trigger text, state text, message text);
DO $$
DECLARE
	f record;
	t record;
	how record;
	got text;
	said text;
BEGIN
	FOR t IN
		SELECT c.oid::regclass::text AS name, c.relkind, quote_ident(a.attname) AS a_column,
			c.relnamespace = 'booking'::regnamespace AS ours
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = 1
		WHERE c.relnamespace IN ('trig'::regnamespace, 'booking'::regnamespace) AND c.relkind IN ('r', 'p', 'v', 'f')
			AND (c.relnamespace = 'trig'::regnamespace OR c.relname IN ('booking', 'slot', 'resource', 'closure'))
			AND NOT c.relispartition
	LOOP
		FOR how IN
			SELECT timing, event, level, format('aaaa %s %s ON %s FOR EACH %s', timing, event, t.name, level) AS text
			FROM unnest('{BEFORE,AFTER,INSTEAD OF}'::text[]) AS timing, unnest('{INSERT,UPDATE,DELETE,TRUNCATE}'::text[]) AS event,
				unnest('{ROW,STATEMENT}'::text[]) AS level
			WHERE (event = 'TRUNCATE') <= (level = 'STATEMENT' AND t.relkind IN ('r', 'p'))
				AND (timing = 'INSTEAD OF') = (t.relkind = 'v') AND (timing = 'INSTEAD OF') <= (level = 'ROW')
		LOOP
			FOR f IN
				SELECT p.oid::regproc::text AS name FROM pg_proc p
				WHERE p.pronamespace = 'booking'::regnamespace AND p.prorettype = 'trigger'::regtype
			LOOP
				BEGIN
					EXECUTE format('CREATE TRIGGER %s EXECUTE FUNCTION %s()', how.text, f.name);
					EXECUTE CASE how.event
						WHEN 'INSERT' THEN format('INSERT INTO %s DEFAULT VALUES', t.name)
						WHEN 'UPDATE' THEN format('UPDATE %s SET %s = %2$s', t.name, t.a_column)
						WHEN 'DELETE' THEN format('DELETE FROM %s', t.name)
						ELSE format('TRUNCATE %s CASCADE', t.name) END;
					RAISE SQLSTATE '00000';
				EXCEPTION WHEN OTHERS THEN
					GET STACKED DIAGNOSTICS got = RETURNED_SQLSTATE, said = MESSAGE_TEXT;
					INSERT INTO answer VALUES (f.name, t.name, how.text, got, said);
				END;
			END LOOP;
		END LOOP;
	END LOOP;
END
$$;
SELECT * FROM answer WHERE state LIKE 'XX%' ORDER BY 1, 2, 3;
-- On a table that is not ours they never do anything, but for those of guards.
SELECT DISTINCT function, target, state, message FROM answer
WHERE target NOT LIKE 'booking.%' AND state <> '39P01' AND function NOT IN
	('booking.make_room', 'booking.check_capacity', 'booking.check_against', 'booking.capacity_changes')
ORDER BY 1, 2, 3;
SELECT DISTINCT function, target, state, message FROM answer WHERE target IN ('trig.view', 'trig.far') AND state <> '39P01'
ORDER BY 1, 2, 3;
SELECT count(*) > 1000 AS tried_many FROM answer;

-- The event trigger's function for another event.
CREATE EVENT TRIGGER trig_start ON ddl_command_start EXECUTE FUNCTION booking.ddl_done();
SELECT pg_temp.said('CREATE TABLE trig.other ()');
DROP EVENT TRIGGER trig_start;
CREATE EVENT TRIGGER trig_drop ON sql_drop EXECUTE FUNCTION booking.ddl_done();
SELECT pg_temp.said('DROP TABLE trig.part');
DROP EVENT TRIGGER trig_drop;
CREATE EVENT TRIGGER trig_end ON ddl_command_end EXECUTE FUNCTION booking.ddl_done();
CREATE TABLE trig.other ();
DROP EVENT TRIGGER trig_end;

-- grant_access() does not grant them.
CREATE ROLE regress_trig;
SELECT booking.grant_access('regress_trig', 'manage');
SELECT p.oid::regprocedure AS granted
FROM pg_proc p, aclexplode(p.proacl) AS a
WHERE p.pronamespace = 'booking'::regnamespace AND p.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype)
	AND a.grantee = 'regress_trig'::regrole;
DROP OWNED BY regress_trig;
DROP ROLE regress_trig;

SET client_min_messages = error;
DROP SCHEMA trig CASCADE;
DROP EXTENSION IF EXISTS postgres_fdw CASCADE;
DELETE FROM booking.booking WHERE resource_id = -401;
DELETE FROM booking.resource WHERE id = -401;
SELECT * FROM booking.verify();
