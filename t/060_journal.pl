# A reader of the journal misses nothing, whichever transaction commits late, and gets each booking's events in
# the order in which it was changed; also from a standby, and in another cluster that a dump
# was restored into.  Workers of a subscriber share the events, whichever is killed.

use strict;
use warnings FATAL => 'all';

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $clients = $ENV{BOOKING_CLIENTS} // 16;
my $seconds = $ENV{BOOKING_SOAK} // 4;

my $node = PostgreSQL::Test::Cluster->new('journal');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "max_connections = @{[ $clients + 30 ]}\nfsync = off\nautovacuum = off");
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION booking CASCADE;
SELECT booking.create_resource('pool', 'pooled', 1000000);
SELECT booking.book_slot('pool', '[2040-01-01, 2040-01-02)', 'shared ' || n) FROM generate_series(1, 10) AS n;
});
$node->backup('base');

# A transaction has its id long before it changes what others change meanwhile, and is
# committed some time later; a third are rolled back.
my $script = $node->basedir . '/change.sql';
append_to_file($script, q{
\set mine random(1, 10)
\set first random(0, 8)
\set then random(0, 8)
\set dice random(1, 9)
BEGIN;
SELECT id FROM booking.book_slot('pool', '[2040-01-01, 2040-01-02)', 'own') \gset
SELECT pg_sleep(:first / 1000.0);
UPDATE booking.booking SET data = jsonb_build_object('n', random()) WHERE holder = 'shared ' || :mine;
UPDATE booking.booking SET data = '{"again": 1}' WHERE id = ':id';
\if :dice = 1
SAVEPOINT s;
SELECT FROM booking.cancel(':id');
ROLLBACK TO s;
\endif
SELECT pg_sleep(:then / 1000.0);
\if :dice <= 3
ROLLBACK;
\else
COMMIT;
\endif
});

sub changing
{
	my ($for) = @_;
	my $log = '';
	return IPC::Run::start(
		[ 'pgbench', '-n', '-c', $clients, '-j', 2, '-T', $for, '-f', $script,
			'-h', $node->host, '-p', $node->port, 'postgres' ], '>', \$log, '2>', \$log);
}

# Reads on from a cursor, and notes what comes.
sub read_on
{
	my ($server, $cursor, $heard) = @_;
	my $after = defined $cursor ? "'$cursor'" : 'NULL';
	foreach my $line (split /\n/, $server->safe_psql('postgres',
		"SELECT cursor, seq, booking_id, version FROM booking.read_events($after, 500)"))
	{
		my ($now, $seq, $booking, $version) = split /\|/, $line;
		push @$heard, [ $seq, $booking, $version ];
		$cursor = $now;
	}
	return $cursor;
}

# Each event once, all of them, and of each booking one version after the other.
sub check
{
	my ($heard, $expected, $who) = @_;
	is(join(',', sort { $a <=> $b } map { $_->[0] } @$heard), $expected, "$who: every event, none twice");
	my %version;
	my $disorder = 0;
	foreach my $event (@$heard)
	{
		my (undef, $booking, $version) = @$event;
		$disorder++ unless $version == ($version{$booking} // 0) + 1;
		$version{$booking} = $version;
	}
	is($disorder, 0, "$who: of each booking in order");
}

# Workers of one subscriber.  What each handles, and what is done, in one order.
$node->safe_psql('postgres', q{
SELECT booking.subscribe('mail', NULL);
UPDATE booking.subscriber SET lease = '500 ms';
CREATE TABLE log (id bigint GENERATED ALWAYS AS IDENTITY, done boolean, seq bigint, booking_id uuid, version integer);
CREATE TABLE stop ();
CREATE PROCEDURE work() LANGUAGE plpgsql AS $$
DECLARE
	last text;
BEGIN
	WHILE NOT EXISTS (SELECT FROM stop) LOOP
		WITH mine AS (SELECT * FROM booking.next_events('mail', 20)),
			handled AS (INSERT INTO log (done, seq, booking_id, version) SELECT false, m.seq, m.booking_id, m.version FROM mine m)
		SELECT m.cursor INTO last FROM mine m ORDER BY split_part(m.cursor, '.', 3)::bigint DESC, m.seq DESC LIMIT 1;
		COMMIT;
		PERFORM pg_sleep(random() / 50);
		CONTINUE WHEN last IS NULL;
		BEGIN
			PERFORM booking.done('mail', last);
			INSERT INTO log (done, seq, booking_id, version)
				SELECT true, e.seq, e.booking_id, e.version FROM booking.event e
				JOIN booking.subscriber_lane l ON l.lane = split_part(last, '.', 1)::integer
				WHERE booking.lane_of(e.booking_id, 8) = l.lane AND (e.position, e.seq) <= (l.position, l.seq)
					AND NOT EXISTS (SELECT FROM log WHERE done AND log.seq = e.seq);
		EXCEPTION WHEN object_not_in_prerequisite_state THEN
			NULL;			-- too late: another worker has them
		END;
		COMMIT;
	END LOOP;
END
$$});
my @workers;
sub worker
{
	my ($n) = @_;
	my $log = '';
	$workers[$n] = IPC::Run::start([ 'psql', '-Xq', '-d', $node->connstr('postgres') . " application_name=worker$n", '-c', 'CALL work()' ],
		'>', \$log, '2>', \$log);
}
sub kill_worker
{
	my ($n) = @_;
	$node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'worker$n')") or die "worker $n does not come";
	my $killed = $node->safe_psql('postgres', "SELECT count(pg_terminate_backend(pid, 180000)) FROM pg_stat_activity WHERE application_name = 'worker$n'");
	$workers[$n]->finish;
	worker($n);
	return $killed;
}

my $standby = PostgreSQL::Test::Cluster->new('journal_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

my $changing = changing($seconds);
worker($_) for 0 .. 2;
my ($victim, $killed) = (0, 0);
my (@heard, @heard_there);
my ($cursor, $cursor_there);
# Until there was something to read, and a worker to kill: on a busy machine that takes longer.
for (my $round = 1; $changing->pumpable || ($round < 50 && (@heard <= 100 || $killed <= 3)); )
{
	if (!$changing->pumpable)
	{
		$changing->finish or die 'pgbench has failed';
		$changing = changing($seconds);
		$round++;
	}
	$changing->pump_nb;
	$cursor = read_on($node, $cursor, \@heard);
	$cursor_there = read_on($standby, $cursor_there, \@heard_there);
	$killed += kill_worker($victim++ % 3);
}
ok($changing->finish, 'all have changed what they wanted');
cmp_ok(scalar @heard, '>', 100, 'there was something to hear meanwhile');
# A transaction of a worker in progress keeps what is later from being read, too.
$node->poll_query_until('postgres', 'SELECT events_behind = 0 FROM booking.subscriber_stats') or die 'the workers never finish';
$node->safe_psql('postgres', 'ALTER TABLE stop ADD n integer; INSERT INTO stop VALUES (1)');
$_->finish for @workers;
$node->wait_for_catchup($standby);
my $all = $node->safe_psql('postgres', q{SELECT string_agg(seq::text, ',' ORDER BY seq) FROM booking.event});
for (my $before = -1; $before < @heard;) { $before = @heard; $cursor = read_on($node, $cursor, \@heard); last if $before == @heard; }
for (my $before = -1; $before < @heard_there;) { $before = @heard_there; $cursor_there = read_on($standby, $cursor_there, \@heard_there); last if $before == @heard_there; }
check(\@heard, $all, 'on the server');
check(\@heard_there, $all, 'on a standby');
$standby->stop;

cmp_ok($killed, '>', 3, 'workers were killed');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT seq::text, ',') FROM log l WHERE NOT done
	HAVING count(DISTINCT seq) <> (SELECT count(*) FROM booking.event)}), '', 'workers: every event');
is($node->safe_psql('postgres', q{SELECT count(*) FROM log d JOIN log l USING (seq) WHERE d.done AND NOT l.done AND l.id > d.id}),
	0, 'workers: nothing that was done comes again');
is($node->safe_psql('postgres', q{SELECT count(*) FROM (
	SELECT booking_id, version, row_number() OVER (PARTITION BY booking_id ORDER BY min(id)) AS n FROM log WHERE NOT done GROUP BY 1, 2) AS first
	WHERE n <> version}), 0, 'workers: of each booking in order');
note($node->safe_psql('postgres', q{SELECT format('%s events, handled %s times, %s workers killed', count(DISTINCT seq), count(*), } . $killed . q{) FROM log WHERE NOT done}));
$node->safe_psql('postgres', 'DROP PROCEDURE work; DROP TABLE log, stop');

# A cursor of before, and a reader that begins anew, in a cluster whose ids are lower.
my $half = $node->safe_psql('postgres', q{SELECT cursor FROM booking.read_events(max => 1000000) OFFSET 50 LIMIT 1});
my $rest = $node->safe_psql('postgres', "SELECT string_agg(seq::text, ',') FROM booking.read_events('$half', 1000000)");
my $highest = $node->safe_psql('postgres', 'SELECT max(position) FROM booking.event');
my $dump = $node->basedir . '/dump';
command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-h', $node->host, '-p', $node->port, 'postgres' ], 'dumped');
my $other = PostgreSQL::Test::Cluster->new('journal_other');
$other->init;
$other->append_conf('postgresql.conf', 'autovacuum = off');
$other->start;
cmp_ok($other->safe_psql('postgres', 'SELECT txid_snapshot_xmax(txid_current_snapshot())'), '<', $highest, 'a cluster with lower ids');
command_ok([ 'pg_restore', '--exit-on-error', '-d', 'postgres', '-h', $other->host, '-p', $other->port, $dump ], 'restored');
is($other->safe_psql('postgres', q{SELECT string_agg(seq::text, ',' ORDER BY seq) FROM booking.event}), $all, 'the same events, and none of the restore');
is($other->safe_psql('postgres', "SELECT string_agg(seq::text, ',') FROM booking.read_events('$half', 1000000)"), $rest, 'a cursor of before goes on');
$other->safe_psql('postgres', q{SELECT booking.book_slot('pool', '[2040-01-01, 2040-01-02)', 'here')});
is($other->safe_psql('postgres', "SELECT holder FROM booking.read_events('$cursor')"), 'here', 'what happens there comes after it');
is($other->safe_psql('postgres', "SELECT holder FROM booking.next_events('mail')"), 'here', 'and to the workers');
is($other->safe_psql('postgres', 'SELECT count(*) FROM booking.verify()'), 0, 'verify() agrees');
$other->stop;
$node->stop;
done_testing();
