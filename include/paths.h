/*
 * Paths: what nsinit creates on disk, and removes again.
 */
#ifndef NSINIT_PATHS_H
#define NSINIT_PATHS_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

/* Room for a path, until the end. There are PATHS_KEPT of them. */
enum { PATHS_KEPT = 3 };
char *path_room(void);

/* Write the name of directory PATH without links, "." and ".." to REAL. Returns -1 and sets errno
 * on failure: ENOENT if PATH is not below the root directory. */
int path_resolve(const char *path, char real[static PATH_MAX]);

/* An absolute path, and the part of it that was created: the directories from byte MADE on. */
struct place {
	char *path;
	size_t made; /* 0: none */
};

/* Make PATH absolute. Returns -1 and sets errno on failure. */
int place_set(struct place *place, const char *path);

/* Create the directory and its missing parents. Returns -1 and sets errno on failure; what was
 * created by then is noted. */
int place_make(struct place *place);

/* Remove the directories that place_make() created. The path is used up. */
void place_remove(struct place *place);

/* The file that holds a PID. */
struct pid_file {
	struct place at;
	int fd; /* -1: there is none */
};

/* Create FILE, empty, in place of an older one. Anything but a regular file is left alone. Returns
 * -1 and sets errno on failure. */
int pid_file_make(struct pid_file *file, const char *path);

/* Write PID to the file, if there is one. */
void pid_file_fill(struct pid_file *file, pid_t pid);

/* Remove the file if it is still the one that was created. */
void pid_file_remove(struct pid_file *file);

#endif
