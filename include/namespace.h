/* Namespaces: one table of kinds and flags, the steps that set them up, and the steps that undo
 * this. */
#ifndef NSINIT_NAMESPACE_H
#define NSINIT_NAMESPACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "paths.h"

struct child;
struct options;

/* Return the flag of clone(2) or unshare(2) for "pid", "mount", ...; NAME must be one of them. */
unsigned long namespace_flag(const char *name);

/* A mount that nsinit made in the caller's mount namespace, and unmounts at the end. */
struct mounted {
	struct place at;
	char *path; /* the same without links */
	int point;  /* a descriptor of the mount point itself, below what is mounted on it, or -1 */
};

/*
 * Prepare the caller's mount namespace before new ones are created: create the DIR of
 * --export-proc, and make it a private mount point. Without new namespaces, mount a procfs at the
 * DIR of --mount-proc unless there is one. Returns -1 after logging why.
 */
int namespace_prepare(const struct options *opt, struct mounted *mounted);

/*
 * Start FN(ARG) as the inner process, in the new namespaces. Returns -1 after logging why it could
 * not be created.
 */
int namespace_enter(const struct options *opt, struct child *inner, int (*fn)(void *), void *arg);

/* The caller's effective IDs. Inside the namespace they cannot be read before they are mapped. */
struct caller {
	uid_t uid;
	gid_t gid;
};

/* In the inner process: set up the namespaces step by step. If a step fails, log the reason and
 * exit with 125. */
void namespace_set_up(
    const struct options *opt, const struct mounted *mounted, const struct caller *caller);

/* At the end: unmount, and remove the directories that nsinit created. */
void namespace_undo(struct mounted *mounted);

#endif
