/*
 * Namespaces: one table of kinds and flags, the steps that set one up, and their undoing.
 */
#ifndef NSINIT_NAMESPACE_H
#define NSINIT_NAMESPACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "paths.h"

struct child;
struct options;

/* Return the flag of clone(2) or unshare(2) for "pid", "mount", ...; NAME must be one of them. */
unsigned long namespace_flag(const char *name);

/* What was mounted in the caller's mount namespace, to be unmounted at the end. */
struct mounted {
	struct place at;
	char *path; /* the same without links */
	int point;  /* a descriptor of the mount point itself, below what is mounted on it, or -1 */
};

/*
 * Before the namespaces are created, in the caller's own: create DIR for --export-proc, and make it
 * a private mount point. Without new namespaces, mount a procfs at --mount-proc's DIR unless there
 * is one. Returns -1 after logging why.
 */
int namespace_prepare(const struct options *opt, struct mounted *mounted);

/*
 * Start FN(ARG) as the inner process, in the new namespaces. Returns -1 after logging why it could
 * not be created.
 */
int namespace_enter(const struct options *opt, struct child *inner, int (*fn)(void *), void *arg);

/* The effective ids of the caller, which nobody can ask for inside before they are mapped. */
struct caller {
	uid_t uid;
	gid_t gid;
};

/* In the inner process: take every step in turn. If a step fails, log why and exit with 125. */
void namespace_set_up(
    const struct options *opt, const struct mounted *mounted, const struct caller *caller);

/* At the end: unmount, and remove the directories that were created. */
void namespace_undo(struct mounted *mounted);

#endif
