# What the tests with many clients at once have in common.

package Crowds;

use strict;
use warnings FATAL => 'all';

use Exporter qw(import);

use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT_OK = qw(complaints is_not_logged until_gone without_full_pool);

# PostgreSQL::Test names every session after the test.  Without that, those of pgbench are called pgbench.
delete $ENV{PGAPPNAME};

# The clients of one run of pgbench are gone: the next run is not to find their connections still taken,
# and no other session what they had in progress.
sub until_gone
{
	my ($node, $name) = @_;
	$name //= 'pgbench';
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = '$name'")
		or die 'pgbench is gone and its connections are not';
	return;
}

# The messages of a kind in a server's log, from a position on: each with the lines that belong to it, such
# as DETAIL and STATEMENT.  Without the transactions that PostgreSQL had no room for at SERIALIZABLE (below),
# and without the warning that a worker of autovacuum has got no processor for a minute.
sub complaints
{
	my ($node, $pattern, $from) = @_;
	my $begins = qr/^(?=\d{4}-\d\d-\d\d [^\n]*? (?:DEBUG\d?|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC):  |TRAP: )/m;
	my @messages = split($begins, slurp_file($node->logfile, $from // 0));
	return grep { /$pattern/ && !/not enough elements in RWConflictPool|autovacuum worker took too long to start/ } @messages;
}

# A test that there is no message of that kind, which shows those that there are.
sub is_not_logged
{
	my ($node, $pattern, $what, $from) = @_;
	my @said = complaints($node, $pattern, $from);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(scalar(@said), 0, $what) || diag(join('', @said[0 .. ($#said > 4 ? 4 : $#said)]));
}

# The output of pgbench or a server's log, without the transactions that PostgreSQL had no room for at SERIALIZABLE.
# It keeps the conflicts of such transactions in a pool of a fixed size, and the oldest transaction in
# progress makes it keep those of all others: where that transaction's process gets no processor for seconds,
# the pool is full before it ends.  A transaction is then told 53200 instead of 40001, by any
# statement, whatever else is installed; and pgbench does not go on with that client.
sub without_full_pool
{
	my ($said) = @_;
	return $said unless $said =~ s/^.*not enough elements in RWConflictPool.*\n?//gm;
	$said =~ s/^.*Run was aborted; the above results are incomplete.*\n?//gm;
	return $said;
}

1;
