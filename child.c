/* One process of ours: creating, waiting, signalling. */
#include "child.h"

#include "files.h"
#include "kernel.h"
#include "log.h"
#include "signals.h"

int child_clone(struct child *child, int (*fn)(void *), void *arg, int flags, char *top)
{
	/* The stack grows downwards on every processor except PA-RISC. 16 is the strictest
	 * alignment. */
	top -= (size_t)top % 16;
	child->pidfd = -1;
	child->pid = clone(fn, top, flags | CLONE_PIDFD | SIGCHLD, arg, &child->pidfd);
	/*
	 * Try without a pidfd: no descriptor may be free, or a seccomp filter may refuse the flag.
	 */
	if (child->pid < 0)
		child->pid = clone(fn, top, flags | SIGCHLD, arg);
	if (child->pid < 0)
		return -1;
	child->pidfd = file_own(child->pidfd);
	child->pinned = true;
	return 0;
}

int child_wait(const struct child *child)
{
	int status = -1;

	while (wait4(child->pid, &status, __WALL, NULL) < 0 && errno == EINTR)
		;
	return status;
}

bool child_is_halted(const struct child *child)
{
	siginfo_t info = {0};

	return !waitid(P_PID, (id_t)child->pid, &info,
		   WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL) &&
	       info.si_pid;
}

enum sent child_signal(const struct child *child, int sig, siginfo_t *info, bool group)
{
	int failed;

	if (child->pidfd >= 0) {
		failed = (int)syscall(SYS_pidfd_send_signal, child->pidfd, sig, info,
		    group ? PIDFD_SIGNAL_PROCESS_GROUP : 0);
		if (!failed || errno == ESRCH)
			return SENT;
	}
	if (!child->pinned)
		return group ? NO_NUMBER : child->pidfd < 0 ? SENT : FAILED;
	if (info)
		failed = (int)syscall(SYS_rt_sigqueueinfo, child->pid, sig, info);
	else
		failed = kill(group ? -child->pid : child->pid, sig);
	return failed && errno != ESRCH ? FAILED : SENT;
}

bool child_forward(const struct child *child, bool group, siginfo_t *info)
{
	siginfo_t *queued = info->si_code == SI_QUEUE ? info : NULL;
	char name[12];
	int sig = info->si_signo;
	enum sent sent;

	if (queued)
		group = false;
	if (group) {
		pid_t is_in = getpgid(child->pid);

		/* Signal CHILD as well, since it has left the group and would miss the signal. */
		if (is_in >= 0 && is_in != child->pid)
			child_signal(child, sig, NULL, false);
	}
	sent = child_signal(child, sig, queued, group);
	if (sent == FAILED && queued) {
		/* EAGAIN means that CHILD's queue of signals is full. Send the signal without its
		 * value. */
		say(ALWAYS, "signal %s lost its value on the way to PID %d: %m",
		    signal_name(sig, name), child->pid);
		sent = child_signal(child, sig, NULL, false);
	}
	if (sent == FAILED)
		say(ALWAYS, "cannot forward signal %s to PID %d: %m", signal_name(sig, name),
		    child->pid);
	return sent != NO_NUMBER;
}
