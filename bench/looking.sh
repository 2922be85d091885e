#!/usr/bin/env bash
#
# looking.sh: how fast is it to ask what is free?
#
#   bench/looking.sh [--rounds N] [--seconds N] [--bookings N] [--resources N] [--each N] [--seats N] [--others N]
#
# free_periods() for a day of a resource with a million bookings; find_slots() for 30 days
# over 50 resources with 10,000 bookings each, against the usual SQL: every start there
# could be, WHERE NOT EXISTS a booking; seat_map() of 10,000 seats; remaining() of a slot
# against SELECT 1.  Beside them ten million bookings of a thousand other resources, and how the time grows while
# these come.  The answers of both sides are compared row by row.
#
# Ours is measured before the tables have ever been analysed, and again afterwards; the usual SQL
# afterwards only, for without statistics it takes minutes.  What is measured is the time of
# one call in the server, and for SELECT 1 the transactions of one client; bookings are loaded
# without their triggers (ten million take a quarter of an hour).

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

BOOKINGS=1000000
RESOURCES=50
EACH=10000
SEATS=10000
OTHERS=10000000
option() {
	case $1 in
	--bookings) BOOKINGS=$2 ;;
	--resources) RESOURCES=$2 ;;
	--each) EACH=$2 ;;
	--seats) SEATS=$2 ;;
	--others) OTHERS=$2 ;;
	*) die "no option $1" ;;
	esac
}
read_options "$@"
# Nothing analyses what we do not.
SERVER_SETTINGS+=(-c autovacuum=off -c jit=off -c fsync=off)
start_server looking
describe

run_sql >/dev/null <<SQL
SELECT booking.create_resource('big');
SELECT booking.create_resource('room ' || n, category => 'rooms') FROM generate_series(1, $RESOURCES) AS n;
SELECT booking.create_resource('stadium', 'seated', seats => (SELECT array_agg('s' || n ORDER BY n) FROM generate_series(1, $SEATS) AS n));
SELECT booking.create_resource('show', 'pooled', 0);
SELECT booking.publish_slot('show', '[2100-01-01 20:00+00, 2100-01-01 22:00+00)', 5000);
SELECT booking.create_resource('other ' || n) FROM generate_series(1, 1000) AS n;

-- Milliseconds of one call, the median of so many.
CREATE FUNCTION took(call text, times integer) RETURNS numeric LANGUAGE plpgsql AS \$\$
DECLARE
	start timestamptz;
	all_of_them double precision[] := '{}';
BEGIN
	FOR i IN 0 .. times LOOP
		start := clock_timestamp();
		EXECUTE 'SELECT count(*) FROM ' || call;
		IF i > 0 THEN
			all_of_them := all_of_them || extract(epoch FROM clock_timestamp() - start)::double precision * 1000;
		END IF;
	END LOOP;
	RETURN round((SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) FROM unnest(all_of_them) AS ms)::numeric, 3);
END \$\$;
CREATE FUNCTION others(n integer) RETURNS text[] LANGUAGE sql IMMUTABLE AS \$\$ SELECT array_agg('other ' || i) FROM generate_series(1, n) AS i \$\$;
-- Bookings of an hour each, with half an hour in between, half of them after the day that is asked for: so many from a number on.
CREATE FUNCTION fill(prefix text, resources integer, first bigint, last bigint, total bigint) RETURNS void LANGUAGE sql AS \$\$
INSERT INTO booking.booking (resource_id, seat_no, period, occupies, holder)
SELECT r.ids[1 + n % resources], 0, p, p, 'h' || n
FROM (SELECT array_agg(id ORDER BY id) AS ids FROM booking.resource WHERE name LIKE prefix) AS r, generate_series(first, last - 1) AS n,
	LATERAL (SELECT tstzrange(at, at + interval '1 hour') AS p
		FROM (SELECT timestamptz '2100-01-01 00:00+00' + ((n * 7919 % total) / resources - total / resources / 2) * interval '90 minutes' AS at) AS at) AS p;
\$\$;
CREATE VIEW usual AS
	SELECT r.id AS resource_id, tstzrange(start, start + interval '1 hour') AS period
	FROM booking.resource r, generate_series(timestamptz '2100-02-01 00:00+00', '2100-03-02 23:00+00', '1 hour') AS start
	WHERE r.category = 'rooms' AND NOT EXISTS (SELECT FROM booking.booking b
		WHERE b.resource_id = r.id AND b.seat_no = 0 AND b.status IN ('held', 'confirmed')
			AND b.occupies && tstzrange(start, start + interval '1 hour'));
SQL
took() { run_sql -c "SELECT took(\$\$$1\$\$, $2)"; }
free_of() { printf "booking.free_periods('%s', '[2100-01-01 00:00+00, %s 00:00+00)')" "$1" "$2"; }
search="booking.find_slots('[2100-02-01 00:00+00, 2100-03-03 00:00+00)', '1 hour', category => 'rooms', step => '1 hour', max_results"
# The usual SQL with the plan that is best for it, a look into the index for each start: left alone, the planner
# joins all the bookings there are.
usual() { PGOPTIONS='-c enable_hashjoin=off -c enable_mergejoin=off -c enable_seqscan=off' took "$@"; }
script one <<<'SELECT 1;'
script remaining <<<'SELECT booking.remaining(1);'

# How it grows with what is stored.
say "stored          free_periods of a day, a month, a year; find_slots of 50 in a month over 1,000 resources (ms)"
before=0
for ((rows = 1000; rows <= OTHERS; rows *= 10)); do
	progress "loading $(grouped "$rows") bookings ..."
	middle=$(((before + rows) / 2))
	run_sql -c 'SET session_replication_role = replica' -c "SELECT fill('other %', 1000, $before, $middle, $OTHERS)" >/dev/null &
	run_sql -c 'SET session_replication_role = replica' -c "SELECT fill('other %', 1000, $middle, $rows, $OTHERS)" >/dev/null
	wait $!
	before=$rows
	say "$(printf '%-15s' "$(grouped "$rows")") $(took "$(free_of 'other 1' 2100-01-02)" 101) $(took "$(free_of 'other 1' 2100-01-31)" 51) $(
		took "$(free_of 'other 1' 2101-01-01)" 21); $(
		took "booking.find_slots('[2100-02-01 00:00+00, 2100-03-03 00:00+00)', '1 hour', others(1000), step => '1 hour')" 5)"
done
say
say "resources       find_slots of 50; all in a day, in a month (ms)"
for n in 1 10 100 1000; do
	say "$(printf '%-15s' "$(grouped "$n")") $(
		took "booking.find_slots('[2100-02-01 00:00+00, 2100-03-03 00:00+00)', '1 hour', others($n), step => '1 hour')" 5); $(
		for end in 2100-02-02 2100-03-03; do
			took "booking.find_slots('[2100-02-01 00:00+00, $end 00:00+00)', '1 hour', others($n), step => '1 hour', max_results => 10000000)" 1
		done | tr '\n' ' ')"
done
say

progress 'loading ...'
run_sql >/dev/null <<SQL
SET session_replication_role = replica;
SELECT fill('big', 1, 0, $BOOKINGS, $BOOKINGS);
-- Nine hours of ten are taken, in the order in which people book: none.
INSERT INTO booking.booking (resource_id, seat_no, period, occupies, holder)
SELECT r.id, 0, p, p, 'h' || n FROM booking.resource r, generate_series(1, $EACH * 10 / 9) AS n,
	LATERAL (SELECT tstzrange(at, at + interval '1 hour') AS p
		FROM (SELECT timestamptz '2100-01-01 00:00+00' + n * interval '1 hour' AS at) AS at) AS p
WHERE r.category = 'rooms' AND hashint8(n * 1000 + r.id) % 10 <> 0
ORDER BY hashint8(n * 7919 + r.id);
INSERT INTO booking.booking (resource_id, seat_no, period, occupies, holder)
SELECT r.id, n, p, p, 'h' || n FROM booking.resource r, generate_series(1, $SEATS) AS n,
	LATERAL (SELECT tstzrange('2100-01-01 20:00+00', '2100-01-01 22:00+00') AS p) AS p
WHERE r.name = 'stadium' AND n % 3 > 0;
SQL

# ours WHEN: all of ours, once.
ours() {
	note "$1day" "$(took "$(free_of big 2100-01-02)" 101)"
	note "$1seats" "$(took "booking.seat_map('stadium', '[2100-01-01 20:00+00, 2100-01-01 22:00+00)')" 11)"
	note "$1first50" "$(took "$search => 50)" 11)"
	note "$1all" "$(took "$search => 1000000)" 5)"
}
for ((round = 0; round < ROUNDS; round++)); do
	progress "never analysed, round $((round + 1)) ..."
	ours never.
	measure never.remaining remaining -c 1
	measure never.one one -c 1
done
progress 'ANALYZE ...'
run_sql -c 'ANALYZE'
for ((round = 0; round < ROUNDS; round++)); do
	progress "round $((round + 1)) ..."
	ours ''
	note usual50 "$(usual '(SELECT * FROM usual ORDER BY lower(period), resource_id LIMIT 50) AS u' 3)"
	note usual "$(usual usual 3)"
	measure remaining remaining -c 1
	measure one one -c 1
done
progress ''

different=$(run_sql -f - <<SQL
SELECT count(*) FROM (
	(SELECT resource_id, period FROM $search => 1000000) EXCEPT ALL TABLE usual)
	UNION ALL
	(TABLE usual EXCEPT ALL SELECT resource_id, period FROM $search => 1000000))) AS d;
SELECT count(*) FROM (
	SELECT row_number() OVER () AS n, resource_id, period FROM $search => 50) AS f
	EXCEPT
	SELECT row_number() OVER (ORDER BY lower(period), resource_id), resource_id, period
	FROM (SELECT * FROM usual ORDER BY lower(period), resource_id LIMIT 50) AS u) AS d;
SELECT abs((SELECT count(*) FROM $(free_of big 2100-01-02)) - (
	SELECT count(*) FROM (SELECT unnest(tstzmultirange(tstzrange('2100-01-01 00:00+00', '2100-01-02 00:00+00')) - range_agg(b.occupies))
		FROM booking.booking b WHERE b.resource_id = 1 AND b.occupies && '[2100-01-01 00:00+00, 2100-01-02 00:00+00)') AS f));
SQL
)
say "rows that differ: $(tr '\n' ' ' <<<"$different"); the usual SQL looks into: $(
	PGOPTIONS='-c enable_hashjoin=off -c enable_mergejoin=off -c enable_seqscan=off' run_sql -c 'EXPLAIN TABLE usual' |
		sed -n 's/.*Scan using \([a-z_]*\) on booking.*/\1/p' | tr '\n' ' ')"
[[ -z $(tr -d '0\n' <<<"$different") ]] || FAILED=1
say
milliseconds() { printf '%-60s %10s ms; never analysed %s ms\n' "$2" "$(median "$1")" "$(median "never.$1")"; }
milliseconds day "a day of a resource with $(grouped "$BOOKINGS") bookings"
milliseconds seats "seat_map of $(grouped "$SEATS") seats"
milliseconds first50 "find_slots, 30 days, $RESOURCES resources, the first 50"
milliseconds all 'find_slots, all of them'
printf '%-60s %10s ms\n' 'the usual SQL, the first 50' "$(median usual50)" 'the usual SQL, all of them' "$(median usual)"
say
expect_at_most "$(median day)" 1 'ms for a day'
expect_at_most "$(median never.day)" 1 'ms for a day, never analysed'
expect_at_most "$(median seats)" 20 'ms for a seat map'
expect_at_most "$(median first50)" 50 'ms to find slots'
expect_at_most "$(median never.first50)" 50 'ms to find slots, never analysed'
expect usual50 first50 20 'times faster than the usual SQL'
printf '%-60s %10s\n' 'times faster than the usual SQL, all of them' "$(ratio usual all)"
expect_at_most "$(ratio one remaining)" 2 'times SELECT 1 for remaining() of a slot'
expect_at_most "$(ratio never.one never.remaining)" 2 'times SELECT 1, never analysed'
exit $FAILED
