/* System calls and errors by name, and what seccomp(2) needs that Debian's musl-gcc does not find.
 * The numbers depend on the processor. */
#ifndef CALLS_H
#define CALLS_H

#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include "raw.h"

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

static const struct {
	const char *name;
	int number;
} calls[] = {
#define CALL(name)                                                                                 \
	{                                                                                          \
#name, SYS_##name                                                                  \
	}
    CALL(brk),
    CALL(capget),
    CALL(chdir),
    CALL(chroot),
    CALL(clone),
    CALL(close),
    CALL(close_range),
    CALL(dup),
    CALL(execve),
    CALL(exit),
    CALL(exit_group),
    CALL(fchdir),
    CALL(fcntl),
    CALL(fstat),
    CALL(fstatfs),
    CALL(getcwd),
    CALL(getdents64),
    CALL(getegid),
    CALL(geteuid),
    CALL(getgid),
    CALL(getpgid),
    CALL(getpid),
    CALL(getppid),
    CALL(getsid),
    CALL(gettid),
    CALL(getuid),
    CALL(ioctl),
    CALL(kill),
    CALL(madvise),
    CALL(mkdirat),
    CALL(mmap),
    CALL(mount),
    CALL(mprotect),
    CALL(munmap),
    CALL(openat),
    CALL(pidfd_open),
    CALL(pidfd_send_signal),
    CALL(pipe2),
    CALL(pivot_root),
    CALL(ppoll),
    CALL(prctl),
    CALL(prlimit64),
    CALL(pwritev2),
    CALL(read),
    CALL(readlinkat),
    CALL(reboot),
    CALL(recvfrom),
    CALL(recvmsg),
    CALL(rt_sigaction),
    CALL(rt_sigpending),
    CALL(rt_sigprocmask),
    CALL(rt_sigqueueinfo),
    CALL(rt_sigtimedwait),
    CALL(sched_getattr),
    CALL(sched_setattr),
    CALL(sendmsg),
    CALL(sendto),
    CALL(set_tid_address),
    CALL(sethostname),
    CALL(setpgid),
    CALL(setsid),
    CALL(setsockopt),
    CALL(shutdown),
    CALL(signalfd4),
    CALL(socket),
    CALL(socketpair),
    CALL(statfs),
    CALL(statx),
    CALL(symlinkat),
    CALL(sync),
    CALL(tgkill),
    CALL(umount2),
    CALL(uname),
    CALL(unlinkat),
    CALL(unshare),
    CALL(wait4),
    CALL(waitid),
    CALL(write),
    CALL(writev),
#ifdef SYS_open /* newer processors lack the older half of these */
    CALL(access),
    CALL(fork),
    CALL(getpgrp),
    CALL(lstat),
    CALL(mkdir),
    CALL(open),
    CALL(pipe),
    CALL(poll),
    CALL(readlink),
    CALL(rmdir),
    CALL(stat),
    CALL(unlink),
    CALL(vfork),
#endif
#ifdef SYS_arch_prctl
    CALL(arch_prctl),
#endif
#ifdef SYS_newfstatat
    CALL(newfstatat),
#endif
#ifdef SYS_clock_gettime
    CALL(clock_gettime),
#endif
#ifdef SYS_futex
    CALL(futex),
#endif
#ifdef SYS_getrlimit
    CALL(getrlimit),
#endif
#ifdef SYS_clone3
    CALL(clone3),
#endif
#undef CALL
};
enum { CALLS = sizeof calls / sizeof *calls };

static const struct {
	const char *name;
	int number;
} errors[] = {
#define ERROR(name)                                                                                \
	{                                                                                          \
#name, name                                                                        \
	}
    ERROR(EACCES),
    ERROR(EAGAIN),
    ERROR(EBADF),
    ERROR(EINTR),
    ERROR(EINVAL),
    ERROR(EMFILE),
    ERROR(ENODEV),
    ERROR(ENOENT),
    ERROR(ENOMEM),
    ERROR(ENOSPC),
    ERROR(ENOSYS),
    ERROR(ENOTTY),
    ERROR(EOPNOTSUPP),
    ERROR(EPERM),
    ERROR(ESRCH),
    ERROR(ETIMEDOUT),
    ERROR(EIO),
#undef ERROR
};

static inline int call_number(const char *name, size_t length)
{
	for (int i = 0; i < CALLS; i++)
		if (strlen(calls[i].name) == length && memcmp(calls[i].name, name, length) == 0)
			return calls[i].number;
	fprintf(stderr, "no system call that is known here: %.*s\n", (int)length, name);
	_exit(98);
}

static inline int error_number(const char *name)
{
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].number;
	fprintf(stderr, "no error that is known here: %s\n", name);
	_exit(98);
}

/* linux/filter.h, linux/seccomp.h, linux/bpf_common.h */
struct bpf_step {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};

struct bpf_program {
	unsigned short length;
	struct bpf_step *steps;
};

struct seccomp_call {
	int32_t nr;
	uint32_t arch;
	uint64_t instruction_pointer;
	uint64_t args[6];
};

#define BPF_LOAD(at)                                                                               \
	{                                                                                          \
		0x20, 0, 0, (uint32_t)(at)                                                         \
	}
#define BPF_EQUAL(k, yes, no)                                                                      \
	{                                                                                          \
		0x15, yes, no, (uint32_t)(k)                                                       \
	}
#define BPF_ANY(k, yes, no)                                                                        \
	{                                                                                          \
		0x45, yes, no, (uint32_t)(k)                                                       \
	}
#define BPF_AND(k)                                                                                 \
	{                                                                                          \
		0x54, 0, 0, (uint32_t)(k)                                                          \
	}
#define BPF_GIVE(k)                                                                                \
	{                                                                                          \
		0x06, 0, 0, (uint32_t)(k)                                                          \
	}

#define GIVE_ALLOW      0x7fff0000U
#define GIVE_ERRNO(e)   (0x00050000U | (unsigned)(e))
#define GIVE_SUPERVISOR 0x7fc00000U

#ifndef SYS_seccomp
#error "seccomp(2) has a number on every processor"
#endif

/* Installs the filter for this process and its descendants. With the supervisor's FLAG, returns a
 * descriptor. */
static inline int filter(struct bpf_step *steps, size_t count, unsigned flag)
{
	struct bpf_program program = {(unsigned short)count, steps};
	int fd = (int)syscall(SYS_seccomp, 1, flag, &program);

	/* Without privileges a process has to give up setuid programs first. */
	if (fd == -1 && errno == EACCES && prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0)
		fd = (int)syscall(SYS_seccomp, 1, flag, &program);
	if (fd == -1)
		fail("seccomp");
	return fd;
}

#endif
