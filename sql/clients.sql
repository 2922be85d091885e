-- What a client can do with an error: nothing of ours stands in its context, the name of the
-- constraint stands in its text, and a call that is repeated too late says what has happened.
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all
\set SHOW_CONTEXT always
SELECT name FROM booking.create_resource('clients: room');
SELECT name FROM booking.create_resource('clients: bus', 'seated', seats => ARRAY['1A']);

-- The context is empty, wherever the error comes from.
SELECT booking.create_resource('clients: room');
SELECT booking.create_resource('clients: nowhere', timezone => 'Nowhere/At all');
SELECT holder FROM booking.book_slot('clients: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ada');
SELECT holder FROM booking.book_slot('clients: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve');
CREATE ROLE regress_clients;
GRANT USAGE ON SCHEMA booking TO regress_clients;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA booking TO regress_clients;
SET ROLE regress_clients;
SELECT booking.book_slot('clients: room', '[2030-01-07 11:00, 2030-01-07 12:00)', 'eve');
SELECT booking.create_resource('clients: mine');
RESET ROLE;
DROP OWNED BY regress_clients;
DROP ROLE regress_clients;

-- What an application's own trigger says is its own, and stays.
CREATE FUNCTION clients_no() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'SELECT 1 / 0';
END
$$;
CREATE TRIGGER clients_no BEFORE INSERT ON booking.booking FOR EACH ROW EXECUTE FUNCTION clients_no();
SELECT booking.book_slot('clients: room', '[2030-01-07 11:00, 2030-01-07 12:00)', 'eve');
DROP TRIGGER clients_no ON booking.booking;
DROP FUNCTION clients_no();
\set SHOW_CONTEXT never

-- The name of the constraint: in the text, once.
DO $$
DECLARE
	detail text;
	violated text;
BEGIN
	PERFORM FROM booking.book_slot('clients: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve');
EXCEPTION WHEN exclusion_violation THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, violated = CONSTRAINT_NAME;
	RAISE WARNING '% is %, % time', (regexp_match(SQLERRM || detail, 'constraint "([^"]+)"'))[1], violated,
		(SELECT count(*) FROM regexp_matches(SQLERRM || detail, violated, 'g'));
END
$$;
-- Also behind a list, and where there is a list of thousands of bytes.
SELECT pg_temp.said($$SELECT booking.close_period('clients: room', '[2030-01-07,2030-01-08)')$$);
CREATE TABLE clients_night (room text, nights daterange);
INSERT INTO clients_night SELECT repeat(chr(97 + n), 2000), '[2030-01-01,2030-01-03)' FROM generate_series(0, 3) AS n, generate_series(1, 2);
DO $$
DECLARE
	detail text;
BEGIN
	PERFORM booking.guard_table('clients_night', '{room}', '{nights}');
EXCEPTION WHEN exclusion_violation THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RAISE WARNING '% bytes end with: %', length(detail), right(detail, 60);
END
$$;
DROP TABLE clients_night;

-- Repeated, and repeated after it has been moved.
SELECT version FROM booking.book_slot('clients: room', '[2030-01-08 09:00, 2030-01-08 10:00)', 'ada', id => '00000000-0000-7000-8000-0000000c11e7');
SELECT version FROM booking.book_slot('clients: room', '[2030-01-08 09:00, 2030-01-08 10:00)', 'ada', id => '00000000-0000-7000-8000-0000000c11e7');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('clients: room', '[2030-01-08 10:00, 2030-01-08 11:00)', 'ada', id => '00000000-0000-7000-8000-0000000c11e7')$$);
SELECT version FROM booking.reschedule('00000000-0000-7000-8000-0000000c11e7', '[2030-01-08 10:00, 2030-01-08 11:00)');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('clients: room', '[2030-01-08 09:00, 2030-01-08 10:00)', 'ada', id => '00000000-0000-7000-8000-0000000c11e7')$$);
SELECT version FROM booking.book_slot('clients: room', '[2030-01-08 10:00, 2030-01-08 11:00)', 'ada', id => '00000000-0000-7000-8000-0000000c11e7');

-- Our message where PostgreSQL's would name columns.
SELECT pg_temp.said($$SELECT booking.publish_slot('clients: room', '[2030-01-09 09:00, 2030-01-09 10:00)', data => NULL)$$);
SELECT pg_temp.said($$SELECT booking.publish_slots('clients: room', NULL, '1 day', '2030-02-01')$$);
SELECT pg_temp.said($$SELECT booking.create_resource('clients: coach', 'seated', seats => ARRAY['1', ''])$$);
SELECT pg_temp.said($$SELECT booking.book_slot('clients: bus', '[2030-01-09 09:00, 2030-01-09 10:00)', 'eve', seat => '')$$);
SELECT pg_temp.said($$SELECT booking.grant_access('0', 'read')$$);
SELECT pg_temp.said($$SELECT booking.grant_access('-', 'read')$$);
SELECT pg_temp.said($$SELECT booking.grant_access(NULL, 'read')$$);
SELECT pg_temp.said($$SELECT booking.grant_access(current_user::regrole, NULL)$$);
SELECT pg_temp.said($$SELECT booking.revoke_access('0')$$);

-- A trigger may rename what create_resource() stores: its seats come along all the same.
CREATE FUNCTION clients_lower() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.name := lower(NEW.name);
	RETURN NEW;
END
$$;
CREATE TRIGGER clients_lower BEFORE INSERT ON booking.resource FOR EACH ROW EXECUTE FUNCTION clients_lower();
SELECT name FROM booking.create_resource('Clients: TRAM', 'seated', seats => ARRAY['1', '2']);
DROP TRIGGER clients_lower ON booking.resource;
DROP FUNCTION clients_lower();
SELECT s.seat_no, s.label FROM booking.seat s JOIN booking.resource r ON r.id = s.resource_id WHERE r.name = 'clients: tram' ORDER BY 1;
DELETE FROM booking.booking b USING booking.resource r WHERE r.id = b.resource_id AND r.name LIKE 'clients: %';
