-- The rows that count are found by our own indexes, and by no other: users make indexes, too.
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

SELECT kind FROM booking.create_resource('indexes: pool', 'pooled', 1);
SELECT kind FROM booking.create_resource('indexes: room');

-- Each of these finds fewer rows than ours does, or others.
CREATE INDEX user_same ON booking.booking USING gist (resource_id, occupies);
CREATE INDEX user_holder ON booking.booking USING gist (resource_id, occupies) WHERE holder = 'nobody';
CREATE INDEX user_confirmed ON booking.booking USING gist (resource_id, occupies)
	WHERE seat_no IS NULL AND slot_id IS NULL AND status IN ('confirmed');
CREATE INDEX user_seat ON booking.booking USING gist (resource_id, seat_no, occupies) WHERE seat_no > 0;
CREATE INDEX user_btree ON booking.booking (resource_id, occupies);
CREATE INDEX user_including ON booking.booking (resource_id, seat_no, occupies);
CREATE TABLE answers (answer text);
DO $$ BEGIN
	FOR i IN 1 .. 3 LOOP
		INSERT INTO answers SELECT 'pool ' || count(*) FROM booking.try_book_slot('indexes: pool', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann', hold_for => '1 h');
		INSERT INTO answers SELECT 'room ' || count(*) FROM booking.try_book_slot('indexes: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann', hold_for => '1 h');
	END LOOP;
END $$;
SELECT * FROM answers ORDER BY answer;
-- Nor is the room that another index says is taken: cancelled bookings take none.
SELECT count(booking.cancel(id)) FROM booking.booking WHERE resource_id IN (SELECT id FROM booking.resource WHERE name LIKE 'indexes:%');
SELECT count(*) FROM booking.book_slot('indexes: pool', '[2030-01-07 09:00, 2030-01-07 10:00)', 'bob');
SELECT count(*) FROM booking.book_slot('indexes: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'bob');
DROP INDEX booking.user_same, booking.user_holder, booking.user_confirmed, booking.user_seat, booking.user_btree, booking.user_including;
DROP TABLE answers;

-- Ours under another name, and built anew.
ALTER INDEX booking.booking_pooled RENAME TO something_else;
SELECT pg_temp.said($$SELECT FROM booking.book_slot('indexes: pool', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve')$$);
ALTER INDEX booking.something_else RENAME TO booking_pooled;
REINDEX INDEX CONCURRENTLY booking.booking_pooled;
REINDEX TABLE booking.booking;
SELECT pg_temp.said($$SELECT FROM booking.book_slot('indexes: pool', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve')$$);

-- Without it nothing is booked, whatever else there is.
BEGIN;
DROP INDEX booking.booking_pooled;
CREATE INDEX user_same ON booking.booking USING gist (resource_id, occupies);
SELECT pg_temp.said($$SELECT FROM booking.book_slot('indexes: pool', '[2030-01-07 11:00, 2030-01-07 12:00)', 'eve')$$);
CREATE INDEX my_own ON booking.booking USING gist (resource_id, occupies) WHERE seat_no IS NULL AND slot_id IS NULL AND status IN ('held', 'confirmed');
SELECT pg_temp.said($$SELECT FROM booking.book_slot('indexes: pool', '[2030-01-07 09:00, 2030-01-07 12:00)', 'eve')$$);
ROLLBACK;
BEGIN;
ALTER TABLE booking.booking DROP CONSTRAINT booking_no_overlap;
SELECT pg_temp.said($$SELECT FROM booking.book_slot('indexes: room', '[2030-01-07 11:00, 2030-01-07 12:00)', 'eve')$$);
ROLLBACK;
SELECT pg_temp.said($$SELECT FROM booking.book_slot('indexes: pool', '[2030-01-07 09:00, 2030-01-07 10:00)', 'eve')$$);
DELETE FROM booking.booking WHERE resource_id IN (SELECT id FROM booking.resource WHERE name LIKE 'indexes:%');

--
-- Guarded tables: the index has just the guard's columns and the guard's condition.
--
CREATE TABLE stay (id int, hotel text, nights int4range, canceled boolean NOT NULL DEFAULT false);
CREATE INDEX stay_all ON stay USING gist (hotel, nights);
CREATE INDEX stay_some ON stay USING gist (hotel, nights) WHERE NOT canceled AND hotel <> 'x';
CREATE INDEX stay_lower ON stay USING gist (lower(hotel), nights) WHERE NOT canceled;
CREATE INDEX stay_collation ON stay USING gist (hotel COLLATE "C", nights) WHERE NOT canceled;
SELECT booking.guard_table('stay', '{hotel}', '{nights}', 2, active => 'NOT canceled', name => 'stay_guard');
SELECT index, own_index FROM booking.guarded_table WHERE target = 'stay'::regclass;
INSERT INTO stay VALUES (1, 'x', '[1,5)'), (2, 'x', '[1,5)');
INSERT INTO stay VALUES (3, 'x', '[1,5)', true);
SELECT pg_temp.said($$INSERT INTO stay VALUES (4, 'x', '[1,5)')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('stay', '{hotel}', '{nights}', 2, active => 'NOT canceled', using_index => 'stay_some')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('stay', '{hotel}', '{nights}', 2, active => 'NOT canceled', using_index => 'stay_collation')$$);
REINDEX INDEX CONCURRENTLY stay_guard;
SELECT pg_temp.said($$INSERT INTO stay VALUES (4, 'x', '[1,5)')$$);
DROP TABLE stay;
