-- The coach of the seat map, its departures of a month, and some passengers of the first.
-- It may be run again: what is there stays.
\set ON_ERROR_STOP on
BEGIN;

DO $$
DECLARE
	-- 13 rows; beside the middle door there are no seats, and the bench in the rear has five.
	seats text[] := ARRAY(
		SELECT n || col
		FROM generate_series(1, 13) AS n, unnest('{A,B,C,D,E}'::text[]) AS col
		WHERE col <> 'C' AND NOT (n IN (7, 8) AND col IN ('D', 'E')) OR n = 13
		ORDER BY n, col);
	coach bigint;
	first tstzrange;
	trip bigint;
	label text;
BEGIN
	SELECT id INTO coach FROM booking.resource WHERE name = 'Coach 7';
	IF coach IS NULL THEN
		coach := (booking.create_resource('Coach 7', 'seated', seats => seats, timezone => 'Europe/Berlin', category => 'coach',
			min_notice => '0', max_hold => '15 minutes', slots_only => true,
			data => '{"from": "Bremen", "to": "Copenhagen", "stop": "ZOB, bay 4"}')).id;
		UPDATE booking.seat SET category = CASE WHEN seat.label ~ '[AE]$' THEN 'window' WHEN seat.label = '13C' THEN 'middle' ELSE 'aisle' END
		WHERE resource_id = coach;
		INSERT INTO booking.holder_limit (resource_id, per, max_bookings) VALUES (coach, 'slot', 4);
	END IF;

	IF EXISTS (SELECT FROM booking.slot WHERE resource_id = coach AND lower(period) > now() + interval '1 hour') THEN
		RETURN;
	END IF;
	first := booking.local_period(coach, current_date + interval '1 day 8 hours 30 minutes', current_date + interval '1 day 15 hours 10 minutes');
	PERFORM booking.publish_slots(coach, first, every => '1 day', until => lower(first) + interval '30 days');

	SELECT id INTO trip FROM booking.slot WHERE resource_id = coach AND period = first;
	FOREACH label IN ARRAY '{1A,1B,2D,2E,3A,4D,5A,5B,5E,6B,7A,9D,9E,10A,11A,11B,12E,13B,13C}'::text[] LOOP
		PERFORM booking.book_place(trip, 'passenger of ' || label, seat => label);
	END LOOP;
END
$$;

COMMIT;
