/*
 * join: runs COMMAND in the namespaces of PID, which it enters by setns(2) through a pidfd
 * (Linux 5.8).
 *
 *     join [-k KINDS] [-z] PID COMMAND [ARG]...
 *
 * KINDS are letters: p pid (the default), m mount, u uts, i ipc, n net, U user, C cgroup. Exits
 * with COMMAND's status, or with 128 plus the number of its signal. -z: prints "JOINED" and
 * COMMAND's PID, never reaps COMMAND, and ends on TERM.
 */
#include <sched.h>
#include <sys/wait.h>

#include "raw.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

static int flags_of(const char *kinds)
{
	static const struct {
		char letter;
		int flag;
	} table[] = {
	    {'p', CLONE_NEWPID},
	    {'m', CLONE_NEWNS},
	    {'u', CLONE_NEWUTS},
	    {'i', CLONE_NEWIPC},
	    {'n', CLONE_NEWNET},
	    {'U', CLONE_NEWUSER},
	    {'C', CLONE_NEWCGROUP},
	};
	int flags = 0;
	size_t i;

	for (; *kinds; kinds++) {
		for (i = 0; i < sizeof table / sizeof *table && table[i].letter != *kinds; i++)
			;
		if (i == sizeof table / sizeof *table)
			_exit(98);
		flags |= table[i].flag;
	}
	return flags;
}

int main(int argc, char **argv)
{
	int opt, pidfd, status, keep = 0, flags = CLONE_NEWPID;
	siginfo_t info;
	pid_t pid;

	while ((opt = getopt(argc, argv, "+k:z")) != -1) {
		if (opt == 'k')
			flags = flags_of(optarg);
		else if (opt == 'z')
			keep = 1;
		else
			return 98;
	}
	if (argc - optind < 2)
		return 98;
	pidfd = (int)syscall(SYS_pidfd_open, (pid_t)number(argv[optind], 1, INT32_MAX), 0);
	if (pidfd == -1)
		fail("pidfd_open");
	if (setns(pidfd, flags) == -1)
		fail("setns");
	if (keep)
		sig_mask(SIG_BLOCK, sig_bit(SIGTERM));
	if ((pid = fork()) == -1)
		fail("fork");
	if (pid == 0) {
		sig_mask(SIG_UNBLOCK, sig_bit(SIGTERM));
		execvp(argv[optind + 1], argv + optind + 1);
		fail(argv[optind + 1]);
	}
	if (keep) {
		log_line(1, "JOINED %ld\n", (long)pid);
		sig_wait(sig_bit(SIGTERM), &info);
		return 0;
	}
	if (waitpid(pid, &status, 0) != pid)
		fail("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
