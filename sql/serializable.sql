--
-- At SERIALIZABLE, no plan makes a wrong answer or an error of a booking: whatever the planner
-- is told to use, with tables that are all visible, and with policies that read other tables.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all
CREATE ROLE regress_serializable;
SELECT booking.grant_access('regress_serializable', 'book');
SELECT FROM booking.create_resource('serializable: room');
SELECT FROM booking.create_resource('serializable: pool', 'pooled', 10);
SELECT id AS pool FROM booking.resource WHERE name = 'serializable: pool' \gset
INSERT INTO booking.slot (id, resource_id, period, capacity) VALUES (910000001, :pool, '[2029-01-01 10:00, 2029-01-01 11:00)', 100);
SELECT count(*) FROM generate_series(1, 60) AS n, LATERAL booking.book_slot('serializable: room', tstzrange('2029-06-01'::timestamptz + n * interval '1 hour', '2029-06-01'::timestamptz + (n + 1) * interval '1 hour'), 'h' || n);
SELECT count(*) FROM generate_series(1, 20) AS n, LATERAL booking.book_place(910000001, 'h' || n);
-- A policy that reads another table, by a function that is stable, and in its expression.
CREATE TABLE booking_member (holder text PRIMARY KEY);
INSERT INTO booking_member SELECT 'h' || n FROM generate_series(0, 2000) AS n;
CREATE FUNCTION booking_is_member(text) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT EXISTS (SELECT FROM public.booking_member m WHERE m.holder = $1)';
GRANT SELECT ON booking_member TO regress_serializable;
ALTER TABLE booking.booking ENABLE ROW LEVEL SECURITY;
CREATE POLICY members ON booking.booking USING (booking_is_member(holder) AND EXISTS (SELECT FROM booking_member m WHERE m.holder = booking.holder));
VACUUM (ANALYZE) booking_member, booking.booking, booking.slot, booking.slot_places, booking.resource, booking.waitlist;

-- One round: every function that looks a row up by its key.
CREATE FUNCTION pg_temp.round(label text, VARIADIC settings text[]) RETURNS TABLE (said text) LANGUAGE plpgsql AS $$
DECLARE
	setting text;
	was integer := (SELECT sum(free) FROM booking.slot_places WHERE slot_id = 910000001);
	one uuid := '00000000-0000-7000-8000-00000000fa01';
	two uuid := '00000000-0000-7000-8000-00000000fa02';
BEGIN
	FOREACH setting IN ARRAY settings LOOP
		PERFORM set_config(setting, 'off', true);
	END LOOP;
	-- verify() is not to be compiled because of what is switched off.
	SET LOCAL jit = off;
	SET LOCAL ROLE regress_serializable;
	SELECT concat_ws(' ', label, 'hold', status) INTO said FROM booking.book_slot('serializable: room', '[2029-01-01 10:00, 2029-01-01 11:00)', 'h1', hold_for => '1 hour', id => one); RETURN NEXT;
	SELECT concat_ws(' ', 'again', status) INTO said FROM booking.book_slot('serializable: room', '[2029-01-01 10:00, 2029-01-01 11:00)', 'h1', hold_for => '1 hour', id => one); RETURN NEXT;
	PERFORM booking.extend_hold(one, '1 minute');
	SELECT concat_ws(' ', 'confirm', status) INTO said FROM booking.confirm(one); RETURN NEXT;
	SELECT concat_ws(' ', 'move', period) INTO said FROM booking.reschedule(one, '[2029-01-01 12:00, 2029-01-01 13:00)'); RETURN NEXT;
	SELECT concat_ws(' ', 'check in', status, checked_in_at IS NOT NULL) INTO said FROM booking.check_in(one); RETURN NEXT;
	SELECT concat_ws(' ', 'cancel', status, version) INTO said FROM booking.cancel(one); RETURN NEXT;
	PERFORM booking.book_slot('serializable: room', '[2029-01-02 10:00, 2029-01-02 11:00)', 'h1', hold_for => '1 us', id => two);
	SELECT concat_ws(' ', 'take over', status) INTO said FROM booking.book_slot('serializable: room', '[2029-01-02 10:00, 2029-01-02 11:00)', 'h2'); RETURN NEXT;
	SELECT concat_ws(' ', 'lapsed', status) INTO said FROM booking.booking WHERE id = two; RETURN NEXT;
	PERFORM booking.book_place(910000001, 'h3', 30);
	PERFORM booking.book_place(910000001, 'h3', 40, hold_for => '1 us');
	PERFORM booking.book_place(910000001, 'h4', 50);
	SELECT concat_ws(' ', 'places', was, count(b.id), sum(free)) INTO said FROM booking.slot_places LEFT JOIN LATERAL booking.try_book_place(910000001, 'h5', 99) b ON true WHERE slot_places.slot_id = 910000001; RETURN NEXT;
	RESET ROLE;
	SELECT concat_ws(' ', 'verified', count(*)) INTO said FROM booking.verify() WHERE problem !~ 'guard|row-level'; RETURN NEXT;
END $$;
GRANT EXECUTE ON FUNCTION pg_temp.round(text, text[]) TO PUBLIC;

BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT * FROM pg_temp.round('as it is:', 'jit'); ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT * FROM pg_temp.round('bitmaps:', 'enable_indexscan', 'enable_indexonlyscan', 'enable_seqscan'); ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT * FROM pg_temp.round('index only:', 'enable_seqscan', 'enable_bitmapscan'); ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT * FROM pg_temp.round('no ctid:', 'enable_tidscan', 'enable_indexscan'); ROLLBACK;
\c -
\set ECHO none
\i :said
\set ECHO all
-- The plans are made anew in another session, with nothing left over.
SET default_transaction_isolation = 'serializable';
SET enable_indexscan = off;
SET enable_seqscan = off;
SET plan_cache_mode = force_custom_plan;
SET ROLE regress_serializable;
BEGIN;
SELECT status FROM booking.book_slot('serializable: room', '[2029-01-01 10:00, 2029-01-01 11:00)', 'h1', hold_for => '1 hour', id => '00000000-0000-7000-8000-00000000fa01');
SELECT status FROM booking.confirm('00000000-0000-7000-8000-00000000fa01');
SELECT status FROM booking.cancel('00000000-0000-7000-8000-00000000fa01');
SELECT quantity FROM booking.book_place(910000001, 'h3', 80);
SELECT pg_temp.said($$SELECT FROM booking.book_place(910000001, 'h3', 1)$$);
-- What it depends on is at most rows of bookings that it has touched: no index of them, no places of a slot.
RESET ROLE;
SELECT DISTINCT locktype, relation::regclass FROM pg_locks WHERE mode = 'SIReadLock' AND pid = pg_backend_pid()
	AND relation IN (SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'booking'::regnamespace AND c.relname ~ '^(booking_|slot_places|slot_pkey)');
ROLLBACK;
RESET ROLE;

-- Whether slots have their time for themselves is asked anew when their resource changes.
SELECT name FROM booking.create_resource('serializable: doctor', slots_only => true);
SELECT count(*) FROM generate_series(0, 9) AS n, booking.publish_slot('serializable: doctor', tstzrange('2029-01-01 09:00'::timestamptz + n * interval '30 minutes', '2029-01-01 09:35'::timestamptz + n * interval '30 minutes' - (n % 3 > 0)::integer * interval '5 minutes'));
SELECT count(occupies) FROM booking.slot WHERE resource_id = booking.resource_id('serializable: doctor');
UPDATE booking.resource SET slots_only = false WHERE name = 'serializable: doctor';
SELECT count(occupies) FROM booking.slot WHERE resource_id = booking.resource_id('serializable: doctor');
UPDATE booking.resource SET slots_only = true WHERE name = 'serializable: doctor';
SELECT count(occupies) FROM booking.slot WHERE resource_id = booking.resource_id('serializable: doctor');
UPDATE booking.resource SET buffer_before = '1 hour' WHERE name = 'serializable: doctor';
SELECT count(occupies) FROM booking.slot WHERE resource_id = booking.resource_id('serializable: doctor');

SET client_min_messages = error;
RESET default_transaction_isolation;
DROP POLICY members ON booking.booking;
ALTER TABLE booking.booking DISABLE ROW LEVEL SECURITY;
DROP FUNCTION booking_is_member;
DROP TABLE booking_member;
DELETE FROM booking.booking WHERE resource_id IN (SELECT id FROM booking.resource WHERE name LIKE 'serializable: %');
DELETE FROM booking.slot WHERE id = 910000001;
DELETE FROM booking.resource WHERE name LIKE 'serializable: %';
DROP OWNED BY regress_serializable;
DROP ROLE regress_serializable;
