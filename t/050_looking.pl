# Search and booking agree: in thousands of random states, with all the rules on, for each kind
# of resource and for slots, whatever is offered can be booked, what is not offered is refused,
# remaining() is exactly what can be booked, and why_not() has nothing to say exactly when a
# booking works, and names the refusal's constraint when not.  The oracle is the write path: each
# answer is tried, and undone.  And the same answers come from a standby.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $states = $ENV{BOOKING_STATES} // 100;
my $seed = $ENV{BOOKING_SEED} // 21; # the same in every run of the suite; any other by hand
note "BOOKING_SEED=$seed";

my $node = PostgreSQL::Test::Cluster->new('looking');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "fsync = off\ntimezone = 'UTC'\nlog_min_messages = warning");
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION booking CASCADE;
-- What does booking answer?  'booked', a constraint, or an SQLSTATE; nothing of it stays.
CREATE FUNCTION answer(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	n integer;
	violated text;
	state text;
BEGIN
	EXECUTE 'SELECT count(*) FROM ' || call INTO n;
	RAISE EXCEPTION USING ERRCODE = 'ZZ999', MESSAGE = CASE WHEN n = 1 THEN 'booked' ELSE 'taken' END;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS violated = CONSTRAINT_NAME, state = RETURNED_SQLSTATE;
	RETURN CASE WHEN state = 'ZZ999' THEN SQLERRM WHEN violated <> '' THEN violated ELSE state END;
END $$;
CREATE FUNCTION lot(low integer, high integer) RETURNS integer LANGUAGE sql AS $$
SELECT low + floor(random() * (high - low + 1))::integer $$;
CREATE FUNCTION try(statement text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN exclusion_violation OR check_violation OR undefined_object OR restrict_violation OR foreign_key_violation OR invalid_parameter_value
	OR object_not_in_prerequisite_state OR null_value_not_allowed THEN NULL;
END $$;
-- Half hours from the beginning of the time that is looked at, which stays where it is after midnight.
CREATE TABLE beginning AS SELECT date_trunc('day', now()) + interval '3 days' AS b;
CREATE FUNCTION halves(first integer, n integer) RETURNS tstzrange LANGUAGE sql AS $$
SELECT tstzrange(b + first * interval '30 minutes', b + (first + n) * interval '30 minutes') FROM beginning $$;
CREATE TABLE wrong (state integer, what text);
CREATE TABLE tried (what text, n bigint);

-- A resource with rules, bookings, holds old and new, slots, and entries in line.
CREATE FUNCTION make_state(state integer) RETURNS bigint LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
	kind text := (ARRAY['exclusive', 'pooled', 'seated'])[lot(1, 3)];
	slots_only boolean := random() < 0.25;
	name text := 'r' || state;
	id bigint;
BEGIN
	SELECT r.id INTO id FROM booking.create_resource(name, kind,
		CASE kind WHEN 'pooled' THEN lot(0, 6) END,
		CASE kind WHEN 'seated' THEN (SELECT array_agg('s' || n) FROM generate_series(1, lot(1, 4)) AS n) END,
		timezone => (ARRAY['UTC', 'Europe/Berlin', 'Asia/Kathmandu', 'America/New_York'])[lot(1, 4)],
		category => (ARRAY['a', 'b'])[lot(1, 2)],
		buffer_before => CASE WHEN random() < 0.3 THEN lot(0, 3) * interval '15 minutes' ELSE '0' END,
		buffer_after => CASE WHEN random() < 0.3 THEN lot(0, 3) * interval '20 minutes' ELSE '0' END,
		slots_only => slots_only) AS r;
	FOR i IN 1 .. lot(0, 4) LOOP
		PERFORM try(format('SELECT FROM booking.publish_slot(%L, halves(%s, %s), %s)', name, lot(0, 90), lot(1, 6),
			CASE WHEN random() < 0.4 THEN 1 ELSE lot(0, 5) END));
	END LOOP;
	FOR i IN 1 .. lot(0, 25) LOOP
		PERFORM try(CASE WHEN random() < 0.3 THEN
			format('SELECT FROM booking.try_book_place((SELECT id FROM booking.slot WHERE resource_id = %s ORDER BY random() LIMIT 1), %L, %s, hold_for => %L)',
				id, 'h' || lot(1, 5), lot(1, 2), (ARRAY[NULL, '1 us', '60 ms', '1 day'])[lot(1, 4)])
		ELSE format('SELECT FROM booking.try_book_slot(%L, halves(%s, %s), %L, %s, seat => %L, hold_for => %L)', name, lot(0, 90), lot(1, 8),
			'h' || lot(1, 5), CASE kind WHEN 'pooled' THEN lot(1, 3) ELSE 1 END, CASE WHEN kind = 'seated' AND random() < 0.5 THEN 's1' END,
			(ARRAY[NULL, NULL, '1 us', '60 ms', '1 day'])[lot(1, 5)]) END);
	END LOOP;
	IF random() < 0.3 AND kind <> 'seated' THEN
		FOR i IN 1 .. lot(1, 4) LOOP
			PERFORM try(CASE WHEN random() < 0.3 THEN
				format('SELECT FROM booking.wait_for_place((SELECT id FROM booking.slot WHERE resource_id = %s ORDER BY random() LIMIT 1), %L, %s)',
					id, 'w' || i, lot(1, 3))
			ELSE format('SELECT FROM booking.wait_for_slot(%L, halves(%s, %s), %L, %s)', name, lot(0, 90), lot(1, 8), 'w' || i,
				CASE kind WHEN 'pooled' THEN lot(1, 3) ELSE 1 END) END);
		END LOOP;
	END IF;
	FOR i IN 1 .. CASE WHEN random() < 0.4 THEN lot(1, 3) ELSE 0 END LOOP
		PERFORM try(format('SELECT FROM booking.close_period(%L, halves(%s, %s), ''works'')', name, lot(0, 90), lot(1, 8)));
	END LOOP;
	IF random() < 0.3 THEN
		INSERT INTO booking.opening_hours (resource_id, weekday, opens, closes)
		SELECT id, d, time '00:00' + lot(0, 47) * interval '30 minutes', time '00:00' + lot(0, 47) * interval '30 minutes'
		FROM generate_series(1, 7) AS d, generate_series(1, lot(1, 2));
	END IF;
	IF random() < 0.3 THEN
		INSERT INTO booking.holder_limit (resource_id, per, max_bookings)
		VALUES (id, (ARRAY['active', 'slot', 'day', 'week', 'month'])[lot(1, 5)], lot(1, 2));
	END IF;
	UPDATE booking.slot s SET closed = true WHERE s.resource_id = id AND random() < 0.2;
	UPDATE booking.resource r SET
		min_notice = CASE WHEN random() < 0.3 THEN lot(48, 96) * interval '1 hour 7 minutes' END,
		min_duration = CASE WHEN random() < 0.2 THEN interval '1 hour' END,
		max_duration = CASE WHEN random() < 0.2 THEN interval '2 hours' END WHERE r.id = id;
	UPDATE booking.resource r SET max_advance = CASE WHEN random() < 0.3 THEN lot(100, 130) * interval '1 hour 7 minutes' END
	WHERE r.id = id;
	IF random() < 0.15 THEN
		PERFORM try(format('UPDATE booking.resource SET retired_at = lower(halves(%s, 1)) WHERE id = %s', lot(0, 90), id));
	END IF;
	RETURN id;
END $$;

CREATE FUNCTION note(state integer, ok boolean, what text, detail text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF ok IS NOT TRUE THEN
		INSERT INTO wrong VALUES (state, what || ': ' || coalesce(detail, ''));
	END IF;
	INSERT INTO tried VALUES (what, 1);
END $$;

-- What a cell of the picture must show, from the rows of the tables.  NULL: nothing is taken.
CREATE FUNCTION cell_of(r booking.resource, span tstzrange) RETURNS text LANGUAGE sql AS $$
WITH b AS (SELECT * FROM booking.booking b WHERE b.resource_id = r.id AND b.occupies && span
		AND (b.status = 'confirmed' OR b.status = 'held' AND b.expires_at > clock_timestamp())
		AND (r.kind = 'exclusive' AND b.seat_no IS NOT NULL OR r.kind = 'pooled' AND b.slot_id IS NULL)),
	peak AS (SELECT max((SELECT coalesce(sum(b.quantity), 0) FROM b WHERE b.occupies @> at)) AS used
		FROM (SELECT lower(span) UNION SELECT lower(b.occupies * span) FROM b) AS i (at))
SELECT CASE WHEN r.kind = 'pooled' THEN
		CASE WHEN used = 0 THEN NULL WHEN used >= r.capacity THEN '#' ELSE used::text END
	WHEN EXISTS (SELECT FROM b WHERE b.status = 'confirmed') THEN '#'
	WHEN EXISTS (SELECT FROM booking.slot s WHERE s.resource_id = r.id AND s.occupies && span) THEN '='
	WHEN EXISTS (SELECT FROM b) THEN '+' END FROM peak $$;
CREATE FUNCTION check_picture(state integer, id bigint) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
	within CONSTANT tstzrange := halves(0, 100);
	r booking.resource := (SELECT r FROM booking.resource r WHERE r.id = check_picture.id);
	open tstzmultirange := (SELECT range_agg(o.period) FROM (SELECT within AS period WHERE NOT EXISTS (SELECT FROM booking.opening_hours h WHERE h.resource_id = id)) AS o)
		- coalesce((SELECT range_agg(c.period) FROM booking.closure c WHERE c.resource_id = id), '{}') - tstzmultirange(tstzrange(coalesce(r.retired_at, 'infinity'), NULL));
	line text;
	day timestamp;
	span tstzrange;
	expected text;
	shown text;
BEGIN
	FOR line IN SELECT a FROM booking.agenda(id, within) a WHERE a ~ '^[A-Z][a-z][a-z] [0-9]' LOOP
		day := substr(line, 5, 10);
		-- The clock is set on that day.
		CONTINUE WHEN (day + interval '1 day') AT TIME ZONE r.timezone - day AT TIME ZONE r.timezone <> interval '24 hours';
		FOR i IN 0 .. 47 LOOP
			span := within * tstzrange((day + i * interval '30 minutes') AT TIME ZONE r.timezone, (day + (i + 1) * interval '30 minutes') AT TIME ZONE r.timezone);
			shown := substr(line, 17 + i, 1);
			IF isempty(span) THEN
				expected := ' ';
			ELSE
				expected := cell_of(r, span);
				IF expected IS NULL AND open IS NOT NULL THEN
					expected := CASE WHEN open && span THEN '.' ELSE ' ' END;
				END IF;
			END IF;
			PERFORM note(state, shown = expected OR expected IS NULL AND shown IN ('.', ' '), 'agenda',
				format('%s shows "%s", not "%s"', span, shown, expected));
		END LOOP;
	END LOOP;
END $$;

-- Twelve parts with a period each, and one with the rest.
CREATE FUNCTION check_part(state integer, id bigint, part integer) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
	within CONSTANT tstzrange := halves(0, 100);
	r booking.resource := (SELECT r FROM booking.resource r WHERE r.id = check_part.id);
	free tstzrange[] := (SELECT array_agg(f) FROM booking.free_periods(id, within) AS f);
	wanted tstzrange;
	said text;
	booked boolean;
	length interval;
	left_over integer;
	obstacles text[];
	who text;
	n integer;
	s booking.slot;
	m record;
	waits boolean := EXISTS (SELECT FROM booking.waitlist w WHERE w.resource_id = check_part.id AND w.status = 'waiting');
BEGIN
	IF part <= 12 THEN
		wanted := halves(lot(0, 94), lot(1, 6));
		-- Of resources that are booked by their slots, often one of these; and often something that is free.
		IF r.slots_only AND random() < 0.8 THEN
			wanted := coalesce((SELECT o.period FROM booking.slot o WHERE o.resource_id = r.id ORDER BY random() LIMIT 1), wanted);
		ELSIF NOT r.slots_only AND random() < 0.4 AND free IS NOT NULL THEN
			wanted := free[lot(1, cardinality(free))];
		END IF;
		length := upper(wanted) - lower(wanted);
		said := answer(format('booking.book_slot(%s, %L, ''fresh'')', id, wanted));
		booked := said = 'booked';
		PERFORM note(state, booked = (answer(format('booking.try_book_slot(%s, %L, ''fresh'')', id, wanted)) = 'booked'),
			'try', format('%s', wanted));

		SELECT array_agg(w.obstacle) INTO obstacles FROM booking.why_not(id, wanted, 'fresh') w;
		PERFORM note(state, booked = (obstacles IS NULL), 'why_not', format('%s: %s, but %s', wanted, obstacles, said));
		PERFORM note(state, booked OR said = ANY (obstacles) OR said = '42704' AND obstacles && '{retired,no_slot}',
			'constraint', format('%s: %s, but %s', wanted, obstacles, said));

		PERFORM note(state, booked = (r.slots_only AND EXISTS (SELECT FROM unnest(free) f WHERE f = wanted)
			OR NOT r.slots_only AND EXISTS (SELECT FROM unnest(free) f WHERE f @> wanted)
				AND length >= coalesce(r.min_duration, '0') AND length <= coalesce(r.max_duration, '100 days')
				AND (r.max_advance IS NULL OR lower(wanted) <= clock_timestamp() + r.max_advance)),
			'free_periods', format('%s: %s, but %s', wanted, free, said));
		PERFORM note(state, booked OR NOT EXISTS (SELECT FROM booking.find_slots(within, length, ARRAY[r.name], step => '30 minutes', max_results => 10000) f
			WHERE f.period = wanted), 'found', format('%s: %s', wanted, said));
		PERFORM note(state, NOT booked OR extract(epoch FROM lower(wanted))::bigint % 900 <> 0 OR EXISTS
			(SELECT FROM booking.find_slots(within, length, ARRAY[r.name], r.category, step => '15 minutes', max_results => 10000) f
			WHERE f.period = wanted), 'not found', format('%s: %s', wanted, said));

		left_over := booking.remaining(id, wanted);
		IF r.kind = 'pooled' OR r.slots_only THEN
			PERFORM note(state, (left_over > 0) = booked AND (left_over = 0
				OR answer(format('booking.book_slot(%s, %L, ''fresh'', %s)', id, wanted, left_over)) = 'booked')
				AND answer(format('booking.book_slot(%s, %L, ''fresh'', %s)', id, wanted, left_over + 1)) <> 'booked',
				'remaining', format('%s: %s, but %s', wanted, left_over, said));
			PERFORM note(state, EXISTS (SELECT FROM booking.why_not(id, wanted, 'fresh', left_over + 1)), 'why_not many', format('%s', wanted));
			IF left_over > 0 THEN
				PERFORM note(state, NOT EXISTS (SELECT FROM booking.why_not(id, wanted, 'fresh', left_over)), 'why_not all', format('%s', wanted));
			END IF;
		ELSE
			PERFORM note(state, (left_over > 0) = booked, 'remaining', format('%s: %s, but %s', wanted, left_over, said));
			IF left_over > 0 THEN
				PERFORM note(state, answer(format('(SELECT count(*) FROM generate_series(1, %s) AS n, booking.book_slot(%s, %L, ''fresh'' || n)) AS b', left_over, id, wanted)) = 'booked'
					AND answer(format('(SELECT count(*) FROM generate_series(1, %s) AS n, booking.book_slot(%s, %L, ''fresh'' || n)) AS b', left_over + 1, id, wanted)) <> 'booked',
					'remaining seats', format('%s: %s', wanted, left_over));
			END IF;
		END IF;

		-- A holder with bookings, for its limits, or in line.
		who := (ARRAY['h1', 'h2', 'w1', 'w2'])[lot(1, 4)];
		said := answer(format('booking.book_slot(%s, %L, %L)', id, wanted, who));
		SELECT array_agg(w.obstacle) INTO obstacles FROM booking.why_not(id, wanted, who) w;
		PERFORM note(state, (said = 'booked') = (obstacles IS NULL)
			AND (said = 'booked' OR said = ANY (obstacles) OR said = '42704' AND obstacles && '{retired,no_slot}'),
			'why_not who', format('%s for %s: %s, but %s', wanted, who, obstacles, said));

		IF r.kind = 'seated' AND NOT waits AND (NOT r.slots_only OR EXISTS (SELECT FROM booking.slot o WHERE o.resource_id = r.id AND o.period = wanted)) THEN
			FOR m IN SELECT * FROM booking.seat_map(id, wanted) LOOP
				said := answer(format('booking.book_slot(%s, %L, ''fresh'', seat => %L)', id, wanted, m.seat));
				SELECT array_agg(w.obstacle) INTO obstacles FROM booking.why_not(id, wanted, 'fresh', seat => m.seat) w;
				PERFORM note(state, (said = 'booked') = (obstacles IS NULL) AND (said = 'booked' OR said = ANY (obstacles) OR said = '42704' AND obstacles && '{retired,no_slot}'),
					'why_not seat', format('%s of %s: %s, but %s', m.seat, wanted, obstacles, said));
				SELECT count(*) INTO n FROM booking.slot o WHERE o.resource_id = r.id AND o.period = wanted;
				PERFORM note(state, (m.status = 'free') = (said = 'booked') OR r.slots_only AND n > 1, 'seat_map',
					format('%s of %s: %s, but %s', m.seat, wanted, m.status, said));
			END LOOP;
		END IF;
		RETURN;
	END IF;

	FOR s IN SELECT o.* FROM booking.slot o WHERE o.resource_id = id LOOP
		left_over := booking.remaining(s.id);
		PERFORM note(state, (left_over = 0 OR answer(format('booking.book_place(%s, ''fresh'', %s)', s.id, left_over)) = 'booked')
			AND answer(format('booking.book_place(%s, ''fresh'', %s)', s.id, left_over + 1)) <> 'booked',
			'places', format('slot %s for %s: %s', s.id, s.period, left_over));
		IF r.kind = 'seated' AND NOT waits THEN
			FOR m IN SELECT * FROM booking.seat_map(s.id) LOOP
				said := answer(format('booking.book_place(%s, ''fresh'', seat => %L)', s.id, m.seat));
				PERFORM note(state, (m.status = 'free') = (said = 'booked'), 'seat_map of slot',
					format('%s in slot %s: %s, but %s', m.seat, s.id, m.status, said));
			END LOOP;
		END IF;
	END LOOP;

	-- What is in use, second by second.
	PERFORM note(state, NOT EXISTS (SELECT FROM booking.usage(id, within) u
		WHERE u.used <> (SELECT coalesce(sum(b.quantity), 0) FROM booking.booking b WHERE b.resource_id = id AND b.slot_id IS NULL
			AND b.occupies @> lower(u.period) AND (b.status = 'confirmed' OR b.status = 'held' AND b.expires_at > clock_timestamp()))),
		'usage', NULL) WHERE r.kind = 'pooled';
	PERFORM note(state, (SELECT range_agg(u.period) FROM booking.usage(id, within) u) = tstzmultirange(within), 'usage covers', NULL);
	IF NOT waits AND r.kind <> 'seated' AND NOT r.slots_only THEN
		PERFORM check_picture(state, id);
	END IF;
END $$;

-- How soon and how far ahead can be booked moves on with every minute: a part that was not over by then is done anew.
CREATE FUNCTION check_state(state integer, id bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	minute timestamptz;
BEGIN
	FOR part IN 1 .. 13 LOOP
		LOOP
			minute := date_trunc('minute', clock_timestamp());
			BEGIN
				PERFORM check_part(state, id, part);
				EXIT WHEN date_trunc('minute', clock_timestamp()) = minute;
				RAISE SQLSTATE 'ZZ998';
			EXCEPTION WHEN SQLSTATE 'ZZ998' THEN NULL;
			END;
		END LOOP;
	END LOOP;
END $$;
});

for my $state (1 .. $states)
{
	my $id = $node->safe_psql('postgres', "SELECT setseed(($seed + $state) % 99991 / 100000.0); SELECT make_state($state)");
	($id) = $id =~ /(\d+)\s*$/;
	# Holds lapse meanwhile.
	$node->safe_psql('postgres', "SET client_encoding = 'LATIN1'; SELECT pg_sleep(0.08); SELECT setseed(($seed + $state) % 99989 / 100000.0); SELECT check_state($state, $id)");
}
is($node->safe_psql('postgres', 'SELECT state, what FROM wrong ORDER BY state, what LIMIT 20'), '', 'search and booking agree');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM tried'), '>', 20 * $states, 'much has been tried');
note $node->safe_psql('postgres', 'SELECT what, count(*) FROM tried GROUP BY what ORDER BY what');

# A standby gives the same answers, and so does a transaction that must not write.
my $all = q{
SELECT r.name, f FROM booking.resource r, booking.free_periods(r.id, halves(0, 100)) AS f ORDER BY 1, 2;
SELECT r.name, u FROM booking.resource r, booking.usage(r.name, halves(0, 100)) AS u ORDER BY 1, 2;
SELECT * FROM booking.find_slots(halves(0, 100), '1 hour', max_results => 2000);
SELECT s.id, booking.remaining(s.id) FROM booking.slot s ORDER BY 1;
SELECT r.name, booking.remaining(r.name, halves(20, 4)), w.obstacle, w.during FROM booking.resource r, booking.why_not(r.name, halves(20, 4), 'h1') AS w ORDER BY 1, 3, 4;
SELECT r.name, m.* FROM booking.resource r, booking.seat_map(r.id, halves(20, 4)) AS m WHERE r.kind = 'seated' AND NOT r.slots_only ORDER BY 1, 2;
SELECT r.name, a.* FROM booking.resource r, booking.agenda(r.id, halves(0, 100)) WITH ORDINALITY AS a (line, n) ORDER BY 1, 3;
SELECT r.name, regexp_replace(booking.ical(r.name, halves(0, 100)), 'DTSTAMP:[^\r]*', '', 'g') FROM booking.resource r ORDER BY 1;
SELECT shop, f.* FROM generate_series(1, 3) AS shop, booking.guard_free('hire', 'hire_guard', ARRAY[shop::text], '[0,100)'::int4range) AS f ORDER BY 1, 2;
SELECT count(*) FROM booking.current;
SELECT * FROM booking.stats ORDER BY 1;
};
$node->safe_psql('postgres', q{
CREATE TABLE bikes_of (shop integer, bikes integer);
INSERT INTO bikes_of VALUES (1, 3), (2, 1);
CREATE TABLE hire (shop integer, during int4range, bikes integer);
SELECT booking.guard_table('hire', '{shop}', '{during}', quantity => 'bikes', capacity_query => 'SELECT bikes FROM bikes_of WHERE shop = $1', name => 'hire_guard');
INSERT INTO hire VALUES (1, '[10,20)', 1), (1, '[15,30)', 2), (2, '[1,2)', 1)});
# From here on nothing changes with time: the line is empty, no hold lapses, no notice passes.
$node->safe_psql('postgres', q{
SELECT booking.leave_waitlist(id) FROM booking.waitlist WHERE status IN ('waiting', 'offered');
DELETE FROM booking.booking WHERE expires_at < now() + interval '1 hour';
UPDATE booking.resource SET min_notice = NULL, max_advance = NULL});
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
my $now = $node->safe_psql('postgres', $all);
$now =~ s/\|0\.\d+//g;
my $there = $standby->safe_psql('postgres', $all);
$there =~ s/\|0\.\d+//g;
cmp_ok(length $now, '>', 1000, 'there is something to compare');
ok($there eq $now, 'a standby gives the same answers');

# It follows changes: of rules in its cache, too.
# (Sessions in the background came with PostgreSQL 16.)
my $session = eval { require PostgreSQL::Test::BackgroundPsql; 1 } ? $standby->background_psql('postgres') : undef;
my $count = q{SELECT count(*) FROM booking.free_periods('later', halves(0, 100))};
$node->safe_psql('postgres', q{SELECT FROM booking.create_resource('later')});
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $count), 1, 'a new resource');
SKIP: { skip('no sessions in the background', 1) unless $session; is($session->query_safe($count), 1, 'remembered'); }
$node->safe_psql('postgres', q{SELECT FROM booking.close_period('later', halves(10, 10))});
$node->wait_for_catchup($standby);
SKIP: { skip('no sessions in the background', 1) unless $session; is($session->query_safe($count), 2, 'a closure that came since'); }
is($standby->safe_psql('postgres', $count), 2, 'a closure');
$session->quit if $session;

$now = $node->safe_psql('postgres', $all);
$now =~ s{\|0\.\d+}{}g;
for my $level ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE')
{
	my $read = $node->safe_psql('postgres', "BEGIN ISOLATION LEVEL $level READ ONLY; $all COMMIT;");
	$read =~ s/\|0\.\d+//g;
	ok($read eq $now, "$level READ ONLY gives the same answers");
}
is($node->safe_psql('postgres', q{BEGIN; SELECT count(*) FROM booking.find_slots(halves(0, 100), '1 hour');
	SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'; COMMIT;}), "50\n0", 'no advisory locks');

$standby->stop;
$node->stop;
done_testing();
