/* Functions that the probes share. They use raw system calls, so that all 64 signals can be used.
 * musl reserves 32 to 34, glibc 32 and 33. */
#ifndef RAW_H
#define RAW_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIGNALS  64
#define ALL_MASK (~(uint64_t)0)

static inline uint64_t sig_bit(int sig)
{
	return (uint64_t)1 << (sig - 1);
}

/* Prints what failed and why, and exits with a status that no test expects. */
static inline void fail(const char *what)
{
	perror(what);
	_exit(99);
}

/* Changes the mask by SIG_BLOCK, SIG_SETMASK or SIG_UNBLOCK, and returns the previous one. */
static inline uint64_t sig_mask(int how, uint64_t mask)
{
	uint64_t old = 0;

	if (syscall(SYS_rt_sigprocmask, how, &mask, &old, sizeof mask) == -1)
		fail("rt_sigprocmask");
	return old;
}

static inline uint64_t sig_pending(void)
{
	uint64_t set = 0;

	if (syscall(SYS_rt_sigpending, &set, sizeof set) == -1)
		fail("rt_sigpending");
	return set;
}

/* The kernel's structure depends on the processor, but always begins with these two members. */
struct kernel_action {
	unsigned long handler;
	unsigned long flags;
	unsigned long rest[6];
};

static inline unsigned long sig_disposition(int sig)
{
	struct kernel_action act = {0};

	if (syscall(SYS_rt_sigaction, sig, NULL, &act, sizeof(uint64_t)) == -1)
		fail("rt_sigaction");
	return act.handler;
}

static inline int sig_dispose(int sig, void (*handler)(int))
{
	struct kernel_action act = {.handler = (unsigned long)handler};

	return (int)syscall(SYS_rt_sigaction, sig, &act, NULL, sizeof(uint64_t));
}

/* Waits for a signal of MASK, which must be blocked. */
static inline int sig_wait(uint64_t mask, siginfo_t *info)
{
	long sig;

	do
		sig = syscall(SYS_rt_sigtimedwait, &mask, info, NULL, sizeof mask);
	while (sig == -1 && errno == EINTR);
	if (sig == -1)
		fail("rt_sigtimedwait");
	return (int)sig;
}

/* A raw call, because the type of RESOURCE differs between libcs. */
struct limit {
	uint64_t soft;
	uint64_t hard;
};

static inline void limits(int resource, const struct limit *set, struct limit *get)
{
	if (syscall(SYS_prlimit64, 0, resource, set, get) == -1)
		fail("prlimit");
}

/* Returns the value of S, a number from LOW to HIGH. Anything else is a usage error. */
static inline long number(const char *s, long low, long high)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(s, &end, 10);
	if (errno != 0 || end == s || *end != '\0' || n < low || n > high) {
		fprintf(stderr, "not a number from %ld to %ld: %s\n", low, high, s);
		_exit(98);
	}
	return n;
}

/* Opens a file to which several processes write lines, each by one appending write. "-" is the
 * standard output. */
static inline int log_open(const char *path)
{
	int fd = strcmp(path, "-") == 0
		     ? 1
		     : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);

	if (fd == -1)
		fail(path);
	return fd;
}

static inline void __attribute__((format(printf, 2, 3))) log_line(int fd, const char *format, ...)
{
	char line[256];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (len < 0 || write(fd, line, (size_t)len) != len)
		fail("write");
}

#endif
