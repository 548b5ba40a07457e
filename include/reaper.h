/* Children: adopting, waiting, statuses. Either nsinit reaps orphans, by one wait4(2) each, or the
 * kernel does. No other file depends on which. */
#ifndef NSINIT_REAPER_H
#define NSINIT_REAPER_H

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

struct child;
struct options;

struct reaper {
	int signals;    /* the descriptor of signals_watch() */
	bool delegated; /* the kernel reaps */
	bool ended;     /* the child has ended, and its PID may be an orphan's by now */
};

enum news_kind {
	NOTHING_NEW,
	CHILD_ENDED,   /* STATUS as wait(2) gives it; the PID has been released */
	CHILD_CHANGED, /* stopped or continued; STATUS as above */
	ORPHAN_REAPED,
	ORPHAN_CHANGED, /* stopped or continued; usually ignored */
	NO_CHILDREN     /* none is left at all (ECHILD) */
};

struct news {
	enum news_kind kind;
	pid_t pid;
	int status;
};

/* Make nsinit, PID SELF, the reaper of its descendants. PID 1 already is; any other PID uses
 * PR_SET_CHILD_SUBREAPER (prctl(2)). */
void reaper_adopt(pid_t self);

/*
 * Let the kernel reap orphans, if it can report CHILD's status afterwards (Linux 6.15) and no
 * orphan has to be logged. Call it only as PID 1, once CHILD is running. CHILD, which may be NULL,
 * is not pinned afterwards.
 */
void reaper_delegate(struct reaper *reaper, struct child *child, const struct options *opt);

/* Let nsinit reap orphans again, since at the end it waits for ECHILD. */
void reaper_resume(struct reaper *reaper);

/* Return what to poll in addition to the signals: CHILD's end, if the kernel reaps. */
struct pollfd reaper_poll(const struct reaper *reaper, const struct child *child);

/* Return the next news of a child, without waiting. */
struct news reaper_next(struct reaper *reaper, struct child *child);

/* Return the exit status for a wait(2) status: the process's own, or 128 plus the signal. */
int reaper_exit_status(int status);

#endif
