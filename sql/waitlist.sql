--
-- The waitlist: what becomes free goes to the first entry in line that it fits.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
-- The line of a resource, and what has been offered in it.
CREATE FUNCTION pg_temp.line(name text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT format('%s %s%s%s', w.holder, w.status, ' at ' || booking.waitlist_position(w.id),
		' for ' || CASE WHEN b.status = 'held' THEN round(extract(epoch FROM b.expires_at - b.created_at) / 60) || ' min' END)
	FROM booking.waitlist w JOIN booking.resource r ON r.id = w.resource_id LEFT JOIN booking.booking b ON b.waitlist_id = w.id
	WHERE r.name = line.name ORDER BY w.id
$$;
-- The test does not wait for time to pass: an offer is made to have lapsed.
CREATE FUNCTION pg_temp.lapse(h text) RETURNS bigint LANGUAGE sql AS $$
	WITH done AS (UPDATE booking.booking SET expires_at = clock_timestamp() - interval '1 second'
		WHERE holder = h AND status = 'held' AND waitlist_id IS NOT NULL RETURNING 1)
	SELECT count(*) FROM done
$$;
\set ECHO all

SELECT name FROM booking.create_resource('wait: court');
SELECT holder FROM booking.book_slot('wait: court', '[2040-01-07 09:00, 2040-01-07 10:00)', 'ann', id => '00000000-0000-7000-8000-00000000e001');
-- The court is taken.  Three holders wait in line.
SELECT holder, status, offer_for FROM booking.wait_for_slot('wait: court', '[2040-01-07 09:00, 2040-01-07 10:00)', 'bob');
SELECT holder, status, offer_for FROM booking.wait_for_slot('wait: court', '[2040-01-07 09:00, 2040-01-07 10:00)', 'carl', offer_for => '30 minutes');
SELECT holder, status, offer_for FROM booking.wait_for_slot('wait: court', '[2040-01-07 09:30, 2040-01-07 10:30)', 'dora');
-- Joining again for the same is the same.
SELECT holder, status FROM booking.wait_for_slot('wait: court', '[2040-01-07 09:00, 2040-01-07 10:00)', 'bob', offer_for => '1 hour');
SELECT pg_temp.line('wait: court');

-- It is cancelled, and held for the first; no other holder gets it.
SELECT status FROM booking.cancel('00000000-0000-7000-8000-00000000e001');
SELECT pg_temp.line('wait: court');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('wait: court', '[2040-01-07 09:00, 2040-01-07 10:00)', 'eve')$$);
-- The first offer lapses.  A booking by another holder is refused: it is offered to the second.
SELECT pg_temp.lapse('bob');
SELECT count(id) FROM booking.try_book_slot('wait: court', '[2040-01-07 09:00, 2040-01-07 10:00)', 'eve');
SELECT pg_temp.line('wait: court');
-- The second declines, by cancelling the held booking; the third takes it.
SELECT status FROM booking.cancel((SELECT id FROM booking.booking WHERE holder = 'carl' AND status = 'held' AND period = '[2040-01-07 09:00, 2040-01-07 10:00)'));
SELECT pg_temp.line('wait: court');
SELECT status, period FROM booking.confirm((SELECT id FROM booking.booking WHERE holder = 'dora' AND status = 'held' AND waitlist_id IS NOT NULL));
SELECT pg_temp.line('wait: court');
-- The line is empty, and what is free can be booked.
SELECT holder FROM booking.book_slot('wait: court', '[2040-01-07 09:00, 2040-01-07 09:30)', 'eve');

-- Where there is room, and no entry ahead, waiting ends at once.
SELECT status FROM booking.wait_for_slot('wait: court', '[2040-01-08 09:00, 2040-01-08 10:00)', 'ann');
SELECT status FROM booking.wait_for_slot('wait: court', '[2040-01-08 09:00, 2040-01-08 10:00)', 'ann');
SELECT status FROM booking.wait_for_slot('wait: court', '[2040-01-08 09:00, 2040-01-08 10:00)', 'bob') \gset
-- A holder that leaves the line declines what is offered.
SELECT id AS ann FROM booking.waitlist WHERE holder = 'ann' AND status = 'offered' \gset
SELECT id AS bob FROM booking.waitlist WHERE holder = 'bob' AND status = 'waiting' \gset
SELECT booking.waitlist_position(:ann), booking.waitlist_position(:bob);
SELECT status FROM booking.leave_waitlist(:ann);
SELECT status FROM booking.leave_waitlist(:ann);
SELECT status FROM booking.waitlist WHERE id = :bob;
SELECT status FROM booking.leave_waitlist(:bob);
SELECT holder, status FROM booking.booking WHERE period = '[2040-01-08 09:00, 2040-01-08 10:00)' ORDER BY created_at, id;

-- An offer that lapses without another call is passed on by expire_holds().
SELECT status FROM booking.wait_for_slot('wait: court', '[2040-01-09 09:00, 2040-01-09 10:00)', 'fay');
SELECT status FROM booking.wait_for_slot('wait: court', '[2040-01-09 09:00, 2040-01-09 10:00)', 'gil');
SELECT pg_temp.lapse('fay');
SELECT booking.expire_holds() > 0;
SELECT holder, status FROM booking.waitlist WHERE period = '[2040-01-09 09:00, 2040-01-09 10:00)' ORDER BY id;

-- Everything that frees space serves the line: DELETE, a plain UPDATE, moving, checking out.
SELECT name FROM booking.create_resource('wait: desk');
SELECT holder FROM booking.book_slot('wait: desk', '[2020-01-01,)', 'ann', id => '00000000-0000-7000-8000-00000000e002');
SELECT status FROM booking.wait_for_slot('wait: desk', '[2040-01-01, 2040-01-02)', 'w1');
SELECT status FROM booking.check_out('00000000-0000-7000-8000-00000000e002');
SELECT status FROM booking.wait_for_slot('wait: desk', '[2040-01-01, 2040-01-02)', 'w2');
DELETE FROM booking.booking WHERE holder = 'w1';
SELECT status FROM booking.wait_for_slot('wait: desk', '[2040-01-01, 2040-01-02)', 'w3');
UPDATE booking.booking SET period = '[2041-01-01, 2041-01-02)' WHERE holder = 'w2' AND status = 'held';
SELECT status FROM booking.wait_for_slot('wait: desk', '[2040-01-01, 2040-01-02)', 'w4');
SELECT period FROM booking.reschedule((SELECT id FROM booking.booking WHERE holder = 'w3' AND status = 'held'), '[2042-01-01, 2042-01-02)');
SELECT pg_temp.line('wait: desk');

-- Units: the first entry that it fits, which need not be the first in line.
SELECT name FROM booking.create_resource('wait: bikes', 'pooled', 4);
SELECT quantity FROM booking.book_slot('wait: bikes', '[2040-01-01, 2040-01-02)', 'ann', 2, id => '00000000-0000-7000-8000-00000000e003');
SELECT quantity FROM booking.book_slot('wait: bikes', '[2040-01-01, 2040-01-02)', 'ann', 2, id => '00000000-0000-7000-8000-00000000e004');
SELECT status FROM booking.wait_for_slot('wait: bikes', '[2040-01-01, 2040-01-02)', 'three', 3);
SELECT status FROM booking.wait_for_slot('wait: bikes', '[2040-01-01, 2040-01-02)', 'one', 1);
SELECT status FROM booking.wait_for_slot('wait: bikes', '[2040-01-01, 2040-01-02)', 'two', 2);
SELECT status FROM booking.wait_for_slot('wait: bikes', '[2040-01-01, 2040-01-02)', 'five', 5);
SELECT status FROM booking.cancel('00000000-0000-7000-8000-00000000e003');
SELECT pg_temp.line('wait: bikes');
-- One is left that fits no entry: a holder outside the line may have it.
SELECT quantity FROM booking.book_slot('wait: bikes', '[2040-01-01, 2040-01-02)', 'eve', 1);
-- A capacity raised is space freed.
UPDATE booking.resource SET capacity = 7 WHERE name = 'wait: bikes';
SELECT pg_temp.line('wait: bikes');
UPDATE booking.resource SET capacity = 9 WHERE name = 'wait: bikes';
SELECT pg_temp.line('wait: bikes');
-- A booking that is reduced frees a part.
SELECT quantity FROM booking.reschedule('00000000-0000-7000-8000-00000000e004', '[2040-01-01, 2040-01-02)', quantity => 1);
UPDATE booking.resource SET capacity = 13 WHERE name = 'wait: bikes';
SELECT pg_temp.line('wait: bikes');

-- A holder in line that books goes behind the entries ahead, not behind the others.
SELECT name FROM booking.create_resource('wait: room');
INSERT INTO booking.booking (resource_id, period, holder, status, expires_at)
SELECT id, '[2040-01-01, 2040-01-02)', 'gone', 'held', clock_timestamp() + interval '1 hour' FROM booking.resource WHERE name = 'wait: room';
SELECT status FROM booking.wait_for_slot('wait: room', '[2040-01-01, 2040-01-02)', 'first');
SELECT status FROM booking.wait_for_slot('wait: room', '[2040-01-01, 2040-01-02)', 'second');
ALTER TABLE booking.booking DISABLE TRIGGER booking_freed;
SELECT status FROM booking.cancel((SELECT id FROM booking.booking WHERE holder = 'gone'));
ALTER TABLE booking.booking ENABLE TRIGGER booking_freed;
BEGIN;
SELECT count(id) FROM booking.try_book_slot('wait: room', '[2040-01-01, 2040-01-02)', 'second');
SELECT pg_temp.line('wait: room');
ROLLBACK;
SELECT count(id) FROM booking.try_book_slot('wait: room', '[2040-01-01, 2040-01-02)', 'first');
SELECT pg_temp.line('wait: room');

-- A seat will do that has just been added; any seat.
SELECT name FROM booking.create_resource('wait: bus', 'seated', seats => ARRAY['1A']);
SELECT seat_no FROM booking.book_slot('wait: bus', '[2040-01-01, 2040-01-02)', 'ann');
SELECT status FROM booking.wait_for_slot('wait: bus', '[2040-01-01, 2040-01-02)', 'bob');
INSERT INTO booking.waitlist (resource_id, period, holder, seat)
SELECT id, '[2040-01-01, 2040-01-02)', 'carl', '1A' FROM booking.resource WHERE name = 'wait: bus';
INSERT INTO booking.seat (resource_id, seat_no, label) SELECT id, 2, '1B' FROM booking.resource WHERE name = 'wait: bus';
SELECT pg_temp.line('wait: bus');
SELECT status FROM booking.cancel((SELECT id FROM booking.booking WHERE holder = 'ann' AND seat_no = 1 AND period = '[2040-01-01, 2040-01-02)'));
SELECT pg_temp.line('wait: bus');

-- Buffers: what is freed is enough only with them, and it is.
SELECT name FROM booking.create_resource('wait: hall', buffer_before => '1 hour', buffer_after => '1 hour');
SELECT holder FROM booking.book_slot('wait: hall', '[2040-01-01 09:00, 2040-01-01 10:00)', 'ann', id => '00000000-0000-7000-8000-00000000e005');
SELECT status FROM booking.wait_for_slot('wait: hall', '[2040-01-01 11:30, 2040-01-01 12:00)', 'bob');
SELECT status FROM booking.cancel('00000000-0000-7000-8000-00000000e005');
SELECT pg_temp.line('wait: hall');

-- Closures: one that is lifted frees space; one that is forced offers nothing of what it closes.
SELECT name FROM booking.create_resource('wait: pool');
SELECT reason FROM booking.close_period('wait: pool', '[2040-01-01, 2040-01-03)', 'cleaning');
SELECT status FROM booking.wait_for_slot('wait: pool', '[2040-01-01, 2040-01-02)', 'ann');
DELETE FROM booking.closure WHERE reason = 'cleaning' AND resource_id = (SELECT id FROM booking.resource WHERE name = 'wait: pool');
SELECT pg_temp.line('wait: pool');
SELECT holder FROM booking.book_slot('wait: pool', '[2040-02-01, 2040-02-03)', 'bob');
SELECT status FROM booking.wait_for_slot('wait: pool', '[2040-02-01, 2040-02-02)', 'closed');
SELECT status FROM booking.wait_for_slot('wait: pool', '[2040-02-02, 2040-02-03)', 'open');
SELECT reason FROM booking.close_period('wait: pool', '[2040-02-01, 2040-02-02)', 'broken', force => true);
SELECT pg_temp.line('wait: pool');

-- An offer is a hold, and not longer than one may be; a notice is kept.
UPDATE booking.resource SET max_hold = '5 minutes' WHERE name = 'wait: pool';
SELECT status FROM booking.wait_for_slot('wait: pool', '[2040-03-01, 2040-03-02)', 'short', offer_for => '1 hour');
SELECT pg_temp.line('wait: pool') OFFSET 3;
SELECT status FROM booking.wait_for_slot('wait: pool', '[2040-03-01, 2040-03-02)', 'late');
UPDATE booking.resource SET min_notice = '1000 years' WHERE name = 'wait: pool';
SELECT status FROM booking.cancel((SELECT id FROM booking.booking WHERE holder = 'short'));
SELECT pg_temp.line('wait: pool') OFFSET 4;
SELECT (SELECT string_agg(regexp_replace(said, ' it is .*', ' ...'), E'\n') FROM pg_temp.said(
	$$SELECT * FROM booking.wait_for_slot('wait: pool', '[2040-03-01, 2040-03-02)', 'later')$$) AS said WHERE said NOT LIKE '%hint%');
-- Once the rule is gone, the line is served.
UPDATE booking.resource SET min_notice = NULL WHERE name = 'wait: pool';
SELECT pg_temp.line('wait: pool') OFFSET 4;

-- An application's trigger that objects to an offer does not stop a cancellation.
SELECT name FROM booking.create_resource('wait: objection');
SELECT holder FROM booking.book_slot('wait: objection', '[2040-01-01, 2040-01-02)', 'ann', id => '00000000-0000-7000-8000-00000000e006');
SELECT status FROM booking.wait_for_slot('wait: objection', '[2040-01-01, 2040-01-02)', 'banned');
SELECT status FROM booking.wait_for_slot('wait: objection', '[2040-01-01, 2040-01-02)', 'bob');
CREATE FUNCTION public.wait_object() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF new.holder = 'banned' THEN RAISE 'banned'; END IF;
	RETURN new;
END $$;
CREATE TRIGGER objection BEFORE INSERT ON booking.booking FOR EACH ROW EXECUTE FUNCTION public.wait_object();
SELECT status FROM booking.cancel('00000000-0000-7000-8000-00000000e006');
SELECT pg_temp.line('wait: objection');
DROP TRIGGER objection ON booking.booking;
DROP FUNCTION public.wait_object();

-- Places in a published slot: cancelled, moved to a later slot, more of them, reopened.
SELECT name FROM booking.create_resource('wait: yoga');
SELECT id AS early FROM booking.publish_slot('wait: yoga', '[2040-01-01 09:00, 2040-01-01 10:00)', 2) \gset
SELECT id AS late FROM booking.publish_slot('wait: yoga', '[2040-01-01 18:00, 2040-01-01 19:00)', 2) \gset
SELECT quantity FROM booking.book_place(:early, 'ann', id => '00000000-0000-7000-8000-00000000e007');
SELECT quantity FROM booking.book_place(:early, 'bob', id => '00000000-0000-7000-8000-00000000e008');
SELECT w.holder, w.status FROM unnest(ARRAY['p1', 'p2', 'p3', 'p4']) AS h, booking.wait_for_place(:early, h) AS w;
SELECT status FROM booking.cancel('00000000-0000-7000-8000-00000000e007');
SELECT pg_temp.line('wait: yoga');
SELECT slot_id = :late AS moved, period FROM booking.reschedule('00000000-0000-7000-8000-00000000e008', '[2040-01-01 18:00, 2040-01-01 19:00)');
SELECT pg_temp.line('wait: yoga');
SELECT count(id) FROM booking.try_book_place(:early, 'eve');
UPDATE booking.slot SET capacity = 3 WHERE id = :early;
SELECT pg_temp.line('wait: yoga');
UPDATE booking.slot SET closed = true WHERE id = :early;
SELECT status FROM booking.confirm((SELECT id FROM booking.booking WHERE holder = 'p1' AND slot_id = :early));
SELECT status FROM booking.cancel((SELECT id FROM booking.booking WHERE holder = 'p1' AND slot_id = :early));
SELECT pg_temp.line('wait: yoga');
UPDATE booking.slot SET closed = false WHERE id = :early;
SELECT pg_temp.line('wait: yoga');
-- An offer of a place that lapses goes to the next, whichever call finds it.
SELECT status FROM booking.wait_for_place(:early, 'p5');
SELECT pg_temp.lapse('p2');
SELECT count(id) FROM booking.try_book_place(:early, 'eve');
SELECT pg_temp.line('wait: yoga');
SELECT s.free FROM booking.slot_places s WHERE s.slot_id = :early;
SELECT pg_temp.said($$SELECT * FROM booking.reschedule('00000000-0000-7000-8000-00000000e008', '[2040-01-01 20:00, 2040-01-01 21:00)')$$);
SELECT pg_temp.said($$SELECT * FROM booking.wait_for_place(-1, 'ann')$$);
SELECT pg_temp.said($$SELECT * FROM booking.wait_for_place(NULL, 'ann')$$);
SELECT pg_temp.said($$SELECT * FROM booking.wait_for_place(1, NULL)$$);

-- A place that could be offered to no entry when it became free, and now can: the
-- line comes before others all the same.
SELECT name FROM booking.create_resource('wait: dance');
SELECT id AS dance FROM booking.publish_slot('wait: dance', '[2040-01-01 09:00, 2040-01-01 10:00)', 2) \gset
SELECT name FROM booking.create_resource('wait: other');
INSERT INTO booking.holder_limit (per, max_bookings) VALUES ('active', 1);
SELECT quantity FROM booking.book_place(:dance, 'd1', 2, id => '00000000-0000-7000-8000-00000000e009');
SELECT holder FROM booking.book_slot('wait: other', '[2040-01-01 09:00, 2040-01-01 10:00)', 'd2', id => '00000000-0000-7000-8000-00000000e00a');
SELECT status FROM booking.wait_for_place(:dance, 'd2');
SELECT quantity FROM booking.reschedule('00000000-0000-7000-8000-00000000e009', '[2040-01-01 09:00, 2040-01-01 10:00)', quantity => 1);
SELECT pg_temp.line('wait: dance');
SELECT status FROM booking.cancel('00000000-0000-7000-8000-00000000e00a');
SELECT count(id) FROM booking.try_book_place(:dance, 'outsider');
SELECT pg_temp.line('wait: dance');
DELETE FROM booking.holder_limit WHERE resource_id IS NULL AND category IS NULL;

-- Two holds have lapsed, and the first in line wants the time of both: the next call marks one, and in offering what that
-- has freed the other.
SELECT name FROM booking.create_resource('wait: two holds');
SELECT holder FROM booking.book_slot('wait: two holds', '[2040-01-07 09:00, 2040-01-07 10:00)', 'ann', hold_for => '1 hour');
SELECT holder FROM booking.book_slot('wait: two holds', '[2040-01-07 10:00, 2040-01-07 11:00)', 'bob', hold_for => '1 hour');
SELECT status FROM booking.wait_for_slot('wait: two holds', '[2040-01-07 09:00, 2040-01-07 11:00)', 'carl');
UPDATE booking.booking SET expires_at = clock_timestamp() - interval '1 second' WHERE resource_id = booking.resource_id('wait: two holds');
SELECT count(id) FROM booking.try_book_slot('wait: two holds', '[2040-01-07 09:00, 2040-01-07 11:00)', 'eve');
SELECT pg_temp.line('wait: two holds');
SELECT holder, status FROM booking.booking WHERE resource_id = booking.resource_id('wait: two holds') ORDER BY 1;

-- What cannot be waited for.
SELECT f || ': ' || (SELECT string_agg(said, E'\n') FROM pg_temp.said(format('SELECT * FROM booking.%s', f)) AS said)
FROM unnest(ARRAY[
	$$wait_for_slot('wait: nothing', '[2040-01-01, 2040-01-02)', 'ann')$$,
	$$wait_for_slot(-1, '[2040-01-01, 2040-01-02)', 'ann')$$,
	$$wait_for_slot(NULL::bigint, '[2040-01-01, 2040-01-02)', 'ann')$$,
	$$wait_for_slot('wait: court', NULL, 'ann')$$,
	$$wait_for_slot('wait: court', '[2040-01-01, 2040-01-02)', NULL)$$,
	$$wait_for_slot('wait: court', '[2040-01-01, 2040-01-02)', 'ann', NULL)$$,
	$$wait_for_slot('wait: court', '[2040-01-01, 2040-01-02)', 'ann', offer_for => NULL)$$,
	$$wait_for_slot('wait: court', '[2040-01-01, 2040-01-02)', 'ann', offer_for => '0')$$,
	$$wait_for_slot('wait: court', '[2040-01-01, 2040-01-02)', '')$$,
	$$wait_for_slot('wait: court', '[2040-01-01, 2040-01-02)', 'ann', 2)$$,
	$$wait_for_slot('wait: bikes', '[2040-01-01, 2040-01-02)', 'ann', 0)$$,
	$$wait_for_slot('wait: court', '[2020-01-01, 2020-01-02)', 'ann')$$,
	$$wait_for_slot('wait: court', '[2040-01-01, 2040-01-02]', 'ann')$$,
	$$leave_waitlist(NULL)$$, $$leave_waitlist(-1)$$]) AS f;
SELECT pg_temp.said($$INSERT INTO booking.waitlist (resource_id, period, holder) VALUES (-1, '[2040-01-01, 2040-01-02)', 'ann')$$);
SELECT pg_temp.said($$INSERT INTO booking.waitlist (resource_id, period, holder, slot_id) SELECT id, '[2040-01-01, 2040-01-02)', 'ann', -1 FROM booking.resource WHERE name = 'wait: bus'$$);
SELECT pg_temp.said($$INSERT INTO booking.waitlist (resource_id, period, holder, seat) SELECT id, '[2040-01-01, 2040-01-02)', 'ann', '9Z' FROM booking.resource WHERE name = 'wait: bus'$$);
-- Nor for an entry that has left the line.
SELECT pg_temp.said(format($$INSERT INTO booking.waitlist (resource_id, slot_id, seat, period, holder, status) VALUES (%s, '[2040-01-01, 2040-01-02)', 'ann', 'left')$$, place))
FROM unnest(ARRAY['-1, NULL, NULL', booking.resource_id('wait: bus') || ', -1, NULL', booking.resource_id('wait: bus') || $$, NULL, '9Z'$$]) AS place;
SELECT pg_temp.said(format($$UPDATE booking.waitlist SET %s WHERE id = (SELECT min(id) FROM booking.waitlist WHERE status <> 'waiting' AND resource_id = booking.resource_id('wait: court'))$$, change))
FROM unnest(ARRAY['resource_id = -1', 'slot_id = -1', $$seat = '9Z'$$]) AS change;
-- A dump loads, also where the resource is not seated any more.
BEGIN;
SELECT kind FROM booking.create_resource('wait: van', 'seated', seats => ARRAY['1A']);
INSERT INTO booking.waitlist (resource_id, period, holder, seat) VALUES (booking.resource_id('wait: van'), '[2040-01-01, 2040-01-02)', 'ann', '1A');
UPDATE booking.resource SET kind = 'exclusive', capacity = 1 WHERE name = 'wait: van';
DELETE FROM booking.waitlist WHERE resource_id = booking.resource_id('wait: van');
INSERT INTO booking.waitlist (resource_id, period, holder, seat) VALUES (booking.resource_id('wait: van'), '[2040-01-01, 2040-01-02)', 'ann', '1A');
ROLLBACK;
SELECT pg_temp.said($$INSERT INTO booking.waitlist (resource_id, period, holder) SELECT id, 'empty', 'ann' FROM booking.resource WHERE name = 'wait: bus'$$) LIMIT 1;
SELECT pg_temp.said($$INSERT INTO booking.waitlist (resource_id, period, holder, status) SELECT id, '[2040-01-01, 2040-01-02)', 'ann', 'maybe' FROM booking.resource WHERE name = 'wait: bus'$$) LIMIT 1;
SELECT pg_temp.said($$TRUNCATE booking.waitlist$$) LIMIT 1;
SELECT booking.waitlist_position(-1) IS NULL;

SELECT count(*) FROM booking.verify();
