--
-- Published slots: a number of places at a time, sold to many.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
-- The same, with slots called by what they are, not by their number.
CREATE FUNCTION pg_temp.says(statement text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT regexp_replace(line, '\mslot \d+', 'slot N', 'g') FROM pg_temp.said(statement) AS line
$$;
-- What must always be true of a slot, in plain SQL: its capacity, booked, free, and whether that adds up.
CREATE FUNCTION pg_temp.places(slot bigint, OUT capacity integer, OUT booked bigint, OUT free bigint, OUT adds_up boolean) LANGUAGE sql AS $$
	SELECT s.capacity,
		(SELECT coalesce(sum(b.quantity), 0) FROM booking.booking b WHERE b.slot_id = s.id AND b.status IN ('held', 'confirmed')),
		(SELECT sum(p.free) FROM booking.slot_places p WHERE p.slot_id = s.id),
		s.capacity = (SELECT coalesce(sum(b.quantity), 0) FROM booking.booking b WHERE b.slot_id = s.id AND b.status IN ('held', 'confirmed'))
			+ (SELECT sum(p.free) FROM booking.slot_places p WHERE p.slot_id = s.id)
	FROM booking.slot s WHERE s.id = slot
$$;
\set ECHO all

-- A show in a hall: the hall is pooled, its shows are independent of one another.
SELECT name, kind, capacity FROM booking.create_resource('slots: hall', 'pooled', 0);
SELECT id AS show FROM booking.publish_slot('slots: hall', '[2030-01-07 20:00, 2030-01-07 22:00)', 300) \gset
SELECT period, capacity, closed, data, occupies FROM booking.slot WHERE id = :show;
SELECT count(*) AS shards, sum(free), max(free) - min(free) AS differ FROM booking.slot_places WHERE slot_id = :show;

-- Places, with the slot's resource and period.
SELECT id AS first, seat_no, period, occupies, quantity, holder, status FROM booking.book_place(:show, 'ann', 3) \gset
\echo :seat_no :period :quantity :holder :status
SELECT quantity, status, expires_at > now() AS expires FROM booking.book_place(:show, 'hal', hold_for => '10 minutes');
SELECT * FROM pg_temp.places(:show);

-- More than one shard has, but not more than there are.
SELECT quantity FROM booking.book_place(:show, 'eve', 290);
SELECT * FROM pg_temp.places(:show);
SELECT pg_temp.says(format($$SELECT * FROM booking.book_place(%s, 'eve', 7)$$, :show));
SELECT count(*) = 0 AS refused FROM booking.try_book_place(:show, 'eve', 7);
SELECT pg_temp.says(format($$SELECT * FROM booking.book_place(%s, 'eve', 2147483647)$$, :show));
SELECT quantity FROM booking.try_book_place(:show, 'dan', 6);
SELECT pg_temp.says(format($$SELECT * FROM booking.book_place(%s, 'eve')$$, :show));
SELECT count(*) = 0 AS refused FROM booking.try_book_place(:show, 'eve');
SELECT count(*) = 0 AS refused FROM booking.try_book_place(:show, 'eve');
SELECT * FROM pg_temp.places(:show);

-- What is given back is for the next.
SELECT status FROM booking.cancel(:'first');
SELECT * FROM pg_temp.places(:show);
SELECT count(*) = 0 AS refused FROM booking.try_book_place(:show, 'eve', 4);
SELECT quantity FROM booking.try_book_place(:show, 'eve', 3);
SELECT * FROM pg_temp.places(:show);

-- Wrong arguments.
SELECT pg_temp.says($$SELECT * FROM booking.book_place(0, 'ann')$$);
SELECT pg_temp.says($$SELECT * FROM booking.book_place(NULL, 'ann')$$);
SELECT pg_temp.says(format($$SELECT * FROM booking.book_place(%s, NULL)$$, :show));
SELECT pg_temp.says(format($$SELECT * FROM booking.book_place(%s, 'ann', 0)$$, :show));
SELECT pg_temp.says(format($$SELECT * FROM booking.book_place(%s, 'ann', seat => '1A')$$, :show));
SELECT pg_temp.says($$SELECT * FROM booking.publish_slot('slots: nowhere', '[2030-01-07 20:00, 2030-01-07 22:00)')$$);
SELECT pg_temp.says($$SELECT * FROM booking.publish_slot(0, '[2030-01-07 20:00, 2030-01-07 22:00)')$$);
SELECT pg_temp.says($$SELECT * FROM booking.publish_slot(NULL::text, '[2030-01-07 20:00, 2030-01-07 22:00)')$$);
SELECT pg_temp.says($$SELECT * FROM booking.publish_slot('slots: hall', NULL)$$);
SELECT pg_temp.says($$SELECT * FROM booking.publish_slot('slots: hall', '[2030-01-07 20:00, 2030-01-07 22:00]', 5)$$);
SELECT pg_temp.says($$SELECT * FROM booking.publish_slot('slots: hall', '[2030-01-07 20:00, 2030-01-07 22:00)', -1)$$);
SELECT pg_temp.says($$SELECT * FROM booking.publish_slot('slots: hall', '[2030-01-07 20:00, 2030-01-07 22:00)', 5, '[]')$$);

-- The id is the idempotency key here, too; also once the slot is sold out.
SELECT id AS small FROM booking.publish_slot('slots: hall', '[2030-01-08 20:00, 2030-01-08 22:00)', 2) \gset
SELECT quantity, version FROM booking.book_place(:small, 'ann', 2, id => '00000000-0000-4000-8000-000000000b01');
SELECT quantity, version FROM booking.book_place(:small, 'ann', 2, id => '00000000-0000-4000-8000-000000000b01');
SELECT quantity, version FROM booking.try_book_place(:small, 'ann', 2, id => '00000000-0000-4000-8000-000000000b01');
SELECT pg_temp.says(format($$SELECT * FROM booking.book_place(%s, 'bob', 1, id => '00000000-0000-4000-8000-000000000b01')$$, :small));
SELECT pg_temp.says(format($$SELECT * FROM booking.book_place(%s, 'ann', 2, id => '00000000-0000-4000-8000-000000000b01')$$, :show));
SELECT * FROM pg_temp.places(:small);

--
-- Plain SQL meets the same rule, row by row.
--
SELECT id AS trip FROM booking.publish_slot('slots: hall', '[2030-01-09 20:00, 2030-01-09 22:00)', 100) \gset
INSERT INTO booking.booking (slot_id, holder, quantity) SELECT :trip, 'ann', 1 + n % 3 FROM generate_series(1, 40) AS n;
SELECT * FROM pg_temp.places(:trip);
SELECT count(*), count(DISTINCT period), bool_and(resource_id = (SELECT id FROM booking.resource WHERE name = 'slots: hall')) AS there
FROM booking.booking WHERE slot_id = :trip;
SELECT pg_temp.says(format($$INSERT INTO booking.booking (slot_id, holder, quantity) SELECT %s, 'ann', 3 FROM generate_series(1, 7) AS n$$, :trip));
SELECT * FROM pg_temp.places(:trip);
-- What is judged and not stored takes nothing.
INSERT INTO booking.booking (id, slot_id, holder, quantity)
SELECT id, slot_id, holder, quantity FROM booking.booking WHERE slot_id = :trip AND quantity = 1 ON CONFLICT (id) DO NOTHING;
SELECT * FROM pg_temp.places(:trip);
-- Other quantities, other statuses, other slots, and no slot.
UPDATE booking.booking SET quantity = quantity + 1 WHERE slot_id = :trip AND quantity = 1;
SELECT * FROM pg_temp.places(:trip);
SELECT pg_temp.says(format($$UPDATE booking.booking SET quantity = quantity + 1 WHERE slot_id = %s$$, :trip));
UPDATE booking.booking SET quantity = 1 WHERE slot_id = :trip AND quantity = 3;
UPDATE booking.booking SET status = 'cancelled' WHERE slot_id = :trip AND quantity = 1;
SELECT * FROM pg_temp.places(:trip);
UPDATE booking.booking SET status = 'confirmed' WHERE slot_id = :trip AND status = 'cancelled';
SELECT * FROM pg_temp.places(:trip);
SELECT pg_temp.says(format($$UPDATE booking.booking SET slot_id = %s WHERE slot_id = %s$$, :show, :small));
SELECT pg_temp.says(format($$UPDATE booking.booking SET slot_id = %s WHERE slot_id = %s AND quantity = 2$$, :small, :trip));
SELECT id AS later FROM booking.publish_slot('slots: hall', '[2030-01-10 20:00, 2030-01-10 22:00)', 200) \gset
UPDATE booking.booking SET slot_id = :later WHERE slot_id = :trip AND quantity = 2;
SELECT period, count(*), sum(quantity) FROM booking.booking WHERE slot_id IN (:trip, :later) GROUP BY period ORDER BY period;
SELECT * FROM pg_temp.places(:trip);
SELECT * FROM pg_temp.places(:later);
DELETE FROM booking.booking WHERE slot_id = :later AND id IN (SELECT id FROM booking.booking WHERE slot_id = :later ORDER BY id LIMIT 10);
SELECT * FROM pg_temp.places(:later);
-- In one statement, one gives what the other takes.
WITH gone AS (DELETE FROM booking.booking WHERE slot_id = :later RETURNING 1)
INSERT INTO booking.booking (slot_id, holder, quantity) SELECT :later, 'ann', 150 FROM (SELECT count(*) FROM gone) AS g;
SELECT * FROM pg_temp.places(:later);
MERGE INTO booking.booking AS b USING (VALUES (:later, 'ann'), (:later, 'bob')) AS v (slot_id, holder)
ON b.slot_id = v.slot_id AND b.holder = v.holder
WHEN MATCHED THEN UPDATE SET quantity = 20
WHEN NOT MATCHED THEN INSERT (slot_id, holder, quantity) VALUES (v.slot_id, v.holder, 30);
SELECT * FROM pg_temp.places(:later);
-- What a savepoint has taken, it gives back.
BEGIN;
SAVEPOINT s;
SELECT quantity FROM booking.book_place(:later, 'eve', 150);
SELECT count(*) = 0 AS refused FROM booking.try_book_place(:later, 'eve');
ROLLBACK TO s;
SELECT quantity FROM booking.try_book_place(:later, 'eve', 149);
COMMIT;
SELECT * FROM pg_temp.places(:later);

-- A booking in a slot has the slot's resource and period.
SELECT name FROM booking.create_resource('slots: elsewhere');
SELECT pg_temp.says(format($$INSERT INTO booking.booking (slot_id, resource_id, holder) SELECT %s, id, 'ann' FROM booking.resource WHERE name = 'slots: elsewhere'$$, :later))
	~ '^22023: slot N is on resource "slots: hall"' AS said LIMIT 1;
SELECT pg_temp.says(format($$INSERT INTO booking.booking (slot_id, period, holder) VALUES (%s, '[2030-01-10 20:00, 2030-01-10 23:00)', 'ann')$$, :later));
SELECT pg_temp.says(format($$UPDATE booking.booking SET period = '[2030-01-10 20:00, 2030-01-10 23:00)' WHERE slot_id = %s$$, :later));
SELECT pg_temp.says($$INSERT INTO booking.booking (slot_id, holder) VALUES (0, 'ann')$$);

--
-- COPY, and the slot with its bookings comes back as it was.
--
INSERT INTO booking.slot (id, resource_id, period, capacity) SELECT -7001, id, '[2030-01-11 18:00, 2030-01-11 19:00)', 130 FROM booking.resource WHERE name = 'slots: hall';
COPY booking.booking (slot_id, holder, quantity, status, expires_at) FROM stdin;
-7001	ann	60	confirmed	\N
-7001	bob	60	cancelled	\N
-7001	hal	40	held	2037-01-01
-7001	dan	30	confirmed	\N
\.
SELECT * FROM pg_temp.places(-7001);
COPY booking.booking (slot_id, holder, quantity) FROM stdin;
-7001	ann	1
\.

--
-- What a restore does: rows from before, into a slot that is closed by now.
--
SELECT id AS copied FROM booking.publish_slot('slots: hall', '[2030-01-11 20:00, 2030-01-11 22:00)', 2000) \gset
UPDATE booking.slot SET closed = true WHERE id = :copied;
INSERT INTO booking.booking (slot_id, holder, created_at) SELECT :copied, 'ann', '2020-01-01' FROM generate_series(1, 1500);
SELECT * FROM pg_temp.places(:copied);
SELECT pg_temp.says(format($$INSERT INTO booking.booking (slot_id, holder) VALUES (%s, 'ann')$$, :copied));
UPDATE booking.booking SET status = 'cancelled' WHERE slot_id = :copied;
SELECT * FROM pg_temp.places(:copied);

--
-- Closing and reopening; more places and fewer.
--
SELECT pg_temp.says(format($$SELECT * FROM booking.book_place(%s, 'ann')$$, :copied));
SELECT count(*) = 0 AS refused FROM booking.try_book_place(:copied, 'ann');
UPDATE booking.slot SET closed = false WHERE id = :copied;
SELECT quantity FROM booking.book_place(:copied, 'ann', 1000);
UPDATE booking.slot SET capacity = 5000 WHERE id = :copied;
SELECT * FROM pg_temp.places(:copied);
SELECT quantity FROM booking.book_place(:copied, 'ann', 3999);
SELECT pg_temp.says(format($$UPDATE booking.slot SET capacity = 4900 WHERE id = %s$$, :copied));
UPDATE booking.slot SET capacity = 4999 WHERE id = :copied;
SELECT * FROM pg_temp.places(:copied);
SELECT count(*) = 0 AS refused FROM booking.try_book_place(:copied, 'ann');
UPDATE booking.slot SET capacity = 5000 WHERE id = :copied;
SELECT quantity FROM booking.try_book_place(:copied, 'ann');
SELECT count(*) FROM booking.slot_places WHERE slot_id = :copied;
SELECT pg_temp.says(format($$UPDATE booking.slot SET capacity = NULL WHERE id = %s$$, :copied));
SELECT pg_temp.says(format($$UPDATE booking.slot SET capacity = -1 WHERE id = %s$$, :copied));
-- A slot that is booked stays where it is; one that never was can go.
SELECT pg_temp.says(format($$UPDATE booking.slot SET period = '[2030-01-12 20:00, 2030-01-12 22:00)' WHERE id = %s$$, :copied)) ~ '^55000: slot N cannot move' AS said LIMIT 1;
SELECT pg_temp.says(format($$DELETE FROM booking.slot WHERE id = %s$$, :copied)) ~ '^23503: slot N has bookings' AS said LIMIT 1;
SELECT pg_temp.says(format($$UPDATE booking.slot SET id = -1 WHERE id = %s$$, :copied)) ~ '^23503: slot N has bookings' AS said LIMIT 1;
SELECT id AS empty FROM booking.publish_slot('slots: hall', '[2030-01-13 20:00, 2030-01-13 22:00)', 2000) \gset
UPDATE booking.slot SET period = '[2030-01-13 21:00, 2030-01-13 22:00)' WHERE id = :empty;
SELECT period FROM booking.book_place(:empty, 'ann') \gset
\echo :period
DELETE FROM booking.booking WHERE slot_id = :empty;
DELETE FROM booking.slot WHERE id = :empty;
SELECT count(*) FROM booking.slot_places WHERE slot_id = :empty;
SELECT pg_temp.says(format($$SELECT * FROM booking.book_place(%s, 'ann')$$, :empty));
SELECT pg_temp.says($$TRUNCATE booking.slot CASCADE$$);

-- A lapsed hold blocks no booking, and does not come back.
SELECT id AS held FROM booking.publish_slot('slots: hall', '[2030-01-14 20:00, 2030-01-14 22:00)', 3) \gset
SELECT id AS hold, status FROM booking.book_place(:held, 'ann', 2, hold_for => '1 millisecond') \gset
SELECT status FROM booking.book_place(:held, 'bob', 1, hold_for => '1 millisecond');
SELECT pg_sleep(0.01);
SELECT quantity FROM booking.try_book_place(:held, 'eve', 3);
SELECT holder, quantity, status FROM booking.booking WHERE slot_id = :held ORDER BY holder;
SELECT pg_temp.says(format($$SELECT * FROM booking.confirm(%L)$$, :'hold')) ~ '^55000 booking_status' AS said LIMIT 1;
SELECT * FROM pg_temp.places(:held);
-- Nor is it in the way of fewer places.
DELETE FROM booking.booking WHERE slot_id = :held;
SELECT status FROM booking.book_place(:held, 'ann', 2, hold_for => '1 millisecond');
SELECT pg_sleep(0.01);
UPDATE booking.slot SET capacity = 1 WHERE id = :held;
SELECT * FROM pg_temp.places(:held);

--
-- A class takes the room.
--
SELECT name, kind FROM booking.create_resource('slots: room', buffer_after => '15 minutes');
SELECT holder FROM booking.book_slot('slots: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann');
SELECT pg_temp.says($$SELECT * FROM booking.publish_slot('slots: room', '[2030-01-07 10:00, 2030-01-07 11:00)', 20)$$);
SELECT id AS yoga FROM booking.publish_slot('slots: room', '[2030-01-07 10:15, 2030-01-07 11:00)', 20) \gset
SELECT capacity, occupies FROM booking.slot WHERE id = :yoga;
SELECT pg_temp.says($$SELECT * FROM booking.book_slot('slots: room', '[2030-01-07 11:00, 2030-01-07 12:00)', 'bob')$$);
SELECT holder FROM booking.try_book_slot('slots: room', '[2030-01-07 11:00, 2030-01-07 12:00)', 'bob');
SELECT pg_temp.says($$INSERT INTO booking.booking (resource_id, period, holder) SELECT id, '[2030-01-07 10:30, 2030-01-07 10:45)', 'bob' FROM booking.resource WHERE name = 'slots: room'$$);
SELECT pg_temp.says($$SELECT * FROM booking.publish_slot('slots: room', '[2030-01-07 11:00, 2030-01-07 12:00)', 20)$$);
-- Nor of another that the same call publishes.
SELECT pg_temp.says($$SELECT * FROM booking.publish_slots('slots: room', '[2030-01-14 09:00, 2030-01-14 10:00)', '1 hour', '2030-01-14 12:00', 20)$$);
-- A plain INSERT is refused by the constraint, and ON CONFLICT passes over it.
SELECT pg_temp.says($$INSERT INTO booking.slot (resource_id, period, capacity) SELECT id, '[2030-01-07 11:00, 2030-01-07 12:00)', 20 FROM booking.resource WHERE name = 'slots: room'$$) ~ '^23P01 slot_no_overlap' AS said LIMIT 1;
INSERT INTO booking.slot (resource_id, period, capacity) SELECT id, '[2030-01-07 11:00, 2030-01-07 12:00)', 20 FROM booking.resource WHERE name = 'slots: room' ON CONFLICT DO NOTHING RETURNING id;
SELECT holder FROM booking.book_slot('slots: room', '[2030-01-07 11:15, 2030-01-07 12:00)', 'bob');
SELECT seat_no, quantity, occupies FROM booking.book_place(:yoga, 'cleo', 3);
SELECT * FROM pg_temp.places(:yoga);
-- Its only place is a booking of the room, and the other way round.
SELECT id AS lesson, occupies IS NULL AS independent, capacity FROM booking.publish_slot('slots: room', '[2030-01-07 13:00, 2030-01-07 14:00)') \gset
\echo :independent :capacity
SELECT id AS other FROM booking.publish_slot('slots: room', '[2030-01-07 13:30, 2030-01-07 14:30)', 1) \gset
SELECT seat_no, occupies FROM booking.book_place(:lesson, 'dan');
SELECT pg_temp.says(format($$SELECT * FROM booking.book_place(%s, 'eve')$$, :lesson));
SELECT pg_temp.says(format($$SELECT * FROM booking.book_place(%s, 'eve', 2)$$, :other));
SELECT pg_temp.says(format($$SELECT * FROM booking.book_place(%s, 'eve')$$, :other));
SELECT holder FROM booking.try_book_place(:other, 'eve');
SELECT pg_temp.says($$SELECT * FROM booking.book_slot('slots: room', '[2030-01-07 12:30, 2030-01-07 13:30)', 'eve')$$);
SELECT * FROM pg_temp.places(:other);
-- From one place to several, and back.
UPDATE booking.slot SET capacity = 2 WHERE id = :lesson;
SELECT capacity, occupies FROM booking.slot WHERE id = :lesson;
SELECT seat_no FROM booking.book_place(:lesson, 'eve');
SELECT pg_temp.says(format($$UPDATE booking.slot SET capacity = 0 WHERE id = %s$$, :yoga)) ~ '^55000: slot N cannot become one of a single place' AS said LIMIT 1;
DELETE FROM booking.booking WHERE slot_id = :yoga;
UPDATE booking.slot SET capacity = 1 WHERE id = :yoga;
SELECT capacity, occupies FROM booking.slot WHERE id = :yoga;
SELECT holder FROM booking.book_slot('slots: room', '[2030-01-07 10:30, 2030-01-07 10:45)', 'bob');
SELECT pg_temp.says(format($$UPDATE booking.slot SET capacity = 2 WHERE id = %s$$, :yoga)) ~ '^23P01 booking_no_overlap: resource "slots: room" is booked' AS said LIMIT 1;
SELECT pg_temp.says($$UPDATE booking.resource SET kind = 'pooled', capacity = 2 WHERE name = 'slots: room'$$) ~ '^55000' AS said LIMIT 1;
-- A lapsed hold does not keep a class out.
SELECT status FROM booking.book_slot('slots: room', '[2030-01-08 09:00, 2030-01-08 10:00)', 'ann', hold_for => '1 millisecond');
SELECT pg_sleep(0.01);
SELECT capacity FROM booking.publish_slot('slots: room', '[2030-01-08 09:00, 2030-01-08 10:00)', 20);

--
-- Seats in a slot: a trip on a bus.
--
SELECT name, kind FROM booking.create_resource('slots: bus', 'seated', seats => ARRAY['1A', '1B', '2A', '2B']);
SELECT id AS ride, capacity, occupies FROM booking.publish_slot('slots: bus', '[2030-01-07 08:00, 2030-01-07 12:00)') \gset
\echo :capacity :occupies
SELECT seat_no, quantity FROM booking.book_place(:ride, 'ann', seat => '1B');
SELECT pg_temp.says(format($$SELECT * FROM booking.book_place(%s, 'bob', seat => '1B')$$, :ride));
SELECT holder FROM booking.try_book_place(:ride, 'bob', seat => '1B');
SELECT pg_temp.says(format($$SELECT * FROM booking.book_place(%s, 'bob', 2, seat => '2A')$$, :ride));
SELECT pg_temp.says(format($$SELECT * FROM booking.book_place(%s, 'bob', seat => '9Z')$$, :ride));
SELECT seat_no, quantity FROM booking.book_place(:ride, 'bob', 2);
SELECT seat_no, quantity FROM booking.book_place(:ride, 'bob', seat => '2A');
SELECT pg_temp.says(format($$SELECT * FROM booking.book_place(%s, 'eve', seat => '2B')$$, :ride));
SELECT holder FROM booking.try_book_place(:ride, 'eve', seat => '2B');
SELECT * FROM pg_temp.places(:ride);
SELECT pg_temp.says($$SELECT * FROM booking.book_slot('slots: bus', '[2030-01-07 11:00, 2030-01-07 13:00)', 'eve', seat => '2B')$$);
-- Its only place is a seat, any.
SELECT id AS taxi FROM booking.publish_slot('slots: bus', '[2030-01-07 13:00, 2030-01-07 14:00)', 1) \gset
SELECT seat_no BETWEEN 1 AND 4 AS seated FROM booking.book_place(:taxi, 'ann');

--
-- A resource that is booked by its slots only.
--
SELECT name FROM booking.create_resource('slots: doctor');
UPDATE booking.resource SET slots_only = true WHERE name = 'slots: doctor';
SELECT pg_temp.says($$SELECT * FROM booking.book_slot('slots: doctor', '[2030-01-07 09:00, 2030-01-07 09:30)', 'ann')$$);
SELECT period FROM booking.publish_slots('slots: doctor', '[2030-01-07 09:00, 2030-01-07 09:30)', '30 minutes', '2030-01-07 11:00');
SELECT slot_id IS NOT NULL AS in_slot, seat_no, period FROM booking.book_slot('slots: doctor', '[2030-01-07 09:30, 2030-01-07 10:00)', 'ann', id => '00000000-0000-4000-8000-000000000b02');
SELECT version FROM booking.book_slot('slots: doctor', '[2030-01-07 09:30, 2030-01-07 10:00)', 'ann', id => '00000000-0000-4000-8000-000000000b02');
SELECT pg_temp.says($$SELECT * FROM booking.book_slot('slots: doctor', '[2030-01-07 09:30, 2030-01-07 10:00)', 'bob')$$);
SELECT holder FROM booking.try_book_slot('slots: doctor', '[2030-01-07 09:30, 2030-01-07 10:00)', 'bob');
SELECT pg_temp.says($$SELECT * FROM booking.book_slot('slots: doctor', '[2030-01-07 10:15, 2030-01-07 10:45)', 'bob')$$);
SELECT pg_temp.says($$SELECT * FROM booking.try_book_slot('slots: doctor', '[2030-01-07 12:15, 2030-01-07 12:45)', 'bob')$$);
SELECT pg_temp.says($$INSERT INTO booking.booking (resource_id, period, holder) SELECT id, '[2030-01-07 10:15, 2030-01-07 10:45)', 'bob' FROM booking.resource WHERE name = 'slots: doctor'$$) ~ '^42704' AS said LIMIT 1;
-- Two slots at the same time: the one that has places left.
SELECT name FROM booking.create_resource('slots: cinema', 'pooled', 0);
UPDATE booking.resource SET slots_only = true WHERE name = 'slots: cinema';
SELECT count(*) FROM generate_series(1, 2) AS n, LATERAL booking.publish_slot('slots: cinema', '[2030-01-07 20:00, 2030-01-07 22:00)', n);
SELECT s.capacity FROM booking.book_slot('slots: cinema', '[2030-01-07 20:00, 2030-01-07 22:00)', 'ann', 2) AS b JOIN booking.slot s ON s.id = b.slot_id;
SELECT s.capacity FROM booking.book_slot('slots: cinema', '[2030-01-07 20:00, 2030-01-07 22:00)', 'ann') AS b JOIN booking.slot s ON s.id = b.slot_id;
SELECT pg_temp.says($$SELECT * FROM booking.book_slot('slots: cinema', '[2030-01-07 20:00, 2030-01-07 22:00)', 'ann')$$) ~ 'sold out' AS said LIMIT 1;

--
-- A savepoint that is rolled back inside a statement has nothing to do with the places that
-- the statement outside has taken.
--
SELECT name FROM booking.create_resource('slots: savepoint', 'pooled', 0);
SELECT id AS inner_slot FROM booking.publish_slot('slots: savepoint', '[2030-01-07 09:00, 2030-01-07 10:00)', 10) \gset
CREATE FUNCTION public.slots_try_more() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.holder = 'outer' THEN
		INSERT INTO booking.booking (slot_id, holder) VALUES (NEW.slot_id, 'inner');
		RAISE division_by_zero;
	END IF;
	RETURN NULL;
EXCEPTION WHEN division_by_zero THEN
	RETURN NULL;
END $$;
CREATE TRIGGER a_try_more AFTER INSERT ON booking.booking FOR EACH ROW EXECUTE FUNCTION public.slots_try_more();
INSERT INTO booking.booking (slot_id, holder) SELECT :inner_slot, 'outer' FROM generate_series(1, 3);
SELECT * FROM pg_temp.places(:inner_slot);
DROP TRIGGER a_try_more ON booking.booking;
DROP FUNCTION public.slots_try_more();

-- A session that has seen a slot sold out looks again when a hold in it is to lapse earlier than it was.
SELECT id AS last_slot FROM booking.publish_slot('slots: savepoint', '[2030-01-08 09:00, 2030-01-08 10:00)', 1) \gset
SELECT status FROM booking.book_place(:last_slot, 'ann', hold_for => '1 hour');
SELECT count(id) FROM booking.try_book_place(:last_slot, 'bob');
SELECT count(id) FROM booking.try_book_place(:last_slot, 'bob');
SELECT count(id) FROM booking.try_book_place(:last_slot, 'bob');
UPDATE booking.booking SET expires_at = clock_timestamp() WHERE slot_id = :last_slot;
SELECT count(id) FROM booking.try_book_place(:last_slot, 'bob');

--
-- Many slots, by local time: 09:00 in Berlin is 08:00 UTC in winter and 07:00 in summer.
--
SELECT name FROM booking.create_resource('slots: studio', 'pooled', 8, timezone => 'Europe/Berlin');
SELECT period, capacity FROM booking.publish_slots('slots: studio', '[2030-03-29 09:00+01, 2030-03-29 10:30+01)', '1 day', '2030-04-02 00:00+02');
SELECT period FROM booking.publish_slots('slots: studio', '[2030-10-26 09:00+02, 2030-10-26 10:30+02)', '1 day', '2030-10-29', 3);
-- Every so many hours is a length of time.
SELECT period FROM booking.publish_slots('slots: studio', '[2030-03-31 00:00+01, 2030-03-31 01:00+01)', '2 hours', '2030-03-31 06:00+02', 3);
-- 02:30 does not exist on the last Sunday of March: no slot, and a notice.  In October it exists twice: the first one.
SET client_min_messages = notice;
SELECT period FROM booking.publish_slots('slots: studio', '[2030-03-30 02:30+01, 2030-03-30 03:30+01)', '1 day', '2030-04-02 00:00+02', 3);
SET client_min_messages = warning;
SELECT period FROM booking.publish_slots('slots: studio', '[2030-10-26 02:30+02, 2030-10-26 03:30+02)', '1 day', '2030-10-29', 3);
-- The last day of each month.
SELECT lower(period) AT TIME ZONE 'Europe/Berlin' AS begins FROM booking.publish_slots('slots: studio', '[2031-01-31 09:00+01, 2031-01-31 10:00+01)', '1 month', '2031-06-01', 3);
SELECT pg_temp.says($$SELECT * FROM booking.publish_slots('slots: studio', '[2030-03-29 09:00, 2030-03-29 10:30)', '0', '2030-04-02')$$);
SELECT pg_temp.says($$SELECT * FROM booking.publish_slots('slots: studio', '[2030-03-29 09:00,)', '1 day', '2030-04-02')$$);
SELECT pg_temp.says($$SELECT * FROM booking.publish_slots('slots: studio', '[2030-03-29 09:00, 2030-03-29 10:30)', '1 day', 'infinity')$$);
SELECT pg_temp.says($$SELECT * FROM booking.publish_slots('slots: studio', NULL, '1 day', '2030-04-02')$$);
SELECT pg_temp.says($$SELECT * FROM booking.publish_slots('slots: nowhere', '[2030-03-29 09:00, 2030-03-29 10:30)', '1 day', '2030-04-02')$$);

--
-- What verify() reports when rows were written without the triggers, and how to put it right.
--
SELECT problem, detail FROM booking.verify() AS v JOIN booking.resource r ON r.id = v.resource_id WHERE r.name LIKE 'slots: %';
UPDATE booking.slot_places SET free = free + 1 WHERE slot_id = :show AND shard = 0;
SELECT problem, regexp_replace(detail, '\d+', 'N') FROM booking.verify() AS v JOIN booking.resource r ON r.id = v.resource_id WHERE r.name LIKE 'slots: %';
DELETE FROM booking.slot_places WHERE slot_id = :show;
SELECT problem, regexp_replace(detail, '\d+', 'N') FROM booking.verify() AS v JOIN booking.resource r ON r.id = v.resource_id WHERE r.name LIKE 'slots: %';
UPDATE booking.slot SET capacity = capacity WHERE id = :show;
SELECT * FROM booking.verify() AS v JOIN booking.resource r ON r.id = v.resource_id WHERE r.name LIKE 'slots: %';
-- No counter goes below 0, whatever writes it.
SELECT pg_temp.says(format($$UPDATE booking.slot_places SET free = -1 WHERE slot_id = %s AND shard = 0$$, :show)) ~ '^23514 slot_places_free_check' AS said LIMIT 1;

-- A resource without bookings is deleted with its slots.
SELECT name FROM booking.create_resource('slots: short-lived', 'pooled', 1);
SELECT capacity FROM booking.publish_slot('slots: short-lived', '[2030-01-07 09:00, 2030-01-07 09:30)');
DELETE FROM booking.resource WHERE name = 'slots: short-lived';
SELECT count(*) FROM booking.slot s WHERE NOT EXISTS (SELECT FROM booking.resource r WHERE r.id = s.resource_id);
