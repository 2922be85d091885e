-- A hotel's room types: so many rooms of each are contracted, and each stay takes some.

CREATE TABLE contract (
	hotel		integer,
	room_type	text,
	rooms		integer NOT NULL CHECK (rooms >= 0),
	PRIMARY KEY (hotel, room_type)
);
CREATE TABLE stay (
	id			integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	hotel		integer NOT NULL,
	room_type	text NOT NULL,
	nights		daterange NOT NULL,
	rooms		integer NOT NULL DEFAULT 1 CHECK (rooms > 0),
	canceled_at	timestamptz,
	FOREIGN KEY (hotel, room_type) REFERENCES contract
);
INSERT INTO contract VALUES (1, 'double', 3), (1, 'suite', 1);

SELECT booking.guard_table('stay', resource => '{hotel,room_type}', period => '{nights}',
	quantity => 'rooms', active => 'canceled_at IS NULL',
	capacity_query => 'SELECT rooms FROM contract WHERE hotel = $1 AND room_type = $2');

-- Two short stays and a long one: never more than three rooms in one night.
INSERT INTO stay (hotel, room_type, nights, rooms) VALUES
	(1, 'double', '[2030-07-01,2030-07-03)', 2),
	(1, 'double', '[2030-07-03,2030-07-06)', 2),
	(1, 'double', '[2030-07-01,2030-07-06)', 1);
INSERT INTO stay (hotel, room_type, nights) VALUES (1, 'double', '[2030-07-02,2030-07-03)');
INSERT INTO stay (hotel, room_type, nights) VALUES (1, 'suite', '[2030-07-02,2030-07-03)');

-- More is contracted, and counts at once.
UPDATE contract SET rooms = 4 WHERE room_type = 'double';
INSERT INTO stay (hotel, room_type, nights) VALUES (1, 'double', '[2030-07-02,2030-07-03)');
INSERT INTO stay (hotel, room_type, nights) VALUES (1, 'double', '[2030-07-02,2030-07-03)');

-- A cancellation gives its rooms back.
UPDATE stay SET canceled_at = now() WHERE nights = '[2030-07-03,2030-07-06)';
INSERT INTO stay (hotel, room_type, nights, rooms) VALUES (1, 'double', '[2030-07-03,2030-07-06)', 3);
SELECT nights, rooms FROM stay WHERE canceled_at IS NULL AND room_type = 'double' ORDER BY nights, rooms;
