/* Messages: each is one line that begins with "nsinit: ", in one write to stderr, without stdio or
 * heap. */
#ifndef NSINIT_LOG_H
#define NSINIT_LOG_H

#include <stdbool.h>

enum importance {
	ALWAYS = 0, /* something is wrong */
	VERBOSE,    /* -v: starts, signals, stops, the end */
	DEBUG       /* -vv: each process reaped, each change of phase */
};

extern struct log {
	int level;   /* how often -v was given */
	bool nowait; /* set once COMMAND runs: a line that would block is dropped */
} log_to;

/* Log one line if the level includes its IMPORTANCE; FMT is as for format(). Control characters,
 * and bytes that are not valid UTF-8, are replaced by "?". Leaves errno unchanged. */
void say(enum importance importance, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
