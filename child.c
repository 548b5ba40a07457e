/* Starting COMMAND: group, session, terminal, what it inherits, exec. */
#include "child.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "files.h"
#include "kernel.h"
#include "log.h"
#include "options.h"
#include "signals.h"
#include "terminal.h"

int child_clone(struct child *child, int (*fn)(void *), void *arg, int flags, char *top)
{
	/* Downwards on every processor but PA-RISC; 16: the strictest alignment. */
	top -= (size_t)top % 16;
	child->pidfd = -1;
	child->pid = clone(fn, top, flags | CLONE_PIDFD | SIGCHLD, arg, &child->pidfd);
	/* No file left, or a filter that knows no such flag. */
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

	while (waitpid(child->pid, &status, __WALL) < 0 && errno == EINTR)
		;
	return status;
}

/* LISTEN_PID and WATCHDOG_PID say which process they are for (sd_listen_fds(3),
 * sd_watchdog_enabled(3)). */
static void rename_in_environment(const char *name, char *text, size_t size, pid_t from)
{
	size_t n = strlen(name);

	for (char **entry = environ; *entry; entry++) {
		if (strncmp(*entry, name, n) != 0 ||
		    number_of(*entry + n, INT32_MAX / 10 - 1) != from)
			continue;
		format(text, size, "%s%d", name, getpid());
		*entry = text;
	}
}

/* execvp(3) of a bare name, but that a file without "#!" is never handed to a shell, and one
 * default PATH with any libc. */
__attribute__((noinline)) static void search_and_exec(char **argv)
{
	const char *path = getenv("PATH");
	char file[PATH_MAX];
	int error = ENOENT;

	for (const char *p = path ? path : "/usr/local/bin:/bin:/usr/bin";; p++) {
		size_t n = strcspn(p, ":");

		if (n + strlen(argv[0]) + 2 <= sizeof(file)) {
			memcpy(file, p, n);
			format(file + n, sizeof(file) - n, "%s%s", n ? "/" : "", argv[0]);
			execve(file, argv, environ);
			if (errno == EACCES)
				error = EACCES;
			else if (errno != ENOENT && errno != ENOTDIR)
				return;
		}
		p += n;
		if (!*p)
			break;
	}
	errno = error;
}

/* In the child. Nothing here may outlive exec but what COMMAND is to have. */
static int begin(void *arg)
{
	struct start *start = arg; /* whose memory is shared until exec */
	char **argv = start->opt->command;
	char listen[32], watchdog[32];

	terminal_take(start->terminal);
	rename_in_environment("LISTEN_PID=", listen, sizeof(listen), start->caller);
	rename_in_environment("WATCHDOG_PID=", watchdog, sizeof(watchdog), start->caller);
	if (start->peer >= 0)
		send(start->peer, "", 1, MSG_NOSIGNAL);
	signals_release(start->inherited);
	if (!**argv || strchr(*argv, '/'))
		execve(*argv, argv, environ);
	else
		search_and_exec(argv);
	start->status = errno == ENOENT ? STATUS_NOTFOUND : STATUS_CANNOT;
	say(ALWAYS, "%s: %m", *argv[0] ? argv[0] : "COMMAND is an empty word");
	_exit(start->status);
}

int child_start(struct child *child, struct start *start)
{
	/*
	 * As with vfork(2), on our own stack: below what waits here meanwhile, the frames of two
	 * functions without arrays. A page of its own would be one more to map, and to give back.
	 */
	enum { WAITING = 1024 };
	char *top = (char *)__builtin_frame_address(0) - WAITING;

	if (child_clone(child, begin, start, CLONE_VM | CLONE_VFORK, top)) {
		say(ALWAYS, "cannot start %s: %m%s", start->opt->command[0],
		    errno == EAGAIN   ? " (a limit on processes: pids.max, RLIMIT_NPROC)"
		    : errno == ENOMEM ? " (no memory, or the PID namespace's init is gone)"
				      : "");
		start->status = STATUS_FAILED;
	} else if (start->status) {
		child_wait(child);
	}
	return start->status;
}
