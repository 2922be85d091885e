# A process that is killed in the middle leaves nothing behind: no lock, no space taken, no half
# booking; and a replica that takes over knows every booking and keeps the rules.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "max_prepared_transactions = 5\nrestart_after_crash = on");
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION booking CASCADE;
SELECT booking.create_resource('room');
SELECT booking.create_resource('pool', 'pooled', 3);
});
my $book = q{SELECT holder FROM booking.try_book_slot('%s', tstzrange('2030-01-01 09:00', '2030-01-01 10:00'), '%s')};

# A backend that is terminated with a booking in progress.
my $other = $node->background_psql('postgres');
$other->query_safe('BEGIN');
is($other->query_safe(sprintf($book, 'room', 'gone')), 'gone', 'booked, not committed');
is($other->query_safe(sprintf($book, 'pool', 'gone')), 'gone', 'and from the pool');
my $pid = $other->query_safe('SELECT pg_backend_pid()');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 10000)");
is($node->safe_psql('postgres', sprintf($book, 'room', 'ann')), 'ann', 'the space of the terminated is free');
is($node->safe_psql('postgres', q{SELECT quantity FROM booking.book_slot('pool', tstzrange('2030-01-01 09:00', '2030-01-01 10:00'), 'ann', 3)}),
	3, 'all of the pool, too');
eval { $other->quit };

# A prepared transaction keeps its space through a crash of the server, until it is resolved.
$node->safe_psql('postgres', q{
BEGIN;
SELECT booking.book_slot('room', tstzrange('2030-02-01 09:00', '2030-02-01 10:00'), 'prepared');
PREPARE TRANSACTION 'booked';
});
$node->stop('immediate');
$node->start;
my ($code, $out, $err) = $node->psql('postgres', q{
SET lock_timeout = '200ms';
SELECT booking.book_slot('room', tstzrange('2030-02-01 09:30', '2030-02-01 10:30'), 'eve')});
like($err, qr/canceling statement due to lock timeout/, 'a rival waits for the prepared booking, as long as it wants to');
like($node->safe_psql('postgres', q{SELECT holder FROM booking.book_slot('room', tstzrange('2030-02-01 10:00', '2030-02-01 11:00'), 'next')}),
	qr/next/, 'and no other does');
$node->safe_psql('postgres', "COMMIT PREPARED 'booked'");
is($node->safe_psql('postgres', q{SELECT count(id) FROM booking.try_book_slot('room', tstzrange('2030-02-01 09:30', '2030-02-01 10:30'), 'eve')}),
	0, 'committed, it is a booking like any other');
is($node->safe_psql('postgres', q{SELECT count(*) FROM booking.booking WHERE holder IN ('ann', 'prepared')}), 3, 'what was committed survived the crash');

# A replica can be read, refuses to book, and takes over.
$node->backup('backup');
my $replica = PostgreSQL::Test::Cluster->new('replica');
$replica->init_from_backup($node, 'backup', has_streaming => 1);
$replica->start;
$node->safe_psql('postgres', q{SELECT booking.book_slot('room', tstzrange('2030-03-01 09:00', '2030-03-01 10:00'), 'late')});
$node->wait_for_catchup($replica);
is($replica->safe_psql('postgres', q{SELECT count(*) FROM booking.booking WHERE holder = 'late'}), 1, 'the replica has it');
is($replica->safe_psql('postgres', q{SELECT count(*) FROM booking.verify()}), 0, 'and can verify');
($code, $out, $err) = $replica->psql('postgres', q{SELECT booking.book_slot('room', tstzrange('2030-04-01 09:00', '2030-04-01 10:00'), 'eve')});
like($err, qr/this server is a standby/, 'a replica does not book');
$node->stop;
$replica->promote;
is($replica->safe_psql('postgres', q{SELECT count(id) FROM booking.try_book_slot('room', tstzrange('2030-03-01 09:30', '2030-03-01 10:30'), 'eve')}),
	0, 'promoted, it keeps the rules');
is($replica->safe_psql('postgres', q{SELECT count(id) FROM booking.try_book_slot('room', tstzrange('2030-03-01 10:00', '2030-03-01 11:00'), 'ann')}),
	1, 'and books');
is($replica->safe_psql('postgres', q{SELECT count(*) FROM booking.verify()}), 0, 'all is sound');
$replica->stop;

done_testing();
