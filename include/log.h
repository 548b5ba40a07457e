/*
 * Messages: one line, one write, on stderr, "nsinit: " first. No stdio and no heap.
 */
#ifndef NSINIT_LOG_H
#define NSINIT_LOG_H

#include <stdbool.h>

enum importance {
	ALWAYS = 0, /* something is wrong */
	VERBOSE,    /* -v: starts, signals, stops, the end */
	DEBUG       /* -vv: each process reaped, each change of phase */
};

extern struct log {
	int level;   /* the number of -v */
	bool nowait; /* set once COMMAND runs: a line that would block is dropped */
} log_to;

/*
 * Log one line if its IMPORTANCE is wanted; FMT is as for format(). Control characters, and bytes
 * that are not valid UTF-8, are replaced by "?". Leaves errno unchanged.
 */
void say(enum importance importance, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
