/* The end of nsinit, and of the machine. */
#include "machine.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>

#include "files.h"
#include "kernel.h"
#include "text.h"

/*
 * Return whether nsinit may be the machine's init. Only the initial PID namespace has this name
 * (include/linux/proc_ns.h), and only there do kernel threads, the children of PID 2, exist.
 * reboot(2) gives the final answer, but is not called if /proc shows that this is a container,
 * where a seccomp filter may kill the caller.
 */
static bool may_be_machine(void)
{
	char name[32] = "";

	if (getpid() != 1)
		return false;
	if (syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/ns/pid", name, sizeof(name) - 1) > 0)
		return !strcmp(name, PROC_PID_INIT);
	return !kill(2, 0) || errno != ESRCH;
}

bool machine_is_ours(void)
{
	return may_be_machine() && !reboot(RB_DISABLE_CAD);
}

void machine_announce(enum on_exit how, int status)
{
	int console = -1;
	pid_t group;

	/* When COMMAND's session ends, the kernel hangs up its terminal. If that was the console,
	 * it has to be opened again. */
	if (syscall(SYS_ioctl, STDERR_FILENO, TIOCGPGRP, &group) && errno == EIO)
		console = file_open("/dev/console", O_WRONLY | O_NOCTTY);
	if (console >= 0) {
		syscall(SYS_dup3, console, STDERR_FILENO, 0);
		close(console);
	}
	say(ALWAYS, "status %d: %s", status,
	    how == ON_EXIT_REBOOT ? "rebooting"
	    : how == ON_EXIT_HALT ? "halting"
				  : "powering off");
}

enum { MOUNTS_READ = 256 * 1024, UNMOUNT_SECONDS = 20 };
char mounts[MOUNTS_READ + 1] RARELY_USED;

/* The kernel writes blanks and backslashes in names as \040 (proc_pid_mounts(5)). */
static void decode(char *path)
{
	char *to = path;

	for (; *path; path++) {
		if (path[0] == '\\' && path[1] && path[2] && path[3]) {
			*to++ = (char)((path[1] - '0') * 64 + (path[2] - '0') * 8 + path[3] - '0');
			path += 3;
		} else {
			*to++ = *path;
		}
	}
	*to = '\0';
}

/* Unmount the file system on LINE of /proc/self/mounts. If that fails, make it read-only. */
static void put_away(char *line)
{
	char *path = find_char(line, ' '), *end;

	if (!*path)
		return;
	end = find_char(++path, ' ');
	*end = '\0';
	decode(path);
	if (!umount2(path, 0))
		return;
	if (mount(NULL, path, NULL, MS_REMOUNT | MS_RDONLY, NULL))
		say(VERBOSE, "cannot remount %s read-only: %m", path);
}

/* Begin with the last mount, so that a mount inside another one is unmounted first. */
static void put_all_away(void)
{
	size_t size = 0;
	ssize_t n;
	int fd;

	/* COMMAND may have left no procfs, nor a directory for one. Only "/.." sees what is mounted
	 * over the root. */
	mount("proc", "/", "proc", 0, NULL);
	fd = file_open("/../self/mounts", O_RDONLY);
	while (size < MOUNTS_READ && (n = read(fd, mounts + size, MOUNTS_READ - size)) > 0)
		size += (size_t)n;
	close(fd);
	mounts[size] = '\0';
	while (size > 0) {
		char *line;

		mounts[--size] = '\0'; /* the newline */
		line = memrchr(mounts, '\n', size);
		line = line ? line + 1 : mounts;
		size = (size_t)(line - mounts);
		put_away(line);
	}
	mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL);
}

static int put_all_away_and_exit(void *nothing)
{
	(void)nothing;
	put_all_away();
	return 0;
}

/* Unmount in a child, which may hang in a file system that does not answer. After UNMOUNT_SECONDS
 * nsinit carries on without it. */
static void end_mounts(void)
{
	_Alignas(16) char stack[COPIED_STACK];
	pid_t child = clone(put_all_away_and_exit, stack + sizeof(stack), SIGCHLD, NULL);

	if (child < 0) {
		put_all_away();
		return;
	}
	for (int naps = 0; naps < UNMOUNT_SECONDS * 100; naps++) {
		if (wait4(child, NULL, WNOHANG, NULL) == child)
			return;
		poll(NULL, 0, 10);
	}
	say(ALWAYS, "a file system did not answer within %d s: going on", UNMOUNT_SECONDS);
}

void machine_end(enum on_exit how, int status)
{
	if (how == ON_EXIT_EXIT || !machine_is_ours())
		_exit(status);
	kill(-1, SIGKILL);
	sync();
	end_mounts();
	reboot(how == ON_EXIT_REBOOT ? RB_AUTOBOOT
	       : how == ON_EXIT_HALT ? (int)RB_HALT_SYSTEM
				     : RB_POWER_OFF);
	say(ALWAYS, "cannot end the machine: %m");
	for (;;)
		poll(NULL, 0, -1); /* exiting would panic the kernel */
}

void quit(int status)
{
	if (machine_is_ours())
		machine_announce(ON_EXIT_POWEROFF, status);
	machine_end(ON_EXIT_POWEROFF, status);
}
