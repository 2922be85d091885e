--
-- Series: the same again and again, by the clock of the resource.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all
SET timezone = 'Europe/Berlin';
SET datestyle = 'ISO, YMD';

SELECT id AS room FROM booking.create_resource('series: room', timezone => 'Europe/Berlin') \gset
SELECT name FROM booking.create_resource('series: bikes', 'pooled', 3, timezone => 'Europe/Berlin');
SELECT name FROM booking.create_resource('series: bus', 'seated', seats => ARRAY['1', '2'], timezone => 'Europe/Berlin');
SELECT name FROM booking.create_resource('series: class', slots_only => true, timezone => 'Europe/Berlin');
SELECT count(*) FROM booking.publish_slots('series: class', '[2030-01-07 18:00, 2030-01-07 19:00)', '7 days', '2030-02-01', 2);

-- Every week; across the beginning of summer time 09:00 stays 09:00.
SELECT occurrence, period, booking_id IS NOT NULL AS booked, obstacle
FROM booking.book_series('series: room', '[2030-03-18 09:00, 2030-03-18 10:00)', '1 week', 4, 'ann');
-- And across its end; by the id of the resource.
SELECT occurrence, period, obstacle FROM booking.book_series(:room, '[2030-10-26 09:00, 2030-10-27 09:00)', '2 days', 3, 'ann');
-- They are confirmed bookings of one group.
SELECT count(*), count(DISTINCT group_id), min(status), min(holder) FROM booking.booking WHERE resource_id = :room AND period < '[2030-06-01, 2030-06-02)';

-- The last of January, a month later and on: each from the first, not from the one before.
SELECT occurrence, period FROM booking.book_series('series: room', '[2031-01-31 09:00, 2031-01-31 10:00)', '1 month', 4, 'ann');
SELECT occurrence, period FROM booking.book_series('series: room', '[2032-02-29 09:00, 2032-02-29 10:00)', '1 year', 5, 'ann');

-- A local time that does not exist is not moved.
SELECT pg_temp.said($$SELECT * FROM booking.book_series('series: room', '[2030-03-29 02:30, 2030-03-29 02:45)', '1 day', 4, 'ann')$$);
SELECT occurrence, period, booking_id IS NOT NULL AS booked, obstacle
FROM booking.book_series('series: room', '[2030-03-29 02:30, 2030-03-29 02:45)', '1 day', 4, 'ann', on_conflict => 'skip');
SELECT occurrence, period, obstacle FROM booking.book_series('series: room', '[2030-03-30 01:30, 2030-03-30 02:15)', '1 day', 3, 'ann', on_conflict => 'skip');
-- One that comes twice means the first, unless it is the caller's own.
SELECT occurrence, period, obstacle FROM booking.book_series('series: room', '[2030-10-26 02:15, 2030-10-26 02:45)', '1 day', 2, 'bob', on_conflict => 'skip');
SELECT occurrence, period FROM booking.book_series('series: room', '[2031-10-26 02:30+01, 2031-10-26 03:30+01)', '1 day', 2, 'ann');

-- Something is in the way: all or none, and each of them is named.
SELECT pg_temp.said($$SELECT * FROM booking.book_series('series: room', '[2030-03-11 09:30, 2030-03-11 10:30)', '1 week', 5, 'bob')$$);
SELECT count(*) FROM booking.booking WHERE resource_id = :room AND holder = 'bob';
-- Or the others.  What was left out comes back with the nearest time that is free.
SELECT occurrence, period, booking_id IS NOT NULL AS booked, obstacle
FROM booking.book_series('series: room', '[2030-03-11 09:30, 2030-03-11 10:30)', '1 week', 5, 'bob', on_conflict => 'skip', group_id => '00000000-0000-0000-0000-0000000005e1');
SELECT count(*) FROM booking.booking WHERE group_id = '00000000-0000-0000-0000-0000000005e1';
-- No occurrence can be booked: that is an answer, too.
SELECT occurrence, booking_id, left(obstacle, 18) FROM booking.book_series('series: room', '[2030-03-18 09:00, 2030-03-18 10:00)', '1 week', 4, 'bob', on_conflict => 'skip');

-- The same call once more gets the same, and does not fill what was left out, though it is free now.
SELECT count(*) FROM booking.booking b, booking.cancel(b.id) WHERE b.resource_id = :room AND b.holder = 'ann' AND b.period && '[2030-03-18, 2030-03-19)';
SELECT occurrence, booking_id IS NOT NULL AS booked, obstacle
FROM booking.book_series('series: room', '[2030-03-11 09:30, 2030-03-11 10:30)', '1 week', 5, 'bob', on_conflict => 'skip', group_id => '00000000-0000-0000-0000-0000000005e1');
SELECT pg_temp.said($$SELECT * FROM booking.book_series('series: room', '[2030-03-11 09:30, 2030-03-11 10:30)', '1 week', 5, 'eve', on_conflict => 'skip', group_id => '00000000-0000-0000-0000-0000000005e1')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_series('series: room', '[2030-03-11 09:30, 2030-03-11 10:30)', '1 week', 5, 'bob', group_id => '00000000-0000-0000-0000-0000000005e1')$$);
SELECT count(*), count(DISTINCT booking_id) FROM (
	SELECT * FROM booking.book_series('series: room', '[2030-05-06 09:00, 2030-05-06 10:00)', '1 day', 3, 'ann', group_id => '00000000-0000-0000-0000-0000000005e2')
	UNION ALL
	SELECT * FROM booking.book_series('series: room', '[2030-05-06 09:00, 2030-05-06 10:00)', '1 day', 3, 'ann', group_id => '00000000-0000-0000-0000-0000000005e2')) AS twice;

-- Several units; any seat; the slots for these times.
SELECT occurrence, period, obstacle FROM booking.book_series('series: bikes', '[2030-01-07 09:00, 2030-01-07 12:00)', '1 day', 2, 'ann', 2);
SELECT occurrence, period, obstacle FROM booking.book_series('series: bikes', '[2030-01-08 11:00, 2030-01-08 13:00)', '1 day', 2, 'bob', 2, 'skip');
SELECT occurrence, period, obstacle FROM booking.book_series('series: bus', '[2030-01-07 09:00, 2030-01-07 12:00)', '1 day', 2, 'ann');
SELECT count(*) FROM booking.booking WHERE resource_id = booking.resource_id('series: bus') AND seat_no IN (1, 2);
SELECT occurrence, period, obstacle FROM booking.book_series('series: class', '[2030-01-14 18:00, 2030-01-14 19:00)', '1 week', 4, 'ann', 2, 'skip');
SELECT regexp_replace(pg_temp.said($$SELECT * FROM booking.book_series('series: class', '[2030-01-14 18:00, 2030-01-14 19:00)', '1 week', 2, 'bob')$$), 'slot \d+', 'slot <n>', 'g');
SELECT pg_temp.said($$SELECT * FROM booking.book_series('series: class', '[2030-01-15 18:00, 2030-01-15 19:00)', '1 week', 2, 'bob')$$);
SELECT occurrence, regexp_replace(obstacle, 'slot \d+', 'slot <n>') AS obstacle FROM booking.book_series('series: class', '[2030-01-14 18:00, 2030-01-14 19:00)', '1 week', 1, 'bob', 1, 'skip');

-- Occurrences that overlap each other are obstacles.
SELECT occurrence, period, left(obstacle, 18) AS obstacle FROM booking.book_series('series: room', '[2033-01-07 09:00, 2033-01-07 12:00)', '2 hours', 4, 'ann', on_conflict => 'skip');

-- All other rules hold as well: each is an obstacle of its own.
SELECT id AS ruled FROM booking.create_resource('series: ruled', timezone => 'Europe/Berlin', max_duration => '2 hours', buffer_after => '30 minutes') \gset
INSERT INTO booking.opening_hours (resource_id, weekday, opens, closes) SELECT :ruled, d, '08:00', '18:00' FROM generate_series(1, 5) AS d;
INSERT INTO booking.holder_limit (resource_id, per, max_bookings) VALUES (:ruled, 'week', 2);
SELECT period FROM booking.close_period('series: ruled', '[2030-01-10, 2030-01-11)', 'painting');
UPDATE booking.resource SET retired_at = '2030-01-17 12:00' WHERE id = :ruled;
SELECT occurrence, period, obstacle FROM booking.book_series('series: ruled', '[2030-01-09 09:00, 2030-01-09 10:00)', '1 day', 10, 'ann', on_conflict => 'skip');
SELECT pg_temp.said($$SELECT * FROM booking.book_series('series: ruled', '[2030-01-16 13:00, 2030-01-16 14:00)', '1 day', 3, 'bob')$$);

-- Arguments that make no series.
SELECT pg_temp.said(format($$SELECT * FROM booking.book_series('series: room', %s)$$, arguments)) FROM unnest(ARRAY[
	$$NULL, '1 day', 2, 'ann'$$, $$'[2030-07-01, 2030-07-02)', NULL, 2, 'ann'$$, $$'[2030-07-01, 2030-07-02)', '1 day', NULL, 'ann'$$,
	$$'[2030-07-01, 2030-07-02)', '1 day', 2, NULL$$, $$'[2030-07-01, 2030-07-02)', '1 day', 2, 'ann', NULL$$, $$'[2030-07-01, 2030-07-02)', '1 day', 2, 'ann', 1, NULL$$,
	$$'[2030-07-01, 2030-07-02)', '1 day', 0, 'ann'$$, $$'[2030-07-01, 2030-07-02)', '1 day', -5, 'ann'$$, $$'[2030-07-01, 2030-07-02)', '1 day', 2000000000, 'ann'$$,
	$$'[2030-07-01, 2030-07-02)', '0', 2, 'ann'$$, $$'[2030-07-01, 2030-07-02)', '-1 day', 2, 'ann'$$, $$'[2030-07-01, 2030-07-02)', '1 month -1 day', 2, 'ann'$$,
	$$'[2030-07-01, 2030-07-02)', '1001 years', 2, 'ann'$$, $$'[2030-07-01, 2030-07-02)', '100 years', 12, 'ann'$$, $$'[2030-07-01, 2030-07-02)', '178000000 years', 2, 'ann'$$,
	$$'[2030-07-01,)', '1 day', 2, 'ann'$$, $$'empty', '1 day', 2, 'ann'$$, $$'(2030-07-01, 2030-07-02]', '1 day', 2, 'ann'$$, $$'[2030-07-01, infinity)', '1 day', 2, 'ann'$$,
	$$'[2030-07-01, 4030-07-02)', '1 day', 2, 'ann'$$, $$'[294000-07-01, 294000-07-02)', '1 day', 2, 'ann'$$, $$'[0044-03-15 BC, 0044-03-16 BC)', '1 day', 2, 'ann'$$,
	$$'[2030-07-01, 2030-07-02)', '1 day', 2, ''$$, $$'[2030-07-01, 2030-07-02)', '1 day', 2, 'ann', 0$$, $$'[2030-07-01, 2030-07-02)', '1 day', 2, 'ann', 2$$,
	$$'[2030-07-01, 2030-07-02)', '1 day', 2, 'ann', 1, 'overwrite'$$]) AS arguments;
SELECT pg_temp.said($$SELECT * FROM booking.book_series(NULL::text, '[2030-07-01, 2030-07-02)', '1 day', 2, 'ann')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_series('series: none', '[2030-07-01, 2030-07-02)', '1 day', 2, 'ann')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_series(-1, '[2030-07-01, 2030-07-02)', '1 day', 2, 'ann')$$);

-- A client that sends its arguments without types means an interval.
PREPARE untyped AS SELECT occurrence, period FROM booking.book_series($1, $2, $3, $4, $5);
SELECT parameter_types FROM pg_prepared_statements WHERE name = 'untyped';
DEALLOCATE untyped;

--
-- Rules of RFC 5545.
--

-- Only looking: local times, and what they are.  t/062_series compares many more of them.
SELECT * FROM booking.occurrences('series: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'FREQ=MONTHLY;BYDAY=2TU,-1FR;COUNT=5');
SELECT * FROM booking.occurrences(:room, '[2030-03-30 02:30, 2030-03-30 03:30)', 'RRULE:freq=daily;until=20300401');
SELECT string_agg(begins::date::text, ' ' ORDER BY occurrence) FROM booking.occurrences('series: room', '[2030-01-31 09:00, 2030-01-31 10:00)', 'FREQ=MONTHLY;COUNT=4');
SELECT string_agg(begins::date::text, ' ' ORDER BY occurrence) FROM booking.occurrences('series: room', '[2030-01-31 09:00, 2030-01-31 10:00)', 'FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=4');
SELECT string_agg(begins::date::text, ' ' ORDER BY occurrence) FROM booking.occurrences('series: room', '[2028-02-29 09:00, 2028-02-29 10:00)', 'FREQ=YEARLY;COUNT=3');
SELECT string_agg(begins::date::text, ' ' ORDER BY occurrence) FROM booking.occurrences('series: room', '[2030-01-01 09:00, 2030-01-01 10:00)', 'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1,-1;COUNT=4');
-- The beginning of the week makes a difference (the example of the RFC).
SELECT string_agg(begins::date::text, ' ' ORDER BY occurrence) FROM booking.occurrences('series: room', '[1997-08-05 09:00, 1997-08-05 10:00)', 'FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO');
SELECT string_agg(begins::date::text, ' ' ORDER BY occurrence) FROM booking.occurrences('series: room', '[1997-08-05 09:00, 1997-08-05 10:00)', 'FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU');
-- UNTIL by the clock, as an instant, as a day.
SELECT count(*) FROM booking.occurrences('series: room', '[2030-01-01 09:00, 2030-01-01 10:00)', 'FREQ=DAILY;UNTIL=20300103T090000');
SELECT count(*) FROM booking.occurrences('series: room', '[2030-01-01 09:00, 2030-01-01 10:00)', 'FREQ=DAILY;UNTIL=20300103T080000Z');
SELECT count(*) FROM booking.occurrences('series: room', '[2030-01-01 09:00, 2030-01-01 10:00)', 'FREQ=DAILY;UNTIL=20300103T075959Z');
SELECT count(*) FROM booking.occurrences('series: room', '[2030-01-01 09:00, 2030-01-01 10:00)', 'FREQ=DAILY;UNTIL=20300103');

-- Booked by a rule.
SELECT occurrence, period, booking_id IS NOT NULL AS booked, obstacle
FROM booking.book_series_by_rule('series: room', '[2034-01-02 09:00, 2034-01-02 10:00)', 'FREQ=WEEKLY;BYDAY=MO,WE;COUNT=4', 'ann', group_id => '00000000-0000-0000-0000-0000000005e3');
SELECT occurrence, period, obstacle
FROM booking.book_series_by_rule(:room, '[2034-01-03 09:00, 2034-01-03 10:00)', 'FREQ=DAILY;UNTIL=20340105', 'bob', on_conflict => 'skip');
SELECT pg_temp.said($$SELECT * FROM booking.book_series_by_rule('series: room', '[2034-01-02 09:30, 2034-01-02 10:30)', 'FREQ=WEEKLY;BYDAY=MO,TH;COUNT=2', 'bob')$$);
SELECT count(*) FROM booking.book_series_by_rule('series: room', '[2034-01-02 09:00, 2034-01-02 10:00)', 'FREQ=WEEKLY;BYDAY=MO,WE;COUNT=4', 'ann', group_id => '00000000-0000-0000-0000-0000000005e3');

-- Each error names the part of the rule that it is about.
SELECT rule, pg_temp.said(format($$SELECT * FROM booking.occurrences('series: room', '[2030-01-07 09:00, 2030-01-07 10:00)', %L)$$, rule)) FROM unnest(ARRAY[
	NULL, '', 'RRULE:', 'weekly', 'FREQ', 'COUNT=3', 'FREQ=HOURLY;COUNT=3', 'FREQ=DAILY', 'FREQ=DAILY;COUNT=0', 'FREQ=DAILY;COUNT=-1', 'FREQ=DAILY;COUNT=10001', 'FREQ=DAILY;COUNT=99999999999999999999',
	'FREQ=DAILY;COUNT=3;UNTIL=20300201', 'FREQ=DAILY;COUNT=3;COUNT=3', 'FREQ=DAILY;COUNT=', 'FREQ=DAILY;INTERVAL=0;COUNT=3', 'FREQ=DAILY;INTERVAL=1.5;COUNT=3', 'FREQ=DAILY;UNTIL=20300230', 'FREQ=DAILY;UNTIL=2030-02-20',
	'FREQ=DAILY;UNTIL=20300201T240000', 'FREQ=DAILY;UNTIL=20200101', 'FREQ=DAILY;UNTIL=20600101', 'FREQ=YEARLY;UNTIL=90000101', 'FREQ=WEEKLY;BYDAY=MO,XX;COUNT=3', 'FREQ=WEEKLY;BYDAY=2MO;COUNT=3', 'FREQ=MONTHLY;BYDAY=0MO;COUNT=3',
	'FREQ=MONTHLY;BYDAY=54MO;COUNT=3', 'FREQ=MONTHLY;BYDAY=MO,;COUNT=3', 'FREQ=WEEKLY;BYMONTHDAY=3;COUNT=3', 'FREQ=MONTHLY;BYMONTHDAY=32;COUNT=3', 'FREQ=MONTHLY;BYMONTH=0;COUNT=3', 'FREQ=MONTHLY;BYSETPOS=1;COUNT=3',
	'FREQ=MONTHLY;BYDAY=MO;BYSETPOS=367;COUNT=3', 'FREQ=WEEKLY;WKST=monday;COUNT=3', 'FREQ=DAILY;BYHOUR=9;COUNT=3', 'FREQ=DAILY;X-LUCK=7;COUNT=3', 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3', 'FREQ=YEARLY;INTERVAL=2147483647;COUNT=3',
	'FREQ=DAILY;COUNT=3;', 'FREQ=DAILY;' || repeat('x', 100), repeat('FREQ=DAILY;', 5000)]) AS rule WHERE length(rule) < 200 OR rule IS NULL;
SELECT pg_temp.said(format($$SELECT * FROM booking.occurrences('series: room', '[2030-01-07 09:00, 2030-01-07 10:00)', %L)$$, repeat('FREQ=DAILY;', 5000))) ~ 'rule: is too long' AS too_long;
SELECT pg_temp.said($$SELECT * FROM booking.occurrences('series: room', NULL, 'FREQ=DAILY;COUNT=3')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_series_by_rule('series: room', '[2034-01-02 09:30, 2034-01-02 10:30)', NULL, 'bob')$$);

--
-- One, this one and the following, or all.
--
SELECT name FROM booking.create_resource('series: lab', timezone => 'Europe/Berlin');
SELECT count(*) FROM booking.book_series('series: lab', '[2030-03-18 09:00, 2030-03-18 10:00)', '1 week', 4, 'ann', group_id => '00000000-0000-0000-0000-0000000005e4');
CREATE VIEW pg_temp.lab AS
	SELECT row_number() OVER (ORDER BY period) AS n, id, period, status, version, reason FROM booking.booking WHERE resource_id = booking.resource_id('series: lab');
SELECT id AS second FROM pg_temp.lab WHERE n = 2 \gset
SELECT id AS third FROM pg_temp.lab WHERE n = 3 \gset

-- This one and the following, as far as it moves by the clock: from before the beginning of summer time to after it.
SELECT period, version FROM booking.reschedule_series(:'second', '[2030-03-26 14:00, 2030-03-26 16:00)');
SELECT n, period FROM pg_temp.lab ORDER BY n;
-- Again: it is there already.
SELECT period, version FROM booking.reschedule_series(:'second', '[2030-03-26 14:00, 2030-03-26 16:00)');
-- All of them, a day later: each is in the next one's way if they are a day apart.
SELECT count(*) FROM booking.book_series('series: lab', '[2030-05-06 00:00, 2030-05-07 00:00)', '1 day', 30, 'ann', group_id => '00000000-0000-0000-0000-0000000005e5');
SELECT count(*), min(lower(period)), max(upper(period)), max(version)
FROM booking.reschedule_series((SELECT id FROM booking.booking WHERE group_id = '00000000-0000-0000-0000-0000000005e5' ORDER BY period LIMIT 1 OFFSET 10), '[2030-05-17 00:00, 2030-05-18 00:00)', 'all');
SELECT count(*), min(lower(period)), max(upper(period)), max(version)
FROM booking.reschedule_series((SELECT id FROM booking.booking WHERE group_id = '00000000-0000-0000-0000-0000000005e5' ORDER BY period LIMIT 1 OFFSET 10), '[2030-05-14 00:00, 2030-05-15 00:00)', 'all');
-- One alone.
SELECT period FROM booking.reschedule_series(:'third', '[2030-04-02 09:00, 2030-04-02 10:00)', 'this');
-- Something is in the way of one of them: none moves.
SELECT pg_temp.said($$SELECT booking.book_slot('series: lab', '[2030-04-09 19:00, 2030-04-09 20:00)', 'eve')$$);
SELECT pg_temp.said(format($$SELECT * FROM booking.reschedule_series(%L, '[2030-03-26 19:00, 2030-03-26 21:00)')$$, :'second'));
SELECT n, period, version FROM pg_temp.lab WHERE period << '[2030-05-01, 2030-05-02)' ORDER BY n;
-- A time that the clock jumps over.
SELECT count(*) FROM booking.book_series('series: lab', '[2031-03-29 01:00, 2031-03-29 01:30)', '1 day', 3, 'ann');
SELECT pg_temp.said(format($$SELECT * FROM booking.reschedule_series(%L, '[2031-03-29 02:00, 2031-03-29 02:30)', 'all')$$, (SELECT id FROM pg_temp.lab WHERE period && '[2031-03-29, 2031-03-30)')));
SELECT pg_temp.said(format($$SELECT * FROM booking.reschedule_series(%L, '[2031-03-29 01:00, 2031-03-29 01:10)', 'all')$$, (SELECT id FROM pg_temp.lab WHERE period && '[2031-03-29, 2031-03-30)')));
SELECT period FROM booking.reschedule_series((SELECT id FROM pg_temp.lab WHERE period && '[2031-03-29, 2031-03-30)'), '[2031-03-29 00:00, 2031-03-29 03:15)', 'all');

-- Cancelled: what begins later, or all; doing it twice is doing it once.
SELECT period, status, reason FROM booking.cancel_series(:'third', reason => 'on leave');
SELECT period, status, reason FROM booking.cancel_series(:'third', reason => 'again');
SELECT period, status FROM booking.cancel_series(:'third', 'this');
SELECT status, count(*) FROM booking.cancel_series(:'third', 'all', 'over') GROUP BY 1;
SELECT regexp_replace(pg_temp.said(format($$SELECT * FROM booking.reschedule_series(%L, '[2030-03-26 19:00, 2030-03-26 21:00)')$$, :'third')), 'cancelled at [-0-9:.+ ]+', 'cancelled at <then>. ');
-- What is cancelled does not move, and what has ended stays as it was.
SELECT count(*) FROM booking.book_series('series: lab', '[2020-01-06 09:00, 2020-01-06 10:00)', '10 years', 3, 'ann');
SELECT period, status, version FROM booking.cancel_series((SELECT id FROM pg_temp.lab WHERE lower(period) = '2030-01-06 09:00'), 'all');
SELECT period, status, version FROM booking.reschedule_series((SELECT id FROM pg_temp.lab WHERE lower(period) = '2020-01-06 09:00'), '[2020-01-06 11:00, 2020-01-06 12:00)', 'all');
-- A booking that is alone is all of its series.
SELECT id AS alone FROM booking.book_slot('series: lab', '[2032-01-06 09:00, 2032-01-06 10:00)', 'ann') \gset
SELECT period, group_id FROM booking.reschedule_series(:'alone', '[2032-01-06 09:30,)', 'all');
SELECT status FROM booking.cancel_series(:'alone', 'all');

SELECT pg_temp.said(format('SELECT * FROM booking.%s', call)) FROM unnest(ARRAY[
	$$cancel_series(NULL)$$, format($$cancel_series(%L, NULL)$$, :'alone'), format($$cancel_series(%L, 'some')$$, :'alone'), $$cancel_series('00000000-0000-0000-0000-0000000005e4')$$,
	$$reschedule_series(NULL, '[2032-01-06, 2032-01-07)')$$, format($$reschedule_series(%L, NULL)$$, :'second'), format($$reschedule_series(%L, 'empty')$$, :'second'),
	format($$reschedule_series(%L, '[2032-01-06, 2032-01-07)', NULL)$$, :'second'), format($$reschedule_series(%L, '[2032-01-06, 2032-01-07)', 'ALL')$$, :'second'),
	$$reschedule_series('00000000-0000-0000-0000-0000000005e4', '[2032-01-06, 2032-01-07)')$$]) AS call;

SELECT count(*) FROM booking.verify();
RESET timezone;
RESET datestyle;
