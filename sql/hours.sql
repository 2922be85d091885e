--
-- Opening hours: a booking lies inside open time, by the local clock of its resource.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

-- 2030-01-07 is a Monday.
SELECT id AS shop FROM booking.create_resource('hours: shop', timezone => 'Europe/Berlin') \gset

-- Without opening hours it is always open.
SELECT holder FROM booking.book_slot('hours: shop', '[2030-01-01 03:00, 2030-01-01 04:00)', 'ann');

-- Monday to Friday with a break at noon; Saturday two spans that touch.  The order of the rows is no matter.
INSERT INTO booking.opening_hours (resource_id, weekday, opens, closes)
SELECT :shop, day, opens, closes FROM generate_series(1, 5) AS day,
	(VALUES (time '13:00', time '17:00'), ('09:00', '12:00')) AS span (opens, closes)
UNION ALL VALUES (:shop, 6, time '12:00', time '14:00'), (:shop, 6, time '09:00', time '12:00');

SET TimeZone = 'Europe/Berlin';
SELECT period FROM booking.book_slot('hours: shop', '[2030-01-07 09:00, 2030-01-07 12:00)', 'ann');
SELECT period FROM booking.book_slot('hours: shop', '[2030-01-12 09:00, 2030-01-12 14:00)', 'ann');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('hours: shop', '[2030-01-07 11:00, 2030-01-07 14:00)', 'eve')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('hours: shop', '[2030-01-07 08:59, 2030-01-07 10:00)', 'eve')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('hours: shop', '[2030-01-07 16:00, 2030-01-07 17:00:00.000001)', 'eve')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('hours: shop', '[2030-01-13 10:00, 2030-01-13 11:00)', 'eve')$$);
-- Four hours are never open but on Saturday; six never.
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('hours: shop', '[2030-01-07 13:00, 2030-01-07 17:30)', 'eve')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('hours: shop', '[2030-01-07 09:00, 2030-01-07 15:00)', 'eve')$$);
-- Without an end, inside no hours.  And it is no matter of taken space, so try_book_slot says it too.
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('hours: shop', '[2030-01-08 09:00,)', 'eve')$$);
SELECT pg_temp.said($$SELECT * FROM booking.try_book_slot('hours: shop', '[2030-01-13 10:00, 2030-01-13 11:00)', 'eve')$$);

-- The rows of a date replace those of its weekday; with NULL times it is closed.
INSERT INTO booking.opening_hours (resource_id, on_date, opens, closes) VALUES
	(:shop, '2030-01-20', '10:00', '12:00'), (:shop, '2030-01-15', NULL, NULL), (:shop, '2030-01-14', '18:00', '20:00');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('hours: shop', '[2030-01-14 09:00, 2030-01-14 10:00)', 'eve')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('hours: shop', '[2030-01-15 09:00, 2030-01-15 10:00)', 'eve')$$);
SELECT period FROM booking.book_slot('hours: shop', '[2030-01-14 18:00, 2030-01-14 20:00)', 'ann');
SELECT period FROM booking.book_slot('hours: shop', '[2030-01-20 10:00, 2030-01-20 12:00)', 'ann');

-- Hours are a rule about booking, not about what is stored: rows written by hand, and what was booked before, stay.
INSERT INTO booking.booking (resource_id, period, holder) VALUES (:shop, '[2030-01-13 03:00, 2030-01-13 04:00)', 'bob');
DELETE FROM booking.opening_hours WHERE resource_id = :shop AND on_date = '2030-01-20';
SELECT count(*) FROM booking.booking WHERE resource_id = :shop AND period && '[2030-01-13, 2030-01-21)';
-- They hold for moving a booking, too.
SELECT id AS moved FROM booking.booking WHERE resource_id = :shop AND holder = 'bob' \gset
SELECT pg_temp.said(format($$SELECT * FROM booking.reschedule(%L, '[2030-01-13 05:00, 2030-01-13 06:00)')$$, :'moved'));
SELECT period FROM booking.reschedule(:'moved', '[2030-01-16 09:00, 2030-01-16 10:00)');

-- A new time zone gives the same hours a new meaning.
UPDATE booking.resource SET timezone = 'America/New_York' WHERE id = :shop;
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('hours: shop', '[2030-01-21 09:00, 2030-01-21 10:00)', 'eve')$$);
SELECT period FROM booking.book_slot('hours: shop', '[2030-01-21 15:00, 2030-01-21 18:00)', 'ann');
SELECT pg_temp.said($$UPDATE booking.resource SET timezone = 'PST' WHERE name = 'hours: shop'$$);

-- What opening hours cannot be.
SELECT pg_temp.said(format('INSERT INTO booking.opening_hours (resource_id, weekday, on_date, opens, closes) VALUES (%s, %s)', :shop, v))
FROM unnest(ARRAY[$$0, NULL, '09:00', '10:00'$$, $$8, NULL, '09:00', '10:00'$$, $$NULL, NULL, '09:00', '10:00'$$,
	$$1, '2030-01-07', '09:00', '10:00'$$, $$1, NULL, NULL, NULL$$, $$1, NULL, '09:00', NULL$$, $$1, NULL, '24:00', '01:00'$$,
	$$NULL, 'infinity', '09:00', '10:00'$$]) AS v;
SELECT pg_temp.said('TRUNCATE booking.opening_hours');

-- The two days of a daylight-saving change, and other clocks.  Periods are in UTC, the answers are written by hand.
SET TimeZone = 'UTC';
CREATE FUNCTION pg_temp.open(zone text, days int[], spans text, during tstzrange) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	resource bigint;
	span text;
BEGIN
	resource := (SELECT id FROM booking.create_resource('hours: clock', timezone => zone));
	FOREACH span IN ARRAY string_to_array(spans, ' ') LOOP
		INSERT INTO booking.opening_hours (resource_id, weekday, opens, closes)
		SELECT resource, day, split_part(span, '-', 1)::time, split_part(span, '-', 2)::time FROM unnest(days) AS day;
	END LOOP;
	PERFORM FROM booking.book_slot('hours: clock', during, 'ann');
	RAISE 'open' USING ERRCODE = 'ZZ001';
EXCEPTION
	WHEN SQLSTATE 'ZZ001' THEN RETURN true;
	WHEN check_violation THEN RETURN false;
END
$$;
CREATE TEMP TABLE clock (zone text, days int[] DEFAULT '{1,2,3,4,5,6,7}', spans text, during tstzrange, open boolean, why text);
INSERT INTO clock (zone, spans, during, open, why) VALUES
	('Europe/Berlin', '09:00-17:00', '[2026-03-28 08:00, 2026-03-28 16:00)', true,  'winter time'),
	('Europe/Berlin', '09:00-17:00', '[2026-03-29 07:00, 2026-03-29 15:00)', true,  'summer time begins'),
	('Europe/Berlin', '09:00-17:00', '[2026-03-29 08:00, 2026-03-29 16:00)', false, 'until 18:00'),
	('Europe/Berlin', '09:00-17:00', '[2026-10-24 07:00, 2026-10-24 15:00)', true,  'summer time'),
	('Europe/Berlin', '09:00-17:00', '[2026-10-25 08:00, 2026-10-25 16:00)', true,  'summer time ends'),
	('Europe/Berlin', '09:00-17:00', '[2026-10-25 07:00, 2026-10-25 15:00)', false, 'from 08:00'),
	('Europe/Berlin', '22:00-03:00', '[2026-03-28 21:00, 2026-03-29 01:00)', true,  'a night of 4 hours'),
	('Europe/Berlin', '22:00-03:00', '[2026-03-28 21:00, 2026-03-29 01:01)', false, 'until 03:01'),
	('Europe/Berlin', '22:00-03:00', '[2026-10-24 20:00, 2026-10-25 02:00)', true,  'a night of 6 hours'),
	('Europe/Berlin', '22:00-03:00', '[2026-10-24 20:00, 2026-10-25 02:01)', false, 'until 03:01'),
	('Europe/Berlin', '22:00-03:00', '[2026-06-01 20:00, 2026-06-02 01:00)', true,  'a night of 5 hours'),
	('Europe/Berlin', '22:00-03:00', '[2026-06-01 19:59, 2026-06-02 01:00)', false, 'from 21:59'),
	('Europe/Berlin', '00:00-02:30', '[2026-03-28 23:00, 2026-03-29 01:00)', true,  'closes at a time that never comes'),
	('Europe/Berlin', '00:00-02:30', '[2026-03-28 23:00, 2026-03-29 01:01)', false, 'until 03:01'),
	('Europe/Berlin', '02:30-06:00', '[2026-03-29 01:00, 2026-03-29 04:00)', true,  'opens at a time that never comes'),
	('Europe/Berlin', '02:30-06:00', '[2026-03-29 00:59, 2026-03-29 04:00)', false, 'from 01:59'),
	('Europe/Berlin', '02:15-02:45', '[2026-03-29 01:00, 2026-03-29 01:01)', false, 'never open that day'),
	('Europe/Berlin', '02:15-02:45', '[2026-03-29 00:59, 2026-03-29 01:00)', false, 'never open that day'),
	('Europe/Berlin', '00:00-02:30', '[2026-10-24 22:00, 2026-10-25 00:30)', true,  'closes when the clock first shows 02:30'),
	('Europe/Berlin', '00:00-02:30', '[2026-10-25 00:30, 2026-10-25 00:31)', false, 'after it'),
	('Europe/Berlin', '00:00-02:30', '[2026-10-25 01:00, 2026-10-25 01:01)', false, 'when it shows 02:00 again'),
	('Europe/Berlin', '02:30-04:00', '[2026-10-25 00:30, 2026-10-25 03:00)', true,  'opens when the clock first shows 02:30'),
	('Europe/Berlin', '02:30-04:00', '[2026-10-25 00:29, 2026-10-25 03:00)', false, 'before it'),
	('Europe/Berlin', '00:00-24:00', '[2026-03-27 23:00, 2026-10-26 23:00)', true,  'day and night'),
	('Europe/Berlin', '00:00-00:00', '[2026-03-27 23:00, 2026-10-26 23:00)', true,  'the same, written otherwise'),
	('Europe/Berlin', '12:00-12:00', '[2026-03-27 23:00, 2026-10-26 23:00)', true,  'from noon to noon'),
	('Europe/Berlin', '00:00-02:30 02:30-24:00', '[2026-03-27 23:00, 2026-10-26 23:00)', true, 'spans that touch touch on every day'),
	('America/New_York', '09:00-17:00', '[2026-03-08 13:00, 2026-03-08 21:00)', true,  'summer time begins'),
	('America/New_York', '09:00-17:00', '[2026-03-08 14:00, 2026-03-08 22:00)', false, 'until 18:00'),
	('America/New_York', '09:00-17:00', '[2026-11-01 14:00, 2026-11-01 22:00)', true,  'summer time ends'),
	('America/New_York', '09:00-17:00', '[2026-11-01 13:00, 2026-11-01 21:00)', false, 'from 08:00'),
	('America/New_York', '22:00-03:00', '[2026-03-08 03:00, 2026-03-08 07:00)', true,  'a night of 4 hours'),
	('America/New_York', '22:00-03:00', '[2026-03-08 03:00, 2026-03-08 07:01)', false, 'until 03:01'),
	('America/New_York', '22:00-03:00', '[2026-11-01 02:00, 2026-11-01 08:00)', true,  'a night of 6 hours'),
	('America/New_York', '22:00-03:00', '[2026-11-01 02:00, 2026-11-01 08:01)', false, 'until 03:01'),
	('America/New_York', '01:30-05:00', '[2026-11-01 05:30, 2026-11-01 10:00)', true,  'opens when the clock first shows 01:30'),
	('America/New_York', '01:30-05:00', '[2026-11-01 05:29, 2026-11-01 10:00)', false, 'before it'),
	('Asia/Kathmandu', '09:00-17:00', '[2026-03-29 03:15, 2026-03-29 11:15)', true,  'a quarter of an hour off'),
	('Asia/Kathmandu', '09:00-17:00', '[2026-03-29 03:00, 2026-03-29 11:00)', false, 'from 08:45'),
	('Asia/Kathmandu', '22:00-03:00', '[2026-10-25 16:15, 2026-10-25 21:15)', true,  'a night of 5 hours'),
	('Asia/Kathmandu', '22:00-03:00', '[2026-10-25 16:15, 2026-10-25 21:16)', false, 'until 03:01'),
	('Pacific/Apia', '09:00-17:00', '[2011-12-29 19:00, 2011-12-30 03:00)', true,  'Thursday the 29th'),
	('Pacific/Apia', '09:00-17:00', '[2011-12-30 03:00, 2011-12-30 03:01)', false, 'Thursday after 17:00'),
	('Pacific/Apia', '09:00-17:00', '[2011-12-30 19:00, 2011-12-31 03:00)', true,  'Saturday the 31st'),
	('Pacific/Apia', '09:00-17:00', '[2011-12-30 18:59, 2011-12-31 03:00)', false, 'Saturday from 08:59'),
	('Pacific/Apia', '22:00-03:00', '[2011-12-30 08:00, 2011-12-30 13:00)', true,  'from Thursday 22:00 to Saturday 03:00: 5 hours'),
	('Pacific/Apia', '22:00-03:00', '[2011-12-30 08:00, 2011-12-30 13:01)', false, 'until Saturday 03:01'),
	('Pacific/Apia', '00:00-24:00', '[2011-12-29 10:00, 2011-12-31 10:00)', true,  'Thursday and Saturday are one after the other');
INSERT INTO clock (zone, days, spans, during, open, why) VALUES
	('Pacific/Apia', '{5}', '09:00-17:00', '[2011-12-30 10:00, 2011-12-30 10:01)', false, 'a Friday that never was'),
	('Pacific/Apia', '{5}', '09:00-17:00', '[2011-12-30 19:00, 2011-12-30 20:00)', false, 'Saturday'),
	('Pacific/Apia', '{4}', '22:00-03:00', '[2011-12-30 08:00, 2011-12-30 10:00)', true,  'Thursday night, until the clock jumps beyond Friday 03:00'),
	('Pacific/Apia', '{4}', '22:00-03:00', '[2011-12-30 08:00, 2011-12-30 10:01)', false, 'Saturday'),
	('Pacific/Apia', '{5}', '22:00-03:00', '[2011-12-30 10:00, 2011-12-30 13:00)', true,  'what is left of Friday night: Saturday until 03:00'),
	('Europe/Berlin', '{6}', '22:00-03:00', '[2026-03-28 21:00, 2026-03-29 01:00)', true,  'into Sunday'),
	('Europe/Berlin', '{7}', '22:00-03:00', '[2026-03-28 21:00, 2026-03-29 01:00)', false, 'Saturday night is not Sunday'),
	('Europe/Berlin', '{6,7}', '18:00-24:00 00:00-06:00', '[2026-03-28 17:00, 2026-03-29 04:00)', true,  'midnight between two days'),
	('Europe/Berlin', '{1,2,3,4,5}', '00:00-24:00', '[2026-03-29 22:00, 2026-04-03 22:00)', true,  'from Monday to Friday'),
	('Europe/Berlin', '{1,2,3,4,5}', '00:00-24:00', '[2026-03-29 21:59, 2026-04-03 22:00)', false, 'from Sunday 23:59');

SELECT zone, spans, during, open, why FROM clock WHERE pg_temp.open(zone, days, spans, during) IS DISTINCT FROM open;
SELECT count(*), count(*) FILTER (WHERE open) AS open FROM clock;
-- Whatever the session's own time zone.
SET TimeZone = 'Pacific/Auckland';
SELECT count(*) FROM clock WHERE pg_temp.open(zone, days, spans, during) IS DISTINCT FROM open;
SET TimeZone = 'UTC';

-- A date that is closed keeps the end of the night before: it is the day before that has it.
SELECT id AS bar FROM booking.create_resource('hours: bar', timezone => 'Europe/Berlin') \gset
INSERT INTO booking.opening_hours (resource_id, weekday, opens, closes) SELECT :bar, day, '22:00', '03:00' FROM generate_series(1, 7) AS day;
INSERT INTO booking.opening_hours (resource_id, on_date) VALUES (:bar, '2030-01-08');
SELECT period FROM booking.book_slot('hours: bar', '[2030-01-07 21:00, 2030-01-08 02:00)', 'ann');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('hours: bar', '[2030-01-08 21:00, 2030-01-08 22:00)', 'eve')$$);
-- The next opening for six hours is the night in which summer time ends.
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('hours: bar', '[2030-01-10 21:00, 2030-01-11 03:00)', 'eve')$$);
-- When a time is taken, the next free one is offered that is open: the next night.
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('hours: bar', '[2030-01-08 00:00, 2030-01-08 02:00)', 'eve')$$);
SELECT period FROM booking.close_period('hours: bar', '[2030-01-09 20:00, 2030-01-09 23:30)');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('hours: bar', '[2030-01-08 00:00, 2030-01-08 02:00)', 'eve')$$);

-- A date far away, and the last of the calendar.
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('hours: bar', '[9999-07-01 15:00, 9999-07-01 16:00)', 'eve')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('hours: bar', '[294276-12-31 15:00, 294276-12-31 23:59:59)', 'eve')$$);
