-- Wrong arguments of guard_table() get a clear error and leave nothing behind.
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

CREATE SCHEMA guard_errors;
SET search_path = guard_errors;
CREATE TABLE t (id int PRIMARY KEY, room int, during tstzrange, many tstzmultirange, starts date, ends timestamptz,
	quantity numeric, blob json, place point, canceled timestamptz);
CREATE TABLE hotel (id int PRIMARY KEY, rooms int, name text);
CREATE VIEW v AS SELECT * FROM t;
CREATE TEMP TABLE temporary (room int, during tstzrange);
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE abroad (room int, during tstzrange) SERVER nowhere;
CREATE TABLE parted (room int, during tstzrange) PARTITION BY LIST (room);
CREATE FOREIGN TABLE parted_abroad PARTITION OF parted FOR VALUES IN (1) SERVER nowhere;
CREATE FUNCTION is_active(timestamptz) RETURNS boolean LANGUAGE plpgsql STABLE AS 'BEGIN RETURN $1 IS NULL; END';

-- What cannot be guarded
SELECT pg_temp.said($$SELECT booking.guard_table('v', '{room}', '{during}')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('temporary', '{room}', '{during}')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('abroad', '{room}', '{during}')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('parted', '{room}', '{during}')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('pg_class', '{relname}', '{relname}')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('booking.booking', '{resource_id}', '{period}')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('nosuch', '{room}', '{during}')$$);
SELECT pg_temp.said($$SELECT booking.guard_table(NULL, '{room}', '{during}')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', NULL, '{during}')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room,NULL}', '{during}')$$);

-- Columns and their types
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{rom}', '{during}')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{ctid}', '{during}')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{starts,ends,during}')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{""}')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', ARRAY['starts; DROP TABLE t'])$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', ARRAY['(SELECT during)'])$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', ARRAY['room + 1'])$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', ARRAY['starts', 'starts + interval ''1 hour'''])$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', ARRAY['starts', 'room + 1'])$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', ARRAY['tstzrange(starts, now())'])$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{room}')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{many}')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{starts,ends}')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{place,place}')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{blob}', '{during}')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{place}', '{during}')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', 2, quantity => 'quantity')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', 2, quantity => 'amount')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', 0)$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', NULL)$$);

-- active
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', active => 'is_active(canceled)')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', active => 'ends > now()')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', active => 'cancelled IS NULL')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', active => 'room + 1')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', active => 'true) ; DROP TABLE t; --')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', active => 'EXISTS (SELECT FROM hotel)')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', active => 'true FROM hotel')$$);

-- using_index
CREATE INDEX t_btree ON t (room);
CREATE INDEX t_gist ON t USING gist (room, during) WHERE canceled IS NULL;
CREATE INDEX t_other ON t USING gist (id, during);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', using_index => 'no_index')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', using_index => 't')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', using_index => 'hotel_pkey')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', using_index => 't_btree')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', using_index => 't_gist')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', using_index => 't_other')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room,id}', '{during}', using_index => 't_other')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{id}', '{starts,starts}', using_index => 't_other')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{id}', '{during}', active => 'canceled IS NULL', using_index => 't_other')$$);

-- capacity_query
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', 2, capacity_query => 'SELECT 1')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', capacity_query => 'SELECT rooms FROM hotels WHERE id = $1')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', capacity_query => 'SELECT name FROM hotel WHERE id = $1')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', capacity_query => 'SELECT rooms, id FROM hotel WHERE id = $1')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', capacity_query => 'SELECT rooms FROM hotel WHERE id = $2')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', capacity_query => 'DELETE FROM hotel RETURNING rooms')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', capacity_query => 'WITH x AS (DELETE FROM hotel RETURNING rooms) SELECT rooms FROM x')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', capacity_query => 'SELECT count(*) FROM t WHERE room = $1')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', capacity_query => 'SELECT count(*) FROM pg_class')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', capacity_query => 'SELECT room FROM abroad WHERE room = $1')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', capacity_query => 'SELECT 1; SELECT 2')$$);

-- Names
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', name => 't_gist')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', name => '')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', name => repeat('x', 64))$$);
SELECT booking.guard_table('t', '{id}', '{during}', 2, name => repeat('ü', 31));
SELECT pg_temp.said(format($$SELECT booking.guard_table('t', '{room}', '{during}', name => %L)$$, repeat('ü', 31)));
SELECT booking.unguard_table('t', repeat('ü', 31));
SELECT pg_temp.said($$SELECT booking.unguard_table('t', 'nosuch')$$);
SELECT pg_temp.said($$SELECT booking.unguard_table('t')$$);
SELECT pg_temp.said($$SELECT booking.unguard_table(NULL)$$);

-- A trigger with our function, made by hand, with wrong arguments
CREATE TRIGGER by_hand AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION booking.check_capacity('2');
SELECT pg_temp.said($$INSERT INTO t (id) VALUES (1)$$);
DROP TRIGGER by_hand ON t;
CREATE TRIGGER by_hand BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION booking.make_room();
INSERT INTO t (id) VALUES (1);
DROP TRIGGER by_hand ON t;

-- Only the owner of a table may guard it.
CREATE ROLE guard_stranger;
GRANT USAGE ON SCHEMA guard_errors, booking TO guard_stranger;
GRANT ALL ON t, hotel TO guard_stranger;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA booking TO guard_stranger;
SET ROLE guard_stranger;
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{room}', '{during}', 2)$$);
RESET ROLE;
SELECT booking.guard_table('t', '{room}', '{during}', 2, name => 'not_yours');
SET ROLE guard_stranger;
SELECT pg_temp.said($$SELECT booking.unguard_table('t')$$);
RESET ROLE;
SELECT booking.unguard_table('t');

-- The owner may, without being a superuser.
GRANT CREATE ON SCHEMA guard_errors TO guard_stranger;
SET ROLE guard_stranger;
CREATE TABLE mine (room int, during tstzrange);
SELECT booking.guard_table('mine', '{room}', '{during}', capacity_query => 'SELECT rooms FROM hotel WHERE id = $1');
SELECT pg_temp.said($$INSERT INTO mine VALUES (1, '[2030-01-01,2030-01-02)')$$);
SELECT booking.unguard_table('mine');
RESET ROLE;
REVOKE TRIGGER ON hotel FROM guard_stranger;
SET ROLE guard_stranger;
SELECT pg_temp.said($$SELECT booking.guard_table('mine', '{room}', '{during}', capacity_query => 'SELECT rooms FROM hotel WHERE id = $1')$$);
RESET ROLE;

-- Nothing is left: no trigger, no index, no constraint that was not there.
SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = 'guard_errors'::regnamespace;
SELECT indexrelid::regclass FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = 'guard_errors'::regnamespace ORDER BY indexrelid::regclass::text COLLATE "C";

DROP SCHEMA guard_errors CASCADE;
DROP FOREIGN DATA WRAPPER nothing CASCADE;
DROP OWNED BY guard_stranger;
DROP ROLE guard_stranger;
