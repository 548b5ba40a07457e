/*
 * hold: becomes COMMAND with a signal pending that came from elsewhere, a terminal perhaps.
 *
 *     hold COMMAND [ARG]...        blocks all, says "holding", and waits until one is pending
 *     hold -o COMMAND [ARG]...     blocks none any more, for one that was started by the other
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
