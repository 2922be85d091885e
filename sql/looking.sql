--
-- Looking: what is free, when, where, and why not.  The same rules as for booking, asked the
-- other way round.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

-- 2030-01-07 is a Monday.
SELECT id AS room FROM booking.create_resource('looking: room', category => 'looking', timezone => 'Europe/Berlin', buffer_after => '15 minutes') \gset
SELECT id AS hut FROM booking.create_resource('looking: hut', category => 'looking') \gset
SELECT id AS bikes FROM booking.create_resource('looking: bikes', 'pooled', 5) \gset
SELECT id AS bus FROM booking.create_resource('looking: bus', 'seated', seats => ARRAY['1A', '1B', '2A']) \gset
SELECT id AS class FROM booking.create_resource('looking: class', 'pooled', 0, slots_only => true) \gset
UPDATE booking.seat SET category = 'window' WHERE resource_id = :bus AND label LIKE '%A';
INSERT INTO booking.opening_hours (resource_id, weekday, opens, closes) SELECT :room, day, '09:00', '17:00' FROM generate_series(1, 5) AS day;
SET TimeZone = 'Europe/Berlin';

-- free_periods: every period inside one of these can be booked.  Buffers are left out already.
SELECT count(*) FROM booking.book_slot('looking: room', '[2030-01-07 10:00, 2030-01-07 11:00)', 'looking ann');
SELECT count(*) FROM booking.close_period('looking: room', '[2030-01-08 12:00, 2030-01-08 13:00)', 'cleaning');
SELECT * FROM booking.free_periods('looking: room', '[2030-01-07, 2030-01-10)');
SELECT * FROM booking.free_periods(:room, '[2030-01-07, 2030-01-10)', min_duration => '5 hours');
-- What nothing ends has no end.
SELECT * FROM booking.free_periods('looking: hut', '[2030-01-07,)');

-- Units: all of a period, at its busiest instant.
SELECT count(*) FROM booking.book_slot('looking: bikes', '[2030-01-07 10:00, 2030-01-07 12:00)', 'looking ann', 2);
SELECT count(*) FROM booking.book_slot('looking: bikes', '[2030-01-07 11:00, 2030-01-07 14:00)', 'looking bob', 2, hold_for => '1 day');
SELECT * FROM booking.usage('looking: bikes', '[2030-01-07 09:00, 2030-01-07 15:00)');
SELECT * FROM booking.usage(:room, '[2030-01-07 09:00,)');
SELECT booking.remaining('looking: bikes', '[2030-01-07 11:00, 2030-01-07 12:00)'),
	booking.remaining(:bikes, '[2030-01-07 12:00, 2030-01-07 15:00)');
SELECT * FROM booking.free_periods('looking: bikes', '[2030-01-07, 2030-01-08)', 2);

-- A hold that has lapsed takes nothing, though its row is still there.
SELECT count(*) FROM booking.book_slot('looking: hut', '[2030-01-07 10:00, 2030-01-07 12:00)', 'looking ann', hold_for => '1 us');
SELECT booking.remaining('looking: hut', '[2030-01-07 10:00, 2030-01-07 12:00)');

-- Seats.  Where there are several to choose from, free periods overlap: a customer that wants to sit
-- from 09:00 to 12:00 can have one seat, and another from 11:00 on, but none from 10:00 to 14:00.
SELECT count(*) FROM booking.book_slot('looking: bus', '[2030-01-07 12:00, 2030-01-07 15:00)', 'looking ann', seat => '1A');
SELECT count(*) FROM booking.book_slot('looking: bus', '[2030-01-07 09:00, 2030-01-07 11:00)', 'looking bob', seat => '1B', hold_for => '1 day');
SELECT count(*) FROM booking.book_slot('looking: bus', '[2030-01-07 00:00, 2030-01-08 00:00)', 'looking eve', seat => '2A');
SELECT * FROM booking.free_periods('looking: bus', '[2030-01-07, 2030-01-08)');
SELECT seat, category, status, expires_at > now() AS lapses FROM booking.seat_map('looking: bus', '[2030-01-07 10:00, 2030-01-07 13:00)');
SELECT seat, status FROM booking.seat_map(:bus, '[2030-01-07 15:00, 2030-01-07 16:00)');
SELECT booking.remaining('looking: bus', '[2030-01-07 15:00, 2030-01-07 16:00)');
SELECT count(*) FROM booking.close_period('looking: bus', '[2030-01-09, 2030-01-10)');
SELECT seat, status FROM booking.seat_map('looking: bus', '[2030-01-09 10:00, 2030-01-09 13:00)');

-- Slots.
SELECT id AS slot FROM booking.publish_slot('looking: class', '[2030-01-07 18:00, 2030-01-07 19:30)', 20) \gset
SELECT count(*) FROM booking.publish_slot('looking: class', '[2030-01-08 18:00, 2030-01-08 19:30)', 0);
SELECT count(*) FROM booking.book_place(:slot, 'looking ann', 3);
SELECT booking.remaining(:slot);
SELECT * FROM booking.free_periods('looking: class', '[2030-01-07, 2030-01-10)');
SELECT booking.remaining('looking: class', '[2030-01-07 18:00, 2030-01-07 19:30)');
-- Places that are spread over many rows.
SELECT id AS stadium FROM booking.publish_slot('looking: class', '[2030-01-09 18:00, 2030-01-09 19:30)', 5000) \gset
SELECT booking.remaining(:stadium);
SELECT count(*) FROM booking.book_place(:stadium, 'looking ann', 1234);
SELECT count(*) FROM booking.book_place(:stadium, 'looking bob', 100, hold_for => '1 us');
SELECT booking.remaining(:stadium);
-- The show takes the bus; in it, each seat is one.
SELECT id AS show FROM booking.publish_slot('looking: bus', '[2030-01-11 20:00, 2030-01-11 22:00)', 3) \gset
SELECT count(*) FROM booking.book_place(:show, 'looking ann', seat => '1B');
SELECT seat, status FROM booking.seat_map(:show);
SELECT seat, status FROM booking.seat_map('looking: bus', '[2030-01-11 20:00, 2030-01-11 22:00)');

-- find_slots: the first times of many resources, on a step of their own clock.
SELECT resource, period, remaining FROM booking.find_slots('[2030-01-07 09:30, 2030-01-08)', '2 hours', category => 'looking', step => '1 hour', max_results => 6);
SELECT resource, period, remaining FROM booking.find_slots('[2030-01-07, 2030-01-09)', '90 minutes', ARRAY['looking: class', 'looking: bikes'], quantity => 4, step => '6 hours');
-- Nights begin when the search begins, by the local clock.
UPDATE booking.resource SET timezone = 'Europe/Berlin' WHERE id = :hut;
SELECT period FROM booking.find_slots('[2030-03-29 14:00, 2030-04-02)', '1 day', ARRAY['looking: hut'], max_results => 3);
SET TimeZone = 'UTC';
-- When summer time begins, there is no 02:30 in Berlin.
SELECT lower(period) FROM booking.find_slots('[2030-03-31 00:00, 2030-03-31 02:30)', '15 minutes', ARRAY['looking: hut'], step => '30 minutes');
SET TimeZone = 'Europe/Berlin';

-- why_not: everything that is in the way.
SELECT * FROM booking.why_not('looking: room', '[2030-01-07 09:00, 2030-01-07 09:45)');
SELECT * FROM booking.why_not('looking: room', '[2030-01-07 08:30, 2030-01-07 10:30)');
SELECT * FROM booking.why_not(:room, '[2030-01-08 11:00, 2030-01-08 18:00)');
SELECT * FROM booking.why_not('looking: bikes', '[2030-01-07 10:00, 2030-01-07 13:00)', quantity => 3);
SELECT * FROM booking.why_not('looking: bikes', '[2030-01-07 10:00, 2030-01-07 13:00)', quantity => 6);
SELECT * FROM booking.why_not('looking: hut', '[2030-01-07 10:00, 2030-01-07 13:00)', quantity => 2);
SELECT * FROM booking.why_not('looking: bus', '[2030-01-07 10:00, 2030-01-07 13:00)');
SELECT * FROM booking.why_not('looking: bus', '[2030-01-07 08:00, 2030-01-07 13:00)', seat => '1A');
SELECT * FROM booking.why_not('looking: bus', '[2030-01-11 21:00, 2030-01-11 23:00)');
SELECT * FROM booking.why_not('looking: class', '[2030-01-07 18:00, 2030-01-07 19:30)', quantity => 18);
SELECT * FROM booking.why_not('looking: class', '[2030-01-07 18:00, 2030-01-07 19:00)');
-- A holder's limits, if one is given.
INSERT INTO booking.holder_limit (resource_id, per, max_bookings) VALUES (:room, 'day', 1);
SELECT * FROM booking.why_not('looking: room', '[2030-01-07 12:00, 2030-01-07 13:00)', 'looking ann');
SELECT * FROM booking.why_not('looking: room', '[2030-01-07 12:00, 2030-01-07 13:00)', 'looking bob');
-- Notice and durations.
UPDATE booking.resource SET min_duration = '1 hour', max_duration = '4 hours', min_notice = '1 day', retired_at = '2035-01-01' WHERE id = :hut;
SELECT obstacle, during FROM booking.why_not('looking: hut', '[2020-01-07 12:00, 2020-01-07 12:30)');
SELECT obstacle, during, detail FROM booking.why_not('looking: hut', '[2034-12-31 20:00, 2035-01-01 02:00)');
SELECT * FROM booking.free_periods('looking: hut', '[2034-12-31 20:00, 2035-01-02)');

-- Entries in line come first, if it fits them: the hold has lapsed, and no call has marked it yet.
SELECT id AS den FROM booking.create_resource('looking: den') \gset
SELECT count(*) FROM booking.book_slot('looking: den', '[2030-01-07 10:00, 2030-01-07 12:00)', 'looking ann');
SELECT status FROM booking.wait_for_slot('looking: den', '[2030-01-07 11:00, 2030-01-07 12:00)', 'looking bob');
UPDATE booking.booking SET status = 'held', expires_at = '2020-01-01' WHERE resource_id = :den;
SELECT * FROM booking.free_periods('looking: den', '[2030-01-07, 2030-01-08)');
SELECT * FROM booking.why_not('looking: den', '[2030-01-07 10:00, 2030-01-07 12:00)');
SELECT * FROM booking.why_not('looking: den', '[2030-01-07 10:00, 2030-01-07 12:00)', 'looking bob');
-- The same for places.  Bob would get one of the two; with a limit that is reached, no place.
SELECT id AS talk FROM booking.publish_slot('looking: class', '[2030-01-10 18:00, 2030-01-10 19:30)', 2) \gset
SELECT count(*) FROM booking.book_place(:talk, 'looking ann', 2);
SELECT status FROM booking.wait_for_place(:talk, 'looking bob');
UPDATE booking.booking SET status = 'held', expires_at = '2020-01-01' WHERE slot_id = :talk;
SELECT booking.remaining(:talk);
INSERT INTO booking.holder_limit (resource_id, per, max_bookings) VALUES (:class, 'active', 0);
SELECT booking.remaining(:talk);
DELETE FROM booking.holder_limit WHERE resource_id = :class;
-- What begins too far ahead is not offered.
SELECT id AS near FROM booking.create_resource('looking: near', max_advance => '10 days') \gset
UPDATE booking.resource SET max_advance = NULL WHERE id = :near;
SELECT count(*) FROM booking.book_slot(:near, tstzrange(now() + interval '5 days', now() + interval '20 days'), 'looking ann');
UPDATE booking.resource SET max_advance = '10 days' WHERE id = :near;
SELECT count(*) FROM booking.free_periods(:near, tstzrange(now() + interval '1 day', now() + interval '30 days'));
DELETE FROM booking.booking WHERE resource_id = :near;

-- Everything malformed is refused with a clear error.
SELECT call, pg_temp.said('SELECT count(*) FROM booking.' || call) FROM unnest(ARRAY[
	'free_periods(NULL::text, ''[2030-01-07, 2030-01-08)'')', 'free_periods(NULL::bigint, ''[2030-01-07, 2030-01-08)'')',
	'free_periods(''looking: hut'', NULL)', 'free_periods(''looking: hut'', ''empty'')', 'free_periods(''looking: hut'', ''(,)'')',
	'free_periods(''looking: hut'', ''[2030-01-07, infinity)'')', 'free_periods(''looking: hut'', ''[2030-01-07, 2030-01-08)'', NULL)',
	'free_periods(''looking: hut'', ''[2030-01-07, 2030-01-08)'', 0)', 'free_periods(''looking: hut'', ''[2030-01-07, 2030-01-08)'', 1, ''0'')',
	'free_periods(''looking: hut'', ''[2030-01-07, 2030-01-08)'', 1, ''178000000 years'')',
	'free_periods(''looking: room'', ''[2030-01-07,)'')', 'free_periods(''looking: room'', ''[2030-01-07, 2200-01-01)'')',
	'free_periods(''looking: none'', ''[2030-01-07, 2030-01-08)'')', 'free_periods(-1, ''[2030-01-07, 2030-01-08)'')',
	'find_slots(NULL, ''1 hour'')', 'find_slots(''[2030-01-07, 2030-01-08)'', NULL)', 'find_slots(''[2030-01-07,)'', ''1 hour'')',
	'find_slots(''[2030-01-07, 2230-01-08)'', ''1 hour'')', 'find_slots(''[2030-01-07, 2030-01-08)'', ''-1 hour'')',
	'find_slots(''[2030-01-07, 2030-01-08)'', ''1 hour'', step => ''0'')', 'find_slots(''[2030-01-07, 2030-01-08)'', ''1 hour'', max_results => 0)',
	'find_slots(''[2030-01-07, 2030-01-08)'', ''1 hour'', max_results => NULL)', 'find_slots(''[2030-01-07, 2030-01-08)'', ''1 hour'', quantity => NULL)',
	'find_slots(''[2030-01-07, 2030-01-08)'', ''1 hour'', ARRAY[NULL])', 'find_slots(''[2030-01-07, 2030-01-08)'', ''1 hour'', ARRAY[''looking: none''])',
	'find_slots(''[2030-01-07, 2030-01-08)'', ''1 hour'', ''{}'')', 'find_slots(''[2030-01-07, 2030-01-08)'', ''1 hour'', category => ''looking: none'')',
	'usage(NULL::text, ''[2030-01-07, 2030-01-08)'')', 'usage(''looking: hut'', NULL)',
	'remaining(NULL::text, ''[2030-01-07, 2030-01-08)'')', 'remaining(''looking: hut'', NULL)', 'remaining(NULL::bigint)', 'remaining(-1)',
	'seat_map(''looking: hut'', ''[2030-01-07, 2030-01-08)'')', 'seat_map(''looking: bus'', NULL)', 'seat_map(NULL::bigint)', 'seat_map(-1)',
	'why_not(NULL::text, ''[2030-01-07, 2030-01-08)'')', 'why_not(''looking: hut'', NULL)', 'why_not(''looking: hut'', ''[2030-01-07, 2030-01-08)'', '''')',
	'why_not(''looking: hut'', ''[2030-01-07, 2030-01-08)'', quantity => 0)', 'why_not(''looking: hut'', ''[2030-01-07, 2030-01-08)'', seat => ''1'')',
	'why_not(''looking: bus'', ''[2030-01-07, 2030-01-08)'', seat => ''9'')']) AS call;

-- A hundred thousand results, and a step that is hardly one.
SELECT count(*), count(DISTINCT period) FROM booking.find_slots('[2034-01-07, 2034-12-08)', '1 hour', ARRAY['looking: hut'], step => '1 us', max_results => 100000);

-- A role that may read may look, and no other.  What is free does not depend on which bookings it sees.
CREATE ROLE regress_looking_reader;
CREATE ROLE regress_looking_nobody;
SELECT booking.grant_access('regress_looking_reader', 'read');
SET ROLE regress_looking_reader;
SELECT count(*) FROM booking.free_periods('looking: hut', '[2030-01-07, 2030-01-08)');
SELECT count(*) FROM booking.find_slots('[2030-01-07, 2030-01-08)', '1 hour', category => 'looking', max_results => 3);
SELECT count(*) > 0 FROM booking.current;
SELECT count(*) > 0 FROM booking.stats;
RESET ROLE;
SET ROLE regress_looking_nobody;
SELECT pg_temp.said($$SELECT * FROM booking.free_periods('looking: hut', '[2030-01-07, 2030-01-08)')$$);
RESET ROLE;
-- With the functions alone: free and taken, but no list of what there is.
GRANT USAGE ON SCHEMA booking TO regress_looking_nobody;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA booking TO regress_looking_nobody;
SET ROLE regress_looking_nobody;
SELECT booking.remaining('looking: bikes', '[2030-01-07 11:00, 2030-01-07 12:00)');
SELECT pg_temp.said($$SELECT * FROM booking.find_slots('[2030-01-07, 2030-01-08)', '1 hour')$$);
SELECT pg_temp.said($$SELECT * FROM booking.seat_map('looking: bus', '[2030-01-07, 2030-01-08)')$$);
SELECT pg_temp.said($$SELECT * FROM booking.current$$);
RESET ROLE;
DROP OWNED BY regress_looking_reader, regress_looking_nobody;
DROP ROLE regress_looking_reader, regress_looking_nobody;

-- Nothing is locked or written, whatever the level of isolation.
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;
SELECT count(*) FROM booking.find_slots('[2030-01-07, 2030-01-08)', '1 hour', category => 'looking', max_results => 3);
SELECT booking.remaining('looking: bus', '[2030-01-07 15:00, 2030-01-07 16:00)'), booking.remaining(:slot);
SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND (locktype = 'advisory' OR mode <> 'AccessShareLock' AND locktype = 'relation');
COMMIT;

-- The views.
SELECT resource, seat, period, quantity, status, slot_id IS NOT NULL AS in_slot FROM booking.current
WHERE resource LIKE 'looking: %' ORDER BY resource, period, seat;
SELECT id AS mill FROM booking.create_resource('looking: mill', 'pooled', 4) \gset
-- In hours: a day may have 23 or 25 of them.
SELECT count(*) FROM booking.book_slot('looking: mill', tstzrange(now() + interval '480 hours', now() + interval '960 hours'), 'looking ann', 3);
SELECT count(*) FROM booking.book_slot('looking: mill', tstzrange(now() - interval '360 hours', now()), 'looking ann', 2, hold_for => '1 day');
SELECT resource, kind, capacity, bookings, held, confirmed, used_last_30_days, used_next_30_days FROM booking.stats WHERE resource = 'looking: mill';
-- Thirty days are of 24 hours each, also for a session whose clock is put forward in ten days.
SELECT format('<now>0<then>,J%s,J%s', 1 + (n + 9) % 365, 1 + (n + 99) % 365) AS zone FROM (SELECT extract(doy FROM now())::integer AS n) AS day \gset
SET TimeZone = :'zone';
SELECT extract(epoch FROM now() + interval '30 days' - now()) / 3600 AS hours, used_next_30_days FROM booking.stats WHERE resource = 'looking: mill';
RESET TimeZone;
