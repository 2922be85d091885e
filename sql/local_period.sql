-- The clock on the resource's wall, whatever the time zone of the session.
\set SHOW_CONTEXT never
SET TIME ZONE 'America/New_York';
SELECT name, timezone FROM booking.create_resource('local: Berlin', timezone => 'Europe/Berlin');
SELECT id AS berlin FROM booking.resource WHERE name = 'local: Berlin' \gset

-- A literal means New York, local_period means Berlin: the same hour of the clock, six hours apart.
SELECT lower(tstzrange '[2030-05-06 15:00, 2030-05-06 16:00)')
	- lower(booking.local_period('local: Berlin', '2030-05-06 15:00', '2030-05-06 16:00')) AS apart;
SELECT period FROM booking.book_slot('local: Berlin',
	booking.local_period('local: Berlin', '2030-05-06 15:00', '2030-05-06 16:00'), 'ann');
SELECT lower(period) AT TIME ZONE 'Europe/Berlin' AS begins, upper(period) AT TIME ZONE 'Europe/Berlin' AS ends
FROM booking.booking WHERE resource_id = :berlin;
SELECT booking.local_period(:berlin, '2030-05-06 15:00', NULL) AS open_end;

-- A day that loses an hour, and one that gains one.
SET TIME ZONE 'UTC';
SELECT day, upper(p) - lower(p) AS length
FROM (VALUES (date '2030-03-30'), ('2030-03-31'), ('2030-10-27')) AS v (day),
	LATERAL (SELECT booking.local_period('local: Berlin', day, day + 1)) AS l (p);
-- A time that does not exist is an error, at either end.
SELECT booking.local_period('local: Berlin', '2030-03-31 02:30', '2030-03-31 04:00');
SELECT booking.local_period('local: Berlin', '2030-03-31 01:30', '2030-03-31 02:30');
-- Of two instants that show the same time it is the first.
SELECT booking.local_period('local: Berlin', '2030-10-27 02:30', '2030-10-27 03:30');

SELECT booking.local_period('local: Berlin', '2030-05-06 15:00', '2030-05-06 15:00');
SELECT booking.local_period('local: Berlin', NULL, '2030-05-06 15:00');
SELECT booking.local_period('local: Berlin', '2030-05-06 15:00', 'infinity');
SELECT booking.local_period('local: Paris', '2030-05-06 15:00', '2030-05-06 16:00');
SELECT booking.local_period(0, '2030-05-06 15:00', '2030-05-06 16:00');
SELECT booking.local_period(NULL::bigint, '2030-05-06 15:00', '2030-05-06 16:00');
SELECT booking.local_period(NULL::text, '2030-05-06 15:00', '2030-05-06 16:00');
SET datestyle = 'SQL, DMY';
SELECT booking.local_period('local: Berlin', '2030-03-31 02:30', '2030-03-31 04:00');
