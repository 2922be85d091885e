# shellcheck shell=bash
#
# matrix.sh: tools/test on the PostgreSQL versions of other Debian suites
#
#   tools/test matrix [MAJOR...] [--if-possible MAJOR...]
#
# Without a version, all that the suites below carry beside this machine's own.
# After --if-possible, a suite that cannot be installed is said and skipped: sid
# is at times in pieces, which is no fault of ours.
#
# A suite is installed by debootstrap into a folder outside the work tree, and
# tools/test runs inside, as on any bare machine.  The folder is kept, which
# makes the next run fast, and made anew when it is a week old or broken.  What
# is mounted for a run lives in a mount namespace of the run's own: however it
# ends, the kernel takes the mounts and the processes away with it.

SYSTEMS=/var/tmp/booking-matrix-$EUID

# The suite that carries a version of PostgreSQL.
suite_of() {
	case $1 in
	15) echo bookworm ;;
	17) echo trixie ;;
	18) echo sid ;;
	19) echo experimental ;;
	*) die "no Debian suite is known to carry PostgreSQL $1" ;;
	esac
}

# experimental is no system of its own: some packages, to be put on top of sid.
base_of() { if [[ $1 == experimental ]]; then echo sid; else echo "$1"; fi; }

# Prints the archives that this machine's apt is set up with, Debian's own
# first: that is the one with a suite of this machine's name.
archives() {
	local here
	# shellcheck source=/dev/null
	here=$(. /etc/os-release && echo "${VERSION_CODENAME:-sid}")
	# shellcheck disable=SC2016 # apt-get fills in the names
	apt-get indextargets --format '$(RELEASE) $(REPO_URI)' |
		awk -v here="$here" '
			!seen[$0]++ { if ($1 == here) print $2; else rest[++n] = $2 }
			END { for (i = 1; i <= n; i++) print rest[i] }' | awk '!seen[$0]++'
}

# mirror_of SUITE: the first of these that has the suite.
mirror_of() {
	local uri release
	release=$(mktemp)
	for uri in $(archives); do
		if /usr/lib/apt/apt-helper -o APT::Sandbox::User=root \
			download-file "${uri%/}/dists/$1/Release" "$release" >/dev/null 2>&1; then
			rm -f "$release"
			printf '%s\n' "${uri%/}"
			return
		fi
	done
	rm -f "$release"
	return 1
}

# inside ROOT COMMAND...: runs a command as root of the system in ROOT, in
# namespaces of its own, with nothing of our environment.
inside() {
	local root=$1
	shift
	# shellcheck disable=SC2016 # the inner shell has arguments of its own
	unshare --mount --propagation private --pid --fork --kill-child sh -ec '
		root=$1
		shift
		mount -t proc proc "$root/proc"
		mkdir -p "$root/dev/shm"
		mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
		exec chroot "$root" "$@"' sh "$root" \
		env -i HOME=/root LC_ALL=C.UTF-8 TERM="${TERM:-dumb}" \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		${http_proxy:+http_proxy="$http_proxy"} \
		${BOOKING_TEST_LIMIT:+BOOKING_TEST_LIMIT="$BOOKING_TEST_LIMIT"} \
		BOOKING_LIBRARIES="${BOOKING_LIBRARIES:-none}" \
		"$@" </dev/null
}

# bootstrap MAJOR SUITE ROOT: installs the suite.  Fails without a fuss.
bootstrap() {
	local major=$1 suite=$2 root=$3 base mirror include=() log=$3.log
	base=$(base_of "$suite")
	rm -rf --one-file-system "$root"
	mirror=$(mirror_of "$suite") || {
		say "No archive that apt knows here has the suite $suite."
		return 1
	}
	[[ $mirror != https:* ]] || include=(--include=ca-certificates)
	unshare --mount --propagation private \
		debootstrap --variant=minbase "${include[@]}" "$base" "$root" "$mirror" \
		>"$log" 2>&1 </dev/null || {
		say "debootstrap could not install $suite:"
		tail -n 5 "$log"
		return 1
	}
	# Snapshots and mirrors may be older than sid's lists care to be.
	cat >"$root/etc/apt/apt.conf.d/90booking" <<-'END'
		Acquire::Check-Valid-Until "false";
		Acquire::Retries "3";
	END
	# A system that can be made again needs no fsync and no manuals.
	cat >"$root/etc/dpkg/dpkg.cfg.d/booking" <<-'END'
		force-unsafe-io
		path-exclude=/usr/share/doc/*
		path-exclude=/usr/share/man/*
	END
	# Packages start no services here.
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
	[[ $base == "$suite" ]] || install_on_top "$major" "$suite" "$root" "$mirror"
}

# install_on_top MAJOR SUITE ROOT MIRROR: has the server and what is built with it come from
# the suite, and nothing else.  What else the tests need is added to it as to any other.
install_on_top() {
	local major=$1 suite=$2 root=$3
	printf 'deb %s %s main\n' "$4" "$suite" >"$root/etc/apt/sources.list.d/booking.list"
	cat >"$root/etc/apt/preferences.d/booking" <<-END
		Package: src:postgresql-$major
		Pin: release a=$suite
		Pin-Priority: 900
	END
	{
		inside "$root" apt-get -qq update &&
			inside "$root" apt-get -qq -y --no-install-recommends install "postgresql-$major"
	} >"$root.log" 2>&1 || {
		say "PostgreSQL $major could not be installed from $suite:"
		tail -n 5 "$root.log"
		return 1
	}
}

# system_works ROOT SOURCE: whether the system is complete, young and has, after
# installing what is missing, all that the tests need.
system_works() {
	[[ -e $1/booking-made && -z $(find "$1/booking-made" -mtime +7) ]] &&
		inside "$1" "/$2/tools/test" setup
}

# place ROOT: copies the work tree into the system; prints where it is.
place() {
	local dir
	mkdir -p "$1"
	dir=$(mktemp -d "$1/booking.XXXXXX")
	chmod 755 "$dir"
	list_sources | { tar -C "$CHECKOUT" --no-recursion --null -T - -cf - ||
		[[ $? -eq 1 ]]; } | tar -C "$dir" --no-same-owner -xf -
	printf '%s\n' "${dir##*/}"
}

# Ends and removes what an interrupted run leaves.  Processes in a namespace go
# with the one that made it.
runner='' placed=''
# shellcheck disable=SC2317 # called by the trap
leave() {
	[[ -z $runner ]] || kill -KILL -- "-$runner" 2>/dev/null || true
	[[ -z $placed ]] || rm -rf --one-file-system "$placed" "$placed.log"
}

# test_in MAJOR: prepares the system and runs the tests there.  Their last line
# is left in the variable totals, and is empty when there is no such system.
test_in() {
	local major=$1 suite root source log
	suite=$(suite_of "$major")
	root=$SYSTEMS/$major
	totals=

	# One at a time prepares a system; any number use it.
	exec 7>"$root.lock"
	flock 7
	title "PostgreSQL $major, in a Debian $suite of its own"
	source=
	if [[ -e $root/booking-made ]]; then
		source=$(place "$root")
	fi
	if [[ -z $source ]] || ! system_works "$root" "$source"; then
		say "Installing Debian $suite in $root"
		bootstrap "$major" "$suite" "$root" || return 0
		touch "$root/booking-made"
		source=$(place "$root")
		system_works "$root" "$source" || {
			rm -f "$root/booking-made"
			return 0
		}
	fi
	flock -s 7

	placed=$root/$source
	log=$placed.log
	set -m
	(inside "$root" "/$source/tools/test" 2>&1 | tee "$log") 7<&- &
	runner=$!
	set +m
	wait "$runner" || true
	runner=
	totals=$(tail -n 1 "$log" | grep -E '^[0-9]+ passed, [0-9]+ failed$') || totals='0 passed, 1 failed'
	rm -rf --one-file-system "$SYSTEMS/failed-$major"
	if [[ -d $placed/.pg/failed ]]; then
		mv "$placed/.pg/failed" "$SYSTEMS/failed-$major"
		say "(for this machine: $SYSTEMS/failed-$major)"
	fi
	leave
	placed=
	exec 7>&-
}

# matrix [MAJOR...] [--if-possible MAJOR...]
matrix() {
	local arguments=("$@") majors=() optional='' major word passed=0 failed=0 summary=() totals
	while (($#)); do
		if [[ $1 == --if-possible ]]; then
			optional=:
		else
			suite_of "$1" >/dev/null
			majors+=("$optional$1")
		fi
		shift
	done
	((${#majors[@]})) || majors=(17 18)
	if [[ $EUID -ne 0 ]]; then
		# debootstrap and chroot are root's.
		exec sudo -- "$CHECKOUT/tools/test" matrix "${arguments[@]}"
	fi
	forget_environment
	need_apt debootstrap
	if ! command -v debootstrap >/dev/null; then
		say "Installing from Debian's packages: debootstrap"
		apt_get update
		apt_get install debootstrap
	fi
	[[ -n $(archives) ]] || apt_get update
	eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
	[[ -z ${http_proxy:-} ]] || export http_proxy

	[[ -d $SYSTEMS ]] || mkdir -m 755 "$SYSTEMS"
	[[ ! -L $SYSTEMS && -O $SYSTEMS ]] || die "$SYSTEMS belongs to another account"
	trap leave EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP

	for word in "${majors[@]}"; do
		major=${word#:}
		test_in "$major"
		say
		if [[ -n $totals ]]; then
			summary+=("PostgreSQL $major: $totals")
			passed=$((passed + ${totals%% *}))
			word=${totals#*, }
			failed=$((failed + ${word%% *}))
		elif [[ $word == :* ]]; then
			summary+=("PostgreSQL $major: not tested, Debian $(suite_of "$major") cannot be installed here now")
			optional=skipped
		else
			summary+=("PostgreSQL $major: not tested, Debian $(suite_of "$major") cannot be installed here")
			failed=$((failed + 1))
		fi
	done
	printf '%s\n' "${summary[@]}" ''
	say "$passed passed, $failed failed"
	((failed == 0)) && { ((passed > 0)) || [[ $optional == skipped ]]; }
}
