/*
 * meddle: attacks the init, as root inside its namespace, through the init's descriptors.
 *
 *     meddle -d | -p | -w | -n NOTE:VALUE:COUNT | -l SECONDS [-i | -e]
 *
 * -d changes each signalfd of PID 1 so that it reports no signal. The others use each socket of
 * PID 1: -p sends an empty packet, -w shuts the direction to the outer process down, -n sends COUNT
 * notes (include/peer.h), and -l waits for USR1, then sends a descriptor whose last close blocks
 * for SECONDS. Then it prints "DONE N", where N is the number of descriptors. TERM ends it with
 * status 7; with -i only KILL does, and with -e it ends by itself.
 */
#include <netinet/in.h>
#include <sys/socket.h>

#include "../../include/peer.h"
#include "files.h"

static char action;
static struct note note;
static long count;

/* A connected TCP socket whose peer reads nothing, and whose close(2) waits for SECONDS. */
static int lingering(int seconds)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct linger linger = {1, seconds};
	socklen_t length = sizeof address;
	static char zeros[65536];
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (void *)&address, length) || listen(listener, 1) ||
	    getsockname(listener, (void *)&address, &length) ||
	    connect(fd, (void *)&address, length) || accept(listener, NULL, NULL) < 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) ||
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger))
		fail("a lingering socket");
	while (write(fd, zeros, sizeof zeros) > 0)
		;
	return fd;
}

static void send_descriptor(int socket)
{
	siginfo_t info;
	int fd = lingering((int)count);
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr head;
	} control = {.head = {.cmsg_len = CMSG_LEN(sizeof fd),
			 .cmsg_level = SOL_SOCKET,
			 .cmsg_type = SCM_RIGHTS}};
	struct iovec piece = {&note, NOTE_SIZE};
	struct msghdr message = {.msg_iov = &piece,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof control};

	memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
	log_line(1, "READY\n");
	while (sig_wait(ALL_MASK, &info) != SIGUSR1)
		;
	if (sendmsg(socket, &message, MSG_NOSIGNAL) == -1)
		fail("sendmsg");
	close(fd);
}

static int meddle_with(int copy)
{
	uint64_t none = 0;
	char name[256];

	if (!link_of_fd("self", copy, name, sizeof name))
		fail("a copy");
	if (action == 'd') {
		if (strcmp(name, "anon_inode:[signalfd]") != 0)
			return 0;
		if (syscall(SYS_signalfd4, copy, &none, sizeof none, 0) == -1)
			fail("signalfd4");
		return 1;
	}
	if (strncmp(name, "socket:", 7) != 0)
		return 0;
	if (action == 'p' && send(copy, "", 0, MSG_NOSIGNAL) == -1)
		fail("send");
	if (action == 'w' && shutdown(copy, SHUT_WR) == -1)
		fail("shutdown");
	for (long i = 0; action == 'n' && i < count; i++)
		if (send(copy, &note, NOTE_SIZE, MSG_NOSIGNAL) == -1)
			fail("send");
	if (action == 'l')
		send_descriptor(copy);
	return 1;
}

static uint32_t kind_of(const char *name)
{
	if (strcmp(name, "RUNS") == 0)
		return NOTE_RUNS;
	if (strcmp(name, "STATUS") == 0)
		return NOTE_STATUS;
	if (strcmp(name, "LEFT") == 0)
		return NOTE_LEFT;
	_exit(98);
}

/* Read the options. Returns the one that says how it ends: i, e or 0. */
static int read_options(int argc, char **argv)
{
	int opt, end = 0;

	while ((opt = getopt(argc, argv, "dpwn:l:ie")) != -1) {
		if (opt == 'i' || opt == 'e') {
			end = opt;
			continue;
		}
		action = (char)opt;
		if (opt == 'n') {
			note.kind = kind_of(strtok(optarg, ":"));
			note.value = strtoull(strtok(NULL, ":"), NULL, 0);
			count = strtol(strtok(NULL, ":"), NULL, 0);
		} else if (opt == 'l') {
			note.kind = UINT32_MAX; /* no note */
			count = strtol(optarg, NULL, 0);
		}
	}
	return end;
}

int main(int argc, char **argv)
{
	int end = read_options(argc, argv), found = 0, pidfd;
	siginfo_t info;

	if (!action)
		return 98;
	pidfd = open_process(1);
	sig_mask(SIG_SETMASK, ALL_MASK);
	for (int fd = 0; fd < 256; fd++) {
		int copy = take_file(pidfd, fd);

		if (copy == -1)
			continue;
		found += meddle_with(copy);
		close(copy);
	}
	log_line(1, "DONE %d\n", found);
	while (end != 'e' && (sig_wait(ALL_MASK, &info) != SIGTERM || end == 'i'))
		;
	return 7;
}
