# What waits, waits for a transaction, and says for which row; and single inserts and deletes
# never deadlock, also where one row is all that there is room for.
#
# BOOKING_SOAK=seconds makes it longer.

use strict;
use warnings;
use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib "$FindBin::RealBin/lib";
use Crowds qw(is_not_logged);

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
	like($error, qr/(?:CONTEXT: +|^)while checking exclusion constraint on tuple \(\d+,\d+\) in relation "$table"/m, "$table: and on this row");
}
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'undecided'});

# ---- many clients, one row at a time ----

for my $constraint (qw(false true))
{
	$node->safe_psql('postgres', <<"SQL");
DROP TABLE IF EXISTS lap;
CREATE TABLE lap (track int, during int4range);
SELECT booking.guard_table('lap', '{track}', '{during}', name => 'lap_guard', with_constraint => $constraint);
SQL
	PostgreSQL::Test::Utils::append_to_file($node->basedir . '/lap.sql', q{
\set track random(1, 2)
\set f random(1, 20)
\set l random(1, 6)
DO $$ BEGIN INSERT INTO lap VALUES (:track, int4range(:f, :f + :l)); EXCEPTION WHEN exclusion_violation THEN NULL; END $$;
-- Of rows that no other session is deleting: two that come to the same rows in different orders, by different plans, may deadlock.
DELETE FROM lap WHERE ctid = ANY (ARRAY(SELECT ctid FROM lap WHERE track = :track AND during && int4range(:f, :f + :l) FOR UPDATE SKIP LOCKED));
}) unless -e $node->basedir . '/lap.sql';
	my $before = -s $node->logfile;
	$node->command_ok([ 'pgbench', '-h', $node->host, '-p', $node->port, '-n', '-c', 24, '-j', 2,
			'-T', $ENV{BOOKING_SOAK} || 3, '-f', $node->basedir . '/lap.sql', 'postgres' ],
		"24 clients insert and delete, with_constraint => $constraint");
	is_not_logged($node, qr/ERROR:/, "with_constraint => $constraint: no deadlock, and no other error", $before);
	is($node->safe_psql('postgres', 'SELECT count(*) FROM lap a JOIN lap b ON a.track = b.track AND a.during && b.during AND a.ctid <> b.ctid'),
		'0', "with_constraint => $constraint: one at a time");
}

done_testing();
