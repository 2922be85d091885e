#!/bin/sh
#
# Sells out the event of hotel_event.sql: 200 visitors at once, through two application
# servers, each wants one to five rooms, and some think better of it and cancel.  Then
# checks.  The database is the one that psql would use; it needs 210 connections
# (max_connections), or set CLIENTS for fewer visitors.
#
#	psql -f examples/hotel_event.sql && examples/hotel_event.sh

set -eu
each=$((${CLIENTS:-200} / 2))
script=$(mktemp)
trap 'rm -f "$script"' EXIT

cat >"$script" <<-'VISITOR'
	\set rooms random(1, 5)
	\set wish random(0, 2)
	\set cancels random(1, 10)
	SELECT coalesce(event.reserve('visitor ' || :server::text || '.' || :client_id::text, :rooms, :wish)::text, 'none') AS reservation \gset
	\if :cancels = 1
	SELECT FROM booking.booking AS b, LATERAL booking.cancel(b.id) WHERE b.id::text = :reservation;
	\endif
VISITOR

# Two application servers, each with its own pool of connections.
pgbench -n -M prepared -c "$each" -j 1 -t 20 -D server=1 -f "$script" >/dev/null &
first=$!
pgbench -n -M prepared -c "$each" -j 1 -t 20 -D server=2 -f "$script" >/dev/null
wait "$first"

# A visitor that wants only one room gets what is left.
psql -XqAt -v ON_ERROR_STOP=1 <<-'LAST'
	DO $$
	BEGIN
		WHILE event.reserve('visitor at the end', 1, 0) IS NOT NULL LOOP
		END LOOP;
	END $$;
LAST

psql -X -c 'SELECT * FROM event.report ORDER BY hotel'
problems=$(psql -XqAt -v ON_ERROR_STOP=1 -c "
	SELECT hotel FROM event.report
	WHERE reserved > contracted OR reserved <> reservations OR reserved < contracted
	UNION ALL
	SELECT problem || ': ' || detail FROM booking.verify()")
if [ -n "$problems" ]; then
	echo "not exactly sold: $problems" >&2
	exit 1
fi
echo 'Sold out: every room once.'
