# A dump and a restore give the same rows, whatever is in them: past bookings, cancelled
# and lapsed ones, retired resources, other buffers than when they were made.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('dump');
$node->init;
$node->start;

$node->safe_psql('postgres', 'CREATE DATABASE before');
$node->safe_psql('postgres', 'CREATE DATABASE after');
$node->safe_psql('before', q{
CREATE EXTENSION booking CASCADE;
SELECT booking.create_resource('room', buffer_before => '10 min', buffer_after => '20 min', category => 'rooms', timezone => 'Europe/Berlin');
SELECT booking.create_resource('bus', 'seated', seats => ARRAY['1A', '1B', '2A']);
SELECT booking.create_resource('pool', 'pooled', 5, data => '{"colour": "red"}');
SELECT booking.create_resource('old');
SELECT booking.book_slot('room', tstzrange('2020-01-01 09:00', '2020-01-01 10:00'), 'past');
SELECT booking.book_slot('room', tstzrange('2030-01-01 09:00', '2030-01-01 10:00'), 'ann', data => '{"a": [1, 2]}');
SELECT booking.book_slot('room', tstzrange('2030-01-01 12:00', NULL), 'open end');
SELECT booking.book_slot('bus', tstzrange('2030-01-01 09:00', '2030-01-01 10:00'), 'h' || n) FROM generate_series(1, 3) AS n;
SELECT booking.cancel(id, 'rain') FROM booking.booking WHERE holder = 'h2';
SELECT booking.book_slot('bus', tstzrange('2030-01-01 09:30', '2030-01-01 10:00'), 'h4');
SELECT booking.book_slot('pool', tstzrange('2030-01-01', '2030-01-05'), 'p' || n, n) FROM generate_series(1, 2) AS n;
SELECT booking.book_slot('pool', tstzrange('2030-01-02', '2030-01-05'), 'held', 2, hold_for => '1 hour');
SELECT booking.book_slot('pool', tstzrange('2030-01-06', '2030-01-08'), 'lapsed', 5, hold_for => '1 ms');
SELECT booking.book_slot('pool', tstzrange('2030-01-07', '2030-01-08'), 'next', 5) FROM pg_sleep(0.01);
SELECT booking.book_slot('pool', tstzrange('2030-01-09', '2030-01-10'), 'lapsed, not noticed', 5, hold_for => '1 ms');
SELECT booking.book_slot('old', tstzrange('2030-01-01', '2030-01-02'), 'kept');
SELECT booking.create_resource('hall', 'pooled', 1);
SELECT booking.publish_slot('hall', tstzrange('2030-01-01 20:00', '2030-01-01 22:00'), 1000);
SELECT booking.publish_slot('room', tstzrange('2029-01-01 20:00', '2029-01-01 22:00'), 20);
SELECT booking.book_place(s.id, 'g' || n, n) FROM booking.slot s, generate_series(1, 5) AS n;
SELECT booking.cancel(id) FROM booking.booking WHERE holder = 'g3';
UPDATE booking.resource SET retired_at = '2030-01-02' WHERE name = 'old';
UPDATE booking.resource SET buffer_before = '0', buffer_after = '2 hours' WHERE name = 'room';
});

# Everything that a user would miss: the rows of every table that is dumped, and the sequences.
my $tables = $node->safe_psql('before', q{
SELECT string_agg(format('SELECT %L, t::text FROM booking.%I t', relname, relname), ' UNION ALL ' ORDER BY relname) || ' ORDER BY 1, 2'
FROM pg_class WHERE relnamespace = 'booking'::regnamespace AND relkind = 'r'});
my $sequences = $node->safe_psql('before', q{
SELECT string_agg(format('SELECT %L, last_value, is_called FROM booking.%I', relname, relname), ' UNION ALL ' ORDER BY relname) || ' ORDER BY 1'
FROM pg_class WHERE relnamespace = 'booking'::regnamespace AND relkind = 'S'});
# Places are derived: what counts is their sum, not how they are spread.
$tables =~ s/SELECT 'slot_places', t::text FROM booking.slot_places t/SELECT 'slot_places', format('%s: %s', slot_id, sum(free)) FROM booking.slot_places GROUP BY slot_id/;
my $rows = $node->safe_psql('before', $tables);
my $counters = $node->safe_psql('before', $sequences);
like($rows, qr/lapsed, not noticed/, 'there is something to lose');
is($node->safe_psql('before', 'SELECT count(*) FROM booking.verify()'), 0, 'and it is sound');

foreach my $format ('plain', 'custom')
{
	my $file = $node->basedir . "/dump.$format";
	$node->safe_psql('postgres', 'DROP DATABASE IF EXISTS after');
	$node->safe_psql('postgres', 'CREATE DATABASE after');
	command_ok(
		[ 'pg_dump', '--format', $format, '-f', $file, '-h', $node->host, '-p', $node->port, 'before' ],
		"dump, $format");
	if ($format eq 'plain')
	{
		command_ok(
			[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $file, '-h', $node->host, '-p', $node->port, 'after' ],
			'restore by psql');
	}
	else
	{
		command_ok(
			[ 'pg_restore', '--exit-on-error', '-d', 'after', '-h', $node->host, '-p', $node->port, $file ],
			'restore by pg_restore');
	}
	is($node->safe_psql('after', $tables), $rows, "$format: the same rows");
	is($node->safe_psql('after', $sequences), $counters, "$format: the same sequences");
	is($node->safe_psql('after', 'SELECT count(*) FROM booking.verify()'), 0, "$format: verify() agrees");
	is($node->safe_psql('after', q{SELECT count(id) FROM booking.try_book_slot('room', tstzrange('2030-01-01 10:00', '2030-01-01 10:15'), 'eve')}),
		0, "$format: the rules hold on what was restored");
	is($node->safe_psql('after', q{SELECT id > 5 FROM booking.create_resource('new')}), 't', "$format: new ids do not collide");
}

$node->stop;
done_testing();
