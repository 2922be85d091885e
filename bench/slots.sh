#!/usr/bin/env bash
#
# slots.sh: how fast do the places of one slot sell?
#
#   bench/slots.sh [--rounds N] [--seconds N] [--clients N] [--places N]
#
# One slot of 100,000 places, 64 clients who take one to three at a time, in every
# way people do it by hand, against a bare INSERT into a copy of booking.booking
# without any guard; with commits as fast as the disk, and with commits that take
# 1 ms.  All tables are alike.  Bookings are counted in the table, afterwards.
# Then the same slot, sold out: how often can one hear that?
#
# Whatever is fast sells a fixed number of bookings, so that the slot is not sold
# out in the middle of it; whatever is slow sells for --seconds.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

CLIENTS=64
PLACES=100000
option() {
	case $1 in
	--clients) CLIENTS=$2 ;;
	--places) PLACES=$2 ;;
	*) die "no option $1" ;;
	esac
}
read_options "$@"
start_server slots
describe

hand_made='forupdate function version serializable counter'
for table in bare $hand_made; do
	bare_copy "$table"
done
for table in $hand_made; do
	run_sql -c "CREATE TABLE $table.slot (id bigint PRIMARY KEY, free integer NOT NULL CHECK (free >= 0), version integer NOT NULL DEFAULT 0)"
done
run_sql <<-'SQL'
	CREATE FUNCTION function.book(wanted_slot bigint, wanted integer) RETURNS boolean LANGUAGE plpgsql AS $$
	DECLARE available integer;
	BEGIN
		SELECT free INTO available FROM function.slot WHERE id = wanted_slot FOR UPDATE;
		IF available < wanted THEN
			RETURN false;
		END IF;
		UPDATE function.slot SET free = free - wanted WHERE id = wanted_slot;
		INSERT INTO function.booking (resource_id, slot_id, period, occupies, quantity, holder)
		VALUES (1, wanted_slot, '[2030-01-01 18:00+00,2030-01-01 22:00+00)', '[2030-01-01 18:00+00,2030-01-01 22:00+00)', wanted, 'customer');
		RETURN true;
	END $$;
SQL

row="'[2030-01-01 18:00+00,2030-01-01 22:00+00)'::tstzrange, '[2030-01-01 18:00+00,2030-01-01 22:00+00)'::tstzrange"
insert() { printf 'INSERT INTO %s.booking (resource_id, slot_id, period, occupies, quantity, holder)' "$1"; }
wish='\set places random(1, 3)'

script ours <<<"$wish
SELECT id FROM booking.try_book_place(:slot, 'customer', :places);"

script bare <<<"$wish
$(insert bare) VALUES (1, :slot, $row, :places, 'customer') RETURNING id;"

script forupdate <<<"$wish
BEGIN;
SELECT free FROM forupdate.slot WHERE id = :slot FOR UPDATE \gset
\if :free >= :places
WITH taken AS (UPDATE forupdate.slot SET free = free - :places WHERE id = :slot)
$(insert forupdate) VALUES (1, :slot, $row, :places, 'customer') RETURNING id;
\endif
COMMIT;"

script function <<<"$wish
SELECT function.book(:slot, :places);"

# One attempt; a client that was too slow tries again as the next transaction.
script version <<<"$wish
SELECT free, version FROM version.slot WHERE id = :slot \gset
\if :free >= :places
WITH mine AS (UPDATE version.slot SET free = free - :places, version = version + 1 WHERE id = :slot AND version = :version RETURNING id)
$(insert version) SELECT 1, id, $row, :places, 'customer' FROM mine RETURNING id;
\endif"

# --max-tries below: pgbench repeats what fails with 40001.
script serializable <<<"$wish
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT free FROM serializable.slot WHERE id = :slot \gset
\if :free >= :places
UPDATE serializable.slot SET free = free - :places WHERE id = :slot;
$(insert serializable) VALUES (1, :slot, $row, :places, 'customer') RETURNING id;
\endif
COMMIT;"

script counter <<<"$wish
WITH mine AS (UPDATE counter.slot SET free = free - :places WHERE id = :slot AND free >= :places RETURNING id)
$(insert counter) SELECT 1, id, $row, :places, 'customer' FROM mine RETURNING id;"

script soldout <<<"$wish
SELECT id FROM booking.try_book_place(:slot, 'customer', :places);"
script select1 <<<"$wish
SELECT 1;"

# sell SIDE TABLE SLOT [pgbench option ...]: bookings per second, by their rows.
sell() {
	local side=$1 table=$2 slot=$3 script=${1%.*} from till
	shift 3
	progress "$side ..."
	from=$(date +%s%N)
	pgbench -n -M prepared -c "$CLIENTS" -j 2 -f "$WORK/$script.sql" -D slot="$slot" "$@" >"$WORK/pgbench.out" 2>"$WORK/pgbench.log" || {
		head -n 3 "$WORK/pgbench.log" >&2
		die "pgbench failed: $side"
	}
	till=$(date +%s%N)
	# the time without connecting, which pgbench knows
	note "$side" "$(awk -v rows="$(run_sql -c "SELECT count(*) FROM $table.booking WHERE slot_id = $slot")" -v ns=$((till - from)) '
		/^initial connection time/ {ns -= $5 * 1e6}
		END {printf("%.1f", rows / ns * 1e9)}' "$WORK/pgbench.out")"
}

# On average two places a booking: four fifths of the slot.
each=$((PLACES * 2 / 5 / CLIENTS))

for ((round = 0; round < ROUNDS; round++)); do
	for commits in fast slow; do
		slot=$(run_sql -c "SELECT (booking.publish_slot((booking.create_resource('hall $round $commits')).id, '[2030-01-01 18:00+00,2030-01-01 22:00+00)', $PLACES)).id")
		for table in $hand_made; do
			run_sql -c "INSERT INTO $table.slot VALUES ($slot, $PLACES)"
		done
		[[ $commits == fast ]] && export PGOPTIONS='' || export PGOPTIONS=$SLOW_COMMITS
		sell bare.$commits bare "$slot" -t "$each"
		sell ours.$commits booking "$slot" -t "$each"
		for table in $hand_made; do
			sell "$table.$commits" "$table" "$slot" -T "$SECONDS_EACH" --max-tries=1000
		done
		unset PGOPTIONS
	done
done
progress ''

for commits in fast slow; do
	heading "$CLIENTS clients, a slot of $(grouped "$PLACES"), commits $([[ $commits == fast ]] && echo 'as fast as the disk' || echo 'of 1 ms')" 'per second' 'of bare'
	show bare.$commits bare.$commits 'bare INSERT, no check'
	show ours.$commits bare.$commits 'try_book_place'
	show counter.$commits bare.$commits 'UPDATE ... WHERE free >= n, and the INSERT, in one statement'
	show function.$commits bare.$commits 'SELECT ... FOR UPDATE in a PL/pgSQL function'
	show forupdate.$commits bare.$commits 'SELECT ... FOR UPDATE, four round trips'
	show version.$commits bare.$commits 'version column, with retry'
	show serializable.$commits bare.$commits 'SERIALIZABLE, with retry'
	say
done

# Sold out: take what is left, in ever smaller quantities.
for helping in 1000 100 10 1; do
	while [[ -n $(run_sql -c "SELECT id FROM booking.try_book_place($slot, 'customer', $helping)") ]]; do :; done
done
sold=$(run_sql -c "SELECT sum(quantity) FROM booking.booking WHERE slot_id = $slot AND status IN ('held', 'confirmed')")
run_sql -c CHECKPOINT
before=$(run_sql -c "SELECT pg_current_wal_insert_lsn() || ' ' || txid_snapshot_xmax(txid_current_snapshot())")
measure soldout.dry soldout -c "$CLIENTS" -D slot="$slot"
after=$(run_sql -c "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '${before% *}')::bigint || ' ' || txid_snapshot_xmax(txid_current_snapshot()) - ${before#* }")
for ((round = 0; round < ROUNDS; round++)); do
	measure select1 select1 -c "$CLIENTS"
	measure soldout soldout -c "$CLIENTS" -D slot="$slot"
done
progress ''
heading "$CLIENTS clients, the same slot, sold out" 'per second' 'of SELECT 1'
show select1 select1 'SELECT 1'
show soldout select1 'try_book_place'
say "in $(grouped "$(awk -v tps="$(median soldout.dry)" -v s="$SECONDS_EACH" 'BEGIN {print tps * s}')") refusals: ${after% *} bytes of WAL, ${after#* } transaction ids"
say

expect ours.fast bare.fast 0.7 'ours / bare, commits as fast as the disk'
expect ours.slow bare.slow 0.7 'ours / bare, commits of 1 ms'
expect ours.slow forupdate.slow 30 'ours / SELECT ... FOR UPDATE, commits of 1 ms'
expect soldout select1 0.6 'sold out / SELECT 1'
expect_at_most "$((sold - PLACES))" 0 "places sold above the capacity"
expect_at_most "$((PLACES - sold))" 0 'places that no client could buy'
expect_at_most "${after#* }" 0 'transaction ids used by refusals'
exit $FAILED
