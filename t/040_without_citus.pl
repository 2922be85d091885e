# booking_cluster where there is no Citus: CREATE EXTENSION says what is missing, and leaves nothing
# behind.  Its other tests (t/074 to t/077) need a PostgreSQL with Citus.

use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use File::Copy qw(copy);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('alone');
$node->init;
$node->start;
chomp(my $folder = `@{[$node->config_data('--bindir')]}/pg_config --sharedir`);
$folder .= '/extension';
plan(skip_all => 'here is a Citus') if -e "$folder/citus.control";
plan(skip_all => "$folder is not ours to write to") unless -w $folder;

my @installed;
for my $file (glob(dirname(abs_path(__FILE__)) . '/../cluster/booking_cluster*'))
{
	my $to = "$folder/" . basename($file);
	copy($file, $to) or die "$to: $!";
	push @installed, $to;
}
END { unlink(@installed); }

sub refused
{
	my ($sql, $message, $name) = @_;
	my ($status, $out, $err) = $node->psql('postgres', $sql);
	return like($err, $message, $name);
}

refused('CREATE EXTENSION booking_cluster', qr/required extension "(booking|citus)" is not installed/, 'neither is there');
$node->safe_psql('postgres', 'CREATE EXTENSION booking CASCADE');
refused('CREATE EXTENSION booking_cluster', qr/required extension "citus" is not installed\nHINT:.*CASCADE/, 'Citus is not there');
refused('CREATE EXTENSION booking_cluster CASCADE', qr/extension "citus" is not available|citus\.control": No such file/, '... and cannot be had');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_proc WHERE proname ~ '^cluster_'}), 0, 'nothing is left behind');
my ($script) = grep { /sql$/ } @installed;
is($node->safe_psql('postgres', "\\i $script"), 'Use "CREATE EXTENSION booking_cluster CASCADE" to load this file.', 'the script by hand does nothing');
done_testing();
