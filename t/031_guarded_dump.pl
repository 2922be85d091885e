# Guards survive a dump and a restore: same guards, same answers, same dependencies.

use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('dump');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\n");
$node->start;

$node->safe_psql('postgres', 'CREATE DATABASE before');
$node->safe_psql('before', <<'SQL');
CREATE EXTENSION booking CASCADE;
CREATE SCHEMA "My Shop";
SET search_path = "My Shop", public;
CREATE TABLE hotel (gone int, id int PRIMARY KEY, rooms int);
ALTER TABLE hotel DROP COLUMN gone;
CREATE TABLE "Stay" (gone1 int, hotel int REFERENCES hotel, gone2 int, "the nights" daterange, rooms smallint, status varchar(20) DEFAULT 'ok');
ALTER TABLE "Stay" DROP COLUMN gone1, DROP COLUMN gone2;
SELECT booking.guard_table('"Stay"', ARRAY['hotel'], ARRAY['the nights'], quantity => 'rooms',
	active => $$status IN ('ok', 'paid')$$, name => 'Stay''s guard', capacity_query => 'SELECT rooms FROM hotel WHERE id = $1');
INSERT INTO hotel VALUES (1, 3);
INSERT INTO "Stay" VALUES (1, '[2030-01-01,2030-01-05)', 2, 'ok'), (1, '[2030-01-05,2030-01-06)', 2, 'paid'), (1, '[2030-01-05,2030-01-06)', 9, 'gone');
ALTER TABLE "Stay" RENAME hotel TO house;
ALTER TABLE "Stay" ADD note text;

CREATE TABLE slot (room text, starts timestamptz, ends timestamptz);
SELECT booking.guard_table('slot', '{room}', '{starts,ends}', name => 'one_at_a_time', with_constraint => true);
INSERT INTO slot VALUES ('A', '2030-01-01 10:00+00', '2030-01-01 11:00+00');
CREATE TABLE works (room text, during tstzrange);
SELECT booking.guard_against('slot', 'one_at_a_time', 'works', '{room}', '{during}');
INSERT INTO works VALUES ('A', '[2030-01-01 12:00+00,2030-01-01 13:00+00)');

CREATE TABLE trip (gone int, bus int, during int4range, day int) PARTITION BY RANGE (day);
ALTER TABLE trip DROP COLUMN gone;
CREATE TABLE trip_a PARTITION OF trip FOR VALUES FROM (0) TO (10);
CREATE TABLE trip_b (day int, during int4range, bus int);
ALTER TABLE trip ATTACH PARTITION trip_b FOR VALUES FROM (10) TO (20);
SELECT booking.guard_table('trip', '{bus}', '{during}', 2);
INSERT INTO trip VALUES (1, '[1,10)', 5), (1, '[1,5)', 15);

CREATE TABLE licence (k text, a date, b date);
CREATE INDEX licence_days ON licence USING gist (k, daterange(a, b, '[]'));
SELECT booking.guard_table('licence', '{k}', '{a,b}', using_index => 'licence_days');
INSERT INTO licence VALUES ('x', '2030-01-01', '2030-01-31');

-- A period that is computed, rows without one, and fewer columns in a guard_against().
CREATE TABLE visit (doctor int, room int, starts timestamp, minutes int);
SELECT booking.guard_table('visit', '{doctor,room}', ARRAY['starts', $$starts + minutes * interval '1 minute'$$], name => 'visits', check_existing => false);
CREATE TABLE leave (doctor int, starts timestamp, ends timestamp);
SELECT booking.guard_against('visit', 'visits', 'leave', '{doctor}', '{starts,ends}');
CREATE TABLE passenger (trip int, name text);
SELECT booking.guard_table('passenger', '{trip}', '{}', 2);
INSERT INTO visit VALUES (1, 1, '2030-01-07 09:00', 30);
INSERT INTO passenger VALUES (1, 'ann'), (1, 'bob');
SQL

my $guards = q{SELECT target::text, name, rule, resource, period, quantity, active, capacity,
	regexp_replace(capacity_query, '\s+', ' ', 'g'), other, own_index, index IS NOT NULL, validated FROM booking.guarded_table};
my $constraints = q{SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'x' AND connamespace <> 'booking'::regnamespace};
my $triggers = q{SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1};
my $dependencies = q{SELECT pg_describe_object(classid, objid, objsubid), deptype, pg_describe_object(refclassid, refobjid, refobjsubid)
	FROM pg_depend WHERE classid = 'pg_trigger'::regclass AND objid IN (SELECT oid FROM pg_trigger WHERE tgfoid IN (
		SELECT oid FROM pg_proc WHERE pronamespace = 'booking'::regnamespace) AND tgrelid >= 16384)
		OR classid = 'pg_proc'::regclass AND objid IN (SELECT oid FROM pg_proc WHERE proname LIKE '%capacity' AND prosqlbody IS NOT NULL) ORDER BY 1, 2, 3};

my %tried = (
	'Stay' => q{INSERT INTO "My Shop"."Stay" VALUES (1, '[2030-01-05,2030-01-06)', 2)},
	'slot' => q{INSERT INTO "My Shop".slot VALUES ('A', '2030-01-01 10:30+00', '2030-01-01 10:40+00')},
	'works' => q{INSERT INTO "My Shop".works VALUES ('A', '[2030-01-01 10:30+00,2030-01-01 10:40+00)')},
	'slot and works' => q{INSERT INTO "My Shop".slot VALUES ('A', '2030-01-01 12:30+00', '2030-01-01 12:40+00')},
	'trip' => q{INSERT INTO "My Shop".trip VALUES (1, '[3,4)', 12)},
	'visit' => q{INSERT INTO "My Shop".visit VALUES (1, 1, '2030-01-07 09:29', 10)},
	'leave' => q{INSERT INTO "My Shop".leave VALUES (1, '2030-01-07 09:29', '2030-01-07 10:00')},
	'passenger' => q{INSERT INTO "My Shop".passenger VALUES (1, 'eve')},
	'licence' => q{INSERT INTO "My Shop".licence VALUES ('x', '2030-01-31', '2030-02-01')});

for my $way (
	[ 'plain' ], [ 'custom, two jobs' ], [ 'schema and data apart' ], [ 'without comments', '--no-comments' ])
{
	my ($name, @options) = @$way;
	my $file = $node->basedir . '/dump';
	my $database = "after " . $name;
	$node->safe_psql('postgres', qq{CREATE DATABASE "$database"});
	my ($out, $err) = run_command([ 'pg_dump', '-h', $node->host, '-p', $node->port,
			($name =~ /custom/ ? '-Fc' : '-Fp'), @options, '-f', $file, ($name =~ /apart/ ? '-s' : ()), 'before' ]);
	is($err, '', "pg_dump has nothing to say: $name");
	if ($name =~ /custom/)
	{
		$node->command_ok([ 'pg_restore', '-h', $node->host, '-p', $node->port, '-j', 2, '--exit-on-error', '-d', $database, $file ],
			"restored: $name");
	}
	else
	{
		$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', $node->host, '-p', $node->port, '-f', $file, '-d', $database ],
			"restored: $name");
	}
	if ($name =~ /apart/)
	{
		# Data into tables that are guarded already: every row is judged.
		$node->command_ok([ 'pg_dump', '-h', $node->host, '-p', $node->port, '-a', '-f', $file, 'before' ], 'data only');
		$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', $node->host, '-p', $node->port, '-f', $file, '-d', $database ],
			"data loaded: $name");
	}

	my $same = $guards . ' ORDER BY 1, 2';
	is($node->safe_psql($database, $same), $node->safe_psql('before', $same), "same guards: $name");
	is($node->safe_psql($database, $constraints), $node->safe_psql('before', $constraints), "same constraints: $name");
	is($node->safe_psql($database, $triggers), $node->safe_psql('before', $triggers), "same triggers: $name");
	is($node->safe_psql($database, $dependencies), $node->safe_psql('before', $dependencies), "same dependencies: $name");
	for my $table (sort keys %tried)
	{
		my ($status, $stdout, $stderr) = $node->psql($database, $tried{$table}, extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);
		like($stderr, qr/23P01/, "$table is still guarded: $name");
	}
	$node->safe_psql($database, q{INSERT INTO "My Shop"."Stay" VALUES (1, '[2030-01-05,2030-01-06)', 1)});
	$node->safe_psql($database, q{INSERT INTO "My Shop".trip VALUES (1, '[5,6)', 12)});
	my ($status, $stdout, $stderr) = $node->psql($database, q{DROP INDEX "My Shop"."Stay's guard"});
	like($stderr, qr/other objects depend on it/, "the index is still needed: $name");
	($status, $stdout, $stderr) = $node->psql($database, q{ALTER TABLE "My Shop".hotel DROP COLUMN rooms});
	like($stderr, qr/other objects depend on it/, "so is the column of the other table: $name");
	$node->safe_psql($database, <<'SQL');
SELECT booking.unguard_table('"My Shop"."Stay"');
SELECT booking.unguard_table('"My Shop".trip');
SELECT booking.unguard_table('"My Shop".licence');
SELECT booking.unguard_table('"My Shop".visit');
SELECT booking.unguard_table('"My Shop".passenger');
SELECT booking.unguard_table('"My Shop".works');
SELECT booking.unguard_table('"My Shop".slot');
SQL
	is($node->safe_psql($database, q{SELECT count(*) FROM pg_trigger WHERE tgfoid IN (
		SELECT oid FROM pg_proc WHERE pronamespace = 'booking'::regnamespace)
		AND tgrelid NOT IN (SELECT oid FROM pg_class WHERE relnamespace = 'booking'::regnamespace)}), '0', "all of them go: $name");
	is($node->safe_psql($database, q{SELECT string_agg(relname, ', ' ORDER BY relname) FROM pg_class
		WHERE relnamespace = '"My Shop"'::regnamespace AND relkind IN ('i', 'I')}), 'hotel_pkey, licence_days',
		"and their indexes: $name");
}


# The owner of a table dumps it and restores it, guards included, with no other right than USAGE on our schema.
$node->safe_psql('before', q{
	CREATE ROLE shopkeeper LOGIN; CREATE SCHEMA shop AUTHORIZATION shopkeeper;
	SET ROLE shopkeeper; CREATE TABLE shop.hotel (id int, rooms int);
	CREATE TABLE shop.stay (hotel int, nights daterange) PARTITION BY LIST (hotel); RESET ROLE;
	SELECT booking.guard_table('shop.stay', '{hotel}', '{nights}', name => 'stay_guard', capacity_query => 'SELECT rooms FROM shop.hotel WHERE id = $1');
	SET ROLE shopkeeper; CREATE TABLE shop.stay_1 PARTITION OF shop.stay FOR VALUES IN (1);
	INSERT INTO shop.hotel VALUES (1, 1); INSERT INTO shop.stay VALUES (1, '[2030-01-01,2030-01-05)')});
$node->safe_psql('postgres', 'CREATE DATABASE theirs');
$node->safe_psql('theirs', 'CREATE EXTENSION booking CASCADE; GRANT CREATE ON DATABASE theirs TO shopkeeper; GRANT USAGE ON SCHEMA booking TO shopkeeper');
$node->command_ok([ 'pg_dump', '-h', $node->host, '-p', $node->port, '-U', 'shopkeeper', '-n', 'shop', '-f', $node->basedir . '/dump', 'before' ],
	'an owner dumps');
$node->safe_psql('postgres', 'ALTER ROLE shopkeeper NOSUPERUSER');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', $node->host, '-p', $node->port, '-U', 'shopkeeper',
		'-f', $node->basedir . '/dump', '-d', 'theirs' ], 'an owner restores');
my ($code, $said_out, $said) = $node->psql('theirs', q{SET ROLE shopkeeper; INSERT INTO shop.stay VALUES (1, '[2030-01-04,2030-01-06)')});
like($said, qr/has not enough left/, 'and the guard is there');

$node->stop;
done_testing();
