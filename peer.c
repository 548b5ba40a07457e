/* The protocol between the outer and the inner process. */
#include "peer.h"

#include <poll.h>
#include <sys/socket.h>

#include "files.h"
#include "kernel.h"
#include "log.h"

int peer_pair(int sockets[2])
{
	if (syscall(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return -1;
	/* The kernel adds the sender's PID as the receiver sees it (unix(7)). There is no other way
	 * to learn COMMAND's PID if the ids of a user namespace are not mapped. */
	syscall(SYS_setsockopt, sockets[0], SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int));
	sockets[0] = file_own(sockets[0]);
	sockets[1] = file_own(sockets[1]);
	return sockets[0] < 0 || sockets[1] < 0 ? -1 : 0;
}

bool peer_tell(int fd, enum note_kind kind, uint64_t value)
{
	struct note note = {.kind = kind, .value = value};

	if (fd < 0)
		return false;
	if (socket_send(fd, &note, NOTE_SIZE, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return true;
	if (errno != EPIPE && errno != ECONNRESET)
		say(ALWAYS, "cannot send a note to the other nsinit process: %m");
	return false;
}

void peer_let_go(int fd)
{
	if (!peer_tell(fd, NOTE_GO, 0))
		syscall(SYS_shutdown, fd, SHUT_RDWR);
}

static bool is_permitted(uint32_t kind, enum role role)
{
	if (role == OUTER)
		return kind >= NOTE_PENDING && kind <= NOTE_LEFT;
	return kind >= NOTE_GO && kind <= NOTE_KEY;
}

/* Receive a packet. Returns its length; 0 if it is not a valid note; -1 if there is none. */
static ssize_t receive(int fd, struct note *note)
{
	/* cppcheck-suppress ctuuninitvar ; recvmsg(2) fills it. */
	struct iovec piece = {note, NOTE_SIZE};
	struct {
		_Alignas(struct cmsghdr) char head[CMSG_LEN(0)];
		struct ucred who;
	} control = {.who = {0}};
	struct msghdr message = {.msg_iov = &piece,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	ssize_t n = syscall(SYS_recvmsg, fd, &message, MSG_DONTWAIT | MSG_PEEK);

	/*
	 * There is no room for descriptors. Leave a packet that has any: taking it would close them
	 * here, and the last close of a file may block (SO_LINGER of socket(7)).
	 */
	if (n >= 0 && message.msg_flags & MSG_CTRUNC) {
		syscall(SYS_shutdown, fd, SHUT_RDWR);
		return -1;
	}
	if (n >= 0)
		n = syscall(SYS_recvmsg, fd, &message, MSG_DONTWAIT);
	note->sender = control.who.pid;
	return n == NOTE_SIZE && message.msg_flags & MSG_TRUNC ? 0 : n;
}

/* Return whether the other end is gone. After a shutdown(2) of one direction, which poll(2) would
 * report for ever without POLLHUP, shut down the other one too. */
static bool is_gone(int fd)
{
	struct pollfd peer = {.fd = fd, .events = POLLRDHUP};

	return poll(&peer, 1, 0) > 0 && !syscall(SYS_shutdown, fd, SHUT_RDWR);
}

bool peer_next(int fd, enum role role, struct note *note)
{
	/* Limit the number: a process that floods the socket must not delay the handling of
	 * signals. */
	for (int i = 0; i < 64; i++) {
		ssize_t n = receive(fd, note);

		if (n == NOTE_SIZE && is_permitted(note->kind, role))
			return true;
		/* An empty packet and the end of the connection look alike. */
		if (n < 0 || (n == 0 && is_gone(fd)))
			return false;
	}
	return false;
}

bool peer_wait(int fd, enum role role, enum note_kind kind, struct note *note)
{
	struct pollfd peer = {.fd = fd, .events = POLLIN};

	for (;;) {
		while (peer_next(fd, role, note))
			if (note->kind == kind)
				return true;
		if (peer.revents & POLLHUP)
			return false;
		poll(&peer, 1, -1);
	}
}
