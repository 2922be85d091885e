# What waits, waits for a transaction, and says for which row.

use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('gates');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
max_connections = 60
max_prepared_transactions = 2
fsync = off
deadlock_timeout = 100ms
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION booking CASCADE');

# ---- the row that is waited for ----

$node->safe_psql('postgres', <<'SQL');
CREATE TABLE stay (id int, hotel int, nights int4range);
SELECT booking.guard_table('stay', '{hotel}', '{nights}', 2);
SELECT booking.create_resource('bikes', 'pooled', 2);
INSERT INTO stay VALUES (1, 1, '[1,5)');
SELECT booking.book_slot('bikes', '[2030-01-01, 2030-01-02)', 'zero');
BEGIN;
INSERT INTO stay VALUES (2, 1, '[1,5)');
SELECT booking.book_slot('bikes', '[2030-01-01, 2030-01-02)', 'one');
PREPARE TRANSACTION 'undecided';
SQL
for my $wanted (
	[ stay => q{INSERT INTO stay VALUES (3, 1, '[1,5)')} ],
	[ booking => q{SELECT booking.book_slot('bikes', '[2030-01-01, 2030-01-02)', 'two')} ])
{
	my ($table, $sql) = @$wanted;
	my (undef, undef, $error) = $node->psql('postgres', "SET lock_timeout = '50ms'; $sql");

	like($error, qr/canceling statement due to lock timeout/, "$table: the answer depends on a transaction in progress");
	like($error, qr/CONTEXT: +while checking exclusion constraint on tuple \(\d+,\d+\) in relation "$table"/, "$table: and on this row");
}
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'undecided'});

done_testing();
