-- A resource with all its rules, in one call.
SELECT kind, capacity, timezone, category, buffer_before, buffer_after, min_notice, max_advance,
	min_duration, max_duration, max_hold, slots_only, data
FROM booking.create_resource('create: room', timezone => 'Europe/Berlin', category => 'rooms',
	buffer_before => '10 min', buffer_after => '5 min', data => '{"floor": 3}',
	min_notice => '1 hour', max_advance => '60 days', min_duration => '15 min', max_duration => '8 hours',
	max_hold => '20 min');
SELECT slots_only FROM booking.create_resource('create: classes', 'pooled', 12, slots_only => true);
SELECT kind, capacity FROM booking.create_resource('create: bus', 'seated', seats => ARRAY['1A', '1B']);
\set VERBOSITY terse
-- They are in force.
SELECT * FROM booking.book_slot('create: room', tstzrange(now() + interval '2 hours', now() + interval '2 hours 5 min'), 'ann');
SELECT * FROM booking.book_slot('create: classes', '[2030-05-06 09:00, 2030-05-06 10:00)', 'ann');

SELECT FROM booking.create_resource('create: x', min_notice => '-1 min');
SELECT FROM booking.create_resource('create: x', max_hold => '0');
SELECT FROM booking.create_resource('create: x', max_advance => '-1 day', max_hold => '1 hour');
SELECT FROM booking.create_resource('create: x', min_notice => '2 days', max_advance => '1 day');
SELECT FROM booking.create_resource('create: x', min_duration => '2 hours', max_duration => '1 hour');
SELECT FROM booking.create_resource('create: x', slots_only => NULL);
SELECT FROM booking.create_resource('create: x', 'seated', seats => ARRAY['1A', NULL]);
SELECT FROM booking.create_resource('create: x', 'seated', seats => ARRAY['1A', '']);
SELECT FROM booking.create_resource('create: x', 'seated', seats => ARRAY['1A', repeat('x', 2000)]);
SELECT FROM booking.create_resource('create: room');
SELECT FROM booking.create_resource('create: x', timezone => 'Europe/Atlantis');
SELECT FROM booking.publish_slot('create: classes', '[2030-05-06 09:00, 2030-05-06 10:00)', data => '[]');
SELECT FROM booking.publish_slot('create: classes', NULL);
SELECT FROM booking.publish_slot('create: classes', '[2030-05-06 09:00, 2030-05-06 10:00)', -1);
SELECT count(*) FROM booking.resource WHERE name = 'create: x';
