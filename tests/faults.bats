#!/usr/bin/env bats
# bats file_tags=seccomp
# Refusals of the kernel: a call fails once, a kind of call always fails, or a limit on processes or files is reached.
# seccomp(2) simulates older kernels and the filters of engines. tests/faults.sh covers all calls.

# shellcheck disable=SC2016,SC2030,SC2031,SC2217

load helper
load levels
load namespaces

# --- one call fails once ---

# strike SCENARIO...: let every call of these scenarios fail once.
strike() {
	need_root
	need script bsdutils
	need_mounted_root
	run "$root/tests/faults.sh" "$@"
	echo "$output"
	[ "$status" -eq 0 ]
	# Each scenario has made some call fail.
	for scenario; do
		[[ $output =~ "$scenario: "[1-9][0-9]*" faults," ]]
	done
}

# bats test_tags=seccomp,tree
@test "each call that fails once before or while COMMAND runs is tolerated, or reported with status 125" {
	strike alone proc signals early missing apart apart_signals apart_missing
}

# bats test_tags=seccomp,tree
@test "each call that fails once in a stop or at the end is tolerated, or reported with status 125" {
	strike grace linger deadline pause
}

# bats test_tags=seccomp,tree
@test "each call that fails once in PID 1 is tolerated, or reported with status 125" {
	strike pid1 pid1_grace
}

# bats test_tags=seccomp,tree
@test "each call that fails once in the outer or the inner nsinit is tolerated, or reported with status 125, and nothing is left" {
	strike unshare unshare_signals unshare_stop export rootless kill_child
}

# bats test_tags=seccomp,tree
@test "each call that fails once with a terminal is tolerated, or reported with status 125" {
	strike shell shell_group leader leader_unshare
}

# nsinit and the process that becomes COMMAND share errno until exec, and nsinit's own calls may fail meanwhile.
@test "an execve(2) whose error may be nsinit's is repeated, with a path and with a search of PATH" {
	local report=$BATS_TEST_TMPDIR/report command error
	need_root
	ln -s "$PROBES/die" "$BATS_TEST_TMPDIR/die"
	for command in "$PROBES/die" die; do
		for error in ETIMEDOUT EAGAIN ESRCH; do
			PATH=/none:$PATH:$BATS_TEST_TMPDIR run -7 "$PROBES/fault" -x "$NSINIT" -o "$report" \
				-i "1:execve:1:$error" -- "$NSINIT" "$command" 7
			grep -qx INJECTED "$report"
		done
	done
}

# --- calls that the kernel lacks, or a filter refuses ---

exit_info=0xc040ff0b # PIDFD_GET_INFO, with room for a status
newer=(pidfd_open pidfd_send_signal close_range pwritev2 "ioctl/1=$exit_info" 'clone/0&0x1000')

# under LEVEL REFUSAL... -- ARG...: like start_at, with nsinit below a filter.
under() {
	local level=$1 name
	shift
	local -a refusals=()
	while [[ $1 != -- ]]; do
		refusals+=("$1")
		shift
	done
	shift
	name=$NSINIT
	NSINIT=$BATS_TEST_TMPDIR/nsinit
	printf '#!/bin/sh\nexec "%s" ' "$PROBES/refuse" >"$NSINIT"
	printf "'%s' " "${refusals[@]}" -- "$name" >>"$NSINIT"
	printf '"$@"\n' >>"$NSINIT"
	chmod +x "$NSINIT"
	start_at "$level" "$@"
	NSINIT=$name
}

# passes LEVEL REFUSAL...: check that three signals reach COMMAND in order, one of them with its value, and that nsinit
# returns COMMAND's status, without any message.
passes() {
	local log=$BATS_TEST_TMPDIR/log
	echo "refused: ${*:2}"
	rm -f "$log"
	under "$@" -- "$PROBES/siglog" -x 15 -s 7 "$log"
	wait_for said READY "$log"
	kill -USR1 "$pid"
	wait_for said "10 0 " "$log"
	"$PROBES/sigsend" -q 42 "$pid" 35
	wait_for said "35 -1 " "$log"
	kill -TERM "$pid"
	end_of_it
	[ "$status" -eq 7 ]
	[ "$(sed 1d "$log" | cut -d' ' -f1,2,5 | paste -sd,)" = "10 0 0,35 -1 42,15 0 0" ]
	[ ! -s "$err" ] || cat "$err"
	[ ! -s "$err" ]
}

@test "signals and the status arrive if all newer calls are refused, with EPERM or with ENOSYS" {
	need_root
	for level in "${levels[@]}"; do
		passes "$level" "${newer[@]/%/:EPERM}"
		passes "$level" "${newer[@]/%/:ENOSYS}"
	done
}

@test "signals and the status arrive if any one of the newer calls is refused" {
	need_root
	for call in "${newer[@]}"; do
		passes pid1 "$call:EPERM"
	done
	passes pid1 "ioctl/1=$exit_info:ENOTTY"
	passes alone pidfd_send_signal:EPERM
	passes two pidfd_send_signal:ENOSYS
	passes two 'clone/0&0x1000:EINVAL'
}

# musl's clone(3) refuses CLONE_THREAD, CLONE_SETTLS and CLONE_CHILD_CLEARTID since 1.2.5.
@test "COMMAND shares nsinit's memory until its exec, which needs no flag of clone(2) that a libc refuses" {
	need_root
	# A copy needs a mapping that is MAP_SHARED and MAP_ANONYMOUS.
	passes alone mmap/3=0x21:EPERM 'clone/0&0x290000:EINVAL'
	passes pid1 mmap/3=0x21:EPERM 'clone/0&0x290000:EINVAL'
}

@test "the start of COMMAND wakes nsinit, which otherwise waits for a second, with shared and with separate memory" {
	need_root
	need strace strace
	local trace=$BATS_TEST_TMPDIR/trace
	for refusal in '' "$no_shared_memory"; do
		spawn ${refusal:+"$PROBES/refuse" "$refusal" --} strace -qqo "$trace" -e trace=futex \
			"$NSINIT" "$PROBES/siglog" -x 15 -s 7 "$trace.log"
		wait_for said READY "$trace.log"
		kill -TERM "$(children "$pid")"
		finish
		[ "$status" -eq 7 ]
		cat "$trace"
		# A wait ends after 20 ms, so there are 50 of them in a second.
		(($(wc -l <"$trace") < 45))
	done
}

@test "signals and the status arrive if COMMAND cannot share nsinit's memory until its exec" {
	need_root
	for level in "${levels[@]}"; do
		passes "$level" "$no_shared_memory"
		passes "$level" "$no_shared_memory" "${newer[@]/%/:ENOSYS}"
	done
}

@test "if COMMAND cannot share nsinit's memory, an exec that fails is still nsinit's own 126 or 127, with one message" {
	need_root
	cd "$BATS_TEST_TMPDIR"
	for level in alone two; do
		for row in '127 ./none: No such file or directory' '126 /: Permission denied'; do
			name=${row#* }
			under "$level" "$no_shared_memory" -- -e 126 -e 127 --pid-file pid "${name%%:*}"
			end_of_it
			cat "$err"
			[ "$status" -eq "${row%% *}" ]
			[ ! -e pid ]
			[ "$(<"$err")" = "nsinit: $name" ]
		done
	done
}

@test "if COMMAND cannot share nsinit's memory, the PID file names it, and a signal reaches it once" {
	need_root
	cd "$BATS_TEST_TMPDIR"
	for level in alone two; do
		rm -f log
		under "$level" "$no_shared_memory" -- --pid-file pid "$PROBES/siglog" -n 1 -s 7 log
		wait_for said READY log
		wait_for test -s pid
		[[ $(tr '\0' ' ' <"/proc/$(<pid)/cmdline") == *siglog* ]]
		kill -USR1 "$pid"
		end_of_it
		[ "$status" -eq 7 ]
		[ "$(sed 1d log | cut -d' ' -f1,2)" = "10 0" ]
	done
}

@test "a PID file is written and removed also if statx(2) is refused" {
	need_root
	cd "$BATS_TEST_TMPDIR"
	for error in EPERM ENOSYS; do
		for level in alone two; do
			under "$level" "statx:$error" -- --pid-file pid "$PROBES/siglog" -x 15 -s 7 "$level.$error"
			wait_for said READY "$level.$error"
			wait_for test -s pid
			kill -TERM "$pid"
			end_of_it
			[ "$status" -eq 7 ]
			[ ! -e pid ]
		done
	done
}

@test "as a subreaper, -t ends the processes that COMMAND left and no others, with pidfds and without" {
	need_root
	local refusal
	for refusal in '' pidfd_open:EPERM pidfd_open:ENOSYS pidfd_send_signal:EPERM; do
		echo "refused: $refusal"
		# Use a new PID namespace, so that a failure of the test does not affect other processes.
		run -0 unshare --pid --mount --fork --mount-proc --kill-child bash -c '
			sleep 1000 &
			beside=$!
			status=0
			${1:+"$PROBES/refuse" "$1" --} "$NSINIT" -t 5 -- bash -c "sleep 1001 & exit 7" || status=$?
			read -r _ _ state _ <"/proc/$beside/stat"
			echo "$status, beside: $state, left: $(grep -lsxz "100[1]" /proc/[0-9]*/cmdline)"' - "$refusal"
		echo "$output"
		[[ $output == "7, beside: S, left: " ]]
	done
}

@test "a group is signalled by PIDFD_SIGNAL_PROCESS_GROUP or by its number before COMMAND has been reaped, and never after" {
	need strace strace
	log=$BATS_TEST_TMPDIR/log
	spawn strace -o "$BATS_TEST_TMPDIR/trace" -e trace=kill,wait4 \
		"$PROBES/refuse" pidfd_send_signal:ENOSYS -- \
		"$NSINIT" -t 20 "$PROBES/outlive" -i -s 7 1 "$log"
	wait_for said TERM "$log"
	tracer=$pid
	pid=$(children "$tracer")
	command=$(sed -n 's/^wait4(.*WEXITSTATUS(s) == 7.*= \([0-9]*\)$/\1/p' "$BATS_TEST_TMPDIR/trace")
	[ -n "$command" ]
	# The survivor ignores the TERM at the end. A different signal to COMMAND's group ends it.
	kill -USR1 "$pid"
	finish "$tracer"
	[ "$status" -eq 7 ]
	run ! grep -E "^kill\(-?$command," <(sed "1,/= $command\$/d" "$BATS_TEST_TMPDIR/trace")
}

@test "without close_range(2) all descriptors are closed, also high ones, without a loop up to the limit" {
	need strace strace
	high=$(($(ulimit -Hn) - 1))
	spawn "$PROBES/refuse" close_range:ENOSYS -- prlimit --nofile=$((high + 1)) bash -c "
		exec 5<>/dev/null $high<>/dev/null"'
		exec strace -qo "$0" -e trace=close "$NSINIT" "$PROBES/siglog" -x 15 -s 7 -' "$BATS_TEST_TMPDIR/trace"
	wait_for said READY "$out"
	tracer=$pid
	pid=$(children "$tracer")
	wait_for has_closed "$pid" 0 1 5 "$high"
	kill -TERM "$pid"
	finish "$tracer"
	[ "$status" -eq 7 ]
	(($(wc -l <"$BATS_TEST_TMPDIR/trace") < 50))
}

# has_closed PID FD...: whether PID has none of these open.
has_closed() {
	local pid=$1
	shift
	for fd; do
		[[ ! -e /proc/$pid/fd/$fd ]] || return 1
	done
}

@test "without a /proc that lists open files, all descriptors below 65536 are closed" {
	need_root
	need_mounted_root
	high=$(($(ulimit -Hn) - 1))
	((high < 65536)) || high=65535
	spawn unshare --mount prlimit --nofile=$((high + 1)) bash -c "
		exec 5<>/dev/null $high<>/dev/null"'
		mount -t tmpfs none /proc
		exec "$PROBES/refuse" close_range:ENOSYS -- "$NSINIT" "$PROBES/siglog" -x 15 -s 7 -'
	wait_for said READY "$out"
	wait_for has_closed "$pid" 0 1 5 "$high"
	kill -TERM "$pid"
	finish
	[ "$status" -eq 7 ]
}

# --- limits ---

@test "at a limit on processes nsinit exits with 125 and a message that names it, and nothing is left" {
	need_root
	need setpriv util-linux
	# The tree may be in a directory that only root can search.
	for_nobody
	# A user ID without any other processes.
	run --separate-stderr setpriv --reuid 64321 --regid 64321 --clear-groups prlimit --nproc=1 "$copy" true
	[ "$status" -eq 125 ]
	[[ $stderr == "nsinit: cannot start true: "*"(a limit on processes: pids.max, RLIMIT_NPROC)" ]]
}

# Make a control group for N processes, which the processes started by join belong to. If no control group can be
# written, the tests are skipped.
pids_group() {
	local parent
	for parent in /sys/fs/cgroup/pids "/sys/fs/cgroup/pids$(sed -n 's/^[0-9]*:pids://p' /proc/self/cgroup)" \
		/sys/fs/cgroup; do
		group=$parent/nsinit-test-$BATS_SUITE_TEST_NUMBER-$$
		if mkdir "$group" 2>/dev/null; then
			if echo "$1" 2>/dev/null >"$group/pids.max"; then
				return
			fi
			rmdir "$group"
		fi
	done
	group=
	missing "needs a pids control group that can be written: run outside of a container (docker.io: --privileged)"
}

teardown() {
	if [[ ${group:-} ]]; then
		xargs -r kill -KILL <"$group/cgroup.procs" 2>/dev/null || :
		wait_for empty_group
		rmdir "$group"
	fi
	helper_teardown
}

empty_group() {
	[[ -z $(<"$group/cgroup.procs") ]]
}

# join COMMAND...: become COMMAND in the group.
join() {
	echo "$BASHPID" >"$group/cgroup.procs" && exec "$@"
}
export -f join

@test "if pids.max allows only nsinit, it exits with 125 and a message that names pids.max, with and without a namespace" {
	need_root
	pids_group 1
	export group
	run --separate-stderr bash -c 'join "$NSINIT" true'
	[ "$status" -eq 125 ]
	[[ $stderr == "nsinit: cannot start true: "*"pids.max"* ]]
	run --separate-stderr bash -c 'join "$NSINIT" -u true'
	[ "$status" -eq 125 ]
	[[ $stderr == "nsinit: cannot create new namespaces (pid, mount): "*"pids.max"* ]]
	# There is room for the inner process, but not for COMMAND.
	echo 2 >"$group/pids.max"
	run --separate-stderr bash -c 'join "$NSINIT" -u true'
	[ "$status" -eq 125 ]
	[[ $stderr == "nsinit: cannot start true: "*"pids.max"* ]]
	wait_for empty_group
}

@test "a fork bomb under pids.max is ended by one TERM and the grace" {
	need_root
	pids_group 300
	export group
	for level in two pid1; do
		local name=$NSINIT
		NSINIT=$BATS_TEST_TMPDIR/nsinit
		printf '#!/bin/bash\necho $$ >%s/cgroup.procs\nexec %s "$@"\n' "$group" "$name" >"$NSINIT"
		chmod +x "$NSINIT"
		# They ignore TERM, so the end of the grace has to kill them.
		start_at "$level" -t 0.5 bash -c 'trap "" TERM; bomb() { bomb | bomb & }; while :; do bomb; done' 2>/dev/null
		NSINIT=$name
		wait_for full_group
		kill -TERM "$pid"
		WAIT=120 end_of_it
		[ "$status" -eq 137 ]
		WAIT=120 wait_for empty_group
	done
}

full_group() {
	(($(<"$group/pids.current") > 250))
}

# bats test_tags=static
@test "with too few descriptors nsinit logs it and exits with 125, or returns COMMAND's status" {
	need_root
	for n in 3 4 5 6 7 8 9; do
		for option in '' -u --pid-file="$BATS_TEST_TMPDIR/pid" --export-proc="$BATS_TEST_TMPDIR/made/proc"; do
			[[ $option != --export* ]] || option="-u $option"
			# shellcheck disable=SC2086 # two words
			run --separate-stderr "${fresh[@]}" "$PROBES/oddparent" -L nofile=$n -- "$NSINIT" $option \
				"$PROBES/die" 7 </dev/null 3>&-
			echo "nofile $n, $option: $status, $stderr"
			case $status in
			7) [[ -z $stderr ]] ;;
			125) [[ $stderr == "nsinit: "* ]] ;;
			*) false ;;
			esac
			[[ ! -e $BATS_TEST_TMPDIR/pid && ! -e $BATS_TEST_TMPDIR/made ]]
			((n > 3)) || [[ $status == 125 && $stderr == *"cannot wait for signals: "* ]]
			((n < 9)) || [[ $status == 7 ]]
		done
	done
}

# bats test_tags=seccomp,static
@test "with too little memory nsinit logs it and exits with 125 or 126, and does not crash" {
	for kb in 64 128 256 512 1024 4096; do
		# The kernel kills a program that it cannot load (execve(2)), so find by prlimit a limit with which
		# nsinit can be loaded.
		run --separate-stderr "${fresh[@]}" "$NSINIT" prlimit --as=$((kb * 1024)) "$NSINIT" "$PROBES/die" 7
		echo "$kb kB: $status, $stderr"
		case $status in
		7) ;;
		125 | 126) [[ $stderr == "nsinit: "* || $stderr == *prlimit* ]] ;;
		139 | 137) ((kb < 1024)) ;; # the kernel killed it in exec
		*) false ;;
		esac
	done
	[ "$status" -eq 7 ]
}

@test "with RLIMIT_SIGPENDING 0 no signal is lost" {
	log=$BATS_TEST_TMPDIR/log
	start_nsinit prlimit --sigpending=0 "$PROBES/siglog" -x 15 -s 7 "$log"
	wait_for said READY "$log"
	kill -USR1 "$pid"
	wait_for said "10 " "$log"
	"$PROBES/sigsend" -q 42 "$pid" 35
	wait_for said "35 " "$log"
	kill -TERM "$pid"
	finish
	[ "$status" -eq 7 ]
	# The value is lost, and nsinit logs that.
	grep -q "^nsinit: signal RTMIN+1 lost its value on the way to PID [0-9]*: Resource" "$err"
	[ "$(wc -l <"$err")" -eq 1 ]

	rm "$log"
	start_nsinit -v true
	finish
	spawn "$PROBES/oddparent" -L sigpending=0 -- "$NSINIT" "$PROBES/siglog" -x 15 -s 7 "$log"
	wait_for said READY "$log"
	kill -USR1 "$pid"
	wait_for said "10 " "$log"
	kill -TERM "$pid"
	finish
	[ "$status" -eq 7 ]
}

# --- a stderr that is not read ---

@test "a stderr that is full, or has no reader, delays nothing and harms no process" {
	for odd in -F -E; do
		for level in "" -u; do
			log=$BATS_TEST_TMPDIR/log
			rm -f "$log"
			spawn "$PROBES/oddparent" "$odd" -- "$NSINIT" -vv $level "$PROBES/siglog" -x 15 -s 7 "$log"
			wait_for said READY "$log"
			kill -USR1 "$pid"
			wait_for said "10 " "$log"
			kill -TERM "$pid"
			finish
			[ "$status" -eq 7 ]
			# COMMAND received neither PIPE nor any other signal that nsinit caused.
			[ "$(sed 1d "$log" | cut -d' ' -f1 | paste -sd' ')" = "10 15" ]
		done
	done
}

@test "a stopped reader of stderr delays nothing" {
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	sleep 1000 <"$BATS_TEST_TMPDIR/pipe" 3>&- &
	reader=$!
	exec 4>"$BATS_TEST_TMPDIR/pipe"
	kill -STOP "$reader"
	# One line for each of 3000 orphans is more than a pipe can hold.
	spawn bash -c 'exec "$NSINIT" -w "$PROBES/orphans" -s 7 3000 2>&4'
	WAIT=120 finish
	[ "$status" -eq 7 ]
	kill -KILL "$reader"
	kill -CONT "$reader" 2>/dev/null || :
}
