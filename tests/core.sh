#!/bin/sh
# shellcheck disable=SC2005,SC2013,SC2016,SC2046,SC2048,SC2086,SC2181 # words are meant to split
# The core of the tests for places without bats: a kernel in a virtual machine, a binary for another processor.
#
#     NSINIT=WORDS PROBES=DIR core.sh [CASE]...
#
# Print "ok CASE" or "not ok CASE" for each CASE (by default all), after the output of one that failed. The status is
# 1 if one failed. NSINIT may be several words. It needs a shell with the usual tools (busybox is enough), /proc, and
# root for the cases of namespaces.

cases='statuses failures remap signals values group single rewrite grace_stop suspend output_ends pid_file
pid1_orphans pid1_leftovers untouched orphans grace_leftovers grace_signal
unshare unshare_signals unshare_values unshare_dies unshare_leftovers kinds export_proc root_dir nesting'

# Cases that fail in a user-mode emulator: subreapers, namespaces, and files and masks that the emulator changes itself.
[ -z "${EMULATED-}" ] || cases=${cases%untouched*}

# --- helpers ---

fail() {
	echo "$*"
	exit 1
}

# same WHAT WANTED SEEN
same() {
	[ "$2" = "$3" ] || fail "$1: wanted '$2', saw '$3'"
}

nap() {
	usleep 20000 2>/dev/null || sleep 0.02
}

# until_ok COMMAND [ARG]...: wait until COMMAND succeeds, for a minute at most.
until_ok() {
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ "$tries" -lt 3000 ] || fail "never: $*"
		nap
	done
}

# status WANTED COMMAND [ARG]...: whether COMMAND ends with the status WANTED.
status() {
	wanted=$1 seen=0
	shift
	"$@" || seen=$?
	same "status of $*" "$wanted" "$seen"
}

# lines PATTERN FILE N: whether FILE has at least N lines with PATTERN.
lines() {
	[ -e "$2" ] && [ "$(grep -c "$1" "$2")" -ge "$3" ]
}

# ready_pid FILE [N]: print the PID of the first, or Nth, process that wrote "READY PID" to FILE.
ready_pid() {
	sed -n 's/^READY //p' "$1" | sed -n "${2-1}p"
}

# Whether the log of a siglog exists, and has this many signals.
logged() {
	lines '^[0-9]' log "$1"
}

started() {
	lines READY log 1
}

state_is() {
	read -r line <"/proc/$1/stat" && line=${line##*) } && [ "${line%% *}" = "$2" ]
} 2>/dev/null

ended() {
	[ ! -e "/proc/$1" ] || state_is "$1" Z
}

# Print how many zombies have nsinit, a PID, as their parent.
zombies() {
	count=0
	for stat in /proc/[0-9]*/stat; do
		read -r line 2>/dev/null <"$stat" || continue
		line=${line##*) }
		case $line in
		"Z $1 "*) count=$((count + 1)) ;;
		esac
	done
	echo "$count"
}

no_zombies() {
	[ "$(zombies "$1")" = 0 ]
}

# --- cases: each runs in its own directory, and a command that fails ends it ---

case_statuses() {
	for n in 0 1 42 125 126 127 255; do
		status $n $NSINIT "$PROBES/die" $n
	done
	for n in 1 2 6 9 15 31; do
		status $((128 + n)) $NSINIT "$PROBES/die" -s $n
	done
}

case_failures() {
	echo 'not a program' >file
	status 126 $NSINIT ./file 2>said
	grep -q '^nsinit: ./file: ' said
	chmod +x file
	status 126 $NSINIT ./file 2>said
	grep -q '^nsinit: ./file: ' said
	status 127 $NSINIT ./nowhere 2>said
	grep -q '^nsinit: ./nowhere: ' said
	status 127 $NSINIT no-such-command 2>said
	status 125 $NSINIT --no-such-option true 2>said
	same message 'nsinit: --no-such-option: unknown option (see --help)' "$(cat said)"
	status 125 $NSINIT -t 2>said
	$NSINIT --version | grep -q '^nsinit version '
}

case_remap() {
	status 0 $NSINIT -e 42 -e 143 "$PROBES/die" 42
	status 0 $NSINIT -e 42 -e 143 "$PROBES/die" -s 15
	status 43 $NSINIT -e 42 "$PROBES/die" 43
}

# Each of the 64 signals that can be sent, except KILL, STOP and CHLD. qemu-user cannot forward two that its libc
# uses, and four that it leaves unblocked in its own thread, which ends by them. EMULATED names others that this
# version of it uses.
all_signals() {
	n=0
	while [ $((n += 1)) -le 64 ]; do
		case " 9 17 19 ${EMULATED:+4 7 8 11 32 33} ${EMULATED-} " in
		*" $n "*) ;;
		*) echo $n ;;
		esac
	done
}

# send_all PID: send each of them. CONT is last and alone, because TSTP, TTIN and TTOU discard a pending CONT.
send_all() {
	all=$(all_signals)
	count=$(echo "$all" | wc -l)
	"$PROBES/sigsend" $1 $(echo "$all" | grep -vx 18)
	(until_ok logged $((count - 1))) || fail "came: $(echo $(sed -n "2,\$s/ .*//p" log))"
	kill -CONT $1
	until_ok logged $count
	same 'signals that came' "$all" "$(sed -n '2,$s/ .*//p' log | sort -n)"
}

case_signals() {
	$NSINIT "$PROBES/siglog" log &
	until_ok started
	send_all $!
	kill -KILL "$(ready_pid log)"
	status 137 wait $!
}

# The values of sigqueue(3), in the order in which they were sent, and the sender.
case_values() {
	$NSINIT "$PROBES/siglog" -n 301 log &
	until_ok started
	"$PROBES/sigsend" -q 1000 -n 300 $! 40
	"$PROBES/sigsend" -q 77 $! 10
	status 0 wait $!
	same values "$(seq 1000 1299)" "$(sed -n 's/^40 -1 .* //p' log)"
	same 'value of USR1' 77 "$(sed -n 's/^10 -1 .* //p' log)"
}

case_group() {
	$NSINIT sh -c "'$PROBES/siglog' -x 12 rest & exec '$PROBES/siglog' -x 12 log" &
	until_ok lines READY rest 1
	until_ok started
	"$PROBES/sigsend" $! 10
	until_ok lines '^10 ' rest 1
	kill -TERM $!
	until_ok lines '^15 ' rest 1
	"$PROBES/sigsend" $! 12
	status 0 wait $!
	same 'signals that came' '10 15 12' "$(echo $(sed -n '2,$s/ .*//p' log))"
}

case_single() {
	$NSINIT -c sh -c "'$PROBES/siglog' -x 12 rest & exec '$PROBES/siglog' -x 12 log" &
	until_ok lines READY rest 1
	until_ok started
	"$PROBES/sigsend" $! 10 12
	status 0 wait $!
	same 'signals in the rest of the group' '' "$(sed 1d rest)"
	"$PROBES/sigsend" "$(ready_pid rest)" 12
}

case_rewrite() {
	$NSINIT -r TERM:USR1 -r HUP:0 -r SIGWINCH:3 "$PROBES/siglog" -n 3 log &
	until_ok started
	"$PROBES/sigsend" $! 15 1 28 12
	status 0 wait $!
	same 'signals that came' '3 10 12' "$(echo $(sed -n '2,$s/ .*//p' log | sort -n))"
}

case_grace_leftovers() {
	status 6 $NSINIT -t 60 "$PROBES/outlive" -s 6 3 log
	same 'those who had TERM' 3 "$(grep -c TERM log)"
	status 7 $NSINIT -t 0.2 "$PROBES/outlive" -i -d -s 7 2 log2
	for n in $(sed -n 's/READY //p' log log2); do
		ended $n || fail "$n has not ended"
	done
}

case_grace_stop() {
	$NSINIT -t 0.2 "$PROBES/siglog" log &
	until_ok started
	kill -TERM $!
	status 137 wait $!
	grep -q '^15 ' log
	# Another signal does not start the grace.
	$NSINIT -t 0.1 --stop-signal HUP "$PROBES/siglog" -n 2 -s 3 log2 &
	until_ok lines READY log2 1
	kill -TERM $!
	until_ok lines '^15 ' log2 1
	"$PROBES/sigsend" $! 12
	status 3 wait $!
}

# After the end of COMMAND its group still receives signals, without use of a PID that may be another process's.
case_grace_signal() {
	$NSINIT -t infinity sh -c "'$PROBES/siglog' -x 12 log & while ! [ -s log ]; do :; done; exit 9" &
	until_ok lines '^15 ' log 1
	"$PROBES/sigsend" $! 10
	until_ok lines '^10 ' log 1
	"$PROBES/sigsend" $! 12
	status 9 wait $!
}

case_orphans() {
	$NSINIT sh -c "'$PROBES/orphans' -b 20 300 && '$PROBES/orphans' -b 1 100 >log && exec '$PROBES/siglog' -x 15 -s 5 log" &
	until_ok started
	until_ok no_zombies $!
	kill -TERM $!
	status 5 wait $!
}

# In a chroot unshare(1) cannot set the propagation of all mounts, because / is not a mount point.
own_pidns='unshare --pid --mount --fork --mount-proc'
grep -q '^[0-9]* [0-9]* [^ ]* [^ ]* / ' /proc/self/mountinfo || own_pidns="$own_pidns --propagation unchanged"

# As a container's PID 1: the kernel reaps if it can, and otherwise nsinit does.
case_pid1_orphans() {
	$own_pidns $NSINIT sh -c "'$PROBES/orphans' -b 50 1000 >out
		. '$core'
		until_ok no_zombies 1
		exit 11" || same status 11 $?
	same out 'DONE 1000' "$(cat out)"
}

case_pid1_leftovers() {
	$own_pidns $NSINIT -t 60 "$PROBES/outlive" -d -s 12 4 log || same status 12 $?
	same 'those who had TERM' 4 "$(grep -c TERM log)"
	$own_pidns $NSINIT -t 0.2 "$PROBES/outlive" -i -s 13 2 log2 || same status 13 $?
	same 'those who had TERM' 2 "$(grep -c TERM log2)"
}

# nsinit stops when COMMAND stops because of a TSTP that was sent to nsinit, and CONT resumes both.
case_suspend() {
	$NSINIT sleep 1000 &
	until_ok has_child $!
	kill -TSTP $!
	until_ok state_is $! T
	until_ok state_is $child T
	kill -CONT $!
	until_ok state_is $! S
	until_ok state_is $child S
	kill -TERM $!
	status 143 wait $!
}

# The name is checked, so that the process has executed COMMAND.
has_child() {
	for stat in /proc/[0-9]*/stat; do
		read -r line 2>/dev/null <"$stat" || continue
		case $line in
		*"(sleep) "?" $1 "*)
			child=${line%% *}
			return 0
			;;
		esac
	done
	return 1
}

# COMMAND inherits what nsinit has inherited.
case_untouched() {
	given='^(fds|blocked|pending|ignored|caught|cwd|umask|core|nofile|sigpending|pdeathsig|dumpable|env|argv) '
	"$PROBES/oddparent" -i 13 -B 10 -B 40 -- "$PROBES/state" a 'b c' '' 2>&1 | grep -E "$given" >bare
	"$PROBES/oddparent" -i 13 -B 10 -B 40 -- $NSINIT "$PROBES/state" a 'b c' '' 2>&1 | grep -E "$given" >below
	same state "$(cat bare)" "$(cat below)"
	grep -q '^argv b c$' below
}

# A reader gets end-of-file when COMMAND closes its output, also while nsinit runs.
case_output_ends() {
	$NSINIT sh -c "exec '$PROBES/siglog' -x 15 log >/dev/null" >pipe.out 2>&1 &
	until_ok started
	same 'standard output' /dev/null "$(readlink /proc/$!/fd/1 || echo /dev/null)"
	same 'working directory' / "$(readlink /proc/$!/cwd)"
	kill -TERM $!
	status 0 wait $!
}

case_pid_file() {
	$NSINIT --pid-file pid "$PROBES/siglog" -x 15 log &
	until_ok started
	until_ok [ -s pid ]
	same PID "$(ready_pid log)" "$(cat pid)"
	kill -TERM $!
	status 0 wait $!
	[ ! -e pid ]
	status 125 $NSINIT --pid-file nowhere/pid "$PROBES/die" 0 2>/dev/null
}

# --- with namespaces ---

case_unshare() {
	before=$(cat /proc/mounts)
	$NSINIT -u sh -c 'cd /proc; echo $$ of [0-9]*; exit 4' >out || same status 4 $?
	same 'the PIDs' '2 of 1 2' "$(cat out)"
	status 137 $NSINIT -u "$PROBES/die" -s 9
	status 127 $NSINIT -u ./nowhere 2>said
	grep -q '^nsinit: ./nowhere: ' said
	same mounts "$before" "$(cat /proc/mounts)"
}

case_unshare_signals() {
	$NSINIT -u --pid-file pid "$PROBES/siglog" log &
	until_ok started
	send_all $!
	kill -KILL "$(cat pid)"
	status 137 wait $!
}

case_unshare_values() {
	$NSINIT -u "$PROBES/siglog" -n 300 log &
	until_ok started
	"$PROBES/sigsend" -q 1000 -n 300 $! 40
	status 0 wait $!
	same values "$(seq 1000 1299)" "$(sed -n 's/^40 -1 .* //p' log)"
}

# The namespace ends with the outer process, whatever ends that.
case_unshare_dies() {
	$NSINIT -u --pid-file pid "$PROBES/siglog" log &
	until_ok started
	until_ok [ -s pid ]
	kill -KILL $!
	status 137 wait $!
	until_ok ended "$(cat pid)"
}

case_unshare_leftovers() {
	status 8 $NSINIT -u -t 60 "$PROBES/outlive" -d -s 8 3 log
	same 'those who had TERM' 3 "$(grep -c TERM log)"
	status 9 $NSINIT -u -t 0.2 "$PROBES/outlive" -d -i -s 9 2 log2
	same 'those who had TERM' 2 "$(grep -c TERM log2)"
}

case_kinds() {
	for kind in mount:mnt uts:uts ipc:ipc net:net user:user cgroup:cgroup; do
		$NSINIT --${kind%:*} readlink /proc/self/ns/${kind#*:} >out
		[ "$(readlink /proc/self/ns/${kind#*:})" != "$(cat out)" ] || fail "${kind%:*} is the old one"
	done
	before=$(hostname)
	same hostname box "$($NSINIT --hostname box hostname)"
	same hostname "$before" "$(hostname)"
	same loopback 'up' "$($NSINIT --net sh -c 'ip link show lo | grep -q LOOPBACK,UP && echo up')"
	# shellcheck disable=SC2016 # the inner shell's
	same 'user ids' '0 0' "$($NSINIT -u --map-root-user sh -c 'echo $(id -u) $(id -g)')"
}

case_export_proc() {
	$NSINIT -u --export-proc "$PWD/a/proc" "$PROBES/siglog" -x 15 log &
	until_ok started
	until_ok [ -e a/proc/2/comm ]
	same name siglog "$(cat a/proc/2/comm)"
	kill -TERM $!
	status 0 wait $!
	[ ! -e a ] || fail 'the directory is there still'
}

# Also if / is the initramfs, which pivot_root(2) cannot exchange.
case_root_dir() {
	mkdir -p new/bin new/proc
	cp "$PROBES/state" new/bin/
	$NSINIT -u --root new --wd /bin /bin/state >out
	grep -q '^cwd /bin$' out
	grep -q '^pid 2$' out
	same 'after it' 'bin proc' "$(cd new && echo *)"
}

case_nesting() {
	n=0
	set -- "$PROBES/die" 21
	while [ $((n += 1)) -le 31 ]; do
		set -- $NSINIT -u "$@"
	done
	status 21 "$@"
	status 125 $NSINIT -u $NSINIT -u "$@" 2>said
	grep -q 32 said || fail "$(cat said)"
}

# --- running them ---

# One of the cases sources this file for its functions.
case $0 in
*core.sh) ;;
*) return ;;
esac

failed=0
home=$PWD
case $0 in
/*) core=$0 ;;
*) core=$PWD/$0 ;;
esac
dir=$(mktemp -d)
export NSINIT PROBES
for name in ${*:-$cases}; do
	mkdir "$dir/$name"
	(
		cd "$dir/$name" || exit
		set -e
		"case_$name"
	) >"$dir/said" 2>&1 </dev/null
	result=$?
	if [ $result = 0 ]; then
		echo "ok $name"
	else
		failed=1
		sed 's/^/# /' "$dir/said"
		echo "not ok $name"
	fi
done
cd "$home" && rm -rf "$dir"
exit $failed
