/* Text: formatting and decimal numbers. */
#include "text.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { DIGITS = 12 }; /* of an unsigned int, and the NUL */

/* The texts of errno 1 (EPERM) to 40 (ELOOP), in this order. A text is empty if no call of nsinit
 * fails with that error. strerror(3) would link the texts of all other errors. */
static const char error_texts[] =
    "Operation not permitted\0No such file or directory\0No such process\0"
    "Interrupted system call\0I/O error\0No such device or address\0Argument list too long\0"
    "Exec format error\0Bad file descriptor\0No child process\0"
    "Resource temporarily unavailable\0Out of memory\0Permission denied\0\0"
    "\0Resource busy\0File exists\0Cross-device link\0No such device\0"
    "Not a directory\0Is a directory\0Invalid argument\0Too many open files in system\0"
    "No file descriptors available\0Not a tty\0Text file busy\0File too large\0"
    "No space left on device\0\0Read-only file system\0\0"
    "Broken pipe\0\0\0\0Filename too long\0\0Function not implemented\0"
    "Directory not empty\0Symbolic link loop";
_Static_assert(EPERM == 1 && ELOOP == 40, "the order of error_texts");

const char *word_at(const char *words, int n)
{
	while (n-- > 0)
		words += strlen(words) + 1;
	return words;
}

int word_index(const char *words, const char *word)
{
	for (int i = 0; *words; i++) {
		if (!strcmp(words, word))
			return i;
		words = word_at(words, 1);
	}
	return -1;
}

char *find_char(const char *text, char c)
{
	while (*text && *text != c)
		text++;
	return (char *)text;
}

char *text_after(const char *text, const char *start)
{
	for (; *start; text++, start++)
		if (*text != *start)
			return NULL;
	return (char *)text;
}

const char *environment(const char *name)
{
	for (char **entry = environ; *entry; entry++) {
		const char *value = text_after(*entry, name);

		if (value && *value == '=')
			return value + 1;
	}
	return NULL;
}

static char *digits_of(unsigned int n, char buf[static DIGITS])
{
	/* cppcheck-suppress ctuPointerArith ; BUF has DIGITS bytes in all callers. */
	char *p = buf + DIGITS - 1;

	*p = '\0';
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	return p;
}

/* Return the text of errno ERROR. If the list has none, write "error N" to BUF. */
static const char *text_of_error(int error, char buf[static DIGITS])
{
	static const char unknown[] = "error ";
	const char *text = "";

	if (error >= EPERM && error <= ELOOP)
		text = word_at(error_texts, error - EPERM);
	else if (error == EOPNOTSUPP)
		text = "Not supported";
	if (*text)
		return text;
	/* BUF has room for it in front of four digits. */
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the digits end the text. */
	return memcpy(digits_of((unsigned int)error % 10000, buf) - strlen(unknown), unknown,
	    strlen(unknown));
}

size_t vformat(char *buf, size_t size, const char *fmt, va_list ap)
{
	int error = errno;
	size_t at = 0;

	for (; *fmt; fmt++) {
		char made[DIGITS] = {*fmt, '\0'};
		const char *text = made;

		if (*fmt == '%') {
			switch (*++fmt) {
			case 's':
				text = va_arg(ap, const char *);
				break;
			case 'm':
				text = text_of_error(error, made);
				break;
			case 'd':
			case 'u':
				text = digits_of(va_arg(ap, unsigned int), made);
				break;
			}
		}
		for (; *text && at + 1 < size; text++)
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

int read_digits(const char **text, int max)
{
	const char *p = *text;
	int n = 0;

	if (*p < '0' || *p > '9')
		return -1;
	for (; *p >= '0' && *p <= '9'; p++) {
		int digit = *p - '0';

		/* Skip the rest of the digits even if the number is too large. */
		if (n < 0 || digit > max || n > (max - digit) / 10)
			n = -1;
		else
			n = n * 10 + digit;
	}
	*text = p;
	return n;
}

int number_of(const char *word, int max)
{
	int n = read_digits(&word, max);

	return *word ? -1 : n;
}
