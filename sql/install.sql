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

-- A schema that somebody has prepared is not adopted.
BEGIN;
DROP EXTENSION booking CASCADE;
CREATE SCHEMA booking;
CREATE EXTENSION booking;
ROLLBACK;

-- It cannot be moved.
ALTER EXTENSION booking SET SCHEMA public;
