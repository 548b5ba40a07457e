/*
 * The kernel's interface: syscall(2), errno, and constants that the libc's headers may not define
 * yet (Debian's musl-gcc finds no Linux headers at all), with the version of Linux that added each.
 */
#ifndef NSINIT_KERNEL_H
#define NSINIT_KERNEL_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Since Linux 5.1 a new system call has the same number on all processors except alpha. */
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424 /* 5.1 */
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434 /* 5.3 */
#endif
#ifndef SYS_close_range
#define SYS_close_range 436 /* 5.9 */
#endif

#ifndef SYS_clock_gettime
#define SYS_clock_gettime                                                                          \
	SYS_clock_gettime32 /* musl's name of the call with two longs, on 32-bit processors */
#endif

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000 /* 4.6 */
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080 /* 5.6; only for unshare(2) and setns(2) */
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000 /* 5.2, silently ignored before */
#endif

/*
 * The stack, in bytes, of a child with a copy of nsinit's memory. The child may overwrite what lies
 * below, since it never returns there. But the libc's clone(3) writes a first stack frame while it
 * is still in the parent, and so into the parent's own memory: up to 160 bytes (s390x).
 */
enum { COPIED_STACK = 256 };

#ifndef PIDFD_SIGNAL_PROCESS_GROUP
#define PIDFD_SIGNAL_PROCESS_GROUP (1U << 2) /* 6.9, EINVAL before */
#endif

/* linux/futex.h */
#ifndef FUTEX_WAIT
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#endif

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8 /* 4.14, for pipes 6.4; EOPNOTSUPP before */
#endif

/*
 * fstatat(2) of PATH without following a link, or of FD itself if PATH is "". On 64-bit processors
 * the libc's structure is the kernel's, and the libc's function would only add code that converts
 * others.
 */
static inline int file_stat(int fd, const char *path, struct stat *st)
{
#ifdef SYS_newfstatat
	return (int)syscall(SYS_newfstatat, fd, path, st, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
#else
	return fstatat(fd, path, st, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
#endif
}

/* send(2), which on some processors is the larger function of the libc. Its errors and results are
 * the same. */
static inline ssize_t socket_send(int fd, const void *data, size_t n, int flags)
{
	return syscall(SYS_sendto, fd, data, n, flags, NULL, 0);
}

/*
 * mmap(2) of N bytes that a child with a copy of nsinit's memory shares. The libc's function would
 * be larger. On s390x the system call has a single argument, which musl's syscall(2) hides and
 * glibc's does not. Returns MAP_FAILED and sets errno on failure.
 */
static inline void *memory_shared(size_t n)
{
	const long mode = PROT_READ | PROT_WRITE, kind = MAP_SHARED | MAP_ANONYMOUS;
#if defined(SYS_mmap2)
	return (void *)syscall(SYS_mmap2, NULL, n, mode, kind, -1L, 0L);
#elif defined(__s390x__)
	return mmap(NULL, n, (int)mode, (int)kind, -1, 0);
#else
	return (void *)syscall(SYS_mmap, NULL, n, mode, kind, -1L, 0L);
#endif
}

/* capget(2), linux/capability.h: effective, permitted, inheritable, and each one's upper half. */
struct capability_header {
	uint32_t version;
	int pid;
};
#define CAPABILITIES_OF_SELF (&(struct capability_header){0x20080522, 0})
enum { CAPABILITY_WORDS = 6 };

#define PROC_MAGIC    0x9fa0             /* statfs(2), f_type of a procfs */
#define PROC_PID_INIT "pid:[4026531836]" /* /proc/PID/ns/pid of the initial PID namespace */

/* PIDFD_GET_INFO: 6.13 (ENOTTY before); PIDFD_INFO_EXIT: 6.15. include/uapi/linux/pidfd.h */
struct pidfd_info_exit {
	uint64_t mask; /* in: the fields requested; out: the fields that are valid */
	uint64_t cgroup;
	uint32_t ids[11];
	int32_t exit_code; /* a wait(2) status */
};
_Static_assert(sizeof(struct pidfd_info_exit) == 64, "PIDFD_INFO_SIZE_VER0");

#define PIDFD_GET_EXIT_INFO _IOWR(0xFF, 11, struct pidfd_info_exit)
#define PIDFD_EXIT_KNOWN    (1U << 3)

#endif
