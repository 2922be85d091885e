--
-- Installing, dropping and installing again, in one session.
--
SET client_min_messages = warning;
\set SHOW_CONTEXT never
SELECT count(*) > 0 AS there FROM pg_proc WHERE pronamespace = 'booking'::regnamespace;
SELECT (booking.create_resource('install: room')).name;
SELECT (booking.book_slot('install: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann')).holder;

-- The extension cannot be dropped from under a transaction that keeps nothing of it; and is gone afterwards.
BEGIN;
DROP EXTENSION booking CASCADE;
SELECT count(*) FROM pg_namespace WHERE nspname = 'booking';
-- Again, in the same session: what the backend remembered is forgotten.
CREATE EXTENSION booking;
SELECT (booking.create_resource('install: room', 'pooled', 2)).capacity;
SELECT (booking.book_slot('install: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann', 2)).quantity;
SELECT count(*) FROM booking.booking;
ROLLBACK;
SELECT (booking.book_slot('install: room', '[2030-01-07 10:00, 2030-01-07 11:00)', 'bob')).holder;

-- A schema of this name that exists already is not adopted.
BEGIN;
DROP EXTENSION booking CASCADE;
CREATE SCHEMA booking;
CREATE EXTENSION booking;
ROLLBACK;

-- It cannot be moved.
ALTER EXTENSION booking SET SCHEMA public;

-- Tables and columns that their owner has renamed: each call says what is missing, and nothing that a client
-- would take for a defect.
-- The holds that other tests have left behind end here: none lapses in the middle, and is warned of.
SET client_min_messages = error;
DELETE FROM booking.booking WHERE status = 'held';
SELECT booking.expire_holds() >= 0 AS swept;
SET client_min_messages = warning;
CREATE PROCEDURE pg_temp.try(t regclass, ddl text, call text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('ALTER TABLE %s %s', t, ddl);
	EXECUTE 'SELECT FROM ' || call;
	RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION WHEN OTHERS THEN
	IF SQLSTATE LIKE 'XX%' THEN
		RAISE WARNING '%, then %: %', format('%s %s', t, ddl), call, SQLERRM;
	END IF;
END $$;
SELECT id AS slot FROM booking.publish_slot('install: room', '[2030-01-08 09:00, 2030-01-08 10:00)', 1) \gset
SELECT id AS booked FROM booking.book_slot('install: room', '[2030-01-07 11:00, 2030-01-07 12:00)', 'bob') \gset
-- Every one of them; under valgrind, some.
\set every 1
\getenv every BOOKING_EVERY
SELECT set_config('install.every', :'every', false), set_config('install.slot', :'slot', false), set_config('install.booked', :'booked', false) \g (format=unaligned tuples_only=on) /dev/null
DO $do$
DECLARE
	t regclass;
	c name;
	call text;
	every int := current_setting('install.every');
	nth int := 0;
BEGIN
	FOREACH call IN ARRAY ARRAY[
		$$booking.book_slot('install: room', '[2030-01-07 13:00, 2030-01-07 14:00)', 'ann')$$,
		$$booking.try_book_slot('install: room', '[2030-01-07 10:00, 2030-01-07 11:00)', 'ann')$$,
		format('booking.book_place(%s, %L)', current_setting('install.slot'), 'ann'),
		format('booking.try_book_place(%s, %L, 2)', current_setting('install.slot'), 'ann'),
		format('booking.cancel(%L)', current_setting('install.booked')),
		format('booking.reschedule(%L, %L)', current_setting('install.booked'), '[2030-01-07 15:00, 2030-01-07 16:00)'),
		format('booking.move_to_slot(%L, %s)', current_setting('install.booked'), current_setting('install.slot')),
		$$booking.book_any('{install: room}', '[2030-01-07 13:00, 2030-01-07 14:00)', 'ann')$$,
		$$booking.book_all('[{"resource": "install: room", "period": "[2030-01-07 13:00, 2030-01-07 14:00)"}]', 'ann')$$,
		$$booking.wait_for_slot('install: room', '[2030-01-07 10:00, 2030-01-07 11:00)', 'ann')$$,
		format('booking.wait_for_place(%s, %L)', current_setting('install.slot'), 'ann'),
		$$booking.close_period('install: room', '[2030-01-07 09:00, 2030-01-07 10:00)', force => true)$$,
		$$booking.publish_slot('install: room', '[2030-01-09 10:00, 2030-01-09 11:00)', 3)$$,
		$$booking.create_resource('install: other', 'seated', seats => '{1,2}')$$,
		$$booking.free_periods('install: room', '[2030-01-07, 2030-01-08)')$$,
		$$booking.find_slots('[2030-01-07, 2030-01-08)', '1 hour')$$,
		$$booking.why_not('install: room', '[2030-01-07 10:00, 2030-01-07 11:00)', 'ann')$$,
		$$booking.seat_map('install: room', '[2030-01-07 10:00, 2030-01-07 11:00)')$$,
		$$booking.agenda('install: room', '[2030-01-07, 2030-01-08)')$$,
		$$booking.ical('install: room', '[2030-01-07, 2030-01-08)')$$,
		format('booking.remaining(%s)', current_setting('install.slot')),
		'booking.expire_holds()', 'booking.verify()', 'booking.rebuild()', 'booking.read_events()']
	LOOP
		FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'booking'::regnamespace AND relkind IN ('r', 'S') ORDER BY relname LOOP
			nth := nth + 1;
			CONTINUE WHEN nth % every <> 0;
			CALL pg_temp.try(t, 'RENAME TO renamed', call);
		END LOOP;
		CONTINUE WHEN call !~ 'book_slot|book_place|cancel|reschedule|wait_for_place|force|remaining';
		FOR t, c IN SELECT attrelid, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
			WHERE relnamespace = 'booking'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
				AND relname ~ '^(booking|slot|slot_places|resource|waitlist|closure|journal|event)$' ORDER BY relname, attnum LOOP
			nth := nth + 1;
			CONTINUE WHEN nth % every <> 0;
			CALL pg_temp.try(t, format('RENAME %I TO renamed', c), call);
		END LOOP;
	END LOOP;
END $do$;
