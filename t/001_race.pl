# Many clients at once on few things: whatever they do and however they end, no two
# active bookings overlap, no pool is ever over its capacity, and no client gets any error
# but a refusal.  Checked afterwards by plain SQL that knows nothing of the extension.

use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib "$FindBin::RealBin/lib";
use Crowds qw(is_not_logged until_gone without_full_pool);

my $clients = $ENV{BOOKING_CLIENTS} // 64;
my $seconds = $ENV{BOOKING_SOAK} // 3;

my $node = PostgreSQL::Test::Cluster->new('race');
$node->init;
$node->append_conf('postgresql.conf', <<"CONF");
max_connections = @{[ $clients + 500 ]}
fsync = off
deadlock_timeout = 100ms
log_min_messages = warning
CONF
$node->start;

# Whole hours of two days, one to six hours long: with a few resources nearly every
# booking meets another.
my $period = q{hours(:from, :hours)};
my $numbers = q{
\set resource random(1, 4)
\set from random(0, 48)
\set hours random(1, 6)
\set quantity random(1, 3)
\set dice random(1, 12)
\set seat random(1, 5)
};

# What a client does, a third of it rolled back.  "try" never fails; plain INSERTs may
# with 23P01, which is caught, so that anything else shows.
my $script = $numbers . q{
\if :dice <= 4
	BEGIN;
	SELECT FROM booking.try_book_slot('room ' || :resource::int, } . $period . q{, 'c' || :client_id::int);
	SELECT FROM booking.try_book_slot('pool ' || :resource::int, } . $period . q{, 'c' || :client_id::int, :quantity);
	ROLLBACK;
\elif :dice <= 6
	SELECT FROM booking.try_book_slot('room ' || :resource::int, } . $period . q{, 'c' || :client_id::int);
\elif :dice <= 7
	SELECT FROM booking.try_book_slot('bus ' || :resource::int, } . $period . q{, 'c' || :client_id::int);
\elif :dice <= 8
	SELECT FROM booking.try_book_slot('bus ' || :resource::int, } . $period . q{, 'c' || :client_id::int, seat => :seat::text);
\elif :dice <= 9
	SELECT FROM booking.try_book_slot('pool ' || :resource::int, } . $period . q{, 'c' || :client_id::int, :quantity);
\elif :dice <= 10
	SELECT insert_or_not('room ' || :resource::int, } . $period . q{, 1);
\elif :dice <= 11
	SELECT insert_or_not('pool ' || :resource::int, } . $period . q{, :quantity);
\else
	SELECT coalesce(max(id::text), '00000000-0000-7000-8000-000000000000') AS id
	FROM booking.try_book_slot('room ' || :resource::int, } . $period . q{, 'c' || :client_id::int) \gset
	SELECT cancel_if_any(:id);
	SELECT repeat_call('room ' || :resource::int, } . $period . q{, :id);
\endif
};

my $setup = q{
CREATE EXTENSION booking CASCADE;
SELECT booking.create_resource('room ' || n) FROM generate_series(1, 4) AS n;
SELECT booking.create_resource('bus ' || n, 'seated', seats => ARRAY['1', '2', '3', '4', '5']) FROM generate_series(1, 4) AS n;
SELECT booking.create_resource('pool ' || n, 'pooled', 3 * n) FROM generate_series(1, 4) AS n;
CREATE FUNCTION hours(first integer, n integer) RETURNS tstzrange LANGUAGE sql AS $$
SELECT tstzrange('2030-01-01'::timestamptz + first * interval '1 hour', '2030-01-01'::timestamptz + (first + n) * interval '1 hour')
$$;
CREATE FUNCTION cancel_if_any(id uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM booking.cancel(cancel_if_any.id, 'changed my mind');
EXCEPTION WHEN undefined_object THEN
	NULL;
END $$;
CREATE FUNCTION repeat_call(name text, period tstzrange, id uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM booking.try_book_slot(name, period, 'repeated', id => id);
EXCEPTION WHEN unique_violation THEN
	NULL;
END $$;
CREATE FUNCTION insert_or_not(name text, period tstzrange, quantity integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO booking.booking (resource_id, period, holder, quantity)
	SELECT id, insert_or_not.period, 'plain', insert_or_not.quantity FROM booking.resource
	WHERE resource.name = insert_or_not.name;
EXCEPTION WHEN exclusion_violation THEN
	NULL;
END $$;
};

# The oracle: pairs that overlap, and instants at which more is in use than there is.
my $overlaps = q{
SELECT count(*) FROM booking.booking a JOIN booking.booking b ON a.id < b.id
	AND a.resource_id = b.resource_id AND a.seat_no = b.seat_no AND a.period && b.period
WHERE a.status = 'confirmed' AND b.status = 'confirmed'};
my $overbooked = q{
SELECT count(*) FROM booking.resource r,
	generate_series('2029-12-31'::timestamptz, '2030-01-05', '30 min') AS instant
WHERE r.kind = 'pooled' AND r.capacity < (SELECT sum(quantity) FROM booking.booking b
	WHERE b.resource_id = r.id AND b.status = 'confirmed' AND b.period @> instant)};

# The oracle has rows to check: resources are booked, and some of them booked full.
my $booked_full = q{
SELECT count(*) FROM booking.resource r WHERE r.kind = 'pooled' AND EXISTS (
	SELECT FROM generate_series('2030-01-01'::timestamptz, '2030-01-02', '30 min') AS instant
	WHERE r.capacity = (SELECT sum(quantity) FROM booking.booking b
		WHERE b.resource_id = r.id AND b.status = 'confirmed' AND b.period @> instant))};

foreach my $isolation ('read committed', 'repeatable read', 'serializable')
{
	(my $database = $isolation) =~ s/ /_/;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql('postgres',
		"ALTER DATABASE $database SET default_transaction_isolation = '$isolation'");
	$node->safe_psql($database, $setup);

	my $file = $node->basedir . "/race.sql";
	append_to_file($file, '') unless -e $file;
	open(my $fh, '>', $file) or die $!;
	print $fh $script;
	close $fh;

	# Until the oracle has something to see: on a busy machine that takes longer.
	my ($errors, $transactions, $full) = ('', 0, 0);
	for (my $round = 0; $round < 30 && (!$full || $transactions <= $clients); $round++)
	{
		my ($out, $err) = run_command(
			[
				'pgbench', '-n', '-c', $clients, '-j', 2, $round ? ('-t', 10) : ('-T', $seconds),
				'-M', 'prepared', '-f', $file, '-p', $node->port, '-h', $node->host, $database
			]);
		$errors .= without_full_pool($err);
		$transactions += $1 if $out =~ /actually processed: (\d+)/;
		until_gone($node);
		$full = $node->safe_psql($database, $booked_full);
	}
	unlike($errors, qr/ERROR|FATAL|aborted/, "$isolation: no error but refusals");
	cmp_ok($transactions, '>', $clients, "$isolation: $transactions transactions");

	is($node->safe_psql($database, $overlaps), 0, "$isolation: no two overlap");
	is($node->safe_psql($database, $overbooked), 0, "$isolation: no pool is over its capacity");
	is($node->safe_psql($database, 'SELECT count(*) FROM booking.verify()'), 0, "$isolation: verify() agrees");

	cmp_ok($full, '>', 0, "$isolation: a pool was full");
	# All that was refused was refused for want of room: nothing more fits now than the
	# rows in force leave (the gaps of a room are really free).
	is($node->safe_psql($database, q{
		SELECT count(*) FROM booking.resource r, generate_series('2030-01-01'::timestamptz, '2030-01-03', '1 hour') AS instant
		WHERE r.kind = 'exclusive'
			AND (SELECT count(*) FROM booking.booking b WHERE b.resource_id = r.id AND b.status = 'confirmed' AND b.period @> instant)
			= (SELECT count(id) FROM booking.try_book_slot(r.id, tstzrange(instant, instant + interval '1 hour'), 'oracle'))}),
		0, "$isolation: free is what is not booked");
}

# A refusal leaves nothing in the server's log.
is_not_logged($node, qr/ERROR|FATAL|PANIC|deadlock detected|could not serialize/, 'nothing in the log');

$node->stop;
done_testing();
