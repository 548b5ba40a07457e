/*
 * outlive: ends, and leaves N processes behind.
 *
 *     outlive [-d] [-i | -f] [-S] [-s STATUS] N FILE
 *
 * Each writes "READY PID" to FILE, and when TERM comes it writes "TERM PID" and ends. -d: each is
 * in a new session. -i: on TERM it only writes the line and keeps running. -f: before it ends it
 * starts a child that does the same, including "READY". -S: it stops itself once it is ready.
 * outlive itself exits with STATUS (0) when all are ready.
 */
#include <sys/wait.h>

#include "raw.h"

static int detach, ignore, leave_child, stopped;

static _Noreturn void survive(int fd, int ready)
{
	siginfo_t info;

begin:
	if (detach)
		setsid();
	log_line(fd, "READY %ld\n", (long)getpid());
	if (ready != -1 && write(ready, "", 1) != 1)
		fail("write");
	close(ready);
	ready = -1;
	if (stopped)
		raise(SIGSTOP);
	for (;;) {
		sig_wait(sig_bit(SIGTERM), &info);
		log_line(fd, "TERM %ld\n", (long)getpid());
		if (ignore)
			continue;
		if (leave_child) {
			leave_child = 0;
			switch (fork()) {
			case -1:
				fail("fork");
				break;
			case 0:
				goto begin;
			}
		}
		_exit(0);
	}
}

int main(int argc, char **argv)
{
	int fd, opt, pipes[2], status = 0;
	char byte;
	long i, n;

	while ((opt = getopt(argc, argv, "difSs:")) != -1) {
		switch (opt) {
		case 'd':
			detach = 1;
			break;
		case 'i':
			ignore = 1;
			break;
		case 'f':
			leave_child = 1;
			break;
		case 'S':
			stopped = 1;
			break;
		case 's':
			status = (int)number(optarg, 0, 255);
			break;
		default:
			return 98;
		}
	}
	if (optind != argc - 2)
		return 98;
	n = number(argv[optind], 0, 1 << 22);
	fd = log_open(argv[optind + 1]);
	sig_mask(SIG_BLOCK, sig_bit(SIGTERM));
	sig_dispose(SIGTERM, SIG_DFL);
	if (pipe(pipes) == -1)
		fail("pipe");
	for (i = 0; i < n; i++) {
		switch (fork()) {
		case -1:
			fail("fork");
			break;
		case 0:
			close(pipes[0]);
			survive(fd, pipes[1]);
		}
	}
	for (i = 0; i < n; i++)
		if (read(pipes[0], &byte, 1) != 1)
			fail("read");
	return status;
}
