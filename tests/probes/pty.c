/*
 * A terminal that a test can type on and read.
 *
 *	pty [-n] LOG COMMAND [ARG]...
 *
 * COMMAND leads a new session whose controlling terminal is a new
 * pseudo-terminal; with -n it leads one without any terminal, stdin being
 * /dev/null and its output a pipe. All that it writes goes to LOG too. Orders
 * come on stdin, a line each, and each gets one line of answer:
 *
 *	type TEXT	TEXT goes to the terminal; \r \n \\ and \xHH as in C
 *	see TEXT	wait until TEXT has been written, after what was seen before
 *	foreground	the terminal's foreground process group
 *	leader		COMMAND's PID
 *	size ROWS COLS	resize
 *	hangup		close the terminal
 *	wait		wait for COMMAND's end: "exited N", "killed N" or "killed N core"
 *	quit		end
 *
 * An order that fails, or takes longer than PTY_TIMEOUT seconds (30), is answered by "no" and the
 * reason. When stdin ends, and on "quit", pty kills everything that COMMAND has left behind: pty is
 * a subreaper.
 */
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

struct pty {
	pid_t leader;
	int status;
	int ended;
	int master; /* or the read end of the pipe; -1 once hung up */
	int slave;  /* held open: a master without any slave reads EIO */
	int children;
	int log;
	long timeout;
	char *screen;
	size_t len, seen;
};

static void die(const char *what)
{
	fprintf(stderr, "pty: %s: %s\n", what, strerror(errno));
	exit(2);
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Decodes TEXT in place. Returns the length, since TEXT may contain a NUL. */
static size_t unescape(char *text)
{
	char *from = text, *to = text;

	while (*from != '\0') {
		char hex[3] = {0};

		if (*from != '\\') {
			*to++ = *from++;
			continue;
		}
		switch (from[1]) {
		case 'r':
			*to++ = '\r';
			break;
		case 'n':
			*to++ = '\n';
			break;
		case 'x':
			memcpy(hex, from + 2, strnlen(from + 2, 2));
			*to++ = (char)strtol(hex, NULL, 16);
			from += strlen(hex);
			break;
		case '\\':
			*to++ = '\\';
			break;
		default:
			fprintf(stderr, "pty: bad escape in '%s'\n", text);
			exit(2);
		}
		from += 2;
	}
	return (size_t)(to - text);
}

static void open_terminal(struct pty *pty)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};

	pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (pty->master == -1 || grantpt(pty->master) == -1 || unlockpt(pty->master) == -1)
		die("posix_openpt");
	pty->slave = open(ptsname(pty->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (pty->slave == -1)
		die("ptsname");
	ioctl(pty->slave, TIOCSWINSZ, &size);
}

static void open_pipe(struct pty *pty)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) == -1)
		die("pipe2");
	pty->master = ends[0];
	pty->slave = ends[1];
}

static void lead(const struct pty *pty, int terminal, char **argv)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};
	sigset_t none;

	if (setsid() == -1)
		die("setsid");
	if (terminal && ioctl(pty->slave, TIOCSCTTY, 0) == -1)
		die("TIOCSCTTY");
	if (!terminal) {
		close(STDIN_FILENO);
		open("/dev/null", O_RDONLY);
	} else {
		dup2(pty->slave, STDIN_FILENO);
	}
	dup2(pty->slave, STDOUT_FILENO);
	dup2(pty->slave, STDERR_FILENO);
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
	/* A shell without job control starts its jobs with INT ignored. */
	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(argv[0], argv);
	die(argv[0]);
}

static void reap(struct pty *pty)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == pty->leader) {
			pty->status = status;
			pty->ended = 1;
		}
	}
}

static int read_screen(struct pty *pty)
{
	char part[4096];
	ssize_t n;

	if (pty->master == -1 || (n = read(pty->master, part, sizeof(part))) <= 0)
		return 0;
	if (write(pty->log, part, (size_t)n) != n)
		die("write to the log");
	pty->screen = realloc(pty->screen, pty->len + (size_t)n);
	if (pty->screen == NULL)
		die("realloc");
	memcpy(pty->screen + pty->len, part, (size_t)n);
	pty->len += (size_t)n;
	return 1;
}

enum { SCREEN, CHILDREN, ORDERS, NFDS };

/* Waits for output, and for an order if the caller can handle one, and reads it. Returns whether it
 * came before the deadline. */
static int take_in(struct pty *pty, long deadline, short orders)
{
	struct signalfd_siginfo si;
	struct pollfd fds[NFDS] = {
	    [SCREEN] = {.fd = pty->master, .events = POLLIN},
	    [CHILDREN] = {.fd = pty->children, .events = POLLIN},
	    [ORDERS] = {.fd = orders ? STDIN_FILENO : -1, .events = POLLIN},
	};
	long left = deadline == -1 ? -1 : deadline - now_ms();

	if (deadline != -1 && left < 0)
		left = 0;
	if (poll(fds, NFDS, (int)left) == 0)
		return 0;
	if (fds[SCREEN].revents != 0)
		read_screen(pty);
	if (fds[CHILDREN].revents != 0 && read(pty->children, &si, sizeof(si)) == sizeof(si))
		reap(pty);
	return 1;
}

static const char *see(struct pty *pty, const char *text, size_t len)
{
	long deadline = now_ms() + pty->timeout;

	for (;;) {
		char *at = NULL;
		int ended = pty->ended;

		if (pty->len > pty->seen)
			at = memmem(pty->screen + pty->seen, pty->len - pty->seen, text, len);
		if (at != NULL) {
			pty->seen = (size_t)(at - pty->screen) + len;
			return "ok";
		}
		if (ended) {
			struct pollfd more = {.fd = pty->master, .events = POLLIN};

			if (poll(&more, 1, 0) < 1 || !read_screen(pty))
				return "no: COMMAND has ended";
		} else if (!take_in(pty, deadline, 0)) {
			return "no: not within the time";
		}
	}
}

static const char *type(struct pty *pty, const char *text, size_t len)
{
	return write(pty->master, text, len) == (ssize_t)len ? "ok" : "no: not all was taken";
}

static const char *resize(struct pty *pty, const char *arg)
{
	struct winsize size = {0};
	char *end;

	size.ws_row = (unsigned short)strtoul(arg, &end, 10);
	size.ws_col = (unsigned short)strtoul(end, &end, 10);
	return ioctl(pty->master, TIOCSWINSZ, &size) == -1 ? "no: not resized" : "ok";
}

static const char *hang_up(struct pty *pty)
{
	close(pty->slave);
	close(pty->master);
	pty->slave = pty->master = -1;
	return "ok";
}

static const char *end(struct pty *pty)
{
	static char answer[32];
	long deadline = now_ms() + pty->timeout;

	while (!pty->ended)
		if (!take_in(pty, deadline, 0))
			return "no: COMMAND goes on";
	if (WIFEXITED(pty->status))
		snprintf(answer, sizeof(answer), "exited %d", WEXITSTATUS(pty->status));
	else
		snprintf(answer, sizeof(answer), "killed %d%s", WTERMSIG(pty->status),
		    WCOREDUMP(pty->status) ? " core" : "");
	return answer;
}

static const char *number(long n)
{
	static char answer[32];

	snprintf(answer, sizeof(answer), "%ld", n);
	return answer;
}

static const char *obey(struct pty *pty, char *order)
{
	char *arg = strchr(order, ' ');

	if (arg != NULL)
		*arg++ = '\0';
	else
		arg = order + strlen(order);
	if (strcmp(order, "type") == 0) {
		size_t len = unescape(arg);
		return type(pty, arg, len);
	}
	if (strcmp(order, "see") == 0) {
		size_t len = unescape(arg);
		return see(pty, arg, len);
	}
	if (strcmp(order, "size") == 0)
		return resize(pty, arg);
	if (strcmp(order, "foreground") == 0)
		return number(tcgetpgrp(pty->master));
	if (strcmp(order, "leader") == 0)
		return number(pty->leader);
	if (strcmp(order, "hangup") == 0)
		return hang_up(pty);
	if (strcmp(order, "wait") == 0)
		return end(pty);
	return "no: no such order";
}

static void kill_children(void)
{
	char path[64], pids[4096];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = read(fd, pids, sizeof(pids) - 1);
	close(fd);
	pids[len > 0 ? len : 0] = '\0';
	for (char *p = strtok(pids, " "); p != NULL; p = strtok(NULL, " "))
		kill((pid_t)strtol(p, NULL, 10), SIGKILL);
}

/* Repeat, because this process adopts the children of each process that ends. */
static void kill_all(struct pty *pty)
{
	hang_up(pty);
	do
		kill_children();
	while (waitpid(-1, NULL, 0) > 0);
	free(pty->screen);
}

int main(int argc, char **argv)
{
	struct pty pty = {0};
	const char *timeout = getenv("PTY_TIMEOUT");
	int terminal = 1;
	sigset_t set;
	char order[8192];
	size_t len = 0;

	if (argc > 1 && strcmp(argv[1], "-n") == 0) {
		terminal = 0;
		argc--;
		argv++;
	}
	if (argc < 3) {
		fprintf(stderr, "usage: pty [-n] LOG COMMAND [ARG]...\n");
		return 2;
	}
	pty.timeout = (timeout == NULL ? 30 : strtol(timeout, NULL, 10)) * 1000;
	pty.log = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (pty.log == -1)
		die(argv[1]);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGCHLD, SIG_DFL);
	/* If pty has to end early, it still cleans up, because stdin ends then as well. */
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_SETMASK, &set, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	pty.children = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (terminal)
		open_terminal(&pty);
	else
		open_pipe(&pty);
	pty.leader = fork();
	if (pty.leader == -1)
		die("fork");
	if (pty.leader == 0)
		lead(&pty, terminal, argv + 2);

	for (;;) {
		char *eol;
		ssize_t n;
		struct pollfd more = {.fd = STDIN_FILENO, .events = POLLIN};

		take_in(&pty, -1, 1);
		if (poll(&more, 1, 0) < 1)
			continue;
		n = read(STDIN_FILENO, order + len, sizeof(order) - 1 - len);
		if (n <= 0)
			break;
		len += (size_t)n;
		order[len] = '\0';
		while ((eol = strchr(order, '\n')) != NULL) {
			*eol = '\0';
			if (strcmp(order, "quit") == 0) {
				kill_all(&pty);
				puts("ok");
				return 0;
			}
			puts(obey(&pty, order));
			fflush(stdout);
			len -= (size_t)(eol + 1 - order);
			memmove(order, eol + 1, len + 1);
		}
	}
	kill_all(&pty);
	return 0;
}
