/*
 * oddparent: becomes COMMAND, which inherits unusual state that a well-behaved parent would not
 * pass on.
 *
 *     oddparent [OPTION]... [--] COMMAND [ARG]...
 *
 *     -i SIG       SIG is ignored
 *     -b           all signals are blocked
 *     -B SIG       SIG is blocked
 *     -p SIG       SIG is blocked and pending
 *     -l           a child that is running
 *     -z           a child that is a zombie
 *     -t           a child that is stopped
 *     -o           an orphan that is stopped, once adopted
 *     -r           it is a subreaper
 *     -d SIG       it is sent SIG when its parent dies
 *     -f FD        FD is closed
 *     -e N         N more files are open
 *     -E           stderr is a pipe without a reader
 *     -F           stderr is a full pipe that nobody reads
 *     -L NAME=N    a limit: as core fsize nofile nproc sigpending
 *     -a           COMMAND has no argv at all, not even its name
 *
 * These children end on TERM. The options take effect in the given order.
 */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "raw.h"

static const struct {
	const char *name;
	int resource;
} names[] = {
    {"as", RLIMIT_AS},
    {"core", RLIMIT_CORE},
    {"fsize", RLIMIT_FSIZE},
    {"nofile", RLIMIT_NOFILE},
    {"nproc", RLIMIT_NPROC},
    {"sigpending", RLIMIT_SIGPENDING},
};

/* Runs until TERM comes, whatever was blocked and ignored at its start. */
static _Noreturn void live(int stop)
{
	siginfo_t info;

	sig_dispose(SIGTERM, SIG_DFL);
	sig_mask(SIG_SETMASK, ALL_MASK);
	if (stop)
		raise(SIGSTOP);
	sig_wait(sig_bit(SIGTERM), &info);
	_exit(0);
}

/* Creates a child, and waits until it is in the state that FLAGS of waitid(2) describe, in which it
 * stays. */
static void child(int flags, int stop)
{
	siginfo_t info;
	pid_t pid;

	/* If SIGCHLD is ignored, there is no zombie. */
	if ((pid = fork()) == -1)
		fail("fork");
	if (pid == 0) {
		if (flags == WEXITED)
			_exit(0);
		live(stop);
	}
	if (flags != 0 && waitid(P_PID, (id_t)pid, &info, flags | WNOWAIT) == -1 &&
	    !(flags == WEXITED && errno == ECHILD))
		fail("waitid");
}

static void orphan(void)
{
	siginfo_t info;
	pid_t pid;

	if ((pid = fork()) == -1)
		fail("fork");
	if (pid == 0) {
		child(WSTOPPED, 1);
		_exit(0);
	}
	if (waitpid(pid, NULL, 0) == -1 && errno != ECHILD)
		fail("waitpid");
	/* If this process is a subreaper, it has adopted the orphan by now. */
	if (waitid(P_ALL, 0, &info, WSTOPPED | WNOWAIT | WNOHANG) == -1 && errno != ECHILD)
		fail("waitid");
}

static void limit(const char *arg)
{
	const char *value = strchr(arg, '=');
	struct limit l;
	size_t i;

	for (i = 0; value != NULL && i < sizeof names / sizeof *names; i++) {
		if (strncmp(arg, names[i].name, (size_t)(value - arg)) == 0) {
			l.soft = l.hard = (uint64_t)number(value + 1, 0, INT32_MAX);
			limits(names[i].resource, &l, NULL);
			return;
		}
	}
	fprintf(stderr, "oddparent: no limit: %s\n", arg);
	_exit(98);
}

/* Makes stderr a pipe whose reader is gone, or a full pipe whose reader is a child that never
 * reads. */
static void odd_stderr(int full)
{
	char block[4096] = {0};
	int pipes[2];

	if (pipe(pipes) == -1)
		fail("pipe");
	if (full) {
		fcntl(pipes[1], F_SETFL, O_NONBLOCK);
		while (write(pipes[1], block, sizeof block) > 0)
			;
		while (write(pipes[1], block, 1) > 0)
			;
		fcntl(pipes[1], F_SETFL, 0);
		switch (fork()) {
		case -1:
			fail("fork");
			break;
		case 0:
			close(pipes[1]);
			live(0);
		}
	}
	close(pipes[0]);
	if (dup2(pipes[1], 2) == -1)
		fail("dup2");
	close(pipes[1]);
}

int main(int argc, char **argv)
{
	static char *no_argv[] = {NULL};
	int bare = 0, opt, sig;
	long i;

	while ((opt = getopt(argc, argv, "+i:bB:p:lztord:f:e:EFL:a")) != -1) {
		switch (opt) {
		case 'i':
			if (sig_dispose((int)number(optarg, 1, SIGNALS), SIG_IGN) == -1)
				fail("rt_sigaction");
			break;
		case 'b':
			sig_mask(SIG_SETMASK, ALL_MASK);
			break;
		case 'B':
			sig_mask(SIG_BLOCK, sig_bit((int)number(optarg, 1, SIGNALS)));
			break;
		case 'p':
			sig = (int)number(optarg, 1, SIGNALS);
			sig_mask(SIG_BLOCK, sig_bit(sig));
			if (kill(getpid(), sig) == -1)
				fail("kill");
			break;
		case 'l':
			child(0, 0);
			break;
		case 'z':
			child(WEXITED, 0);
			break;
		case 't':
			child(WSTOPPED, 1);
			break;
		case 'o':
			orphan();
			break;
		case 'r':
			prctl(PR_SET_CHILD_SUBREAPER, 1UL);
			break;
		case 'd':
			prctl(PR_SET_PDEATHSIG, (unsigned long)number(optarg, 0, SIGNALS));
			break;
		case 'f':
			close((int)number(optarg, 0, 65535));
			break;
		case 'e':
			for (i = number(optarg, 0, 65535); i > 0; i--)
				if (open("/dev/null", O_RDWR) == -1)
					fail("/dev/null");
			break;
		case 'E':
		case 'F':
			odd_stderr(opt == 'F');
			break;
		case 'L':
			limit(optarg);
			break;
		case 'a':
			bare = 1;
			break;
		default:
			return 98;
		}
	}
	if (optind == argc)
		return 98;
	execvp(argv[optind], bare ? no_argv : argv + optind);
	fail(argv[optind]);
}
