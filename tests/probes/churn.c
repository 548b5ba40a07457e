/*
 * churn: a COMMAND for long runs, with a worker that produces everything an init has to handle.
 *
 *     churn [-s SEED] NSINIT DIE REPORT
 *
 * The worker leaves orphans that exit, are terminated by signals, or stop and are resumed, in
 * bursts and one at a time. It runs NSINIT with DIE as its COMMAND, in namespaces, with a grace and
 * on new terminals, and compares each status. churn itself receives all signals. Signal 40 carries
 * a value that increases by one each time.
 *
 * REPORT is one line, rewritten whenever it changes: "TAKEN LOST OTHERS ORPHANS NESTED TERMINALS
 * WRONG IDLE". These are the signals 40 that came in order and out of order, other signals, orphans
 * left, NSINITs run, those of them on a terminal, wrong statuses, and 1 once USR1 has paused the
 * worker. TERM ends churn with status 7.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "raw.h"

static struct counts {
	volatile long taken, lost, others, orphans, nested, terminals, wrong, idle;
	volatile int rest;
} * counts;

static const char *nsinit, *die;

static pid_t start(void)
{
	pid_t pid = fork();

	/* Wait and try again: the limit is reached only until orphans are reaped. */
	while (pid == -1 && errno == EAGAIN) {
		nanosleep(&(struct timespec){0, 1000000}, NULL);
		pid = fork();
	}
	if (pid == -1)
		fail("fork");
	return pid;
}

/* It may take a moment until the process is reaped. */
static int lives(pid_t pid)
{
	char path[32], text[256] = "";
	const char *end;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return 0;
	if (read(fd, text, sizeof text - 1) <= 0)
		text[0] = '\0';
	close(fd);
	end = strrchr(text, ')');
	return end && end[2] != 'Z' && end[2] != 'X';
}

static _Noreturn void orphan(int how)
{
	pid_t other;
	int tries;

	switch (how) {
	case 0: /* one that stops, and another that resumes it until it has ended */
		if ((other = start()) == 0) {
			raise(SIGSTOP);
			_exit(3);
		}
		if (start() > 0)
			_exit(0);
		for (tries = 0; tries < 30000 && lives(other) && kill(other, SIGCONT) == 0; tries++)
			nanosleep(&(struct timespec){0, 1000000}, NULL);
		_exit(0);
	case 1: /* terminated by a signal */
		sig_mask(SIG_SETMASK, 0);
		raise(SIGKILL);
		_exit(99);
	default:
		_exit(how);
	}
}

/* Leaves COUNT orphans; returns how many processes that were. */
static long leave(int count)
{
	pid_t maker = start();
	long left = 0;
	int i, how, status;

	for (i = 0; i < count; i++) {
		how = rand() % 64;
		left += how == 0 ? 3 : 1;
		if (maker == 0 && start() == 0)
			orphan(how);
	}
	if (maker == 0)
		_exit(0);
	if (waitpid(maker, &status, 0) != maker || status != 0)
		counts->wrong++;
	return left;
}

static void run(char *const argv[], int want)
{
	int status, null;
	pid_t pid = start();

	if (pid == 0) {
		null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(null, 1);
		sig_mask(SIG_SETMASK, 0);
		execvp(argv[0], argv);
		fail(argv[0]);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != want) {
		fprintf(stderr, "churn: %s %s: status %#x, not %d\n", argv[0], argv[1],
		    (unsigned)status, want);
		counts->wrong++;
	}
	counts->nested++;
}

static void nest(void)
{
	static const int mortal[] = {1, 2, 3, 6, 8, 9, 10, 11, 12, 13, 14, 15};
	char number[16], line[512];
	int status = rand() % 256;
	int sig = mortal[(size_t)rand() % (sizeof mortal / sizeof *mortal)];

	snprintf(number, sizeof number, "%d", status);
	switch (rand() % 6) {
	case 0:
		run((char *[]){(char *)nsinit, "-u", (char *)die, number, NULL}, status);
		break;
	case 1:
		run((char *[]){(char *)nsinit, "-t", "5", (char *)die, number, NULL}, status);
		break;
	case 2:
		run((char *[]){(char *)nsinit, "-u", (char *)nsinit, "-u", "-t5", (char *)die,
			number, NULL},
		    status);
		break;
	case 3:
		snprintf(number, sizeof number, "%d", sig);
		run((char *[]){(char *)nsinit, "--pid", (char *)die, "-s", number, NULL},
		    128 + sig);
		break;
	default:
		snprintf(line, sizeof line, "%s%s %s %s %d", rand() % 2 ? "setsid -w -c " : "",
		    nsinit, rand() % 2 ? "-g" : "-u", die, status);
		run((char *[]){"script", "-qec", line, "/dev/null", NULL}, status);
		counts->terminals++;
		break;
	}
}

static _Noreturn void work(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0); /* signals to churn's group are not meant for them */
	while (!counts->rest) {
		if (rand() % 8 == 0)
			nest();
		else
			counts->orphans += leave(rand() % 4 ? 1 + rand() % 4 : 1 + rand() % 100);
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	}
	_exit(0);
}

static void report(int fd)
{
	char line[256];
	int n = snprintf(line, sizeof line, "%ld %ld %ld %ld %ld %ld %ld %ld\n", counts->taken,
	    counts->lost, counts->others, counts->orphans, counts->nested, counts->terminals,
	    counts->wrong, counts->idle);

	if (pwrite(fd, line, (size_t)n, 0) != n)
		fail("pwrite");
}

int main(int argc, char **argv)
{
	const struct timespec moment = {0, 20000000};
	const uint64_t all = ALL_MASK;
	siginfo_t info;
	pid_t worker;
	int opt, fd, sig, expected = 0;

	while ((opt = getopt(argc, argv, "s:")) != -1) {
		if (opt != 's')
			return 98;
		srand((unsigned)number(optarg, 0, INT32_MAX));
	}
	if (argc - optind != 3)
		return 98;
	nsinit = argv[optind];
	die = argv[optind + 1];
	sig_mask(SIG_SETMASK, ALL_MASK);
	counts =
	    mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fd = open(argv[optind + 2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (counts == MAP_FAILED || fd == -1)
		fail(argv[optind + 2]);
	if ((worker = start()) == 0)
		work();
	for (;;) {
		report(fd);
		sig = (int)syscall(SYS_rt_sigtimedwait, &all, &info, &moment, sizeof all);
		switch (sig) {
		case -1:
			break;
		case 40:
			if (info.si_code == SI_QUEUE && info.si_value.sival_int == expected)
				counts->taken++;
			else
				counts->lost++;
			expected = info.si_value.sival_int + 1;
			break;
		case SIGCHLD:
			if (waitpid(worker, NULL, WNOHANG) == worker)
				counts->idle = 1;
			break;
		case SIGUSR1:
			counts->rest = 1;
			break;
		case SIGTERM:
			return 7;
		default:
			counts->others++;
		}
	}
}
