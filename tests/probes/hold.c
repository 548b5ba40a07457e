/*
 * hold: becomes COMMAND while a signal is pending that another process or a terminal has sent.
 *
 *     hold COMMAND [ARG]...        blocks all, prints "holding", waits until one is pending
 *     hold -o COMMAND [ARG]...     unblocks all signals, for use below the first form
 */
#include <poll.h>

#include "raw.h"

static void wait_until_one_is_pending(void)
{
	uint64_t all = ALL_MASK;
	struct pollfd one = {.events = POLLIN};

	one.fd = (int)syscall(SYS_signalfd4, -1, &all, sizeof all, O_CLOEXEC);
	if (one.fd == -1)
		fail("signalfd");
	while (poll(&one, 1, -1) == -1)
		if (errno != EINTR)
			fail("poll");
}

int main(int argc, char **argv)
{
	char **command = argv + 1;

	if (argc > 2 && strcmp(argv[1], "-o") == 0) {
		sig_mask(SIG_SETMASK, 0);
		command++;
	} else if (argc > 1) {
		sig_mask(SIG_SETMASK, ALL_MASK);
		log_line(STDOUT_FILENO, "holding\n");
		wait_until_one_is_pending();
	} else {
		return 98;
	}
	execvp(command[0], command);
	fail(command[0]);
}
