--
-- BEFORE triggers see rows that no constraint has seen yet: whatever column is NULL or
-- absurd, there is a clear error, and nothing of it is stored.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

INSERT INTO booking.resource (id, name) VALUES (-301, 'nulls: room');
INSERT INTO booking.resource (id, name, kind) VALUES (-302, 'nulls: bus', 'seated');
INSERT INTO booking.resource (id, name, kind, capacity) VALUES (-303, 'nulls: bikes', 'pooled', 3);
INSERT INTO booking.seat VALUES (-302, 1, '1A');
INSERT INTO booking.slot (id, resource_id, period, capacity) VALUES (-301, -303, '[2040-01-02 09:00, 2040-01-02 10:00)', 5);
INSERT INTO booking.slot (id, resource_id, period, capacity) VALUES (-302, -301, '[2040-01-02 09:00, 2040-01-02 10:00)', 5);
INSERT INTO booking.booking (id, resource_id, period, holder, status, expires_at)
	VALUES ('00000000-0000-7000-8000-000000003001', -301, '[2040-01-01 09:00, 2040-01-01 10:00)', 'ann', 'held', '2039-01-01');
INSERT INTO booking.booking (id, slot_id, holder) VALUES ('00000000-0000-7000-8000-000000003002', -301, 'ann');
INSERT INTO booking.booking (id, resource_id, period, holder) VALUES
	('00000000-0000-7000-8000-000000003003', -303, '[2040-01-01 09:00, 2040-01-01 10:00)', 'ann');
INSERT INTO booking.resource (id, name, kind, capacity) VALUES (-305, 'nulls: park', 'pooled', 1000);
INSERT INTO booking.booking (resource_id, period, holder) VALUES (-305, '[2040-01-01 09:00, 2040-01-01 10:00)', 'bob');
INSERT INTO booking.closure (id, resource_id, period) VALUES (-301, -301, '[2041-01-01, 2041-01-02)');
INSERT INTO booking.opening_hours (id, resource_id, weekday, opens, closes) VALUES (-301, -302, 1, '09:00', '17:00');
INSERT INTO booking.holder_limit (id, resource_id, per, max_bookings) VALUES (-301, -302, 'day', 1);
INSERT INTO booking.waitlist (id, resource_id, period, holder) VALUES (-301, -301, '[2040-01-01 09:00, 2040-01-01 10:00)', 'bob');

-- Each column NULL in a row that is updated, in its turn.
SELECT format('%s.%s: ', c.relname, a.attname) || (SELECT said FROM pg_temp.said(
	format('UPDATE %s SET %I = NULL WHERE %s', c.oid::regclass, a.attname,
		CASE c.relname WHEN 'booking' THEN 'holder = ''ann'' AND resource_id < -300' WHEN 'seat' THEN 'resource_id = -302' WHEN 'slot' THEN 'id = -301'
			WHEN 'slot_places' THEN 'slot_id = -301' WHEN 'pool_use' THEN 'resource_id = -305' ELSE 'id BETWEEN -303 AND -301' END)) AS said LIMIT 1)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'booking'::regnamespace AND c.relkind = 'r' AND c.relname NOT IN ('own_part', 'event', 'journal', 'subscriber', 'subscriber_lane', 'archive_run') AND a.attnum > 0 AND a.attnotnull AND NOT a.attisdropped
ORDER BY c.relname, a.attnum;

-- And in one that is inserted.
CREATE TEMP TABLE whole (target regclass, row_json jsonb);
INSERT INTO whole VALUES
	('booking.booking', '{"id": "00000000-0000-7000-8000-000000003009", "resource_id": -303, "period": "[2040-02-01 09:00, 2040-02-01 10:00)",
		"quantity": 1, "holder": "eve", "status": "confirmed", "version": 1, "created_at": "2040-01-01", "updated_at": "2040-01-01", "data": {}}'),
	('booking.resource', '{"id": -309, "name": "nulls: new", "kind": "exclusive", "capacity": 1, "timezone": "UTC", "buffer_before": "0", "buffer_after": "0",
		"slots_only": false, "record_events": true, "data": {}, "created_at": "2040-01-01"}'),
	('booking.seat', '{"resource_id": -302, "seat_no": 2, "label": "1B"}'),
	('booking.slot', '{"id": -309, "resource_id": -303, "period": "[2040-02-01 09:00, 2040-02-01 10:00)", "capacity": 5, "closed": false, "data": {}}'),
	('booking.waitlist', '{"id": -309, "resource_id": -303, "period": "[2040-02-01 09:00, 2040-02-01 10:00)", "quantity": 1, "holder": "eve", "offer_for": "1 hour",
		"status": "waiting", "created_at": "2040-01-01"}'),
	('booking.closure', '{"id": -309, "resource_id": -303, "period": "[2041-02-01, 2041-02-02)"}'),
	('booking.opening_hours', '{"id": -309, "resource_id": -303, "weekday": 1, "opens": "09:00", "closes": "10:00"}'),
	('booking.holder_limit', '{"id": -309, "resource_id": -303, "per": "day", "max_bookings": 3}'),
	('booking.slot_places', '{"slot_id": -301, "shard": 9, "free": 1}');
SELECT format('%s.%s: ', c.relname, coalesce(a.attname, 'whole')) || (SELECT said FROM pg_temp.said(
	format('DO $do$ BEGIN INSERT INTO %s SELECT * FROM jsonb_populate_record(NULL::%1$s, %L); RAISE ''stored''; END $do$',
		c.oid::regclass, w.row_json - coalesce(a.attname, ''))) AS said LIMIT 1)
FROM pg_class c JOIN whole w ON w.target = c.oid
LEFT JOIN LATERAL (SELECT attname, attnum FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attnotnull
	UNION ALL SELECT NULL, 0) AS a ON true
ORDER BY c.relname, a.attnum;

-- What a booking occupies is a period that contains its own.
CREATE FUNCTION pg_temp.occupying(o text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT 'INSERT ' || coalesce(o, 'NULL') || ': ' || said FROM pg_temp.said(format(
		'DO $do$ BEGIN INSERT INTO booking.booking (resource_id, period, occupies, holder)
		VALUES (-303, ''[2040-02-01 09:00, 2040-02-01 10:00)'', %L, ''eve''); RAISE ''stored''; END $do$', o)) AS said
	UNION ALL
	SELECT 'UPDATE: ' || said FROM pg_temp.said(format(
		'UPDATE booking.booking SET occupies = %L WHERE id = ''00000000-0000-7000-8000-000000003003'' AND %L IS NOT NULL', o, o)) AS said
	UNION ALL
	SELECT 'slot: ' || said FROM pg_temp.said(format(
		'DO $do$ BEGIN INSERT INTO booking.slot (resource_id, period, capacity, occupies)
		VALUES (-301, ''[2040-02-01 09:00, 2040-02-01 10:00)'', 5, %L); RAISE ''stored''; END $do$', o)) AS said
	UNION ALL
	SELECT 'slot, UPDATE: ' || said FROM pg_temp.said(format(
		'UPDATE booking.slot SET occupies = %L WHERE id = -302 AND %L IS NOT NULL', o, o)) AS said
	UNION ALL
	SELECT 'is_sound: ' || booking.is_sound('[2040-02-01 09:00, 2040-02-01 10:00)', o::tstzrange, 1, 'eve', 'confirmed', NULL, '{}')
$$;
SELECT pg_temp.occupying(o) FROM (VALUES ('(,)'), ('empty'), ('(,2050-01-01)'), ('[-infinity, 2050-01-01)'),
	('[2039-01-01, infinity)'), ('(2039-01-01, 2050-01-01)'), ('[2039-01-01, 2050-01-01]'),
	('[2040-02-01 09:30, 2050-01-01)'), ('[2039-01-01,)'), (NULL)) AS v (o);
-- The constraints say so, too, for writers that triggers do not see.
BEGIN;
SET LOCAL session_replication_role = replica;
SELECT pg_temp.said($$INSERT INTO booking.booking (resource_id, period, occupies, holder)
	VALUES (-303, '[2040-02-01 09:00, 2040-02-01 10:00)', '(,)', 'eve')$$);
SELECT pg_temp.said($$INSERT INTO booking.slot (resource_id, period, capacity, occupies)
	VALUES (-301, '[2042-02-01 09:00, 2042-02-01 10:00)', 5, '[2041-01-01, infinity)')$$);
ROLLBACK;

-- The version that follows the last one.
UPDATE booking.booking SET reason = 'x' WHERE id = '00000000-0000-7000-8000-000000003003' RETURNING version > 1;
INSERT INTO booking.booking (id, resource_id, period, holder, version)
	VALUES ('00000000-0000-7000-8000-000000003004', -303, '[2040-03-01 09:00, 2040-03-01 10:00)', 'ann', 2147483647);
SELECT version FROM booking.cancel('00000000-0000-7000-8000-000000003004');

-- A time zone that no trigger has seen.
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO booking.resource (id, name, capacity, timezone) VALUES (-304, 'nulls: PST', 1, 'PST');
SET LOCAL session_replication_role = origin;
SELECT pg_temp.said($$SELECT booking.book_slot(-304, '[2040-01-01 09:00, 2040-01-01 10:00)', 'eve')$$);
ROLLBACK;

-- A row that loses on the way what the next step needs.
CREATE FUNCTION pg_temp.suppress() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER suppress BEFORE INSERT ON booking.waitlist FOR EACH ROW EXECUTE FUNCTION pg_temp.suppress();
SELECT pg_temp.said($$SELECT booking.wait_for_slot('nulls: room', '[2040-01-01 09:00, 2040-01-01 10:00)', 'eve')$$);
DROP TRIGGER suppress ON booking.waitlist;
CREATE TRIGGER zzz_suppress BEFORE INSERT ON booking.booking FOR EACH ROW EXECUTE FUNCTION pg_temp.suppress();
SELECT pg_temp.said($$SELECT booking.book_slot('nulls: bikes', '[2040-01-01 09:00, 2040-01-01 10:00)', 'eve')$$);
DROP TRIGGER zzz_suppress ON booking.booking;
CREATE FUNCTION pg_temp.remove() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM booking.booking WHERE id = NEW.id; RETURN NULL; END';
CREATE TRIGGER remove AFTER INSERT ON booking.booking FOR EACH ROW EXECUTE FUNCTION pg_temp.remove();
SELECT pg_temp.said($$SELECT booking.book_slot('nulls: bikes', '[2040-01-01 09:00, 2040-01-01 10:00)', 'eve')$$);
CREATE TRIGGER aaa_first BEFORE INSERT ON booking.booking FOR EACH ROW WHEN (NEW.holder = '') EXECUTE FUNCTION pg_temp.suppress();
SELECT pg_temp.said($$SELECT booking.book_slot('nulls: bikes', '[2040-01-01 09:00, 2040-01-01 10:00)', 'eve')$$);
DROP TRIGGER remove ON booking.booking;
DROP TRIGGER aaa_first ON booking.booking;

UPDATE booking.waitlist SET status = 'left' WHERE id = -301;
DELETE FROM booking.booking WHERE resource_id BETWEEN -303 AND -301;
DELETE FROM booking.resource WHERE id BETWEEN -303 AND -301;
SELECT * FROM booking.verify();
