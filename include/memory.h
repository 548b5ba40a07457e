/*
 * Resident memory. The kernel maps the whole of a small binary at its first page faults. What only
 * the start needed can be given back, and is mapped again if it is called.
 */
#ifndef NSINIT_MEMORY_H
#define NSINIT_MEMORY_H

/*
 * Give back the text and constants that the Makefile links behind memory_cold(): nothing of it is
 * needed while nsinit is idle. To be called by the function that stays, since whatever it returns
 * to is mapped again.
 */
void memory_release(void);

/* Marks where that begins. */
void memory_cold(void);

#endif
