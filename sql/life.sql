--
-- The life of a booking: held, confirmed, moved, begun, ended, given up.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
-- The same without the times of this run, which have fractions.
CREATE FUNCTION pg_temp.told(statement text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT regexp_replace(said, '\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\+00', '<time>', 'g') FROM pg_temp.said(statement) AS said
$$;
\set ECHO all

SELECT name FROM booking.create_resource('life: room');
SELECT name FROM booking.create_resource('life: bus', 'seated', seats => ARRAY['1A', '1B', '1C']);
SELECT name FROM booking.create_resource('life: bikes', 'pooled', 5);
SELECT id AS room FROM booking.resource WHERE name = 'life: room' \gset

-- A hold takes the space until it lapses, and is confirmed until then.
SELECT clock_timestamp() AS before \gset
SELECT status, expires_at BETWEEN timestamptz :'before' + interval '10 minutes' AND clock_timestamp() + interval '10 minutes' AS ten_minutes, version
FROM booking.book_slot('life: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann', hold_for => '10 minutes', id => '00000000-0000-7000-8000-00000000f001');
SELECT count(id) FROM booking.try_book_slot('life: room', '[2030-01-07 09:30, 2030-01-07 10:30)', 'eve');
SELECT status, expires_at BETWEEN timestamptz :'before' + interval '15 minutes' AND clock_timestamp() + interval '15 minutes' AS a_quarter, version
FROM booking.extend_hold('00000000-0000-7000-8000-00000000f001', '5 minutes');
SELECT status, expires_at, version FROM booking.confirm('00000000-0000-7000-8000-00000000f001');
-- Twice is once.
SELECT status, expires_at, version FROM booking.confirm('00000000-0000-7000-8000-00000000f001');
-- The repetition of the call that made it still gets it, though it is not held any more.
SELECT status, version FROM booking.book_slot('life: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann', hold_for => '10 minutes', id => '00000000-0000-7000-8000-00000000f001');
SELECT pg_temp.said($$SELECT * FROM booking.extend_hold('00000000-0000-7000-8000-00000000f001', '5 minutes')$$);

-- max_hold: no hold has more than that ahead of it.
UPDATE booking.resource SET max_hold = '20 minutes' WHERE name = 'life: room';
SELECT status FROM booking.book_slot('life: room', '[2030-01-07 10:00, 2030-01-07 11:00)', 'ann', hold_for => '20 minutes', id => '00000000-0000-7000-8000-00000000f002');
SELECT constraint_said.said FROM regexp_split_to_table((SELECT string_agg(said, E'\n') FROM pg_temp.said(
	$$SELECT * FROM booking.extend_hold('00000000-0000-7000-8000-00000000f002', '1 minute')$$)), '\n') WITH ORDINALITY AS constraint_said (said, n) WHERE n = 1;
SELECT status, reason FROM booking.cancel('00000000-0000-7000-8000-00000000f002', 'changed my mind');
UPDATE booking.resource SET max_hold = NULL WHERE name = 'life: room';

-- A cancelled booking stays as it is, and its space is free at once.
SELECT status, reason, version FROM booking.cancel('00000000-0000-7000-8000-00000000f002', 'something else');
SELECT holder FROM booking.book_slot('life: room', '[2030-01-07 10:00, 2030-01-07 11:00)', 'bob', id => '00000000-0000-7000-8000-00000000f003');
SELECT pg_temp.told($$SELECT * FROM booking.confirm('00000000-0000-7000-8000-00000000f002')$$);
SELECT pg_temp.told($$SELECT * FROM booking.extend_hold('00000000-0000-7000-8000-00000000f002', '1 minute')$$);
SELECT pg_temp.told($$SELECT * FROM booking.reschedule('00000000-0000-7000-8000-00000000f002', '[2030-01-08 10:00, 2030-01-08 11:00)')$$);
SELECT pg_temp.told($$SELECT * FROM booking.check_in('00000000-0000-7000-8000-00000000f002')$$);
SELECT pg_temp.told($$SELECT * FROM booking.check_out('00000000-0000-7000-8000-00000000f002')$$);

-- A hold that has lapsed: nothing can be done with it, and it says when it lapsed.
INSERT INTO booking.booking (id, resource_id, period, holder, status, expires_at)
VALUES ('00000000-0000-7000-8000-00000000f004', :room, '[2030-01-07 12:00, 2030-01-07 13:00)', 'carl', 'held', '2020-02-03 04:05:06.7');
SELECT pg_temp.said($$SELECT * FROM booking.confirm('00000000-0000-7000-8000-00000000f004')$$);
SELECT pg_temp.said($$SELECT * FROM booking.extend_hold('00000000-0000-7000-8000-00000000f004', '1 minute')$$);
SELECT pg_temp.said($$SELECT * FROM booking.reschedule('00000000-0000-7000-8000-00000000f004', '[2030-01-08 12:00, 2030-01-08 13:00)')$$);
SELECT pg_temp.said($$UPDATE booking.booking SET status = 'confirmed', expires_at = NULL WHERE id = '00000000-0000-7000-8000-00000000f004'$$);
SELECT pg_temp.said($$UPDATE booking.booking SET expires_at = '2040-01-01' WHERE id = '00000000-0000-7000-8000-00000000f004'$$);
-- It blocks no booking.  The one that takes its space marks it, and that it lapsed stays known.
SELECT holder FROM booking.book_slot('life: room', '[2030-01-07 12:30, 2030-01-07 13:30)', 'dora', id => '00000000-0000-7000-8000-00000000f005');
SELECT status, expires_at, reason FROM booking.booking WHERE id = '00000000-0000-7000-8000-00000000f004';
SELECT pg_temp.said($$SELECT * FROM booking.confirm('00000000-0000-7000-8000-00000000f004')$$);
SELECT status FROM booking.cancel('00000000-0000-7000-8000-00000000f005');
SELECT pg_temp.said($$UPDATE booking.booking SET status = 'confirmed' WHERE id = '00000000-0000-7000-8000-00000000f004'$$);
SELECT pg_temp.said($$UPDATE booking.booking SET status = 'held', expires_at = '2040-01-01' WHERE id = '00000000-0000-7000-8000-00000000f004'$$);
-- Cancelling a hold that has lapsed finds that it has expired.
INSERT INTO booking.booking (id, resource_id, period, holder, status, expires_at)
VALUES ('00000000-0000-7000-8000-00000000f006', :room, '[2030-01-07 12:00, 2030-01-07 13:00)', 'carl', 'held', '2020-02-03 04:05:06');
SELECT status, reason FROM booking.cancel('00000000-0000-7000-8000-00000000f006', 'no need');
SELECT status, reason FROM booking.cancel('00000000-0000-7000-8000-00000000f006', 'no need');

-- Sweeping marks so many as one wants; nothing depends on it.  (First what other tests have left.)
SELECT booking.expire_holds() >= 0;
INSERT INTO booking.booking (resource_id, period, holder, status, expires_at)
SELECT :room, tstzrange(at, at + interval '1 hour'), 'life: lapsed', 'held', '2020-01-01'
FROM generate_series(timestamptz '2031-01-01', '2031-01-02', '1 hour') AS at;
SELECT booking.expire_holds(20);
SELECT status, count(*) FROM booking.booking WHERE holder = 'life: lapsed' GROUP BY status ORDER BY status;
SELECT booking.expire_holds();
SELECT booking.expire_holds();
SELECT status, reason, count(*) FROM booking.booking WHERE holder = 'life: lapsed' GROUP BY status, reason;

-- A cancelled booking set back to life by a plain UPDATE is judged like a new one.
SELECT holder FROM booking.book_slot('life: room', '[2030-01-07 12:00, 2030-01-07 13:00)', 'fay');
SELECT pg_temp.said($$UPDATE booking.booking SET status = 'confirmed' WHERE id = '00000000-0000-7000-8000-00000000f005'$$);
UPDATE booking.booking SET status = 'confirmed', period = '[2030-01-07 14:00, 2030-01-07 15:00)' WHERE id = '00000000-0000-7000-8000-00000000f005' RETURNING status, reason;

-- Moving: the booking does not collide with itself, and does with others.
SELECT period, version FROM booking.reschedule('00000000-0000-7000-8000-00000000f005', '[2030-01-07 14:30, 2030-01-07 15:30)');
SELECT pg_temp.said($$SELECT * FROM booking.reschedule('00000000-0000-7000-8000-00000000f005', '[2030-01-07 10:30, 2030-01-07 11:30)')$$);
-- It has kept what it had.
SELECT period, version FROM booking.booking WHERE id = '00000000-0000-7000-8000-00000000f005';
-- To where it is: nothing happens.
SELECT version FROM booking.reschedule('00000000-0000-7000-8000-00000000f005', '[2030-01-07 14:30, 2030-01-07 15:30)');
-- Only if it has not been changed since.
SELECT version FROM booking.reschedule('00000000-0000-7000-8000-00000000f005', '[2030-01-07 15:00, 2030-01-07 16:00)', expected_version => 4);
SELECT pg_temp.said($$SELECT * FROM booking.reschedule('00000000-0000-7000-8000-00000000f005', '[2030-01-07 16:00, 2030-01-07 17:00)', expected_version => 4)$$);
-- The same call once more, because its answer was lost: refused all the same, and told that it was carried out.  Without a version it is repeatable.
SELECT pg_temp.said($$SELECT * FROM booking.reschedule('00000000-0000-7000-8000-00000000f005', '[2030-01-07 15:00, 2030-01-07 16:00)', expected_version => 4)$$);
SELECT pg_temp.said($$SELECT * FROM booking.reschedule('00000000-0000-7000-8000-00000000f005', '[2030-01-07 15:00, 2030-01-07 16:00)', quantity => 2, expected_version => 4)$$);
SELECT version FROM booking.reschedule('00000000-0000-7000-8000-00000000f005', '[2030-01-07 15:00, 2030-01-07 16:00)');
-- A hold that is moved is still a hold.
SELECT status FROM booking.book_slot('life: room', '[2030-01-09 09:00, 2030-01-09 10:00)', 'gil', hold_for => '1 hour', id => '00000000-0000-7000-8000-00000000f007');
SELECT status, period, expires_at > clock_timestamp() FROM booking.reschedule('00000000-0000-7000-8000-00000000f007', '[2030-01-09 09:30, 2030-01-09 10:30)');

-- Seats: another seat, another time, the same seat at another time.
SELECT seat_no FROM booking.book_slot('life: bus', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann', seat => '1A', id => '00000000-0000-7000-8000-00000000f008');
SELECT seat_no FROM booking.book_slot('life: bus', '[2030-01-07 09:00, 2030-01-07 10:00)', 'bob', seat => '1B');
SELECT pg_temp.said($$SELECT * FROM booking.reschedule('00000000-0000-7000-8000-00000000f008', '[2030-01-07 09:00, 2030-01-07 10:00)', '1B')$$);
SELECT seat_no, period FROM booking.reschedule('00000000-0000-7000-8000-00000000f008', '[2030-01-07 09:00, 2030-01-07 10:00)', '1C');
SELECT seat_no, period FROM booking.reschedule('00000000-0000-7000-8000-00000000f008', '[2030-01-07 09:30, 2030-01-07 10:30)');
SELECT pg_temp.said($$SELECT * FROM booking.reschedule('00000000-0000-7000-8000-00000000f008', '[2030-01-07 09:00, 2030-01-07 10:00)', '9Z')$$);
SELECT pg_temp.said($$SELECT * FROM booking.reschedule('00000000-0000-7000-8000-00000000f001', '[2030-01-07 09:00, 2030-01-07 10:00)', '1A')$$);

-- Units: more of them, or fewer, where they are.
SELECT quantity FROM booking.book_slot('life: bikes', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann', 3, id => '00000000-0000-7000-8000-00000000f009');
SELECT quantity FROM booking.book_slot('life: bikes', '[2030-01-07 09:00, 2030-01-07 10:00)', 'bob', 1);
SELECT quantity FROM booking.reschedule('00000000-0000-7000-8000-00000000f009', '[2030-01-07 09:00, 2030-01-07 10:00)', quantity => 4);
SELECT pg_temp.said($$SELECT * FROM booking.reschedule('00000000-0000-7000-8000-00000000f009', '[2030-01-07 09:00, 2030-01-07 10:00)', quantity => 5)$$);
SELECT quantity FROM booking.reschedule('00000000-0000-7000-8000-00000000f009', '[2030-01-07 09:30, 2030-01-07 10:30)', quantity => 1);
SELECT pg_temp.said($$SELECT * FROM booking.reschedule('00000000-0000-7000-8000-00000000f009', '[2030-01-07 09:00, 2030-01-07 10:00)', quantity => 0)$$);

-- Onto another resource by a plain UPDATE: judged there, and free here.
UPDATE booking.booking SET resource_id = (SELECT id FROM booking.resource WHERE name = 'life: bikes'), seat_no = NULL
WHERE id = '00000000-0000-7000-8000-00000000f008' RETURNING seat_no, version;
SELECT seat_no FROM booking.book_slot('life: bus', '[2030-01-07 09:30, 2030-01-07 10:30)', 'carl', seat => '1C');
SELECT pg_temp.said($$UPDATE booking.booking SET resource_id = (SELECT id FROM booking.resource WHERE name = 'life: bus'), seat_no = 3
WHERE id = '00000000-0000-7000-8000-00000000f008'$$);

-- A stay without an end: it ends when it ends, and the rest is free.
SELECT name FROM booking.create_resource('life: parking');
SELECT upper_inf(period) FROM booking.book_slot('life: parking', '[2020-01-01 09:00,)', 'ann', id => '00000000-0000-7000-8000-00000000f010');
SELECT checked_in_at <= clock_timestamp() AS now, version FROM booking.check_in('00000000-0000-7000-8000-00000000f010');
SELECT checked_in_at <= clock_timestamp() AS now, version FROM booking.check_in('00000000-0000-7000-8000-00000000f010');
SELECT count(id) FROM booking.try_book_slot('life: parking', '[2100-01-01 09:00, 2100-01-01 10:00)', 'eve');
SELECT lower(period), upper(period) = checked_out_at AS ends, checked_out_at <= clock_timestamp() AS now, status, version FROM booking.check_out('00000000-0000-7000-8000-00000000f010');
SELECT version FROM booking.check_out('00000000-0000-7000-8000-00000000f010', '2019-01-01');
SELECT holder FROM booking.book_slot('life: parking', '[2100-01-01 09:00, 2100-01-01 10:00)', 'bob');
SELECT pg_temp.told($$SELECT * FROM booking.reschedule('00000000-0000-7000-8000-00000000f010', '[2030-01-08 10:00, 2030-01-08 11:00)')$$);
SELECT version FROM booking.check_in('00000000-0000-7000-8000-00000000f010');

-- Leaving early, at a time of one's own; leaving late does not make the stay longer.
SELECT name FROM booking.create_resource('life: desk', buffer_before => '10 minutes', buffer_after => '30 minutes');
SELECT occupies FROM booking.book_slot('life: desk', '[2020-01-01 09:00, 2020-01-01 17:00)', 'ann', id => '00000000-0000-7000-8000-00000000f011');
-- Buffers that have grown since make no difference to check_out().
UPDATE booking.resource SET buffer_before = '10 hours', buffer_after = '10 hours' WHERE name = 'life: desk';
SELECT pg_temp.said($$SELECT * FROM booking.check_out('00000000-0000-7000-8000-00000000f011', '2020-01-01 09:00')$$);
SELECT pg_temp.said($$SELECT * FROM booking.check_out('00000000-0000-7000-8000-00000000f011', '2019-01-01 09:00')$$);
SELECT pg_temp.said($$SELECT * FROM booking.check_out('00000000-0000-7000-8000-00000000f011', 'infinity')$$);
SELECT period, occupies, checked_out_at FROM booking.check_out('00000000-0000-7000-8000-00000000f011', '2020-01-01 12:00');
SELECT pg_temp.said($$SELECT * FROM booking.check_in('00000000-0000-7000-8000-00000000f011')$$);
SELECT period FROM booking.book_slot('life: parking', '[2019-01-01 09:00, 2019-01-01 17:00)', 'carl', id => '00000000-0000-7000-8000-00000000f012');
SELECT period, checked_out_at FROM booking.check_out('00000000-0000-7000-8000-00000000f012', '2019-01-01 18:00');
SELECT upper_inf(occupies) FROM booking.book_slot('life: desk', '[2020-01-02 09:00,)', 'ann', id => '00000000-0000-7000-8000-00000000f013');
SELECT period, occupies FROM booking.check_out('00000000-0000-7000-8000-00000000f013', '2020-01-02 10:00');
-- No check_out() before the check_in(); a booking that has not begun is cancelled instead; a hold is confirmed first.
SELECT holder FROM booking.book_slot('life: parking', '[2019-02-01 09:00, 2019-02-01 17:00)', 'carl', id => '00000000-0000-7000-8000-00000000f014');
SELECT version FROM booking.check_in('00000000-0000-7000-8000-00000000f014');
SELECT pg_temp.told($$SELECT * FROM booking.check_out('00000000-0000-7000-8000-00000000f014', '2019-02-01 12:00')$$);
SELECT pg_temp.said($$SELECT * FROM booking.check_out('00000000-0000-7000-8000-00000000f003')$$);
SELECT status FROM booking.book_slot('life: room', '[2019-01-07 09:00, 2019-01-07 10:00)', 'dora', hold_for => '1 hour', id => '00000000-0000-7000-8000-00000000f015');
SELECT pg_temp.told($$SELECT * FROM booking.check_in('00000000-0000-7000-8000-00000000f015')$$);
SELECT pg_temp.told($$SELECT * FROM booking.check_out('00000000-0000-7000-8000-00000000f015')$$);

-- What is missing or is not there.
SELECT f || ': ' || (SELECT string_agg(said, E'\n') FROM pg_temp.said(format('SELECT * FROM booking.%s', f)) AS said)
FROM unnest(ARRAY['confirm(NULL)', 'cancel(NULL)', 'extend_hold(NULL, ''1 hour'')', 'extend_hold(''00000000-0000-7000-8000-00000000f001'', NULL)',
	'extend_hold(''00000000-0000-7000-8000-00000000f001'', ''0'')', 'extend_hold(''00000000-0000-7000-8000-00000000f001'', ''-1 hour'')',
	'reschedule(NULL, ''[2030-01-07,2030-01-08)'')', 'reschedule(''00000000-0000-7000-8000-00000000f001'', NULL)',
	'reschedule(''00000000-0000-7000-8000-00000000f001'', ''empty'')',
	'check_in(NULL)', 'check_out(NULL)', 'expire_holds(NULL)', 'expire_holds(0)']) AS f;
SELECT f || ': ' || (SELECT string_agg(said, E'\n') FROM pg_temp.said(format('SELECT * FROM booking.%s', f)) AS said)
FROM unnest(ARRAY['confirm(%L)', 'cancel(%L)', 'extend_hold(%L, ''1 hour'')', 'reschedule(%L, ''[2030-01-07,2030-01-08)'')', 'check_in(%L)', 'check_out(%L)']) AS t,
	format(t, '00000000-0000-7000-8000-00000000ffff') AS f;

-- A trigger of the application that contradicts the function.
INSERT INTO booking.booking (resource_id, period, holder, status, expires_at, id)
SELECT id, '[2031-01-07 09:00, 2031-01-07 10:00)', 'vanished', 'held', '2020-01-01', '00000000-0000-7000-8000-00000000f020' FROM booking.resource WHERE name = 'life: room';
CREATE FUNCTION pg_temp.keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER keep BEFORE UPDATE ON booking.booking FOR EACH ROW EXECUTE FUNCTION pg_temp.keep();
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('life: room', '[2031-01-07 09:00, 2031-01-07 10:00)', 'ann')$$);
SELECT pg_temp.said($$SELECT * FROM booking.cancel('00000000-0000-7000-8000-00000000f015')$$);
DROP TRIGGER keep ON booking.booking;
SELECT holder FROM booking.book_slot('life: room', '[2031-01-07 09:00, 2031-01-07 10:00)', 'ann');

SELECT count(*) FROM booking.verify();
