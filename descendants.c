/* Everything below nsinit, found in /proc. */
#include "descendants.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "files.h"
#include "kernel.h"
#include "text.h"

enum { PID_LIMIT = 4 * 1024 * 1024 }; /* PID_MAX_LIMIT, proc_sys_kernel(5) */

struct process {
	char name[20];
	char state;
	pid_t parent, group;
};

/* Copy the name, which stands between the "(" at NAME and the ")" at END. */
static void copy_name(struct process *process, const char *name, const char *end)
{
	size_t n = (size_t)(end - name - 1);

	if (n >= sizeof(process->name))
		n = sizeof(process->name) - 1;
	memcpy(process->name, name + 1, n);
	process->name[n] = '\0';
}

/* Read /proc/PID/stat: PID, name, state, parent, group. The name is in parentheses and may contain
 * any character, including ")" (proc_pid_stat(5)). */
static bool look_at(pid_t pid, struct process *process)
{
	char path[32], text[256];
	const char *p, *name;
	ssize_t n;
	int fd;

	format(path, sizeof(path), "/proc/%d/stat", pid);
	fd = file_open(path, O_RDONLY);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	name = find_char(text, '(');
	p = strrchr(text, ')');
	if (!p || p < name)
		return false;
	copy_name(process, name, p);
	process->state = p[2];
	p += 4;
	process->parent = read_digits(&p, PID_LIMIT);
	p++;
	process->group = read_digits(&p, PID_LIMIT);
	return true;
}

static bool lives(const struct process *process)
{
	return process->state != 'Z' && process->state != 'X';
}

char descendants_state(pid_t pid)
{
	struct process process;

	if (!look_at(pid, &process))
		return '\0';
	return process.state;
}

/* Return whether PID is a descendant that belongs to GROUP (0: any group). Store what was read in
 * PROCESS. */
static bool is_meant(pid_t pid, pid_t group, struct process *process)
{
	struct process above;

	if (!look_at(pid, process) || (group && process->group != group))
		return false;
	/* Every process in PID 1's namespace is meant. One that joined has a parent outside. */
	if (getpid() == 1)
		return true;
	above = *process;
	while (above.parent != getpid())
		if (above.parent <= 1 || !look_at(above.parent, &above))
			return false;
	return true;
}

enum outcome { DELIVERED, GONE, DENIED };

/* Send SIG by PIDFD, or by number if there is none: before Linux 5.3, or if a seccomp filter
 * refuses them. */
static enum outcome deliver(int pidfd, pid_t pid, int sig)
{
	if (pidfd >= 0 && !syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0))
		return DELIVERED;
	if (pidfd >= 0 && errno == ESRCH)
		return GONE;
	if (!kill(pid, sig))
		return DELIVERED;
	return errno == EPERM ? DENIED : GONE;
}

/* By the time PID is signalled it may name another process, because its parent may have reaped the
 * first one. So check again once the pidfd is open: a pidfd never changes its process. */
static enum outcome signal_meant(pid_t pid, pid_t group, int sig)
{
	struct process process;
	enum outcome outcome;
	int pidfd;

	/* Check before opening a pidfd, since most processes are not meant. */
	if (!is_meant(pid, group, &process) || !lives(&process))
		return GONE;
	pidfd = file_own((int)syscall(SYS_pidfd_open, pid, 0));
	if (pidfd < 0 && errno == ESRCH)
		return GONE;
	if (pidfd >= 0 && !is_meant(pid, group, &process))
		outcome = GONE;
	else
		outcome = deliver(pidfd, pid, sig);
	close(pidfd);
	return outcome;
}

static bool is_visible(void)
{
	char self[16] = "";
	struct statfs fs;

	/* With --root, /proc may be any file system. PID 1 does not need the check, because it
	 * cannot signal processes outside its namespace. */
	if (getpid() != 1 && (statfs("/proc", &fs) || fs.f_type != PROC_MAGIC))
		return false;
	return syscall(SYS_readlinkat, AT_FDCWD, "/proc/self", self, sizeof(self) - 1) > 0 &&
	       number_of(self, PID_LIMIT) == getpid();
}

/* A subreaper without children has no descendants. PID 1 may have processes that joined its
 * namespace. */
static bool may_have_left(void)
{
	siginfo_t info;

	return getpid() == 1 || !waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) ||
	       errno != ECHILD;
}

bool descendants_hidden(void)
{
	return getpid() != 1 && may_have_left() && !is_visible();
}

static bool open_all(struct numbers *all)
{
	return may_have_left() && is_visible() && numbers_open(all, "/proc") >= 0;
}

/* Return the next PID except that of the namespace's init; -1 after the last. */
static pid_t next_pid(struct numbers *all)
{
	pid_t pid;

	do
		pid = numbers_next(all);
	while (pid >= 0 && (pid <= 1 || pid >= PID_LIMIT));
	return pid;
}

uint32_t had_term[PID_LIMIT / 32] RARELY_USED;
static bool some_had_term;

static bool has_term(pid_t pid)
{
	return had_term[pid / 32] >> pid % 32 & 1;
}

static void note_term(pid_t pid)
{
	had_term[pid / 32] |= UINT32_C(1) << pid % 32;
	some_had_term = true;
}

/* The number of processes that were signalled, and of those that nsinit may not signal. */
struct swept {
	int delivered, denied;
};

static struct swept sweep(int sig, pid_t group)
{
	struct swept swept = {0, 0};
	bool once = sig == SIGTERM && !group;
	struct numbers all;
	pid_t pid;

	if (!open_all(&all))
		return swept;
	while ((pid = next_pid(&all)) >= 0) {
		enum outcome outcome;

		if (once && has_term(pid))
			continue;
		outcome = signal_meant(pid, group, sig);
		swept.delivered += outcome == DELIVERED;
		swept.denied += outcome == DENIED;
		if (outcome == DELIVERED && once) {
			note_term(pid);
			signal_meant(pid, 0, SIGCONT);
		}
	}
	return swept;
}

bool descendants_signal(int sig)
{
	/* No fork can escape kill(-1), which is one call. But it must not repeat SIGTERM. */
	if (getpid() == 1 && (sig != SIGTERM || !some_had_term || !is_visible())) {
		kill(-1, sig);
		if (sig == SIGTERM)
			kill(-1, SIGCONT);
		return false;
	}
	return sweep(sig, 0).delivered > 0;
}

bool descendants_signal_group(pid_t group, int sig)
{
	return sweep(sig, group).delivered > 0;
}

void descendants_have_term(pid_t group)
{
	struct process process;
	struct numbers all;
	pid_t pid;

	if (!open_all(&all))
		return;
	while ((pid = next_pid(&all)) >= 0)
		if (!has_term(pid) && is_meant(pid, group, &process))
			note_term(pid);
}

bool descendants_any_left(void)
{
	return sweep(0, 0).delivered > 0;
}

bool descendants_are_denied(void)
{
	uint32_t sets[CAPABILITY_WORDS] = {0};

	/* With CAP_KILL (5, capabilities(7)) nsinit can signal every process. */
	if (!syscall(SYS_capget, CAPABILITIES_OF_SELF, sets) && sets[0] >> 5 & 1)
		return false;
	return sweep(0, 0).denied > 0;
}

size_t descendants_list(char *buf, size_t size)
{
	enum { NAMED = 8 };
	struct process process;
	struct numbers all;
	int found = 0;
	size_t n = 0;
	pid_t pid;

	if (!open_all(&all))
		return 0;
	while ((pid = next_pid(&all)) >= 0) {
		if (!is_meant(pid, 0, &process) || !lives(&process))
			continue;
		if (found++ < NAMED)
			n += format(
			    buf + n, size - n, "%s%d (%s)", n ? ", " : "", pid, process.name);
	}
	if (found > NAMED)
		n += format(buf + n, size - n, " and %d more", found - NAMED);
	return n;
}
