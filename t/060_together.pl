# Many clients that book several things in one call, in random order, of 20 rooms, buses, pools and
# halls with slots, under a limit, next to single calls, any of several, series that are booked, moved and
# given up, groups that are given up, and a guarded table: no
# deadlock and no other error, no group of which a part is there, nothing sold twice.
# BOOKING_SOAK=60 does it for so many seconds at each isolation level.

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

my $node = PostgreSQL::Test::Cluster->new('together');
$node->init;
$node->append_conf('postgresql.conf', <<"CONF");
max_connections = @{[ $clients + 500 ]}
fsync = off
deadlock_timeout = 100ms
log_min_messages = warning
CONF
$node->start;

my $setup = q{
CREATE EXTENSION booking CASCADE;
SELECT booking.create_resource('room ' || n) FROM generate_series(1, 8) AS n;
SELECT booking.create_resource('bus ' || n, 'seated', seats => ARRAY['1', '2', '3', '4']) FROM generate_series(1, 4) AS n;
SELECT booking.create_resource('pool ' || n, 'pooled', 3) FROM generate_series(1, 4) AS n;
SELECT booking.create_resource('hall ' || n, 'pooled', 0) FROM generate_series(1, 4) AS n;
CREATE FUNCTION hours(first integer, n integer) RETURNS tstzrange LANGUAGE sql AS $$
SELECT tstzrange('2030-01-01'::timestamptz + first * interval '1 hour', '2030-01-01'::timestamptz + (first + n) * interval '1 hour')
$$;
SELECT booking.publish_slot('hall ' || n, hours(h, 1), 6) FROM generate_series(1, 4) AS n, generate_series(0, 9) AS h;
CREATE TABLE slots AS SELECT array_agg(id) AS ids FROM booking.slot;
INSERT INTO booking.holder_limit (per, max_bookings) VALUES ('active', 60);
CREATE TABLE stay (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, room int NOT NULL, during tstzrange NOT NULL, made_with uuid);
SELECT booking.guard_table('stay', '{room}', '{during}');

-- Between two rows of a call there is time for others.
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF random() < 0.3 THEN PERFORM pg_sleep(0.003); END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER dawdle BEFORE INSERT ON booking.booking FOR EACH ROW EXECUTE FUNCTION dawdle();

-- Something, anything.
CREATE FUNCTION request() RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	dice int := random() * 20;
	n int := 1 + floor(random() * 4);
	during text := hours(floor(random() * 10)::int, 1 + floor(random() * 4)::int);
BEGIN
	RETURN CASE
		WHEN dice < 8 THEN jsonb_build_object('resource', 'room ' || floor(random() * 8) + 1, 'period', during)
		WHEN dice < 10 THEN jsonb_build_object('resource', 'bus ' || n, 'period', during)
		WHEN dice < 12 THEN jsonb_build_object('resource', 'bus ' || n, 'period', during, 'seat', (1 + floor(random() * 4))::text)
		WHEN dice < 16 THEN jsonb_build_object('resource', 'pool ' || n, 'period', during, 'quantity', 1 + floor(random() * 2))
		ELSE jsonb_build_object('slot_id', (SELECT ids[1 + floor(random() * 40)] FROM slots), 'quantity', 1 + floor(random() * 2)) END;
END $$;
-- Only an answer is caught: anything else shows.
CREATE FUNCTION together(n integer, who text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE g uuid := gen_random_uuid();
BEGIN
	PERFORM booking.book_all((SELECT jsonb_agg(request()) FROM generate_series(1, n)), who, CASE WHEN random() < 0.7 THEN interval '100 ms' END, g);
	-- A table of the application's, last.
	IF random() < 0.3 THEN
		INSERT INTO stay (room, during, made_with) VALUES (1 + floor(random() * 3), hours(floor(random() * 20)::int, 2), g);
	END IF;
EXCEPTION
	WHEN exclusion_violation OR check_violation THEN NULL;
	WHEN invalid_parameter_value THEN IF sqlerrm !~ 'is wanted twice' THEN RAISE; END IF;
END $$;
CREATE FUNCTION seats(who text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM booking.book_seats('bus ' || floor(random() * 4) + 1, hours(floor(random() * 10)::int, 1 + floor(random() * 3)::int), who, 2, together => random() < 0.5);
EXCEPTION WHEN exclusion_violation OR check_violation THEN NULL;
END $$;
CREATE FUNCTION single(who text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE r jsonb := request();
BEGIN
	IF r ? 'slot_id' THEN
		PERFORM booking.book_place((r->>'slot_id')::bigint, who, (r->>'quantity')::int);
	ELSE
		PERFORM booking.book_slot(r->>'resource', (r->>'period')::tstzrange, who, coalesce((r->>'quantity')::int, 1), r->>'seat');
	END IF;
EXCEPTION WHEN exclusion_violation OR check_violation THEN NULL;
END $$;
CREATE FUNCTION any_of(who text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF random() < 0.5 THEN
		PERFORM booking.try_book_any(ARRAY['room 3', 'pool 2', 'room 1', 'bus 2', 'room 7'], hours(floor(random() * 10)::int, 1 + floor(random() * 3)::int), who);
	ELSE
		PERFORM booking.try_book_any_place(ARRAY['hall 2', 'hall 1', 'hall 4'], hours(floor(random() * 5)::int, 5), who, 1 + floor(random() * 2)::int);
	END IF;
EXCEPTION WHEN exclusion_violation OR check_violation THEN NULL;
END $$;
-- Three times, all or none; or what can be had of it.
CREATE FUNCTION series(who text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	skip bool := random() < 0.4;
	thing text := (ARRAY['room ' || 1 + floor(random() * 8), 'bus ' || 1 + floor(random() * 4), 'pool ' || 1 + floor(random() * 4)])[1 + floor(random() * 3)];
	during tstzrange := hours(floor(random() * 8)::int, 1 + floor(random() * 2)::int);
BEGIN
	IF random() < 0.5 THEN
		PERFORM booking.book_series(thing, during, '2 hours', 3, CASE WHEN skip THEN 'skip ' ELSE '' END || who, on_conflict => CASE WHEN skip THEN 'skip' ELSE 'fail' END);
	ELSE
		PERFORM booking.book_series_by_rule(thing, during, 'FREQ=DAILY;COUNT=3', CASE WHEN skip THEN 'skip ' ELSE '' END || who, on_conflict => CASE WHEN skip THEN 'skip' ELSE 'fail' END);
	END IF;
EXCEPTION WHEN exclusion_violation OR check_violation THEN NULL;
END $$;
-- All of a group an hour later or earlier, or given up.
CREATE FUNCTION change() RETURNS void LANGUAGE plpgsql AS $$
DECLARE b booking.booking;
BEGIN
	SELECT * INTO b FROM booking.booking WHERE status = 'confirmed' AND group_id IS NOT NULL ORDER BY random() LIMIT 1;
	IF b.id IS NULL THEN NULL;
	ELSIF random() < 0.3 THEN
		PERFORM booking.cancel_series(b.id, 'all');
	ELSE
		PERFORM booking.reschedule_series(b.id, tstzrange(lower(b.period) + d, upper(b.period) + d), CASE WHEN random() < 0.5 THEN 'all' ELSE 'following' END)
		FROM (SELECT interval '1 hour' * (floor(random() * 4) - 2) AS d) AS by;
	END IF;
EXCEPTION
	WHEN exclusion_violation OR check_violation THEN NULL;
	-- It has just been given up; or no slot is published for the new time.
	WHEN object_not_in_prerequisite_state OR undefined_object THEN NULL;
END $$;
CREATE FUNCTION give_up() RETURNS void LANGUAGE plpgsql AS $$
DECLARE g uuid;
BEGIN
	SELECT group_id INTO g FROM booking.booking WHERE status = 'confirmed' AND group_id IS NOT NULL ORDER BY random() LIMIT 1;
	IF g IS NOT NULL THEN PERFORM booking.cancel_group(g); END IF;
END $$;
};
# Most of it is undone, so that there is something to be had and to wait for.
my $script = q{
\set dice random(1, 20)
\if :dice <= 2
SELECT together(3, 'c' || :client_id::int);
\elif :dice <= 8
BEGIN;
SELECT together(3, 'c' || :client_id::int);
ROLLBACK;
\elif :dice <= 10
SELECT seats('c' || :client_id::int);
\elif :dice <= 12
SELECT single('c' || :client_id::int);
\elif :dice <= 14
SELECT give_up();
\elif :dice <= 16
SELECT series('c' || :client_id::int);
\elif :dice <= 17
BEGIN;
SELECT series('c' || :client_id::int);
ROLLBACK;
\elif :dice <= 18
SELECT any_of('c' || :client_id::int);
\else
SELECT change();
\endif
};
my $file = $node->basedir . '/together.sql';
append_to_file($file, $script);

for my $isolation ('read committed', 'repeatable read', 'serializable')
{
	(my $database = $isolation) =~ s/ /_/;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql('postgres', "ALTER DATABASE $database SET default_transaction_isolation = '$isolation'");
	$node->safe_psql($database, $setup);
	# What the application reads at SERIALIZABLE may always fail with 40001.
	$node->safe_psql($database, q{ALTER FUNCTION give_up() RENAME TO give_up_any; CREATE FUNCTION give_up() RETURNS void LANGUAGE sql AS $$ SELECT $$;
		ALTER FUNCTION change() RENAME TO change_any; CREATE FUNCTION change() RETURNS void LANGUAGE sql AS $$ SELECT $$})
		if $isolation eq 'serializable';

	# On a slow machine the time may be over before the first has booked anything.
	my ($done, $err) = (0, '');
	for (my $round = 0; $round < 20; $round++)
	{
		my ($out, $said) = run_command([ 'pgbench', '-n', '-c', $clients, '-j', 2, $round ? ('-t', 10) : ('-T', $seconds), '-f', $file, '-p', $node->port, '-h', $node->host, $database ]);
		$err .= without_full_pool($said);
		until_gone($node);
		$done += $1 if $out =~ /actually processed: (\d+)/;
		last if $done > 0 && $node->safe_psql($database, 'SELECT count(DISTINCT group_id) FROM booking.booking') > 1;
	}
	my @odd = grep { /ERROR|FATAL|aborted/ && !/could not serialize access/ } split /\n/, $err;
	@odd = grep { /ERROR|FATAL|aborted/ } split /\n/, $err if $isolation eq 'read committed';
	is(join("\n", @odd[0 .. ($#odd > 3 ? 3 : $#odd)]), '', "$isolation: no error but refusals");
	unlike($err, qr/deadlock/, "$isolation: no deadlock");
	cmp_ok($done, '>', 0, "$isolation: $done transactions");

	is($node->safe_psql($database, q{SELECT count(*) FROM booking.booking WHERE group_id IS NOT NULL AND holder NOT LIKE 'skip%' GROUP BY group_id HAVING count(*) NOT IN (2, 3)}),
		'', "$isolation: no part of a group");
	is($node->safe_psql($database, q{SELECT count(*) FROM (SELECT FROM booking.booking WHERE group_id IS NOT NULL AND checked_in_at IS NULL AND expires_at IS NULL
		GROUP BY group_id HAVING count(*) FILTER (WHERE status = 'cancelled') NOT IN (0, count(*))) AS part}), 0, "$isolation: none that is given up in part");
	is($node->safe_psql($database, q{SELECT count(*) FROM booking.booking a JOIN booking.booking b ON a.id < b.id
		AND a.resource_id = b.resource_id AND a.seat_no = b.seat_no AND a.period && b.period
		WHERE a.status = 'confirmed' AND b.status = 'confirmed'}), 0, "$isolation: no two overlap");
	is($node->safe_psql($database, q{SELECT count(*) FROM booking.resource r, generate_series('2029-12-31'::timestamptz, '2030-01-03', '30 min') AS instant
		WHERE r.kind = 'pooled' AND r.capacity < (SELECT sum(quantity) FROM booking.booking b
		WHERE b.resource_id = r.id AND b.slot_id IS NULL AND b.status = 'confirmed' AND b.period @> instant)}), 0, "$isolation: no pool is over its capacity");
	is($node->safe_psql($database, q{SELECT count(*) FROM booking.slot s WHERE s.capacity < (SELECT sum(quantity) FROM booking.booking b WHERE b.slot_id = s.id AND b.status = 'confirmed')}),
		0, "$isolation: no slot is sold beyond its places");
	is($node->safe_psql($database, q{SELECT count(*) FROM stay a JOIN stay b ON a.id < b.id AND a.room = b.room AND a.during && b.during}), 0, "$isolation: nor a guarded table");
	is($node->safe_psql($database, q{SELECT count(*) FROM stay s WHERE NOT EXISTS (SELECT FROM booking.booking b WHERE b.group_id = s.made_with)}), 0, "$isolation: what was booked with it is there");
	is($node->safe_psql($database, q{SELECT count(*) FROM (SELECT FROM booking.booking WHERE status = 'confirmed' GROUP BY holder HAVING count(*) > 60) AS beyond}), 0, "$isolation: no holder is beyond the limit");
	is($node->safe_psql($database, 'SELECT count(*) FROM booking.verify()'), 0, "$isolation: verify() agrees");
	cmp_ok($node->safe_psql($database, 'SELECT count(DISTINCT group_id) FROM booking.booking'), '>', 1, "$isolation: groups were booked");
}
# More clients than things, each for any of them: each thing is got once, and the others are refused.
$node->safe_psql('postgres', q{CREATE EXTENSION booking CASCADE; SELECT booking.create_resource('court ' || n, category => 'court') FROM generate_series(1, 50) AS n});
append_to_file($node->basedir . '/any.sql', q{BEGIN;
SELECT count(*) AS got FROM booking.try_book_any(NULL, '[2030-01-07 09:00, 2030-01-07 10:00)', 'c' || :client_id::int, category => 'court') \gset
INSERT INTO answers VALUES (:client_id, :got);
\sleep 20 ms
COMMIT;
});
$node->safe_psql('postgres', 'CREATE TABLE answers (client int, got int)');
my ($out, $err) = run_command([ 'pgbench', '-n', '-c', 64, '-j', 2, '-t', 1, '-f', $node->basedir . '/any.sql', '-p', $node->port, '-h', $node->host, 'postgres' ]);
unlike($err, qr/ERROR|FATAL|aborted/, 'any of fifty: no error');
is($node->safe_psql('postgres', 'SELECT got, count(*) FROM answers GROUP BY 1 ORDER BY 1'), "0|14\n1|50", 'any of fifty: fifty, and fourteen times no');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT resource_id) FROM booking.booking'), '50|50', 'any of fifty: each once');

is_not_logged($node, qr/deadlock detected|out of shared memory|PANIC|TRAP/, 'nor in the log');

# Single calls in one transaction, in opposite orders, may get a deadlock error, whose HINT names the way out.
# Neither wants its second court before both have their first.
$node->safe_psql('postgres', q{
CREATE FUNCTION until_both() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_advisory_xact_lock_shared(4711);
	WHILE (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND (classid, objid, objsubid) = (0, 4711, 1)) < 2 LOOP
		PERFORM pg_sleep(0.01);
	END LOOP;
END $$});
append_to_file($node->basedir . '/crossed.sql', q{BEGIN;
SELECT FROM booking.try_book_slot('court ' || 1 + :client_id::int, '[2030-01-08 09:00, 2030-01-08 10:00)', 'x');
SELECT until_both();
SELECT FROM booking.try_book_slot('court ' || 2 - :client_id::int, '[2030-01-08 09:00, 2030-01-08 10:00)', 'x');
ROLLBACK;
});
run_command([ 'pgbench', '-n', '-c', 2, '-j', 2, '-t', 1, '-f', $node->basedir . '/crossed.sql', '-p', $node->port, '-h', $node->host, 'postgres' ]);
like(slurp_file($node->logfile), qr/deadlock detected.*\n(.*\n)*?.*HINT:  Book several things in one call, booking.book_all\(\)/, 'the hint of a deadlock leads to book_all()');

$node->stop;
done_testing();
