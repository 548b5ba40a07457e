/*
 * fault: starts COMMAND, counts the system calls of nsinit's processes, and makes one of them fail.
 *
 *     fault -x NSINIT -o REPORT [-i PROCESS:CALL:N:ERROR] [-e SIG] [-f FILE] [-s SIG]...
 *           [-t SECONDS] [--] COMMAND [ARG]...
 *
 * Only the N-th CALL of one PROCESS fails (watch.h explains how processes are counted).
 *
 * -e: process 0 is sent SIG when it creates its signalfd. -s: it is sent SIG once FILE contains
 * READY (without -f: once it polls), and signals above 31 by sigqueue(3), with their number as the
 * value.
 *
 * REPORT has a line "PROCESS CALL N" for each call. At the end it has those of the following lines
 * that apply: "INJECTED", "SPUN" (more calls than an idle nsinit needs), "HUNG" (after SECONDS,
 * 20), "LEFT PID" (a process of nsinit's that is alive a second after the end) and "STATUS N" (128
 * plus the number of the signal that terminated it).
 */
#include <stdbool.h>

#include "watch.h"

static int says_ready(const char *path)
{
	char text[256];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : read(fd, text, sizeof text - 1);

	if (fd != -1)
		close(fd);
	if (n < 5)
		return 0;
	text[n] = '\0';
	return strstr(text, "READY") != NULL;
}

static void become(void *arg)
{
	char **argv = arg;

	execvp(argv[0], argv);
	fail(argv[0]);
}

/* The values of the command line. */
static struct {
	/* The call that fails: the N-th one of this kind in this process. None where process is -1.
	 */
	int process, call, n, error;
	int early;             /* the signal of -e; 0 once it was sent */
	int later[64], laters; /* the signals of -s */
	bool sent;             /* whether they were sent */
	const char *ready;     /* the file of -f */
	int report;            /* where the report goes */
	int64_t limit;         /* seconds */
} ask = {.process = -1, .call = -1, .report = -1, .limit = 20};

/* What was observed. */
static int64_t total;
static bool polled;

/* Read -i's PROCESS:CALL:N:ERROR. */
static void read_point(char *text)
{
	const char *field;

	ask.process = (int)number(strtok(text, ":"), 0, PROCESSES - 1);
	field = strtok(NULL, ":");
	ask.call = call_number(field, strlen(field));
	ask.n = (int)number(strtok(NULL, ":"), 1, 1 << 20);
	ask.error = error_number(strtok(NULL, ":"));
}

/* Read the options. Returns false if they are wrong. */
static bool read_options(int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "+x:o:i:e:f:s:t:")) != -1) {
		switch (opt) {
		case 'x':
			if (stat(optarg, &program) == -1)
				fail(optarg);
			break;
		case 'o':
			ask.report =
			    open(optarg, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
			break;
		case 'i':
			read_point(optarg);
			break;
		case 'e':
			ask.early = (int)number(optarg, 1, SIGNALS);
			break;
		case 'f':
			ask.ready = optarg;
			break;
		case 's':
			ask.later[ask.laters++] = (int)number(optarg, 1, SIGNALS);
			break;
		case 't':
			ask.limit = number(optarg, 1, 1000);
			break;
		default:
			return false;
		}
	}
	return optind < argc && ask.report != -1;
}

/* Send the signals of -s, once COMMAND or nsinit is ready for them. */
static void send_later(void)
{
	if (ask.sent || !(ask.ready ? known && says_ready(ask.ready) : polled))
		return;
	for (int i = 0; i < ask.laters; i++)
		send_one(processes[0].pid, ask.later[i]);
	ask.sent = true;
}

/* Log one call, the N-th of calls[AT] in process PLACE, and send the signals that are due. Returns
 * the error with which the call has to fail, or 0. */
static int on_call(const struct notice *notice, int place, int at, int n)
{
	if (place < 0)
		return 0;
	if (at < 0) {
		log_line(ask.report, "%d UNKNOWN-%d 1\n", place, notice->call.nr);
		return 0;
	}
	log_line(ask.report, "%d %s %d\n", place, calls[at].name, n);
	total++;
	polled |= place == 0 && strstr(calls[at].name, "poll");
	if (ask.early && place == 0 && calls[at].number == SYS_signalfd4) {
		send_one(notice->pid, ask.early);
		ask.early = 0;
	}
	if (place != ask.process || calls[at].number != ask.call || n != ask.n)
		return 0;
	log_line(ask.report, "INJECTED\n");
	return ask.error;
}

/* Let CHILD run until it ends, spins or takes too long. Returns whether it ended, with *STATUS. */
static bool run(pid_t child, int listener, int *status)
{
	int64_t end = now() + ask.limit * 1000;
	bool ended = false;

	while (!ended && now() < end) {
		struct notice notice;
		int place, at, n, error;

		ended = waitpid(child, status, WNOHANG) != 0;
		send_later();
		if (!watch_next(listener, ended ? 0 : 5, &notice, &place, &at, &n))
			continue;
		error = on_call(&notice, place, at, n);
		if (total == MANY) {
			log_line(ask.report, "SPUN\n");
			return ended;
		}
		watch_answer(listener, notice.id, error);
	}
	if (!ended)
		log_line(ask.report, "HUNG\n");
	return ended;
}

/* Kill CHILD and all of nsinit's processes. Its status is in *STATUS. */
static void kill_all(pid_t child, int listener, int *status)
{
	for (int i = known - 1; i >= 0; i--)
		kill((pid_t)processes[i].pid, SIGKILL);
	kill(child, SIGKILL);
	close(listener);
	waitpid(child, status, 0);
}

/* Wait until none of nsinit's processes is alive, for a second at most. */
static void wait_until_gone(int listener)
{
	int left = 1;

	/* An inner process that notices the outer one's end still makes calls, which need answers.
	 */
	for (int64_t end = now() + 1000; left && now() < end;) {
		struct notice notice;
		int place, at, n;

		if (watch_next(listener, 5, &notice, &place, &at, &n))
			watch_answer(listener, notice.id, 0);
		left = 0;
		for (int i = 0; i < known; i++)
			left += lives(processes[i].pid);
	}
}

int main(int argc, char **argv)
{
	int status = 0, listener;
	pid_t child;

	if (!read_options(argc, argv))
		return 98;
	child = watch(&listener, become, argv + optind);
	if (run(child, listener, &status))
		wait_until_gone(listener);
	else
		kill_all(child, listener, &status);
	for (int i = 0; i < known; i++)
		if (lives(processes[i].pid)) {
			log_line(ask.report, "LEFT %u\n", processes[i].pid);
			kill((pid_t)processes[i].pid, SIGKILL);
		}
	status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	log_line(ask.report, "STATUS %d\n", status);
	return status;
}
