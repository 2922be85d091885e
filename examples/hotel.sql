-- A hotel: 3 double rooms, booked by nights, held while they are paid for.  Stays overlap in every way, and what counts is the fullest one.
--
--	createdb hotel; psql -d hotel -f examples/hotel.sql
\set ON_ERROR_STOP on
CREATE EXTENSION IF NOT EXISTS booking CASCADE;
SELECT id, name, capacity FROM booking.create_resource('Double room', 'pooled', 3, timezone => 'Europe/Berlin',
	min_duration => '10 hours', max_hold => '30 minutes');

-- Nights go from 15:00 to 11:00 by the clock of the hotel.
CREATE FUNCTION stay(arrival date, nights integer) RETURNS tstzrange LANGUAGE sql STABLE AS $$
	SELECT booking.local_period('Double room', arrival + time '15:00', arrival + nights + time '11:00')
$$;

-- Two short stays one after the other, and a long one: never more than three rooms in a night.
SELECT holder, quantity, period FROM booking.book_slot('Double room', stay('2030-07-01', 2), 'Arendt', 2);
SELECT holder, quantity, period FROM booking.book_slot('Double room', stay('2030-07-03', 3), 'Bauer', 2);
SELECT holder, quantity, period FROM booking.book_slot('Double room', stay('2030-07-01', 5), 'Curie');
SELECT booking.remaining('Double room', stay('2030-07-02', 1)) AS left_on_the_second;
SELECT holder FROM booking.try_book_slot('Double room', stay('2030-07-02', 3), 'Duras');
SELECT obstacle, detail FROM booking.why_not('Double room', stay('2030-07-02', 3));

-- Bauer comes a day later: there is one night with two rooms free, and Duras takes one.
SELECT moved.period FROM booking.booking AS b, booking.reschedule(b.id, stay('2030-07-04', 2)) AS moved WHERE b.holder = 'Bauer' \g /dev/null
SELECT holder, status FROM booking.book_slot('Double room', stay('2030-07-03', 1), 'Duras', hold_for => '20 minutes');
SELECT period, used, capacity FROM booking.usage('Double room', tstzrange('2030-07-01', '2030-07-08'));

-- One room is being painted: refused while it is booked, and accepted once it is not.
DO $$
BEGIN
	UPDATE booking.resource SET capacity = 2 WHERE name = 'Double room';
	RAISE 'the room was taken away from its guest';
EXCEPTION WHEN exclusion_violation THEN
	RAISE NOTICE '%', SQLERRM;
END $$;
SELECT gone.status FROM booking.booking AS b, booking.cancel(b.id) AS gone WHERE b.holder = 'Curie' \g /dev/null
UPDATE booking.resource SET capacity = 2 WHERE name = 'Double room';

DO $$
BEGIN
	ASSERT (SELECT max(used) FROM booking.usage('Double room', tstzrange('2030-07-01', '2030-07-08'))) = 2, 'never more than there are';
	ASSERT (SELECT array_agg(holder ORDER BY holder) FROM booking.current) = '{Arendt,Bauer,Duras}', 'who stays';
	ASSERT NOT EXISTS (SELECT FROM booking.verify()), 'verify() finds nothing';
END $$;
\echo ok
