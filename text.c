/* Text: formatting and decimal numbers. */
#include "text.h"

#include <errno.h>
#include <string.h>

enum { DIGITS = 12 }; /* of an unsigned int, and the NUL */

static const char *digits_of(unsigned int n, char buf[static DIGITS])
{
	char *p = buf + DIGITS - 1;

	*p = '\0';
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	return p;
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
				text = strerror(error);
				break;
			case 'd':
			case 'u':
				text = digits_of(va_arg(ap, unsigned int), made);
				break;
			case '%':
				break;
			default:
				made[1] = *fmt; /* what it does not know is shown */
				fmt -= !*fmt;
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

		/* A number that is too big is read to its end all the same. */
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
