-- Rows that were loaded without the triggers: what is derived from them is missing, which is
-- said and not taken for "sold out", and booking.rebuild() brings it back.
BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT FROM booking.create_resource('loaded', 'pooled', 0);
SELECT id AS counted FROM booking.publish_slot('loaded', '[2030-01-01 20:00, 2030-01-01 22:00)', 300) \gset
SELECT quantity FROM booking.book_place(:counted, 'early', 7);
SELECT what, rows FROM booking.rebuild() WHERE what <> 'identities moved on';

-- A load, as by pg_restore --data-only --disable-triggers, which breaks off before the end.
SELECT :counted + 1 AS free, :counted + 2 AS full \gset
SET LOCAL session_replication_role = replica;
INSERT INTO booking.slot (id, resource_id, period, capacity)
SELECT v.id, r.id, '[2031-01-01, 2031-01-02)', v.capacity
FROM booking.resource AS r, (VALUES (:free, 1000), (:full, 1)) AS v (id, capacity) WHERE r.name = 'loaded';
INSERT INTO booking.booking (id, slot_id, resource_id, period, occupies, holder, quantity)
SELECT ('00000000-0000-4000-8000-0000000000' || v.n)::uuid, v.slot_id, r.id, '[2031-01-01, 2031-01-02)', '[2031-01-01, 2031-01-02)', 'loaded', 1
FROM booking.resource AS r, (VALUES (:free, 11), (:free, 12), (:full, 13), (:full, 14)) AS v (slot_id, n)
WHERE name = 'loaded';
SET LOCAL session_replication_role = origin;
ALTER TABLE booking.waitlist ENABLE TRIGGER ALL;
ALTER TABLE booking.booking ENABLE TRIGGER ALL;
ALTER TABLE booking.booking DISABLE TRIGGER booking_freed;
SELECT problem, count(*) FROM booking.verify() GROUP BY 1 ORDER BY 1;

-- No caller is told that it is sold out; what is booked can be cancelled.
\set VERBOSITY sqlstate
SAVEPOINT before;
SELECT booking.try_book_place(:free, 'new');
ROLLBACK TO before;
SELECT holder FROM booking.book_place(:free, 'new');
ROLLBACK TO before;
INSERT INTO booking.booking (slot_id, holder) VALUES (:free, 'new');
ROLLBACK TO before;
SELECT holder, status FROM booking.cancel('00000000-0000-4000-8000-000000000012');

SELECT what, rows FROM booking.rebuild() WHERE what <> 'identities moved on';
SELECT problem, count(*) FROM booking.verify() GROUP BY 1 ORDER BY 1;
SELECT sum(free), count(*), max(shard) FROM booking.slot_places WHERE slot_id = :free;
SELECT quantity FROM booking.book_place(:free, 'new', 999);
SELECT quantity FROM booking.try_book_place(:free, 'new');

-- What was loaded into the other one is too much.  It cannot be booked until that is corrected.
SAVEPOINT before;
SELECT booking.try_book_place(:full, 'new');
ROLLBACK TO before;
SELECT holder, status FROM booking.cancel('00000000-0000-4000-8000-000000000014');
SELECT what, rows FROM booking.rebuild() WHERE what <> 'identities moved on';
SELECT problem, count(*) FROM booking.verify() GROUP BY 1 ORDER BY 1;
SELECT holder FROM booking.try_book_place(:full, 'new');
SELECT holder, status FROM booking.cancel('00000000-0000-4000-8000-000000000013');
SELECT holder FROM booking.try_book_place(:full, 'new');
-- Identities go on after what was loaded.
SELECT id > :full AS after FROM booking.publish_slot('loaded', '[2032-01-01 20:00, 2032-01-01 22:00)', 3);
ROLLBACK;

\set VERBOSITY terse
-- Not above READ COMMITTED, and for the owner only.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM booking.rebuild();
ROLLBACK;
CREATE ROLE regress_rebuild;
SELECT booking.grant_access('regress_rebuild', 'manage');
SET ROLE regress_rebuild;
SELECT * FROM booking.rebuild();
SELECT count(*) FROM booking.identities_behind();
RESET ROLE;
DROP OWNED BY regress_rebuild;
DROP ROLE regress_rebuild;
