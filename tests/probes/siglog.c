/*
 * siglog: writes a line to FILE for every signal that it receives, 1 to 64 ("-" is the standard
 * output).
 *
 *     siglog [-n COUNT] [-x SIG]... [-s STATUS] [-u] FILE
 *
 * The first line is "READY PID". Then comes "SIGNO CODE PID UID VALUE" for each signal, from its
 * siginfo. siglog exits after COUNT lines or after a SIG of -x, with STATUS (0). With -u that SIG
 * terminates it, as if it did not catch signals.
 */
#include "raw.h"

int main(int argc, char **argv)
{
	uint64_t ends = 0;
	long count = -1;
	int fd, opt, sig, status = 0, die = 0;
	siginfo_t info;

	sig_mask(SIG_SETMASK, ALL_MASK);
	while ((opt = getopt(argc, argv, "n:x:s:u")) != -1) {
		switch (opt) {
		case 'n':
			count = number(optarg, 0, 1 << 30);
			break;
		case 'x':
			ends |= sig_bit((int)number(optarg, 1, SIGNALS));
			break;
		case 's':
			status = (int)number(optarg, 0, 255);
			break;
		case 'u':
			die = 1;
			break;
		default:
			return 98;
		}
	}
	if (optind != argc - 1)
		return 98;
	/* An ignored signal does not become pending, even if it is blocked. */
	for (sig = 1; sig <= SIGNALS; sig++)
		sig_dispose(sig, SIG_DFL);
	fd = log_open(argv[optind]);
	log_line(fd, "READY %ld\n", (long)getpid());
	while (count != 0) {
		memset(&info, 0, sizeof info);
		sig = sig_wait(ALL_MASK, &info);
		log_line(fd, "%d %d %ld %ld %d\n", sig, info.si_code, (long)info.si_pid,
		    (long)info.si_uid, info.si_value.sival_int);
		if (count > 0)
			count--;
		if (ends & sig_bit(sig)) {
			if (die) {
				syscall(SYS_tgkill, getpid(), getpid(), sig);
				sig_mask(SIG_UNBLOCK, ALL_MASK);
			}
			return status;
		}
	}
	return status;
}
