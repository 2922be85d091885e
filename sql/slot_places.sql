--
-- The counters of slots are changed without a statement, but only where a statement would do nothing else.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
CREATE FUNCTION pg_temp.says(statement text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT regexp_replace(line, '\mslot \d+', 'slot N', 'g') FROM pg_temp.said(statement) AS line
$$;
-- Takes some places, gives some back, and says what is left, and whether that adds up.
CREATE FUNCTION pg_temp.try(slot bigint, OUT free bigint, OUT problems bigint) LANGUAGE plpgsql AS $$
DECLARE
	given_back uuid := (booking.book_place(slot, 'ann', 2)).id;
BEGIN
	PERFORM booking.book_place(slot, 'ben', 5);
	PERFORM booking.cancel(given_back);
	SELECT sum(p.free) INTO free FROM booking.slot_places p WHERE p.slot_id = slot;
	SELECT count(*) INTO problems FROM booking.verify() v JOIN booking.slot s USING (resource_id) WHERE s.id = slot;
END
$$;
\set ECHO all

SELECT name FROM booking.create_resource('slot_places: hall', 'pooled', 0);
SELECT id AS show FROM booking.publish_slot('slot_places: hall', '[2030-01-07 20:00, 2030-01-07 22:00)', 200) \gset
SELECT * FROM pg_temp.try(:show);

-- Columns of the application are kept, and one that is dropped does no harm.
BEGIN;
ALTER TABLE booking.slot_places ADD COLUMN note text DEFAULT 'kept', ADD COLUMN gone integer DEFAULT 1;
ALTER TABLE booking.slot_places DROP COLUMN gone;
SELECT * FROM pg_temp.try(:show);
SELECT note, count(*) FROM booking.slot_places WHERE slot_id = :show GROUP BY 1;
ROLLBACK;

-- A computed column is computed.
BEGIN;
ALTER TABLE booking.slot_places ADD COLUMN twice integer GENERATED ALWAYS AS (2 * free) STORED;
SELECT * FROM pg_temp.try(:show);
SELECT sum(twice) FROM booking.slot_places WHERE slot_id = :show;
ROLLBACK;

-- A trigger fires, and may change or drop the row.
BEGIN;
CREATE TEMPORARY TABLE seen (was integer, becomes integer);
GRANT INSERT ON seen TO PUBLIC;
CREATE FUNCTION pg_temp.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO pg_temp.seen VALUES (OLD.free, NEW.free); RETURN NEW; END $$;
CREATE TRIGGER see BEFORE UPDATE ON booking.slot_places FOR EACH ROW EXECUTE FUNCTION pg_temp.see();
SELECT * FROM pg_temp.try(:show);
SELECT sum(was - becomes) AS taken, count(*) AS times FROM seen;
-- One that keeps every row as it is leaves nothing to be sold.
CREATE FUNCTION pg_temp.keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER keep BEFORE UPDATE ON booking.slot_places FOR EACH ROW EXECUTE FUNCTION pg_temp.keep();
SET LOCAL lock_timeout = '1s';
SELECT pg_temp.says(format($$SELECT * FROM booking.try_book_place(%s, 'cay')$$, :show));
ROLLBACK;
BEGIN;
CREATE TEMPORARY TABLE seen (n integer);
GRANT INSERT ON seen TO PUBLIC;
CREATE FUNCTION pg_temp.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO pg_temp.seen SELECT count(*) FROM written; RETURN NULL; END $$;
CREATE TRIGGER see AFTER UPDATE ON booking.slot_places REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.see();
SELECT * FROM pg_temp.try(:show);
SELECT sum(n) FROM seen;
ROLLBACK;

-- A CHECK of one's own is checked; one in the place of ours as well.
SELECT id AS counted FROM booking.publish_slot('slot_places: hall', '[2030-01-09 20:00, 2030-01-09 22:00)', 64) \gset
BEGIN;
ALTER TABLE booking.slot_places ADD CHECK (free > 40) NOT VALID;
SELECT pg_temp.says(format($$SELECT * FROM booking.book_place(%s, 'ann', 30)$$, :counted)) ~ '^23514 slot_places_free_check1' AS said LIMIT 1;
ROLLBACK;
BEGIN;
ALTER TABLE booking.slot_places DROP CONSTRAINT slot_places_free_check;
ALTER TABLE booking.slot_places ADD CONSTRAINT slot_places_free_check CHECK (free >= 40) NOT VALID;
SELECT pg_temp.says(format($$SELECT * FROM booking.book_place(%s, 'ann', 30)$$, :counted)) ~ '^23514 slot_places_free_check' AS said LIMIT 1;
ROLLBACK;

-- An index gets its entries.
BEGIN;
CREATE INDEX some_free ON booking.slot_places (free);
SELECT * FROM pg_temp.try(:show);
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
SELECT count(*) = (SELECT count(*) FROM (SELECT free FROM booking.slot_places WHERE slot_id = :show OFFSET 0) s WHERE s.free BETWEEN 1 AND 64) AS all_found
FROM booking.slot_places WHERE free BETWEEN 1 AND 64 AND slot_id = :show;
ROLLBACK;

-- Without its primary key the table is slow, and right.
BEGIN;
ALTER TABLE booking.slot_places DROP CONSTRAINT slot_places_pkey;
SELECT * FROM pg_temp.try(:show);
ROLLBACK;

-- Many changes of one row in one transaction need new places for it, and entries in the index.
SELECT id AS busy FROM booking.publish_slot('slot_places: hall', '[2030-01-08 20:00, 2030-01-08 22:00)', 64) \gset
DO $$
DECLARE
	busy bigint := (SELECT max(s.id) FROM booking.slot s JOIN booking.resource r ON r.id = s.resource_id WHERE r.name = 'slot_places: hall');
BEGIN
	FOR i IN 1 .. 500 LOOP
		PERFORM booking.cancel((booking.book_place(busy, 'ann', 1 + i % 5)).id);
	END LOOP;
END $$;
SELECT count(*), sum(free) FROM booking.slot_places WHERE slot_id = :busy;
SELECT booking.remaining(:busy);

-- A counter that was written by hand is not believed for ever.
BEGIN;
UPDATE booking.slot_places SET free = 2147483647 WHERE slot_id = :busy;
SELECT id AS one FROM booking.book_place(:busy, 'ann', 1) \gset
UPDATE booking.slot_places SET free = 2147483647 WHERE slot_id = :busy;
SELECT pg_temp.says(format($$SELECT * FROM booking.cancel('%s')$$, :'one'));
ROLLBACK;

-- A rule replaces the statement.
BEGIN;
CREATE RULE nothing AS ON UPDATE TO booking.slot_places DO INSTEAD NOTHING;
SELECT pg_temp.says(format($$INSERT INTO booking.booking (slot_id, holder) VALUES (%s, 'ann')$$, :show));
ROLLBACK;

DELETE FROM booking.booking WHERE slot_id IN (:show, :busy);
DELETE FROM booking.resource WHERE name = 'slot_places: hall';

--
-- A slot and its counter are looked for where they would be if those of consecutive numbers lay side by side.
-- There may be those of another slot, or nothing: here they have been stored backwards, and one at the end.
--
SELECT name FROM booking.create_resource('counters: many', slots_only => true);
INSERT INTO booking.slot (id, resource_id, period, capacity, occupies)
	SELECT 1000000 + n, id, tstzrange(at, at + interval '1 hour'), 1, 'empty'
	FROM booking.resource, generate_series(0, 2999) AS n, LATERAL (SELECT timestamptz '2030-01-01' + n * interval '1 hour' AS at) AS t
	WHERE name = 'counters: many' ORDER BY n = 1002, n DESC;
SELECT slot_id FROM booking.try_book_place(1002005, 'ada');
SELECT slot_id FROM booking.try_book_place(1002006, 'bob');
SELECT slot_id FROM booking.try_book_place(1002005, 'cy');
SELECT slot_id FROM booking.try_book_place(1002004, 'cy');
SELECT slot_id FROM booking.try_book_place(1002006, 'dee');
SELECT slot_id, free FROM booking.slot_places WHERE slot_id BETWEEN 1002003 AND 1002007 ORDER BY slot_id;
-- The table becomes shorter, and what was at its end is gone.
SELECT slot_id FROM booking.try_book_place(1001002, 'ada');
SELECT count(booking.cancel(id)) FROM booking.booking WHERE slot_id = 1001002;
DELETE FROM booking.booking WHERE slot_id = 1001002;
DELETE FROM booking.slot WHERE id BETWEEN 1000000 AND 1000999 OR id = 1001002;
VACUUM (TRUNCATE, DISABLE_PAGE_SKIPPING) booking.slot_places;
VACUUM (TRUNCATE, DISABLE_PAGE_SKIPPING) booking.slot;
SELECT slot_id FROM booking.try_book_place(1001001, 'bob');
SELECT slot_id FROM booking.try_book_place(1001003, 'bob');
SELECT (booking.cancel(id)).status FROM booking.booking WHERE slot_id = 1001003 AND status = 'confirmed';
SELECT slot_id FROM booking.try_book_place(1001003, 'bob');
SELECT count(*) FROM booking.verify() AS v JOIN booking.resource r ON r.id = v.resource_id WHERE r.name LIKE 'counters: %';
-- What has not been counted is not sold out.
BEGIN;
DELETE FROM booking.slot_places WHERE slot_id = 1002001;
SELECT pg_temp.says('SELECT * FROM booking.try_book_place(1002001, $$ada$$)');
ROLLBACK;
