# The end: exit statuses, the grace, and processes that COMMAND leaves behind.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2016 # $0 and $1 are the inner shell's
load helper
load levels

# statuses OFFSET OPTION NUMBERS NSINIT [ARG]...: print each N of NUMBERS for which the status is not N + OFFSET.
# OFFSET is 0 if the probe's argument is a status, and 128 if it is a signal.
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

@test "nsinit exits with COMMAND's status, from 0 to 255" {
	[ "$(statuses 0 "" "$(echo {0..255})" "$NSINIT" 2>&1)" = "" ]
	[ "$(statuses 0 "" "$(echo {0..255})" "$NSINIT" -u 2>&1)" = "" ]
	[ "$(statuses 0 "" "$(echo {0..255})" unshare --pid --fork "$NSINIT" 2>&1)" = "" ]
}

@test "nsinit exits with 128+N if signal N ends COMMAND" {
	fatal=$(echo {1..16} {24..27} {29..31} {32..64})
	[ "$(statuses 128 -s "$fatal" "$NSINIT" 2>&1)" = "" ]
	[ "$(statuses 128 -s "$fatal" "$NSINIT" -u 2>&1)" = "" ]
	[ "$(statuses 128 -s "$fatal" unshare --pid --fork "$NSINIT" 2>&1)" = "" ]
}

@test "nsinit exits with 137 if COMMAND is killed from outside, as by the OOM killer" {
	for level in "${levels[@]}"; do
		start_at "$level" -- sleep 1000
		wait_for command_of "$pid" sleep
		kill -KILL "$command"
		end_of_it
		[ "$status" = 137 ]
	done
}

# command_of PID NAME: set $command to the PID of the process NAME below PID.
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

@test "COMMAND's status is found among many orphans that end at the same time" {
	for level in "${levels[@]}"; do
		for n in {1..5}; do
			run_at "$level" -- "$PROBES/orphans" -s "$n" 200
			[ "$status" = "$n" ]
			[ "$output" = "DONE 200" ]
		done
	done
}

@test "an orphan that gets COMMAND's PID does not change the status" {
	need_root
	# The subshell that gets COMMAND's PID is an orphan, which nsinit reaps.
	cat >"$BATS_TEST_TMPDIR/successor" <<-'END'
		trap asked=1 TERM
		>"$1.trap"
		until [[ -v asked ]] && ! kill -0 "$2" 2>/dev/null; do :; done
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

@test "a COMMAND that is not found is status 127, with a message" {
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

@test "a COMMAND that cannot be executed is status 126, with a message" {
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

@test "COMMAND's own 125 to 127 are returned without a message" {
	for level in alone two; do
		for n in 125 126 127; do
			run_at "$level" -- "$PROBES/die" "$n"
			[ "$status" = "$n" ]
			[ "$stderr" = "" ]
		done
	done
}

@test "-e replaces COMMAND's status by 0, also the status of a signal and COMMAND's own 125 to 127" {
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

@test "-e does not replace nsinit's own 125 to 127" {
	for level in alone two; do
		run_at "$level" -e 125 -e 126 -e 127 -- /nonesuch
		[ "$status" = 127 ]
		run_at "$level" -e 125 -e 126 -e 127 -- /
		[ "$status" = 126 ]
		run_at "$level" -e 125 -e 126 -e 127 --wd /nonesuch -- true
		[ "$status" = 125 ]
	done
}

@test "without --grace a subreaper leaves other processes running, and a namespace ends with nsinit" {
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

# only_left N: whether N of the processes that the test started are left.
only_left() {
	local -a all
	mapfile -t all < <(left_over)
	((${#all[@]} == $1))
}

# The long graces are never waited for: a test that did would exceed its time limit and fail.

@test "-t: nsinit exits at once if no process is left" {
	for level in "${levels[@]}"; do
		run_at "$level" -t infinity -- "$PROBES/die" 4
		[ "$status" = 4 ]
	done
}

@test "-t: each remaining process in any session gets one TERM, and nsinit exits when the last one has ended" {
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

@test "-t: remaining processes get TERM also if the outer process is PID 1 and the inner one is not" {
	left=$BATS_TEST_TMPDIR/left
	run_at pid1 --mount -t infinity -- "$PROBES/outlive" -d -s 5 2 "$left"
	[ "$status" = 5 ]
	[ "$(grep -c TERM "$left")" = 2 ]
}

# bats test_tags=seccomp
@test "-t: a process that was given the PID of one that was left, in the moment before it is signalled, gets nothing" {
	need_root
	# clone3(2) with set_tid, Linux 5.5.
	capture "${own_pidns[@]}" "$PROBES/recycle" -x "$NSINIT" -t 60
	echo "$output $stderr"
	((status == 0))
	[[ $output == "PENDING 0"$'\n'"STATUS 0" && -z $stderr ]]
}

@test "-t: a remaining process that is stopped gets CONT after the TERM" {
	for level in "${levels[@]}"; do
		left=$BATS_TEST_TMPDIR/$level
		run_at "$level" -t infinity -- bash -c '"$0" -d -S 2 "$1"; until ps -o stat= --ppid $PPID | grep -c T | grep -qx 2; do :; done; exit 5' \
			"$PROBES/outlive" "$left"
		[ "$status" = 5 ]
		[ "$(grep -c TERM "$left")" = 2 ]
	done
}

@test "-t: processes that ignore TERM, and their children, are killed at the deadline; the status is COMMAND's" {
	for level in "${levels[@]}"; do
		left=$BATS_TEST_TMPDIR/$level
		for how in '-i 0.3' '-f .3' '-i 0.'; do
			run_at "$level" -t "${how#* }" -- "$PROBES/outlive" -d "${how% *}" -s 5 3 "$left$how"
			[ "$status" = 5 ]
			only_left 0
		done
		# TERM came first.
		grep TERM "$left-i 0.3"
		grep TERM "$left-f .3"
	done
}

@test "-t: processes that fork during the grace do not escape" {
	for level in "${levels[@]}"; do
		run_at "$level" -t 0.2 -- bash -c '
			trap "" TERM
			setsid bash -c "for i in {1..300}; do sleep 1000 & done; wait" &
			exit 5'
		[ "$status" = 5 ]
		only_left 0
	done
}

@test "-t infinity waits for the remaining processes" {
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

@test "-t: if COMMAND does not end within the grace, all processes are killed and the status is 137" {
	for level in "${levels[@]}" within; do
		log=$BATS_TEST_TMPDIR/$level
		start_at "$level" -t 0.2 -- bash -c '"$0/outlive" -d -i 2 "$1.left"; exec "$0/siglog" "$1"' "$PROBES" "$log"
		wait_for said READY "$log"
		kill -TERM "$pid"
		end_of_it
		[ "$status" = 137 ]
		# A stopped COMMAND gets CONT, so that it can follow within the grace.
		[ "$(logged "$log")" = "15 18" ]
		only_left 0
	done
}

# bats test_tags=static
@test "-t: COMMAND is killed also if /proc shows no process" {
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

@test "-t: a second stop signal is forwarded and does not change the deadline" {
	for level in "${levels[@]}"; do
		log=$BATS_TEST_TMPDIR/$level
		start_at "$level" -t 1 -- "$PROBES/siglog" "$log"
		wait_for said READY "$log"
		# One every 20 ms, until COMMAND has ended.
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

@test "-t: a stop signal that -r drops does not start the grace, and one that it rewrites does" {
	for level in "${levels[@]}"; do
		log=$BATS_TEST_TMPDIR/$level
		# With a grace of 0, KILL would come at once if the grace had started.
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

@test "--stop-signal: each of the signals starts the grace, and TERM does not" {
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

@test "-t: the status is COMMAND's if it ends within the grace, whatever it leaves behind" {
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

@test "-t: the child of a shell that ends first has time to clean up" {
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

@test "-t: processes that joined from outside get TERM and are not waited for" {
	need_root
	log=$BATS_TEST_TMPDIR/log
	# The process that COMMAND leaves behind ends only after the process that joined has had TERM.
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

@test "-t: a process that nsinit is not permitted to signal is not waited for" {
	need_root
	for level in alone two; do
		left=$BATS_TEST_TMPDIR/$level
		echo "level: $level"
		unshare=()
		[ "$level" = alone ] || unshare=(-u)
		# Without CAP_KILL root may signal root's processes only.
		spawn setpriv --inh-caps=-kill --bounding-set=-kill "$NSINIT" "${unshare[@]}" -t infinity -- bash -c '
			"$0" -d 1 "$1"
			setpriv --reuid=65534 --clear-groups sleep 1000 &
			until grep -q "^Uid:.65534" "/proc/$!/status"; do :; done
			exit 5' "$PROBES/outlive" "$left"
		finish
		[ "$status" = 5 ]
		grep TERM "$left"
		# With -u it ends with the namespace.
		[[ $level == two ]] || only_left 1
		[[ $level == alone ]] || only_left 1
	done
}

@test "-t: nsinit exits with 137 at the deadline if it is not permitted to signal COMMAND" {
	need_root
	spawn setpriv --inh-caps=-kill --bounding-set=-kill "$NSINIT" -t 0.1 -- \
		setpriv --reuid=65534 --clear-groups sleep 1000
	wait_for has_children 1 "$pid"
	command=$(children "$pid")
	wait_for runs "$command" sleep
	kill -TERM "$pid"
	finish
	[ "$status" = 137 ]
	[ "$(<"$err")" = "nsinit: cannot forward signal TERM to PID $command: Operation not permitted
nsinit: the grace of 0.1 s is over, sending KILL to: $command (sleep)
nsinit: cannot forward signal KILL to PID $command: Operation not permitted" ]
}

@test "-t: nsinit exits at the deadline also if /proc does not show the remaining processes" {
	need_root
	need_mounted_root
	capture unshare --mount bash -c 'mount -t tmpfs none /proc && exec "$NSINIT" -t 0.1 "$PROBES/outlive" -d -s 7 1 "$0"' \
		"$BATS_TEST_TMPDIR/left"
	[ "$status" = 7 ]
	only_left 1
}

@test "-t: children that nsinit had before its exec are ended as well" {
	for odd in -l -z -t '-r -o' '-i 17 -b -l -z -t'; do
		# shellcheck disable=SC2086 # words
		capture "$PROBES/oddparent" $odd -- "$NSINIT" -t infinity -- "$PROBES/die" 5
		[ "$status" = 5 ]
		only_left 0
	done
}

@test "-t: an orphan that its tracer does not release is not waited for forever" {
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
			# The kernel does not end a namespace before its last process has been reaped.
			wait_for said "joined it from outside" "$err"
			kill "$tracer"
		fi
		end_of_it
		[ "$status" = 5 ]
		kill "$tracer" 2>/dev/null || :
	done
}

@test "after reboot(2) inside, the outer process logs the requested action and exits with 129 or 130" {
	need_root
	for row in 'restart 129 restart' 'halt 130 halt or power off' 'poweroff 130 halt or power off'; do
		read -r what expected text <<<"$row"
		for level in two within; do
			run_at "$level" -t infinity -- "$PROBES/reboot2" "$what"
			[ "$status" = "$expected" ]
			[ "$stderr" = "nsinit: reboot(2) was called inside: $text" ]
		done
		# -e applies to COMMAND's statuses only.
		run_at two -e "$expected" -- "$PROBES/reboot2" "$what"
		[ "$status" = "$expected" ]
	done
}

@test "other commands of reboot(2) are refused inside, and have no effect" {
	need_root
	for what in cad_on cad_off kexec; do
		run_at two -- "$PROBES/reboot2" "$what"
		[ "$status" = 99 ]
		[[ $output$stderr == *"Invalid argument"* && $stderr != *nsinit* ]]
	done
}

@test "the namespace ends when the outer process is killed, with and without --fork and --kill-child" {
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

@test "--kill-child=SIG: COMMAND gets SIG when the outer process dies, and KILL at the deadline" {
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
	# If COMMAND ends, the namespace ends at once, with every process in it. -r does not apply to this signal.
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

@test "if only the inner process is killed, its processes end as well and the status is 137" {
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
