/*
 * fault: starts COMMAND, counts the system calls of nsinit's processes, and makes one of them fail.
 *
 *     fault -x NSINIT -o REPORT [-i PROCESS:CALL:N:ERROR] [-e SIG] [-f FILE] [-s SIG]...
 *           [-t SECONDS] [--] COMMAND [ARG]...
 *
 * strace(1)'s inject counts in each process by itself, and so would strike the outer nsinit, the
 * inner one and COMMAND all at once. Here the N-th CALL of one PROCESS is struck alone: 0 is the
 * first process whose program is the file NSINIT, 1 the next that appears, and so on. COMMAND
 * itself is left alone once it is no NSINIT any more.
 *
 * -e: process 0 gets SIG when it makes its signalfd; -s: and these once FILE says READY (without
 * -f: once it polls), those above 31 by sigqueue(3) with their number as the value.
 *
 * REPORT has a line "PROCESS CALL N" for each call; at last, as it went, "INJECTED", "SPUN" (more
 * calls than an idle nsinit has any need of), "HUNG" (after SECONDS, 20), "LEFT PID" (of nsinit's,
 * a second after the end) and "STATUS N" (128 and the signal where one ended it).
 */
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "calls.h"

/* linux/seccomp.h */
struct notice {
	uint64_t id;
	uint32_t pid;
	uint32_t flags;
	struct seccomp_call call;
};

struct answer {
	uint64_t id;
	int64_t value;
	int32_t error;
	uint32_t flags;
};

#define NEW_LISTENER 8U
#define ANSWER_GO_ON 1U
#define NOTICE_TAKE  _IOWR('!', 0, struct notice)
#define NOTICE_GIVE  _IOWR('!', 1, struct answer)

enum { PROCESSES = 16, MANY = 5000 };

static struct process {
	uint32_t pid;
	int counts[CALLS];
} processes[PROCESSES];
static int known;

static struct stat program;

static int is_nsinit(uint32_t pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof path, "/proc/%u/exe", pid);
	return stat(path, &st) == 0 && st.st_dev == program.st_dev && st.st_ino == program.st_ino;
}

/* The place of PID among nsinit's processes, or -1. */
static int place_of(uint32_t pid)
{
	int i;

	if (!is_nsinit(pid))
		return -1;
	for (i = 0; i < known; i++)
		if (processes[i].pid == pid)
			return i;
	if (known == PROCESSES)
		return -1;
	processes[known].pid = pid;
	return known++;
}

static int index_of(int nr)
{
	int i;

	for (i = 0; i < CALLS; i++)
		if (calls[i].number == nr)
			return i;
	return -1;
}

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * (int64_t)1000 + ts.tv_nsec / 1000000;
}

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

static void send_one(uint32_t pid, int sig)
{
	union sigval value = {.sival_int = sig};
	siginfo_t info = {0};

	if (sig < 32) {
		kill((pid_t)pid, sig);
		return;
	}
	info.si_signo = sig;
	info.si_code = SI_QUEUE;
	info.si_pid = getpid();
	info.si_value = value;
	syscall(SYS_rt_sigqueueinfo, pid, sig, &info);
}

/* Not ioctl(): its request is an int in one libc and a long in the other. */
static int answer_by(int listener, unsigned long request, void *what)
{
	return (int)syscall(SYS_ioctl, listener, request, what);
}

static int lives(uint32_t pid)
{
	char path[64], text[256], *p;
	int fd;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%u/stat", pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return 0;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	p = strrchr(text, ')');
	return p && p[2] != 'Z' && p[2] != 'X';
}

int main(int argc, char **argv)
{
	struct bpf_step steps[] = {BPF_LOAD(offsetof(struct seccomp_call, nr)),
	    BPF_EQUAL(SYS_exit_group, 1, 0), BPF_GIVE(GIVE_SUPERVISOR), BPF_GIVE(GIVE_ALLOW)};
	volatile int *listener =
	    mmap(NULL, sizeof *listener, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int want_process = -1, want_call = -1, want_n = 0, want_error = 0, early = 0, sent = 0;
	int later[64], laters = 0, ended = 0, status = 0, spun = 0, polls = 0, opt, report = -1, i,
		       left;
	const char *ready = NULL;
	char *field;
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
	if (optind >= argc || report == -1 || listener == MAP_FAILED)
		return 98;

	/* The table of files is shared until the child execs; its first call after the filter waits
	 * for us. */
	*listener = -1;
	child = (pid_t)syscall(SYS_clone, (long)(CLONE_FILES | SIGCHLD), 0L, 0L, 0L, 0L);
	if (child == -1)
		fail("clone");
	if (child == 0) {
		*listener = filter(steps, sizeof steps / sizeof *steps, NEW_LISTENER);
		execvp(argv[optind], argv + optind);
		fail(argv[optind]);
	}
	while (*listener == -1 && waitpid(child, &status, WNOHANG) == 0)
		sched_yield();
	end = now() + limit * 1000;
	while (!ended && now() < end) {
		struct pollfd fd = {*listener, POLLIN, 0};
		struct notice notice = {0};
		struct answer answer = {0};
		int place, at;

		ended = waitpid(child, &status, WNOHANG) != 0;
		if (!sent && (ready ? known && says_ready(ready) : polls)) {
			for (i = 0; i < laters; i++)
				send_one(processes[0].pid, later[i]);
			sent = 1;
		}
		if (poll(&fd, 1, ended ? 0 : 5) <= 0 || !(fd.revents & POLLIN) ||
		    answer_by(*listener, NOTICE_TAKE, &notice) == -1)
			continue;
		answer.id = notice.id;
		answer.flags = ANSWER_GO_ON;
		place = place_of(notice.pid);
		at = index_of(notice.call.nr);
		/* nsinit's own set the mask. One that blocks is libc's, around its clone() (musl
		 * since 1.2.5), which takes it to succeed. */
		if (notice.call.nr == SYS_rt_sigprocmask && notice.call.args[0] == SIG_BLOCK)
			place = -1;
		if (place >= 0 && at < 0) {
			log_line(report, "%d UNKNOWN-%d 1\n", place, notice.call.nr);
		} else if (place >= 0) {
			int n = ++processes[place].counts[at];

			log_line(report, "%d %s %d\n", place, calls[at].name, n);
			polls |= place == 0 && strstr(calls[at].name, "poll");
			if (early && place == 0 && calls[at].number == SYS_signalfd4) {
				send_one(notice.pid, early);
				early = 0;
			}
			if (place == want_process && calls[at].number == want_call && n == want_n) {
				log_line(report, "INJECTED\n");
				answer.flags = 0;
				answer.error = -want_error;
			}
			if (++total == MANY) {
				spun = 1;
				break;
			}
		}
		answer_by(*listener, NOTICE_GIVE, &answer);
	}
	if (spun)
		log_line(report, "SPUN\n");
	else if (!ended)
		log_line(report, "HUNG\n");
	if (!ended) {
		for (i = known - 1; i >= 0; i--)
			kill((pid_t)processes[i].pid, SIGKILL);
		kill(child, SIGKILL);
		close(*listener);
		waitpid(child, &status, 0);
	}
	/* An inner one that sees that the outer has gone still makes calls, and needs answers. */
	for (end = now() + 1000, left = 1; left && now() < end && ended;) {
		struct pollfd fd = {*listener, POLLIN, 0};
		struct notice notice = {0};
		struct answer answer = {.flags = ANSWER_GO_ON};

		if (poll(&fd, 1, 5) > 0 && fd.revents & POLLIN &&
		    answer_by(*listener, NOTICE_TAKE, &notice) == 0) {
			answer.id = notice.id;
			answer_by(*listener, NOTICE_GIVE, &answer);
		}
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
