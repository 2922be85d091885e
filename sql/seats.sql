--
-- Named units of one thing: the seats of a bus.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

SELECT name, kind, capacity FROM booking.create_resource('seats: bus', 'seated', seats => ARRAY['1A', '1B', '2A', '2B']);
SELECT seat_no, label FROM booking.seat WHERE resource_id = (SELECT id FROM booking.resource WHERE name = 'seats: bus')
ORDER BY seat_no;

-- A named seat.
SELECT seat_no, holder FROM booking.book_slot('seats: bus', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann', seat => '1B');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('seats: bus', '[2030-01-07 09:30, 2030-01-07 10:30)', 'eve', seat => '1B')$$);
SELECT seat_no FROM booking.book_slot('seats: bus', '[2030-01-07 10:00, 2030-01-07 11:00)', 'ann', seat => '1B');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('seats: bus', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve', seat => '9Z')$$);

-- Any seat: always one that is free, and every one of them before the answer is no.
SELECT count(*), count(DISTINCT seat_no), bool_or(seat_no = 2) AS took_1b
FROM generate_series(1, 3) AS n,
	LATERAL booking.book_slot('seats: bus', tstzrange('2030-01-07 09:00', '2030-01-07 10:00'), 'holder ' || n);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('seats: bus', '[2030-01-07 09:59, 2030-01-07 10:30)', 'eve')$$);
SELECT holder FROM booking.try_book_slot('seats: bus', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve');

-- A seat that is given up is the one that the next call gets.
SELECT (booking.cancel(id)).status FROM booking.booking
WHERE holder = 'ann' AND lower(period) = '2030-01-07 09:00'
	AND resource_id = (SELECT id FROM booking.resource WHERE name = 'seats: bus');
SELECT seat_no FROM booking.book_slot('seats: bus', '[2030-01-07 09:00, 2030-01-07 10:00)', 'bob');

-- A plain INSERT without a seat gets any, too.
INSERT INTO booking.booking (resource_id, period, holder)
SELECT id, '[2030-01-08 09:00, 2030-01-08 10:00)', 'holder ' || n FROM booking.resource, generate_series(1, 4) AS n
WHERE name = 'seats: bus';
SELECT array_agg(seat_no ORDER BY seat_no) FROM booking.booking
WHERE resource_id = (SELECT id FROM booking.resource WHERE name = 'seats: bus') AND lower(period) = '2030-01-08 09:00';
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, holder)
SELECT id, '[2030-01-08 09:00, 2030-01-08 10:00)', 'eve' FROM booking.resource WHERE name = 'seats: bus'$$);

-- Seats come and go; one with active bookings stays.
INSERT INTO booking.seat (resource_id, seat_no, label) SELECT id, 5, '3A' FROM booking.resource WHERE name = 'seats: bus';
SELECT seat_no FROM booking.book_slot('seats: bus', '[2030-01-08 09:00, 2030-01-08 10:00)', 'eve');
UPDATE booking.seat SET label = '3C' WHERE label = '3A';
SELECT seat_no FROM booking.book_slot('seats: bus', '[2030-01-09 09:00, 2030-01-09 10:00)', 'eve', seat => '3C');
SELECT pg_temp.said($$DELETE FROM booking.seat WHERE label = '3C'$$);
SELECT (booking.cancel(id)).status FROM booking.booking WHERE seat_no = 5;
DELETE FROM booking.seat WHERE label = '3C';
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('seats: bus', '[2030-01-09 09:00, 2030-01-09 10:00)', 'eve', seat => '3C')$$);

-- A seated resource whose seats come later.
SELECT name FROM booking.create_resource('seats: hall', 'seated');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('seats: hall', '[2030-01-09 09:00, 2030-01-09 10:00)', 'eve')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_seats('seats: hall', '[2030-01-09 09:00, 2030-01-09 10:00)', 'eve', 2)$$);
SELECT obstacle, detail FROM booking.why_not('seats: hall', '[2030-01-09 09:00, 2030-01-09 10:00)');
INSERT INTO booking.seat (resource_id, seat_no, label, category)
SELECT id, n, 'row 1 seat ' || n, 'stalls' FROM booking.resource, generate_series(1, 2) AS n WHERE name = 'seats: hall';
SELECT seat_no > 0 FROM booking.book_slot('seats: hall', '[2030-01-09 09:00, 2030-01-09 10:00)', 'eve');

-- All seats of a slot in one statement: what its first rows have taken of the places is for its last ones.
SELECT name FROM booking.create_resource('seats: trip', 'seated', seats => ARRAY['1A', '1B', '1C', '1D', '2A', '2B', '2C', '2D', '3A']);
SELECT min(id) AS trip, max(id) AS back FROM (
	SELECT id FROM booking.publish_slots('seats: trip', '[2030-01-07 08:00, 2030-01-07 12:00)', '1 day', '2030-01-09')) AS s \gset
SELECT count(*), bool_and(status = 'held') AS held FROM booking.book_slot_seats(:trip, 'ann', 9, hold_for => '1 hour');
SELECT count(*) FROM booking.booking AS b, LATERAL booking.cancel(b.id) WHERE b.slot_id = :trip AND b.status = 'held';
SELECT count(*) FROM booking.book_all(jsonb_build_array(jsonb_build_object('slot_id', :trip, 'seats', '["1A", "1B", "1C", "1D", "2A", "2B", "2C"]'::jsonb),
	jsonb_build_object('slot_id', :trip, 'seat', '2D'), jsonb_build_object('slot_id', :trip, 'seat', '3A')), 'bob');
-- To the other trip, and there is none left there.
UPDATE booking.booking SET slot_id = :back WHERE slot_id = :trip AND status = 'confirmed';
SELECT booking.remaining(:trip) AS trip, booking.remaining(:back) AS back;
SELECT bool_or(said ~ '^23P01 booking_capacity') AS sold_out FROM pg_temp.said(format($$INSERT INTO booking.booking (slot_id, seat_no, holder) VALUES (%s, 1, 'eve')$$, :back)) AS said;
INSERT INTO booking.booking (slot_id, seat_no, holder) SELECT :trip, n, 'cyd' FROM generate_series(1, 9) AS n;
SELECT bool_or(said ~ '^23P01') AS refused FROM pg_temp.said(format($$INSERT INTO booking.booking (slot_id, seat_no, holder) SELECT %s, 1 + n %% 9, 'eve' FROM generate_series(1, 10) AS n$$, :trip)) AS said;
-- One too many in the statement that begins with all free.
DELETE FROM booking.booking WHERE slot_id = :trip;
SELECT bool_or(said ~ '^23P01 booking_capacity') AS refused FROM pg_temp.said(format($$INSERT INTO booking.booking (slot_id, seat_no, holder) SELECT %s, nullif(1 + n %% 10, 10), 'eve' FROM generate_series(1, 10) AS n$$, :trip)) AS said;
SELECT booking.remaining(:trip) AS trip;

SELECT * FROM booking.verify() WHERE resource_id IN (SELECT id FROM booking.resource WHERE name LIKE 'seats: %');
