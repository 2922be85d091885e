# Every subset of up to three columns of every table of ours, NULL or with an absurd value,
# inserted and updated, by a role that may book and by one that may manage: the server
# goes on, and no error is one of those that should not happen (XX...).  With BOOKING_EVERY, as
# under valgrind, every single column and every so-many-th of the larger subsets.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $every = $ENV{BOOKING_EVERY} // 1;
my $node = PostgreSQL::Test::Cluster->new('sweep');
$node->init;
# A statement that does not end is a failure, too.
$node->append_conf('postgresql.conf', "statement_timeout = 3000s\nfsync = off\nsweep.every = $every");
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION booking CASCADE;
SELECT FROM booking.create_resource('room', buffer_after => '10 minutes');
SELECT FROM booking.create_resource('bus', 'seated', seats => ARRAY['1', '2']);
SELECT FROM booking.create_resource('bikes', 'pooled', 3);
INSERT INTO booking.opening_hours (resource_id, weekday, opens, closes) SELECT 3, d, '00:00', '00:00' FROM generate_series(1, 7) AS d;
INSERT INTO booking.opening_hours (resource_id, on_date) VALUES (3, '2041-01-01');
INSERT INTO booking.holder_limit (resource_id, per, max_bookings, max_quantity) VALUES (1, 'week', 5, NULL), (3, 'active', NULL, 9);
SELECT FROM booking.publish_slot('bikes', '[2040-02-01 20:00, 2040-02-01 22:00)', 5);
SELECT FROM booking.publish_slot('room', '[2040-02-01 20:00, 2040-02-01 22:00)', 5);
SELECT FROM booking.publish_slot('bus', '[2040-02-01 20:00, 2040-02-01 22:00)', 1);
SELECT FROM booking.book_slot('room', '[2040-01-01 10:00, 2040-01-01 11:00)', 'ann', hold_for => '1 day');
SELECT FROM booking.book_slot('room', '[2040-01-01 12:00, 2040-01-01 13:00)', 'ann', hold_for => '1 us');
SELECT FROM booking.book_slot('bus', '[2040-01-01 10:00, 2040-01-01 11:00)', 'ann', seat => '1');
SELECT FROM booking.book_slot('bikes', '[2040-01-01 10:00, 2040-01-01 11:00)', 'ann', 2);
SELECT FROM booking.book_place(1, 'ann', 2);
SELECT FROM booking.wait_for_slot('room', '[2040-01-01 10:00, 2040-01-01 11:00)', 'bob');
SELECT FROM booking.wait_for_place(1, 'bob', 4);
SELECT FROM booking.close_period('room', '[2041-01-01, 2041-01-02)', 'holiday');
CREATE ROLE booker;
CREATE ROLE manager;
SELECT booking.grant_access('booker', 'book');
SELECT booking.grant_access('manager', 'manage');

CREATE TABLE absurd (type regtype, number serial, value text);
INSERT INTO absurd (type, value)
SELECT t, v FROM (VALUES
	('bigint'::regtype, '{-1,0,9223372036854775807,-9223372036854775808}'::text[]),
	('integer', '{-1,0,2147483647,-2147483648}'),
	('smallint', '{-1,0,32767,-32768}'),
	('boolean', '{true,false}'),
	('text', '{"",bad,held,confirmed,cancelled,expired,waiting,left,seated,pooled,slot,%s%n,PST,Europe/Berlin}'::text[] || repeat('x', 5000)),
	('uuid', '{00000000-0000-0000-0000-000000000000,ffffffff-ffff-ffff-ffff-ffffffffffff}'),
	('jsonb', '{null,[],"\"x\"",1e300,"{\"a\": {\"b\": []}}"}'),
	('date', '{infinity,-infinity,5874897-12-31,4713-01-01 BC}'),
	('time', '{24:00,00:00}'),
	('interval', '{-1 day,0,178000000 years,-178000000 years,292200 years,1 us}'),
	('timestamptz', '{infinity,-infinity,294276-12-31 23:59:59 UTC,4713-01-01 00:00 BC UTC,2000-01-01}'),
	('tstzrange', '{empty,"(,)","[-infinity,infinity)","[2040-01-01,infinity)","[4713-01-02 BC,294276-12-31)","[294276-12-31,)","(2040-01-01,2040-01-02]","[2040-01-01,)","(,2040-01-01)","[2040-01-01 10:00,2040-01-01 10:00:00.000001)"}')) AS a (t, vs)
	CROSS JOIN LATERAL unnest(vs) AS v;

CREATE TABLE answer (who text, target text, how text, state text, said text, statement text, n bigint);
GRANT SELECT ON absurd TO PUBLIC;

-- What to try: all NULL, the first of them NULL, all absurd.  As a table, so that the sessions
-- that try it only try.
CREATE TABLE attempt AS
WITH RECURSIVE part AS (
	SELECT a.attrelid, ARRAY[a.attnum] AS columns FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
	WHERE c.relnamespace = 'booking'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
UNION ALL
	SELECT p.attrelid, p.columns || a.attnum FROM part p JOIN pg_attribute a ON a.attrelid = p.attrelid
	WHERE a.attnum > ALL (p.columns) AND cardinality(p.columns) < 3 AND NOT a.attisdropped AND a.attgenerated = '')
SELECT row_number() OVER (ORDER BY attrelid, columns, variant) AS id, attrelid::regclass AS target, columns, variant
FROM part, generate_series(0, 2) AS variant
WHERE variant > 0 OR cardinality(columns) < 3;
DELETE FROM attempt WHERE cardinality(columns) > 1 AND id % current_setting('sweep.every')::int <> 0;
GRANT SELECT ON attempt TO PUBLIC;
GRANT INSERT ON answer TO PUBLIC;

CREATE FUNCTION sweep() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	a record;
	stored jsonb;
	names text[];
	vals text[];
	all_names text[];
	all_vals text[];
	key text;
	how text;
	state text;
	said text;
	statement text;
	stored_rows jsonb[];
	last regclass;
BEGIN
	FOR a IN SELECT * FROM attempt ORDER BY id LOOP
		IF last IS DISTINCT FROM a.target THEN
			last := a.target;
			EXECUTE format('SELECT array_agg(to_jsonb(x)) FROM %s x', a.target) INTO stored_rows;
			CONTINUE WHEN stored_rows IS NULL;
		END IF;
		stored := stored_rows[1 + (a.id * 7 + a.id / 3) % cardinality(stored_rows)];
		SELECT array_agg(quote_ident(t.attname) ORDER BY t.attnum),
			array_agg(CASE WHEN a.variant = 0 OR a.variant = 1 AND t.attnum = a.columns[1] THEN 'NULL' ELSE coalesce(
				(SELECT format('%L::%s', v.value, v.type) FROM absurd v WHERE v.type = t.atttypid
					ORDER BY (v.number * 7919 + a.id * 104729) % 1009 LIMIT 1), 'NULL') END ORDER BY t.attnum)
		INTO names, vals
		FROM pg_attribute t WHERE t.attrelid = a.target AND t.attnum = ANY (a.columns);
		SELECT array_agg(quote_ident(t.attname)), array_agg(coalesce(vals[array_position(names, quote_ident(t.attname))],
			CASE WHEN t.attname = 'id' AND t.atttypid = 'uuid'::regtype THEN 'gen_random_uuid()'
				WHEN t.attname IN ('id', 'seat_no') AND a.target <> 'booking.booking'::regclass THEN (100000 + a.id)::text
				WHEN t.attname IN ('name', 'label') THEN quote_literal('new' || a.id)
				ELSE format('%L::%s', stored ->> t.attname, format_type(t.atttypid, NULL)) END))
		INTO all_names, all_vals
		FROM pg_attribute t WHERE t.attrelid = a.target AND t.attnum > 0 AND NOT t.attisdropped AND t.attgenerated = '';
		SELECT string_agg(format('%I = %L', k, v), ' AND ') INTO key
		FROM jsonb_each_text(stored) AS e (k, v)
		WHERE k = 'id' OR NOT stored ? 'id' AND k IN ('resource_id', 'seat_no', 'slot_id', 'shard');

		FOREACH how IN ARRAY '{INSERT,UPDATE}'::text[] LOOP
			statement := CASE how WHEN 'INSERT' THEN
				format('INSERT INTO %s (%s) VALUES (%s)', a.target, array_to_string(all_names, ', '), array_to_string(all_vals, ', '))
				ELSE format('UPDATE %s SET %s WHERE %s', a.target,
					(SELECT string_agg(n || ' = ' || v, ', ') FROM unnest(names, vals) AS s (n, v)), key) END;
			BEGIN
				EXECUTE statement;
				RAISE SQLSTATE 'OK000';
			EXCEPTION WHEN OTHERS THEN
				GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, said = MESSAGE_TEXT;
			END;
			INSERT INTO answer VALUES (current_user, a.target::text, how, state, left(said, 200),
				CASE WHEN state LIKE 'XX%' THEN left(statement, 1000) END, a.id);
		END LOOP;
	END LOOP;
END
$$;
GRANT EXECUTE ON FUNCTION sweep() TO PUBLIC;
});

for my $who ('booker', 'manager')
{
	my ($result, $stdout, $stderr) =
	  $node->psql('postgres', "SET ROLE $who; SELECT sweep();", timeout => 3600);
	is($result, 0, "$who tries everything, and the server goes on") or diag(substr($stderr, 0, 2000));
}
is( $node->safe_psql('postgres', q{
	SELECT DISTINCT ON (target, said) who, target, how, state, said, statement FROM answer WHERE state LIKE 'XX%'
	ORDER BY target, said, n LIMIT 20}),
	'', 'no error is one that cannot happen');
is( $node->safe_psql('postgres', q{
	SELECT count(*) FROM answer WHERE state NOT LIKE 'OK%' AND state !~ '^(22|23|42|55|0A|P0)'}),
	'0', 'every error is about the values, the rules or the rights');
# So that it is known to have tried: every table by both, and both ways with some success.
is( $node->safe_psql('postgres', q{
	SELECT count(DISTINCT target) FROM attempt
	WHERE target::text NOT IN (SELECT target FROM answer WHERE how = 'UPDATE' INTERSECT SELECT target FROM answer WHERE how = 'INSERT')}),
	'0', 'every table was tried');
is( $node->safe_psql('postgres', q{
	SELECT string_agg(DISTINCT who || ' ' || how, ', ') FROM answer WHERE state LIKE 'OK%' AND target = 'booking.booking'}),
	'booker INSERT, booker UPDATE, manager INSERT, manager UPDATE', 'and some of it was possible');
note($node->safe_psql('postgres', q{SELECT who, left(state, 2), count(*) FROM answer GROUP BY 1, 2 ORDER BY 1, 2}));
is($node->safe_psql('postgres', 'SELECT count(*) FROM booking.verify()'), '0', 'what is stored is as it was');

done_testing();
