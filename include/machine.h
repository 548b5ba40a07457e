/*
 * The end: of nsinit, and of the machine where nsinit is its init.
 */
#ifndef NSINIT_MACHINE_H
#define NSINIT_MACHINE_H

#include <stdbool.h>

#include "log.h"

/* Exit statuses, as env(1) and timeout(1) use them. */
enum status {
	STATUS_FAILED = 125,   /* nsinit itself failed, bad usage included */
	STATUS_CANNOT = 126,   /* COMMAND cannot be executed */
	STATUS_NOTFOUND = 127, /* COMMAND was not found */
	STATUS_SIGNAL = 128    /* plus the number of the signal that terminated COMMAND */
};

enum on_exit { ON_EXIT_UNSET, ON_EXIT_EXIT, ON_EXIT_POWEROFF, ON_EXIT_REBOOT, ON_EXIT_HALT };

/*
 * Return whether nsinit is the machine's own init: PID 1 of the initial PID namespace. Then
 * Ctrl-Alt-Del sends SIGINT from now on (reboot(2), CAD_OFF).
 */
bool machine_is_ours(void);

/* Log the status, and what happens to the machine. */
void machine_announce(enum on_exit how, int status);

/* Exit with STATUS, or end the machine as HOW says if nsinit is its init. */
_Noreturn void machine_end(enum on_exit how, int status);

/* The same before the options are known: the machine is powered off. */
_Noreturn void quit(int status);

/* Log why, and call quit(): only before anything was changed that would have to be undone. */
#define die(status, ...) (say(ALWAYS, __VA_ARGS__), quit(status))

#endif
