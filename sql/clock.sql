--
-- The clock is set forward and back: what the functions that go by a resource's clock answer on those
-- days, compared with every five minutes looked at one by one; whatever the session's time zone is.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all
SET jit = off;
SET max_parallel_workers_per_gather = 0;
SET client_encoding = 'LATIN1';

-- An hour forward and back, half an hour, two; at midnight, so that there is none, or two; a day that never was.
CREATE TEMP TABLE change (name text, zone text, day date);
INSERT INTO change SELECT format('clock: %s %s', zone, day), zone, day FROM (VALUES
	('Europe/Berlin', date '2030-03-31'), ('Europe/Berlin', '2030-10-27'), ('Australia/Lord_Howe', '2030-04-07'), ('Australia/Lord_Howe', '2030-10-06'),
	('Antarctica/Troll', '2030-10-27'), ('America/Santiago', '2030-04-07'), ('America/Santiago', '2030-09-08'), ('America/Havana', '2030-11-03'),
	('Pacific/Apia', '2011-12-30'), ('America/St_Johns', '2010-11-07')) AS v (zone, day);
SELECT count(booking.create_resource(name, timezone => zone)) FROM change;

-- What each clock shows, and the most that it has shown so far: an hour that it shows twice adds nothing the second time.
CREATE TEMP TABLE clock AS
SELECT name, at, shows, max(shows) OVER (PARTITION BY name ORDER BY at) AS most
FROM (SELECT name, at, at AT TIME ZONE zone AS shows FROM change, generate_series((day - 4)::timestamptz, (day + 5)::timestamptz, '5 minutes') AS at) AS c;
CREATE INDEX ON clock (name, at);
CREATE INDEX ON clock (name, most, at);
ANALYZE clock;
-- When it first shows a time, or has jumped over it.
CREATE FUNCTION pg_temp.when_first(name text, local timestamp) RETURNS timestamptz STABLE LANGUAGE sql AS $$
	SELECT at FROM clock c WHERE c.name = $1 AND most >= $2 ORDER BY most, at LIMIT 1
$$;
-- When it first shows a time, if it ever does.
CREATE FUNCTION pg_temp.when_shown(name text, local timestamp) RETURNS timestamptz STABLE LANGUAGE sql AS $$
	SELECT at FROM clock c WHERE c.name = $1 AND most = $2 AND shows = $2 ORDER BY at LIMIT 1
$$;
CREATE FUNCTION pg_temp.times(tstzrange[]) RETURNS text STABLE LANGUAGE sql AS $$
	SELECT string_agg(concat_ws('-', lower(p) AT TIME ZONE 'UTC', upper(p) AT TIME ZONE 'UTC'), ' ' ORDER BY p) FROM unnest($1) AS p
$$;

-- find_slots(), steps within a day: each time that the clock shows one, also the second time.
CREATE FUNCTION pg_temp.steps() RETURNS TABLE (compared bigint, wrong text) LANGUAGE sql AS $$
	WITH asked AS (
		SELECT name, step, tstzrange((day - 1)::timestamptz + late, (day + 2)::timestamptz) AS within
		FROM change, unnest('{15 min, 25 min, 2 h, 7 h, 23:55}'::interval[]) AS step, unnest('{0, 1 day 01:35}'::interval[]) AS late),
	answered AS (
		SELECT *, pg_temp.times(ARRAY(SELECT period FROM booking.find_slots(within, '10 min', ARRAY[name], step => a.step, max_results => 10000))) AS got,
			pg_temp.times(ARRAY(SELECT tstzrange(at, at + interval '10 min') FROM clock c WHERE c.name = a.name AND at >= lower(within) AND at + interval '10 min' <= upper(within)
				AND extract(epoch FROM shows - date_trunc('day', shows)) % extract(epoch FROM step) = 0)) AS wanted
		FROM asked AS a)
	SELECT count(*), string_agg(format('%s step %s within %s', name, step, within), E'\n') FILTER (WHERE got IS DISTINCT FROM wanted) FROM answered
$$;

-- Steps of days: when the search begins, and then the first time that the clock shows that time of day.
CREATE FUNCTION pg_temp.nights() RETURNS TABLE (compared bigint, wrong text) LANGUAGE sql AS $$
	WITH asked AS (
		SELECT name, begins, days FROM change, generate_series((day - 1)::timestamptz, (day + 1)::timestamptz, '55 minutes') AS begins, generate_series(1, 2) AS days),
	answered AS (
		SELECT *, pg_temp.times(ARRAY(SELECT period FROM booking.find_slots(tstzrange(begins, begins + interval '3 days'), '1 hour', ARRAY[name], step => make_interval(days => days)))) AS got,
			pg_temp.times(ARRAY(SELECT tstzrange(at, at + interval '1 hour') FROM (
				SELECT begins AS at UNION
				SELECT pg_temp.when_shown(a.name, shows + n * make_interval(days => days)) FROM clock c, generate_series(1, 3) AS n WHERE c.name = a.name AND at = begins) AS t
				WHERE at >= begins AND at + interval '1 hour' <= begins + interval '3 days')) AS wanted
		FROM asked AS a)
	SELECT count(*), string_agg(format('%s %s days from %s: %s instead of %s', name, days, begins, got, wanted), E'\n') FILTER (WHERE got IS DISTINCT FROM wanted) FROM answered
$$;

-- Opening hours: from the first time that the clock shows one time, or more, to the first time that it shows another.
CREATE FUNCTION pg_temp.hours() RETURNS TABLE (compared bigint, wrong text) LANGUAGE plpgsql AS $$
DECLARE
	hours text[];
BEGIN
	compared := 0;
	FOREACH hours SLICE 1 IN ARRAY ARRAY[['02:00', '02:30'], ['22:00', '03:00'], ['00:00', '24:00'], ['23:15', '00:45']] LOOP
		INSERT INTO booking.opening_hours (resource_id, weekday, opens, closes)
		SELECT booking.resource_id(name), d, hours[1]::time, hours[2]::time FROM change, generate_series(1, 7) AS d;
		SELECT compared + count(*), concat_ws(E'\n', wrong, string_agg(format('%s %s: %s instead of %s', name, hours, got, wanted), E'\n') FILTER (WHERE got IS DISTINCT FROM wanted)) INTO compared, wrong
		FROM (
			SELECT name, pg_temp.times(ARRAY(SELECT booking.free_periods(name, within))) AS got,
				(SELECT pg_temp.times(ARRAY(SELECT unnest(range_agg(open * within)) FROM (
					SELECT tstzrange(pg_temp.when_first(name, d + hours[1]::time), pg_temp.when_first(name, d + hours[2]::time + CASE WHEN hours[2] <= hours[1] THEN interval '1 day' ELSE '0' END)) AS open
					FROM generate_series(day - interval '3 days', day + interval '2 days', '1 day') AS d OFFSET 0) AS o WHERE NOT isempty(open * within)))) AS wanted
			FROM change, LATERAL (SELECT tstzrange((day - 1)::timestamptz + interval '35 minutes', (day + 2)::timestamptz) AS within) AS w) AS both_answers;
		DELETE FROM booking.opening_hours WHERE resource_id IN (SELECT booking.resource_id(name) FROM change);
	END LOOP;
	wrong := nullif(wrong, '');
	RETURN NEXT;
END $$;

-- Slots and series, every day: each alone, and none that begins or ends when the clock jumps over it.
CREATE FUNCTION pg_temp.recurring() RETURNS TABLE (compared bigint, wrong text) LANGUAGE sql AS $$
	WITH asked AS (
		SELECT name, (day + 3)::timestamptz AS until, begins, begins + length AS ends
		FROM change, generate_series(day - 2 + time '00:00', day - 2 + time '23:30', '30 minutes') AS begins, unnest('{45 min, 25 h}'::interval[]) AS length),
	-- To the times of the first day that belong to a first period.
	begun AS MATERIALIZED (SELECT *, tstzrange(pg_temp.when_shown(name, begins), pg_temp.when_shown(name, ends)) AS first FROM asked),
	answered AS (
		SELECT b.*, ARRAY(SELECT nullif(pg_temp.times(ARRAY[period]), '') FROM booking.occurrences(b.name, first, 'FREQ=DAILY;COUNT=5') ORDER BY occurrence) AS series,
			pg_temp.times(ARRAY(SELECT booking.slot_periods(booking.resource_id(name), first, '1 day', until))) AS slots, w.*
		FROM begun AS b, LATERAL (
			SELECT array_agg(CASE WHEN at < til THEN pg_temp.times(ARRAY[tstzrange(at, til)]) END ORDER BY n) FILTER (WHERE n < 5) AS wanted,
				pg_temp.times(array_agg(tstzrange(at, til)) FILTER (WHERE at < til AND at < until)) AS wanted_slots
			FROM generate_series(0, 6) AS n, LATERAL (
				SELECT pg_temp.when_shown(name, begins + n * interval '1 day') AS at, pg_temp.when_shown(name, ends + n * interval '1 day') AS til) AS t) AS w
		WHERE lower(first) < upper(first))
	SELECT count(*), string_agg(format('%s %s: %s instead of %s, %s instead of %s', name, first, series, wanted, slots, wanted_slots), E'\n')
		FILTER (WHERE (series, slots) IS DISTINCT FROM (wanted, wanted_slots)) FROM answered
$$;

-- A limit of one a day: of bookings all day long, made forwards and backwards, the one that is made first has it.  What begins when the date of yesterday is shown
-- once more begins today.
CREATE FUNCTION pg_temp.limits() RETURNS TABLE (compared bigint, wrong text) LANGUAGE plpgsql AS $$
DECLARE
	way integer;
BEGIN
	INSERT INTO booking.holder_limit (resource_id, per, max_bookings) SELECT booking.resource_id(name), 'day', 1 FROM change;
	FOREACH way IN ARRAY '{1, -1}'::integer[] LOOP
		PERFORM booking.try_book_slot(name, tstzrange(at, at + interval '30 minutes'), 'clock: ' || way)
		FROM (SELECT name, at FROM change, generate_series((day - 1)::timestamptz, (day + 2)::timestamptz, '30 minutes') AS at ORDER BY way * extract(epoch FROM at)) AS t
		WHERE NOT EXISTS (SELECT FROM booking.why_not(name, tstzrange(at, at + interval '30 minutes'), 'clock: ' || way));
		SELECT count(*), string_agg(format('%s %s: %s instead of %s', name, date, got, wanted), E'\n') FILTER (WHERE got IS DISTINCT FROM wanted) INTO compared, wrong
		FROM (SELECT name, most::date AS date, ARRAY[CASE way WHEN 1 THEN min(at) ELSE max(at) END] AS wanted FROM change JOIN clock USING (name)
				WHERE at BETWEEN (day - 1)::timestamptz AND (day + 2)::timestamptz AND extract(epoch FROM at) % 1800 = 0 GROUP BY 1, 2) AS w
			FULL JOIN (SELECT name, most::date AS date, array_agg(at) AS got FROM booking.booking b JOIN booking.resource r ON r.id = b.resource_id JOIN clock USING (name)
				WHERE at = lower(b.period) GROUP BY 1, 2) AS g USING (name, date);
		DELETE FROM booking.booking WHERE resource_id IN (SELECT booking.resource_id(name) FROM change);
		RETURN NEXT;
	END LOOP;
	DELETE FROM booking.holder_limit WHERE resource_id IN (SELECT booking.resource_id(name) FROM change);
END $$;

-- The picture: each cell shows what is in it from the first time that the clock shows its beginning to that of its end.
CREATE FUNCTION pg_temp.pictures() RETURNS TABLE (compared bigint, wrong text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM booking.book_slot(name, tstzrange(at, at + interval '40 minutes'), 'clock: ann')
	FROM change, generate_series((day - 1)::timestamptz, (day + 2)::timestamptz, '115 minutes') AS at;
	-- 14 columns for the date, 48 of half an hour each.
	WITH asked AS MATERIALIZED (
		SELECT *, tstzrange((day - 1)::timestamptz + late, (day + 2)::timestamptz - late / 3) AS within FROM change, unnest('{35 minutes, 1 day 00:30, 1 day 08:40}'::interval[]) AS late),
	booked AS MATERIALIZED (SELECT name, b.period FROM booking.booking b JOIN booking.resource r ON r.id = b.resource_id WHERE r.name LIKE 'clock: %'),
	cells AS MATERIALIZED (
		SELECT a.name, late, date_trunc('day', most) AS d, extract(epoch FROM most - date_trunc('day', most))::integer / 1800 AS c, bool_or(b.period IS NOT NULL) AS taken
		FROM asked AS a JOIN clock AS k ON k.name = a.name AND within @> at LEFT JOIN booked AS b ON b.name = a.name AND b.period @> at GROUP BY 1, 2, 3, 4),
	lines AS (
		SELECT a.name, late, row.day, to_char(row.day, 'Dy YYYY-MM-DD |') || string_agg(CASE WHEN taken THEN '#' WHEN NOT taken THEN '.' ELSE ' ' END, '' ORDER BY c) || '|' AS line
		FROM asked AS a, LATERAL generate_series(date_trunc('day', lower(within) AT TIME ZONE zone), upper(within) AT TIME ZONE zone - interval '1 us', '1 day') AS row (day),
			generate_series(0, 47) AS c LEFT JOIN LATERAL (SELECT taken FROM cells AS k WHERE (k.name, k.late, k.d, k.c) = (a.name, a.late, row.day, c.c)) AS t ON true GROUP BY 1, 2, 3)
	SELECT count(*), string_agg(concat_ws(E'\n', name, got, wanted), E'\n') FILTER (WHERE got IS DISTINCT FROM wanted) INTO compared, wrong
	FROM (
		SELECT name, (SELECT string_agg(line, E'\n' ORDER BY n) FROM booking.agenda(name, within, 65) WITH ORDINALITY AS g (line, n) WHERE line ~ '[|]') AS got,
			(SELECT string_agg(line, E'\n' ORDER BY day) FROM lines AS l WHERE (l.name, l.late) = (a.name, a.late)) AS wanted FROM asked AS a) AS p;
	DELETE FROM booking.booking WHERE resource_id IN (SELECT booking.resource_id(name) FROM change);
	RETURN NEXT;
END $$;

-- Pools, a small one and one whose use is written down, booked by the clock through both changes of a year: at each instant what the bookings add up to.
SELECT count(booking.create_resource('clock: pool ' || n, 'pooled', n, timezone => 'Europe/Berlin')) FROM unnest('{255, 300}'::integer[]) AS n;
CREATE FUNCTION pg_temp.pools() RETURNS TABLE (compared bigint, wrong text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM setseed(0.29);
	CREATE TEMP TABLE wish AS SELECT n, 1 + (random() * 20)::integer AS quantity, CASE WHEN random() < 0.2 THEN interval '1 hour' END AS hold_for,
		tstzrange(pg_temp.when_first(c.name, c.day - 2 + least(a, b) * interval '5 minutes'), pg_temp.when_first(c.name, c.day - 2 + (greatest(a, b) + 1) * interval '5 minutes')) AS period
	FROM (SELECT n, (random() * 1400)::integer AS a, (random() * 1400)::integer AS b, (n % 2) + 1 AS which FROM generate_series(1, 200) AS n) AS r
		JOIN (SELECT *, row_number() OVER (ORDER BY day) AS which FROM change WHERE zone = 'Europe/Berlin') AS c USING (which);
	DELETE FROM wish WHERE lower(period) >= upper(period);
	-- One that lasts from before the one to after the other, and has both.
	INSERT INTO wish SELECT 0, 7, NULL, tstzrange('2030-03-30', '2030-10-29');
	PERFORM booking.try_book_slot(p, period, 'clock: ' || n, quantity, hold_for => hold_for) FROM wish, unnest('{clock: pool 255, clock: pool 300}'::text[]) AS p ORDER BY n;
	PERFORM booking.cancel(b.id) FROM booking.booking b JOIN booking.resource r ON r.id = b.resource_id WHERE r.name LIKE 'clock: pool %' AND b.holder ~ '[16]$';
	SELECT count(*), string_agg(format('%s at %s: %s instead of %s', name, at, got, wanted), E'\n') FILTER (WHERE got IS DISTINCT FROM wanted) INTO compared, wrong
	FROM (
		SELECT r.name, at, coalesce((SELECT used FROM booking.usage(r.id, tstzrange(at, at + interval '5 minutes'))), 0) AS got,
			(SELECT coalesce(sum(quantity), 0) FROM booking.booking b WHERE b.resource_id = r.id AND status <> 'cancelled' AND period @> at) AS wanted
		FROM booking.resource r, clock WHERE r.name LIKE 'clock: pool %' AND clock.name LIKE '%Berlin%' AND at BETWEEN timestamptz '2030-03-30' AND '2030-10-29' AND extract(epoch FROM at) % 1800 = 300
		UNION ALL
		SELECT r.name, lower(w.period), booking.remaining(r.id, w.period),
			(SELECT r.capacity - max((SELECT coalesce(sum(quantity), 0) FROM booking.booking b WHERE b.resource_id = r.id AND status <> 'cancelled' AND b.period @> at))
				FROM (SELECT lower(w.period) AS at UNION SELECT lower(b.period) FROM booking.booking b WHERE b.resource_id = r.id AND w.period @> lower(b.period)) AS i)
		FROM booking.resource r, wish AS w WHERE r.name LIKE 'clock: pool %') AS c;
	wrong := concat_ws(E'\n', wrong, (SELECT string_agg(m::text, E'\n') FROM booking.pools_miscounted() AS m JOIN booking.resource r ON r.id = m.resource_id WHERE r.name LIKE 'clock: pool %'));
	wrong := nullif(wrong, '');
	DELETE FROM booking.booking WHERE resource_id IN (SELECT id FROM booking.resource WHERE name LIKE 'clock: pool %');
	DROP TABLE wish;
	RETURN NEXT;
END $$;

SELECT compared > 20 AS compared, wrong FROM pg_temp.steps();
SELECT compared > 20 AS compared, wrong FROM pg_temp.nights();
SELECT compared > 20 AS compared, wrong FROM pg_temp.hours();
SELECT compared > 20 AS compared, wrong FROM pg_temp.recurring();
SELECT compared > 20 AS compared, wrong FROM pg_temp.limits();
SELECT compared > 20 AS compared, wrong FROM pg_temp.pictures();
SELECT compared > 20 AS compared, wrong FROM pg_temp.pools();
-- The same in a session with another time zone, with other changes and half an hour apart from all of these.
SET TimeZone = 'America/St_Johns';
SELECT compared > 20 AS compared, wrong FROM pg_temp.steps();
SELECT compared > 20 AS compared, wrong FROM pg_temp.hours();
SELECT compared > 20 AS compared, wrong FROM pg_temp.recurring();
SELECT compared > 20 AS compared, wrong FROM pg_temp.limits();
SET TimeZone = 'UTC';

-- A made-up time zone, a hundred hours from UTC.
SELECT id > 0 FROM booking.create_resource('clock: far', timezone => '<far>-100');
INSERT INTO booking.opening_hours (resource_id, weekday, opens, closes) SELECT booking.resource_id('clock: far'), d, '09:00', '17:00' FROM generate_series(1, 7) AS d;
SELECT p = booking.local_period('clock: far', d + time '09:00', d + time '17:00') AS by_the_clock, d
FROM booking.free_periods('clock: far', '[2040-03-08, 2040-03-11)') AS p, LATERAL (SELECT (lower(p) + interval '100 hours')::date AS d) AS t;
SELECT period FROM booking.find_slots('[2040-03-08 05:00, 2040-03-11)', '1 hour', '{clock: far}', step => '1 day');
SELECT begins, period FROM booking.occurrences('clock: far', '[2040-03-08 05:00, 2040-03-08 06:00)', 'FREQ=DAILY;COUNT=2');

SET client_min_messages = error;
DELETE FROM booking.resource WHERE name LIKE 'clock: %';
