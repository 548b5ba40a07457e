# Signals: which are forwarded, to which process, and with which value, from the first system call to the end.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
load helper
load levels

# All signals that can be caught, except CHLD.
passed_on=({1..8} {10..16} 18 {20..64})

# start_pair LEVEL ARG...: start a group of two: COMMAND, which logs to $log.command, and its child, to $log.child.
start_pair() {
	log=$BATS_TEST_TMPDIR/$1
	# shellcheck disable=SC2016 # the inner shell's
	start_at "$@" -- bash -c '"$0" "$1.child" & exec "$0" "$1.command"' "$PROBES/siglog" "$log"
	wait_for said READY "$log.command"
	wait_for said READY "$log.child"
}

# start_log LEVEL ARG...: start a COMMAND that logs to $log.
start_log() {
	log=$BATS_TEST_TMPDIR/$1
	start_at "$@" -- "$PROBES/siglog" "$log"
	wait_for said READY "$log"
}

# settle FILE...: wait until all signals have arrived. 64 comes last, because it is the highest number.
settle() {
	local file
	kill -s 64 "$pid"
	for file; do
		wait_for last_is 64 "$file"
	done
}

last_is() {
	local line
	line=$(tail -n1 "$2") && [[ $line == "$1 "* ]]
}

# kill_it: end what start_pair or start_log started, and remove its logs.
kill_it() {
	kill -KILL "$waited" "$pid" 2>/dev/null || :
	wait_for ended "$waited"
	rm -f "$log"*
}

# shown FILE: print what siglog has logged without sender and user: lines of "SIGNO CODE VALUE".
shown() {
	sed 1d "$1" | cut -d' ' -f1,2,5
}

@test "each signal that can be caught, 1 to 64, reaches COMMAND's process group once" {
	for level in "${levels[@]}" within; do
		start_pair "$level"
		# CONT is sent first and alone: it discards pending stop signals, and they discard it (signal(7)).
		kill -s CONT "$pid"
		wait_for said "18 " "$log.command"
		wait_for said "18 " "$log.child"
		"$PROBES/sigsend" "$pid" {1..8} {10..16} {20..64}
		for who in command child; do
			wait_for lines $((1 + ${#passed_on[@]})) "$log.$who"
			[ "$(logged "$log.$who" | tr ' ' '\n' | sort -n | paste -sd' ')" = "${passed_on[*]}" ]
			# A signal sent by kill(2) is forwarded as such: SI_USER.
			[ "$(sed 1d "$log.$who" | cut -d' ' -f2 | sort -u)" = 0 ]
		done
		kill_it
	done
}

@test "CHLD is never forwarded" {
	for level in "${levels[@]}"; do
		start_pair "$level"
		"$PROBES/sigsend" "$pid" 17
		"$PROBES/sigsend" -q 5 "$pid" 17
		settle "$log.command" "$log.child"
		[ "$(logged "$log.command") $(logged "$log.child")" = "64 64" ]
		kill_it
	done
}

@test "a signal sent by sigqueue(3) is forwarded only to COMMAND, with its value and SI_QUEUE" {
	for level in "${levels[@]}" within; do
		start_pair "$level"
		for sig in 10 15 32 33 34 63; do
			"$PROBES/sigsend" -q $((sig - 40)) "$pid" "$sig"
		done
		settle "$log.command" "$log.child"
		[ "$(logged "$log.child")" = 64 ]
		[ "$(shown "$log.command" | sort -n)" = "10 -1 -30
15 -1 -25
32 -1 -8
33 -1 -7
34 -1 -6
63 -1 23
64 0 0" ]
		kill_it
	done
}

@test "1000 realtime signals with values arrive, all of them and in order" {
	for level in "${levels[@]}"; do
		start_log "$level"
		"$PROBES/sigsend" -q 1 -n 1000 "$pid" 40
		wait_for lines 1001 "$log"
		diff <(shown "$log") <(printf '40 -1 %d\n' {1..1000})
		kill_it
	done
}

@test "realtime signals sent by kill(2) reach the group as often as they were sent" {
	for level in "${levels[@]}"; do
		start_pair "$level"
		"$PROBES/sigsend" -n 300 "$pid" 50
		settle "$log.command" "$log.child"
		for who in command child; do
			[ "$(shown "$log.$who" | uniq -c | awk '{ print $1, $2, $3, $4 }')" = "300 50 0 0
1 64 0 0" ]
		done
		kill_it
	done
}

@test "a signal sent to nsinit's thread or by pidfd is forwarded like one sent by kill(2)" {
	for level in "${levels[@]}"; do
		start_pair "$level"
		"$PROBES/sigsend" -t "$pid" 10 35
		"$PROBES/sigsend" -p "$pid" 12 36
		settle "$log.command" "$log.child"
		for who in command child; do
			[ "$(logged "$log.$who" | tr ' ' '\n' | sort -n | paste -sd' ')" = "10 12 35 36 64" ]
		done
		kill_it
	done
}


@test "-r forwards one signal as another, by any of its names, and 0 drops it" {
	for level in alone two; do
		start_pair "$level" -r TERM:USR1 -r sigint:12 --rewrite 3:SIGQUIT --rewrite=Usr1:usr2 \
			-r RTMIN+3:RTMAX-1 -r 32:33 -r RTMIN:SIGRTMIN+2 -r HUP:0 -r SIGALRM:0 -r rtmax-2:0
		for sig in 15 2 3 10 37 32 34 1 14 62; do
			"$PROBES/sigsend" "$pid" "$sig"
			wait_for handled "$pid"
		done
		settle "$log.command" "$log.child"
		for who in command child; do
			got=$(logged "$log.$who" | tr ' ' '\n' | sort -n | paste -sd' ')
			# The 12 from INT and the 12 from USR1 may be merged.
			[ "$got" = "3 10 12 33 36 63 64" ] || [ "$got" = "3 10 12 12 33 36 63 64" ]
		done
		kill_it
	done
}

@test "-r: the last value for a signal counts, and a signal is rewritten only once" {
	start_log alone -r USR1:USR2 -r USR2:USR1 -r TERM:INT -r TERM:HUP
	send USR1
	wait_for lines 2 "$log"
	send USR2
	wait_for lines 3 "$log"
	send TERM
	wait_for lines 4 "$log"
	[ "$(logged "$log")" = "12 10 1" ]
}

@test "-r keeps the value of a queued signal" {
	for level in alone two; do
		start_log "$level" -r 40:41 -r 42:0
		"$PROBES/sigsend" -q 7 "$pid" 42 40
		settle "$log"
		[ "$(shown "$log")" = "41 -1 8
64 0 0" ]
		kill_it
	done
}

@test "-c signals only COMMAND, and -g its group again" {
	for level in pid1 two; do
		start_pair "$level" -g --single-child
		send USR1
		settle "$log.command"
		[ "$(logged "$log.command")" = "10 64" ]
		[ "$(logged "$log.child")" = "" ]
		kill_it
		start_pair "$level" -c -g
		settle "$log.command" "$log.child"
		kill_it
	done
}

@test "a COMMAND that has left its process group receives the signals as well" {
	for level in "${levels[@]}"; do
		log=$BATS_TEST_TMPDIR/$level
		start_at "$level" -- "$PROBES/leavegroup" "$PROBES/siglog" "$log"
		wait_for said READY "$log"
		"$PROBES/sigsend" "$pid" 10
		"$PROBES/sigsend" -q 3 "$pid" 35
		settle "$log"
		[ "$(shown "$log" | sort -n)" = "10 0 0
35 -1 3
64 0 0" ]
		kill_it
	done
}

@test "signals are forwarded to the group after COMMAND has ended" {
	for level in "${levels[@]}"; do
		log=$BATS_TEST_TMPDIR/$level
		# shellcheck disable=SC2016 # the inner shell's
		start_at "$level" -t infinity -- bash -c '"$0" "$1" & until [[ -s $1 ]]; do :; done' \
			"$PROBES/siglog" "$log"
		# It gets TERM when COMMAND has ended.
		wait_for said "15 " "$log"
		send USR1
		settle "$log"
		[[ $(logged "$log") == *"10"*"64" ]]
		kill_it
	done
}

@test "no signal is sent to a process that gets COMMAND's PID afterwards" {
	need_root
	log=$BATS_TEST_TMPDIR/log
	# A remaining process starts one that gets COMMAND's PID and leads a group, as COMMAND did.
	cat >"$BATS_TEST_TMPDIR/successor" <<-'END'
		trap asked=1 TERM
		>"$2.trap"
		until [[ -v asked ]] && ! kill -0 "$3" 2>/dev/null; do :; done
		until [[ ${!-} == "$3" ]]; do
			echo $(($3 - 1)) >/proc/sys/kernel/ns_last_pid
			([[ $BASHPID != "$3" ]] || exec setsid "$1" "$2") &
		done
		wait
		wait
	END
	# shellcheck disable=SC2016 # the inner shell's
	start_pid1 -t infinity -- bash -c 'setsid bash "$0" "$1" "$2" $$ & until [[ -e $2.trap ]]; do :; done' \
		"$BATS_TEST_TMPDIR/successor" "$PROBES/siglog" "$log"
	wait_for said READY "$log"
	[ "$(sed -n 's/READY //p' "$log")" = 2 ]
	kill -s USR1 "$pid"
	"$PROBES/sigsend" -q 1 "$pid" 35
	wait_for handled "$pid"
	# A signal that was sent to it would have arrived before this one.
	for child in $(descendants "$pid"); do
		! runs "$child" siglog || kill -s 64 "$child"
	done
	wait_for last_is 64 "$log"
	[ "$(logged "$log")" = 64 ]
}

@test "-p: nsinit gets the signal when its parent dies, and forwards it" {
	for option in '-p USR2' --pdeathsig=USR2; do
		for unshare in '' -u; do
			log=$BATS_TEST_TMPDIR/log$unshare$option
			# shellcheck disable=SC2016,SC2086 # the inner shell's, and words
			"${fresh[@]}" bash -c '"$@" & until grep -qs READY "${!#}"; do :; done' \
				- "$NSINIT" $unshare $option -- "$PROBES/siglog" -x 12 "$log" 3>&-
			wait_for lines 2 "$log"
			[ "$(logged "$log")" = 12 ]
		done
	done
}

@test "-p: nsinit gets the signal also if its parent dies before nsinit has asked for it" {
	need strace strace
	log=$BATS_TEST_TMPDIR/log
	cat >"$BATS_TEST_TMPDIR/parent" <<-'END'
		. "$root/tests/helper.bash"
		# With strace -D nsinit remains the child of the process that started it. COMMAND begins with USR2 blocked.
		strace -D -f --seccomp-bpf -qq -o /dev/null -e trace=prctl -e inject=prctl:delay_enter=1000000:when=1 "$@" &
		until mask_set $! && in_state $! t; do :; done
	END
	"${fresh[@]}" bash "$BATS_TEST_TMPDIR/parent" "$PROBES/oddparent" -B 12 -- "$NSINIT" -p USR2 -- "$PROBES/siglog" -x 12 "$log" 3>&-
	wait_for lines 2 "$log"
	[ "$(logged "$log")" = 12 ]
}

@test "signals reach COMMAND while orphans appear faster than nsinit can reap them" {
	need strace strace
	log=$BATS_TEST_TMPDIR/log
	# Each waitpid takes 30 ms, and there are 2,000 orphans.
	# shellcheck disable=SC2016 # the inner shell's
	spawn strace -qq -o /dev/null -e trace=wait4 -e inject=wait4:delay_exit=30000 "$NSINIT" -- bash -c '
		"$0" 2000 >/dev/null &
		exec "$1" "$2"' "$PROBES/orphans" "$PROBES/siglog" "$log"
	wait_for said READY "$log"
	pid=$(children "$pid")
	"$PROBES/sigsend" "$pid" 10 35
	wait_for lines 3 "$log"
	kill -KILL "$(sed -n 's/READY //p' "$log")"
}

@test "a signal that arrives before COMMAND is started is delivered to its group afterwards, and to no other process" {
	need strace strace
	for call in clone execve; do
		for unshare in '' -u; do
			log=$BATS_TEST_TMPDIR/$call$unshare
			# COMMAND has all signals blocked from its beginning, so that they cannot end it before it logs them.
			# shellcheck disable=SC2016,SC2086 # the inner shell's, and words
			spawn bash -c '"$0" "$1.other" & exec "${@:2}"' "$PROBES/siglog" "$log" \
				strace -f --seccomp-bpf -qq -o /dev/null -e trace=$call \
				-e inject=$call:delay_enter=800000:when=1 \
				"$PROBES/oddparent" -b -- "$NSINIT" $unshare -- "$PROBES/siglog" -x 64 "$log"
			strace=$pid
			wait_for strace_began
			wait_for said READY "$log.other"
			"$PROBES/sigsend" "$pid" 1 2 15
			"$PROBES/sigsend" -q 5 "$pid" 35 36
			[ ! -e "$log" ]
			wait_for said READY "$log"
			settle "$log"
			[ "$(shown "$log" | sort -n)" = "1 0 0
2 0 0
15 0 0
35 -1 5
36 -1 6
64 0 0" ]
			[ "$(logged "$log.other")" = "" ]
			kill -KILL "$(sed -n 's/READY //p' "$log.other")"
			wait_for ended "$strace"
		done
	done
}

# nsinit is the child of strace, which was bash.
strace_began() {
	runs "$strace" strace && pid=$(children "$strace" | while read -r p; do ! masked_nsinit "$p" || echo "$p"; done) &&
		[[ -n $pid ]]
}

masked_nsinit() {
	runs "$1" nsinit && mask_set "$1"
}

@test "signals that were pending when nsinit began are delivered to COMMAND" {
	for unshare in '' -u; do
		log=$BATS_TEST_TMPDIR/log$unshare
		# shellcheck disable=SC2086 # words
		spawn "$PROBES/oddparent" -b -p 15 -p 10 -p 40 -- "$NSINIT" $unshare -- "$PROBES/siglog" "$log"
		wait_for lines 4 "$log"
		[ "$(logged "$log")" = "10 15 40" ]
		kill -KILL "$pid"
	done
}

@test "each of 100 TERMs at random moments after nsinit has blocked signals ends COMMAND" {
	for ((i = 0; i < 100; i++)); do
		how=() two=()
		((i % 10)) || how=("${own_pidns[@]}")
		((i % 2)) || two=(-u)
		setsid env --default-signal "${how[@]}" "$NSINIT" "${two[@]}" -- sleep 1000 </dev/null 3>&- &
		waited=$! pid=$!
		until [[ -n $pid ]] && mask_set "$pid"; do
			((i % 10)) || pid=$(children "$waited")
		done
		for ((j = RANDOM % 4; j > 0; j--)); do :; done
		kill -TERM "$pid"
		finish "$waited"
		[ "$status" = 143 ]
	done
}

@test "PIPE and XFSZ that nsinit's own write raised are not forwarded, and those of others are" {
	for unshare in '' -u; do
		log=$BATS_TEST_TMPDIR/pipe$unshare
		# shellcheck disable=SC2086 # words
		spawn "$PROBES/oddparent" -E -- "$NSINIT" -vv $unshare -- "$PROBES/siglog" "$log"
		wait_for said READY "$log"
		send USR1 USR2
		settle "$log"
		[ "$(logged "$log")" = "10 12 64" ]
		kill -s PIPE "$pid"
		wait_for last_is 13 "$log"
		kill -KILL "$pid"

		log=$BATS_TEST_TMPDIR/xfsz$unshare
		mkfifo "$log.fifo"
		cat "$log.fifo" >"$log" 3>&- &
		# shellcheck disable=SC2086 # words
		spawn "$PROBES/oddparent" -L fsize=0 -- "$NSINIT" -vv $unshare -- "$PROBES/siglog" "$log.fifo"
		wait_for said READY "$log"
		send USR1 USR2
		settle "$log"
		[ "$(logged "$log")" = "10 12 64" ]
		kill -s XFSZ "$pid"
		wait_for last_is 25 "$log"
		kill -KILL "$pid"
	done
}

@test "signals are forwarded also if nsinit inherits an ignored CHLD, blocked signals, or children" {
	for odd in '-i 17' -b -l -z -t '-r -o' '-i 17 -b -l -z -t -r -o'; do
		for unshare in '' -u; do
			log=$BATS_TEST_TMPDIR/log$unshare$odd
			# shellcheck disable=SC2086 # words
			spawn "$PROBES/oddparent" $odd -- "$NSINIT" $unshare -- "$PROBES/siglog" -x 15 -s 9 "$log"
			wait_for said READY "$log"
			kill -s USR1 "$pid"
			wait_for last_is 10 "$log"
			"$PROBES/sigsend" -q 3 "$pid" 40
			wait_for last_is 40 "$log"
			kill -s TERM "$pid"
			finish
			[ "$status" = 9 ]
			[ "$(shown "$log")" = "10 0 0
40 -1 3
15 0 0" ]
		done
	done
}

@test "signals are forwarded also while an orphan is stopped, or is a traced zombie" {
	for level in "${levels[@]}"; do
		log=$BATS_TEST_TMPDIR/$level
		# shellcheck disable=SC2016 # the inner shell's
		start_at "$level" -- bash -c '
			("$0/outlive" -d -S 2 "$1.left")
			exec "$0/siglog" -x 15 -s 9 "$1"' "$PROBES" "$log"
		wait_for said READY "$log"
		left=$(descendants "$pid" | while read -r p; do ! runs "$p" outlive || echo "$p"; done | head -n1)
		"$PROBES/tracer" "$left" "$log.tracer" 3>&- &
		tracer=$!
		wait_for said READY "$log.tracer"
		kill -KILL "$left"
		wait_for in_state "$left" Z
		kill -s USR1 "$pid"
		wait_for last_is 10 "$log"
		kill -s TERM "$pid"
		if [[ $level == alone ]]; then
			end_of_it
			[ "$status" = 9 ]
		fi
		kill "$tracer"
		end_of_it
		[ "$status" = 9 ]
	done
}
