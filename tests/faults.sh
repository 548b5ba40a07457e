#!/bin/bash
# Lets each system call in each of nsinit's processes fail, one at a time, and checks the result.
#
#     tests/faults.sh [-a] [-v] [SCENARIO]...
#
# A scenario is run once without a fault, to learn the calls and the right status, and then once for each call and
# error. By default these are the likeliest error, and the first three instances of a call. With -a they are all
# instances, with each of EPERM ENOMEM EINVAL EINTR EAGAIN ENOSYS. Valid results are the right status with all signals
# delivered, or a line on stderr and status 125 (126 if exec failed). A hang, a busy loop, a crash, a false success, and
# a process, mount or file that is left are faults. For each scenario one line shows the number of runs; -v also shows
# the result of each run. `alone 0:wait4:2:EINTR` makes only that run.

# shellcheck disable=SC2154,SC2317 # scenarios are called by their names, and set what strike and judge read
set -uo pipefail
# Run in new namespaces, in which only nsinit's mounts and processes are visible.
[[ ${FAULTS_ALONE:-} ]] || FAULTS_ALONE=1 exec setsid -w env --default-signal \
	unshare --pid --fork --mount-proc --kill-child --propagation private "$BASH" "$0" "$@"
root=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
NSINIT=${NSINIT:-$root/nsinit}
PROBES=${PROBES:-$root/build/probes}
export PATH=/usr/bin:/bin:/usr/sbin:/sbin LC_ALL=C
all=0 verbose=0 bad=0

# --- the scenarios ---

scenarios=(alone proc signals early missing apart apart_signals apart_missing grace linger deadline
	pause pid1 pid1_grace unshare unshare_signals unshare_stop export rootless kill_child shell shell_group leader leader_unshare)

# Each calls strike with WANT, the right status, and with LOG if siglog has to receive USR1, INT, RTMIN+1 and TERM (5:
# and an early USR2).
signals=(-f log -s 10 -s 2 -s 35 -s 15)
logger=("$PROBES/siglog" -n 4 -s 7 log)
# COMMAND gets a copy of nsinit's memory, as under qemu's user mode.
apart=("$PROBES/refuse" 'clone/0&0x4100=0x100:EINVAL' --)
pidns=(unshare --pid --mount --fork --mount-proc --kill-child)

do_alone() { want=7 strike -- "$NSINIT" -v -p USR1 --pid-file pid sh -c 'echo ran >ran; exit 7'; }
do_proc() { want=7 strike -- "$NSINIT" --mount-proc="$PWD/made/proc" sh -c 'echo ran >ran; exit 7'; }
do_signals() { want=7 log=4 strike "${signals[@]}" -- "$NSINIT" "${logger[@]}"; }
do_early() { want=7 log=5 strike -e 12 "${signals[@]}" -- "$PROBES/oddparent" -B 12 -- "$NSINIT" "$PROBES/siglog" -n 5 -s 7 log; }
do_missing() { want=127 strike -- "$NSINIT" ./none; }
do_apart() { want=7 strike -- "${apart[@]}" "$NSINIT" -v -p USR1 --pid-file pid sh -c 'echo ran >ran; exit 7'; }
do_apart_signals() { want=7 log=4 strike "${signals[@]}" -- "${apart[@]}" "$NSINIT" -u "${logger[@]}"; }
do_apart_missing() { want=127 strike -- "${apart[@]}" "$NSINIT" -e 127 ./none; }
do_grace() { want=7 strike -- "$NSINIT" -t 5 "$PROBES/outlive" -d -s 7 2 log; }
do_linger() { want=7 strike -- "$NSINIT" -t 0.1 "$PROBES/outlive" -d -i -s 7 2 log; }
do_deadline() { want=137 strike -f log -s 15 -- "$NSINIT" -t 0.1 "$PROBES/siglog" log; }
do_pause() { want=0 strike -s 15 -- "$NSINIT" -P; }
do_pid1() { want=7 log=4 strike "${signals[@]}" -- "${pidns[@]}" "$NSINIT" "${logger[@]}"; }
do_pid1_grace() { want=7 strike -- "${pidns[@]}" "$NSINIT" -t 5 "$PROBES/outlive" -s 7 2 log; }
do_unshare() { want=7 strike -- "$NSINIT" -u --uts --ipc --net --cgroup --hostname test --pid-file pid --wd / sh -c "echo ran >'$PWD/ran'; exit 7"; }
do_unshare_signals() { want=7 log=4 strike "${signals[@]}" -- "$NSINIT" -u "${logger[@]}"; }
do_unshare_stop() { want=137 strike -f log -s 15 -- "$NSINIT" -u -t 0.1 "$PROBES/siglog" log; }
do_export() { want=7 strike -- "$NSINIT" -u --export-proc made/proc sh -c 'echo ran >ran; exit 7'; }
do_rootless() { mkdir -p tree/proc && cp "$PROBES/die" tree && want=7 strike -- "$NSINIT" --map-root-user --pid --mount-proc --root tree /die 7; }
do_kill_child() { want=7 log=4 strike "${signals[@]}" -- "$NSINIT" -u --kill-child=TERM "${logger[@]}"; }
# Below a shell the kernel sends the terminal's signals to COMMAND; fault's signals come from a process.
do_shell() { want=7 log=4 on_terminal strike "${signals[@]}" -- "$NSINIT" "${logger[@]}"; }
do_shell_group() { want=7 log=4 on_terminal strike "${signals[@]}" -- "$NSINIT" -g "${logger[@]}"; }
do_leader() { want=7 log=4 on_terminal strike "${signals[@]}" -- setsid -c "$NSINIT" "${logger[@]}"; }
do_leader_unshare() { want=7 log=4 on_terminal strike "${signals[@]}" -- setsid -c "$NSINIT" -u "${logger[@]}"; }

# --- one run ---

# on_terminal COMMAND...: run COMMAND; strike() then starts its probe by script(1).
on_terminal() {
	local tty=1
	"$@"
}

# strike [OPTION]... -- COMMAND...: make one run in a new directory, with the error in $inject, if any.
strike() {
	local -a options=()
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	shift
	[[ -z $inject ]] || options+=(-i "$inject")
	local -a run=("$PROBES/fault" -x "$NSINIT" -t 10 -o report "${options[@]}" -- "$@")
	if [[ ${tty:-} ]]; then
		# stderr stays a file, because the output on the terminal is not checked.
		script -qec "$(printf '%q ' "${run[@]}") 2>err" script.log </dev/null >/dev/null
	else
		"${run[@]}" </dev/null >out 2>err
	fi
	got=$?
	wrong=$(judge)
}

# fresh_place: create an empty directory to run in, with a root for pivot_root(2).
fresh_place() {
	local dir
	cd "$scratch" || exit 1
	# judge reports a mount that was left. rm must not enter it.
	if [[ $(</proc/self/mountinfo) == *"$scratch/"* ]]; then
		while read -r dir; do
			umount -l "$dir"
		done < <(awk -v under="$scratch/" 'index($5, under) == 1 { print $5 }' /proc/self/mountinfo | tac)
	fi
	rm -rf --one-file-system place && mkdir place && cd place || exit 1
	mounted=$(</proc/self/mountinfo)
}

# Whether there is a mount that did not exist before. Mounts that disappear are not nsinit's.
mounted_more() {
	[[ $(</proc/self/mountinfo) != "$mounted" ]] &&
		[[ -n $(comm -13 <(sort <<<"$mounted") <(sort /proc/self/mountinfo)) ]]
}

# Print the fault of this run; nothing if there is none.
judge() {
	local text report errors line
	report=$(<report) errors=$(<err)
	case $report in
	*SPUN*) echo "spins" ;;
	*HUNG*) echo "hangs" ;;
	esac
	[[ $report != *LEFT* ]] || echo "leaves a process of its own"
	if [[ $got == "$want" ]]; then
		# A success must be genuine.
		[[ $want != 7 || -e ran || -e log || $scenario == rootless ]] || echo "never ran COMMAND"
		if [[ ${log:-} ]]; then
			text=$(<log)
			for line in "10 0" "2 0" "35 " "15 0"; do
				[[ $text == *$'\n'"$line"* ]] || echo "loses signal ${line% *}"
			done
			[[ $log != 5 || $text == *$'\n'"12 0"* ]] || echo "loses the early signal"
			[[ $text == *"35 -1 "*" 35"* || $errors == *"lost its value"* ]] || echo "loses the value"
		fi
	elif [[ $got == 125 || ($got == 126 && $inject == *:execve:*) ]]; then
		[[ $errors == *"nsinit: "* ]] || echo "says nothing with $got"
	else
		echo "ends with $got, not $want"
	fi
	while read -r line; do
		[[ -z $line || $line == "nsinit: "* ]] || echo "writes \"$line\""
	done <err
	[[ ! -e pid || $errors == *"cannot remove"* ]] || echo "leaves its pid file"
	[[ ! -e made || $errors == *"cannot remove"* ]] || echo "leaves a directory"
	[[ $errors == *"cannot unmount"* || $errors == *"cannot remove"* ]] || ! mounted_more || echo "leaves a mount"
}

# The calls that cannot fail (their manual pages say so), and those that libc makes before main().
is_infallible() {
	case $1 in
	arch_prctl | brk | clock_gettime | exit | exit_group | getegid | geteuid | getgid | getpgrp | getpid | getppid | \
		gettid | getuid | set_tid_address | sync) return 0 ;;
	esac
	return 1
}

# likeliest CALL: set $errors to the likeliest error of CALL.
likeliest() {
	case $1 in
	clone) errors=EAGAIN ;;
	wait4 | write | writev | read | recvmsg | poll) errors=EINTR ;;
	close_range | pwritev2 | pidfd_open) errors=ENOSYS ;;
	rt_sigprocmask | rt_sigaction | rt_sigtimedwait) errors=EINVAL ;;
	chdir | execve | fcntl | fstat | open | sendto | socketpair | signalfd4) errors=ENOMEM ;;
	*) errors=EPERM ;;
	esac
}

# one ERROR-OF: make a run with this error, and count it.
one() {
	inject=$1
	fresh_place
	"do_$scenario"
	[[ -z $inject || $(<report) == *INJECTED* ]] || return 0
	((++runs))
	[[ $got != 125 && $got != 126 ]] || ((++refused))
	if [[ $wrong ]]; then
		((++bad))
		echo "$scenario $inject: ${wrong//$'\n'/, }"
	fi
	if ((verbose)) || [[ $wrong ]]; then
		echo "$scenario ${inject:-as it is}: status $got"
		sed 's/^/    /' err
	fi
}

run_scenario() {
	local scenario=$1 points runs=0 refused=0 inject got wrong process call n error errors
	one ''
	mapfile -t points < <(grep -E '^[0-9]+ [a-z]' report)
	runs=0
	# Calls of the libc before main() may lack a name in the list, but nsinit's may not.
	if awk '/ rt_sigprocmask / { begun = 1 } begun && /UNKNOWN/ { print; found = 1 } END { exit !found }' report; then
		((++bad))
		echo "$scenario: calls that have no name in tests/probes/calls.h, and are not tried"
	fi
	for point in "${points[@]}"; do
		read -r process call n <<<"$point"
		! is_infallible "$call" || continue
		# A loop over many processes or files makes the same calls again and again.
		((all || n <= 3)) || continue
		likeliest "$call"
		((!all)) || errors="EPERM ENOMEM EINVAL EINTR EAGAIN ENOSYS"
		for error in $errors; do
			# rmdir(2) fails with EINVAL for a name that ends in ".", which nsinit never created.
			[[ $call:$error != rmdir:EINVAL ]] || continue
			one "$process:$call:$n:$error"
		done
	done
	echo "$scenario: $runs faults, $refused refused in words, the rest survived"
}

while getopts av option; do
	case $option in
	a) all=1 ;;
	v) verbose=1 ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))

scratch=$(mktemp -d)
trap 'fresh_place; cd /; rm -rf --one-file-system "$scratch"' EXIT
if [[ ${2:-} == *:*:*:* ]]; then
	scenario=$1 verbose=1 runs=0 refused=0
	one "$2"
	exit $((bad > 0))
fi
for scenario in "${@:-${scenarios[@]}}"; do
	run_scenario "$scenario"
done
exit $((bad > 0))
