/* The terminal: who holds it, handing it over, putting it right at the end. */
#include "terminal.h"

#include "child.h"
#include "descendants.h"
#include "files.h"
#include "kernel.h"
#include "log.h"
#include "signals.h"

static pid_t foreground_of(int fd)
{
	pid_t group;

	return syscall(SYS_ioctl, fd, TIOCGPGRP, &group) ? -1 : group;
}

static int give_foreground(int fd, pid_t group)
{
	return (int)syscall(SYS_ioctl, fd, TIOCSPGRP, &group);
}

/*
 * Groups outside our PID namespace all read as 0. Then a read shows the difference: in the
 * background it fails with EIO, since SIGTTIN is blocked; in the foreground it takes nothing.
 */
static bool has_foreground(int fd)
{
	pid_t group = foreground_of(fd);
	char nothing;

	return group == getpgrp() && (group || !read(fd, &nothing, 0) || errno != EIO);
}

static int open_terminal(void)
{
	int fd = file_open("/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK);

	/* ENXIO: there is none. Any other error: /dev is empty or not accessible. A standard file
	 * whose foreground group nsinit may ask for is the controlling terminal (tty_ioctl(4)). */
	if (fd >= 0 || errno == ENXIO)
		return fd;
	for (int std = STDIN_FILENO; std <= STDERR_FILENO; std++)
		if (foreground_of(std) >= 0)
			return (int)syscall(SYS_fcntl, std, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	return -1;
}

void terminal_find(struct terminal *terminal, bool own_group)
{
	terminal->fd = open_terminal();
	if (terminal->fd < 0)
		terminal->role = NO_TERMINAL;
	else if (getsid(0) == getpid())
		terminal->role = GIVES_SESSION;
	else
		terminal->role = own_group ? OWN_GROUP : BELOW_SHELL;
	terminal->foreground = terminal->role == OWN_GROUP && has_foreground(terminal->fd);
}

static int lead_nobody(void *arg)
{
	return setpgid(0, 0) || /* SIGTTOU is blocked, here as everywhere */
	       give_foreground(*(int *)arg, getpgrp());
}

/*
 * A session leader that gives its terminal up has HUP and CONT sent to the foreground group: to
 * itself, where a HUP that a process sends at that moment would be merged with the kernel's, and to
 * all others in that group. So the foreground group is first changed to one without members.
 */
void terminal_release(struct terminal *terminal)
{
	struct child nobody;
	siginfo_t ours;
	char stack[4096];
	int failed = 1;

	if (terminal->role != GIVES_SESSION)
		return;
	if (!child_clone(&nobody, lead_nobody, &terminal->fd, CLONE_VM | CLONE_VFORK,
		stack + sizeof(stack), NULL)) {
		failed = child_wait(&nobody);
		close(nobody.pidfd);
	}
	if (syscall(SYS_ioctl, terminal->fd, TIOCNOTTY)) {
		/* EIO: it was hung up. COMMAND gets the signals of that when it cannot take it. */
		if (errno != EIO) {
			say(ALWAYS, "cannot hand the terminal over: %m");
			terminal->role = NO_TERMINAL;
			return;
		}
		failed = 1;
	}
	/* These came to nsinit because there was no such group: COMMAND is not to die of them. */
	terminal->spilled = failed;
	while (failed && signals_take(SIGBIT(SIGHUP) | SIGBIT(SIGCONT), &ours))
		;
}

void terminal_take(const struct terminal *terminal)
{
	if (terminal->role == GIVES_SESSION) {
		siginfo_t ours;

		/* What terminal_release() could not avoid reached this process as well. */
		while (terminal->spilled && signals_take(SIGBIT(SIGHUP) | SIGBIT(SIGCONT), &ours))
			;
		setsid();
		/* Hung up meanwhile: this is what the kernel sends to a session's leader then. */
		if (syscall(SYS_ioctl, terminal->fd, TIOCSCTTY, 0) && errno == EIO) {
			kill(getpid(), SIGHUP);
			kill(getpid(), SIGCONT);
		}
	} else if (terminal->role != BELOW_SHELL) {
		setpgid(0, 0);
		if (terminal->foreground)
			give_foreground(terminal->fd, getpgrp());
	}
}

bool terminal_is_watched(const struct terminal *terminal)
{
	pid_t parent = getppid();

	return terminal_is_kept(terminal) && getpgid(parent) != getpgrp() &&
	       getsid(parent) == getsid(0);
}

bool terminal_lend(const struct terminal *terminal, pid_t command)
{
	pid_t group = getpgid(command);

	/* COMMAND has ended, and may have left others in its group. */
	if (group < 0 && terminal->role == OWN_GROUP)
		group = command;
	return terminal_is_kept(terminal) && group > 0 && group != getpgrp() &&
	       has_foreground(terminal->fd) && !give_foreground(terminal->fd, group);
}

bool terminal_is_kept(const struct terminal *terminal)
{
	return terminal->role == BELOW_SHELL || terminal->role == OWN_GROUP;
}

void terminal_restore(const struct terminal *terminal, pid_t lent)
{
	pid_t foreground;

	if (!terminal_is_kept(terminal))
		return;
	foreground = foreground_of(terminal->fd);
	if (foreground <= 0 || foreground == getpgrp())
		return;
	if (foreground == lent || (kill(-foreground, 0) && errno == ESRCH) ||
	    descendants_signal_group(foreground, 0))
		give_foreground(terminal->fd, getpgrp());
}
