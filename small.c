/*
 * Parts of musl, smaller. Two functions of string.h, written to be small: nsinit copies little, and
 * its texts are short. musl's versions read whole words and unroll their loops, which takes from
 * 170 bytes (x86-64) to 1,500 (ppc64el). glibc's stay, since its other functions depend on them.
 */
#include <string.h>

#ifndef __GLIBC__
/*
 * musl's name for the stack size of threads, which nsinit does not have. It is musl's only variable
 * with a value: without it no page of data has to be read and copied at the start.
 */
const unsigned int __default_stacksize = 1 << 20;

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	while (n--)
		((char *)to)[n] = ((const char *)from)[n];
	return to;
}

size_t strlen(const char *text)
{
	size_t n = 0;

	while (text[n])
		n++;
	return n;
}
#endif
