#!/usr/bin/env bash
#
# pooled.sh: what does counting cost, and how does it grow?
#
#   bench/pooled.sh [--rounds N] [--seconds N] [--clients N] [--rows N] [--bulk N]
#                   [--part throughput|overselling|growth|bulk]
#
# throughput   one pooled resource, 64 clients, random periods: ours, against the
#              same check under a lock held to commit, against a bare INSERT, and
#              against a PL/pgSQL trigger that counts; with commits as fast as the
#              disk, and with commits that take 1 ms.  All tables are alike.
# overselling  the same trigger and ours on a pool with 3 units that all clients want.
# growth       the time of one check with 100,000 bookings of other periods, and
#              with --rows of them (1,000,000; 10,000,000 take 20 minutes to load);
#              and with 1 to 10,000 bookings that overlap: of a large pool, of a guarded
#              table, and by the PL/pgSQL trigger that counts.
# bulk         loads --bulk rows (1,000,000) into the guarded table: time, the
#              backend's own memory, locks.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

CLIENTS=64
ROWS=1000000
BULK=1000000
PARTS='throughput overselling growth bulk'
CAPACITY=20
option() {
	case $1 in
	--clients) CLIENTS=$2 ;;
	--rows) ROWS=$2 ;;
	--bulk) BULK=$2 ;;
	--part) PARTS=$2 ;;
	*) die "no option $1" ;;
	esac
}
read_options "$@"
((ROWS > 100000)) || die "--rows is more than 100000, with which it is compared"
start_server pooled
describe

# The peak of what is booked of pool $1 during $2, in table $3: the same rule as ours.
in_use() {
	printf '%s' "(SELECT coalesce(max(used), 0)
	   FROM (SELECT sum(sum(change)) OVER (ORDER BY at) AS used
	           FROM $3.booking, LATERAL (VALUES (greatest(lower(occupies), lower($2)), quantity), (upper(occupies), -quantity)) AS edge (at, change)
	          WHERE resource_id = $1 AND occupies && $2 AND seat_no IS NULL AND slot_id IS NULL AND status IN ('held', 'confirmed')
	          GROUP BY at) AS sweep)"
}

# The trigger that people write: it counts what overlaps.
COUNTING_TRIGGER='CREATE FUNCTION counted.look() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF (SELECT count(*) FROM counted.booking
		     WHERE resource_id = NEW.resource_id AND occupies && NEW.occupies
		       AND seat_no IS NULL AND slot_id IS NULL AND status IN ('\''held'\'', '\''confirmed'\'')) >= TG_ARGV[0]::integer THEN
			RETURN NULL;
		END IF;
		RETURN NEW;
	END $$;'

# set_up_sides: a table for each way.
set_up_sides() {
	local table
	for table in bare locked counted; do
		bare_copy $table
	done
	bare_copy forupdate
	run_sql <<-SQL
		CREATE TABLE forupdate.pool (id bigint PRIMARY KEY, capacity integer NOT NULL);

		CREATE FUNCTION locked.book(pool bigint, wanted tstzrange, capacity integer) RETURNS boolean LANGUAGE plpgsql AS \$\$
		BEGIN
			PERFORM pg_advisory_xact_lock(pool);
			IF $(in_use pool wanted locked) >= capacity THEN
				RETURN false;
			END IF;
			INSERT INTO locked.booking (resource_id, period, occupies, holder) VALUES (pool, wanted, wanted, 'customer');
			RETURN true;
		END \$\$;

		$COUNTING_TRIGGER
		CREATE TRIGGER look BEFORE INSERT ON counted.booking FOR EACH ROW EXECUTE FUNCTION counted.look($CAPACITY);
	SQL
}

# wish HOURS: a random period of one to eight hours that begins within so many.
wish() { printf '%s\n' "\\set hour random(0, $1)" '\set till :hour + random(1, 8)'; }
period='tstzrange(to_timestamp(1893456000 + :hour * 3600::bigint), to_timestamp(1893456000 + :till * 3600::bigint))'

write_scripts() {
	script ours <<<"$(wish "$1")
SELECT id FROM booking.try_book_slot(:pool::bigint, $period, 'customer');"
	script bare <<<"$(wish "$1")
INSERT INTO bare.booking (resource_id, period, occupies, holder) VALUES (:pool, $period, $period, 'customer') RETURNING id;"
	script locked <<<"$(wish "$1")
SELECT locked.book(:pool, $period, $CAPACITY);"
	script counted <<<"$(wish "$1")
INSERT INTO counted.booking (resource_id, period, occupies, holder) VALUES (:pool, $period, $period, 'customer') RETURNING id;"
	script forupdate <<<"$(wish "$1")
BEGIN;
SELECT capacity FROM forupdate.pool WHERE id = :pool FOR UPDATE;
INSERT INTO forupdate.booking (resource_id, period, occupies, holder)
SELECT :pool, p, p, 'customer' FROM (SELECT $period AS p OFFSET 0) AS wanted WHERE $(in_use :pool p forupdate) < $CAPACITY;
COMMIT;"
}

# How many units of pool $2 in table $1 were let in above $3.
oversold() {
	run_sql -c "
		SELECT coalesce(sum(least(change, greatest(used - $3, 0))) FILTER (WHERE change > 0), 0)
		  FROM (SELECT change, sum(change) OVER (ORDER BY at, change > 0 ROWS UNBOUNDED PRECEDING) AS used
		          FROM $1.booking, LATERAL (VALUES (lower(period), quantity), (upper(period), -quantity)) AS bound (at, change)
		         WHERE resource_id = $2) AS sweep"
}

throughput() {
	local round pool commits side excess=0
	write_scripts 200000
	for ((round = 0; round < ROUNDS; round++)); do
		for commits in fast slow; do
			# a pool of its own for every round: the tables are never emptied
			pool=$(run_sql -c "SELECT id FROM booking.create_resource('pool $commits $round', 'pooled', $CAPACITY)")
			run_sql -c "INSERT INTO forupdate.pool VALUES ($pool, $CAPACITY)"
			[[ $commits == fast ]] && export PGOPTIONS='' || export PGOPTIONS=$SLOW_COMMITS
			for side in bare ours counted locked forupdate; do
				measure "$side.$commits" "$side" -c "$CLIENTS" -D pool="$pool"
			done
			unset PGOPTIONS
			excess=$((excess + $(oversold booking "$pool" "$CAPACITY")))
		done
	done
	progress ''

	for commits in fast slow; do
		heading "$CLIENTS clients, one pool of $CAPACITY, commits $([[ $commits == fast ]] && echo 'as fast as the disk' || echo 'of 1 ms')" 'per second' 'of bare'
		show bare.$commits bare.$commits 'bare INSERT, no check'
		show ours.$commits bare.$commits 'try_book_slot'
		show counted.$commits bare.$commits 'PL/pgSQL trigger with count(*): oversells'
		show locked.$commits bare.$commits 'the same check in a function, lock held to commit'
		show forupdate.$commits bare.$commits 'the same check, SELECT ... FOR UPDATE, four round trips'
		say
	done
	expect ours.slow locked.slow 10 'ours / lock held to commit, commits of 1 ms'
	expect ours.slow bare.slow 0.35 'ours / bare, commits of 1 ms'
	expect ours.fast bare.fast 0.3 'ours / bare, commits as fast as the disk'
	expect_at_most "$excess" 0 'ours: units sold above the capacity'
	say
}

overselling() {
	local pool tight=3 seconds=$SECONDS_EACH
	pool=$(run_sql -c "SELECT id FROM booking.create_resource('tight pool', 'pooled', $tight)" )
	run_sql -c 'DROP TRIGGER look ON counted.booking' \
		-c "CREATE TRIGGER look BEFORE INSERT ON counted.booking FOR EACH ROW EXECUTE FUNCTION counted.look($tight)"
	write_scripts 2000
	SECONDS_EACH=2
	measure tight.ours ours -c "$CLIENTS" -D pool="$pool"
	measure tight.counted counted -c "$CLIENTS" -D pool="$pool"
	SECONDS_EACH=$seconds
	progress ''
	printf '%-60s %10s  %s\n' "$CLIENTS clients, one pool of $tight, 2 seconds" bookings 'sold above it'
	for side in booking counted; do
		printf '%-60s %10s  %s\n' "$([[ $side == booking ]] && echo try_book_slot || echo 'PL/pgSQL trigger with count(*)')" \
			"$(run_sql -c "SELECT count(*) FROM $side.booking WHERE resource_id = $pool")" "$(oversold $side "$pool" $tight)"
	done
	say
}

# in_database NAME COMMAND ...: with that database.
in_database() {
	local name=$1
	shift
	PGDATABASE=$name "$@"
}

# check_time SIDE DATABASE HOUR OVERLAPPING: a check alone.  One unit more is asked for
# than the bookings of that hour leave, so every one of them counts and nothing is written.
check_time() { note "$1" "$(awk -v tps="$(in_database "$2" pgbench -n -M prepared -T "$SECONDS_EACH" -f "$WORK/check.sql" -D at="$3" -D units=$((10001 - $4)) 2>/dev/null | sed -n 's/^tps = \([0-9.]*\).*/\1/p')" 'BEGIN {printf("%.1f", 1e6 / tps)}')"; }

# The same by the trigger that counts, and by a guard: an INSERT that is refused.
count_time() { note "$1" "$(awk -v tps="$(in_database "$2" pgbench -n -M prepared -T "$SECONDS_EACH" -f "$WORK/$4.sql" -D at="$3" 2>/dev/null | sed -n 's/^tps = \([0-9.]*\).*/\1/p')" 'BEGIN {printf("%.1f", 1e6 / tps)}')"; }

growth() {
	local small=100000 rows round k seconds=$SECONDS_EACH
	SECONDS_EACH=$((SECONDS_EACH > 2 ? 2 : SECONDS_EACH))
	script check <<-'SQL'
		SELECT id FROM booking.try_book_slot(1::bigint, tstzrange(to_timestamp(1893456000 + :at * 3600::bigint), to_timestamp(1893459600 + :at * 3600::bigint)), 'customer', :units);
	SQL
	for rows in "$small" "$ROWS"; do
		progress "loading $rows bookings ..."
		run_sql -c 'SET client_min_messages = warning' -c "DROP DATABASE IF EXISTS growth_$rows" -c "CREATE DATABASE growth_$rows"
		in_database "growth_$rows" run_sql >/dev/null <<-SQL
			SET client_min_messages = warning;
			CREATE EXTENSION booking CASCADE;
			SELECT count(booking.create_resource('pool', 'pooled', 10000));
			SET session_replication_role = replica; -- the rows are known to fit: without the triggers
			INSERT INTO booking.booking (resource_id, period, occupies, holder)
			SELECT 1, p, p, 'customer ' || n
			FROM generate_series(1, $rows) AS n, LATERAL (SELECT tstzrange(to_timestamp(1893456000 + n * 3600::bigint), to_timestamp(1893459600 + n * 3600::bigint)) AS p) AS period;
			-- and some that overlap, each bunch in an hour of its own, long before
			INSERT INTO booking.booking (resource_id, period, occupies, holder)
			SELECT 1, p, p, 'customer'
			FROM unnest('{1,10,100,1000,10000}'::integer[]) AS k, generate_series(1, k),
				LATERAL (SELECT tstzrange(to_timestamp(1893456000 - k * 36000::bigint), to_timestamp(1893459600 - k * 36000::bigint)) AS p) AS period;
			RESET session_replication_role;
			SELECT count(*) FROM booking.rebuild();
			VACUUM ANALYZE booking.booking;
		SQL
	done
	progress 'loading the others ...'
	in_database "growth_$small" bare_copy counted
	in_database "growth_$small" run_sql -c "$COUNTING_TRIGGER"
	in_database "growth_$small" run_sql >/dev/null <<-'SQL'
		INSERT INTO counted.booking SELECT * FROM booking.booking;
		CREATE TRIGGER look BEFORE INSERT ON counted.booking FOR EACH ROW EXECUTE FUNCTION counted.look(1);
		VACUUM ANALYZE counted.booking;
		CREATE TABLE stay (pool bigint, during tstzrange, units integer);
		INSERT INTO stay SELECT resource_id, occupies, quantity FROM booking.booking;
		DO $do$ BEGIN PERFORM booking.guard_table('stay', ARRAY['pool'], ARRAY['during'], 10000, quantity => 'units'); END $do$;
		CREATE FUNCTION stay(wanted tstzrange) RETURNS void LANGUAGE plpgsql AS $$
		BEGIN
			INSERT INTO stay VALUES (1, wanted, 10000);
		EXCEPTION WHEN exclusion_violation THEN
		END $$;
		VACUUM ANALYZE stay;
	SQL
	script count <<-'SQL'
		INSERT INTO counted.booking (resource_id, period, occupies, holder) SELECT 1, p, p, 'customer'
		FROM (SELECT tstzrange(to_timestamp(1893456000 + :at * 3600::bigint), to_timestamp(1893459600 + :at * 3600::bigint)) AS p OFFSET 0) AS wanted;
	SQL
	script stay <<-'SQL'
		SELECT stay(tstzrange(to_timestamp(1893456000 + :at * 3600::bigint), to_timestamp(1893459600 + :at * 3600::bigint)));
	SQL
	for ((round = 0; round < ROUNDS; round++)); do
		progress "checking, round $round ..."
		for rows in "$small" "$ROWS"; do
			check_time "check.$rows" "growth_$rows" $((rows / 2)) 1
		done
		for k in 1 10 100 1000 10000; do
			check_time "overlap.$k" "growth_$small" $((-10 * k)) "$k"
			count_time "count.$k" "growth_$small" $((-10 * k)) count
			count_time "stay.$k" "growth_$small" $((-10 * k)) stay
		done
	done
	SECONDS_EACH=$seconds
	progress ''
	heading 'one check that ends in a refusal, one client' microseconds 'of the first'
	show "check.$small" "check.$small" "among $(grouped $small) bookings of other periods"
	show "check.$ROWS" "check.$small" "among $(grouped "$ROWS") bookings of other periods"
	for k in 1 10 100 1000 10000; do
		show "overlap.$k" overlap.1 "with $(grouped $k) that overlap"
	done
	for k in 1 10 100 1000 10000; do
		show "count.$k" count.1 "PL/pgSQL trigger with count(*), $(grouped $k)"
	done
	for k in 1 10 100 1000 10000; do
		show "stay.$k" stay.1 "a guarded table, and an error caught, $(grouped $k)"
	done
	say
	expect_at_most "$(ratio overlap.10000 overlap.100)" 2 'check with 10,000 that overlap / with 100'
	expect_at_most "$(median overlap.10000)" 1000 'microseconds of a check with 10,000'
	expect_at_most "$(ratio overlap.1000 count.1000)" 1 'check with 1,000 / count(*) in a trigger'
	expect_at_most "$(ratio overlap.10000 count.10000)" 1 'check with 10,000 / count(*) in a trigger'
	expect_at_most "$(ratio "check.$ROWS" "check.$small")" 1.5 "check among $(grouped "$ROWS") / among $(grouped $small)"
	say "each row that overlaps in a guarded table adds $(awk -v a="$(median stay.100)" -v b="$(median stay.10000)" 'BEGIN {printf("%.2f", (b - a) / 9900)}') microseconds, each that count(*) counts $(
		awk -v a="$(median count.100)" -v b="$(median count.10000)" 'BEGIN {printf("%.2f", (b - a) / 9900)}')"
	say
	for rows in "$small" "$ROWS"; do
		run_sql -c "DROP DATABASE growth_$rows WITH (FORCE)"
	done
}

# Loads rows in one statement, with an eye on the backend that does it.
load() {
	local table=$1 pid peak=0 now locks=0
	progress "loading $BULK rows into $table ..."
	PGAPPNAME="load" run_sql -c '\timing on' -c "
		INSERT INTO $table (resource_id, period, occupies, holder)
		SELECT first + n % 10000, p, p, 'customer'
		FROM (SELECT min(id) AS first FROM booking.resource WHERE name LIKE 'bulk %') AS r, generate_series(0, $BULK - 1) AS n,
			LATERAL (SELECT tstzrange(to_timestamp(1893456000 + n / 10000 * 3600::bigint), to_timestamp(1893459600 + n / 10000 * 3600::bigint)) AS p) AS period" \
		>"$WORK/load" 2>&1 &
	local loader=$!
	until pid=$(run_sql -c "SELECT pid FROM pg_stat_activity WHERE application_name = 'load' AND state = 'active'") && [[ -n $pid ]]; do
		kill -0 $loader 2>/dev/null || break
	done
	local before
	before=$(awk '/^RssAnon/ {print $2}' "/proc/$pid/status" 2>/dev/null || echo 0)
	while kill -0 $loader 2>/dev/null; do
		now=$(awk '/^RssAnon/ {print $2}' "/proc/$pid/status" 2>/dev/null || echo 0)
		[[ ${now:-0} -le $peak ]] || peak=$now
		hwm=$(awk '/^VmHWM/ {print $2}' "/proc/$pid/status" 2>/dev/null || echo "${hwm:-0}")
		now=$(run_sql -c "SELECT count(*) FROM pg_locks WHERE pid = ${pid:-0}")
		[[ $now -le $locks ]] || locks=$now
		sleep 0.1
	done
	wait $loader || {
		cat "$WORK/load" >&2
		FAILED=1
	}
	printf '%-32s %8.1f s %12s kB %8s bytes %12s kB %8s\n' "$table" \
		"$(sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' "$WORK/load" | awk '{print $1 / 1000}')" "$peak" \
		"$(((peak - before) * 1024 / BULK))" "${hwm:-0}" "$locks"
}

bulk() {
	run_sql -c "SELECT count(booking.create_resource('bulk ' || n, 'pooled', 5)) FROM generate_series(1, 10000) AS n" >/dev/null
	run_sql -c "SELECT pg_reload_conf()" >/dev/null
	say "$(grouped "$BULK") rows in one INSERT ... SELECT, for 10,000 pools"
	printf '%-32s %10s %15s %14s %15s %8s\n' table time 'own memory' 'of it per row' 'with buffers' locks
	load bare.booking
	load booking.booking
	say
}

case " $PARTS " in *' throughput '* | *' overselling '* | *' bulk '*) set_up_sides ;; esac
for part in $PARTS; do
	case $part in
	throughput | overselling | growth | bulk) $part ;;
	*) die "no part $part" ;;
	esac
done
exit $FAILED
