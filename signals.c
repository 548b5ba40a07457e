/* Signals: masks, taking what is pending, names and numbers. */
#include "signals.h"

#include <string.h>
#include <sys/signalfd.h>

#include "files.h"
#include "kernel.h"
#include "text.h"

enum { RT_FIRST = 34 }; /* the libcs reserve 32 and 33, and musl also 34 */

/* The names of signals 1 to 31, in this order, then an empty word. IOT and POLL are aliases of two
 * of them. */
static const char names[] = "HUP\0INT\0QUIT\0ILL\0TRAP\0ABRT\0BUS\0FPE\0KILL\0USR1\0SEGV\0USR2\0"
			    "PIPE\0ALRM\0TERM\0STKFLT\0CHLD\0CONT\0STOP\0TSTP\0TTIN\0TTOU\0URG\0"
			    "XCPU\0XFSZ\0VTALRM\0PROF\0WINCH\0IO\0PWR\0SYS\0";
_Static_assert(SIGKILL == 9 && SIGUSR1 == 10 && SIGTERM == 15 && SIGCHLD == 17 && SIGTSTP == 20 &&
		   SIGXCPU == 24 && SIGIO == 29 && SIGSYS == 31,
    "the order of names");

int signal_dispose(int sig, void (*handler)(int), unsigned long flags)
{
	/* The order of the members after these two depends on the processor. All of them are 0,
	 * since nsinit installs no handler. */
	struct {
		void (*handler)(int);
		unsigned long flags;
		uint64_t rest[3];
	} action = {handler, flags, {0}}, was;

	if (syscall(SYS_rt_sigaction, sig, &action, &was, sizeof(sigmask)))
		return -1;
	return was.handler == SIG_IGN;
}

static int set_mask(sigmask mask, sigmask *was)
{
	return (int)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, was, sizeof(mask));
}

int signals_hold(struct inherited *was)
{
	if (set_mask(SIG_EVERY, &was->mask))
		return -1;
	was->chld_ignored = signal_dispose(SIGCHLD, SIG_DFL, 0) == 1;
	return 0;
}

void signals_release(const struct inherited *was)
{
	if (was->chld_ignored)
		signal_dispose(SIGCHLD, SIG_IGN, 0);
	set_mask(was->mask, NULL);
}

int signals_watch(int fd, bool children)
{
	sigmask mask = children ? SIG_EVERY : SIG_EVERY & ~SIGBIT(SIGCHLD);

	if (fd >= 0)
		set_mask(mask, NULL);
	return file_own((int)syscall(SYS_signalfd4, fd, &mask, sizeof(mask), SFD_CLOEXEC));
}

bool signals_take(sigmask which, siginfo_t *info)
{
	const struct timespec now = {0, 0};

	return syscall(SYS_rt_sigtimedwait, &which, info, &now, sizeof(which)) > 0;
}

void signals_drop(sigmask which)
{
	siginfo_t info;

	while (signals_take(which, &info))
		;
}

void signals_hurry(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t turn, deadline, period; /* ns */
	} how = {.size = sizeof(how)};

	/* A seccomp filter may kill a process for a system call that it does not know. */
	if (syscall(SYS_prctl, PR_GET_SECCOMP, 0L, 0L, 0L, 0L) ||
	    syscall(SYS_sched_getattr, 0, &how, sizeof(how), 0) || how.policy != SCHED_OTHER)
		return;
	how.turn = 100000;
	syscall(SYS_sched_setattr, 0, &how, 0);
}

bool signal_is_own(const siginfo_t *info)
{
	return (info->si_signo == SIGPIPE || info->si_signo == SIGXFSZ) &&
	       info->si_code == SI_USER && info->si_pid == getpid();
}

sigmask signals_pending(void)
{
	sigmask pending = 0;

	syscall(SYS_rt_sigpending, &pending, sizeof(pending));
	return pending;
}

/*
 * Generating a stop signal discards a pending SIGCONT, and the reverse (signal(7)). So first check
 * for a SIGCONT that came after COMMAND stopped. A SIGCONT that comes while SIG is pending discards
 * SIG, and then unblocking SIG stops nothing.
 */
bool signal_suspend(int sig, bool group)
{
	if (sig != SIGSTOP)
		signal_dispose(sig, SIG_DFL, 0);
	if (signals_pending() & SIGBIT(SIGCONT))
		return true;
	kill(group ? 0 : getpid(), sig);
	set_mask(SIG_EVERY & ~SIGBIT(sig), NULL);
	set_mask(SIG_EVERY, NULL);
	/* A stop signal: it came after the SIGCONT that resumed us, and discarded that. */
	return signals_pending() & (SIGBIT(SIGCONT) | STOP_SIGNALS);
}

void signal_end_by(int sig)
{
	/* RLIMIT_CORE would not do: it does not apply if core_pattern is a pipe (core(5)). */
	syscall(SYS_prctl, PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
	signal_dispose(sig, SIG_DFL, 0);
	kill(getpid(), sig);
	set_mask(SIG_EVERY & ~SIGBIT(sig), NULL);
}

/* Return the number of "RTMIN", "RTMAX", "RTMIN+N" or "RTMAX-N"; 0 for anything else. */
static int realtime_number(const char *name)
{
	const char *offset;
	bool from_min;
	int n;

	if (!strcmp(name, "RTMIN"))
		return RT_FIRST;
	if (!strcmp(name, "RTMAX"))
		return SIG_LAST;
	offset = text_after(name, "RTMIN+");
	from_min = offset;
	if (!from_min)
		offset = text_after(name, "RTMAX-");
	n = offset ? number_of(offset, SIG_LAST - RT_FIRST) : -1;
	if (n < 0)
		return 0;
	return from_min ? RT_FIRST + n : SIG_LAST - n;
}

int signal_number(const char *name)
{
	char upper[32];
	const char *word;
	size_t n;
	int sig;

	if (*name >= '0' && *name <= '9') {
		sig = number_of(name, SIG_LAST);
		return sig > 0 ? sig : 0;
	}
	n = format(upper, sizeof(upper), "%s", name);
	while (n-- > 0)
		if (upper[n] >= 'a' && upper[n] <= 'z')
			upper[n] = (char)(upper[n] - 'a' + 'A');
	word = text_after(upper, "SIG");
	if (!word)
		word = upper;
	sig = word_index(names, word) + 1;
	if (sig)
		return sig;
	if (!strcmp(word, "IOT"))
		return SIGABRT;
	if (!strcmp(word, "POLL"))
		return SIGIO;
	return realtime_number(word);
}

const char *signal_name(int sig, char buf[static 12])
{
	if (sig >= 1 && sig <= SIGSYS)
		return word_at(names, sig - 1);
	if (sig < RT_FIRST)
		format(buf, 12, "%d", sig);
	else
		format(buf, 12, "RTMIN+%d", sig - RT_FIRST);
	return buf;
}
