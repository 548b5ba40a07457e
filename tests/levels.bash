# shellcheck shell=bash disable=SC2034,SC2154
# For tests that hold for nsinit in each of its places; loaded after helper.

# alone: a subreaper; pid1: PID 1 of a namespace that another program created; two: the outer and the inner process of
# -u; within: both at once, with an outer process that is PID 1 itself.
levels=(alone pid1 two)

# start_at LEVEL ARG...: spawn nsinit with ARG. $pid is the process to signal. end_of_it waits for it.
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

# end_of_it: wait until the nsinit of start_at ends, and set $status to its status. PID 1's status is that of unshare.
end_of_it() {
	finish "$waited"
}

# run_at LEVEL ARG...: run nsinit with ARG to its end. Set $status, $output, $stderr and $stderr_lines as bats's run
# does. But run complains about a status of 127, and waits for every process that has the pipe.
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

# handled PID: whether PID has taken all signals that it was sent, or has ended.
handled() {
	[[ $(field "$1" SigPnd)$(field "$1" ShdPnd) == 00000000000000000000000000000000 ]] || ended "$1"
}

# lines N FILE: whether FILE has N lines or more.
lines() {
	local -a all
	mapfile -t all 2>/dev/null <"$2" && ((${#all[@]} >= $1))
}

# send SIG...: send each SIG to $pid by kill(2), when it has taken the one before.
send() {
	local sig
	for sig; do
		kill -s "$sig" "$pid"
		wait_for handled "$pid"
	done
}

# logged FILE: print the numbers of the signals that siglog has written, in order, on one line.
logged() {
	local sig rest numbers=
	while read -r sig rest; do
		[[ $sig == READY ]] || numbers+=" $sig"
	done <"$1"
	echo "${numbers# }"
}
