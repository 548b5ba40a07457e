# shellcheck shell=bash disable=SC2034,SC2154
# Functions that all tests share. Each .bats file begins with `load helper`. A file with its own setup or teardown calls
# helper_setup first in the former, and helper_teardown last in the latter.
#
# A file or test with `# bats file_tags=docker` (or test_tags) needs an engine, with `qemu` a virtual machine, with
# `seccomp` seccomp(2), with `tree` the sources. `make core` omits these, so that it can test other builds and
# processors. A test with the tag `static` holds for a static nsinit only.

# Variables of the environment: NSINIT, the program to test; PROBES, the directory of the probes (`make probes`);
# STRICT=1: a skip is a failure; WAIT, the time limit of wait_for in seconds.
if declare -F bats_require_minimum_version >/dev/null; then
	bats_require_minimum_version 1.8.0
fi
# RETRIES: how often a failed test is repeated. CI allows two, because it runs on busy machines, where a shell in a test
# may not be scheduled for seconds.
BATS_TEST_RETRIES=${RETRIES:-0}
root=${root:-$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)}
NSINIT=${NSINIT:-$root/nsinit}
PROBES=${PROBES:-$root/build/probes}
export root NSINIT PROBES

# --- requirements ---

# missing TEXT: skip this test with the reason TEXT; fail with STRICT=1.
missing() {
	if [[ ${STRICT:-0} != 0 ]]; then
		echo "STRICT: $1" >&2
		return 1
	fi
	skip "$1"
}

# lacks FUNCTION: whether a requirement of FUNCTION is missing. For setup_file, in which bats cannot skip: it starts
# nothing then, and setup calls FUNCTION to skip each test.
lacks() {
	! (
		# shellcheck disable=SC2317 # need and its like call it
		missing() {
			exit 1
		}
		"$1"
	)
}

# need COMMAND PACKAGE: skip the test unless COMMAND is installed.
need() {
	command -v "$1" >/dev/null || missing "needs $1: apt-get install $2"
}

# need_file FILE PACKAGE: skip the test unless FILE exists.
need_file() {
	[[ -e $1 ]] || missing "needs $1: apt-get install $2"
}

# need_root: skip the test unless it runs as root.
need_root() {
	((EUID == 0)) || missing "needs root: sudo make check (apt-get install sudo)"
}

# chrooted: whether the root directory is not a mount point, as after chroot(1) into a directory.
chrooted() {
	! grep -q '^[0-9]* [0-9]* [^ ]* [^ ]* / ' /proc/self/mountinfo
}

# need_mounted_root: skip the test unless the propagation of all mounts can be set and the root can be moved, which
# unshare(1), pivot_root(2) and engines need.
need_mounted_root() {
	! chrooted || missing "needs a root directory that is a mount point, and this is a chroot: run it outside"
}

# need_user_namespaces: skip the test unless user namespaces can be created, which the kernel refuses in a chroot.
need_user_namespaces() {
	unshare --user true 2>/dev/null ||
		missing "needs user namespaces, which are switched off here, or refused as in a chroot: run it outside"
}

# --- waiting ---

# nap: wait a moment between two checks of a condition, without an additional process.
nap() {
	local _
	read -rt 0.02 _ <> <(:) || :
}

# wait_for [-t SECONDS] COMMAND [ARG]...: wait until COMMAND succeeds. If it does not in time, fail and name it.
wait_for() {
	local limit=${WAIT:-30}
	if [[ $1 == -t ]]; then
		limit=$2
		shift 2
	fi
	local end=$((SECONDS + limit))
	until "$@"; do
		if ((SECONDS >= end)); then
			echo "wait_for: not within $limit s: $*" >&2
			return 1
		fi
		nap
	done
}

# --- looking at processes ---

# state PID: print the letter of its state (R S D T t Z), or fail if there is no such process.
state() {
	local line
	read -r line 2>/dev/null <"/proc/$1/stat" || return 1
	line=${line##*) }
	echo "${line%% *}"
}

# in_state PID LETTERS: whether the state of PID is one of LETTERS.
in_state() {
	[[ $(state "$1") == ["$2"] ]]
}

# switches PID...: print the numbers of voluntary and involuntary context switches of each.
switches() {
	local p
	for p; do
		field "$p" voluntary_ctxt_switches
		field "$p" nonvoluntary_ctxt_switches
	done
}

# a_second_long: let a second pass, in which nothing must happen. This does not replace a condition.
a_second_long() {
	read -rt 1 <> <(:) || :
}

# never_wakes PID...: whether all of them sleep, and none runs during a second. Right after the start nsinit wakes up once
# more, to release memory.
never_wakes() {
	local before after p
	for p; do in_state "$p" S || return 1; done
	before=$(switches "$@")
	a_second_long
	after=$(switches "$@")
	echo "$before" / "$after"
	[[ $before == "$after" ]]
}

# gone PID: whether there is no such process, not even a zombie.
gone() {
	[[ ! -e /proc/$1/stat ]]
}

# ended PID: whether PID has ended. It may be a zombie.
ended() {
	gone "$1" || in_state "$1" ZX || gone "$1"
}

# field PID NAME: print the value of NAME in /proc/PID/status.
field() {
	sed -n "/^$2:/ { s/^[^[:space:]]*[[:space:]]*//; s/\t/ /g; p; }" "/proc/$1/status" 2>/dev/null || :
}

# stat_field PID N: print field N of /proc/PID/stat, as proc(5) numbers them: 4 ppid, 5 pgid, 6 session, 7 tty, 8 tpgid.
stat_field() {
	local line
	local -a fields
	read -r line 2>/dev/null <"/proc/$1/stat" || return 1
	read -ra fields <<<"${line##*) }"
	echo "${fields[$2 - 3]}"
}

# children PID: print the PIDs of its children, including zombies, one per line. It does not loop in bash, because each
# command in a loop takes a hundred times as long while bats traces it.
children() {
	ps -o pid= --ppid "$1" 2>/dev/null | tr -d ' '
}

# descendants PID: print the PIDs of all its descendants, one per line.
descendants() {
	ps -e -o pid= -o ppid= | awk -v root="$1" '
		{ parent[$1] = $2 }
		END {
			below[root] = 1
			do {
				found = 0
				for (p in parent)
					if (!(p in below) && parent[p] in below) {
						below[p] = found = 1
						print p
					}
			} while (found)
		}'
}

# has_children N PID: whether PID has N children.
has_children() {
	[[ $(children "$2" | wc -l) == "$1" ]]
}

# mask_set PID: whether PID blocks all signals that can be blocked (KILL and STOP cannot), except perhaps CHLD.
# The child of a fork(3) does so for an instant, with glibc from 2.41 on, before it calls exec.
mask_set() {
	local name
	read -r name 2>/dev/null <"/proc/$1/comm" && [[ ! $name =~ ^(bash|setsid|strace|unshare)$ ]] || return
	grep -qs '^SigBlk:.fffffffffff[ab]feff$' "/proc/$1/status"
}

# runs PID NAME: whether PID runs the program NAME, of which the kernel knows the first 15 letters.
runs() {
	local name
	read -r name 2>/dev/null <"/proc/$1/comm" && [[ $name == "${2:0:15}" ]]
}

# said TEXT FILE: whether FILE contains TEXT.
said() {
	grep -qFe "$1" "$2" 2>/dev/null
}

# --- starting ---

# Signals as a service manager sets them. bash ignores INT and QUIT in processes that it starts in the background.
fresh=(setsid -w env --default-signal)

# run_nsinit ARG...: run nsinit without a terminal to its end. Set $status, $output, $stderr, $lines and $stderr_lines.
run_nsinit() {
	run --separate-stderr "${fresh[@]}" "$NSINIT" "$@" </dev/null 3>&-
}

# spawn COMMAND [ARG]...: start it in the background in a new session. $pid is its PID, $out and $err are its output
# files.
spawn() {
	out=$BATS_TEST_TMPDIR/out.${#pids[@]} err=$BATS_TEST_TMPDIR/err.${#pids[@]}
	setsid env --default-signal "$@" </dev/null >"$out" 2>"$err" 3>&- &
	pid=$!
	pids+=("$pid")
}

# start_nsinit ARG...: spawn nsinit, and wait until it blocks all signals (or has ended).
start_nsinit() {
	spawn "$NSINIT" "$@"
	wait_for nsinit_up "$pid"
}

nsinit_up() {
	mask_set "$1" || ended "$1"
}

# finish [PID]: wait until the spawned process ends, and set $status.
finish() {
	wait_for ended "${1:-$pid}" || return
	status=0
	wait "${1:-$pid}" || status=$?
}

# For refuse: clone(2) with CLONE_VM and without CLONE_VFORK, as under qemu's user mode. Then COMMAND gets a copy of
# nsinit's memory.
no_shared_memory='clone/0&0x4100=0x100:EINVAL'

# A new PID and mount namespace, in which other processes are not counted. In a chroot unshare(1) cannot set the
# propagation of all mounts; it sets that of /proc, where it mounts.
own_pidns=(unshare --pid --mount --fork --mount-proc --kill-child)
! chrooted || own_pidns+=(--propagation unchanged)

# in_pidns SCRIPT [ARG]...: run SCRIPT in bash as PID 1 of a new namespace, with these helpers. Its last command may be
# `exec "$NSINIT" ...`, which makes nsinit PID 1. Use it with `run`, or alone if it must succeed.
in_pidns() {
	# shellcheck disable=SC2016 # the inner shell's
	"${fresh[@]}" "${own_pidns[@]}" bash -euc '
		. "$root/tests/helper.bash"
		script=$1
		shift
		eval "$script"' in_pidns "$@" </dev/null 3>&-
}

# start_pid1 ARG...: spawn nsinit as PID 1 of a new namespace. $pid is its PID as seen from here. finish sets its
# status.
start_pid1() {
	spawn "${own_pidns[@]}" "$NSINIT" "$@"
	launcher=$pid
	wait_for pid1_up
	pid=$(children "$launcher")
	pid=${pid:-$launcher}
}

pid1_up() {
	local child
	ended "$launcher" && return
	child=$(children "$launcher")
	[[ -n $child ]] && nsinit_up "$child"
}

# --- beginning and end of each test ---

# mounts: print the mounts of this namespace that a test could have changed. Mounts of engines are omitted.
mounts() {
	awk -v tmp="$BATS_TEST_TMPDIR" '
		$5 ~ "^/[^/]*$" || $5 ~ "^/(proc|sys|dev)/" || index($5, tmp "/") == 1 {
			if ($5 !~ "^/sys/fs/cgroup" && $5 !~ "binfmt_misc$") {
				$1 = $2 = ""
				print
			}
		}' /proc/self/mountinfo
}

helper_setup() {
	# This variable identifies the processes that the test has started, also after their parents have ended.
	export NSINIT_TEST=$BATS_TEST_TMPDIR
	pids=()
	mounts_before=$(mounts)
}

# left_over: print the PIDs of the test's processes that still live, the highest first.
left_over() {
	(
		id=NSINIT_TEST=$NSINIT_TEST
		unset NSINIT_TEST
		grep -lszxFe "$id" /proc/[0-9]*/environ | cut -d/ -f3 | sort -rn
	)
}

helper_teardown() {
	local p failed=0 dir
	[[ -n ${NSINIT_TEST-} ]] || return 0
	for p in "${pids[@]}"; do
		# After a wait for it, its PID may belong to another process.
		if [[ " $(jobs -p | xargs) " == *" $p "* ]]; then
			# shellcheck disable=SC2046
			kill -KILL "$p" $(descendants "$p") 2>/dev/null || :
		fi
	done
	for p in $(left_over); do
		kill -KILL "$p" 2>/dev/null || :
	done
	wait_for none_left || failed=1
	# The last mount is unmounted first.
	while read -r dir; do
		umount -l "$dir"
	done < <(awk -v tmp="$BATS_TEST_TMPDIR/" 'index($5, tmp) == 1 { print $5 }' /proc/self/mountinfo | tac)
	if [[ $(mounts) != "$mounts_before" ]]; then
		echo "the mounts have changed:" >&2
		diff <(echo "$mounts_before") <(mounts) >&2 || :
		failed=1
	fi
	return "$failed"
}

none_left() {
	[[ -z $(left_over) ]]
}

setup() {
	helper_setup
}

teardown() {
	helper_teardown
}
