# The machine's own init: nsinit as init= or rdinit= of a real kernel, which panics if it exits.
# bats file_tags=qemu

bats_require_minimum_version 1.8.0
load helper
load qemu

setup() {
	helper_setup
	need_vm
	tree=$BATS_TEST_TMPDIR/tree
	image=$BATS_TEST_TMPDIR/image
	vm_tree "$tree" orphans outlive siglog
}

# boot ARG...: boot an initramfs of the tree with nsinit as its init, until the machine ends. ARG has no blanks.
boot() {
	vm_pack "$tree" "$image"
	vm_run "rdinit=/nsinit -- $*" -initrd "$image"
}

# boot_by_script: the same, but PID 1 is a script first, which executes nsinit.
boot_by_script() {
	vm_pack "$tree" "$image"
	vm_run "rdinit=/first" -initrd "$image"
}

# order TEXT...: whether the console shows each TEXT, in this order.
order() {
	local text n=0 at
	for text; do
		at=$(grep -nFe "$text" "$console" | awk -F: -v after="$n" '$1 > after { print $1; exit }')
		[[ -n $at ]] || {
			echo "not said, or too early: $text" >&2
			vm_show
		}
		n=$at
	done
}

@test "COMMAND runs in its own process group, its status is logged, and the machine powers off" {
	vm_script "$tree/run" <<-'END'
		mount -t proc proc /proc
		read -r pid _ _ ppid pgid _ </proc/self/stat
		[ "$pid $pgid $ppid" = "$$ $$ 1" ] && echo "COMMAND is as it should be"
		exit 3
	END
	mkdir "$tree/proc"
	boot /run
	order 'COMMAND is as it should be' 'nsinit: status 3: powering off' 'reboot: Power down'
	vm_powered_off
}

@test "the status of a COMMAND that a signal ends is logged as well" {
	vm_script "$tree/run" <<<'kill -KILL $$'
	boot /run
	vm_said 'nsinit: status 137: powering off'
	vm_powered_off
}

@test "orphans are reaped, remaining processes get TERM and time to clean up, and those that ignore it get KILL" {
	mkdir "$tree/proc"
	vm_script "$tree/slow" <<-'END'
		trap 'echo cleaning; usleep 1500000; echo cleaned; exit' TERM
		echo >/ready
		while :; do sleep 100 & wait $!; done
	END
	vm_script "$tree/run" <<-'END'
		mount -t proc proc /proc
		orphans -b 10 200
		none_left() {
			for stat in /proc/[0-9]*/stat; do
				read -r _ _ state _ 2>/dev/null <"$stat"
				[ "$state" != Z ] || return 1
			done
		}
		until none_left; do usleep 50000; done
		echo "no zombie is left"
		outlive 3 -
		outlive -d -i 1 -
		/slow &
		until [ -s /ready ]; do usleep 50000; done
		mkfifo /never
		cat /never &
		exit 7
	END
	ln -s busybox "$tree/bin/mkfifo"
	boot /run
	vm_said 'no zombie is left'
	order 'nsinit: status 7: powering off' 'TERM ' cleaning cleaned 'reboot: Power down'
	[[ $(vm_count 'READY ') == 4 ]]
	[[ $(vm_count 'TERM ') == 4 ]]
	vm_powered_off
}

@test "a COMMAND that does not end within the grace is killed, status 137" {
	vm_script "$tree/run" <<-'END'
		trap '' TERM
		kill -TERM 1
		while :; do sleep 100; done
	END
	boot --grace 0.5 /run
	vm_said 'nsinit: status 137: powering off'
	vm_powered_off
}

@test "--on-exit reboot restarts the machine, and --on-exit poweroff powers it off" {
	boot --on-exit reboot true
	vm_said 'nsinit: status 0: rebooting'
	vm_rebooted
	boot --on-exit=poweroff true
	vm_powered_off
}

@test "--on-exit halt halts the machine" {
	vm_pack "$tree" "$image"
	vm_start "rdinit=/nsinit -- --on-exit halt true" -initrd "$image"
	vm_says 'reboot: System halted'
	vm_said 'nsinit: status 0: halting'
	vm_not_said panic
	vm_kill
}

@test "if the machine cannot be powered off, nsinit logs it and the kernel does not panic" {
	cp "$PROBES/refuse" "$tree/bin/"
	vm_script "$tree/first" <<<'exec refuse reboot/2=0x4321fedc:EPERM -- /nsinit true'
	vm_pack "$tree" "$image"
	vm_start "rdinit=/first" -initrd "$image"
	vm_says 'nsinit: cannot end the machine: Operation not permitted'
	vm_not_said panic
	vm_kill
}

@test "with --on-exit exit nsinit exits, and the kernel panics" {
	boot --on-exit exit true
	vm_said 'panic - not syncing: Attempted to kill init!'
	vm_not_said 'powering off'
}

@test "a missing COMMAND is logged on the console, and the machine powers off" {
	boot /no/such/command
	order 'nsinit: /no/such/command: No such file or directory' 'status 127: powering off'
	vm_powered_off
}

@test "a COMMAND that cannot be executed is logged on the console, and the machine powers off" {
	echo 'not a program' >"$tree/run"
	boot /run
	order 'nsinit: /run: Permission denied' 'status 126: powering off'
	vm_powered_off
	chmod +x "$tree/run"
	boot /run
	order 'nsinit: /run: Exec format error' 'status 126: powering off'
	vm_powered_off
}

@test "a bad command line is logged on the console, and the machine powers off" {
	boot --no-such-option true
	order 'nsinit: --no-such-option: unknown option' 'status 125: powering off'
	vm_powered_off
	boot
	order 'nsinit: COMMAND is missing' 'status 125: powering off'
	vm_powered_off
}

@test "processes that existed before a COMMAND that cannot be started get TERM and the grace as well" {
	vm_script "$tree/first" <<-'END'
		outlive -d 2 -
		exec /nsinit /no/such/command
	END
	boot_by_script
	order 'status 127: powering off' 'TERM ' 'TERM ' 'reboot: Power down'
	vm_powered_off
}

@test "--mount-proc creates /proc and mounts a procfs there, unless one is mounted" {
	vm_script "$tree/run" <<-'END'
		grep ' /proc ' /proc/mounts
		/nsinit --mount-proc true
		echo "mounts: $(grep -c ' /proc proc ' /proc/mounts)"
	END
	ln -s busybox "$tree/bin/grep"
	boot --mount-proc /run
	vm_said 'proc /proc proc rw,nosuid,nodev,noexec'
	vm_said 'mounts: 1'
	vm_powered_off
	vm_script "$tree/first" <<-'END'
		busybox mkdir /proc
		mount -t proc -o ro nobody /proc
		exec /nsinit --mount-proc /run
	END
	boot_by_script
	vm_said 'nobody /proc proc ro'
	vm_said 'mounts: 1'
	vm_powered_off
}

@test "Ctrl-Alt-Del arrives as INT and is forwarded" {
	vm_pack "$tree" "$image"
	vm_start -p "rdinit=/nsinit -- siglog -n 1 -s 4 -" -initrd "$image"
	vm_says READY
	vm_monitor 'sendkey ctrl-alt-delete'
	vm_end
	order '2 0 1 0 0' 'nsinit: status 4: powering off'
	vm_powered_off
}

@test "nsinit works without /dev/console" {
	ln -s nowhere "$tree/dev/console"
	vm_script "$tree/run" <<-'END'
		busybox mkdir /d
		mount -t devtmpfs devtmpfs /d
		exec >/d/ttyS0
		echo COMMAND runs
		outlive -d 1 -
	END
	boot -v /run
	order 'unable to open an initial console' 'COMMAND runs' 'TERM ' 'reboot: Power down'
	vm_powered_off
}

@test "nsinit works with a /dev/console that cannot be written, also if it has a message for it" {
	vm_script "$tree/run" <<-'END'
		echo >&2 || lost=yes
		busybox mkdir /d
		mount -t devtmpfs devtmpfs /d
		exec >/d/ttyS0
		echo "COMMAND runs, written without effect: ${lost-no}"
		outlive -d 1 -
	END
	# The kernel's own /dev/console must be replaced.
	ln -s nowhere "$tree/dev/console"
	vm_pack "$tree" "$image"
	vm_node dev/console 1 7 >>"$image" # the device of /dev/full
	vm_run "rdinit=/nsinit -- -vv /run" -initrd "$image"
	order 'COMMAND runs, written without effect: yes' 'TERM ' 'reboot: Power down'
	vm_not_said 'nsinit:'
	vm_powered_off
}

@test "data written just before the end is on the disks, and the root file system is clean" {
	local disk=$BATS_TEST_TMPDIR/root.img data=$BATS_TEST_TMPDIR/data.img
	PATH=$PATH:/sbin:/usr/sbin
	need mkfs.ext4 e2fsprogs
	mkdir "$tree"/{proc,mnt}
	vm_script "$tree/run" <<-'END'
		mount -t devtmpfs devtmpfs /dev
		mount -t ext4 /dev/nvme0n1 /mnt 2>/dev/null || mount -t ext4 /dev/nvme1n1 /mnt
		# A process that keeps running, with a file on each disk open for writing.
		sh -c 'trap "" TERM; exec 3>/open 4>/mnt/open; echo ready >/ready; while :; do sleep 100; done' &
		until [ -s /ready ]; do usleep 50000; done
		echo "said to the root" >/said
		echo "said to the data" >/mnt/said
	END
	mkfs.ext4 -q -d "$tree" "$disk" 32M
	# Use a partition, which has a distinct name, because with a newer kernel (6.12) either disk may be nvme0.
	{
		head -c 440 /dev/zero
		printf 'nsin\0\0\200\0\0\0\203\0\0\0\0\010\0\0\0\0\001\0'
		head -c 48 /dev/zero
		printf '\125\252'
		head -c $((2047 * 512)) /dev/zero
		cat "$disk"
	} >"$disk.whole"
	# Without a journal, so that only sync(2) writes it to the disk.
	mkfs.ext4 -q -O ^has_journal "$data" 16M
	vm_run -p "root=PARTUUID=6e69736e-01 rw rootwait init=/nsinit -- -t 0.3 -v /run" \
		-drive "file=$disk.whole,if=none,id=root,format=raw" -device nvme,drive=root,serial=root \
		-drive "file=$data,if=none,id=data,format=raw" -device nvme,drive=data,serial=data
	vm_powered_off
	vm_not_said 'cannot remount'
	tail -c +$((2048 * 512 + 1)) "$disk.whole" >"$disk"
	[[ $(debugfs -R 'cat /said' "$disk" 2>/dev/null) == 'said to the root' ]]
	[[ $(debugfs -R 'cat /said' "$data" 2>/dev/null) == 'said to the data' ]]
	run -0 dumpe2fs -h "$disk"
	[[ $output != *needs_recovery* ]]
	run -0 e2fsck -fn "$disk"
}

# with_disks COMMAND: boot a PC with COMMAND and two disks with journals.
with_disks() {
	local n
	PATH=$PATH:/sbin:/usr/sbin
	need mkfs.ext4 e2fsprogs
	for n in 1 2; do
		mkfs.ext4 -q -O has_journal "$BATS_TEST_TMPDIR/disk$n" 16M
	done
	vm_pack "$tree" "$image"
	vm_run -p "rdinit=/nsinit -- -v $1" -initrd "$image" \
		-drive "file=$BATS_TEST_TMPDIR/disk1,if=none,id=one,format=raw" -device nvme,drive=one,serial=one \
		-drive "file=$BATS_TEST_TMPDIR/disk2,if=none,id=two,format=raw" -device nvme,drive=two,serial=two
	vm_powered_off
	vm_not_said 'cannot remount'
	vm_said 'two disks: 2'
	for n in 1 2; do
		run -0 dumpe2fs -h "$BATS_TEST_TMPDIR/disk$n"
		[[ $output == *has_journal* && $output != *needs_recovery* ]]
		run -0 e2fsck -fn "$BATS_TEST_TMPDIR/disk$n"
		[[ $output != *'recovering journal'* ]]
	done
}

# The second disk is mounted below the first, and its name has a blank and a backslash, which /proc/self/mounts escapes.
# shellcheck disable=SC2016 # the shell's in the machine
mount_two='
	mount -t devtmpfs devtmpfs /dev
	mount -t ext4 /dev/nvme0n1 /mnt
	busybox mkdir "/mnt/be low\\"
	mount -t ext4 /dev/nvme1n1 "/mnt/be low\\"
	echo data >/mnt/data
	echo data >"/mnt/be low\\/data"
	echo two disks: $(busybox df -t ext4 | busybox grep -c nvme)'

@test "other file systems are ended as well: no journal of a data disk needs recovery" {
	mkdir "$tree"/{proc,mnt}
	vm_script "$tree/run" <<<"mount -t proc proc /proc; $mount_two"
	with_disks /run
}

@test "other file systems are ended also if no procfs is mounted at the end" {
	mkdir "$tree"/{proc,mnt}
	vm_script "$tree/run" <<<"mount -t proc proc /proc; $mount_two; busybox umount /proc; busybox rmdir /proc"
	with_disks /run
}

@test "the default PATH of the machine's own init includes the sbin directories" {
	mkdir "$tree/sbin"
	vm_script "$tree/sbin/in-sbin" <<<'echo "found in sbin"'
	boot in-sbin
	vm_said 'found in sbin'
	vm_powered_off
}

@test "a word that the kernel does not know is mistaken for COMMAND, unless it precedes rdinit=" {
	vm_pack "$tree" "$image"
	# The kernel knows quiet, which vm_start passes.
	vm_run "rdinit=/nsinit splash -- sh" -initrd "$image"
	order 'nsinit: splash: No such file or directory' 'nsinit: status 127: powering off'
	vm_powered_off
	vm_run "splash rdinit=/nsinit -- /bin/true" -initrd "$image"
	order 'nsinit: status 0: powering off'
	vm_powered_off
}

@test "a line names the memory limit that killed COMMAND: control groups version 2 of a real kernel" {
	mkdir -p "$tree"/{proc,sys/fs/cgroup}
	vm_script "$tree/run" <<-'END'
		mount -t proc proc /proc
		mount -t devtmpfs devtmpfs /dev
		mount -t cgroup2 cgroup2 /sys/fs/cgroup
		cd /sys/fs/cgroup
		echo +memory >cgroup.subtree_control
		busybox mkdir -p out/in
		echo +memory >out/cgroup.subtree_control
		echo 16777216 >out/memory.max
		echo 8388608 >out/in/memory.max
		echo $$ >out/in/cgroup.procs
		# First where nothing has been killed for lack of memory.
		/nsinit sh -c 'kill -KILL $$'
		echo "killed: $?"
		/nsinit busybox tail /dev/zero
		echo "too big: $?"
		echo max >out/in/memory.max
		/nsinit busybox tail /dev/zero
		echo "too big for the group above: $?"
	END
	boot /run
	sed -i 's/\r$//' "$console"
	order 'killed: 137' 'memory.max of its control group is 8388608, kills so far: 1)' 'too big: 137' \
		'memory.max of its control group is max, kills so far: 2)' 'too big for the group above: 137'
	[[ $(vm_count 'for lack of memory') == 2 ]]
	vm_powered_off
}

@test "with -u COMMAND runs in a PID namespace, and the machine powers off when it ends" {
	vm_script "$tree/run" <<-'END'
		echo "COMMAND is PID $$ of $(busybox ls /proc | busybox grep -c '^[0-9]*$')"
		outlive -d 2 -
		exit 5
	END
	mkdir "$tree/proc"
	boot -u /run
	vm_said 'COMMAND is PID 2 of'
	order 'READY ' 'TERM ' 'status 5: powering off' 'reboot: Power down'
	[[ $(vm_count 'powering off') == 1 ]]
	vm_powered_off
}

@test "with the console as its terminal nsinit does not exit if Ctrl-C has ended COMMAND" {
	vm_script "$tree/first" <<-'END'
		mount -t devtmpfs devtmpfs /dev
		exec busybox setsid busybox cttyhack /nsinit /run
	END
	vm_script "$tree/run" <<-'END'
		[ -t 0 ] && echo >/dev/tty "there is a terminal"
		kill -INT $$
	END
	boot_by_script
	order 'there is a terminal' 'status 130: powering off'
	vm_powered_off
}

# bats test_tags=tree
@test "the image of examples/initramfs boots, runs the command of the kernel's command line, and powers off" {
	"$root/examples/initramfs/build" "$NSINIT" "$image"
	vm_run "-- ls /proc/self/exe -l" -initrd "$image"
	vm_said '/bin/busybox'
	vm_said 'nsinit: status 0: powering off'
	vm_powered_off
	vm_start '' -initrd "$image"
	# busybox 1.37 shows the second prompt, because it takes "/" for a home directory.
	vm_says $'/ #\n~ #'
	vm_not_said 'job control'
	vm_kill
}

# nsinit that is not the machine's init. Its calls are traced, and reboot(2) is not executed.
refused() {
	local action
	for action in poweroff reboot halt; do
		spawn strace -qq -f -o "$BATS_TEST_TMPDIR/calls" -e trace=reboot -e inject=reboot:error=EINVAL \
			"$@" "$NSINIT" --on-exit "$action" true
		finish
		[[ $status == 125 && $(wc -l <"$err") == 1 && $(<"$err") == "nsinit: --on-exit: "* ]]
		run -1 grep -P 'reboot\((?!.*CAD_OFF)' "$BATS_TEST_TMPDIR/calls"
	done
}

@test "nsinit that is not PID 1 refuses to end the machine, and never calls reboot(2)" {
	need strace strace
	refused
	run -1 grep 'reboot(' "$BATS_TEST_TMPDIR/calls"
}

@test "PID 1 of another PID namespace refuses to end the machine, and never calls reboot(2)" {
	need strace strace
	need_root
	refused "${own_pidns[@]}"
	# A strict seccomp filter would kill the caller.
	run -1 grep 'reboot(' "$BATS_TEST_TMPDIR/calls"
}

@test "PID 1 of another PID namespace exits with COMMAND's status or its own" {
	need_root
	run -3 "${own_pidns[@]}" "$NSINIT" --on-exit exit sh -c 'exit 3'
	run -3 "${own_pidns[@]}" "$NSINIT" sh -c 'exit 3'
	run -127 "${own_pidns[@]}" "$NSINIT" /no/such/command
	run -125 "${own_pidns[@]}" "$NSINIT" --no-such-option
}
