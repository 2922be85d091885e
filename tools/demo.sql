-- A meeting room can be booked by one at a time.
SELECT name, kind FROM booking.create_resource('Blue room');

-- Ada takes it from nine to ten.
SELECT holder, status, period
FROM booking.book_slot('Blue room', '[2030-05-06 09:00, 2030-05-06 10:00)', 'Ada');

-- Grace wants it at half past nine.  She is told what is in the way, and what would fit.
SELECT holder, status, period
FROM booking.book_slot('Blue room', '[2030-05-06 09:30, 2030-05-06 10:30)', 'Grace');

-- An INSERT that knows nothing of this gets no further: the rule is in the table.
INSERT INTO booking.booking (resource_id, period, holder)
SELECT id, '[2030-05-06 09:30, 2030-05-06 10:30)', 'Grace'
FROM booking.resource WHERE name = 'Blue room';

-- From ten on it is free: a period ends just before its end.
SELECT holder, status, period
FROM booking.book_slot('Blue room', '[2030-05-06 10:00, 2030-05-06 11:00)', 'Grace');

-- A bus has seats, and each is booked for itself.
SELECT name, kind
FROM booking.create_resource('Bus to Paris', 'seated', seats => ARRAY['1A', '1B', '2A', '2B']);

-- Alan wants a certain seat.
SELECT holder, label AS seat, status
FROM booking.book_slot('Bus to Paris', '[2030-05-06 07:00, 2030-05-06 15:00)', 'Alan',
                       seat => '2A')
JOIN booking.seat USING (resource_id, seat_no);

-- Ada's meeting is off.
SELECT holder, status, reason
FROM booking.cancel((SELECT id FROM booking.booking WHERE holder = 'Ada'), 'meeting is off');

-- Her hour is free again at once, and Barbara books it.
SELECT holder, status, period
FROM booking.book_slot('Blue room', '[2030-05-06 09:00, 2030-05-06 10:00)', 'Barbara');

-- What is booked in the end.
SELECT name, holder, status, to_char(lower(period), 'HH24:MI') AS "from",
       to_char(upper(period), 'HH24:MI') AS until
FROM booking.booking JOIN booking.resource ON resource.id = resource_id
ORDER BY name, lower(period), status;
