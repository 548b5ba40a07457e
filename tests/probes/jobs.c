/*
 * jobs: a shell's job control on a new terminal, and a user who presses keys at random moments.
 *
 *     jobs [-1] [-n ROUNDS] [-m MICROSECONDS] [-t SECONDS] [-s SEED] STEPS COMMAND [ARG]...
 *
 * Each round opens a new pseudo-terminal. On it a process that behaves like an interactive shell
 * starts COMMAND as its job, and jobs goes through STEPS, one letter each:
 *
 *     l	first: no shell, COMMAND itself leads the session
 *     b	first: the job starts in the background
 *     x	wait until COMMAND has been executed
 *     r	wait for a random time, at most MICROSECONDS (3000)
 *     z c q d	press Ctrl-Z, Ctrl-C, Ctrl-\ or Ctrl-D
 *     h	close the terminal
 *     k	kill the shell (KILL)
 *     t	send the job's first process TERM
 *     f	fg: the foreground, and CONT to the job's group
 *     g	fg of a running job, as bash and zsh do it: the foreground, but no CONT
 *     p	pause: no longer read the output
 *     S	expect that the job stops, as the shell sees it
 *     E	expect that the job ends, as the shell sees it (with l: that COMMAND does)
 *     G	expect that no descendant of the shell is left, itself included
 *     'TEXT'	type TEXT; a / stands for Enter
 *     =TEXT=	expect that TEXT is shown, after what was expected last
 *
 * An expectation that is not met within SECONDS (5) is a failure: the processes that still run are
 * shown on stderr, and the next round begins. At its end each round kills everything that it has
 * started. The output is "FAILED of ROUNDS". The status is 0 unless anything but an expectation
 * failed.
 */
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#include "raw.h"

static struct {
	char *const *command;
	const char *steps;
	long rounds, longest, limit;
	int leads, background;
} want = {.rounds = 1, .longest = 3000, .limit = 5};

static struct {
	pid_t shell;         /* or COMMAND if it leads the session */
	pid_t job;           /* 0 until it has been reported */
	int master;          /* -1 once it is closed */
	int executed;        /* reads as ended once COMMAND has been executed */
	int reports, orders; /* from and to the shell */
	int paused;
	int stopped, resumed, ended; /* what the shell has reported */
	char screen[65536];
	size_t shown, seen;
} now;

/* The reports of the shell, and the orders to it. */
struct report {
	enum { STARTED, STOPPED, RESUMED, ENDED } what;
	pid_t pid;
};

static long ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* --- the shell --- */

static void report(int fd, int what, pid_t pid)
{
	struct report one = {what, pid};

	if (write(fd, &one, sizeof one) != sizeof one)
		_exit(0);
}

static void default_signals(void)
{
	for (int sig = 1; sig <= SIGNALS; sig++)
		sig_dispose(sig, SIG_DFL);
	sig_mask(SIG_SETMASK, 0);
}

static _Noreturn void become_command(void)
{
	default_signals();
	execvp(want.command[0], want.command);
	fail(want.command[0]);
	_exit(99);
}

/* The terminal is the standard input. */
static _Noreturn void be_shell(int reports, int orders)
{
	static const int ignored[] = {SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU};
	pid_t job;
	int status;
	char order;

	setpgid(0, 0);
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		sig_dispose(ignored[i], SIG_IGN);
	job = fork();
	if (job == -1)
		fail("fork");
	if (job == 0) {
		setpgid(0, 0);
		if (!want.background)
			tcsetpgrp(0, getpid());
		become_command();
	}
	setpgid(job, job);
	if (!want.background)
		tcsetpgrp(0, job);
	close(now.executed);
	report(reports, STARTED, job);
	for (;;) {
		struct pollfd fds[] = {{orders, POLLIN, 0}};

		poll(fds, 1, 1);
		while (waitpid(job, &status, WUNTRACED | WCONTINUED | WNOHANG) == job) {
			if (WIFCONTINUED(status))
				continue;
			tcsetpgrp(0, getpgrp());
			report(reports, WIFSTOPPED(status) ? STOPPED : ENDED, job);
		}
		if (!(fds[0].revents & POLLIN))
			continue;
		if (read(orders, &order, 1) != 1)
			_exit(0);
		tcsetpgrp(0, job);
		if (order == 'f')
			kill(-job, SIGCONT);
		report(reports, RESUMED, job);
	}
}

/* --- the terminal --- */

static _Noreturn void lead(int slave, const int *reports, const int *orders)
{
	if (setsid() == -1 || ioctl(slave, TIOCSCTTY, 0) == -1)
		fail("TIOCSCTTY");
	for (int fd = 0; fd <= 2; fd++)
		dup2(slave, fd);
	if (want.leads)
		become_command();
	be_shell(reports[1], orders[0]);
}

static void make_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) == -1)
		fail("pipe2");
}

static void open_round(void)
{
	int slave, executed[2], reports[2], orders[2];

	memset(&now, 0, sizeof now);
	now.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (now.master == -1 || grantpt(now.master) == -1 || unlockpt(now.master) == -1)
		fail("posix_openpt");
	slave = open(ptsname(now.master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave == -1)
		fail("ptsname");
	make_pipe(executed);
	make_pipe(reports);
	make_pipe(orders);
	now.shell = fork();
	if (now.shell == -1)
		fail("fork");
	if (now.shell == 0) {
		close(now.master);
		now.executed = executed[1];
		lead(slave, reports, orders);
	}
	close(slave);
	close(executed[1]);
	close(reports[1]);
	close(orders[0]);
	now.executed = executed[0];
	now.reports = reports[0];
	now.orders = orders[1];
	if (want.leads)
		now.job = now.shell;
}

static void hang_up(void)
{
	if (now.master != -1)
		close(now.master);
	now.master = -1;
}

/* The children of PID; each PID in it ends with a space. */
static void children(pid_t pid, char *list, size_t size)
{
	char path[64];
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) != -1) {
		n = read(fd, list, size - 1);
		close(fd);
	}
	list[n > 0 ? n : 0] = '\0';
}

/* Prints all processes below jobs with their states, to investigate a failure. */
static void show(pid_t pid, int depth)
{
	char list[4096], path[64], text[256], *save, *end;
	ssize_t n;
	int fd;

	children(pid, list, sizeof list);
	for (char *p = strtok_r(list, " ", &save); p; p = strtok_r(NULL, " ", &save)) {
		snprintf(path, sizeof path, "/proc/%s/stat", p);
		if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
			continue;
		n = read(fd, text, sizeof text - 1);
		close(fd);
		text[n > 0 ? n : 0] = '\0';
		if ((end = strrchr(text, ')')) && strlen(end) > 40)
			end[40] = '\0';
		fprintf(stderr, "    %*s%s\n", depth * 2, "", text);
		show((pid_t)strtol(p, NULL, 10), depth + 1);
	}
}

static void reap(void)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		now.ended |= want.leads && pid == now.shell;
}

/* Kills everything that the round has started. This process adopts the children of each process
 * that ends. */
static void close_round(void)
{
	char list[4096], *save;

	hang_up();
	do {
		children(getpid(), list, sizeof list);
		for (char *p = strtok_r(list, " ", &save); p; p = strtok_r(NULL, " ", &save))
			kill((pid_t)strtol(p, NULL, 10), SIGKILL);
	} while (waitpid(-1, NULL, 0) > 0);
	close(now.reports);
	close(now.orders);
	if (now.executed != -1)
		close(now.executed);
}

/* --- the steps --- */

static void read_screen(void)
{
	ssize_t n = read(now.master, now.screen + now.shown, sizeof now.screen - now.shown);

	if (n > 0)
		now.shown += (size_t)n;
	else
		hang_up(); /* EIO: no process has it open any more */
}

static void read_report(void)
{
	struct report one;

	if (read(now.reports, &one, sizeof one) != sizeof one) {
		close(now.reports);
		now.reports = -1;
		return;
	}
	now.job = one.pid;
	now.stopped |= one.what == STOPPED;
	now.resumed |= one.what == RESUMED;
	now.ended |= one.what == ENDED;
}

static void read_executed(void)
{
	char nothing;

	if (read(now.executed, &nothing, 1) == 0) {
		close(now.executed);
		now.executed = -1;
	}
}

/* Handles reports and output, waiting for a millisecond at most. */
static void take_in(void)
{
	struct pollfd fds[] = {{now.paused ? -1 : now.master, POLLIN, 0}, {now.reports, POLLIN, 0},
	    {now.executed, POLLIN, 0}};

	if (now.shown == sizeof now.screen)
		now.shown = now.seen = 0;
	poll(fds, sizeof fds / sizeof *fds, 1);
	if (fds[0].revents)
		read_screen();
	if (fds[1].revents)
		read_report();
	if (fds[2].revents)
		read_executed();
	reap();
}

static int is_shown(const char *text, size_t length)
{
	char *at = memmem(now.screen + now.seen, now.shown - now.seen, text, length);

	if (at)
		now.seen = (size_t)(at - now.screen) + length;
	return at != NULL;
}

static int none_left(void)
{
	char list[4096];

	children(getpid(), list, sizeof list);
	return !*list;
}

static int is_met(char step, const char *text, size_t length)
{
	switch (step) {
	case 'x':
		return now.executed == -1 && now.job;
	case 'f': /* handled by the shell */
		return now.resumed;
	case 'S':
		return now.stopped;
	case 'E':
		return now.ended;
	case 'G':
		return none_left();
	default:
		return is_shown(text, length);
	}
}

static int expect(char step, const char *text, size_t length)
{
	long deadline = ms() + want.limit * 1000;

	while (!is_met(step, text, length)) {
		if (ms() >= deadline)
			return 0;
		take_in();
	}
	return 1;
}

static void wait_random(void)
{
	long ns = want.longest > 0 ? random() % (want.longest * 1000) : 0;

	nanosleep(&(struct timespec){ns / 1000000000, ns % 1000000000}, NULL);
}

static void type(const char *text, size_t length)
{
	for (size_t i = 0; i < length && now.master != -1; i++)
		if (write(now.master, text[i] == '/' ? "\r" : text + i, 1) != 1)
			return;
}

/* When this returns, the shell has handled the order. */
static int order(char step)
{
	now.stopped = now.resumed = 0;
	return write(now.orders, &step, 1) == 1 && expect('f', NULL, 0);
}

/* Performs STEP, whose quoted text is TEXT. Returns whether the expectation is met. */
static int go(char step, const char *text, size_t length)
{
	switch (step) {
	case 'r':
		wait_random();
		return 1;
	case 'z':
		type("\x1a", 1);
		return 1;
	case 'c':
		type("\x03", 1);
		return 1;
	case 'q':
		type("\x1c", 1);
		return 1;
	case 'd':
		type("\x04", 1);
		return 1;
	case 'p':
		now.paused = 1;
		return 1;
	case 'h':
		hang_up();
		return 1;
	case 'k':
		kill(now.shell, SIGKILL);
		return 1;
	case 't':
		kill(now.job, SIGTERM);
		return 1;
	case '\'':
		type(text, length);
		return 1;
	case 'f':
	case 'g':
		return order(step);
	default:
		return expect(step, text, length);
	}
}

/* Returns the step that failed, or NULL. */
static const char *play(void)
{
	const char *text, *step;
	size_t length;

	for (const char *p = want.steps; *p; p++) {
		step = text = p;
		length = 0;
		if (*p == ' ' || *p == 'l' || *p == 'b')
			continue;
		if (*p == '\'' || *p == '=') {
			text = p + 1;
			length = strcspn(text, (char[]){*p, '\0'});
			p = text + length;
		}
		if (!go(*step, text, length))
			return step;
	}
	return NULL;
}

/* Returns the steps before any text, among them 'l' and 'b', which determine how the job is
 * started. */
static void read_steps(const char *steps)
{
	want.steps = steps;
	while (*steps == 'l' || *steps == 'b' || *steps == ' ') {
		want.leads |= *steps == 'l';
		want.background |= *steps == 'b';
		steps++;
	}
	for (; *steps; steps++) {
		if (*steps == '\'' || *steps == '=')
			steps = strchr(steps + 1, *steps);
		if (!steps || !strchr(" xrzcqdhktfgpSEG'=", *steps)) {
			fprintf(stderr, "jobs: bad steps: %s\n", want.steps);
			_exit(98);
		}
	}
}

int main(int argc, char **argv)
{
	const char *failed;
	long failures = 0, i;
	int opt, first = 0;

	while ((opt = getopt(argc, argv, "+1n:m:t:s:")) != -1) {
		switch (opt) {
		case '1':
			first = 1;
			break;
		case 'n':
			want.rounds = number(optarg, 1, 1000000);
			break;
		case 'm':
			want.longest = number(optarg, 0, 1000000);
			break;
		case 't':
			want.limit = number(optarg, 1, 600);
			break;
		case 's':
			srandom((unsigned)number(optarg, 0, INT32_MAX));
			break;
		default:
			return 98;
		}
	}
	if (argc - optind < 2)
		return 98;
	read_steps(argv[optind]);
	want.command = argv + optind + 1;
	prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
	prctl(PR_SET_TIMERSLACK, 1L, 0L, 0L, 0L);
	sig_dispose(SIGCHLD, SIG_DFL);
	sig_dispose(SIGPIPE, SIG_IGN);
	for (i = 0; i < want.rounds && !(first && failures); i++) {
		open_round();
		failed = play();
		if (failed) {
			failures++;
			fprintf(stderr, "jobs: round %ld failed at '%s'; screen: %.*s\n", i + 1,
			    failed, (int)now.shown, now.screen);
			show(getpid(), 0);
		}
		close_round();
	}
	printf("%ld of %ld\n", failures, i);
	return 0;
}
