/*
 * tracer: traces PID and lets it run, so that its parent cannot reap it. It ends on TERM.
 *
 *     tracer PID FILE
 *
 * It writes "READY" to FILE once it traces PID.
 */
#include <sys/ptrace.h>

#include "raw.h"

int main(int argc, char **argv)
{
	siginfo_t info;
	pid_t pid;
	int fd;

	if (argc != 3)
		return 98;
	pid = (pid_t)number(argv[1], 1, INT32_MAX);
	fd = log_open(argv[2]);
	sig_mask(SIG_BLOCK, sig_bit(SIGTERM));
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == -1)
		fail("ptrace");
	log_line(fd, "READY\n");
	sig_wait(sig_bit(SIGTERM), &info);
	return 0;
}
