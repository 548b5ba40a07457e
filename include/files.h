/*
 * Descriptors and paths: nsinit's own are numbered 3 and up, everything inherited is let go of,
 * and what was made is taken away again.
 */
#ifndef NSINIT_FILES_H
#define NSINIT_FILES_H

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Big, and in most lives never written to: as a common variable it comes behind all small ones,
 * which then share one page. A page that is written to costs more than the rest of its use.
 */
#define RARELY_USED __attribute__((common))

/* Room for a path, until the end. There are PATHS_KEPT of them. */
enum { PATHS_KEPT = 3 };
char *path_room(void);

/* A path made absolute, and how much of it had to be made: the directories from byte MADE on. */
struct place {
	char *path;
	size_t made; /* 0: none */
};

/* Moves FD to 3 or above where 0 to 2 were free, close-on-exec; passes -1 through. -1 and errno. */
int file_own(int fd);

/* The names in a directory that are whole numbers, as in /proc. */
struct numbers {
	int fd;
	long size, at;
	_Alignas(8) char buf[2048];
};

/* The descriptor, or -1 and errno. */
int numbers_open(struct numbers *numbers, const char *dir);
/* The next one; -1 after the last, and the directory is closed then. */
int numbers_next(struct numbers *numbers);

/* What files_release() leaves open: stderr, FDS (-1 is skipped), and stdin and stdout if STANDARD. */
struct keep {
	bool standard;
	int count;
	int fds[8];
};

/* Close all other descriptors, and change to "/". */
void files_release(const struct keep *keep);

/* A command's number in its pid file. */
struct pid_file {
	struct place at;
	int fd; /* -1: there is none */
};

/* Makes FILE, empty, to be filled later, in place of an older one. What is no regular file stays.
 * -1 and errno. */
int pid_file_make(struct pid_file *file, const char *path);
/* Where there is one. */
void pid_file_fill(struct pid_file *file, pid_t pid);
/* Takes it away, if it is still the one that was made. */
void pid_file_remove(struct pid_file *file);

/* Where the directory PATH is, without links, "." and ".."; -1 and errno. */
int path_resolve(const char *path, char real[static PATH_MAX]);

/* Makes PATH absolute; -1 and errno. */
int place_set(struct place *place, const char *path);
/* Makes the directory and its missing parents; -1 and errno, with those made noted. */
int place_make(struct place *place);
/* Takes away the directories that place_make made, and uses the path up. */
void place_remove(struct place *place);

#endif
