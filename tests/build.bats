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
	((size <= 40 * 1024))
}

# page NAME: print the number of the page of 4 KB in which the variable NAME ends.
page() {
	local first size
	read -r first size _ < <(nm -S "$tree/nsinit" | sed -n "s/ [BbDd] $1\(\.[0-9]*\)\?\$//p")
	echo $(((0x$first + 0x$size - 1) >> 12))
}

@test "on x86-64 a start touches one page of data, and the file has no data for it" {
	[[ $(uname -m) == x86_64 ]] || skip "other processors have a table of addresses in the file (.got)"
	local name
	own_tree
	pure_make -C "$tree" STATIC='-static -no-pie'
	for name in log_to __libc builtin_tls childs_stack opt n; do
		echo "$name: $(page "$name")"
		[[ $(page "$name") == "$(page log_to)" ]]
	done
	# LOAD, offset, two addresses, the size in the file.
	[[ $(readelf -lW "$tree/nsinit" | awk '/LOAD .* RW / { print $5 + 0 }') == 0 ]]
}

@test "the binary contains neither a heap nor stdio" {
	own_tree
	pure_make -C "$tree" STATIC='-static -no-pie'
	nm "$tree/nsinit" >"$BATS_TEST_TMPDIR/symbols"
	grep -q ' T main$' "$BATS_TEST_TMPDIR/symbols"
	run -1 grep -E ' [TtWw] _*(libc_)?(malloc|calloc|realloc|brk|sbrk|fopen|fwrite|v?[sfd]*n?printf(_core)?|stdio_write)$' \
		"$BATS_TEST_TMPDIR/symbols"
}

@test "the C sources have at most 1,700 statements" {
	run -0 "$root/tests/statements"
	echo "$output"
	[[ ${lines[-1]} =~ ^\ *([0-9]+)\ in\ all$ ]]
	((BASH_REMATCH[1] > 500))
	((BASH_REMATCH[1] <= 1700))
}

@test "tests/statements ignores comments, literals and preprocessor lines" {
	cat >"$BATS_TEST_TMPDIR/some.c" <<-'C'
		#define NOT 1; \
			not;
		/* not; */ int one; // not;
		/* not;
		 * not; */ char two = ';', *three = "not; \" not;";
		int four(int n)
		{
			for (n = 4; n < 5; n++)
				five();
			return 6; /* not; */ // not; "
		}
	C
	run -0 "$root/tests/statements" "$BATS_TEST_TMPDIR/some.c"
	# Two of them are in the head of the loop.
	[[ $output == *" 6 in all" ]]
}

@test "no function has a cognitive complexity above 25" {
	need clang-tidy clang-tidy
	grep -qA1 'key: *readability-function-cognitive-complexity.Threshold' "$root/.clang-tidy"
	cd "$root"
	# One file at a time, as tests/lint.
	complexity() {
		printf '%s\n' "$@" | xargs -P 2 -I FILE clang-tidy --quiet --config-file=.clang-tidy \
			--checks='-*,readability-function-cognitive-complexity' FILE -- -std=c11 -D_GNU_SOURCE -Iinclude \
			-DNSINIT_VERSION='""' -DNSINIT_COMMIT='""' 2>&1
	}
	run -0 complexity ./*.c
	echo "$output"
	[[ $output != *cognitive* && $output != *"error:"* ]]
	# The limit of the configuration is the one that clang-tidy applies.
	cat >"$BATS_TEST_TMPDIR/nested.c" <<-'C'
		int nested(int n);
		int nested(int n)
		{
			if (n > 1) if (n > 2) if (n > 3) if (n > 4) if (n > 5) if (n > 6)
				return 21;
			if (n == 8) return 22;
			if (n == 9) return 23;
			if (n == 10) return 24;
			if (n == 11) return 25;
			if (n == 12) return 26;
			return 0;
		}
	C
	run complexity "$BATS_TEST_TMPDIR/nested.c"
	[[ $output == *"'nested' has cognitive complexity of 26 (threshold 25)"* ]]
}

# circle OBJECT...: sort the files so that each calls only functions of later ones. If there is no such order, name the
# files of the circle, and fail.
circle() {
	nm -A -P "$@" | awk '
		{
			file = $1
			sub(/.*\//, "", file)
			sub(/\.o:$/, "", file)
			if ($3 == "U")
				needs[file, $2]
			else if ($3 ~ /[A-Z]/)
				holder[$2] = file
		}
		END {
			for (pair in needs) {
				split(pair, part, SUBSEP)
				if (part[2] in holder)
					print part[1], holder[part[2]]
			}
		}' | LC_ALL=C tsort
}

@test "calls between object files do not form a circle" {
	run -0 --separate-stderr circle "$TREE"/build/*.o
	[[ $output == *init*supervise*text* ]]
	# tsort(1) names a circle.
	cd "$BATS_TEST_TMPDIR"
	for pair in one:two two:three three:one four:one; do
		echo "void ${pair#*:}(void); void ${pair%:*}(void); void ${pair%:*}(void) { ${pair#*:}(); }" >"${pair%:*}.c"
		gcc -c "${pair%:*}.c"
	done
	run -1 --separate-stderr circle one.o two.o three.o four.o
	for file in one two three; do
		[[ $stderr == *": $file"* ]]
	done
	[[ $stderr != *four* ]]
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

@test "CFLAGS, CPPFLAGS and LDFLAGS from the environment or the command line come after nsinit's own" {
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

@test "an unknown processor is named in the error" {
	run -2 pure_make -C "$TREE" CROSS=vax
	[[ $output == *"CROSS=vax"* ]]
}

@test "the binary is identical if it is built in another directory, at another time, with another umask and locale" {
	copy_tree "$BATS_TEST_TMPDIR/a longer name/of a folder"
	cd "$BATS_TEST_TMPDIR/a longer name/of a folder"
	find . -exec touch -d '2001-02-03 04:05:06' {} +
	(umask 077 && LC_ALL=C TZ=Asia/Tokyo pure_make CFLAGS=-g --jobs=3)
	own_tree
	LC_ALL=C.UTF-8 pure_make -C "$tree" CFLAGS=-g
	cmp nsinit "$tree/nsinit"
	cmp build/init.o "$tree/build/init.o"
}

@test "the binary is identical if it is built in a folder whose name has an apostrophe, and by make -R" {
	local folder="$BATS_TEST_TMPDIR/it's a folder"
	copy_tree "$folder"
	cd "$folder"
	pure_make -R
	cmp nsinit "$TREE/nsinit"
	pure_make -q
	pure_make build/probes/die
	pure_make install DESTDIR="$folder/to" PREFIX=/usr
	cmp nsinit "$folder/to/usr/bin/nsinit"
	# The recipes that need more than a compiler are at least words of a shell.
	pure_make -n sanitize coverage dist deb | bash -n
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
	pure_make dist PROCESSORS=
	pure_make
	commit=$(git rev-parse HEAD)
	version=$(head -n 1 VERSION)
	mkdir elsewhere
	tar -C elsewhere -xzf "dist/nsinit-$version.tar.gz"
	pure_make -C "elsewhere/nsinit-$version"
	[[ $("elsewhere/nsinit-$version/nsinit" --version) == "nsinit version $version - git.${commit:0:7}" ]]
	cmp nsinit "elsewhere/nsinit-$version/nsinit"
}

@test "the output of the demo is correct" {
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
