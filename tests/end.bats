# The end: statuses, the grace, what is left behind.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2016 # $0 and $1 are the inner shell's
load helper
load levels

# statuses OFFSET OPTION NUMBERS NSINIT [ARG]...: those of NUMBERS whose status is not theirs and OFFSET, said on stdout:
# 0 where the probe's argument is the status itself, 128 where it is a signal.
statuses() {
	local script='
		offset=$1 option=$2 init=("${@:4}")
		for n in $3; do
			status=0
			"${init[@]}" -- "$PROBES/die" $option "$n" || status=$?
			((status == n + offset)) || echo "$n: $status"
		done'
	"${fresh[@]}" bash -c "$script" - "$@" 3>&-
}

@test "each status from 0 to 255 comes through" {
	[ "$(statuses 0 "" "$(echo {0..255})" "$NSINIT" 2>&1)" = "" ]
	[ "$(statuses 0 "" "$(echo {0..255})" "$NSINIT" -u 2>&1)" = "" ]
	[ "$(statuses 0 "" "$(echo {0..255})" unshare --pid --fork "$NSINIT" 2>&1)" = "" ]
}

@test "each signal that ends a process comes through as 128 and its number" {
	fatal=$(echo {1..16} {24..27} {29..31} {32..64})
	[ "$(statuses 128 -s "$fatal" "$NSINIT" 2>&1)" = "" ]
	[ "$(statuses 128 -s "$fatal" "$NSINIT" -u 2>&1)" = "" ]
	[ "$(statuses 128 -s "$fatal" unshare --pid --fork "$NSINIT" 2>&1)" = "" ]
}

@test "COMMAND killed from outside, as the OOM killer does, ends nsinit with 137" {
	for level in "${levels[@]}"; do
		start_at "$level" -- sleep 1000
		wait_for command_of "$pid" sleep
		kill -KILL "$command"
		end_of_it
		[ "$status" = 137 ]
	done
}

# command_of PID NAME: $command is the PID of the process NAME below PID.
command_of() {
	local p
	for p in $(descendants "$1"); do
		if runs "$p" "$2"; then
			command=$p
			return
		fi
	done
	return 1
}

@test "COMMAND's end is seen among many orphans that end with it" {
	for level in "${levels[@]}"; do
		for n in {1..5}; do
			run_at "$level" -- "$PROBES/orphans" -s "$n" 200
			[ "$status" = "$n" ]
			[ "$output" = "DONE 200" ]
		done
	done
}

@test "COMMAND's status stays, also where an orphan is given its number and ends otherwise" {
	need_root
	# The subshell that has COMMAND's number starts an orphan of nsinit's by being one.
	cat >"$BATS_TEST_TMPDIR/successor" <<-'END'
		trap told=1 TERM
		>"$1.trap"
		until [[ -v told ]] && ! kill -0 "$2" 2>/dev/null; do :; done
		until [[ ${last-} == "$2" ]]; do
			last=$(echo $(($2 - 1)) >/proc/sys/kernel/ns_last_pid; sh -c 'echo $$; exit 9' & )
		done
	END
	for options in "-u -w" "-w"; do
		file=$BATS_TEST_TMPDIR/${options// /}
		# shellcheck disable=SC2016,SC2086 # the inner shell's; words
		run -3 --separate-stderr "${own_pidns[@]}" "$NSINIT" $options -t 30 -- bash -c '
			setsid bash "$0" "$1" $$ & until [[ -e $1.trap ]]; do :; done; exit 3' "$BATS_TEST_TMPDIR/successor" "$file"
		[[ $stderr == *"reaped orphan PID 2, status 9"* ]]
	done
}

@test "a COMMAND that is not found is 127, and said so" {
	for level in alone two; do
		for name in nonesuch /nonesuch/x ./nonesuch ''; do
			run_at "$level" -- "$name"
			[ "$status" = 127 ]
			[ "${#stderr_lines[@]}" = 1 ]
			[[ $stderr == "nsinit: "*"${name:-COMMAND is an empty word}: No such file or directory" ]]
			[ "$output" = "" ]
		done
	done
}

@test "a COMMAND that cannot be executed is 126, and said so" {
	cd "$BATS_TEST_TMPDIR"
	mkdir a_dir
	echo 'echo no shell was asked' >text
	echo 'exit 3' >not_executable
	chmod +x text
	: >empty
	chmod +x empty
	for level in alone two; do
		for row in 'a_dir:Permission denied' 'text:Exec format error' 'not_executable:Permission denied' \
			'empty:Exec format error'; do
			for name in "./${row%%:*}" "${row%%:*}"; do
				PATH=$BATS_TEST_TMPDIR:$PATH run_at "$level" -- "$name"
				[ "$status" = 126 ]
				[ "$stderr" = "nsinit: $name: ${row#*:}" ]
				[ "$output" = "" ]
			done
		done
	done
}

@test "a COMMAND's own 125 to 127 come without a line" {
	for level in alone two; do
		for n in 125 126 127; do
			run_at "$level" -- "$PROBES/die" "$n"
			[ "$status" = "$n" ]
			[ "$stderr" = "" ]
		done
	done
}

@test "-e makes 0 of COMMAND's statuses, also of a signal's, and of 125 to 127 that are COMMAND's own" {
	for level in "${levels[@]}"; do
		for n in 1 42 127 255; do
			run_at "$level" -e 42 -e1 --remap-exit=255 --remap-exit 127 -- "$PROBES/die" "$n"
			[ "$status" = 0 ]
		done
		run_at "$level" -e 42 -- "$PROBES/die" 43
		[ "$status" = 43 ]
		run_at "$level" -e 143 -- "$PROBES/die" -s 15
		[ "$status" = 0 ]
	done
}

@test "-e leaves nsinit's own 125 to 127" {
	for level in alone two; do
		run_at "$level" -e 125 -e 126 -e 127 -- /nonesuch
		[ "$status" = 127 ]
		run_at "$level" -e 125 -e 126 -e 127 -- /
		[ "$status" = 126 ]
		run_at "$level" -e 125 -e 126 -e 127 --wd /nonesuch -- true
		[ "$status" = 125 ]
	done
}

@test "without --grace a subreaper leaves the rest alone, and a namespace ends with nsinit" {
	left=$BATS_TEST_TMPDIR/left
	start_nsinit -- "$PROBES/outlive" -d -s 3 2 "$left"
	finish
	[ "$status" = 3 ]
	only_left 2
	[ "$(grep -c TERM "$left")" = 0 ]
	start_nsinit -u -- "$PROBES/outlive" -d -s 3 2 "$left"
	finish
	[ "$status" = 3 ]
	only_left 2
}

# only_left N: whether N processes that the test has started are left.
only_left() {
	local -a all
	mapfile -t all < <(left_over)
	((${#all[@]} == $1))
}

# The long times are never waited for: a test that did would take too long and fail.

@test "-t: with nothing left nsinit ends at once" {
	for level in "${levels[@]}"; do
		run_at "$level" -t infinity -- "$PROBES/die" 4
		[ "$status" = 4 ]
	done
}

@test "-t: what is left gets one TERM, whatever session it is in, and nsinit ends with the last of it" {
	for level in "${levels[@]}" within; do
		left=$BATS_TEST_TMPDIR/$level
		run_at "$level" -t infinity -- bash -c '"$0" -d 3 "$1" && exec "$0" -s 5 2 "$1"' \
			"$PROBES/outlive" "$left"
		[ "$status" = 5 ]
		[ "$(grep -c READY "$left")" = 5 ]
		[ "$(sed -n 's/TERM //p' "$left" | sort)" = "$(sed -n 's/READY //p' "$left" | sort)" ]
		only_left 0
	done
}

@test "-t: what is left gets its TERM also where the outer nsinit is PID 1 and the inner one is not" {
	left=$BATS_TEST_TMPDIR/left
	run_at pid1 --mount -t infinity -- "$PROBES/outlive" -d -s 5 2 "$left"
	[ "$status" = 5 ]
	[ "$(grep -c TERM "$left")" = 2 ]
}

@test "-t: what is left and stopped gets a CONT with the TERM" {
	for level in "${levels[@]}"; do
		left=$BATS_TEST_TMPDIR/$level
		run_at "$level" -t infinity -- bash -c '"$0" -d -S 2 "$1"; until ps -o stat= --ppid $PPID | grep -c T | grep -qx 2; do :; done; exit 5' \
			"$PROBES/outlive" "$left"
		[ "$status" = 5 ]
		[ "$(grep -c TERM "$left")" = 2 ]
	done
}

@test "-t: what ignores TERM, or leaves a child of it, is killed when the time is over; the status is COMMAND's" {
	for level in "${levels[@]}"; do
		left=$BATS_TEST_TMPDIR/$level
		for how in '-i 0.3' '-f .3' '-i 0.'; do
			run_at "$level" -t "${how#* }" -- "$PROBES/outlive" -d "${how% *}" -s 5 3 "$left$how"
			[ "$status" = 5 ]
			only_left 0
		done
		# It was TERM that came first.
		grep TERM "$left-i 0.3"
		grep TERM "$left-f .3"
	done
}

@test "-t: those that fork meanwhile do not escape" {
	for level in "${levels[@]}"; do
		run_at "$level" -t 0.2 -- bash -c '
			trap "" TERM
			setsid bash -c "for i in {1..300}; do sleep 1000 & done; wait" &
			exit 5'
		[ "$status" = 5 ]
		only_left 0
	done
}

@test "-t infinity waits for what is left" {
	for level in "${levels[@]}"; do
		left=$BATS_TEST_TMPDIR/$level
		start_at "$level" -t infinity -- "$PROBES/outlive" -d -i -s 5 1 "$left"
		wait_for said TERM "$left"
		command_of "$pid" outlive
		! ended "$waited"
		kill -KILL "$command"
		end_of_it
		[ "$status" = 5 ]
	done
}

@test "-t: a stop that COMMAND does not follow in time becomes KILL to all, 137" {
	for level in "${levels[@]}" within; do
		log=$BATS_TEST_TMPDIR/$level
		start_at "$level" -t 0.2 -- bash -c '"$0/outlive" -d -i 2 "$1.left"; exec "$0/siglog" "$1"' "$PROBES" "$log"
		wait_for said READY "$log"
		kill -TERM "$pid"
		end_of_it
		[ "$status" = 137 ]
		[ "$(logged "$log")" = 15 ]
		only_left 0
	done
}

# bats test_tags=static
@test "-t: COMMAND is killed also where there is no /proc to find others in" {
	need_root
	dir=$BATS_TEST_TMPDIR/root
	mkdir "$dir"
	cp "$NSINIT" "$PROBES/siglog" "$dir"
	spawn chroot "$dir" /nsinit -t 0.1 /siglog /log
	wait_for said READY "$dir/log"
	command=$(children "$pid")
	kill -TERM "$pid"
	finish
	((status == 137))
	wait_for gone "$command"
}

@test "-t: a second stop signal is passed on and does not restart the clock" {
	for level in "${levels[@]}"; do
		log=$BATS_TEST_TMPDIR/$level
		start_at "$level" -t 1 -- "$PROBES/siglog" "$log"
		wait_for said READY "$log"
		# One each 20 ms, for as long as it may take.
		for ((i = 0; i < 1500; i++)); do
			kill -TERM "$pid" 2>/dev/null || break
			! ended "$waited" || break
			nap
		done
		end_of_it
		[ "$status" = 137 ]
		((i < 1500))
		lines 3 "$log"
	done
}

@test "-t: a dropped stop signal starts no clock, and one that is rewritten does" {
	for level in "${levels[@]}"; do
		log=$BATS_TEST_TMPDIR/$level
		# No time at all: were the clock started, KILL would come at once.
		start_at "$level" -t 0 -r TERM:0 -- "$PROBES/siglog" -x 64 -s 5 "$log"
		wait_for said READY "$log"
		kill -TERM "$pid"
		wait_for handled "$pid"
		kill -s 64 "$pid"
		end_of_it
		[ "$status" = 5 ]
		start_at "$level" -t 0 -r TERM:USR1 -- "$PROBES/siglog" "$log.rewritten"
		wait_for said READY "$log.rewritten"
		kill -TERM "$pid"
		end_of_it
		[ "$status" = 137 ]
	done
}

@test "--stop-signal: each one asks for the stop in place of TERM" {
	for level in alone two; do
		log=$BATS_TEST_TMPDIR/$level
		for sig in USR1 37; do
			start_at "$level" -t 0 --stop-signal USR1 --stop-signal=RTMIN+3 -- "$PROBES/siglog" "$log.$sig"
			wait_for said READY "$log.$sig"
			kill -TERM "$pid"
			wait_for said "15 " "$log.$sig"
			! ended "$pid"
			kill -s "$sig" "$pid"
			end_of_it
			[ "$status" = 137 ]
		done
	done
}

@test "-t: a COMMAND that follows keeps its status, whatever it leaves behind" {
	for level in "${levels[@]}" within; do
		left=$BATS_TEST_TMPDIR/$level
		start_at "$level" -t 0.5 -- bash -c '
			trap "exit 7" TERM
			"$0" -d -i 2 "$1"
			>"$1.ready"
			while :; do read -rt 0.02 <> <(:); done' "$PROBES/outlive" "$left"
		wait_for test -e "$left.ready"
		kill -TERM "$pid"
		end_of_it
		[ "$status" = 7 ]
		only_left 0
	done
}

@test "-t: a shell that dies first does not cut off what its child has to clean up" {
	for level in "${levels[@]}"; do
		done=$BATS_TEST_TMPDIR/$level
		start_at "$level" -t infinity -- bash -c '
			bash -c "trap \"read -rt 0.5 <> <(:); echo cleaned >$0; exit\" TERM; >$0.ready
				while :; do read -rt 0.02 <> <(:); done" "$0" &
			wait' "$done"
		wait_for test -e "$done.ready"
		kill -TERM "$pid"
		end_of_it
		[ "$status" = 143 ]
		[ "$(cat "$done")" = cleaned ]
	done
}

@test "-t: processes that joined from outside get the TERM and are not waited for" {
	need_root
	log=$BATS_TEST_TMPDIR/log
	# What COMMAND leaves behind ends once the one that joined has had its TERM, and not before.
	start_nsinit -u -t infinity -- bash -c '
		setsid bash -c "trap : TERM; until grep -qs ^15 $1.joined; do read -rt 0.02 <> <(:); done" &
		exec "$0" -x 15 -s 5 "$1"' "$PROBES/siglog" "$log"
	wait_for said READY "$log"
	wait_for command_of "$pid" siglog
	nsenter -t "$command" -p -m -r "$PROBES/siglog" "$log.joined" 3>&- &
	wait_for said READY "$log.joined"
	kill -TERM "$pid"
	finish
	[ "$status" = 5 ]
	[ "$(logged "$log.joined")" = "15 18" ]
}

@test "-t: one that nsinit may not signal is not waited for" {
	need_root
	for level in alone two; do
		left=$BATS_TEST_TMPDIR/$level
		echo "level: $level"
		unshare=()
		[ "$level" = alone ] || unshare=(-u)
		# Without CAP_KILL root may signal root's alone.
		spawn setpriv --inh-caps=-kill --bounding-set=-kill "$NSINIT" "${unshare[@]}" -t infinity -- bash -c '
			"$0" -d 1 "$1"
			setpriv --reuid=65534 --clear-groups sleep 1000 &
			until grep -q "^Uid:.65534" "/proc/$!/status"; do :; done
			exit 5' "$PROBES/outlive" "$left"
		finish
		[ "$status" = 5 ]
		grep TERM "$left"
		# With -u it ends with its namespace.
		[[ $level == two ]] || only_left 1
		[[ $level == alone ]] || only_left 1
	done
}

@test "-t: a COMMAND that nsinit may not signal is given up when the grace is over: 137" {
	need_root
	spawn setpriv --inh-caps=-kill --bounding-set=-kill "$NSINIT" -t 0.1 -- \
		setpriv --reuid=65534 --clear-groups sleep 1000
	wait_for has_children 1 "$pid"
	command=$(children "$pid")
	wait_for runs "$command" sleep
	kill -TERM "$pid"
	finish
	[ "$status" = 137 ]
	[ "$(<"$err")" = "nsinit: cannot pass signal TERM on to PID $command: Operation not permitted
nsinit: cannot pass signal KILL on to PID $command: Operation not permitted" ]
}

@test "-t: where no /proc shows what is left, nsinit ends all the same when the grace is over" {
	need_root
	need_mounted_root
	capture unshare --mount bash -c 'mount -t tmpfs none /proc && exec "$NSINIT" -t 0.1 "$PROBES/outlive" -d -s 7 1 "$0"' \
		"$BATS_TEST_TMPDIR/left"
	[ "$status" = 7 ]
	only_left 1
}

@test "-t: children that nsinit had before its exec are ended with the rest" {
	for odd in -l -z -t '-r -o' '-i 17 -b -l -z -t'; do
		# shellcheck disable=SC2086 # words
		capture "$PROBES/oddparent" $odd -- "$NSINIT" -t infinity -- "$PROBES/die" 5
		[ "$status" = 5 ]
		only_left 0
	done
}

@test "-t: an orphan that its tracer does not let go of is not waited for without an end" {
	for level in alone two; do
		left=$BATS_TEST_TMPDIR/$level
		start_at "$level" -t 0.5 -- bash -c '"$0" -d -i -s 5 1 "$1"; until [[ -e $1.go ]]; do read -rt 0.02 <> <(:); done; exit 5' \
			"$PROBES/outlive" "$left"
		wait_for said READY "$left"
		command_of "$pid" outlive
		"$PROBES/tracer" "$command" "$left.tracer" 3>&- &
		tracer=$!
		wait_for said READY "$left.tracer"
		touch "$left.go"
		if [[ $level == two ]]; then
			# The kernel ends no namespace before its last process is reaped.
			wait_for said "joined it from outside" "$err"
			kill "$tracer"
		fi
		end_of_it
		[ "$status" = 5 ]
		kill "$tracer" 2>/dev/null || :
	done
}

@test "reboot(2) inside: the outer nsinit says what was asked for, and exits 129 or 130" {
	need_root
	for row in 'restart 129 restart' 'halt 130 halt or power off' 'poweroff 130 halt or power off'; do
		read -r what expected text <<<"$row"
		for level in two within; do
			run_at "$level" -t infinity -- "$PROBES/reboot2" "$what"
			[ "$status" = "$expected" ]
			[ "$stderr" = "nsinit: reboot(2) was called inside: $text" ]
		done
		# -e is for COMMAND's statuses.
		run_at two -e "$expected" -- "$PROBES/reboot2" "$what"
		[ "$status" = "$expected" ]
	done
}

@test "reboot(2)'s other commands are refused inside, and end nothing" {
	need_root
	for what in cad_on cad_off kexec; do
		run_at two -- "$PROBES/reboot2" "$what"
		[ "$status" = 99 ]
		[[ $output$stderr == *"Invalid argument"* && $stderr != *nsinit* ]]
	done
}

@test "the namespace dies with a killed outer nsinit; --fork and --kill-child change nothing in it" {
	need_user_namespaces
	for option in -u '-u --fork --kill-child' --mount '--uts --kill-child' '--map-root-user -u' '-u -t infinity'; do
		echo "option: $option"
		log=$BATS_TEST_TMPDIR/log$option
		# shellcheck disable=SC2086 # words
		start_nsinit $option -- bash -c '"$0/outlive" -d -i 2 "$1.left"; exec "$0/siglog" "$1"' "$PROBES" "$log"
		wait_for said READY "$log"
		kill -KILL "$pid"
		wait_for only_left 0
	done
}

@test "--kill-child=SIG: SIG comes first when the outer nsinit dies, and KILL when the grace is over" {
	for namespace in -u --mount; do
		for sig in USR1 rtmin+1; do
			log=$BATS_TEST_TMPDIR/$namespace$sig
			start_nsinit "$namespace" --kill-child="$sig" -t 0.5 -- bash -c '
				"$0/outlive" -d -i 2 "$1.left"; exec "$0/siglog" "$1"' "$PROBES" "$log"
			wait_for said READY "$log"
			kill -KILL "$pid"
			wait_for only_left 0
			number=35
			[[ $sig != USR1 ]] || number=10
			logged "$log" | grep -w "$number"
		done
	done
	# A COMMAND that follows ends the namespace at once, and what it leaves goes with it. -r is for what nsinit was sent.
	for namespace in -u --mount; do
		log=$BATS_TEST_TMPDIR/followed$namespace
		start_nsinit "$namespace" -r TERM:0 --kill-child=TERM -- bash -c '
			"$0/outlive" -d -i 2 "$1.left"; exec "$0/siglog" -x 15 "$1"' "$PROBES" "$log"
		wait_for said READY "$log"
		kill -KILL "$pid"
		wait_for only_left 0
		logged "$log" | grep -w 15
	done
}

@test "an inner nsinit that is killed alone ends with 137, and what it ran with it" {
	for namespace in -u --mount; do
		log=$BATS_TEST_TMPDIR/log$namespace
		start_nsinit "$namespace" -- bash -c '"$0/outlive" -d -i 2 "$1.left"; exec "$0/siglog" "$1"' "$PROBES" "$log"
		wait_for said READY "$log"
		kill -KILL "$(children "$pid")"
		finish
		[ "$status" = 137 ]
		wait_for only_left 0
	done
}
