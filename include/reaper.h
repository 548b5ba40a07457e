/*
 * Children: adopting, waiting, statuses. Orphans are reaped either here, one wait4(2) each, or by
 * the kernel itself. Which of the two runs is known here alone.
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
	bool ended;     /* the child has, and its number may be an orphan's now */
};

enum news_kind {
	NOTHING_NEW,
	CHILD_ENDED,   /* STATUS as wait(2) gives it; the PID is nobody's any more */
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

/* Makes nsinit, PID SELF, the reaper of its descendants: a PID 1 is by right, else by
 * PR_SET_CHILD_SUBREAPER. */
void reaper_adopt(pid_t self);

/*
 * Lets the kernel reap orphans where it can give CHILD's status afterwards (Linux 6.15), none needs
 * to be told of. For a PID 1, once CHILD runs; CHILD's PID is not pinned from then on. CHILD may be
 * NULL.
 */
void reaper_delegate(struct reaper *reaper, struct child *child, const struct options *opt);

/* Takes orphans back: for the end, which waits for ECHILD. */
void reaper_resume(struct reaper *reaper);

/* What else to poll for, besides the signals: CHILD's end where the kernel reaps. */
struct pollfd reaper_poll(const struct reaper *reaper, const struct child *child);

/* The next that has happened to a child; never waits. */
struct news reaper_next(struct reaper *reaper, struct child *child);

/* The exit status that stands for a wait status: its own, or 128 and the signal. */
int reaper_exit_status(int status);

#endif
