-- Parking: a car park holds as many cars as it has spaces, and a car is in one place at a time.
-- A car that is there has no time of leaving yet: the period is open.

CREATE TABLE parking (
	id				integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	car_park		text NOT NULL,
	plate			text NOT NULL,
	checked_in_at	timestamptz NOT NULL,
	checked_out_at	timestamptz
);

-- A car that has checked out takes no space any more.
SELECT booking.guard_table('parking', '{car_park}', '{checked_in_at,checked_out_at}', capacity => 2,
	active => 'checked_out_at IS NULL', name => 'car_park_full');
SELECT booking.guard_table('parking', '{plate}', '{checked_in_at,checked_out_at}',
	active => 'checked_out_at IS NULL', name => 'car_is_in_one_place');

INSERT INTO parking (car_park, plate, checked_in_at) VALUES
	('North', 'B-AB 1', '2030-05-01 08:00'), ('North', 'B-CD 2', '2030-05-01 08:10');
INSERT INTO parking (car_park, plate, checked_in_at) VALUES ('North', 'B-EF 3', '2030-05-01 08:20');
INSERT INTO parking (car_park, plate, checked_in_at) VALUES ('South', 'B-AB 1', '2030-05-01 08:30');

UPDATE parking SET checked_out_at = '2030-05-01 09:00' WHERE plate = 'B-AB 1';
INSERT INTO parking (car_park, plate, checked_in_at) VALUES ('North', 'B-EF 3', '2030-05-01 09:01');
SELECT car_park, plate FROM parking WHERE checked_out_at IS NULL ORDER BY plate;
