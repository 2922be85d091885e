# Rules that change while many clients book: no active booking ever overlaps a closure, no
# capacity and no holder's limit is ever exceeded, and no client gets any error but a refusal.
# The oracle is plain SQL, asked all the time and at the end.

use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib "$FindBin::RealBin/lib";
use Crowds qw(is_not_logged until_gone without_full_pool);

my $clients = $ENV{BOOKING_CLIENTS} // 32;
my $seconds = $ENV{BOOKING_SOAK} // 3;

my $node = PostgreSQL::Test::Cluster->new('rules');
$node->init;
$node->append_conf('postgresql.conf', <<"CONF");
max_connections = 500
fsync = off
deadlock_timeout = 100ms
max_pred_locks_per_transaction = 1000
log_min_messages = warning
CONF
$node->start;

my $setup = q{
CREATE EXTENSION booking CASCADE;
SELECT FROM booking.create_resource('r1');
SELECT FROM booking.create_resource('r2', buffer_after => '30 min');
SELECT FROM booking.create_resource('r3', 'pooled', 4);
SELECT FROM booking.create_resource('r4', 'seated', seats => ARRAY['1', '2', '3']);

CREATE FUNCTION hours(first integer, n integer) RETURNS tstzrange LANGUAGE sql AS $$
SELECT tstzrange('2030-01-01'::timestamptz + first * interval '1 hour', '2030-01-01'::timestamptz + (first + n) * interval '1 hour')
$$;
-- A refusal is an answer: which, is counted by the caller.
CREATE FUNCTION refused(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN false;
EXCEPTION WHEN exclusion_violation OR object_not_in_prerequisite_state OR undefined_object THEN
	RETURN true;
END $$;
-- Holds of all ages, for the clients that confirm, move and cancel.
CREATE FUNCTION somebody(lot integer) RETURNS uuid LANGUAGE sql AS $$
SELECT coalesce((SELECT id FROM booking.booking WHERE status IN ('held', 'confirmed') ORDER BY id OFFSET lot LIMIT 1), booking.uuid_v7())
$$;
CREATE TABLE seen (during text, problem text);
CREATE VIEW wrong AS
	SELECT b.period::text || ' in ' || c.period::text AS problem
	FROM booking.booking b JOIN booking.closure c ON c.period && b.period
		AND (c.resource_id = b.resource_id OR c.resource_id IS NULL)
	WHERE b.status = 'confirmed' OR b.status = 'held' AND b.expires_at > clock_timestamp()
UNION ALL
	SELECT 'capacity at ' || instant FROM booking.resource r,
		generate_series('2030-01-01'::timestamptz, '2030-01-04', '1 hour') AS instant
	WHERE r.name = 'r3' AND r.capacity < (SELECT sum(quantity) FROM booking.booking b
		WHERE b.resource_id = r.id AND b.period @> instant
			AND (b.status = 'confirmed' OR b.status = 'held' AND b.expires_at > clock_timestamp()));
};

my $numbers = q{
\set resource random(1, 4)
\set from random(0, 60)
\set hours random(1, 6)
\set dice random(1, 100)
\set lot random(0, 12)
};

my $script = $numbers . q{
\if :dice <= 25
	SELECT FROM booking.try_book_slot('r' || :resource::int, hours(:from, :hours), 'c' || :client_id::int);
\elif :dice <= 35
	SELECT FROM booking.try_book_slot('r' || :resource::int, hours(:from, :hours), 'c' || :client_id::int, hold_for => '40 ms');
\elif :dice <= 40
	BEGIN;
	SELECT FROM booking.try_book_slot('r' || :resource::int, hours(:from, :hours), 'c' || :client_id::int);
	ROLLBACK;
\elif :dice <= 50
	SELECT refused(format('INSERT INTO booking.booking (resource_id, period, holder) SELECT id, %L, ''plain'' FROM booking.resource WHERE name = %L',
		hours(:from, :hours), 'r' || :resource::int));
\elif :dice <= 60
	SELECT refused(format('SELECT FROM booking.confirm(%L)', somebody(:lot)));
\elif :dice <= 64
	SELECT refused(format('UPDATE booking.booking SET status = ''confirmed'', expires_at = NULL WHERE id = %L', somebody(:lot)));
\elif :dice <= 68
	SELECT refused(format('SELECT FROM booking.reschedule(%L, %L)', somebody(:lot), hours(:from, :hours)));
\elif :dice <= 71
	SELECT refused(format('SELECT FROM booking.cancel(%L)', somebody(:lot)));
\elif :dice <= 79
	SELECT refused(format('SELECT FROM booking.close_period(%L, %L)', 'r' || :resource::int, hours(:from, :hours)));
\elif :dice <= 82
	SELECT FROM booking.close_period('r' || :resource::int, hours(:from, :hours), 'forced', true);
\elif :dice <= 83
	SELECT FROM booking.close_period(NULL::bigint, hours(:from, 1), 'forced', true);
\elif :dice <= 84
	BEGIN;
	SELECT FROM booking.close_period('r' || :resource::int, hours(:from, :hours), 'never', true);
	ROLLBACK;
\elif :dice <= 86
	SELECT refused(format('UPDATE booking.closure SET period = %L WHERE id = (SELECT id FROM booking.closure ORDER BY id LIMIT 1)', hours(:from, :hours)));
\elif :dice <= 93
	DELETE FROM booking.closure WHERE id = (SELECT id FROM booking.closure ORDER BY id LIMIT 1);
\elif :dice <= 96
	SELECT refused(format('UPDATE booking.resource SET capacity = %s WHERE name = ''r3''', :lot / 2));
\else
	INSERT INTO seen SELECT 'the run', problem FROM wrong;
\endif
};

sub script
{
	my ($name, $text) = @_;
	my $file = $node->basedir . "/$name.sql";
	open(my $fh, '>', $file) or die $!;
	print $fh $text;
	close $fh;
	return $file;
}

sub pgbench
{
	my ($database, $file, @options) = @_;
	return run_command([ 'pgbench', '-n', '-j', 2, @options, '-f', $file, '-p', $node->port, '-h', $node->host, $database ]);
}

# An UPDATE of a row that another client has just changed is 40001 above READ COMMITTED, by
# PostgreSQL itself; there, only our functions are called.  And a client that
# reads the bookings at SERIALIZABLE, as the oracle does, and as a change of the rules
# has to, may always get 40001.
foreach my $isolation ('read committed', 'repeatable read', 'serializable')
{
	(my $database = $isolation) =~ s/ /_/;
	(my $text = $script) =~ s/^\\elif :dice <= 64\n.*?\n(?=\\elif)//ms if $isolation ne 'read committed';
	$text = $script if $isolation eq 'read committed';
	if ($isolation ne 'read committed')
	{
		$text =~ s/^\\elif :dice <= 86\n.*?\n(?=\\else)/\\elif :dice <= 92\n\tSELECT lift();\n/ms;
	}
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, $setup);
	$node->safe_psql($database, q{
		CREATE FUNCTION lift() RETURNS void LANGUAGE plpgsql AS $$
		BEGIN
			DELETE FROM booking.closure WHERE id = (SELECT id FROM booking.closure ORDER BY id LIMIT 1);
		EXCEPTION WHEN serialization_failure THEN NULL;
		END $$;});
	$node->safe_psql('postgres', "ALTER DATABASE $database SET default_transaction_isolation = '$isolation'");

	# Everything is to happen that the test is about: on a busy machine that takes longer.
	my ($errors, $transactions, $ends) = ('', 0, 0);
	for (my $round = 0; $round < 30 && ($ends < 3 || $transactions <= 2 * $clients); $round++)
	{
		my ($out, $err) = pgbench($database, script('rules', $text), '-c', $clients, $round ? ('-t', 10) : ('-T', $seconds), '-M', 'prepared',
			$isolation eq 'serializable' ? ('--max-tries', 1000) : ());
		$errors .= without_full_pool($err);
		$transactions += $1 if $out =~ /actually processed: (\d+)/;
		until_gone($node);
		$ends = $node->safe_psql($database, q{
			SELECT count(DISTINCT status) FROM booking.booking WHERE status = 'expired' OR status = 'cancelled' AND reason = 'forced'});
		# Another client may just have lifted the last closure.
		$ends++ if $node->safe_psql($database, 'SELECT EXISTS (SELECT FROM booking.closure)') eq 't';
	}
	cmp_ok($transactions, '>', 2 * $clients, "$isolation: $transactions transactions");
	unlike($errors, qr/ERROR|FATAL|aborted/, "$isolation: no error but refusals");
	$node->safe_psql($database, q{INSERT INTO seen SELECT 'the end', problem FROM wrong});
	is($node->safe_psql($database, 'SELECT * FROM seen LIMIT 5'), '', "$isolation: nothing was ever wrong");
	is($node->safe_psql($database, 'SELECT * FROM booking.verify()'), '', "$isolation: verify() agrees");
	is($node->safe_psql($database, q{SELECT count(DISTINCT status) FROM booking.booking
		WHERE status = 'expired' OR status = 'cancelled' AND reason = 'forced'}), 2,
		"$isolation: some lapsed, some were forced away");
	cmp_ok($node->safe_psql($database, 'SELECT count(*) FROM booking.closure'), '>', 0, "$isolation: something is closed");
}

# One customer, at many resources at once.
foreach my $isolation ('read committed', 'repeatable read', 'serializable')
{
	(my $database = $isolation) =~ s/ /_/;
	$node->safe_psql($database, q{
		SELECT booking.create_resource('desk ' || n, category => 'desk') FROM generate_series(1, 64) AS n;
		INSERT INTO booking.holder_limit (category, per, max_bookings) VALUES ('desk', 'active', 3);
		CREATE FUNCTION book_desk(n integer, try integer, holder text) RETURNS text LANGUAGE plpgsql AS $$
		BEGIN
			PERFORM FROM booking.book_slot('desk ' || n, tstzrange('2040-01-01'::timestamptz + try * interval '1 day', '2040-01-01'::timestamptz + (try + 1) * interval '1 day'), holder);
			RETURN 'booked';
		EXCEPTION WHEN check_violation THEN
			RETURN 'limit';
		-- Another has drawn the same day of the same desk.
		WHEN exclusion_violation THEN
			RETURN 'taken';
		END $$});
	my ($out, $err) = pgbench($database, script('limit', q{
		\set try random(1, 100000)
		\set dice random(1, 4)
		\set desk random(1, 64)
		SELECT book_desk(:client_id::int + 1, :try::int, 'one customer');
		BEGIN;
		SELECT book_desk(:desk::int, :try::int, 'customer ' || :dice::int);
		ROLLBACK;
		SELECT book_desk(:desk::int, :try::int, 'customer ' || :dice::int);
		}), '-c', 64, '-t', 5, '-M', 'prepared', $isolation eq 'serializable' ? ('--max-tries', 1000) : ());
	unlike(without_full_pool($err), qr/ERROR|aborted/, "$isolation: 64 requests at once, and no error but refusals");
	is($node->safe_psql($database, q{SELECT holder, count(*) FROM booking.booking WHERE holder LIKE '%customer%' AND status = 'confirmed' GROUP BY 1 ORDER BY 1}),
		"customer 1|3\ncustomer 2|3\ncustomer 3|3\ncustomer 4|3\none customer|3", "$isolation: each customer has what the limit allows, and none has less");
}

is_not_logged($node, qr/(?:ERROR|FATAL|PANIC):  (?!could not serialize access due to read\/write)/, 'nothing in the log');

# A dump with everything that a rule may have left behind: a lapsed hold in a closure and
# beyond a retirement, a capacity below what was once in use, limits that are exceeded.
$node->safe_psql('postgres', 'CREATE DATABASE source');
$node->safe_psql('source', q{
	CREATE EXTENSION booking CASCADE;
	SELECT FROM booking.create_resource('room');
	SELECT FROM booking.create_resource('pool', 'pooled', 5);
	SELECT FROM booking.create_resource('desk');
	SELECT FROM booking.book_slot('room', '[2050-01-01, 2050-01-02)', 'lapsed', hold_for => '10 ms');
	SELECT FROM booking.book_slot('desk', '[2050-01-01, 2050-01-02)', 'lapsed', hold_for => '10 ms');
	SELECT FROM booking.book_slot('pool', '[2050-01-01, 2050-01-02)', 'lapsed', 5, hold_for => '10 ms');
	SELECT FROM booking.book_slot('pool', '[2001-01-01, 2001-01-02)', 'past', 5);
	INSERT INTO booking.booking (resource_id, period, holder, quantity)
	SELECT id, tstzrange(now() - interval '2 days', now() - interval '1 day'), 'past', 4 FROM booking.resource WHERE name = 'pool';
	INSERT INTO booking.booking (resource_id, period, holder, quantity)
	SELECT id, tstzrange(now() - interval '2 days', now() + interval '100 days'), 'stays', 1 FROM booking.resource WHERE name = 'pool';
	SELECT FROM booking.book_slot('room', '[2050-02-01, 2050-02-02)', 'many');
	SELECT FROM booking.book_slot('desk', '[2050-02-01, 2050-02-02)', 'many');
	SELECT pg_sleep(0.05);
	SELECT FROM booking.close_period(NULL::bigint, '[2050-01-01, 2050-01-02)', 'closed');
	SELECT FROM booking.close_period('room', '[2050-03-01, 2050-03-02)', 'closed, too');
	UPDATE booking.resource SET capacity = 1 WHERE name = 'pool';
	UPDATE booking.resource SET retired_at = '2050-01-01' WHERE name = 'pool';
	UPDATE booking.resource SET min_notice = '1 year', max_advance = '2 years', min_duration = '1 h', max_duration = '2 h', max_hold = '1 min' WHERE name = 'room';
	INSERT INTO booking.opening_hours (resource_id, weekday, opens, closes) SELECT id, 1, '09:00', '10:00' FROM booking.resource;
	INSERT INTO booking.opening_hours (resource_id, on_date) SELECT id, '2050-01-01' FROM booking.resource;
	INSERT INTO booking.holder_limit (per, max_bookings) VALUES ('active', 1), ('month', 1);
	});
my $dump = $node->basedir . '/dump.sql';
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_dump', '-f', $dump, '-d', $node->connstr('source') ], 'dumped');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr('restored') ], 'restored');
foreach my $table ('resource', 'closure', 'opening_hours', 'holder_limit', 'booking')
{
	my $rows = "SELECT * FROM booking.$table t ORDER BY t.id";
	is($node->safe_psql('restored', $rows), $node->safe_psql('source', $rows), "the same rows of $table");
}
foreach my $table ('resource', 'closure', 'opening_hours', 'holder_limit')
{
	my $next = "SELECT nextval('booking.${table}_id_seq')";
	is($node->safe_psql('restored', $next), $node->safe_psql('source', $next), "the same next id of $table");
}
is($node->safe_psql('restored', 'SELECT * FROM booking.verify()'), '', 'verify() agrees');

$node->stop;
done_testing();
