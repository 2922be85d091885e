#!/usr/bin/env bash
#
# looking.sh: how fast is it to ask what is free?
#
#   bench/looking.sh [--rounds N] [--seconds N] [--bookings N] [--resources N] [--each N] [--seats N]
#
# free_periods() for a day of a resource with a million bookings; find_slots() for 30 days
# over 50 resources with 10,000 bookings each, against the usual SQL: every start there
# could be, WHERE NOT EXISTS a booking; seat_map() of 10,000 seats; remaining() of a slot
# against SELECT 1.  The answers of both sides are compared row by row.  What is measured
# is the time of one call in the server, and for SELECT 1 the transactions of one client;
# bookings are loaded without their triggers.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

BOOKINGS=1000000
RESOURCES=50
EACH=10000
SEATS=10000
option() {
	case $1 in
	--bookings) BOOKINGS=$2 ;;
	--resources) RESOURCES=$2 ;;
	--each) EACH=$2 ;;
	--seats) SEATS=$2 ;;
	*) die "no option $1" ;;
	esac
}
read_options "$@"
start_server looking

progress 'loading ...'
run_sql >/dev/null <<SQL
SET synchronous_commit = off;
ALTER TABLE booking.booking SET (autovacuum_enabled = off);
SELECT booking.create_resource('big');
SELECT booking.create_resource('room ' || n, category => 'rooms') FROM generate_series(1, $RESOURCES) AS n;
SELECT booking.create_resource('stadium', 'seated', seats => (SELECT array_agg('s' || n ORDER BY n) FROM generate_series(1, $SEATS) AS n));
SELECT booking.create_resource('show', 'pooled', 0);
SELECT booking.publish_slot('show', '[2100-01-01 20:00+00, 2100-01-01 22:00+00)', 5000);
SET session_replication_role = replica;
-- An hour each, with half an hour in between, half of them after the day that is asked for.
INSERT INTO booking.booking (resource_id, seat_no, period, occupies, holder)
SELECT r.id, 0, p, p, 'h' || n FROM booking.resource r, generate_series(1, $BOOKINGS) AS n,
	LATERAL (SELECT tstzrange(at, at + interval '1 hour') AS p
		FROM (SELECT timestamptz '2100-01-01 00:00+00' + (n - $BOOKINGS / 2) * interval '90 minutes' AS at) AS at) AS p
WHERE r.name = 'big';
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
RESET session_replication_role;
-- For the usual SQL: without statistics it takes minutes.
ANALYZE booking.booking, booking.resource;

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
CREATE VIEW usual AS
	SELECT r.id AS resource_id, tstzrange(start, start + interval '1 hour') AS period
	FROM booking.resource r, generate_series(timestamptz '2100-02-01 00:00+00', '2100-03-02 23:00+00', '1 hour') AS start
	WHERE r.category = 'rooms' AND NOT EXISTS (SELECT FROM booking.booking b
		WHERE b.resource_id = r.id AND b.seat_no = 0 AND b.status IN ('held', 'confirmed')
			AND b.occupies && tstzrange(start, start + interval '1 hour'));
SQL

script one <<<'SELECT 1;'
script remaining <<<'SELECT booking.remaining(1);'
search="booking.find_slots('[2100-02-01 00:00+00, 2100-03-03 00:00+00)', '1 hour', category => 'rooms', step => '1 hour', max_results"
describe

for ((round = 0; round < ROUNDS; round++)); do
	progress "round $((round + 1)) ..."
	note day "$(run_sql -c "SELECT took('booking.free_periods(''big'', ''[2100-01-01 00:00+00, 2100-01-02 00:00+00)'')', 101)")"
	note seats "$(run_sql -c "SELECT took('booking.seat_map(''stadium'', ''[2100-01-01 20:00+00, 2100-01-01 22:00+00)'')', 11)")"
	note first50 "$(run_sql -c "SELECT took(\$\$$search => 50)\$\$, 11)")"
	note usual50 "$(run_sql -c "SELECT took('(SELECT * FROM usual ORDER BY lower(period), resource_id LIMIT 50) AS u', 3)")"
	note all "$(run_sql -c "SELECT took(\$\$$search => 1000000)\$\$, 5)")"
	note usual "$(run_sql -c "SELECT took('usual', 3)")"
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
SELECT abs((SELECT count(*) FROM booking.free_periods('big', '[2100-01-01 00:00+00, 2100-01-02 00:00+00)')) - (
	SELECT count(*) FROM (SELECT unnest(tstzmultirange(tstzrange('2100-01-01 00:00+00', '2100-01-02 00:00+00')) - range_agg(b.occupies))
		FROM booking.booking b JOIN booking.resource r ON r.id = b.resource_id AND r.name = 'big') AS f));
SQL
)
say "rows that differ: $(tr '\n' ' ' <<<"$different")"
[[ -z $(tr -d '0\n' <<<"$different") ]] || FAILED=1
say
milliseconds() { printf '%-60s %10s ms\n' "$2" "$(median "$1")"; }
milliseconds day "a day of a resource with $(grouped "$BOOKINGS") bookings"
milliseconds seats "seat_map of $(grouped "$SEATS") seats"
milliseconds first50 "find_slots, 30 days, $RESOURCES resources, the first 50"
milliseconds usual50 'the usual SQL, the first 50'
milliseconds all 'find_slots, all of them'
milliseconds usual 'the usual SQL, all of them'
say
expect_at_most "$(median day)" 1 'ms for a day'
expect_at_most "$(median seats)" 20 'ms for a seat map'
expect_at_most "$(median first50)" 50 'ms to find slots'
expect usual50 first50 20 'times faster than the usual SQL'
expect_at_most "$(ratio one remaining)" 2 'times SELECT 1 for remaining() of a slot'
exit $FAILED
