/*
 * leavegroup: becomes COMMAND in the process group of its child, which keeps running.
 *
 *     leavegroup COMMAND [ARG]...
 */
#include "raw.h"

int main(int argc, char **argv)
{
	siginfo_t info;
	pid_t child;

	if (argc < 2)
		return 98;
	if ((child = fork()) == -1)
		fail("fork");
	if (child == 0) {
		sig_mask(SIG_SETMASK, ALL_MASK);
		setpgid(0, 0);
		for (;;)
			sig_wait(sig_bit(SIGKILL), &info);
	}
	if (setpgid(child, child) == -1 || setpgid(0, child) == -1)
		fail("setpgid");
	execvp(argv[1], argv + 1);
	fail(argv[1]);
}
