# shellcheck shell=bash disable=SC2034,SC2154
# For tests whose promise holds wherever nsinit stands; loaded after helper.

# alone: a subreaper; pid1: PID 1 of a namespace that somebody else made; two: the outer and the inner one of -u.
# And within: both at once, an outer one that is PID 1 itself.
levels=(alone pid1 two)

# start_at LEVEL ARG...: nsinit with ARG, spawned. $pid is the one that signals go to, and end_of_it waits for it.
start_at() {
	local level=$1
	shift
	echo "level: $level"
	case $level in
	alone) start_nsinit "$@" ;;
	two) start_nsinit -u "$@" ;;
	pid1) start_pid1 "$@" ;;
	within) start_pid1 -u "$@" ;;
	esac
	case $level in
	alone | two) waited=$pid ;;
	*) waited=$launcher ;;
	esac
}

# end_of_it: until the one that start_at started ends; its status is $status. PID 1's is unshare's own.
end_of_it() {
	finish "$waited"
}

# run_at LEVEL ARG...: nsinit with ARG to its end: $status, $output, $stderr and $stderr_lines, as bats's own run has
# them; but that one complains of a 127, and waits for whoever is left with the pipe.
run_at() {
	local how
	echo "level: $1"
	case $1 in
	alone) how=("$NSINIT") ;;
	two) how=("$NSINIT" -u) ;;
	pid1) how=("${own_pidns[@]}" "$NSINIT") ;;
	within) how=("${own_pidns[@]}" "$NSINIT" -u) ;;
	esac
	capture "${how[@]}" "${@:2}"
}

# capture COMMAND [ARG]...: the same for any COMMAND.
capture() {
	local file=$BATS_TEST_TMPDIR/captured
	status=0
	"${fresh[@]}" "$@" </dev/null >"$file.out" 2>"$file.err" 3>&- || status=$?
	output=$(<"$file.out")
	stderr=$(<"$file.err")
	mapfile -t stderr_lines <"$file.err"
}

# handled PID: whether PID has taken all signals that came to it, or has ended.
handled() {
	[[ $(field "$1" SigPnd)$(field "$1" ShdPnd) == 00000000000000000000000000000000 ]] || ended "$1"
}

# lines N FILE: whether FILE has N lines or more.
lines() {
	local -a all
	mapfile -t all 2>/dev/null <"$2" && ((${#all[@]} >= $1))
}

# send SIG...: by kill(2) to $pid, each once it has taken the one before.
send() {
	local sig
	for sig; do
		kill -s "$sig" "$pid"
		wait_for handled "$pid"
	done
}

# logged FILE: the numbers of the signals that siglog wrote, in their order, on one line.
logged() {
	local sig rest numbers=
	while read -r sig rest; do
		[[ $sig == READY ]] || numbers+=" $sig"
	done <"$1"
	echo "${numbers# }"
}
