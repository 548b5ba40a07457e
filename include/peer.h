/*
 * The protocol between the outer and the inner process: notes of one format over a socket pair.
 *
 * Root inside the namespaces may get hold of the inner end. So the outer process ignores every note
 * that is not permitted in its direction, and the most that it accepts is a status of COMMAND.
 */
#ifndef NSINIT_PEER_H
#define NSINIT_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What a process of nsinit is. */
enum role {
	ALONE, /* runs COMMAND, no new namespaces */
	OUTER, /* stays outside, and supervises the inner process */
	INNER  /* runs COMMAND, in new namespaces */
};

enum note_kind {
	/* From the inner process, or from COMMAND before its exec, to the outer one. */
	NOTE_PENDING = 1, /* VALUE: the signals that both had, for the inner process to forward */
	NOTE_READY,       /* COMMAND is created next: give the terminal up */
	NOTE_NAME,        /* sent by COMMAND, so that the kernel adds its PID */
	NOTE_RUNS,        /* command_run() has returned; with --pause, the namespaces are set up */
	NOTE_STATUS,      /* VALUE: COMMAND's wait(2) status: ended, stopped or continued */
	NOTE_LEFT,        /* the inner process cannot find what COMMAND left behind: signal it */
	/* From the outer process to the inner one. */
	NOTE_GO,    /* below a shell: look at your signals; a leader: the terminal is given up */
	NOTE_ASKED, /* COMMAND received a signal from the terminal that requests a stop */
	NOTE_KEY /* VALUE + 1: a signal from the terminal, which COMMAND did not receive; with CONT,
		  * give the terminal to COMMAND as well */
};

struct note {
	uint32_t kind;
	uint32_t spare;
	uint64_t value;
	pid_t sender; /* not sent: NOTE_NAME's sender as the receiver sees it, or 0 */
};

enum { NOTE_SIZE = offsetof(struct note, sender) }; /* bytes of a note that are sent */

/* Create a pair of connected sockets that keep the boundaries of packets. [0] is the outer end, [1]
 * the inner one. Returns -1 and sets errno. */
int peer_pair(int sockets[2]);

/* Send a note without waiting. Failures are logged, unless the other end is gone. Returns whether
 * it was sent. */
bool peer_tell(int fd, enum note_kind kind, uint64_t value);

/* In the outer process: send NOTE_GO, or hang up, so that the inner process does not wait for it
 * for ever. */
void peer_let_go(int fd);

/* Receive the next note, as the process ROLE. Invalid packets, and notes that are not for it, are
 * skipped. Returns false if there is none now. */
bool peer_next(int fd, enum role role, struct note *note);

/* Wait for a note of KIND, and skip others. Returns false once the other end is gone. */
bool peer_wait(int fd, enum role role, enum note_kind kind, struct note *note);

#endif
