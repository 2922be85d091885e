--
-- A resource's id that is sent without a type is taken for a name: the error says how to cast it.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all
INSERT INTO booking.resource (id, name) VALUES (-7001, 'untyped_id: room');
SELECT pg_temp.said($$SELECT booking.book_slot('-7001', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann')$$);
SELECT pg_temp.said($$SELECT booking.local_period('-7001', '2030-01-07 09:00', '2030-01-07 10:00')$$);
SELECT holder FROM booking.book_slot('-7001'::bigint, '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann');
-- Only what has nothing but digits may be one.
SELECT pg_temp.said(format('SELECT booking.book_slot(%L, ''[2030-01-07 09:00, 2030-01-07 10:00)'', ''ann'')', name))
FROM unnest('{"", -, 7a, 7 , --7, 12345678901234567890123}'::text[]) AS name;
DELETE FROM booking.booking WHERE resource_id = -7001;
DELETE FROM booking.resource WHERE id = -7001;
