#!/usr/bin/env bats
# shellcheck disable=SC2016 # what stands in single quotes is for an inner shell
# Costs of nsinit that do not depend on the load of the machine: system calls, wakeups, pages, bytes. bench/run measures
# times. This file also checks that the fast paths always return the right status.
#
# STATUSES is how often each of the tests of statuses checks one (10000 for a long run).

load helper

setup() {
	helper_setup
	need_root
}

# Whether the kernel can reap orphans and keep COMMAND's status (Linux 6.15).
kernel_reaps() {
	local major minor
	IFS=.- read -r major minor _ < <(uname -r)
	((major > 6 || (major == 6 && minor >= 15)))
}

# small PID...: whether each has at most 48 kB in memory.
small() {
	local p kb
	for p; do
		kb=$(sed -n 's/^Rss: *\([0-9]*\) kB/\1/p' "/proc/$p/smaps_rollup")
		echo "$p: $kb kB"
		((kb <= 48)) || return 1
	done
}

# inner PID: print the PID of the inner nsinit, once COMMAND, sleep, runs below it.
inner() {
	local below
	below=$(children "$1")
	[[ -n $below ]] && runs "$(children "$below")" sleep && echo "$below"
}

has_inner() {
	inner "$1" >/dev/null
}

has_sleep() {
	runs "$(children "$1")" sleep
}

# calls_before_command TRACE: print the number of system calls between nsinit's execve and COMMAND's in a trace by
# strace -f.
calls_before_command() {
	awk '/resumed>/ || NR == 1 { next }
		/execve\(/ { found = 1; exit }
		{ n++; print > "/dev/stderr" }
		END { if (!found) exit 1; print n }' "$1"
}

# bats test_tags=static
@test "24 system calls or fewer come before COMMAND" {
	need strace strace
	"${fresh[@]}" strace -f -qq -e signal=none -o "$BATS_TEST_TMPDIR/trace" "$NSINIT" -- "$PROBES/die" 0 3>&-
	count=$(calls_before_command "$BATS_TEST_TMPDIR/trace")
	echo "$count calls"
	((count >= 5 && count <= 24))
}

# bats test_tags=static
@test "24 system calls or fewer come before COMMAND if nsinit is PID 1" {
	need strace strace
	"${fresh[@]}" strace -f -qq -e signal=none -o "$BATS_TEST_TMPDIR/trace" \
		"${own_pidns[@]}" "$NSINIT" -- "$PROBES/die" 0 3>&-
	# The calls of unshare are not counted: the count begins with nsinit's execve.
	pid=$(awk '/execve\(/ && /"--", / && !/unshare/ { print $1; exit }' "$BATS_TEST_TMPDIR/trace")
	awk -v pid="$pid" '$1 == pid && /execve\(/ { on = 1 } on' "$BATS_TEST_TMPDIR/trace" >"$BATS_TEST_TMPDIR/nsinit"
	count=$(calls_before_command "$BATS_TEST_TMPDIR/nsinit")
	echo "$count calls"
	((count >= 5 && count <= 24))
}

# turns COMMAND...: print the changes of scheduling by COMMAND, an nsinit, and the place of its own COMMAND's start
# between them. nsinit's COMMAND ends once nsinit has asked how it is scheduled.
turns() {
	# Count from nsinit's start on, because newer versions of chrt make such calls themselves.
	local timeout trace=$BATS_TEST_TMPDIR/trace start="0,\|execve(\"$NSINIT\"|d"
	timeout=$(command -v timeout)
	"${fresh[@]}" strace -f -qq -e signal=none -o "$trace" -e trace=execve,sched_getattr,sched_setattr "$@" \
		"$timeout" 20 bash -c 'until sed "$1" "$2" | grep -q "getattr[(]0"; do :; done' - "$start" "$trace" 3>&-
	sed -n "$start; s|.*execve(\"$timeout\".*|COMMAND|p; s/.*\(sched_setattr(.*})*\).*/\1/p" "$trace"
}

@test "nsinit requests short time slices once COMMAND runs, and changes nothing else of its scheduling" {
	need strace strace
	# The tests may already run with a nice value.
	[[ $(turns "${own_pidns[@]}" nice -n 7 "$NSINIT") == $'COMMAND\n'"sched_setattr(0, {size=48, sched_policy=SCHED_OTHER, \
sched_flags=0, sched_nice=$(nice -n 7 nice), sched_priority=0, sched_runtime=100000,"* ]]
	[[ $(turns "${own_pidns[@]}" chrt -b 0 "$NSINIT") == COMMAND ]]
	[[ $(turns "$NSINIT") == $'COMMAND\nsched_setattr('*sched_runtime=100000* ]]
}

@test "nsinit allocates nothing once COMMAND runs, neither for signals and orphans nor at the end" {
	need strace strace
	spawn strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -e signal=none "$NSINIT" -u -t 10 -- \
		bash -c 'trap "exit 7" USR1; "$PROBES/orphans" 10; setsid sleep 1000 & echo ready; while :; do read -rt 1 <> <(:); done'
	wait_for said ready "$out"
	outer=$(children "$pid")
	kill -WINCH "$outer"
	kill -USR1 "$outer"
	finish
	((status == 7))
	# nsinit's are the outer and the inner process: those that made no execve, and the first one.
	awk '{ pid = $1 }
		NR == 1 { ours[pid] = 1; next }
		/ clone\(.*CLONE_NEWPID/ { inside = 1 }
		/ execve\(/ { begun = 1; delete ours[pid]; seen[pid] = 1 }
		!(pid in seen) && inside && !begun && !(pid in ours) { ours[pid] = 1 }
		begun && (pid in ours) { calls++ }
		begun && (pid in ours) && / (brk|mmap|mmap2|mremap)\(/ { print "allocates: " $0; bad = 1 }
		END { print calls " calls looked at"; exit bad || calls < 20 }' "$BATS_TEST_TMPDIR/trace"
}

@test "an idle nsinit never wakes up, whether alone, PID 1, outer or inner" {
	start_nsinit sleep 1000
	alone=$pid
	start_pid1 sleep 1000
	first=$pid
	start_nsinit -u sleep 1000
	wait_for has_inner "$pid"
	wait_for has_sleep "$alone"
	wait_for has_sleep "$first"
	all=("$alone" "$first" "$pid" "$(inner "$pid")")
	# Repeated, because these may be the last steps before the sleep.
	wait_for never_wakes "${all[@]}"
}

# bats test_tags=tree
@test "an idle nsinit has 48 kB in memory or less, also after signals and orphans" {
	# The limit holds for the build with musl. Others include their libc.
	(($(stat -Lc %s "$NSINIT") < 100000)) || skip "for the musl build"
	start_nsinit bash -c '"$PROBES/orphans" 20; echo ready; exec sleep 1000'
	alone=$pid
	wait_for said ready "$out"
	start_pid1 sleep 1000
	first=$pid
	start_nsinit -u sleep 1000
	wait_for has_inner "$pid"
	wait_for has_sleep "$alone"
	wait_for has_sleep "$first"
	all=("$alone" "$first" "$pid" "$(inner "$pid")")
	wait_for never_wakes "${all[@]}"
	small "${all[@]}"
	kill -WINCH "${all[@]}"
	wait_for never_wakes "${all[@]}"
	small "${all[@]}"
}

# start_storm ARG...: start nsinit as PID 1 with ARGs, and with a COMMAND that makes 3,000 orphans once $go exists.
start_storm() {
	go=$BATS_TEST_TMPDIR/go
	start_pid1 "$@" bash -c 'until [[ -e $1 ]]; do read -rt 0.02 <> <(:); done
		"$PROBES/orphans" -b 100 3000; exec sleep 1000' storm "$go"
	wait_for never_wakes "$pid"
}

only_child_is_sleep() {
	has_children 1 "$1" && has_sleep "$1"
}

@test "a container's PID 1 does not wake up for 3,000 orphans if the kernel can reap them" {
	kernel_reaps || skip "needs Linux 6.15: the kernel keeps no status of those it reaps"
	start_storm --
	before=$(switches "$pid")
	: >"$go"
	wait_for said 'DONE 3000' "$out"
	wait_for only_child_is_sleep "$pid"
	[[ $(switches "$pid") == "$before" ]]
}

@test "nsinit reaps all 3,000 orphans itself if each has to be logged" {
	start_storm -w --
	before=$(switches "$pid")
	: >"$go"
	wait_for said 'DONE 3000' "$out"
	wait_for only_child_is_sleep "$pid"
	[[ $(switches "$pid") != "$before" ]]
	(($(grep -c 'reaped orphan' "$err") >= 3000))
}

# cpu_of_children ARG...: print the hundredths of a second that COMMAND used, as the shell above nsinit sees it.
cpu_of_children() {
	"${fresh[@]}" bash -c 'TIMEFORMAT="%U %S"; time "$@"' time "$@" 2>&1 3>&- | awk '{ print int(($1 + $2) * 100) }'
}

@test "the times of COMMAND below nsinit are counted, with and without -u" {
	# Until it has used 0.3 s of CPU, by its own count (fields 14 and 15 of proc_pid_stat(5)).
	burn='until read -ra stat <"/proc/$$/stat" && ((stat[13] + stat[14] >= 30)); do
		for ((i = 0; i < 20000; i++)); do :; done
	done'
	for option in -- -u; do
		used=$(cpu_of_children "$NSINIT" "$option" bash -c "$burn")
		echo "$option: $used hundredths"
		((used >= 25))
	done
}

right_statuses() {
	"${fresh[@]}" "$PROBES/statuses" "$@" 3>&-
}

@test "each status and each signal is correct when the kernel reaps, many times" {
	right_statuses -p "${STATUSES:-1000}" "$NSINIT" --
}

@test "each status and each signal is correct when nsinit reaps, many times" {
	right_statuses -p "${STATUSES:-1000}" "$NSINIT" -w --
	right_statuses "${STATUSES:-1000}" "$NSINIT" --
}

@test "each status and each signal is correct through two levels, many times" {
	right_statuses "${STATUSES:-1000}" "$NSINIT" -u --
}

@test "each status is correct if orphans end with COMMAND, with and without a grace" {
	right_statuses -p -o "${STATUSES:-500}" "$NSINIT" --
	right_statuses -p -o "${STATUSES:-500}" "$NSINIT" -t 30 --
	right_statuses -p "${STATUSES:-500}" "$NSINIT" -t 30 --
	right_statuses -p -o "${STATUSES:-500}" "$NSINIT" -w -t 30 --
	right_statuses -o "${STATUSES:-500}" "$NSINIT" -t 30 --
}

@test "without children a grace reads no process from /proc" {
	need strace strace
	"${fresh[@]}" strace -f -qq -e trace=open,openat -o "$BATS_TEST_TMPDIR/trace" "$NSINIT" -t 30 -- "$PROBES/die" 0 3>&-
	run -1 grep -E '"/proc(/[0-9].*)?"' "$BATS_TEST_TMPDIR/trace"
}

# bats test_tags=tree
@test "the benchmark's minimal init preserves arguments, signal mask and status" {
	need gcc gcc
	local bare=(-std=c11 -D_GNU_SOURCE -Os -static -nostdlib -nostartfiles -fno-pie -no-pie)
	case $(uname -m) in
	x86_64 | aarch64) ;;
	*) skip "written for x86-64 and aarch64" ;;
	esac
	gcc "${bare[@]}" -o "$BATS_TEST_TMPDIR/least" "$root/bench/least.c"
	gcc "${bare[@]}" -DNAMESPACES -o "$BATS_TEST_TMPDIR/least-u" "$root/bench/least.c"
	for program in least least-u; do
		run -7 "${fresh[@]}" "$BATS_TEST_TMPDIR/$program" /bin/sh -c 'grep SigBlk /proc/self/status; echo "$1"; exit 7' sh 'a word' 3>&-
		[[ $output == $'SigBlk:\t0000000000000000\na word' ]]
		run -143 "$BATS_TEST_TMPDIR/$program" /bin/sh -c 'kill -TERM $$' 3>&-
	done
	run -0 "$BATS_TEST_TMPDIR/least-u" /bin/sh -c 'echo $$; ls /proc | grep -c "^[0-9]"' 3>&-
	[[ $output == 2* ]]
}

# bats test_tags=tree
@test "the benchmark measures all contenders and writes its tables and charts" {
	need_mounted_root
	for tool in tini tini-static dumb-init catatonit bwrap; do
		need "$tool" "${tool/bwrap/bubblewrap}"
	done
	need gnuplot gnuplot-nox
	need strace strace
	need gcc gcc
	BENCH_OUT=$BATS_TEST_TMPDIR/out "$root/bench/run" --quick >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- || {
		cat "$BATS_TEST_TMPDIR/log"
		false
	}
	for name in 'COMMAND alone' 'the least init' nsinit 'the least -u' 'nsinit -u' tini tini-static dumb-init catatonit unshare \
		'unshare + tini-static' bwrap; do
		grep -qE "^\| ${name/+/\\+} \| [0-9.]+ \| [0-9.]+ to [0-9.]+ \|" "$BATS_TEST_TMPDIR/out/results.md"
	done
	for name in nsinit tini dumb-init catatonit; do
		grep -qE "^\| $name \| [0-9]+ \| 10 \| [0-9]+ \|" "$BATS_TEST_TMPDIR/out/results.md"
	done
	for chart in startup orphans signals size end levels mounts; do
		grep -q '</svg>' "$BATS_TEST_TMPDIR/out/$chart.svg"
	done
	# bench/arm64 counts what this run cannot.
	sed -n '/^## arm64$/,/^## Orphans$/p' "$BATS_TEST_TMPDIR/out/results.md" |
		grep -qE '^\| nsinit -u \| [0-9]+ \| [0-9]+ \| [0-9]+ \|$'
	# A table of growth has a figure for each number, and a slope.
	grep -qE '^\| nsinit -u \| [0-9.]+ \| [0-9.]+ \| -?[0-9.]+ \|$' "$BATS_TEST_TMPDIR/out/results.md"
	# The results of this machine are added to those of other machines.
	grep -q "$(uname -r).*whole run, over the least init" "$BATS_TEST_TMPDIR/out/machines.tsv"
	# The results name no path and no host of this machine.
	run -1 grep -rF -e "$root" -e "$(uname -n)." "$BATS_TEST_TMPDIR/out/results.md" "$BATS_TEST_TMPDIR/out/machines.tsv"
}
