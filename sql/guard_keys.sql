-- What is equal for the type of a column is one key for a guard, however it is written; where no index can say that, the column is refused.
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

CREATE SCHEMA guard_keys;
SET search_path = guard_keys, public;
CREATE EXTENSION citext SCHEMA guard_keys;
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE DOMAIN plate AS text;
CREATE DOMAIN plate_any_case AS text COLLATE any_case;
CREATE DOMAIN name_tag AS citext;
CREATE TYPE weekday AS ENUM ('mon', 'tue');

-- Two ways to write a key: room for one and no more, also against another table. A third value is another key.
CREATE FUNCTION same_key(key_type text, a text, b text, c text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE answer text := key_type || ':';
BEGIN
	EXECUTE format('CREATE TABLE guarded (key %s, period int4range); CREATE TABLE blocking (key %1$s, period int4range)', key_type);
	PERFORM booking.guard_table('guarded', '{key}', '{period}', 2, name => 'guard');
	PERFORM booking.guard_against('guarded', 'guard', 'blocking', '{key}', '{period}');
	EXECUTE format('INSERT INTO guarded VALUES (%L, ''[1,5)''), (%L, ''[1,5)'')', a, b);
	BEGIN
		EXECUTE format('INSERT INTO guarded VALUES (%L, ''[4,9)'')', a);
		answer := answer || ' OVERSOLD';
	EXCEPTION WHEN exclusion_violation THEN answer := answer || ' one key';
	END;
	BEGIN
		EXECUTE format('INSERT INTO blocking VALUES (%L, ''[4,9)'')', b);
		answer := answer || ', NOT BLOCKED';
	EXCEPTION WHEN exclusion_violation THEN answer := answer || ', blocked';
	END;
	EXECUTE format('INSERT INTO guarded VALUES (%L, ''[4,9)'')', c);
	PERFORM FROM booking.verify_guards();
	answer := answer || CASE WHEN FOUND THEN ', verify() objects' ELSE ', another is free' END;
	DROP TABLE guarded, blocking;
	RETURN NEXT answer;
END $$;

SELECT same_key('text', 'a', 'a', 'A');
SELECT same_key('text COLLATE any_case', 'a', 'A', 'b');
SELECT same_key('plate_any_case', 'a', 'A', 'b');
SELECT same_key('plate', 'a', 'a', 'b');
SELECT same_key('varchar(10)', 'a', 'a', 'a ');
SELECT same_key('char(10)', 'a', 'a  ', 'b');
SELECT same_key('numeric', '1', '1.00', '1.001');
SELECT same_key('numeric', 'NaN', 'NaN', '1');
SELECT same_key('timestamptz', '2030-01-01 10:00+00', '2030-01-01 11:00+01', '2030-01-01 11:00+00');
SELECT same_key('timetz', '10:00+00', '10:00+00', '11:00+01');
SELECT same_key('interval', '1 day', '24 hours', '25 hours');
SELECT same_key('inet', '10.0.0.1', '10.0.0.1/32', '10.0.0.1/24');
SELECT same_key('inet', '2001:db8::1', '2001:db8:0::1', '2001:db8::2');
SELECT same_key('uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12');
SELECT same_key('weekday', 'mon', 'mon', 'tue');
SELECT same_key('boolean', 't', 'yes', 'f');
SELECT same_key('bytea', '\x41', 'A', 'a');
SELECT same_key('macaddr', '08:00:2b:01:02:03', '08002b-010203', '08:00:2b:01:02:04');
SELECT same_key('bit varying', '101', '101', '1010');
SELECT same_key('numrange', '[1,2)', '[1.0,2.00)', '[1,2]');

-- No index knows their equality.
CREATE TABLE t (name citext, tag name_tag, size float8, little float4, list int[], during int4range);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{name}', '{during}', 2)$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{tag}', '{during}', 2)$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{size}', '{during}', 2)$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{little}', '{during}')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{list}', '{during}', 2)$$);
CREATE INDEX by_name ON t USING gist (name, during);
SELECT pg_temp.said($$SELECT booking.guard_table('t', '{name}', '{during}', 2, using_index => 'by_name')$$);
-- What the hint says works.
CREATE TABLE u (name citext, folded text GENERATED ALWAYS AS (lower(name::text)) STORED, during int4range);
SELECT booking.guard_table('u', '{folded}', '{during}', 2);
INSERT INTO u (name, during) VALUES ('Ann', '[1,5)'), ('ANN', '[1,5)');
SELECT pg_temp.said($$INSERT INTO u (name, during) VALUES ('ann', '[1,5)')$$);
-- So does an index over it.
CREATE INDEX by_lower ON t USING gist (lower(name::text), during);
SELECT booking.guard_table('t', '{name}', '{during}', 2, using_index => 'by_lower');
INSERT INTO t (name, during) VALUES ('Ann', '[1,5)'), ('ANN', '[1,5)');
SELECT pg_temp.said($$INSERT INTO t (name, during) VALUES ('ann', '[1,5)')$$);

-- An index with another collation than the column's may know another equality.
CREATE TABLE v (name text COLLATE any_case, during int4range);
CREATE INDEX v_c ON v USING gist (name COLLATE "C", during);
SELECT pg_temp.said($$SELECT booking.guard_table('v', '{name}', '{during}', 2, using_index => 'v_c')$$);
SELECT booking.guard_table('v', '{name}', '{during}', 2);
SELECT index FROM booking.guarded_table WHERE target = 'v'::regclass;

-- Keys that an index cannot hold, for which btree_gist takes all memory there is.
CREATE TABLE w (id int, name text COLLATE "C", during int4range);
INSERT INTO w SELECT n, repeat(chr(97 + n), 100000 + n), '[1,5)' FROM generate_series(1, 20) AS n;
SELECT pg_temp.said($$SELECT booking.guard_table('w', '{name}', '{during}', 2)$$);
SELECT pg_temp.said($$SELECT booking.guard_table('w', '{name}', '{during}', 2, check_existing => false)$$);
SELECT pg_temp.said($$SELECT booking.guard_table('w', '{name}', '{during}', with_constraint => true)$$);
DELETE FROM w WHERE id > 1;
-- What the hint says works.
ALTER TABLE w ADD COLUMN short text GENERATED ALWAYS AS (md5(name)) STORED;
SELECT booking.guard_table('w', '{short}', '{during}', 2);
UPDATE w SET name = 'x';
SELECT booking.guard_table('w', '{name}', '{during}', 2);
INSERT INTO w VALUES (2, repeat('x', 512), '[1,5)');
SELECT pg_temp.said($$INSERT INTO w VALUES (3, repeat('x', 513), '[1,5)')$$);
SELECT pg_temp.said($$UPDATE w SET name = repeat('x', 200000)$$);

SET client_min_messages = warning;
DROP SCHEMA guard_keys CASCADE;
