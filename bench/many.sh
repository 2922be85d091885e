#!/usr/bin/env bash
#
# many.sh: what do many bookings in one statement cost?
#
#   bench/many.sh [--rounds N] [--rows N] [--requests N] [--pool N]
#
# book_all() of some requests against one INSERT of the same rows, and COPY of historical rows
# against the same COPY, into a copy of the table with its indexes and constraints and without
# triggers; with the backend's own memory and the locks that it holds at the end.  Every session
# has done the same once before.  Then bookings of one pool for one and the same time in one
# statement, a half and all of them: twice as many take twice as long.  And for times that differ and
# overlap, of a fifteenth to all of them: each row takes the same.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ROWS=1000000
REQUESTS=1000
POOL=30000
option() {
	case $1 in
	--rows) ROWS=$2 ;;
	--requests) REQUESTS=$2 ;;
	--pool) POOL=$2 ;;
	*) die "no option $1" ;;
	esac
}
read_options "$@"
start_server many
run_sql <<SQL >/dev/null
INSERT INTO booking.resource (name, kind, capacity)
SELECT 'r' || n, CASE WHEN n % 2 = 0 THEN 'exclusive' ELSE 'pooled' END, CASE WHEN n % 2 = 0 THEN 1 ELSE 50 END FROM generate_series(1, 1000) AS n;
SELECT booking.create_resource('busy', 'pooled', 2 * $POOL);
CREATE FUNCTION requests(round int, n int) RETURNS jsonb LANGUAGE sql AS \$\$
SELECT jsonb_agg(jsonb_build_object('resource', 'r' || i % 1000 + 1, 'period', tstzrange(at, at + interval '1 hour')))
FROM generate_series(1, n) AS i, LATERAL (SELECT timestamptz '2030-01-01' + (round * n + i) * interval '1 hour' AS at) AS t \$\$;
-- Nanoseconds of this backend on a processor.
CREATE FUNCTION used() RETURNS bigint LANGUAGE sql AS \$\$
SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::bigint \$\$;
SQL
bare_copy bare
describe

# Milliseconds of the statement LAST, after others in the same session: by the clock, and of the
# processor, which does not count what else the machine does.
timed() {
	local out
	out=$(
		run_sql <<-SQL
			SET synchronous_commit = off;
			${1:-};
			SELECT used() AS before \gset
			\timing on
			$LAST;
			\timing off
			SELECT 'processor', (used() - :before) / 1e6;
		SQL
	)
	MS=$(sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' <<<"$out" | tail -n 1)
	PROCESSOR_MS=$(sed -n 's/^processor|//p' <<<"$out")
}
note_rates() {
	note "$1" "$(awk -v ms="$MS" -v n="$REQUESTS" 'BEGIN {print n * 1000 / ms}')"
	note "$1.processor" "$(awk -v ms="$PROCESSOR_MS" -v n="$REQUESTS" 'BEGIN {print n * 1000 / ms}')"
}

for ((round = 0; round < ROUNDS; round++)); do
	for side in together journal; do
		progress "book_all, round $round, $side"
		run_sql -c 'SET client_min_messages = warning' -c 'DROP TABLE IF EXISTS wanted' -c "CREATE TABLE wanted AS SELECT requests($round, $REQUESTS) AS them" \
			-c "UPDATE booking.resource SET record_events = $([[ $side == journal ]] && echo true || echo false)"
		LAST="SELECT count(*) FROM booking.book_all((SELECT them FROM wanted), 'ann')"
		timed "DO \$\$ BEGIN PERFORM booking.book_all(requests(1000 + $round, 1000), 'warm'); END \$\$"
		note_rates "$side"
		if [[ $side == together ]]; then
			run_sql -c 'SET client_min_messages = warning' -c 'DROP TABLE IF EXISTS rows' -c "CREATE TABLE rows AS SELECT * FROM booking.booking WHERE holder = 'ann'"
			LAST="INSERT INTO bare.booking SELECT * FROM rows"
			timed "INSERT INTO bare.booking SELECT * FROM booking.booking WHERE holder = 'warm'"
			note_rates bare
		fi
		run_sql -c 'DELETE FROM booking.booking' -c 'TRUNCATE bare.booking' -c 'VACUUM booking.booking'
	done
done
run_sql -c 'UPDATE booking.resource SET record_events = true'

progress 'rows to load'
run_sql -c "COPY (SELECT booking.uuid_v7() AS id, r.id AS resource_id, CASE r.kind WHEN 'exclusive' THEN 0 END AS seat_no, tstzrange(at, at + interval '1 hour') AS period,
	tstzrange(at, at + interval '1 hour') AS occupies, 'h' || n % 10000 AS holder, at - interval '1 day' AS created_at
	FROM generate_series(0, $ROWS - 1) AS n JOIN booking.resource r ON r.name = 'r' || n % 1000 + 1,
	LATERAL (SELECT timestamptz '2010-01-01' + (n / 1000) * interval '1 hour' AS at) AS t) TO STDOUT" >"$WORK/rows"
loaded() {
	local pid most=0 now
	run_sql -c '\timing on' -c BEGIN -c "\\copy $1 (id, resource_id, seat_no, period, occupies, holder, created_at) FROM '$WORK/rows'" \
		-c "SELECT 'locks', count(*) FROM pg_locks WHERE pid = pg_backend_pid()" -c COMMIT >"$WORK/loaded" &
	while kill -0 $! 2>/dev/null; do
		pid=$(run_sql -c 'SELECT max(pid) FROM pg_stat_progress_copy')
		now=$(sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' "/proc/${pid:-0}/status" 2>/dev/null || true)
		((${now:-0} <= most)) || most=$now
		sleep 0.2
	done
	wait $!
	MEMORY=$((most / 1024))
	LOCKS=$(sed -n 's/^locks|//p' "$WORK/loaded")
	MS=$(sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' "$WORK/loaded" | sort -g | tail -n 1)
}
progress 'COPY into booking.booking'
loaded booking.booking
note copy "$(awk -v ms="$MS" -v n="$ROWS" 'BEGIN {print n * 1000 / ms}')"
memory=$MEMORY locks=$LOCKS
progress 'COPY into a bare copy'
loaded bare.booking
note copy_bare "$(awk -v ms="$MS" -v n="$ROWS" 'BEGIN {print n * 1000 / ms}')"
progress ''

heading "$REQUESTS rows at once" 'per second' '             of bare'
show bare bare 'one INSERT, no triggers'
show together bare 'book_all(), record_events = false'
show journal bare 'book_all(), which writes the journal as well'
heading 'the same, of the processor alone' 'per second' '             of bare'
show bare.processor bare.processor 'one INSERT, no triggers'
show together.processor bare.processor 'book_all(), record_events = false'
show journal.processor bare.processor 'book_all(), which writes the journal as well'
heading "COPY of $ROWS historical rows" 'per second' '             of bare'
show copy_bare copy_bare 'no triggers'
show copy copy_bare 'booking.booking'
say
for n in $((POOL / 2)) "$POOL"; do
	LAST="INSERT INTO booking.booking (resource_id, period, holder) SELECT booking.resource_id('busy'), '[2030-01-07, 2030-01-08)', 'h' || n FROM generate_series(1, $n) AS n"
	timed
	note "pool$n" "$MS"
	run_sql -c "DELETE FROM booking.booking WHERE resource_id = booking.resource_id('busy')" -c 'VACUUM booking.booking'
done
say "one pool, $((POOL / 2)) bookings at once: $(median "pool$((POOL / 2))") ms; $POOL: $(median "pool$POOL") ms"
expect_at_most "$(ratio "pool$POOL" "pool$((POOL / 2))")" 2.4 "$POOL bookings of one pool for one day / half as many"
# Periods that differ, of three days within a month: on the processor, and for each row.
spread() { note "$1" "$(awk -v ms="$PROCESSOR_MS" -v n="$2" 'BEGIN {print 1000 * ms / n}')"; }
apart="tstzrange(at, at + interval '3 days')"
at="'2030-01-01'::timestamptz + (n * 7919::bigint % (27 * 86400)) * interval '1 second'"
for n in $((POOL / 15)) $((POOL / 8)) $((POOL / 4)) $((POOL / 2)) "$POOL"; do
	for ((round = 0; round < (ROUNDS > 3 ? 3 : ROUNDS); round++)); do
		for how in insert book_all; do
			progress "$n different periods, $how, round $round"
			LAST="INSERT INTO booking.booking (resource_id, period, holder) SELECT booking.resource_id('busy'), $apart, 'h' FROM generate_series(1, $n) AS n, LATERAL (SELECT $at AS at) AS t"
			[[ $how == insert ]] || LAST="SELECT count(*) FROM booking.book_all((SELECT jsonb_agg(jsonb_build_object('resource', 'busy', 'period', $apart)) FROM generate_series(1, $n) AS n, LATERAL (SELECT $at AS at) AS t), 'h')"
			((n <= 10000)) || [[ $how == insert ]] || continue
			timed
			spread "$how$n" "$n"
			run_sql -c "DELETE FROM booking.booking WHERE resource_id = booking.resource_id('busy')" -c 'DELETE FROM booking.pool_use' -c 'VACUUM booking.booking, booking.pool_use'
		done
	done
	progress ''
	say "one pool, $n different periods that overlap, microseconds of the processor a row: $(median "insert$n")$(((n <= 10000)) && printf ', %s' "book_all() $(median "book_all$n")")"
done
expect_at_most "$(ratio "insert$POOL" "insert$((POOL / 15))")" 1.5 "a row of $POOL different periods / of $((POOL / 15))"
expect_at_most "$(ratio "book_all$((POOL / 4))" "book_all$((POOL / 15))")" 1.5 "the same, book_all(), $((POOL / 4)) / $((POOL / 15))"
expect together bare 0.4 'book_all() without journal of one INSERT'
expect together.processor bare.processor 0.4 'the same, of the processor'
expect journal bare 0.4 'book_all() which writes the journal of one INSERT'
expect journal.processor bare.processor 0.4 'the same, of the processor'
expect copy copy_bare 0.4 'COPY of the same without triggers'
expect_at_most "$memory" 200 'MB of memory of the backend that loads'
expect_at_most "$locks" 2000 'locks that it holds'
say "booking.verify(): $(run_sql -c 'SELECT count(*) FROM booking.verify()') problems"
exit $FAILED
