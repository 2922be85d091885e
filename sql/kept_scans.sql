-- A call that books several things asks an index for one row after the other, with a scan that stays
-- open.  What the scan has seen of a page is about that page only: when the root of a small
-- index has become two pages meanwhile, no entry of these is taken for dead.
\set before :DBNAME
CREATE DATABASE regress_kept_scans;
\c regress_kept_scans
SET client_min_messages = warning;
CREATE EXTENSION booking CASCADE;
SELECT FROM booking.create_resource('coach', 'seated', seats => ARRAY(SELECT n::text FROM generate_series(1, 120) AS n));
CREATE FUNCTION take_seats(first integer, last integer, hours integer) RETURNS void LANGUAGE sql AS $$
	INSERT INTO booking.booking (resource_id, seat_no, period, holder)
	SELECT r.id, n, tstzrange(timestamptz '2030-01-07' + hour * interval '1 hour', timestamptz '2030-01-07 01:00' + hour * interval '1 hour'), 'somebody'
	FROM booking.resource r, generate_series(first, last) AS n, generate_series(0, hours - 1) AS hour WHERE r.name = 'coach'
$$;

-- One page, with entries of bookings that are gone.
SELECT take_seats(1, 20, 1);
SELECT take_seats(21, 21, 40);
SELECT take_seats(101, 120, 1);
DELETE FROM booking.booking WHERE seat_no = 21;
SELECT pg_relation_size('booking.booking_no_overlap') = current_setting('block_size')::integer AS one_page;

SELECT count(*) FROM booking.book_seats('coach', '[2030-01-07, 2030-01-09)', 'ann',
	seats => ARRAY(SELECT n::text FROM generate_series(21, 100) AS n));
SELECT pg_relation_size('booking.booking_no_overlap') > current_setting('block_size')::integer AS several_pages;

-- No seat is free.
SELECT seat_no FROM generate_series(1, 120) AS n,
	booking.try_book_slot('coach', '[2030-01-07, 2030-01-08)', 'bob', seat => n::text) ORDER BY 1;
SELECT problem FROM booking.verify();

-- What an index has lost, verify() finds.
UPDATE pg_index SET indisready = false WHERE indexrelid = 'booking.booking_no_overlap'::regclass;
SET session_replication_role = replica;
INSERT INTO booking.booking (id, resource_id, seat_no, period, occupies, holder)
SELECT 'ffffffff-0000-4000-8000-000000000001', resource_id, seat_no, period, '[2030-01-07, 2030-01-09)', 'twice' FROM booking.booking WHERE seat_no = 1;
RESET session_replication_role;
UPDATE pg_index SET indisready = true WHERE indexrelid = 'booking.booking_no_overlap'::regclass;
ANALYZE booking.booking;
SELECT problem FROM booking.verify();

\c :before
DROP DATABASE regress_kept_scans;
