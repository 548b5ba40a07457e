/*
 * Starting COMMAND: what it inherits, exec, and the statuses 126 and 127.
 */
#ifndef NSINIT_COMMAND_H
#define NSINIT_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

#include "files.h"
#include "signals.h"

struct child;
struct options;
struct terminal;

/* The child's report before its exec, and after an exec that failed. */
struct answer {
	sigmask had; /* BELOW_SHELL: the signals that were pending for COMMAND when the gate
			opened */
	int error;   /* errno of a failed exec, or 0 */
	bool lacks_interpreter; /* a file was found, but not the interpreter that it names */
};

/* The parameters of COMMAND's start. They must exist until COMMAND has called exec or has ended. */
struct start {
	const struct options *opt;
	const struct inherited *inherited;
	const struct terminal *terminal;
	pid_t self;         /* nsinit's PID in its own PID namespace */
	pid_t original_pid; /* the PID that nsinit was started with */
	int peer;           /* the socket on which COMMAND sends its PID before exec, or -1 */
	bool machine; /* nsinit is the machine's init: the default PATH has the sbin directories */
	struct answer answer; /* out */
	/* The members below are private to command.c. */
	bool apart; /* the child has a copy of nsinit's memory, except for this structure */
	int gate;   /* a futex: 1 once nsinit has closed its files */
	int alive;  /* a futex: 0 once the child has called exec, or has ended; if it is APART, once
		       it is about to call exec */
};

/*
 * Create the process that becomes COMMAND. It waits at a gate. If it cannot share nsinit's memory,
 * START is moved to a mapping that they share, which is never unmapped. Returns 0, or STATUS_FAILED
 * after logging why no process could be created.
 */
int command_create(struct child *child, struct start **start);

/* Close all files that are not in KEEP, change to "/", then let COMMAND exec. When it returns,
 * COMMAND has called exec, or START's answer has an error; or the exec is still to come, because
 * the child is stopped, has waited for a file system for a second, or has a copy of nsinit's
 * memory. */
void command_run(const struct child *child, struct start *start, struct keep *keep);

/* Log why the exec of a child that has ended failed, and return the status: 126 or 127. */
int command_failure(const struct start *start);

#endif
