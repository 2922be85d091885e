-- Licence seats: a key is held by one customer at a time, unless it was revoked.
--
-- People write this as an exclusion constraint by hand, which deadlocks when many insert at once; guard_table() does not.
-- end_date is the day on which the licence is free again.

CREATE TABLE license (
	id			integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	license_key	text NOT NULL,
	customer	text NOT NULL,
	start_date	date NOT NULL,
	end_date	date,
	revoked		boolean NOT NULL DEFAULT false
);

SELECT booking.guard_table('license', resource => '{license_key}', period => '{start_date,end_date}',
	active => 'revoked = false', name => 'license_in_one_hand');

INSERT INTO license (license_key, customer, start_date, end_date) VALUES
	('AAAA-1111', 'Ada', '2030-01-01', '2031-01-01'),
	('AAAA-1111', 'Bob', '2031-01-01', NULL);

-- Taken: it is booked from 2031 on, without an end.
INSERT INTO license (license_key, customer, start_date, end_date) VALUES ('AAAA-1111', 'Eve', '2032-05-01', '2032-06-01');

-- Revoked, it can be given to another holder.
UPDATE license SET revoked = true WHERE customer = 'Bob';
INSERT INTO license (license_key, customer, start_date, end_date) VALUES ('AAAA-1111', 'Eve', '2032-05-01', '2032-06-01');
UPDATE license SET revoked = false WHERE customer = 'Bob';

-- A floating licence: five seats, each row takes some.
CREATE TABLE seat_checkout (product text, user_name text, seats integer NOT NULL DEFAULT 1, during tstzrange);
SELECT booking.guard_table('seat_checkout', '{product}', '{during}', capacity => 5, quantity => 'seats');
INSERT INTO seat_checkout VALUES ('CAD', 'Ada', 3, '[2030-01-01 09:00, 2030-01-01 12:00)'), ('CAD', 'Bob', 2, '[2030-01-01 10:00, 2030-01-01 11:00)');
INSERT INTO seat_checkout VALUES ('CAD', 'Eve', 1, '[2030-01-01 10:30, 2030-01-01 13:00)');
INSERT INTO seat_checkout VALUES ('CAD', 'Eve', 2, '[2030-01-01 11:00, 2030-01-01 13:00)');
