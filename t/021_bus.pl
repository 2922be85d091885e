# The bus: 50 seats and 200 clients who choose seats at random, hold them while they think,
# and then a third confirms, a third cancels and a third walks away.  Nothing is swept.  In
# the end every seat has one confirmed owner at most, and what has been abandoned can be
# booked again.
#
# BOOKING_SOAK: seconds (4).

use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib "$FindBin::RealBin/lib";
use Crowds qw(is_not_logged until_gone);

my $clients = 200;
my $seconds = $ENV{BOOKING_SOAK} // 4;

my $node = PostgreSQL::Test::Cluster->new('bus');
$node->init;
$node->append_conf('postgresql.conf', <<"CONF");
max_connections = @{[ $clients + 20 ]}
fsync = off
deadlock_timeout = 200ms
log_statement = none
CONF
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION booking CASCADE;
SELECT booking.create_resource('bus', 'seated', seats => (SELECT array_agg('seat ' || n) FROM generate_series(1, 50) AS n));
CREATE FUNCTION trip() RETURNS tstzrange LANGUAGE sql IMMUTABLE AS $$ SELECT tstzrange('2040-01-01 09:00+00', '2040-01-01 17:00+00') $$;
-- What became of a hold, as its holder was told.
CREATE TABLE told (id uuid, holder text, answer text);
CREATE FUNCTION decide(hold uuid, client text, dice integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF dice <= 10 THEN
		PERFORM FROM booking.confirm(hold);
		INSERT INTO told VALUES (hold, client, 'confirmed');
	ELSIF dice <= 20 THEN
		PERFORM FROM booking.cancel(hold, 'no');
		INSERT INTO told VALUES (hold, client, 'cancelled');
	END IF;
EXCEPTION WHEN object_not_in_prerequisite_state THEN
	INSERT INTO told VALUES (hold, client, 'too late');
END $$;
});

# Some think longer than their hold lasts: some of them by chance, and some for sure.  Others
# have more time than they need.  Few confirm, or the bus would be
# full at once.
my $file = $node->basedir . '/bus.sql';
open(my $fh, '>', $file) or die $!;
print $fh q{
\set seat random(1, 50)
\set dice random(1, 30)
\set chance random(1, 300)
\set kind random(1, 3)
\set keep :chance
\if :kind = 1 and :dice <= 20
	\set keep 36000000
\elif :kind = 2
	\set keep 0.01
\endif
\set think random(1, 40)
SELECT coalesce(max(id::text), '') AS hold, (count(*) = 0)::int AS none FROM booking.try_book_slot('bus', trip(), 'client ' || :client_id::int,
	seat => 'seat ' || :seat::int, hold_for => :keep::float * interval '100 us') \gset
\if :none
\sleep 1 ms
\else
\sleep :think ms
SELECT decide(:hold::uuid, 'client ' || :client_id::int, :dice::int);
\endif
};
close $fh;
# A time includes that of the connections being made: on a busy machine there may be nothing left.
my $errors = '';
sub run_for
{
	my @time = @_;
	my ($out, $err) = run_command(
		[ 'pgbench', '-n', '-c', $clients, '-j', 2, @time, '-M', 'prepared', '-f', $file,
			'-p', $node->port, '-h', $node->host, 'postgres' ]);
	$errors .= $err;
	until_gone($node);
	return;
}
run_for('-T', $seconds);

# Many seats are to have their owner, and some clients that wanted one to have come too late.
# On a busy machine that takes longer: the later rounds count turns, not time.
my $owned = q{SELECT count(*) FROM booking.booking WHERE status = 'confirmed'};
my $late = q{SELECT count(*) FROM told WHERE answer = 'too late'};
for (my $more = 0; $more < 100 && ($node->safe_psql('postgres', $owned) <= 25 || !$node->safe_psql('postgres', $late)); $more++)
{
	run_for('-t', 5);
}
unlike($errors, qr/ERROR|FATAL|aborted/, 'no error but refusals');

is($node->safe_psql('postgres', q{
	SELECT seat_no FROM booking.booking WHERE status = 'confirmed' GROUP BY seat_no HAVING count(*) > 1}),
	'', 'every seat has one confirmed owner at most');
cmp_ok($node->safe_psql('postgres', $owned), '>', 25, 'and many have one');
is($node->safe_psql('postgres', q{
	SELECT DISTINCT answer, status FROM told FULL JOIN booking.booking USING (id)
	WHERE CASE answer WHEN 'confirmed' THEN status <> 'confirmed' WHEN 'cancelled' THEN status NOT IN ('cancelled', 'expired')
		WHEN 'too late' THEN status IN ('confirmed', 'cancelled') ELSE status IN ('confirmed', 'cancelled') END}),
	'', 'each client was told the truth');
cmp_ok($node->safe_psql('postgres', $late), '>', 0, 'some came too late');

# Clients that walked away have left holds behind.  All these seats can be booked.
$node->safe_psql('postgres', q{SELECT pg_sleep(coalesce(extract(epoch FROM max(expires_at) - clock_timestamp()), 0)) FROM booking.booking WHERE status = 'held'});
my $confirmed = $node->safe_psql('postgres', $owned);
cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM booking.booking WHERE status = 'held'}), '>=', 0, 'holds left behind');
is($node->safe_psql('postgres', q{
	SELECT count(got.id) FROM booking.seat, booking.try_book_slot('bus', trip(), 'last', seat => label) AS got}),
	50 - $confirmed, 'every abandoned seat can be booked again');
is($node->safe_psql('postgres', q{
	SELECT count(*), count(DISTINCT seat_no) FROM booking.booking WHERE status IN ('held', 'confirmed')}), '50|50', 'and the bus is full');
is($node->safe_psql('postgres', q{SELECT count(*) FROM booking.verify()}), 0, 'verify() agrees');

is_not_logged($node, qr/FATAL|PANIC|TRAP|deadlock detected|could not serialize/, 'nothing in the log');

$node->stop;
done_testing();
