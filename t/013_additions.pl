# What others have put on the tables of the extension survives a dump and a restore, by the
# recipe of docs/operations.md.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('additions');
$node->init(allows_streaming => 'logical');
$node->start;

$node->safe_psql('postgres', $_) foreach ('CREATE DATABASE before', 'CREATE DATABASE after');
$node->safe_psql('before', q{
CREATE EXTENSION booking CASCADE;
CREATE ROLE clerk;
CREATE ROLE "the ""reader""" LOGIN;
SELECT booking.create_resource('room');
SELECT booking.create_resource('pool', 'pooled', 5);
SELECT booking.publish_slot('pool', tstzrange('2030-02-01', '2030-02-02'), 10);
SELECT booking.book_slot('room', tstzrange('2030-01-01 09:00', '2030-01-01 10:00'), 'ann');
SELECT booking.book_slot('pool', tstzrange('2030-01-01', '2030-01-05'), 'bob', 2);
SELECT booking.grant_access('"the ""reader"""', 'read');
});
is($node->safe_psql('before', q{SELECT a FROM booking.additions() a WHERE a NOT LIKE '%TO "the ""reader"""%'}), '', 'at first there is nothing to add');
command_ok(
	[ 'pg_dump', '--data-only', '-U', 'the "reader"', '-f', $node->basedir . '/reader', '-h', $node->host, '-p', $node->port, 'before' ],
	'level read is enough to dump the data');
like(slurp_file($node->basedir . '/reader'), qr/ann.*setval\('booking\.resource_id_seq', 2/s, 'with the sequences');

# Everything that can be put on a table, with names and values that must be quoted.
$node->safe_psql('before', q{
CREATE SCHEMA app;
CREATE TYPE app."my type" AS ENUM ('a', 'it''s');
CREATE TABLE app.customer (name text PRIMARY KEY, note text);
INSERT INTO app.customer VALUES ('ann'), ('bob'), ('carl');
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.touched := coalesce(new.touched, 0) + 1; RETURN new; END $$;
CREATE FUNCTION app.is_mine(holder text) RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT holder = current_user $$;
ALTER TABLE booking.booking
	ADD COLUMN "the price" numeric(10, 2) NOT NULL DEFAULT 9.5,
	ADD COLUMN kind app."my type" DEFAULT 'it''s',
	ADD COLUMN touched integer,
	ADD COLUMN gone integer,
	ADD COLUMN twice numeric GENERATED ALWAYS AS ("the price" * 2) STORED,
	ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY (START 100 INCREMENT 5),
	ADD COLUMN ticket serial,
	ADD COLUMN label text COLLATE "C" DEFAULT E'a\\\\b\n;c';
ALTER TABLE booking.booking DROP COLUMN gone;
COMMENT ON COLUMN booking.booking."the price" IS 'in "euros"; it''s net';
ALTER TABLE booking.booking ALTER COLUMN label SET STORAGE EXTERNAL, ALTER COLUMN holder SET STATISTICS 500,
	ALTER COLUMN label SET (n_distinct = -0.5), ALTER COLUMN label SET COMPRESSION pglz;
ALTER TABLE booking.resource ADD COLUMN tenant text NOT NULL DEFAULT 'house', ALTER COLUMN timezone SET DEFAULT 'Europe/Berlin';
ALTER TABLE booking.resource ALTER COLUMN category SET NOT NULL;
} =~ s/ALTER TABLE booking.resource ALTER COLUMN category SET NOT NULL;/UPDATE booking.resource SET category = 'none'; $&/r);
$node->safe_psql('before', q{
ALTER TABLE booking.booking SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_enabled = false);
ALTER TABLE booking.booking ADD CONSTRAINT "price > 0" CHECK ("the price" > 0), ADD CONSTRAINT ticket_once UNIQUE (ticket),
	ADD CONSTRAINT not_dora CHECK (holder <> 'dora') NOT VALID,
	ADD CONSTRAINT holder_fkey FOREIGN KEY (holder) REFERENCES app.customer ON UPDATE CASCADE;
COMMENT ON CONSTRAINT "price > 0" ON booking.booking IS 'not free';
CREATE INDEX booking_price ON booking.booking ("the price" DESC, lower(holder)) INCLUDE (status) WITH (fillfactor = 60) WHERE status <> 'expired';
ALTER INDEX booking.booking_holder SET (fillfactor = 80);
CREATE STATISTICS app.booking_together (dependencies) ON holder, status FROM booking.booking;
ALTER STATISTICS app.booking_together SET STATISTICS 77;
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON booking.booking FOR EACH ROW EXECUTE FUNCTION app.touch();
CREATE TRIGGER "sleeping one" BEFORE UPDATE ON booking.resource FOR EACH ROW WHEN (new.name = 'x;') EXECUTE FUNCTION app.touch();
ALTER TABLE booking.resource DISABLE TRIGGER "sleeping one";
CREATE TRIGGER always AFTER INSERT ON booking.closure FOR EACH STATEMENT EXECUTE FUNCTION app.touch();
ALTER TABLE booking.closure ENABLE ALWAYS TRIGGER always;
CREATE POLICY own ON booking.booking AS RESTRICTIVE FOR UPDATE TO clerk, "the ""reader""" USING (app.is_mine(holder)) WITH CHECK (holder <> 'eve');
CREATE POLICY "all's" ON booking.booking USING (true);
ALTER TABLE booking.booking ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY seen ON booking.event USING (true);
ALTER TABLE booking.event ENABLE ROW LEVEL SECURITY;
CREATE POLICY off ON booking.seat USING (false);
GRANT SELECT, UPDATE ("the price") ON booking.booking TO clerk;
GRANT SELECT ON booking.resource TO clerk WITH GRANT OPTION;
GRANT EXECUTE ON FUNCTION booking.confirm(uuid) TO clerk;
GRANT SELECT, UPDATE (note) ON app.customer TO clerk;
GRANT USAGE ON SCHEMA app TO clerk;
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT INSERT ON TABLES TO clerk;
REVOKE EXECUTE ON FUNCTION booking.before_name(text, text) FROM PUBLIC;
ALTER TABLE booking.slot REPLICA IDENTITY FULL;
CREATE PUBLICATION shop FOR TABLE booking.booking (id, holder, "the price") WHERE (holder <> 'x');
COMMENT ON TABLE booking.seat IS 'ours';
SELECT booking.book_slot('room', tstzrange('2030-01-02 09:00', '2030-01-02 10:00'), 'carl');
});
is($node->safe_psql('before', q{SELECT problem, detail FROM booking.verify()}), 'policy without row-level security|policy off on booking.seat',
	'verify() reports a policy that does nothing');

# What psql shows of it, and the rows.
my $look = '\d+ booking.*' . "\n" . '\dX+ app.*' . "\n" . '\dRp+' . "\n"
  . q{SELECT p.oid::regprocedure::text, a.grantee::regrole, a.privilege_type, a.is_grantable FROM pg_proc p, aclexplode(coalesce(proacl, acldefault('f', proowner))) a WHERE pronamespace = 'booking'::regnamespace ORDER BY 1, 2, 3;
SELECT relname, a.grantee::regrole, a.privilege_type, a.is_grantable FROM pg_class, aclexplode(relacl) a WHERE relnamespace = 'booking'::regnamespace ORDER BY 1, 2, 3;
SELECT c.relname, a.grantee::regrole, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace = 'app'::regnamespace ORDER BY 1, 2, 3;
SELECT t.attname, a.grantee::regrole, a.privilege_type FROM pg_attribute t, aclexplode(t.attacl) a WHERE t.attrelid = 'app.customer'::regclass ORDER BY 1, 2, 3;
SELECT d.defaclobjtype, d.defaclacl FROM pg_default_acl d;
SELECT a.grantee::regrole, a.privilege_type FROM pg_namespace, aclexplode(nspacl) a WHERE nspname = 'app' ORDER BY 1, 2;
SELECT attname, a.grantee::regrole, a.privilege_type, a.is_grantable FROM pg_attribute, aclexplode(attacl) a WHERE attrelid = 'booking.booking'::regclass ORDER BY 1, 2, 3;
SELECT a.grantee::regrole, a.privilege_type FROM pg_namespace, aclexplode(nspacl) a WHERE nspname = 'booking' ORDER BY 1, 2;
SELECT tablename, policyname, permissive, roles, cmd, qual, with_check FROM pg_policies ORDER BY 1, 2;
SELECT objsubid, description, objoid::regclass FROM pg_description WHERE classoid = 'pg_class'::regclass AND objoid IN (SELECT oid FROM pg_class WHERE relnamespace = 'booking'::regnamespace) ORDER BY 3, 1;
SELECT c.relname, tgname, tgenabled FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT tgisinternal ORDER BY 1, 2;
SELECT relname, reloptions, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relnamespace = 'booking'::regnamespace ORDER BY 1;
SELECT relid::regclass, t.reloptions FROM (SELECT oid AS relid, reltoastrelid FROM pg_class WHERE relnamespace = 'booking'::regnamespace) r JOIN pg_class t ON t.oid = r.reltoastrelid ORDER BY 1;
SELECT attrelid::regclass::text, attname, attstattarget, substring(attoptions::text FROM 'n_distinct=[-0-9.]+'), attcompression FROM pg_attribute WHERE attrelid::regclass::text LIKE 'booking.%' AND attnum > 0 AND NOT attisdropped ORDER BY 1, 2;
SELECT * FROM booking.booking ORDER BY id;
SELECT * FROM booking.resource ORDER BY id;
SELECT last_value, is_called FROM booking.booking_number_seq;
SELECT last_value, is_called FROM booking.booking_ticket_seq;
SELECT sequence, state FROM (SELECT name AS sequence, state FROM booking.parts() WHERE kind LIKE 'sequence%') s ORDER BY 1;
};
my $was = $node->safe_psql('before', $look);
my $additions = $node->safe_psql('before', 'SELECT * FROM booking.additions()');

my @at = ('-h', $node->host, '-p', $node->port);
my $dir = $node->basedir;
command_ok([ 'pg_dump', '--format=custom', '-f', "$dir/dump", @at, 'before' ], 'dump');
foreach my $section ('pre-data', 'post-data')
{
	command_ok(
		[ 'psql', '-XAtq', '-o', "$dir/$section.sql", '-c', "SELECT a FROM booking.additions() AS a WHERE a LIKE '/* $section */%'", @at, 'before' ],
		"additions, $section");
}
my ($list, $fault) = run_command([ 'pg_restore', '--list', "$dir/dump" ]);
append_to_file("$dir/privileges.list", join('', map { "$_\n" } grep { /^\d+; \d+ \d+ (DEFAULT )?ACL / } split /\n/, $list));
foreach my $step (
	[ 'pg_restore', '--exit-on-error', '--no-privileges', '--section=pre-data', '-d', 'after', @at, "$dir/dump" ],
	[ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/pre-data.sql", @at, 'after' ],
	[ 'pg_restore', '--exit-on-error', '--section=data', '-d', 'after', @at, "$dir/dump" ],
	[ 'pg_restore', '--exit-on-error', '--no-privileges', '--section=post-data', '-d', 'after', @at, "$dir/dump" ],
	[ 'pg_restore', '--exit-on-error', "--use-list=$dir/privileges.list", '-d', 'after', @at, "$dir/dump" ],
	[ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/post-data.sql", @at, 'after' ])
{
	command_ok($step, "restore: $step->[0] $step->[2]");
}
is($node->safe_psql('after', $look), $was, 'everything looks as before');
is($node->safe_psql('after', 'SELECT * FROM booking.additions()'), $additions, 'and the same would be added');
is($node->safe_psql('after', q{SELECT count(*) FROM booking.verify() WHERE problem <> 'policy without row-level security'}), '0', 'verify() agrees');

$node->stop;
done_testing();
