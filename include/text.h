/*
 * Text: formatting without stdio, and decimal numbers.
 */
#ifndef NSINIT_TEXT_H
#define NSINIT_TEXT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Format %s, %d (0 and above), %u, %% and %m (the text of errno) into BUF. At most SIZE bytes are
 * written, including the final NUL; longer text is cut. Returns the length written, without the
 * NUL. Any other conversion is written as it stands, and takes no argument.
 */
size_t format(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
size_t vformat(char *buf, size_t size, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

/* WORDS are a list of words in one string, each ended by a NUL: smaller than an array of pointers.
 * Return the word with the index N, which must be there. */
const char *word_at(const char *words, int n);

/* Return the index of WORD in WORDS, whose last word is empty; -1 if it is not there. */
int word_index(const char *words, const char *word);

/* Return the first C in TEXT, or else TEXT's end. */
char *find_char(const char *text, char c);

/* Return what follows START in TEXT; NULL if TEXT does not begin with START. */
char *text_after(const char *text, const char *start);

/* As getenv(3), which would add functions of the libc's. */
const char *environment(const char *name);

/*
 * Return the number that TEXT begins with, and move TEXT behind it. Returns -1 if there is none, or
 * if it is above MAX.
 */
int read_digits(const char **text, int max);

/* Return the number that WORD is; -1 if WORD is anything else, or above MAX. */
int number_of(const char *word, int max);

#endif
