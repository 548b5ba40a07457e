# bats file_tags=tree
# shellcheck disable=SC2154
# LXC: which signal lxc-stop sends to nsinit, and how it becomes one that COMMAND handles.

load helper

setup() {
	need_root
	need lxc-start lxc
	need_file /bin/busybox busybox-static
	helper_setup
	lxc_can_start
	rootfs=$BATS_TEST_TMPDIR/lxc/cron/rootfs
	console=$BATS_TEST_TMPDIR/console
	mkdir -p "$rootfs"/{bin,dev,proc,sys,usr/local/bin,var/spool/cron/crontabs}
	cp /bin/busybox "$rootfs/bin/"
	ln -s busybox "$rootfs/bin/crond"
	cp "$NSINIT" "$rootfs/usr/local/bin/nsinit"
	cp "$PROBES/siglog" "$rootfs/bin/"
	sed "s,/var/lib/lxc/,$BATS_TEST_TMPDIR/lxc/," "$root/examples/lxc/config" >"$rootfs/../config"
}

teardown() {
	lxc-stop -n cron -P "$BATS_TEST_TMPDIR/lxc" --kill 2>/dev/null || :
	# LXC 5 leaves behind the control groups that it uses while it starts. Those in use by another container remain.
	find /sys/fs/cgroup -maxdepth 2 -name lxc.pivot -exec rmdir {} + 2>/dev/null || :
	helper_teardown
}

# lxc_can_start: skip the test unless LXC can make control groups and change the root directory.
lxc_can_start() {
	grep -Eq '^([^ ]+ ){5}rw.* - cgroup2? ' /proc/self/mountinfo ||
		missing "needs control groups that are mounted writable, as they are not in a container: run it outside"
	! chrooted || missing "needs a root directory that is a mount point, and this is a chroot: run it outside"
}

# init COMMAND [ARG]...: set the container's init, instead of that in the example.
init() {
	sed -i "s,^lxc.init.cmd = .*,lxc.init.cmd = /usr/local/bin/nsinit $*," "$rootfs/../config"
}

# without_halt: leave the choice of the signal to lxc-stop.
without_halt() {
	sed -i '/^lxc.signal.halt/d' "$rootfs/../config"
}

start_lxc() {
	spawn lxc-start -n cron -P "$BATS_TEST_TMPDIR/lxc" --foreground --console-log "$console" --logfile "$BATS_TEST_TMPDIR/log"
}

# stop_lxc: run lxc-stop without KILL. It succeeds once the container has ended.
stop_lxc() {
	lxc-stop -n cron -P "$BATS_TEST_TMPDIR/lxc" --nokill --timeout "${WAIT:-30}"
	finish
}

has_command() {
	local init
	init=$(lxc-info -n cron -P "$BATS_TEST_TMPDIR/lxc" -pH) && [[ -n $init ]] && has_children 1 "$init" &&
		runs "$(children "$init")" "$1"
}

@test "examples/lxc: cron runs, and lxc-stop ends it by TERM with status 0" {
	sed -i 's/nsinit --grace/nsinit -v --grace/' "$rootfs/../config"
	start_lxc
	wait_for has_command crond
	stop_lxc
	grep -q 'signal TERM ' "$console"
	grep -q 'COMMAND has ended: status 143' "$console"
}

@test "lxc-stop sends RTMIN+3 to nsinit unless lxc.signal.halt sets another signal" {
	without_halt
	init -v -- siglog -x 37 -s 3 /log
	start_lxc
	wait_for said READY "$rootfs/log"
	stop_lxc
	grep -q '^37 ' "$rootfs/log"
	grep -q 'COMMAND has ended: status 3' "$console"
}

@test "with -r RTMIN+3:TERM lxc-stop ends COMMAND by TERM, and with --stop-signal RTMIN+3 the grace limits the stop" {
	without_halt
	init -v -r RTMIN+3:TERM -- siglog -x 15 -s 3 /log
	start_lxc
	wait_for said READY "$rootfs/log"
	stop_lxc
	grep -q '^15 ' "$rootfs/log"
	run ! grep -q '^37 ' "$rootfs/log"
	grep -q 'COMMAND has ended: status 3' "$console"

	rm "$rootfs/log"
	init -v -t 0 -r RTMIN+3:TERM --stop-signal RTMIN+3 -- siglog /log
	start_lxc
	wait_for said READY "$rootfs/log"
	stop_lxc
	grep -q 'COMMAND has ended: status 137' "$console"
}
