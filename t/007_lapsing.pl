# Holds that lapse while a transaction that has confirmed or wants to move them goes on: what was
# done in time stands, whenever it is committed.
#
# A hold that is about to lapse may have lapsed before the other session comes to it, on a machine
# that is busy.  So each is tried again, with holds that last longer, until it was in time.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('lapsing');
$node->init;
$node->append_conf('postgresql.conf', 'fsync = off');
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION booking CASCADE;
SELECT booking.create_resource('room');
SELECT booking.create_resource('pool', 'pooled', 2);
});
my $id = "'00000000-0000-7000-8000-00000000c001'";
my $one = $node->background_psql('postgres', on_error_stop => 0, timeout => 10 * $PostgreSQL::Test::Utils::timeout_default);
my $two = $node->background_psql('postgres', on_error_stop => 0, timeout => 10 * $PostgreSQL::Test::Utils::timeout_default);
my $three = $node->background_psql('postgres', on_error_stop => 0, timeout => 10 * $PostgreSQL::Test::Utils::timeout_default);

# A session's answer, and its errors.
sub said
{
	my ($session, $sql) = @_;
	my $out = $session->query($sql);
	my $err = $session->{stderr};
	$session->{stderr} = '';
	return $out . $err;
}

# Has a session begin a statement that has to wait for a lock, and returns when it does; or when it is over,
# because it came too late.
sub begin_to_wait
{
	my ($session, $sql) = @_;
	my $pid = said($session, 'SELECT pg_backend_pid()');
	$session->{stdin} .= "$sql;\n";
	$session->{run}->pump_nb;
	$node->poll_query_until('postgres', "SELECT starts_with(query, \$q\$$sql\$q\$) AND (wait_event_type = 'Lock' OR state <> 'active') FROM pg_stat_activity WHERE pid = $pid")
		or die "neither waits nor ends: $sql";
	return;
}

# Waits until all holds have lapsed, by the rows that all sessions see.
sub until_lapsed
{
	return $node->safe_psql('postgres', q{SELECT pg_sleep(extract(epoch FROM max(expires_at) - clock_timestamp()) + 0.01) FROM booking.booking WHERE status = 'held'});
}

# How many are swept by another session, without waiting.
sub swept { return $node->safe_psql('postgres', q{SET lock_timeout = '10 s'; SELECT booking.expire_holds()}) }

# in_time(attempt): calls it with ever longer times, until it says that it was in time.
sub in_time
{
	my ($attempt) = @_;
	for (my $lasts = 0.3; $lasts < 600; $lasts *= 2)
	{
		$node->safe_psql('postgres', q{UPDATE booking.waitlist SET status = 'left' WHERE status = 'waiting'; DELETE FROM booking.booking; DELETE FROM booking.waitlist});
		return 1 if $attempt->("$lasts s");
		said($_, 'ROLLBACK') for $two, $one, $three;
	}
	return 0;
}

# Confirmed in time, but committed after the time the hold had: the booking stands.
for my $case (
	[ 'READ COMMITTED', 'READ COMMITTED', 'COMMIT' ], [ 'REPEATABLE READ', 'READ COMMITTED', 'COMMIT' ],
	[ 'READ COMMITTED', 'REPEATABLE READ', 'COMMIT' ], [ 'SERIALIZABLE', 'SERIALIZABLE', 'COMMIT' ], [ 'READ COMMITTED', 'READ COMMITTED', 'ROLLBACK' ])
{
	my ($level, $other, $end) = @$case;
	my $what = "$level against $other, $end";
	ok(in_time(sub {
		my ($lasts) = @_;
		$node->safe_psql('postgres', "SELECT FROM booking.book_slot('room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'one', hold_for => '1 hour', id => $id)");
		said($one, "BEGIN ISOLATION LEVEL $level; SELECT 1");
		said($two, "BEGIN ISOLATION LEVEL $other; SELECT 1");
		$node->safe_psql('postgres', "UPDATE booking.booking SET expires_at = clock_timestamp() + interval '$lasts' WHERE id = $id");
		return said($one, "SELECT status FROM booking.confirm($id)") eq 'confirmed';
	}), "$what: confirmed in time");
	until_lapsed();
	is(swept(), 0, "$what: it is not swept away");
	begin_to_wait($two, q{SELECT holder FROM booking.try_book_slot('room', '[2030-01-07 09:30, 2030-01-07 10:30)', 'two')});
	said($one, $end);
	like(said($two, 'COMMIT'), $end eq 'COMMIT' ? qr/^$/ : qr/^two$/, "$what: the session that waits for it gets what is left");
	is($node->safe_psql('postgres', 'SELECT holder, status FROM booking.booking ORDER BY holder'),
		$end eq 'COMMIT' ? 'one|confirmed' : "one|expired\ntwo|confirmed", "$what: one has it");
	is($node->safe_psql('postgres', 'SELECT booking.expire_holds(), count(*) FROM booking.verify()'), '0|0', "$what: verify() agrees");
}

# Taken back, a hold that has lapsed meanwhile is swept.
ok(in_time(sub {
	my ($lasts) = @_;
	$node->safe_psql('postgres', "SELECT FROM booking.book_slot('room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'one', hold_for => '$lasts', id => $id)");
	said($one, 'BEGIN');
	return said($one, "SELECT status FROM booking.confirm($id)") eq 'confirmed';
}), 'confirmed in time');
until_lapsed();
is(swept(), 0, 'not swept while that is open');
said($one, 'ROLLBACK');
is(swept(), 1, 'swept when it is taken back');

# A hold that lapses while its move waits: the line, which is served first, must not mark it
# expired under the move.
for my $level ('READ COMMITTED', 'REPEATABLE READ')
{
	ok(in_time(sub {
		my ($lasts) = @_;
		said($one, "BEGIN ISOLATION LEVEL $level; SELECT 1");
		$node->safe_psql('postgres', qq{
			SELECT FROM booking.book_slot('pool', '[2030-01-08 09:00, 2030-01-08 10:00)', 'two');
			SELECT FROM booking.book_slot('pool', '[2030-01-08 09:00, 2030-01-08 10:00)', 'one', hold_for => '1 hour', id => $id);
			SELECT FROM booking.wait_for_slot('pool', '[2030-01-08 09:00, 2030-01-08 12:00)', 'three')});
		said($two, 'BEGIN');
		said($two, q{SELECT FROM booking.book_slot('pool', '[2030-01-08 11:00, 2030-01-08 12:00)', 'two', quantity => 2)});
		$node->safe_psql('postgres', "UPDATE booking.booking SET expires_at = clock_timestamp() + interval '$lasts' WHERE id = $id");
		begin_to_wait($one, "SELECT version FROM booking.reschedule($id, '[2030-01-08 11:00, 2030-01-08 12:00)')");
		# It waits, and not for the row: it has been found to be in time.
		return $node->safe_psql('postgres', "SELECT expires_at > clock_timestamp() FROM booking.booking WHERE id = $id") eq 't';
	}), "$level: the move begins in time");
	until_lapsed();
	said($two, 'ROLLBACK');
	like(said($one, 'COMMIT'), qr/^3(\n|$)/, "$level: the move is done");
	is($node->safe_psql('postgres', 'SELECT holder, lower(period)::time FROM booking.booking WHERE NOT isempty(period) ORDER BY 1'),
		"one|11:00:00\nthree|09:00:00\ntwo|09:00:00", "$level: the line gets what it leaves");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM booking.verify()'), 0, "$level: verify() agrees");
}

# Two holds that want each other's time, and lapse while their moves wait for a third booking: each
# finds the other lapsed, and being changed.  Neither waits with its own row locked, and so there is
# no deadlock.
my $other = "'00000000-0000-7000-8000-00000000c002'";
for my $level ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE')
{
	ok(in_time(sub {
		my ($lasts) = @_;
		$node->safe_psql('postgres', qq{
			SELECT FROM booking.book_slot('pool', '[2030-01-07 09:00, 2030-01-07 10:00)', 'one', hold_for => '1 hour', id => $id);
			SELECT FROM booking.book_slot('pool', '[2030-01-08 09:00, 2030-01-08 10:00)', 'three', hold_for => '1 hour', id => $other);});
		said($_, "SET default_transaction_isolation = '$level'") for $one, $three;
		said($two, 'BEGIN');
		said($two, "SELECT FROM booking.book_slot('pool', '[2030-01-0$_ 09:00, 2030-01-0$_ 10:00)', 'two')") for 7, 8;
		$node->safe_psql('postgres', "UPDATE booking.booking SET expires_at = clock_timestamp() + interval '$lasts' WHERE id IN ($id, $other)");
		begin_to_wait($one, "SELECT version FROM booking.reschedule($id, '[2030-01-08 09:00, 2030-01-08 10:00)')");
		begin_to_wait($three, "SELECT version FROM booking.reschedule($other, '[2030-01-07 09:00, 2030-01-07 10:00)')");
		return $node->safe_psql('postgres', "SELECT min(expires_at) > clock_timestamp() FROM booking.booking WHERE id IN ($id, $other)") eq 't';
	}), "$level: both moves begin in time");
	until_lapsed();
	said($two, 'COMMIT');
	my @answers = map { said($_, 'SET default_transaction_isolation TO DEFAULT') } $one, $three;
	is((grep { /^(3|.*ERROR:  the hold has lapsed)/ } @answers), 2, "$level: each is moved, or has lapsed") or diag(join("\n", @answers));
	is($node->safe_psql('postgres', 'SELECT count(*) FROM booking.verify()'), 0, "$level: verify() agrees");
}

# A hold that moves waits for its holder, and the transaction that it waits for takes what has lapsed meanwhile.
$node->safe_psql('postgres', q{INSERT INTO booking.holder_limit (resource_id, per, max_bookings) SELECT id, 'day', 5 FROM booking.resource});
for my $level ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE')
{
	ok(in_time(sub {
		my ($lasts) = @_;
		$node->safe_psql('postgres', "SELECT FROM booking.book_slot('room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'one', hold_for => '1 hour', id => $id)");
		said($one, "SET default_transaction_isolation = '$level'");
		said($two, 'BEGIN');
		said($two, q{SELECT FROM booking.book_slot('pool', '[2030-01-09 09:00, 2030-01-09 10:00)', 'one')});
		$node->safe_psql('postgres', "UPDATE booking.booking SET expires_at = clock_timestamp() + interval '$lasts' WHERE id = $id");
		begin_to_wait($one, "SELECT version FROM booking.reschedule($id, '[2030-01-08 09:00, 2030-01-08 10:00)')");
		return $node->safe_psql('postgres', "SELECT expires_at > clock_timestamp() FROM booking.booking WHERE id = $id") eq 't';
	}), "$level: the move begins in time");
	until_lapsed();
	is(said($two, q{SELECT holder FROM booking.book_slot('room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'one')}), 'one', "$level: its space is taken");
	said($two, 'COMMIT');
	like(said($one, 'SET default_transaction_isolation TO DEFAULT'), qr/ERROR:  the hold has lapsed/, "$level: the hold has lapsed");
}
$_->quit for $one, $two, $three;
$node->stop;
done_testing();
