/* Descriptors: own ones above 2, inherited ones closed. */
#include "files.h"

#include <limits.h>
#include <sys/vfs.h>

#include "kernel.h"
#include "log.h"
#include "text.h"

int file_own(int fd)
{
	int high;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	high = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(fd);
	return high;
}

int file_open(const char *path, int flags)
{
	return file_own(
	    (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC | O_LARGEFILE, 0644));
}

int numbers_open(struct numbers *numbers, const char *dir)
{
	numbers->size = numbers->at = 0;
	numbers->fd = file_open(dir, O_RDONLY | O_DIRECTORY);
	return numbers->fd;
}

/* The kernel's record of getdents64(2). */
struct record {
	uint64_t inode;
	int64_t offset;
	unsigned short length;
	unsigned char type;
	char name[];
};

int numbers_next(struct numbers *numbers)
{
	const struct record *record;
	int n = -1;

	while (n < 0) {
		if (numbers->at >= numbers->size) {
			numbers->at = 0;
			numbers->size = syscall(
			    SYS_getdents64, numbers->fd, numbers->buf, sizeof(numbers->buf));
		}
		if (numbers->size <= 0) {
			close(numbers->fd);
			return -1;
		}
		record = (const struct record *)(numbers->buf + numbers->at);
		numbers->at += record->length;
		n = number_of(record->name, INT_MAX);
	}
	return n;
}

/* Close one descriptor at a time: before Linux 5.9, or if a seccomp filter refused close_range(2).
 * Read the open ones from /proc, since RLIMIT_NOFILE may be a billion. */
static void close_each(unsigned int first, unsigned int last)
{
	struct numbers open;
	struct statfs fs;
	int fd;

	if (numbers_open(&open, "/proc/self/fd") < 0 || fstatfs(open.fd, &fs) ||
	    fs.f_type != PROC_MAGIC) {
		close(open.fd);
		for (; first <= last && first < 1 << 16; first++)
			close((int)first);
		return;
	}
	while ((fd = numbers_next(&open)) >= 0)
		if ((unsigned int)fd >= first && (unsigned int)fd <= last && fd != open.fd)
			close(fd);
}

/* Close FIRST to LAST. */
static void close_gap(unsigned int first, unsigned int last)
{
	if (first <= last && syscall(SYS_close_range, first, last, 0))
		close_each(first, last);
}

/* Return the lowest descriptor in KEEP that is FIRST or above; -1 if there is none. */
static int next_kept(const struct keep *keep, int first)
{
	int next = first <= STDERR_FILENO ? STDERR_FILENO : -1;

	for (int i = 0; i < keep->count; i++)
		if (keep->fds[i] >= first && (next < 0 || keep->fds[i] < next))
			next = keep->fds[i];
	return next;
}

void files_release(const struct keep *keep)
{
	int first = keep->standard ? STDERR_FILENO : 0, next;

	while ((next = next_kept(keep, first)) >= 0) {
		if (next > first)
			close_gap((unsigned int)first, (unsigned int)next - 1);
		first = next + 1;
	}
	close_gap((unsigned int)first, ~0U);
	if (chdir("/"))
		say(ALWAYS, "cannot leave the working directory: %m");
}
