#!/usr/bin/env bats
# Job control: what each key does in each mode below each shell, and what happens at random moments.
# JOBCONTROL_ROUNDS=400 plays each scenario at 400 random moments. By default only a few are played.

# shellcheck disable=SC2153,SC2016 # $NSINIT is typed; the scripts are those of the shells inside
load helper
load terminal

setup() {
	helper_setup
	set_long
}

# --- the table in the manual ---

# Print the rows of the table: the event, the modes, and then the state of COMMAND, of another process in its group, of
# nsinit and of the shell. "reports" is followed by the status that the shell reports, "prompts" means that the shell
# continues while the job still exists, and "waits" that the job has the foreground.
table() {
	sed -n '/jobcontrol.bats walks through/,/^\.TE/p' "$root/nsinit.1" | grep $'\t' | grep -v ^Event
}

# is STATE PID: whether PID runs, is stopped or has ended.
is() {
	case $1 in
	runs) in_state "$2" SDR ;;
	stops) in_state "$2" T ;;
	ends) ended "$2" ;;
	esac
}

foreground_is_jobs() {
	local group
	group=$(foreground) && [[ $group == "$(stat_field "$command" 5)" ]]
}

foreground_is_shells() {
	[[ $(foreground) == "$(leader)" ]]
}

# do_to_job KEY...: press the keys, or let a process send the signals, and wait for the prompt if one is expected.
do_to_job() {
	local key
	for key; do
		case ${key%,} in
		Ctrl-Z)
			press C-z
			see "$prompt"
			;;
		Ctrl-C) press C-c ;;
		Ctrl-\\e) press C-\\ ;;
		fg)
			wait_for is stops "$outer"
			type_line fg
			;;
		bg)
			wait_for is stops "$outer"
			at_prompt bg
			;;
		hang-up) hang_up ;;
		TERM | TSTP) kill "-$key" "$outer" ;;
		*) return 1 ;;
		esac
	done
}

# row SHELL OPTIONS WHAT COMMAND OTHER NSINIT SHELL
row() {
	local shell=$1 options=$2 what=$3 other after='echo "the status is $?."'
	[[ $shell != fish ]] || after='echo "the status is $status."'
	open_shell "$shell"
	# The shell waits for the other process, which has COMMAND's group and every signal at its default.
	type_line "\$NSINIT $options sh -c 'sleep $long; :'"
	find_command sleep "$long"
	other=$found
	command=$(stat_field "$other" 4)
	find_nsinit
	wait_for foreground_is_jobs
	# shellcheck disable=SC2086 # words
	do_to_job $what
	wait_for is "$4" "$command"
	wait_for is "$5" "$other"
	wait_for is "$6" "$outer"
	case $7 in
	ends) wait_for ended "$(leader)" ;;
	waits) wait_for foreground_is_jobs ;;
	prompts)
		[[ $what == Ctrl-Z* ]] || see "$prompt"
		wait_for foreground_is_shells
		;;
	"reports "*)
		see "$prompt"
		last_status "${7#reports }" "$after"
		;;
	*) return 1 ;;
	esac
	kill -KILL "$other" 2>/dev/null || :
	close_terminal
}

# walk SHELL MODE: check each row of the table for this mode.
walk() {
	local what modes command_is other_is nsinit_is shell_is rows=0
	ulimit -c 0
	[[ $2 != *-u* ]] || need_root
	while IFS=$'\t' read -r what modes command_is other_is nsinit_is shell_is; do
		[[ $modes == all || ", $modes," == *", $2,"* ]] || continue
		echo "below $1, $2: $what"
		row "$1" "${2/none/}" "$what" "$command_is" "$other_is" "$nsinit_is" "$shell_is"
		((++rows))
	done < <(table)
	((rows == 9))
}

@test "below bash, each key does what the manual's table says" { walk bash none; }
@test "below bash, each key does what the manual's table says (-u)" { walk bash -u; }
@test "below bash, each key does what the manual's table says (-g)" { walk bash -g; }
@test "below bash, each key does what the manual's table says (-g -u)" { walk bash '-g -u'; }
@test "below dash, each key does what the manual's table says" { walk dash none; }
@test "below dash, each key does what the manual's table says (-u)" { walk dash -u; }
@test "below dash, each key does what the manual's table says (-g)" { walk dash -g; }
@test "below dash, each key does what the manual's table says (-g -u)" { walk dash '-g -u'; }
@test "below zsh, each key does what the manual's table says" { walk zsh none; }
@test "below zsh, each key does what the manual's table says (-u)" { walk zsh -u; }
@test "below zsh, each key does what the manual's table says (-g)" { walk zsh -g; }
@test "below zsh, each key does what the manual's table says (-g -u)" { walk zsh '-g -u'; }
@test "below fish, each key does what the manual's table says" { walk fish none; }
@test "below fish, each key does what the manual's table says (-u)" { walk fish -u; }
@test "below fish, each key does what the manual's table says (-g)" { walk fish -g; }
@test "below fish, each key does what the manual's table says (-g -u)" { walk fish '-g -u'; }

# --- at random moments ---

# often SCENARIO: play SCENARIO of tests/jobcontrol.sh at some random moments; sure SCENARIO: play one without random
# moments.
often() {
	need_root
	need setsid util-linux
	FIRST=1 LIMIT=${WAIT:-10} "$root/tests/jobcontrol.sh" "$1" "${JOBCONTROL_ROUNDS:-${2:-15}}"
}

sure() {
	need_root
	FIRST=1 LIMIT=${WAIT:-10} "$root/tests/jobcontrol.sh" "$1" 2
}

@test "Ctrl-Z at any moment of the start stops the job, and fg and Ctrl-C work afterwards" { often suspend-early 25; }
@test "Ctrl-Z, fg and Ctrl-Z at any moment of the start stop the job twice" { often suspend-twice-early; }
@test "Ctrl-C at any moment of the start ends the job" { often interrupt-early 25; }
@test "Ctrl-\\ at any moment of the start ends the job" { often quit-early; }
@test "TERM at any moment of the start ends the job" { often term-early; }
@test "a terminal that is closed at any moment of the start ends the job" { often hangup-early; }
@test "Ctrl-C ends a COMMAND that has moved to a new process group" { sure interrupt-other-group; }
@test "Ctrl-Z stops a COMMAND that has moved to a new process group, and fg resumes it" {
	sure suspend-other-group
}
@test "a closed terminal ends a COMMAND that has moved to a new process group" { sure hangup-other-group; }
@test "Ctrl-C ends a COMMAND that has moved to a new session" { sure interrupt-other-session; }
@test "a closed terminal ends a COMMAND that has moved to a new session" { sure hangup-other-session; }
@test "in a script without a job-control shell above, Ctrl-Z does nothing, as without nsinit" { often suspend-script; }
@test "a stopped job whose shell is killed ends" { often shell-killed; }
@test "a stopped job whose terminal is closed ends" { often suspended-hangup; }
@test "as a session's leader, a terminal that is closed at any moment of the start ends COMMAND" {
	often leader-hangup 40
}
@test "Ctrl-Z right after fg stops the job again" { often suspend-again; }
@test "a job that runs in the background has the terminal after fg, also with -g" { sure running-to-foreground; }
@test "Ctrl-C ends a script with nsinit in a loop, also with -g" { sure script-loop; }
@test "Ctrl-Z during the grace gives the prompt back" { sure suspend-in-grace; }
@test "as a session's leader, Ctrl-C ends --pause at any moment" { often pause-leader-interrupt; }
@test "as a session's leader, a closed terminal ends --pause at any moment" { often pause-leader-hangup; }
@test "below a shell, Ctrl-Z stops --pause at any moment, and fg and Ctrl-C work afterwards" { often pause-suspend; }
@test "nsinit never blocks on a full terminal: TERM works while its output is not read" {
	need strace strace
	often stalled 4
}

# --- single cases ---

pause_ends_with_0() {
	open_terminal "$NSINIT" ${1:+"$1"} -P
	find_pause
	"${@:2}"
	ended_as 'exited 0'
}

# find_pause: wait until the session leader blocks all signals, after which its start is complete.
find_pause() {
	wait_for nsinit_up "$(leader)"
}

@test "as a session's leader, --pause ends with status 0 by Ctrl-C and by a closed terminal" {
	pause_ends_with_0 '' press C-c
	pause_ends_with_0 '' hang_up
	need_root
	pause_ends_with_0 -u press C-c
	pause_ends_with_0 -u hang_up
}

# taken PID: whether nsinit has received all signals that were sent to it.
taken() {
	[[ $(field "$1" ShdPnd) == 0000000000000000 ]]
}

@test "a TSTP that COMMAND ignored does not make nsinit stop with a later STOP of COMMAND" {
	open_terminal -n "$NSINIT" sh -c "trap '' TSTP; exec sleep $long"
	find_sleep
	kill -TSTP "$outer"
	wait_for taken "$outer"
	kill -STOP "$command"
	wait_for in_state "$command" T
	kill -WINCH "$outer"
	wait_for stopped_or_taken "$outer"
	in_state "$outer" S
}

stopped_or_taken() {
	in_state "$1" T || taken "$1"
}

@test "in a script, an nsinit inside another one does not stop with a STOP of COMMAND" {
	need_root
	open_terminal sh -c "\"\$NSINIT\" -u \"\$NSINIT\" sleep $long; :"
	find_sleep
	kill -STOP "$command"
	wait_for in_state "$command" T
	kill -WINCH "$inner"
	wait_for stopped_or_taken "$inner"
	in_state "$inner" S
}

# The remaining process of COMMAND's group logs each signal. INIT is dumb-init, or nsinit under that name.
left_gets() {
	local init=$1 rewrite=$2 heard
	heard=$(mktemp "$BATS_TEST_TMPDIR/heard.XXXXXX")
	"${fresh[@]}" "$init" -r "$rewrite" sh -c '
		"$PROBES/siglog" "$0" &
		until [ -s "$0" ]; do sleep 0.01; done' "$heard" </dev/null >/dev/null 3>&-
	read -r _ found <"$heard"
	kill -64 "$found"
	wait_for heard 1 64 process "$heard"
	kill -KILL "$found"
	sed -n 's/^\([0-9]*\) .*/\1/p' "$heard" | sed /^64$/d | xargs
}

@test "as dumb-init, -r also rewrites the TERM that COMMAND's group gets at the end" {
	need dumb-init dumb-init
	ln -s "$NSINIT" "$BATS_TEST_TMPDIR/dumb-init"
	for init in dumb-init "$BATS_TEST_TMPDIR/dumb-init"; do
		echo "$init"
		# nsinit sends CONT after TERM, and dumb-init does not.
		[[ $(left_gets "$init" 15:10) == 10* ]]
		[[ $(left_gets "$init" 15:0) != *1[05]* ]]
	done
}

@test "an option for a signal that nsinit can never receive is refused, and the signal is named" {
	for words in '--stop-signal KILL' '--stop-signal STOP' '-p CHLD'; do
		# shellcheck disable=SC2086 # words
		run_nsinit $words true
		echo "$words: $status, $stderr"
		[[ $status == 125 && $stderr == *"${words#* }"* ]]
	done
}
