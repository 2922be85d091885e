--
-- Subscribers: readers of the journal that keep their place, shared by several workers.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all
\set SHOW_CONTEXT never
SELECT (booking.create_resource('subscribers: pool', 'pooled', 100)).capacity;

-- From now on; again, it stays as it is.
SELECT name, lanes, lease, keep_for FROM booking.subscribe('subscribers: mail', lanes => 2);
SELECT name, lanes FROM booking.subscribe('subscribers: mail', NULL);
UPDATE booking.subscriber SET lease = '1 hour' WHERE name = 'subscribers: mail';
SELECT count(*) FROM booking.next_events('subscribers: mail');

-- Two bookings, one in each lane.
INSERT INTO booking.booking (id, resource_id, period, holder)
SELECT ('00000000-0000-7000-8000-00000001600' || n)::uuid, id, '[2040-01-01, 2040-01-02)', 'holder ' || n
FROM booking.resource, generate_series(1, 2) AS n WHERE name = 'subscribers: pool' ORDER BY n;
SELECT status FROM booking.cancel('00000000-0000-7000-8000-000000016001', 'never mind');
SELECT status FROM booking.cancel('00000000-0000-7000-8000-000000016002');
SELECT events_behind, oldest IS NOT NULL AS behind, lanes_given FROM booking.subscriber_stats WHERE subscriber = 'subscribers: mail';

-- One worker gets the one, another the other; a third nothing.
CREATE TEMP TABLE first AS SELECT * FROM booking.next_events('subscribers: mail');
CREATE TEMP TABLE second AS SELECT * FROM booking.next_events('subscribers: mail');
SELECT kind, holder, version FROM first;
SELECT kind, holder, version FROM second;
SELECT count(*) FROM booking.next_events('subscribers: mail');
SELECT events_behind, lanes_given FROM booking.subscriber_stats WHERE subscriber = 'subscribers: mail';

-- Done in parts, and twice.
SELECT booking.done('subscribers: mail', (SELECT cursor FROM first LIMIT 1));
SELECT count(*) FROM booking.next_events('subscribers: mail');
SELECT events_behind, lanes_given FROM booking.subscriber_stats WHERE subscriber = 'subscribers: mail';
SELECT booking.done('subscribers: mail', (SELECT cursor FROM first OFFSET 1));
SELECT booking.done('subscribers: mail', (SELECT cursor FROM first OFFSET 1));
SELECT booking.done('subscribers: mail', (SELECT cursor FROM first LIMIT 1));
SELECT events_behind, lanes_given FROM booking.subscriber_stats WHERE subscriber = 'subscribers: mail';

-- A worker that does not come back: its events come again, and it is told when it is too late.
UPDATE booking.subscriber_lane SET given_until = now() - interval '1 second' WHERE subscriber = 'subscribers: mail' AND given_until IS NOT NULL;
CREATE TEMP TABLE again AS SELECT * FROM booking.next_events('subscribers: mail', 1);
SELECT kind, holder, version, seq = (SELECT min(seq) FROM second) AS the_same FROM again;
SELECT pg_temp.said(format('SELECT booking.done(''subscribers: mail'', %L)', cursor)) FROM second WHERE version = 2;
SELECT booking.done('subscribers: mail', cursor) FROM again;
SELECT kind, holder FROM booking.next_events('subscribers: mail');
-- Late, but no other worker has them.
UPDATE booking.subscriber_lane SET given_until = now() - interval '1 second' WHERE subscriber = 'subscribers: mail' AND given_until IS NOT NULL;
SELECT booking.done('subscribers: mail', concat_ws('.', lane, given, given_position, given_seq)) FROM booking.subscriber_lane
WHERE subscriber = 'subscribers: mail' AND given_until IS NOT NULL;
SELECT events_behind, lanes_given, behind FROM booking.subscriber_stats WHERE subscriber = 'subscribers: mail';

-- What is rolled back was not given.
SELECT status FROM booking.book_slot('subscribers: pool', '[2040-02-01, 2040-02-02)', 'ann');
BEGIN;
SELECT kind, holder FROM booking.next_events('subscribers: mail');
ROLLBACK;
SELECT kind, holder FROM booking.next_events('subscribers: mail');

-- From the beginning, and after a cursor.
SELECT (booking.subscribe('subscribers: all', NULL, 1)).lanes;
SELECT array_agg(seq) = (SELECT array_agg(seq) FROM booking.read_events(max => 5)) AS the_same FROM booking.next_events('subscribers: all', 5);
SELECT (booking.subscribe('subscribers: from', (SELECT cursor FROM booking.read_events(max => 3) OFFSET 2), 1)).lanes;
SELECT array_agg(seq) = (SELECT array_agg(seq) FROM (SELECT seq FROM booking.read_events(max => 5) OFFSET 3) AS r) AS the_same FROM booking.next_events('subscribers: from', 2);

-- Errors.
SELECT pg_temp.said(s) FROM (VALUES
	($$SELECT booking.subscribe(NULL)$$), ($$SELECT booking.subscribe('')$$), ($$SELECT booking.subscribe(repeat('x', 1025))$$),
	($$SELECT booking.subscribe('x', lanes => 0)$$), ($$SELECT booking.subscribe('x', lanes => 65)$$), ($$SELECT booking.subscribe('x', lanes => NULL)$$),
	($$SELECT booking.subscribe('x', 'y')$$),
	($$SELECT booking.next_events(NULL)$$), ($$SELECT booking.next_events('nobody')$$), ($$SELECT booking.next_events('subscribers: all', 0)$$),
	($$SELECT booking.next_events('subscribers: all', NULL)$$),
	($$SELECT booking.done('subscribers: all', NULL)$$), ($$SELECT booking.done(NULL, '0.1.1.1')$$), ($$SELECT booking.done('nobody', '0.1.1.1')$$),
	($$SELECT booking.done('subscribers: all', '1.1')$$), ($$SELECT booking.done('subscribers: all', repeat('1', 100000))$$),
	($$SELECT booking.done('subscribers: all', '1.1.1.1')$$), ($$SELECT booking.done('subscribers: all', '0.1.999999999999999999.1')$$),
	($$SELECT booking.done('subscribers: all', '0.7.999999999999999999.1')$$), ($$SELECT booking.unsubscribe(NULL)$$)) AS v (s);

-- Rights: a role of level book may work; a reader may not move a place.
CREATE ROLE regress_subscribers_reader;
CREATE ROLE regress_subscribers_worker;
SELECT booking.grant_access('regress_subscribers_reader', 'read');
SELECT booking.grant_access('regress_subscribers_worker', 'book');
SET ROLE regress_subscribers_reader;
SELECT pg_temp.said($$SELECT booking.next_events('subscribers: from')$$);
SELECT count(*) > 0 FROM booking.subscriber_stats;
SET ROLE regress_subscribers_worker;
SELECT pg_temp.said($$SELECT booking.subscribe('mine')$$);
SELECT count(*) FROM booking.next_events('subscribers: mail');
RESET ROLE;
DROP OWNED BY regress_subscribers_reader, regress_subscribers_worker;
DROP ROLE regress_subscribers_reader, regress_subscribers_worker;

SELECT booking.unsubscribe(n) FROM unnest(ARRAY['subscribers: mail', 'subscribers: all', 'subscribers: from', 'subscribers: from']) AS n;
SELECT count(*) FROM booking.subscriber_lane;
