#!/usr/bin/env bats
# Terminals and job control: below a shell, as the leader of a session with a terminal, and without a terminal. Each
# test runs without (`plain`) and with a new PID namespace (`unshared`).

# shellcheck disable=SC2086,SC2153 # $u is a word or none; $nsinit, what is typed, is not $NSINIT
load helper
load terminal

setup() {
	helper_setup
	set_long
}

# stopped, resumed: whether COMMAND and nsinit (with namespaces, the outer process) are stopped or running. The inner
# process, PID 1 of a namespace, cannot be stopped from inside.
stopped() {
	in_state "$command" T && in_state "$outer" T
}

resumed() {
	in_state "$command" SDR && in_state "$outer" SDR
}

# attentive PID: whether PID has taken all signals that were sent to it.
attentive() {
	[[ $(field "$1" ShdPnd) == 0000000000000000 ]]
}

none_sleeps() {
	! grep -qszxF -e "$long" /proc/[0-9]*/cmdline
}

# These words are typed: the shell of the test expands $NSINIT and $PROBES.
# shellcheck disable=SC2016
nsinit='$NSINIT'

# --- below a shell ---

below_placed() {
	open_shell bash
	type_line "$nsinit $u sleep $long"
	find_sleep
	[[ $(stat_field "$command" 5) == "$(stat_field "$outer" 5)" ]]
	[[ $(stat_field "$command" 6) == "$(leader)" ]]
	in_foreground "$(stat_field "$outer" 5)"
}

@test "below a shell, COMMAND stays in nsinit's process group and session" { plain below_placed; }
@test "below a shell, COMMAND stays in nsinit's process group and session (-u)" { unshared below_placed; }

pages() {
	need less less
	open_shell bash
	type_line "$nsinit $u seq 1 300 | TERM=vt100 less"
	see '20\r\n'
	type_text G
	see '(END)'
	type_text q
	see "$prompt"
	# shellcheck disable=SC2016
	type_line 'echo "these: ${PIPESTATUS[*]}."'
	see 'these: 0 0.'
}

@test "less pages through the output of nsinit COMMAND" { plain pages; }
@test "less pages through the output of nsinit COMMAND (-u)" { unshared pages; }

paged_inside() {
	need less less
	open_shell bash
	type_line "seq 1 300 | TERM=vt100 $nsinit $u less | cat"
	see '299\r\n'
	see "$prompt"
	type_line "seq 1 300 | TERM=vt100 $nsinit $u less"
	see '20\r\n'
	type_text G
	see '(END)'
	type_text q
	see "$prompt"
}

@test "nsinit less pages through the output of a COMMAND" { plain paged_inside; }
@test "nsinit less pages through the output of a COMMAND (-u)" { unshared paged_inside; }

in_a_pipeline() {
	open_shell bash
	type_line "seq 1 99 | $nsinit $u grep 7 | wc -l"
	see '19\r\n'
	see "$prompt"
	type_line "$nsinit $u seq 1 99 | $nsinit $u grep -v 7 | $nsinit $u wc -l"
	see '80\r\n'
	see "$prompt"
	# shellcheck disable=SC2016
	type_line 'echo "these: ${PIPESTATUS[*]}."'
	see 'these: 0 0 0.'
}

@test "nsinit works in the middle of a pipeline" { plain in_a_pipeline; }
@test "nsinit works in the middle of a pipeline (-u)" { unshared in_a_pipeline; }

pipeline_stops() {
	open_shell "$1"
	type_line "$nsinit $u sleep $long | cat"
	find_sleep
	press C-z
	see "$prompt"
	wait_for stopped
	type_line fg
	wait_for resumed
	press C-c
	see "$prompt"
	last_status 130
	wait_for ended "$command"
}

@test "Ctrl-Z, fg and Ctrl-C work on a pipeline with nsinit in it" { plain pipeline_stops bash; }
@test "Ctrl-Z, fg and Ctrl-C work on a pipeline with nsinit in it (-u)" { unshared pipeline_stops bash; }

ctrl_c() {
	open_shell "$1"
	type_line "$nsinit $u sleep $long"
	find_sleep
	press C-c
	see "$prompt"
	last_status 130
	wait_for ended "$command"
}

@test "below bash, Ctrl-C ends COMMAND: 130" { plain ctrl_c bash; }
@test "below bash, Ctrl-C ends COMMAND: 130 (-u)" { unshared ctrl_c bash; }
@test "below dash, Ctrl-C ends COMMAND: 130" { plain ctrl_c dash; }
@test "below dash, Ctrl-C ends COMMAND: 130 (-u)" { unshared ctrl_c dash; }
@test "below busybox sh, Ctrl-C ends COMMAND: 130" { plain ctrl_c busybox; }
@test "below busybox sh, Ctrl-C ends COMMAND: 130 (-u)" { unshared ctrl_c busybox; }

# A COMMAND that handles INT ends with its own status, and the list continues.
ctrl_c_caught() {
	open_shell bash
	type_line "$nsinit $u bash -c 'trap \"exit 7\" INT; echo on-\$((1 + 1)); read -r x'; echo \"it was \$?.\""
	see on-2
	press C-c
	see 'it was 7.'
}

@test "the status of a COMMAND that handles Ctrl-C is its own" { plain ctrl_c_caught; }
@test "the status of a COMMAND that handles Ctrl-C is its own (-u)" { unshared ctrl_c_caught; }

# The kernel sends it to COMMAND, and nsinit starts the grace.
ctrl_c_asks_for_the_stop() {
	open_shell bash
	type_line "$nsinit $u --stop-signal INT -t 0.1 bash -c 'trap \"\" INT; echo on-\$((1 + 1)); while :; do read -r x; done'; echo \"it was \$?.\""
	see on-2
	press C-c
	see 'it was 137.'
}

@test "Ctrl-C as the stop signal starts the grace" { plain ctrl_c_asks_for_the_stop; }
@test "Ctrl-C as the stop signal starts the grace (-u)" { unshared ctrl_c_asks_for_the_stop; }

loop_ends() {
	open_shell "$1"
	type_line "for i in 1 2 3; do $nsinit $u sleep $long; done"
	find_sleep
	press C-c
	see "$prompt"
	last_status 130
	wait_for none_sleeps
}

@test "one Ctrl-C ends a loop of bash" { plain loop_ends bash; }
@test "one Ctrl-C ends a loop of bash (-u)" { unshared loop_ends bash; }
@test "one Ctrl-C ends a loop of dash" { plain loop_ends dash; }
@test "one Ctrl-C ends a loop of dash (-u)" { unshared loop_ends dash; }
@test "one Ctrl-C ends a loop of busybox sh" { plain loop_ends busybox; }
@test "one Ctrl-C ends a loop of busybox sh (-u)" { unshared loop_ends busybox; }

script_ends() {
	cat >"$BATS_TEST_TMPDIR/loop.sh" <<-end
		for i in 1 2 3; do
			"\$NSINIT" $u sleep $long
		done
		echo "went on"
	end
	open_shell bash
	type_line 'bash loop.sh'
	find_sleep
	press C-c
	see "$prompt"
	last_status 130
	not_shown 'went on'
	wait_for none_sleeps
}

@test "one Ctrl-C ends a script with nsinit in a loop" { plain script_ends; }
@test "one Ctrl-C ends a script with nsinit in a loop (-u)" { unshared script_ends; }

waits_there() {
	local group
	group=$(foreground) && runs "$group" nsinit && in_state "$group" S
}

pause_ends() {
	open_shell bash
	type_line "$nsinit $u -P"
	wait_for waits_there
	press C-c
	see "$prompt"
	last_status 0
}

@test "below a shell, Ctrl-C ends --pause" { plain pause_ends; }
@test "below a shell, Ctrl-C ends --pause (-u)" { unshared pause_ends; }

one_sleeps() {
	! none_sleeps
}

# Inside, the process groups of the shell and of nsinit are both shown as 0.
@test "-g in a PID namespace whose shell is outside gives COMMAND the foreground only if nsinit had it" {
	need_root
	open_shell bash
	at_prompt "${own_pidns[*]} $nsinit -g sleep $long &"
	wait_for one_sleeps
	in_foreground "$(leader)"
	type_line 'kill -KILL %1; wait'
	see "$prompt"
	wait_for none_sleeps
	type_line "${own_pidns[*]} $nsinit -g sleep $long"
	wait_for one_sleeps
	press C-c
	see "$prompt"
	last_status 130
}

ctrl_z() {
	open_shell "$1"
	type_line "$nsinit $u sleep $long"
	find_sleep
	for _ in 1 2; do
		press C-z
		see "$prompt"
		wait_for stopped
		type_line jobs
		see topped
		see "$prompt"
		type_line fg
		wait_for resumed
		wait_for in_foreground "$(stat_field "$outer" 5)"
	done
	press C-c
	see "$prompt"
	last_status 130
	wait_for ended "$command"
}

@test "below bash, Ctrl-Z stops and fg resumes" { plain ctrl_z bash; }
@test "below bash, Ctrl-Z stops and fg resumes (-u)" { unshared ctrl_z bash; }
@test "below dash, Ctrl-Z stops and fg resumes" { plain ctrl_z dash; }
@test "below dash, Ctrl-Z stops and fg resumes (-u)" { unshared ctrl_z dash; }
@test "below busybox sh, Ctrl-Z stops and fg resumes" { plain ctrl_z busybox; }
@test "below busybox sh, Ctrl-Z stops and fg resumes (-u)" { unshared ctrl_z busybox; }

nested_stops() {
	open_shell bash
	type_line "$nsinit -u $nsinit $u $nsinit -u sleep $long"
	find_sleep
	press C-z
	see "$prompt"
	wait_for stopped
	type_line fg
	wait_for resumed
	press C-c
	see "$prompt"
	last_status 130
	wait_for ended "$outer"
}

@test "Ctrl-Z, fg and Ctrl-C work through nested namespaces" { unshared nested_stops; }

to_background() {
	open_shell "$1"
	type_line "$nsinit $u sleep $long"
	find_sleep
	press C-z
	see "$prompt"
	wait_for stopped
	at_prompt bg
	wait_for resumed
	# shellcheck disable=SC2016
	type_line 'kill %1; wait %1; echo "the job: $?."'
	see 'the job: 143.'
	wait_for ended "$command"
}

@test "below bash, bg resumes and kill %1 arrives" { plain to_background bash; }
@test "below bash, bg resumes and kill %1 arrives (-u)" { unshared to_background bash; }
@test "below dash, bg resumes and kill %1 arrives" { plain to_background dash; }
@test "below dash, bg resumes and kill %1 arrives (-u)" { unshared to_background dash; }
@test "below busybox sh, bg resumes and kill %1 arrives" { plain to_background busybox; }
@test "below busybox sh, bg resumes and kill %1 arrives (-u)" { unshared to_background busybox; }

from_background() {
	open_shell "$1"
	at_prompt "$nsinit $u sleep $long &"
	find_sleep
	type_line jobs
	see unning
	see "$prompt"
	type_line fg
	wait_for in_foreground "$(stat_field "$outer" 5)"
	press C-c
	see "$prompt"
	last_status 130
	wait_for ended "$command"
}

@test "below bash, fg brings nsinit COMMAND & to the foreground" { plain from_background bash; }
@test "below bash, fg brings nsinit COMMAND & to the foreground (-u)" { unshared from_background bash; }
@test "below dash, fg brings nsinit COMMAND & to the foreground" { plain from_background dash; }
@test "below dash, fg brings nsinit COMMAND & to the foreground (-u)" { unshared from_background dash; }
@test "below busybox sh, fg brings nsinit COMMAND & to the foreground" { plain from_background busybox; }
@test "below busybox sh, fg brings nsinit COMMAND & to the foreground (-u)" { unshared from_background busybox; }

reads_in_background() {
	open_shell "$1"
	at_prompt "$nsinit $u bash -c 'read -r x; echo \"got <\$x>\"' $long &"
	find_sleep bash
	wait_for stopped
	type_line jobs
	see topped
	see "$prompt"
	type_line fg
	wait_for resumed
	type_line hello
	see 'got <hello>'
	see "$prompt"
}

@test "a COMMAND in the background that reads the terminal stops, and fg resumes it" {
	plain reads_in_background bash
}
@test "a COMMAND in the background that reads the terminal stops, and fg resumes it (-u)" {
	unshared reads_in_background bash
}

tostop() {
	open_shell bash
	at_prompt 'stty tostop'
	at_prompt "$nsinit $u bash -c 'echo out-\$((1 + 1))' $long &"
	find_sleep bash
	wait_for stopped
	not_shown out-2
	type_line fg
	see out-2
	see "$prompt"
}

@test "stty tostop stops a COMMAND that writes in the background, until fg" { plain tostop; }
@test "stty tostop stops a COMMAND that writes in the background, until fg (-u)" { unshared tostop; }

tostop_spares_nsinit() {
	open_shell bash
	at_prompt 'stty tostop'
	type_line "$nsinit -v $u sleep $long &"
	see 'nsinit: '
	find_sleep
	resumed
	# shellcheck disable=SC2016
	type_line 'kill %1; wait %1; echo "the job: $?."'
	see 'the job: 143.'
}

@test "stty tostop does not stop nsinit itself" { plain tostop_spares_nsinit; }
@test "stty tostop does not stop nsinit itself (-u)" { unshared tostop_spares_nsinit; }

reads_after() {
	cat >"$BATS_TEST_TMPDIR/ask.sh" <<-end
		"\$NSINIT" $u true
		echo "first?"
		read -r line
		echo "one <\$line>"
		"\$NSINIT" $u sh -c 'echo "second?"; read -r line; echo "two <\$line>"'
		echo "third?"
		read -r line
		echo "three <\$line>"
	end
	open_shell bash
	type_line "$(shell_words "$1") ask.sh"
	see 'first?'
	type_line a
	see 'one <a>'
	see 'second?'
	type_line b
	see 'two <b>'
	see 'third?'
	type_line c
	see 'three <c>'
	see "$prompt"
}

@test "a script of bash reads the terminal after nsinit" { plain reads_after bash; }
@test "a script of bash reads the terminal after nsinit (-u)" { unshared reads_after bash; }
@test "a script of dash reads the terminal after nsinit" { plain reads_after dash; }
@test "a script of dash reads the terminal after nsinit (-u)" { unshared reads_after dash; }
@test "a script of busybox sh reads the terminal after nsinit" { plain reads_after busybox; }
@test "a script of busybox sh reads the terminal after nsinit (-u)" { unshared reads_after busybox; }

shell_inside() {
	open_shell "$2"
	type_line "PS1='inside> ' $nsinit $u $(shell_words "$1")"
	see 'inside> '
	job_control
	type_line 'exit 3'
	see "$prompt"
	# dash tries to give the terminal back to the group that it found, which is shown as 0 there, and exits with 2.
	# It does the same below unshare(1).
	[[ $1$u == dash-u ]] || last_status 3
	# shellcheck disable=SC2016
	type_line 'read -r x; echo "got <$x>"'
	type_line hello
	see 'got <hello>'
}

@test "bash inside, below bash, has job control and gives the terminal back" { plain shell_inside bash bash; }
@test "bash inside, below bash, has job control and gives the terminal back (-u)" { unshared shell_inside bash bash; }
@test "dash inside, below busybox sh, has job control and gives the terminal back" { plain shell_inside dash busybox; }
@test "dash inside, below busybox sh, has job control and gives the terminal back (-u)" {
	unshared shell_inside dash busybox
}
@test "busybox sh inside, below dash, has job control and gives the terminal back" { plain shell_inside busybox dash; }
@test "busybox sh inside, below dash, has job control and gives the terminal back (-u)" {
	unshared shell_inside busybox dash
}

# Unlike an interactive shell, the shell of a script never takes the terminal back.
script_gets_it_back() {
	cat >"$BATS_TEST_TMPDIR/outer.sh" <<-end
		PS1='inside> ' "\$NSINIT" $u bash --norc
		echo "it was \$?"
		read -r line
		echo "got <\$line>"
	end
	open_shell bash
	type_line 'dash outer.sh'
	see 'inside> '
	type_line "sleep $long"
	find_command sleep "$long"
	if [[ $1 == killed ]]; then
		kill -KILL "$(stat_field "$found" 4)"
		see 'it was 137'
	else
		press C-c
		see 'inside> '
		type_line 'exit 0'
		see 'it was 0'
	fi
	type_line hello
	see 'got <hello>'
	see "$prompt"
}

@test "a script gets the terminal back from a shell inside that ended" { plain script_gets_it_back ended; }
@test "a script gets the terminal back from a shell inside that ended (-u)" { unshared script_gets_it_back ended; }
@test "a script gets the terminal back from a shell inside that was killed with a job in front" {
	plain script_gets_it_back killed
}
@test "a script gets the terminal back from a shell inside that was killed with a job in front (-u)" {
	unshared script_gets_it_back killed
}

edits() {
	need vi vim-tiny
	open_shell bash
	type_line "TERM=vt100 $nsinit $u vi -u NONE -N $BATS_TEST_TMPDIR/note"
	find_sleep vi "$BATS_TEST_TMPDIR/note"
	see note
	for word in hello again; do
		# vim-tiny does not support expressions.
		type_line ":\$normal o$word"
		press C-z
		see "$prompt"
		wait_for stopped
		type_line fg
		wait_for resumed
	done
	type_line ':wq'
	see "$prompt"
	last_status 0
	[[ $(<"$BATS_TEST_TMPDIR/note") == $'\nhello\nagain' ]]
}

@test "vim is stopped, resumed, and writes its file" { plain edits; }
@test "vim is stopped, resumed, and writes its file (-u)" { unshared edits; }

reads_on() {
	need less less
	seq 1 300 >"$BATS_TEST_TMPDIR/numbers"
	open_shell bash
	type_line "TERM=vt100 $nsinit $u less $BATS_TEST_TMPDIR/numbers"
	see '20\r\n'
	find_sleep less "$BATS_TEST_TMPDIR/numbers"
	press C-z
	see "$prompt"
	wait_for stopped
	# less restored the terminal's modes before it stopped: typed text is echoed.
	type_line 'echo a line'
	see 'echo a line\r\na line'
	see "$prompt"
	type_line fg
	wait_for resumed
	type_text G
	see '(END)'
	type_text q
	see "$prompt"
	last_status 0
}

@test "less is stopped and resumed" { plain reads_on; }
@test "less is stopped and resumed (-u)" { unshared reads_on; }

# Without nsinit the shell notices the stop when COMMAND has stopped, and not before.
stops_itself() {
	open_shell bash
	type_line "$nsinit $u bash -c 'kill -$1 \$\$; echo on-\$((1 + 1))' $long"
	see "$prompt"
	find_sleep bash
	stopped
	type_line fg
	see on-2
	see "$prompt"
	last_status 0
}

@test "a COMMAND that stops itself by TSTP gives the prompt back" { plain stops_itself TSTP; }
@test "a COMMAND that stops itself by TSTP gives the prompt back (-u)" { unshared stops_itself TSTP; }
@test "a COMMAND that stops itself by STOP gives the prompt back" { plain stops_itself STOP; }
@test "a COMMAND that stops itself by STOP gives the prompt back (-u)" { unshared stops_itself STOP; }

suspends() {
	open_shell bash
	type_line "PS1='inside> ' $nsinit $u bash --norc"
	see 'inside> '
	type_line 'suspend # here'
	see "$prompt"
	at_prompt "echo outside-\$((1 + 1))"
	shown outside-2
	type_line fg
	type_line "echo inside-\$((1 + 1))"
	see inside-2
	see 'inside> '
	job_control
	type_line 'exit 3'
	see "$prompt"
	last_status 3
}

@test "bash inside is suspended, and has the terminal again after fg" { plain suspends; }
@test "bash inside is suspended, and has the terminal again after fg (-u)" { unshared suspends; }

# The shell of a script does not notice that its commands stop. If nsinit stopped there because of a STOP of COMMAND
# alone, it would hang when COMMAND alone is continued.
stop_in_script() {
	cat >"$BATS_TEST_TMPDIR/pause.sh" <<-end
		"\$NSINIT" $u bash -c 'kill -STOP \$\$; echo on-\$((1 + 1))' $long
		echo "it was \$?"
	end
	open_shell bash
	type_line "dash pause.sh"
	find_sleep bash
	wait_for in_state "$command" T
	kept_stopped
	kill -CONT "$command"
	see on-2
	see 'it was 0'
}

@test "in a script, STOP and CONT sent only to COMMAND do not stop nsinit" { plain stop_in_script; }
@test "in a script, STOP and CONT sent only to COMMAND do not stop nsinit (-u)" { unshared stop_in_script; }

told_to_stop() {
	open_shell bash
	type_line "$nsinit $u sleep $long"
	find_sleep
	kill "-$1" "$outer"
	see "$prompt"
	wait_for stopped
	kill -CONT "$outer"
	wait_for resumed
	type_line fg
	wait_for in_foreground "$(stat_field "$outer" 5)"
	press C-c
	see "$prompt"
	last_status 130
}

@test "below a shell, TSTP from a process stops both, and CONT resumes both" { plain told_to_stop TSTP; }
@test "below a shell, TSTP from a process stops both, and CONT resumes both (-u)" { unshared told_to_stop TSTP; }
@test "below a shell, TTIN from a process stops both, and CONT resumes both" { plain told_to_stop TTIN; }
@test "below a shell, TTIN from a process stops both, and CONT resumes both (-u)" { unshared told_to_stop TTIN; }
@test "below a shell, TTOU from a process stops both, and CONT resumes both" { plain told_to_stop TTOU; }
@test "below a shell, TTOU from a process stops both, and CONT resumes both (-u)" { unshared told_to_stop TTOU; }

# how.pl: prints the status of wait(2), because a shell cannot distinguish death by INT from exit 130.
how() {
	need perl perl-base
	cat >"$BATS_TEST_TMPDIR/how.pl" <<-'end'
		my $pid = fork();
		exec(@ARGV) if $pid == 0;
		$SIG{INT} = $SIG{QUIT} = 'IGNORE';
		waitpid($pid, 0);
		print "signal ", $? & 127, ", core ", $? & 128, ", status ", $? >> 8, ".\n";
	end
}

dies_alike() {
	how
	open_shell bash
	at_prompt 'ulimit -c unlimited'
	type_line "perl how.pl $nsinit $u $3 bash -c 'echo on-\$((1 + 1)); exec sleep $long'"
	see on-2
	find_sleep
	press "$1"
	see "$2"
	see "$prompt"
}

@test "if Ctrl-C ends COMMAND, nsinit dies of INT itself" { plain dies_alike C-c 'signal 2, core 0, status 0.'; }
@test "if Ctrl-C ends COMMAND, nsinit dies of INT itself (-u)" {
	unshared dies_alike C-c 'signal 2, core 0, status 0.'
}
@test "if Ctrl-\\ ends COMMAND, nsinit dies of QUIT itself, without a core" {
	plain dies_alike C-\\ 'signal 3, core 0, status 0.'
}
@test "if Ctrl-\\ ends COMMAND, nsinit dies of QUIT itself, without a core (-u)" {
	unshared dies_alike C-\\ 'signal 3, core 0, status 0.'
}
@test "-e 130 makes Ctrl-C a status of 0" { plain dies_alike C-c 'signal 0, core 0, status 0.' '-e 130'; }
@test "-e 130 makes Ctrl-C a status of 0 (-u)" { unshared dies_alike C-c 'signal 0, core 0, status 0.' '-e 130'; }

int_from_a_process() {
	how
	open_shell bash
	type_line "perl how.pl $nsinit $u sleep $long"
	find_sleep
	kill -INT "$outer"
	see 'signal 2, core 0, status 0.'
}

@test "below a shell, nsinit dies of INT if COMMAND dies of an INT that a process sent" { plain int_from_a_process; }
@test "below a shell, nsinit dies of INT if COMMAND dies of an INT that a process sent (-u)" {
	unshared int_from_a_process
}

term_is_a_status() {
	how
	open_shell bash
	type_line "perl how.pl $nsinit $u sleep $long"
	find_sleep
	kill -TERM "$outer"
	see 'signal 0, core 0, status 143.'
}

@test "below a shell, the status is 143 if COMMAND dies of TERM" { plain term_is_a_status; }
@test "below a shell, the status is 143 if COMMAND dies of TERM (-u)" { unshared term_is_a_status; }

once() {
	local heard=$BATS_TEST_TMPDIR/heard
	open_shell bash
	type_line "$nsinit $u \$PROBES/siglog $heard"
	listening "$heard"
	press C-c
	wait_for heard 1 2 kernel "$heard"
	press C-\\
	wait_for heard 1 3 kernel "$heard"
	resize 30 100
	wait_for heard 1 28 kernel "$heard"
	flushed "$outer" "$heard"
	for sig in 2 3 28; do
		heard 1 "$sig" any "$heard"
	done
	for sig in 1 2 3 10 15 28; do
		kill "-$sig" "$outer"
		wait_for heard 1 "$sig" process "$heard"
	done
	flushed "$outer" "$heard"
	for sig in 1 2 3 10 15 28; do
		heard 1 "$sig" process "$heard"
	done
}

@test "below a shell, Ctrl-C, Ctrl-\\, a new size and kill arrive once" { plain once; }
@test "below a shell, Ctrl-C, Ctrl-\\, a new size and kill arrive once (-u)" { unshared once; }

# kill %1 signals the job's group: COMMAND receives it from the shell, and from nsinit, which cannot distinguish it
# from a signal to nsinit alone. It does not arrive a third time.
kill_job() {
	local heard=$BATS_TEST_TMPDIR/heard
	open_shell bash
	at_prompt "$nsinit $u \$PROBES/siglog $heard &"
	listening "$heard"
	at_prompt 'kill -40 %1'
	flushed "$outer" "$heard"
	heard 1 40 process "$heard" || heard 2 40 process "$heard"
}

@test "kill %1 arrives, and at most once more through nsinit" { plain kill_job; }
@test "kill %1 arrives, and at most once more through nsinit (-u)" { unshared kill_job; }

command_alone() {
	local heard=$BATS_TEST_TMPDIR/heard other=$BATS_TEST_TMPDIR/other
	open_shell bash
	type_line "\$PROBES/siglog $other | $nsinit $u \$PROBES/siglog $heard"
	wait_for said READY "$other"
	listening "$heard"
	for sig in 1 10 12 15 18 40; do
		kill "-$sig" "$outer"
		wait_for heard 1 "$sig" process "$heard"
	done
	flushed "$outer" "$heard"
	heard_nothing "$other"
}

@test "below a shell, a signal to nsinit reaches COMMAND, and no other process of the pipeline" { plain command_alone; }
@test "below a shell, a signal to nsinit reaches COMMAND, and no other process of the pipeline (-u)" { unshared command_alone; }

own_group() {
	how
	open_shell bash
	type_line "perl how.pl $nsinit $u -g sleep $long"
	find_sleep
	[[ $(stat_field "$command" 5) == "$command" ]]
	[[ $(stat_field "$command" 6) == "$(leader)" ]]
	wait_for in_foreground "$command"
	press C-c
	see 'signal 2, core 0, status 0.'
	see "$prompt"
}

@test "-g gives COMMAND its own process group below a shell, and the terminal" { plain own_group; }
@test "-g gives COMMAND its own process group below a shell, and the terminal (-u)" { unshared own_group; }

own_group_stops() {
	open_shell "$1"
	type_line "$nsinit $u -g sleep $long"
	find_sleep
	for _ in 1 2; do
		wait_for in_foreground "$command"
		press C-z
		see "$prompt"
		stopped
		type_line fg
		wait_for resumed
	done
	wait_for in_foreground "$command"
	press C-c
	see "$prompt"
	last_status 130
}

@test "with -g, Ctrl-Z, fg and Ctrl-C work below a shell" { plain own_group_stops bash; }
@test "with -g, Ctrl-Z, fg and Ctrl-C work below a shell (-u)" { unshared own_group_stops bash; }

own_group_in_script() {
	cat >"$BATS_TEST_TMPDIR/script.sh" <<-end
		"\$NSINIT" $u -g sleep $long
		echo "it was \$?"
	end
	open_shell bash
	type_line 'dash script.sh'
	find_sleep
	wait_for in_foreground "$command"
	press C-z
	see "$prompt"
	wait_for stopped
	type_line fg
	wait_for resumed
	wait_for in_foreground "$command"
	kill -TERM "$outer"
	see 'it was 143'
	see "$prompt"
}

@test "with -g, Ctrl-Z stops the script around nsinit as well" { plain own_group_in_script; }
@test "with -g, Ctrl-Z stops the script around nsinit as well (-u)" { unshared own_group_in_script; }

own_group_reads() {
	cat >"$BATS_TEST_TMPDIR/ask.sh" <<-end
		"\$NSINIT" $u -g bash -c 'echo "first?"; read -r line; echo "one <\$line>"'
		echo "second?"
		read -r line
		echo "two <\$line>"
	end
	open_shell bash
	type_line 'dash ask.sh'
	see 'first?'
	type_line a
	see 'one <a>'
	see 'second?'
	type_line b
	see 'two <b>'
}

@test "with -g, COMMAND reads the terminal, and so does the script afterwards" { plain own_group_reads; }
@test "with -g, COMMAND reads the terminal, and so does the script afterwards (-u)" { unshared own_group_reads; }

own_group_in_background() {
	open_shell bash
	at_prompt "$nsinit $u -g sleep $long &"
	find_sleep
	in_foreground "$(leader)"
	at_prompt 'kill %1'
	wait_for ended "$outer"
}

@test "with -g, a COMMAND in the background does not take the terminal" { plain own_group_in_background; }
@test "with -g, a COMMAND in the background does not take the terminal (-u)" { unshared own_group_in_background; }

controlled() {
	type_line "$nsinit $u sleep $long $1"
	find_sleep
	[[ $(stat_field "$command" 5) == "$(stat_field "$outer" 5)" ]]
	press C-z
	see "$prompt"
	wait_for stopped
	type_line fg
	wait_for resumed
	press C-c
	see "$prompt"
	last_status 130
	wait_for none_sleeps
}

redirected() {
	open_shell bash
	controlled '</dev/null'
	controlled '<&-'
	controlled '>/dev/null'
	controlled '>&- 2>&-'
	controlled '</dev/null >/dev/null 2>&1'
	controlled '<&- >&- 2>&-'
}

@test "below a shell, job control needs neither stdin nor stdout nor stderr" { plain redirected; }
@test "below a shell, job control needs neither stdin nor stdout nor stderr (-u)" { unshared redirected; }

# without_tty COMMAND...: run COMMAND with a /dev of null and pts only.
without_tty() {
	need_root
	need_mounted_root
	# shellcheck disable=SC2016
	open_terminal unshare --mount bash -c '
		mkdir dev && mount -t tmpfs tmpfs dev && mkdir dev/pts && touch dev/null &&
		mount --bind /dev/pts dev/pts && mount --bind /dev/null dev/null && mount --move dev /dev && PS1=$0 exec "$@"
		' "$prompt" "$@"
}

no_tty() {
	without_tty bash --norc
	see "$prompt"
	controlled
	controlled '</dev/null'
	controlled '</dev/null >/dev/null'
	controlled '2>/dev/null'
}

@test "below a shell, job control needs no /dev/tty" { plain no_tty; }
@test "below a shell, job control needs no /dev/tty (-u)" { unshared no_tty; }

no_tty_back() {
	cat >"$BATS_TEST_TMPDIR/outer.sh" <<-end
		PS1='inside> ' "\$NSINIT" $u bash --norc
		echo "it was \$?"
		read -r line
		echo "got <\$line>"
	end
	without_tty bash --norc
	see "$prompt"
	type_line 'dash outer.sh'
	see 'inside> '
	type_line 'exit 4'
	see 'it was 4'
	type_line hello
	see 'got <hello>'
}

@test "without /dev/tty, a script gets the terminal back from a shell inside" { plain no_tty_back; }
@test "without /dev/tty, a script gets the terminal back from a shell inside (-u)" { unshared no_tty_back; }

hung_up() {
	open_shell "$1"
	type_line "$nsinit $u sleep $long"
	find_sleep
	if [[ $2 == stopped ]]; then
		press C-z
		see "$prompt"
		wait_for stopped
	fi
	hang_up
	wait_for ended "$command"
	wait_for ended "$outer"
	wait_for ended "$(leader)"
}

@test "below bash, a closed terminal ends COMMAND and nsinit" { plain hung_up bash running; }
@test "below bash, a closed terminal ends COMMAND and nsinit (-u)" { unshared hung_up bash running; }
@test "below bash, a closed terminal ends a stopped COMMAND and nsinit" { plain hung_up bash stopped; }
@test "below bash, a closed terminal ends a stopped COMMAND and nsinit (-u)" { unshared hung_up bash stopped; }
@test "below dash, a closed terminal ends COMMAND and nsinit" { plain hung_up dash running; }
@test "below dash, a closed terminal ends COMMAND and nsinit (-u)" { unshared hung_up dash running; }

early_ctrl_c() {
	local heard=$BATS_TEST_TMPDIR/heard
	open_shell bash
	type_line "\$PROBES/hold $nsinit $u \$PROBES/siglog $heard"
	see holding
	press C-c
	listening "$heard"
	flushed "$outer" "$heard"
	heard 1 2 any "$heard"
}

@test "below a shell, a Ctrl-C before the start of COMMAND reaches it once" { plain early_ctrl_c; }
@test "below a shell, a Ctrl-C before the start of COMMAND reaches it once (-u)" { unshared early_ctrl_c; }

early_ctrl_z() {
	open_shell bash
	type_line "\$PROBES/hold $nsinit $u \$PROBES/hold -o sleep $long"
	see holding
	press C-z
	see "$prompt"
	type_line jobs
	see topped
	see "$prompt"
	type_line fg
	find_sleep
	resumed
	press C-c
	see "$prompt"
	last_status 130
}

@test "below a shell, a Ctrl-Z before the start of COMMAND stops it" { plain early_ctrl_z; }
@test "below a shell, a Ctrl-Z before the start of COMMAND stops it (-u)" { unshared early_ctrl_z; }

@test "-g: a job that was started in the background ends by Ctrl-C after fg, with all of its processes" {
	local other
	open_shell bash
	type_line "\$NSINIT -g sh -c 'echo \$\$ >began; read line' | sleep $long &"
	see "$prompt"
	find_command sleep "$long"
	other=$found
	wait_for test -s began
	wait_for in_state "$(<began)" T
	type_line fg
	wait_for in_foreground "$(<began)"
	press C-c
	see "$prompt"
	wait_for ended "$other"
}

@test "below a shell, a Ctrl-Z before the start of COMMAND that a CONT undid has no effect" {
	need strace strace
	local heard=$BATS_TEST_TMPDIR/heard
	open_shell bash
	type_line "\$PROBES/hold strace -DD -qqo /dev/null -e trace=madvise -e inject=madvise:delay_enter=1000000 $nsinit \$PROBES/siglog $heard"
	see holding
	press C-z
	listening "$heard"
	kill -CONT "$outer"
	wait_for heard 1 18 process "$heard"
	press C-z
	wait_for heard 1 20 kernel "$heard"
	flushed "$outer" "$heard"
	[[ $(grep '^20 ' "$heard" | tail -n 1) == '20 128 '* ]]
}

# kept_stopped: whether nsinit does not resume COMMAND because of any signal except CONT.
kept_stopped() {
	kill -WINCH "$outer"
	wait_for heard_or_stopped
	in_state "$command" T
}

heard_or_stopped() {
	in_state "$outer" T || attentive "$outer"
}

stop_below() {
	open_shell bash
	type_line "$nsinit $u sleep $long"
	find_sleep
	kill -STOP "$command"
	wait_for in_state "$command" T
	kept_stopped
	resize 40 90
	kept_stopped
}

@test "below a shell, an operator's STOP of COMMAND is not undone" { plain stop_below; }
@test "below a shell, an operator's STOP of COMMAND is not undone (-u)" { unshared stop_below; }

# --- the leader of a session with a terminal ---

has_terminal() {
	[[ $(stat_field "$command" 6) == "$command" ]]
	[[ $(stat_field "$command" 5) == "$command" ]]
	[[ $(stat_field "$command" 7) != 0 ]]
	in_foreground "$command"
	[[ $(stat_field "$outer" 7) == 0 ]]
}

leader_placed() {
	open_terminal "$NSINIT" $u sleep "$long"
	find_sleep
	has_terminal
}

@test "as a session's leader, nsinit gives COMMAND a new session and the terminal" { plain leader_placed; }
@test "as a session's leader, nsinit gives COMMAND a new session and the terminal (-u)" {
	unshared leader_placed
}

leader_redirected() {
	local files
	for files in '</dev/null' '<&-' '</dev/null >/dev/null 2>&1' '<&- >&- 2>&-'; do
		open_terminal bash -c "exec \"\$NSINIT\" $u sleep $long $files"
		find_sleep
		has_terminal
		press C-c
		ended_as 'exited 130'
	done
}

@test "COMMAND has the terminal also if stdin, stdout and stderr are other files" { plain leader_redirected; }
@test "COMMAND has the terminal also if stdin, stdout and stderr are other files (-u)" {
	unshared leader_redirected
}

leader_no_tty() {
	without_tty env PS1='inside> ' "$NSINIT" $u bash --norc
	see 'inside> '
	job_control
	type_line 'exit 3'
	ended_as 'exited 3'
}

@test "without /dev/tty, a shell has job control below an nsinit that leads its session" { plain leader_no_tty; }
@test "without /dev/tty, a shell has job control below an nsinit that leads its session (-u)" {
	unshared leader_no_tty
}

leader_shell() {
	# shellcheck disable=SC2046 # the words of a command
	open_terminal env PS1='inside> ' "$NSINIT" $u $(shell_words "$1")
	see 'inside> '
	job_control
	type_line 'exit 3'
	ended_as 'exited 3'
}

@test "bash as COMMAND of a session's leader has job control, without a warning" { plain leader_shell bash; }
@test "bash as COMMAND of a session's leader has job control, without a warning (-u)" { unshared leader_shell bash; }
@test "dash as COMMAND of a session's leader has job control, without a warning" { plain leader_shell dash; }
@test "dash as COMMAND of a session's leader has job control, without a warning (-u)" { unshared leader_shell dash; }
@test "busybox sh as COMMAND of a session's leader has job control, without a warning" { plain leader_shell busybox; }
@test "busybox sh as COMMAND of a session's leader has job control, without a warning (-u)" {
	unshared leader_shell busybox
}

pid1_shell() {
	need_root
	open_terminal "${own_pidns[@]}" setsid --ctty env PS1='inside> ' "$NSINIT" $u bash --norc
	see 'inside> '
	job_control
	type_line 'exit 3'
	ended_as 'exited 3'
}

@test "bash as COMMAND of PID 1, leader of its session, has job control" { plain pid1_shell; }
@test "bash as COMMAND of PID 1, leader of its session, has job control (-u)" { unshared pid1_shell; }

ctrl_z_freezes_nothing() {
	open_terminal "$NSINIT" $u cat
	type_line one
	see 'one\r\none\r\n'
	press C-z
	see '^Z'
	type_line two
	see 'two\r\ntwo\r\n'
	press C-d
	ended_as 'exited 0'
}

@test "as a session's leader, Ctrl-Z does not stop COMMAND" { plain ctrl_z_freezes_nothing; }
@test "as a session's leader, Ctrl-Z does not stop COMMAND (-u)" { unshared ctrl_z_freezes_nothing; }

leader_ctrl_c() {
	open_terminal "$NSINIT" $u sleep "$long"
	find_sleep
	press C-c
	ended_as 'exited 130'
}

@test "as a session's leader, Ctrl-C ends COMMAND: 130" { plain leader_ctrl_c; }
@test "as a session's leader, Ctrl-C ends COMMAND: 130 (-u)" { unshared leader_ctrl_c; }

leader_hung_up() {
	open_terminal "$NSINIT" $u sleep "$long"
	find_sleep
	hang_up
	ended_as 'exited 129'
}

@test "as a session's leader, a closed terminal ends COMMAND: 129" { plain leader_hung_up; }
@test "as a session's leader, a closed terminal ends COMMAND: 129 (-u)" { unshared leader_hung_up; }

leader_once() {
	local heard=$BATS_TEST_TMPDIR/heard
	open_terminal "$NSINIT" $u "$PROBES/siglog" "$heard"
	listening "$heard"
	flushed "$outer" "$heard"
	[[ $(wc -l <"$heard") == 2 ]]
	press C-c
	wait_for heard 1 2 kernel "$heard"
	press C-\\
	wait_for heard 1 3 kernel "$heard"
	press C-z
	wait_for heard 1 20 kernel "$heard"
	resize 30 100
	wait_for heard 1 28 kernel "$heard"
	hang_up
	wait_for heard 1 1 kernel "$heard"
	flushed "$outer" "$heard"
	for sig in 1 2 3 20 28; do
		heard 1 "$sig" any "$heard"
	done
}

@test "as a session's leader, handing the terminal over signals no process, and signals from the terminal arrive once" {
	plain leader_once
}
@test "as a session's leader, handing the terminal over signals no process, and signals from the terminal arrive once (-u)" {
	unshared leader_once
}

innocent() {
	local heard=$BATS_TEST_TMPDIR/heard other=$BATS_TEST_TMPDIR/other
	# shellcheck disable=SC2016
	open_terminal bash -c '
		"$PROBES/siglog" "$2" &
		until [[ -s $2 ]]; do
			sleep 0.01
		done
		exec "$NSINIT" $3 "$PROBES/siglog" "$1"' bash "$heard" "$other" "$u"
	listening "$heard"
	flushed "$outer" "$heard"
	heard_nothing "$other"
	kill -KILL "$command"
	ended_as 'exited 137'
	find_command siglog "$other"
	kill -64 "$found"
	wait_for heard 1 64 process "$other"
	[[ $(wc -l <"$other") == 2 ]]
}

@test "as a session's leader, handing the terminal over and the end signal no other process of nsinit's group" { plain innocent; }
@test "as a session's leader, handing the terminal over and the end signal no other process of nsinit's group (-u)" {
	unshared innocent
}

leader_early() {
	local heard=$BATS_TEST_TMPDIR/heard
	open_terminal "$PROBES/hold" "$NSINIT" $u "$PROBES/siglog" "$heard"
	see holding
	press C-c
	listening "$heard"
	flushed "$outer" "$heard"
	heard 1 2 any "$heard"
	heard 0 1 any "$heard"
	heard 0 18 any "$heard"
}

@test "as a session's leader, a Ctrl-C before the start of COMMAND reaches it once" { plain leader_early; }
@test "as a session's leader, a Ctrl-C before the start of COMMAND reaches it once (-u)" { unshared leader_early; }

# background_reader ARG...: as the leader's child, whose process group is orphaned, start nsinit -g with a COMMAND that
# gives the foreground to another process and then reads.
background_reader() {
	need python3 python3
	cat >"$BATS_TEST_TMPDIR/reader.py" <<-'END'
		import os, signal, sys
		signal.signal(signal.SIGTTOU, signal.SIG_IGN)
		if "nohup" in sys.argv:
		    signal.signal(signal.SIGHUP, signal.SIG_IGN)
		other = os.fork()
		if other == 0:
		    signal.pause()
		os.setpgid(other, other)
		os.tcsetpgrp(0, other)
		print("reads as", os.getpid(), flush=True)
		os.read(0, 1)
	END
	open_terminal sh -c "\$NSINIT -g python3 reader.py $*; exit \$?"
	see 'reads as '
	wait_for shown_whole
	reader=$(sed -n 's/.*reads as \([0-9]*\).*/\1/p' "$screen")
}

shown_whole() {
	grep -q 'reads as [0-9]*.$' "$screen"
}

@test "-g: in an orphaned group, a COMMAND that reads in the background gets HUP, as the kernel would send it" {
	background_reader
	ended_as 'exited 129'
}

@test "-g: in an orphaned group, a COMMAND that reads in the background and ignores HUP stays stopped" {
	background_reader nohup
	wait_for in_state "$reader" T
	outer=$(stat_field "$reader" 4)
	wait_for never_wakes "$outer"
	in_state "$reader" T
	kill -TERM "$outer"
	kill -CONT "$outer"
	ended_as 'exited 143'
}

# mounting: whether the session leader's child is held before mount(2).
mounting() {
	outer=$(leader) && inner=$(children "$outer") && [[ $inner ]] && in_state "${inner%% *}" t
}

@test "as a session's leader, a stop ends in time while the namespaces are being made" {
	need_root
	need strace strace
	open_terminal strace -DD -f -qqo /dev/null -e trace=mount -e inject=mount:delay_enter=600000000 \
		"$NSINIT" -u -t 0.1 sleep "$long"
	wait_for mounting
	kill -TERM "$outer"
	see 'did not keep the grace'
	# strace holds it even after a KILL.
	kill -KILL "$(sed -n 's/^TracerPid:\t//p' "/proc/$inner/status")"
	ended_as 'exited 137'
}

@test "in a shell that is PID 1, a background nsinit leaves the foreground to the shell" {
	need_root
	# Nothing else runs in the namespace.
	open_terminal unshare --pid --fork --kill-child --mount-proc setsid -c bash --norc --noprofile -i
	see "$prompt"
	shell=$(children "$(leader)")
	in_foreground "$shell"
	type_line "\$NSINIT sh -c 'echo ran >ran' &"
	see "$prompt"
	wait_for test -s ran
	wait_for has_children 0 "$shell"
	in_foreground "$shell"
}

leader_tostop() {
	open_terminal bash -c "stty tostop; exec \"\$NSINIT\" -v $u echo hello"
	see hello
	ended_as 'exited 0'
	shown 'nsinit: '
}

@test "as a session's leader, stty tostop has no effect" { plain leader_tostop; }
@test "as a session's leader, stty tostop has no effect (-u)" { unshared leader_tostop; }

# --- without a terminal ---

alone_placed() {
	open_terminal -n bash -c "\"\$NSINIT\" $u sleep $long; :"
	find_sleep
	[[ $(stat_field "$command" 5) == "$command" ]]
	[[ $(stat_field "$command" 6) == "$(leader)" ]]
	[[ $(stat_field "$command" 7) == 0 ]]
}

@test "without a terminal, COMMAND has its own process group in nsinit's session" { plain alone_placed; }
@test "without a terminal, COMMAND has its own process group in nsinit's session (-u)" { unshared alone_placed; }

alone_stops() {
	local sig
	open_terminal -n "$NSINIT" $u sleep "$long"
	find_sleep
	for sig in TSTP TTIN TTOU; do
		kill "-$sig" "$outer"
		wait_for stopped
		kill -CONT "$outer"
		wait_for resumed
	done
	kill -TERM "$outer"
	ended_as 'exited 143'
}

@test "without a terminal, TSTP, TTIN and TTOU stop COMMAND and nsinit, and CONT resumes both" { plain alone_stops; }
@test "without a terminal, TSTP, TTIN and TTOU stop COMMAND and nsinit, and CONT resumes both (-u)" {
	unshared alone_stops
}

# The CONT arrives when nsinit has noticed that COMMAND stopped, and is about to stop.
cont_overtakes() {
	need strace strace
	spawn strace -qqo /dev/null -e trace=rt_sigpending -e inject=rt_sigpending:delay_enter=1000000 \
		"$NSINIT" -v $u sleep "$long"
	wait_for has_children 1 "$pid"
	outer=$(children "$pid")
	wait_for said "started" "$err"
	kill -TSTP "$outer"
	wait_for said "stopped with COMMAND" "$err"
	kill -CONT "$outer"
	wait_for said "resumed" "$err"
	kill -TERM "$outer"
	finish
	[[ $status == 143 ]]
}

@test "without a terminal, a CONT that arrives just before nsinit stops is not lost" { plain cont_overtakes; }
@test "without a terminal, a CONT that arrives just before nsinit stops is not lost (-u)" { unshared cont_overtakes; }

non_leader_stops() {
	local sig
	open_terminal -n bash -c "\"\$NSINIT\" $u sleep $long; :"
	find_sleep
	for sig in TSTP TTIN TTOU; do
		kill "-$sig" "$outer"
		wait_for stopped
		kill -CONT "$outer"
		wait_for resumed
	done
}

@test "without a terminal, TSTP, TTIN and TTOU stop COMMAND and nsinit below a shell as well" { plain non_leader_stops; }
@test "without a terminal, TSTP, TTIN and TTOU stop COMMAND and nsinit below a shell as well (-u)" { unshared non_leader_stops; }

pid1_goes_on() {
	local sig
	need_root
	open_terminal -n "${own_pidns[@]}" "$NSINIT" $u sleep "$long"
	find_sleep
	for sig in TSTP TTIN TTOU; do
		kill "-$sig" "$outer"
		wait_for in_state "$command" T
		kill -USR2 "$outer"
		wait_for attentive "$outer"
		in_state "$outer" SDR
		in_state "$command" T
		kill -CONT "$outer"
		# The earlier USR2 ends it when it is resumed.
		wait_for ended "$command"
		wait_for ended "$outer"
		open_terminal -n "${own_pidns[@]}" "$NSINIT" $u sleep "$long"
		find_sleep
	done
}

@test "as PID 1, nsinit does not stop when COMMAND stops, and CONT resumes COMMAND" { plain pid1_goes_on; }

does_not_stop() {
	local heard=$BATS_TEST_TMPDIR/heard
	open_terminal -n "$NSINIT" $u "$PROBES/siglog" "$heard"
	listening "$heard"
	for sig in 20 21 22; do
		kill "-$sig" "$outer"
		wait_for heard 1 "$sig" process "$heard"
		flushed "$outer" "$heard"
	done
	kill -CONT "$outer"
	wait_for heard 1 18 process "$heard"
	flushed "$outer" "$heard"
	for sig in 18 20 21 22; do
		heard 1 "$sig" any "$heard"
	done
}

@test "without a terminal, nsinit does not stop if COMMAND does not" { plain does_not_stop; }
@test "without a terminal, nsinit does not stop if COMMAND does not (-u)" { unshared does_not_stop; }

stop_alone() {
	open_terminal -n "$NSINIT" $u sleep "$long"
	find_sleep
	kill -STOP "$command"
	wait_for in_state "$command" T
	kill -WINCH "$outer"
	wait_for heard_or_stopped
	in_state "$command" T
	kill -CONT "$outer"
	wait_for resumed
	kill -STOP "$outer"
	wait_for in_state "$outer" T
	in_state "$command" SDR
	kill -TERM "$outer"
	kill -CONT "$outer"
	ended_as 'exited 143'
}

@test "without a terminal, an operator's STOP is not undone" { plain stop_alone; }
@test "without a terminal, an operator's STOP is not undone (-u)" { unshared stop_alone; }

alone_int() {
	local sig
	for sig in 2 3; do
		open_terminal -n "$NSINIT" $u sleep "$long"
		find_sleep
		kill "-$sig" "$outer"
		ended_as "exited $((128 + sig))"
	done
}

@test "without a terminal, the status is 130 or 131 if COMMAND dies of INT or QUIT" { plain alone_int; }
@test "without a terminal, the status is 130 or 131 if COMMAND dies of INT or QUIT (-u)" { unshared alone_int; }

alone_early() {
	local heard=$BATS_TEST_TMPDIR/heard
	open_terminal -n "$PROBES/oddparent" -p 20 "$NSINIT" $u "$PROBES/siglog" "$heard"
	listening "$heard"
	flushed "$outer" "$heard"
	heard 1 20 any "$heard"
}

@test "without a terminal, a TSTP before the start of COMMAND reaches it once" { plain alone_early; }
@test "without a terminal, a TSTP before the start of COMMAND reaches it once (-u)" { unshared alone_early; }
