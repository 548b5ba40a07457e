# Isolation: from its first instruction on, COMMAND cannot reach anything outside. The threat model in SECURITY.md lists
# the attackers and the tests.
# shellcheck disable=SC2016,SC2030,SC2031

load helper
load levels
load namespaces
load terminal
load qemu

setup() {
	helper_setup
	cd "$BATS_TEST_TMPDIR" || return
}

# --- the descriptors of PID 1 ---

# prepare_look: copy the probe to a directory where the user "nobody" can run it, and to a root directory for --root.
prepare_look() {
	need_root
	for_nobody
	cp "$PROBES/descriptors" "$place/look"
	mkdir -p "$place/rootfs/proc"
	cp "$PROBES/descriptors" "$place/rootfs/look"
	look=$place/look rootfs=$place/rootfs
	cd "$place" || return
}

# Run the words after the first one as often as the first one says, and stop at the first failure. This is a separate
# script, because bats traces each command of a loop, and leaves descriptors open. Of these only those in KEEP remain.
repeat='
	for fd in /proc/$$/fd/*; do
		fd=${fd##*/}
		((fd <= 2)) || [[ " ${KEEP-} " == *" $fd "* ]] || eval "exec $fd>&-"
	done
	found=${FOUND:-found} said=${SAID:-said} runs=$1
	shift
	for ((i = 1; i <= runs; i++)); do
		"$@" </dev/null >>"$found" 2>>"$said" || {
			echo "run $i of $runs, status $?: $*"
			cat "$found" "$said"
			exit 1
		}
	done'

# holds_only RUNS COMMAND [ARG]...: check that each of RUNS runs of COMMAND, nsinit with the probe, finds only permitted
# descriptors.
holds_only() {
	run "${fresh[@]}" bash -c "$repeat" repeat "$@" </dev/null 3>&-
	judge_look
}

judge_look() {
	echo "$output"
	[[ $output != *"pidfd_getfd: Operation not permitted"* && $output != *"pidfd_getfd: Function not implemented"* ]] ||
		missing "needs pidfd_getfd(2), which this kernel or a seccomp filter refuses"
	((status == 0))
}

@test "--root: COMMAND finds no way to the old root among the descriptors of PID 1" {
	prepare_look
	holds_only 60 "$NSINIT" -u --root "$rootfs" /look
	need_user_namespaces
	holds_only 60 "$NSINIT" --map-root-user -u --root "$rootfs" /look
	holds_only 60 "${nobody[@]}" "$copy" --map-root-user -u --root "$rootfs" /look
}

@test "--pid-file: COMMAND finds no descriptor of the file in PID 1, and the file contains only its PID" {
	prepare_look
	holds_only 60 "$NSINIT" -u --pid-file pid "$look"
	need_user_namespaces
	holds_only 60 "${nobody[@]}" "$copy" --map-root-user -u --pid-file pid "$look"
}

@test "as PID 1 nsinit has open the standard files, its signalfd, COMMAND's pidfd and one end of a socket" {
	prepare_look
	holds_only 90 "$NSINIT" -u "$look"
	holds_only 40 "$NSINIT" -u --wd /tmp -t 5 --ipc --uts "$look"
	holds_only 40 "${own_pidns[@]}" "$NSINIT" "$look"
	need_user_namespaces
	holds_only 90 "$NSINIT" --map-root-user -u "$look"
	holds_only 90 "${nobody[@]}" "$copy" --map-root-user -u "$look"
}

@test "PID 1 has no other descriptors with --export-proc, and with all of these options at once" {
	prepare_look
	holds_only 50 "$NSINIT" -u --export-proc seen "$look"
	holds_only 50 "$NSINIT" -u --root "$rootfs" --pid-file pid --export-proc seen --uts --ipc --net /look
	need_user_namespaces
	holds_only 50 "${nobody[@]}" "$copy" --map-root-user -u --root "$rootfs" --pid-file pid --uts --ipc --net /look
}

@test "descriptors that nsinit inherited are open in COMMAND, and closed in PID 1 by then" {
	prepare_look
	export KEEP="9 37 55"
	exec 9<. 37>extra 55</dev/null
	holds_only 50 "$NSINIT" -u "$look" -e 9 -e 37 -e 55
	holds_only 50 "$NSINIT" -u --root "$rootfs" --pid-file pid /look -e 9 -e 37 -e 55
	holds_only 30 "${own_pidns[@]}" "$NSINIT" "$look" -e 9 -e 37 -e 55
	need_user_namespaces
	holds_only 50 "${nobody[@]}" "$copy" --map-root-user -u "$look" -e 9 -e 37 -e 55
	exec 9<&- 37<&- 55<&-
}

# on_a_terminal RUNS COMMAND [ARG]...: the same if COMMAND is the session leader on a terminal.
on_a_terminal() {
	local runs=$1
	shift
	run "${fresh[@]}" bash -c '
		runs=$1 pty=$2
		shift 2
		for ((i = 1; i <= runs; i++)); do
			answer=$(echo wait | "$pty" screen "$@")
			[[ $answer == "exited 0" ]] || {
				echo "run $i of $runs, $answer: $*"
				cat screen
				exit 1
			}
		done' on_a_terminal "$runs" "$PROBES/pty" "$@" </dev/null 3>&-
	judge_look
}

@test "PID 1 has no other descriptors with a terminal, as the session leader and below a shell" {
	prepare_look
	local shell='for ((i = 0; i < 10; i++)); do "$@" || exit; done'
	on_a_terminal 20 "$NSINIT" -u "$look"
	on_a_terminal 20 "$NSINIT" -u --root "$rootfs" --pid-file pid /look
	on_a_terminal 4 bash -c "$shell" shell "$NSINIT" -u "$look"
	on_a_terminal 4 bash -c "$shell" shell "$NSINIT" -u --root "$rootfs" --pid-file pid /look
	on_a_terminal 4 bash -c "$shell" shell "$NSINIT" -u -g "$look" -t
	on_a_terminal 4 bash -c "$shell" shell "$NSINIT" -u -g --root "$rootfs" /look -t
	need_user_namespaces
	on_a_terminal 20 "${nobody[@]}" "$copy" --map-root-user -u --pid-file pid "$look"
	on_a_terminal 4 bash -c "$shell" shell "${nobody[@]}" "$copy" --map-root-user -u --root "$rootfs" /look
}

# pause_holds_only ARG...: check the descriptors of nsinit -P with ARG, from a process that has joined its namespaces by
# the words in $join. $seen is the probe's name there.
pause_holds_only() {
	spawn "$@" -P
	wait_for has_children 1 "$pid"
	inner=$(children "$pid")
	# Once it has received a signal, its start is complete.
	wait_for mask_set "$inner"
	kill -USR1 "$inner"
	wait_for handled "$inner"
	FOUND=$out SAID=$err run bash -c "$repeat" repeat 10 "${join[@]}" "$inner" "$seen" -j </dev/null 3>&-
	judge_look
	stop_it
	((status == 0))
}

@test "PID 1 has no other descriptors with -P, as seen by a process that joined" {
	need_mounted_root
	prepare_look
	cp "$PROBES/join" join
	join=("$place/join" -k pm)
	exec 37<.
	for _ in 1 2 3; do
		seen=$look pause_holds_only "$NSINIT" -u
		seen=/look pause_holds_only "$NSINIT" -u --root "$rootfs"
	done
	need_user_namespaces
	# By exec a process of another user would lose the capabilities of the namespace's root.
	join=("${nobody[@]}" "$place/join" -k pmU)
	seen=$look pause_holds_only "${nobody[@]}" "$copy" --map-root-user -u
	seen=/look pause_holds_only "${nobody[@]}" "$copy" --map-root-user -u --root "$rootfs"
	exec 37<&-
}

@test "an inner nsinit that is not PID 1 keeps only stderr of the standard files, and nothing else from outside" {
	prepare_look
	holds_only 50 "$NSINIT" --ipc --pid-file pid "$look" -o
	need_user_namespaces
	holds_only 50 "${nobody[@]}" "$copy" --map-root-user --pid-file pid "$look" -o
}

# bats test_tags=seccomp
@test "PID 1 has no other descriptors if clone(2) refuses shared memory without CLONE_VFORK, as under qemu's user mode" {
	prepare_look
	holds_only 100 "$PROBES/refuse" "$no_shared_memory" -- "$NSINIT" -u --pid-file pid "$look"
}

# bats test_tags=seccomp
@test "PID 1 has no other descriptors without pidfds and without close_range(2)" {
	prepare_look
	holds_only 20 "$PROBES/refuse" pidfd_send_signal:EPERM close_range:EPERM -- "$NSINIT" -u --pid-file pid "$look"
	holds_only 20 "$PROBES/refuse" close_range:ENOSYS -- "$NSINIT" -u --root "$rootfs" --pid-file pid /look
}

# --- ids ---

@test "--map-root-user maps COMMAND if /proc belongs to the parent PID namespace" {
	need_root
	need_user_namespaces
	run_nsinit --pid -- "$NSINIT" --map-root-user sh -c 'id -u; echo $(cat /proc/self/uid_map); cat /proc/self/setgroups'
	((status == 0))
	[[ -z $stderr && ${lines[*]} == "0 0 0 1 deny" ]]
	for_nobody
	run_as_nobody --map-root-user --pid -- "$copy" --map-root-user id -u
	((status == 0))
	[[ -z $stderr && $output == 0 ]]
}

@test "--map-root-user never maps another process: with the /proc of an unrelated PID namespace nsinit exits with 125" {
	need_root
	need_user_namespaces
	[[ -e /proc/sys/kernel/ns_last_pid ]] || missing "needs a kernel with CONFIG_CHECKPOINT_RESTORE"
	# In the inner namespace, processes with unmapped ids have the numbers 201 to 220. The nsinit under test, outside of
	# it, gets 201 and its inner process 202, and /proc shows it the inner namespace.
	run in_pidns '
		cd "$BATS_TEST_TMPDIR"
		"$NSINIT" --pid --export-proc proc bash -c "
			echo 200 >/proc/sys/kernel/ns_last_pid
			for _ in {1..20}; do
				unshare --user sleep 1000 &
			done
			wait" &
		launched=$!
		all_are_there() {
			local comm
			for ((i = 201; i <= 220; i++)); do
				read -r comm 2>/dev/null <"proc/$i/comm" && [[ $comm == sleep ]] || return
			done
		}
		wait_for all_are_there
		mount --bind proc /proc
		echo 200 >/proc/sys/kernel/ns_last_pid
		status=0
		"$NSINIT" --map-root-user sh -c "echo COMMAND runs as \$(id -u)" 2>said || status=$?
		cat said
		echo "status $status, $(grep -c "^nsinit: " said) line"
		cat /proc/2??/uid_map
		sort /proc/2??/setgroups | uniq -c
		umount /proc
		kill -TERM "$launched"
		wait "$launched" || :'
	echo "$output"
	((status == 0))
	# None of the 20 has a map, and setgroups(2) is not denied in any of them.
	((${#lines[@]} == 3))
	[[ ${lines[1]} == "status 125, 1 line" && ${lines[2]} == *" 20 allow" ]]
}

# --- signals and the socket ---

# meddled N: whether the probe has found and changed N descriptors of PID 1.
meddled() {
	said "DONE $1" "$out" || ended "$pid"
}

@test "root inside cannot stop the outer process from receiving signals and enforcing the grace" {
	need_root
	local how
	for how in -u "--map-root-user -u"; do
		[[ $how != *user* ]] || need_user_namespaces
		# shellcheck disable=SC2086 # words
		spawn "$NSINIT" $how -t 1 "$PROBES/meddle" -d -i
		wait_for meddled 1
		cat "$out" "$err"
		said "DONE 1" "$out"
		kill -USR1 "$pid"
		wait_for -t 10 handled "$pid"
		kill -TERM "$pid"
		wait_for -t 10 ended "$pid"
		finish
		((status == 137))
	done
}

@test "an empty packet on the socket between the two processes is not mistaken for the end of the inner one" {
	need_root
	local how
	for how in -u "-u -t 5" "-u --pid-file pid" "--map-root-user -u"; do
		[[ $how != *user* ]] || need_user_namespaces
		# shellcheck disable=SC2086 # words
		spawn "$NSINIT" $how "$PROBES/meddle" -p
		wait_for meddled 1
		kill -TERM "$pid" || :
		finish
		cat "$out" "$err"
		((status == 7))
		said "DONE 1" "$out"
		[[ ! -s $err && ! -e pid ]]
	done
}

# inside ARG...: nsinit -u with a user namespace, and COMMAND meddles with its sockets.
inside() {
	need_root
	need_user_namespaces
	spawn "$NSINIT" --map-root-user -u "$@"
}

@test "root inside cannot make the outer process spin by shutting the socket down" {
	inside "$PROBES/meddle" -w -i
	# The socket is of no use any more, as if the outer process had ended.
	finish
	((status == 137))
}

@test "root inside cannot make the outer process wait for the close of a descriptor" {
	inside --net "$PROBES/meddle" -l 1000 -i
	wait_for said READY "$out"
	# COMMAND is the child of the inner process. The outer one reads the packet once it is the last to hold the file.
	meddler=$(children "$(children "$pid")")
	kill -STOP "$pid"
	wait_for in_state "$pid" T
	kill -USR1 "$meddler"
	wait_for said "DONE 1" "$out"
	# The outer process leaves the packet and shuts the socket down, and the inner one ends.
	kill -CONT "$pid"
	finish
	((status == 137))
}

@test "a note from inside cannot make the outer process signal processes outside" {
	need_root
	need_user_namespaces
	local log=$BATS_TEST_TMPDIR/log
	# A child that nsinit has from before its exec is outside.
	spawn bash -c '"$PROBES/siglog" -x 10 -s 0 "$1" & exec "$NSINIT" --map-root-user -u "$PROBES/meddle" -n LEFT:0:1 -e' - "$log"
	wait_for said READY "$log"
	outside=$(sed -n 's/^READY //p' "$log")
	finish
	((status == 7))
	kill -USR1 "$outside"
	wait_for ended "$outside"
	run ! grep -q '^15 ' "$log"
}

@test "a note from inside, with a signal that COMMAND was stopped by, cannot make the outer process send that signal" {
	need_root
	need_user_namespaces
	need script bsdutils
	local level
	# With the wait(2) status "stopped by KILL".
	for level in '-g -u' -u; do
		run timeout 60 script -qec "sh -c '$NSINIT --map-root-user $level $PROBES/meddle -n STATUS:0x097f:1 -e; echo survived \$?'" /dev/null
		echo "$output"
		[[ $output == *"survived 7"* ]]
	done
}

@test "root inside cannot fill the pid file" {
	inside --pid-file "$BATS_TEST_TMPDIR/pid" "$PROBES/meddle" -n RUNS:0:1000
	wait_for said "DONE 1" "$out"
	(($(wc -l <"$BATS_TEST_TMPDIR/pid") <= 1))
	kill -TERM "$pid"
	finish
	((status == 7))
}

# hold_up SHEBANG: run the Python script on stdin. It has a write lease, by the descriptor fd, on the script sys.argv[2],
# which begins with SHEBANG. The lease holds up the exec of that script until it is given up, or for lease-break-time:
# 45 s (fcntl(2)). sys.argv[1] is nsinit.
hold_up() {
	need python3 python3
	printf '%s\nexit 0\n' "$1" >"$BATS_TEST_TMPDIR/leased"
	chmod +x "$BATS_TEST_TMPDIR/leased"
	run -0 timeout 100 python3 - "$NSINIT" "$BATS_TEST_TMPDIR/leased" < <(
		cat <<-'END'
			import fcntl, os, signal, subprocess, sys, time
			signal.signal(signal.SIGIO, signal.SIG_IGN)
			fd = os.open(sys.argv[2], os.O_RDONLY)
			fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
		END
		cat
	)
}

@test "a stop is kept while the exec of COMMAND is held up" {
	hold_up '#!/bin/sh' <<-'END'
		nsinit = subprocess.Popen([sys.argv[1], "-t", "5", sys.argv[2]])
		while fcntl.fcntl(fd, fcntl.F_GETLEASE) == fcntl.F_WRLCK:
		    time.sleep(0.01)
		nsinit.terminate()
		print(nsinit.wait(timeout=30))
	END
	[ "$output" = 143 ]
}

@test "an exec that was held up and then fails is 127, with the reason" {
	# nsinit supervises after a second, in which its first line appears.
	hold_up '#!/no/interpreter' <<-'END'
		nsinit = subprocess.Popen([sys.argv[1], "-v", sys.argv[2]], stderr=subprocess.PIPE, text=True)
		for line in nsinit.stderr:
		    if "started" in line:
		        break
		fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
		print(nsinit.stderr.read(), nsinit.wait(timeout=30))
	END
	[[ $output == *"the interpreter that it names does not)"*127 ]]
}

# --- --root ---

@test "--root works if the working directory or its parent cannot be searched" {
	need_root
	need_user_namespaces
	need busybox busybox-static
	for_nobody
	make_rootfs "$place/rootfs"
	mkdir -p "$place/private/open" "$place/private/closed"
	cp -r "$place/rootfs" "$place/private/rootfs"
	chown -R 65534:65534 "$place/private/open" "$place/private/rootfs"
	chmod 700 "$place/private" "$place/private/closed"
	local dir
	for dir in "$place/private/open" "$place/private/closed"; do
		cd "$dir"
		run_as_nobody --map-root-user -u --root "$place/rootfs" sh -c 'pwd; ls /'
		((status == 0))
		[[ -z $stderr && ${lines[*]} == "/ bin etc proc tmp" ]]
	done
	cd "$place/private/rootfs"
	run_as_nobody --map-root-user -u --root . sh -c 'pwd; ls /; echo $$'
	((status == 0))
	[[ -z $stderr && ${lines[*]} == "/ bin etc proc tmp 2" ]]
}

@test "a directory outside the root is refused, and its name is never mistaken for one inside" {
	need_mounted_root
	need_root
	# The name of a directory of another mount namespace begins with "(unreachable)" here. Create a directory with
	# that name.
	mkdir other
	spawn unshare --mount bash -c 'mount -t tmpfs tmpfs other && mkdir other/dir && exec sleep 1000'
	wait_for runs "$pid" sleep
	mkdir -p "(unreachable)$PWD/other/dir" "(unreachable)/dir"
	# The start of that name depends on the mount, not on the working directory.
	local name option before
	name=/proc/$pid/root$PWD/other/dir
	before=$(find "(unreachable)")
	for option in "--export-proc=$name" "--mount-proc=$name"; do
		run_nsinit --pid "$option" cat /proc/self/mountinfo
		echo "$output"
		((status == 125))
		[[ ${#stderr_lines[@]} -eq 1 && $stderr == "nsinit: "*"$name"* && $output != *unreachable* ]]
	done
	[[ $(find "(unreachable)") == "$before" ]]
	kill -TERM "$pid"
}

# bats test_tags=static
@test "processes that COMMAND leaves in a --root without /proc end with the grace, or nsinit logs that it cannot find them" {
	need_root
	need busybox busybox-static
	make_rootfs rootfs
	cp "$PROBES/outlive" rootfs/bin/
	local survivor
	for survivor in "" -i; do
		# shellcheck disable=SC2086 # one word or none
		spawn "$NSINIT" -t 1 --root rootfs outlive -d $survivor -s 3 1 /log
		finish
		cat "$err"
		((status == 3))
		command=$(sed -n 's/^READY //p' rootfs/log)
		gone "$command" || [[ $(<"$err") == "nsinit: "* ]]
		rm rootfs/log
	done
}

# bats test_tags=static
@test "a false /proc in the directory for --root cannot make nsinit signal other processes" {
	need_root
	need busybox busybox-static
	make_rootfs rootfs
	cp "$PROBES/outlive" rootfs/bin/
	mkfifo rootfs/go
	spawn sleep 1000
	victim=$pid
	spawn "$NSINIT" -t 1 --root rootfs sh -c 'read -r _ </go; exec outlive -d -s 3 1 /log'
	wait_for has_children 1 "$pid"
	inner=$(children "$pid")
	wait_for has_children 1 "$inner"
	# According to these files the victim is a child of the inner process.
	ln -s "$inner" rootfs/proc/self
	mkdir "rootfs/proc/$victim"
	echo "$victim (sleep) S $inner $victim $victim 0 -1" >"rootfs/proc/$victim/stat"
	echo >rootfs/go
	finish
	cat "$err"
	((status == 3))
	not ended "$victim"
}

@test "an unprivileged COMMAND below root's PID 1 can neither signal PID 1 nor see its descriptors" {
	need_root
	for_nobody
	cp "$PROBES/descriptors" "$place/look"
	run_nsinit -u "${nobody[@]}" sh -c '
		! kill -TERM 1 2>/dev/null || echo signalled
		ls /proc/1/fd 2>/dev/null
		readlink /proc/1/cwd /proc/1/root
		"$0" -n 1' "$place/look"
	echo "$output $stderr"
	((status == 97))
	[[ -z $output && $stderr == *"pidfd_getfd: Operation not permitted"* ]]
}

# stays_inside COMMAND [ARG]...: run COMMAND, nsinit, with a program that tries to leave the root directory. Check that
# nsinit refuses, or that the attempt fails.
stays_inside() {
	run "$@" /leave /outside </dev/null 3>&-
	echo "$output"
	[[ $output != *LEFT* ]]
	[[ $status == 0 && $output == *KEPT || $status == 125 ]]
}

@test "root of a user namespace cannot leave a --root, even in a chroot" {
	need_root
	for_nobody
	mkdir -p "$place/chroot/rootfs/proc" "$place/chroot/proc"
	cp "$PROBES/leave" "$place/chroot/rootfs/leave"
	cp "$NSINIT" "$place/chroot/nsinit"
	: >"$place/chroot/outside"
	chmod 777 "$place/chroot/rootfs"
	stays_inside "${own_pidns[@]}" --mount-proc="$place/chroot/proc" \
		chroot "$place/chroot" /nsinit --map-root-user -u --root /rootfs
	need_user_namespaces
	: >"$BATS_TEST_TMPDIR/outside"
	for how in "$NSINIT" "${nobody[*]} $copy"; do
		# shellcheck disable=SC2086 # words
		run $how --map-root-user -u --root "$place/chroot/rootfs" /leave "$BATS_TEST_TMPDIR/outside" </dev/null 3>&-
		echo "$output"
		[[ $status == 0 && $output == KEPT ]]
	done
}

# bats test_tags=qemu
@test "root of a user namespace cannot leave a --root on an initramfs" {
	need_vm
	local tree=$BATS_TEST_TMPDIR/tree
	vm_tree "$tree"
	mkdir -p "$tree/proc" "$tree/rootfs/proc"
	cp "$PROBES/leave" "$tree/rootfs/"
	: >"$tree/outside"
	vm_script "$tree/run" <<-'END'
		mount -t proc proc /proc
		/nsinit --map-root-user -u --root /rootfs /leave /outside
		echo "status $?, seen"
	END
	vm_pack "$tree" "$BATS_TEST_TMPDIR/image"
	vm_run "rdinit=/nsinit -- /run" -initrd "$BATS_TEST_TMPDIR/image"
	vm_powered_off
	vm_said ', seen'
	vm_not_said LEFT
	vm_said 'status 125, seen' || vm_said KEPT
}

# --- a wait that fails ---

# bats test_tags=seccomp
@test "if wait4(2) fails with EPERM, nsinit sleeps, and TERM ends COMMAND and nsinit" {
	need_root
	local level
	for level in alone pid1 two; do
		printf '#!/bin/sh\nexec "%s" wait4:EPERM -- "%s" "$@"\n' "$PROBES/refuse" "$NSINIT" >refusing
		chmod +x refusing
		NSINIT=$PWD/refusing start_at "$level" "$PROBES/siglog" -x 15 log
		wait_for said READY log
		command=$(sed -n 's/^READY //p' log)
		sleeps_for_ten
		kill -TERM "$pid"
		wait_for -t 10 said "15 " log
		wait_for -t 10 ended "$waited"
		end_of_it
		cat "$err"
		rm log
	done
}

# sleeps_for_ten: check ten times in a row that $pid sleeps.
sleeps_for_ten() {
	local asleep=0
	wait_for -t 10 is_asleep
}

is_asleep() {
	if in_state "$pid" S; then
		((++asleep >= 10))
	else
		asleep=0
		return 1
	fi
}
