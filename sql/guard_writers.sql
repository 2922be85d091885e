-- Every writer of a guarded table: COPY, MERGE, ON CONFLICT, savepoints, other triggers,
-- generated columns, isolation levels, cursors, and a bulk load.
SET timezone = 'UTC';
SET datestyle = 'ISO';
\pset format unaligned
\pset tuples_only on
\set VERBOSITY terse
CREATE SCHEMA guard_writers;
SET search_path = guard_writers;

CREATE TABLE seatplan (id int PRIMARY KEY, bus int, leg int4range, seats int DEFAULT 1, note text);
SELECT booking.guard_table('seatplan', '{bus}', '{leg}', capacity => 2, quantity => 'seats', name => 'bus_guard');
-- How many seats are in use at most, by brute force.
CREATE VIEW peak AS
	SELECT bus, max(used) AS most FROM (
		SELECT a.bus, (SELECT sum(b.seats) FROM seatplan b WHERE b.bus = a.bus AND b.leg @> lower(a.leg)) AS used
		FROM seatplan a) x GROUP BY bus ORDER BY bus;

-- COPY stops at the row that does not fit, and leaves nothing.
COPY seatplan (id, bus, leg) FROM stdin;
1	1	[1,5)
2	1	[4,9)
3	1	[4,5)
\.
SELECT count(*) FROM seatplan;
COPY seatplan (id, bus, leg) FROM stdin;
1	1	[1,5)
2	1	[4,9)
3	1	[5,7)
\.
SELECT * FROM peak;

-- INSERT ... SELECT, one row too many
INSERT INTO seatplan SELECT 10 + i, 2, int4range(i, i + 3) FROM generate_series(1, 9, 3) i;
INSERT INTO seatplan SELECT 20 + i, 2, '[3,5)' FROM generate_series(1, 2) i;

-- ON CONFLICT: the row that is in the way is the one that is meant.
INSERT INTO seatplan VALUES (30, 3, '[1,10)', 2);
INSERT INTO seatplan VALUES (30, 3, '[1,10)', 2) ON CONFLICT (id) DO NOTHING;
INSERT INTO seatplan VALUES (30, 3, '[1,10)', 2) ON CONFLICT (id) DO UPDATE SET note = 'updated', leg = '[2,12)' RETURNING note, leg;
INSERT INTO seatplan VALUES (30, 3, '[1,10)', 2) ON CONFLICT DO NOTHING;
INSERT INTO seatplan VALUES (30, 3, '[1,10)', 2) ON CONFLICT (id) DO UPDATE SET seats = 3;
INSERT INTO seatplan VALUES (31, 3, '[1,10)', 2) ON CONFLICT DO NOTHING;
INSERT INTO seatplan VALUES (30, 3, '[1,10)', 2);
SELECT id, leg, note FROM seatplan WHERE bus = 3;
-- Nothing of it leaves a gate behind.
BEGIN;
INSERT INTO seatplan VALUES (30, 9, '[1,10)', 2) ON CONFLICT (id) DO NOTHING;
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
ROLLBACK;

-- MERGE
MERGE INTO seatplan s USING (VALUES (30, 1), (32, 2)) v (id, seats) ON s.id = v.id
	WHEN MATCHED THEN UPDATE SET seats = v.seats
	WHEN NOT MATCHED THEN INSERT (id, bus, leg, seats) VALUES (v.id, 3, '[4,5)', v.seats);
MERGE INTO seatplan s USING (VALUES (30, 1), (32, 1)) v (id, seats) ON s.id = v.id
	WHEN MATCHED THEN UPDATE SET seats = v.seats
	WHEN NOT MATCHED THEN INSERT (id, bus, leg, seats) VALUES (v.id, 3, '[4,5)', v.seats);
SELECT * FROM peak;

-- A savepoint that is rolled back gives its space back, and nothing else.
BEGIN;
INSERT INTO seatplan VALUES (40, 4, '[1,9)');
SAVEPOINT a;
INSERT INTO seatplan VALUES (41, 4, '[1,9)');
INSERT INTO seatplan VALUES (42, 4, '[1,9)');
ROLLBACK TO a;
INSERT INTO seatplan VALUES (43, 4, '[1,9)');
SAVEPOINT b;
DELETE FROM seatplan WHERE id = 40;
INSERT INTO seatplan VALUES (44, 4, '[1,9)');
ROLLBACK TO b;
INSERT INTO seatplan VALUES (45, 4, '[1,9)');
ROLLBACK TO b;
COMMIT;
SELECT id FROM seatplan WHERE bus = 4 ORDER BY 1;

-- A bulk move is judged row by row, like an exclusion constraint.
UPDATE seatplan SET leg = int4range(lower(leg) + 100, upper(leg) + 100) WHERE bus = 1;
SELECT id, leg FROM seatplan WHERE bus = 1 ORDER BY id;

-- A user's BEFORE trigger that changes the row, before ours and behind it.
CREATE FUNCTION longer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.leg := int4range(lower(NEW.leg), upper(NEW.leg) + 10);
	RETURN NEW;
END $$;
CREATE TRIGGER longer BEFORE INSERT ON seatplan FOR EACH ROW EXECUTE FUNCTION longer();
INSERT INTO seatplan VALUES (50, 5, '[1,2)', 2);
INSERT INTO seatplan VALUES (51, 5, '[11,12)', 1);
ALTER TRIGGER longer ON seatplan RENAME TO zzzzz_longer;
INSERT INTO seatplan VALUES (52, 5, '[13,14)', 2);
INSERT INTO seatplan VALUES (53, 5, '[22,23)', 1);
INSERT INTO seatplan VALUES (54, 5, '[24,25)', 2);
CREATE OR REPLACE FUNCTION longer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.bus := 6;		-- somewhere else, where it fits
	RETURN NEW;
END $$;
INSERT INTO seatplan VALUES (55, 5, '[24,25)', 2);
SELECT id, bus FROM seatplan WHERE id = 55;
CREATE OR REPLACE FUNCTION longer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
BEGIN;
INSERT INTO seatplan VALUES (56, 7, '[24,25)', 2);
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
COMMIT;
DROP TRIGGER zzzzz_longer ON seatplan;
SELECT * FROM peak;

-- The trigger that does the work is off, by mistake: the guard still holds.
ALTER TABLE seatplan DISABLE TRIGGER zzzz_bus_guard;
INSERT INTO seatplan VALUES (60, 6, '[24,25)', 1);
INSERT INTO seatplan VALUES (60, 6, '[25,26)', 1);
ALTER TABLE seatplan ENABLE TRIGGER zzzz_bus_guard;
-- The guard is off, on purpose.
ALTER TABLE seatplan DISABLE TRIGGER bus_guard;
INSERT INTO seatplan VALUES (61, 6, '[24,25)', 1);
ALTER TABLE seatplan ENABLE TRIGGER bus_guard;
INSERT INTO seatplan VALUES (62, 6, '[24,25)', 1);

-- An AFTER trigger that books once more in the same table
CREATE FUNCTION return_trip() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.note = 'return' THEN
		INSERT INTO seatplan VALUES (NEW.id + 1000, NEW.bus, int4range(upper(NEW.leg), upper(NEW.leg) + 5), NEW.seats);
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER return_trip AFTER INSERT ON seatplan FOR EACH ROW EXECUTE FUNCTION return_trip();
INSERT INTO seatplan SELECT i, 8, int4range(10 * i, 10 * i + 5), 2, 'return' FROM generate_series(70, 72) i;
INSERT INTO seatplan VALUES (73, 8, '[734,735)', 2, 'return'), (74, 8, '[736,737)', 2, 'return');
SELECT * FROM peak WHERE bus = 8;
DROP TRIGGER return_trip ON seatplan;

-- Stored generated columns
CREATE TABLE hire (bike int, starts int, hours int, days int,
	during int4range GENERATED ALWAYS AS (int4range(starts, starts + hours)) STORED,
	weight int GENERATED ALWAYS AS (days * 2) STORED,
	kind text GENERATED ALWAYS AS ('bike ' || bike) STORED);
SELECT booking.guard_table('hire', '{kind}', '{during}', capacity => 4, quantity => 'weight', active => 'days > 0', name => 'hire_guard');
INSERT INTO hire VALUES (1, 10, 5, 1), (1, 12, 5, 1);
INSERT INTO hire VALUES (1, 14, 1, 1);
INSERT INTO hire VALUES (1, 15, 1, 1), (2, 14, 1, 2), (1, 14, 1, 0);
UPDATE hire SET hours = 6 WHERE starts = 10;
UPDATE hire SET days = 2 WHERE starts = 12;
SELECT kind, during, weight FROM hire ORDER BY 1, 2;

-- A CHECK constraint that books something else in another guarded table
CREATE TABLE trailer (id int, during int4range);
SELECT booking.guard_table('trailer', '{id}', '{during}', capacity => 1, check_existing => false, name => 'trailer_guard');
CREATE FUNCTION takes_trailer(r int4range) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO trailer VALUES (1, r); RETURN true; END $$;
CREATE TABLE tour (bus int, during int4range CHECK (takes_trailer(during)));
SELECT booking.guard_table('tour', '{bus}', '{during}', capacity => 1, check_existing => false, name => 'tour_guard');
INSERT INTO tour VALUES (1, '[1,5)'), (2, '[5,9)');
INSERT INTO tour VALUES (3, '[4,5)');
INSERT INTO tour VALUES (1, '[4,20)');
SELECT count(*) FROM trailer;

-- All isolation levels give the same answer.
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT count(*) > 0 FROM seatplan;
INSERT INTO seatplan VALUES (80, 10, '[1,5)', 2);
SAVEPOINT a;
INSERT INTO seatplan VALUES (81, 10, '[1,5)', 2);
ROLLBACK TO a;
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO seatplan VALUES (82, 10, '[1,5)', 2);
ROLLBACK;

-- One statement, a hundred thousand rows (under valgrind, fewer), no more than a few locks, and no memory to speak of
\set rows 100000
\getenv rows BOOKING_ROWS
INSERT INTO seatplan SELECT 1000000 + i, i % 1000 + 1000, int4range(i / 1000 * 2, i / 1000 * 2 + 3) FROM generate_series(0, :rows - 1) i;
BEGIN;
UPDATE seatplan SET note = 'x' WHERE bus = 1000;
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
COMMIT;
SELECT max(most), count(*) FROM peak WHERE bus >= 1000;

-- A writer needs no rights but those on the table.
CREATE ROLE guard_writer;
GRANT USAGE ON SCHEMA guard_writers TO guard_writer;
GRANT INSERT, UPDATE, SELECT ON seatplan TO guard_writer;
SET ROLE guard_writer;
INSERT INTO seatplan VALUES (90, 11, '[1,5)', 2);
INSERT INTO seatplan VALUES (91, 11, '[1,5)', 2);
UPDATE seatplan SET note = 'mine' WHERE id = 90;
RESET ROLE;
DROP OWNED BY guard_writer;
DROP ROLE guard_writer;

SET client_min_messages = warning;
DROP SCHEMA guard_writers CASCADE;
