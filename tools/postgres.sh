# shellcheck shell=bash
#
# postgres.sh: a PostgreSQL with its assertions, built from Debian's own source
#
# take_asserting [--if-possible] sets PG_CONFIG to one of the same major version: with
# --enable-cassert, with what valgrind wants to be told (-DUSE_VALGRIND), with what the tests use of
# contrib/ and with the test tools.  Nothing else is built, and what gdb is told is line numbers
# alone, which takes a third off the time.  Where PG_CONFIG belongs to a PostgreSQL with
# assertions already, that is taken.
#
# The build is kept outside the work tree, and made anew when the archive has a
# newer source or when RECIPE changes.  The source comes through a
# configuration of apt's that is ours alone: the machine's own archives, with
# "deb" read as "deb-src".  What it says and fetches about itself stays in
# folders of ours.

BUILDS=/var/tmp/booking-postgres-$EUID

# To be raised when what is built, or how, changes.
RECIPE=3
CONFIGURE=(--enable-cassert --enable-tap-tests --with-icu --without-readline
	CFLAGS='-O1 -g1 -fno-omit-frame-pointer' CPPFLAGS=-DUSE_VALGRIND)
PARTS=(src/common src/port src/timezone src/backend src/backend/utils/mb/conversion_procs src/backend/snowball
	src/include src/interfaces/libpq src/backend/replication/libpqwalreceiver src/backend/replication/pgoutput
	src/fe_utils src/bin src/pl src/makefiles src/test/regress src/test/isolation src/test/perl
	contrib/btree_gist contrib/citext contrib/postgres_fdw)

# Installs what the build needs.
need_to_build() {
	local missing=()
	command -v bison >/dev/null || missing+=(bison)
	command -v flex >/dev/null || missing+=(flex)
	command -v dpkg-source >/dev/null || missing+=(dpkg-dev)
	command -v pkg-config >/dev/null || missing+=(pkg-config)
	{ command -v pkg-config && pkg-config --exists icu-i18n; } >/dev/null || missing+=(libicu-dev)
	[[ -e /usr/include/zlib.h ]] || missing+=(zlib1g-dev)
	{ command -v valgrind >/dev/null && [[ -e /usr/include/valgrind/memcheck.h ]]; } || missing+=(valgrind)
	((${#missing[@]})) || return 0
	need_apt "${missing[@]}"
	say "Installing from Debian's packages: ${missing[*]}"
	apt_get update
	apt_get install "${missing[@]}"
}

# Prints the files that tell apt of Debian's archives, or of PostgreSQL's.
source_files() {
	# shellcheck disable=SC2016 # apt-get fills in the names
	apt-get indextargets --format '$(ORIGIN)|$(SOURCESENTRY)' |
		sed -nE 's/^(Debian|apt\.postgresql\.org)\|(.*):[0-9]+$/\2/p' | sort -u
}

# source_apt DIR PROGRAM ARGUMENT...: runs one of apt's programs as the caller,
# with sources, lists and cache in DIR.
source_apt() {
	local dir=$1 program=$2
	shift 2
	as_user env LC_ALL=C.UTF-8 "$program" \
		-o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$dir/sources" \
		-o Dir::State::lists="$dir/lists" -o Dir::Cache="$dir/cache" \
		-o Acquire::Languages=none -o Acquire::Retries=3 \
		-qq "$@" </dev/null
}

# set_up_sources DIR: has apt know in DIR which sources there are.
set_up_sources() {
	local dir=$1 file files
	files=$(source_files)
	if [[ -z $files ]]; then
		apt_get update
		files=$(source_files)
	fi
	as_user mkdir -p "$dir/sources" "$dir/lists/partial" "$dir/cache/archives/partial"
	for file in $files; do
		case $file in
		*.sources) sed -E 's/^Types:.*/Types: deb-src/I' "$file" ;;
		*) sed -nE 's/^[[:space:]]*deb[[:space:]]/deb-src /p' "$file" ;;
		esac | as_user tee "$dir/sources/${file##*/}" >/dev/null
	done
	source_apt "$dir" apt-get update >"$dir/log" 2>&1
}

# available DIR: prints the versions that the archives name, newest first.
available() {
	source_apt "$1" apt-cache showsrc "postgresql-$PG_MAJOR" 2>/dev/null |
		sed -n 's/^Version: //p' | sort -rVu
}

# unpack DIR VERSION: has the source in DIR/source.  It may not be there: an
# archive can name a version before it has its files, and after.
unpack() {
	(
		cd "$1" && source_apt "$1" apt-get source --download-only "postgresql-$PG_MAJOR=$2" &&
			as_user dpkg-source --no-check -x ./*.dsc source
	) >>"$1/log" 2>&1
}

# mend SOURCE: one assertion of PostgreSQL's own is wrong.  What is deferred to a COMMIT or a
# PREPARE (triggers, the query of a cursor WITH HOLD) may begin a subtransaction, and must not
# roll it back: plpgsql's EXCEPTION is enough to bring the server down.  Servers without
# assertions do not mind, and sql/at_commit tests what is done there.
mend() {
	local file=$1/src/backend/access/transam/xact.c
	as_user sed -i -E 's/^(\tAssert(State)?\()(s->blockState == TBLOCK_SUBINPROGRESS \|\|)$/\1s->blockState == TBLOCK_END || s->blockState == TBLOCK_PREPARE || \3/' "$file"
	grep -q 'TBLOCK_PREPARE || s->blockState' "$file" || warn "there is no such assertion in $file any more"
}

# compile SOURCE PREFIX
compile() (
	mend "$1"
	cd "$1" || exit
	as_user ./configure -q --prefix="$2" "${CONFIGURE[@]}" || exit
	for part in "${PARTS[@]}"; do
		as_user make -s -j"$(nproc)" -C "$part" install || exit
	done
	as_user make -s -C src install-local &&
		as_user cp src/tools/valgrind.supp "$2/"
)

# home_of VERSION: where the build of a version is kept.
home_of() {
	printf '%s/%s-%s\n' "$BUILDS" "$PG_MAJOR" "$(cksum <<<"$1 $RECIPE ${CONFIGURE[*]}" | cut -d' ' -f1)"
}

# Prints where PostgreSQL $PG_MAJOR is, after building it if the archive has it
# newer than what is kept; nothing when the source is not to be had.  What was
# built before stays for a day: another run may be using it.
make_asserting() {
	local work=$1 version home start=$SECONDS
	if set_up_sources "$work"; then
		while read -r version; do
			home=$(home_of "$version")
			[[ ! -e $home/version ]] || break
			unpack "$work" "$version" || continue
			say "Building PostgreSQL $version with assertions in $home; this takes minutes" >&2
			as_user rm -rf "$home"
			compile "$work/source" "$home" >"$work/log" 2>&1 || {
				tail -n 30 "$work/log" >&2
				die "building PostgreSQL $version failed"
			}
			as_user tee "$home/version" >/dev/null <<<"$version"
			say "It took $((SECONDS - start)) seconds." >&2
			as_user find "$BUILDS" -mindepth 1 -maxdepth 1 -name "$PG_MAJOR-*" -mtime +0 \
				! -path "$home" -exec rm -rf {} +
			break
		done < <(available "$work")
	fi
	if [[ -z ${home:-} || ! -e $home/version ]]; then
		# shellcheck disable=SC2012 # we made these names
		home=$(ls -td "$BUILDS/$PG_MAJOR"-*/version 2>/dev/null | head -n 1)
		home=${home%/version}
		if [[ -z $home ]]; then
			tail -n 20 "$work/log" >&2
			return
		fi
		warn "the archives give no source; taking the build of $(<"$home/version")"
	fi
	printf '%s\n' "$home"
}

# Has everything from here on use a PostgreSQL with assertions.  With --if-possible, the run
# ends here, with nothing failed, where there is no source to build it from.
take_asserting() {
	local home
	if [[ $("$PG_CONFIG" --configure) == *--enable-cassert* ]]; then
		return
	fi
	need_to_build
	if [[ $EUID -eq 0 ]]; then
		[[ -d $BUILDS ]] || install -d -m 755 -o "$RUN_USER" "$BUILDS"
	else
		mkdir -p "$BUILDS"
	fi
	[[ ! -L $BUILDS && $(stat -c %U "$BUILDS") == "$RUN_USER" ]] ||
		die "$BUILDS belongs to another account"
	as_user mkdir -p "$BUILDS/$PG_MAJOR.lock"
	exec 8<"$BUILDS/$PG_MAJOR.lock"
	flock 8
	as_user rm -rf "$BUILDS/$PG_MAJOR.work"
	as_user mkdir "$BUILDS/$PG_MAJOR.work"
	home=$(make_asserting "$BUILDS/$PG_MAJOR.work")
	as_user rm -rf "$BUILDS/$PG_MAJOR.work"
	exec 8<&-
	if [[ -z $home ]]; then
		[[ ${1:-} == --if-possible ]] || die "the source of PostgreSQL $PG_MAJOR is not to be had"
		say "Not tested: the archives that apt knows here give no source of PostgreSQL $PG_MAJOR."
		say "0 passed, 0 failed"
		exit 0
	fi
	PG_CONFIG=$home/bin/pg_config
	usable "$PG_CONFIG" ||
		die "$PG_CONFIG: that PostgreSQL lacks $(lacking "$PG_CONFIG" | paste -sd ' ')"
	# shellcheck disable=SC2034 # tools/test shows it
	PG_VERSION="$("$PG_CONFIG" --version) with assertions"
}
