#!/usr/bin/env bats
# The parser's table, the manual, the completions and the texts agree.
# bats file_tags=tree

load helper

# help_options: print the long options of --help, in its order.
help_options() {
	"$NSINIT" --help | grep -oE '^ .{5}--[a-z-]+' | grep -oE -- '--[a-z-]+'
}

# help_letters: print the short options of --help.
help_letters() {
	"$NSINIT" --help | grep -oE '^  -[a-zA-Z],' | tr -d ' ,'
}

# man_options: print the long options of the manual, in its order.
man_options() {
	sed -nE '/^\.It Fl /{s/.* Fl -([a-z-]+).*/--\1/;s/^\.It Fl -([a-z-]+).*/--\1/;p}' "$root/nsinit.1"
}

@test "the manual's options are those of --help, in their order" {
	[ "$(help_options)" = "$(man_options)" ]
	[ "$(help_options | wc -l)" -ge 30 ]
}

@test "the manual's letters are those of --help" {
	local letters
	letters=$(sed -nE 's/^\.It Fl ([a-zA-Z]) , Fl -.*/-\1/p' "$root/nsinit.1")
	[ "$(help_letters)" = "$letters" ]
}

@test "the parser knows every option of --help" {
	local option
	for option in $(help_options) $(help_letters); do
		run "$NSINIT" "$option" --no-such-option
		[[ $output != *"$option: unknown option"* ]]
	done
}

@test "the completions offer every option, and nothing that is not an option" {
	local wanted file found
	wanted=$(help_options | sort)
	for file in nsinit.bash _nsinit nsinit.fish; do
		case $file in
		nsinit.fish) found=$(grep ^complete "$root/completions/$file" | grep -oE -- '-l [a-z-]+' | sed 's/^-l /--/' | sort -u) ;;
		*) found=$(grep -oE -- "(^|[[:space:]\"'{,(|*])--[a-z][a-z-]*" "$root/completions/$file" | grep -oE -- '--[a-z-]+' | sort -u) ;;
		esac
		diff <(echo "$wanted") <(echo "$found")
	done
}

@test "mandoc reports no problem in the manual" {
	need mandoc mandoc
	# Other manuals need not be installed.
	run bash -c "mandoc -T lint '$root/nsinit.1' 2>/dev/null | grep -v 'referenced manual not found'"
	[ -z "$output" ]
}

@test "bash completes options, values, signals, and then the command's own words" {
	need bash bash
	complete_line() {
		bash -c '
			source "$1/completions/nsinit.bash"
			shift
			COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
			_nsinit
			printf "%s\n" "${COMPREPLY[@]}"
		' bash "$root" "$@"
	}
	[ "$(complete_line nsinit --unsh)" = --unshare ]
	[ "$(complete_line nsinit --propagation p)" = private ]
	[ "$(complete_line nsinit --on-exit po)" = poweroff ]
	[ "$(complete_line nsinit --stop-signal QUI)" = QUIT ]
	[ "$(complete_line nsinit --kill-child = TER)" = TERM ]
	[[ $(complete_line nsinit -u bas) == *bash* ]]
}

@test "zsh and fish accept their completions" {
	need zsh zsh
	need fish fish
	zsh -n "$root/completions/_nsinit"
	fish -n "$root/completions/nsinit.fish"
	run fish -c "source '$root/completions/nsinit.fish'; complete -C 'nsinit --propagation '"
	[[ $output == *slave* && $output == *private* ]]
}

# anchors FILE: the anchors of its headings, as GitHub makes them.
anchors() {
	sed -n 's/^##* //p' "$1" | tr '[:upper:] ' '[:lower:]-' | sed 's/[^a-z0-9_-]//g'
}

@test "every local link in the texts leads to a file or a heading" {
	local file link
	for file in "$root"/*.md "$root"/docs/*.md "$root"/bench/*.md "$root"/examples/*.md "$root"/tests/*.md; do
		[ -e "$file" ] || continue
		while read -r link; do
			[[ $link == http* || $link == mailto:* ]] && continue
			if [[ $link == '#'* ]]; then
				anchors "$file" | grep -qxFe "${link#'#'}"
			else
				[ -e "$(dirname "$file")/${link%%#*}" ]
			fi || {
				echo "$file: $link" >&2
				return 1
			}
		done < <(grep -oE '\]\([^)]+\)' "$file" | sed -E 's/^\]\(|\)$//g')
	done
}

# quoted_tests FILE: print "FILE NAME" for each test that FILE quotes after the name of its file.
quoted_tests() {
	perl -0ne 'while (/`(tests\/\w+\.bats)`: ((?:(?:, )?"[^"]+")+)/g) { my ($f, $names) = ($1, $2);
		print "$f $1\n" while $names =~ /"([^"]+)"/g }' "$1"
}

@test "every test that SECURITY.md quotes exists" {
	need perl perl-base
	local file name n=0
	cd "$root"
	while read -r file name; do
		if [[ $name == *' ...' ]]; then
			grep -qF "@test \"${name% ...}" "$file"
		else
			grep -qF "@test \"$name\"" "$file"
		fi || {
			echo "$file: $name" >&2
			return 1
		}
		n=$((n + 1))
	done < <(quoted_tests SECURITY.md)
	((n >= 10))
}

@test "every source file begins with a comment about its purpose" {
	local file
	for file in "$root"/*.c "$root"/include/*.h; do
		head -n 1 "$file" | grep -q '^/\*' || {
			echo "$file" >&2
			return 1
		}
	done
}

@test "DIAGNOSTICS in the manual has every message of the sources, and no other" {
	need perl perl-base
	cd "$root"
	tests/diagnostics nsinit.1 ./*.c
	# A message that one of the two does not have is found.
	cp nsinit.1 ./*.c "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR"
	echo 'static void unused(void) { say(ALWAYS, "a new message of %s: %m", ""); }' >new.c
	run "$root/tests/diagnostics" nsinit.1 ./*.c
	[[ $status == 1 && $output == "not in DIAGNOSTICS: a new message of %s: %m" ]]
	rm new.c
	sed -i 's/^\.It Sy resumed$/&\n.It Sy cannot adopt anything: ERROR/' nsinit.1
	run "$root/tests/diagnostics" nsinit.1 ./*.c
	[[ $status == 1 && $output == "not in the sources: cannot adopt anything: ERROR" ]]
}

# examples: print the commands of the manual's EXAMPLES, except those for an image or an engine.
examples() {
	sed -n '/^\.Sh EXAMPLES/,/^\.Sh DIAGNOSTICS/{
		s/^\.Dl //; t line
		/^\.Bd/,/^\.Ed/{ /^\./d; b line }
		d
		:line
		s/\\(dq/"/g; s/\\(aq/'"'"'/g; s/\\e/\\/g
		/^ENTRYPOINT/d; /^docker/d
		p
	}' "$root/nsinit.1"
}

@test "the examples of the manual run as printed" {
	need_root
	need_mounted_root
	need busybox busybox-static
	need nsenter util-linux
	examples | sed "s,/tmp/,$BATS_TEST_TMPDIR/,g" >"$BATS_TEST_TMPDIR/examples"
	cd "$BATS_TEST_TMPDIR"
	mkdir bin
	ln -s "$NSINIT" bin/nsinit
	PATH=$PWD/bin:$PATH run --separate-stderr "${fresh[@]}" bash examples </dev/null 3>&-
	echo "$stderr"
	[[ $output == $'PID 2, and /proc has: /proc/1 /proc/2\n0\n137\n0\nreload\n/proc/1 /proc/2 /proc/3\nbox\n1' ]]
}

@test "SECCOMP in the manual names the system calls of the profile that tests/reports.bats uses" {
	diff <(sed -n '/^\.Sh SECCOMP/,/^\.Sh ENV/{ /^\.Bd/,/^\.Ed/{ /^\./!p } }' "$root/nsinit.1" | xargs -n 1) \
		<(sed -n '/^profile=(/,/^)/{ /^[^[:space:]]/!p }' "$root/tests/reports.bats" | xargs -n 1)
}
