/* A child process of nsinit: create it, wait for it, and signal it, by pidfd if the kernel supports
 * them. */
#ifndef NSINIT_CHILD_H
#define NSINIT_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/wait.h>

struct child {
	pid_t pid;   /* 0: none */
	int pidfd;   /* -1 before Linux 5.2, or if a filter refused it */
	bool pinned; /* PID is this child's: it has not been reaped, and only nsinit reaps it */
};

/*
 * Call clone(2) with FLAGS, for a child that uses the stack below TOP, and open a pidfd if the
 * kernel supports it. FN's value is the child's exit status. Returns -1 and sets errno on failure.
 */
int child_clone(struct child *child, int (*fn)(void *), void *arg, int flags, char *top);

/* Wait for CHILD only, and return its wait status; -1 if it cannot be read. */
int child_wait(const struct child *child);

/* Return whether CHILD has ended or is stopped. CHILD is not reaped, and its status will still be
 * reported. */
bool child_is_halted(const struct child *child);

enum sent {
	SENT,      /* or CHILD has died, which is not an error */
	NO_NUMBER, /* only the group's number could be used, and CHILD has been reaped */
	FAILED     /* errno is set */
};

/*
 * Send SIG to CHILD, or to its process group. INFO, which may be NULL, is the argument of
 * pidfd_send_signal(2). A pidfd cannot signal a recycled PID. If the kernel (before 5.1, and before
 * 6.9 for groups) or a seccomp filter refuses it, signal by number, but only while the number is
 * CHILD's.
 */
enum sent child_signal(const struct child *child, int sig, siginfo_t *info, bool group);

/*
 * Forward the signal in INFO to CHILD, or to its process group, and to CHILD as well if it has left
 * that group. A signal queued by sigqueue(3) keeps its value, and always goes to CHILD only.
 * Failures are logged. Returns false for NO_NUMBER.
 */
bool child_forward(const struct child *child, bool group, siginfo_t *info);

/* The wait(2) statuses of a process that SIG terminated, and that exited with CODE. */
static inline int killed_by(int sig)
{
	return sig;
}

static inline int exited_with(int code)
{
	return code << 8;
}

#endif
