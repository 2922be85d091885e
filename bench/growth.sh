#!/usr/bin/env bash
#
# growth.sh: what does a booking cost when there are many already?
#
#   bench/growth.sh [--rounds N] [--seconds N] [--clients N] [--rows N]
#
# Bookings per second, bytes of WAL and bytes on disk per booking, with 10,000
# bookings stored, ten times as many, and so on up to --rows (1,000,000;
# 10,000,000 take a quarter of an hour to load), on 10,000 exclusive resources: book_slot,
# against INSERT ... ON CONFLICT DO NOTHING into a copy of booking.booking without
# triggers, and into the smallest table that has the constraint; and book_slot where the journal
# is written as well.
#
# WAL is counted with full_page_writes off: how many whole pages a booking
# writes depends on the last checkpoint, not on the table.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

CLIENTS=8
ROWS=1000000
option() {
	case $1 in
	--clients) CLIENTS=$2 ;;
	--rows) ROWS=$2 ;;
	*) die "no option $1" ;;
	esac
}
read_options "$@"
SERVER_SETTINGS+=(-c full_page_writes=off)
start_server growth
describe

sizes=()
for ((rows = 10000; rows <= ROWS; rows *= 10)); do
	sizes+=("$rows")
done

# The stored bookings lie before 2030, the new ones after it, in hours of their own.
wish='
\set resource random(1, 10000)
\set hour :client_id * 1000000 + permute(:n, 1000000, 7)
\set n :n + 1
'
period="tstzrange(to_timestamp(1893456000 + :hour * 3600::bigint), to_timestamp(1893456000 + (:hour + 1) * 3600::bigint))"
script ours <<<"$wish
SELECT id FROM booking.book_slot(:resource::bigint, $period, 'customer');"
script copy <<<"$wish
INSERT INTO copy.booking (resource_id, seat_no, period, occupies, holder) VALUES (:resource, 0, $period, $period, 'customer')
ON CONFLICT DO NOTHING RETURNING id;"
script small <<<"$wish
INSERT INTO small.booking (room_id, period, holder) VALUES (:resource, $period, 'customer') ON CONFLICT DO NOTHING RETURNING id;"

for rows in "${sizes[@]}"; do
	progress "loading $(grouped "$rows") bookings ..."
	run_sql -c 'SET client_min_messages = warning' -c "DROP DATABASE IF EXISTS growth_$rows" -c "CREATE DATABASE growth_$rows"
	export PGDATABASE=growth_$rows
	run_sql -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION booking CASCADE'
	bare_copy copy
	run_sql >/dev/null <<-SQL
		SELECT count(booking.create_resource('room ' || n)) FROM generate_series(1, 10000) AS n;
		CREATE SCHEMA small;
		CREATE TABLE small.booking (
			id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, room_id bigint NOT NULL, period tstzrange NOT NULL, holder text NOT NULL,
			EXCLUDE USING gist (room_id WITH =, period WITH &&));
		CREATE VIEW stored AS
			SELECT 1 + n % 10000 AS resource, tstzrange(t, t + interval '1 hour') AS period
			FROM generate_series(0, $rows - 1) AS n, LATERAL (SELECT timestamptz '2030-01-01' - (1 + n / 10000) * interval '3 hours' AS t) AS t
			ORDER BY period, resource;
	SQL
	# The rows are known to fit: without the triggers.
	run_sql <<-SQL &
		SET session_replication_role = replica;
		INSERT INTO booking.booking (resource_id, seat_no, period, occupies, holder) SELECT resource, 0, period, period, 'customer' FROM stored;
	SQL
	run_sql <<-SQL
		SET session_replication_role = replica;
		INSERT INTO copy.booking (resource_id, seat_no, period, occupies, holder) SELECT resource, 0, period, period, 'customer' FROM stored;
		INSERT INTO small.booking (room_id, period, holder) SELECT resource, period, 'customer' FROM stored;
	SQL
	wait $!
	run_sql -c 'VACUUM ANALYZE'
done

# counted SIDE SCRIPT TABLE [1]: speed, and what a booking left behind.
counted() {
	local lsn count bytes wal
	lsn=$(run_sql -c 'SELECT pg_current_wal_insert_lsn()')
	count=$(run_sql -c "SELECT count(*) FROM $3")
	measure "$1" "$2" -c "$CLIENTS" -D n=$(((2 * round + ${4:-0}) * 100000))
	count=$(($(run_sql -c "SELECT count(*) FROM $3") - count))
	wal=$(run_sql -c "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '$lsn')::bigint")
	bytes=$(run_sql -c "SELECT pg_total_relation_size('$3') / count(*) FROM $3")
	note "$1.wal" $((wal / count))
	note "$1.disk" "$bytes"
}

record() { run_sql -c "UPDATE booking.resource SET record_events = $1" -c 'VACUUM booking.resource'; }

for ((round = 0; round < ROUNDS; round++)); do
	for rows in "${sizes[@]}"; do
		export PGDATABASE=growth_$rows
		counted "small.$rows" small small.booking
		counted "copy.$rows" copy copy.booking
		record false
		counted "ours.$rows" ours booking.booking
		record true
		counted "journal.$rows" ours booking.booking 1
	done
done
progress ''

printf '%-14s %-34s %10s %8s %10s %10s %10s\n' stored '' 'per second' 'of copy' 'of 10,000' 'WAL bytes' 'disk bytes'
for rows in "${sizes[@]}"; do
	for side in small copy ours journal; do
		case $side in
		small) text='smallest table with the constraint' ;;
		copy) text='copy of booking.booking, no guard' ;;
		ours) text='book_slot, record_events = false' ;;
		journal) text='book_slot, and its event' ;;
		esac
		printf '%-14s %-34s %10s %8s %10s %10s %10s\n' "$(grouped "$rows")" "$text" "$(grouped "$(median "$side.$rows")")" \
			"$(ratio "$side.$rows" "copy.$rows")" "$(ratio "$side.$rows" "$side.10000")" \
			"$(median "$side.$rows.wal")" "$(median "$side.$rows.disk")"
	done
done
for rows in "${sizes[@]}"; do
	PGDATABASE=postgres run_sql -c "DROP DATABASE growth_$rows WITH (FORCE)"
done
say
for rows in "${sizes[@]}"; do
	expect_at_most "$(awk -v ours="$(median "ours.$rows.wal")" -v small="$(median "small.$rows.wal")" 'BEGIN {printf "%.2f", ours / small}')" 1.3 \
		"WAL bytes of book_slot without its event / those of the smallest table, $(grouped "$rows") stored"
done
say "disk: the table with its indexes, over all of its rows, stored and new"
exit $FAILED
