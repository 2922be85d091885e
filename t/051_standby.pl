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

# What was a standby is none any more.
$standby->promote;
is($standby->safe_psql('postgres', q{SELECT count(*) FROM booking.book_slot('room', '[2040-01-03 10:00, 2040-01-03 11:00)', 'bob')}), 1, 'promoted');

done_testing();
