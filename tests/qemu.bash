# shellcheck shell=bash disable=SC2034,SC2154
# Virtual machines with nsinit as their init: Debian's cloud kernel, as it is packaged, in qemu; what is seen of one is
# its console, a file. Loaded after helper.bash.
#
# NSINIT_KERNEL is the kernel to boot. Where it is not set, Debian's is downloaded once, unpacked, and kept in
# ${XDG_CACHE_HOME:-~/.cache}/nsinit.

vm_cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/nsinit

# need_vm: go on only where a virtual machine can be had.
need_vm() {
	[[ $(uname -m) == x86_64 ]] || missing "needs an x86-64 processor: its kernel is linux-image-cloud-amd64"
	need qemu-system-x86_64 qemu-system-x86
	need busybox busybox-static
	! LC_ALL=C grep -qF /lib64/ld-linux "$(command -v busybox)" || missing "needs a static busybox: apt-get install busybox-static"
	[[ -n $(vm_kernel) ]] || missing "needs Debian's kernel: apt-get update, for apt-get download linux-image-cloud-amd64"
}

vm_kernel() {
	[[ -z ${NSINIT_KERNEL-} ]] || {
		echo "$NSINIT_KERNEL"
		return
	}
	mkdir -p "$vm_cache"
	(
		flock 9
		compgen -G "$vm_cache/vmlinuz-*" >/dev/null || vm_fetch_kernel >&2
	) 9>"$vm_cache/lock"
	compgen -G "$vm_cache/vmlinuz-*" | tail -n 1
}

# The metapackage depends on the kernel of the day.
vm_fetch_kernel() {
	local dir=$vm_cache/fetched name
	mkdir -p "$dir"
	name=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null |
		sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p') && [[ -n $name ]] &&
		(cd "$dir" && apt-get -q download "$name" && dpkg -x "$name"_*.deb .) &&
		mv "$dir"/boot/vmlinuz-* "$vm_cache"
	rm -rf "$dir"
}

# vm_tree DIR [PROBE]...: what an image holds: nsinit, busybox, the names of busybox's that tests start, some probes.
vm_tree() {
	local dir=$1 name
	shift
	mkdir -p "$dir"/{bin,dev}
	cp "$NSINIT" "$dir/nsinit"
	cp "$(command -v busybox)" "$dir/bin/busybox"
	for name in sh sleep usleep true false cat mount; do
		ln -sf busybox "$dir/bin/$name"
	done
	for name; do
		cp "$PROBES/$name" "$dir/bin/"
	done
}

# vm_script FILE: what comes on stdin becomes an executable script.
vm_script() {
	{
		echo '#!/bin/sh'
		cat
	} >"$1"
	chmod +x "$1"
}

# vm_pack DIR FILE: an initramfs (an archive that cpio's newc format describes) of DIR.
vm_pack() {
	(cd "$1" && find . | busybox cpio -o -H newc 2>/dev/null) >"$2"
}

# vm_node PATH MAJOR MINOR: on stdout one more archive with a character device, which only root could make as a file.
# The kernel unpacks it on top of the first.
vm_node() {
	local name size
	for name in "$1" 'TRAILER!!!'; do
		size=$((${#name} + 1))
		printf '070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\0' \
			1 $((8#20600)) 0 0 1 0 0 0 0 "$2" "$3" "$size" 0 "$name"
		head -c $(((4 - (110 + size) % 4) % 4)) /dev/zero
	done
}

# vm_start [-p] KERNEL_ARGS [QEMU_ARG]...: a machine, behind; $vm is its PID, $console the file. It is a microvm, or with
# -p a PC: that one has a keyboard, and disks whose driver is in the kernel (nvme). No KVM is needed, nor used.
#
# A microvm's interval timer does not always tick without KVM, and the kernel then waits for it for ever. Without that
# timer it must be told how fast the clocks are; roughly is enough.
vm_start() {
	local machine=microvm,pit=off,pic=off args='tsc_early_khz=2000000 lpj=4000000' try
	if [[ $1 == -p ]]; then
		machine=q35 args=
		shift
		set -- "$@" -bios qboot.rom
	fi
	args="console=ttyS0 quiet panic=-1 reboot=t $args $1"
	shift
	console=$BATS_TEST_TMPDIR/console
	vm_keys=$BATS_TEST_TMPDIR/keys
	[[ -p $vm_keys ]] || mkfifo "$vm_keys"
	# Now and then qemu hangs before the kernel says anything.
	for try in 1 2 3; do
		: >"$console"
		timeout -k 5 280 qemu-system-x86_64 -accel tcg -M "$machine" -m 256 -no-reboot -nodefaults -no-user-config \
			-display none -serial "file:$console" -monitor stdio -kernel "$(vm_kernel)" -append "$args" "$@" \
			<>"$vm_keys" >"$console.qemu" 2>&1 3>&- &
		vm=$!
		if wait_for -t 60 vm_is_alive; then
			return
		fi
		vm_kill
	done
	return 1
}

# Whether it has said something, or has ended, as one does that cannot say anything.
vm_is_alive() {
	[[ -s $console ]] || ended "$vm"
}

# vm_monitor COMMAND: to qemu's monitor.
vm_monitor() {
	echo "$1" 1<>"$vm_keys"
}

# vm_says TEXT: wait until the console says so.
vm_says() {
	wait_for -t 120 vm_said_or_ended "$1" && vm_said "$1"
}

vm_said_or_ended() {
	said "$1" "$console" || ended "$vm"
}

# vm_end: wait until the machine is off.
vm_end() {
	wait_for -t 120 ended "$vm" || vm_show
}

vm_show() {
	cat "$console" "$console.qemu" >&2
	return 1
}

vm_kill() {
	kill "$vm" 2>/dev/null || :
	wait "$vm" 2>/dev/null || :
}

# vm_run ARG...: a machine to its end, as vm_start.
vm_run() {
	vm_start "$@" && vm_end
}

# Of the console: there must be a line with TEXT, there must be none, how many there are.
vm_said() {
	said "$1" "$console" || {
		echo "the console does not say: $1" >&2
		vm_show
	}
}

vm_not_said() {
	! said "$1" "$console" || {
		echo "the console says: $1" >&2
		vm_show
	}
}

vm_count() {
	grep -cFe "$1" "$console"
}

# How it ended: each is the kernel's own word for it, and a panic is none of them.
vm_powered_off() {
	vm_said 'reboot: Power down' && vm_not_said panic
}

vm_rebooted() {
	vm_said 'reboot: Restarting system' && vm_not_said panic
}
