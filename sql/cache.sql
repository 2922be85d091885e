-- What a backend remembers of resources, slots and guards is current, and bounded.
\set VERBOSITY terse

-- Bytes that this backend keeps of one kind of things.
CREATE FUNCTION pg_temp.remembered(kind text) RETURNS bigint LANGUAGE sql VOLATILE AS $$
	SELECT coalesce(sum(total_bytes), 0)::bigint FROM pg_backend_memory_contexts
	WHERE name = kind OR ident = kind
$$;

-- A rule that is changed and used, again and again in one transaction and one statement:
-- old copies do not pile up.
SELECT name FROM booking.create_resource('cache often', 'pooled', 1000000);
INSERT INTO booking.closure (resource_id, period, reason)
	SELECT id, tstzrange(timestamptz '2020-01-01' + n * interval '1 day', timestamptz '2020-01-01 12:00' + n * interval '1 day'), repeat('x', 100)
	FROM booking.resource, generate_series(1, 200) AS n WHERE name = 'cache often';
BEGIN;
DO $$
BEGIN
	FOR n IN 1 .. 1000 LOOP
		UPDATE booking.resource SET capacity = 1000000 + n WHERE name = 'cache often';
		PERFORM booking.try_book_slot('cache often', '[2030-01-01 10:00+00,2030-01-01 11:00+00)', 'h', quantity => 2000000);
	END LOOP;
	RAISE NOTICE 'bounded inside the statement: %', pg_temp.remembered('booking resources') < 1024 * 1024;
END $$;
SELECT pg_temp.remembered('booking resources') BETWEEN 1 AND 1024 * 1024 AS bounded;
-- The last change is the one that counts.
SELECT quantity FROM booking.book_slot('cache often', '[2030-01-01 10:00+00,2030-01-01 11:00+00)', 'h', quantity => 1001000);
ROLLBACK;
SELECT quantity FROM booking.try_book_slot('cache often', '[2030-01-01 10:00+00,2030-01-01 11:00+00)', 'h', quantity => 1001000);

-- Big resources, many of them: 50 times a megabyte.
INSERT INTO booking.resource (name, kind) SELECT 'cache big ' || n, 'exclusive' FROM generate_series(1, 50) AS n;
INSERT INTO booking.closure (resource_id, period, reason)
	SELECT id, '[2020-01-01,2020-01-02)', repeat('x', 1000000) FROM booking.resource WHERE name LIKE 'cache big %';
SELECT count(b.id) FROM booking.resource r,
	booking.book_slot(r.id, '[2030-01-01 10:00+00,2030-01-01 11:00+00)', 'h') AS b WHERE r.name LIKE 'cache big %';
SELECT pg_temp.remembered('booking resources') BETWEEN 1024 * 1024 AND 24 * 1024 * 1024 AS bounded;

-- Many slots: each is looked at, and is refused.
SELECT name FROM booking.create_resource('cache slots', 'pooled', 1);
INSERT INTO booking.slot (resource_id, period, capacity)
	SELECT id, tstzrange(timestamptz '2030-01-01' + n * interval '1 hour', timestamptz '2030-01-01' + (n + 1) * interval '1 hour'), 1
	FROM booking.resource, generate_series(1, 15000) AS n WHERE name = 'cache slots';
SELECT count(*) AS slots, count(b.id) AS booked
	FROM booking.slot s JOIN booking.resource r ON r.id = s.resource_id
	LEFT JOIN LATERAL booking.try_book_place(s.id, 'h', 2) AS b ON true WHERE r.name = 'cache slots';
SELECT pg_temp.remembered('booking slots') BETWEEN 1 AND 2.5 * 1024 * 1024 AS bounded;

-- Guards, as big as they come: 40 times a megabyte.
SET client_min_messages = warning;
DO $$
BEGIN
	FOR n IN 1 .. 40 LOOP
		EXECUTE format('CREATE TABLE cache_guarded_%s (thing int, during tstzrange)', n);
		PERFORM booking.guard_table(format('cache_guarded_%s', n)::regclass, '{thing}', '{during}',
			capacity_query => 'SELECT 2 -- ' || repeat('x', 500000));
		EXECUTE format('INSERT INTO cache_guarded_%s VALUES (1, ''[2030-01-01,2030-01-02)''), (1, ''[2030-01-01,2030-01-02)'')', n);
	END LOOP;
END $$;
SELECT pg_temp.remembered('booking guarded tables') BETWEEN 1024 * 1024 AND 24 * 1024 * 1024 AS bounded;
INSERT INTO cache_guarded_1 VALUES (1, '[2030-01-01,2030-01-02)');
DO $$
BEGIN
	FOR n IN 1 .. 40 LOOP
		EXECUTE format('DROP TABLE cache_guarded_%s', n);
	END LOOP;
END $$;
RESET client_min_messages;

-- A name that is given to another resource, and back again.
SELECT name FROM booking.create_resource('cache a');
SELECT name FROM booking.create_resource('cache b');
SELECT id AS a FROM booking.resource WHERE name = 'cache a' \gset
SELECT id AS b FROM booking.resource WHERE name = 'cache b' \gset
SELECT resource_id = :a AS is_a FROM booking.book_slot('cache a', '[2030-01-01 10:00+00,2030-01-01 11:00+00)', 'h');
BEGIN;
UPDATE booking.resource SET name = 'cache c' WHERE id = :a;
SELECT resource_id = :a AS is_a FROM booking.book_slot('cache c', '[2030-01-02 10:00+00,2030-01-02 11:00+00)', 'h');
SAVEPOINT s;
UPDATE booking.resource SET name = 'cache a' WHERE id = :b;
SELECT resource_id = :b AS is_b FROM booking.book_slot('cache a', '[2030-01-02 10:00+00,2030-01-02 11:00+00)', 'h');
ROLLBACK TO s;
SELECT booking.book_slot('cache a', '[2030-01-03 10:00+00,2030-01-03 11:00+00)', 'h');
ROLLBACK TO s;
SELECT resource_id = :a AS is_a FROM booking.book_slot('cache c', '[2030-01-03 10:00+00,2030-01-03 11:00+00)', 'h');
ROLLBACK;
SELECT resource_id = :a AS is_a FROM booking.book_slot('cache a', '[2030-01-02 10:00+00,2030-01-02 11:00+00)', 'h');

-- The extension is dropped and created again, with other OIDs, in a session that has used
-- it; and that is rolled back.
SET client_min_messages = warning;
BEGIN;
SELECT 'booking.resource'::regclass::oid AS before \gset
DROP EXTENSION booking CASCADE;
CREATE EXTENSION booking;
SELECT 'booking.resource'::regclass::oid <> :before AS another;
SELECT name FROM booking.create_resource('cache a', 'pooled', 2);
SELECT quantity FROM booking.book_slot('cache a', '[2030-01-02 10:00+00,2030-01-02 11:00+00)', 'h', quantity => 2);
SELECT quantity FROM booking.try_book_slot('cache a', '[2030-01-02 10:00+00,2030-01-02 11:00+00)', 'h');
SELECT p.capacity FROM booking.publish_slot('cache a', '[2030-01-05 10:00+00,2030-01-05 11:00+00)', 2) AS p;
SELECT b.quantity FROM booking.slot s, booking.book_place(s.id, 'h', 2) AS b;
ROLLBACK;
RESET client_min_messages;
SELECT resource_id = :a AS is_a FROM booking.book_slot('cache a', '[2030-01-04 10:00+00,2030-01-04 11:00+00)', 'h');
SELECT booking.book_slot('cache a', '[2030-01-04 10:00+00,2030-01-04 11:00+00)', 'h');
