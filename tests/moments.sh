#!/bin/bash
# Lets every event happen right before every system call of each of nsinit's processes, in every mode.
#
#     tests/moments.sh [-a] [-v] [-e EVENT]... [-j JOBS] [MODE]...
#     tests/moments.sh MODE EVENT PROCESS:CALL:N [EVENT PROCESS:CALL:N]
#     tests/moments.sh -p [-n COUNT] [-s SEED] [-e EVENT]... [-j JOBS] [MODE]...
#
# A mode is run once without an event, which gives the calls. With -a each event happens at each call. Without -a a
# sample of events is used for each call, which depends on the place of the call. The second form repeats one run and
# shows more of it. With -p two events happen in one run, at two calls, COUNT times (10,000). Each run has a seed, SEED
# and those that follow it; the seed of a failing run is printed, and `-p -n 1 -s SEED` repeats it. With -e only these
# events happen.
#
# tests/probes/moment.c describes what is checked, and how processes and calls are counted. The last line of a mode
# shows the number of runs. The status is 1 if a run had a fault.

# shellcheck disable=SC2317 # a trap calls it
set -uo pipefail
root=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
NSINIT=${NSINIT:-$root/nsinit}
PROBES=${PROBES:-$root/build/probes}
export PATH=/usr/bin:/bin:/usr/sbin:/sbin LC_ALL=C
all=0 verbose=0 pairs=0 single=0 count=10000 seed='' jobs=2 wanted=()

# --- the modes ---

# Each row: its name, the flags that tests/probes/moment.c explains (- for none), the name nsinit is started under, and
# its options. -vv logs the phases. It is omitted where the kernel has to reap orphans, because -vv makes nsinit log
# each orphan.
modes=(
	"alone           -     nsinit -vv"
	"single          c     nsinit -vv -c"
	"subreaper       -     nsinit -vv -s"
	"grace           t     nsinit -vv -t 30"
	"pause           P     nsinit -vv -P"
	"pid1            1p    nsinit"
	"pid1-warn       1p    nsinit -w -vv"
	"pid1-grace      1pt   nsinit -t 30"
	"unshare         ip    nsinit -vv -u"
	"unshare-grace   ipt   nsinit -vv -u -t 30"
	"unshare-pause   ipP   nsinit -vv -u -P"
	"rootless        ip    nsinit -vv --map-root-user -u"
	"mount           i     nsinit -vv --mount"
	"root            i     nsinit -vv --root tree"
	"kill-child      ipk   nsinit -vv -u --kill-child=TERM"
	"export          ipf   nsinit -vv -u --export-proc made/proc --pid-file pid"
	"shell           Tc    nsinit -vv"
	"shell-unshare   Tcip  nsinit -vv -u"
	"shell-group     Tg    nsinit -vv -g"
	"shell-both      Tgip  nsinit -vv -u -g"
	"shell-grace     Tct   nsinit -vv -t 30"
	"leader          L     nsinit -vv"
	"leader-unshare  Lipf  nsinit -vv -u --pid-file pid"
	"leader-pid1     L1p   nsinit"
	"dumb-init       Ts    dumb-init"
	"tini            c     tini -vvv"
)

# read_mode NAME: set $flags, $name and $options to those of the mode.
read_mode() {
	local row first
	for row in "${modes[@]}"; do
		read -r first flags name options <<<"$row"
		if [[ $first == "$1" ]]; then
			flags=${flags/#-/}
			return
		fi
	done
	echo "moments.sh: no such mode: $1" >&2
	exit 2
}

# --- one run ---

# fresh_place: prepare the mode's directory, without what a killed nsinit has left there.
fresh_place() {
	local dir
	cd "$scratch" || exit 1
	while read -r dir; do
		umount -l "$dir"
	done < <(awk -v under="$scratch/place/" 'index($5, under) == 1 { print $5 }' /proc/self/mountinfo | tac)
	rm -rf --one-file-system place && mkdir place place/bin && cd place || exit 1
	ln -s "$NSINIT" "bin/$name"
	command=()
	if [[ $options == *--root* ]]; then
		mkdir -p tree/proc tree/dev && cp "$PROBES/moment" tree || exit 1
		command=(-c /moment)
	fi
}

# moment [-e EVENT@POINT]...: make one run. Entering a control group would double the time of each.
moment() {
	local group=()
	[[ ! $cgroup || $* != *pids-max* ]] || group=(-g "$cgroup")
	# shellcheck disable=SC2086 # the options are several words
	"$PROBES/moment" -x "$NSINIT" -f "$flags" "${group[@]}" "${command[@]}" "$@" -- \
		"bin/$name" $options </dev/null
}

# learn: make a run without events, and set $points to its calls.
learn() {
	local out
	rm -f phases
	if ! out=$(moment); then
		echo "$mode: without any event:"
		grep -v ^CALL <<<"$out"
		return 1
	fi
	mapfile -t points < <(sed -n 's/^CALL \([0-9]*\) \([^ ]*\) \([0-9]*\)$/\1:\2:\3/p' <<<"$out")
}

# attempt WORDS -e EVENT@POINT...: make a run with events, and print its faults below WORDS.
attempt() {
	local words=$1 out
	shift
	out=$(moment "$@" 2>&1)
	case $? in
	0)
		((++runs))
		((!single)) || echo "$words: nothing is wrong"
		;;
	3) ((++missed)) ;;
	4) ((++impossible)) ;;
	*)
		((++runs, ++bad))
		echo "$words"
		printf '    %s\n' "${out//$'\n'/$'\n    '}"
		;;
	esac
	# A KILL for the outer process leaves the files that it would have removed.
	if [[ "$*" == *kill-outer* || -e pid || -e made ]]; then
		fresh_place
		[[ ! $phases ]] || printf '%s\n' "$phases" >phases
	elif [[ -e other ]]; then
		rm -f other
	fi
}

summary() {
	echo "$1: $runs runs, $bad wrong; $impossible times the event was not possible, $missed times the call was not made"
}

# list_events: set $events to those of the mode, without those that -e leaves out.
list_events() {
	mapfile -t events < <("$PROBES/moment" -L -f "$flags" | if ((${#wanted[@]})); then
		grep -Fx "${wanted[@]/#/-e}"
	else
		cat
	fi)
	((${#events[@]})) || echo "$mode: none of these events is possible"
}

# --- one event ---

# run_mode MODE: make a run for each event at each call, or for a sample.
run_mode() {
	local mode=$1 flags name options runs=0 missed=0 impossible=0 bad=0 i=0 point event
	local -a points events command
	local phases
	read_mode "$mode"
	fresh_place
	if ! learn; then
		return 1
	fi
	phases=$(<phases)
	list_events
	for point in "${points[@]}"; do
		for event in "${events[@]}"; do
			# 37 has no divisor in common with the number of events in any mode.
			((all || i++ % 37 == 0)) || continue
			attempt "$mode $event $point" -e "$event@$point"
		done
	done
	summary "$mode"
	((bad == 0))
}

# --- pairs ---

# next_random N: set $random to a number below N that depends only on $state.
next_random() {
	state=$(((state * 6364136223846793005 + 1442695040888963407) & 0x7fffffffffffffff))
	random=$(((state >> 33) % $1))
}

# run_pairs: make runs with two events, for $count seeds from $seed on.
run_pairs() {
	local at runs=0 missed=0 impossible=0 bad=0 state random
	local mode flags name options phases a b
	local -a points events command
	local -A learnt=()
	for ((at = seed; at < seed + count; at++)); do
		state=$at
		next_random 1000 # the first ones of neighbours are alike
		next_random ${#chosen[@]}
		mode=${chosen[random]}
		read_mode "$mode"
		fresh_place
		if [[ ! ${learnt[$mode]:-} ]]; then
			learn || continue
			# The order of the calls of two processes is not always the same.
			learnt[$mode]=$(printf '%s\n' "${points[@]}" | sort -t: -k1,1n -k2,2 -k3,3n)
		fi
		mapfile -t points <<<"${learnt[$mode]}"
		phases=
		rm -f phases
		list_events
		((${#events[@]})) || continue
		next_random ${#events[@]}
		a=${events[random]}
		next_random ${#points[@]}
		a+=@${points[random]}
		next_random ${#events[@]}
		b=${events[random]}
		next_random ${#points[@]}
		b+=@${points[random]}
		((!verbose)) || echo "seed $at: $mode ${a/@/ } ${b/@/ }"
		attempt "seed $at: $mode ${a/@/ } ${b/@/ }" -e "$a" -e "$b"
	done
	summary "pairs"
	((bad == 0))
}

# --- a control group for pids.max ---

# find_group: make $cgroup, or leave it empty if none can be made.
cgroup=
find_group() {
	local parent
	for parent in /sys/fs/cgroup/pids "/sys/fs/cgroup/pids$(sed -n 's/^[0-9]*:pids://p' /proc/self/cgroup)" \
		/sys/fs/cgroup; do
		cgroup=$parent/nsinit-moments-$BASHPID-$RANDOM
		if mkdir "$cgroup" 2>/dev/null; then
			[[ ! -e $cgroup/pids.max ]] || return 0
			rmdir "$cgroup"
		fi
	done
	cgroup=
	echo "no control group for pids.max can be made here: that event is left out"
}

leave_group() {
	[[ ! $cgroup ]] || rmdir "$cgroup"
}

# --- main ---

# isolated ARG...: run this script with ARG in new namespaces, in which it sees only its own mounts and processes.
isolated() {
	MOMENTS_ALONE=1 exec setsid -w env --default-signal \
		unshare --pid --fork --mount-proc --kill-child --propagation private "$BASH" "$0" "$@"
}
words=("$@")

while getopts avpn:s:e:j: option; do
	case $option in
	a) all=1 ;;
	v) verbose=1 ;;
	p) pairs=1 ;;
	n) count=$OPTARG ;;
	s) seed=$OPTARG ;;
	e) wanted+=("$OPTARG") ;;
	j) jobs=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))

chosen=("$@")
if ((!$#)); then
	for row in "${modes[@]}"; do
		chosen+=("${row%% *}")
	done
fi
[[ ${3:-} != *:*:* ]] || single=1
failed=0 workers=()
# unshare(1) ignores TERM and INT while it waits for the PID 1 that is the worker.
end_workers() {
	local worker child
	trap '' TERM INT
	for worker in "${workers[@]}"; do
		child=$(<"/proc/$worker/task/$worker/children") && kill "${child% }"
	done 2>/dev/null
	wait
	exit 1
}
if [[ ! ${MOMENTS_ALONE:-} ]]; then
	trap end_workers TERM INT
	((!single)) || isolated "${words[@]}"
	if ((pairs)); then
		seed=${seed:-$((RANDOM * 32768 + RANDOM))}
		echo "seeds $seed to $((seed + count - 1))"
		((jobs <= count)) || jobs=$count
		for ((i = 0; i < jobs; i++)); do
			share=$((count / jobs + (i < count % jobs)))
			isolated "${words[@]:0:OPTIND-1}" -s "$seed" -n "$share" "$@" &
			workers+=($!)
			((seed += share))
		done
	else
		for mode in "${chosen[@]}"; do
			while (($(jobs -pr | wc -l) >= jobs)); do
				wait -n
			done
			isolated "${words[@]:0:OPTIND-1}" "$mode" &
			workers+=($!)
		done
	fi
	for worker in "${workers[@]}"; do
		wait "$worker" || failed=1
	done
	exit $failed
fi

scratch=$(mktemp -d)
find_group
finish() {
	local dir
	cd /
	while read -r dir; do
		umount -l "$dir"
	done < <(awk -v under="$scratch/" 'index($5, under) == 1 { print $5 }' /proc/self/mountinfo | tac)
	rm -rf --one-file-system "$scratch"
	leave_group
}
trap finish EXIT
trap 'exit 1' TERM
if ((single)); then
	mode=$1 runs=0 missed=0 impossible=0 bad=0
	read_mode "$mode"
	fresh_place
	learn || exit 1
	phases=$(<phases)
	attempt "$*" -e "$2@$3" ${5:+-e "$4@$5"}
	summary "$mode"
	exit $((bad > 0))
elif ((pairs)); then
	run_pairs
else
	run_mode "$1"
fi
