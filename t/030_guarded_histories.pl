# Random histories on a guarded table and on a pooled resource: whatever many clients do at
# once, the peak never exceeds the capacity, and single bookings never deadlock.  The
# oracle is plain SQL over the rows that are left; nothing of the engine is in it.
#
# BOOKING_SOAK=seconds makes it longer.

use strict;
use warnings;
use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib "$FindBin::RealBin/lib";
use Crowds qw(complaints is_not_logged);

my $seconds = $ENV{BOOKING_SOAK} || 4;
my $clients = 64;

my $node = PostgreSQL::Test::Cluster->new('histories');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
max_connections = 120
fsync = off
commit_delay = 1000
commit_siblings = 0
max_prepared_transactions = 10
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION booking CASCADE');

$node->safe_psql('postgres', <<'SQL');
CREATE TABLE hotel (id int PRIMARY KEY, rooms int NOT NULL);
INSERT INTO hotel SELECT i, i * 2 FROM generate_series(1, 10) i;
CREATE TABLE stay (
	id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	hotel int NOT NULL,
	nights int4range NOT NULL,
	rooms int NOT NULL,
	canceled bool NOT NULL DEFAULT false,
	note text
);
SELECT booking.guard_table('stay', '{hotel}', '{nights}', quantity => 'rooms', active => 'NOT canceled',
	capacity_query => 'SELECT rooms FROM hotel WHERE id = $1');
-- Partitioned by something that is not the resource.
CREATE TABLE trip (bus int, during int4range, day int, seats int) PARTITION BY RANGE (day);
CREATE TABLE trip_a PARTITION OF trip FOR VALUES FROM (0) TO (3);
CREATE TABLE trip_b PARTITION OF trip FOR VALUES FROM (3) TO (100) PARTITION BY HASH (seats);
CREATE TABLE trip_b0 PARTITION OF trip_b FOR VALUES WITH (modulus 2, remainder 0);
CREATE TABLE trip_b1 PARTITION OF trip_b FOR VALUES WITH (modulus 2, remainder 1);
SELECT booking.guard_table('trip', '{bus}', '{during}', capacity => 4, quantity => 'seats');
CREATE TABLE repair (bus int, during int4range);
SELECT booking.guard_against('trip', 'trip_bus_guard', 'repair', '{bus}', '{during}');
SELECT booking.create_resource('bikes', 'pooled', 5);
SQL

# Single bookings of every kind.  An error ends a pgbench client, so refusals are caught.
my %script = (
	insert => q{
\set h random(1, 10)
\set f random(1, 200)
\set l random(1, 30)
\set q random(1, 4)
DO $$ BEGIN INSERT INTO stay (hotel, nights, rooms) VALUES (:h, int4range(:f, :f + :l), :q);
EXCEPTION WHEN exclusion_violation THEN NULL; END $$;
},
	rolled_back => q{
\set h random(1, 10)
\set f random(1, 200)
BEGIN;
DO $$ BEGIN INSERT INTO stay (hotel, nights, rooms) VALUES (:h, int4range(:f, :f + 20), 1);
EXCEPTION WHEN exclusion_violation THEN NULL; END $$;
ROLLBACK;
},
	savepoint => q{
\set h random(1, 10)
\set f random(1, 200)
BEGIN;
SAVEPOINT a;
DO $$ BEGIN INSERT INTO stay (hotel, nights, rooms) VALUES (:h, int4range(:f, :f + 20), 1);
EXCEPTION WHEN exclusion_violation THEN NULL; END $$;
ROLLBACK TO a;
COMMIT;
},
	move => q{
\set h random(1, 10)
\set f random(1, 200)
\set l random(1, 30)
DO $$ BEGIN UPDATE stay SET nights = int4range(:f, :f + :l) WHERE id = (
	SELECT id FROM stay WHERE hotel = :h AND NOT canceled ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED);
EXCEPTION WHEN exclusion_violation THEN NULL; END $$;
},
	cancel => q{
\set h random(1, 10)
UPDATE stay SET canceled = true WHERE id IN (SELECT id FROM stay WHERE hotel = :h AND NOT canceled ORDER BY random() LIMIT 2 FOR UPDATE SKIP LOCKED);
},
	revive => q{
\set h random(1, 10)
DO $$ BEGIN UPDATE stay SET canceled = false WHERE id = (
	SELECT id FROM stay WHERE hotel = :h AND canceled ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED);
EXCEPTION WHEN exclusion_violation THEN NULL; END $$;
},
	# A change that adds nothing, and moves the row all the same.
	note => q{
\set h random(1, 10)
UPDATE stay SET note = repeat('x', 600) || random() WHERE id IN (SELECT id FROM stay WHERE hotel = :h AND NOT canceled ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED);
},
	repeatable => q{
\set h random(1, 10)
\set f random(1, 200)
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM hotel;
DO $$ BEGIN INSERT INTO stay (hotel, nights, rooms) VALUES (:h, int4range(:f, :f + 10), 1);
EXCEPTION WHEN exclusion_violation THEN NULL; END $$;
COMMIT;
},
	# The capacity changes, never below what is booked at that moment.
	capacity => q{
\set h random(1, 10)
BEGIN;
SELECT rooms FROM hotel WHERE id = :h FOR UPDATE;
UPDATE hotel SET rooms = rooms + 1 WHERE id = :h;
UPDATE hotel SET rooms = greatest(1, (SELECT coalesce(max(n), 0) FROM (SELECT (SELECT sum(b.rooms) FROM stay b
	WHERE b.hotel = a.hotel AND NOT b.canceled AND b.nights @> lower(a.nights)) AS n FROM stay a WHERE a.hotel = :h AND NOT a.canceled) x)) WHERE id = :h;
COMMIT;
},
	trip => q{
\set b random(1, 5)
\set f random(1, 400)
\set d random(0, 9)
\set q random(1, 2)
DO $$ BEGIN INSERT INTO trip VALUES (:b, int4range(:f, :f + 8), :d, :q);
EXCEPTION WHEN exclusion_violation THEN NULL; END $$;
},
	trip_moves => q{
\set b random(1, 5)
\set f random(1, 400)
\set d random(0, 9)
DO $$ DECLARE r record; BEGIN
SELECT tableoid, ctid INTO r FROM trip WHERE bus = :b ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED;
UPDATE trip SET during = int4range(:f, :f + 8), day = :d WHERE tableoid = r.tableoid AND ctid = r.ctid;
EXCEPTION WHEN exclusion_violation THEN NULL; END $$;
},
	trip_ends => q{
\set b random(1, 5)
DELETE FROM trip WHERE (tableoid, ctid) IN (SELECT tableoid, ctid FROM trip WHERE bus = :b ORDER BY random() LIMIT 2 FOR UPDATE SKIP LOCKED);
},
	repair => q{
\set b random(1, 5)
\set f random(1, 400)
DO $$ BEGIN INSERT INTO repair VALUES (:b, int4range(:f, :f + 2));
EXCEPTION WHEN exclusion_violation THEN NULL; END $$;
},
	repair_ends => q{
\set b random(1, 5)
DELETE FROM repair WHERE ctid IN (SELECT ctid FROM repair WHERE bus = :b ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED);
},
	book => q{
\set f random(1, 200)
\set l random(1, 30)
\set q random(1, 3)
SELECT (booking.try_book_slot('bikes', tstzrange('2030-01-01'::timestamptz + :f * interval '1 hour', '2030-01-01'::timestamptz + (:f + :l) * interval '1 hour'), 'me', :q)).id;
},
	confirm => q{
UPDATE booking.booking SET data = data WHERE id IN (SELECT id FROM booking.booking WHERE status = 'confirmed' ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED);
},
	give_up => q{
SELECT booking.cancel(id) FROM (SELECT id FROM booking.booking WHERE status = 'confirmed' ORDER BY random() LIMIT 1) x;
});

my @arguments;
for my $name (sort keys %script)
{
	my $file = $node->basedir . "/$name.sql";
	append_to_file($file, $script{$name});
	push @arguments, '-f', $file . ($name =~ /^(insert|trip|book)$/ ? '@6' : $name eq 'cancel' ? '@2' : '@1');
}
my ($out, $err) = ('', '');
my $ok = IPC::Run::run(
	[ 'pgbench', '-n', '-c', $clients, '-j', 4, '-T', $seconds, '--max-tries=1', @arguments,
		'-h', $node->host, '-p', $node->port, 'postgres' ], '>', \$out, '2>', \$err);
ok($ok, 'pgbench ran') or diag($err);
like($out, qr/number of failed transactions: 0 /, 'nothing failed: no deadlock, no serialization failure')
  or diag($out, $err, complaints($node, qr/deadlock detected|could not serialize/));
note($out =~ /(number of transactions actually processed.*)/);
is_not_logged($node, qr/deadlock detected/, 'no deadlock in the log');
is_not_logged($node, qr/WARNING/, 'no warning in the log');

# At every beginning of a row, what is in force there.
is($node->safe_psql('postgres', <<'SQL'), '0', 'no hotel is overbooked');
SELECT count(*) FROM stay a JOIN hotel h ON h.id = a.hotel
WHERE NOT a.canceled AND (SELECT sum(b.rooms) FROM stay b
	WHERE b.hotel = a.hotel AND NOT b.canceled AND b.nights @> lower(a.nights)) > h.rooms
SQL
is($node->safe_psql('postgres', <<'SQL'), '0', 'no bus is overbooked, over all partitions');
SELECT count(*) FROM trip a WHERE (SELECT sum(b.seats) FROM trip b WHERE b.bus = a.bus AND b.during @> lower(a.during)) > 4
SQL
is($node->safe_psql('postgres', 'SELECT count(*) FROM trip t JOIN repair r USING (bus) WHERE t.during && r.during'),
	'0', 'no trip of a bus under repair');
is($node->safe_psql('postgres', <<'SQL'), '0', 'the pooled resource is not overbooked');
SELECT count(*) FROM booking.booking a
WHERE a.status = 'confirmed' AND (SELECT sum(b.quantity) FROM booking.booking b
	WHERE b.resource_id = a.resource_id AND b.status = 'confirmed' AND b.occupies @> lower(a.occupies)) > 5
SQL
is($node->safe_psql('postgres', 'SELECT count(*) FROM booking.verify()'), '0', 'verify() finds nothing');
note($node->safe_psql('postgres', 'SELECT count(*), count(*) FILTER (WHERE NOT canceled) FROM stay'));
note($node->safe_psql('postgres', 'SELECT count(*) FROM trip') . ' trips, ' . $node->safe_psql('postgres', 'SELECT count(*) FROM repair') . ' repairs');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), '0', 'no lock is left');

# The same where it is tightest.  In "hot", a CHECK constraint sleeps between the judgement and
# the moment when the row is in its index; in "crowd", rows that many others are counting move
# to and fro without adding anything.  Without the gates, both are overbooked within a second.
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE hot (k int, r int4range, CHECK (pg_sleep(random() * 0.003) IS NOT NULL));
CREATE TABLE crowd (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, k int, r int4range, note text) WITH (fillfactor = 100);
DO $$ BEGIN
	PERFORM booking.guard_table('hot', '{k}', '{r}', 3);
	PERFORM booking.guard_table('crowd', '{k}', '{r}', 300);
END $$;
INSERT INTO crowd (k, r, note) SELECT 1, '[1,100)', repeat('x', 500) FROM generate_series(1, 300);
SQL
my %tight = (
	hot => q{
\set f random(1, 3)
DO $$ BEGIN INSERT INTO hot VALUES (1, int4range(:f, :f + 2));
EXCEPTION WHEN exclusion_violation THEN NULL; END $$;
},
	hot_ends => q{
DELETE FROM hot WHERE ctid IN (SELECT ctid FROM hot ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED);
},
	crowd => q{
DO $$ BEGIN INSERT INTO crowd (k, r) VALUES (1, '[50,60)');
EXCEPTION WHEN exclusion_violation THEN NULL; END $$;
},
	crowd_moves => q{
UPDATE crowd SET note = repeat('y', 500) WHERE id = (SELECT id FROM crowd ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED);
});
for my $pair ([ 'hot', 'hot_ends' ], [ 'crowd', 'crowd_moves' ])
{
	my @files;
	for my $name (@$pair)
	{
		my $file = $node->basedir . "/$name.sql";
		append_to_file($file, $tight{$name});
		push @files, '-f', $file;
	}
	($out, $err) = ('', '');
	$ok = IPC::Run::run(
		[ 'pgbench', '-n', '-c', 16, '-j', 2, '-T', $seconds, '--max-tries=1', @files,
			'-h', $node->host, '-p', $node->port, 'postgres' ], '>', \$out, '2>', \$err);
	ok($ok && $out =~ /number of failed transactions: 0 /, "nothing failed: $pair->[0]")
	  or diag($out, $err, complaints($node, qr/ERROR|could not serialize/));
}
is($node->safe_psql('postgres', <<'SQL'), '0', 'the hot key is not overbooked');
SELECT count(*) FROM hot a WHERE (SELECT count(*) FROM hot b WHERE b.k = a.k AND b.r @> lower(a.r)) > 3
SQL
is($node->safe_psql('postgres', 'SELECT count(*) FROM crowd'), '300', 'none was let in above the capacity');

# A replay one after the other: the engine says yes just when the oracle does.
is($node->safe_psql('postgres', <<'SQL'), '0', 'in a serial replay it accepts what fits and nothing else');
CREATE TABLE replay (k int, r int4range, q int);
DO $$ BEGIN PERFORM booking.guard_table('replay', '{k}', '{r}', 6, 'q'); END $$;
CREATE FUNCTION fits(key int, range int4range, quantity int) RETURNS boolean LANGUAGE sql AS $$
	SELECT NOT EXISTS (SELECT FROM generate_series(lower(range), upper(range) - 1) i
		WHERE quantity + coalesce((SELECT sum(q) FROM replay WHERE k = key AND r @> i), 0) > 6)
$$;
CREATE TABLE wrong (k int, r int4range, q int, expected boolean);
DO $body$
DECLARE
	key int; range int4range; quantity int; expected boolean; accepted boolean;
BEGIN
	FOR i IN 1..2000 LOOP
		key := random() * 2; quantity := 1 + random() * 3;
		range := int4range((random() * 100)::int, (random() * 100)::int + 101);
		IF random() < 0.8 THEN range := int4range(lower(range), lower(range) + 1 + (random() * 15)::int); END IF;
		expected := fits(key, range, quantity);
		BEGIN
			INSERT INTO replay VALUES (key, range, quantity);
			accepted := true;
		EXCEPTION WHEN exclusion_violation THEN accepted := false;
		END;
		IF accepted <> expected THEN INSERT INTO wrong VALUES (key, range, quantity, expected); END IF;
		IF random() < 0.3 THEN DELETE FROM replay WHERE ctid = (SELECT ctid FROM replay ORDER BY random() LIMIT 1); END IF;
	END LOOP;
END $body$;
SELECT count(*) FROM wrong;
SQL

# A prepared transaction is a transaction in progress for as long as it lasts.
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE prepared (k int, r int4range);
SELECT booking.guard_table('prepared', '{k}', '{r}', 2);
BEGIN;
INSERT INTO prepared VALUES (1, '[1,10)');
PREPARE TRANSACTION 'one';
INSERT INTO prepared VALUES (1, '[1,10)');
SQL
my ($status, $stdout, $stderr) = $node->psql('postgres', "SET lock_timeout = '200ms'; INSERT INTO prepared VALUES (1, '[5,6)')");
like($stderr, qr/lock timeout/, 'a session that needs the space of a prepared transaction waits for it');
$node->safe_psql('postgres', "INSERT INTO prepared VALUES (1, '[10,20)')");
$node->restart;
($status, $stdout, $stderr) = $node->psql('postgres', "SET lock_timeout = '200ms'; INSERT INTO prepared VALUES (1, '[5,6)')");
like($stderr, qr/lock timeout/, 'also after a restart');
$node->safe_psql('postgres', "ROLLBACK PREPARED 'one'");
$node->safe_psql('postgres', "INSERT INTO prepared VALUES (1, '[5,6)')");
($status, $stdout, $stderr) = $node->psql('postgres', "INSERT INTO prepared VALUES (1, '[5,6)')");
like($stderr, qr/has not enough left/, 'and takes it when it is given back');

$node->stop;
done_testing();
