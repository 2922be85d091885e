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

-- Keys that an index cannot hold, for which btree_gist uses up the memory.
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
-- Nor can it where they count for nothing: it has a row with no period as well, or with half a key.
SELECT pg_temp.said(format($$UPDATE w SET name = repeat('x', 513), during = %s$$, during)) FROM unnest(ARRAY['NULL', '''empty''']) WITH ORDINALITY AS d (during, n) ORDER BY n;
CREATE TABLE w2 (a text COLLATE "C", b text COLLATE "C", during int4range, n int, ok boolean);
INSERT INTO w2 VALUES (NULL, repeat('y', 513), '[1,5)', 1, true);
SELECT pg_temp.said($$SELECT booking.guard_table('w2', '{a,b}', '{during}', 2, quantity => 'n', active => 'ok')$$);
UPDATE w2 SET a = 'a', during = NULL;
SELECT pg_temp.said($$SELECT booking.guard_table('w2', '{a,b}', '{during}', 2, quantity => 'n', active => 'ok', check_existing => false)$$);
UPDATE w2 SET ok = false;
SELECT booking.guard_table('w2', '{a,b}', '{during}', 2, quantity => 'n', active => 'ok');
SELECT pg_temp.said($$UPDATE w2 SET ok = true$$);
SELECT pg_temp.said($$INSERT INTO w2 VALUES (NULL, repeat('y', 513), '[1,5)', 1, true)$$);
SELECT pg_temp.said($$INSERT INTO w2 VALUES ('a', repeat('y', 512), '[1,5)', 0, true)$$);
INSERT INTO w2 VALUES ('a', repeat('y', 513), '[1,5)', 0, false), ('a', repeat('y', 511), '[1,5)', 0, true), (NULL, repeat('y', 512), NULL, NULL, true);

-- Rows that the triggers do not see are refused by the index: with keys of 2,200 bytes a page would be split without end.
CREATE FUNCTION noise(n int, size int) RETURNS text LANGUAGE sql AS $$ SELECT left(string_agg(md5(i || '/' || n), ''), size) FROM generate_series(0, size / 32) AS i $$;
CREATE FUNCTION past(key_type text, fits text, too_long text, during_type text DEFAULT 'int4range', during text DEFAULT '[1,5)') RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE guarded (key %s, during %s)', key_type, during_type);
	PERFORM booking.guard_table('guarded', '{key}', '{during}', 2, name => 'guard');
	SET LOCAL session_replication_role = replica;
	EXECUTE format('INSERT INTO guarded VALUES (%L, %L)', fits, during);
	RETURN NEXT key_type || ' ' || (SELECT split_part(pg_get_indexdef('guard'::regclass), 'gist ', 2)) || ' '
		|| (SELECT s FROM pg_temp.said(format('INSERT INTO guarded VALUES (%L, %L)', too_long, during)) AS s LIMIT 1);
	SET LOCAL session_replication_role = origin;
	DROP TABLE guarded;
END $$;
SELECT past('text', noise(1, 512), noise(1, 513));
SELECT past('plate', noise(1, 512), noise(1, 513));
SELECT past('text COLLATE any_case', noise(1, 512), noise(1, 513));
SELECT past('varchar(1000)', noise(1, 512), noise(1, 513));
SELECT past('char(513)', NULL, noise(1, 513));
SELECT past('bytea', noise(1, 512), noise(1, 513));
SELECT past('numeric', repeat('12345', 200), repeat('12345', 220));
SELECT past('bit varying', repeat('0011', 1016), repeat('0011', 1017));
SELECT past('bit(4068)', NULL, repeat('0011', 1017));
SELECT past('numrange', '[' || repeat('12345', 90) || ',' || repeat('72345', 90) || ']', '[' || repeat('12345', 110) || ',' || repeat('72345', 110) || ']');
SELECT past('int', '1', '1', 'numrange', '[1,2]');
-- What cannot be long keeps the operator class that it has.
SELECT past(key_type, '1', '1') FROM unnest(ARRAY['int', 'bigint']) WITH ORDINALITY AS t (key_type, n) ORDER BY n;
SELECT past('uuid', NULL, NULL), past('inet', NULL, NULL), past('weekday', NULL, NULL), past('tstzrange', NULL, NULL, 'tstzrange', NULL);

-- An owner's trigger behind ours.
CREATE TABLE x (id int, name text COLLATE "C", during int4range);
SELECT booking.guard_table('x', '{name}', '{during}', 1000);
CREATE FUNCTION longer() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.name := guard_keys.noise(NEW.id, NEW.name::int); RETURN NEW; END$$;
CREATE TRIGGER zzzzz BEFORE INSERT ON x FOR EACH ROW EXECUTE FUNCTION longer();
SELECT pg_temp.said($$INSERT INTO x SELECT n, 300 + n * 70, '[1,5)' FROM generate_series(1, 60) AS n$$);
INSERT INTO x SELECT n, 512, '[1,5)' FROM generate_series(1, 500) AS n;
-- Triggers that are switched off; a key that is made longer.
ALTER TABLE x DISABLE TRIGGER USER;
SELECT pg_temp.said($$UPDATE x SET name = noise(id, 300 + id * 70)$$);
SELECT pg_temp.said($$ALTER TABLE x ALTER name TYPE varchar USING noise(id, 300 + id * 70)$$);
ALTER TABLE x ENABLE TRIGGER USER;
-- The index serves queries as it would otherwise.
ANALYZE x;
SET enable_seqscan = off;
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$BEGIN RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query; END$$;
SELECT string_agg(line, '') ~ 'x_name_guard.*Index Cond: ..name = .a.::text. AND .during &&' AS found FROM plan_of($$SELECT FROM x WHERE name = 'a' AND during && '[1,3)'$$) AS line;
RESET enable_seqscan;

-- Attached with the rows that it has. The table's owner needs no right on our schema to add a partition.
CREATE ROLE regress_owner_of_keys;
CREATE TABLE y (id int, name text COLLATE "C", during int4range) PARTITION BY LIST (id);
SELECT booking.guard_table('y', '{name}', '{during}', 1000);
GRANT ALL ON SCHEMA guard_keys TO regress_owner_of_keys;
ALTER TABLE y OWNER TO regress_owner_of_keys;
SET ROLE regress_owner_of_keys;
CREATE TABLE y1 PARTITION OF y FOR VALUES IN (1);
CREATE TABLE y2 (id int, name text COLLATE "C", during int4range);
INSERT INTO y2 SELECT 2, noise(n, 300 + n * 70), '[1,5)' FROM generate_series(1, 60) AS n;
SELECT pg_temp.said($$ALTER TABLE y ATTACH PARTITION y2 FOR VALUES IN (2)$$);
DELETE FROM y2 WHERE octet_length(name) > 512;
ALTER TABLE y ATTACH PARTITION y2 FOR VALUES IN (2);
RESET ROLE;
SET session_replication_role = replica;
SELECT pg_temp.said($$INSERT INTO y SELECT n % 2 + 1, noise(n, 300 + n * 70), '[1,5)' FROM generate_series(1, 60) AS n$$);
RESET session_replication_role;

-- A period can be long, too.
CREATE TABLE z (id int, during numrange);
SELECT booking.guard_table('z', '{id}', '{during}', 2);
SELECT pg_temp.said($$INSERT INTO z VALUES (1, numrange(1, repeat('12345', 2000)::numeric))$$);
INSERT INTO z VALUES (1, numrange(1, repeat('12345', 190)::numeric));

-- Of more than three that can be long, each has its share; with a constraint as well.
CREATE TABLE four (a text COLLATE "C", b text COLLATE "C", c text COLLATE "C", d text COLLATE "C", n bigint, during int4range);
SELECT booking.guard_table('four', '{a,b,c,d,n}', '{during}', with_constraint => true);
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'four'::regclass;
SELECT pg_temp.said($$INSERT INTO four VALUES ('', '', '', noise(1, 476), 1, '[1,5)')$$);
SET session_replication_role = replica;
INSERT INTO four SELECT noise(n, 475), noise(n + 1000, 475), noise(n + 2000, 475), noise(n + 3000, 475), n, '[1,5)' FROM generate_series(1, 500) AS n;
RESET session_replication_role;

-- An index that is handed over has the operator classes that its owner has given it. The triggers refuse.
CREATE TABLE own (name text COLLATE "C", during int4range);
CREATE INDEX own_plain ON own USING gist (name, during);
CREATE INDEX own_safe ON own USING gist (name booking_text_ops, during);
SELECT booking.guard_table('own', '{name}', '{during}', 2, using_index => 'own_plain', name => 'plain');
SELECT booking.guard_table('own', '{name}', '{during}', 2, using_index => 'own_safe', name => 'safe');
SELECT pg_temp.said($$INSERT INTO own VALUES (noise(1, 513), '[1,5)')$$);
SET session_replication_role = replica;
SELECT pg_temp.said($$INSERT INTO own VALUES (noise(1, 513), '[1,5)')$$);
RESET session_replication_role;

SET client_min_messages = warning;
DROP SCHEMA guard_keys CASCADE;
DROP ROLE regress_owner_of_keys;
