# shellcheck shell=bash
#
# lib.sh: what the benches have in common
#
# A bench compares sides: ways to do the same thing, each with rows of its own,
# measured one after the other, round after round, so that whatever else the
# machine does at the time meets all of them.  What counts is the median of the
# rounds; a ratio is the median of the ratios within the rounds.

set -euo pipefail

BENCH=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
WORK=$(mktemp -d)
SERVER=
ROUNDS=5
SECONDS_EACH=5
FAILED=0

# Settings of all servers that are measured.
SERVER_SETTINGS=(-c max_connections=1100 -c shared_buffers=1GB -c max_wal_size=8GB -c checkpoint_timeout=1h)

# A commit that takes a millisecond longer, as on a disk that is far away.
SLOW_COMMITS='-c commit_delay=1000 -c commit_siblings=0'

say() { printf '%s\n' "$*"; }
progress() { if [[ -t 2 ]]; then printf '\r\e[K%s' "$*" >&2; fi; }
die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 2
}

# Prints the comment on top of the calling script as its manual.
usage() { sed -n '3,/^$/{s/^# \{0,1\}//p;}' "$0"; }

clean_up() {
	trap - EXIT INT TERM
	progress ''
	rm -rf "$WORK"
	if [[ -n $SERVER ]]; then
		"$BENCH/../tools/server" remove "$SERVER" >/dev/null 2>&1 || :
	fi
}
trap clean_up EXIT
trap 'clean_up; exit 130' INT TERM

# start_server NAME: a private server with the extension, and the environment to
# reach it.  With BENCH_SERVER=keep in the environment, the server that PGHOST
# and the like name is used instead.
start_server() {
	if [[ ${BENCH_SERVER:-} != keep ]]; then
		SERVER=bench-$1
		"$BENCH/../tools/server" start "$SERVER" "${SERVER_SETTINGS[@]}" >"$WORK/server.log" 2>&1 || {
			cat "$WORK/server.log" >&2
			die "no server to measure on"
		}
		eval "$("$BENCH/../tools/server" env "$SERVER")"
	fi
	run_sql -c 'SET client_min_messages = warning' -c 'DROP EXTENSION IF EXISTS booking CASCADE' -c 'CREATE EXTENSION booking CASCADE'
}

run_sql() { psql -XqAt -v ON_ERROR_STOP=1 "$@"; }

# What ran where: each result names it.
describe() {
	local commit
	commit=$(git -C "$BENCH" rev-parse --short HEAD 2>/dev/null || echo unknown)
	git -C "$BENCH" diff --quiet HEAD -- .. 2>/dev/null || commit+=+changes
	say "PostgreSQL $(run_sql -c "SELECT split_part(current_setting('server_version'), ' ', 1)"), $(nproc) x $(
		sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(
		awk '/^MemTotal/ {printf "%.0f GB", $2 / 1e6}' /proc/meminfo), commit $commit, $(date -u +%FT%TZ)"
	say "$ROUNDS rounds of $SECONDS_EACH s a side, median (lowest to highest)"
	say
}

# script NAME: a pgbench script, from standard input.
script() { cat >"$WORK/$1.sql"; }

# measure SIDE SCRIPT [pgbench option ...]: transactions per second, one more
# value for SIDE.
measure() {
	local side=$1 script=$2 out
	shift 2
	progress "$side ..."
	out=$(pgbench -n -M prepared -j 2 -T "$SECONDS_EACH" -f "$WORK/$script.sql" "$@" 2>"$WORK/pgbench.log") || {
		head -n 3 "$WORK/pgbench.log" >&2
		die "pgbench failed: $side"
	}
	if grep -q 'aborted' "$WORK/pgbench.log"; then
		head -n 3 "$WORK/pgbench.log" >&2
		die "clients of $side gave up"
	fi
	note "$side" "$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' <<<"$out")"
}

# note SIDE VALUE: one more value for SIDE.
note() { printf '%s\n' "$2" >>"$WORK/$1.values"; }

values() { sort -g "$WORK/$1.values"; }
median() { values "$1" | awk '{v[NR] = $1} END {print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'; }
lowest() { values "$1" | head -n 1; }
highest() { values "$1" | tail -n 1; }

# ratio SIDE REFERENCE: the median of the ratios of the rounds.
ratio() {
	paste "$WORK/$1.values" "$WORK/$2.values" | awk '{printf("%.6g\n", ($2 > 0) ? $1 / $2 : 0)}' | sort -g |
		awk '{v[NR] = $1} END {printf("%.3g", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2)}'
}
grouped() { printf "%'.0f" "$1" | sed -E ':a; s/^([0-9]+)([0-9]{3})/\1,\2/; ta'; }

# heading TEXT UNIT REFERENCE, and show SIDE REFERENCE TEXT: a table.
heading() { printf '%-60s %10s  %-22s %s\n' "$1" "$2" '(lowest to highest)' "${3:-}"; }
show() {
	printf '%-60s %10s  %-22s %s\n' "$3" "$(grouped "$(median "$1")")" \
		"($(grouped "$(lowest "$1")") to $(grouped "$(highest "$1")"))" "$(ratio "$1" "$2")"
}

# expect SIDE REFERENCE BAR TEXT: is the ratio at least BAR?
expect() {
	local got answer=yes
	got=$(ratio "$1" "$2")
	awk -v got="$got" -v bar="$3" 'BEGIN {exit !(got >= bar)}' || {
		answer=NO
		FAILED=1
	}
	printf '%-60s %10s  at least %s: %s\n' "$4" "$got" "$3" "$answer"
}

# expect_at_most VALUE BAR TEXT
expect_at_most() {
	local answer=yes
	awk -v got="$1" -v bar="$2" 'BEGIN {exit !(got <= bar)}' || {
		answer=NO
		FAILED=1
	}
	printf '%-60s %10s  at most %s: %s\n' "$3" "$1" "$2" "$answer"
}

# read_options: --rounds N and --seconds N, which every bench has; the others go
# to the function option, which gets the name and the value.
read_options() {
	while (($#)); do
		case $1 in
		-h | --help)
			usage
			exit 0
			;;
		--rounds) ROUNDS=${2:?} ;;
		--seconds) SECONDS_EACH=${2:?} ;;
		--*) option "$1" "${2:?}" ;;
		*) die "not understood: $1" ;;
		esac
		shift 2
	done
}
option() { die "no option $1"; }

# A table like booking.booking, with its indexes and constraints and without any
# of its triggers.
bare_copy() {
	run_sql -c 'SET client_min_messages = warning' -c "DROP SCHEMA IF EXISTS $1 CASCADE" -c "CREATE SCHEMA $1" -c "CREATE TABLE $1.booking (LIKE booking.booking INCLUDING ALL)"
}
