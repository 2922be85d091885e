# Many book, hold and give back; a worker sweeps and notifies, and readers follow the notifications.
# The worker is killed, and so is the server: nothing is lost, nothing happens twice.

use strict;
use warnings FATAL => 'all';

use FindBin;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib "$FindBin::RealBin/lib";
use Servers qw(until_restarted);

my $clients = $ENV{BOOKING_CLIENTS} // 8;
my $seconds = $ENV{BOOKING_SOAK} // 3;

my $node = PostgreSQL::Test::Cluster->new('worker_crash');
$node->init;
$node->append_conf('postgresql.conf', qq{
max_connections = @{[ $clients + 30 ]}
fsync = off
restart_after_crash = on
autovacuum = off
shared_preload_libraries = 'booking'
booking.databases = 'postgres'
booking.worker_tick = 20
});
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION booking CASCADE;
SELECT booking.create_resource('pool ' || n, 'pooled', 3) FROM generate_series(1, 4) AS n;
SELECT booking.subscribe('mail', NULL);
CREATE TABLE handled (id bigint GENERATED ALWAYS AS IDENTITY, seq bigint, booking_id uuid, version integer);
});

my $script = $node->basedir . '/change.sql';
append_to_file($script, q{
\set pool random(1, 4)
\set day random(1, 20)
\set dice random(1, 4)
\set wait random(0, 5)
BEGIN;
\if :dice = 1
SELECT FROM booking.try_book_slot('pool ' || :pool, tstzrange('2040-01-01'::timestamptz + :day * interval '1 day', '2040-01-02'::timestamptz + :day * interval '1 day'), 'holds', hold_for => '50 ms');
\elif :dice = 2
SELECT FROM booking.wait_for_slot('pool ' || :pool, tstzrange('2040-01-01'::timestamptz + :day * interval '1 day', '2040-01-02'::timestamptz + :day * interval '1 day'), 'waits', offer_for => '50 ms');
\elif :dice = 3
SELECT FROM booking.try_book_slot('pool ' || :pool, tstzrange('2040-01-01'::timestamptz + :day * interval '1 day', '2040-01-02'::timestamptz + :day * interval '1 day'), 'books');
\else
UPDATE booking.booking SET status = 'cancelled' WHERE id = (SELECT id FROM booking.booking WHERE status = 'confirmed' LIMIT 1 FOR UPDATE SKIP LOCKED);
\endif
SELECT pg_sleep(:wait / 1000.0);
COMMIT;
});

# A reader that sleeps until it is notified, and reads on from its cursor.
my (@heard, $cursor, $listener, $told);
sub listen_again
{
	$listener->quit if $listener;
	$listener = $node->background_psql('postgres');
	# So long for each query, and not for all.
	$listener->set_query_timer_restart();
	$listener->query_safe('LISTEN booking');
	read_on();
}
sub read_on
{
	my $more = 1;
	while ($more)
	{
		my $after = defined $cursor ? "'$cursor'" : 'NULL';
		$more = 0;
		foreach my $line (split /\n/, $node->safe_psql('postgres', "SELECT cursor, seq, booking_id, version FROM booking.read_events($after, 500)"))
		{
			my ($now, $seq, $booking, $version) = split /\|/, $line;
			push @heard, [ $seq, $booking, $version ];
			$cursor = $now;
			$more = 1;
		}
	}
}
sub follow
{
	return if $listener->query('SELECT 1') !~ /Asynchronous notification/;
	$told++;
	read_on();
}
# And one that keeps its place in the database.
sub handle
{
	return $node->psql('postgres', q{
BEGIN;
WITH mine AS MATERIALIZED (SELECT * FROM booking.next_events('mail', 200)),
	noted AS (INSERT INTO handled (seq, booking_id, version) SELECT seq, booking_id, version FROM mine ORDER BY version)
SELECT cursor FROM mine ORDER BY split_part(cursor, '.', 3)::bigint DESC, seq DESC LIMIT 1 \gset
SELECT booking.done('mail', :'cursor');
COMMIT;
});
}
sub changing
{
	my $log = '';
	return IPC::Run::start([ 'pgbench', '-n', '-c', $clients, '-j', 2, '-T', $seconds, '-f', $script,
			'-h', $node->host, '-p', $node->port, 'postgres' ], '>', \$log, '2>', \$log);
}
my $worker_pid = q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'booking worker'};

foreach my $victim ('worker', 'server', 'nobody')
{
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM ($worker_pid) AS w") or die 'no worker';
	my $worker = $node->safe_psql('postgres', $worker_pid);
	my $before = @heard;
	$told = 0;
	listen_again();
	my $changing = changing();
	# On a busy machine it takes longer until there was something to notify.
	for (my $round = 1; $round < 50 && ($told < 5 || ($victim eq 'nobody' && $changing->pumpable)); )
	{
		if (!$changing->pumpable)
		{
			$changing->finish;
			$changing = changing();
			$round++;
		}
		$changing->pump_nb;
		follow();
		handle();
	}
	cmp_ok($told, '>', 1, "$victim: told of what happened");
	cmp_ok(scalar @heard, '>', $before, "$victim: and has read it");
	if ($victim eq 'worker')
	{
		is(system('kill', '-KILL', $worker), 0, 'the worker is killed');
		until_restarted($node, $worker, 'and the server has restarted');
	}
	elsif ($victim eq 'server')
	{
		$node->stop('immediate');
		$node->start;
	}
	$changing->finish;
	undef $listener if $victim ne 'nobody';
}

# All holds lapse, and are notified.
$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM booking.booking WHERE status = 'held' AND expires_at < now() - interval '5 seconds'}) or die 'holds are not swept';
$node->safe_psql('postgres', q{ALTER SYSTEM SET booking.databases = ''; SELECT pg_reload_conf()});
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM ($worker_pid) AS w") or die;
read_on();
while ($node->safe_psql('postgres', 'SELECT events_behind FROM booking.subscriber_stats') > 0) { handle(); }
my $all = $node->safe_psql('postgres', q{SELECT string_agg(seq::text, ',' ORDER BY seq) FROM booking.event});
is(join(',', sort { $a <=> $b } map { $_->[0] } @heard), $all, 'a reader that listened has every event once');
my (%version, $disorder);
$disorder = 0;
foreach my $event (@heard)
{
	$disorder++ unless $event->[2] == ($version{ $event->[1] } // 0) + 1;
	$version{ $event->[1] } = $event->[2];
}
is($disorder, 0, 'of each booking in order');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT seq::text, ',') FROM booking.event e WHERE NOT EXISTS (SELECT FROM handled h WHERE h.seq = e.seq)}), '',
	'the subscriber has every event');
is($node->safe_psql('postgres', q{SELECT count(*) FROM (SELECT seq FROM handled GROUP BY seq HAVING count(*) > 1) AS twice}), 0, 'handled and done in one transaction: once');
is($node->safe_psql('postgres', q{SELECT count(*) FROM (SELECT booking_id FROM booking.event WHERE kind = 'expired' GROUP BY booking_id HAVING count(*) > 1) AS twice}), 0,
	'no hold lapses twice');
is($node->safe_psql('postgres', q{SELECT count(*) FROM booking.booking b WHERE status = 'expired' AND NOT EXISTS (
	SELECT FROM booking.event e WHERE e.booking_id = b.id AND e.kind = 'expired')}), 0, 'nor unheard');
is($node->safe_psql('postgres', q{SELECT count(*) FROM booking.verify()}), 0, 'verify() agrees');
cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM booking.event WHERE actor = 'booking worker' AND kind = 'expired'}), '>', 0, 'the worker has marked holds');
note(scalar(@heard) . ' events');
$node->stop;
done_testing();
