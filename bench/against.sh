#!/usr/bin/env bash
#
# against.sh: is this checkout as fast as an earlier commit of it?
#
#   bench/against.sh [--commit NAME] [--rounds N] [--seconds N]
#
# The other commit (894e8c1, from before there was a journal) is taken from the
# repository and built beside this one, each with a server of its own. One booking
# at a time, by turns: 8 clients with 200 exclusive resources, 64 clients with one
# pool of 20, 64 clients with one slot; without the journal, which the other one may
# not have.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

COMMIT=894e8c1
BAR=0.97
option() {
	case $1 in
	--commit) COMMIT=$2 ;;
	*) die "no option $1" ;;
	esac
}
read_options "$@"

mkdir "$WORK/other"
git -C "$BENCH" rev-parse --verify --quiet "$COMMIT^{commit}" >/dev/null || die "there is no commit $COMMIT"
git -C "$BENCH/.." archive "$COMMIT" | tar -x -C "$WORK/other"
chmod 755 "$WORK"
other_server() { "$WORK/other/tools/server" "$@"; }
# clean_up in lib.sh removes this checkout's server and the files.
trap 'other_server remove bench-other >/dev/null 2>&1 || :; clean_up' EXIT
trap 'exit 130' INT TERM
other_server start bench-other "${SERVER_SETTINGS[@]}" >"$WORK/server.log" 2>&1 || {
	cat "$WORK/server.log" >&2
	die "no server to measure $COMMIT on"
}
other=$(other_server env bench-other)
start_server against
ours=$("$BENCH/../tools/server" env "$SERVER")

# on SIDE COMMAND ...: with the server of that side
on() {
	local side=$1
	shift
	(
		eval "${!side}"
		"$@"
	)
}

# Each client walks through hours of its own, in an order of its own.
script exclusive <<'SQL'
\set resource random(1, 200)
\set hour :client_id * 1000000 + permute(:n, 1000000, 7)
\set n :n + 1
SELECT id FROM booking.book_slot(:resource::bigint, tstzrange(to_timestamp(1893456000 + :hour * 3600::bigint), to_timestamp(1893456000 + (:hour + 1) * 3600::bigint)), 'customer');
SQL
script pooled <<'SQL'
\set start random(0, 200000)
\set length random(1, 24)
SELECT id FROM booking.try_book_slot(:pool::bigint, tstzrange(to_timestamp(1893456000 + :start * 3600::bigint), to_timestamp(1893456000 + (:start::bigint + :length) * 3600)), 'customer');
SQL
script slots <<'SQL'
\set places random(1, 3)
SELECT id FROM booking.try_book_place(:slot, 'customer', :places);
SQL

prepare() {
	run_sql >/dev/null <<-'SQL'
		SET client_min_messages = warning;
		CREATE EXTENSION IF NOT EXISTS booking CASCADE;
		SELECT count(booking.create_resource('room ' || n)) FROM generate_series(1, 200) AS n;
	SQL
}
without_journal() {
	run_sql >/dev/null <<-'SQL'
		SELECT format('UPDATE booking.resource SET record_events = false')
		 WHERE EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'booking.resource'::regclass AND attname = 'record_events') \gexec
		VACUUM booking.resource;
	SQL
}
on other prepare
on ours prepare

for ((round = 0; round < ROUNDS; round++)); do
	for side in other ours; do
		pool=$(on $side run_sql -c "SELECT id FROM booking.create_resource('pool $round', 'pooled', 20)")
		slot=$(on $side run_sql -c "SELECT (booking.publish_slot((booking.create_resource('hall $round')).id, '[2030-01-01 18:00+00,2030-01-01 22:00+00)', 2000000)).id")
		on $side without_journal
		declare "pool_$side=$pool" "slot_$side=$slot"
	done
	# the one that is first in one round is second in the next
	sides=(other ours)
	((round % 2 == 0)) || sides=(ours other)
	for way in exclusive pooled slots; do
		for side in "${sides[@]}"; do
			pool=pool_$side slot=slot_$side
			on "$side" measure "$way.$side" $way -c "$([[ $way == exclusive ]] && echo 8 || echo 64)" \
				-D n=$((round * 100000)) -D pool="${!pool}" -D slot="${!slot}"
		done
	done
done
progress ''

(eval "$ours" && describe)
for way in exclusive pooled slots; do
	heading "$way" 'per second' "of $COMMIT"
	show $way.other $way.other "$COMMIT"
	show $way.ours $way.other 'this checkout, journal off'
done
say
for way in exclusive pooled slots; do
	expect $way.ours $way.other $BAR "$way, of $COMMIT"
done
exit "$FAILED"
