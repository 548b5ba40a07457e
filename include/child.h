/*
 * Starting COMMAND: its group, session and terminal, what it inherits, exec, and 126 and 127.
 */
#ifndef NSINIT_CHILD_H
#define NSINIT_CHILD_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/wait.h>

#include "files.h"

struct inherited;
struct options;
struct terminal;

struct child {
	pid_t pid;   /* 0: none */
	int pidfd;   /* -1 before Linux 5.2, or where a filter refused it */
	bool pinned; /* PID is this child's: it has not been reaped, and nobody else reaps it */
};

/*
 * clone(2) with FLAGS, on the stack below TOP, with a pidfd if the kernel has them. FN's value is
 * the child's exit status. The kernel sets ALIVE, which may be NULL, to 0 as
 * CLONE_CHILD_CLEARTID says. Returns -1 and sets errno on failure.
 */
int child_clone(
    struct child *child, int (*fn)(void *), void *arg, int flags, char *top, int *alive);

/* Waits for CHILD alone, and returns its wait status; -1 where there is none to be had. */
int child_wait(const struct child *child);

/* What COMMAND's start depends on. */
struct start {
	const struct options *opt;
	const struct inherited *inherited;
	const struct terminal *terminal;
	pid_t caller; /* the PID that nsinit was started with */
	int peer;     /* a socket to which COMMAND sends a byte before exec, or -1 */
	struct keep keep; /* what nsinit keeps open once COMMAND runs, besides COMMAND's pidfd */
	int status;       /* out: 0, or what nsinit is to end with */
	pid_t self;       /* the rest is child_start()'s own: nsinit's PID as COMMAND sees it */
	int gate;         /* a futex: 1 once nsinit has closed its files */
	int alive;        /* a futex: 0 once the child has called exec, or has ended */
};

/*
 * Start COMMAND. On return it runs, or is stopped. All files that are not in START's keep are
 * closed before COMMAND's first instruction, and the working directory is "/". Returns 0, or the
 * status to end with, which has been reported on stderr: 126, 127, or 125 if no process could be
 * created. The child has been reaped then.
 */
int child_start(struct child *child, struct start *start);

#endif
