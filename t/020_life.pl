# The whole life of bookings, at random and by many at once: held for milliseconds,
# confirmed, extended, moved, checked in and out, cancelled, waited for, offered, swept, by
# functions and by plain UPDATEs, a part of it rolled back.  Whatever happens, afterwards the
# tables alone must be consistent.
#
# BOOKING_SOAK: seconds an isolation level (5); BOOKING_CLIENTS: how many (64).

use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib "$FindBin::RealBin/lib";
use Crowds qw(is_not_logged until_gone);

my $clients = $ENV{BOOKING_CLIENTS} // 64;
my $seconds = $ENV{BOOKING_SOAK} // 4;

my $node = PostgreSQL::Test::Cluster->new('life');
$node->init;
$node->append_conf('postgresql.conf', <<"CONF");
max_connections = @{[ $clients + 20 ]}
fsync = off
deadlock_timeout = 100ms
log_min_messages = warning
log_statement = none
CONF
$node->start;

my $setup = q{
CREATE EXTENSION booking CASCADE;
SELECT booking.create_resource('room ' || n, buffer_after => n * interval '10 min') FROM generate_series(0, 1) AS n;
SELECT booking.create_resource('bus', 'seated', seats => ARRAY['1', '2', '3']);
SELECT booking.create_resource('pool', 'pooled', 4);
SELECT booking.create_resource('show', 'pooled', 9);

-- Every version of every booking, as it was stored.
CREATE TABLE history (n bigint GENERATED ALWAYS AS IDENTITY, id uuid, version integer, status text,
	expires_at timestamptz, checked_in_at timestamptz, checked_out_at timestamptz, began timestamptz DEFAULT now(), at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION remember() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO history (id, version, status, expires_at, checked_in_at, checked_out_at)
	VALUES (new.id, new.version, new.status, new.expires_at, new.checked_in_at, new.checked_out_at);
	RETURN NULL;
END $$;
CREATE TRIGGER remember AFTER INSERT OR UPDATE ON booking.booking FOR EACH ROW EXECUTE FUNCTION remember();

CREATE FUNCTION hours(first integer, n integer) RETURNS tstzrange LANGUAGE sql AS $$
SELECT tstzrange('2040-01-01'::timestamptz + first * interval '1 hour', '2040-01-01'::timestamptz + (first + n) * interval '1 hour')
$$;

-- Two slots, of one shard each and of several.
SELECT booking.publish_slot('show', hours(0, 4), 6);
SELECT booking.publish_slot('show', hours(4, 4), 130);

-- A refusal is an answer; everything else is a failure.
CREATE FUNCTION step(what integer, name text, first integer, n integer, quantity integer, client text, patience interval) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	wanted tstzrange := hours(first, n);
	target uuid;
	was integer;
	entry bigint;
BEGIN
	IF name NOT IN ('pool', 'show') THEN quantity := 1; END IF;
	IF name = 'show' AND what <= 39 THEN
		-- So many of the second slot that it is sold out as well.
		n := 1 + first % 2;
		quantity := quantity * CASE n WHEN 2 THEN 20 ELSE 1 END;
		IF what <= 30 THEN
			PERFORM FROM booking.try_book_place(n, client, quantity, hold_for => what * patience);
		ELSIF what <= 35 THEN
			PERFORM FROM booking.try_book_place(n, client, quantity);
		ELSE
			PERFORM FROM booking.wait_for_place(n, client, quantity, what * patience);
		END IF;
		RETURN;
	ELSIF name = 'show' AND what BETWEEN 81 AND 90 THEN
		wanted := hours(first % 2 * 4, 4);
	ELSIF name = 'show' THEN
		name := 'pool';
	END IF;
	IF what <= 30 THEN
		PERFORM FROM booking.try_book_slot(name, wanted, client, quantity, hold_for => what * patience);
		RETURN;
	ELSIF what <= 35 THEN
		PERFORM FROM booking.try_book_slot(name, wanted, client, quantity);
		RETURN;
	ELSIF what <= 39 THEN
		PERFORM FROM booking.wait_for_slot(name, wanted, client, quantity, what * patience);
		RETURN;
	ELSIF what <= 46 THEN
		SELECT id INTO entry FROM booking.waitlist WHERE status IN ('waiting', 'offered') ORDER BY random() LIMIT 1;
		IF entry IS NOT NULL THEN PERFORM FROM booking.leave_waitlist(entry); END IF;
		RETURN;
	ELSIF what <= 49 THEN
		PERFORM booking.expire_holds(what - 46);
		RETURN;
	END IF;

	-- Mostly an active booking, sometimes another.
	SELECT id, version INTO target, was FROM booking.booking
	WHERE what % 10 = 9 OR status IN ('held', 'confirmed') ORDER BY random() LIMIT 1;
	IF target IS NULL THEN RETURN; END IF;
	IF what <= 64 THEN
		PERFORM FROM booking.confirm(target);
	ELSIF what <= 68 THEN
		PERFORM FROM booking.extend_hold(target, what * patience);
	ELSIF what <= 80 THEN
		PERFORM FROM booking.cancel(target, 'at random');
	ELSIF what <= 90 THEN
		PERFORM FROM booking.reschedule(target, wanted, expected_version => CASE WHEN what < 85 THEN was END);
	ELSIF what <= 92 THEN
		PERFORM FROM booking.check_in(target);
	ELSIF what <= 94 THEN
		PERFORM FROM booking.check_out(target, lower(wanted) + interval '30 min');
	ELSIF what <= 96 THEN
		UPDATE booking.booking b SET status = 'confirmed', expires_at = NULL WHERE b.id = target AND b.status <> 'confirmed';
	ELSIF what <= 98 THEN
		UPDATE booking.booking b SET status = 'cancelled', expires_at = NULL, reason = 'plainly' WHERE b.id = target AND b.status IN ('held', 'confirmed');
	ELSE
		UPDATE booking.booking b SET period = wanted WHERE b.id = target AND b.slot_id IS NULL;
	END IF;
EXCEPTION
	WHEN exclusion_violation OR object_not_in_prerequisite_state OR undefined_object THEN NULL;
	WHEN invalid_parameter_value THEN
		IF SQLERRM <> 'check-out must not be before check-in' THEN RAISE; END IF;
	-- A plain UPDATE of what another client has just changed may fail: the application has to repeat it.
	WHEN serialization_failure THEN
		IF what <= 94 THEN RAISE; END IF;
END $$;

-- The oracle.
CREATE VIEW oracle AS
	SELECT 'two overlap' AS problem, a.id::text AS what FROM booking.booking a JOIN booking.booking b ON a.id <> b.id
		AND a.resource_id = b.resource_id AND a.seat_no = b.seat_no AND a.occupies && b.occupies
	WHERE a.status IN ('held', 'confirmed') AND b.status IN ('held', 'confirmed')
UNION ALL
	SELECT 'a peak above the capacity', r.name || ' at ' || at
	FROM booking.resource r, generate_series('2040-01-01'::timestamptz, '2040-01-03', '15 min') AS at
	WHERE r.kind = 'pooled' AND r.capacity < (SELECT sum(quantity) FROM booking.booking b
		WHERE b.resource_id = r.id AND b.slot_id IS NULL AND b.status IN ('held', 'confirmed') AND b.occupies @> at)
UNION ALL
	SELECT 'places that do not add up', s.id::text FROM booking.slot s
	WHERE s.capacity <> (SELECT sum(free) FROM booking.slot_places p WHERE p.slot_id = s.id)
		+ coalesce((SELECT sum(quantity) FROM booking.booking b WHERE b.slot_id = s.id AND b.status IN ('held', 'confirmed')), 0)
UNION ALL
	SELECT 'a version twice, or left out', id::text FROM history GROUP BY id
	HAVING count(*) <> max(version) OR count(DISTINCT version) <> max(version) OR min(version) <> 1
UNION ALL
	SELECT 'not the last of its versions', b.id::text FROM booking.booking b
	WHERE (b.version, b.status) IS DISTINCT FROM (SELECT (h.version, h.status) FROM history h WHERE h.id = b.id ORDER BY version DESC LIMIT 1)
UNION ALL
	SELECT 'a second life: ' || h.before || ' to ' || h.status, id::text
	FROM (SELECT *, lag(status) OVER w AS before, lag(expires_at) OVER w AS lapses FROM history WINDOW w AS (PARTITION BY id ORDER BY version)) AS h
	WHERE (before = 'expired' AND status IN ('held', 'confirmed'))
		OR (before = 'confirmed' AND status = 'expired')
		OR (before = 'confirmed' AND status = 'held')
		OR (before = 'held' AND status = 'confirmed' AND lapses < began)
		OR (before = 'held' AND status = 'expired' AND lapses > at)
UNION ALL
	SELECT 'two offers to one in line', waitlist_id::text FROM booking.booking WHERE waitlist_id IS NOT NULL GROUP BY waitlist_id HAVING count(*) > 1
UNION ALL
	SELECT format('in line as %s, with a booking that is %s', w.status, coalesce(b.status, 'none')), w.id::text
	FROM booking.waitlist w LEFT JOIN booking.booking b ON b.waitlist_id = w.id
	WHERE NOT CASE w.status WHEN 'waiting' THEN b.id IS NULL WHEN 'offered' THEN b.status = 'held'
		WHEN 'taken' THEN b.status IN ('confirmed', 'cancelled') WHEN 'lapsed' THEN b.status = 'expired'
		ELSE b.id IS NULL OR b.status IN ('cancelled', 'confirmed') END
UNION ALL
	SELECT 'a way back', problem || ' ' || coalesce(detail, '') FROM booking.verify();

-- Entries in line that what is free would fit: there must be none.
CREATE VIEW unserved AS
	SELECT w.* FROM booking.waitlist w JOIN booking.resource r ON r.id = w.resource_id
	WHERE w.status = 'waiting' AND CASE WHEN w.slot_id IS NOT NULL
			THEN w.quantity <= (SELECT sum(free) FROM booking.slot_places p WHERE p.slot_id = w.slot_id)
		WHEN r.kind = 'pooled' THEN w.quantity <= (SELECT min(r.capacity - coalesce((SELECT sum(quantity) FROM booking.booking b
				WHERE b.resource_id = r.id AND b.status IN ('held', 'confirmed') AND b.occupies @> at), 0))
			FROM generate_series(lower(w.period), upper(w.period) - interval '15 min', '15 min') AS at)
		WHEN r.kind = 'seated' THEN EXISTS (SELECT FROM booking.seat s WHERE s.resource_id = r.id AND NOT EXISTS (SELECT FROM booking.booking b
				WHERE b.resource_id = r.id AND b.seat_no = s.seat_no AND b.status IN ('held', 'confirmed') AND b.occupies && w.period))
		ELSE NOT EXISTS (SELECT FROM booking.booking b WHERE b.resource_id = r.id AND b.status IN ('held', 'confirmed')
			AND b.occupies && tstzrange(lower(w.period) - r.buffer_before, upper(w.period) + r.buffer_after)) END;
};

my $numbers = q{
\set what random(1, 100)
\set which random(1, 5)
\set first random(0, 30)
\set n random(1, 5)
\set quantity random(1, 3)
\set end random(1, 10)
};
my $step = q{SELECT step(:what, (ARRAY['room 0', 'room 1', 'bus', 'pool', 'show'])[:which], :first, :n, :quantity, 'c' || :client_id::int, :patience::int * interval '1 ms');};

foreach my $isolation ('read committed', 'repeatable read')
{
	(my $database = $isolation) =~ s/ /_/;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, $setup);
	$node->safe_psql('postgres', "ALTER DATABASE $database SET default_transaction_isolation = '$isolation'");

	my $file = $node->basedir . "/life.sql";
	open(my $fh, '>', $file) or die $!;
	print $fh "$numbers\n\\if :end = 1\nBEGIN;\n$step\nROLLBACK;\n\\else\nBEGIN;\nSELECT 1;\n$step\nCOMMIT;\n\\endif\n";
	close $fh;

	# Everything is to happen that the test is about.  On a busy machine that takes more turns,
	# and holds that last long enough to be confirmed.
	my @ends = ('confirmed', 'cancelled', 'expired', 'waitlist taken', 'waitlist lapsed', 'waitlist left');
	my ($errors, $transactions, %seen) = ('', 0);
	for (my $round = 0; $round < 40 && ($transactions <= $clients || grep { !$seen{$_} } @ends); $round++)
	{
		my ($out, $err) = run_command(
			[
				'pgbench', '-n', '-c', $clients, '-j', 2, $round ? ('-t', 10) : ('-T', $seconds), '-M', 'prepared',
				'-D', 'patience=' . 4**($round % 4),
				'-f', $file, '-p', $node->port, '-h', $node->host, $database
			]);
		$errors .= $err;
		$transactions += $1 if $out =~ /actually processed: (\d+)/;
		until_gone($node);
		%seen = map { split /\|/ } split /\n/, $node->safe_psql($database, q{
			SELECT status, count(*) FROM booking.booking GROUP BY status UNION ALL
			SELECT 'waitlist ' || status, count(*) FROM booking.waitlist GROUP BY status});
	}
	unlike($errors, qr/ERROR|FATAL|aborted/, "$isolation: no error but refusals");
	cmp_ok($transactions, '>', $clients, "$isolation: $transactions transactions");

	is($node->safe_psql($database, 'SELECT * FROM oracle ORDER BY 1, 2 LIMIT 10'), '', "$isolation: the tables tell a story that can be true");

	note join(', ', map { "$_ $seen{$_}" } sort keys %seen);
	is(join(' ', grep { !$seen{$_} } @ends), '', "$isolation: bookings and those in line have come to all their ends");

	# Swept until no offer lapses any more.
	$node->safe_psql($database, q{
		SELECT pg_sleep(coalesce(extract(epoch FROM max(expires_at) - clock_timestamp()), 0)) FROM booking.booking WHERE status = 'held';
		UPDATE booking.waitlist SET offer_for = '1 hour';
		SELECT booking.expire_holds(100000);
		SELECT booking.expire_holds(100000)});
	is($node->safe_psql($database, 'SELECT * FROM unserved'), '', "$isolation: no entry waits for what is free");
	is($node->safe_psql($database, 'SELECT * FROM oracle LIMIT 10'), '', "$isolation: and it is still true");

	# No place is lost: with the line gone, what the tables leave can be booked, and no more.
	$node->safe_psql($database, q{UPDATE booking.waitlist SET status = 'left' WHERE status = 'waiting'});
	is($node->safe_psql($database, q{
		WITH hour AS MATERIALIZED (SELECT r.id, at, (SELECT count(*) FROM booking.booking b
				WHERE b.resource_id = r.id AND b.status IN ('held', 'confirmed') AND b.occupies && tstzrange(at, at + interval '1 hour' + r.buffer_after)) AS taken
			FROM booking.resource r, generate_series('2040-01-01'::timestamptz, '2040-01-02 12:00', '1 hour') AS at WHERE r.kind = 'exclusive'),
		probe AS MATERIALIZED (SELECT h.*, (SELECT count(id) FROM booking.try_book_slot(h.id, tstzrange(at, at + interval '1 hour'), 'oracle', hold_for => '1 us')) AS got FROM hour h)
		SELECT count(*) FROM probe WHERE (taken = 0) <> (got = 1)}), 0, "$isolation: free is what is not booked");
}

is_not_logged($node, qr/FATAL|PANIC|TRAP|deadlock detected|could not serialize/, 'nothing in the log');

$node->stop;
done_testing();
