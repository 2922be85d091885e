--
-- Several bookings in one call: all of them or none.
--
\getenv srcdir PG_ABS_SRCDIR
\set said :srcdir '/sql/include/said.psql'
\set ECHO none
\i :said
\set ECHO all

SELECT name FROM booking.create_resource('together: room A');
SELECT name FROM booking.create_resource('together: room B', max_hold => '1 hour', max_duration => '2 hours');
SELECT name FROM booking.create_resource('together: bikes', 'pooled', 5);
SELECT name FROM booking.create_resource('together: bus', 'seated', seats => ARRAY['1A', '1B', '1C', '2A', '2B', '2C']);
SELECT name FROM booking.create_resource('together: class', slots_only => true);
SELECT period FROM booking.publish_slot('together: class', '[2030-01-07 09:00, 2030-01-07 10:00)', 10);
SELECT id AS slot FROM booking.slot WHERE resource_id = booking.resource_id('together: class') \gset
CREATE VIEW pg_temp.made AS
	SELECT r.name, e.label, b.slot_id IS NOT NULL AS in_slot, b.period, b.quantity, b.holder, b.status, b.group_id, b.data
	FROM booking.booking b JOIN booking.resource r ON r.id = b.resource_id
	LEFT JOIN booking.seat e ON e.resource_id = b.resource_id AND e.seat_no = b.seat_no
	WHERE r.name LIKE 'together: %' ORDER BY b.id;

-- Everything that a request can say; what it leaves out comes from the call.  (The id of a slot is a
-- text, too, in programs whose driver makes one of every bigint.)
SELECT format('[{"resource": "together: bikes", "period": "[2030-01-07 09:00, 2030-01-07 12:00)", "quantity": 2},
  {"resource": %s, "period": "[2030-01-07 09:00, 2030-01-07 10:00)", "hold_for": "5 minutes", "data": {"note": "by id"}},
  {"resource": "together: class", "period": "[2030-01-07 09:00, 2030-01-07 10:00)", "holder": "bob"},
  {"slot_id": "%s", "quantity": 3, "seat": null},
  {"resource": "together: bus", "period": "[2030-01-07 09:00, 2030-01-07 10:00)", "seats": ["2A", "1A"]},
  {"resource": "together: room B", "period": "[2030-01-07 09:00, 2030-01-07 10:00)", "id": "00000000-0000-0000-0000-00000000b001"}]',
	booking.resource_id('together: room A'), :slot) AS requests \gset
SELECT name, label, in_slot, period, quantity, holder, status, data FROM pg_temp.made
WHERE (SELECT count(DISTINCT group_id) = 1 AND count(*) = 7 FROM booking.book_all(:'requests', 'ann', group_id => '00000000-0000-0000-0000-0000000000a1'));
SELECT name, label, in_slot, period, quantity, holder, status, data FROM pg_temp.made;

-- The same call once more gets the same bookings, in the order of the requests.
SELECT resource_id = booking.resource_id('together: bus'), seat_no, holder, quantity
FROM booking.book_all(:'requests', 'ann', group_id => '00000000-0000-0000-0000-0000000000a1');
SELECT count(*) FROM pg_temp.made;
-- Something else with the same id is refused.
SELECT pg_temp.said(format($$SELECT * FROM booking.book_all(%L, 'eve', group_id => '00000000-0000-0000-0000-0000000000a1')$$, :'requests'));
SELECT pg_temp.said($$SELECT * FROM booking.book_all('[{"resource": "together: room B", "period": "[2031-01-07 09:00, 2031-01-07 10:00)"}]', 'ann', group_id => '00000000-0000-0000-0000-0000000000a1')$$);
SELECT pg_temp.said(format($$SELECT * FROM booking.book_all(%L, 'ann', group_id => '00000000-0000-0000-0000-0000000000a1')$$, replace(:'requests', '00b001', '00b002')));
-- An id of a request is that of its booking, in whatever call it was made.
SELECT id, holder FROM booking.book_all('[{"resource": "together: room B", "period": "[2030-01-07 09:00, 2030-01-07 10:00)", "id": "00000000-0000-0000-0000-00000000b001"}]', 'ann');
SELECT pg_temp.said($$SELECT * FROM booking.book_all('[{"resource": "together: room B", "period": "[2030-01-07 09:00, 2030-01-07 11:00)", "id": "00000000-0000-0000-0000-00000000b001"}]', 'ann')$$);

-- Everything that stands in the way is named, and nothing is booked.
SELECT period FROM booking.close_period('together: bikes', '[2030-01-09, 2030-01-10)', 'repairs');
SELECT replace(said, 'slot ' || :slot, 'slot <id>') FROM pg_temp.said(format($$SELECT * FROM booking.book_all('[
  {"resource": "together: room A", "period": "[2030-01-08 09:00, 2030-01-08 10:00)"},
  {"resource": "together: room A", "period": "[2030-01-07 09:30, 2030-01-07 10:00)"},
  {"resource": "together: bikes", "period": "[2030-01-07 10:00, 2030-01-07 11:00)", "quantity": 4},
  {"resource": "together: bikes", "period": "[2030-01-09 10:00, 2030-01-09 11:00)"},
  {"resource": "together: room B", "period": "[2030-01-08 09:00, 2030-01-08 12:00)"},
  {"resource": "together: room B", "period": "[2030-01-08 13:00, 2030-01-08 14:00)", "hold_for": "1 day"},
  {"slot_id": %s, "quantity": 5}, {"slot_id": %1$s, "quantity": 3},
  {"resource": "together: bus", "period": "[2030-01-07 09:00, 2030-01-07 10:00)", "seats": ["2A", "2B"]}]', 'ann')$$, :slot)) AS said;
SELECT count(*) FROM pg_temp.made;
-- The requests of one call may not collide with each other either.
SELECT pg_temp.said($$SELECT * FROM booking.book_all('[
  {"resource": "together: room A", "period": "[2030-01-08 09:00, 2030-01-08 10:00)"},
  {"resource": "together: room A", "period": "[2030-01-08 09:30, 2030-01-08 10:30)"}]', 'ann')$$);
-- Very many: all are named, the first in full.
SELECT length(string_agg(line, '')) < 100000, count(*) FILTER (WHERE line ~ '^request [0-9]+: booking_no_overlap$'), bool_or(line ~ '^request 500: ')
FROM pg_temp.said($$SELECT * FROM booking.book_all((SELECT jsonb_agg('{"resource": "together: room A", "period": "[2030-01-07 09:30, 2030-01-07 10:00)"}'::jsonb)
	FROM generate_series(1, 500)), 'ann')$$) AS answer, regexp_split_to_table(answer, '\n') AS line;

-- Malformed requests: which one, and which key.
SELECT replace(request, '"together: room A", "period": "[2030-01-08 09:00, 2030-01-08 10:00)"', '"A", "period": "P"') AS request, answer
FROM (VALUES ('{}'), ('"x"'), ('[]'), ('null'), ('[1]'), ('[[]]'), ('[null]'),
	('[{}]'), ('[{"resource": "together: room A"}]'), ('[{"slot_id": 1, "period": "[2030-01-08 09:00, 2030-01-08 10:00)"}]'),
	('[{"period": "[2030-01-08 09:00, 2030-01-08 10:00)"}]'),
	('[{"resource": true, @}]'), ('[{"resource": {"a": 1}, @}]'), ('[{"resource": 1e30, @}]'), ('[{"resource": 1.5, @}]'), ('[{"resource": "nowhere", @}]'), ('[{"resource": 0, @}]'),
	('[{&, "what": 1}]'), ('[{&, "Seat": "1"}]'), ('[{&, "": "1"}]'),
	('[{&, "quantity": "2"}]'), ('[{&, "quantity": 2}]'), ('[{&, "quantity": 0}]'), ('[{&, "quantity": -2}]'), ('[{&, "quantity": 1.5}]'), ('[{&, "quantity": 3000000000}]'),
	('[{&, "seat": 1}]'), ('[{&, "seat": "1A"}]'), ('[{&, "seats": "1A"}]'), ('[{&, "seats": []}]'), ('[{&, "seats": [1]}]'), ('[{&, "seats": ["1A", "1B", "1A"]}]'),
	('[{&, "seat": "1A", "seats": ["1B"]}]'), ('[{&, "id": "00000000-0000-0000-0000-00000000c001", "seats": ["1B"]}]'), ('[{&, "seats": ["1A"], "quantity": 2}]'),
	('[{&, "holder": ""}]'), ('[{&, "holder": 1}]'), ('[{&, "hold_for": "soon"}]'), ('[{&, "hold_for": "-1 day"}]'), ('[{&, "hold_for": 5}]'),
	('[{&, "id": "x"}]'), ('[{&, "data": 1}]'), ('[{&, "data": []}]'), ('[{&, "slot_id": 1}]'),
	('[{"slot_id": "one"}]'), ('[{"slot_id": ""}]'), ('[{"slot_id": "1.5"}]'), ('[{"slot_id": " 1"}]'), ('[{"slot_id": "99999999999999999999"}]'),
	('[{"slot_id": 0}]'), ('[{"slot_id": "-0"}]'), ('[{"resource": "together: room A", "period": "tomorrow"}]'), ('[{"resource": "together: room A", "period": "empty"}]'),
	('[{"resource": "together: room A", "period": "(,)"}]'), ('[{"resource": "together: room A", "period": ["2030-01-01"]}]'),
	('[{"resource": "together: class", @}]'), ('[{"resource": "together: bus", @, "seat": "9Z"}]'),
	('[{"resource": "together: bus", @, "seat": "1B"}, {"resource": "together: bus", "period": "[2030-01-08 09:30, 2030-01-08 11:00)", "seat": "1B"}]')) AS v (short),
	replace(replace(short, '&', '"resource": "together: room A", @'), '@', '"period": "[2030-01-08 09:00, 2030-01-08 10:00)"') AS request,
	pg_temp.said(format($$SELECT * FROM booking.book_all(jsonb_build_array('{"resource": "together: room B", "period": "[2030-02-08 09:00, 2030-02-08 10:00)"}'::jsonb)
		|| CASE WHEN jsonb_typeof(%L) = 'array' THEN %1$L ELSE '[]' END::jsonb, 'ann') WHERE jsonb_typeof(%1$L) = 'array'
		UNION ALL SELECT * FROM booking.book_all(%1$L, 'ann')$$, request)) AS answer
WHERE answer !~ '^  ';
SELECT pg_temp.said($$SELECT * FROM booking.book_all('[{"resource": "together: room A", "period": "[2030-01-08 09:00, 2030-01-08 10:00)"}]')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_all('[{"resource": "together: room A", "period": "[2030-01-08 09:00, 2030-01-08 10:00)"}]', 'ann', '0')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_all(NULL, 'ann')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_all(to_jsonb('[{"slot_id": 1}]'::text), 'ann')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_all((SELECT jsonb_agg('{"resource": "together: room A", "period": "[2030-01-08 09:00, 2030-01-08 10:00)"}'::jsonb) FROM generate_series(1, 100001)), 'ann')$$);
SELECT count(*) FROM pg_temp.made;

-- A group is confirmed, held longer, and given up as a whole.
SELECT status, name FROM pg_temp.made WHERE (SELECT bool_and(status = 'held') FROM booking.book_all('[{"resource": "together: room A", "period": "[2030-01-10 09:00, 2030-01-10 10:00)"},
  {"resource": "together: bikes", "period": "[2030-01-10 09:00, 2030-01-10 10:00)"}]', 'ann', '10 minutes', '00000000-0000-0000-0000-0000000000a2')) AND lower(period) > '2030-01-10';
SELECT expires_at > now() + interval '1 hour' AS later FROM booking.extend_group('00000000-0000-0000-0000-0000000000a2', '1 hour');
SELECT status FROM booking.confirm_group('00000000-0000-0000-0000-0000000000a2');
SELECT status FROM booking.confirm_group('00000000-0000-0000-0000-0000000000a2');
SELECT pg_temp.said($$SELECT * FROM booking.extend_group('00000000-0000-0000-0000-0000000000a2', '1 hour')$$);
SELECT status, reason FROM booking.cancel_group('00000000-0000-0000-0000-0000000000a2', 'rain');
SELECT status, reason FROM booking.cancel_group('00000000-0000-0000-0000-0000000000a2');
SELECT regexp_replace(pg_temp.said($$SELECT * FROM booking.confirm_group('00000000-0000-0000-0000-0000000000a2')$$), 'at 20.*', 'at <then>.');
SELECT pg_temp.said($$SELECT * FROM booking.confirm_group('00000000-0000-0000-0000-0000000000ff')$$);
SELECT pg_temp.said($$SELECT * FROM booking.confirm_group(NULL)$$);
SELECT pg_temp.said($$SELECT * FROM booking.extend_group('00000000-0000-0000-0000-0000000000a2', '-1 hour')$$);
-- One that has lapsed: none is confirmed.  One that was given up on its own stays so.
SELECT count(*) FROM booking.book_all('[{"resource": "together: room A", "period": "[2030-01-11 09:00, 2030-01-11 10:00)", "hold_for": "1 millisecond"},
  {"resource": "together: bikes", "period": "[2030-01-11 09:00, 2030-01-11 10:00)"}]', 'ann', '10 minutes', '00000000-0000-0000-0000-0000000000a3');
SELECT pg_sleep(0.01);
SELECT regexp_replace(pg_temp.said($$SELECT * FROM booking.confirm_group('00000000-0000-0000-0000-0000000000a3')$$), 'at 20.*', 'at <then>.');
SELECT status, count(*) FROM booking.booking WHERE group_id = '00000000-0000-0000-0000-0000000000a3' GROUP BY 1;
SELECT count(*) FROM booking.book_all('[{"resource": "together: room A", "period": "[2030-01-12 09:00, 2030-01-12 10:00)", "id": "00000000-0000-0000-0000-00000000b003"},
  {"resource": "together: bikes", "period": "[2030-01-12 09:00, 2030-01-12 10:00)"}]', 'ann', '10 minutes', '00000000-0000-0000-0000-0000000000a4');
SELECT status FROM booking.cancel('00000000-0000-0000-0000-00000000b003');
SELECT status FROM booking.confirm_group('00000000-0000-0000-0000-0000000000a4') ORDER BY 1;

-- Several seats: these,
SELECT seat_no, holder, status, data FROM booking.book_seats('together: bus', '[2030-01-08 09:00, 2030-01-08 10:00)', 'ann', seats => ARRAY['1B', '1A'], hold_for => '5 minutes', data => '{"a": 1}');
SELECT pg_temp.said($$SELECT * FROM booking.book_seats('together: bus', '[2030-01-08 09:00, 2030-01-08 10:00)', 'bob', seats => ARRAY['1C', '1B', '1A'])$$);
-- or so many: neighbours, in the shortest row of free seats that is long enough (2A is not free),
SELECT seat_no FROM booking.book_slot('together: bus', '[2030-01-08 09:00, 2030-01-08 10:00)', 'cas', seat => '2A');
SELECT seat_no FROM booking.book_seats('together: bus', '[2030-01-08 09:00, 2030-01-08 10:00)', 'bob', 1, together => true);
SELECT seat_no FROM booking.book_seats('together: bus', '[2030-01-08 09:00, 2030-01-08 10:00)', 'bob', 2, together => true);
SELECT pg_temp.said($$SELECT * FROM booking.book_seats('together: bus', '[2030-01-08 09:00, 2030-01-08 10:00)', 'eve', 1)$$);
-- and if there is no such row, others.
SELECT seat_no FROM booking.book_slot('together: bus', '[2030-01-09 09:00, 2030-01-09 10:00)', 'cas', seat => '1B');
SELECT seat_no FROM booking.book_slot('together: bus', '[2030-01-09 09:00, 2030-01-09 10:00)', 'cas', seat => '2B');
SELECT seat_no FROM booking.book_seats(booking.resource_id('together: bus'), '[2030-01-09 09:00, 2030-01-09 10:00)', 'bob', 3, together => true, group_id => '00000000-0000-0000-0000-0000000000a5');
SELECT pg_temp.said($$SELECT * FROM booking.book_seats('together: bus', '[2030-01-09 09:00, 2030-01-09 10:00)', 'eve', 2)$$);
-- Once more: the same, although they are taken now.
SELECT seat_no FROM booking.book_seats('together: bus', '[2030-01-09 09:00, 2030-01-09 10:00)', 'bob', 3, together => true, group_id => '00000000-0000-0000-0000-0000000000a5');
SELECT pg_temp.said($$SELECT * FROM booking.book_seats('together: bus', '[2030-01-09 09:00, 2030-01-09 10:00)', 'bob', 2, group_id => '00000000-0000-0000-0000-0000000000a5')$$);
-- A lapsed hold does not count.
SELECT count(*) FROM booking.book_seats('together: bus', '[2030-01-13 09:00, 2030-01-13 10:00)', 'ann', 6, hold_for => '1 millisecond');
SELECT pg_sleep(0.01);
SELECT count(DISTINCT seat_no) FROM booking.book_seats('together: bus', '[2030-01-13 09:00, 2030-01-13 10:00)', 'bob', 6);
-- What is wrong with the arguments.
SELECT pg_temp.said(format($$SELECT * FROM booking.book_seats('together: %s', '[2030-01-10 09:00, 2030-01-10 10:00)', %s)$$, on_what, arguments))
FROM (VALUES ('bus', $$'ann'$$), ('bus', $$'ann', 0$$), ('bus', $$'ann', -1$$), ('bus', $$'ann', 7$$), ('bus', $$'ann', 2147483647$$), ('bus', $$'ann', seats => '{}'$$), ('bus', $$'ann', seats => '{1A,NULL}'$$),
	('bus', $$'ann', seats => '{1A,1A}'$$), ('bus', $$'ann', seats => '{9Z}'$$), ('bus', $$'ann', 2, seats => '{1A}'$$), ('bus', $$NULL, 1$$), ('bus', $$'', 1$$), ('bus', $$'ann', 1, data => '[]'$$),
	('bus', $$'ann', 1, together => NULL$$), ('bus', $$'ann', 1, hold_for => '0'$$), ('bikes', $$'ann', 1$$), ('bikes', $$'ann', seats => '{1}'$$), ('nowhere', $$'ann', 1$$)) AS v (on_what, arguments);
-- In a slot, of several places or of one for each seat.
SELECT capacity FROM booking.publish_slot('together: bus', '[2030-02-01 09:00, 2030-02-01 10:00)', 4);
SELECT id AS departure FROM booking.slot WHERE resource_id = booking.resource_id('together: bus') \gset
SELECT seat_no, slot_id = :departure AS in_slot FROM booking.book_slot_seats(:departure, 'ann', 2, together => true);
SELECT seat_no, slot_id = :departure AS in_slot FROM booking.book_slot_seats(:departure, 'ann', seats => '{2C}');
SELECT replace(pg_temp.said(format('SELECT * FROM booking.book_slot_seats(%s, ''ann'', 2)', :departure)), 'slot ' || :departure, 'slot <id>');
SELECT pg_temp.said(format('SELECT * FROM booking.book_slot_seats(%s, ''ann'', seats => ''{2C}'')', :departure));
SELECT replace(pg_temp.said(format('SELECT * FROM booking.book_seats(''together: bus'', ''[2030-02-01 09:00, 2030-02-01 10:00)'', ''ann'', 2)')), 'slot ' || :departure, 'slot <id>');
SELECT pg_temp.said('SELECT * FROM booking.book_slot_seats(0, ''ann'', 2)');
SELECT pg_temp.said('SELECT * FROM booking.book_slot_seats(NULL, ''ann'', 2)');

-- A table with other columns, one gone, and a trigger of the application that objects.
ALTER TABLE booking.booking ADD COLUMN gone text, ADD COLUMN extra text DEFAULT 'x';
ALTER TABLE booking.booking DROP COLUMN gone;
SELECT extra, holder FROM booking.book_all('[{"resource": "together: room A", "period": "[2030-03-01 09:00, 2030-03-01 10:00)"}]', 'ann', group_id => '00000000-0000-0000-0000-0000000000a6');
SELECT extra, holder FROM booking.book_all('[{"resource": "together: room A", "period": "[2030-03-01 09:00, 2030-03-01 10:00)"}]', 'ann', group_id => '00000000-0000-0000-0000-0000000000a6');
SELECT extra, status FROM booking.cancel_group('00000000-0000-0000-0000-0000000000a6');
CREATE FUNCTION pg_temp.objects() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.holder = 'nobody' THEN RETURN NULL; ELSIF NEW.holder = 'never' THEN RAISE check_violation USING MESSAGE = 'not this one'; END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER objects BEFORE INSERT ON booking.booking FOR EACH ROW EXECUTE FUNCTION pg_temp.objects();
SELECT pg_temp.said($$SELECT * FROM booking.book_all('[{"resource": "together: room A", "period": "[2030-03-02 09:00, 2030-03-02 10:00)"}, {"resource": "together: room B", "holder": "nobody", "period": "[2030-03-02 09:00, 2030-03-02 10:00)"}]', 'ann')$$);
SELECT pg_temp.said($$SELECT * FROM booking.book_all('[{"resource": "together: room A", "period": "[2030-03-02 09:00, 2030-03-02 10:00)", "holder": "never"}]')$$);
DROP TRIGGER objects ON booking.booking;
ALTER TABLE booking.booking DROP COLUMN extra;

SELECT problem, detail FROM booking.verify() WHERE resource_id IN (SELECT id FROM booking.resource WHERE name LIKE 'together: %');

-- One id for two.
SELECT pg_temp.said($$SELECT * FROM booking.book_all('[{"resource": "together: room A", "period": "[2032-01-08 09:00, 2032-01-08 10:00)", "id": "00000000-0000-0000-0000-00000000b0d1"},
	{"resource": "together: room A", "period": "[2032-01-09 09:00, 2032-01-09 10:00)", "id": "00000000-0000-0000-0000-00000000b0d1"}]', 'ann')$$);

-- What a trigger says that comes before ours is not about the row before.
CREATE FUNCTION pg_temp.third() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.holder = 'third' THEN RAISE EXCEPTION 'not the third'; END IF; RETURN NEW; END $$;
CREATE TRIGGER aaa BEFORE INSERT ON booking.booking FOR EACH ROW EXECUTE FUNCTION pg_temp.third();
SELECT pg_temp.said($$SELECT * FROM booking.book_all('[{"resource": "together: room A", "period": "[2032-01-08 09:00, 2032-01-08 10:00)"}, {"resource": "together: room A", "period": "[2032-01-09 09:00, 2032-01-09 10:00)"},
	{"resource": "together: room A", "period": "[2032-01-10 09:00, 2032-01-10 10:00)", "holder": "third"}]', 'ann')$$);
DROP TRIGGER aaa ON booking.booking;

-- Holds that have lapsed are in the way of some of them.
SELECT name FROM booking.create_resource('together: hall');
SELECT count(*) FROM generate_series(1, 5) AS day, LATERAL booking.book_slot('together: hall',
	tstzrange(timestamptz '2033-01-01 09:00' + day * interval '1 day', timestamptz '2033-01-01 10:00' + day * interval '1 day'), 'ann', hold_for => '1 microsecond');
SELECT count(*), min(status), max(status) FROM booking.book_all((SELECT jsonb_agg(jsonb_build_object('resource', 'together: hall',
	'period', tstzrange(timestamptz '2033-01-01 09:00' + half * interval '12 hours', timestamptz '2033-01-01 10:00' + half * interval '12 hours')))
	FROM generate_series(1, 10) AS half), 'bob');
SELECT status, count(*) FROM booking.booking WHERE resource_id = booking.resource_id('together: hall') GROUP BY 1 ORDER BY 1;
