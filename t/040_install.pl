# CREATE EXTENSION runs with the schemas of other extensions in its search_path, and public is
# usually one of them.  What a user has planted there ends up in no index, no constraint, no
# default, no column and no view.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('install');
$node->init;
$node->start;

$node->safe_psql('postgres', q{
CREATE ROLE planter;
CREATE EXTENSION btree_gist;
GRANT CREATE ON SCHEMA public TO planter;
});

# Exact matches, which are preferred to the polymorphic and variadic ones of PostgreSQL; types and tables; every operator.
$node->safe_psql('postgres', q{
SET ROLE planter;
CREATE FUNCTION public.upper(tstzrange) RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'caught as %', current_user; END $$;
CREATE FUNCTION public.lower(tstzrange) RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'caught as %', current_user; END $$;
CREATE FUNCTION public.isempty(tstzrange) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'caught as %', current_user; END $$;
CREATE FUNCTION public.lower_inc(tstzrange) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'caught as %', current_user; END $$;
CREATE FUNCTION public.upper_inc(tstzrange) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'caught as %', current_user; END $$;
CREATE FUNCTION public.upper_inf(tstzrange) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'caught as %', current_user; END $$;
CREATE FUNCTION public.num_nonnulls(smallint, date) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'caught as %', current_user; END $$;
CREATE FUNCTION public.num_nonnulls(time, time) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'caught as %', current_user; END $$;
CREATE FUNCTION public.num_nonnulls(bigint, text) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'caught as %', current_user; END $$;
CREATE FUNCTION public.num_nonnulls(integer, bigint) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'caught as %', current_user; END $$;
CREATE FUNCTION public.octet_length(varchar) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'caught as %', current_user; END $$;
CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE 'caught as %', current_user; END $$;
CREATE FUNCTION public.pg_extension_config_dump(text, text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'caught as %', current_user; END $$;
CREATE FUNCTION public.pg_extension_config_dump(regclass, varchar) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'caught as %', current_user; END $$;
CREATE DOMAIN public.tstzrange AS pg_catalog.point;
CREATE DOMAIN public.regclass AS pg_catalog.text;
CREATE DOMAIN public.int8 AS pg_catalog.int4;
CREATE TABLE public.pg_trigger (caught integer);
CREATE TABLE public.resource (caught integer);
DO $do$
DECLARE
	o record;
	n integer := 0;
BEGIN
	FOR o IN
		SELECT DISTINCT op.oprname AS name, l.t::pg_catalog.regtype AS l, r.t::pg_catalog.regtype AS r,
			CASE op.oprresult WHEN 'boolean'::regtype THEN 'boolean' ELSE 'text' END AS result
		FROM pg_operator op
		CROSS JOIN LATERAL unnest(CASE WHEN op.oprleft = 'anyrange'::regtype THEN ARRAY['pg_catalog.tstzrange'::regtype] WHEN op.oprleft = 'anyarray'::regtype THEN '{text[]}' ELSE ARRAY[op.oprleft::regtype] END) AS l (t)
		CROSS JOIN LATERAL unnest(CASE WHEN op.oprright = 'anyrange'::regtype THEN ARRAY['pg_catalog.tstzrange'::regtype] WHEN op.oprright = 'anyarray'::regtype THEN '{text[]}' ELSE ARRAY[op.oprright::regtype] END) AS r (t)
		WHERE l.t::regtype::text IN ('boolean', 'smallint', 'integer', 'bigint', 'text', 'name', 'oid', 'pg_catalog.tstzrange', 'tstzrange',
			'timestamp with time zone', 'interval', 'time without time zone', '"char"', 'text[]', 'regclass', 'pg_catalog.regclass')
			AND op.oprright <> 0 AND op.oprnamespace = 'pg_catalog'::regnamespace
	LOOP
		n := n + 1;
		EXECUTE format('CREATE FUNCTION public.planted_%s(%s, %s) RETURNS %s LANGUAGE plpgsql IMMUTABLE AS $f$ BEGIN RAISE ''caught as %%'', current_user; END $f$',
			n, o.l, o.r, o.result);
		EXECUTE format('CREATE OPERATOR public.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.planted_%s)', o.name, o.l, o.r, n);
	END LOOP;
	ASSERT n > 100;
END $do$;
});

# A domain that stands before a type of PostgreSQL's, a function that does: that it would have worked.
is($node->safe_psql('postgres', q{SET search_path = pg_catalog, public; SELECT 'upper(tstzrange)'::regprocedure}), 'upper(tstzrange)',
	'an exact match in public is what the name means');

my ($code, $out, $err) = $node->psql('postgres', 'CREATE EXTENSION booking');
is($err, '', 'installed without an error');

# What the extension's objects depend on, and what hangs on them (indexes, constraints, defaults, rules of views).
is($node->safe_psql('postgres', q{
SET search_path = pg_catalog;
WITH RECURSIVE ours AS (
	SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON d.refclassid OPERATOR(pg_catalog.=) 'pg_extension'::regclass AND d.refobjid OPERATOR(pg_catalog.=) e.oid
	WHERE e.extname OPERATOR(pg_catalog.=) 'booking' AND d.deptype OPERATOR(pg_catalog.=) 'e'
UNION
	SELECT d.classid, d.objid FROM pg_depend d JOIN ours o ON d.refclassid OPERATOR(pg_catalog.=) o.classid AND d.refobjid OPERATOR(pg_catalog.=) o.objid
)
SELECT string_agg(DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid) OPERATOR(pg_catalog.||) ' uses ' OPERATOR(pg_catalog.||) pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid), E'\n')
FROM pg_depend d
JOIN ours o ON d.classid OPERATOR(pg_catalog.=) o.classid AND d.objid OPERATOR(pg_catalog.=) o.objid
JOIN LATERAL pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid) i ON i.schema OPERATOR(pg_catalog.=) 'public'
WHERE NOT EXISTS (SELECT FROM pg_depend m WHERE m.classid OPERATOR(pg_catalog.=) d.refclassid AND m.objid OPERATOR(pg_catalog.=) d.refobjid AND m.deptype OPERATOR(pg_catalog.=) 'e')
}), '', 'nothing of ours depends on what was planted');

# And it works, also for a session that has public first in its search_path.
is($node->safe_psql('postgres', q{
SET search_path = public, pg_catalog;
SELECT name FROM booking.create_resource('room');
SELECT holder FROM booking.book_slot('room', '[2030-01-01 10:00, 2030-01-01 11:00)', 'ann');
SELECT status FROM booking.wait_for_slot('room', '[2030-01-01 10:00, 2030-01-01 11:00)', 'bob');
INSERT INTO booking.opening_hours (resource_id, weekday, opens, closes) VALUES (1, 2, '08:00', '18:00');
INSERT INTO booking.holder_limit (resource_id, per, max_bookings) VALUES (1, 'active', 5);
SELECT capacity FROM booking.publish_slot('room', '[2030-01-08 10:00, 2030-01-08 11:00)', 5);
SELECT pg_catalog.count(*) FROM booking.guarded_table;
SELECT pg_catalog.count(*) FROM booking.verify();
}), "room\nann\nwaiting\n5\n0\n0", 'it works');

$node->stop;
done_testing();
