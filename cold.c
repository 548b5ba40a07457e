/* The first object that is linked behind what an idle nsinit runs: see memory.h. */
#include "memory.h"

void memory_cold(void)
{
}
