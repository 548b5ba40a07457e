/* Access to the descriptors of another process, for a process that may ptrace(2) it:
 * pidfd_getfd(2), Linux 5.6. */
#ifndef FILES_H
#define FILES_H

#include <sys/stat.h>

#include "raw.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

/* Reads the target of the link PATH into NAME; returns whether the link exists. */
static inline int link_of(const char *path, char *name, size_t size)
{
	ssize_t n = readlink(path, name, size - 1);

	name[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* Does the same for the descriptor FD of the process WHO, which is "self" or a number. */
static inline int link_of_fd(const char *who, int fd, char *name, size_t size)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%s/fd/%d", who, fd);
	return link_of(path, name, size);
}

/* Returns a pidfd of PID. */
static inline int open_process(pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (pidfd == -1) {
		perror("pidfd_open");
		_exit(97);
	}
	return pidfd;
}

/* Returns a copy of descriptor FD of PIDFD's process; -1 if it has none. Exits with status 97 if
 * access is denied. */
static inline int take_file(int pidfd, int fd)
{
	int copy = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	if (copy == -1 && errno != EBADF) {
		perror("pidfd_getfd");
		_exit(97);
	}
	return copy;
}

#endif
