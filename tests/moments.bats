#!/usr/bin/env bats
# bats file_tags=seccomp,tree
# Events right before the system calls of nsinit's processes: a sample of what `tests/moments.sh -a` does.

load helper

# at_moments MODE...: a sample of the events and calls of these modes; or with -p, of pairs.
at_moments() {
	need_root
	need_mounted_root
	need_user_namespaces
	run "$root/tests/moments.sh" "$@"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output =~ ": "[1-9][0-9]*" runs, 0 wrong" ]]
}

@test "an event right before any system call does not harm nsinit without namespaces" {
	at_moments alone single subreaper grace pause tini
}

@test "an event right before any system call does not harm PID 1" {
	at_moments pid1 pid1-warn pid1-grace
}

@test "an event right before any system call does not harm the outer or the inner process" {
	at_moments unshare unshare-grace unshare-pause rootless mount root kill-child export
}

@test "an event right before any system call does not harm nsinit below a shell: a key reaches COMMAND exactly once" {
	at_moments shell shell-unshare shell-group shell-both shell-grace dumb-init
}

@test "an event right before any system call does not harm the leader of a terminal's session" {
	at_moments leader leader-unshare leader-pid1
}

@test "two events right before any two system calls do not harm nsinit" {
	at_moments -p -n 60 -s 1
}

@test "each of two equal realtime signals is forwarded once, whether it came before COMMAND existed or reached the group" {
	at_moments -p -n 300 -s 1 -e group -e realtime
}

@test "an nsinit that loses or repeats a signal, or ends with a wrong status, does not pass" {
	need_root
	need_mounted_root
	# Each is nsinit with an additional option, which the mode does not expect.
	local -A modes=([lost]='-r USR2:0' [wrong]='-e 7' [group]='-c')
	for kind in "${!modes[@]}"; do
		sed "s/^\t\"alone .*/\t\"alone - nsinit -vv ${modes[$kind]}\"/" "$root/tests/moments.sh" >"$BATS_TEST_TMPDIR/$kind.sh"
		chmod +x "$BATS_TEST_TMPDIR/$kind.sh"
		run "$BATS_TEST_TMPDIR/$kind.sh" alone USR2 0:poll:1
		echo "$output"
		[ "$status" -eq 1 ]
		case $kind in
		lost) [[ $output == *"COMMAND lacks signal 12"* ]] ;;
		wrong) [[ $output == *"ends with 0"* ]] ;;
		group) [[ $output == *"the rest of the group lacks signal 1"[02]* ]] ;;
		esac
	done
}
