/*
 * fault: starts COMMAND, counts the system calls of nsinit's processes, and makes one of them fail.
 *
 *     fault -x NSINIT -o REPORT [-i PROCESS:CALL:N:ERROR] [-e SIG] [-f FILE] [-s SIG]...
 *           [-t SECONDS] [--] COMMAND [ARG]...
 *
 * The N-th CALL of one PROCESS is struck alone (watch.h says how the processes are counted).
 *
 * -e: process 0 gets SIG when it makes its signalfd; -s: and these once FILE says READY (without
 * -f: once it polls), those above 31 by sigqueue(3) with their number as the value.
 *
 * REPORT has a line "PROCESS CALL N" for each call; at last, as it went, "INJECTED", "SPUN" (more
 * calls than an idle nsinit has any need of), "HUNG" (after SECONDS, 20), "LEFT PID" (of nsinit's,
 * a second after the end) and "STATUS N" (128 and the signal where one ended it).
 */
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

int main(int argc, char **argv)
{
	int want_process = -1, want_call = -1, want_n = 0, want_error = 0, early = 0, sent = 0;
	int later[64], laters = 0, ended = 0, status = 0, spun = 0, polls = 0, opt, report = -1, i,
		       left, listener, place, at, n;
	const char *ready = NULL;
	char *field;
	struct notice notice;
	int64_t limit = 20, end, total = 0;
	pid_t child;

	while ((opt = getopt(argc, argv, "+x:o:i:e:f:s:t:")) != -1) {
		switch (opt) {
		case 'x':
			if (stat(optarg, &program) == -1)
				fail(optarg);
			break;
		case 'o':
			report =
			    open(optarg, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
			break;
		case 'i':
			want_process = (int)number(strtok(optarg, ":"), 0, PROCESSES - 1);
			field = strtok(NULL, ":");
			want_call = call_number(field, strlen(field));
			want_n = (int)number(strtok(NULL, ":"), 1, 1 << 20);
			want_error = error_number(strtok(NULL, ":"));
			break;
		case 'e':
			early = (int)number(optarg, 1, SIGNALS);
			break;
		case 'f':
			ready = optarg;
			break;
		case 's':
			later[laters++] = (int)number(optarg, 1, SIGNALS);
			break;
		case 't':
			limit = number(optarg, 1, 1000);
			break;
		default:
			return 98;
		}
	}
	if (optind >= argc || report == -1)
		return 98;

	child = watch(&listener, become, argv + optind);
	end = now() + limit * 1000;
	while (!ended && now() < end) {
		int error = 0;

		ended = waitpid(child, &status, WNOHANG) != 0;
		if (!sent && (ready ? known && says_ready(ready) : polls)) {
			for (i = 0; i < laters; i++)
				send_one(processes[0].pid, later[i]);
			sent = 1;
		}
		if (!watch_next(listener, ended ? 0 : 5, &notice, &place, &at, &n))
			continue;
		if (place >= 0 && at < 0) {
			log_line(report, "%d UNKNOWN-%d 1\n", place, notice.call.nr);
		} else if (place >= 0) {
			log_line(report, "%d %s %d\n", place, calls[at].name, n);
			polls |= place == 0 && strstr(calls[at].name, "poll");
			if (early && place == 0 && calls[at].number == SYS_signalfd4) {
				send_one(notice.pid, early);
				early = 0;
			}
			if (place == want_process && calls[at].number == want_call && n == want_n) {
				log_line(report, "INJECTED\n");
				error = want_error;
			}
			if (++total == MANY) {
				spun = 1;
				break;
			}
		}
		watch_answer(listener, notice.id, error);
	}
	if (spun)
		log_line(report, "SPUN\n");
	else if (!ended)
		log_line(report, "HUNG\n");
	if (!ended) {
		for (i = known - 1; i >= 0; i--)
			kill((pid_t)processes[i].pid, SIGKILL);
		kill(child, SIGKILL);
		close(listener);
		waitpid(child, &status, 0);
	}
	/* An inner one that sees that the outer has gone still makes calls, and needs answers. */
	for (end = now() + 1000, left = 1; left && now() < end && ended;) {
		if (watch_next(listener, 5, &notice, &place, &at, &n))
			watch_answer(listener, notice.id, 0);
		for (left = 0, i = 0; i < known; i++)
			left += lives(processes[i].pid);
	}
	for (i = 0; i < known; i++)
		if (lives(processes[i].pid)) {
			log_line(report, "LEFT %u\n", processes[i].pid);
			kill((pid_t)processes[i].pid, SIGKILL);
		}
	status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	log_line(report, "STATUS %d\n", status);
	return status;
}
