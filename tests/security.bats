#!/usr/bin/env bats
# The promises of SECURITY.md.
# shellcheck disable=SC2016,SC2030,SC2031

load helper

# --- raised privileges ---

# Make a copy that other users can run, on a file system without nosuid.
public_copy() {
	need_root
	need setpriv util-linux
	dir=$(mktemp -d /var/tmp/nsinit.XXXXXX)
	chmod 755 "$dir"
	cp "$NSINIT" "$dir/nsinit"
	user=(setpriv --reuid 64321 --regid 64321 --clear-groups)
}

teardown() {
	[[ -z ${dir:-} ]] || rm -rf "$dir"
	helper_teardown
}

# bats test_tags=static
@test "an nsinit that is setuid, setgid or has file capabilities refuses to run: 125" {
	public_copy
	need setcap libcap2-bin
	cd /
	for how in "chmod 4755" "chmod 2755" "setcap cap_sys_admin+ep"; do
		$how "$dir/nsinit"
		for arg in "-u true" "--version" "--pid-file=$dir/pid true" "true"; do
			# shellcheck disable=SC2086 # words
			run --separate-stderr "${user[@]}" "$dir/nsinit" $arg
			[ "$status" -eq 125 ]
			[ -z "$output" ]
			[[ $stderr == "nsinit: nsinit: must not be installed setuid, setgid or with capabilities"* ]]
		done
		chmod 755 "$dir/nsinit"
		setcap -r "$dir/nsinit" 2>/dev/null || :
	done
	# The copy itself works. It also works if the kernel reports AT_SECURE although nothing is raised, as with a
	# security module. Here file capabilities that grant nothing cause that.
	run "${user[@]}" "$dir/nsinit" true
	[ "$status" -eq 0 ]
	setcap cap_sys_admin+ei "$dir/nsinit"
	run -0 "${user[@]}" "$dir/nsinit" true
	run -125 "${user[@]}" --inh-caps=+sys_admin "$dir/nsinit" true
}

@test "an empty argv is a usage error, not a crash" {
	run --separate-stderr "$PROBES/oddparent" -a -- "$NSINIT"
	[ "$status" -eq 125 ]
	[[ $stderr == "nsinit: COMMAND is missing"* ]]
}

@test "a word with control characters can neither control the terminal that shows the message nor fake another line" {
	run_nsinit $'--\e[2J\nnsinit: all is well\x7f'
	[ "$status" -eq 125 ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr != *[$'\e\x7f']* ]]
}

# --- attacks from inside on the outer nsinit ---

@test "from inside, the outer nsinit has no PID: no signal, no ptrace, no /proc/PID/mem, no pidfd" {
	need_root
	need gdb gdb
	# Inside, the PIDs up to COMMAND's own belong to the inner nsinit and COMMAND, and higher ones to COMMAND's
	# children. So the outer nsinit has no PID there, whatever its PID outside is.
	spawn "$NSINIT" -u bash -c '
		outer=$1
		kill -0 "$outer" && exit 1
		[[ ! -e /proc/$outer ]] || exit 2
		gdb -nx -batch -p "$outer" 2>&1 | grep -q "No such process" || exit 3
		[[ $(awk "/^NSpid/ { print NF }" /proc/1/status) == 2 ]] || exit 4
		kill -KILL -1
		exit 7' inside 30000
	finish
	cat "$err"
	[ "$status" -eq 7 ]
}

@test "the inner nsinit, which can be traced from inside, shares nothing with the outer one except a socket" {
	need_root
	# This check runs once, without waiting. tests/isolation.bats checks earlier, and checks each descriptor.
	spawn "$NSINIT" -u --ipc --pid-file "$BATS_TEST_TMPDIR/pid" bash -c '
		sockets=0
		for f in /proc/1/fd/*; do
			case $(readlink "$f") in
			"anon_inode:[signalfd]" | "anon_inode:[pidfd]" | pidfd:*) ;;
			socket:*) ((++sockets == 1)) || exit 1 ;;
			*) [[ ${f##*/} == [012] && $f -ef /proc/self/fd/${f##*/} ]] || exit 2 ;;
			esac
		done
		for n in 0 1 2; do
			[[ /proc/1/fd/$n -ef /proc/self/fd/$n ]] || exit 4
		done
		# In a chroot a name from outside may be different.
		[[ $(readlink /proc/1/cwd) == "$(readlink /proc/1/root)" ]] || exit 3
		exit 7'
	finish
	cat "$out" "$err"
	[ "$status" -eq 7 ]
}

@test "data written to that socket from inside does not harm the outer nsinit" {
	need_root
	need python3 python3
	# Root inside copies the inner nsinit's end of the socket (pidfd_getfd(2)), and writes arbitrary data.
	spawn "$NSINIT" -u --pid-file "$BATS_TEST_TMPDIR/pid" bash -c '
		for f in /proc/1/fd/*; do
			[[ $(readlink "$f") != socket:* ]] || socket=${f##*/}
		done
		python3 - "$socket" <<-EOF || exit 98
			import ctypes, socket, struct, sys
			libc = ctypes.CDLL(None)
			fd = libc.syscall(438, libc.syscall(434, 1, 0), int(sys.argv[1]), 0)
			s = socket.socket(fileno=fd)
			for junk in (b"", b"x", bytes([255] * 8), bytes(4096), bytes([1, 0, 0, 0, 19, 0, 0, 0]), bytes([9, 0, 0, 0, 9, 0, 0, 0]),
			             bytes([0, 9, 0, 0, 19, 0, 0, 0]), bytes([127, 19, 0, 0]), bytes(3)):
			    s.send(junk)
			# Send every kind of note except a status, and the request to signal remaining processes, which
			# the outer process accepts.
			for kind in (0, 1, 2, 3, 4, 7, 8, 9, 10, 2**31, 2**32 - 1):
			    for value in (0, 1, 19 << 8 | 127, 2**63, 2**64 - 1):
			        s.send(struct.pack("IIQ", kind, 0, value))
		EOF
		exit 7'
	finish
	cat "$err"
	[ "$status" -eq 7 ]
	[ ! -e "$BATS_TEST_TMPDIR/pid" ]
}

@test "COMMAND cannot make its namespace outlive nsinit by killing or stopping the inner process" {
	need_root
	# PID 1 does not receive signals from its own namespace that it does not handle, including KILL and STOP.
	spawn "$NSINIT" -u bash -c 'kill -KILL 1; kill -STOP 1; kill -0 1 && exit 7'
	finish
	[ "$status" -eq 7 ]
}

# --- files ---

@test "--pid-file does not follow symbolic links, and neither truncates nor removes other files" {
	cd "$BATS_TEST_TMPDIR"
	echo precious >target
	ln -s target link
	run_nsinit --pid-file link true
	[ "$status" -eq 125 ]
	[ "$(<target)" = precious ]
	[ -L link ]
	ln -s new dangling
	run_nsinit --pid-file dangling true
	[ "$status" -eq 125 ]
	[ ! -e new ]
	# A file of another process that has replaced it meanwhile remains.
	run_nsinit --pid-file mine sh -c 'rm mine; echo precious >mine'
	[ "$status" -eq 0 ]
	[ "$(<mine)" = precious ]
	# A hard link that was made meanwhile gets only the PID.
	run_nsinit --pid-file target sh -c 'true'
	[ "$status" -eq 0 ]
	[ ! -e target ]
}

@test "--mount-proc=DIR mounts nothing outside if DIR is a link that is changed meanwhile" {
	need_root
	mkdir "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
	ln -s a "$BATS_TEST_TMPDIR/link"
	run_nsinit --pid --mount-proc="$BATS_TEST_TMPDIR/link" sh -c '
		rm "$BATS_TEST_TMPDIR/link"; ln -s b "$BATS_TEST_TMPDIR/link"; test -e "$BATS_TEST_TMPDIR/a/self"'
	[ "$status" -eq 0 ]
	[ -z "$(ls -A "$BATS_TEST_TMPDIR/a")" ]
	[ -z "$(ls -A "$BATS_TEST_TMPDIR/b")" ]
}

@test "COMMAND inherits none of nsinit's descriptors" {
	# Compare by number and inode, because names may differ between mount namespaces.
	run --separate-stderr "${fresh[@]}" stat -Lc '%n %d:%i' /proc/self/fd/{3..255} </dev/null 3>&-
	want=$output
	for args in "" -u; do
		[[ -z $args || $EUID == 0 ]] || continue
		# shellcheck disable=SC2086
		run_nsinit $args --pid-file "$BATS_TEST_TMPDIR/pid" stat -Lc '%n %d:%i' /proc/self/fd/{3..255}
		[ "$output" = "$want" ]
	done
}

# --- the binary ---

# bats test_tags=static
@test "the binary has no executable stack, no memory that is both writable and executable, and no interpreter" {
	need readelf binutils
	run readelf -lW "$NSINIT"
	[[ $output == *GNU_STACK*RW\ * ]]
	[[ $output != *RWE* ]]
	[[ $output != *INTERP* ]]
}

@test "nsinit does not drop privileges that COMMAND may need: no_new_privs and capabilities are unchanged" {
	run_nsinit sed -n 's/^\(NoNewPrivs\|Cap[EPB][a-z]*\):\s*//p' /proc/self/status
	[ "$output" = "$(sed -n 's/^\(NoNewPrivs\|Cap[EPB][a-z]*\):\s*//p' /proc/self/status)" ]
}
