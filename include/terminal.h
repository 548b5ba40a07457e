/* Which process holds the terminal. The outer process finds out before it creates any namespace,
 * because inside a new PID namespace all process groups of the outside are shown as 0. */
#ifndef NSINIT_TERMINAL_H
#define NSINIT_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>

enum terminal_role {
	NO_TERMINAL, /* COMMAND leads a new process group in our session */
	BELOW_SHELL, /* a controlling terminal, but not the session leader: COMMAND stays in our
			group */
	OWN_GROUP, /* the same with -g: COMMAND leads a new group, which gets the foreground if ours
		      had it */
	GIVES_SESSION /* the session leader, with a terminal: COMMAND leads a new session that gets
			 it */
};

struct terminal {
	enum terminal_role role;
	int fd;          /* the terminal, -1 without one */
	bool foreground; /* OWN_GROUP: our group had the foreground at the start */
};

/* Find the controlling terminal, by /dev/tty or else by the standard files, and nsinit's role. */
void terminal_find(struct terminal *terminal, bool own_group);

/* As the session leader, give the terminal up in such a way that the kernel's HUP and CONT reach no
 * process. Call it right before COMMAND takes the terminal. */
void terminal_release(struct terminal *terminal);

/* In the child that becomes COMMAND: set its session, group and terminal. If it leaves nsinit's
 * group, drop the signals that are pending by then: nsinit forwards what its group was sent. */
void terminal_take(const struct terminal *terminal);

/* Return whether a shell with job control would notice that nsinit stops: whether nsinit's parent
 * is in another group of the same session. */
bool terminal_is_watched(const struct terminal *terminal);

/* Return whether COMMAND's group, another one than nsinit's, is to have the foreground: nsinit's
 * group has it (after a shell's fg), or COMMAND's has it already. */
bool terminal_lends(const struct terminal *terminal, pid_t command);

/* Give the foreground to COMMAND's group. */
void terminal_lend(const struct terminal *terminal, pid_t command);

/* Return whether nsinit shares the terminal with a shell above it. */
bool terminal_is_kept(const struct terminal *terminal);

/* At the end: take the foreground back if the group that has it is gone, is COMMAND's (LENT), or
 * contains descendants of nsinit. Returns whether it was COMMAND's. */
bool terminal_restore(const struct terminal *terminal, pid_t lent);

#endif
