# A coordinator and workers with Citus, for the tests that need them.
#
# Citus is not part of Debian: BOOKING_CITUS_PG_CONFIG names the pg_config of a PostgreSQL that
# has it, and into which this checkout may be installed.  Where there is none, a file of tests
# says so, in one line, and skips them.

package CitusNodes;

use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# cluster/mutants has no use for what comes after the first test that fails.
if ($ENV{BOOKING_FIRST_FAILURE})
{
	my $ok = \&Test::Builder::ok;
	no warnings 'redefine';
	*Test::Builder::ok = sub { $ok->(@_) or exit 1 };
}

# The pg_config of a PostgreSQL with Citus, or undef.
sub pg_config
{
	my $path = $ENV{BOOKING_CITUS_PG_CONFIG} or return;
	chomp(my $share = `'$path' --sharedir 2>/dev/null`);
	die "BOOKING_CITUS_PG_CONFIG: there is no citus.control in $share/extension\n" unless -e "$share/extension/citus.control";
	return $path;
}

# For a file without Citus: one skipped test, and why.
sub skip_all_tests
{
	my ($why) = 'no Citus here: BOOKING_CITUS_PG_CONFIG names no pg_config of a PostgreSQL that has it';
	diag("$0: $why");
	plan(tests => 1);
  SKIP: { skip($why, 1); }
	exit 0;
}

# Builds a copy of this checkout, and installs it.
sub install_booking
{
	my $copy = PostgreSQL::Test::Utils::tempdir('sources');
	my $top = dirname(abs_path(__FILE__)) . '/../..';
	system("cd '$top' && tar cf - --exclude='*.o' --exclude='*.bc' --exclude='*.so' Makefile booking.control booking--*.sql src \$(ls -d cluster 2>/dev/null) | tar xf - -C '$copy'") == 0 or die 'no copy of the sources';
	for my $folder ('.', -d "$copy/cluster" ? 'cluster' : ())
	{
		system("make -s -C '$copy/$folder' PG_CONFIG='" . pg_config() . "' with_llvm=no install >'$copy/log' 2>&1") == 0
		  or die 'could not install: ' . slurp_file("$copy/log");
	}
	return;
}

# start(workers, settings, options of initdb): a coordinator and so many workers, in one cluster;
# $nodes[0] is the coordinator.
sub start
{
	my ($workers, $settings, @initdb) = @_;
	chomp(my $bindir = `'@{[pg_config()]}' --bindir`);
	my @nodes;

	install_booking();
	for my $i (0 .. $workers)
	{
		my $node = PostgreSQL::Test::Cluster->new($i ? "worker$i" : 'coordinator', install_path => dirname($bindir), own_host => 0);
		$node->init(auth_extra => [], extra => \@initdb);
		unlink($node->data_dir . '/pg_hba.conf');
		$node->append_conf('pg_hba.conf', "local all all trust\nhost all all 127.0.0.1/32 trust");
		$node->append_conf('postgresql.conf', join("\n", "listen_addresses = '127.0.0.1'", q{shared_preload_libraries = 'citus'},
			'fsync = off', q{timezone = 'UTC'}, 'max_prepared_transactions = 100', 'wal_level = logical', 'max_wal_senders = 10', 'max_connections = 150',
			q{citus.node_conninfo = 'sslmode=disable'}, q{citus.enable_unsafe_triggers = on}, 'citus.shard_count = 8', q{citus.recover_2pc_interval = '2s'},
			q{client_min_messages = 'warning'}, $settings // ''));
		$node->start;
		$node->safe_psql('postgres', 'CREATE EXTENSION citus');
		push @nodes, $node;
	}
	$nodes[0]->safe_psql('postgres', sprintf(q{SELECT citus_set_coordinator_host('127.0.0.1', %d)}, $nodes[0]->port));
	$nodes[0]->safe_psql('postgres', sprintf(q{SELECT citus_add_node('127.0.0.1', %d)}, $_->port)) for @nodes[1 .. $workers];
	return @nodes;
}

# Runs again and again pgbench with a script, for so many seconds: it ends a client at the first
# refusal.  Prints each error.
my $AGAIN = q{
use strict; use warnings;
my ($seconds, @command) = @ARGV;
my $until = time + $seconds;
while (time < $until)
{
	my $out = `@command 2>&1`;
	print "$_\n" for $out =~ /(?:ERROR|FATAL|PANIC|error):\s+(.*)/g;
	select(undef, undef, undef, 0.3) if $out =~ /connection to server/;
}
};

# begin_storm(nodes, seconds, clients of each script at each node, scripts by name)
sub begin_storm
{
	my ($nodes, $seconds, $clients, $scripts) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir('scripts');
	my @running;

	PostgreSQL::Test::Utils::append_to_file("$folder/again.pl", $AGAIN);
	for my $name (keys %$scripts)
	{
		(my $file = "$folder/$name.sql") =~ tr/ /_/;
		PostgreSQL::Test::Utils::append_to_file($file, $scripts->{$name});
		for my $node (@$nodes)
		{
			my $out = '';
			push @running, { out => \$out, handle => IPC::Run::start(
				[ $^X, "$folder/again.pl", $seconds, $node->installed_command('pgbench'), '-n', '-h', $node->host, '-p', $node->port,
					'-T', 3, '-c', $clients, '-f', $file, 'postgres' ], '<', \undef, '>', \$out) };
		}
	}
	return \@running;
}

# The errors of all of them.
sub end_storm
{
	my ($running) = @_;
	my @errors;

	for my $run (@$running)
	{
		IPC::Run::finish($run->{handle});
		push @errors, split /\n/, ${ $run->{out} };
	}
	return @errors;
}

sub storm { return end_storm(begin_storm(@_)); }

1;
