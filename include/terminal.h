/*
 * Who holds the terminal. The outer process finds out before it creates any namespace: inside a new
 * PID namespace all process groups of the outside read as 0.
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
	bool spilled; /* giving it up sent HUP and CONT to nsinit's group */
	enum terminal_role role;
	int fd;          /* the terminal, -1 without one */
	bool foreground; /* OWN_GROUP: our group had the foreground at the start */
};

/* Find the controlling terminal, by /dev/tty or else by the standard files, and nsinit's role. */
void terminal_find(struct terminal *terminal, bool own_group);

/* As the session leader, give the terminal up, in such a way that the kernel's HUP and CONT reach
 * nobody. To be called right before COMMAND takes it. */
void terminal_release(struct terminal *terminal);

/* In the child that becomes COMMAND: set its session, group and terminal. */
void terminal_take(const struct terminal *terminal);

/* Return whether a shell with job control would see nsinit stop: nsinit's parent is in another
 * group of the same session. */
bool terminal_is_watched(const struct terminal *terminal);

/* If COMMAND has another group than nsinit's, and nsinit's has the foreground (after a shell's fg),
 * give it to COMMAND's. Returns whether it did. */
bool terminal_lend(const struct terminal *terminal, pid_t command);

/* Return whether nsinit shares the terminal with a shell above it. */
bool terminal_is_kept(const struct terminal *terminal);

/* At the end: take the foreground back if its group is gone, is COMMAND's (LENT), or has
 * descendants of nsinit's in it. */
void terminal_restore(const struct terminal *terminal, pid_t lent);

#endif
