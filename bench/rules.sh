#!/usr/bin/env bash
#
# rules.sh: what do rules cost a booking, and what do they cost where there are none?
#
#   bench/rules.sh [--rounds N] [--bookings N] [--resources N]
#
# book_slot on exclusive resources with one kind of rule after the other, and with
# all of them, against book_slot on resources that have none, in one database.
# Every rule allows every booking, every booking is a transaction of its own, no
# period is asked for twice, and every booking has a holder of its own out of ten
# million.  What is measured is the processor time of the one backend that books,
# so that neither the disk nor whatever else the machine does gets into it.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

BOOKINGS=5000
RESOURCES=100
option() {
	case $1 in
	--bookings) BOOKINGS=$2 ;;
	--resources) RESOURCES=$2 ;;
	*) die "no option $1" ;;
	esac
}
read_options "$@"
start_server rules

sides=(none closures hours notice limit all)
for side in "${sides[@]}"; do
	run_sql -c "SELECT count(booking.create_resource('$side ' || n, category => '$side', timezone => 'Europe/Berlin')) FROM generate_series(1, $RESOURCES) AS n"
done >/dev/null
run_sql <<'SQL'
-- A closure a week for four years, on days that are not booked.
INSERT INTO booking.closure (resource_id, period, reason)
SELECT id, tstzrange(day, day + interval '1 day'), 'maintenance'
FROM booking.resource, generate_series(timestamptz '2210-01-01', '2213-12-01', '1 week') AS day
WHERE category IN ('closures', 'all');
-- Four spans a day that touch, and 100 dates of their own.
INSERT INTO booking.opening_hours (resource_id, weekday, opens, closes)
SELECT id, day, time '00:00' + span * interval '6 hours', time '00:00' + (span + 1) * interval '6 hours'
FROM booking.resource, generate_series(1, 7) AS day, generate_series(0, 3) AS span
WHERE category IN ('hours', 'all');
INSERT INTO booking.opening_hours (resource_id, on_date)
SELECT id, date '2210-01-01' + n FROM booking.resource, generate_series(1, 100) AS n
WHERE category IN ('hours', 'all');
UPDATE booking.resource SET min_notice = '1 day', max_advance = '100000 days', min_duration = '1 minute', max_duration = '1 day'
WHERE category IN ('notice', 'all');
INSERT INTO booking.holder_limit (category, per, max_bookings) VALUES ('limit', 'active', 1000), ('all', 'active', 1000);
SQL

run_sql <<'SQL'
-- Nanoseconds of this backend on a processor.
CREATE FUNCTION used() RETURNS bigint LANGUAGE sql AS $$
SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::bigint
$$;
-- Bookings per second of processor time.
CREATE PROCEDURE book(side text, hour integer, bookings integer, INOUT rate numeric DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
	first bigint := (SELECT min(id) FROM booking.resource WHERE category = side);
	resources bigint := (SELECT count(*) FROM booking.resource WHERE category = side);
	start bigint;
	instant timestamptz;
BEGIN
	-- Every resource once, so that the backend knows them all.
	PERFORM FROM generate_series(first, first + resources - 1) AS n,
		LATERAL booking.book_slot(n, tstzrange(timestamptz '2029-12-31' - hour * interval '1 hour', timestamptz '2029-12-31 01:00' - hour * interval '1 hour'), 'w' || n);
	COMMIT;
	start := used();
	FOR n IN 1 .. bookings LOOP
		instant := timestamptz '2030-01-01 00:00+00' + (hour + n) * interval '1 hour';
		PERFORM FROM booking.book_slot(first + (n * 7919) % resources, tstzrange(instant, instant + interval '1 hour'),
			(random() * 10000000)::integer::text);
		COMMIT;
	END LOOP;
	rate := bookings * 1e9 / (used() - start);
END $$;
SQL
describe

for ((round = -1; round < ROUNDS; round++)); do
	for side in "${sides[@]}"; do
		progress "$side ..."
		rate=$(run_sql -c 'SET synchronous_commit = off' -c "CALL book('$side', $(((round + 1) * BOOKINGS)), $BOOKINGS)")
		# The first round only warms up.
		((round < 0)) || note "$side" "$rate"
	done
done
progress ''

heading "$BOOKINGS bookings on $RESOURCES exclusive resources" 'per second' '             of none'
show none none 'no rules'
show closures none '200 closures each, remembered'
show hours none 'opening hours: 28 spans, 100 closed dates'
show notice none 'notice, advance and durations'
show limit none 'a limit per holder'
show all none 'all of them'
say
problems=$(run_sql -c 'SELECT count(*) FROM booking.verify()')
say "booking.verify(): $problems problems"
[[ $problems == 0 ]] || FAILED=1
exit $FAILED
