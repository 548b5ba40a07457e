#!/bin/bash
# Makes each system call that nsinit makes fail, one at a time, in each of its processes, and looks at what comes
# of it.
#
#     tests/faults.sh [-a] [-v] [SCENARIO]...
#
# A scenario is run once as it is, for the calls and the right status, and then once for each call and error: the
# likeliest error alone and the first three of a call, or with -a all of them with each of EPERM ENOMEM EINVAL EINTR
# EAGAIN ENOSYS. What may come of it is the right status with all signals delivered, or a line on stderr and 125
# (126 where it is exec that fails); never a hang, a spin, a crash, a success that is none, a process or mount or
# file left. One line a scenario says how many there were; -v also what became of each. `alone 0:wait4:2:EINTR`
# tries that one alone.

# shellcheck disable=SC2154,SC2317 # scenarios are called by their names, and set what strike and judge read
set -uo pipefail
# Other programs mount, too, and have processes: here only nsinit's own are seen.
[[ ${FAULTS_ALONE:-} ]] || FAULTS_ALONE=1 exec setsid -w env --default-signal \
	unshare --pid --fork --mount-proc --kill-child --propagation private "$BASH" "$0" "$@"
root=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
NSINIT=${NSINIT:-$root/nsinit}
PROBES=${PROBES:-$root/build/probes}
export PATH=/usr/bin:/bin:/usr/sbin:/sbin LC_ALL=C
all=0 verbose=0 bad=0

# --- the scenarios ---

scenarios=(alone proc signals early missing grace linger deadline pause pid1 pid1_grace unshare unshare_signals
	unshare_stop export rootless kill_child shell shell_group leader leader_unshare)

# Each calls strike with WANT, the right status, and with LOG where siglog is to get USR1, INT, RTMIN+1 and TERM
# (5: and an early USR2).
signals=(-f log -s 10 -s 2 -s 35 -s 15)
logger=("$PROBES/siglog" -n 4 -s 7 log)
pidns=(unshare --pid --mount --fork --mount-proc --kill-child)

do_alone() { want=7 strike -- "$NSINIT" -v -p USR1 --pid-file pid sh -c 'echo ran >ran; exit 7'; }
do_proc() { want=7 strike -- "$NSINIT" --mount-proc="$PWD/made/proc" sh -c 'echo ran >ran; exit 7'; }
do_signals() { want=7 log=4 strike "${signals[@]}" -- "$NSINIT" "${logger[@]}"; }
do_early() { want=7 log=5 strike -e 12 "${signals[@]}" -- "$PROBES/oddparent" -B 12 -- "$NSINIT" "$PROBES/siglog" -n 5 -s 7 log; }
do_missing() { want=127 strike -- "$NSINIT" ./none; }
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
# Below a shell COMMAND has the terminal's signals from the kernel; fault's come from a process.
do_shell() { want=7 log=4 on_terminal strike "${signals[@]}" -- "$NSINIT" "${logger[@]}"; }
do_shell_group() { want=7 log=4 on_terminal strike "${signals[@]}" -- "$NSINIT" -g "${logger[@]}"; }
do_leader() { want=7 log=4 on_terminal strike "${signals[@]}" -- setsid -c "$NSINIT" "${logger[@]}"; }
do_leader_unshare() { want=7 log=4 on_terminal strike "${signals[@]}" -- setsid -c "$NSINIT" -u "${logger[@]}"; }

# --- one run ---

# on_terminal COMMAND...: strike() starts its probe by script(1) then.
on_terminal() {
	local tty=1
	"$@"
}

# strike [OPTION]... -- COMMAND...: one run, in a directory of its own, with the error that $inject names, if any.
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
		# stderr stays a file: what the terminal shows is not what is looked at.
		script -qec "$(printf '%q ' "${run[@]}") 2>err" script.log </dev/null >/dev/null
	else
		"${run[@]}" </dev/null >out 2>err
	fi
	got=$?
	wrong=$(judge)
}

# fresh_place: an empty directory to run in, with a root to pivot into.
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

# Whether there is a mount that was not there before. That others go is somebody else's doing.
mounted_more() {
	[[ $(</proc/self/mountinfo) != "$mounted" ]] &&
		[[ -n $(comm -13 <(sort <<<"$mounted") <(sort /proc/self/mountinfo)) ]]
}

# What is wrong with this run, in words; nothing where all is as it should be.
judge() {
	local text report errors line
	report=$(<report) errors=$(<err)
	case $report in
	*SPUN*) echo "spins" ;;
	*HUNG*) echo "hangs" ;;
	esac
	[[ $report != *LEFT* ]] || echo "leaves a process of its own"
	if [[ $got == "$want" ]]; then
		# A success must be one.
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

# likeliest CALL: the error it is likeliest to have, into $errors.
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

# one ERROR-OF: a run with this error, counted.
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
	# What libc calls before main() may lack a name, not what nsinit does.
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
			# It is how rmdir(2) says that a name ends in ".", and what that is was never made.
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
