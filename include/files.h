/*
 * Descriptors: nsinit's own are 3 and above, and inherited ones are closed.
 */
#ifndef NSINIT_FILES_H
#define NSINIT_FILES_H

#include <fcntl.h>
#include <stdbool.h>

/*
 * Marks a variable that is large and rarely written to. As a common symbol it is placed after all
 * small variables, which then share one page. Each page that is written to costs more than most
 * system calls.
 */
#define RARELY_USED __attribute__((common))

/* Move FD to 3 or above if it is 0 to 2, close-on-exec; -1 passes through. Returns -1 and sets
 * errno on failure. */
int file_own(int fd);

/* Open PATH with the FLAGS of open(2), close-on-exec and 3 or above; a new file has mode 0644.
 * Returns -1 and sets errno on failure. The libc's open(3) would add code for threads. */
int file_open(const char *path, int flags);

/* The names in a directory that are whole numbers, as in /proc. */
struct numbers {
	int fd;
	long size, at;
	_Alignas(8) char buf[2048];
};

/* Open DIR. Returns its descriptor; -1 and sets errno on failure. */
int numbers_open(struct numbers *numbers, const char *dir);

/* Return the next number. After the last one, close the directory and return -1. */
int numbers_next(struct numbers *numbers);

/* The files that files_release() leaves open: stderr, FDS (-1 is skipped), and if STANDARD is set,
 * stdin and stdout. */
struct keep {
	bool standard;
	int count;
	int fds[8];
};

/* Close all other descriptors, and change to "/". */
void files_release(const struct keep *keep);

#endif
