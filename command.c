/* Starting COMMAND: what it inherits, exec, 126 and 127. */
#include "command.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "kernel.h"
#include "log.h"
#include "machine.h"
#include "options.h"
#include "peer.h"
#include "terminal.h"
#include "text.h"

/*
 * vfork(2) would suspend nsinit until the child's exec. Then nsinit could close its files only once
 * COMMAND runs, which is too late if COMMAND must not see them. A child that is stopped before its
 * exec would also stop nsinit. So the child shares nsinit's memory (CLONE_VM) and waits at a gate.
 * nsinit closes its files, opens the gate, and waits for the exec, at which the kernel clears ALIVE
 * and wakes its waiters (set_tid_address(2), which the child calls itself, because musl's clone(3)
 * refuses CLONE_CHILD_CLEARTID since 1.2.5).
 *
 * The two processes share errno, too. Between opening the gate and the exec, nsinit's wait fails
 * with ETIMEDOUT once in a TICK, and if the child was stopped in between, other calls of nsinit
 * fail as well (EAGAIN, ESRCH, ECHILD). So the child repeats an execve(2), and terminal_take() an
 * ioctl(2), with an error that may not be its own. Before the gate opens, it is the child's wait
 * that fails, and nsinit does not depend on errno.
 *
 * Emulators and seccomp filters may refuse that clone(2). Then the child gets a copy of the memory,
 * except for struct start, which is moved to a shared mapping. The kernel clears ALIVE only if the
 * memory has other users, so the child clears it itself, right before the exec. If that fails,
 * nsinit learns of it when the child ends. A descriptor that the exec closes would show the moment
 * exactly, but COMMAND would find nsinit's end of it still open in PID 1.
 */

/* Wait while WORD has VALUE. A wait ends after TICK at the latest, so that the waiter can check
 * whether the other process has died or is stopped, which no wakeup announces. */
enum { TICK = 20 }; /* ms */

static void wait_while_equal(const int *word, int value)
{
	const long tick[] = {0, TICK * 1000000L};

	/* FUTEX_PRIVATE_FLAG would not match the kernel's own wakeup, which is sent without it. */
	syscall(SYS_futex, word, FUTEX_WAIT, value, tick, NULL, 0);
}

/* Return whether nsinit has died. It cannot be seen from another PID namespace (0). */
static bool is_abandoned(const struct start *start)
{
	pid_t parent = getppid();

	return parent && parent != start->self;
}

/* In the child: wait at the gate, and end if nsinit dies, since then nothing opens the gate. */
static void await_gate(const struct start *start)
{
	while (!__atomic_load_n(&start->gate, __ATOMIC_ACQUIRE)) {
		wait_while_equal(&start->gate, 0);
		if (!start->gate && is_abandoned(start))
			_exit(STATUS_FAILED);
	}
}

static void set_and_wake(int *word, int value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* Wait until CHILD has called exec, has ended, or is stopped. A file system that does not answer
 * may hold an exec up: after a second signals have to be handled again. */
static void await_exec(const struct start *start, const struct child *child)
{
	int ticks = 1000 / TICK;

	while (__atomic_load_n(&start->alive, __ATOMIC_ACQUIRE)) {
		wait_while_equal(&start->alive, 1);
		if (start->alive && (child_is_halted(child) || !--ticks))
			return;
	}
}

enum { ENTRY = 32 }; /* bytes for one of the entries below */

/*
 * Some variables name the process that they are for: LISTEN_PID (sd_listen_fds(3)), WATCHDOG_PID
 * (sd_watchdog_enabled(3)), SYSTEMD_EXEC_PID (systemd.exec(5)). If NAME names nsinit, replace it by
 * TEXT, which names COMMAND. Return whether it was replaced.
 */
static bool rename_in_environment(const char *name, char text[static ENTRY], pid_t from)
{
	bool renamed = false;

	for (char **entry = environ; *entry; entry++) {
		const char *value = text_after(*entry, name);

		if (!value || number_of(value, INT32_MAX / 10 - 1) != from)
			continue;
		format(text, ENTRY, "%s%d", name, getpid());
		*entry = text;
		renamed = true;
	}
	return renamed;
}

static void remove_from_environment(const char *name)
{
	char **to = environ;

	for (char **entry = environ; *entry; entry++)
		if (!text_after(*entry, name))
			*to++ = *entry;
	*to = NULL;
}

char searched[PATH_MAX] RARELY_USED;

/* Return the path of the file NAME in the first directory of PATH; NULL if it is too long. */
static char *path_in(const char *path, const char *name)
{
	size_t n = (size_t)(find_char(path, ':') - path);

	if (n + strlen(name) + 2 > sizeof(searched))
		return NULL;
	memcpy(searched, path, n);
	format(searched + n, sizeof(searched) - n, "%s%s", n ? "/" : "", name);
	return searched;
}

/* exec FILE. Return the error, and record in START whether FILE itself exists. */
static int exec_file(struct start *start, const char *file)
{
	int error;

	execve(file, start->opt->command, environ);
	error = errno;
	if (error != ENOENT && error != EACCES) {
		execve(file, start->opt->command, environ);
		error = errno;
	}
	if (error == ENOENT && !access(file, F_OK))
		start->answer.lacks_interpreter = true;
	return error;
}

/*
 * Like execvp(3), but a file without "#!" is never handed to a shell, and the default PATH does not
 * depend on the libc.
 */
static int search_and_exec(struct start *start, const char *path)
{
	int result = ENOENT;

	for (;; path++) {
		const char *file = path_in(path, start->opt->command[0]);
		int error = file ? exec_file(start, file) : ENOENT;

		if (error == EACCES)
			result = EACCES;
		else if (error != ENOENT && error != ENOTDIR)
			return error;
		path = find_char(path, ':');
		if (!*path)
			return result;
	}
}

/*
 * In the child: prepare and call exec. Only what COMMAND is meant to inherit may survive the exec.
 */
static int begin(void *arg)
{
	struct start *start = arg; /* shared with nsinit */
	char **argv = start->opt->command;
	const char *path = environment("PATH");
	char listen[ENTRY], watchdog[ENTRY], exec[ENTRY];

	if (!start->apart)
		syscall(SYS_set_tid_address, &start->alive);
	if (!path)
		path = start->machine
			   ? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
			   : "/usr/local/bin:/bin:/usr/bin";
	/* LISTEN_PIDFDID is the inode of LISTEN_PID's pidfd, which would be nsinit's. */
	if (rename_in_environment("LISTEN_PID=", listen, start->original_pid))
		remove_from_environment("LISTEN_PIDFDID=");
	rename_in_environment("WATCHDOG_PID=", watchdog, start->original_pid);
	rename_in_environment("SYSTEMD_EXEC_PID=", exec, start->original_pid);
	if (start->peer >= 0)
		peer_tell(start->peer, NOTE_NAME, 0);
	await_gate(start);
	terminal_take(start->terminal);
	if (start->terminal->role == BELOW_SHELL)
		start->answer.had = signals_pending();
	if (start->apart)
		set_and_wake(&start->alive, 0);
	signals_release(start->inherited);
	start->answer.error = !**argv || *find_char(*argv, '/') ? exec_file(start, *argv)
								: search_and_exec(start, path);
	return STATUS_FAILED;
}

/* The largest frame below begin() is the line of a message (log.c). With glibc the dynamic linker
 * may run on this stack too, and sanitizers need more. */
#ifdef __GLIBC__
enum { CHILDS_STACK = 16 * 1024 };
#else
enum { CHILDS_STACK = 2560 };
#endif
static _Alignas(16) char childs_stack[CHILDS_STACK];

static int say_no_process(const struct start *start)
{
	const char *why = "";

	if (errno == EAGAIN)
		why = " (a limit on processes: pids.max, RLIMIT_NPROC)";
	else if (errno == ENOMEM)
		why = " (no memory, or the PID namespace's init is gone)";
	say(ALWAYS, "cannot start %s: %m%s", start->opt->command[0], why);
	return STATUS_FAILED;
}

/* Create a child that shares nothing but START, which is moved. Returns -1 and sets errno. */
static int create_apart(struct child *child, struct start **start, char *top)
{
	struct start *shared = memory_shared(sizeof(*shared));

	if (shared == MAP_FAILED)
		return -1;
	*shared = **start;
	shared->apart = true;
	*start = shared;
	return child_clone(child, begin, shared, 0, top);
}

int command_create(struct child *child, struct start **start)
{
	char *top = childs_stack + sizeof(childs_stack);

	(*start)->alive = 1;
	if (!child_clone(child, begin, *start, CLONE_VM, top))
		return 0;
	if (errno != EAGAIN && errno != ENOMEM && !create_apart(child, start, top))
		return 0;
	child->pid = 0;
	return say_no_process(*start);
}

void command_run(const struct child *child, struct start *start, struct keep *keep)
{
	keep->fds[keep->count++] = child->pidfd;
	files_release(keep);
	set_and_wake(&start->gate, 1);
	await_exec(start, child);
}

int command_failure(const struct start *start)
{
	const char *name = *start->opt->command;

	errno = start->answer.error;
	say(ALWAYS, "%s: %m%s", *name ? name : "COMMAND is an empty word",
	    errno == ENOENT && start->answer.lacks_interpreter
		? " (the file exists, but the interpreter that it names does not)"
		: "");
	return start->answer.error == ENOENT ? STATUS_NOTFOUND : STATUS_CANNOT;
}
