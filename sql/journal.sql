--
-- The journal: one event for each change of a booking, whichever statement makes it.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all
\set SHOW_CONTEXT never
SET intervalstyle = 'postgres';
-- What differs from run to run is not part of the answer.
CREATE FUNCTION pg_temp.steady(detail jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT regexp_replace(regexp_replace(regexp_replace(detail::text, '20..-..-..[T ]..:..:..\.[0-9]+(\+00:00| UTC)', '<instant>', 'g'),
		'"(resource_id|waitlist_id)": [0-9]+', '"\1": <id>', 'g'), '01[0-9a-f]{6}-[0-9a-f-]{27}', '<id>', 'g')
$$;
-- Events of this test only, in the order in which they are read.
CREATE FUNCTION pg_temp.happened(VARIADIC names text[]) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT format('%s v%s %s %s', e.kind, e.version, e.holder, pg_temp.steady(e.detail))
	FROM booking.read_events(max => 1000000) e JOIN booking.resource r ON r.id = e.resource_id
	WHERE r.name = ANY (names)
$$;

SELECT (booking.create_resource('journal: room')).record_events;
SELECT (booking.create_resource('journal: bus', 'seated', seats => ARRAY['A', 'B'])).id IS NOT NULL;
SELECT (booking.create_resource('journal: bikes', 'pooled', 3)).id IS NOT NULL;

-- The life of a booking by the functions, with actor and reason.
SET booking.actor = 'desk: eve';
CREATE TEMP TABLE a AS SELECT * FROM booking.book_slot('journal: room', '[2040-01-01 09:00, 2040-01-01 10:00)', 'ann', hold_for => '1 hour');
SELECT count(*) FROM a, booking.extend_hold(a.id, '1 hour');
SELECT count(*) FROM a, booking.confirm(a.id);
SELECT count(*) FROM a, booking.confirm(a.id);			-- changes nothing
RESET booking.actor;
SELECT count(*) FROM a, booking.reschedule(a.id, '[2040-01-01 11:00, 2040-01-01 12:00)');
SELECT count(*) FROM a, booking.cancel(a.id, 'rain "and" snow');
SELECT pg_temp.happened('journal: room');
SELECT e.kind, e.actor = session_user AS by_role, CASE WHEN e.actor <> session_user THEN e.actor END AS actor
FROM a, booking.read_events(max => 1000000) e WHERE e.booking_id = a.id;
-- A number is a number; a period is one that PostgreSQL reads.
SELECT (e.detail #>> '{was,period}')::tstzrange, (e.detail #>> '{now,period}')::tstzrange
FROM a, booking.read_events(max => 1000000) e WHERE e.booking_id = a.id AND e.kind = 'rescheduled';

-- Other writers: INSERT, COPY, MERGE, UPDATE, DELETE, in every place.
INSERT INTO booking.booking (id, resource_id, period, holder, data)
	SELECT '00000000-0000-7000-8000-000000015001', id, '[2040-01-02 09:00, 2040-01-02 10:00)', 'bob', '{"a": 1}' FROM booking.resource WHERE name = 'journal: bikes';
UPDATE booking.booking SET data = '{"a": 2}', holder = 'carl' WHERE id = '00000000-0000-7000-8000-000000015001';
UPDATE booking.booking SET quantity = 2 WHERE id = '00000000-0000-7000-8000-000000015001';
UPDATE booking.booking SET holder = holder WHERE id = '00000000-0000-7000-8000-000000015001';
MERGE INTO booking.booking b USING (VALUES (1)) AS v (n) ON b.id = '00000000-0000-7000-8000-000000015001'
	WHEN MATCHED THEN UPDATE SET reason = 'merged';
UPDATE booking.booking SET checked_in_at = '2040-01-02 09:00' WHERE id = '00000000-0000-7000-8000-000000015001';
UPDATE booking.booking SET checked_out_at = '2040-01-02 09:30', period = '[2040-01-02 09:00, 2040-01-02 09:30)' WHERE id = '00000000-0000-7000-8000-000000015001';
UPDATE booking.booking SET resource_id = (SELECT id FROM booking.resource WHERE name = 'journal: room'), quantity = 1 WHERE id = '00000000-0000-7000-8000-000000015001';
DELETE FROM booking.booking WHERE id = '00000000-0000-7000-8000-000000015001';
SELECT format('%s v%s %s', kind, version, pg_temp.steady(detail))
FROM booking.read_events(max => 1000000) WHERE booking_id = '00000000-0000-7000-8000-000000015001';

-- From now on: what can be read already does not come, what happens next does, also what was open at that moment.
SELECT booking.current_cursor() AS now \gset
SELECT count(*) FROM booking.read_events(:'now');
SELECT holder FROM booking.book_slot('journal: bikes', '[2040-01-04 09:00, 2040-01-04 10:00)', 'late');
SELECT kind, holder FROM booking.read_events(:'now');
SELECT count(*) FROM booking.read_events(booking.current_cursor());

-- What a statement does not store did not happen.
BEGIN;
INSERT INTO booking.booking (resource_id, period, holder) SELECT id, '[2040-01-03 09:00, 2040-01-03 10:00)', 'not' FROM booking.resource WHERE name = 'journal: bikes';
SAVEPOINT s;
INSERT INTO booking.booking (resource_id, period, holder) SELECT id, '[2040-01-03 09:00, 2040-01-03 10:00)', 'nor' FROM booking.resource WHERE name = 'journal: bikes';
ROLLBACK TO s;
-- An own event is read once it is committed.
SELECT count(*) FROM booking.read_events(max => 1000000) WHERE holder IN ('not', 'nor');
SELECT count(*) FROM booking.event WHERE holder IN ('not', 'nor');
ROLLBACK;
SELECT count(*) FROM booking.event WHERE holder IN ('not', 'nor');

-- A line that is served, a lapsed hold that is reaped, a closure that cancels.
CREATE TEMP TABLE seats AS SELECT * FROM booking.book_slot('journal: bus', '[2040-01-01 09:00, 2040-01-01 10:00)', 'first', seat => 'A', hold_for => '1 hour');
INSERT INTO seats SELECT * FROM booking.book_slot('journal: bus', '[2040-01-01 09:00, 2040-01-01 10:00)', 'second', seat => 'B');
SELECT holder FROM booking.wait_for_slot('journal: bus', '[2040-01-01 09:00, 2040-01-01 10:00)', 'waits', offer_for => '10 years');
UPDATE booking.booking SET expires_at = now() - interval '1 second' WHERE id = (SELECT id FROM seats WHERE holder = 'first');
SELECT count(*) FROM booking.expire_holds();
SELECT (booking.close_period('journal: bus', '[2040-01-01, 2040-01-02)', 'strike', force => true)).reason;
SELECT pg_temp.happened('journal: bus');

-- History is not journalled again.
INSERT INTO booking.booking (resource_id, period, holder, created_at)
	SELECT id, '[2020-01-03 09:00, 2020-01-03 10:00)', 'long ago', '2020-01-01' FROM booking.resource WHERE name = 'journal: bikes';
SELECT count(*) FROM booking.event WHERE holder = 'long ago';

-- A resource may opt out, and opt in again; a booking that comes from another resource has an event.
UPDATE booking.resource SET record_events = false WHERE name = 'journal: bikes';
SELECT (booking.book_slot('journal: bikes', '[2040-01-05 09:00, 2040-01-05 10:00)', 'unheard')).holder;
UPDATE booking.booking SET resource_id = (SELECT id FROM booking.resource WHERE name = 'journal: room') WHERE holder = 'unheard';
UPDATE booking.resource SET record_events = true WHERE name = 'journal: bikes';
SELECT kind, version FROM booking.event WHERE holder = 'unheard' ORDER BY seq;

-- Reading on.
SELECT count(*) = 3 AS three, max(cursor) IS NOT NULL FROM booking.read_events(max => 3);
SELECT array_agg(seq) = (SELECT array_agg(seq) FROM booking.read_events(max => 6)) AS the_same
FROM (SELECT seq FROM booking.read_events(max => 3)
	UNION ALL SELECT seq FROM booking.read_events((SELECT cursor FROM booking.read_events(max => 3) OFFSET 2), 3)) AS two;
SELECT count(*) FROM booking.read_events(max => 0);
SELECT pg_temp.said($$SELECT * FROM booking.read_events(max => NULL)$$);
SELECT pg_temp.said($$SELECT * FROM booking.read_events(max => -1)$$);
SELECT pg_temp.said(format('SELECT * FROM booking.read_events(%L)', c))
FROM unnest(ARRAY['', '1', '1.', '.1', '1.1.1', '-1.1', '1.1 ', E'1.1\n', '99999999999999999999.1', 'x', repeat('1', 100000)]) AS c;
SELECT pg_temp.said($$SELECT * FROM booking.read_events('999999999999999999.1')$$);

-- A reader at another isolation level sees less, and skips nothing.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) > 10 FROM booking.read_events(max => 1000000);
COMMIT;

-- Only the triggers write it; a role that may read bookings may read it.
CREATE ROLE regress_journal_reader;
CREATE ROLE regress_journal_manager;
CREATE ROLE regress_journal_other;
SELECT booking.grant_access('regress_journal_reader', 'read');
SELECT booking.grant_access('regress_journal_manager', 'manage');
SET ROLE regress_journal_reader;
SELECT count(*) > 10 FROM booking.read_events();
SELECT pg_temp.said($$DELETE FROM booking.event$$);
SELECT pg_temp.said($$SELECT booking.keep_positions()$$);
SET ROLE regress_journal_manager;
SELECT pg_temp.said($$INSERT INTO booking.event SELECT * FROM booking.event$$);
SELECT pg_temp.said($$UPDATE booking.event SET holder = ''$$);
SELECT pg_temp.said($$TRUNCATE booking.event$$);
-- and still its bookings are written down
SELECT (booking.book_slot('journal: bikes', '[2040-01-06 09:00, 2040-01-06 10:00)', 'by the manager')).holder;
SET ROLE regress_journal_other;
SELECT pg_temp.said($$SELECT * FROM booking.read_events()$$);
RESET ROLE;
SELECT kind FROM booking.event WHERE holder = 'by the manager';
-- Policies on the bookings.
BEGIN;
ALTER TABLE booking.booking ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON booking.booking TO regress_journal_reader USING (holder = 'ann');
SELECT problem, detail FROM booking.verify() WHERE problem LIKE 'row-level security%';
SET LOCAL ROLE regress_journal_reader;
SELECT pg_temp.said($$SELECT * FROM booking.read_events()$$);
RESET ROLE;
ALTER TABLE booking.event ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON booking.event TO regress_journal_reader USING (holder = 'ann');
SET LOCAL ROLE regress_journal_reader;
SELECT DISTINCT holder FROM booking.read_events(max => 1000000);
RESET ROLE;
ROLLBACK;

-- What others have put on the journal: columns, defaults, triggers; it goes on.
BEGIN;
ALTER TABLE booking.booking ADD COLUMN price numeric DEFAULT 1;
ALTER TABLE booking.event ADD COLUMN seen boolean NOT NULL DEFAULT false, ALTER COLUMN kind SET DEFAULT 'x';
CREATE FUNCTION pg_temp.heard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE INFO 'heard: % %', NEW.kind, pg_temp.steady(NEW.detail); RETURN NEW; END $$;
CREATE TRIGGER heard BEFORE INSERT ON booking.event FOR EACH ROW EXECUTE FUNCTION pg_temp.heard();
UPDATE booking.booking SET price = 12.50 WHERE holder = 'by the manager';
DELETE FROM booking.booking WHERE holder = 'long ago' RETURNING 1;
ROLLBACK;

-- Several in one call: their events are written together, in their order, also when they are very many.
BEGIN;
SELECT id > 0 FROM booking.create_resource('journal: several');
CREATE FUNCTION pg_temp.several(day date, n int) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_agg(jsonb_build_object('resource', 'journal: several', 'period', tstzrange(day + i * interval '1 hour', day + (i + 1) * interval '1 hour')))
	FROM generate_series(1, n) AS i
$$;
SELECT count(*) FROM booking.book_all(pg_temp.several('2050-01-01', 4000), 'several');
SELECT count(*), count(DISTINCT e.seq), count(DISTINCT e.booking_id), min(e.kind), min(e.version), min(e.session_role) = session_user,
	bool_and(e.detail->'now'->>'group_id' = b.group_id::text)
FROM booking.event e JOIN booking.booking b ON b.id = e.booking_id WHERE e.holder = 'several';
SELECT bool_and(id = booking_id) FROM (SELECT booking_id, row_number() OVER (ORDER BY seq) AS n FROM booking.event WHERE holder = 'several') AS e
	JOIN (SELECT id, row_number() OVER (ORDER BY period) AS n FROM booking.booking WHERE holder = 'several') AS b USING (n);
-- Nothing of what is refused.
SELECT pg_temp.said($$SELECT count(*) FROM booking.book_all(pg_temp.several('2050-01-01', 2) || pg_temp.several('2051-01-01', 1), 'refused')$$) ~ '^23P01';
SELECT count(*) FROM booking.event WHERE holder = 'refused';
-- With triggers of the application in between: a booking's events are in their order, and these triggers find them.
CREATE FUNCTION pg_temp.second_thoughts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE INFO 'events: %', (SELECT count(*) FROM booking.event WHERE booking_id = NEW.id);
	PERFORM booking.cancel(NEW.id);
	RETURN NULL;
END $$;
CREATE TRIGGER zzz AFTER INSERT ON booking.booking FOR EACH ROW EXECUTE FUNCTION pg_temp.second_thoughts();
SELECT count(*) FROM booking.book_all(pg_temp.several('2052-01-01', 2), 'taken back');
SELECT row_number() OVER (PARTITION BY booking_id ORDER BY seq) AS n, kind FROM booking.event WHERE holder = 'taken back' ORDER BY seq;
-- By a rule as well.
DROP TRIGGER zzz ON booking.booking;
CREATE RULE zzz AS ON INSERT TO booking.booking DO ALSO UPDATE booking.booking SET data = '{"seen": true}' WHERE id = NEW.id;
SELECT count(*) FROM booking.book_all(pg_temp.several('2053-01-01', 2), 'ruled');
SELECT row_number() OVER (PARTITION BY booking_id ORDER BY seq) AS n, kind, version FROM booking.event WHERE holder = 'ruled' ORDER BY seq;
ROLLBACK;

-- Enormous words are cut, and enormous data is left out; what did not change is not told.
SELECT count(*) FROM booking.cancel((SELECT id FROM booking.booking WHERE holder = 'by the manager'), repeat('lang ', 1000000));
UPDATE booking.booking SET data = jsonb_build_object('long', repeat('x', 3000000)) WHERE holder = 'by the manager';
UPDATE booking.booking SET data = jsonb_build_object('long', repeat('y', 3000000)) WHERE holder = 'by the manager';
UPDATE booking.booking SET checked_in_at = '2040-01-01' WHERE holder = 'by the manager';
SELECT kind, length(detail::text) AS length, left(detail::text, 80) FROM booking.event WHERE holder = 'by the manager' ORDER BY seq;
SELECT regexp_replace(said, 'x{1025}', '<1025 x>') FROM pg_temp.said(format('SET booking.actor = %L', repeat('x', 1025))) AS said;

-- What comes from a cluster with higher ids comes first; positions of now go on above it.
CREATE TEMP TABLE before AS SELECT * FROM booking.read_events(max => 1000000);
SELECT count(*) FROM booking.verify() WHERE problem LIKE 'events%';
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO booking.event (seq, position, at, kind, booking_id, resource_id, holder, version, session_role, detail)
	SELECT 1, 4000000000000, now(), 'confirmed', booking_id, resource_id, 'elsewhere', 1, 'x', '{}' FROM booking.event LIMIT 1;
COMMIT;
SELECT count(*) FROM booking.read_events(max => 1000000) WHERE holder = 'elsewhere';
SELECT problem, detail FROM booking.verify() WHERE problem LIKE 'events%';
BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT * FROM booking.rebuild() WHERE what LIKE 'journal%';
COMMIT;
SELECT count(*) FROM booking.read_events(max => 1000000) WHERE holder = 'elsewhere';
SELECT (booking.book_slot('journal: bikes', '[2040-01-07 09:00, 2040-01-07 10:00)', 'since')).holder;
SELECT holder FROM booking.read_events(max => 1000000) OFFSET (SELECT count(*) FROM before);
-- Loaded with the triggers, these do the same.
INSERT INTO booking.event (seq, position, at, kind, booking_id, resource_id, holder, version, session_role, detail)
	SELECT 2, 8000000000000, now(), 'confirmed', booking_id, resource_id, 'elsewhere', 1, 'x', '{}' FROM booking.event LIMIT 1;
SELECT (booking.book_slot('journal: bikes', '[2040-01-07 10:00, 2040-01-07 11:00)', 'since then')).holder;
SELECT holder FROM booking.read_events(max => 1000000) OFFSET (SELECT count(*) FROM before);
SELECT count(*) FROM booking.verify() WHERE problem LIKE 'events%';

DROP OWNED BY regress_journal_reader, regress_journal_manager;
DROP ROLE regress_journal_reader, regress_journal_manager, regress_journal_other;
