/*
 * Namespaces: one table of kinds and flags, the named steps that set one up, and their undoing.
 */
#ifndef NSINIT_NAMESPACE_H
#define NSINIT_NAMESPACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "files.h"

struct child;
struct options;

/* The flag of clone(2) for "pid", "mount", ..., which NAME is one of. */
unsigned long namespace_flag(const char *name);

/* What was mounted in the caller's mount namespace, and is to go at the end. */
struct mounted {
	struct place at;
	char *path; /* the same without links */
	int point;  /* the mount point itself, whatever is mounted on it, or -1 */
};

/*
 * Before the namespaces, in the caller's own: makes DIR for --export-proc, and a private mount
 * point of it. Where there is to be no namespace, mounts procfs where none is yet. -1 once it has
 * told why.
 */
int namespace_prepare(const struct options *opt, struct mounted *mounted);

/*
 * Starts FN(ARG) as the inner process, in the new namespaces. SOCKETS, out: the caller's end, and
 * FN's. Returns -1 after logging why; then no process is left.
 */
int namespace_enter(
    const struct options *opt, struct child *inner, int (*fn)(void *), void *arg, int sockets[2]);

/* The effective ids of the caller, which nobody can ask for inside before they are mapped. */
struct caller {
	uid_t uid;
	gid_t gid;
};

/* In the inner process: take every step in turn. If a step fails, log why and exit with 125. */
void namespace_set_up(
    const struct options *opt, const struct mounted *mounted, const struct caller *caller);

/* At the end: unmounts, and takes made directories away. */
void namespace_undo(struct mounted *mounted);

#endif
