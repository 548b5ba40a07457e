/*
 * Signals: held from the first system call, waited for, named, passed on. No handler is ever
 * installed: everything is blocked (CHLD not while the kernel reaps) and taken with
 * rt_sigtimedwait(2).
 *
 * Masks are the kernel's own 64-bit words: sigset_t hides 32 to 34 (musl) or 32 and 33 (glibc), and
 * one unblocked 33 would end nsinit. (MIPS alone has 127 signals, and is not served.)
 */
#ifndef NSINIT_SIGNALS_H
#define NSINIT_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct child;

typedef uint64_t sigmask;

#define SIGBIT(n) ((sigmask)1 << ((n)-1))
#define SIG_EVERY (~(sigmask)0)
#define SIG_LAST  64

/* What stops a process by job control; STOP cannot be caught. */
#define STOPS (SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))

/* What a terminal's driver sends to a whole group by itself (tty_ioctl(4), termios(3)). */
#define FROM_TERMINAL                                                                              \
	(STOPS | SIGBIT(SIGHUP) | SIGBIT(SIGINT) | SIGBIT(SIGQUIT) | SIGBIT(SIGCONT) |             \
	    SIGBIT(SIGWINCH))

/* What COMMAND is to get back. */
struct inherited {
	sigmask mask;
	bool chld_ignored;
};

/*
 * Sets what SIG does, SIG_DFL or SIG_IGN, with the FLAGS of sigaction(2). 1 where it was ignored
 * before, else 0; -1 and errno. sigaction(3) would bring in the libc's care for its threads.
 */
int signal_dispose(int sig, void (*handler)(int), unsigned long flags);

/* Blocks all that can be blocked, and sets CHLD to its default, without which no child has a
 * status. */
void signals_hold(struct inherited *was);

/* In the child, before exec: the mask and the disposition that nsinit was started with. */
void signals_release(const struct inherited *was);

/*
 * A descriptor that polls readable while a signal is pending; -1 and errno. FD is -1, or that of an
 * earlier call, which is changed: with CHILDREN false CHLD is unblocked and not among them.
 */
int signals_watch(int fd, bool children);

/* Takes the next of WHICH that is pending, without waiting: the lowest number first (signal(7)). */
bool signals_take(sigmask which, siginfo_t *info);

/* What is pending and blocked (sigpending(2)). */
sigmask signals_pending(void);

/*
 * Asks for turns of 0.1 ms on the processor: a shorter turn comes sooner, and a signal is passed on
 * before those of a storm of processes are over (Linux 6.12, sched_attr's sched_runtime; without
 * effect before). Nothing else of the scheduling changes.
 */
void signals_hurry(void);

/* Whether nsinit raised it itself, by a write to a closed pipe (PIPE) or past a limit (XFSZ). */
bool signal_is_own(const siginfo_t *info);

/*
 * Sends what INFO says to CHILD, or to its process group: with its value where it came by
 * sigqueue(3), and then always to CHILD alone. By pidfd, so that no recycled PID is hit; by number
 * where the kernel (before 5.1, and before 6.9 for groups) or a seccomp filter has none, and only
 * while the number is CHILD's. A CHILD that has died is no error. False where only the group's
 * number would do, and CHILD has been reaped.
 */
bool signal_pass(const struct child *child, bool group, siginfo_t *info);

/* Stops nsinit itself, or all of its group, by SIG, unless a CONT has come meanwhile. Returns after
 * the next CONT. */
void signal_suspend(int sig, bool group);

/* Ends nsinit by SIG, without a core. */
void signal_end_by(int sig);

/* The number of "TERM", "SIGTERM", "term", "15", "RTMIN+3"; 0 for no signal's name. RTMIN is 34
 * with any libc. */
int signal_number(const char *name);

/* The number that TEXT begins with, moving TEXT behind it; -1 where there is none, or it is above
 * MAX. */
int read_digits(const char **text, int max);

/* The same of a whole word. */
int number_of(const char *word, int max);

/* The name without SIG, in BUF where it has to be made. */
const char *signal_name(int sig, char buf[static 12]);

#endif
