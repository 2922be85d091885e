# The background worker: what it does, that it comes back, and that no session waits for it.

use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;
use lib "$FindBin::RealBin/lib";
use Servers qw(until_restarted);

my $node = PostgreSQL::Test::Cluster->new('worker');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', q{
fsync = off
restart_after_crash = on
shared_preload_libraries = 'booking'
booking.databases = 'postgres, "a-b", missing'
booking.worker_tick = 50
});
$node->start;

my $running = q{SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_stat_activity WHERE backend_type = 'booking worker'};
sub until_running
{
	my ($server, $databases, $what) = @_;
	ok($server->poll_query_until('postgres', "SELECT coalesce(($running), '') = '$databases'"), $what);
}
sub worker_of
{
	my ($database) = @_;
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'booking worker' AND datname = '$database'") or die;
	return $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'booking worker' AND datname = '$database'");
}
# A command that needs a database for itself gives up after some seconds, where the workers it asks to leave are slow.
sub alone
{
	my ($sql, $what) = @_;
	my ($status, $err);
	for (1 .. 100)
	{
		($status, undef, $err) = $node->psql('postgres', $sql);
		last if $err !~ /is being accessed by other users/;
	}
	return is($status, 0, $what) || diag($err);
}
sub logged
{
	my ($pattern, $from) = @_;
	my @found = slurp_file($node->logfile, $from) =~ /$pattern/g;
	return scalar @found;
}

# It begins where there is something to do.
$node->safe_psql('postgres', 'CREATE EXTENSION booking CASCADE');
until_running($node, 'postgres', 'begins when the extension is there');
is($node->safe_psql('postgres', q{SELECT application_name FROM pg_stat_activity WHERE backend_type = 'booking worker'}), 'booking worker', 'is seen');
ok($node->poll_query_until('postgres', q{SELECT query = 'waiting for the next tick' AND state = 'idle' FROM pg_stat_activity WHERE backend_type = 'booking worker'}),
	'with what it does');
$node->safe_psql('postgres', 'CREATE DATABASE "a-b"');
$node->safe_psql('a-b', 'CREATE EXTENSION booking CASCADE');
until_running($node, 'a-b,postgres', 'also in a database that is made later');

# Lapsed holds are marked, and the line is offered what has become free.
my $setup = q{
SELECT booking.create_resource('room');
SELECT booking.create_resource('hall');
SELECT booking.book_slot('room', '[2040-01-01 10:00, 2040-01-01 11:00)', 'ann', hold_for => '1 hour');
SELECT booking.wait_for_slot('room', '[2040-01-01 10:00, 2040-01-01 11:00)', 'bob');
UPDATE booking.booking SET expires_at = now() + interval '1 second';
};
my $moved = q{SELECT string_agg(holder || ' ' || status, ', ' ORDER BY created_at) = 'ann expired, bob held' FROM booking.booking};
$node->safe_psql('postgres', $setup);
ok($node->poll_query_until('postgres', $moved), 'a hold that has lapsed is offered to the next in line');
is($node->safe_psql('postgres', q{SELECT actor FROM booking.event WHERE kind = 'expired'}), 'booking worker', 'and the journal says by whom');

# Notifications.
my $listener = $node->background_psql('postgres');
# So long for each query, and not for all.
$listener->set_query_timer_restart();
$listener->query_safe('LISTEN booking');
my %heard;
my $last = 0;
sub listen_until
{
	my ($seq, $what) = @_;
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		my $out = $listener->query('SELECT 1');
		while ($out =~ /payload "\{"resource_id": (\w+), "first": (\d+), "last": (\d+)\}"/g)
		{
			my ($id, $from, $to) = ($1, $2, $3);
			push @{ $heard{$id} }, [ $from, $to ];
			$last = $to if $to > $last;
		}
		return ok(1, $what) if $last >= $seq;
		Time::HiRes::usleep(100_000);
	}
	return ok(0, $what);
}
my $seq = q{SELECT max(seq) FROM booking.event};
my $room = $node->safe_psql('postgres', q{SELECT id FROM booking.resource WHERE name = 'room'});
my $hall = $node->safe_psql('postgres', q{SELECT id FROM booking.resource WHERE name = 'hall'});
$node->safe_psql('postgres', q{SELECT FROM generate_series(timestamptz '2041-01-01', '2041-04-10', '1 day') AS t, booking.book_slot('hall', tstzrange(t, t + interval '1 hour'), 'carl')});
listen_until($node->safe_psql('postgres', $seq), 'notified of bookings');
cmp_ok(scalar @{ $heard{$hall} // [] }, '<=', 3, 'of a hundred by one or two');
%heard = ();
$node->safe_psql('postgres', qq{UPDATE booking.booking SET resource_id = $room WHERE id = (SELECT id FROM booking.booking WHERE resource_id = $hall LIMIT 1)});
listen_until($node->safe_psql('postgres', $seq), 'notified of a move');
ok($heard{$hall} && $heard{$room}, 'the one that it leaves, and the one that it comes to');
# An event that another transaction keeps from being read is notified when it can be read.
%heard = ();
my $open = $node->background_psql('postgres');
$open->query_safe('BEGIN');
$open->query_safe('CREATE TEMPORARY TABLE t ()');
$node->safe_psql('postgres', q{SELECT FROM booking.book_slot('hall', '[2042-02-01, 2042-02-02)', 'dora')});
for my $n (1 .. 2)
{
	$node->safe_psql('postgres', qq{SELECT FROM booking.book_slot('hall', '[2042-01-0$n 10:00, 2042-01-0$n 11:00)', 'tick $n', hold_for => '1 ms')});
	$node->poll_query_until('postgres', qq{SELECT status = 'expired' FROM booking.booking WHERE holder = 'tick $n'}) or die 'it does not sweep';
}
unlike($listener->query('SELECT 1'), qr/Asynchronous/, 'two ticks later it has not been told of');
is($node->safe_psql('postgres', q{SELECT count(*) FROM booking.read_events(max => 100000) WHERE holder = 'dora'}), 0, 'for it cannot be read yet');
$last = 0;
$open->query_safe('COMMIT');
$open->quit;
listen_until($node->safe_psql('postgres', $seq), 'notified when it can be read');

# A worker that begins says that there may be something.
%heard = ();
$last = 0;
my $worker = worker_of('postgres');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($worker)");
listen_until($node->safe_psql('postgres', $seq), 'it comes back, and tells that there may be something');
ok($heard{null}, 'of any resource');
isnt(worker_of('postgres'), $worker, 'it is another process');

# What goes wrong is in the log once, and other things go on.
my $from = -s $node->logfile;
$node->safe_psql('postgres', 'ALTER FUNCTION booking.readable_position() RENAME TO gone');
$node->wait_for_log(qr/function booking\.readable_position\(\) does not exist/, $from);
$node->safe_psql('postgres', q{
SELECT booking.book_slot('room', '[2043-01-01 10:00, 2043-01-01 11:00)', 'emil', hold_for => '1 hour');
UPDATE booking.booking SET expires_at = now() + interval '1 ms' WHERE holder = 'emil';
SELECT pg_sleep(0.1)});
ok($node->poll_query_until('postgres', q{SELECT status = 'expired' FROM booking.booking WHERE holder = 'emil'}), 'other tasks go on');
$node->safe_psql('postgres', 'ALTER FUNCTION booking.gone() RENAME TO readable_position');
$node->wait_for_log(qr/the background worker of booking goes on after \d+ failures/, $from);
is(logged(qr/ERROR:  function booking\.readable_position\(\) does not exist/, $from), 1, 'the failure is logged once');
listen_until($node->safe_psql('postgres', $seq), 'what it could not tell it tells then');

# A session that has locked a table alone is waited for without a message.
$from = -s $node->logfile;
$open = $node->background_psql('postgres');
$open->query_safe('BEGIN');
$open->query_safe('LOCK TABLE booking.journal');
ok($node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND relation = 'booking.journal'::regclass}), 'it waits');
ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_locks WHERE NOT granted AND relation = 'booking.journal'::regclass}), 'for a while');
$open->query_safe('COMMIT');
$open->quit;
is(logged(qr/lock timeout/, $from), 0, 'and does not complain');

# Archiving, as is set for the database.
$node->safe_psql('postgres', q{
INSERT INTO booking.resource (name, kind, capacity) VALUES ('pool', 'pooled', 1000000);
INSERT INTO booking.booking (resource_id, period, holder)
	SELECT r.id, tstzrange(t, t + '1 hour'), 'old' FROM booking.resource r, generate_series(timestamptz '2020-01-01', '2020-12-31', '2 hours') AS t WHERE r.name = 'pool';
ALTER DATABASE postgres SET booking.archive_after = '0';
ALTER DATABASE postgres SET booking.archive_every = '1s';
});
my $old = $node->safe_psql('postgres', q{SELECT count(*) FROM booking.booking WHERE holder = 'old'});
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'booking worker'});
ok($node->poll_query_until('postgres', qq{SELECT count(*) = $old FROM booking.booking_archive WHERE holder = 'old'}), 'archives');
is($node->safe_psql('postgres', q{SELECT count(*) FROM booking.booking WHERE holder = 'old'}), 0, 'what is over');
ok($node->poll_query_until('postgres', q{SELECT phase = 'done' FROM booking.archive_progress ORDER BY id DESC LIMIT 1}), 'to the end');
$node->safe_psql('postgres', 'ALTER DATABASE postgres RESET ALL');

# Killed, and the server with it; and the server alone.
$worker = worker_of('a-b');
is(system('kill', '-KILL', $worker), 0, 'killed');
until_restarted($node, $worker, 'the server has restarted');
until_running($node, 'a-b,postgres', 'it comes back after a crash');
$node->stop('immediate');
$node->start;
until_running($node, 'a-b,postgres', 'and with the server');

# A command that needs the database for itself does not wait for long.
alone('CREATE DATABASE copy TEMPLATE "a-b"', 'CREATE DATABASE ... TEMPLATE');
until_running($node, 'a-b,postgres', 'it comes back after a copy');
alone('ALTER DATABASE "a-b" RENAME TO other', 'ALTER DATABASE ... RENAME');
until_running($node, 'postgres', 'none in a database of another name');
alone('ALTER DATABASE other RENAME TO "a-b"', 'and back');
until_running($node, 'a-b,postgres', 'it comes back');
alone('DROP DATABASE "a-b"', 'DROP DATABASE');
until_running($node, 'postgres', 'and is gone');
alone('DROP DATABASE copy', 'DROP DATABASE of the copy');

# The list of databases is read again.
$node->adjust_conf('postgresql.conf', 'booking.databases', "''");
$node->reload;
until_running($node, '', 'it ends when it is not wanted any more');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'booking launcher'}), 1, 'the launcher is there');

# On demand.
$worker = $node->safe_psql('postgres', 'SELECT booking.start_worker()');
is(worker_of('postgres'), $worker, 'start_worker() gives its process id');
is($node->safe_psql('postgres', 'SELECT booking.start_worker()'), $worker, 'and does so again');
$node->safe_psql('postgres', 'CREATE DATABASE third');
$node->safe_psql('third', 'CREATE EXTENSION booking CASCADE');
# Two that are called at the same time: neither finds a worker, and neither worker gets far before the other has begun.
my $blocker = $node->background_psql('third');
my @callers = map { $node->background_psql('third') } 1 .. 2;
$_->query_safe('SELECT booking.stop_worker()') foreach @callers;
$blocker->query_safe('BEGIN');
$blocker->query_safe('LOCK TABLE pg_extension');
foreach my $caller (@callers)
{
	$caller->{stdin} .= "SELECT booking.start_worker();\n";
	$caller->{run}->pump_nb;
}
$node->poll_query_until('postgres', q{SELECT count(*) = 2 FROM pg_stat_activity WHERE backend_type = 'booking worker' AND datname = 'third' AND wait_event_type = 'Lock'})
	or die 'two workers do not begin';
$from = -s $node->logfile;
$blocker->query_safe('COMMIT');
ok($node->wait_for_log(qr/the background worker of booking ends: there is another in this database/, $from), 'one of two that begin at once ends');
ok(worker_of('third'), 'there is one');
$_->quit foreach $blocker, @callers;
is($node->safe_psql('third', 'SELECT booking.stop_worker()'), 't', 'and it stops');
is(system('kill', '-KILL', $worker), 0, 'killed');
until_restarted($node, $worker, 'the server has restarted');
until_running($node, 'postgres', 'it comes back after a crash');
is($node->safe_psql('postgres', 'SELECT booking.stop_worker()'), 't', 'stop_worker()');
is($node->safe_psql('postgres', $running), '', 'stops it');
is($node->safe_psql('postgres', 'SELECT booking.stop_worker()'), 'f', 'there is none');
$node->safe_psql('third', 'SELECT booking.start_worker()');
alone('ALTER DATABASE third RENAME TO fourth', 'renamed');
until_running($node, 'fourth', 'it comes back under another name');
$from = -s $node->logfile;
alone('DROP DATABASE fourth', 'dropped');
until_running($node, '', 'it is gone');
$node->safe_psql('postgres', 'SELECT booking.start_worker()');
until_running($node, 'postgres', 'started once more');
$node->safe_psql('postgres', 'DROP EXTENSION booking');
until_running($node, '', 'it ends with the extension');
$node->wait_for_log(qr/the background worker of booking ends: the extension has been dropped/, $from);
my ($status, $out, $err) = $node->psql('postgres', q{BEGIN; CREATE EXTENSION booking; SELECT booking.start_worker()});
like($err, qr/the background worker has ended at once/, 'not before the extension is committed');

# On a standby there is none, until it is promoted.
$node->safe_psql('postgres', q{CREATE EXTENSION booking});
$node->adjust_conf('postgresql.conf', 'booking.databases', "'postgres'");
$node->reload;
until_running($node, 'postgres', 'the list is longer again');
($status, $out, $err) = $node->psql('postgres', 'SELECT booking.stop_worker()');
like($err, qr/the background worker of this database is started by the server/, 'stop_worker() is not for that one');
$node->safe_psql('postgres', $setup =~ s/1 second/1 hour/r);
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('worker_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'booking%'}), 0, 'none on a standby');
($status, $out, $err) = $standby->psql('postgres', 'SELECT booking.start_worker()');
like($err, qr/booking\.start_worker\(\) writes, and this server is a standby/, 'nor on demand');
$node->stop('fast');
$standby->promote;
until_running($standby, 'postgres', 'begins with the promotion');
$standby->safe_psql('postgres', q{UPDATE booking.booking SET expires_at = now() + interval '1 ms' WHERE status = 'held'});
ok($standby->poll_query_until('postgres', $moved), 'and does its work');
$standby->stop('fast');
done_testing();
