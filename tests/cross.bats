# Other processors: Debian's cross compilers build nsinit with musl, and core.sh runs it under a user-mode emulator.
# COMMAND and the probes are built for this machine. The emulator supports neither namespaces nor subreapers, so core.sh
# omits those cases. tests/kernels.bats runs them on kernels of the other processors.
# bats file_tags=tree

bats_require_minimum_version 1.8.0
load helper

# need_cross PROCESSOR TRIPLET DEBIAN_ARCHITECTURE: skip the test unless a cross compiler and musl for PROCESSOR exist.
need_cross() {
	need make make
	need "$2-gcc" "gcc-$2"
	make -s -C "$root" "CROSS=$1" musl >"$BATS_TEST_TMPDIR/log" 2>&1 || {
		cat "$BATS_TEST_TMPDIR/log"
		missing "needs Debian's musl-dev:$3, which make musl downloads: $(tail -n 1 "$BATS_TEST_TMPDIR/log")"
	}
}

# on PROCESSOR TRIPLET DEBIAN_ARCHITECTURE QEMU MACHINE LIMIT: build it for PROCESSOR, compare its size with LIMIT
# (in bytes), and run the core.
on() {
	local binary=$root/build/nsinit-$1 size
	need_root
	need_cross "$1" "$2" "$3"
	need "qemu-$4-static" qemu-user-static
	make -s -C "$root" "CROSS=$1" WERROR=1
	[[ $(readelf -h "$binary") == *Machine:*"$5"* ]]
	[[ $(readelf -lW "$binary") != *INTERP* ]]
	size=$(stat -c %s "$binary")
	echo "$size bytes"
	((size <= $6))
	[[ $("qemu-$4-static" "$binary" --version) == "nsinit version "* ]]
	# Later versions (10, but not 7.2) reserve two signals: ABRT for their own abort, and 34.
	local keeps='6 34'
	[[ $("qemu-$4-static" --version) != *' version 7.'* ]] || keeps=none
	run "${fresh[@]}" env EMULATED="$keeps" NSINIT="qemu-$4-static $binary" PROBES="$PROBES" sh "$root/tests/core.sh" \
		</dev/null 3>&-
	echo "$output"
	[[ $status == 0 && $output != *"not ok"* && ${#lines[@]} -ge 14 ]]
}

@test "aarch64: nsinit with musl has at most 48,000 bytes and passes the core" {
	on aarch64 aarch64-linux-gnu arm64 aarch64 AArch64 48000
}

@test "armhf: nsinit with musl has at most 48,000 bytes and passes the core" {
	on armhf arm-linux-gnueabihf armhf arm ARM 48000
}

@test "i386: nsinit with musl has at most 48,000 bytes and passes the core" {
	on i386 i686-linux-gnu i386 i386 'Intel 80386' 48000
}

@test "ppc64el: nsinit with musl has at most 61,440 bytes and passes the core" {
	on ppc64el powerpc64le-linux-gnu ppc64el ppc64le PowerPC64 61440
}

@test "riscv64: nsinit with musl has at most 48,000 bytes and passes the core" {
	on riscv64 riscv64-linux-gnu riscv64 riscv64 RISC-V 48000
}

@test "s390x: nsinit with musl has at most 49,152 bytes and passes the core" {
	on s390x s390x-linux-gnu s390x s390x S/390 49152
}

@test "without musl, CROSS builds with the cross compiler's glibc" {
	need make make
	need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
	need_file /usr/aarch64-linux-gnu/lib/libc.a libc6-dev-arm64-cross
	need qemu-aarch64-static qemu-user-static
	make -s -C "$root" CROSS=aarch64 MUSL= BUILD="$BATS_TEST_TMPDIR/glibc" BIN="$BATS_TEST_TMPDIR/nsinit"
	[[ $(make -s --no-print-directory -C "$root" CROSS=aarch64 MUSL= libc) == *-linux-gnu/* ]]
	[[ $(qemu-aarch64-static "$BATS_TEST_TMPDIR/nsinit" --version) == "nsinit version "* ]]
}

@test "make musl without a network names the mirror and leaves no incomplete libc" {
	need make make
	command -v apt-get >/dev/null || missing "needs apt-get, which downloads Debian packages"
	need_file /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
	run -2 env DEBIAN_MIRROR=http://127.0.0.1:9/debian make -s -C "$root" CROSS=aarch64 MUSL="$BATS_TEST_TMPDIR/musl" musl
	[[ $output == *'cannot read the package lists'*'from http://127.0.0.1:9/debian'* ]]
	[[ -z $(find "$BATS_TEST_TMPDIR/musl" -type f) ]]
}

@test "a build with musl includes no header of glibc" {
	need_cross aarch64 aarch64-linux-gnu arm64
	cd "$BATS_TEST_TMPDIR"
	make -s -C "$root" CROSS=aarch64 BUILD="$PWD/build" BIN="$PWD/nsinit" CPPFLAGS=-H 2>&1 |
		sed -n 's/^\.\.* //p' | sort -u >headers
	grep -q '/aarch64-linux-musl/signal\.h$' headers
	run -1 grep -vE '^include/|/aarch64-linux-musl/|/gcc(-cross)?/aarch64-linux-gnu/[0-9]+/include/' headers
	echo "$output"
	[[ $(make -s --no-print-directory -C "$root" CROSS=aarch64 libc) == */aarch64-linux-musl/libc.a ]]
}
