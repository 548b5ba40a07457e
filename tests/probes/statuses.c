/*
 * statuses: starts nsinit again and again and checks its exit status.
 *
 *     statuses [-p] [-o] N NSINIT [ARG]...
 *
 * COMMAND is "die", which ends in every possible way in turn: with each status, by each signal that
 * terminates a process, by not existing, and by not being executable. With -o it is "orphans",
 * which leaves three orphans that end in the same way. With -p each nsinit is PID 1 of a PID
 * namespace. Prints the number of wrong statuses.
 */
#include <limits.h>
#include <sched.h>
#include <sys/wait.h>

#include "raw.h"

/* Signals that do not terminate a process, or whose status looks like that of a stopped process. */
#define NOT_THE_END                                                                                \
	(sig_bit(SIGCHLD) | sig_bit(SIGCONT) | sig_bit(SIGSTOP) | sig_bit(SIGTSTP) |               \
	    sig_bit(SIGTTIN) | sig_bit(SIGTTOU) | sig_bit(SIGURG) | sig_bit(SIGWINCH))

static int started(void *argv)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(null, STDERR_FILENO);
	execv(*(char **)argv, argv);
	_exit(99);
}

static int run(char **argv, int flags)
{
	static char stack[65536] __attribute__((aligned(16)));
	int status;
	pid_t pid =
	    clone(started, stack + sizeof stack, flags | CLONE_VM | CLONE_VFORK | SIGCHLD, argv);

	if (pid == -1)
		fail("clone");
	if (waitpid(pid, &status, 0) != pid)
		fail("waitpid");
	return status;
}

/* Appends the I-th way to end to ARGV; returns the expected status. */
static int way(long i, int orphans, const char *folder, char **argv)
{
	static char path[PATH_MAX], text[16];
	int n = (int)(i % (orphans ? 256 : 256 + SIGNALS + 2));

	snprintf(path, sizeof path, "%s/%s", folder, orphans ? "orphans" : "die");
	snprintf(text, sizeof text, "%d", n < 256 ? n : n - 255);
	argv[0] = path;
	if (orphans) {
		argv[1] = "-s";
		argv[2] = text;
		argv[3] = "3";
	} else if (n < 256) {
		argv[1] = text;
	} else if (n < 256 + SIGNALS) {
		if (NOT_THE_END & sig_bit(n - 255))
			return way(i + 1, orphans, folder, argv);
		argv[1] = "-s";
		argv[2] = text;
		return 128 + n - 255;
	} else {
		argv[0] = n == 256 + SIGNALS ? "/nowhere" : "/dev/null";
		argv[1] = NULL;
		return n == 256 + SIGNALS ? 127 : 126;
	}
	return n;
}

int main(int argc, char **argv)
{
	char self[PATH_MAX - 16] = "", *words[64] = {NULL};
	int opt, orphans = 0, flags = 0;
	long wrong = 0, count;

	while ((opt = getopt(argc, argv, "+po")) != -1) {
		switch (opt) {
		case 'p':
			flags = CLONE_NEWPID;
			break;
		case 'o':
			orphans = 1;
			break;
		default:
			return 98;
		}
	}
	if (argc - optind < 2 || argc - optind > 50)
		return 98;
	if (readlink("/proc/self/exe", self, sizeof self - 1) == -1)
		fail("/proc/self/exe");
	*strrchr(self, '/') = '\0';
	count = number(argv[optind], 1, INT_MAX);
	argc -= optind + 1;
	memcpy(words, argv + optind + 1, sizeof *words * (size_t)argc);
	if (orphans)
		dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
	for (long i = 0; i < count; i++) {
		int wanted, got;

		memset(words + argc, 0, 5 * sizeof *words);
		wanted = way(i, orphans, self, words + argc);
		got = run(words, flags);
		if (WIFEXITED(got) && WEXITSTATUS(got) == wanted)
			continue;
		fprintf(stderr, "run %ld: %s %s %s: wait status %#x in place of %d\n", i,
		    words[argc], words[argc + 1] ? words[argc + 1] : "",
		    words[argc + 2] ? words[argc + 2] : "", (unsigned int)got, wanted);
		wrong++;
	}
	fprintf(stderr, "%ld of %ld wrong\n", wrong, count);
	return wrong != 0;
}
