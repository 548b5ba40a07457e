# The kernels of the other processors. `make kernels` runs this file after tests/kernels.bats.
# bats file_tags=qemu

bats_require_minimum_version 1.8.0
load ../helper
load ../qemu

setup_file() {
	export BATS_TEST_TIMEOUT=1800
}

@test "Linux 6.1 on armhf: every case of the core passes, and the machine powers off" {
	vm_core bookworm armhf 6.1.
}

@test "Linux 6.1 on i386: every case of the core passes, and the machine powers off" {
	vm_core bookworm i386 6.1.
}

@test "Linux 6.1 on ppc64el: every case of the core passes, and the machine powers off" {
	vm_core bookworm ppc64el 6.1.
}

@test "Linux 6.12 on riscv64: every case of the core passes, and the machine powers off" {
	vm_core trixie riscv64 6.12.
}

@test "Linux 6.1 on s390x: every case of the core passes, and the machine powers off" {
	vm_core bookworm s390x 6.1.
}
