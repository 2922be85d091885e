--
-- What another role has written into a guard runs as that role, whichever role makes it run.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_booking_evil;
CREATE ROLE regress_booking_victim;
CREATE ROLE regress_booking_reading;
SELECT booking.grant_access('regress_booking_reading', 'read');
CREATE SCHEMA guard_rights;
GRANT ALL ON SCHEMA guard_rights TO PUBLIC;
GRANT USAGE ON SCHEMA booking TO PUBLIC;
GRANT EXECUTE ON FUNCTION pg_temp.said(text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION booking.guard_table, booking.guard_against, booking.unguard_table TO regress_booking_evil, regress_booking_victim;
SET search_path = guard_rights;

-- It warns when it runs as another role, or has the rights of a superuser.
SET ROLE regress_booking_evil;
CREATE FUNCTION caught(whatever int) RETURNS int LANGUAGE plpgsql IMMUTABLE COST 1 AS $$
BEGIN
	IF current_user <> 'regress_booking_evil' THEN
		RAISE WARNING 'caught: runs as somebody else';
	END IF;
	BEGIN
		PERFORM set_config('role', 'none', true);
		RAISE WARNING 'caught: may have another role';
	EXCEPTION WHEN insufficient_privilege THEN
	END;
	PERFORM set_config('search_path', 'guard_rights', false);
	RETURN whatever;
END $$;

-- A capacity_query of one's own, in a guard made by hand and in one made by guard_table().
CREATE TABLE mine (k int, during daterange, n int DEFAULT 1);
CREATE INDEX ON mine USING gist (k, during);
CREATE FUNCTION by_hand(int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT guard_rights.caught(5); END;
CREATE TRIGGER by_hand AFTER INSERT OR UPDATE ON mine FOR EACH ROW
	WHEN (booking.check_again(new.k, new.during, 1, true, CASE WHEN false THEN by_hand(new.k) END))
	EXECUTE FUNCTION booking.check_capacity('query', 'given index');
CREATE TRIGGER zzzz_by_hand BEFORE INSERT OR UPDATE ON mine FOR EACH ROW EXECUTE FUNCTION booking.make_room();
SELECT booking.guard_table('mine', '{k}', '{during}', name => 'by_call', capacity_query => 'SELECT guard_rights.caught(5)');
-- A function in the arguments of the guard: as the quantity, in a condition, in an index.
CREATE TRIGGER quantity AFTER INSERT OR UPDATE ON mine FOR EACH ROW
	WHEN (booking.check_again(new.k, new.during, caught(1), true))
	EXECUTE FUNCTION booking.check_capacity('5', 'given index');
CREATE TABLE folded (k int, during daterange);
INSERT INTO folded VALUES (1, '[2030-01-01,2030-01-05)');
CREATE INDEX folded_index ON folded USING gist ((caught(k)), during) WHERE k > caught(0);
SELECT booking.guard_table('folded', '{k}', '{during}', 2, active => 'k > caught(0)', using_index => 'folded_index', name => 'folded_guard');
CREATE TABLE closed (k int, during daterange);
CREATE INDEX closed_index ON closed USING gist (k, during) WHERE caught(1) = 1;
SELECT booking.guard_against('folded', 'folded_guard', 'closed', '{k}', '{during}', active => 'caught(1) = 1');
GRANT ALL ON mine, folded, closed TO PUBLIC;
RESET ROLE;

\c -
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all
\set VERBOSITY terse
SET client_min_messages = warning;
GRANT EXECUTE ON FUNCTION pg_temp.said(text) TO PUBLIC;
SET search_path = guard_rights;
-- A superuser looks, checks, and guards something else.
SELECT name, rule, capacity_query IS NOT NULL AS query FROM booking.guarded_table WHERE target::text ~ '^(mine|folded|closed)$' ORDER BY name, rule;
SELECT target, guard, detail FROM booking.verify_guards() WHERE target::text ~ '^(mine|folded|closed)$' ORDER BY guard;
SELECT count(*) FROM booking.verify() WHERE detail ~ 'guard_rights';
CREATE TABLE harmless (k int, during daterange);
SELECT booking.guard_table('harmless', '{k}', '{during}', 2, name => 'by_call');
SELECT booking.unguard_table('harmless');
-- What runs within another role's statement is evaluated as the owner, too.
-- Only a guard that says what guard_table() could have said is one.
SET ROLE regress_booking_victim;
SELECT pg_temp.said($$INSERT INTO mine VALUES (2, '[2030-01-01,2030-01-05)')$$);
RESET ROLE;
DROP TRIGGER quantity ON mine;
SELECT pg_temp.said($$INSERT INTO mine SELECT 1, '[2030-01-01,2030-01-05)' FROM generate_series(1, 6)$$);
SHOW search_path;
-- A superuser guards another's table.
SELECT booking.guard_table('mine', '{k}', '{during}', 6, active => 'guard_rights.caught(k) > 0', name => 'by_superuser');
SELECT booking.guard_against('folded', 'folded_guard', 'mine', '{k}', '{during}', active => 'guard_rights.caught(1) = 1');
SHOW search_path;
-- One guard that fails does not hide the others.
SET ROLE regress_booking_evil;
CREATE TABLE failing (k int, during daterange);
INSERT INTO failing VALUES (1, '[2030-01-01,2030-01-05)');
CREATE FUNCTION fails() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE 'it fails'; END $$;
SELECT booking.guard_table('failing', '{k}', '{during}', capacity_query => 'SELECT guard_rights.fails()', check_existing => false);
CREATE TRIGGER again AFTER INSERT OR UPDATE ON failing FOR EACH ROW
	WHEN (booking.check_again(new.k, new.during, 1, true))
	EXECUTE FUNCTION booking.check_capacity('many');
RESET ROLE;
SELECT name, capacity FROM booking.guarded_table WHERE target = 'failing'::regclass ORDER BY 1;
SELECT guard, detail FROM booking.verify_guards() WHERE target = 'failing'::regclass ORDER BY guard;
DROP TABLE failing;

--
-- TRIGGER on a table is not the right to guard it: what stands in a guard would run as its owner.
--
SET ROLE regress_booking_victim;
CREATE TABLE theirs (k int, during daterange);
CREATE INDEX ON theirs USING gist (k, during);
CREATE TABLE hotel (id int, rooms int);
GRANT ALL ON theirs TO regress_booking_evil;
GRANT SELECT, TRIGGER ON hotel TO regress_booking_evil;
SET ROLE regress_booking_evil;
SELECT pg_temp.said($$CREATE TRIGGER evil AFTER INSERT OR UPDATE ON theirs FOR EACH ROW
	WHEN (booking.check_again(new.k, new.during, 1, true))
	EXECUTE FUNCTION booking.check_capacity('query', 'given index', 'SELECT guard_rights.caught(5)')$$);
-- ... nor with the name left to the search_path, nor as a constraint trigger, nor in place of another.
SET search_path = booking, guard_rights;
SELECT pg_temp.said($$CREATE TRIGGER evil AFTER INSERT ON theirs FOR EACH ROW EXECUTE FUNCTION check_capacity('query', '', 'SELECT guard_rights.caught(5)')$$);
SELECT pg_temp.said($$CREATE CONSTRAINT TRIGGER evil AFTER INSERT ON theirs FROM guard_rights.mine FOR EACH ROW EXECUTE FUNCTION check_against('guarded')$$);
SELECT pg_temp.said($$CREATE TRIGGER evil BEFORE INSERT ON theirs FOR EACH ROW EXECUTE FUNCTION make_room()$$);
SET search_path = guard_rights;
CREATE FUNCTION harmless_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
CREATE TRIGGER innocent BEFORE INSERT ON theirs FOR EACH ROW EXECUTE FUNCTION harmless_trigger();
SELECT pg_temp.said($$CREATE OR REPLACE TRIGGER innocent AFTER INSERT ON theirs FOR EACH ROW EXECUTE FUNCTION booking.check_capacity('1')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('theirs', '{k}', '{during}', 2)$$);
-- A capacity may be read from a table on which one has TRIGGER.
SELECT booking.guard_table('mine', '{k}', '{during}', name => 'by_hotel', capacity_query => 'SELECT rooms FROM hotel WHERE id = $1', check_existing => false);
SELECT booking.unguard_table('mine', 'by_hotel');
DROP TABLE IF EXISTS nothing;
-- In a CREATE SCHEMA of one's own, it is one's own table.
RESET ROLE;
GRANT CREATE ON DATABASE :DBNAME TO regress_booking_evil;
SET ROLE regress_booking_evil;
CREATE SCHEMA guard_rights_own
	CREATE TABLE own (k int, during daterange)
	CREATE INDEX own_index ON own USING btree (k)
	CREATE TRIGGER own_guard AFTER INSERT ON own FOR EACH ROW WHEN (booking.check_again(new.k, new.during, 1, true))
		EXECUTE FUNCTION booking.check_capacity('1');
DROP SCHEMA guard_rights_own CASCADE;
RESET ROLE;
REVOKE CREATE ON DATABASE :DBNAME FROM regress_booking_evil;
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'theirs'::regclass;

-- A guard of the same name does not get hold of the parts of another's.
SET ROLE regress_booking_victim;
SELECT booking.guard_table('theirs', '{k}', '{during}', name => 'same', capacity_query => 'SELECT rooms FROM hotel WHERE id = $1');
RESET ROLE;
REVOKE TRIGGER ON hotel FROM regress_booking_evil;
SET ROLE regress_booking_evil;
CREATE TRIGGER same AFTER INSERT OR UPDATE ON mine FOR EACH ROW
	WHEN (booking.check_again(new.k, new.during, 1, true))
	EXECUTE FUNCTION booking.check_capacity('query', 'given index', 'SELECT rooms FROM guard_rights.hotel WHERE id = $1');
DROP TRIGGER same ON mine;
RESET ROLE;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'hotel'::regclass;

-- A reader verifies what it may read, and gets no other role's rights: it hears only of tables whose rows it sees all.
INSERT INTO hotel VALUES (1, 5);
INSERT INTO theirs VALUES (1, '[2030-01-01,2030-01-05)'), (1, '[2030-01-01,2030-01-05)');
UPDATE hotel SET rooms = 1;
SELECT guard, detail FROM booking.verify_guards() WHERE target = 'theirs'::regclass;
SET ROLE regress_booking_reading;
SELECT count(*) FROM booking.verify_guards() WHERE target = 'theirs'::regclass;
SELECT count(*) FROM booking.guard_breaches('theirs', 'same');
RESET ROLE;
GRANT SELECT ON theirs TO regress_booking_reading;
SET ROLE regress_booking_reading;
SELECT detail FROM booking.verify_guards() WHERE target = 'theirs'::regclass;
RESET ROLE;
ALTER TABLE theirs ENABLE ROW LEVEL SECURITY;
SET ROLE regress_booking_reading;
SELECT count(*) FROM booking.verify_guards() WHERE target = 'theirs'::regclass;
RESET ROLE;

SET client_min_messages = warning;
DROP SCHEMA guard_rights CASCADE;
REVOKE USAGE ON SCHEMA booking FROM PUBLIC;
DROP OWNED BY regress_booking_evil, regress_booking_victim, regress_booking_reading;
DROP ROLE regress_booking_evil, regress_booking_victim, regress_booking_reading;
