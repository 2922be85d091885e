#!/usr/bin/env bash
#
# bars.sh: the races that have a bar, and whether it is met
#
#   bench/bars.sh [--rounds N] [--seconds N] [--only timeslot|room|calendar|event|alone|crowd]
#
# timeslot, room, calendar and event against the constraint that does the same on
# a narrow table and against the ways that lock; one client alone; and 256 clients
# on one slot.  With commits as fast as the disk and with commits of 1 ms.  All
# strategies of a race run one after the other, the rounds are outermost.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ROUNDS=3
SECONDS_EACH=3
RACES='timeslot room calendar event alone crowd'
option() {
	case $1 in
	--only) RACES=$2 ;;
	*) die "no option $1" ;;
	esac
}
read_options "$@"
start_server bars
make -s -C "$BENCH" PG_CONFIG="${PG_CONFIG:-pg_config}"
describe

# race NAME SCENARIO STRATEGY ... [-- OPTION ...]: notes what each sold a second.
race() {
	local name=$1 status=0 options=()
	shift
	while (($#)) && [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	progress "round $((round + 1)): $name ..."
	rm -f "$WORK/race.csv"
	"$BENCH/race" "${options[@]}" "${@:2}" --time "$SECONDS_EACH" --seed $((round + 1)) --csv "$WORK/race.csv" >"$WORK/race.log" || status=$?
	if ((status)); then
		cat "$WORK/race.log" >&2
		die "the race ended with $status"
	fi
	python3 - "$WORK" "$name" <<-'PYTHON'
		import csv, sys
		for run in csv.DictReader(open(sys.argv[1] + "/race.csv")):
		    with open("%s/%s.%s.values" % (sys.argv[1], sys.argv[2], run["strategy"]), "a") as file:
		        print(run["bookings_per_s"], file=file)
	PYTHON
}

for ((round = 0; round < ROUNDS; round++)); do
	for ms in 0 1; do
		for which in $RACES; do
			case $which in
			timeslot) race timeslot.$ms timeslot unique counter function forupdate advisory booking -- --commit-delay $ms ;;
			room | calendar) race "$which.$ms" "$which" exclude booking -- --commit-delay $ms ;;
			event) race event.$ms event unique booking -- --commit-delay $ms ;;
			alone)
				race alone-room.$ms room function bare booking -- --commit-delay $ms --clients 1
				race alone-concert.$ms concert counter function bare booking -- --commit-delay $ms --clients 1
				;;
			crowd) race crowd.$ms concert bare booking -- --commit-delay $ms --clients 256 ;;
			*) die "no race $which" ;;
			esac
		done
	done
done
progress ''

bar() { expect "$1.booking" "$1.$2" "$3" "$1 ms commits, of $2"; }
for ms in 0 1; do
	for which in $RACES; do
		case $which in
		timeslot)
			bar timeslot.$ms unique 0.8
			for way in counter function forupdate advisory; do
				bar timeslot.$ms $way 1
			done
			;;
		room | calendar) bar "$which.$ms" exclude 0.9 ;;
		event) bar event.$ms unique 0.8 ;;
		alone)
			bar alone-room.$ms bare 0.7
			bar alone-room.$ms function 1
			bar alone-concert.$ms bare 0.7
			bar alone-concert.$ms counter 1
			bar alone-concert.$ms function 1
			;;
		crowd) bar crowd.$ms bare 0.6 ;;
		esac
	done
done
exit "$FAILED"
