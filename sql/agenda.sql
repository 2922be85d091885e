--
-- agenda(): a day, a week or a month of a resource, drawn in the terminal.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all
SET client_encoding = 'UTF8';
SET TimeZone = 'Europe/Berlin';
\pset format unaligned
\pset tuples_only on

SELECT id AS room FROM booking.create_resource('agenda: room', timezone => 'Europe/Berlin', buffer_after => '15 minutes') \gset
INSERT INTO booking.opening_hours (resource_id, weekday, opens, closes) SELECT :room, d, '08:00', '18:00' FROM generate_series(1, 5) AS d;
SELECT count(*) FROM booking.book_slot(:room, '[2030-01-07 09:00, 2030-01-07 10:15)', 'agenda ann');
SELECT count(*) FROM booking.book_slot(:room, '[2030-01-07 13:00, 2030-01-07 14:00)', 'agenda bob', hold_for => '1 day');
SELECT count(*) FROM booking.book_slot(:room, '[2030-01-07 16:00, 2030-01-07 17:00)', 'agenda eve', hold_for => '1 us');
SELECT count(*) FROM booking.book_slot(:room, '[2030-01-09 10:00, 2030-01-09 17:00)', 'agenda ann');
SELECT count(*) FROM booking.close_period(:room, '[2030-01-10 12:00, 2030-01-11 12:00)', 'cleaning');

-- A day.  Buffers are in use, a hold that has lapsed is not.
SELECT booking.agenda('agenda: room', '[2030-01-07, 2030-01-08)');
-- The hours that matter, more of them, and fewer.
SELECT booking.agenda(:room, '[2030-01-07 08:00, 2030-01-07 18:00)');
SELECT booking.agenda(:room, '[2030-01-07 08:00, 2030-01-07 18:00)', 140);
SELECT booking.agenda(:room, '[2030-01-07, 2030-01-08)', 40);
SELECT booking.agenda(:room, '[2030-01-07 09:55, 2030-01-07 10:20)');
SELECT booking.agenda(:room, '[2030-01-07 20:00, 2030-01-08 12:00)');
SELECT booking.agenda(:room, '[2030-01-07 10:00, 2030-01-07 10:00:00.000001)');
-- A week: a line per day.
SELECT booking.agenda(:room, '[2030-01-07, 2030-01-14)');

-- By the resource's clock, whatever the session's: in March an hour is missing, in October one is there twice.
SELECT id AS hut FROM booking.create_resource('agenda: hut', timezone => 'Europe/Berlin') \gset
SELECT count(*) FROM booking.book_slot(:hut, '[2030-03-31 01:00, 2030-03-31 04:00)', 'agenda ann');
SELECT count(*) FROM booking.book_slot(:hut, '[2030-10-27 02:30+01, 2030-10-27 04:00+01)', 'agenda ann');
SET TimeZone = 'Asia/Tokyo';
SELECT booking.agenda(:hut, '[2030-03-31 00:00+01, 2030-04-01 00:00+02)');
SELECT booking.agenda(:hut, '[2030-10-27 00:00+02, 2030-10-28 00:00+01)');
SET TimeZone = 'Europe/Berlin';
-- From its retirement on there is nothing.
UPDATE booking.resource SET retired_at = '2031-01-01 12:00' WHERE id = :hut;
SELECT booking.agenda(:hut, '[2030-12-31, 2031-01-03)');
-- A period that is left for an entry in line is shown as held.
SELECT count(*) FROM booking.book_slot(:hut, '[2030-05-01 10:00, 2030-05-01 12:00)', 'agenda ann');
SELECT status FROM booking.wait_for_slot(:hut, '[2030-05-01 11:00, 2030-05-01 12:00)', 'agenda bob');
UPDATE booking.booking SET status = 'held', expires_at = '2020-01-01' WHERE resource_id = :hut AND period && '[2030-05-01, 2030-05-02)';
SELECT booking.agenda(:hut, '[2030-05-01, 2030-05-02)');

-- Units: how many are in use, and a line for what of that is held.
SELECT id AS bikes FROM booking.create_resource('agenda: bikes', 'pooled', 5, timezone => 'Europe/Berlin') \gset
SELECT count(*) FROM booking.book_slot(:bikes, '[2030-01-07 10:00, 2030-01-07 15:00)', 'agenda ann', 2);
SELECT count(*) FROM booking.book_slot(:bikes, '[2030-01-07 12:00, 2030-01-08 09:00)', 'agenda bob', 1, hold_for => '1 day');
SELECT count(*) FROM booking.book_slot(:bikes, '[2030-01-07 14:00, 2030-01-07 16:30)', 'agenda eve', 2);
SELECT booking.agenda(:bikes, '[2030-01-07, 2030-01-08)');
SELECT booking.agenda(:bikes, '[2030-01-07, 2030-01-10)', 40);
-- More than a digit can say: about how much.
SELECT id AS hotel FROM booking.create_resource('agenda: double rooms of the Grand Hôtel Zürich am See, facing the lake', 'pooled', 200, timezone => 'Europe/Zurich') \gset
SELECT count(*) FROM generate_series(0, 8) AS d, booking.book_slot(:hotel, tstzrange('2030-01-07 14:00'::timestamptz + d * interval '1 day', '2030-01-16 11:00'), 'agenda ann', 20);
SELECT booking.agenda(:hotel, '[2030-01-07 14:00, 2030-01-18 11:00)');

-- Seats: a line for each, and over days how many are taken.
SELECT id AS bus FROM booking.create_resource('agenda: bus', 'seated', seats => ARRAY['1A', '1B', '会議室の席'], timezone => 'Europe/Berlin') \gset
SELECT count(*) FROM booking.book_slot(:bus, '[2030-01-07 07:30, 2030-01-07 09:00)', 'agenda ann', seat => '1A');
SELECT count(*) FROM booking.book_slot(:bus, '[2030-01-07 12:00, 2030-01-07 16:00)', 'agenda bob', seat => '1B', hold_for => '1 day');
SELECT id AS trip FROM booking.publish_slot(:bus, '[2030-01-07 18:00, 2030-01-07 20:00)', 3) \gset
SELECT count(*) FROM booking.book_place(:trip, 'agenda ann', seat => '会議室の席');
SELECT booking.agenda(:bus, '[2030-01-07, 2030-01-08)');
SELECT booking.agenda(:bus, '[2030-01-07, 2030-01-09)');

-- Slots: it is open while one goes on.
SELECT id AS yoga FROM booking.create_resource('agenda: yoga', 'pooled', 0, slots_only => true, timezone => 'Europe/Berlin') \gset
SELECT count(*) FROM booking.publish_slots(:yoga, '[2030-01-07 18:00, 2030-01-07 19:30)', '1 day', '2030-01-12', 20);
SELECT count(*) FROM booking.slot s, generate_series(1, 20) AS n, booking.book_place(s.id, 'agenda ' || n)
WHERE s.resource_id = :yoga AND n <= 5 * (date_part('day', lower(s.period)) - 7);
UPDATE booking.slot SET closed = true WHERE resource_id = :yoga AND lower(period) = '2030-01-07 18:00';
SELECT booking.agenda(:yoga, '[2030-01-07, 2030-01-12)');
-- One that began before the time that is looked at.
SELECT booking.agenda(:yoga, '[2030-01-08 19:00, 2030-01-08 20:00)');

-- Names are cut where they do not fit, and keep nothing that moves the cursor.
SELECT id AS odd FROM booking.create_resource(E'agenda: \t"x"\r\n\x1b[31mred 会議室会議室会議室会議室会議室会議室会議室会議室', 'seated', seats => ARRAY[E'a\nb', '席席席席席席席席席席', 'e' || U&'\0301']) \gset
SELECT booking.agenda(:odd, '[2030-01-07, 2030-01-08)', 41);
SELECT max(length(a)) <= 60 FROM booking.agenda(:odd, '[2030-01-07, 2030-01-08)', 60) AS a;

-- For a client that cannot show more than ASCII.
SET client_encoding = 'LATIN1';
SELECT booking.agenda(:room, '[2030-01-07, 2030-01-09)');
SELECT booking.agenda(:bikes, '[2030-01-07, 2030-01-08)');
SELECT booking.agenda(:yoga, '[2030-01-07, 2030-01-12)');
SET client_encoding = 'UTF8';

-- Everything malformed is refused with a clear error.
SELECT call, pg_temp.said('SELECT count(*) FROM booking.agenda(' || call || ')') FROM unnest(ARRAY[
	'NULL::text, ''[2030-01-07, 2030-01-08)''', 'NULL::bigint, ''[2030-01-07, 2030-01-08)''', '''agenda: room'', NULL',
	'''agenda: room'', ''[2030-01-07, 2030-01-08)'', NULL', '''agenda: room'', ''[2030-01-07, 2030-01-08)'', 0',
	'''agenda: room'', ''[2030-01-07, 2030-01-08)'', 39', '''agenda: room'', ''[2030-01-07, 2030-01-08)'', 1001',
	'''agenda: room'', ''[2030-01-07, 2030-01-08)'', 2147483647', '''agenda: room'', ''[2030-01-07, 2030-01-08)'', -2147483648',
	'''agenda: room'', ''[2030-01-07,)''', '''agenda: room'', ''(, 2030-01-07)''', '''agenda: room'', ''empty''',
	'''agenda: room'', ''[2030-01-07, infinity)''', '''agenda: room'', ''[2030-01-07, 2032-01-08)''',
	'''agenda: none'', ''[2030-01-07, 2030-01-08)''', '-1, ''[2030-01-07, 2030-01-08)''']) AS call;
-- The beginning and the end of time.
SELECT count(*) FROM booking.agenda(:room, '[4714-11-25 00:00 BC, 4714-11-27 12:00 BC)');
SELECT count(*) FROM booking.agenda(:room, '[294276-12-30, 294276-12-31 23:00)');
SELECT count(*) FROM booking.agenda(:room, '[0001-12-30 BC, 0001-01-02)');

-- It names no holder, and needs no right but EXECUTE.  The list of seats is read as the caller.
CREATE ROLE regress_agenda;
GRANT USAGE ON SCHEMA booking TO regress_agenda;
GRANT EXECUTE ON FUNCTION booking.agenda(text, tstzrange, integer) TO regress_agenda;
SET ROLE regress_agenda;
SELECT count(*) FROM booking.agenda('agenda: room', '[2030-01-07, 2030-01-08)');
SELECT pg_temp.said($$SELECT booking.agenda('agenda: bus', '[2030-01-07, 2030-01-08)')$$);
RESET ROLE;
DROP OWNED BY regress_agenda;
DROP ROLE regress_agenda;
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;
SELECT count(*) FROM booking.agenda('agenda: bus', '[2030-01-07, 2030-01-08)');
SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND (locktype = 'advisory' OR mode <> 'AccessShareLock' AND locktype = 'relation');
COMMIT;
