# Many rows in one transaction are normal: that is what a restore is.  Every
# lock that is taken per row has an end to its number, and no statement is quadratic in its
# rows.  All of it under the server's default settings, with a lock table for some 8,000
# locks.  BOOKING_MANY=100000 tools/test 040_many does more of it.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes 'time';

my $MANY = $ENV{BOOKING_MANY} // 20_000;
my $SOME = $MANY * 6 / 10;	# more than the lock table holds

my $node = PostgreSQL::Test::Cluster->new('many');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nmax_wal_size = '4GB'");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION booking CASCADE');

# Some 2,000 with the setting of 64 that servers have up to 18; 19 doubles it.
my $few = $node->safe_psql('postgres', q{SELECT 2000 * current_setting('max_locks_per_transaction')::int / 64});

# Runs SQL that must succeed, and says how long it took and how many of our locks it held.
sub succeeds
{
	my ($database, $what, $sql) = @_;
	my $start = time;
	my ($code, $out, $err) = $node->psql($database, "\\set ON_ERROR_STOP 1\nBEGIN;\n$sql;\n"
		  . "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();\nCOMMIT;\n");
	my ($locks) = $out =~ /(\d+)\s*\z/;
	is($err, '', $what);
	note(sprintf '%s: %.1f s, %d locks', $what, time - $start, $locks // -1);
	cmp_ok($locks // 1e9, '<', $few, '... with few locks');
}

sub is_clean
{
	my ($database, $what) = @_;
	is($node->safe_psql($database, 'SELECT problem, count(*) FROM booking.verify() GROUP BY 1'), '', "verify() after $what");
}

$node->safe_psql('postgres', q{SELECT FROM booking.create_resource('hall', 'pooled', 0)});
succeeds('postgres', 'slots published in one statement', qq{
INSERT INTO booking.slot (resource_id, period, capacity)
SELECT (SELECT id FROM booking.resource WHERE name = 'hall'),
	tstzrange('2030-01-01'::timestamptz + n * interval '1 hour', '2030-01-01'::timestamptz + (n + 1) * interval '1 hour'), 2
FROM generate_series(1, $MANY) AS n});
succeeds('postgres', 'a booking in each of them in one statement', q{
INSERT INTO booking.booking (slot_id, holder) SELECT id, 'h' || id FROM booking.slot});
is_clean('postgres', 'loading');

# Restored in one transaction, as by pg_restore --single-transaction; without it, the COPY is one.
my $dump = $node->basedir . '/many.sql';
my $start = time;
$node->safe_psql('postgres', 'CREATE DATABASE restored');
command_ok([ 'pg_dump', '-h', $node->host, '-p', $node->port, '-f', $dump, 'postgres' ], 'dumped');
my ($code, $out, $err) = $node->psql('restored', '', extra_params => [ '-1', '-f', $dump, '-v', 'ON_ERROR_STOP=1' ]);
is($err, '', 'restored without an error');
note(sprintf 'dumped and restored: %.1f s', time - $start);
is_clean('restored', 'the restore');
is($node->safe_psql('restored', q{SELECT count(*), sum(free) FROM booking.slot_places}), "$MANY|$MANY", 'every place is counted');
$node->safe_psql('postgres', 'DROP DATABASE restored');

# One function of ours for each of many bookings.
succeeds('postgres', 'cancelled one by one in one statement', qq{
SELECT count(*) FROM (SELECT id FROM booking.booking ORDER BY slot_id LIMIT $SOME) AS b, LATERAL booking.cancel(b.id)});
succeeds('postgres', 'cancelled once more', qq{
SELECT count(*) FROM (SELECT id FROM booking.booking ORDER BY slot_id LIMIT $SOME) AS b, LATERAL booking.cancel(b.id)});
succeeds('postgres', 'held with ids', qq{
SELECT count(*) FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM booking.slot ORDER BY id LIMIT $SOME) AS s,
	LATERAL booking.book_place(s.id, 'again' || s.id, hold_for => '1 day',
		id => ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid)});
succeeds('postgres', 'the same call repeated', qq{
SELECT count(*) FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM booking.slot ORDER BY id LIMIT $SOME) AS s,
	LATERAL booking.book_place(s.id, 'again' || s.id, hold_for => '1 day',
		id => ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid)});
succeeds('postgres', 'confirmed', qq{
SELECT count(*) FROM (SELECT id FROM booking.booking WHERE status = 'held' LIMIT $SOME / 2) AS b, LATERAL booking.confirm(b.id)});
succeeds('postgres', 'expired', qq{
UPDATE booking.booking SET expires_at = now() WHERE status = 'held';
SELECT booking.expire_holds($MANY)});
is_clean('postgres', 'all that');
succeeds('postgres', 'cancelled by a closure', q{
SELECT FROM booking.close_period('hall', '[2030-01-01, 2050-01-01)', force => true)});
is_clean('postgres', 'the closure');
is($node->safe_psql('postgres', q{SELECT count(*) FROM booking.booking WHERE status IN ('held', 'confirmed')}), 0, 'nothing is left');

# At all levels of isolation.
for my $level ('REPEATABLE READ', 'SERIALIZABLE')
{
	my $few = $SOME / 10;
	$node->safe_psql('postgres', 'DELETE FROM booking.closure');
	succeeds('postgres', "booked and cancelled, $level", qq{
SET TRANSACTION ISOLATION LEVEL $level;
INSERT INTO booking.booking (slot_id, holder) SELECT id, '$level' FROM booking.slot ORDER BY id LIMIT $few;
SELECT count(*) FROM (SELECT id FROM booking.booking WHERE holder = '$level' ORDER BY slot_id LIMIT $few / 2) AS b, LATERAL booking.cancel(b.id)});
	is_clean('postgres', $level);
}

# Many holders under a limit, and many resources.
succeeds('postgres', 'holders under a limit', qq{
INSERT INTO booking.holder_limit (per, max_bookings) VALUES ('active', 3);
SELECT FROM booking.create_resource('pool', 'pooled', $MANY);
INSERT INTO booking.booking (resource_id, period, holder)
SELECT (SELECT id FROM booking.resource WHERE name = 'pool'),
	tstzrange('2030-01-01'::timestamptz + n * interval '1 hour', '2030-01-01'::timestamptz + (n + 1) * interval '1 hour'), 'holder' || n
FROM generate_series(1, $SOME) AS n});
succeeds('postgres', 'resources', qq{
INSERT INTO booking.resource (name, kind) SELECT 'room ' || n, 'exclusive' FROM generate_series(1, $SOME) AS n;
INSERT INTO booking.booking (resource_id, period, holder)
SELECT id, '[2031-01-01, 2031-01-02)', 'holder' || id FROM booking.resource WHERE name LIKE 'room %'});
succeeds('postgres', 'slots that take their resources', q{
INSERT INTO booking.slot (resource_id, period, capacity)
SELECT id, '[2032-01-01, 2032-01-02)', 2 FROM booking.resource WHERE name LIKE 'room %'});
succeeds('postgres', 'deleted from many resources', q{DELETE FROM booking.booking});
is_clean('postgres', 'the end');

$node->stop;
done_testing();
