/*
 * orphans: leave N orphans behind, each of which ends at once.
 *
 *     orphans [-b BURST] [-s STATUS] N
 *
 * BURST of them (by default all) run until their parent has ended, and then end together. With
 * BURST 1 they are made one at a time. Prints "DONE N" once all have been left, and ends with
 * STATUS (0).
 */
#include <sys/wait.h>

#include "raw.h"

/* The end of their parent closes the pipe that they read. */
static void burst(long size)
{
	int pipes[2], status;
	char byte;
	pid_t maker;

	if ((maker = fork()) == -1)
		fail("fork");
	if (maker > 0) {
		if (waitpid(maker, &status, 0) != maker || status != 0) {
			fprintf(stderr, "orphans: their maker ended with %#x\n", (unsigned)status);
			_exit(99);
		}
		return;
	}
	if (pipe(pipes) == -1)
		fail("pipe");
	for (; size > 0; size--) {
		switch (fork()) {
		case -1:
			fail("fork");
			break;
		case 0:
			close(pipes[1]);
			_exit(read(pipes[0], &byte, 1) == 0 ? 0 : 99);
		}
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	long size = 0, left, n;
	int opt, status = 0;

	while ((opt = getopt(argc, argv, "b:s:")) != -1) {
		switch (opt) {
		case 'b':
			size = number(optarg, 1, 1 << 22);
			break;
		case 's':
			status = (int)number(optarg, 0, 255);
			break;
		default:
			return 98;
		}
	}
	if (optind != argc - 1)
		return 98;
	sig_dispose(SIGCHLD, SIG_DFL);
	n = number(argv[optind], 0, 1 << 30);
	if (size == 0)
		size = n;
	for (left = n; left > 0; left -= size)
		burst(left < size ? left : size);
	printf("DONE %ld\n", n);
	return fflush(stdout) == 0 ? status : 99;
}
