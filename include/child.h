/*
 * Starting COMMAND: its group, session and terminal, what it inherits, exec, and 126 and 127.
 */
#ifndef NSINIT_CHILD_H
#define NSINIT_CHILD_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/wait.h>

struct inherited;
struct options;
struct terminal;

struct child {
	pid_t pid;   /* 0: none */
	int pidfd;   /* -1 before Linux 5.2, or where a filter refused it */
	bool pinned; /* PID is this child's: it has not been reaped, and nobody else reaps it */
};

/*
 * clone(2) with FLAGS, on the stack below TOP, with a pidfd where the kernel has them. FN's value
 * is the child's exit status. -1 and errno.
 */
int child_clone(struct child *child, int (*fn)(void *), void *arg, int flags, char *top);

/* Waits for CHILD alone, and returns its wait status; -1 where there is none to be had. */
int child_wait(const struct child *child);

/* What COMMAND's start depends on. */
struct start {
	const struct options *opt;
	const struct inherited *inherited;
	const struct terminal *terminal;
	pid_t caller; /* the PID that nsinit was started with */
	int peer;     /* a socket to which COMMAND sends a byte before exec, or -1 */
	int status;   /* out: 0, or what nsinit is to end with */
};

/*
 * Starts COMMAND as vfork(2) does: on return it runs. Returns 0, or the status to end with, which
 * has been told on stderr: 126, 127, or 125 where there is no process to be had. The child is
 * reaped then.
 */
int child_start(struct child *child, struct start *start);

#endif
