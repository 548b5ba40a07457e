/* Resident memory. The kernel maps the whole of a small binary at its first page faults. Pages that
 * only the start needed can be released; a later call maps them again. */
#ifndef NSINIT_MEMORY_H
#define NSINIT_MEMORY_H

/*
 * Release the text and constants that the Makefile links behind memory_cold(), none of which an
 * idle nsinit needs. Call it from the function that keeps running, because returning to another one
 * maps its page again.
 */
void memory_release(void);

/* Mark the beginning of that part. */
void memory_cold(void);

#endif
