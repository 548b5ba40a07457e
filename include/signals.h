/*
 * Signals: masks, receiving pending signals, names. No handler is ever installed: all signals are
 * blocked from the first system call on (except SIGCHLD while the kernel reaps) and taken with
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

typedef uint64_t sigmask;

#define SIGBIT(n) ((sigmask)1 << ((n)-1))
#define SIG_EVERY (~(sigmask)0)
#define SIG_LAST  64

/* The kernel queues each of these, while an ordinary signal is pending once at most (signal(7)). */
#define SIG_REALTIME (SIG_EVERY << 31)

/* The stop signals of job control; SIGSTOP cannot be caught. */
#define STOP_SIGNALS (SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))

/* What a terminal's driver sends to a process group (tty_ioctl(4), termios(3)). */
#define FROM_TERMINAL                                                                              \
	(STOP_SIGNALS | SIGBIT(SIGHUP) | SIGBIT(SIGINT) | SIGBIT(SIGQUIT) | SIGBIT(SIGCONT) |      \
	    SIGBIT(SIGWINCH))

/* What COMMAND inherits from nsinit's caller. */
struct inherited {
	sigmask mask;
	bool chld_ignored;
};

/*
 * Set the disposition of SIG, SIG_DFL or SIG_IGN, with the FLAGS of sigaction(2). Returns 1 if SIG
 * was ignored before, otherwise 0; -1 and sets errno on failure. The libc's sigaction(3) would add
 * code for its threads.
 */
int signal_dispose(int sig, void (*handler)(int), unsigned long flags);

/* Block all signals, and set SIGCHLD to its default, since an ignored SIGCHLD discards the status
 * of children. Returns -1 and sets errno on failure. */
int signals_hold(struct inherited *was);

/* In the child, before exec: restore the mask and the disposition that nsinit was started with. */
void signals_release(const struct inherited *was);

/*
 * Return a descriptor that polls readable while a signal is pending; -1 and sets errno on failure.
 * FD is -1, or the result of an earlier call, which is then changed. If CHILDREN is false, SIGCHLD
 * is unblocked and does not make it readable.
 */
int signals_watch(int fd, bool children);

/* Take the next pending signal of WHICH without waiting: the lowest number first (signal(7)).
 * Returns false if none is pending. */
bool signals_take(sigmask which, siginfo_t *info);

/* Take every pending signal of WHICH, and forget it. */
void signals_drop(sigmask which);

/* Return the signals that are pending (sigpending(2)). */
sigmask signals_pending(void);

/*
 * Ask for time slices of 0.1 ms (Linux 6.12, sched_attr's sched_runtime; no effect before). A
 * shorter slice is scheduled sooner, so that a signal need not wait for a storm of processes. No
 * other parameter of scheduling changes. Does nothing under a seccomp filter, which may kill the
 * caller.
 */
void signals_hurry(void);

/* Return whether nsinit raised the signal itself, by a write to a closed pipe (SIGPIPE) or beyond a
 * limit (SIGXFSZ). */
bool signal_is_own(const siginfo_t *info);

/* Stop nsinit, or its whole process group, by SIG, unless SIGCONT is pending. Returns after the
 * next SIGCONT, which is still pending then, unless another stop signal has discarded it; false if
 * nothing was stopped, since the kernel ignores SIG for a process group that no shell watches (an
 * orphaned one). */
bool signal_suspend(int sig, bool group);

/* Terminate nsinit by SIG, without a core dump. Returns if SIG does not terminate it. */
void signal_end_by(int sig);

/* Return the number of "TERM", "SIGTERM", "term", "15" or "RTMIN+3"; 0 if NAME is no signal. RTMIN
 * is 34 with any libc. */
int signal_number(const char *name);

/* Return the name without "SIG". It is a constant, or stored in BUF. */
const char *signal_name(int sig, char buf[static 12]);

#endif
