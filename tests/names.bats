# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154
# Names: nsinit under the name of each program that it replaces, compared with that program.

load helper

setup() {
	helper_setup
	need_file /usr/bin/tini tini
	need_file /usr/bin/catatonit catatonit
	need_file /usr/bin/dumb-init dumb-init
	mkdir "$BATS_TEST_TMPDIR/bin"
	for name in "${names[@]}" pause nsinit mytini; do
		ln -s "$NSINIT" "$BATS_TEST_TMPDIR/bin/$name"
	done
}

names=(tini tini-static docker-init catatonit podman-init dumb-init)

# ours NAME, real NAME: print the path of nsinit under NAME, and that of the real program.
ours() {
	echo "$BATS_TEST_TMPDIR/bin/$1"
}

real() {
	case $1 in
	tini-static | docker-init) echo /usr/bin/tini-static ;;
	podman-init) echo /usr/bin/catatonit ;;
	*) echo "/usr/bin/$1" ;;
	esac
}

# capture COMMAND [ARG]...: set $status, $output, $stderr and $stderr_lines, whatever the status is.
capture() {
	status=0
	output=$("${fresh[@]}" "$@" </dev/null 2>"$BATS_TEST_TMPDIR/stderr" 3>&-) || status=$?
	mapfile -t stderr_lines <"$BATS_TEST_TMPDIR/stderr"
	stderr=$(<"$BATS_TEST_TMPDIR/stderr")
}

# same NAME ARG...: check that both programs have the same status and output.
same() {
	local want
	capture "$(real "$1")" "${@:2}"
	want="$status $output"
	capture "$(ours "$1")" "${@:2}"
	if [[ "$status $output" != "$want" ]]; then
		echo "$*: '$status $output', but the real one '$want'" >&2
		return 1
	fi
}

# trial [VARIABLE=VALUE]... INIT ARG...: start INIT with a COMMAND that has another process in its group. Send INIT
# USR1, and then USR2, which ends COMMAND. Set $got to the signals that reached COMMAND and the other process, and
# INIT's status.
trial() {
	local a=$BATS_TEST_TMPDIR/a.$((++trials)) b=$BATS_TEST_TMPDIR/b.$trials other
	spawn env "$@" -- bash -c '"$1" -x 64 "$2" & exec "$1" -x 12 -s 3 "$3"' trial "$PROBES/siglog" "$a" "$b"
	wait_for said READY "$a"
	wait_for said READY "$b"
	other=$(sed -n 's/READY //p' "$a")
	kill -USR1 "$pid"
	wait_for grep -q '^10 ' "$b"
	kill -USR2 "$pid"
	finish
	# The signal with the highest number is received last, after all others.
	kill -64 "$other"
	wait_for grep -q '^64 ' "$a"
	got="$(numbers "$b") / $(numbers "$a") / $status"
}

numbers() {
	sed '/READY/d; s/ .*//' "$1" | tr '\n' ' ' | sed 's/ $//'
}

# both EXPECTED [VARIABLE=VALUE]... NAME ARG...: check that the trial gives EXPECTED, with the real program and with
# nsinit.
both() {
	local want=$1 env=()
	shift
	while [[ $1 == *=* ]]; do
		env+=("$1")
		shift
	done
	for init in "$(real "$1")" "$(ours "$1")"; do
		trial "${env[@]}" "$init" "${@:2}"
		if [[ $got != "$want" ]]; then
			echo "${env[*]} $init ${*:2}: $got, not $want" >&2
			return 1
		fi
	done
}

trials=0

# --- the processes that are signalled, and the end ---

alone='10 12 / 64 / 3'
group='10 12 / 10 12 64 / 3'
group_and_term='10 12 / 10 12 15 64 / 3'

@test "tini, tini-static, docker-init, catatonit and podman-init signal only COMMAND, and with -g its group" {
	for name in tini tini-static docker-init; do
		both "$alone" "$name" -s
		both "$group" "$name" -s -g
		both "$group" "$name" -gs
	done
	for name in catatonit podman-init; do
		both "$alone" "$name"
		both "$group" "$name" -g
	done
}

@test "dumb-init signals the group, and sends TERM to it when COMMAND has ended; with -c it signals only COMMAND" {
	both "$group_and_term" dumb-init
	both "$alone" dumb-init -c
	both "$alone" dumb-init --single-child
}

# bats test_tags=seccomp
@test "dumb-init's TERM at COMMAND's end needs no pidfd for the group" {
	trial "$PROBES/refuse" pidfd_send_signal:ENOSYS -- "$(ours dumb-init)"
	[[ $got == "$group_and_term" ]]
}

@test "TINI_KILL_PROCESS_GROUP makes tini signal the group, whatever its value" {
	for value in 1 0 ''; do
		both "$group" TINI_KILL_PROCESS_GROUP=$value tini -s
	done
	both "$group" TINI_KILL_PROCESS_GROUP=1 docker-init -s
}

@test "DUMB_INIT_SETSID=0 makes dumb-init signal only COMMAND, and no other value does" {
	both "$alone" DUMB_INIT_SETSID=0 dumb-init
	for value in 1 false 00 ''; do
		both "$group_and_term" DUMB_INIT_SETSID=$value dumb-init
	done
}

@test "a peer's variable applies only under that peer's name, and an option overrides it" {
	variables=(TINI_KILL_PROCESS_GROUP=1 DUMB_INIT_SETSID=0 TINI_VERBOSITY=4 DUMB_INIT_DEBUG=1 CATATONIT_DEBUG=1)
	trial "${variables[@]}" "$(ours nsinit)"
	[[ $got == "$group" && ! -s $err ]]
	trial "${variables[@]:1}" "$(ours tini)"
	[[ $got == "$alone" ]]
	trial "${variables[@]:0:4}" "$(ours catatonit)"
	[[ $got == "$alone" && ! -s $err ]]
	trial TINI_KILL_PROCESS_GROUP=1 CATATONIT_DEBUG=1 "$(ours dumb-init)"
	[[ $got == "$group_and_term" && ! -s $err ]]
	trial TINI_KILL_PROCESS_GROUP=1 "$(ours tini)" -c
	[[ $got == "$alone" ]]
	trial DUMB_INIT_SETSID=0 "$(ours dumb-init)" -g
	[[ $got == "$group_and_term" ]]
}

@test "dumb-init forwards one signal as another, or drops it" {
	for path in "$(real dumb-init)" "$(ours dumb-init)"; do
		for words in '-r 1:2 -r 10:0' '--rewrite 1:2 --rewrite 10:0' '--rewrite=1:2 -r10:0'; do
			log=$BATS_TEST_TMPDIR/log.$((++trials))
			# shellcheck disable=SC2086 # words
			spawn "$path" $words -- "$PROBES/siglog" -x 12 "$log"
			wait_for said READY "$log"
			kill -USR1 "$pid"
			kill -HUP "$pid"
			wait_for grep -q '^2 ' "$log"
			kill -USR2 "$pid"
			finish
			[[ $(numbers "$log") == '2 12' && $status == 0 ]]
		done
	done
}

# --- suspending ---

# suspend SIG INIT ARG...: start INIT with a COMMAND that has another process in its group, and send SIG to INIT. Set
# $init, $command and $other to their PIDs.
suspend() {
	local sig=$1
	shift
	spawn "$@" -- bash -c 'sleep 1000 & exec sleep 1000'
	init=$pid
	wait_for has_tree
	kill -"$sig" "$init"
}

has_tree() {
	command=$(children "$init")
	[[ -n $command ]] && runs "$command" sleep && has_children 1 "$command" && other=$(children "$command") &&
		runs "$other" sleep
}

states() {
	[[ "$(state "$init") $(state "$command") $(state "$other")" == "$1" ]]
}

@test "dumb-init stops itself and the group on TSTP, TTIN and TTOU, and CONT resumes all" {
	for sig in TSTP TTIN TTOU; do
		for path in "$(real dumb-init)" "$(ours dumb-init)"; do
			suspend "$sig" "$path"
			wait_for states 'T T T'
			kill -CONT "$init"
			wait_for states 'S S S'
			kill "$init"
			finish "$init"
			[ "$status" -eq 143 ]
		done
	done
}

@test "dumb-init stops a group that ignores TSTP, by STOP" {
	for path in "$(real dumb-init)" "$(ours dumb-init)"; do
		spawn "$path" -- bash -c 'trap "" TSTP; sleep 1000 & exec sleep 1000'
		init=$pid
		wait_for has_tree
		kill -TSTP "$init"
		wait_for states 'T T T'
		kill -CONT "$init"
		wait_for states 'S S S'
	done
}

@test "dumb-init stops itself also if -r drops the signal, or if only COMMAND is signalled" {
	for path in "$(real dumb-init)" "$(ours dumb-init)"; do
		suspend TSTP "$path" -r 20:0
		wait_for in_state "$init" T
		states 'T S S'
		kill -CONT "$init"
		wait_for states 'S S S'
		suspend TTIN "$path" -r 20:0
		wait_for states 'T T T'
		suspend TSTP "$path" -r 20:15
		wait_for in_state "$init" T
		wait_for in_state "$command" Z
		kill -CONT "$init"
		finish "$init"
		[ "$status" -eq 143 ]
		suspend TSTP "$path" -c
		wait_for in_state "$init" T
		in_state "$other" S
		kill -CONT "$init"
		wait_for states 'S S S'
	done
}

@test "dumb-init as PID 1 stops the group, and continues itself" {
	for path in "$(real dumb-init)" "$(ours dumb-init)"; do
		spawn "${own_pidns[@]}" "$path" -- bash -c 'sleep 1000 & exec sleep 1000'
		launcher=$pid
		wait_for has_children 1 "$launcher"
		init=$(children "$launcher")
		wait_for has_tree
		kill -TSTP "$init"
		wait_for states 'S T T'
		kill -CONT "$init"
		wait_for states 'S S S'
		kill "$init"
		finish "$launcher"
		[ "$status" -eq 143 ]
	done
}

@test "dumb-init with new namespaces is suspended and resumed as it is without them" {
	need_root
	spawn "$(ours dumb-init)" -u -- bash -c 'sleep 1000 & exec sleep 1000'
	outer=$pid
	wait_for has_children 1 "$outer"
	init=$(children "$outer")
	wait_for has_tree
	kill -TSTP "$outer"
	wait_for in_state "$outer" T
	wait_for states 'S T T'
	kill -CONT "$outer"
	wait_for in_state "$outer" S
	wait_for states 'S S S'
	kill "$outer"
	finish "$outer"
	[ "$status" -eq 143 ]
}

@test "tini and catatonit continue on TTIN and TTOU, and CONT resumes a group that TSTP has stopped" {
	for name in tini catatonit; do
		suspend TSTP "$(ours "$name")"
		wait_for in_state "$command" T
		in_state "$other" S
		kill -CONT "$init"
		wait_for states 'S S S'
	done
}

# --- statuses ---

@test "COMMAND's status is the same as with the real program" {
	for name in "${names[@]}"; do
		for code in 0 1 2 7 125 126 127 128 255; do
			same "$name" -- sh -c "echo said; exit $code"
		done
		for sig in HUP INT KILL TERM SEGV USR1; do
			same "$name" -- sh -c "kill -$sig \$\$"
		done
	done
}

@test "a usage error is status 1 under each name, as with the real program, and one line names the error" {
	while IFS='|' read -r words line; do
		# shellcheck disable=SC2086 # words
		same $words
		[ "$status" -eq 1 ]
		[[ ${#stderr_lines[@]} == 1 && $stderr == "nsinit: $line"* ]]
	done <<-'END'
		tini|COMMAND is missing
		tini --|COMMAND is missing
		tini -Z true|-Z: unknown option
		tini --bogus true|--bogus: unknown option
		tini -p SIGFOO true|-p: invalid signal 'SIGFOO'
		tini -p|-p: missing signal
		tini -e 256 true|-e: invalid status '256'
		tini -e -1 true|-e: invalid status '-1'
		tini -e 3x true|-e: invalid status '3x'
		tini-static -Z true|-Z: unknown option
		docker-init -Z true|-Z: unknown option
		catatonit|COMMAND is missing
		catatonit -Z true|-Z: unknown option
		catatonit --bogus true|--bogus: unknown option
		podman-init|COMMAND is missing
		dumb-init|COMMAND is missing
		dumb-init -Z true|-Z: unknown option
		dumb-init --bogus true|--bogus: unknown option
		dumb-init -r 15 true|-r: invalid rewrite '15'
		dumb-init -r 15:99 true|-r: invalid signal '99'
		dumb-init -r 0:15 true|-r: invalid signal '0'
		dumb-init -r a:b true|-r: invalid signal 'a'
		dumb-init -r|-r: missing rewrite
	END
	run --separate-stderr "$(ours nsinit)" -Z true
	[ "$status" -eq 125 ]
	run --separate-stderr "$(ours mytini)" -Z true
	[ "$status" -eq 125 ]
}

@test "tini's -e maps a status to 0, as with the real program" {
	for code in 0 3 4 255; do
		same tini -e 3 -e 255 -- sh -c "exit $code"
	done
	same tini -e 143 -- sh -c 'kill $$'
	same tini -e143 -- sh -c 'kill $$'
	same docker-init -e 7 -- sh -c 'exit 7'
}

@test "under every name the status is 127 for a missing COMMAND and 126 for one that is not a program" {
	for name in "${names[@]}"; do
		run -127 --separate-stderr "$(ours "$name")" no-such-command
		[[ $stderr == 'nsinit: no-such-command: '* ]]
		run -126 --separate-stderr "$(ours "$name")" /etc/passwd
		run -126 --separate-stderr "$(ours "$name")" /etc
	done
	# Only tini distinguishes them, in the same way.
	same tini no-such-command
	same tini /etc/passwd
	same tini /etc
}

# --- options that print something ---

@test "--version begins like the real program's, and shows a commit that dockerd can read" {
	for name in "${names[@]}"; do
		run "$(real "$name")" --version
		first=${output%%[0-9]*}
		run --separate-stderr "$(ours "$name")" --version
		[ "$status" -eq 0 ]
		[[ $output == "$first$(head -n 1 "$root/VERSION") - git."* && ${output##* - git.} =~ ^[0-9a-z]+$ ]]
		[[ -z $stderr ]]
	done
	run --separate-stderr "$(ours dumb-init)" -V
	[[ $output == 'dumb-init v'* ]]
	run --separate-stderr "$(ours catatonit)" -V
	[[ $output == 'tini version '* ]]
	run --separate-stderr "$(ours mytini)" --version
	[[ $output == 'nsinit version '* ]]
}

@test "-l shows the licence only under tini's names, and -L only under catatonit's" {
	for word in 'tini -l' 'docker-init -l' 'catatonit -L' 'podman-init -L'; do
		run "$(real "${word% *}")" "${word#* }"
		[ "$status" -eq 0 ]
		run --separate-stderr "$(ours "${word% *}")" "${word#* }"
		[[ $status == 0 && $output == *MIT* && -z $stderr ]]
	done
	same tini -L
	same catatonit -l
	same dumb-init -l
	[ "$status" -eq 1 ]
	run "$(ours nsinit)" -l
	[ "$status" -eq 125 ]
	run "$(ours nsinit)" -L
	[ "$status" -eq 125 ]
}

@test "-h prints the help to stdout under every name, with status 0" {
	for name in "${names[@]}"; do
		run "$(real "$name")" -h
		[ "$status" -eq 0 ]
		run --separate-stderr "$(ours "$name")" -h
		[[ $status == 0 && $output == Usage:* && -z $stderr ]]
	done
}

@test "tini's -p sets the signal for the parent's death" {
	for path in "$(real tini)" "$(ours tini)"; do
		log=$BATS_TEST_TMPDIR/log.$((++trials))
		spawn bash -c '"$1" -s -p SIGUSR1 -- "$2" -x 10 "$3" & wait' parent "$path" "$PROBES/siglog" "$log"
		wait_for said READY "$log"
		kill -KILL "$pid"
		wait_for grep -q '^10 ' "$log"
		wait_for gone "$(sed -n 's/READY //p' "$log")"
	done
}

@test "tini's -w logs a line for each orphan" {
	for path in "$(real tini)" "$(ours tini)"; do
		spawn "${own_pidns[@]}" "$path" -w -- bash -c '"$1" 3; exec sleep 1000' command "$PROBES/orphans"
		wait_for grep -qzi 'reaped.*reaped.*reaped' "$err"
	done
}

@test "TINI_VERBOSITY 2, DUMB_INIT_DEBUG=1 and CATATONIT_DEBUG enable messages, and other values do not" {
	loud() {
		run --separate-stderr "${fresh[@]}" env "$1" "$(ours "$2")" true
		[[ $status == 0 && $stderr == *'started true'* ]]
	}
	quiet() {
		run --separate-stderr "${fresh[@]}" env "$1" "$(ours "$2")" true
		[[ $status == 0 && -z $stderr ]]
	}
	loud TINI_VERBOSITY=2 tini
	loud TINI_VERBOSITY=4 docker-init
	for value in 0 1 abc 1x ''; do
		quiet TINI_VERBOSITY=$value tini
	done
	loud DUMB_INIT_DEBUG=1 dumb-init
	for value in 0 yes 11 ''; do
		quiet DUMB_INIT_DEBUG=$value dumb-init
	done
	loud CATATONIT_DEBUG=1 catatonit
	loud CATATONIT_DEBUG= podman-init
	# TINI_VERBOSITY=3 is -vv: each process reaped. An option overrides it.
	leaves=(bash -c '"$1" 1; exec sleep 1000' command "$PROBES/orphans")
	spawn env TINI_VERBOSITY=3 "$(ours tini)" -- "${leaves[@]}"
	wait_for said 'reaped orphan' "$err"
	for quieter in 'TINI_VERBOSITY=2' 'TINI_VERBOSITY=3 -v'; do
		read -r variable option <<<"$quieter"
		spawn env "$variable" "$(ours tini)" ${option:+"$option"} -- "${leaves[@]}"
		wait_for sleeps_alone "$pid"
		said 'started bash' "$err"
		run ! said "reaped orphan" "$err"
	done
}

# Whether there is one child, which has executed sleep.
sleeps_alone() {
	has_children 1 "$1" && runs "$(children "$1")" sleep
}

@test "TINI_SUBREAPER and -s change nothing: nsinit adopts orphans under every name" {
	for name in "${names[@]}"; do
		spawn env TINI_SUBREAPER=1 "$(ours "$name")" -- bash -c '(sleep 1000 & echo $!); exec sleep 1000'
		wait_for has_children 2 "$pid"
		[[ " $(children "$pid" | tr '\n' ' ')" == *" $(<"$out") "* ]]
	done
}

# --- pause ---

@test "catatonit -P reaps until TERM or INT, exits with 0, and ignores a COMMAND" {
	for path in "$(real catatonit)" "$(ours catatonit)" "$(ours podman-init)"; do
		for sig in TERM INT; do
			spawn "$path" -gP not-run
			wait_for blocks_term "$pid"
			[[ -z $(children "$pid") ]]
			kill -"$sig" "$pid"
			finish
			[ "$status" -eq 0 ]
		done
	done
	run --separate-stderr "$(ours nsinit)" -P not-run
	[ "$status" -eq 125 ]
}

@test "pause reaps until TERM or INT, ignores words that are not options, and -v prints its version" {
	for words in '' 'not-run' '-P not-run' '--verbose -- -Z'; do
		for sig in TERM INT; do
			# shellcheck disable=SC2086 # words
			start_pid1_as pause $words
			kill -"$sig" "$pid"
			finish "$launcher"
			[ "$status" -eq 0 ]
			run ! said 'not-run' "$err"
		done
	done
	for word in -v -V --version; do
		run --separate-stderr "$(ours pause)" "$word"
		[[ $status == 0 && $output == "pause.c $(head -n 1 "$root/VERSION") - git."* && -z $stderr ]]
	done
	run --separate-stderr "$(ours pause)" -Z
	[ "$status" -eq 125 ]
	[ "$stderr" = "nsinit: -Z: unknown option (see --help)" ]
}

@test "pause as PID 1 reaps the orphans of its PID namespace" {
	start_pid1_as pause -w
	nsenter --target "$pid" --pid --mount "$PROBES/orphans" 3
	wait_for gone_zombies "$pid"
	has_children 0 "$pid"
	kill "$pid"
	finish "$launcher"
	[ "$status" -eq 0 ]
}

gone_zombies() {
	[[ -z $(children "$1") ]]
}

# start_pid1_as NAME ARG...: like start_pid1, under NAME.
start_pid1_as() {
	local NSINIT
	NSINIT=$(ours "$1")
	start_pid1 "${@:2}"
}

# The real program leaves some signals unblocked. TERM is bit 14.
blocks_term() {
	[[ $(field "$1" SigBlk) == *[4-7c-f]??? ]]
}

# --- nsinit's options and variables under every name ---

@test "NSINIT_ variables are read under every name if nsinit is PID 1, and nsinit's options always work" {
	for name in "${names[@]}"; do
		# The remaining process has its grace: it gets TERM, and has time to log it.
		script='setsid bash -c "trap \"echo asked; exit\" TERM; echo ready; while :; do sleep 0.05; done" & read -r _ <"$1"'
		mkfifo "$BATS_TEST_TMPDIR/$name"
		spawn env NSINIT_GRACE=600 "${own_pidns[@]}" "$(ours "$name")" -- bash -c "$script" command "$BATS_TEST_TMPDIR/$name"
		wait_for said ready "$out"
		echo >"$BATS_TEST_TMPDIR/$name"
		finish
		said asked "$out"
		run --separate-stderr "${fresh[@]}" "$(ours "$name")" --hostname "box" hostname
		[[ $status == 0 && $output == box ]]
	done
	trial NSINIT_SINGLE_CHILD=1 "$(ours dumb-init)"
	[[ $got == "$group_and_term" ]]
}

@test "the name is the last part of argv[0], which must match completely" {
	(
		cd "$BATS_TEST_TMPDIR/bin"
		run ./tini --version
		[[ $output == 'tini version '* ]]
		run ../bin/dumb-init --version
		[[ $output == 'dumb-init v'* ]]
	)
	run bash -c 'exec -a tini "$0" --version' "$NSINIT"
	[[ $output == 'tini version '* ]]
	for name in '' / tini/ mytini tini2 -tini; do
		run bash -c 'exec -a "$1" "$0" --version' "$NSINIT" "$name"
		[[ $output == 'nsinit version '* ]]
	done
}
