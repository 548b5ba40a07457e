/*
 * Who holds the terminal. Asked by the outer process before it makes any namespace: inside a new
 * PID namespace the groups of the outside all read as 0.
 */
#ifndef NSINIT_TERMINAL_H
#define NSINIT_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>

enum terminal_role {
	NO_TERMINAL, /* COMMAND leads a process group of its own, in our session */
	BELOW_SHELL, /* a controlling terminal, not the session's leader: COMMAND stays in our group
		      */
	OWN_GROUP, /* the same with -g: a group of its own, which has the foreground if we had it */
	GIVES_SESSION /* the session's leader with a terminal: COMMAND leads a new session that has
			 it */
};

struct terminal {
	enum terminal_role role;
	int fd;          /* the terminal, -1 without one */
	bool foreground; /* OWN_GROUP: our group had the foreground at the start */
};

/* Finds the controlling terminal, by /dev/tty or else by the standard files, and what it makes of
 * us. */
void terminal_find(struct terminal *terminal, bool own_group);

/* As the session's leader lets the terminal go, in such a way that the kernel's HUP and CONT reach
 * nobody. */
void terminal_release(struct terminal *terminal);

/* In the child that becomes COMMAND: its session, group and terminal. */
void terminal_take(const struct terminal *terminal);

/* Whether a shell with job control would see nsinit stop: our parent is in another group than we.
 */
bool terminal_is_watched(const struct terminal *terminal);

/* Where COMMAND has another group than ours, gives that one the foreground if ours has it (after a
 * shell's fg). */
void terminal_lend(const struct terminal *terminal, pid_t command);

/* Whether a shell above waits for nsinit on this terminal. */
bool terminal_is_kept(const struct terminal *terminal);

/* At the end: where the foreground group is gone, or is COMMAND's (LENT) or of its descendants, it
 * is ours again. */
void terminal_restore(const struct terminal *terminal, pid_t lent);

#endif
