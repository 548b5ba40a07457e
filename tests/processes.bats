# Processes: how many there are, what COMMAND inherits, what nsinit keeps open, and which process ends with which.
# shellcheck disable=SC2016 # $0 and $1 are the inner shell's
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
load helper
load levels

# started LEVEL ARG...: start_at with siglog as COMMAND. $command is its PID as seen from here. It ends by TERM.
started() {
	log=$BATS_TEST_TMPDIR/log.$((++count))
	start_at "$@" -- "$PROBES/siglog" -x 15 "$log"
	wait_for said READY "$log"
	command=$(descendants "$pid" | while read -r p; do ! runs "$p" siglog || echo "$p"; done)
}

@test "there are two processes, or three with a new PID namespace, in which the inner one is PID 1 and COMMAND is PID 2" {
	for row in alone:1:- pid1:1:2 two:2:2 within:2:2; do
		IFS=: read -r level n own <<<"$row"
		started "$level"
		[ "$(descendants "$pid" | wc -l)" = "$n" ]
		[[ $own == - ]] || [ "$(cat "$log")" = "READY $own" ]
		kill -KILL "$waited"
	done
	for namespace in --mount --uts --ipc; do
		started alone "$namespace"
		[ "$(descendants "$pid" | wc -l)" = 2 ]
		[ "$(cat "$log")" = "READY $command" ]
		kill -KILL "$waited"
	done
	run_at two -- ps -e -o pid= -o comm=
	[ "$(xargs <<<"$output")" = "1 nsinit 2 ps" ]
}

# given ARG...: print what the probe "state" inherits if ARG starts it, except its own ids.
given() {
	capture "$@" "$PROBES/state" one '' 'two  words'
	[ "$status" = 0 ]
	grep -vE '^(pid|ppid|pgid|sid|tpgid) ' <<<"$output"
}

@test "COMMAND inherits the mask, dispositions, files, directory, limits, environment and argv of nsinit" {
	cd "$BATS_TEST_TMPDIR"
	umask 027
	export ODD=$'a\nb' EMPTY=
	for odd in '' -b '-i 17' '-i 1 -i 32 -i 64 -B 2 -B 33' '-f 0' '-f 1 -e 3' '-e 5 -L nofile=64 -L core=0'; do
		# shellcheck disable=SC2086 # words
		direct=$(given "$PROBES/oddparent" $odd)
		[ -n "$direct" ] || [[ $odd == *"-f 1"* ]]
		for level in alone two pid1; do
			echo "oddparent $odd, $level"
			case $level in
			alone) how=() init=("$NSINIT") ;;
			two) how=() init=("$NSINIT" -u) ;;
			# unshare(1) does not preserve the mask.
			pid1) how=("${own_pidns[@]}") init=("$NSINIT") ;;
			esac
			# shellcheck disable=SC2086 # words
			through=$(given "${how[@]}" "$PROBES/oddparent" $odd -- "${init[@]}" --)
			diff <(echo "$direct") <(echo "$through")
		done
	done
}

@test "LISTEN_PID and WATCHDOG_PID are set to COMMAND's PID if they contain nsinit's, and are unchanged otherwise" {
	for unshare in '' -u; do
		for name in LISTEN_PID WATCHDOG_PID; do
			# exec keeps the PID.
			# shellcheck disable=SC2086 # words
			capture bash -c 'export "$1=$$"; exec "${@:2}"' - "$name" "$NSINIT" $unshare -- \
				bash -c 'echo "${!1} $$"' - "$name"
			read -r named own <<<"$output"
			[ "$named" = "$own" ]
			# shellcheck disable=SC2086 # words
			capture env "$name=1" "$NSINIT" $unshare -- bash -c 'echo "${!1}"' - "$name"
			[ "$output" = 1 ]
		done
		# shellcheck disable=SC2086 # words
		capture bash -c 'export OTHER_PID=$$ XLISTEN_PID=$$; echo $$; exec "$@"' - "$NSINIT" $unshare -- \
			bash -c 'echo "$OTHER_PID"; echo "$XLISTEN_PID"'
		[ "$(sort -u <<<"$output" | wc -l)" = 1 ]
	done
}

# is_pid1 PID: whether PID is PID 1 of its PID namespace.
is_pid1() {
	[[ " $(field "$1" NSpid)" == *" 1" ]]
}

# files PID: print the descriptors of PID, and what each refers to.
files() {
	local fd
	for fd in "/proc/$1/fd/"*; do
		echo "${fd##*/} $(readlink "$fd")"
	done
}

@test "nsinit leaves its directory and closes all inherited files except the standard ones that it may keep" {
	mkdir "$BATS_TEST_TMPDIR/dir"
	cd "$BATS_TEST_TMPDIR/dir"
	for level in "${levels[@]}"; do
		for option in -v --pid-file=../pid; do
			exec 7</dev/null 60<"$BATS_TEST_FILENAME"
			started "$level" "$option"
			exec 7<&- 60<&-
			for process in "$pid" $(descendants "$pid"); do
				runs "$process" nsinit || continue
				wait_for released "$process"
				kept='^2 '
				if is_pid1 "$process"; then
					kept='^[012] '
					files "$process" | grep -x "0 /dev/null"
					files "$process" | grep -x "1 $out"
				fi
				files "$process" | grep -v -e "$kept" -e ' anon_inode:' -e ' socket:' -e ' pipe:' \
					-e ' pidfd:' -e '/pid$' >"$BATS_TEST_TMPDIR/more" || :
				cat "$BATS_TEST_TMPDIR/more"
				[ ! -s "$BATS_TEST_TMPDIR/more" ]
				files "$process" | grep "^2 $err"
			done
			# COMMAND has them.
			[[ /proc/$command/cwd -ef . ]]
			[ "$(readlink "/proc/$command/fd/60")" = "$BATS_TEST_FILENAME" ]
			kill -TERM "$pid"
			end_of_it
		done
	done
}

# Its root is "/", except in a chroot, where it may have the name that it has outside.
released() {
	[[ $(readlink "/proc/$1/cwd") == "$(readlink "/proc/$1/root")" ]]
}

# read_output OPTION COMMAND: spawn nsinit with OPTION and COMMAND, a command of the shell. What it writes goes to $out
# through a FIFO. $seen exists once the reader has got end-of-file.
read_output() {
	seen=$BATS_TEST_TMPDIR/seen$1
	mkfifo "$seen.fifo"
	# shellcheck disable=SC2086 # words
	spawn bash -c '(cat "$1.fifo"; touch "$1") & exec "${@:2}" >"$1.fifo"' - "$seen" "$NSINIT" $1 -- bash -c "$2"
}

@test "a reader of COMMAND's output gets end-of-file when COMMAND closes it, if nsinit is not PID 1" {
	for option in '' --uts; do
		read_output "$option" 'echo said; exec >&- sleep 1000'
		wait_for test -e "$seen"
		[ "$(cat "$out")" = said ]
		! ended "$pid" || false
	done
}

@test "PID 1 keeps COMMAND's output open as /proc/1/fd/1 until every process inside has ended" {
	for option in -u '-u -t 5'; do
		read_output "$option" 'echo said; exec >&-; echo later >/proc/1/fd/1; exec sleep 1000'
		wait_for lines 2 "$out"
		[ "$(xargs <"$out")" = "said later" ]
		[ ! -e "$seen" ]
		# The outer process does not have it.
		wait_for inner_of "$pid"
		[[ ! -e /proc/$pid/fd/1 && /proc/$inner/fd/1 -ef $seen.fifo ]]
		kill -KILL "$(children "$inner")"
		wait_for test -e "$seen"
		finish
		[ "$status" = 137 ]
	done
}

# inner_of PID: set $inner to the inner process, which has COMMAND, of the outer one PID. The reader is a child as well.
inner_of() {
	for inner in $(children "$1"); do
		! is_pid1 "$inner" || ! has_children 1 "$inner" || return 0
	done
	return 1
}

@test "if descriptors 0 to 2 are closed, nsinit's own start at 3, and COMMAND finds 0 to 2 closed" {
	for odd in '-f 0' '-f 2' '-f 0 -f 1 -f 2'; do
		for unshare in '' -u; do
			log=$BATS_TEST_TMPDIR/log$odd$unshare
			# shellcheck disable=SC2086 # words
			spawn "$PROBES/oddparent" $odd -- "$NSINIT" $unshare -t 5 -- "$PROBES/siglog" -x 15 "$log"
			wait_for said READY "$log"
			for process in "$pid" $(descendants "$pid"); do
				if runs "$process" nsinit; then
					wait_for released "$process"
					[ "$(files "$process" | grep -o '^[012] ' | xargs)" = "$(kept_of "$odd")" ]
				else
					for closed in ${odd//-f/}; do
						# The log gets the first number that is free.
						[[ ! -e /proc/$process/fd/$closed || /proc/$process/fd/$closed -ef $log ]]
					done
				fi
			done
			kill -TERM "$pid"
			finish
			[ "$status" = 0 ]
		done
	done
}

# kept_of ODD: print which of 0 to 2 nsinit ($process) keeps if ODD closes some.
kept_of() {
	local fd kept=
	for fd in $(is_pid1 "$process" && echo 0 1) 2; do
		[[ $1 == *"-f $fd"* ]] || kept+=" $fd"
	done
	echo "${kept# }"
}

@test "nsinit does not wake up while nothing happens" {
	all=()
	for level in "${levels[@]}"; do
		started "$level" -t 5
		mapfile -t -O ${#all[@]} all < <(echo "$pid"; descendants "$pid")
	done
	wait_for never_wakes "${all[@]}"
	before=$(switches "${all[@]}")
	# This does not replace a condition: the test is that nothing happens in this time.
	sleep 3
	[ "$(switches "${all[@]}")" = "$before" ]
}

@test "3,000 double-forked orphans are all reaped" {
	for level in "${levels[@]}"; do
		log=$BATS_TEST_TMPDIR/$level
		start_at "$level" -- bash -c '"$0/orphans" -b 250 3000 && exec "$0/siglog" -x 15 -s 3 "$1"' "$PROBES" "$log"
		wait_for said READY "$log"
		said "DONE 3000" "$out"
		inner=$pid
		[[ $level != two ]] || inner=$(children "$pid")
		wait_for has_children 1 "$inner"
		kill -TERM "$pid"
		end_of_it
		[ "$status" = 3 ]
	done
}

@test "children that nsinit had before its exec are reaped like orphans" {
	for unshare in '' -u; do
		log=$BATS_TEST_TMPDIR/log$unshare
		# shellcheck disable=SC2086 # words
		spawn "$PROBES/oddparent" -z -z -l -z -- "$NSINIT" $unshare -- "$PROBES/siglog" "$log"
		wait_for said READY "$log"
		wait_for has_children 2 "$pid"
		for process in $(children "$pid"); do
			! in_state "$process" Z || false
		done
		kill -KILL "$pid"
	done
}

# left_are N: whether N of the processes that the test started are left.
left_are() {
	local -a all
	mapfile -t all < <(left_over)
	((${#all[@]} == $1))
}

# The scheduler decides which call happens when. So each call of the inner process is delayed in turn.
@test "the namespace ends with the outer process during any system call of the inner one" {
	need strace strace
	for call in prctl poll setpgid mount clone execve madvise close_range chdir wait4; do
		for option in -u '-u -t infinity' '-u --kill-child=USR1 -t 0'; do
			[[ $option == -u || $call == prctl || $call == clone || $call == execve ]] || continue
			echo "in $call, $option"
			# shellcheck disable=SC2086 # words
			spawn strace -f --seccomp-bpf -qq -o /dev/null -e "trace=$call" \
				-e "inject=$call:delay_enter=800000:when=1" "$NSINIT" $option -- sleep 1000
			wait_for inner_is_held
			kill -KILL "$outer"
			wait_for ended "$pid"
			wait_for left_are 0
		done
	done
}

# inner_is_held: whether a process below the outer one ($outer) is delayed by strace. It is true if COMMAND already runs
# as well, because the moment may be missed on a busy machine.
inner_is_held() {
	local process
	outer=$(children "$pid")
	[[ -n $outer ]] || return
	for process in $(descendants "$outer"); do
		! in_state "$process" t && ! runs "$process" sleep || return 0
	done
	return 1
}

@test "the namespace ends with the outer process during any system call of that process" {
	need strace strace
	for row in clone:1 close:1 close_range:1 close_range:2 chdir:1 madvise:1 wait4:1 poll:1; do
		echo "in ${row%:*}"
		spawn strace -qq -o /dev/null -e "trace=${row%:*}" -e "inject=${row%:*}:signal=KILL:when=${row#*:}" \
			"$NSINIT" -u -- sleep 1000
		wait_for ended "$pid"
		wait_for left_are 0
	done
}

@test "the namespace ends with the outer process at random moments, also while ids are mapped" {
	need_user_namespaces
	for ((n = 0; n < 40; n++)); do
		two=(-u)
		((n % 4)) || two=(-u --map-root-user)
		spawn "$NSINIT" "${two[@]}" -- sleep 1000
		until mask_set "$pid"; do :; done
		for ((j = RANDOM % 4; j > 0; j--)); do :; done
		kill -KILL "$pid"
		((n % 4)) || wait_for left_are 0
	done
	wait_for left_are 0
}
