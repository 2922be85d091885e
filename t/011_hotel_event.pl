# The example of an event with three hotels, as its visitors would run it: 200 of them at
# once, until nothing is left.  Never may more rooms be reserved than are contracted, and
# what is reserved is the sum of the reservations.

use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib "$FindBin::RealBin/lib";
use Crowds qw(is_not_logged);

my $examples = dirname(abs_path($0)) . '/../examples';

my $node = PostgreSQL::Test::Cluster->new('event');
$node->init;
$node->append_conf('postgresql.conf', "max_connections = 230\nfsync = off");
$node->start;

$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{PGDATABASE} = 'postgres';

command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', "$examples/hotel_event.sql" ], 'the event is set up');
my ($out, $err) = run_command([ 'sh', "$examples/hotel_event.sh" ]);
like($out, qr/Sold out: every room once\./, 'the event is sold out');
is($err, '', 'without an error');

is($node->safe_psql('postgres', q{
	SELECT hotel, contracted, reserved, reservations FROM event.report ORDER BY hotel}),
	"Hotel Adler|200|200|200\nHotel Bellevue|200|200|200\nHotel Central|200|200|200",
	'600 rooms, each reserved once');
is($node->safe_psql('postgres', q{
	SELECT count(*) > 100 AND max(quantity) <= 5 AND bool_or(holder LIKE 'visitor 1.%') AND bool_or(holder LIKE 'visitor 2.%')
	FROM booking.booking WHERE status = 'confirmed'}),
	't', 'by many, through both servers');
is($node->safe_psql('postgres', q{SELECT count(*) FROM booking.booking WHERE status = 'cancelled'}) > 0, 1, 'some have cancelled');
is_not_logged($node, qr/ERROR|deadlock detected/, 'nothing in the log');

$node->stop;
done_testing();
