#!/usr/bin/env bash
#
# archive.sh: do bookers notice that finished bookings are archived?
#
#   bench/archive.sh [--rounds N] [--seconds N] [--clients N] [--rows N]
#
# 16 clients book places of one slot; then the same while archive_before() moves finished
# bookings and their events, and for as long as it does.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

CLIENTS=16
ROWS=1000000
ROUNDS=3
option() {
	case $1 in
	--clients) CLIENTS=$2 ;;
	--rows) ROWS=$2 ;;
	*) die "no option $1" ;;
	esac
}
read_options "$@"
start_server archive
describe
script book <<<"SELECT id FROM booking.try_book_place(:slot, 'customer');"
run_sql -c "SELECT count(booking.create_resource('room ' || n)) FROM generate_series(1, 1000) AS n" >/dev/null
pool=$(run_sql -c "INSERT INTO booking.resource (name, kind, capacity) VALUES ('pool', 'pooled', 1000000) RETURNING id")

# fill ROUND: a year or two of 1,000 rooms that are booked twice a day.  They are loaded as history is, which writes no
# journal; so that is loaded as well, an event for each as a booking writes it.
fill() {
	run_sql -c "INSERT INTO booking.booking (resource_id, period, holder, created_at)
		SELECT r.id, tstzrange(t, t + '1 hour'), 'old', t - interval '1 day' FROM generate_series(1, $ROWS) AS n
		JOIN booking.resource r ON r.name = 'room ' || n % 1000 + 1,
		LATERAL (SELECT timestamptz '2010-01-01' + $1 * interval '5 years' + n / 1000 * interval '12 hours' AS t) AS b
		ORDER BY n" \
		-c "INSERT INTO booking.event (position, at, kind, booking_id, resource_id, holder, version, session_role, detail)
		SELECT booking.readable_position(), b.created_at, 'confirmed', b.id, b.resource_id, b.holder, b.version, session_user,
			jsonb_build_object('now', jsonb_build_object('seat_no', b.seat_no, 'period',
				format('[%s,%s)', to_json(lower(b.period))#>>'{}', to_json(upper(b.period))#>>'{}'), 'quantity', b.quantity, 'status', b.status))
		FROM booking.booking b WHERE b.holder = 'old' ORDER BY b.id" -c 'VACUUM ANALYZE booking.booking' -c 'VACUUM ANALYZE booking.event' -c CHECKPOINT
}

for ((round = 0; round < ROUNDS; round++)); do
	progress "filling ..."
	fill "$round"
	slot=$(run_sql -c "SELECT (booking.publish_slot($pool, tstzrange('2030-01-01', '2030-01-02') , 100000000)).id")
	measure alone book -c "$CLIENTS" -D slot="$slot"
	from=$(date +%s%N)
	run_sql -c "CALL booking.archive_before(now(), 5000)" >"$WORK/archive.log" 2>&1 &
	archiver=$!
	measure meanwhile book -c "$CLIENTS" -D slot="$slot"
	still=$(kill -0 $archiver 2>/dev/null && echo yes || echo no)
	wait $archiver || die "$(cat "$WORK/archive.log")"
	note moved "$(awk -v ns=$(($(date +%s%N) - from)) -v rows="$ROWS" 'BEGIN {printf("%.1f", rows / ns * 1e9)}')"
	[[ $still == yes ]] || say "round $round: it was over before the time was; more --rows or fewer --seconds"
done
progress ''

heading "$CLIENTS clients" 'per second' 'of alone'
show alone alone 'bookings, nothing is archived'
show meanwhile alone 'bookings, while it is archived'
show moved moved 'bookings archived'
say
expect meanwhile alone 0.8 'while it is archived / alone'
twice=$(run_sql -c "SELECT count(*) - count(DISTINCT id) FROM booking.all_bookings")
lost=$(run_sql -c "SELECT $((ROWS * ROUNDS)) - count(*) FROM booking.all_bookings WHERE holder = 'old'")
expect_at_most "$twice" 0 'in both tables'
expect_at_most "$lost" 0 'in neither'
events=$(run_sql -c "SELECT abs($((ROWS * ROUNDS)) - count(*)) FROM booking.all_events WHERE holder = 'old'")
expect_at_most "$events" 0 'events in both or in neither'
exit $FAILED
