--
-- Sums of quantities are never wrong, however large; quantities that are none take nothing.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all
CREATE SCHEMA guard_sums;
SET search_path = guard_sums;
CREATE TABLE hotel (id int, rooms bigint);
CREATE TABLE stay (hotel int, nights int4range, rooms bigint);
SELECT booking.guard_table('stay', '{hotel}', '{nights}', quantity => 'rooms', name => 'stay_guard', capacity_query => 'SELECT rooms FROM hotel WHERE id = $1');
INSERT INTO hotel VALUES (1, 9223372036854775807), (2, 10), (3, -5), (4, NULL);
INSERT INTO stay VALUES (1, '[1,5)', 9000000000000000000);
SELECT pg_temp.said($$INSERT INTO stay VALUES (1, '[1,5)', 9000000000000000000)$$);
INSERT INTO stay VALUES (1, '[5,9)', 9000000000000000000), (1, '[1,9)', 223372036854775806);
SELECT pg_temp.said($$INSERT INTO stay VALUES (1, '[4,6)', 1)$$);
SELECT pg_temp.said($$INSERT INTO stay VALUES (1, '[4,6)', 9223372036854775807)$$);
SELECT pg_temp.said($$INSERT INTO stay VALUES (2, '[4,6)', 9223372036854775807)$$);
SELECT pg_temp.said($$INSERT INTO stay VALUES (3, '[4,6)', 1)$$);
SELECT pg_temp.said($$INSERT INTO stay VALUES (4, '[4,6)', 1)$$);
SELECT pg_temp.said($$INSERT INTO stay VALUES (2, '[4,6)', -9223372036854775808)$$);
SELECT pg_temp.said($$INSERT INTO stay VALUES (2, '[4,6)', NULL)$$);
INSERT INTO stay VALUES (2, '[4,6)', 0);

-- Rows that no trigger has judged: twice 9e18, twice, and a third
ALTER TABLE stay DISABLE TRIGGER USER;
INSERT INTO stay SELECT 2, '[10,20)', 9000000000000000000 FROM generate_series(1, 2);
ALTER TABLE stay ENABLE TRIGGER USER;
SELECT pg_temp.said($$INSERT INTO stay VALUES (2, '[10,20)', 9000000000000000000)$$);
SELECT pg_temp.said($$INSERT INTO stay VALUES (2, '[10,20)', 1)$$);
SELECT detail FROM booking.verify_guards() WHERE target = 'stay'::regclass;
SELECT pg_temp.said($$SELECT booking.validate_guard('stay', 'stay_guard')$$);
SELECT booking.unguard_table('stay');

-- Rows that are there: twice 5e18 are more than 10, and more than any number.
TRUNCATE stay;
INSERT INTO stay SELECT 1, '[10,20)', 5000000000000000000 FROM generate_series(1, 2);
SELECT pg_temp.said($$SELECT booking.guard_table('stay', '{hotel}', '{nights}', 10, quantity => 'rooms')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('stay', '{hotel}', '{nights}', quantity => 'rooms', capacity_query => 'SELECT rooms FROM hotel WHERE id = $1')$$);
SELECT pg_temp.said($$SELECT booking.guard_table('stay', '{hotel}', '{nights}', quantity => 'rooms', capacity_query => 'SELECT 1e30')$$);

-- From before the guard: such a row takes nothing, neither from others nor from the sum, and can be mended.
TRUNCATE stay;
INSERT INTO stay VALUES (1, '[1,5)', NULL), (1, '[1,5)', -100);
SELECT pg_temp.said($$SELECT booking.guard_table('stay', '{hotel}', '{nights}', 3, quantity => 'rooms')$$);
SELECT booking.guard_table('stay', '{hotel}', '{nights}', 3, quantity => 'rooms', name => 'late', check_existing => false);
INSERT INTO stay VALUES (1, '[1,5)', 3);
SELECT pg_temp.said($$INSERT INTO stay VALUES (1, '[1,5)', 1)$$);
ALTER TABLE stay DISABLE TRIGGER USER;
INSERT INTO stay VALUES (1, '[1,5)', 1);
ALTER TABLE stay ENABLE TRIGGER USER;
SELECT detail FROM booking.verify_guards() WHERE target = 'stay'::regclass;
SELECT pg_temp.said($$UPDATE stay SET rooms = 1 WHERE rooms IS NULL$$);
UPDATE stay SET rooms = 0 WHERE rooms IS NULL OR rooms < 0;
DROP SCHEMA guard_sums CASCADE;
