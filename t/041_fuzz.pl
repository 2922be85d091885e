# Every function and trigger function of schema booking, and every table, with hostile values
# of every type: at all levels of isolation, inside subtransactions and outside, read only,
# in cursors and exception blocks, prepared, and on altered tables; as superuser and at
# each level of access.  The functions are read from pg_proc, so that a new one takes part
# without a change here.
#
# What must not happen: a crash, an error that should not happen (XX...), a WARNING, a lock or
# another identity that outlives the call, a fact that verify() complains about, a privilege
# that has changed.
#
# Not counted: a statement that would go on for longer than statement_timeout lets it, such as slots
# published until the end of all time; an entry in line for more than there is, which is allowed and
# which verify() points out (docs/life.md); rows with ids that their identity has yet to give out,
# which verify() points out, too; and PostgreSQL's own error for a key that is too
# long for a page of a GiST index (XX000).
#
# The seed decides everything.  By hand:
#
#	BOOKING_FUZZ=100000 BOOKING_FUZZ_SEED=7 tools/test 041_fuzz

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $CALLS = $ENV{BOOKING_FUZZ} // 1_000;
my $SEED = $ENV{BOOKING_FUZZ_SEED} // 21;
my $BATCH = 250;
my $SHOWN = 15;		# of each kind of failure
my $SLOWER = $ENV{BOOKING_SLOWER} // 1;		# under valgrind

diag("BOOKING_FUZZ=$CALLS BOOKING_FUZZ_SEED=$SEED");
srand($SEED);

my $node = PostgreSQL::Test::Cluster->new('fuzz');
$node->init;
$node->append_conf('postgresql.conf', q{
fsync = off
max_prepared_transactions = 5
log_min_messages = warning
log_min_error_statement = panic
});
$node->start;

# ---- what there is to break ----

$node->safe_psql('postgres', q{
CREATE EXTENSION booking CASCADE;
SELECT FROM booking.create_resource('room', buffer_after => '10 minutes');
SELECT FROM booking.create_resource('bus', 'seated', seats => ARRAY['1', '2', 'O''Hara "x"']);
SELECT FROM booking.create_resource('bikes', 'pooled', 3, timezone => 'Europe/Berlin');
SELECT FROM booking.create_resource('Quoted "room"; --', min_notice => '1 hour', max_hold => '1 day');
SELECT FROM booking.create_resource('desk', slots_only => true);
SELECT FROM booking.create_resource('fleet', 'pooled', 300);
INSERT INTO booking.opening_hours (resource_id, weekday, opens, closes) SELECT 3, d, '00:00', '00:00' FROM generate_series(1, 7) AS d;
INSERT INTO booking.opening_hours (resource_id, on_date) VALUES (3, '2041-01-01');
INSERT INTO booking.holder_limit (resource_id, per, max_bookings, max_quantity) VALUES (1, 'week', 5, NULL), (3, 'active', NULL, 9);
SELECT FROM booking.publish_slot('bikes', '[2040-02-01 20:00, 2040-02-01 22:00)', 5);
SELECT FROM booking.publish_slot('room', '[2040-02-01 20:00, 2040-02-01 22:00)', 5);
SELECT FROM booking.publish_slot('bus', '[2040-02-01 20:00, 2040-02-01 22:00)', 1);
SELECT FROM booking.publish_slot('desk', '[2040-02-01 20:00, 2040-02-01 22:00)', 1);
SELECT FROM booking.publish_slot('fleet', '[2040-02-01 20:00, 2040-02-01 22:00)', 50);

CREATE ROLE reader;
CREATE ROLE booker;
CREATE ROLE manager;
CREATE ROLE "Owner ""x""";
CREATE ROLE nobody;
SELECT booking.grant_access('reader', 'read');
SELECT booking.grant_access('booker', 'book');
SELECT booking.grant_access('manager', 'manage');
SELECT booking.grant_access('"Owner ""x"""', 'book');
GRANT EXECUTE ON FUNCTION booking.guard_table, booking.guard_against, booking.unguard_table, booking.validate_guard TO "Owner ""x""";
GRANT CREATE ON SCHEMA public TO "Owner ""x""";

-- Facts to ask for and to spoil.
CREATE SCHEMA fuzz;
GRANT USAGE ON SCHEMA fuzz TO PUBLIC;
CREATE FUNCTION fuzz.id_of(n integer) RETURNS uuid STABLE SECURITY DEFINER LANGUAGE sql
AS 'SELECT id FROM booking.booking ORDER BY id LIMIT 1 OFFSET n % greatest((SELECT count(*) FROM booking.booking), 1)';
CREATE FUNCTION fuzz.trigger_of(n integer) RETURNS oid STABLE SECURITY DEFINER LANGUAGE sql
AS 'SELECT oid FROM pg_trigger ORDER BY oid LIMIT 1 OFFSET n % greatest((SELECT count(*) FROM pg_trigger), 1)';
CREATE TYPE fuzz.money_range AS RANGE (subtype = numeric);
CREATE FOREIGN DATA WRAPPER fuzz;
CREATE SERVER fuzz FOREIGN DATA WRAPPER fuzz;
GRANT USAGE ON FOREIGN SERVER fuzz TO PUBLIC;

SET ROLE "Owner ""x""";
CREATE TABLE public."Rooms; ""x""" (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "Room" int, "from" timestamptz, "to" timestamptz, n int, ok boolean, word text, UNIQUE ("Room", "from"));
CREATE TABLE public.nights (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, room text COLLATE "C", period daterange, units bigint DEFAULT 1, status text DEFAULT 'held', halves tsrange, many int4multirange, price numeric, doc jsonb,
	twice int GENERATED ALWAYS AS (units * 2) STORED);
CREATE TABLE public.blocked (room text COLLATE "C", period daterange, why text);
CREATE TABLE public.parts (room int, period tstzrange, n int NOT NULL DEFAULT 1) PARTITION BY LIST (room);
CREATE TABLE public.parts_1 PARTITION OF public.parts FOR VALUES IN (1, 2);
CREATE TABLE public.parts_2 PARTITION OF public.parts DEFAULT;
CREATE TABLE public.kid () INHERITS (public.nights);
CREATE VIEW public.a_view AS SELECT * FROM public.nights;
CREATE MATERIALIZED VIEW public.a_matview AS SELECT * FROM public.nights;
CREATE FOREIGN TABLE public.a_foreign (room int, period tstzrange) SERVER fuzz;
CREATE SEQUENCE public.a_sequence;
CREATE UNLOGGED TABLE public.capacities (room text PRIMARY KEY, units int);
INSERT INTO public.capacities VALUES ('a', 2), ('b', NULL), ('c', -1);
CREATE TABLE public.wide (room int, period tstzrange);
SELECT booking.guard_table('nights', '{room}', '{period}', 2, quantity => 'units', active => $$status = 'held'$$);
SELECT booking.guard_table('nights', '{room}', '{halves}', 3, name => 'second "guard"');
SELECT booking.guard_table('"Rooms; ""x"""', '{Room}', '{from,to}', active => 'ok');
SELECT booking.guard_table('parts', '{room}', '{period}', 2, quantity => 'n');
INSERT INTO nights (room, period) SELECT chr(97 + g % 3), daterange('2040-01-01'::date + g, '2040-01-03'::date + g) FROM generate_series(1, 9, 3) AS g;
INSERT INTO parts SELECT 1 + g % 3, '[2040-01-01,2040-01-02)'::tstzrange FROM generate_series(1, 3) AS g;
RESET ROLE;
DO $do$ BEGIN
	EXECUTE 'ALTER TABLE public.wide ' || (SELECT string_agg(format('ADD COLUMN c%s int', g), ', ') FROM generate_series(1, 300) g);
END $do$;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO booker, manager;

-- What no call may have changed.
CREATE VIEW fuzz.privileges AS
SELECT 'class' AS what, oid::regclass::text AS name, relowner::regrole::text AS owner, relacl::text AS acl FROM pg_class WHERE relnamespace IN ('booking'::regnamespace, 'pg_catalog'::regnamespace)
UNION ALL SELECT 'proc', oid::regprocedure::text, proowner::regrole::text, proacl::text || prosecdef || coalesce(proconfig::text, '') FROM pg_proc WHERE pronamespace IN ('booking'::regnamespace, 'pg_catalog'::regnamespace)
UNION ALL SELECT 'role', rolname, NULL, to_jsonb(r)::text FROM pg_roles r
UNION ALL SELECT 'member', roleid::regrole::text, member::regrole::text, NULL FROM pg_auth_members
UNION ALL SELECT 'schema', nspname, nspowner::regrole::text, nspacl::text FROM pg_namespace WHERE nspname !~ '^pg_t'
UNION ALL SELECT 'event trigger', evtname, evtowner::regrole::text, evtenabled::text FROM pg_event_trigger
UNION ALL SELECT 'trigger', tgrelid::regclass || ' ' || tgname, tgfoid::regprocedure::text, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text LIKE 'booking.%'
UNION ALL SELECT 'setting', setdatabase || ' ' || setrole, NULL, setconfig::text FROM pg_db_role_setting;
});

my $PRIVILEGES = q{SELECT md5(string_agg(p::text, chr(10) ORDER BY p::text COLLATE "C")) FROM fuzz.privileges p};
my $privileges = $node->safe_psql('postgres', $PRIVILEGES);

# ---- values ----

my $huge = q{repeat('x', 200000)};
my @times = ('2040-01-01 10:00', '2040-01-01 11:00', '2040-02-01 20:00', '2040-02-01 22:00', '2040-03-25 02:30', '2041-01-01', 'infinity',
	'-infinity', '294276-12-31 23:59:59.999999', '4713-01-02 BC', '1970-01-01', '2000-01-01', 'now');
my @tables = ('booking.booking', 'booking.resource', 'booking.slot', 'booking.slot_places', 'booking.waitlist', 'booking.closure', 'booking.seat',
	'booking.opening_hours', 'booking.holder_limit');
my @own = ('public.nights', 'public."Rooms; ""x"""', 'public.blocked', 'public.parts', 'public.parts_1', 'public.kid', 'public.capacities', 'public.wide');
my @others = ('public.a_view', 'public.a_matview', 'public.a_foreign', 'public.a_sequence', 'pg_catalog.pg_class', 'pg_catalog.pg_trigger', 'information_schema.tables',
	'pg_catalog.pg_locks', 'pg_toast.pg_toast_1255', 'booking.booking_no_overlap', 'pg_catalog.pg_authid', 'booking.slot_id_seq');
my @texts = ('', 'room', 'bus', 'bikes', 'fleet', 'desk', 'Quoted "room"; --', 'ann', 'bob', 'held', 'confirmed', 'cancelled', 'exclusive', 'seated', 'pooled',
	'1', '2', 'O\'Hara "x"', 'UTC', 'Europe/Berlin', 'PST8PDT', 'No/Where', '%s%n%s', '\\', "';DROP TABLE booking.booking;--", '$1', "\t\n", '(1,2)', 'NULL',
	'read', 'book', 'manage', 'nights', 'period', 'halves', 'units', 'Room', 'from', 'status', "status = 'held'", 'ok', 'room IS NOT NULL', 'pg_sleep(0) IS NOT NULL',
	'1/0 = 1', '(SELECT true)', 'ctid', 'xmin', 'tableoid', '*', 'second "guard"', 'nights_room_period_excl', 'parts_room_period_excl',
	'SELECT 2', 'SELECT units FROM public.capacities WHERE room = $1', 'SELECT 1/0', 'DELETE FROM public.capacities RETURNING 1', 'SELECT', 'SELECT 9e30', 'SELECT NULL::int',
	'SELECT set_config(\'role\', \'postgres\', false)::int', '[)', '[]', '(]', 'count(*)', 'row_number() OVER ()', 'FREQ=DAILY;COUNT=3', 'FREQ=MONTHLY;BYDAY=-1MO;UNTIL=20500101', 'skip', 'fail', 'following', 'all', 'twice', 'price', 'doc', 'many', 'true', 'false', 'x' x 70,
	"\xc3\xa4\xf0\x9f\x98\x80");
my %values = (
	bool => [ 'true', 'false' ],
	int2 => [ 0, 1, -1, 32767, -32768 ],
	int4 => [ 0, 1, 1, 1, 2, 3, 5, -1, 7, 1000, 2147483647, '(-2147483648)', 64 ],
	int8 => [ 0, 1, 1, 2, 2, 3, 3, 4, 5, 6, -1, '9223372036854775807', '(-9223372036854775808)', '4294967296' ],
	oid => [ 0, 1, 1259, 4294967295, sub { 'fuzz.trigger_of(' . int(rand(400)) . ')' } ],
	float8 => [ "'NaN'", "'infinity'", '1e308', 0 ],
	numeric => [ "'NaN'", '1e300', 0, '-0.5' ],
	text => [ $huge, sub { literal(pick(@texts)) }, sub { literal(pick(@texts[ 0 .. 21 ])) }, sub { literal(pick(@texts)) } ],
	name => [ sub { literal(pick(@texts)) } ],
	jsonb => [ q{'{}'}, q{'{"a": {"b": [1, null, {"c": "\\u00e4"}]}}'}, q{'null'}, q{'[]'}, q{'"x"'}, q{'1e300'},
		q{('{"x": ' || repeat('[', 3000) || repeat(']', 3000) || '}')}, q{('{"a": "' || repeat('x', 100000) || '"}')} ],
	uuid => [ "'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
		sub { sprintf "'00000000-0000-4000-8000-%012x'", int(rand(40)) }, sub { 'fuzz.id_of(' . int(rand(1000)) . ')' }, sub { 'fuzz.id_of(' . int(rand(1000)) . ')' } ],
	_uuid => [ "'{}'", "'{NULL}'", sub { 'ARRAY[fuzz.id_of(' . int(rand(1000)) . ')]' },
		sub { 'ARRAY[fuzz.id_of(' . int(rand(1000)) . '), NULL, fuzz.id_of(' . int(rand(1000)) . ')]' }, q{(SELECT array_agg(id) FROM booking.booking)} ],
	date => [ "'infinity'", "'-infinity'", "'5874897-12-31'", "'4713-01-01 BC'", "'2040-01-01'" ],
	time => [ "'24:00'", "'00:00'", "'10:00'" ],
	interval => [ "'0'", "'-1 day'", "'1 us'", "'15 minutes'", "'1 hour'", "'1 day'", "'1 mon -30 days'", "'178000000 years'", "'-178000000 years'", "'1000 years'", "'292200 years'",
		"'-1 mon 31 days'", "'2147483647 days'", "'7 days'" ],
	timestamptz => [ sub { literal(pick(@times)) } ],
	timestamp => [ sub { literal(pick(@times)) } ],
	tstzrange => [ "'empty'", "'(,)'", "'[-infinity,infinity)'", "'[2040-01-01,infinity)'", "'[294276-12-31,)'", "'(2040-01-01,2040-01-02]'", "'[2040-01-01,)'", "'(,2040-01-01)'",
		"'[2040-01-01 10:00,2040-01-01 10:00:00.000001)'", "'[4713-01-02 BC,294276-12-31)'", "'[2040-02-01 20:00,2040-02-01 22:00)'", \&near, \&near, \&near, \&near, \&near ],
	regclass => [ sub { literal(pick(@own)) }, sub { literal(pick(@own)) }, sub { literal(pick(@tables, @others)) }, 0, 4294967295 ],
	regrole => [ "'reader'", "'booker'", "'postgres'", "'nobody'", "'pg_read_all_data'", 0, 4294967295, q{'"Owner ""x"""'} ],
	_text => [ "'{}'", "'{NULL}'", "'{NULL,NULL,NULL}'", "'{room}'", "'{room}'", "'{room,room}'", "'{period}'", "'{period}'", "'{halves}'", "'{from,to}'", "'{Room}'", "'{{room,a},{b,c}}'", "'[5:6]={room,period}'", "'{1,2}'",
		q{(SELECT array_agg('c' || g) FROM generate_series(1, 300) g)}, q{('{' || repeat('x', 2000) || '}')}, q{'{"(room)"}'}, q{'{"lower(room)"}'}, q{'{doc}'}, q{'{many}'}, q{'{ctid}'} ],
	daterange => [ "'empty'", "'(,)'", "'[2040-01-01,2040-01-03)'", "'[2040-01-01,infinity)'", "'[,5874897-12-31)'", "'[2040-01-02,)'" ],
	tsrange => [ "'empty'", "'(,)'", "'[2040-01-01,2040-01-03)'", "'[2040-01-01,infinity]'" ],
	int4multirange => [ "'{}'", "'{[1,2),[5,)}'" ],
	anyrange => [ "daterange('2040-01-01', '2040-02-01')", "'empty'::daterange", "'(,)'::daterange", 'NULL::daterange', "'[0,100)'::int4range", "'[1.5,2]'::numrange",
		"tstzrange('2040-01-01', '2040-02-01')", "'(,)'::tstzrange", "tsrange('2040-01-01', 'infinity')" ],
	any => [ 1, "'x'::text", "'{}'::text[]", "'[1,2)'::int4range", 'NULL::int', 'ROW(1, 2)' ],
);

# Ordinary periods, many of which meet.
sub near
{
	my $from = int(rand(48));
	return sprintf "tstzrange('2040-01-01'::timestamptz + %d * interval '30 minutes', '2040-01-01'::timestamptz + %d * interval '30 minutes')", $from, $from + 1 + int(rand(6));
}

sub pick { return $_[ int(rand(@_)) ] }
sub chance { return rand() < $_[0] }

sub literal
{
	my ($text) = @_;
	$text =~ s/'/''/g;
	return "'$text'";
}

my %unknown;

sub value
{
	my ($type, $null) = @_;
	return 'NULL::' . ($type eq 'anyrange' ? 'tstzrange' : $type) if chance($null // 0.12);
	if (!$values{$type})
	{
		$unknown{$type} = 1;
		return "NULL::$type";
	}
	my $value = pick(@{ $values{$type} });
	$value = $value->() if ref $value;
	return $type eq 'any' || $type eq 'anyrange' ? $value : "($value)::$type";
}

# ---- what there is to call ----

my @functions = map { my ($name, $result, $kind, $needed, $types, $names) = split /\|/;
	{ name => $name, result => $result, kind => $kind, needed => $needed, types => [ split /,/, $types // '' ], names => [ split /,/, $names // '' ] } }
  split /\n/, $node->safe_psql('postgres', q{
SELECT p.proname, t.typname, p.prokind, p.pronargs - p.pronargdefaults,
	(SELECT string_agg(a.typname, ',' ORDER BY u.n) FROM unnest(p.proargtypes) WITH ORDINALITY AS u (t, n) JOIN pg_type a ON a.oid = u.t),
	(SELECT string_agg(p.proargnames[n], ',' ORDER BY n) FROM generate_series(1, p.pronargs) AS n)
FROM pg_proc p JOIN pg_type t ON t.oid = p.prorettype
WHERE p.pronamespace = 'booking'::regnamespace AND t.typname <> 'internal' AND p.proname !~ '^archive_(begin|batch|month|bookings|events|orphans)$' -- parts of a procedure
ORDER BY p.oid::regprocedure::text});
my @triggers = grep { $_->{result} eq 'trigger' } @functions;
my @plain = grep { $_->{result} !~ /trigger$/ } @functions;
my %columns;
for (split /\n/, $node->safe_psql('postgres', q{
SELECT a.attrelid::regclass, quote_ident(a.attname), t.typname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relnamespace IN ('booking'::regnamespace, 'public'::regnamespace) AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND a.attgenerated = '' AND a.attidentity <> 'a' AND c.relname <> 'wide'
ORDER BY 1, a.attnum}))
{
	my ($table, $column, $type) = split /\|/;
	push @{ $columns{$table} }, [ $column, $type ];
}
my @targets = sort keys %columns;

sub call_of
{
	my ($function) = @_;
	my @types = @{ $function->{types} };
	my $n = $function->{needed} + int(rand(@types - $function->{needed} + 1));
	# One hostile value among good ones finds more than many.
	my @arguments = map { value($types[$_]) } 0 .. $n - 1;
	if (chance(0.4))
	{
		my $i = int(rand(@types + 1));
		if ($i >= $n && $i < @types && @{ $function->{names} } == @types)
		{
			push @arguments, '"' . $function->{names}[$i] . '" => ' . value($types[$i]);
		}
	}
	return "booking.$function->{name}(" . join(', ', @arguments) . ')';
}

# Good calls, so that there is something to spoil.
sub good_call
{
	my $resource = pick("'room'", "'bikes'", "'bus'", "'desk'", 1, 2, 3);
	my $who = literal(pick('ann', 'bob', 'eve'));
	my $period = near();
	return 'booking.' . pick(
		"book_slot($resource, $period, $who)", "try_book_slot($resource, $period, $who)", "book_slot($resource, $period, $who, hold_for => '1 hour')",
		"book_slot($resource, $period, $who, hold_for => '1 us')", "book_slot('bikes', $period, $who, 2)", "book_slot('bus', $period, $who, seat => '2')",
		'book_place(' . pick(1 .. 4) . ", $who)", 'try_book_place(' . pick(1 .. 4) . ", $who, 2)", "wait_for_slot($resource, $period, $who)",
		'wait_for_place(' . pick(1 .. 4) . ", $who, 3)", "book_series($resource, $period, '1 day', 3, $who)", "book_series($resource, $period, '1 hour', 3, $who, on_conflict => 'skip')",
		"book_series_by_rule($resource, $period, 'FREQ=DAILY;COUNT=3', $who, on_conflict => 'skip')",
		"agenda($resource, $period)", "ical($resource, $period)", 'guard_free(' . pick("'nights'", "'parts'") . ', ' .
			pick("'nights_room_guard'", q{'second "guard"'}, "'parts_room_guard'") . ", '{1}', " . value('anyrange') . ')', 'cancel(fuzz.id_of(' . int(rand(1000)) . '))', 'confirm(fuzz.id_of(' . int(rand(1000)) . '))',
		'reschedule(fuzz.id_of(' . int(rand(1000)) . "), $period)", 'expire_holds()');
}

sub dml
{
	my $table = pick(@targets, ('booking.booking') x 4, ('nights') x 3);
	my @all = @{ $columns{$table} };
	my @some = grep { chance(0.5) } @all;
	@some = ($all[0]) if !@some;
	my @values = map { value($_->[1]) } @some;
	my $list = join ', ', map { $_->[0] } @some;
	my $set = join ', ', map { "$some[$_][0] = $values[$_]" } 0 .. $#some;
	my $one = "UPDATE $table SET $set";
	my $where = sprintf 'ctid = ANY (ARRAY(SELECT ctid FROM %s LIMIT %d OFFSET %d))', $table, 1 + int(rand(3)), int(rand(10));
	my $insert = "INSERT INTO $table ($list) VALUES (" . join(', ', @values) . ')';
	return pick(
		$insert, $insert, "$insert RETURNING *", "$insert ON CONFLICT DO NOTHING", "WITH a AS ($insert RETURNING *) SELECT count(*) FROM a",
		"$one WHERE $where", "$one WHERE $where RETURNING *", "DELETE FROM $table WHERE $where", "TRUNCATE $table", "SELECT * FROM $table FOR UPDATE",
		"INSERT INTO $table SELECT * FROM $table LIMIT 1", "LOCK $table", "COPY (SELECT * FROM $table) TO '/dev/null'",
		"MERGE INTO $table t USING (SELECT 1) s ON (t.ctid = '(0,1)') WHEN MATCHED THEN UPDATE SET $set WHEN NOT MATCHED THEN INSERT ($list) VALUES (" . join(', ', @values) . ')',
		"EXPLAIN (ANALYZE, COSTS off, TIMING off) $insert");
}

# What an owner may do to a table; undone at the end.
sub ddl
{
	my $table = pick(@targets, ('booking.booking') x 3, ('nights') x 3);
	my $column = pick(@{ $columns{$table} })->[0];
	return pick(
		"ALTER TABLE $table ADD COLUMN extra text DEFAULT 'x'", "ALTER TABLE $table DROP COLUMN $column", "ALTER TABLE $table DROP COLUMN $column CASCADE",
		"ALTER TABLE $table RENAME COLUMN $column TO renamed", "ALTER TABLE $table DISABLE TRIGGER ALL", "ALTER TABLE $table DISABLE TRIGGER USER", "ALTER TABLE $table ENABLE TRIGGER ALL",
		"ALTER TABLE $table ENABLE ALWAYS TRIGGER ALL", "ALTER TABLE $table ENABLE REPLICA TRIGGER USER",
		"ALTER TABLE $table ENABLE ROW LEVEL SECURITY", "ALTER TABLE $table FORCE ROW LEVEL SECURITY; ALTER TABLE $table ENABLE ROW LEVEL SECURITY",
		"CREATE INDEX ON $table ($column)", "ALTER TABLE $table ALTER COLUMN $column DROP NOT NULL", "ALTER TABLE $table ALTER COLUMN $column TYPE text",
		"ALTER TABLE $table ALTER COLUMN $column TYPE text USING NULL", "ALTER TABLE $table ALTER COLUMN $column DROP DEFAULT",
		"CREATE TABLE public.child () INHERITS ($table)", "CREATE TABLE public.child (LIKE $table INCLUDING ALL)", "ALTER TABLE $table RENAME TO renamed", "ALTER TABLE $table SET SCHEMA fuzz",
		"ALTER TABLE $table SET UNLOGGED", "CREATE POLICY p ON $table USING (false)", "CREATE RULE r AS ON INSERT TO $table DO INSTEAD NOTHING",
		"ALTER TABLE $table REPLICA IDENTITY FULL", "DROP TABLE $table", "DROP TABLE $table CASCADE", "CLUSTER $table", "REINDEX TABLE $table", "ANALYZE $table",
		"DROP INDEX booking.booking_pooled", "ALTER TABLE booking.booking DROP CONSTRAINT booking_no_overlap", "ALTER INDEX booking.booking_pooled RENAME TO renamed",
		"ALTER TABLE booking.booking DROP CONSTRAINT booking_pkey CASCADE", "SET LOCAL session_replication_role = replica", "SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off",
		"ALTER EXTENSION booking SET SCHEMA public", "DROP EXTENSION booking CASCADE", "DROP EXTENSION booking CASCADE; CREATE EXTENSION booking", "ALTER FUNCTION booking.check_again RENAME TO other",
		"CREATE OPERATOR public.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = int8ne); SET LOCAL search_path = public, pg_catalog",
		"CREATE TEMP TABLE booking (id int); CREATE TEMP TABLE resource (id int); SET LOCAL search_path = pg_temp, booking",
		"ALTER TABLE parts DETACH PARTITION parts_1", "ALTER TABLE parts ATTACH PARTITION parts_1 FOR VALUES IN (1, 2)", "CREATE TABLE parts_3 PARTITION OF parts FOR VALUES IN (7)",
		"DROP TRIGGER zz_guard_booking ON booking.booking", "ALTER TRIGGER zz_guard_booking ON booking.booking RENAME TO aaa",
		"DELETE FROM booking.slot_places", "UPDATE booking.slot_places SET free = 2147483647", "ALTER TABLE booking.booking ADD COLUMN a int, ADD COLUMN b text; ALTER TABLE booking.booking DROP COLUMN a");
}

sub attach
{
	my $function = pick(@triggers)->{name};
	my $table = pick(@targets, 'a_view');
	my $timing = pick('BEFORE', 'AFTER', 'BEFORE', 'AFTER', 'INSTEAD OF');
	my $events = join ' OR ', grep { chance(0.5) } 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE';
	my $level = pick('ROW', 'ROW', 'STATEMENT');
	$events ||= 'INSERT OR UPDATE';
	my $when = $level eq 'ROW' && chance(0.2) ? 'WHEN (booking.check_again(' . join(', ', map { value('any', 0.1) } 0 .. int(rand(5))) . ')) ' : '';
	my $constraint = $timing eq 'AFTER' && $level eq 'ROW' && chance(0.3) ? 'CONSTRAINT ' : '';
	my $arguments = join ', ', map { literal(pick(@texts, 1, 2, 'query', 'public.nights')) } 1 .. int(rand(4));
	return "CREATE ${constraint}TRIGGER " . pick('aaa', 'zzzz', 'zzzzz', 'nights_room_period_excl', '"zzzz_x"') . " $timing $events ON $table FOR EACH $level ${when}EXECUTE FUNCTION booking.$function($arguments)";
}

# The same call in many settings.
sub in_a_setting
{
	my ($call) = @_;
	my $select = pick("SELECT * FROM $call", "SELECT $call", "SELECT ($call).*");
	return pick(
		$select, $select, $select,
		"DO \$fuzz\$ BEGIN PERFORM * FROM $call; EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'caught %: %', SQLSTATE, SQLERRM; END \$fuzz\$",
		# In one fetch: where a cursor over a set-returning SQL function, of any extension, goes on in another
		# subtransaction, PostgreSQL warns of leaked references.
		"DECLARE c CURSOR FOR $select\\; FETCH 1 FROM c\\; MOVE ALL IN c\\; CLOSE c",
		"DECLARE c CURSOR WITH HOLD FOR $select",
		"SET LOCAL plan_cache_mode = force_generic_plan; PREPARE p AS $select; EXECUTE p; EXECUTE p; DEALLOCATE p",
		"SELECT $call FROM generate_series(1, 3)",
		"SELECT 1 WHERE ($call) IS NULL",
		"COPY ($select) TO STDOUT",
		"CREATE TEMP TABLE kept ON COMMIT DROP AS $select",
		"EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) $select",
		"SET LOCAL $::PARALLEL = on; $select",
		"SET LOCAL search_path = ''; $select", "SET LOCAL TimeZone = 'Pacific/Apia'; $select", "SET LOCAL bytea_output = escape; SET LOCAL IntervalStyle = iso_8601; SET LOCAL DateStyle = 'SQL, DMY'; $select",
		"SET LOCAL work_mem = 64; SET LOCAL jit_above_cost = 0; $select");
}

our $PARALLEL = $node->safe_psql('postgres', 'SHOW server_version_num') >= 160000 ? 'debug_parallel_query' : 'force_parallel_mode';
my @who = (('postgres') x 5, ('reader') x 2, ('booker') x 3, ('manager') x 5, ('"Owner ""x"""') x 4, 'nobody');
my $LOCKS = q{SELECT 'LOCK', locktype, relation::regclass, mode FROM pg_locks WHERE pid = pg_backend_pid() AND (locktype IN ('advisory', 'transactionid', 'object', 'tuple') OR locktype = 'relation' AND relation >= 16384)};

sub transaction
{
	my ($number) = @_;
	my $who = pick(@who);
	my $keep = chance(0.5);
	my $undo = chance(0.85);
	my (@statements, $calls);

	push @statements, 'BEGIN ISOLATION LEVEL ' . pick('READ COMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE') . (chance(0.1) ? ' READ ONLY' : '');
	my $before = $who eq 'postgres' || $who =~ /Owner/ ? rand() : 1;
	if ($before < 0.45)
	{
		# Altered by its owner, used by any role.
		$keep = 0;
		push @statements, "SET LOCAL ROLE $who" if $who ne 'postgres';
		push @statements, 'SAVEPOINT d', (chance(0.3) ? attach() : ddl()), 'RELEASE d';
		push @statements, 'ROLLBACK TO d' if chance(0.1);
		$who = pick(@who) if $who eq 'postgres';
		push @statements, 'RESET ROLE' if $who ne 'postgres';
	}
	push @statements, "SET LOCAL ROLE $who" if $who ne 'postgres';
	# Each in a subtransaction, which is released or rolled back; or all without, to the first error.
	for (1 .. 1 + int(rand($undo ? 4 : 2)))
	{
		my $kind = rand();
		my $statement =
		    $kind < 0.5 ? in_a_setting(call_of(pick(@plain)))
		  : $kind < 0.55 ? in_a_setting('booking.' . pick(@triggers)->{name} . '()')
		  : $kind < 0.75 ? in_a_setting(good_call())
		  : dml();
		$calls++;
		# What only a superuser or an owner may do, and what would not be clean afterwards.
		$keep = 0 if $statement =~ /_access|slot_places|pool_use|LOCK|TRUNCATE|forget_everything/ && $who eq 'postgres';
		$keep = 0 if $statement =~ /pg_catalog|information_schema|pg_toast/ && $who eq 'postgres';
		if ($undo && chance(0.4))
		{
			push @statements, 'SAVEPOINT s', $statement, 'SELECT fuzz_check()', 'ROLLBACK TO s';
		}
		else
		{
			push @statements, $statement, $undo ? 'SELECT fuzz_check()' : ();
		}
	}
	s/SELECT fuzz_check\(\)/SELECT 'IDENTITY', current_user WHERE current_user <> trim(both '"' from replace(@{[literal($who)]}, '""', '"'))/ for @statements;
	my $end = !$keep ? 'ROLLBACK' : chance(0.05) ? "PREPARE TRANSACTION 'fuzz'; " . pick('COMMIT', 'ROLLBACK') . " PREPARED 'fuzz'" : 'COMMIT';
	push @statements, $end, 'ROLLBACK', 'RESET ROLE', 'CLOSE ALL', 'DEALLOCATE ALL', $LOCKS;
	my $sql = join ";\n", @statements;
	return ($calls, '\set ON_ERROR_ROLLBACK ' . ($undo ? 'on' : 'off') . "\n$sql;\n");
}

# ---- the run ----

my $UNEXPECTED = qr/^(XX|58|53|57P|40P)/;
my $NOT_OURS = qr/failed to add item to index page/;
my %failed;
my %states;
my $done = 0;
my $batch = 0;

sub complain
{
	my ($kind, $what, $sql) = @_;
	my $list = $failed{$kind} //= [];
	push @$list, $what;
	diag("$kind: $what\n" . substr($sql, 0, 4000)) if @$list <= $SHOWN;
}

while ($done < $CALLS)
{
	my (@sql, $input);
	$input = "\\set VERBOSITY verbose\n\\set ON_ERROR_STOP 0\n\\t on\n\\a\n";
	for my $i (0 .. $BATCH / 3)
	{
		my ($calls, $sql) = transaction($i);
		$done += $calls;
		push @sql, $sql;
		$input .= "\\echo #$i\n\\warn #$i\n$sql";
	}
	$batch++;
	# Not for the queries of the test.
	local $ENV{PGOPTIONS} = "-c statement_timeout=@{[ 5 * $SLOWER ]}s";
	my ($code, $stdout, $stderr) = $node->psql('postgres', $input, on_error_stop => 0, timeout => 5 * $PostgreSQL::Test::Utils::timeout_default, extra_params => ['-q']);
	delete $ENV{PGOPTIONS};
	my $last = '';
	for (split /\n/, $stderr)
	{
		$last = $1 if /^#(\d+)$/;
		if (/(?:ERROR|FATAL|PANIC): +(\w{5}): /)
		{
			$states{$1}++;
			complain('an error that should not happen', $_, $sql[$last]) if $1 =~ $UNEXPECTED && !/$NOT_OURS/;
		}
		complain('an error that should not happen', $_, $sql[$last]) if /caught (\w{5}):/ && $1 =~ $UNEXPECTED && !/$NOT_OURS/;
		complain('a warning', $_, $sql[$last]) if /WARNING: +(\w{5}): (.*)/ && $1 !~ /^25/ && $2 !~ /^(skipping .* can analyze it|permission denied to analyze .*|events have been removed that subscriber .* may not have read)$/;
		complain('a crash', $_, $sql[$last]) if /server closed|connection to server was lost/;
	}
	$last = '';
	for (split /\n/, $stdout)
	{
		$last = $1 if /^#(\d+)$/;
		complain('a lock that is left', $_, $sql[$last]) if /^LOCK\|/;
		complain('another identity', $_, $sql[$last]) if /^IDENTITY\|/;
	}
	if ($code != 0)
	{
		complain('a crash', "psql: $code", $last eq '' ? '' : $sql[$last]);
		$node->poll_query_until('postgres', 'SELECT true');
	}
	my $unclean = $node->safe_psql('postgres', q{SELECT problem, detail FROM booking.verify()
		WHERE problem NOT IN ('waitlist entry that cannot be served', 'identity column that gives out ids that are in use') LIMIT 5});
	complain('not clean', "batch $batch: $unclean", '') if $unclean ne '';
	my $now = $node->safe_psql('postgres', $PRIVILEGES);
	complain('privileges changed', "batch $batch", '') if $now ne $privileges;
	$privileges = $now;
	$node->safe_psql('postgres', q{DELETE FROM booking.booking WHERE id NOT IN (SELECT id FROM booking.booking ORDER BY id DESC LIMIT 40);
		DELETE FROM booking.waitlist w WHERE NOT EXISTS (SELECT FROM booking.booking b WHERE b.waitlist_id = w.id); DELETE FROM booking.closure; DELETE FROM booking.resource WHERE id > 20 AND id NOT IN (SELECT resource_id FROM booking.booking);
		DELETE FROM nights WHERE id > 60}) if $batch % 10 == 0 && $unclean eq '';
	note(sprintf '%d of %d', $done, $CALLS) if $batch % 20 == 0;
	last if $failed{'a crash'} && @{ $failed{'a crash'} } > 20;
}

note('answers: ' . join ', ', map { "$_ $states{$_}" } sort { $states{$b} <=> $states{$a} } keys %states);
is_deeply([ sort keys %unknown ], [], 'there are values of every type');
is(scalar @{ $failed{$_} // [] }, 0, "never $_")
  for 'a crash', 'an error that should not happen', 'a warning', 'a lock that is left', 'another identity', 'not clean', 'privileges changed';
my $log = slurp_file($node->logfile);
unlike($log, qr/TRAP|PANIC|terminated by signal|leak|you don't own a lock/, 'nor does the log speak of one');
cmp_ok(scalar(keys %states), '>', 10, "$done calls, many answers");

$node->stop;
done_testing();
