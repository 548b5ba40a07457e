/* The terminal: which process holds it, handing it over, and restoring it at the end. */
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

/* All groups outside our PID namespace are shown as 0. Then an empty read shows the difference: it
 * fails with EIO in the background, since SIGTTIN is blocked, and succeeds in the foreground. */
static bool has_foreground(int fd)
{
	pid_t group = foreground_of(fd);
	char nothing;

	return group == getpgrp() && (group || !read(fd, &nothing, 0) || errno != EIO);
}

static int open_terminal(void)
{
	pid_t session;
	int fd = file_open("/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK);

	/*
	 * ENXIO means that there is no terminal. Any other error means that /dev is empty or not
	 * accessible. Then a standard file is the controlling terminal if its session is ours. The
	 * kernel answers for a pty's master as well, with the session of the other end.
	 */
	if (fd >= 0 || errno == ENXIO)
		return fd;
	for (int std = STDIN_FILENO; std <= STDERR_FILENO; std++)
		if (!syscall(SYS_ioctl, std, TIOCGSID, &session) && session == getsid(0))
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
	return setpgid(0, 0) || /* SIGTTOU is blocked, as always in nsinit */
	       give_foreground(*(int *)arg, getpgrp());
}

/*
 * When a session leader gives its terminal up, the kernel sends HUP and CONT to the foreground
 * group. All of that group would be affected, and a HUP that a process sends to nsinit at that
 * moment would be merged with the kernel's. So first make a group without members the foreground
 * group.
 */
void terminal_release(struct terminal *terminal)
{
	struct child nobody;
	char stack[4096];
	int failed = 1;

	if (terminal->role != GIVES_SESSION)
		return;
	if (!child_clone(&nobody, lead_nobody, &terminal->fd, CLONE_VM | CLONE_VFORK,
		stack + sizeof(stack))) {
		failed = child_wait(&nobody);
		close(nobody.pidfd);
	}
	if (syscall(SYS_ioctl, terminal->fd, TIOCNOTTY)) {
		/* EIO means that the terminal was hung up. COMMAND raises the signals of a hang-up
		 * when it cannot take the terminal. */
		if (errno != EIO) {
			say(ALWAYS, "cannot hand the terminal over: %m");
			terminal->role = NO_TERMINAL;
			return;
		}
		failed = 1;
	}
	/* These signals reached nsinit because there was no such group. They must not terminate
	 * COMMAND. */
	if (failed)
		signals_drop(SIGBIT(SIGHUP) | SIGBIT(SIGCONT));
}

/* Make the terminal that of this session. Return whether it was hung up. nsinit shares errno
 * (command.c) and may overwrite EIO, so try twice. */
static bool is_hung_up(int fd)
{
	for (int i = 0; i < 2; i++) {
		if (!syscall(SYS_ioctl, fd, TIOCSCTTY, 0))
			return false;
		if (errno == EIO)
			return true;
	}
	return false;
}

void terminal_take(const struct terminal *terminal)
{
	if (terminal->role == BELOW_SHELL)
		return;
	if (terminal->role == GIVES_SESSION)
		setsid();
	else
		setpgid(0, 0);
	/* Until then this process was in nsinit's group. What that group was sent is pending in
	 * nsinit as well, and nsinit forwards it. */
	signals_drop(SIG_EVERY);
	if (terminal->foreground)
		give_foreground(terminal->fd, getpgrp());
	/* The kernel sends these signals to the leader of a session whose terminal is hung up. */
	if (terminal->role == GIVES_SESSION && is_hung_up(terminal->fd)) {
		kill(getpid(), SIGHUP);
		kill(getpid(), SIGCONT);
	}
}

bool terminal_is_watched(const struct terminal *terminal)
{
	pid_t parent = getppid();

	return terminal_is_kept(terminal) && getpgid(parent) != getpgrp() &&
	       getsid(parent) == getsid(0);
}

/* The group of COMMAND, which may have ended and left others in its group. */
static pid_t lent_group(const struct terminal *terminal, pid_t command)
{
	pid_t group = getpgid(command);

	return group < 0 && terminal->role == OWN_GROUP ? command : group;
}

bool terminal_lends(const struct terminal *terminal, pid_t command)
{
	pid_t group = lent_group(terminal, command);

	return terminal_is_kept(terminal) && group > 0 && group != getpgrp() &&
	       (has_foreground(terminal->fd) || foreground_of(terminal->fd) == group);
}

void terminal_lend(const struct terminal *terminal, pid_t command)
{
	give_foreground(terminal->fd, lent_group(terminal, command));
}

bool terminal_is_kept(const struct terminal *terminal)
{
	return terminal->role == BELOW_SHELL || terminal->role == OWN_GROUP;
}

bool terminal_restore(const struct terminal *terminal, pid_t lent)
{
	pid_t foreground;

	if (!terminal_is_kept(terminal))
		return false;
	foreground = foreground_of(terminal->fd);
	/* kill(-1) would not signal group 1, which is that of a shell that is PID 1. */
	if (foreground <= 1 || foreground == getpgrp())
		return false;
	if (foreground == lent || (kill(-foreground, 0) && errno == ESRCH) ||
	    descendants_signal_group(foreground, 0))
		give_foreground(terminal->fd, getpgrp());
	return foreground == lent;
}
