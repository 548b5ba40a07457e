# Another kernel than the one that runs: Debian's, of which one boot goes through core.sh. Debian 12's is Linux 6.1, which
# can neither signal a process group by pidfd (6.9) nor tell the status of a COMMAND that it has reaped itself (6.15);
# Debian 13's is 6.12, which cannot do the latter. What nsinit does instead is tested with it.
# bats file_tags=qemu

bats_require_minimum_version 1.8.0
load helper
load qemu

# One boot for all; each test then looks for its line.
setup_file() {
	export BATS_NO_PARALLELIZE_WITHIN_FILE=true
}

setup() {
	helper_setup
	need_vm
	console=$BATS_FILE_TMPDIR/said
	[[ -s $console ]] || boot
}

boot() {
	local tree=$BATS_TEST_TMPDIR/tree image=$BATS_TEST_TMPDIR/image name
	vm_tree "$tree" die oddparent orphans outlive siglog sigsend state
	mkdir -p "$tree/tmp"
	cp "$root/tests/core.sh" "$tree/"
	for name in hostname id readlink; do
		ln -s busybox "$tree/bin/$name"
	done
	vm_script "$tree/run" <<-'END'
		mount -t devtmpfs devtmpfs /dev
		uname -r
		NSINIT=/nsinit PROBES=/bin sh /core.sh
	END
	vm_pack "$tree" "$image"
	vm_start "rdinit=/nsinit -- --mount-proc /run" -initrd "$image"
	wait_for -t 240 ended "$vm" || vm_show
	tr -d '\r' <"$console" >"$BATS_FILE_TMPDIR/said"
	console=$BATS_FILE_TMPDIR/said
}

# passed CASE: what core.sh found.
passed() {
	grep -qx "ok $1" "$console" || vm_show
}

@test "this kernel is one that lacks what nsinit prefers" {
	vm_said $'6.1.\n6.12.'
	vm_powered_off
}

@test "older kernel: COMMAND's status is nsinit's, and 128+N where a signal ended it" {
	passed statuses
}

@test "older kernel: 125, 126 and 127 tell what failed, with one line" {
	passed failures
}

@test "older kernel: -e makes a status 0" {
	passed remap
}

@test "older kernel: all signals that can be sent reach COMMAND" {
	passed signals
}

@test "older kernel: sigqueue's values arrive, in order" {
	passed values
}

@test "older kernel: signals go to COMMAND's process group" {
	passed group
}

@test "older kernel: with -c they go to COMMAND alone" {
	passed single
}

@test "older kernel: -r passes a signal on as another, or drops it" {
	passed rewrite
}

@test "older kernel: a stop that is not followed ends by KILL" {
	passed grace_stop
}

@test "older kernel: nsinit stops as COMMAND does, and resumes with it" {
	passed suspend
}

@test "older kernel: nsinit lets go of COMMAND's output and directory" {
	passed output_ends
}

@test "older kernel: the PID file holds COMMAND's PID while it runs" {
	passed pid_file
}

@test "older kernel: a container's PID 1 reaps orphans by itself, and has COMMAND's status" {
	passed pid1_orphans
}

@test "older kernel: a container's PID 1 ends what COMMAND leaves" {
	passed pid1_leftovers
}

@test "older kernel: COMMAND is given what nsinit was given" {
	passed untouched
}

@test "older kernel: a subreaper reaps orphans" {
	passed orphans
}

@test "older kernel: a subreaper ends what COMMAND leaves" {
	passed grace_leftovers
}

@test "older kernel: signals reach COMMAND's group when COMMAND is gone" {
	passed grace_signal
}

@test "older kernel: -u makes COMMAND PID 2 of a namespace with its own /proc" {
	passed unshare
}

@test "older kernel: all signals go through both levels" {
	passed unshare_signals
}

@test "older kernel: values go through both levels" {
	passed unshare_values
}

@test "older kernel: the namespace dies with the outer nsinit" {
	passed unshare_dies
}

@test "older kernel: -u ends what COMMAND leaves in the namespace" {
	passed unshare_leftovers
}

@test "older kernel: each kind of namespace is made" {
	passed kinds
}

@test "older kernel: --export-proc shows the namespace, and is taken away" {
	passed export_proc
}

@test "older kernel: --root works from an initramfs, too" {
	passed root_dir
}

@test "older kernel: 32 levels nest, and the 33rd is refused by name" {
	passed nesting
}
