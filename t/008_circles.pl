# Transactions of one statement each, out of the whole SQL surface and at all levels of isolation, by many
# clients that meet all the time: none ends in a deadlock, none in another error that is not a
# refusal, and nothing that is stored is ever wrong.
#
# What may deadlock is left out where it can be, and is what docs/concurrency.md names.  BOOKING_SEED decides
# which statements there are; which of them meet is decided by the machine.  BOOKING_SOAK=seconds goes on
# with the next seeds for so long, and wants every kind of statement to have succeeded, and no deadlock.
# Without it a deadlock is shown and no failure: two statements that nobody knows of yet meet once in
# so many thousands, and a pair that is known has a test of its own (specs/).  BOOKING_CLIENTS and
# BOOKING_STATEMENTS (of each client) make other rounds; BOOKING_ONLY, a regular
# expression, draws only those kinds of statements.

use strict;
use warnings FATAL => 'all';

use FindBin;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib "$FindBin::RealBin/lib";
use Crowds qw(complaints until_gone);
use Surface qw(%LEFT_OUT $LOTS $SETUP $WRONG kinds statement);

my $clients = $ENV{BOOKING_CLIENTS} // 12;
my $statements = $ENV{BOOKING_STATEMENTS} // 200;
my $seconds = $ENV{BOOKING_SOAK} // 0;
my $seed = $ENV{BOOKING_SEED} // 1;
my $only = $ENV{BOOKING_ONLY};

# What a refusal is; 40001 is one above READ COMMITTED.
my %refusal = map { $_ => 1 } qw(23P01 23514 23505 23503 42704 22023 22004 55000), $seconds ? () : '40P01';

# A reader is behind in one of its lanes, and what is read in another one has been archived.
my $harmless = qr/events have been removed that subscriber .* may not have read/;

# Of each kind: how many were done, and how many of each error.
my (%done, %errors);

my $node = PostgreSQL::Test::Cluster->new('circles');
$node->init;
# Each transaction pauses before it ends, with its locks, so that many meet it.  (commit_delay wants
# fsync.)  What takes as long as statement_timeout hangs.
$node->append_conf('postgresql.conf', <<"CONF");
fsync = on
commit_delay = 4000
commit_siblings = 0
max_locks_per_transaction = 10
max_connections = @{[ $clients + 200 ]}
max_pred_locks_per_transaction = 1000
deadlock_timeout = 10ms
statement_timeout = ${PostgreSQL::Test::Utils::timeout_default}s
session_preload_libraries = 'booking'
log_min_messages = warning
booking.archive_share = 100
CONF
$node->start;
$node->safe_psql('template1', $SETUP . $LOTS . $WRONG);

# Every function of the extension takes part, or is one of those that cannot.
srand($seed);
my %called = map { $_ => 1 } map { my (undef, $sql) = statement(); $sql =~ /booking\.(\w+)\(/g } 1 .. 20_000;
is($node->safe_psql('template1', q{
	SELECT string_agg(DISTINCT p.proname, ' ') FROM pg_proc p JOIN pg_type t ON t.oid = p.prorettype
	WHERE p.pronamespace = 'booking'::regnamespace AND t.typname NOT LIKE '%trigger' AND t.typname <> 'internal'
	AND p.proname NOT IN (} . join(', ', map { "'$_'" } sort(keys %called, keys %LEFT_OUT)) . ')'), '', 'the whole surface takes part');

sub file { return $node->basedir . "/client_$_[0].$_[1]" }

# What one client does: a script of psql's, of which each statement says how it ended.
sub script
{
	my ($client) = @_;
	my @all;
	my $text = "\\o /dev/null\n\\set VERBOSITY verbose\nSELECT FROM (SELECT setseed(" . rand() . ")) AS s;\n";
	for my $n (0 .. $statements - 1)
	{
		my ($kind, $sql, $level) = statement($only);
		$level //= (('read committed') x 4, 'repeatable read', 'serializable')[ int(rand(6)) ];
		my %lots = map { $_ => 1 } $sql =~ /(?<!:):'?([a-z_]+)/g;
		$text .= 'SELECT ' . join(', ', map { "$_ AS \"$_\"" } sort keys %lots) . " FROM lots \\gset\n" if %lots;
		$text .= "SET default_transaction_isolation = '$level';\n" if $level ne 'read committed';
		$text .= $sql . ($sql =~ /^COPY/ ? '' : ";\n") . "\\echo $n :SQLSTATE :ROW_COUNT\n";
		$text .= "RESET default_transaction_isolation;\n" if $level ne 'read committed';
		push @all, { kind => $kind, sql => $sql, level => $level };
	}
	open(my $fh, '>', file($client, 'sql')) or die $!;
	print $fh $text;
	close $fh;
	return \@all;
}

# What is wrong with how a statement has ended.
sub judge
{
	my ($statement, $state, $rows) = @_;
	if ($state eq '00000')
	{
		$done{ $statement->{kind} }++ if $rows > 0 || $statement->{kind} =~ /^(additions|archive_before|verify|wrong)$/;
		$done{ $statement->{kind} } //= 0;
		return;
	}
	$errors{ $statement->{kind} }{$state}++;
	return if $refusal{$state} || ($state eq '40001' && $statement->{level} ne 'read committed');
	return "$state by $statement->{sql} ($statement->{level})";
}

sub round
{
	my ($n) = @_;
	my $database = "round_$n";
	my $log = -s $node->logfile;

	srand($n);
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	my @scripts = map { script($_) } 1 .. $clients;
	my @running = map {
		IPC::Run::start(
			[ 'psql', '-X', '-q', '-d', $node->connstr($database) . ' application_name=circles', '-f', file($_, 'sql') ],
			'<', \undef, '>', file($_, 'out'), '2>', file($_, 'err'))
	} 1 .. $clients;
	my @bad;
	for my $client (1 .. $clients)
	{
		$running[ $client - 1 ]->finish or push @bad, "client $client has ended with " . $running[ $client - 1 ]->result;
		my @ends = grep { /^\d+ \w{5} \d+$/ } split(/\n/, slurp_file(file($client, 'out')));
		push @bad, "client $client has done " . @ends . " statements of $statements" if @ends != $statements;
		foreach my $end (@ends)
		{
			my ($number, $state, $rows) = split(/ /, $end);
			my $fault = judge($scripts[ $client - 1 ][$number], $state, $rows);
			push @bad, $fault if defined $fault;
		}
		# Of the drawing of lots too, and what psql itself does not understand.
		push @bad, grep { /(?:FATAL|PANIC|WARNING|error):/ && !/$harmless/ || /ERROR:  (\w{5})/ && !$refusal{$1} && $1 ne '40001' } split(/\n/, slurp_file(file($client, 'err')));
	}
	until_gone($node, 'circles');
	push @bad, grep { !/$harmless/ } complaints($node, qr/(?:FATAL|PANIC|WARNING):|TRAP: |terminated by signal/, $log);
	my @deadlocks = complaints($node, qr/deadlock detected/, $log);
	push(@bad, @deadlocks) if $seconds;
	diag(@deadlocks) if @deadlocks;
	my $ok = is(scalar(@bad), 0, "seed $n: no error but refusals");
	$node->safe_psql($database, 'SELECT look()');
	$ok &= is($node->safe_psql($database, 'SELECT * FROM seen LIMIT 5'), '', "seed $n: nothing was ever wrong");
	# A rule may have changed under an entry, which may wait for more than there is; and a call that is
	# repeated with its id may come when that booking has been archived.
	$ok &= is($node->safe_psql($database, q{SELECT * FROM booking.verify() WHERE problem <> 'waitlist entry that cannot be served'
		AND NOT (problem = 'booking that is in the archive as well' AND booking_id::text LIKE 'a0%')}), '', "seed $n: verify() agrees");
	if (!$ok)
	{
		diag("BOOKING_SEED=$n BOOKING_CLIENTS=$clients BOOKING_STATEMENTS=$statements" . ($only ? " BOOKING_ONLY='$only'" : ''));
		diag(join("\n", @bad[ 0 .. ($#bad > 30 ? 30 : $#bad) ]));
		return;
	}
	$node->safe_psql('postgres', "DROP DATABASE $database");
	return 1;
}

my $end = time + $seconds;
my $rounds = 0;
do
{
	round($seed++);
	$rounds++;
} while (time < $end && $node->poll_query_until('postgres', 'SELECT true'));

if ($seconds)
{
	my @never;
	foreach my $kind (kinds())
	{
		my $refused = join(' ', map { "$_: $errors{$kind}{$_}" } sort keys %{ $errors{$kind} // {} });
		note(sprintf('%-32s %6d  %s', $kind, $done{$kind} // 0, $refused));
		push @never, $kind unless $done{$kind} || ($only && $kind !~ /$only/);
	}
	note("$rounds rounds of $clients clients with $statements statements each, the last of seed " . ($seed - 1));
	is(join(', ', @never), '', 'each kind of statement has succeeded') if $seconds >= 60;
}

$node->stop;
done_testing();
