# Kernels of Debian in virtual machines. Each runs nsinit as its init, and every case of core.sh. Linux 5.10 and 6.1 can
# neither signal a process group by pidfd (6.9) nor report the status of a COMMAND that the kernel has reaped (6.15).
# 6.12 lacks the latter. `make kernels` boots those of tests/kernels as well, for the other processors.
# bats file_tags=qemu

bats_require_minimum_version 1.8.0
load helper
load qemu

# An emulated processor on a busy machine takes minutes.
setup_file() {
	export BATS_TEST_TIMEOUT=1800
}

@test "Linux 5.10 on x86-64: every case of the core passes, and the machine powers off" {
	vm_core bullseye x86_64 5.10.
}

@test "Linux 6.1 on x86-64: every case of the core passes, and the machine powers off" {
	vm_core bookworm x86_64 6.1.
}

@test "Linux 6.12 on x86-64: every case of the core passes, and the machine powers off" {
	vm_core trixie x86_64 6.12.
}

@test "Linux 6.12 on arm64: every case of the core passes, and the machine powers off" {
	vm_core trixie aarch64 6.12.
}
