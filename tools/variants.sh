# shellcheck shell=bash
#
# variants.sh: the tests in sql/ on servers that are set up in other ways
#
#   tools/test variants [VARIANT...] [NAME...]
#
# Whatever the planner prefers, however plans and caches live, and at whichever
# isolation level is the default: every test must have the same
# answers.  A variant is a line of VARIANTS: its name, and the settings
# of its server.  Each has a server of its own, with assertions.
#
# discard-caches throws every cache away whenever that is allowed, which finds
# what is used after it has gone.  A call takes seconds then, so that it runs
# sql/basics.sql, and only when it is named; "all" names all variants.
#
# The same goes for valgrind: a server that runs under it.  TAP tests run there when they are named,
# and those that end statements after a time give them BOOKING_SLOWER times as long.  What is large in
# sql/guard_writers and sql/install is smaller: BOOKING_ROWS rows, every BOOKING_EVERY-th of all renames.
#
# The folders, and how a test is run and counted, are those of tools/test.
# shellcheck disable=SC2154

VARIANTS='
repeatable-read   default_transaction_isolation=repeatable read
serializable      default_transaction_isolation=serializable
no-seqscan        enable_seqscan=off
no-indexscan      enable_indexscan=off
no-bitmapscan     enable_bitmapscan=off
no-indexonlyscan  enable_indexonlyscan=off
only-bitmapscan   enable_seqscan=off;enable_indexscan=off;enable_indexonlyscan=off
generic-plans     plan_cache_mode=force_generic_plan
custom-plans      plan_cache_mode=force_custom_plan
parallel-on       PARALLEL=on
parallel-regress  PARALLEL=regress
parallel-cheap    parallel_setup_cost=0;parallel_tuple_cost=0;min_parallel_table_scan_size=0;min_parallel_index_scan_size=0
discard-caches    regress.discard_caches=1
'

# choose_variants WORD...: sets variants to the names that are variants, and
# rest to the others.
choose_variants() {
	local word all
	mapfile -t all < <(sed -n 's/^\([^ ]\{1,\}\) .*/\1/p' <<<"$VARIANTS")
	variants=() rest=()
	for word in "$@"; do
		if [[ $word == all ]]; then
			variants=("${all[@]}")
		elif [[ " ${all[*]} " == *" $word "* ]]; then
			variants+=("$word")
		else
			rest+=("$word")
		fi
	done
	if ((!${#variants[@]})); then
		for word in "${all[@]}"; do
			[[ $word == discard-caches ]] || variants+=("$word")
		done
	fi
}

# settings_of VARIANT: one a line.
settings_of() {
	local parallel=debug_parallel_query
	# 16 gave it another name
	((PG_MAJOR >= 16)) || parallel=force_parallel_mode
	sed -n "s/^$1 *//p" <<<"$VARIANTS" | tr ';' '\n' | sed "s/^PARALLEL=/$parallel=/"
}

# run_variants: each variant, with one line for each.
run_variants() {
	local variant settings chosen status start kept word had_passed had_failed had_troubles
	say
	title "Regression tests, in variants"
	for variant in "${variants[@]}"; do
		start=$SECONDS
		chosen=("${regress[@]}")
		[[ $variant != discard-caches ]] || chosen=(basics)
		mapfile -t settings < <(settings_of "$variant")
		server_start "$tree" "$server" fsync=off autovacuum=off "${settings[@]}"
		status=0 had_passed=$passed had_failed=$failed had_troubles=${#troubles[@]}
		run "$scratch/regress.log" ISOLATION= TAP_TESTS= REGRESS="${chosen[*]}" >/dev/null || status=$?
		count_regress "$variant: sql" "$scratch/regress.log" "$status" "${chosen[@]}"
		count_logs
		printf '%-18s %3d passed, %d failed   %4d s\n' "$variant" $((passed - had_passed)) \
			$((failed - had_failed)) $((SECONDS - start))
		for word in "${troubles[@]:had_troubles}"; do
			say "    ${word#"$variant: "}"
		done
		if ((failed > had_failed)); then
			kept=$scratch/evidence/$variant
			as_user mkdir -p "$kept"
			as_user cp -r "$src/results" "$server/log" "$kept/"
			[[ ! -s $src/regression.diffs ]] || as_user mv "$src/regression.diffs" "$kept/"
		fi
		# What one leaves behind is not to be in the way of the next.
		server_remove "$tree" "$server"
	done
}

# ---------------------------------------------------------------------------
# valgrind
# ---------------------------------------------------------------------------

# put_under_valgrind: every server that is started from the tree runs under valgrind, ours and
# those of TAP tests, with a log for each process; what initdb runs does not.
put_under_valgrind() {
	local logs=$scratch/valgrind valgrind
	as_user mkdir -p "$logs"
	valgrind="valgrind --quiet --trace-children=yes --child-silent-after-fork=no --leak-check=no"
	valgrind+=" --num-callers=40 --fullpath-after= --error-markers=REPORT-BEGIN,REPORT-END"
	valgrind+=" --suppressions=$(dirname "$PG_CONFIG")/../valgrind.supp --log-file='$logs/%p.log'"
	as_user mv "$bin/postgres" "$bin/postgres.program"
	as_user tee "$bin/postgres" >/dev/null <<<"#!/bin/sh
case \${1:-} in
-D) exec $valgrind '$bin/postgres.program' \"\$@\" ;;
*) exec '$bin/postgres.program' \"\$@\" ;;
esac"
	as_user chmod 755 "$bin/postgres"
	# What a TAP test waits for takes as many times longer.
	export BOOKING_ROWS=${BOOKING_ROWS:-3000} BOOKING_EVERY=${BOOKING_EVERY:-37}
	export BOOKING_SLOWER=30 PGCTLTIMEOUT=600 PG_TEST_TIMEOUT_DEFAULT=$((180 * 30))
	say
	say "Servers run under $(valgrind --version)"
}

# Whether valgrind has reported nothing.  A report counts whether or not a
# function of ours is on its stack: without us PostgreSQL has none.
count_valgrind() {
	local logs=$scratch/valgrind reports
	server_stop "$tree" "$server"
	reports=$(cat "$logs"/*.log | grep -c REPORT-BEGIN) || true
	if ((reports == 0)); then
		passed=$((passed + 1))
		say "valgrind has nothing to report of $(find "$logs" -name '*.log' | wc -l) processes."
		return
	fi
	title "What valgrind reports"
	cat "$logs"/*.log | head -n 300
	as_user mkdir -p "$scratch/evidence"
	as_user cp -r "$logs" "$scratch/evidence/"
	trouble 1 "valgrind: $reports reports"
}
