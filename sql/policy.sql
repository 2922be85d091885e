--
-- Notice, durations and holds: rules about the moment of booking, judged by the server's clock.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

SELECT id AS court FROM booking.create_resource('policy: court') \gset
SELECT min_notice, max_advance, min_duration, max_duration, max_hold FROM booking.resource WHERE id = :court;

-- Without rules everything is allowed, also the past.
SELECT holder FROM booking.book_slot('policy: court', '[2001-01-01, 2001-01-02)', 'ann');

-- Durations.
UPDATE booking.resource SET min_duration = '30 minutes', max_duration = '2 hours' WHERE id = :court;
SELECT period FROM booking.book_slot('policy: court', '[2030-01-07 09:00, 2030-01-07 09:30)', 'ann');
SELECT period FROM booking.book_slot('policy: court', '[2030-01-07 10:00, 2030-01-07 12:00)', 'ann');
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('policy: court', '[2030-01-07 13:00, 2030-01-07 13:29:59)', 'eve')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('policy: court', '[2030-01-07 13:00, 2030-01-07 15:00:00.000001)', 'eve')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('policy: court', '[2030-01-07 13:00,)', 'eve')$$);
UPDATE booking.resource SET min_duration = NULL, max_duration = '1 day 01:00' WHERE id = :court;
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('policy: court', '[2030-01-07 13:00, 2030-01-09)', 'eve')$$);
-- They are for bookings to come: plain rows and those from before may be otherwise.
INSERT INTO booking.booking (resource_id, period, holder) VALUES (:court, '[2030-02-01, 2030-03-01)', 'bob');

-- Notice.  A notice of nothing means: not in the past.
UPDATE booking.resource SET max_duration = NULL, min_notice = '0' WHERE id = :court;
CREATE FUNCTION pg_temp.about(statement text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT regexp_replace(regexp_replace(line, 'Wanted .*?\)', 'Wanted <period>'), '20\d\d-\d\d-\d\d [0-9:.]+\+00', '<time>', 'g')
	FROM pg_temp.said(statement) AS line
$$;
SELECT pg_temp.about($$SELECT * FROM booking.book_slot('policy: court', tstzrange(clock_timestamp() - interval '1 second', clock_timestamp() + interval '1 hour'), 'eve')$$);
UPDATE booking.resource SET min_notice = '2 hours', max_advance = '14 days' WHERE id = :court;
SELECT pg_temp.about($$SELECT * FROM booking.book_slot('policy: court', tstzrange(now() + interval '1 hour', now() + interval '4 hours'), 'eve')$$);
SELECT pg_temp.about($$SELECT * FROM booking.book_slot('policy: court', tstzrange(now() + interval '15 days', now() + interval '16 days'), 'eve')$$);
SELECT holder FROM booking.book_slot('policy: court', tstzrange(now() + interval '13 days', now() + interval '16 days'), 'ann');
-- The clock is that of the moment, not that of the transaction's beginning.
BEGIN;
SELECT now() + interval '2 hours' AS soon \gset
SELECT pg_sleep(0.001);
SELECT pg_temp.about(format($$SELECT * FROM booking.book_slot('policy: court', tstzrange(%L, %L::timestamptz + interval '1 hour'), 'eve')$$, :'soon', :'soon'));
ROLLBACK;

-- A repeated call gets its booking also when it would be too late by now.
UPDATE booking.resource SET min_notice = NULL, max_advance = NULL WHERE id = :court;
SELECT holder FROM booking.book_slot('policy: court', '[2030-05-01, 2030-05-02)', 'ann', id => 'a0000000-0000-4000-8000-0000000000f1');
UPDATE booking.resource SET max_advance = '1 day' WHERE id = :court;
SELECT holder FROM booking.book_slot('policy: court', '[2030-05-01, 2030-05-02)', 'ann', id => 'a0000000-0000-4000-8000-0000000000f1');

-- How long a booking may be held, at first and when the hold is extended.
UPDATE booking.resource SET max_advance = NULL, max_hold = '15 minutes' WHERE id = :court;
SELECT pg_temp.said($$SELECT * FROM booking.book_slot('policy: court', '[2030-06-01, 2030-06-02)', 'eve', hold_for => '16 minutes')$$);
SELECT id AS held FROM booking.book_slot('policy: court', '[2030-06-01, 2030-06-02)', 'ann', hold_for => '10 minutes') \gset
SELECT status FROM booking.extend_hold(:'held', '4 minutes');
SELECT regexp_replace(pg_temp.said(format($$SELECT * FROM booking.extend_hold(%L, '4 minutes')$$, :'held')), '@ 1[78] mins[^;]*', '<about 18 minutes>');
SELECT status FROM booking.confirm(:'held');
-- A booking that is confirmed at once has no hold.
SELECT status FROM booking.book_slot('policy: court', '[2030-06-02, 2030-06-03)', 'ann');

-- Moving is booking; but the past of a booking that stays where it is does not matter.
UPDATE booking.resource SET max_hold = NULL, min_notice = '1 hour', max_duration = '2 days' WHERE id = :court;
SELECT pg_temp.about(format($$SELECT * FROM booking.reschedule(%L, '[2001-06-01, 2001-06-02)')$$, :'held'));
SELECT pg_temp.said(format($$SELECT * FROM booking.reschedule(%L, '[2030-06-04, 2030-06-07)')$$, :'held'));
SELECT period FROM booking.reschedule(:'held', '[2030-06-04, 2030-06-05)');

-- Rules that make no sense.
SELECT pg_temp.said(format('UPDATE booking.resource SET %s WHERE name = ''policy: court''', v))
FROM unnest(ARRAY[$$min_notice = '-1 hour'$$, $$max_advance = '0'$$, $$min_duration = '0'$$, $$max_duration = '-1 day'$$, $$max_hold = '0'$$,
	$$min_notice = '2 days', max_advance = '1 day'$$, $$min_duration = '2 hours', max_duration = '1 hour'$$]) AS v;
