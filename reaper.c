/* Children: subreaper, waiting, statuses. */
#include "reaper.h"

#include <sys/utsname.h>

#include "child.h"
#include "kernel.h"
#include "log.h"
#include "machine.h"
#include "options.h"
#include "signals.h"
#include "text.h"

void reaper_adopt(pid_t self)
{
	if (self != 1 && syscall(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L))
		say(ALWAYS, "cannot become a subreaper, so orphans are not reaped: %m");
}

static int ask_exit(const struct child *child, struct pidfd_info_exit *info)
{
	*info = (struct pidfd_info_exit){.mask = PIDFD_EXIT_KNOWN};
	/* The type of ioctl()'s request differs: int in musl, unsigned long in glibc. */
	return (int)syscall(SYS_ioctl, child->pidfd, PIDFD_GET_EXIT_INFO, info);
}

/*
 * Return whether a pidfd gives the status of a process that has been reaped. A call for a living
 * process does not show it, because Linux 6.13 and 6.14 accept PIDFD_GET_INFO and ignore
 * PIDFD_INFO_EXIT. So check the version. The call itself shows whether a seccomp filter allows it.
 */
static bool kernel_keeps_status(const struct child *child)
{
	struct pidfd_info_exit info;
	struct utsname name;
	const char *release = name.release;
	int major, minor;

	if (child->pidfd < 0 || uname(&name))
		return false;
	major = read_digits(&release, 1000);
	minor = *release++ == '.' ? read_digits(&release, 1000) : -1;
	if (major < 6 || (major == 6 && minor < 15))
		return false;
	/* The kernel releases the PID before nsinit notices, so signals must work without it. ESRCH
	 * means that the child has already ended. */
	if (syscall(SYS_pidfd_send_signal, child->pidfd, 0, NULL, PIDFD_SIGNAL_PROCESS_GROUP) &&
	    errno != ESRCH)
		return false;
	return !ask_exit(child, &info);
}

/* SA_NOCLDWAIT makes the kernel reap. So would SIG_IGN, but COMMAND's children would inherit that.
 * Unblock SIGCHLD meanwhile: a blocked one is queued, and would wake nsinit for every orphan. */
static void set_delegated(struct reaper *reaper, bool delegated)
{
	if (signal_dispose(SIGCHLD, SIG_DFL, delegated ? SA_NOCLDWAIT : 0) < 0)
		return;
	reaper->delegated = delegated;
	signals_watch(reaper->signals, !delegated);
}

void reaper_delegate(struct reaper *reaper, struct child *child, const struct options *opt)
{
	if (opt->warn || log_to.level >= DEBUG || (child && !kernel_keeps_status(child)))
		return;
	set_delegated(reaper, true);
	if (child)
		child->pinned = !reaper->delegated;
}

void reaper_resume(struct reaper *reaper)
{
	if (reaper->delegated)
		set_delegated(reaper, false);
}

/*
 * Poll for POLLHUP only: POLLIN comes before the kernel has stored the status (Linux 6.15 to 6.18).
 */
struct pollfd reaper_poll(const struct reaper *reaper, const struct child *child)
{
	return (struct pollfd){.fd = reaper->delegated && child->pid ? child->pidfd : -1};
}

/* Return whether the pidfd reports that CHILD has ended. */
static bool has_ended(const struct child *child, short event)
{
	struct pollfd end = {.fd = child->pidfd, .events = event};

	return child->pid && end.fd >= 0 && poll(&end, 1, 0) > 0 && end.revents & (event | POLLHUP);
}

/* Return the news of CHILD after the kernel has reaped it. */
static struct news news_of_reaped(const struct child *child)
{
	struct pidfd_info_exit info;
	struct news news = {CHILD_ENDED, child->pid, exited_with(STATUS_FAILED)};

	if (!ask_exit(child, &info) && info.mask & PIDFD_EXIT_KNOWN)
		news.status = info.exit_code;
	else
		say(ALWAYS, "the kernel does not report COMMAND's status: %m");
	return news;
}

/* Return the news of CHILD if wait4(2) fails, for example because of a seccomp filter. */
static struct news news_without_wait(const struct reaper *reaper, const struct child *child)
{
	int error = errno;

	if (reaper->ended || !has_ended(child, POLLIN))
		return (struct news){NOTHING_NEW, 0, 0};
	errno = error;
	say(ALWAYS, "cannot wait for COMMAND, whose status is lost: %m");
	return (struct news){CHILD_ENDED, child->pid, exited_with(STATUS_FAILED)};
}

/* Return the news of PID, for which wait4(2) returned STATUS. */
static struct news news_of(const struct reaper *reaper, struct child *child, pid_t pid, int status)
{
	bool dead = WIFEXITED(status) || WIFSIGNALED(status);

	if (reaper->ended || pid != child->pid)
		return (struct news){dead ? ORPHAN_REAPED : ORPHAN_CHANGED, pid, status};
	if (!dead)
		return (struct news){CHILD_CHANGED, pid, status};
	child->pinned = false;
	return (struct news){CHILD_ENDED, pid, status};
}

static struct news next(const struct reaper *reaper, struct child *child)
{
	int status;
	pid_t pid;

	do
		pid = wait4(-1, &status, WNOHANG | WUNTRACED | WCONTINUED | __WALL, NULL);
	while (pid < 0 && errno == EINTR);
	if (pid > 0)
		return news_of(reaper, child, pid, status);
	if (reaper->delegated && has_ended(child, 0))
		return news_of_reaped(child);
	if (pid == 0)
		return (struct news){NOTHING_NEW, 0, 0};
	if (errno == ECHILD)
		return (struct news){NO_CHILDREN, 0, 0};
	return news_without_wait(reaper, child);
}

struct news reaper_next(struct reaper *reaper, struct child *child)
{
	struct news news = next(reaper, child);

	if (news.kind == CHILD_ENDED)
		reaper->ended = true;
	return news;
}

int reaper_exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_SIGNAL + WTERMSIG(status);
}
