/* Paths: the files and directories that nsinit creates and removes. */
#ifndef NSINIT_PATHS_H
#define NSINIT_PATHS_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

/* Return a buffer for a path, which is never freed. It can be called PATHS_KEPT times. */
enum { PATHS_KEPT = 3 };
char *path_room(void);

/* Write the absolute name of directory PATH to REAL, without links, "." and "..". Returns -1 and
 * sets errno on failure: ENOENT if PATH is not below the root directory. */
int path_resolve(const char *path, char real[static PATH_MAX]);

/* An absolute path, and the part of it that was created: the directories from byte MADE on. */
struct place {
	char *path;
	size_t made; /* 0: none */
};

/* Make PATH absolute. Returns -1 and sets errno on failure. */
int place_set(struct place *place, const char *path);

/* Create the directory and its missing parents. Returns -1 and sets errno on failure; PLACE then
 * records what was created. */
int place_make(struct place *place);

/* Remove the directories that place_make() created. This changes the path. */
void place_remove(struct place *place);

/* A file that contains a PID. */
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
