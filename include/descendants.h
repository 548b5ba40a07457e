/*
 * Every process below nsinit, found in /proc: as PID 1 the whole PID namespace, otherwise all
 * descendants.
 */
#ifndef NSINIT_DESCENDANTS_H
#define NSINIT_DESCENDANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Return whether there may be descendants that cannot be found: /proc does not show this PID
 * namespace. PID 1 can signal all others without it. */
bool descendants_hidden(void);

/*
 * Send SIG to every process that is left, in one pass. SIGTERM goes once to each, however often
 * this is called, and is followed by SIGCONT. Returns whether another pass is needed: a process
 * that forked meanwhile has a child that was missed. As PID 1 one pass is enough, except for
 * SIGTERM after descendants_have_term().
 */
bool descendants_signal(int sig);

/* Send SIG to those that are left in process group GROUP, whose number may have been recycled.
 * Returns whether there was one that lives; with SIG 0 nothing is sent. */
bool descendants_signal_group(pid_t group, int sig);

/* The members of GROUP get SIGTERM now, by other means: descendants_signal() skips them. */
void descendants_have_term(pid_t group);

/* Return whether a process is left that lives. */
bool descendants_any_left(void);

/* Return whether there are processes that nsinit may not signal (CAP_KILL is missing). */
bool descendants_are_denied(void);

/* Write "PID (NAME), ..." of the living processes to BUF, at most eight, and how many more there
 * are. Returns the length; 0 if there are none, or if they cannot be found. */
size_t descendants_list(char *buf, size_t size);

#endif
