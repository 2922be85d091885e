-- A refused try_ function returns no row, which is what every client takes for "no".
\set VERBOSITY terse
SELECT FROM booking.create_resource('refused: room');
SELECT FROM booking.create_resource('refused: class', 'pooled', 10);
SELECT id AS room FROM booking.resource WHERE name = 'refused: room' \gset
SELECT id AS slot FROM booking.publish_slot('refused: class', '[2030-01-07 09:00, 2030-01-07 10:00)', 1) \gset

SELECT count(*) FROM booking.try_book_slot('refused: room', '[2030-01-07 09:00, 2030-01-07 10:00)', 'ann');
SELECT count(*) FROM booking.try_book_slot('refused: room', '[2030-01-07 09:30, 2030-01-07 10:30)', 'eve');
SELECT count(*) FROM booking.try_book_slot(:room, '[2030-01-07 09:30, 2030-01-07 10:30)', 'eve');
SELECT count(*) FROM booking.try_book_place(:slot, 'ann');
SELECT count(*) FROM booking.try_book_place(:slot, 'eve');

-- In PL/pgSQL, FOUND tells.
DO $$
DECLARE
	b booking.booking;
BEGIN
	SELECT * INTO b FROM booking.try_book_slot('refused: room', '[2030-01-07 09:30, 2030-01-07 10:30)', 'eve');
	RAISE NOTICE 'taken: %', FOUND;
	SELECT * INTO b FROM booking.try_book_slot('refused: room', '[2030-01-07 10:00, 2030-01-07 10:30)', 'eve');
	RAISE NOTICE 'free: %, for %', FOUND, b.holder;
END
$$;

-- As one of many in a statement, and in the list of a SELECT.
SELECT n, got.holder
FROM generate_series(1, 2) AS n LEFT JOIN LATERAL
	booking.try_book_slot('refused: room', '[2030-01-08 09:00, 2030-01-08 10:00)', 'holder ' || n) AS got ON true
ORDER BY n;
SELECT (booking.try_book_slot('refused: room', '[2030-01-09 09:00, 2030-01-09 10:00)', 'ann')).holder;
SELECT (booking.try_book_slot('refused: room', '[2030-01-09 09:00, 2030-01-09 10:00)', 'eve')).holder;

-- A repeated call with an id gives its booking again; anything wrong is still an error.
SELECT holder FROM booking.try_book_slot('refused: room', '[2030-01-10 09:00, 2030-01-10 10:00)', 'ann', id => '00000000-0000-7000-8000-00000000aaaa');
SELECT holder FROM booking.try_book_slot('refused: room', '[2030-01-10 09:00, 2030-01-10 10:00)', 'ann', id => '00000000-0000-7000-8000-00000000aaaa');
SELECT * FROM booking.try_book_slot('refused: nothing', '[2030-01-10 09:00, 2030-01-10 10:00)', 'ann');
SELECT * FROM booking.try_book_slot('refused: room', NULL, 'ann');
