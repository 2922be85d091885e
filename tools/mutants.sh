# shellcheck shell=bash
#
# mutants.sh: would the tests notice?
#
#   tools/test mutants [NAME...]    plant each of the faults in t/mutants/, and run its tests
#   tools/test mutants apply        only see whether each of them can be planted
#
# A line that is there for a race can be lost without a test that fails.  So each
# of these faults is planted in a copy of the sources (tools/mutate.pl says how), built, and
# run against the tests that are said to notice.  "Killed" is one with a test that fails;
# one that survives, cannot be planted or does not compile counts as failed.  Before any of
# them, the sources as they are have to pass all these tests.
#
# Two at a time (BOOKING_MUTANTS=N for another number), each with an installation and a
# server of its own.  Only what has changed is compiled, and the first test that fails is
# the last that is run.

# A test that takes longer than this many seconds has failed; a step of an isolation test
# that waits longer than twice this many is stopped.
MUTANT_LIMIT=180
MUTANT_WAIT=15

# run_test WORKER NAME: runs one test in a worker's build.
run_test() {
	local dir=$scratch/$1 name=$2 what
	if [[ -e $dir/src/sql/$name.sql ]]; then
		what=(REGRESS="$name" ISOLATION= TAP_TESTS=)
	elif [[ -e $dir/src/specs/$name.spec ]]; then
		what=(REGRESS= ISOLATION="$name" TAP_TESTS=)
	elif [[ -e $dir/src/t/$name.pl ]]; then
		what=(REGRESS= ISOLATION= PROVE_TESTS="t/$name.pl")
	else
		say "there is no test $name"
		return 1
	fi
	PGHOST=$(socket_dir "$dir/server") PGPORT=5432 PGUSER=$SUPERUSER TMPDIR=$dir/tmp \
		PG_TEST_TIMEOUT_DEFAULT=$MUTANT_WAIT \
		as_user timeout -k 10 "$MUTANT_LIMIT" make -s -C "$dir/src" \
		PG_CONFIG="$(tree_bin "$dir/tree")/pg_config" BOOKING_TEST=1 installcheck "${what[@]}" </dev/null
}

# make_worker N: a copy of what was built first, an installation, and a server.
make_worker() {
	local dir=$scratch/$1
	as_user mkdir -p "$dir/tmp"
	make_tree "$dir/tree"
	restore "$1"
	mutant_make "$1" >"$scratch/build.log" 2>&1 || {
		cat "$scratch/build.log"
		die "the build failed"
	}
	# The server finds a new library for each new session, and need not be started again.
	server_start "$dir/tree" "$dir/server" fsync=off autovacuum=off
}

# pass_all N OF TEST...: every OF-th of the tests, which the sources as they are pass.
pass_all() {
	local worker=$1 of=$2 i dir=$scratch/$1
	shift 2
	for ((i = worker; i <= $#; i += of)); do
		run_test "$worker" "${!i}" >"$dir.log" 2>&1 || {
			cat "$dir.log"
			find "$dir/src" -name regression.diffs -exec cat {} +
		} >"$dir/not-passed"
	done
}

restore() {
	as_user rm -rf "$scratch/$1/src"
	as_user cp -a "$scratch/built" "$scratch/$1/src"
}

mutant_make() {
	as_user make -s -j2 -C "$scratch/$1/src" with_llvm=no BOOKING_TEST=1 COPT=-w \
		PG_CONFIG="$(tree_bin "$scratch/$1/tree")/pg_config" install </dev/null
}

# try_mutant WORKER NAME TEST...: prints "killed" and by what, or what is wrong.
try_mutant() {
	local worker=$1 name=$2 test dir=$scratch/$1
	shift 2
	restore "$worker"
	as_user perl "$scratch/built/tools/mutate.pl" apply "$name" "$dir/src" "${lists[@]}" \
		>"$dir.log" 2>&1 || {
		echo "NOT PLANTED"
		return
	}
	mutant_make "$worker" >"$dir.log" 2>&1 || {
		echo "NOT BUILT"
		return
	}
	for test in "$@"; do
		if ! run_test "$worker" "$test" >"$dir.log" 2>&1; then
			echo "killed by $test"
			# It may have left sessions that wait, or no server at all.
			server_stop "$dir/tree" "$dir/server" immediate >/dev/null 2>&1
			server_start "$dir/tree" "$dir/server" fsync=off autovacuum=off
			return
		fi
	done
	echo "SURVIVED"
}

# work N: takes one mutant after the other until none is left.
work() {
	local worker=$1 name tests title next verdict
	while :; do
		next=$(
			exec 7>"$scratch/next.lock"
			flock 7
			n=$(<"$scratch/next")
			echo $((n + 1)) >"$scratch/next"
			echo "$n"
		)
		((next < ${#queue[@]})) || break
		IFS=$'\t' read -r name tests title <<<"${queue[next]}"
		# shellcheck disable=SC2086 # the tests are words
		verdict=$(try_mutant "$worker" "$name" $tests)
		case $verdict in
		killed*)
			echo "$name" >>"$scratch/killed"
			printf '%-24s %s%s%s\n' "$name" "$GREEN" "$verdict" "$PLAIN"
			;;
		*)
			printf '%s: %s (%s)\n' "$name" "${verdict:-ERROR}" "$title" >>"$scratch/trouble"
			{
				printf '%-24s %s%s%s: %s\n' "$name" "$RED" "${verdict:-ERROR}" "$PLAIN" "$title"
				[[ $verdict != NOT* ]] || sed 's/^/    /' "$scratch/$worker.log"
			} | cat
			;;
		esac
	done
}

# shellcheck disable=SC2317 # called by the trap
end_mutants() {
	local pidfile pid
	trap '' INT TERM
	for pid in $(jobs -p); do
		kill "$pid" 2>/dev/null || true
	done
	find "$scratch" -name postmaster.pid 2>/dev/null | while IFS= read -r pidfile; do
		as_user "$(tree_bin "$scratch/1/tree")/pg_ctl" -s -D "${pidfile%/*}" -m immediate -w stop \
			>/dev/null 2>&1 </dev/null || true
	done
	as_user rm -rf "$scratch"
}

mutants() {
	local workers=${BOOKING_MUTANTS:-2} n line name tests title failed=0 killed=0 test
	local -A asked=() needed=()
	set_up
	scratch=$(make_scratch mutants)
	trap end_mutants EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	as_user chmod 777 "$scratch"
	copy_sources "$scratch/built"
	lists=("$scratch"/built/t/mutants/*.txt)
	queue=()

	while IFS= read -r line; do
		queue+=("$line")
	done < <(perl "$scratch/built/tools/mutate.pl" list "${lists[@]}")
	((${#queue[@]})) || die "there is no mutant"
	if [[ ${1:-} == apply ]]; then
		perl "$scratch/built/tools/mutate.pl" check "$scratch/built" "${lists[@]}"
		return
	fi
	if (($#)); then
		for name in "$@"; do
			asked[$name]=no
		done
		local chosen=()
		for line in "${queue[@]}"; do
			for name in "$@"; do
				# shellcheck disable=SC2053 # a pattern is welcome
				if [[ ${line%%$'\t'*} == $name ]]; then
					asked[$name]=yes
					chosen+=("$line")
					break
				fi
			done
		done
		for name in "$@"; do
			[[ ${asked[$name]} == yes ]] || die "there is no mutant $name"
		done
		queue=("${chosen[@]}")
	fi

	title "Mutants of booking on $PG_VERSION"
	make_tree "$scratch/tree"
	as_user make -s -j"$(nproc)" -C "$scratch/built" with_llvm=no BOOKING_TEST=1 COPT=-w \
		PG_CONFIG="$(tree_bin "$scratch/tree")/pg_config" all </dev/null >"$scratch/build.log" 2>&1 || {
		cat "$scratch/build.log"
		die "the build failed"
	}
	for ((n = 1; n <= workers; n++)); do
		make_worker "$n"
	done

	# The sources as they are.
	for line in "${queue[@]}"; do
		IFS=$'\t' read -r name tests title <<<"$line"
		for test in $tests; do
			needed[$test]=yes
		done
	done
	say "First the sources as they are: ${!needed[*]}"
	for ((n = 1; n <= workers; n++)); do
		pass_all "$n" "$workers" "${!needed[@]}" &
	done
	wait
	if compgen -G "$scratch/*/not-passed" >/dev/null; then
		cat "$scratch"/*/not-passed
		die "the sources as they are do not pass"
	fi
	say

	echo 0 >"$scratch/next"
	: >"$scratch/killed"
	: >"$scratch/trouble"
	for ((n = 1; n <= workers; n++)); do
		work "$n" &
	done
	wait
	killed=$(wc -l <"$scratch/killed")
	failed=$((${#queue[@]} - killed))
	if ((failed)); then
		say
		title "What failed"
		sed 's/^/  /' "$scratch/trouble"
	fi
	say
	say "$killed passed, $failed failed"
	((failed == 0))
}
