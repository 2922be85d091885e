# What is deferred to the end of a transaction books like any statement: triggers that fire at COMMIT, at
# PREPARE TRANSACTION or at SET CONSTRAINTS, and the query of a cursor WITH HOLD.  An offer that
# is made to an entry in line and has to be taken back is a subtransaction that is rolled back
# there, which is where a server with assertions would stop that has a wrong one (tools/postgres.sh).

use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib "$FindBin::RealBin/lib";
use Crowds qw(is_not_logged);

my $node = PostgreSQL::Test::Cluster->new('at_commit');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nmax_prepared_transactions = 2");
$node->start;

# One of two bikes is out, and one entry waits for both.  Of three boats one is out for good.
$node->safe_psql('postgres', q{
CREATE EXTENSION booking CASCADE;
SELECT FROM booking.create_resource('bikes', 'pooled', 2);
SELECT FROM booking.book_slot('bikes', '[2040-01-01 10:00, 2040-01-01 11:00)', 'one');
SELECT FROM booking.wait_for_slot('bikes', '[2040-01-01 10:00, 2040-01-01 11:00)', 'both', 2);
SELECT FROM booking.create_resource('boats', 'pooled', 3);
SELECT FROM booking.book_slot('boats', '[2040-01-01 10:00, 2040-01-01 11:00)', 'one');
SELECT FROM booking.book_slot('boats', '[2040-01-01 10:00, 2040-01-01 11:00)', 'other');
SELECT FROM booking.wait_for_slot('boats', '[2040-01-01 10:00, 2040-01-01 11:00)', 'all', 3);

CREATE TABLE wish (holder text);
CREATE FUNCTION fulfil() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	-- The line is served, and no entry fits.
	PERFORM booking.cancel(id) FROM booking.booking WHERE status = 'confirmed' AND holder = 'other';
	IF NOT EXISTS (SELECT FROM booking.try_book_slot('bikes', '[2040-01-01 10:00, 2040-01-01 11:00)', new.holder)) THEN
		RAISE NOTICE 'nothing for %', new.holder;
	END IF;
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fulfil AFTER INSERT ON wish DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fulfil();
});

my $left = q{SELECT string_agg(holder, ' ' ORDER BY holder) FROM booking.booking JOIN booking.resource r ON r.id = resource_id WHERE status = 'confirmed' AND r.name = 'bikes'};
my $again = q{DELETE FROM booking.booking WHERE holder <> 'one';
	SELECT FROM booking.try_book_slot('boats', '[2040-01-01 10:00, 2040-01-01 11:00)', 'other');};

sub ends
{
	my ($what, $sql, $expected) = @_;
	my ($code, undef, $stderr) = $node->psql('postgres', $sql);
	is($code, 0, "$what: done") or diag($stderr);
	like($stderr, qr/nothing for (?:two|late)/, "$what: the last is refused");
	is($node->safe_psql('postgres', $left), $expected, "$what: what each has got");
	is($node->safe_psql('postgres', q{SELECT problem FROM booking.verify()}), '', "$what: verify() agrees");
	is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), 0, "$what: nothing is held");
	$node->safe_psql('postgres', $again);
}

foreach my $isolation ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE')
{
	my $begin = "BEGIN ISOLATION LEVEL $isolation; ";
	my $wishes = q{INSERT INTO wish VALUES ('first'), ('two'); };
	my $cursor = q{DECLARE c CURSOR WITH HOLD FOR SELECT holder FROM booking.try_book_slot('bikes', '[2040-01-01 10:00, 2040-01-01 11:00)', 'held'); };

	ends("$isolation, COMMIT", "$begin $wishes COMMIT", 'first one');
	ends("$isolation, SET CONSTRAINTS", "$begin $wishes SET CONSTRAINTS ALL IMMEDIATE; COMMIT", 'first one');
	ends("$isolation, a savepoint", "$begin SAVEPOINT a; $wishes ROLLBACK TO a; INSERT INTO wish VALUES ('second'), ('late'); RELEASE a; COMMIT", 'one second');
	ends("$isolation, PREPARE", "$begin $wishes PREPARE TRANSACTION 'p'; COMMIT PREPARED 'p'", 'first one');
	ends("$isolation, a cursor", "$begin $cursor COMMIT; INSERT INTO wish VALUES ('late')", 'held one');
	# Triggers come before cursors.
	ends("$isolation, both", "$begin $cursor $wishes COMMIT", 'first one');
}

# Not a word about what was left behind, nor a crash.
is_not_logged($node, qr/TRAP|PANIC|WARNING|terminated by signal/, 'the log is clean');

$node->stop;
done_testing();
