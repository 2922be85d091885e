# A standby answers what only looks, and each function that writes says that this is one.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', "fsync = off\ntimezone = 'UTC'");
$primary->start;
$primary->safe_psql('postgres', q{
CREATE EXTENSION booking CASCADE;
SELECT booking.create_resource('room');
SELECT booking.publish_slot('room', '[2040-01-02 10:00, 2040-01-02 11:00)');
SELECT booking.book_slot('room', '[2040-01-01 10:00, 2040-01-01 11:00)', 'ann', id => '00000000-0000-7000-8000-000000000001');
CREATE TABLE stay (hotel integer, nights daterange);
SELECT booking.guard_table('stay', '{hotel}', '{nights}', name => 'stay_guard');
});
$primary->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'copy', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));

my $id = "'00000000-0000-7000-8000-000000000001'";
my @calls = (
	q{create_resource('other')},
	q{publish_slot('room', '[2040-01-03 10:00, 2040-01-03 11:00)')},
	q{publish_slots('room', '[2040-01-03 10:00, 2040-01-03 11:00)', '1 day', '2040-01-05')},
	q{close_period('room', '[2040-01-03, 2040-01-04)')},
	q{book_slot('room', '[2040-01-03 10:00, 2040-01-03 11:00)', 'bob')},
	q{try_book_slot('room', '[2040-01-03 10:00, 2040-01-03 11:00)', 'bob')},
	q{book_place(1, 'bob')}, q{try_book_place(1, 'bob')},
	qq{confirm($id)}, qq{extend_hold($id, '1 hour')}, qq{cancel($id)}, qq{check_in($id)}, qq{check_out($id)},
	qq{reschedule($id, '[2040-01-03 10:00, 2040-01-03 11:00)')},
	q{expire_holds()},
	q{wait_for_slot('room', '[2040-01-01 10:00, 2040-01-01 11:00)', 'bob')}, q{wait_for_place(1, 'bob')}, q{leave_waitlist(1)},
	q{guard_table('stay', '{hotel}', '{nights}', 2)}, q{unguard_table('stay')},
	q{guard_against('stay', 'stay_guard', 'stay', '{hotel}', '{nights}')},
	q{rebuild()}, q{grant_access(current_user::regrole, 'read')}, q{revoke_access(current_user::regrole)});
for my $call (@calls)
{
	my ($function) = $call =~ /^(\w+)/;
	my ($status, $out, $err) = $standby->psql('postgres', "SELECT * FROM booking.$call", on_error_stop => 0,
		extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	like($err, qr/^[^\n]*25006: booking\.$function\(\) writes, and this server is a standby\n/, $call);
}
my ($status, $out, $err) = $standby->psql('postgres', q{SELECT * FROM booking.book_slot('room', '[2040-01-03, 2040-01-04)', 'bob')}, on_error_stop => 0);
is($err, q{psql:<stdin>:1: ERROR:  booking.book_slot() writes, and this server is a standby
DETAIL:  It repeats what its primary writes, and can only be read.
HINT:  Call it on the primary; target_session_attrs=read-write in the connection string of libpq finds it.},
	'the whole message');

my @looks = (
	[ q{booking.free_periods('room', '[2040-01-01 09:00, 2040-01-01 12:00)')}, 2 ],
	[ q{booking.find_slots('[2040-01-01 10:00, 2040-01-01 12:00)', '1 hour')}, 1 ],
	[ q{booking.why_not('room', '[2040-01-01 10:00, 2040-01-01 12:00)')}, 1 ],
	[ q{booking.remaining('room', '[2040-01-01 10:00, 2040-01-01 12:00)') AS r WHERE r = 0}, 1 ],
	[ q{booking.guarded_table}, 1 ],
	[ q{booking.verify_guards()}, 0 ],
	[ q{booking.verify()}, 0 ],
	[ q{booking.additions()}, 0 ]);
for my $look (@looks)
{
	is($standby->safe_psql('postgres', "SELECT count(*) FROM $look->[0]"), $look->[1], "looks: $look->[0]");
}

# Every function that looks answers, or has a reason not to: those of level read, called with
# arguments by their names.
my %value = (resource => q{'room'}, resources => q{'{room}'}, within => q{'[2040-01-01 09:00, 2040-01-01 12:00)'}, period => q{'[2040-01-01 10:00, 2040-01-01 11:00)'},
	duration => q{'1 hour'}, slot_id => '1', from => q{'2040-01-01 09:00'}, to => q{'2040-01-01 10:00'}, name => q{'room'}, rule => q{'FREQ=DAILY;COUNT=3'}, first => q{'[2040-01-01 10:00, 2040-01-01 11:00)'}, holder => q{'ann'}, id => $id);
my $functions = $standby->safe_psql('postgres', q{
	SELECT p.proname, p.pronargs - p.pronargdefaults, array_to_string(p.proargnames, ','), (SELECT string_agg(t::regtype::text, ',') FROM unnest(p.proargtypes) t)
	FROM pg_proc p
	WHERE p.pronamespace = 'booking'::regnamespace AND p.provolatile = 's'
		AND p.proname IN ('free_periods', 'find_slots', 'usage', 'remaining', 'seat_map', 'why_not', 'agenda', 'ical', 'occurrences', 'local_period', 'resource_id',
			'waitlist_position', 'verify', 'verify_guards', 'additions', 'read_events') ORDER BY 1, 4});
for my $function (split /\n/, $functions)
{
	my ($name, $n, $names, $types) = split /\|/, $function, -1;
	my @names = split /,/, $names;
	my @types = split /,/, $types // '';
	my @arguments = map { my $v = $types[$_] eq 'bigint' ? 1 : $value{ $names[$_] }; ($v // 'NULL') . "::$types[$_]" } 0 .. $n - 1;
	my ($code, $answer, $error) = $standby->psql('postgres', "SELECT count(*) FROM booking.$name(" . join(', ', @arguments) . ')', on_error_stop => 0);
	if ($error =~ /is pooled|has no seats|not seated|kind|no seat/) { pass("looks on a standby: $name($types): asked of the wrong kind of resource") }
	else { like($answer, qr/^\d+$/, "looks on a standby: $name($types)") or diag($error) }
}

# What lags: all that has been written and not yet been replayed.  What does not: time.  A booking is
# judged by the primary, so an old answer costs a refusal and nothing else.
my $session = $standby->background_psql('postgres');
# So long for each query, and not for all.
$session->set_query_timer_restart();
my $free = q{SELECT count(*) FROM booking.free_periods('room', '[2041-01-01 10:00, 2041-01-01 11:00)')};
is($session->query($free), 1, 'free, says the standby');
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
$standby->poll_query_until('postgres', q{SELECT pg_get_wal_replay_pause_state() = 'paused'});
$primary->safe_psql('postgres', q{SELECT booking.book_slot('room', '[2041-01-01 10:00, 2041-01-01 11:00)', 'ann')});
is($session->query($free), 1, 'a standby that does not keep up still says so');
($status, $out, $err) = $primary->psql('postgres', q{SELECT booking.book_slot('room', '[2041-01-01 10:00, 2041-01-01 11:00)', 'bob')}, on_error_stop => 0);
like($err, qr/is taken/, '... and a booking by it is refused by the primary');
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
# To read what one has written: the position after the commit, and a standby that has got there.
my $position = $primary->lsn('insert');
$standby->poll_query_until('postgres', "SELECT pg_last_wal_replay_lsn() >= '$position'");
is($session->query($free), 0, 'a standby that has replayed the commit knows');

# What a backend remembers of a resource is forgotten by what is replayed.
$primary->safe_psql('postgres', q{UPDATE booking.resource SET buffer_after = '1 hour' WHERE name = 'room'});
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
is($session->query(q{SELECT count(*) FROM booking.free_periods('room', '[2041-01-01 09:00, 2041-01-01 10:00)')}), 0, 'a changed rule is known on the standby');
$primary->safe_psql('postgres', q{UPDATE booking.resource SET buffer_after = '0' WHERE name = 'room'});

# A hold lapses by the clock of the server that looks; nothing needs to be replayed for it.
$primary->safe_psql('postgres', q{SELECT booking.book_slot('room', '[2042-01-01 10:00, 2042-01-01 11:00)', 'ann', hold_for => '5 seconds')});
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
ok($standby->poll_query_until('postgres', q{SELECT count(*) = 1 FROM booking.free_periods('room', '[2042-01-01 10:00, 2042-01-01 11:00)')}), 'a hold lapses on a standby that replays nothing');
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');

# With synchronous_commit = remote_apply a commit is there when it returns.
$primary->append_conf('postgresql.conf', "synchronous_standby_names = '*'");
$primary->reload;
$primary->poll_query_until('postgres', q{SELECT sync_state = 'sync' FROM pg_stat_replication});
# It is the checkpointer that has the others wait for that; by its second turn it has read the settings.
$primary->safe_psql('postgres', 'CHECKPOINT') for 1 .. 2;
my $missed = 0;
for my $hour (0 .. 19)
{
	$primary->safe_psql('postgres', qq{SET synchronous_commit = remote_apply; SELECT booking.book_slot('room', tstzrange(timestamptz '2043-01-01' + $hour * interval '1 hour', timestamptz '2043-01-01' + ($hour + 1) * interval '1 hour'), 'ann')});
	$missed += $session->query(qq{SELECT count(*) FROM booking.free_periods('room', tstzrange(timestamptz '2043-01-01' + $hour * interval '1 hour', timestamptz '2043-01-01' + ($hour + 1) * interval '1 hour'))});
}
is($missed, 0, 'remote_apply: nothing lags');
$primary->append_conf('postgresql.conf', "synchronous_standby_names = ''");
$primary->reload;
$session->quit;

# What was a standby is none any more.
$standby->promote;
is($standby->safe_psql('postgres', q{SELECT count(*) FROM booking.book_slot('room', '[2040-01-03 10:00, 2040-01-03 11:00)', 'bob')}), 1, 'promoted');

done_testing();
