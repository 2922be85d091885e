--
-- The archive: what is over moves out of the way, with what happened to it.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all
\set SHOW_CONTEXT never
SELECT (booking.create_resource('archive: room')).name;
SELECT (booking.create_resource('archive: pool', 'pooled', 10)).name;
SELECT id AS room FROM booking.resource WHERE name = 'archive: room' \gset
SELECT id AS pool FROM booking.resource WHERE name = 'archive: pool' \gset
-- Bookings of this test only, not of what runs beside it.
CREATE FUNCTION pg_temp.places() RETURNS TABLE (holder text, live bigint, archived bigint, events bigint, archived_events bigint) LANGUAGE sql AS $$
	SELECT b.holder, count(*) FILTER (WHERE archived_at IS NULL), count(*) FILTER (WHERE archived_at IS NOT NULL),
		sum((SELECT count(*) FROM booking.event e WHERE e.booking_id = b.id))::bigint,
		sum((SELECT count(*) FROM booking.event_archive e WHERE e.booking_id = b.id))::bigint
	FROM booking.all_bookings b JOIN booking.resource r ON r.id = b.resource_id WHERE r.name LIKE 'archive: %' GROUP BY 1 ORDER BY 1
$$;

ALTER TABLE booking.booking ADD COLUMN price numeric;
INSERT INTO booking.booking (resource_id, period, holder, price, data) VALUES
	(:room, '[2020-01-05 09:00, 2020-01-05 10:00)', 'over', 12.50, '{"a": [1]}'),
	(:pool, '[2020-02-05 09:00, 2020-02-05 10:00)', 'over', NULL, '{}'),
	(:pool, '[2020-02-05 09:00, 2040-02-05 10:00)', 'in force', 1, '{}'),
	(:pool, '[2020-02-05 09:00,)', 'until further notice', 1, '{}'),
	(:room, '[2040-02-05 09:00, 2040-02-05 10:00)', 'to come', 1, '{}'),
	(:room, '[2040-03-05 09:00, 2040-03-05 10:00)', 'given up', 1, '{}'),
	(:room, '[2020-03-05 09:00, 2020-03-05 10:00)', 'deleted', 1, '{}');
INSERT INTO booking.booking (resource_id, period, holder, status, expires_at) VALUES
	(:pool, '[2020-02-06 09:00, 2020-02-06 10:00)', 'held', 'held', now() + interval '1 hour');
UPDATE booking.booking SET status = 'cancelled' WHERE holder = 'given up';
DELETE FROM booking.booking WHERE holder = 'deleted' AND resource_id = :room;

-- It commits, and therefore cannot run within a transaction.
BEGIN;
CALL booking.archive_before(now());
ROLLBACK;
SELECT pg_temp.said($$CALL booking.archive_before(now())$$);
-- Arguments that make no sense.
CALL booking.archive_before(NULL);
CALL booking.archive_before(now(), NULL);
CALL booking.archive_before(now(), 0);
CALL booking.archive_before(now(), 1000000);
CALL booking.archive_before('infinity');
CALL booking.archive_before('2199-01-01');
SET default_transaction_read_only = on;
CALL booking.archive_before(now());
RESET default_transaction_read_only;
-- What was changed after the moment stays, whatever its period.
CALL booking.archive_before('2021-01-01');
CALL booking.archive_before('-infinity');
SELECT * FROM pg_temp.places();

-- What a subscriber has not read stays.
SELECT (booking.subscribe('archive: reader', (SELECT max(cursor) FROM booking.read_events(max => 1000000) WHERE false), 1)).name;
SELECT clock_timestamp() AS moment \gset
CALL booking.archive_before(:'moment', 1000);
SELECT * FROM pg_temp.places();
-- Unless it is further behind than its keep_for.
UPDATE booking.subscriber SET keep_for = '0' WHERE name = 'archive: reader';
CREATE TEMP TABLE begins AS SELECT min(cursor) AS cursor FROM booking.read_events(max => 1);
SELECT clock_timestamp() AS moment \gset
CALL booking.archive_before(:'moment', 1000);
SELECT * FROM pg_temp.places();
SELECT kind, resource_id = :room AS of_room FROM booking.event_archive WHERE holder = 'deleted' ORDER BY seq;
SELECT count(*) FROM booking.event WHERE kind = 'deleted' AND holder = 'over';
SELECT phase, running, bookings >= 3 AS moved, events >= 6 AS told, examined >= 7 AS looked FROM booking.archive_progress ORDER BY id DESC LIMIT 1;
-- Readers of the journal get an event.
SELECT pg_temp.said(format('SELECT * FROM booking.read_events(%L)', cursor)) FROM begins;
SELECT count(*) > 0 FROM booking.next_events('archive: reader');
SELECT booking.unsubscribe('archive: reader');

-- What it was is all there, and columns of others, too; in partitions of its month.
SELECT holder, price IS NULL AS no_column, added, data, ended_at, tableoid::regclass FROM
	(SELECT a.*, NULL AS price, a.tableoid FROM booking.booking_archive a) AS a WHERE resource_id IN (:room, :pool) AND holder = 'over' ORDER BY ended_at;
SELECT count(*) FROM booking.all_events WHERE holder = 'over' AND resource_id IN (:room, :pool);
SELECT a.kind, a.holder FROM booking.event_archive a WHERE holder = 'over' AND resource_id = :room;
SELECT count(*) FROM booking.verify() WHERE problem LIKE '%archive%';
-- A month is dropped in a moment.
DROP TABLE booking.booking_archive_2020_01, booking.event_archive_2020_01;
SELECT * FROM pg_temp.places() WHERE holder = 'over';

-- A trigger that keeps a booking: nothing is in both, nothing in neither.
CREATE FUNCTION pg_temp.keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
INSERT INTO booking.booking (resource_id, period, holder) VALUES (:room, '[2020-04-05 09:00, 2020-04-05 10:00)', 'kept');
CREATE TRIGGER keep BEFORE DELETE ON booking.booking FOR EACH ROW WHEN (OLD.holder = 'kept') EXECUTE FUNCTION pg_temp.keep();
CALL booking.archive_before(now());
DROP TRIGGER keep ON booking.booking;
SELECT * FROM pg_temp.places() WHERE holder = 'kept';
-- What is deleted in the same session afterwards has an event.
DELETE FROM booking.booking WHERE holder = 'kept' AND resource_id = :room;
SELECT kind FROM booking.event WHERE holder = 'kept' ORDER BY seq;

-- A role that does not own the extension archives nothing, but may read what is archived.
CREATE ROLE regress_archive_manager;
SELECT booking.grant_access('regress_archive_manager', 'manage');
SET ROLE regress_archive_manager;
CALL booking.archive_before(now());
SELECT count(*) > 0 FROM booking.all_bookings WHERE archived_at IS NOT NULL;
SELECT count(*) > 0 FROM booking.all_events;
RESET ROLE;
DROP OWNED BY regress_archive_manager;
DROP ROLE regress_archive_manager;
-- A row may say that it has not been changed for long; its latest event is not old for all that.
INSERT INTO booking.booking (resource_id, period, holder, updated_at) VALUES (:pool, '[2020-01-01, 2020-01-02)', 'just now', '2000-01-01');
CALL booking.archive_before('2021-01-01');
SELECT holder, archived_at FROM booking.all_bookings WHERE holder = 'just now';
-- A run whose row has been removed ends.
SELECT booking.archive_batch(-1);
ALTER TABLE booking.booking DROP COLUMN price;
SELECT problem, detail FROM booking.verify() WHERE resource_id IN (:room, :pool);
DO $$
DECLARE
	part regclass;
BEGIN
	FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent IN ('booking.booking_archive'::regclass, 'booking.event_archive'::regclass) LOOP
		EXECUTE format('DROP TABLE %s', part);
	END LOOP;
END
$$;
