--
-- What each role may do.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all
CREATE ROLE regress_booking_reader;
CREATE ROLE regress_booking_booker;
CREATE ROLE regress_booking_manager;
CREATE ROLE regress_booking_nobody;
SELECT FROM booking.create_resource('privileges: room');
SELECT FROM booking.create_resource('privileges: bus', 'seated', seats => ARRAY['1A', '1B']);
SELECT FROM booking.create_resource('privileges: pool', 'pooled', 3);
GRANT EXECUTE ON FUNCTION pg_temp.said(text) TO PUBLIC;

SELECT booking.grant_access('regress_booking_reader', 'read');
SELECT booking.grant_access('regress_booking_booker', 'book');
SELECT booking.grant_access('regress_booking_manager', 'manage');
SELECT pg_temp.said($$SELECT booking.grant_access('regress_booking_nobody', 'admin')$$);
SELECT pg_temp.said($$SELECT booking.grant_access('regress_booking_nobody', NULL)$$);

-- A role without any level.
SET ROLE regress_booking_nobody;
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('privileges: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann')$$);
SELECT pg_temp.said($$SELECT * FROM booking.booking$$);

-- A reader looks.
SET ROLE regress_booking_reader;
SELECT count(*) FROM booking.resource WHERE name LIKE 'privileges: %';
SELECT count(*) >= 0 FROM booking.verify();
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('privileges: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann')$$);
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, holder) SELECT id, '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann' FROM booking.resource WHERE name = 'privileges: room'$$);

-- A booker books, by function and by hand, and changes what was booked.
SET ROLE regress_booking_booker;
SELECT holder FROM booking.book_slot('privileges: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann', id => '00000000-0000-7000-8000-00000000d001');
SELECT count(seat_no) FROM booking.book_slot('privileges: bus', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann');
SELECT quantity FROM booking.book_slot('privileges: pool', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann', 2, hold_for => '1 ms');
SELECT FROM pg_sleep(0.01);
SELECT quantity FROM booking.book_slot('privileges: pool', '[2030-01-07 09:00, 2030-01-07 10:00)', 'bob', 3);
INSERT INTO booking.booking (resource_id, period, holder) SELECT id, '[2030-01-07 10:00, 2030-01-07 11:00)', 'ann' FROM booking.resource WHERE name = 'privileges: room';
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, holder) SELECT id, '[2030-01-07 10:00, 2030-01-07 11:00)', 'ann' FROM booking.resource WHERE name = 'privileges: room'$$);
SELECT status FROM booking.wait_for_slot('privileges: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'carl');
SELECT lower(period) FROM booking.reschedule('00000000-0000-7000-8000-00000000d001', '[2030-01-07 12:00, 2030-01-07 13:00)');
SELECT holder, status FROM booking.waitlist WHERE holder = 'carl' AND resource_id = (SELECT id FROM booking.resource WHERE name = 'privileges: room');
SELECT status FROM booking.cancel('00000000-0000-7000-8000-00000000d001');
SELECT booking.expire_holds() >= 0;
SELECT pg_temp.said($$SELECT FROM booking.create_resource('privileges: mine')$$);
SELECT pg_temp.said($$UPDATE booking.resource SET capacity = 100 WHERE name = 'privileges: pool'$$);
SELECT pg_temp.said($$DELETE FROM booking.booking$$);
SELECT pg_temp.said($$UPDATE booking.slot_places SET free = 100$$);

-- A search_path of one's own does not change what the triggers, which read as the owner, mean by "=".
RESET ROLE;
CREATE SCHEMA regress_booking_trap AUTHORIZATION regress_booking_booker;
SET ROLE regress_booking_booker;
CREATE FUNCTION regress_booking_trap.never(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN RAISE 'caught as %', current_user; END $$;
CREATE OPERATOR regress_booking_trap.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = regress_booking_trap.never);
SET search_path = regress_booking_trap, pg_catalog;
SELECT holder FROM booking.book_slot('privileges: room', '[2030-01-08 09:00, 2030-01-08 10:00)', 'ann', id => '00000000-0000-7000-8000-00000000d002');
SELECT status FROM booking.cancel('00000000-0000-7000-8000-00000000d002');
RESET search_path;

-- A manager sets up.
SET ROLE regress_booking_manager;
SELECT name FROM booking.create_resource('privileges: new', 'pooled', 3);
UPDATE booking.resource SET capacity = 5 WHERE name = 'privileges: new';
SELECT capacity FROM booking.publish_slot('privileges: new', '[2030-01-07 09:00, 2030-01-07 10:00)', 50);
SELECT quantity FROM booking.book_place((SELECT max(id) FROM booking.slot), 'ann', 2);
SELECT reason FROM booking.close_period('privileges: new', '[2030-02-07, 2030-02-08)', 'works');
SELECT pg_temp.said($$SELECT booking.grant_access('regress_booking_nobody', 'manage')$$);
RESET ROLE;

-- Row-level security is the caller's: a role that may see only its own bookings sees only those, and the rules see all.
BEGIN;
ALTER TABLE booking.booking ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON booking.booking USING (holder = current_setting('app.customer'));
SET LOCAL ROLE regress_booking_booker;
SET LOCAL app.customer = 'ann';
SELECT holder FROM booking.book_slot('privileges: room', '[2030-03-08 09:00, 2030-03-08 10:00)', 'ann', id => '00000000-0000-7000-8000-00000000d003');
SET LOCAL app.customer = 'bob';
SELECT count(*) FROM booking.booking WHERE resource_id = (SELECT id FROM booking.resource WHERE name = 'privileges: room');
SELECT holder FROM booking.try_book_slot('privileges: room', '[2030-03-08 09:00, 2030-03-08 10:00)', 'bob');
SELECT pg_temp.said($$SELECT * FROM booking.cancel('00000000-0000-7000-8000-00000000d003')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('privileges: room', '[2030-03-09 09:00, 2030-03-09 10:00)', 'ann')$$);
ROLLBACK;

DROP SCHEMA regress_booking_trap CASCADE;
DROP OWNED BY regress_booking_reader, regress_booking_booker, regress_booking_manager;
DROP ROLE regress_booking_reader, regress_booking_booker, regress_booking_manager, regress_booking_nobody;
