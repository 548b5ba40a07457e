/* The end of nsinit, and of the machine if nsinit is its init. */
#ifndef NSINIT_MACHINE_H
#define NSINIT_MACHINE_H

#include <stdbool.h>

#include "log.h"

/* Exit statuses, as env(1) and timeout(1) use them. */
enum status {
	STATUS_FAILED = 125,   /* nsinit itself failed, or its usage was wrong */
	STATUS_CANNOT = 126,   /* COMMAND cannot be executed */
	STATUS_NOTFOUND = 127, /* COMMAND was not found */
	STATUS_SIGNAL = 128    /* plus the number of the signal that terminated COMMAND */
};

enum on_exit { ON_EXIT_UNSET, ON_EXIT_EXIT, ON_EXIT_POWEROFF, ON_EXIT_REBOOT, ON_EXIT_HALT };

/* Return whether nsinit is the machine's own init: PID 1 of the initial PID namespace. If so,
 * Ctrl-Alt-Del sends SIGINT from now on (reboot(2), CAD_OFF). */
bool machine_is_ours(void);

/* Log the status, and what will happen to the machine. */
void machine_announce(enum on_exit how, int status);

/* Exit with STATUS. If nsinit is the machine's init, end the machine by HOW instead. */
_Noreturn void machine_end(enum on_exit how, int status);

/* Do the same before the options are known: a machine is powered off. */
_Noreturn void quit(int status);

/* Log the reason and call quit(). Use it only before changing any state that would have to be
 * undone. */
#define die(status, ...) (say(ALWAYS, __VA_ARGS__), quit(status))

#endif
