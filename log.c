/* Messages: one line, one write, stderr. */
#include "log.h"

#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "kernel.h"

struct log log_to;

static size_t vformat(char *buf, size_t size, const char *fmt, va_list ap)
{
	size_t at = 0;

	for (; *fmt; fmt++) {
		char made[12] = "", *p = made + sizeof(made) - 1;
		const char *text = NULL;
		unsigned int n;

		if (*fmt != '%') {
			*--p = *fmt;
		} else if (*++fmt == 's') {
			text = va_arg(ap, const char *);
		} else if (*fmt == 'm') {
			text = strerror(errno);
		} else {
			n = va_arg(ap, unsigned int);
			do
				*--p = (char)('0' + n % 10);
			while (n /= 10);
		}
		for (text = text ? text : p; *text && at + 1 < size; text++)
			buf[at++] = *text;
	}
	buf[at] = '\0';
	return at;
}

size_t format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = vformat(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

/*
 * O_NONBLOCK would change the file for COMMAND too, which shares it. RWF_NOWAIT is for this one
 * write, and where the file does not know it (a terminal, an older kernel's pipe), poll(2) tells
 * whether there is room. A regular file answers EAGAIN to RWF_NOWAIT merely because it would have
 * to allocate.
 */
static void put(const char *line, size_t length)
{
	struct iovec piece = {(char *)line, length};
	struct pollfd room = {STDERR_FILENO, POLLOUT, 0};
	struct stat st;

	if (log_to.nowait) {
		if (syscall(SYS_pwritev2, STDERR_FILENO, &piece, 1L, -1L, -1L, RWF_NOWAIT) >= 0)
			return;
		if (errno == EAGAIN && !(!fstat(STDERR_FILENO, &st) && S_ISREG(st.st_mode)))
			return;
		if (poll(&room, 1, 0) <= 0 || !(room.revents & POLLOUT))
			return;
	}
	while (writev(STDERR_FILENO, &piece, 1) < 0 && errno == EINTR)
		;
}

void say(enum importance importance, const char *fmt, ...)
{
	char line[1024];
	int saved = errno;
	va_list ap;
	size_t n;

	if ((int)importance > log_to.level)
		return;
	n = format(line, sizeof(line), "nsinit: ");
	va_start(ap, fmt);
	n += vformat(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	/* A word of the user's must not break the line in two, nor steer a terminal. */
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[n++] = '\n';
	put(line, n);
	errno = saved;
}
