# Problems that users of other inits have reported, and nsinit's behaviour. tests/reports-docker.bats has those of
# engines.
# shellcheck disable=SC2016,SC2030,SC2031

load helper
load levels
load namespaces
load terminal

setup() {
	helper_setup
	cd "$BATS_TEST_TMPDIR" || return
}

# --- /proc/1/fd ---

# A job is started as by cron, in a new session and with other standard files, and writes to those of PID 1.
job='setsid sh -c "exec </dev/null >/dev/null 2>&1; echo a job >/proc/1/fd/1; echo its error >/proc/1/fd/2"'

@test "a job can write to /proc/1/fd/1 and /proc/1/fd/2, which are nsinit's standard files" {
	need_root
	local level
	for level in pid1 two within; do
		run_at "$level" -- sh -c "$job; exit 3"
		((status == 3))
		[[ $output == "a job" && $stderr == "its error" ]]
	done
	need_user_namespaces
	run_nsinit --map-root-user -u sh -c "$job; exit 3"
	((status == 3))
	[[ $output == "a job" && $stderr == "its error" ]]
}

@test "a process can read nsinit's standard input through /proc/1/fd/0" {
	need_root
	run -0 "${fresh[@]}" "$NSINIT" -u sh -c 'exec </dev/null; read -r line </proc/1/fd/0; echo "read: $line"' \
		< <(echo an order) 3>&-
	[[ $output == "read: an order" ]]
}

@test "a job can write to /proc/1/fd/1 and /proc/1/fd/2 under each other init's name" {
	need_root
	local name
	for name in tini tini-static docker-init podman-init catatonit dumb-init; do
		ln -sf "$NSINIT" "$name"
		capture "${own_pidns[@]}" "$PWD/$name" -- sh -c "$job; exit 3"
		echo "$name: $status, $output, $stderr"
		((status == 3))
		[[ $output == "a job" && $stderr == "its error" ]]
	done
}

@test "nginx whose logs are links to /proc/1/fd/1 and /proc/1/fd/2 starts, and its log is nsinit's output" {
	need_root
	need nginx nginx
	need busybox busybox-static
	mkdir logs
	ln -s /proc/1/fd/1 logs/access.log
	ln -s /proc/1/fd/2 logs/error.log
	cat >nginx.conf <<-END
		user root;
		pid $PWD/nginx.pid;
		error_log $PWD/logs/error.log notice;
		events { }
		http {
			access_log $PWD/logs/access.log;
			server {
				listen unix:$PWD/socket;
				listen 127.0.0.1:80;
				return 200 "served\n";
			}
		}
	END
	# Use a new network namespace, because the port may be in use outside.
	start_nsinit -u --net -t 20 nginx -e "$PWD/logs/error.log" -c "$PWD/nginx.conf" -p "$PWD" -g 'daemon off;'
	wait_for answers
	wait_for said '"GET /a-page ' "$out"
	said "start worker process" "$err"
	stop_it
	((status == 0))
}

# answers: whether nginx in the network of $pid's inner process serves a page.
answers() {
	! ended "$pid" || return 0
	[[ $("$PROBES/join" -k n "$(children "$pid")" busybox wget -qO- http://127.0.0.1/a-page 2>/dev/null) == served ]]
}

@test "a reader of nsinit -u's output gets end-of-file once everything inside has ended, even if the outer process is stopped" {
	need_root
	mkfifo pipe
	cat pipe >got 3>&- &
	reader=$!
	spawn sh -c 'exec "$0" "$@" >pipe' "$NSINIT" -u sh -c 'echo up; exec sleep 1000'
	wait_for said up got
	wait_for up sleep
	kill -STOP "$pid"
	kill -KILL "$command"
	wait_for ended "$reader"
	kill -CONT "$pid"
	finish
	((status == 137))
}

@test "nsinit closes its standard input and output if it is not PID 1, and in the outer process" {
	need_root
	local how
	for how in "" --ipc -u; do
		# shellcheck disable=SC2086 # one word or none
		spawn "$NSINIT" $how sleep 1000
		wait_for command_of_runs "$pid"
		[[ ! -e /proc/$pid/fd/0 && ! -e /proc/$pid/fd/1 && -e /proc/$pid/fd/2 ]]
		stop_it
	done
}

# command_of_runs PID: whether a sleep runs below PID.
command_of_runs() {
	local p
	for p in $(descendants "$1"); do
		! runs "$p" sleep || return 0
	done
	return 1
}

# --- one TERM for each process ---

# A COMMAND with a child in its group, and another one in a new session. When TERM comes, COMMAND starts a further
# process in its group, and ends. If its argument is "wait", it first waits until the child has received TERM.
family='
	"$PROBES/siglog" -x 12 "$BATS_TEST_TMPDIR/child" &
	setsid "$PROBES/siglog" -x 15 "$BATS_TEST_TMPDIR/other" &
	for file in child other; do
		until grep -qs READY "$BATS_TEST_TMPDIR/$file"; do :; done
	done
	on_term() {
		[[ $1 != wait ]] || until grep -q "^15 " "$BATS_TEST_TMPDIR/child"; do :; done
		"$PROBES/siglog" -x 12 "$BATS_TEST_TMPDIR/late" &
		until grep -qs READY "$BATS_TEST_TMPDIR/late"; do :; done
		exit 3
	}
	trap "on_term $1" TERM
	echo >"$BATS_TEST_TMPDIR/up"
	while :; do
		sleep 1000 &
		wait $!
	done'

# terms NAME: print how many TERMs process NAME has received.
terms() {
	grep -c "^15 " "$BATS_TEST_TMPDIR/$1"
}

# one_term_each: check that each process of the family has received one TERM, after a second one would have arrived.
one_term_each() {
	local name
	wait_for said "15 " other
	wait_for said "15 " late
	wait_for said "15 " child
	# Send another signal, and wait for it: an earlier TERM has been received by then.
	for name in child late; do
		find_command siglog "$BATS_TEST_TMPDIR/$name"
		kill -USR2 "$found"
	done
	wait_for said "12 " child
	wait_for said "12 " late
	for name in child other late; do
		echo "$name: $(terms "$name")"
	done
	(($(terms child) == 1 && $(terms other) == 1 && $(terms late) == 1))
}

# stop_family HOW LEVEL ARG...: stop such a family with a grace.
stop_family() {
	local how=$1 level=$2
	shift 2
	rm -f child other late up
	start_at "$level" -t 60 "$@" -- bash -c "$family" family "$how"
	wait_for test -e up
	kill -s "${stop:-TERM}" "$pid"
	one_term_each
	end_of_it
	((status == 3))
}

@test "with -t each process gets one TERM by a stop: in COMMAND's group, outside it, and forked since" {
	need_root
	local level
	for level in alone pid1 two within; do
		stop_family wait "$level"
	done
}

@test "with -t each process gets one TERM if only COMMAND is signalled, or if a HUP requests the stop and is forwarded as TERM" {
	need_root
	local level
	for level in alone pid1 two; do
		stop_family at-once "$level" -c
	done
	stop=HUP stop_family wait alone -r HUP:TERM --stop-signal HUP
	stop=HUP stop_family wait pid1 -r HUP:TERM --stop-signal HUP
}

@test "below a shell, where only COMMAND is signalled, each process also gets one TERM" {
	open_terminal bash --norc --noprofile
	see "$prompt"
	printf '%s' "$family" >family
	local u
	for u in "" -u; do
		[[ -z $u || $EUID == 0 ]] || continue
		rm -f child other late up
		type_line "BATS_TEST_TMPDIR=$BATS_TEST_TMPDIR '$NSINIT' $u -t 60 bash family at-once"
		wait_for test -e up
		find_command bash family
		command=$found
		find_nsinit
		kill -TERM "$outer"
		one_term_each
		see "$prompt"
		last_status 3
	done
}

# --- a COMMAND that is stopped ---

clean_up='trap "echo cleaned >cleaned; exit 5" TERM; echo >up; while :; do sleep 0.1; done'

@test "a stopped COMMAND is continued by a stop signal with -t, and can clean up" {
	need_root
	local level
	for level in alone pid1 two within; do
		rm -f up cleaned
		start_at "$level" -t 30 bash -c "$clean_up" stopped "$BATS_TEST_TMPDIR"
		wait_for test -e up
		find_command bash "$BATS_TEST_TMPDIR"
		kill -STOP "$found"
		wait_for in_state "$found" T
		kill -TERM "$pid"
		wait_for -t 20 test -e cleaned
		end_of_it
		((status == 5))
	done
}

@test "without -t a COMMAND that an operator has stopped stays stopped, and receives the TERM when it is continued" {
	start_nsinit bash -c "$clean_up" stopped "$BATS_TEST_TMPDIR"
	wait_for test -e up
	find_command bash "$BATS_TEST_TMPDIR"
	kill -STOP "$found"
	wait_for in_state "$found" T
	kill -TERM "$pid"
	wait_for handled "$pid"
	in_state "$found" T
	[[ ! -e cleaned ]]
	kill -CONT "$found"
	finish
	((status == 5))
	[[ -e cleaned ]]
}

# --- socket activation ---

@test "if LISTEN_PID names nsinit, COMMAND finds its own PID there, and no LISTEN_PIDFDID of another process" {
	need_root
	local how script='
		[ "$LISTEN_PID" = $$ ] || exit 10
		[ "$SYSTEMD_EXEC_PID" = $$ ] || exit 11
		[ "$LISTEN_FDS" = 1 ] || exit 12
		[ -z "${LISTEN_PIDFDID-}" ] || [ "$LISTEN_PIDFDID" = "$(stat -Lc %i /proc/self/fd/9 9</dev/null)" ] || exit 13'
	for how in "" -u --ipc; do
		# shellcheck disable=SC2086 # one word or none
		run -0 "${fresh[@]}" sh -c '
			export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_PIDFDID=12345 SYSTEMD_EXEC_PID=$$
			exec "$@"' activated "$NSINIT" $how sh -c "$script" </dev/null
	done
}

@test "if LISTEN_PID names another process, LISTEN_PIDFDID and SYSTEMD_EXEC_PID are unchanged" {
	LISTEN_PID=1 LISTEN_PIDFDID=12345 SYSTEMD_EXEC_PID=1 run_nsinit \
		sh -c 'echo "$LISTEN_PID $LISTEN_PIDFDID $SYSTEMD_EXEC_PID"'
	[[ $output == "1 12345 1" ]]
}

# --- an interpreter that is missing ---

# lacks_interpreter FILE: check that nsinit's message about FILE names its interpreter.
lacks_interpreter() {
	capture "$NSINIT" "$1"
	echo "$status: $stderr"
	((status == 126 || status == 127))
	((${#stderr_lines[@]} == 1))
	[[ $stderr == "nsinit: "*"$1"* && $stderr == *interpreter* && $stderr != *$'\r'* ]]
}

@test "a script whose interpreter is missing is distinguished from a missing COMMAND: CRLF, a path that does not exist" {
	printf '#!/bin/sh\r\necho hello\r\n' >crlf
	printf '#!/no/such/interpreter -x\necho hello\n' >path
	chmod +x crlf path
	lacks_interpreter ./crlf
	lacks_interpreter ./path
	PATH=$PATH:$PWD lacks_interpreter crlf
	capture "$NSINIT" ./none
	((status == 127))
	[[ $stderr == *"./none: No such file or directory"* && $stderr != *interpreter* ]]
}

@test "a program whose loader is missing is distinguished from a missing COMMAND" {
	local program
	program=$(readlink -f "$(type -P true)")
	cp "$program" program
	sed -i 's#/ld-linux#/no-linux#; s#/ld-musl#/no-musl#; s#/ld64#/no64#' program
	chmod +x program
	! cmp -s program "$program" || missing "needs a true(1) that is linked dynamically: apt-get install coreutils"
	lacks_interpreter ./program
}

# --- seccomp profiles that kill ---

# The system calls of nsinit and a small COMMAND as PID 1 of an ordinary container. The manual has the same table.
profile=(
	execve exit exit_group arch_prctl set_tid_address brk mmap munmap mprotect madvise prctl uname capget
	clone fork vfork wait4 waitid futex getpid getppid gettid getpgid setpgid setsid kill tgkill
	open openat close close_range fcntl stat fstat newfstatat access read write writev pwritev2 readlink readlinkat getdents64 chdir getcwd ioctl
	pipe rt_sigaction rt_sigprocmask rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigreturn signalfd4
	pidfd_open pidfd_send_signal poll ppoll clock_gettime
)

# bats test_tags=seccomp
@test "as a container's PID 1 nsinit makes no call for which the profile of an ordinary program would kill it" {
	need_root
	local arg
	for arg in "" "-t 5" "-c -t 5" "-v" "-w"; do
		rm -f log
		# shellcheck disable=SC2086 # words
		capture "${own_pidns[@]}" "$PROBES/allow" "${profile[@]}" -- "$NSINIT" $arg -- "$PROBES/outlive" -d -s 3 1 log
		echo "$arg: status $status, $stderr"
		((status == 3))
		# Forward a signal, and then stop.
		rm -f log
		# shellcheck disable=SC2086 # words
		spawn "${own_pidns[@]}" "$PROBES/allow" "${profile[@]}" -- "$NSINIT" $arg -- "$PROBES/siglog" -x 15 -s 4 log
		wait_for said READY log
		kill -USR1 "$(children "$pid")"
		wait_for said "10 " log
		kill -TERM "$(children "$pid")"
		finish
		cat "$err"
		((status == 4))
	done
}

# bats test_tags=seccomp
@test "the profile kills: without one of its calls nsinit does not start" {
	need_root
	capture "${own_pidns[@]}" "$PROBES/allow" "${profile[@]/signalfd4/}" -- "$NSINIT" "$PROBES/siglog" -n 0 log
	((status == 159))
}

# --- --linger ---

# lingers LEVEL OPTION...: start an nsinit that stays for $daemon, its only child. The daemon logs signals, and ends by
# USR2. COMMAND has ended with 3.
lingers() {
	rm -f daemon
	start_at "$1" --linger "${@:2}" bash -c '
		(setsid "$PROBES/siglog" -x 12 "$BATS_TEST_TMPDIR/daemon" &)
		until grep -qs READY "$BATS_TEST_TMPDIR/daemon"; do :; done
		exit 3'
	wait_for said READY daemon
	find_command siglog "$BATS_TEST_TMPDIR/daemon"
	daemon=$found
	wait_for only_child_is "$daemon"
}

# only_child_is PID: whether its parent has no other child.
only_child_is() {
	ended "$1" || [[ $(children "$(stat_field "$1" 4)") == "$1" ]]
}

@test "--linger: nsinit stays until the last process has ended, sends nothing, and exits with COMMAND's status" {
	need_root
	local level
	for level in alone pid1 two within; do
		lingers "$level"
		kill -WINCH "$pid"
		wait_for handled "$pid"
		not ended "$pid"
		kill -USR2 "$daemon"
		end_of_it
		cat "$err"
		((status == 3))
		[[ $(logged daemon) == 12 ]]
	done
}

@test "--linger -t: a stop after COMMAND's end sends TERM to what is left, and KILL after the grace" {
	need_root
	local level
	for level in alone pid1 two within; do
		lingers "$level" -t 0.3
		kill -TERM "$pid"
		end_of_it
		cat "$err"
		((status == 3))
		[[ $(logged daemon) == *15* ]]
		wait_for ended "$daemon"
		said 'the grace of 0.3 s is over, sending KILL to: ' "$err"
	done
}

@test "--linger without remaining processes ends together with COMMAND" {
	run_nsinit --linger sh -c 'exit 3'
	((status == 3))
	[[ -z $stderr ]]
}
