/* Messages: one line, one write, stderr. */
#include "log.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "kernel.h"
#include "text.h"

/*
 * The first variable in the order of linking. So all small variables, the libc's and the stack on
 * which COMMAND is started are in one page of 4 KB, and the start touches only that one.
 */
_Alignas(4096) struct log log_to;

static void write_line(int fd, const struct iovec *line)
{
	while (write(fd, line->iov_base, line->iov_len) < 0 && errno == EINTR)
		;
}

/*
 * Terminals do not support RWF_NOWAIT, nor do pipes before Linux 6.4. So open the file again: the
 * new description can be non-blocking without changing COMMAND's. poll(2) alone would not do,
 * because another writer may fill the pipe between poll and write.
 */
static bool write_by_own_description(const struct iovec *line)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/fd/2",
	    O_WRONLY | O_NONBLOCK | O_NOCTTY | O_APPEND | O_CLOEXEC);
	struct stat ours, there;
	/*
	 * Check that it is the same file, since COMMAND may have mounted something else at /proc.
	 */
	bool same = fd >= 0 && !file_stat(STDERR_FILENO, "", &ours) && !file_stat(fd, "", &there) &&
		    ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;

	if (same)
		write_line(fd, line);
	close(fd);
	return same;
}

static void write_nowait(const struct iovec *line)
{
	struct pollfd room = {STDERR_FILENO, POLLOUT, 0};
	struct stat file;

	if (syscall(SYS_pwritev2, STDERR_FILENO, line, 1L, -1L, -1L, RWF_NOWAIT) >= 0)
		return;
	/*
	 * A regular file returns EAGAIN just because a block would have to be allocated. Write to
	 * this description, whose position COMMAND shares; COMMAND would overwrite what another
	 * description appended.
	 */
	if (!file_stat(STDERR_FILENO, "", &file) && S_ISREG(file.st_mode)) {
		write_line(STDERR_FILENO, line);
		return;
	}
	if (errno == EAGAIN)
		return;
	if (errno == EOPNOTSUPP && write_by_own_description(line))
		return;
	if (poll(&room, 1, 0) > 0 && room.revents & POLLOUT)
		write_line(STDERR_FILENO, line);
}

/* Return the length of the character that TEXT begins with, if it may be shown: if it is valid
 * UTF-8 (RFC 3629) and not a control character (C0, DEL, C1). Otherwise return 0. */
static size_t shown(const unsigned char *text)
{
	static const unsigned int least[] = {0, 0xa0, 0x800, 0x10000};
	size_t more = *text < 0xc0 ? 0 : *text < 0xe0 ? 1 : *text < 0xf0 ? 2 : 3;
	unsigned int c = *text & (0x3fU >> more);

	if (*text < 0x80)
		return *text >= ' ' && *text != 0x7f;
	if (!more || *text >= 0xf8)
		return 0;
	for (size_t i = 1; i <= more; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (text[i] & 0x3f);
	}
	return c >= least[more] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? more + 1 : 0;
}

/* Replace what would break the line in two or control a terminal: a user's word may contain it. */
static void clean(char *line)
{
	while (*line) {
		size_t n = shown((const unsigned char *)line);

		if (!n)
			*line = '?';
		line += n ? n : 1;
	}
}

void say(enum importance importance, const char *fmt, ...)
{
	char line[1024];
	struct iovec piece = {line, 0};
	int saved = errno;
	va_list ap;
	size_t n;

	if ((int)importance > log_to.level)
		return;
	n = format(line, sizeof(line), "nsinit: ");
	errno = saved;
	va_start(ap, fmt);
	n += vformat(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	clean(line);
	line[n++] = '\n';
	piece.iov_len = n;
	if (log_to.nowait)
		write_nowait(&piece);
	else
		write_line(STDERR_FILENO, &piece);
	errno = saved;
}
