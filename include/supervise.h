/*
 * Supervising: one loop around COMMAND, or around the inner process that runs COMMAND in new
 * namespaces. The loop forwards signals, reaps children, and enforces the deadlines of a shutdown.
 */
#ifndef NSINIT_SUPERVISE_H
#define NSINIT_SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "child.h"
#include "paths.h"
#include "peer.h"
#include "reaper.h"
#include "signals.h"
#include "terminal.h"

struct options;
struct start;

/*
 * What happens in which phase ("-": nothing changes). RUNNING and OVER have no deadline,
 * the other phases can have one.
 *
 *                  RUNNING        STOPPING       LEAVING        KILLING        HUNG_UP (outer)
 * stop asked for   STOPPING (1)   -              - (2)          -              STOPPING (1)
 * COMMAND ends     LEAVING, OVER  LEAVING, the   -              - (keep the    -
 *                  (1)            clock runs on                 status)
 * deadline                        KILL, KILLING  KILL, KILLING  OVER (3)       report once
 * no child left    -              -              OVER           OVER           -
 * outer gone (4)   STOPPING or    - or KILLING   KILLING        KILLING
 *                  KILLING
 * inner gone       OVER (5)       OVER (5)       OVER (5)       OVER           OVER (5)
 *
 * (1) With a grace: STOPPING, LEAVING. Without one a stop changes nothing, and COMMAND's end is the
 *     end; with --linger it is LEAVING without a deadline.
 * (2) With --linger, before any stop: TERM to all, and the grace begins.
 * (3) If children have been reaped since, the deadline is extended. The outer process does not give
 *     up on an inner one that it has killed, but says that it waits.
 * (4) With --kill-child=SIG, COMMAND gets SIG first.
 * (5) KILLING if the inner process left processes behind that no PID namespace ends.
 */
enum phase { RUNNING, STOPPING, LEAVING, KILLING, HUNG_UP, OVER };

struct supervision {
	const struct options *opt;
	enum role role;
	pid_t self;          /* nsinit's PID in this process's PID namespace */
	pid_t original_pid;  /* the PID that nsinit was started with */
	struct child child;  /* COMMAND, or the inner process */
	pid_t command;       /* COMMAND's PID in the same namespace; 0 if unknown */
	struct start *start; /* COMMAND's start, or NULL */
	struct reaper reaper;
	struct terminal terminal;
	struct pid_file *pid_file;
	int peer;     /* the socket to the other process; -1 once that is gone */
	bool machine; /* the machine ends with nsinit */

	enum phase phase;
	int64_t deadline; /* ms of CLOCK_MONOTONIC; NEVER */
	int64_t grace;    /* ms, for a stop and for what COMMAND leaves behind; or GRACE_NONE,
			     GRACE_FOREVER */
	bool sweeping;    /* the last pass of TERM found processes that the one before had missed */
	bool progress;    /* children have been reaped since KILL */
	bool denied;      /* processes are left that nsinit may not signal */
	bool runs;        /* outer: the inner process has sent NOTE_RUNS */
	bool left_behind; /* outer: the inner process cannot find what COMMAND left behind */

	bool ended; /* COMMAND has ended, and STATUS is its wait(2) status */
	int status; /* the result, a wait(2) status */

	int stopped_by;        /* the signal that COMMAND is stopped by, or 0 */
	bool resumed;          /* nsinit has stopped since the last SIGCONT that it has taken */
	int suspend_signal;    /* the last stop signal since SIGCONT that nsinit got, or 0 */
	int64_t reaction_ends; /* until then a stop of COMMAND is a reaction to that signal */
	sigmask early; /* pending before COMMAND was created: COMMAND has not received them */
	sigmask sent;  /* the signals that nsinit has sent to COMMAND so far */
	sigmask had;   /* pending for COMMAND as well, so it received them */
};

/* Run until COMMAND, and everything that has to be waited for, has ended. The result is in S. */
void supervise(struct supervision *s);

/* Log what nsinit has decided. */
void supervise_describe(const struct supervision *s);

/*
 * Decide which pending signals have to be forwarded, right after COMMAND or the inner process was
 * created. PENDING are the signals that were pending for nsinit at that time, HAD those that the
 * new process found pending a moment later; 0 if it has left nsinit's process group. A signal in
 * both was sent to that group. A signal only in PENDING came before the new process existed.
 */
void supervise_divide(struct supervision *s, sigmask pending, sigmask had);

/* Return whether this process, an outer one that leads its session, has not yet given the terminal
 * up for COMMAND. */
bool supervise_has_terminal(const struct supervision *s);

/*
 * Begin the end as if COMMAND had ended with STATUS. supervise() then ends the remaining processes.
 */
void supervise_end(struct supervision *s, int status);

#endif
