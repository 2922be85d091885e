# Slots are sold to the last place and not one further, by many clients at once, at every
# isolation level, with rollbacks, cancellations, lapsing holds and terminated backends;
# and never does a client get an error but a refusal.
#
# BOOKING_SOAK=seconds makes the sale with accidents longer, and adds a slot of 100,000.

use strict;
use warnings FATAL => 'all';

use FindBin;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib "$FindBin::RealBin/lib";
use Crowds qw(is_not_logged until_gone without_full_pool);

my $clients = $ENV{BOOKING_CLIENTS} // 64;
my $seconds = $ENV{BOOKING_SOAK} // 3;
my @capacities = (1, 7, 64, 65, 1000);
push @capacities, 100_000 if $ENV{BOOKING_SOAK};

my $node = PostgreSQL::Test::Cluster->new('places');
$node->init;
$node->append_conf('postgresql.conf', <<"CONF");
max_connections = @{[ $clients + 500 ]}
fsync = off
deadlock_timeout = 100ms
CONF
$node->start;

my $setup = q{
CREATE EXTENSION booking CASCADE;
SELECT FROM booking.create_resource('hall', 'pooled', 0);
SELECT FROM booking.create_resource('room');
CREATE TABLE refused (slot_id bigint, quantity integer);

-- One to five places at a time, until that is refused.
CREATE PROCEDURE buy(slot bigint) LANGUAGE plpgsql AS $$
DECLARE
	wanted integer;
	got uuid;
BEGIN
	LOOP
		wanted := 1 + floor(random() * 5);
		SELECT id INTO got FROM booking.try_book_place(slot, 'client', wanted);
		EXIT WHEN got IS NULL;
		COMMIT;
	END LOOP;
	INSERT INTO refused VALUES (slot, wanted);
END $$;

-- What customers do, and the errors that they may get.
CREATE PROCEDURE live(slot bigint) LANGUAGE plpgsql AS $$
DECLARE
	dice integer := floor(random() * 20);
	wanted integer := 1 + floor(random() * 5);
	mine uuid;
BEGIN
	IF dice < 10 THEN
		PERFORM booking.try_book_place(slot, 'client', wanted);
	ELSIF dice < 12 THEN
		PERFORM booking.try_book_place(slot, 'client', wanted, hold_for => '20 ms');
	ELSIF dice < 14 THEN
		PERFORM booking.try_book_place(slot, 'client', wanted, hold_for => '1 hour');
	ELSE
		SELECT id INTO mine FROM booking.booking WHERE slot_id = slot AND status IN ('held', 'confirmed')
		OFFSET floor(random() * 50) LIMIT 1;
		CASE dice
			WHEN 14, 15 THEN
				PERFORM booking.cancel(mine) WHERE mine IS NOT NULL;
			WHEN 16 THEN
				-- Above READ COMMITTED, plain SQL about a row that another client has changed fails anyway.
				DELETE FROM booking.booking WHERE id = mine AND current_setting('transaction_isolation') = 'read committed';
			WHEN 17 THEN
				UPDATE booking.booking SET quantity = 6 - least(quantity, 5), status = 'confirmed', expires_at = NULL
				WHERE id = mine AND current_setting('transaction_isolation') = 'read committed';
			WHEN 18 THEN
				PERFORM booking.confirm(mine) WHERE mine IS NOT NULL;
			ELSE
				-- Two that book twice may make a deadlock, and PostgreSQL may end a client that waits behind them: one at a time.
				PERFORM pg_advisory_xact_lock(19);
				INSERT INTO booking.booking (slot_id, holder, quantity) SELECT slot, 'plain', wanted FROM generate_series(1, 2);
		END CASE;
	END IF;
EXCEPTION
	-- Another client may have changed or removed the booking just before: that, and nothing else.
	WHEN exclusion_violation OR object_not_in_prerequisite_state OR undefined_object THEN
		NULL;
END $$;
};
my $aborting = q{
\set dice random(1, 5)
\if :dice = 1
BEGIN;
SELECT FROM booking.try_book_place(:slot, 'client', :dice);
ROLLBACK;
\else
CALL live(:slot);
\endif
};

# Runs a script of pgbench's, and returns what it says and what went wrong.
sub pgbench
{
	my ($database, $script, @options) = @_;
	my $file = $node->basedir . '/script.sql';
	open(my $fh, '>', $file) or die $!;
	print $fh $script;
	close $fh;
	return run_command(
		[
			'pgbench', '-n', '-c', $clients, '-j', 2, '-M', 'prepared', '-f', $file, @options,
			'-p', $node->port, '-h', $node->host, $database
		]);
}

# Errors that no transaction may end with.
my $ends = qr/ERROR|aborted/;

# A client that asks for all that is left gets it; there may be none.
sub the_rest
{
	my ($database, $slot, $rest, $what) = @_;
	is($node->safe_psql($database, "SELECT coalesce(sum(quantity), 0) FROM booking.try_book_place($slot, 'last', greatest($rest, 1))"), $rest, $what);
}

# Capacity, places in active bookings, places in the counters.
sub places
{
	my ($database, $slot) = @_;
	return split /\|/, $node->safe_psql($database, qq{
		SELECT capacity,
			(SELECT coalesce(sum(quantity), 0) FROM booking.booking WHERE slot_id = s.id AND status IN ('held', 'confirmed')),
			(SELECT sum(free) FROM booking.slot_places WHERE slot_id = s.id)
		FROM booking.slot AS s WHERE id = $slot});
}

foreach my $isolation ('read committed', 'repeatable read', 'serializable')
{
	(my $database = $isolation) =~ s/ /_/;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql('postgres', "ALTER DATABASE $database SET default_transaction_isolation = '$isolation'");
	$node->safe_psql($database, $setup);

	foreach my $capacity (@capacities)
	{
		my $what = "$isolation, $capacity places";
		my $slot = $node->safe_psql($database,
			"SELECT id FROM booking.publish_slot('hall', '[2030-01-01 20:00, 2030-01-01 22:00)', $capacity)");

		# Until each has been refused.
		my ($errors, $refused, $least) = ('', 0);
		for (my $round = 0; $round < 30 && $refused < $clients && $errors !~ $ends; $round++)
		{
			my (undef, $err) = pgbench($database, "CALL buy($slot);\n", '-t', 1, '-c', $clients - $refused);
			$errors .= without_full_pool($err);
			until_gone($node);
			($refused, $least) = split /\|/, $node->safe_psql($database, "SELECT count(*), min(quantity) FROM refused WHERE slot_id = $slot");
		}
		unlike($errors, $ends, "$what: no error but refusals");
		my (undef, $sold, $free) = places($database, $slot);
		is($sold + $free, $capacity, "$what: what is not sold is free");
		cmp_ok($sold, '<=', $capacity, "$what: $sold sold");
		is($refused, $clients, "$what: each client has bought until it was refused");
		cmp_ok($free, '<', $least, "$what: none was refused what there was, $free left");
		the_rest($database, $slot, $free, "$what: the rest goes to one");
		is($node->safe_psql($database, "SELECT count(id) FROM booking.try_book_place($slot, 'late')"),
			0, "$what: sold out");
	}
	is($node->safe_psql($database, 'SELECT count(*) FROM booking.verify()'), 0, "$isolation: verify() agrees");
}

# A sale with accidents, while backends are terminated.
foreach my $isolation ('read committed', 'repeatable read')
{
	(my $database = $isolation) =~ s/ /_/;
	foreach my $capacity (50, 1000)
	{
		my $what = "$isolation, $capacity places and accidents";
		my $slot = $node->safe_psql($database,
			"SELECT id FROM booking.publish_slot('hall', '[2030-01-02 20:00, 2030-01-02 22:00)', $capacity)");
		# Two groups of clients: one that must see no error, and one whose backends are terminated.
		my $file = $node->basedir . '/accidents.sql';
		open(my $fh, '>', $file) or die $!;
		print $fh $aborting;
		close $fh;
		my @command = (
			'pgbench', '-n', '-j', 2, '-M', 'prepared', '-T', $seconds, '-D', "slot=$slot",
			'-p', $node->port, '-h', $node->host);
		my ($shot_out, $shot_err) = ('', '');
		my $shot = IPC::Run::start([ @command, '-c', $clients / 4, '-C', '-f', $file,
			"dbname=$database application_name=victim" ],
			'<', \undef, '>', \$shot_out, '2>', \$shot_err);
		my $hunter = IPC::Run::start(
			[ 'psql', '-XqAt', '-h', $node->host, '-p', $node->port, 'postgres', '-c', q{SET log_min_messages = error}, '-c', qq{
				DO \$\$ BEGIN FOR i IN 1 .. $seconds * 50 LOOP
					PERFORM pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity
						WHERE application_name = 'victim' AND state = 'active' ORDER BY random() LIMIT 1) AS v;
					PERFORM pg_sleep(0.02); PERFORM pg_stat_clear_snapshot();
				END LOOP; END \$\$} ], '<', \undef, '>', '/dev/null', '2>', '/dev/null');
		# On a busy machine it takes longer until each has made a call or two.
		my ($errors, $transactions) = ('', 0);
		for (my $round = 0; $round < 30 && $transactions <= $clients; $round++)
		{
			my ($out, $err) = pgbench($database, $aborting, $round ? ('-t', 10) : ('-T', $seconds), '-D', "slot=$slot", '-c', $clients / 2);
			$errors .= $err;
			$transactions += $1 if $out =~ /actually processed: (\d+)/;
			until_gone($node);
		}
		$shot->finish;
		$hunter->finish;
		until_gone($node, 'victim');
		# Until the last of the holds has lapsed, too.
		$node->safe_psql($database, q{SELECT pg_sleep(coalesce(extract(epoch FROM max(expires_at) - clock_timestamp()), 0)) FROM booking.booking WHERE status = 'held' AND expires_at < clock_timestamp() + '1 minute'});
		unlike($errors, $ends, "$what: no error but refusals");
		cmp_ok($transactions, '>', $clients, "$what: $transactions transactions");

		my (undef, $sold, $free) = places($database, $slot);
		is($sold + $free, $capacity, "$what: what is not sold is free");
		cmp_ok($sold, '<=', $capacity, "$what: $sold sold");
		is($node->safe_psql($database, 'SELECT count(*) FROM booking.verify()'), 0, "$what: verify() agrees");
		my $lapsed = $node->safe_psql($database, qq{
			SELECT coalesce(sum(quantity), 0) FROM booking.booking WHERE slot_id = $slot AND status = 'held' AND expires_at <= clock_timestamp()});
		my $rest = $free + $lapsed;
		the_rest($database, $slot, $rest, "$what: nothing was lost, the rest ($free and $lapsed lapsed) goes to one");
		is($node->safe_psql($database, "SELECT count(id) FROM booking.try_book_place($slot, 'late')"), 0, "$what: sold out");
	}
}

# Nothing in the server's log but the backends that were terminated.
is_not_logged($node, qr/deadlock detected|could not serialize|PANIC|WARNING|settled/, 'no deadlock, no serialization failure');

$node->stop;
done_testing();
