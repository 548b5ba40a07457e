/* What is left at the end: TERM, KILL, and the machine's power. */
#include "shutdown.h"

#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>

#include "files.h"
#include "kernel.h"
#include "log.h"

enum { PID_LIMIT = 4 * 1024 * 1024 }; /* PID_MAX_LIMIT, proc_sys_kernel(5) */

struct process {
	char state;
	pid_t parent, group;
};

/* PID, state, parent, group come first; the name between may hold anything, ")" too
 * (proc_pid_stat(5)). */
static bool look_at(pid_t pid, struct process *process)
{
	char path[32], text[256];
	const char *p;
	ssize_t n;
	int fd;

	format(path, sizeof(path), "/proc/%d/stat", pid);
	fd = file_own(open(path, O_RDONLY | O_CLOEXEC));
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	p = strrchr(text, ')');
	if (!p)
		return false;
	process->state = p[2];
	p += 4;
	process->parent = read_digits(&p, PID_LIMIT);
	p++;
	process->group = read_digits(&p, PID_LIMIT);
	return true;
}

static bool is_meant(pid_t pid, pid_t group, struct process *process)
{
	struct process above;

	if (!look_at(pid, process) || (group && process->group != group))
		return false;
	/* All below a PID 1 is its own, and what joined from outside has no parent there. */
	if (getpid() == 1)
		return true;
	for (above = *process; above.parent != getpid();)
		if (above.parent <= 1 || !look_at(above.parent, &above))
			return false;
	return true;
}

/*
 * The PID may be another's by the time it is signalled: its parent reaps it, not we. So the pidfd
 * comes first, and the look at whose it is second.
 */
static int signal_meant(pid_t pid, pid_t group, int sig)
{
	struct process process;
	int pidfd, error = 0;

	/* Most are not meant, and not worth a pidfd. */
	if (!is_meant(pid, group, &process))
		return ESRCH;
	pidfd = file_own((int)syscall(SYS_pidfd_open, pid, 0));
	if (pidfd < 0 ? errno == ESRCH : !is_meant(pid, group, &process))
		error = ESRCH;
	else if (syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) &&
		 (errno == ESRCH ||
		     kill(pid, sig))) /* by number before 5.3, or where a filter wants it */
		error = errno;
	close(pidfd);
	/* Sending 0 asks who is left: not the dead. */
	return !error && !sig && process.state == 'Z' ? ESRCH : error;
}

static bool proc_is_ours(void)
{
	char self[16] = "";

	return readlink("/proc/self", self, sizeof(self) - 1) > 0 &&
	       number_of(self, PID_LIMIT) == getpid();
}

struct swept {
	int sent;   /* how many got the signal */
	int denied; /* how many may not be signalled */
};

uint32_t had_term[PID_LIMIT / 32] RARELY_USED;

/* Without children a subreaper has no descendants either; a PID 1 may have processes that joined
 * from outside. */
static bool may_have_left(void)
{
	siginfo_t info;

	return getpid() == 1 || !waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) ||
	       errno != ECHILD;
}

static struct swept sweep(int sig, pid_t group)
{
	struct swept swept = {0, 0};
	bool once = sig == SIGTERM && !group;
	struct numbers all;
	int pid, error;

	if (!may_have_left() || !proc_is_ours() || numbers_open(&all, "/proc") < 0)
		return swept;
	while ((pid = numbers_next(&all)) >= 0) {
		if (pid <= 1 || pid >= PID_LIMIT || (once && had_term[pid / 32] >> pid % 32 & 1))
			continue;
		error = signal_meant(pid, group, sig);
		swept.sent += !error;
		swept.denied += error == EPERM;
		if (error || !once)
			continue;
		had_term[pid / 32] |= UINT32_C(1) << pid % 32;
		signal_meant(pid, 0, SIGCONT);
	}
	return swept;
}

void shutdown_signal(int sig)
{
	int passes = 0;

	if (getpid() == 1) {
		kill(-1, sig);
		if (sig == SIGTERM)
			kill(-1, SIGCONT);
		return;
	}
	/* One who forked while we passed has a child that was missed: again, until a pass finds
	 * none. */
	while (sweep(sig, 0).sent && sig == SIGTERM && ++passes < 100)
		;
}

bool shutdown_signal_group(pid_t group, int sig)
{
	return sweep(sig, group).sent;
}

bool shutdown_is_denied(void)
{
	uint32_t sets[CAPABILITY_WORDS] = {0};

	/* Nobody is denied to CAP_KILL (capget(2)): no need to look. */
	if (!syscall(SYS_capget, CAPABILITIES_OF_SELF, sets) && sets[0] >> 5 & 1)
		return false;
	return sweep(0, 0).denied;
}

bool shutdown_is_machine(void)
{
	return getpid() == 1 && !reboot(RB_DISABLE_CAD);
}

void shutdown_announce(enum on_exit how, int status)
{
	int console = -1;

	/* The end of a session hangs its terminal up, and if that was the console, nothing is heard
	 * there any more. */
	if (tcgetpgrp(STDERR_FILENO) < 0 && errno == EIO)
		console = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (console >= 0) {
		dup2(console, STDERR_FILENO);
		close(console);
	}
	say(ALWAYS, "status %d: %s", status,
	    how == ON_EXIT_REBOOT ? "rebooting"
	    : how == ON_EXIT_HALT ? "halting"
				  : "powering off");
}

void shutdown_end(enum on_exit how, int status)
{
	if (how == ON_EXIT_EXIT || !shutdown_is_machine())
		_exit(status);
	kill(-1, SIGKILL);
	sync();
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL))
		say(VERBOSE, "cannot remount / read-only: %m");
	reboot(how == ON_EXIT_REBOOT ? RB_AUTOBOOT
	       : how == ON_EXIT_HALT ? (int)RB_HALT_SYSTEM
				     : RB_POWER_OFF);
	say(ALWAYS, "cannot end the machine: %m");
	for (;;)
		pause(); /* it must not exit: the kernel would panic */
}

void quit(int status)
{
	if (shutdown_is_machine())
		shutdown_announce(ON_EXIT_POWEROFF, status);
	shutdown_end(ON_EXIT_POWEROFF, status);
}
