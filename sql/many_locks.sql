--
-- Locks per row have an end to their number, whatever they are, and a rollback to a savepoint
-- undoes what was counted and noted meanwhile.
--
\set VERBOSITY terse
-- "Some" is when fewer locks are taken (src/base/locks.c).
SELECT 4 * current_setting('max_locks_per_transaction')::int AS some \gset
SELECT :some + 50 AS more \gset

-- How many locks of a kind we have; fewer than there are rows, or as many as were allowed.
CREATE FUNCTION pg_temp.locks(lowest int, highest int) RETURNS bigint LANGUAGE sql
RETURN (SELECT count(*) FROM pg_locks
	WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND objsubid BETWEEN lowest AND highest);

SELECT id AS pool FROM booking.create_resource('locks: pool', 'pooled', 10000) \gset
SELECT id AS line FROM booking.create_resource('locks: line') \gset
INSERT INTO booking.resource (name, kind, category)
SELECT 'locks: room ' || n, 'exclusive', 'locks: room' FROM generate_series(1, :more) AS n;
INSERT INTO booking.slot (resource_id, period, capacity)
SELECT :pool, tstzrange(at, at + interval '1 hour'), 2
FROM generate_series(timestamptz '2030-01-01 00:00+00', timestamptz '2030-01-01 00:00+00' + (:more - 1) * interval '1 hour',
	interval '1 hour') AS at;

-- PLACES: those of the last slots are not kept.
BEGIN;
INSERT INTO booking.booking (slot_id, holder)
SELECT id, 'ann' FROM booking.slot WHERE resource_id = :pool ORDER BY id;
SELECT pg_temp.locks(1000, 1256) BETWEEN :some AND :some + 1 AS some_places;
COMMIT;

-- ID
BEGIN;
SELECT count(*) = :more AS cancelled
FROM (SELECT id FROM booking.booking WHERE resource_id = :pool ORDER BY id) AS b, LATERAL booking.cancel(b.id);
SELECT pg_temp.locks(101, 101) BETWEEN :some AND :some + 1 AS some_ids;
COMMIT;
DELETE FROM booking.booking;

-- RESOURCE, and RESOURCE 0 for the others.
BEGIN;
INSERT INTO booking.booking (resource_id, period, holder)
SELECT id, '[2030-01-01, 2030-01-02)', 'ann' FROM booking.resource WHERE category = 'locks: room' ORDER BY id;
SELECT pg_temp.locks(102, 102) - :some AS resources;
COMMIT;

-- JOIN, taken by what frees.
BEGIN;
DELETE FROM booking.booking;
SELECT pg_temp.locks(104, 104) - :some AS joins;
COMMIT;

-- LINE
INSERT INTO booking.booking (resource_id, period, holder)
SELECT id, '[2030-01-01, 2030-01-02)', 'ann' FROM booking.resource WHERE category = 'locks: room';
SELECT count(*) = :more AS waiting FROM booking.resource AS r,
	LATERAL booking.wait_for_slot(r.id, '[2030-01-01, 2030-01-02)', 'line' || r.id)
WHERE r.category = 'locks: room';
BEGIN;
SELECT count(*) = :more AS cancelled
FROM (SELECT id FROM booking.booking WHERE holder = 'ann' ORDER BY resource_id) AS b, LATERAL booking.cancel(b.id);
SELECT pg_temp.locks(105, 105) - :some AS lines;
ROLLBACK;
DELETE FROM booking.waitlist;
DELETE FROM booking.booking;

-- RESOURCE, to change the rules: of the others, all at once.
BEGIN;
UPDATE booking.resource SET buffer_after = '1 hour' WHERE category = 'locks: room';
SELECT count(*) FILTER (WHERE objsubid = 102 AND mode = 'ExclusiveLock') - :some AS rules,
	count(*) FILTER (WHERE relation = 'booking.booking'::regclass AND mode = 'ShareRowExclusiveLock') AS everybody
FROM pg_locks WHERE pid = pg_backend_pid();
ROLLBACK;

-- HOLDER: of the others, their heaps.
INSERT INTO booking.holder_limit (resource_id, per, max_bookings) VALUES (:pool, 'active', 3);
BEGIN;
INSERT INTO booking.booking (resource_id, period, holder)
SELECT :pool, '[2030-01-01, 2030-01-02)', 'holder ' || n FROM generate_series(1, :more) AS n;
SELECT pg_temp.locks(103, 103) - :some AS holders;
SELECT pg_temp.locks(107, 107) > 50 AS heaps, count(*) BETWEEN 1 AND 50 AS of_them_whole
FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory' AND objsubid = 107 AND mode = 'ExclusiveLock';
ROLLBACK;

-- What a part of the transaction has locked and given back does not count any more, and a
-- booking keeps its ID lock.
INSERT INTO booking.booking (resource_id, period, holder)
SELECT :pool, '[2030-01-01, 2030-01-02)', 'holder ' || n FROM generate_series(1, :more) AS n;
SELECT id AS last FROM booking.booking WHERE holder = 'holder 1' \gset
BEGIN;
SAVEPOINT before;
SELECT count(*) = :more AS cancelled FROM (SELECT id FROM booking.booking) AS b, LATERAL booking.cancel(b.id);
ROLLBACK TO before;
SELECT pg_temp.locks(101, 101) AS ids;
SELECT status FROM booking.cancel(:'last');
SELECT pg_temp.locks(101, 101) AS ids;
ROLLBACK;
-- What has been kept counts.
BEGIN;
DO $$
DECLARE
	one uuid;
BEGIN
	FOR one IN SELECT id FROM booking.booking
	LOOP
		BEGIN
			PERFORM booking.cancel(one);
		EXCEPTION WHEN division_by_zero THEN
			NULL;
		END;
	END LOOP;
END
$$;
SELECT pg_temp.locks(101, 101) BETWEEN :some AND :some + 1 AS some_ids;
ROLLBACK;

-- A statement inside another is rolled back when it has freed something.  It has freed nothing,
-- and nothing is offered at the end of the outer one; what that one has freed is.
DELETE FROM booking.booking;
SELECT holder FROM booking.book_slot('locks: line', '[2030-01-01, 2030-01-02)', 'inner');
SELECT holder FROM booking.book_slot('locks: room 1', '[2030-01-01, 2030-01-02)', 'outer');
CREATE FUNCTION pg_temp.meanwhile() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF OLD.holder = 'inner' THEN
		RAISE division_by_zero;
	END IF;
	BEGIN
		DELETE FROM booking.booking WHERE holder = 'inner';
	EXCEPTION WHEN division_by_zero THEN
		NULL;
	END;
	RETURN NULL;
END
$$;
CREATE TRIGGER zz_meanwhile AFTER DELETE ON booking.booking FOR EACH ROW EXECUTE FUNCTION pg_temp.meanwhile();
BEGIN;
DELETE FROM booking.booking WHERE holder = 'outer';
SELECT holder FROM booking.booking ORDER BY 1;
SELECT r.name AS freed FROM pg_locks AS l JOIN booking.resource AS r ON r.id = l.objid::bigint
WHERE l.pid = pg_backend_pid() AND l.locktype = 'advisory' AND l.objsubid = 104;
ROLLBACK;
DROP TRIGGER zz_meanwhile ON booking.booking;

DELETE FROM booking.booking;
DELETE FROM booking.holder_limit;
DELETE FROM booking.slot;
DELETE FROM booking.resource WHERE name LIKE 'locks: %';
