/* Every process below nsinit, found in /proc: the whole PID namespace if nsinit is PID 1, otherwise
 * all descendants. */
#ifndef NSINIT_DESCENDANTS_H
#define NSINIT_DESCENDANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Return whether there may be descendants that cannot be found, because /proc does not show this
 * PID namespace. PID 1 can signal all others without /proc. */
bool descendants_hidden(void);

/*
 * Send SIG to every remaining process, in one pass. Each process gets SIGTERM only once, however
 * often this is called, and a SIGCONT after it. Returns whether another pass is needed: a process
 * that forked meanwhile has a child that was missed. As PID 1 one pass is enough, except for
 * SIGTERM after descendants_have_term().
 */
bool descendants_signal(int sig);

/* Send SIG to the remaining descendants in process group GROUP, whose number may have been
 * recycled; 0 sends nothing. Returns whether any of them is alive. */
bool descendants_signal_group(pid_t group, int sig);

/* Record that the members of GROUP are sent SIGTERM by the caller, so that descendants_signal()
 * skips them. */
void descendants_have_term(pid_t group);

/* Return the state of PID in proc_pid_stat(5), or 0 if /proc does not show PID. */
char descendants_state(pid_t pid);

/* Return whether any process is still alive. */
bool descendants_any_left(void);

/* Return whether there are processes that nsinit may not signal (CAP_KILL is missing). */
bool descendants_are_denied(void);

/* Write "PID (NAME), ..." to BUF for at most eight processes that are alive, and the number of the
 * others. Returns the length; 0 if there are none, or if they cannot be found. */
size_t descendants_list(char *buf, size_t size);

#endif
