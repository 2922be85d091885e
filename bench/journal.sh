#!/usr/bin/env bash
#
# journal.sh: what does it cost to write down what happens, and to tell of it?
#
#   bench/journal.sh [--rounds N] [--seconds N] [--clients N] [--places N]
#
# One slot of 100,000 places, 64 clients who take one to three at a time: of a resource with
# record_events = false, and of ones whose events are recorded, with each booking.notify, while
# one session listens; with commits as fast as the disk, and with commits that take 1 ms.
# And history: rows of the past that are loaded by COPY, with and without the journal.

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
start_server journal
describe

script book <<<"\\set places random(1, 3)
SELECT id FROM booking.try_book_place(:slot, 'customer', :places);"

# sell SIDE SLOT [PART]: bookings per second; a fixed number, so that the slot is not sold out.
sell() {
	local side=$1 slot=$2 part=${3:-1}
	progress "$side ..."
	pgbench -n -M prepared -c "$CLIENTS" -j 2 -f "$WORK/book.sql" -D slot="$slot" -t $((PLACES * 2 / 5 / CLIENTS / part)) \
		>"$WORK/pgbench.out" 2>"$WORK/pgbench.log" || {
		head -n 3 "$WORK/pgbench.log" >&2
		die "pgbench failed: $side"
	}
	note "$side" "$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$WORK/pgbench.out")"
}

# load SIDE RESOURCE: rows of history per second.
load() {
	local side=$1 resource=$2 from till
	progress "$side ..."
	run_sql -c "COPY (SELECT $resource, tstzrange(t, t + interval '1 hour'), 'customer', t FROM generate_series(timestamptz '2010-01-01', '2010-01-01'::timestamptz + 49999 * interval '1 hour', interval '1 hour') AS t) TO '$WORK/history'"
	from=$(date +%s%N)
	run_sql -c "COPY booking.booking (resource_id, period, holder, created_at) FROM '$WORK/history'"
	till=$(date +%s%N)
	note "$side" "$(awk -v ns=$((till - from)) 'BEGIN {printf("%.1f", 50000 / ns * 1e9)}')"
}
chmod 777 "$WORK"

exec {listener}> >(psql -XqAt >"$WORK/heard")
listens=$!
echo 'LISTEN booking;' >&"$listener"

for ((round = 0; round < ROUNDS; round++)); do
	for side in on off; do
		resource=$(run_sql -c "INSERT INTO booking.resource (name, record_events) VALUES ('room $round $side', '$side') RETURNING id")
		load "history.$side" "$resource"
	done
	for commits in fast slow; do
		for side in unrecorded off worker commit; do
			[[ $side == unrecorded ]] && recorded=false || recorded=true
			slot=$(run_sql -c "INSERT INTO booking.resource (name, record_events) VALUES ('hall $round $commits $side', $recorded) RETURNING id" |
				xargs -I{} psql -XqAt -c "SELECT (booking.publish_slot({}, '[2030-01-01 18:00+00,2030-01-01 22:00+00)', $PLACES)).id")
			[[ $side != worker ]] || run_sql -c 'SELECT booking.start_worker()' >/dev/null
			[[ $commits == fast ]] && PGOPTIONS='' || PGOPTIONS=$SLOW_COMMITS
			export PGOPTIONS="$PGOPTIONS -c booking.notify=${side/unrecorded/off}"
			sell "$side.$commits" "$slot" "$([[ $side == commit ]] && echo 10 || echo 1)"
			unset PGOPTIONS
			run_sql -c 'SELECT booking.stop_worker()' >/dev/null
		done
	done
done
progress ''

for commits in fast slow; do
	heading "$CLIENTS clients, a slot of $(grouped "$PLACES"), commits $([[ $commits == fast ]] && echo 'as fast as the disk' || echo 'of 1 ms')" 'per second' 'of booking.notify = off'
	show unrecorded.$commits off.$commits 'record_events = false'
	show off.$commits off.$commits 'recorded, booking.notify = off'
	show worker.$commits off.$commits 'recorded, booking.notify = worker, with a worker'
	show commit.$commits off.$commits 'recorded, booking.notify = commit'
	say
done
heading 'COPY of 50,000 bookings of the past' 'rows/s' 'of off'
show history.off history.off 'record_events = false'
show history.on history.off 'record_events = true'
say
expect off.fast unrecorded.fast 0.8 'recorded / not, commits as fast as the disk'
expect off.slow unrecorded.slow 0.8 'recorded / not, commits of 1 ms'
expect worker.fast off.fast 0.95 'worker / off, commits as fast as the disk'
expect worker.slow off.slow 0.95 'worker / off, commits of 1 ms'
expect history.on history.off 0.9 'history, on / off'
# psql looks for notifications after a statement only.
echo 'SELECT WHERE false;' >&"$listener"
exec {listener}>&-
while kill -0 "$listens" 2>/dev/null; do sleep 0.1; done
[[ -s $WORK/heard ]] || die 'no notification was received'
exit $FAILED
