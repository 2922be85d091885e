-- An evening course: every Tuesday at 18:00, ten times, but not in the school holidays; and summer time begins in between.

SELECT FROM booking.create_resource('Music room', timezone => 'Europe/Berlin');
SELECT FROM booking.close_period('Music room', booking.local_period('Music room', '2030-04-15', '2030-04-27'), 'holidays');

-- What was left out says why, and when the room is free instead.
SELECT occurrence, lower(period) AT TIME ZONE 'Europe/Berlin' AS begins, split_part(obstacle, ':', 1) AS obstacle,
	lower(substring(obstacle FROM 'Nearest free: (.*)[.]$')::tstzrange) AT TIME ZONE 'Europe/Berlin' AS instead
FROM booking.book_series('Music room', booking.local_period('Music room', '2030-03-05 18:00', '2030-03-05 20:00'),
	'1 week', 10, 'course 7', on_conflict => 'skip', group_id => '00000000-0000-0000-0000-000000000007');

-- The same as a calendar says it: the last Friday of each month.
SELECT occurrence, begins
FROM booking.occurrences('Music room', booking.local_period('Music room', '2030-03-01 19:00', '2030-03-01 22:00'),
	'FREQ=MONTHLY;BYDAY=-1FR;COUNT=3');

-- From April on it begins an hour later: this one and the following.
SELECT lower(period) AT TIME ZONE 'Europe/Berlin' AS begins
FROM booking.reschedule_series(
	(SELECT id FROM booking.booking WHERE group_id = '00000000-0000-0000-0000-000000000007'
	 AND lower(period) >= '2030-04-01' ORDER BY period LIMIT 1),
	booking.local_period('Music room', '2030-04-02 19:00', '2030-04-02 21:00'));

-- The teacher leaves in May.
SELECT lower(period) AT TIME ZONE 'Europe/Berlin' AS begins, status, reason
FROM booking.cancel_series(
	(SELECT id FROM booking.booking WHERE group_id = '00000000-0000-0000-0000-000000000007'
	 AND lower(period) >= '2030-05-01' ORDER BY period LIMIT 1), reason => 'no teacher');
