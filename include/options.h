/*
 * The command line and the environment, read once into one value that nobody changes afterwards.
 */
#ifndef NSINIT_OPTIONS_H
#define NSINIT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "signals.h"

#define GRACE_NONE    (-1)
#define GRACE_FOREVER INT64_MAX

enum on_exit { ON_EXIT_UNSET, ON_EXIT_EXIT, ON_EXIT_POWEROFF, ON_EXIT_REBOOT, ON_EXIT_HALT };

struct options {
	char **command;            /* NULL-terminated; of no concern with --pause */
	unsigned long namespaces;  /* CLONE_NEW* of clone(2) */
	unsigned long propagation; /* MS_SLAVE or MS_PRIVATE of mount(2) */
	const char *proc;          /* where to mount procfs, or NULL; so for the next ones */
	const char *export_proc;
	const char *root;
	const char *directory;
	const char *hostname;
	const char *pid_file;
	bool map_root;
	bool single;       /* signal COMMAND alone */
	bool group;        /* -g: a group of its own, also below a shell */
	bool warn;         /* a line for each orphan */
	bool pause;        /* no COMMAND */
	bool end_group;    /* TERM to the group once COMMAND has ended (dumb-init) */
	bool suspend;      /* stop at once when told to, the group by STOP (dumb-init) */
	int parent_death;  /* the signal for our parent's death, or 0 */
	int kill_child;    /* the signal that comes before KILL when the outer nsinit dies, or 0 */
	int64_t grace;     /* ms, GRACE_NONE or GRACE_FOREVER */
	sigmask stop;      /* the signals that ask for the stop */
	sigmask rewritten; /* those that RENAMED speaks of */
	uint8_t renamed[65]; /* what is sent in place of each; 0 drops it */
	bool remap[256];     /* the statuses that are to become 0 */
	enum on_exit on_exit;
};

/*
 * Fills OPT from argv and, where SELF is 1, from NSINIT_*. A word that is wrong is told on
 * stderr, and nsinit ends; so it does after --help and --version. Nothing is changed by it.
 */
void options_parse(struct options *opt, char **argv, pid_t self);

#endif
