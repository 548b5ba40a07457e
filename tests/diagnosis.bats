# Why it ended: the lines that say what was decided, what did not stop, and that memory was short.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load helper
load levels
load terminal

setup() {
	helper_setup
	cd "$BATS_TEST_TMPDIR" || return
}

# --- what did not stop ---

# COMMAND and as many more processes as $0 says that ignore TERM, and a zombie that COMMAND does not reap.
stubborn='"$PROBES/outlive" -i "$0" others; true & exec "$PROBES/siglog" first'

has_zombie() {
	local p
	ended "$waited" && return
	for p in $(descendants "$waited"); do
		! in_state "$p" Z || return 0
	done
	return 1
}

# named N: the first N of the processes that ignore TERM, as nsinit names them.
named() {
	{
		sed -n 's/^READY \(.*\)/\1 (outlive)/p' others
		sed -n 's/^READY \(.*\)/\1 (siglog)/p' first
	} | sort -n | head -n "$1" | paste -sd, | sed 's/,/, /g'
}

@test "the line at the end of the grace names COMMAND and the others, at most eight, and how many more there are" {
	need_root
	local level others more
	while read -r level others more; do
		rm -f others first
		start_at "$level" -t 0.2 -- sh -c "$stubborn" "$others"
		wait_for said READY first
		wait_for has_zombie
		kill -TERM "$pid"
		end_of_it
		((status == 137))
		echo "wanted: $(named 8)${more:+ $more}"
		cat "$err"
		[[ $(<"$err") == "nsinit: the grace of 0.2 s is over, sending KILL to: $(named 8)${more:+ $more}" ]]
	done <<-'END'
		alone 7
		alone 8 and 1 more
		pid1 11 and 4 more
		two 11 and 4 more
		within 0
	END
}

@test "the line at the end of the grace does not name a process that followed TERM" {
	need_root
	local level
	for level in alone two; do
		rm -f others follows
		: >first
		run_at "$level" -t 1 -- sh -c '"$PROBES/outlive" -d -i 2 others; "$PROBES/outlive" -d 1 follows; exit 3'
		echo "$stderr"
		((status == 3))
		grep -q '^TERM ' follows
		[[ $stderr == "nsinit: the grace of 1 s is over, sending KILL to: $(named 8)" ]]
	done
}

@test "control characters and broken bytes in the name of a process are replaced" {
	need_root
	local level
	# C0, DEL, C1 as UTF-8 and as a single byte, and parentheses, which /proc/PID/stat puts around the name.
	local level name=$'\e[1m\n) Z\177\302\233\233e\303\251'
	cp "$PROBES/siglog" "$name"
	for level in alone two; do
		start_at "$level" -t 0.2 -- "./$name" "$level"
		wait_for said READY "$level"
		kill -TERM "$pid"
		end_of_it
		cat -v "$err"
		((status == 137))
		[[ $(<"$err") == "nsinit: the grace of 0.2 s is over, sending KILL to: $(sed -n 's/^READY //p' "$level") (?[1m?) Z????eé)" ]]
	done
}

# --- what was decided ---

# decided ROLE WORD...: the line about ROLE in the log is this one, and nothing of that role comes before it.
decided() {
	local line="nsinit: $1; orphans reaped by: $2; terminal: $3; stop signals: $4; grace: $5; as $6"
	echo "wanted: $line"
	echo "$log"
	[[ $(grep -c '; orphans reaped by: ' <<<"$log") == "${roles:-1}" ]]
	grep -qFxe "$line" <<<"$log"
	[[ $(head -n 1 <<<"$log") == *'; orphans reaped by: '* ]]
}

@test "-v begins with what was decided: alone, as PID 1, and as the outer and the inner process" {
	need_root
	local log roles
	run_at alone -v true
	log=$stderr roles=1
	decided 'alone, subreaper' nsinit none TERM none nsinit
	run_at alone -v -t 1.5 --stop-signal QUIT --stop-signal RTMIN+3 true
	log=$stderr
	decided 'alone, subreaper' nsinit none 'QUIT RTMIN+3' '1.5 s' nsinit
	run_at alone -v -t infinity true
	log=$stderr
	decided 'alone, subreaper' nsinit none TERM infinity nsinit
	run_at pid1 -vw true
	log=$stderr
	decided 'alone, PID 1' 'nsinit, since each is logged' none TERM none nsinit
	run_at two -v -t 10 true
	log=$stderr roles=2
	decided 'the outer process, subreaper' nsinit none TERM '10 s' nsinit
	decided 'the inner process, PID 1' nsinit none TERM '10 s' nsinit
	run_at alone -v --ipc true
	log=$stderr
	decided 'the inner process, subreaper' nsinit none TERM none nsinit
	run_at within -v true
	log=$stderr
	decided 'the outer process, PID 1' nsinit none TERM none nsinit
	decided 'the inner process, PID 1' nsinit none TERM none nsinit
}

@test "without -v nothing says what was decided" {
	run_at alone -w -t 1 true
	[[ -z $stderr ]]
}

@test "-v names the program whose place nsinit takes, and the stop signals of --pause" {
	local log roles=1 name
	for name in tini docker-init catatonit dumb-init; do
		ln -s "$NSINIT" "$name"
		capture "./$name" --verbose true
		log=$stderr
		decided 'alone, subreaper' nsinit none TERM none "$name"
	done
	start_nsinit -v -P
	kill -TERM "$pid"
	finish
	log=$(<"$err")
	decided 'alone, subreaper' nsinit none 'INT TERM' none nsinit
}

# bats test_tags=seccomp
@test "-v says whether the kernel reaps orphans for PID 1, and why it does not" {
	need_root
	local log roles=1 who='nsinit, since the kernel (before Linux 6.15) or a filter requires it'
	capture "${own_pidns[@]}" "$PROBES/refuse" pidfd_open:ENOSYS 'clone/0&0x1000:EINVAL' ioctl:ENOTTY -- "$NSINIT" -v true
	log=$stderr
	decided 'alone, PID 1' "$who" none TERM none nsinit
	printf '%s\n' 6.15 "$(uname -r)" | sort -CV || missing "needs Linux 6.15"
	run_at pid1 -v true
	log=$stderr
	decided 'alone, PID 1' 'the kernel' none TERM none nsinit
}

@test "-v says which role the terminal has" {
	local words terminal_is
	while IFS='|' read -r words terminal_is; do
		open_terminal bash --norc --noprofile
		see "$prompt"
		type_line "$words"
		see "terminal: $terminal_is;"
		close_terminal
	done <<-'END'
		"$NSINIT" -v true|shared with the shell above
		"$NSINIT" -vg true|shared, COMMAND has a group of its own
		exec "$NSINIT" -v true|handed to COMMAND
	END
}

# --- a lack of memory ---

# in_group LINE DIR ARG...: run nsinit with ARG where /proc/PID/cgroup has LINE, and /sys/fs/cgroup the files of DIR: an
# imitation of each version of control groups, with each count.
in_group() {
	echo "$1" >cgroup
	capture unshare --mount bash -c '
		mount --bind "$0" /sys/fs/cgroup
		mount --bind cgroup /proc/$$/cgroup
		exec "$NSINIT" "$@"' "$PWD/$2" "${@:3}"
	echo "$stderr"
}

# group DIR VERSION COUNT LIMIT: the files of a control group.
group() {
	rm -rf files
	mkdir -p "files/$1"
	case $2 in
	1)
		printf 'oom_kill_disable 0\nunder_oom 0\noom_kill %s\n' "$3" >"files/$1/memory.oom_control"
		echo "$4" >"files/$1/memory.limit_in_bytes"
		;;
	2)
		printf 'low 0\nhigh 0\nmax 31\noom 4\noom_kill %s\noom_group_kill 0\n' "$3" >"files/$1/memory.events"
		echo "$4" >"files/$1/memory.max"
		;;
	esac
}

killed='kill -KILL $$'

# says FILE LIMIT KILLS: the one line of the last run.
says() {
	((status == 137))
	[[ $stderr == "nsinit: COMMAND was killed, probably for lack of memory ($1 of its control group is $2, kills so far: $3): raise the limit, or use less memory" ]]
}

silent() {
	((status == ${1:-137}))
	[[ -z $stderr ]]
}

@test "a COMMAND that was killed where the control group counts kills: a line names the limit, in each version" {
	need_root
	need_mounted_root
	group one/two 2 2 16777216
	in_group 0::/one/two files -- sh -c "$killed"
	says memory.max 16777216 2
	in_group 0::/one/two files -t 5 -- sh -c "$killed"
	says memory.max 16777216 2
	# A container sees its own group as the root.
	group . 2 1 max
	in_group 0::/ files -- sh -c "$killed"
	says memory.max max 1
	in_group 0::/../elsewhere files -- sh -c "$killed"
	says memory.max max 1
	group memory/one 1 3 25165824
	in_group $'12:pids:/three\n4:cpu,memory:/one\n0::/two' files -- sh -c "$killed"
	says memory.limit_in_bytes 25165824 3
	group memory 1 1 25165824
	in_group $'5:memory:/docker/0123\n2:cpuset:/' files -- sh -c "$killed"
	says memory.limit_in_bytes 25165824 1
}

@test "nothing says a lack of memory where the count is 0 or cannot be read, or where no KILL from elsewhere ended COMMAND" {
	need_root
	need_mounted_root
	local version
	for version in 1 2; do
		local line=0::/one dir=one events=memory.events max=memory.max
		if ((version == 1)); then
			line=4:memory:/one dir=memory/one events=memory.oom_control max=memory.limit_in_bytes
		fi
		group "$dir" "$version" 0 16777216
		in_group "$line" files -- sh -c "$killed"
		silent
		group "$dir" "$version" 1 16777216
		# COMMAND's own status, another signal, and a KILL of nsinit's own.
		in_group "$line" files -- sh -c 'exit 137'
		silent
		in_group "$line" files -- sh -c 'kill -TERM $$'
		silent 143
		in_group "$line" files -t 0 -- sh -c 'trap "" TERM; kill -TERM $PPID; while :; do sleep 1; done'
		((status == 137))
		[[ $stderr == "nsinit: the grace of "* && ${#stderr_lines[@]} == 1 ]]
		in_group 7:pids:/one files -- sh -c "$killed"
		silent
		rm "files/$dir/$max"
		in_group "$line" files -- sh -c "$killed"
		silent
		# Before Linux 4.13 the kernel does not count.
		group "$dir" "$version" 1 16777216
		sed -i '/^oom_kill /d' "files/$dir/$events"
		in_group "$line" files -- sh -c "$killed"
		silent
		rm "files/$dir/$events"
		in_group "$line" files -- sh -c "$killed"
		silent
		mkdir "files/$dir/$events"
		in_group "$line" files -- sh -c "$killed"
		silent
	done
	: >cgroup
	in_group '' files -- sh -c "$killed"
	silent
}

@test "files of control groups are read after COMMAND was killed, and in no other case" {
	need_root
	need strace strace
	local how
	for how in "" -u; do
		# shellcheck disable=SC2086 # one word or none
		capture strace -f -q -e trace=open,openat,execve -o trace "$NSINIT" $how -v -t 5 -- sh -c "$killed"
		((status == 137))
		grep cgroup trace
		# The last line before the first file is the end of COMMAND, or comes after it.
		run -0 sed '/cgroup/,$d' trace
		[[ $output == *'+++ killed by SIGKILL +++'* ]]
		# shellcheck disable=SC2086 # one word or none
		capture strace -f -q -e trace=open,openat,execve -o trace "$NSINIT" $how -v -t 5 -- sh -c 'kill -TERM $$'
		((status == 143))
		run -1 grep cgroup trace
	done
}
