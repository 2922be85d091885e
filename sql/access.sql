--
-- Levels of access: what each allows, and that it can be taken back.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all
\set SHOW_CONTEXT never
GRANT EXECUTE ON FUNCTION pg_temp.said(text) TO PUBLIC;
CREATE ROLE regress_access_reader;
CREATE ROLE "regress_access: the ""Booker""";
CREATE ROLE regress_access_manager;
CREATE ROLE regress_access_migrations;
CREATE ROLE regress_access_app;
CREATE ROLE regress_access_all;
CREATE ROLE regress_access_other;

-- Both functions report what they have done.
SET client_min_messages = notice;
SELECT booking.grant_access('regress_access_migrations', 'guard');
SELECT booking.grant_access('regress_access_migrations', 'guard');
SELECT booking.revoke_access('regress_access_migrations');
SELECT booking.revoke_access('regress_access_migrations');
SET client_min_messages = warning;

-- What is not a role, not a level, not allowed.
SELECT pg_temp.said($$SELECT booking.grant_access(NULL, 'read')$$);
SELECT pg_temp.said($$SELECT booking.revoke_access(NULL)$$);
SELECT pg_temp.said($$SELECT booking.grant_access('regress_access_app', '')$$);
SELECT pg_temp.said($$SELECT booking.grant_access('regress_access_app', 'Read')$$);
SELECT pg_temp.said($$SELECT booking.grant_access('0', 'read')$$);
SELECT pg_temp.said($$SELECT booking.grant_access('-', 'read')$$);
SELECT pg_temp.said($$SELECT booking.revoke_access('0')$$);
SELECT pg_temp.said($$SELECT booking.grant_access(4294967295::oid::regrole, 'read')$$);
SELECT pg_temp.said($$SELECT booking.revoke_access(4294967295::oid::regrole)$$);
SELECT pg_temp.said($$SELECT booking.grant_access('regress_access_nobody', 'read')$$);
-- The owner keeps what it has: its triggers need that.
SELECT replace(s, owner, '<owner>') FROM (SELECT nspowner::regrole::text AS owner FROM pg_namespace WHERE nspname = 'booking') AS o,
	pg_temp.said(format('SELECT booking.revoke_access(%L)', o.owner)) AS s;
-- EXECUTE does not make a role the owner.
GRANT USAGE ON SCHEMA booking TO regress_access_other;
GRANT EXECUTE ON FUNCTION booking.grant_access, booking.revoke_access, booking.change_access TO regress_access_other;
SET ROLE regress_access_other;
SELECT regexp_replace(said, 'Call it as .*', 'Call it as <owner>.') FROM pg_temp.said($$SELECT booking.grant_access('regress_access_other', 'manage')$$) AS said;
SELECT regexp_replace(said, 'Call it as .*', 'Call it as <owner>.') FROM pg_temp.said($$SELECT booking.revoke_access('regress_access_app')$$) AS said;
SET ROLE regress_access_app;
SELECT pg_temp.said($$SELECT booking.grant_access('regress_access_app', 'read')$$);
RESET ROLE;

-- Each level from nothing, and back to nothing.
SELECT booking.grant_access('regress_access_reader', 'read');
SELECT booking.grant_access('"regress_access: the ""Booker"""', 'book');
SELECT booking.grant_access('regress_access_manager', 'manage');
SELECT booking.grant_access('regress_access_migrations', 'guard');

-- The documentation says the same in plain GRANTs.
CREATE FUNCTION pg_temp.has(who text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT nspname || ' ' || privilege_type FROM pg_namespace, aclexplode(nspacl) WHERE nspname = 'booking' AND grantee = who::regrole
	UNION ALL SELECT relname || ' ' || privilege_type FROM pg_class, aclexplode(relacl) WHERE relnamespace = 'booking'::regnamespace AND grantee = who::regrole
	UNION ALL SELECT p.oid::regprocedure || ' ' || privilege_type FROM pg_proc p, aclexplode(proacl) WHERE pronamespace = 'booking'::regnamespace AND grantee = who::regrole
	UNION ALL SELECT attname || ' ' || privilege_type FROM pg_attribute, aclexplode(attacl) WHERE attrelid::regclass::text LIKE 'booking.%' AND grantee = who::regrole
$$;
CREATE FUNCTION pg_temp.differs(one text, other text) RETURNS SETOF text LANGUAGE sql AS $$
	(SELECT 'only ' || one || ': ' || h FROM pg_temp.has(one) AS h EXCEPT ALL SELECT 'only ' || one || ': ' || h FROM pg_temp.has(other) AS h)
	UNION ALL
	(SELECT 'only ' || other || ': ' || h FROM pg_temp.has(other) AS h EXCEPT ALL SELECT 'only ' || other || ': ' || h FROM pg_temp.has(one) AS h)
$$;
CREATE ROLE regress_access_clerk;
CREATE ROLE regress_access_guard;
\set ECHO none
\set docs :srcdir '/docs/operations.md'
\set grants `mktemp`
\set ran `sed -n '/^-- read$/,/^$/{s/clerk/regress_access_clerk/g;/^[[:punct:]]*$/d;p;}' :'docs' > :'grants'`
\i :grants
\set ran `sed -n '/^-- guard$/,/^$/{s/clerk/regress_access_guard/g;/^[[:punct:]]*$/d;p;}' :'docs' > :'grants'`
\i :grants
\set ECHO all
SELECT count(*) > 20 FROM pg_temp.has('regress_access_clerk');
SELECT pg_temp.differs('regress_access_reader', 'regress_access_clerk');
SELECT pg_temp.differs('regress_access_migrations', 'regress_access_guard');
\set ECHO none
\set ran `sed -n '/^-- book, beyond read$/,/^$/{s/clerk/regress_access_clerk/g;/^[[:punct:]]*$/d;p;}' :'docs' > :'grants'`
\i :grants
\set ECHO all
SELECT pg_temp.differs('"regress_access: the ""Booker"""', 'regress_access_clerk');
\set ECHO none
\set ran `sed -n '/^-- manage, beyond book$/,/^$/{s/clerk/regress_access_clerk/g;/^[[:punct:]]*$/d;p;}' :'docs' > :'grants'`
\i :grants
\set ran `rm :'grants'`
\set ECHO all
SELECT pg_temp.differs('regress_access_manager', 'regress_access_clerk');

-- They combine, and a lower one takes nothing away.
SELECT booking.grant_access('regress_access_manager', 'guard');
SELECT booking.grant_access('regress_access_manager', 'read');
SELECT count(*) FROM (SELECT pg_temp.has('regress_access_clerk') UNION SELECT pg_temp.has('regress_access_guard')
	EXCEPT SELECT pg_temp.has('regress_access_manager')) AS missing;

-- A reader looks at everything that pg_dump does, sequences included.
SET ROLE regress_access_reader;
BEGIN READ ONLY;
LOCK TABLE booking.booking, booking.waitlist, booking.resource, booking.seat, booking.slot, booking.closure,
	booking.opening_hours, booking.holder_limit IN ACCESS SHARE MODE;
SELECT last_value > 0 FROM booking.resource_id_seq;
SELECT last_value > 0 FROM booking.waitlist_id_seq;
COMMIT;
SELECT pg_temp.said($$SELECT nextval('booking.resource_id_seq')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('pg_class', '{}', '{relname}')$$);
RESET ROLE;

-- Migrations run as the owner of an application's tables: guard, alter, unguard.  The application writes.
CREATE SCHEMA regress_access AUTHORIZATION regress_access_migrations;
SET ROLE regress_access_migrations;
GRANT USAGE ON SCHEMA regress_access TO regress_access_app, regress_access_reader;
CREATE TABLE regress_access.room_type (id int PRIMARY KEY, rooms int NOT NULL);
CREATE TABLE regress_access.stay (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, room_type int NOT NULL, nights daterange NOT NULL);
CREATE TABLE regress_access.works (room_type int NOT NULL, days daterange NOT NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA regress_access TO regress_access_app;
INSERT INTO regress_access.room_type VALUES (1, 2), (2, 0);
SELECT booking.guard_table('regress_access.stay', '{room_type}', '{nights}', name => 'stay_rooms',
	capacity_query => 'SELECT rooms FROM regress_access.room_type WHERE id = $1');
SELECT booking.guard_against('regress_access.stay', 'stay_rooms', 'regress_access.works', '{room_type}', '{days}');
SET ROLE regress_access_app;
INSERT INTO regress_access.stay (room_type, nights) VALUES (1, '[2030-01-01, 2030-01-03)'), (1, '[2030-01-02, 2030-01-04)');
SELECT pg_temp.said($$INSERT INTO regress_access.stay (room_type, nights) VALUES (1, '[2030-01-02, 2030-01-03)')$$);
SELECT pg_temp.said($$INSERT INTO regress_access.works VALUES (1, '[2030-01-02, 2030-01-03)')$$);
UPDATE regress_access.room_type SET rooms = 3 WHERE id = 1;
INSERT INTO regress_access.stay (room_type, nights) VALUES (1, '[2030-01-02, 2030-01-03)');
SELECT pg_temp.said($$SELECT booking.unguard_table('regress_access.stay')$$);
SET ROLE regress_access_migrations;
SELECT booking.validate_guard('regress_access.stay', 'stay_rooms');
SELECT name, rule, target FROM booking.guarded_table WHERE target::text LIKE 'regress_access.%' ORDER BY 1, 2;
SELECT target, detail FROM booking.verify_guards() WHERE target::text LIKE 'regress_access.%';
SELECT booking.unguard_table('regress_access.stay');
-- Another's tables are another's, and bookings are not part of this level.
SELECT pg_temp.said($$SELECT booking.guard_table('booking.booking', '{resource_id}', '{period}')$$);
SELECT pg_temp.said($$SELECT * FROM booking.booking$$);
SELECT pg_temp.said($$SELECT booking.book_slot(1, '[2030-01-02, 2030-01-03)', 'ann')$$);
RESET ROLE;

-- Back to nothing, whatever was granted; also on columns.
GRANT UPDATE (reason) ON booking.booking TO regress_access_manager;
SELECT booking.revoke_access('regress_access_reader');
SELECT booking.revoke_access('"regress_access: the ""Booker"""');
SELECT booking.revoke_access('regress_access_manager');
SELECT booking.revoke_access('regress_access_migrations');
SELECT pg_temp.has(role) FROM unnest(ARRAY['regress_access_reader', '"regress_access: the ""Booker"""',
	'regress_access_manager', 'regress_access_migrations']) AS role;
-- What is not the owner's to take back is named.
GRANT SELECT ON booking.booking TO regress_access_other WITH GRANT OPTION;
SET ROLE regress_access_other;
GRANT SELECT ON booking.booking TO regress_access_app;
RESET ROLE;
SET client_min_messages = notice;
SELECT booking.revoke_access('regress_access_app');
SET client_min_messages = warning;

-- An object that a user has put into the schema is not granted by the extension.
CREATE TABLE booking.regress_access_theirs (secret text);
CREATE FUNCTION booking.regress_access_theirs() RETURNS text LANGUAGE sql AS $$ SELECT 'secret' $$;
REVOKE ALL ON FUNCTION booking.regress_access_theirs FROM PUBLIC;
SELECT booking.grant_access('regress_access_all', 'manage');
SELECT has_table_privilege('regress_access_all', 'booking.regress_access_theirs', 'SELECT'),
	has_function_privilege('regress_access_all', 'booking.regress_access_theirs()', 'EXECUTE');
DROP TABLE booking.regress_access_theirs;
DROP FUNCTION booking.regress_access_theirs();

DROP SCHEMA regress_access CASCADE;
DROP OWNED BY regress_access_all, regress_access_other, regress_access_clerk, regress_access_guard, regress_access_app;
DROP ROLE regress_access_reader, "regress_access: the ""Booker""", regress_access_manager, regress_access_migrations, regress_access_app,
	regress_access_all, regress_access_other, regress_access_clerk, regress_access_guard;
