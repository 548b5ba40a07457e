#!/usr/bin/env bats
# The experiments of docs/experiments.md: their commands have the output that the document shows. Probes show what a
# shell cannot.

# shellcheck disable=SC2016,SC2164 # scripts are for inner shells; bats stops where a cd fails
load helper
load namespaces

setup_file() {
	((EUID == 0)) && ! chrooted || return 0
	timeout 250 "$root/tests/walk" "$root/docs/experiments.md" >"$BATS_FILE_TMPDIR/now.md" 2>"$BATS_FILE_TMPDIR/errors" 3>&- ||
		echo "tests/walk ended with $?" >>"$BATS_FILE_TMPDIR/errors"
}

setup() {
	need_root
	need busybox busybox-static
	need nsenter util-linux
	need pgrep procps
	helper_setup
	cd "$BATS_TEST_TMPDIR"
}

# section N FILE: print the section with that number. PIDs outside differ, and with them the width of columns. In a
# container there are fewer than 32 levels.
section() {
	awk -v begin="## $1." -v first="$(readlink /proc/self/ns/pid)" '
		/^##+ / { inside = index($0, begin) == 1 || (inside && /^###/ && first == "pid:[4026531836]") }
		inside' "$2" |
		sed -E 's/(status )([0-9])([0-9])([0-9])/\1\2.\3.\4/; s/[0-9]{2,}/N/g; s/[[:blank:]]+/ /g; s/ $//'
}

# as_documented N: check that the commands of section N print what the document shows.
as_documented() {
	need_mounted_root
	[[ -s $BATS_FILE_TMPDIR/now.md ]]
	diff <(section "$1" "$root/docs/experiments.md") <(section "$1" "$BATS_FILE_TMPDIR/now.md")
	[[ $(section "$1" "$BATS_FILE_TMPDIR/now.md" | wc -l) -gt 5 ]]
}

@test "experiment 1: a process in a new PID namespace, and its procfs outside" {
	as_documented 1
}

@test "experiment 2: five nested namespaces" {
	as_documented 2
}

@test "experiment 3: UTS, IPC and PID at once" {
	as_documented 3
}

@test "experiment 4: options of unshare" {
	as_documented 4
}

@test "experiment 5: the init is special" {
	as_documented 5
}

@test "experiment 6: a namespace that does not end" {
	as_documented 6
}

@test "experiment 7: mounts" {
	as_documented 7
}

@test "experiment 8: another root" {
	as_documented 8
}

@test "experiment 9: host name and domain name" {
	as_documented 9
}

@test "experiment 10: reboot(2), ns_last_pid, and PIDs translated" {
	as_documented 10
}

@test "the walk-through prints nothing on stderr, and shows the output of every command" {
	need_mounted_root
	[[ ! -s $BATS_FILE_TMPDIR/errors ]]
	# Without the document's outputs the result is the same: they come from the commands.
	sed -E '/^```console/,/^```$/{/^(\$|>|```)/!d}' "$root/docs/experiments.md" >bare.md
	"$root/tests/walk" bare.md >again.md 3>&-
	for n in {1..10}; do
		diff <(section "$n" "$root/docs/experiments.md") <(section "$n" again.md)
	done
}

# --- what a shell cannot show ---

@test "a process that joined through a pidfd is PID 3 with PPid 0, and signals from the outer namespace reach it" {
	need_mounted_root
	start_levels -u
	"$PROBES/join" -k pm "$command" "$PROBES/siglog" -x 15 "$PWD/log" 3>&- &
	joiner=$!
	wait_for said READY log
	[[ $(<log) == "READY 3" ]]
	joined=$(children "$joiner")
	[[ $(field "$joined" NSpid) == "$joined 3" ]]
	[[ $("$PROBES/join" -k pm "$command" grep PPid /proc/3/status | tr -d '\t') == "PPid:0" ]]
	kill -USR1 "$joined"
	wait_for said "10 0 0 0" log # the sender's PID has no name there
	kill -TERM "$joined"
	wait "$joiner"
	stop_it
	((status == 143))
}

@test "a process that joined has its parent outside, and its orphan is adopted inside" {
	need_mounted_root
	start_levels -u
	# a: the inner init, b: COMMAND, c: the joiner outside, d: the process that joined, e: the orphan of d.
	"$PROBES/join" -k pm "$command" sh -c 'cd "$0"; (sleep 1000 & echo $! >e); echo $$ >d; exec sleep 1001' "$PWD" 3>&- &
	c=$!
	wait_for test -s d
	d=$(children "$c")
	wait_for runs "$d" sleep
	[[ $(field "$d" PPid) == "$c" ]]
	# e lost its parent inside: the init of its namespace has adopted it.
	e=$(children "$inner" | grep -vx "$command")
	[[ $(field "$e" NSpid) == "$e $(<e)" && $(field "$e" PPid) == "$inner" ]]
	# If d loses its parent outside, a process outside adopts it, and not the init of the namespace.
	kill -KILL "$c"
	wait "$c" || :
	wait_for other_parent "$d" "$c"
	[[ $(field "$d" PPid) != "$inner" ]]
	[[ $("$PROBES/join" -k pm "$command" grep PPid "/proc/$(<d)/status" | tr -d '\t') == "PPid:0" ]]
	kill -KILL "$d"
	wait_for gone "$d"
	stop_it
	((status == 143))
	gone "$e"
}

other_parent() {
	[[ $(field "$1" PPid) != "$2" ]]
}

@test "KILL from outside ends the init and the namespace, STOP stops the init, and signals from inside have no effect" {
	start_levels -u
	"$PROBES/join" -k pm "$command" sleep 1001 3>&- &
	joiner=$!
	wait_for has_children 1 "$joiner"
	for sig in KILL STOP; do
		"$PROBES/join" -k pm "$command" sh -c "kill -$sig 1"
	done
	in_state "$inner" S
	kill -STOP "$inner"
	wait_for in_state "$inner" T
	kill -CONT "$inner"
	wait_for in_state "$inner" S
	kill -KILL "$inner"
	finish
	((status == 137))
	status=0
	wait "$joiner" || status=$?
	((status == 137))
	gone "$command"
}

@test "fork in a namespace whose init has ended fails with ENOMEM" {
	start_levels --pid
	exec 8<"/proc/$command/ns/pid"
	stop_it
	run nsenter --pid=/proc/self/fd/8 true
	[[ $status != 0 && $output == *"Cannot allocate memory"* ]]
	exec 8<&-
}

@test "SCM_CREDENTIALS translates a PID, to 0 if the receiver's namespace has none for it" {
	"$PROBES/creds" -l socket 2 >seen 3>&- &
	receiver=$!
	wait_for said LISTENING seen
	spawn "$NSINIT" --pid sh -c '"$0" socket; exec sleep 1000' "$PROBES/creds"
	wait_for up sleep
	wait_for has_lines 2 seen
	read -r sender uid _ < <(tail -n 1 seen)
	((sender > command && uid == 0)) # PID 3 inside, created after COMMAND
	# A privileged process inside may send the PID of another one of its namespace, which the kernel translates as well.
	"$PROBES/join" "$command" "$PROBES/creds" socket 2
	wait "$receiver"
	[[ $(tail -n 1 seen) == "$command 0 0" ]]
	stop_it
	# In the other direction, a process outside has no PID inside.
	spawn "$NSINIT" --pid "$PROBES/creds" -l inner 1
	wait_for said LISTENING "$out"
	"$PROBES/creds" inner
	finish
	((status == 0))
	[[ $(tail -n 1 "$out") == "0 0 0" ]]
}

has_lines() {
	(($(wc -l <"$2") == $1))
}

@test "SCM_CREDENTIALS translates the uid as well, and refuses a PID that does not exist" {
	need_user_namespaces
	for_nobody
	cp "$PROBES/creds" "$place/"
	"$PROBES/creds" -l "$place/socket" 1 >seen 3>&- &
	receiver=$!
	wait_for said LISTENING seen
	chmod 777 "$place/socket"
	run_as_nobody --map-root-user -u "$place/creds" "$place/socket" 77
	((status == 99))
	[[ $stderr == *"No such process"* ]]
	run_as_nobody --map-root-user -u "$place/creds" "$place/socket"
	((status == 0))
	wait "$receiver"
	read -r _ uid gid < <(tail -n 1 seen)
	((uid == 65534 && gid == 65534))
}

@test "ns_last_pid chooses the next PID inside, and leaves the counter outside unchanged" {
	need_file /proc/sys/kernel/ns_last_pid linux-image-amd64
	run_nsinit -u sh -c 'echo 4999 >/proc/sys/kernel/ns_last_pid; sh -c "echo \$\$; :"; cat /proc/sys/kernel/ns_last_pid'
	((status == 0))
	((lines[0] == 5000 && lines[1] >= 5000 && lines[1] < 5010))
}

@test "orphans of a nested namespace are adopted by its own init, not by an outer one" {
	spawn "$NSINIT" -u "$NSINIT" -u sh -c '(sleep 1000 & echo $! >orphan); exec sleep 1001'
	wait_for test -s orphan
	wait_for two_below
	[[ $(field "$orphan" PPid) == "$inner2" && $(field "$orphan" NSpid) == *" $(<orphan)" ]]
	stop_it
	((status == 143))
}

# two_below: whether the init of the second level has two children: COMMAND and the orphan.
two_below() {
	mapfile -t below < <(chain "$pid")
	inner2=${below[2]-}
	[[ -n $inner2 ]] || return
	mapfile -t below < <(children "$inner2")
	((${#below[@]} == 2)) && orphan=$(printf '%s\n' "${below[@]}" | sort -n | tail -n 1)
}

@test "pid_for_children is the new namespace for all processes inside, and the old one for the outer nsinit" {
	start_levels --pid
	[[ $(ns "$command" pid) == "$(ns "$command" pid_for_children)" ]]
	[[ $(ns "$pid" pid) == "$(ns "$pid" pid_for_children)" && $(ns "$pid" pid) == "$(ns $$ pid)" ]]
	stop_it
}

@test "mounts made inside are not visible outside on private, shared and slave mount points" {
	in_mounts '
		for kind in private shared slave; do
			mkdir $kind
			mount -t tmpfs none $kind
			mount --make-$kind $kind
			"$NSINIT" --mount sh -c "mount -t tmpfs none $kind && : >$kind/inside"
			not test -e $kind/inside
			umount $kind
		done'
}
