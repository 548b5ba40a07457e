# Phases: the sequence of phases of each nsinit process in the ten most common cases, as logged by -vv.
# shellcheck disable=SC2016 # $0 and $1 are the inner shell's
load helper
load levels
load qemu

# phases [outer] [FILE]: print the phases that FILE ($err) logs, of the outer process or of the one that runs COMMAND, on
# one line. Fail if one does not begin where the one before has ended.
phases() {
	local prefix=
	if [[ ${1-} == outer ]]; then
		prefix='outer: '
		shift
	fi
	sed -n "s/^nsinit: ${prefix}phase \([A-Z_]*\) -> \([A-Z_]*\)\r*\$/\1 \2/p" "${1-$err}" | awk '
		NR == 1 { all = $1; at = $1 }
		$1 != at { print "from " at " to " $1 " without a line"; broken = 1 }
		{ all = all " " $2; at = $2 }
		END { print all; exit broken }'
}

# phases_are EXPECTED [outer] [FILE]: whether the phases match EXPECTED, a regular expression.
phases_are() {
	local found
	found=$(phases "${@:2}") || {
		echo "$found"
		return 1
	}
	echo "phases: $found, expected: $1"
	[[ $found =~ ^($1)$ ]]
}

# ended_as STATUS INNER OUTER: whether the nsinit of start_at ends with STATUS after these phases. OUTER is for the outer
# process of a new namespace.
ended_as() {
	end_of_it
	cat "$err"
	[[ $status == "$1" ]]
	phases_are "$2"
	[[ -z ${3-} || $level != two ]] || phases_are "$3" outer
}

# The end of the inner process closes its socket first. The outer process may see both at once, or one after the other.
gone='(HUNG_UP )?OVER'

# begin ARG...: start_at $level with -vv and ARG, and siglog as COMMAND. $log is its file.
begin() {
	log=$BATS_TEST_TMPDIR/log.$level
	start_at "$level" -vv "$@" "$log"
	wait_for said READY "$log"
}

@test "COMMAND ends by itself: RUNNING, OVER" {
	for level in "${levels[@]}"; do
		start_at "$level" -vv -- "$PROBES/die" 3
		ended_as 3 "RUNNING OVER" "RUNNING $gone"
	done
}

@test "a stop on which COMMAND ends: RUNNING, STOPPING, LEAVING, OVER" {
	for level in "${levels[@]}"; do
		begin -t 60 -- "$PROBES/siglog" -x 15 -s 3
		kill -TERM "$pid"
		ended_as 3 "RUNNING STOPPING LEAVING OVER" "RUNNING STOPPING LEAVING $gone"
	done
}

@test "a stop without a grace changes no phase: RUNNING, OVER" {
	for level in "${levels[@]}"; do
		begin -- "$PROBES/siglog" -x 15 -s 3
		kill -TERM "$pid"
		ended_as 3 "RUNNING OVER" "RUNNING $gone"
	done
}

@test "a stop that COMMAND ignores: RUNNING, STOPPING, KILLING, OVER" {
	for level in "${levels[@]}"; do
		begin -t 0.3 -- "$PROBES/siglog"
		kill -TERM "$pid"
		ended_as 137 "RUNNING STOPPING KILLING OVER" "RUNNING STOPPING LEAVING $gone"
	done
}

@test "a second stop signal starts no new phase: RUNNING, STOPPING, LEAVING, OVER" {
	for level in "${levels[@]}"; do
		# TERM and CONT, twice.
		begin -t 60 -- "$PROBES/siglog" -n 4 -s 3
		send TERM TERM
		ended_as 3 "RUNNING STOPPING LEAVING OVER" "RUNNING STOPPING LEAVING $gone"
		[[ $(grep -c '^15 ' "$log") == 2 ]]
	done
}

@test "remaining processes that end on TERM: RUNNING, LEAVING, OVER" {
	for level in "${levels[@]}"; do
		start_at "$level" -vv -t 60 -- sh -c 'sleep 1000 & exit 3'
		ended_as 3 "RUNNING LEAVING OVER" "RUNNING LEAVING $gone"
	done
}

@test "remaining processes that ignore TERM: RUNNING, LEAVING, KILLING, OVER" {
	for level in "${levels[@]}"; do
		begin -t 0.3 -- sh -c '"$0/siglog" "$1" & until grep -q READY "$1"; do :; done; exit 3' "$PROBES"
		ended_as 3 "RUNNING LEAVING KILLING OVER" "RUNNING LEAVING $gone"
		said "15 " "$log"
	done
}

@test "the outer process is killed: KILLING, or STOPPING with --kill-child=SIG" {
	level=two
	for row in '--uts:-:RUNNING KILLING OVER' \
		'-u -t 60 --kill-child=USR1:10:RUNNING STOPPING LEAVING OVER' \
		'-u -t 0.3 --kill-child=USR1:none:RUNNING STOPPING KILLING OVER'; do
		IFS=: read -r options ends expected <<<"$row"
		log=$BATS_TEST_TMPDIR/log.$ends
		# shellcheck disable=SC2086 # words
		start_nsinit -vv $options -- "$PROBES/siglog" -x "${ends/[!0-9]*/63}" "$log"
		wait_for said READY "$log"
		kill -KILL "$pid"
		finish
		wait_for none_left_but_tests
		phases_are "$expected"
		[[ $(phases outer) == "" ]]
	done
}

none_left_but_tests() {
	local p
	for p in $(left_over); do
		! runs "$p" nsinit && ! runs "$p" siglog || return 1
	done
}

@test "the inner process is killed: OVER with a PID namespace, and KILLING without one" {
	level=two
	for row in "-u:$gone" "--uts:(HUNG_UP )?KILLING OVER"; do
		log=$BATS_TEST_TMPDIR/log.${row%%:*}
		start_nsinit -vv "${row%%:*}" -- "$PROBES/siglog" "$log"
		wait_for said READY "$log"
		kill -KILL "$(children "$pid")"
		ended_as 137 "" "RUNNING ${row#*:}"
	done
}

@test "--pause: RUNNING, OVER, and with a grace and remaining processes LEAVING in between" {
	for level in "${levels[@]}"; do
		for stop in TERM INT; do
			start_at "$level" -vv -P
			kill -s "$stop" "$pid"
			ended_as 0 "RUNNING OVER" "RUNNING $gone"
		done
		start_at "$level" -vv -P -t 60
		kill -TERM "$pid"
		ended_as 0 "RUNNING LEAVING OVER" "RUNNING STOPPING LEAVING $gone"
	done
}

# bats test_tags=qemu
@test "the machine's own init: RUNNING, LEAVING, OVER, and KILLING if a process ignores TERM" {
	need_vm
	tree=$BATS_TEST_TMPDIR/tree image=$BATS_TEST_TMPDIR/image
	vm_tree "$tree" outlive
	vm_script "$tree/run" <<-'END'
		[ "$1" = plain ] || outlive -d -i 1 -
		exit 3
	END
	for row in 'plain:RUNNING LEAVING OVER' 'rest:RUNNING LEAVING KILLING OVER'; do
		vm_pack "$tree" "$image"
		vm_run "rdinit=/nsinit -- -vv --mount-proc --grace 0.5 /run ${row%%:*}" -initrd "$image"
		cat "$console"
		vm_said 'nsinit: status 3: powering off'
		phases_are "${row#*:}" "$console"
		vm_powered_off
	done
}
