# Pools so large that their bookings are not added up one by one: whatever many clients do to them and
# however they end, no more is booked than there is, what is kept of a pool comes to what is
# booked, and all that is left can be had.  The same after a crash, on a replica that takes
# over, and in a restored dump.

use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib "$FindBin::RealBin/lib";
use Crowds qw(complaints until_gone without_full_pool);

my $clients = $ENV{BOOKING_CLIENTS} // 32;
my $seconds = $ENV{BOOKING_SOAK} // 3;

my $node = PostgreSQL::Test::Cluster->new('pools');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', <<"CONF");
max_connections = @{[ $clients + 500 ]}
max_prepared_transactions = 5
fsync = off
deadlock_timeout = 100ms
log_min_messages = warning
CONF
$node->start;

# A hundred or so of three hundred: three bookings fill a pool, and many have met before that.
my $script = q{
\set dice random(1, 100)
\set pool random(1, 2)
\set other random(1, 3)
\set from random(0, 11)
\set hours random(1, 6)
\set quantity random(1, 120)
\if :dice <= 40
	SELECT FROM booking.try_book_slot('pool ' || :pool, hours(:from, :hours), 'c', :quantity);
\elif :dice <= 48
	SELECT FROM booking.try_book_slot('pool ' || :pool, hours(:from, :hours), 'c', :quantity, hold_for => '200 ms');
\elif :dice <= 54
	SELECT attempt($$SELECT booking.confirm(one('status = ''held'''))$$);
\elif :dice <= 68
	SELECT attempt($$SELECT booking.cancel(one('status IN (''held'', ''confirmed'')'))$$);
\elif :dice <= 76
	SELECT attempt(format($$SELECT booking.reschedule(one('status IN (''held'', ''confirmed'')'), hours(%s, %s))$$, :from, :hours));
\elif :dice <= 80
	SELECT attempt(format($$UPDATE booking.booking SET resource_id = booking.resource_id('pool ' || %s), quantity = %s WHERE id = one('status = ''confirmed''')$$, :other, :quantity));
\elif :dice <= 84
	SELECT attempt($$DELETE FROM booking.booking WHERE id = one('true')$$);
\elif :dice <= 86
	SELECT attempt($$SELECT booking.swap(one('status = ''confirmed'''), one('status = ''confirmed'''))$$);
\elif :dice <= 92
	BEGIN;
	SELECT attempt(format($$SELECT add('pool ' || %s, hours(%s, %s), %s)$$, :pool, :from, :hours, :quantity));
	SAVEPOINT a;
	SELECT attempt(format($$SELECT add('pool ' || %s, hours(%s, %s), %s)$$, :pool, :from, :hours, :quantity));
	SELECT attempt($$SELECT booking.cancel(one('holder = ''plain'' AND status = ''confirmed'''))$$);
	ROLLBACK TO a;
	SELECT attempt(format($$SELECT add('pool ' || %s, hours(%s, %s), %s)$$, :pool, :from, :hours, :quantity));
	COMMIT;
\elif :dice <= 94
	SELECT attempt(format($$INSERT INTO booking.booking AS b (id, resource_id, period, holder, quantity)
		VALUES (one('status IN (''held'', ''confirmed'')'), booking.resource_id('pool ' || %s), hours(%s, %s), 'plain', %s)
		ON CONFLICT (id) DO UPDATE SET quantity = excluded.quantity WHERE b.status IN ('held', 'confirmed')$$, :other, :from, :hours, :quantity));
\elif :dice <= 96
	BEGIN;
	SELECT FROM booking.try_book_slot('pool ' || :pool, hours(:from, :hours), 'c', :quantity);
	ROLLBACK;
\elif :dice <= 97
	SELECT attempt($$UPDATE booking.resource SET capacity = CASE capacity WHEN 300 THEN 255 ELSE 300 END WHERE name = 'pool 3'$$);
\elif :dice <= 98
	BEGIN;
	SELECT many('pool ' || :pool);
	SAVEPOINT a;
	SELECT many('pool ' || :pool);
	SELECT attempt($$SELECT booking.cancel(one('holder = ''plain'' AND status = ''confirmed'''))$$);
	ROLLBACK TO a;
	SELECT attempt(format($$SELECT add('pool ' || %s, hours(%s, %s), %s)$$, :pool, :from, :hours, :quantity));
	COMMIT;
\else
	SELECT attempt('SELECT booking.expire_holds()');
\endif
};

my $setup = q{
CREATE EXTENSION booking CASCADE;
SELECT booking.create_resource('pool ' || n, 'pooled', 300) FROM generate_series(1, 3) AS n;
CREATE FUNCTION hours(first integer, n integer) RETURNS tstzrange LANGUAGE sql AS $$
SELECT tstzrange('2031-01-01'::timestamptz + first * interval '1 hour', '2031-01-01'::timestamptz + (first + n) * interval '1 hour')
$$;
CREATE FUNCTION one(condition text) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
	id uuid;
BEGIN
	EXECUTE 'SELECT id FROM booking.booking WHERE ' || condition || ' ORDER BY random() LIMIT 1' INTO id;
	RETURN id;
END $$;
CREATE FUNCTION add(pool text, period tstzrange, quantity integer) RETURNS void LANGUAGE sql AS $$
INSERT INTO booking.booking (resource_id, period, holder, quantity) VALUES (booking.resource_id(pool), period, 'plain', quantity)
$$;
-- Periods that differ and overlap, more than a transaction reads again, of which some cannot be had.
CREATE FUNCTION many(pool text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	FOR from_hour IN 0 .. 5 LOOP
		FOR n IN 1 .. 4 LOOP
			PERFORM attempt(format('SELECT add(%L, hours(%s, %s), %s)', pool, from_hour, n, CASE n WHEN 3 THEN 200 ELSE 1 END));
		END LOOP;
	END LOOP;
END $$;
-- Refused, gone, changed meanwhile; two that move several things in one transaction may deadlock.
CREATE FUNCTION attempt(statement text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN exclusion_violation OR object_not_in_prerequisite_state OR undefined_object OR null_value_not_allowed
		OR invalid_parameter_value OR not_null_violation OR deadlock_detected OR serialization_failure THEN
	NULL;
END $$;
};

my $overbooked = q{
SELECT count(*) FROM booking.resource r, generate_series('2030-12-31'::timestamptz, '2031-01-03', '30 min') AS instant
WHERE r.capacity < (SELECT sum(quantity) FROM booking.booking b
	WHERE b.resource_id = r.id AND (b.status = 'confirmed' OR b.status = 'held' AND b.expires_at > now()) AND b.period @> instant)};

# Of each hour exactly what is left can be had, and not one more.
my $left = q{
SELECT count(*) FROM booking.resource r, generate_series(0, 17) AS h
CROSS JOIN LATERAL (SELECT (r.capacity - coalesce(sum(quantity), 0))::integer AS free FROM booking.booking b
	WHERE b.resource_id = r.id AND b.status = 'confirmed' AND b.period && hours(h, 1)) AS l
WHERE (l.free > 0 AND NOT can(r.name, hours(h, 1), l.free)) OR can(r.name, hours(h, 1), l.free + 1)};
my $can = q{
CREATE FUNCTION can(pool text, period tstzrange, n integer) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	said boolean;
BEGIN
	SELECT count(id) = 1 INTO said FROM booking.try_book_slot(pool, period, 'oracle', n);
	RAISE 'undo' USING ERRCODE = 'ZZ001';
EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
	RETURN said;
END $$};

sub check
{
	my ($server, $database, $what) = @_;

	is($server->safe_psql($database, $overbooked), 0, "$what: no pool is over its capacity");
	is($server->safe_psql($database, 'SELECT * FROM booking.verify()'), '', "$what: verify() agrees");
}

foreach my $isolation ('read committed', 'repeatable read', 'serializable')
{
	(my $database = $isolation) =~ s/ /_/;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql('postgres', "ALTER DATABASE $database SET default_transaction_isolation = '$isolation'");
	$node->safe_psql($database, $setup . $can);

	my $file = $node->basedir . '/pools.sql';
	open(my $fh, '>', $file) or die $!;
	print $fh $script;
	close $fh;

	# Until sums have been made: on a busy machine that takes longer.
	my ($errors, $sums) = ('', 0);
	for (my $round = 0; $round < 30 && !$sums; $round++)
	{
		my ($out, $err) = run_command(
			[
				'pgbench', '-n', '-c', $clients, '-j', 2, $round ? ('-t', 20) : ('-T', $seconds),
				'-f', $file, '-p', $node->port, '-h', $node->host, $database
			]);
		$errors .= without_full_pool($err);
		$sums = $node->safe_psql($database, 'SELECT count(*) FROM booking.pool_use WHERE folded');
		until_gone($node);
	}
	unlike($errors, qr/ERROR|FATAL|aborted/, "$isolation: no error but refusals") or diag(complaints($node, qr/ERROR|FATAL/));
	cmp_ok($sums, '>', 0, "$isolation: rows were folded");
	check($node, $database, $isolation);
	$node->safe_psql($database, q{SELECT booking.cancel(id) FROM booking.booking WHERE status = 'held' AND expires_at > now()});
	is($node->safe_psql($database, $left), 0, "$isolation: what is left can be had, and no more");
	check($node, $database, "$isolation, in the end");
}

# Killed in the middle, with a prepared transaction that has added to its row in place.
my $database = 'read_committed';
$node->safe_psql($database, q{
BEGIN;
SELECT add('pool 1', hours(500, 1), 100);
SELECT add('pool 1', hours(500, 1), 100);
SELECT count(add('pool 1', hours(800, n), 5)) FROM generate_series(1, 40) AS n;
PREPARE TRANSACTION 'pool';
});
my $busy = $node->background_psql($database);
$busy->query_safe(q{BEGIN; SELECT add('pool 1', hours(600, 1), 300); SELECT count(add('pool 1', hours(900, n), 5)) FROM generate_series(1, 40) AS n; DELETE FROM booking.booking WHERE holder = 'plain';});
$node->stop('immediate');
eval { $busy->quit };
$node->start;
check($node, $database, 'after a crash');
is($node->safe_psql($database, q{SELECT count(id) FROM booking.try_book_slot('pool 1', hours(600, 1), 'next', 300)}), 1,
	'what was in progress takes nothing');
is($node->safe_psql($database, q{SELECT count(id) FROM booking.try_book_slot('pool 1', hours(500, 1), 'next', 100)}), 1,
	'what fits whatever becomes of the prepared transaction waits for nobody');
$node->safe_psql($database, q{COMMIT PREPARED 'pool'});
is($node->safe_psql($database, q{SELECT count(id) FROM booking.try_book_slot('pool 1', hours(500, 1), 'next', 1)}), 0,
	'what was prepared takes what it took');
is($node->safe_psql($database, q{SELECT quantity FROM unnest('{101,100}'::int[]) AS n, booking.try_book_slot('pool 1', hours(800, 1), 'next', n)}), 100,
	'as do the rows of its batch');
is($node->safe_psql($database, q{SELECT quantity FROM booking.try_book_slot('pool 1', hours(900, 1), 'next', 300)}), 300,
	'and those of a batch that was in progress take nothing');
check($node, $database, 'after COMMIT PREPARED');

# A replica takes over.
$node->backup('backup');
my $replica = PostgreSQL::Test::Cluster->new('replica');
$replica->init_from_backup($node, 'backup', has_streaming => 1);
$replica->start;
$node->safe_psql($database, q{INSERT INTO booking.booking (resource_id, period, holder) SELECT booking.resource_id('pool 2'), hours(700, 1), 'plain' FROM generate_series(1, 200)});
$node->wait_for_catchup($replica);
$replica->promote;
check($replica, $database, 'a promoted replica');
is($replica->safe_psql($database, q{SELECT count(id) FROM booking.try_book_slot('pool 2', hours(700, 1), 'next', 101)}), 0, 'it keeps the rule');
is($replica->safe_psql($database, q{SELECT count(id) FROM booking.try_book_slot('pool 2', hours(700, 1), 'next', 100)}), 1, 'and books what is left');
$replica->stop;

# A dump leaves it out, and a restore has it again.
my $dump = $node->basedir . '/dump.sql';
command_ok([ 'pg_dump', '-h', $node->host, '-p', $node->port, '-f', $dump, $database ], 'dumped');
unlike(slurp_file($dump), qr/COPY booking.pool_use/, 'what is derived is not in it');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', $node->host, '-p', $node->port, '-f', $dump, 'restored' ], 'restored');
check($node, 'restored', 'restored');

# A session that looks at everything while it is being vacuumed and folded.
$node->safe_psql($database, q{VACUUM booking.pool_use});
check($node, $database, 'vacuumed');

$node->stop;
done_testing();
