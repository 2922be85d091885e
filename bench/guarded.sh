#!/usr/bin/env bash
#
# bench/guarded.sh: what guard_table() costs on a table of an application, against what people do by hand
#
#   tools/server start bench; eval "$(tools/server env bench)"; bench/guarded.sh [SECONDS [CLIENTS]]
#
# One bus with 3 seats, hours drawn at random from five years, as many clients as asked for.
# Each way runs twice: with commits made to take 1 ms, and without.  Oversold is
# counted afterwards, in plain SQL.

set -euo pipefail
seconds=${1:-5}
clients=${2:-64}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

sql() { psql -XqAt -v ON_ERROR_STOP=1 "$@"; }

sql -c 'SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS booking CASCADE'

cat >"$scratch/insert.sql" <<'SQL'
\set from random(0, 157680000)
INSERT INTO bench_trip (bus, during) SELECT 1, tstzrange(t, t + interval '1 hour')
FROM (SELECT timestamptz '2030-01-01' + :from * interval '1 second' AS t) x;
SQL
# The same, where the rule is a trigger that raises: the refusal is swallowed.
cat >"$scratch/refusable.sql" <<'SQL'
\set from random(0, 157680000)
SELECT bench_try(timestamptz '2030-01-01' + :from * interval '1 second');
SQL

prepare() {
	sql <<'SQL'
SET client_min_messages = warning;
DROP TABLE IF EXISTS bench_trip CASCADE;
CREATE TABLE bench_trip (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, bus int, during tstzrange);
CREATE INDEX bench_trip_during ON bench_trip USING gist (bus, during);
CREATE OR REPLACE FUNCTION bench_try(t timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO bench_trip (bus, during) VALUES (1, tstzrange(t, t + interval '1 hour'));
EXCEPTION WHEN exclusion_violation THEN NULL;
END $$;
CREATE OR REPLACE FUNCTION bench_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_NARGS > 0 THEN
		PERFORM pg_advisory_xact_lock(NEW.bus);
	END IF;
	IF (SELECT count(*) FROM bench_trip WHERE bus = NEW.bus AND during && NEW.during) >= 3 THEN
		RAISE exclusion_violation;
	END IF;
	RETURN NEW;
END $$;
SQL
}

oversold() {
	sql <<'SQL'
SELECT count(*) FROM bench_trip a WHERE (SELECT count(*) FROM bench_trip b
	WHERE b.bus = a.bus AND b.during @> lower(a.during) AND b.during && a.during) > 3
SQL
}

printf '%-44s %12s %12s %10s\n' "$clients clients, $seconds s" '1 ms commits' 'no delay' 'oversold'
run() {
	local name=$1 script=$2 setup=$3 rate rates=() bad=0
	for delay in 1000 0; do
		prepare
		sql -c "SET client_min_messages = warning" -c "$setup" >/dev/null
		rate=$(PGOPTIONS="-c commit_delay=$delay -c commit_siblings=0" pgbench -n -M prepared -c "$clients" -j 2 -T "$seconds" \
			-f "$scratch/$script.sql" 2>/dev/null | sed -n 's/^tps = \([0-9]*\).*/\1/p')
		rates+=("${rate:-0}")
		[[ $name == bare* ]] || bad=$((bad + $(oversold)))
	done
	printf '%-44s %12s %12s %10s\n' "$name" "${rates[@]}" "$([[ $name == bare* ]] && echo '-' || echo "$bad")"
}

run 'bare INSERT' insert 'SELECT 1'
run 'bare INSERT that could be refused' refusable 'SELECT 1'
run 'guard_table(), capacity 3' refusable "SELECT booking.guard_table('bench_trip', '{bus}', '{during}', 3)"
run 'plpgsql trigger with count(*)' refusable 'CREATE TRIGGER c BEFORE INSERT ON bench_trip FOR EACH ROW EXECUTE FUNCTION bench_count()'
run 'the same under a lock held to commit' refusable "CREATE TRIGGER c BEFORE INSERT ON bench_trip FOR EACH ROW EXECUTE FUNCTION bench_count('lock')"
sql -c 'SET client_min_messages = warning; DROP TABLE bench_trip CASCADE; DROP FUNCTION bench_try, bench_count'
