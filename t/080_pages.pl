# The pages of examples/seatmap and examples/calendar, end to end: their server against a database of its own, and
# headless Chromium before it (t/pages/*.mjs, each of which says what it checks).  Debian's chromium and nodejs, npm's
# pg, playwright-core and axe-core: where they are not here and cannot be had, it is skipped, with a line that says so.

use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $here = dirname(abs_path($0));
my $examples = "$here/../examples";

my $node = PostgreSQL::Test::Cluster->new('pages');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off");
$node->start;
my $superuser = $node->safe_psql('postgres', 'SELECT current_user');

# A command, as a list: whether it succeeds, and what it says.
sub outcome
{
	my @command = @_;
	my ($out, $err) = ('', '');
	my $done = eval { IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(2 * $PostgreSQL::Test::Utils::timeout_default)) };
	return ($done // 0, $out, $err . ($@ // ''));
}

# A database as examples/seatmap/run makes it.
sub database
{
	my ($name) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	foreach my $file ("$examples/seatmap/database.sql", "$examples/seatmap/setup.sql", "$examples/calendar/setup.sql")
	{
		my ($done, undef, $err) = outcome('psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($name), '-f', $file);
		ok($done, "$name: " . basename(dirname($file)) . '/' . basename($file)) or diag($err);
	}
	return;
}

# It can be set up twice: what is there stays.
database('twice');
my $bookings = $node->safe_psql('twice', 'SELECT count(*) FROM booking.booking');
$node->safe_psql('postgres', 'ALTER DATABASE twice RENAME TO once; CREATE DATABASE other');
foreach my $file ("$examples/seatmap/database.sql", "$examples/seatmap/setup.sql", "$examples/calendar/setup.sql")
{
	my ($done, undef, $err) = outcome('psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('once'), '-f', $file);
	ok($done, 'once more: ' . basename($file)) or diag($err);
}
is($node->safe_psql('once', 'SELECT count(*) FROM booking.booking'), $bookings, 'nothing was booked a second time');
is($node->safe_psql('once', 'SELECT count(*) FROM booking.verify()'), '0', 'verify() agrees');

# npm installs into a folder of this run, from the addresses that it is set up for.
my $work = $node->basedir;
$ENV{HOME} = $work;
my $pages = "$work/pages";
mkdir $pages or die $!;
my $missing;
foreach my $program (qw(node npm chromium))
{
	my ($there) = outcome('sh', '-c', "command -v $program");
	$missing //= "$program is not there" if !$there;
}
if (!$missing)
{
	system('cp', '-r', "$here/pages/.", $pages) == 0 or die;
	system('cp', '-r', "$examples/seatmap", "$examples/calendar", $pages) == 0 or die;
	foreach my $folder ($pages, "$pages/seatmap")
	{
		my ($done, undef, $err) = outcome('npm', 'ci', '--prefix', $folder, '--cache', "$work/npm-cache", '--no-audit', '--no-fund', '--ignore-scripts');
		($missing) = "npm ci: $err" =~ /((?:npm ERR|npm error)[^\n]*|\A.*)/ if !$done && !$missing;
	}
}

SKIP:
{
	if ($missing)
	{
		# prove does not show why a single test was skipped.
		diag("skipped: the pages in a browser: $missing");
		skip("the pages in a browser: $missing", 1);
	}
	# All at once: mostly they wait for a browser.
	my (%run, %out, %err);
	my @scripts = grep { $_ ne 'lib' } map { basename($_, '.mjs') } sort glob("$pages/*.mjs");
	database($_) foreach @scripts;
	foreach my $name (@scripts)
	{
		local @ENV{qw(PGHOST PGPORT PGDATABASE SUPERUSER)} = ($node->host, $node->port, $name, $superuser);
		($out{$name}, $err{$name}) = ('', '');
		$run{$name} = IPC::Run::start([ 'node', "$pages/$name.mjs" ], '<', \undef, '>', \$out{$name}, '2>', \$err{$name}, IPC::Run::timeout(2 * $PostgreSQL::Test::Utils::timeout_default));
	}
	foreach my $name (@scripts)
	{
		my $done = eval { $run{$name}->finish };
		my $trouble = $@ // '';
		$run{$name}->kill_kill if $trouble;
		my ($checks, $failed) = (0, 0);
		while ($out{$name} =~ /^(not )?ok - (.*)\n((?:# .*\n)*)/mg)
		{
			$checks++;
			ok(!$1, "$name: $2") or diag($3);
			$failed++ if $1;
		}
		ok($done && $checks > 1 && !$failed, "$name: the script gets to its end") or diag("$out{$name}$err{$name}$trouble");
	}
	is($node->safe_psql($_, 'SELECT count(*) FROM booking.verify()'), '0', "$_: verify() agrees") foreach @scripts;
}

$node->stop;
done_testing();
