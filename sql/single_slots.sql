--
-- Slots of one place on a resource that is booked by its slots only: as long as a slot has its time for
-- itself, its place alone decides, and when it no longer has, nothing is booked twice.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
SET TimeZone = 'UTC';
CREATE FUNCTION pg_temp.says(statement text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT regexp_replace(line, '\m(slot|Slot) \d+', '\1 N', 'g') FROM pg_temp.said(statement) AS line
$$;
-- The slots of the doctor, whether each has its time for itself, and its holder.
CREATE FUNCTION pg_temp.slots() RETURNS TABLE (period text, places integer, by_itself boolean, holder text, seat_no integer, version integer) LANGUAGE sql AS $$
	SELECT to_char(lower(s.period), 'HH24:MI-') || to_char(upper(s.period), 'HH24:MI'), s.capacity, s.occupies IS NOT NULL, b.holder, b.seat_no, b.version
	FROM booking.slot s JOIN booking.resource r ON r.id = s.resource_id
	LEFT JOIN booking.booking b ON b.slot_id = s.id AND b.status IN ('held', 'confirmed')
	WHERE r.name = 'single_slots: doctor' ORDER BY s.period, s.id, b.holder
$$;
CREATE FUNCTION pg_temp.problems() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT v.problem || ': ' || v.detail FROM booking.verify() v JOIN booking.resource r ON r.id = v.resource_id WHERE r.name LIKE 'single_slots: %'
$$;
\set ECHO all

SELECT slots_only FROM booking.create_resource('single_slots: doctor', slots_only => true);
SELECT occupies FROM booking.publish_slots('single_slots: doctor', '[2030-01-07 09:00, 2030-01-07 09:30)', '30 minutes', '2030-01-07 11:00');
SELECT id AS nine FROM booking.slot WHERE period = '[2030-01-07 09:00, 2030-01-07 09:30)' AND resource_id = booking.resource_id('single_slots: doctor') \gset
SELECT id AS ten FROM booking.slot WHERE period = '[2030-01-07 10:00, 2030-01-07 10:30)' AND resource_id = booking.resource_id('single_slots: doctor') \gset

-- A booking takes the place, and nothing beside it.
SELECT id AS ann, seat_no, occupies FROM booking.book_place(:nine, 'ann') \gset
SELECT pg_temp.says(format('SELECT * FROM booking.book_place(%s, ''bob'')', :nine));
SELECT count(*) FROM booking.try_book_place(:nine, 'bob');
SELECT pg_temp.says(format('SELECT * FROM booking.book_place(%s, ''bob'', 2)', :ten));
SELECT pg_temp.says(format('INSERT INTO booking.booking (slot_id, holder) VALUES (%s, ''bob'')', :nine)) ~ '^23P01 booking_capacity' AS said LIMIT 1;
SELECT * FROM pg_temp.slots();

-- What is free, and in use.
SELECT booking.remaining(:nine), booking.remaining(:ten), booking.remaining('single_slots: doctor', '[2030-01-07 09:30, 2030-01-07 10:00)');
SELECT * FROM booking.usage('single_slots: doctor', '[2030-01-07 09:00, 2030-01-07 11:00)');
SELECT period, remaining FROM booking.find_slots('[2030-01-07, 2030-01-08)', '30 minutes', ARRAY['single_slots: doctor']);
SELECT obstacle, during FROM booking.why_not('single_slots: doctor', '[2030-01-07 09:00, 2030-01-07 09:30)');
SELECT * FROM booking.why_not('single_slots: doctor', '[2030-01-07 10:00, 2030-01-07 10:30)');
SELECT pg_temp.says($$SELECT * FROM booking.close_period('single_slots: doctor', '[2030-01-07 09:10, 2030-01-07 09:20)')$$) ~ 'booking_closed|23P01' AS said LIMIT 1;

-- A slot beside it is published into its time: the booking takes the resource itself from now on.
SELECT id AS beside, occupies FROM booking.publish_slot('single_slots: doctor', '[2030-01-07 09:15, 2030-01-07 09:45)') \gset
SELECT * FROM pg_temp.slots();
SELECT kind, version, detail FROM booking.event WHERE booking_id = :'ann' ORDER BY version;
SELECT pg_temp.says(format('SELECT * FROM booking.book_place(%s, ''bob'')', :beside));
SELECT * FROM pg_temp.problems();
SELECT holder FROM booking.cancel(:'ann');
SELECT seat_no FROM booking.book_place(:beside, 'bob');
SELECT pg_temp.says(format('SELECT * FROM booking.book_place(%s, ''ann'')', :nine));

-- One of several places takes it all, or is refused.
SELECT holder FROM booking.book_place(:ten, 'cay');
SELECT pg_temp.says($$SELECT * FROM booking.publish_slot('single_slots: doctor', '[2030-01-07 10:15, 2030-01-07 10:45)', 5)$$) ~ '^23P01 booking_no_overlap' AS said LIMIT 1;
SELECT * FROM pg_temp.slots();
SELECT capacity, occupies FROM booking.publish_slot('single_slots: doctor', '[2030-01-07 10:30, 2030-01-07 11:00)', 5);
SELECT * FROM pg_temp.slots();
SELECT * FROM pg_temp.problems();

-- More places, and one again.
UPDATE booking.slot SET capacity = 2 WHERE id = :ten RETURNING occupies;
SELECT holder, seat_no FROM booking.book_place(:ten, 'dan');
SELECT pg_temp.says(format('UPDATE booking.slot SET capacity = 1 WHERE id = %s', :ten)) LIMIT 1;
SELECT count(*) FROM (SELECT booking.cancel(id) FROM booking.booking WHERE slot_id = :ten AND holder = 'dan') c;
UPDATE booking.slot SET capacity = 1 WHERE id = :ten RETURNING occupies;
SELECT * FROM pg_temp.slots();

-- No longer by its slots only: what is booked in them takes the resource.
UPDATE booking.resource SET slots_only = false WHERE name = 'single_slots: doctor';
SELECT * FROM pg_temp.slots();
SELECT pg_temp.says($$SELECT * FROM booking.book_slot('single_slots: doctor', '[2030-01-07 10:10, 2030-01-07 10:20)', 'eve')$$);
SELECT seat_no FROM booking.book_slot('single_slots: doctor', '[2030-01-07 12:00, 2030-01-07 13:00)', 'eve');
SELECT occupies FROM booking.publish_slot('single_slots: doctor', '[2030-01-07 12:30, 2030-01-07 13:30)');
SELECT occupies FROM booking.publish_slot('single_slots: doctor', '[2030-01-07 14:00, 2030-01-07 14:30)');
SELECT * FROM pg_temp.problems();
-- And again.
UPDATE booking.resource SET slots_only = true WHERE name = 'single_slots: doctor';
SELECT * FROM pg_temp.slots();
SELECT * FROM pg_temp.problems();

-- Buffers of today count for those that are published, and what touches then shares its time.
UPDATE booking.resource SET buffer_after = '15 minutes' WHERE name = 'single_slots: doctor';
SELECT * FROM pg_temp.slots();
SELECT occupies FROM booking.slot WHERE resource_id = booking.resource_id('single_slots: doctor') AND occupies IS NOT NULL AND capacity = 1;
UPDATE booking.resource SET buffer_after = '0' WHERE name = 'single_slots: doctor';

-- All of them an hour later, in one statement.
SELECT count(*) FROM (SELECT booking.cancel(b.id) FROM booking.booking b JOIN booking.resource r ON r.id = b.resource_id WHERE r.name = 'single_slots: doctor' AND b.status = 'confirmed') c;
DELETE FROM booking.slot WHERE capacity > 1 AND resource_id = booking.resource_id('single_slots: doctor');
UPDATE booking.slot SET period = tstzrange(lower(period) + interval '1 hour', upper(period) + interval '1 hour') WHERE resource_id = booking.resource_id('single_slots: doctor');
SELECT * FROM pg_temp.slots();
SELECT * FROM pg_temp.problems();

-- What a restore brings is taken as it is; what contradicts is not.
INSERT INTO booking.slot (resource_id, period, capacity) VALUES (booking.resource_id('single_slots: doctor'), '[2030-01-08 09:00, 2030-01-08 10:00)', 1) RETURNING occupies;
INSERT INTO booking.slot (resource_id, period, capacity, occupies) VALUES (booking.resource_id('single_slots: doctor'), '[2030-01-08 10:00, 2030-01-08 11:00)', 1, '[2030-01-08 10:00, 2030-01-08 11:30)') RETURNING occupies;
INSERT INTO booking.slot (resource_id, period, capacity, occupies) VALUES (booking.resource_id('single_slots: doctor'), '[2030-01-08 09:30, 2030-01-08 09:45)', 1, '[2030-01-08 09:30, 2030-01-08 09:45)') RETURNING occupies;
SELECT pg_temp.says($$INSERT INTO booking.booking (resource_id, period, holder, created_at) VALUES (booking.resource_id('single_slots: doctor'), '[2030-01-08 10:00, 2030-01-08 10:30)', 'old', '2020-01-01')$$);

-- From one to another, and off to where there are no slots.
SELECT name FROM booking.create_resource('single_slots: other');
SELECT id AS from_slot FROM booking.publish_slot('single_slots: doctor', '[2030-01-09 09:00, 2030-01-09 10:00)') \gset
SELECT id AS to_slot FROM booking.publish_slot('single_slots: doctor', '[2030-01-09 10:00, 2030-01-09 11:00)') \gset
SELECT id AS moved FROM booking.book_place(:from_slot, 'ann', hold_for => '1 hour') \gset
SELECT slot_id = :to_slot AS moved, seat_no FROM booking.move_to_slot(:'moved', :to_slot);
SELECT booking.remaining(:from_slot), booking.remaining(:to_slot);
SELECT seat_no, slot_id FROM booking.reschedule(:'moved', '[2030-01-09 10:00, 2030-01-09 11:00)', resource => 'single_slots: other');
SELECT seat_no, slot_id = :from_slot AS back FROM booking.move_to_slot(:'moved', :from_slot);
SELECT seat_no FROM booking.confirm(:'moved');
SELECT * FROM pg_temp.problems();

-- At random: whatever is published, booked and changed, no two bookings of the doctor overlap, and verify() finds nothing.
SELECT setseed(0.27);
DO $$
DECLARE
	doctor bigint := booking.resource_id('single_slots: doctor');
	at timestamptz;
	one bigint;
	twice bigint;
	fault text;
	booked integer := 0;
	refused integer := 0;
BEGIN
	FOR i IN 1 .. 200 LOOP
		at := timestamptz '2031-01-01' + (random() * 40)::integer * interval '15 minutes';
		SELECT s.id INTO one FROM booking.slot s WHERE s.resource_id = doctor AND s.period && '[2031-01-01, 2031-01-02)' ORDER BY random() LIMIT 1;
		BEGIN
			CASE (random() * 12)::integer
				WHEN 0, 1 THEN PERFORM booking.publish_slot(doctor, tstzrange(at, at + (1 + random() * 3)::integer * interval '15 minutes'), 1 + (random() < 0.1)::integer);
				WHEN 2 THEN UPDATE booking.resource SET slots_only = NOT slots_only WHERE id = doctor;
				WHEN 3 THEN UPDATE booking.resource SET buffer_after = CASE WHEN random() < 0.7 THEN interval '0' ELSE '15 minutes' END WHERE id = doctor;
				WHEN 4 THEN PERFORM booking.cancel(b.id) FROM booking.booking b WHERE b.resource_id = doctor AND b.status IN ('held', 'confirmed') AND random() < 0.2;
				WHEN 5 THEN UPDATE booking.slot SET capacity = 3 - capacity WHERE id = one AND random() < 0.5;
				WHEN 6 THEN UPDATE booking.slot SET period = tstzrange(at, at + interval '30 minutes') WHERE id = one;
				WHEN 7 THEN PERFORM booking.book_slot(doctor, tstzrange(at, at + interval '15 minutes'), 'free');
				WHEN 8 THEN PERFORM booking.move_to_slot(b.id, one) FROM booking.booking b WHERE b.resource_id = doctor AND b.status = 'confirmed' ORDER BY random() LIMIT 1;
				ELSE PERFORM booking.book_place(one, 'holder');
			END CASE;
			booked := booked + 1;
		EXCEPTION WHEN exclusion_violation OR undefined_object OR object_not_in_prerequisite_state OR null_value_not_allowed THEN
			refused := refused + 1;
		END;
		-- Of different slots, for several places of one are no contradiction.
		SELECT count(*) INTO twice FROM booking.booking a JOIN booking.booking b ON a.id < b.id AND a.occupies && b.occupies
			AND a.slot_id IS DISTINCT FROM b.slot_id AND a.resource_id = b.resource_id
			WHERE a.resource_id = doctor AND a.status IN ('held', 'confirmed') AND b.status IN ('held', 'confirmed');
		IF i % 5 = 0 THEN
			SELECT string_agg(v.problem || ': ' || v.detail, '; ') INTO fault FROM booking.verify() v WHERE v.resource_id = doctor;
		END IF;
		IF twice > 0 OR fault IS NOT NULL THEN
			RAISE EXCEPTION 'after % changes: % overlap, %', i, twice, fault;
		END IF;
	END LOOP;
	IF booked < 50 OR refused < 25 THEN
		RAISE EXCEPTION 'only % done and % refused', booked, refused;
	END IF;
END $$;

DELETE FROM booking.booking b USING booking.resource r WHERE r.id = b.resource_id AND r.name LIKE 'single_slots: %';
DELETE FROM booking.resource WHERE name LIKE 'single_slots: %';
