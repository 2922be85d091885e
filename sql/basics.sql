--
-- The most usual calls: few enough for a server on which each takes seconds, as
-- one that throws its caches away whenever it may (tools/test variants discard-caches).
--
\set VERBOSITY terse
\set ECHO none
SELECT set_config('debug_discard_caches', coalesce(current_setting('regress.discard_caches', true), '0'), false) \gset
\set ECHO all

SELECT name FROM booking.create_resource('basics: room');
SELECT name FROM booking.create_resource('basics: pool', 'pooled', 2);
SELECT holder FROM booking.book_slot('basics: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann', id => '00000000-0000-4000-8000-00000000ba51');
SELECT holder FROM booking.try_book_slot('basics: room', '[2030-01-07 09:30, 2030-01-07 10:30)', 'bob');
SELECT holder FROM booking.book_slot('basics: room', '[2030-01-07 09:30, 2030-01-07 10:30)', 'bob');
SELECT count(id) FROM generate_series(1, 3) AS n, booking.try_book_slot('basics: pool', '[2030-01-07 09:00, 2030-01-07 10:00)', 'c' || n);
SELECT status FROM booking.cancel('00000000-0000-4000-8000-00000000ba51');
SELECT status FROM booking.book_slot('basics: room', '[2030-01-07 09:30, 2030-01-07 10:30)', 'bob', hold_for => '1 day', id => '00000000-0000-4000-8000-00000000ba52');
SELECT status FROM booking.confirm('00000000-0000-4000-8000-00000000ba52');
SELECT id AS slot FROM booking.publish_slot('basics: pool', '[2030-01-08 09:00, 2030-01-08 10:00)', 1) \gset
SELECT count(id) FROM generate_series(1, 2) AS n, booking.try_book_place(:slot, 'c' || n);

CREATE TABLE basics (room int, during tstzrange);
SELECT FROM booking.guard_table('basics', '{room}', '{during}');
INSERT INTO basics VALUES (1, '[2030-01-07 09:00, 2030-01-07 10:00)'), (2, '[2030-01-07 09:00, 2030-01-07 10:00)');
INSERT INTO basics VALUES (1, '[2030-01-07 09:30, 2030-01-07 10:30)');
DROP TABLE basics;

SET debug_discard_caches = 0;
SELECT * FROM booking.verify() WHERE resource_id IN (SELECT id FROM booking.resource WHERE name LIKE 'basics: %');
DELETE FROM booking.booking WHERE resource_id IN (SELECT id FROM booking.resource WHERE name LIKE 'basics: %');
DELETE FROM booking.resource WHERE name LIKE 'basics: %';
