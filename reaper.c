/* Children: subreaper, waiting, statuses. */
#include "reaper.h"

#include <sys/utsname.h>

#include "child.h"
#include "kernel.h"
#include "log.h"
#include "options.h"
#include "signals.h"

void reaper_adopt(pid_t self)
{
	if (self != 1 && prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L))
		say(ALWAYS, "cannot adopt orphans: %m");
}

static int ask_exit(const struct child *child, struct pidfd_info_exit *info)
{
	*info = (struct pidfd_info_exit){.mask = PIDFD_EXIT_KNOWN};
	/* Not ioctl(): its request is an int in one libc and a long in the other. */
	return (int)syscall(SYS_ioctl, child->pidfd, PIDFD_GET_EXIT_INFO, info);
}

/*
 * Whether a pidfd tells the status of one who has been reaped. No living process shows it: 6.13
 * and 6.14 answer PIDFD_GET_INFO all the same, and ignore that the exit is asked for. So the
 * version decides, and the call itself tells whether a filter lets it through.
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
	/* The PID goes before nsinit knows: signals must not need it. ESRCH: it has ended already.
	 */
	if (syscall(SYS_pidfd_send_signal, child->pidfd, 0, NULL, PIDFD_SIGNAL_PROCESS_GROUP) &&
	    errno != ESRCH)
		return false;
	return !ask_exit(child, &info);
}

/*
 * SIG_IGN would do too, but COMMAND's children would inherit it. CHLD is not blocked then: a
 * blocked one is queued, and wakes nsinit once an orphan.
 */
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

/* POLLIN would come before the kernel has put the status down (Linux 6.15 to 6.18). */
struct pollfd reaper_poll(const struct reaper *reaper, const struct child *child)
{
	return (struct pollfd){.fd = reaper->delegated && child->pid ? child->pidfd : -1};
}

struct news reaper_next(struct reaper *reaper, struct child *child)
{
	struct pidfd_info_exit info;
	struct pollfd end = reaper_poll(reaper, child);
	struct news news = {NO_CHILDREN, 0, 0};
	bool dead;

	do
		news.pid = wait4(-1, &news.status, WNOHANG | WUNTRACED | WCONTINUED | __WALL, NULL);
	while (news.pid < 0 && errno != ECHILD);
	dead = WIFEXITED(news.status) || WIFSIGNALED(news.status);
	if (news.pid > 0 && (reaper->ended || news.pid != child->pid)) {
		news.kind = ORPHAN_REAPED;
		news.pid = dead ? news.pid : 0;
	} else if (news.pid > 0) {
		news.kind = dead ? CHILD_ENDED : CHILD_CHANGED;
		child->pinned &= !dead;
	} else if (end.fd >= 0 && poll(&end, 1, 0) > 0 && end.revents & POLLHUP) {
		news = (struct news){CHILD_ENDED, child->pid, STATUS_FAILED << 8};
		if (!ask_exit(child, &info) && info.mask & PIDFD_EXIT_KNOWN)
			news.status = info.exit_code;
		else
			say(ALWAYS, "the kernel has lost COMMAND's status: %m");
	} else if (news.pid == 0) {
		news.kind = NOTHING_NEW;
	}
	reaper->ended |= news.kind == CHILD_ENDED;
	return news;
}

int reaper_exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_SIGNAL + WTERMSIG(status);
}
