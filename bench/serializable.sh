#!/usr/bin/env bash
#
# serializable.sh: SERIALIZABLE and a GiST index, in two sessions
#
#   bench/serializable.sh
#
# Two SERIALIZABLE transactions both look whether a room is free, both find that
# it is, both book it.  No serial order of the two gives that result, so one of
# them must fail with 40001.  With a btree index on the start it does.  With a GiST
# index on the period both commit.
#
# The likely reason: a scan for a period that no index page covers yet leaves
# its predicate lock on the root page alone.  The first INSERT stretches a leaf
# page over the gap and changes the root; the second finds the leaf page
# stretched already, leaves the root as it is, and so meets no lock.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
read_options "$@"
start_server serializable

# attempt CONDITION: both sessions, step by step; prints what became of them.
attempt() {
	local session steps=(
		'BEGIN ISOLATION LEVEL SERIALIZABLE;'
		"SELECT EXISTS (SELECT FROM anomaly.booking WHERE room_id = 1 AND $1);"
		"INSERT INTO anomaly.booking VALUES (1, '[2031-02-01 09:00+00,2031-02-01 10:00+00)');"
		'COMMIT;')
	for session in one two; do
		mkfifo "$WORK/$session"
		PGOPTIONS='-c enable_seqscan=off' psql -XqAt <"$WORK/$session" >"$WORK/$session.out" 2>&1 &
	done
	exec 7>"$WORK/one" 8>"$WORK/two"
	for step in "${steps[@]}"; do
		printf '%s\n' "$step" >&7
		sleep 0.2
		printf '%s\n' "$step" >&8
		sleep 0.2
	done
	exec 7>&- 8>&-
	wait
	for session in one two; do
		say "  session $session: room free: $(head -n 1 "$WORK/$session.out" | sed 's/^f$/yes/'); $(grep -m 1 ERROR "$WORK/$session.out" || echo committed)"
		rm "$WORK/$session"
	done
	say "  bookings of the hour: $(run_sql -c "SELECT count(*) FROM anomaly.booking WHERE period && '[2031-02-01 09:00+00,2031-02-01 10:00+00)'")"
}

set_up() {
	run_sql <<-SQL
		SET client_min_messages = warning;
		DROP SCHEMA IF EXISTS anomaly CASCADE;
		CREATE SCHEMA anomaly;
		CREATE TABLE anomaly.booking (room_id integer, period tstzrange);
		INSERT INTO anomaly.booking
		SELECT 1, tstzrange(t, t + interval '1 hour') FROM generate_series(timestamptz '2030-01-01 09:00+00', '2030-12-31', '1 day') AS t;
		CREATE INDEX ON anomaly.booking USING $1;
		ANALYZE anomaly.booking;
	SQL
}

describe | head -n 1
say 'a btree index on the start of the period:'
set_up 'btree (room_id, lower(period))'
attempt "lower(period) = '2031-02-01 09:00+00'"
say 'a GiST index on the period:'
set_up 'gist (room_id, period)'
attempt "period && '[2031-02-01 09:00+00,2031-02-01 10:00+00)'"
run_sql -c 'SET client_min_messages = warning' -c 'DROP SCHEMA anomaly CASCADE'
