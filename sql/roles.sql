--
-- What no role gets by way of this extension: the rights of its owner, or more than its own level
-- of access.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all
CREATE ROLE regress_roles_reader;
CREATE ROLE regress_roles_booker;
CREATE ROLE regress_roles_manager;
CREATE ROLE regress_roles_owner;
SELECT booking.grant_access('regress_roles_reader', 'read');
SELECT booking.grant_access('regress_roles_booker', 'book');
SELECT booking.grant_access('regress_roles_manager', 'manage');
GRANT EXECUTE ON FUNCTION pg_temp.said(text) TO PUBLIC;

--
-- Nothing is looked up on a caller's search_path.  Every operator and every function of PostgreSQL
-- that our statements could mean is planted there once more, with a result that no statement can
-- be analysed with, and an error.
--
CREATE SCHEMA regress_roles_trap;
GRANT USAGE ON SCHEMA regress_roles_trap TO PUBLIC;
DO $$
DECLARE
	types CONSTANT regtype[] := '{boolean,smallint,integer,bigint,numeric,text,uuid,timestamptz,timestamp,date,time,interval,tstzrange,jsonb,tid,oid,name,text[],uuid[]}';
	o record;
	planted integer := 0;
BEGIN
	-- Polymorphic ones for the types that we have: an exact match is preferred.
	FOR o IN
		SELECT DISTINCT op.oprname AS name, l.t::regtype AS l, r.t::regtype AS r
		FROM pg_operator op
		CROSS JOIN LATERAL unnest(CASE WHEN op.oprleft = 'anyrange'::regtype THEN '{tstzrange}' WHEN op.oprleft = 'anyelement'::regtype THEN '{timestamptz}'
			WHEN op.oprleft = 'anyarray'::regtype THEN '{text[],uuid[]}' ELSE ARRAY[op.oprleft::regtype] END) AS l (t)
		CROSS JOIN LATERAL unnest(CASE WHEN op.oprright = 'anyrange'::regtype THEN '{tstzrange}' WHEN op.oprright = 'anyelement'::regtype THEN '{timestamptz}'
			WHEN op.oprright = 'anyarray'::regtype THEN '{text[],uuid[]}' ELSE ARRAY[op.oprright::regtype] END) AS r (t)
		WHERE op.oprnamespace = 'pg_catalog'::regnamespace AND l.t = ANY (types) AND r.t = ANY (types)
	LOOP
		planted := planted + 1;
		EXECUTE format('CREATE FUNCTION regress_roles_trap.operator_%s(%s, %s) RETURNS point LANGUAGE plpgsql
			AS $f$ BEGIN RAISE ''caught as %%'', current_user; END $f$', planted, o.l, o.r);
		EXECUTE format('CREATE OPERATOR regress_roles_trap.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = regress_roles_trap.operator_%s)',
			o.name, o.l, o.r, planted);
	END LOOP;
	ASSERT planted > 200;
	FOR o IN SELECT * FROM (VALUES
		('upper', 'tstzrange'), ('lower', 'tstzrange'), ('isempty', 'tstzrange'), ('lower_inf', 'tstzrange'), ('upper_inf', 'tstzrange'),
		('now', ''), ('clock_timestamp', ''), ('text', 'tstzrange'), ('text', 'uuid'), ('tstzrange', 'timestamptz, timestamptz'),
		('format', 'text, uuid, tstzrange'), ('format', 'text, bigint, tstzrange'), ('format', 'text, uuid, text, tstzrange'), ('generate_series', 'integer, integer'),
		('num_nonnulls', 'bigint, text'), ('num_nonnulls', 'smallint, date'), ('isfinite', 'timestamptz'), ('jsonb_typeof', 'jsonb'),
		('octet_length', 'text'), ('timezone', 'text, timestamptz'), ('set_config', 'text, text, boolean'), ('current_setting', 'text'),
		('uuid_v7', ''), ('is_sound', 'tstzrange, tstzrange, integer, text, text, timestamptz, jsonb'), ('int8', 'numeric'), ('int4', 'boolean')) AS f (name, args)
	LOOP
		EXECUTE format('CREATE FUNCTION regress_roles_trap.%I(%s) RETURNS point LANGUAGE plpgsql
			AS $f$ BEGIN RAISE ''caught as %%'', current_user; END $f$', o.name, o.args);
	END LOOP;
	FOR o IN SELECT unnest('{count,sum,min,max,string_agg}'::text[]) AS name LOOP
		EXECUTE format('CREATE AGGREGATE regress_roles_trap.%I(bigint) (SFUNC = pg_catalog.int8pl, STYPE = bigint)', o.name);
		EXECUTE format('CREATE AGGREGATE regress_roles_trap.%I(integer) (SFUNC = pg_catalog.int4pl, STYPE = integer)', o.name);
	END LOOP;
	-- Names of types and tables, too.
	FOR o IN SELECT unnest('{text,bigint,integer,uuid,tstzrange,timestamptz,int8,int4}'::text[]) AS name LOOP
		EXECUTE format('CREATE DOMAIN regress_roles_trap.%I AS pg_catalog.point', o.name);
	END LOOP;
	FOR o IN SELECT unnest('{booking,resource,slot,slot_places,seat,waitlist,closure,holder_limit,opening_hours}'::text[]) AS name LOOP
		EXECUTE format('CREATE TABLE regress_roles_trap.%I (trapped point)', o.name);
	END LOOP;
END $$;

-- The trap works.
\set VERBOSITY terse
SET search_path = regress_roles_trap, pg_catalog;
SELECT FROM booking.booking WHERE id = id;
SELECT FROM booking.booking WHERE slot_id IN (SELECT id FROM booking.slot);
SELECT FROM booking.waitlist WHERE slot_id IS DISTINCT FROM id;

-- Setting up, booking and the life of bookings, as every kind of role; none calls what is planted.
SET ROLE regress_roles_manager;
SELECT name FROM booking.create_resource('roles: room', buffer_after => '10 minutes', category => 'roles');
SELECT name FROM booking.create_resource('roles: bus', 'seated', seats => ARRAY['1A', '1B', '1C']);
SELECT name FROM booking.create_resource('roles: pool', 'pooled', 3, category => 'roles');
SELECT name FROM booking.create_resource('roles: class');
INSERT INTO booking.opening_hours (resource_id, weekday, opens, closes) SELECT id, 1, '00:00', '24:00' FROM booking.resource WHERE name OPERATOR(pg_catalog.=) 'roles: pool';
INSERT INTO booking.holder_limit (category, per, max_bookings, max_quantity) VALUES ('roles', 'day', 5, 50), ('roles', 'week', 20, 50), ('roles', 'slot', 10, 50);
SELECT reason FROM booking.close_period('roles: pool', '[2029-01-08, 2029-01-09)', 'works');
INSERT INTO booking.slot (id, resource_id, period, capacity) SELECT 900000001, id, '[2029-01-01 10:00, 2029-01-01 11:00)', 200 FROM booking.resource WHERE name OPERATOR(pg_catalog.=) 'roles: class';
INSERT INTO booking.slot (id, resource_id, period, capacity) SELECT 900000002, id, '[2029-01-01 12:00, 2029-01-01 13:00)', 1 FROM booking.resource WHERE name OPERATOR(pg_catalog.=) 'roles: class';
SELECT pg_catalog.count(*) FROM booking.publish_slots('roles: class', '[2029-02-01 10:00, 2029-02-01 11:00)', '1 day', '2029-02-04', 5);
UPDATE booking.slot SET capacity = 100 WHERE id OPERATOR(pg_catalog.=) 900000001;

SET ROLE regress_roles_booker;
SELECT status FROM booking.book_slot('roles: room', '[2029-01-01 09:00, 2029-01-01 10:00)', 'ann', id => '00000000-0000-7000-8000-00000000e001', hold_for => '1 hour');
SELECT status FROM booking.book_slot('roles: room', '[2029-01-01 09:00, 2029-01-01 10:00)', 'ann', id => '00000000-0000-7000-8000-00000000e001', hold_for => '1 hour');
SELECT status FROM booking.extend_hold('00000000-0000-7000-8000-00000000e001', '1 minute');
SELECT status FROM booking.confirm('00000000-0000-7000-8000-00000000e001');
SELECT status FROM booking.reschedule('00000000-0000-7000-8000-00000000e001', '[2029-01-01 08:00, 2029-01-01 10:00)');
SELECT status FROM booking.wait_for_slot('roles: room', '[2029-01-01 09:00, 2029-01-01 10:00)', 'bob');
SELECT status FROM booking.wait_for_slot('roles: room', '[2029-01-01 09:00, 2029-01-01 10:00)', 'bob');
SELECT status FROM booking.wait_for_slot('roles: room', '[2029-01-01 09:00, 2029-01-01 10:00)', 'cat');
SELECT status FROM booking.cancel('00000000-0000-7000-8000-00000000e001', 'changed my mind');
SELECT holder, status, booking.waitlist_position(id) FROM booking.waitlist WHERE holder OPERATOR(pg_catalog.=) ANY ('{bob,cat}') ORDER BY id;
SELECT w.holder, (booking.leave_waitlist(w.id)).status FROM booking.waitlist w WHERE w.holder OPERATOR(pg_catalog.=) ANY ('{bob,cat}') ORDER BY w.id;
SELECT seat_no FROM booking.book_slot('roles: bus', '[2029-01-01 09:00, 2029-01-01 10:00)', 'ann', seat => '1B', id => '00000000-0000-7000-8000-00000000e002');
SELECT pg_catalog.count(seat_no) FROM booking.book_slot('roles: bus', '[2029-01-01 09:00, 2029-01-01 10:00)', 'ann');
SELECT quantity FROM booking.book_slot('roles: pool', '[2029-01-01 09:00, 2029-01-01 10:00)', 'ann', 2, hold_for => '1 us');
SELECT quantity FROM booking.book_slot('roles: pool', '[2029-01-01 09:00, 2029-01-01 10:00)', 'ann', 3);
SELECT quantity FROM booking.book_slot('roles: pool', '[2029-01-01 09:00, 2029-01-01 10:00)', 'ann', 1);
SELECT quantity FROM booking.book_slot('roles: pool', '[2029-01-08 09:00, 2029-01-08 10:00)', 'ann', 1);
SELECT quantity FROM booking.book_place(900000001, 'ann', 99, hold_for => '1 us');
SELECT quantity FROM booking.book_place(900000001, 'ann', 90);
SELECT quantity FROM booking.book_place(900000001, 'ann', 20);
SELECT status FROM booking.wait_for_place(900000001, 'bob', 20);
SELECT quantity FROM booking.book_place(900000002, 'ann', id => '00000000-0000-7000-8000-00000000e003');
SELECT status FROM booking.check_in('00000000-0000-7000-8000-00000000e003');
INSERT INTO booking.booking (id, resource_id, period, holder) SELECT '00000000-0000-7000-8000-00000000e004', id, '[2020-01-01 10:00, 2029-01-01 10:00)', 'ann' FROM booking.resource WHERE name OPERATOR(pg_catalog.=) 'roles: room';
SELECT status FROM booking.check_out('00000000-0000-7000-8000-00000000e004', '2021-01-01');
SELECT booking.expire_holds() OPERATOR(pg_catalog.>=) 0;

SET ROLE regress_roles_manager;
SELECT reason FROM booking.close_period('roles: bus', '[2029-01-01, 2029-01-02)', 'works');
SELECT reason FROM booking.close_period('roles: bus', '[2029-01-01, 2029-01-02)', 'works', true);
SELECT reason FROM booking.close_period('roles: class', '[2029-01-01, 2029-01-02)', 'works', true);
BEGIN;
SELECT reason FROM booking.close_period(NULL::pg_catalog.int8, '[2029-01-01, 2029-01-02)', 'holiday', true);
ROLLBACK;
INSERT INTO booking.closure (period) VALUES ('[2020-06-01, 2021-01-01)');
UPDATE booking.resource SET capacity = 2 WHERE name OPERATOR(pg_catalog.=) 'roles: pool';
UPDATE booking.resource SET kind = 'pooled', capacity = 2 WHERE name OPERATOR(pg_catalog.=) 'roles: room';
UPDATE booking.resource SET kind = 'pooled', capacity = 2 WHERE name OPERATOR(pg_catalog.=) 'roles: class';
UPDATE booking.resource SET buffer_after = '0' WHERE name OPERATOR(pg_catalog.=) 'roles: room';
UPDATE booking.waitlist SET status = 'left' WHERE slot_id OPERATOR(pg_catalog.=) 900000001;
UPDATE booking.slot SET capacity = 0 WHERE id OPERATOR(pg_catalog.=) 900000001;
UPDATE booking.slot SET period = '[2029-03-01, 2029-03-02)' WHERE id OPERATOR(pg_catalog.=) 900000001;
DELETE FROM booking.slot WHERE id OPERATOR(pg_catalog.=) 900000001;
DELETE FROM booking.seat s USING booking.resource r WHERE r.id OPERATOR(pg_catalog.=) s.resource_id AND r.name OPERATOR(pg_catalog.=) 'roles: bus' AND s.label OPERATOR(pg_catalog.=) '1C';
DELETE FROM booking.resource WHERE name OPERATOR(pg_catalog.=) 'roles: class';
UPDATE booking.resource SET slots_only = true WHERE name OPERATOR(pg_catalog.=) 'roles: class';
SET ROLE regress_roles_booker;
SELECT holder FROM booking.book_slot('roles: class', '[2029-02-01 10:00, 2029-02-01 11:00)', 'dan');
SELECT holder FROM booking.book_slot('roles: class', '[2029-02-01 10:00, 2029-02-01 11:30)', 'dan');
SET ROLE regress_roles_reader;
SELECT * FROM booking.verify();
RESET ROLE;
RESET search_path;
\set VERBOSITY default

-- What runs as the owner lends its rights to no search_path of the caller either: triggers of the application run inside it.
CREATE FUNCTION regress_roles_trap.seen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE WARNING '% as % with search_path %', new.status, CASE current_user WHEN 'regress_roles_booker' THEN 'the caller' ELSE 'the owner' END, current_setting('search_path');
	RETURN NULL;
END $$;
BEGIN;
CREATE TRIGGER zz_seen AFTER INSERT OR UPDATE ON booking.booking FOR EACH ROW WHEN (new.period @> '2028-01-03'::timestamptz) EXECUTE FUNCTION regress_roles_trap.seen();
SET LOCAL ROLE regress_roles_booker;
SET LOCAL search_path = public;
SELECT FROM booking.book_slot('roles: pool', '[2028-01-03, 2028-01-04)', 'ann', 2, hold_for => '1 us');
SELECT FROM booking.book_slot('roles: pool', '[2028-01-03, 2028-01-04)', 'bob', 2);
SHOW search_path;
ROLLBACK;

--
-- A booking that only books is made now: neither the limits, nor what is closed, nor the line,
-- nor the buffers are got round by saying that it was made long ago.
--
INSERT INTO booking.holder_limit (category, per, max_bookings) VALUES ('roles: few', 'active', 1);
SELECT FROM booking.create_resource('roles: limited', category => 'roles: few', buffer_after => '1 hour');
SELECT id AS limited FROM booking.resource WHERE name = 'roles: limited' \gset
SELECT FROM booking.create_resource('roles: course');
SELECT id AS course FROM booking.resource WHERE name = 'roles: course' \gset
INSERT INTO booking.slot (id, resource_id, period, capacity, closed) VALUES (900000011, :course, '[2040-01-01 10:00, 2040-01-01 11:00)', 10, true);
UPDATE booking.resource SET slots_only = true WHERE id = :course;

SET ROLE regress_roles_booker;
INSERT INTO booking.booking (id, resource_id, period, holder) VALUES ('00000000-0000-7000-8000-00000000e011', :limited, '[2040-01-01 10:00, 2040-01-01 11:00)', 'eve');
SELECT pg_temp.said(format($$INSERT INTO booking.booking (resource_id, period, holder, created_at) VALUES (%s, '[2040-01-02 10:00, 2040-01-02 11:00)', 'eve', now() - '1 us'::interval)$$, :limited));
SELECT pg_temp.said(format($$INSERT INTO booking.booking (resource_id, slot_id, holder, created_at) VALUES (%s, 900000011, 'eve', '2020-01-01')$$, :course));
SELECT pg_temp.said(format($$INSERT INTO booking.booking (resource_id, period, holder, created_at) VALUES (%s, '[2040-01-02 10:00, 2040-01-02 11:00)', 'eve', '2020-01-01')$$, :course));
-- What it says of its past and of its future is not what is stored.
INSERT INTO booking.booking (resource_id, period, occupies, holder, created_at, updated_at, version)
	VALUES (:limited, '[2040-01-03 10:00, 2040-01-03 11:00)', '[2040-01-03 10:00, 2040-01-03 11:00)', 'fay', '2020-01-01', '2020-01-01', 7)
	RETURNING occupies, created_at = now() AS made_now, updated_at = now() AS updated_now, version;
INSERT INTO booking.booking (resource_id, period, holder, created_at) VALUES (:limited, '[2040-01-04 10:00, 2040-01-04 11:00)', 'gus', 'infinity') RETURNING created_at = now() AS made_now;
UPDATE booking.booking SET created_at = '2020-01-01', updated_at = '2020-01-01', version = 70, occupies = period
	WHERE holder = 'fay' AND resource_id = :limited RETURNING occupies, created_at > '2021-01-01' AS made_then, updated_at > '2021-01-01' AS updated_now, version;
UPDATE booking.booking SET period = '[2040-01-03 10:00, 2040-01-03 10:30)', occupies = '[2040-01-03 10:00, 2040-01-03 10:30)' WHERE holder = 'fay' AND resource_id = :limited RETURNING occupies;
SELECT pg_temp.said($$MERGE INTO booking.booking b USING (SELECT id FROM booking.resource WHERE name = 'roles: limited') r ON false
	WHEN NOT MATCHED THEN INSERT (resource_id, period, holder, created_at) VALUES (r.id, '[2040-02-02 10:00, 2040-02-02 11:00)', 'eve', '2020-01-01')$$);
-- The line: its order, a way back to one's old place in it, and whose offer a booking is.
SELECT status FROM booking.wait_for_slot('roles: limited', '[2040-01-01 10:00, 2040-01-01 11:00)', 'hal');
SELECT status FROM booking.wait_for_slot('roles: limited', '[2040-01-01 10:00, 2040-01-01 11:00)', 'ida');
SELECT id AS hal FROM booking.waitlist WHERE holder = 'hal' \gset
SELECT id AS ida FROM booking.waitlist WHERE holder = 'ida' \gset
INSERT INTO booking.waitlist (id, resource_id, period, holder) VALUES (-1, :limited, '[2040-01-01 10:00, 2040-01-01 11:00)', 'pam') RETURNING id > :ida AS behind;
SELECT pg_temp.said(format($$UPDATE booking.waitlist SET id = -1 WHERE id = %s$$, :ida));
SELECT pg_temp.said(format($$UPDATE booking.waitlist SET holder = 'eve' WHERE id = %s$$, :hal));
SELECT status FROM booking.leave_waitlist(:hal);
SELECT pg_temp.said(format($$UPDATE booking.waitlist SET status = 'waiting' WHERE id = %s$$, :hal));
SELECT pg_temp.said(format($$INSERT INTO booking.booking (resource_id, period, holder, status, expires_at, waitlist_id) VALUES (%s, '[2040-03-01 10:00, 2040-03-01 11:00)', 'joe', 'held', '2030-01-01', %s)$$, :limited, :ida));
SELECT pg_temp.said(format($$UPDATE booking.booking SET waitlist_id = %s WHERE holder = 'fay'$$, :ida));
-- The space becomes free, and a caller that books at that moment comes after the line.
BEGIN;
UPDATE booking.booking SET status = 'cancelled' WHERE id = '00000000-0000-7000-8000-00000000e011';
SELECT holder, status FROM booking.booking WHERE resource_id = :limited AND period = '[2040-01-01 10:00, 2040-01-01 11:00)' ORDER BY holder;
SELECT pg_temp.said(format($$INSERT INTO booking.booking (resource_id, period, holder, created_at) VALUES (%s, '[2040-01-01 10:00, 2040-01-01 11:00)', 'kim', '2020-01-01')$$, :limited));
ROLLBACK;

-- A role of level manage may load history.
SET ROLE regress_roles_manager;
INSERT INTO booking.booking (resource_id, period, occupies, holder, created_at, updated_at, version)
	VALUES (:limited, '[2026-01-03 10:00, 2026-01-03 11:00)', '[2026-01-03 10:00, 2026-01-03 11:00)', 'eve', '2020-01-01', '2020-01-02', 7)
	RETURNING occupies, created_at, updated_at, version;
INSERT INTO booking.booking (resource_id, slot_id, holder, created_at) VALUES (:course, 900000011, 'eve', '2020-01-01') RETURNING created_at;

--
-- A role with a table of its own guards that, and nothing else.
--
RESET ROLE;
SELECT booking.grant_access('regress_roles_owner', 'book');
CREATE TABLE regress_roles_trap.theirs (room bigint, period tstzrange);
CREATE TABLE regress_roles_trap.own (room bigint, period tstzrange);
ALTER TABLE regress_roles_trap.own OWNER TO regress_roles_owner;
GRANT SELECT ON regress_roles_trap.theirs TO PUBLIC;
SET ROLE regress_roles_booker;
SELECT pg_temp.said($$SELECT booking.guard_table('regress_roles_trap.own', '{room}', '{period}')$$);
SELECT pg_temp.said($$SELECT booking.unguard_table('regress_roles_trap.own')$$);
SELECT pg_temp.said($$SELECT booking.grant_access('regress_roles_booker', 'manage')$$);
SET ROLE regress_roles_owner;
SELECT left(pg_temp.said($$ALTER TABLE booking.booking DISABLE TRIGGER ALL$$), 5);
SELECT left(pg_temp.said($$DROP TRIGGER zz_guard_booking ON booking.booking$$), 5);
SELECT left(pg_temp.said($$CREATE TRIGGER mine BEFORE INSERT ON booking.booking FOR EACH ROW EXECUTE FUNCTION regress_roles_trap.seen()$$), 5);
SELECT left(pg_temp.said($$CREATE FUNCTION booking.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'$$), 5);
SELECT left(pg_temp.said($$SET session_replication_role = replica$$), 5);
SELECT left(pg_temp.said($$UPDATE booking.slot_places SET free = 1000$$), 5);
SELECT left(pg_temp.said($$UPDATE booking.slot SET capacity = 1000$$), 5);
SELECT left(pg_temp.said($$DELETE FROM booking.holder_limit$$), 5);
SELECT left(pg_temp.said($$DELETE FROM booking.waitlist$$), 5);
SELECT left(pg_temp.said($$TRUNCATE booking.booking$$), 5);

-- Settings of a session change no answer, and nothing that is stored.
SET ROLE regress_roles_booker;
SET DateStyle = 'German';
SET IntervalStyle = 'sql_standard';
SET TimeZone = 'Asia/Kathmandu';
SET row_security = off;
SET transform_null_equals = on;
-- 19 does without these.
DO $$ BEGIN
	IF current_setting('server_version_num')::int < 190000 THEN
		PERFORM set_config('standard_conforming_strings', 'off', false), set_config('escape_string_warning', 'off', false);
	END IF;
END $$;
SET backslash_quote = on;
SET array_nulls = off;
SET quote_all_identifiers = on;
SET enable_indexscan = off;
SET enable_seqscan = off;
SET plan_cache_mode = force_custom_plan;
SELECT FROM booking.book_slot('roles: pool', '[2028-02-07 00:00+00, 2028-02-08 00:00+00)', 'len', 2, hold_for => '1 us', id => '00000000-0000-7000-8000-00000000e021');
SELECT quantity FROM booking.book_slot('roles: pool', '[2028-02-07 00:00+00, 2028-02-08 00:00+00)', 'mia', 2);
RESET ROLE;
RESET DateStyle;
RESET IntervalStyle;
RESET enable_indexscan;
RESET enable_seqscan;
RESET quote_all_identifiers;
RESET standard_conforming_strings;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SELECT status, regexp_replace(reason, '\d', '9', 'g') FROM booking.booking WHERE id = '00000000-0000-7000-8000-00000000e021';
SELECT * FROM booking.verify();

SET client_min_messages = error;
DROP SCHEMA regress_roles_trap CASCADE;
UPDATE booking.waitlist SET status = 'left' WHERE status = 'waiting' AND resource_id IN (SELECT id FROM booking.resource WHERE name LIKE 'roles: %');
DELETE FROM booking.booking WHERE resource_id IN (SELECT id FROM booking.resource WHERE name LIKE 'roles: %');
DELETE FROM booking.resource WHERE name LIKE 'roles: %';
DELETE FROM booking.holder_limit WHERE category LIKE 'roles%';
DROP OWNED BY regress_roles_reader, regress_roles_booker, regress_roles_manager, regress_roles_owner;
DROP ROLE regress_roles_reader, regress_roles_booker, regress_roles_manager, regress_roles_owner;
