-- An event and its hotels: three hotels have contracted 200 rooms each, many people book
-- through several servers at once, and no hotel may ever be asked for one room more.
--
--	psql -f examples/hotel_event.sql            set it up
--	examples/hotel_event.sh                     sell it out, and check
--
-- An allotment is a slot: a number of places for a fixed period.  Nothing here locks,
-- counts or retries; that is what book_place() is for.

CREATE EXTENSION IF NOT EXISTS booking CASCADE;
CREATE SCHEMA event;

-- Hotels are resources.  Their own rooms are none of our business, so they have no units
-- of their own to book, only allotments.
SELECT name, kind FROM booking.create_resource('Hotel Adler', 'pooled', 0, timezone => 'Europe/Berlin')
UNION ALL
SELECT name, kind FROM booking.create_resource('Hotel Bellevue', 'pooled', 0, timezone => 'Europe/Berlin')
UNION ALL
SELECT name, kind FROM booking.create_resource('Hotel Central', 'pooled', 0, timezone => 'Europe/Berlin');

-- 200 rooms in each for the nights of the event.
CREATE TABLE event.allotment AS
SELECT r.name AS hotel, s.id AS slot_id
FROM booking.resource AS r,
	LATERAL booking.publish_slot(r.id, '[2030-06-13 15:00+02, 2030-06-16 11:00+02)', 200, '{"event": "fair"}') AS s
WHERE r.name IN ('Hotel Adler', 'Hotel Bellevue', 'Hotel Central');

-- What an application server does for a visitor who wants so many rooms: the hotel of the visitor's
-- choice, or else any that has them.  NULL: there are not that many left anywhere.
CREATE FUNCTION event.reserve(visitor text, rooms integer, wish integer) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
	choice record;
	reservation uuid;
BEGIN
	FOR choice IN SELECT slot_id FROM event.allotment ORDER BY (slot_id + wish) % 3 LOOP
		SELECT id INTO reservation FROM booking.try_book_place(choice.slot_id, visitor, rooms);
		EXIT WHEN reservation IS NOT NULL;
	END LOOP;
	RETURN reservation;
END $$;

-- The check, in plain SQL.  Reserved is counted twice: once as what is not free any more,
-- once as the sum of the reservations.
CREATE VIEW event.report AS
SELECT a.hotel, s.capacity AS contracted,
	s.capacity - (SELECT sum(free) FROM booking.slot_places AS p WHERE p.slot_id = s.id) AS reserved,
	(SELECT coalesce(sum(b.quantity), 0) FROM booking.booking AS b
		WHERE b.slot_id = s.id AND b.status IN ('held', 'confirmed')) AS reservations
FROM event.allotment AS a
JOIN booking.slot AS s ON s.id = a.slot_id;
