/*
 * sigsend: sends signals in ways that kill(1) cannot.
 *
 *     sigsend [-g | -t | -p | -q VALUE [-c CODE]] [-n COUNT] PID SIG...
 *
 * Sends each SIG (1 to 64), all of them COUNT times, to PID: by kill(2); with -g to its group; with
 * -t by tgkill(2); with -p by pidfd_send_signal(2); with -q by rt_sigqueueinfo(2), with CODE in
 * place of SI_QUEUE, and with VALUE, which increases by one for each signal. If the queue is full,
 * it tries again.
 */
#include <sched.h>

#include "raw.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

static long send_one(char how, pid_t pid, int pidfd, int sig, int code, int value)
{
	siginfo_t info;

	switch (how) {
	case 'g':
		return kill(-pid, sig);
	case 't':
		return syscall(SYS_tgkill, pid, pid, sig);
	case 'p':
		return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
	case 'q':
		memset(&info, 0, sizeof info);
		info.si_signo = sig;
		info.si_code = code;
		info.si_pid = getpid();
		info.si_uid = getuid();
		info.si_value.sival_int = value;
		return syscall(SYS_rt_sigqueueinfo, pid, sig, &info);
	default:
		return kill(pid, sig);
	}
}

int main(int argc, char **argv)
{
	long count = 1;
	int code = SI_QUEUE, i, opt, pidfd = -1, value = 0;
	char how = 'k';
	pid_t pid;

	while ((opt = getopt(argc, argv, "gtpq:c:n:")) != -1) {
		switch (opt) {
		case 'q':
			value = (int)number(optarg, INT32_MIN, INT32_MAX);
			/* fall through */
		case 'g':
		case 't':
		case 'p':
			how = (char)opt;
			break;
		case 'c':
			code = (int)number(optarg, INT32_MIN, INT32_MAX);
			break;
		case 'n':
			count = number(optarg, 1, 1 << 30);
			break;
		default:
			return 98;
		}
	}
	if (argc - optind < 2)
		return 98;
	pid = (pid_t)number(argv[optind], 1, INT32_MAX);
	if (how == 'p' && (pidfd = (int)syscall(SYS_pidfd_open, pid, 0)) == -1)
		fail("pidfd_open");
	for (; count > 0; count--) {
		for (i = optind + 1; i < argc; i++) {
			int sig = (int)number(argv[i], 1, SIGNALS);

			while (send_one(how, pid, pidfd, sig, code, value) == -1) {
				if (errno != EAGAIN)
					fail("sigsend");
				sched_yield();
			}
			value++;
		}
	}
	return 0;
}
