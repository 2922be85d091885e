-- verify() counts the rows of guarded tables again, in plain SQL.
SET timezone = 'UTC';
SET datestyle = 'ISO';
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA guard_verify;
SET search_path = guard_verify;
CREATE TABLE hotel (id int, kind text, rooms int);
CREATE TABLE stay (hotel int, kind text, nights daterange, rooms int);
CREATE TABLE "Loan" (starts date, ends date, book varchar(20));
CREATE TABLE works (book varchar(20), during daterange);
CREATE TABLE ride (cab int, during numrange);
INSERT INTO hotel VALUES (1, 'a', 3), (2, 'a', 3);
INSERT INTO stay VALUES (1, 'a', '[2030-01-01,2030-01-05)', 2), (1, 'a', '[2030-01-05,2030-01-08)', 2), (1, 'a', '[2030-01-04,2030-01-06)', 1),
	(2, 'a', '(,2030-01-05]', 2), (2, 'a', '[2030-01-05,)', 2), (3, 'a', '[2030-01-05,)', 1), (NULL, 'a', '[2030-01-05,)', 9), (3, 'a', 'empty', 9);
INSERT INTO "Loan" VALUES ('2030-01-01', '2030-01-05', 'x'), ('2030-01-05', '2030-01-08', 'x'), ('2030-01-07', NULL, 'x'), ('2030-01-07', NULL, 'y');
-- What ends at 2, and what begins there: only cabs 1 and 4 are in two places at once.
INSERT INTO ride VALUES (1, '[1,2]'), (1, '[2,3)'), (2, '[1,2)'), (2, '[2,3)'), (3, '[1,2]'), (3, '(2,3)'), (4, '(,2]'), (4, '[2,2]'), (4, '(2,)');
DO $$ BEGIN
	PERFORM booking.guard_table('stay', '{hotel,kind}', '{nights}', quantity => 'rooms', check_existing => false,
		capacity_query => 'SELECT rooms FROM hotel WHERE id = $1 AND kind = $2');
	PERFORM booking.guard_table('"Loan"', '{book}', '{starts,ends}', check_existing => false);
	PERFORM booking.guard_table('stay', '{}', '{nights}', 16, quantity => 'rooms', active => 'kind = ''a''', name => 'all', check_existing => false);
	PERFORM booking.guard_table('stay', '{}', '{nights}', quantity => 'rooms', name => 'stay_in_town', check_existing => false,
		capacity_query => 'SELECT sum(rooms) FROM hotel');
	PERFORM booking.guard_table('ride', '{cab}', '{during}', check_existing => false);
	PERFORM booking.guard_against('"Loan"', 'Loan_book_guard', 'works', '{book}', '{during}');
END $$;
-- A row that no trigger has judged
ALTER TABLE works DISABLE TRIGGER "Loan_works_guard";
INSERT INTO works VALUES ('y', '[2031-01-01,2031-01-02)'), ('z', '[2031-01-01,2031-01-02)');
SELECT * FROM booking.verify_guards() WHERE guard LIKE 'stay%' OR guard LIKE 'Loan%' OR guard LIKE 'ride%' OR guard = 'all' ORDER BY target::text COLLATE "C", 2, 3;
SELECT count(*) FROM booking.verify() WHERE detail LIKE '%guard_verify.%';
SET client_min_messages = warning;
DROP SCHEMA guard_verify CASCADE;
