/*
 * Children: adopting, waiting, statuses. Orphans are reaped either here, by one wait4(2) each, or
 * by the kernel. Only this file knows which.
 */
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
	CHILD_CHANGED, /* stopped or continued: STATUS likewise */
	ORPHAN_REAPED,
	ORPHAN_CHANGED, /* stopped or continued: of no concern */
	NO_CHILDREN     /* none is left at all (ECHILD) */
};

struct news {
	enum news_kind kind;
	pid_t pid;
	int status;
};

/* Make nsinit, PID SELF, the reaper of its descendants. PID 1 is that already; otherwise by
 * PR_SET_CHILD_SUBREAPER (prctl(2)). */
void reaper_adopt(pid_t self);

/*
 * Let the kernel reap orphans, if it can report CHILD's status afterwards (Linux 6.15) and no
 * orphan has to be logged. For PID 1 only, once CHILD runs. CHILD, which may be NULL, is not pinned
 * from then on.
 */
void reaper_delegate(struct reaper *reaper, struct child *child, const struct options *opt);

/* Reap orphans here again: the end waits for ECHILD. */
void reaper_resume(struct reaper *reaper);

/* Return what to poll for besides signals: CHILD's end, if the kernel reaps. */
struct pollfd reaper_poll(const struct reaper *reaper, const struct child *child);

/* Return the next news of a child, without waiting. */
struct news reaper_next(struct reaper *reaper, struct child *child);

/* Return the exit status for a wait(2) status: the process's own, or 128 plus the signal. */
int reaper_exit_status(int status);

#endif
