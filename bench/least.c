/*
 * The minimal init, which does only what every init has to do, without a libc and a dynamic linker.
 * Its time is the lower limit with which a start-up is compared on any machine.
 *
 *	least COMMAND [ARG]...       block signals, start COMMAND, wait, exit with its status
 *	least-u COMMAND [ARG]...     the same in new PID and mount namespaces with a procfs
 *
 * It is not usable as an init: it does not forward signals, reap orphans or report errors. It
 * blocks signals because an init must not lose one that arrives before it is ready, and restores
 * the original mask in COMMAND.
 */
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>

#include "bare.h"

/* Wait for CHILD. Returns its exit status as a shell shows it: 128 plus the number of the signal if
 * one terminated it. */
static int wait_for(long child)
{
	int status = 0;

	if (CALL(SYS_wait4, child, &status, 0, NULL, 0) < 0)
		return 125;
	return status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff;
}

/* argv follows argc on the stack, and the environment follows argv. */
_Noreturn void begin(long *stack)
{
	char **argv = (char **)(stack + 1), **environment = argv + *stack + 1;
	unsigned long all = ~0UL, was = 0;
	long child;

	CALL(SYS_rt_sigprocmask, SIG_SETMASK, &all, &was, sizeof(all), 0);
#ifdef NAMESPACES
	/* Two address spaces: a process inside that can trace PID 1 must not reach the outer one.
	 */
	child = CALL(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0);
	if (child)
		leave(child < 0 ? 125 : wait_for(child));
	if (CALL(SYS_mount, NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) ||
	    CALL(SYS_mount, "proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		leave(125);
#endif
	child = CALL(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
	if (!child) {
		CALL(SYS_rt_sigprocmask, SIG_SETMASK, &was, NULL, sizeof(was), 0);
		CALL(SYS_execve, argv[1], argv + 1, environment, 0, 0);
		leave(127);
	}
	leave(child < 0 ? 125 : wait_for(child));
}
