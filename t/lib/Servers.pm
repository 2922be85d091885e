# What the tests of servers that are killed have in common.

package Servers;

use strict;
use warnings FATAL => 'all';

use Exporter qw(import);
use IPC::Run ();
use Test::More;
use Time::HiRes ();

our @EXPORT_OK = qw(until_restarted);

# The server has ended that process, and lets in again.  (Without input: psql may end before it reads any.)
sub until_restarted
{
	my ($server, $killed, $what) = @_;
	my $out = '';
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		$out = '';
		my $err = '';
		IPC::Run::run([ 'psql', '-XAtq', '-d', $server->connstr('postgres'), '-c', "SELECT count(*) FROM pg_stat_activity WHERE pid = $killed" ], '>', \$out, '2>', \$err);
		last if $out eq "0\n";
		Time::HiRes::usleep(100_000);
	}
	return is($out, "0\n", $what);
}

1;
