# Slots and their bookings survive a dump and restore, whatever has become of the rules
# since, and the counters, which are not dumped, come out right; a prepared booking keeps
# its places, and a crash loses none.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('slots');
$node->init;
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 5');
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION booking CASCADE;
SELECT FROM booking.create_resource('hall', 'pooled', 0);
SELECT FROM booking.create_resource('room', buffer_after => '10 minutes');
SELECT FROM booking.create_resource('bus', 'seated', seats => ARRAY['1', '2', '3', '4']);
SELECT FROM booking.create_resource('doctor');
SELECT FROM booking.publish_slot('hall', '[2030-01-01 20:00, 2030-01-01 22:00)', 3000);
SELECT FROM booking.publish_slot('room', '[2030-01-01 10:00, 2030-01-01 11:00)', 20);
SELECT FROM booking.publish_slot('room', '[2030-01-01 11:10, 2030-01-01 12:00)', 1);
SELECT FROM booking.publish_slot('bus', '[2030-01-01 10:00, 2030-01-01 11:00)');
SELECT FROM generate_series(1, 700) AS n, LATERAL booking.book_place(1, 'h' || n, 1 + n % 4);
SELECT FROM booking.booking AS b, LATERAL booking.cancel(b.id) WHERE b.holder LIKE '%7';
SELECT FROM booking.book_place(1, 'held', 5, hold_for => '1 day');
SELECT FROM booking.book_place(1, 'lapsed', 5, hold_for => '1 ms');
SELECT FROM booking.book_place(2, 'yogi', 3);
SELECT FROM booking.book_place(3, 'ann');
SELECT FROM booking.book_place(4, 'ann', seat => '2');
SELECT FROM booking.book_place(4, 'bob', 2);
SELECT FROM booking.create_resource('theatre', 'seated', seats => (SELECT array_agg(n::text) FROM generate_series(1, 90) AS n));
SELECT FROM booking.publish_slot('theatre', '[2030-01-01 20:00, 2030-01-01 22:00)');
SELECT FROM generate_series(1, 90) AS n, LATERAL booking.book_place(5, 'h' || n, seat => n::text);
SELECT FROM booking.book_slot('doctor', '[2030-01-01 10:00, 2030-01-01 11:00)', 'early');
-- Rules that would not allow these bookings any more.
UPDATE booking.slot SET closed = true WHERE id IN (1, 2);
UPDATE booking.resource SET buffer_after = '1 hour', buffer_before = '1 hour' WHERE name = 'room';
UPDATE booking.resource SET slots_only = true WHERE name = 'doctor';
UPDATE booking.resource SET min_notice = '100 years', max_advance = '200 years' WHERE name IN ('hall', 'bus');
});

my $rows = q{
SELECT md5(string_agg(b::text, ',' ORDER BY id)) FROM booking.booking AS b
UNION ALL SELECT md5(string_agg(s::text, ',' ORDER BY id)) FROM booking.slot AS s
UNION ALL SELECT md5(string_agg(r::text, ',' ORDER BY id)) FROM booking.resource AS r};
my $places = q{
SELECT s.id, capacity, (SELECT sum(free) FROM booking.slot_places WHERE slot_id = s.id),
	(SELECT sum(quantity) FROM booking.booking WHERE slot_id = s.id AND status IN ('held', 'confirmed'))
FROM booking.slot AS s ORDER BY id};

my $dump = $node->basedir . '/slots.sql';
$node->safe_psql('postgres', 'CREATE DATABASE restored');
command_ok([ 'pg_dump', '-h', $node->host, '-p', $node->port, '-f', $dump, 'postgres' ], 'dumped');
unlike(slurp_file($dump), qr/COPY booking\.slot_places/, 'without the counters');
my ($code, $out, $err) = $node->psql('restored', '', extra_params => [ '-f', $dump, '-v', 'ON_ERROR_STOP=1' ]);
is($err, '', 'restored without an error');
is($node->safe_psql('restored', $rows), $node->safe_psql('postgres', $rows), 'the same rows');
is($node->safe_psql('restored', $places), $node->safe_psql('postgres', $places), 'the same places');
is($node->safe_psql('restored', 'SELECT count(*) FROM booking.verify()'), 0, 'verify() agrees');
is($node->safe_psql('restored', q{SELECT id > 5 FROM booking.publish_slot('hall', '[2030-01-01 20:00, 2030-01-01 22:00)', 3)}), 't',
	'the next slot gets a new id');

# A prepared booking has its places, also after a crash.
$node->safe_psql('postgres', q{
UPDATE booking.slot SET closed = false;
UPDATE booking.resource SET min_notice = NULL, max_advance = NULL;
INSERT INTO booking.slot (id, resource_id, period, capacity) SELECT 100, id, '[2030-01-02 20:00, 2030-01-02 22:00)', 10 FROM booking.resource WHERE name = 'hall';
BEGIN;
SELECT FROM booking.book_place(100, 'prepared', 6);
PREPARE TRANSACTION 'places';
});
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', q{SELECT count(id) FROM booking.try_book_place(100, 'eve', 11)}), 0, 'too many for sure');
($code, $out, $err) = $node->psql('postgres', q{SET lock_timeout = '200ms'; SELECT booking.book_place(100, 'eve', 5)});
like($err, qr/lock timeout/, 'a session that wants some of the prepared places waits, up to its lock_timeout');
$node->safe_psql('postgres', "ROLLBACK PREPARED 'places'");
is($node->safe_psql('postgres', q{SELECT quantity FROM booking.book_place(100, 'eve', 5)}), 5, 'and gets them when they are given up');
is($node->safe_psql('postgres', 'SELECT count(*) FROM booking.verify()'), 0, 'verify() agrees');

$node->stop;
done_testing();
