# With booking.notify = commit, a transaction sends one notification for each resource whose
# bookings it has changed, with the first and the last of its events; and none of what was
# rolled back.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('notify');
$node->init;
$node->append_conf('postgresql.conf', "max_prepared_transactions = 2\nfsync = off");
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION booking CASCADE;
SELECT booking.create_resource('pool', 'pooled', 1000000);
SELECT booking.create_resource('room');
INSERT INTO booking.resource (name, record_events) VALUES ('quiet', false);
SELECT booking.create_resource('hall ' || n) FROM generate_series(1, 300) AS n;
});

my %names = (null => 'any', map { split /\|/ } split /\n/, $node->safe_psql('postgres', 'SELECT id, name FROM booking.resource'));

my $listener = $node->background_psql('postgres');
# So long for each query, and not for all.
$listener->set_query_timer_restart();
$listener->query_safe('LISTEN booking');
$listener->query_safe('LISTEN "other one"');

# What a transaction sends, with names for ids, and with numbers of events from its first on.
sub sends
{
	my ($sql, $setting) = @_;
	my $before = $node->safe_psql('postgres', 'SELECT last_value - (NOT is_called)::integer FROM booking.event_seq_seq');
	my ($status, $out, $err) = $node->psql('postgres', ($setting // 'SET booking.notify = commit;') . $sql, on_error_stop => 0);
	# The psql that listens writes down what came with the answer to a query.
	my $heard = $listener->query('SELECT 1');
	my @sent;
	while ($heard =~ /Asynchronous notification "([^"]+)" with payload "(\{"resource_id": (\d+|null), "first": (\d+), "last": (\d+)\})"/g)
	{
		my ($channel, $id, $first, $last) = ($1, $3, $4, $5);
		my $name = $names{$id};
		push @sent, ($channel eq 'booking' ? '' : "$channel: ") . "$name " . ($first - $before) . '-' . ($last - $before);
	}
	return join(', ', sort @sent);
}
my $book = q{SELECT FROM booking.book_slot('pool', '[2040-01-01, 2040-01-02)', 'ann');};
my $room = q{SELECT FROM booking.book_slot('room', '[2040-01-01, 2040-01-02)', 'ann');};

is(sends($book), 'pool 1-1', 'one booking');
is(sends("BEGIN; $book $book $room $book COMMIT;"), 'pool 1-4, room 3-3', 'one for each resource');
is(sends("BEGIN; $book $book ROLLBACK;"), '', 'nothing happened');
is(sends("BEGIN; $book SAVEPOINT a; $book SAVEPOINT b; $book ROLLBACK TO b; $book RELEASE a; $book COMMIT;"), 'pool 1-5',
	'what was rolled back in the middle');
is(sends("BEGIN; $book SAVEPOINT a; $book SAVEPOINT b; $book RELEASE b; ROLLBACK TO a; COMMIT;"), 'pool 1-1', 'what was rolled back at the end');
is(sends(q{UPDATE booking.booking SET resource_id = (SELECT id FROM booking.resource WHERE name = 'hall 1'), seat_no = 0
	WHERE resource_id = (SELECT id FROM booking.resource WHERE name = 'room');}), 'hall 1 1-1, room 1-1', 'the resource that a booking leaves, and the one it comes to');
is(sends(q{DELETE FROM booking.booking WHERE resource_id = (SELECT id FROM booking.resource WHERE name = 'hall 1');}), 'hall 1 1-1', 'a booking that is deleted');
is(sends(q{SELECT FROM booking.book_slot('quiet', '[2040-01-01, 2040-01-02)', 'ann');}), '', 'a resource without a journal');
is(sends(q{SELECT count(*) FROM booking.resource r, booking.book_slot(r.name, '[2041-01-01, 2041-01-02)', 'ann') WHERE r.name LIKE 'hall%';})
	=~ s/hall \d+ \d+-\d+/hall/gr, join(', ', 'any 257-300', ('hall') x 256), 'too many resources');
is(sends("BEGIN; DO \$\$ BEGIN FOR i IN 1..1000 LOOP BEGIN PERFORM booking.book_slot('pool', '[2040-01-01, 2040-01-02)', 'bob'); EXCEPTION WHEN check_violation THEN NULL; END; END LOOP; END \$\$; COMMIT;"),
	'pool 1-1000', 'a thousand subtransactions');
is(sends($book, 'SET booking.notify = off;'), '', 'off');
is(sends($book, 'SET booking.notify = worker;'), '', 'worker');
is(sends($book, ''), '', 'neither by default');
is(sends("SET booking.notify_channel = 'other one'; $book"), 'other one: pool 1-1', 'on another channel');
my $booked = 'SELECT count(*) FROM booking.booking';
my $had = $node->safe_psql('postgres', $booked);
is(sends("BEGIN; $book PREPARE TRANSACTION 'two'; COMMIT PREPARED 'two';"), '', 'a transaction that is prepared sends none');
is($node->safe_psql('postgres', $booked), $had + 1, 'and is committed');
is(sends("BEGIN; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; $book COMMIT;"), 'pool 1-1', 'at SERIALIZABLE');
is(sends("BEGIN; $book SET LOCAL booking.notify = off; $book COMMIT;"), 'pool 1-1', 'what counts is the setting when it happens');

# A user's trigger on the journal may leave events out.
$node->safe_psql('postgres', q{
CREATE FUNCTION leave_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN CASE WHEN NEW.holder <> 'secret' THEN NEW END; END $$;
CREATE TRIGGER leave_out BEFORE INSERT ON booking.event FOR EACH ROW EXECUTE FUNCTION leave_out();
});
is(sends(q{SELECT FROM booking.book_slot('pool', '[2040-01-01, 2040-01-02)', 'secret');}), '', 'an event that a trigger leaves out');

foreach my $channel ('', 'x' x 64, "\xc3\xa4", "a\tb")
{
	my ($status, $out, $err) = $node->psql('postgres', "SELECT booking.next_xid() IS NULL; SET booking.notify_channel = '$channel'");
	like($err, qr/invalid value for parameter "booking.notify_channel"/, 'not a channel');
}
$listener->quit;
$node->stop;
done_testing();
