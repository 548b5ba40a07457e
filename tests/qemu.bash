# shellcheck shell=bash disable=SC2034,SC2154
# Virtual machines with nsinit as their init: Debian's kernels, as they are packaged, in qemu without KVM. A test reads
# the machine's console, which is a file. Load it after helper.bash.
#
# vm_use chooses the Debian release and the processor: Debian 12 and x86-64 unless a test asks for others. Kernels are
# downloaded once, unpacked, and kept in ${XDG_CACHE_HOME:-~/.cache}/nsinit. If NSINIT_KERNEL is set, it is booted
# instead of Debian 12's kernel for x86-64.

vm_cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/nsinit

# vm_use SUITE PROCESSOR: select the machine that need_vm, vm_tree and vm_start use from now on. PROCESSOR is a value of
# make's CROSS.
vm_use() {
	vm_suite=$1 vm_processor=$2 vm_tty=ttyS0 vm_args='' vm_limit=1500 vm_patience=400
	case $2 in
	x86_64)
		vm_set amd64 linux-image-cloud-amd64 x86_64 qemu-system-x86 -M microvm,pit=off,pic=off -m 256
		# Without KVM a microvm's interval timer does not always tick, and the kernel then waits for it for
		# ever. So disable that timer, and pass the rates of the clocks to the kernel; a rough value is enough.
		vm_args='reboot=t tsc_early_khz=2000000 lpj=4000000' vm_limit=900 vm_patience=60
		;;
	i386) vm_set i386 linux-image-686-pae i386 qemu-system-x86 -M q35 -m 512 -bios qboot.rom ;;
	aarch64)
		vm_set arm64 linux-image-cloud-arm64 aarch64 qemu-system-arm -M virt -cpu cortex-a57 -m 512
		vm_tty=ttyAMA0
		;;
	armhf)
		vm_set armhf linux-image-armmp arm qemu-system-arm -M virt,highmem=off -cpu cortex-a15 -m 512
		vm_tty=ttyAMA0
		;;
	ppc64el)
		vm_set ppc64el linux-image-powerpc64le ppc64 qemu-system-ppc -M pseries,x-vof=on -cpu power9 -m 1024
		vm_tty=hvc0
		;;
	riscv64) vm_set riscv64 linux-image-riscv64 riscv64 qemu-system-misc -M virt -m 512 ;;
	s390x)
		vm_set s390x linux-image-s390x s390x qemu-system-misc -M s390-ccw-virtio -m 512
		vm_tty=ttysclp0
		;;
	esac
}

# vm_set DEBIAN_ARCHITECTURE KERNEL_PACKAGE QEMU QEMU_PACKAGE QEMU_ARG...
vm_set() {
	vm_debian=$1 vm_package=$2 vm_qemu=qemu-system-$3 vm_qemu_package=$4
	vm_machine=("${@:5}")
}

vm_use bookworm x86_64

# need_vm: skip the test unless the machine that vm_use selected can run here.
need_vm() {
	[[ $vm_processor == x86_64 ]] || need_cross_vm
	[[ $vm_processor != x86_64 || $(uname -m) == x86_64 ]] || missing "needs an x86-64 processor"
	need "$vm_qemu" "$vm_qemu_package"
	need busybox busybox-static
	! LC_ALL=C grep -qF /lib64/ld-linux "$(command -v busybox)" ||
		missing "needs a static busybox: apt-get install busybox-static"
	[[ -e $(vm_kernel) ]] || vm_fetch >"$BATS_TEST_TMPDIR/fetched" 2>&1 || {
		cat "$BATS_TEST_TMPDIR/fetched"
		missing "needs Debian's $vm_package: $(tail -n 1 "$BATS_TEST_TMPDIR/fetched")"
	}
}

# Use nsinit and the probes for the other processor instead of those for this machine.
need_cross_vm() {
	local triplet log=$BATS_TEST_TMPDIR/cross.log
	triplet=$(sed -n "s/^triplet_$vm_processor = //p" "$root/Makefile")
	need make make
	need "$triplet-gcc" "gcc-$triplet"
	make -s -C "$root" "CROSS=$vm_processor" musl >"$log" 2>&1 || {
		cat "$log"
		missing "needs Debian's musl-dev:$vm_debian: $(tail -n 1 "$log")"
	}
	NSINIT=$root/build/nsinit-$vm_processor PROBES=$root/build/$vm_processor/probes
}

# Print the directory with vmlinuz and busybox of the machine that vm_use selected.
vm_dir() {
	echo "$vm_cache/$vm_suite-$vm_processor"
}

# Download the files that are missing in vm_dir.
vm_fetch() {
	local dir what
	dir=$(vm_dir)
	what=("$vm_suite/$vm_package:$vm_debian")
	[[ $vm_processor == x86_64 ]] || what+=("$vm_suite/busybox-static:$vm_debian")
	mkdir -p "$vm_cache"
	(
		flock 9
		[[ ! -e $dir/vmlinuz ]] || exit 0
		rm -rf "$dir.new"
		"$root/packaging/fetch" "$dir.new" "${what[@]}" || exit
		mkdir -p "$dir"
		# Since Debian 13 /bin is part of /usr.
		[[ $vm_processor == x86_64 ]] || find "$dir.new" -path '*/bin/busybox' -exec mv {} "$dir/" \; -quit
		mv "$dir.new"/boot/vmlinu[xz]-* "$dir/vmlinuz"
		rm -rf "$dir.new"
	) 9>"$vm_cache/lock"
}

vm_kernel() {
	if [[ -n ${NSINIT_KERNEL-} && $vm_suite-$vm_processor == bookworm-x86_64 ]]; then
		echo "$NSINIT_KERNEL"
	else
		echo "$(vm_dir)/vmlinuz"
	fi
}

# vm_tree DIR [PROBE]...: create the files of an image: nsinit, busybox, the names of busybox that tests use, and the
# probes.
vm_tree() {
	local dir=$1 name busybox
	shift
	busybox=$(command -v busybox)
	if [[ $vm_processor != x86_64 ]]; then
		busybox=$(vm_dir)/busybox
		make -s -C "$root" "CROSS=$vm_processor" all "${@/#/build/$vm_processor/probes/}"
	fi
	mkdir -p "$dir"/{bin,dev}
	cp "$NSINIT" "$dir/nsinit"
	cp "$busybox" "$dir/bin/busybox"
	for name in sh sleep usleep true false cat mount; do
		ln -sf busybox "$dir/bin/$name"
	done
	for name; do
		cp "$PROBES/$name" "$dir/bin/"
	done
}

# vm_script FILE: write stdin to FILE, and make it executable.
vm_script() {
	{
		echo '#!/bin/sh'
		cat
	} >"$1"
	chmod +x "$1"
}

# vm_pack DIR FILE: create an initramfs (an archive in cpio's newc format) of DIR.
vm_pack() {
	(cd "$1" && find . | busybox cpio -o -H newc 2>/dev/null) >"$2"
}

# vm_node PATH MAJOR MINOR: print another archive that contains a character device, which only root could create as a
# file. The kernel unpacks it after the first archive.
vm_node() {
	local name size
	for name in "$1" 'TRAILER!!!'; do
		size=$((${#name} + 1))
		printf '070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\0' \
			1 $((8#20600)) 0 0 1 0 0 0 0 "$2" "$3" "$size" 0 "$name"
		head -c $(((4 - (110 + size) % 4) % 4)) /dev/zero
	done
}

# vm_start [-p] KERNEL_ARGS [QEMU_ARG]...: start a machine in the background. Set $vm to its PID and $console to its
# console file. On x86-64 it is a microvm, or with -p a PC, which has a keyboard and disks whose driver is built into
# the kernel (nvme).
vm_start() {
	local machine=("${vm_machine[@]}") args=$vm_args try
	if [[ $1 == -p ]]; then
		machine=(-M q35 -m 256 -bios qboot.rom) args=reboot=t
		shift
	fi
	args="console=$vm_tty quiet panic=-1 $args $1"
	shift
	console=$BATS_TEST_TMPDIR/console
	vm_keys=$BATS_TEST_TMPDIR/keys
	[[ -p $vm_keys ]] || mkfifo "$vm_keys"
	# Sometimes qemu hangs before the kernel prints anything, so try again.
	for try in 1 2 3; do
		: >"$console"
		timeout -k 5 "$vm_limit" "$vm_qemu" -accel tcg "${machine[@]}" -no-reboot -nodefaults -no-user-config \
			-display none -serial "file:$console" -monitor stdio -kernel "$(vm_kernel)" -append "$args" "$@" \
			<>"$vm_keys" >"$console.qemu" 2>&1 3>&- &
		vm=$!
		if wait_for -t "$vm_patience" vm_is_alive; then
			return
		fi
		vm_kill
	done
	return 1
}

# Whether the console has output, or qemu has ended, as it does if it cannot start.
vm_is_alive() {
	[[ -s $console ]] || ended "$vm"
}

# vm_monitor COMMAND: send COMMAND to qemu's monitor.
vm_monitor() {
	echo "$1" 1<>"$vm_keys"
}

# vm_says TEXT: wait until the console shows TEXT.
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

# vm_run ARG...: like vm_start, and wait until the machine is off.
vm_run() {
	vm_start "$@" && vm_end
}

# Check the console: a line with TEXT must exist, must not exist; count such lines.
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

# How the machine ended: each is the kernel's message, and none is that of a panic. s390x powers off before its console
# has written the message; there qemu must have ended by itself.
vm_powered_off() {
	if [[ $vm_processor == s390x ]]; then
		wait "$vm" && vm_said 'powering off' && vm_not_said panic
		return
	fi
	vm_said 'reboot: Power down' && vm_not_said panic
}

vm_rebooted() {
	vm_said 'reboot: Restarting system' && vm_not_said panic
}

# vm_core SUITE PROCESSOR VERSION: boot that kernel with nsinit as its init, and run every case of core.sh below it.
vm_core() {
	local tree=$BATS_TEST_TMPDIR/tree image=$BATS_TEST_TMPDIR/image name cases
	vm_use "$1" "$2"
	need_vm
	vm_tree "$tree" die oddparent orphans outlive siglog sigsend state
	mkdir -p "$tree/tmp"
	cp "$root/tests/core.sh" "$tree/"
	for name in hostname id readlink; do
		ln -s busybox "$tree/bin/$name"
	done
	vm_script "$tree/run" <<-'END'
		mount -t devtmpfs devtmpfs /dev
		echo "kernel: $(uname -rm)"
		NSINIT=/nsinit PROBES=/bin sh /core.sh
		echo "core.sh: status $?"
	END
	vm_pack "$tree" "$image"
	vm_start "rdinit=/nsinit -- --mount-proc /run" -initrd "$image"
	wait_for -t "$vm_limit" ended "$vm" || vm_show
	sed -i 's/\r$//' "$console"
	cat "$console"
	vm_said "kernel: $3"
	vm_said 'core.sh: status 0'
	vm_not_said 'not ok'
	cases=$(grep -c '^case_' "$root/tests/core.sh")
	[[ $(grep -c '^ok ' "$console") == "$cases" ]]
	vm_powered_off
}
