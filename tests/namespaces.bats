#!/usr/bin/env bats
# New namespaces: each kind and option, what is visible outside, what is refused, and that everything is removed.

# shellcheck disable=SC2016,SC2164 # scripts are for inner shells; bats stops where a cd fails
load helper
load namespaces

setup() {
	need_root
	helper_setup
	cd "$BATS_TEST_TMPDIR"
}

# --- kinds ---

# one_kind KIND LINKS: with --KIND, COMMAND differs from the caller in LINKS only, and the outer process in nothing.
one_kind() {
	start_levels --"$1"
	[[ $(other_namespaces "$pid") == "" ]]
	[[ $(other_namespaces "$command") == "$2" ]]
	[[ $(other_namespaces "$inner") == "$2" ]]
	stop_it
	((status == 143))
}

# with_pid KIND LINKS: the same together with --pid. COMMAND is PID 2 there, and the inner process is PID 1.
with_pid() {
	start_levels --pid --"$1"
	[[ $(other_namespaces "$pid") == "" ]]
	[[ $(other_namespaces "$command") == "$2" ]]
	[[ $(field "$inner" NSpid) == "$inner 1" && $(field "$command" NSpid) == "$command 2" ]]
	stop_it
	((status == 143))
}

@test "--mount creates a mount namespace and no other" {
	one_kind mount "mnt"
}

@test "--uts creates a UTS namespace and no other" {
	one_kind uts "uts"
}

@test "--ipc creates an IPC namespace and no other" {
	one_kind ipc "ipc"
}

@test "--net creates a network namespace and no other" {
	one_kind net "net"
}

@test "--user creates a user namespace and no other" {
	need_user_namespaces
	one_kind user "user"
}

@test "--cgroup creates a cgroup namespace and no other" {
	one_kind cgroup "cgroup"
}

@test "--time creates a time namespace and no other, with its offsets from the first process on" {
	need_file /proc/self/ns/time "'linux-image-.*'"
	one_kind time "time time_for_children"
	run_nsinit --boottime 100000000 --pid cut -d. -f1 /proc/uptime
	((status == 0 && output >= 100000000))
	# The inner process is in it as well.
	run_nsinit -u --boottime 100000000 sh -c '[ "$(readlink /proc/1/ns/time)" = "$(readlink /proc/self/ns/time)" ]'
	((status == 0))
}

@test "--pid creates a PID namespace and no other" {
	one_kind pid "pid pid_for_children"
}

@test "--pid --mount creates both kinds" {
	with_pid mount "mnt pid pid_for_children"
}

@test "--pid --uts creates both kinds" {
	with_pid uts "pid pid_for_children uts"
}

@test "--pid --ipc creates both kinds" {
	with_pid ipc "ipc pid pid_for_children"
}

@test "--pid --net creates both kinds" {
	with_pid net "net pid pid_for_children"
}

@test "--pid --user creates both kinds" {
	need_user_namespaces
	with_pid user "pid pid_for_children user"
}

@test "--pid --cgroup creates both kinds" {
	with_pid cgroup "cgroup pid pid_for_children"
}

@test "all kinds can be created together" {
	need_user_namespaces
	start_levels --pid --mount --uts --ipc --net --user --cgroup
	[[ $(other_namespaces "$pid") == "" ]]
	[[ $(other_namespaces "$command") == "cgroup ipc mnt net pid pid_for_children user uts" ]]
	stop_it
	((status == 143))
}

@test "-u is --pid --mount --mount-proc" {
	start_levels -u
	[[ $(other_namespaces "$command") == "mnt pid pid_for_children" ]]
	stop_it
	run_nsinit -u sh -c 'echo $$ /proc/[0-9]*'
	((status == 0))
	[[ $output == "2 /proc/1 /proc/2" ]]
}

@test "unshare's options are accepted: --pid --mount-proc --fork --kill-child" {
	run_nsinit --pid --mount-proc --fork --kill-child sh -c 'readlink /proc/self; echo $PPID'
	((status == 0))
	[[ ${lines[0]} == 3 && ${lines[1]} == 1 && -z $stderr ]]
}

@test "with any new namespace there are three processes, and none remains" {
	start_levels --uts
	[[ $(field "$inner" PPid) == "$pid" && $(field "$command" PPid) == "$inner" ]]
	[[ $(descendants "$pid" | wc -l) == 2 ]]
	stop_it
	gone "$inner"
	gone "$command"
}

@test "without a new namespace there are two processes" {
	start_nsinit sleep 1000
	wait_for has_children 1 "$pid"
	[[ $(descendants "$pid" | wc -l) == 1 ]]
	stop_it
}

@test "COMMAND inherits directory, files and mask in new namespaces too, and its status is returned" {
	exec 7</dev/null
	run "${fresh[@]}" "$NSINIT" --uts --mount --pid --ipc "$PROBES/state" </dev/null 3>&-
	((status == 0))
	inside=$(grep -vE '^(pid|ppid|pgid|sid|session)' <<<"$output")
	run "${fresh[@]}" "$PROBES/state" </dev/null 3>&-
	diff <(echo "$inside") <(grep -vE '^(pid|ppid|pgid|sid|session)' <<<"$output")
	run_nsinit --uts --mount --pid pwd
	[[ $output == "$BATS_TEST_TMPDIR" ]]
	run_nsinit -u sh -c 'exit 41'
	((status == 41))
}

# --- user ---

@test "--user alone maps no ids" {
	need_user_namespaces
	run_nsinit --user sh -c 'id -u; cat /proc/self/uid_map'
	((status == 0))
	[[ $output == 65534 ]]
}

@test "--map-root-user makes uid 65534 root in its own user namespace" {
	need_user_namespaces
	for_nobody
	run_as_nobody --map-root-user sh -c 'id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups'
	((status == 0))
	[[ -z $stderr && ${lines[0]} == 0 && ${lines[1]} == 0 ]]
	[[ ${lines[2]} =~ ^\ *0\ +65534\ +1$ && ${lines[3]} =~ ^\ *0\ +65534\ +1$ && ${lines[4]} == deny ]]
}

@test "--map-root-user maps ids of 2^31 and above" {
	need_user_namespaces
	for_nobody
	run setpriv --reuid 4000000000 --regid 3000000000 --clear-groups --inh-caps=-all \
		"$copy" --map-root-user cat /proc/self/uid_map /proc/self/gid_map
	[[ $status == 0 && ${lines[0]} =~ ^\ *0\ +4000000000\ +1$ && ${lines[1]} =~ ^\ *0\ +3000000000\ +1$ ]]
}

@test "COMMAND does not run before the ids are mapped" {
	need_user_namespaces
	need strace strace
	# Only the outer process is slow here, because it is traced and the processes that it starts are not.
	run strace -qq -o /dev/null -e trace=open,openat -e inject=open,openat:delay_enter=300000 \
		"$NSINIT" --map-root-user id -u
	((status == 0))
	[[ $output == 0 ]]
}

@test "--map-root-user maps root to root" {
	need_user_namespaces
	run_nsinit --map-root-user sh -c 'id -u; cat /proc/self/uid_map'
	((status == 0))
	[[ -z $stderr && ${lines[0]} == 0 && ${lines[1]} =~ ^\ *0\ +0\ +1$ ]]
}

@test "--map-current-user: root and uid 65534 keep their ids in a user namespace of their own" {
	need_user_namespaces
	local script='id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map; readlink /proc/self/ns/user; cat /proc/self/setgroups'
	run_nsinit --map-current-user sh -c "$script"
	((status == 0))
	[[ -z $stderr && ${lines[0]} == 0 && ${lines[1]} == 0 && ${lines[2]} =~ ^\ *0\ +0\ +1$ && ${lines[3]} =~ ^\ *0\ +0\ +1$ ]]
	[[ ${lines[4]} != "$(readlink /proc/self/ns/user)" && ${lines[5]} == deny ]]
	for_nobody
	run_as_nobody --map-current-user -u sh -c "$script"
	((status == 0))
	echo "$output $stderr"
	[[ -z $stderr && ${lines[0]} == 65534 && ${lines[1]} == 65534 ]]
	[[ ${lines[2]} =~ ^\ *65534\ +65534\ +1$ && ${lines[3]} =~ ^\ *65534\ +65534\ +1$ && ${lines[5]} == deny ]]
}

@test "uid 65534 can create every kind of namespace with --map-root-user" {
	need_user_namespaces
	for_nobody
	run_as_nobody --map-root-user -u --uts --ipc --net --cgroup --hostname box \
		sh -c 'cat /proc/sys/kernel/hostname; echo $$ /proc/[0-9]*'
	((status == 0))
	[[ -z $stderr && ${lines[0]} == box && ${lines[1]} == "2 /proc/1 /proc/2" ]]
}

@test "--map-root-user by uid 65534 forwards signals and returns the status" {
	need_user_namespaces
	for_nobody
	run_as_nobody --map-root-user -u sh -c 'exit 7'
	((status == 7))
	cp "$PROBES/siglog" "$place/"
	spawn "${nobody[@]}" "$place/nsinit" --map-root-user -u "$place/siglog" -x 15 -s 3 "$place/signals"
	wait_for said READY "$place/signals"
	kill -USR1 "$pid"
	wait_for said "10 0 " "$place/signals"
	kill -TERM "$pid"
	finish
	((status == 3))
}

# --- net ---

@test "--net brings the loopback interface up" {
	need busybox busybox-static
	run_nsinit --net sh -c 'busybox ip addr show lo; busybox ping -c 1 -W 30 127.0.0.1'
	((status == 0))
	[[ $output == *LOOPBACK,UP* && $output == *"1 packets received"* ]]
}

@test "--net brings the loopback interface up for uid 65534" {
	need_user_namespaces
	need busybox busybox-static
	for_nobody
	run_as_nobody --net --map-root-user busybox ip addr show lo
	((status == 0))
	[[ -z $stderr && $output == *LOOPBACK,UP* ]]
}

# --- hostname ---

@test "--hostname sets the name inside, and does not change the caller's" {
	local before
	before=$(</proc/sys/kernel/hostname)
	run_nsinit --hostname inside cat /proc/sys/kernel/hostname
	((status == 0))
	[[ $output == inside && $(</proc/sys/kernel/hostname) == "$before" ]]
}

@test "--hostname accepts 64 letters, and refuses 65" {
	local name
	printf -v name %064d 0
	run_nsinit --hostname "$name" cat /proc/sys/kernel/hostname
	((status == 0))
	[[ $output == "$name" ]]
	fails 125 "--hostname: invalid name '${name}0' (1 to 64 bytes)" "$NSINIT" --hostname "${name}0" true
}

# --- wd ---

@test "--wd sets COMMAND's directory, and is refused if that does not exist" {
	mkdir there
	run_nsinit --wd there pwd
	[[ $output == "$BATS_TEST_TMPDIR/there" ]]
	run_nsinit -u --wd there pwd
	[[ $output == "$BATS_TEST_TMPDIR/there" ]]
	fails 125 "cannot change to directory nowhere: No such file or directory" "$NSINIT" --wd nowhere true
	fails 125 "cannot change to directory nowhere: No such file or directory" "$NSINIT" -u --wd nowhere true
}

# --- mount-proc ---

@test "the new procfs is nosuid, nodev and noexec, and shows the new namespace only" {
	run_nsinit -u sh -c 'grep " /proc " /proc/self/mountinfo | tail -n 1'
	[[ $output == *nosuid,nodev,noexec*" - proc proc "* ]]
	run_nsinit -u sh -c 'cat /proc/1/comm /proc/2/comm; echo /proc/[0-9]*'
	[[ ${lines[*]} == "nsinit sh /proc/1 /proc/2" ]]
}

@test "--mount-proc with any namespace implies --mount, and does not change the caller's /proc" {
	in_mounts '
		before=$(mountinfo)
		[[ $("$NSINIT" --uts --mount-proc readlink /proc/self/ns/mnt) != "$(readlink /proc/self/ns/mnt)" ]]
		[[ $("$NSINIT" --pid --mount-proc readlink /proc/self) == 2 ]]
		[[ -e /proc/$$/status && $(mountinfo) == "$before" ]]'
}

@test "--mount-proc=DIR mounts at DIR, relative or absolute, and not at /proc" {
	mkdir here
	run_nsinit --pid --mount-proc=here sh -c 'echo here/[0-9]*; ls -d /proc/[0-9]*'
	[[ ${lines[0]} == "here/1 here/2" && ${lines[*]:1} == */proc/$$* ]]
	run_nsinit -u --mount-proc="$PWD/here" readlink here/self
	[[ $output == 2 ]]
	run_nsinit --mount-proc=here -u readlink here/self
	[[ $output == 2 ]]
	[[ -z $(ls here) ]]
}

@test "--mount-proc=DIR is refused if DIR does not exist or is a file" {
	: >file
	fails 125 "cannot mount proc at gone: No such file or directory" "$NSINIT" --pid --mount-proc=gone true
	fails 125 "cannot mount proc at file: Not a directory" "$NSINIT" --pid --mount-proc=file true
	fails 125 "--mount-proc: invalid directory ''" "$NSINIT" --pid --mount-proc= true
}

@test "--mount-proc=DIR without a namespace is status 125 if DIR cannot be created" {
	fails 125 "cannot make directory /dev/null/proc: Not a directory" "$NSINIT" --mount-proc=/dev/null/proc touch ran
	[[ ! -e ran ]]
}

@test "the mount of --mount-proc is not visible outside if /proc is shared" {
	in_mounts '
		mount --make-rshared /
		before=$(mountinfo)
		for mode in slave private; do
			start_levels -u --propagation $mode
			[[ $(mountinfo) == "$before" ]]
			mounted /proc
			[[ -e /proc/$$/status ]]
			stop_it
		done
		mount --make-rprivate /'
}

@test "--mount-proc without a namespace leaves a mounted procfs unchanged" {
	in_mounts '
		[[ $("$NSINIT" --mount-proc cat /proc/self/mountinfo | wc -l) == $(wc -l </proc/self/mountinfo) ]]
		[[ $("$NSINIT" --mount-proc readlink /proc/self/ns/mnt) == "$(readlink /proc/self/ns/mnt)" ]]'
}

# bats test_tags=static
@test "--mount-proc without a namespace creates the directory, mounts a procfs if there is none, and removes both" {
	need busybox busybox-static
	make_rootfs rootfs
	rmdir rootfs/proc
	cp "$NSINIT" rootfs/nsinit
	in_mounts '
		[[ $(chroot rootfs /nsinit --mount-proc cat /proc/self/comm) == cat ]]
		[[ ! -e rootfs/proc ]]
		mkdir rootfs/proc
		[[ $(chroot rootfs /nsinit --mount-proc sh -c "grep -c \"^[0-9 :]* / /proc rw,nosuid,nodev,noexec\" /proc/self/mountinfo") == 1 ]]
		[[ -d rootfs/proc && -z $(ls rootfs/proc) ]]
		status=0
		chroot rootfs /nsinit --mount-proc /none 2>/dev/null || status=$?
		((status == 127))
		chroot rootfs /nsinit --mount-proc=/a/b/c cat /a/b/c/self/comm
		[[ ! -e rootfs/a ]]'
}

# bats test_tags=static
@test "a relative name is refused if the working directory is not below the root" {
	need busybox busybox-static
	need python3 python3
	make_rootfs rootfs
	cp "$NSINIT" rootfs/nsinit
	mkdir outside
	cd outside
	local row
	for row in '--mount-proc=made:cannot make directory made' '--pid-file=made:--pid-file: cannot create made'; do
		run -125 --separate-stderr python3 -c 'import os, sys; os.chroot("../rootfs"); os.execv("/nsinit", sys.argv)' \
			"${row%%:*}" true
		[[ $stderr == "nsinit: ${row#*:}: No such file or directory" ]]
		[[ -z $(ls -A) ]]
	done
}

# bats test_tags=static
@test "the mount of --mount-proc without a namespace is not visible in other mount namespaces" {
	need busybox busybox-static
	make_rootfs rootfs
	cp "$NSINIT" rootfs/nsinit
	in_mounts '
		mount --bind rootfs rootfs
		mount --make-shared rootfs
		"${fresh[@]}" unshare --mount --propagation unchanged sleep 1000 &
		other=$!
		wait_for runs $other sleep
		spawn chroot rootfs /nsinit --mount-proc sleep 1000
		wait_for test -e rootfs/proc/self
		[[ $(grep -c "rootfs/proc .* - proc " /proc/$other/mountinfo) == 0 ]]
		[[ $(grep -c "rootfs/proc .* - proc " /proc/self/mountinfo) == 1 ]]
		stop_it
		not grep rootfs/proc /proc/$other/mountinfo
		kill $other
		umount rootfs'
}

# bats test_tags=static
@test "--mount-proc=/ is refused, because its removal would unmount the root" {
	in_mounts 'fails 125 "would hide" chroot "$1" /nsinit --mount-proc=/ true' "$(
		mkdir -p r && cp "$NSINIT" r/nsinit && echo r
	)"
}

# --- export-proc ---

@test "--export-proc shows the new procfs to the caller, and removes mount and directories at the end" {
	in_mounts '
		start_levels --pid --export-proc a/b/c
		mounted "$PWD/a/b/c"
		grep -qF "$PWD/a/b/c rw,nosuid,nodev,noexec" /proc/self/mountinfo
		[[ $(cat a/b/c/1/comm) == nsinit && $(cat a/b/c/2/comm) == sleep ]]
		[[ $(cd a/b/c && echo [0-9]*) == "1 2" ]]
		stop_it
		((status == 143))
		[[ ! -e a ]]'
}

@test "--export-proc with -u: the procfs is at /proc inside and at DIR outside" {
	in_mounts '
		start_levels -u --export-proc "$PWD/out"
		[[ $(cat out/2/comm) == sleep && $(readlink /proc/$command/ns/mnt) != "$(readlink /proc/self/ns/mnt)" ]]
		"$PROBES/join" -k pm "$command" readlink /proc/self >self
		[[ $(<self) == 3 ]]
		stop_it
		[[ ! -e out ]]'
}

@test "--export-proc creates missing directories only, and does not remove existing ones" {
	in_mounts '
		mkdir -p old/one
		"$NSINIT" --pid --export-proc old/one true
		[[ -d old/one && -z $(ls old/one) ]]
		"$NSINIT" --pid --export-proc old/two/three true
		[[ -d old && ! -e old/two ]]
		"$NSINIT" --pid --export-proc ./x/../y//z/. true
		[[ ! -e x && ! -e y ]]
		"$NSINIT" --pid --export-proc old/one/ cat old/one/1/comm
		[[ -z $(ls old/one) ]]'
}

@test "--export-proc does not remove files that others have created in its directory" {
	in_mounts '
		start_levels --pid --export-proc a/b
		: >a/note
		stop_it
		[[ -e a/note && ! -e a/b && ! -s $err ]]'
}

@test "--export-proc follows symbolic links, and removes everything it created" {
	in_mounts '
		mkdir real
		ln -s real link
		ln -s "$PWD/real" far
		"$NSINIT" --pid --export-proc link test -e link/1/stat
		"$NSINIT" --pid --export-proc far/sub/sub test -e real/sub/sub/1/stat
		[[ -d real && -z $(ls real) && -L link && -L far ]]
		ln -s nowhere dangling
		fails 125 "cannot make directory dangling: No such file or directory" \
			"$NSINIT" --pid --export-proc dangling true'
}

@test "--export-proc removes its mount also if a link on the way has changed" {
	in_mounts '
		mkdir one two
		ln -s one link
		mount --bind two two
		start_levels --pid --export-proc link
		ln -sfn two link
		stop_it
		mounted "$PWD/two"
		[[ ! -s $err ]]
		umount two'
}

@test "--export-proc also removes what others have mounted on top of it" {
	in_mounts '
		start_levels --pid --export-proc out
		mount -t tmpfs none out
		stop_it
		[[ ! -e out && ! -s $err ]]'
}

@test "--export-proc removes its mount while another process uses it as working directory" {
	in_mounts '
		start_levels --pid --export-proc out
		(cd out && exec sleep 1000) &
		visitor=$!
		wait_for runs $visitor sleep
		stop_it
		[[ ! -e out && ! -s $err ]]
		kill $visitor'
}

@test "--export-proc refuses /proc and / in every spelling" {
	in_mounts '
		ln -s /proc link
		ln -s / slash
		cd /etc
		for dir in /proc /proc/ //proc /./proc /proc/. /proc/../proc ../proc /proc/self/../ "$BATS_TEST_TMPDIR/link" \
			/ // /. /.. .. "$BATS_TEST_TMPDIR/slash" "$BATS_TEST_TMPDIR/slash/proc"; do
			fails 125 "would hide the caller" "$NSINIT" --pid --export-proc "$dir" true
			fails 125 "would hide the caller" "$NSINIT" -u --export-proc "$dir" true
		done
		fails 125 "cannot make directory /proc/new: " "$NSINIT" --pid --export-proc /proc/new true'
}

@test "--export-proc refuses a file, and removes what it had created before a step failed" {
	in_mounts '
		: >file
		fails 125 "cannot make directory file: Not a directory" "$NSINIT" --pid --export-proc file true
		fails 125 "--pid-file: cannot create /nowhere/x: " "$NSINIT" --pid --export-proc a/b --pid-file /nowhere/x true
		fails 125 "cannot make directory file/x: Not a directory" "$NSINIT" --pid --export-proc file/x true
		printf -v long "%0300d" 0
		fails 125 "name too long" "$NSINIT" --pid --export-proc "a/b/$long" true
		[[ ! -e a ]]
		fails 125 "cannot make directory a/a/a/" "$NSINIT" --pid --export-proc "$(printf "a/%.0s" {1..2100})" true
		fails 125 "--export-proc: " "$NSINIT" --pid --export-proc "" true
		[[ ! -e a ]]'
}

@test "--export-proc leaves nothing behind, whatever ends it" {
	in_mounts '
		for sig in TERM INT HUP QUIT USR1 RTMIN; do
			start_levels --pid --export-proc a/b
			kill -$sig "$pid"
			finish
			((status == 128 + $(kill -l $sig)))
			[[ ! -e a ]]
		done
		"${fresh[@]}" "$NSINIT" --pid --export-proc a/b sh -c "exit 9" || status=$?
		((status == 9))
		[[ ! -e a ]]
		# The processes inside are killed from outside: the inner process, and COMMAND.
		start_levels --pid --export-proc a/b
		kill -KILL "$inner"
		finish
		((status == 137))
		[[ ! -e a ]]
		start_levels --pid --export-proc a/b
		kill -KILL "$command"
		finish
		((status == 137))
		[[ ! -e a ]]'
}

@test "--export-proc leaves nothing behind if COMMAND cannot be executed or a step fails" {
	in_mounts '
		: >plain
		fails 127 "/none: No such file" "$NSINIT" --pid --export-proc a/b /none
		fails 126 "./plain: Permission denied" "$NSINIT" --pid --export-proc a/b ./plain
		fails 125 "cannot mount proc at none" "$NSINIT" -u --mount-proc=none --export-proc a/b true
		fails 125 "cannot enter the root none" "$NSINIT" -u --root none --export-proc a/b true
		fails 125 "--hostname: invalid name" "$NSINIT" -u --hostname "$(printf %065d 0)" --export-proc a/b true
		fails 125 "cannot change to directory none" "$NSINIT" -u --wd none --export-proc a/b true
		fails 125 "--pid-file: cannot create /none/p" "$NSINIT" -u --pid-file /none/p --export-proc a/b true
		[[ ! -e a ]]'
}

@test "the mount of --export-proc is not visible in other namespaces if the parent mount is shared" {
	in_mounts '
		mkdir top
		mount -t tmpfs none top
		mount --make-shared top
		"${fresh[@]}" unshare --mount --propagation unchanged sleep 1000 &
		other=$!
		wait_for runs $other sleep
		before=$(mountinfo)
		start_levels -u --export-proc top/a/b
		[[ $(cat top/a/b/2/comm) == sleep ]]
		not grep "top/a/b .* - proc " /proc/$other/mountinfo
		stop_it
		[[ ! -e top/a ]]
		not grep "top/a" /proc/$other/mountinfo
		kill $other
		umount top'
}

@test "--export-proc needs --pid, and is refused with a user namespace" {
	fails 125 "--export-proc: needs --pid" "$NSINIT" --export-proc x true
	fails 125 "--export-proc: needs --pid" "$NSINIT" --uts --export-proc x true
	fails 125 "--export-proc: a new user namespace" "$NSINIT" -u --map-root-user --export-proc x true
	[[ ! -e x ]]
}

@test "--export-proc by an unprivileged caller logs why it fails, and leaves nothing behind" {
	for_nobody
	cd "$place"
	run_as_nobody --pid --export-proc a/b true
	((status == 125))
	[[ $stderr == "nsinit: cannot make a private mount point of $place/a/b: Operation not permitted (not privileged"* ]]
	[[ ! -e a && ${#stderr_lines[@]} == 1 ]]
}

# --- propagation ---

@test "mounts made inside are not visible outside with slave and private, also on shared mount points" {
	in_mounts '
		mkdir point
		mount -t tmpfs none point
		mount --make-shared point
		for mode in "" "--propagation slave" "--propagation private" --propagation=private; do
			# shellcheck disable=SC2086
			"$NSINIT" --mount $mode sh -c "mount -t tmpfs none point && : >point/inside && test -e point/inside"
			[[ ! -e point/inside ]]
		done
		[[ $(grep -c "$PWD/point" /proc/self/mountinfo) == 1 ]]
		umount point'
}

@test "the caller's later mounts are visible inside with --propagation slave, and not with private" {
	in_mounts '
		mkdir point
		mount -t tmpfs none point
		mount --make-shared point
		mkdir point/late
		start_levels --mount
		mount -t tmpfs none point/late
		grep -q "$PWD/point/late" /proc/$command/mountinfo
		umount point/late
		stop_it
		start_levels --mount --propagation private
		mount -t tmpfs none point/late
		not grep "$PWD/point/late" /proc/$command/mountinfo
		umount point/late
		stop_it
		umount point'
}

@test "with --propagation shared mounts are visible in both directions, and with unchanged as each mount says" {
	in_mounts '
		mkdir shared private
		for dir in shared private; do
			mount -t tmpfs none $dir
			mount --make-$dir $dir
			mkdir $dir/inside $dir/late
		done
		# visible DIR WHERE: whether DIR/late, mounted now, is seen by COMMAND.
		visible() {
			mount -t tmpfs none "$1/late"
			found=0
			grep -q "$PWD/$1/late" /proc/$command/mountinfo || found=1
			umount "$1/late"
			return "$found"
		}
		mounts_inside() {
			"$NSINIT" --mount --propagation "$1" mount -t tmpfs none "$2/inside"
			found=0
			grep -q "$PWD/$2/inside" /proc/self/mountinfo || found=1
			[ "$found" = 1 ] || umount "$2/inside"
			return "$found"
		}
		start_levels --mount --propagation unchanged
		visible shared
		not visible private
		stop_it
		mounts_inside unchanged shared
		not mounts_inside unchanged private
		mounts_inside shared shared
		# A private mount becomes shared inside, with nobody outside.
		not mounts_inside shared private
		"$NSINIT" --mount --propagation shared grep "$PWD/private" /proc/self/mountinfo | grep -q " shared:"
		"$NSINIT" --mount --propagation unchanged grep "$PWD/private" /proc/self/mountinfo >as_is
		not grep -q " shared:" as_is
		umount shared private'
}

@test "--propagation accepts its own words only" {
	local word
	for word in Slave slaves rshared un "" x; do
		fails 125 "--propagation: invalid " "$NSINIT" --mount --propagation="$word" true
	done
	for word in private slave shared unchanged; do
		run_nsinit --mount --propagation="$word" "$PROBES/die" 3
		((status == 3))
		[[ $stderr == "" ]]
	done
}

# --- root ---

setup_rootfs() {
	need busybox busybox-static
	make_rootfs rootfs
}

@test "--root shows DIR only, which can be relative, absolute, with a slash, a link or ." {
	setup_rootfs
	ln -s rootfs link
	local dir
	for dir in rootfs ./rootfs rootfs/ "$PWD/rootfs" link rootfs/../rootfs/.; do
		run_nsinit --root "$dir" ls /
		((status == 0))
		[[ ${lines[*]} == "bin etc proc tmp" && -z $stderr ]]
	done
	cd rootfs
	run_nsinit --root . ls /
	[[ ${lines[*]} == "bin etc proc tmp" && -z $stderr ]]
	run_nsinit -u --root "" ls /
	((status == 125))
}

@test "with --root no mount and no directory of the old root remains" {
	setup_rootfs
	start_levels -u --root rootfs
	[[ $(wc -l <"/proc/$command/mountinfo") == 2 ]]
	[[ $(awk '{ print $5 }' "/proc/$command/mountinfo" | sort | xargs) == "/ /proc" ]]
	[[ $(awk '{ print $5 }' "/proc/$inner/mountinfo" | sort | xargs) == "/ /proc" ]]
	# In a chroot neither is seen as "/".
	for process in "$inner" "$command"; do
		[[ $(readlink "/proc/$process/cwd") == "$(readlink "/proc/$process/root")" ]]
	done
	[[ $(stat -Lc %i "/proc/$inner/cwd") == "$(stat -c %i rootfs)" ]]
	stop_it
	run_nsinit -u --root rootfs sh -c 'cd ..; cd ../..; pwd; ls; ls /proc/1/root /proc/1/cwd'
	((status == 0))
	[[ ${lines[*]} == "/ bin etc proc tmp /proc/1/cwd: bin etc proc tmp  /proc/1/root: bin etc proc tmp" ]] ||
		[[ ${lines[*]} == "/ bin etc proc tmp /proc/1/cwd: bin etc proc tmp /proc/1/root: bin etc proc tmp" ]]
	[[ $(cd rootfs && echo *) == "bin etc proc tmp" ]]
}

@test "--root includes what is mounted below DIR" {
	setup_rootfs
	in_mounts '
		mount -t tmpfs none rootfs/tmp
		: >rootfs/tmp/there
		[[ $("$NSINIT" --root rootfs ls /tmp) == there ]]
		umount rootfs/tmp'
}

@test "--root works if DIR is a mount point, also a shared one" {
	setup_rootfs
	in_mounts '
		mount --bind rootfs rootfs
		mount --make-shared rootfs
		before=$(mountinfo)
		[[ $("$NSINIT" -u --root rootfs ls / | xargs) == "bin etc proc tmp" ]]
		[[ $(mountinfo) == "$before" ]]
		umount rootfs'
}

@test "--root: --mount-proc mounts inside, also if /proc is a link, which cannot lead outside" {
	setup_rootfs
	run_nsinit -u --root rootfs sh -c 'echo $$ /proc/[0-9]*'
	[[ $output == "2 /proc/1 /proc/2" ]]
	rmdir rootfs/proc
	mkdir rootfs/real
	ln -s /real rootfs/proc
	run_nsinit -u --root rootfs sh -c 'echo /real/[0-9]*'
	((status == 0))
	[[ $output == "/real/1 /real/2" ]]
	ln -sfn "../../../../../../..$PWD" rootfs/proc
	run_nsinit -u --root rootfs true
	((status == 125))
	[[ $stderr == *"cannot mount proc at /proc: No such file or directory"* ]]
	mkdir -p "rootfs$PWD"
	run_nsinit -u --root rootfs ls "$PWD/1/stat"
	((status == 0))
	[[ ! -e $PWD/1 && -z $(ls "rootfs$PWD") ]]
	rm rootfs/proc
	run_nsinit -u --root rootfs true
	((status == 125))
	[[ $stderr == "nsinit: cannot mount proc at /proc: No such file or directory"* ]]
	mkdir rootfs/p
	run_nsinit --pid --mount-proc=p --root rootfs sh -c 'echo /p/[0-9]*'
	[[ $output == "/p/1 /p/2" ]]
}

@test "--root without --mount-proc mounts no procfs" {
	setup_rootfs
	run_nsinit --pid --root rootfs ls /proc
	((status == 0))
	[[ -z $output ]]
}

@test "--root works for uid 65534 with --map-root-user" {
	need_user_namespaces
	setup_rootfs
	for_nobody
	cp -r rootfs "$place/"
	cd "$place"
	run_as_nobody --map-root-user -u --root rootfs --hostname box sh -c 'id -u; hostname; echo $$ /proc/[0-9]*; ls /'
	((status == 0))
	[[ -z $stderr && ${lines[*]} == "0 box 2 /proc/1 /proc/2 bin etc proc tmp" ]]
	rmdir rootfs/proc
	mkdir rootfs/real
	ln -s real rootfs/proc
	run_as_nobody --map-root-user -u --root rootfs sh -c 'echo $$ /real/[0-9]*'
	[[ -z $stderr && $output == "2 /real/1 /real/2" ]]
}

@test "--root is refused with the reason if DIR is not a directory, does not exist, or is the root already" {
	: >file
	fails 125 "cannot enter the root none: No such file or directory" "$NSINIT" --root none true
	fails 125 "cannot enter the root file: Not a directory" "$NSINIT" --root file true
	fails 125 "cannot pivot into /: Resource busy (it is the root already)" "$NSINIT" --root / true ||
		fails 125 "cannot pivot into /: Device or resource busy (it is the root already)" "$NSINIT" --root / true
}

@test "--wd is resolved after --root; --export-proc and --pid-file are resolved before it" {
	setup_rootfs
	in_mounts '
		[[ $("$NSINIT" --root rootfs --wd /tmp pwd) == /tmp ]]
		[[ $("$NSINIT" --root rootfs --wd tmp pwd) == /tmp ]]
		[[ $("$NSINIT" --root rootfs pwd) == / ]]
		fails 125 "cannot change to directory /root" "$NSINIT" --root rootfs --wd /root true
		start_levels -u --root rootfs --export-proc out --pid-file pid
		[[ $(cat out/2/comm) == sleep && $(<pid) == "$command" ]]
		stop_it
		[[ ! -e out && ! -e pid && ! -e rootfs/out && ! -e rootfs/pid ]]'
}

# --- pid-file ---

@test "--pid-file holds COMMAND's PID as the caller sees it, while it runs, with every kind of namespace" {
	need_user_namespaces
	local option
	for option in "" -u --pid --uts --user "--user --pid" "--map-root-user -u" "--net --ipc --cgroup --mount"; do
		# shellcheck disable=SC2086
		spawn "$NSINIT" $option --pid-file pid sleep 1000
		wait_for test -s pid
		runs "$(<pid)" sleep
		[[ $(stat -c %a pid) == 644 ]]
		stop_it
		((status == 143))
		[[ ! -e pid && ! -s $err ]]
	done
}

@test "--pid-file works for uid 65534 with -u and --map-root-user" {
	need_user_namespaces
	for_nobody
	spawn "${nobody[@]}" "$copy" --map-root-user -u --pid-file "$place/pid" sleep 1000
	wait_for test -s "$place/pid"
	runs "$(<"$place/pid")" sleep
	stop_it
	[[ ! -e $place/pid && ! -s $err ]]
}

@test "-P --pid-file holds the PID of the process that holds the namespaces, until the end" {
	local options
	for options in -u --ipc '-u --uts'; do
		# shellcheck disable=SC2086 # words
		start_nsinit -P $options --pid-file pid
		wait_for test -s pid
		[[ $(<pid) == "$(children "$pid")" ]]
		if [[ $options != --ipc ]]; then
			run -0 nsenter --pid --mount --target "$(<pid)" sh -c 'cd /proc; echo [0-9]*'
			[[ $output == "1 "* ]]
		fi
		kill -TERM "$pid"
		finish
		((status == 0))
		[[ ! -e pid && ! -s $err ]]
	done
}

@test "--pid-file creates an empty file before COMMAND runs" {
	run_nsinit --pid-file pid sh -c 'test -e pid'
	((status == 0))
	run_nsinit -u --pid-file pid sh -c 'test -e pid'
	((status == 0))
	: >plain
	# If COMMAND never runs, the file is removed, and a PID is never written.
	for options in "" -u; do
		# shellcheck disable=SC2086
		"${fresh[@]}" strace -f -e trace=write,openat,open -o trace "$NSINIT" $options --pid-file pid ./plain 2>/dev/null || status=$?
		((status == 126))
		[[ ! -e pid ]]
		grep -q 'open.*pid.*O_EXCL' trace
		not grep -E 'write\([0-9]+, "[0-9]+\\n"' trace
	done
}

@test "--pid-file replaces an older file, also a longer one" {
	echo 123456789012345 >pid
	spawn "$NSINIT" -u --pid-file pid sleep 1000
	wait_for runs_by_file pid sleep
	stop_it
	[[ ! -e pid ]]
}

# "$(<FILE)" of a file that is being replaced would end the test.
runs_by_file() {
	local number
	read -r number 2>/dev/null <"$1" && runs "$number" "$2"
}

@test "--pid-file refuses a link, a FIFO, a device and a directory, and leaves them unchanged" {
	echo old >file
	ln -s file link
	ln -s nowhere dangling
	mkfifo fifo
	mkdir dir
	cp -a /dev/null null
	local name
	for name in link dangling fifo null dir; do
		fails 125 "--pid-file: cannot create $name: File exists" "$NSINIT" --pid-file "$name" true
		fails 125 "--pid-file: cannot create $name: File exists" "$NSINIT" -u --pid-file "$name" true
	done
	[[ $(<file) == old && -L link && -L dangling && ! -e nowhere && -p fifo && -d dir && -c null ]]
}

@test "--pid-file that cannot be created is status 125, and COMMAND never runs" {
	for_nobody
	mkdir "$place/closed"
	fails 125 "--pid-file: cannot create none/pid: No such file or directory" "$NSINIT" --pid-file none/pid touch ran
	fails 125 "--pid-file: " "$NSINIT" --pid-file "" touch ran
	fails 125 "--pid-file: cannot create pid: No such file or directory" bash -c 'mkdir gone && cd gone && rmdir ../gone &&
		exec "$NSINIT" --pid-file pid touch "$BATS_TEST_TMPDIR/ran"'
	run_as_nobody --pid-file "$place/closed/pid" touch "$place/ran"
	((status == 125))
	[[ $stderr == "nsinit: --pid-file: cannot create $place/closed/pid: Permission denied" && ! -e ran && ! -e $place/ran ]]
}

@test "--pid-file that cannot be written is logged, and COMMAND runs" {
	fails 7 "cannot write PID " prlimit --fsize=0 "$NSINIT" --pid-file pid "$PROBES/die" 7
	[[ ! -e pid ]]
}

@test "--pid-file is removed only if it is still the file that nsinit created" {
	spawn "$NSINIT" -u --pid-file pid sleep 1000
	wait_for test -s pid
	mv pid moved
	echo another >pid
	stop_it
	[[ $(<pid) == another && -e moved ]]
	spawn "$NSINIT" -u --pid-file pid sleep 1000
	wait_for runs_by_file pid sleep
	rm pid
	stop_it
	((status == 143))
	[[ ! -s $err ]]
}

@test "--pid-file: the first of two nsinits does not remove the file of the second" {
	spawn "$NSINIT" --pid-file pid sleep 1000
	wait_for runs_by_file pid sleep
	local first=$pid second command
	command=$(<pid)
	spawn "$NSINIT" --pid-file pid sleep 1001
	second=$pid
	wait_for not_same pid "$command"
	kill -TERM "$first"
	finish "$first"
	runs_by_file pid sleep
	kill -TERM "$second"
	finish "$second"
	[[ ! -e pid ]]
}

not_same() {
	local number
	read -r number 2>/dev/null <"$1" && [[ $number != "$2" ]]
}

@test "--pid-file is relative to the caller's directory, and is removed whatever ends nsinit" {
	mkdir -p here there
	cd here
	local sig
	for sig in INT USR2 HUP; do
		spawn "$NSINIT" -u --wd "$BATS_TEST_TMPDIR/there" --pid-file pid sleep 1000
		wait_for runs_by_file pid sleep
		kill -"$sig" "$pid"
		finish
		((status > 128))
		[[ ! -e pid && ! -e ../there/pid ]]
	done
	fails 127 "/none" "$NSINIT" -u --pid-file pid /none
	fails 125 "cannot change to directory none" "$NSINIT" -u --wd none --pid-file pid true
	[[ ! -e pid ]]
}

# --- refusals ---

@test "EPERM: the message to an unprivileged caller names --map-root-user" {
	for_nobody
	local option
	for option in --pid --mount --uts --ipc --net --cgroup -u "--root /tmp" "--hostname x"; do
		# shellcheck disable=SC2086
		run_as_nobody $option true
		((status == 125))
		[[ ${#stderr_lines[@]} == 1 && $stderr == "nsinit: cannot create new namespaces ("*"): Operation not permitted ("* ]]
		[[ $stderr == *"not privileged"*--map-root-user* ]]
	done
}

# bats test_tags=static
@test "EPERM: the message about a user namespace in a chroot names the reason" {
	need busybox busybox-static
	make_rootfs rootfs
	cp "$NSINIT" rootfs/nsinit
	fails 125 "cannot create new namespaces (user): Operation not permitted (user namespaces are switched off" \
		chroot rootfs /nsinit --map-root-user true
}

# bats test_tags=static
@test "-u works in a chroot, whose / is not a mount point, and its mounts are not visible outside" {
	need busybox busybox-static
	make_rootfs rootfs
	cp "$NSINIT" rootfs/nsinit
	mkdir -p rootfs/proc rootfs/there
	echo 'cd /there && exec /nsinit -u sh -c "pwd; echo \$\$; ls -d /proc/[0-9]*"' >rootfs/script
	in_mounts '
		mount --make-rshared /
		mount -t proc proc rootfs/proc
		chroot rootfs /bin/sh /script >out
		umount rootfs/proc
		mount --make-rprivate /'
	[[ $(tr "\n" " " <out) == "/there 2 /proc/1 /proc/2 " ]]
}

@test "EPERM: the message about a procfs below a masked /proc names the reason" {
	in_mounts '
		mount -t tmpfs none /proc/sys
		fails 125 "cannot mount proc at /proc: Operation not permitted (not privileged, or /proc is masked" \
			"$NSINIT" --map-root-user -u true
		umount /proc/sys
		"$NSINIT" --map-root-user -u true'
}

@test "a procfs in a new user namespace needs --pid, which is checked before anything is created" {
	fails 125 "--mount-proc: needs --pid in a new user namespace" "$NSINIT" --map-root-user --mount-proc true
	fails 125 "--mount-proc: needs --pid in a new user namespace" "$NSINIT" --user --mount-proc true
}

@test "ENOSPC: the message names /proc/sys/user if a limit there is reached, for each kind" {
	need_user_namespaces
	local kind name
	for kind in pid mount:mnt uts ipc net user cgroup; do
		name=${kind#*:} kind=${kind%:*}
		# The limit is set in a new user namespace, so that the host's does not change.
		fails 125 "cannot create new namespaces ($kind): No space left on device (" \
			unshare --user --map-root-user sh -c 'echo 0 >"/proc/sys/user/max_$0_namespaces" && exec "$@"' \
			"$name" "$NSINIT" --"$kind" true
	done
	run unshare --user --map-root-user sh -c 'echo 0 >/proc/sys/user/max_pid_namespaces && exec "$@"' sh "$NSINIT" -u true
	[[ $output == *"a limit in /proc/sys/user is reached"* ]]
}

@test "ENOSPC: 32 levels can be nested below the initial PID namespace, and the message about the 33rd names the limit" {
	local depth=0 words=() deepest='grep ^NSpid: /proc/self/status; echo $$ /proc/[0-9]*'
	for ((depth = 0; depth < 33; depth++)); do
		words+=("$NSINIT" -u)
	done
	run --separate-stderr "${fresh[@]}" "${words[@]}" echo never </dev/null 3>&-
	((status == 125))
	[[ ${#stderr_lines[@]} == 1 && -z $output ]]
	[[ $stderr == "nsinit: cannot create new namespaces (pid, mount): No space left on device (32 nested PID namespaces"* ]]
	# In a container there are fewer. 4026531836 is the initial PID namespace.
	depth=32
	if [[ $(readlink /proc/self/ns/pid) != "pid:[4026531836]" ]]; then
		until "${fresh[@]}" "${words[@]:0:2*depth}" true 2>/dev/null; do
			depth=$((depth - 1))
		done
		((depth > 0))
	fi
	run --separate-stderr "${fresh[@]}" "${words[@]:0:2*depth}" sh -c "$deepest" </dev/null 3>&-
	((status == 0))
	[[ ${lines[1]} == "2 /proc/1 /proc/2" && -z $stderr ]]
	read -ra pids <<<"${lines[0]}"
	[[ ${pids[*]:1} == 3 ]]
}

@test "each of 32 levels sees its own processes and those below, and TERM reaches the deepest" {
	local words=() depth=12 i p base numbers
	base=$(field self NSpid | wc -w)
	for ((i = 0; i < depth; i++)); do
		words+=("$NSINIT" -u)
	done
	i=0
	spawn "${words[@]}" sleep 1000
	wait_for nested $((2 * depth)) sleep
	# COMMAND of one level is the outer process of the next. Its child is the inner process, one level deeper.
	for p in "${below[@]}"; do
		read -ra numbers < <(field "$p" NSpid)
		((${#numbers[@]} == (++i + 1) / 2 + base))
		((numbers[-1] == 2 - i % 2)) # one of the two processes of the level
	done
	stop_it
	((status == 143))
}

# nested N NAME: whether there is a chain of N processes below $pid, of which the last one runs NAME.
nested() {
	mapfile -t below < <(chain "$pid")
	((${#below[@]} == $1)) && runs "${below[-1]}" "$2"
}

@test "EINVAL: the message names children in another PID namespace, or a kernel without this kind" {
	need strace strace
	fails 125 "cannot create new namespaces (pid): Invalid argument (" unshare --pid "$NSINIT" --pid true
	run --separate-stderr strace -qq -o /dev/null -e trace=clone -e inject=clone:error=EINVAL "$NSINIT" --cgroup true
	((status == 125))
	[[ $stderr == "nsinit: cannot create new namespaces (cgroup): Invalid argument (this kernel lacks "* ]]
	# As before Linux 5.6, where unshare(2) does not know the flag.
	run --separate-stderr "$PROBES/refuse" 'unshare/0&0x80:EINVAL' -- "$NSINIT" -u --time true
	((status == 125))
	[[ $stderr == "nsinit: cannot create new namespaces (time): Invalid argument (this kernel lacks "* ]]
}

@test "ENOMEM: the message names an ended init of the PID namespace as a reason" {
	start_levels --pid
	exec 8<"/proc/$command/ns/pid"
	kill -KILL "$pid"
	finish
	wait_for gone "$command"
	fails 125 "cannot start true: Out of memory (no memory, or the PID namespace's init is gone)" \
		nsenter --no-fork --pid=/proc/self/fd/8 "$NSINIT" true ||
		fails 125 "cannot start true: Cannot allocate memory (no memory, or the PID namespace's init is gone)" \
			nsenter --no-fork --pid=/proc/self/fd/8 "$NSINIT" true
	run --separate-stderr nsenter --no-fork --pid=/proc/self/fd/8 "$NSINIT" --uts true
	((status == 125))
	[[ $stderr == "nsinit: cannot create new namespaces (uts): "*"(no memory, or the init of this PID namespace is gone)" ]]
	exec 8<&-
}

# bats test_tags=static
@test "ids that cannot be mapped are status 125 with a message" {
	need busybox busybox-static
	make_rootfs rootfs
	cp "$NSINIT" rootfs/nsinit
	in_mounts '
		mount --bind rootfs rootfs
		mkdir rootfs/old
		# Ids cannot be mapped without /proc.
		fails 125 "cannot map the ids of the new user namespace: /proc/self/setgroups: No such file or directory (is a procfs" \
			unshare --mount sh -c "cd rootfs && pivot_root . old && exec /nsinit --map-root-user true"
		umount rootfs'
}

# --- the end ---

@test "the namespace ends if the outer process is killed at any moment of its start" {
	need_user_namespaces
	local i
	for ((i = 0; i < 40; i++)); do
		spawn "$NSINIT" -u --map-root-user sleep 1000
		((i % 4 == 0)) || read -rt "0.00$((i / 4))" _ <> <(:) || :
		kill -KILL "$pid" 2>/dev/null
		finish
	done
	wait_for none_left
}

@test "the namespace ends with the outer process also if the parent death signal is lost" {
	need strace strace
	local option
	for option in --pid --uts; do
		# Every prctl(2) succeeds without any effect, as if the credentials had changed afterwards.
		spawn strace -f -qq -o /dev/null -e trace=prctl -e inject=prctl:retval=0 "$NSINIT" "$option" sleep 1000
		wait_for nested 3 sleep
		kill -KILL "${below[0]}"
		wait_for ended "${below[1]}"
		wait_for ended "${below[2]}"
		finish
	done
}

@test "processes that COMMAND leaves behind end with its PID namespace" {
	run_nsinit -u sh -c 'setsid sleep 1000 & (sleep 1001 &); exit 5'
	((status == 5))
	none_left
}

@test "nothing is left after TERM, INT and a COMMAND that cannot be executed, with every option at once" {
	need busybox busybox-static
	make_rootfs rootfs
	in_mounts '
		all=(-u --uts --ipc --net --cgroup --root rootfs --hostname box --wd tmp --export-proc a/b --pid-file pid)
		for sig in TERM INT; do
			start_levels "${all[@]}"
			[[ $(other_namespaces "$command") == "cgroup ipc mnt net pid pid_for_children uts" ]]
			kill -$sig "$pid"
			finish
			((status == 128 + $(kill -l $sig)))
			[[ ! -e a && ! -e pid ]]
		done
		fails 127 "none: No such file" "$NSINIT" "${all[@]}" none
		fails 126 "/etc: Permission denied" "$NSINIT" "${all[@]}" /etc
		[[ ! -e a && ! -e pid && $(ls rootfs | xargs) == "bin etc proc tmp" ]]'
}

# --- joined from outside ---

@test "nsinit waits, and logs it, while a process that joined has not been reaped by its parent" {
	start_levels -u
	"$PROBES/join" -z "$command" sleep 1000 >joined 3>&- &
	joiner=$!
	wait_for said JOINED joined
	kill -TERM "$pid"
	wait_for said "nsinit: waiting for the namespace to end: a process in it is frozen or in state D, or joined it" "$err"
	said "or joined it from outside and has not been reaped" "$err"
	not ended "$pid"
	[[ $(wc -l <"$err") == 1 ]]
	in_state "$(sed -n 's/JOINED //p' joined)" Z
	kill -TERM "$joiner"
	wait "$joiner"
	finish
	((status == 143))
	[[ $(wc -l <"$err") == 1 ]]
}

@test "a process that joined and is reaped by its parent does not delay the end" {
	start_levels -u
	"$PROBES/join" -k pm "$command" sleep 1000 3>&- &
	joiner=$!
	wait_for has_children 1 "$joiner"
	wait_for runs "$(children "$joiner")" sleep
	stop_it
	((status == 143))
	status=0
	wait "$joiner" || status=$?
	((status == 137))
	[[ ! -s $err ]]
}

# The freezer of the first version keeps a process from dying, that of the second one does not.
freezer_group() {
	local hierarchy=/sys/fs/cgroup/freezer
	frozen=$hierarchy/nsinit-test-$BATS_SUITE_TEST_NUMBER-$$
	if [[ ! -w $hierarchy/cgroup.procs ]] || ! mkdir "$frozen" 2>/dev/null; then
		missing "needs a freezer control group (version 1) that can be written"
	fi
}

thaw() {
	echo THAWED >"$frozen/freezer.state"
}

teardown() {
	if [[ -d ${frozen:-} ]]; then
		thaw
		wait_for no_member
		rmdir "$frozen"
	fi
	helper_teardown
}

no_member() {
	[[ -z $(<"$frozen/cgroup.procs") ]]
}

is_frozen() {
	[[ $(<"$frozen/freezer.state") == FROZEN ]]
}

@test "nsinit waits, and logs it, while a process in the namespace is frozen" {
	freezer_group
	start_levels -u -t 0.1
	echo "$command" >"$frozen/cgroup.procs"
	echo FROZEN >"$frozen/freezer.state"
	wait_for is_frozen
	kill -TERM "$pid"
	wait_for said "nsinit: waiting for the namespace to end: a process in it is frozen or in state D, or joined it" "$err"
	not ended "$pid"
	thaw
	finish
	((status == 137))
}

# --- reboot(2) ---

@test "reboot(2) inside without privileges: a restart is status 129" {
	need_user_namespaces
	for_nobody
	cp "$PROBES/reboot2" "$place/"
	run_as_nobody --map-root-user -u "$place/reboot2" restart
	((status == 129))
}

@test "a COMMAND that dies of HUP or INT is not mistaken for reboot(2)" {
	run_nsinit --pid "$PROBES/die" -s 1
	((status == 129))
	[[ -z $stderr ]]
	run_nsinit --pid "$PROBES/die" -s 2
	((status == 130))
	[[ -z $stderr ]]
}
