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
 * COMMAND runs, which is too late if COMMAND must not see them, and a child that is stopped before
 * its exec would take nsinit with it. So the child shares nsinit's memory (CLONE_VM) and waits at a
 * gate. nsinit closes its files, opens the gate, and waits for the exec, at which the kernel clears
 * ALIVE and wakes its waiters (CLONE_CHILD_CLEARTID, set_tid_address(2)).
 *
 * The two processes share errno, too. That is safe as long as nsinit makes no call that can fail
 * between opening the gate and the exec. It does so only if the child was stopped in between.
 */

/*
 * Wait while WORD has VALUE. A wait ends after TICK at the latest, so that the waiter can look for
 * what no wakeup announces: that the other process has died, or is stopped.
 */
static void wait_while(const int *word, int value)
{
	enum { TICK = 20 * 1000 * 1000 }; /* ns */
	const long tick[] = {0, TICK};

	/* Without FUTEX_PRIVATE_FLAG, which the kernel's own wakeup does not have either. */
	syscall(SYS_futex, word, FUTEX_WAIT, value, tick, NULL, 0);
}

/* In the child: if nsinit dies meanwhile, nobody opens the gate any more. */
static void await_gate(const struct start *start)
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

/*
 * Some variables say which process they are for: LISTEN_PID (sd_listen_fds(3)), WATCHDOG_PID
 * (sd_watchdog_enabled(3)), SYSTEMD_EXEC_PID (systemd.exec(5)). Where one names nsinit, replace it
 * by the text in room, which names COMMAND. Returns whether it did.
 */
enum { ENTRY = 32 };

static bool rename_in_environment(const char *name, char text[static ENTRY], pid_t from)
{
	size_t n = strlen(name);
	bool renamed = false;

	for (char **entry = environ; *entry; entry++) {
		if (strncmp(*entry, name, n) != 0 ||
		    number_of(*entry + n, INT32_MAX / 10 - 1) != from)
			continue;
		format(text, ENTRY, "%s%d", name, getpid());
		*entry = text;
		renamed = true;
	}
	return renamed;
}

static void remove_from_environment(const char *name)
{
	size_t n = strlen(name);
	char **to = environ;

	for (char **entry = environ; *entry; entry++)
		if (strncmp(*entry, name, n) != 0)
			*to++ = *entry;
	*to = NULL;
}

char searched[PATH_MAX] RARELY_USED;

/* Return the path of the file NAME in the first directory of PATH; NULL if it is too long. */
static char *path_in(const char *path, const char *name)
{
	size_t n = strcspn(path, ":");

	if (n + strlen(name) + 2 > sizeof(searched))
		return NULL;
	memcpy(searched, path, n);
	format(searched + n, sizeof(searched) - n, "%s%s", n ? "/" : "", name);
	return searched;
}

/* exec FILE; on return errno says why it failed, and START whether FILE itself is there. */
static void exec_file(struct start *start, const char *file)
{
	int error;

	execve(file, start->opt->command, environ);
	error = errno;
	if (error == ENOENT && !access(file, F_OK))
		start->lacks_interpreter = true;
	errno = error;
}

/*
 * Like execvp(3), but a file without "#!" is never handed to a shell, and the default PATH does not
 * depend on the libc.
 */
static void search_and_exec(struct start *start, const char *path)
{
	int error = ENOENT;

	for (;; path++) {
		const char *file = path_in(path, start->opt->command[0]);

		if (file) {
			exec_file(start, file);
			if (errno == EACCES)
				error = EACCES;
			else if (errno != ENOENT && errno != ENOTDIR)
				return;
		}
		path += strcspn(path, ":");
		if (!*path)
			break;
	}
	errno = error;
}

/* In the child. Nothing done here may outlive exec except what COMMAND is to have. */
static int begin(void *arg)
{
	struct start *start = arg; /* shared with nsinit until exec */
	char **argv = start->opt->command;
	const char *path = getenv("PATH");
	char listen[ENTRY], watchdog[ENTRY], exec[ENTRY];

	if (!path)
		path = start->machine ? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
				      : "/usr/local/bin:/bin:/usr/bin";
	/* LISTEN_PIDFDID is the inode of LISTEN_PID's pidfd, which would be nsinit's. */
	if (rename_in_environment("LISTEN_PID=", listen, start->caller))
		remove_from_environment("LISTEN_PIDFDID=");
	rename_in_environment("WATCHDOG_PID=", watchdog, start->caller);
	rename_in_environment("SYSTEMD_EXEC_PID=", exec, start->caller);
	if (start->peer >= 0)
		peer_tell(start->peer, NOTE_NAME, 0);
	await_gate(start);
	terminal_take(start->terminal);
	start->had = signals_pending();
	signals_release(start->inherited);
	if (!**argv || strchr(*argv, '/'))
		exec_file(start, *argv);
	else
		search_and_exec(start, path);
	start->error = errno;
	return STATUS_FAILED;
}

/* begin() and what it calls have no arrays but entries of the environment. With glibc the dynamic
 * linker may run as well, and sanitizers want more. */
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

int command_create(struct child *child, struct start *start)
{
	char *top = childs_stack + sizeof(childs_stack);

	start->self = getpid();
	start->alive = 1;
	if (!child_clone(child, begin, start, CLONE_VM | CLONE_CHILD_CLEARTID, top, &start->alive))
		return 0;
	child->pid = 0;
	if (errno != EINVAL)
		return say_no_process(start);
	/* An emulator such as qemu-user shares memory between threads only, but knows vfork(2). */
	start->by_vfork = true;
	return 0;
}

int command_run(struct child *child, struct start *start, struct keep *keep)
{
	if (start->by_vfork) {
		start->gate = 1;
		start->alive = 0;
		if (child_clone(child, begin, start, CLONE_VM | CLONE_VFORK,
			childs_stack + sizeof(childs_stack), NULL)) {
			child->pid = 0;
			return say_no_process(start);
		}
	}
	keep->fds[keep->count++] = child->pidfd;
	files_release(keep);
	open_gate(start);
	while (__atomic_load_n(&start->alive, __ATOMIC_ACQUIRE)) {
		wait_while(&start->alive, 1);
		if (start->alive && child_is_halted(child))
			break;
	}
	return 0;
}

int command_failure(const struct start *start)
{
	const char *name = *start->opt->command;

	errno = start->error;
	say(ALWAYS, "%s: %m%s", *name ? name : "COMMAND is an empty word",
	    errno == ENOENT && start->lacks_interpreter
		? " (the file exists, but the interpreter that it names does not)"
		: "");
	return start->error == ENOENT ? STATUS_NOTFOUND : STATUS_CANNOT;
}
