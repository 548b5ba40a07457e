# shellcheck shell=bash disable=SC2034,SC2154
# What every test shares; each .bats file begins with `load helper`. One that needs a setup or teardown of its own
# calls helper_setup first in the one, and helper_teardown last in the other.
#
# A file or test with `# bats file_tags=docker` (or test_tags) needs an engine, with `qemu` a virtual machine, with
# `seccomp` that filter, with `tree` the sources: `make core` leaves those out, so that other builds and processors can be
# tested too. What has the tag `static` holds for a static nsinit alone.

# From the environment: NSINIT and PROBES, what is tested and the probes that look (`make probes`); STRICT=1, where a
# skip is a failure; WAIT, the seconds that wait_for has.
if declare -F bats_require_minimum_version >/dev/null; then
	bats_require_minimum_version 1.8.0
fi
# RETRIES: how often a test may be tried again. CI allows two: it runs on machines that others load, where a shell in the
# middle of a test may not be scheduled for seconds.
BATS_TEST_RETRIES=${RETRIES:-0}
root=${root:-$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)}
NSINIT=${NSINIT:-$root/nsinit}
PROBES=${PROBES:-$root/build/probes}
export root NSINIT PROBES

# --- what a test needs ---

# missing TEXT: skip this test and say what it lacks; a failure with STRICT=1.
missing() {
	if [[ ${STRICT:-0} != 0 ]]; then
		echo "STRICT: $1" >&2
		return 1
	fi
	skip "$1"
}

# lacks FUNCTION: whether FUNCTION asks for what is missing. For setup_file, where bats knows no skip: it starts nothing
# then, and setup calls FUNCTION for each test to say so.
lacks() {
	! (
		# shellcheck disable=SC2317 # need and its like call it
		missing() {
			exit 1
		}
		"$1"
	)
}

# need COMMAND PACKAGE: go on only where COMMAND is installed.
need() {
	command -v "$1" >/dev/null || missing "needs $1: apt-get install $2"
}

# need_file FILE PACKAGE: go on only where FILE is there.
need_file() {
	[[ -e $1 ]] || missing "needs $1: apt-get install $2"
}

# need_root: go on only as root.
need_root() {
	((EUID == 0)) || missing "needs root: sudo make check (apt-get install sudo)"
}

# chrooted: whether the root directory is no mount point, as after chroot(1) into a directory.
chrooted() {
	! grep -q '^[0-9]* [0-9]* [^ ]* [^ ]* / ' /proc/self/mountinfo
}

# need_mounted_root: go on only where the propagation of all mounts can be set and the root be moved, as unshare(1),
# pivot_root(2) and engines want to.
need_mounted_root() {
	! chrooted || missing "needs a root directory that is a mount point, and this is a chroot: run it outside"
}

# need_user_namespaces: go on only where the kernel gives some, as it does to nobody in a chroot.
need_user_namespaces() {
	unshare --user true 2>/dev/null ||
		missing "needs user namespaces, which are switched off here, or refused as in a chroot: run it outside"
}

# --- waiting ---

# nap: a moment between two looks at a condition, without a process more than must be.
nap() {
	local _
	read -rt 0.02 _ <> <(:) || :
}

# wait_for [-t SECONDS] COMMAND [ARG]...: until COMMAND succeeds; fails, naming it, when it has not in time.
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

# state PID: the letter of its state (R S D T t Z), nothing and failure where there is no such process.
state() {
	local line
	read -r line 2>/dev/null <"/proc/$1/stat" || return 1
	line=${line##*) }
	echo "${line%% *}"
}

# in_state PID LETTERS: whether its state is one of LETTERS.
in_state() {
	[[ $(state "$1") == ["$2"] ]]
}

# gone PID: whether there is no such process any more, not even a zombie.
gone() {
	[[ ! -e /proc/$1/stat ]]
}

# ended PID: whether it runs no more, be it gone or a zombie.
ended() {
	gone "$1" || in_state "$1" ZX || gone "$1"
}

# field PID NAME: the value of NAME in /proc/PID/status.
field() {
	sed -n "/^$2:/ { s/^[^[:space:]]*[[:space:]]*//; s/\t/ /g; p; }" "/proc/$1/status" 2>/dev/null || :
}

# stat_field PID N: field N of /proc/PID/stat, numbered as in proc(5): 4 ppid, 5 pgid, 6 session, 7 tty, 8 tpgid.
stat_field() {
	local line
	local -a fields
	read -r line 2>/dev/null <"/proc/$1/stat" || return 1
	read -ra fields <<<"${line##*) }"
	echo "${fields[$2 - 3]}"
}

# children PID: the PIDs of its children, zombies too, one a line. No loop of bash's own: each command in one costs a
# hundred times as much where bats traces it.
children() {
	ps -o pid= --ppid "$1" 2>/dev/null | tr -d ' '
}

# descendants PID: the PIDs of all below it, one a line.
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

# mask_set PID: whether it blocks all that can be blocked, as raw 64 bits (KILL and STOP cannot), CHLD perhaps not.
mask_set() {
	grep -qs '^SigBlk:.fffffffffff[ab]feff$' "/proc/$1/status"
}

# runs PID NAME: whether PID has become the program NAME (its first 15 letters, as the kernel knows it).
runs() {
	local name
	read -r name 2>/dev/null <"/proc/$1/comm" && [[ $name == "${2:0:15}" ]]
}

# said TEXT FILE: whether FILE holds TEXT by now.
said() {
	grep -qFe "$1" "$2" 2>/dev/null
}

# --- starting ---

# Standard files and signals as a service manager gives them: bash has INT and QUIT ignored in what it starts behind.
fresh=(setsid -w env --default-signal)

# run_nsinit ARG...: nsinit without a terminal, to its end: $status, $output, $stderr, $lines and $stderr_lines.
run_nsinit() {
	run --separate-stderr "${fresh[@]}" "$NSINIT" "$@" </dev/null 3>&-
}

# spawn COMMAND [ARG]...: behind, in a session of its own; its PID is $pid, what it writes goes to $out and $err.
spawn() {
	out=$BATS_TEST_TMPDIR/out.${#pids[@]} err=$BATS_TEST_TMPDIR/err.${#pids[@]}
	setsid env --default-signal "$@" </dev/null >"$out" 2>"$err" 3>&- &
	pid=$!
	pids+=("$pid")
}

# start_nsinit ARG...: spawn it, and come back once it blocks all signals (or has ended already).
start_nsinit() {
	spawn "$NSINIT" "$@"
	wait_for nsinit_up "$pid"
}

nsinit_up() {
	mask_set "$1" || ended "$1"
}

# finish [PID]: wait until what was spawned ends; its status is $status.
finish() {
	wait_for ended "${1:-$pid}" || return
	status=0
	wait "${1:-$pid}" || status=$?
}

# A PID and mount namespace of one's own, where counting processes counts no others. In a chroot unshare(1) cannot set the
# propagation of all mounts; it sets that of /proc, where it mounts.
own_pidns=(unshare --pid --mount --fork --mount-proc --kill-child)
! chrooted || own_pidns+=(--propagation unchanged)

# in_pidns SCRIPT [ARG]...: bash runs SCRIPT as PID 1 of a namespace of its own, with these helpers. Its last command
# may be `exec "$NSINIT" ...`, which makes nsinit PID 1. Use it with `run`, or alone where it is to succeed.
in_pidns() {
	# shellcheck disable=SC2016 # the inner shell's
	"${fresh[@]}" "${own_pidns[@]}" bash -euc '
		. "$root/tests/helper.bash"
		script=$1
		shift
		eval "$script"' in_pidns "$@" </dev/null 3>&-
}

# start_pid1 ARG...: spawn nsinit as PID 1 of a namespace of its own; $pid is its PID as seen from here, and finish
# gives its status.
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

# mounts: the mounts of this namespace that a test could have changed. Engines' own come and go.
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
	# By this variable teardown knows what the test has started, whatever became of its parents.
	export NSINIT_TEST=$BATS_TEST_TMPDIR
	pids=()
	mounts_before=$(mounts)
}

# left_over: the PIDs of all that the test started and that live, the latest first as far as PIDs tell.
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
		# Once it has been waited for its PID may be another's.
		if [[ " $(jobs -p | xargs) " == *" $p "* ]]; then
			# shellcheck disable=SC2046
			kill -KILL "$p" $(descendants "$p") 2>/dev/null || :
		fi
	done
	for p in $(left_over); do
		kill -KILL "$p" 2>/dev/null || :
	done
	wait_for none_left || failed=1
	# What is mounted last goes first.
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
