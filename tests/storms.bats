#!/usr/bin/env bats
# Processes that fork faster than nsinit can find them. Each test runs in a PID namespace with a limit on processes.

# shellcheck disable=SC2016 # the scripts are the inner shell's
load helper

# Since Linux 6.14 each PID namespace has its own limit, pid_max.
need_pid_limit() {
	local release major minor
	need_root
	need_mounted_root
	read -r release </proc/sys/kernel/osrelease
	IFS=. read -r major minor _ <<<"$release"
	((major > 6 || (major == 6 && minor >= 14))) ||
		missing "needs a limit on the processes of a PID namespace: Linux 6.14"
}

# storm EXPECTED-STATUS ARG...: run nsinit ARG... with 8 chains, and set $zombies, $denied and $left to the watcher's
# counts.
storm() {
	local expected=$1
	shift
	need_pid_limit
	run timeout -s KILL "${WAIT:-60}" bash -c '
		source "$root/tests/helper.bash"
		fresh=()
		in_pidns "$@"' bash '
		echo 6000 >/proc/sys/kernel/pid_max
		status=0
		"$@" 2>"$BATS_TEST_TMPDIR/err" &
		"$PROBES/storm" -w $! >"$BATS_TEST_TMPDIR/seen"
		wait $! || status=$?
		echo "status $status: $(cat "$BATS_TEST_TMPDIR/seen")"' "$@"
	echo "$output"
	cat "$BATS_TEST_TMPDIR/err"
	[[ $status == 0 ]]
	[[ ${lines[-1]} == "status $expected: "* ]]
	read -r _ _ zombies denied left <<<"${lines[-1]}"
}

# The grace is one second, and processes that are left a second later could not be killed. The limit of ten seconds is
# generous.
ends_in_time() {
	SECONDS=0
	storm 0 "$@"
	((SECONDS <= ${WAIT:-12}))
	((zombies <= 2000))
	((denied == 0))
	((left == 0))
}

@test "a storm of 8 chains that ignore TERM ends with the grace (subreaper)" {
	ends_in_time "$NSINIT" -v -t 1 "$PROBES/storm" 8
	grep -qE 'grace.*is over|the grace is over|-> KILLING' "$BATS_TEST_TMPDIR/err"
}

@test "a storm of 8 chains that ignore TERM ends with the grace (PID 1)" {
	ends_in_time "${own_pidns[@]}" "$NSINIT" -v -t 1 "$PROBES/storm" 8
}

@test "a storm of 8 chains that ignore TERM ends with the grace (-u)" {
	ends_in_time "$NSINIT" -u -v -t 1 "$PROBES/storm" 8
}

@test "a storm of 8 chains that ignore TERM ends with the grace (--mount)" {
	ends_in_time "$NSINIT" --mount -v -t 1 "$PROBES/storm" 8
}

# The inner process is killed while COMMAND's chains run.
@test "without a PID namespace, every forking process ends when the inner process is killed" {
	storm 137 bash -c '
		"$NSINIT" --mount sh -c "\"$PROBES/storm\" 8; exec sleep 1000" &
		until inner=$(pgrep -P $!) && [[ $inner ]] && pgrep -P "$inner" sleep >/dev/null; do
			sleep 0.05
		done
		kill -KILL "$inner"
		wait $!'
	((left == 0))
}
