#!/usr/bin/env bash
#
# demo.sh: the hotel and the concert, sold in every way people do it by hand
#
#   bench/demo.sh
#
# In under a minute, on the server that PGHOST and the like name; it must have the
# extension booking to install.  It works in a database of its own and drops it.

set -euo pipefail
bench=$(cd "$(dirname "$0")" && pwd -P)
build=$bench
trap '[[ $build == "$bench" ]] || rm -rf "$build"' EXIT
[[ -w $bench ]] || build=$(mktemp -d)

make -s -C "$bench" BUILD="$build" PG_CONFIG="${PG_CONFIG:-pg_config}"

# As many customers as the server takes, up to 200.
room=$(psql -XqAt -c "SELECT current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer - 10")
clients() { echo $(($1 < room ? $1 : room)); }

# Commits take a millisecond, as they do on most disks that survive their machine.
"$build/race" hotel --clients "$(clients 200)" --time 1 --commit-delay 1 "$@"
"$build/race" concert --clients "$(clients 64)" --time 1 --commit-delay 1 "$@"
