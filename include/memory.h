/*
 * Resident memory. The kernel maps the whole of a small binary at its first page fault; what only
 * the start needed can go again, and comes back by itself when it is called.
 */
#ifndef NSINIT_MEMORY_H
#define NSINIT_MEMORY_H

#include <stdint.h>

/* Gives back the text and constants from FIRST on, where nothing but this program's own file can
 * be. */
void memory_release(uintptr_t first);

#endif
