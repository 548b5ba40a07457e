/*
 * Messages: one line, one write, on stderr, "nsinit: " first. No stdio and no heap.
 */
#ifndef NSINIT_LOG_H
#define NSINIT_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* The one enum of exit statuses: env(1)'s and timeout(1)'s. */
enum status {
	STATUS_FAILED = 125,   /* nsinit itself failed, bad usage included */
	STATUS_CANNOT = 126,   /* COMMAND cannot be executed */
	STATUS_NOTFOUND = 127, /* COMMAND was not found */
	STATUS_SIGNAL = 128    /* and the number of the signal that ended COMMAND */
};

enum importance {
	ALWAYS = 0, /* what is wrong */
	VERBOSE,    /* -v: starts, signals, stops, the end */
	DEBUG       /* -vv: each process reaped */
};

/* How much is said, and whether a write may still be waited for. */
extern struct log {
	int level;
	bool nowait; /* set once COMMAND runs: a line that would block is dropped */
} log_to;

/*
 * A formatter for %s, %d (0 and above), %u and %m (the text of errno). Writes at most SIZE bytes
 * with the final NUL, cutting what is longer; returns the length written without it.
 */
size_t format(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Says one line if its IMPORTANCE is wanted. errno is left as it was. */
void say(enum importance importance, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Says why, and ends nsinit by quit(): only before anything has been changed that would have to be
 * undone. */
#define die(status, ...) (say(ALWAYS, __VA_ARGS__), quit(status))

#endif
