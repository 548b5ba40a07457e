/*
 * creds: SCM_CREDENTIALS, as the kernel translates them between namespaces.
 *
 *     creds -l SOCKET COUNT     receives COUNT messages; prints "PID UID GID" of each
 *     creds SOCKET [PID]        sends one, with its own PID or that one
 *
 * A receiver prints "LISTENING" once the socket exists, and shows the numbers of its own
 * namespaces.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include "raw.h"

union control {
	struct cmsghdr head;
	char space[CMSG_SPACE(sizeof(struct ucred))];
};

static void receive(int fd)
{
	union control control;
	char byte;
	struct iovec piece = {&byte, 1};
	struct msghdr message = {.msg_iov = &piece,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof control};
	struct ucred who;

	if (recvmsg(fd, &message, 0) == -1)
		fail("recvmsg");
	if (message.msg_controllen < CMSG_LEN(sizeof who))
		fail("no credentials");
	memcpy(&who, CMSG_DATA(&control.head), sizeof who);
	log_line(1, "%ld %ld %ld\n", (long)who.pid, (long)who.uid, (long)who.gid);
}

static void send_own(int fd, const struct sockaddr_un *name, pid_t pid)
{
	struct ucred who = {pid, getuid(), getgid()};
	union control control = {.head = {.cmsg_len = CMSG_LEN(sizeof who),
				     .cmsg_level = SOL_SOCKET,
				     .cmsg_type = SCM_CREDENTIALS}};
	char byte = 0;
	struct iovec piece = {&byte, 1};
	struct msghdr message = {.msg_name = (void *)name,
	    .msg_namelen = sizeof *name,
	    .msg_iov = &piece,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof control};

	memcpy(CMSG_DATA(&control.head), &who, sizeof who);
	if (sendmsg(fd, &message, 0) == -1)
		fail("sendmsg");
}

int main(int argc, char **argv)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int listen_to = argc == 4 && strcmp(argv[1], "-l") == 0;
	int on = 1, fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	const char *path = argv[1 + listen_to];
	long count;

	if (argc < 2 || (argc > 3 && !listen_to) || strlen(path) >= sizeof name.sun_path)
		return 98;
	strcpy(name.sun_path, path);
	if (!listen_to) {
		send_own(fd, &name, argc == 3 ? (pid_t)number(argv[2], 1, INT32_MAX) : getpid());
		return 0;
	}
	count = number(argv[3], 1, 1000);
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == -1)
		fail("setsockopt");
	if (bind(fd, (struct sockaddr *)&name, sizeof name) == -1)
		fail("bind");
	log_line(1, "LISTENING\n");
	while (count--)
		receive(fd);
	return 0;
}
