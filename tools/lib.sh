# shellcheck shell=bash
#
# lib.sh: what tools/server, tools/demo and tools/test have in common.
#
# Source it, then call set_up.  From there on these are known:
#
#   CHECKOUT     this work tree
#   RUN_USER     the account that builds, and that PostgreSQL runs as
#   STATE        where everything that the tools keep lives, owned by RUN_USER
#   PG_CONFIG    the pg_config of the PostgreSQL that is used
#   PG_MAJOR     its major version
#
# Two facts shape this file.
#
# PostgreSQL refuses to run as root, and a checkout may be root's.  Whichever account
# starts a tool, the work is done by as_user: the caller itself, or an
# unprivileged account when the caller is root.  That account need not be able
# to read the checkout; the sources are handed to it through a pipe.
#
# "make install" writes into the one installation of PostgreSQL that all users
# of the machine share.  So nothing is installed there.  PostgreSQL finds its
# directories relative to its own executable, and a copy of its programs in a
# tree of the same shape is an installation of its own: make_tree builds one,
# programs copied and all else linked, in a tenth of a second.  Several
# checkouts, and several runs in one checkout, never meet.

set -euo pipefail
umask 022

CHECKOUT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

# The versions of PostgreSQL that are looked for: those that the extension
# supports, and the next.
OLDEST_MAJOR=15
NEWEST_MAJOR=19

# The superuser of every private server.  Not "booking": the schema of that
# name would then stand on its search_path.
SUPERUSER=postgres

# ---------------------------------------------------------------------------
# Words
# ---------------------------------------------------------------------------

# shellcheck disable=SC2034 # each tool uses some of them
BOLD='' DIM='' RED='' GREEN='' PLAIN=''
if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
	# shellcheck disable=SC2034
	BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' GREEN=$'\e[32m' PLAIN=$'\e[0m'
fi

say() { printf '%s\n' "$*"; }
title() { printf '%s%s%s\n' "$BOLD" "$*" "$PLAIN"; }
warn() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
	warn "$@"
	exit 1
}

# Prints the comment on top of the calling script as its manual.
usage() { sed -n '3,/^$/{s/^# \{0,1\}//p;}' "$0"; }

# ---------------------------------------------------------------------------
# The account that does the work
# ---------------------------------------------------------------------------

RUN_USER=
STATE=

# Sets RUN_USER.  Root borrows the account that Debian's packages made for
# PostgreSQL, or makes one where PostgreSQL came from elsewhere.
choose_user() {
	if [[ $EUID -ne 0 ]]; then
		RUN_USER=$(id -un)
	elif id postgres >/dev/null 2>&1; then
		RUN_USER=postgres
	else
		RUN_USER=booking-tools
		id "$RUN_USER" >/dev/null 2>&1 ||
			useradd --system --user-group --no-create-home \
				--home-dir /nonexistent --shell /usr/sbin/nologin "$RUN_USER"
	fi
}

# Runs a command as RUN_USER.  setpriv replaces itself by the command, so that
# a signal sent to it arrives.
as_user() {
	if [[ $EUID -ne 0 ]]; then
		"$@"
	else
		setpriv --reuid="$RUN_USER" --regid="$(id -g "$RUN_USER")" --init-groups \
			env HOME="${STATE:-/}" USER="$RUN_USER" LOGNAME="$RUN_USER" "$@"
	fi
}

# Runs a command as root.
as_root() {
	if [[ $EUID -eq 0 ]]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "this needs root, and there is no sudo: $*"
	fi
}

# A directory for temporary files that RUN_USER can use, and whose name leaves
# room for that of a socket.
temp_root() {
	local dir=${TMPDIR:-/tmp}
	{ ((${#dir} <= 40)) && as_user test -d "$dir" -a -w "$dir" -a -x "$dir"; } || dir=/tmp
	printf '%s\n' "$dir"
}

# Makes an empty directory that RUN_USER owns, and prints its name.
make_scratch() {
	as_user mktemp -d "$(temp_root)/booking-$1.XXXXXX"
}

# Sets STATE: the checkout's own .pg/, or a folder under the temporary
# directory when RUN_USER cannot get there.
choose_state() {
	local dir=$CHECKOUT/.pg
	if [[ ! -e $dir ]] && mkdir -m 700 "$dir" 2>/dev/null; then
		if [[ $EUID -eq 0 ]]; then
			chown "$RUN_USER:" "$dir"
		fi
		as_user test -w "$dir" -a -x "$dir" || rmdir "$dir"
	fi
	if ! as_user test -w "$dir" -a -x "$dir"; then
		dir=$(temp_root)/booking-$RUN_USER-$(cksum <<<"$CHECKOUT" | cut -d' ' -f1)
		# Every account can write there: take only a folder that is ours.
		as_user mkdir -m 700 "$dir" 2>/dev/null ||
			[[ ! -L $dir && -d $dir && $(stat -c %U "$dir") == "$RUN_USER" ]] ||
			die "$dir exists and belongs to another account"
	fi
	STATE=$dir
}

# ---------------------------------------------------------------------------
# What must be installed
# ---------------------------------------------------------------------------

# Beside the programs of a tree that we made: the pg_config it was made from.
ORIGIN=.made-from

# lacking PG_CONFIG: prints what its PostgreSQL lacks of all that it takes to
# build the extension, to run it and to test it.  Debian spreads this over three
# packages, or four, and not in the same way in each release: that one thing is
# there says nothing of the others.
lacking() {
	local bin pgxs extensions headers program path
	if ! bin=$("$1" --bindir 2>/dev/null) || ! pgxs=$("$1" --pgxs 2>/dev/null) ||
		! headers=$("$1" --includedir-server 2>/dev/null) ||
		! extensions=$("$1" --sharedir 2>/dev/null)/extension; then
		say pg_config
		return
	fi
	for program in postgres initdb pg_ctl psql pgbench pg_dump; do
		[[ -x $bin/$program ]] || say "$program"
	done
	for path in "$headers/postgres.h" "$pgxs" "$extensions/btree_gist.control"; do
		[[ -e $path ]] || say "${path##*/}"
	done
	for path in regress/pg_regress isolation/pg_isolation_regress isolation/isolationtester \
		perl/PostgreSQL/Test/Cluster.pm; do
		[[ -e $(dirname "$pgxs")/../test/$path ]] || say "${path##*/}"
	done
}

# Whether a pg_config belongs to a PostgreSQL that lacks nothing.
usable() { [[ -x $1 && -z $(lacking "$1") ]]; }

major_of() {
	local version
	version=$("$1" --version) && version=${version#* } && printf '%s\n' "${version%%[!0-9]*}"
}

# What Debian's packages call the pg_config of a major version.
debian_pg_config() { printf '/usr/lib/postgresql/%s/bin/pg_config\n' "$1"; }

# The major version that a pg_config of Debian's belongs to, also when it is
# the one in /usr/bin, which speaks for whichever version it finds.
major_in_debian() {
	local bin
	bin=$("$1" --bindir 2>/dev/null) || bin=${1%/*}
	[[ $bin =~ ^/usr/lib/postgresql/([0-9]+)/bin$ ]] && printf '%s\n' "${BASH_REMATCH[1]}"
}

# Sets PG_CONFIG, if the caller has not, to the newest PostgreSQL that is
# complete and supported.
find_postgres() {
	local major candidate
	if [[ -n ${PG_CONFIG:-} ]]; then
		usable "$PG_CONFIG"
		return
	fi
	for ((major = NEWEST_MAJOR; major >= OLDEST_MAJOR; major--)); do
		candidate=$(debian_pg_config "$major")
		if usable "$candidate"; then
			PG_CONFIG=$candidate
			return 0
		fi
	done
	if candidate=$(command -v pg_config) && usable "$candidate" &&
		major=$(major_of "$candidate") &&
		((major >= OLDEST_MAJOR && major <= NEWEST_MAJOR)); then
		PG_CONFIG=$candidate
		return 0
	fi
	return 1
}

# Makes a PG_CONFIG that the caller has set the name of a file.
resolve_pg_config() {
	local origin
	[[ -n ${PG_CONFIG:-} ]] || return 0
	[[ $PG_CONFIG == */* ]] || PG_CONFIG=$(command -v "$PG_CONFIG") ||
		die "there is no program $PG_CONFIG"
	# From "tools/server env" it names a tree of ours: take what that is of.
	origin=$("$PG_CONFIG" --bindir 2>/dev/null)/$ORIGIN
	[[ ! -e $origin ]] || PG_CONFIG=$(<"$origin")
}

# Whether apt knows of a package that can be installed.  Not through a pipe: grep would end
# before apt-cache has written all, which would then fail with SIGPIPE (pipefail).
apt_has() {
	[[ $(LC_ALL=C apt-cache policy "$1" 2>/dev/null) == *$'\n  Candidate: '[0-9]* ]]
}

# The version to install or to complete: what the caller asked for, or that of
# which the server is here already, or else what this Debian carries.
major_to_install() {
	local major
	if [[ -n ${PG_CONFIG:-} ]]; then
		major_in_debian "$PG_CONFIG"
		return
	fi
	for ((major = NEWEST_MAJOR; major >= OLDEST_MAJOR; major--)); do
		if [[ -x /usr/lib/postgresql/$major/bin/postgres ]] && apt_has "postgresql-server-dev-$major"; then
			printf '%s\n' "$major"
			return
		fi
	done
	apt-cache depends postgresql 2>/dev/null |
		sed -n 's/^ *Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1
}

# Runs apt-get, silent unless it fails.
apt_get() {
	local output
	output=$(as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
		apt-get -qq -y --no-install-recommends -o DPkg::Lock::Timeout=600 \
		-o Dpkg::Use-Pty=0 "$@" 2>&1 </dev/null) && return
	printf '%s\n' "$output" >&2
	die "apt-get $* failed"
}

# Installs what is missing to build, run and test, and says what that is.
install_missing() {
	local missing=() major=
	resolve_pg_config
	command -v gcc >/dev/null || missing+=(gcc)
	command -v make >/dev/null || missing+=(make)
	[[ -e /usr/include/stdio.h ]] || missing+=(libc6-dev)
	{ command -v prove && perl -MTest::More -MTime::HiRes -e 1; } >/dev/null 2>&1 || missing+=(perl)
	perl -MIPC::Run -e 1 2>/dev/null || missing+=(libipc-run-perl)
	if find_postgres; then
		((${#missing[@]})) || return 0
		need_apt "${missing[@]}"
		apt_get update
	else
		# Only Debian's own can be completed by Debian's packages.
		[[ -z ${PG_CONFIG:-} ]] || major_in_debian "$PG_CONFIG" >/dev/null ||
			die "PG_CONFIG=$PG_CONFIG: its PostgreSQL lacks $(lacking "$PG_CONFIG" | paste -sd ' ')"
		need_apt "${missing[@]}" postgresql postgresql-server-dev
		apt_get update
		major=$(major_to_install)
		[[ -n $major ]] || die "Debian's package lists name no PostgreSQL"
		# All of them: what is there already may be of another minor version.
		missing+=("postgresql-$major" "postgresql-client-$major" "postgresql-server-dev-$major")
		! apt_has "postgresql-contrib-$major" || missing+=("postgresql-contrib-$major")
	fi
	say "Installing from Debian's packages: ${missing[*]}"
	without_main_cluster apt_get install "${missing[@]}"
	find_postgres || die "PostgreSQL is still not complete after installing ${missing[*]}${major:+; it lacks $(
		lacking "$(debian_pg_config "$major")" | paste -sd ' ')}"
}

# A parser of calendars and an implementation of recurrence rules that are not ours, for t/052_ical.pl
# and t/062_series.pl, which can do without: what makes it impossible to have them is said, and
# nothing else.
install_calendar_parser() {
	local python module missing=''
	for module in icalendar dateutil; do
		for python in /usr/bin/python3 python3; do
			! "$python" -c "import $module" 2>/dev/null || continue 2
		done
		missing+=" python3-$module"
	done
	[[ -n $missing ]] || return 0
	# shellcheck disable=SC2086 # several words
	if ! command -v apt-get >/dev/null || ! (apt_has python3-dateutil || apt_get update) 2>/dev/null ||
		! (apt_get install $missing) >/dev/null 2>&1; then
		warn "not to be had:$missing; some tests of ical() and of series are skipped"
	fi
}

need_apt() {
	command -v apt-get >/dev/null ||
		die "this is no Debian; please install yourself: $*"
}

# Debian's packages create and start a server for the whole machine, which is not
# wanted here: runs a command with this switched off.
without_main_cluster() {
	local conf=/etc/postgresql-common/createcluster.d/booking-tools.conf
	as_root mkdir -p "${conf%/*}"
	as_root tee "$conf" >/dev/null <<<'create_main_cluster = false'
	# In a subshell, so that the file goes away when apt fails and ends it.
	local status=0
	("$@") || status=$?
	as_root rm -f "$conf"
	((status == 0)) || exit "$status"
}

# ---------------------------------------------------------------------------
# Setting up
# ---------------------------------------------------------------------------

# A caller's settings for psql, make or its language must not change what a
# tool does.  PG_CONFIG and what steers tests (PG_TEST_...) is meant for us.
forget_environment() {
	local name
	for name in ${!PG@}; do
		[[ $name == PG_CONFIG || $name == PG_TEST_* ]] || unset "$name"
	done
	unset CDPATH LANGUAGE MAKEFLAGS MAKELEVEL MFLAGS
	# PostgreSQL's tests take LC_ALL away, and make their databases as LANG says.
	export LANG=C.UTF-8 LC_ALL=C.UTF-8 PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
}

set_up() {
	forget_environment
	install_missing
	PG_MAJOR=$(major_of "$PG_CONFIG")
	PG_VERSION=$("$PG_CONFIG" --version)
	PG_VERSION=${PG_VERSION%% (*}
	export PG_CONFIG PG_MAJOR PG_VERSION
	choose_user
	choose_state
	# Where RUN_USER may not be, PostgreSQL's programs complain.
	cd "$STATE"
}

# ---------------------------------------------------------------------------
# A PostgreSQL of our own
# ---------------------------------------------------------------------------

# Links whatever is in directory $1 into directory $2, except what is there.
link_rest() {
	local entry
	for entry in "$1"/*; do
		[[ -e $2/${entry##*/} ]] || as_user ln -s "$entry" "$2/${entry##*/}"
	done
}

# make_tree ROOT: builds an installation of PostgreSQL under ROOT, of the same
# shape as the one that PG_CONFIG names.  What an extension installs goes into
# real directories; what was there before is linked.
make_tree() {
	local root=$1 kind dir
	declare -A is
	for kind in bindir pkglibdir sharedir includedir-server includedir libdir \
		localedir sysconfdir docdir; do
		is[$kind]=$("$PG_CONFIG" "--$kind")
	done
	as_user mkdir -p "$root${is[docdir]}"
	# The programs are copied: they look where they are, not where a link is.
	as_user mkdir -p "$root${is[bindir]}"
	as_user cp -rL "${is[bindir]}/." "$root${is[bindir]}/"
	as_user tee "$root${is[bindir]}/$ORIGIN" >/dev/null <<<"$PG_CONFIG"
	for kind in pkglibdir sharedir includedir-server; do
		dir=${is[$kind]}
		as_user mkdir -p "$root$dir"
		as_user cp -rsn "$dir/." "$root$dir/"
	done
	for kind in includedir libdir localedir sysconfdir; do
		dir=${is[$kind]}
		if [[ -d $root$dir ]]; then
			link_rest "$dir" "$root$dir"
		elif [[ -d $dir ]]; then
			as_user mkdir -p "$(dirname "$root$dir")"
			as_user ln -s "$dir" "$root$dir"
		fi
	done
	# A booking that is installed on the machine is not the one we run.
	as_user find "$root${is[pkglibdir]}" "$root${is[sharedir]}/extension" -maxdepth 2 \
		\( -name 'booking.*' -o -name 'booking--*' \) -type l -delete
	as_user rm -rf "$root${is[pkglibdir]}/bitcode/booking"
}

# tree_bin ROOT: where the programs of such an installation are.
tree_bin() { printf '%s%s\n' "$1" "$("$PG_CONFIG" --bindir)"; }

# What a tree was made from: when this changes, it is made anew.
tree_stamp() {
	local dirs
	dirs=("$("$PG_CONFIG" --bindir)" "$("$PG_CONFIG" --pkglibdir)" "$("$PG_CONFIG" --sharedir)/extension"
		"$("$PG_CONFIG" --includedir-server)" "$("$PG_CONFIG" --pgxs)")
	"$PG_CONFIG" --version
	stat -L -c '%n %Y %i' "$PG_CONFIG" "${dirs[@]}" "${dirs[0]}/postgres"
}

# ---------------------------------------------------------------------------
# Building
# ---------------------------------------------------------------------------

# Lists the files of the work tree, tracked or not, but neither the ignored ones
# nor what a compiler made; NUL after each.
list_sources() {
	local git=(git -c safe.directory='*' -C "$CHECKOUT") file
	if [[ $("${git[@]}" rev-parse --show-toplevel 2>/dev/null) == "$CHECKOUT" ]]; then
		"${git[@]}" ls-files -z --cached --others --exclude-standard --deduplicate
	else
		(cd "$CHECKOUT" && find . \( -name .git -o -path ./.pg -o -name results \
			-o -name output_iso -o -name tmp_check -o -name node_modules \) -prune -o -type f -printf '%P\0')
	fi | while IFS= read -r -d '' file; do
		case $file in
		*.o | *.bc | *.so) ;;
		# A file that was deleted and not yet committed is still listed.
		*) [[ ! -f $CHECKOUT/$file ]] || printf '%s\0' "$file" ;;
		esac
	done | sort -z
}

# copy_sources DIR: makes DIR a copy of the work tree that RUN_USER owns.
# Files keep their times, so that make there does only what is needed.
copy_sources() {
	local dir=$1 list=$1/.sources
	as_user mkdir -p "$dir"
	list_sources | as_user tee "$list.new" >/dev/null
	if [[ -e $list ]]; then
		comm -z -23 "$list" "$list.new" | (cd "$dir" && as_user xargs -0r rm -f --)
	fi
	# tar's exit status 1 is for a file that changed while it was read.
	{ tar -C "$CHECKOUT" --no-recursion --null -T "$list.new" -cf - 2>/dev/null ||
		[[ $? -eq 1 ]]; } | as_user tar -C "$dir" -xf -
	as_user mv "$list.new" "$list"
}

# build DIR TREE [make's arguments...]: builds the copy in DIR and installs it
# into TREE.
build() {
	local dir=$1 tree=$2 flags
	shift 2
	# PGXS knows nothing of headers and flags: start over when they change.
	flags=$(cd "$dir" && { printf '%s\n' "$tree" "$@" &&
		find . \( -name '*.h' -o -name Makefile \) -print0 | sort -z | xargs -0 cat; } | cksum)
	if [[ -e $dir/.flags && $(<"$dir/.flags") != "$flags" ]]; then
		as_user make -s -C "$dir" PG_CONFIG="$(tree_bin "$tree")/pg_config" clean
	fi
	as_user tee "$dir/.flags" >/dev/null <<<"$flags"
	as_user make -s -j"$(nproc)" -C "$dir" PG_CONFIG="$(tree_bin "$tree")/pg_config" "$@" install
}

# The installation and the build that tools/server and tools/demo share, kept
# in STATE so that the second time takes no time.  Prints nothing but errors.
TREE=
install_here() {
	local base=$STATE/$PG_MAJOR stamp output
	TREE=$base/tree
	as_user mkdir -p "$base"
	exec 9<"$base"
	flock 9
	stamp=$(tree_stamp)
	if [[ ! -e $base/stamp || $(<"$base/stamp") != "$stamp" ]]; then
		as_user rm -rf "$base/tree.new" "$base/build"
		make_tree "$base/tree.new"
		as_user rm -rf "$TREE"
		as_user mv "$base/tree.new" "$TREE"
		as_user tee "$base/stamp" >/dev/null <<<"$stamp"
	fi
	copy_sources "$base/build"
	# The bitcode for JIT doubles the time and changes no answer.
	output=$(build "$base/build" "$TREE" with_llvm=no 2>&1) || {
		printf '%s\n' "$output" >&2
		die "the build failed"
	}
	exec 9<&-
}

# ---------------------------------------------------------------------------
# Servers
#
# A server is a folder: data/, settings.conf, log, and its socket.  It listens
# on no network port; the number 5432 only names the socket.  An account that may
# enter the folder (RUN_USER, and root) is let in as SUPERUSER.
# ---------------------------------------------------------------------------

# socket_dir DIR: where the server in DIR has its socket.  The path of a Unix
# socket may have some hundred bytes at most; from a deep checkout it moves
# to a short folder of its own.
socket_dir() {
	local dir=$1
	if ((${#dir} > 85)); then
		if [[ ! -e $1/socket_dir ]] || ! as_user test -O "$(<"$1/socket_dir")"; then
			as_user mktemp -d /tmp/booking-XXXXXX | as_user tee "$1/socket_dir" >/dev/null
		fi
		dir=$(<"$1/socket_dir")
	fi
	printf '%s\n' "$dir"
}

server_running() {
	as_user "$(tree_bin "$1")/pg_ctl" -D "$2/data" status >/dev/null 2>&1
}

# server_start TREE DIR [setting=value...]: has the server in DIR run with
# exactly these settings on top of our own; under the command BOOKING_UNDER, if
# that is set.
server_start() {
	local tree=$1 dir=$2 bin settings setting value under=()
	shift 2
	bin=$(tree_bin "$tree")
	as_user mkdir -p -m 700 "$dir"
	if [[ ! -e $dir/data/PG_VERSION ]]; then
		as_user rm -rf "$dir/data"
		as_user "$bin/initdb" -D "$dir/data" -U "$SUPERUSER" -A trust -E UTF8 \
			--no-locale --no-sync --no-instructions >/dev/null ||
			die "initdb failed"
		as_user tee -a "$dir/data/postgresql.conf" >/dev/null <<<"include '../settings.conf'"
	fi
	settings="listen_addresses = ''
port = 5432
unix_socket_directories = '$(socket_dir "$dir")'
timezone = 'UTC'
log_timezone = 'UTC'"
	for setting in "$@"; do
		[[ $setting == [a-zA-Z_]*=* ]] || die "not a setting=value: $setting"
		value=${setting#*=}
		settings+=$'\n'"${setting%%=*} = '${value//\'/\'\'}'"
	done
	if [[ -n ${BOOKING_UNDER:-} ]]; then
		settings+=$'\n'"# under $BOOKING_UNDER"
		as_user tee "$dir/postgres" >/dev/null <<<"#!/bin/sh
exec $BOOKING_UNDER '$bin/postgres' \"\$@\""
		as_user chmod 755 "$dir/postgres"
		under=(-p "$dir/postgres")
	fi
	if server_running "$tree" "$dir"; then
		[[ $(<"$dir/settings.conf") != "$settings" ]] || return 0
		server_stop "$tree" "$dir"
	fi
	as_user tee "$dir/settings.conf" >/dev/null <<<"$settings"
	as_user "$bin/pg_ctl" -s -w -t 120 "${under[@]}" -D "$dir/data" -l "$dir/log" start </dev/null || {
		tail -n 20 "$dir/log" >&2
		die "the server did not start"
	}
}

# server_stop TREE DIR [mode]: stops it, if it runs.
server_stop() {
	if server_running "$1" "$2"; then
		as_user "$(tree_bin "$1")/pg_ctl" -s -w -t 120 -D "$2/data" -m "${3:-fast}" stop
	fi
}

server_remove() {
	server_stop "$1" "$2" immediate
	if [[ -e $2/socket_dir ]]; then
		as_user rm -rf "$(<"$2/socket_dir")"
	fi
	as_user rm -rf "$2"
}

# server_client TREE DIR PROGRAM ARGUMENT...: runs psql, or another of
# PostgreSQL's programs, on that server.
server_client() {
	local tree=$1 dir=$2 program=$3
	shift 3
	PGHOST=$(socket_dir "$dir") PGPORT=5432 PGUSER=$SUPERUSER \
		as_user "$(tree_bin "$tree")/$program" "$@"
}

# server_sql TREE DIR ARGUMENT...: psql for scripts, which stops at an error.
server_sql() { server_client "$1" "$2" psql -XqAt -P pager=off -v ON_ERROR_STOP=1 "${@:3}"; }
