#!/usr/bin/env bash
#
# exclusive.sh: what does book_slot cost on exclusive resources?
#
#   bench/exclusive.sh [--rounds N] [--seconds N] [--clients N] [--resources N]
#
# book_slot on 10,000 exclusive resources, against INSERT ... ON CONFLICT DO
# NOTHING into a copy of booking.booking that has the same constraint and the
# same indexes, and no triggers.  Both prepared, both write the same content,
# no period is asked for twice.  The bar is 0.9 without the journal, 0.75 with it.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

CLIENTS=8
RESOURCES=10000
option() {
	case $1 in
	--clients) CLIENTS=$2 ;;
	--resources) RESOURCES=$2 ;;
	*) die "no option $1" ;;
	esac
}
read_options "$@"
start_server exclusive

run_sql -c "SELECT count(booking.create_resource('room ' || n)) FROM generate_series(1, $RESOURCES) AS n" >/dev/null
bare_copy bare
journal=$(run_sql -c "SELECT count(*) FROM pg_attribute WHERE attrelid = 'booking.resource'::regclass AND attname = 'record_events'")

# Every client walks through a million hours of its own, each time in another order of its own.
wish='
\set resource random(1, '$RESOURCES')
\set hour :client_id * 1000000 + permute(:n, 1000000, 7)
\set n :n + 1
'
period="tstzrange(to_timestamp(1893456000 + :hour * 3600::bigint), to_timestamp(1893456000 + (:hour + 1) * 3600::bigint))"

script ours <<<"$wish
SELECT id FROM booking.book_slot(:resource::bigint, $period, 'customer');"

script bare <<<"$wish
INSERT INTO bare.booking (resource_id, seat_no, period, occupies, holder)
VALUES (:resource, 0, $period, $period, 'customer')
ON CONFLICT DO NOTHING RETURNING id;"

sides=(ours)
[[ $journal == 0 ]] || sides+=(journal)
describe

for ((round = 0; round < ROUNDS; round++)); do
	start=$((round * 150000))
	measure bare bare -c "$CLIENTS" -D n=$start
	for side in "${sides[@]}"; do
		[[ $journal == 0 ]] || run_sql -c "UPDATE booking.resource SET record_events = $([[ $side == journal ]] && echo true || echo false)" -c 'VACUUM booking.resource'
		measure "$side" ours -c "$CLIENTS" -D n=$((start + $([[ $side == journal ]] && echo 75000 || echo 0)))
	done
done
progress ''

heading "$CLIENTS clients, $RESOURCES exclusive resources" 'per second' 'of bare'
show bare bare 'bare INSERT ... ON CONFLICT DO NOTHING'
show ours bare "book_slot$([[ $journal == 0 ]] || echo ', journal off')"
[[ $journal == 0 ]] || show journal bare 'book_slot, journal on'
say
expect ours bare 0.9 'book_slot / bare'
[[ $journal == 0 ]] || expect journal bare 0.75 'book_slot with journal / bare'
problems=$(run_sql -c 'SELECT count(*) FROM booking.verify()')
say "booking.verify(): $problems problems"
[[ $problems == 0 ]] || FAILED=1
exit $FAILED
