# A worker is connected as a superuser, and runs nothing as one: whatever users have put on our
# tables runs as their owner, a role that may not even log in, also at the commit.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;

my $node = PostgreSQL::Test::Cluster->new('worker_rights');
$node->init;
$node->append_conf('postgresql.conf', q{
fsync = off
shared_preload_libraries = 'booking'
booking.databases = 'postgres'
booking.worker_tick = 50
});
$node->start;

# The tables belong to a role that tries to become a superuser.
$node->safe_psql('postgres', q{
CREATE EXTENSION booking CASCADE;
CREATE ROLE keeper NOLOGIN;
SELECT booking.grant_access('keeper', 'manage');
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA booking TO keeper;
GRANT ALL ON SCHEMA booking TO keeper;
SELECT booking.create_resource('room', seats => NULL);
DO $$ DECLARE t regclass; BEGIN
	FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'booking'::regnamespace AND relkind IN ('r', 'p') LOOP
		EXECUTE format('ALTER TABLE %s OWNER TO keeper', t);
	END LOOP;
END $$;
CREATE TABLE public.tried (n serial, at_what text, as_whom name, super boolean, what text, came_of_it text);
GRANT ALL ON public.tried, public.tried_n_seq TO PUBLIC;
});
$node->safe_psql('postgres', q{
GRANT CREATE ON SCHEMA public TO keeper;
SET ROLE keeper;
CREATE FUNCTION public.note(at_what text, what text, came_of_it text) RETURNS boolean LANGUAGE sql AS $$
	INSERT INTO public.tried (at_what, as_whom, super, what, came_of_it)
	SELECT at_what, current_user, (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user), what, came_of_it RETURNING true
$$;
CREATE FUNCTION public.with_a_role() RETURNS void LANGUAGE sql SET role = 'postgres' AS 'ALTER ROLE keeper SUPERUSER';
CREATE FUNCTION public.climb(at_what text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	what text;
BEGIN
	PERFORM public.note(at_what, 'is', '');
	FOREACH what IN ARRAY ARRAY[
		'SET SESSION AUTHORIZATION DEFAULT', 'RESET SESSION AUTHORIZATION', 'SET LOCAL SESSION AUTHORIZATION postgres', 'SET ROLE postgres', 'SET ROLE NONE', 'RESET ROLE',
		'ALTER ROLE keeper SUPERUSER', 'SELECT public.with_a_role()', 'SET session_replication_role = replica', 'SET LOCAL lo_compat_privileges = on',
		'CREATE FUNCTION pg_catalog.planted() RETURNS void LANGUAGE sql AS ''''', 'COPY (SELECT 1) TO PROGRAM ''true''', 'LISTEN everything',
		'SELECT set_config(''role'', ''postgres'', false)', 'SELECT set_config(''session_authorization'', ''postgres'', true)'] LOOP
		BEGIN
			EXECUTE what;
			PERFORM public.note(at_what, what, 'done');
		EXCEPTION WHEN OTHERS THEN
			PERFORM public.note(at_what, what, SQLERRM);
		END;
	END LOOP;
	BEGIN
		EXECUTE format('DECLARE %I CURSOR WITH HOLD FOR SELECT public.note(%L, %L, %L)', at_what || ' held', at_what, 'a held cursor', '');
	EXCEPTION WHEN OTHERS THEN
		PERFORM public.note(at_what, 'WITH HOLD', SQLERRM);
	END;
	-- What stays in the session.
	PERFORM set_config('search_path', 'public, pg_catalog', false);
	RETURN true;
END $$;
CREATE FUNCTION public.climbs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.climb(TG_NAME); RETURN COALESCE(NEW, OLD); END $$;
CREATE TRIGGER at_once AFTER UPDATE ON booking.booking FOR EACH ROW EXECUTE FUNCTION public.climbs();
CREATE CONSTRAINT TRIGGER at_the_commit AFTER UPDATE ON booking.booking DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.climbs();
CREATE CONSTRAINT TRIGGER of_the_journal AFTER INSERT ON booking.event DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.climbs();
CREATE TRIGGER archived AFTER INSERT ON booking.booking_archive FOR EACH ROW EXECUTE FUNCTION public.climbs();
CREATE FUNCTION public.in_a_policy() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN public.note('policy', 'is', ''); END $$;
ALTER TABLE booking.booking ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE booking.event ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON booking.booking USING (public.in_a_policy());
CREATE POLICY p ON booking.event USING (false);
-- Comes before ours and PostgreSQL's where a name is looked up in a search_path.
CREATE FUNCTION public.min(bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM public.climb('a name'); RETURN 0; END $$;
});

my $listener = $node->background_psql('postgres');
# So long for each query, and not for all.
$listener->set_query_timer_restart();
$listener->query_safe('LISTEN booking');
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'booking worker' AND state = 'idle'}) or die 'no worker';
# As the superuser, whose changes are not what is tested.
$node->safe_psql('postgres', q{
SET session_replication_role = replica;
INSERT INTO booking.booking (id, resource_id, seat_no, period, occupies, holder, status, expires_at)
	SELECT '00000000-0000-7000-8000-000000000001', id, 0, '[2020-01-01, 2020-01-02)', '[2020-01-01, 2020-01-02)', 'lapses', 'held', now() FROM booking.resource;
});
my $lapsed = q{SELECT status = 'expired' FROM booking.booking WHERE holder = 'lapses'};
ok($node->poll_query_until('postgres', $lapsed), 'the hold is marked');

# By the worker, and at its commit.
ok($node->poll_query_until('postgres', q{SELECT count(DISTINCT at_what) >= 3 FROM public.tried}), 'the triggers have run');
my $told = '';
for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
{
	$told .= $listener->query('SELECT 1');
	last if $told =~ /"resource_id": 1,/;
	Time::HiRes::usleep(100_000);
}
like($told, qr/"resource_id": 1,/, 'policies do not keep events from being told');
$node->safe_psql('postgres', q{
ALTER SYSTEM SET booking.archive_after = 0;
ALTER SYSTEM SET booking.archive_every = '1s';
SELECT pg_reload_conf()});
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM booking.booking_archive}), 'the booking is archived');
ok($node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM public.tried WHERE at_what = 'archived'}), 'with its trigger');

is($node->safe_psql('postgres', q{SELECT DISTINCT as_whom, super FROM public.tried}), 'keeper|f', 'everything runs as the owner');
is($node->safe_psql('postgres', q{SELECT DISTINCT what FROM public.tried WHERE came_of_it = 'done' ORDER BY 1}), '', 'no role gets more rights');
is($node->safe_psql('postgres', q{SELECT rolsuper FROM pg_roles WHERE rolname = 'keeper'}), 'f', 'nor is a superuser');
is($node->safe_psql('postgres', q{SELECT count(*) FROM public.tried WHERE at_what = 'a name'}), 0, 'nothing is looked up on their path');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT at_what, ', ' ORDER BY at_what) FROM public.tried}), 'archived, at_once, at_the_commit, of_the_journal', 'where they ran');
note($node->safe_psql('postgres', q{SELECT DISTINCT what || ': ' || came_of_it FROM public.tried ORDER BY 1}));

# A database where a user has made functions of our names, without the extension.
$node->safe_psql('postgres', 'CREATE DATABASE planted');
$node->safe_psql('planted', q{
CREATE SCHEMA booking;
CREATE TABLE booking.resource (id bigint);
CREATE TABLE booking.caught (n integer);
CREATE FUNCTION booking.expire_holds(integer) RETURNS bigint LANGUAGE sql AS 'INSERT INTO booking.caught VALUES (1); SELECT 0::bigint';
});
my $from = -s $node->logfile;
$node->adjust_conf('postgresql.conf', 'booking.databases', "'postgres, planted'");
$node->append_conf('postgresql.conf', "log_min_messages = debug1");
$node->reload;
$node->wait_for_log(qr/registering background worker "booking worker"/, $from);
$node->wait_for_log(qr/background worker "booking worker" \(PID \d+\) exited with exit code 0/, $from);
is($node->safe_psql('planted', 'SELECT count(*) FROM booking.caught'), 0, 'what is not an extension is left alone');

# Which roles may start and stop it.
my ($status, $out, $err) = $node->psql('postgres', q{CREATE ROLE clerk; SELECT booking.grant_access('clerk', 'manage'); SET ROLE clerk; SELECT booking.stop_worker()});
like($err, qr/permission denied for function stop_worker/, 'not every role');
$listener->quit;
$node->stop('fast');
done_testing();
