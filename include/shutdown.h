/*
 * What is left at the end: TERM, KILL, and the machine's power.
 */
#ifndef NSINIT_SHUTDOWN_H
#define NSINIT_SHUTDOWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "options.h"

/*
 * Sends SIG to every process left: as PID 1 to the whole namespace, else to all of nsinit's
 * descendants, found in /proc. A CONT follows TERM, and off PID 1 the TERM comes once to each,
 * however often this is called.
 */
void shutdown_signal(int sig);

/*
 * Sends SIG to those of nsinit's descendants that are left in a process group whose number may not
 * be used any more; GROUP 0 is any. Whether one was there to take it: with SIG 0 nothing is sent,
 * and the dead do not count.
 */
bool shutdown_signal_group(pid_t group, int sig);

/* Whether there are processes that nsinit may not signal (another user's, and CAP_KILL is missing).
 */
bool shutdown_is_denied(void);

/*
 * Whether nsinit is the machine's own init. PID 1 asks the kernel by turning Ctrl-Alt-Del into INT,
 * which succeeds in the first PID namespace alone (reboot(2)), and is wanted there.
 */
bool shutdown_is_machine(void);

/* Says the status, and what becomes of the machine. */
void shutdown_announce(enum on_exit how, int status);

/* Ends nsinit with STATUS; where it is the machine's init, ends the machine as HOW says. */
_Noreturn void shutdown_end(enum on_exit how, int status);

/* The same before the options are known: then the machine is powered off. */
_Noreturn void quit(int status);

#endif
