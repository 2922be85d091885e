# What is archived is in one place, whichever process is killed in the middle; no booking waits for it; and a
# dump has all of it.

use strict;
use warnings FATAL => 'all';

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

# Five years of them, however many.
my $old = $ENV{BOOKING_ARCHIVE_ROWS} // 4000;
my $step = int(5 * 365 * 86400 / $old);
my $batch = $old > 40_000 ? int($old / 100) : 20;

my $node = PostgreSQL::Test::Cluster->new('archive');
$node->init;
$node->append_conf('postgresql.conf', "max_connections = 50\nautovacuum = off\nbooking.archive_share = 100");
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION booking CASCADE;
SELECT booking.create_resource('pool', 'pooled', 1000000);
});
$node->safe_psql('postgres', qq{
INSERT INTO booking.booking (resource_id, period, holder)
SELECT id, tstzrange(t, t + interval '$step seconds'), 'old' FROM booking.resource,
	generate_series('2020-01-01', '2020-01-01'::timestamptz + ($old - 1) * interval '$step seconds', interval '$step seconds') AS t;
INSERT INTO booking.booking (resource_id, period, holder) SELECT id, '[2020-01-01, 2020-01-02)', 'busy' FROM booking.resource;
});
my $moment = $node->safe_psql('postgres', 'SELECT clock_timestamp()');

my $in_one_place = q{
SELECT count(*) = count(DISTINCT id) AND count(*) = %d FROM booking.all_bookings WHERE holder = 'old';
SELECT count(*) = count(DISTINCT (position, seq)) AND count(*) = %d FROM booking.all_events WHERE holder = 'old';
SELECT count(*) FROM booking.booking_archive a WHERE NOT EXISTS (SELECT FROM booking.event_archive e WHERE e.booking_id = a.id);
SELECT count(*) FROM booking.verify()};
sub in_one_place
{
	my ($server, $database, $what) = @_;
	is($server->safe_psql($database, sprintf($in_one_place, $old, $old)), "t\nt\n0\n0", $what);
}

# All of its processes, the postmaster first, which would do something about the others.  It can be started when
# no process has its shared memory any more.
sub kill_all
{
	my @pids = split(/\n/, $node->safe_psql('postgres', 'SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()'));
	$node->kill9;
	kill('KILL', @pids);
	foreach my $try (1 .. 100 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return if $node->start(fail_ok => 1);
		$node->kill9;
		usleep(10_000);
	}
	die 'the server does not start';
}

# The server is killed some times in the middle, while others book.  Nothing is archived that begins after the first
# four years, so that there is a middle, however late it is noticed that it has been reached.
$node->safe_psql('postgres', q{
CREATE TABLE gate ();
CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN LOCK TABLE public.gate IN ROW EXCLUSIVE MODE; RETURN NEW; END $$;
CREATE TRIGGER pass BEFORE INSERT ON booking.booking_archive FOR EACH ROW WHEN (lower(new.period) > '2024-01-01') EXECUTE FUNCTION pass();
});
my $book = $node->basedir . '/book.sql';
append_to_file($book, "SELECT FROM booking.book_slot('pool', '[2040-01-01, 2040-01-02)', 'new');\n");
foreach my $part (1 .. 4)
{
	my $log = '';
	my $gate = $node->background_psql('postgres');
	$gate->query_safe('BEGIN');
	$gate->query_safe('LOCK TABLE gate');
	my $booking = IPC::Run::start([ 'pgbench', '-n', '-c', 4, '-T', 600, '-f', $book, '-h', $node->host, '-p', $node->port, 'postgres' ], '>', \$log, '2>', \$log);
	my $archiving = IPC::Run::start([ 'psql', '-Xq', '-d', $node->connstr('postgres'), '-c', "CALL booking.archive_before('$moment', $batch)" ], '>', \$log, '2>', \$log);
	$node->poll_query_until('postgres', "SELECT bookings > $old * $part / 6 FROM booking.archive_run") or die 'nothing is archived';
	kill_all();
	$booking->finish;
	$archiving->finish;
	eval { $gate->quit };
	in_one_place($node, 'postgres', 'killed in the middle, and still each is in one place');
}
cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM booking.booking WHERE holder = 'old'}), '>', 0, 'it was in the middle');
$node->safe_psql('postgres', 'DROP TRIGGER pass ON booking.booking_archive; DROP FUNCTION pass; DROP TABLE gate');

# A booking that another transaction is changing is left alone, without waiting.
my $busy = $node->background_psql('postgres');
$busy->query_safe('BEGIN');
$busy->query_safe(q{UPDATE booking.booking SET reason = 'late' WHERE holder = 'busy'});
$node->safe_psql('postgres', "CALL booking.archive_before('$moment', 500)");
is($node->safe_psql('postgres', q{SELECT count(*) FROM booking.booking WHERE holder IN ('old', 'busy')}), 1, 'all but that is archived');
is($node->safe_psql('postgres', q{SELECT phase || ' ' || bookings FROM booking.archive_progress}), "done $old", 'by one run that was gone on with');
in_one_place($node, 'postgres', 'each is in one place');
$busy->query_safe('COMMIT');
$busy->quit;

# A call for a booking that is being moved waits for the batch, and finds none.
my $mover = $node->background_psql('postgres');
$mover->query_safe('BEGIN');
$mover->query_safe(q{SELECT booking.archive_batch(booking.archive_begin(clock_timestamp(), 1000000))});
my $id = $node->safe_psql('postgres', q{SELECT id FROM booking.booking WHERE holder = 'busy'});
my ($out, $err) = ('', '');
my $late = IPC::Run::start([ 'psql', '-Xq', '-d', $node->connstr('postgres') . ' application_name=late', '-c', "SELECT FROM booking.cancel('$id')" ], '>', \$out, '2>', \$err);
$node->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'late' AND wait_event_type = 'Lock')}) or die 'none waits';
$mover->query_safe('COMMIT');
$mover->quit;
$late->finish;
like($err, qr/booking \S+ (does not exist|cannot be changed)/, 'a booking that is archived is not there');

# A dump has it all, and the archive goes on where it is restored.
my $dump = $node->basedir . '/dump';
foreach my $format ('plain', 'custom')
{
	$node->safe_psql('postgres', "CREATE DATABASE after_$format");
	command_ok([ 'pg_dump', '--format', $format, '-f', $dump, '-h', $node->host, '-p', $node->port, 'postgres' ], "dumped, $format");
	command_ok($format eq 'plain' ?
		[ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-h', $node->host, '-p', $node->port, "after_$format" ] :
		[ 'pg_restore', '--exit-on-error', '-d', "after_$format", '-h', $node->host, '-p', $node->port, $dump ], 'restored');
	in_one_place($node, "after_$format", 'each is in one place there');
	$node->safe_psql("after_$format", q{
INSERT INTO booking.booking (resource_id, period, holder) SELECT id, '[2020-01-02, 2020-01-03)', 'there' FROM booking.resource;
CALL booking.archive_before(clock_timestamp())});
	is($node->safe_psql("after_$format", q{SELECT count(*) FROM booking.booking_archive WHERE holder = 'there'}), 1, 'the archive goes on');
}
is($node->safe_psql('after_plain', q{SELECT string_agg(t, ' ' ORDER BY t) FROM (SELECT indexrelid::regclass::text AS t FROM pg_index WHERE indrelid = 'booking.event_archive_2020_01'::regclass) AS i}),
	'booking.event_archive_2020_01_booking booking.event_archive_2020_01_pkey', 'with its indexes');
$node->stop;
done_testing();
