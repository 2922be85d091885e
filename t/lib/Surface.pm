# Random statements out of the whole SQL surface of the extension, for a few resources of each kind, on
# one day, so that they meet all the time.
#
# What a statement names is drawn when it runs: it has variables of psql's, which are columns of the
# view "lots", such as :'booking'.

package Surface;

use strict;
use warnings FATAL => 'all';

use Exporter qw(import);

our @EXPORT_OK = qw(%LEFT_OUT $LOTS $SETUP $WRONG kinds statement);

# The functions that no statement calls, and why.
our %LEFT_OUT = (
	# PostgreSQL's own answer to two changes of one row of a catalog at once is XX000.
	(map { $_ => 'DDL' } qw(guard_table guard_against unguard_table grant_access revoke_access change_access)),
	# Called by others.
	(map { $_ => 'a part of others' } qw(must_write check_resource slot_periods local_instant lane_of no_such_subscriber
		check_event_reader readable_position archive_month archive_begin is_read archive_bookings archive_events archive_orphans
		archive_batch ended_at guard_definition before_name guard_breaches guard_breaches_query verify_guards
		triggers_gone_astray identities_behind forget_everything next_xid journal_base keep_positions pools_miscounted parts
		access_levels is_sound leave_gates check_again
		compress_text compress_bpchar compress_bytea compress_numeric compress_bit compress_varbit compress_range)),
	# t/071_worker.pl and those after it.
	(map { $_ => 'a process' } qw(start_worker stop_worker)));

our $SETUP = q{
CREATE EXTENSION booking CASCADE;
SELECT booking.create_resource('room', category => 'any', buffer_after => '10 min');
SELECT booking.create_resource('bus', 'seated', seats => ARRAY['1', '2', '3', '4', '5'], category => 'seats');
SELECT booking.create_resource('bikes', 'pooled', 3, category => 'any');
SELECT booking.create_resource('fleet', 'pooled', 300, category => 'large');
SELECT booking.create_resource('desk', category => 'slots', slots_only => true);
SELECT booking.create_resource('hall', category => 'slots');
SELECT booking.create_resource('tour', 'seated', seats => ARRAY['1', '2', '3', '4', '5'], category => 'seats');
SELECT booking.create_resource('clinic', category => 'any', timezone => 'Europe/Berlin', min_notice => '1 hour', max_advance => '100 years', min_duration => '30 min',
	max_duration => '8 hours', max_hold => '1 hour');
SELECT booking.create_resource('stage', 'pooled', 2, category => 'slots');
SELECT booking.create_resource('timetable', 'pooled', 2, slots_only => true, category => 'timetable');
SELECT booking.create_resource('extra 1', 'pooled', 2, category => 'any');
SELECT booking.create_resource('extra 2', 'seated', seats => ARRAY['1', '2'], category => 'any');
SELECT booking.create_resource('extra 3', category => 'any');
SELECT booking.create_resource('extra 4');
SELECT booking.create_resource('extra 5');
-- The rules that do not change, which the count in the end is about.
INSERT INTO booking.holder_limit (resource_id, per, max_bookings) VALUES (8, 'day', 2);
INSERT INTO booking.holder_limit (resource_id, per, max_quantity) VALUES (3, 'day', 4);
INSERT INTO booking.opening_hours (resource_id, weekday, opens, closes) SELECT 8, n, '02:00', '23:00' FROM generate_series(1, 7) AS n;
SELECT booking.publish_slots('desk', '[2031-01-06 00:00, 2031-01-06 01:00)', '1 hour', '2031-01-06 06:00', 1);
SELECT booking.publish_slots('hall', '[2031-01-06 00:00, 2031-01-06 02:00)', '4 hours', '2031-01-06 12:00', 6);
SELECT booking.publish_slots('tour', '[2031-01-06 00:00, 2031-01-06 02:00)', '6 hours', '2031-01-06 12:00', 5);
SELECT booking.publish_slots('stage', '[2031-01-06 00:00, 2031-01-06 02:00)', '2 hours', '2031-01-06 06:00', 500);
SELECT booking.publish_slots('stage', '[2031-01-06 06:00, 2031-01-06 08:00)', '2 hours', '2031-01-06 10:00', 2);
SELECT booking.subscribe('reader', lanes => 4);
UPDATE booking.subscriber SET lease = '50 ms';

CREATE TABLE stock (kind text PRIMARY KEY, units integer);
INSERT INTO stock VALUES ('a', 2), ('b', 300);
CREATE TABLE rented (id integer PRIMARY KEY, kind text, period tstzrange, units integer, active boolean DEFAULT true);
SELECT booking.guard_table('rented', '{kind}', '{period}', quantity => 'units', active => 'active', capacity_query => 'SELECT units FROM public.stock WHERE kind = $1', name => 'g');
CREATE TABLE repairs (id integer PRIMARY KEY, kind text, period tstzrange);
SELECT booking.guard_against('rented', 'g', 'repairs', '{kind}', '{period}');
CREATE TABLE seats (id integer PRIMARY KEY, seat integer, period tstzrange);
SELECT booking.guard_table('seats', '{seat}', '{period}', name => 's');
};

# What a statement may name: something that is there, or an id that nothing has.
our $LOTS = q{
CREATE VIEW lots AS
WITH RECURSIVE active AS NOT MATERIALIZED (SELECT * FROM booking.booking WHERE status IN ('held', 'confirmed')),
-- Nothing that lapses while it waits, which may be a deadlock where several move (docs/concurrency.md).
lasting AS NOT MATERIALIZED (SELECT * FROM active WHERE status = 'confirmed' OR expires_at > now() + interval '10 min'),
nothing AS NOT MATERIALIZED (SELECT '00000000-0000-4000-8000-000000000000'::uuid AS id)
SELECT coalesce((SELECT id FROM active ORDER BY random() LIMIT 1), nothing.id) AS booking,
	coalesce((SELECT id FROM active ORDER BY updated_at DESC OFFSET random() * 3 LIMIT 1), nothing.id) AS latest,
	coalesce((SELECT id FROM booking.booking ORDER BY random() LIMIT 1), nothing.id) AS any_booking,
	coalesce((SELECT id FROM active WHERE expires_at > now() - interval '20 ms' ORDER BY random() LIMIT 1), nothing.id) AS hold,
	coalesce((SELECT group_id FROM active WHERE expires_at > now() AND group_id IS NOT NULL ORDER BY random() LIMIT 1), nothing.id) AS held_group,
	coalesce((SELECT id FROM active WHERE status = 'confirmed' AND lower(period) <= now() ORDER BY random() LIMIT 1), nothing.id) AS begun,
	coalesce((SELECT id FROM active WHERE status = 'confirmed' ORDER BY random() LIMIT 1), nothing.id) AS confirmed,
	coalesce((SELECT id FROM lasting ORDER BY random() LIMIT 1), nothing.id) AS one,
	coalesce((SELECT id FROM lasting ORDER BY random() LIMIT 1), nothing.id) AS other,
	coalesce((SELECT id FROM lasting ORDER BY random() LIMIT 1), nothing.id) AS third,
	coalesce((SELECT id FROM lasting l WHERE group_id IS NOT NULL AND NOT EXISTS (SELECT FROM active a
			WHERE a.group_id = l.group_id AND a.expires_at <= now() + interval '10 min') ORDER BY random() LIMIT 1), nothing.id) AS of_series,
	coalesce((SELECT group_id FROM active WHERE group_id IS NOT NULL ORDER BY random() LIMIT 1), nothing.id) AS group_id,
	coalesce((SELECT id FROM booking.slot ORDER BY random() LIMIT 1), 0) AS slot,
	coalesce((SELECT s.id FROM booking.slot s JOIN booking.resource r ON r.id = s.resource_id WHERE r.kind = 'seated' ORDER BY random() LIMIT 1), 0) AS seated_slot,
	-- publish_slots() beside changes of single slots may be a deadlock, and two that move into each other's time.
	coalesce((SELECT id FROM booking.slot WHERE resource_id <> 10 ORDER BY random() LIMIT 1), 0) AS one_slot,
	coalesce((SELECT id FROM booking.slot WHERE resource_id = 9 ORDER BY random() LIMIT 1), 0) AS pool_slot,
	coalesce((SELECT id FROM booking.waitlist WHERE status IN ('waiting', 'offered') ORDER BY random() LIMIT 1), 0) AS entry,
	coalesce((SELECT id FROM booking.closure ORDER BY random() LIMIT 1), 0) AS closure,
	coalesce((SELECT id FROM booking.opening_hours ORDER BY random() LIMIT 1), 0) AS hours,
	coalesce((SELECT id FROM booking.holder_limit WHERE id > 2 ORDER BY random() LIMIT 1), 0) AS holder_limit,
	coalesce((SELECT id FROM booking.resource ORDER BY random() LIMIT 1), 0) AS resource,
	coalesce((SELECT cursor FROM booking.next_events('reader', 10) ORDER BY random() LIMIT 1), '0.0.0.0') AS cursor,
	coalesce((SELECT id FROM rented ORDER BY random() LIMIT 1), 0) AS rented,
	coalesce((SELECT id FROM repairs ORDER BY random() LIMIT 1), 0) AS repair,
	coalesce((SELECT id FROM seats ORDER BY random() LIMIT 1), 0) AS seat
FROM nothing;
};

# What is wrong with what is stored, counted without the extension.
our $WRONG = q{
CREATE VIEW wrong AS
WITH in_force AS (SELECT b.*, r.kind, r.capacity, r.name FROM booking.booking b JOIN booking.resource r ON r.id = b.resource_id
	WHERE b.status = 'confirmed' OR b.status = 'held' AND b.expires_at > clock_timestamp())
SELECT format('%s: %s and %s', a.name, a.id, b.id) AS problem
FROM in_force a JOIN in_force b ON b.resource_id = a.resource_id AND b.id > a.id AND b.occupies && a.occupies
	AND (a.slot_id IS DISTINCT FROM b.slot_id OR a.seat_no = b.seat_no)
	AND (a.kind = 'exclusive' OR a.kind = 'seated' AND a.seat_no = b.seat_no)
UNION ALL SELECT format('%s: more than %s at %s', a.name, a.capacity, lower(a.occupies))
FROM in_force a WHERE a.kind = 'pooled' AND a.slot_id IS NULL
	AND a.capacity < (SELECT sum(b.quantity) FROM in_force b WHERE b.resource_id = a.resource_id AND b.slot_id IS NULL AND b.occupies @> lower(a.occupies))
UNION ALL SELECT format('%s: more than %s in slot %s', max(b.name), s.capacity, s.id)
FROM in_force b JOIN booking.slot s ON s.id = b.slot_id GROUP BY s.id HAVING sum(b.quantity) > s.capacity
UNION ALL SELECT format('%s: %s is closed', b.name, b.id)
FROM in_force b JOIN booking.closure c ON c.period && b.period AND (c.resource_id IS NULL OR c.resource_id = b.resource_id)
UNION ALL SELECT format('%s has more than two in the clinic', b.holder)
FROM in_force b WHERE b.resource_id = 8 GROUP BY b.holder, (lower(b.period) AT TIME ZONE 'Europe/Berlin')::date HAVING count(*) > 2
UNION ALL SELECT format('%s has more than four bikes', b.holder)
FROM in_force b WHERE b.resource_id = 3 GROUP BY b.holder, (lower(b.period) AT TIME ZONE 'UTC')::date HAVING sum(b.quantity) > 4
UNION ALL SELECT format('rented: more than %s of %s', s.units, a.kind)
FROM rented a JOIN stock s ON s.kind = a.kind WHERE a.active
	AND s.units < (SELECT sum(b.units) FROM rented b WHERE b.active AND b.kind = a.kind AND b.period @> lower(a.period))
UNION ALL SELECT format('rented: %s is in repair', a.id) FROM rented a JOIN repairs b ON b.kind = a.kind AND b.period && a.period WHERE a.active
UNION ALL SELECT format('seats: %s and %s', a.id, b.id) FROM seats a JOIN seats b ON b.seat = a.seat AND b.id > a.id AND b.period && a.period;
CREATE TABLE seen (problem text);
-- What an index does not find.  Each is looked for by a scan of its own.
CREATE FUNCTION lost() RETURNS SETOF text LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
DECLARE
	a booking.booking;
BEGIN
	FOR a IN SELECT * FROM booking.booking b WHERE CASE WHEN b.status IN ('held', 'confirmed') THEN b.seat_no IS NOT NULL END LOOP
		PERFORM FROM booking.booking b WHERE b.resource_id = a.resource_id AND b.seat_no = a.seat_no AND b.occupies && a.occupies
			AND b.status IN ('held', 'confirmed') AND b.id = a.id;
		IF NOT FOUND THEN
			RETURN NEXT format('%s is not in the index', a.id);
		END IF;
	END LOOP;
END $$;
-- In a join, PostgreSQL may spoil a GiST index (docs/concurrency.md).
CREATE FUNCTION look() RETURNS void LANGUAGE sql SET enable_indexscan = off SET enable_bitmapscan = off AS $$
INSERT INTO seen SELECT * FROM wrong UNION ALL SELECT lost()
$$;
};

sub pick { return $_[ int(rand(@_)) ] }
sub chance { return rand() < $_[0] }

# ---- what a statement is made of ----

sub hours
{
	my ($from, $n) = @_;
	$from //= int(rand(11));
	$n //= pick(1, 1, 1, 2, 2, 3, 5);
	return sprintf "'[2031-01-06 %02d:00, 2031-01-06 %02d:00)'", $from, $from + $n;
}

# Of each resource: its id, how much of it is asked for, and whether it is booked by its slots only.
my @resources = (
	[ 1, 'room', 1 ], [ 2, 'bus', 1 ], [ 3, 'bikes', 3 ], [ 4, 'fleet', 200 ], [ 4, 'fleet', 60 ], [ 6, 'hall', 1 ], [ 7, 'tour', 1 ], [ 8, 'clinic', 1 ], [ 9, 'stage', 2 ],
	[ 11, 'extra 1', 2 ], [ 12, 'extra 2', 1 ], [ 13, 'extra 3', 1 ]);

# Those that come and go, with few bookings.
sub extra { return pick(3, 4, 5, 5) }

sub one_resource { return @{ pick(@resources) } }

# A resource as an argument, by its id or by its name.  (Those that come and go do so with another id.)
sub named { my ($id, $name) = @_; return $id > 10 || chance(0.3) ? "'$name'" : "${id}::bigint" }

sub resource
{
	return named(one_resource());
}

sub resource_and_quantity
{
	my ($id, $name, $most) = one_resource();
	return (named($id, $name), 1 + int(rand($most)));
}

sub names
{
	my %names = map { $_->[1] => 1 } map { pick(@resources) } 1 .. pick(2, 3, 4);
	return 'ARRAY[' . join(', ', map { "'$_'" } sort keys %names) . ']';
}

sub holder { return "'" . pick('ann', 'bob', 'cleo', 'dan') . "'" }
sub seat { return pick(1 .. 5) }

# Short ones lapse while others come.
sub hold
{
	my $dice = rand();
	return $dice < 0.5 ? '' : ", hold_for => '" . ($dice < 0.7 ? pick(1, 5, 20, 100) . ' ms' : pick('30 min', '50 min')) . "'";
}

# A few ids, so that calls are repeated.
sub id { return sprintf "'a0000000-0000-4000-8000-%012d'", int(rand(8)) }
sub group { return chance(0.2) ? sprintf(", group_id => 'b0000000-0000-4000-8000-%012d'", int(rand(4))) : '' }

sub book
{
	my ($function) = @_;
	my ($resource, $quantity) = resource_and_quantity();
	my $seat = chance(0.2) ? ', seat => \'' . seat() . '\'' : '';
	my $id = chance(0.1) ? ', id => ' . id() : '';
	return "booking.$function($resource, " . hours() . ', ' . holder() . ", $quantity$seat" . hold() . "$id)";
}

sub place
{
	my ($function) = @_;
	my $seat = chance(0.2) ? ', seat => \'' . seat() . '\'' : '';
	my $id = chance(0.1) ? ', id => ' . id() : '';
	return "booking.$function(:slot, " . holder() . ', ' . pick(1, 1, 1, 2, 100) . "$seat" . hold() . "$id)";
}

sub any
{
	my ($function) = @_;
	my ($which, $category) = chance(0.5) ? (names(), '') : ('NULL', ", category => '" . pick('any', 'any', 'seats', 'slots') . "'");
	return "booking.$function($which, " . hours($function =~ /place/ ? (0, 12) : ()) . ', ' . holder() . ', ' . pick(1, 1, 2) . hold() . "$category)";
}

sub requests
{
	my @requests = map {
		my ($id, $name, $most) = one_resource();
		chance(0.25) ? q{jsonb_build_object('slot_id', :slot, 'quantity', } . pick(1, 1, 2) . ')'
		  : "jsonb_build_object('resource', '$name', 'period', " . hours() . ", 'quantity', " . (1 + int(rand($most))) . ')'
	} 1 .. pick(2, 2, 3, 5);
	return 'jsonb_build_array(' . join(', ', @requests) . ')';
}

sub moves
{
	my @moves = map {
		my $what = chance(0.2) ? ", 'slot_id', :slot" : ", 'period', " . hours() . (chance(0.3) ? ", 'resource', '" . (one_resource())[1] . "'" : '');
		"jsonb_build_object('id', :'$_'$what)"
	} (chance(0.5) ? ('one', 'other') : ('third', 'one', 'other'));
	return 'jsonb_build_array(' . join(', ', @moves) . ')';
}

sub series
{
	my ($function) = @_;
	my ($resource, $quantity) = resource_and_quantity();
	my $how = $function =~ /rule/ ? "'FREQ=DAILY;COUNT=2', " . holder() : "'" . pick(1, 2, 3) . " hours', 3, " . holder();
	return "booking.$function($resource, " . hours(int(rand(4)), 1) . ", $how, " . ($quantity > 3 ? $quantity : 1) . ", on_conflict => '" . pick('fail', 'skip') . "'" . group() . ')';
}

# How many slots a resource has grows, unless they are mostly of a few times.
sub slot
{
	my ($id, $name, $capacity) = @{ pick([ 5, 'desk', 1 ], [ 5, 'desk', 1 ], [ 6, 'hall', 6 ], [ 6, 'hall', 1 ], [ 7, 'tour', 5 ], [ 7, 'tour', 1 ], [ 9, 'stage', 500 ], [ 9, 'stage', 2 ], [ 15, 'extra 5', 1 ]) };
	return (named($id, $name), hours(2 * int(rand(5)), pick(1, 2)), $capacity, $id);
}

sub select_from { return 'SELECT * FROM ' . $_[0] }

# How often, what it is called, and what it says.
my @kinds = (
	# Booking.
	[ 10, 'book_slot', sub { select_from(book('book_slot')) } ],
	[ 10, 'try_book_slot', sub { select_from(book('try_book_slot')) } ],
	[ 1, 'book_slot, begun', sub { 'SELECT * FROM booking.book_slot(' . pick("'room'", "'bikes'", "'fleet'") . ', tstzrange(now() - interval \'1 s\', now() + interval \'1 s\'), ' . holder() . ')' } ],
	[ 5, 'book_place', sub { select_from(place('book_place')) } ],
	[ 5, 'try_book_place', sub { select_from(place('try_book_place')) } ],
	[ 2, 'book_any', sub { select_from(any('book_any')) } ],
	[ 2, 'try_book_any', sub { select_from(any('try_book_any')) } ],
	[ 2, 'book_any_place', sub { select_from(any('book_any_place')) } ],
	[ 2, 'try_book_any_place', sub { select_from(any('try_book_any_place')) } ],
	[ 3, 'book_seats', sub { select_from('booking.book_seats(' . pick("'bus'", "'tour'", '2::bigint', "'extra 2'") . ', ' . hours() . ', ' . holder() . ', '
		. pick('count => 2', 'count => 3, together => true', "seats => ARRAY['" . seat() . "', '5']", "seats => ARRAY['4', '1']") . hold() . group() . ')') } ],
	[ 2, 'book_slot_seats', sub { select_from('booking.book_slot_seats(:seated_slot, ' . holder() . ', ' . pick('count => 2', "seats => ARRAY['3', '1']") . hold() . group() . ')') } ],
	[ 6, 'book_all', sub { select_from('booking.book_all(' . requests() . ', ' . holder() . hold() . group() . ')') } ],
	# So many that they do with fewer locks.
	[ 0.5, 'book_all, many', sub { "SELECT * FROM booking.book_all((SELECT jsonb_agg(jsonb_build_object('resource', " . pick("'fleet'", "'fleet'", "'fleet'", "'extra ' || n % 2 + 1") . ", 'period', " . hours() . ", 'holder', 'h' || n)) FROM generate_series(1, 45) AS n))" } ],
	[ 3, 'book_series', sub { select_from(series('book_series')) } ],
	[ 2, 'book_series_by_rule', sub { select_from(series('book_series_by_rule')) } ],
	[ 8, 'INSERT booking', sub {
		my ($id, $name, $most) = one_resource();
		"INSERT INTO booking.booking (id, resource_id, period, holder, quantity) SELECT " . (chance(0.1) ? id() . '::uuid' : 'booking.uuid_v7()')
		  . ", id, " . hours() . ', ' . holder() . ', ' . (1 + int(rand($most))) . " FROM booking.resource WHERE name = '$name'" } ],
	[ 3, 'INSERT booking, a hold', sub {
		my ($id, $name, $most) = one_resource();
		"INSERT INTO booking.booking (resource_id, period, holder, quantity, status, expires_at) SELECT id, " . hours() . ', ' . holder() . ', ' . (1 + int(rand($most)))
		  . ", 'held', clock_timestamp() + interval '" . pick(5, 50, 100_000) . " ms' FROM booking.resource WHERE name = '$name'" } ],
	[ 3, 'INSERT booking of a slot', sub { 'INSERT INTO booking.booking (slot_id, holder, quantity) SELECT id, ' . holder() . ', ' . pick(1, 1, 2) . ' FROM booking.slot WHERE id = :slot' } ],
	# The life of a booking.
	[ 5, 'confirm', sub { select_from(q{booking.confirm(:'hold')}) } ],
	[ 3, 'extend_hold', sub { select_from(q{booking.extend_hold(:'hold', '10 ms')}) } ],
	[ 12, 'cancel', sub { select_from('booking.cancel(:\'' . pick('booking', 'latest') . "', 'soak')") } ],
	[ 8, 'reschedule', sub { select_from('booking.reschedule(:\'' . pick('booking', 'latest', 'hold') . '\', ' . hours() . ')') } ],
	[ 4, 'reschedule to another resource', sub {
		my ($id, $name, $most) = one_resource();
		select_from('booking.reschedule(:\'' . pick('booking', 'latest', 'hold') . '\', ' . hours() . ", resource => '$name', quantity => " . (1 + int(rand($most))) . ')') } ],
	[ 4, 'move_to_slot', sub { select_from('booking.move_to_slot(:\'' . pick('booking', 'latest', 'hold') . '\', :slot' . (chance(0.3) ? ', quantity => 1' : '') . ')') } ],
	[ 3, 'swap', sub { select_from(q{booking.swap(:'one', :'other')}) } ],
	[ 3, 'move_all', sub { select_from('booking.move_all(' . moves() . ')') } ],
	[ 2, 'check_in', sub { select_from(q{booking.check_in(:'confirmed')}) } ],
	[ 2, 'check_out', sub { select_from(q{booking.check_out(:'begun')}) } ],
	[ 2, 'confirm_group', sub { select_from(q{booking.confirm_group(:'held_group')}) } ],
	[ 2, 'extend_group', sub { select_from(q{booking.extend_group(:'held_group', '10 ms')}) } ],
	[ 3, 'cancel_group', sub { select_from(q{booking.cancel_group(:'group_id')}) } ],
	[ 2, 'cancel_series', sub { select_from(q{booking.cancel_series(:'of_series', '} . pick('following', 'all', 'this') . q{')}) } ],
	[ 3, 'reschedule_series', sub { select_from(q{booking.reschedule_series(:'of_series', } . hours(undef, 1) . q{, '} . pick('following', 'all', 'this') . q{')}) } ],
	[ 4, 'expire_holds', sub { 'SELECT booking.expire_holds(' . pick('', '', 2) . ')' } ],
	[ 4, 'UPDATE booking, its period', sub { 'UPDATE booking.booking SET period = ' . hours() . q{ WHERE id = :'confirmed' AND status = 'confirmed' AND slot_id IS NULL} } ],
	[ 2, 'UPDATE booking, its resource', sub {
		my ($id, $name, $most) = one_resource();
		"UPDATE booking.booking SET resource_id = booking.resource_id('$name'), seat_no = NULL, quantity = " . (1 + int(rand($most))) . q{ WHERE id = :'confirmed' AND status = 'confirmed' AND slot_id IS NULL} } ],
	[ 3, 'UPDATE booking, its quantity', sub { 'UPDATE booking.booking SET quantity = ' . pick(1, 2, 3, 100) . q{ WHERE id = :'confirmed' AND status = 'confirmed'} } ],
	[ 2, 'UPDATE booking, its holder', sub { 'UPDATE booking.booking SET holder = ' . holder() . q{ WHERE id = :'confirmed' AND status = 'confirmed'} } ],
	[ 2, 'UPDATE booking, its data', sub { q{UPDATE booking.booking SET data = '{"a": 1}' WHERE id = :'} . pick('booking', 'any_booking') . q{'} } ],
	[ 2, 'UPDATE booking, its status', sub { q{UPDATE booking.booking SET } . pick(q{status = 'cancelled'}, q{status = 'cancelled', expires_at = NULL}, q{status = 'confirmed', expires_at = NULL}) . q{ WHERE id = :'} . pick('booking', 'hold') . q{'} } ],
	[ 6, 'DELETE booking', sub { q{DELETE FROM booking.booking WHERE id = :'} . pick('any_booking', 'booking') . q{'} } ],
	[ 2, 'COPY booking', sub {
		my ($id, $name, $most) = @{ pick(@resources[ 0 .. 8 ]) };
		(my $hours = hours()) =~ tr/'//d;
		(my $holder = holder()) =~ tr/'//d;
		"COPY booking.booking (resource_id, period, holder) FROM STDIN;\n$id\t$hours\t$holder\n\\.\n" } ],
	# The line.
	[ 4, 'wait_for_slot', sub { my ($resource, $quantity) = resource_and_quantity(); select_from("booking.wait_for_slot($resource, " . hours() . ', ' . holder() . ", $quantity, offer_for => '" . pick('20 ms', '1 min') . q{')}) } ],
	[ 3, 'wait_for_place', sub { select_from('booking.wait_for_place(:slot, ' . holder() . ', ' . pick(1, 2) . q{, offer_for => '} . pick('20 ms', '1 min') . q{')}) } ],
	[ 3, 'leave_waitlist', sub { select_from('booking.leave_waitlist(:entry)') } ],
	[ 1, 'waitlist_position', sub { select_from('booking.waitlist_position(:entry)') } ],
	[ 1, 'INSERT waitlist', sub { 'INSERT INTO booking.waitlist (resource_id, period, holder) VALUES (' . pick(1 .. 4, 8) . ', ' . hours() . ', ' . holder() . ')' } ],
	[ 1, 'UPDATE waitlist', sub { q{UPDATE booking.waitlist SET } . pick('quantity = 1', q{status = 'left'}, 'period = ' . hours()) . q{ WHERE id = :entry AND slot_id IS NULL} } ],
	[ 1, 'DELETE waitlist', sub { q{DELETE FROM booking.waitlist WHERE id = :entry AND status IN ('waiting', 'left')} } ],
	# Rules.
	[ 1.5, 'close_period', sub { select_from('booking.close_period(' . resource() . ', ' . hours(undef, 1) . q{, 'soak', } . pick('true', 'false') . ')') } ],
	[ 0.5, 'close_period of all', sub { select_from('booking.close_period(NULL::bigint, ' . hours(undef, 1) . q{, 'soak', } . pick('true', 'false') . ')') } ],
	[ 1, 'INSERT closure', sub { 'INSERT INTO booking.closure (resource_id, period) VALUES (' . pick(1 .. 9, 'NULL') . ', ' . hours(11, 1) . ')' } ],
	[ 1, 'UPDATE closure', sub { 'UPDATE booking.closure SET ' . pick('period = ' . hours(undef, 1), 'resource_id = ' . pick(1 .. 9), 'resource_id = NULL') . ' WHERE id = :closure' } ],
	[ 6, 'DELETE closure', sub { 'DELETE FROM booking.closure WHERE id = :closure' } ],
	[ 1, 'INSERT opening_hours', sub { 'INSERT INTO booking.opening_hours (resource_id, on_date, opens, closes) VALUES (' . pick(1 .. 4) . q{, '2031-01-06', '00:00', '} . pick('11:00', '23:00') . q{')} } ],
	[ 1, 'UPDATE opening_hours', sub { 'UPDATE booking.opening_hours SET ' . pick(q{closes = '23:30'}, 'resource_id = ' . pick(1, 3, 4, 8)) . ' WHERE id = :hours AND on_date IS NOT NULL' } ],
	[ 1.5, 'DELETE opening_hours', sub { 'DELETE FROM booking.opening_hours WHERE id = :hours AND on_date IS NOT NULL' } ],
	[ 1, 'INSERT holder_limit', sub { 'INSERT INTO booking.holder_limit (resource_id, category, per, max_bookings) VALUES (' . pick((map { "$_, NULL" } 1 .. 9), q{NULL, 'any'}, 'NULL, NULL') . q{, '} . pick('active', 'slot', 'day', 'week', 'month') . q{', } . pick(5, 10, 20) . ')' } ],
	[ 1, 'UPDATE holder_limit', sub { 'UPDATE booking.holder_limit SET ' . pick('max_bookings = 15', 'resource_id = NULL, category = NULL', q{per = 'day'}, 'category = NULL, resource_id = ' . pick(1 .. 9)) . ' WHERE id = :holder_limit' } ],
	[ 2, 'DELETE holder_limit', sub { 'DELETE FROM booking.holder_limit WHERE id = :holder_limit' } ],
	# Slots.
	[ 2, 'publish_slot', sub { my ($resource, $hours, $capacity) = slot(); select_from("booking.publish_slot($resource, $hours, $capacity)") } ],
	[ 1, 'publish_slots', sub { q{SELECT * FROM booking.publish_slots('timetable', } . hours(2 * int(rand(3)), 1) . q{, '1 hour', '2031-01-06 05:00', } . pick(1, 3) . ')' } ],
	[ 1, 'publish_slots, one', sub { my ($resource, $hours, $capacity) = slot(); $hours =~ /\[(\S+) (\d\d)/; select_from("booking.publish_slots($resource, $hours, '1 day', '2031-01-06 23:00', $capacity)") } ],
	[ 1, 'INSERT slot', sub { my ($resource, $hours, $capacity, $id) = slot(); "INSERT INTO booking.slot (resource_id, period, capacity) VALUES ($id, $hours, $capacity)" } ],
	[ 2, 'UPDATE slot, closed', sub { 'UPDATE booking.slot SET closed = NOT closed WHERE id = :one_slot' } ],
	[ 2, 'UPDATE slot, its capacity', sub { 'UPDATE booking.slot SET capacity = ' . pick(1, 2, 6, 300) . ' WHERE id = :one_slot' } ],
	[ 1, 'UPDATE slot, its data', sub { q{UPDATE booking.slot SET data = '{"a": 1}' WHERE id = :one_slot} } ],
	[ 1, 'UPDATE slot, its period', sub { 'UPDATE booking.slot SET period = ' . hours(2 * int(rand(5)), 2) . ' WHERE id = :pool_slot' } ],
	[ 4, 'DELETE slot', sub { 'DELETE FROM booking.slot WHERE id = :one_slot' } ],
	# Resources.
	[ 3, 'create_resource', sub { my $n = extra(); "SELECT * FROM booking.create_resource('extra $n', " . pick(q{'pooled', 2}, q{'pooled', 300}, q{'seated', seats => ARRAY['1', '2']}, q{'exclusive'}) . pick('', q{, category => 'any'}) . ')' } ],
	[ 0.5, 'INSERT resource', sub { my $n = extra(); "INSERT INTO booking.resource (name) VALUES ('extra $n')" } ],
	[ 1.5, 'DELETE resource', sub { my $n = extra(); "DELETE FROM booking.resource WHERE name = 'extra $n'" } ],
	[ 1, 'UPDATE resource, its name', sub { my $name = pick('stage', 'extra 2'); "UPDATE booking.resource SET name = CASE name WHEN '$name' THEN '$name, renamed' ELSE '$name' END WHERE name LIKE '$name%'" } ],
	[ 2, 'UPDATE resource, its capacity', sub { 'UPDATE booking.resource SET capacity = ' . pick('3 WHERE id = 3', '4 WHERE id = 3', '300 WHERE id = 4', '255 WHERE id = 4', '301 WHERE id = 4', '2 WHERE id = 9', '300 WHERE id = 9') } ],
	[ 1, 'UPDATE resource, its rules', sub { 'UPDATE booking.resource SET ' . pick(q{buffer_after = '10 min'}, q{buffer_after = '0'}, q{min_notice = '1 min'}, q{max_duration = '10 hours'}, q{max_hold = '1 hour'}, q{timezone = 'Europe/Berlin'}, q{timezone = 'UTC'},
		'record_events = NOT record_events', q{category = 'any'}, q{data = '{"a": 1}'}) . ' WHERE id = ' . pick(1 .. 4, 6, 9) } ],
	[ 1, 'UPDATE resource, slots_only', sub { 'UPDATE booking.resource SET slots_only = ' . pick('NOT slots_only', 'id = 5', 'id = 5') . ' WHERE id = ' . pick(5, 5, 6, 9) } ],
	[ 1, 'UPDATE resource, its kind', sub { my $n = pick(1 .. 5); 'UPDATE booking.resource SET ' . pick(q{kind = 'pooled', capacity = 2}, q{kind = 'pooled', capacity = 300}, q{kind = 'exclusive', capacity = 1}) . " WHERE name = 'extra $n'" } ],
	[ 1, 'UPDATE resource, retired_at', sub { my $n = pick(1 .. 5); 'UPDATE booking.resource SET retired_at = ' . pick(q{'2031-01-06 06:00'}, 'NULL') . " WHERE name = 'extra $n'" } ],
	[ 1, 'INSERT seat', sub { 'INSERT INTO booking.seat (resource_id, seat_no, label) VALUES (' . pick(2, 7) . ', 6, \'' . pick(6, 'six') . '\')' } ],
	[ 1, 'UPDATE seat', sub { q{UPDATE booking.seat SET } . pick(q{label = CASE label WHEN '5' THEN 'five' ELSE '5' END}, q{category = 'window'}) . ' WHERE seat_no = 5 AND resource_id = ' . pick(2, 7) } ],
	[ 1, 'DELETE seat', sub { 'DELETE FROM booking.seat WHERE seat_no = 6 AND resource_id = ' . pick(2, 7) } ],
	# Keeping house.
	[ 0.7, 'rebuild', sub { select_from('booking.rebuild()') }, 'read committed' ],
	[ 0.7, 'archive_before', sub { q{CALL booking.archive_before(clock_timestamp() - interval '} . pick('1 s', '100 ms') . q{', } . pick(20, 1000) . ')' } ],
	[ 0.5, 'verify', sub { select_from('booking.verify()') } ],
	[ 0.5, 'wrong', sub { 'SELECT look()' }, 'read committed' ],
	[ 0.3, 'additions', sub { select_from('booking.additions()') } ],
	# The journal.
	[ 1, 'read_events', sub { q{SELECT * FROM booking.read_events(} . pick('', q{booking.current_cursor()}) . ')' } ],
	[ 0.5, 'subscribe', sub { q{SELECT * FROM booking.subscribe('} . pick('reader', 'other') . q{', } . pick(q{'now'}, 'NULL') . q{, 2)} } ],
	[ 0.5, 'unsubscribe', sub { q{SELECT booking.unsubscribe('other')} } ],
	[ 2, 'next_events', sub { q{SELECT * FROM booking.next_events('} . pick('reader', 'reader', 'other') . q{', 10)} } ],
	[ 2, 'done', sub { q{SELECT booking.done('reader', :'cursor')} } ],
	# Looking.
	[ 1, 'free_periods', sub { select_from('booking.free_periods(' . resource() . ', ' . hours(0, 12) . ')') } ],
	[ 1, 'find_slots', sub { 'SELECT * FROM booking.find_slots(' . hours(0, 12) . q{, '1 hour', } . pick(names(), 'NULL', q{category => 'any'}) . ')' } ],
	[ 0.5, 'usage', sub { select_from('booking.usage(' . resource() . ', ' . hours(0, 12) . ')') } ],
	[ 0.5, 'remaining', sub { 'SELECT booking.remaining(' . pick(resource() . ', ' . hours(), ':slot') . ')' } ],
	[ 0.5, 'seat_map', sub { select_from('booking.seat_map(' . pick(pick("'bus'", '7::bigint') . ', ' . hours(), ':seated_slot') . ')') } ],
	[ 1, 'why_not', sub { my ($resource, $quantity) = resource_and_quantity(); select_from("booking.why_not($resource, " . hours() . ', ' . holder() . ", $quantity)") } ],
	[ 0.3, 'occurrences', sub { select_from('booking.occurrences(' . resource() . ', ' . hours() . q{, 'FREQ=DAILY;COUNT=3')}) } ],
	[ 0.5, 'agenda', sub { select_from('booking.agenda(' . resource() . ', ' . hours(0, 12) . ')') } ],
	[ 0.3, 'ical', sub { 'SELECT booking.ical(' . resource() . ', ' . hours(0, 12) . ')' } ],
	[ 0.3, 'local_period', sub { 'SELECT booking.local_period(' . resource() . q{, '2031-01-06 02:00', '2031-01-06 03:00')} } ],
	[ 1, 'views', sub { select_from('booking.' . pick('current', 'stats', 'subscriber_stats', 'all_bookings', 'all_events', 'archive_progress', 'guarded_table', 'progress', 'pool_bookings')) } ],
	# Tables of others.
	[ 3, 'INSERT guarded', sub { 'INSERT INTO rented VALUES (' . int(rand(12)) . q{, '} . pick('a', 'b') . q{', } . hours() . ', ' . pick(1, 2, 100) . ')' } ],
	[ 3, 'UPDATE guarded', sub { 'UPDATE rented SET ' . pick('period = ' . hours(), 'units = ' . pick(1, 2, 100), 'active = NOT active', q{kind = 'b'}) . ' WHERE id = :rented' } ],
	[ 3, 'DELETE guarded', sub { 'DELETE FROM rented WHERE id = :rented' } ],
	[ 1, 'UPDATE its capacity', sub { q{UPDATE stock SET units = units WHERE kind = '} . pick('a', 'b') . q{'} } ],
	[ 1, 'INSERT blocker', sub { 'INSERT INTO repairs VALUES (' . int(rand(4)) . q{, '} . pick('a', 'b') . q{', } . hours() . ')' } ],
	[ 1, 'UPDATE blocker', sub { 'UPDATE repairs SET period = ' . hours() . ' WHERE id = :repair' } ],
	[ 2, 'DELETE blocker', sub { 'DELETE FROM repairs WHERE id = :repair' } ],
	[ 2, 'INSERT seats', sub { 'INSERT INTO seats VALUES (' . int(rand(12)) . ', ' . pick(1, 2) . ', ' . hours() . ')' } ],
	[ 2, 'UPDATE seats', sub { 'UPDATE seats SET ' . pick('period = ' . hours(), 'seat = 3 - seat') . ' WHERE id = :seat' } ],
	[ 2, 'DELETE seats', sub { 'DELETE FROM seats WHERE id = :seat' } ],
	[ 0.3, 'validate_guard', sub { q{SELECT booking.validate_guard('rented', 'g')} } ],
	[ 0.5, 'guard_free', sub { q{SELECT * FROM booking.guard_free('rented', 'g', '{a}', tstzrange} . '(\'2031-01-06\', \'2031-01-07\'))' } ]);

my $weights = 0;
$weights += $_->[0] for @kinds;

sub kinds { return map { $_->[1] } @kinds }

# One of them: what it is called, what it says, and where it may be run.
sub statement
{
	my ($only) = @_;
	my @among = $only ? grep { $_->[1] =~ /$only/ } @kinds : @kinds;
	my $sum = 0;
	$sum += $_->[0] for @among;
	my $dice = rand($sum);
	foreach my $kind (@among)
	{
		$dice -= $kind->[0];
		return ($kind->[1], $kind->[2]->(), $kind->[3]) if $dice < 0;
	}
	return ($among[-1][1], $among[-1][2]->(), $among[-1][3]);
}

1;
