# The SQL in README.md and docs/: each block runs as it is printed, one page after the other, each in a database of its own; and
# docs/reference.md says of each function what the catalog says.
# A page says beforehand what it takes for granted (before, and between for a block), which block comes when (order), and
# which errors are what the page is about (errors; all others fail the test).  "..." in quotes stands for an id.  What is about roles
# and other servers is run elsewhere: docs/operations.md by sql/access.sql, docs/tenants.md by sql/tenants.sql, docs/scaling.md
# by cluster/, and the statement of docs/clients.md by t/060_clients.pl.

use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = dirname(abs_path($0)) . '/..';

# The nth id of those that stand behind "...".
sub id { return sprintf('00000000-0000-7000-8000-0000000000%02x', shift) }

my $blue = q{SELECT FROM booking.create_resource('Blue room');};
my $holds = join('', map { my $at = 7 + $_; "SELECT FROM booking.book_slot('Blue room', '[2030-05-07 $at:00, 2030-05-07 $at:59)', 'ann', id => '" . id($_) . "');" } 2 .. 6);

my %pages = (
	'README.md' => {
		order => [ 1, 2, 3, 0 ],
		between => { 3 => q{
			CREATE TABLE room_type (id int PRIMARY KEY, rooms int);
			CREATE TABLE reservations (room_type_id int, check_in date, check_out date, rooms int, canceled_at timestamptz);} },
	},
	'docs/concepts.md' => {
		before => $blue,
		between => { map { $_ => 'DELETE FROM booking.booking;' } 1 .. 3 },
		errors => [ qr/"Blue room" is taken/ ],
	},
	'docs/life.md' => {
		before => q{
			SELECT FROM booking.create_resource('other room');
			SELECT FROM booking.create_resource('hall', 'pooled', 0);
			INSERT INTO booking.slot (id, resource_id, period, capacity) SELECT 4711, id, '[2040-01-07 20:00, 2040-01-07 22:00)', 10 FROM booking.resource WHERE name = 'hall';},
		between => { 3 => q{SELECT id FROM booking.book_slot('room', '[2040-01-07 09:00, 2040-01-07 10:00)', 'ann') \gset} },
		errors => [ qr/"room" has no seats/, qr/quantity must be 1 for resource "room"/, qr/has been changed meanwhile/ ],
	},
	'docs/slots.md' => {
		errors => [ qr/"Doctor" has no slot for that period/, qr/slot 1 has bookings/ ],
	},
	'docs/many.md' => {
		before => $blue . $holds . q{
			SELECT FROM booking.create_resource('Red room');
			SELECT FROM booking.create_resource('Green room');
			SELECT FROM booking.create_resource('Bikes', 'pooled', 10);
			SELECT FROM booking.create_resource('Bus 7', 'seated', seats => '{1A,1B,2A,2B,3A,3B,4A,4B}');
			INSERT INTO booking.slot (id, resource_id, period, capacity)
			SELECT id, (SELECT id FROM booking.resource WHERE name = 'Bus 7'), tstzrange(at, at + '2 hours'), 8
			FROM (VALUES (17, '2030-06-01 14:00'::timestamptz), (18, '2030-06-01 18:00')) AS v (id, at);
			SELECT FROM generate_series(1, 3) AS n, booking.create_resource('Court ' || n, category => 'tennis');
			SELECT FROM unnest('{Dr. Adams,Dr. Brown}'::text[]) AS who, LATERAL booking.create_resource(who) AS r, LATERAL booking.publish_slot(r.name, '[2030-05-06 09:00, 2030-05-06 09:20)');
			SELECT FROM booking.create_resource('Studio', category => 'yoga') AS r, LATERAL booking.publish_slot(r.name, '[2030-05-06 18:00, 2030-05-06 19:00)', 12);
			SELECT FROM booking.book_all('[{"resource": "Bikes", "period": "[2030-07-01, 2030-07-02)"}]', 'ann', '1 hour', group_id => '} . id(1) . q{');
			SELECT FROM booking.book_place(17, 'ann', id => '} . id(7) . q{');
			SELECT FROM booking.book_place(17, 'ann', id => '} . id(8) . q{');
			UPDATE booking.booking SET data = '{}' WHERE id = '} . id(6) . q{';
			UPDATE booking.booking SET data = '{}' WHERE id = '} . id(6) . q{';},
		between => { 2 => q{DELETE FROM booking.booking WHERE holder = 'ann' AND seat_no IS NOT NULL AND slot_id IS NULL AND lower(period) = '2030-05-06 14:00';} },
		ids => [ 1, 1, 1, 2, 7, 3, 4, 5, 6, 8 ],
	},
	'docs/series.md' => {
		before => $blue,
		between => { 1 => q{SELECT id FROM booking.booking ORDER BY period LIMIT 1 OFFSET 3 \gset} },
	},
	'docs/rules.md' => {
		before => q{
			SELECT FROM booking.create_resource('court 1', category => 'court');
			SELECT FROM booking.create_resource('bikes', 'pooled', 20);},
	},
	'docs/looking.md' => {
		before => q{
			SELECT FROM booking.create_resource('Room 1', timezone => 'Europe/Berlin', category => 'meeting rooms');
			SELECT FROM booking.create_resource('Bikes', 'pooled', 10);
			INSERT INTO booking.slot (id, resource_id, period, capacity) SELECT 4711, id, '[2030-01-07 20:00, 2030-01-07 22:00)', 10 FROM booking.resource WHERE name = 'Bikes';
			CREATE TABLE reservations (room_type_id int, nights daterange);
			SELECT booking.guard_table('reservations', '{room_type_id}', '{nights}', 20);},
	},
	'docs/events.md' => {
		before => $blue,
		errors => [ qr/the cursor is ahead of the journal/, qr/this is not a cursor of booking.next_events/, qr/the cursor is ahead of the journal/ ],
	},
	'docs/your-own-tables.md' => {
		before => q{
			CREATE TABLE hotel (id int PRIMARY KEY, rooms int);
			CREATE TABLE stay (hotel int, room_type text, nights daterange, rooms int, canceled_at timestamptz);
			CREATE TABLE licence (license_key text, start_date date, end_date date);
			CREATE TABLE night (room int, day date);
			CREATE TABLE visit (doctor int, starts timestamptz, minutes int, buffer interval);
			CREATE TABLE lesson (room int, day date, first time, last time);
			CREATE TABLE trip (id int PRIMARY KEY, seats int);
			CREATE TABLE passenger (trip int, persons int, gone boolean);
			CREATE TABLE delivery (vehicle int, during tstzrange, canceled boolean);
			CREATE TABLE court_booking (court_no int, starts timestamptz, ends timestamptz);
			CREATE TABLE maintenance (court_no int, starts timestamptz, ends timestamptz, called_off boolean);
			CREATE TABLE court (id int, kind text, during tstzrange);
			CREATE TABLE appointment (room int, service text, during tstzrange);
			SELECT booking.guard_table('court_booking', '{court_no}', '{starts,ends}', name => 'court_guard');},
		between => {
			5 => q{SELECT booking.unguard_table('stay'); SELECT booking.guard_table('stay', '{hotel}', '{nights}', 20, name => 'stay_guard');},
			7 => q{SELECT booking.unguard_table('stay');},
			11 => 'DROP TABLE night;',
		},
		errors => [ qr/function run_command_on_shards/ ],
	},
);

my $node = PostgreSQL::Test::Cluster->new('docs');
$node->init;
$node->start;

foreach my $name (sort keys %pages)
{
	my %page = (before => '', between => {}, errors => [], ids => [], %{ $pages{$name} });
	my $text = slurp_file("$root/$name");
	my @blocks = $text =~ /^ *```sql\n(.*?)^ *```$/msg;
	my @order = @{ $page{order} // [ 0 .. $#blocks ] };
	my @ids = @{ $page{ids} };
	my $script = $page{order} ? '' : "CREATE EXTENSION booking CASCADE;\n";
	my ($out, $err) = ('', '');

	is(scalar(@order), scalar(@blocks), "$name: each block is run");
	$script .= "$page{before}\n";
	foreach my $i (@order)
	{
		my $block = $blocks[$i];
		my $taken = 0;

		$block =~ s/(['"])\.\.\.\1/$1 . id($ids[$taken++] \/\/ 0) . $1/ge;
		splice(@ids, 0, $taken);
		$script .= ($page{between}{$i} // '') . "\n$block\n";
	}
	(my $database = lc $name) =~ s/\W/_/g;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	IPC::Run::run([ 'psql', '-Xq', '-d', $node->connstr($database) ], '<', \$script, '>', \$out, '2>', \$err);

	my @errors = $err =~ /^(?:psql:[^\n]*: )?(?:ERROR|FATAL): +([^\n]*)/mg;
	my @expected = @{ $page{errors} };
	my $agree = @errors == @expected && !grep { $errors[$_] !~ $expected[$_] } 0 .. $#errors;
	ok($agree, "$name: it runs, and what is refused is what the page speaks of") or diag("$script\n$err");
	is($node->safe_psql($database, 'SELECT count(*) FROM booking.verify()'), 0, "$name: verify() agrees");
}

# docs/reference.md has each function as the catalog has it, or names it among those that are not for applications.
my $reference = slurp_file("$root/docs/reference.md");
my ($internal) = $reference =~ /^## Not for applications\n(.*)/ms;
my @missing;

foreach my $function (split /\n/, $node->safe_psql('readme_md', q{
	WITH f AS (
		SELECT p.proname AS name, obj_description(p.oid) AS comment, (
				SELECT levels[1] FROM booking.access_levels()
				WHERE kind = 'FUNCTION' AND object = format('booking.%I(%s)', p.proname, (
					SELECT string_agg(t::regtype::text, ',' ORDER BY n) FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, n)))) AS level,
			regexp_replace(regexp_replace(regexp_replace(regexp_replace(pg_get_function_arguments(p.oid), '\mIN ', '', 'g'),
				' DEFAULT (NULL|''[^'']*'')::[a-z ]+(\[\])?', ' = \1', 'g'), ' DEFAULT ', ' = ', 'g'),
				'\mresource (text|bigint)(?!\[)', 'resource') AS arguments,
			regexp_replace(pg_get_function_result(p.oid), '\mbooking\.', '') AS result
		FROM pg_proc p WHERE p.pronamespace = 'booking'::regnamespace AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype))
	SELECT DISTINCT ON (name, arguments) name, replace(replace(format('- `%s(%s)`%s %s: %s.', name, arguments,
			CASE WHEN result IS NULL THEN ', a procedure.' WHEN result = 'void' THEN '.' ELSE format(' returns `%s`.', result) END,
			CASE WHEN level IS NULL THEN 'For the owner' ELSE format('Level `%s`', level) END, comment),
			'timestamp with time zone', 'timestamptz'), 'timestamp without time zone', 'timestamp')
	FROM f ORDER BY name, arguments, length(comment) DESC}))
{
	my ($name, $line) = split /\|/, $function, 2;

	push @missing, $line if index($internal, "`$name`") < 0 && index($reference, "\n$line") < 0;
}
is(join("\n", @missing), '', 'docs/reference.md: each function, with its arguments, its level and its comment');
is($node->safe_psql('readme_md', qq{SELECT string_agg(name, ', ') FROM unnest('{@{[join ',', $reference =~ /^- `(\w+)\(/mg, $internal =~ /`(\w+)`/g]}}'::text[]) AS name
	WHERE NOT EXISTS (SELECT FROM pg_proc WHERE pronamespace = 'booking'::regnamespace AND proname = name)}), '', 'docs/reference.md: and no other');

$node->stop;
done_testing();
