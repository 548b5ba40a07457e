/* Signals: masks, taking what is pending, names and numbers. */
#include "signals.h"

#include <string.h>
#include <strings.h>
#include <sys/signalfd.h>

#include "files.h"
#include "kernel.h"
#include "text.h"

enum { RT_FIRST = 34 }; /* the libcs keep 32 and 33, and musl 34, for themselves */

/* By number. IOT and POLL are other names of two. */
static const char *const names[RT_FIRST] = {
#define SIG(name) [SIG##name] = #name
    SIG(HUP), SIG(INT), SIG(QUIT), SIG(ILL), SIG(TRAP), SIG(ABRT), SIG(BUS), SIG(FPE), SIG(KILL),
    SIG(USR1), SIG(SEGV), SIG(USR2), SIG(PIPE), SIG(ALRM), SIG(TERM), SIG(STKFLT), SIG(CHLD),
    SIG(CONT), SIG(STOP), SIG(TSTP), SIG(TTIN), SIG(TTOU), SIG(URG), SIG(XCPU), SIG(XFSZ),
    SIG(VTALRM), SIG(PROF), SIG(WINCH), SIG(IO), SIG(PWR), SIG(SYS)
#undef SIG
};

int signal_dispose(int sig, void (*handler)(int), unsigned long flags)
{
	/* The order of the members after these two differs between processors. All of them are 0,
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

void signals_hurry(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t turn, deadline, period; /* ns */
	} how;

	/* A filter may kill a process for a call that it does not know. */
	if (prctl(PR_GET_SECCOMP, 0L, 0L, 0L, 0L) ||
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
 * A stop signal throws away a pending CONT when it is generated, and the other way round
 * (signal(7)). So a CONT that came since COMMAND stopped is looked for first; the one that comes
 * while SIG is pending takes SIG away, and unblocking then stops nothing.
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
	return signals_pending() & SIGBIT(SIGCONT);
}

void signal_end_by(int sig)
{
	/* Not RLIMIT_CORE: a core_pattern that is a pipe does not ask it (core(5)). */
	prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
	signal_dispose(sig, SIG_DFL, 0);
	kill(getpid(), sig);
	set_mask(SIG_EVERY & ~SIGBIT(sig), NULL);
}

static bool is_name(const char *word, const char *name)
{
	return !strncasecmp(word, name, strlen(name) + 1);
}

/* The number of "RTMIN", "RTMAX", "RTMIN+N" or "RTMAX-N"; 0 for anything else. */
static int realtime_number(const char *name)
{
	int n;

	if (is_name(name, "RTMIN"))
		return RT_FIRST;
	if (is_name(name, "RTMAX"))
		return SIG_LAST;
	if (strncasecmp(name, "RTMIN+", 6) != 0 && strncasecmp(name, "RTMAX-", 6) != 0)
		return 0;
	n = number_of(name + 6, SIG_LAST - RT_FIRST);
	if (n < 0)
		return 0;
	return name[5] == '+' ? RT_FIRST + n : SIG_LAST - n;
}

int signal_number(const char *name)
{
	int n;

	if (*name >= '0' && *name <= '9') {
		n = number_of(name, SIG_LAST);
		return n > 0 ? n : 0;
	}
	if (!strncasecmp(name, "SIG", 3))
		name += 3;
	for (int sig = 1; sig < RT_FIRST; sig++)
		if (names[sig] && is_name(name, names[sig]))
			return sig;
	if (is_name(name, "IOT"))
		return SIGABRT;
	if (is_name(name, "POLL"))
		return SIGIO;
	return realtime_number(name);
}

const char *signal_name(int sig, char buf[static 12])
{
	if (sig < RT_FIRST && names[sig])
		return names[sig];
	if (sig < RT_FIRST)
		format(buf, 12, "%d", sig);
	else
		format(buf, 12, "RTMIN+%d", sig - RT_FIRST);
	return buf;
}
