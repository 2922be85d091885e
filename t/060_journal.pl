# Who reads the journal misses nothing, whoever commits late, and hears of each booking in
# the order in which it was changed; also from a standby, and in another cluster that a dump
# was restored into.

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
$node->append_conf('postgresql.conf', "max_connections = @{[ $clients + 30 ]}\nfsync = off");
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

my $standby = PostgreSQL::Test::Cluster->new('journal_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

my $changing = changing($seconds);
my (@heard, @heard_there);
my ($cursor, $cursor_there);
while ($changing->pumpable)
{
	$changing->pump_nb;
	$cursor = read_on($node, $cursor, \@heard);
	$cursor_there = read_on($standby, $cursor_there, \@heard_there);
}
ok($changing->finish, 'all have changed what they wanted');
cmp_ok(scalar @heard, '>', 100, 'there was something to hear meanwhile');
$node->wait_for_catchup($standby);
my $all = $node->safe_psql('postgres', q{SELECT string_agg(seq::text, ',' ORDER BY seq) FROM booking.event});
for (my $before = -1; $before < @heard;) { $before = @heard; $cursor = read_on($node, $cursor, \@heard); last if $before == @heard; }
for (my $before = -1; $before < @heard_there;) { $before = @heard_there; $cursor_there = read_on($standby, $cursor_there, \@heard_there); last if $before == @heard_there; }
check(\@heard, $all, 'on the server');
check(\@heard_there, $all, 'on a standby');
$standby->stop;

# A cursor of before, and a reader that begins anew, in a cluster whose ids are lower.
my $half = $node->safe_psql('postgres', q{SELECT cursor FROM booking.read_events(max => 1000000) OFFSET 50 LIMIT 1});
my $rest = $node->safe_psql('postgres', "SELECT string_agg(seq::text, ',') FROM booking.read_events('$half', 1000000)");
my $highest = $node->safe_psql('postgres', 'SELECT max(position) FROM booking.event');
my $dump = $node->basedir . '/dump';
command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-h', $node->host, '-p', $node->port, 'postgres' ], 'dumped');
my $other = PostgreSQL::Test::Cluster->new('journal_other');
$other->init;
$other->start;
cmp_ok($other->safe_psql('postgres', 'SELECT txid_snapshot_xmax(txid_current_snapshot())'), '<', $highest, 'a cluster with lower ids');
command_ok([ 'pg_restore', '--exit-on-error', '-d', 'postgres', '-h', $other->host, '-p', $other->port, $dump ], 'restored');
is($other->safe_psql('postgres', q{SELECT string_agg(seq::text, ',' ORDER BY seq) FROM booking.event}), $all, 'the same events, and none of the restore');
is($other->safe_psql('postgres', "SELECT string_agg(seq::text, ',') FROM booking.read_events('$half', 1000000)"), $rest, 'a cursor of before goes on');
$other->safe_psql('postgres', q{SELECT booking.book_slot('pool', '[2040-01-01, 2040-01-02)', 'here')});
is($other->safe_psql('postgres', "SELECT holder FROM booking.read_events('$cursor')"), 'here', 'what happens there comes after it');
is($other->safe_psql('postgres', 'SELECT count(*) FROM booking.verify()'), 0, 'verify() agrees');
$other->stop;
$node->stop;
done_testing();
