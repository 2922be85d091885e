# The applications in examples/ do what they say, each with a check at its end.  The programs
# in examples/clients/ book, are refused, try, and repeat a call whose answer was lost, each
# in a client library of its own, over a Unix socket or TCP and through PgBouncer.
# The libraries are Debian's and npm's: what is not here is skipped, with a line that says so
# ("tools/test all-clients" installs them all first).
#
# BOOKING_LIBRARIES=all: the object-relational mappers of npm, too; otherwise pg alone.

use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use File::Copy qw(copy);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

my $clients = dirname(abs_path($0)) . '/../examples/clients';
my $all = ($ENV{BOOKING_LIBRARIES} // '') eq 'all';

my $node = PostgreSQL::Test::Cluster->new('clients');
$node->init;
# JDBC knows no Unix sockets, and a socket on the network wants a password.
my $password = join('', map { sprintf('%08x', rand(2**32)) } 1 .. 4);
$node->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'\nfsync = off");
unlink($node->data_dir . '/pg_hba.conf');
$node->append_conf('pg_hba.conf', "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256");
$node->start;
$node->safe_psql('postgres', "CREATE EXTENSION booking CASCADE; CREATE ROLE shop LOGIN PASSWORD '$password'; SELECT booking.grant_access('shop', 'manage')");
my $superuser = $node->safe_psql('postgres', 'SELECT current_user');

$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{PGDATABASE} = 'postgres';
$ENV{PGUSER} = 'shop';
$ENV{PGPASSWORD} = $password;
# Whatever else a language keeps goes into the folder of this run.
my $work = $node->basedir;
$ENV{HOME} = $work;
$ENV{PYTHONDONTWRITEBYTECODE} = 1;

# A command, as a list: its exit status, and what it says.
sub outcome
{
	my @command = @_;
	my ($out, $err) = ('', '');
	my $done = eval { IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(2 * $PostgreSQL::Test::Utils::timeout_default)) };
	return ($done // 0, $out, $err . ($@ // ''));
}

sub works
{
	my ($done) = outcome(@_);
	return $done;
}

# Whether a program says "ok" at its end.  Environment as pairs.
sub says_ok
{
	my ($name, $command, %environment) = @_;
	local @ENV{ keys %environment } = values %environment;
	my ($done, $out, $err) = outcome(@$command);
	ok($done && $out =~ /(^|\n)ok\n\z/, $name) or diag("$out$err");
	return;
}

# The client libraries: which probe finds it, what runs it.
my $python = -x '/usr/bin/python3' ? '/usr/bin/python3' : 'python3';
my %library = (
	python_psycopg2 => { package => 'python3-psycopg2', probe => [ $python, '-c', 'import psycopg2' ] },
	python_psycopg3 => { package => 'python3-psycopg', probe => [ $python, '-c', 'import psycopg' ] },
	python_asyncpg => { package => 'python3-asyncpg', probe => [ $python, '-c', 'import asyncpg' ] },
	python_sqlalchemy => { package => 'python3-sqlalchemy', probe => [ $python, '-c', 'import sqlalchemy, psycopg2' ] },
	python_django => { package => 'python3-django', probe => [ $python, '-c', 'import django.db, psycopg2' ] },
	ruby_pg => { package => 'ruby-pg', probe => [ 'ruby', '-e', "require 'pg'" ] },
	ruby_activerecord => { package => 'ruby-activerecord', probe => [ 'ruby', '-e', "require 'active_record'; require 'pg'" ] },
	perl_dbi => { package => 'libdbd-pg-perl', probe => [ $^X, '-MDBD::Pg', '-e', '' ] },
	php_pdo => { package => 'php-cli, php-pgsql', probe => [ 'php', '-r', 'exit(extension_loaded("pdo_pgsql") ? 0 : 1);' ] },
	java_jdbc => { package => 'libpostgresql-jdbc-java, default-jdk-headless',
		probe => [ 'sh', '-c', 'test -e /usr/share/java/postgresql.jar && javac -version' ] },
	go_pq => { package => 'golang-go, golang-github-lib-pq-dev', probe => [ 'sh', '-c', 'test -e /usr/share/gocode/src/github.com/lib/pq && go version' ] },
	go_pgx => { package => 'golang-go, golang-github-jackc-pgx-v4-dev',
		probe => [ 'sh', '-c', 'test -e /usr/share/gocode/src/github.com/jackc/pgx/v4 && go version' ] });
my %runs = (
	pl => [$^X], py => [$python], rb => ['ruby'], php => ['php'], js => ['node'], go => [ 'go', 'run' ],
	java => [ 'java', '-cp', '/usr/share/java/postgresql.jar' ]);
@ENV{qw(GO111MODULE GOPATH GOCACHE GOFLAGS)} = ('off', '/usr/share/gocode', "$work/go-cache", '');

# npm installs into a folder of its own, from the addresses that it is set up for.
my $npm = "$work/npm";
mkdir $npm or die $!;
copy($_, $npm) or die $! foreach glob("$clients/*.js $clients/../*.js"), "$clients/package.json", "$clients/package-lock.json", "$clients/.npmrc";
my $npm_says = 'nodejs and npm are not there';
if (works('node', '--version') && works('npm', '--version'))
{
	my ($done, $out, $err) = outcome('npm', 'ci', '--prefix', $npm, '--cache', "$work/npm-cache", '--no-audit', '--no-fund',
		'--ignore-scripts', $all ? () : '--omit=dev');
	($npm_says) = $done ? undef : "npm ci: $err" =~ /((?:npm ERR|npm error)[^\n]*|\A.*)/;
}
foreach my $file (glob("$clients/*.js"))
{
	my $name = basename($file, '.js');
	my ($package) = $name =~ /^node_(.*)/;
	$package = 'drizzle-orm' if $package eq 'drizzle';
	$library{$name} = { package => "npm's $package", missing => $npm_says // (-d "$npm/node_modules/$package" ? undef : 'not asked for') };
}

my @skipped;
foreach my $file (sort grep { /\.(pl|py|rb|php|js|go|java)$/ } glob("$clients/*"))
{
	my ($name, $suffix) = basename($file) =~ /^(\w+)\.(\w+)$/;
	my $library = $library{$name};
	ok($library, "$name is known") or next;
	my $there = $library->{probe} ? works(@{ $library->{probe} }) : !defined $library->{missing};
  SKIP:
	{
		if (!$there)
		{
			my $why = "$name: no $library->{package}" . ($library->{missing} ? " ($library->{missing})" : '');
			push @skipped, $why;
			skip($why, 1);
		}
		$library->{there} = 1;
		$library->{command} = [ @{ $runs{$suffix} }, $suffix eq 'js' ? "$npm/$name.js" : $file ];
		says_ok($name, $library->{command}, $suffix eq 'java' ? (PGHOST => '127.0.0.1') : ());
	}
}

# The applications, each in a database of its own.
my %application = (
	'meeting_rooms.py' => 'python_psycopg3', 'clinic.rb' => 'ruby_pg', 'bus.php' => 'php_pdo', 'classes.js' => 'node_pg',
	'hotel.sql' => undef, 'equipment.sh' => undef);
foreach my $file (sort keys %application)
{
	my ($name, $suffix) = $file =~ /^(\w+)\.(\w+)$/;
	my $needs = $application{$file};
  SKIP:
	{
		if ($needs && !$library{$needs}{there})
		{
			push @skipped, "$file: no $library{$needs}{package}";
			skip("$file: no $library{$needs}{package}", 1);
		}
		$node->safe_psql('postgres', "CREATE DATABASE $name", extra_params => [ '-U', $superuser ]);
		my @run = $suffix eq 'sql' ? ('psql', '-Xq', '-f') : $suffix eq 'sh' ? ('sh') : @{ $runs{$suffix} };
		says_ok($file, [ @run, $suffix eq 'js' ? "$npm/$file" : "$clients/../$file" ], PGDATABASE => $name, PGUSER => $superuser);
	}
}

# The same through PgBouncer in transaction mode, all at once over two connections to the
# server: what one leaves in its session would be found by another.
SKIP:
{
	my @there = grep { $library{$_}{there} } sort keys %library;
	if (!works('pgbouncer', '--version'))
	{
		push @skipped, 'PgBouncer: no pgbouncer';
		skip('no pgbouncer', 1);
	}
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my $sockets = PostgreSQL::Test::Utils::tempdir_short();
	append_to_file("$work/users.txt", qq("shop" "$password"\n));
	append_to_file("$work/pgbouncer.ini", <<"CONF");
[databases]
postgres = host=@{[ $node->host ]} port=@{[ $node->port ]}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir = $sockets
auth_type = scram-sha-256
auth_file = $work/users.txt
pool_mode = transaction
default_pool_size = 2
ignore_startup_parameters = extra_float_digits
logfile = $work/pgbouncer.log
CONF
	my $pooler = IPC::Run::start([ 'pgbouncer', "$work/pgbouncer.ini" ], '<', \undef, '>', "$work/pgbouncer.out", '2>', "$work/pgbouncer.out");
	for (1 .. 1800)
	{
		last if -S "$sockets/.s.PGSQL.$port" || !$pooler->pumpable;
		Time::HiRes::usleep(100_000);
	}
	my (%out, %err, %run);
	foreach my $name (@there)
	{
		local @ENV{qw(PGHOST PGPORT PGBOUNCER)} = ('127.0.0.1', $port, 1);
		($out{$name}, $err{$name}) = ('', '');
		$run{$name} = IPC::Run::start($library{$name}{command}, '<', \undef, '>', \$out{$name}, '2>', \$err{$name}, IPC::Run::timeout(2 * $PostgreSQL::Test::Utils::timeout_default));
	}
	foreach my $name (@there)
	{
		ok(eval { $run{$name}->finish } && $out{$name} =~ /(^|\n)ok\n\z/, "$name through PgBouncer")
		  or diag($out{$name} . $err{$name} . ($@ // ''));
	}
	$pooler->kill_kill;
}

# prove shows neither single tests nor why one was skipped.
diag("skipped: $_") foreach @skipped;

is($node->safe_psql('postgres', 'SELECT count(*) FROM booking.verify()'), '0', 'verify() agrees');
$node->stop;
done_testing();
