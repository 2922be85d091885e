-- The rooms of the calendar, and what colleagues have booked in this week and the next three.
-- It may be run again: what is there stays.
\set ON_ERROR_STOP on
BEGIN;

DO $$
DECLARE
	monday timestamp;
BEGIN
	IF EXISTS (SELECT FROM booking.resource WHERE category = 'room') THEN
		RETURN;
	END IF;
	PERFORM booking.create_resource('Library', timezone => 'Europe/Berlin', category => 'room', min_notice => '0',
		min_duration => '30 minutes', max_duration => '4 hours', data => '{"about": "8 chairs, quiet"}');
	PERFORM booking.create_resource('Garden room', timezone => 'Europe/Berlin', category => 'room', min_notice => '0',
		min_duration => '30 minutes', buffer_after => '30 minutes', data => '{"about": "20 chairs, aired for half an hour"}');
	PERFORM booking.create_resource('Studio', timezone => 'Europe/Berlin', category => 'room', min_notice => '0',
		min_duration => '30 minutes', max_duration => '2 hours', data => '{"about": "screen and camera, 2 hours at most"}');
	INSERT INTO booking.opening_hours (resource_id, weekday, opens, closes)
	SELECT id, day, CASE name WHEN 'Studio' THEN time '10:00' ELSE '08:00' END, CASE WHEN day = 5 THEN time '16:00' ELSE '18:00' END
	FROM booking.resource, generate_series(1, 5) AS day WHERE category = 'room';

	FOR monday IN SELECT date_trunc('week', localtimestamp) + n * interval '1 week' FROM generate_series(0, 3) AS n LOOP
		PERFORM booking.close_period('Library', booking.local_period('Library', monday + '2 days 13:00', monday + '2 days 16:00'),
			'the floor is being waxed');
		INSERT INTO booking.booking (resource_id, period, holder)
		SELECT r.id, booking.local_period(r.id, monday + day + begins, monday + day + ends), 'a colleague'
		FROM (VALUES
			('Library', interval '0 days', interval '09:00', interval '10:30'), ('Library', '1 day', '11:00', '12:00'),
			('Library', '2 days', '08:30', '10:00'), ('Library', '3 days', '14:00', '17:00'),
			('Garden room', '0 days', '13:00', '15:00'), ('Garden room', '1 day', '08:00', '11:30'),
			('Garden room', '3 days', '10:00', '12:00'), ('Garden room', '4 days', '09:00', '12:30'),
			('Studio', '0 days', '10:00', '11:00'), ('Studio', '1 day', '14:30', '16:30'),
			('Studio', '2 days', '11:00', '12:30'), ('Studio', '2 days', '15:00', '16:00'), ('Studio', '4 days', '13:00', '14:00'))
			AS plan(name, day, begins, ends)
		JOIN booking.resource AS r USING (name);
	END LOOP;
END
$$;

COMMIT;
