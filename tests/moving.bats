# bats file_tags=tree
# shellcheck disable=SC2016,SC2154
# The claims of docs/moving.md about other programs, tested with these programs.

load helper

setup() {
	helper_setup
	need_root
	need_file /usr/bin/tini tini
	need_file /usr/bin/dumb-init dumb-init
	need_file /usr/bin/catatonit catatonit
	need_file /usr/bin/bwrap bubblewrap
}

@test "each cell of the table of behaviours is what the program does" {
	need_mounted_root
	sed -n '/<!-- table: behaviour -->/,/<!-- end -->/{/<!--/d; p}' "$root/docs/moving.md" >"$BATS_TEST_TMPDIR/documented"
	"$root/tests/moving" >"$BATS_TEST_TMPDIR/done" 2>"$BATS_TEST_TMPDIR/stderr" || :
	cat "$BATS_TEST_TMPDIR/stderr"
	# A column is compared only if the installed version is the one that the text names.
	local columns=2,8,9 field=3 package version text
	text=$(tr '\n' ' ' <"$root/docs/moving.md")
	for package in tini dumb-init catatonit util-linux bubblewrap; do
		[[ $text == *" $package "[0-9]* ]]
		version=$(dpkg-query --show --showformat '${Version}' "$package")
		[[ $text != *" $package ${version%%-*}"[,.]* ]] || columns+=,$field
		((++field))
	done
	diff <(cut -d '|' -f "$columns" "$BATS_TEST_TMPDIR/documented") <(cut -d '|' -f "$columns" "$BATS_TEST_TMPDIR/done")
	[[ $(wc -l <"$BATS_TEST_TMPDIR/done") -gt 15 ]]
}

# has_option PROGRAM WORD: whether PROGRAM's own help names the option.
has_option() {
	{
		"$1" --help || "$1" -h
	} 2>&1 | tr -c '[:alnum:]_-' '\n' | grep -qxFe "$2"
}

@test "each option in the table of options exists in the program" {
	programs=(tini dumb-init catatonit unshare bwrap "$NSINIT")
	sed -n '/^## Option by option/,/^## What changes/p' "$root/docs/moving.md" | grep '^| [a-z]' | grep -v '^| purpose' >"$BATS_TEST_TMPDIR/rows"
	[[ $(wc -l <"$BATS_TEST_TMPDIR/rows") -gt 15 ]]
	while IFS='|' read -ra cells; do
		for i in "${!programs[@]}"; do
			for word in $(grep -o '`[^`]*`' <<<"${cells[i + 2]}" | tr -d '`'); do
				case "${programs[i]} $word" in
				# Not a separate word of the help.
				'catatonit -P' | 'catatonit -g' | 'catatonit --version') "${programs[i]}" -h 2>&1 | grep -q -e "$word" ;;
				catatonit\ CATATONIT_*) grep -q "$word" "$(command -v catatonit)" ;;
				*) has_option "${programs[i]}" "$word" ;;
				esac || {
					echo "${programs[i]} does not document $word" >&2
					return 1
				}
			done
		done
	done <"$BATS_TEST_TMPDIR/rows"
}

@test "nsinit is PID 1 inside bwrap if bwrap does not install its own" {
	need_mounted_root
	run -0 bwrap --dev-bind / / --unshare-pid --proc /proc --as-pid-1 "$NSINIT" -- sh -c 'echo $$; cat /proc/1/comm'
	[[ $output == $'2\n'* && ${lines[1]} == "$(basename "$NSINIT")" ]]
}
