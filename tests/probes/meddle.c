/*
 * meddle: attacks the init, as root inside its namespace, through the init's descriptors.
 *
 *     meddle -d | -p [-i]
 *
 * -d changes each signalfd of PID 1 so that it reports no signal. -p sends an empty packet on each
 * socket of PID 1. Then it prints "DONE N", where N is their number. TERM ends it with status 7;
 * with -i only KILL does.
 */
#include <sys/socket.h>

#include "files.h"

static int meddle_with(int copy, int deafen)
{
	uint64_t none = 0;
	char name[256];

	if (!link_of_fd("self", copy, name, sizeof name))
		fail("a copy");
	if (deafen && strcmp(name, "anon_inode:[signalfd]") == 0) {
		if (syscall(SYS_signalfd4, copy, &none, sizeof none, 0) == -1)
			fail("signalfd4");
		return 1;
	}
	if (!deafen && strncmp(name, "socket:", 7) == 0) {
		if (send(copy, "", 0, MSG_NOSIGNAL) == -1)
			fail("send");
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int deafen = argc > 1 && strcmp(argv[1], "-d") == 0, count = 0;
	int ignore = argc > 2 && strcmp(argv[2], "-i") == 0;
	int pidfd = open_process(1);
	siginfo_t info;

	if (argc < 2 || (!deafen && strcmp(argv[1], "-p") != 0))
		return 98;
	sig_mask(SIG_SETMASK, ALL_MASK);
	for (int fd = 0; fd < 256; fd++) {
		int copy = take_file(pidfd, fd);

		if (copy == -1)
			continue;
		count += meddle_with(copy, deafen);
		close(copy);
	}
	log_line(1, "DONE %d\n", count);
	while (sig_wait(ALL_MASK, &info) != SIGTERM || ignore)
		;
	return 7;
}
