/*
 * Text: formatting without stdio, and decimal numbers.
 */
#ifndef NSINIT_TEXT_H
#define NSINIT_TEXT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Format %s, %d (0 and above), %u and %m (the text of errno), and no other conversion, into BUF. At
 * most SIZE bytes are written, including the final NUL; longer text is cut. Returns the length
 * written, without the NUL.
 */
size_t format(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
size_t vformat(char *buf, size_t size, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

/* WORDS is a list in one string, in which a NUL ends each word. It is smaller than an array of
 * pointers. Return the word with the index N, which must exist. */
const char *word_at(const char *words, int n);

/* Return the index of WORD in WORDS, whose last word is empty; -1 if it is not in the list. */
int word_index(const char *words, const char *word);

/* Return a pointer to the first C in TEXT, or to TEXT's final NUL if there is none. */
char *find_char(const char *text, char c);

/* Return the rest of TEXT after START; NULL if TEXT does not begin with START. */
char *text_after(const char *text, const char *start);

/* Return the value of the variable NAME or NULL, like getenv(3), which would link more functions of
 * the libc. */
const char *environment(const char *name);

/* Return the number that TEXT begins with, and advance TEXT past it. Returns -1 if there is none,
 * or if it is above MAX. */
int read_digits(const char **text, int max);

/* Return the value of WORD, a decimal number; -1 if WORD is anything else, or above MAX. */
int number_of(const char *word, int max);

#endif
