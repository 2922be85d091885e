# Booking with DBI and DBD::Pg.  The connection comes from PGHOST, PGDATABASE and the like.
use strict;
use warnings;

use DBI;

my ($NINE, $HALF_PAST) = ('[2030-05-06 09:00+00, 2030-05-06 10:00+00)', '[2030-05-06 09:30+00, 2030-05-06 10:30+00)');

sub http_status
{
	my ($code) = @_;
	return 409 if $code =~ /^(23P01|23505|55000)$/;    # taken, id used for something else, too late
	return 404 if $code eq '42704';                    # no such resource, seat, slot, booking
	return 422 if $code =~ /^(23514|22...)$/;          # against a rule, malformed
	return 503 if $code eq '55P03';                    # waited longer than lock_timeout
	return 500;
}

sub connection
{
	return DBI->connect('dbi:Pg:', undef, undef, {
		RaiseError => 1, PrintError => 0, AutoCommit => 1,
		# Through PgBouncer in transaction mode: no statements that are prepared by name.
		pg_server_prepare => $ENV{PGBOUNCER} ? 0 : 1 });
}

# The parameters travel as text without a type: without ::bigint an id would be looked up as a name.
sub book
{
	my ($db, $resource, $period, $holder, $id, $function) = @_;
	return $db->selectrow_hashref('SELECT * FROM booking.' . ($function // 'book_slot')
		. '(?::bigint, ?::tstzrange, ?::text, id => ?::uuid)', undef, $resource, $period, $holder, $id);    # undef: no row
}

sub refusal
{
	my ($db, @request) = @_;
	eval { book($db, @request); 1 } and die 'it was not refused';
	return join(' ', http_status($db->state), $db->state, $db->pg_error_field('constraint') // '-');
}

sub check
{
	my ($got, $wanted) = @_;
	$got eq $wanted or die "$got instead of $wanted";
	return;
}

my $db = connection();
my ($mine) = $db->selectrow_array('SELECT gen_random_uuid()');
my ($room) = $db->selectrow_array("SELECT id FROM booking.create_resource(?, min_notice => '0')", undef, "Room $mine");

check(book($db, $room, $NINE, 'ada', $mine)->{id}, $mine);
check(refusal($db, $room, $HALF_PAST, 'grace'), '409 23P01 booking_no_overlap');
check(refusal($db, 0, $NINE, 'grace'), '404 42704 -');
check(refusal($db, $room, '[2020-05-06 09:00+00, 2020-05-06 10:00+00)', 'grace'), '422 23514 booking_notice');
check(refusal($db, $room, $NINE, 'grace', $mine), '409 23505 booking_pkey');
check(defined book($db, $room, $HALF_PAST, 'grace', undef, 'try_book_slot') ? 'a row' : 'no row', 'no row');

# In a transaction: a savepoint around what may be refused.
$db->begin_work;
$db->pg_savepoint('before');
check(refusal($db, $room, $HALF_PAST, 'grace'), '409 23P01 booking_no_overlap');
$db->pg_rollback_to('before');
$db->commit;

# The connection is lost and with it the answer: the same call again, on a new connection.
eval { $db->do('SELECT pg_terminate_backend(pg_backend_pid())'); 1 } and die 'the connection is still there';
$db = connection() unless $db->ping;
check(book($db, $room, $NINE, 'ada', $mine)->{id}, $mine);
$db->disconnect;
print "ok\n";
