/*
 * The command line and the environment, read once into one value that does not change afterwards.
 */
#ifndef NSINIT_OPTIONS_H
#define NSINIT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "machine.h"
#include "signals.h"

#define GRACE_NONE    (-1)
#define GRACE_FOREVER INT64_MAX

/*
 * An offset of a new time namespace, in the form of /proc/PID/timens_offsets (time_namespaces(7)):
 * NANOSECONDS are 0 to 999999999 and always added, so that -0.5 s is -1 and 500000000. SECONDS are
 * at most 1000000000 (31 years) from 0, rounded down.
 */
struct time_offset {
	bool set;
	int seconds;
	int nanoseconds;
};

struct options {
	const char *persona;       /* the name that nsinit was started under, "nsinit" if unknown */
	char **command;            /* NULL-terminated; unused with --pause */
	unsigned long namespaces;  /* CLONE_NEW*; CLONE_NEWTIME (0x80) is for unshare(2) only */
	unsigned long propagation; /* MS_SLAVE, MS_PRIVATE or MS_SHARED of mount(2); 0: unchanged */
	struct time_offset monotonic;
	struct time_offset boottime;
	const char *proc; /* where to mount procfs, or NULL; the next ones may be NULL too */
	const char *export_proc;
	const char *root;
	const char *directory;
	const char *hostname;
	const char *pid_file;
	bool map_root;
	bool map_current;    /* the caller keeps its ids in the new user namespace */
	bool single;         /* signal only COMMAND */
	bool group;          /* -g: a separate process group for COMMAND, also below a shell */
	bool warn;           /* log each orphan reaped */
	bool pause;          /* no COMMAND */
	bool linger;         /* after COMMAND's end, stay until no child is left */
	bool end_group;      /* send TERM to the group once COMMAND has ended (dumb-init) */
	bool suspend;        /* stop on TSTP, TTIN and TTOU; the group gets STOP (dumb-init) */
	int parent_death;    /* the signal for our parent's death, or 0 */
	int kill_child;      /* the signal before KILL when the outer process dies, or 0 */
	int64_t grace;       /* ms, GRACE_NONE or GRACE_FOREVER */
	sigmask stop;        /* the signals that request a stop */
	sigmask rewritten;   /* the signals that have an entry in RENAMED */
	uint8_t renamed[65]; /* the replacement of each; 0 drops it */
	bool remap[256];     /* the statuses to replace by 0 */
	enum on_exit on_exit;
};

/* Fill OPT from argv, and from NSINIT_* if SELF is 1. Usage errors are logged and end nsinit, and
 * so do --help and --version. No state of the process is changed, except the log level. */
void options_parse(struct options *opt, char **argv, pid_t self);

#endif
