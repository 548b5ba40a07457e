# The command line and the environment.
# shellcheck disable=SC2016 # $0 and $1 are the inner shell's
load helper
load levels

# wrong LINE WORD...: check that nsinit with WORDs logs only LINE, exits with 125 and has not started COMMAND.
wrong() {
	local line=$1
	shift
	run_at alone "$@"
	echo "wanted: $line"
	echo "stderr: $stderr"
	[ "$stderr" = "nsinit: $line" ]
	[ "$status" = 125 ]
	[ "$output" = "" ]
}

# COMMAND exists, and teardown would notice it.
command=(touch "started")

# The valid values that usage errors show.
signals='a name such as TERM or RTMIN+3, or 1 to 64'
useless='nsinit cannot act on it'
seconds='seconds such as 10 or 0.5, or "infinity"'
offsets='seconds such as -0.5, up to 1000000000'

setup() {
	helper_setup
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	[ ! -e "$BATS_TEST_TMPDIR/started" ]
	helper_teardown
}

@test "an unknown option is named" {
	for word in --frobnicate -Z -vZ -% --=5 --unshar --unshared --pid-files -uwZ --Pid; do
		wrong "$word: unknown option (see --help)" "$word" "${command[@]}"
	done
	wrong "--frob=1: unknown option (see --help)" --frob=1 "${command[@]}"
}

@test "a missing COMMAND is reported" {
	for words in '' -- -v '-u --' '-t 5' '-t5 --' '--grace=5'; do
		# shellcheck disable=SC2086 # words
		wrong "COMMAND is missing (see --help)" $words
	done
}

@test "an option without its value is named, with the valid values" {
	while read -r options noun valid; do
		for option in ${options//|/ }; do
			wrong "$option: missing $noun ($valid)" "$option"
			wrong "$option: invalid $noun '' ($valid)" "$option" ''
			[[ $option != --* ]] || wrong "$option: invalid $noun '' ($valid)" "$option=" "${command[@]}"
		done
	done <<-END
		-r|--rewrite rewrite two signals such as TERM:QUIT, or TERM:0
		-p|--pdeathsig|--stop-signal signal $signals
		-t|--grace duration $seconds
		--monotonic|--boottime offset $offsets
		-e|--remap-exit status 0 to 255
		--on-exit action exit, poweroff, reboot, halt
		--propagation mode private, slave, shared, unchanged
		--export-proc|--root|--wd directory a path
		--pid-file file a path
		--hostname name 1 to 64 bytes
	END
	wrong "--kill-child: invalid signal '' ($signals)" --kill-child= "${command[@]}"
	wrong "--mount-proc: invalid directory '' (a path)" --mount-proc= "${command[@]}"
	wrong "-t: missing duration ($seconds)" -vt
}

@test "a value for an option without values is named" {
	for option in --unshare --pid --mount --uts --ipc --net --user --cgroup --time --map-root-user --map-current-user \
		--fork --single-child --group --subreaper --linger --warn-on-reap --pause --verbose --help --version; do
		wrong "$option: invalid value 'x' (the option takes none)" "$option=x" "${command[@]}"
		wrong "$option: invalid value '' (the option takes none)" "$option=" "${command[@]}"
	done
}

@test "a wrong signal is named, with its option" {
	for sig in FOO SIG SIGSIGTERM 0 -1 +1 65 1x 0x0f 99999999999999999999 RTMIN+31 RTMIN-1 RTMAX-31 RTMAX+1 RTMIN+ \
		RTMIN+x RT 'TERM ' ' TERM' TERMS; do
		wrong "-p: invalid signal '$sig' ($signals)" -p "$sig" "${command[@]}"
	done
	wrong "--pdeathsig: invalid signal 'FOO' ($signals)" --pdeathsig=FOO "${command[@]}"
	wrong "-p: invalid signal 'FOO' ($signals)" -pFOO "${command[@]}"
	wrong "-p: invalid signal 'FOO' ($signals)" -vpFOO "${command[@]}"
	wrong "--stop-signal: invalid signal 'FOO' ($signals)" --stop-signal FOO "${command[@]}"
	wrong "--kill-child: invalid signal 'FOO' ($signals)" --kill-child=FOO "${command[@]}"
}

@test "a signal for which an option can have no effect is refused" {
	for sig in KILL STOP CHLD 9 sigstop; do
		wrong "--stop-signal: invalid signal '$sig' ($useless)" --stop-signal "$sig" "${command[@]}"
		wrong "-r: invalid signal '$sig' ($useless)" -r "$sig:TERM" "${command[@]}"
	done
	wrong "-p: invalid signal 'CHLD' ($useless)" -p CHLD "${command[@]}"
	for sig in KILL STOP; do
		run_at alone -p "$sig" -r "TERM:$sig" -- "$PROBES/die" 3
		[ "$status" = 3 ]
	done
}

@test "the wrong part of FROM:TO is named" {
	for word in 15 TERM 99999999999999999999:15; do
		wrong "-r: invalid rewrite '$word' (two signals such as TERM:QUIT, or TERM:0)" -r "$word" "${command[@]}"
	done
	for word in :15 0:1 65:1 FOO:1 -1:1 : x:y; do
		wrong "--rewrite: invalid signal '${word%:*}' ($signals)" --rewrite "$word" "${command[@]}"
	done
	for word in 15: 15:65 15:-1 15:FOO 15:00 15:15:15 TERM:99999999999999999999 15:1x; do
		wrong "--rewrite: invalid signal '${word#*:}' ($signals)" --rewrite="$word" "${command[@]}"
	done
}

@test "a wrong CODE is named" {
	for word in -1 256 x 1x 0x1 +1 1.0 99999999999999999999 ' 1'; do
		wrong "-e: invalid status '$word' (0 to 255)" -e "$word" "${command[@]}"
	done
}

@test "a wrong number of SECONDS is named" {
	for word in nan inf -1 +1 1s 1e3 . .. .x 1.2.3 0x1 1000000001 99999999999999999999 ' 1' '1,' Infinity; do
		wrong "-t: invalid duration '$word' ($seconds)" -t "$word" "${command[@]}"
	done
	for word in nan infinity +1 1s . - -. --1 1.2.3 -1000000001 99999999999999999999 ' -1'; do
		wrong "--monotonic: invalid offset '$word' ($offsets)" --monotonic "$word" "${command[@]}"
		wrong "--boottime: invalid offset '$word' ($offsets)" --boottime="$word" "${command[@]}"
	done
	for word in 0 .5 0.0000000001 1000000000 1000000000.999 infinity; do
		run_at alone -t "$word" -- "$PROBES/die" 3
		[ "$status" = 3 ]
	done
}

@test "a wrong MODE or ACTION is named, and so is an action that only the machine's init can perform" {
	for word in x slav 'slave,' 'slave, shared' ', '; do
		wrong "--propagation: invalid mode '$word' (private, slave, shared, unchanged)" \
			--mount --propagation "$word" "${command[@]}"
	done
	wrong "--on-exit: invalid action 'explode' (exit, poweroff, reboot, halt)" --on-exit explode "${command[@]}"
	for action in poweroff reboot halt; do
		wrong "--on-exit: only the machine's own init can end the machine" --on-exit $action "${command[@]}"
	done
}

@test "a NAME that is too long is refused before anything is created, and paths may be longer" {
	# Without root, too: nothing has been tried yet.
	local letters
	printf -v letters %065d 0
	wrong "--hostname: invalid name '$letters' (1 to 64 bytes)" --hostname "$letters" "${command[@]}"
	wrong "--hostname: invalid name '$letters' (1 to 64 bytes)" -u "--hostname=$letters" "${command[@]}"
	# Bytes, not letters.
	printf -v letters 'é%.0s' {1..33}
	wrong "--hostname: invalid name '$letters' (1 to 64 bytes)" --hostname "$letters" "${command[@]}"
	mkdir "$letters"
	run_at alone --wd "$letters" "$PROBES/die" 3
	[ "$status" = 3 ]
}

@test "options that contradict each other are refused" {
	wrong "--pause: invalid COMMAND 'touch' (the option takes none)" -P "${command[@]}"
	wrong "--export-proc: needs --pid" --export-proc "$BATS_TEST_TMPDIR/x" "${command[@]}"
	wrong "--export-proc: a new user namespace cannot mount in the caller's" \
		--pid --user --export-proc "$BATS_TEST_TMPDIR/x" "${command[@]}"
	for option in --user --map-root-user --map-current-user; do
		wrong "--mount-proc: needs --pid in a new user namespace" "$option" --mount-proc "${command[@]}"
	done
	wrong "--map-current-user: cannot be used with --map-root-user" \
		--map-root-user --map-current-user "${command[@]}"
	for mode in shared unchanged; do
		wrong "--propagation: invalid mode '$mode' with --root (private or slave)" \
			--propagation "$mode" --root "$BATS_TEST_TMPDIR" "${command[@]}"
	done
}

@test "an option that can have no effect is refused" {
	for mode in private slave shared unchanged; do
		wrong "--propagation: needs --mount" --propagation "$mode" "${command[@]}"
		wrong "--propagation: needs --mount" --pid --propagation "$mode" "${command[@]}"
	done
	wrong "--kill-child: a signal needs a new namespace" --kill-child=TERM "${command[@]}"
	wrong "--pid-file: needs a new namespace with --pause" -P --pid-file "$BATS_TEST_TMPDIR/pid"
	[ ! -e "$BATS_TEST_TMPDIR/pid" ]
	run_at alone --kill-child -- "$PROBES/die" 3
	[ "$status" = 3 ]
}

@test "options end at the first word that is not an option, and at --" {
	run_at alone bash -c 'echo "$@"' - -u --frob -t nan
	[ "$output" = "-u --frob -t nan" ]
	run_at alone -v -- bash -c 'echo "$@"' - --
	[ "$output" = "--" ]
	printf '#!/bin/sh\necho "dashed $*"\n' >./-Z
	chmod +x ./-Z
	PATH=$PWD:$PATH run_at alone -- -Z -v
	[ "$output" = "dashed -v" ]
	run_at alone -
	[ "$status" = 127 ]
	[ "$stderr" = "nsinit: -: No such file or directory" ]
}

@test "values follow after a space, directly, or after =, and flags can be combined" {
	log=$BATS_TEST_TMPDIR/log
	for words in '-t 0' -t0 --grace=0 '--grace 0' -cvt0 '-cvt 0'; do
		# shellcheck disable=SC2086 # words
		start_at alone $words -- "$PROBES/siglog" "$log$words"
		wait_for said READY "$log$words"
		kill -TERM "$pid"
		end_of_it
		[ "$status" = 137 ]
	done
	run_at alone -e3 -we 4 --remap-exit=5 -- "$PROBES/die" 4
	[ "$status" = 0 ]
}

@test "signals have the same names in every option, and RTMIN is 34 with any libc" {
	log=$BATS_TEST_TMPDIR/log
	for row in TERM=15 SIGTERM=15 term=15 SigTerm=15 15=15 015=15 RTMIN=34 SIGRTMIN+3=37 rtmax=64 RTMAX-1=63 \
		SIGRTMAX-30=34 RTMIN+30=64 32=32 33=33 iot=6 POLL=29 IO=29 STKFLT=16 PWR=30 SYS=31; do
		run_at alone -v -r "${row%=*}:${row%=*}" --stop-signal "${row%=*}" -- "$PROBES/die" 0
		[ "$status" = 0 ]
		start_at alone -t 0 --stop-signal "${row%=*}" -- "$PROBES/siglog" "$log"
		wait_for said READY "$log"
		"$PROBES/sigsend" "$pid" "${row#*=}"
		end_of_it
		[ "$status" = 137 ]
		rm "$log"
	done
}

@test "--help shows each option, --version the commit, both on stdout" {
	for option in -h --help; do
		run_at alone "$option"
		[ "$status" = 0 ]
		[ "$stderr" = "" ]
		for name in unshare pid mount uts ipc net user cgroup time monotonic boottime mount-proc export-proc map-root-user \
			map-current-user propagation root wd hostname pid-file fork kill-child single-child group rewrite pdeathsig \
			subreaper grace stop-signal linger remap-exit warn-on-reap pause on-exit verbose help version; do
			grep -q -- "--${name}[][ =]" <<<"$output"
		done
		[ "$(awk 'length > 80' <<<"$output")" = "" ]
	done
	for option in -V --version; do
		run_at alone "$option"
		[ "$status" = 0 ]
		[ "$stderr" = "" ]
		[[ $output =~ ^nsinit\ version\ [0-9]+\.[0-9]+\.[0-9]+\ -\ git\.[0-9a-z]+$ ]]
	done
	run -125 --separate-stderr bash -c '"$NSINIT" --help >/dev/full'
	[ "$stderr" = "nsinit: cannot write to stdout: No space left on device" ]
}

@test "--monotonic and --boottime take decimal and negative seconds, and imply --time" {
	need_root
	[ -e /proc/self/timens_offsets ] || missing "needs time namespaces: Linux 5.6, CONFIG_TIME_NS"
	while read -r word seconds nanoseconds; do
		run_at alone --monotonic "$word" --boottime=7 -- cat /proc/self/timens_offsets
		[ "$status" = 0 ]
		echo "$word: $output"
		[ "$(awk '{ print $1, $2, $3 }' <<<"$output")" = "monotonic $seconds $nanoseconds"$'\n'"boottime 7 0" ]
	done <<-END
		5 5 0
		0.5 0 500000000
		.000000001 0 1
		-0 0 0
		-0.5 -1 500000000
		-5.25 -6 750000000
		1000000000 1000000000 0
	END
}

@test "NSINIT_* variables set their options only if nsinit is PID 1" {
	export NSINIT_VERBOSE NSINIT_GRACE NSINIT_SINGLE_CHILD
	log=$BATS_TEST_TMPDIR/log
	NSINIT_VERBOSE=1 NSINIT_GRACE=0 run_at pid1 -- bash -c '"$0" -d -i -s 3 2 "$1"' "$PROBES/outlive" "$log"
	[ "$status" = 3 ]
	grep -qx "nsinit: COMMAND has ended: status 3" <<<"$stderr"
	grep -q "^nsinit: the grace of 0 s is over, sending KILL to: " <<<"$stderr"
	NSINIT_SINGLE_CHILD=1 start_at pid1 -- bash -c '"$0" "$1.child" & exec "$0" "$1"' "$PROBES/siglog" "$log.one"
	wait_for said READY "$log.one"
	wait_for said READY "$log.one.child"
	kill -USR1 "$pid"
	wait_for said "10 " "$log.one"
	wait_for handled "$pid"
	[ "$(logged "$log.one.child")" = "" ]
	NSINIT_VERBOSE=1 NSINIT_GRACE=nan NSINIT_SINGLE_CHILD=x run_at alone -- "$PROBES/die" 3
	[ "$status" = 3 ]
	[ "$stderr" = "" ]
}

@test "an option overrides its NSINIT_* variable, whose bad value is still an error" {
	export NSINIT_VERBOSE NSINIT_GRACE NSINIT_SINGLE_CHILD
	log=$BATS_TEST_TMPDIR/log
	NSINIT_GRACE=infinity run_at pid1 -t 0 -- "$PROBES/outlive" -d -i -s 3 2 "$log"
	[ "$status" = 3 ]
	NSINIT_SINGLE_CHILD=1 start_at pid1 -g -- bash -c '"$0" "$1.child" & exec "$0" "$1"' "$PROBES/siglog" "$log.one"
	wait_for said READY "$log.one.child"
	kill -USR1 "$pid"
	wait_for said "10 " "$log.one.child"
	while read -r row noun valid; do
		(
			declare -x "$row"
			run_at pid1 -t 5 -v -g -- "${command[@]}"
			[ "$status" = 125 ]
			[ "$stderr" = "nsinit: ${row%%=*}: invalid $noun '${row#*=}' ($valid)" ]
		)
	done <<-END
		NSINIT_GRACE=nan duration $seconds
		NSINIT_GRACE=-1 duration $seconds
		NSINIT_VERBOSE=x level 0 to 9
		NSINIT_VERBOSE=10 level 0 to 9
		NSINIT_SINGLE_CHILD=2 value 0 or 1
		NSINIT_SINGLE_CHILD=yes value 0 or 1
	END
}

@test "an empty NSINIT_* variable counts as unset" {
	export NSINIT_VERBOSE NSINIT_GRACE NSINIT_SINGLE_CHILD
	log=$BATS_TEST_TMPDIR/log
	NSINIT_VERBOSE='' NSINIT_GRACE='' NSINIT_SINGLE_CHILD='' start_at pid1 -- \
		bash -c '"$0" "$1.child" & exec "$0" -x 12 -s 3 "$1"' "$PROBES/siglog" "$log"
	wait_for said READY "$log"
	wait_for said READY "$log.child"
	kill -USR1 "$pid"
	wait_for said "10 " "$log.child"
	kill -USR2 "$pid"
	end_of_it
	[ "$status" = 3 ]
	[ ! -s "$err" ]
}

@test "10,000 arguments, an empty environment and an empty argv change nothing" {
	for level in alone two; do
		mapfile -t words < <(seq 10000)
		run_at "$level" -- "$PROBES/state" "${words[@]}"
		[ "$status" = 0 ]
		[ "$(sed -n 's/^argv //p' <<<"$output" | sed 1d)" = "$(seq 10000)" ]
		[ "$(sed -n 's/^argc //p' <<<"$output")" = 10001 ]
	done
	capture env -i "$NSINIT" -- "$PROBES/state"
	[ "$status" = 0 ]
	[ "$(grep -c '^env' <<<"$output")" = 0 ]
	# Without PATH, nsinit's default applies.
	capture env -i "$NSINIT" -- ls /
	[ "$status" = 0 ]
	grep -qx proc <<<"$output"
	capture "$PROBES/oddparent" -a -- "$NSINIT"
	[ "$status" = 125 ]
	[ "$stderr" = "nsinit: COMMAND is missing (see --help)" ]
}

@test "COMMAND is looked up in PATH in order, and an empty entry is the working directory" {
	mkdir one two
	printf '#!/bin/sh\necho one\n' >one/which_one
	printf '#!/bin/sh\necho two\n' >two/which_one
	printf '#!/bin/sh\necho here\n' >which_one
	chmod +x two/which_one which_one
	# The first file cannot be executed, and is skipped.
	PATH=$PWD/nonesuch:$PWD/one:$PWD/two:$PATH run_at alone -- which_one
	[ "$output" = two ]
	PATH=:$PWD/two:$PATH run_at alone -- which_one
	[ "$output" = here ]
	PATH=$PWD/two::$PATH run_at alone -- which_one
	[ "$output" = two ]
	PATH=$PATH:$PWD/one run_at alone -- which_one
	[ "$status" = 126 ]
	[ "$stderr" = "nsinit: which_one: Permission denied" ]
	PATH=$PATH: run_at alone -- which_one
	[ "$output" = here ]
	long=$(printf 'x%.0s' {1..5000})
	PATH=/$long:$PWD/two:$PATH run_at alone -- which_one
	[ "$output" = two ]
	run_at alone -- "$long"
	[ "$status" = 127 ]
}

@test "-P runs no COMMAND, and exits with 0 on TERM and INT, but not on other signals" {
	for level in "${levels[@]}"; do
		for sig in TERM INT; do
			start_at "$level" -P
			for other in HUP USR1 QUIT 40; do
				kill -s "$other" "$pid"
			done
			wait_for handled "$pid"
			! ended "$pid" || false
			kill -s "$sig" "$pid"
			end_of_it
			[ "$status" = 0 ]
			[ ! -s "$err" ]
		done
	done
}
