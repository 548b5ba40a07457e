# Another kernel than the one that runs: Debian 12's, of which one boot goes through core.sh. It is Linux 6.1, which can
# neither signal a process group by pidfd nor tell the status of a COMMAND that it has reaped itself, so that what nsinit
# does instead is tested too.
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
	vm_said '6.1.'
	vm_powered_off
}

@test "6.1: COMMAND's status is nsinit's, and 128+N where a signal ended it" {
	passed statuses
}

@test "6.1: 125, 126 and 127 tell what failed, with one line" {
	passed failures
}

@test "6.1: -e makes a status 0" {
	passed remap
}

@test "6.1: all signals that can be sent reach COMMAND" {
	passed signals
}

@test "6.1: sigqueue's values arrive, in order" {
	passed values
}

@test "6.1: signals go to COMMAND's process group" {
	passed group
}

@test "6.1: with -c they go to COMMAND alone" {
	passed single
}

@test "6.1: -r passes a signal on as another, or drops it" {
	passed rewrite
}

@test "6.1: a stop that is not followed ends by KILL" {
	passed grace_stop
}

@test "6.1: nsinit stops as COMMAND does, and resumes with it" {
	passed suspend
}

@test "6.1: nsinit lets go of COMMAND's output and directory" {
	passed output_ends
}

@test "6.1: the PID file holds COMMAND's PID while it runs" {
	passed pid_file
}

@test "6.1: a container's PID 1 reaps orphans by itself, and has COMMAND's status" {
	passed pid1_orphans
}

@test "6.1: a container's PID 1 ends what COMMAND leaves" {
	passed pid1_leftovers
}

@test "6.1: COMMAND is given what nsinit was given" {
	passed untouched
}

@test "6.1: a subreaper reaps orphans" {
	passed orphans
}

@test "6.1: a subreaper ends what COMMAND leaves" {
	passed grace_leftovers
}

@test "6.1: signals reach COMMAND's group when COMMAND is gone" {
	passed grace_signal
}

@test "6.1: -u makes COMMAND PID 2 of a namespace with its own /proc" {
	passed unshare
}

@test "6.1: all signals go through both levels" {
	passed unshare_signals
}

@test "6.1: values go through both levels" {
	passed unshare_values
}

@test "6.1: the namespace dies with the outer nsinit" {
	passed unshare_dies
}

@test "6.1: -u ends what COMMAND leaves in the namespace" {
	passed unshare_leftovers
}

@test "6.1: each kind of namespace is made" {
	passed kinds
}

@test "6.1: --export-proc shows the namespace, and is taken away" {
	passed export_proc
}

@test "6.1: --root works from an initramfs, too" {
	passed root_dir
}

@test "6.1: 32 levels nest, and the 33rd is refused by name" {
	passed nesting
}
