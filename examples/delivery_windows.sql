-- Delivery windows: a vehicle is in one place at a time, and in the workshop now and then.

CREATE TABLE delivery (
	id		integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	vehicle	integer NOT NULL,
	address	text NOT NULL,
	during	tstzrange NOT NULL
);
CREATE TABLE workshop (vehicle integer NOT NULL, during tstzrange NOT NULL, called_off boolean NOT NULL DEFAULT false);

SELECT booking.guard_table('delivery', '{vehicle}', '{during}', name => 'one_delivery_at_a_time');
SELECT booking.guard_against('delivery', 'one_delivery_at_a_time', 'workshop', '{vehicle}', '{during}', active => 'NOT called_off');

INSERT INTO delivery (vehicle, address, during) VALUES
	(1, 'High Street 1', '[2030-03-01 09:00, 2030-03-01 10:00)'),
	(1, 'Low Street 2', '[2030-03-01 10:00, 2030-03-01 11:30)');
INSERT INTO delivery (vehicle, address, during) VALUES (1, 'Mill Lane 3', '[2030-03-01 11:00, 2030-03-01 12:00)');

-- The workshop cannot have it while it delivers, and then it cannot deliver.
INSERT INTO workshop VALUES (1, '[2030-03-01 11:00, 2030-03-01 18:00)');
INSERT INTO workshop VALUES (1, '[2030-03-01 12:00, 2030-03-01 18:00)');
INSERT INTO delivery (vehicle, address, during) VALUES (1, 'Mill Lane 3', '[2030-03-01 17:00, 2030-03-01 19:00)');
UPDATE workshop SET called_off = true;
INSERT INTO delivery (vehicle, address, during) VALUES (1, 'Mill Lane 3', '[2030-03-01 17:00, 2030-03-01 19:00)');
