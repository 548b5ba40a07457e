# Other processors: what Debian's cross compilers make runs core.sh below an emulator of the processor alone. COMMAND and
# the probes are this machine's own. The emulator knows neither namespaces nor subreapers: core.sh leaves them out.
# bats file_tags=tree

bats_require_minimum_version 1.8.0
load helper

# on PROCESSOR TRIPLET LIBC QEMU MACHINE: build for it, and run the core.
on() {
	local binary=$root/build/nsinit-$1
	need_root
	need make make
	need "$2-gcc" "gcc-$2"
	need_file "/usr/$2/lib/libc.a" "libc6-dev-$3-cross"
	need "qemu-$4-static" qemu-user-static
	make -s -C "$root" "CROSS=$1" WERROR=1
	[[ $(readelf -h "$binary") == *Machine:*"$5"* ]]
	[[ $(readelf -lW "$binary") != *INTERP* ]]
	# Later versions keep two signals for themselves: ABRT for an abort of their own, and 34 (10 does, 7.2 does not).
	local keeps='6 34'
	[[ $("qemu-$4-static" --version) != *' version 7.'* ]] || keeps=none
	run "${fresh[@]}" env EMULATED="$keeps" NSINIT="qemu-$4-static $binary" PROBES="$PROBES" sh "$root/tests/core.sh" \
		</dev/null 3>&-
	echo "$output"
	[[ $status == 0 && $output != *"not ok"* && ${#lines[@]} -ge 14 ]]
}

@test "aarch64: it builds and passes the core" {
	on aarch64 aarch64-linux-gnu arm64 aarch64 AArch64
}

@test "armhf: it builds and passes the core" {
	on armhf arm-linux-gnueabihf armhf arm ARM
}

@test "i386: it builds and passes the core" {
	on i386 i686-linux-gnu i386 i386 'Intel 80386'
}

@test "ppc64el: it builds and passes the core" {
	on ppc64el powerpc64le-linux-gnu ppc64el ppc64le PowerPC64
}

@test "riscv64: it builds and passes the core" {
	on riscv64 riscv64-linux-gnu riscv64 riscv64 RISC-V
}

@test "s390x: it builds and passes the core" {
	on s390x s390x-linux-gnu s390x s390x S/390
}
