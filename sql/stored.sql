--
-- book_slot() stores its row, and the journal its event, without a statement (store.c) where the
-- tables are as the extension has made them.  Whatever users have put on them has the same effect as
-- in an INSERT, at once, in a session that has booked before.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

SELECT kind FROM booking.create_resource('stored: room');
CREATE FUNCTION pg_temp.book(day int, holder text DEFAULT 'ann') RETURNS SETOF booking.booking LANGUAGE sql AS $$
SELECT * FROM booking.book_slot('stored: room', tstzrange('2030-01-01'::timestamptz + day * interval '1 day', '2030-01-01'::timestamptz + day * interval '1 day 1 hour'), holder) $$;
SELECT holder, status, version, reason FROM pg_temp.book(1);

-- A function in a CHECK that is replaced afterwards.
CREATE FUNCTION stored_accepts(holder text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT true $$;
ALTER TABLE booking.booking ADD CONSTRAINT stored_accepted CHECK (public.stored_accepts(holder));
SELECT holder FROM pg_temp.book(2);
CREATE OR REPLACE FUNCTION stored_accepts(holder text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT holder <> 'ann' $$;
SELECT pg_temp.said('SELECT * FROM pg_temp.book(3)');
ALTER TABLE booking.booking DROP CONSTRAINT stored_accepted;
DROP FUNCTION stored_accepts(text);

-- A CHECK of nothing but PostgreSQL's functions.
ALTER TABLE booking.booking ADD CONSTRAINT stored_short CHECK (length(holder) < 10) NOT VALID;
SELECT pg_temp.said($$SELECT * FROM pg_temp.book(3, 'a holder of many words')$$);
SELECT holder FROM pg_temp.book(3);
ALTER TABLE booking.booking DROP CONSTRAINT stored_short;
SELECT holder FROM pg_temp.book(4, 'a holder of many words');

-- Defaults: of PostgreSQL's functions, of a user's function, of a domain, and of one of our columns.
ALTER TABLE booking.booking ADD stored_by text DEFAULT upper('somebody');
SELECT (b::text LIKE '%SOMEBODY%') FROM pg_temp.book(5) AS b;
CREATE FUNCTION stored_default() RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'first' $$;
ALTER TABLE booking.booking ALTER stored_by SET DEFAULT public.stored_default();
SELECT (b::text LIKE '%first%') FROM pg_temp.book(6) AS b;
CREATE OR REPLACE FUNCTION stored_default() RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'second' $$;
SELECT (b::text LIKE '%second%') FROM pg_temp.book(7) AS b;
CREATE DOMAIN stored_domain AS text DEFAULT 'of a domain' CHECK (value <> 'no');
ALTER TABLE booking.booking ADD stored_of stored_domain;
SELECT (b::text LIKE '%of a domain%') FROM pg_temp.book(8) AS b;
ALTER TABLE booking.booking DROP stored_of, DROP stored_by;
DROP FUNCTION stored_default();
ALTER TABLE booking.booking ALTER reason SET DEFAULT 'by default';
SELECT reason FROM pg_temp.book(9);
ALTER TABLE booking.booking ALTER reason DROP DEFAULT;
SELECT reason FROM pg_temp.book(10);

-- A column that must have a value, and one that is computed.
ALTER TABLE booking.booking ADD stored_needed integer;
SELECT holder FROM pg_temp.book(11);
ALTER TABLE booking.booking DROP stored_needed, ADD stored_needed integer NOT NULL DEFAULT 1;
ALTER TABLE booking.booking ALTER stored_needed DROP DEFAULT;
SELECT pg_temp.said('SELECT * FROM pg_temp.book(12)');
ALTER TABLE booking.booking DROP stored_needed;
ALTER TABLE booking.booking ADD stored_hour timestamptz GENERATED ALWAYS AS (lower(period)) STORED;
SELECT holder FROM pg_temp.book(12, 'by the hour');
SELECT stored_hour = lower(period) FROM booking.booking WHERE holder = 'by the hour';
ALTER TABLE booking.booking DROP stored_hour;

-- Indexes that come and go, of any kind, unique or with a user's function.
CREATE UNIQUE INDEX stored_unique ON booking.booking (holder, period) WHERE holder = 'only once';
SELECT holder FROM pg_temp.book(13, 'only once');
CREATE INDEX stored_gin ON booking.booking USING gin (data);
CREATE INDEX stored_brin ON booking.booking USING brin (created_at);
CREATE INDEX stored_hash ON booking.booking USING hash (holder);
SELECT count(*) FROM generate_series(14, 17) AS n, pg_temp.book(n, 'everywhere');
SET enable_seqscan = off;
SELECT count(*) FROM booking.booking WHERE holder = 'everywhere';
SELECT count(*) FROM booking.booking WHERE data @> '{}' AND holder LIKE 'every%';
RESET enable_seqscan;
CREATE FUNCTION stored_key(holder text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN 'key of ' || holder; END $$;
CREATE UNIQUE INDEX stored_keys ON booking.booking (public.stored_key(holder)) WHERE holder LIKE 'unique%';
SELECT holder FROM pg_temp.book(18, 'unique one');
SELECT pg_temp.said($$SELECT * FROM pg_temp.book(19, 'unique one')$$);
DROP INDEX booking.stored_unique, booking.stored_gin, booking.stored_brin, booking.stored_hash, booking.stored_keys;
DROP FUNCTION stored_key(text);
SELECT holder FROM pg_temp.book(19, 'unique one');

-- A rule, and a trigger, of a user's.
CREATE RULE stored_rule AS ON INSERT TO booking.booking WHERE new.holder = 'nobody' DO INSTEAD NOTHING;
SELECT pg_temp.said($$SELECT * FROM pg_temp.book(20, 'nobody')$$);
DROP RULE stored_rule ON booking.booking;
CREATE FUNCTION stored_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING '% of %', tg_op, new.holder; RETURN NULL; END $$;
CREATE TRIGGER stored_trigger AFTER INSERT ON booking.booking FOR EACH ROW EXECUTE FUNCTION stored_trigger();
SELECT holder FROM pg_temp.book(20);
DROP TRIGGER stored_trigger ON booking.booking;

-- The journal: what users add to it is evaluated as its owner, whichever role books.
CREATE ROLE stored_booker;
SELECT booking.grant_access('stored_booker', 'book');
ALTER TABLE booking.event ADD stored_writer text DEFAULT current_user;
SET ROLE stored_booker;
SELECT holder FROM pg_temp.book(21, 'of the booker');
RESET ROLE;
SELECT stored_writer = current_user FROM booking.event WHERE holder = 'of the booker';
ALTER TABLE booking.event DROP stored_writer;
CREATE FUNCTION stored_event() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'event: % of %', new.kind, new.holder; RETURN NULL; END $$;
CREATE TRIGGER stored_event AFTER INSERT ON booking.event FOR EACH ROW EXECUTE FUNCTION stored_event();
SELECT holder FROM pg_temp.book(22);
DROP TRIGGER stored_event ON booking.event;
DROP FUNCTION stored_event(), stored_trigger();
SELECT holder FROM pg_temp.book(23);

-- Rights: what an INSERT needs is needed here.
REVOKE INSERT ON booking.booking FROM stored_booker;
SET ROLE stored_booker;
SELECT pg_temp.said('SELECT * FROM pg_temp.book(24)');
RESET ROLE;
GRANT INSERT ON booking.booking TO stored_booker;
SET ROLE stored_booker;
SELECT holder FROM pg_temp.book(24);
RESET ROLE;
ALTER TABLE booking.booking ENABLE ROW LEVEL SECURITY;
SET ROLE stored_booker;
SELECT pg_temp.said('SELECT * FROM pg_temp.book(25)');
RESET ROLE;
ALTER TABLE booking.booking DISABLE ROW LEVEL SECURITY;
BEGIN READ ONLY;
SELECT pg_temp.said('SELECT * FROM pg_temp.book(25)');
COMMIT;

-- Every booking has its event, with a number of its own, and a rollback takes both.
BEGIN;
SAVEPOINT before;
SELECT holder FROM pg_temp.book(25);
ROLLBACK TO before;
SELECT holder FROM pg_temp.book(25);
COMMIT;
SELECT count(*) = count(DISTINCT e.seq), count(*) = count(DISTINCT b.id)
FROM booking.booking AS b LEFT JOIN booking.event AS e ON e.booking_id = b.id AND e.kind = 'confirmed'
WHERE b.resource_id = booking.resource_id('stored: room');
SELECT count(*) FROM booking.verify();

DELETE FROM booking.booking WHERE resource_id = booking.resource_id('stored: room');
DELETE FROM booking.resource WHERE name = 'stored: room';
SELECT booking.revoke_access('stored_booker');
DROP DOMAIN stored_domain;
DROP ROLE stored_booker;
