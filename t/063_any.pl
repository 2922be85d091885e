# 64 clients want any of 50 things at once: courts for an hour, or places in the slots of a day.  None
# is allowed to commit until there are fifty transactions that have got one each.  So none of these can have
# waited for another one.  The other fourteen wait by then, each for one transaction; when they are let
# go, all of them are refused: nothing has been given up, and nothing new has come.
#
# Then each call is a transaction of its own, round after round.

use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib "$FindBin::RealBin/lib";
use Crowds qw(is_not_logged until_gone);

my $node = PostgreSQL::Test::Cluster->new('any');
$node->init;
$node->append_conf('postgresql.conf', "max_connections = 500\nfsync = off\ndeadlock_timeout = 100ms\nlog_min_messages = warning");
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION booking CASCADE;
SELECT booking.create_resource('court ' || n, category => 'court') FROM generate_series(1, 50) AS n;
SELECT booking.create_resource('doctor', slots_only => true);
SELECT count(*) FROM booking.publish_slots('doctor', '[2030-01-07 09:00, 2030-01-07 09:05)', '5 minutes', '2030-01-07 13:10');
SELECT booking.create_resource('bus', 'seated', seats => (SELECT array_agg(n::text) FROM generate_series(1, 50) AS n));
CREATE TABLE answers (got int);
});

my $number = 0;
sub script
{
	my $file = $node->basedir . '/any' . ++$number . '.sql';
	append_to_file($file, $_[0]);
	return $file;
}
sub pgbench { return ('pgbench', '-n', '-c', 64, '-j', 2, '-t', 1, '-f', $_[0], '-p', $node->port, '-h', $node->host, 'postgres') }

# At most so many wait for the lock that the test has, and all others for another.
my $WAITING = q{SELECT count(*) FILTER (WHERE locktype = 'advisory' AND (classid, objid, objsubid) = (0, 4711, 1)) || ' ' ||
	count(DISTINCT pid) FILTER (WHERE NOT (locktype = 'advisory' AND (classid, objid, objsubid) = (0, 4711, 1))) FROM pg_locks WHERE NOT granted};

for my $case (
	[ 'courts', q{booking.try_book_any(NULL, '[2030-01-07 09:00, 2030-01-07 10:00)', 'c' || :client_id::int, category => 'court')}, 'resource_id' ],
	[ 'slots', q{booking.try_book_any_place(ARRAY['doctor'], '[2030-01-07, 2030-01-08)', 'c' || :client_id::int)}, 'slot_id' ],
	[ 'seats', q{booking.try_book_slot('bus', '[2030-01-07 09:00, 2030-01-07 10:00)', 'c' || :client_id::int)}, 'seat_no' ])
{
	my ($name, $call, $thing) = @$case;
	my $gate = $node->background_psql('postgres');
	$gate->query_safe('SELECT pg_advisory_lock(4711)');
	my ($out, $err) = ('', '');
	my $clients = IPC::Run::start([ pgbench(script(qq{BEGIN;
SELECT count(*) AS got FROM $call \\gset
INSERT INTO answers VALUES (:got);
\\if :got
SELECT pg_advisory_xact_lock_shared(4711);
\\endif
COMMIT;
})) ], '<', \undef, '>', \$out, '2>', \$err);
	ok($node->poll_query_until('postgres', $WAITING, '50 14'), "$name: fifty have one, while none has committed; fourteen wait");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM booking.booking'), 0, "$name: none has");
	$gate->query_safe('SELECT pg_advisory_unlock(4711)');
	$clients->finish;
	until_gone($node);
	$gate->quit;
	unlike($err, qr/ERROR|FATAL|aborted/, "$name: no error");
	is($node->safe_psql('postgres', 'SELECT got, count(*) FROM answers GROUP BY 1 ORDER BY 1'), "0|14\n1|50", "$name: fifty, and fourteen times no");
	is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT $thing) FROM booking.booking"), '50|50', "$name: each once");
	$node->safe_psql('postgres', 'TRUNCATE answers; DELETE FROM booking.booking');

	my $rounds = script("SELECT count(*) AS got FROM $call \\gset\nINSERT INTO answers VALUES (:got);\n");
	my @odd;
	for my $round (1 .. 5)
	{
		my ($said, $wrong) = run_command([ pgbench($rounds) ]);
		until_gone($node);
		my $answers = $node->safe_psql('postgres', "SELECT (SELECT string_agg(got || ':' || n, ' ' ORDER BY got) FROM (SELECT got, count(*) AS n FROM answers GROUP BY 1) AS a) || ' ' || count(DISTINCT $thing) FROM booking.booking");
		push @odd, "round $round: $answers $wrong" if $answers ne '0:14 1:50 50' || $wrong =~ /ERROR|FATAL|aborted/;
		$node->safe_psql('postgres', 'TRUNCATE answers; DELETE FROM booking.booking');
	}
	is("@odd", '', "$name: the same without a transaction around it");
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM booking.verify()'), 0, 'verify() agrees');
is_not_logged($node, qr/deadlock detected|PANIC|TRAP|WARNING/, 'nothing in the log');

$node->stop;
done_testing();
