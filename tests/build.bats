#!/usr/bin/env bats
# bats file_tags=tree
# The build: what make builds and when, and what it installs.

load helper

# Copy the tree, without anything that was built, to a new folder.
copy_tree() {
	mkdir -p "$1"
	tar -C "$root" --exclude=./.git --exclude=./build --exclude=./dist --exclude=./nsinit -cf - . | tar -C "$1" -xf -
}

# Run make as a user's shell does, without the options of the make that runs the tests.
pure_make() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u CC -u CFLAGS -u LDFLAGS -u CPPFLAGS make "$@"
}

# One build with musl serves all tests that only look at its result.
setup_file() {
	export TREE=$BATS_FILE_TMPDIR/tree
	copy_tree "$TREE"
	pure_make -C "$TREE" >"$BATS_FILE_TMPDIR/log" 2>&1 || cat "$BATS_FILE_TMPDIR/log" >&2
}

setup() {
	helper_setup
	need make make
	need gcc gcc
	need musl-gcc musl-tools
}

# Copy the tree for one test, and run make in it.
own_tree() {
	tree=$BATS_TEST_TMPDIR/tree
	cp -a "$TREE" "$tree"
	pure_make -s -C "$tree"
}

compiled() {
	grep -oE ' -c -o build/[a-z]+\.o' <<<"$output" | sed 's,.*/,,' | sort | xargs
}

@test "make builds a static binary without an interpreter" {
	readelf -lW "$TREE/nsinit"
	run -1 grep -E 'INTERP|DYNAMIC' <(readelf -lW "$TREE/nsinit")
}

@test "the binary has 40 KB or less" {
	size=$(stat -c %s "$TREE/nsinit")
	echo "$size bytes"
	((size <= 40000))
}

@test "the binary contains neither a heap nor stdio" {
	own_tree
	pure_make -C "$tree" STATIC='-static -no-pie'
	nm "$tree/nsinit" >"$BATS_TEST_TMPDIR/symbols"
	grep -q ' T main$' "$BATS_TEST_TMPDIR/symbols"
	run -1 grep -E ' [TtWw] _*(libc_)?(malloc|calloc|realloc|brk|sbrk|fopen|fwrite|v?[sfd]*n?printf(_core)?|stdio_write)$' \
		"$BATS_TEST_TMPDIR/symbols"
}

@test "the C sources have at most 2,000 lines without blank lines and comments" {
	count=$(cat "$root"/*.c | grep -cvE '^[[:space:]]*($|/\*|\*)')
	echo "$count lines"
	((count <= 2000))
}

@test "--version prints version and commit in the form that docker info reads" {
	run -0 --separate-stderr "$TREE/nsinit" --version
	[[ $output =~ ^nsinit\ version\ ([0-9]+\.[0-9]+\.[0-9]+)\ -\ git\.[0-9a-z]{7}$ ]]
	[[ ${BASH_REMATCH[1]} == "$(head -n 1 "$root/VERSION")" ]]
	[[ $stderr == "" ]]
}

@test "a second make does nothing" {
	own_tree
	run -0 pure_make -C "$tree"
	[[ $output == *"Nothing to be done"* ]]
	pure_make -C "$tree" -q
}

@test "a new commit recompiles options.c only" {
	own_tree
	run -0 pure_make -C "$tree" COMMIT=fedcba9876543210
	[[ $(compiled) == options.o ]]
	[[ $("$tree/nsinit" --version) == *" - git.fedcba9" ]]
	pure_make -C "$tree" COMMIT=fedcba9876543210 -q
}

@test "a changed header recompiles the files that include it" {
	own_tree
	touch "$tree/include/options.h"
	run -0 pure_make -C "$tree"
	[[ " $(compiled) " == *" options.o "* ]]
	[[ " $(compiled) " != *" log.o "* ]]
}

@test "the user's CFLAGS, CPPFLAGS and LDFLAGS, from environment or command line, follow nsinit's own" {
	own_tree
	run -0 pure_make -C "$tree" CFLAGS='-O2 -DFROM_CFLAGS' CPPFLAGS=-DFROM_CPPFLAGS LDFLAGS=-Wl,-Map=map
	grep -E -- '-Os.* -DFROM_CPPFLAGS -O2 -DFROM_CFLAGS .*-c -o build/init\.o' <<<"$output"
	grep -q '^Memory Configuration' "$tree/map"
	CFLAGS=-DFROM_THERE LDFLAGS=-Wl,-Map=map2 run -0 env -u MAKEFLAGS -u MAKELEVEL make -C "$tree"
	[[ $(compiled) == *init.o*options.o* ]]
	grep -E -- '-Os.* -DFROM_THERE .*-c -o build/init\.o' <<<"$output"
	[[ -e $tree/map2 ]]
}

@test "make CC=gcc builds with glibc, and make builds with musl again" {
	own_tree
	cp "$tree/nsinit" "$BATS_TEST_TMPDIR/musl"
	run -0 pure_make -C "$tree" CC=gcc
	run -1 cmp "$tree/nsinit" "$BATS_TEST_TMPDIR/musl"
	[[ $("$tree/nsinit" --version) == "$("$BATS_TEST_TMPDIR/musl" --version)" ]]
	run -1 grep -E 'INTERP' <(readelf -lW "$tree/nsinit")
	pure_make -C "$tree"
	cmp "$tree/nsinit" "$BATS_TEST_TMPDIR/musl"
}

@test "the error about an unknown processor names it" {
	run -2 pure_make -C "$TREE" CROSS=vax
	[[ $output == *"CROSS=vax"* ]]
}

@test "the binary is identical if it is built in another folder, at another time, with another umask and locale" {
	copy_tree "$BATS_TEST_TMPDIR/a longer name/of a folder"
	cd "$BATS_TEST_TMPDIR/a longer name/of a folder"
	find . -exec touch -d '2001-02-03 04:05:06' {} +
	(umask 077 && LC_ALL=C TZ=Asia/Tokyo pure_make CFLAGS=-g --jobs=3)
	own_tree
	LC_ALL=C.UTF-8 pure_make -C "$tree" CFLAGS=-g
	cmp nsinit "$tree/nsinit"
	cmp build/init.o "$tree/build/init.o"
}

@test "install puts each file below DESTDIR and PREFIX, and uninstall removes all of them" {
	own_tree
	to=$BATS_TEST_TMPDIR/to
	pure_make -C "$tree" install DESTDIR="$to" PREFIX=/opt/x
	cmp "$tree/nsinit" "$to/opt/x/bin/nsinit"
	[[ $(stat -c %a "$to/opt/x/bin/nsinit") == 755 ]]
	if [[ -e $tree/nsinit.1 ]]; then
		cmp "$tree/nsinit.1" "$to/opt/x/share/man/man1/nsinit.1"
		[[ $(stat -c %a "$to/opt/x/share/man/man1/nsinit.1") == 644 ]]
	fi
	# nsinit, its manual, and every completion.
	shopt -s nullglob
	sources=("$tree"/nsinit "$tree"/nsinit.1 "$tree"/completions/*)
	existing=0
	for file in "${sources[@]}"; do
		[[ ! -e $file ]] || existing=$((existing + 1))
	done
	[[ $(find "$to" -type f | wc -l) == "$existing" ]]
	pure_make -C "$tree" uninstall DESTDIR="$to" PREFIX=/opt/x
	[[ -z $(find "$to" ! -type d) ]]
}

@test "MANDIR sets the directory of the manual" {
	own_tree
	[[ -e $tree/nsinit.1 ]] || : >"$tree/nsinit.1"
	pure_make -C "$tree" install DESTDIR="$BATS_TEST_TMPDIR/to" MANDIR=/m
	[[ -e $BATS_TEST_TMPDIR/to/m/man1/nsinit.1 ]]
}

@test "clean leaves the files of the repository" {
	own_tree
	pure_make -C "$tree" probes
	pure_make -C "$tree" clean
	copy_tree "$BATS_TEST_TMPDIR/fresh"
	diff -r "$tree" "$BATS_TEST_TMPDIR/fresh"
}

@test "the tarball of make dist builds the same binary as its commit, and contains the commit" {
	need git git
	own_tree
	cd "$tree"
	pure_make clean
	git init -q .
	git add -A
	git -c user.name=t -c user.email=t@localhost -c commit.gpgsign=false commit -qm t
	pure_make dist
	pure_make
	commit=$(git rev-parse HEAD)
	version=$(head -n 1 VERSION)
	mkdir elsewhere
	tar -C elsewhere -xzf "dist/nsinit-$version.tar.gz"
	pure_make -C "elsewhere/nsinit-$version"
	[[ $("elsewhere/nsinit-$version/nsinit" --version) == "nsinit version $version - git.${commit:0:7}" ]]
	cmp nsinit "elsewhere/nsinit-$version/nsinit"
}

@test "the demo shows what it prints" {
	need_root
	run -0 env NSINIT="$TREE/nsinit" "$root/examples/demo.sh"
	[[ $output == *"my PID is 2, my parent's is 1"* ]]
	[[ $output == *"whose parent is now PID 1"* ]]
	[[ $output == *"got TERM, leaving with 42"* ]]
	[[ $output == *"status is COMMAND's: 42" ]]
}

@test "README.md's command installs each package that a test needs" {
	sed -nE 's/^[[:space:]]*(need|need_file) [^ ]+ ([a-z0-9.+-]+)$/\2/p' "$root"/tests/*.{bats,bash} |
		grep -v '^linux-image-' | sort -u >"$BATS_TEST_TMPDIR/asked"
	grep -v '^#' "$root/tests/packages" >"$BATS_TEST_TMPDIR/installed"
	grep -q musl-tools "$BATS_TEST_TMPDIR/asked"
	run -1 grep -vxEf "$BATS_TEST_TMPDIR/installed" "$BATS_TEST_TMPDIR/asked"
	echo "$output"
	[[ -z $output ]]
}
