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

int child_clone(
    struct child *child, int (*fn)(void *), void *arg, int flags, char *top, int *alive)
{
	/* The stack grows downwards on every processor except PA-RISC. 16 is the strictest
	 * alignment. */
	top -= (size_t)top % 16;
	child->pidfd = -1;
	child->pid =
	    clone(fn, top, flags | CLONE_PIDFD | SIGCHLD, arg, &child->pidfd, NULL, alive);
	/* No descriptor is free, or a seccomp filter does not know the flag. */
	if (child->pid < 0)
		child->pid = clone(fn, top, flags | SIGCHLD, arg, NULL, NULL, alive);
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

/*
 * The futex words that the two processes wait on are in memory that they share. A wait ends after
 * TICK at the latest, so that the waiter can look for what no wakeup announces: that the other
 * process has died, or is stopped.
 */
static void wait_while(const int *word, int value)
{
	enum { TICK = 20 * 1000 * 1000 }; /* ns */
	const long tick[] = {0, TICK};

	/* Without FUTEX_PRIVATE_FLAG, which the kernel's own wakeup at exec does not have either. */
	syscall(SYS_futex, word, FUTEX_WAIT, value, tick, NULL, 0);
}

/*
 * In the child, before its signals are unblocked: wait until nsinit has closed its files. If nsinit
 * dies meanwhile, nobody would open the gate any more.
 */
static void await_gate(struct start *start)
{
	while (!__atomic_load_n(&start->gate, __ATOMIC_ACQUIRE)) {
		pid_t parent = getppid(); /* 0: in another PID namespace */

		if (parent && parent != start->self)
			_exit(STATUS_FAILED);
		wait_while(&start->gate, 0);
	}
}

static void open_gate(struct start *start)
{
	__atomic_store_n(&start->gate, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &start->gate, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* In the child. Nothing done here may outlive exec except what COMMAND is to have. */
static int begin(void *arg)
{
	struct start *start = arg; /* shared with nsinit until exec */
	char **argv = start->opt->command;
	char listen[32], watchdog[32];

	terminal_take(start->terminal);
	rename_in_environment("LISTEN_PID=", listen, sizeof(listen), start->caller);
	rename_in_environment("WATCHDOG_PID=", watchdog, sizeof(watchdog), start->caller);
	if (start->peer >= 0)
		send(start->peer, "", 1, MSG_NOSIGNAL);
	await_gate(start);
	signals_release(start->inherited);
	if (!**argv || strchr(*argv, '/'))
		execve(*argv, argv, environ);
	else
		search_and_exec(argv);
	start->status = errno == ENOENT ? STATUS_NOTFOUND : STATUS_CANNOT;
	say(ALWAYS, "%s: %m", *argv[0] ? argv[0] : "COMMAND is an empty word");
	_exit(start->status);
}

/* Whether CHILD has ended, or is stopped. It is not reaped. */
static bool is_halted(const struct child *child)
{
	siginfo_t info = {0};

	return !waitid(P_PID, (id_t)child->pid, &info,
		   WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL) &&
	       info.si_pid;
}

/* Deeper than any call in begin() goes: the longest path, one line of a message, and some. */
enum { CHILDS_STACK = 16 * 1024 };
char childs_stack[CHILDS_STACK] RARELY_USED;

/*
 * vfork(2) would suspend nsinit until the child's exec. Then nsinit could close its files only
 * once COMMAND runs, which is too late where COMMAND must not see them, and a child that is stopped
 * before exec would take nsinit with it. So the child shares nsinit's memory and waits at a gate
 * while nsinit closes its files, and then nsinit waits for the exec.
 *
 * The two also share errno. That is safe because nsinit makes no call that can fail between opening
 * the gate and the exec, except where the child was stopped.
 */
int child_start(struct child *child, struct start *start)
{
	char *top = childs_stack + CHILDS_STACK;
	int failed;

	start->self = getpid();
	start->alive = 1;
	failed =
	    child_clone(child, begin, start, CLONE_VM | CLONE_CHILD_CLEARTID, top, &start->alive);
	if (failed && errno == EINVAL) {
		/* qemu's user mode shares memory between threads only, and knows vfork(2). */
		start->gate = 1;
		start->alive = 0;
		failed = child_clone(child, begin, start, CLONE_VM | CLONE_VFORK, top, NULL);
	}
	if (failed) {
		say(ALWAYS, "cannot start %s: %m%s", start->opt->command[0],
		    errno == EAGAIN   ? " (a limit on processes: pids.max, RLIMIT_NPROC)"
		    : errno == ENOMEM ? " (no memory, or the PID namespace's init is gone)"
				      : "");
		start->status = STATUS_FAILED;
		return start->status;
	}
	start->keep.fds[start->keep.count++] = child->pidfd;
	files_release(&start->keep);
	open_gate(start);
	while (__atomic_load_n(&start->alive, __ATOMIC_ACQUIRE)) {
		wait_while(&start->alive, 1);
		if (start->alive && is_halted(child))
			break;
	}
	if (start->status)
		child_wait(child);
	return start->status;
}
