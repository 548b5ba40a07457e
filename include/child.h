/*
 * One process of ours: creating it, waiting for it, signalling it, by pidfd if the kernel has them.
 */
#ifndef NSINIT_CHILD_H
#define NSINIT_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/wait.h>

struct child {
	pid_t pid;   /* 0: none */
	int pidfd;   /* -1 before Linux 5.2, or if a filter refused it */
	bool pinned; /* PID is this child's: it has not been reaped, and nobody else reaps it */
};

/*
 * clone(2) with FLAGS, on the stack below TOP, with a pidfd if the kernel has them. FN's value is
 * the child's exit status. ALIVE, which may be NULL, is for CLONE_CHILD_CLEARTID. Returns -1 and
 * sets errno on failure.
 */
int child_clone(
    struct child *child, int (*fn)(void *), void *arg, int flags, char *top, int *alive);

/* Wait for CHILD alone, and return its wait status; -1 if it cannot be had. */
int child_wait(const struct child *child);

/* Return whether CHILD has ended or is stopped. It is not reaped, and stays to be reported. */
bool child_is_halted(const struct child *child);

enum sent {
	SENT,      /* or CHILD has died, which is no error */
	NO_NUMBER, /* only the number of the group would do, and CHILD has been reaped */
	FAILED     /* and errno says why */
};

/*
 * Send SIG to CHILD, or to its process group. INFO, which may be NULL, is passed along
 * (pidfd_send_signal(2)). By pidfd, so that no recycled PID is hit; by number if the kernel (before
 * 5.1, and before 6.9 for groups) or a seccomp filter has none, and only while the number is
 * CHILD's.
 */
enum sent child_signal(const struct child *child, int sig, siginfo_t *info, bool group);

/*
 * Forward what INFO says to CHILD, or to its process group: with its value if it was queued by
 * sigqueue(3), and then always to CHILD alone. Also to CHILD itself if that has left its group.
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
