/* The child that does nothing: without a libc's start-up, so that the init's own work is what
 * shows. */

#include <unistd.h>

_Noreturn void _start(void);

_Noreturn void _start(void)
{
	_exit(0);
}
