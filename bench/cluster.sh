#!/usr/bin/env bash
#
# cluster.sh: what does the hop to the node of a place cost?
#
#   bench/cluster.sh HOST DATABASE COORDINATOR-PORT WORKER-PORT WORKER-PORT [SECONDS]
#
# On nodes of yours, all on HOST (a folder of sockets, say), with booking_cluster set up, PGUSER a superuser, pgbench and
# psql on the PATH.  Books 1-hour periods that hardly ever meet, in 20 places of one exclusive
# resource each; prints milliseconds a call and bookings a second.  Plain: book_slot() itself,
# on the node that has the resource.

set -euo pipefail
host=$1 database=$2 coordinator=$3 workers=("$4" "$5") seconds=${6:-6}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PGHOST=$host PGDATABASE=$database

sql() { psql -XqAt -v ON_ERROR_STOP=1 -p "$coordinator" "$@"; }
for n in $(seq 1 20); do
	sql -c "SELECT booking.cluster_create_resource('bench$n', 'room')" >/dev/null 2>&1 || true
done
declare -A places
for worker in "${workers[@]}"; do
	for n in $(seq 1 20); do
		[[ $(sql -c "SELECT port FROM booking.cluster_shard('bench$n')") != "$worker" ]] || places[$worker]+="$n "
	done
done

period="tstzrange(timestamptz '2030-01-01' + :h * interval '1 hour', timestamptz '2030-01-01' + (:h + 1) * interval '1 hour')"
# pick PORT: a pgbench expression for a place of the worker.
pick() {
	local list
	read -ra list <<<"${places[$1]}"
	local expression=${list[0]} i
	for ((i = 1; i < ${#list[@]}; i++)); do
		expression="case when :i = $i then ${list[i]} else $expression end"
	done
	printf '\\set i random(0, %d)\n\\set p %s\n\\set h random(1, 5000000)\n' $((${#list[@]} - 1)) "$expression"
}
for worker in "${workers[@]}"; do
	{ pick "$worker"; echo "SELECT id FROM booking.try_book_slot('bench:p/room', $period, 'ann');"; } >"$work/plain.$worker"
	{ pick "$worker"; echo "SELECT id FROM booking.cluster_try_book_slot('bench:p', 'room', $period, 'ann');"; } >"$work/cluster.$worker"
done
{ pick "${workers[0]}"; echo 'BEGIN;'; tail -n 1 "$work/cluster.${workers[0]}"
	pick "${workers[1]}"; tail -n 1 "$work/cluster.${workers[1]}"; echo 'END;'; } >"$work/both"

# measure LABEL CLIENTS PORT=SCRIPT...: all of them at once.
measure() {
	local label=$1 clients=$2 job total=0 latency=0 n=0 tps ms
	shift 2
	for job in "$@"; do
		n=$((n + 1))
		pgbench -n -T "$seconds" -c $((clients / $#)) -j 1 -p "${job%%=*}" -f "${job#*=}" >"$work/out.$n" 2>&1 &
	done
	wait
	for ((i = 1; i <= n; i++)); do
		tps=$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$work/out.$i")
		ms=$(sed -n 's/^latency average = \([0-9.]*\).*/\1/p' "$work/out.$i")
		total=$(echo "$total + ${tps:-0}" | bc)
		latency=$(echo "$latency + ${ms:-0}" | bc)
	done
	printf '%-62s %3d clients  %8.2f ms  %8.0f a second\n' "$label" "$clients" "$(echo "scale = 3; $latency / $n" | bc)" "$total"
}
a=${workers[0]} b=${workers[1]}
for _ in 1 2; do
	measure 'plain, on its node' 1 "$a=$work/plain.$a"
	measure 'cluster, by the owning node' 1 "$a=$work/cluster.$a"
	measure 'cluster, by the coordinator' 1 "$coordinator=$work/cluster.$a"
	measure 'cluster, by the other worker' 1 "$b=$work/cluster.$a"
	measure 'cluster, two places on two nodes in a transaction' 1 "$coordinator=$work/both"
	measure 'one node: plain' 32 "$a=$work/plain.$a"
	measure 'two nodes: plain, each on its node' 32 "$a=$work/plain.$a" "$b=$work/plain.$b"
	measure 'two nodes: cluster, by the owning nodes' 32 "$a=$work/cluster.$a" "$b=$work/cluster.$b"
	measure 'two nodes: cluster, by the coordinator' 32 "$coordinator=$work/cluster.$a" "$coordinator=$work/cluster.$b"
	measure 'two nodes: cluster, by the wrong nodes' 32 "$a=$work/cluster.$b" "$b=$work/cluster.$a"
done
