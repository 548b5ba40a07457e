# Messages: each is one line on stderr, in one write, and does not disturb COMMAND.
# shellcheck disable=SC2016 # $0 and $1 are the inner shell's
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
load helper
load levels

@test "nothing is logged if nothing is wrong" {
	for level in "${levels[@]}" within; do
		run_at "$level" -t infinity -- bash -c '
			("$0/orphans" 20 >/dev/null)
			"$0/outlive" -d 2 "$1"
			kill -TERM $$' "$PROBES" "$BATS_TEST_TMPDIR/$level"
		[ "$status" = 143 ]
		[ "$stderr$output" = "" ]
	done
}

@test "-v logs the start, signals and the end; -vv each process reaped" {
	for level in alone pid1; do
		for option in -v -vv; do
			start_at "$level" "$option" -- bash -c '
				("$0/orphans" -s 3 5 >/dev/null)
				exec "$0/siglog" -x 15 -s 3 "$1"' "$PROBES" "$BATS_TEST_TMPDIR/$level$option"
			wait_for said READY "$BATS_TEST_TMPDIR/$level$option"
			kill -TERM "$pid"
			end_of_it
			[ "$status" = 3 ]
			grep -q "^nsinit: started bash as PID [0-9]*$" "$err"
			grep -qx "nsinit: signal TERM is forwarded as TERM" "$err"
			grep -qx "nsinit: COMMAND has ended: status 3" "$err"
			[ "$(grep -vc '^nsinit: ' "$err")" = 0 ]
			reaped=$(grep -c '^nsinit: reaped orphan PID [0-9]*, status 0$' "$err" || :)
			[ "$reaped" = $((${#option} == 3 ? 5 : 0)) ]
			[ ! -s "$out" ]
		done
	done
}

@test "-v logs a rewritten and a dropped signal; the end of a grace is always logged" {
	log=$BATS_TEST_TMPDIR/log
	start_nsinit --verbose -t 0 -r USR1:RTMIN+3 -r USR2:0 -r 33:32 -- "$PROBES/siglog" "$log"
	wait_for said READY "$log"
	for sig in USR1 USR2 33 TERM; do
		kill -s "$sig" "$pid"
		wait_for handled "$pid"
	done
	finish
	[ "$status" = 137 ]
	grep -qx "nsinit: signal USR1 is forwarded as RTMIN+3" "$err"
	grep -qx "nsinit: signal USR2 is dropped" "$err"
	grep -qx "nsinit: signal 33 is forwarded as 32" "$err"
	grep -q "^nsinit: the grace of 0 s is over, sending KILL to: [0-9]* (siglog)$" "$err"
}

@test "-w logs a line for each orphan reaped, with its status, also as PID 1" {
	for level in "${levels[@]}"; do
		run_at "$level" -w -t infinity -- bash -c '
			("$0/orphans" 7 >/dev/null)
			(setsid -f "$0/die" 9; setsid -f "$0/die" -s 10) | cat' "$PROBES"
		echo "$stderr"
		grep -c "^nsinit: reaped orphan PID [0-9]*, status 0$" <<<"$stderr" | grep -qx 7
		grep -qx "nsinit: reaped orphan PID [0-9]*, status 9" <<<"$stderr"
		grep -qx "nsinit: reaped orphan PID [0-9]*, status 138" <<<"$stderr"
		[ "${#stderr_lines[@]}" = 9 ]
	done
}

@test "each line is one write" {
	need strace strace
	spawn strace -f -qq -e trace=write,writev,pwritev2 -o "$BATS_TEST_TMPDIR/trace" \
		"$NSINIT" -vv -u -- "$PROBES/die" 3
	finish
	[ "$status" = 3 ]
	lines 3 "$err"
	# Print every successful write, to any description of the file.
	[ "$(grep -c ' = [1-9][0-9]*$' "$BATS_TEST_TMPDIR/trace")" = "$(wc -l <"$err")" ]
}

@test "in a file that is not opened for appending, neither nsinit nor COMMAND overwrites the other's lines" {
	for level in alone two; do
		start_at "$level" -v -- bash -c '
			trap "echo handled \$((++n)) >&2" USR1
			echo ready
			while :; do read -rt 0.02 <> <(:) || :; done'
		wait_for said ready "$out"
		for n in 1 2 3; do
			send USR1
			wait_for said "handled $n" "$err"
		done
		kill "$pid"
		end_of_it
		[ "$(grep -vcE '^(nsinit: .*|handled [1-3])$' "$err")" = 0 ]
		[ "$(grep -c ^handled "$err")" = 3 ]
		grep -qx "nsinit: COMMAND has ended: status 143" "$err"
	done
}

@test "a full stderr that is not read never blocks nsinit" {
	for unshare in '' -u; do
		log=$BATS_TEST_TMPDIR/log$unshare
		# shellcheck disable=SC2086 # words
		spawn "$PROBES/oddparent" -F -- "$NSINIT" -vvw $unshare -- bash -c '
			("$0/orphans" 20 >/dev/null)
			exec "$0/siglog" -x 15 -s 7 "$1"' "$PROBES" "$log"
		wait_for said READY "$log"
		kill -USR1 "$pid"
		wait_for said "10 " "$log"
		kill -TERM "$pid"
		finish
		[ "$status" = 7 ]
	done
}

@test "a stderr that is closed, or has no reader, changes nothing" {
	for odd in -E '-f 2' '-f 0 -f 1 -f 2'; do
		for unshare in '' -u; do
			# shellcheck disable=SC2086 # words
			capture "$PROBES/oddparent" $odd -- "$NSINIT" -vvw $unshare -- bash -c '
				("$0/orphans" 20 >/dev/null)
				exit 7' "$PROBES"
			[ "$status" = 7 ]
			# shellcheck disable=SC2086 # words
			capture "$PROBES/oddparent" $odd -- "$NSINIT" $unshare -- /nonesuch
			[ "$status" = 127 ]
			# shellcheck disable=SC2086 # words
			capture "$PROBES/oddparent" $odd -- "$NSINIT" --nonesuch
			[ "$status" = 125 ]
		done
	done
}

@test "a message does not change the flags of stderr, which COMMAND shares" {
	run_at alone -vv -- bash -c '
		read -r _ flags < <(grep flags /proc/self/fdinfo/2)
		(((flags & 04000) == 0)) || exit 4'
	[ "$status" = 0 ]
}

@test "a word from the command line cannot break a message, control a terminal, or make the line endless" {
	run_at alone -- $'/none\nnsinit: such\e[31m\r'
	[ "$stderr" = "nsinit: /none?nsinit: such?[31m?: No such file or directory" ]
	long=$(printf 'x%.0s' {1..10000})
	run_at alone --"$long"
	[ "$status" = 125 ]
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == "nsinit: --xxx"* ]]
	run_at alone -t "$long" -- "$PROBES/die" 0
	[ "$status" = 125 ]
	[[ ${#stderr_lines[@]} == 1 && $stderr == "nsinit: -t: invalid duration 'xxx"* ]]
	((${#stderr} < 4096))
}
