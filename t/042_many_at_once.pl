# Transactions that have so many locks that they do with fewer, next to one another and to
# ordinary ones, with subtransactions that are rolled back in between: the lock table is made
# small, so that some forty rows are many.  Whichever wins, nothing is sold twice, no holder gets
# round its limit, and what is derived adds up.  BOOKING_MANY_AT_ONCE=1000 does more of it.

use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib "$FindBin::RealBin/lib";
use Crowds qw(complaints is_not_logged without_full_pool);

my $EACH = $ENV{BOOKING_MANY_AT_ONCE} // 4;	# transactions of a client

my $node = PostgreSQL::Test::Cluster->new('many_at_once');
$node->init;
# A deadlock between two transactions that take rows in different orders is an answer, and soon given.
$node->append_conf('postgresql.conf', q{
fsync = off
max_locks_per_transaction = 10
max_connections = 60
deadlock_timeout = 50ms
});
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION booking CASCADE;
INSERT INTO booking.resource (name, kind, capacity)
SELECT 'r' || n, CASE WHEN n % 2 = 0 THEN 'pooled' ELSE 'exclusive' END, CASE WHEN n % 2 = 0 THEN 3 ELSE 1 END FROM generate_series(1, 120) AS n;
INSERT INTO booking.slot (resource_id, period, capacity) SELECT id, '[2040-01-01, 2040-01-02)', 3 FROM booking.resource;
INSERT INTO booking.holder_limit (per, max_bookings) VALUES ('active', 25);

-- In any order, each in a subtransaction of its own; some of those that succeed are undone.
CREATE FUNCTION many_places(n integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE id bigint;
BEGIN
	FOR id IN SELECT s.id FROM booking.slot s ORDER BY random() LIMIT n LOOP
		BEGIN
			INSERT INTO booking.booking (slot_id, holder, quantity) VALUES (id, 'h' || (random() * 12)::int, 1 + (random() * 2)::int);
			IF random() < 0.3 THEN RAISE SQLSTATE 'OK000'; END IF;
		EXCEPTION WHEN SQLSTATE 'OK000' OR exclusion_violation OR check_violation OR undefined_object OR invalid_parameter_value OR object_not_in_prerequisite_state THEN
		END;
	END LOOP;
END $$;
CREATE FUNCTION many_periods(n integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE id bigint; hour int;
BEGIN
	FOR id IN SELECT r.id FROM booking.resource r ORDER BY random() LIMIT n LOOP
		hour := (random() * 4)::int;
		BEGIN
			INSERT INTO booking.booking (resource_id, period, holder)
			VALUES (id, tstzrange('2041-01-01'::timestamptz + hour * interval '1 hour', '2041-01-01 02:00'::timestamptz + hour * interval '1 hour'), 'h' || (random() * 12)::int);
			IF random() < 0.3 THEN RAISE SQLSTATE 'OK000'; END IF;
		EXCEPTION WHEN SQLSTATE 'OK000' OR exclusion_violation OR check_violation OR undefined_object OR invalid_parameter_value OR object_not_in_prerequisite_state THEN
		END;
	END LOOP;
END $$;
CREATE FUNCTION many_cancelled(n integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE which uuid;
BEGIN
	FOR which IN SELECT id FROM booking.booking WHERE status = 'confirmed' ORDER BY random() LIMIT n LOOP
		BEGIN
			PERFORM booking.cancel(which);
			IF random() < 0.3 THEN RAISE SQLSTATE 'OK000'; END IF;
		EXCEPTION WHEN SQLSTATE 'OK000' OR object_not_in_prerequisite_state OR undefined_object THEN
		END;
	END LOOP;
END $$;
-- Rules of many resources: capacity, kind, closures.
CREATE FUNCTION many_rules(n integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE which record;
BEGIN
	FOR which IN SELECT r.id, r.kind FROM booking.resource r ORDER BY random() LIMIT n LOOP
		BEGIN
			CASE (random() * 4)::int
				WHEN 0 THEN UPDATE booking.resource SET capacity = 1 + (random() * 3)::int WHERE id = which.id AND kind = 'pooled';
				WHEN 1 THEN UPDATE booking.resource SET kind = 'pooled', capacity = 2 WHERE id = which.id;
				WHEN 2 THEN UPDATE booking.resource SET kind = 'exclusive', capacity = 1 WHERE id = which.id;
				WHEN 3 THEN INSERT INTO booking.closure (resource_id, period) VALUES (which.id, '[2041-01-01 05:00, 2041-01-01 06:00)');
				ELSE DELETE FROM booking.closure WHERE resource_id = which.id;
			END CASE;
			IF random() < 0.3 THEN RAISE SQLSTATE 'OK000'; END IF;
		EXCEPTION WHEN SQLSTATE 'OK000' OR exclusion_violation OR check_violation OR object_not_in_prerequisite_state THEN
		END;
	END LOOP;
END $$;
CREATE FUNCTION few_slots() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF random() < 0.5 THEN
		INSERT INTO booking.slot (resource_id, period, capacity)
		SELECT id, tstzrange(d, d + interval '1 day'), 1 + (random() * 2)::int
		FROM booking.resource, (SELECT '2042-01-01'::timestamptz + (random() * 300)::int * interval '1 day' AS d) AS day ORDER BY random() LIMIT 1;
	ELSE
		DELETE FROM booking.slot s WHERE s.id = (SELECT id FROM booking.slot WHERE period >> '[2040-01-01, 2041-12-31)' ORDER BY random() LIMIT 1);
	END IF;
EXCEPTION WHEN exclusion_violation OR undefined_object OR object_not_in_prerequisite_state OR foreign_key_violation THEN
END $$;
});

my %work = (
	places => 'SELECT many_places(60);',
	periods => 'SELECT many_periods(60);',
	both => "SELECT many_periods(25);\nSELECT many_places(60);",
	cancelled => 'SELECT many_cancelled(60);',
	rules => 'SELECT many_rules(70);',
	very_many_rules => 'SELECT many_rules(120), many_rules(120);',
	few => "SELECT many_places(1);\nSELECT many_periods(1);\nSELECT many_cancelled(2);\nSELECT few_slots();",
	a_rule => "SELECT many_rules(1);\nSELECT few_slots();");
my %weight = (few => 4, a_rule => 2, very_many_rules => 1);
my $folder = PostgreSQL::Test::Utils::tempdir;
for my $level ('read committed', 'repeatable read', 'serializable')
{
	my @files;
	for my $name (sort keys %work)
	{
		append_to_file("$folder/$level.$name", "BEGIN ISOLATION LEVEL $level;\n$work{$name}\n\\set lucky random(1, 10)\n\\if :lucky > 1\nCOMMIT;\n\\else\nROLLBACK;\n\\endif\n");
		push @files, '-f', "$folder/$level.$name\@" . ($weight{$name} // 2);
	}
	# The client that is chosen to end a deadlock tries again; then it may be another one's turn.
	my ($stdout, $stderr);
	IPC::Run::run(
		[ 'pgbench', '-n', '-h', $node->host, '-p', $node->port, '-c', 4, '-j', 2, '-t', $EACH, '--random-seed=1', '--max-tries=3', @files, 'postgres' ],
		'>', \$stdout, '2>', \$stderr);
	unlike(without_full_pool($stderr), qr/error|ERROR|FATAL|aborted/, "$level: no client had another error than that of a deadlock")
	  or diag(complaints($node, qr/ERROR/));
	note($stdout =~ /(number of transactions actually.*?\n(?:number.*\n)*)/);
	is($node->safe_psql('postgres', 'SELECT problem, detail FROM booking.verify() LIMIT 10'), '', "$level: nothing is sold twice, and everything adds up");
	is($node->safe_psql('postgres', q{SELECT holder, count(*) FROM booking.booking WHERE status IN ('held', 'confirmed') GROUP BY holder HAVING count(*) > 25}),
		'', "$level: no holder has more than the limit");
	cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM booking.booking}), '>', 0, "$level: and something was booked");
	# So that there is something to win next time.
	$node->safe_psql('postgres', q{DELETE FROM booking.booking WHERE random() < 0.7; SELECT many_places(60)});
}
is_not_logged($node, qr/out of shared memory|TRAP|PANIC|WARNING/, 'the lock table was large enough');

$node->stop;
done_testing();
